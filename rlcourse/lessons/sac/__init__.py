"""Soft actor-critic: the whole agent, its temperature, and a comparison."""

from rlcourse.lessons.sac import board, exercises, experiments, explorers, plots, runs

__all__ = ["board", "exercises", "experiments", "explorers", "plots", "runs"]
