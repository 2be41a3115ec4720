"""Numbers, first half: gradients against autograd, variances against many draws, densities against laws."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

import rlcourse as rl
from rlcourse.lessons.reparameterization import experiments as lesson
from rlcourse.lessons.reparameterization import race


def scalar(x):
    return torch.tensor(float(x), dtype=torch.float64)


# ---------------------------------------------------------------- the way back


@pytest.mark.covers("EQ-65", "EQ-67", "EQ-68", "EQ-69", "EQ-70", "FIG-15")
@pytest.mark.parametrize("setting", [(0.0, 1.0, 0.5), (-0.7, 0.3, -1.4), (1.9, 2.0, 0.0)])
def test_the_terms_of_the_pathwise_gradient_add_up(setting):
    mu, sigma, noise = setting
    draw = lesson.one_draw("rsample()", *setting)
    mean, std = scalar(mu).requires_grad_(), scalar(sigma).requires_grad_()
    action = mean + std * noise
    loss = lesson.ALPHA * Normal(mean, std).log_prob(action) + (action - 1) ** 2
    gradient = [g.item() for g in torch.autograd.grad(loss, (mean, std))]
    assert draw.gradient == pytest.approx(gradient)
    assert draw.loss == pytest.approx(loss.item())
    to_action = draw.from_q + draw.from_density
    assert draw.from_q == pytest.approx(2 * (draw.action - 1))
    assert draw.from_density == pytest.approx(-lesson.ALPHA * noise / sigma)
    assert draw.through_action == pytest.approx((to_action, to_action * noise))
    scores = lesson.ALPHA * noise / sigma, lesson.ALPHA * (noise**2 - 1) / sigma
    assert draw.direct == pytest.approx(scores)
    assert np.add(draw.direct, draw.through_action) == pytest.approx(gradient)


@pytest.mark.covers("EQ-66", "FIG-14", "FIG-15")
def test_the_flags_are_those_of_torch():
    policy = Normal(scalar(0.0).requires_grad_(), scalar(1.0).requires_grad_())
    for road, action in (("rsample()", policy.rsample()), ("sample()", policy.sample())):
        flags = lesson.one_draw(road, 0, 1, 0.5).flags
        assert flags["a"] == flags["Q"] == action.requires_grad
        assert flags["log pi"] == policy.log_prob(action).requires_grad
        assert flags["loss"]


@pytest.mark.covers("EQ-65", "EQ-66", "EQ-68")
def test_both_draws_have_one_distribution():
    """Kolmogorov and Smirnov: with N draws each the gap stays below 1.63 sqrt(2 / N) in 99 of 100 cases."""
    count = 200_000
    with torch.random.fork_rng():
        torch.manual_seed(1)
        policy = Normal(scalar(0.3).expand(count), scalar(0.7))
        one, two = (draws.sort().values for draws in (policy.sample(), policy.rsample()))
    below = [torch.searchsorted(draws, torch.cat([one, two])) for draws in (one, two)]
    assert (below[0] - below[1]).abs().max() / count < 1.63 * (2 / count) ** 0.5


@pytest.mark.covers("EQX-20", "EQ-70", "MIS-34", "ERR-61")
@pytest.mark.parametrize("setting", [(0.0, 1.0), (-0.7, 0.3), (1.9, 2.0)])
def test_where_the_roads_lead_on_average(setting):
    noise = np.random.default_rng(7).standard_normal(400_000)
    exact = np.array(lesson.exact_gradient(*setting))
    for road in lesson.ROADS:
        draws = lesson.many_draws(road, *setting, noise)
        error = draws.std(1) / len(noise) ** 0.5
        target = 0 if road == "sample()" else exact
        assert (np.abs(draws.mean(1) - target) < 4.5 * error).all()
        one = [lesson.one_draw(road, *setting, xi).gradient for xi in noise[:20]]
        np.testing.assert_allclose(np.transpose(one), draws[:, :20], atol=1e-12)


# ---------------------------------------------------------------- two estimators


@pytest.mark.covers("CL-60", "EQX-20")
@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize("dims", [1, 2, 5])
def test_the_moments_of_the_bowl(dims, baseline):
    """Against a million draws of the whole vector, differentiated by torch."""
    mu, sigma = -0.4, 0.7
    noise = torch.from_numpy(np.random.default_rng(2).standard_normal((500_000, dims)))
    actions = (mu + sigma * noise).requires_grad_()
    q = -(actions**2).sum(-1)
    (slopes,) = torch.autograd.grad(q.sum(), actions)
    b = lesson.mean_q("bowl", mu, sigma, 1, dims) if baseline else 0.0
    score = (q.detach() - b) * noise[:, 0] / sigma
    exact = lesson.bowl(mu, sigma, dims, baseline)
    assert slopes[:, 0].mean().item() == pytest.approx(exact.mean, abs=0.01)
    assert score.mean().item() == pytest.approx(exact.mean, abs=0.05)
    assert slopes[:, 0].var().item() == pytest.approx(exact.pathwise, rel=0.01)
    assert score.var().item() == pytest.approx(exact.score, rel=0.03)


@pytest.mark.covers("CL-60", "EQX-20")
@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_the_moments_of_the_wave(k, baseline):
    mu, sigma = 0.3, 0.5
    noise, weights = lesson.gauss_hermite()
    action = mu + sigma * noise
    b = weights @ np.sin(k * action) if baseline else 0.0
    exact = lesson.wave(mu, sigma, k, baseline)
    for values, variance in (
        (k * np.cos(k * action), exact.pathwise),
        ((np.sin(k * action) - b) * noise / sigma, exact.score),
    ):
        assert weights @ values == pytest.approx(exact.mean)
        assert weights @ (values - exact.mean) ** 2 == pytest.approx(variance)


@pytest.mark.covers("CL-60")
@pytest.mark.parametrize("case", [("bowl", 1, 1), ("bowl", 1, 2), ("bowl", 1, 9), ("wave", 4, 1)])
def test_presampled_estimates_follow_the_moments(case):
    kind, k, dims = case
    for samples in lesson.SAMPLES:
        exact = lesson.moments(kind, 0.5, 0.5, k, dims)
        for values, variance in zip(lesson.estimates(kind, 0.5, 0.5, k, dims, samples), exact[1:], strict=True):
            assert values.shape == (lesson.ESTIMATES,)
            assert values.mean() == pytest.approx(exact.mean, abs=5 * (variance / samples / lesson.ESTIMATES) ** 0.5)
            assert values.var() * samples == pytest.approx(variance, rel=0.35)


@pytest.mark.covers("CL-60", "ERR-61")
def test_slopes_win_on_bowls_and_lose_on_waves():
    numbers = lesson.two_estimators()
    assert [numbers[f"bowl_{d}"] for d in (1, 4, 16, 64)] == pytest.approx([4.5, 9, 27, 99])
    assert numbers["path_1"] < 0.1 * numbers["score_1"]
    assert numbers["path_5"] > 4 * numbers["score_5"]
    assert numbers["path_100"] > 1000 * numbers["score_100"]
    sac = lesson.policy_gradients()
    assert sac["pathwise"][1] > 2 * sac["score"][1]
    assert numbers["race_top_score_16"] < numbers["race_low_path_16"]


# ---------------------------------------------------------------- SAC's policy loss


@pytest.mark.covers("EQ-69", "EQ-70", "ERR-65")
def test_the_gradient_of_the_policy_loss_per_sample_and_on_average():
    found = lesson.policy_gradients()
    truth = (-0.1762, 0.5161)
    for name in ("pathwise", "without first term", "score"):
        assert found[name][0] == pytest.approx(truth, abs=1e-4)
    assert found["first term"][0] == pytest.approx((0, 0), abs=1e-12)
    variances = [found[name][1] for name in ("pathwise", "without first term", "score")]
    assert variances == pytest.approx((6.45, 5.94, 2.53), abs=0.005)
    warm = lesson.policy_gradients(alpha=1.0)
    assert warm["without first term"][1] == pytest.approx(7.69, abs=0.005)  # here it helps
    # the same from autograd, sample by sample
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(2000))
    mu, log_std = (torch.full((2000,), x, dtype=torch.float64, requires_grad=True) for x in (0.3, -0.5))
    action = mu + log_std.exp() * noise
    loss = lesson.ALPHA * Normal(mu, log_std.exp()).log_prob(action) - torch.sin(3 * action) + 0.3 * action**2
    slopes = torch.stack(torch.autograd.grad(loss.sum(), (mu, log_std)))
    a, std = action.detach(), math.exp(-0.5)
    direct = lesson.ALPHA * torch.stack([noise / std, noise**2 - 1])
    to_action = -lesson.ALPHA * noise / std - 3 * torch.cos(3 * a) + 0.6 * a
    by_hand = direct + to_action * torch.stack([torch.ones(2000), std * noise])
    assert torch.allclose(slopes, by_hand, atol=1e-12)


@pytest.mark.covers("EQ-64", "EQ-69", "CL-63")
def test_the_normaliser_changes_the_value_and_not_the_gradient():
    mu, log_std = scalar(0.3).requires_grad_(), scalar(-0.5).requires_grad_()
    with_z, without, alpha_log_z = lesson.projection(mu, log_std)
    assert (with_z - without).item() == pytest.approx(alpha_log_z.item(), abs=1e-9)
    assert alpha_log_z.item() == pytest.approx(0.7342, abs=1e-4)
    slopes = [torch.stack(torch.autograd.grad(loss, (mu, log_std), retain_graph=True)) for loss in (with_z, without)]
    assert torch.allclose(*slopes, atol=1e-9)
    noise, weights = lesson.gauss_hermite()  # and the value is that of quadrature
    action = 0.3 + math.exp(-0.5) * noise
    log_pi = -0.5 * noise**2 + 0.5 - 0.5 * math.log(2 * math.pi)
    assert weights @ (lesson.ALPHA * log_pi - lesson.crests(action)) == pytest.approx(without.item(), abs=1e-9)


@pytest.mark.covers("CL-64")
def test_the_actor_learns_from_states_alone():
    numbers = lesson.states_only()
    assert numbers["shuffled"] == numbers["zeros"] == numbers["weights"] == 0
    assert numbers["critic_shuffled"] > 0.001 and numbers["states"] > 0.001


# ---------------------------------------------------------------- the density behind tanh


@pytest.mark.covers("EQX-13", "AL-20", "FIG-16")
@pytest.mark.parametrize("setting", [(0.0, 0.5, 1.0), (0.5, 1.0, 1.0), (-1.5, 0.3, 2.0), (1.0, 1.5, 0.5)])
def test_the_density_of_the_lab_is_that_of_the_package(setting):
    mu, sigma, scale = setting
    actions = scale * np.linspace(-0.999, 0.999, 501)
    corrected, naive = lesson.densities(actions, *setting)
    package = rl.TanhGaussian(scalar(mu)[None], scalar(math.log(sigma))[None], -scale, scale)
    np.testing.assert_allclose(corrected, package.log_prob(torch.from_numpy(actions)[:, None]).exp(), rtol=1e-9)
    gaussian = Normal(scalar(mu), scalar(sigma))
    np.testing.assert_allclose(naive, gaussian.log_prob(torch.from_numpy(np.arctanh(actions / scale))).exp())


@pytest.mark.covers("EQX-13", "CL-61", "FIG-16")
@pytest.mark.parametrize("mu", [-3.0, 0.0, 0.5])
@pytest.mark.parametrize("sigma", [0.05, 1.0, 5.0])
def test_areas_and_entropies_obey_their_laws(mu, sigma):
    for scale in (0.5, 1.0, 2.0):
        corrected, naive = lesson.areas(mu, sigma, scale)
        assert corrected == pytest.approx(1, abs=1e-6)
        assert naive < scale
        before, after = lesson.entropies(mu, sigma, scale)
        assert after <= before + math.log(scale) and after < math.log(2 * scale)
        assert after == pytest.approx(lesson.entropies(mu, sigma)[1] + math.log(scale))
        assert lesson.entropies(-mu, sigma, scale)[1] == pytest.approx(after)


@pytest.mark.covers("CL-61", "MIS-30", "ERR-62")
def test_the_entropy_of_a_bounded_action():
    numbers = lesson.entropy_of_a_bounded_action()
    expected = {
        "u_0_5": 0.726,
        "a_0_5": 0.500,
        "u_2": 2.112,
        "a_2": -0.001,
        "u_5": 3.028,
        "a_5": -3.694,
        "u_off": 0.726,
        "a_off": -1.946,
        "u_half": 1.419,
        "a_half": 0.520,
        "area": 1.0,
        "naive_area": 0.562,
        "best_entropy": 0.6836,
        "true_10": -18.6137,
        "patched_10": -13.8155,
    }
    for name, value in expected.items():
        assert numbers[name] == pytest.approx(value, abs=1e-3), name
    assert numbers["best_sigma"] == pytest.approx(0.874, abs=0.002)
    assert numbers["best_entropy"] < numbers["ceiling"] == pytest.approx(math.log(2))
    # and -E[log π] of the package's own draws agrees
    noise = torch.from_numpy(np.random.default_rng(3).standard_normal((400_000, 1)))
    for name, mu, sigma in (("a_0_5", 0, 0.5), ("a_5", 0, 5), ("a_off", 2, 0.5), ("a_half", 0.5, 1)):
        policy = rl.TanhGaussian(scalar(mu)[None], scalar(math.log(sigma))[None])
        log_probs = policy.rsample_with_log_prob((400_000,), noise=noise)[1]
        error = log_probs.std().item() / 400_000**0.5
        assert -log_probs.mean().item() == pytest.approx(numbers[name], abs=4.5 * error)


@pytest.mark.covers("EQX-13", "CL-61")
def test_the_formula_as_written_breaks_in_single_precision():
    u = np.arange(-20, 20, 0.01)
    stable, written, patched = (lesson.in_float32(name, u) for name in lesson.FORMULAS)
    truth = lesson.log_stretch(u)
    np.testing.assert_allclose(truth, -2 * np.log(np.cosh(u)), atol=1e-9)
    np.testing.assert_allclose(stable, truth, rtol=1e-5, atol=2e-6)
    assert lesson.breaking_point() == pytest.approx(9.011, abs=0.01)
    assert np.isneginf(written[np.abs(u) > 9.1]).all() and np.isfinite(written[np.abs(u) < 9]).all()
    assert patched.min() == pytest.approx(math.log(1e-6), abs=1e-3)
    assert lesson.broken_share(0, 5) == pytest.approx(0.0715, abs=0.001)
    assert lesson.near_edge(0, 5) == pytest.approx(0.597, abs=0.001)


# ---------------------------------------------------------------- two populations of learners


@pytest.mark.covers("CL-60", "EQX-20")
@pytest.mark.parametrize("dims", [1, 16])
def test_both_estimators_train_the_same_policy_on_average(dims):
    """With many draws both follow the exact gradient: μ by 2 η (½ - μ), log σ by -2 η σ²."""
    mu, log_std = race.START[0], np.log(race.START[1])
    exact = []
    for _ in range(race.STEPS + 1):
        exact.append(-((mu - race.TARGET) ** 2 + np.exp(2 * log_std)))
        mu, log_std = mu + 2 * race.STEP_SIZE * (race.TARGET - mu), log_std - 2 * race.STEP_SIZE * np.exp(2 * log_std)
    for name in race.ESTIMATORS:
        heights = race.race(name, dims, 400)
        assert heights.shape == (race.SEEDS, race.STEPS + 1)
        np.testing.assert_allclose(heights.mean(0), exact, atol=0.02)


@pytest.mark.covers("CL-60")
def test_more_components_cost_the_score_more_steps():
    few, many = race.after(50, 1, 1), race.after(50, 16, 1)
    assert few["low_score"] < few["path"] < few["top_score"]
    assert many["top_score"] < many["low_path"] - 0.2
