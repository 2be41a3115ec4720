"""The diagram of one update shows the update, and the two wrong ones their words."""

import pytest

from rlcourse.course import puck as numbers
from rlcourse.lessons.ddpg import diagrams as figures
from rlcourse.lessons.ddpg import explorers as lab


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
def test_the_last_step_shows_the_distance_to_the_target_networks(tau):
    said = lab.update_stepper.alt_text(step=12, tau=tau)
    before = numbers.one_update(0.9, tau).gaps["critic"][0]
    assert f"{before:.2f} → {0 if tau == 1 else before:.2f}" in said


def test_the_table_shows_the_target_of_the_fallen_puck():
    said = lab.update_stepper.alt_text(step=7, gamma=0.5)
    assert "Row 3: −1.00 + 0.5 · 0 ·" in said and said.endswith("= −1.00.")


@pytest.mark.covers("ERR-47")
@pytest.mark.parametrize("name", ["A", "B"])
def test_the_wrong_diagrams_have_their_words_in_place(name, collisions):
    figure = figures.wrong_diagram(name)
    assert list(collisions(figure)) == []
    assert f"Diagram {name} of DDPG" in figure.get_label()
