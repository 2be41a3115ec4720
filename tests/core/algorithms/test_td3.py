"""TD3: its three changes to DDPG, each against numbers by hand: twin critics, target noise, and the delay."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl

LOW, HIGH = np.array([-1.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32)
CENTER, HALF = (LOW + HIGH) / 2, (HIGH - LOW) / 2
OBS, ACTIONS = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32), gym.spaces.Box(LOW, HIGH)


def make(**config):
    """An agent whose target networks differ from what they follow, and whose actor is away from the centre."""
    learner = rl.TD3(OBS, ACTIONS, rl.TD3.Config(**{"hidden": (16, 12), **config}), seed=0)
    generator = torch.Generator().manual_seed(50)
    with torch.no_grad():
        for module in (learner.target_actor, learner.target_critic, learner.actor):
            for weight in module.parameters():
                weight += 0.2 * torch.randn(weight.shape, generator=generator)
    return learner


def stored(size=64):
    rng = np.random.default_rng(0)
    obs, next_obs = (torch.tensor(rng.normal(size=(size, 3)), dtype=torch.float32) for _ in range(2))
    actions = torch.tensor(rng.uniform(LOW, HIGH, size=(size, 2)), dtype=torch.float32)
    rewards = torch.tensor(rng.normal(size=size), dtype=torch.float32)
    ends = rng.integers(3, size=size)  # going on, terminated, truncated
    return rl.Transitions(obs, actions, rewards, next_obs, torch.tensor(ends == 1), torch.tensor(ends == 2))


def draws_to_come(learner, shape):
    """The standard-normal numbers that the agent will draw next."""
    rng = np.random.default_rng()
    rng.bit_generator.state = learner.rng.bit_generator.state
    return rng.standard_normal(shape, dtype=np.float32).astype(float)


def judged(critic, obs, actions):
    """Q of a copied critic, which sees the actions in half-widths from the centre of the box."""
    return critic.forward(np.concatenate([obs, (actions - CENTER) / HALF], axis=1))[:, 0]


def targets_by_hand(by_hand, learner, batch, noise):
    next_obs = batch.next_obs.double().numpy()
    actions = CENTER + HALF * np.tanh(by_hand(learner.target_actor.net).forward(next_obs)) + HALF * noise
    actions = np.clip(actions, LOW, HIGH)
    q = [judged(by_hand(learner.target_critic.net, i), next_obs, actions) for i in range(2)]
    return batch.rewards.numpy() + 0.99 * (1 - batch.terminated.double().numpy()) * np.minimum(*q)


@pytest.mark.parametrize("std, clip", [(0.0, 0.5), (0.2, 0.5), (3.0, 0.3)])
def test_the_critics_loss_and_gradient_are_those_by_hand(by_hand, one_update, agree, std, clip):
    """The target takes the smaller critic, at the target actor's action with a noise that is cut on both sides."""
    learner, batch = make(target_noise_std=std, target_noise_clip=clip), stored()
    noise = np.clip(std * draws_to_come(learner, (64, 2)), -clip, clip)
    assert std < 1 or {-clip, clip} <= set(noise.ravel())
    targets = targets_by_hand(by_hand, learner, batch, noise)
    critics = [by_hand(learner.critic.net, i) for i in range(2)]
    errors = [
        judged(critic, batch.obs.double().numpy(), batch.actions.double().numpy()) - targets for critic in critics
    ]
    metrics, gradients = one_update(learner, batch)
    np.testing.assert_allclose(metrics["value_loss"], np.square(errors).mean(1).sum(), rtol=1e-5)
    np.testing.assert_allclose(metrics["mean_target"], targets.mean(), rtol=1e-5)
    pairs = zip(critics, errors, strict=True)
    agree(gradients["critic_optimizer"], *(critic.backward(2 * error[:, None] / 64)[0] for critic, error in pairs))
    assert "actor_optimizer" not in gradients


def weights(*modules):
    return [weight.detach().clone() for module in modules for weight in module.parameters()]


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


def test_the_noise_of_acting_is_measured_in_half_widths_and_stays_in_the_box():
    learner = make(noise_std=0.3)
    obs = np.random.default_rng(1).normal(size=(4000, 3)).astype(np.float32)
    spread = (learner.act(obs) - learner.act_deterministically(obs)) / HALF
    inside = (np.abs(learner.act_deterministically(obs) - CENTER) < 0.1 * HALF).all(1)
    assert inside.sum() > 30 and np.allclose(spread[inside].std(0), 0.3, atol=0.1)
    assert (learner.act(obs) >= LOW).all() and (learner.act(obs) <= HIGH).all()
    wild = make(noise_std=5.0).act(obs)
    assert wild.dtype == np.float32 and np.array_equal(wild.min(0), LOW) and np.array_equal(wild.max(0), HIGH)
