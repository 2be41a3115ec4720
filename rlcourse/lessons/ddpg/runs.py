"""DDPG on Pendulum, 16 seeds: with the defaults, as the lesson shows live, and with other noise."""

import numpy as np

from rlcourse.algorithms.ddpg import DDPG
from rlcourse.course import pendulum, study
from rlcourse.course.claims import claim
from rlcourse.training import train_many

SEEDS, STEPS = 16, 5_000
"""Learners side by side, and the environment steps of each."""
NOISES = {
    "gaussian": DDPG.Config(),
    "ou": DDPG.Config(noise="ou"),
    "none": DDPG.Config(noise_std=0.0),
}
"""Name of a stored number -> config: white noise, Ornstein-Uhlenbeck noise of the same stationary size, and none."""


def trained(config=None, seeds=SEEDS, steps=STEPS):
    """The agents of a population, and the score of each without noise."""
    histories = train_many(DDPG, pendulum.ENV, seeds=seeds, total_steps=steps, config=config, progress=False)
    agents = [history.agent for history in histories]
    return agents, [pendulum.score(agent) for agent in agents]


def saturated(agent, rows=2_000):
    """Share of the actor's actions within 1 % of the half-width of a limit, in states of its replay buffer."""
    actions = agent.act_deterministically(agent.buffer.sample(rows).obs.numpy())
    low, high = agent.action_space.low, agent.action_space.high
    return float((np.abs(2 * (actions - low) / (high - low) - 1) > 0.99).mean())


@claim("ACTOR-CRITIC-DDPG", trained=True)
def learns():
    """`rl.DDPG` with its defaults after 5,000 steps, judged without noise on the ten first states of all scores.

    `solved`: seeds at -200 or better. `mean`, `mean_low`, `mean_high`: mean return and its 95 % interval. `saturated`:
    share of saturated actions, mean over the seeds; `saturated_solved`: the same over the seeds that are solved.
    """
    agents, scores = trained()
    shares = [saturated(agent) for agent in agents]
    solved = [score >= pendulum.SOLVED for score in scores]
    return {
        "solved": sum(solved),
        **study.fields("mean", scores),
        "saturated": sum(shares) / SEEDS,
        "saturated_solved": float(np.mean([share for share, there in zip(shares, solved, strict=True) if there])),
    }


@claim("CL-43", trained=True)
def which_noise():
    """DDPG on Pendulum after 5,000 steps, 16 seeds for each noise: the score without noise, and who solved the task."""
    numbers = {}
    for name, config in NOISES.items():
        _, scores = trained(config)
        numbers |= study.fields(name, scores) | {f"solved_{name}": sum(score >= pendulum.SOLVED for score in scores)}
    return numbers
