"""Numbers: entropies against their laws, soft values against the oracle, fits against the map."""

import math

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.course import claims
from rlcourse.distributions import categorical_entropy, gaussian_entropy
from rlcourse.lessons.soft_policy_iteration import experiments as lesson

# ---------------------------------------------------------------- entropy


@pytest.mark.covers("EQX-11", "CL-47", "MIS-29", "ERR-51", "FIG-09")
def test_entropy_of_actions_has_two_ends_and_that_of_a_density_none():
    numbers = lesson.entropies()
    assert numbers["certain"] == 0 < numbers["peaked"] < numbers["flat"] < numbers["largest"] == math.log(5)
    assert numbers["flat"] == pytest.approx(1.589, abs=2e-3)
    assert numbers["gauss_02"] == pytest.approx(-0.190, abs=1e-3)
    assert numbers["uniform_half"] == pytest.approx(-math.log(2))
    assert gaussian_entropy(torch.tensor(numbers["zero_at"])).abs() < 1e-6
    assert numbers["gauss_tiny"] < -12


@pytest.mark.covers("EQX-11")
@pytest.mark.parametrize("sigma", [0.05, 0.242, 1.0, 3.0])
def test_the_density_s_entropy_is_the_mean_of_minus_log(sigma):
    x = np.linspace(-9 * sigma, 9 * sigma, 20_001)
    p = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    mean = -(p * np.log(np.maximum(p, 1e-300))).sum() * (x[1] - x[0])
    assert float(gaussian_entropy(torch.tensor(sigma, dtype=torch.float64))) == pytest.approx(mean, abs=1e-6)
    draws = np.random.default_rng(0).uniform(0, lesson.width_of_uniform(sigma), 200_000)
    assert draws.std() == pytest.approx(sigma, rel=0.01)


def test_heating_raises_entropy_up_to_all_alike():
    heat = [categorical_entropy(lesson.tempered(lesson.PEAKED, T)) for T in (0.05, 0.5, 1, 2, 10, 1e6)]
    assert all(b > a for a, b in zip(heat, heat[1:]))  # noqa: RUF007
    assert heat[0] < 1e-6 and heat[-1] == pytest.approx(math.log(5))
    assert lesson.tempered(lesson.PEAKED, 1.0) == pytest.approx(lesson.shares(lesson.PEAKED))


@pytest.mark.covers("CL-48")
def test_near_equals_are_near_relative_to_alpha():
    numbers = lesson.near_equals()
    for tag, alpha in (("01", 0.1), ("1", 1.0), ("10", 10.0)):
        assert numbers[f"ratio_{tag}"].item() == pytest.approx(math.exp(0.1 / alpha))
    assert math.exp(0.1 / numbers["alpha_for_1_2"]) == pytest.approx(1.2)


@pytest.mark.covers("CL-49", "MIS-23")
def test_some_entropy_protects_from_a_false_peak():
    numbers = lesson.protection()
    assert numbers["greedy"] < 1e-4
    assert numbers["on_spike_005"] > 0.99 > numbers["on_spike_02"] > numbers["on_spike_05"]
    assert numbers["earned_02"] > numbers["earned_05"] > numbers["earned_01"] > numbers["earned_005"]
    assert numbers["gauss_earned_spike"] < 0.01 < 0.8 < numbers["gauss_earned_hump"]  # the condition of the claim
    assert numbers["gauss_std_spike"] < 0.01 < numbers["gauss_std_hump"]


# ---------------------------------------------------------------- two passages


@pytest.mark.covers("EQ-53", "FIG-10", "FIG-11")
@pytest.mark.parametrize("alpha", [0.05, 0.3, 2.0])
def test_densities_have_area_one_and_boltzmann_beats_every_gaussian_softly(alpha):
    both = lesson.boltzmann_density(alpha)
    assert lesson.mass(both, -4, 10) == pytest.approx(1, abs=1e-9)

    def soft(density):  # E[Q] + α h, which log Z bounds from above
        return lesson.earned(density) - alpha * (density * np.log(np.maximum(density, 1e-300))).sum() * lesson.STEP

    assert soft(both) == pytest.approx(alpha * lesson.log_normaliser(alpha))
    for mu, sigma in ((0.0, 0.3), (4.0, 0.3), (1.0, 3.0)):
        one = lesson.gaussian_density(mu, sigma)
        assert soft(one) < soft(both)
        kl = lesson.divergence(mu, sigma, alpha)[0]
        assert soft(one) == pytest.approx(alpha * lesson.log_normaliser(alpha) - alpha * kl)  # the identity of part 4


@pytest.mark.covers("EQ-64")
@pytest.mark.parametrize("at", [(0.3, 0.4), (2.0, 1.0), (5.0, 3.0)])
def test_the_slopes_of_the_divergence_are_its_slopes(at):
    (mu, sigma), step = at, 1e-5
    _, slope_mu, slope_log = lesson.divergence(mu, sigma, 0.4)
    up, down = (lesson.divergence(mu + d, sigma, 0.4)[0] for d in (step, -step))
    assert slope_mu == pytest.approx((up - down) / (2 * step), abs=1e-5)
    up, down = (lesson.divergence(mu, sigma * math.exp(d), 0.4)[0] for d in (step, -step))
    assert slope_log == pytest.approx((up - down) / (2 * step), abs=1e-5)


def test_the_map_holds_the_divergence():
    depth = lesson.divergence_map(0.3)
    for row, column in ((3, 10), (20, 30), (40, 55)):
        mu, sigma = lesson.MAP_MU[column], lesson.MAP_SIGMA[row]
        assert depth[row, column] == pytest.approx(lesson.divergence(mu, sigma, 0.3)[0])


@pytest.mark.covers("CL-52", "MIS-31", "ERR-54")
def test_fits_from_two_starts_end_on_two_passages():
    numbers = lesson.minima()
    assert numbers["mu_one_02"] == pytest.approx(0, abs=0.01) and numbers["mu_two_02"] == pytest.approx(4, abs=0.01)
    assert numbers["kl_one_02"] == pytest.approx(0.024, abs=2e-3)
    assert numbers["kl_two_02"] == pytest.approx(3.92, abs=0.02)
    assert 0.1 < numbers["wide_visits_two_04"] < 0.25
    assert numbers["sigma_wide_04"] > 2 and numbers["kl_one_04"] < numbers["kl_wide_04"] < numbers["kl_two_04"]
    assert numbers["fit_visits_two"] < 1e-20 < 0.01 < numbers["boltzmann_visits_two"]
    for start, alpha in (((2.5, 0.4), 0.2), ((3.0, 0.4), 0.2), ((3.0, 0.4), 0.4)):
        walk = lesson.fit(*start, alpha)
        depths = [lesson.divergence(*point, alpha)[0] for point in walk]
        assert all(b < a for a, b in zip(depths, depths[1:]))  # noqa: RUF007
        _, *slopes = lesson.divergence(*walk[-1], alpha)
        assert np.abs(slopes).max() < 1e-2  # a minimum, not a place where the walk was cut


@pytest.mark.covers("CL-52")
def test_from_a_temperature_of_0_8_on_the_wide_fit_is_all_there_is():
    ends = [lesson.fit(mu, sigma, 0.8)[-1] for mu in (0.0, 2.0, 4.0) for sigma in (0.2, 0.5, 2.0)]
    assert np.ptp(ends, axis=0).max() < 0.05 and ends[0][1] > 3


@pytest.mark.covers("CL-51")
def test_a_gaussian_learner_misses_the_other_passage():
    numbers = lesson.one_passage()
    assert numbers["mass_04"] == pytest.approx(3e-14, rel=0.1) and numbers["mass_15"] == pytest.approx(0.022, abs=1e-3)
    for sigma in ("02", "04", "08"):
        assert numbers[f"never_gaussian_{sigma}"] > 0.25 > numbers["never_boltzmann_01"]
        assert numbers[f"before_gaussian_{sigma}"] < numbers["before_boltzmann_02"]
        assert numbers[f"soon_gaussian_{sigma}"] < numbers["soon_boltzmann_02"]
    assert numbers["never_boltzmann_03"] == 0
    # colder is better after the closing, warmer before it
    assert numbers["soon_boltzmann_01"] > numbers["soon_boltzmann_02"] > numbers["soon_boltzmann_03"]
    assert numbers["before_boltzmann_01"] < numbers["before_boltzmann_02"]


def test_a_narrow_gaussian_pays_for_its_width_too():
    numbers, rng = lesson.one_passage(), np.random.default_rng(0)
    drawn = np.rint((4 + 0.2 * rng.standard_normal(200_000)) / 0.2) * 0.2
    assert numbers["ceiling_gaussian_02"] == pytest.approx(lesson.passages(drawn, open_1=False).mean(), abs=2e-3)
    assert numbers["late_gaussian_02"] < numbers["ceiling_gaussian_02"] < 1.2
    # right after the closing it earns what those earn who were parked behind the passage that is left
    parked = numbers["parked_gaussian_02"] * numbers["ceiling_gaussian_02"]
    assert numbers["soon_gaussian_02"] == pytest.approx(parked, abs=0.03)
    run = lesson.race("gaussian", 0.2)
    assert run.late.mean() == pytest.approx(numbers["late_gaussian_02"])


def test_the_end_points_of_an_interval_count_by_half():
    one = lesson.gaussian_density(0.0, 0.4)
    assert lesson.mass(one, 3, 5) == pytest.approx(0.5 * math.erfc(3 / 0.4 / 2**0.5), rel=5e-3)
    assert lesson.mass(one, -1, 1) == pytest.approx(math.erf(1 / 0.4 / 2**0.5), abs=1e-5)


# ---------------------------------------------------------------- soft values


@pytest.mark.covers("EQ-44", "EQ-45", "ERR-52")
def test_the_discount_belongs_before_the_whole_bracket():
    found = lesson.brackets()
    assert abs(found["sampled"] - found["solved"]) < 4 * found["error"]
    assert found["undiscounted_120"] > found["undiscounted_60"] + 20 > 3 * found["solved"]


@pytest.mark.covers("EQ-46")
def test_a_finite_task_needs_no_discount():
    found = lesson.finite_horizon()
    assert found["solved"] == pytest.approx(4.1436, abs=1e-3)
    assert abs(found["sampled"] - found["solved"]) < 4 * found["error"]


def test_many_soft_values_at_once_are_the_oracle_s():
    mdps, policies = [lesson.random_mdp(seed) for seed in range(4)], lesson.random_policies(4)
    Q = lesson.soft_values(mdps, policies, gamma=0.9, alpha=0.3)
    for i, mdp in enumerate(mdps):
        torch.testing.assert_close(Q[i], rl.exact.soft_evaluate(mdp, policies[i], gamma=0.9, alpha=0.3).Q)
    policies[0, 0] = torch.tensor([1.0, 0, 0, 0])
    assert lesson.soft_values(mdps, policies, gamma=0.9, alpha=0.3).isfinite().all()


@pytest.mark.covers("CL-53", "EQ-51")
def test_errors_shrink_by_gamma():
    numbers = lesson.contraction()
    assert numbers["ratio"] <= 0.9 + 1e-9
    assert numbers["worst"].item() == pytest.approx(0.9) and numbers["rate"].item() == pytest.approx(0.9, abs=1e-3)


@pytest.mark.covers("CL-54", "EQ-54", "EQ-55", "ERR-53", "ERR-57")
def test_one_alpha_never_lowers_a_value_and_two_often_do():
    numbers = lesson.improvement()
    assert numbers["fall"] < 1e-10
    for tag, gap in (("005", 3.5), ("02", 2.3), ("05", 0.71), ("2", 1.18)):
        assert 0.02 < numbers[f"falls_{tag}"] < 0.12
        assert numbers[f"gap_{tag}"].item() == pytest.approx(gap, rel=0.15)
    assert 1 < numbers["least"] < numbers["most"] < 3  # from the optimum all of 1600 values fall
    assert lesson.fall_from_the_optimum().shape == (50, 8, 4)


@pytest.mark.covers("EQ-54", "ERR-56")
def test_improvement_holds_in_a_family_that_has_the_old_policy():
    for alpha in (0.05, 1.0):
        assert min(lesson.restricted_improvement(seed, alpha=alpha) for seed in range(20)) >= -1e-12


@pytest.mark.covers("CL-55", "EQ-56")
def test_a_handful_of_rounds_is_enough():
    numbers = lesson.rounds_needed()
    assert numbers["rounds"] < 5 and numbers["most"] <= 8 and numbers["apart"] < 1e-8


@pytest.mark.covers("CL-56")
def test_the_same_backup_diverges_behind_a_fit():
    numbers = lesson.with_a_network_in_miniature()
    assert numbers["table_rate"].item() == pytest.approx(0.9) and numbers["fit_rate"].item() == pytest.approx(1.08)
    assert numbers["fit"] > 1000 * numbers["table"]


@pytest.mark.covers("CL-63", "EQ-64")
def test_the_normaliser_changes_the_value_and_not_the_slope():
    numbers = lesson.dropped_normaliser()
    assert numbers["slopes"] < 1e-12
    assert numbers["values"] == pytest.approx(float(numbers["alpha_log_z"]))
    assert numbers["values"] == pytest.approx(0.7342, abs=1e-4)


# ---------------------------------------------------------------- grid world and dial


def test_the_grid_world_ends_in_goal_and_pit_and_nowhere_else():
    mdp = lesson.grid_world()
    ends = 1 - mdp.transitions.sum(-1)
    near = {2: 1, 6: 1, 11: 0}  # beside the goal; beside, and below, the pit
    assert set(lesson.CELLS) == set(range(16)) - {lesson.GOAL, lesson.PIT}
    for cell in lesson.CELLS:
        assert (ends[cell].max() > 0.5) == (cell in near), cell
    assert mdp.rewards[2, 1].item() == pytest.approx(0.8 * 4 - 0.1)
    assert mdp.rewards[11, 0].item() == pytest.approx(-0.8 * 4 - 0.1)


@pytest.mark.covers("MIS-32")
def test_a_warm_agent_turns_away_from_the_goal():
    def right(alpha):
        return rl.exact.soft_policy_iteration(lesson.grid_world(), gamma=0.9, alpha=alpha).policy[2, 1].item()

    assert right(0.01) > 0.99 > right(0.2) > 0.8 > right(0.5) > right(5.0)


@pytest.mark.covers("EQ-44", "MIS-32")
def test_a_bonus_for_this_step_alone_turns_away_later_than_entropy_in_the_return():
    mdp = lesson.grid_world()
    for alpha, kept in ((0.2, 0.85), (0.5, 0.7)):
        policy = lesson.bonus_in_this_step(alpha)
        Q = rl.exact.evaluate(mdp, policy, gamma=0.9).Q
        torch.testing.assert_close(rl.exact.boltzmann(Q, alpha), policy)  # a fixed point of its own rule
        assert policy[2, 1] > kept
    soft = rl.exact.soft_policy_iteration(mdp, gamma=0.9, alpha=0.5).policy
    assert soft[2, 1] < 0.1 and soft[2, 3] > 0.4


@pytest.mark.covers("EQX-21", "MIS-32", "MIS-33")
def test_the_dial_trades_reward_for_entropy_at_the_price_alpha():
    points = [lesson.dial(alpha) for alpha in (0.01, 0.1, 0.3, 1.0, 10.0)]
    rewards, entropies = [p.reward for p in points], [p.entropy for p in points]
    assert rewards == sorted(rewards, reverse=True) and entropies == sorted(entropies)
    one, near = lesson.dial(0.5), lesson.dial(0.501)
    assert (one.reward - near.reward) / (near.entropy - one.entropy) == pytest.approx(0.5, rel=0.01)
    torch.testing.assert_close(lesson.dial(1.0, 10.0).policy, lesson.dial(0.1).policy)


def test_what_is_stored_is_what_these_functions_say():
    stored = claims.results()
    assert {f"CL-{n}" for n in (47, 48, 49, 51, 52, 53, 54, 55, 56, 63)} <= set(stored)
