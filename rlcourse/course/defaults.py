"""Do the defaults hold? Agents with their default config, on 100 seeds that nobody tuned for.

    make defaults        trains all of them as three processors would, about an hour on two cores, and rewrites
                         defaults.json

Two processors round differently, and a few hundred gradient steps later the same seed is another run. So each
population is trained three times: as this machine rounds, and as two others would.
"""

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rlcourse import algorithms, training
from rlcourse.course import pendulum, study
from rlcourse.rollout import evaluate

STORED = Path(__file__).parent / "defaults.json"
SEEDS, PART = 100, 25
"""Seeds of a population, and how many of them one process trains side by side."""
ROUNDINGS = {
    "native": {},
    "compatible": {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"},
    "avx2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
}
"""Name -> environment variables, under which a process computes as another processor would."""


class Trial(NamedTuple):
    """An agent, and what it has to do."""

    algorithm: str
    env_id: str
    steps: int
    """Environment steps of a run, those that the lessons use."""
    every: int
    """Steps between two evaluations."""
    solved: float
    """Mean return without exploration that counts as solved."""
    episodes: int = 20
    """Episodes of an evaluation."""
    on_the_way: bool = False
    """Whether the best evaluation counts, and none follows the first that solves the task; else the last one counts."""
    changes: tuple = ()
    """(field, value) pairs in which the config differs from the default."""


TRIALS = {
    "PPO": Trial("PPO", "CartPole-v1", 100_000, 20_000, 475.0),
    "PPO, ε = 0.2": Trial("PPO", "CartPole-v1", 100_000, 20_000, 475.0, changes=(("clip_eps", 0.2),)),
    "REINFORCE": Trial("Reinforce", "CartPole-v1", 150_000, 50_000, 475.0),
    "A2C": Trial("ParallelActorCritic", "CartPole-v1", 150_000, 50_000, 475.0),
    "DDPG": Trial("DDPG", pendulum.ENV, 5_000, 250, pendulum.SOLVED, pendulum.EPISODES, on_the_way=True),
    "SAC": Trial("SAC", pendulum.ENV, 5_000, 250, pendulum.SOLVED, pendulum.EPISODES, on_the_way=True),
}
"""Name -> Trial. All but one have the default config."""


def population(name, seeds):
    """The scores of some seeds at their evaluations, a list per seed; the k-th follows `every` · k environment steps.

    All are trained side by side in this process, until the last evaluation of all of them is made.
    """
    trial = TRIALS[name]
    algorithm, scores = getattr(algorithms, trial.algorithm), {seed: [] for seed in seeds}
    config = algorithm.Config(**dict(trial.changes))
    runs = training.run_many(algorithm, trial.env_id, seeds=list(seeds), total_steps=trial.steps, config=config)
    with contextlib.closing(runs):
        for _, histories in study.checkpoints(runs, trial.every):
            for history in histories:
                if not is_decided(trial, scores[history.seed]):
                    returns = evaluate(history.agent, trial.env_id, episodes=trial.episodes, seed=pendulum.STARTS)
                    scores[history.seed].append(round(float(returns.mean()), 1))
            if all(is_decided(trial, known) for known in scores.values()):
                break
    return list(scores.values())


def regenerate(path=STORED, names=tuple(TRIALS), roundings=tuple(ROUNDINGS), seeds=SEEDS):
    """Train the populations under every rounding, and store their scores, a line for each population."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread only waits for a process of its own
        parts = {
            (name, rounding): [
                pool.submit(_elsewhere, name, rounding, first, min(first + PART, seeds))
                for first in range(0, seeds, PART)
            ]
            for name in names
            for rounding in roundings
        }
        for (name, rounding), futures in parts.items():
            found.setdefault(name, {})[rounding] = [scores for future in futures for scores in future.result()]
            print(f"{name:14} {rounding:10} {count(TRIALS[name], found[name][rounding])} of {seeds} seeds", flush=True)
            study.write(path, found)


def _elsewhere(name, rounding, first, last):
    """The population of the seeds first to last - 1, trained in a process that rounds as asked."""
    runs = f"defaults.population({name!r}, range({first}, {last}))"
    code = f"import json; from rlcourse.course import defaults; print(json.dumps({runs}))"
    environment = {**os.environ, **ROUNDINGS[rounding], "OMP_NUM_THREADS": "1"}
    return json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True))


def stored():
    """What `regenerate` wrote: name -> rounding -> the scores of 100 runs."""
    return study.stored(STORED)


def is_decided(trial, scores):
    """Whether no further evaluation counts: the best one does, and the last has solved the task."""
    return trial.on_the_way and bool(scores) and scores[-1] >= trial.solved


def is_solved(trial, scores):
    """Whether a run with these scores has solved the task."""
    return (max(scores) if trial.on_the_way else scores[-1]) >= trial.solved


def count(trial, runs):
    """How many of the runs have solved the task."""
    return sum(is_solved(trial, scores) for scores in runs)


def solved(name):
    """How many of the 100 stored runs have solved the task, by rounding."""
    return {rounding: count(TRIALS[name], runs) for rounding, runs in stored()[name].items()}


def collapsed(name):
    """How many stored runs had solved the task at an evaluation and fell below it by the end, by rounding."""
    trial = TRIALS[name]
    return {
        rounding: sum(max(scores[:-1]) >= trial.solved > scores[-1] for scores in runs)
        for rounding, runs in stored()[name].items()
    }


if __name__ == "__main__":
    regenerate(names=sys.argv[1:] or tuple(TRIALS))
