"""Exercises of lesson 06: the clipped surrogate, its ceiling, the six rows, the silent samples, k3."""

import numpy as np
import torch

from rlcourse.exercises.checker import Mistake, judge, write, wrong
from rlcourse.objectives import clipped_surrogate as _clipped_surrogate


def _samples(rng, count=12):
    """Log-probabilities before and after, and advantages; all six cases are among them."""
    ratios = np.concatenate([rng.uniform(0.3, 0.7, 4), rng.uniform(0.9, 1.1, 4), rng.uniform(1.4, 2.2, 4)])
    signs = np.tile((1, -1), 6)
    old = np.log(rng.uniform(0.05, 0.4, count))
    advantages = signs * rng.uniform(0.3, 2, count)
    return tuple(torch.from_numpy(column) for column in (old + np.log(ratios), old, advantages))


def _tiny(ratios, advantages):
    """The same from a few ratios of a policy that chose with probability 0.2."""
    old = torch.full((len(ratios),), 0.2, dtype=torch.float64).log()
    return old + _column(*ratios).log(), old, _column(*advantages)


def _column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def _one_question(verdict):
    """An `if` over a whole tensor stops with torch's own words; say what it means."""
    if "Boolean value of Tensor" not in verdict.sentence:
        return verdict
    return wrong(
        "Your `if` asks one question, and a tensor has many answers: let torch.where, or & and |, decide for each "
        "sample.",
        verdict.example,
    )


# ---------------------------------------------------------------- E1


def clipped_surrogate(student, *, seed=None):
    """Check clipped_surrogate(log_probs, old_log_probs, advantages, clip_eps) -> the scalar to ascend."""
    verdict = _value_of_the_surrogate(student, seed)
    return _trains(student, verdict) if verdict.passed else _one_question(verdict)


def _trains(student, verdict):
    """The verdict, unless no gradient, or another one, comes back to the log-probabilities through the right value."""
    new, old, advantages = _tiny((0.5, 0.5, 1.5, 1.5, 1.0), (1, -1, 1, -1, 2))
    slopes = []
    for function in (student, _clipped_surrogate_of):
        log_probs = new.clone().requires_grad_()
        try:
            (slope,) = torch.autograd.grad(function(log_probs, old, advantages, 0.2), log_probs)
        except (RuntimeError, AttributeError, TypeError):
            return wrong(
                "The number is right, but no gradient comes back to log_probs, so it could not train: stay in torch, "
                "without item(), detach() or numpy."
            )
        slopes.append(slope)
    if not torch.allclose(*slopes, atol=1e-9):
        return wrong("The number is right, its gradient is not: a part of the ratio was detached on the way.")
    return verdict


def _clipped_surrogate_of(new, old, advantages, clip_eps):
    return _clipped_surrogate(new, old, advantages, clip_eps=clip_eps)


def _value_of_the_surrogate(student, seed):
    rng = np.random.default_rng(seed)
    cases = [
        (*_tiny((0.5, 1.5), (1, 1)), 0.2),
        (*_tiny((0.5, 1.5), (-1, -1)), 0.2),
        (*_tiny((1.1, 2.0), (1, 1)), 0.2),  # here and below the two averages part
        (*_tiny((0.5, 0.9), (1, 1)), 0.2),
        *((*_samples(rng), float(rng.uniform(0.1, 0.3))) for _ in range(4)),
    ]
    return judge(
        student,
        _clipped_surrogate_of,
        cases,
        [
            Mistake(
                "You clip and never compare with the plain term. A ratio on the wrong side of the range then "
                "has no slope, and no way back.",
                _like(lambda plain, clipped: clipped),
            ),
            Mistake(
                "Multiply by A before you compare: a negative A turns the order of the two terms round.",
                lambda new, old, A, eps: (torch.minimum(*_both_ratios(new, old, eps)) * A).mean(),
            ),
            Mistake(
                "You clip ρA. Clip ρ, then multiply by A.",
                lambda new, old, A, eps: ((new - old).exp() * A).clamp(1 - eps, 1 + eps).mean(),
            ),
            Mistake(
                "You clip ρA before you compare. Clip ρ, then multiply by A.",
                lambda new, old, A, eps: torch.minimum(
                    (new - old).exp() * A, ((new - old).exp() * A).clamp(1 - eps, 1 + eps)
                ).mean(),
            ),
            Mistake(
                "You take the larger of the two terms: an optimistic surrogate, which pays for leaving the "
                "range. Which one would a pessimist take?",
                _like(torch.maximum),
            ),
            Mistake(
                "You clip the logarithm of the ratio. The range [1−ε, 1+ε] is meant for the ratio itself.",
                _like(torch.minimum, clip=lambda rho, eps: rho.log().clamp(-eps, eps).exp()),
            ),
            Mistake(
                "You average first and take the smaller of two averages. Each sample must make its own choice: "
                "put the mean last.",
                _like(lambda plain, clipped: torch.minimum(plain.mean(), clipped.mean())),
            ),
            Mistake(
                "Right size, wrong sign: this is the loss, to descend. Asked for is the scalar to ascend.",
                lambda *case: -_like(torch.minimum)(*case),
            ),
            Mistake(
                "The sign of the advantage is lost on the way. Bad actions must count below zero.",
                lambda new, old, A, eps: _like(torch.minimum)(new, old, A.abs(), eps),
            ),
            Mistake(
                "Nothing is clipped here: this is the plain term, whatever ε is.", _like(lambda plain, clipped: plain)
            ),
            Mistake(
                "Your ratio is upside down: the new policy belongs in the numerator.",
                lambda new, old, A, eps: _like(torch.minimum)(old, new, A, eps),
            ),
            Mistake(
                "You use the difference of the log-probabilities as the ratio. The exponential is missing.",
                _like(torch.minimum, ratio=lambda new, old: new - old),
            ),
            Mistake(
                "You divide two logarithms. The ratio of the probabilities is the exponential of their difference.",
                _like(torch.minimum, ratio=lambda new, old: new / old),
            ),
            Mistake(
                "Your range is [−ε, ε]. A ratio that has not moved is 1, so the range lies around 1.",
                _like(torch.minimum, clip=lambda rho, eps: rho.clamp(-eps, eps)),
            ),
            Mistake(
                "You clip above only. Which edge stops a bad action from being made ever less likely?",
                _like(torch.minimum, clip=lambda rho, eps: rho.clamp(max=1 + eps)),
            ),
            Mistake("You add the samples up; take their mean.", _like(torch.minimum, mean=torch.sum)),
        ],
        praise="Every sample keeps the smaller of two terms, and the mean comes last: PPO in four lines.",
        show=lambda new, old, A, eps: f"ratios {write((new - old).exp())}, advantages {write(A)}, clip_eps {eps:.3g}",
    )


def _both_ratios(new, old, clip_eps):
    rho = torch.exp(new - old)
    return rho, rho.clamp(1 - clip_eps, 1 + clip_eps)


def _like(choose, *, ratio=lambda new, old: torch.exp(new - old), clip=None, mean=torch.mean):
    """The clipped surrogate with one thing changed."""

    def function(new, old, advantages, clip_eps):
        rho = ratio(new, old)
        clipped = clip(rho, clip_eps) if clip else rho.clamp(1 - clip_eps, 1 + clip_eps)
        return mean(choose(rho * advantages, clipped * advantages))

    return function


# ---------------------------------------------------------------- E2


def ceiling(student, *, seed=None):
    """Check g(clip_eps, advantages) -> the most that each advantage may count for, shape of the advantages."""
    rng = np.random.default_rng(seed)
    cases = [(0.2, _column(1, -1, 0)), (0.2, _column(2, -2))]
    cases += [(float(rng.uniform(0.05, 0.5)), torch.from_numpy(rng.normal(0, 2, 8))) for _ in range(4)]
    verdict = judge(
        student,
        _ceiling,
        cases,
        [
            Mistake(
                "Your two branches are swapped, or you took the minimum where the maximum belongs: a good action is "
                "held back at the upper edge, a bad one at the lower.",
                lambda eps, A: torch.where(A >= 0, (1 - eps) * A, (1 + eps) * A),
            ),
            Mistake(
                "You use the upper edge for both signs. Try A = −1: is (1+ε)A above or below (1−ε)A?",
                lambda eps, A: (1 + eps) * A,
            ),
            Mistake(
                "You use the lower edge for both signs. How far may a good action go?", lambda eps, A: (1 - eps) * A
            ),
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
        ],
        praise="With it, PPO's surrogate is min(ρA, g(ε, A)): an advantage weighted by ρ, under a ceiling.",
        show=lambda eps, A: f"clip_eps {eps:.3g}, advantages {write(A)}",
        each="one number an advantage",
    )
    return _one_question(verdict)


def _ceiling(clip_eps, advantages):
    return torch.where(advantages >= 0, (1 + clip_eps) * advantages, (1 - clip_eps) * advantages)


# ---------------------------------------------------------------- E3


def table_row(student, *, seed=None):
    """Check row(ratio, advantage, clip_eps) -> (L, dL/dρ, clipped) of one sample, clipped as 0 or 1."""
    rng = np.random.default_rng(seed)
    cases = [(ratio, A, 0.2) for ratio in (0.5, 1.0, 1.5) for A in (1.0, -1.0)]
    for _ in range(2):
        eps = float(rng.uniform(0.1, 0.4))
        for ratio in (rng.uniform(0.1, 0.5), rng.uniform(0.95, 1.05), rng.uniform(1.5, 2.5)):
            cases += [(float(ratio), float(sign * rng.uniform(0.5, 2)), eps) for sign in (1, -1)]
    return judge(
        student,
        _row,
        cases,
        [
            Mistake(
                "You stop the slope everywhere outside the range. In two of the four outside cases it survives: there "
                "a step leads back.",
                lambda rho, A, eps: _row_of(_clip(rho, eps) * A, 0 if _outside(rho, eps) else A, _outside(rho, eps)),
            ),
            Mistake(
                "Your L is right, but you stop the slope everywhere outside the range. Is L flat at ρ = 0.5, A = +1?",
                lambda rho, A, eps: _row_of(_row(rho, A, eps)[0], 0 if _outside(rho, eps) else A, _outside(rho, eps)),
            ),
            Mistake(
                "L and slope are right. Clipped means that the clipped term is the smaller one, not that ρ is outside.",
                lambda rho, A, eps: _row_of(*_row(rho, A, eps)[:2], _outside(rho, eps)),
            ),
            Mistake(
                "L and slope are right. The last entry asks whether it is clipped: 1 where the slope is gone.",
                lambda rho, A, eps: _row_of(*_row(rho, A, eps)[:2], 1 - _row(rho, A, eps)[2]),
            ),
            Mistake(
                "This is the plain term ρA with its slope A everywhere; nothing is clipped.",
                lambda rho, A, eps: _row_of(rho * A, A, 0),
            ),
            Mistake(
                "All three numbers are there, in another order: L first, then the slope.",
                lambda rho, A, eps: _row(rho, A, eps)[[1, 0, 2]],
            ),
            Mistake(
                "Your slope is 1 where the sample is not clipped. The derivative of ρA in ρ is A itself.",
                lambda rho, A, eps: _row_of(_row(rho, A, eps)[0], 1 - _row(rho, A, eps)[2], _row(rho, A, eps)[2]),
            ),
            Mistake(
                "You differentiate with respect to log ρ, which gives ρA. The table asks for the slope in ρ itself.",
                lambda rho, A, eps: _row_of(_row(rho, A, eps)[0], rho * _row(rho, A, eps)[1], _row(rho, A, eps)[2]),
            ),
            Mistake(
                "You take the larger term. Then the slope is missing exactly where the sample should come back.",
                lambda rho, A, eps: _row_of(
                    max(rho * A, _clip(rho, eps) * A),
                    A if rho * A >= _clip(rho, eps) * A else 0,
                    rho * A < _clip(rho, eps) * A,
                ),
            ),
            Mistake(
                "Your slopes have the right size and lost their sign: for a bad action ascent makes the ratio smaller.",
                lambda rho, A, eps: _row_of(_row(rho, A, eps)[0], _row(rho, A, eps)[1].abs(), _row(rho, A, eps)[2]),
            ),
        ],
        praise="All six rows. Four of them have a slope, two of these outside the range.",
        show=lambda rho, A, eps: f"ratio {rho:.3g}, advantage {A:+.3g}, clip_eps {eps:.3g}",
        each="(L, slope, clipped)",
    )


def _row_of(value, slope, clipped):
    return _column(float(value), float(slope), float(clipped))


def _row(ratio, advantage, clip_eps):
    plain, clipped = ratio * advantage, _clip(ratio, clip_eps) * advantage
    cut = clipped < plain
    return _row_of(min(plain, clipped), 0 if cut else advantage, cut)


def _clip(ratio, clip_eps):
    return min(max(ratio, 1 - clip_eps), 1 + clip_eps)


def _outside(ratio, clip_eps):
    return abs(ratio - 1) > clip_eps


# ---------------------------------------------------------------- E4


def silent(student, *, seed=None):
    """Check silent(ratios, advantages, clip_eps) -> which samples have no gradient, booleans of shape [N]."""
    rng = np.random.default_rng(seed)
    cases = [(_column(0.5, 0.5, 1.5, 1.5), _column(1, -1, 1, -1), 0.2), (_column(1, 0.5), _column(0, 0), 0.2)]
    for _ in range(3):
        new, old, advantages = _samples(rng)
        advantages[int(rng.integers(4, 8))] = 0.0
        cases.append(((new - old).exp(), advantages, 0.2))
    verdict = judge(
        student,
        _silent,
        cases,
        [
            Mistake(
                "You call every sample outside the range silent. At ρ = 0.5 a good action still has its full slope.",
                lambda rho, A, eps: (rho < 1 - eps) | (rho > 1 + eps),
            ),
            Mistake(
                "You call every sample outside the range silent, and those without advantage. At ρ = 0.5 a good "
                "action still has its full slope.",
                lambda rho, A, eps: (rho < 1 - eps) | (rho > 1 + eps) | (A == 0),
            ),
            Mistake(
                "Your signs are swapped: these are the samples outside the range that do come back.",
                lambda rho, A, eps: ((rho < 1 - eps) & (A > 0)) | ((rho > 1 + eps) & (A < 0)),
            ),
            Mistake(
                "Your signs are swapped: apart from zero advantages, these are the samples that do come back.",
                lambda rho, A, eps: ((rho < 1 - eps) & (A > 0)) | ((rho > 1 + eps) & (A < 0)) | (A == 0),
            ),
            Mistake(
                "You found the good actions that went far enough. Bad actions can be done with as well: on which side?",
                lambda rho, A, eps: ((rho > 1 + eps) & (A > 0)) | (A == 0),
            ),
            Mistake(
                "You found the good actions that went far enough. Bad actions can be done, too, and a zero advantage "
                "is silent anywhere.",
                lambda rho, A, eps: (rho > 1 + eps) & (A > 0),
            ),
            Mistake(
                "The samples outside are right. One kind inside the range has no slope either: which advantage "
                "multiplies every ratio away?",
                lambda rho, A, eps: ((rho > 1 + eps) & (A > 0)) | ((rho < 1 - eps) & (A < 0)),
            ),
            Mistake(
                "Inside the range the two terms are equal, and there the slope lives: silent is where the clipped one "
                "is strictly smaller, or A = 0.",
                lambda rho, A, eps: rho.clamp(1 - eps, 1 + eps) * A <= rho * A,
            ),
            Mistake(
                "The sides are right; with >= or <= an advantage of zero is silent on one side only. It is silent "
                "anywhere.",
                lambda rho, A, eps: ((rho > 1 + eps) & (A >= 0)) | ((rho < 1 - eps) & (A <= 0)),
            ),
            Mistake(
                "You found the bad actions that are rare enough. Good actions can be done with as well: on which side?",
                lambda rho, A, eps: ((rho < 1 - eps) & (A < 0)) | (A == 0),
            ),
            Mistake(
                "You found the bad actions that are rare enough. Good actions can be done, too, and a zero advantage "
                "is silent everywhere.",
                lambda rho, A, eps: (rho < 1 - eps) & (A < 0),
            ),
            Mistake("You mark the samples that do have a gradient.", lambda rho, A, eps: ~_silent(rho, A, eps)),
            Mistake(
                "You call every sample inside the range silent; there every advantage but zero has its slope.",
                lambda rho, A, eps: (rho - 1).abs() <= eps,
            ),
        ],
        praise="Two of the four outside cases, and inside the range none at all, but for an advantage of zero.",
        show=lambda rho, A, eps: f"ratios {write(rho)}, advantages {write(A)}, clip_eps {eps:.3g}",
        each="one answer a sample",
    )
    return _one_question(verdict)


def _silent(ratios, advantages, clip_eps):
    done = ((ratios > 1 + clip_eps) & (advantages > 0)) | ((ratios < 1 - clip_eps) & (advantages < 0))
    return done | (advantages == 0)


# ---------------------------------------------------------------- E5


def kl_k3(student, *, seed=None):
    """Check kl_k3(log_probs, old_log_probs) -> the mean of ρ - 1 - log ρ over samples of the old policy."""
    rng = np.random.default_rng(seed)
    cases = [_tiny((0.5, 2.0, 1.0), (0, 0, 0))[:2]]
    cases += [(_samples(rng)[:2]) for _ in range(4)]
    return judge(
        student,
        lambda new, old: _k3(new - old).mean(),
        cases,
        [
            Mistake("This is k1, the mean of −log ρ. Right on average, but noisy, and it can fall below zero.",
                    lambda new, old: (old - new).mean()),
            Mistake("This is the mean of log ρ: k1 with the wrong sign, so on average it is below zero.",
                    lambda new, old: (new - old).mean()),
            Mistake("Your ratio is upside down. The samples come from the old policy, so ρ = new / old.",
                    lambda new, old: _k3(old - new).mean()),
            Mistake("You divide two logarithms; the logarithm of a ratio is the difference of the logarithms.",
                    lambda new, old: (new / old - 1 - (new / old).log()).mean()),
            Mistake("You divide two logarithms; ρ is the exponential of their difference.",
                    lambda new, old: (new / old - 1 - (new - old)).mean()),
            Mistake("This is ½(log ρ)², often called k2: never negative, but biased.",
                    lambda new, old: ((new - old) ** 2).mean() / 2),
            Mistake("Where nothing has changed, ρ = 1, your term is 1. It must be 0: what is missing?",
                    lambda new, old: ((new - old).exp() - (new - old)).mean()),
            Mistake("You return ρ − 1 alone, which is 0 on average and says nothing; −log ρ is missing.",
                    lambda new, old: ((new - old).exp() - 1).mean()),
            Mistake("The sign of log ρ: k3 is ρ − 1 − log ρ. Yours can fall below zero.",
                    lambda new, old: ((new - old).exp() - 1 + (new - old)).mean()),
            Mistake("You average the ratios first. Each sample has its own ρ − 1 − log ρ; the mean comes last.",
                    lambda new, old: _k3((new - old).exp().mean().log())),
            Mistake("You take the size of −log ρ. That is never negative, but far too large on average.",
                    lambda new, old: (new - old).abs().mean()),
            Mistake("You add the samples up; take their mean.", lambda new, old: _k3(new - old).sum()),
            Mistake("Minus the estimate: a divergence is never below zero.", lambda new, old: -_k3(new - old).mean()),
        ],
        praise="Never below zero, zero only where nothing has changed, and on average the divergence itself.",
        show=lambda new, old: f"ratios {write((new - old).exp())}",
    )  # fmt: skip


def _k3(log_ratio):
    return torch.expm1(log_ratio) - log_ratio
