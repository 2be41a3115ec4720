"""Who works, who waits, and how stale a gradient is, when N workers serve one learner: simulated, not run.

    sync    A round: every worker computes a gradient at the same weights; the learner waits for the slowest,
            averages the N gradients and makes one update. Workers that were faster wait at the barrier.
    async   No rounds: a worker hands in its gradient and goes on as soon as the learner has applied it. The
            learner takes one gradient at a time, in the order of arrival. Meanwhile the weights have moved:
            the staleness of a gradient is the number of updates made since its worker copied the weights.

Laws that hold for any times (the tests check them):

    sync efficiency          E[mean of N work times] / E[largest of N work times], if an update takes no time
    async mean staleness     N - 1, in the steady state
    async updates per time   at least N / (w + N a) and at most min(N / (w + a), 1 / a)

where w is the mean work time and a the learner's time for an update: the learner saturates at 1 / a. An
event queue plays it through in one thread, so ten thousand workers are no more trouble than two.

    timeline = simulate(16, lognormal(0.25), mode="sync", updates=1000)
    timeline.efficiency, timeline.mean_staleness

Sources: Mnih et al. 2016 (A3C); for the queue, the machine-repairman model of operations research.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlcourse.checks import check_positive_integer, check_seed, require

MODES = ("sync", "async")
WARM_UP = 0.25
"""The workers begin in step, which is no steady state: this share of the updates enters no average."""


# ---------------------------------------------------------------- how long a gradient takes


@dataclass(frozen=True)
class Law:
    """A distribution of work times: how long a worker takes for one gradient."""

    name: str
    mean: float
    """E[time], in the caller's unit of time."""
    draw: Callable
    """(generator, shape) -> array of positive times."""


def constant(mean=1.0):
    """Every gradient takes the same time."""
    mean = _positive("mean", mean)
    return Law("constant", mean, lambda rng, shape: np.full(shape, mean))


def lognormal(spread, mean=1.0):
    """mean · exp(spread · z - spread² / 2) with z ~ N(0, 1): positive, now and then much longer; 0 is constant.

    Args:
        spread: standard deviation of the logarithm of the time, 0 to 10; beyond, double precision ends.
        mean: E[time].
    """
    mean, spread = _positive("mean", mean), _not_negative("spread", spread)
    require(spread <= 10, f"spread must be at most 10, got {spread!r}")

    def draw(rng, shape):
        return mean * np.exp(spread * rng.standard_normal(shape) - spread**2 / 2)

    return Law(f"lognormal, spread {spread:g}", mean, draw)


def exponential(mean=1.0):
    """Memoryless times: the standard deviation is as large as the mean."""
    mean = _positive("mean", mean)
    return Law("exponential", mean, lambda rng, shape: rng.exponential(mean, shape))


def empirical(times):
    """Draws again from measured times, each as likely as any other.

    Args:
        times: one or more positive numbers.
    """
    measured = _times(times)
    name = f"{measured.size} measured times"
    return Law(name, float(measured.mean()), lambda rng, shape: rng.choice(measured, shape))


# ---------------------------------------------------------------- the simulation


def simulate(num_workers, step_time, *, mode="async", updates, apply_time=0.0, seed=0):
    """Play N workers and one learner through, from a common start at time 0.

    Args:
        num_workers: N, a whole number >= 1.
        step_time: how long a worker takes for one gradient: a `Law`, a positive number, or measured times.
        mode: "sync" or "async".
        updates: how many updates the learner makes. Sync: each from N gradients. Async: each from one, so
            allow for 20 N or more before you speak of a steady state.
        apply_time: the learner's time for one update, >= 0, in the unit of step_time.
        seed: of the times drawn.

    Returns:
        A Timeline.

    Raises:
        ValueError: for an argument outside these.
    """
    num_workers = check_positive_integer("num_workers", num_workers)
    updates, seed = check_positive_integer("updates", updates), check_seed("seed", seed)
    law, apply_time = _law(step_time), _not_negative("apply_time", apply_time)
    require(mode in MODES, f"mode must be 'sync' or 'async', got {mode!r}")
    rng = np.random.default_rng(seed)
    play = _synchronous if mode == "sync" else _asynchronous
    return Timeline(mode, num_workers, apply_time, **play(num_workers, law, updates, apply_time, rng))


def _synchronous(num_workers, law, updates, apply_time, rng):
    work = law.draw(rng, (updates, num_workers))
    updated = np.cumsum(work.max(axis=1) + apply_time)  # the barrier, then the update
    start = np.repeat(np.concatenate([[0.0], updated[:-1]]), num_workers)
    return {
        "worker": np.tile(np.arange(num_workers), updates),
        "start": start,
        "finish": start + work.ravel(),
        "applied": np.repeat(updated, num_workers),
        "staleness": np.zeros(updates * num_workers, dtype=int),
        "updated": updated,
    }


def _asynchronous(num_workers, law, updates, apply_time, rng):
    work = law.draw(rng, updates + num_workers).tolist()  # plain floats: the loop below is twice as fast
    queue = [(time, worker) for worker, time in enumerate(work[:num_workers])]  # (when it hands in, who)
    heapq.heapify(queue)
    started, version = [0.0] * num_workers, [0] * num_workers  # of the copy that each worker has
    workers, start, finish, applied, staleness = [], [], [], [], []
    now = 0.0
    for update in range(updates):
        handed_in, worker = queue[0]
        now = max(now, handed_in) + apply_time  # the learner may still be at an earlier gradient
        workers.append(worker)
        start.append(started[worker])
        finish.append(handed_in)
        applied.append(now)
        staleness.append(update - version[worker])
        started[worker], version[worker] = now, update + 1
        heapq.heapreplace(queue, (now + work[num_workers + update], worker))
    # The recording stops while everybody is at work: these gradients have no application yet.
    for handed_in, worker in sorted(queue):
        workers.append(worker)
        start.append(started[worker])
        finish.append(handed_in)
    return {
        "worker": np.array(workers),
        "start": np.array(start),
        "finish": np.array(finish),
        "applied": np.array(applied),
        "staleness": np.array(staleness),
        "updated": np.array(applied),
    }


@dataclass(frozen=True)
class Timeline:
    """What every worker did, gradient after gradient in the order of application, and what follows from it."""

    mode: str
    num_workers: int
    apply_time: float
    worker: np.ndarray
    """Who computed the gradient, shape [G]; the last N of an async timeline were not applied any more."""
    start: np.ndarray
    """When its worker got the weights and began, shape [G]."""
    finish: np.ndarray
    """When the gradient was ready, shape [G]; from here to `applied` the worker waits."""
    applied: np.ndarray
    """When the learner was done with it, shape [number of gradients applied]."""
    staleness: np.ndarray
    """Updates between the copy of the weights and this gradient's own update, shape as `applied`."""
    updated: np.ndarray
    """When each update was made, shape [updates]."""

    @property
    def window(self):
        """Begin and end of the time that enters the averages."""
        skipped, end = int(WARM_UP * len(self.updated)), float(self.updated[-1])
        begin = float(self.updated[skipped - 1]) if skipped else 0.0
        return (begin if begin < end else 0.0), end  # few updates may all fall on one moment

    @property
    def updates_per_time(self):
        """Updates of the learner per unit of time."""
        begin, end = self.window
        return float((self.updated > begin).sum() / (end - begin))

    @property
    def gradients_per_time(self):
        """Gradients used per unit of time; times the rows behind a gradient, the samples per unit of time."""
        return self.updates_per_time * (self.num_workers if self.mode == "sync" else 1)

    @property
    def efficiency(self):
        """Share of the workers' time that is work; the rest is waiting, for the barrier or for the learner."""
        begin, end = self.window
        work = np.clip(np.minimum(self.finish, end) - np.maximum(self.start, begin), 0, None)
        return float(work.sum() / (self.num_workers * (end - begin)))

    @property
    def idle(self):
        """1 - efficiency."""
        return 1.0 - self.efficiency

    @property
    def learner_busy(self):
        """Share of the learner's time that goes into updates; at 1 it is saturated."""
        return self.updates_per_time * self.apply_time

    @property
    def steady_staleness(self):
        """Staleness of every gradient applied in the window."""
        return self.staleness[self.applied > self.window[0]]

    @property
    def mean_staleness(self):
        """Mean of `steady_staleness`, in updates."""
        return float(self.steady_staleness.mean())


# ---------------------------------------------------------------- helpers


def _law(step_time):
    if isinstance(step_time, Law):
        return step_time
    return constant(_positive("step_time", step_time)) if np.ndim(step_time) == 0 else empirical(step_time)


def _times(times):
    sentence = "times must be a sequence of positive numbers"
    try:
        measured = np.array(times, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{sentence}, got {times!r}") from None
    require(measured.ndim == 1 and measured.size > 0, f"{sentence}, got shape {measured.shape}")
    require(np.isfinite(measured).all() and (measured > 0).all(), f"{sentence}, got {measured.min()} among them")
    return measured


def _number(value):
    try:
        return np.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError):
        return np.nan


def _positive(name, value):
    number = _number(value)
    require(0 < number < np.inf, f"{name} must be a positive number, got {value!r}")
    return number


def _not_negative(name, value):
    number = _number(value)
    require(0 <= number < np.inf, f"{name} must be a number >= 0, got {value!r}")
    return number
