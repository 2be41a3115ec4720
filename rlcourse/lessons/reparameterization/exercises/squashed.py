"""E2, the squashed Gaussian."""

import inspect
import math

import numpy as np
import torch
from torch.distributions import Normal

from rlcourse.course.checker import Mistake, Stopped, call, changes, explained, judge, write, wrong


def squashed_gaussian(student, *, seed=None):
    """Check squashed(mean, log_std, noise, c) -> (actions [B, d], log π [B]) of a = c tanh(mean + std · noise)."""
    rng = np.random.default_rng(seed)
    cases = [_gaussian_case(rng, *size) for size in ((2, 1, 0.5), (5, 2, 0.8), (5, 3, 0.6))]
    try:
        _examine_source(student)
        answers = [_action_and_density(call(student, case)) for case in cases]
        if changes(lambda *case: _action_and_density(student(*case))[0], cases[1]):
            return wrong("Your actions change from one call to the next. The noise is given: u = mean + std · noise.")
        verdict = _examine_actions(student, answers, cases)
        if verdict.passed:
            verdict = _examine_density(student, answers, cases)
        if verdict.passed:
            _examine_way_back(student, cases)
            _examine_far_out(student)
            _examine_law(student)
            _examine_axes(student, rng)
    except Stopped as stopped:
        return explained(stopped.verdict, _MISUSED)
    return verdict


_MISUSED = (
    (
        "Expected parameter scale",
        "A standard deviation must be positive. The network gives log σ, which may be negative. The standard deviation "
        "is its exponential.",
    ),
)


def _examine_source(student):
    """Raise Stopped if the answer comes from the package's own class."""
    code = getattr(inspect.unwrap(student), "__code__", None) if callable(student) else None
    if code and "TanhGaussian" in code.co_names:
        raise Stopped(wrong("The task says: without `rl.TanhGaussian`. Write its two formulas yourself."))


def _gaussian_case(rng, rows, dims, c):
    """Not far out: the formula as it stands in the books is exact enough here."""
    spans = ((-0.8, 0.8), (-0.9, 0.2), (-1.5, 1.5))
    return *(torch.from_numpy(rng.uniform(*span, (rows, dims))) for span in spans), c


def _action_and_density(answer):
    """The two things the function returns, or a sentence."""
    if isinstance(answer, tuple | list) and len(answer) == 2 and not any(part is None for part in answer):
        return tuple(answer)
    came = f"{len(answer)} things" if isinstance(answer, tuple | list) else type(answer).__name__
    raise Stopped(wrong(f"Return two things, the actions and their log-probabilities, `a, log_prob`; got {came}."))


def _squashed(mean, log_std, noise, c, *, std=torch.exp, squash=torch.tanh, scale=True):
    """The actions, with faults on demand."""
    return (c if scale else 1.0) * squash(mean + std(log_std) * noise)


def _log_density(mean, log_std, noise, c, *, tanh=1.0, scale=1.0, gaussian=None, stretch=None, total=None):
    """log π, with faults on demand: factors of the two corrections, another first term, another log(1 - tanh² u)."""
    u = mean + log_std.exp() * noise
    first = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi) if gaussian is None else gaussian(mean, log_std, u)
    second = 2 * (math.log(2) - u - torch.nn.functional.softplus(-2 * u)) if stretch is None else stretch(u)
    terms = first - tanh * second - scale * math.log(c)
    return terms.sum(-1) if total is None else total(terms)


def _show_gaussian(mean, log_std, noise, c):
    return f"mean {write(mean[0])}, log_std {write(log_std[0])}, noise {write(noise[0])}, c = {c:g} (first row)"


def _known(mistakes, cases):
    """Mistakes of functions of a case, as mistakes of functions of the case's number."""
    return [Mistake(known.sentence, lambda i, made=known.function: made(*cases[i])) for known in mistakes]


def _actions_with(**faults):
    return lambda *case: _squashed(*case, **faults)


ACTION_MISTAKES = [
    Mistake(
        "Your actions reach from −1 to 1 whatever the box: they are not yet stretched by c.", _actions_with(scale=False)
    ),
    Mistake(
        "The network gives log σ, which may be negative. The standard deviation is its exponential.",
        _actions_with(std=lambda log_std: log_std),
    ),
    Mistake("Your actions leave the box: they are not squashed.", _actions_with(squash=lambda u: u)),
    Mistake(
        "The noise plays no part: this is the mode, the action without exploration.",
        _actions_with(std=torch.zeros_like),
    ),
    Mistake(
        "You multiply the noise by the variance. It is the standard deviation that stretches it.",
        _actions_with(std=lambda log_std: (2 * log_std).exp()),
    ),
]


def _examine_actions(student, answers, cases):
    return judge(
        lambda i: answers[i][0],
        lambda i: _squashed(*cases[i]),
        [(i,) for i in range(len(cases))],
        _known(ACTION_MISTAKES, cases),
        praise="",
        tolerance=3e-4,
        show=lambda i: _show_gaussian(*cases[i]),
        each="one action a row, with d components",
        own=(student, lambda function: lambda i: _action_and_density(function(*cases[i]))[0]),
    )


def _density_with(**faults):
    return lambda *case: _log_density(*case, **faults)


def _gaussian_at_the_action(*case):
    """The first term at the action itself, c tanh u, in place of u."""
    action = _squashed(*case)
    return _log_density(*case, gaussian=lambda m, s, u: Normal(m, s.exp()).log_prob(action))


def _corrected_at_the_action(*case):
    """The correction of the stretched action in place of tanh u: log(1 - a²)."""
    return _log_density(*case, stretch=lambda u: torch.log(1 - (case[3] * torch.tanh(u)) ** 2))


DENSITY_MISTAKES = [
    Mistake(
        "This is the density of u, before the squashing. tanh presses the actions together near the edges: "
        "where did the correction go?",
        _density_with(tanh=0.0, scale=0.0),
    ),
    Mistake("The correction for tanh is missing; only that for c is there.", _density_with(tanh=0.0)),
    Mistake(
        "The scale is missing: in a box c times as wide the density is c times as low, in every component.",
        _density_with(scale=0.0),
    ),
    Mistake(
        "The scale is counted once. Every component is stretched by c.",
        lambda *case: _log_density(*case, scale=0.0) - math.log(case[3]),
    ),
    Mistake(
        "You subtract 1 − tanh² u itself. It is a factor of the density; its logarithm belongs here.",
        _density_with(stretch=lambda u: 1 - torch.tanh(u) ** 2),
    ),
    Mistake(
        "You subtract 1 − tanh² u itself, and the scale is missing. A factor of the density becomes a logarithm.",
        _density_with(stretch=lambda u: 1 - torch.tanh(u) ** 2, scale=0.0),
    ),
    Mistake(
        "The correction for tanh has the wrong sign. Near the edge many u share little room, so the "
        "density there is higher.",
        _density_with(tanh=-1.0),
    ),
    Mistake("The sign of log c is wrong: a wider box makes the density lower.", _density_with(scale=-1.0)),
    Mistake(
        "Both corrections have the wrong sign: log(1 − tanh² u) and log c are subtracted.",
        _density_with(tanh=-1.0, scale=-1.0),
    ),
    Mistake(
        "You put the stretched action into 1 − a². The derivative of tanh at u is 1 − tanh² u, before the scale.",
        _corrected_at_the_action,
    ),
    Mistake(
        "You ask the Gaussian for the density at the action. It knows only u.",
        _gaussian_at_the_action,
    ),
    Mistake(
        "You average the components. The logarithm of a product is a sum.",
        _density_with(total=lambda terms: terms.mean(-1)),
    ),
    Mistake(
        "½ log 2π is missing in every component. Without it the area under the density is not 1.",
        _density_with(gaussian=lambda m, s, u: -0.5 * ((u - m) / s.exp()) ** 2 - s),
    ),
    Mistake(
        "log σ is missing: a wider Gaussian is a lower one.",
        _density_with(gaussian=lambda m, s, u: -0.5 * ((u - m) / s.exp()) ** 2 - 0.5 * math.log(2 * math.pi)),
    ),
    Mistake(
        "You take log_std for the standard deviation, or the variance for it. σ = exp(log_std).",
        _density_with(gaussian=lambda m, s, u: Normal(m, (2 * s).exp()).log_prob(u)),
    ),
    Mistake("This is −log π: the sign is turned round.", lambda *case: -_log_density(*case)),
    Mistake("This is the density itself. Its logarithm is asked for.", lambda *case: _log_density(*case).exp()),
]


def _examine_density(student, answers, cases):
    several = [(answer, case) for answer, case in zip(answers, cases, strict=True) if case[0].shape[1] > 1]
    if any(getattr(answer[1], "shape", None) == case[0].shape for answer, case in several):
        return wrong(
            "Your log π has a number for every component. The components are independent, so the density is a product "
            "and its logarithm a sum over the last axis."
        )

    verdict = judge(
        lambda i: answers[i][1],
        lambda i: _log_density(*cases[i]),
        [(i,) for i in range(len(cases))],
        _known(DENSITY_MISTAKES, cases),
        praise=(
            "The area under your density is 1, your draws follow it, gradients pass, and it holds where tanh has "
            "rounded to 1."
        ),
        tolerance=3e-4,
        show=lambda i: _show_gaussian(*cases[i]),
        each="one number a row",
        own=(student, lambda function: lambda i: _action_and_density(function(*cases[i]))[1]),
    )
    if verdict.passed:
        return verdict
    area = _area(student)
    told = f"\nArea under your density at μ = 0.5, σ = 1, c = 1: {area:.3f}" if abs(area - 1) > 0.005 else ""
    return wrong(verdict.sentence, verdict.example + told)


def _grid(mean, c, count=2001, reach=6.0):
    """One-dimensional arguments that go through the whole box."""
    noise = torch.linspace(-reach, reach, count, dtype=torch.float64)[:, None]
    return torch.full_like(noise, mean), torch.zeros_like(noise), noise, c


def _area(student):
    """∫ exp(log π) da over the box at μ = 0.5, σ = 1, c = 1; 1 if it cannot be had."""
    try:
        actions, log_prob = (torch.as_tensor(part).detach().double().flatten() for part in student(*_grid(0.5, 1.0)))
        return float(torch.trapezoid(log_prob.exp(), actions))
    except Exception:  # it is only an illustration
        return 1.0


def _examine_way_back(student, cases):
    """Raise Stopped unless the gradients of actions and log-probabilities reach mean and log_std."""
    mean, log_std, noise, c = cases[1]
    pull = torch.linspace(0.5, 1.5, noise.numel(), dtype=torch.float64).view_as(noise)

    def slopes(function):
        """Of the actions, and of log π; None where there is no graph."""
        inputs = mean.clone().requires_grad_(), log_std.clone().requires_grad_()
        try:
            outputs = _action_and_density(function(*inputs, noise, c))
        except Exception:  # NumPy refuses numbers that require a gradient
            outputs = None, None
        for output, weights in zip(outputs, (pull, pull[:, 0]), strict=True):
            try:
                yield torch.cat(torch.autograd.grad((output * weights).sum(), inputs, retain_graph=True))
            except (RuntimeError, AttributeError, TypeError):  # no graph, NumPy, a list
                yield None

    wanted = slopes(lambda *case: (_squashed(*case), _log_density(*case)))
    for name, mine, oracle in zip(("the actions", "log π"), slopes(student), wanted, strict=True):
        if mine is None:
            raise Stopped(
                wrong(
                    f"The numbers are right, but no gradient comes back from {name} to mean and log_std: stay in "
                    f"torch, "
                    "without detach(), item(), numpy or no_grad."
                )
            )
        if not torch.allclose(mine, oracle, rtol=1e-3, atol=1e-3):
            raise Stopped(
                wrong(
                    f"The numbers are right, but the gradient of {name} is not: some part of it was detached on "
                    f"the way."
                )
            )


def _examine_far_out(student):
    """Raise Stopped unless log π is right at u = ±20 and at u = ±100, in single and in double precision."""
    for far, dtype in ((20.0, torch.float64), (20.0, torch.float32), (100.0, torch.float64), (100.0, torch.float32)):
        mean = torch.tensor([[far], [-far]], dtype=dtype)
        case = mean, torch.zeros_like(mean), torch.zeros_like(mean), 1.0
        truth = _log_density(*(part.double() for part in case[:3]), 1.0)
        log_prob = torch.as_tensor(_action_and_density(call(student, case))[1]).detach().double()
        if not log_prob.isfinite().all() and far > 20:
            raise Stopped(
                wrong(
                    "Right up to u = 20. At u = ±100 your log π is not finite: cosh and exp overflow out there, "
                    "in single "
                    "precision from about 89 on. softplus does not."
                )
            )
        if not log_prob.isfinite().all():
            raise Stopped(
                wrong(
                    "Right, as long as u is small. At u = 20 your log π is not finite: tanh has rounded to 1, "
                    "and 1 − 1 "
                    "is 0. Use the stable form of log(1 − tanh² u), which subtracts nothing from 1."
                )
            )
        if not torch.allclose(log_prob, truth, atol=1e-3):
            raise Stopped(
                wrong(
                    "Right, as long as u is small. A small number inside the logarithm, a clamp, or the way back "
                    "from a to "
                    "u keeps log π finite far out and makes it wrong: use the stable form of log(1 − tanh² u).",
                    f"u = ±{far:g}, σ = 1, c = 1: expected {write(truth)}, got {write(log_prob)}",
                )
            )


def _examine_axes(student, rng):
    """Raise Stopped unless it also works on [S, B, d], where the agent below uses it."""
    case = *(torch.from_numpy(rng.uniform(-0.8, 0.8, (2, 3, 2))) for _ in range(3)), 0.7
    try:
        actions, log_prob = _action_and_density(call(student, case))
        truths = _squashed(*case), _log_density(*case)
        same = [
            part.shape == truth.shape and torch.allclose(part.double(), truth, rtol=1e-4, atol=3e-4)
            for part, truth in zip((actions, log_prob), truths, strict=True)
        ]
    except (Stopped, AttributeError, RuntimeError):
        same = [False]
    if not all(same):
        raise Stopped(
            wrong(
                "Right for tensors of shape [B, d]. The agent below trains 16 seeds at once and hands you [S, B, d]: "
                "work on whole tensors, and add the components up over the last axis, `sum(-1)`."
            )
        )


def _examine_law(student):
    """Raise Stopped unless the density has area 1 and agrees with a histogram of the actions, for c = 2."""
    quantiles = torch.special.ndtri((torch.arange(8000, dtype=torch.float64) + 0.5) / 8000)[:, None]
    case = torch.full_like(quantiles, -0.4), torch.full_like(quantiles, -0.3), quantiles, 2.0
    actions, log_prob = (
        torch.as_tensor(part).detach().double().flatten() for part in _action_and_density(call(student, case))
    )
    share = torch.trapezoid(log_prob.exp(), actions)
    counts = torch.histc(actions, 20, -2.0, 2.0) / len(actions)
    edges = torch.linspace(-2.0, 2.0, 21, dtype=torch.float64)
    below = torch.cat([torch.zeros(1, dtype=torch.float64), torch.cumulative_trapezoid(log_prob.exp(), actions)])
    at = torch.searchsorted(actions, edges).clamp(max=len(actions) - 1)
    if abs(share - 1) > 0.01 or not torch.allclose(below[at].diff(), counts, atol=0.01):
        raise Stopped(
            wrong(
                "On a few rows all is right; on 8000 rows the histogram of your actions does not follow your "
                "density. Does "
                "your function treat the rows one by one?"
            )
        )
