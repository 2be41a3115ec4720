"""SAC: an actor rewarded for being undecided, and critics that count its entropy among the rewards.

The soft value of a state is what it is worth to act there and to be unpredictable while doing so:

    V(s) = E[ min_i Q_i(s, a) - α log π_θ(a|s) ],    a ~ π_θ(.|s)

The critics are fitted to r + γ (1 - d) V(s'), the actor climbs V(s). In a Box the mean over actions is taken
from one squashed Gaussian sample, through which the gradient flows; over finitely many actions it is a sum.

    AL-17  Soft actor-critic with a value network
        1  start with V_v(s), Q_1(s, a), Q_2(s, a), π_θ(a|s); the slow copy V̄ ← V_v; an empty memory
        2  for ever:
        3      draw a ~ π_θ(.|s); at first uniformly from the box
        4      take a, observe r, s' and whether the episode terminated, d
        5      store (s, a, r, s', d)
        6      sample a minibatch of B stored steps
        7      one step of v down mean ½ (V_v(s) - [min_i Q_i(s, a) - α log π_θ(a|s)])², a ~ π_θ(.|s) drawn now
        8      one step of both critics down mean ½ (Q_i(s, a) - [r + γ (1 - d) V̄(s')])², a from memory
        9      one step of θ down mean [α log π_θ(a|s) - min_i Q_i(s, a)], a a function of θ and noise
        10     V̄ follows: v̄ ← κ v + (1 - κ) v̄

    AL-18  Soft actor-critic
        1  start with Q_1(s, a), Q_2(s, a), π_θ(a|s), log α; slow copies Q̄_i ← Q_i; an empty memory
        2  for ever:
        3      draw a ~ π_θ(.|s), take it, store (s, a, r, s', d); at first uniformly from the box
        4      sample a minibatch of B stored steps
        5      y = r + γ (1 - d) [min_i Q̄_i(s', a') - α log π_θ(a'|s')], a' ~ π_θ(.|s') drawn now, a constant
        6      one step of both critics down mean ½ (Q_i(s, a) - y)², a from memory
        7      one step of θ down mean [α log π_θ(a|s) - min_i Q_i(s, a)], a a function of θ and noise
        8      one step of log α: up while the entropy is below its target, down while it is above
        9      Q̄_i follow: w̄ ← κ w + (1 - κ) w̄

    AL-19  Soft actor-critic over finitely many actions: AL-18, with the means over actions taken exactly
        1  y = r + γ (1 - d) Σ_b π_θ(b|s') [min_i Q̄_i(s', b) - α log π_θ(b|s')]
        2  one step of θ down mean Σ_b π_θ(b|s) [α log π_θ(b|s) - min_i Q_i(s, b)]
"""

import math
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from rlcourse.algorithms.common import Agent, Uniform, adam, check_memory, gradient_step
from rlcourse.checks import check_weight
from rlcourse.networks import (
    CategoricalActor,
    TanhGaussianActor,
    TwinActionValueCritic,
    TwinCritic,
    ValueCritic,
    frozen,
    polyak_update,
)
from rlcourse.objectives import soft_value_target, td_target
from rlcourse.replay import ReplayBuffer


class Temperature(nn.Module):
    """α = exp(log α), kept positive by its logarithm."""

    def __init__(self, alpha):
        super().__init__()
        self.log_alpha = nn.Parameter(torch.tensor(math.log(alpha)))

    def forward(self):
        return self.log_alpha.exp()


class SoftActorCritic(Agent):
    """What both forms of SAC share: the actor, two critics, the temperature, the memory, and how they are used."""

    @dataclass(frozen=True)
    class Config:
        gamma: float = 0.98
        """Discount γ."""
        alpha: float = 1.0
        """Temperature α, reward per nat of entropy; where it is learned, its value at the start."""
        learn_alpha: bool = True
        """Adjust α so that the entropy stays at its target."""
        target_entropy: float | None = None
        """The entropy to keep, in nats, of the action in its own unit. None: in a Box the custom of -1 for each of d
        components, measured in half-widths, which is Σ log half-width - d; over m actions 0.4 log m."""
        twin: bool = True
        """Judge by the smaller of two critics; False: by the first alone."""
        learning_rate: float = 2e-3
        """Adam's step size η, for everything that is learned."""
        tau: float = 0.02
        """κ, the weight of the online network when its slow copy follows."""
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
        check_memory(self.config)
        self.discrete = isinstance(self.action_space, gym.spaces.Discrete)
        actor_class = CategoricalActor if self.discrete else TanhGaussianActor
        spaces = self.observation_space, self.action_space
        self.actor = actor_class(*spaces, self.config.hidden, seed=self.seed).to(self.device)  # AL-17.1 AL-18.1
        self.critic = self.make_twins()  # AL-17.1 AL-18.1
        self.temperature = Temperature(self.config.alpha).to(self.device)  # AL-18.1
        self.target_entropy = self.choose_target_entropy()
        self.buffer = ReplayBuffer(self.config.capacity, *spaces, seed=self.seed)  # AL-17.1 AL-18.1

    def make_twins(self):
        """Q_1 and Q_2, which differ in their initial weights; the slow copies made here start equal to them."""
        kind = TwinActionValueCritic if self.discrete else TwinCritic
        return kind(self.observation_space, self.action_space, self.config.hidden, seed=self.seed + 1).to(self.device)

    def choose_target_entropy(self):
        if self.config.target_entropy is not None:
            return check_weight("target_entropy", self.config.target_entropy)
        if self.discrete:
            return 0.4 * math.log(self.action_space.n)
        return (self.actor.half_width.log() - 1).sum().item()

    @property
    def log_unit(self):
        """Σ log half-width: by so much the entropy of an action in its own unit exceeds that in half-widths."""
        return self.actor.half_width.log().sum()

    @property
    def alpha(self):
        """The temperature as it stands, a number."""
        return self.temperature().item()

    def training(self, collector):
        """Step, remember, learn from memory, for ever; yields the metrics of every update."""
        novice = Uniform(self)
        while True:  # AL-17.2 AL-18.2
            ready = len(self.buffer) >= self.config.warmup
            rows = collector.collect(self if ready else novice, steps=1)  # AL-17.3 AL-17.4 AL-18.3
            self.buffer.add(rows)  # AL-17.5 AL-18.3
            if len(self.buffer) >= max(self.config.warmup, self.config.batch_size):
                yield self.update(self.buffer.sample(self.config.batch_size))  # AL-17.6 AL-18.4

    def update(self, batch):
        """One step of everything that is learned, on stored steps, Transitions[B]; then the slow copy follows."""
        batch = batch.to(self.device)
        values, log_probs = self.present_values(batch.obs)
        losses = self.losses(batch, values, log_probs)
        gradient_step(self.optimizer, sum(losses.values()))  # AL-17.7 AL-17.8 AL-17.9 AL-18.6 AL-18.7 AL-18.8
        self.follow()
        metrics = {f"{name}_loss": loss.item() for name, loss in losses.items()}
        return {**metrics, "entropy": -log_probs.mean().item(), "alpha": self.alpha}

    def losses(self, batch, values, log_probs):
        """Scalars to descend by name. Each moves weights of its own, so that their sum moves each by its own."""
        losses = {"critic": self.critic_loss(batch), "actor": self.actor_loss(values)}
        return losses | ({"alpha": self.alpha_loss(log_probs)} if self.config.learn_alpha else {})

    def critic_loss(self, batch):
        """mean ½ Σ_i (Q_i(s, a) - y)², a scalar to descend. The stored action is right here: it was paid for."""
        q = self.critic(batch.obs, batch.actions)
        return F.mse_loss(q, self.target(batch).expand_as(q))  # AL-17.8 AL-18.6

    def actor_loss(self, values):
        """mean [α log π_θ(a|s) - min_i Q_i(s, a)], a scalar to descend, from the present values [B]."""
        return -values.mean()  # AL-17.9 AL-18.7 AL-19.2

    def alpha_loss(self, log_probs):
        """mean -α (log π_θ(a|s) + target entropy), a scalar to descend. Source: Haarnoja et al. 2018b, eq. 18."""
        return -(self.temperature() * (log_probs.detach() + self.target_entropy)).mean()  # AL-18.8

    def present_values(self, obs):
        """What `soft_values` gives for the present critics; a gradient reaches the actor alone."""
        with frozen(self.critic):
            return self.soft_values(obs, self.critic)

    def soft_values(self, obs, critic):
        """V(s) = E[ min_i Q_i(s, a) - α log π_θ(a|s) ] over a ~ π_θ(.|s), and E[ log π_θ(a|s) ].

        In a Box the entropy in V is that of the action in half-widths. In another unit it would be larger or smaller by
        the same number in every step: a reward, or a fine, for staying alive.

        Args:
            obs: [B, features].
            critic: the twins to judge by.

        Returns:
            (V(s) [B], log π [B]): estimates from one action each in a Box, exact over finitely many actions.
        """
        policy, alpha = self.actor(obs), self.alpha
        if self.discrete:
            probs, log_probs = policy.probs, policy.logits
            q = self.smaller(critic.all_actions(obs))
            return (probs * (q - alpha * log_probs)).sum(-1), (probs * log_probs).sum(-1)  # AL-19.1 AL-19.2
        noise = torch.from_numpy(self.rng.standard_normal(policy.mean.shape, dtype=np.float32)).to(self.device)
        actions, log_probs = policy.rsample_with_log_prob(noise=noise)  # AL-17.7 AL-17.9 AL-18.5 AL-18.7
        q1, q2 = critic(obs, actions)
        per_half_width = log_probs + self.log_unit
        return soft_value_target(q1, q2 if self.config.twin else q1, per_half_width, alpha=alpha), log_probs  # AL-18.5

    def smaller(self, q):
        """min_i Q_i(s, .) of both critics' [2, ...]; without twins the first."""
        return q.amin(0) if self.config.twin else q[0]

    def make_optimizer(self, *networks):
        learners = [*networks, self.temperature] if self.config.learn_alpha else networks
        return adam({nn.ModuleList(learners): self.config.learning_rate})


class SAC(SoftActorCritic):
    """Soft actor-critic, in a Box (listing AL-18) or over finitely many actions (AL-19).

    Source: Haarnoja et al. 2018b; Christodoulou 2019 for finitely many actions.
    """

    def build(self):
        super().build()
        self.target_critic = self.make_twins()  # AL-18.1
        self.optimizer = self.make_optimizer(self.actor, self.critic)

    @torch.no_grad()
    def target(self, batch):
        """Line 5: one step of reward, then the soft value of where it led, judged by the slow copies."""
        next_values, _ = self.soft_values(batch.next_obs, self.target_critic)  # AL-18.5 AL-19.1
        return td_target(batch.rewards, next_values, batch.terminated, gamma=self.config.gamma)  # AL-18.5 AL-19.1

    def follow(self):
        """Line 9."""
        polyak_update(self.critic, self.target_critic, tau=self.config.tau)  # AL-18.9


class ValueSAC(SoftActorCritic):
    """Soft actor-critic with a value network beside the critics (listing AL-17). Source: Haarnoja et al. 2018a."""

    @dataclass(frozen=True)
    class Config(SoftActorCritic.Config):
        learn_alpha: bool = False
        """Adjust α so that the entropy stays at its target."""

    def build(self):
        super().build()
        self.value, self.target_value = (self.make_value() for _ in range(2))  # AL-17.1
        self.optimizer = self.make_optimizer(self.actor, self.critic, self.value)

    def make_value(self):
        network = ValueCritic(self.observation_space, self.config.hidden, activation=nn.ReLU, seed=self.seed + 3)
        return network.to(self.device)

    def losses(self, batch, values, log_probs):
        """The losses of SAC, and that of the value network."""
        return super().losses(batch, values, log_probs) | {"value": self.value_loss(batch.obs, values)}

    def value_loss(self, obs, values):
        """mean ½ (V_v(s) - V(s))², a scalar to descend: V_v is fitted to what the actor climbs."""
        return 0.5 * F.mse_loss(self.value(obs), values.detach())  # AL-17.7

    @torch.no_grad()
    def target(self, batch):
        """Line 8: one step of reward, then what the slow copy of the value network makes of where it led."""
        next_values = self.target_value(batch.next_obs)  # AL-17.8
        return td_target(batch.rewards, next_values, batch.terminated, gamma=self.config.gamma)  # AL-17.8

    def follow(self):
        """Line 10."""
        polyak_update(self.value, self.target_value, tau=self.config.tau)  # AL-17.10
