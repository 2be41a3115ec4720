"""Off-policy actor-critic: states from the memory, actions from the present policy.

    AL-06  Off-policy actor-critic
        1  for each episode:
        2      for a few steps:
        3          draw a ~ π_θ(.|s); store (s, a, r, s', d)
        4      sample a minibatch of B stored steps
        5      fit Q_w(s, a) to r + γ (1 - d) Q̄(s', a'), with a' ~ π_θ(.|s') drawn now
        6      ĝ = 1/B Σ ∇_θ log π_θ(a|s) (Q_w(s, a) - Σ_b π_θ(b|s) Q_w(s, b)), with a ~ π_θ(.|s) drawn now
        7      θ ← θ + η ĝ; the lagged copy Q̄ follows Q_w

The states are those of older policies, so ĝ is the gradient of a surrogate objective (Degris et al. 2012).
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from rlcourse.algorithms.common import Agent, adam, check_memory, gradient_step
from rlcourse.networks import ActionValueCritic, CategoricalActor, polyak_update
from rlcourse.objectives import policy_gradient, td_target
from rlcourse.replay import ReplayBuffer


class OffPolicyActorCritic(Agent):
    """Actor-critic from replayed steps. Source: Degris et al. 2012; Mnih et al. 2015 for the lagged critic."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.99
        """Discount γ."""
        learning_rate: float = 5e-4
        """Adam's step size of the actor, η."""
        critic_learning_rate: float = 1e-3
        """Adam's step size of the critic."""
        tau: float = 0.01
        """Weight of the online critic when the lagged one follows it."""
        steps: int = 1
        """Rows collected from every environment before an update."""
        batch_size: int = 128
        """B, stored steps of one update; also the steps collected before the first."""
        capacity: int = 50_000
        """Steps that the memory holds."""
        hidden: tuple = (64, 64)
        """Widths of the hidden layers of both networks."""

    num_envs = 1
    """Default number of environments side by side."""

    def build(self):
        check_memory(self.config)
        spaces = self.observation_space, self.action_space
        self.actor = CategoricalActor(*spaces, self.config.hidden, seed=self.seed).to(self.device)
        self.critic, self.target_critic = (
            ActionValueCritic(*spaces, self.config.hidden, seed=self.seed + 1).to(self.device) for _ in range(2)
        )
        self.actor_optimizer = adam({self.actor: self.config.learning_rate})
        self.critic_optimizer = adam({self.critic: self.config.critic_learning_rate})
        self.buffer = ReplayBuffer(self.config.capacity, *spaces, seed=self.seed)

    def training(self, collector):
        """Collect, remember, learn from memory, for ever; yields the metrics of every update."""
        while True:  # AL-06.1
            self.buffer.add(collector.collect(self, steps=self.config.steps))  # AL-06.2 AL-06.3
            if len(self.buffer) >= self.config.batch_size:
                yield self.update(self.buffer.sample(self.config.batch_size))  # AL-06.4

    def update(self, batch):
        """Lines 5 to 7 on stored steps, Transitions[B]."""
        batch = batch.to(self.device)
        critic_loss = self.critic_loss(batch)
        gradient_step(self.critic_optimizer, critic_loss)
        gradient_step(self.actor_optimizer, self.actor_loss(batch))  # AL-06.7
        polyak_update(self.critic, self.target_critic, tau=self.config.tau)  # AL-06.7
        return {"value_loss": critic_loss.item()}

    def critic_loss(self, batch):
        """Line 5: how far Q_w(s, a) is from its target. The stored action is right here: it was paid for."""
        with torch.no_grad():
            next_actions = self.draw(self.actor(batch.next_obs))  # AL-06.5
            next_q = self.target_critic(batch.next_obs, next_actions)
            target = td_target(batch.rewards, next_q, batch.terminated, gamma=self.config.gamma)
        return F.mse_loss(self.critic(batch.obs, batch.actions), target)  # AL-06.5

    def actor_loss(self, batch):
        """Line 6: the policy gradient at stored states, with actions of the present policy."""
        policy = self.actor(batch.obs)
        actions = self.draw(policy)  # AL-06.6 not batch.actions, which older policies chose
        with torch.no_grad():
            q = self.critic.all_actions(batch.obs)
            advantages = q.gather(-1, actions[..., None]).squeeze(-1) - (policy.probs * q).sum(-1)
        return -policy_gradient(policy.log_prob(actions), advantages)  # AL-06.6
