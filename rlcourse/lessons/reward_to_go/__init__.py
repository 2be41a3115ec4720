"""The policy gradient, from its derivation to REINFORCE with rewards-to-go."""

from rlcourse.lessons.reward_to_go import exercises, experiments, explorers, plots, runs

__all__ = ["exercises", "experiments", "explorers", "plots", "runs"]
