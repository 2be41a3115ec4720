"""Checkers E3 and E4: the weights that a learned value leaves, and the regression that it is fitted by."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, judge, right, write, wrong

# ---------------------------------------------------------------- E3: the weights of a learned baseline


class _Line(nn.Module):
    """A critic that can be worked by hand: V(s) = w1 · s + w0."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights.clone())

    def forward(self, obs):
        return obs @ self.weights[:-1] + self.weights[-1]


def _critic_cases(rng):
    """(weights, obs, returns): first one to work by hand, then random ones."""
    cases = [(torch.tensor([2.0, 1.0]), torch.tensor([[0.0], [1.0]]), torch.tensor([5.0, 2.0]))]
    for steps, width in ((4, 2), (7, 3), (12, 4)):
        sizes = (width + 1,), (steps, width), (steps,)
        cases.append(tuple(torch.from_numpy(rng.normal(0, 2, size)).float() for size in sizes))
    return cases


SCALED = "Your weights are R - V, divided by their standard deviation. Leave the scale as it is here."
NORMALISED = (
    "Your weights are R - V, normalised: their mean subtracted, then divided by their standard deviation. Leave them "
    "as they are here."
)


def _scaled(weights, correction):
    return weights / weights.std(correction=correction)


def _normalised(weights, correction):
    return _scaled(weights - weights.mean(), correction)


WEIGHT_MISTAKES = [
    Mistake(
        "The sign is turned round: you computed V - R. A return above the baseline should give a positive weight.",
        lambda critic, obs, returns: critic(obs) - returns,
    ),
    Mistake(
        "You subtract the mean of the returns. That is a baseline, too, but one number for all states; here each "
        "state has its own, critic(obs).",
        lambda critic, obs, returns: returns - returns.mean(),
    ),
    Mistake(
        "You subtract the mean of the values, one number for all states. Subtract from each return the value of its "
        "own state.",
        lambda critic, obs, returns: returns - critic(obs).mean(),
    ),
    Mistake("These are the values. The weight is what the return has beyond them.", lambda critic, obs, _: critic(obs)),
    Mistake("These are the returns as they came: no baseline.", lambda critic, obs, returns: returns),
    Mistake("You add the value; subtract it.", lambda critic, obs, returns: returns + critic(obs)),
    Mistake("You multiply by the value; subtract it.", lambda critic, obs, returns: returns * critic(obs)),
    Mistake(
        "This is the squared error, what the critic is fitted with. The weight of the policy gradient keeps its sign: "
        "no square.",
        lambda critic, obs, returns: (returns - critic(obs)) ** 2,
    ),
    *(Mistake(SCALED, lambda critic, obs, returns, c=c: _scaled(returns - critic(obs), c)) for c in (0, 1)),
    *(Mistake(NORMALISED, lambda critic, obs, returns, c=c: _normalised(returns - critic(obs), c)) for c in (0, 1)),
    Mistake(
        "Your weights are R - V with their own mean subtracted once more. The value is the whole baseline.",
        lambda critic, obs, returns: (returns - critic(obs)) - (returns - critic(obs)).mean(),
    ),
]


def _weights(critic, obs, returns):
    with torch.no_grad():
        return returns - critic(obs)


def baseline_weights(student, *, seed=None):
    """E3: student(critic, obs, returns) -> the returns minus the critic's values, constants, one per step.

    Args:
        student: the function; critic(obs) gives values [T] with a graph, obs is a tensor [T, features], returns [T].
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    cases = [(_Line(weights), obs, returns) for weights, obs, returns in _critic_cases(np.random.default_rng(seed))]
    verdict = judge(
        student,
        _weights,
        cases,
        WEIGHT_MISTAKES,
        tolerance=1e-5,
        praise="Every draw agrees, and constants: no gradient leads from the policy's objective into the critic.",
        show=lambda critic, obs, returns: f"returns {write(returns)}, critic(obs) {write(critic(obs).detach())}",
    )
    if verdict.passed and _carries_a_graph(call(student, cases[0])):
        return wrong(
            "The numbers are right, but they are not constants: autograd would go on through them into the critic. "
            "Compute critic(obs) under torch.no_grad(), or detach it."
        )
    return verdict


def _carries_a_graph(answer):
    entries = answer if isinstance(answer, list | tuple) else (answer,)
    return any(getattr(entry, "requires_grad", False) for entry in entries)


# ---------------------------------------------------------------- E4: the regression


def _fit(critic, optimizer, obs, returns, steps, *, loss=F.mse_loss, zero=True):
    for _ in range(steps):
        error = loss(critic(obs), returns)
        if zero:
            optimizer.zero_grad()
        error.backward()
        optimizer.step()
    return error.item()


def _with(**options):
    return lambda *case: _fit(*case, **options)


def _once(critic, optimizer, obs, returns, steps):
    return _fit(critic, optimizer, obs, returns, 1)


FIT_MISTAKES = [
    Mistake(
        "The gradients of earlier steps are still there: backward() adds to what is in .grad. Call "
        "optimizer.zero_grad() in every turn of the loop.",
        _with(zero=False),
    ),
    Mistake(
        "You take one step, whatever `steps` says. Put the lines into a loop; if they are in one, is the `return` "
        "inside the loop?",
        _once,
    ),
    Mistake(
        "You climb the error instead of descending it: the sign of the loss is turned round.",
        _with(loss=lambda v, r: -F.mse_loss(v, r)),
    ),
    Mistake(
        "You sum the squared errors. Take their mean, or the size of the step grows with the number of rows.",
        _with(loss=lambda v, r: ((v - r) ** 2).sum()),
    ),
    Mistake(
        "You halve the mean of the squares. Many books do, but then every step is half as long: here it is the mean "
        "itself.",
        _with(loss=lambda v, r: 0.5 * F.mse_loss(v, r)),
    ),
    Mistake(
        "You fit with the absolute error. That leads to the median of the returns; the value is their mean, which "
        "needs the square.",
        _with(loss=F.l1_loss),
    ),
    Mistake(
        "You take the root of the mean square. Leave the root out: it changes the length of every step.",
        _with(loss=lambda v, r: F.mse_loss(v, r).sqrt()),
    ),
    Mistake(
        "Your loss is the mean difference, without a square: it has no lowest point.",
        _with(loss=lambda v, r: (v - r).mean()),
    ),
    Mistake(
        "You fit every state to the mean of the returns. Each row has its own target, returns[t].",
        _with(loss=lambda v, r: F.mse_loss(v, r.mean().expand_as(v))),
    ),
    Mistake(
        "Your errors are a [T, T] table, every value minus every return: that fits every state to the mean of the "
        "returns. Print the shapes of critic(obs) and of returns where you subtract; both must be [T].",
        _with(loss=lambda v, r: ((v[:, None] - r) ** 2).mean()),
    ),
]
STEP = 0.1  # of plain gradient descent in the checker, which can be worked by hand


NO_STEP = "The critic has not moved at all: optimizer.step() is missing."


def _descent(weights):
    """Plain gradient descent of one tensor, and a list in which every backward() and step() is noted as it comes."""
    optimizer, seen = torch.optim.SGD([weights], lr=STEP), []
    weights.register_post_accumulate_grad_hook(lambda _: seen.append("backward"))

    def note(_, inputs, options):
        closure = any(one is not None for one in (*inputs[1:], *options.values()))  # which makes the gradient
        seen.append("empty step" if weights.grad is None and not closure else "step")

    optimizer.register_step_pre_hook(note)
    return optimizer, seen


def _fitted(function, weights, obs, returns, steps):
    """The critic's weights after a function has fitted it by plain gradient descent, and the loss it returns."""
    critic = _Line(weights)
    optimizer, _ = _descent(critic.weights)
    loss = as_tensor(call(function, (critic, optimizer, obs, returns, steps)), torch.zeros(()), "the last loss")
    return critic.weights.detach(), loss


def _out_of_order(student, weights, obs, returns, steps):
    """What is wrong with the calls of a turn, in a sentence; empty where the first step() finds a gradient."""
    critic = _Line(weights)
    optimizer, seen = _descent(critic.weights)
    call(student, (critic, optimizer, obs, returns, steps))
    if "step" not in seen and "empty step" not in seen:
        return NO_STEP if _alike([critic.weights], [weights]) else ""  # else it was moved by hand
    first = next(place for place, what in enumerate(seen) if "step" in what)
    if seen[first] == "step":
        return ""
    if "backward" in seen[:first]:
        return "You empty the gradients between loss.backward() and optimizer.step(): the step finds none."
    if "backward" in seen:
        return "optimizer.step() comes before loss.backward(): it does not yet have this turn's gradient."
    return "optimizer.step() finds no gradient: loss.backward() is missing."


def fit_value(student, *, seed=None):
    """E4: student(critic, optimizer, obs, returns, steps) fits the critic and returns the last loss, one number.

    Args:
        student: the function; critic(obs) gives values [T], obs is a tensor [T, features], returns [T], steps a whole
            number; it takes so many steps of the optimizer, down the mean squared error.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    small, *others = _critic_cases(np.random.default_rng(seed))
    cases = [(*small, 1), (*small, 2), *((*case, steps) for case, steps in zip(others, (2, 3, 5), strict=True))]
    try:
        found, losses = zip(*(_fitted(student, *case) for case in cases), strict=True)
        out_of_order = _out_of_order(student, *cases[0])
    except Stopped as stopped:
        return stopped.verdict
    truths, last = zip(*(_fitted(_fit, *case) for case in cases), strict=True)
    if _alike(found, truths):
        return _logged(losses, last, truths, cases)
    differs = next(i for i, (a, b) in enumerate(zip(found, truths, strict=True)) if not _alike([a], [b]))
    weights, obs, returns, steps = cases[differs]
    example = (
        f"V(s) = w1·s + w0, (w1, w0) = {write(weights)}, obs {_rows(obs)}, returns {write(returns)}, "
        f"steps = {steps}, step size {STEP}: expected (w1, w0) = {write(truths[differs])}, got {write(found[differs])}"
    )
    if out_of_order:
        return wrong(out_of_order, example)
    fitting = []
    for mistake in FIT_MISTAKES:
        made, logged = zip(*(_fitted(mistake.function, *case) for case in cases), strict=True)
        if _alike(found, made):
            fitting.append((not _alike(losses, logged), mistake.sentence))
    if fitting:  # where two mistakes move the critic alike, the returned loss tells which it is
        return wrong(min(fitting, key=lambda pair: pair[0])[1], example)
    return wrong(
        "The critic's weights are not those that this many steps lead to; work the case below by hand.", example
    )


def _logged(losses, last, fitted, cases):
    """The verdict on the returned numbers where the critic is fitted rightly."""
    after = [
        F.mse_loss(_Line(weights)(obs), returns) for weights, (_, obs, returns, _) in zip(fitted, cases, strict=True)
    ]
    if _alike(losses, last) or _alike(losses, [loss.detach().double() for loss in after]):
        return right("Every draw agrees. Nothing here knows of actions: a value is fitted like any other regression.")
    if min(losses) < 0:
        return wrong("The critic is fitted rightly, but a mean of squares is never negative: return the loss itself.")
    differs = next(i for i, (a, b) in enumerate(zip(losses, last, strict=True)) if not _alike([a], [b]))
    return wrong(
        "The critic is fitted rightly, but the number that you return is not the last loss, the mean squared error of "
        "the last step.",
        f"steps = {cases[differs][-1]}: expected {write(last[differs])}, got {write(losses[differs])}",
    )


def _rows(obs):
    return "[" + ", ".join(f"[{', '.join(f'{x:.4g}' for x in row)}]" for row in obs.tolist()) + "]"


def _alike(some, others):
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(some, others, strict=True))
