"""The course's small worlds. Each is a table that the oracle solves and an environment that agents play."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import torch

from rlcourse.checks import check_unit_interval
from rlcourse.envs.tabular import TabularEnv, TabularVectorEnv
from rlcourse.exact import FiniteMDP

LEFT, RIGHT = 0, 1


def corridor(offset: float = 0.0) -> FiniteMDP:
    """Six cells in a row, actions left and right; a move goes the other way with probability 0.1.

    A step taken in cell 5 pays 1.0, one taken in cell 0 pays 0.1, any other nothing; `offset` is added to every reward.
    Play starts in cell 0, lasts ten steps and is not discounted.
    """
    transitions = torch.zeros(6, 2, 6, dtype=torch.float64)
    for cell in range(6):
        for action, move in ((LEFT, -1), (RIGHT, +1)):
            transitions[cell, action, min(max(cell + move, 0), 5)] += 0.9
            transitions[cell, action, min(max(cell - move, 0), 5)] += 0.1
    rewards = torch.zeros(6, 2, dtype=torch.float64)
    rewards[0], rewards[5] = 0.1, 1.0
    return FiniteMDP(transitions, rewards + offset)


def survival_chain() -> FiniteMDP:
    """Ten cells and then the end: each step advances with probability 0.8, else stays; reward 1 while alive.

    There is one action, so every true advantage is zero: whatever an estimator says is its error.
    """
    transitions = torch.zeros(10, 1, 10, dtype=torch.float64)
    for cell in range(10):
        transitions[cell, 0, cell] = 0.2
        if cell < 9:
            transitions[cell, 0, cell + 1] = 0.8
    return FiniteMDP(transitions, torch.ones(10, 1, dtype=torch.float64))


def two_exits() -> FiniteMDP:
    """Seven cells, start in the middle: walking out on the left pays 0.4, on the right 1.0; each step costs 0.02.

    Both exits are equally far; only the returns tell them apart.
    """
    transitions = torch.zeros(7, 2, 7, dtype=torch.float64)
    rewards = torch.full((7, 2), -0.02, dtype=torch.float64)
    for cell in range(7):
        if cell > 0:
            transitions[cell, LEFT, cell - 1] = 1.0
        if cell < 6:
            transitions[cell, RIGHT, cell + 1] = 1.0
    rewards[0, LEFT] += 0.4
    rewards[6, RIGHT] += 1.0
    return FiniteMDP(transitions, rewards)


def penalty_shootout(keeper_right: float = 1.0, payoff: float = 1.0, offset: float = 0.0) -> FiniteMDP:
    """One kick: left or right, named from the kicker's view; the keeper dives right with probability q.

    A goal falls exactly when kick and dive differ: Q(left) = q, Q(right) = 1 - q, times payoff, plus offset.
    """
    q = check_unit_interval("keeper_right", keeper_right)
    goal = torch.tensor([[q, 1 - q]], dtype=torch.float64)
    return FiniteMDP(torch.zeros(1, 2, 1), payoff * goal + offset)


class PenaltyShootout(gym.Env):
    """The shoot-out as an environment: one state, two kicks, reward 1 for a goal, and the episode is over.

    Args:
        keeper_right: probability q that the keeper dives right (from the kicker's view).
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, keeper_right: float = 1.0):
        self.keeper_right = check_unit_interval("keeper_right", keeper_right)
        self.observation_space = gym.spaces.Discrete(1)
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[int, dict]:
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        dive = RIGHT if self.np_random.random() < self.keeper_right else LEFT
        goal = float(action != dive)
        return 0, goal, True, False, {"dive": dive}


def register() -> None:
    """Make every world of the course known to Gymnasium."""
    worlds = {
        "Corridor": (corridor, {"start": 0, "reward_noise": 0.5, "horizon": 10}, ("offset",)),
        "SurvivalChain": (survival_chain, {"start": 0, "reward_noise": 1.0}, ()),
        "TwoExits": (two_exits, {"start": 3, "reward_noise": 0.0, "max_episode_steps": 200}, ()),
    }
    for name, (table, defaults, table_options) in worlds.items():
        gym.register(
            f"rlcourse/{name}-v0",
            entry_point=_Entry(TabularEnv, table, defaults, table_options),
            vector_entry_point=_Entry(TabularVectorEnv, table, defaults, table_options),
        )
    gym.register("rlcourse/PenaltyShootout-v0", entry_point=PenaltyShootout)


class _Entry:
    """Table + defaults -> environment, the keyword arguments shared out between the two."""

    def __init__(
        self, make: type, table: Callable[..., FiniteMDP], defaults: dict[str, Any], table_options: Sequence[str]
    ):
        self.make, self.table, self.defaults, self.table_options = make, table, defaults, table_options

    def __call__(self, **options: Any) -> gym.Env | gym.vector.VectorEnv:
        for_table = {key: options.pop(key) for key in self.table_options if key in options}
        return self.make(self.table(**for_table), **{**self.defaults, **options})


register()

__all__ = ["LEFT", "RIGHT", "PenaltyShootout", "corridor", "penalty_shootout", "survival_chain", "two_exits"]
