"""What several figures share: how each estimator looks, numbers, labels, ticks."""

import numpy as np
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import ACTION, NEGATIVE, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 2, style.BASE_SIZE - 1
LOOK = {"same-step": NEGATIVE, "total": REWARD, "reward-to-go": POLICY, "Q": ACTION, "Q - V": VALUE}
"""Every estimator keeps its colour, marker and line through the lesson."""
NAMES = {
    "same-step": "same-step reward",
    "total": "total return",
    "reward-to-go": "reward-to-go",
    "Q": "exact Q",
    "Q - V": "exact Q − V",
}


def brief(value):
    """Two significant digits: 0.031, 3.4, 280."""
    return number(value, 0 if abs(value) >= 9.95 else 1 if abs(value) >= 0.995 else 2 if abs(value) >= 0.0995 else 3)


def declutter(places, gap, low, high):
    """Shift label heights as little as needed so that neighbours are `gap` apart and all lie within [low, high]."""
    order = np.argsort(places)
    shifted = np.clip(np.asarray(places, dtype=float)[order], low, high)
    for _ in range(200):
        short = gap - np.diff(shifted)
        if (short < 1e-9).all():
            break
        push = np.maximum(short, 0) / 2
        shifted[:-1] -= push
        shifted[1:] += push
        shifted = np.clip(shifted, low, high)
    result = np.empty_like(shifted)
    result[order] = shifted
    return result


def ring(axes, x, y, role, zorder):
    """An open marker: where on a curve the controls stand."""
    look = {"color": "white", "markeredgecolor": role.ink, "markeredgewidth": 2.2, "markersize": 11}
    axes.plot(x, y, role.marker, zorder=zorder, clip_on=False, **look)


def plain_ticks(axis, places):
    """Ticks of a logarithmic axis, written as people write them."""
    style.set_ticks(axis, places, [f"{place:g}" for place in places])
    axis.set_minor_locator(NullLocator())
