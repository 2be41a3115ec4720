"""The causality matrix: which cells carry the gradient, and which carry noise."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Polygon, Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import canvas, words
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE
from rlcourse.lessons.reward_to_go.plots.looks import BIG, SMALL, brief

SHADE, EDGE = "#e3e3e3", "#9d9d9d"


@style.styled
def causality(steps, gamma, episodes, dropped, cells):
    """Pairs (score of t, reward of t'), averaged over some episodes, and what their sum comes to.

    Args:
        steps, gamma: length of the episodes and discount.
        episodes: how many are averaged; None for the exact means.
        dropped: whether the rewards of the past are left out.
        cells: share, sampled, and kept, removed, total: each mean, its standard error, variance.
    """
    figure, axes = canvas(9, 5.0)
    values = cells.share if episodes is None else cells.sampled[episodes]
    averaged = (
        "Exact means" if episodes is None else f"Mean of {episodes:,} episodes" if episodes > 1 else "One episode"
    )
    words(
        axes, 0.70, 4.75, f"{averaged}: score of step $t$ × reward of step $t'$", ha="left", fontsize=BIG, weight="bold"
    )
    _hinton(axes, 0.75, 0.70, 3.9, 3.75, values / np.abs(values).max(), dropped)
    words(axes, 2.70, 0.20, "reward of step $t'$")
    words(axes, 0.16, 2.55, "score of step $t$", rotation=90)
    for y, word, role in ((3.95, "■ along the gradient", POSITIVE), (3.60, "■ against it (hatched)", NEGATIVE)):
        words(axes, 5.05, y, word, ha="left", color=role.ink)
    words(axes, 5.05, 3.25, "area: size, the largest is 1", ha="left", fontsize=SMALL, color=NEUTRAL.ink)
    _sums(axes, cells, dropped)
    mean, error, variance = cells.kept if dropped else cells.total
    said = (
        f"{steps} steps, discount {gamma:g}, {averaged[0].lower()}{averaged[1:]}: the estimate from one episode "
        f"{'without' if dropped else 'with'} rewards of the past has mean {number(mean)} ± {number(2 * error)} along "
        f"the gradient and variance {brief(variance)}."
    )
    if dropped:
        said += (
            f" Left out: mean {number(cells.removed[0])} ± {number(2 * cells.removed[1])}, variance "
            f"{brief(cells.removed[2])}, twice the covariance with the rest {brief(cells.covariance)}."
        )
    return style.say(figure, said)


def _sums(axes, cells, dropped):
    """Mean and variance of the estimate; of what is left out, too, once it is."""
    mean, error, variance = cells.kept if dropped else cells.total
    lines = [
        ("The estimate from one episode", {"weight": "bold"}),
        (f"mean {number(mean)} ± {number(2 * error)}   (1 = the gradient)", {}),
        (f"variance {brief(variance)}", {}),
    ]
    if dropped:
        past = cells.removed
        lines += [
            ("Left out", {"weight": "bold", "color": NEUTRAL.ink}),
            (f"mean {number(past[0])} ± {number(2 * past[1])}", {"color": NEUTRAL.ink}),
            (f"variance {brief(past[2])}, 2 × covariance {brief(cells.covariance)}", {"color": NEUTRAL.ink}),
        ]
    for row, (line, look) in enumerate(lines):
        words(axes, 5.05, 2.72 - 0.31 * row - 0.1 * (row > 2), line, ha="left", **look)
    longest = 3.6 / max(cells.total[2], cells.kept[2])
    y, tall = 0.42, 0.26
    axes.add_patch(Rectangle((5.05, y), variance * longest, tall, facecolor=POLICY.color, edgecolor=POLICY.ink))
    if dropped and cells.total[2] > variance:
        rest = (cells.total[2] - variance) * longest
        look = {"facecolor": "none", "edgecolor": EDGE, "hatch": "///"}
        axes.add_patch(Rectangle((5.05 + variance * longest, y), rest, tall, **look))
    words(axes, 5.05, 0.20, "bar: variance", ha="left", fontsize=SMALL, color=NEUTRAL.ink)


def _hinton(axes, left, bottom, wide, tall, values, dropped):
    """Squares whose area is the value; hatched for negative ones. Below the diagonal lies the past, shaded."""
    steps = len(values)
    dx, dy = wide / steps, tall / steps
    top = bottom + tall
    _past(axes, left, bottom, dx, dy, steps, dropped)
    axes.add_patch(Rectangle((left, bottom), wide, tall, facecolor="none", edgecolor=INK, linewidth=1.0, zorder=3))
    rows, columns = np.mgrid[:steps, :steps]
    shown = ~(dropped & (columns < rows))
    for chosen, look in (((values > 0) & shown, POSITIVE), ((values < 0) & shown, NEGATIVE)):
        half = 0.46 * min(dx, dy) * np.sqrt(np.abs(values[chosen]))
        keep = half > 0.008
        x = (left + (columns[chosen] + 0.5) * dx)[keep]
        y = (top - (rows[chosen] + 0.5) * dy)[keep]
        if len(x):
            half = half[keep]
            corners = np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])
            squares = {"facecolors": look.color, "edgecolors": look.ink, "hatch": look.hatch, "linewidths": 1.0}
            axes.add_collection(PolyCollection(np.moveaxis(corners, -1, 0), zorder=2, **squares))
    for k in range(0, steps, 1 if steps <= 8 else 2):
        words(axes, left + (k + 0.5) * dx, bottom - 0.17, str(k), fontsize=SMALL)
        words(axes, left - 0.08, top - (k + 0.5) * dy, str(k), ha="right", fontsize=SMALL)


def _past(axes, left, bottom, dx, dy, steps, dropped):
    """The cells below the diagonal as one shaded stair, with its name."""
    top = bottom + steps * dy
    stairs = [(left, bottom), (left, top - dy)]
    for k in range(1, steps):
        stairs += [(left + k * dx, top - k * dy), (left + k * dx, top - (k + 1) * dy)]
    axes.add_patch(Polygon(stairs, facecolor=SHADE, edgecolor="none", zorder=0))
    if dropped:
        look = {"ha": "left", "fontsize": SMALL, "color": NEUTRAL.ink, "fontweight": "bold", "zorder": 4}
        words(axes, left + 0.06, bottom + 0.14, "past: left out", **look)
