"""Lesson 00's explorers: the collision quiz knows its answers, and the stepper tells the truth about the chain."""

import pytest
import torch

from rlcourse import exact
from rlcourse.envs import RIGHT, two_exits
from rlcourse.explorers import lesson_00


@pytest.mark.parametrize("letter", lesson_00.COLLISIONS)
def test_every_letter_has_two_meanings_and_two_names(letter):
    first, second, _ = lesson_00.COLLISIONS[letter]
    assert first.meaning != second.meaning
    assert lesson_00.NAMES[first.meaning].symbol != lesson_00.NAMES[second.meaning].symbol
    for use in (first, second):
        assert use.formula.count("|") in (2, 4, 6)      # the letter, between bars


def test_every_name_is_needed_by_some_letter():
    meanings = {use.meaning for first, second, _ in lesson_00.COLLISIONS.values() for use in (first, second)}
    assert meanings == set(lesson_00.NAMES)


def test_symbols_and_their_meanings_are_one_to_one():
    assert len({name.symbol for name in lesson_00.NAMES.values()}) == len(lesson_00.NAMES)


def test_a_guess_is_answered():
    said = lesson_00.symbol_collisions.alt_text
    assert "what is α here?" in said()
    assert "yes, the step size" in said(first="step size")
    assert "not here: that is α in formula B" in said(first="entropy temperature")
    assert "for the horizon, the course writes T" in said(second="horizon")
    assert "in A, gradient ascent: the step size" in said(answers=True)


def test_the_walk_is_the_chain():
    mdp, rows = two_exits(), lesson_00.walk(0.0, None)
    for state, action, reward, following, terminated, truncated in rows:
        move = mdp.transitions[state, int(action == "right")]
        assert reward == pytest.approx(mdp.rewards[state, int(action == "right")].item())
        assert not truncated
        assert terminated == (move.sum() == 0)
        assert following is None if terminated else move[following] == 1
    assert [row[3] for row in rows[:-1]] == [row[0] for row in rows[1:]]
    assert [row[4] for row in rows] == [False] * 5 + [True]


def test_the_clock_truncates_and_the_cell_keeps_its_future():
    rows = lesson_00.walk(0.0, lesson_00.CLOCK)
    assert len(rows) == lesson_00.CLOCK
    assert [row[5] for row in rows] == [False] * 3 + [True]
    assert not rows[-1][4]
    always_right = torch.zeros(7, 2)
    always_right[:, RIGHT] = 1.0
    assert exact.evaluate(two_exits(), always_right, gamma=0.9).V[rows[-1][3]] > 0.8


@pytest.mark.parametrize(("gamma", "total"), [(1.0, "0.880"), (0.9, "0.497"), (0.5, "−0.008")])
def test_the_return_is_the_one_worked_by_hand(gamma, total):
    by_hand = -0.02 * sum(gamma**t for t in range(5)) + 0.98 * gamma**5
    assert by_hand == pytest.approx(float(total.replace("−", "-")), abs=5e-4)
    assert lesson_00.interaction_loop.alt_text(step=6, gamma=gamma).endswith(f"is {total}.")


def test_noise_scales_one_draw():
    """The same luck at every noise level, so that the slider changes the noise and nothing else."""
    quiet, half, full = ([row[2] for row in lesson_00.walk(noise, None)] for noise in (0.0, 0.5, 1.0))
    for q, h, f in zip(quiet, half, full, strict=True):
        assert f - q == pytest.approx(2 * (h - q), abs=1e-5)
