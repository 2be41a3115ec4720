"""Loud arguments: every public function says which argument is wrong, and what it expected."""

import math
import operator

import gymnasium as gym
import numpy as np
import torch

SEEDS = 2**31  # seeds lie below: every generator takes those, an environment's own among them


def require(condition, sentence):
    """Raise ValueError(sentence) unless the condition holds."""
    if not condition:
        raise ValueError(sentence)


def check_fraction(name, value):
    """A discount, a trace parameter or a probability: a number in [0, 1]."""
    number = _number(value)
    require(0.0 <= number <= 1.0, f"{name} must be a number in [0, 1], got {value!r}")
    return number


def check_positive(name, value):
    """A step size, a width: a number > 0; infinity counts."""
    number = _number(value)
    require(number > 0.0, f"{name} must be a number > 0, got {value!r}")
    return number


def check_positive_integer(name, value):
    """A count: 1, 2, 3, ..."""
    return _check_integer(name, value, least=1)


def check_seed(name, value):
    """A seed: 0, 1, 2, ... below 2^31."""
    seed = _check_integer(name, value, least=0)
    require(seed < SEEDS, f"{name} must be below 2**31, got {value!r}")
    return seed


def check_switch(name, value):
    """True or False."""
    require(isinstance(value, bool), f"{name} must be True or False, got {value!r}")
    return value


def check_weight(name, value):
    """A weight: a finite number, of either sign."""
    number = _number(value)
    require(math.isfinite(number), f"{name} must be a finite number, got {value!r}")
    return number


def check_step_size(name, value):
    """A step size: a finite number > 0."""
    require(check_positive(name, value) < math.inf, f"{name} must be a finite number > 0, got {value!r}")
    return float(value)


def check_spread(name, value):
    """A standard deviation: a finite number >= 0."""
    number = check_weight(name, value)
    require(number >= 0, f"{name} must be a number >= 0, got {value!r}")
    return number


def check_widths(name, value):
    """Widths of hidden layers: a tuple of counts, perhaps empty."""
    require(isinstance(value, tuple), f"{name} must be a tuple of layer widths, got {value!r}")
    return tuple(check_positive_integer(f"each width in {name}", width) for width in value)


def check_array_space(name, space):
    """Raise ValueError unless the elements of a Gymnasium space are arrays of one shape, or whole numbers."""
    require(
        isinstance(space, gym.spaces.Box | gym.spaces.Discrete), f"{name} must be a Box or Discrete space, got {space}"
    )


def check_real_box(name, box):
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


def _number(value):
    """The value as a float; NaN for what is no number, words and True among them."""
    try:
        return math.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _check_integer(name, value, least):
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # NumPy's integers count, too
    except TypeError:
        number = None
    require(number is not None and number >= least, f"{name} must be a whole number >= {least}, got {value!r}")
    return number


def check_sequences(**tensors):
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


def all_finite(tensor):
    """Whether the numbers are all finite: so is their sum then, unless it overflows, which deserves the slow look."""
    return tensor.dtype == torch.bool or math.isfinite(tensor.detach().sum().item()) or bool(tensor.isfinite().all())


def check_flags(**flags):
    """End flags are booleans: 0/1 numbers invite `1 - done` where `~done` is meant."""
    for name, flag in flags.items():
        if not (isinstance(flag, torch.Tensor) and flag.dtype == torch.bool):
            raise ValueError(f"{name} must be a boolean tensor, got {getattr(flag, 'dtype', type(flag).__name__)}")
