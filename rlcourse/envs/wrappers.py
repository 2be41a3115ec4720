"""Wrappers that Gymnasium does not have."""

from typing import Any

import gymnasium as gym

from rlcourse.checks import check_positive_integer


class HoldAction(gym.Wrapper):
    """Each action is held for several steps, and their rewards are added up: one decision of the agent.

    Random decisions then push one way long enough to lead somewhere. The return of an episode stays what it was; a
    discount counts decisions.

    Args:
        env: the environment.
        times: steps per decision, a whole number >= 1; fewer where the episode ends before.

    Raises:
        ValueError: if times is something else.
    """

    def __init__(self, env: gym.Env, times: int):
        super().__init__(env)
        self.times = check_positive_integer("times", times)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        total = 0.0
        for _ in range(self.times):
            obs, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return obs, total, terminated, truncated, info
