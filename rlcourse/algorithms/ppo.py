"""PPO-Clip: several passes over one rollout, with a brake on how far the policy may move.

    AL-08  PPO-Clip
        1  start with θ_0, w_0
        2  for k = 0, 1, 2, ...:
        3      collect a rollout with π_k; keep log π_k(a_t|s_t)
        4      targets of the critic: λ-returns, bootstrapped where an episode was cut
        5      advantages Â_t from V_w (GAE), normalised
        6      a few epochs of minibatches: ascend mean min(ρ_t Â_t, clip(ρ_t, 1-ε, 1+ε) Â_t) with θ
        7          and descend mean (V_w(s_t) - target_t)² with w
        8  end
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from rlcourse.algorithms.common import Agent, adam, gradient_step, minibatches
from rlcourse.objectives import clipped_surrogate
from rlcourse.returns import gae


class PPO(Agent):
    """Proximal policy optimization, clipped, for finitely many actions or a Box. Source: Schulman et al. 2017."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.99
        """Discount γ."""
        gae_lambda: float = 0.95
        """λ of the advantage estimator."""
        clip_eps: float = 0.1
        """Half-width ε of the clip range of the ratio; infinity switches the clip off."""
        learning_rate: float = 3e-3
        """Adam's step size, for both networks."""
        steps: int = 64
        """Rows collected from every environment before an update."""
        epochs: int = 6
        """Passes over the rollout."""
        minibatch_size: int = 256
        """Rows of one gradient step."""
        entropy_weight: float = 0.0
        """Weight of the policy's mean entropy in what θ ascends."""
        normalize: bool = True
        """Centre and scale the advantages of a rollout (line 5); False leaves them as they are."""
        hidden: tuple = (64, 64)
        """Widths of the hidden layers of both networks."""

    num_envs = 16
    """Default number of environments side by side."""

    def build(self):
        self.actor = self.make_actor()  # AL-08.1
        self.critic = self.make_critic()  # AL-08.1
        self.optimizer = adam({nn.ModuleList([self.actor, self.critic]): self.config.learning_rate})

    def training(self, collector):
        """Collect, learn, for ever; yields the metrics of every update."""
        while True:  # AL-08.2
            yield self.update(collector.collect(self, steps=self.config.steps))  # AL-08.3

    @torch.no_grad()
    def targets(self, rollout):
        """Lines 3 to 5: all that stays fixed while the networks move. Three tensors [T * N]."""
        old_log_probs = self.actor(rollout.obs).log_prob(rollout.actions)  # AL-08.3
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
        returns = values + advantages  # AL-08.4
        if self.config.normalize:
            advantages = standardized(advantages)  # AL-08.5
        return old_log_probs.flatten(), returns.flatten(), advantages.flatten()

    def update(self, rollout):
        """Lines 4 to 7: several passes over one rollout, Transitions[T, N]."""
        rollout = rollout.to(self.device)
        old_log_probs, returns, advantages = self.targets(rollout)
        batch = rollout.flatten()
        explained = self.explained_variance(batch, returns)
        for _ in range(self.config.epochs):  # AL-08.6
            for rows in minibatches(len(batch), self.config.minibatch_size, self.rng):
                actor_loss, critic_loss = self.losses(
                    batch.obs[rows], batch.actions[rows], old_log_probs[rows], returns[rows], advantages[rows]
                )
                gradient_step(self.optimizer, actor_loss + critic_loss)  # AL-08.6 AL-08.7 they share no weight
        return {**self.moved(batch, old_log_probs), "value_loss": critic_loss.item(), "explained_variance": explained}

    def losses(self, obs, actions, old_log_probs, returns, advantages):
        """Lines 6 and 7 on a minibatch: the losses of actor and critic, two scalars to descend."""
        policy = self.actor(obs)
        objective = clipped_surrogate(  # AL-08.6
            policy.log_prob(actions), old_log_probs, advantages, clip_eps=self.config.clip_eps
        )
        if self.config.entropy_weight:
            objective = objective + self.config.entropy_weight * policy.entropy().mean()
        return -objective, F.mse_loss(self.critic(obs), returns)  # AL-08.7

    @torch.no_grad()
    def moved(self, batch, old_log_probs):
        """How far one update has moved the policy, on the rollout that it learned from.

        clip_fraction, share of the ratios outside 1 ± ε; largest_ratio; kl, the estimate mean(ρ - 1 - log ρ) of
        KL(π_k, π), never negative (k3 of Schulman 2020); entropy of the new policy.
        """
        policy = self.actor(batch.obs)
        log_ratio = policy.log_prob(batch.actions) - old_log_probs
        ratio = log_ratio.exp()
        return {
            "clip_fraction": ((ratio - 1).abs() > self.config.clip_eps).float().mean().item(),
            "largest_ratio": ratio.max().item(),
            "kl": (ratio - 1 - log_ratio).mean().item(),
            "entropy": policy.entropy().mean().item(),
        }

    @torch.no_grad()
    def explained_variance(self, batch, returns):
        """1 - Var(target - V) / Var(target): 1 is a perfect critic, 0 one that knows only the mean, below 0 worse.

        Not a number where all targets are equal: there is nothing to explain.
        """
        missed = (returns - self.critic(batch.obs)).var(correction=0)
        spread = returns.var(correction=0)
        return 1 - (missed / spread).item() if spread > 0 else float("nan")


def standardized(numbers):
    """Mean 0 and standard deviation 1; a single number becomes 0."""
    return (numbers - numbers.mean()) / (numbers.std(correction=min(1, numbers.numel() - 1)) + 1e-8)
