"""Score-function gradient estimates, one per episode, held against the exact gradient.

The fixture is the corridor of `envs.corridor`, ten steps, with a softmax table for a policy.
"""

from typing import NamedTuple

import numpy as np
import torch

from rlcourse import exact
from rlcourse.envs import TabularVectorEnv, corridor
from rlcourse.rollout import Collector


class TablePolicy:
    """An agent that draws actions from a fixed table π(a|s)."""

    def __init__(self, policy, seed):
        self.cumulative = np.cumsum(np.asarray(policy), axis=-1)
        self.rng = np.random.default_rng(seed)

    def act(self, obs):
        draws = self.rng.random(len(obs))[:, None]
        return np.minimum((draws >= self.cumulative[obs]).sum(-1), self.cumulative.shape[-1] - 1)


def corridor_policy():
    """π(a|s) of the corridor experiments, shape [6, 2]: softmax of small random logits."""
    logits = np.random.default_rng(0).normal(0, 0.3, (6, 2))
    return torch.softmax(torch.from_numpy(logits), -1)


def sample(mdp, policy, *, episodes, horizon, start=0, reward_noise=0.0, seed=0):
    """Whole episodes of a fixed length, side by side: Transitions[horizon, episodes]."""
    envs = TabularVectorEnv(mdp, start=start, reward_noise=reward_noise, num_envs=episodes, horizon=horizon)
    return Collector(envs, seed=seed).collect(TablePolicy(policy, seed + 1), steps=horizon)


def sample_corridor(*, episodes=40_000, horizon=10, offset=0.0, reward_noise=0.5, seed=0):
    """The corridor under `corridor_policy`: Transitions[horizon, episodes]."""
    return sample(
        corridor(offset), corridor_policy(), episodes=episodes, horizon=horizon, reward_noise=reward_noise, seed=seed
    )


def finite_horizon(mdp, policy, horizon):
    """Exact undiscounted V[t, s], Q[t, s, a], A[t, s, a] of a task that lasts `horizon` steps."""
    values = exact.evaluate(mdp.unroll(horizon), policy.repeat(horizon, 1), gamma=1.0)
    states, actions = mdp.rewards.shape
    return exact.Evaluation(
        values.V.reshape(horizon, states),
        values.Q.reshape(horizon, states, actions),
        values.A.reshape(horizon, states, actions),
    )


def exact_gradient(mdp, policy, horizon, start=0):
    """Exact ∂J/∂logit[s, a] of a task that lasts `horizon` steps, undiscounted."""
    first = torch.zeros(horizon * mdp.num_states)
    first[start] = 1.0
    layers = exact.policy_gradient(mdp.unroll(horizon), policy.repeat(horizon, 1), first, gamma=1.0)
    return layers.reshape(horizon, *mdp.rewards.shape).sum(0)


def episode_gradients(batch, policy, weights):
    """Σ_t ∇ log π(a_t|s_t) Ψ_t of every episode, shape [N, S * A]. Weights: [T, N].

    For a softmax table, ∇ log π(a|s) is (e_a - π(.|s)) in the row of s and zero elsewhere.
    """
    steps, episodes = batch.rewards.shape
    direction = torch.nn.functional.one_hot(batch.actions, policy.shape[1]) - policy[batch.obs]
    total = torch.zeros(episodes, *policy.shape, dtype=torch.float64)
    for t in range(steps):
        total[torch.arange(episodes), batch.obs[t]] += direction[t] * weights[t][:, None]
    return total.flatten(1)


class Estimate(NamedTuple):
    """How an estimator did: against the exact gradient, over many episodes."""

    mean: torch.Tensor
    """Mean gradient, shape [S * A]."""
    cosine: float
    """Cosine between the mean and the exact gradient."""
    variance: float
    """Total variance of the estimate from one episode: the sum over its components."""
    largest_z: float
    """Largest deviation of the mean from the exact gradient, in standard errors."""


def judge(gradients, truth):
    """Summarise per-episode gradients [N, S * A] against the exact gradient."""
    truth = truth.flatten()
    mean, sd = gradients.mean(0), gradients.std(0)
    error = sd / len(gradients) ** 0.5
    z = ((mean - truth).abs() / error.clamp_min(1e-12)).max()
    cosine = torch.nn.functional.cosine_similarity(mean, truth, dim=0)
    return Estimate(mean, cosine.item(), (sd**2).sum().item(), z.item())
