"""Exercises of lesson 10: the squashed Gaussian, the three losses, the temperature, finitely many actions, a choice."""

import math

import numpy as np
import torch

from rlcourse.distributions import TanhGaussian
from rlcourse.exercises.checker import (
    UNFINISHED,
    Mistake,
    Stopped,
    as_tensor,
    call,
    judge,
    not_started,
    right,
    write,
    wrong,
)

# ---------------------------------------------------------------- E1, the squashed Gaussian


def squashed_gaussian(student, *, seed=None):
    """Check squashed(mean, log_std, noise, c) -> (actions [B, d], log π [B]) of a = c tanh(mean + std · noise)."""
    rng = np.random.default_rng(seed)
    cases = [_gaussian_case(rng, *size) for size in ((2, 1, 0.5), (5, 2, 0.8), (5, 3, 0.6))]
    try:
        answers = [_action_and_density(call(student, case)) for case in cases]
        if _changes(lambda *case: _action_and_density(student(*case))[0], cases[1]):
            return wrong("Your actions change from one call to the next. The noise is given: u = mean + std · noise.")
        verdict = _examine_actions(answers, cases)
        if verdict.passed:
            verdict = _examine_density(student, answers, cases)
        if verdict.passed:
            _examine_way_back(student, cases)
            _examine_far_out(student)
            _examine_law(student)
    except Stopped as stopped:
        return stopped.verdict
    return verdict


def _gaussian_case(rng, rows, dims, c):
    """Not far out: the formula as it stands in the books is exact enough here."""
    spans = ((-0.8, 0.8), (-0.9, 0.2), (-1.5, 1.5))
    return *(torch.from_numpy(rng.uniform(*span, (rows, dims))) for span in spans), c


def _changes(function, case):
    """Whether two calls give different numbers."""
    first, second = (call(function, case) for _ in range(2))
    try:
        first, second = (torch.as_tensor(answer, dtype=torch.float64).detach() for answer in (first, second))
        return first.shape == second.shape and not torch.allclose(first, second, equal_nan=True)
    except (TypeError, ValueError, RuntimeError):
        return False  # the shape will be complained about later


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


def _examine_actions(answers, cases):
    def like(**faults):
        return lambda i: _squashed(*cases[i], **faults)

    return judge(
        lambda i: answers[i][0],
        like(),
        [(i,) for i in range(len(cases))],
        [
            Mistake("Your actions reach from −1 to 1 whatever the box: they are not yet stretched by c.",
                    like(scale=False)),
            Mistake("The network gives log σ, which may be negative. The spread is its exponential.",
                    like(std=lambda log_std: log_std)),
            Mistake("Your actions leave the box: they are not squashed.", like(squash=lambda u: u)),
            Mistake("The noise plays no part: this is the mode, the action without exploration.",
                    like(std=torch.zeros_like)),
            Mistake("You multiply the noise by the variance. It is the standard deviation that stretches it.",
                    like(std=lambda log_std: (2 * log_std).exp())),
        ],
        praise="",
        tolerance=3e-4,
        show=lambda i: _show_gaussian(*cases[i]),
        each="one action a row, with d components",
    )  # fmt: skip


def _examine_density(student, answers, cases):
    several = [(answer, case) for answer, case in zip(answers, cases, strict=True) if case[0].shape[1] > 1]
    if any(getattr(answer[1], "shape", None) == case[0].shape for answer, case in several):
        return wrong(
            "Your log π has a number for every component. The components are independent, so the density is a product "
            "and its logarithm a sum over the last axis."
        )

    def like(**faults):
        return lambda i: _log_density(*cases[i], **faults)

    def at(normal):
        """Another first term: normal(mean, std, u, a, tanh u)."""

        def function(i):
            action = _squashed(*cases[i])
            return _log_density(*cases[i], gaussian=lambda m, s, u: normal(m, s, u, action).log_prob(action))

        return function

    def inside(i):
        c = cases[i][3]
        return _log_density(*cases[i], stretch=lambda u: torch.log(1 - (c * torch.tanh(u)) ** 2))

    normal = torch.distributions.Normal
    verdict = judge(
        lambda i: answers[i][1],
        like(),
        [(i,) for i in range(len(cases))],
        [
            Mistake("This is the density of u, before the squashing. tanh presses the actions together near the edges: "
                    "where did the correction go?", like(tanh=0.0, scale=0.0)),
            Mistake("The correction for tanh is missing; only that for c is there.", like(tanh=0.0)),
            Mistake("The scale is missing: in a box c times as wide the density is c times as low, in every component.",
                    like(scale=0.0)),
            Mistake("The scale is counted once. Every component is stretched by c.",
                    lambda i: like(scale=0.0)(i) - math.log(cases[i][3])),
            Mistake("You subtract 1 − tanh² u itself. It is a factor of the density; its logarithm belongs here.",
                    like(stretch=lambda u: 1 - torch.tanh(u) ** 2)),
            Mistake("You subtract 1 − tanh² u itself, and the scale is missing. A factor of the density becomes a "
                    "logarithm.", like(stretch=lambda u: 1 - torch.tanh(u) ** 2, scale=0.0)),
            Mistake("The correction for tanh has the wrong sign. Near the edge many u share little room, so the "
                    "density there is higher.", like(tanh=-1.0)),
            Mistake("The sign of log c is wrong: a wider box makes the density lower.", like(scale=-1.0)),
            Mistake("Both corrections have the wrong sign: log(1 − tanh² u) and log c are subtracted.",
                    like(tanh=-1.0, scale=-1.0)),
            Mistake("You put the stretched action into 1 − a². The derivative of tanh at u is 1 − tanh² u, before the "
                    "scale.", inside),
            Mistake("You ask the Gaussian for the density at the action. It knows only u.",
                    at(lambda m, s, u, a: normal(m, s.exp()))),
            Mistake("You average the components. The logarithm of a product is a sum.",
                    like(total=lambda terms: terms.mean(-1))),
            Mistake("½ log 2π is missing in every component. Without it the area under the density is not 1.",
                    like(gaussian=lambda m, s, u: -0.5 * ((u - m) / s.exp()) ** 2 - s)),
            Mistake("log σ is missing: a wider Gaussian is a lower one.",
                    like(gaussian=lambda m, s, u: -0.5 * ((u - m) / s.exp()) ** 2 - 0.5 * math.log(2 * math.pi))),
            Mistake("You take log_std for the standard deviation, or the variance for it. σ = exp(log_std).",
                    like(gaussian=lambda m, s, u: normal(m, (2 * s).exp()).log_prob(u))),
            Mistake("This is −log π, the surprise.", lambda i: -like()(i)),
            Mistake("This is the density itself. Its logarithm is asked for.", lambda i: like()(i).exp()),
        ],
        praise=(
            "The area under your density is 1, your draws follow it, gradients pass, and it holds where tanh has "
            "rounded to 1."
        ),
        tolerance=3e-4,
        show=lambda i: _show_gaussian(*cases[i]),
        each="one number a row",
    )  # fmt: skip
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
            raise Stopped(wrong(
                f"The numbers are right, but no gradient comes back from {name} to mean and log_std: stay in torch, "
                "without detach(), item(), numpy or no_grad."
            ))  # fmt: skip
        if not torch.allclose(mine, oracle, rtol=1e-3, atol=1e-3):
            raise Stopped(wrong(
                f"The numbers are right, but the gradient of {name} is not: some part of it was detached on the way."
            ))  # fmt: skip


def _examine_far_out(student):
    """Raise Stopped unless log π is right at u = ±20 and at u = ±100, in single and in double precision."""
    for far, dtype in ((20.0, torch.float64), (20.0, torch.float32), (100.0, torch.float64), (100.0, torch.float32)):
        mean = torch.tensor([[far], [-far]], dtype=dtype)
        case = mean, torch.zeros_like(mean), torch.zeros_like(mean), 1.0
        truth = _log_density(*(part.double() for part in case[:3]), 1.0)
        log_prob = torch.as_tensor(_action_and_density(call(student, case))[1]).detach().double()
        if not log_prob.isfinite().all() and far > 20:
            raise Stopped(wrong(
                "Right up to u = 20. At u = ±100 your log π is not finite: cosh and exp overflow out there, in single "
                "precision from about 89 on. softplus does not."
            ))  # fmt: skip
        if not log_prob.isfinite().all():
            raise Stopped(wrong(
                "Right, as long as u is small. At u = 20 your log π is not finite: tanh has rounded to 1, and 1 − 1 "
                "is 0. Use the stable form of log(1 − tanh² u), which subtracts nothing from 1."
            ))  # fmt: skip
        if not torch.allclose(log_prob, truth, atol=1e-3):
            raise Stopped(wrong(
                "Right, as long as u is small. A small number inside the logarithm, a clamp, or the way back from a to "
                "u keeps log π finite far out and makes it wrong: use the stable form of log(1 − tanh² u).",
                f"u = ±{far:g}, σ = 1, c = 1: expected {write(truth)}, got {write(log_prob)}",
            ))  # fmt: skip


def _examine_law(student):
    """Raise Stopped unless the density has area 1 and agrees with a histogram of the actions, for c = 2."""
    quantiles = torch.special.ndtri((torch.arange(8000, dtype=torch.float64) + 0.5) / 8000)[:, None]
    case = torch.full_like(quantiles, -0.4), torch.full_like(quantiles, -0.3), quantiles, 2.0
    actions, log_prob = (torch.as_tensor(part).detach().double().flatten()
                         for part in _action_and_density(call(student, case)))  # fmt: skip
    share = torch.trapezoid(log_prob.exp(), actions)
    counts = torch.histc(actions, 20, -2.0, 2.0) / len(actions)
    edges = torch.linspace(-2.0, 2.0, 21, dtype=torch.float64)
    below = torch.cat([torch.zeros(1, dtype=torch.float64), torch.cumulative_trapezoid(log_prob.exp(), actions)])
    at = torch.searchsorted(actions, edges).clamp(max=len(actions) - 1)
    if abs(share - 1) > 0.01 or not torch.allclose(below[at].diff(), counts, atol=0.01):
        raise Stopped(wrong(
            "On a few rows all is right; on 8000 rows the histogram of your actions does not follow your density. Does "
            "your function treat the rows one by one?"
        ))  # fmt: skip


# ---------------------------------------------------------------- E2, the losses of the critics


class _Toy:
    """Four small functions of the right kind, in float64: V(s), two Q(s, a), and a squashed Gaussian policy."""

    def __init__(self, rng, rows):
        def numbers(*shape):
            return torch.from_numpy(rng.normal(0, 1, shape))

        self.obs, self.actions, self.noise = numbers(rows, 2), numbers(rows, 1).tanh(), numbers(rows, 1)
        self.v, self.q, self.p = (numbers(*shape).requires_grad_() for shape in ((2,), (2, 4), (3,)))
        self.draws = 0

    def value(self, obs):
        return torch.tanh(obs) @ self.v

    def q1(self, obs, actions):
        return self._q(obs, actions, 0)

    def q2(self, obs, actions):
        return self._q(obs, actions, 1)

    def _q(self, obs, actions, which):
        return 2 * torch.cat([obs, actions, actions**2], -1) @ self.q[which]

    def sample(self, obs):
        self.draws += 1
        mean = (obs @ self.p[:2])[:, None]
        return TanhGaussian(mean, 0.3 * torch.tanh(self.p[2]).expand_as(mean)).rsample_with_log_prob(noise=self.noise)


def _smaller(Q1, Q2, obs, actions):
    return torch.minimum(Q1(obs, actions), Q2(obs, actions))


def _draws_of(student, toy, case):
    """How many times a function of a case asks for an action; the toy gives the same one each time."""
    before = toy.draws
    call(student, case)
    return toy.draws - before


def v_loss(student, *, seed=None):
    """Check v_loss(obs, actions, V, Q1, Q2, sample, alpha) -> the scalar ½ mean (V(s) - target)²."""
    rng = np.random.default_rng(seed)
    toys = [_Toy(rng, rows) for rows in (2, 6, 6, 6)]
    cases = [(t.obs, t.actions, t.value, t.q1, t.q2, t.sample, float(rng.uniform(0.1, 0.8))) for t in toys]

    def aims(target, *, half=0.5, total=torch.mean, inner=lambda errors: errors, leak=False):
        """A loss around a target(obs, actions, Q1, Q2, fresh actions, log_probs, alpha)."""

        def loss(obs, actions, V, Q1, Q2, sample, alpha):
            goal = target(obs, actions, Q1, Q2, *sample(obs), alpha)
            return half * total(inner(V(obs) - (goal if leak else goal.detach())) ** 2)

        return loss

    def soft(s, a, Q1, Q2, fresh, logs, alpha):
        return _smaller(Q1, Q2, s, fresh) - alpha * logs

    known = {
        "The actions of your target come from the memory, where older policies put them. V is the value of the present "
        "policy: ask sample.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: _smaller(Q1, Q2, s, a) - alpha * logs),
        "Your target has stored actions and no entropy: it is neither the present policy's value nor a soft one. Ask "
        "sample for action and log π.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: _smaller(Q1, Q2, s, a)),
        "α is missing in front of log π, as it is in the recitation notes. That is right for α = 1 only.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: _smaller(Q1, Q2, s, fresh) - logs),
        "There is no entropy in your target; without it V is the ordinary value.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: _smaller(Q1, Q2, s, fresh)),
        "You add α log π. It is the surprise, −log π, that is rewarded.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: _smaller(Q1, Q2, s, fresh) + alpha * logs),
        "One critic of the two is never asked. The target takes the smaller of both.":
            (aims(lambda s, a, Q1, Q2, fresh, logs, alpha: Q1(s, fresh) - alpha * logs),
             aims(lambda s, a, Q1, Q2, fresh, logs, alpha: Q2(s, fresh) - alpha * logs)),
        "You take the larger of the two critics, the one whose error is more likely to flatter.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: torch.maximum(Q1(s, fresh), Q2(s, fresh)) - alpha * logs),
        "You average the two critics. The minimum is asked for, row by row.":
            aims(lambda s, a, Q1, Q2, fresh, logs, alpha: (Q1(s, fresh) + Q2(s, fresh)) / 2 - alpha * logs),
        "The factor ½ is missing. It only doubles the step, but this is not the loss as it is written.":
            aims(soft, half=1.0),
        "You add up the rows. Take their mean, or the step grows with the batch.": aims(soft, total=torch.sum),
        "You square the mean of the errors. They may cancel: the square comes first, row by row, and then the mean.":
            aims(soft, inner=torch.mean),
        "The number is right, but a gradient flows through the target into critics and policy. In this step V alone "
        "learns: the target is a constant.": aims(soft, leak=True),
    }  # fmt: skip
    verdict = _weigh(
        student, aims(soft), cases, [(t.v, t.q, t.p) for t in toys], known,
        praise="A fresh action, the smaller critic, α in its place, and V alone learns.",
        show=lambda s, a, V, Q1, Q2, sample, alpha: (
            f"α = {alpha:.3g}, V(s) {write(V(s).detach())}, at the fresh actions Q1 "
            f"{write(Q1(s, sample(s)[0]).detach())}, Q2 {write(Q2(s, sample(s)[0]).detach())}, log π "
            f"{write(sample(s)[1].detach())}"
        ),
    )  # fmt: skip
    if verdict.passed and _draws_of(student, toys[1], cases[1]) > 1:
        return wrong(_TWO_DRAWS)
    return verdict


_TWO_DRAWS = (
    "You ask sample more than once, and each time it draws anew. Action and log π belong together, and both critics "
    "judge one action: the smaller of two values at different actions is too small on average. Ask once, keep both."
)


def _weigh(student, oracle, cases, leaves, known, *, praise, show):
    """As `judge`, for a scalar loss: two losses are the same if value and all gradients agree.

    Args:
        student, oracle: functions of a case -> scalar tensor.
        cases: list of argument tuples.
        leaves: for each case the tensors to differentiate by, the one that is to learn first.
        known: dict from a sentence to the function (or functions) that make this mistake.
        praise, show: as in `judge`.

    Returns:
        A Verdict.
    """

    def weights(loss, of):
        if not loss.requires_grad:
            return torch.cat([loss.detach().reshape(1).double(), torch.zeros(sum(leaf.numel() for leaf in of))])
        slopes = torch.autograd.grad(loss, of, allow_unused=True, retain_graph=True)
        slopes = [torch.zeros_like(leaf) if s is None else s for leaf, s in zip(of, slopes, strict=True)]
        return torch.cat([loss.detach().reshape(1), *(slope.flatten() for slope in slopes)])

    truths = [weights(oracle(*case), of) for case, of in zip(cases, leaves, strict=True)]
    answers = []
    try:
        for case, of in zip(cases, leaves, strict=True):
            answer = call(student, case)
            as_tensor(answer, torch.tensor(0.0), "one number")
            if not (isinstance(answer, torch.Tensor) and answer.requires_grad):
                return wrong(
                    "No gradient leaves your loss: whatever is to learn must stay a tensor with its history, not "
                    "detached, and not turned into a number."
                )
            answers.append(weights(answer.double(), of))
    except Stopped as stopped:
        return stopped.verdict

    def same(others):
        return all(torch.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(answers, others, strict=True))

    if same(truths):
        return right(praise)
    wanted, got, case = next(
        (t, a, c)
        for t, a, c in zip(truths, answers, cases, strict=True)
        if not torch.allclose(a, t, rtol=1e-6, atol=1e-6)
    )
    example = f"{show(*case)}: expected {write(wanted[0])}, got {write(got[0])}"
    for sentence, functions in known.items():
        for function in functions if isinstance(functions, tuple) else (functions,):
            if same([weights(function(*c), of) for c, of in zip(cases, leaves, strict=True)]):
                return wrong(sentence, example if abs(wanted[0] - got[0]) > 1e-6 else "")
    if all(torch.allclose(a[0], t[0], rtol=1e-6, atol=1e-6) for a, t in zip(answers, truths, strict=True)):
        return wrong("The number is right and its gradient is not: what is a constant in this step, and what learns?")
    return wrong("The numbers differ from the definition; work the case below by hand.", example)


def q_target(student, *, seed=None):
    """Check q_target(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma) -> the critics' targets [B]."""
    rng = np.random.default_rng(seed)
    cases, toys = [], [_Toy(rng, rows) for rows in (2, 6, 6, 6)]
    for toy in toys:
        rows = len(toy.obs)
        terminated = torch.from_numpy(rng.permutation(rows) < rows // 2)
        alpha, gamma = map(float, rng.uniform((0.1, 0.7), (0.8, 0.95)))
        rewards = torch.from_numpy(rng.normal(0, 1, rows))
        cases.append((rewards, toy.obs, terminated, toy.q1, toy.q2, toy.sample, alpha, gamma))

    def aims(future, *, mask=lambda d: ~d, gamma_on=True):
        """y from a future(next_obs, Q1, Q2, a', log π, α) and a mask."""

        def target(r, s, d, Q1, Q2, sample, alpha, gamma):
            return (r + (gamma if gamma_on else 1.0) * mask(d) * future(s, Q1, Q2, *sample(s), alpha)).detach()

        return target

    def soft(s, Q1, Q2, a, logs, alpha):
        return _smaller(Q1, Q2, s, a) - alpha * logs

    def outside(r, s, d, Q1, Q2, sample, alpha, gamma, *, discount=True):
        a, logs = sample(s)
        bonus = alpha * logs * (gamma if discount else 1.0)
        return (r + gamma * ~d * _smaller(Q1, Q2, s, a) - bonus).detach()

    verdict = judge(
        student,
        aims(soft),
        cases,
        [
            Mistake("Nothing comes after a true end, yet your target counts a future there. Where is (1 − d)?",
                    aims(soft, mask=torch.ones_like)),
            Mistake("The mask is turned round: the future counts where the episode did not end.",
                    aims(soft, mask=lambda d: d)),
            Mistake("The entropy term is missing: this is the target of TD3 with a random action, and its values are "
                    "not soft.", aims(lambda s, Q1, Q2, a, logs, alpha: _smaller(Q1, Q2, s, a))),
            Mistake("log π stands there without α, as if α were 1.",
                    aims(lambda s, Q1, Q2, a, logs, alpha: _smaller(Q1, Q2, s, a) - logs)),
            Mistake("The sign of α log π is wrong: a surprising action is to be rewarded.",
                    aims(lambda s, Q1, Q2, a, logs, alpha: _smaller(Q1, Q2, s, a) + alpha * logs)),
            Mistake("You use a single critic. Two are there, and the smaller one counts.",
                    aims(lambda s, Q1, Q2, a, logs, alpha: Q1(s, a) - alpha * logs)),
            Mistake("You use a single critic, the second. Two are there, and the smaller one counts.",
                    aims(lambda s, Q1, Q2, a, logs, alpha: Q2(s, a) - alpha * logs)),
            Mistake("This is the larger critic of the two; it overestimates most.",
                    aims(lambda s, Q1, Q2, a, logs, alpha: torch.maximum(Q1(s, a), Q2(s, a)) - alpha * logs)),
            Mistake("This is the average of the two critics; the smaller one is asked for.",
                    aims(lambda s, Q1, Q2, a, logs, alpha: (Q1(s, a) + Q2(s, a)) / 2 - alpha * logs)),
            Mistake("The mask covers Q and not the entropy. After a true end nobody acts, so there is none.", outside),
            Mistake("Your entropy stands outside γ (1 − d): it belongs to the next step, with Q.",
                    lambda *case: outside(*case, discount=False)),
            Mistake("Q is discounted and the entropy is not. Both are of the next step: γ stands before the bracket.",
                    lambda r, s, d, Q1, Q2, sample, alpha, gamma: (
                        r + ~d * (gamma * _smaller(Q1, Q2, s, sample(s)[0]) - alpha * sample(s)[1])).detach()),
            Mistake("Your target is 0 where the episode ended. The reward of the last step still counts.",
                    lambda r, s, d, *rest: ~d * aims(soft)(r, s, d, *rest)),
            Mistake("The future is not discounted: where is γ?", aims(soft, gamma_on=False)),
        ],
        praise="Masked, discounted, the smaller of two critics, and the entropy of the next step beside it.",
        show=lambda r, s, d, Q1, Q2, sample, alpha, gamma: (
            f"r {write(r)}, d {write(d.double())}, at a' Q1 {write(Q1(s, sample(s)[0]).detach())}, Q2 "
            f"{write(Q2(s, sample(s)[0]).detach())}, log π {write(sample(s)[1].detach())}, α = {alpha:.3g}, "
            f"γ = {gamma:.3g}"
        ),
        each="one target a row",
    )  # fmt: skip
    if not verdict.passed:
        return verdict
    answer = call(student, cases[0])
    if isinstance(answer, torch.Tensor) and answer.requires_grad:
        return wrong(
            "The numbers are right, but your target carries a gradient into the critics it comes from. A target is a "
            "constant: torch.no_grad() or detach()."
        )
    if _draws_of(student, toys[1], cases[1]) > 1:
        return wrong(_TWO_DRAWS)
    return verdict


# ---------------------------------------------------------------- E3, the loss of the policy


class _Steady(TanhGaussian):
    """A policy's answer whose noise is set, so that every way to draw from it gives the same action."""

    def __init__(self, mean, log_std, toy):
        super().__init__(mean, log_std)
        self.toy, self.noise = toy, toy.noise

    def rsample_with_log_prob(self, sample_shape=(), *, noise=None):
        self.toy.draws += 1
        return super().rsample_with_log_prob(sample_shape, noise=noise if sample_shape else self.noise)


def _policy_of(toy):
    def policy(obs):
        mean = (obs @ toy.p[:2])[:, None]
        return _Steady(mean, 0.3 * torch.tanh(toy.p[2]).expand_as(mean), toy)

    return policy


def _torn(rng, sign, rows=6):
    """A toy whose first critic is the larger (sign 1) or the smaller one (-1) on average, but not in every row."""
    while True:
        toy = _Toy(rng, rows)
        actions = _policy_of(toy)(toy.obs).rsample()
        gaps = sign * (toy.q1(toy.obs, actions) - toy.q2(toy.obs, actions)).detach()
        if gaps.mean() > 0.1 and gaps.min() < -0.1:
            return toy


def pi_loss(student, *, seed=None):
    """Check pi_loss(obs, policy, Q1, Q2, alpha) -> mean of α log π - min Q, a scalar; policy(obs) is a TanhGaussian."""
    rng = np.random.default_rng(seed)
    toys = [_Toy(rng, 2), _torn(rng, 1), _torn(rng, -1)]
    cases = [(t.obs, _policy_of(t), t.q1, t.q2, float(rng.uniform(0.2, 0.8))) for t in toys]

    def loss(combine, *, draw=lambda dist: dist.rsample_with_log_prob(), q=torch.minimum, total=torch.mean):
        """mean of combine(log π, Q, α), with another draw, critic or mean on demand."""

        def function(obs, policy, Q1, Q2, alpha):
            actions, log_probs = draw(policy(obs))
            return total(combine(log_probs, q(Q1(obs, actions), Q2(obs, actions)), alpha))

        return function

    def right_one(logs, q, alpha):
        return alpha * logs - q

    def without_graph(dist):
        actions = dist.sample()
        return actions, dist.log_prob(actions)

    def for_the_critic_only(dist):
        actions, logs = dist.rsample_with_log_prob()
        return actions.detach(), logs

    def density_at_a_constant(dist):
        actions = dist.rsample()
        return actions, dist.log_prob(actions.detach())

    def by_score(scored):
        """Score-function losses: the outcome is a mere weight of log π."""

        def function(obs, policy, Q1, Q2, alpha):
            dist = policy(obs)
            actions = dist.sample()
            logs, q = dist.log_prob(actions), torch.minimum(Q1(obs, actions), Q2(obs, actions)).detach()
            return scored(logs, q, alpha).mean()

        return function

    def at_the_mode(dist):
        return dist.mode, dist.log_prob(dist.mode)

    try:
        if _changes(student, cases[1]):
            return wrong(
                "Your loss changes from one call to the next, so you draw with noise of your own, or many times. Take "
                "one draw for each state, from policy(obs) itself; its noise is set here."
            )
    except Stopped as stopped:
        return stopped.verdict

    known = {
        "You draw with sample(), or detach the action. Then no slope of Q comes back to the policy; what is left, "
        "α ∇log π, has mean zero. rsample() keeps the way open.":
            loss(right_one, draw=without_graph),
        "Nothing at all reaches your policy: the draw was made under no_grad, or everything is detached.":
            loss(right_one, draw=lambda dist: tuple(part.detach() for part in dist.rsample_with_log_prob())),
        "The critics see a detached action, so only the entropy teaches your policy: it becomes wide and learns "
        "nothing of Q.":
            (loss(right_one, draw=for_the_critic_only), loss(lambda logs, q, alpha: alpha * logs - q.detach())),
        "The sign of Q is turned: descending your loss leads to the worst action.":
            loss(lambda logs, q, alpha: alpha * logs + q),
        "The sign of the whole is turned: this is what to ascend. A loss is descended.":
            loss(lambda logs, q, alpha: q - alpha * logs),
        "log π sees a detached action. Part of the entropy's pull is lost: α ∇ₐ log π, which reaches the policy "
        "through the action.": loss(right_one, draw=density_at_a_constant),
        "This is the score function, a legitimate road: its mean gradient is right. Asked for is the pathwise loss, in "
        "which the slope of Q passes through rsample().":
            (by_score(lambda logs, q, alpha: (alpha * logs - q).detach() * logs),
             by_score(lambda logs, q, alpha: alpha * logs - q * logs), by_score(lambda logs, q, alpha: -q * logs),
             by_score(lambda logs, q, alpha: (alpha * (logs.detach() + 1) - q) * logs)),
        "log π is detached: the number is right, but the entropy teaches the policy nothing, and it will shrink to a "
        "point.": loss(lambda logs, q, alpha: alpha * logs.detach() - q),
        "The entropy has the wrong sign: your loss pays for certainty. Entropy is −log π on average.":
            loss(lambda logs, q, alpha: -alpha * logs - q),
        "There is no entropy in your loss: it is DDPG's, with a noisy action.": loss(lambda logs, q, alpha: -q),
        "α is missing in front of log π, as in the recitation notes.": loss(lambda logs, q, alpha: logs - q),
        "α multiplies Q as well. It weighs the entropy only.": loss(lambda logs, q, alpha: alpha * (logs - q)),
        "One critic of the two is never asked; the more cautious one counts, row by row.":
            (loss(right_one, q=lambda a, b: a), loss(right_one, q=lambda a, b: b)),
        "You take the larger critic. The actor will look for its errors.": loss(right_one, q=torch.maximum),
        "You average the critics. Take the smaller one for each row.": loss(right_one, q=lambda a, b: (a + b) / 2),
        "You take the smaller of two averages. Each row makes its own choice: the minimum first, the mean last.":
            lambda obs, policy, Q1, Q2, alpha: torch.maximum(
                *(loss(right_one, q=lambda a, b, one=one: (a, b)[one])(obs, policy, Q1, Q2, alpha) for one in (1, 0))),
        "You take the mode, the action without noise. The loss is a mean over the policy's own draws.":
            loss(right_one, draw=at_the_mode),
        "You add up the rows. Take their mean, or the step grows with the batch.": loss(right_one, total=torch.sum),
    }  # fmt: skip
    verdict = _weigh(
        student, loss(right_one), cases, [(t.p,) for t in toys], known,
        praise="The slope of the smaller critic reaches the policy through its draw, and the entropy pulls beside it.",
        show=lambda obs, policy, Q1, Q2, alpha: _show_draw(policy(obs), obs, Q1, Q2, alpha),
    )  # fmt: skip
    if verdict.passed and _draws_of(student, toys[1], cases[1]) > 1:
        return wrong(
            "You draw more than once, so log π belongs to another action than the one that a critic judges. Here the "
            "noise is set and the numbers agree; in training they do not. Draw once, and keep action and log π."
        )
    return verdict


def _show_draw(dist, obs, Q1, Q2, alpha):
    with torch.no_grad():
        actions, log_probs = dist.rsample_with_log_prob()
        return (
            f"α = {alpha:.3g}, for the drawn actions Q1 {write(Q1(obs, actions))}, Q2 {write(Q2(obs, actions))}, log π "
            f"{write(log_probs)}"
        )


# ---------------------------------------------------------------- E4, the temperature


def temperature(student, *, seed=None):
    """Check new_log_alpha(log_alpha, log_probs, target_entropy, step_size) -> log α after one step of descent."""
    rng = np.random.default_rng(seed)
    cases = [(0.0, torch.tensor([1.0, 3.0], dtype=torch.float64), -1.0, 0.1)]
    for surprise in (2.0, -3.0, 0.5):  # entropy below its target, above it, below it
        logs = torch.from_numpy(rng.normal(1 + surprise, 0.5, 5))
        cases.append((float(rng.uniform(-1.5, -0.3)), logs, -1.0, float(rng.uniform(0.05, 0.3))))
    mean = lambda logs, goal: (logs + goal).mean()  # noqa: E731
    return judge(
        student,
        lambda x, logs, goal, eta: x + eta * math.exp(x) * mean(logs, goal),
        cases,
        [
            Mistake("Your α moves the wrong way. If the policy is less random than it should be, randomness must "
                    "become worth more.", lambda x, logs, goal, eta: x - eta * math.exp(x) * mean(logs, goal)),
            Mistake("You subtract the target from log π. Entropy is −log π on average: their difference is "
                    "−log π − target.", lambda x, logs, goal, eta: x + eta * math.exp(x) * mean(logs, -goal)),
            Mistake("You took the mean of log π for the entropy. Entropy is the mean of −log π.",
                    lambda x, logs, goal, eta: x - eta * math.exp(x) * mean(logs, -goal)),
            Mistake("The direction is right. What you took is the slope in α itself; in log α the chain rule adds a "
                    "factor.", lambda x, logs, goal, eta: x + eta * mean(logs, goal)),
            Mistake("This is the new α. Its logarithm is asked for.",
                    lambda x, logs, goal, eta: math.exp(x + eta * math.exp(x) * mean(logs, goal))),
            Mistake("You take the slope in log α and move α itself with it. Add the step to log α, and return that.",
                    lambda x, logs, goal, eta: math.exp(x) + eta * math.exp(x) * mean(logs, goal)),
            Mistake("You move α itself, which may become negative one day. Descend in log α, and return that.",
                    lambda x, logs, goal, eta: math.exp(x) + eta * mean(logs, goal)),
            Mistake("You move α itself and take its logarithm. Take the step in log α, where no step can make α "
                    "negative.",
                    lambda x, logs, goal, eta: math.log(max(math.exp(x) + eta * float(mean(logs, goal)), 1e-8))),
            Mistake("You add up the rows. J(α) is their mean.",
                    lambda x, logs, goal, eta: x + eta * math.exp(x) * (logs + goal).sum()),
            Mistake("The target entropy plays no part in your step: α would move for ever.",
                    lambda x, logs, goal, eta: x + eta * math.exp(x) * logs.mean()),
            Mistake("This is by how much log α changes. Return log α after the change.",
                    lambda x, logs, goal, eta: eta * math.exp(x) * mean(logs, goal)),
        ],
        praise="Entropy below its target makes α rise, entropy above it makes α fall, and α stays positive.",
        show=lambda x, logs, goal, eta: (
            f"log α = {x:.3g}, log π {write(logs)}, target entropy {goal:g}, step size {eta:.3g}"
        ),
    )  # fmt: skip


# ---------------------------------------------------------------- E5, finitely many actions


def discrete(soft_value, actor_loss, *, seed=None):
    """Check soft_value(logits, q1, q2, alpha) -> [B] and actor_loss(logits, q1, q2, alpha) -> scalar, both exact."""
    rng = np.random.default_rng(seed)
    cases = []
    for rows, kinds in ((2, 2), (5, 3), (5, 4), (5, 4)):
        logits, q1, q2 = (torch.from_numpy(rng.normal(0, 1.5, (rows, kinds))) for _ in range(3))
        cases.append((logits, q1, q2, float(rng.uniform(0.2, 0.8))))
    for name, function in (("soft_value", soft_value), ("actor_loss", actor_loss)):
        try:
            drawn = _draws(function, cases[1])
        except Stopped as stopped:
            return _about(name, stopped.verdict)
        if drawn:
            return wrong(
                f"{name}: its answer changes from one call to the next, so it draws an action. The sum over all "
                "actions is finite: write it out, and no chance is left."
            )
    verdict = _examine_soft_value(soft_value, cases)
    if not verdict.passed:
        return _about("soft_value", verdict)
    verdict = _examine_discrete_loss(actor_loss, cases)
    if not verdict.passed:
        return _about("actor_loss", verdict)
    return right("Exact sums over the actions: no draw, no reparameterisation, no noise from the policy.")


def _about(name, verdict):
    return verdict if verdict.state == UNFINISHED else wrong(f"{name}: {verdict.sentence}", verdict.example)


def _draws(function, case):
    """Whether a function of one case gives different numbers on different calls."""
    answers = []
    for _ in range(12):
        answer = call(function, case)
        try:
            answers.append(torch.as_tensor(answer, dtype=torch.float64).detach())
        except (TypeError, ValueError, RuntimeError):
            return False  # the shape will be complained about later
    return any(a.shape == answers[0].shape and not torch.allclose(a, answers[0]) for a in answers)


def _show_table(logits, q1, q2, alpha):
    return f"logits {write(logits)}, q1 {write(q1)}, q2 {write(q2)}, α = {alpha:.3g}"


def _examine_soft_value(student, cases):
    def value(weigh, *, q=torch.minimum, sign=1.0, scaled=True):
        """Σ weight (q - α log π), with faults on demand."""

        def function(logits, q1, q2, alpha):
            logs = logits.log_softmax(-1)
            return (weigh(logs, q(q1, q2)) * (q(q1, q2) - sign * (alpha if scaled else 1.0) * logs)).sum(-1)

        return function

    def probs(logs, q):
        return logs.exp()

    def greedy(logs, q):
        return torch.nn.functional.one_hot(q.argmax(-1), q.shape[-1]).double()

    return judge(
        student,
        value(probs),
        cases,
        [
            Mistake("you take the logits for log π. They lack the normaliser: log_softmax subtracts it.",
                    lambda logits, q1, q2, alpha: (
                        logits.softmax(-1) * (torch.minimum(q1, q2) - alpha * logits)).sum(-1)),
            Mistake("you take the mean over the actions. The probabilities are the weights already: add up.",
                    lambda *case: value(probs)(*case) / case[0].shape[-1]),
            Mistake("the best action alone is counted. The policy takes all of them, each with its probability.",
                    value(greedy)),
            Mistake("that is the largest Q. Weigh all actions with the policy, and add α H.",
                    lambda logits, q1, q2, alpha: torch.minimum(q1, q2).max(-1).values),
            Mistake("only the likeliest action is counted. The policy takes the others, too.",
                    value(lambda logs, q: greedy(logs, logs))),
            Mistake("all actions weigh the same. Weigh them with the policy.",
                    value(lambda logs, q: torch.full_like(logs, 1 / logs.shape[-1]))),
            Mistake("the entropy is missing: this is the ordinary value of the policy.", value(probs, sign=0.0)),
            Mistake("log π stands there without α.", value(probs, scaled=False)),
            Mistake("the entropy is subtracted. Which sign has log π?", value(probs, sign=-1.0)),
            Mistake("only the first critic is asked.", value(probs, q=lambda a, b: a)),
            Mistake("only the second critic is asked.", value(probs, q=lambda a, b: b)),
            Mistake("this is the average of the critics; take the smaller for every action.",
                    value(probs, q=lambda a, b: (a + b) / 2)),
            Mistake("you take the smaller of two averages. The minimum comes first, action by action.",
                    lambda logits, q1, q2, alpha: torch.minimum(
                        *(value(probs, q=lambda a, b, one=one: (a, b)[one])(logits, q1, q2, alpha) for one in (0, 1)))),
            Mistake("this is the best soft value any policy could have, α log Σ exp(Q/α). Asked for is that of the "
                    "policy at hand.",
                    lambda logits, q1, q2, alpha: alpha * (torch.minimum(q1, q2) / alpha).logsumexp(-1)),
        ],
        praise="",
        show=_show_table,
        each="one value a state",
    )  # fmt: skip


def _examine_discrete_loss(student, cases):
    leaves = [(case[0].clone().requires_grad_(),) for case in cases]
    cases = [(of[0], *case[1:]) for of, case in zip(leaves, cases, strict=True)]

    def loss(*, q=torch.minimum, sign=1.0, scaled=True, total=torch.mean, held=False, weigh=None):
        def function(logits, q1, q2, alpha):
            logs = logits.log_softmax(-1)
            weights = logs.exp() if weigh is None else weigh(logs)
            terms = (alpha if scaled else 1.0) * logs - q(q1, q2)
            return sign * total(((weights.detach() if held else weights) * terms).sum(-1))

        return function

    known = {
        "the sign of the whole is turned: this is what to ascend, and a loss is descended.": loss(sign=-1.0),
        "α is missing in front of log π.": loss(scaled=False),
        "you take the logits for log π. They lack the normaliser: log_softmax subtracts it.":
            lambda logits, q1, q2, alpha: (
                logits.softmax(-1) * (alpha * logits - torch.minimum(q1, q2))).sum(-1).mean(),
        "you take the mean over states and actions together. Over the actions it is a sum, whose weights are the "
        "probabilities.": lambda *case: loss()(*case) / case[0].shape[-1],
        "the entropy is missing; the loss is least where the policy is certain.":
            lambda logits, q1, q2, alpha: -(logits.softmax(-1) * torch.minimum(q1, q2)).sum(-1).mean(),
        "one critic of the two is never asked.": (loss(q=lambda a, b: a), loss(q=lambda a, b: b)),
        "this is the average of the critics; take the smaller for every action.": loss(q=lambda a, b: (a + b) / 2),
        "you add up the states. Take their mean.": loss(total=torch.sum),
        "the number is right, but the probabilities are held constant, and then no gradient tells good actions from "
        "bad ones.": loss(held=True),
        "all actions weigh the same. Weigh them with the policy.":
            loss(weigh=lambda logs: torch.full_like(logs, 1 / logs.shape[-1])),
        "the entropy has the wrong sign: your loss makes the policy certain.":
            lambda logits, q1, q2, alpha: (
                logits.softmax(-1) * (-alpha * logits.log_softmax(-1) - torch.minimum(q1, q2))).sum(-1).mean(),
    }  # fmt: skip
    return _weigh(
        student, loss(), cases, leaves, known, praise="exact",
        show=lambda logits, *rest: _show_table(logits.detach(), *rest),
    )  # fmt: skip


# ---------------------------------------------------------------- E6, choose, and show why

_FACTS = ("run", "mean", "worst", "rival", "rival_mean")
CLOSE = 100
"""Mean scores that differ by less are a tie: a few seeds on ten first states decide nothing finer."""


def capstone(board, budgets, plan):
    """Check a choice for every budget, and the evidence given for it.

    Args:
        board: dict from the name of a run to {"agent": str, "steps", "seconds", "scores": [seeds][checkpoints]}.
        budgets: dict from a customer to {"steps": most} or {"seconds": most}.
        plan: dict from a customer to {"run", "mean", "worst", "rival", "rival_mean"}: the run chosen, the mean and the
            lowest score of its seeds at the last checkpoint that the budget pays for, and the same mean of the best
            run of another agent.

    Returns:
        A Verdict.
    """
    if plan is Ellipsis or plan is None:
        return not_started()
    if not isinstance(plan, dict) or set(plan) != set(budgets):
        return wrong(f"plan must be a dict with an entry for each of {', '.join(budgets)}.")
    entries = [entry for entry in plan.values() if isinstance(entry, dict)]
    if any(entry is Ellipsis for entry in plan.values()) or any(x is Ellipsis for e in entries for x in e.values()):
        return not_started()
    notes = []
    for customer, budget in budgets.items():
        objection, note = _examine_choice(board, budget, plan[customer])
        if objection:
            return wrong(f"{customer}: {objection}")
        notes.append(f"{customer}: {note}")
    return right(f"Both choices stand, and so does their evidence. {' '.join(notes)}")


def _examine_choice(board, budget, entry):
    """(objection, note) on one customer's entry; the objection is empty if the choice stands."""
    if not isinstance(entry, dict) or set(entry) != set(_FACTS):
        return f"give a dict with {', '.join(_FACTS)}.", ""
    for key in ("run", "rival"):
        if entry[key] not in board if isinstance(entry[key], str) else True:
            return f"{key}: the board has no run called {entry[key]!r}.", ""
    for key in ("mean", "worst", "rival_mean"):
        try:
            finite = math.isfinite(float(entry[key]))
        except (TypeError, ValueError, RuntimeError):
            finite = False
        if not finite:
            return f"{key} must be one number.", ""
    (unit, most), (run, rival) = next(iter(budget.items())), (board[entry["run"]], board[entry["rival"]])
    if run["agent"] == rival["agent"]:
        return f"the rival is a {rival['agent']} as well. Compare with another agent.", ""
    paid = {name: _paid_for(other, unit, most) for name, other in board.items()}
    ours, theirs = paid[entry["run"]], paid[entry["rival"]]
    if ours is None or theirs is None:
        name = entry["run" if ours is None else "rival"]
        return f"{most:,} {unit} do not pay for the first checkpoint of {name}: nothing is known of it there.", ""
    for key, scores, who in (("mean", ours, run), ("rival_mean", theirs, rival)):
        objection = _examine_number(float(entry[key]), scores, who, unit, most)
        if objection:
            return f"{key}: {objection}", ""
    if not _near(float(entry["worst"]), ours.min()):
        sentence = "that is the best seed." if _near(float(entry["worst"]), ours.max()) else "no seed ended there."
        return f"worst: {sentence} Give the lowest score of the seeds within the budget.", ""
    others = {n: s for n, s in paid.items() if s is not None and board[n]["agent"] == rival["agent"]}
    if max(s.mean() for s in others.values()) > theirs.mean() + CLOSE:
        return f"rival: {rival['agent']} has a better run on the board. Beat the strongest, not a straw man.", ""
    foreign = [s.mean() for n, s in paid.items() if s is not None and board[n]["agent"] != run["agent"]]
    if max(foreign) > theirs.mean() + CLOSE:
        return "rival: another agent does better than this one within the budget. Compare with that one.", ""
    top = max((s for s in paid.values() if s is not None), key=np.mean)
    if top.mean() > ours.mean() + CLOSE:
        if top.min() > ours.max():
            return "run: within this budget the board holds one whose every seed beats every seed of yours.", ""
        return f"run: its seeds reach that far, but on average another run is better by more than {CLOSE} points.", ""
    if abs(ours.mean() - theirs.mean()) <= CLOSE:
        return "", f"the means are less than {CLOSE} points apart, so call it a tie until there are more seeds."
    if ours.min() > theirs.max():
        return "", "every seed beats every seed of the rival."
    return "", "better on average, but the seeds overlap with the rival's."


def _paid_for(run, unit, most):
    """The score of every seed at its last checkpoint within a budget, [seeds]; None if a seed has none."""
    scores = []
    for costs, values in zip(run[unit], run["scores"], strict=True):
        within = [value for cost, value in zip(costs, values, strict=True) if cost <= most]
        if not within:
            return None
        scores.append(within[-1])
    return np.array(scores)


def _near(a, b):
    return abs(a - b) <= 1.0


def _examine_number(given, scores, run, unit, most):
    """What is wrong with a mean score given for a run; empty if nothing."""
    if _near(given, scores.mean()):
        return ""
    ends = np.array([values[-1] for values in run["scores"]])
    best = np.array([max(value for cost, value in zip(costs, values, strict=True) if cost <= most)
                     for costs, values in zip(run[unit], run["scores"], strict=True)])  # fmt: skip
    if _near(given, ends.mean()):
        return "that is the score at the end of the runs, after the budget was spent."
    if _near(given, scores.max()):
        return "that is the luckiest seed. Give the mean of all of them."
    if _near(given, best.mean()) or _near(given, best.max()):
        return "that is the best checkpoint on the way. What counts is the agent as it stands when the budget is spent."
    if _near(given, np.median(scores)):
        return "that is the median of the seeds; the mean was asked for."
    if any(_near(given, value) for value in scores):
        return "that is a single seed. Give the mean of all of them."
    return f"the seeds say something else within {most:,} {unit}. Take the last checkpoint that the budget pays for."
