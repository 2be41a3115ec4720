"""Environments that count their own steps, and an agent that takes what comes: for tests of the rollout."""

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv


class Counter(gym.Env):
    """Observes its own step count; terminates after `length` steps, or is truncated there."""

    observation_space = gym.spaces.Box(0, 1000, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length, truncate):
        self.length, self.truncate = length, truncate

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.count += 1
        end = self.count == self.length
        obs = np.array([self.count], np.float32)
        return obs, float(self.count), end and not self.truncate, end and self.truncate, {}


class Noted:
    """An agent that alternates, and remembers what it was shown."""

    def act(self, obs):
        return np.arange(len(obs)) % 2


LENGTHS = (2, 3, 5)


def counters(mode):
    makers = [lambda n=n, i=i: Counter(n, truncate=i % 2 == 1) for i, n in enumerate(LENGTHS)]
    return SyncVectorEnv(makers, autoreset_mode=mode)
