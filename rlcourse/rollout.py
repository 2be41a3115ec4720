"""Rollouts: the only place that calls env.step, and the only one that knows how Gymnasium restarts.

A vector environment restarts its columns by itself, in one of three ways. SAME_STEP: the observation that
comes back is already the next episode's first, and the true last one stands in `info["final_obs"]`.
NEXT_STEP (Gymnasium's default): the restart takes a step of its own, a row whose action is ignored and whose
reward is 0. DISABLED: the caller restarts. Nobody above this file can tell them apart.
"""

import contextlib
import os

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode

from rlcourse.checks import check_positive_integer, check_seed, require
from rlcourse.envs import make_envs
from rlcourse.transitions import Transitions

SEED_STRIDE = 1_000_003  # seeds of different purposes must not meet: env i of seed s is seeded s * stride + i


class Collector:
    """Holds a vector environment and where it stands; collects transitions from it.

    Args:
        envs: a Gymnasium vector environment, in any autoreset mode.
        seed: of the environments; None for fresh entropy.

    Attributes:
        envs, seed: as given.
        steps: environment steps recorded so far, all columns together.
        finished: (steps, return) of each finished episode, in the order in which they ended.

    Raises:
        ValueError: if envs is not a vector environment, or its observations are not arrays.
    """

    def __init__(self, envs, *, seed=None):
        require(
            isinstance(envs, gym.vector.VectorEnv | gym.vector.VectorWrapper),
            f"envs must be a Gymnasium vector environment (gymnasium.make_vec), got {type(envs).__name__}",
        )
        space = envs.single_observation_space
        require(
            isinstance(space, gym.spaces.Box | gym.spaces.Discrete),
            f"envs must have Box or Discrete observations, got {space}",
        )
        seed = None if seed is None else check_seed("seed", seed)
        self.envs, self.seed = envs, seed
        self.mode = envs.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self.steps = 0
        self.finished = []
        self._restart(seed)

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
            In NEXT_STEP mode, columns that restarted less often run ahead; their surplus opens the next call.
        """
        steps = check_positive_integer("steps", steps)
        while len(self._rows) < steps or self._fewest() < steps:
            self._step(agent)
        if self.mode != AutoresetMode.NEXT_STEP:
            rows, self._rows = self._rows, []
            return _to_transitions(map(np.array, zip(*rows, strict=True)))
        return self._real_rows(steps)

    def _fewest(self):
        """Real rows in the column that has fewest; only in NEXT_STEP mode is a row not real."""
        return np.sum(self._real, axis=0).min() if self.mode == AutoresetMode.NEXT_STEP else len(self._rows)

    def _real_rows(self, steps):
        """The first real rows of every column, without the restarts between them; the others wait."""
        rows = [np.array(column) for column in zip(*self._rows, strict=True)]
        real = np.array(self._real)
        order = np.argsort(~real, axis=0, kind="stable")[:steps]  # restarts sink, time order stays
        columns = np.arange(self.num_envs)
        real[order, columns] = False
        keep = real.any(axis=1)
        self._rows = [tuple(row[i] for row in rows) for i in np.flatnonzero(keep)]
        self._real = list(real[keep])
        return _to_transitions(row[order, columns] for row in rows)

    def collect_episodes(self, agent):
        """One whole episode of every column, from its first step to its last.

        Returns:
            Transitions[T], the episodes laid end to end, each closed by its end flag; T is the sum of their
            lengths. A column that has finished idles until the longest is done; idle rows are not recorded.
        """
        if not self._fresh:
            self._restart(None)
        playing = np.ones(self.num_envs, dtype=bool)
        record = []
        while playing.any():
            row, _ = self._advance(agent, playing)
            record.append((*row, playing.copy()))
            playing &= ~(row[4] | row[5])
        self._restart(None)
        *rows, played = (np.stack(column) for column in zip(*record, strict=True))
        # Column after column instead of row after row: transpose, then keep what was played.
        return _to_transitions([row.swapaxes(0, 1)[played.T] for row in rows])

    def credit(self, steps, returns):
        """Count steps that were taken elsewhere, by a worker, and the returns of the episodes that ended there."""
        self.steps += steps
        self.finished += [(self.steps, value) for value in returns]

    def _restart(self, seed):
        obs, _ = self.envs.reset(seed=seed)
        self._obs, self._fresh = np.array(obs), True
        self._restarting = np.zeros(self.num_envs, dtype=bool)  # NEXT_STEP: the coming row is no row
        self._returns = np.zeros(self.num_envs)
        self._rows, self._real = [], []  # real: per row, the columns in which it is no restart

    def _step(self, agent):
        row, real = self._advance(agent, True)
        self._rows.append(row)
        if self.mode == AutoresetMode.NEXT_STEP:
            self._real.append(real)

    def _advance(self, agent, playing):
        """One step of every column: the row (s, a, r, s', terminated, truncated), and which entries are real.

        playing: the columns whose steps count, [N] or True for all.
        """
        obs = self._obs
        # Copies, because an agent may write into what it is shown, an environment into what it handed out.
        actions = np.array(agent.act(obs.copy()))
        following, rewards, terminated, truncated, info = self.envs.step(self._playable(actions))
        following, rewards, terminated, truncated = map(np.array, (following, rewards, terminated, truncated))
        ended, next_obs, real = terminated | truncated, following, ~self._restarting
        if self.mode == AutoresetMode.NEXT_STEP:
            self._restarting = ended
        elif np.count_nonzero(ended) and self.mode == AutoresetMode.SAME_STEP:
            next_obs = following.copy()
            next_obs[ended] = np.stack(info["final_obs"][ended])
        elif np.count_nonzero(ended):
            following, _ = self.envs.reset(options={"reset_mask": ended.copy()})
        self._obs, self._fresh = following, False
        self._keep_score(rewards, ended, real & playing)
        return (obs, actions, rewards, next_obs, terminated, truncated), real

    def _playable(self, actions):
        """A Gaussian policy may draw outside the Box: the environment gets the nearest action inside."""
        space = self.envs.single_action_space
        if isinstance(space, gym.spaces.Box):
            return np.minimum(np.maximum(actions, space.low), space.high)  # np.clip is far slower for a few numbers
        return actions

    def _keep_score(self, rewards, ended, counted):
        self.steps += int(np.count_nonzero(counted))
        self._returns += rewards * counted
        if np.count_nonzero(ended):
            for column in np.flatnonzero(ended & counted):
                self.finished.append((self.steps, float(self._returns[column])))
            self._returns[ended] = 0.0


def _to_transitions(rows):
    obs, actions, rewards, next_obs, terminated, truncated = rows
    if obs.dtype.kind == "f":  # networks are single precision
        obs, next_obs = obs.astype(np.float32, copy=False), next_obs.astype(np.float32, copy=False)
    rows = obs, actions, rewards.astype(np.float32, copy=False), next_obs, terminated, truncated
    return Transitions(*map(torch.from_numpy, rows))


class Deterministic:
    """An agent's policy without its exploration: act(obs) takes the most probable or the mean action."""

    def __init__(self, agent):
        self.act = getattr(agent, "act_deterministically", agent.act)


def evaluate(agent, env_id, *, episodes=10, seed=0):
    """Undiscounted returns of whole episodes, played without exploration.

    Every episode starts in an environment of its own, so that short ones are not drawn more often.

    Args:
        agent: has act_deterministically(obs), or, a scripted one, only act(obs).
        env_id: name of a Gymnasium environment.
        episodes: how many, a whole number >= 1.
        seed: of the environments' first states.

    Returns:
        NumPy array [episodes], unit of reward.
    """
    episodes, seed = check_positive_integer("episodes", episodes), check_seed("seed", seed)
    collector = Collector(make_envs(env_id, episodes), seed=seed * SEED_STRIDE + SEED_STRIDE // 2)
    batch = collector.collect_episodes(Deterministic(agent))
    ends = torch.nonzero(batch.terminated | batch.truncated).flatten() + 1
    return np.array([part.sum().item() for part in batch.rewards.double().tensor_split(ends[:-1])])


def record(agent, env_id, *, seed=0):
    """One episode played without exploration, as a camera would see it. No screen is needed.

    Args:
        agent: as for `evaluate`.
        env_id: name of a Gymnasium environment that can render to arrays.
        seed: of the first state.

    Returns:
        Frames, uint8 array [steps + 1, height, width, 3], and the undiscounted return.
    """
    obs, score, ended = None, 0.0, False
    with _without_screen(), gym.make(env_id, render_mode="rgb_array") as env:
        obs, _ = env.reset(seed=check_seed("seed", seed))
        frames, player = [env.render()], Deterministic(agent)
        while not ended:
            action = np.asarray(player.act(np.asarray(obs)[None]))[0]
            if isinstance(env.action_space, gym.spaces.Box):
                action = np.clip(action, env.action_space.low, env.action_space.high)
            obs, reward, terminated, truncated, _ = env.step(action)
            frames.append(env.render())
            score, ended = score + float(reward), terminated or truncated
    return np.stack(frames), score


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
