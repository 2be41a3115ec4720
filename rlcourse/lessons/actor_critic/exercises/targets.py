"""E3: the step size of a single sample; and E4, which is optional: what the batch critic is fitted to."""

import functools

import numpy as np
import torch

from rlcourse.course.by_hand import column
from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, judge, not_started, right, write, wrong
from rlcourse.returns import rewards_to_go


def _targets(
    rewards,
    next_values,
    terminated,
    truncated,
    gamma,
    *,
    bootstrap="cut",
    stops="both",
    power=None,
    of=None,
    near=False,
):
    """Reward-to-go of every step, episodes laid end to end; with the keywords, gone wrong."""
    T, targets = len(rewards), torch.zeros_like(rewards)
    for t in range(T):
        for k in range(T - t):
            row = t + k
            weight = gamma ** (row if power == "clock" else k) if power != "none" else 1.0
            targets[t] += weight * rewards[row]
            over = (terminated[row] and stops != "never") or (truncated[row] and stops == "both")
            cut = not terminated[row] and (truncated[row] or (row == T - 1 and bootstrap != "flagged"))
            seen = {"next": min(row + 1, T - 1), "last": T - 1}.get(of, row)
            if bootstrap == "window":
                cut = row == T - 1 and not terminated[row]
            if (over or row == T - 1) and bootstrap != "never" and (cut or bootstrap == "always"):
                targets[t] += weight * gamma ** (power != "none" and not near) * next_values[seen]
            if over:
                break
    return targets


def _without_the_last_reward(rewards, next_values, terminated, truncated, gamma):
    targets, after = torch.zeros_like(rewards), next_values[-1]
    for t in reversed(range(len(rewards))):
        if truncated[t]:
            after = next_values[t]
        else:
            after = rewards[t] + gamma * (0.0 if terminated[t] else after)
        targets[t] = after
    return targets


def _flags_too_late(rewards, next_values, terminated, truncated, gamma):
    targets, after = torch.zeros_like(rewards), next_values[-1]
    for t in reversed(range(len(rewards))):
        targets[t] = after = rewards[t] + gamma * after
        if terminated[t]:
            after = 0.0
        elif truncated[t]:
            after = next_values[t]
    return targets


TARGET_MISTAKES = [
    Mistake(
        "Your returns run on into the next episode. What a later episode earned is nothing to this one: stop at both "
        "flags.",
        functools.partial(_targets, stops="never"),
    ),
    Mistake(
        "Your returns stop where an episode terminated, but run on over a truncation. The row after it belongs to "
        "another episode, too.",
        functools.partial(_targets, stops="terminated"),
    ),
    Mistake(
        "Where an episode was cut off (truncated, or the last row), something was still to come. Add gamma V(s') of "
        "that last state.",
        functools.partial(_targets, bootstrap="never"),
    ),
    Mistake(
        "You add the value of the last state even where the episode terminated. There is nothing after it.",
        functools.partial(_targets, bootstrap="always"),
    ),
    Mistake(
        "The last row was cut off, too, even without a flag: add gamma V(s') there.",
        functools.partial(_targets, bootstrap="flagged"),
    ),
    Mistake(
        "After a truncation use next_values of the same row: next_values[t] is already the value of the state that "
        "step t led to.",
        functools.partial(_targets, of="next"),
    ),
    Mistake(
        "Every truncation bootstraps with the last row of next_values. Each of them has a state of its own: use "
        "next_values of the same row.",
        functools.partial(_targets, of="last"),
    ),
    Mistake(
        "These are TD targets, one reward and then the critic. Asked for are the sampled returns, which use every "
        "reward up to the end.",
        lambda r, n, d, u, gamma: r + gamma * n * ~d,
    ),
    Mistake(
        "Your discount counts from the beginning of the record. It counts from the step itself: the first reward is "
        "not discounted.",
        functools.partial(_targets, power="clock"),
    ),
    Mistake("Gamma is missing.", functools.partial(_targets, power="none")),
    Mistake(
        "At a truncation you stop without the value of the last state: only the last row gets one. A truncation is no "
        "end of the future; add gamma V(s') there, too.",
        functools.partial(_targets, bootstrap="window"),
    ),
    Mistake(
        "Your sum runs on over a truncation, and nothing stands for the future after the last row.",
        functools.partial(_targets, stops="terminated", bootstrap="never"),
    ),
    Mistake(
        "The value of the last state lies one step ahead of the last reward: multiply it by gamma.",
        functools.partial(_targets, near=True),
    ),
    Mistake(
        "Where an episode was truncated your target is V(s') alone. The reward of that step comes first: "
        "r + gamma V(s').",
        _without_the_last_reward,
    ),
    Mistake(
        "You look at the flags of row t after its reward has been added, so they act on row t-1. Look at them first.",
        _flags_too_late,
    ),
    Mistake(
        "Your numbers are right and in the wrong order: you went from the last step to the first and did not turn the "
        "list round.",
        lambda r, n, d, u, gamma: _targets(r, n, d, u, gamma).flip(0),
    ),
    Mistake(
        "The two flags have changed places: a truncated step bootstraps, a terminated one does not.",
        lambda r, n, d, u, gamma: _targets(r, n, u, d, gamma),
    ),
    Mistake(
        "You added up what had been earned before, from the first step on. A value looks ahead: begin at the last "
        "step and go back.",
        lambda r, n, d, u, gamma: _forwards(r, d | u, gamma),
    ),
    Mistake(
        "Your sum leaves out the reward of the step itself, which is earned after s was seen.",
        lambda r, n, d, u, gamma: _targets(r, n, d, u, gamma) - r,
    ),
]


def _forwards(rewards, ended, gamma):
    totals, total = [], 0.0
    for r, e in zip(rewards, ended, strict=True):
        total = r + gamma * total
        totals.append(total)
        total = 0.0 if e else total
    return torch.stack(totals)


def critic_targets(student, *, seed=None):
    """E4: student(rewards, next_values, terminated, truncated, gamma) -> the return from every step, for the critic.

    Args:
        student: the function; rewards and next_values are float64 tensors [T], several episodes end to end, the
            flags booleans [T], gamma a number. next_values[t] is V of the state that step t led to.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    flags = torch.tensor([[False, True, False, False], [False, False, False, True]])
    cases = [(column(1, 2, 0, 4), column(9, 9, 9, 6), *flags, 0.5)]
    for steps in (6, 9, 12):
        ends = rng.choice(3, steps, p=(0.6, 0.2, 0.2))
        ends[[1, 3, -1]] = 1, 2, 0
        terminated, truncated = (torch.from_numpy(ends == kind) for kind in (1, 2))
        rewards, values = torch.from_numpy(rng.normal(0, 2, (2, steps)))
        cases.append((rewards, values, terminated, truncated, round(float(rng.uniform(0.6, 0.95)), 2)))
    return judge(
        student,
        lambda r, n, d, u, gamma: rewards_to_go(r, d, u, gamma=gamma, next_values=n),
        cases,
        TARGET_MISTAKES,
        praise="Every draw agrees. It took all the rewards up to the end, and an online learner has only one.",
        show=lambda r, n, d, u, gamma: (
            f"rewards {write(r)}, V(s') {write(n)}, terminated {d.int().tolist()}, truncated {u.int().tolist()}, "
            f"gamma {gamma:g}"
        ),
    )


# ---------------------------------------------------------------- E3

ACCEPTED = (0.02, 0.05)
STEP_SIZE_MISTAKES = (
    (
        0.5,
        "That leaves the step size as it was. A single sample has four times the standard deviation of the mean of "
        "sixteen, and sixteen updates are made for one. Each may go only a fraction as far.",
    ),
    (8.0, "You multiplied by 16. One sample tells less than sixteen, so the step has to be shorter."),
    (
        0.125,
        "You divided by 4, the square root of 16. The root is right for the standard deviation of one gradient; but "
        "sixteen small steps are taken while the batch takes one, and together they may go as far as that one.",
    ),
    (2.0, "You multiplied by 4. One sample tells less than sixteen, so the step has to be shorter."),
    (
        0.5 / 256,
        "You divided by 16 twice, it seems. Sixteen small steps are taken for one large one, so that one "
        "division is enough; this would learn sixteen times too slowly.",
    ),
)


def matching_step_size(eta):
    """E3: the step size of a single sample that learns like B = 16 with η = 0.5; between 0.02 and 0.05 is right.

    Args:
        eta: a number, or a function without arguments that returns one.

    Returns:
        A Verdict.
    """
    if eta is None or eta is Ellipsis:
        return not_started()
    try:
        value = as_tensor(call(eta, ()) if callable(eta) else eta, torch.zeros(())).item()
    except Stopped as stopped:
        return stopped.verdict
    if value <= 0:
        return wrong("A step size is above zero.")
    for known, sentence in STEP_SIZE_MISTAKES:
        if abs(value - known) <= 0.02 * known:
            return wrong(sentence)
    low, high = ACCEPTED
    if value > high:
        return wrong(f"{value:.3g} is too large: sixteen steps of this size go further than the one of 0.5.")
    if value < low:
        return wrong(f"{value:.3g} is too small: sixteen steps of this size go less far than the one of 0.5.")
    return right(
        "Sixteen steps of 0.5/16 = 0.031 go as far as one of 0.5, with as much averaging. The 256 learners above agree."
    )
