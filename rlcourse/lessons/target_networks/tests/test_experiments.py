"""What the lesson measures: chases, copies, maxima of errors, and the stored populations."""

import functools
import math

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlcourse.algorithms import DDPG, TD3
from rlcourse.lessons.target_networks import exercises, runs
from rlcourse.lessons.target_networks import experiments as numbers
from rlcourse.objectives import td_target

claim = functools.cache(lambda function: function())


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
    paths = [
        numbers.chase(*how[:1], 0.4, g, 70, **how[1]).weights
        for how in (("moving", {}), ("hard copy", {"every": 1}), ("Polyak", {"tau": 1.0}))
    ]
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


@pytest.mark.covers("CL-37")
def test_with_targets_most_seeds_solve_pendulum_and_without_none_does():
    found = claim(numbers.with_and_without)
    assert found["solved_with"] >= 10 and found["solved_without"] == 0
    assert found["without_high"] < found["with_low"] - 500


@pytest.mark.covers("CL-40")
def test_the_slowest_copies_are_as_bad_as_none():
    found = claim(numbers.how_slow)
    for slow in ("soft_0005", "hard_500"):
        assert found[f"{slow}_high"] < found["soft_02_low"] - 500, slow
    assert found["hard_100_low"] < found["soft_02_high"]  # hard copies need not be worse


@pytest.mark.covers("CL-21")
def test_a_buffer_of_one_minibatch_is_not_enough():
    assert runs.final("last 64 steps").max() < runs.final("all steps").min()


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
    draw = torch.Generator().manual_seed(0)
    rewards, q, other = torch.randn(3, 32, generator=draw)
    terminated, actions = torch.rand(32, generator=draw) < 0.3, torch.rand(32, 1, generator=draw) * 2 - 1
    targets = exercises._twin(rewards, terminated, q, q, 0.9)
    assert torch.allclose(targets, td_target(rewards, q, terminated, gamma=0.9))
    assert (exercises._twin(rewards, terminated, q, other, 0.9) <= targets).all()
    assert torch.equal(exercises._smoothed(actions, torch.zeros(32, 1), torch.tensor([1.0])), actions)


# ---------------------------------------------------------------- the stored populations


def test_every_entry_is_stored_with_all_its_seeds():
    assert runs.stored().keys() == runs.ENTRIES.keys()
    for name, entry in runs.ENTRIES.items():
        assert runs.curves(name)[1].shape == (runs.SEEDS, runs.STEPS // runs.EVERY)
        assert runs.final(name).shape == (runs.SEEDS,)
        if entry.checked:
            assert runs.optimisms(name).shape == (runs.SEEDS, len(runs.CHECKPOINTS))


@pytest.mark.parametrize("algorithm", [DDPG, TD3])
def test_a_critic_that_says_zero_is_too_high_by_the_return_that_came(algorithm):
    box = gym.spaces.Box(-8.0, 8.0, (3,)), gym.spaces.Box(-2.0, 2.0, (1,))
    agent = algorithm(*box, seed=0)
    with torch.no_grad():
        for weight in agent.critic.parameters():
            weight.zero_()
    low, high = (runs.optimism(agent, episodes=2, states=3, tail=tail) for tail in (5, 200))
    assert 0 < low < high < 16.3 / (1 - agent.config.gamma)


def test_noise_on_the_rewards_changes_no_return_on_average():
    env = runs.noisy_pendulum()
    env.reset(seed=0)
    drawn = np.array([env.reward(-1.0) for _ in range(4_000)])
    assert drawn.mean() == pytest.approx(-1, abs=4.5 * 10 / 4_000**0.5) and drawn.std() == pytest.approx(10, rel=0.1)


def test_a_short_population_is_trained_and_counted():
    found = runs.learn(runs.Entry(changes={"warmup": 300}), seeds=2, steps=400)
    assert np.array(found["curves"]).shape == (2, 2) and found.keys() == {"curves"}
