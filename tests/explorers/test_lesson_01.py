"""Lesson 01's explorers: what they say is what is true."""

import pytest

from rlcourse.explorers import lesson_01


@pytest.mark.covers("CL-03", "MIS-02")
def test_the_matrix_says_what_dropping_the_past_is_worth():
    kept, dropped = (lesson_01.causality_matrix.alt_text(steps=10, dropped=d) for d in (False, True))
    assert "with them has variance 280" in kept
    assert "without them has variance 156" in dropped


@pytest.mark.covers("MIS-03")
def test_the_builder_finds_the_counterexample():
    said = lesson_01.counterexample_builder.alt_text(c=5)
    assert "variance 0.19 with the total return, 7.7 with reward-to-go" in said
    calm = lesson_01.counterexample_builder.alt_text(c=0)
    assert "variance 0.19 with the total return, 0.19 with reward-to-go" in calm


@pytest.mark.covers("MIS-04")
def test_the_race_ends_with_the_same_step_reward_standing_still():
    few, many = (lesson_01.variance_race.alt_text(episodes=n) for n in (10, 5000))
    assert "same-step reward 1.8, total return 5.3, reward-to-go 4.0" in few
    assert "same-step reward 1.0, total return 0.24, reward-to-go 0.18" in many


@pytest.mark.covers("MIS-01")
def test_the_histogram_says_when_there_is_nothing_to_count():
    assert "cannot be reached" in lesson_01.reward_to_go_histogram.alt_text(t=2, cell=5)
    assert "the exact Q is 0.56" in lesson_01.reward_to_go_histogram.alt_text(t=4, cell=2, action="right")
