"""The oracle: exact values of finite MDPs by linear algebra, in double precision.

Whatever a sampled estimator says in this course is held against these numbers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from rlcourse.checks import check_fraction, check_positive_integer, require


@dataclass(frozen=True)
class FiniteMDP:
    """A finite MDP as two tables.

    Args:
        transitions: P[s, a, s'], probabilities; a row may sum to less than 1, the rest ends the episode.
        rewards: R[s, a], the mean reward of action a in state s.

    Raises:
        ValueError: if shapes do not fit, a probability is negative, or a row sums to more than 1.
    """

    transitions: torch.Tensor
    rewards: torch.Tensor

    def __post_init__(self):
        for name in ("transitions", "rewards"):
            table = torch.as_tensor(getattr(self, name), dtype=torch.float64).clone()
            require(table.isfinite().all(), f"{name} must hold finite numbers, got NaN or infinity")
            object.__setattr__(self, name, table)
        shape = tuple(self.transitions.shape)
        require(
            len(shape) == 3 and shape[0] == shape[2], f"transitions must have shape [S, A, S], got {shape}"
        )
        require(
            tuple(self.rewards.shape) == shape[:2],
            f"rewards must have shape [S, A] = {shape[:2]}, got {tuple(self.rewards.shape)}",
        )
        require((self.transitions >= 0).all(), "transitions must be probabilities, got a negative one")
        largest = self.transitions.sum(-1).max().item()
        require(largest <= 1 + 1e-9, f"transitions must sum to at most 1 over s', got {largest:.6g}")

    @property
    def num_states(self):
        return self.rewards.shape[0]

    @property
    def num_actions(self):
        return self.rewards.shape[1]

    def unroll(self, horizon):
        """The same MDP played for `horizon` steps and no more, time made part of the state.

        State t * S + s of the result is state s with horizon - t steps left.
        """
        horizon = check_positive_integer("horizon", horizon)
        states, actions = self.rewards.shape
        layers = torch.zeros(horizon, states, actions, horizon, states, dtype=torch.float64)
        for t in range(horizon - 1):
            layers[t, :, :, t + 1] = self.transitions
        size = horizon * states
        return FiniteMDP(layers.reshape(size, actions, size), self.rewards.repeat(horizon, 1))


class Evaluation(NamedTuple):
    """Exact values of one policy: V[s], Q[s, a], A[s, a], in the unit of reward."""

    V: torch.Tensor
    Q: torch.Tensor
    A: torch.Tensor


def _check_policy(mdp, policy):
    policy = torch.as_tensor(policy, dtype=torch.float64)
    shape = tuple(mdp.rewards.shape)
    require(tuple(policy.shape) == shape, f"policy must have shape [S, A] = {shape}, got {tuple(policy.shape)}")
    is_distribution = (policy >= 0).all() and torch.allclose(policy.sum(-1), torch.ones(shape[0]).double())
    require(is_distribution, "policy must hold probabilities that sum to 1 in every state")
    return policy


def _solve(matrix, target, gamma):
    """Solve (I - γ P_π) x = target, or say why the sum of rewards is not finite."""
    if not torch.linalg.cond(matrix) < 1e13:  # NaN for the zero matrix
        raise ValueError(
            f"gamma must be below 1 for a policy that never ends the episode, got {gamma:g}: "
            "the undiscounted sum of rewards has no limit"
        )
    return torch.linalg.solve(matrix, target)


def evaluate(mdp, policy, *, gamma):
    """Exact V, Q and A of a policy.

        V = (I - γ P_π)^{-1} R_π,    Q = R + γ P V,    A = Q - V

    Args:
        mdp: a FiniteMDP.
        policy: π(a|s), shape [S, A].
        gamma: γ, in [0, 1]; 1 needs a policy that ends every episode.

    Returns:
        Evaluation(V[s], Q[s, a], A[s, a]), float64, unit of reward.

    Raises:
        ValueError: if policy is not one, gamma is outside [0, 1], or the values are not finite.

    Source: Sutton & Barto 2018, section 4.1.
    """
    gamma = check_fraction("gamma", gamma)
    policy = _check_policy(mdp, policy)
    step = torch.einsum("sa,sap->sp", policy, mdp.transitions)
    reward = (policy * mdp.rewards).sum(-1)
    identity = torch.eye(mdp.num_states, dtype=torch.float64)
    V = _solve(identity - gamma * step, reward, gamma)
    Q = mdp.rewards + gamma * mdp.transitions @ V
    return Evaluation(V, Q, Q - V[:, None])


def visits(mdp, policy, start, *, gamma):
    """Discounted number of visits to each state, from the start distribution.

        d = (I - γ P_πᵀ)^{-1} start

    Args:
        start: probabilities of the first state, shape [S].

    Returns:
        d[s], float64; with gamma = 1 the expected number of visits in an episode.

    Source: Sutton et al. 2000.
    """
    gamma = check_fraction("gamma", gamma)
    policy = _check_policy(mdp, policy)
    start = torch.as_tensor(start, dtype=torch.float64)
    step = torch.einsum("sa,sap->sp", policy, mdp.transitions)
    identity = torch.eye(mdp.num_states, dtype=torch.float64)
    return _solve(identity - gamma * step.T, start, gamma)


def policy_gradient(mdp, policy, start, *, gamma):
    """Exact gradient of the mean return with respect to the logits of a tabular softmax policy.

        ∂J/∂logit[s, a] = d(s) π(a|s) A(s, a)

    Returns:
        Gradient, shape [S, A], float64, unit of reward.

    Source: Sutton et al. 2000, the policy gradient theorem.
    """
    policy = _check_policy(mdp, policy)
    advantage = evaluate(mdp, policy, gamma=gamma).A
    return visits(mdp, policy, start, gamma=gamma)[:, None] * policy * advantage
