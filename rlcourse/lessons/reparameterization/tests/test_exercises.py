"""Checkers: right answers in several styles pass, every known mistake is named."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform, TanhTransform
from torch.nn import functional as F

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.reparameterization import exercises

# ---------------------------------------------------------------- E2


def stable(u):
    return 2 * (math.log(2) - u - F.softplus(-2 * u))


def squashed(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    log_prob = Normal(mean, log_std.exp()).log_prob(u) - stable(u) - math.log(c)
    return c * torch.tanh(u), log_prob.sum(-1)


def squashed_by_hand(mean, log_std, noise, c):
    std = torch.exp(log_std)
    u = mean + std * noise
    terms = -0.5 * ((u - mean) / std) ** 2 - torch.log(std) - 0.5 * math.log(2 * math.pi)
    terms = terms - (F.logsigmoid(2 * u) + F.logsigmoid(-2 * u) + math.log(4)) - math.log(c)
    return [torch.tanh(u) * c, terms.sum(dim=-1)]


def squashed_component_by_component(mean, log_std, noise, c):
    actions, log_probs = [], []
    for m, s, n in zip(mean.unbind(-1), log_std.unbind(-1), noise.unbind(-1), strict=True):
        u = m + s.exp() * n
        actions.append(c * u.tanh())
        log_probs.append(Normal(m, s.exp()).log_prob(u) - stable(u) - math.log(c))
    return torch.stack(actions, -1), torch.stack(log_probs).sum(0)


def squashed_row_by_row(mean, log_std, noise, c):
    actions, log_probs = [], []
    for row in zip(mean, log_std, noise, strict=True):
        action, log_prob = squashed_component_by_component(*row, c)
        actions.append(action)
        log_probs.append(log_prob)
    return torch.stack(actions), torch.stack(log_probs)


def summed_over_axis_1(mean, log_std, noise, c):
    a, logs = changed(log_prob=lambda m, s, u, c: gauss(m, s, u) - stable(u) - math.log(c))(mean, log_std, noise, c)
    return a, logs.sum(1)


def squashed_by_torch(mean, log_std, noise, c):
    # the cache of TanhTransform keeps u, so log_prob need not invert tanh
    transforms = [TanhTransform(cache_size=1), AffineTransform(0.0, c, cache_size=1)]
    dist = TransformedDistribution(Normal(mean, log_std.exp()), transforms)
    action = mean + log_std.exp() * noise
    for transform in transforms:
        action = transform(action)
    return action, dist.log_prob(action).sum(-1)


def changed(*, action=None, log_prob=None):
    """The right answer with one part replaced; each part a function of (mean, std, u, c)."""

    def answer(mean, log_std, noise, c):
        std = log_std.exp()
        u = mean + std * noise
        a, logs = squashed(mean, log_std, noise, c)
        return (action(mean, std, u, c) if action else a), (log_prob(mean, std, u, c) if log_prob else logs)

    return answer


def gauss(mean, std, u):
    return Normal(mean, std).log_prob(u)


def log_std_as_std(mean, log_std, noise, c):
    return squashed(mean, log_std.abs().log(), noise * log_std.sign(), c)


def detached_action(mean, log_std, noise, c):
    a, logs = squashed(mean, log_std, noise, c)
    return a.detach(), logs


def detached_log_prob(mean, log_std, noise, c):
    a, logs = squashed(mean, log_std, noise, c)
    return a, logs.detach()


def detached_u(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    log_prob = Normal(mean, log_std.exp()).log_prob(u.detach()) - stable(u) - math.log(c)
    return c * u.tanh(), log_prob.sum(-1)


def by_log_cosh(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    terms = Normal(mean, log_std.exp()).log_prob(u) + 2 * torch.log(torch.cosh(u)) - math.log(c)
    return c * u.tanh(), terms.sum(-1)


def by_log_of_exp(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    stretch = 2 * (math.log(2) - u - torch.log(1 + torch.exp(-2 * u)))
    return c * u.tanh(), (Normal(mean, log_std.exp()).log_prob(u) - stretch - math.log(c)).sum(-1)


def own_noise(mean, log_std, noise, c):
    return squashed(mean, log_std, torch.randn_like(mean), c)


def in_numpy(mean, log_std, noise, c):
    mean, log_std, noise = mean.numpy(), log_std.numpy(), noise.numpy()
    u = mean + np.exp(log_std) * noise
    terms = -0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi) - 2 * (np.log(2) - u - np.logaddexp(0, -2 * u))
    return c * np.tanh(u), (terms - np.log(c)).sum(-1)


def in_single_precision(mean, log_std, noise, c):
    return squashed(mean.float(), log_std.float(), noise.float(), c)


def density_in_single_precision(mean, log_std, noise, c):
    return squashed(mean, log_std, noise, c)[0], in_single_precision(mean, log_std, noise, c)[1]


def by_the_package(mean, log_std, noise, c):
    return rl.TanhGaussian(mean, log_std, -c, c).rsample_with_log_prob(noise=noise)


def log_std_in_normal(mean, log_std, noise, c):
    u = mean + log_std * noise
    return c * u.tanh(), Normal(mean, log_std).log_prob(u).sum(-1)


def only_the_action(mean, log_std, noise, c):
    return squashed(mean, log_std, noise, c)[0]


def in_place(mean, log_std, noise, c):
    log_std.exp_()
    u = mean + log_std * noise
    return c * u.tanh(), (gauss(mean, log_std, u) - stable(u) - math.log(c)).sum(-1)


WRONG_SQUASHED = {
    "density of u, before the squashing": changed(log_prob=lambda m, s, u, c: gauss(m, s, u).sum(-1)),
    "correction for tanh is missing": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - math.log(c)).sum(-1)),
    "scale is missing": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u)).sum(-1)),
    "scale is counted once": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u)).sum(-1) - math.log(c)),
    "subtract 1 − tanh² u itself. It is a factor": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - (1 - u.tanh() ** 2) - math.log(c)).sum(-1)
    ),
    "itself, and the scale is missing": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - (1 - u.tanh() ** 2)).sum(-1)
    ),
    "correction for tanh has the wrong sign": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) + stable(u) - math.log(c)).sum(-1)
    ),
    "sign of log c is wrong": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u) + math.log(c)).sum(-1)),
    "Both corrections have the wrong sign": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) + stable(u) + math.log(c)).sum(-1)
    ),
    "It knows only u": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, c * u.tanh()) - stable(u) - math.log(c)).sum(-1)
    ),
    "You average the components": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u) - math.log(c)).mean(-1)
    ),
    "a number for every component": changed(log_prob=lambda m, s, u, c: gauss(m, s, u) - stable(u) - math.log(c)),
    "½ log 2π is missing": changed(
        log_prob=lambda m, s, u, c: (-0.5 * ((u - m) / s) ** 2 - s.log() - stable(u) - math.log(c)).sum(-1)
    ),
    "log σ is missing": changed(
        log_prob=lambda m, s, u, c: (
            -0.5 * ((u - m) / s) ** 2 - 0.5 * math.log(2 * math.pi) - stable(u) - math.log(c)
        ).sum(-1)
    ),
    "or the variance for it": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s**2, u) - stable(u) - math.log(c)).sum(-1)
    ),
    "This is −log π": changed(log_prob=lambda m, s, u, c: -(gauss(m, s, u) - stable(u) - math.log(c)).sum(-1)),
    "the density itself": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u) - math.log(c)).sum(-1).exp()),
    "not yet stretched by c": changed(action=lambda m, s, u, c: u.tanh()),
    "Your actions leave the box": changed(action=lambda m, s, u, c: c * u),
    "The noise plays no part": changed(action=lambda m, s, u, c: c * m.tanh()),
    "The standard deviation is its exponential": changed(
        action=lambda m, s, u, c: c * (m + s.log() * ((u - m) / s)).tanh()
    ),
    "the noise by the variance": changed(action=lambda m, s, u, c: c * (m + s * (u - m)).tanh()),
    "At u = 20 your log π is not finite": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - torch.log(1 - u.tanh() ** 2) - math.log(c)).sum(-1)
    ),
    "A small number inside the logarithm": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - torch.log(1 - u.tanh() ** 2 + 1e-6) - math.log(c)).sum(-1)
    ),
    "no gradient comes back from the actions": detached_action,
    "Your actions change from one call to the next": own_noise,
    "no gradient comes back from log π": detached_log_prob,
    "but the gradient of log π is not": detached_u,
    "add the components up over the last axis": summed_over_axis_1,
    "Return two things": only_the_action,
    "changes an argument in place": in_place,
}


@pytest.mark.covers("EQX-13", "AL-20", "ERR-62", "ERR-63")
class TestSquashedGaussian(CheckerContract):
    check = staticmethod(exercises.squashed_gaussian)
    right = (
        squashed,
        squashed_by_hand,
        squashed_component_by_component,
        squashed_row_by_row,
        squashed_by_torch,
        in_single_precision,
        density_in_single_precision,
    )
    wrong = [
        *((student, said) for said, student in WRONG_SQUASHED.items()),
        (in_numpy, "no gradient comes back from the actions"),  # to NumPy no graph leads either
        (by_the_package, "without `rl.TanhGaussian`"),
        (log_std_in_normal, "A standard deviation must be positive. The network gives log σ"),
    ]


@pytest.mark.covers("CL-61", "ERR-62")
@pytest.mark.parametrize("student", [by_log_cosh, by_log_of_exp])
def test_a_form_that_overflows_further_out_is_named(student):
    verdict = exercises.squashed_gaussian(student, seed=0)
    assert not verdict.passed and "At u = ±100 your log π is not finite" in verdict.sentence, verdict


@pytest.mark.covers("CL-61", "ERR-62")
def test_the_area_under_a_density_without_correction_is_shown():
    plain = WRONG_SQUASHED["density of u, before the squashing"]
    assert "c = 1: 0.562" in exercises.squashed_gaussian(plain).example
    unscaled = WRONG_SQUASHED["scale is missing"]
    assert "Area" not in exercises.squashed_gaussian(unscaled).example  # it is 1 at c = 1


@pytest.mark.covers("AL-20", "EQX-13")
def test_the_exercise_asks_for_what_the_package_does():
    rng = np.random.default_rng(3)
    mean, log_std, noise = torch.from_numpy(rng.normal(0, 1, (3, 6, 2)))
    actions, log_prob = rl.TanhGaussian(mean, log_std, -2.0, 2.0).rsample_with_log_prob(noise=noise)
    mine = squashed(mean, log_std, noise, 2.0)
    assert torch.allclose(mine[0], actions) and torch.allclose(mine[1], log_prob)


@pytest.mark.parametrize("answer", [3.0, "no", (1, 2, 3), (torch.zeros(2), torch.zeros(2)), {"a": 1}, np.zeros(3)])
def test_nonsense_gets_a_sentence(answer):
    verdict = exercises.squashed_gaussian(lambda *case: answer)
    assert not verdict.passed and verdict.sentence.endswith((".", "rows", "]"))


def test_a_squashed_gaussian_that_stops_or_is_not_begun():
    def stops(mean, log_std, noise, c):
        return mean + torch.log(noise_of_mine)  # noqa: F821

    assert "NameError" in exercises.squashed_gaussian(stops).sentence
    assert exercises.squashed_gaussian(lambda *case: ...).state == UNFINISHED
    assert "NaN" in exercises.squashed_gaussian(lambda m, s, n, c: (m / 0, m[:, 0])).sentence
