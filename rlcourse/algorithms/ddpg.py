"""DDPG: a deterministic actor climbs the critic's slope; both learn from replayed steps, against target networks.

AL-09  Deep deterministic policy gradient
    1  start with a critic Q_w(s, a) and an actor μ_θ(s)
    2  target networks Q̄ ← Q_w, μ̄ ← μ_θ
    3  an empty replay buffer
    4  for each episode: start the noise and the environment anew
    5      a = μ_θ(s) + noise, clipped to the box; at first a uniform draw from the box
    6      take a, observe r, s' and whether the episode terminated, d
    7      store (s, a, r, s', d)
    8      sample a minibatch of B stored steps
    9      y = r + γ (1 - d) Q̄(s', μ̄(s')), a constant
    10     one step of w down mean (Q_w(s, a) - y)²
    11     one step of θ up mean Q_w(s, μ_θ(s)), whose gradient is ∇_a Q_w ∇_θ μ_θ
    12     Q̄ and μ̄ follow: w̄ ← κ w + (1 - κ) w̄
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from rlcourse.algorithms.agent import (
    Agent,
    AgentConfig,
    Count,
    HiddenSizes,
    NonNegative,
    RandomPolicy,
    StepSize,
    UnitInterval,
    check_replay,
    gradient_step,
    means,
)
from rlcourse.checks import require
from rlcourse.networks import ContinuousCritic, DeterministicActor, polyak_update
from rlcourse.noise import GaussianNoise, OrnsteinUhlenbeck
from rlcourse.objectives import td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions


class DDPG(Agent):
    """Deep deterministic policy gradient, for actions in a Box. Source: Lillicrap et al. 2016."""

    @dataclass(frozen=True)
    class Config(AgentConfig):
        gamma: UnitInterval = 0.99
        """Discount γ."""
        learning_rate: StepSize = 2e-3
        """Adam's step size η, for actor and critic."""
        tau: UnitInterval = 0.02
        """κ, the weight of the online networks when the target networks follow; 1 copies them."""
        target_every: Count = 1
        """Updates between two moves of the target networks. With tau = 1 they are hard copies; if both are 1, none."""
        noise: str = "gaussian"
        """Exploration noise: "gaussian", or "ou" (Ornstein-Uhlenbeck, whose samples depend on the one before)."""
        noise_std: NonNegative = 0.1
        """Its standard deviation in the long run, in half-widths of the box."""
        warmup: Count = 500
        """Steps of uniform random actions at the start, before the first update."""
        batch_size: Count = 128
        """B, stored steps of one update."""
        capacity: Count = 100_000
        """Steps that the replay buffer holds."""
        hidden: HiddenSizes = (64, 64)
        """Widths of the hidden layers of all networks."""

        def check(self) -> None:
            require(self.noise in ("gaussian", "ou"), f"noise must be 'gaussian' or 'ou', got {self.noise!r}")
            check_replay(self)

    num_envs = 1

    def build(self) -> None:
        config, spaces = self.config, (self.observation_space, self.action_space)  # AL-09.1
        self.actor = DeterministicActor(*spaces, config.hidden, seed=self.seed)
        self.critic = ContinuousCritic(*spaces, config.hidden, seed=self.seed + 1)
        self.actor_optimizer = self.adam(self.actor.parameters(), config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), config.learning_rate)

        self.target_actor, self.target_critic = copy.deepcopy(self.actor), copy.deepcopy(self.critic)  # AL-09.2

        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)  # AL-09.3

        self.noise = self.make_noise(self.action_space.shape)

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate steps and updates, for ever; yields the metrics of each update."""
        config, random_policy = self.config, RandomPolicy(self)
        self.noise = self.make_noise((*collector.batch_shape, *self.action_space.shape))
        while True:
            learning = len(self.buffer) >= config.warmup
            step = collector.collect(self if learning else random_policy, steps=1)  # AL-09.6

            self.buffer.add(step)  # AL-09.7

            self.noise.reset((step.terminated | step.truncated)[-1].numpy())  # AL-09.4

            if len(self.buffer) >= max(config.warmup, config.batch_size):
                yield self.update(self.buffer.sample(config.batch_size))  # AL-09.8

    def act(self, obs: np.ndarray) -> np.ndarray:
        """μ_θ(s) + noise, clipped to the box; obs and actions are NumPy arrays [..., features], [..., d]."""
        actions = self.act_deterministically(obs)  # AL-09.5
        if self.noise.state.shape != actions.shape:  # it was last asked about another number of states
            self.noise = self.make_noise(actions.shape)
        low, high = self.action_space.low, self.action_space.high
        noise = (high - low) / 2 * self.noise.sample()
        return (actions + noise).clip(low, high).astype(np.float32)

    def make_noise(self, size: tuple[int, ...]) -> GaussianNoise | OrnsteinUhlenbeck:
        """The exploration noise of so many action components, in half-widths of the box."""
        if self.config.noise == "gaussian":
            return GaussianNoise(size, sigma=self.config.noise_std, seed=self.rng)
        unit = OrnsteinUhlenbeck(size, sigma=1.0, seed=self.rng).stationary_std  # the deviation at σ = 1
        return OrnsteinUhlenbeck(size, sigma=self.config.noise_std / unit, seed=self.rng)

    def update(self, batch: Transitions) -> dict:
        """Lines 9 to 12 on stored steps, Transitions[B]."""
        with torch.no_grad():  # AL-09.9
            next_q = self.target_critic(batch.next_obs, self.target_actor(batch.next_obs))
            targets = td_target(batch.rewards, next_q, batch.terminated, gamma=self.config.gamma)

        q = self.critic(batch.obs, batch.actions)  # AL-09.10 the stored action: r and s' are its consequences
        critic_losses = (q - targets) ** 2
        gradient_step(self.critic_optimizer, critic_losses.mean())

        q_of_actor = self.critic(batch.obs, self.actor(batch.obs))  # AL-09.11 the present actor's own action
        gradient_step(self.actor_optimizer, -q_of_actor.mean())

        self.updates += 1  # AL-09.12
        if self.updates % self.config.target_every == 0:
            polyak_update(self.critic, self.target_critic, tau=self.config.tau)
            polyak_update(self.actor, self.target_actor, tau=self.config.tau)

        return means(value_loss=critic_losses, mean_q=q_of_actor)
