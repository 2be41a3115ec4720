"""Experience replay: a ring buffer in which the newest step overwrites the oldest.

AL-10  Replay buffer
    1  room for a fixed number of rows (s, a, r, s', d), made once
    2  add: write behind the last row; at the end of the buffer go on at its front, over the oldest
    3  sample: refuse while there are fewer rows than asked for
    4  else draw rows uniformly, with replacement
"""

from dataclasses import fields
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rlcourse.checks import all_finite, check_array_space, check_positive_integer, check_seed, require
from rlcourse.transitions import Transitions, stored_dtype

LARGEST_REPLAY = 4 * 2**30  # bytes that the buffers of several seeds may take together
NAMES = tuple(field.name for field in fields(Transitions))


class ReplayBuffer:
    """The last `capacity` transitions, in tensors made once.

    Both end flags are stored: a target bootstraps unless the step is terminated, however it was truncated.

    Where S seeds learn side by side, each has `capacity` rows and a sampling of its own: rows [S, B] go in, and
    `sample` gives Transitions[S, n]. Memory: at most LARGEST_REPLAY bytes for all, of which the operating system
    hands out as much as is written to.

    Args:
        capacity: how many rows it holds, a whole number >= 1.
        observation_space, action_space: of one environment, each a Box or Discrete space.
        seed: of the sampling; None for fresh entropy; an array [S] for S seeds side by side.

    Raises:
        ValueError: if an argument is not as described.

    Source: Lin 1992; Mnih et al. 2015.
    """

    def __init__(
        self,
        capacity: int,
        observation_space: gym.Space,
        action_space: gym.Space,
        *,
        seed: int | np.ndarray | None = None,
    ):
        self.capacity = check_positive_integer("capacity", capacity)
        check_array_space("observation_space", observation_space)
        check_array_space("action_space", action_space)
        self._seeds = seed.shape if isinstance(seed, np.ndarray) else ()  # () alone, (S,) side by side
        each = list(seed) if isinstance(seed, np.ndarray) else [seed]
        self.generators = [_generator(None if one is None else check_seed("seed", one)) for one in each]
        self.generator = self.generators[0]
        self._size, self._next = 0, 0
        room = (self.capacity, *self._seeds)
        row_bytes = sum(_zeros((1,), space).nbytes for space in (observation_space, observation_space, action_space))
        most = LARGEST_REPLAY // (len(self.generators) * (row_bytes + 6))  # rewards and end flags take 6
        require(
            not self._seeds or capacity <= most,
            f"capacity must be at most {most:,} for {len(self.generators)} seeds side by side, whose buffers may take "
            f"{LARGEST_REPLAY / 2**30:g} GiB together, got {capacity:,}",
        )
        self._rows = Transitions(  # AL-10.1
            obs=_zeros(room, observation_space),
            actions=_zeros(room, action_space),
            rewards=_numbers(room, np.float32),
            next_obs=_zeros(room, observation_space),
            terminated=_numbers(room, np.bool_),
            truncated=_numbers(room, np.bool_),
        )

        # NumPy views of the same rows, for writing: of a few rows that is faster.
        self._views = {name: getattr(self._rows, name).numpy() for name in NAMES}

    def __len__(self) -> int:
        return self._size

    def add(self, transitions: Transitions) -> None:
        """Store one transition, or any leading shape of them in row order; the oldest rows make room.

        Args:
            transitions: Transitions[], [B] or [T, N], with the shapes of the spaces; of S seeds [S, B] or [T, S, N].

        Raises:
            ValueError: if it is something else.
        """
        require(
            isinstance(transitions, Transitions), f"transitions must be Transitions, got {type(transitions).__name__}"
        )
        leading = transitions.rewards.dim()
        if self._seeds:  # a row holds one step of each seed
            transitions = transitions.map(lambda tensor: tensor.transpose(leading - 2, leading - 1))
        new = {name: getattr(transitions, name).numpy(force=True) for name in NAMES}  # few rows: faster than torch
        for name in ("obs", "actions"):
            given, rows = new[name], self._views[name]
            shape, expected = given.shape[leading:], rows.shape[1 + len(self._seeds) :]
            if shape != expected:
                raise ValueError(f"{name} of one step must have shape {expected}, got {shape}")
            if given.dtype != rows.dtype and not np.can_cast(given.dtype, rows.dtype, "same_kind"):
                types = (getattr(rows, name).dtype for rows in (self._rows, transitions))
                raise ValueError("{} must be of type {}, got {}".format(name, *types))
        require(all_finite(transitions.rewards), "rewards must hold finite numbers, got NaN or infinity")
        count = transitions.rewards.numel() // len(self.generators)
        kept = min(count, self.capacity)
        fits = min(kept, self.capacity - self._next)  # the rest goes to the front of the ring
        for name, rows in self._views.items():
            values = new[name].reshape(count, *rows.shape[1:])[count - kept :]
            rows[self._next : self._next + fits] = values[:fits]  # AL-10.2
            rows[: kept - fits] = values[fits:]  # AL-10.2
        self._next = (self._next + kept) % self.capacity
        self._size = min(self._size + kept, self.capacity)

    def sample(self, n: int) -> Transitions:
        """Draw n rows uniformly, with replacement.

        Returns:
            Transitions[n], a copy: later additions do not change it; of S seeds [S, n], n rows for each.

        Raises:
            ValueError: if fewer than n rows are stored, or n is not a whole number >= 1.
        """
        n = check_positive_integer("n", n)
        require(n <= self._size, f"n must be at most the number of rows stored, {self._size}, got {n}")  # AL-10.3
        if self._seeds:
            return self._sample_each(n)
        drawn = torch.randint(self._size, (n,), generator=self.generator)  # AL-10.4
        if self._size == self.capacity:  # counted from the oldest row, as in a buffer that was saved and loaded
            drawn = (drawn + self._next) % self.capacity
        return self._rows[drawn]

    def _sample_each(self, n: int) -> Transitions:
        """The same draw for every seed, from its own rows with its own generator."""
        drawn = torch.stack([torch.randint(self._size, (n,), generator=generator) for generator in self.generators])
        if self._size == self.capacity:
            drawn = (drawn + self._next) % self.capacity
        return self._rows[drawn, torch.arange(len(drawn))[:, None]]

    def state(self, number: int = 0) -> dict[str, np.ndarray]:
        """The rows stored, oldest first, and the generator, as named arrays; of S seeds, those of one number."""
        oldest_first = np.arange(self._next - self._size, self._next) % self.capacity
        which = (oldest_first, number) if self._seeds else oldest_first
        arrays = {name: rows[which] for name, rows in self._views.items()}
        return {**arrays, "generator": self.generators[number].get_state().numpy()}

    def outline(self, rows: int) -> dict[str, np.ndarray]:
        """What `state` of this buffer looks like with so many rows: arrays of the right shapes and types."""
        arrays = {name: np.broadcast_to(view[:1], (rows, *view.shape[1:])) for name, view in self._views.items()}
        return {**arrays, "generator": self.generator.get_state().numpy()}

    def load_state(self, arrays: dict[str, np.ndarray]) -> None:
        """The inverse of `state`."""
        self._size, self._next = 0, 0
        self.add(Transitions(*(torch.as_tensor(arrays[name]) for name in NAMES)))
        self.generator.set_state(torch.as_tensor(arrays["generator"]))


def _zeros(room: tuple[int, ...], space: gym.Space) -> torch.Tensor:
    """Rows for elements of a space."""
    return _numbers((*room, *space.shape), stored_dtype(space))


def _numbers(shape: tuple[int, ...], dtype: Any) -> torch.Tensor:
    """Zeros; NumPy's take no memory before they are written to, torch's do."""
    return torch.from_numpy(np.zeros(shape, dtype))


def _generator(seed: int | None) -> torch.Generator:
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator
