"""PPO: the likelihood ratio and the clipped surrogate."""

from rlcourse.lessons.ppo_clipping import exercises, experiments, explorers, plots

__all__ = ["exercises", "experiments", "explorers", "plots"]
