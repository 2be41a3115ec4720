"""Off-policy actor-critic: stored states, fresh actions, and a critic that knows actions."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl

STATES, GAMMA = 7, 0.9


def agent(**config):
    spaces = gym.spaces.Discrete(STATES), gym.spaces.Discrete(2)
    learner = rl.OffPolicyActorCritic(*spaces, rl.OffPolicyActorCritic.Config(hidden=(), gamma=GAMMA, **config), seed=0)
    with torch.no_grad():  # a policy with preferences, and a critic with opinions
        generator = torch.Generator().manual_seed(1)
        for part in (learner.actor, learner.critic, learner.target_critic):
            part.net.weights[0].copy_(torch.randn(1, STATES, 2, generator=generator))
    return learner


def tables(learner):
    states = torch.arange(STATES)
    networks = learner.critic.all_actions, learner.target_critic.all_actions
    return learner.actor(states).probs.detach(), *(network(states).detach() for network in networks)


def stored(copies=1, action=None):
    """Every state once, times copies; actions of an older policy."""
    states = torch.arange(STATES).repeat(copies)
    actions = (states * 3 + 1) % 2 if action is None else torch.full_like(states, action)
    rewards = states / 10
    terminated = states % 3 == 2
    return rl.Transitions(states, actions, rewards, (states + 2) % STATES, terminated, states % 3 == 1)


@pytest.mark.covers("AL-06", "ERR-25", "CL-24")
def test_the_target_averages_over_the_present_policy():
    learner, batch = agent(), stored(6000)
    policy, Q, lagged = tables(learner)
    after = (policy * lagged).sum(-1)[batch.next_obs]
    truth = batch.rewards + GAMMA * torch.where(batch.terminated, 0.0, after)
    variance = (policy * (lagged - (policy * lagged).sum(-1, keepdim=True)) ** 2).sum(-1)[batch.next_obs]
    noise = GAMMA**2 * torch.where(batch.terminated, 0.0, variance)
    errors = Q[batch.obs, batch.actions] - truth
    expected = (errors**2 + noise).mean()
    assert learner.update(batch)["value_loss"] == pytest.approx(expected.item(), rel=0.02)


@pytest.fixture
def actor_gradient(one_update):
    """A function: the gradient that the actor ascends, a table [S, A], of a critic that keeps still."""

    def gradient(learner, batch):
        learner.critic_optimizer.param_groups[0]["lr"] = 0.0
        return -one_update(learner, batch)[1]["actor_optimizer"][0][0]

    return gradient


@pytest.mark.covers("AL-06", "CL-22", "MIS-18")
@pytest.mark.parametrize("action", [None, 0, 1])
def test_the_gradient_is_the_present_policys_whatever_was_stored(action, actor_gradient):
    learner = agent()
    policy, Q, _ = tables(learner)
    advantages = Q - (policy * Q).sum(-1, keepdim=True)
    truth = policy * advantages / STATES  # Σ_a π(a|s) A(s,a) ∇ log π(a|s), exactly
    got = actor_gradient(learner, stored(30_000, action))
    assert (got - truth).abs().max() < 0.02 * truth.abs().max()


@pytest.mark.covers("CL-23", "ERR-26")
def test_a_constant_added_to_q_changes_nothing(actor_gradient):
    def gradient(offset):
        learner = agent()
        with torch.no_grad():
            learner.critic.net.biases[0].add_(offset)
        return actor_gradient(learner, stored(2))

    torch.testing.assert_close(gradient(0.0), gradient(100.0), rtol=1e-3, atol=1e-4)


def test_each_loss_moves_its_own_network():
    for silent, other in (("actor", "critic"), ("critic", "actor")):
        learner = agent()
        getattr(learner, f"{silent}_optimizer").step = lambda: None
        before = {name: getattr(learner, name).net.weights[0].clone() for name in (silent, other)}
        learner.update(stored())
        assert torch.equal(before[silent], getattr(learner, silent).net.weights[0])
        assert not torch.equal(before[other], getattr(learner, other).net.weights[0])


@pytest.mark.covers("AL-06")
def test_the_lagged_critic_follows_a_little():
    learner = agent(tau=0.25)
    before = [w.clone() for w in learner.target_critic.parameters()]
    learner.update(stored())
    for old, online, lagged in zip(
        before, learner.critic.parameters(), learner.target_critic.parameters(), strict=True
    ):
        torch.testing.assert_close(lagged, 0.75 * old + 0.25 * online)


def test_it_waits_until_a_batch_is_there():
    sizes = []

    class Watched(rl.OffPolicyActorCritic):
        def update(self, batch):
            sizes.append((len(self.buffer), len(batch)))
            return super().update(batch)

    rl.train(Watched, "CartPole-v1", total_steps=40, config=Watched.Config(batch_size=32), progress=False)
    assert sizes[0] == (32, 32) and sizes[-1] == (40, 32)


def test_a_run_is_written_down_with_its_memory_and_gone_on_with(tmp_path):
    config = rl.OffPolicyActorCritic.Config(batch_size=32, capacity=200)  # the ring has wrapped around by then
    history = rl.train(rl.OffPolicyActorCritic, "CartPole-v1", total_steps=300, config=config, progress=False)
    history.save(tmp_path / "run.npz")
    again = rl.load(tmp_path / "run.npz")
    assert len(again.agent.buffer) == len(history.agent.buffer) == 200
    for run in (history, again):
        run.resume(total_steps=500, progress=False)
    np.testing.assert_array_equal(again.returns, history.returns)
    assert again.metrics["value_loss"].tolist() == history.metrics["value_loss"].tolist()


def test_each_network_has_its_own_step_size():
    learner = agent(learning_rate=1e-3, critic_learning_rate=2e-2)
    assert learner.actor_optimizer.param_groups[0]["lr"] == 1e-3
    assert learner.critic_optimizer.param_groups[0]["lr"] == 2e-2


def test_what_it_cannot_do_it_says():
    with pytest.raises(ValueError, match="batch_size must be at most capacity, 32, got 64"):
        agent(batch_size=64, capacity=32)
    box = gym.spaces.Box(-1, 1, (2,))
    with pytest.raises(ValueError, match="action_space must be Discrete, got Box"):
        rl.OffPolicyActorCritic(box, box)


def test_it_finds_the_better_exit(least_successes):
    """So did 24 of 24 other seeds; of untrained networks one in six goes there by chance."""
    algorithm, env_id = rl.OffPolicyActorCritic, "rlcourse/TwoExits-v0"
    config = algorithm.Config(hidden=(), learning_rate=1e-2, critic_learning_rate=3e-2, gamma=0.97)
    found = 0
    for seed in range(16):
        history = rl.train(algorithm, env_id, total_steps=1_000, seed=seed, config=config, progress=False)
        found += rl.evaluate(history.agent, env_id, episodes=1)[0] == pytest.approx(0.92)
    assert found >= least_successes(16, chance=0.9)
