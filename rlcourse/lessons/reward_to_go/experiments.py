"""What may multiply a score, what that does to the mean of the estimate, and what to its variance.

Two fixtures. The corridor of `gradients`, whose true gradient is known. A game of two coin tosses, small enough to
list every outcome. What is trained stands in `runs`.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course import gradients
from rlcourse.course.claims import claim
from rlcourse.envs import RIGHT, corridor
from rlcourse.returns import rewards_to_go

ESTIMATORS = ("same-step", "total", "reward-to-go", "Q", "Q - V")
"""The weights that the lesson compares, from the tempting to the exact."""

# ---------------------------------------------------------------- the corridor, sampled


def weights(batch, values):
    """The five weights of every step, undiscounted: name -> tensor [T, N].

    Args:
        batch: whole episodes of one length, Transitions[T, N].
        values: exact V[t, s] and Q[t, s, a] of the policy that played them.
    """
    rewards = batch.rewards.double()
    steps = torch.arange(len(rewards))[:, None].expand(rewards.shape)
    q = values.Q[steps, batch.obs, batch.actions]
    return {
        "same-step": rewards,
        "total": rewards.sum(0).expand(rewards.shape),
        "reward-to-go": rewards_to_go(rewards, batch.terminated, batch.truncated, gamma=1.0),
        "Q": q,
        "Q - V": q - values.V[steps, batch.obs],
    }


class Comparison(NamedTuple):
    """Gradient estimators on one set of corridor episodes."""

    estimates: dict
    """Name -> gradients.Estimate; "past" holds the dropped terms, total minus reward-to-go, held against zero."""
    per_episode: dict
    """Name -> the estimate from each single episode, shape [N, S * A]."""
    truth: torch.Tensor
    """The exact gradient, shape [S * A]."""


def toll_corridor(toll, offset=0.0):
    """The corridor where every step to the right costs a toll: dear now, worth it later."""
    world = corridor(offset)
    return exact.FiniteMDP(world.transitions, world.rewards - toll * torch.eye(2, dtype=torch.float64)[RIGHT])


@functools.lru_cache(maxsize=4)
def compare(*, horizon=10, offset=0.0, reward_noise=0.5, toll=0.0, episodes=40_000, seed=0):
    """Play the corridor and estimate its gradient from each episode in several ways."""
    world, policy = toll_corridor(toll, offset), gradients.corridor_policy()
    batch = gradients.sample(world, policy, episodes=episodes, horizon=horizon, reward_noise=reward_noise, seed=seed)
    truth = gradients.exact_gradient(world, policy, horizon).flatten()
    weight = weights(batch, gradients.finite_horizon(world, policy, horizon))
    weight["past"] = weight["total"] - weight["reward-to-go"]
    per_episode = {name: gradients.episode_gradients(batch, policy, weight[name]) for name in weight}
    estimates = {
        name: gradients.judge(samples, torch.zeros_like(truth) if name == "past" else truth)
        for name, samples in per_episode.items()
    }
    return Comparison(estimates, per_episode, truth)


def expected_same_step(world, policy, horizon, start=0):
    """Exact mean of the same-step estimator, shape [S, A]: the gradient of a policy that looks no step ahead.

    Σ_t d_t(s) π(a|s) (R(s, a) - Σ_a' π(a'|s) R(s, a'))
    """
    layers, policies = world.unroll(horizon), policy.repeat(horizon, 1)
    first = torch.zeros(layers.num_states)
    first[start] = 1.0
    seen = exact.visits(layers, policies, first, gamma=1.0)[:, None]
    above = layers.rewards - (policies * layers.rewards).sum(-1, keepdim=True)
    return (seen * policies * above).reshape(horizon, *policy.shape).sum(0)


@claim("CL-02")
def future_only():
    """Variance of the total-return and the reward-to-go estimate: corridor, longer, offset; and the coin game."""
    plain, longer, offset = compare(), compare(horizon=30), compare(offset=1.0)
    numbers = {}
    for name, run in (("", plain), ("_30", longer), ("_offset", offset)):
        total, to_go = run.estimates["total"].variance, run.estimates["reward-to-go"].variance
        numbers |= {f"total{name}": total, f"to_go{name}": to_go, f"variance_ratio{name}": total / to_go}
    game = coin_game(5.0)
    return numbers | {
        "z_total": plain.estimates["total"].largest_z,
        "z_to_go": plain.estimates["reward-to-go"].largest_z,
        "counterexample_total": game.variances[0],
        "counterexample_to_go": game.variances[1],
        "counterexample_baseline": game.variances[2],
        "counterexample_ratio": game.variances[1] / game.variances[0],
    }


@claim("CL-03")
def dropped_terms():
    """What reward-to-go drops, score of t times a reward before t: its mean against zero, its variance."""
    dropped = compare().estimates["past"]
    return {
        "largest_mean": dropped.mean.abs().max(),
        "largest_z": dropped.largest_z,
        "dropped_variance": dropped.variance,
        "components": float(len(dropped.mean)),
    }


@claim("CL-04")
def action_value_instead():
    """Reward-to-go against the exact Q as weight, with noisy rewards and without noise."""
    noisy, quiet = compare().estimates, compare(reward_noise=0.0).estimates
    return {
        "variance_reward_to_go": noisy["reward-to-go"].variance,
        "variance_q": noisy["Q"].variance,
        "variance_ratio": noisy["reward-to-go"].variance / noisy["Q"].variance,
        "variance_advantage": noisy["Q - V"].variance,
        "z_q": noisy["Q"].largest_z,
        "quiet_reward_to_go": quiet["reward-to-go"].variance,
        "quiet_q": quiet["Q"].variance,
    }


TOLL, TOLL_STEPS = 0.05, 30


@claim("ERR-01")
def same_step_weight():
    """The same-step weight on two corridors.

    Without a toll its exact mean is zero: both moves of a cell pay the same at once. With a toll on every step to the
    right, over thirty steps, it has a mean, and that points away from the gradient.
    """
    policy, plain, toll = gradients.corridor_policy(), compare(), compare(horizon=TOLL_STEPS, toll=TOLL)
    silent = expected_same_step(corridor(), policy, 10)
    mean = expected_same_step(toll_corridor(TOLL), policy, TOLL_STEPS).flatten()
    batches = plain.per_episode["same-step"].unflatten(0, (20, -1)).mean(1)  # 20 batches of 2000 episodes
    cosines = torch.nn.functional.cosine_similarity(batches, plain.truth, dim=-1)
    return {
        "exact_mean": silent.norm(),
        "truth": plain.truth.norm(),
        "variance": plain.estimates["same-step"].variance,
        "largest_z": plain.estimates["same-step"].largest_z,
        "lowest_cosine": cosines.min(),
        "highest_cosine": cosines.max(),
        "toll_exact_cosine": torch.nn.functional.cosine_similarity(mean, toll.truth, dim=0),
        "toll_cosine": toll.estimates["same-step"].cosine,
        "toll_variance": toll.estimates["same-step"].variance,
        "toll_cosine_total": toll.estimates["total"].cosine,
        "toll_variance_total": toll.estimates["total"].variance,
        "toll_cosine_to_go": toll.estimates["reward-to-go"].cosine,
        "toll_variance_to_go": toll.estimates["reward-to-go"].variance,
    }


class Pushes(NamedTuple):
    """Which way each estimator pushes in each cell: the mean slope of the logit of "right", and its standard error."""

    names: tuple
    means: np.ndarray
    """Shape [estimators, cells]."""
    errors: np.ndarray
    truth: np.ndarray
    """Exact slope, shape [cells]."""
    cosines: tuple


def pushes(names=("same-step", "total", "reward-to-go")):
    """The corridor with a toll, thirty steps: mean estimates, one number a cell."""
    run = compare(horizon=TOLL_STEPS, toll=TOLL)
    slopes = {name: run.per_episode[name].unflatten(1, (-1, 2))[..., RIGHT] for name in names}
    means = np.array([slope.mean(0).numpy() for slope in slopes.values()])
    errors = np.array([(slope.std(0) / len(slope) ** 0.5).numpy() for slope in slopes.values()])
    cosines = tuple(run.estimates[name].cosine for name in names)
    return Pushes(tuple(names), means, errors, run.truth.unflatten(0, (-1, 2))[:, RIGHT].numpy(), cosines)


# ---------------------------------------------------------------- the causality matrix

LONGEST = 12


@functools.cache
def _walks(episodes=5_000, steps=LONGEST, reward_noise=0.5):
    """Corridor episodes in the form the explorers need: x[s, t, n], rewards without noise and the noise, [t, n].

    x is the score of step t in the row of cell s, along the logit of "right": 1 - π(right) or -π(right), and zero in
    the rows of all other cells. The logit of "left" has the same with the opposite sign.
    """
    batch = gradients.sample_corridor(episodes=episodes, horizon=steps, reward_noise=0.0, seed=0)
    right = gradients.corridor_policy()[:, RIGHT]
    slope = (batch.actions == RIGHT).double() - right[batch.obs]
    x = torch.nn.functional.one_hot(batch.obs, len(right)).movedim(-1, 0) * slope
    noise = np.random.default_rng(1).standard_normal(batch.rewards.shape)
    return x.numpy(), batch.rewards.double().numpy(), noise, batch.obs, batch.actions


class Causality(NamedTuple):
    """Score of step t (row) times discounted reward of step t' (column), for every pair."""

    share: np.ndarray
    """Exact mean along the true gradient, as a share of it: the cells add up to 1. Shape [T, T]."""
    sampled: dict
    """The same from the first N episodes: N -> [T, T]."""
    kept: tuple
    """Future cells together: mean share, its standard error, variance (in squared lengths of the gradient)."""
    removed: tuple
    """Past cells together, the same three numbers."""
    total: tuple
    """All cells together."""

    @property
    def covariance(self):
        """Twice the covariance of kept and removed cells: what the variances of the two parts lack of the whole."""
        return self.total[2] - self.kept[2] - self.removed[2]


SAMPLES = (1, 100, 5_000)
"""How many episodes a picture of the cells may average."""


@functools.lru_cache(maxsize=256)
def causality(steps, gamma):
    """Where the signal of the total-return estimator sits, exactly and in samples; variances from 5000 episodes."""
    means = _cell_means(steps, gamma)  # [T, T, S], along the logits of "right"
    truth = means.sum((0, 1))
    length = np.sqrt(2) * np.linalg.norm(truth)  # both logits of a cell: twice the square
    along = truth / (truth @ truth)  # unit of the shares

    x, rewards, noise, _, _ = _walks()
    x, paid = x[:, :steps], (rewards + 0.5 * noise)[:steps] * gamma ** np.arange(steps)[:, None]
    episodes, projected = paid.shape[1], np.einsum("s,stn->tn", along, x)
    sampled = {count: projected[:, :count] @ paid[:, :count].T / count for count in SAMPLES}

    to_go = np.cumsum(paid[::-1], axis=0)[::-1]
    parts = {}
    for name, weight in (("kept", to_go), ("removed", paid.sum(0) - to_go), ("total", paid.sum(0) + 0 * to_go)):
        samples = np.einsum("stn,tn->sn", x, weight)
        shares = along @ samples
        variance = 2 * samples.var(axis=1, ddof=1).sum() / length**2
        parts[name] = (shares.mean(), shares.std(ddof=1) / episodes**0.5, variance)
    return Causality(means @ along, sampled, parts["kept"], parts["removed"], parts["total"])


def _cell_means(steps, gamma):
    """E[score of t, in the logit of "right", times γ^t' r_t'], exactly: zero where t' < t. Shape [T, T, S]."""
    world, policy = corridor(), gradients.corridor_policy()
    walk = torch.einsum("sa,sap->sp", policy, world.transitions)
    pays = (policy * world.rewards).sum(-1)
    where, ahead = [torch.eye(world.num_states, dtype=torch.float64)[0]], [world.rewards]
    for _ in range(steps - 1):
        where.append(where[-1] @ walk)  # d_t(s)
        ahead.append(world.transitions @ pays)  # E[r_{t+k} | s_t, a_t]
        pays = walk @ pays
    means = np.zeros((steps, steps, world.num_states))
    for t in range(steps):
        for later in range(t, steps):
            gain = ahead[later - t] - (policy * ahead[later - t]).sum(-1, keepdim=True)
            means[t, later] = gamma**later * (where[t][:, None] * policy * gain)[:, RIGHT].numpy()
    return means


# ---------------------------------------------------------------- the variance race

RACE_EPISODES = 5_000


class Runner(NamedTuple):
    """One estimator: errors in lengths of the true gradient."""

    bias: float
    """Length of mean minus truth."""
    sd: float
    """Root of the total variance of the estimate from one episode."""
    batches: np.ndarray
    """Error of one actual batch of N episodes, for each N of RACE_MARKS."""

    def error(self, episodes):
        """Root mean square error of the mean of that many episodes."""
        return np.sqrt(self.bias**2 + self.sd**2 / episodes)


RACE_MARKS = np.array([10, 20, 50, 100, 200, 500, 1000, 2000, 5000])


@functools.lru_cache(maxsize=128)
def race(reward_noise, offset, steps=10):
    """Five estimators of the corridor's gradient from the same episodes: name -> Runner."""
    x, rewards, noise, obs, actions = _walks()
    x, paid = x[:, :steps], rewards[:steps] + offset + reward_noise * noise[:steps]
    values, truth = _race_values(steps)
    left = np.arange(steps, 0, -1)[:, None]  # steps still to come: each brings the offset
    t = np.arange(steps)[:, None]
    q = values.Q.numpy()[t, obs[:steps], actions[:steps]] + offset * left
    to_go = np.cumsum(paid[::-1], axis=0)[::-1]
    candidates = {
        "same-step": paid,
        "total": np.broadcast_to(paid.sum(0), paid.shape),
        "reward-to-go": to_go,
        "Q": q,
        "Q - V": q - values.V.numpy()[t, obs[:steps]] - offset * left,
    }
    length, runners = np.linalg.norm(truth), {}
    for name in ESTIMATORS:
        samples = np.einsum("stn,tn->sn", x, candidates[name])
        means = np.cumsum(samples, axis=1)[:, RACE_MARKS - 1] / RACE_MARKS
        errors = np.linalg.norm(means - truth[:, None], axis=0) / length
        sd = np.sqrt(samples.var(axis=1, ddof=1).sum()) / length
        # Both moves of a cell pay the same at once, so the same-step weight has mean zero: it misses all of the truth.
        runners[name] = Runner(1.0 if name == "same-step" else 0.0, sd, errors)
    return runners


@functools.cache
def _race_values(steps):
    world, policy = corridor(), gradients.corridor_policy()
    truth = gradients.exact_gradient(world, policy, steps)[:, RIGHT].numpy()
    return gradients.finite_horizon(world, policy, steps), truth


# ---------------------------------------------------------------- two coin tosses


class CoinGame(NamedTuple):
    """Every outcome of the game, and the estimate each of three weights makes of it."""

    outcomes: tuple
    """(first toss, second toss), 0 or 1."""
    chances: np.ndarray
    """Probability of each outcome, shape [4]."""
    estimates: np.ndarray
    """Total return, reward-to-go, reward-to-go minus V; shape [3, 4]."""
    gradient: float
    """The exact gradient, mean of all three."""
    variances: np.ndarray
    """Exact variance of each, shape [3]."""


def coin_game(c, p=0.5):
    """Two tosses, one logit θ: each shows 1 with probability p = sigmoid(θ). Rewards: -c, then c + second toss.

    The return is the second toss alone, whatever c is: its two large parts cancel. The score of a toss is (toss - p).
    """
    outcomes = ((0, 0), (0, 1), (1, 0), (1, 1))
    first, second = np.array(outcomes, dtype=float).T
    chances = np.where(first, p, 1 - p) * np.where(second, p, 1 - p)
    rewards = np.array([np.full(4, -c), c + second])
    scores = np.array([first - p, second - p])
    to_go = np.array([rewards.sum(0), rewards[1]])
    values = np.array([[p], [c + p]])  # V before each toss
    estimates = np.array(
        [
            (scores * rewards.sum(0)).sum(0),
            (scores * to_go).sum(0),
            (scores * (to_go - values)).sum(0),
        ]
    )
    means = estimates @ chances
    return CoinGame(outcomes, chances, estimates, p * (1 - p), (estimates - means[:, None]) ** 2 @ chances)


# ---------------------------------------------------------------- one reward-to-go, many visits


@functools.cache
def _visits(steps=10, episodes=40_000):
    batch = gradients.sample_corridor(episodes=episodes, horizon=steps)
    to_go = rewards_to_go(batch.rewards.double(), batch.terminated, batch.truncated, gamma=1.0)
    values = gradients.finite_horizon(corridor(), gradients.corridor_policy(), steps)
    return batch.obs.numpy(), batch.actions.numpy(), to_go.numpy(), values.Q.numpy()


def visits_to_go(t, cell, action):
    """Rewards-to-go of all visits to a cell at one time with one action, as played, and their exact mean Q."""
    obs, actions, to_go, Q = _visits()
    here = (obs[t] == cell) & (actions[t] == action)
    return to_go[t][here], float(Q[t, cell, action])


@claim("EQ-06")
def mean_of_the_future():
    """Rewards-to-go averaged over visits to one (time, cell, action), against the exact Q, wherever 200 visits are."""
    batch = gradients.sample_corridor()
    to_go = rewards_to_go(batch.rewards.double(), batch.terminated, batch.truncated, gamma=1.0)
    Q = gradients.finite_horizon(corridor(), gradients.corridor_policy(), 10).Q
    index = (torch.arange(10)[:, None] * 12 + batch.obs * 2 + batch.actions).flatten()
    count = torch.bincount(index, minlength=120).double()
    mean = torch.bincount(index, to_go.flatten(), minlength=120) / count
    square = torch.bincount(index, to_go.flatten() ** 2, minlength=120) / count
    error = ((square - mean**2) / (count - 1)).sqrt()
    z = ((mean - Q.flatten()) / error)[count >= 200]
    return {"cells": float(len(z)), "largest_z": z.abs().max(), "spread_of_z": z.std()}


# ---------------------------------------------------------------- exact gradient ascent


def ascend(step_size, updates, q=1.0):
    """The shoot-out climbed with the exact gradient of its one logit, from p = 1/2: J after each update."""
    theta, values = 0.0, []
    for _ in range(updates + 1):
        p = 1 / (1 + np.exp(-theta))
        values.append(p * q + (1 - p) * (1 - q))
        theta += step_size * p * (1 - p) * (2 * q - 1)
    return np.array(values)
