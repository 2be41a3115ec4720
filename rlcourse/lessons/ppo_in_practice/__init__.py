"""PPO as a program: details, diagnostics, scores."""

from rlcourse.lessons.ppo_in_practice import details, exercises, experiments, explorers, plots, probes

__all__ = ["details", "exercises", "experiments", "explorers", "plots", "probes"]
