"""Experiments: the laws behind the claims, and loose bounds on what was measured."""

import math

import numpy as np
import pytest
import torch

from rlcourse import rewards_to_go, td_errors
from rlcourse.course import claims
from rlcourse.envs import PenaltyShootout, two_exits
from rlcourse.lessons.advantage import experiments as lab

GRID = [(p, q) for p in (0.0, 0.1, 0.5, 0.85, 1.0) for q in (0.0, 0.3, 0.5, 1.0)]


@pytest.fixture(scope="module")
def measured():
    """Each claim of the lesson, measured once."""
    return {
        name: claims.measure(name) for name in ("CL-01", "CL-05", "CL-06", "CL-07", "CL-08", "CL-09", "CL-10", "CL-11")
    }


# ---------------------------------------------------------------- the shoot-out


@pytest.mark.covers("EQ-10", "EQ-11", "EQ-07", "EQ-09")
@pytest.mark.parametrize(("p", "q"), GRID)
def test_value_action_value_and_advantage_of_every_pair_of_players(p, q):
    kick = lab.shootout(p, q)
    assert kick.value == pytest.approx(p * q + (1 - p) * (1 - q), abs=1e-12)
    assert (kick.q_left, kick.q_right) == pytest.approx((q, 1 - q), abs=1e-12)
    assert kick.value + kick.a_left == pytest.approx(kick.q_left, abs=1e-12)
    assert p * kick.a_left + (1 - p) * kick.a_right == pytest.approx(0, abs=1e-12)


@pytest.mark.covers("EQ-12", "EQ-13", "CL-08", "ERR-06", "MIS-08")
def test_half_a_goal_either_way(measured):
    assert measured["CL-08"] == {"value": 0.5, "advantage_left": 0.5, "advantage_right": -0.5}


@pytest.mark.covers("CL-09", "MIS-09")
def test_the_advantage_of_a_habit_fades(measured):
    rows = measured["CL-09"]
    assert rows["q_left"] == 1.0
    assert (rows["advantage_rare"], rows["advantage_usual"]) == pytest.approx((0.9, 0.1))
    assert rows["advantage_always"] == pytest.approx(0, abs=1e-12)


@pytest.mark.covers("MIS-10")
@pytest.mark.parametrize("p", [0.0, 0.2, 0.7, 1.0])
def test_against_a_coin_every_advantage_is_zero(p):
    kick = lab.shootout(p, 0.5)
    assert (kick.a_left, kick.a_right) == pytest.approx((0, 0), abs=1e-12)


def test_an_offset_moves_the_values_and_not_the_advantages():
    plain, raised = lab.shootout(0.3, 0.8), lab.shootout(0.3, 0.8, offset=-2.5)
    assert np.subtract(raised, plain) == pytest.approx([-2.5, -2.5, -2.5, 0, 0], abs=1e-12)


@pytest.mark.covers("FIG-02")
@pytest.mark.parametrize(("p", "q"), [(0.5, 1.0), (0.3, 0.6), (0.8, 0.25)])
def test_the_sampled_kicks_agree_with_the_exact_values(p, q):
    tally, exact = lab.play(p, q, 2000, offset=1.0), lab.shootout(p, q, offset=1.0)
    for mean, error, truth in zip(tally.means, tally.errors, exact, strict=True):
        assert abs(mean - truth) < 4 * error + 1e-12
    assert tally.lefts == pytest.approx(2000 * p, abs=100)


def test_more_kicks_prolong_the_same_series():
    left = [lab.play(0.4, 0.7, n).left for n in range(1, 40)]
    assert lab.play(0.4, 0.7, 39).lefts == sum(left)


def test_a_side_never_tried_has_no_estimate():
    tally = lab.play(1.0, 0.5, 50)
    assert math.isnan(tally.means.q_right) and math.isnan(tally.means.a_right)
    assert tally.means.a_left == 0
    assert math.isnan(lab.play(0.5, 0.5, 1).errors.value)


def test_the_mode_is_exploited_by_a_keeper_who_watches():
    assert lab.watched(1.0, 500).sum() == 1  # the first kick, before the keeper has seen anything
    for p in (0.6, 0.8):
        goals, error = lab.watched(p, 50_000).mean(), (p * (1 - p) / 50_000) ** 0.5
        assert abs(goals - (1 - p)) < 4 * error + 0.002  # a few kicks pass before the keeper knows the side
        assert goals > lab.watched(1.0, 50_000).mean()


def test_no_keeper_gains_by_watching_a_coin():
    assert abs(lab.watched(0.5, 50_000).mean() - 0.5) < 4 * 0.5 / 50_000**0.5


def test_the_standard_errors_are_the_scatter_of_many_series():
    p, q, kicks = 0.4, 0.8, 200
    rng, series = np.random.default_rng(0), []
    for _ in range(600):
        left, dive = rng.random((2, kicks)) < [[p], [q]]
        goal = (left == dive).astype(float)
        series.append((goal.mean(), goal[left].mean() - goal.mean(), goal[~left].mean() - goal.mean()))
    errors = lab.play(p, q, kicks).errors
    assert (errors.value, errors.a_left, errors.a_right) == pytest.approx(np.std(series, axis=0), rel=0.2)


def test_the_environment_plays_the_same_game():
    env, rng, goals = PenaltyShootout(keeper_right=0.8), np.random.default_rng(99), []
    env.reset(seed=1)
    for _ in range(4000):
        _, reward, terminated, truncated, _ = env.step(int(rng.random() >= 0.3))
        assert terminated and not truncated
        goals.append(reward)
    assert np.mean(goals) == pytest.approx(lab.shootout(0.3, 0.8).value, abs=0.03)


# ---------------------------------------------------------------- where the noise comes from


@pytest.mark.covers("EQX-03", "CL-01")
@pytest.mark.parametrize("b", [0.0, 2.9, 4.1, 20.0])
def test_the_decomposition_is_the_variance(b):
    sample = lab.sampled_gradients(**lab.STATE, b=b)
    assert sample.var() == pytest.approx(sum(lab.variance_terms(**lab.STATE, b=b)), rel=0.03)


@pytest.mark.covers("EQX-03", "CL-01")
def test_the_two_terms_of_the_worked_state(measured):
    rows = measured["CL-01"]
    assert rows["return_noise"] == pytest.approx(0.651)
    actions = [rows[f"action_noise_{name}"] for name in ("plain", "value", "best", "twenty")]
    assert actions == pytest.approx([3.5301, 0.3024, 0, 53.0901], abs=1e-9)
    assert rows["sampled_value"] == pytest.approx(0.9534, rel=0.02)


@pytest.mark.covers("EQX-03")
def test_the_law_of_total_variance_on_unequal_groups():
    groups = [np.array([1.0, 5.0, 3.0]), np.array([2.0, 2.0, -7.0, 4.0, 0.0])]
    whole = np.concatenate(groups)
    shares = np.array([len(group) for group in groups]) / len(whole)
    within = shares @ [group.var() for group in groups]
    between = shares @ [(group.mean() - whole.mean()) ** 2 for group in groups]
    assert whole.var() == pytest.approx(within + between)


@pytest.mark.covers("EQX-04", "MIS-06")
def test_the_best_baseline_is_the_lowest_point_and_mirrors_the_value():
    rng = np.random.default_rng(5)
    for _ in range(20):
        p, Q = rng.uniform(0.05, 0.95), rng.normal(0, 3, 2)
        best = lab.best_baseline(p, Q)
        assert best == pytest.approx((1 - p) * Q[0] + p * Q[1])
        assert best + (p * Q[0] + (1 - p) * Q[1]) == pytest.approx(Q.sum())
        around = np.linspace(best - 3, best + 3, 601)
        assert around[np.argmin(lab.variance_terms(p, Q, (1, 1), around)[1])] == pytest.approx(best, abs=0.011)


@pytest.mark.covers("EQ-05", "EQ-07", "MIS-05")
@pytest.mark.parametrize("b", [0.0, 2.9, -7.0, 20.0])
def test_a_number_that_ignores_the_action_keeps_the_mean(b):
    p, Q = lab.STATE["p"], lab.STATE["Q"]
    assert np.sum([p, 1 - p] * lab.score(p) * b) == pytest.approx(0, abs=1e-12)
    assert lab.expected_gradient(p, Q, b) == pytest.approx(0.63, abs=1e-12)


@pytest.mark.covers("CL-05", "MIS-07")
def test_a_number_that_looks_at_the_action_does_not(measured):
    rows = measured["CL-05"]
    assert rows["true_gradient"] == pytest.approx(0.63)
    assert rows["constant_gradient"] == pytest.approx(0.63)
    assert rows["shifted_gradient"] == pytest.approx(0, abs=1e-12)
    assert abs(rows["sampled_gradient"]) < 4 * rows["sampled_error"] < 0.05


@pytest.mark.covers("CL-06", "ERR-07", "MIS-06")
def test_the_value_helps_in_one_world_and_hurts_in_another(measured):
    rows = measured["CL-06"]
    assert rows["variance_ratio"] > 20
    assert rows["shootout_ratio"] == pytest.approx(64)
    assert rows["shootout_best"] == pytest.approx(0.1)
    assert lab.variance_terms(0.9, (1, 0), (0, 0), 0.1)[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.covers("CL-07")
def test_the_value_is_not_the_best_but_nearly_so_on_the_corridor(measured):
    rows = measured["CL-07"]
    assert rows["variance_best"] < rows["variance_value"]
    assert 0 < rows["corridor_gain"] < 0.01


# ---------------------------------------------------------------- what is learned


@pytest.mark.covers("CL-10")
def test_with_an_offset_the_baseline_decides_what_is_learned(measured):
    rows = measured["CL-10"]
    assert rows["stuck_value"] == 0
    assert 0.05 < rows["stuck_plain"] < 0.20
    assert rows["stuck_plain_late"] > 0.02
    assert rows["updates_plain"] < rows["updates_value"]
    assert rows["updates_plain_no_offset"] == pytest.approx(rows["updates_value_no_offset"], rel=0.1)


def test_with_the_value_the_offset_does_not_exist():
    plain, raised = (lab.learners("value", offset=offset, updates=50) for offset in (0.0, 5.0))
    assert raised == pytest.approx(plain, abs=1e-9)


def test_with_the_best_baseline_every_kick_is_the_exact_gradient():
    history = lab.learners("best", offset=4.0, updates=30)
    assert history.std(axis=1) == pytest.approx(np.zeros(31), abs=1e-12)


def test_learners_are_seeded():
    assert np.array_equal(lab.learners("none", updates=20, seed=4), lab.learners("none", updates=20, seed=4))
    assert not np.array_equal(lab.learners("none", updates=20, seed=4), lab.learners("none", updates=20, seed=5))


# ---------------------------------------------------------------- the corridor and the critic


@pytest.mark.covers("EQ-08", "EQ-14", "EQ-15", "CL-11", "ERR-11")
def test_every_honest_weight_has_the_exact_mean_and_the_advantage_the_least_noise():
    for offset in (0.0, 1.0):
        rows = lab.corridor_estimates(offset)
        honest = {name: row for name, row in rows.items() if name != "one-step, V halved"}
        assert all(row.largest_z < 4 for row in honest.values())
        assert min(honest, key=lambda name: honest[name].variance) == "Q - V"
    assert rows["Q"].variance > 500 * rows["Q - V"].variance


@pytest.mark.covers("CL-11")
def test_one_value_function_is_enough_if_it_is_right(measured):
    rows = measured["CL-11"]
    assert rows["largest_z"] < 4 < rows["largest_z_wrong_critic"]
    assert rows["variance_ratio"] > 3.5


@pytest.mark.covers("FIG-01", "EQ-16")
@pytest.mark.parametrize("right", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("gamma", [0.5, 0.95, 1.0])
def test_the_critic_judges_the_walk_by_the_definition(gamma, right):
    table = two_exits()
    for step, (state, action) in enumerate(lab.EPISODE, 1):
        V, seen = lab.judge_step(step, gamma, right)
        assert (seen.state, seen.action, seen.value) == (state, action, V[state])
        following = state + (1 if action else -1)
        future = V[following] if 0 <= following < 7 else 0.0
        assert seen.delta == pytest.approx(table.rewards[state, action].item() + gamma * future - V[state])
    assert seen.next_state is None


def test_the_walk_is_a_walk():
    for (state, action), (after, _) in zip(lab.EPISODE, lab.EPISODE[1:], strict=False):
        assert after == state + (1 if action else -1)


@pytest.mark.covers("FIG-01")
def test_the_same_reward_gets_different_verdicts():
    deltas = [lab.judge_step(step, 0.95, 0.5)[1].delta for step in (1, 2)]
    assert lab.judge_step(1, 0.95, 0.5)[1].reward == lab.judge_step(2, 0.95, 0.5)[1].reward
    assert deltas[0] > 0 > deltas[1]
    advantages = [lab.judge_step(8, 0.95, right)[1].delta for right in (0.1, 0.5, 0.9)]
    assert advantages[0] > advantages[1] > advantages[2] > 0


@pytest.mark.covers("EQ-16")
def test_one_step_worked_by_hand():
    r, v, after = (torch.tensor([x, x]) for x in (2.0, 3.0, 4.0))
    assert td_errors(r, v, after, torch.tensor([False, True]), gamma=0.5).tolist() == [1.0, -1.0]


@pytest.mark.covers("AL-01")
def test_subtracting_a_constant_is_line_three():
    rewards, ends = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([False, False, True])
    to_go = rewards_to_go(rewards, ends, torch.zeros(3, dtype=torch.bool), gamma=1.0)
    assert (to_go - to_go.mean()).tolist() == pytest.approx([2 / 3, -1 / 3, -1 / 3])
