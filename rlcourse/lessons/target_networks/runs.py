"""The stored populations of the lesson: sixteen seeds for each way to train DDPG and TD3 on Pendulum.

    python -m rlcourse.lessons.target_networks.runs              trains everything again and rewrites runs.json
    python -m rlcourse.lessons.target_networks.runs TD3 DDPG     only these

The claims that are about whole agents read that file.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch

from rlcourse import learning_curves, training
from rlcourse.algorithms import DDPG, TD3
from rlcourse.course import study
from rlcourse.returns import rewards_to_go
from rlcourse.rollout import Collector, Deterministic

STORED = Path(__file__).parent / "runs.json"
PENDULUM, SEEDS, STEPS, EVERY = "Pendulum-v1", 16, 3_000, 200
"""Environment steps of a run, and between two points of its curve: an episode of Pendulum has 200 steps."""
LAST_PART = 0.8
"""What a seed has reached is its mean return over the steps from here on, as a share of all; noise included."""
CHECKPOINTS = (1_000, 2_000, 3_000)
"""Where the critic is compared with the returns that its own actor gets."""


class NoisyRewards(gym.RewardWrapper):
    """A task whose rewards carry independent errors of mean zero: every policy is worth what it was worth before."""

    NOISE = 10.0

    def reward(self, reward):
        return reward + self.NOISE * self.unwrapped.np_random.standard_normal()


def noisy_pendulum():
    """Pendulum with errors of standard deviation 10 on every reward; the reward itself lies between -16.3 and 0."""
    return NoisyRewards(gym.make(PENDULUM))


class Entry(NamedTuple):
    """One way to learn, trained with sixteen seeds."""

    algorithm: type = DDPG
    changes: dict = {}
    """What differs from the algorithm's defaults."""
    env_id: str | Callable = PENDULUM
    checked: bool = False
    """Whether the critic is compared with true returns at the checkpoints."""


DEFAULT, BARE = "κ = 0.02", "no target networks"
TWIN, NOISY, NOISY_TWIN = "TD3", "DDPG, noisy rewards", "TD3, noisy rewards"
SMALL_BATCH = {"batch_size": 64, "warmup": 64}
ENTRIES = {
    DEFAULT: Entry(checked=True),
    TWIN: Entry(TD3, checked=True),
    NOISY: Entry(env_id=noisy_pendulum),
    NOISY_TWIN: Entry(TD3, env_id=noisy_pendulum),
    BARE: Entry(changes={"tau": 1.0}),
    "κ = 0.005": Entry(changes={"tau": 0.005}),
    "κ = 0.0005": Entry(changes={"tau": 0.0005}),
    "K = 100": Entry(changes={"tau": 1.0, "target_every": 100}),
    "K = 500": Entry(changes={"tau": 1.0, "target_every": 500}),
    "last 64 steps": Entry(changes={**SMALL_BATCH, "capacity": 64}),
    "all steps": Entry(changes=SMALL_BATCH),
}
"""Label -> Entry. The two about the buffer draw 64 stored steps after 64 random ones; all others do as by default."""


# ---------------------------------------------------------------- the critic against the returns that really came


@torch.no_grad()
def optimism(agent, *, episodes=8, states=200, tail=400, seed=0):
    """How much too high the critic stands: mean of Q(s, μ(s)) minus the discounted return of μ from there.

    The states are the first 200 of each episode, without exploration; the return sums the steps until 400 further on,
    when a reward counts less than 0.99^400 = 0.018. The rewards are those without errors. Of TD3 it is Q_1, which its
    actor climbs.
    """
    envs = gym.make_vec(PENDULUM, episodes, vectorization_mode="sync", max_episode_steps=states + tail)
    steps = Collector(envs, seed=seed).collect(Deterministic(agent), steps=states + tail)
    envs.close()
    ends = torch.zeros_like(steps.terminated)
    returns = rewards_to_go(steps.rewards, ends, ends, gamma=agent.config.gamma)[:states]
    q = agent.critic(steps.obs[:states], steps.actions[:states])
    promised = q[0] if isinstance(q, tuple) else q
    return float((promised - returns).mean())


def learn(entry, seeds=SEEDS, steps=STEPS):
    """Train an entry with all its seeds side by side.

    Returns:
        Dict: "curves" [seeds, steps / 200], the training returns; "optimism" [seeds, checkpoints], if it is checked.
    """
    config = entry.algorithm.Config(**({"capacity": steps} | entry.changes))
    runs = training.run_many(entry.algorithm, entry.env_id, total_steps=steps, seeds=seeds, config=config)
    found, histories = [], None
    for at, histories in study.checkpoints(runs, EVERY):
        if entry.checked and at in CHECKPOINTS:
            found.append([optimism(history.agent) for history in histories])
    curves = learning_curves(histories, range(EVERY, steps + 1, EVERY))
    numbers = {"curves": np.round(curves, 1).tolist()}
    return numbers | ({"optimism": np.round(np.transpose(found), 2).tolist()} if entry.checked else {})


def regenerate(path=STORED, only=()):
    """Train the entries of these labels (or all) and store them: five minutes on one core."""
    study.regenerate(path, {label: partial(learn, entry) for label, entry in ENTRIES.items()}, only)


# ---------------------------------------------------------------- what is stored


def stored():
    """What `regenerate` wrote: label -> dict."""
    return study.stored(STORED)


def curves(name):
    """Steps [k], and the returns of every seed of an entry at these steps, [seeds, k]."""
    scores = np.array(stored()[name]["curves"])
    return EVERY * np.arange(1, scores.shape[1] + 1), scores


def final(name):
    """What every seed has reached: its mean return over the last fifth of the steps, [seeds]."""
    scores = curves(name)[1]
    return scores[:, round(LAST_PART * scores.shape[1]) :].mean(1)


def optimisms(name):
    """Q minus the return that came, of every seed of an entry at the checkpoints, [seeds, checkpoints]."""
    return np.array(stored()[name]["optimism"])


if __name__ == "__main__":
    regenerate(only=sys.argv[1:])
