"""Objectives: scalars to ascend, each one formula of the course.

Nothing is detached in here. Who calls decides what is a constant, and says so where it can be seen.
"""

import torch

from rlcourse.checks import check_sequences, require


def policy_gradient(log_probs, weights):
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


def clipped_surrogate(log_probs, old_log_probs, advantages, *, clip_eps):
    """PPO's objective: the likelihood ratio times the advantage, with no reward for leaving the clip range.

        ρ_t = π_θ(a_t|s_t) / π_old(a_t|s_t)
        L = mean_t[ min( ρ_t Â_t, clip(ρ_t, 1-ε, 1+ε) Â_t ) ]

    Args:
        log_probs, old_log_probs: log π_θ(a_t|s_t), log π_old(a_t|s_t); shape [T, ...]. The old ones are constants.
        advantages: Â_t, same shape, unit of reward; constants.
        clip_eps: ε > 0.

    Returns:
        A scalar to ascend.

    Raises:
        ValueError: if the shapes differ, are empty, a number is not finite, or clip_eps is not positive.

    Source: Schulman et al. 2017, eq. 7.
    """
    check_sequences(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages)
    require(clip_eps > 0, f"clip_eps must be a number > 0, got {clip_eps!r}")
    ratio = torch.exp(log_probs - old_log_probs)
    clipped = ratio.clamp(1 - clip_eps, 1 + clip_eps)
    return torch.minimum(ratio * advantages, clipped * advantages).mean()
