"""Explorers: copies of weights, timelines, many actors or one, old gradients."""

from functools import cache

import numpy as np

from rlcourse.course import claims
from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.parallel_actor_critic import experiments as numbers
from rlcourse.lessons.parallel_actor_critic import plots, populations
from rlcourse.lessons.parallel_actor_critic.simulator import lognormal, simulate

ROUNDS = 40
"""Gradients that every worker contributes to a timeline, on average."""


@cache
def play(mode, workers, spread, learner):
    """A timeline of the explorer; both modes draw work times of mean 1."""
    rounds = max(ROUNDS, 400 // workers)
    updates = rounds if mode == "sync" else rounds * workers
    return simulate(workers, lognormal(spread), mode=mode, updates=updates, apply_time=learner, seed=1)


@explorer(
    mode=Choice("mode", ("sync", "async"), default="sync"),
    workers=Slider("workers, N", 1, 64, step=1, default=8),
    spread=Slider("std of log work time", 0, 1, step=0.05, default=0),
    learner=Slider("learner's time for an update", 0, 0.2, step=0.02, default=0),
    grid=("mode", "workers"),
)
def parallel_timeline(mode, workers, spread, learner):
    """Who waits, and for whom: compare the share of work with the staleness."""
    played = {each: play(each, workers, spread, learner) for each in ("sync", "async")}
    limits = {each: float(numbers.largest_stable_step(line.mean_staleness)) for each, line in played.items()}
    other = played["async" if mode == "sync" else "sync"]
    return plots.timeline(played[mode], other, limits, spread=spread, learner=learner)


# ---------------------------------------------------------------- copies of the weights, in motion

WORKERS = 3


@cache
def scenes(mode):
    """What happens to three workers and a learner, one event a scene: (shared, copies, doing, log)."""
    shared, copies, doing = 0, [0] * WORKERS, ["works"] * WORKERS
    told = [(0, tuple(copies), tuple(doing), "All workers copy the weights v0 and begin.")]

    def tell(log):
        told.append((shared, tuple(copies), tuple(doing), log))

    timeline = simulate(WORKERS, lognormal(0.5), mode=mode, updates=6, seed=3)
    if mode == "async":
        for worker in timeline.worker[: len(timeline.applied)]:
            late = shared - copies[worker]
            doing = ["works"] * WORKERS
            doing[worker] = "hands in"
            tell(
                f"Worker {worker + 1} hands in a gradient at v{copies[worker]}; the weights are at v{shared}: "
                f"staleness {late}."
            )
            shared += 1
            copies[worker], doing[worker] = shared, "copies"
            tell(f"The learner applies this one gradient: v{shared}. Worker {worker + 1} copies v{shared} and goes on.")
        return told
    for _ in range(3):
        order = np.argsort(timeline.finish[shared * WORKERS : (shared + 1) * WORKERS])
        for place, worker in enumerate(order):
            doing[worker] = "waits"
            tell(
                f"Worker {worker + 1} is done"
                + (", the last: the barrier opens." if place == WORKERS - 1 else " and waits at the barrier.")
            )
        shared += 1
        copies, doing = [shared] * WORKERS, ["copies"] * WORKERS
        tell(f"The learner averages {WORKERS} gradients, all at v{shared - 1}: v{shared}. Everybody copies v{shared}.")
        doing = ["works"] * WORKERS
    return told


@explorer(
    mode=Choice("mode", ("async", "sync"), default="async"),
    step=Slider("event", 0, 12, step=1, default=0),
    grid=("mode", "step"),
)
def shared_network(mode, step):
    """One learner, many copies: step through, and watch whose copy falls behind."""
    shared, copies, doing, log = scenes(mode)[step]
    return plots.shared_network(mode, shared, copies, doing, log)


# ---------------------------------------------------------------- many actors, or one


@explorer(
    k=Slider("samples in one update, B = 2^k, k", 0, 8, step=1, default=0),
    cells=Slider("cells in the corridor", 3, 24, step=3, default=15),
    grid=("k", "cells"),
)
def parallel_or_consecutive(k, cells):
    """B samples of many environments or of one: watch the gap grow with B, and with the corridor."""
    truth, spread = numbers.walk(cells).truth, {}
    length = np.linalg.norm(truth)
    means = {kind: numbers.sampled_means(kind, cells)[k] for kind in ("parallel", "consecutive")}
    # Seen from the side on which the means of one actor stray most.
    across = principal(numbers.sampled_means("consecutive", cells)[-1], truth / length)
    for kind, sampled in means.items():
        spread[kind] = np.stack([sampled[:300] @ truth / length, sampled[:300] @ across], -1) / length
    independent, in_a_row = numbers.exact_variance(cells)
    return plots.consecutive(
        numbers.BATCHES,
        independent,
        in_a_row,
        k,
        clouds=list(spread.values()),
        cosines=[numbers.cosines(sampled, truth) for sampled in means.values()],
        truth=length**2,
        cells=cells,
    )


def principal(points, along):
    """The unit vector at right angles to `along` in which the points vary most."""
    rest = points - points.mean(0)
    rest = rest - np.outer(rest @ along, along)
    return np.linalg.eigh(rest.T @ rest)[1][:, -1]


# ---------------------------------------------------------------- equal steps, few environments or many


@explorer(
    race=Choice("compare", tuple(populations.RACES), default=next(iter(populations.RACES))),
    learned=Toggle("show what they have learned", default=False),
    grid=("race", "learned"),
)
def equal_steps(race, learned):
    """The same number of steps, few environments or many: count the updates first."""
    stored, settings = claims.results()[populations.EQUAL_STEPS], populations.RACES[race]
    found = [tuple(stored[f"{setting.name}{end}"] for end in ("", "_low", "_high")) for setting in settings]
    return plots.equal_steps(race, settings, found, total_steps=populations.TOTAL_STEPS, learned=learned)


# ---------------------------------------------------------------- old gradients


@explorer(
    delay=Slider("staleness D, in updates", 0, 31, step=1, default=0),
    step=Slider("step size η", 0.02, 2.0, step=0.02, default=0.2),
    grid=("delay", "step"),
)
def stale_descent(delay, step):
    """Old gradients: find the largest step size that still settles."""
    path, fresh = (numbers.delayed_descent(late, step, updates=120) for late in (delay, 0))
    limit = float(numbers.largest_stable_step(delay))
    return plots.stale_descent(path, fresh, delay=delay, step=step, limit=limit)
