"""How every score on Pendulum is taken, in all lessons: the same first states, the same mark for "solved"."""

from rlcourse.rollout import Player, evaluate

ENV = "Pendulum-v1"
EPISODES, STARTS = 10, 100
"""Episodes of a score, and the seed of their first states."""
SOLVED = -200.0
"""Mean return without exploration that counts as solved; doing nothing earns about -1,250."""


def score(agent: Player) -> float:
    """Mean return of ten episodes without exploration."""
    return float(evaluate(agent, ENV, episodes=EPISODES, seed=STARTS).mean())
