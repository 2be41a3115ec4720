"""Probe environments: six tiny worlds whose answer is known, in an order in which each needs one part more of PPO.

After the idea of Andy Jones, "Debugging reinforcement learning without the agonizing pain", 2021.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch

from rlcourse import training
from rlcourse.algorithms import PPO
from rlcourse.course import checker

GAMMA = 0.5
CONFIG = PPO.Config(gamma=GAMMA, steps=32, minibatch_size=64, learning_rate=1e-2)
STEPS, SEEDS, ENVS = 2_048, 16, 4
"""Environment steps of each seed on each rung: 16 updates of 12 gradient steps."""


class Probe(gym.Env):
    """One number to observe, two actions, and an episode of one step; each rung changes one of these."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    length = 1
    cut = False
    """Whether a time limit ends the episode, and not the world."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self.sign = self.first()
        return self.observe(), {}

    def step(self, action):
        reward = self.reward(action)
        self.time += 1
        over = self.time == self.length
        return self.observe(), reward, over and not self.cut, over and self.cut, {}

    def first(self):
        return 0.0

    def observe(self):
        return np.array([self.sign], np.float32)

    def reward(self, action):
        return 1.0


class ConstantReward(Probe):
    """Every step pays 1 and ends the episode."""


class ByObservation(Probe):
    """The observation is -1 or 1, and the reward is the observation."""

    def first(self):
        return float(self.np_random.choice([-1, 1]))

    def reward(self, action):
        return self.sign


class Delayed(Probe):
    """Two steps, with the observations 0 and 1; the second one pays 1."""

    length = 2

    def observe(self):
        return np.array([min(self.time, 1)], np.float32)

    def reward(self, action):
        return float(self.time)


class ByAction(Probe):
    """Action 1 pays 1, action 0 pays -1."""

    def reward(self, action):
        return 1.0 if action == 1 else -1.0


class TwoStates(ByObservation):
    """Action 1 is right if the observation is 1, action 0 if it is -1: right pays 1, wrong -1."""

    def reward(self, action):
        return self.sign if action == 1 else -self.sign


class TimeLimit(Probe):
    """Every step pays 1, for ever; a time limit stops the recording after three steps."""

    length, cut = 3, True


@dataclass(frozen=True)
class Rung:
    """One probe: what a right PPO must find in it, and where to look if it does not."""

    name: str
    world: type
    quantity: str
    right: tuple
    tolerance: float
    look: Callable
    """agent -> the numbers that are compared with `right`."""
    suspects: str


def values(*observations):
    """What the critic says of these observations."""
    return lambda agent: agent.critic(torch.tensor(observations)[:, None]).tolist()


def chances(*observations):
    """The probability of action 1 in each of these observations."""
    return lambda agent: agent.actor(torch.tensor(observations)[:, None]).probs[:, 1].tolist()


RUNGS = (
    Rung("constant reward", ConstantReward, "V", (1.0,), 0.1, values(0.0), "the critic's step, or the end flag"),
    Rung(
        "reward by observation",
        ByObservation,
        "V at -1, 1",
        (-1.0, 1.0),
        0.2,
        values(-1.0, 1.0),
        "rows and targets that do not belong together",
    ),
    Rung("delayed reward", Delayed, "V at 0, 1", (GAMMA, 1.0), 0.15, values(0.0, 1.0), "γ, or V of the next state"),
    Rung("reward by action", ByAction, "π(1)", (1.0,), 0.1, chances(0.0), "the actor's loss: sign, log π, ratio"),
    Rung("two states", TwoStates, "π(1) at -1, 1", (0.0, 1.0), 0.1, chances(-1.0, 1.0), "what the actor observes"),
    Rung("time limit", TimeLimit, "V", (1 / (1 - GAMMA),), 0.2, values(0.0), "a cut recording taken for an end"),
)


@dataclass(frozen=True)
class Climb:
    """How far an algorithm came: for each rung, how many seeds were right, and the mean of what they found."""

    name: str
    seeds: int
    passed: tuple
    found: tuple

    @property
    def failed(self):
        """The first rung that fewer than three seeds in four pass; None if there is no such rung."""
        return next((rung for rung, count in zip(RUNGS, self.passed) if 4 * count < 3 * self.seeds), None)

    def lines(self):
        """A line for each rung up to the first that fails: a later one says nothing once an earlier one is broken."""
        for number, (rung, count, found) in enumerate(zip(RUNGS, self.passed, self.found), start=1):
            mark = "✔" if 4 * count >= 3 * self.seeds else "✘"
            numbers = [", ".join(f"{x:.2f}" for x in row) for row in (rung.right, found)]
            told = f"{rung.quantity} should be {numbers[0]}, mean found {numbers[1]}"
            yield f"{mark} {number} {rung.name:22} {count:2} of {self.seeds} seeds   {told}"
            if rung is self.failed:
                yield f"Look first at: {rung.suspects}."
                return
        yield "Every rung is passed."

    def __repr__(self):
        return "\n".join([f"{self.name} on the ladder", *self.lines()])

    def _repr_html_(self):
        return f'<pre role="status">{html.escape(repr(self))}</pre>'


def climb(algorithm, *, name=None, uses=(), seeds=SEEDS):
    """Train an algorithm on one probe after the other, many seeds at once, up to the first that it fails.

    Args:
        algorithm: rl.PPO, or a class made from it.
        name: what to call it; None for its own name.
        uses: functions that have to be written first.
        seeds: how many.

    Returns:
        A Climb; a Verdict, and no training, while a function of `uses` still holds its dots, or where it stops with an
        error.
    """
    if unwritten := [function.__name__ for function in uses if checker.has_dots(function)]:
        return checker.Verdict(checker.UNFINISHED, f"Write {' and '.join(unwritten)} first, then run this cell again.")
    passed, found = [], []
    for rung in RUNGS:
        try:
            runs = training.train_many(
                algorithm,
                rung.world,
                seeds=seeds,
                total_steps=STEPS,
                num_envs=ENVS,
                config=CONFIG,
                progress=False,
            )
        except Exception as error:
            if not uses:
                raise
            return checker.wrong(f"On the probe “{rung.name}”: {checker.describe(error, *uses, algorithm)}")
        with torch.no_grad():
            numbers = np.array([rung.look(run.agent) for run in runs])
        passed.append(int((np.abs(numbers - rung.right) <= rung.tolerance).all(1).sum()))
        found.append(tuple(numbers.mean(0)))
        if 4 * passed[-1] < 3 * seeds:
            break
    return Climb(name or algorithm.__name__, seeds, tuple(passed), tuple(found))
