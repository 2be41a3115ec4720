"""Finite MDPs as Gymnasium environments, one at a time or many at once, from the very table the oracle reads."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from rlcourse.checks import require
from rlcourse.exact import FiniteMDP


def _cumulative(mdp: FiniteMDP) -> np.ndarray:
    """Cumulative P(s'|s, a), the end of the episode being the last outcome, number S."""
    cumulative = np.cumsum(mdp.transitions.numpy(), axis=-1)
    return np.concatenate([cumulative, np.ones_like(cumulative[..., :1])], axis=-1)


class TabularVectorEnv(gym.vector.VectorEnv):
    """num_envs copies of a FiniteMDP, stepped together; one that ends restarts in the same step.

    Args:
        mdp: a FiniteMDP.
        start: number of the first state.
        reward_noise: standard deviation of the Gaussian noise on each reward.
        num_envs: how many copies.
        max_episode_steps: truncate after this many steps; None for never.
        horizon: terminate after this many steps (a finite-horizon task, time not part of the state); None for never.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

    def __init__(
        self,
        mdp: FiniteMDP,
        *,
        start: int = 0,
        reward_noise: float = 0.0,
        num_envs: int = 1,
        max_episode_steps: int | None = None,
        horizon: int | None = None,
    ):
        require(0 <= start < mdp.num_states, f"start must be a state 0..{mdp.num_states - 1}, got {start}")
        require(reward_noise >= 0, f"reward_noise must be a standard deviation >= 0, got {reward_noise}")
        self.mdp, self.start, self.reward_noise, self.num_envs = mdp, start, reward_noise, num_envs
        self.max_episode_steps, self.horizon = max_episode_steps, horizon
        self.single_observation_space = gym.spaces.Discrete(mdp.num_states)
        self.single_action_space = gym.spaces.Discrete(mdp.num_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._cumulative = _cumulative(mdp)
        self._rewards = mdp.rewards.numpy()

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.states = np.full(self.num_envs, self.start)
        self.ages = np.zeros(self.num_envs, dtype=int)
        return self.states.copy(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
        rng, states = self.np_random, self.states
        if actions.min() < 0:  # would count from the last one
            raise ValueError(f"action must be in {self.single_action_space}, got {actions}")
        rewards = self._rewards[states, actions]
        if self.reward_noise:
            rewards = rewards + self.reward_noise * rng.standard_normal(self.num_envs)
        outcome = rng.random(self.num_envs)[:, None]
        next_states = (outcome >= self._cumulative[states, actions]).sum(-1)

        self.ages += 1
        terminated = next_states == self.mdp.num_states
        next_states[terminated] = states[terminated]  # a terminal state has no number: nothing reads it
        if self.horizon is not None:
            terminated |= self.ages >= self.horizon
        truncated = np.zeros(self.num_envs, dtype=bool)
        if self.max_episode_steps is not None:
            truncated = ~terminated & (self.ages >= self.max_episode_steps)

        ended = terminated | truncated
        info = {"final_obs": next_states.copy()} if ended.any() else {}
        self.states = np.where(ended, self.start, next_states)
        self.ages[ended] = 0
        return self.states.copy(), rewards.astype(np.float32), terminated, truncated, info


class TabularEnv(gym.Env):
    """One copy of a FiniteMDP: TabularVectorEnv with a single environment, seen as an ordinary environment."""

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, mdp: FiniteMDP, **options: Any):
        self._one = TabularVectorEnv(mdp, num_envs=1, **options)
        self.mdp = mdp
        self.observation_space = self._one.single_observation_space
        self.action_space = self._one.single_action_space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[int, dict]:
        super().reset(seed=seed)
        states, info = self._one.reset(seed=seed)
        return int(states[0]), info

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        require(self.action_space.contains(action), f"action must be in {self.action_space}, got {action!r}")
        states, rewards, terminated, truncated, info = self._one.step(np.array([action]))
        last = info.get("final_obs", states)
        return int(last[0]), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), {}
