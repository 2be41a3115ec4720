"""Transitions: the one batch type of the course."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rlcourse.checks import check_flags

INDEXABLE = ("uint8", "int8", "int16", "int32", "int64")  # whole numbers of which torch can pick rows


def stored_dtype(space: gym.Space) -> np.dtype:
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
    replayed minibatch. Where S seeds learn side by side, they are [T, S, N] and [S, B].
    Observations and actions may have further axes behind them.

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

    def __post_init__(self) -> None:
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

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "Transitions":
        """A function applied to all six tensors."""
        return Transitions(**{name: function(tensor) for name, tensor in vars(self).items()})

    def __len__(self) -> int:
        """Length of the first leading axis: T of a rollout, B of a minibatch."""
        return len(self.rewards)

    def __getitem__(self, index: Any) -> "Transitions":
        """The same rows of all six tensors; any index that works on `rewards`."""
        return self.map(lambda tensor: tensor[index])

    def flatten(self) -> "Transitions":
        """[T, N] -> [T * N]: what a minibatch is drawn from once time no longer matters; [T, S, N] -> [S, T * N]."""
        leading = self.rewards.dim()
        return self.map(lambda tensor: flatten(tensor, leading))


def flatten(tensor: torch.Tensor, leading: int | None = None) -> torch.Tensor:
    """Time steps and environments in one axis: [T, N, ...] -> [T * N, ...].

    Where S seeds lie side by side, each keeps to itself, and their axis comes first: [T, S, N, ...] -> [S, T * N, ...].

    Args:
        tensor: any tensor.
        leading: how many of its axes are time steps, seeds and environments; None for all.
    """
    leading = tensor.dim() if leading is None else leading
    behind = tensor.shape[leading:]
    if leading < 3:
        return tensor.reshape(-1, *behind)
    return tensor.movedim(-2 - len(behind), 0).reshape(tensor.shape[-2 - len(behind)], -1, *behind)
