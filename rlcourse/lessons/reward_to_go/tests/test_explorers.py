"""Explorers: what they say is what is true."""

import pytest

from rlcourse.lessons.reward_to_go import explorers


@pytest.mark.covers("CL-03", "MIS-02")
def test_the_matrix_says_what_leaving_out_the_past_is_worth():
    kept, dropped = (explorers.causality_matrix.alt_text(steps=10, dropped=d) for d in (False, True))
    assert "variance 280" in kept
    assert "variance 156. Left out: mean 0.02" in dropped and "variance 100" in dropped


@pytest.mark.covers("MIS-03")
def test_the_builder_finds_the_counterexample():
    said = explorers.counterexample_builder.alt_text(c=5)
    assert "variance 0.19 with the total return, 7.7 with reward-to-go" in said
    calm = explorers.counterexample_builder.alt_text(c=0)
    assert "variance 0.19 with the total return, 0.19 with reward-to-go" in calm


@pytest.mark.covers("MIS-04")
def test_the_race_ends_with_the_same_step_reward_standing_still():
    few, many = (explorers.variance_race.alt_text(episodes=n) for n in (10, 5000))
    assert "same-step reward 1.8, total return 5.3, reward-to-go 4.0" in few
    assert "same-step reward 1.0, total return 0.24, reward-to-go 0.18" in many


@pytest.mark.covers("MIS-01")
def test_the_histogram_says_when_there_is_nothing_to_count():
    assert "cannot be reached" in explorers.reward_to_go_histogram.alt_text(t=2, cell=5)
    every = explorers.reward_to_go_histogram.alt_text(t=4, cell=2, action="right", visits="all")
    assert "the exact Q is 0.56" in every


@pytest.mark.covers("ERR-01")
def test_the_same_step_weight_pushes_to_the_left():
    assert "total return: cosine with the exact gradient 1.00" in explorers.toll_pushes.alt_text()
    assert "gradient −0.62" in explorers.toll_pushes.alt_text(weight="same-step reward")


def test_no_picture_that_is_stored_answers_the_question_above_it():
    assert "Left out" not in explorers.causality_matrix.alt_text()  # what the past is worth
    assert explorers.causality_matrix.defaults["episodes"] == "1 episode"  # which cells vanish
    assert explorers.counterexample_builder.defaults["c"] == 0  # what c does
    assert explorers.variance_race.defaults["episodes"] == 10  # who wins in the end
    assert explorers.toll_pushes.defaults["weight"] != "same-step reward"  # which way it goes
    assert " and " not in explorers.reward_to_go_histogram.alt_text()  # whether two visits agree
