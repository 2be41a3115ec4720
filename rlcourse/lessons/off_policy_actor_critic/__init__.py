"""Off-policy actor-critic: replay, and whose actions may be used."""

from rlcourse.lessons.off_policy_actor_critic import exercises, experiments, explorers, plots, runs, stream

__all__ = ["exercises", "experiments", "explorers", "plots", "runs", "stream"]
