"""Lesson 01's explorers: what they say is what is true, and no words collide or leave the picture."""

import itertools

import pytest

from rlcourse.explorers import lesson_01
from rlcourse.plots import style

CORNERS = [
    (lesson_01.causality_matrix, {"steps": (2, 3, 12), "gamma": (0.5, 1.0), "dropped": (False, True)}),
    (lesson_01.variance_race, {"episodes": (10, 100, 5000), "reward_noise": (0, 2), "offset": (-2, 0, 2)}),
    (lesson_01.counterexample_builder, {"c": (0, 0.5, 5, 5.5, 10), "p": (0.1, 0.5, 0.9)}),
    (lesson_01.reward_to_go_histogram, {"t": (0, 4, 9), "cell": (0, 4, 5), "action": ("left", "right")}),
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
