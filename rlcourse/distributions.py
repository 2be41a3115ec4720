"""Distributions over actions: how uncertain they are, and a Gaussian that stays inside a box.

AL-20  The squashed Gaussian actor
    1  the network of s gives μ and log σ, one each per action component
    2  u = μ + σ ξ, with ξ standard normal: the chance comes from outside, so that a gradient reaches μ and σ
    3  a = centre + half-width · tanh(u)
    4  log π(a|s) = Σ_i [ log N(u_i; μ_i, σ_i) - log(1 - tanh² u_i) - log half-width_i ]
    5  played without exploration: centre + half-width · tanh(μ)
"""

import math
from collections.abc import Sequence

import torch
from torch.distributions import Normal
from torch.nn import functional as F

from rlcourse.checks import all_finite, require


def categorical_entropy(probs: torch.Tensor) -> torch.Tensor:
    """Entropy of finitely many outcomes, between 0 (certain) and log m (all m alike).

        H = -Σ_a p_a log p_a,   0 log 0 = 0

    Args:
        probs: p, shape [..., m], not negative, with sum 1 over the last axis.

    Returns:
        H [...], nats.

    Raises:
        ValueError: if probs is not as described.

    Source: Shannon 1948.
    """
    probs = torch.as_tensor(probs)
    total = probs.sum(-1)
    is_distribution = bool((probs >= 0).all()) and torch.allclose(total, torch.ones_like(total), atol=1e-5)
    require(is_distribution, "probs must hold probabilities that sum to 1 over the last axis")
    return torch.special.entr(probs).sum(-1)


def gaussian_entropy(std: torch.Tensor) -> torch.Tensor:
    """Differential entropy of a normal density, negative for σ below 0.242.

        h = ½ log(2 π e σ²)

    Args:
        std: σ > 0, any shape.

    Returns:
        h of each, nats.

    Raises:
        ValueError: if a standard deviation is not a number > 0.
    """
    std = torch.as_tensor(std)
    require(bool((std > 0).all()), "std must hold numbers > 0")
    return 0.5 * math.log(2 * math.pi * math.e) + std.log()


def fits_into(shape: torch.Size, other: torch.Size) -> bool:
    """Whether numbers of another shape broadcast to this one."""
    pairs = zip(reversed(shape), reversed(other), strict=False)
    return len(other) <= len(shape) and all(length in (1, full) for full, length in pairs)


def squash(
    unbounded: torch.Tensor,
    center: torch.Tensor,
    half_width: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
) -> torch.Tensor:
    """centre + half-width · tanh(u) for any numbers u [..., d]; rounding never takes it out of the box."""
    return torch.addcmul(center, half_width, torch.tanh(unbounded)).clamp(low, high)


class TanhGaussian:
    """A normal variable pressed into a box by tanh, component by component.

        u = μ + σ ξ,    a = centre + half-width · tanh(u)
        log π(a) = Σ_i [ log N(u_i; μ_i, σ_i) - log(1 - tanh² u_i) - log half-width_i ]

    The middle term is taken as 2 (log 2 - u - softplus(-2u)), which is exact where tanh has rounded to 1 and the
    formula as it stands says log 0. Rounding never takes an action out of its box: low <= a <= high.

    Args:
        mean: μ, shape [..., d].
        log_std: log σ, same shape, or one that broadcasts to it.
        low, high: edges of the box, finite, in the unit of the action; numbers or tensors [d].
        validate_args: as of torch's distributions, whether to look at all the numbers first.

    Raises:
        ValueError: if a number is not finite, the shapes do not fit, or low is not below high.

    Source: Haarnoja et al. 2018a, appendix C.
    """

    def __init__(
        self,
        mean: torch.Tensor,
        log_std: torch.Tensor,
        low: torch.Tensor | float = -1.0,
        high: torch.Tensor | float = 1.0,
        *,
        validate_args: bool = True,
    ):
        require(isinstance(mean, torch.Tensor) and mean.dim() >= 1, "mean must be a tensor of shape [..., d]")
        log_std, low, high = (torch.as_tensor(x, dtype=mean.dtype, device=mean.device) for x in (log_std, low, high))
        if validate_args:
            for name, numbers in {"mean": mean, "log_std": log_std, "low": low, "high": high}.items():
                require(all_finite(numbers), f"{name} must hold finite numbers, got NaN or infinity")
            require(bool((low < high).all()), "low must be below high")
            fits = all(fits_into(mean.shape, numbers.shape) for numbers in (log_std, low, high))
            require(fits, f"log_std, low and high must fit mean's shape {tuple(mean.shape)}")
        self.mean, self.log_std, self.low, self.high = mean, log_std, low, high
        self.center, self.half_width = (high + low) / 2, (high - low) / 2

    @property
    def mode(self) -> torch.Tensor:
        """centre + half-width · tanh(μ), the action played without exploration.

        It is the squashed mean, which is the median of each component and not the peak of the density: the peak
        lies nearer to an edge, and for a wide σ there are two, one at either edge.
        """
        return squash(self.mean, self.center, self.half_width, self.low, self.high)  # AL-20.5

    def sample(self, sample_shape: Sequence[int] = (), *, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Actions [*sample_shape, ..., d] through which no gradient flows."""
        with torch.no_grad():
            return self.rsample(sample_shape, noise=noise)

    def rsample(self, sample_shape: Sequence[int] = (), *, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Actions [*sample_shape, ..., d] as a function of μ and σ: the gradient flows through them."""
        return self.rsample_with_log_prob(sample_shape, noise=noise)[0]

    def rsample_with_log_prob(
        self, sample_shape: Sequence[int] = (), *, noise: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions and the logarithm of their density, without the detour from a back to u.

        Args:
            sample_shape: leading axes of independent draws.
            noise: ξ, shape [*sample_shape, ..., d]; None draws it as torch.distributions does.

        Returns:
            (a [*sample_shape, ..., d], log π(a) [*sample_shape, ...]).
        """
        shape = torch.Size(sample_shape) + self.mean.shape
        if noise is None:
            noise = Normal(torch.zeros_like(self.mean), 1.0).sample(sample_shape)
        require(noise.shape == shape, f"noise must have shape {tuple(shape)}, got {tuple(noise.shape)}")
        unbounded = self.mean + self.log_std.exp() * noise  # AL-20.2
        actions = squash(unbounded, self.center, self.half_width, self.low, self.high)  # AL-20.3
        return actions, self._log_density(unbounded, noise)

    def log_prob(self, action: torch.Tensor) -> torch.Tensor:
        """log π(a) of actions inside the box, shape [...] for actions [..., d].

        An action on the very edge is taken for the nearest number inside: it is where tanh rounds to.

        Raises:
            ValueError: if an action has another width than the box, or lies outside it.
        """
        width = self.mean.shape[-1]
        require(
            isinstance(action, torch.Tensor) and action.dim() >= 1 and action.shape[-1] == width,
            f"action must be a tensor of shape [..., {width}], got "
            f"{tuple(action.shape) if isinstance(action, torch.Tensor) else type(action).__name__}",
        )
        try:
            torch.broadcast_shapes(action.shape, self.mean.shape)
        except RuntimeError:
            shapes = f"{tuple(self.mean.shape)}, got {tuple(action.shape)}"
            raise ValueError(f"action must have a shape that fits mean's, {shapes}") from None
        slack = 1e-5 * self.half_width  # an action computed elsewhere may be rounded otherwise
        inside = (action >= self.low - slack) & (action <= self.high + slack)
        require(bool(inside.all()), "action must lie in the box from low to high")
        largest = 1 - torch.finfo(self.mean.dtype).eps / 2
        unbounded = torch.atanh(((action - self.center) / self.half_width).clamp(-largest, largest))
        return self._log_density(unbounded, (unbounded - self.mean) / self.log_std.exp())

    def _log_density(self, unbounded: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        gaussian = -0.5 * (noise**2 + math.log(2 * math.pi)) - self.log_std  # AL-20.4
        stretch = 2 * (math.log(2) - unbounded - F.softplus(-2 * unbounded)) + self.half_width.log()  # AL-20.4
        return (gaussian - stretch).sum(-1)  # AL-20.4
