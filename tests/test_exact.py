"""The oracle, held against its own definitions, against sampling, and against finite differences."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse import exact
from rlcourse.experiments import gradients


def random_mdp(seed, states=8, actions=4):
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.3), (states, actions))
    return rl.FiniteMDP(torch.from_numpy(transitions), torch.from_numpy(rng.normal(size=(states, actions))))


def random_policy(seed, mdp):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(mdp.num_actions), mdp.num_states))


@pytest.mark.covers("EQ-06", "EQ-07", "EQ-09", "EQ-11", "EQ-14")
@pytest.mark.parametrize("seed", range(5))
def test_values_satisfy_bellman_and_advantages_average_to_zero(seed):
    mdp, gamma = random_mdp(seed), 0.9
    policy = random_policy(seed, mdp)
    V, Q, A = exact.evaluate(mdp, policy, gamma=gamma)
    torch.testing.assert_close(Q, mdp.rewards + gamma * mdp.transitions @ V)
    torch.testing.assert_close(V, (policy * Q).sum(-1))
    torch.testing.assert_close(Q, V[:, None] + A)
    assert (policy * A).sum(-1).abs().max() < 1e-12


def test_a_value_worked_by_hand():
    mdp = rl.FiniteMDP(torch.tensor([[[0.9], [0.0]]]), torch.ones(1, 2))
    V, Q, A = exact.evaluate(mdp, [[0.5, 0.5]], gamma=0.9)
    assert V.item() == pytest.approx(1 / (1 - 0.9 * 0.45))
    assert Q[0, 1].item() == 1.0
    assert (Q - V[:, None] - A).abs().max() == 0


@pytest.mark.parametrize(("always", "value"), [(rl.envs.RIGHT, 0.836), (rl.envs.LEFT, 0.289)])
def test_two_exits_are_worth_what_the_index_says(always, value):
    policy = torch.nn.functional.one_hot(torch.tensor([always] * 7), 2)
    V = exact.evaluate(rl.envs.two_exits(), policy, gamma=0.97).V
    assert V[3].item() == pytest.approx(value, abs=5e-4)


@pytest.mark.covers("EQ-08")
def test_exact_gradient_agrees_with_finite_differences():
    mdp, gamma = random_mdp(3), 0.9
    logits = torch.randn(8, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = torch.zeros(8)
    start[0] = 1.0

    def value(table):
        return exact.evaluate(mdp, torch.softmax(table, -1), gamma=gamma).V[0].item()

    gradient = exact.policy_gradient(mdp, torch.softmax(logits, -1), start, gamma=gamma)
    for s, a in [(0, 0), (3, 2), (7, 3)]:
        step = torch.zeros(8, 4, dtype=torch.float64)
        step[s, a] = 1e-5
        assert gradient[s, a].item() == pytest.approx((value(logits + step) - value(logits - step)) / 2e-5, abs=1e-8)


def test_unrolled_task_is_the_finite_horizon_task():
    mdp = rl.envs.corridor()
    policy = gradients.corridor_policy()
    values = gradients.finite_horizon(mdp, policy, 10)
    V = torch.zeros(6, dtype=torch.float64)
    for t in reversed(range(10)):
        V = (policy * (mdp.rewards + mdp.transitions @ V)).sum(-1)
        torch.testing.assert_close(values.V[t], V)


def test_sampled_returns_agree_with_the_oracle():
    batch = gradients.sample_corridor(episodes=20_000, seed=3)
    values = gradients.finite_horizon(rl.envs.corridor(), gradients.corridor_policy(), 10)
    returns = rl.rewards_to_go(batch.rewards, batch.terminated, batch.truncated, gamma=1.0)
    error = returns[0].std() / len(returns[0]) ** 0.5
    assert abs(returns[0].mean() - values.V[0, 0]) < 4 * error


def test_undiscounted_values_need_an_ending():
    endless = rl.FiniteMDP(torch.ones(1, 1, 1), torch.ones(1, 1))
    with pytest.raises(ValueError, match="gamma must be below 1"):
        exact.evaluate(endless, [[1.0]], gamma=1.0)
    V = exact.evaluate(rl.envs.survival_chain(), torch.ones(10, 1), gamma=1.0).V
    assert V[0].item() == pytest.approx(10 / 0.8)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: rl.FiniteMDP(torch.ones(2, 1, 3), torch.ones(2, 1)), "transitions"),
        (lambda: rl.FiniteMDP(torch.ones(2, 1, 2), torch.ones(2, 1)), "transitions"),
        (lambda: rl.FiniteMDP(-torch.ones(1, 1, 1), torch.ones(1, 1)), "transitions"),
        (lambda: rl.FiniteMDP(torch.ones(1, 1, 1), torch.ones(1, 2)), "rewards"),
        (lambda: rl.FiniteMDP(torch.ones(1, 1, 1), torch.full((1, 1), float("nan"))), "rewards"),
        (lambda: exact.evaluate(rl.envs.two_exits(), torch.ones(7, 2), gamma=0.9), "policy"),
        (lambda: exact.evaluate(rl.envs.two_exits(), torch.ones(7, 1), gamma=0.9), "policy"),
        (lambda: exact.evaluate(rl.envs.survival_chain(), torch.ones(10, 1), gamma=1.5), "gamma"),
        (lambda: rl.envs.two_exits().unroll(0), "horizon"),
    ],
)
def test_a_bad_argument_is_named(call, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        call()
