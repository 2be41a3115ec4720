"""The stored runs of the lesson: sixteen seeds for every way to learn Pendulum, and for four agents on CartPole.

    python -m rlcourse.lessons.sac.runs             trains everything again and rewrites runs.json
    python -m rlcourse.lessons.sac.runs SAC PPO     only these

The claims that are about whole agents read that file: each of its runs is counted once, whoever quotes it.
"""

import dataclasses
import functools
import math
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlcourse import algorithms, training
from rlcourse.algorithms.sac import SoftAgent
from rlcourse.checks import require
from rlcourse.course import pendulum, study
from rlcourse.course.claims import claim
from rlcourse.networks import TwinCritic
from rlcourse.rollout import evaluate

STORED = Path(__file__).parent / "runs.json"
PENDULUM, CARTPOLE = pendulum.ENV, "CartPole-v1"
GOALS = {PENDULUM: pendulum.SOLVED, CARTPOLE: 475.0}
EPISODES, STARTS = pendulum.EPISODES, pendulum.STARTS
"""A score is the mean return of ten episodes without exploration, from the same ten first states everywhere."""
SEEDS = 16


class Entry(NamedTuple):
    """One way to learn a task, trained with sixteen seeds."""

    algorithm: str | type
    """Name in rlcourse.algorithms, or an algorithm."""
    changes: dict = {}
    """What differs from the algorithm's defaults."""
    steps: int = 3_000
    """Environment steps of a run."""
    every: int = 250
    """Steps between two checkpoints."""
    env_id: str = PENDULUM
    """The task."""


class SingleCritic(TwinCritic):
    """Twins of which only the first has a say."""

    def forward(self, obs, actions):
        q1, _ = super().forward(obs, actions)
        return q1, q1


class SingleSAC(algorithms.SAC):
    """SAC without a second critic."""

    def build(self):
        super().build()
        self.critic, self.target_critic = (
            SingleCritic(self.observation_space, self.action_space, self.config.hidden, seed=self.seed + 1)
            for _ in range(2)
        )
        self.critic_optimizer = self.adam(self.critic.parameters(), self.config.learning_rate)


ALPHAS = ("0.01", "2", "20")
"""Temperatures that are held fixed, in the unit of the reward."""
AUTOMATIC = "SAC"
TARGET_ENTROPY = math.log(2) - 1
"""Of rl.SAC on Pendulum, whose box has the half-width 2: one nat below zero, measured in half-widths."""
DISCOUNT = {"gamma": 0.9}
"""Of the agents that learn from whole batches on Pendulum: with their default of 0.99 they learn nothing there."""
PPO_CHANGES = {**DISCOUNT, "clip_eps": 0.2, "epochs": 10, "minibatch_size": 128}
"""The best of five settings tried for PPO on Pendulum, by steps and by seconds."""
LONG = {"steps": 40_960, "every": 2_048}
ENTRIES = {
    "REINFORCE": Entry("Reinforce", DISCOUNT, **LONG),
    "A2C": Entry("ParallelActorCritic", DISCOUNT, **LONG),
    "PPO": Entry("PPO", PPO_CHANGES, **LONG),
    "DDPG": Entry("DDPG"),
    "TD3": Entry("TD3"),
    AUTOMATIC: Entry("SAC"),
    **{f"SAC, α = {alpha}": Entry("SAC", {"alpha": float(alpha), "learn_alpha": False}, every=500) for alpha in ALPHAS},
    "SAC, one critic": Entry(SingleSAC, every=500),
    "SAC with V": Entry("ValueSAC", {"learn_alpha": True}, every=500),
    "SAC with V, no lag": Entry("ValueSAC", {"learn_alpha": True, "tau": 1.0}, every=500),
    "REINFORCE, CartPole": Entry("Reinforce", {}, 30_720, 2_048, CARTPOLE),
    "A2C, CartPole": Entry("ParallelActorCritic", {}, 30_720, 2_048, CARTPOLE),
    "PPO, CartPole": Entry("PPO", {}, 30_720, 2_048, CARTPOLE),
    "discrete SAC, CartPole": Entry("DiscreteSAC", {}, 4_000, 500, CARTPOLE),
}
"""Who takes part: label -> Entry."""
RACERS = ("REINFORCE", "A2C", "PPO", "DDPG", "TD3", "SAC")
"""The six of the bake-off."""
CART_RACERS = ("REINFORCE, CartPole", "A2C, CartPole", "PPO, CartPole", "discrete SAC, CartPole")
"""The four that can push a cart to the left or to the right."""


def configured(entry):
    """The algorithm of an entry, and its config; the replay buffer is no larger than the run needs."""
    algorithm = getattr(algorithms, entry.algorithm) if isinstance(entry.algorithm, str) else entry.algorithm
    config = algorithm.Config(**entry.changes)
    return algorithm, dataclasses.replace(config, capacity=entry.steps) if hasattr(config, "capacity") else config


def score(agent, env_id=PENDULUM):
    """Mean return of ten episodes without exploration; their first states are the same for every agent."""
    return float(evaluate(agent, env_id, episodes=EPISODES, seed=STARTS).mean())


def learn(entry, seeds=SEEDS):
    """Train an entry with all its seeds side by side, stopped at every checkpoint to be examined.

    Returns:
        Dict: "steps" [k] of the checkpoints; "scores" [seeds, k] there; and what the agent reports of itself, its mean
        since the checkpoint before: "alpha" and "entropy" of SAC.
    """
    algorithm, config = configured(entry)
    names = ("alpha", "entropy") if issubclass(algorithm, SoftAgent) else ()
    found = {"steps": [], "scores": [], **{name: [] for name in names}}
    seen, learning = 0, training.run_many(algorithm, entry.env_id, total_steps=entry.steps, seeds=seeds, config=config)
    for at, histories in study.checkpoints(learning, entry.every):
        found["steps"].append(at)
        found["scores"].append([round(score(history.agent, entry.env_id), 1) for history in histories])
        for name in names:
            found[name].append([float(f"{history.metrics[name][seen:].mean():.4g}") for history in histories])
        seen = len(histories[0].metrics["steps"])
    return {key: values if key == "steps" else np.transpose(values).tolist() for key, values in found.items()}


def cost(entry, steps=700):
    """CPU milliseconds per environment step of one seed that learns alone, once it updates; of so many steps."""
    algorithm, config = configured(entry)
    warmup, start = getattr(config, "warmup", 0), None
    for [history] in training.run_many(
        algorithm, entry.env_id, total_steps=warmup + 100 + steps, seeds=[0], config=config
    ):
        if start is None and history.total_steps >= warmup + 100:
            start, begun = history.total_steps, time.process_time()
    return 1000 * (time.process_time() - begun) / (history.total_steps - start)


def costs(rounds=2):
    """The cost of each racer, the median of two rounds in turns: a busy machine slows down all of them alike."""
    wanted = {name: 8_192 if ENTRIES[name].steps > 20_000 else 300 for name in (*RACERS, *CART_RACERS)}
    measured = [{name: cost(ENTRIES[name], steps) for name, steps in wanted.items()} for _ in range(rounds)]
    return {name: float(f"{np.median([each[name] for each in measured]):.3g}") for name in wanted}


def regenerate(path=STORED, only=()):
    """Train every entry with every seed and store what came of it; `only`: labels to train anew, the rest kept."""
    measures = {label: functools.partial(learn, entry) for label, entry in ENTRIES.items()}
    study.regenerate(path, {**measures, "cost": costs}, only)


def stored():
    """What `regenerate` wrote: label -> run, and "cost", label -> CPU milliseconds per environment step."""
    return study.stored(STORED)


def runs(label):
    """The stored runs of a label: dict of arrays, "steps" [k], and "scores" (and more) [seeds, k]."""
    require(label in ENTRIES, f"label must be one of {', '.join(ENTRIES)}, got {label!r}")
    return {key: np.array(values) for key, values in stored()[label].items()}


def reached(label, goal=None):
    """Environment steps of every seed until its score first reached the goal, [seeds]; infinite where it never did."""
    found, goal = runs(label), GOALS[ENTRIES[label].env_id] if goal is None else goal
    there = found["scores"] >= goal
    return np.where(there.any(1), found["steps"][there.argmax(1)], np.inf)


def seconds(label, steps):
    """CPU seconds that so many environment steps of one seed cost a racer."""
    return stored()["cost"][label] / 1000 * np.asarray(steps, dtype=float)


def late(label):
    """Mean score of every seed over the end of its run, [seeds]: of the last 1,000 steps, of a long run 8,192."""
    found, entry = runs(label), ENTRIES[label]
    every = max(entry.every, 500)
    stretch = 1_000 if entry.steps < 20_000 else 4 * every
    last = (found["steps"] > entry.steps - stretch) & (found["steps"] % every == 0)
    return found["scores"][:, last].mean(1)


def late_of(label, name):
    """Mean of what the agent reported over the last 1,000 steps: "entropy" or "alpha", [seeds]."""
    return runs(label)[name][:, -(1_000 // ENTRIES[label].every) :].mean(1)


# ---------------------------------------------------------------- claims


def _steps(name, label, goal=None):
    """Steps to the goal, and seeds that got there; a run that does not get there counts with all its steps."""
    steps = reached(label, goal)
    numbers = study.fields(f"steps_{name}", np.minimum(steps, ENTRIES[label].steps))
    return numbers | {f"solved_{name}": np.isfinite(steps).sum()}


@claim("CL-33", trained=True)
def steps_against_seconds():
    """What a score cost, in environment steps and in CPU seconds, sixteen stored seeds each.

    `goal_*`: until ten episodes without exploration average -200 on Pendulum, mean and interval; `goal_seconds_*`:
    these steps times the CPU time of one, `goal_full_*`: all steps times that. `goal_solved_*`: seeds that got there;
    `goal_late_*`: score at the end. `cart_*`: the same for 475 on CartPole. A run that does not get there counts with
    all its steps.
    """
    numbers = {}
    for prefix, racers in (("goal", RACERS), ("cart", CART_RACERS)):
        for label in racers:
            name = label.split(",")[0].lower().replace(" ", "_")
            found = _steps(name, label)
            numbers |= {f"{prefix}_{key}": value for key, value in found.items()}
            numbers[f"{prefix}_seconds_{name}"] = seconds(label, found[f"steps_{name}"])
            numbers[f"{prefix}_full_{name}"] = seconds(label, ENTRIES[label].steps)
            numbers[f"{prefix}_cost_{name}"] = stored()["cost"][label]
            numbers |= {f"{prefix}_{key}": value for key, value in study.fields(f"late_{name}", late(label)).items()}
    return numbers


@claim("CL-57")
def sac_against_ppo():
    """Environment steps until ten episodes without exploration average -200 on Pendulum, sixteen seeds each."""
    numbers = _steps("sac", "SAC") | _steps("ppo", "PPO")
    numbers |= {"most_sac": reached("SAC").max(), "least_ppo": reached("PPO").min()}
    return numbers | {"ratio": numbers["steps_ppo"] / numbers["steps_sac"]}


@claim("CL-50")
def temperatures():
    """Score of SAC on Pendulum over the last 1,000 of 3,000 steps, by temperature, sixteen seeds: mean and interval.

    `entropy_*` and `alpha_auto` are means over the same stretch.
    """
    numbers = {}
    for name, label in [(alpha.replace(".", ""), f"SAC, α = {alpha}") for alpha in ALPHAS] + [("auto", AUTOMATIC)]:
        numbers |= study.fields(f"late_{name}", late(label))
        numbers[f"entropy_{name}"] = late_of(label, "entropy").mean()
    return numbers | {"alpha_auto": late_of(AUTOMATIC, "alpha").mean()}


@claim("CL-58")
def one_critic_or_two():
    """DDPG, SAC with one critic and with two on Pendulum, sixteen seeds: late score, its interval, lowest and highest.

    `dips_*`: seeds with a checkpoint below -300 after -200 was first reached.
    """
    numbers = {}
    for name, label in (("ddpg", "DDPG"), ("one", "SAC, one critic"), ("two", "SAC")):
        found, end = runs(label), late(label)
        after = [s[found["steps"] >= first] for s, first in zip(found["scores"], reached(label), strict=True)]
        numbers |= study.fields(f"late_{name}", end) | {f"worst_{name}": end.min(), f"best_{name}": end.max()}
        numbers[f"dips_{name}"] = sum(len(scores) > 0 and scores.min() < -300 for scores in after)
    return numbers


@claim("CL-59")
def with_and_without_v():
    """SAC on Pendulum without V, with V and its target network, and with V alone: late score, steps to -200."""
    numbers = {}
    for name, label in (("without", "SAC"), ("with", "SAC with V"), ("no_lag", "SAC with V, no lag")):
        numbers |= study.fields(f"late_{name}", late(label)) | _steps(name, label)
    return numbers


if __name__ == "__main__":
    regenerate(only=sys.argv[1:])
