"""Actor-critic, batch and online."""

from rlcourse.lessons.actor_critic import cartpole, exercises, experiments, explorers, plots

__all__ = ["cartpole", "exercises", "experiments", "explorers", "plots"]
