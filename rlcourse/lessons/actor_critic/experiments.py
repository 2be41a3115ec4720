"""Actor and critic learn together, after every episode or after every step.

The fixture is the two exits of `envs.two_exits`: seven cells, start in the middle; leaving on the left pays 0.4, on
the right 1.0, every step costs 0.02, and each reward may have noise. Hundreds of independent learners, each with its
own tables, walk side by side. A learner counts as solved when its expected return from the start exceeds 0.8;
always right has 0.836, always left 0.289.

    python -m rlcourse.lessons.actor_critic.experiments     maps batch and step sizes again (minutes)
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from rlcourse.checks import require
from rlcourse.course.claims import claim
from rlcourse.envs import LEFT, RIGHT, two_exits

GAMMA = 0.97
SOLVED = 0.8
CELLS, MIDDLE = 7, 3
CRITIC_SHARE = 0.4
"""The critic's step size η_V as a share of the actor's, wherever nothing else is said."""

# The world with a margin: place 0 is outside on the left, places 1..7 are the cells, place 8 is outside on the right.
PLACES, START = CELLS + 2, MIDDLE + 1
STEP_COST = two_exits().rewards[MIDDLE, RIGHT].item()
PAYS = np.full(PLACES, STEP_COST)
"""Reward for stepping onto each place."""
PAYS[0], PAYS[-1] = two_exits().rewards[0, LEFT], two_exits().rewards[-1, RIGHT]
OUTSIDE = np.isin(np.arange(PLACES), (0, PLACES - 1))


# ---------------------------------------------------------------- many learners at once


class Learners(NamedTuple):
    """Independent actor-critics on the two exits, looked at a few times while they learn."""

    steps: np.ndarray
    """Environment steps of each learner, at every look."""
    returns: np.ndarray
    """Exact expected return from the start, shape [looks, learners]."""
    values: np.ndarray
    """V at the end, shape [learners, 7]."""
    right: np.ndarray
    """π(right|s) at the end, shape [learners, 7]."""

    @property
    def solved(self):
        """Share of the learners with an expected return above SOLVED, at every look."""
        return (self.returns > SOLVED).mean(-1)


def learn(
    *,
    step_size=0.5,
    critic_step_size=None,
    noise=0.0,
    batch=1,
    env_steps=16_000,
    critic="td",
    detached=True,
    walkers=1,
    learners=256,
    seed=0,
    looks=1,
):
    """Train tabular actor-critics that differ in nothing but their luck.

        δ = r + γ V(s') - V(s)     with V = 0 outside
        V(s) ← V(s) + η_V δ        logit(a|s) ← logit(a|s) + η (1 - π(a|s)) δ,   logit of the other action: the opposite

    Both are averaged over a batch. Returns Learners.

    Args:
        step_size, critic_step_size: η and η_V; None stands for η_V = 0.4 η.
        noise: standard deviation of the noise on each reward.
        batch: steps between two updates; or "episode": one update per episode, with the *sum* over its steps, so
            that a single step weighs as much as it does with batch = 1.
        env_steps: steps of each learner.
        critic: "td" as above; "mc" pulls V(s) towards the returns of the episode, as often as s was visited (for
            batch = "episode"); "reward" pulls it towards the single reward, which is a mistake.
        detached: False lets the actor's loss move the critic as well, which is a mistake.
        walkers: copies of the world that one learner steps at once, with the same tables, for one batch.
        learners, seed, looks: how many, what their luck is drawn from, and how often they are looked at.
    """
    require(critic != "mc" or batch == "episode", "batch must be 'episode' for a critic that is fitted to returns")
    whole = batch == "episode"
    share = 1.0 if whole else 1 / (batch * walkers)
    rates = np.array([step_size, CRITIC_SHARE * step_size if critic_step_size is None else critic_step_size])
    tables = np.zeros((2, learners, PLACES))  # logit(right) - logit(left), and V
    gathered = np.zeros_like(tables)
    (logits, values), (to_logits, to_values) = tables.reshape(2, -1), gathered.reshape(2, -1)  # place: learner * PLACES
    crowd, visits = _Walkers(learners, walkers, noise, seed), _Visits(learners)
    times, seen = np.linspace(0, env_steps // walkers, looks + 1).astype(int)[1:].tolist(), []
    for t in range(1, times[-1] + 1):
        here, p, right, rewards, there, ended = crowd.walk(logits)
        delta = rewards + GAMMA * values[there] - values[here]
        _add(to_logits, here, 2 * (right - p) * delta, walkers)  # both logits move: their difference twice as far
        _add(to_values, here, rewards - values[here] if critic == "reward" else delta, walkers)
        if not detached:  # -log π(a|s) δ is descended in V(s), too
            _add(to_values, here, -np.log(np.where(right, p, 1 - p).clip(1e-12)), walkers)

        due = np.flatnonzero(ended) if whole else slice(None)
        if critic == "mc":
            visits.add(here % PLACES, rewards)
            gathered[1, due] = visits.pull(due, tables[1, due], rates[1])
        if len(due) if whole else t % batch == 0:
            tables[:, due] += share * rates[:, None, None] * gathered[:, due]
            gathered[:, due] = 0.0
        if t in times:
            seen.append(expected_return(_right(tables[0])))
    return Learners(walkers * np.array(times), np.array(seen), tables[1, :, 1:-1].copy(), _right(tables[0]))


def _add(table, places, amounts, walkers):
    """table[places] += amounts; several walkers of a learner may stand on the same place."""
    if walkers == 1:
        table[places] += amounts
    else:
        np.add.at(table, places, amounts)


def _right(logits):
    """π(right|s) of the seven cells."""
    return expit(logits[:, 1:-1])


class _Walkers:
    """Copies of the world, `walkers` for each learner, stepped together; who leaves starts again in the middle."""

    DRAWN = 256

    def __init__(self, learners, walkers, noise, seed):
        self.rng, self.noise, self.count = np.random.default_rng(seed), noise, learners * walkers
        self.rows = np.repeat(np.arange(learners), walkers) * PLACES
        self.place = np.full(self.count, START)
        self.taken = 0

    def walk(self, logits):
        """Act by the logits: (s, π(right|s), went right, r, s', left the world), s and s' as row numbers."""
        moment = self.taken % self.DRAWN
        if moment == 0:
            self.coins = self.rng.random((self.DRAWN, self.count))
            self.luck = self.noise * self.rng.standard_normal((self.DRAWN, self.count))
        here = self.rows + self.place
        p = expit(logits[here])
        right = self.coins[moment] < p
        place = self.place + np.where(right, 1, -1)
        ended = OUTSIDE[place]
        self.place = np.where(ended, START, place)
        self.taken += 1
        return here, p, right, PAYS[place] + self.luck[moment], self.rows + place, ended


class _Visits:
    """Returns of the episode under way, added up for every place that was visited; one walker a learner."""

    def __init__(self, learners):
        self.learner = np.arange(learners)
        # How much a reward of now counts in the returns from each place; those returns; the number of visits.
        self.trace, self.returns, self.count = np.zeros((3, learners, PLACES))

    def add(self, places, rewards):
        self.trace *= GAMMA
        self.trace[self.learner, places] += 1
        self.count[self.learner, places] += 1
        self.returns += rewards[:, None] * self.trace

    def pull(self, over, values, rate):
        """How far V moves, in units of the rate, if each visit takes a step of that rate to the mean return."""
        count = self.count[over]
        mean = self.returns[over] / count.clip(1)
        moves = (1 - (1 - rate) ** count) / rate * (mean - values)
        for table in (self.trace, self.returns, self.count):
            table[over] = 0.0
        return moves


def expected_return(right):
    """Exact V^π of the start, for policies given as π(right|s), shape [learners, 7]: (I - γ P)^{-1} R, row 3."""
    cell = np.arange(CELLS - 1)
    moves = np.zeros((len(right), CELLS, CELLS))
    moves[:, cell, cell + 1] = right[:, :-1]
    moves[:, cell + 1, cell] = 1 - right[:, 1:]
    rewards = np.full_like(right, STEP_COST)
    rewards[:, 0] += (1 - right[:, 0]) * (PAYS[0] - STEP_COST)
    rewards[:, -1] += right[:, -1] * (PAYS[-1] - STEP_COST)
    return np.linalg.solve(np.eye(CELLS) - GAMMA * moves, rewards[..., None])[:, MIDDLE, 0]


@claim("CL-16")
def once_an_episode_or_once_a_step(step_size=0.2, env_steps=4_000, learners=512):
    """Batch against online at equal environment steps and equal step size per sample, without and with reward noise.

    Of each: mean and standard deviation of the expected return over the learners, and the share solved. `batch` and
    `online` share one rule, TD errors for actor and critic; `returns` is batch with V fitted to the sampled returns.
    `third_` are the noisy runs with TD errors again, with a third of the step size.
    """
    numbers = {}
    runs = {
        "quiet_online": {"batch": 1, "noise": 0.0, "step_size": step_size},
        "quiet_batch": {"batch": "episode", "noise": 0.0, "step_size": step_size},
        "quiet_returns": {"batch": "episode", "noise": 0.0, "step_size": step_size, "critic": "mc"},
        "noisy_online": {"batch": 1, "noise": 1.0, "step_size": step_size},
        "noisy_batch": {"batch": "episode", "noise": 1.0, "step_size": step_size},
        "noisy_returns": {"batch": "episode", "noise": 1.0, "step_size": step_size, "critic": "mc"},
        "third_online": {"batch": 1, "noise": 1.0, "step_size": step_size / 3},
        "third_batch": {"batch": "episode", "noise": 1.0, "step_size": step_size / 3},
    }
    for name, options in runs.items():
        trained = learn(**options, env_steps=env_steps, learners=learners)
        returns = trained.returns[-1]
        numbers |= {name: returns.mean(), f"sd_{name}": returns.std(), f"solved_{name}": trained.solved[-1]}
    return numbers


@claim("CL-17")
def one_sample_an_update(noise=1.0, env_steps=16_000):
    """Share of 256 learners that solve the two exits, by batch and step size η (the critic's is 0.4 η).

    `one_`, `many_`, `small_`: batch 1 with η = 0.5, batch 16 with 0.5, batch 1 with 0.5/16, at 16,000 steps each;
    `parallel_` is batch 16 as one step of 16 walkers. `calm_` is batch 1 with η = 0.5 without reward noise, after 4000.
    `updates_4` is η = 0.5 after 4000 updates, each from one step of 4 walkers.
    """
    one = learn(noise=noise, env_steps=env_steps, looks=4)
    runs = {
        "one": one,
        "many": learn(noise=noise, env_steps=env_steps, batch=16),
        "small": learn(noise=noise, env_steps=env_steps, step_size=0.5 / 16),
        "calm": learn(noise=0.0, env_steps=env_steps // 4),
    }
    numbers = {}
    for name, trained in runs.items():
        numbers |= {f"solved_{name}": trained.solved[-1], f"sd_{name}": trained.returns[-1].std()}
    updates = env_steps // 4
    four, sixteen = (learn(noise=noise, env_steps=n * updates, walkers=n, looks=n) for n in (4, 16))
    return numbers | {
        "solved_parallel": learn(noise=noise, env_steps=env_steps, walkers=16).solved[-1],
        "updates_1": one.solved[0],
        "updates_4": four.solved[-1],
        "updates_16": sixteen.solved[-1],
        "matching_step_size": 0.5 / 16,
    }


# ---------------------------------------------------------------- the map of batch sizes and step sizes

MAP = Path(__file__).parent / "step_size_map.json"
BATCHES = (1, 4, 16, 64)
STEP_SIZES = tuple(round(10 ** (k / 5), 3) for k in range(-10, 1))
"""0.01 to 1 in eleven equal ratios; three of them make a factor of 4 (3.98)."""
NOISES = tuple(k / 4 for k in range(7))


def map_cell(noise, batch, step_size, *, learners=256, env_steps=16_000, seed=0):
    """One cell of the map: share of the learners that solve the two exits, and their mean expected return."""
    trained = learn(noise=noise, batch=batch, step_size=step_size, learners=learners, env_steps=env_steps, seed=seed)
    return trained.solved[-1], trained.returns[-1].mean()


def write_map():
    """Train the 256 learners of every cell and store the map; about five minutes on one core."""
    cells = [[[map_cell(noise, batch, eta) for eta in STEP_SIZES] for batch in BATCHES] for noise in NOISES]
    solved, returns = np.moveaxis(np.array(cells), -1, 0)
    stored = {
        "learners": 256,
        "env_steps": 16_000,
        "noise": NOISES,
        "batch": BATCHES,
        "step_size": STEP_SIZES,
        "solved": solved.round(4).tolist(),
        "mean_return": returns.round(4).tolist(),
    }
    MAP.write_text(json.dumps(stored) + "\n", encoding="utf-8")


@cache
def step_size_map():
    """The stored map: share solved and mean return, shape [noises, batches, step sizes] each."""
    stored = json.loads(MAP.read_text(encoding="utf-8"))
    return np.array(stored["solved"]), np.array(stored["mean_return"])


# ---------------------------------------------------------------- how fast the critic learns beside the actor

CRITIC_MAP = Path(__file__).parent / "critic_map.json"
ACTOR_STEPS = (0.05, 0.2, 0.5)
CRITIC_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
CRITIC_NOISES = (0.0, 0.5, 1.0, 1.5)


@claim("CL-66", loose={f"{eta}_{speed}": 512 for eta in ("long", "short", "calm") for speed in ("slow", "fast")})
def faster_critic(env_steps=16_000, learners=512):
    """Share of learners that solve the two exits, by the step sizes of actor and critic.

    `long_` is η = 0.5, with η_V = 0.05 (slow) and 1.0 (fast); `short_` is η = 0.05, with 0.0125 and 0.2; both with
    reward noise of standard deviation 1. `calm_` are the step sizes of `long_` without noise.
    """
    runs = {
        "long_slow": (0.5, 0.05, 1.0),
        "long_fast": (0.5, 1.0, 1.0),
        "short_slow": (0.05, 0.0125, 1.0),
        "short_fast": (0.05, 0.2, 1.0),
        "calm_slow": (0.5, 0.05, 0.0),
        "calm_fast": (0.5, 1.0, 0.0),
    }
    options = {"env_steps": env_steps, "learners": learners}
    return {
        name: learn(step_size=eta, critic_step_size=eta_v, noise=noise, **options).solved[-1]
        for name, (eta, eta_v, noise) in runs.items()
    }


def write_critic_map():
    """Train 512 learners of every pair of step sizes and every noise, and store the shares that solve the two exits."""

    def share(noise, eta, eta_v):
        return learn(step_size=eta, critic_step_size=eta_v, noise=noise, learners=512).solved[-1]

    solved = [[[share(noise, eta, eta_v) for eta_v in CRITIC_STEPS] for eta in ACTOR_STEPS] for noise in CRITIC_NOISES]
    stored = {
        "learners": 512,
        "env_steps": 16_000,
        "noise": CRITIC_NOISES,
        "step_size": ACTOR_STEPS,
        "critic_step_size": CRITIC_STEPS,
        "solved": np.round(solved, 4).tolist(),
    }
    CRITIC_MAP.write_text(json.dumps(stored) + "\n", encoding="utf-8")


@cache
def critic_map():
    """The stored shares, [noises, step sizes of the actor, step sizes of the critic]."""
    return np.array(json.loads(CRITIC_MAP.read_text(encoding="utf-8"))["solved"])


# ---------------------------------------------------------------- the same record, read in two ways

EPISODES = ("RRLRRLRR", "LLRLLRLL", "LRRRRLRR", "RLRRLRRR", "RLLLLRLL")
"""Five recorded episodes of eight steps, as a coin-tossing walker might take them; three leave on the right."""
LUCK = np.random.default_rng(4).standard_normal((len(EPISODES), len(EPISODES[0])))


class Reader(NamedTuple):
    """A learner that reads the record: its tables, those before the last step, and how often it has updated."""

    values: np.ndarray
    """V, shape [7]."""
    right: np.ndarray
    """π(right|s), shape [7]."""
    values_before: np.ndarray
    right_before: np.ndarray
    updates: int


class Moment(NamedTuple):
    """Where the record stands after some steps of an episode, and what both readers have made of it."""

    path: tuple
    """Cells of this episode so far, -1 and 7 being outside."""
    rewards: tuple
    delta: float
    """TD error of the last step for the online reader; NaN before the first step."""
    batch: Reader
    online: Reader


def read_record(episode, step, *, step_size, noise, critic):
    """Batch and online actor-critic on one record, up to `step` steps of `episode` (counted from 1).

    Every sample has the same step size, for actor and critic, in both. Online moves after every step. Batch waits
    for the end of the episode and then adds up all of its steps, with the tables it had at the start.

    Args:
        episode: 1..5. step: 0..8.
        step_size: η of actor and critic.
        noise: standard deviation of the noise on each reward.
        critic: of the batch reader: "mc" or "td".
    """
    online, batch = _Tables(step_size), _Tables(step_size)
    before = {reader: reader.shown() for reader in (online, batch)}
    delta = np.nan
    for number in range(1, episode + 1):
        path, rewards = [START], []
        for t, move in enumerate(EPISODES[number - 1][: step if number == episode else None]):
            before = {reader: reader.shown() for reader in (online, batch)}
            path.append(path[-1] + (1 if move == "R" else -1))
            rewards.append(PAYS[path[-1]] + noise * LUCK[number - 1, t])
            delta = online.fit(path[-2:], rewards[-1:], "td")[0]
            if OUTSIDE[path[-1]]:
                batch.fit(path, rewards, critic)
        if step == 0 and number == episode:
            delta = np.nan
    readers = (Reader(*reader.shown(), *before[reader], reader.updates) for reader in (batch, online))
    return Moment(tuple(place - 1 for place in path), tuple(rewards), delta, *readers)


class _Tables:
    """Tables of one actor-critic, on places with a margin."""

    def __init__(self, step_size):
        self.step_size, self.updates = step_size, 0
        self.logits, self.values = np.zeros((2, PLACES))

    def shown(self):
        return self.values[1:-1].copy(), expit(self.logits[1:-1])

    def fit(self, path, rewards, critic):
        """One update from some steps in a row; returns their TD errors, from the tables as they were before."""
        here, there, rewards = np.array(path[:-1]), np.array(path[1:]), np.array(rewards)
        delta = rewards + GAMMA * self.values[there] - self.values[here]
        went_right = there > here
        np.add.at(self.logits, here, 2 * self.step_size * (went_right - expit(self.logits[here])) * delta)
        if critic == "mc":
            returns = [sum(GAMMA**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]
            for place, value in zip(here, returns, strict=True):
                self.values[place] += self.step_size * (value - self.values[place])
        else:
            np.add.at(self.values, here, self.step_size * delta)
        self.updates += 1
        return delta


if __name__ == "__main__":
    write_map()
    write_critic_map()
