"""Entropy in the objective: soft policy iteration."""

from rlcourse.lessons.soft_policy_iteration import exercises, experiments, explorers, live, plots

__all__ = ["exercises", "experiments", "explorers", "live", "plots"]
