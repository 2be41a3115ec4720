"""Figures: two loops, one minibatch under the microscope, whose actions, which critic, how often."""

from rlcourse.lessons.off_policy_actor_critic.plots.buffer import Mismatch, microscope
from rlcourse.lessons.off_policy_actor_critic.plots.gradients import whose_actions
from rlcourse.lessons.off_policy_actor_critic.plots.learned import (
    order_of_samples,
    seeds,
    value_of_a_record,
    which_critic,
)
from rlcourse.lessons.off_policy_actor_critic.plots.loops import two_loops

__all__ = [
    "Mismatch",
    "microscope",
    "order_of_samples",
    "seeds",
    "two_loops",
    "value_of_a_record",
    "which_critic",
    "whose_actions",
]
