"""Checkers: one online step, targets of the critic, two losses with networks, the step size of one sample."""

from rlcourse.lessons.actor_critic.exercises.networks import losses
from rlcourse.lessons.actor_critic.exercises.online import ONLINE_MISTAKES, online_step
from rlcourse.lessons.actor_critic.exercises.targets import (
    STEP_SIZE_MISTAKES,
    TARGET_MISTAKES,
    critic_targets,
    matching_step_size,
)

__all__ = [
    "ONLINE_MISTAKES",
    "STEP_SIZE_MISTAKES",
    "TARGET_MISTAKES",
    "critic_targets",
    "losses",
    "matching_step_size",
    "online_step",
]
