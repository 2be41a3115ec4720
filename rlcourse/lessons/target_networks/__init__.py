"""Target networks, overestimation, TD3, and how slow is slow."""

from rlcourse.lessons.target_networks import exercises, experiments, explorers, plots, runs

__all__ = ["exercises", "experiments", "explorers", "plots", "runs"]
