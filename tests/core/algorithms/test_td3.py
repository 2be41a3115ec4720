"""TD3: its three changes to DDPG, each against numbers by hand: twin critics, target noise, and the delay."""

import copy

import numpy as np
import pytest
import torch

import rlcourse as rl
from replayed import BOX, CENTER, HALF, HIGH, LOW, OBS, doubles, judged, moved_apart, noise_to_come, stored, weights


def make(**config):
    learner = rl.TD3(OBS, BOX, rl.TD3.Config(**{"hidden": (16, 12), **config}), seed=0)
    return moved_apart(learner, ("target_actor", "target_critic", "actor"))


def targets_by_hand(by_hand, learner, b, noise):
    next_obs = b["next_obs"]
    actions = CENTER + HALF * np.tanh(by_hand(learner.target_actor.net).forward(next_obs)) + HALF * noise
    actions = np.clip(actions, LOW, HIGH)
    q = [judged(by_hand(learner.target_critic.net, i), next_obs, actions) for i in range(2)]
    return b["rewards"] + 0.99 * (1 - b["terminated"]) * np.minimum(*q)


@pytest.mark.parametrize("std, clip", [(0.0, 0.5), (0.2, 0.5), (3.0, 0.3)])
def test_the_critics_loss_and_gradient_are_those_by_hand(by_hand, one_update, agree, std, clip):
    """The target takes the smaller critic, at the target actor's action with a noise that is cut on both sides."""
    learner, batch = make(target_noise_std=std, target_noise_clip=clip), stored()
    b = doubles(batch)
    noise = np.clip(std * noise_to_come(learner, (64, 2)), -clip, clip)
    assert std < 1 or {-clip, clip} <= set(noise.ravel())
    targets = targets_by_hand(by_hand, learner, b, noise)
    critics = [by_hand(learner.critic.net, i) for i in range(2)]
    errors = [judged(critic, b["obs"], b["actions"]) - targets for critic in critics]
    metrics, gradients = one_update(learner, batch)
    np.testing.assert_allclose(metrics["value_loss"], np.square(errors).mean(1).sum(), rtol=1e-5)
    np.testing.assert_allclose(metrics["mean_target"], targets.mean(), rtol=1e-5)
    pairs = zip(critics, errors, strict=True)
    agree(gradients["critic_optimizer"], *(critic.backward(2 * error[:, None] / 64)[0] for critic, error in pairs))
    assert "actor_optimizer" not in gradients


def moved(before, after):
    return not all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_actor_and_target_networks_wait_for_so_many_updates_of_the_critics(delay):
    learner, batch = make(policy_delay=delay, tau=0.1), stored()
    for number in range(1, 7):
        actor, targets = weights(learner.actor), weights(learner.target_actor, learner.target_critic)
        critic = weights(learner.critic)
        learner.update(batch)
        assert moved(critic, weights(learner.critic))
        assert moved(actor, weights(learner.actor)) == (number % delay == 0)
        online = weights(learner.actor, learner.critic)
        share = 0.0 if number % delay else 0.1
        after = weights(learner.target_actor, learner.target_critic)
        for old, new, followed in zip(targets, after, online, strict=True):
            torch.testing.assert_close(new, (1 - share) * old + share * followed)


def test_the_actor_climbs_the_first_critic_by_the_chain_rule(by_hand, one_update, agree):
    learner, batch = make(policy_delay=1), stored()
    obs, actor = batch.obs.double().numpy(), by_hand(learner.actor.net)
    _, gradients = one_update(learner, batch)
    critic = by_hand(learner.critic.net, 0)  # it has made its step before
    unbounded = actor.forward(obs)
    judged(critic, obs, CENTER + HALF * np.tanh(unbounded))
    slope = critic.backward(np.full((64, 1), 1 / 64))[1][:, 3:]  # of Q, by the action in half-widths
    agree(gradients["actor_optimizer"], actor.backward(-slope * (1 - np.tanh(unbounded) ** 2))[0])


def test_the_noise_of_acting_is_added():
    learner = make(noise_std=0.1)
    obs = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    wanted = learner.act_deterministically(obs) + HALF * 0.1 * copy.deepcopy(learner.rng).standard_normal((50, 2))
    np.testing.assert_allclose(learner.act(obs), np.clip(wanted, LOW, HIGH), rtol=1e-5)


def test_the_noise_of_acting_is_measured_in_half_widths_and_stays_in_the_box():
    learner = make(noise_std=0.3)
    obs = np.random.default_rng(1).normal(size=(4000, 3)).astype(np.float32)
    spread = (learner.act(obs) - learner.act_deterministically(obs)) / HALF
    inside = (np.abs(learner.act_deterministically(obs) - CENTER) < 0.1 * HALF).all(1)
    assert inside.sum() > 30 and np.allclose(spread[inside].std(0), 0.3, atol=0.1)
    assert (learner.act(obs) >= LOW).all() and (learner.act(obs) <= HIGH).all()
    wild = make(noise_std=5.0).act(obs)
    assert wild.dtype == np.float32 and np.array_equal(wild.min(0), LOW) and np.array_equal(wild.max(0), HIGH)
