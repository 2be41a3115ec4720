"""One file an algorithm, read top to bottom like its pseudocode."""

from rlcourse.algorithms.ppo import PPO
from rlcourse.algorithms.reinforce import Reinforce

__all__ = ["PPO", "Reinforce"]
