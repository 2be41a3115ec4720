"""The details of other people's PPO: each a small subclass of rl.PPO that changes one thing.

All of them work for one seed and for a population, where tensors have an axis for the seeds: rollouts
Transitions[T, S, N], minibatches [S, B], weights [S, in, out].
"""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn import functional as F

from rlcourse.algorithms import PPO
from rlcourse.algorithms.agent import adam, gradient_step, minibatches
from rlcourse.networks import MLP, CategoricalActor, one_each
from rlcourse.objectives import clipped_surrogate

STEPS = 40_960
"""Environment steps of every run on the board: 40 rollouts of 64 steps in 16 environments."""


class PartsPPO(PPO):
    """rl.PPO, whose update calls a method for each part, so that a detail replaces one of them."""

    def update(self, rollout):
        old_log_probs, returns, advantages = self.targets(rollout)
        batch = rollout.flatten()
        with torch.no_grad():
            old_values = self.critic(batch.obs)
        explained_variance = self.explained_variance(batch, returns)
        for _ in range(self.config.epochs):
            for rows in minibatches(batch.rewards.shape[-1], self.config.minibatch_size, self.rng):
                policy, actions = self.actor(batch.obs[rows]), batch.actions[rows]
                policy_loss = self.policy_loss(policy, actions, old_log_probs[rows], advantages[rows])
                value_loss = self.value_loss(self.critic(batch.obs[rows]), returns[rows], old_values[rows])
                self.learn(policy_loss, value_loss)
            self.after_epoch(batch, old_log_probs)
        return {"explained_variance": explained_variance} | self.diagnostics(batch, old_log_probs)

    def policy_loss(self, policy, actions, old_log_probs, advantages):
        """What the actor descends."""
        log_probs = policy.log_prob(actions)
        return -clipped_surrogate(log_probs, old_log_probs, advantages, clip_eps=self.config.clip_eps)

    def value_loss(self, values, returns, old_values):
        """What the critic descends."""
        return F.mse_loss(values, returns)

    def learn(self, policy_loss, value_loss):
        """One step of each network."""
        gradient_step(self.actor_optimizer, policy_loss)
        gradient_step(self.critic_optimizer, value_loss)

    def after_epoch(self, batch, old_log_probs):
        """Nothing, as a rule."""


# ---------------------------------------------------------------- what the package does, taken away


class TorchStart(PPO):
    """Weights and biases begin as in torch's `nn.Linear`, uniform within ±1/√inputs; the last layer stays small."""

    def build(self):
        super().build()
        for net, last_gain in ((self.actor.net, 0.01), (self.critic.net, 1.0)):
            for layer in range(len(net.weights)):
                gain = last_gain if layer == len(net.weights) - 1 else 1.0
                for part in (net.weights[layer], net.biases[layer]):
                    bound = gain / math.sqrt(net.weights[layer].shape[1])
                    drawn = self.rng.uniform(-bound, bound, tuple(part.shape))
                    part.data.copy_(torch.as_tensor(drawn))


class LargeLastLayer(PPO):
    """The policy's last layer begins with gain 1 in place of 0.01: far from uniform."""

    def build(self):
        super().build()
        self.actor.net.weights[-1].data *= 100


class TinyEps(PPO):
    """Adam's ε is torch's 1e-8 in place of 1e-5."""

    def adam(self, parameters, learning_rate):
        return adam(parameters, learning_rate, eps=1e-8 / self.num_seeds)


class Relu(PPO):
    """ReLU in place of tanh."""

    def build(self):
        super().build()
        for net in (self.actor.net, self.critic.net):
            net.activation, net.activation_numpy = torch.relu_, lambda x: np.maximum(x, 0)


class MinibatchNormalized(PartsPPO):
    """Advantages are normalised in every minibatch, not once per rollout; its config has normalize=False."""

    def policy_loss(self, policy, actions, old_log_probs, advantages):
        mean, std = advantages.mean(-1, keepdim=True), advantages.std(-1, keepdim=True)
        return super().policy_loss(policy, actions, old_log_probs, (advantages - mean) / (std + 1e-8))


# ---------------------------------------------------------------- what other programs do, put in


class FallingStep(PPO):
    """The step size falls on a straight line from η to 0 over the whole run."""

    total_updates = STEPS // 1024

    def update(self, rollout):
        left = max(1 - self.updates / self.total_updates, 0.0)
        self.updates += 1
        for optimizer in (self.actor_optimizer, self.critic_optimizer):
            optimizer.param_groups[0]["lr"] = self.config.learning_rate * left
        return super().update(rollout)


class ClippedValues(PartsPPO):
    """The critic's loss ignores what V gains by moving further than ε from the old V: max of two squared errors."""

    value_eps = 0.2

    def value_loss(self, values, returns, old_values):
        near = old_values + (values - old_values).clamp(-self.value_eps, self.value_eps)
        return torch.maximum((values - returns) ** 2, (near - returns) ** 2).mean()


class ClippedGradients(PartsPPO):
    """The gradient of each network is shortened to length 0.5 if it is longer."""

    longest = 0.5

    def learn(self, policy_loss, value_loss):
        for optimizer, loss in ((self.actor_optimizer, policy_loss), (self.critic_optimizer, value_loss)):
            optimizer.zero_grad()
            loss.backward()
            self.shorten([part.grad for part in optimizer.param_groups[0]["params"]])
            optimizer.step()

    def shorten(self, gradients):
        """In place; every seed's gradient by itself. Losses are means over the seeds, so each comes divided by S."""
        squares = sum((gradient**2).flatten(1).sum(1) for gradient in gradients)  # [S], or [1]
        factor = (self.longest / (self.num_seeds * squares.sqrt() + 1e-8)).clamp(max=1.0)
        for gradient in gradients:
            gradient *= factor.view(-1, *[1] * (gradient.dim() - 1))


class KLStop(PartsPPO):
    """The actor rests for the remaining epochs once the KL of the update is above a limit."""

    limit = 0.01

    def update(self, rollout):
        self.resting = torch.zeros(self.num_seeds, dtype=torch.bool)
        return super().update(rollout)

    def after_epoch(self, batch, old_log_probs):
        self.resting |= torch.as_tensor(self.diagnostics(batch, old_log_probs)["kl"]) > self.limit

    def learn(self, policy_loss, value_loss):
        weights = list(self.actor.parameters())
        before = [part.detach().clone() for part in weights]
        super().learn(policy_loss, value_loss)
        for part, old in zip(weights, before, strict=True):
            part.data.copy_(torch.where(self.resting.view(-1, *[1] * (part.dim() - 1)), old, part.data))


class Running:
    """Mean and variance of all rows seen so far, for every seed by itself: nn.Parameters, so that they are saved."""

    def __init__(self, shape):
        kept = {"requires_grad": False}
        self.mean, self.var = nn.Parameter(torch.zeros(shape), **kept), nn.Parameter(torch.ones(shape), **kept)
        self.count = nn.Parameter(torch.full(shape, 1e-4), **kept)

    def add(self, numbers, axes):
        """Chan's formula for the variance of two samples together; `axes` are those of the rows."""
        mean, var = numbers.mean(axes, keepdim=True), numbers.var(axes, keepdim=True, correction=0)
        mean, var = mean.reshape(self.mean.shape), var.reshape(self.mean.shape)
        many = numbers.numel() / self.mean.numel()
        total, gap = self.count + many, mean - self.mean
        self.var.data = (self.var * self.count + var * many + gap**2 * self.count * many / total) / total
        self.mean.data += gap * many / total
        self.count.data = total


class ScaledObservations(PPO):
    """Observations are shifted and scaled by the mean and deviation of all seen so far, and clipped at ±10."""

    def build(self):
        super().build()
        self.seen = Running((*one_each(self.seed), *self.observation_space.shape))
        self.obs_mean, self.obs_var, self.obs_count = self.seen.mean, self.seen.var, self.seen.count

    def scale(self, obs):
        return ((obs - self.obs_mean) / (self.obs_var + 1e-8).sqrt()).clamp(-10, 10)

    def act(self, obs):
        return super().act(self.scale(torch.as_tensor(obs)).numpy())

    def act_deterministically(self, obs):
        return super().act_deterministically(self.scale(torch.as_tensor(obs)).numpy())

    def update(self, rollout):
        scaled = replace(rollout, obs=self.scale(rollout.obs), next_obs=self.scale(rollout.next_obs))
        metrics = super().update(scaled)  # first with the numbers that the policy acted with
        self.seen.add(rollout.obs, (0, -2))
        return metrics


class ScaledRewards(PPO):
    """Rewards are divided by the deviation of the discounted sum of rewards so far, and clipped at ±10."""

    def build(self):
        super().build()
        self.seen = Running((*one_each(self.seed), 1))
        self.sum_mean, self.sum_var, self.sum_count = self.seen.mean, self.seen.var, self.seen.count
        self.sums = 0.0

    def update(self, rollout):
        sums, ended = [], rollout.terminated | rollout.truncated
        for rewards, over in zip(rollout.rewards, ended, strict=True):
            sums.append(rewards + self.config.gamma * self.sums)
            self.sums = sums[-1] * ~over
        self.seen.add(torch.stack(sums)[..., None], (0, -2))
        scale = (self.sum_var + 1e-8).sqrt().squeeze(-1)
        return super().update(replace(rollout, rewards=(rollout.rewards / scale).clamp(-10, 10)))


class TrunkActor(CategoricalActor):
    """A policy whose network has one output more: the value of the state."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__(observation_space, action_space, hidden, seed=seed)
        self.net = MLP(self.net.weights[0].shape[1], hidden, int(action_space.n) + 1, seeds=(seed,))
        self.net.weights[-1].data[..., :-1] *= 0.01

    def forward(self, obs):
        return Categorical(logits=self.net(self.features(obs))[..., :-1], validate_args=False)

    def logits_numpy(self, obs):
        return super().logits_numpy(obs)[..., :-1]


class TrunkCritic(nn.Module):
    """V(s), the last output of a policy's network."""

    def __init__(self, actor):
        super().__init__()
        self.features, self.net = actor.features, actor.net

    def forward(self, obs):
        return self.net(self.features(obs))[..., -1]


class SharedTrunk(PartsPPO):
    """One network with two heads, one optimiser, one loss: -L_clip + c_v L_VF."""

    value_weight = 0.5

    def build(self):
        self.actor = TrunkActor(self.observation_space, self.action_space, self.config.hidden, seed=self.seed)
        self.critic = TrunkCritic(self.actor)
        self.actor_optimizer = self.adam(self.actor.parameters(), self.config.learning_rate)

    def learn(self, policy_loss, value_loss):
        gradient_step(self.actor_optimizer, policy_loss + self.value_weight * value_loss)
