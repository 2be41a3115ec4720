"""DDPG on Pendulum, with one thing changed at a time.

    python -m rlcourse.course.pendulum     trains everything again and rewrites pendulum.json

The claims that are about training read that file.
"""

import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlcourse import training
from rlcourse.algorithms import DDPG
from rlcourse.checks import require
from rlcourse.course.claims import claim, results
from rlcourse.rollout import evaluate

STORED = Path(__file__).parent / "pendulum.json"
ENV, EVERY, EPISODES = "Pendulum-v1", 500, 10
LONG, SHORT = 7_500, 5_000
"""Environment steps of the two variations with five seeds, and of all others."""
STARTS = 100
"""Seed of the first states of every look: all runs are judged on the same ten."""
SOLVED = -200.0
"""Mean return without noise that counts as solved; doing nothing earns about -1,250."""


class Variation(NamedTuple):
    """One way to train DDPG."""

    setting: str
    """What is changed: the group it stands in."""
    config: DDPG.Config
    seeds: int = 3
    steps: int = SHORT


USUAL = DDPG.Config()
DEFAULT, BARE = "default", "no target networks"
SMALL_BATCH = replace(USUAL, batch_size=64, warmup=64)


def _variations():
    found = {
        DEFAULT: Variation("target networks", USUAL, 5, LONG),
        BARE: Variation("target networks", replace(USUAL, tau=1.0, target_every=1), 5, LONG),
    }
    for tau in (0.05, 0.005, 0.0005):
        found[f"κ = {tau:g}"] = Variation("soft copies", replace(USUAL, tau=tau))
    for every in (20, 100, 500):
        found[f"K = {every}"] = Variation("hard copies", replace(USUAL, tau=1.0, target_every=every))
    found["Ornstein-Uhlenbeck"] = Variation("noise", replace(USUAL, noise="ou"))
    found["no noise"] = Variation("noise", replace(USUAL, noise_std=0.0))
    found["64 rows"] = Variation("memory", replace(SMALL_BATCH, capacity=64))
    found["all rows"] = Variation("memory", SMALL_BATCH)
    return found


VARIATIONS = _variations()
"""Label -> Variation. Those of "memory" draw batches of 64 after 64 steps of warm-up, all others are as by default."""


class Run(NamedTuple):
    """One training run, as it is stored."""

    scores: list
    """Mean return of 10 episodes without noise, after every 500 steps."""
    returns: list
    """Of the training episodes, which have 200 steps each."""
    seconds: float
    """CPU time of the training alone."""


def run(variation, *, seed, total_steps=None):
    """Train one variation, by its label, and look at it from time to time; total_steps: its own if None."""
    require(variation in VARIATIONS, f"variation must be one of {', '.join(VARIATIONS)}, got {variation!r}")
    scores, seconds, start, seen = [], 0.0, time.process_time(), 0
    _, config, _, steps = VARIATIONS[variation]
    for history in training.run(DDPG, ENV, total_steps=total_steps or steps, seed=seed, config=config):
        if history.total_steps // EVERY > seen:
            seconds += time.process_time() - start
            seen = history.total_steps // EVERY
            scores.append(round(float(evaluate(history.agent, ENV, episodes=EPISODES, seed=STARTS).mean()), 1))
            start = time.process_time()
    return Run(scores, [round(float(value), 1) for value in history.returns], round(seconds, 1))


def regenerate(path=STORED):
    """Train every variation with every seed, a quarter of an hour on one core, and store them: a line for each run."""
    runs, begun = {}, time.process_time()
    for name, variation in VARIATIONS.items():
        runs[name] = [run(name, seed=seed)._asdict() for seed in range(variation.seeds)]
        last = ", ".join(f"{each['scores'][-1]:.0f}" for each in runs[name])
        print(f"{time.process_time() - begun:5.0f} s  {name:20} {last}", flush=True)
        text = json.dumps({"every": EVERY, "runs": runs}, separators=(",", ":"), ensure_ascii=False)
        path.write_text(text.replace('{"scores"', '\n{"scores"') + "\n", encoding="utf-8")


@cache
def stored():
    """What `regenerate` wrote: label -> list of Run, one a seed."""
    runs = json.loads(STORED.read_text(encoding="utf-8"))["runs"]
    return {name: [Run(**each) for each in seeds] for name, seeds in runs.items()}


def curves(variation):
    """Steps [k], and the mean returns without noise at these steps, [seeds, k]."""
    scores = np.array([each.scores for each in stored()[variation]])
    return EVERY * np.arange(1, scores.shape[1] + 1), scores


def final(variation, steps=SHORT):
    """Mean of the last three looks up to so many steps, one number a seed: one look may fall into a dip."""
    scores = curves(variation)[1]
    last = min(steps // EVERY, scores.shape[1])
    return scores[:, last - 3 : last].mean(1)


def compared(variation):
    """Final scores after 5,000 steps of the seeds 0, 1 and 2, which every variation has."""
    return final(variation)[:3]


def best(variation):
    """Best look of each seed."""
    return curves(variation)[1].max(1)


def solved_at(variation):
    """Steps at the first look of at least -200, one number a seed; infinite if there was none."""
    steps, scores = curves(variation)
    there = scores >= SOLVED
    return np.where(there.any(1), steps[there.argmax(1)], np.inf)


def held(variation):
    """Whether the last three looks of a seed are all solved, booleans."""
    return (curves(variation)[1][:, -3:] >= SOLVED).all(1)


def table():
    """The stored finals as the lesson's table shows them: heading -> label -> scores of the seeds."""
    rows = {
        "targets follow softly": {
            "κ = 1, no targets": BARE,
            "κ = 0.05": "κ = 0.05",
            f"κ = {USUAL.tau:g}, default": DEFAULT,
            "κ = 0.005": "κ = 0.005",
            "κ = 0.0005": "κ = 0.0005",
        },
        "copied every K updates": {name: name for name in ("K = 20", "K = 100", "K = 500")},
        "noise of equal size": {"white, default": DEFAULT, "OU": "Ornstein-Uhlenbeck", "none": "no noise"},
        "memory, batches of 64": {"64 rows": "64 rows", "all rows": "all rows"},
    }
    return {heading: {label: compared(name) for label, name in group.items()} for heading, group in rows.items()}


# ---------------------------------------------------------------- claims


def _ends(field, scores):
    """Final scores as fields of a claim: mean, lowest and highest seed."""
    return {field: scores.mean(), f"{field}_low": scores.min(), f"{field}_high": scores.max()}


@claim("CL-37", trained=True)
def steadier():
    """DDPG on Pendulum, five seeds, 7,500 steps: final score (mean of the last three looks) with and without targets.

    `once_*`: seeds with a look of at least -200 at any time; `held_*`: seeds whose last three looks are all that good.
    `latest_with`: steps at which the slowest seed had its first such look; `best_without`: best look of any seed.
    `double_*`, taken over from CL-38: a critic of one weight that no target network keeps from running away, its size
    after 200 updates, where 0 is right.
    """
    return {
        **_ends("with", final(DEFAULT, LONG)),
        **_ends("without", final(BARE, LONG)),
        "once_with": np.isfinite(solved_at(DEFAULT)).sum(),
        "once_without": np.isfinite(solved_at(BARE)).sum(),
        "held_with": held(DEFAULT).sum(),
        "held_without": held(BARE).sum(),
        "latest_with": solved_at(DEFAULT).max(),
        "best_without": best(BARE).max(),
        **{name: results()["CL-38"][name] for name in ("double_moving", "double_hard_10", "double_polyak_0_05")},
    }


@claim("CL-40", trained=True)
def how_slow():
    """DDPG on Pendulum, 5,000 steps, three seeds each: final score by κ, and by K, updates between hard copies."""
    names = {
        "soft_1": BARE,
        "soft_05": "κ = 0.05",
        "soft_02": DEFAULT,
        "soft_005": "κ = 0.005",
        "soft_0005": "κ = 0.0005",
        "hard_20": "K = 20",
        "hard_100": "K = 100",
        "hard_500": "K = 500",
    }
    numbers = {}
    for field, name in names.items():
        numbers |= _ends(field, compared(name))
    return numbers


@claim("CL-43", trained=True)
def which_noise():
    """DDPG on Pendulum, 5,000 steps, three seeds each: final score with white noise, OU noise of its size, and none."""
    return {
        **_ends("gaussian", compared(DEFAULT)),
        **_ends("ou", compared("Ornstein-Uhlenbeck")),
        **_ends("none", compared("no noise")),
    }


if __name__ == "__main__":
    regenerate()
