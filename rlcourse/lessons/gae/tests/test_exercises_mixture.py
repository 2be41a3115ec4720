"""Checkers of the mixture and of the best λ: right answers pass, every known mistake has a sentence of its own."""

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.gae import exercises

# ---------------------------------------------------------------- E3: the mixture


def mixture_by_weights(estimates, gae_lambda):
    n = len(estimates)
    weights = (1 - gae_lambda) * gae_lambda ** torch.arange(n, dtype=torch.float64)
    weights[-1] = gae_lambda ** (n - 1)
    return (weights * estimates).sum()


def mixture_by_loop(estimates, gae_lambda):
    total, left = 0.0, 1.0
    for k, estimate in enumerate(estimates.tolist()):
        weight = left if k == len(estimates) - 1 else (1 - gae_lambda) * left
        total += weight * estimate
        left *= gae_lambda
    return total


def mixture_by_recursion(estimates, gae_lambda):
    """Mix the last two, then go on to the front."""
    mixed = estimates[-1]
    for estimate in estimates[:-1].flip(0):
        mixed = (1 - gae_lambda) * estimate + gae_lambda * mixed
    return mixed


def mixture_rescaled(estimates, gae_lambda):
    weights = gae_lambda ** torch.arange(len(estimates), dtype=torch.float64)
    return (weights * estimates).sum() / weights.sum()


def mixture_without_tail(estimates, gae_lambda):
    return sum((1 - gae_lambda) * gae_lambda**k * a for k, a in enumerate(estimates))


def mixture_tail_one_power_off(estimates, gae_lambda):
    head = sum((1 - gae_lambda) * gae_lambda**k * a for k, a in enumerate(estimates[:-1]))
    return head + gae_lambda ** len(estimates) * estimates[-1]


def mixture_tail_twice(estimates, gae_lambda):
    return mixture_without_tail(estimates, gae_lambda) + gae_lambda ** (len(estimates) - 1) * estimates[-1]


def mixture_of_powers(estimates, gae_lambda):
    return sum(gae_lambda**k * a for k, a in enumerate(estimates))


def mixture_average(estimates, gae_lambda):
    return estimates.mean()


def mixture_powers_from_one(estimates, gae_lambda):
    n = len(estimates)
    weights = [(1 - gae_lambda) * gae_lambda**k for k in range(1, n)] + [gae_lambda**n]
    return sum(w * a for w, a in zip(weights, estimates))


def mixture_reversed(estimates, gae_lambda):
    return mixture_by_weights(estimates.flip(0), gae_lambda)


def mixture_float32(estimates, gae_lambda):
    weights = (1 - gae_lambda) * gae_lambda ** torch.arange(len(estimates))
    weights[-1] = gae_lambda ** (len(estimates) - 1)
    return (weights * estimates).sum()


def mixture_in_float32(estimates, gae_lambda):
    return mixture_by_weights(estimates.float(), gae_lambda).float()


def mixture_rounded(estimates, gae_lambda):
    return round(float(mixture_by_weights(estimates, gae_lambda)), 6)


def mixture_divided_by_nothing(estimates, gae_lambda):
    weights = (1 - gae_lambda) * gae_lambda ** torch.arange(len(estimates), dtype=torch.float64)
    return (weights / weights.sum() * estimates).sum()


def mixture_in_closed_form(estimates, gae_lambda):
    rest = torch.tensor(gae_lambda, dtype=torch.float64) ** len(estimates)
    return mixture_without_tail(estimates, gae_lambda) / (1 - rest)


MIXTURE_WRONG = {
    mixture_rescaled: "divided by their sum",
    mixture_without_tail: "sum to 1 − λ^n",
    mixture_tail_one_power_off: "one power of λ off",
    mixture_tail_twice: "counts twice",
    mixture_of_powers: "are no average",
    mixture_average: "plain average",
    mixture_float32: "not to twelve. Do not round",
    mixture_in_float32: "not to twelve. Do not round",
    mixture_rounded: "not to twelve. Do not round",
    mixture_divided_by_nothing: "0/0",
    mixture_in_closed_form: "0/0",
    mixture_powers_from_one: "begin at 1",
    mixture_reversed: "reverse order",
}

# ---------------------------------------------------------------- E4: the best λ


def best_by_grid(deltas, gamma, offset):
    best, smallest = 0.0, float("inf")
    for gae_lambda in np.arange(0, 1.001, 0.02):
        weights = (gamma * gae_lambda) ** np.arange(len(deltas))
        error = ((weights @ deltas.numpy() - offset) ** 2).mean()
        if error < smallest:
            best, smallest = gae_lambda, error
    return best


def best_in_torch(deltas, gamma, offset):
    grid = torch.linspace(0, 1, 201, dtype=torch.float64)
    weights = (gamma * grid[:, None]) ** torch.arange(len(deltas))
    estimates = weights @ deltas
    error = (estimates.mean(1) - offset) ** 2 + estimates.var(1)
    return grid[error.argmin()]


def _best(score):
    def student(deltas, gamma, offset):
        grid = np.linspace(0, 1, 101)
        weights = (gamma * grid[:, None]) ** np.arange(len(deltas))
        return grid[np.argmin(score(weights @ deltas.numpy(), offset))]

    return student


def best_in_a_tensor_of_one(deltas, gamma, offset):
    return best_in_torch(deltas, gamma, offset).reshape(1)


best_by_sizes = _best(lambda estimates, offset: np.abs(estimates - offset).mean(1))
best_by_variance = _best(lambda estimates, offset: estimates.var(1))
best_by_bias = _best(lambda estimates, offset: np.abs(estimates.mean(1) - offset))
best_around_zero = _best(lambda estimates, offset: (estimates**2).mean(1))
best_unsquared = _best(lambda estimates, offset: np.abs(estimates.mean(1) - offset) + estimates.std(1))
best_upside_down = _best(lambda estimates, offset: -((estimates - offset) ** 2).mean(1))


def best_without_discount(deltas, gamma, offset):
    return best_by_grid(deltas, 1.0, offset)


def best_by_custom(deltas, gamma, offset):
    return 0.95


def best_in_percent(deltas, gamma, offset):
    return 100 * best_by_grid(deltas, gamma, offset)


BEST_WRONG = {
    best_by_sizes: "absolute errors",
    best_by_variance: "variance alone",
    best_by_bias: "bias alone",
    best_around_zero: "distance from zero",
    best_unsquared: "without squaring",
    best_upside_down: "largest error",
    best_by_custom: "whatever the critic",
    best_in_percent: "between 0 and 1",
    best_without_discount: "γ is missing",
}

# ---------------------------------------------------------------- what the checkers say


@pytest.mark.covers("EQX-02", "EQ-22", "ERR-14", "ERR-16", "ERR-17", "ERR-18", "MIS-13", "MIS-14")
class TestMixture(CheckerContract):
    check = staticmethod(exercises.mixture)
    right = (mixture_by_weights, mixture_by_loop, mixture_by_recursion)
    wrong = MIXTURE_WRONG


@pytest.mark.covers("CL-13", "MIS-12", "ERR-14", "ERR-16", "ERR-17", "ERR-18", "MIS-13", "MIS-14")
class TestBestLambda(CheckerContract):
    check = staticmethod(exercises.best_lambda)
    right = (best_by_grid, best_in_torch, best_in_a_tensor_of_one)
    wrong = BEST_WRONG
    seeds = (0, 1)


def test_a_coarse_grid_is_told_so_or_happens_to_suffice():
    def coarse(deltas, gamma, offset):
        return round(10 * float(best_in_torch(deltas, gamma, offset))) / 10 + 0.04

    for seed in range(6):
        verdict = exercises.best_lambda(coarse, seed=seed)
        assert verdict.passed or "grid of λ coarse" in verdict.sentence or "between 0 and 1" in verdict.sentence


def test_exactly_a_twentieth_off_is_right():
    _, found = exercises.mixtures._telling_critics(np.random.default_rng(2))
    truths = iter(found["error"])

    def student(deltas, gamma, offset):
        truth = next(truths)
        return torch.tensor(truth - 0.05 if truth > 0.5 else truth + 0.05, dtype=torch.float32)

    assert exercises.best_lambda(student, seed=2).passed


@pytest.mark.parametrize("seed", range(12))
def test_absolute_errors_never_pass(seed):
    assert not exercises.best_lambda(best_by_sizes, seed=seed).passed


def test_what_has_no_number_at_one_is_shown_with_its_case():
    example = exercises.mixture(mixture_divided_by_nothing).example
    assert example == "estimates (1, 2, 3), gae_lambda 1: expected 3, got nan"


@pytest.mark.parametrize("seed", range(8))
def test_a_forgotten_discount_never_passes(seed):
    assert not exercises.best_lambda(best_without_discount, seed=seed).passed


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (exercises.mixture, mixture_by_loop),
        (exercises.best_lambda, best_by_grid),
    ],
)
def test_not_a_number_of_the_right_shape_is_named(check, right):
    assert "NaN" in check(lambda *case: right(*case) * float("nan")).sentence
