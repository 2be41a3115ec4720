"""What many actors buy, what waiting costs, and what stale gradients do.

Three fixtures. A corridor of any length, walked by coin toss without end, for gradients of independent and of
consecutive samples. Workers with random work times, simulated by `simulator`. And the two exits of
`envs.two_exits`, learned by asynchronous actor-critics whose workers hold stale copies, 256 runs at once.
"""

import time
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit

from rlcourse import exact
from rlcourse.algorithms import ParallelActorCritic
from rlcourse.checks import check_positive_integer
from rlcourse.course.claims import claim
from rlcourse.envs import LEFT, RIGHT, make_envs, two_exits
from rlcourse.lessons.parallel_actor_critic.simulator import Law, constant, exponential, lognormal, simulate
from rlcourse.rollout import Collector

# ---------------------------------------------------------------- B samples: of many actors, or of one

CELLS = 15
GAMMA = 0.99
REWARD_SD = 0.5
BATCHES = 2 ** np.arange(9)
"""Batch sizes B: 1, 2, 4, ..., 256."""
SLIP = 0.1


@cache
def long_corridor(cells=CELLS):
    """A corridor with any number of cells: a step taken in the last pays 1.0, in the first 0.1."""
    transitions = torch.zeros(cells, 2, cells, dtype=torch.float64)
    for cell in range(cells):
        for action, move in ((LEFT, -1), (RIGHT, +1)):
            transitions[cell, action, min(max(cell + move, 0), cells - 1)] += 1 - SLIP
            transitions[cell, action, min(max(cell - move, 0), cells - 1)] += SLIP
    rewards = torch.zeros(cells, 2, dtype=torch.float64)
    rewards[0], rewards[-1] = 0.1, 1.0
    return exact.FiniteMDP(transitions, rewards)


class Walk(NamedTuple):
    """A coin-tossing walker in the corridor: every cell equally likely in the long run. Arrays over cells."""

    values: np.ndarray
    """V^π(s)."""
    advantage: np.ndarray
    """A^π(s, right) = -A^π(s, left)."""
    truth: np.ndarray
    """The gradient that every estimate is held against: E[∇ log π(a|s) δ], one number a cell."""


@cache
def walk(cells=CELLS):
    """The exact side of the experiment.

    The two logits of a cell get opposite gradients ±x; here a cell has the single number √2 x, which
    leaves every length and every angle as it is.
    """
    found = exact.evaluate(long_corridor(cells), torch.full((cells, 2), 0.5, dtype=torch.float64), gamma=GAMMA)
    advantage = found.A[:, RIGHT].numpy()
    return Walk(found.V.numpy(), advantage, np.sqrt(0.5) * advantage / cells)


@cache
def exact_variance(cells=CELLS):
    """Total variance of the mean of B one-step gradients ∇ log π(a_t|s_t) δ_t, for each of BATCHES; exact.

        independent  c_0 / B
        consecutive  (c_0 + 2 Σ_{k<B} (1 - k/B) c_k) / B,   c_k = trace of Cov(g_t, g_{t+k})

    Returns:
        (independent, consecutive), arrays over BATCHES.
    """
    world, (values, advantage, truth) = long_corridor(cells), walk(cells)
    moves, rewards = world.transitions.numpy(), world.rewards.numpy()
    deltas = rewards[:, :, None] + GAMMA * values - values[:, None, None]  # [s, a, s']
    sign = np.array([-1.0, 1.0])
    second = 0.25 * (moves * deltas**2).sum() / cells + 0.5 * REWARD_SD**2  # E|g|², the noise of the reward apart
    # E[g_t; s_{t+1}], one row a cell of g_t; each further step multiplies by the walk's own transitions.
    later = np.sqrt(0.5) * 0.5 * np.einsum("a,sat,sat->st", sign, moves, deltas) / cells
    following = moves.mean(1)
    expected = np.diag(np.sqrt(0.5) * advantage)  # E[g_t | s_t], one row a cell
    covariances = [second - truth @ truth]
    for _ in range(BATCHES[-1] - 1):
        covariances.append((later * expected).sum() - truth @ truth)
        later = later @ following
    c = np.array(covariances)
    consecutive = [(c[0] + 2 * ((1 - np.arange(1, size) / size) * c[1:size]).sum()) / size for size in BATCHES]
    return c[0] / BATCHES, np.array(consecutive)


@cache
def sampled_means(kind, cells=CELLS, draws=1_000, seed=0):
    """Means of the first B gradients of `draws` experiments, shape [len(BATCHES), draws, cells].

    Args:
        kind: "parallel", B actors that take one step each, or "consecutive", one actor that takes B steps.
    """
    rng, values = np.random.default_rng(seed), walk(cells).values
    steps = BATCHES[-1]
    states = np.empty((steps + 1, draws), dtype=int)
    states[0] = rng.integers(cells, size=draws)
    actions = rng.integers(2, size=(steps, draws))
    moves = np.where((actions == RIGHT) != (rng.random((steps, draws)) < SLIP), 1, -1)
    if kind == "parallel":
        here = rng.integers(cells, size=(steps, draws))
        there = np.clip(here + moves, 0, cells - 1)
    else:
        for t in range(steps):
            states[t + 1] = np.clip(states[t] + moves[t], 0, cells - 1)
        here, there = states[:-1], states[1:]
    rewards = long_corridor(cells).rewards.numpy()[here, actions]
    deltas = rewards + REWARD_SD * rng.standard_normal((steps, draws)) + GAMMA * values[there] - values[here]
    gradients = np.where(actions == RIGHT, 1.0, -1.0) * np.sqrt(0.5) * deltas
    means, total, column = [], np.zeros((draws, cells)), np.arange(draws)
    for t in range(steps):
        total[column, here[t]] += gradients[t]
        if t + 1 in BATCHES:
            means.append(total / (t + 1))
    return np.array(means)


def cosines(means, truth):
    """Mean cosine between estimates [..., draws, cells] and the truth; an estimate of zero counts as 0."""
    lengths = np.linalg.norm(means, axis=-1) * np.linalg.norm(truth)
    return (means @ truth / np.where(lengths > 0, lengths, 1.0)).mean(-1)


@claim("CL-18")
def parallel_or_consecutive():
    """B one-step gradients in a corridor of 15 cells: of B actors, and of one actor in a row.

    Variances are exact, in squared lengths of the true gradient; cosines are the mean of 1,000 draws; `gap` is the
    largest relative deviation of a sampled variance from its exact one. `ratio_short` and `ratio_long` are the ratios
    at B = 256 with 6 and 24 cells.
    """
    independent, consecutive = exact_variance()
    truth, numbers = walk().truth, {}
    length = truth @ truth
    samples = {kind: sampled_means(kind) for kind in ("parallel", "consecutive")}
    cosine = {kind: cosines(means, truth) for kind, means in samples.items()}
    for k in (0, 2, 4, 6, 8):
        size = BATCHES[k]
        numbers |= {
            f"variance_parallel_{size}": independent[k] / length,
            f"variance_one_{size}": consecutive[k] / length,
            f"cosine_parallel_{size}": cosine["parallel"][k],
            f"cosine_one_{size}": cosine["consecutive"][k],
        }
    seen = np.array([means.var(axis=1).sum(-1) for means in samples.values()])
    numbers["gap"] = np.abs(seen / np.array([independent, consecutive]) - 1).max()
    numbers["ratio"] = consecutive[-1] / independent[-1]
    for name, cells in (("short", 6), ("long", 24)):
        independent, consecutive = exact_variance(cells)
        numbers[f"ratio_{name}"] = consecutive[-1] / independent[-1]
    return numbers


# ---------------------------------------------------------------- waiting for the slowest


def summed(law, steps):
    """The law of `steps` environment steps in a row, each with an own draw from `law`."""
    steps = check_positive_integer("steps", steps)
    return Law(
        f"{steps} steps of {law.name}",
        steps * law.mean,
        lambda rng, shape: sum(law.draw(rng, shape) for _ in range(steps)),
    )


@claim("CL-19")
def waiting_for_the_slowest(rounds=4_000):
    """Share of the workers' time that is work when everybody waits for the slowest; updates take no time.

    Simulated, except for exponential times: there the slowest of N takes H_N = 1 + 1/2 + ... + 1/N means, exactly.
    """
    laws = {
        "constant_16": (16, constant()),
        "quarter_16": (16, lognormal(0.25)),
        "quarter_64": (64, lognormal(0.25)),
        "wide_16": (16, lognormal(0.75)),
        "rollout_16": (16, summed(lognormal(0.25), 32)),
        "rollout_64": (64, summed(lognormal(0.25), 32)),
    }
    shares = {
        name: simulate(workers, law, mode="sync", updates=rounds // 4 if "rollout" in name else rounds).efficiency
        for name, (workers, law) in laws.items()
    }
    return shares | {"exponential_16": 1.0 / (1.0 / np.arange(1, 17)).sum()}


# ---------------------------------------------------------------- not waiting: stale gradients


def largest_stable_step(delay, curvature=1.0):
    """Largest step size η at which gradient descent with gradients `delay` updates old does not blow up.

        w_{t+1} = w_t - η h w_{t-D}   is stable up to   η = (2 / h) sin(π / (2 (2 D + 1)))

    The bound on h η is where the first root of z^{D+1} - z^D + η h leaves the unit circle.

    Args:
        delay: D, in updates, >= 0; a mean staleness may be put in as it is.
        curvature: h, the second derivative of the loss.
    """
    return 2.0 * np.sin(np.pi / (2.0 * (2.0 * delay + 1.0))) / curvature


def stable_by_roots(delay, tolerance=1e-9):
    """The same limit for curvature 1, by bisection on the largest root of z^{D+1} - z^D + η."""
    low, high = 0.0, 4.0
    while high - low > tolerance:
        middle = 0.5 * (low + high)
        polynomial = np.zeros(delay + 2)
        polynomial[:2] = 1.0, -1.0
        polynomial[-1] += middle
        if np.abs(np.roots(polynomial)).max() < 1.0:
            low = middle
        else:
            high = middle
    return low


def delayed_descent(delay, step, updates=200, start=1.0):
    """w_0, ..., w_updates of gradient descent on w² / 2 with every gradient `delay` updates old."""
    path = [start] * (delay + 1)
    for _ in range(updates):
        path.append(path[-1] - step * path[-1 - delay])
    return np.array(path[delay:])


EXIT_GAMMA = 0.97
VALUE_RATE = 0.4
"""Step size of V for each unit of the step size of θ."""
SOLVED = 0.8
"""A policy of the two exits counts as solved when its value is above this; always right is worth 0.836."""


class Learners(NamedTuple):
    """256 independent runs of an asynchronous actor-critic on the two exits."""

    updates: np.ndarray
    """After how many updates the policies were valued."""
    solved: np.ndarray
    """Share of the runs that had it solved, one an entry of `updates`."""
    staleness: float
    """Mean, in updates."""


@cache
def asynchronous_learners(workers, *, rate, reward_sd, spread=0.0, updates=8_000, learners=256, seed=0):
    """Asynchronous actor-critic on the two exits, tables for θ and V, every gradient from a single step.

    Each worker acts and computes δ and ∇ log π with its own copy of θ and V, adds its step to the shared ones,
    and copies them again. Who is next comes from the event queue. All runs (`learners` of them, side by side) share
    that order; their worlds and actions are their own.

    Args:
        workers: N; the mean staleness is N - 1.
        rate: step size of θ; that of V is 0.4 times as large.
        reward_sd: standard deviation of the noise on each reward.
        spread: of the lognormal work times. At 0 the workers take turns: every gradient is N - 1 updates old.
    """
    world, rng = two_exits(), np.random.default_rng(seed)
    leads_to = world.transitions.argmax(-1).numpy()
    ends, pays = (world.transitions.sum(-1) == 0).numpy(), world.rewards.numpy()
    cells, start = world.num_states, world.num_states // 2
    # θ is kept as the preference for right over left: what one gains, the other loses.
    theta, values = shared = np.zeros((2, learners * cells))
    copies = np.zeros((workers, 2, learners * cells))
    states, offset = np.full((workers, learners), start), cells * np.arange(learners)
    timeline = simulate(workers, lognormal(spread), updates=updates, seed=seed)
    checked, solved = [], []
    for update, worker in enumerate(timeline.worker[:updates]):
        if update % 200 == 0:
            checked.append(update)
            solved.append(_share_solved(theta, learners))
        own_theta, own_values = copies[worker]
        here = states[worker]
        row = offset + here
        right = expit(own_theta[row])  # 1 & 2: act with the copy
        actions = (rng.random(learners) < right).astype(int)
        there, over = leads_to[here, actions], ends[here, actions]
        rewards = pays[here, actions] + (reward_sd * rng.standard_normal(learners) if reward_sd else 0.0)
        delta = rewards + EXIT_GAMMA * own_values[offset + there] * ~over - own_values[row]  # 3
        slope = delta * (actions - right)  # 4: the gradient of log π in the logit of right; of left, its negative
        values[row] += VALUE_RATE * rate * delta  # 5: applied to weights that have moved on
        theta[row] += 2.0 * rate * slope
        copies[worker] = shared  # 6
        states[worker] = np.where(over, start, there)
    checked.append(updates)
    solved.append(_share_solved(theta, learners))
    return Learners(np.array(checked), np.array(solved), timeline.mean_staleness)


def _share_solved(theta, learners):
    return float((policy_value(theta.reshape(learners, -1)) > SOLVED).mean())


def policy_value(theta):
    """V^π of the two exits' first state, γ = 0.97, for preferences [learners, 7]; exact."""
    world = two_exits()
    moves, pays = world.transitions.numpy(), world.rewards.numpy()
    right = expit(theta)
    policy = np.stack([1.0 - right, right], -1)
    following = np.einsum("lsa,sat->lst", policy, moves)
    rewards = (policy * pays).sum(-1)
    values = np.linalg.solve(np.eye(world.num_states) - EXIT_GAMMA * following, rewards[..., None])
    return values[:, world.num_states // 2, 0]


NOISY = {"rate": 0.5, "reward_sd": 1.0, "spread": 0.25}
SMALL = {"rate": 0.03, "reward_sd": 1.0, "spread": 0.25}
QUIET = {"rate": 0.5, "reward_sd": 0.0, "spread": 0.25}
"""Three settings of `asynchronous_learners`: noisy rewards with a large and a small step size, and no noise."""
DELAYS = (0, 1, 3, 7, 15, 63)


@claim("CL-20", loose={"solved_noisy_15": 256, "solved_quiet_63": 256})
def stale_gradients():
    """Staleness of 16 workers with exponential times; limits of the step size; learners on the two exits.

    `solved_...` are shares of 256 runs after 8,000 single-sample updates, work times with spread 0.25;
    `noisy` and `small` with rewards of sd 1 and a step size of 0.5 and 0.03, `quiet` 0.5 without noise. In
    `solved_wide_15` the spread is 1: the same mean staleness, made of many short and a few long ones.
    """
    timeline = simulate(16, exponential(), updates=40_000)
    numbers = {"efficiency": timeline.efficiency, "staleness_mean": timeline.mean_staleness}
    numbers["staleness_max"] = timeline.steady_staleness.max()
    numbers |= {f"limit_{delay}": largest_stable_step(delay) for delay in DELAYS}
    numbers["limit_gap"] = max(abs(largest_stable_step(d) - stable_by_roots(d)) for d in DELAYS)
    for name, setting, staleness in (
        ("noisy", NOISY, (0, 15)),
        ("small", SMALL, (0, 15)),
        ("quiet", QUIET, (0, 15, 63)),
        ("wide", {**NOISY, "spread": 1.0}, (15,)),
    ):
        for late in staleness:
            numbers[f"solved_{name}_{late}"] = asynchronous_learners(late + 1, **setting).solved[-1]
    return numbers


# ---------------------------------------------------------------- past this machine


class Scaling(NamedTuple):
    """Asynchronous workers from one to ten thousand; arrays over `workers`."""

    workers: tuple
    updates: np.ndarray
    """Per mean work time."""
    idle: np.ndarray
    staleness: np.ndarray


@cache
def scaling(spread=0.25, apply_time=0.01, rounds=12):
    """What the simulator says of 1 to 10,000 asynchronous workers and a learner that needs 1/100 of a work time."""
    workers = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
    lines = [simulate(n, lognormal(spread), updates=max(rounds * n, 2_000), apply_time=apply_time) for n in workers]
    return Scaling(
        workers,
        np.array([line.updates_per_time for line in lines]),
        np.array([line.idle for line in lines]),
        np.array([line.mean_staleness for line in lines]),
    )


# ---------------------------------------------------------------- the real thing


def stand_in(updates=600, seed=0):
    """The metrics of a simulated run of two workers, for machines on which no real one can be started."""
    timeline = simulate(2, lognormal(0.25, 0.01), updates=updates, apply_time=0.003, seed=seed)
    work = (timeline.finish - timeline.start)[:updates]
    found = {"staleness": timeline.staleness, "worker": timeline.worker[:updates]}
    return {**found, "work_seconds": work, "seconds": timeline.updated}


def settled(run):
    """The metrics of a run on several workers without its first third, when they were still warming up."""
    return {name: values[len(values) // 3 :] for name, values in run.items()}


def learner_time(run, num_workers=2, updates=2_000):
    """The learner's seconds for one update, messages included, that explain the updates per second of a run.

    By bisection: the simulator, given the run's own work times, makes fewer updates the slower its learner is.
    """
    pause = np.diff(run["seconds"]).mean()
    low, high = 0.0, pause
    for _ in range(12):
        middle = 0.5 * (low + high)
        played = simulate(num_workers, run["work_seconds"], updates=updates, apply_time=middle)
        low, high = (middle, high) if played.updates_per_time * pause > 1 else (low, middle)
    return low


def steps_per_second(num_envs, seconds=0.2):
    """CartPole steps per second of processor time, acting included, with `num_envs` environments side by side."""
    envs = make_envs("CartPole-v1", num_envs)
    agent = ParallelActorCritic(envs.single_observation_space, envs.single_action_space)
    collector = Collector(envs, seed=0)
    collector.collect(agent, steps=8)
    before, began = collector.steps, time.process_time()
    while time.process_time() - began < seconds:
        collector.collect(agent, steps=8)
    return (collector.steps - before) / (time.process_time() - began)
