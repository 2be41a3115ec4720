"""From rewards and values to what an action was worth: returns, TD errors, advantages.

There are two kinds of ending. Termination removes the future: the value of a
terminal state is zero. Truncation only stops the recording: V(s_{t+1}) still counts, but the sum may
not run on into the next episode. Shapes are [T, ...], time first; results are in the unit of reward.
"""

import torch

from rlcourse.checks import check_flags, check_positive_integer, check_sequences, check_unit_interval


def _real(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


def td_errors(
    rewards: torch.Tensor, values: torch.Tensor, next_values: torch.Tensor, terminated: torch.Tensor, *, gamma: float
) -> torch.Tensor:
    """One-step TD errors, differentiable in the values.

        δ_t = r_t + γ V(s_{t+1}) [s_{t+1} not terminal] - V(s_t)

    Args:
        rewards, values, next_values: r_t, V(s_t), V(s_{t+1}); shape [T, ...], unit of reward.
        terminated: boolean, same shape; True removes V(s_{t+1}).
        gamma: γ, in [0, 1].

    Returns:
        δ_t, shape [T, ...], unit of reward.

    Raises:
        ValueError: if shapes differ ([T] against [T, 1] would broadcast), the sequence is empty, a number is
            not finite, the flag is not boolean, or gamma lies outside [0, 1].

    Source: Sutton & Barto 2018, eq. 6.5; the mask: Pardo et al. 2018.
    """
    check_sequences(rewards=rewards, values=values, next_values=next_values, terminated=terminated)
    check_flags(terminated=terminated)
    gamma = check_unit_interval("gamma", gamma)
    return rewards + gamma * next_values * ~terminated - values


def rewards_to_go(
    rewards: torch.Tensor,
    terminated: torch.Tensor,
    truncated: torch.Tensor,
    *,
    gamma: float,
    next_values: torch.Tensor | None = None,
) -> torch.Tensor:
    """Discounted sums of the rewards still to come, one for each step.

        R̂_t = r_t + γ R̂_{t+1} [same episode]

    With next_values, an episode that was cut short keeps its future: a truncated step adds γ V(s_{t+1}), and
    so does the last row of the window unless it is terminated. Without them, sums stop where the record stops.

    Args:
        rewards: r_t, shape [T, ...], unit of reward.
        terminated, truncated: boolean, same shape.
        gamma: γ, in [0, 1].
        next_values: V(s_{t+1}), same shape, or None.

    Returns:
        R̂_t, shape [T, ...], unit of reward; carries no gradient.

    Raises:
        ValueError: as in `td_errors`.

    Source: Sutton & Barto 2018, eqs. 3.8 and 3.9.
    """
    check_sequences(rewards=rewards, terminated=terminated, truncated=truncated)
    check_flags(terminated=terminated, truncated=truncated)
    gamma = check_unit_interval("gamma", gamma)
    terms = _real(rewards)
    if next_values is not None:
        check_sequences(rewards=rewards, next_values=next_values)
        cut = truncated.clone()
        cut[-1] = True
        terms = terms + gamma * next_values * (cut & ~terminated)
    ended = terminated | truncated
    returns = terms.detach().clone()
    for t in reversed(range(len(returns) - 1)):
        returns[t] += gamma * returns[t + 1] * ~ended[t]
    return returns


def n_step_advantages(
    rewards: torch.Tensor,
    values: torch.Tensor,
    next_values: torch.Tensor,
    terminated: torch.Tensor,
    truncated: torch.Tensor,
    *,
    gamma: float,
    n: int,
) -> torch.Tensor:
    """n-step advantages: n rewards, then the critic's opinion of the rest.

        Â^(n)_t = r_t + γ r_{t+1} + ... + γ^{n-1} r_{t+n-1} + γ^n V(s_{t+n}) - V(s_t)
                = δ_t + γ δ_{t+1} + ... + γ^{n-1} δ_{t+n-1}

    Where the episode ends sooner, the sum stops with it: a terminal state is worth 0, a truncated one V.

    Args:
        rewards, values, next_values: r_t, V(s_t), V(s_{t+1}); shape [T, ...], unit of reward.
        terminated, truncated: boolean, same shape.
        gamma: γ, in [0, 1].
        n: how many rewards to take before the critic speaks, a whole number >= 1.

    Returns:
        Â^(n)_t, shape [T, ...], unit of reward; carries no gradient.

    Raises:
        ValueError: as in `td_errors`, or if n is not a whole number >= 1.

    Source: Schulman et al. 2016, eqs. 11 to 15.
    """
    check_sequences(rewards=rewards, terminated=terminated, truncated=truncated)
    check_flags(terminated=terminated, truncated=truncated)
    gamma, n = check_unit_interval("gamma", gamma), check_positive_integer("n", n)
    deltas = td_errors(rewards, values, next_values, terminated, gamma=gamma).detach()
    ended = terminated | truncated
    advantages = deltas
    for _ in range(min(n, len(deltas)) - 1):  # Horner: each pass lets one more δ in
        next_advantages = torch.cat([advantages[1:], torch.zeros_like(advantages[:1])])
        advantages = deltas + gamma * next_advantages * ~ended
    return advantages


def gae(
    rewards: torch.Tensor,
    values: torch.Tensor,
    next_values: torch.Tensor,
    terminated: torch.Tensor,
    truncated: torch.Tensor,
    *,
    gamma: float,
    gae_lambda: float,
) -> torch.Tensor:
    """Generalized advantage estimates, swept from the last step to the first.

        δ_t = r_t + γ V(s_{t+1}) [s_{t+1} not terminal] - V(s_t)
        Â_t = δ_t + γλ Â_{t+1} [same episode]

    Termination removes the future, so its value is zero. Truncation only
    stops the recording: V(s_{t+1}) stays, the recursion does not.

    Args:
        rewards, values, next_values: r_t, V(s_t), V(s_{t+1}); shape [T, ...], unit of reward.
        terminated, truncated: boolean, same shape.
        gamma, gae_lambda: γ and λ, in [0, 1].

    Returns:
        Â_t, shape [T, ...], unit of reward; carries no gradient.

    Raises:
        ValueError: as in `td_errors`, or if gae_lambda lies outside [0, 1].

    Source: Schulman et al. 2016, eq. 16.
    """
    check_sequences(rewards=rewards, terminated=terminated, truncated=truncated)
    check_flags(terminated=terminated, truncated=truncated)
    gamma, gae_lambda = check_unit_interval("gamma", gamma), check_unit_interval("gae_lambda", gae_lambda)
    advantages = td_errors(rewards, values, next_values, terminated, gamma=gamma).detach().clone()
    decay = gamma * gae_lambda * (~(terminated | truncated)).to(advantages)  # γλ, and 0 where the episode ends
    for t in reversed(range(len(advantages) - 1)):
        advantages[t] += decay[t] * advantages[t + 1]
    return advantages
