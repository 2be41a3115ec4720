"""PPO-Clip: several passes over one rollout, with a limit on how far the policy gains by moving.

AL-08  PPO-Clip
    1  start with θ_0, w_0
    2  for k = 0, 1, 2, ...:
    3      collect a rollout with π_k
    4      keep log π_k(a_t|s_t), a constant
    5      advantages Â_t from V_w (GAE), bootstrapped where an episode was cut
    6      targets of the critic, λ-returns: V_w(s_t) + Â_t
    7      normalise the advantages
    8      a few epochs of minibatches:
    9          ascend mean min(ρ_t Â_t, clip(ρ_t, 1-ε, 1+ε) Â_t) with θ
    10         descend mean (V_w(s_t) - target_t)² with w
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from rlcourse.algorithms.agent import (
    Agent,
    AgentConfig,
    Count,
    Finite,
    HiddenSizes,
    Positive,
    StepSize,
    Switch,
    UnitInterval,
    gradient_step,
    means,
    minibatches,
)
from rlcourse.objectives import clipped_surrogate
from rlcourse.returns import gae
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions, flatten


class PPO(Agent):
    """Proximal policy optimization, clipped, for finitely many actions or a Box. Source: Schulman et al. 2017."""

    @dataclass(frozen=True)
    class Config(AgentConfig):
        gamma: UnitInterval = 0.99
        """Discount γ."""
        gae_lambda: UnitInterval = 0.95
        """λ of the advantage estimator."""
        clip_eps: Positive = 0.1
        """Half-width ε of the clip range of the ratio; infinity switches the clip off."""
        learning_rate: StepSize = 3e-3
        """Adam's step size, for both networks."""
        steps: Count = 64
        """Time steps collected from every environment before an update."""
        epochs: Count = 6
        """Passes over the rollout."""
        minibatch_size: Count = 256
        """Rows of one gradient step."""
        entropy_weight: Finite = 0.0
        """Weight of the policy's mean entropy in what θ ascends."""
        normalize: Switch = True
        """Centre and scale the advantages of a rollout (line 7); False leaves them as they are."""
        hidden: HiddenSizes = (64, 64)
        """Widths of the hidden layers of both networks."""

    num_envs = 16

    def build(self) -> None:
        self.actor = self.make_actor()  # AL-08.1
        self.critic = self.make_critic()
        self.actor_optimizer = self.adam(self.actor.parameters(), self.config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), self.config.learning_rate)

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate collection and updates, for ever; yields the metrics of each update."""
        while True:  # AL-08.2
            yield self.update(collector.collect(self, steps=self.config.steps))  # AL-08.3

    def targets(self, rollout: Transitions) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Lines 4 to 7: all that stays fixed while the networks move. Three tensors [T * N]; of S seeds [S, T * N]."""
        with torch.no_grad():  # AL-08.4
            old_log_probs = self.actor(rollout.obs).log_prob(rollout.actions)

        with torch.no_grad():  # AL-08.5
            values, next_values = self.critic(rollout.obs), self.critic(rollout.next_obs)
        advantages = gae(
            rollout.rewards,
            values,
            next_values,
            rollout.terminated,
            rollout.truncated,
            gamma=self.config.gamma,
            gae_lambda=self.config.gae_lambda,
        )

        returns = values + advantages  # AL-08.6

        if self.config.normalize:  # AL-08.7
            advantages = standardized(advantages)
        return flatten(old_log_probs), flatten(returns), flatten(advantages)

    def update(self, rollout: Transitions) -> dict:
        """Lines 4 to 10: several passes over one rollout, Transitions[T, N]. (value_loss is the last minibatch's.)"""
        old_log_probs, returns, advantages = self.targets(rollout)  # AL-08.8 fixed through all epochs
        batch, clip_eps = rollout.flatten(), self.config.clip_eps
        explained_variance = self.explained_variance(batch, returns)
        for _ in range(self.config.epochs):
            for rows in minibatches(batch.rewards.shape[-1], self.config.minibatch_size, self.rng):
                policy = self.actor(batch.obs[rows])  # AL-08.9
                log_probs = policy.log_prob(batch.actions[rows])
                objective = clipped_surrogate(log_probs, old_log_probs[rows], advantages[rows], clip_eps=clip_eps)
                if self.config.entropy_weight:
                    objective = objective + self.config.entropy_weight * policy.entropy().mean()
                gradient_step(self.actor_optimizer, -objective)

                values = self.critic(batch.obs[rows])  # AL-08.10
                critic_losses = (values - returns[rows]) ** 2
                gradient_step(self.critic_optimizer, critic_losses.mean())

        metrics = means(value_loss=critic_losses) | {"explained_variance": explained_variance}
        return metrics | self.diagnostics(batch, old_log_probs)

    @torch.no_grad()
    def diagnostics(self, batch: Transitions, old_log_probs: torch.Tensor) -> dict:
        """How far one update has moved the policy, on the rollout that it learned from.

        clip_fraction, share of the ratios outside 1 ± ε; largest_ratio; kl, the estimate mean(ρ - 1 - log ρ) of
        KL(π_k, π), never negative (k3 of Schulman 2020); entropy of the new policy.
        """
        policy = self.actor(batch.obs)
        log_ratio = policy.log_prob(batch.actions) - old_log_probs
        ratio = log_ratio.exp()
        clipped = (ratio - 1).abs() > self.config.clip_eps
        metrics = means(clip_fraction=clipped.float(), kl=torch.expm1(log_ratio) - log_ratio, entropy=policy.entropy())
        return metrics | {"largest_ratio": ratio.amax(-1).tolist()}

    @torch.no_grad()
    def explained_variance(self, batch: Transitions, returns: torch.Tensor) -> float | list[float]:
        """1 - Var(target - V) / Var(target): 1 is a perfect critic, 0 one that knows only the mean, below 0 worse.

        Not a number where all targets are equal: there is nothing to explain.
        """
        unexplained = (returns - self.critic(batch.obs)).var(-1, correction=0)
        variance = returns.var(-1, correction=0)
        return torch.where(variance > 0, 1 - unexplained / variance, torch.nan).tolist()


def standardized(numbers: torch.Tensor) -> torch.Tensor:
    """Mean 0 and standard deviation 1 over time steps and environments; a single number becomes 0.

    Args:
        numbers: one per step of a rollout, [T, N]; of S seeds [T, S, N], each seed by itself.
    """
    steps = (0, -1)  # all axes but that of the seeds
    correction = min(1, numbers.shape[0] * numbers.shape[-1] - 1)
    std = numbers.std(steps, keepdim=True, correction=correction)
    return (numbers - numbers.mean(steps, keepdim=True)) / (std + 1e-8)
