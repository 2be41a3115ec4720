"""Actor-critic on its own data: an actor that acts, and a critic that says whether it went better than expected.

Batch, online and parallel are one update at different shapes [T, N] of what is collected before it.
The factor γ^t that belongs to the gradient of a discounted return is left out, as in nearly all programs.

    AL-02  Batch actor-critic: T = a whole episode, N = 1
        1  for each episode:
        2      for each step:
        3          draw a ~ π_θ(.|s); store (s, a, r, s', d)
        4      Â = r + γ (1 - d) V_w(s') - V_w(s), a constant
        5      fit V_w(s) to the sampled returns
        6      ĝ = mean of ∇_θ log π_θ(a|s) Â
        7      θ ← θ + η ĝ

    AL-03  Online actor-critic: T = 1, N = 1
        1  for each episode:
        2      for each step:
        3          draw a ~ π_θ(.|s), observe r, s', d
        4          Â = r + γ (1 - d) V_w(s') - V_w(s), a constant
        5          fit V_w(s) to r + γ (1 - d) V_w(s'), which is V_w(s) + Â; one step has no return to fit
        6          ĝ = ∇_θ log π_θ(a|s) Â
        7          θ ← θ + η ĝ

    AL-04  Synchronous parallel actor-critic: T steps of N environments
        1  N environments share θ and w
        2  all of them act for T steps
        3      wait for the slowest
        4  Â and the targets of V_w by GAE
        5  one step of w, down the mean over all steps and environments
        6  average the gradients of all steps and environments: ĝ = mean of ∇_θ log π_θ(a|s) Â
        7  θ ← θ + η ĝ
        8  all environments go on with the new θ
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from rlcourse.algorithms.agent import (
    Agent,
    AgentConfig,
    Count,
    HiddenSizes,
    StepSize,
    UnitInterval,
    gradient_step,
    means,
)
from rlcourse.algorithms.async_workers import asynchronous
from rlcourse.checks import require
from rlcourse.objectives import policy_gradient
from rlcourse.returns import gae
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions, flatten


class ActorCritic(Agent):
    """What batch, online and parallel share: two networks, and one update on Transitions[T, N] or [T]."""

    @dataclass(frozen=True)
    class Config(AgentConfig):
        gamma: UnitInterval = 0.99
        """Discount γ."""
        gae_lambda: UnitInterval = 0.0
        """λ of the advantage: 0 is the TD error, one step of reward and then the critic."""
        critic_lambda: UnitInterval = 0.0
        """λ of the critic's targets: 0 is TD(0), 1 the Monte-Carlo return."""
        learning_rate: StepSize = 1e-3
        """Adam's step size of the actor, η."""
        critic_learning_rate: StepSize = 5e-3
        """Adam's step size of the critic."""
        hidden: HiddenSizes = (64,)
        """Widths of the hidden layers of both networks; () is linear, a table on numbered states."""

    num_envs = 1

    def build(self) -> None:
        self.actor = self.make_actor()  # AL-04.1
        self.critic = self.make_critic()
        self.actor_optimizer = self.adam(self.actor.parameters(), self.config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), self.config.critic_learning_rate)

    def update(self, batch: Transitions) -> dict:
        """One step of each network: what the critic is fitted to, and what it tells the actor, are constants."""
        config = self.config  # AL-02.4 AL-03.4 AL-04.4
        with torch.no_grad():
            values, next_values = self.critic(batch.obs), self.critic(batch.next_obs)
            steps = batch.rewards, values, next_values, batch.terminated, batch.truncated
            advantages = gae(*steps, gamma=config.gamma, gae_lambda=config.gae_lambda)
            targets = values + gae(*steps, gamma=config.gamma, gae_lambda=config.critic_lambda)

        critic_loss = F.mse_loss(self.critic(batch.obs), targets)  # AL-02.5 AL-03.5 AL-04.5
        gradient_step(self.critic_optimizer, critic_loss)

        log_probs = self.actor(batch.obs).log_prob(batch.actions)  # AL-02.6 AL-03.6 AL-04.6
        objective = policy_gradient(log_probs, advantages)

        gradient_step(self.actor_optimizer, -objective)  # AL-02.7 AL-03.7 AL-04.7

        return means(value_loss=flatten((targets - values) ** 2))


class BatchActorCritic(ActorCritic):
    """One update per episode. Source: Sutton & Barto 2018, section 13.5; listing AL-02."""

    @dataclass(frozen=True)
    class Config(ActorCritic.Config):
        critic_lambda: UnitInterval = 1.0
        """λ of the critic's targets: 0 is TD(0), 1 the Monte-Carlo return."""

    whole_episodes = True

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate episodes and updates, for ever; yields the metrics of each update."""
        while True:  # AL-02.1
            yield self.update(collector.collect_episodes(self))  # AL-02.2 AL-02.3


class OnlineActorCritic(ActorCritic):
    """One update per step. Source: Sutton & Barto 2018, section 13.5; listing AL-03."""

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate steps and updates, for ever; yields the metrics of each update."""
        while True:  # AL-03.1 AL-03.2
            yield self.update(collector.collect(self, steps=1))  # AL-03.3


class ParallelActorCritic(ActorCritic):
    """One update per few steps of many environments (A2C), or of workers that do not wait (A3C).

    After Mnih et al. 2016, with Adam, λ-returns and two networks; listings AL-04 and AL-05.
    """

    @dataclass(frozen=True)
    class Config(ActorCritic.Config):
        learning_rate: StepSize = 7e-4
        """Adam's step size of the actor, η."""
        gae_lambda: UnitInterval = 0.95
        """λ of the advantage."""
        critic_lambda: UnitInterval = 0.95
        """λ of the critic's targets."""
        steps: Count = 8
        """Time steps collected from every environment before an update."""
        workers: str = "sync"
        """"sync": one process steps all environments and updates on all of them; "ray": each worker process
        sends gradients of its own, which are applied as they come (asynchronous)."""
        num_workers: Count = 2
        """Worker processes of "ray", which share the environments as evenly as can be; "sync" needs none."""

        def check(self) -> None:
            require(self.workers in ("sync", "ray"), f"workers must be 'sync' or 'ray', got {self.workers!r}")

    num_envs = 16

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate collection and updates, for ever; yields the metrics of each update."""
        if self.config.workers == "ray":
            yield from asynchronous(self, collector)  # for ever
        while True:  # AL-04.8
            yield self.update(collector.collect(self, steps=self.config.steps))  # AL-04.2 AL-04.3
