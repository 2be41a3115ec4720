"""Exploration noise: numbers added to what a deterministic actor would do.

AL-11  Ornstein-Uhlenbeck noise
    1  start of an episode: x ← 0
    2  each step: x ← x - β x Δ + σ √Δ ξ, with ξ standard normal
    3  the noise is x: pulled back to zero by β, pushed about by σ
"""

import math
from typing import Any, TypeAlias

import numpy as np

from rlcourse.checks import check_nonnegative, check_positive, check_positive_integer, check_seed, require
from rlcourse.generators import Generators

Random: TypeAlias = np.random.Generator | Generators


class OrnsteinUhlenbeck:
    """Autocorrelated noise: each sample is the one before, drawn towards zero, plus a random push.

        x ← x - β x Δ + σ √Δ ξ,    ξ ~ N(0, 1)

    Samples l steps apart have correlation (1 - βΔ)^l. σ is not the size of the noise: see `stationary_std`.

    Args:
        size: how many independent processes, a number or a shape.
        theta: β > 0, the pull towards zero, per unit of time. (β in the course: θ are the actor's weights.)
        sigma: σ >= 0, the push, per square root of a unit of time.
        dt: Δ > 0, the time of one step; theta * dt must be below 2, or the noise grows for ever.
        seed: of its generator, which may also be a NumPy generator, or one per seed; None for fresh entropy.

    Raises:
        ValueError: if an argument is not as described.

    Source: Uhlenbeck & Ornstein 1930; Lillicrap et al. 2016, section 3.
    """

    def __init__(
        self,
        size: int | tuple[int, ...],
        *,
        theta: float = 0.15,
        sigma: float = 0.2,
        dt: float = 1.0,
        seed: int | Random | None = None,
    ):
        self.theta, self.dt = check_positive("theta", theta), check_positive("dt", dt)
        self.sigma = check_nonnegative("sigma", sigma)
        require(self.theta * self.dt < 2, f"theta * dt must be below 2, got {self.theta * self.dt:g}")
        self.rng, self.state = _generator(seed), _at_rest(size)

    @property
    def stationary_std(self) -> float:
        """Standard deviation in the long run: σ √( Δ / (1 - (1 - βΔ)²) ), 0.38 at the usual β = 0.15, σ = 0.2."""
        return self.sigma * math.sqrt(self.dt / (1 - (1 - self.theta * self.dt) ** 2))

    def reset(self, where: Any = ...) -> None:
        """Back to zero, as at the start of an episode.

        Args:
            where: index of the processes that start anew; all of them by default.
        """
        self.state[where] = 0.0  # AL-11.1

    def sample(self) -> np.ndarray:
        """The noise of the next step, NumPy array [size]."""
        pull = -self.theta * self.state * self.dt  # AL-11.2
        push = self.sigma * math.sqrt(self.dt) * self.rng.standard_normal(self.state.shape)  # AL-11.2
        self.state = self.state + pull + push  # AL-11.2
        return self.state.copy()  # AL-11.3


class GaussianNoise:
    """Independent noise: x = σ ξ, ξ ~ N(0, 1). Arguments as of OrnsteinUhlenbeck; sigma is its standard deviation."""

    def __init__(
        self,
        size: int | tuple[int, ...],
        *,
        sigma: float = 0.2,
        seed: int | Random | None = None,
    ):
        self.sigma = check_nonnegative("sigma", sigma)
        self.rng, self.state = _generator(seed), _at_rest(size)

    @property
    def stationary_std(self) -> float:
        """Standard deviation, σ."""
        return self.sigma

    def reset(self, where: Any = ...) -> None:
        """There is nothing to forget."""

    def sample(self) -> np.ndarray:
        """The noise of the next step, NumPy array [size]."""
        return self.sigma * self.rng.standard_normal(self.state.shape)


def _generator(seed: int | Random | None) -> Random:
    if isinstance(seed, Random):
        return seed
    return np.random.default_rng(None if seed is None else check_seed("seed", seed))


def _at_rest(size: int | tuple[int, ...]) -> np.ndarray:
    shape = size if isinstance(size, tuple) else (size,)
    return np.zeros(tuple(check_positive_integer("size", length) for length in shape))
