"""Networks: the NumPy reading of a network is the same function as the torch one."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from rlcourse.networks import (
    ActionValueCritic,
    CategoricalActor,
    GaussianActor,
    ValueCritic,
    hard_update,
    mlp,
    polyak_update,
)

BOX = gym.spaces.Box(-1, 1, (4,), np.float32)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
@pytest.mark.parametrize("shape", [(4,), (7, 4), (2, 3, 4)])
def test_both_readings_agree(activation, shape):
    net = mlp(BOX, (16, 16), 3, activation=activation, seed=1)
    obs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.from_numpy(net.forward_numpy(obs.numpy())), net(obs).detach())


def test_acting_follows_learning_without_being_told():
    actor = CategoricalActor(BOX, gym.spaces.Discrete(2), (8,), seed=0)
    optimizer = torch.optim.Adam(actor.parameters(), lr=0.1, fused=True)
    obs = torch.ones(4)
    (-actor(obs).log_prob(torch.tensor(1))).backward()
    optimizer.step()
    np.testing.assert_allclose(actor.logits_numpy(obs.numpy()), actor.net(obs).detach().numpy(), rtol=1e-6)


def test_a_linear_network_on_numbered_states_is_a_table():
    net = mlp(gym.spaces.Discrete(5), (), 2)
    states = np.array([[0, 4], [2, 2]])
    assert net.forward_numpy(states).shape == (2, 2, 2)
    torch.testing.assert_close(net(torch.from_numpy(states)).detach(), torch.from_numpy(net.forward_numpy(states)))


def test_sampled_frequencies_are_the_probabilities():
    actor = CategoricalActor(BOX, gym.spaces.Discrete(3), (), seed=0)
    with torch.no_grad():
        actor.net[-1].bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
    obs = np.zeros((20_000, 4), np.float32)
    share = np.bincount(actor.sample(obs, np.random.default_rng(0)), minlength=3) / len(obs)
    np.testing.assert_allclose(share, actor(torch.zeros(4)).probs.detach().numpy(), atol=0.012)
    assert (actor.mode(obs) == 1).all()


def test_values_have_no_last_axis_of_one():
    assert ValueCritic(BOX, (8,))(torch.zeros(5, 3, 4)).shape == (5, 3)


def test_seeds_decide_the_weights():
    same, other = (mlp(BOX, (8,), 1, seed=s)[0].weight for s in (0, 1))
    assert torch.equal(same, mlp(BOX, (8,), 1, seed=0)[0].weight) and not torch.equal(same, other)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: mlp(gym.spaces.Box(0, 1, (2, 2)), (), 1), "observation_space"),
        (lambda: CategoricalActor(BOX, BOX, ()), "action_space"),
    ],
)
def test_a_bad_argument_is_named(call, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        call()


def test_an_action_value_is_that_of_the_action_taken():
    critic = ActionValueCritic(BOX, gym.spaces.Discrete(3), (8,), seed=0)
    obs, actions = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(0)), torch.arange(10).reshape(5, 2) % 3
    every = critic.all_actions(obs)
    assert every.shape == (5, 2, 3) and critic(obs, actions).shape == (5, 2)
    assert all(critic(obs, actions)[i, j] == every[i, j, actions[i, j]] for i in range(5) for j in range(2))


@pytest.mark.covers("AL-13", "AL-12", "EQ-63")
def test_the_target_goes_a_part_of_the_way():
    online, target = (ValueCritic(BOX, (8,), seed=seed) for seed in (0, 1))
    before = [(w.clone(), t.clone()) for w, t in zip(online.parameters(), target.parameters(), strict=True)]
    places = [t.data_ptr() for t in target.parameters()]
    polyak_update(online, target, tau=0.1)
    for (w, t), now, still in zip(before, target.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(now, 0.1 * w + 0.9 * t)
        assert torch.equal(still, w)  # the online network does not move
    polyak_update(online, target, tau=0.0)
    for (w, t), now in zip(before, target.parameters(), strict=True):
        torch.testing.assert_close(now, 0.1 * w + 0.9 * t)
    hard_update(online, target)
    assert all(torch.equal(now, w) for (w, _), now in zip(before, target.parameters(), strict=True))
    assert [t.data_ptr() for t in target.parameters()] == places  # in place: acting reads views of them


def test_a_hard_update_copies_everything():
    online, target = (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2))
    online[1].running_mean.fill_(3.0)
    with torch.no_grad():
        target[0].weight.fill_(torch.nan)
    hard_update(online, target)
    for mine, theirs in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(ValueError, match="online must be a torch module, got NoneType"):
        polyak_update(None, target, tau=0.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_whole_numbers_are_observations_too(dtype):
    space = gym.spaces.Box(0, 9, (3,), dtype)
    critic, obs = ValueCritic(space, (8,), seed=0), np.array([[1, 2, 3], [4, 5, 6]], dtype)
    np.testing.assert_allclose(critic.net.forward_numpy(obs)[:, 0], critic(torch.as_tensor(obs)).detach(), rtol=1e-5)


def test_a_gaussian_actor_draws_from_the_density_that_it_reports():
    actor = GaussianActor(BOX, gym.spaces.Box(-1, 1, (3,)), (8,), seed=0)
    with torch.no_grad():
        actor.log_std.copy_(torch.tensor([-1.0, 0.0, 0.7]))
    obs = np.tile(np.array([0.3, -0.5, 0.1, 0.9], np.float32), (20_000, 1))
    drawn = actor.sample(obs, np.random.default_rng(0))
    policy = actor(torch.as_tensor(obs[0]))
    np.testing.assert_allclose(drawn.mean(0), policy.mean.detach(), atol=0.05)
    np.testing.assert_allclose(drawn.std(0), np.exp([-1.0, 0.0, 0.7]), rtol=0.02)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.03
    action, mean, std = torch.tensor([0.5, -1.0, 2.0]), policy.mean.detach(), torch.tensor([-1.0, 0.0, 0.7]).exp()
    by_hand = (-0.5 * ((action - mean) / std) ** 2 - std.log() - 0.5 * np.log(2 * np.pi)).sum()
    assert policy.log_prob(action).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_a_target_of_another_kind_is_refused():
    small, large = ValueCritic(BOX, (8,)), ValueCritic(BOX, (9,))
    with pytest.raises(ValueError, match="target must have weights of the shapes"):
        polyak_update(small, large, tau=0.5)
    with pytest.raises(ValueError, match=r"tau must be a number in \[0, 1\], got 2"):
        polyak_update(small, small, tau=2)
