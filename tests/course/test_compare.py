"""The live panels of many seeds: they train as `rl.train_many` does, and say what they show."""

import numpy as np
import pytest

import rlcourse as rl
from rlcourse.course.figures.curves import population, populations, summary
from rlcourse.course.widgets import training_panel as panel

SMALL = rl.PPO.Config(steps=16, epochs=1, hidden=(8,))


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(panel, "display", lambda *args, **kwargs: None)


def test_watching_many_seeds_gives_the_histories_of_training_them():
    watched = panel.watch_many(rl.PPO, "CartPole-v1", total_steps=1_000, seeds=3, config=SMALL)
    trained = rl.train_many(rl.PPO, "CartPole-v1", total_steps=1_000, seeds=3, config=SMALL, progress=False)
    for one, other in zip(watched, trained, strict=True):
        assert one.seed == other.seed
        np.testing.assert_array_equal(one.steps, other.steps)
        np.testing.assert_array_equal(one.returns, other.returns)


def test_one_seed_has_no_interval_to_watch():
    with pytest.raises(
        ValueError, match="^seeds must be at least two to be drawn with an interval; rl.train trains one"
    ):
        panel.watch_many(rl.PPO, "CartPole-v1", total_steps=1_000, seeds=1, config=SMALL)


def test_stop_keeps_what_all_seeds_have_learned(monkeypatch):
    monkeypatch.setattr(panel.Panel, "due", lambda self: True)
    monkeypatch.setattr(panel.Panel, "redraw", lambda self, histories: setattr(self, "stopped", True) or "")
    histories = panel.watch_many(rl.PPO, "CartPole-v1", total_steps=1_000_000, seeds=3, config=SMALL)
    assert [history.total_steps for history in histories] == [16 * 16] * 3
    assert rl.evaluate(histories[2].agent, "CartPole-v1", episodes=2).shape == (2,)


def test_a_seed_that_is_chosen_is_drawn_in_front():
    shown = panel.Population("PPO on CartPole-v1", 1_000, 475)
    histories = rl.train_many(rl.PPO, "CartPole-v1", total_steps=1_000, seeds=[4, 9], config=SMALL, progress=False)
    shown.redraw(histories)
    before = shown.image.value
    assert shown.menu.options == ("every seed", "seed 4", "seed 9")
    shown.menu.value = "seed 9"
    assert shown.image.value != before and "seed 9 at" in shown.box.still["text/plain"]
    shown.menu.value = "every seed"
    assert shown.image.value == before


def test_several_algorithms_are_compared_on_the_same_seeds():
    entries = {"PPO": (rl.PPO, SMALL), "REINFORCE": rl.Reinforce}
    groups = panel.compare_many(entries, "CartPole-v1", total_steps=600, seeds=2)
    assert list(groups) == list(entries)
    assert all([history.seed for history in histories] == [0, 1] for histories in groups.values())
    figure = populations(groups, 600, title="Two of them")
    assert "PPO" in figure.get_label() and "REINFORCE" in figure.get_label()


def test_runs_that_are_done_are_drawn_from_the_start_and_cost_no_progress(monkeypatch):
    shown = []
    redraw = panel.Panel.redraw
    monkeypatch.setattr(panel.Panel, "due", lambda self: True)
    monkeypatch.setattr(panel.Panel, "redraw", lambda self, groups: shown.append((redraw(self, groups), self)) or "")
    done = rl.train_many(rl.PPO, "CartPole-v1", total_steps=900, seeds=2, config=SMALL, progress=False)
    groups = panel.compare_many({"new": (rl.PPO, SMALL), "old": done}, "CartPole-v1", total_steps=600, seeds=2)
    assert list(groups) == ["new", "old"] and groups["old"] is done
    first, last = shown[0][0], shown[-1][0]
    assert "old" in first and "new" not in first and "new" in last
    bar = shown[-1][1].bar
    assert bar.value == bar.max == 600


def test_labels_of_equal_curves_do_not_collide():
    histories = rl.train_many(rl.PPO, "CartPole-v1", total_steps=600, seeds=2, config=SMALL, progress=False)
    axes = populations({f"agent {i}": histories for i in range(4)}, 600, title="Four alike", solved=475).axes[0]
    heights = sorted(text.get_position()[1] for text in axes.texts if text.get_text().startswith("agent"))
    assert len(heights) == 4 and heights[-1] <= 1
    assert min(np.diff(heights)) > 0.08


def test_the_words_of_a_population_are_the_numbers_of_its_interval():
    histories = rl.train_many(rl.PPO, "CartPole-v1", total_steps=2_000, seeds=4, config=SMALL, progress=False)
    at, curves, middle = summary(histories, 2_000)
    center, low, high = (f"{x[-1]:.0f}" for x in middle)
    assert f"stand at {center} ({low} to {high})" in population(histories, 2_000, title="PPO").get_label()
    assert curves.shape == (4, len(at)) and (middle.low <= middle.high)[~np.isnan(middle.low)].all()
