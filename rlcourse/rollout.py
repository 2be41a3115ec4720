"""Rollouts: the only place outside `envs` that calls env.step, and the only one that knows how Gymnasium restarts.

A vector environment restarts its environments by itself, in one of three ways. SAME_STEP: the observation that
comes back is already the next episode's first, and the true last one stands in `info["final_obs"]`.
NEXT_STEP (Gymnasium's default): the restart takes a step of its own, a row whose action is ignored and whose
reward is 0. DISABLED: the caller restarts. Nobody above this file can tell them apart.

An environment may write into the arrays that it has handed out, so whatever comes from one is copied at once; and
it is looked at, so that a NaN is reported where it enters.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlcourse.checks import SEEDS, check_positive_integer, check_seed, require
from rlcourse.envs import make_env, make_envs
from rlcourse.envs.vector import EnvMaker, OwnArray, accepts, time_limit
from rlcourse.transitions import Transitions, stored_dtype

SEED_STRIDE = 1_000_003  # seeds of different purposes must not meet: env i of seed s is seeded s * stride + i
EPISODE_LIMIT = 10_000  # steps after which a whole episode is cut, in an environment without a time limit of its own
FILM_LIMIT = 1_000  # the same for a film, whose pictures fill the memory
LARGEST = np.finfo(np.float32).max  # numbers are stored in single precision


class Player(Protocol):
    """Whatever acts: an agent, or any object with this method."""

    def act(self, obs: np.ndarray) -> np.ndarray:
        """Actions [N, ...] for observations [N, ...], one each; both are NumPy arrays."""


@dataclass
class Log:
    """What one seed's environments have done so far."""

    steps: int = 0
    """Environment steps handed out, all environments together."""
    finished: list[tuple[int, float]] = field(default_factory=list)
    """(steps, return) of each finished episode, in the order in which they ended."""


class Collector:
    """Holds a vector environment and where it stands; collects transitions from it.

    Args:
        envs: a Gymnasium vector environment, in any autoreset mode. (An AsyncVectorEnv in SAME_STEP mode must be
            made of environments that hand out a new array at every step.)
        seed: of the environments; None for fresh entropy.
        max_episode_steps: whole episodes are cut after so many steps, and count as truncated; None for the time
            limit of the environments, or, where they have none, EPISODE_LIMIT.

    Attributes:
        envs, seed: as given.
        max_episode_steps: the limit that holds, given or found.
        steps: environment steps handed out so far, all environments together.
        finished: (steps, return) of each finished episode, in the order in which they ended.
        cut: how many of the last whole episodes were cut.

    Raises:
        ValueError: if envs is not a vector environment, or its observations are not arrays.
    """

    _rows: list[tuple[np.ndarray, ...]]
    _real: list[np.ndarray]

    def __init__(self, envs: gym.vector.VectorEnv, *, seed: int | None = None, max_episode_steps: int | None = None):
        require(
            isinstance(envs, gym.vector.VectorEnv | gym.vector.VectorWrapper),
            f"envs must be a Gymnasium vector environment (gymnasium.make_vec), got {type(envs).__name__}",
        )
        space = envs.single_observation_space
        require(
            isinstance(space, gym.spaces.Box | gym.spaces.Discrete),
            f"envs must have Box or Discrete observations, got {space}",
        )
        self.envs, self.seed = envs, None if seed is None else check_seed("seed", seed)
        self.max_episode_steps = _limit(max_episode_steps, envs, EPISODE_LIMIT)
        self.mode = AutoresetMode(envs.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP))
        base = envs.unwrapped
        if isinstance(base, SyncVectorEnv) and self.mode == AutoresetMode.SAME_STEP:
            # It restarts an environment before anybody has copied that environment's last observation.
            base.envs = [env if isinstance(env, OwnArray) else OwnArray(env) for env in base.envs]
        self.logs, self.cut = [Log()], 0
        self._met, self._observed = object(), Observed(space)  # met: the agent that was checked last
        self._restart(self.seed)

    @property
    def num_envs(self) -> int:
        return self.envs.num_envs

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes of what an agent is shown at one time: (N,)."""
        return (self.num_envs,)

    @property
    def steps(self) -> int:
        return self.logs[0].steps

    @property
    def finished(self) -> list[tuple[int, float]]:
        return self.logs[0].finished

    def collect(self, agent: Player, *, steps: int) -> Transitions:
        """The next `steps` time steps of every environment, going on where the last call stopped.

        Args:
            agent: anything with act(obs) -> actions, on NumPy arrays [N, ...].
            steps: time steps per environment, a whole number >= 1.

        Returns:
            Transitions[steps, N]. No row is a restart; next_obs of an ended row is the true last observation.
            The actions are as drawn, even where the environment was given the nearest one inside its Box.
            In NEXT_STEP mode, environments that restarted less often run ahead; their surplus opens the next call,
            and is counted there.

        Raises:
            ValueError: if an argument is not as described, the agent was made for other spaces, or an observation
                or a reward is not finite.
        """
        steps = check_positive_integer("steps", steps)
        self._meet(agent)
        while len(self._rows) < steps or self._fewest() < steps:
            row, real = self._advance(agent)
            self._rows.append(row)
            if self.mode == AutoresetMode.NEXT_STEP:
                self._real.append(real)
                self._waiting += real
        rows = self._real_rows(steps)
        keep_score(self.logs, rows, self._returns)
        return to_transitions(rows)

    def _fewest(self) -> int:
        """Real rows of the environment that has fewest; only in NEXT_STEP mode is a row not real."""
        return self._waiting.min() if self.mode == AutoresetMode.NEXT_STEP else len(self._rows)

    def _real_rows(self, steps: int) -> list[np.ndarray]:
        """The first real rows of every environment, [steps, N], without restarts between them; the others wait."""
        if self.mode != AutoresetMode.NEXT_STEP:
            first, self._rows = self._rows[:steps], self._rows[steps:]  # some may be left from an interrupted call
            return [np.array(column) for column in zip(*first, strict=True)]
        self._waiting -= steps
        rows = [np.array(column) for column in zip(*self._rows, strict=True)]
        real = np.array(self._real)
        order = np.argsort(~real, axis=0, kind="stable")[:steps]  # restarts sink, time order stays
        columns = np.arange(self.num_envs)
        real[order, columns] = False
        keep = real.any(axis=1)
        self._rows = [tuple(row[i] for row in rows) for i in np.flatnonzero(keep)]
        self._real = list(real[keep])
        return [row[order, columns] for row in rows]

    def collect_episodes(self, agent: Player) -> Transitions:
        """One whole episode of every environment, from its first step to its last, or to `max_episode_steps`.

        Returns:
            Transitions[T], the episodes laid end to end, each closed by its end flag; T is the sum of their
            lengths. An environment that has finished idles until the longest is done; idle rows are not recorded.

        Raises:
            ValueError: as `collect`.
        """
        rows, played = zip(*self._whole_episodes(agent), strict=True)
        if self.cut:
            warn_of_a_cut("an episode did not end", self.max_episode_steps)
        rows, played = [np.stack(column) for column in zip(*rows, strict=True)], np.stack(played)
        keep_score(self.logs, rows, self._returns, played)
        return end_to_end(rows, played)

    def play_episodes(self, agent: Player) -> np.ndarray:
        """The same episodes, of which only the undiscounted returns are kept: NumPy array [N], unit of reward."""
        earned = (np.where(playing, row[2], 0.0) for row, playing in self._whole_episodes(agent))
        return sum(earned, np.zeros(self.num_envs))

    def _whole_episodes(self, agent: Player) -> Iterator[tuple[tuple[np.ndarray, ...], np.ndarray]]:
        """Yields, step by step, the row of every environment, and which have not finished yet, [N]."""
        self._meet(agent)
        if not self._fresh:
            self._restart(None)
        playing, cut = np.ones(self.num_envs, dtype=bool), np.zeros(self.num_envs, dtype=bool)
        for step in range(1, self.max_episode_steps + 1):
            row, _ = self._advance(agent)
            *_, terminated, truncated = row
            if step == self.max_episode_steps:
                cut = playing & ~(terminated | truncated)
                truncated |= cut
            yield row, playing
            playing = playing & ~(terminated | truncated)
            if not np.count_nonzero(playing):
                break
        self._restart(None)
        self.cut = int(cut.sum())

    def credit(self, steps: int, returns: Sequence[float]) -> None:
        """Count steps that were taken elsewhere, by a worker, and the returns of the episodes that ended there."""
        [log] = self.logs
        log.steps += steps
        log.finished += [(log.steps, value) for value in returns]

    def _meet(self, agent: Player) -> None:
        if agent is not self._met:
            check_agent(agent, self.envs.single_observation_space, self.envs.single_action_space)
            self._met = agent

    def _restart(self, seed: int | Sequence[int] | None) -> None:
        obs, _ = self.envs.reset(seed=seed)
        self._obs, self._fresh = self._observed(obs), True
        self._restarting = np.zeros(self.num_envs, dtype=bool)  # NEXT_STEP: the coming row is no row
        self._returns = np.zeros(self.num_envs)
        self._rows, self._real = [], []  # real: per row, the environments in which it is no restart
        self._waiting = np.zeros(self.num_envs, dtype=int)  # real time steps of every environment

    def _act(self, agent: Player, obs: np.ndarray) -> np.ndarray:
        """Actions [N, ...] for observations [N, ...]."""
        return np.array(agent.act(obs))

    def _advance(self, agent: Player) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """One step of every environment: (s, a, r, s', terminated, truncated), and which entries are real, [N]."""
        obs = self._obs
        actions = self._act(agent, obs.copy())  # copies: an agent, too, may write into what it is shown
        step_obs, rewards, terminated, truncated, info = self.envs.step(
            playable(self.envs.single_action_space, actions, self.num_envs)
        )
        step_obs, rewards = self._observed(step_obs), rewarded(rewards)
        terminated, truncated = np.array(terminated, dtype=bool), np.array(truncated, dtype=bool)
        ended, next_obs, real = terminated | truncated, step_obs, ~self._restarting
        if self.mode == AutoresetMode.NEXT_STEP:
            self._restarting = ended
        elif np.count_nonzero(ended) and self.mode == AutoresetMode.SAME_STEP:
            next_obs = step_obs.copy()
            next_obs[ended] = self._observed(np.stack(info["final_obs"][ended]))
        elif np.count_nonzero(ended):
            step_obs = self._observed(self.envs.reset(options={"reset_mask": ended.copy()})[0])
        self._obs, self._fresh = step_obs, False
        return (obs, actions, rewards, next_obs, terminated, truncated), real


def keep_score(
    logs: Sequence[Log], rows: Sequence[np.ndarray], returns: np.ndarray, played: np.ndarray | None = None
) -> None:
    """Count the steps that are handed out, and the returns of the episodes that end in them.

    Args:
        logs: where to write it, one per seed: S seeds have N environments each, one seed's beside the other's.
        rows: (s, a, r, s', terminated, truncated) of so many steps, each [T, S * N, ...].
        returns: what the episodes under way have earned so far, [S * N]; brought up to date.
        played: which of the steps count, [T, S * N]; None for all. (Of one seed only.)
    """
    _, _, rewards, _, terminated, truncated = rows
    all_ended, num_envs = terminated | truncated, len(returns) // len(logs)
    if played is not None:
        rewards, all_ended = rewards * played, all_ended & played
    for t, ended in enumerate(all_ended):
        for log in logs:
            log.steps += num_envs if played is None else int(np.count_nonzero(played[t]))
        returns += rewards[t]
        if np.count_nonzero(ended):
            for column in np.flatnonzero(ended):
                log = logs[int(column) // num_envs]
                log.finished.append((log.steps, float(returns[column])))
            returns[ended] = 0.0


class Observed:
    """Makes copies of observations, one or a batch, in the type in which they are stored.

    Raises:
        ValueError: if a number is not finite, or, in a Discrete space, not one of its states.
    """

    def __init__(self, space: gym.Space):
        self.space, self.dtype = space, stored_dtype(space)
        self.states = range(space.start, space.start + space.n) if isinstance(space, gym.spaces.Discrete) else None

    def __call__(self, obs: Any) -> np.ndarray:
        obs = np.asarray(obs)
        if obs.dtype.kind == "f" and not all_fit(obs):
            raise ValueError(f"observation must hold finite numbers, got {obs} from the environment")
        if self.states and not (int(obs.min()) in self.states and int(obs.max()) in self.states):
            raise ValueError(f"observation must be in {self.space}, got {obs} from the environment")
        return np.array(obs, dtype=self.dtype)


def rewarded(rewards: Any) -> np.ndarray:
    """A copy of the rewards [N] in double precision; ValueError if one is not finite."""
    rewards = np.array(rewards, dtype=np.float64)
    if not all_fit(rewards):
        raise ValueError(f"reward must be a finite number, got {rewards} from the environment")
    return rewards


def all_fit(numbers: np.ndarray) -> bool:
    """Whether all are finite in single precision: so is the sum of their squares, unless it overflows."""
    return np.vdot(numbers, numbers) <= LARGEST or bool((np.abs(numbers) <= LARGEST).all())


def playable(space: gym.Space, actions: np.ndarray, num_envs: int) -> np.ndarray:
    """What the environment is given: a Gaussian policy may draw outside the Box, and gets the nearest action inside.

    Raises:
        ValueError: if an action has another shape than the space asks for, is NaN, or a fraction in a Discrete one.
    """
    if actions.shape != (num_envs, *space.shape):
        expected = f"actions of shape {(num_envs, *space.shape)}, one per observation"
        raise ValueError(f"agent must act in {space}, {expected}, got shape {actions.shape}")
    if not isinstance(space, gym.spaces.Box):
        if isinstance(space, gym.spaces.Discrete) and actions.dtype.kind not in "iu":
            raise ValueError(f"agent must act in {space}, whole numbers, got the actions {actions}")
        return actions
    if np.isnan(actions).any():
        raise ValueError(f"agent must act in numbers, got the actions {actions}")
    return actions.clip(space.low, space.high).astype(space.dtype, copy=False)


def check_agent(agent: Player, observation_space: gym.Space, action_space: gym.Space) -> None:
    """Raise ValueError unless an agent can act, and was made for these spaces, as far as it says."""
    history = hasattr(agent, "agent") and not hasattr(agent, "act")
    require(not history, f"agent must be an agent, got {type(agent).__name__}: its attribute `agent` is one")
    require(
        callable(getattr(agent, "act", None)) and not isinstance(agent, type),
        f"agent must have a method act(obs), got {agent!r}",
    )
    for name, space in (("observation_space", observation_space), ("action_space", action_space)):
        own = getattr(agent, name, None)
        bounded = name == "action_space"  # observations are read as they come
        require(
            own is None or outline(own, bounded) == outline(space, bounded),
            f"agent must be made for the environment's {name}, {space}, got one for {own}",
        )


def outline(space: gym.Space, bounded: bool) -> dict[str, Any]:
    """What two spaces must share for an agent to serve both, in plain values; bounds of a Box only where asked for."""
    if isinstance(space, gym.spaces.Discrete):
        return {"kind": "Discrete", "start": int(space.start), "n": int(space.n)}
    if not isinstance(space, gym.spaces.Box):
        return {"kind": str(space)}
    bounds = {"low": space.low.tolist(), "high": space.high.tolist()} if bounded else {}
    return {"kind": "Box", "shape": list(space.shape), **bounds}


def derived_seed(seed: int, number: int) -> int:
    """The seed of the environments for one purpose of a run, distinguished from others by its number."""
    return (seed * SEED_STRIDE + number) % SEEDS


def _limit(max_episode_steps: int | None, envs: gym.Env | gym.vector.VectorEnv, default: int) -> int:
    if max_episode_steps is None:
        return time_limit(envs) or default
    return check_positive_integer("max_episode_steps", max_episode_steps)


def warn_of_a_cut(what: str, limit: int) -> None:
    warnings.warn(
        f"{what} within {limit:,} steps: cut there, and counted as truncated; max_episode_steps sets another limit",
        stacklevel=3,
    )


def end_to_end(rows: Sequence[np.ndarray], played: np.ndarray) -> Transitions:
    """Whole episodes, one after another, Transitions[T]: of rows [steps, N, ...] those that were played, [steps, N]."""
    # Environment after environment instead of step after step: transpose, then keep what was played.
    return to_transitions([row.swapaxes(0, 1)[played.T] for row in rows])


def to_transitions(rows: Sequence[np.ndarray]) -> Transitions:
    """Rows (s, a, r, s', terminated, truncated) as tensors; real numbers in single precision."""
    obs, actions, rewards, next_obs, terminated, truncated = rows
    if actions.dtype.kind == "f":  # networks are single precision
        actions = actions.astype(np.float32, copy=False)
    rows = obs, actions, rewards.astype(np.float32), next_obs, terminated, truncated
    return Transitions(*map(torch.from_numpy, rows))


class Deterministic:
    """An agent's policy without its exploration: act(obs) takes the most probable or the mean action."""

    def __init__(self, agent: Player):
        self.act = getattr(agent, "act_deterministically", agent.act)


def evaluate(
    agent: Player, env_id: EnvMaker, *, episodes: int = 10, seed: int = 0, max_episode_steps: int | None = None
) -> np.ndarray:
    """Undiscounted returns of whole episodes, played without exploration.

    Every episode starts in an environment of its own, so that short ones are not drawn more often.

    Args:
        agent: has act_deterministically(obs), or, a scripted one, only act(obs).
        env_id: name of a Gymnasium environment, or a function that makes one.
        episodes: how many, a whole number >= 1.
        seed: of the environments' first states.
        max_episode_steps: as in `Collector`. An episode that is cut counts with what it had earned, and a warning
            says so: without a limit, a policy that walks in circles would never be done.

    Returns:
        NumPy array [episodes], unit of reward.

    Raises:
        ValueError: if an argument is not as described, or the agent was made for other spaces.
    """
    episodes, seed = check_positive_integer("episodes", episodes), check_seed("seed", seed)
    with contextlib.closing(make_envs(env_id, episodes)) as envs:
        check_agent(agent, envs.single_observation_space, envs.single_action_space)
        collector = Collector(envs, seed=derived_seed(seed, SEED_STRIDE // 2), max_episode_steps=max_episode_steps)
        returns = collector.play_episodes(Deterministic(agent))
    if collector.cut:
        warn_of_a_cut(f"{collector.cut} of {episodes} episodes did not end", collector.max_episode_steps)
    return returns


def record(
    agent: Player, env_id: EnvMaker, *, seed: int = 0, max_episode_steps: int | None = None
) -> tuple[np.ndarray, float]:
    """One episode played without exploration, as a camera would see it. No screen is needed.

    Args:
        agent: as for `evaluate`.
        env_id: name of a Gymnasium environment that can render to arrays, or a function that makes one (called with
            render_mode="rgb_array", if it takes that).
        seed: of the first state.
        max_episode_steps: the film is cut after so many steps; None for the time limit of the environment, or, where
            it has none, FILM_LIMIT.

    Returns:
        Frames, uint8 array [steps + 1, height, width, 3], and the undiscounted return.

    Raises:
        ValueError: as `evaluate`, and if the environment does not render to arrays.
    """
    seed = check_seed("seed", seed)
    options = {"render_mode": "rgb_array"} if accepts(env_id, "render_mode") else {}
    with _without_devices(), make_env(env_id, **options) as env:
        check_agent(agent, env.observation_space, env.action_space)
        limit, player = _limit(max_episode_steps, env, FILM_LIMIT), Deterministic(agent)
        observed = Observed(env.observation_space)
        obs = observed(env.reset(seed=seed)[0])
        frames, score, ended = [_frame(env)], 0.0, False
        while not ended and len(frames) <= limit:
            [action] = playable(env.action_space, np.asarray(player.act(obs[None])), 1)
            obs, reward, terminated, truncated, _ = env.step(action)
            obs, ended = observed(obs), bool(terminated or truncated)
            score += rewarded(reward).item()
            frames.append(_frame(env))
    if not ended:
        warn_of_a_cut("the episode did not end", limit)
    return np.stack(frames), score


def _frame(env: gym.Env) -> np.ndarray:
    """A copy of what the camera sees: an environment may draw into the same array again."""
    frame = env.render()
    require(
        isinstance(frame, np.ndarray),
        f"env_id must make an environment that renders to arrays, render_mode='rgb_array', {env} gave {frame!r}",
    )
    return frame.copy()


@contextlib.contextmanager
def _without_devices() -> Iterator[None]:
    """pygame looks for a screen and a sound card even where it draws into an array; meanwhile it gets dummies.

    MuJoCo looks for a screen, too, unless MUJOCO_GL names another way to draw.
    """
    instead = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    screen = {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    if sys.platform == "linux" and not screen:
        instead["MUJOCO_GL"] = os.environ.get("MUJOCO_GL", "egl")
    known = {name: os.environ[name] for name in instead if name in os.environ}
    os.environ.update(instead)
    try:
        yield
    finally:
        for name in instead:
            os.environ.pop(name)
        os.environ.update(known)
