"""Small teaching environments, registered with Gymnasium, and the vector environments agents train in."""

from rlcourse.envs.tabular import TabularEnv, TabularVectorEnv
from rlcourse.envs.teaching import (
    LEFT,
    RIGHT,
    PenaltyShootout,
    corridor,
    penalty_shootout,
    survival_chain,
    two_exits,
)
from rlcourse.envs.vector import make_env, make_envs

__all__ = [
    "LEFT",
    "RIGHT",
    "PenaltyShootout",
    "TabularEnv",
    "TabularVectorEnv",
    "corridor",
    "make_env",
    "make_envs",
    "penalty_shootout",
    "survival_chain",
    "two_exits",
]
