"""Parallel actor-critics: many environments, many workers, and what waiting and staleness cost."""

from rlcourse.lessons.parallel_actor_critic import exercises, experiments, explorers, plots, populations, simulator

__all__ = ["exercises", "experiments", "explorers", "plots", "populations", "simulator"]
