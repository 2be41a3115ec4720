"""Measurements: laws that hold exactly, and loose bounds on what is sampled."""

import numpy as np
import pytest
import torch

from rlcourse.algorithms.reinforce import Reinforce
from rlcourse.course import claims, gradients
from rlcourse.envs import RIGHT, corridor
from rlcourse.lessons.reward_to_go import exercises_gradients, runs
from rlcourse.lessons.reward_to_go import experiments as lab
from rlcourse.returns import rewards_to_go

EPISODES = 10_000


@pytest.fixture(scope="module")
def run():
    return lab.compare(episodes=EPISODES)


# ---------------------------------------------------------------- estimators


@pytest.mark.covers("EQ-03", "EQ-04", "EQ-05", "CL-02", "CL-04")
@pytest.mark.parametrize("name", ["total", "reward-to-go", "Q", "Q - V"])
def test_every_true_estimator_has_the_exact_mean(run, name):
    assert run.estimates[name].largest_z < 4
    assert run.estimates[name].cosine > 0.9


@pytest.mark.covers("EQ-03", "CL-02")
@pytest.mark.parametrize(("options", "least"), [({}, 1.3), ({"horizon": 30}, 1.4), ({"offset": 1.0}, 1.8)])
def test_the_past_is_mostly_noise(options, least):
    seen = lab.compare(**options, episodes=EPISODES).estimates
    assert seen["total"].variance / seen["reward-to-go"].variance > least


@pytest.mark.covers("CL-03", "MIS-02")
def test_the_dropped_terms_have_mean_zero_and_a_variance(run):
    past = run.estimates["past"]
    assert past.largest_z < 4
    assert past.variance > 4.5
    difference = run.per_episode["total"] - run.per_episode["reward-to-go"]
    torch.testing.assert_close(run.per_episode["past"], difference)


@pytest.mark.covers("EQ-04", "CL-04")
def test_the_exact_q_is_calmer_than_any_draw_of_it(run):
    noisy, quiet = run.estimates, lab.compare(reward_noise=0.0, episodes=EPISODES).estimates
    assert noisy["reward-to-go"].variance / noisy["Q"].variance > 3.8
    assert quiet["reward-to-go"].variance > quiet["Q"].variance
    assert noisy["Q"].variance > 5 * noisy["Q - V"].variance


# ---------------------------------------------------------------- the same-step weight


@pytest.mark.covers("EQ-02", "ERR-01")
def test_the_same_step_weight_has_mean_zero_where_both_moves_pay_the_same_at_once():
    assert lab.expected_same_step(corridor(), gradients.corridor_policy(), 10).abs().max() < 1e-12
    assert lab.expected_same_step(corridor(1.0), gradients.corridor_policy(), 10).abs().max() < 1e-12


@pytest.mark.covers("EQ-02", "ERR-01", "ERR-02", "MIS-04")
def test_the_calmest_estimate_misses_the_gradient(run):
    same = run.estimates["same-step"]
    assert same.variance < 0.3 * run.estimates["reward-to-go"].variance
    assert same.largest_z > 50
    assert (same.mean - run.truth).norm() == pytest.approx(run.truth.norm().item(), rel=0.1)


@pytest.mark.covers("EQ-02")
def test_sampling_agrees_with_the_expected_same_step_weight():
    run = lab.compare(horizon=lab.TOLL_STEPS, toll=lab.TOLL, episodes=EPISODES)
    expected = lab.expected_same_step(
        lab.toll_corridor(lab.TOLL), gradients.corridor_policy(), lab.TOLL_STEPS
    ).flatten()
    samples = run.per_episode["same-step"]
    z = (samples.mean(0) - expected) / (samples.std(0) / EPISODES**0.5)
    assert z.abs().max() < 4
    assert torch.nn.functional.cosine_similarity(expected, run.truth, dim=0) < -0.6


@pytest.mark.covers("EQ-02")
def test_with_one_step_the_same_step_weight_is_the_gradient():
    world, policy = lab.toll_corridor(0.3), gradients.corridor_policy()
    truth = gradients.exact_gradient(world, policy, 1)
    torch.testing.assert_close(lab.expected_same_step(world, policy, 1), truth)
    assert truth.abs().max() > 0.01


# ---------------------------------------------------------------- the causality matrix


@pytest.mark.covers("EQ-03", "CL-03")
@pytest.mark.parametrize("steps", [2, 7, 12])
def test_the_cells_add_up_to_the_gradient_and_the_past_is_empty(steps):
    means = lab._cell_means(steps, 1.0)
    truth = gradients.exact_gradient(corridor(), gradients.corridor_policy(), steps)[:, RIGHT]
    np.testing.assert_allclose(means.sum((0, 1)), truth, atol=1e-12)
    assert not means[np.tril_indices(steps, -1)].any()
    assert np.abs(means[np.diag_indices(steps)]).max() < 1e-15


@pytest.mark.covers("EQ-03", "CL-03")
@pytest.mark.parametrize(("steps", "gamma"), [(2, 1.0), (10, 1.0), (12, 0.5), (6, 0.75)])
def test_the_matrix_agrees_with_its_sample(steps, gamma):
    cells = lab.causality(steps, gamma)
    assert cells.share.sum() == pytest.approx(1.0)
    assert abs(cells.kept[0] - 1) < 4 * cells.kept[1]
    assert abs(cells.removed[0]) < 4 * cells.removed[1]
    assert cells.total[0] == pytest.approx(cells.kept[0] + cells.removed[0])
    assert cells.kept[2] < cells.total[2]


def test_averages_of_the_cells_come_close_to_the_exact_ones():
    cells = lab.causality(10, 1.0)
    apart = [np.abs(cells.sampled[count] - cells.share).mean() for count in lab.SAMPLES]
    assert apart[0] > 5 * apart[1] > 20 * apart[2]
    assert cells.sampled[5_000].sum() == pytest.approx(cells.total[0])
    assert cells.covariance == pytest.approx(24, abs=3)


def test_the_matrix_and_the_table_measure_the_same_variance(run):
    cells, truth = lab.causality(10, 1.0), run.truth.norm().item()
    for part, name in ((cells.total, "total"), (cells.kept, "reward-to-go"), (cells.removed, "past")):
        assert part[2] * truth**2 == pytest.approx(run.estimates[name].variance, rel=0.1)


# ---------------------------------------------------------------- the race


@pytest.mark.covers("EQ-02", "EQ-05", "ERR-02")
def test_the_race_agrees_with_the_table(run):
    runners, truth = lab.race(0.5, 0.0), run.truth.norm().item()
    for name, runner in runners.items():
        assert (runner.sd * truth) ** 2 == pytest.approx(run.estimates[name].variance, rel=0.1)


@pytest.mark.parametrize(("noise", "offset"), [(0.0, -2.0), (0.5, 0.0), (2.0, 2.0)])
def test_real_batches_run_along_their_lines(noise, offset):
    for runner in lab.race(noise, offset).values():
        expected = runner.error(lab.RACE_MARKS)
        assert (runner.batches < 3.5 * expected).all()
        assert runner.error(4000) < runner.error(1000) or runner.bias > 0
    assert lab.race(noise, offset)["same-step"].error(10**9) == pytest.approx(1.0, rel=1e-3)
    assert lab.race(noise, offset)["Q"].error(10**9) < 0.01


# ---------------------------------------------------------------- the coin game


@pytest.mark.covers("CL-02", "MIS-03", "ERR-03")
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("c", [0.0, 1.0, 5.0, 10.0])
def test_the_coin_game_keeps_its_mean_whatever_the_weight(c, p):
    game = lab.coin_game(c, p)
    np.testing.assert_allclose(game.estimates @ game.chances, game.gradient)
    assert game.variances[0] == pytest.approx(lab.coin_game(0.0, p).variances[0])
    assert game.variances[2] == pytest.approx(lab.coin_game(0.0, p).variances[2])
    if p == 0.5:
        assert game.variances[1] == pytest.approx(c**2 / 4 + c / 4 + 3 / 16)


@pytest.mark.covers("CL-02")
def test_the_counterexample_by_hand():
    np.testing.assert_allclose(lab.coin_game(5.0).variances, [0.1875, 7.6875, 0.0625])


# ---------------------------------------------------------------- one reward-to-go


@pytest.mark.covers("EQ-06", "MIS-01", "ERR-04")
def test_rewards_to_go_scatter_around_q():
    measured = lab.mean_of_the_future()
    assert measured["cells"] >= 80
    assert measured["largest_z"] < 4
    assert 0.7 < measured["spread_of_z"] < 1.3
    to_go, q = lab.visits_to_go(4, 2, RIGHT)
    assert to_go.std() > 1
    assert to_go.mean() == pytest.approx(q, abs=4 * to_go.std() / len(to_go) ** 0.5)


def test_a_cell_out_of_reach_has_no_visits():
    assert len(lab.visits_to_go(2, 5, RIGHT)[0]) == 0


# ---------------------------------------------------------------- learning


@pytest.mark.covers("EQ-01")
@pytest.mark.parametrize("step_size", [0.1, 1.0, 20.0])
def test_the_exact_gradient_leads_uphill(step_size):
    climb = lab.ascend(step_size, 200)
    assert (np.diff(climb) > 0).all()
    assert climb[1] - climb[0] == pytest.approx(0.25 * 0.25 * step_size, rel=0.1 if step_size <= 1 else 1)
    assert climb[-1] > 0.93


def test_the_two_exits_are_worth_what_they_are():
    right = np.eye(2)[[[1] * 7]]
    assert runs.exact_returns(right, 0.97)[0] == pytest.approx(0.836, abs=5e-4)
    uniform = np.full((1, 7, 2), 0.5)
    values = lab.exact.evaluate(runs.two_exits(), uniform[0], gamma=0.97).V
    assert runs.exact_returns(uniform, 0.97)[0] == pytest.approx(values[3].item())


@pytest.mark.covers("EQ-01", "EQ-03", "ERR-01")
def test_learners_improve_with_a_return_and_not_with_the_same_step_reward():
    final = {name: runs.exit_learners(name, updates=25)[-1] for name in ("same-step", "total", "reward-to-go")}
    assert final["reward-to-go"].mean() > final["total"].mean() + 0.02
    assert final["total"].mean() > final["same-step"].mean() + 0.1


def test_learners_do_not_depend_on_their_neighbours_and_repeat_with_their_seed():
    once, again = (runs.exit_learners("reward-to-go", updates=3, learners=8, seed=5) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert len(np.unique(once[-1])) == 8


# ---------------------------------------------------------------- the number that is handed to autograd


def test_noting_the_number_changes_nothing_about_the_updates():
    batches = exercises_gradients._episodes(0)
    noting, plain = (kind(*exercises_gradients.SPACES, seed=3) for kind in (runs.LoggedReinforce, Reinforce))
    for episodes in batches:
        noting.update(episodes)
        plain.update(episodes)
    for one, other in zip(noting.actor.parameters(), plain.actor.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_number_is_minus_the_mean_of_score_times_weight():
    (episodes, _), agent = exercises_gradients._episodes(0), runs.LoggedReinforce(*exercises_gradients.SPACES, seed=3)
    with torch.no_grad():
        log_probs = agent.actor(episodes.obs).log_prob(episodes.actions)
    to_go = rewards_to_go(episodes.rewards, episodes.terminated, episodes.truncated, gamma=agent.config.gamma)
    noted = agent.update(episodes)
    assert noted["raw loss"] == pytest.approx(-(log_probs * to_go).mean().item(), rel=1e-4)
    weights = (to_go - to_go.mean()) / to_go.std(correction=0)
    assert noted["loss"] == pytest.approx(-(log_probs * weights).mean().item(), rel=1e-3, abs=1e-5)


@pytest.mark.covers("AL-01")
def test_the_return_rises_and_the_loss_does_not_fall():
    stored = claims.results()["REINFORCE-NUMBER"]
    assert stored["seeds"] == 16
    assert stored["return_rises"] >= 15
    assert stored["raw_loss_rises"] >= 15
    assert 3 <= stored["loss_rises"] <= 13
    assert stored["loss_largest"] < 0.1 < stored["raw_loss_first"] < stored["raw_loss_last"]


def test_places_without_an_update_stay_empty():
    means = runs._binned(np.array([1, 2, 9]), np.array([1.0, 3.0, 5.0]), np.array([4, 8, 12]))
    np.testing.assert_array_equal(means, [2.0, np.nan, 5.0])
