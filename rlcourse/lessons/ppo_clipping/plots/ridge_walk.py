"""The ridge: a walk on a map, and the height it has reached."""

from functools import cache
from typing import NamedTuple

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import NEGATIVE, VALUE

X, Y = np.linspace(-0.5, 4.5, 540), np.linspace(-1.3, 1.3, 350)  # about a pixel a point
PLAIN, CREST = "#5b7288", "#fbf3dc"
TOP = 2.6
"""The height at which the profile ends."""


class Terrain(NamedTuple):
    """A landscape: its height at (x, y), and the y of its crest at x."""

    height: object
    crest: object


@cache
def _drawn(terrain):
    """The map as pixels, and its contour lines."""
    heights = terrain.height(*np.meshgrid(X, Y))
    shade = np.clip(heights / 2.8, 0, 1)[..., None]
    low, high = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (PLAIN, CREST))
    lines = contour_generator(X, Y, heights)
    levels = (0.01, 0.5, 1, 1.5, 2, 2.5)
    return (low + shade * (high - low)).astype(np.uint8), [line for level in levels for line in lines.lines(level)]


@style.styled
def ridge(walk, heights, terrain, *, step_size):
    """A walk on the map of J, seen from above, and the height it has reached after every step.

    Args:
        walk: points [steps + 1, 2].
        heights: J at them.
        terrain: the Terrain walked on.
        step_size: η.
    """
    figure, (ground, side) = style.new_figure(
        10, 4.7, 1, 2, left=0.065, right=0.985, bottom=0.13, top=0.87, wspace=0.17, width_ratios=(1.75, 1)
    )
    steps, fallen = len(walk) - 1, bool(heights[-1] == 0)
    _map(ground, terrain)
    _footsteps(ground, walk)
    ground.set_title(f"η = {number(step_size)}, {steps} step{'s' * (steps != 1)}{': fallen' * fallen}")
    _profile(side, heights)
    side.set_title(f"height J = {number(heights[-1])}")
    where = "has fallen to the plain" if fallen else "is on the ridge"
    return style.say(
        figure,
        f"A walk along the ridge with η = {number(step_size)}: after {steps} step{'s' * (steps != 1)} it {where} "
        f"and its height J is {number(heights[-1])}; the highest point so far was {number(heights.max())}.",
    )


def _map(axes, terrain):
    """The land from above, with contour lines, and the crest."""
    pixels, lines = _drawn(terrain)
    axes.imshow(
        pixels, origin="lower", extent=(X[0], X[-1], Y[0], Y[-1]), aspect="auto", zorder=0, interpolation="nearest"
    )
    axes.add_collection(LineCollection(lines, colors="#ffffff", linewidths=0.9, alpha=0.75, zorder=1))
    axes.plot(X, terrain.crest(X), color=VALUE.ink, linestyle=VALUE.linestyle, linewidth=1.6, zorder=2)
    axes.set_xlim(X[0], X[-1])
    axes.set_ylim(Y[0], Y[-1])
    axes.set_xlabel("x", labelpad=0)
    axes.set_ylabel("y", rotation=0, labelpad=4)
    style.set_ticks(axes.xaxis, range(5))
    style.set_ticks(axes.yaxis, (-1, 0, 1))
    look = {"color": style.CARD, "fontweight": "bold"}
    axes.text(0.98, 0.04, "dashed: the crest", ha="right", transform=axes.transAxes, **look)
    axes.text(0.02, 0.92, "plain: J = 0", transform=axes.transAxes, **look)


def _footsteps(axes, walk):
    """Every step, the start as an open ball, and where the walker is now."""
    look = {"markerfacecolor": "#ffd9b8", "markeredgecolor": NEGATIVE.ink}
    axes.plot(*walk.T, "-o", color=NEGATIVE.ink, linewidth=1.8, markersize=5, zorder=4, **look)
    style.ball(axes, *walk[0], size=13, color=style.CARD, zorder=5, clip_on=True)
    style.ball(axes, *walk[-1], size=15, clip_on=True)


def _profile(axes, heights):
    """The height after every step."""
    axes.plot(np.arange(len(heights)), heights, "-o", color=NEGATIVE.ink, markersize=3.5, linewidth=1.8)
    axes.set_xlim(0, 60)
    axes.set_ylim(-0.08, TOP)
    style.set_ticks(axes.xaxis, (0, 20, 40, 60))
    style.set_ticks(axes.yaxis, (0, 1, 2))
    axes.set_xlabel("step", labelpad=0)
