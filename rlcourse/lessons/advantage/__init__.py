"""The advantage, through a penalty shoot-out: baselines and variance."""

from rlcourse.lessons.advantage import exercises, experiments, explorers, learned, plots

__all__ = ["exercises", "experiments", "explorers", "learned", "plots"]
