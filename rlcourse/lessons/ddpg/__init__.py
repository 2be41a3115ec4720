"""DDPG: a deterministic actor that climbs a critic."""

from rlcourse.lessons.ddpg import diagrams, exercises, experiments, explorers, plots, runs

__all__ = ["diagrams", "exercises", "experiments", "explorers", "plots", "runs"]
