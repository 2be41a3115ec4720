"""REINFORCE: its update is its formula, and it learns."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl

TABLE = {"hidden": (), "normalize": False}


def agent(**config):
    return rl.Reinforce(gym.spaces.Discrete(7), gym.spaces.Discrete(2), rl.Reinforce.Config(**config), seed=0)


def episodes():
    states = torch.tensor([3, 4, 5, 6, 3, 2])
    actions = torch.tensor([1, 1, 1, 1, 0, 1])
    rewards = torch.tensor([-0.02, -0.02, -0.02, 0.98, -0.02, 0.5])
    terminated = torch.tensor([False, False, False, True, False, False])
    truncated = torch.tensor([False, False, False, False, False, True])
    return rl.Transitions(states, actions, rewards, states, terminated, truncated)


@pytest.mark.covers("AL-01", "EQ-01", "EQ-03")
def test_one_update_ascends_the_formula():
    learner, batch = agent(**TABLE, gamma=0.9), episodes()
    policy = torch.softmax(learner.actor(torch.arange(7)).logits, -1).detach()
    to_go = rl.rewards_to_go(batch.rewards, batch.terminated, batch.truncated, gamma=0.9)
    expected = torch.zeros(7, 2)
    for s, a, weight in zip(batch.obs, batch.actions, to_go):
        expected[s] += weight * (torch.nn.functional.one_hot(a, 2) - policy[s]) / len(batch)
    learner.update(batch)
    weight = learner.actor.net.weights[0]  # [1, states, actions]
    torch.testing.assert_close(-weight.grad[0], expected)  # the loss is the objective upside down


def test_normalized_weights_do_not_see_the_scale_of_rewards():
    small, large = agent(hidden=()), agent(hidden=())
    batch = episodes()
    small.update(batch)
    large.update(
        rl.Transitions(
            batch.obs,
            batch.actions,
            50 * batch.rewards,
            *(getattr(batch, name) for name in ("next_obs", "terminated", "truncated")),
        )
    )
    grads = [learner.actor.net.weights[0].grad for learner in (small, large)]
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)


def test_it_finds_the_better_exit(least_successes):
    """So did 24 of 24 other seeds; of untrained networks one in six goes there by chance."""
    found = 0
    for seed in range(16):
        history = rl.train(rl.Reinforce, "rlcourse/TwoExits-v0", total_steps=3_000, seed=seed, progress=False)
        found += rl.evaluate(history.agent, "rlcourse/TwoExits-v0", episodes=1)[0] == pytest.approx(0.92)
    assert found >= least_successes(16, chance=0.9)


def test_acting_takes_one_observation_or_many():
    learner = rl.Reinforce(gym.make("CartPole-v1").observation_space, gym.spaces.Discrete(2))
    one = learner.act(np.zeros(4, np.float32))
    assert np.shape(one) == () and one in (0, 1)
    assert learner.act(np.zeros((3, 4), np.float32)).shape == (3,)
    assert learner.act_deterministically(torch.zeros(3, 4)).shape == (3,)
