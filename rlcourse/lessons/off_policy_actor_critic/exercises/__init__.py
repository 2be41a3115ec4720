"""Checkers of the exercises: a ring buffer, the critic's target, the actor's loss, importance weights."""

from rlcourse.lessons.off_policy_actor_critic.exercises.buffer import ring_buffer
from rlcourse.lessons.off_policy_actor_critic.exercises.importance import weighted_gradient
from rlcourse.lessons.off_policy_actor_critic.exercises.loss import actor_loss
from rlcourse.lessons.off_policy_actor_critic.exercises.target import critic_target

__all__ = ["actor_loss", "critic_target", "ring_buffer", "weighted_gradient"]
