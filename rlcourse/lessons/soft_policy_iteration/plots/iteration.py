"""Soft policy iteration: at work on a grid world, and against value iteration."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number, power_of_ten
from rlcourse.course.figures.style import BALL, INK, NEGATIVE, NEUTRAL, POLICY, VALUE
from rlcourse.lessons.soft_policy_iteration.plots.looks import BIG, DASHES, PALE_RED

GREENS = LinearSegmentedColormap.from_list("greens", ("#ffffff", "#cfeade", "#7fcbb0", "#009e73"))


class World(NamedTuple):
    """The grid world: its cells by number."""

    cells: list[int]
    """Those that are not terminal."""
    goal: int
    pit: int
    start: int
    pays: float
    """What the goal pays; the pit pays as much below zero."""


class Progress(NamedTuple):
    """How far soft policy iteration has come."""

    rounds: int
    """Improvements so far."""
    backups: int
    """Since the last one."""
    errors: np.ndarray
    """Largest error of Q after 0, 1, ..., `backups` backups."""
    changes: list[np.ndarray]
    """Exact changes of Q by each round so far, [cells, 4]."""


def _wedges(size, cells):
    """The four triangles of every cell: up, right, down, left; [cells, 4, 3, 2]."""
    shapes = []
    for cell in cells:
        row, column = divmod(cell, size)
        corners = [(column, -row), (column + 1, -row), (column + 1, -row - 1), (column, -row - 1)]
        middle = (column + 0.5, -row - 0.5)
        shapes.append([(corners[k], corners[(k + 1) % 4], middle) for k in range(4)])
    return np.array(shapes)


def _kites(size, cells, policy):
    """An arrow for every action, as long as it is likely."""
    directions = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)], dtype=float)
    shapes = []
    for cell, chances in zip(cells, policy, strict=True):
        row, column = divmod(cell, size)
        middle = np.array([column + 0.5, -row - 0.5])
        for ahead, p in zip(directions, chances, strict=True):
            if p < 0.01:  # too short to be seen as an arrow
                continue
            aside, base = 0.06 * ahead[::-1], middle + 0.07 * ahead
            shapes.append([base + aside, base + 0.4 * p * ahead, base - aside])
    return shapes


@style.styled
def microscope(policy, table, world, progress, *, alpha, gamma, scores, forget):
    """A grid world under the microscope: values and policy, the error of evaluation, the change by improvement.

    Args:
        policy, table: π(a|s) and the estimate of Q, [cells, 4], actions up, right, down, left.
        world: the `World`.
        progress: the `Progress`.
        alpha, gamma: α, γ.
        scores: (reward, soft value, entropy) from the start cell.
        forget: whether the policy is exp(Q) instead of exp(Q/α).
    """
    figure, (board, errors_at, changes_at) = style.new_figure(10, 5.9, 1, 3)
    board.set_position((0.015, 0.06, 0.47, 0.8))
    errors_at.set_position((0.585, 0.56, 0.4, 0.28))
    changes_at.set_position((0.585, 0.1, 0.4, 0.28))
    setting = f"α = {alpha:g}, γ = {number(gamma)}, {'π = softmax(Q)' if forget else 'π = softmax(Q/α)'}"
    color = NEGATIVE.ink if forget and alpha != 1 else INK
    figure.text(0.02, 0.957, setting, fontsize=BIG, fontweight="bold", va="center", color=color)
    reward, soft, entropy = scores
    earned = f"from the start: reward {number(reward)}, soft V {number(soft)}"
    figure.text(0.985, 0.957, earned, ha="right", va="center", fontsize=style.BASE_SIZE + 1)
    _board(board, policy, table, world, progress)
    least = "< 10⁻⁶" if progress.errors[-1] < FLOOR else f"{progress.errors[-1]:.2g}"
    _errors(errors_at, progress, gamma)
    errors_at.set_title(f"evaluate, backup {progress.backups}: error {least}")
    _changes(changes_at, progress.changes, progress.rounds)
    said = (
        f"Soft policy iteration on a grid world, {setting}: after round "
        f"{progress.rounds} and {progress.backups} backups the largest error of Q is {least}; from the start the "
        f"policy earns reward {number(reward)} with soft value {number(soft)} and entropy {number(entropy)} nats at "
        "the start"
    )
    if progress.changes:
        last = progress.changes[-1]
        said += (
            f"; round {progress.rounds} changed the values by {_small(last.min())} to {_small(last.max())}, "
            f"{int((last < -1e-9).sum())} of {last.size} fell"
        )
    return style.say(figure, said + ".")


FLOOR = 1e-6
"""The smallest error that is drawn."""


def _errors(axes, progress, gamma):
    """The error of evaluation backup by backup, and in dashes how fast γ makes it fall at least."""
    k = np.arange(progress.backups + 1)
    shown = np.log10(np.maximum(progress.errors, FLOOR))
    axes.set_ylim(-6, 3)
    axes.set_xlim(0, 60)
    if progress.backups:
        slope = np.maximum(shown[0] + k * math.log10(gamma), -6)
        axes.plot(k, slope, color=NEUTRAL.ink, linestyle=DASHES, linewidth=2)
    axes.plot(k, shown, color=VALUE.color, linewidth=3.5)
    axes.plot(
        [progress.backups], [shown[-1]], "o", markersize=12, color=BALL, markeredgecolor=INK, zorder=5, clip_on=False
    )
    style.set_ticks(axes.yaxis, (-6, -3, 0, 3), ("10⁻⁶", "0.001", "1", "1000"))
    style.set_ticks(axes.xaxis, (0, 20, 40, 60))
    axes.set_xlabel("backups (dashed: slope log γ)", labelpad=1)


def _small(value):
    """A change with a sign: +1.2, −0.016, +3·10⁻⁵, 0."""
    if abs(value) < 1e-9:
        return "0"
    if abs(value) < 1e-3:
        return ("+" if value > 0 else "−") + power_of_ten(abs(value))
    return (f"{value:+.2g}" if abs(value) < 100 else f"{value:+.0f}").replace("-", "−")


SIZE = 4
"""Cells along a side of the board."""


def _board(axes, policy, table, world, progress):
    """The cells: a wedge for every action, as green as its value is high, and the policy's arrows on it."""
    wedges = _wedges(SIZE, world.cells).reshape(-1, 3, 2)
    values = table.reshape(-1)
    span = values.max() - values.min()
    shades = (values - values.min()) / span if span > 1e-12 else np.zeros_like(values)
    axes.add_collection(PolyCollection(wedges, facecolors=GREENS(shades), edgecolors="#b9c7c0", linewidths=0.7))
    fell = progress.changes[-1].reshape(-1) < -1e-9 if progress.changes else np.zeros(len(wedges), dtype=bool)
    if fell.any():
        hatched = {"facecolors": "none", "edgecolors": NEGATIVE.color, "linewidths": 1.6, "hatch": "///"}
        axes.add_collection(PolyCollection(wedges[fell], zorder=2, **hatched))
        note = f"{int(fell.sum())} of {len(wedges)} values fell in this round (hatched)"
        axes.figure.text(0.02, 0.893, note, va="center", color=NEGATIVE.ink, fontweight="bold")
    kites = _kites(SIZE, world.cells, policy)
    look = {"facecolors": POLICY.ink, "edgecolors": style.CARD, "linewidths": 0.8}
    axes.add_collection(PolyCollection(kites, zorder=4, **look))
    _special_cells(axes, world)
    axes.set_xlim(-0.03, SIZE + 0.03)
    axes.set_ylim(-SIZE - 0.03, 0.03)
    axes.set_aspect("equal")
    axes.axis("off")
    # Without a backup since the last round the values are still those of the policy before.
    whose = f"Q of round {progress.rounds - 1}:" if progress.rounds and not progress.backups else "Q"
    low, high = number(values.min()), number(values.max())
    told = f"{whose} from {low} (white) to {high} (green)" if span > 1e-12 else f"Q = {low} everywhere"
    axes.figure.text(0.035, 0.03, told, va="center")


def _special_cells(axes, world):
    """The lines between cells, goal and pit with what they pay, and a frame around the start."""
    edges = [[(0, -k), (SIZE, -k)] for k in range(SIZE + 1)] + [[(k, 0), (k, -SIZE)] for k in range(SIZE + 1)]
    axes.add_collection(LineCollection(edges, colors=INK, linewidths=1.5, zorder=5))
    look = {"ha": "center", "va": "center", "fontsize": BIG + 2, "fontweight": "bold"}
    for cell, text, color in ((world.goal, f"+{world.pays:g}", "#cfe3f1"), (world.pit, f"−{world.pays:g}", PALE_RED)):
        row, column = divmod(cell, SIZE)
        axes.add_patch(Rectangle((column, -row - 1), 1, 1, facecolor=color, edgecolor=INK, linewidth=1.5, zorder=3))
        axes.text(column + 0.5, -row - 0.5, text, zorder=6, **look)
    row, column = divmod(world.start, SIZE)
    frame = (column + 0.03, -row - 0.97), 0.94, 0.94
    axes.add_patch(Rectangle(*frame, fill=False, edgecolor=BALL, linewidth=4, zorder=5))


def _signed_log(values, unit=1e-4):
    return np.sign(values) * np.log10(1 + np.abs(values) / unit)


def _changes(axes, changes, rounds):
    """From the smallest to the largest change of Q in every round; what lies below zero is a broken promise."""
    axes.set_xlim(0.4, 6.6)
    axes.set_ylim(*_signed_log(np.array([-300.0, 3000.0])))
    style.zero_line(axes)
    for k, change in enumerate(changes, start=1):
        low, high = (0.0 if abs(x) < 1e-9 else x for x in (change.min(), change.max()))
        for bottom, top, role in ((max(low, 0), max(high, 0), POLICY), (min(low, 0), min(high, 0), NEGATIVE)):
            if bottom == top == 0:
                continue
            y0, y1 = _signed_log(np.array([bottom, top]))
            axes.add_patch(Rectangle((k - 0.22, y0), 0.44, max(y1 - y0, 0.02), **role.bar(), zorder=2))
    ticks = (-100, -1, -0.01, 0, 0.01, 1, 100)
    style.set_ticks(axes.yaxis, _signed_log(np.array(ticks)), [f"{t:g}".replace("-", "−") for t in ticks])
    style.set_ticks(axes.xaxis, range(1, 7))
    axes.set_xlabel("round", labelpad=1)
    if changes:
        axes.set_title(f"round {rounds}: change {_small(changes[-1].min())} to {_small(changes[-1].max())}")
    else:
        axes.set_title("improve: no round yet")


@style.styled
def two_roads(rounds, sweeps, *, gamma):
    """Distance from the soft optimum of many MDPs: by rounds of policy iteration, by sweeps of value iteration.

    Args:
        rounds, sweeps: largest errors, [n, k] each; the first column is the start.
        gamma: γ, for the line of slope log γ.
    """
    figure, (left, right) = style.new_figure(10, 4.3, 1, 2, left=0.115, right=0.985, bottom=0.15, top=0.88, wspace=0.12)
    floor = 1e-14
    for axes, table, role, name, unit in (
        (left, rounds, POLICY, "soft policy iteration", "rounds"),
        (right, sweeps, VALUE, "soft value iteration", "sweeps"),
    ):
        lines = [np.column_stack([np.arange(len(row)), np.maximum(row, floor)]) for row in table]
        axes.add_collection(LineCollection(lines, colors=role.color, linewidths=1.2, alpha=0.6))
        axes.set_yscale("log")
        axes.set_ylim(floor, 300)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_xlim(0, table.shape[1] - 1)
        axes.set_title(name, color=role.ink)
        axes.set_xlabel(unit, labelpad=1)
        places = (1e-12, 1e-8, 1e-4, 1)
        style.set_ticks(axes.yaxis, places, ("10⁻¹²", "10⁻⁸", "10⁻⁴", "1") if axes is left else [""] * 4)
    left.set_ylabel("largest error of V", labelpad=2)
    left.text(0.97, 0.9, "below 10⁻¹⁴: drawn at 10⁻¹⁴", transform=left.transAxes, ha="right", va="center")
    style.set_ticks(left.xaxis, range(rounds.shape[1]))
    style.set_ticks(right.xaxis, range(0, sweeps.shape[1], 50))
    k = np.arange(sweeps.shape[1])
    right.plot(k, 30 * gamma**k, color=INK, linestyle=DASHES, linewidth=2)
    right.text(
        0.97, 0.9, f"dashed: falls by γ = {gamma:g} per sweep", transform=right.transAxes, ha="right", va="center"
    )
    return style.say(
        figure,
        f"Distance from the soft optimum on {len(rounds)} random MDPs: policy iteration is within 1e-8 after at most "
        f"{int((rounds >= 1e-8).sum(1).max())} rounds, value iteration after {int((sweeps >= 1e-8).sum(1).max())} "
        "sweeps.",
    )


@style.styled
def yours_beside(yours, course, *, close):
    """Distance from the soft optimum by rounds: the student's, one dot per MDP, and the exact iteration's as lines.

    Args:
        yours: largest error of V, [MDPs, rounds so far + 1].
        course: the same of the exact iteration, [MDPs, rounds + 1].
        close: what counts as solved.
    """
    figure, axes = style.new_figure(10, 4.3, left=0.115, right=0.985, bottom=0.15, top=0.88)
    floor = 1e-14
    lines = [np.column_stack([np.arange(len(row)), np.maximum(row, floor)]) for row in course]
    axes.add_collection(LineCollection(lines, colors=NEUTRAL.color, linewidths=1.2, alpha=0.7))
    rounds = np.broadcast_to(np.arange(yours.shape[1]), yours.shape)
    axes.plot(rounds.ravel(), np.maximum(yours, floor).ravel(), "o", markersize=8, color=POLICY.color, clip_on=False)
    axes.axhline(close, color=INK, linestyle=DASHES, linewidth=2)
    axes.set_yscale("log")
    axes.set_ylim(floor, 300)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(-0.2, course.shape[1] - 0.8)
    style.set_ticks(axes.yaxis, (1e-12, 1e-8, 1e-4, 1), ("10⁻¹²", "10⁻⁸", "10⁻⁴", "1"))
    style.set_ticks(axes.xaxis, range(course.shape[1]))
    axes.set_xlabel("rounds of improvement", labelpad=1)
    axes.set_ylabel("largest error of V", labelpad=2)
    axes.set_title("dots: yours    lines: the course's    dashed: solved")
    solved, last = int((yours[:, -1] < close).sum()), yours.shape[1] - 1
    said = f"Distance from the soft optimum on {len(yours)} random MDPs: after {last} rounds yours is within 1e-8 on "
    return style.say(figure, f"{said}{solved}, the course's on {int((course[:, last] < close).sum())}.")
