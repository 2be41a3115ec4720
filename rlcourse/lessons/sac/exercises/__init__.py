"""Checkers of the exercises: the three pieces of SAC that a student writes, and two further ones."""

from rlcourse.lessons.sac.exercises.critics import critic_target, v_loss
from rlcourse.lessons.sac.exercises.further import discrete
from rlcourse.lessons.sac.exercises.policy import actor_loss, alpha_loss

__all__ = ["actor_loss", "alpha_loss", "critic_target", "discrete", "v_loss"]
