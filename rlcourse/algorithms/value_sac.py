"""SAC with a value network beside the critics, its first published form.

AL-17  Soft actor-critic with a value network
    1  start with V_v(s), Q_1(s, a), Q_2(s, a), π_θ(a|s); target network V̄ ← V_v; an empty replay buffer
    2  for ever:
    3      draw a ~ π_θ(.|s), take it, store (s, a, r, s', d); at first uniformly from the box
    4      sample a minibatch of B stored steps
    5      draw a ~ π_θ(.|s) now; soft value min_i Q_i(s, a) - α log π_θ(a|s), a constant
    6      y = r + γ (1 - d) V̄(s'), a constant
    7      one step of v down mean ½ (V_v(s) - soft value)²
    8      one step of both critics down mean ½ (Q_i(s, a) - y)², a from the replay buffer
    9      one step of θ down mean [α log π_θ(a|s) - min_i Q_i(s, a)], where a is a function of θ and noise
    10     V̄ follows: v̄ ← κ v + (1 - κ) v̄
"""

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn

from rlcourse.algorithms.agent import Switch, gradient_step, means
from rlcourse.algorithms.sac import SAC, SoftConfig
from rlcourse.networks import TanhGaussianActor, TwinCritic, ValueCritic, one_each, polyak_update
from rlcourse.objectives import soft_value_target, td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.transitions import Transitions


class ValueSAC(SAC):
    """Soft actor-critic with a value network, for actions in a Box. Source: Haarnoja et al. 2018a; listing AL-17."""

    @dataclass(frozen=True)
    class Config(SoftConfig):
        learn_alpha: Switch = False
        """Adjust α so that the entropy stays at its target."""

    def build(self) -> None:
        config, spaces = self.config, (self.observation_space, self.action_space)  # AL-17.1
        self.actor = TanhGaussianActor(*spaces, config.hidden, seed=self.seed)
        self.critic = TwinCritic(*spaces, config.hidden, seed=self.seed + 1)
        self.value = ValueCritic(self.observation_space, config.hidden, activation="relu", seed=self.seed + 3)
        self.target_value = copy.deepcopy(self.value)
        self.log_alpha = nn.Parameter(torch.full(one_each(self.seed), math.log(config.alpha)))
        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)
        self.log_unit = self.actor.half_width.log().sum().item()
        self.target_entropy = -float(self.actor.half_width.numel())
        if config.target_entropy is not None:
            self.target_entropy = config.target_entropy - self.log_unit
        self.actor_optimizer = self.adam(self.actor.parameters(), config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), config.learning_rate)
        self.value_optimizer = self.adam(self.value.parameters(), config.learning_rate)
        self.alpha_optimizer = self.adam([self.log_alpha], config.learning_rate)

    def update(self, batch: Transitions) -> dict:
        """Lines 5 to 10 on stored steps, Transitions[B]."""
        alpha = self.alpha  # AL-17.5
        with torch.no_grad():
            actions, log_probs = self.sample(batch.obs)
            q1, q2 = self.critic(batch.obs, actions)
            soft_values = soft_value_target(q1, q2, log_probs, alpha=alpha)

        with torch.no_grad():  # AL-17.6
            next_values = self.target_value(batch.next_obs)
            targets = td_target(batch.rewards, next_values, batch.terminated, gamma=self.config.gamma)

        values = self.value(batch.obs)  # AL-17.7
        value_losses = 0.5 * (values - soft_values) ** 2
        gradient_step(self.value_optimizer, value_losses.mean())

        q1, q2 = self.critic(batch.obs, batch.actions)  # AL-17.8
        critic_losses = 0.5 * ((q1 - targets) ** 2 + (q2 - targets) ** 2)
        gradient_step(self.critic_optimizer, critic_losses.mean())

        actions, log_probs = self.sample(batch.obs)  # AL-17.9
        q1, q2 = self.critic(batch.obs, actions)
        q = torch.minimum(q1, q2)
        actor_losses = alpha * log_probs - q
        gradient_step(self.actor_optimizer, actor_losses.mean())

        if self.config.learn_alpha:  # as in line 8 of AL-18
            entropy_gap = log_probs.detach() + self.target_entropy
            gradient_step(self.alpha_optimizer, -(self.log_alpha.exp() * entropy_gap).mean())

        polyak_update(self.value, self.target_value, tau=self.config.tau)  # AL-17.10

        return means(
            value_loss=value_losses,
            critic_loss=critic_losses,
            actor_loss=actor_losses,
            mean_q=q,
            entropy=self.log_unit - log_probs,  # of the action in its own unit
            alpha=self.log_alpha.exp(),
        )
