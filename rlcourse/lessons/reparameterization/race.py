"""Two gradient estimators train the same policies: sixteen learners each, on a bowl."""

from functools import lru_cache

import numpy as np

from rlcourse.curves import interval

ESTIMATORS = ("pathwise", "score function")
STEPS, SEEDS = 100, 16
STEP_SIZE, TARGET, START = 0.02, 0.5, (-0.5, 0.5)
"""η; where the bowl Q(a) = -|a - 0.5|² is highest, in every component; μ and σ at first."""


@lru_cache(maxsize=32)
def race(estimator, dims, draws):
    """Gradient ascent of E[Q] in (μ, log σ) of a Gaussian policy with `dims` independent components.

        pathwise        ∇Q(a) · ∂a/∂(μ, log σ) = ∇Q(a) · (1, σξ)
        score function  (Q(a) - E[Q]) · (ξ / σ, ξ² - 1)

    Args:
        estimator: one of ESTIMATORS.
        dims, draws: components of the action; draws of one estimate.

    Returns:
        E[Q] per component after 0, ..., STEPS steps, exactly: array [SEEDS, STEPS + 1].
    """
    rng = np.random.default_rng(0)
    mu, log_std = np.full((SEEDS, dims), START[0]), np.full((SEEDS, dims), np.log(START[1]))
    heights = []
    for _ in range(STEPS + 1):
        std = np.exp(log_std)
        mean_q = -((mu - TARGET) ** 2 + std**2).sum(-1, keepdims=True)
        heights.append(mean_q[:, 0] / dims)
        noise = rng.standard_normal((draws, SEEDS, dims))
        actions = mu + std * noise
        if estimator == "pathwise":
            slopes = -2 * (actions - TARGET)
            to_mu, to_log_std = slopes, slopes * std * noise
        else:
            weights = -((actions - TARGET) ** 2).sum(-1, keepdims=True) - mean_q
            to_mu, to_log_std = weights * noise / std, weights * (noise**2 - 1)
        mu, log_std = mu + STEP_SIZE * to_mu.mean(0), log_std + STEP_SIZE * to_log_std.mean(0)
    return np.transpose(heights)


@lru_cache(maxsize=32)
def middles(dims, draws):
    """Interquartile mean over the seeds and its interval, for each of ESTIMATORS: dict of Intervals [STEPS + 1]."""
    return {name: interval(race(name, dims, draws), resamples=1_000) for name in ESTIMATORS}


def after(steps, dims, draws):
    """What both have reached after some steps: dict from pathwise, score, and their low_ and top_, to numbers."""
    found = {}
    for name, middle in zip(("path", "score"), middles(dims, draws).values(), strict=True):
        found |= {name: middle.center[steps], f"low_{name}": middle.low[steps], f"top_{name}": middle.high[steps]}
    return found
