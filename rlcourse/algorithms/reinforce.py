"""REINFORCE with reward-to-go: the policy gradient with nothing added.

    AL-01  Policy gradient with reward-to-go
        1  play N whole episodes with π_θ
        2  compute the reward-to-go R̂_t of every step, backwards
        3  subtract what is typical, divide by the spread
        4  ĝ = mean of ∇_θ log π_θ(a_t|s_t) · R̂_t
        5  θ ← θ + η ĝ  (Adam), and back to 1
"""

from dataclasses import dataclass

import torch

from rlcourse.algorithms.common import Agent, adam, gradient_step
from rlcourse.objectives import policy_gradient
from rlcourse.returns import rewards_to_go


class Reinforce(Agent):
    """Monte-Carlo policy gradient. Source: Williams 1992; Sutton & Barto 2018, section 13.3."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.99
        """Discount γ of the reward-to-go."""
        learning_rate: float = 1e-2
        """Adam's step size η."""
        hidden: tuple = (64,)
        """Widths of the policy's hidden layers; () is a linear policy, a table on numbered states."""
        normalize: bool = True
        """Centre and scale the weights of a batch (line 3); False leaves the returns as they are."""

    num_envs = 16
    """Default number of episodes an update, played side by side."""

    def build(self):
        self.actor = self.make_actor()
        self.optimizer = adam({self.actor: self.config.learning_rate})

    def training(self, collector):
        """Play, learn, for ever; yields the metrics of every update."""
        while True:
            yield self.update(collector.collect_episodes(self))  # AL-01.1

    def update(self, episodes):
        """Lines 2 to 5 on whole episodes laid end to end, Transitions[T]."""
        episodes = episodes.to(self.device)
        weights = rewards_to_go(  # AL-01.2
            episodes.rewards, episodes.terminated, episodes.truncated, gamma=self.config.gamma
        )
        mean_return = weights.mean().item()
        if self.config.normalize:
            weights = (weights - weights.mean()) / (weights.std(correction=0) + 1e-8)  # AL-01.3

        policy = self.actor(episodes.obs)
        objective = policy_gradient(policy.log_prob(episodes.actions), weights)  # AL-01.4
        gradient_step(self.optimizer, -objective)  # AL-01.5
        with torch.no_grad():
            return {"mean_reward_to_go": mean_return, "entropy": policy.entropy().mean().item()}
