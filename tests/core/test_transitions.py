"""Transitions: shapes are checked, rows stay together, nothing changes under one's feet."""

import dataclasses

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

import rlcourse as rl
from rlcourse.transitions import stored_dtype


def make(*leading, obs_shape=(4,)):
    count = torch.arange(int(torch.tensor(leading).prod())).reshape(leading)
    obs = count.reshape(*leading, *[1] * len(obs_shape)).expand(*leading, *obs_shape).float()
    return rl.Transitions(obs, count.clone(), count.float(), obs + 1, count % 3 == 0, count % 5 == 0)


def test_flatten_keeps_rows_together():
    batch = make(5, 3)
    flat = batch.flatten()
    assert len(batch) == 5 and len(flat) == 15
    assert flat.obs.shape == (15, 4)
    assert torch.equal(flat.obs[:, 0], flat.rewards) and torch.equal(flat.actions, flat.rewards.long())
    assert torch.equal(flat.terminated, flat.actions % 3 == 0)
    assert torch.equal(flat.flatten().obs, flat.obs)


def test_discrete_observations_flatten_to_one_axis():
    count = torch.arange(6).reshape(2, 3)
    flags = torch.zeros(2, 3, dtype=torch.bool)
    assert rl.Transitions(count, count, count.float(), count, flags, flags).flatten().obs.shape == (6,)


@pytest.mark.parametrize("index", [slice(1, 3), torch.tensor([4, 0]), 2, torch.arange(5) > 2])
def test_any_index_takes_the_same_rows_of_everything(index):
    batch = make(5, 3)
    part = batch[index]
    for field in dataclasses.fields(batch):
        assert torch.equal(getattr(part, field.name), getattr(batch, field.name)[index])


def test_transitions_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make(2).rewards = torch.zeros(2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("terminated", torch.zeros(5)),
        ("truncated", torch.zeros(5, dtype=torch.int64)),
        ("truncated", torch.zeros(5, 1, dtype=torch.bool)),
        ("obs", torch.zeros(4, 4)),
        ("next_obs", torch.zeros(5, 3)),
        ("actions", torch.zeros(6)),
        ("rewards", [0.0] * 5),
    ],
)
def test_a_bad_field_is_named(name, value):
    good = make(5)
    fields = {field.name: getattr(good, field.name) for field in dataclasses.fields(good)}
    with pytest.raises(ValueError, match=f"^{name} must"):
        rl.Transitions(**{**fields, name: value})


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (Box(-1, 1, (2,), np.float64), np.float32),
        (Box(-1, 1, (2,), np.float16), np.float32),
        (Box(0, 255, (2,), np.uint8), np.uint8),
        (Box(0, 255, (2,), np.int64), np.int64),
        (Box(0, 255, (2,), np.uint16), np.int64),
        (Box(0, 1, (2,), np.bool_), np.int64),
        (Discrete(3), np.int64),
        (Discrete(3, dtype=np.int8), np.int64),
    ],
)
def test_elements_of_a_space_are_kept_in_a_type_that_networks_and_indices_take(space, dtype):
    assert stored_dtype(space) == dtype
    rows = torch.from_numpy(np.zeros((3, *space.shape), stored_dtype(space)))
    assert rows.index_select(0, torch.tensor([2, 0])).dtype == rows.dtype
