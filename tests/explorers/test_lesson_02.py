"""Lesson 02's explorers: what they say is what is true, and no words collide or leave the picture."""

import itertools

import pytest

from rlcourse.explorers import lesson_02
from rlcourse.plots import style

CORNERS = [
    (lesson_02.shootout_lab, {"p": (0, 0.35, 1), "q": (1,), "kicks": (1,), "offset": (-2.5, 3)}),
    (lesson_02.shootout_lab, {"p": (0.5, 1), "q": (0,), "kicks": (2000,), "offset": (-3, 0)}),
    (lesson_02.baseline_parabola, {"b": (-10, 10), "p": (0.05, 0.95), "q_left": (-5, 5), "sd_left": (3,)}),
    (lesson_02.baseline_parabola, {"b": (0, 1), "p": (0.5, 0.9), "q_left": (1,), "q_right": (0,), "sd_right": (0,)}),
    (lesson_02.learning_with_baseline, {"offset": (0, 5), "step_size": (0.1, 1)}),
    (lesson_02.actor_critic_loop, {"step": (2, 8), "gamma": (0.5, 1), "right": (0.1, 0.9)}),
]


def settings():
    for explorer, ends in CORNERS:
        for values in itertools.product(*ends.values()):
            yield explorer, dict(zip(ends, values, strict=True))


def words(figure):
    """Every visible text of a figure with the box it covers, in pixels."""
    style.pixels(figure)
    renderer = figure.canvas.get_renderer()
    found = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in found if text.get_text().strip()]
    return [(text, box) for text, box in boxes if box.width > 1]


def overlap(first, second, slack=2):
    """Whether two boxes share more than a rim of `slack` pixels."""
    return (
        min(first.x1, second.x1) - max(first.x0, second.x0) > slack
        and min(first.y1, second.y1) - max(first.y0, second.y0) > slack
    )


@pytest.mark.parametrize(
    ("explorer", "setting"), list(settings()), ids=lambda value: getattr(value, "name", str(value))
)
def test_no_words_collide_or_leave_the_picture(explorer, setting):
    figure = explorer.draw(**setting)
    found = words(figure)
    for text, box in found:
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    for (text, box), (other, other_box) in itertools.combinations(found, 2):
        assert not overlap(box, other_box), (text, other)


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


def test_a_kick_never_tried_is_called_so():
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
