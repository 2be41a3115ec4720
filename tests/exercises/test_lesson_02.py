"""Lesson 02's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import numpy as np
import pytest
import torch

from rlcourse.exercises import lesson_02

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


# ---------------------------------------------------------------- E3: the expected gradient, with a baseline


def gradient_by_loop(p, Q, b):
    total = 0.0
    for chance, score, worth, base in zip((p, 1 - p), (1 - p, -p), Q, b, strict=True):
        total += chance * score * (worth - base)
    return total


def gradient_vectorised(p, Q, b):
    return torch.sum(torch.tensor([p, 1 - p]) * torch.tensor([1 - p, -p]) * (Q - b))


def gradient_by_autograd(p, Q, b):
    theta = torch.logit(torch.tensor(p, dtype=torch.float64)).requires_grad_()
    log_pi = torch.stack([torch.nn.functional.logsigmoid(theta), torch.nn.functional.logsigmoid(-theta)])
    (log_pi * log_pi.exp().detach() * (Q - b)).sum().backward()
    return theta.grad


def gradient_unweighted(p, Q, b):
    return (1 - p) * (Q[0] - b[0]) - p * (Q[1] - b[1])


def gradient_ignores_b(p, Q, b):
    return p * (1 - p) * (Q[0] - Q[1])


def gradient_sign_of_right(p, Q, b):
    return p * (1 - p) * (Q[0] - b[0]) + (1 - p) * p * (Q[1] - b[1])


def gradient_in_p(p, Q, b):
    return p * (1 / p) * (Q[0] - b[0]) + (1 - p) * (-1 / (1 - p)) * (Q[1] - b[1])


def gradient_adds(p, Q, b):
    return gradient_by_loop(p, Q, -b)


def gradient_no_score(p, Q, b):
    return p * (Q[0] - b[0]) + (1 - p) * (Q[1] - b[1])


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


# ---------------------------------------------------------------- E4: one step


def step_by_loop(rewards, states, next_states, terminated, V, gamma):
    answers = []
    for r, s, n, d in zip(rewards, states, next_states, terminated, strict=True):
        target = r if d else r + gamma * V[n]
        answers.append(target - V[s])
    return answers


def step_vectorised(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[next_states] * (1 - terminated.double()) - V[states]


def step_with_where(rewards, states, next_states, terminated, V, gamma):
    return rewards + torch.where(terminated, 0.0, gamma * V[next_states]) - V[states]


def step_no_gamma(rewards, states, next_states, terminated, V, gamma):
    return rewards + V[next_states] * (1 - terminated.double()) - V[states]


def step_no_mask(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[next_states] - V[states]


def step_sign(rewards, states, next_states, terminated, V, gamma):
    return V[states] - rewards - gamma * V[next_states] * (1 - terminated.double())


def step_neither(rewards, states, next_states, terminated, V, gamma):
    return [r + V[n] - V[s] for r, s, n in zip(rewards, states, next_states, strict=True)]


def step_no_baseline(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[next_states] * (~terminated)


def step_mask_upside_down(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[next_states] * terminated - V[states]


def step_mask_on_both_values(rewards, states, next_states, terminated, V, gamma):
    goes_on = 1 - terminated.double()
    return rewards + gamma * V[next_states] * goes_on - V[states] * goes_on


def step_mask_on_everything(rewards, states, next_states, terminated, V, gamma):
    return (rewards + gamma * V[next_states] - V[states]) * (1 - terminated.double())


def step_states_swapped(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[states] * (~terminated) - V[next_states]


def step_gamma_on_both(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[next_states] * (~terminated) - gamma * V[states]


# ---------------------------------------------------------------- E5: the keeper


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


def keeper_right_first(p, q):
    return keeper_as_tuple(p, q)[::-1]


def keeper_against_the_other(p, q):
    return p - (1 - p), (1 - p) - p


def keeper_plain_mean(p, q):
    return p - 0.5, 0.5 - p


def keeper_only_q(p, q):
    return p, 1 - p


# ---------------------------------------------------------------- what the checkers say

RIGHT = [
    (lesson_02.kick_values, [kick_as_tuple, kick_as_list, kick_as_array, kick_by_counting]),
    (lesson_02.optimal_baseline, [best_closed_form, best_by_definition, best_by_search]),
    (lesson_02.expected_gradient, [gradient_by_loop, gradient_vectorised, gradient_by_autograd]),
    (lesson_02.wrong_way, [turn_round, turn_round_as_list]),
    (lesson_02.one_step_advantage, [step_by_loop, step_vectorised, step_with_where]),
    (lesson_02.keeper_advantages, [keeper_as_tuple, keeper_as_list, keeper_as_tensor]),
]

WRONG = [
    (
        lesson_02.kick_values,
        [
            (kick_against_the_other, "other one"),
            (kick_plain_mean, "plain mean"),
            (kick_sign, "wrong sign"),
            (kick_same_side_scores, "same way"),
            (kick_weights_swapped, "p belongs to Q_L"),
            (kick_keepers_weights, "keeper's probabilities"),
            (kick_no_subtraction, "measured from V"),
        ],
    ),
    (
        lesson_02.optimal_baseline,
        [
            (best_is_value, "This is V"),
            (best_is_mean, "plain mean"),
            (best_without_policy, "how often each action"),
            (best_undivided, "Divide"),
            (best_is_nothing, "No baseline"),
        ],
    ),
    (
        lesson_02.expected_gradient,
        [
            (gradient_unweighted, "how often each action"),
            (gradient_ignores_b, "does not use b"),
            (gradient_sign_of_right, "score of right"),
            (gradient_in_p, "slope in p"),
            (gradient_adds, "add the baseline"),
            (gradient_no_score, "score g(a) is missing"),
        ],
    ),
    (
        lesson_02.wrong_way,
        [
            (turn_constant, "same for both"),
            (turn_to_zero, "leaves nothing"),
            (turn_too_little, "still points the right way"),
            (turn_by_guess, "some Q and not for others"),
        ],
    ),
    (
        lesson_02.one_step_advantage,
        [
            (step_no_gamma, "Gamma is missing"),
            (step_no_mask, "where the episode has ended"),
            (step_sign, "turned round"),
            (step_neither, "both missing"),
            (step_no_baseline, "Subtract what the state promised"),
            (step_mask_upside_down, "upside down"),
            (step_mask_on_both_values, "removes V(s) too"),
            (step_mask_on_everything, "removes the whole step"),
            (step_states_swapped, "changed places"),
            (step_gamma_on_both, "before V(s) as well"),
        ],
    ),
    (
        lesson_02.keeper_advantages,
        [
            (keeper_is_kicker, "kicker's advantages. "),
            (keeper_is_kicker_negated, "signs of the kicker's"),
            (keeper_counts_goals, "concedes"),
            (keeper_kickers_weights, "kicker's probabilities"),
            (keeper_q_is_left, "read q"),
            (keeper_right_first, "other order"),
            (keeper_against_the_other, "with the other one"),
            (keeper_plain_mean, "plain mean"),
            (keeper_only_q, "keeper's two Q"),
        ],
    ),
]


def each(pairs):
    return [pytest.param(check, student, id=student.__name__) for check, students in pairs for student in students]


@pytest.mark.parametrize(("check", "student"), each(RIGHT))
def test_a_right_answer_passes_in_any_style(check, student):
    for _ in range(5):
        verdict = check(student)
        assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("check", "student", "words"),
    [
        pytest.param(check, student, words, id=student.__name__)
        for check, cases in WRONG
        for student, words in cases
    ],
)
def test_the_sentence_names_the_mistake_on_any_draw(check, student, words):
    for _ in range(5):
        verdict = check(student)
        assert verdict.state == "not yet"
        assert words in verdict.sentence


@pytest.mark.parametrize(("check", "cases"), [pytest.param(*row, id=row[0].__name__) for row in WRONG])
def test_each_wrong_answer_has_a_sentence_of_its_own(check, cases):
    sentences = [check(student, seed=3).sentence for student, _ in cases]
    assert len(set(sentences)) == len(sentences)


def test_weighting_with_the_size_of_the_score_is_the_plain_mean():
    assert "square of the score" in lesson_02.optimal_baseline(best_with_size_of_score).sentence


def test_the_first_case_can_be_worked_by_hand():
    assert "p = 0.25, q = 1, (V, Q_L, Q_R, A_L, A_R): expected (0.25, 1, 0, 0.75, -0.25)" in (
        lesson_02.kick_values(kick_plain_mean).example
    )
    assert "p = 0.2, Q = (5, 1): expected 4.2, got 1.8" in lesson_02.optimal_baseline(best_is_value).example
    assert "expected (1, -3), got (1, -1.5)" in lesson_02.one_step_advantage(step_no_mask).example


CHECKS = [check for check, _ in RIGHT]
ARGUMENTS = {
    lesson_02.kick_values: "p, q",
    lesson_02.optimal_baseline: "p, Q",
    lesson_02.expected_gradient: "p, Q, b",
    lesson_02.wrong_way: "p, Q",
    lesson_02.one_step_advantage: "rewards, states, next_states, terminated, V, gamma",
    lesson_02.keeper_advantages: "p, q",
}


def written(check, body):
    """A student's function with the right arguments and this body."""
    scope = {"torch": torch}
    exec(f"def student({ARGUMENTS[check]}):\n    {body}", scope)
    return scope["student"]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("body", ["...", "pass", "return ...", "raise NotImplementedError"])
def test_a_stub_has_not_started(check, body):
    assert check(written(check, body)).state == "not started"


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1 / 0", "ZeroDivisionError"),
        ("return undefined", "NameError"),
        ("raise NotImplementedError('torch cannot do this')", "torch cannot do this"),
        ("return 'left'", "Return"),
        ("return torch.zeros(3, 4)", "shape [3, 4]"),
    ],
)
def test_whatever_comes_back_becomes_a_sentence(check, body, words):
    verdict = check(written(check, body))
    assert verdict.state == "not yet"
    assert words in verdict.sentence


@pytest.mark.parametrize("check", CHECKS)
def test_other_wrong_calls_become_sentences(check):
    assert "function itself" in check(0.5).sentence
    assert "TypeError" in check(lambda: 0.5).sentence
    shape = check(written(check, f"return torch.full(({SIZES[check]}), float('nan'))"))
    assert "NaN" in shape.sentence


SIZES = {
    lesson_02.kick_values: "5,",
    lesson_02.optimal_baseline: "",
    lesson_02.expected_gradient: "",
    lesson_02.wrong_way: "2,",
    lesson_02.one_step_advantage: "2,",
    lesson_02.keeper_advantages: "2,",
}


@pytest.mark.parametrize(
    ("check", "argument"),
    [
        (lesson_02.optimal_baseline, "Q"),
        (lesson_02.expected_gradient, "b"),
        (lesson_02.wrong_way, "Q"),
        (lesson_02.one_step_advantage, "rewards"),
        (lesson_02.one_step_advantage, "V"),
    ],
)
def test_changing_an_argument_in_place_is_noticed(check, argument):
    verdict = check(written(check, f"{argument}.mul_(2.0); return {argument}"))
    assert "in place" in verdict.sentence
