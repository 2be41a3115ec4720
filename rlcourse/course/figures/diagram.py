"""Diagrams: boxes, arrows and words on axes that cover a whole figure and count in inches."""

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from rlcourse.course.figures import style


def canvas(width, height):
    """A figure of `width` x `height` inches, and axes of the same size without lines of their own."""
    figure, axes = style.new_figure(width, height, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return figure, axes


def words(place, x, y, text, **changes):
    """Text whose middle is (x, y), on axes or on a figure."""
    return place.text(x, y, text, **{"ha": "center", "va": "center", **changes})


def box(axes, x, y, width, height, *, rounding=0.1, pad=0, **look):
    """A box with round corners; (x, y) is its lower left one."""
    shape = f"round,pad={pad},rounding_size={rounding}"
    # `add_patch` would measure it for the limits, which are set.
    axes.add_artist(FancyBboxPatch((x, y), width, height, boxstyle=shape, **look))


def arrow(axes, start, end, color, *, width=2.4, head=17, bend=0.0, gap=0, zorder=3):
    """An arrow, perhaps bent; `gap` points stay free at both ends."""
    axes.add_artist(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=head,
            color=color,
            linewidth=width,
            connectionstyle=f"arc3,rad={bend}",
            shrinkA=gap,
            shrinkB=gap,
            zorder=zorder,
        )
    )


def tip(end, along, size, slope=0.5):
    """Corners of an arrowhead at `end` that points along a unit vector; `slope` is half its width over its length.

    Many of these make one `PolyCollection`, which is quicker to draw than as many arrows.
    """
    across = np.array([-along[1], along[0]])
    return [end, end - size * (along - slope * across), end - size * (along + slope * across)]
