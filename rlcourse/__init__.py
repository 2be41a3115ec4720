"""An interactive course on deep reinforcement learning, and the small package its lessons read.

    import rlcourse as rl

Floors 0 to 4 of the house are here; figures, sliders, exercises and quizzes are imported by name:

    from rlcourse import exercises, explorers, quiz
"""

from rlcourse import envs, exact
from rlcourse.algorithms import PPO, Reinforce
from rlcourse.exact import FiniteMDP
from rlcourse.objectives import clipped_surrogate, policy_gradient
from rlcourse.returns import gae, n_step_advantages, rewards_to_go, td_errors
from rlcourse.rollout import Collector, evaluate
from rlcourse.training import History, load, run, train
from rlcourse.transitions import Transitions

__all__ = [
    "PPO",
    "Collector",
    "FiniteMDP",
    "History",
    "Reinforce",
    "Transitions",
    "clipped_surrogate",
    "envs",
    "evaluate",
    "exact",
    "gae",
    "load",
    "n_step_advantages",
    "policy_gradient",
    "rewards_to_go",
    "run",
    "td_errors",
    "train",
]
