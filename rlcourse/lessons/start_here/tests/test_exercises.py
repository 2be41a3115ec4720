"""Checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import itertools

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.start_here import exercises

# ---------------------------------------------------------------- E1, right


def by_loop(rewards, gamma):
    total = 0.0
    for t in range(len(rewards)):
        total += gamma**t * float(rewards[t])
    return total


def backwards(rewards, gamma):
    total = 0.0
    for reward in reversed(rewards.tolist()):
        total = reward + gamma * total
    return total


def running_discount(rewards, gamma):
    total, discount = 0, 1
    for reward in rewards:
        total = total + discount * reward
        discount = discount * gamma
    return total


def in_numpy(rewards, gamma):
    return np.sum(rewards.numpy() * gamma ** np.arange(len(rewards)))


def in_torch(rewards, gamma):
    return torch.sum(rewards * gamma ** torch.arange(len(rewards)))


def in_a_tensor_of_one(rewards, gamma):
    total = torch.zeros(1, dtype=torch.float64)
    for t in range(len(rewards)):
        total += gamma**t * rewards[t]
    return total


# ---------------------------------------------------------------- E1, wrong


def undiscounted(rewards, gamma):
    return sum(rewards.tolist())


def reversed_from_zero(rewards, gamma):
    T = len(rewards)
    return sum(gamma ** (T - 1 - t) * rewards[t] for t in range(T))


def reversed_from_one(rewards, gamma):
    T = len(rewards)
    return sum(gamma ** (T - t) * rewards[t] for t in range(T))


def forward_accumulation(rewards, gamma):
    total = 0
    for reward in rewards:
        total = gamma * total + reward  # the recursion of the return, run in the wrong direction
    return total


def shifted(rewards, gamma):
    return sum(gamma ** (t + 1) * rewards[t] for t in range(len(rewards)))


def once(rewards, gamma):
    return rewards[0] + gamma * sum(rewards[1:])


def linear(rewards, gamma):
    return sum(gamma * t * rewards[t] for t in range(len(rewards)))


def mean(rewards, gamma):
    return by_loop(rewards, gamma) / len(rewards)


def one_short(rewards, gamma):
    return sum(gamma**t * rewards[t] for t in range(len(rewards) - 1))


def without_the_first(rewards, gamma):
    return sum(gamma**t * rewards[t] for t in range(1, len(rewards)))


def returns_inside_the_loop(rewards, gamma):
    total = 0.0
    for t, reward in enumerate(rewards):
        total += gamma**t * reward
        return total


def replaces(rewards, gamma):
    for t, reward in enumerate(rewards):
        total = gamma**t * reward
    return total


def squares(rewards, gamma):
    total, factor, discount = 0.0, 1.0, 1.0
    for reward in rewards:
        total += discount * reward
        factor = discount * gamma
        discount *= factor
    return total


def normalised(rewards, gamma):
    return (1 - gamma) * by_loop(rewards, gamma)


def time_to_the_gamma(rewards, gamma):
    return sum(t**gamma * rewards[t] for t in range(len(rewards)))


def every_step(rewards, gamma):
    return [by_loop(rewards[t:], gamma) for t in range(len(rewards))]


def with_the_discount(rewards, gamma):
    return by_loop(rewards, gamma), gamma


def something_else(rewards, gamma):
    return by_loop(rewards, gamma) + 0.1


class TestDiscountedReturn(CheckerContract):
    check = staticmethod(exercises.discounted_return)
    right = (by_loop, backwards, running_discount, in_numpy, in_torch, in_a_tensor_of_one)
    wrong = {
        undiscounted: "without discounting",
        reversed_from_zero: "backwards",
        reversed_from_one: "T - t",
        forward_accumulation: "backwards",
        shifted: "one step too early",
        once: "once",
        linear: "power",
        mean: "not a mean",
        one_short: "one reward early",
        every_step: "single number",
        without_the_first: "r_0 is missing",
        returns_inside_the_loop: "inside the loop",
        replaces: "Only the last term",
        squares: "squared",
        normalised: "1 - gamma",
        time_to_the_gamma: "other way round",
        with_the_discount: "Return one number; got shape [2]",
        something_else: "One change makes it right",
    }
    seeds = (0, 1, 2, 3, None)


def test_the_example_can_be_worked_by_hand():
    assert "rewards (1, 0, 2), gamma 0.5: expected 1.5, got 3" in exercises.discounted_return(undiscounted).example


# ---------------------------------------------------------------- E2

RIGHT = ["terminated", "truncated", "terminated", "truncated"]


@pytest.mark.parametrize(
    "answers",
    [
        RIGHT,
        tuple(RIGHT),
        [" Terminated", "TRUNCATED", "terminated ", "truncated"],
        [True, False, True, False],
        np.array([True, False, True, False]),
        torch.tensor([True, False, True, False]),
        dict(enumerate(RIGHT, 1)),
    ],
)
def test_right_endings_pass_as_words_or_flags(answers):
    assert exercises.endings(answers).passed


def test_every_confusion_has_a_sentence_of_its_own():
    def flip(*lines):
        other = {"terminated": "truncated", "truncated": "terminated"}
        return [other[word] if line in lines else word for line, word in enumerate(RIGHT, 1)]

    kinds = [flip(1), flip(2), flip(3), flip(4), flip(1, 2, 3, 4), ["terminated"] * 4, ["truncated"] * 4]
    sentences = [exercises.endings(answers).sentence for answers in kinds]
    assert len(set(sentences)) == len(kinds)
    for line in (1, 2, 3, 4):
        assert sentences[line - 1].startswith(f"Line {line}:")


def test_only_the_right_answer_of_all_sixteen_passes():
    passed = [a for a in itertools.product([True, False], repeat=4) if exercises.endings(a).passed]
    assert passed == [(True, False, True, False)]


@pytest.mark.parametrize("answers", [..., None, [..., ..., ..., ...], ["terminated", ..., ..., ...]])
def test_unfinished_endings_have_not_started(answers):
    assert exercises.endings(answers).state == "not started"


@pytest.mark.parametrize("answers", ["terminated", ["terminated"], 3, ["done"] * 4, [1, 0, 1, 0]])
def test_other_answers_get_a_sentence(answers):
    verdict = exercises.endings(answers)
    assert verdict.state == "not yet"
    assert verdict.sentence
