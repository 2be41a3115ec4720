"""What learns in this lesson: critics on a random walk, and agents whose advantages have different λ."""

from functools import cache
from typing import NamedTuple

import gymnasium as gym
import numpy as np

from rlcourse import interval, training
from rlcourse.algorithms import PPO, ParallelActorCritic
from rlcourse.course import critics
from rlcourse.course.claims import claim
from rlcourse.course.critics import RATES

# ---------------------------------------------------------------- training the critic


class CriticRace(NamedTuple):
    """Error of a table V after training: root mean square over cells, averaged over runs, for each of RATES."""

    td: np.ndarray
    monte_carlo: np.ndarray


@cache
def critic_race(noise, runs=100, episodes=60, seed=0):
    """The critics of `critics.race` after their last episode."""
    return CriticRace(*(tables.errors(noise)[-1].mean(-1) for tables in critics.race(runs, episodes, seed)))


@cache
def critics_without_step_sizes(noise, runs=100, episodes=60, seed=0):
    """The same episodes, by three rules that have no step size; a cell never visited keeps its 0.5.

        first    mean of the returns that followed the first visit of each episode
        every    mean of the returns that followed every visit
        td       TD(0), repeated over all stored steps until it rests: V = mean of r + V(s')

    Returns:
        dict of errors, as in a CriticRace.
    """
    tables = _tables_without_step_sizes(runs, episodes, seed)
    return {
        name: float(np.sqrt(((table[..., 0] + noise * table[..., 1] - critics.TRUTH) ** 2).mean(-1)).mean())
        for name, table in tables.items()
    }


@cache
def _tables_without_step_sizes(runs, episodes, seed):
    """Tables V of the three rules, shape [runs, cells, 2]: without reward noise, and what noise of sd 1 adds."""
    rng, columns, cells_and_ends = np.random.default_rng(seed), np.arange(runs), critics.WALK + 2
    counts = {name: np.zeros((runs, cells_and_ends)) for name in ("first", "every")}
    sums = {name: np.zeros((runs, cells_and_ends, 2)) for name in ("first", "every", "rewards")}
    moves = np.zeros((runs, cells_and_ends, cells_and_ends))
    for _ in range(episodes):
        cells, pays, luck, walking = critics.walks(rng, runs)
        rewards = np.stack([pays, luck], -1) * walking[..., None]
        to_go = np.cumsum(rewards[::-1], axis=0)[::-1]
        fresh = np.ones((runs, cells_and_ends), dtype=bool)
        for t in range(len(rewards)):
            here = columns[walking[t]]
            now, first = cells[t, here], fresh[here, cells[t, here]]
            for name, rows in (("every", here), ("first", here[first])):
                counts[name][rows, cells[t, rows]] += 1
                sums[name][rows, cells[t, rows]] += to_go[t, rows]
            fresh[here, now] = False
            moves[here, now, cells[t + 1, here]] += 1
            sums["rewards"][here, now] += rewards[t, here]
    inside, visits = slice(1, -1), counts["every"][:, 1:-1, None]
    tables = {name: sums[name][:, inside] / np.maximum(counts[name][:, inside, None], 1) for name in ("first", "every")}
    mean_rewards, shares = sums["rewards"][:, inside] / np.maximum(visits, 1), moves[:, inside, inside]
    mean_rewards[..., 0] += 0.5 * (visits[..., 0] == 0)
    tables["td"] = np.linalg.solve(np.eye(critics.WALK) - shares / np.maximum(visits, 1), mean_rewards)
    for name in ("first", "every"):
        tables[name][..., 0] += 0.5 * (visits[..., 0] == 0)
    return tables


PLAIN_CRITICS = {"first_visit": "first", "every_visit": "every", "td_repeated": "td"}
"""Names in the stored numbers -> the rules without a step size."""


@claim("CL-15")
def critics_in_training():
    """TD(0) and Monte Carlo, each with the best of six step sizes and without any; reward noise of sd 0 and 0.3."""
    numbers = {"start": float(np.sqrt(((0.5 - critics.TRUTH) ** 2).mean()))}
    for name, noise in (("quiet_", 0.0), ("", 0.3)):
        race = critic_race(noise)
        for kind, errors in (("td", race.td), ("mc", race.monte_carlo)):
            numbers[f"{name}rmse_{kind}"] = errors.min()
            numbers[f"{name}rate_{kind}"] = RATES[int(errors.argmin())]
        numbers[f"{name}td_at_10"] = race.td[RATES.index(0.1)]
        numbers[f"{name}mc_at_3"] = race.monte_carlo[RATES.index(0.03)]
        numbers[f"{name}mc_at_1"] = race.monte_carlo[RATES.index(0.01)]
        plain = critics_without_step_sizes(noise)
        numbers |= {f"{name}rmse_{kind}": plain[key] for kind, key in PLAIN_CRITICS.items()}
        best_mc = min(race.monte_carlo.min(), plain["first"], plain["every"])
        numbers[f"{name}best_mc_over_td"] = best_mc / min(race.td.min(), plain["td"])
        numbers[f"{name}first_over_repeated"] = plain["first"] / plain["td"]
    return numbers


# ---------------------------------------------------------------- λ in training

TRAINED_LAMBDAS = {"0": 0.0, "50": 0.5, "95": 0.95, "1": 1.0}
"""Name in the stored numbers -> λ."""
CARTS, CART_STEPS = 8, 80_000
"""Environments side by side, and environment steps of a run, of the lesson's actor-critic."""


def actor_critic_config(gae_lambda):
    """The lesson's actor-critic: 32 steps of 8 carts, Â and the critic's targets Â + V from one λ, one step of each."""
    return ParallelActorCritic.Config(
        gae_lambda=gae_lambda,
        critic_lambda=gae_lambda,
        learning_rate=3e-3,
        critic_learning_rate=1e-2,
        hidden=(64,),
        steps=32,
    )


def ppo_config(gae_lambda):
    """PPO with a large step size, so that the quality of the advantages shows."""
    return PPO.Config(gae_lambda=gae_lambda, learning_rate=1e-2, clip_eps=0.2, hidden=(32,))


class NoisyRewards(gym.RewardWrapper):
    """Adds normal noise of a given standard deviation to every reward."""

    def __init__(self, env, std):
        super().__init__(env)
        self.std = std

    def reward(self, reward):
        return float(reward) + self.std * float(self.np_random.standard_normal())


def noisy_cartpole():
    """CartPole whose rewards, 1 per step, come with noise of sd 3."""
    return NoisyRewards(gym.make("CartPole-v1"), 3.0)


def training_score(history, window=20):
    """Mean over the updates of the running mean of returns: the area under the learning curve, in unit of return."""
    scores = []
    for step in history.metrics["steps"]:
        done = history.returns[: np.searchsorted(history.steps, step, side="right")]
        if len(done):
            scores.append(done[-window:].mean())
    return float(np.mean(scores))


@claim("CL-14", trained=True)
def lambda_in_training(seeds=16, total_steps=60_000):
    """CartPole, four λ, many seeds: mean return over training, with the 95 % interval of the mean.

    PPO without a prefix, the lesson's actor-critic as ac_, and the actor-critic under reward noise as noisy_.
    """
    numbers = {}
    runs = [("", PPO, ppo_config, "CartPole-v1", total_steps, None, TRAINED_LAMBDAS)]
    runs += [("ac_", ParallelActorCritic, actor_critic_config, "CartPole-v1", CART_STEPS, CARTS, TRAINED_LAMBDAS)]
    runs += [("noisy_", ParallelActorCritic, actor_critic_config, noisy_cartpole, CART_STEPS, CARTS, ("95", "1"))]
    for prefix, algorithm, config, env_id, steps, num_envs, names in runs:
        for name in names:
            options = {"config": config(TRAINED_LAMBDAS[name]), "num_envs": num_envs, "progress": False}
            histories = training.train_many(algorithm, env_id, seeds=seeds, total_steps=steps, **options)
            scores = interval([training_score(history) for history in histories], statistic="mean")
            for kind, number in (("auc", scores.center), ("low", scores.low), ("high", scores.high)):
                numbers[f"{prefix}{kind}_{name}"] = number
    return numbers


def stored_scores(numbers, prefix, names=TRAINED_LAMBDAS):
    """What `plots.lambda_scores` draws in one panel, from the stored numbers of CL-14."""
    columns = ([numbers[f"{prefix}{kind}_{name}"] for name in names] for kind in ("auc", "low", "high"))
    return ([TRAINED_LAMBDAS[name] for name in names], *columns)
