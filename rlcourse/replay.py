"""Experience replay: a fixed stretch of memory in which the newest step overwrites the oldest.

    AL-10  Replay buffer
        1  memory for `capacity` rows (s, a, r, s', d), made once
        2  add: write behind the last row; at the end of the memory go on at its front, over the oldest
        3  sample: refuse while there are fewer rows than asked for
        4  else draw rows uniformly, with replacement
"""

from dataclasses import fields

import numpy as np
import torch

from rlcourse.checks import all_finite, check_array_space, check_positive_integer, check_seed, require
from rlcourse.transitions import Transitions, stored_dtype

NAMES = tuple(field.name for field in fields(Transitions))


class ReplayBuffer:
    """The last `capacity` transitions, in tensors made once.

    Both end flags are stored: a target bootstraps unless the step is terminated, however it was truncated.

    Args:
        capacity: how many rows it holds, a whole number >= 1.
        observation_space, action_space: of one environment, each a Box or Discrete space.
        seed: of the sampling; None for fresh entropy.

    Raises:
        ValueError: if an argument is not as described.

    Source: Lin 1992; Mnih et al. 2015.
    """

    def __init__(self, capacity, observation_space, action_space, *, seed=None):
        self.capacity = check_positive_integer("capacity", capacity)
        check_array_space("observation_space", observation_space)
        check_array_space("action_space", action_space)
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(check_seed("seed", seed))
        self._size, self._next = 0, 0
        self._rows = Transitions(  # AL-10.1
            obs=_zeros(capacity, observation_space),
            actions=_zeros(capacity, action_space),
            rewards=torch.zeros(capacity, dtype=torch.float32),
            next_obs=_zeros(capacity, observation_space),
            terminated=torch.zeros(capacity, dtype=torch.bool),
            truncated=torch.zeros(capacity, dtype=torch.bool),
        )
        # The same memory, for writing: one row goes in five times faster through NumPy.
        self._memory = {name: getattr(self._rows, name).numpy() for name in NAMES}

    def __len__(self):
        return self._size

    def add(self, transitions):
        """Store one transition, or any leading shape of them in row order; the oldest rows make room.

        Args:
            transitions: Transitions[], [B] or [T, N], with the shapes of the spaces.

        Raises:
            ValueError: if it is something else.
        """
        require(
            isinstance(transitions, Transitions), f"transitions must be Transitions, got {type(transitions).__name__}"
        )
        leading = transitions.rewards.dim()
        new = {name: getattr(transitions, name).numpy(force=True) for name in NAMES}  # few rows: faster than torch
        for name in ("obs", "actions"):
            given, rows = new[name], self._memory[name]
            shape, expected = given.shape[leading:], rows.shape[1:]
            if shape != expected:
                raise ValueError(f"{name} of one step must have shape {expected}, got {shape}")
            if given.dtype != rows.dtype and not np.can_cast(given.dtype, rows.dtype, "same_kind"):
                types = (getattr(rows, name).dtype for rows in (self._rows, transitions))
                raise ValueError("{} must be of type {}, got {}".format(name, *types))
        require(all_finite(transitions.rewards), "rewards must hold finite numbers, got NaN or infinity")
        count = transitions.rewards.numel()
        kept = min(count, self.capacity)
        fits = min(kept, self.capacity - self._next)  # the rest goes to the front of the ring
        for name, rows in self._memory.items():
            values = new[name].reshape(count, *rows.shape[1:])[count - kept :]
            rows[self._next : self._next + fits] = values[:fits]  # AL-10.2
            rows[: kept - fits] = values[fits:]  # AL-10.2
        self._next = (self._next + kept) % self.capacity
        self._size = min(self._size + kept, self.capacity)

    def sample(self, n):
        """Draw n rows uniformly, with replacement.

        Returns:
            Transitions[n], a copy: later additions do not change it.

        Raises:
            ValueError: if fewer than n rows are stored, or n is not a whole number >= 1.
        """
        n = check_positive_integer("n", n)
        require(n <= self._size, f"n must be at most the number of rows stored, {self._size}, got {n}")  # AL-10.3
        drawn = torch.randint(self._size, (n,), generator=self.generator)  # AL-10.4 counted from the oldest row,
        if self._size == self.capacity:
            drawn = (drawn + self._next) % self.capacity  # wherever in the memory it lies
        return self._rows.select(drawn)

    def state(self):
        """The rows stored, oldest first, and the generator, as named arrays."""
        oldest_first = torch.arange(self._next - self._size, self._next) % self.capacity
        arrays = {name: getattr(self._rows, name)[oldest_first].numpy() for name in NAMES}
        return {**arrays, "generator": self.generator.get_state().numpy()}

    def load_state(self, arrays):
        """The inverse of `state`."""
        self._size, self._next = 0, 0
        self.add(Transitions(*(torch.as_tensor(arrays[name]) for name in NAMES)))
        self.generator.set_state(torch.as_tensor(arrays["generator"]))


def _zeros(capacity, space):
    """Rows for elements of a space."""
    return torch.from_numpy(np.zeros((capacity, *space.shape), dtype=stored_dtype(space)))
