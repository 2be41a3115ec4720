"""How far to look before asking the critic, and what an ending means.

The fixture is the survival chain of `envs.survival_chain`: ten cells, one action, reward 1 plus noise while
alive. With one action every true advantage is zero, so all an estimate of the first step may say is
V^π(s_0) - V(s_0), a constant that no action changes. What it says beyond that is its error: bias on average,
a standard deviation from episode to episode.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from rlcourse import exact, returns
from rlcourse.course.claims import claim
from rlcourse.course.gradients import TablePolicy
from rlcourse.envs import RIGHT, TabularVectorEnv, survival_chain, two_exits
from rlcourse.rollout import Collector

GAMMA = 0.99
STEPS = 40
"""Rows recorded of every episode of the chain; the longest of 40,000 takes about 30."""


# ---------------------------------------------------------------- two sets of weights


def gae_weights(gae_lambda, n):
    """Weight of Â^(k), k = 1..n, when n steps are left: (1-λ) λ^{k-1}, and the whole tail λ^{n-1} for the last."""
    weights = (1 - gae_lambda) * float(gae_lambda) ** np.arange(n)
    weights[-1] = float(gae_lambda) ** (n - 1)
    return weights


def rescaled_weights(gae_lambda, n):
    """A common mistake: λ^{k-1}, k = 1..n, divided by their sum."""
    weights = float(gae_lambda) ** np.arange(n)
    return weights / weights.sum()


def delta_weights(weights, gamma):
    """Coefficient of δ_{t+l} in a mixture of k-step advantages: γ^l times the weight of all k > l."""
    return gamma ** np.arange(len(weights)) * np.cumsum(weights[::-1])[::-1]


# ---------------------------------------------------------------- the chain: bias and noise


class Chain(NamedTuple):
    """Noise-free rollouts of the chain, Transitions[STEPS, N], and noise to add to their rewards."""

    batch: object
    noise: torch.Tensor
    """Standard normal, shape [STEPS, N], float64."""


@cache
def chain(episodes=40_000, seed=0):
    """Rollouts of the survival chain, side by side; every column starts in cell 0."""
    envs = TabularVectorEnv(survival_chain(), num_envs=episodes)
    batch = Collector(envs, seed=seed).collect(TablePolicy(np.ones((10, 1)), seed), steps=STEPS)
    noise = np.random.default_rng(seed).standard_normal((STEPS, episodes))
    return Chain(batch, torch.from_numpy(noise))


@cache
def true_values(gamma=GAMMA):
    """V^π of the ten cells."""
    return exact.evaluate(survival_chain(), torch.ones(10, 1), gamma=gamma).V


def critic(scale=1.0, scatter=0.0, seed=4):
    """A critic with a known error: scale * V^π(s) plus an own mistake of sd `scatter` in every cell."""
    mistakes = np.random.default_rng(seed).standard_normal(10)
    return scale * true_values() + scatter * torch.from_numpy(mistakes)


def chain_inputs(values, *, reward_sd=1.0, episodes=40_000, seed=0):
    """What `rl.gae` and `rl.n_step_advantages` take, for a critic given as a table V(s) of the ten cells."""
    batch, noise = chain(episodes, seed)
    rewards = batch.rewards.double() + reward_sd * noise
    return rewards, values[batch.obs], values[batch.next_obs], batch.terminated, batch.truncated


def offset(values):
    """V^π(s_0) - V(s_0): what an estimate without bias says of the first step, on average."""
    return (true_values() - values)[0].item()


def judge(first_steps, values):
    """Bias and standard deviation of estimates of the first step; the bias is the mean minus the offset."""
    return first_steps.mean().item() - offset(values), first_steps.std().item()


@claim("CL-12")
def few_steps_or_many():
    """k-step advantages of the chain's first step for a critic at half the true value, and for an exact one."""
    numbers = {}
    half, right = critic(0.5), critic()
    for name, values, k in (
        ("short", half, 1),
        ("5", half, 5),
        ("8", half, 8),
        ("long", half, 20),
        ("exact", right, 1),
        ("exact_long", right, 20),
    ):
        advantages = returns.n_step_advantages(*chain_inputs(values), gamma=GAMMA, n=k)
        numbers[f"bias_{name}"], numbers[f"std_{name}"] = judge(advantages[0], values)
    return numbers


@claim("CL-13")
def from_zero_to_one():
    """GAE of the chain's first step along λ: a critic at half the true value, an exact one, a scattered one.

    `turns` counts how often the bias of the scattered critic changes direction as k grows from 1 to 20.
    """
    numbers = {}
    half, right = critic(0.5), critic()
    for name, gae_lambda in (("0", 0.0), ("90", 0.9), ("95", 0.95), ("99", 0.99), ("1", 1.0)):
        for kind, values in (("", half), ("exact_", right)):
            advantages = returns.gae(*chain_inputs(values), gamma=GAMMA, gae_lambda=gae_lambda)
            bias, std = judge(advantages[0], values)
            numbers |= {f"{kind}bias_{name}": bias, f"{kind}std_{name}": std}
    bias = frontier(scale=1.0, scatter=1.0, reward_sd=1.0, episodes=40_000).k_bias
    numbers["turns"] = float((np.diff(np.sign(np.diff(bias))) != 0).sum())
    numbers["scattered_bias_k1"], numbers["scattered_bias_k4"] = bias[0], bias[3]
    return numbers


LAMBDAS = np.round(np.arange(0, 1.0001, 0.01), 2)
STEPS_AHEAD = np.arange(1, 21)


class Frontier(NamedTuple):
    """Bias and standard deviation of all estimates of the first step, for one critic. Unit of reward."""

    lambda_bias: np.ndarray
    """For each of LAMBDAS."""
    lambda_std: np.ndarray
    k_bias: np.ndarray
    """For each of STEPS_AHEAD."""
    k_std: np.ndarray
    deltas: np.ndarray
    """TD errors of sampled first episodes, zero after their end, shape [steps, N]."""
    offset: float
    """The harmless offset: what an estimate without bias says on average."""

    def lambda_estimates(self, at):
        """What the episodes say at LAMBDAS[at], without the offset; shape [N]."""
        return _lambda_weights(len(self.deltas))[at] @ self.deltas - self.offset

    def k_estimates(self, at):
        """The same at STEPS_AHEAD[at]."""
        return _k_weights(len(self.deltas))[at] @ self.deltas - self.offset

    @property
    def lambda_rmse(self):
        """Root of bias² + std², for each of LAMBDAS."""
        return np.hypot(self.lambda_bias, self.lambda_std)

    @property
    def best_lambda(self):
        """The one with the smallest mean squared error."""
        return float(LAMBDAS[np.argmin(self.lambda_rmse)])


def frontier(*, scale, scatter, reward_sd, episodes=3_000, seed=0):
    """All λ and all k at once: each estimate is a weighted sum of the same TD errors.

        Â = Σ_l (γλ)^l δ_l        Â^(k) = Σ_{l<k} γ^l δ_l

    Means are exact, from the table of the chain; standard deviations and estimates come from sampled episodes.
    """
    values = critic(scale, scatter)
    alive, noise = _first_episodes(episodes, seed)
    steps = len(alive)
    batch = chain(episodes, seed).batch[:steps]
    deltas = returns.td_errors(
        batch.rewards.double(), values[batch.obs], values[batch.next_obs], batch.terminated, gamma=GAMMA
    )
    deltas = ((deltas + reward_sd * noise) * alive).numpy()
    means, covariance = _mean_deltas(values, steps), np.cov(deltas)
    families = [
        (weights @ means - offset(values), np.sqrt((weights @ covariance * weights).sum(1)))
        for weights in (_lambda_weights(steps), _k_weights(steps))
    ]
    return Frontier(*families[0], *families[1], deltas, offset(values))


@cache
def _lambda_weights(steps):
    """(γλ)^l for each of LAMBDAS, shape [len(LAMBDAS), steps]."""
    return (GAMMA * LAMBDAS[:, None]) ** np.arange(steps)


@cache
def _k_weights(steps):
    """γ^l for l < k and 0 beyond, for each of STEPS_AHEAD."""
    return (np.arange(steps) < STEPS_AHEAD[:, None]) * GAMMA ** np.arange(steps)


def _mean_deltas(values, steps):
    """E[δ_l] of a critic on the chain, l = 0..steps-1: where the walk is after l steps, times the mean δ there."""
    world = survival_chain()
    move = world.transitions[:, 0]
    delta = (world.rewards[:, 0] + GAMMA * move @ values - values).numpy()
    where, means = np.eye(10)[0], []
    for _ in range(steps):
        means.append(where @ delta)
        where = where @ move.numpy()
    return np.array(means)


@cache
def _first_episodes(episodes, seed):
    """The first episode of every column: which of its rows are played, shape [steps, N], and their noise."""
    batch, noise = chain(episodes, seed)
    ends = batch.terminated.int()
    alive = (torch.cumsum(ends, 0) - ends) == 0
    steps = int(alive.any(1).sum())
    return alive[:steps], noise[:steps]


# ---------------------------------------------------------------- λ is not γ


class LambdaOrGamma(NamedTuple):
    """Walking right from the middle of the two exits, under a policy that goes either way at random."""

    lambdas: np.ndarray
    mean: np.ndarray
    """Mean of GAE with the exact critic at γ = 0.97, for each λ."""
    std: np.ndarray
    gammas: np.ndarray
    advantage: np.ndarray
    """The exact advantage, for each γ."""
    truth: float
    """The exact advantage at γ = 0.97."""


@cache
def lambda_or_gamma(gamma=0.97, episodes=4_000, seed=0):
    """With an exact critic, λ changes how noisy the estimates are; γ changes what they estimate."""
    world, policy = two_exits(), torch.full((7, 2), 0.5)
    envs = TabularVectorEnv(world, start=3, reward_noise=0.2, num_envs=episodes)
    batch = Collector(envs, seed=seed).collect(TablePolicy(policy, seed), steps=150)
    values = exact.evaluate(world, policy, gamma=gamma).V
    right = batch.actions[0] == RIGHT
    lambdas, mean, std = np.linspace(0, 1, 11), [], []
    for gae_lambda in lambdas:
        advantages = returns.gae(
            batch.rewards.double(),
            values[batch.obs],
            values[batch.next_obs],
            batch.terminated,
            batch.truncated,
            gamma=gamma,
            gae_lambda=float(gae_lambda),
        )[0, right]
        mean.append(advantages.mean().item())
        std.append(advantages.std().item())
    gammas = np.linspace(0.5, 1, 26)
    advantage = [exact.evaluate(world, policy, gamma=float(g)).A[3, RIGHT].item() for g in gammas]
    truth = exact.evaluate(world, policy, gamma=gamma).A[3, RIGHT].item()
    return LambdaOrGamma(lambdas, np.array(mean), np.array(std), gammas, np.array(advantage), truth)


# ---------------------------------------------------------------- the end of an episode

GOOD, BAD = 0, 1


class Treatment(NamedTuple):
    """Where TD learning settles in the survival state, when ends are treated in one of three ways."""

    value: float
    good: float
    """Advantage of the action that survives."""
    bad: float
    """Advantage of the action that ends the episode."""


def survival_state(*, p_good, time_limit, gamma):
    """One state, reward 1 a step; the bad action ends the episode, a time limit cuts it at `time_limit` steps.

    The true task has no limit. Each treatment of the ends solves, exactly, some MDP:

        right       bootstrap unless terminated: the true task
        no mask     bootstrap always: a task in which nobody ever dies
        time limit  never bootstrap at an end: a task in which every step may be the last,
                    as often as the limit cut the recording

    Of all recorded rows the limit T cuts the share c = p^T / (1 + p + ... + p^{T-1}). With the last treatment V is
    therefore 1 + γ (p - c) V; at p = 1, c is 1/T.

    Returns:
        dict of Treatment: "right", "no mask", "time limit".
    """
    survives = p_good ** np.arange(time_limit)  # probability that step t is taken
    cut = survives[-1] * p_good / survives.sum()  # share of the rows that the limit cuts
    return {
        "right": _one_state((1.0, 0.0), p_good, gamma),
        "no mask": _one_state((1.0, 1.0), p_good, gamma),
        "time limit": _one_state((1.0 - cut / p_good, 0.0), p_good, gamma),
    }


def _one_state(goes_on, p_good, gamma):
    """Values of the one-state MDP in which the two actions go on with these probabilities."""
    transitions = torch.tensor(goes_on, dtype=torch.float64).reshape(1, 2, 1)
    world = exact.FiniteMDP(transitions, torch.ones(1, 2))
    policy = torch.tensor([[p_good, 1 - p_good]], dtype=torch.float64)
    values = exact.evaluate(world, policy, gamma=gamma)
    return Treatment(values.V[0].item(), values.A[0, GOOD].item(), values.A[0, BAD].item())


@claim("CL-65")
def ends_of_an_episode():
    """The survival state: p(good) = 0.9 with and without the terminal mask; p(good) = 1, time limit 200."""
    mortal = survival_state(p_good=0.9, time_limit=200, gamma=0.99)
    steady = survival_state(p_good=1.0, time_limit=200, gamma=0.99)
    patient = survival_state(p_good=1.0, time_limit=200, gamma=0.999)
    return {
        "value_masked": mortal["right"].value,
        "good_masked": mortal["right"].good,
        "fatal_masked": mortal["right"].bad,
        "value_unmasked": mortal["no mask"].value,
        "good_unmasked": mortal["no mask"].good,
        "fatal_unmasked": mortal["no mask"].bad,
        "value_steady": steady["right"].value,
        "value_cut": steady["time limit"].value,
        "value_patient": patient["right"].value,
        "value_patient_cut": patient["time limit"].value,
    }
