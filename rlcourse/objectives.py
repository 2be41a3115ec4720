"""Objectives to ascend, which are scalars, and targets to fit, one per step: each one formula of the course.

Nothing is detached in here. The caller decides what is a constant, and says so where it can be seen.
"""

import torch

from rlcourse.checks import (
    check_flags,
    check_nonnegative,
    check_positive,
    check_sequences,
    check_unit_interval,
    require,
)

LARGEST_LOG_RATIO = 60.0  # e^89 is infinite in single precision, and the gradient of what is clipped away NaN


def policy_gradient(log_probs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The scalar whose gradient is the policy gradient estimate.

        ∇_θ mean_t[ log π_θ(a_t|s_t) Ψ_t ] = mean_t[ Ψ_t ∇_θ log π_θ(a_t|s_t) ]

    Ψ_t is any of: the episode's return, the reward-to-go, Q(s_t, a_t), the advantage. It is a constant here:
    compute it without a gradient. The mean runs over steps; the gradient of the mean return of an episode is
    this times the mean number of steps, a factor that the step size absorbs.

    Args:
        log_probs: log π_θ(a_t|s_t), shape [T, ...].
        weights: Ψ_t, same shape, unit of reward.

    Returns:
        A scalar to ascend.

    Raises:
        ValueError: if the shapes differ, are empty, or a number is not finite.

    Source: Williams 1992; Schulman et al. 2016, eq. 1.
    """
    check_sequences(log_probs=log_probs, weights=weights)
    return (log_probs * weights).mean()


def clipped_surrogate(
    log_probs: torch.Tensor, old_log_probs: torch.Tensor, advantages: torch.Tensor, *, clip_eps: float
) -> torch.Tensor:
    """PPO's objective: the likelihood ratio times the advantage, with no reward for leaving the clip range.

        ρ_t = π_θ(a_t|s_t) / π_old(a_t|s_t)
        L = mean_t[ min( ρ_t Â_t, clip(ρ_t, 1-ε, 1+ε) Â_t ) ]

    Args:
        log_probs, old_log_probs: log π_θ(a_t|s_t), log π_old(a_t|s_t); shape [T, ...]. The old ones are constants.
        advantages: Â_t, same shape, unit of reward; constants.
        clip_eps: ε > 0; infinity clips nothing.

    Returns:
        A scalar to ascend. (A logarithm of the ratio above 60 counts as 60, so that nothing overflows.)

    Raises:
        ValueError: if the shapes differ, are empty, a number is not finite, or clip_eps is not positive.

    Source: Schulman et al. 2017, eq. 7.
    """
    check_sequences(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages)
    clip_eps = check_positive("clip_eps", clip_eps)
    ratio = torch.exp((log_probs - old_log_probs).clamp(max=LARGEST_LOG_RATIO))
    clipped = ratio.clamp(1 - clip_eps, 1 + clip_eps)
    return torch.minimum(ratio * advantages, clipped * advantages).mean()


def td_target(rewards: torch.Tensor, next_q: torch.Tensor, terminated: torch.Tensor, *, gamma: float) -> torch.Tensor:
    """What a Q critic is fitted to: one step of reward, then the value of going on, unless the step was the last.

        y = r + γ (1 - d) Q̄(s', a')

    d is `terminated` alone: after a truncation there was a future. The caller supplies Q̄(s', a') without a
    gradient, for the a' of the policy that is judged, not the one that happens to be stored.

    Args:
        rewards: r, shape [B, ...], unit of reward.
        next_q: Q̄(s', a'), or a soft value of s'; same shape.
        terminated: d, boolean, same shape.
        gamma: γ in [0, 1].

    Returns:
        y, same shape.

    Raises:
        ValueError: if the shapes differ, a number is not finite, terminated is not boolean, or gamma not in [0, 1].

    Source: Mnih et al. 2015; Lillicrap et al. 2016, algorithm 1.
    """
    check_flags(terminated=terminated)
    check_sequences(rewards=rewards, next_q=next_q, terminated=terminated)
    gamma = check_unit_interval("gamma", gamma)
    return rewards + gamma * next_q * ~terminated


def soft_value_target(
    q1: torch.Tensor, q2: torch.Tensor, log_probs: torch.Tensor, *, alpha: float | torch.Tensor
) -> torch.Tensor:
    """The soft value of a state, estimated from one action: the smaller of two critics, minus α log π.

        V(s) ≈ min(Q₁(s, a), Q₂(s, a)) - α log π(a|s),    a ~ π(.|s)

    Args:
        q1, q2: two critics' values of the same actions, shape [B, ...], unit of reward.
        log_probs: log π(a|s) of those actions, same shape.
        alpha: temperature α >= 0, reward per nat; a number, or one per seed, [S, 1] beside [S, B].

    Returns:
        The estimate of V(s), same shape. As a critic's target it is a constant: compute it without a gradient.

    Raises:
        ValueError: if the shapes differ, a number is not finite, or alpha is negative.

    Source: Haarnoja et al. 2018a, eq. 5; Haarnoja et al. 2018b, eq. 3.
    """
    check_sequences(q1=q1, q2=q2, log_probs=log_probs)
    if isinstance(alpha, torch.Tensor) and alpha.numel() > 1:
        shape = (*q1.shape[:-1], 1)
        require(alpha.shape == shape, f"alpha must be a number or have shape {shape}, got {tuple(alpha.shape)}")
        require(bool((alpha >= 0).all()), f"alpha must hold numbers >= 0, got {alpha}")
    else:
        alpha = check_nonnegative("alpha", alpha)
    return torch.minimum(q1, q2) - alpha * log_probs
