"""A stream of samples that hardly changes, learned online and by replay; and one minibatch under the microscope."""

import functools
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from rlcourse.envs import make_envs
from rlcourse.rollout import Collector

# ---------------------------------------------------------------- a stream that hardly changes: learning online


KEEP = 0.999
"""Correlation of one number of the stream with the next; two that lie 1000 steps apart have 0.37."""


def stream(runs, length, seed=0, keep=KEEP):
    """x_{t+1} = keep x_t + noise, with mean 0 and standard deviation 1 at all times; shape [runs, length]."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((runs, length))
    x[:, 1:] *= (1 - keep**2) ** 0.5
    for t in range(1, length):
        x[:, t] += keep * x[:, t - 1]
    return x


def orders(runs, length, seed=0):
    """Five orders in which to learn from the same stream: name -> which step is used at each update."""
    rng, t = np.random.default_rng(seed), np.arange(length)

    def replayed(capacity):
        oldest = np.maximum(t - capacity + 1, 0)
        return oldest + (rng.random((runs, length)) * (t - oldest + 1)).astype(int)

    return {
        "as it comes": np.tile(t, (runs, 1)),
        "replay, 100": replayed(100),
        "replay, 1000": replayed(1_000),
        "replay, all": replayed(length),
        "shuffled": np.stack([rng.permutation(length) for _ in range(runs)]),
    }


class Fits(NamedTuple):
    """How well a curve was learned in one order, for every run."""

    errors: np.ndarray
    """Root mean squared error on the whole stream, shape [runs]."""
    lag1: float
    """Correlation of one training sample with the next."""
    curves: np.ndarray
    """The fitted curve of each run on GRID."""


GRID = np.linspace(-1.6, 1.6, 81)


@functools.cache
def online_regression(features="network", runs=10, length=8_000, seed=0):
    """Learn sin 3x from a slow stream, one sample per update: name of the order -> Fits.

    "network": 32 tanh units, every weight of which serves every x; step size 0.02 on the squared error.
    "local": 45 narrow bumps, of which each x moves only its neighbours.
    """
    x = 0.7 * stream(runs, length, seed)
    ways = orders(runs, length, seed + 1)
    used = np.concatenate([np.take_along_axis(x, order, 1) for order in ways.values()])
    predict = (_train_network if features == "network" else _train_bumps)(used.T.copy(), runs, seed)
    seen = np.tile(x[:, ::20], (len(ways), 1))
    errors = np.sqrt(((predict(seen) - np.sin(3 * seen)) ** 2).mean(1)).reshape(len(ways), runs)
    curves = predict(np.tile(GRID, (len(used), 1))).reshape(len(ways), runs, -1)
    centred = used - used.mean(1, keepdims=True)
    lag1 = ((centred[:, 1:] * centred[:, :-1]).mean(1) / centred.var(1)).reshape(len(ways), runs).mean(1)
    return {name: Fits(errors[i], float(lag1[i]), curves[i]) for i, name in enumerate(ways)}


def _train_network(inputs, runs, seed, width=32, rate=0.02):
    """One network a column of inputs [T, columns], all side by side; returns x [columns, n] -> predictions."""
    rng, copies = np.random.default_rng(seed + 2), inputs.shape[1] // runs
    W, b, v = (np.tile(rng.uniform(-1, 1, (runs, width)), (copies, 1)) for _ in range(3))
    v /= width**0.5
    c, targets = np.zeros(len(W)), np.sin(3 * inputs)
    for x, y in zip(inputs, targets, strict=True):
        h = np.tanh(x[:, None] * W + b)
        step = 2 * rate * ((h * v).sum(1) + c - y)[:, None]
        back = step * v * (1 - h * h)
        v -= step * h
        c -= step[:, 0]
        W -= back * x[:, None]
        b -= back
    return lambda x: (np.tanh(x[..., None] * W[:, None] + b[:, None]) * v[:, None]).sum(-1) + c[:, None]


def _train_bumps(inputs, runs, seed, rate=0.5):
    centres = np.linspace(-3, 3, 45)

    def bumps(x):
        heights = np.exp(-(((x[..., None] - centres) / 0.15) ** 2) / 2)
        return heights / heights.sum(-1, keepdims=True)

    weights = np.zeros((inputs.shape[1], len(centres)))
    for x in inputs:
        h = bumps(x)
        weights -= rate * ((h * weights).sum(1) - np.sin(3 * x))[:, None] * h
    return lambda x: (bumps(x) * weights[:, None]).sum(-1)


def observation_correlation(env_id="Pendulum-v1", steps=2_000):
    """Correlation of successive observations under random actions, one number for each coordinate."""
    envs = make_envs(env_id, 4)
    envs.action_space.seed(0)

    class Random:
        def act(self, obs):
            return envs.action_space.sample()

    rows = Collector(envs, seed=0).collect(Random(), steps=steps)
    now, then = rows.obs.flatten(0, 1).double(), rows.next_obs.flatten(0, 1).double()
    return [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(now.T, then.T, strict=True)]


# ---------------------------------------------------------------- under the microscope: one minibatch


LONGEST = 100_000
MEMORY_OF_THE_POLICY = 20_000
"""After so many steps the policy of the microscope has little in common with what it was."""


def mixing(capacity, keep=KEEP):
    """Correlation of two rows drawn one after the other from a buffer that holds a slow stream.

    mean of keep^|i-j| over all i, j = 1..C
    """
    n, k = capacity, keep
    return (n * (1 + k) / (1 - k) - 2 * k * (1 - k**n) / (1 - k) ** 2) / n**2


def mean_age(capacity):
    """Steps since a row of a full buffer was stored, on average: ages 0, 1, ..., C - 1 are equally likely."""
    return (capacity - 1) / 2


def expected_repeats(capacity, batch):
    """How many rows of a minibatch are there a second time: B - C (1 - (1 - 1/C)^B)."""
    return batch - capacity * -np.expm1(batch * np.log1p(-1 / capacity)) if capacity > 1 else batch - 1.0


@functools.cache
def _mismatch_curve():
    """Ages, and E_{a~β}|π/β - 1| = Σ_a |π(a) - β(a)| between today's policy and that of so many steps ago.

    In each of 4000 states the logits of three actions wander and return, as an autoregressive process does.
    """
    rng = np.random.default_rng(5)
    today, other = 1.5 * rng.standard_normal((2, 4_000, 3))

    ages = np.concatenate([[0], np.geomspace(1, 2 * LONGEST, 120)])
    alike = np.exp(-ages / MEMORY_OF_THE_POLICY)
    gaps = [
        np.abs(softmax(c * today + (1 - c * c) ** 0.5 * other, axis=-1) - softmax(today, axis=-1)).sum(-1).mean()
        for c in alike
    ]
    return ages, np.array(gaps)


def mismatch(ages):
    """Mean |ρ - 1| of data of this age, ρ = π(a|s)/β(a|s), for a policy that changes steadily."""
    return np.interp(ages, *_mismatch_curve())


def mean_mismatch(capacity):
    """The same for a whole buffer."""
    return float(mismatch(np.unique(np.linspace(0, capacity - 1, 2_001).round())).mean())


class Minibatch(NamedTuple):
    """What the microscope shows."""

    ages: np.ndarray
    """Steps since each drawn row was stored, shape [B]."""
    repeats: int
    """Rows that are in the minibatch a second time."""
    fed: np.ndarray
    """The stream's values in the order in which they are trained on."""


@functools.cache
def _microscope_draws():
    rng = np.random.default_rng(11)
    return rng.random(256), rng.random(240), stream(1, LONGEST + 2_000, seed=3)[0]


def minibatch(capacity, batch, updates_per_step=1.0):
    """One minibatch of a full buffer, and the next 240 rows that training sees. The same draws serve every setting."""
    uniform, order, values = _microscope_draws()
    ages = (uniform[:batch] * capacity).astype(int)
    now = LONGEST + (np.arange(len(order)) / (batch * updates_per_step)).astype(int)
    fed = values[now - (order * capacity).astype(int)]
    return Minibatch(ages, batch - len(np.unique(ages)), fed)
