"""panel.compare: several agents in turns, each exactly as if it were trained alone."""

import numpy as np
import pytest

import rlcourse as rl
from rlcourse import panel
from rlcourse.plots.training import learning_curves

CONFIGS = {"one": rl.PPO.Config(steps=16, epochs=1, hidden=(8,)), "two": rl.PPO.Config(steps=16, epochs=2, hidden=(8,))}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(panel, "display", lambda *args, **kwargs: None)


def test_comparing_gives_the_histories_of_training_alone():
    together = panel.compare(rl.PPO, "CartPole-v1", CONFIGS, total_steps=1_000, seed=3)
    assert list(together.keys()) == ["one", "two"]
    for label, config in CONFIGS.items():
        alone = rl.train(rl.PPO, "CartPole-v1", total_steps=1_000, seed=3, config=config, progress=False)
        np.testing.assert_array_equal(together[label].steps, alone.steps)
        np.testing.assert_array_equal(together[label].returns, alone.returns)


def test_stop_keeps_what_was_learned(monkeypatch):
    monkeypatch.setattr(panel.Panel, "due", lambda self: True)
    monkeypatch.setattr(panel.Panel, "redraw", lambda self, histories: setattr(self, "stopped", True) or "")
    together = panel.compare(rl.PPO, "CartPole-v1", CONFIGS, total_steps=1_000_000)
    assert sum(history.total_steps for history in together.values()) == 16 * 16


def test_labels_of_equal_curves_do_not_collide():
    steps = np.arange(100, 2_100, 100)
    curves = {f"agent {i}": (steps, np.full(20, 500.0)) for i in range(4)}
    figure = learning_curves(curves, 2_000, title="Four alike", solved=475)
    axes = figure.axes[0]
    heights = sorted(text.get_position()[1] for text in axes.texts if text.get_text().startswith("agent"))
    assert len(heights) == 4 and heights[-1] <= 1
    assert min(np.diff(heights)) > 0.08
    assert "agent 3 500" in figure.get_label()
