"""Figures: two readers of one record, the map of step sizes, two critics in training, four methods at work."""

from rlcourse.lessons.actor_critic.plots.learners import cartpole_scores
from rlcourse.lessons.actor_critic.plots.one_record import readers
from rlcourse.lessons.actor_critic.plots.step_sizes import critic_race, critic_steps, step_size_map

__all__ = [
    "cartpole_scores",
    "critic_race",
    "critic_steps",
    "readers",
    "step_size_map",
]
