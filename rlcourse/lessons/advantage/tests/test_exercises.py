"""Checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.advantage import exercises

# ---------------------------------------------------------------- E1: V, Q and A of the kicker


def kick_as_tuple(p, q):
    q_left, q_right = q, 1 - q
    v = p * q_left + (1 - p) * q_right
    return v, q_left, q_right, q_left - v, q_right - v


def kick_as_list(p, q):
    v = p * q + (1 - p) * (1 - q)
    return [v, q, 1 - q, (1 - p) * (2 * q - 1), -p * (2 * q - 1)]


def kick_as_array(p, q):
    Q = np.array([q, 1 - q])
    v = np.dot([p, 1 - p], Q)
    return np.concatenate([[v], Q, Q - v])


def kick_by_counting(p, q):
    v = q_left = q_right = 0.0
    for kick, chance in (("left", p), ("right", 1 - p)):
        for dive, likely in (("left", 1 - q), ("right", q)):
            if kick != dive:
                v += chance * likely
                q_left += likely * (kick == "left")
                q_right += likely * (kick == "right")
    return torch.tensor([v, q_left, q_right, q_left - v, q_right - v])


def kick_against_the_other(p, q):
    v = p * q + (1 - p) * (1 - q)
    return v, q, 1 - q, q - (1 - q), (1 - q) - q


def kick_plain_mean(p, q):
    v = (q + 1 - q) / 2
    return v, q, 1 - q, q - v, 1 - q - v


def kick_sign(p, q):
    v, left, right, _, _ = kick_as_tuple(p, q)
    return v, left, right, v - left, v - right


def kick_same_side_scores(p, q):
    q_left, q_right = 1 - q, q
    v = p * q_left + (1 - p) * q_right
    return v, q_left, q_right, q_left - v, q_right - v


def kick_weights_swapped(p, q):
    v = (1 - p) * q + p * (1 - q)
    return v, q, 1 - q, q - v, 1 - q - v


def kick_keepers_weights(p, q):
    v = q * q + (1 - q) * (1 - q)
    return v, q, 1 - q, q - v, 1 - q - v


def kick_no_subtraction(p, q):
    return kick_as_tuple(p, q)[0], q, 1 - q, q, 1 - q


def kick_joint(p, q):
    q_left, q_right = p * q, (1 - p) * (1 - q)
    v = q_left + q_right
    return v, q_left, q_right, q_left - v, q_right - v


def kick_joint_twice(p, q):
    q_left, q_right = p * q, (1 - p) * (1 - q)
    v = p * q_left + (1 - p) * q_right
    return v, q_left, q_right, q_left - v, q_right - v


def kick_mirrored(p, q):
    v, left, right, a_left, _ = kick_as_tuple(p, q)
    return v, left, right, a_left, -a_left


def kick_weighted(p, q):
    v, left, right, a_left, a_right = kick_as_tuple(p, q)
    return v, left, right, p * a_left, (1 - p) * a_right


def kick_value_third(p, q):
    v, left, right, a_left, a_right = kick_as_tuple(p, q)
    return left, right, v, a_left, a_right


def kick_value_last(p, q):
    v, *others = kick_as_tuple(p, q)
    return *others, v


def kick_right_first(p, q):
    v, left, right, a_left, a_right = kick_as_tuple(p, q)
    return v, right, left, a_right, a_left


def kick_side_by_side(p, q):
    v, left, right, a_left, a_right = kick_as_tuple(p, q)
    return v, left, a_left, right, a_right


def kick_rounded(p, q):
    return [round(number, 2) for number in kick_as_tuple(p, q)]


# ---------------------------------------------------------------- E2: the best constant


def best_closed_form(p, Q):
    return (1 - p) * Q[0] + p * Q[1]


def best_by_definition(p, Q):
    pi, g = np.array([p, 1 - p]), np.array([1 - p, -p])
    return np.sum(pi * g**2 * Q.numpy()) / np.sum(pi * g**2)


def best_by_search(p, Q):
    """The lowest point of a parabola through three of its values."""

    def variance(b):
        terms = [(1 - p) * (Q[0] - b), -p * (Q[1] - b)]
        mean = p * terms[0] + (1 - p) * terms[1]
        return p * (terms[0] - mean) ** 2 + (1 - p) * (terms[1] - mean) ** 2

    low, middle, high = (float(variance(b)) for b in (-1.0, 0.0, 1.0))
    return (low - high) / (2 * (low + high - 2 * middle))


def best_is_value(p, Q):
    return p * Q[0] + (1 - p) * Q[1]


def best_is_mean(p, Q):
    return sum(Q) / 2


def best_with_size_of_score(p, Q):
    return (p * (1 - p) * Q[0] + (1 - p) * p * Q[1]) / (2 * p * (1 - p))


def best_without_policy(p, Q):
    return ((1 - p) ** 2 * Q[0] + p**2 * Q[1]) / ((1 - p) ** 2 + p**2)


def best_undivided(p, Q):
    return p * (1 - p) ** 2 * Q[0] + (1 - p) * p**2 * Q[1]


def best_is_nothing(p, Q):
    return 0.0


def best_over_zero(p, Q):
    return (p * (1 - p) * Q[0] + (1 - p) * -p * Q[1]) / (p * (1 - p) + (1 - p) * -p)


def best_on_a_grid(p, Q):
    b = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    samples = (1 - p) * (Q[0] - b), -p * (Q[1] - b)
    return b[((samples[0] - samples[1]) ** 2).argmin()]


# ---------------------------------------------------------------- E5: a baseline that misleads


def turn_round(p, Q):
    return 2 * Q


def turn_round_as_list(p, Q):
    return [3 * float(Q[0]) + 1, 3 * float(Q[1]) + 1]


def turn_constant(p, Q):
    return [float(Q.mean())] * 2


def turn_to_zero(p, Q):
    return Q + 1


def turn_too_little(p, Q):
    return Q / 2


def turn_by_guess(p, Q):
    return [5.0, -5.0]


def turn_further_the_right_way(p, Q):
    return -Q


def turn_by_squares(p, Q):
    return Q**2


def turn_by_exponentials(p, Q):
    return Q.exp()


def turn_by_sizes(p, Q):
    return (2 * Q).abs()


def turn_by_the_policy(p, Q):
    return [5.0 + p, -5.0]


# ---------------------------------------------------------------- E6: the keeper


def keeper_as_tuple(p, q):
    save_left, save_right = p, 1 - p
    v = (1 - q) * save_left + q * save_right
    return save_left - v, save_right - v


def keeper_as_list(p, q):
    return [q * (2 * p - 1), (1 - q) * (1 - 2 * p)]


def keeper_as_tensor(p, q):
    Q = torch.tensor([p, 1 - p])
    return Q - Q @ torch.tensor([1 - q, q])


def keeper_is_kicker(p, q):
    v = p * q + (1 - p) * (1 - q)
    return q - v, 1 - q - v


def keeper_is_kicker_negated(p, q):
    return [-a for a in keeper_is_kicker(p, q)]


def keeper_counts_goals(p, q):
    concede_left, concede_right = 1 - p, p
    v = (1 - q) * concede_left + q * concede_right
    return concede_left - v, concede_right - v


def keeper_kickers_weights(p, q):
    v = p * p + (1 - p) * (1 - p)
    return p - v, 1 - p - v


def keeper_q_is_left(p, q):
    v = q * p + (1 - q) * (1 - p)
    return p - v, 1 - p - v


def keeper_with_the_kickers_value(p, q):
    v = kick_as_tuple(p, q)[0]
    return p - v, 1 - p - v


def keeper_right_first(p, q):
    return keeper_as_tuple(p, q)[::-1]


def keeper_against_the_other(p, q):
    return p - (1 - p), (1 - p) - p


def keeper_plain_mean(p, q):
    return p - 0.5, 0.5 - p


def keeper_only_q(p, q):
    return p, 1 - p


# ---------------------------------------------------------------- what the checkers say

SEEDS = (0, 1, 2, 3, None)


class TestKickValues(CheckerContract):
    check = staticmethod(exercises.kick_values)
    right = (kick_as_tuple, kick_as_list, kick_as_array, kick_by_counting)
    wrong = {
        kick_against_the_other: "other one",
        kick_plain_mean: "plain mean",
        kick_sign: "wrong sign",
        kick_same_side_scores: "same way",
        kick_weights_swapped: "p belongs to Q_L",
        kick_keepers_weights: "keeper's probabilities",
        kick_no_subtraction: "measured from V",
        kick_joint: "comes in only when V is made",
        kick_joint_twice: "V holds it twice",
        kick_mirrored: "A_L with the other sign",
        kick_weighted: "multiplied by the probability",
        kick_value_third: "V in another place",
        kick_value_last: "V last",
        kick_right_first: "changed places",
        kick_side_by_side: "beside its A",
        kick_rounded: "do not round",
    }
    seeds = SEEDS
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers


class TestOptimalBaseline(CheckerContract):
    check = staticmethod(exercises.optimal_baseline)
    right = (best_closed_form, best_by_definition, best_by_search)
    wrong = {
        best_is_value: "This is V",
        best_is_mean: "plain mean",
        best_without_policy: "how often each action",
        best_undivided: "Divide",
        best_is_nothing: "No baseline",
        best_over_zero: "mean score of any policy is zero",
        best_on_a_grid: "close, but not equal",
    }
    seeds = SEEDS


class TestWrongWay(CheckerContract):
    check = staticmethod(exercises.wrong_way)
    right = (turn_round, turn_round_as_list)
    wrong = {
        turn_constant: "same for both",
        turn_to_zero: "leaves nothing",
        turn_too_little: "still points the right way",
        turn_by_guess: "not on a guess",
        turn_by_the_policy: "not on a guess",
        turn_further_the_right_way: "in the wrong direction",
        turn_by_squares: "must differ in the same direction",
        turn_by_exponentials: "must differ in the same direction",
        turn_by_sizes: "must differ in the same direction",
    }
    seeds = (*SEEDS, 5005, 5015)


class TestKeeperAdvantages(CheckerContract):
    check = staticmethod(exercises.keeper_advantages)
    right = (keeper_as_tuple, keeper_as_list, keeper_as_tensor)
    wrong = {
        keeper_is_kicker: "kicker's advantages. ",
        keeper_is_kicker_negated: "signs of the kicker's",
        keeper_counts_goals: "concedes",
        keeper_kickers_weights: "kicker's probabilities",
        keeper_q_is_left: "Or you took the kicker's V",
        keeper_with_the_kickers_value: "Or you took the kicker's V",
        keeper_right_first: "other order",
        keeper_against_the_other: "with the other one",
        keeper_plain_mean: "plain mean",
        keeper_only_q: "keeper's two Q",
    }
    seeds = SEEDS
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers


def test_weighting_with_the_size_of_the_score_is_the_plain_mean():
    assert "square of its score" in exercises.optimal_baseline(best_with_size_of_score).sentence


def test_the_first_case_can_be_worked_by_hand():
    assert "p = 0.25, q = 1, (V, Q_L, Q_R, A_L, A_R): expected (0.25, 1, 0, 0.75, -0.25)" in (
        exercises.kick_values(kick_plain_mean).example
    )
    assert "p = 0.2, Q = (5, 1): expected 4.2, got 1.8" in exercises.optimal_baseline(best_is_value).example


ARGUMENTS = {
    exercises.kick_values: "p, q",
    exercises.optimal_baseline: "p, Q",
    exercises.baseline_weights: "critic, obs, returns",
    exercises.wrong_way: "p, Q",
    exercises.keeper_advantages: "p, q",
}


SIZES = {
    exercises.kick_values: "5,",
    exercises.optimal_baseline: "",
    exercises.baseline_weights: "2,",
    exercises.wrong_way: "2,",
    exercises.keeper_advantages: "2,",
}


def written(check, body):
    """A student's function with the right arguments and this body."""
    scope = {"torch": torch}
    exec(f"def student({ARGUMENTS[check]}):\n    {body}", scope)
    return scope["student"]


@pytest.mark.parametrize("check", ARGUMENTS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1 / 0", "ZeroDivisionError"),
        ("return undefined", "NameError"),
        ("return torch.zeros(3, 4)", "shape [3, 4]"),
    ],
)
def test_what_stands_in_the_body_becomes_a_sentence(check, body, words):
    verdict = check(written(check, body))
    assert verdict.state == "not yet"
    assert words in verdict.sentence


@pytest.mark.parametrize("check", ARGUMENTS, ids=lambda check: check.__name__)
def test_a_body_that_is_empty_has_not_started(check):
    for body in ("...", "return ...", "raise NotImplementedError"):
        assert check(written(check, body)).state == "not started"


@pytest.mark.parametrize("check", ARGUMENTS, ids=lambda check: check.__name__)
def test_not_a_number_of_the_right_shape_becomes_a_sentence(check):
    assert "NaN" in check(written(check, f"return torch.full(({SIZES[check]}), float('nan'))")).sentence


@pytest.mark.parametrize(
    ("check", "argument"),
    [
        (exercises.optimal_baseline, "Q"),
        (exercises.baseline_weights, "returns"),
        (exercises.wrong_way, "Q"),
    ],
)
def test_changing_an_argument_in_place_is_noticed(check, argument):
    verdict = check(written(check, f"{argument}.mul_(2.0); return {argument}"))
    assert "in place" in verdict.sentence
