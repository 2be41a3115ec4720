"""E1, the pathwise gradient of a toy objective, and E3, the loss of SAC's policy."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, explained, judge, write, wrong
from rlcourse.course.checker_errors import describe
from rlcourse.course.checker_losses import refuse_backward
from rlcourse.distributions import TanhGaussian

# ---------------------------------------------------------------- E1, the pathwise gradient


@dataclass(frozen=True)  # no tuple: torch would take `slope * a` for an index, and say so
class Slope:
    """The slope of Q(a) = -height (a - top)²."""

    height: float
    top: float

    def __call__(self, actions):
        return -2 * self.height * (actions - self.top)

    def __str__(self):
        return f"slope(a) = −{2 * self.height:g} (a − {self.top:g})"


_MISUSED = (
    (r"\bSlope\b", "slope is a function of one argument: slope(a) gives the slope of Q at every action of a."),
    (
        r"\bCritic\b",
        "q1 and q2 are functions of one argument, a tensor of actions: q1(actions) gives one number per row.",
    ),
)


def pathwise_gradient(student, *, seed=None):
    """Check pathwise(mu, sigma, noise, slope) -> the estimates of ∂E[Q]/∂μ and ∂E[Q]/∂σ from the draws ξ [N]."""
    rng = np.random.default_rng(seed)
    cases = [(0.0, 2.0, torch.tensor([0.5, -1.0], dtype=torch.float64), Slope(1.0, 1.0))]
    for draws in (1, 6, 9):
        mu, sigma, height, top = (
            round(float(rng.uniform(*span)), 1) for span in ((-1, 1), (0.4, 0.9), (0.5, 2), (2, 3))
        )
        cases.append((mu, sigma, torch.from_numpy(rng.normal(size=draws)), Slope(height, top)))
    verdict = judge(
        student,
        _pathwise,
        cases,
        PATHWISE_MISTAKES,
        praise="Both slopes come from the slope of Q, through a = μ + σξ.",
        show=lambda mu, sigma, noise, slope: f"μ = {mu:g}, σ = {sigma:g}, ξ = {write(noise)}, {slope}",
        each="two numbers, first for μ, then for σ",
    )
    return explained(verdict, _MISUSED)


def _pathwise(mu, sigma, noise, slope, *, to_sigma=lambda sigma, noise: noise, at=None, total=torch.mean):
    """Both estimates, with faults on demand."""
    slopes = slope(mu + sigma * noise if at is None else at(mu, sigma, noise))
    return torch.stack([total(slopes), total(slopes * to_sigma(sigma, noise))])


def _pathwise_with(**faults):
    return lambda *case: _pathwise(*case, **faults)


PATHWISE_MISTAKES = [
    Mistake(
        "Both numbers are the slope for μ. For σ the chain rule adds a factor: how far does a move if σ grows by one?",
        _pathwise_with(to_sigma=lambda sigma, noise: torch.ones_like(noise)),
    ),
    Mistake(
        "The slope for σ has σξ where ξ belongs: this is the slope for log σ.",
        _pathwise_with(to_sigma=lambda sigma, noise: sigma * noise),
    ),
    Mistake(
        "You multiply by σ. The derivative of μ + σξ by σ is ξ.",
        _pathwise_with(to_sigma=lambda sigma, noise: sigma * torch.ones_like(noise)),
    ),
    Mistake(
        "You take the slope of Q at the mean μ. Every draw has its own action, μ + σξ, and the slope there counts.",
        _pathwise_with(at=lambda mu, sigma, noise: torch.full_like(noise, mu)),
    ),
    Mistake(
        "You take the slope of Q at the noise ξ. It belongs at the action, μ + σξ.",
        _pathwise_with(at=lambda mu, sigma, noise: noise),
    ),
    Mistake(
        "You multiply ξ by the variance. The action is μ + σξ.",
        _pathwise_with(at=lambda mu, sigma, noise: mu + sigma**2 * noise),
    ),
    Mistake("You add the draws up. An estimate is their mean.", _pathwise_with(total=torch.sum)),
    Mistake("The signs are turned round: these slopes lead down, not up.", lambda *case: -_pathwise(*case)),
    Mistake("Right numbers in the wrong order: first the one for μ.", lambda *case: _pathwise(*case).flip(0)),
    Mistake(
        "You mix the two estimators: this is the score times the slope of Q. The score is multiplied by Q itself, "
        "and the slope by the derivative of the action.",
        lambda mu, sigma, noise, slope: (
            slope(mu + sigma * noise) * torch.stack([noise / sigma, (noise**2 - 1) / sigma])
        ).mean(-1),
    ),
]

# ---------------------------------------------------------------- E3, the policy's loss


class Drawn(TanhGaussian):
    """A squashed Gaussian whose noise is written down, so that two answers can be compared; each draw has its own."""

    def __init__(self, mean, log_std, noises):
        super().__init__(mean, log_std)
        self.noises = iter([*noises, *[None] * 20])

    def rsample_with_log_prob(self, sample_shape=(), *, noise=None):
        if noise is None and not sample_shape:
            noise = next(self.noises, None)
        return super().rsample_with_log_prob(sample_shape, noise=noise)


Drawn.__name__ = "TanhGaussian"  # errors of Python tell the name of the class, and students know this one


@dataclass(frozen=True)
class Critic:
    """Q(a) = slope Σ a_i - 1."""

    slope: float

    def __call__(self, actions):
        if not isinstance(actions, torch.Tensor):
            raise TypeError("a Critic wants a tensor")
        return self.slope * actions.sum(-1) - 1


class Case(NamedTuple):
    mean: torch.Tensor
    log_std: torch.Tensor
    noises: torch.Tensor
    """Of the first and of the second draw."""
    q1: Critic
    q2: Critic
    alpha: float

    def __str__(self):
        about = f"μ = {write(self.mean)}, log σ = {write(self.log_std)}, ξ = {write(self.noises[0])}"
        critics = f"Q1 = {self.q1.slope:g} Σa − 1, Q2 = {self.q2.slope:g} Σa − 1"
        return f"{about}, {critics}, α = {self.alpha:g}; the loss, then its slopes in μ and in log σ"


def policy_loss(student, *, seed=None):
    """Check policy_loss(policy, q1, q2, alpha) -> the mean of α log π(a) - min_i Q_i(a), with its gradient."""
    rng = np.random.default_rng(seed)
    cases = [_policy_case(rng, *shape) for shape in ((1, 1), (6, 2), (2, 5, 3))]
    try:
        answers = [_loss_and_slopes(student, case) for case in cases]
        if not torch.equal(answers[1], _loss_and_slopes(student, cases[1])):
            return wrong(
                "Your loss changes from one call to the next. Draw the action once, with a method of `policy`, and "
                "without noise of your own."
            )
        return judge(
            lambda i: answers[i],
            lambda i: _loss_and_slopes(_policy_loss, cases[i]),
            [(i,) for i in range(len(cases))],
            [
                Mistake(known.sentence, lambda i, made=known.function: _loss_and_slopes(made, cases[i]))
                for known in LOSS_MISTAKES
            ],
            praise="The value is right, and so are the slopes: they come back through the action and through log π.",
            tolerance=1e-5,
            show=lambda i: str(cases[i]),
            own=(student, lambda function: lambda i: _loss_and_slopes(function, cases[i])),
        )
    except Stopped as stopped:
        return explained(stopped.verdict, _MISUSED)


def _policy_case(rng, *shape):
    draw = lambda low, high, *more: torch.from_numpy(rng.uniform(low, high, (*more, *shape)).round(2))  # noqa: E731
    slopes = round(rng.uniform(0.5, 1.5), 1), -round(rng.uniform(0.5, 1.5), 1)
    return Case(
        draw(-0.8, 0.8), draw(-0.9, 0.2), draw(-1.5, 1.5, 2), *map(Critic, slopes), round(rng.uniform(0.2, 0.8), 1)
    )


def _loss_and_slopes(function, case):
    """The loss, and its gradient with respect to mean and log_std, one after the other.

    Raises:
        Stopped: if the loss is no number, no gradient comes back from it, or its gradient was taken inside.
    """
    inputs = case.mean.clone().requires_grad_(), case.log_std.clone().requires_grad_()
    loss = call(function, (Drawn(*inputs, case.noises), case.q1, case.q2, case.alpha))
    value = as_tensor(loss, torch.zeros(()))
    refuse_backward(inputs)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        raise Stopped(
            wrong("No gradient comes back from your loss: return a tensor, without detach(), item() or no_grad.")
        )
    try:
        slopes = torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True)
    except RuntimeError as error:  # the graph was broken on the way
        raise Stopped(wrong(describe(error, function))) from None
    return torch.cat([value.reshape(1), *(slope.flatten() for slope in slopes)])


def _policy_loss(policy, q1, q2, alpha, *, draw=None, combine=torch.minimum, total=torch.mean, loss=None):
    """The loss, with faults on demand."""
    actions, log_probs = policy.rsample_with_log_prob() if draw is None else draw(policy)
    q = combine(q1(actions), q2(actions))
    return total(alpha * log_probs - q if loss is None else loss(alpha, log_probs, q))


def _loss_with(**faults):
    return lambda *case: _policy_loss(*case, **faults)


def _by_sample(policy):
    actions = policy.sample()
    return actions, policy.log_prob(actions)


def _constant_density(policy):
    actions, log_probs = policy.rsample_with_log_prob()
    return actions, log_probs.detach()


def _two_draws(policy):
    return policy.rsample(), policy.rsample_with_log_prob()[1]


def _frozen_density(policy):
    actions = policy.rsample()
    return actions, policy.log_prob(actions.detach())


def _min_of_means(policy, q1, q2, alpha):
    actions, log_probs = policy.rsample_with_log_prob()
    return alpha * log_probs.mean() - torch.minimum(q1(actions).mean(), q2(actions).mean())


def _min_of_everything(policy, q1, q2, alpha):
    actions, log_probs = policy.rsample_with_log_prob()
    return alpha * log_probs.mean() - torch.minimum(q1(actions).min(), q2(actions).min())


LOSS_MISTAKES = [
    Mistake(
        "The number is right and the gradient is not: you draw with `sample`, so no slope of Q comes back. What is "
        "left is α times a score, whose mean is zero. Draw with `rsample` or `rsample_with_log_prob`.",
        _loss_with(draw=_by_sample),
    ),
    Mistake(
        "The number is right, but log π is detached: α no longer keeps the policy random.",
        _loss_with(draw=_constant_density),
    ),
    Mistake(
        "The number is right, but log π takes the action as a constant. Its slope goes through the action, too.",
        _loss_with(draw=_frozen_density),
    ),
    Mistake(
        "The number is right, but the way from Q back to the action is cut, by detach or no_grad: only the entropy "
        "teaches your policy.",
        _loss_with(loss=lambda alpha, logs, q: alpha * logs - q.detach()),
    ),
    Mistake(
        "You draw twice: log π belongs to another action than Q. Draw once, and use this action in both.",
        _loss_with(draw=_two_draws),
    ),
    Mistake(
        "This is minus the loss. It is to be descended: Q stands in it with a minus.",
        lambda *case: -_policy_loss(*case),
    ),
    Mistake(
        "The sign of Q is wrong: descending this loss lowers Q.",
        _loss_with(loss=lambda alpha, logs, q: alpha * logs + q),
    ),
    Mistake(
        "The sign of log π is wrong: descending this loss makes the policy less random.",
        _loss_with(loss=lambda alpha, logs, q: -alpha * logs - q),
    ),
    Mistake("α is missing.", _loss_with(loss=lambda alpha, logs, q: logs - q)),
    Mistake("The entropy is missing: this is −Q alone.", _loss_with(loss=lambda alpha, logs, q: -q)),
    Mistake(
        "You divide by α. That is the divergence itself, up to log Z; the loss is α times as large, so that its unit "
        "is that of Q.",
        _loss_with(loss=lambda alpha, logs, q: logs - q / alpha),
    ),
    Mistake(
        "α multiplies Q, too. It belongs to log π only.", _loss_with(loss=lambda alpha, logs, q: alpha * (logs - q))
    ),
    Mistake("You take the larger critic. The smaller one is the cautious choice.", _loss_with(combine=torch.maximum)),
    Mistake("You take the first critic only.", _loss_with(combine=lambda q1, q2: q1)),
    Mistake("You take the second critic only.", _loss_with(combine=lambda q1, q2: q2)),
    Mistake("You average the critics. The smaller one counts.", _loss_with(combine=lambda q1, q2: (q1 + q2) / 2)),
    Mistake("You take the smaller of two batch means. The smaller critic counts in every row.", _min_of_means),
    Mistake("You take the smallest Q of the batch. The smaller critic counts in every row.", _min_of_everything),
    Mistake("You add the rows up. The loss is their mean.", _loss_with(total=torch.sum)),
    Mistake(
        "This is the score function: a constant times log π. It is a legitimate way, but the exercise asks for the "
        "pathwise one: no detach.",
        _loss_with(draw=_by_sample, loss=lambda alpha, logs, q: (alpha * logs - q).detach() * logs),
    ),
]
