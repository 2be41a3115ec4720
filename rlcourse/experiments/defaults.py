"""Do the defaults hold? Every agent with its default config, on 100 seeds that nobody tuned for.

    make defaults        trains all of them as three processors would, about an hour and a half on two cores,
                         and rewrites data/defaults.json

Two processors round differently, and a few hundred gradient steps later the same seed is another run. So each
population is trained three times: as this machine rounds, and as two others would.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlcourse import algorithms, training
from rlcourse.rollout import evaluate

STORED = Path(__file__).parent.parent / "data" / "defaults.json"
SEEDS = 100
ROUNDINGS = {
    "native": {},
    "compatible": {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"},
    "avx2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
}
"""Name -> environment variables, under which a process computes as another processor would."""


class Trial(NamedTuple):
    """What an agent has to do."""

    env_id: str
    steps: int
    """Environment steps of a run, those that the lessons use."""
    solved: float
    """Mean return without exploration that counts as solved."""
    wanted: int
    """Of 100 seeds, how many should solve it."""
    every: int | None = None
    """Steps between two evaluations on the way, the best of which counts; None: one at the end."""
    episodes: int = 20
    """Episodes of an evaluation."""


TRIALS = {
    "Reinforce": Trial("CartPole-v1", 150_000, 475.0, 97),
    "ParallelActorCritic": Trial("CartPole-v1", 150_000, 475.0, 99),
    "PPO": Trial("CartPole-v1", 100_000, 475.0, 99),
    "DDPG": Trial("Pendulum-v1", 5_000, -200.0, 98, every=250, episodes=10),
    "SAC": Trial("Pendulum-v1", 5_000, -200.0, 98, every=250, episodes=10),
}
"""Name of the algorithm -> its trial."""
STARTS = 100
"""Seed of the evaluations' first states, the same for every run."""


def run(name, seed, *, trial=None):
    """One run: the score that counts, and the environment steps after which it was first known to be solved.

    A run that is judged on the way ends as soon as it has solved the task.

    Returns:
        (score, steps); steps is None where the task was not solved.
    """
    trial = trial or TRIALS[name]
    best, due = -np.inf, trial.every or trial.steps
    for history in training.run(getattr(algorithms, name), trial.env_id, total_steps=trial.steps, seed=seed):
        if history.total_steps >= due:
            score = evaluate(history.agent, trial.env_id, episodes=trial.episodes, seed=STARTS).mean()
            best, due = max(best, float(score)), due + (trial.every or trial.steps)
            if best >= trial.solved:
                return round(best, 1), history.total_steps
    return round(best, 1), None


def population(name, seeds):
    """The runs of some seeds, in this process: (scores, steps), two lists."""
    return tuple(map(list, zip(*(run(name, seed) for seed in seeds), strict=True)))


def regenerate(path=STORED, names=tuple(TRIALS), roundings=tuple(ROUNDINGS), seeds=SEEDS):
    """Train every population under every rounding, and store scores and steps, a line for each population."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    jobs = [(name, rounding) for name in names for rounding in roundings]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread only waits for a process of its own
        runs = {job: [pool.submit(_elsewhere, *job, seed, min(seed + 10, seeds)) for seed in range(0, seeds, 10)]
                for job in jobs}  # fmt: skip
        for (name, rounding), parts in runs.items():
            scores, steps = ([x for part in parts for x in part.result()[kind]] for kind in range(2))
            found.setdefault(name, {})[rounding] = {"scores": scores, "steps": steps}
            print(f"{name:20} {rounding:10} solved by {len(steps) - steps.count(None)} of {len(steps)}", flush=True)
            text = json.dumps(found, separators=(",", ":"))
            for opening in ('"native"', '"compatible"', '"avx2"'):  # a line for each population
                text = text.replace(opening, f"\n{opening}")
            path.write_text(text + "\n", encoding="utf-8")


def _elsewhere(name, rounding, first, last):
    """The population of the seeds first to last - 1, trained in a process that rounds as asked."""
    seeds = f"d.population({name!r}, range({first}, {last}))"
    code = f"import json, rlcourse.experiments.defaults as d; print(json.dumps({seeds}))"
    environment = {**os.environ, **ROUNDINGS[rounding], "OMP_NUM_THREADS": "1"}
    return json.loads(subprocess.check_output([sys.executable, "-c", code], env=environment, text=True))


@cache
def stored():
    """What `regenerate` wrote: algorithm -> rounding -> {"scores": [100], "steps": [100], None where not solved}."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def solved(name):
    """How many of the 100 stored seeds solved the task, by rounding."""
    return {rounding: len(runs["steps"]) - runs["steps"].count(None) for rounding, runs in stored()[name].items()}


if __name__ == "__main__":
    regenerate(names=sys.argv[1:] or tuple(TRIALS))
