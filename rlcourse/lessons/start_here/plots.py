"""Figures: a policy network, and the loop between agent and environment."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import arrow, box, canvas, words
from rlcourse.course.figures.format import number, subscript

TINTED = {"facecolor": style.HIGHLIGHT.color, "alpha": 0.25, "edgecolor": "none"}
"""The ground of what the reader should look at."""


NAMES_OF_ACTIONS = ("left", "right")
ROLES_OF_ACTIONS = (style.NEGATIVE, style.POLICY)
STATE = ("position", "speed", "angle", "its change")


@style.styled
def policy(logits, probabilities, drawn):
    """A network that has put out two logits, their softmax, and actions drawn from it.

    Args:
        logits: of left and of right.
        probabilities: π(left|s) and π(right|s).
        drawn: boolean, one entry per draw: True is right.
    """
    figure, axes = canvas(9, 4.9)
    _network(axes, logits)
    for x, title in ((0.2, "state"), (1.75, "network"), (3.75, "logits"), (5.75, "probabilities π(a|s)")):
        axes.text(x, 4.6, title, fontsize=14.5, fontweight="bold", va="center")
    for y, name, share, role in zip((3.7, 2.35), NAMES_OF_ACTIONS, probabilities, ROLES_OF_ACTIONS, strict=True):
        arrow(axes, (5.05, y), (5.6, y), style.INK, width=2.0, head=16)
        box(
            axes, 5.75, y - 0.3, 3.0, 0.6, rounding=0.02, facecolor="none", edgecolor=style.NEUTRAL.color, linewidth=1.2
        )
        axes.add_artist(Rectangle((5.75, y - 0.3), 3.0 * share, 0.6, **role.bar()))
        axes.text(5.75, y + 0.48, f"{name} {share:.3f}", fontsize=15, va="center", color=role.ink, fontweight="bold")
    _draws(axes, drawn)
    left, right = logits
    return style.say(
        figure,
        f"A policy with logits {number(left, 1)} for left and {number(right, 1)} for right: probabilities "
        f"{probabilities[0]:.3f} and {probabilities[1]:.3f}; of {len(drawn)} draws {drawn.sum()} are right.",
    )


def _network(axes, logits):
    """Four numbers of a state, a hidden layer, and a logit per action."""
    inputs = [(1.3, y) for y in np.linspace(4.0, 2.05, 4)]
    hidden = [(2.4, y) for y in np.linspace(4.15, 1.9, 6)]
    outputs = [(3.5, 3.7), (3.5, 2.35)]
    lines = [[a, b] for first, second in ((inputs, hidden), (hidden, outputs)) for a in first for b in second]
    axes.add_collection(LineCollection(lines, colors=style.NEUTRAL.color, linewidths=0.8, zorder=1))
    for x, y in (*inputs, *hidden):
        axes.add_artist(Circle((x, y), 0.1, facecolor=style.CARD, edgecolor=style.INK, linewidth=1.4, zorder=3))
    for (_, y), name in zip(inputs, STATE, strict=True):
        axes.text(1.12, y, name, ha="right", va="center", fontsize=12)
    for (x, y), logit, role in zip(outputs, logits, ROLES_OF_ACTIONS, strict=True):
        axes.add_artist(Circle((x, y), 0.12, facecolor=role.color, edgecolor=role.ink, linewidth=1.4, zorder=3))
        axes.text(4.45, y, number(logit, 1), fontsize=20, fontweight="bold", ha="center", va="center", color=role.ink)
    words(axes, 2.4, 1.55, "weights θ on every line", fontsize=12)


def _draws(axes, drawn):
    """The drawn actions in a row of arrows, and how many of them are right."""
    count = f"{len(drawn)} actions, drawn with these probabilities: {drawn.sum()} right, {(~drawn).sum()} left"
    axes.text(0.2, 1.05, count, fontsize=14.5, fontweight="bold", va="center")
    for place, right in enumerate(drawn):
        x, role = 0.4 + 0.43 * place, ROLES_OF_ACTIONS[int(right)]
        ends = ((x - 0.16, 0.45), (x + 0.16, 0.45))
        arrow(axes, *(ends if right else ends[::-1]), role.ink, width=3.0, head=16)


CELL, CORRIDOR = 0.46, (4.62, 4.14)  # inches: side of a cell, lower left corner of cell 0
RECORD, LINE = (0.22, 2.72), 0.315  # inches: the record's heading, and from line to line
HEADING = " t  s  action  reward  next s   terminated truncated"


@style.styled
def interaction(rows, shown, *, gamma, exits, verdict):
    """Agent and environment after `shown` steps: the exchange, the record so far, and the return so far.

    Args:
        rows: the whole episode, (state, action name, reward, next state or None outside, terminated, truncated).
        shown: how many of its steps have happened.
        gamma: γ.
        exits: what leaving on the left and on the right pays.
        verdict: one or two sentences on where things stand.
    """
    figure, axes = canvas(9, 5.3)
    _exchange(axes, rows, shown)
    _corridor(axes, rows, shown, exits)
    axes.text(0.2, 3.2, verdict, fontsize=14, va="center", fontweight="bold")
    _record(axes, rows[:shown])

    rewards = np.array([row[2] for row in rows])
    worth = gamma ** np.arange(len(rows)) * rewards
    earned = number(worth[:shown].sum(), 3)
    axes.text(6.3, 2.8, "return so far", fontsize=14, va="center")
    axes.text(6.3, 2.46, f"Σ γᵗ rₜ = {earned}", fontsize=16, fontweight="bold", va="center")
    axes.text(6.3, 0.13, "dashed: paid    filled: counted", fontsize=11.5, va="center")
    _earnings(figure.add_axes((0.70, 0.125, 0.285, 0.29)), rewards, worth, shown)

    last = f" The last reward was {number(rewards[shown - 1], 2)}." if shown else ""
    return style.say(
        figure,
        f"Two exits, after {shown} step{'s' * (shown != 1)}. {verdict}{last} "
        f"The return so far, discounted with γ = {gamma:g}, is {earned}.",
    )


def _exchange(axes, rows, shown):
    """The agent sends an action; the environment answers with a reward and the next state."""
    for x, width, name in ((0.2, 1.75, "agent"), (3.95, 4.85, "environment")):
        box(axes, x, 3.52, width, 1.66, facecolor=style.CARD, edgecolor=style.INK, linewidth=1.6, zorder=0)
        axes.text(x + 0.15, 4.95, name, fontsize=15, fontweight="bold", va="center")
    words(axes, 1.075, 4.2, "tosses a coin:\nleft or right", linespacing=1.4)
    said, heard = "no action yet", f"s₀ = {rows[0][0]}"
    if shown:
        _, action, reward, following, *_ = rows[shown - 1]
        said = f"a{subscript(shown - 1)} = {action}"
        after = "outside" if following is None else following
        heard = f"r{subscript(shown - 1)} = {number(reward, 2)}\ns{subscript(shown)} = {after}"
    answer = style.REWARD.ink
    question = style.ACTION.ink if shown else style.NEUTRAL.ink
    arrow(axes, (1.98, 4.7), (3.93, 4.7), question, width=2.6, head=22, gap=2, zorder=1)
    arrow(axes, (3.93, 4.26), (1.98, 4.26), answer, width=2.6, head=22, gap=2, zorder=1)
    look = {"ha": "center", "fontsize": 14, "fontweight": "bold"}
    axes.text(2.95, 4.94, said, va="center", color=question, **look)
    axes.text(2.95, 4.12, heard, va="top", color=answer, linespacing=1.4, **look)


def _corridor(axes, rows, shown, exits):
    """Seven cells with a door at each end; the walker, and where it stood one step ago."""
    left, floor = CORRIDOR

    def middle(place):
        return left + (place + 0.5) * CELL, floor + CELL / 2

    walls = left + CELL * np.arange(8)
    axes.vlines(walls, floor, floor + CELL, color=style.INK, linewidth=1.2)
    axes.hlines([floor, floor + CELL], walls[0], walls[-1], color=style.INK, linewidth=1.2)
    for cell in range(7):
        words(axes, middle(cell)[0], floor - 0.17, str(cell))
    for place, pay in zip((-1, 7), exits, strict=True):
        x, _ = middle(place)
        axes.text(x, floor - 0.04, f"+{pay:g}\nexit", ha="center", va="top", color=style.REWARD.ink, fontweight="bold")
    before = rows[shown - 1][0] if shown else None
    place = rows[shown - 1][3] if shown else rows[0][0]
    if place is None:
        place = 7 if before == 6 else -1
    if before is not None:
        look = {"facecolor": style.CARD, "edgecolor": style.POLICY.ink, "linestyle": ":", "linewidth": 1.8}
        axes.add_artist(Circle(middle(before), 0.15, **look))
        (x, y), (to, _) = middle(before), middle(place)
        bend = -0.45 if to > x else 0.45
        ends = (x, y + 0.25), (to, y + 0.25)
        arrow(axes, *ends, style.ACTION.ink, width=2.2, head=16, bend=bend, gap=2, zorder=1)
    axes.add_artist(Circle(middle(place), 0.15, facecolor=style.POLICY.color, edgecolor=style.POLICY.ink, zorder=4))


def _record(axes, rows):
    """The rows recorded so far, one line of typewriter letters each; the newest one on a tinted ground."""
    x, top = RECORD
    look = {"family": "DejaVu Sans Mono", "fontsize": 12, "va": "center"}
    axes.text(x, top, HEADING, fontweight="bold", **look)
    axes.plot([x - 0.05, 5.62], [top - 0.2, top - 0.2], color=style.INK, linewidth=1.2)
    for t, (state, action, reward, following, terminated, truncated) in enumerate(rows):
        y, ended = top - LINE * (t + 1.1), terminated or truncated
        if t == len(rows) - 1:
            axes.add_artist(Rectangle((x - 0.05, y - LINE / 2), 5.45, LINE, **TINTED))
        after = "outside" if following is None else following
        line = f"{t:2}  {state}  {action:6}  {number(reward, 2):>6}  {after!s:7}  {terminated!s:10} {truncated!s}"
        axes.text(x, y, line, fontweight="bold" if ended else "normal", **look)


def _earnings(axes, rewards, worth, shown):
    """Each reward as paid (outline) and as counted from the start (filled)."""
    times = np.arange(shown)
    axes.bar(times, worth[:shown], width=0.7, **style.REWARD.bar())
    axes.bar(times, rewards[:shown], width=0.7, facecolor="none", edgecolor=style.INK, linestyle="--", linewidth=1.4)
    style.zero_line(axes)
    low, high = min(-0.1, rewards.min()), max(1.0, rewards.max())
    room = 0.06 * (high - low)
    axes.set(xlim=(-0.6, 5.6), ylim=(low - room, high + room), xticks=range(6), xlabel="t")
    axes.xaxis.labelpad = 0
