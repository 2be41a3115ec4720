"""One update of DDPG in numbers: they are those of the formulas, and of the agent."""

import copy
import functools

import numpy as np
import pytest
import torch

from rlcourse.course import puck as numbers

claim = functools.cache(lambda function: function())


# ---------------------------------------------------------------- one update


@pytest.mark.covers("EQ-31", "EQ-39", "EQ-32", "EQX-08")
@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9])
def test_the_numbers_of_an_update_are_those_of_the_formulas(gamma):
    u = numbers.one_update(gamma, 0.05)
    rewards, ends = u.batch.rewards.numpy(), u.batch.terminated.numpy()
    assert ends.tolist() == [False, False, True, False] and u.batch.truncated.tolist() == [False, False, False, True]
    assert u.target == pytest.approx(rewards + gamma * np.where(ends, 0, u.next_q), abs=1e-6)
    assert u.target[2] == -1 and u.critic_loss == pytest.approx(np.mean((u.target - u.q) ** 2), rel=1e-5)
    assert u.actor_loss == pytest.approx(-u.actor_q.mean(), rel=1e-5)
    assert u.actions[0] + u.noise == pytest.approx(u.batch.actions[0].item(), abs=1e-6)


@pytest.mark.covers("AL-09", "EQ-42", "EQ-43", "MIS-24")
def test_the_copies_receive_no_gradient_and_follow_by_tau():
    for tau in (0.0, 0.05, 1.0):
        u = numbers.one_update(0.9, tau)
        assert u.gradients["target_actor"] == u.gradients["target_critic"] == 0
        assert u.gradients["actor"] > 0 and u.gradients["critic"] > 0
        for name, (before, after) in u.gaps.items():
            assert after == pytest.approx((1 - tau) * before, abs=1e-6)
            assert u.moved[f"target_{name}"] == pytest.approx(tau * before, abs=1e-6)


def test_the_update_is_the_agents_own():
    u, agent = numbers.one_update(), numbers.puck_agent()
    before = copy.deepcopy(agent.critic)
    assert agent.update(u.batch)["value_loss"] == pytest.approx(u.critic_loss)
    assert numbers.distance(before, agent.critic) == pytest.approx(u.moved["critic"], rel=1e-5)


def test_slopes_are_those_of_the_critic_by_finite_differences():
    u, agent = numbers.one_update(), numbers.puck_agent()
    agent.update(u.batch)  # the actor ascends the critic that has made its step
    actions = torch.from_numpy(u.actions)[:, None]
    with torch.no_grad():
        up, down = (agent.critic(u.batch.obs, actions + step) for step in (1e-3, -1e-3))
    assert ((up - down) / 2e-3).numpy() == pytest.approx(u.slopes, abs=5e-3)


@pytest.mark.covers("ERR-41")
def test_a_puck_beyond_the_edge_has_fallen():
    landed, rewards, fallen = numbers.push(torch.tensor([0.0, 0.8, -0.8, 0.8]), torch.tensor([0.5, 0.6, -0.6, 0.4]))
    assert landed.tolist() == pytest.approx([0.25, 1.1, -1.1, 1.0])
    assert fallen.tolist() == [False, True, True, False] and rewards.tolist() == pytest.approx([0.75, -1, -1, 0])


# ---------------------------------------------------------------- a gradient through the target


@pytest.mark.covers("MIS-24", "ERR-44")
def test_a_leak_makes_the_loss_smaller_and_the_values_wrong():
    right, leaking = numbers.split(leak=False), numbers.split(leak=True)
    assert right == pytest.approx([0.5, 1, 0], abs=1e-3) and leaking == pytest.approx([0.5, 0.75, 0.25], abs=1e-3)

    def loss(values):
        A, B, C = values
        return (B - A) ** 2 + (C - A) ** 2 + (1 - B) ** 2 + C**2

    assert loss(leaking) == pytest.approx(0.25, abs=1e-3) and loss(right) == pytest.approx(0.5, abs=1e-3)
