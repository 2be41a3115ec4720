"""Transitions: the one batch type of the course."""

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch

from rlcourse.checks import check_flags

INDEXABLE = ("uint8", "int8", "int16", "int32", "int64")  # whole numbers of which torch can pick rows


def stored_dtype(space):
    """NumPy type in which elements of a Box or Discrete space are kept in Transitions.

    Real numbers are in single precision, as the networks compute. The numbers of a Discrete space are int64, as
    torch's indices are; other whole numbers, such as a picture's, stay as they are where torch can pick rows of them.
    """
    if np.issubdtype(space.dtype, np.floating):
        return np.dtype(np.float32)
    kept = isinstance(space, gym.spaces.Box) and space.dtype.name in INDEXABLE
    return space.dtype if kept else np.dtype(np.int64)


@dataclass(frozen=True, eq=False)
class Transitions:
    """Steps (s_t, a_t, r_t, s_{t+1}) with both kinds of ending, any leading axes.

    The leading axes are those of `rewards`: [T, N] for a rollout of N environments, [B] for a
    replayed minibatch. Observations and actions may have further axes behind them.

    Args:
        obs, actions, next_obs: s_t, a_t, s_{t+1}; shape [*leading, ...]. Where an episode ends, next_obs
            is the true last observation, never the first one of the next episode.
        rewards: r_t, shape [*leading], unit of reward.
        terminated: True where s_{t+1} is terminal: its future is worth zero.
        truncated: True where only the recording stopped: its future is still worth V(s_{t+1}).

    Raises:
        ValueError: if a leading shape differs from that of rewards, or a flag is not boolean.
    """

    obs: torch.Tensor
    actions: torch.Tensor
    rewards: torch.Tensor
    next_obs: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor

    def __post_init__(self):
        for name, tensor in vars(self).items():  # made in every step: a sentence is made only when it is needed
            if not isinstance(tensor, torch.Tensor):
                raise ValueError(f"{name} must be a torch tensor, got {type(tensor).__name__}")
        check_flags(terminated=self.terminated, truncated=self.truncated)
        leading = self.rewards.shape
        for name in ("terminated", "truncated"):
            shape = getattr(self, name).shape
            if shape != leading:
                raise ValueError(f"{name} must have the shape of rewards, {tuple(leading)}, got {tuple(shape)}")
        for name in ("obs", "actions", "next_obs"):
            shape = getattr(self, name).shape
            if shape[: len(leading)] != leading:
                raise ValueError(f"{name} must begin with the shape of rewards, {tuple(leading)}, got {tuple(shape)}")
        if self.obs.shape != self.next_obs.shape:
            shapes = tuple(self.obs.shape), tuple(self.next_obs.shape)
            raise ValueError("next_obs must have the shape of obs, {}, got {}".format(*shapes))

    @staticmethod
    def unchecked(**tensors):
        """The same as Transitions(**tensors), for tensors that fit because of how they were made."""
        made = object.__new__(Transitions)
        vars(made).update(tensors)
        return made

    def _map(self, function):
        return Transitions.unchecked(**{name: function(tensor) for name, tensor in vars(self).items()})

    def __len__(self):
        """Length of the first leading axis: T of a rollout, B of a minibatch."""
        return len(self.rewards)

    def __getitem__(self, index):
        """The same rows of all six tensors; any index that works on `rewards`."""
        return self._map(lambda tensor: tensor[index])

    def select(self, rows):
        """The rows with these numbers, Transitions[B], for a tensor of numbers [B]: self[rows], in half the time."""
        return self._map(lambda tensor: tensor.index_select(0, rows))

    def flatten(self):
        """[T, N] -> [T * N]: what a minibatch is drawn from once time no longer matters."""
        leading = self.rewards.dim()
        return self._map(lambda tensor: tensor.reshape(-1, *tensor.shape[leading:]))

    def to(self, device):
        """The same transitions on another device."""
        if self.rewards.device == device:
            return self
        return self._map(lambda tensor: tensor.to(device))
