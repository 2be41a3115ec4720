"""Broken PPOs: each is rl.PPO with one fault, and none of them raises an error."""

from dataclasses import replace

import torch

from rlcourse.algorithms import PPO
from rlcourse.lessons.ppo_in_practice.details import PartsPPO
from rlcourse.objectives import clipped_surrogate


class FlagLost(PPO):
    """Nobody knows where an episode ended: no mask in δ, and no cut in the sum of the δs."""

    def targets(self, rollout):
        never = torch.zeros_like(rollout.terminated)
        return super().targets(replace(rollout, terminated=never, truncated=never))


class BrokenPPO(FlagLost):
    """The same under a name that does not give it away, for the lesson's riddle."""


class MaskLost(PPO):
    """The mask in δ is missing; the sum of the δs is still cut where an episode ends."""

    def targets(self, rollout):
        never, ended = torch.zeros_like(rollout.terminated), rollout.terminated | rollout.truncated
        return super().targets(replace(rollout, terminated=never, truncated=ended))


class ClockKills(PPO):
    """A time limit is taken for a death: nothing is expected after it."""

    def targets(self, rollout):
        never, ended = torch.zeros_like(rollout.terminated), rollout.terminated | rollout.truncated
        return super().targets(replace(rollout, terminated=ended, truncated=never))


class OldIsNew(PartsPPO):
    """The old log-probabilities are recomputed in every minibatch, so that every ratio is 1."""

    def policy_loss(self, policy, actions, old_log_probs, advantages):
        log_probs = policy.log_prob(actions)
        return -clipped_surrogate(log_probs, log_probs.detach(), advantages, clip_eps=self.config.clip_eps)


class Descends(PartsPPO):
    """The actor's loss lacks its minus sign."""

    def policy_loss(self, *rows):
        return -super().policy_loss(*rows)


class CriticAsleep(PartsPPO):
    """The critic never takes a step."""

    def learn(self, policy_loss, value_loss):
        super().learn(policy_loss, 0 * value_loss)


class RowsMixed(PPO):
    """Observations and targets are flattened in different orders, so that no target belongs to its row."""

    def targets(self, rollout):
        old_log_probs, returns, advantages = super().targets(rollout)
        shape = rollout.rewards.shape[0], rollout.rewards.shape[-1]  # T, N
        mixed = [column.unflatten(-1, shape).transpose(-1, -2).flatten(-2) for column in (returns, advantages)]
        return old_log_probs, *mixed


class NextForgotten(PPO):
    """δ = r - V(s): the value of the next state is left out, after every step."""

    def targets(self, rollout):
        ended = rollout.terminated | rollout.truncated
        return super().targets(replace(rollout, terminated=torch.ones_like(ended), truncated=torch.zeros_like(ended)))
