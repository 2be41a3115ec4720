"""The checkers of the two entropies: right answers pass, every known mistake has a sentence of its own."""

import math

import numpy as np
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.soft_policy_iteration import exercises

# ---------------------------------------------------------------- of actions


def entropy(probs):
    seen = probs[probs > 0]
    return -(seen * seen.log()).sum()


def entropy_by_loop(probs):
    return sum(-p * math.log(p) for p in probs.tolist() if p > 0)


def entropy_in_numpy(probs):
    p = probs.numpy()
    return float(-(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum())


def entropy_nudged(probs):
    return -(probs * (probs + 1e-12).log()).sum()


ENTROPY_MISTAKES = {
    lambda p: -(p[p > 0] * p[p > 0].log2()).sum(): "in bits",
    lambda p: (p[p > 0] * p[p > 0].log()).sum(): "The sign",
    lambda p: -torch.nan_to_num(p * p.log()).mean(): "divide by the number",
    lambda p: entropy(p).exp(): "effective number",
    lambda p: -sum(math.log(x) for x in p.tolist() if x > 0): "weigh it by p",
    lambda p: 1 - (p**2).sum(): "logarithm is missing",
    lambda p: math.log(len(p)): "uniform one, log m",
    lambda p: torch.log((p > 0).sum().double()): "that can happen",
    lambda p: -(p * p.log()).sum(): "0 log 0 = 0",
    lambda p: -(p * p.log2()).sum(): "0 log 0 = 0",
    lambda p: -sum(x * math.log(x) for x in p.tolist()): "`math.log` stops at a probability of 0",
    lambda p: -(p * p.clamp(min=1e-3).log()).sum(): "Rare is not impossible",
    lambda p: -sum(x * math.log(max(x, 1e-4)) for x in p.tolist()): "Rare is not impossible",
    lambda p: -(p * (p + 1e-6).log()).sum(): "You add a number to the probabilities",
    lambda p: entropy(p).log() * torch.inf: "holds NaN or infinity",
    lambda p: -(p[torch.multinomial(p, 300, replacement=True)].log()).mean(): "gives two answers",
}

# ---------------------------------------------------------------- of densities


def bell(stds):
    return 0.5 + 0.5 * math.log(2 * math.pi) + stds.log()


def bell_by_torch(stds):
    return torch.distributions.Normal(torch.zeros_like(stds), stds).entropy()


def bell_as_list(stds):
    return [0.5 * math.log(2 * math.pi * math.e * s * s) for s in stds.tolist()]


BELL_MISTAKES = {
    lambda s: bell(s).clamp(min=0.0): "fall below zero",
    lambda s: [max(0.0, h) for h in bell_as_list(s)]: "fall below zero",
    lambda s: bell(s).abs(): "absolute value",
    lambda s: 0.5 * torch.log(2 * math.pi * math.e * s): "σ itself",
    lambda s: 0.5 * torch.log(2 * math.pi * s**2): "factor e",
    lambda s: torch.log(2 * math.pi * math.e * s**2): "factor ½",
    lambda s: 0.5 * torch.log2(2 * math.pi * math.e * s**2): "in bits",
    lambda s: -bell(s): "h grows with σ",
    lambda s: bell(s).exp(): "exp(h)",
    lambda s: s.log(): "constant of the bell",
}

# ---------------------------------------------------------------- what the checkers say


class TestCategoricalEntropy(CheckerContract):
    check = staticmethod(exercises.categorical_entropy)
    right = (entropy, entropy_by_loop, entropy_in_numpy, entropy_nudged)
    wrong = ENTROPY_MISTAKES
    seeds = range(5)


class TestGaussianEntropy(CheckerContract):
    check = staticmethod(exercises.gaussian_entropy)
    right = (bell, bell_by_torch, bell_as_list)
    wrong = BELL_MISTAKES
    seeds = range(5)


def test_a_fixed_guess_is_not_enough():
    assert not exercises.categorical_entropy(lambda p: math.log(2)).passed


def test_an_example_shows_the_digits_that_differ():
    said = exercises.categorical_entropy(lambda p: entropy(p) + 2e-6, seed=0)
    assert not said.passed and said.example == "probabilities (0.5, 0.5): expected 0.6931471806, got 0.6931491806"
