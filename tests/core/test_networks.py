"""Networks: the NumPy reading of a network is the same function as the torch one."""

import copy
import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from rlcourse.checks import check_real_box
from rlcourse.networks import (
    MLP,
    ActionValueCritic,
    CategoricalActor,
    ContinuousCritic,
    DeterministicActor,
    GaussianActor,
    OneHot,
    TanhGaussianActor,
    TwinActionValueCritic,
    TwinCritic,
    ValueCritic,
    box_scale,
    hard_update,
    has_edges,
    polyak_update,
)

BOX = gym.spaces.Box(-1, 1, (4,), np.float32)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("shape", [(4,), (7, 4), (2, 3, 4)])
def test_both_readings_agree(activation, shape):
    net = MLP(4, (16, 16), 3, activation=activation, seeds=(1,))
    obs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.from_numpy(net.forward_numpy(obs.numpy())), net(obs).detach())


def test_acting_follows_learning_without_being_told():
    actor = CategoricalActor(BOX, gym.spaces.Discrete(2), (8,), seed=0)
    optimizer = torch.optim.Adam(actor.parameters(), lr=0.1, fused=True)
    obs = torch.ones(4)
    (-actor(obs).log_prob(torch.tensor(1))).backward()
    optimizer.step()
    np.testing.assert_allclose(actor.logits_numpy(obs.numpy()), actor.net(obs).detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "move",
    [
        lambda net: net.load_state_dict({name: 2 * weight for name, weight in net.state_dict().items()}),
        lambda net: nn.utils.vector_to_parameters(
            2 * nn.utils.parameters_to_vector(net.parameters()), net.parameters()
        ),
        lambda net: net.double(),
    ],
)
def test_acting_follows_weights_that_move_in_memory(move):
    net, obs = MLP(4, (8,), 2, activation="relu"), np.ones(4, np.float32)
    twin = copy.deepcopy(net)
    move(net)
    with torch.no_grad():
        expected = net(torch.as_tensor(obs).to(net.weights[0].dtype))
        twin.weights[0].add_(1)
        other = twin(torch.as_tensor(obs))
    np.testing.assert_allclose(net.forward_numpy(obs), expected, rtol=1e-5)
    np.testing.assert_allclose(twin.forward_numpy(obs), other, rtol=1e-5)


def test_a_numbered_state_costs_a_row_and_no_square():
    layer, states = OneHot(1_000_000), np.array([[3], [999_999]])  # all rows would take 4 TB
    vectors = layer.numpy(states)
    assert vectors.shape == (2, 1, 1_000_000) and vectors.dtype == np.float32
    assert np.argwhere(vectors).tolist() == [[0, 0, 3], [1, 0, 999_999]] and vectors.sum() == 2
    assert torch.equal(layer(torch.from_numpy(states)), torch.from_numpy(vectors))
    assert OneHot(4).numpy(np.int64(2)).tolist() == [0, 0, 1, 0]


def test_a_linear_network_on_numbered_states_is_a_table():
    critic = ActionValueCritic(gym.spaces.Discrete(5), gym.spaces.Discrete(2), ())
    states = torch.tensor([[0, 4], [2, 2]])
    assert critic.all_actions(states).shape == (2, 2, 2)
    torch.testing.assert_close(critic.all_actions(states), critic.net.weights[0][0][states])


def test_sampled_frequencies_are_the_probabilities():
    actor = CategoricalActor(BOX, gym.spaces.Discrete(3), (), seed=0)
    with torch.no_grad():
        actor.net.biases[-1].copy_(torch.tensor([0.0, 1.0, -1.0]))
    obs = np.zeros((20_000, 4), np.float32)
    share = np.bincount(actor.sample(obs, np.random.default_rng(0)), minlength=3) / len(obs)
    np.testing.assert_allclose(share, actor(torch.zeros(4)).probs.detach().numpy(), atol=0.012)
    assert (actor.mode(obs) == 1).all()


def test_values_have_no_last_axis_of_one():
    assert ValueCritic(BOX, (8,))(torch.zeros(5, 3, 4)).shape == (5, 3)


def test_seeds_decide_the_weights():
    same, other = (MLP(4, (8,), 1, seeds=(s,)).weights[0] for s in (0, 1))
    assert torch.equal(same, MLP(4, (8,), 1, seeds=(0,)).weights[0]) and not torch.equal(same, other)


def test_networks_side_by_side_do_not_know_of_each_other():
    seeds, obs = (3, 8, 5), torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0))
    many, singles = MLP(4, (16,), 2, seeds=seeds), [MLP(4, (16,), 2, seeds=(seed,)) for seed in seeds]
    for number, single in enumerate(singles):
        torch.testing.assert_close(many(obs)[number], single(obs[number]))
    np.testing.assert_allclose(many.forward_numpy(obs.numpy()), many(obs).detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: ValueCritic(gym.spaces.Box(0, 1, (2, 2)), ()), "observation_space"),
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


def test_the_seed_is_0_unless_it_is_given():
    spaces = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Box(-2, 2, (1,))
    numbered = spaces[0], gym.spaces.Discrete(2)
    made = {
        GaussianActor: spaces,
        DeterministicActor: spaces,
        TanhGaussianActor: spaces,
        ContinuousCritic: spaces,
        TwinCritic: spaces,
        CategoricalActor: numbered,
        ActionValueCritic: numbered,
        TwinActionValueCritic: numbered,
        ValueCritic: spaces[:1],
    }
    for kind, of in made.items():
        default, given = kind(*of, (4,)).state_dict(), kind(*of, (4,), seed=0).state_dict()
        assert all(torch.equal(default[name], given[name]) for name in given)
        assert all(name.startswith("net.") or name == "log_std" for name in given)  # of the box nothing is saved


def test_a_hard_update_copies_everything():
    online, target = (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2))
    online[1].running_mean.fill_(3.0)
    with torch.no_grad():
        target[0].weight.fill_(torch.nan)
    hard_update(online, target)
    hard_update(nn.Sequential(nn.Linear(1, 1)), nn.Linear(1, 1))  # names do not matter
    for mine, theirs in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(ValueError, match="online must be a torch module, got NoneType"):
        polyak_update(None, target, tau=0.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_whole_numbers_are_observations_too(dtype):
    space = gym.spaces.Box(0, 9, (3,), dtype)
    critic, obs = ValueCritic(space, (8,), seed=0), np.array([[1, 2, 3], [4, 5, 6]], dtype)
    numbers = critic.features.numpy(obs)
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(
        critic.net.forward_numpy(numbers)[:, 0], critic(torch.as_tensor(obs)).detach(), rtol=1e-5
    )


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


LOW, HIGH = np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32)
ACTIONS = gym.spaces.Box(LOW, HIGH)


@pytest.mark.parametrize("kind", [DeterministicActor, TanhGaussianActor])
@pytest.mark.parametrize("shape", [(4,), (7, 4), (2, 3, 4)])
def test_actors_in_a_box_stay_inside_and_read_the_same_both_ways(kind, shape):
    actor = kind(BOX, ACTIONS, (16,), seed=1)
    obs = 50 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        actor.net.weights[-1].mul_(100)  # wide awake: tanh saturates for some
        answer = actor(obs)
    actions = actor.mode(obs.numpy())
    np.testing.assert_allclose(actions, answer if kind is DeterministicActor else answer.mode, rtol=1e-4, atol=1e-5)
    assert actions.shape == (*shape[:-1], 2) and (actions >= LOW).all() and (actions <= HIGH).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [DeterministicActor, TanhGaussianActor])
def test_no_rounding_takes_an_action_out_of_its_space(kind, dtype):
    rng = np.random.default_rng(0)
    obs = rng.normal(size=(50, 4)).astype(np.float32)
    for _ in range(60):
        low = (10 ** rng.uniform(-3, 3, 2) * rng.choice([-1, 1], 2)).astype(dtype)
        space = gym.spaces.Box(low, low + (10 ** rng.uniform(-1, 3, 2)).astype(dtype), dtype=dtype)
        actor = kind(BOX, space, (), seed=0)
        with torch.no_grad():
            actor.net.weights[-1].mul_(1e4)  # nearly all actions are at the edges
            answer = actor(torch.as_tensor(obs))
        played = [actor.mode(obs), (answer if kind is DeterministicActor else answer.sample()).numpy()]
        if kind is TanhGaussianActor:
            played += [actor.sample(obs, rng), answer.mode.numpy()]
        for actions in played:
            assert all(space.contains(action) for action in actions)


def test_a_gaussian_actor_starts_in_the_middle_of_its_box_and_as_wide():
    space = gym.spaces.Box(
        np.array([100, -np.inf, 5, -3.4e38], np.float32), np.array([102, np.inf, np.inf, 3.4e38], np.float32)
    )
    actor = GaussianActor(BOX, space, (8,), seed=0)
    policy = actor(torch.zeros(4))
    torch.testing.assert_close(policy.mean, torch.tensor([101.0, 0.0, 5.0, 0.0]), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(policy.stddev, torch.ones(4))
    drawn = actor.sample(np.zeros((20_000, 4), np.float32), np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(0), [101, 0, 5, 0], atol=0.05)
    np.testing.assert_allclose(drawn.std(0), 1, rtol=0.02)
    half = GaussianActor(BOX, gym.spaces.Box(-0.5, 0.5, (1,)), (8,), seed=0)
    torch.testing.assert_close(half(torch.zeros(4)).stddev, torch.tensor([0.5]))


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (gym.spaces.Box(0, 5, (1,), np.int64), "real numbers"),
        (gym.spaces.Box(np.array([0, 1], np.float32), np.array([1, 1], np.float32)), "low < high in every component"),
        (gym.spaces.Box(-1, 1, (2, 2)), "a flat Box"),
    ],
)
@pytest.mark.parametrize("kind", [GaussianActor, DeterministicActor, TanhGaussianActor, ContinuousCritic, TwinCritic])
def test_a_box_that_cannot_be_played_is_named(kind, space, words):
    with pytest.raises(ValueError, match=f"^action_space must .*{words}"):
        kind(BOX, space, (8,))


def test_a_squashed_actor_keeps_its_spread_between_two_walls():
    actor = TanhGaussianActor(BOX, ACTIONS, (), seed=0)
    with torch.no_grad():
        actor.net.biases[-1].copy_(torch.tensor([0.0, 0.0, -50.0, 50.0]))
    assert actor(torch.zeros(4)).log_std.tolist() == list(TanhGaussianActor.LOG_STD)
    drawn = actor.sample(np.zeros((500, 4), np.float32), np.random.default_rng(0))
    assert drawn[:, 0].std() < 0.05 and drawn[:, 1].std() > 0.2  # the second is all or nothing


def test_a_critic_of_actions_in_a_box_sees_both_inputs():
    critic = ContinuousCritic(BOX, ACTIONS, (16,), seed=0)
    generator = torch.Generator().manual_seed(0)
    obs, actions = torch.randn(2, 5, 4, generator=generator), torch.randn(2, 5, 2, generator=generator)
    assert critic(obs, actions).shape == (2, 5)
    one = critic(obs[1, 3], actions[1, 3])
    torch.testing.assert_close(one, critic(obs, actions)[1, 3])
    assert critic(obs[1, 3], -actions[1, 3]) != one != critic(-obs[1, 3], actions[1, 3])
    numbered = ContinuousCritic(gym.spaces.Discrete(3), ACTIONS, (8,))
    assert numbered(torch.tensor([0, 2]), actions[0, :2]).shape == (2,)


def test_twins_are_two_networks_that_do_not_know_of_each_other():
    twins = TwinCritic(BOX, ACTIONS, (16, 12), seed=3)
    singles = [ContinuousCritic(BOX, ACTIONS, (16, 12), seed=seed) for seed in (3, 4)]
    generator = torch.Generator().manual_seed(0)
    obs, actions = torch.randn(6, 4, generator=generator), torch.randn(6, 2, generator=generator)
    both = twins(obs, actions)
    for q, single in zip(both, singles, strict=True):
        torch.testing.assert_close(q, single(obs, actions))
    both[0].sum().backward()
    for weight in twins.net.parameters():
        assert weight.grad[0].any() and not weight.grad[1].any()
    assert [q.shape for q in twins(obs[0], actions[0])] == [(), ()]
    assert [q.shape for q in twins(obs.view(2, 3, 4), actions.view(2, 3, 2))] == [(2, 3), (2, 3)]


def test_twins_over_finitely_many_actions_give_the_values_of_those_taken():
    twins = TwinActionValueCritic(BOX, gym.spaces.Discrete(3), (16,), seed=0)
    obs, actions = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 2, 1, 0])
    every = twins.all_actions(obs)
    for q, all_actions in zip(twins(obs, actions), every, strict=True):
        assert all_actions.shape == (6, 3)
        torch.testing.assert_close(q, all_actions[torch.arange(6), actions])


def test_a_box_without_one_edge_is_measured_from_the_number_nearest_to_zero():
    low, high = np.array([-np.inf, 2.0, -np.inf, -1.0]), np.array([-3.0, np.inf, np.inf, 5.0])
    center, half_width = box_scale(gym.spaces.Box(low, high, dtype=np.float64))
    assert center.tolist() == [-3.0, 2.0, 0.0, 2.0] and half_width.tolist() == [1.0, 1.0, 1.0, 3.0]


def test_an_edge_is_one_up_to_a_size_whose_square_is_finite():
    low, high = np.array([-1.0, -1e18, -1e17, -np.inf]), np.array([1.0, 2.0, 1e17, 1e18])
    assert has_edges(gym.spaces.Box(low, high, dtype=np.float64)).tolist() == [True, False, True, False]


def test_an_edge_that_single_precision_cannot_hold_is_refused_in_a_sentence_and_nothing_else():
    box = gym.spaces.Box(-1e300, 1e300, (1,), np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="^action_space must have low < high .* single-precision"):
            check_real_box("action_space", box)
