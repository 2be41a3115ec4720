"""PPO: what its targets and its first step must be."""

import gymnasium as gym
import pytest
import torch

import rlcourse as rl
from rlcourse.envs import make_envs


def agent_and_rollout(**config):
    envs = make_envs("CartPole-v1", 4)
    agent = rl.PPO(envs.single_observation_space, envs.single_action_space, rl.PPO.Config(**config))
    return agent, rl.Collector(envs, seed=0).collect(agent, steps=32)


def test_the_first_full_batch_gradient_is_the_plain_policy_gradient():
    agent, rollout = agent_and_rollout(epochs=1, minibatch_size=128)
    _, advantages, _ = agent.targets(rollout)
    flat = rollout.flatten()
    plain = rl.policy_gradient(agent.actor(flat.obs).log_prob(flat.actions), advantages)
    expected = torch.autograd.grad(-plain, list(agent.actor.parameters()))
    agent.update(rollout)
    for parameter, gradient in zip(agent.actor.parameters(), expected):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_a_truncated_step_bootstraps_and_a_terminated_one_does_not():
    agent, rollout = agent_and_rollout()
    returns, _, _ = agent.targets(rollout)
    returns = returns.reshape(rollout.rewards.shape)
    assert rollout.terminated.any()
    torch.testing.assert_close(returns[rollout.terminated], rollout.rewards[rollout.terminated])
    cut = rl.Transitions(
        rollout.obs, rollout.actions, rollout.rewards, rollout.next_obs,
        torch.zeros_like(rollout.terminated), rollout.terminated | rollout.truncated,
    )
    bootstrapped = agent.targets(cut)[0].reshape(rollout.rewards.shape)[rollout.terminated]
    future = agent.critic(rollout.next_obs[rollout.terminated]).detach()
    torch.testing.assert_close(bootstrapped, 1 + agent.config.gamma * future)


@pytest.mark.slow
def test_it_solves_cartpole():
    history = rl.train(rl.PPO, "CartPole-v1", total_steps=60_000, progress=False)
    assert rl.evaluate(history.agent, "CartPole-v1").mean() >= 475


def test_a_wrong_config_is_named():
    with pytest.raises(ValueError, match="^config must be a PPO.Config"):
        rl.PPO(gym.spaces.Discrete(2), gym.spaces.Discrete(2), rl.Reinforce.Config())
