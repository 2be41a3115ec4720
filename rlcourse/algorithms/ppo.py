"""PPO-Clip: several passes over one rollout, with a brake on how far the policy may move.

    1  start with θ_0, w_0
    2  for k = 0, 1, 2, ...
    3      collect a rollout with π_k, and keep log π_k
    4      compute the returns to fit V to (λ-returns)
    5      compute advantages Â_t from V_w (GAE), then normalise them
    6      a few epochs of minibatches: ascend mean min(ρ_t Â_t, clip(ρ_t, 1-ε, 1+ε) Â_t)
    7          and descend the mean of (V_w(s_t) - return_t)²
    8  end
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from rlcourse.algorithms.common import Agent, adam, gradient_step, minibatches
from rlcourse.networks import CategoricalActor, ValueCritic
from rlcourse.objectives import clipped_surrogate
from rlcourse.returns import gae


class PPO(Agent):
    """Proximal policy optimization, clipped. Source: Schulman et al. 2017."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.99
        """Discount γ."""
        gae_lambda: float = 0.95
        """λ of the advantage estimator."""
        clip_eps: float = 0.2
        """Half-width ε of the clip range of the ratio."""
        learning_rate: float = 3e-3
        """Adam's step size, for both networks."""
        steps: int = 64
        """Rows collected from every environment before an update."""
        epochs: int = 6
        """Passes over the rollout."""
        minibatch_size: int = 256
        """Rows of one gradient step."""
        hidden: tuple = (64, 64)
        """Widths of the hidden layers of both networks."""

    num_envs = 16
    """Default number of environments side by side."""

    def build(self):
        self.actor = CategoricalActor(
            self.observation_space, self.action_space, self.config.hidden, seed=self.seed
        ).to(self.device)
        self.critic = ValueCritic(self.observation_space, self.config.hidden, seed=self.seed + 1).to(self.device)
        self.actor_optimizer = adam(self.actor, self.config.learning_rate)
        self.critic_optimizer = adam(self.critic, self.config.learning_rate)

    def training(self, collector):
        """Collect, learn, for ever; yields the metrics of every update."""
        while True:
            yield self.update(collector.collect(self, steps=self.config.steps))  # AL-08.3

    @torch.no_grad()
    def targets(self, rollout):
        """Lines 3 to 5: all that stays fixed while the networks move. Shapes [T * N]."""
        values, next_values = self.critic(rollout.obs), self.critic(rollout.next_obs)
        advantages = gae(  # AL-08.5
            rollout.rewards,
            values,
            next_values,
            rollout.terminated,
            rollout.truncated,
            gamma=self.config.gamma,
            gae_lambda=self.config.gae_lambda,
        )
        returns = advantages + values  # AL-08.4
        old_log_probs = self.actor(rollout.obs).log_prob(rollout.actions)
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        return returns.flatten(), advantages.flatten(), old_log_probs.flatten()

    def update(self, rollout):
        """Lines 4 to 7: several passes over one rollout, Transitions[T, N]."""
        rollout = rollout.to(self.device)
        returns, advantages, old_log_probs = self.targets(rollout)
        batch = rollout.flatten()
        for _ in range(self.config.epochs):
            for rows in minibatches(len(batch), self.config.minibatch_size, self.rng):
                obs, actions = batch.obs[rows], batch.actions[rows]

                policy = self.actor(obs)
                objective = clipped_surrogate(  # AL-08.6
                    policy.log_prob(actions), old_log_probs[rows], advantages[rows], clip_eps=self.config.clip_eps
                )
                gradient_step(self.actor_optimizer, -objective)

                value_loss = F.mse_loss(self.critic(obs), returns[rows])  # AL-08.7
                gradient_step(self.critic_optimizer, value_loss)
        return {
            "objective": objective.item(),
            "value_loss": value_loss.item(),
            "entropy": policy.entropy().mean().item(),
        }
