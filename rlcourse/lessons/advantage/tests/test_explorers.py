"""Explorers: what they say is what is true."""

import pytest

from rlcourse.lessons.advantage import explorers


def test_the_shootout_says_its_numbers():
    said = explorers.shootout_lab.alt_text(p=0.9, q=1.0, kicks=100)
    assert "V = 0.90, Q left 1.00, Q right 0.00, advantage of left +0.10, of right −0.90" in said
    assert "V from 100 kicks: 0.9" in said


def test_each_kick_is_a_goal_exactly_when_the_sides_differ():
    for kicks in range(1, 30):
        said = explorers.shootout_lab.alt_text(p=0.4, q=0.6, kicks=kicks).split("last kick ")[1]
        kick, rest = said.split(", dive ")
        dive, outcome = rest.rstrip(".").split(": ")
        assert outcome == ("goal" if kick != dive else "saved")


def test_a_kick_never_tried_is_called_so(words):
    def never(figure):
        return sum(text == "never tried" for text, _ in words(figure))

    assert never(explorers.shootout_lab.draw(p=1, kicks=50)) == 2  # no Q and no A of the other side
    assert never(explorers.shootout_lab.draw(p=0.5, kicks=50)) == 0


def test_the_first_control_of_the_shootout_is_p():
    assert next(iter(explorers.shootout_lab.controls)) == "p"


@pytest.mark.covers("CL-06", "MIS-06")
def test_the_parabola_reaches_the_case_where_the_value_hurts():
    said = explorers.baseline_parabola.alt_text(p=0.9, q_left=1, q_right=0, sd_left=0, sd_right=0)
    assert "64 × more noise" in said
    assert "with the best one, 0.10" in said


@pytest.mark.covers("EQX-03")
def test_the_mean_and_the_return_noise_do_not_feel_the_baseline():
    said = [explorers.baseline_parabola.alt_text(b=b).rsplit("; ", 1)[1] for b in (-10, 0, 4.1, 10)]
    assert said == ["0.651 of each is return noise, and the mean is 0.63 throughout."] * 4


@pytest.mark.covers("CL-10")
@pytest.mark.parametrize("series", range(1, 11))
def test_every_ensemble_shows_the_difference(series):
    said = explorers.learning_with_baseline.alt_text(offset=3, series=series)
    without = int(said.split("after 1000 kicks ")[1].split(" of 200")[0])
    assert without >= 5
    assert "baseline, 0 with V" in said


@pytest.mark.covers("FIG-01")
def test_the_critic_speaks_in_words():
    say = explorers.actor_critic_loop.alt_text
    assert say(step=1).endswith("better than expected.")
    assert say(step=2).endswith("worse than expected.")
    assert "reached the end" in say(step=8)


def test_what_stands_stored_below_a_question_does_not_answer_it():
    start = explorers.watched_kicker.alt_text()
    assert "scores 1; the one who always plays left scores 1." in start
    start = explorers.learning_with_baseline.alt_text()
    assert "0 of 200 kickers are stuck" in start and "baseline, 0 with V" in start
    start = explorers.baseline_parabola.alt_text(p=0.5, q_left=1, q_right=0, sd_left=0, sd_right=0)
    assert "more noise" not in start


def test_the_mode_scores_once():
    said = explorers.watched_kicker.alt_text(p=0.6, kicks=400)
    assert "always plays left scores 1." in said
    assert int(said.split("scores ")[1].split(";")[0]) > 120
