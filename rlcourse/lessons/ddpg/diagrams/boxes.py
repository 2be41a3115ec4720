"""Boxes and arrows of both diagrams, and who is who in them."""

from typing import NamedTuple

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from rlcourse.course.figures import diagram, style
from rlcourse.course.figures.style import BASE_SIZE, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = BASE_SIZE + 2, style.SMALLEST_SIZE
ACTOR, CRITIC, TARGET, LOSS, WORLD, GRADIENT = POLICY, VALUE, REWARD, NEGATIVE, NEUTRAL, HIGHLIGHT
"""Who is who in the diagrams of one update."""
PALE, LIT = "#f4f4f4", "#fff3c9"


class Node(NamedTuple):
    """A box of a diagram."""

    x: float
    y: float
    width: float
    height: float
    name: str
    role: style.Role
    lagged: bool = False
    """A target network: its edge is dashed."""


class Arrow(NamedTuple):
    """A way through the diagram, corner by corner."""

    points: tuple
    label: str = ""
    at: tuple = ()
    """Where the label stands."""
    gradient: bool = False


def draw_node(axes, node, lit=False, dim=False, status=""):
    """A box with its name, and below it what happens to its weights; `dim` before its turn."""
    color = NEUTRAL.color if dim else node.role.ink
    look = {
        "facecolor": LIT if lit else PALE if dim else "white",
        "edgecolor": color,
        "linewidth": 3.4 if lit else 1.8,
        "linestyle": (0, (4, 2)) if node.lagged else "-",
    }
    diagram.box(axes, node.x, node.y, node.width, node.height, rounding=0.09, zorder=3, **look)
    x, y = node.x + node.width / 2, node.y + node.height / 2
    look = {"fontweight": "bold", "color": NEUTRAL.ink if dim else node.role.ink, "linespacing": 1.25}
    diagram.words(axes, x, y + (0.15 if status else 0), node.name, zorder=4, **look)
    if status:
        diagram.words(axes, x, node.y + 0.2, status, fontsize=SMALL + 1, zorder=4, color=INK)


def draw_arrows(axes, arrows, lit=(), seen=()):
    """All arrows in two collections: lines, and heads. `lit` stand out, those not `seen` yet are pale."""
    lines, colors, widths, dashes, heads = [], [], [], [], []
    for name, arrow in arrows.items():
        hot = name in lit
        bright, calm = (GRADIENT.ink, GRADIENT.color) if arrow.gradient else (INK, NEUTRAL.ink)
        color = bright if hot else calm if name in seen else style.FAINT
        points = np.array(arrow.points, dtype=float)
        along = points[-1] - points[-2]
        along /= np.linalg.norm(along)
        size = 0.17 if hot else 0.13
        heads.append(diagram.tip(points[-1], along, size))
        lines.append(np.vstack([points[:-1], points[-1] - (size - 0.02) * along]))
        colors.append(color)
        widths.append(3.2 if hot else 1.7)
        dashes.append((0, (2.2, 1.3)) if arrow.gradient else "-")
        if arrow.label:
            look = {"color": color if hot or name in seen else NEUTRAL.ink, "fontweight": "bold" if hot else "normal"}
            diagram.words(axes, *arrow.at, arrow.label, fontsize=BASE_SIZE - 1, zorder=5, **look)
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=widths, linestyles=dashes, zorder=2))
    axes.add_collection(PolyCollection(heads, facecolors=colors, edgecolors="none", zorder=4))
