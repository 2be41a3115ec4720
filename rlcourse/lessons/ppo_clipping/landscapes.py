"""Two landscapes to walk on: a ridge with a cliff beside it, and a climber whose surrogate is a tangent."""

from typing import NamedTuple

import numpy as np
import torch

from rlcourse import exact

# ---------------------------------------------------------------- the ridge

HALF_WIDTH = 0.5
"""How far from the crest the ridge ends and the plain begins."""


def crest(x):
    """y of the crest: it winds, ½ sin 1.5 x."""
    return 0.5 * np.sin(1.5 * x)


def height(x, y):
    """J(x, y) = (1 + x/2) max(0, 1 - 4 (y - ½ sin 1.5x)²): a ridge that rises to the right, and a plain beside it."""
    return (1 + 0.5 * x) * np.maximum(1 - ((y - crest(x)) / HALF_WIDTH) ** 2, 0)


def ridge_slope(x, y):
    """The gradient of `height`; zero on the plain."""
    aside = y - crest(x)
    if abs(aside) >= HALF_WIDTH:
        return np.zeros(2)
    across = -(1 + 0.5 * x) * 2 * aside / HALF_WIDTH**2
    return np.array([0.5 * (1 - (aside / HALF_WIDTH) ** 2) - across * 0.75 * np.cos(1.5 * x), across])


def ridge_walk(step_size, steps=60):
    """Gradient ascent on J from (0, 0): points [steps + 1, 2]."""
    walk = [np.zeros(2)]
    for _ in range(steps):
        walk.append(walk[-1] + step_size * ridge_slope(*walk[-1]))
    return np.array(walk)


# ---------------------------------------------------------------- the climber

CLIMB = exact.FiniteMDP([[[0, 0], [0, 1]], [[0, 0], [0, 0]]], [[1, 0], [4, -2]])
"""Two states, camp and ridge; two actions, careful and bold. In camp, careful earns 1 and ends the episode, bold
earns nothing and leads to the ridge. On the ridge, careful earns 4 and bold earns -2; both end the episode."""


class Climb(NamedTuple):
    """What is known, and what is promised, of a climber whose boldness changes from `old` to `new`."""

    old_return: float
    """J of the old policy."""
    new_return: float
    """J of the new policy."""
    gains: tuple[float, float]
    """Mean of the old policy's advantages under the new policy's actions, in camp and on the ridge."""
    old_visits: tuple[float, float]
    new_visits: tuple[float, float]

    @property
    def exact(self):
        """J(old) + Σ_s d_new(s) gain(s): what the performance difference lemma says of the new policy."""
        return self.old_return + sum(d * gain for d, gain in zip(self.new_visits, self.gains, strict=True))

    @property
    def surrogate(self):
        """J(old) + Σ_s d_old(s) gain(s): the same with the old visits."""
        return self.old_return + sum(d * gain for d, gain in zip(self.old_visits, self.gains, strict=True))


def boldness(p):
    """The policy that is bold with probability p in both states, [2, 2]."""
    return torch.tensor([[1 - p, p], [1 - p, p]], dtype=torch.float64)


def climb(old, new):
    """A `Climb` from one boldness to another, all of it exact, without discount."""
    before, after, start = boldness(old), boldness(new), [1.0, 0.0]
    values, after_values = (exact.evaluate(CLIMB, policy, gamma=1.0) for policy in (before, after))
    visits = [exact.visits(CLIMB, policy, start, gamma=1.0) for policy in (before, after)]
    gains = (after * values.A).sum(-1)
    numbers = (tuple(tensor.tolist()) for tensor in (gains, *visits))
    return Climb(values.V[0].item(), after_values.V[0].item(), *numbers)
