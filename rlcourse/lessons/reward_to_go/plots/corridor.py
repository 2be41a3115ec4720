"""The corridor, and which way each estimator pushes in its cells."""

import numpy as np
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import canvas, words
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, REWARD
from rlcourse.lessons.reward_to_go.plots.looks import BIG, LOOK, NAMES, SMALL


@style.styled
def corridor_map(right, slopes):
    """The six cells, what leaving them pays, how the policy moves, and which way the gradient pulls.

    Args:
        right: π(right|s) of each cell.
        slopes: exact slope of the return in the logit of "right", each cell.
    """
    figure, axes = canvas(9, 3.6)
    wide, left = 1.12, 1.95
    for row, label, role in (
        (2.95, "leaving pays", REWARD),
        (2.07, "cell", None),
        (1.25, "goes right", POLICY),
        (0.5, "gradient", POSITIVE),
    ):
        axes.text(0.15, row, label, va="center", color=role.ink if role else INK, fontweight="bold")
    for cell, (share, slope) in enumerate(zip(right, slopes, strict=True)):
        pays = {0: "0.1", 5: "1.0"}.get(cell, "0")
        x = left + cell * wide
        ground = "#fff0c2" if pays != "0" else "#ffffff"
        axes.add_patch(Rectangle((x, 1.62), wide, 0.9, facecolor=ground, edgecolor=INK))
        middle = x + wide / 2
        words(axes, middle, 2.95, pays, color=REWARD.ink, fontsize=BIG + 2, fontweight="bold")
        words(axes, middle, 2.07, str(cell), fontsize=BIG + 4)
        words(axes, middle, 1.25, f"{share:.0%}", color=POLICY.ink, fontsize=BIG)
        _pull(axes, middle, slope, np.abs(slopes).max())
    circle = {"markerfacecolor": "none", "markeredgecolor": POLICY.color, "markeredgewidth": 2.5}
    axes.plot(left + 0.5 * wide, 2.07, "o", markersize=33, **circle)
    words(axes, left + 0.5 * wide, 3.38, "start", color=POLICY.ink, fontsize=SMALL)
    ways = ", ".join(f"{slope:+.3f}" for slope in slopes)
    return style.say(
        figure,
        f"The corridor: six cells, a step taken in cell 0 pays 0.1, in cell 5 it pays 1; the exact "
        f"gradient in the logit of going right is {ways} in cells 0 to 5.",
    )


def _pull(axes, x, slope, longest):
    """The slope of one cell as an arrow to the right or to the left, and as a number."""
    role = POSITIVE if slope > 0 else NEGATIVE
    reach = 0.46 * slope / longest
    if abs(reach) > 0.03:
        look = {"width": 0.06, "head_width": 0.24, "head_length": min(0.17, 2 * abs(reach)), "color": role.color}
        axes.arrow(x - reach, 0.62, 2 * reach, 0, length_includes_head=True, **look)
    words(axes, x, 0.27, f"{slope:+.3f}".replace("-", "−"), color=role.ink)


@style.styled
def pushes(name, seen):
    """Mean push of one estimator on the logit of "right", cell by cell, beside the exact gradient.

    Args:
        name: the estimator.
        seen: names, means and errors [estimators, cells], truth [cells], cosines.
    """
    figure, axes = style.new_figure(9, 4.4, left=0.11, right=0.985, bottom=0.15, top=0.86)
    cells, k, look = np.arange(len(seen.truth)), seen.names.index(name), LOOK[name]
    axes.bar(cells, seen.truth, 0.86, facecolor="#e4e4e4", edgecolor=NEUTRAL.color, zorder=1)
    style.zero_line(axes, zorder=2)
    bars = {"fmt": look.marker, "color": look.color, "ecolor": look.ink, "markeredgecolor": look.ink}
    axes.errorbar(cells, seen.means[k], 2 * seen.errors[k], markersize=11, elinewidth=2, capsize=4, zorder=4, **bars)
    words = f"{NAMES[name]}: cosine with the exact gradient {number(seen.cosines[k])}"
    axes.text(0.02, 0.93, words, transform=axes.transAxes, color=look.ink, fontweight="bold", va="center")
    head = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.09, 0.93, "Push on “right” in each cell (grey bars: the exact gradient)", **head)
    axes.set(xlabel="cell", ylabel="slope", xticks=cells, ylim=(-0.35, 1.85))
    return style.say(figure, f"Corridor with a toll on steps to the right; {words}.")
