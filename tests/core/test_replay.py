"""The replay buffer: a ring of fixed size that hands out fair copies."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import rlcourse as rl

SPACES = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32), gym.spaces.Discrete(2)


def rows(*numbers):
    """Transitions that are told apart by their reward."""
    n = torch.tensor(numbers, dtype=torch.float32)
    obs = n[:, None].expand(-1, 4)
    return rl.Transitions(obs, n.long() % 2, n, obs + 0.5, n.long() % 3 == 0, n.long() % 5 == 0)


def everything(buffer, draws=60):
    return {value for _ in range(draws) for value in buffer.sample(len(buffer)).rewards.tolist()}


@pytest.mark.covers("AL-10", "EQ-30")
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 20))
def test_it_holds_the_last_rows_and_no_other(sizes, capacity):
    buffer, start = rl.ReplayBuffer(capacity, *SPACES, seed=0), 0
    for size in sizes:
        buffer.add(rows(*range(start, start + size)))
        start += size
    newest = list(range(start))[-capacity:]
    assert len(buffer) == len(newest)
    stored = buffer.state()["rewards"]
    np.testing.assert_array_equal(stored, newest)


@pytest.mark.covers("AL-10")
def test_the_oldest_row_is_gone_after_one_too_many():
    buffer = rl.ReplayBuffer(5, *SPACES, seed=0)
    for number in range(6):
        buffer.add(rows(number))
    assert len(buffer) == 5 and everything(buffer) == {1, 2, 3, 4, 5}


@pytest.mark.covers("AL-10")
def test_sampling_is_uniform():
    buffer = rl.ReplayBuffer(50, *SPACES, seed=3)
    buffer.add(rows(*range(80)))  # wrapped around
    drawn = torch.cat([buffer.sample(50).rewards for _ in range(400)])
    counts = torch.bincount(drawn.long(), minlength=80)[30:].double()
    chi2 = ((counts - 400) ** 2 / 400).sum().item()  # 49 degrees of freedom
    assert 20 < chi2 < 95  # both 1 in 10,000; far too even would be no chance, either


@pytest.mark.covers("EQ-30", "ERR-41")
def test_a_row_stays_together_with_both_its_flags():
    buffer = rl.ReplayBuffer(100, *SPACES, seed=0)
    buffer.add(rows(*range(60)))
    batch = buffer.sample(60)
    n = batch.rewards
    assert torch.equal(batch.obs[:, 2], n) and torch.equal(batch.next_obs[:, 0], n + 0.5)
    assert torch.equal(batch.actions, n.long() % 2)
    assert torch.equal(batch.terminated, n.long() % 3 == 0) and torch.equal(batch.truncated, n.long() % 5 == 0)


def test_a_sample_is_a_copy():
    buffer = rl.ReplayBuffer(4, *SPACES, seed=0)
    buffer.add(rows(0, 1, 2, 3))
    batch = buffer.sample(4)
    before = batch.rewards.clone()
    buffer.add(rows(4, 5, 6, 7))
    assert torch.equal(batch.rewards, before)
    batch.rewards.fill_(-1)
    assert everything(buffer) == {4, 5, 6, 7}


def test_what_was_added_may_change_afterwards():
    buffer, new = rl.ReplayBuffer(4, *SPACES, seed=0), rows(0, 1, 2, 3)
    buffer.add(new)
    new.obs.data = torch.full((4, 4), 9.0)
    new.rewards.fill_(9)
    assert everything(buffer) == {0, 1, 2, 3}


def test_one_row_a_batch_and_a_rollout_are_all_taken():
    buffer = rl.ReplayBuffer(20, *SPACES, seed=0)
    buffer.add(rows(0, 1)[0])
    buffer.add(rows(1, 2, 3))
    six = rows(4, 5, 6, 7, 8, 9)
    buffer.add(six.map(lambda tensor: tensor.reshape(3, 2, *tensor.shape[1:])))
    assert len(buffer) == 10
    np.testing.assert_array_equal(buffer.state()["rewards"], range(10))


def test_one_seed_one_order():
    samples = []
    for seed in (1, 1, 2):
        buffer = rl.ReplayBuffer(50, *SPACES, seed=seed)
        buffer.add(rows(*range(50)))
        samples.append(buffer.sample(30).rewards)
    assert torch.equal(samples[0], samples[1]) and not torch.equal(samples[0], samples[2])


def test_it_is_written_down_and_read_again():
    first, second = (rl.ReplayBuffer(7, *SPACES, seed=seed) for seed in (1, 2))
    for number in range(10):  # one at a time: the ring's end is somewhere in the middle
        first.add(rows(number))
    first.sample(3)
    second.load_state(first.state())
    assert torch.equal(first.sample(5).rewards, second.sample(5).rewards)
    for buffer in (first, second):
        buffer.add(rows(10, 11))
    np.testing.assert_array_equal(first.state()["rewards"], second.state()["rewards"])


@pytest.mark.parametrize("name", ["Pendulum-v1", "rlcourse/TwoExits-v0"])
def test_it_takes_what_a_collector_hands_out(name):
    from rlcourse.envs import make_envs

    envs = make_envs(name, 3)

    class Random:
        def act(self, obs):
            return np.stack([envs.single_action_space.sample() for _ in obs])

    buffer = rl.ReplayBuffer(30, envs.single_observation_space, envs.single_action_space, seed=0)
    batch = rl.Collector(envs, seed=0).collect(Random(), steps=10)
    buffer.add(batch)
    sample = buffer.sample(30)
    assert sample.obs.dtype == batch.obs.dtype and sample.actions.dtype == batch.actions.dtype
    assert sample.actions.shape == batch.flatten().actions.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, *SPACES), "capacity must be a whole number >= 1, got 0"),
        ((2.5, *SPACES), "capacity must be a whole number >= 1, got 2.5"),
        ((5, None, SPACES[1]), "observation_space must be a Box or Discrete space, got None"),
        (
            (5, SPACES[0], gym.spaces.MultiBinary(2)),
            r"action_space must be a Box or Discrete space, got MultiBinary\(2\)",
        ),
    ],
)
def test_a_wrong_buffer_says_so(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        rl.ReplayBuffer(*arguments)


def test_it_refuses_what_it_cannot_give_or_take():
    buffer = rl.ReplayBuffer(5, *SPACES, seed=0)
    with pytest.raises(ValueError, match="n must be at most the number of rows stored, 0, got 1"):
        buffer.sample(1)
    buffer.add(rows(1, 2))
    with pytest.raises(ValueError, match="n must be at most the number of rows stored, 2, got 3"):
        buffer.sample(3)
    with pytest.raises(ValueError, match="n must be a whole number >= 1, got 0"):
        buffer.sample(0)
    with pytest.raises(ValueError, match="transitions must be Transitions, got tuple"):
        buffer.add((1, 2))
    one = rows(1)
    with pytest.raises(ValueError, match=r"obs of one step must have shape \(4,\), got \(3,\)"):
        three = one.obs[:, :3]
        buffer.add(rl.Transitions(three, one.actions, one.rewards, three, one.terminated, one.truncated))
    for change, sentence in [
        ({"actions": one.actions.float()}, "actions must be of type torch.int64, got torch.float32"),
        ({"rewards": one.rewards / 0}, "rewards must hold finite numbers"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            buffer.add(rl.Transitions(**{**vars(one), **change}))
    assert len(buffer) == 2


def test_the_memory_keeps_no_graph():
    buffer, new = rl.ReplayBuffer(5, *SPACES, seed=0), rows(1, 2)
    new.obs.requires_grad_()
    buffer.add(new)
    assert not buffer.sample(2).obs.requires_grad
