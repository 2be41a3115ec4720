"""B samples, of many actors or of one."""

import numpy as np
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.style import HIGHLIGHT, INK, NEGATIVE, POLICY
from rlcourse.lessons.parallel_actor_critic.plots.looks import BIG, brief

MANY, ONE = POLICY, NEGATIVE
"""Samples of many actors, of a single one."""


@style.styled
def consecutive(sizes, independent, in_a_row, chosen, *, clouds, cosines, truth, cells):
    """The variance of a mean against its size, up to the chosen B, and where such means lie around the true gradient.

    Args:
        sizes: batch sizes B.
        independent, in_a_row: exact total variances, one an entry of `sizes`.
        chosen: position in `sizes` to mark.
        clouds: two arrays [draws, 2], means of B gradients of many actors and of one, along the true gradient
            and across it; in units of its length.
        cosines: mean cosine with the true gradient, of both.
        truth: total variance is in units of this squared length: |true gradient|².
        cells: length of the corridor.
    """
    size, many, one = sizes[chosen], independent[chosen] / truth, in_a_row[chosen] / truth
    ratio = one / many
    figure, (left, right) = style.new_figure(10, 5.4, 1, 2, left=0.1, right=0.985, bottom=0.125, top=0.8, wspace=0.17)
    said = "no difference yet" if size == 1 else f"{ratio:.1f} times the variance with one environment"
    figure.text(0.012, 0.945, f"B = {size}, {cells} cells: {said}", fontsize=BIG + 1, fontweight="bold", va="center")
    left.set(xscale="log", yscale="log", xlim=(0.8, 900), ylim=(0.015, 150))
    seen = slice(chosen + 1)  # larger batches are the reader's to find
    left.plot(sizes[seen], (in_a_row / truth)[seen], **ONE.line(markersize=6))
    left.plot(sizes[seen], (independent / truth)[seen], **MANY.line(markersize=6))
    _gap(left, size, many, one)
    _variance_axes(left)
    _clouds(right, *clouds, cosines)
    return style.say(
        figure,
        f"Corridor of {cells} cells, mean of B = {size} gradients: its variance, in squared lengths of the true "
        f"gradient, is {brief(many)} if every sample has its own environment and {brief(one)}, {ratio:.1f} times "
        f"as much, if one environment gives all; cosine with the truth {cosines[0]:.2f} and {cosines[1]:.2f}.",
    )


def _gap(axes, size, many, one):
    """The two variances at the chosen batch size, and how many times the one is the other."""
    for value, role in ((one, ONE), (many, MANY)):
        axes.plot(size, value, **role.line(markersize=14, linestyle=""))
    if size > 1:
        axes.plot([size, size], [many, one], color=HIGHLIGHT.ink, linewidth=4, solid_capstyle="butt", zorder=5)
        look = {"fontsize": BIG + 1, "dx": 13, "dy": 0}
        style.direct_label(axes, size, np.sqrt(one * many), f"× {one / many:.1f}", HIGHLIGHT, **look)


def _variance_axes(axes):
    """Logarithmic axes with plain numbers, and the names of the two lines."""
    look = {"fontweight": "bold", "va": "center", "transform": axes.transAxes}
    axes.text(0.97, 0.95, "one environment, B steps in a row", color=ONE.ink, ha="right", **look)
    axes.text(0.03, 0.07, "B environments, one step each", color=MANY.ink, **look)
    style.set_ticks(axes.xaxis, (1, 4, 16, 64, 256), (1, 4, 16, 64, 256))
    style.set_ticks(axes.yaxis, (0.1, 1, 10, 100), (0.1, 1, 10, 100))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("samples in one update, B")
    axes.set_ylabel("in squared lengths of the true gradient", labelpad=2)
    axes.set_title("variance of the mean gradient")


def _clouds(axes, many, one, cosines):
    """Single means around the true gradient, an arrow."""
    for cloud, role, size in ((one, ONE, 26), (many, MANY, 22)):
        axes.scatter(*cloud.T, s=size, alpha=0.55, linewidths=0.4, **role.points())
    look = {"arrowstyle": "-|>", "linewidth": 3.4, "color": INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 22}
    axes.annotate("", (1, 0), (0, 0), zorder=7, arrowprops=look)
    reach = 6.0
    axes.set(xlim=(-reach / 2, 1 + reach / 2), ylim=(-reach / 2, reach / 2))
    axes.set_title("300 such means; arrow: the truth")
    style.set_ticks(axes.xaxis, (-3, -2, -1, 0, 1, 2, 3, 4))
    style.set_ticks(axes.yaxis, (-2, 0, 2))
    axes.set_xlabel("along the true gradient, in its lengths")
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2}
    for y, text, role, cosine in (
        (0.95, "● many environments", MANY, cosines[0]),
        (0.05, "▼ one environment", ONE, cosines[1]),
    ):
        look = {"color": role.ink, "fontweight": "bold", "va": "center", "bbox": ground}
        axes.text(0.02, y, f"{text}: cosine {cosine:.2f}", transform=axes.transAxes, **look)
