"""The ridge and its cliff; the climber, and the lemma behind the surrogate."""

import itertools

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.lessons.ppo_clipping import landscapes

STEP_SIZES = [round(0.01 * k, 2) for k in range(1, 31)]


def last_height(step_size):
    return landscapes.height(*landscapes.ridge_walk(step_size)[-1])


# ---------------------------------------------------------------- the ridge


@pytest.mark.covers("FIG-05")
def test_larger_steps_get_further_up_to_one_that_falls():
    """On every setting of the slider: the end rises with the step size up to 0.12, and is 0 from 0.13 on."""
    ends = {eta: last_height(eta) for eta in STEP_SIZES}
    good = [ends[eta] for eta in STEP_SIZES if eta <= 0.12]
    assert good == sorted(good) and good[0] > 1
    assert all(ends[eta] == 0 for eta in STEP_SIZES if eta > 0.12)
    assert ends[0.12] == pytest.approx(2.36, abs=0.01)


@pytest.mark.covers("FIG-05")
@pytest.mark.parametrize("nudge", [1e-9, -1e-9, 1e-7])
def test_the_end_of_a_walk_does_not_hang_on_the_last_digit(nudge, monkeypatch):
    straight, zeros = [last_height(eta) for eta in STEP_SIZES], np.zeros
    monkeypatch.setattr(np, "zeros", lambda shape, **of: zeros(shape, **of) if of else np.full(shape, nudge))
    np.testing.assert_allclose([last_height(eta) for eta in STEP_SIZES], straight, atol=1e-3)


@pytest.mark.covers("FIG-05")
def test_before_the_fall_every_step_rises_and_after_it_none_is_taken():
    for eta in (0.05, 0.12):
        assert (np.diff(landscapes.height(*landscapes.ridge_walk(eta).T)) > 0).all()
    walk = landscapes.ridge_walk(0.13)
    heights = landscapes.height(*walk.T)
    fall = int(np.argmax(heights == 0))
    assert 30 < fall < 60 and (heights[fall:] == 0).all() and (walk[fall:] == walk[fall]).all()


@pytest.mark.covers("FIG-05")
def test_the_walk_follows_the_gradient():
    step = 1e-6
    walk = landscapes.ridge_walk(0.1, 40)
    for before, after in itertools.pairwise(walk):
        slopes = [
            (landscapes.height(*(before + e)) - landscapes.height(*(before - e))) / (2 * step) for e in step * np.eye(2)
        ]
        np.testing.assert_allclose((after - before) / 0.1, slopes, atol=1e-5)
    assert (landscapes.ridge_slope(1.0, -1.0) == 0).all()


# ---------------------------------------------------------------- the climber


@pytest.mark.covers("EQ-26")
@pytest.mark.parametrize("old", [0.1, 0.4])
@pytest.mark.parametrize("new", [0.0, 0.2, 0.5, 1.0])
def test_the_lemma_is_exact_and_the_surrogate_is_its_tangent(old, new):
    climb = landscapes.climb(old, new)
    assert climb.new_return == pytest.approx(1 + 3 * new - 6 * new**2)
    assert climb.exact == pytest.approx(climb.new_return)
    slope = 3 - 12 * old  # of J at the old boldness
    assert climb.surrogate == pytest.approx(climb.old_return + slope * (new - old))
    assert climb.old_visits == pytest.approx((1, old)) and climb.new_visits == pytest.approx((1, new))


def test_the_numbers_of_the_lesson():
    climb = landscapes.climb(0.1, 0.5)
    assert (climb.old_return, climb.new_return, climb.surrogate) == pytest.approx((1.24, 1.0, 1.96))
    assert climb.gains == pytest.approx((0.96, -2.4))
    assert rl.exact.evaluate(landscapes.CLIMB, landscapes.boldness(0.1), gamma=1.0).A.tolist() == [
        pytest.approx([-0.24, 2.16]),
        pytest.approx([0.6, -5.4]),
    ]


@pytest.mark.covers("EQ-26")
@pytest.mark.parametrize("seed", range(5))
def test_the_performance_difference_lemma_on_any_mdp(seed):
    """J(new) - J(old) = Σ_s d_new(s) Σ_a new(a|s) A_old(s, a), with discounted visits d; and its first-order part."""
    generator = torch.Generator().manual_seed(seed)
    transitions, rewards = torch.rand(4, 3, 4, generator=generator), torch.randn(4, 3, generator=generator)
    mdp = rl.exact.FiniteMDP(0.9 * transitions / transitions.sum(-1, keepdim=True), rewards)
    old, new = torch.rand(2, 4, 3, generator=generator).double().softmax(-1)
    start, gamma = torch.tensor([0.4, 0.3, 0.2, 0.1]), 0.95

    def value(policy):
        return (start.double() @ rl.exact.evaluate(mdp, policy, gamma=gamma).V).item()

    def gain(policy, visited):
        advantages = rl.exact.evaluate(mdp, old, gamma=gamma).A
        visits = rl.exact.visits(mdp, visited, start, gamma=gamma)
        return (visits @ (policy * advantages).sum(-1)).item()

    assert gain(new, new) == pytest.approx(value(new) - value(old), abs=1e-9)
    step = 1e-5
    nearby = (1 - step) * old + step * new
    assert gain(nearby, old) / step == pytest.approx((value(nearby) - value(old)) / step, abs=1e-3)
