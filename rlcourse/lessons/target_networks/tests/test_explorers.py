"""The explorers of the lesson: what their pictures must agree with."""

import numpy as np
import pytest

from rlcourse.lessons.target_networks import experiments as numbers
from rlcourse.lessons.target_networks import explorers as lab
from rlcourse.lessons.target_networks import plots


@pytest.mark.covers("FIG-12", "FIG-13", "CL-38")
@pytest.mark.parametrize(
    ("setting", "verdict"),
    [
        ({"step_size": 1.2, "gain": 0.95, "angle": 180}, "it runs away"),
        ({"target": "hard copy", "step_size": 1.2, "gain": 0.95, "angle": 180}, "it settles"),
        ({"step_size": 0.3, "gain": 1.5, "angle": 90}, "it settles"),
        ({"target": "hard copy", "step_size": 0.3, "gain": 1.5, "angle": 90}, "it runs away"),
        ({"target": "Polyak", "step_size": 0.3, "gain": 1.5, "angle": 90}, "it settles"),
        ({"target": "Polyak", "tau": 0.005, "step_size": 0.1, "gain": 1.8, "angle": 0}, "it runs away"),
        ({"gain": 1.0, "angle": 0}, "on the edge"),
    ],
)
def test_the_chase_says_how_it_ends(setting, verdict):
    assert verdict in lab.target_chase.alt_text(**setting)


@pytest.mark.covers("FIG-13")
@pytest.mark.parametrize(("gain", "angle", "marker"), [(1.5, 90, "v"), (0.9, 60, "o"), (1.8, 0, "^")])
def test_a_distance_beyond_the_axis_stays_at_its_border(gain, angle, marker):
    axes = lab.target_chase.draw(gain=gain, angle=angle, updates=60 if marker != "o" else 6).axes[2]
    (place,) = [line for line in axes.lines if line.get_marker() in "ov^"]
    assert place.get_marker() == marker
    assert axes.get_ylim()[0] <= place.get_ydata()[-1] <= axes.get_ylim()[1]


def test_a_factor_near_1_shows_on_which_side_it_lies():
    said = lab.target_chase.alt_text(target="Polyak", tau=0.005, gain=1.1, angle=0)
    assert "1.0005" in said and "it runs away" in said


def test_nothing_is_given_away_before_it_is_asked_for():
    hidden = [t.get_text() for t in lab.target_chase.draw().texts]
    shown = [t.get_text() for t in lab.target_chase.draw(show_all=True).texts]
    assert not any("Polyak" in text or "hard" in text for text in hidden) and any("Polyak" in text for text in shown)
    assert "double" not in lab.overestimation_lab.alt_text() and "double" not in lab.smooth_error_lab.alt_text()


@pytest.mark.covers("EQX-17", "CL-45")
def test_the_overestimation_lab_shows_the_formula():
    said = lab.overestimation_lab.alt_text(actions=10, error=0.1, gamma=0.99)
    assert "bias +0.082 per backup and +8.100 in the long run" in said
    assert "−0.0015" in lab.overestimation_lab.alt_text(actions=10, rule="clipped double Q")
    assert "bias 0 per backup" in lab.overestimation_lab.alt_text(rule="double Q")


@pytest.mark.covers("CL-45")
def test_the_smooth_errors_lab_shows_the_claim():
    found = numbers.maxima_of_errors()
    for name, rule in lab.RULES.items():
        value = f"{abs(found['smooth_' + rule.replace(' ', '_')]):.3f}"
        if rule != "double":
            assert value in lab.smooth_error_lab.alt_text(error=0.3, rule=name)


def test_the_stored_runs_are_told(collisions):
    rng = np.random.default_rng(0)
    groups = {"κ": {"a": -150 + rng.normal(0, 9, 16), "b": rng.uniform(-1_400, -900, 16)}, "K": {"c": [-500.0] * 16}}
    figure = plots.variations(groups, title="Many")
    assert list(collisions(figure)) == []
    assert "c −500 (−500 to −500)" in figure.get_label() and "a −1" in figure.get_label()
    returns = {"one": -150 + rng.normal(0, 9, (16, 20)), "two": -300 + rng.normal(0, 9, (16, 20))}
    optimism = {"one": np.full((16, 4), 12.5), "two": np.full((16, 4), -3.0)}
    steps = np.arange(200, 4_001, 200)
    figure = plots.promises(steps, returns, (1_000, 2_000, 3_000, 4_000), optimism, title="Two agents")
    assert list(collisions(figure)) == []
    assert "its critic +12.5" in figure.get_label() and "its critic −3.0" in figure.get_label()
