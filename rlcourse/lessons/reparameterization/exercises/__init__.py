"""Exercises: the pathwise gradient, the squashed Gaussian, the loss of the policy."""

from rlcourse.lessons.reparameterization.exercises.gradients import pathwise_gradient, policy_loss
from rlcourse.lessons.reparameterization.exercises.squashed import squashed_gaussian

__all__ = ["pathwise_gradient", "policy_loss", "squashed_gaussian"]
