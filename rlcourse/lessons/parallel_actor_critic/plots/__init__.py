"""Figures: workers and their copies, timelines, B samples of many or of one, equal steps, staleness."""

from rlcourse.lessons.parallel_actor_critic.plots.environments import equal_steps
from rlcourse.lessons.parallel_actor_critic.plots.old_gradients import (
    measured_staleness,
    scaling,
    stale_descent,
    stale_learners,
)
from rlcourse.lessons.parallel_actor_critic.plots.samples import consecutive
from rlcourse.lessons.parallel_actor_critic.plots.timelines import timeline
from rlcourse.lessons.parallel_actor_critic.plots.workers import shared_network

__all__ = [
    "consecutive",
    "equal_steps",
    "measured_staleness",
    "scaling",
    "shared_network",
    "stale_descent",
    "stale_learners",
    "timeline",
]
