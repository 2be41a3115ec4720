"""Exercises: the clipped surrogate, the six rows, the silent samples; and, for later, its ceiling and k3."""

import ast
import inspect
import textwrap

import numpy as np
import torch

from rlcourse.course.checker import SINGLE, Mistake, Stopped, judge, right, run, write, wrong
from rlcourse.course.checker_losses import BACKWARD
from rlcourse.lessons.ppo_clipping.cases import numbers, samples, tiny
from rlcourse.lessons.ppo_clipping.exercises_further import ceiling, kl_k3  # noqa: F401
from rlcourse.objectives import clipped_surrogate as _clipped_surrogate

# ---------------------------------------------------------------- E1


def clipped_surrogate(student, *, seed=None):
    """Check clipped_surrogate(log_probs, old_log_probs, advantages, clip_eps) -> the scalar to ascend."""
    verdict = _value_of_the_surrogate(student, seed)
    if verdict.passed:
        verdict = _trains(student, verdict)
    if verdict.passed:
        return _with_a_remark(student, verdict)
    if "grad" in verdict.sentence and _calls_backward(student):
        return wrong(BACKWARD)
    return verdict


def _with_a_remark(student, verdict):
    """The verdict, with a remark where a right function does not do for many seeds side by side."""
    remark = _of_two_axes(student)
    if _has_a_loop(student):
        remark = "it has a loop. In part 8 it meets tensors of shape [16, 256]: use operations on whole tensors."
    return right(f"{verdict.sentence} One thing more: {remark}") if remark else verdict


def _of_two_axes(student):
    """What a function that is right for one axis does not do with two, in a sentence; empty if it is right there."""
    new, old, advantages = (column.reshape(2, 3) for column in samples(np.random.default_rng(0)))
    wanted = _clipped_surrogate_of(new, old, advantages, 0.2)
    try:
        answer = run(student, [new, old, advantages, 0.2])
        shape = list(answer.shape)
        if not shape and torch.allclose(answer.double(), wanted, rtol=SINGLE, atol=SINGLE):
            return ""
    except (Stopped, AttributeError):
        return (
            "with tensors of two axes, [2, 3], it stops with an error. In part 8 it meets tensors of shape [16, 256]."
        )
    if shape:
        return f"with tensors of shape [2, 3] it returns shape {shape}, not one number. Take the mean over all samples."
    return "with tensors of shape [2, 3] it returns another number than the mean over all samples."


def _has_a_loop(function):
    """Whether a loop stands in a function's source; False where there is no source to be had."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(isinstance(node, ast.For | ast.While | ast.comprehension) for node in ast.walk(tree))


def _calls_backward(student):
    """Whether a gradient arrives at log_probs by the mere call."""
    new, old, advantages = tiny((0.5, 1.1), (1, -1))
    log_probs = new.requires_grad_()
    try:
        run(student, [log_probs, old, advantages, 0.2])
    except Stopped:
        return False
    return log_probs.grad is not None


def _trains(student, verdict):
    """The verdict, unless no gradient, or another one, comes back to the log-probabilities through the right value."""
    new, old, advantages = tiny((0.5, 0.5, 1.5, 1.5, 1.0), (1, -1, 1, -1, 2))
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


SURROGATE_MISTAKES = [
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
    Mistake("Nothing is clipped here: this is the plain term, whatever ε is.", _like(lambda plain, clipped: plain)),
    Mistake(
        "This is the mean of the advantages, as if ρ were 1 for every sample. ρ compares log_probs with old_log_probs, "
        "the logarithms of the policy that collected the samples.",
        lambda new, old, A, eps: A.mean(),
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
    Mistake(
        "You normalise the advantages in here. They come as they are to be used: whoever calls decides.",
        lambda new, old, A, eps: _like(torch.minimum)(new, old, (A - A.mean()) / (A.std() + 1e-8), eps),
    ),
    Mistake(
        "You divide a probability by a logarithm: old_log_probs needs its exponential, too.",
        _like(torch.minimum, ratio=lambda new, old: new.exp() / old),
    ),
]


def _value_of_the_surrogate(student, seed):
    rng = np.random.default_rng(seed)
    cases = [
        (*tiny((0.5, 1.5), (1, 1)), 0.2),
        (*tiny((0.5, 1.5), (-1, -1)), 0.2),
        (*tiny((1.1, 2.0), (1, 1)), 0.2),  # here and below the two averages part
        (*tiny((0.5, 0.9), (1, 1)), 0.2),
        *((*samples(rng), float(rng.uniform(0.1, 0.3))) for _ in range(4)),
    ]
    return judge(
        student,
        _clipped_surrogate_of,
        cases,
        SURROGATE_MISTAKES,
        praise="Every sample keeps the smaller of two terms, and the mean comes last: PPO in four lines.",
        show=lambda new, old, A, eps: f"ratios {write((new - old).exp())}, advantages {write(A)}, clip_eps {eps:.3g}",
    )


# ---------------------------------------------------------------- E2


def _row_of(value, slope, clipped):
    return numbers(float(value), float(slope), float(clipped))


def _row(ratio, advantage, clip_eps):
    plain, clipped = ratio * advantage, _clip(ratio, clip_eps) * advantage
    cut = clipped < plain
    return _row_of(min(plain, clipped), 0 if cut else advantage, cut)


def _clip(ratio, clip_eps):
    return min(max(ratio, 1 - clip_eps), 1 + clip_eps)


def _outside(ratio, clip_eps):
    return abs(ratio - 1) > clip_eps


ROW_MISTAKES = [
    Mistake(
        "L and slope are right. Inside the range the two terms are equal, and nothing is clipped: clipped means "
        "that the clipped term is strictly smaller.",
        lambda rho, A, eps: _row_of(*_row(rho, A, eps)[:2], _clip(rho, eps) * A <= rho * A),
    ),
    Mistake(
        "Your slope has the wrong sign: asked for is the slope of L, which is ascended, and not of the loss.",
        lambda rho, A, eps: _row_of(_row(rho, A, eps)[0], -_row(rho, A, eps)[1], _row(rho, A, eps)[2]),
    ),
    Mistake(
        "Value and slope are those of the loss, minus L. Asked for is L itself.",
        lambda rho, A, eps: _row_of(-_row(rho, A, eps)[0], -_row(rho, A, eps)[1], _row(rho, A, eps)[2]),
    ),
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
        "L and slope are right. The comparison in the last entry is the wrong way round: clipped means that the "
        "clipped term is smaller than the plain one.",
        lambda rho, A, eps: _row_of(*_row(rho, A, eps)[:2], _clip(rho, eps) * A > rho * A),
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
]


def table_row(student, *, seed=None):
    """Check row(ratio, advantage, clip_eps) -> (L, dL/dρ, clipped) of one sample, clipped as 0 or 1."""
    rng = np.random.default_rng(seed)
    cases = [(ratio, A, 0.2) for ratio in (0.5, 1.0, 1.5) for A in (1.0, -1.0)]
    for _ in range(2):
        eps = float(rng.uniform(0.1, 0.4))
        for ratio in (rng.uniform(0.1, 0.5), rng.uniform(0.95, 1.05), rng.uniform(1.5, 2.5)):
            cases += [(float(ratio), float(sign * rng.uniform(0.5, 2)), eps) for sign in (1, -1)]
    verdict = judge(
        student,
        _row,
        cases,
        ROW_MISTAKES,
        praise="All six rows. Four of them have a slope, two of these outside the range.",
        show=lambda rho, A, eps: f"ratio {rho:.3g}, advantage {A:+.3g}, clip_eps {eps:.3g}",
        each="(L, slope, clipped)",
    )
    if verdict.sentence.startswith("Return numbers"):  # three entries, and one of them is no number
        return next((wrong(said) for case in cases if (said := _no_number(student(*case)))), verdict)
    return verdict


def _no_number(row):
    """Which entry of (L, slope, clipped) is not one number, in a sentence; empty if each is one."""
    if not isinstance(row, tuple | list) or len(row) != 3:
        return ""
    for name, entry in zip(("first entry, L,", "second entry, the slope,", "last entry, clipped,"), row, strict=True):
        shape = list(getattr(entry, "shape", ()))
        if entry is None and "slope" in name:
            return (
                f"The {name} is None. A tensor has a .grad after backward(), and only if requires_grad was set first."
            )
        if isinstance(entry, tuple | list):
            return f"The {name} is a {type(entry).__name__}. Take the number out of it: with [0], or (slope,) = …"
        if shape:
            return f"The {name} has shape {shape}; return one number."
        if not isinstance(entry, torch.Tensor | np.generic | np.ndarray | bool | int | float):
            return f"The {name} is no number; got {type(entry).__name__}."
    return ""


# ---------------------------------------------------------------- E3


def _silent(ratios, advantages, clip_eps):
    done = ((ratios > 1 + clip_eps) & (advantages > 0)) | ((ratios < 1 - clip_eps) & (advantages < 0))
    return done | (advantages == 0)


SILENT_MISTAKES = [
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
        "The sides are right; with >= or <= an advantage of zero is silent on one side only. It is silent anywhere.",
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
        "Right for ε = 0.2 only: your edges do not move with clip_eps.",
        lambda rho, A, eps: _silent(rho, A, 0.2),
    ),
    Mistake(
        "You compare the logarithm of the ratio with ε. The range [1−ε, 1+ε] is meant for the ratio itself.",
        lambda rho, A, eps: ((rho.log() > eps) & (A > 0)) | ((rho.log() < -eps) & (A < 0)) | (A == 0),
    ),
    Mistake(
        "Your lower edge is 1/(1+ε). Both edges are ε away from 1, so the lower one is 1−ε.",
        lambda rho, A, eps: ((rho > 1 + eps) & (A > 0)) | ((rho < 1 / (1 + eps)) & (A < 0)) | (A == 0),
    ),
    Mistake(
        "You mark every sample whose advantage is not zero. If your line reads A > 0 & (…), note that & binds more "
        "tightly than >: put each comparison into brackets.",
        lambda rho, A, eps: A != 0,
    ),
    Mistake(
        "You call every sample inside the range silent; there every advantage but zero has its slope.",
        lambda rho, A, eps: (rho - 1).abs() <= eps,
    ),
]


def _near_the_edges(clip_eps):
    """Ratios a little inside and a little outside both edges, each with a good and with a bad action."""
    edges = torch.tensor([1 + clip_eps, 1 - clip_eps], dtype=torch.float64)
    ratios = torch.cat([edges - 0.002, edges + 0.002])  # exp(0.1) is 0.005 above the edge 1.1
    return ratios.repeat(2), numbers(1, -1).repeat_interleave(4), clip_eps


def silent(student, *, seed=None):
    """Check silent(ratios, advantages, clip_eps) -> which samples have no gradient, booleans of shape [N]."""
    rng = np.random.default_rng(seed)
    cases = [(numbers(0.5, 0.5, 1.5, 1.5), numbers(1, -1, 1, -1), 0.2), (numbers(1, 0.5), numbers(0, 0), 0.2)]
    cases.append((numbers(1.1, 1.1, 0.9, 0.9, 1.25, 0.75), numbers(0.5, -0.5, 0.5, -0.5, -0.5, 0.5), 0.2))
    for _ in range(3):
        new, old, advantages = samples(rng)
        advantages[int(rng.integers(2, 4))] = 0.0
        cases.append(((new - old).exp(), advantages, float(rng.uniform(0.1, 0.3))))
    cases += [_near_the_edges(clip_eps) for clip_eps in (0.1, 0.2, float(rng.uniform(0.25, 0.4)))]
    verdict = judge(
        student,
        _silent,
        cases,
        SILENT_MISTAKES,
        praise="Two of the four cases outside the range. Inside it, only an advantage of zero.",
        show=lambda rho, A, eps: f"ratios {write(rho)}, advantages {write(A)}, clip_eps {eps:.3g}",
        each="one answer per sample",
    )
    return verdict
