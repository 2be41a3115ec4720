"""The chain rule holds, a search counts what it asks, noise follows its formulas."""

import json
import math

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlcourse.course import claims
from rlcourse.lessons.ddpg import experiments as lab
from rlcourse.noise import GaussianNoise, OrnsteinUhlenbeck

HUMPS = [lab.LEFT, lab.RIGHT]


def numbers(identifier):
    return claims.results()[identifier]


# ---------------------------------------------------------------- the climb


def test_the_slope_of_the_bells_is_a_finite_difference():
    grid, gap = np.linspace(-1.9, 1.9, 50), 1e-6
    slope = (lab.bells(grid + gap, HUMPS)[0] - lab.bells(grid - gap, HUMPS)[0]) / (2 * gap)
    np.testing.assert_allclose(lab.bells(grid, HUMPS)[1], slope, atol=1e-7)


@pytest.mark.covers("EQ-34")
def test_a_step_of_the_climb_is_a_step_of_autograd():
    theta = torch.tensor(math.atanh(-0.3 / 2), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.02)
    for mu in lab.climb(-0.3, HUMPS, 0.02, 5).mu:
        action = 2 * torch.tanh(theta)
        assert action.item() == pytest.approx(mu, abs=1e-12)
        value = sum(h * torch.exp(-(((action - p) / w) ** 2) / 2) for p, h, w in HUMPS)
        optimizer.zero_grad()
        (-value).backward()
        optimizer.step()


@pytest.mark.covers("EQ-33", "EQ-34")
def test_small_steps_never_go_down_and_end_on_a_flat_place():
    for start in (-1.5, -0.3, 0.1, 1.0):
        path = lab.climb(start, HUMPS, 0.01, 400)
        assert (np.diff(lab.bells(path.mu, HUMPS)[0]) > -1e-12).all()
        assert abs(path.slope_q[-1]) < 1e-3


@pytest.mark.covers("MIS-23")
def test_the_spike_holds_the_actor_though_it_is_worth_less():
    plain = lab.climb(0.1, HUMPS, 0.01, 100)
    fooled = lab.climb(0.1, [*HUMPS, (lab.SPIKE[0], 0.5, lab.SPIKE[1])], 0.01, 100)
    assert plain.mu[-1] == pytest.approx(1.2, abs=0.01)
    assert fooled.mu[-1] == pytest.approx(lab.SPIKE[0], abs=0.05)
    assert lab.bells(fooled.mu[-1], HUMPS)[0] < 0.4 * lab.best(HUMPS)[1]


def test_near_the_edge_of_the_box_the_actor_hardly_moves():
    assert lab.climb(1.9, HUMPS, 0.01, 100).mu[-1] > 1.6
    assert lab.climb(0.3, HUMPS, 0.01, 100).mu[-1] == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize("remedy", lab.REMEDIES[1:])
def test_a_remedy_brings_a_saturated_actor_back_and_tanh_alone_hardly_does(remedy):
    alone, helped = (
        [lab.escape(start, remedy=each) for start in (1.5, 1.9, 1.98, 1.998)] for each in (lab.REMEDIES[0], remedy)
    )
    assert alone == sorted(alone) and alone[-1] > 500 * alone[0]
    assert helped == sorted(helped) and helped[-1] < alone[-1] / 20


def test_tanh_alone_escapes_as_the_climb_does():
    steps = lab.escape(1.5, remedy="tanh alone")
    path = lab.climb(1.5, HUMPS, 0.01, steps).mu
    assert path[-1] <= 1.3 < path[-2]
    with pytest.raises(ValueError, match="remedy must be one of"):
        lab.escape(1.5, remedy="prayer")


# ---------------------------------------------------------------- a minibatch


@pytest.mark.covers("EQ-34", "EQ-35", "CL-44")
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_minibatch_gradient_is_the_chain_rule(dimensions):
    whole, by_hand = lab.chain_rule(rows=8, dimensions=dimensions, seed=dimensions)
    torch.testing.assert_close(whole, by_hand, rtol=1e-12, atol=1e-14)
    assert whole.abs().max() > 1e-3


@pytest.mark.covers("EQ-41", "CL-44")
def test_the_chain_rule_is_a_finite_difference_of_the_objective():
    actor, critic, obs = lab.small_networks(8, 2, seed=0)
    whole, _ = lab.chain_rule(rows=8, dimensions=2, seed=0)
    weight, gap = next(actor.parameters()), 1e-6
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            weight[0, 0, 0] += sign * gap
            values.append(critic(obs, actor(obs)).mean().item())
            weight[0, 0, 0] -= sign * gap
    assert whole[0].item() == pytest.approx((values[0] - values[1]) / (2 * gap), abs=1e-8)


# ---------------------------------------------------------------- a search


@pytest.mark.covers("CL-35")
def test_a_search_asks_about_every_point_of_the_grid():
    asked = []

    def critic(obs, actions):
        asked.append(len(actions))
        return -((actions - 0.5) ** 2).sum(-1)

    for dimensions in (1, 2, 3):
        found = lab.grid_argmax(critic, torch.zeros(1, 4), dimensions, points=9)
        assert found.tolist() == [0.5] * dimensions
        assert asked[-1] == lab.evaluations(dimensions, 9) == 9**dimensions


@pytest.mark.covers("CL-35", "CL-36")
def test_the_search_is_dearer_the_more_dimensions():
    search, actor = numbers("CL-35"), numbers("CL-36")
    assert search["ms_1"] < search["ms_2"] < search["ms_3"] and search["ms_3"] > 50 * search["ms_1"]
    assert max(actor[f"ms_{d}"] for d in (1, 2, 3)) < 3 * min(actor[f"ms_{d}"] for d in (1, 2, 3))
    assert search["tried_3"] == 41**3


# ---------------------------------------------------------------- noise


@pytest.mark.covers("EQX-09", "CL-41", "MIS-27")
@pytest.mark.parametrize(("theta", "sigma", "dt"), [(0.15, 0.2, 1.0), (0.5, 0.3, 0.5), (1.0, 0.4, 1.0)])
def test_settled_noise_has_the_size_and_the_memory_of_the_formula(theta, sigma, dt):
    samples = lab.settled(2_000, 100, theta=theta, sigma=sigma, dt=dt, seed=1)
    sd = OrnsteinUhlenbeck(1, theta=theta, sigma=sigma, dt=dt).stationary_std
    np.testing.assert_allclose(samples.std(0), sd, rtol=0.08)
    lags = np.arange(1, 12)
    np.testing.assert_allclose(lab.autocorrelation(samples, lags), (1 - theta * dt) ** lags, atol=0.03)


@pytest.mark.covers("CL-42", "ERR-45")
def test_the_reach_of_a_sum_is_the_formula():
    samples = lab.settled(6_000, 50, seed=2)
    expected = samples.std() * math.sqrt(50) * lab.reach(0.85, 50)
    assert samples.sum(1).std() == pytest.approx(expected, rel=0.04)
    assert lab.reach(0.0, 200) == 1.0
    assert lab.reach(0.85, 100_000) == pytest.approx(math.sqrt(1.85 / 0.15), rel=1e-3)


@pytest.mark.covers("EQ-38")
@pytest.mark.parametrize(("mu", "sd"), [(0.95, 0.38), (0.0, 1.5), (-0.7, 0.2), (1.0, 7.0)])
def test_clipping_cuts_what_sampling_cuts(mu, sd):
    actions = mu + sd * np.random.default_rng(0).standard_normal(400_000)
    found = lab.clipped(mu, sd)
    assert found.share == pytest.approx((np.abs(actions) > 1).mean(), abs=0.004)
    assert found.mean == pytest.approx(np.clip(actions, -1, 1).mean(), abs=0.004)


@pytest.mark.covers("EQ-38", "ERR-45")
def test_noise_at_the_edge_is_cut_nearly_every_second_time():
    found = lab.clipped(0.95, 0.38)
    assert round(found.share, 2) == 0.45 and round(found.mean, 2) == 0.82
    assert lab.clipped(0.95, 0.0) == (0.0, 0.95)


# ---------------------------------------------------------------- cars


def test_the_cars_are_those_of_gymnasium():
    env = gym.make("MountainCarContinuous-v0").unwrapped
    rng = np.random.default_rng(0)
    for episode in range(6):
        obs, _ = env.reset(seed=episode)
        position, velocity, noise = float(obs[0]), 0.0, OrnsteinUhlenbeck(1, sigma=0.8, seed=rng)
        for _ in range(600):
            force = noise.sample()
            obs, _, terminated, _, _ = env.step(force)
            position, velocity, there = lab.mountain_car(position, velocity, force[0])
            np.testing.assert_allclose(obs, [position, velocity], atol=2e-5)
            assert bool(there) == terminated
            position, velocity = map(float, obs)  # the environment rounds to single precision, step by step
            if terminated:
                break


@pytest.mark.covers("CL-42")
def test_noise_with_a_memory_brings_cars_up_and_white_noise_does_not():
    found = numbers("CL-42")
    assert found["car_ou"] > 75 and found["car_white"] < 10 and found["car_uniform"] < 2
    assert found["further"] == pytest.approx(found["further_theory"], rel=0.05)


def test_the_stored_cars_are_those_that_are_driven():
    for forget, size in ((0.15, 0.9492), (1.0, 0.9492)):
        driven = lab.drive(forget, size)
        assert lab.cars_that_arrive(1 - forget, size) == pytest.approx(driven, abs=0.06)
    assert lab.stored().shape == (len(lab.FORGETS), len(lab.SIZES))


def test_between_the_stored_cars_the_table_is_near_to_what_is_driven():
    assert lab.cars_that_arrive(0.92, 0.7) == pytest.approx(lab.drive(0.08, 0.7), abs=5)


def test_regenerating_writes_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "FORGETS", (0.15, 1.0))
    monkeypatch.setattr(lab, "SIZES", (0.95,))
    monkeypatch.setattr(lab, "drive", lambda forget, size: 12.34)
    lab.regenerate(tmp_path / "cars.json")
    assert json.loads((tmp_path / "cars.json").read_text(encoding="utf-8")) == {"arrived": [[12.3], [12.3]]}


# ---------------------------------------------------------------- claims


@pytest.mark.covers("CL-41")
def test_the_memory_of_noise():
    found = numbers("CL-41")
    for lag in (1, 5, 10, 20):
        assert found[f"lag_{lag}"] == pytest.approx(found[f"theory_{lag}"], abs=0.02)
    assert found["sd"] == pytest.approx(found["sd_theory"], rel=0.02) and round(found["sd_theory"], 2) == 0.38
    assert found["flips"] == pytest.approx(found["flips_theory"], abs=0.01)
    assert found["flips_white"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.covers("CL-44")
def test_the_gradient_is_the_chain_rule():
    found = numbers("CL-44")
    assert found["difference"] < 1e-12 < found["largest"]


def test_white_noise_of_the_course_has_no_memory():
    samples = lab.noise_samples(GaussianNoise(500, sigma=0.3, seed=0), 200)
    assert abs(lab.autocorrelation(samples, [1])[0]) < 0.02
