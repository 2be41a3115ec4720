"""Actor-critic on its own data: an actor that acts, and a critic that says whether it went better than expected.

Batch, online and parallel are one update at different shapes [T, N] of what is collected before it. In each,
the errors of line 5 are those of V_w before the fit of line 4: both losses are taken before anything moves.

    AL-02  Batch actor-critic: T = a whole episode, N = 1
        1  for each episode:
        2      for each step:
        3          draw a ~ π_θ(.|s); store (s, a, r, s', d)
        4      fit V_w(s) to the sampled returns
        5      Â = r + γ (1 - d) V_w(s') - V_w(s), a constant
        6      ĝ = mean of ∇_θ log π_θ(a|s) Â
        7      θ ← θ + η ĝ

    AL-03  Online actor-critic: T = 1, N = 1
        1  for each episode:
        2      for each step:
        3          draw a ~ π_θ(.|s), observe r, s', d
        4          fit V_w(s) to r + γ (1 - d) V_w(s'); one step has no return to fit
        5          Â = r + γ (1 - d) V_w(s') - V_w(s), a constant
        6          ĝ = ∇_θ log π_θ(a|s) Â
        7          θ ← θ + η ĝ

    AL-04  Synchronous parallel actor-critic: T steps of N environments
        1  N environments share θ and w
        2  all of them act for T steps
        3      wait for the slowest
        4  average the gradients of all steps and environments
        5  one step of θ and w
        6  everybody goes on with the new θ
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from rlcourse.algorithms.common import Agent, adam, gradient_step
from rlcourse.algorithms.workers import asynchronous
from rlcourse.checks import check_positive_integer, require
from rlcourse.objectives import policy_gradient
from rlcourse.returns import gae


class ActorCritic(Agent):
    """What batch, online and parallel share: two networks, and one update on Transitions[T, N] or [T]."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.99
        """Discount γ."""
        gae_lambda: float = 0.0
        """λ of the advantage: 0 is the TD error, one step of reward and then the critic."""
        critic_lambda: float = 0.0
        """λ of the critic's targets: 0 is TD(0), 1 the Monte-Carlo return."""
        learning_rate: float = 1e-3
        """Adam's step size of the actor, η."""
        critic_learning_rate: float = 5e-3
        """Adam's step size of the critic."""
        hidden: tuple = (64,)
        """Widths of the hidden layers of both networks; () is linear, a table on numbered states."""

    num_envs = 1
    """Default number of environments side by side."""

    def build(self):
        self.actor = self.make_actor()  # AL-04.1
        self.critic = self.make_critic()  # AL-04.1
        self.optimizer = adam(
            {self.actor: self.config.learning_rate, self.critic: self.config.critic_learning_rate}
        )

    def losses(self, batch):
        """The losses of actor and critic on a batch, two scalars to descend."""
        gamma, values = self.config.gamma, self.critic(batch.obs)
        with torch.no_grad():  # what the critic is fitted to, and what it tells the actor, are constants
            outcome = batch.rewards, values, self.critic(batch.next_obs), batch.terminated, batch.truncated
            targets = values + gae(*outcome, gamma=gamma, gae_lambda=self.config.critic_lambda)  # AL-02.4 AL-03.4
            advantages = gae(*outcome, gamma=gamma, gae_lambda=self.config.gae_lambda)  # AL-02.5 AL-03.5
        critic_loss = F.mse_loss(values, targets)  # AL-02.4 AL-03.4
        policy = self.actor(batch.obs)
        objective = policy_gradient(policy.log_prob(batch.actions), advantages)  # AL-02.6 AL-03.6 AL-04.4
        return -objective, critic_loss

    def update(self, batch):
        """One step of both networks: they share no weight, so the sum of the losses moves each by its own."""
        actor_loss, critic_loss = self.losses(batch.to(self.device))
        gradient_step(self.optimizer, actor_loss + critic_loss)  # AL-02.4 AL-02.7 AL-03.4 AL-03.7 AL-04.5
        return {"value_loss": critic_loss.item()}


class BatchActorCritic(ActorCritic):
    """One update an episode. Source: Sutton & Barto 2018, section 13.5; listing AL-02."""

    @dataclass(frozen=True)
    class Config(ActorCritic.Config):
        critic_lambda: float = 1.0
        """λ of the critic's targets: 0 is TD(0), 1 the Monte-Carlo return."""

    def training(self, collector):
        """Play an episode of every environment, learn, for ever; yields the metrics of every update."""
        while True:  # AL-02.1
            yield self.update(collector.collect_episodes(self))  # AL-02.2 AL-02.3


class OnlineActorCritic(ActorCritic):
    """One update a step. Source: Sutton & Barto 2018, section 13.5; listing AL-03."""

    def training(self, collector):
        """Step, learn, for ever; yields the metrics of every update."""
        while True:  # AL-03.1 AL-03.2
            yield self.update(collector.collect(self, steps=1))  # AL-03.3


class ParallelActorCritic(ActorCritic):
    """One update a few steps of many environments (A2C), or of workers that do not wait (A3C).

    Source: Mnih et al. 2016; listings AL-04 and AL-05.
    """

    @dataclass(frozen=True)
    class Config(ActorCritic.Config):
        learning_rate: float = 7e-4
        """Adam's step size of the actor, η."""
        gae_lambda: float = 0.95
        """λ of the advantage."""
        critic_lambda: float = 0.95
        """λ of the critic's targets."""
        steps: int = 8
        """Rows collected from every environment before an update."""
        workers: str = "sync"
        """"sync": one process steps all environments and updates on all of them; "ray": each worker process
        sends gradients of its own, which are applied as they come (asynchronous)."""
        num_workers: int = 2
        """Worker processes of "ray", which share the environments as evenly as can be; "sync" needs none."""

    num_envs = 16

    def build(self):
        require(
            self.config.workers in ("sync", "ray"), f"workers must be 'sync' or 'ray', got {self.config.workers!r}"
        )
        check_positive_integer("num_workers", self.config.num_workers)
        super().build()

    def training(self, collector):
        """Collect, learn, for ever; yields the metrics of every update."""
        if self.config.workers == "ray":
            yield from asynchronous(self, collector)
        while True:  # AL-04.6
            yield self.update(collector.collect(self, steps=self.config.steps))  # AL-04.2 AL-04.3
