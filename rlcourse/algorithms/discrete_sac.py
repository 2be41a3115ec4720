"""SAC over finitely many actions: the means over actions are sums, and an update draws no action.

Acting, storing and sampling are lines 2 to 4 of AL-18.

AL-19  Soft actor-critic over finitely many actions
    1  start with Q_1(s, a), Q_2(s, a), π_θ(a|s), log α; target networks Q̄_i ← Q_i; an empty replay buffer
    2  y = r + γ (1 - d) Σ_b π_θ(b|s') [min_i Q̄_i(s', b) - α log π_θ(b|s')], a constant
    3  one step of both critics down mean ½ (Q_i(s, a) - y)², a from the replay buffer
    4  one step of θ down mean Σ_b π_θ(b|s) [α log π_θ(b|s) - min_i Q_i(s, b)]
    5  one step of log α: up while the entropy is below its target, down while it is above
    6  Q̄_i follow: w̄ ← κ w + (1 - κ) w̄
"""

import copy
import math

import torch
from torch import nn

from rlcourse.algorithms.agent import gradient_step, means
from rlcourse.algorithms.sac import SoftAgent, SoftConfig
from rlcourse.networks import CategoricalActor, TwinActionValueCritic, one_each, polyak_update
from rlcourse.objectives import td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.transitions import Transitions


class DiscreteSAC(SoftAgent):
    """Soft actor-critic over finitely many actions, with the target entropy 0.4 log m.

    Source: Christodoulou 2019, who takes 0.98 log m, almost uniform; listing AL-19.
    """

    Config = SoftConfig

    def build(self) -> None:
        config, spaces = self.config, (self.observation_space, self.action_space)  # AL-19.1
        self.actor = CategoricalActor(*spaces, config.hidden, seed=self.seed)
        self.critic = TwinActionValueCritic(*spaces, config.hidden, seed=self.seed + 1)
        self.target_critic = copy.deepcopy(self.critic)
        self.log_alpha = nn.Parameter(torch.full(one_each(self.seed), math.log(config.alpha)))
        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)
        self.target_entropy = config.target_entropy
        if config.target_entropy is None:
            self.target_entropy = 0.4 * math.log(self.action_space.n)
        self.actor_optimizer = self.adam(self.actor.parameters(), config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), config.learning_rate)
        self.alpha_optimizer = self.adam([self.log_alpha], config.learning_rate)

    def update(self, batch: Transitions) -> dict:
        """Lines 2 to 6 on stored steps, Transitions[B]."""
        alpha = self.log_alpha.detach().exp()[..., None]  # AL-19.2 the same for every action
        with torch.no_grad():
            policy = self.actor(batch.next_obs)
            q1, q2 = self.target_critic.all_actions(batch.next_obs)
            log_probs = policy.logits  # which torch has normalized: log π(b|s')
            soft_values = (policy.probs * (torch.minimum(q1, q2) - alpha * log_probs)).sum(-1)
            targets = td_target(batch.rewards, soft_values, batch.terminated, gamma=self.config.gamma)

        q1, q2 = self.critic(batch.obs, batch.actions)  # AL-19.3
        critic_losses = 0.5 * ((q1 - targets) ** 2 + (q2 - targets) ** 2)
        gradient_step(self.critic_optimizer, critic_losses.mean())

        policy = self.actor(batch.obs)  # AL-19.4
        q1, q2 = self.critic.all_actions(batch.obs)
        log_probs = policy.logits
        actor_losses = (policy.probs * (alpha * log_probs - torch.minimum(q1, q2))).sum(-1)
        gradient_step(self.actor_optimizer, actor_losses.mean())

        if self.config.learn_alpha:  # AL-19.5
            entropy_gap = self.target_entropy - policy.entropy().detach()
            gradient_step(self.alpha_optimizer, -(self.log_alpha.exp() * entropy_gap).mean())

        polyak_update(self.critic, self.target_critic, tau=self.config.tau)  # AL-19.6

        return means(
            critic_loss=critic_losses,
            actor_loss=actor_losses,
            entropy=policy.entropy(),
            alpha=self.log_alpha.exp(),
        )
