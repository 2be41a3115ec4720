"""Argument validation: every public function says which argument is wrong, and what it expected."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np
import torch

MANY_SEEDS = 10_000
"""More seeds than anybody trains side by side: a larger number was meant to be one seed."""
SEEDS = 2**31  # seeds lie below: every generator takes those, an environment's own among them


def require(condition: object, sentence: str) -> None:
    """Raise ValueError(sentence) unless the condition holds."""
    if not condition:
        raise ValueError(sentence)


def check_unit_interval(name: str, value: Any) -> float:
    """A discount, a trace parameter or a probability: a number in [0, 1]."""
    number = _number(value)
    require(0.0 <= number <= 1.0, f"{name} must be a number in [0, 1], got {value!r}")
    return number


def check_positive(name: str, value: Any) -> float:
    """A step size, a width: a number > 0; infinity counts."""
    number = _number(value)
    require(number > 0.0, f"{name} must be a number > 0, got {value!r}")
    return number


def check_positive_integer(name: str, value: Any) -> int:
    """A count: 1, 2, 3, ..."""
    return _check_integer(name, value, least=1)


def check_seed(name: str, value: Any) -> int:
    """A seed: 0, 1, 2, ... below 2^31."""
    seed = _check_integer(name, value, least=0)
    require(seed < SEEDS, f"{name} must be below 2**31, got {value!r}")
    return seed


def check_seeds(name: str, value: Any) -> tuple[int, ...]:
    """Several seeds, all different: a sequence of them, or a whole number >= 1, which stands for 0, 1, ... below it."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        count = check_positive_integer(name, value)
        require(count <= MANY_SEEDS, f"{name} must be a list of seeds, or how many, got {count}; [{count}] is one seed")
        return tuple(range(count))
    seeds = tuple(check_seed(f"each seed in {name}", seed) for seed in value)
    require(seeds, f"{name} must hold at least one seed, got {value!r}")
    require(len(set(seeds)) == len(seeds), f"{name} must be different from each other, got {value!r}")
    return seeds


def check_bool(name: str, value: Any) -> bool:
    """True or False."""
    require(isinstance(value, bool), f"{name} must be True or False, got {value!r}")
    return value


def check_finite(name: str, value: Any) -> float:
    """A weight: a finite number, of either sign."""
    number = _number(value)
    require(math.isfinite(number), f"{name} must be a finite number, got {value!r}")
    return number


def check_step_size(name: str, value: Any) -> float:
    """A step size: a finite number > 0."""
    require(check_positive(name, value) < math.inf, f"{name} must be a finite number > 0, got {value!r}")
    return float(value)


def check_nonnegative(name: str, value: Any) -> float:
    """A standard deviation: a finite number >= 0."""
    number = check_finite(name, value)
    require(number >= 0, f"{name} must be a number >= 0, got {value!r}")
    return number


def check_hidden_sizes(name: str, value: Any) -> tuple[int, ...]:
    """Widths of hidden layers: a tuple of counts, perhaps empty."""
    require(isinstance(value, tuple), f"{name} must be a tuple of layer widths, got {value!r}")
    return tuple(check_positive_integer(f"each width in {name}", width) for width in value)


def check_array_space(name: str, space: gym.Space) -> None:
    """Raise ValueError unless the elements of a Gymnasium space are arrays of one shape, or whole numbers."""
    require(
        isinstance(space, gym.spaces.Box | gym.spaces.Discrete), f"{name} must be a Box or Discrete space, got {space}"
    )


def check_real_box(name: str, box: gym.spaces.Box) -> None:
    """Raise ValueError unless a Box has components, all real numbers, and all with a width, in single precision.

    A density over actions, and a gradient with respect to them, exist nowhere else.
    """
    require(
        np.issubdtype(box.dtype, np.floating),
        f"{name} must be Discrete or a Box of real numbers, got a Box of whole numbers, {box}",
    )
    require(box.low.size > 0, f"{name} must have a component, got {box}")
    with np.errstate(over="ignore"):
        low, high = box.low.astype(np.float32), box.high.astype(np.float32)
    kept = (np.isinf(low) == np.isinf(box.low)) & (np.isinf(high) == np.isinf(box.high))
    require(
        (kept & (low < high)).all(),
        f"{name} must have low < high in every component, both as single-precision numbers, got {box}",
    )


def _number(value: Any) -> float:
    """The value as a float; NaN for what is no number, words and True among them."""
    try:
        return math.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _check_integer(name: str, value: Any, least: int) -> int:
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # NumPy's integers count, too
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(f"{name} must be a whole number >= {least}, got {value!r}")
    return number


def check_sequences(**tensors: torch.Tensor) -> None:
    """Numbers of one shape [T, ...], T >= 1, time first, all finite.

    Broadcasting [T] against [T, 1] gives [T, T] without a word, so shapes must be equal.
    """
    first_name, first = next(iter(tensors.items()))
    for name, tensor in tensors.items():  # called in every update: a sentence is made only when it is needed
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"{name} must be a torch tensor, got {type(tensor).__name__}")
        if tensor.dim() == 0 or tensor.numel() == 0:
            raise ValueError(f"{name} must be a non-empty sequence of shape [T, ...], got shape {tuple(tensor.shape)}")
        if tensor.shape != first.shape:
            shapes = tuple(first.shape), tuple(tensor.shape)
            raise ValueError("{} must have the shape of {}, {}, got {}".format(name, first_name, *shapes))
        if not all_finite(tensor):
            raise ValueError(f"{name} must hold finite numbers, got NaN or infinity")


def all_finite(tensor: torch.Tensor) -> bool:
    """Whether the numbers are all finite: a finite sum proves it, unless it overflows."""
    return tensor.dtype == torch.bool or math.isfinite(tensor.detach().sum().item()) or bool(tensor.isfinite().all())


def check_flags(**flags: torch.Tensor) -> None:
    """End flags are booleans: 0/1 numbers invite `1 - done` where `~done` is meant."""
    for name, flag in flags.items():
        if not (isinstance(flag, torch.Tensor) and flag.dtype == torch.bool):
            raise ValueError(f"{name} must be a boolean tensor, got {getattr(flag, 'dtype', type(flag).__name__)}")
