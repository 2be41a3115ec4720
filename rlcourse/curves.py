"""What many runs of one algorithm say together: their learning curves, and an interval around their middle."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy import stats

from rlcourse.checks import check_positive_integer, check_seed, check_unit_interval, require


class Run(Protocol):
    """What a learning curve is drawn from: a History."""

    total_steps: int

    @property
    def steps(self) -> np.ndarray: ...

    @property
    def returns(self) -> np.ndarray: ...


class Interval(NamedTuple):
    """An estimate and the two ends of its confidence interval; numbers, or arrays of one shape."""

    center: np.ndarray
    low: np.ndarray
    high: np.ndarray


def learning_curves(histories: Sequence[Run], at: Sequence[int] | np.ndarray) -> np.ndarray:
    """The return of each run after so many steps: an array that does not depend on when whose episodes happened to end.

    The value after a_j steps is the mean return of the episodes that ended after more than a_{j-1} and at most a_j
    steps (a_0 = 0). Where none did, it is the value after a_{j-1} steps. It is NaN before the first episode has ended,
    and beyond the last step of a run.

    Args:
        histories: runs, one per seed, as `train_many` returns them.
        at: a_1 < a_2 < ..., numbers of environment steps.

    Returns:
        Array [S, len(at)], unit of reward.

    Raises:
        ValueError: if there is no run, or at does not hold increasing whole numbers >= 1.
    """
    points = [check_positive_integer("each number in at", a) for a in at]
    require(len(points) > 0 and (np.diff(points) > 0).all(), f"at must hold increasing numbers of steps, got {at!r}")
    require(len(histories) > 0, "histories must hold at least one run, got none")
    return np.stack([_curve(history, np.array(points)) for history in histories])


def _curve(history: Run, at: np.ndarray) -> np.ndarray:
    """One row of `learning_curves`."""
    curve, value = np.full(len(at), np.nan), np.nan
    stretches = np.searchsorted(at, history.steps)  # step a_j itself belongs to stretch j
    for j, end in enumerate(at):
        returns = history.returns[stretches == j]
        value = returns.mean() if len(returns) else value
        if end <= history.total_steps:
            curve[j] = value
    return curve


def interval(
    values: Any,
    *,
    statistic: str = "iqm",
    confidence: float = 0.95,
    resamples: int = 5_000,
    seed: int = 0,
) -> Interval:
    """The middle of what several seeds have reached, and how sure one may be of it.

    The interquartile mean leaves out the best and the worst quarter of the seeds: less noisy than the median, less
    moved by one failure than the mean. The interval is a percentile bootstrap: seeds are drawn with replacement, the
    statistic is taken of each draw, and a share `confidence` of all draws lies inside.

    Args:
        values: array [S, ...], one row per seed; at least two.
        statistic: "iqm", the interquartile mean, or "mean".
        confidence: of the interval, between 0 and 1.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        Interval(center, low, high), each [...]; NaN wherever a seed's value is.

    Raises:
        ValueError: if an argument is not as described.

    Source: Agarwal et al. 2021; Efron & Tibshirani 1993, chapter 13.
    """
    values = np.asarray(values, dtype=np.float64)
    require(values.ndim >= 1 and len(values) >= 2, f"values must hold at least two seeds, got shape {values.shape}")
    require(statistic in STATISTICS, f"statistic must be one of {', '.join(STATISTICS)}, got {statistic!r}")
    confidence = check_unit_interval("confidence", confidence)
    resamples, seed = check_positive_integer("resamples", resamples), check_seed("seed", seed)
    columns = values.reshape(len(values), -1)
    known = ~np.isnan(columns).any(0)
    answer = np.full((3, columns.shape[1]), np.nan)
    if known.any():
        average = STATISTICS[statistic]
        answer[0, known] = average(columns[:, known], axis=0)
        drawn = stats.bootstrap(
            (columns[:, known],),
            average,
            axis=0,
            vectorized=True,
            confidence_level=confidence,
            n_resamples=resamples,
            batch=100,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
        answer[1:, known] = drawn.confidence_interval
    return Interval(*answer.reshape(3, *values.shape[1:]))


def interquartile_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean of the middle half: the lowest and the highest quarter (rounded down) are left out."""
    return stats.trim_mean(values, 0.25, axis=axis)


STATISTICS: dict[str, Callable[..., np.ndarray]] = {"iqm": interquartile_mean, "mean": np.mean}
