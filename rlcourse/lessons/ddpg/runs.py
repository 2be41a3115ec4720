"""DDPG on Pendulum, 16 seeds with the defaults: what the lesson shows live, once more and stored."""

import numpy as np

from rlcourse.algorithms.ddpg import DDPG
from rlcourse.course import pendulum
from rlcourse.course.claims import claim
from rlcourse.curves import interval
from rlcourse.rollout import evaluate
from rlcourse.training import train_many

SEEDS, STEPS = 16, 5_000
"""Learners side by side, and the environment steps of each."""


def saturated(agent, rows=2_000):
    """Share of the actor's actions within 1 % of the half-width of a limit, in states of its replay buffer."""
    actions = agent.act_deterministically(agent.buffer.sample(rows).obs.numpy())
    low, high = agent.action_space.low, agent.action_space.high
    return float((np.abs(2 * (actions - low) / (high - low) - 1) > 0.99).mean())


@claim("ACTOR-CRITIC-DDPG", trained=True)
def learns():
    """`rl.DDPG` with its defaults after 5,000 steps, judged without noise on the ten first states of all scores.

    `solved`: seeds at -200 or better. `mean`, `low`, `high`: mean return and its 95 % interval. `saturated`: share of
    saturated actions, mean over the seeds; `saturated_solved`: the same over the seeds that are solved.
    """
    histories = train_many(DDPG, pendulum.ENV, seeds=SEEDS, total_steps=STEPS, progress=False)
    agents = [history.agent for history in histories]
    scores = [
        evaluate(agent, pendulum.ENV, episodes=pendulum.EPISODES, seed=pendulum.STARTS).mean() for agent in agents
    ]
    shares = [saturated(agent) for agent in agents]
    solved = [score >= pendulum.SOLVED for score in scores]
    reached = interval(scores, statistic="mean")
    return {
        "solved": sum(solved),
        "mean": reached.center,
        "low": reached.low,
        "high": reached.high,
        "saturated": sum(shares) / SEEDS,
        "saturated_solved": float(np.mean([share for share, there in zip(shares, solved, strict=True) if there])),
    }
