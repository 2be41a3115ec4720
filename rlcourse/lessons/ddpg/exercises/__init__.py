"""Checkers of the exercises: the critic's target, the actor's loss, the noise, and two wrong diagrams."""

from rlcourse.lessons.ddpg.exercises.noise import ou_step, stationary_std
from rlcourse.lessons.ddpg.exercises.pictures import diagrams
from rlcourse.lessons.ddpg.exercises.updates import actor_loss, td_target

__all__ = ["actor_loss", "diagrams", "ou_step", "stationary_std", "td_target"]
