import copy

import pytest
import torch

from rlcourse.algorithms.common import adam, gradient_step


def networks():
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(shape, generator=generator) for shape in ((64, 3), (64,), (5, 64), (1,), ())]
    return [torch.nn.ParameterList(map(torch.nn.Parameter, part)) for part in (weights[:2], weights[2:])]


def drive(optimizer, weights, steps=20, seed=0):
    """Gradients from one generator; every third step leaves the last two weights without any."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=generator)
        if step % 3 == 2:
            weights[-1].grad = weights[-2].grad = None
        optimizer.step()


@pytest.fixture
def pair():
    ours, theirs = networks(), networks()
    rates = (0.01, 0.002)
    optimizer = adam(dict(zip(ours, rates, strict=True)))
    groups = [{"params": part.parameters(), "lr": rate} for part, rate in zip(theirs, rates, strict=True)]
    flat = lambda parts: [weight for part in parts for weight in part]  # noqa: E731
    return optimizer, flat(ours), torch.optim.Adam(groups, eps=1e-5, fused=True), flat(theirs)


def assert_equal(pair):
    optimizer, ours, reference, theirs = pair
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    for mine, other in zip(ours, theirs, strict=True):
        assert optimizer.state[mine].keys() == reference.state[other].keys()
        assert all(torch.equal(optimizer.state[mine][key], value) for key, value in reference.state[other].items())


def test_adam_gives_the_numbers_of_torch_even_where_a_weight_has_no_gradient(pair):
    optimizer, ours, reference, theirs = pair
    drive(optimizer, ours)
    drive(reference, theirs)
    assert_equal(pair)


def test_adam_goes_on_from_the_state_of_torch_and_torch_from_its(pair):
    optimizer, ours, reference, theirs = pair
    drive(reference, theirs)
    optimizer.load_state_dict(copy.deepcopy(reference.state_dict()))
    with torch.no_grad():
        for mine, other in zip(ours, theirs, strict=True):
            mine.copy_(other)
    drive(optimizer, ours, seed=1)
    drive(reference, theirs, seed=1)
    assert_equal(pair)


def test_a_gradient_step_forgets_the_gradient_before(pair):
    optimizer, ours, *_ = pair
    before = [weight.detach().clone() for weight in ours]
    ours[0].grad = torch.ones_like(ours[0])
    gradient_step(optimizer, (ours[1] ** 2).sum())
    assert torch.equal(ours[0], before[0]) and not torch.equal(ours[1], before[1])
