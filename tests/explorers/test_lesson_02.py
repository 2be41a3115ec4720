"""Lesson 02's explorers: what they say is what is true."""

import pytest

from rlcourse.explorers import lesson_02


def test_the_shootout_says_its_numbers():
    said = lesson_02.shootout_lab.alt_text(p=0.9, q=1.0, kicks=100)
    assert "V = 0.90, Q left 1.00, Q right 0.00, advantage of left +0.10, of right −0.90" in said
    assert "V from 100 kicks: 0.9" in said


def test_each_kick_is_a_goal_exactly_when_the_sides_differ():
    for kicks in range(1, 30):
        said = lesson_02.shootout_lab.alt_text(p=0.4, q=0.6, kicks=kicks).split("last kick ")[1]
        kick, rest = said.split(", dive ")
        dive, outcome = rest.rstrip(".").split(": ")
        assert outcome == ("goal" if kick != dive else "saved")


def test_a_kick_never_tried_is_called_so(words):
    def never(figure):
        return sum(text == "never tried" for text, _ in words(figure))

    assert never(lesson_02.shootout_lab.draw(p=1, kicks=50)) == 2       # no Q and no A of the other side
    assert never(lesson_02.shootout_lab.draw(p=0.5, kicks=50)) == 0


def test_the_first_control_of_the_shootout_is_p():
    assert next(iter(lesson_02.shootout_lab.controls)) == "p"


@pytest.mark.covers("CL-06", "MIS-06")
def test_the_parabola_reaches_the_case_where_the_value_hurts():
    said = lesson_02.baseline_parabola.alt_text(p=0.9, q_left=1, q_right=0, sd_left=0, sd_right=0)
    assert "64 × more noise" in said
    assert "with the best one, 0.10" in said


@pytest.mark.covers("EQX-03")
def test_the_mean_and_the_return_noise_do_not_feel_the_baseline():
    said = [lesson_02.baseline_parabola.alt_text(b=b).rsplit("; ", 1)[1] for b in (-10, 0, 4.1, 10)]
    assert said == ["0.651 of each is return noise, and the mean is 0.63 throughout."] * 4


@pytest.mark.covers("CL-10")
@pytest.mark.parametrize("series", range(1, 11))
def test_every_ensemble_shows_the_difference(series):
    said = lesson_02.learning_with_baseline.alt_text(series=series)
    without = int(said.split("after 1000 kicks ")[1].split(" of 200")[0])
    assert without >= 5
    assert "baseline, 0 with V" in said


@pytest.mark.covers("FIG-01")
def test_the_critic_speaks_in_words():
    say = lesson_02.actor_critic_loop.alt_text
    assert say(step=1).endswith("better than expected.")
    assert say(step=2).endswith("worse than expected.")
    assert "reached the end" in say(step=8)
