"""TD3: DDPG with three repairs against the errors of its critic, overestimation above all.

AL-22  Twin delayed deep deterministic policy gradient
    1  start with Q_1(s, a), Q_2(s, a), μ_θ(s); target networks Q̄_i ← Q_i, μ̄ ← μ_θ; an empty replay buffer
    2  for ever:
    3      a = μ_θ(s) + noise, clipped to the box; at first a uniform draw from the box
    4      take a, store (s, a, r, s', d)
    5      sample a minibatch of B stored steps
    6      ã = μ̄(s') + clip(noise, -c, c), clipped to the box: what is nearly the same action is worth nearly the same
    7      y = r + γ (1 - d) min_i Q̄_i(s', ã), a constant: the smaller of two guesses
    8      one step of both critics down mean (Q_i(s, a) - y)²
    9      at every second update:
    10         one step of θ up mean Q_1(s, μ_θ(s)): the actor waits for critics that have settled a little
    11         Q̄_i and μ̄ follow: w̄ ← κ w + (1 - κ) w̄
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from rlcourse.algorithms.agent import (
    AgentConfig,
    Count,
    HiddenSizes,
    NonNegative,
    ReplayAgent,
    StepSize,
    UnitInterval,
    check_replay,
    gradient_step,
    means,
)
from rlcourse.networks import DeterministicActor, TwinCritic, polyak_update
from rlcourse.objectives import td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.transitions import Transitions


class TD3(ReplayAgent):
    """Twin delayed DDPG, for actions in a Box. Source: Fujimoto et al. 2018."""

    @dataclass(frozen=True)
    class Config(AgentConfig):
        gamma: UnitInterval = 0.99
        """Discount γ."""
        learning_rate: StepSize = 2e-3
        """Adam's step size η, for actor and critics."""
        tau: UnitInterval = 0.02
        """κ, the weight of the online networks when the target networks follow."""
        policy_delay: Count = 2
        """Updates of the critics per update of the actor and the target networks."""
        noise_std: NonNegative = 0.1
        """Standard deviation of the exploration noise, in half-widths of the box."""
        target_noise_std: NonNegative = 0.2
        """Standard deviation of the noise on the target actor's action, in half-widths of the box."""
        target_noise_clip: NonNegative = 0.5
        """c, the largest noise on the target actor's action, in half-widths of the box."""
        warmup: Count = 500
        """Steps of uniform random actions at the start, before the first update."""
        batch_size: Count = 128
        """B, stored steps of one update."""
        capacity: Count = 100_000
        """Steps that the replay buffer holds."""
        hidden: HiddenSizes = (64, 64)
        """Widths of the hidden layers of all networks."""

        def check(self) -> None:
            check_replay(self)

    def build(self) -> None:
        config, spaces = self.config, (self.observation_space, self.action_space)  # AL-22.1
        self.actor = DeterministicActor(*spaces, config.hidden, seed=self.seed)
        self.critic = TwinCritic(*spaces, config.hidden, seed=self.seed + 1)
        self.target_actor, self.target_critic = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)
        self.actor_optimizer = self.adam(self.actor.parameters(), config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), config.learning_rate)

    def act(self, obs: np.ndarray) -> np.ndarray:
        """μ_θ(s) + noise, clipped to the box; obs and actions are NumPy arrays [..., features], [..., d]."""
        actions = self.act_deterministically(obs)  # AL-22.3
        low, high = self.action_space.low, self.action_space.high
        noise = (high - low) / 2 * self.config.noise_std * self.rng.standard_normal(actions.shape)
        return (actions + noise).clip(low, high).astype(np.float32)

    def update(self, batch: Transitions) -> dict:
        """Lines 6 to 11 on stored steps, Transitions[B]."""
        config, target_actor = self.config, self.target_actor  # AL-22.6
        with torch.no_grad():
            noise = torch.as_tensor(self.rng.standard_normal(batch.actions.shape, dtype=np.float32))
            noise = (config.target_noise_std * noise).clamp(-config.target_noise_clip, config.target_noise_clip)
            next_actions = target_actor(batch.next_obs) + target_actor.half_width * noise
            next_actions = next_actions.clamp(target_actor.low, target_actor.high)
            q1, q2 = self.target_critic(batch.next_obs, next_actions)  # AL-22.7
            targets = td_target(batch.rewards, torch.minimum(q1, q2), batch.terminated, gamma=config.gamma)

        q1, q2 = self.critic(batch.obs, batch.actions)  # AL-22.8
        critic_losses = (q1 - targets) ** 2 + (q2 - targets) ** 2
        gradient_step(self.critic_optimizer, critic_losses.mean())

        self.updates += 1  # AL-22.9
        if self.updates % config.policy_delay == 0:
            q1, _ = self.critic(batch.obs, self.actor(batch.obs))  # AL-22.10
            gradient_step(self.actor_optimizer, -q1.mean())

            polyak_update(self.critic, self.target_critic, tau=config.tau)  # AL-22.11
            polyak_update(self.actor, self.target_actor, tau=config.tau)

        return means(value_loss=critic_losses, mean_target=targets)
