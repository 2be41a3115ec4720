"""Off-policy actor-critic: states from the replay buffer, actions from the present policy.

    AL-06  Off-policy actor-critic
        1  for each episode:
        2      for a few steps:
        3          draw a ~ π_θ(.|s); store (s, a, r, s', d)
        4      sample a minibatch of B stored steps
        5      y = r + γ (1 - d) Q̄(s', a'), with a' ~ π_θ(.|s') drawn now, a constant
        6      one step of w down mean (Q_w(s, a) - y)²
        7      ĝ = 1/B Σ ∇_θ log π_θ(a|s) (Q_w(s, a) - Σ_b π_θ(b|s) Q_w(s, b)), with a ~ π_θ(.|s) drawn now
        8      θ ← θ + η ĝ
        9      the target network Q̄ follows: w̄ ← κ w + (1 - κ) w̄

The states are those of older policies, so ĝ is the gradient of a surrogate objective (Degris et al. 2012).
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.distributions import Categorical

from rlcourse.algorithms.agent import (
    Agent,
    AgentConfig,
    Count,
    HiddenSizes,
    StepSize,
    UnitInterval,
    check_replay,
    gradient_step,
    means,
)
from rlcourse.networks import ActionValueCritic, CategoricalActor, polyak_update
from rlcourse.objectives import policy_gradient, td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions


class OffPolicyActorCritic(Agent):
    """Actor-critic from replayed steps.

    Source: after Degris et al. 2012, who weight stored actions with π/β and have a critic V; here actions are drawn
    anew, and the critic is Q. The target network is that of Mnih et al. 2015, moved as in Lillicrap et al. 2016.
    """

    @dataclass(frozen=True)
    class Config(AgentConfig):
        gamma: UnitInterval = 0.99
        """Discount γ."""
        learning_rate: StepSize = 5e-4
        """Adam's step size of the actor, η."""
        critic_learning_rate: StepSize = 1e-3
        """Adam's step size of the critic."""
        tau: UnitInterval = 0.01
        """κ, the weight of the online critic when the target network follows."""
        steps: Count = 1
        """Time steps collected from every environment before an update."""
        batch_size: Count = 128
        """B, stored steps of one update; also the steps collected before the first."""
        capacity: Count = 50_000
        """Steps that the replay buffer holds."""
        hidden: HiddenSizes = (64, 64)
        """Widths of the hidden layers of both networks."""

        def check(self) -> None:
            check_replay(self)

    num_envs = 1

    def build(self) -> None:
        config, spaces = self.config, (self.observation_space, self.action_space)
        self.actor = CategoricalActor(*spaces, config.hidden, seed=self.seed)
        self.critic = ActionValueCritic(*spaces, config.hidden, seed=self.seed + 1)
        self.target_critic = copy.deepcopy(self.critic)
        self.actor_optimizer = self.adam(self.actor.parameters(), config.learning_rate)
        self.critic_optimizer = self.adam(self.critic.parameters(), config.critic_learning_rate)
        self.buffer = ReplayBuffer(config.capacity, *spaces, seed=self.seed)

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate collection and updates, for ever; yields the metrics of each update."""
        while True:  # AL-06.1
            self.buffer.add(collector.collect(self, steps=self.config.steps))  # AL-06.2 AL-06.3

            if len(self.buffer) >= self.config.batch_size:
                yield self.update(self.buffer.sample(self.config.batch_size))  # AL-06.4

    def draw(self, policy: Categorical) -> torch.Tensor:
        """Actions a ~ π(.|s): the largest of logit + Gumbel noise, from the agent's generator."""
        noise = torch.as_tensor(self.rng.gumbel(size=policy.logits.shape), dtype=policy.logits.dtype)
        return (policy.logits + noise).argmax(-1)

    def update(self, batch: Transitions) -> dict:
        """Lines 5 to 9 on stored steps, Transitions[B]."""
        with torch.no_grad():  # AL-06.5
            next_actions = self.draw(self.actor(batch.next_obs))
            next_q = self.target_critic(batch.next_obs, next_actions)
            targets = td_target(batch.rewards, next_q, batch.terminated, gamma=self.config.gamma)

        q = self.critic(batch.obs, batch.actions)  # AL-06.6 the stored action: r and s' are its consequences
        critic_losses = (q - targets) ** 2
        gradient_step(self.critic_optimizer, critic_losses.mean())

        policy = self.actor(batch.obs)  # AL-06.7
        actions = self.draw(policy)  # not batch.actions, which older policies chose
        with torch.no_grad():
            all_q = self.critic.all_actions(batch.obs)
            q = all_q.gather(-1, actions[..., None]).squeeze(-1)
            advantages = q - (policy.probs * all_q).sum(-1)
        objective = policy_gradient(policy.log_prob(actions), advantages)

        gradient_step(self.actor_optimizer, -objective)  # AL-06.8

        polyak_update(self.critic, self.target_critic, tau=self.config.tau)  # AL-06.9

        return means(value_loss=critic_losses)
