"""An interactive course on deep reinforcement learning, and the small package its lessons read.

    import rlcourse as rl

The library is here; figures, sliders, exercises and quizzes are imported by name:

    from rlcourse.lessons import gae as lesson
"""

from rlcourse import envs, exact
from rlcourse.algorithms import (
    DDPG,
    PPO,
    SAC,
    TD3,
    BatchActorCritic,
    DiscreteSAC,
    OffPolicyActorCritic,
    OnlineActorCritic,
    ParallelActorCritic,
    Reinforce,
    ValueSAC,
)
from rlcourse.checkup import check_environment
from rlcourse.curves import interval, learning_curves
from rlcourse.distributions import TanhGaussian
from rlcourse.exact import FiniteMDP
from rlcourse.networks import hard_update, polyak_update
from rlcourse.noise import GaussianNoise, OrnsteinUhlenbeck
from rlcourse.objectives import clipped_surrogate, policy_gradient, soft_value_target, td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.returns import gae, n_step_advantages, rewards_to_go, td_errors
from rlcourse.rollout import Collector, evaluate, record
from rlcourse.training import History, load, run, run_many, train, train_many
from rlcourse.transitions import Transitions

__all__ = [
    "DDPG",
    "PPO",
    "SAC",
    "TD3",
    "BatchActorCritic",
    "Collector",
    "DiscreteSAC",
    "FiniteMDP",
    "GaussianNoise",
    "History",
    "OffPolicyActorCritic",
    "OnlineActorCritic",
    "OrnsteinUhlenbeck",
    "ParallelActorCritic",
    "Reinforce",
    "ReplayBuffer",
    "TanhGaussian",
    "Transitions",
    "ValueSAC",
    "check_environment",
    "clipped_surrogate",
    "envs",
    "evaluate",
    "exact",
    "gae",
    "hard_update",
    "interval",
    "learning_curves",
    "load",
    "n_step_advantages",
    "policy_gradient",
    "polyak_update",
    "record",
    "rewards_to_go",
    "run",
    "run_many",
    "soft_value_target",
    "td_errors",
    "td_target",
    "train",
    "train_many",
]
