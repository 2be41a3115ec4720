"""Generalized advantage estimation: bias against variance."""

from rlcourse.lessons.gae import exercises, experiments, explorers, learning, plots

__all__ = ["exercises", "experiments", "explorers", "learning", "plots"]
