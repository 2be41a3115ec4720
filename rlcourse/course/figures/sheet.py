"""Drawings on one sheet whose unit is the inch, of few artists: one collection of strokes holds a whole scene.

That is what keeps a redraw quick.
"""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style


class Sheet:
    """A figure as a sheet of paper: x and y in inches from the lower left corner, and no axes to pay for."""

    def __init__(self, figure):
        self.figure, self.inches = figure, figure.dpi_scale_trans

    @classmethod
    def blank(cls, width, height):
        return cls(style.blank_figure(width, height))

    def text(self, x, y, text, **look):
        look = {"va": "center", "ha": "center", "fontsize": style.BASE_SIZE, **look}
        self.figure.text(x, y, text, transform=self.inches, **look)

    def strokes(self, strokes, zorder=3):
        """Polylines with round ends, drawn in order: (points, width, colour)."""
        points, widths, colors = zip(*strokes, strict=True)
        self.figure.add_artist(
            LineCollection(
                points,
                linewidths=widths,
                colors=colors,
                capstyle="round",
                joinstyle="round",
                zorder=zorder,
                transform=self.inches,
            )
        )

    def shapes(self, shapes, zorder=1, **look):
        """Polygons: (corners, colour)."""
        corners, colors = zip(*shapes, strict=True)
        look = {"edgecolors": "none", **look}
        self.figure.add_artist(PolyCollection(corners, facecolors=colors, zorder=zorder, transform=self.inches, **look))

    def boxes(self, boxes, zorder=1, **look):
        """Rectangles: (x, y, width, height, colour)."""
        shapes = [(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), color) for x, y, w, h, color in boxes]
        self.shapes(shapes, zorder, **look)

    def bar(self, x, y, width, height, **look):
        """One rectangle, perhaps with a hatch."""
        self.figure.add_artist(Rectangle((x, y), width, height, transform=self.inches, **look))

    def line(self, x, y, marker="", **look):
        """A line, or single marks where `marker` says so."""
        line = Line2D(x, y, marker=marker, transform=self.inches, **look)
        line.set_figure(self.figure)
        self.figure.lines.append(line)  # not among its artists: Jupyter takes a figure without lines for empty

    def arrow(self, start, end, color, width=0.05, zorder=2):
        """A straight arrow of `width` inches; a short one is all head."""
        corners = arrow_shape(start, end, width, head=3.2 * width + 0.04, wing=1.2 * width + 0.045)
        self.shapes([(corners, color)], zorder)


def arrow_shape(start, end, width, head, wing):
    """Corners of a straight arrow: its shaft has the `width`, its head that length, and reaches `wing` to each side.

    An arrow that is shorter than its head is all head.
    """
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = np.hypot(*(end - start))
    along = (end - start) / length
    aside = np.array([-along[1], along[0]])
    neck, half, wing = end - min(head, length) * along, width / 2 * aside, wing * aside
    return start + half, neck + half, neck + wing, end, neck - wing, neck - half, start - half


def dot(x, y, width, color):
    """A round dot: a stroke of hardly any length."""
    return ((x - 0.01, y), (x + 0.01, y)), width, color


def curve(start, end, bend, points=24):
    """A quadratic curve from start to end, its middle pushed aside by `bend` inches."""
    start, end, t = np.asarray(start), np.asarray(end), np.linspace(0, 1, points)[:, None]
    along = end - start
    aside = np.array([-along[1], along[0]]) / np.hypot(*along)
    middle = (start + end) / 2 + 2 * bend * aside
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
