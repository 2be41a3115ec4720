"""Random numbers for several seeds at once: each seed draws from a generator of its own."""

from collections.abc import Iterable

import numpy as np


class Generators:
    """One random generator per seed. What they draw lies side by side, and the first axis is that of the seeds.

    The methods are those of `np.random.Generator` that agents call. A size says how much all seeds draw together,
    [S, ...], of which each draws its own [...]: as much, and the same numbers, as it would draw alone.

    Args:
        generators: one NumPy generator per seed.
    """

    def __init__(self, generators: Iterable[np.random.Generator]):
        self.generators = list(generators)

    def standard_normal(self, size: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
        """Normal numbers of mean 0 and standard deviation 1, array [S, ...]."""
        drawn: np.ndarray = np.empty(size, dtype=dtype)
        for generator, own in zip(self.generators, drawn, strict=True):
            generator.standard_normal(dtype=dtype, out=own)
        return drawn

    def gumbel(self, size: tuple[int, ...]) -> np.ndarray:
        """Gumbel noise, array [S, ...]."""
        return np.stack([generator.gumbel(size=size[1:]) for generator in self.generators])

    def uniform(self, low: np.ndarray, high: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
        """Numbers spread evenly between low and high, array [S, ...]."""
        return np.stack([generator.uniform(low, high, size[1:]) for generator in self.generators])

    def integers(self, high: int, size: tuple[int, ...]) -> np.ndarray:
        """Whole numbers from 0 to high - 1, all alike, array [S, ...]."""
        return np.stack([generator.integers(high, size=size[1:]) for generator in self.generators])

    def permutation(self, n: int) -> np.ndarray:
        """The numbers 0 to n - 1 in random order, in another one for each seed, array [S, n]."""
        return np.stack([generator.permutation(n) for generator in self.generators])
