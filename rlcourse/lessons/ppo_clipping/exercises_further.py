"""Exercises of the lesson's last part: the ceiling of the surrogate, and k3."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, judge, write, wrong
from rlcourse.lessons.ppo_clipping.cases import numbers, samples, tiny

# ---------------------------------------------------------------- E4


def _ceiling(clip_eps, advantages):
    return torch.where(advantages >= 0, (1 + clip_eps) * advantages, (1 - clip_eps) * advantages)


CEILING_MISTAKES = [
    Mistake(
        "Your two branches are swapped, or you took the minimum where the maximum belongs: a good action is "
        "held back at the upper edge, a bad one at the lower.",
        lambda eps, A: torch.where(A >= 0, (1 - eps) * A, (1 + eps) * A),
    ),
    Mistake(
        "You use the upper edge for both signs. Try A = −1: is (1+ε)A above or below (1−ε)A?",
        lambda eps, A: (1 + eps) * A,
    ),
    Mistake("You use the lower edge for both signs. How far may a good action go?", lambda eps, A: (1 - eps) * A),
    Mistake(
        "You return the edge of the range, not yet multiplied by the advantage.",
        lambda eps, A: torch.where(A >= 0, 1 + eps, 1 - eps).to(A),
    ),
    Mistake(
        "You return only what may be gained beyond A itself; A is missing.",
        lambda eps, A: eps * A.abs(),
    ),
    Mistake(
        "The sign of the advantage is lost: a bad action has a ceiling below zero.",
        lambda eps, A: torch.where(A >= 0, (1 + eps) * A, (eps - 1) * A),
    ),
    Mistake(
        "(1+ε)|A| puts a bad action's ceiling above zero, and at the wrong edge. Keep the sign, and ask which "
        "edge holds it back.",
        lambda eps, A: (1 + eps) * A.abs(),
    ),
    Mistake(
        "An advantage of zero counts for nothing: g(ε, 0) is 0, not an edge of the range.",
        lambda eps, A: torch.where(A > 0, (1 + eps) * A, torch.where(A < 0, (1 - eps) * A, A + 1 + eps)),
    ),
    Mistake(
        "An advantage of zero counts for nothing: g(ε, 0) is 0, and not ε or 1.",
        lambda eps, A: torch.where(A > 0, (1 + eps) * A, torch.where(A < 0, (1 - eps) * A, A + 1)),
    ),
    Mistake(
        "You return the edge of the range, not multiplied by the advantage.",
        lambda eps, A: torch.where(A > 0, 1 + eps, 1 - eps).to(A),
    ),
    Mistake(
        "You return an edge with the sign of the advantage; its size is missing.",
        lambda eps, A: A.sign() * (1 + eps),
    ),
    Mistake(
        "Bad actions are lost: for A < 0 the ceiling is (1−ε)A, not 0.",
        lambda eps, A: (1 + eps) * A.clamp(min=0),
    ),
]


def ceiling(student, *, seed=None):
    """Check g(clip_eps, advantages) -> the most that each advantage may count for, shape of the advantages."""
    rng = np.random.default_rng(seed)
    cases = [(0.2, numbers(1, -1, 0)), (0.2, numbers(2, -2))]
    cases += [(float(rng.uniform(0.05, 0.5)), torch.from_numpy(rng.normal(0, 2, 8))) for _ in range(4)]
    verdict = judge(
        student,
        _ceiling,
        cases,
        CEILING_MISTAKES,
        praise="With it, PPO's surrogate is min(ρA, g(ε, A)): an advantage weighted by ρ, under a ceiling.",
        show=lambda eps, A: f"clip_eps {eps:.3g}, advantages {write(A)}",
        each="one number per advantage",
    )
    if verdict.passed:
        return verdict
    swapped = judge(lambda eps, A: student(A, eps), _ceiling, cases, [], praise="") if callable(student) else verdict
    if swapped.passed:
        return wrong("Your arguments are in the other order: clip_eps comes first, then the advantages.")
    return verdict


# ---------------------------------------------------------------- E5


def _k3(log_ratio):
    return torch.expm1(log_ratio) - log_ratio


K3_MISTAKES = [
    Mistake(
        "This is k1, the mean of −log ρ. Right on average, but noisy, and it can fall below zero.",
        lambda new, old: (old - new).mean(),
    ),
    Mistake(
        "This is the mean of log ρ: k1 with the wrong sign, so on average it is below zero.",
        lambda new, old: (new - old).mean(),
    ),
    Mistake(
        "Your ratio is upside down. The samples come from the old policy, so ρ = new / old.",
        lambda new, old: _k3(old - new).mean(),
    ),
    Mistake(
        "You divide two logarithms; the logarithm of a ratio is the difference of the logarithms.",
        lambda new, old: (new / old - 1 - (new / old).log()).mean(),
    ),
    Mistake(
        "You divide two logarithms; ρ is the exponential of their difference.",
        lambda new, old: (new / old - 1 - (new - old)).mean(),
    ),
    Mistake(
        "This is ½(log ρ)², often called k2: never negative, but biased.",
        lambda new, old: ((new - old) ** 2).mean() / 2,
    ),
    Mistake(
        "Where nothing has changed, ρ = 1, your term is 1. It must be 0: what is missing?",
        lambda new, old: ((new - old).exp() - (new - old)).mean(),
    ),
    Mistake(
        "You return ρ − 1 alone, which is 0 on average and says nothing; −log ρ is missing.",
        lambda new, old: ((new - old).exp() - 1).mean(),
    ),
    Mistake(
        "The sign of log ρ: k3 is ρ − 1 − log ρ. Yours can fall below zero.",
        lambda new, old: ((new - old).exp() - 1 + (new - old)).mean(),
    ),
    Mistake(
        "You average the ratios first. Each sample has its own ρ − 1 − log ρ; the mean comes last.",
        lambda new, old: _k3((new - old).exp().mean().log()),
    ),
    Mistake(
        "You take the size of −log ρ. That is never negative, but far too large on average.",
        lambda new, old: (new - old).abs().mean(),
    ),
    Mistake("You add the samples up; take their mean.", lambda new, old: _k3(new - old).sum()),
    Mistake("Minus the estimate: a divergence is never below zero.", lambda new, old: -_k3(new - old).mean()),
    *(
        Mistake(
            f"{why} The samples were drawn from the old policy, so a plain mean is its expectation; no sample needs a "
            "further weight.",
            lambda new, old, weigh=weigh, total=total: total(weigh(new, old)),
        )
        for total in (torch.sum, torch.mean)
        for why, weigh in (
            ("You weight −log ρ with the old probability.", lambda new, old: old.exp() * (old - new)),
            ("You weight log ρ with the new probability.", lambda new, old: new.exp() * (new - old)),
            ("You weight k3 with the old probability.", lambda new, old: old.exp() * _k3(new - old)),
        )
    ),
]


def kl_k3(student, *, seed=None):
    """Check kl_k3(log_probs, old_log_probs) -> the mean of ρ - 1 - log ρ over samples of the old policy."""
    rng = np.random.default_rng(seed)
    cases = [tiny((0.5, 2.0, 1.0), (0, 0, 0))[:2]]
    cases += [(samples(rng)[:2]) for _ in range(4)]
    return judge(
        student,
        lambda new, old: _k3(new - old).mean(),
        cases,
        K3_MISTAKES,
        praise="Never below zero, zero only where nothing has changed, and on average the divergence itself.",
        show=lambda new, old: f"ratios {write((new - old).exp())}",
    )
