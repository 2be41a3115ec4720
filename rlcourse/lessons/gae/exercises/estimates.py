"""Exercises: k-step advantages and GAE."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, judge, write, wrong
from rlcourse.returns import gae as _gae
from rlcourse.returns import n_step_advantages


def _recording(rng, *, steps=10):
    """A recording with a terminated and a truncated step inside: rewards, values, next_values, and both flags."""
    rewards, values, next_values = torch.from_numpy(rng.normal(0, 2, (3, steps)))
    terminated, truncated = torch.zeros(2, steps, dtype=torch.bool)
    ends = rng.permutation([int(rng.integers(1, 4)), int(rng.integers(5, 8))])
    terminated[ends[0]] = truncated[ends[1]] = True
    going_on = ~(terminated | truncated)[:-1]
    next_values[:-1][going_on] = values[1:][going_on]  # inside an episode V(s_{t+1}) is the next row's V(s_t)
    return rewards, values, next_values, terminated, truncated


def _tiny(rewards, values, next_values, terminated=(), truncated=()):
    """The same from a few numbers; flags as the steps that carry them."""
    columns = [torch.tensor(column, dtype=torch.float64) for column in (rewards, values, next_values)]
    flags = [torch.tensor([t in flag for t in range(len(rewards))]) for flag in (terminated, truncated)]
    return *columns, *flags


def _show(rewards, values, next_values, terminated, truncated, gamma, last):
    name = "k" if isinstance(last, int) else "gae_lambda"
    ends = [
        f"step {t} {kind}"
        for kind, flag in (("terminated", terminated), ("truncated", truncated))
        for t in flag.nonzero().flatten().tolist()
    ]
    return (
        f"rewards {write(rewards)}, values {write(values)}, next_values {write(next_values)}, "
        f"{', '.join(ends) or 'no end'}, gamma {gamma:.3g}, {name} {last:.3g}"
    )


# ---------------------------------------------------------------- k-step advantages


def _k_step_like(
    *,
    subtract=True,
    value_power=0,
    reward_power=1,
    stop="both",
    mask="terminated",
    next_row=False,
    discount=True,
    extra=0,
    at_last=True,
    count=lambda k: k,
    at_k=False,
    own_row=False,
):
    """k-step advantages with one thing changed."""

    def function(rewards, values, next_values, terminated, truncated, gamma, k):
        steps, gamma = len(rewards), gamma if discount else 1.0
        stops = {
            "both": terminated | truncated,
            "terminated": terminated,
            "never": torch.zeros_like(terminated),
        }[stop]
        masks = {
            "terminated": terminated,
            "none": torch.zeros_like(terminated),
            "both": terminated | truncated,
            "all": torch.ones_like(terminated),
        }[mask]
        after = torch.cat([values[1:], next_values[-1:]]) if next_row else next_values
        advantages = -values * float(subtract)
        for t in range(steps):
            power, row = 1.0, t - 1
            for row in range(t, min(t + count(k) + extra, steps)):
                advantages[t] += rewards[row] * power**reward_power
                power *= gamma
                if stops[row]:
                    break
            if row < t:  # no reward at all: the critic speaks at once
                advantages[t] += values[t]
            elif not masks[row] and (at_last or row < steps - 1 or stops[row]):
                power = gamma**k if at_k else power * gamma**value_power
                advantages[t] += power * after[t if own_row else row]
        return advantages

    return function


K_STEP_MISTAKES = [
    Mistake(
        "Your sums are right, but a sum of rewards is no advantage yet: what did the critic "
        "expect of s_t to begin with?",
        _k_step_like(subtract=False),
    ),
    Mistake(
        "The critic's value stands for a reward k steps ahead: count how often γ has struck by "
        "then, once more than for the last reward.",
        _k_step_like(value_power=-1),
    ),
    Mistake(
        "Your sum runs past the end of an episode and picks up rewards of the next one.",
        _k_step_like(stop="never"),
    ),
    Mistake(
        "Your sum runs past the end of an episode into the next one, and a terminal state gets a value besides.",
        _k_step_like(stop="never", mask="none"),
    ),
    Mistake(
        "Your sum stops at a terminated step but runs on past a truncated one: a cut recording is "
        "followed by another episode, too.",
        _k_step_like(stop="terminated"),
    ),
    Mistake(
        "You ask the critic what comes after a terminated step. Nothing comes after it.",
        _k_step_like(mask="none"),
    ),
    Mistake(
        "You treat a truncated step like a terminated one. Only the recording stopped there: the "
        "future is still worth V of the next state.",
        _k_step_like(mask="both"),
    ),
    Mistake(
        "You never ask the critic: after k rewards (or at a cut) γ to some power times V(next state) is missing.",
        _k_step_like(mask="all"),
    ),
    Mistake(
        "You take V(s_{t+1}) from the next row. After a truncated step the next row belongs to "
        "another episode; next_values holds what you need.",
        _k_step_like(next_row=True),
    ),
    Mistake(
        "You discount the critic's value with γ^k at an end, too. Fewer than k rewards were taken there: the exponent "
        "is their number.",
        _k_step_like(at_k=True),
    ),
    Mistake(
        "You take next_values[t], the value one step after t. The critic is asked after the last reward of the sum: "
        "take next_values of that row.",
        _k_step_like(own_row=True),
    ),
    Mistake("Your rewards are not discounted; only the critic's value is.", _k_step_like(reward_power=0)),
    Mistake("There is no discount anywhere in your sum.", _k_step_like(discount=False)),
    Mistake(
        "You take one reward too many: k = 1 means one reward, then the critic.",
        _k_step_like(extra=1),
    ),
    Mistake(
        "You take one reward too few: k = 1 means one reward, then the critic.",
        _k_step_like(extra=-1),
    ),
    Mistake(
        "The power of γ before the critic's value is one too high: it lies k steps ahead, so γ^k.",
        _k_step_like(value_power=1),
    ),
    Mistake(
        "The last row carries no flag, so the recording was cut there: ask the critic what comes after it.",
        _k_step_like(at_last=False),
    ),
    Mistake(
        "Your answer does not depend on k: these are the TD errors, k = 1.",
        _k_step_like(count=lambda k: 1),
    ),
    Mistake(
        "Your answer does not depend on k: you always sum to the end of the episode.",
        _k_step_like(count=lambda k: 10**6),
    ),
    Mistake(
        "Your sum of TD errors runs past the end of an episode and takes in those of the next one.",
        lambda r, v, after, over, cut, gamma, k: _sum_of_deltas(r + gamma * after * ~over - v, gamma, k),
    ),
    Mistake(
        "You add V(s_t) where it has to be subtracted: an advantage is what came minus what was expected.",
        lambda r, v, *rest: _k_step_like()(r, v, *rest) + 2 * v,
    ),
    Mistake(
        "Your sign is turned round: better than expected must be positive.",
        lambda *case: -_k_step_like()(*case),
    ),
]


def _sum_of_deltas(deltas, gamma, k):
    steps = len(deltas)
    return torch.stack([sum(gamma**i * deltas[t + i] for i in range(min(k, steps - t))) for t in range(steps)])


def k_step(student, *, seed=None):
    """Check k_step(rewards, values, next_values, terminated, truncated, gamma, k) -> advantages, shape [T]."""
    rng = np.random.default_rng(seed)
    cases = [
        (*_tiny((1, 2, 4), (3, 1, 2), (1, 2, 5)), 0.5, 2),
        (*_tiny((1, 2, 4, 3), (3, 1, 2, 4), (1, 8, 4, 5), terminated=(3,), truncated=(1,)), 0.5, 2),
        *((*_recording(rng), float(rng.uniform(0.6, 0.95)), k) for k in (1, 2, 3, 5, 12)),
    ]
    return judge(
        student,
        lambda r, v, after, over, cut, gamma, k: n_step_advantages(r, v, after, over, cut, gamma=gamma, n=k),
        cases,
        K_STEP_MISTAKES,
        praise="k rewards, then the critic, and an end is an end. You wrote the whole family of estimates.",
        show=_show,
    )


# ---------------------------------------------------------------- GAE


def _shifted(flags, by):
    """Each row has the flag of the row `by` further on; False where there is none."""
    out = torch.zeros_like(flags)
    if by > 0:
        out[:-by] = flags[by:]
    else:
        out[-by:] = flags[:by]
    return out


def _gae_like(
    *,
    mask="terminated",
    cut="both",
    delta_gamma=True,
    decay=lambda gamma, lam: gamma * lam,
    after=lambda values, next_values: next_values,
    before=lambda values, flags: values,
):
    """GAE with one thing (or two) changed."""

    def function(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        both = terminated | truncated
        last = terminated.clone()
        last[-1] = True
        flags = {
            "terminated": terminated,
            "both": both,
            "none": torch.zeros_like(terminated),
            "last": last,
            "next row": _shifted(both, 1),
            "row before": _shifted(both, -1),
            "this and the next row": both | _shifted(both, 1),
        }
        discount = gamma if delta_gamma else 1.0
        deltas = rewards + discount * after(values, next_values) * ~flags[mask] - before(values, flags)
        for t in range(len(deltas) - 2, -1, -1):
            deltas[t] += decay(gamma, gae_lambda) * ~flags[cut][t] * deltas[t + 1]
        return deltas

    return function


def _next_row(values, next_values):
    return torch.cat([values[1:], next_values[-1:]])


def _next_row_or_zero(values, next_values):
    return torch.cat([values[1:], torch.zeros_like(values[:1])])


def _gae_forwards(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages = rewards + gamma * next_values * ~terminated - values
    for t in range(1, len(rewards)):
        advantages[t] += gamma * gae_lambda * ~(terminated | truncated)[t - 1] * advantages[t - 1]
    return advantages


def _gae_forwards_in_place(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages = rewards + gamma * next_values * ~terminated - values
    for t in range(len(rewards) - 1):
        advantages[t] += gamma * gae_lambda * ~(terminated | truncated)[t] * advantages[t + 1]
    return advantages


def _swept(deltas, ended, decay):
    for t in range(len(deltas) - 2, -1, -1):
        deltas[t] += decay * ~ended[t] * deltas[t + 1]
    return deltas


def _normalised(numbers, correction):
    return (numbers - numbers.mean()) / (numbers.std(correction=correction) + 1e-8)


def _mixture_like(rule):
    """k-step advantages mixed with weights that are not those of GAE."""

    def function(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        steps = len(rewards)
        families = torch.stack(
            [
                n_step_advantages(rewards, values, next_values, terminated, truncated, gamma=gamma, n=k)
                for k in range(1, steps + 1)
            ]
        )
        ends = (terminated | truncated).clone()
        ends[-1] = True
        advantages = torch.zeros_like(rewards)
        for t in range(steps):
            left = int(ends[t:].nonzero()[0]) + 1
            count = steps if rule == "all" else left
            weights = float(gae_lambda) ** torch.arange(count, dtype=torch.float64)
            weights = (1 - gae_lambda) * weights if rule == "headless" else weights / weights.sum()
            advantages[t] = (weights * families[:count, t]).sum()
        return advantages

    return function


GAE_MISTAKES = [
    Mistake(
        "Your sweep does not reset at the end of an episode: what happens in the next episode "
        "leaks into the last steps of this one.",
        _gae_like(cut="none"),
    ),
    Mistake(
        "Your sweep resets at terminated steps only. A truncated step is followed by another episode as well.",
        _gae_like(cut="terminated"),
    ),
    Mistake(
        "You bootstrap through termination: a terminal state has no future, so its value must not enter δ.",
        _gae_like(mask="none"),
    ),
    Mistake(
        "You treat truncation as termination: the recording stopped, the future did not. δ of a "
        "truncated step keeps γ V(s_{t+1}).",
        _gae_like(mask="both"),
    ),
    Mistake(
        "Your function does not look at the end flags at all: they decide about the value in δ "
        "and about where the sweep resets.",
        _gae_like(mask="none", cut="none"),
    ),
    Mistake(
        "Two things at the ends: your sweep does not reset there, and your δ drops V after a truncated step.",
        _gae_like(mask="both", cut="none"),
    ),
    Mistake(
        "Two things at the ends: your δ uses a value after termination, and your sweep runs on past a truncated step.",
        _gae_like(mask="none", cut="terminated"),
    ),
    Mistake(
        "This is the normalised finite mixture: weights λ^(k−1) divided by their sum. In GAE the "
        "longest estimate inherits all the weight that is left.",
        _mixture_like("left"),
    ),
    Mistake(
        "This is the normalised finite mixture with k running past the end of the episode, so "
        "that the longest estimate is counted again and again.",
        _mixture_like("all"),
    ),
    Mistake(
        "Your weights (1−λ) λ^(k−1) stop at the end of the episode and do not sum to one: who gets the rest?",
        _mixture_like("headless"),
    ),
    Mistake(
        "A γ is missing in δ: the next state's value lies one step ahead and is discounted once.",
        _gae_like(delta_gamma=False),
    ),
    Mistake(
        "A γ is missing in the recursion: each step back costs γ as well as λ.",
        _gae_like(decay=lambda gamma, lam: lam),
    ),
    Mistake(
        "There is no γ anywhere: neither in δ nor in the recursion.",
        _gae_like(delta_gamma=False, decay=lambda gamma, lam: lam),
    ),
    Mistake(
        "A λ is missing in the recursion: with γ alone you get the Monte-Carlo estimate, whatever λ says.",
        _gae_like(decay=lambda gamma, lam: gamma),
    ),
    Mistake(
        "These are the TD errors themselves, the answer for λ = 0. The later ones must be swept back.",
        _gae_like(decay=lambda gamma, lam: 0.0),
    ),
    Mistake(
        "You take V(s_{t+1}) from the next row. After a truncated step the next row belongs to "
        "another episode; next_values holds what you need.",
        _gae_like(after=_next_row),
    ),
    Mistake(
        "You take V(s_{t+1}) from the next row, and 0 in the last one; next_values holds what you need.",
        _gae_like(after=_next_row_or_zero),
    ),
    Mistake(
        "You treat the last row as terminated. It carries no flag: the recording was cut, and V(s_{t+1}) counts.",
        _gae_like(mask="last"),
    ),
    Mistake(
        "Your sweep looks at the flag of the next row. Whether anything may be carried into row t is said by the "
        "flag of row t itself: it ended the episode, or it did not.",
        _gae_like(cut="next row"),
    ),
    Mistake(
        "Your sweep resets one row too far on: it looks at the flag of row t - 1. The flag of row t decides what is "
        "carried into row t.",
        _gae_like(cut="row before"),
    ),
    Mistake(
        "The advantage of the last step of an episode is not handed back to the steps before it. The cut lies "
        "behind the last step; its own δ, r - V(s), belongs to the episode.",
        _gae_like(cut="this and the next row"),
    ),
    Mistake(
        "You set the advantage of every last step to 0. Nothing is carried into it, but it has a δ of its own.",
        lambda r, v, after, over, cut, gamma, lam: _swept(
            (r + gamma * after * ~over - v) * ~(over | cut), over | cut, gamma * lam
        ),
    ),
    Mistake(
        "At the end of an episode you take V(s_t) out of δ, too. Only the value of the next state goes.",
        _gae_like(before=lambda values, flags: values * ~flags["terminated"]),
    ),
    Mistake(
        "You add V(s_t) in δ; it has to be subtracted: what came, minus what was expected.",
        _gae_like(before=lambda values, flags: -values),
    ),
    Mistake(
        "You add the next δ, not the next advantage. If A[t + 1] stands in your line, your loop runs forwards and "
        "A[t + 1] is not ready: begin at the last step.",
        _gae_forwards_in_place,
    ),
    Mistake(
        "The factor (1 - λ) belongs to the weights of the k-step advantages. The sum of TD errors has none.",
        lambda *case: (1 - case[-1]) * _gae_like()(*case),
    ),
    Mistake(
        "Your advantages stand in the reverse order: turn them round before you return them.",
        lambda *case: _gae_like()(*case).flip(0),
    ),
    Mistake(
        "You normalised the advantages. That is a step of some algorithms, not a part of GAE.",
        lambda *case: _normalised(_gae_like()(*case), 1),
    ),
    Mistake(
        "You normalised the advantages. That is a step of some algorithms, not a part of GAE.",
        lambda *case: _normalised(_gae_like()(*case), 0),
    ),
    Mistake("You swept forwards. An advantage looks ahead: begin at the last step.", _gae_forwards),
    Mistake(
        "You added V(s_t) back: this is the λ-return that a critic is fitted to, not the advantage.",
        lambda r, v, *rest: _gae_like()(r, v, *rest) + v,
    ),
    Mistake(
        "Your sign is turned round: better than expected must be positive.",
        lambda *case: -_gae_like()(*case),
    ),
]


def gae(student, *, seed=None):
    """Check gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> Â_t, [T] or [T, N]."""
    rng = np.random.default_rng(seed)
    cases = [
        (*_tiny((2, 1, 3), (0, 0, 0), (0, 0, 0), terminated=(2,)), 1.0, 1.0),
        (*_tiny((1, 2, 4, 3), (3, 1, 2, 4), (1, 6, 4, 5), terminated=(3,), truncated=(1,)), 0.5, 0.5),
        (*_tiny((1, 2, 4), (3, 1, 2), (1, 2, 5)), 0.5, 0.8),
        *((*_recording(rng), float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.5, 0.9))) for _ in range(5)),
    ]
    praise = "It holds on every pattern of ends. This is the whole of GAE: one δ, one backward sweep, two flags."
    verdict = judge(student, _oracle, cases, GAE_MISTAKES, praise=praise, show=_show)
    if not verdict.passed:
        return verdict
    columns = [_tiny((1, 2, 4), (3, 1, 2), (1, 2, 5), terminated=(1,)), _tiny((2, 0, 1), (1, 2, 2), (2, 2, 3))]
    side_by_side = (*(torch.stack(both, 1) for both in zip(*columns, strict=True)), 0.5, 0.8)
    several = judge(student, _oracle, [side_by_side], [], praise=praise, show=_show_two)
    if several.passed:
        return verdict
    return wrong(
        "Right for one environment, [T]. With N environments side by side every argument is [T, N], and a row holds N "
        "flags: multiply by ~ended[t] where you ask `if`, and let numbers like 0.0 become rows. Then: "
        + several.sentence,
        several.example,
    )


def _oracle(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    return _gae(rewards, values, next_values, terminated, truncated, gamma=gamma, gae_lambda=gae_lambda)


def _show_two(*case):
    """Two environments side by side, one after the other."""
    columns = [[part[:, i] for part in case[:5]] for i in (0, 1)]
    return "; ".join(f"environment {i}: {_show(*column, *case[5:])}" for i, column in enumerate(columns))
