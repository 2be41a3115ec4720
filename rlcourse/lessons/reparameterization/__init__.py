"""Gradients through draws: reparameterization and squashing."""

from rlcourse.lessons.reparameterization import exercises, experiments, explorers, plots

__all__ = ["exercises", "experiments", "explorers", "plots"]
