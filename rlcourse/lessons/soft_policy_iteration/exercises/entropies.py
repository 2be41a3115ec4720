"""Exercises: the entropy of a distribution over actions, and of a Gaussian."""

import math

import numpy as np
import torch

from rlcourse.course.checker import Mistake, judge, write, wrong
from rlcourse.lessons.soft_policy_iteration.exercises.cases import (
    ADDED,
    LEAST,
    LIFTED,
    NUDGES,
    RARE,
    column,
    instead_of_nan,
)

ZERO_LOG = "Your answer is not a number where a probability is 0. What never happens adds nothing: 0 log 0 = 0."


def _entropy(probs):
    return torch.special.entr(probs).sum()


ENTROPY_MISTAKES = [
    Mistake(
        "This is the entropy in bits. Asked for are nats: take the natural logarithm.",
        lambda p: _entropy(p) / math.log(2),
    ),
    Mistake(
        "The sign: log p is never positive, and an entropy of actions is never negative.",
        lambda p: -_entropy(p),
    ),
    Mistake(
        "You divide by the number of actions. The probabilities are the weights already.",
        lambda p: _entropy(p) / len(p),
    ),
    Mistake("This is exp(H), the effective number of actions. Asked for is H itself.", lambda p: _entropy(p).exp()),
    Mistake(
        "Each -log p must count as often as it happens: weigh it by p.",
        lambda p: -p[p > 0].log().sum(),
    ),
    Mistake("The logarithm is missing: this is 1 - Σ p², another measure of spread.", lambda p: 1 - (p * p).sum()),
    Mistake(
        "You give every distribution the entropy of the uniform one, log m.",
        lambda p: column(math.log(len(p)))[0],
    ),
    Mistake(
        "You give every distribution the entropy of the uniform one over the actions that can happen.",
        lambda p: (p > 0).sum().double().log(),
    ),
    *(Mistake(LIFTED, lambda p, least=least: -(p * p.clamp(min=least).log()).sum()) for least in LEAST),
    *(Mistake(ADDED, lambda p, nudge=nudge: -(p * (p + nudge).log()).sum()) for nudge in NUDGES),
]


def categorical_entropy(student, *, seed=None):
    """Check categorical_entropy(probs) -> H in nats, one number, for probabilities of shape [m]."""
    rng = np.random.default_rng(seed)
    known = ((0.5, 0.5), (0.7, 0.2, 0.1), (0.5, 0, 0.25, 0.25), (0, 1, 0), RARE)
    cases = [(column(*p),) for p in known]
    cases += [(torch.from_numpy(rng.dirichlet(np.ones(int(m)))),) for m in rng.integers(2, 9, 4)]
    verdict = judge(
        student,
        _entropy,
        cases,
        ENTROPY_MISTAKES,
        praise="Certain actions and impossible ones included. exp(H) is the effective number of actions.",
        show=_show,
    )
    if "math domain error" in verdict.sentence:
        return wrong(f"`math.log` stops at a probability of 0. {ZERO_LOG.partition('. ')[2]}")
    return instead_of_nan(verdict, ZERO_LOG, student, cases[0])


def _show(probs):
    return f"probabilities {write(probs)}"


def _gaussian(stds):
    return 0.5 * (2 * math.pi * math.e * stds**2).log()


DENSITY_MISTAKES = [
    Mistake(
        "You do not let h fall below zero. For a density it may: the mass of a narrow one stands higher than 1.",
        lambda s: _gaussian(s).clamp(min=0),
    ),
    Mistake(
        "You take the absolute value. Narrower must mean less, below zero as well as above it.",
        lambda s: _gaussian(s).abs(),
    ),
    Mistake(
        "The σ in the formula is squared; inside the logarithm you have σ itself.",
        lambda s: 0.5 * (2 * math.pi * math.e * s).log(),
    ),
    Mistake(
        "The factor e is missing: this is the log of the peak's inverse, ½ nat too little.",
        lambda s: 0.5 * (2 * math.pi * s**2).log(),
    ),
    Mistake("The factor ½ in front of the logarithm is missing.", lambda s: 2 * _gaussian(s)),
    Mistake("This is in bits. Asked for are nats: take the natural logarithm.", lambda s: _gaussian(s) / math.log(2)),
    Mistake("The sign: a wider density is less certain, so h grows with σ.", lambda s: -_gaussian(s)),
    Mistake(
        "This is exp(h), the width of the box with the same entropy. Asked for is h.",
        lambda s: _gaussian(s).exp(),
    ),
    Mistake("This is log σ alone; the constant of the bell shape is missing.", lambda s: s.log()),
]


def gaussian_entropy(student, *, seed=None):
    """Check gaussian_entropy(stds) -> h in nats of each, for standard deviations of shape [n]."""
    rng = np.random.default_rng(seed)
    cases = [(column(1.0),), (column(0.2, 0.05),)]
    cases += [(torch.from_numpy(np.exp(rng.uniform(-4, 2, 5))),) for _ in range(3)]
    return judge(
        student,
        _gaussian,
        cases,
        DENSITY_MISTAKES,
        praise="Negative where it must be: below σ = 0.242 a Gaussian is as sure as a box narrower than 1.",
        show=lambda s: f"standard deviations {write(s)}",
        each="one number per standard deviation",
    )
