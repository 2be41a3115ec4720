"""A look at an environment before an agent is trained in it: what is unusual, in sentences."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rlcourse import algorithms
from rlcourse.checks import check_positive_integer, check_seed
from rlcourse.envs.vector import EnvMaker, label, make_envs, time_limit
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions

LARGE = 10.0
"""Observations or rewards of this size, or of one over it, are unusual: networks and step sizes expect about 1."""
LONG = 1_000
"""Steps after which an episode counts as long."""


@dataclass(frozen=True)
class Checkup:
    """What `check_environment` found.

    Attributes:
        name: of the environment.
        agents: names of the agents that can be trained in it.
        sentences: what is unusual, and what to do about it; empty if nothing is.
    """

    name: str
    agents: tuple[str, ...]
    sentences: tuple[str, ...]

    def __repr__(self) -> str:
        fit = (
            f"{self.name} can be learned by {', '.join(self.agents)}." if self.agents else f"No agent fits {self.name}."
        )
        return "\n".join([fit, *(f"- {sentence}" for sentence in self.sentences or ("Nothing is unusual.",))])


def check_environment(env_id: EnvMaker, *, steps: int = 2_000, seed: int = 0) -> Checkup:
    """Play an environment with random actions, and say what is unusual about it.

    Looked at: the spaces, the scales of observations and rewards, how episodes end, and whether a seed repeats them.

    Args:
        env_id: as for `train`: a name, or a function that makes an environment.
        steps: how many steps are played.
        seed: of the first state and of the actions.

    Raises:
        ValueError: if env_id is neither a known name nor such a function.
    """
    steps, seed = check_positive_integer("steps", steps), check_seed("seed", seed)
    with contextlib.closing(make_envs(env_id, 1)) as envs:
        fit, reasons = _agents(envs)
        if not fit:
            return Checkup(label(env_id), (), tuple(reasons))
        try:
            played, again = (Collector(envs, seed=seed).collect(Sampler(envs, seed), steps=k) for k in (steps, 20))
        except (ValueError, ArithmeticError) as error:
            return Checkup(label(env_id), (), (f"It stops with an error when it is played: {error}",))
        found = (*_actions(envs), *_observations(envs, played), *_rewards(played), *_ends(envs, played))
        return Checkup(label(env_id), fit, (*found, *_repeats(played, again)))


class Sampler:
    """Acts as the action space draws."""

    def __init__(self, envs: gym.vector.VectorEnv, seed: int):
        self.space = envs.action_space
        self.space.seed(seed)

    def act(self, obs: np.ndarray) -> np.ndarray:
        return self.space.sample()


def _agents(envs: gym.vector.VectorEnv) -> tuple[tuple[str, ...], list[str]]:
    """The agents that can be made for the spaces; and, if none can, the reasons that they give."""
    fit, reasons = [], []
    for name in algorithms.__all__:
        try:
            getattr(algorithms, name)(envs.single_observation_space, envs.single_action_space)
            fit.append(name)
        except ValueError as refusal:
            reasons.append(str(refusal))
    space = envs.single_observation_space
    if isinstance(space, gym.spaces.Discrete) or len(space.shape or ()) == 1:
        return tuple(fit), [*dict.fromkeys(reasons)]
    about_obs = [reason for reason in dict.fromkeys(reasons) if reason.startswith("observation_space")]
    hint = "Gymnasium's wrapper FlattenObservation makes one row of an observation in several parts, or of an array."
    return tuple(fit), [*about_obs, hint]


def _actions(envs: gym.vector.VectorEnv) -> Iterator[str]:
    space = envs.single_action_space
    if isinstance(space, gym.spaces.Box) and not np.allclose(space.low, -space.high):
        yield (
            f"Actions lie in a box that is not centred at 0, {_span(space)}. Agents measure them in half-widths from "
            "the centre, so that is fine; a score of your own should do the same."
        )


def _span(space: Any) -> str:
    return f"{np.array2string(space.low, precision=3)} to {np.array2string(space.high, precision=3)}"


def _observations(envs: gym.vector.VectorEnv, played: Transitions) -> Iterator[str]:
    if not isinstance(envs.single_observation_space, gym.spaces.Box):
        return
    flat = played.next_obs.flatten(1).double().numpy()
    mean, std = flat.mean(0), flat.std(0)
    size = np.sqrt(mean**2 + std**2)
    if (constant := np.flatnonzero(std == 0)).size:
        yield f"Under random actions these components of the observation never change: {_some(constant)}."
    if (large := np.flatnonzero(size > LARGE)).size:
        yield (
            f"These components of the observation are large, up to {size.max():.3g}: {_some(large)}. Networks learn "
            "faster from numbers around 1: Gymnasium's wrapper RescaleObservation, or divide them yourself. "
            "(NormalizeObservation keeps running statistics, which are not saved with an agent.)"
        )
    moving = std[std > 0]
    if moving.size and moving.min() < 1 / LARGE / LARGE:
        small = np.flatnonzero((std > 0) & (std < 1 / LARGE / LARGE))
        yield (
            f"These components hardly move, standard deviation {moving.min():.2g}: {_some(small)}. If they matter, "
            "scale them up."
        )


def _some(components: np.ndarray) -> str:
    return f"{components[:6].tolist()}{' and more' if len(components) > 6 else ''}".replace("[", "").replace("]", "")


def _rewards(played: Transitions) -> Iterator[str]:
    rewards = played.rewards.flatten().double().numpy()
    if np.ptp(rewards) == 0:
        yield (
            f"Random actions were paid {rewards[0]:g} in every step. "
            + (
                "There is nothing to learn from until something else is found by chance: the reward is sparse. Longer "
                "exploration, or a reward for getting closer, is what helps."
                if not played.terminated.any()
                else "What an agent can change is how long an episode lasts."
            )
        )
    elif (rewards != np.median(rewards)).mean() < 0.01:
        share = (rewards != np.median(rewards)).mean()
        yield f"Only {share:.2%} of the steps were paid differently from the others: the reward is sparse."
    size = np.abs(rewards).max()
    if size > LARGE or 0 < size < 1 / LARGE / LARGE:
        yield (
            f"The largest reward of a step was {size:.3g}. Step sizes, and SAC's temperature above all, expect rewards "
            "around 1: Gymnasium's wrapper TransformReward divides them."
        )


def _ends(envs: gym.vector.VectorEnv, played: Transitions) -> Iterator[str]:
    limit, ends = time_limit(envs), np.flatnonzero((played.terminated | played.truncated).flatten().numpy())
    if not ends.size:
        cut = "" if limit is None else f" (the time limit is {limit})"
        yield (
            f"No episode ended in {len(played):,} steps{cut}. Agents that learn from whole episodes wait for the end; "
            "the others bootstrap."
        )
    if limit is None and not played.truncated.any():
        yield (
            "It has no time limit, so an episode may go on for ever: gymnasium.wrappers.TimeLimit gives it one, and "
            "says that an episode was truncated and not terminated."
        )
    elif ends.size and not played.terminated.any():
        yield (
            f"All {len(ends)} episodes ended at the time limit, truncated: the future of their last state still counts."
        )
    longest = int(np.diff(ends, prepend=-1).max(initial=0))
    if longest > LONG:
        yield (
            f"Episodes are up to {longest:,} steps long. With a discount of 0.99 a reward more than a few hundred "
            "steps away counts for nothing: consider 0.995 or 0.999."
        )


def _repeats(played: Transitions, again: Transitions) -> Iterator[str]:
    """Whether the same seed and actions give the same episode."""
    both = min(len(played), len(again))
    if not torch.equal(played.next_obs[:both], again.next_obs[:both]):
        yield (
            "The same seed does not give the same episode twice: it draws from a generator that reset(seed=...) does "
            "not set. No run in it can be repeated."
        )
