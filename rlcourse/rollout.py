"""Rollouts: the only place that calls env.step, and the only one that knows how Gymnasium restarts.

A vector environment restarts its columns by itself, in one of three ways. SAME_STEP: the observation that
comes back is already the next episode's first, and the true last one stands in `info["final_obs"]`.
NEXT_STEP (Gymnasium's default): the restart takes a step of its own, a row whose action is ignored and whose
reward is 0. DISABLED: the caller restarts. Nobody above this file can tell them apart.

An environment may write into the arrays that it has handed out, so whatever comes from one is copied at once; and
it is looked at, so that a NaN is reported where it enters.
"""

import contextlib
import os
import warnings

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlcourse.checks import SEEDS, check_positive_integer, check_seed, require
from rlcourse.envs import make_env, make_envs
from rlcourse.envs.vector import OwnArray, accepts, time_limit
from rlcourse.transitions import Transitions, stored_dtype

SEED_STRIDE = 1_000_003  # seeds of different purposes must not meet: env i of seed s is seeded s * stride + i
EPISODE_LIMIT = 10_000  # steps after which a whole episode is cut, in an environment without a time limit of its own
FILM_LIMIT = 1_000  # the same for a film, whose pictures fill the memory
LARGEST = np.finfo(np.float32).max  # numbers are stored in single precision


class Collector:
    """Holds a vector environment and where it stands; collects transitions from it.

    Args:
        envs: a Gymnasium vector environment, in any autoreset mode. (An AsyncVectorEnv in SAME_STEP mode must be
            made of environments that hand out a new array at every step.)
        seed: of the environments; None for fresh entropy.
        max_episode_steps: whole episodes are cut after so many steps, and count as truncated; None for the time
            limit of the environments, or, where they have none, EPISODE_LIMIT.

    Attributes:
        envs, seed, max_episode_steps: as given.
        steps: environment steps handed out so far, all columns together.
        finished: (steps, return) of each finished episode, in the order in which they ended.
        cut: how many of the last whole episodes were cut.

    Raises:
        ValueError: if envs is not a vector environment, or its observations are not arrays.
    """

    def __init__(self, envs, *, seed=None, max_episode_steps=None):
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
        self.steps, self.cut = 0, 0
        self.finished = []
        self._met, self._observed = object(), Observed(space)  # met: the agent that was checked last
        self._restart(self.seed)

    @property
    def num_envs(self):
        return self.envs.num_envs

    def collect(self, agent, *, steps):
        """The next `steps` rows of every column, going on where the last call stopped.

        Args:
            agent: anything with act(obs) -> actions, on NumPy arrays [N, ...].
            steps: rows per column, a whole number >= 1.

        Returns:
            Transitions[steps, N]. No row is a restart; next_obs of an ended row is the true last observation.
            The actions are as drawn, even where the environment was given the nearest one inside its Box.
            In NEXT_STEP mode, columns that restarted less often run ahead; their surplus opens the next call,
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
        self._keep_score(rows)
        return _to_transitions(rows)

    def _fewest(self):
        """Real rows in the column that has fewest; only in NEXT_STEP mode is a row not real."""
        return self._waiting.min() if self.mode == AutoresetMode.NEXT_STEP else len(self._rows)

    def _real_rows(self, steps):
        """The first real rows of every column, [steps, N], without the restarts between them; the others wait."""
        if self.mode != AutoresetMode.NEXT_STEP:
            rows, self._rows = self._rows[:steps], self._rows[steps:]  # some may be left from an interrupted call
            return [np.array(column) for column in zip(*rows, strict=True)]
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

    def collect_episodes(self, agent):
        """One whole episode of every column, from its first step to its last, or to `max_episode_steps`.

        Returns:
            Transitions[T], the episodes laid end to end, each closed by its end flag; T is the sum of their
            lengths. A column that has finished idles until the longest is done; idle rows are not recorded.

        Raises:
            ValueError: as `collect`.
        """
        rows, played = zip(*self._whole_episodes(agent), strict=True)
        if self.cut:
            _warn_of_a_cut("an episode did not end", self.max_episode_steps)
        rows, played = [np.stack(column) for column in zip(*rows, strict=True)], np.stack(played)
        self._keep_score(rows, played)
        # Column after column instead of row after row: transpose, then keep what was played.
        return _to_transitions([row.swapaxes(0, 1)[played.T] for row in rows])

    def play_episodes(self, agent):
        """The same episodes, of which only the undiscounted returns are kept: NumPy array [N], unit of reward."""
        return sum(np.where(playing, row[2], 0.0) for row, playing in self._whole_episodes(agent))

    def _whole_episodes(self, agent):
        """Yields, step by step, the row of every column, and which columns have not finished yet, [N]."""
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

    def credit(self, steps, returns):
        """Count steps that were taken elsewhere, by a worker, and the returns of the episodes that ended there."""
        self.steps += steps
        self.finished += [(self.steps, value) for value in returns]

    def _meet(self, agent):
        if agent is not self._met:
            check_agent(agent, self.envs.single_observation_space, self.envs.single_action_space)
            self._met = agent

    def _restart(self, seed):
        obs, _ = self.envs.reset(seed=seed)
        self._obs, self._fresh = self._observed(obs), True
        self._restarting = np.zeros(self.num_envs, dtype=bool)  # NEXT_STEP: the coming row is no row
        self._returns = np.zeros(self.num_envs)
        self._rows, self._real = [], []  # real: per row, the columns in which it is no restart
        self._waiting = np.zeros(self.num_envs, dtype=int)  # real rows of every column

    def _advance(self, agent):
        """One step of every column: the row (s, a, r, s', terminated, truncated), and which entries are real, [N]."""
        obs = self._obs
        actions = np.array(agent.act(obs.copy()))  # copies: an agent, too, may write into what it is shown
        following, rewards, terminated, truncated, info = self.envs.step(
            playable(self.envs.single_action_space, actions)
        )
        following, rewards = self._observed(following), rewarded(rewards)
        terminated, truncated = np.array(terminated, dtype=bool), np.array(truncated, dtype=bool)
        ended, next_obs, real = terminated | truncated, following, ~self._restarting
        if self.mode == AutoresetMode.NEXT_STEP:
            self._restarting = ended
        elif np.count_nonzero(ended) and self.mode == AutoresetMode.SAME_STEP:
            next_obs = following.copy()
            next_obs[ended] = self._observed(np.stack(info["final_obs"][ended]))
        elif np.count_nonzero(ended):
            following = self._observed(self.envs.reset(options={"reset_mask": ended.copy()})[0])
        self._obs, self._fresh = following, False
        return (obs, actions, rewards, next_obs, terminated, truncated), real

    def _keep_score(self, rows, played=None):
        """Count the steps that are handed out, and the returns of the episodes that end in them.

        played: which of them count, [T, N]; None for all.
        """
        _, _, rewards, _, terminated, truncated = rows
        all_ended = terminated | truncated
        if played is not None:
            rewards, all_ended = rewards * played, all_ended & played
        for t, ended in enumerate(all_ended):
            self.steps += self.num_envs if played is None else int(np.count_nonzero(played[t]))
            self._returns += rewards[t]
            if np.count_nonzero(ended):
                for column in np.flatnonzero(ended):
                    self.finished.append((self.steps, float(self._returns[column])))
                self._returns[ended] = 0.0


class Observed:
    """Makes copies of observations, one or a batch, in the type in which they are stored.

    Raises:
        ValueError: if a number is not finite, or, in a Discrete space, not one of its states.
    """

    def __init__(self, space):
        self.space, self.dtype = space, stored_dtype(space)
        self.states = range(space.start, space.start + space.n) if isinstance(space, gym.spaces.Discrete) else None

    def __call__(self, obs):
        obs = np.asarray(obs)
        if obs.dtype.kind == "f" and not all_fit(obs):
            raise ValueError(f"observation must hold finite numbers, got {obs} from the environment")
        if self.states and not (int(obs.min()) in self.states and int(obs.max()) in self.states):
            raise ValueError(f"observation must be in {self.space}, got {obs} from the environment")
        return np.array(obs, dtype=self.dtype)


def rewarded(rewards):
    """A copy of the rewards [N] in double precision; ValueError if one is not finite."""
    rewards = np.array(rewards, dtype=np.float64)
    if not all_fit(rewards):
        raise ValueError(f"reward must be a finite number, got {rewards} from the environment")
    return rewards


def all_fit(numbers):
    """Whether all are finite in single precision: so is the sum of their squares, unless it overflows."""
    return np.vdot(numbers, numbers) <= LARGEST or bool((np.abs(numbers) <= LARGEST).all())


def playable(space, actions):
    """What the environment is given: a Gaussian policy may draw outside the Box, and gets the nearest action inside.

    Raises:
        ValueError: if an action is NaN.
    """
    if not isinstance(space, gym.spaces.Box):
        return actions
    if np.isnan(np.vdot(actions, actions)):
        raise ValueError(f"agent must act in numbers, got the actions {actions}")
    inside = np.minimum(np.maximum(actions, space.low), space.high)  # np.clip is far slower for a few numbers
    return inside.astype(space.dtype, copy=False)


def check_agent(agent, observation_space, action_space):
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


def outline(space, bounded):
    """What two spaces must share for an agent to serve both, in plain values; bounds of a Box only where asked for."""
    if isinstance(space, gym.spaces.Discrete):
        return {"kind": "Discrete", "start": int(space.start), "n": int(space.n)}
    if not isinstance(space, gym.spaces.Box):
        return {"kind": str(space)}
    bounds = {"low": space.low.tolist(), "high": space.high.tolist()} if bounded else {}
    return {"kind": "Box", "shape": list(space.shape), **bounds}


def derived_seed(seed, number):
    """The seed of the environments for one purpose of a run, told from others by its number."""
    return (seed * SEED_STRIDE + number) % SEEDS


def _limit(max_episode_steps, envs, default):
    if max_episode_steps is None:
        return time_limit(envs) or default
    return check_positive_integer("max_episode_steps", max_episode_steps)


def _warn_of_a_cut(what, limit):
    warnings.warn(
        f"{what} within {limit:,} steps: cut there, and counted as truncated; max_episode_steps sets another limit",
        stacklevel=3,
    )


def _to_transitions(rows):
    obs, actions, rewards, next_obs, terminated, truncated = rows
    if actions.dtype.kind == "f":  # networks are single precision
        actions = actions.astype(np.float32, copy=False)
    rows = obs, actions, rewards.astype(np.float32), next_obs, terminated, truncated
    return Transitions(*map(torch.from_numpy, rows))


class Deterministic:
    """An agent's policy without its exploration: act(obs) takes the most probable or the mean action."""

    def __init__(self, agent):
        self.act = getattr(agent, "act_deterministically", agent.act)


def evaluate(agent, env_id, *, episodes=10, seed=0, max_episode_steps=None):
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
        collector = Collector(
            envs, seed=derived_seed(seed, SEED_STRIDE // 2), max_episode_steps=max_episode_steps
        )
        returns = collector.play_episodes(Deterministic(agent))
    if collector.cut:
        _warn_of_a_cut(f"{collector.cut} of {episodes} episodes did not end", collector.max_episode_steps)
    return returns


def record(agent, env_id, *, seed=0, max_episode_steps=None):
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
    with _without_screen(), make_env(env_id, **options) as env:
        check_agent(agent, env.observation_space, env.action_space)
        limit, player = _limit(max_episode_steps, env, FILM_LIMIT), Deterministic(agent)
        observed = Observed(env.observation_space)
        obs = observed(env.reset(seed=seed)[0])
        frames, score, ended = [_frame(env)], 0.0, False
        while not ended and len(frames) <= limit:
            action = playable(env.action_space, np.asarray(player.act(obs[None]))[0])
            obs, reward, terminated, truncated, _ = env.step(action)
            obs, ended = observed(obs), bool(terminated or truncated)
            score += rewarded(reward).item()
            frames.append(_frame(env))
    if not ended:
        _warn_of_a_cut("the episode did not end", limit)
    return np.stack(frames), score


def _frame(env):
    """A copy of what the camera sees: an environment may draw into the same array again."""
    frame = env.render()
    require(
        isinstance(frame, np.ndarray),
        f"env_id must make an environment that renders to arrays, render_mode='rgb_array', {env} gave {frame!r}",
    )
    return frame.copy()


@contextlib.contextmanager
def _without_screen():
    """pygame looks for a screen even where it draws into an array; meanwhile it gets one that is none."""
    known = os.environ.get("SDL_VIDEODRIVER")
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        os.environ.pop("SDL_VIDEODRIVER")
        if known is not None:
            os.environ["SDL_VIDEODRIVER"] = known
