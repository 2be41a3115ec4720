"""The functions of the exercises, put into rl.SAC as the notebook shows it: the update is that of rl.SAC."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.algorithms.agent import gradient_step
from rlcourse.course import order
from rlcourse.distributions import TanhGaussian
from rlcourse.lessons import sac as lesson

NOTEBOOK = Path(__file__).parents[4] / "notebooks" / order.notebook("sac")


@pytest.fixture(scope="module")
def own():
    """MySAC, made of the notebook's solutions."""
    names = {"rl": rl, "torch": torch, "lesson": lesson, "gradient_step": gradient_step}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if "solution" in cell["metadata"].get("tags", []) or source.startswith("class MySAC"):
            exec(source, names)
    return names["MySAC"]


def batch(rows=8):
    draw = torch.Generator().manual_seed(1)
    obs, next_obs = torch.randn(2, rows, 3, generator=draw)
    actions, rewards = torch.rand(rows, 1, generator=draw) * 2 - 1, torch.randn(rows, generator=draw)
    ends = torch.arange(rows) % 3 == 0
    return rl.Transitions(obs, actions, rewards, next_obs, terminated=ends, truncated=torch.zeros_like(ends))


@pytest.mark.covers("AL-18")
def test_my_update_is_that_of_the_course(own, monkeypatch):
    """In a box of half-width 1, with noise that is always the same."""
    noiseless = TanhGaussian.rsample_with_log_prob

    def half(self, sample_shape=(), *, noise=None):
        return noiseless(self, noise=torch.full_like(self.mean, 0.5))

    monkeypatch.setattr(TanhGaussian, "rsample_with_log_prob", half)
    spaces = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Box(-1.0, 1.0, (1,))
    mine, theirs = (algorithm(*spaces, seed=3) for algorithm in (own, rl.SAC))
    for _ in range(2):
        mine.update(batch()), theirs.update(batch())
    for name in ("actor", "critic", "target_critic"):
        ours, wanted = (getattr(agent, name).parameters() for agent in (mine, theirs))
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(ours, wanted, strict=True)), name
    # The temperature sees the policy after its step here, before it there.
    assert np.isclose(mine.alpha, theirs.alpha, atol=1e-2)


def test_it_learns_side_by_side(own):
    histories = rl.train_many(own, "Pendulum-v1", seeds=2, total_steps=520, progress=False)
    assert [history.total_steps for history in histories] == [520, 520]
