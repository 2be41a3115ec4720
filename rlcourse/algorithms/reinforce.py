"""REINFORCE with reward-to-go: the policy gradient, with its weights centred and scaled.

AL-01  Policy gradient with reward-to-go
    1  play N whole episodes with π_θ
    2  compute the reward-to-go R̂_t of every step, backwards
    3  subtract the mean, divide by the standard deviation
    4  ĝ = mean of ∇_θ log π_θ(a_t|s_t) · R̂_t
    5  θ ← θ + η ĝ  (Adam), and back to 1

The factor γ^t that belongs to the gradient of a discounted return is left out, as in nearly all programs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rlcourse.algorithms.agent import (
    Agent,
    AgentConfig,
    HiddenSizes,
    StepSize,
    Switch,
    UnitInterval,
    gradient_step,
    means,
)
from rlcourse.objectives import policy_gradient
from rlcourse.returns import rewards_to_go
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions


class Reinforce(Agent):
    """Monte-Carlo policy gradient. Source: Williams 1992; Sutton & Barto 2018, section 13.3."""

    @dataclass(frozen=True)
    class Config(AgentConfig):
        gamma: UnitInterval = 0.995
        """Discount γ of the reward-to-go."""
        learning_rate: StepSize = 7e-3
        """Adam's step size η."""
        hidden: HiddenSizes = (64,)
        """Widths of the policy's hidden layers; () is a linear policy, a table on numbered states."""
        normalize: Switch = True
        """Centre and scale the weights of a batch (line 3); False leaves the returns as they are."""

    num_envs = 16
    """Default number of episodes per update, played side by side."""
    whole_episodes = True

    def build(self) -> None:
        self.actor = self.make_actor()
        self.optimizer = self.adam(self.actor.parameters(), self.config.learning_rate)

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate episodes and updates, for ever; yields the metrics of each update."""
        while True:
            yield self.update(collector.collect_episodes(self))  # AL-01.1

    def update(self, episodes: Transitions) -> dict:
        """Lines 2 to 5 on whole episodes laid end to end, Transitions[T]."""
        returns = rewards_to_go(  # AL-01.2
            episodes.rewards, episodes.terminated, episodes.truncated, gamma=self.config.gamma
        )

        weights = returns  # AL-01.3
        if self.config.normalize:
            weights = (returns - returns.mean()) / (returns.std(correction=0) + 1e-8)

        policy = self.actor(episodes.obs)  # AL-01.4
        objective = policy_gradient(policy.log_prob(episodes.actions), weights)

        gradient_step(self.optimizer, -objective)  # AL-01.5

        return means(mean_reward_to_go=returns, entropy=policy.entropy())
