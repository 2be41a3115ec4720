"""Distributions: entropies against sums and quadrature, and a squashed Gaussian that is a density and stays finite."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import rlcourse as rl
from rlcourse.distributions import categorical_entropy, gaussian_entropy

WIDE = {"allow_nan": False, "allow_infinity": False}


def area(mean, log_std, low, high, points=400_001):
    """The integral of the density over the box, by the midpoint rule on a grid that is finest at the edges."""
    edges = torch.tanh(torch.linspace(-18, 18, points, dtype=torch.float64))
    edges[0], edges[-1] = -1, 1
    middles, widths = (edges[1:] + edges[:-1]) / 2, edges.diff()
    keep = widths > 0
    actions = low + (high - low) * (middles[keep] + 1) / 2
    density = (
        rl.TanhGaussian(
            torch.tensor([mean], dtype=torch.float64), torch.tensor([log_std], dtype=torch.float64), low, high
        )
        .log_prob(actions[:, None])
        .exp()
    )
    return float((density * widths[keep] * (high - low) / 2).sum())


@pytest.mark.covers("EQX-13", "AL-20", "ERR-62", "ERR-63")
@settings(max_examples=25, deadline=None)
@given(st.floats(-2, 2, **WIDE), st.floats(-1.5, 0.8, **WIDE), st.floats(-5, 4, **WIDE), st.floats(0.1, 9, **WIDE))
def test_the_density_integrates_to_one_over_any_box(mean, log_std, low, width):
    assert area(mean, log_std, low, low + width) == pytest.approx(1, abs=1e-4)


@pytest.mark.covers("CL-61")
def test_without_the_stretch_it_is_no_density():
    grid = torch.linspace(-1, 1, 200_001, dtype=torch.float64)[1:-1]
    naive = torch.distributions.Normal(0.5, 1.0).log_prob(torch.atanh(grid)).exp().sum() * 1e-5
    assert float(naive) == pytest.approx(0.562, abs=2e-3)
    assert area(0.5, 0.0, -1.0, 1.0) == pytest.approx(1, abs=1e-4)


def both_ways(unbounded, low=-1.0, high=1.0, dtype=torch.float32):
    """Actions of a standard normal at given u, their log-density in one go, and by way of the action."""
    mean = torch.zeros(len(unbounded), 1, dtype=dtype)
    policy = rl.TanhGaussian(mean, mean, low, high)
    actions, log_probs = policy.rsample_with_log_prob(noise=torch.tensor(unbounded, dtype=dtype)[:, None])
    return actions, log_probs, policy.log_prob(actions)


def test_both_ways_to_the_log_density_agree_with_torchs_transforms():
    from torch.distributions import AffineTransform, Normal, TanhTransform, TransformedDistribution

    unbounded = np.linspace(-4, 4, 33)
    actions, direct, detour = both_ways(unbounded, -3.0, 7.0, torch.float64)
    torchs = TransformedDistribution(Normal(torch.tensor(0.0).double(), 1.0), [TanhTransform(), AffineTransform(2, 5)])
    torch.testing.assert_close(direct, torchs.log_prob(actions[:, 0]))
    torch.testing.assert_close(direct, detour)


@pytest.mark.covers("EQX-13")
def test_it_is_exact_where_tanh_saturates():
    unbounded = np.array([-20.0, -10.0, 10.0, 20.0, 60.0])
    actions, log_probs, detour = both_ways(unbounded)
    stretch = 2 * (math.log(2) - np.abs(unbounded) - np.log1p(np.exp(-2 * np.abs(unbounded))))
    expected = -0.5 * unbounded**2 - 0.5 * math.log(2 * math.pi) - stretch
    np.testing.assert_allclose(log_probs, expected, rtol=1e-6)
    assert (actions.abs() <= 1).all() and detour.isfinite().all()
    assert torch.log(1 - torch.tanh(torch.tensor(10.0)) ** 2) == -math.inf  # what the formula as it stands gives

    mean = torch.full((3, 1), 25.0, requires_grad=True)
    log_std = torch.zeros(3, 1, requires_grad=True)
    rl.TanhGaussian(mean, log_std).rsample_with_log_prob(noise=torch.zeros(3, 1))[1].sum().backward()
    torch.testing.assert_close(mean.grad, torch.full((3, 1), 2.0))  # d/du of 2u + ..., not NaN
    assert log_std.grad.isfinite().all()


@pytest.mark.covers("EQ-65", "EQ-66", "EQ-68", "CL-60")
def test_a_gradient_passes_through_rsample_and_not_through_sample():
    mean = torch.tensor([[0.3, -0.2]], requires_grad=True)
    log_std = torch.tensor([[-0.5, 0.1]], requires_grad=True)
    policy = rl.TanhGaussian(mean, log_std, torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 4.0]))
    assert policy.rsample().requires_grad and not policy.sample().requires_grad
    noise = torch.tensor([[0.7, -1.1]])
    unbounded = mean + log_std.exp() * noise
    torch.testing.assert_close(
        policy.rsample(noise=noise), torch.tensor([[0.0, 2.0]]) + torch.tensor([[1.0, 2.0]]) * torch.tanh(unbounded)
    )
    assert torch.equal(policy.sample(noise=noise), policy.rsample(noise=noise))


def test_samples_follow_the_density_and_shapes_are_torchs():
    torch.manual_seed(0)
    policy = rl.TanhGaussian(torch.tensor([0.4]), torch.tensor([-0.3]), 0.0, 3.0)
    drawn = policy.sample((200_000,))
    assert drawn.shape == (200_000, 1) and policy.log_prob(drawn).shape == (200_000,)
    edges = torch.linspace(0.05, 2.95, 30)
    counts = torch.histogram(drawn.flatten(), edges).hist / 200_000
    middles = (edges[1:] + edges[:-1]) / 2
    torch.testing.assert_close(counts, policy.log_prob(middles[:, None]).exp() * edges.diff(), rtol=0.1, atol=1e-3)
    assert float(drawn.median()) == pytest.approx(float(policy.mode), abs=0.02)
    many = rl.TanhGaussian(torch.zeros(5, 4, 3), torch.zeros(3))
    actions, log_probs = many.rsample_with_log_prob((2,))
    assert actions.shape == (2, 5, 4, 3) and log_probs.shape == (2, 5, 4)
    assert many.mode.shape == (5, 4, 3)


def test_components_are_independent():
    mean, log_std = torch.tensor([[0.1, -0.7]]), torch.tensor([[0.2, -0.4]])
    both = rl.TanhGaussian(mean, log_std).log_prob(torch.tensor([[0.5, -0.5]]))
    singly = sum(rl.TanhGaussian(mean[:, [i]], log_std[:, [i]]).log_prob(torch.tensor([[0.5 - i]])) for i in range(2))
    torch.testing.assert_close(both, singly)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0.5, torch.zeros(1)), "mean must be a tensor of shape"),
        ((torch.tensor([math.nan]), torch.zeros(1)), "mean must hold finite numbers"),
        ((torch.zeros(1), torch.tensor([math.inf])), "log_std must hold finite numbers"),
        ((torch.zeros(4, 2), torch.zeros(4, 3)), "log_std, low and high must fit mean's shape"),
        ((torch.zeros(2), torch.zeros(4, 2)), "log_std, low and high must fit mean's shape"),
        ((torch.zeros(2), torch.zeros(2), 1.0, 1.0), "low must be below high"),
        ((torch.zeros(2), torch.zeros(2), -math.inf, 1.0), "low must hold finite numbers"),
        ((torch.zeros(2), torch.zeros(2), -1.0, torch.tensor([1.0, math.inf])), "high must hold finite numbers"),
        ((torch.zeros(2), torch.zeros(2), -1.0, torch.ones(3)), "log_std, low and high must fit mean's shape"),
    ],
)
def test_what_it_cannot_be_made_of_is_named(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        rl.TanhGaussian(*arguments)


def test_an_action_outside_the_box_has_no_density():
    policy = rl.TanhGaussian(torch.zeros(1), torch.zeros(1), -2.0, 2.0)
    assert policy.log_prob(torch.tensor([[2.0], [-2.0]])).isfinite().all()
    for action in (2.1, -3.0, math.nan):
        with pytest.raises(ValueError, match="action must lie in the box"):
            policy.log_prob(torch.tensor([action]))
    with pytest.raises(ValueError, match="noise must have shape"):
        policy.rsample(noise=torch.zeros(2))


@pytest.mark.parametrize("action", [torch.zeros(5, 2), torch.zeros(5, 1), torch.tensor(0.0), [0.0, 0.0, 0.0]])
def test_an_action_of_another_width_is_named(action):
    policy = rl.TanhGaussian(torch.zeros(5, 3), torch.zeros(5, 3))
    assert policy.log_prob(torch.zeros(3)).shape == policy.log_prob(torch.zeros(5, 3)).shape == (5,)
    with pytest.raises(ValueError, match=r"^action must be a tensor of shape \[..., 3\]"):
        policy.log_prob(action)
    with pytest.raises(ValueError, match="^action must have a shape that fits"):
        policy.log_prob(torch.zeros(4, 3))


EDGES = st.floats(-1e6, 1e6, width=32, **WIDE)


@settings(max_examples=300, deadline=None)
@given(EDGES, EDGES, st.floats(-9, 9, **WIDE), st.floats(-5, 2, **WIDE))
def test_rounding_takes_no_action_out_of_its_box(low, high, mean, log_std):
    low, high = sorted((low, high))
    assume(high - low > 1e-30)
    noise = torch.linspace(-4, 4, 41)[:, None]
    policy = rl.TanhGaussian(torch.full((41, 1), mean), torch.full((41, 1), log_std), low, high)
    for actions in (policy.rsample(noise=noise), policy.mode, policy.sample()):
        assert bool((actions >= low).all() and (actions <= high).all())
        assert policy.log_prob(actions).isfinite().all()  # it knows its own actions


def test_the_mode_is_the_median_and_not_the_peak_of_the_density():
    policy = rl.TanhGaussian(torch.tensor([0.5]), torch.tensor([0.0]))
    assert float(policy.mode) == pytest.approx(math.tanh(0.5))
    grid = torch.linspace(-0.999, 0.999, 1999)[:, None]
    peak = grid[policy.log_prob(grid).argmax()]
    assert float(peak) > float(policy.mode) + 0.2


@pytest.mark.covers("EQX-11", "CL-47")
def test_entropies():
    assert float(categorical_entropy([0.5, 0.5])) == pytest.approx(math.log(2))
    assert float(categorical_entropy([1.0, 0.0])) == 0
    probs = torch.tensor([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    torch.testing.assert_close(categorical_entropy(probs), -(probs * probs.log()).sum(-1))
    torch.testing.assert_close(
        gaussian_entropy(torch.tensor([0.2, 1.0, 3.0])),
        torch.distributions.Normal(0.0, torch.tensor([0.2, 1.0, 3.0])).entropy(),
    )
    assert gaussian_entropy(0.2) < 0 < gaussian_entropy(0.25)
    for wrong in ([0.5, 0.6], [1.5, -0.5]):
        with pytest.raises(ValueError, match="probs must hold probabilities"):
            categorical_entropy(wrong)
    with pytest.raises(ValueError, match="std must hold numbers > 0"):
        gaussian_entropy([1.0, 0.0])
