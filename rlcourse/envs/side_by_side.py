"""The environments of several seeds, side by side: what one seed's do depends on that seed alone.

Seed s has N environments, number s N to (s + 1) N - 1. They begin, go on and restart as the environments that
`make_envs` makes for that seed alone.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.pendulum import DEFAULT_X, DEFAULT_Y, angle_normalize
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from rlcourse.checks import check_positive_integer, require
from rlcourse.envs.vector import EnvMaker, SameStepCartPole, find_spec, is_plain, make_envs

Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]


class SideBySide(gym.vector.VectorEnv):
    """One vector environment made of several of equal size, one per seed, stepped one after another.

    Args:
        blocks: vector environments that restart in the same step, at least one, with the same spaces.
    """

    def __init__(self, blocks: Sequence[gym.vector.VectorEnv]):
        first = blocks[0]
        self.blocks, self.num_envs = blocks, len(blocks) * first.num_envs
        self.envs = [env for block in blocks for env in getattr(block, "envs", [block])]
        self.single_observation_space = first.single_observation_space
        self.single_action_space = first.single_action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.metadata, self.spec, self.render_mode = first.metadata, first.spec, first.render_mode

    def reset(self, *, seed: Sequence[int] | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        seeds = [None] * len(self.blocks) if seed is None else seed
        firsts = [block.reset(seed=one, options=options)[0] for block, one in zip(self.blocks, seeds, strict=True)]
        return np.concatenate(firsts), {}

    def restart(self, number: int) -> np.ndarray:
        """Begin new episodes in all environments of one seed; their first observations."""
        return self.blocks[number].reset()[0]

    def step(self, actions: np.ndarray) -> Step:
        apart = np.split(actions, len(self.blocks))
        steps = [block.step(own) for block, own in zip(self.blocks, apart, strict=True)]
        *columns, infos = zip(*steps, strict=True)
        obs, rewards, terminated, truncated = map(np.concatenate, columns)
        info: dict[str, Any] = {}
        if any("final_obs" in own for own in infos):
            info["final_obs"] = np.concatenate([own.get("final_obs", seen) for own, seen in zip(infos, columns[0])])
        return obs, rewards, terminated, truncated, info

    def close_extras(self, **kwargs: Any) -> None:
        for block in self.blocks:
            block.close()


class CartPoles(SameStepCartPole):
    """The same for CartPole: one physics for the environments of all seeds, restarts from each seed's own generator.

    Args:
        num_envs: of all seeds together.
        num_seeds: how many seeds.
        max_episode_steps: truncate after this many steps.
    """

    def __init__(self, num_envs: int, num_seeds: int, max_episode_steps: int):
        super().__init__(num_envs, max_episode_steps=max_episode_steps)
        self.generators = [np.random.default_rng() for _ in range(num_seeds)]

    def reset(self, *, seed: Sequence[int] | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset()
        if seed is not None:
            self.generators = [seeding.np_random(one)[0] for one in seed]
        self.state = self.first_states(np.ones(self.num_envs, dtype=bool))
        return self.state.T.astype(np.float32), {}

    def restart(self, number: int) -> np.ndarray:
        """Begin new episodes in all environments of one seed; their first observations."""
        own = np.arange(self.num_envs) // (self.num_envs // len(self.generators)) == number
        self.state[:, own] = self.first_states(own)
        self.steps[own] = 0
        return self.state.T[own].astype(np.float32)

    def first_states(self, ended: np.ndarray) -> np.ndarray:
        counts = np.count_nonzero(ended.reshape(len(self.generators), -1), axis=1)
        draws = [self.generators[i].uniform(self.low, self.high, (4, counts[i])) for i in np.flatnonzero(counts)]
        return np.concatenate(draws, axis=1)


class Pendulums(gym.vector.VectorEnv):
    """The same for Pendulum: Gymnasium's physics in one NumPy expression for all; each has a generator of its own.

    Args:
        spec: what Gymnasium knows about Pendulum.
        num_envs: of all seeds together.
        num_seeds: how many seeds.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

    def __init__(self, spec: EnvSpec, num_envs: int, num_seeds: int):
        self.one = gym.make(spec).unwrapped  # its constants
        self.spec, self.num_envs, self.num_seeds = spec, num_envs, num_seeds
        self.single_observation_space, self.single_action_space = self.one.observation_space, self.one.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.generators = [np.random.default_rng() for _ in range(num_envs)]
        self.state, self.ages = np.zeros((2, num_envs)), np.zeros(num_envs, dtype=int)

    def reset(self, *, seed: Sequence[int] | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        if seed is not None:
            each = self.num_envs // self.num_seeds
            self.generators = [seeding.np_random(one + i)[0] for one in seed for i in range(each)]
        self._begin(np.arange(self.num_envs))
        return self._observe(), {}

    def restart(self, number: int) -> np.ndarray:
        """Begin new episodes in all environments of one seed; their first observations."""
        own = np.split(np.arange(self.num_envs), self.num_seeds)[number]
        self._begin(own)
        return self._observe()[own]

    def step(self, actions: np.ndarray) -> Step:
        one, (angle, speed) = self.one, self.state
        torque = np.clip(actions[:, 0], -one.max_torque, one.max_torque)
        costs = angle_normalize(angle) ** 2 + 0.1 * speed**2 + 0.001 * torque**2
        acceleration = 3 * one.g / (2 * one.l) * np.sin(angle) + 3.0 / (one.m * one.l**2) * torque
        speed = np.clip(speed + acceleration * one.dt, -one.max_speed, one.max_speed)
        self.state = np.stack([angle + speed * one.dt, speed])

        self.ages += 1
        truncated, obs = self.ages >= self.spec.max_episode_steps, self._observe()
        info = {}
        if truncated.any():
            info["final_obs"] = obs
            self._begin(np.flatnonzero(truncated))
            obs = self._observe()
        return obs, -costs, np.zeros(self.num_envs, dtype=bool), truncated, info

    def _begin(self, where: np.ndarray) -> None:
        edges = np.array([DEFAULT_X, DEFAULT_Y])
        for i in where:
            self.state[:, i] = self.generators[i].uniform(-edges, edges)
        self.ages[where] = 0

    def _observe(self) -> np.ndarray:
        angle, speed = self.state
        return np.stack([np.cos(angle), np.sin(angle), speed], axis=-1).astype(np.float32)


def make_side_by_side(env_id: EnvMaker, num_envs: int, num_seeds: int) -> gym.vector.VectorEnv:
    """The environments of several seeds, num_envs for each, as one vector environment.

    Its `reset` takes a sequence of seeds, and its `restart(number)` begins new episodes for one of them. Vectorised
    physics for CartPole and Pendulum; all others are what `make_envs` makes, stepped seed after seed.

    Args:
        env_id: as for `make_env`.
        num_envs: how many environments of each seed.
        num_seeds: how many seeds.

    Raises:
        ValueError: as `make_envs`.
    """
    num_envs = check_positive_integer("num_envs", num_envs)
    if not callable(env_id):
        spec = find_spec(env_id)
        if is_plain(spec, "gymnasium.envs.classic_control.cartpole:CartPoleEnv"):
            cartpoles = CartPoles(num_seeds * num_envs, num_seeds, spec.max_episode_steps)
            cartpoles.spec = spec
            return cartpoles
        if is_plain(spec, "gymnasium.envs.classic_control.pendulum:PendulumEnv"):
            return Pendulums(spec, num_seeds * num_envs, num_seeds)
    blocks = []
    try:
        for _ in range(num_seeds):
            blocks.append(make_envs(env_id, num_envs))
        made = [env.unwrapped for block in blocks for env in getattr(block, "envs", [block])]
        different = len({id(env) for env in made}) == len(made)
        require(different, "env_id must make a new environment at every call, got the same one twice")
        return SideBySide(blocks)
    except BaseException:
        for block in blocks:
            block.close()
        raise
