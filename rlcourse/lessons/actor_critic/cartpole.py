"""REINFORCE and three actor-critics on CartPole: one network, one discount, equally many steps, fair step sizes.

All have two hidden layers of 64, γ = 0.99, and 30,000 steps. Each has the best step sizes of a small grid, chosen on
sixteen seeds (100 to 115) that the comparison does not use.
"""

import time
from typing import NamedTuple

import numpy as np

from rlcourse import interval, learning_curves, training
from rlcourse.algorithms import BatchActorCritic, OnlineActorCritic, ParallelActorCritic, Reinforce
from rlcourse.course.claims import claim

WIDTHS, GAMMA = (64, 64), 0.99
STEPS, MARKS, SEEDS = 30_000, 10, 16


class Run(NamedTuple):
    """How one algorithm is trained in the lesson."""

    algorithm: type
    config: object
    num_envs: int | None = None


def _actor_critic(algorithm, learning_rate, critic_learning_rate, **options):
    options |= {"hidden": WIDTHS, "gamma": GAMMA}
    return Run(
        algorithm, algorithm.Config(learning_rate=learning_rate, critic_learning_rate=critic_learning_rate, **options)
    )


CARTPOLE = {
    "REINFORCE": Run(Reinforce, Reinforce.Config(learning_rate=7e-3, hidden=WIDTHS, gamma=GAMMA), 4),
    "batch": _actor_critic(BatchActorCritic, 3e-3, 5e-3, gae_lambda=0.95),
    "online": _actor_critic(OnlineActorCritic, 1e-3, 1e-3),
    "parallel": _actor_critic(ParallelActorCritic, 7e-3, 7e-3),
}
CLAIM = "ACTOR-CRITIC-CARTPOLE"


@claim(CLAIM, trained=True)
def on_cartpole(seeds=SEEDS):
    """REINFORCE, batch, online and parallel actor-critic on CartPole: mean returns at ten moments, over the seeds.

    For each: the interquartile mean and its 95 % interval at every moment, and the CPU seconds of all seeds together.
    """
    numbers, at = {}, np.linspace(0, STEPS, MARKS + 1)[1:].astype(int)
    for name, (algorithm, config, num_envs) in CARTPOLE.items():
        begun = time.process_time()
        options = {"total_steps": STEPS, "seeds": seeds, "config": config, "num_envs": num_envs}
        histories = training.train_many(algorithm, "CartPole-v1", progress=False, **options)
        numbers[f"{name}_seconds"] = time.process_time() - begun
        curves = learning_curves(histories, at)
        for k, (center, low, high) in enumerate(zip(*interval(curves), strict=True), start=1):
            numbers |= {f"{name}_{k}": center, f"{name}_low_{k}": low, f"{name}_high_{k}": high}
    return numbers


def curves(stored):
    """name -> (steps, interquartile mean, low and high end of its interval), from what `on_cartpole` stored."""
    at = np.linspace(0, STEPS, MARKS + 1)[1:].astype(int)
    ends = ("", "_low", "_high")
    return {name: (at, *([stored[f"{name}{e}_{k}"] for k in range(1, MARKS + 1)] for e in ends)) for name in CARTPOLE}
