"""The unit in which an action is written must not matter to an agent: one task, told in six boxes."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl

BOXES = [(-0.1, 0.1), (-0.001, 0.001), (-1000.0, 1000.0), (10.0, 20.0), (100.0, 102.0)]
AGENTS = {
    rl.Reinforce: {},
    rl.BatchActorCritic: {},
    rl.OnlineActorCritic: {},
    rl.ParallelActorCritic: {},
    rl.PPO: {"epochs": 1},
    rl.DDPG: {"warmup": 64, "batch_size": 32},
    rl.TD3: {"warmup": 64, "batch_size": 32, "policy_delay": 1},
    rl.SAC: {"warmup": 64, "batch_size": 32},
    rl.ValueSAC: {"warmup": 64, "batch_size": 32, "learn_alpha": True},
}


class Aim(gym.Env):
    """Hit 0.8 · obs, in half-widths from the centre of the box; 20 shots per episode, one point for each at best."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, low=-1.0, high=1.0):
        self.center, self.half_width = (low + high) / 2, (high - low) / 2
        self.action_space = gym.spaces.Box(low, high, (1,), np.float32)

    def target(self):
        self.x = self.np_random.uniform(-1, 1)
        return np.array([self.x], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        return self.target(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        miss = (float(action[0]) - self.center) / self.half_width - 0.8 * self.x
        self.age += 1
        return self.target(), 1 - 4 * miss**2, False, self.age == 20, {}


@pytest.fixture(scope="module", autouse=True)
def registered():
    names = {box: f"test/Aim{number}-v0" for number, box in enumerate([(-1.0, 1.0), *BOXES])}
    for (low, high), name in names.items():
        gym.register(name, entry_point=Aim, kwargs={"low": low, "high": high})
    yield names
    for name in names.values():
        gym.registry.pop(name)


def first_updates(algorithm, name, updates=2):
    """The agent and its metrics after its first two updates."""
    config = algorithm.Config(hidden=(16,), **AGENTS[algorithm])
    run = rl.run(algorithm, name, total_steps=10_000, seed=3, config=config)
    for _ in range(updates + 1):
        history = next(run)
    run.close()
    return history.agent, history.metrics


@pytest.mark.parametrize("box", BOXES, ids=str)
@pytest.mark.parametrize("algorithm", AGENTS, ids=lambda algorithm: algorithm.__name__)
def test_the_first_updates_are_the_same_in_every_box(algorithm, box, registered):
    (expected, usual), (agent, metrics) = (first_updates(algorithm, registered[b]) for b in ((-1.0, 1.0), box))
    rounding = 2e-7 * max(map(abs, box)) / (box[1] - box[0])  # of an action, in half-widths, in single precision
    for part in ("actor", "critic", "value"):
        weights = getattr(expected, part).named_parameters() if hasattr(expected, part) else ()
        for name, theirs in weights:
            mine = getattr(agent, part).get_parameter(name)
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 + 20 * rounding, msg=f"{part}.{name}")

    unit = np.log((box[1] - box[0]) / 2)
    shifts = {"entropy": unit}  # in another unit an entropy is another number; a loss is not
    for name, values in usual.items():
        np.testing.assert_allclose(metrics[name], values + shifts.get(name, 0.0), rtol=1e-3, atol=1e-3, err_msg=name)
