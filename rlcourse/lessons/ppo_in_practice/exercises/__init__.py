"""Checkers of the exercises: targets, normalising, the whole update, and the clinic."""

from rlcourse.lessons.ppo_in_practice.exercises.repairs import clinic
from rlcourse.lessons.ppo_in_practice.exercises.updates import normalise, value_targets
from rlcourse.lessons.ppo_in_practice.exercises.whole import ppo_update

__all__ = ["clinic", "normalise", "ppo_update", "value_targets"]
