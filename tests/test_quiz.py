"""Every answer gets its own reply, every number is computed anew, and a broken file says what is wrong."""

import html
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from itertools import pairwise

import nbformat
import pytest

from rlcourse import index, quiz
from rlcourse.experiments.lesson_10_gradient import entropies

COUNTS = {"00": 3, "01": 4, "02": 5, "03": 5, "04": 4, "05": 5, "06": 5, "07": 4, "08": 9, "09": 6, "10": 6}
MISCONCEPTIONS = {
    "00": range(1, 2), "01": range(1, 5), "02": range(5, 11), "03": range(11, 15), "04": [15], "05": range(16, 19),
    "06": range(19, 23), "07": [14, 35], "08": range(23, 29), "09": [29, 31, 32, 33], "10": [30, 34, 35],
}  # fmt: skip
QUESTIONS = {name: question for lesson in COUNTS for name, question in quiz.load(lesson).items()}


def of_kind(kind):
    return [question for question in QUESTIONS.values() if question.kind == kind]


def named(question):
    return question.id


def on_screen(card):
    return html.unescape(card.feedback.value)


# ---------------------------------------------------------------- the questions


@pytest.mark.parametrize("lesson", COUNTS)
def test_each_lesson_has_its_questions(lesson):
    assert len(quiz.load(lesson)) == COUNTS[lesson]


@pytest.mark.parametrize("lesson", COUNTS)
def test_the_misconceptions_of_each_lesson_are_asked_about(lesson):
    asked = {row for question in quiz.load(lesson).values() for row in question.covers}
    assert {f"MIS-{number:02d}" for number in MISCONCEPTIONS[lesson]} <= asked


def test_what_the_questions_cover_is_in_the_index():
    assert {row for question in QUESTIONS.values() for row in question.covers} <= set(index.load())


def test_a_quiz_file_for_every_lesson_named_here_and_no_other():
    assert sorted(path.name for path in quiz.QUIZZES.iterdir()) == [f"lesson_{lesson}.toml" for lesson in COUNTS]


@pytest.mark.parametrize("question", of_kind("choice"), ids=named)
def test_exactly_one_option_of_a_choice_is_right(question):
    assert sum(option.right for option in question.options) == 1


def test_the_right_option_gives_itself_away_neither_by_place_nor_by_length():
    places = [[option.right for option in question.options].index(True) for question in of_kind("choice")]
    longest = [max(question.options, key=lambda option: len(option.text)).right for question in of_kind("choice")]
    assert set(places) >= {0, 1, 2, 3}
    assert all(not (a == b == c) for a, b, c in zip(places, places[1:], places[2:], strict=False))
    assert sum(longest) <= len(longest) / 2


def test_no_two_replies_are_the_same():
    replies = [option.feedback for question in QUESTIONS.values() for option in question.options]
    for question in of_kind("number"):
        replies += [question.feedback, question.hint, *(distractor.feedback for distractor in question.distractors)]
    assert len(set(replies)) == len(replies)
    assert all(len(reply) > 60 for reply in replies)  # a thought, not a verdict


# ---------------------------------------------------------------- the numbers, computed anew


def rewards_to_go(rewards, gamma, *, weight=lambda gamma, t, k: gamma ** (k - t), first=lambda t: t):
    steps = range(len(rewards))
    return [sum(weight(gamma, t, k) * rewards[k] for k in range(first(t), len(rewards))) for t in steps]


def from_the_start(gamma, t, k):
    return gamma**k


def shootout(p, q):
    """V, Q_L and Q_R of the kicker: a goal when the directions differ."""
    q_left, q_right = q, 1 - q
    return p * q_left + (1 - p) * q_right, q_left, q_right


def sample_variance(p, q_left, q_right, b):
    """Variance of g (Q - b) with g = 1 - p after left and -p after right."""
    left, right = (1 - p) * (q_left - b), -p * (q_right - b)
    return p * (1 - p) * (left - right) ** 2


def k_step_sums(rewards, t):
    """The k-step advantages at step t for V = 0 and gamma = 1, k = 1, 2, ... to the end."""
    return [sum(rewards[t : t + k]) for k in range(1, len(rewards) - t + 1)]


def gae(rewards, gamma, gae_lambda):
    """With V = 0: the recursion, from the last step to the first."""
    advantages, later = [], 0.0
    for reward in reversed(rewards):
        later = reward + gamma * gae_lambda * later
        advantages.insert(0, later)
    return advantages


def td_residual(r, v, v_next, gamma, terminal):
    return r + (0 if terminal else gamma * v_next) - v


def moved_by_a_sample(step_size, batch):
    """How far one sample of a batch moves a parameter, for a gradient of 1."""
    return step_size * average([1.0] + [0.0] * (batch - 1))


def surrogate(ratio, advantage, eps=0.2):
    """PPO's objective of one sample, and its slope in the ratio."""

    def value(ratio):
        return min(ratio * advantage, min(max(ratio, 1 - eps), 1 + eps) * advantage)

    return [value(ratio), (value(ratio + 1e-6) - value(ratio - 1e-6)) / 2e-6]


def area_without_correction(mu, sigma, c=1.0, count=20_000):
    """Midpoint sum over the box of the density of u at u = atanh(a / c)."""
    total, width = 0.0, 2 * c / count
    for i in range(count):
        u = math.atanh(-1 + (2 * i + 1) / count)
        total += math.exp(-0.5 * ((u - mu) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi)) * width
    return total


def break_even(one, other):
    """Seconds a step must take besides computing, so that two agents (steps, seconds of computing) are done at once."""
    return (other[1] - one[1]) / (one[0] - other[0])


def surprise(probabilities):
    """Mean of -log p, in nats."""
    return sum(-p * math.log(p) for p in probabilities if p)


def surprise_of_a_box(width, pieces=1000):
    """Mean of -log density of a uniform density, piece by piece."""
    return sum(-math.log(1 / width) / width * (width / pieces) for _ in range(pieces))


def boltzmann(values, alpha):
    weights = [math.exp(value / alpha) for value in values]
    return [weight / sum(weights) for weight in weights]


def soft_value(values, policy, alpha):
    return sum(p * (q - alpha * math.log(p)) for q, p in zip(values, policy, strict=True))


def mean_of_the_largest(count, pieces=100_000):
    """Of `count` errors, uniform in [-1, 1]: the integral of x over the law of the largest, ((1 + x) / 2)^count."""
    edges = [-1 + 2 * k / pieces for k in range(pieces + 1)]
    below = [((1 + x) / 2) ** count for x in edges]
    return sum((x + y) / 2 * (q - p) for x, y, p, q in zip(edges, edges[1:], below, below[1:], strict=False))


def bootstrapped_bias(lean, gamma, backups=10_000):
    bias = 0.0
    for _ in range(backups):
        bias = gamma * (bias + lean)
    return bias


def kept_noise(beta, dt, steps):
    """What is left of a noise of 1 after so many steps of the pull."""
    x = 1.0
    for _ in range(steps):
        x -= beta * x * dt
    return x


def average(numbers):
    return sum(numbers) / len(numbers)


def computed_answers():
    p = 0.8
    value, q_left, q_right = shootout(p, 1.0)
    fine_grid = [b / 1000 for b in range(-1000, 2001)]
    gae_lambda, n = 0.5, 3
    tail = [(1 - gae_lambda) * gae_lambda ** (k - 1) for k in range(1, 200)]
    return {
        "01-1": rewards_to_go([1, 0, 2], 0.5),
        "02-1": [value, q_left - value, q_right - value],
        "02-2": [min(fine_grid, key=lambda b: sample_variance(p, q_left, q_right, b))],
        "02-5": [td_residual(1, 5, 4, 0.9, False), td_residual(1, 5, 4, 0.9, True)],
        "03-1": gae([1, 1, 1], 1.0, 1.0),
        "03-2": [*tail[: n - 1], sum(tail[n - 1 :])],
        "03-4": [gae([0] * 10 + [1], 0.99, 0.95)[0]],
        "04-3": [moved_by_a_sample(0.5, 16)],
        "05-2": [average([1, 1, 1, 3]) / max(1, 1, 1, 3)],
        "05-5": [average(range(1000))],
        "06-1": surrogate(1.5, -1.0),
        "07-1": [math.exp(-1.2 - -1.2)],  # the ratio of a policy to itself
        "06-2": surrogate(0.7, 2.0, 0.1)[1:],
        "08-2": [math.log(0.5) / math.log(1 - 0.005)],
        "08-3": [kept_noise(0.2, 0.5, 6)],
        "08-4": [mean_of_the_largest(10)],
        "08-5": [bootstrapped_bias(0.01, 0.99)],
        "09-1": [surprise([0.5, 0.5]), surprise_of_a_box(0.2)],
        "09-2": [boltzmann([1.5, 1.0], 0.25)[0] / boltzmann([1.5, 1.0], 0.25)[1]],
        "09-3": [soft_value([2, 2, 2], [1 / 3] * 3, 0.5)],
        "10-2": [area_without_correction(0.5, 1.0)],
        "10-6": [1000 * break_even((20_000, 4), (4_000, 12))],
    }


def computed_distractors():
    """The wrong ways that a reply names, carried out."""
    rewards, gamma = [1, 0, 2], 0.5
    value, q_left, q_right = shootout(0.8, 1.0)
    at_half, *_ = shootout(0.5, 1.0)
    ones = [1, 1, 1]
    capped = [average(k_step_sums(ones, t)) for t in range(3)]
    padded = [average(k_step_sums(ones + [0, 0], t)[:3]) for t in range(3)]
    short = [0.5**k for k in range(3)]
    return [
        ("01-1", rewards_to_go(rewards, gamma, weight=from_the_start), "distance from the start"),
        ("01-1", rewards_to_go(rewards, gamma, first=lambda t: t + 1), "begin one step too late"),
        ("01-1", [*rewards_to_go(rewards, gamma)[1:], 0], "of the next step"),
        ("01-1", rewards_to_go(rewards, 1.0), "without the discount"),
        ("01-1", [sum(gamma**k * rewards[k] for k in range(t + 1)) for t in range(3)], "summed forwards"),
        ("01-1", [rewards_to_go(rewards, gamma)[0]] * 3, "return of the whole episode"),
        ("01-1", rewards, "rewards of each step alone"),
        ("02-1", [value, q_left - q_right, q_right - q_left], "with the other one"),
        ("02-1", [value, q_left - at_half, q_right - at_half], "no fixed property"),
        ("02-1", [value, q_left, q_right], "are $Q_L$ and $Q_R$"),
        ("02-1", [value, value - q_left, value - q_right], "signs turned round"),
        ("02-1", [1 - value, value - q_left, value - q_right], "both go the same way"),
        ("02-1", [0.5, q_left - 0.5, q_right - 0.5], "plain mean"),
        ("02-2", [value], "This is $V$"),
        ("02-2", [average([q_left, q_right])], "plain mean"),
        ("02-2", [0.8 * 0.2 * (q_left - q_right)], "gradient itself"),
        ("02-5", [td_residual(1, 5, 4, 0.9, False)] * 2, "although the episode has ended"),
        ("02-5", [td_residual(1, 5, 4, 1.0, False), td_residual(1, 5, 4, 1.0, True)], "discount is missing"),
        ("02-5", [-td_residual(1, 5, 4, 0.9, False), -td_residual(1, 5, 4, 0.9, True)], "signs are turned round"),
        ("02-5", [1 + 0.9 * 4, 1], "subtract $V(s)$"),
        ("03-1", padded, "for $k = 1, 2, 3$ at every step"),
        ("03-1", capped, "that fit into the episode"),
        ("03-1", gae(ones, 1.0, 0.0), "TD errors"),
        ("03-1", gae(ones, 1.0, 1.0)[::-1], "swept forwards"),
        ("03-2", [w / sum(short) for w in short], "divided by their sum"),
        ("03-2", [w / 2 for w in short], "endless episode"),
        ("03-2", short, "powers"),
        ("03-4", [0.99**10], r"$\gamma^{10}$"),
        ("03-4", [0.95**10], r"$\lambda^{10}$"),
        ("03-4", [(0.99 * 0.95) ** 11], "too many"),
        ("03-4", [(0.99 * 0.95) ** 9], "too few"),
        ("03-4", [0.05 * 0.95**10], "weight of the 11-step advantage"),
        ("04-3", [0.5 / 16**0.5], r"divided by $\sqrt{16}$"),
        ("05-2", [1 / 3], "fastest time over the slowest"),
        ("05-2", [3 * (3 - 1) / (3 * 3)], "three fast workers wait"),
        ("05-2", [1 / 0.5], "whole by the part"),
        ("05-2", [average([1, 1, 1, 3])], "mean time of a worker"),
        ("05-5", [1000], "oldest row"),
        ("06-1", [1.2 * -1.0, 0.0], "took the clipped term"),
        ("06-1", [1.5 * -1.0, 0.0], "comes from the plain term"),
        ("06-1", [(1 - 0.2) * -1.0, 0.0], "on the other side"),
        ("06-2", [0.0], "clipped term alone"),
        ("06-2", [(1 - 0.1) * 2.0], "larger of the two terms"),
        ("06-2", surrogate(0.7, 2.0, 0.1)[:1], "is the value of $L$"),
        ("08-2", [0.5 / 0.005], r"half of $1/\kappa$"),
        ("08-2", [1 / 0.005], "37 %"),
        ("08-2", [math.log(0.5) / math.log(0.005)], "weights are swapped"),
        ("08-3", [kept_noise(0.2, 1.0, 6)], "a whole unit of time"),
        ("08-3", [1 - 6 * 0.2 * 0.5], "a tenth away six times"),
        ("08-3", [kept_noise(0.2, 0.5, 1)], "correlation of neighbours"),
        ("08-3", [math.exp(-6 * 0.2 * 0.5)], "without steps"),
        ("08-4", [0.0], "mean of *one* estimate"),
        ("08-4", [1.0], "largest error possible"),
        ("08-4", [10 / 11], "between 0 and 1"),
        ("08-4", [1 - 2 / 10], "eleven gaps, not ten"),
        ("08-5", [bootstrapped_bias(0.01, 0.99) / 0.99], "once more"),
        ("08-5", [bootstrapped_bias(0.01, 0.99, backups=1)], "one backup"),
        ("08-5", [0.01], "That is one backup. "),
        ("08-5", [0.01 * (1 - 0.99)], "divides by it"),
        ("09-1", [surprise([0.5, 0.5]), abs(surprise_of_a_box(0.2))], "which sign has it"),
        ("09-1", [surprise([0.5, 0.5]), max(0, surprise_of_a_box(0.2))], "box of width 1"),
        ("09-1", [surprise([0.5, 0.5]) / math.log(2), surprise_of_a_box(0.2) / math.log(2)], "in bits"),
        ("09-1", [surprise([0.5, 0.5]), surprise([0.2])], "averaged"),
        ("09-1", [-surprise([0.5, 0.5]), -surprise_of_a_box(0.2)], "turned round"),
        ("09-2", [0.5 / 0.25], "exponent"),
        ("09-2", [boltzmann([1.5, 1.0], 1)[0] / boltzmann([1.5, 1.0], 1)[1]], r"$\alpha = 1$ would give"),
        ("09-2", [math.exp(0.5 * 0.25)], "multiplied the gap"),
        ("09-2", [boltzmann([1.5, 1.0], 0.25)[1] / boltzmann([1.5, 1.0], 0.25)[0]], "the other way round"),
        ("09-2", [1.5 / 1.0], "divided the values"),
        ("09-3", [soft_value([2, 2, 2], [1 / 3] * 3, 1)], "its price is not"),
        ("09-3", [average([2, 2, 2])], "ordinary value"),
        ("09-3", [soft_value([2, 2, 2], [1 / 3] * 3, -0.5)], "is negative already"),
        ("09-3", [2 + 0.5 * surprise([1 / 3] * 3) / math.log(2)], "in bits"),
        ("09-3", [soft_value([2, 2, 2], [1 / 3] * 3, 1 / 0.5)], "divided the entropy"),
        ("10-2", [area_without_correction(0.5, 1.0, 2.0)], "twice as wide"),
        ("10-2", [1 - area_without_correction(0.5, 1.0)], "missing to 1"),
        ("10-2", [entropies(0.5, 1.0)[1]], "is the entropy"),
        ("10-6", [1e-3 / break_even((20_000, 4), (4_000, 12))], "Turn the fraction round"),
        ("10-6", [break_even((20_000, 4), (4_000, 12))], "asks for milliseconds"),
        ("10-6", [1000 * break_even((20_000, 4), (0, 12))], "all 20,000 steps"),
    ]


def test_every_typed_answer_is_computed_here():
    assert set(computed_answers()) == {question.id for question in of_kind("number")}


@pytest.mark.parametrize("name, answer", computed_answers().items())
def test_the_stored_answer_is_the_computed_one(name, answer):
    assert QUESTIONS[name].answer == pytest.approx(answer, abs=1e-6)


@pytest.mark.parametrize("name, value, words", computed_distractors())
def test_a_named_mistake_leads_to_the_number_that_names_it(name, value, words):
    reply = QUESTIONS[name].grade(", ".join(f"{x:.6f}" for x in value))
    assert reply.right is False
    assert words in reply.remarks[0][1]


def test_the_samples_that_the_baseline_question_quotes():
    _, q_left, q_right = shootout(0.8, 1.0)
    for b, samples in {0.2: (0.16, 0.16), 0.8: (0.04, 0.64), 0.5: (0.1, 0.4), 0: (0.2, 0), 1: (0, 0.8)}.items():
        assert (0.2 * (q_left - b), -0.8 * (q_right - b)) == pytest.approx(samples)
    without, with_value = (sample_variance(0.8, q_left, q_right, b) for b in (0, 0.8))
    assert with_value / without == pytest.approx(9)


def test_no_advantage_against_a_keeper_who_tosses_a_coin():
    for p in (0.1, 0.5, 0.9):
        assert shootout(p, 0.5) == pytest.approx((0.5, 0.5, 0.5))


# ---------------------------------------------------------------- answering on screen


@pytest.mark.parametrize("name", QUESTIONS)
def test_nothing_counts_before_the_student_answers(name):
    card = quiz.ask(name)
    assert card.reply is None and card.feedback.value == ""
    if card.question.kind == "choice":
        assert card.radio.index is None
    if card.question.kind == "several":
        assert not any(tick.value for tick in card.ticks)


@pytest.mark.parametrize("question", of_kind("choice"), ids=named)
def test_choosing_shows_the_reply_to_that_option_at_once(question):
    card = quiz.ask(question.id)
    for place, option in enumerate(question.options):
        card.radio.index = place
        assert card.reply.right is option.right
        assert ("✓ Right." if option.right else "Not yet.") in on_screen(card)
        shown = [other.feedback for other in question.options if other.feedback in on_screen(card)]
        assert shown == [option.feedback]


@pytest.mark.parametrize("question", of_kind("several"), ids=named)
def test_all_the_right_ticks_are_accepted_and_every_option_explained(question):
    card = quiz.ask(question.id)
    for tick, option in zip(card.ticks, question.options, strict=True):
        tick.value = option.right
    assert card.reply is None  # not before Check
    card.check.click()
    assert card.reply.right is True
    assert [text for _, text in card.reply.remarks] == [option.feedback for option in question.options]


@pytest.mark.parametrize("question", of_kind("several"), ids=named)
def test_one_wrong_tick_gets_its_own_reply_and_the_open_lines_stay_secret(question):
    for place, option in enumerate(question.options):
        if option.right:
            continue
        card = quiz.ask(question.id)
        card.ticks[place].value = True
        card.check.click()
        assert card.reply.right is False
        assert [text for _, text in card.reply.remarks] == [option.feedback]
        assert option.feedback in on_screen(card) and "Ticked, think again" in on_screen(card)


@pytest.mark.parametrize("question", of_kind("several"), ids=named)
def test_a_missing_tick_is_counted_but_not_named(question):
    card = quiz.ask(question.id)
    right = [place for place, option in enumerate(question.options) if option.right]
    for place in right[:-1]:
        card.ticks[place].value = True
    card.check.click()
    assert card.reply.right is False and "1 more belongs to the answer" in on_screen(card)
    assert question.options[right[-1]].feedback not in on_screen(card)


def test_check_without_a_tick_and_ticks_changed_after_a_check():
    card = quiz.ask("00-3")
    card.check.click()
    assert card.reply.right is None and "Tick at least one" in on_screen(card)
    card.ticks[1].value = card.ticks[3].value = True
    card.check.click()
    assert card.reply.right is True
    card.ticks[1].value = False
    assert card.reply.right is None and "press Check again" in on_screen(card)


def typed(question, value):
    return ", ".join(str(x) for x in value) if len(value) > 1 else str(value[0])


@pytest.mark.parametrize("question", of_kind("number"), ids=named)
def test_the_right_number_is_accepted_within_its_tolerance(question):
    for distance, right in [(0, True), (0.99, True), (-0.99, True), (2, False), (-2, False)]:
        factor = 1 + distance * question.tolerance
        card = quiz.ask(question.id)
        card.field.value = typed(question, [factor * x for x in question.answer])
        assert card.reply.right is right, factor
        assert (question.feedback in on_screen(card)) is right


def test_a_step_size_of_a_thirtieth_is_near_enough():
    card = quiz.ask("04-3")
    card.field.value = "0.03"
    assert card.reply.right is True


@pytest.mark.parametrize("question", of_kind("number"), ids=named)
def test_each_named_wrong_number_gets_its_own_reply(question):
    card = quiz.ask(question.id)
    for distractor in question.distractors:
        card.field.value = typed(question, distractor.value)
        assert card.reply.right is False
        assert [text for _, text in card.reply.remarks] == [distractor.feedback]
        assert distractor.feedback in on_screen(card)


@pytest.mark.parametrize("question", of_kind("number"), ids=named)
def test_any_other_number_gets_the_hint_and_anything_else_the_expected_form(question):
    card = quiz.ask(question.id)
    card.field.value = typed(question, [77.0] * len(question.answer))
    assert card.reply.right is False and question.hint in on_screen(card)
    for unreadable in ("two", "1, 2, 3, 4", "1/0", "nan", "__import__('os')", ""):
        card.field.value = unreadable
        assert card.reply.right is None, unreadable
        assert f"Expected: {question.form}." in on_screen(card)


def test_check_on_an_empty_field():
    card = quiz.ask("01-1")
    card.check.click()
    assert "There is no number yet." in on_screen(card)


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("1.5, 1, 2", (1.5, 1, 2)),
        ("(1.5, 1, 2)", (1.5, 1, 2)),
        ("[1.5 1 2]", (1.5, 1, 2)),
        ("3/2; 1; 2", (1.5, 1, 2)),
        ("1,5; 1; 2", (1.5, 1, 2)),
        ("1,5 1 2", (1.5, 1, 2)),
        ("1,5, 1, 2", (1.5, 1, 2)),
        ("1.5,1,2,", (1.5, 1, 2)),
        (" .5\t−.25  +1e-1 ", (0.5, -0.25, 0.1)),
        ("0,54", (0.54,)),
        ("−4/10", (-0.4,)),
        ("-.4, -4", (-0.4, -4)),
    ],
)
def test_numbers_are_read_in_the_ways_people_write_them(text, numbers):
    assert quiz.parse_numbers(text, len(numbers)) == pytest.approx(numbers)


@pytest.mark.parametrize(
    "text, count, sentence",
    [
        ("  ", 1, "There is no number yet."),
        ("a lot", 1, '"a lot" cannot be read as a number.'),
        ("1, x, 2", 3, '"1, x, 2" cannot be read as numbers.'),
        ("1, 2", 3, "3 numbers are needed, but 2 came."),
        ("1; 2", 1, "1 number is needed, but 2 came."),
        ("1e999", 1, '"1e999" cannot be read as a number.'),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(text, count, sentence):
    with pytest.raises(ValueError) as problem:
        quiz.parse_numbers(text, count)
    assert str(problem.value) == sentence


@pytest.mark.parametrize("name", ["1-1", "01_1", "", None, 1, "99-1", "01-9"])
def test_an_unknown_question_is_refused_in_a_sentence(name):
    with pytest.raises(ValueError, match="^question must be"):
        quiz.ask(name)


# ---------------------------------------------------------------- without a kernel


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=named)
def test_the_stored_output_can_be_read_without_a_kernel(question):
    bundle = quiz.ask(question.id)._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    page, text = html.unescape(bundle["text/html"]), bundle["text/plain"]
    assert question.id in page and question.id in text
    for option in question.options:
        assert option.text in page and option.feedback in page
        assert option.text in " ".join(text.split()) and option.feedback not in text
    folds = len(question.options) or len(question.distractors) + 2
    assert page.count("<details>") == page.count("</details>") == folds
    assert "<style" not in page and "<script" not in page
    assert all(other["text/html"] == bundle["text/html"] for other in [quiz.ask(question.id)._repr_mimebundle_()])


def test_a_converted_notebook_shows_the_question_and_not_an_empty_widget():
    exporter = pytest.importorskip("nbconvert").HTMLExporter()
    data = quiz.ask("00-2")._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell('quiz.ask("00-2")', outputs=[output], execution_count=1)
    page, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "<summary>Feedback</summary>" in page and "widget-view+json" not in page


# ---------------------------------------------------------------- a file with a mistake

CHOICE = """
[01-1]
kind = "choice"
covers = ["MIS-01"]
prompt = "Which one?"
options = [
  {text = "a", right = true, feedback = "why a"},
  {text = "b", right = false, feedback = "why not b"},
  {text = "c", right = false, feedback = "why not c"},
]
"""
NUMBER = """
[01-1]
kind = "number"
covers = ["MIS-01"]
prompt = "How much?"
form = "two numbers"
answer = [1, 2]
feedback = "just so"
hint = "think"
distractors = [
  {value = [2, 1], feedback = "in the other order"},
  {value = [1, 3], feedback = "one too many"},
]
"""


def doctored(tmp_path, text, old="", new=""):
    assert old in text
    path = tmp_path / "lesson_01.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", [CHOICE, NUMBER], ids=["choice", "number"])
def test_a_sound_file_is_read(tmp_path, text):
    assert list(quiz.read(doctored(tmp_path, text))) == ["01-1"]


@pytest.mark.parametrize(
    "text, old, new, sentence",
    [
        (CHOICE, "[01-1]", "[01-1", "lesson_01.toml must be valid TOML"),
        (CHOICE, "[01-1]", "[02-1]", r"must hold the questions 01-1, 01-2, \.\.\. in order, got \['02-1'\]"),
        (CHOICE, CHOICE, "", "must hold the questions"),
        (CHOICE, '"choice"', '"vote"', "question 01-1: kind must be one of choice, several, number, got 'vote'"),
        (CHOICE, 'kind = "choice"', "", "kind must be one of"),
        (CHOICE, 'prompt = "Which one?"', "", "prompt must be given"),
        (CHOICE, "prompt", "note = 1\nprompt", "the keys must be among covers, kind, options, prompt, got note"),
        (CHOICE, '"Which one?"', '" "', "prompt must be a text that is not empty, got ' '"),
        (CHOICE, '"Which one?"', '"Which $x?"', r"prompt must close every \$ that it opens"),
        (CHOICE, '["MIS-01"]', "[]", r"covers must be a list of index entries such as MIS-01, got \[\]"),
        (CHOICE, '"MIS-01"', '"MIS-1"', "covers must be a list"),
        (CHOICE, '  {text = "c", right = false, feedback = "why not c"},', "", "must be a list of at least 3"),
        (CHOICE, "right = true", "right = false", "exactly one option must be right, got 0"),
        (CHOICE, "right = false", "right = true", "exactly one option must be right, got 2"),
        (CHOICE, "right = true", "right = 1", "option 1: right must be true or false, got 1"),
        (CHOICE, '"why not b"', '""', "option 2: feedback must be a text that is not empty"),
        (CHOICE, '"why not b"', '"why a"', r"feedback must differ .* twice: \['why a'\]"),
        (CHOICE, '"c"', '"a"', "text must differ"),
        (CHOICE, '"c"', '"$c$"', "option 3: text must be plain"),
        (CHOICE, ', feedback = "why a"', "", "option 1: feedback must be given"),
        (CHOICE.replace('"choice"', '"several"'), "true", "false", "some options must be right and some not"),
        (NUMBER, "[1, 2]", '"1, 2"', "answer must be a number or a list of numbers"),
        (NUMBER, "[1, 2]", "[]", "answer must be a number or a list of numbers"),
        (NUMBER, "[1, 2]", "[1, nan]", "answer must be a number or a list of numbers"),
        (NUMBER, "[2, 1]", "2", "distractor 1: value must hold as many numbers as the answer, 2, got 1"),
        (NUMBER, "[2, 1]", "[1, 2.01]", r"distractor 1: value must differ .* from \(1\.0, 2\.0\)"),
        (NUMBER, "[1, 3]", "[2, 1]", r"distractor 2: value must differ .* from \(2\.0, 1\.0\)"),
        (NUMBER, "hint", "tolerance = 0.5\nhint", "tolerance must be a number above 0 and at most 0.1, got 0.5"),
        (NUMBER, 'hint = "think"', "", "hint must be given"),
        (NUMBER, '"one too many"', '"think"', "feedback must differ"),
        (NUMBER, '  {value = [1, 3], feedback = "one too many"},', "", "distractors must be a list of at least 2"),
    ],
)
def test_a_doctored_file_is_refused_in_a_sentence(tmp_path, text, old, new, sentence):
    with pytest.raises(ValueError, match=sentence) as problem:
        quiz.read(doctored(tmp_path, text, old, new))
    assert str(problem.value).startswith("lesson_01.toml") and str(problem.value).endswith(".")


# ---------------------------------------------------------------- in JupyterLab, without a mouse

THEMES = ["JupyterLab Light", "JupyterLab Dark"]


@pytest.fixture(scope="module")
def chromium():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        problem = "No Chromium was found: install it to see the quiz in a browser."
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of its own, with one notebook of four questions."""
    folder = tmp_path_factory.mktemp("quiz_lab")
    sources = ["from rlcourse import quiz", *(f'quiz.ask("{name}")' for name in ("00-2", "02-3", "01-1"))]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "quiz.ipynb")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    homes = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    homes += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    surroundings = os.environ | {name: str(folder / ".state" / name.lower()) for name in homes}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.token=", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=surroundings, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(480):
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "lab.log").read_text()
                time.sleep(0.25)
        else:
            pytest.fail("JupyterLab did not answer within two minutes: " + (folder / "lab.log").read_text())
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def page(lab, chromium):
    """The notebook in JupyterLab, every cell run."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is needed to drive the browser.")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 1400})
        page.set_default_timeout(120_000)  # a loaded machine takes its time
        page.goto(f"{lab}/lab/tree/quiz.ipynb?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function("document.querySelectorAll('.rlcourse-quiz').length === 3")
        yield page
        browser.close()


def press_until(page, wanted, limit=20):
    """Tab from where the focus is to the next element that fits the selector."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", wanted):
            return
    pytest.fail(f"{wanted} cannot be reached with Tab.")


def wait_for_reply(card, *words):
    for some in words:
        card.locator(".rlcourse-reply", has_text=some).wait_for()


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
def test_a_choice_by_keyboard(page):
    card = page.locator(".rlcourse-quiz").nth(0)
    radios = card.locator("input[type=radio]")
    assert not any(radios.evaluate_all("all => all.map(one => one.checked)"))
    assert card.locator(".rlcourse-reply").count() == 0

    radios.nth(0).focus()
    press_until(page, ".rlcourse-quiz input[type=radio]")
    page.keyboard.press("Space")
    wait_for_reply(card, "Not yet.", "The ratio is made for policies")
    assert radios.nth(1).evaluate("one => one === document.activeElement")

    press_until(page, ".rlcourse-quiz input[type=radio]")
    page.keyboard.press("Space")
    wait_for_reply(card, "✓ Right.")
    assert radios.evaluate_all("all => all.map(one => one.checked)") == [False, False, True, False]


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
def test_ticks_by_keyboard(page):
    card = page.locator(".rlcourse-quiz").nth(1)
    boxes = card.locator("input[type=checkbox]")
    boxes.nth(0).focus()
    for place in range(5):
        assert boxes.nth(place).evaluate("one => one === document.activeElement")
        if place in (0, 2, 4):
            page.keyboard.press("Space")
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Check"
    page.keyboard.press("Enter")
    wait_for_reply(card, "✓ Right, all of it.")


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
def test_a_number_by_keyboard(page):
    card = page.locator(".rlcourse-quiz").nth(2)
    card.get_by_label("Answer").focus()
    page.keyboard.type("1.5, .5, .5")
    page.keyboard.press("Enter")
    wait_for_reply(card, "Not yet.", "You discounted every reward")
    page.keyboard.press("Control+a")
    page.keyboard.type("1.5, 1, 2")
    page.keyboard.press("Enter")
    wait_for_reply(card, "✓ Right.")


def luminance(colour):
    """Relative luminance of a computed colour "rgb(r, g, b)", as WCAG 2 defines it."""
    channels = [float(x) / 255 for x in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
@pytest.mark.parametrize("theme", THEMES)
def test_labels_wrap_mathematics_is_typeset_and_text_stands_out(page, theme):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    # MathJax lays an invisible copy of each formula over it, for screen readers; it may be wider than what is seen.
    page.add_style_tag(content="mjx-assistive-mml {display: none !important}")
    for width in (1000, 700):
        page.set_viewport_size({"width": width, "height": 1400})
        page.wait_for_timeout(500)
        page.wait_for_selector(".rlcourse-quiz mjx-container")
        labels = page.locator(".rlcourse-quiz label:visible").evaluate_all(
            "all => all.map(one => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight,"
            " one.getBoundingClientRect().right - one.closest('.rlcourse-quiz').getBoundingClientRect().right])"
        )
        assert len(labels) >= 10
        assert all(across <= 1 and down <= 1 and beyond <= 1 for across, down, beyond in labels), labels
        boxes = page.locator(".rlcourse-quiz .widget-radio-box label").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(box => [box.top, box.bottom])"
        )
        assert all(above[1] <= below[0] + 1 for above, below in pairwise(boxes)), boxes

    typeset = page.locator(".rlcourse-quiz").nth(1)
    assert typeset.locator("label mjx-container").count() == 5
    assert "$" not in typeset.inner_text()
    background = page.evaluate("getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')").strip()
    background = page.evaluate(
        "colour => { const one = document.createElement('p'); one.style.color = colour; document.body.append(one);"
        " const seen = getComputedStyle(one).color; one.remove(); return seen; }",
        background,
    )
    texts = page.locator(".rlcourse-quiz label:visible, .rlcourse-reply p").evaluate_all(
        "all => all.map(one => getComputedStyle(one).color)"
    )
    for text in texts:
        dark, light = sorted((luminance(text), luminance(background)))
        assert (light + 0.05) / (dark + 0.05) > 4.5, (theme, text, background)
