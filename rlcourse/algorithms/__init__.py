"""One file an algorithm, read top to bottom like its pseudocode."""

from rlcourse.algorithms.actor_critic import BatchActorCritic, OnlineActorCritic, ParallelActorCritic
from rlcourse.algorithms.ddpg import DDPG
from rlcourse.algorithms.discrete_sac import DiscreteSAC
from rlcourse.algorithms.off_policy_actor_critic import OffPolicyActorCritic
from rlcourse.algorithms.ppo import PPO
from rlcourse.algorithms.reinforce import Reinforce
from rlcourse.algorithms.sac import SAC
from rlcourse.algorithms.td3 import TD3
from rlcourse.algorithms.value_sac import ValueSAC

__all__ = [
    "DDPG",
    "PPO",
    "SAC",
    "TD3",
    "BatchActorCritic",
    "DiscreteSAC",
    "OffPolicyActorCritic",
    "OnlineActorCritic",
    "ParallelActorCritic",
    "Reinforce",
    "ValueSAC",
]
