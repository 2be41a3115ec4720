"""SAC: an actor rewarded for its entropy, and critics that count the entropy to come among the rewards.

The soft value of a state is what it is worth to act there and to be unpredictable while doing so:

    V(s) = E[ min_i Q_i(s, a) - α log π_θ(a|s) ],    a ~ π_θ(.|s)

The critics are fitted to r + γ (1 - d) V(s'), the actor ascends V(s). In a Box the mean over actions is taken
from one squashed Gaussian sample, through which the gradient flows; over finitely many actions it is a sum.

π is throughout a density per half-width of the box (`log_unit`): in another unit every step would pay the same sum
more or less, a reward or a fine for staying alive.

    AL-18  Soft actor-critic
        1  start with Q_1(s, a), Q_2(s, a), π_θ(a|s), log α; target networks Q̄_i ← Q_i; an empty replay buffer
        2  for ever:
        3      draw a ~ π_θ(.|s), take it, store (s, a, r, s', d); at first uniformly from the box
        4      sample a minibatch of B stored steps
        5      y = r + γ (1 - d) [min_i Q̄_i(s', a') - α log π_θ(a'|s')], a' ~ π_θ(.|s') drawn now, a constant
        6      one step of both critics down mean ½ (Q_i(s, a) - y)², a from the replay buffer
        7      one step of θ down mean [α log π_θ(a|s) - min_i Q_i(s, a)], where a is a function of θ and noise
        8      one step of log α: up while the entropy is below its target, down while it is above
        9      Q̄_i follow: w̄ ← κ w + (1 - κ) w̄
"""

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from rlcourse.algorithms.agent import (
    AgentConfig,
    Count,
    HiddenSizes,
    ReplayAgent,
    StepSize,
    Switch,
    UnitInterval,
    check_replay,
    gradient_step,
    means,
)
from rlcourse.checks import check_finite
from rlcourse.networks import TanhGaussianActor, TwinCritic, one_each, polyak_update
from rlcourse.objectives import td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.transitions import Transitions


@dataclass(frozen=True)
class SoftConfig(AgentConfig):
    """The settings that all forms of SAC share."""

    gamma: UnitInterval = 0.98
    """Discount γ."""
    alpha: StepSize = 1.0
    """Temperature α, reward per nat of entropy; where it is learned, its value at the start."""
    learn_alpha: Switch = True
    """Adjust α so that the entropy stays at its target."""
    target_entropy: float | None = None
    """The entropy to keep, in nats, of the action in its own unit. None: in a Box the custom of -1 for each of d
    components, measured in half-widths, which is Σ log half-width - d; over m actions 0.4 log m."""
    learning_rate: StepSize = 2e-3
    """Adam's step size η, for everything that is learned."""
    tau: UnitInterval = 0.02
    """κ, the weight of the online network when its target network follows."""
    warmup: Count = 500
    """Steps of uniform random actions at the start, before the first update."""
    batch_size: Count = 128
    """B, stored steps of one update."""
    capacity: Count = 100_000
    """Steps that the replay buffer holds."""
    hidden: HiddenSizes = (64, 64)
    """Widths of the hidden layers of all networks."""

    def check(self) -> None:
        if self.target_entropy is not None:
            object.__setattr__(self, "target_entropy", check_finite("target_entropy", self.target_entropy))
        check_replay(self)


class SoftAgent(ReplayAgent):
    """What all forms of SAC share: a temperature, and learning from replayed steps."""

    log_alpha: nn.Parameter

    @property
    def alpha(self) -> Any:
        """The temperature as it stands, a number; of a population one per seed, tensor [S, 1]."""
        alpha = self.log_alpha.detach().exp()
        return alpha if alpha.dim() else alpha.item()


class SAC(SoftAgent):
    """Soft actor-critic, for actions in a Box. Source: Haarnoja et al. 2018b; listing AL-18.

    Lines 2 to 4 are those of every agent that replays steps, `ReplayAgent.training`.
    """

    Config = SoftConfig

    def build(self) -> None:
        config, spaces = self.config, (self.observation_space, self.action_space)  # AL-18.1
        self.actor = TanhGaussianActor(*spaces, config.hidden, seed=self.seed)
        self.critic = TwinCritic(*spaces, config.hidden, seed=self.seed + 1)
        self.target_critic = copy.deepcopy(self.critic)
        self.log_alpha = nn.Parameter(torch.full(one_each(self.seed), math.log(config.alpha)))
        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)
        self.log_unit = self.actor.half_width.log().sum().item()
        self.target_entropy = -float(self.actor.half_width.numel())
        if config.target_entropy is not None:
            self.target_entropy = config.target_entropy - self.log_unit
        self.actor_optimizer = self.adam(self.actor.parameters(), config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), config.learning_rate)
        self.alpha_optimizer = self.adam([self.log_alpha], config.learning_rate)

    def sample(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """a ~ π_θ(.|s) [B, d] as a function of θ and of noise from the agent's generator, and log π_θ(a|s) [B].

        The density is per half-width of the box.
        """
        policy = self.actor(obs)
        noise = torch.from_numpy(self.rng.standard_normal(policy.mean.shape, dtype=np.float32))
        actions, log_probs = policy.rsample_with_log_prob(noise=noise)
        return actions, log_probs + self.log_unit

    def update(self, batch: Transitions) -> dict:
        """Lines 5 to 9 on stored steps, Transitions[B]."""
        alpha = self.alpha  # AL-18.5
        with torch.no_grad():
            next_actions, next_log_probs = self.sample(batch.next_obs)
            q1, q2 = self.target_critic(batch.next_obs, next_actions)
            soft_values = torch.minimum(q1, q2) - alpha * next_log_probs
            targets = td_target(batch.rewards, soft_values, batch.terminated, gamma=self.config.gamma)

        q1, q2 = self.critic(batch.obs, batch.actions)  # AL-18.6
        critic_losses = 0.5 * ((q1 - targets) ** 2 + (q2 - targets) ** 2)
        gradient_step(self.critic_optimizer, critic_losses.mean())

        actions, log_probs = self.sample(batch.obs)  # AL-18.7
        q1, q2 = self.critic(batch.obs, actions)
        q = torch.minimum(q1, q2)
        actor_losses = alpha * log_probs - q
        gradient_step(self.actor_optimizer, actor_losses.mean())

        if self.config.learn_alpha:  # AL-18.8
            entropy_gap = log_probs.detach() + self.target_entropy
            gradient_step(self.alpha_optimizer, -(self.log_alpha.exp() * entropy_gap).mean())

        polyak_update(self.critic, self.target_critic, tau=self.config.tau)  # AL-18.9

        return means(
            critic_loss=critic_losses,
            actor_loss=actor_losses,
            mean_q=q,
            entropy=self.log_unit - log_probs,  # of the action in its own unit
            alpha=self.log_alpha.exp(),
        )
