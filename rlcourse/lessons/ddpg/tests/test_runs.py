"""The stored runs: DDPG solves Pendulum, and a saturated action is no bug there."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlcourse.algorithms.ddpg import DDPG
from rlcourse.course import claims
from rlcourse.lessons.ddpg import runs
from rlcourse.transitions import Transitions


def stored_rows(rows=400):
    obs = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (rows, 3)).astype(np.float32))
    ends = torch.zeros(rows, dtype=torch.bool)
    return Transitions(obs, torch.zeros(rows, 1), torch.zeros(rows), obs, ends, ends)


def test_the_share_of_saturated_actions_is_that_of_the_actions_at_the_limits():
    agent = DDPG(gym.spaces.Box(-1, 1, (3,)), gym.spaces.Box(-2, 2, (1,)), seed=3)
    agent.buffer.add(stored_rows())
    for factor, least, most in ((1, 0.0, 0.0), (1e7, 0.95, 1.0), (0, 0.0, 0.0)):
        with torch.no_grad():
            agent.actor.net.weights[-1].mul_(factor)
        assert least <= runs.saturated(agent, rows=300) <= most, factor


def test_ddpg_solves_pendulum_though_many_of_its_actions_are_saturated():
    found = claims.results()["ACTOR-CRITIC-DDPG"]
    assert found["solved"] >= 12 and found["mean_low"] < found["mean"] < found["mean_high"]
    assert 0.2 < found["saturated_solved"] < 0.9 and 0.2 < found["saturated"] < 0.9


def test_the_noises_differ_in_one_thing():
    usual = DDPG.Config()
    for name, allowed in (("gaussian", set()), ("ou", {"noise"}), ("none", {"noise_std"})):
        assert {key for key, value in vars(runs.NOISES[name]).items() if value != getattr(usual, key)} == allowed, name


def test_a_population_has_a_score_per_seed():
    agents, scores = runs.trained(DDPG.Config(warmup=50, batch_size=8, hidden=(8,)), seeds=2, steps=210)
    assert [agent.seed for agent in agents] == [0, 1] and len(scores) == 2


@pytest.mark.covers("CL-43")
def test_no_noise_is_seen_to_be_better_than_another_on_pendulum():
    found = claims.results()["CL-43"]
    assert all(found[f"solved_{name}"] >= 14 for name in runs.NOISES)
    assert max(found[f"{name}_low"] for name in runs.NOISES) < min(found[f"{name}_high"] for name in runs.NOISES)
