"""Exercises: copies that follow, the two lines of TD3's target, and whether the chase runs away."""

import cmath
import functools
import math
import re

import numpy as np
import torch
from torch import nn

from rlcourse.course.checker import (
    UNFINISHED,
    Mistake,
    Stopped,
    call,
    has_dots,
    judge,
    not_started,
    right,
    run,
    write,
    wrong,
)

# ---------------------------------------------------------------- E1: the copies follow


class _Watched(nn.Sequential):
    """A network that remembers whether anybody looked inside."""

    touched = False
    _INSIDE = frozenset(
        {
            "parameters",
            "named_parameters",
            "state_dict",
            "load_state_dict",
            "children",
            "modules",
            "named_modules",
            "named_children",
            "buffers",
            "named_buffers",
            "_parameters",
            "_modules",
            "get_parameter",
            "get_submodule",
            "apply",
        }
    )

    def __getattribute__(self, name):
        if name in _Watched._INSIDE:
            object.__setattr__(self, "touched", True)
        return super().__getattribute__(name)


def _watched(rng):
    """A network with weights of several shapes, and running statistics that are no weights."""
    net = _Watched(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2, bias=False)).double()
    for module in list(net):
        for p in module.parameters():
            p.data.copy_(torch.from_numpy(rng.normal(0, 1, p.shape)))
        for b in module.buffers():
            b.copy_(torch.from_numpy(np.asarray(rng.integers(1, 9, b.shape))))
    return net


def polyak_update(student, *, seed=None):
    """Check polyak_update(online, target, tau): moves the target's weights in place, and nothing else."""
    if not callable(student):
        return wrong(f"Pass the function itself, without calling it; got {type(student).__name__}.")
    rng = np.random.default_rng(seed)
    for tau in (0.25, float(rng.uniform(0.01, 0.2)), float(rng.uniform(0.6, 0.9)), 1.0):
        try:
            verdict = _follow(student, rng, tau)
        except Stopped as stopped:
            verdict = stopped.verdict
        if verdict is not None:
            return verdict
    return right("The copy moves a share κ of the way, weight by weight, in place; nothing else changes.")


def _follow(student, rng, tau):
    """One call; None if all is well."""
    online, target = _watched(rng), _watched(rng)
    w, before = _weights(online), _weights(target)
    objects, places, stores = list(target.parameters()), _places(target), _statistics(target)
    switches = _switches(online, target)
    online.touched = target.touched = False
    answer = _run(student, online, target, tau)
    touched = online.touched or target.touched  # before the checker itself looks inside
    _same_shape(target, before)
    if _close(_weights(target), before) and has_dots(student):
        return not_started()
    if not touched:
        return wrong(
            "Your function looks into neither network. Go through online.parameters() and target.parameters()."
        )
    if any(p.grad_fn is not None for p in target.parameters()) or len(objects) != len(list(target.parameters())):
        return wrong("Your copy's weights hang in a computation graph. Wrap the loop in torch.no_grad().")
    if not _close(_weights(online), w):
        if _close(_weights(online), _mixed(before, w, tau)) or _close(_weights(online), _mixed(w, before, tau)):
            return wrong("You move the online network towards its copy. It is the copy that follows.")
        return wrong("Your function changes the online network. Only the copy may move.")
    if _close(_weights(target), _mixed(w, before, tau)):
        return _not_in_place(target, objects, places, stores) or _left_behind(switches, _switches(online, target))
    return _another_place(w, before, _weights(target), tau, answer is not _NOTHING)


def _not_in_place(target, objects, places, stores):
    """What is wrong although the numbers are right; None if the tensors that were there hold them."""
    if any(one is not other for one, other in zip(objects, target.parameters(), strict=True)):
        return wrong(
            "The numbers are right, but the copy has new Parameter objects. Whoever holds the old ones, such as an "
            "optimiser, is left behind: change the numbers in place, with copy_, mul_ and add_, or lerp_."
        )
    if places != _places(target):
        return wrong(
            "The numbers are right, but a weight holds a new tensor now: `q.data = ...` does this, and so does "
            "vector_to_parameters. In place means: write into the tensor that is there, with copy_, mul_ and add_, or "
            "lerp_."
        )
    if any(not torch.equal(a, b) for a, b in zip(stores, _statistics(target), strict=True)):
        return wrong(
            "You also mix what is no weight: the running statistics of the BatchNorm layer, which `state_dict` "
            "holds as well. Go through `parameters()`."
        )
    return None


def _left_behind(before, after):
    """What is wrong although numbers and tensors are right; None if the networks are switched as they were."""
    if before["requires_grad"] != after["requires_grad"]:
        return wrong(
            "The numbers are right, but your function leaves the gradient of a weight switched off, "
            "requires_grad = False. With torch.no_grad() around the loop nothing is left behind."
        )
    if before["training"] != after["training"]:
        return wrong(
            "The numbers are right, but your function leaves a network in evaluation mode. There BatchNorm computes "
            "otherwise. Leave eval() and train() out."
        )
    return None


def _another_place(w, before, after, tau, returned):
    """Which mistake has moved the copy from `before` to `after`, or nowhere; w are the online weights."""
    expected = _mixed(w, before, tau)
    example = f"tau {tau:.3g}: an online weight {w[0].flatten()[0]:.3f}, its copy {before[0].flatten()[0]:.3f} → "
    example += f"expected {expected[0].flatten()[0]:.3f}, got {after[0].flatten()[0]:.3f}"
    if tau == 1.0:
        return wrong("With tau = 1 the copy should equal the online network.", example)
    if _close(after, before):
        if returned:
            return wrong("What you return is not looked at, and the copy has not moved. Change its weights in place.")
        return wrong(
            "The copy has not moved. Write into its weights, with q.copy_(...) or q.lerp_(...): a line such as `q = "
            "...` only gives a name to a new tensor. Is the loop gone through at all? What parameters() gives can be "
            "gone through once."
        )
    for sentence, rule in _POLYAK_MISTAKES.items():
        if _close(after, [rule(online, copy, tau) for online, copy in zip(w, before, strict=True)]):
            return wrong(sentence, example)
    moved = [_close([a], [e]) for a, e in zip(after, expected, strict=True)]
    if any(moved):
        return wrong("Some weights are right, some not: go through all of them, biases and normalisation included.")
    return wrong("The copy should be κ · online + (1 − κ) · copy, weight by weight.", example)


_POLYAK_MISTAKES = {
    "κ and 1 − κ are swapped: the copy jumps nearly all the way, and there is no lag left. κ weighs the online "
    "network.": lambda online, copy, tau: tau * copy + (1 - tau) * online,
    "That is a hard copy: κ is not used.": lambda online, copy, tau: online,
    "You add κ times the online weights and keep the copy whole: the two shares must sum to 1.": (
        lambda online, copy, tau: copy + tau * online
    ),
    "You shrink the copy by 1 − κ, but nothing of the online network arrives.": (
        lambda online, copy, tau: (1 - tau) * copy
    ),
    "Only the share κ of the online network is left: the copy's own part, 1 − κ, is missing.": (
        lambda online, copy, tau: tau * online
    ),
}


_NOTHING = "nothing returned"


def _run(student, online, target, tau):
    """What the student's function returns.

    Raises:
        Stopped: with the verdict, if it stops with an error or not at all.
    """

    @functools.wraps(student)  # for the line of an error, and for the dots
    def acting(*arguments):
        answer = student(*arguments)
        return _NOTHING if answer is None else answer

    try:
        return run(acting, (online, target, tau))
    except Stopped as stopped:
        if stopped.verdict.state == UNFINISHED:
            raise
        raise Stopped(wrong(_friendlier(stopped.verdict.sentence))) from None


def _friendlier(said):
    """A sentence on an error, in the words of this exercise."""
    if "leaf variable" in said.lower():
        return "torch refuses to change a weight in place while it records gradients: wrap the loop in torch.no_grad()."
    if missing := re.search(r"'_Watched' object has no attribute '(\w+)'", said):
        return (
            f"A network of several layers has no `.{missing[1]}`. Go through the weights of all its layers: "
            "online.parameters() and target.parameters()."
        )
    if "TypeError" in said and "_Watched" in said:
        return "A network is not a number. Go through its weights: online.parameters() and target.parameters()."
    return said.replace("_Watched", "Sequential")


def _same_shape(target, before):
    now = [p.shape for p in target.parameters()]
    if now != [b.shape for b in before]:
        raise Stopped(wrong("The copy has weights of other shapes, or other layers, than before."))


def _weights(net):
    return [p.detach().clone() for p in net.parameters()]


def _places(net):
    """Where the numbers of each weight lie in memory."""
    return [p.data_ptr() for p in net.parameters()]


def _switches(*nets):
    """Whether each weight records gradients, and whether each layer is in training mode."""
    return {
        "requires_grad": [p.requires_grad for net in nets for p in net.parameters()],
        "training": [module.training for net in nets for module in net.modules()],
    }


def _statistics(net):
    return [b.clone() for b in net.buffers()]


def _mixed(near, far, tau):
    return [tau * x + (1 - tau) * y for x, y in zip(near, far, strict=True)]


def _close(one, other):
    return all(torch.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------- E2: a target action with noise


def target_action(student, *, seed=None):
    """Check target_action(actions, noise, half_width) -> actions with TD3's noise, inside [-half_width, half_width]."""
    rng = np.random.default_rng(seed)
    small = torch.tensor([[1.9], [0.5], [-1.0], [-1.8]], dtype=torch.float64)
    draws = torch.tensor([[1.0], [-4.0], [0.5], [3.0]], dtype=torch.float64)
    cases = [(small, draws, torch.tensor([2.0], dtype=torch.float64))]
    for shape, size in (((8, 2), (0.5, 3.0)), ((2, 6, 1), (1.5,))):
        half_width = torch.tensor(size, dtype=torch.float64)
        inside = half_width * torch.from_numpy(rng.uniform(-1, 1, shape))
        cases.append((inside, 2 * torch.from_numpy(rng.standard_normal(shape)), half_width))
    mistakes = [Mistake(sentence, rule) for sentence, rule in _ACTION_MISTAKES.items()]
    verdict = judge(
        student,
        _smoothed,
        cases,
        mistakes,
        praise="Nearly the action of the target actor: small noise, cut twice, in the right unit.",
        show=lambda actions, noise, half_width: (
            f"actions {write(actions)}, noise {write(noise)}, half-width {write(half_width)}"
        ),
        each="one action per row",
    )
    if verdict.passed or "differ from the definition" not in verdict.sentence:
        return verdict
    if not torch.equal(*(torch.as_tensor(call(student, cases[1])) for _ in range(2))):
        return wrong("Called twice, your function gives two answers. The draws are given to you: use `noise`.")
    return verdict


def _smoothed(actions, noise, half_width, std=0.2, limit=0.5):
    return (actions + half_width * (std * noise).clamp(-limit, limit)).clamp(-half_width, half_width)


_ACTION_MISTAKES = {
    "The noise is not cut at ±0.5: a rare large draw would move the action far away.": lambda a, n, h: _smoothed(
        a, n, h, limit=100.0
    ),
    "The standard deviation 0.2 is missing: the draws have the standard deviation 1.": lambda a, n, h: _smoothed(
        a, n, h, std=1.0
    ),
    "You cut the draws first and multiply by 0.2 afterwards. Multiply first: the limit of 0.5 is for the noise that is "
    "added.": lambda a, n, h: (a + h * 0.2 * n.clamp(-0.5, 0.5)).clamp(-h, h),
    "The noise is in half-widths of the box. Multiply it by half_width before you add it.": lambda a, n, h: (
        a + (0.2 * n).clamp(-0.5, 0.5)
    ).clamp(-h, h),
    "You cut the noise after it was multiplied by half_width. The limit of 0.5 is in half-widths, like "
    "0.2.": lambda a, n, h: (a + (0.2 * h * n).clamp(-0.5, 0.5)).clamp(-h, h),
    "The action leaves the box: cut the sum at -half_width and half_width.": lambda a, n, h: (
        a + h * (0.2 * n).clamp(-0.5, 0.5)
    ),
    "You cut the action at ±1. The box reaches from -half_width to half_width.": lambda a, n, h: (
        a + h * (0.2 * n).clamp(-0.5, 0.5)
    ).clamp(-1, 1),
    "You return the noise alone; add it to the action.": lambda a, n, h: h * (0.2 * n).clamp(-0.5, 0.5),
    "You return the action as it came; the noise is missing.": lambda a, n, h: a,
}


# ---------------------------------------------------------------- E3: the smaller of two


def twin_target(student, *, seed=None):
    """Check twin_target(rewards, terminated, q1, q2, gamma) -> y, one number per row."""
    rng = np.random.default_rng(seed)
    by_hand = ([1.0, 0.0, -2.0], [False, True, False], [3.0, 5.0, 1.0], [2.0, 6.0, 4.0])
    double = torch.float64
    cases = [(*(torch.tensor(x, dtype=double if x[0] is not False else torch.bool) for x in by_hand), 0.9)]
    for shape in ((7,), (2, 5)):
        rewards, q1, q2 = (torch.from_numpy(rng.normal(0, 2, shape)) for _ in range(3))
        cases.append((rewards, torch.from_numpy(rng.random(shape) < 0.4), q1, q2, float(rng.uniform(0.6, 0.95))))
    mistakes = [Mistake(sentence, rule) for sentence, rule in _TWIN_MISTAKES.items()]
    verdict = judge(
        student,
        _twin,
        cases,
        mistakes,
        praise="Both critics are asked, the lower one is believed, and an end is an end.",
        show=lambda r, d, q1, q2, gamma: (
            f"rewards {write(r)}, terminated {write(d)}, q1 {write(q1)}, q2 {write(q2)}, gamma {gamma:.3g}"
        ),
        each="one number per row",
    )
    if "with a bool tensor" in verdict.sentence:
        return wrong("`terminated` is boolean, and torch does not subtract booleans: write 1 - d as `~terminated`.")
    return verdict


def _twin(rewards, terminated, q1, q2, gamma, both=torch.minimum):
    return rewards + gamma * ~terminated * both(q1, q2)


_TWIN_MISTAKES = {
    "You take the larger of the two. Overestimation grows that way.": lambda *c: _twin(*c, both=torch.maximum),
    "You take the mean of the two: that lowers the noise, and keeps the optimism of the maximum.": lambda *c: _twin(
        *c, both=lambda one, other: (one + other) / 2
    ),
    "You use the first critic alone: that is DDPG's target.": lambda *c: _twin(*c, both=lambda one, other: one),
    "You use the second critic alone.": lambda *c: _twin(*c, both=lambda one, other: other),
    "You take the smallest value of the whole batch. Each row has a minimum of its own: "
    "torch.minimum(q1, q2).": lambda *c: _twin(*c, both=lambda one, other: torch.minimum(one.min(), other.min())),
    "A step that terminated has no future: multiply the future by 1 - d.": lambda r, d, q1, q2, gamma: (
        r + gamma * torch.minimum(q1, q2)
    ),
    "The other way round: you keep the future of the steps that terminated.": lambda r, d, q1, q2, gamma: _twin(
        r, ~d, q1, q2, gamma
    ),
    "The discount γ is missing.": lambda r, d, q1, q2, gamma: _twin(r, d, q1, q2, 1.0),
    "The reward of the last step counts. Only the future is multiplied by 1 - d.": lambda r, d, q1, q2, gamma: (
        ~d * (r + gamma * torch.minimum(q1, q2))
    ),
    "The reward is missing.": lambda r, d, q1, q2, gamma: gamma * ~d * torch.minimum(q1, q2),
}


# ---------------------------------------------------------------- E4: does the chase run away?


def diverges(student, *, seed=None):
    """Check diverges(step_size, gain, angle, copy_every) -> bool for the chase; the angle in degrees."""
    cases = _chases(np.random.default_rng(seed))
    answers = []
    for case in cases:
        try:
            answers.append(_truth_value(call(student, case)))
        except Stopped as stopped:
            return _for_this_chase(stopped.verdict, case)
    truths = [_runs_away(*case) for case in cases]
    if answers == truths:
        return right("You can tell before the first update whether it will settle.")
    k = next(i for i, (a, t) in enumerate(zip(answers, truths, strict=True)) if a != t)
    example = f"{_chase(*cases[k])}: it {_says(truths[k])}, you say it {_says(answers[k])}"
    if len(set(answers)) == 1:
        return wrong("You give the same answer whatever the numbers are; some chases settle, some run away.", example)
    for sentence, rule in _CHASE_MISTAKES.items():
        if answers == [rule(*case) for case in cases]:
            return wrong(sentence, example)
    wrong_ones = sum(a != t for a, t in zip(answers, truths, strict=True))
    if all(truth for answer, truth in zip(answers, truths, strict=True) if answer != truth):
        sentence = f"{wrong_ones} of {len(cases)} chases run away, and you say that they settle. If you simulate them: "
        sentence += "numbers that grow too large become nan, and `nan > 1` is False. Compute the factor instead."
        return wrong(sentence, example)
    return wrong(
        f"{wrong_ones} of {len(cases)} chases go another way than you say. What is the error multiplied by "
        f"between one copy and the next?",
        example,
    )


def _chase(step_size, gain, angle, copy_every):
    return f"η = {step_size:.2f}, g = {gain:.2f}, φ = {angle:.0f}°, a copy every {copy_every}"


def _for_this_chase(verdict, case):
    """The verdict; where nothing was returned, with the chase, for other chases may have an answer."""
    if "returns nothing" not in verdict.sentence:
        return verdict
    sentence = "Your function returns nothing for the chase below. Does every branch end with a `return`?"
    return wrong(sentence, _chase(*case))


def _says(away):
    return "runs away" if away else "settles"


def _factor(step_size, gain, angle, copy_every):
    """By what the error is multiplied from one copy to the next."""
    kept = (1 - step_size) ** copy_every
    return abs(kept + (1 - kept) * gain * cmath.exp(1j * math.radians(angle)))


def _runs_away(*case):
    return _factor(*case) > 1


_CHASE_MISTAKES = {
    "The other way round: a factor above 1 is what makes the error grow.": lambda *c: not _runs_away(*c),
    "You put degrees into a function that takes radians. Convert them: π / 180.": lambda eta, g, phi, k: (
        _factor(eta, g, math.degrees(phi), k) > 1
    ),
    "You decide by the gain alone, as if φ were 0. A target that answers sideways or backwards is not one straight "
    "ahead.": lambda eta, g, phi, k: g > 1,
    "You look at g cos φ above 1: that is right for tiny step sizes, or very slow Polyak "
    "copies.": lambda eta, g, phi, k: g * math.cos(math.radians(phi)) > 1,
    "You treat every chase as if the target moved at each update: copy_every is not used.": lambda eta, g, phi, k: (
        _factor(eta, g, phi, 1) > 1
    ),
    "The real part alone is not the size: the error turns as well. Take the modulus of the complex "
    "factor.": lambda eta, g, phi, k: abs((1 - eta) ** k + (1 - (1 - eta) ** k) * g * math.cos(math.radians(phi))) > 1,
}


def _chases(rng):
    """Chases with a clear outcome, such that every known mistake shows, and both answers are common."""
    while True:
        cases = [(0.3, 1.5, 90.0, 1), (0.3, 1.5, 90.0, 5)]
        while len(cases) < 60:
            case = (
                float(rng.uniform(0.05, 1.9)),
                float(rng.uniform(0.5, 1.6)),
                float(rng.uniform(0, 180)),
                int(rng.choice([1, 1, 2, 3, 5, 20])),
            )
            if abs(_factor(*case) - 1) > 0.03:
                cases.append(case)
        truths = [_runs_away(*case) for case in cases]
        rules = [[rule(*case) for case in cases] for rule in _CHASE_MISTAKES.values()]
        if 0.3 < np.mean(truths) < 0.7 and all(rules.count(made) == 1 and made != truths for made in rules):
            return cases


def _truth_value(answer):
    if isinstance(answer, str):
        raise Stopped(wrong("Return True if the chase runs away and False if it settles; got a text."))
    try:
        values = np.asarray(answer.detach() if isinstance(answer, torch.Tensor) else answer)
        if values.size != 1 or values.dtype == object or values.item() not in (0, 1):
            raise ValueError
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise Stopped(
            wrong(f"Return True if the chase runs away and False if it settles; got {str(answer)[:40]}.")
        ) from None
    return bool(values.item())
