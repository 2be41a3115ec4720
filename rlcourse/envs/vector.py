"""Many environments at once, every one of them restarting in the step in which it ends."""

import functools
import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium.envs import registration
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from rlcourse.checks import check_positive_integer, require
from rlcourse.exact import FiniteMDP

EnvMaker: TypeAlias = str | EnvSpec | Callable[..., gym.Env]  # what makes an environment: its name, or a function


class SameStepCartPole(CartPoleVectorEnv):
    """Gymnasium's vectorised CartPole, with the restart moved from the step after the end into the end itself.

    The physics is untouched. Gymnasium's own class restarts one step late and fills the gap with a row whose
    action is ignored; this one hands out the true last observation in `final_obs` instead.
    """

    metadata = {**CartPoleVectorEnv.metadata, "autoreset_mode": AutoresetMode.SAME_STEP}

    prev_done: np.ndarray

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
        obs, rewards, terminated, truncated, info = super().step(action)
        ended = self.prev_done
        if ended.any():
            info["final_obs"] = obs.copy()
            self.state[:, ended] = self.first_states(ended)
            self.steps[ended] = 0
            self.prev_done = np.zeros_like(ended)
            obs[ended] = self.state.T[ended]
        return obs, rewards, terminated, truncated, info

    def first_states(self, ended: np.ndarray) -> np.ndarray:
        """Where the next episodes of some environments begin, one state per column."""
        return self.np_random.uniform(self.low, self.high, size=(4, ended.sum()))


class SameStepEnvs(gym.vector.VectorEnv):
    """Environments stepped one after another, each restarting as SyncVectorEnv does in SAME_STEP mode, at less cost.

    Every observation is copied before the environment is called again, because an environment may hand out the
    same array again and again. Rewards and end flags may be of any type that stands for a number or a truth value.

    Args:
        envs: Gymnasium environments, at least one, all with the same spaces.

    Raises:
        ValueError: if the spaces differ, or one environment is there twice.
    """

    def __init__(self, envs: Sequence[gym.Env]):
        first = envs[0]
        require(
            len({id(env.unwrapped) for env in envs}) == len(envs),
            "env_id must make a new environment at every call, got the same one twice",
        )
        for name in ("observation_space", "action_space"):
            for env in envs:
                expected, got = getattr(first, name), getattr(env, name)
                require(got == expected, f"env_id must make environments of one {name}, got {expected} and {got}")
        self.envs, self.num_envs = envs, len(envs)
        self.single_observation_space, self.single_action_space = first.observation_space, first.action_space
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, self.num_envs)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, self.num_envs)
        self.metadata = {**first.metadata, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.spec, self.render_mode = first.spec, first.render_mode

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        batch = self._batch()
        for i, env in enumerate(self.envs):
            self._write(batch, i, env.reset(seed=None if seed is None else seed + i, options=options)[0])
        return batch, {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
        batch, rewards = self._batch(), np.empty(self.num_envs)
        terminated, truncated = np.empty(self.num_envs, dtype=bool), np.empty(self.num_envs, dtype=bool)
        info: dict[str, np.ndarray] = {}
        for i, env in enumerate(self.envs):
            obs, reward, terminated[i], truncated[i], _ = env.step(actions[i])
            rewards[i] = _one_number(reward)
            self._write(batch, i, obs)
            if terminated[i] or truncated[i]:
                if not info:
                    info["final_obs"] = self._batch()
                info["final_obs"][i] = batch[i]
                self._write(batch, i, env.reset()[0])
        return batch, rewards, terminated, truncated, info

    def _batch(self) -> np.ndarray:
        """Room for one observation of every environment."""
        space = self.single_observation_space
        return np.zeros((self.num_envs, *space.shape), dtype=space.dtype)

    def _write(self, batch: np.ndarray, i: int, obs: Any) -> None:
        shape = np.shape(obs)
        if shape != batch.shape[1:]:  # a shorter one would be repeated until it fits
            raise ValueError(f"observation must have the shape of its space, {batch.shape[1:]}, got {shape}")
        batch[i] = obs

    def render(self) -> tuple:
        return tuple(env.render() for env in self.envs)

    def close_extras(self, **kwargs: Any) -> None:
        for env in self.envs:
            env.close()


def _one_number(reward: Any) -> float:
    """A reward, be it a number or an array of one."""
    require(np.size(reward) == 1, f"reward must be one number per step, got {reward!r}")
    return np.asarray(reward).item()


class OwnArray(gym.ObservationWrapper):
    """Hands out a copy of every observation, so that the environment may write into its own."""

    def observation(self, obs: Any) -> np.ndarray:
        return np.array(obs)


def find_spec(env_id: str | EnvSpec) -> EnvSpec:
    """What Gymnasium knows about a name: "CartPole-v1", "CartPole" for its newest version, "package:Name-v0" for a
    name that is registered when its package is imported.

    Raises:
        ValueError: if there is no such environment.
    """
    if isinstance(env_id, EnvSpec):
        return env_id
    require(
        isinstance(env_id, str),
        f"env_id must be the name of a Gymnasium environment or a function that makes one, got {env_id!r}",
    )
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        namespace, base, version = registration.parse_env_id(name)
        if version is None:
            newest = registration.find_highest_version(namespace, base)
            name = registration.get_env_id(namespace, base, newest)
        return gym.spec(name)
    except (gym.error.Error, ImportError) as error:
        raise ValueError(f"env_id must name a registered Gymnasium environment, got {env_id!r}: {error}") from None


def lasting_name(env_id: EnvMaker) -> str | None:
    """The name that will make the same environment tomorrow, with its version; None where there is no such name."""
    if callable(env_id):
        return None
    spec = find_spec(env_id)
    if isinstance(env_id, EnvSpec):
        return spec.id if gym.registry.get(spec.id) == spec else None
    module, colon, _ = env_id.rpartition(":")
    return module + colon + spec.id


def label(env_id: EnvMaker) -> str:
    """What to call an environment in a sentence: its name, or that of the function that makes it."""
    if callable(env_id):
        return getattr(env_id, "__name__", type(env_id).__name__)
    return env_id.id if isinstance(env_id, EnvSpec) else env_id


def make_env(env_id: EnvMaker, **options: Any) -> gym.Env:
    """One Gymnasium environment.

    Args:
        env_id: a name, as `find_spec` reads it, an EnvSpec, or a function that makes a new environment at every call
            (a class, too).
        options: passed on to whatever makes it.

    Raises:
        ValueError: if env_id is something else.
    """
    if not callable(env_id):
        return gym.make(find_spec(env_id), **options)
    try:
        inspect.signature(env_id).bind(**options)
    except TypeError as why:
        given = f"called with {', '.join(options)}" if options else "called without arguments"
        raise ValueError(f"env_id must be a function that can be {given}, got {env_id!r}: {why}") from None
    env = env_id(**options)
    require(isinstance(env, gym.Env), f"env_id must make a Gymnasium environment, {env_id!r} made {type(env).__name__}")
    return env


def accepts(env_id: EnvMaker, option: str) -> bool:
    """Whether `make_env` can pass an option on; of names, Gymnasium decides that later."""
    if not callable(env_id):
        return True
    parameters = inspect.signature(env_id).parameters
    return option in parameters or any(p.kind == p.VAR_KEYWORD for p in parameters.values())


def make_envs(env_id: EnvMaker, num_envs: int, **options: Any) -> gym.vector.VectorEnv:
    """A Gymnasium vector environment that restarts an ended environment within the same step.

    Vectorised physics where there is any (CartPole, the course's tables), otherwise SameStepEnvs. Its attribute
    `env_id` makes more of the kind, in another process, too, where the names of this one may be unknown.

    Args:
        env_id, options: as for `make_env`.
        num_envs: how many environments.

    Raises:
        ValueError: if env_id is not as described, or num_envs is not a whole number >= 1.
    """
    num_envs = check_positive_integer("num_envs", num_envs)
    spec = None if callable(env_id) else find_spec(env_id)
    maker = env_id if spec is None else spec
    envs = _make_envs(maker, spec, num_envs, options)
    envs.env_id = functools.partial(make_env, maker, **options) if options else maker
    return envs


def is_plain(spec: EnvSpec, entry_point: str) -> bool:
    """Whether a name stands for an environment of Gymnasium's just as it is: no wrappers, no options, a time limit."""
    unchanged = not spec.additional_wrappers and not spec.kwargs and spec.max_episode_steps is not None
    return unchanged and spec.entry_point == entry_point


def _make_envs(maker: EnvMaker, spec: EnvSpec | None, num_envs: int, options: dict[str, Any]) -> gym.vector.VectorEnv:
    if spec is not None and not spec.additional_wrappers:
        if not options and is_plain(spec, "gymnasium.envs.classic_control.cartpole:CartPoleEnv"):
            cartpoles = SameStepCartPole(num_envs, max_episode_steps=spec.max_episode_steps)
            cartpoles.spec = spec
            return cartpoles
        tabular = spec.id.startswith("rlcourse/") or spec.entry_point is None
        if tabular and spec.vector_entry_point is not None:
            return gym.make_vec(spec, num_envs, vectorization_mode="vector_entry_point", **options)
    envs = []
    try:
        for _ in range(num_envs):
            envs.append(make_env(maker, **options))
        return SameStepEnvs(envs)
    except BaseException:
        for env in envs:
            env.close()
        raise


def time_limit(envs: gym.Env | gym.vector.VectorEnv) -> int | None:
    """Steps after which an environment, or each of several, ends by itself, as far as one can know; or None."""
    base = envs.unwrapped
    limits = [getattr(part.spec, "max_episode_steps", None) for part in (envs, *getattr(base, "envs", []))]
    if isinstance(getattr(base, "mdp", None), FiniteMDP):  # worlds that are tables end by themselves
        limits += [base.max_episode_steps, base.horizon]
    return max((limit for limit in limits if limit is not None), default=None)
