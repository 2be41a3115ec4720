"""Checkers of the table and of the silent samples: entries that are no numbers, and edges that are not 1 ± ε."""

import pytest
import torch

from rlcourse.lessons.ppo_clipping import exercises


def table(entry, place):
    """A right row in which one entry is replaced."""

    def row(ratio, advantage, clip_eps):
        rho = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
        plain, clipped = rho * advantage, rho.clamp(1 - clip_eps, 1 + clip_eps) * advantage
        L = torch.minimum(plain, clipped)
        right = [L, torch.autograd.grad(L, rho)[0], clipped < plain]
        return tuple(entry(rho, value) if number == place else value for number, value in enumerate(right))

    return row


@pytest.mark.parametrize(
    ("place", "entry", "words"),
    [
        (1, lambda rho, value: (value,), "second entry, the slope, is a tuple"),
        (1, lambda rho, value: rho.grad, "second entry, the slope, is None"),
        (2, lambda rho, value: "yes", "last entry, clipped, is no number; got str"),
        (0, lambda rho, value: value.reshape(1), "first entry, L, has shape [1]"),
    ],
)
def test_an_entry_that_is_no_number_is_named(place, entry, words):
    verdict = exercises.table_row(table(entry, place))
    assert not verdict.passed and words in verdict.sentence


def test_the_row_itself_is_right():
    assert exercises.table_row(table(None, None)).passed


def silent_beyond(upper, lower):
    """The right rule with edges of its own."""

    def silent(ratios, advantages, clip_eps):
        high, low = upper(clip_eps), lower(clip_eps)
        return ((advantages > 0) & (ratios > high)) | ((advantages < 0) & (ratios < low)) | (advantages == 0)

    return silent


def exp(number):
    return torch.tensor(number).exp()


@pytest.mark.parametrize(
    ("upper", "lower", "words"),
    [
        (lambda eps: 1.2, lambda eps: 0.8, "Right for ε = 0.2 only"),
        (lambda eps: 1.3, lambda eps: 0.72, "differ"),
        (exp, lambda eps: exp(-eps), "logarithm of the ratio"),
        (lambda eps: 1 + eps, lambda eps: 1 / (1 + eps), "Your lower edge is 1/(1+ε)"),
    ],
)
def test_other_edges_do_not_pass(upper, lower, words):
    for seed in (0, 1, 2, None):
        verdict = exercises.silent(silent_beyond(upper, lower), seed=seed)
        assert not verdict.passed and words in verdict.sentence and verdict.example


def test_the_right_edges_pass():
    assert all(exercises.silent(silent_beyond(lambda eps: 1 + eps, lambda eps: 1 - eps)).passed for _ in range(10))
