"""The stored runs of the lesson, populations of 16 seeds: settings, details, a race, and the five patients.

    python -m rlcourse.lessons.ppo_in_practice.board                trains everything again: ten minutes on one core
    python -m rlcourse.lessons.ppo_in_practice.board details race   only these sections of runs.json

On another processor every seed is another run; the verdicts of the lesson are those of the intervals.
"""

import math
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlcourse import training
from rlcourse.algorithms import PPO, ParallelActorCritic, Reinforce
from rlcourse.checks import require
from rlcourse.course import study
from rlcourse.curves import interval, learning_curves
from rlcourse.lessons.ppo_in_practice import bonus, broken, details

STORED = Path(__file__).parent / "runs.json"
ENV, STEPS, SEEDS, WINDOW = "CartPole-v1", details.STEPS, 16, 20
SOLVED = 475.0
POINTS = np.linspace(0, STEPS, 41).astype(int)[1:]
"""Environment steps at which the curves are stored."""
DEFAULT = "default"
USUAL = PPO.Config()


class Variation(NamedTuple):
    """One way to differ from the default."""

    setting: str
    """What is changed; the group of the board it stands in."""
    algorithm: type
    config: PPO.Config


def _settings():
    found = {DEFAULT: Variation("default", PPO, USUAL)}
    for rate in (1e-4, 3e-4, 1e-2, 1e-1):
        found[f"η = {rate:g}"] = Variation("step size η (default 0.003)", PPO, replace(USUAL, learning_rate=rate))
    for eps in (0.02, 0.2, 0.5):
        found[f"ε = {eps:g}"] = Variation("clip width ε (default 0.1)", PPO, replace(USUAL, clip_eps=eps))
    for epochs in (1, 20):
        found[f"epochs = {epochs}"] = Variation("epochs (default 6)", PPO, replace(USUAL, epochs=epochs))
    rough = replace(USUAL, learning_rate=1e-2, clip_eps=math.inf)
    for name, algorithm, config in (
        ("no clip, η = 0.01", PPO, rough),
        ("old log π recomputed", broken.OldIsNew, USUAL),
        ("time limit taken for death", broken.ClockKills, USUAL),
        ("no mask in δ, sum still cut", broken.MaskLost, USUAL),
        ("no terminated flag at all", broken.FlagLost, USUAL),
    ):
        found[name] = Variation("one part missing", algorithm, config)
    return found


VARIATIONS = _settings()
"""The board of settings: label -> Variation. All of them but one differ from the default in one thing."""

AWAY, IN = "taken away", "put in"
"""What the package does, and this run does not; what other programs do, and this run, too."""
DETAILS = {
    DEFAULT: Variation("default", PPO, USUAL),
    "advantages not normalised": Variation(AWAY, PPO, replace(USUAL, normalize=False)),
    "start not orthogonal": Variation(AWAY, details.TorchStart, USUAL),
    "large last layer": Variation(AWAY, details.LargeLastLayer, USUAL),
    "Adam's ε = 1e-8": Variation(AWAY, details.TinyEps, USUAL),
    "ReLU, not tanh": Variation(AWAY, details.Relu, USUAL),
    "step size falls to 0": Variation(IN, details.FallingStep, USUAL),
    "value clipping": Variation(IN, details.ClippedValues, USUAL),
    "gradient clipping": Variation(IN, details.ClippedGradients, USUAL),
    "normalised per minibatch": Variation(IN, details.MinibatchNormalized, replace(USUAL, normalize=False)),
    "scaled observations": Variation(IN, details.ScaledObservations, USUAL),
    "scaled rewards": Variation(IN, details.ScaledRewards, USUAL),
    "shared trunk": Variation(IN, details.SharedTrunk, USUAL),
    "KL stop at 0.01": Variation(IN, details.KLStop, USUAL),
}
"""The board of details: label -> Variation."""
PATIENTS = {
    "healthy": (PPO, USUAL),
    "A": (PPO, replace(USUAL, learning_rate=1e-1)),
    "B": (broken.FlagLost, USUAL),
    "C": (PPO, replace(USUAL, entropy_weight=-0.5)),
    "D": (PPO, replace(USUAL, learning_rate=1e-4)),
}
"""The runs of the diagnostics reader, one seed each."""
PATIENT_STEPS = 40_960
READ = ("clip_fraction", "kl", "explained_variance", "entropy")

RACE_STEPS = 61_440
A2C_STEP_SIZES = (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)
"""Tried for A2C, for both of its networks; the best one takes part in the race."""


def _a2c(rate):
    return ParallelActorCritic.Config(hidden=(64, 64), learning_rate=rate, critic_learning_rate=rate)


RACERS = {
    "REINFORCE": (Reinforce, None),
    **{f"A2C, η = {rate:g}": (ParallelActorCritic, _a2c(rate)) for rate in A2C_STEP_SIZES},
    "PPO, 1 epoch": (PPO, replace(USUAL, epochs=1)),
    "PPO, 6 epochs": (PPO, USUAL),
}
"""Who takes part in the race of steps and seconds."""


# ---------------------------------------------------------------- training


def run(variation, *, seed, total_steps=STEPS):
    """One training run of a label of a board, or of a pair (algorithm, config): its History."""
    if isinstance(variation, str):
        require(variation in VARIATIONS or variation in DETAILS, f"variation must be on a board, got {variation!r}")
        variation = (VARIATIONS | DETAILS)[variation][1:]
    algorithm, config = variation
    return training.train(algorithm, ENV, total_steps=total_steps, seed=seed, config=config, progress=False)


def running_score(history):
    """Mean of the last 20 finished returns at every update, [updates]; before any episode has finished 0."""
    ends = np.searchsorted(history.steps, history.metrics["steps"], side="right")
    sums = np.concatenate([[0.0], np.cumsum(history.returns)])
    first = np.maximum(ends - WINDOW, 0)
    return (sums[ends] - sums[first]) / np.maximum(ends - first, 1)


def population(change, seeds):
    """What is stored of a variation: its curve with interval, and per seed the mean of the run and its end."""
    histories = training.train_many(
        change.algorithm, ENV, seeds=seeds, total_steps=STEPS, config=change.config, progress=False
    )
    curves = learning_curves(histories, POINTS)
    middle = interval(np.nan_to_num(curves, nan=np.nanmin(curves)), statistic="mean", resamples=1_000)
    kl = np.array([history.metrics["kl"] for history in histories])
    return {
        "curve": [np.round(line, 1).tolist() for line in middle],
        "run": [round(float(np.nanmean(curve)), 1) for curve in curves],
        "end": [round(float(history.returns[-WINDOW:].mean()), 1) for history in histories],
        "kl": [float(f"{kl.mean():.4g}"), float(f"{kl.max():.4g}")],
    }


def price(algorithm, config, *, seeds=SEEDS, score=SOLVED):
    """Of a race: environment steps of each seed until the mean of 20 returns is at the score, all if never; seconds."""
    start = time.process_time()
    histories = training.train_many(algorithm, ENV, seeds=seeds, total_steps=RACE_STEPS, config=config, progress=False)
    seconds = (time.process_time() - start) / len(histories)
    steps = []
    for history in histories:
        late = np.convolve(history.returns, np.full(WINDOW, 1 / WINDOW), "valid")
        there = np.flatnonzero(late >= score)
        first = history.steps[there[0] + WINDOW - 1] if there.size else RACE_STEPS
        steps.append(min(int(first), RACE_STEPS))
    curve = interval(learning_curves(histories, [RACE_STEPS // 2, RACE_STEPS]), statistic="mean").center
    return {"steps": steps, "seconds": round(seconds, 3), "returns": np.round(curve, 1).tolist()}


def _patients():
    patients = {}
    for name, pair in PATIENTS.items():
        history = run(pair, seed=0, total_steps=PATIENT_STEPS)
        patients[name] = {
            "steps": history.metrics["steps"].tolist(),
            "return": running_score(history).round(1).tolist(),
        }
        patients[name] |= {key: [float(f"{x:.4g}") for x in history.metrics[key]] for key in READ}
    return patients


SECTIONS = {
    "settings": lambda seeds: {name: population(change, seeds) for name, change in VARIATIONS.items()},
    "details": lambda seeds: {name: population(change, seeds) for name, change in DETAILS.items()},
    "again": lambda seeds: {
        name: population(change, range(100, 100 + seeds))["run"] for name, change in DETAILS.items()
    },
    "race": lambda seeds: {name: price(*racer, seeds=seeds) for name, racer in RACERS.items()},
    "patients": lambda seeds: _patients(),
    "bonus": lambda seeds: bonus.tables(),
}
"""Name -> function of the number of seeds. "again" is the board of details with other seeds: do its verdicts hold?"""


def regenerate(path=STORED, only=(), seeds=SEEDS):
    """Train these sections again (or all) and write them beside the others."""
    study.regenerate(path, {name: partial(section, seeds) for name, section in SECTIONS.items()}, only)


# ---------------------------------------------------------------- what is stored


def stored():
    """What `regenerate` wrote, a dict of sections."""
    return study.stored(STORED)


def finals(variation):
    """Mean of the last 20 returns at the end of training, one number per seed."""
    known = stored()["settings"] | stored()["details"]
    require(variation in known, f"variation must be one of {', '.join(known)}, got {variation!r}")
    return known[variation]["end"]


def middle(numbers):
    """Mean over the seeds, and its 95 % bootstrap interval."""
    return interval(numbers, statistic="mean")


if __name__ == "__main__":
    regenerate(only=sys.argv[1:])
