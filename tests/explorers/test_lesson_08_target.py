"""The explorers of the first half of lesson 08: what their pictures must agree with."""

import pytest

from rlcourse.experiments import lesson_08_target as numbers
from rlcourse.explorers import lesson_08_target as lab
from rlcourse.plots import lesson_08_target as figures


@pytest.mark.covers("FIG-07", "FIG-08", "AL-09")
def test_every_node_and_every_arrow_is_at_work_at_some_step():
    nodes = {name for _, names, _ in figures.ROUTE for name in names}
    arrows = {name for _, _, names in figures.ROUTE for name in names}
    assert nodes == set(figures.NODES) and arrows == set(figures.ARROWS)
    lines = [int(line) for line, _, _ in figures.ROUTE if line]
    assert lines == sorted(lines) and set(lines) == set(range(5, 13))


def words(step, **parameters):
    return [text.get_text() for text in lab.update_stepper.draw(step=step, **parameters).axes[0].texts]


@pytest.mark.covers("AL-09", "MIS-24")
def test_only_the_trained_network_has_moved_so_far():
    moved = [sum(word.startswith("moved") for word in words(step)) for step in range(13)]
    assert moved == [0] * 9 + [1, 0, 1, 4]
    assert words(9).count("no gradient") == 3 and "held still" in words(11)


@pytest.mark.parametrize("tau", [0, 1])
def test_the_last_step_shows_the_distance_to_the_copies(tau):
    said = lab.update_stepper.alt_text(step=12, tau=tau)
    before = numbers.one_update(0.9, tau).gaps["critic"][0]
    assert f"{before:.2f} → {0 if tau == 1 else before:.2f}" in said


def test_the_table_shows_the_target_of_the_fallen_puck():
    said = lab.update_stepper.alt_text(step=7, gamma=0.5)
    assert "Row 3: −1.00 + 0.5 · 0 ·" in said and said.endswith("= −1.00.")


@pytest.mark.covers("FIG-12", "FIG-13", "CL-38")
@pytest.mark.parametrize(("setting", "verdict"), [
    ({"step_size": 1.2, "gain": 0.95, "angle": 180}, "it runs away"),
    ({"target": "hard copy", "step_size": 1.2, "gain": 0.95, "angle": 180}, "it settles"),
    ({"step_size": 0.3, "gain": 1.5, "angle": 90}, "it settles"),
    ({"target": "hard copy", "step_size": 0.3, "gain": 1.5, "angle": 90}, "it runs away"),
    ({"target": "Polyak", "step_size": 0.3, "gain": 1.5, "angle": 90}, "it settles"),
    ({"target": "Polyak", "tau": 0.005, "step_size": 0.1, "gain": 1.8, "angle": 0}, "it runs away"),
    ({"gain": 1.0, "angle": 0}, "on the edge"),
])  # fmt: skip
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
    assert "smaller" not in lab.overestimation_lab.alt_text() and "smaller" not in lab.smooth_error_lab.alt_text()


@pytest.mark.covers("EQX-17", "CL-45")
def test_the_overestimation_lab_shows_the_formula():
    said = lab.overestimation_lab.alt_text(actions=10, error=0.1, gamma=0.99)
    assert "bias +0.082 a backup and +8.100 in the long run" in said
    assert "−0.0015" in lab.overestimation_lab.alt_text(rule="smaller of two")
    assert "bias 0 a backup" in lab.overestimation_lab.alt_text(rule="one finds, one scores")


@pytest.mark.covers("CL-45")
def test_the_smooth_errors_lab_shows_the_claim():
    found = numbers.maxima_of_errors()
    for name, rule in lab.RULES.items():
        value = f"{abs(found['smooth_' + rule.replace(' ', '_')]):.3f}"
        if rule != "double":
            assert value in lab.smooth_error_lab.alt_text(error=0.3, rule=name)


@pytest.mark.covers("ERR-47")
@pytest.mark.parametrize("name", ["A", "B"])
def test_the_wrong_diagrams_have_their_words_in_place(name, collisions):
    figure = figures.wrong_diagram(name)
    assert list(collisions(figure)) == []
    assert f"Diagram {name} of DDPG" in figure.get_label()
