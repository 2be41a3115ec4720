"""What the first half of lesson 08 measures: one update, a leaking gradient, chases, copies, maxima of errors."""

import copy
import functools
import math

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlcourse.algorithms import DDPG
from rlcourse.experiments import lesson_08_target as numbers
from rlcourse.networks import DeterministicActor, TwinCritic
from rlcourse.objectives import td_target

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
    assert agent.target(u.batch).numpy() == pytest.approx(u.target)
    agent.update(u.batch)
    assert numbers.distance(before, agent.critic) == pytest.approx(u.moved["critic"], rel=1e-5)


def test_slopes_are_those_of_the_critic_by_finite_differences():
    u, agent = numbers.one_update(), numbers.puck_agent()
    shown = []
    usual = agent.actor_loss
    agent.actor_loss = lambda batch: shown.append(copy.deepcopy(agent.critic)) or usual(batch)
    agent.update(u.batch)
    actions = torch.from_numpy(u.actions)[:, None]
    with torch.no_grad():
        up, down = (shown[0](u.batch.obs, actions + step) for step in (1e-3, -1e-3))
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


# ---------------------------------------------------------------- the chase


HOW = {"moving": {}, "hard copy": {"every": 7}, "Polyak": {"tau": 0.1}}


@pytest.mark.covers("EQX-18", "FIG-12", "FIG-13")
@pytest.mark.parametrize("scheme", numbers.SCHEMES)
@pytest.mark.parametrize("seed", range(8))
def test_the_growth_factor_is_that_of_a_long_walk(scheme, seed):
    rng = np.random.default_rng(seed)
    eta, g, phi = rng.uniform(0.05, 1.9), rng.uniform(0.5, 1.5), rng.uniform(0, 180)
    rate = float(numbers.growth(scheme, eta, g, phi, **HOW[scheme]))
    # Complex eigenvalues of equal size may beat against each other: a long stretch, and a loose bound.
    far = np.hypot(*numbers.chase(scheme, eta, g, phi, updates=420, **HOW[scheme]).weights.T)
    with np.errstate(divide="ignore"):
        slope = (np.log(far[420]) - np.log(far[210])) / 210
    assert slope == pytest.approx(math.log(rate), abs=0.015) or far[420] < 1e-300


@pytest.mark.covers("AL-12", "AL-13", "EQ-62", "EQ-63")
@pytest.mark.parametrize("g", [0.7, 1.3])
def test_copies_at_every_update_are_a_moving_target(g):
    paths = [numbers.chase(*how[:1], 0.4, g, 70, **how[1]).weights for how in (
        ("moving", {}), ("hard copy", {"every": 1}), ("Polyak", {"tau": 1.0}))]
    assert paths[1] == pytest.approx(paths[0]) and paths[2] == pytest.approx(paths[0])
    rates = [numbers.growth(scheme, 0.4, g, 70, every=1, tau=1.0) for scheme in numbers.SCHEMES]
    assert rates == pytest.approx([rates[0]] * 3)


@pytest.mark.covers("MIS-26", "ERR-46")
def test_patient_hard_copies_settle_below_gain_one_and_slow_polyak_copies_below_g_cos_phi():
    rng = np.random.default_rng(0)
    eta, g, phi = rng.uniform(0.1, 1.8, 2000), rng.uniform(0.5, 1.6, 2000), rng.uniform(0, 180, 2000)
    clear = (abs(g - 1) > 0.02) & (abs(g * np.cos(np.deg2rad(phi)) - 1) > 0.02)
    hard = numbers.growth("hard copy", eta, g, phi, every=200) < 1
    soft = numbers.growth("Polyak", eta, g, phi, tau=1e-4) < 1
    assert (hard == (g < 1))[clear].all()
    assert (soft == (g * np.cos(np.deg2rad(phi)) < 1))[clear].all()


@pytest.mark.covers("CL-38")
def test_self_made_targets_run_away_and_copies_help_or_harm():
    found = claim(numbers.self_made_targets)
    for name, value in {"fast_moving": 1.34, "fast_hard_5": 0.990, "fast_polyak_0_1": 0.809}.items():
        assert found[name] == pytest.approx(value, abs=2e-3), name
    assert found["turn_moving"] < 0.84 and found["turn_hard_5"] > 1.04
    assert found["below_moving"] == pytest.approx(0.74, abs=0.02)
    assert found["below_hard"] == found["below_polyak"] == 1.0
    assert found["above_hard"] < 0.05 < found["above_moving"] < found["above_polyak"]


@pytest.mark.covers("CL-37", "MIS-26")
def test_two_states_diverge_with_and_without_copies():
    assert numbers.two_states() == pytest.approx(1.08**200)
    w = copied = 1.0
    for k in range(200):
        copied = w if k % 10 == 0 else copied
        w += 0.1 * (0.9 * 2 * copied - w)
    assert numbers.two_states("hard copy", every=10) == pytest.approx(w)
    assert 100 < numbers.two_states("Polyak", tau=0.05) < 200
    assert numbers.two_states("Polyak", tau=0.05, updates=2000) > 1e6


@pytest.mark.covers("MIS-25")
def test_too_slow_is_as_bad_as_too_fast():
    needed = [float(numbers.updates_needed("Polyak", 1.2, 0.95, 180, tau=tau)) for tau in (1.0, 0.3, 0.05, 0.0005)]
    assert needed[0] == math.inf and needed[1] < 10 < needed[2] < 100 < 4000 < needed[3]
    assert numbers.updates_needed("Polyak", 0.3, 0.95, 0, tau=0.05) > 5 * numbers.updates_needed("moving", 0.3, 0.95, 0)


# ---------------------------------------------------------------- copies


@pytest.mark.covers("CL-46", "EQ-36", "EQ-37", "AL-13")
def test_copies_lag_as_the_formulas_say():
    found = claim(numbers.four_networks)
    assert found["actor"] == 3 * 64 + 64 + 64 * 64 + 64 + 64 + 1
    assert found["critic"] == 4 * 64 + 64 + 64 * 64 + 64 + 64 + 1
    assert found["all"] == 2 * (found["actor"] + found["critic"])
    assert found["half_life_0_005"] == pytest.approx(138.28, abs=0.01)
    assert found["lag_0_005"] == pytest.approx(199, abs=0.1) and found["lag_0_05"] == pytest.approx(19)
    assert found["lag_hard_100"] == 49.5 and found["gap_100"] == pytest.approx(0.95**100, rel=1e-2)


def test_following_a_jump_and_a_steady_weight():
    curves, steps = numbers.following({"soft": 0.1, "hard": 5}, updates=20)
    assert curves["soft"][0] == pytest.approx(1 - 0.9**steps)
    assert curves["hard"][1].tolist() == [5 * (k // 5) for k in range(21)]
    assert curves["hard"][0].tolist() == [0.0] * 5 + [1.0] * 16


# ---------------------------------------------------------------- maxima of errors


@pytest.mark.covers("EQX-17", "CL-45")
@pytest.mark.parametrize("rule", numbers.RULES)
@pytest.mark.parametrize("actions", [2, 5, 10, 100])
def test_the_bias_of_a_rule_is_its_formula(rule, actions):
    drawn = numbers.score(rule, *np.random.default_rng(7).uniform(-1, 1, (2, 20_000, actions)))
    assert drawn.mean() == pytest.approx(numbers.bias_of(rule, actions), abs=4.5 * drawn.std() / 20_000**0.5)


@pytest.mark.covers("EQX-17", "CL-45")
def test_bootstrapping_multiplies_the_bias():
    for rule in numbers.RULES:
        path = numbers.bootstrapped(rule, 10, 0.9, backups=300, runs=200)
        assert path[150:].mean() == pytest.approx(float(numbers.bias_after(rule, 10, 1.0, 0.9, 10_000)), abs=0.12)
    assert numbers.bias_after("single", 10, 0.1, 0.99, 10_000) == pytest.approx(8.1, rel=1e-6)
    assert numbers.bias_after("single", 10, 0.1, 0.9, 1) == pytest.approx(0.9 * 0.1 * 9 / 11)


@pytest.mark.covers("CL-45", "MIS-28")
def test_the_smaller_of_two_leans_down_and_one_critic_leans_up():
    found = claim(numbers.maxima_of_errors)
    for m, value in {2: 0.337, 5: 0.665, 10: 0.819, 100: 0.980}.items():
        assert found[f"one_{m}"] == pytest.approx(value, abs=0.02)
    assert found["min_2"] == pytest.approx(-1 / 6, abs=0.02) and -0.03 < found["min_10"] < 0
    assert found["loop_single_0_99"] == pytest.approx(8.1, rel=0.02) and -0.25 < found["loop_min_0_99"] < -0.05
    assert found["smooth_single"] == pytest.approx(0.395, abs=0.03) and abs(found["smooth_double"]) < 0.02
    assert -0.06 < found["smooth_min"] < 0 and found["smooth_max_of_min"] == pytest.approx(0.16, abs=0.03)
    assert found["left_single"] > 0.85 and found["left_double"] < found["left_max_of_min"] < found["left_single"]


def test_smooth_errors_have_their_spread_and_their_length():
    first, second = numbers.smooth_errors(0.15)
    assert first.std() == pytest.approx(1, abs=0.03) and abs(np.corrcoef(first[:, 100], second[:, 100])[0, 1]) < 0.07
    apart = int(round(0.15 / (numbers.GRID[1] - numbers.GRID[0])))  # noqa: RUF046
    assert np.corrcoef(first[:, 100], first[:, 100 + apart])[0, 1] == pytest.approx(math.exp(-0.5), abs=0.05)


def test_noise_on_the_target_action_lowers_the_bias():
    plain, noisy = (numbers.climb("single", 0.3, 0.15, smoothing).errors.mean() for smoothing in (0.0, 0.1))
    assert noisy < 0.8 * plain
    assert numbers._around(0.2).sum(1) == pytest.approx(np.ones(201))


@pytest.mark.covers("EQX-10")
def test_the_twin_target_without_noise_and_with_equal_twins_is_ddpgs():
    box = gym.spaces.Box(-1.0, 1.0, (2,)), gym.spaces.Box(-2.0, 2.0, (1,))
    agent, twins = DDPG(*box, seed=0), TwinCritic(*box, (64, 64), seed=3)
    actor = DeterministicActor(*box, (64, 64), seed=1)
    rng = np.random.default_rng(0)
    batch = numbers.ledge_rows(rng.uniform(-1, 1, 32).tolist(), rng.uniform(-1, 1, 32).tolist())
    batch = type(batch)(*(torch.cat([x, x], -1) if x.dim() == 2 else x for x in vars(batch).values()))
    with torch.no_grad():
        q = twins(batch.next_obs, actor(batch.next_obs))
    steady = numbers.smoothed_twin_target(batch, actor, twins, gamma=0.9, spread=0.0)
    assert torch.allclose(steady, td_target(batch.rewards, torch.minimum(*q), batch.terminated, gamma=0.9))
    noisy = numbers.smoothed_twin_target(batch, actor, twins, gamma=0.9, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(noisy, steady) and torch.allclose(noisy[batch.terminated], steady[batch.terminated])
    assert agent.target(batch).shape == noisy.shape
