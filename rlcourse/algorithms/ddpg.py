"""DDPG: a deterministic actor climbs the critic's slope; both learn from memory, against slow copies of themselves.

    AL-09  Deep deterministic policy gradient
        1  start with a critic Q_w(s, a) and an actor μ_θ(s)
        2  target copies Q̄ ← Q_w, μ̄ ← μ_θ
        3  an empty memory
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

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from rlcourse.algorithms.common import Agent, Uniform, adam, check_memory, gradient_step
from rlcourse.checks import require
from rlcourse.networks import ContinuousCritic, DeterministicActor, frozen, polyak_update
from rlcourse.noise import GaussianNoise, OrnsteinUhlenbeck
from rlcourse.objectives import td_target
from rlcourse.replay import ReplayBuffer


class DDPG(Agent):
    """Deep deterministic policy gradient, for actions in a Box. Source: Lillicrap et al. 2016."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.99
        """Discount γ."""
        learning_rate: float = 2e-3
        """Adam's step size η, for actor and critic."""
        tau: float = 0.02
        """κ, the weight of the online networks when the targets follow; 1 copies them."""
        target_every: int = 1
        """Updates between two moves of the targets; with tau = 1 they are hard copies, and at 1 no targets at all."""
        noise: str = "gaussian"
        """Exploration noise: "gaussian", or "ou" (Ornstein-Uhlenbeck, with a memory)."""
        noise_std: float = 0.1
        """Its standard deviation in the long run, in half-widths of the box."""
        warmup: int = 500
        """Steps of uniform random actions at the start, before the first update."""
        batch_size: int = 128
        """B, stored steps of one update."""
        capacity: int = 100_000
        """Steps that the memory holds."""
        hidden: tuple = (64, 64)
        """Widths of the hidden layers of all networks."""

    num_envs = 1
    """Default number of environments side by side."""

    def build(self):
        config, spaces = self.config, (self.observation_space, self.action_space)
        require(config.noise in ("gaussian", "ou"), f"noise must be 'gaussian' or 'ou', got {config.noise!r}")
        check_memory(config)
        # One seed, equal weights: each target starts as a copy.
        self.actor, self.target_actor = (  # AL-09.1 AL-09.2
            DeterministicActor(*spaces, config.hidden, seed=self.seed).to(self.device) for _ in range(2)
        )
        self.critic, self.target_critic = (  # AL-09.1 AL-09.2
            ContinuousCritic(*spaces, config.hidden, seed=self.seed + 1).to(self.device) for _ in range(2)
        )
        self.optimizer = adam({nn.ModuleList([self.actor, self.critic]): config.learning_rate})
        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)  # AL-09.3
        self.noise = self.make_noise(self.action_space.shape)

    def training(self, collector):
        """Step, remember, learn from memory, for ever; yields the metrics of every update."""
        self.noise = self.make_noise((collector.num_envs, *self.action_space.shape))
        novice = Uniform(self)
        while True:
            ready = len(self.buffer) >= self.config.warmup
            rows = collector.collect(self if ready else novice, steps=1)  # AL-09.5 AL-09.6
            self.buffer.add(rows)  # AL-09.7
            self.noise.reset((rows.terminated | rows.truncated)[-1].numpy())  # AL-09.4
            if len(self.buffer) >= max(self.config.warmup, self.config.batch_size):
                yield self.update(self.buffer.sample(self.config.batch_size))  # AL-09.8

    def make_noise(self, size):
        """The exploration noise of so many action components, in half-widths of the box."""
        if self.config.noise == "gaussian":
            return GaussianNoise(size, sigma=self.config.noise_std, seed=self.rng)
        unit = OrnsteinUhlenbeck(size, sigma=1.0, seed=self.rng).stationary_std
        return OrnsteinUhlenbeck(size, sigma=self.config.noise_std / unit, seed=self.rng)

    def act(self, obs):
        """μ_θ(s) + noise, clipped to the box (line 5); obs and actions are NumPy arrays [..., features], [..., d]."""
        actions = self.act_deterministically(obs)
        if self.noise.state.shape != actions.shape:
            self.noise = self.make_noise(actions.shape)
        low, high = self.action_space.low, self.action_space.high
        noisy = actions + (high - low) / 2 * self.noise.sample().astype(np.float32)  # AL-09.5
        return np.minimum(np.maximum(noisy, low), high)  # AL-09.5

    def update(self, batch):
        """Lines 9 to 12 on stored steps, Transitions[B]."""
        batch = batch.to(self.device)
        critic_loss, actor_loss = self.critic_loss(batch), self.actor_loss(batch)
        gradient_step(self.optimizer, critic_loss + actor_loss)  # AL-09.10 AL-09.11 neither moves the other's weights
        self.updates += 1
        if self.updates % self.config.target_every == 0:  # AL-12.1
            polyak_update(self.critic, self.target_critic, tau=self.config.tau)  # AL-09.12
            polyak_update(self.actor, self.target_actor, tau=self.config.tau)  # AL-09.12
        return {"value_loss": critic_loss.item(), "mean_q": -actor_loss.item()}

    @torch.no_grad()
    def target(self, batch):
        """Line 9: one step of reward, then what the slow copies make of the state that it led to."""
        next_q = self.target_critic(batch.next_obs, self.target_actor(batch.next_obs))  # AL-09.9
        return td_target(batch.rewards, next_q, batch.terminated, gamma=self.config.gamma)  # AL-09.9

    def critic_loss(self, batch):
        """Line 10, a scalar to descend. The stored action is right here: r and s' are its consequences."""
        return F.mse_loss(self.critic(batch.obs, batch.actions), self.target(batch))  # AL-09.10

    def actor_loss(self, batch):
        """Line 11, a scalar to descend: only the states are from memory, the actions are the present actor's."""
        with frozen(self.critic):  # its slope is wanted, ∇_a Q, not its weights' gradient
            return -self.critic(batch.obs, self.actor(batch.obs)).mean()  # AL-09.11
