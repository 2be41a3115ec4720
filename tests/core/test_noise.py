"""Exploration noise: its spread, its memory, its generator."""

import numpy as np
import pytest

import rlcourse as rl


def walk(noise, steps):
    return np.array([noise.sample() for _ in range(steps)])


@pytest.mark.covers("EQX-09", "AL-11", "CL-41", "MIS-27")
@pytest.mark.parametrize(("theta", "sigma", "dt"), [(0.15, 0.2, 1.0), (0.9, 1.0, 0.3), (1.4, 0.3, 1.0)])
def test_ornstein_uhlenbeck_has_the_spread_and_the_memory_of_the_formula(theta, sigma, dt):
    noise = rl.OrnsteinUhlenbeck(4000, theta=theta, sigma=sigma, dt=dt, seed=0)
    path = walk(noise, 300)[200:]  # long after the start
    expected = sigma * np.sqrt(dt / (1 - (1 - theta * dt) ** 2))
    assert noise.stationary_std == pytest.approx(expected)
    assert path.std() == pytest.approx(expected, rel=0.02)
    for lag in (1, 5):
        correlation = (path[:-lag] * path[lag:]).mean() / path.var()
        assert correlation == pytest.approx((1 - theta * dt) ** lag, abs=0.02)


@pytest.mark.covers("MIS-27")
def test_sigma_is_not_its_spread():
    assert rl.OrnsteinUhlenbeck(1).stationary_std == pytest.approx(0.380, abs=1e-3)


def test_the_first_step_is_one_push():
    noise = rl.OrnsteinUhlenbeck(50_000, theta=0.15, sigma=0.2, dt=0.25, seed=3)
    assert noise.sample().std() == pytest.approx(0.2 * 0.5, rel=0.02)


def test_reset_forgets_everything_or_some():
    noise = rl.OrnsteinUhlenbeck((3, 2), seed=0)
    walk(noise, 5)
    noise.reset(np.array([False, True, False]))
    assert not noise.state[1].any() and noise.state[[0, 2]].all()
    noise.reset()
    assert not noise.state.any()


def test_what_is_handed_out_is_a_copy():
    noise = rl.OrnsteinUhlenbeck(3, seed=0)
    noise.sample()[:] = 7
    assert abs(noise.state).max() < 2


@pytest.mark.parametrize("kind", [rl.OrnsteinUhlenbeck, rl.GaussianNoise])
def test_the_seed_decides(kind):
    first, second, other = (walk(kind(2, seed=seed), 10) for seed in (5, 5, 6))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert not np.array_equal(walk(kind(2), 3), walk(kind(2), 3))
    assert kind(2, seed=np.random.default_rng(5)).sample().shape == (2,)


def test_gaussian_noise_has_no_memory():
    noise = rl.GaussianNoise(5000, sigma=0.3, seed=0)
    path = walk(noise, 50)
    noise.reset()
    assert path.std() == pytest.approx(noise.stationary_std, rel=0.02) == pytest.approx(0.3, rel=0.02)
    assert abs((path[:-1] * path[1:]).mean() / path.var()) < 0.02


def test_the_first_noise_is_the_push_of_the_listing():
    noise = rl.OrnsteinUhlenbeck(3, theta=0.15, sigma=0.2, dt=0.25, seed=7)
    assert noise.sample() == pytest.approx(0.2 * 0.5 * np.random.default_rng(7).standard_normal(3))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 0}, "size must be a whole number >= 1"),
        ({"size": "two"}, "size must be a whole number >= 1"),
        ({"theta": 0}, "theta must be a number > 0"),
        ({"theta": 3}, r"theta \* dt must be below 2, got 3"),
        ({"theta": 4, "dt": 0.5}, r"theta \* dt must be below 2, got 2"),
        ({"dt": -1}, "dt must be a number > 0"),
        ({"sigma": -0.1}, "sigma must be a number >= 0"),
        ({"sigma": np.nan}, "sigma must be a finite number"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
    ],
)
def test_what_it_cannot_be_made_of_is_named(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        rl.OrnsteinUhlenbeck(**{"size": 2, **arguments})


def test_what_gaussian_noise_cannot_be_made_of_is_named():
    with pytest.raises(ValueError, match="^sigma must be a number >= 0"):
        rl.GaussianNoise(2, sigma=-0.1)


def test_both_kinds_have_the_same_sigma_unless_told_otherwise():
    assert rl.GaussianNoise(2).sigma == rl.OrnsteinUhlenbeck(2).sigma == 0.2
