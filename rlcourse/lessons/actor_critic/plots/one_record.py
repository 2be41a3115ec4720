"""One record, two readers: a track, and what two learners believe about its cells."""

import numpy as np
from matplotlib.collections import PolyCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import arrow, canvas
from rlcourse.course.figures.format import number
from rlcourse.lessons.actor_critic.plots.looks import BATCH, ONLINE


def _squares(axes, corners, width, height, **look):
    """Rectangles as one artist: corners are their lower left ones."""
    shapes = [[(x, y), (x + width, y), (x + width, y + height), (x, y + height)] for x, y in corners]
    axes.add_collection(PolyCollection(shapes, **look))


LEFT_EDGE, CELL, GAP = 1.36, 1.0, 0.08  # inches: the first column, its width, the space between two
TRACK, ROWS = 3.68, {"batch": (2.46, 1.9), "online": (0.74, 0.18)}  # inches: lower edges
ARROWS = {"L": "←", "R": "→"}
ROW_HEIGHT = 0.5


def _column(cell):
    """Left edge of a cell's column; -1 and 7 are the places outside."""
    return LEFT_EDGE + cell * (CELL + GAP)


@style.styled
def readers(moment, *, moves, episode, step, exits, step_size):
    """A track with the walker on it, and under each cell what two learners believe about it.

    Args:
        moment: `path` (cells, -1 and 7 outside), `rewards`, `delta`, and the readers `batch` and `online`, each with
            `values`, `right`, the same `_before` the last step, and `updates`.
        moves: of the whole episode, "L" and "R".
        episode, step: where the record stands.
        exits: what leaving on the left and on the right pays.
        step_size: η.
    """
    figure, axes = canvas(10, 5.0)
    last_step = len(moves)
    _track(axes, moment.path, exits)
    head = f"episode {episode}, " + (f"step {step} of {last_step}:" if step else "before the first step")
    _record(axes, head, moves[:step], moment.rewards)
    _hints(axes)
    waiting, online_news = "nothing to read yet", "nothing to read yet"
    if step:
        waiting = f"{step} step{'s' * (step > 1)} waiting, nothing moves"
        online_news = f"δ = {number(moment.delta, 3)}, only cell {moment.path[-2]} moves"
    if step == last_step:
        waiting = f"all {last_step} steps read at once"
    _reader(axes, "batch", BATCH, moment.batch, waiting)
    _reader(axes, "online", ONLINE, moment.online, online_news)
    return style.say(
        figure,
        f"Episode {episode}, step {step} of {last_step}, η = {step_size:g}. Batch, {moment.batch.updates} updates: "
        f"{waiting}; {_learned(moment.batch)}. Online, {moment.online.updates} updates: {online_news}; "
        f"{_learned(moment.online)}.",
    )


def _record(axes, head, moves, rewards):
    """What has happened so far: where the record stands, the moves, and the last reward."""
    look = {"fontsize": style.BASE_SIZE + 2, "fontweight": "bold", "va": "center"}
    axes.text(0.15, 4.73, head, **look)
    if moves:
        way = "".join(ARROWS[move] for move in moves)
        axes.text(3.05, 4.73, way, color=style.ACTION.ink, **{**look, "fontsize": style.BASE_SIZE + 3})
        axes.text(4.95, 4.73, f"reward {number(rewards[-1])}", color=style.REWARD.ink, **look)


def _hints(axes):
    """What frames, hatches and bars say, beside the first of each."""
    look = {"fontsize": style.SMALLEST_SIZE, "va": "center"}
    axes.text(8.15, 4.73, "framed: just moved", color=style.HIGHLIGHT.ink, **look)
    value_row, policy_row = ROWS["batch"]
    for y, text in ((value_row, "hatched:\nbelow 0"), (policy_row, "bar: away\nfrom ½")):
        axes.text(_column(7) + 0.02, y + ROW_HEIGHT / 2, text, color=style.NEUTRAL.ink, **look)


def _reader(axes, name, role, reader, news):
    """One learner: what is new, and its values and policy."""
    value_row, policy_row = ROWS[name]
    heading = f"{name}: {reader.updates} update{'s' * (reader.updates != 1)} so far;  {news}"
    look = {"color": role.ink, "fontweight": "bold", "fontsize": style.BASE_SIZE + 1}
    axes.text(0.15, value_row + 0.76, heading, va="center", **look)
    _value_row(axes, value_row, reader.values, reader.values_before)
    _policy_row(axes, policy_row, reader.right, reader.right_before)


def _learned(reader):
    """Three numbers of a learner, for the alt text."""
    return (
        f"V(6) = {number(reader.values[6], 3)}, V(3) = {number(reader.values[3], 3)}, "
        f"π(right|6) = {number(reader.right[6], 3)}"
    )


def _track(axes, path, exits):
    """Seven cells between two exits, the walker, and its last move as a bent arrow."""
    look = {"facecolor": "#efefef", "edgecolor": style.NEUTRAL.ink, "linewidth": 1.2}
    _squares(axes, [(_column(cell), TRACK) for cell in range(7)], CELL, 0.5, **look)
    look = {"fontsize": style.SMALLEST_SIZE, "va": "center", "color": style.NEUTRAL.ink}
    for cell in range(7):
        axes.text(_column(cell) + 0.09, TRACK + 0.37, str(cell), **look)
    y = TRACK + 0.25
    look = {"va": "center", "color": style.REWARD.ink, "fontweight": "bold", "linespacing": 1.2}
    axes.text(_column(-1) + CELL - 0.05, y, f"exit\n{exits[0]:+.1f}", ha="right", **look)
    axes.text(_column(7) + 0.02, y, f"exit\n{exits[1]:+.1f}", ha="left", **look)
    x = [_column(cell) + (CELL / 2 if 0 <= cell < 7 else (0.5 * CELL if cell < 0 else 0.2)) for cell in path]
    if len(path) > 1:
        bend, ends = -0.45 if x[-1] > x[-2] else 0.45, [(at, y + 0.28) for at in x[-2:]]
        arrow(axes, *ends, style.ACTION.ink, head=20, bend=bend, gap=2, zorder=1)
    if 0 <= path[-1] < 7:
        axes.plot(x[-1], y, marker="o", markersize=17, color=style.ACTION.color, markeredgecolor=style.ACTION.ink)


def _labels(axes, y, name, role):
    axes.text(LEFT_EDGE - 0.12, y + ROW_HEIGHT / 2, name, ha="right", va="center", color=role.ink, fontweight="bold")


def _value_row(axes, y, values, before):
    """Numbers on cells, the greener the more a cell is worth; hatched where it is worth less than nothing."""
    _labels(axes, y, "V", style.VALUE)
    depth = np.clip(values, 0, 1)[:, None]
    for hatch, chosen in (("", values >= 0), ("///", values < 0)):
        corners = [(_column(cell), y) for cell in np.flatnonzero(chosen)]
        if corners:
            tint = 1 - 0.75 * depth[chosen] * (1 - np.array([[0.0, 0.62, 0.45]]))
            _squares(
                axes,
                corners,
                CELL,
                ROW_HEIGHT,
                facecolor=tint,
                edgecolor=style.NEUTRAL.color,
                hatch=hatch,
                linewidth=0.8,
            )
    _written(axes, y, values, before)


def _policy_row(axes, y, right, before):
    """A bar from the middle of each cell: to the right where right is likelier, to the left where left is."""
    _labels(axes, y, "π(right)", style.POLICY)
    _squares(
        axes,
        [(_column(cell), y) for cell in range(7)],
        CELL,
        ROW_HEIGHT,
        facecolor=style.CARD,
        edgecolor=style.NEUTRAL.color,
        linewidth=0.8,
    )
    bars = []
    for cell, p in enumerate(right):
        middle = _column(cell) + CELL / 2
        end = middle + (p - 0.5) * CELL
        low, high = y + 0.03, y + ROW_HEIGHT - 0.03
        bars.append([(middle, low), (end, low), (end, high), (middle, high)])
    axes.add_collection(PolyCollection(bars, facecolor=style.POLICY.color, alpha=0.35, linewidth=0))
    _written(axes, y, right, before)


def _written(axes, y, numbers, before):
    """The numbers of a row; those that the last step moved are bold and framed."""
    moved = ~np.isclose(numbers, before, rtol=0, atol=1e-12)
    if moved.any():
        corners = [(_column(cell) - 0.01, y - 0.01) for cell in np.flatnonzero(moved)]
        _squares(
            axes,
            corners,
            CELL + 0.02,
            ROW_HEIGHT + 0.02,
            facecolor="none",
            edgecolor=style.HIGHLIGHT.ink,
            linewidth=3.2,
            zorder=4,
        )
    for cell, value in enumerate(numbers):
        axes.text(
            _column(cell) + CELL / 2,
            y + ROW_HEIGHT / 2,
            number(value, 3),
            ha="center",
            va="center",
            fontsize=style.BASE_SIZE + 1,
            fontweight="bold" if moved[cell] else "normal",
            zorder=5,
        )
