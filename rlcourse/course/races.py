"""Races: what a score costs a learner, in environment steps and CPU seconds; quoted by ppo_in_practice and sac."""

import time

import numpy as np

from rlcourse import training
from rlcourse.algorithms import PPO, ParallelActorCritic, Reinforce

ENV, WINDOW = "CartPole-v1", 20
HALFWAY = 195.0
"""The score at which the race of steps and seconds ends; CartPole's old mark for "solved"."""
RACERS = {
    "reinforce": ("REINFORCE", Reinforce, None),
    "a2c": ("A2C", ParallelActorCritic, None),
    "ppo": ("PPO, 6 epochs", PPO, None),
    "ppo_20": ("PPO, 20 epochs", PPO, PPO.Config(epochs=20)),
}
"""Who takes part: name in the stored numbers -> words, algorithm, config."""


def price(algorithm, config, seed, *, env_id=ENV, score=HALFWAY, most_steps=60_000):
    """Environment steps and CPU seconds until the mean of the last 20 returns reaches a score; all of them if never."""
    start = time.process_time()
    for history in training.run(algorithm, env_id, total_steps=most_steps, seed=seed, config=config):
        late = history.returns[-WINDOW:]
        if len(late) == WINDOW and late.mean() >= score:
            break
    return history.total_steps, time.process_time() - start


def races(seeds=3):
    """What a score cost, means over three seeds: of 195 on CartPole, four learners, and of -300 on Pendulum, PPO.

    PPO has its defaults, on Pendulum but for γ = 0.9. A run that does not get there counts with all its steps. The
    seconds are those of the machine that measured. This is PPO's side of CL-33; the last lesson adds DDPG and SAC, and
    measures the claim.

    Returns:
        Dict of floats: steps_*, steps_most_*, seconds_* of each learner.
    """
    entries = {name: (algorithm, config, {}) for name, (_, algorithm, config) in RACERS.items()}
    pendulum = {"env_id": "Pendulum-v1", "score": -300.0, "most_steps": 120_000}
    entries["pendulum"] = (PPO, PPO.Config(gamma=0.9), pendulum)
    numbers = {}
    for name, (algorithm, config, options) in entries.items():
        steps, seconds = np.transpose([price(algorithm, config, seed, **options) for seed in range(seeds)])
        numbers |= {f"steps_{name}": steps.mean(), f"steps_most_{name}": steps.max(), f"seconds_{name}": seconds.mean()}
    return numbers
