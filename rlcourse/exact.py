"""The oracle: exact values of finite MDPs by linear algebra, in double precision.

Whatever a sampled estimator says in this course is held against these numbers.

The second half is the same for rewards with entropy, r + α H(π): soft values, and soft policy iteration.

    AL-14  Soft policy evaluation of π
        1  Q ← 0
        2  repeat
        3      Q_new ← 𝓑^π Q = R + γ P V, where V(s) = Σ_a π(a|s) (Q(s, a) - α log π(a|s))
        4      stop when no entry has moved by more than tol (1 - γ)/γ

    AL-15  Soft policy improvement
        1  π(·|s) ← softmax(Q(s, ·)/α) in every state

    AL-16  Soft policy iteration
        1  π ← uniform
        2  evaluate: Q ← Q^π
        3  repeat
        4      improve: π ← softmax(Q/α)
        5      evaluate: Q ← Q^π
        6      stop when the values rise no more
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from rlcourse.checks import check_nonnegative, check_positive_integer, check_step_size, check_unit_interval, require


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

    def __post_init__(self) -> None:
        for name in ("transitions", "rewards"):
            table = torch.as_tensor(getattr(self, name), dtype=torch.float64).clone()
            require(table.isfinite().all(), f"{name} must hold finite numbers, got NaN or infinity")
            object.__setattr__(self, name, table)
        shape = tuple(self.transitions.shape)
        square = len(shape) == 3 and shape[0] == shape[2]
        require(square and self.transitions.numel(), f"transitions must have shape [S, A, S], S, A >= 1, got {shape}")
        require(
            tuple(self.rewards.shape) == shape[:2],
            f"rewards must have shape [S, A] = {shape[:2]}, got {tuple(self.rewards.shape)}",
        )
        require((self.transitions >= 0).all(), "transitions must be probabilities, got a negative one")
        largest = self.transitions.sum(-1).max().item()
        require(largest <= 1 + 1e-9, f"transitions must sum to at most 1 over s', got {largest:.6g}")

    @property
    def num_states(self) -> int:
        return self.rewards.shape[0]

    @property
    def num_actions(self) -> int:
        return self.rewards.shape[1]

    def unroll(self, horizon: int) -> "FiniteMDP":
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


def _check_policy(mdp: FiniteMDP, policy: torch.Tensor) -> torch.Tensor:
    policy = torch.as_tensor(policy, dtype=torch.float64)
    shape = tuple(mdp.rewards.shape)
    require(tuple(policy.shape) == shape, f"policy must have shape [S, A] = {shape}, got {tuple(policy.shape)}")
    is_distribution = (policy >= 0).all() and torch.allclose(policy.sum(-1), torch.ones(shape[0]).double())
    require(is_distribution, "policy must hold probabilities that sum to 1 in every state")
    return policy


def _solve(matrix: torch.Tensor, target: torch.Tensor, gamma: float) -> torch.Tensor:
    """Solve (I - γ P_π) x = target, or say why the sum of rewards is not finite."""
    # Each entry is 1 or 0 less a probability, right to about 1e-16. A matrix this near to a singular one is taken for
    # one: the chance that the episode ends would be little else than rounding, and x with it.
    if torch.linalg.matrix_norm(matrix, ord=-2) < 1e-13:
        raise ValueError(
            f"gamma must be below 1 for a policy that never ends the episode, got {gamma:g}: "
            "the undiscounted sum of rewards has no limit"
        )
    return torch.linalg.solve(matrix, target)


def evaluate(mdp: FiniteMDP, policy: torch.Tensor, *, gamma: float) -> Evaluation:
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
    gamma = check_unit_interval("gamma", gamma)
    policy = _check_policy(mdp, policy)
    step = torch.einsum("sa,sap->sp", policy, mdp.transitions)
    reward = (policy * mdp.rewards).sum(-1)
    identity = torch.eye(mdp.num_states, dtype=torch.float64)
    V = _solve(identity - gamma * step, reward, gamma)
    Q = mdp.rewards + gamma * mdp.transitions @ V
    return Evaluation(V, Q, Q - V[:, None])


def visits(mdp: FiniteMDP, policy: torch.Tensor, start: torch.Tensor, *, gamma: float) -> torch.Tensor:
    """Discounted number of visits to each state, from the start distribution.

        d = (I - γ P_πᵀ)^{-1} start

    Args:
        start: probabilities of the first state, shape [S].

    Returns:
        d[s], float64; with gamma = 1 the expected number of visits in an episode.

    Raises:
        ValueError: if policy or start is not what it should be, gamma is out of range, or visits have no end.

    Source: Sutton et al. 2000.
    """
    gamma = check_unit_interval("gamma", gamma)
    policy = _check_policy(mdp, policy)
    start = torch.as_tensor(start, dtype=torch.float64)
    is_start = start.shape == (mdp.num_states,) and (start >= 0).all() and abs(start.sum() - 1) < 1e-6
    require(is_start, f"start must hold {mdp.num_states} probabilities that sum to 1, got {start.tolist()}")
    step = torch.einsum("sa,sap->sp", policy, mdp.transitions)
    identity = torch.eye(mdp.num_states, dtype=torch.float64)
    return _solve(identity - gamma * step.T, start, gamma)


def policy_gradient(mdp: FiniteMDP, policy: torch.Tensor, start: torch.Tensor, *, gamma: float) -> torch.Tensor:
    """Exact gradient of the mean return with respect to the logits of a tabular softmax policy.

        ∂J/∂logit[s, a] = d(s) π(a|s) A(s, a)

    Returns:
        Gradient, shape [S, A], float64, unit of reward.

    Raises:
        ValueError: as `evaluate` and `visits`.

    Source: Sutton et al. 2000, the policy gradient theorem.
    """
    policy = _check_policy(mdp, policy)
    advantage = evaluate(mdp, policy, gamma=gamma).A
    return visits(mdp, policy, start, gamma=gamma)[:, None] * policy * advantage


# ---------------------------------------------------------------- maximum entropy: soft values


class SoftEvaluation(NamedTuple):
    """Exact soft values of one policy, V[s] and Q[s, a], in the unit of reward."""

    V: torch.Tensor
    Q: torch.Tensor


class SoftIteration(NamedTuple):
    """One iteration of soft policy iteration: a policy π[s, a], and its own soft values."""

    policy: torch.Tensor
    V: torch.Tensor
    Q: torch.Tensor


class SoftSolution(NamedTuple):
    """The best policy for rewards with entropy, its soft values, and the iterations that led there."""

    policy: torch.Tensor
    V: torch.Tensor
    Q: torch.Tensor
    history: tuple[SoftIteration, ...]
    """SoftIteration after SoftIteration: first the uniform policy, last the result."""


RISE = 1e-12  # relative: less than this, the values of two policies in a row count as equal
ROUNDING = 4e-16  # relative: the last digits move for ever, so a tolerance below them would never be met
PATIENCE = 20_000  # backups without discount, after which values that still move are said to have no limit


def boltzmann(Q: torch.Tensor, alpha: float) -> torch.Tensor:
    """The policy that weighs every action by the exponential of its value: AL-15.

        π(a|s) = exp(Q(s, a)/α) / Σ_b exp(Q(s, b)/α)

    Args:
        Q: action values, shape [..., A], unit of reward.
        alpha: temperature α > 0, unit of reward; towards 0 the largest Q takes all, towards ∞ all are equal.

    Returns:
        Probabilities, shape of Q, float64.

    Raises:
        ValueError: if Q is not finite, or alpha not above 0.

    Source: Haarnoja et al. 2017, theorem 1.
    """
    alpha = _check_temperature(alpha)
    Q = torch.as_tensor(Q, dtype=torch.float64)
    is_table = Q.dim() >= 1 and Q.shape[-1] >= 1 and Q.isfinite().all()
    require(is_table, f"Q must hold finite numbers, shape [..., A], got shape {tuple(Q.shape)} or NaN or infinity")
    return torch.softmax((Q - Q.amax(-1, keepdim=True)) / alpha, -1)  # AL-15.1


def soft_backup(mdp: FiniteMDP, policy: torch.Tensor, Q: torch.Tensor, *, gamma: float, alpha: float) -> torch.Tensor:
    """One application of the soft Bellman operator of a policy.

        (𝓑^π Q)(s, a) = R(s, a) + γ Σ_s' P(s'|s, a) Σ_a' π(a'|s') (Q(s', a') - α log π(a'|s'))

    A contraction: two tables come closer by γ, in the largest entry. The entropy is that of the next step.

    Args:
        policy: π(a|s), shape [S, A].
        Q: any table, shape [S, A], unit of reward.
        gamma: γ, in [0, 1].
        alpha: temperature α >= 0.

    Returns:
        𝓑^π Q, shape [S, A], float64.

    Raises:
        ValueError: if a table has the wrong shape, policy is not one, or gamma or alpha is out of range.

    Source: Haarnoja et al. 2018b, lemma 1.
    """
    gamma, alpha = check_unit_interval("gamma", gamma), check_nonnegative("alpha", alpha)
    policy = _check_policy(mdp, policy)
    Q, shape = torch.as_tensor(Q, dtype=torch.float64), tuple(mdp.rewards.shape)
    require(tuple(Q.shape) == shape, f"Q must have shape [S, A] = {shape}, got {tuple(Q.shape)}")
    V = (policy * Q).sum(-1) + alpha * _entropy(policy)  # AL-14.3
    return mdp.rewards + gamma * mdp.transitions @ V  # AL-14.3


def soft_evaluate(mdp: FiniteMDP, policy: torch.Tensor, *, gamma: float, alpha: float) -> SoftEvaluation:
    """Exact soft V and Q of a policy.

        V = (I - γ P_π)^{-1} (R_π + α H_π),    Q = R + γ P V

    V(s) holds the entropy of the step taken in s; Q(s, a) does not, its action being given.

    Args:
        mdp: a FiniteMDP.
        policy: π(a|s), shape [S, A].
        gamma: γ, in [0, 1]; 1 needs a policy that ends every episode.
        alpha: temperature α >= 0, unit of reward per nat; with 0 these are the values of `evaluate`.

    Returns:
        SoftEvaluation(V[s], Q[s, a]), float64, unit of reward.

    Raises:
        ValueError: if policy is not one, gamma or alpha is out of range, or the values are not finite.

    Source: Haarnoja et al. 2018b, equations 2 and 3.
    """
    gamma, alpha = check_unit_interval("gamma", gamma), check_nonnegative("alpha", alpha)
    policy = _check_policy(mdp, policy)
    step = torch.einsum("sa,sap->sp", policy, mdp.transitions)
    reward = (policy * mdp.rewards).sum(-1) + alpha * _entropy(policy)
    V = _solve(torch.eye(mdp.num_states, dtype=torch.float64) - gamma * step, reward, gamma)
    return SoftEvaluation(V, mdp.rewards + gamma * mdp.transitions @ V)


def soft_evaluate_by_backups(
    mdp: FiniteMDP, policy: torch.Tensor, *, gamma: float, alpha: float, tol: float = 1e-10
) -> SoftEvaluation:
    """Soft V and Q of a policy without solving anything: back up until nothing moves. AL-14.

    What a learner without the tables P and R imitates; `soft_evaluate` has the same limit at once.

    Args:
        gamma: γ, in [0, 1).
        tol: the largest error of an entry of Q that remains.

    Returns:
        SoftEvaluation(V[s], Q[s, a]), float64.

    Raises:
        ValueError: as `soft_evaluate`, or if tol is not above 0.
    """
    require(check_unit_interval("gamma", gamma) < 1, "gamma must be below 1: the backup contracts by gamma, got 1")
    tol, policy = check_step_size("tol", tol), _check_policy(mdp, policy)
    Q = torch.zeros_like(mdp.rewards)  # AL-14.1
    while True:  # AL-14.2
        before, Q = Q, soft_backup(mdp, policy, Q, gamma=gamma, alpha=alpha)  # AL-14.3
        moved = (Q - before).abs().max().item()
        if gamma * moved <= max(tol * (1 - gamma), ROUNDING * Q.abs().max().item()):  # AL-14.4
            return SoftEvaluation((policy * Q).sum(-1) + alpha * _entropy(policy), Q)


def soft_policy_iteration(mdp: FiniteMDP, *, gamma: float, alpha: float) -> SoftSolution:
    """The policy of largest reward with entropy, by turns of evaluation and improvement. AL-16.

        π* = argmax_π E_π[Σ_t γ^t (r_t + α H(π(·|s_t)))]

    Args:
        gamma: γ, in [0, 1]; 1 needs policies that end every episode.
        alpha: temperature α > 0, unit of reward per nat.

    Returns:
        SoftSolution(policy[s, a], V[s], Q[s, a], history), float64.

    Raises:
        ValueError: if gamma or alpha is out of range, or the values are not finite.

    Source: Haarnoja et al. 2018b, theorem 1.
    """
    gamma, alpha = check_unit_interval("gamma", gamma), _check_temperature(alpha)
    policy = torch.full_like(mdp.rewards, 1 / mdp.num_actions)  # AL-16.1
    history = [SoftIteration(policy, *soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha))]  # AL-16.2
    rises = True
    while rises:  # AL-16.3
        policy = boltzmann(history[-1].Q, alpha)  # AL-16.4
        history.append(SoftIteration(policy, *soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha)))  # AL-16.5
        rise = (history[-1].V - history[-2].V).sum()
        rises = bool(rise > RISE * history[-1].V.abs().sum())  # AL-16.6
    return SoftSolution(*history[-1], tuple(history))


def soft_value_iteration(mdp: FiniteMDP, *, gamma: float, alpha: float, tol: float = 1e-10) -> SoftEvaluation:
    """The same optimum by another path, without ever holding a policy: the oracle for the oracle.

        Q ← R + γ P V,    V(s) ← α log Σ_a exp(Q(s, a)/α)

    Args:
        gamma: γ, in [0, 1]; 1 needs policies that end every episode.
        alpha: temperature α > 0, unit of reward per nat.
        tol: the largest error of an entry of V that remains (with gamma = 1: its last change).

    Returns:
        SoftEvaluation(V[s], Q[s, a]) of the best policy, which is boltzmann(Q, alpha); float64.

    Raises:
        ValueError: if an argument is out of range, or the values keep growing.

    Source: Haarnoja et al. 2017, theorem 3.
    """
    gamma, alpha = check_unit_interval("gamma", gamma), _check_temperature(alpha)
    tol = check_step_size("tol", tol)
    scale = (1 - gamma) / gamma if 0 < gamma < 1 else 1.0
    V, backups, moved = torch.zeros(mdp.num_states, dtype=torch.float64), 0, float("inf")
    while moved > max(tol * scale, ROUNDING * V.abs().max().item()):
        require(
            gamma < 1 or backups < PATIENCE,
            f"gamma must be below 1 for rewards with entropy that never end, got {gamma:g}: the values have no limit",
        )
        Q = mdp.rewards + gamma * mdp.transitions @ V
        best = Q.amax(-1)
        before, V = V, best + alpha * torch.logsumexp((Q - best[:, None]) / alpha, -1)
        backups, moved = backups + 1, (V - before).abs().max().item()
    return SoftEvaluation(V, mdp.rewards + gamma * mdp.transitions @ V)


def _check_temperature(alpha: float) -> float:
    """α > 0: at 0 the softmax has no meaning, and `evaluate` has the values."""
    return check_step_size("alpha", alpha)


def _entropy(policy: torch.Tensor) -> torch.Tensor:
    """-Σ_a π(a|s) log π(a|s) of every state, in nats; 0 log 0 = 0."""
    return -torch.xlogy(policy, policy).sum(-1)
