"""A trajectory, step by step, in bars and in a table."""

from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import words
from rlcourse.course.figures.format import number, subscript, superscript
from rlcourse.lessons.gae.plots.looks import GAE, WRONG


class Steps(NamedTuple):
    """A few steps of a record; lists of one length."""

    rewards: list[float]
    values: list[float]
    next_values: list[float]
    """V(s_{t+1}) of each step's own next state."""
    terminated: list[bool]
    truncated: list[bool]

    def end(self, t):
        """How step t ends an episode, in words; None if the next step goes on."""
        last = "record ends" if t == len(self.rewards) - 1 else None
        return "terminated" if self.terminated[t] else "truncated" if self.truncated[t] else last


class Estimates(NamedTuple):
    """Three estimates of the same steps, and what they were computed with."""

    deltas: list[float]
    k_step: list[float]
    gae: list[float]
    k: int
    gamma: float
    gae_lambda: float


@style.styled
def trajectory(steps, found):
    """A table of a few steps under the bars of three estimates; walls where episodes end.

    Args:
        steps: the `Steps`.
        found: their `Estimates`.
    """
    figure, (top, table) = style.new_figure(
        10, 6.2, 2, 1, left=0.155, right=0.985, bottom=0.02, top=0.93, hspace=0.0, height_ratios=(1.0, 1.42)
    )
    T = len(steps.rewards)
    _bars(top, found)
    _heads(table, found.k)
    for axes in (top, table):
        axes.set_xlim(-0.5, T - 0.5)
    for t in range(T):
        _column(table, t, steps, found)
        end = steps.end(t)
        if end is None:
            look = {"arrowstyle": "-|>", "color": GAE.ink, "linewidth": 1.6}
            table.annotate("", (t + 0.26, 6.1), (t + 0.74, 6.1), arrowprops=look)
        else:
            _wall(top, table, t, end, T)
    ends = [f"t = {t} {steps.end(t)}" for t in range(T) if steps.terminated[t] or steps.truncated[t]]
    where = f"Ends: {', '.join(ends)}" if ends else "No episode ends"
    return style.say(
        figure,
        f"{where}. TD errors {_list(found.deltas)}; {found.k}-step advantages {_list(found.k_step)}; GAE "
        f"{_list(found.gae)} at γ = {found.gamma:.1f}, λ = {found.gae_lambda:.1f}.",
    )


def _bars(axes, found):
    """Three bars a step, above its column of the table."""
    kinds = ((found.deltas, style.ACTION), (found.k_step, style.VALUE), (found.gae, GAE))
    low = min(0.0, *(min(numbers) for numbers, _ in kinds))
    high = max(0.0, *(max(numbers) for numbers, _ in kinds))
    room = 0.12 * max(high - low, 1e-6) + 0.05
    axes.set_ylim(low - room, high + room)
    for place, (numbers, role) in enumerate(kinds):
        axes.bar(np.arange(len(numbers)) + 0.25 * (place - 1), numbers, 0.23, **role.bar())
    style.zero_line(axes)
    axes.set_xticks([])
    axes.set_title(f"γ = {found.gamma:.1f},  λ = {found.gae_lambda:.1f},  k = {found.k}")
    axes.spines["bottom"].set_visible(False)


ROWS = (0, 1, 2, 3, 4.1, 5.1, 6.1)
"""Heights of the table's rows, from the top."""
INKS = (
    style.INK,
    style.REWARD.ink,
    style.VALUE.ink,
    style.VALUE.ink,
    style.ACTION.ink,
    style.VALUE.ink,
    GAE.ink,
)


def _heads(axes, k):
    """The names of the rows, and lines between what was seen and what is computed from it."""
    axes.set_ylim(7.55, -0.75)
    axes.axis("off")
    power = superscript(k)
    names = ("step", "reward r", "V(s)", "V(next s)", "TD error δ", f"{k}-step Â⁽{power}⁾", "GAE Â")
    for name, ink, y in zip(names, INKS, ROWS, strict=True):
        axes.text(-0.58, y, name, ha="right", va="center", color=ink, fontweight="bold")
    for y in (0.55, 3.55):
        axes.axhline(y, color=style.FAINT, linewidth=1.0)


def _column(axes, t, steps, found):
    """The numbers of one step; behind a terminal state there is no value."""
    ended = steps.terminated[t]
    cells = (
        f"t = {t}",
        number(steps.rewards[t], 1),
        number(steps.values[t], 1),
        "0" if ended else number(steps.next_values[t], 1),
        number(found.deltas[t], 2),
        number(found.k_step[t], 2),
        number(found.gae[t], 2),
    )
    for row, (text, ink, y) in enumerate(zip(cells, INKS, ROWS, strict=True)):
        color = WRONG.ink if row == 3 and ended else ink
        words(axes, t, y, text, color=color, fontweight="bold" if row == 6 else "normal")


def _wall(top, table, t, kind, T):
    """A wall between two episodes, and what stands behind it."""
    role, width, dashes = (WRONG, 3.0, "-") if kind == "terminated" else (style.VALUE, 2.4, (0, (3, 2)))
    x = t + 0.5 if t < T - 1 else t + 0.485
    for axes in (top, table):
        axes.axvline(x, color=role.ink, linewidth=width, linestyle=dashes)
    look = {"color": role.ink, "fontsize": style.SMALLEST_SIZE + 1, "fontweight": "bold"}
    table.text(t + 0.44, 7.1, kind, ha="right", va="center", **look)


def _list(numbers):
    return "(" + ", ".join(number(v, 2) for v in numbers) + ")"


@style.styled
def what_each_sees(steps_left, ks):
    """What a k-step advantage takes from an episode: k rewards, then the critic, and nothing after it.

    Args:
        steps_left: steps until the episode terminates.
        ks: the values of k, one row each.
    """
    figure, axes = style.new_figure(10, 0.62 * len(ks) + 1.5, left=0.135, right=0.99, bottom=0.04, top=0.84)
    for row, k in enumerate(ks):
        for step in range(steps_left):
            _box(axes, step, row, f"r{subscript(step)}" if step < k else "", style.REWARD if step < k else None)
        if k < steps_left:
            _box(axes, k, row, f"V(s{subscript(k)})", style.VALUE)
        axes.text(
            -0.65, row, f"k = {k}" if k < steps_left else "to the end", ha="right", va="center", fontweight="bold"
        )
    axes.text(steps_left - 0.44, (len(ks) - 1) / 2, "end", color=WRONG.ink, fontweight="bold", va="center")
    axes.axvline(steps_left - 0.5, color=WRONG.ink, linewidth=3)
    axes.set_xlim(-0.6, steps_left + 0.1)
    axes.set_ylim(len(ks) - 0.4, -0.6)
    axes.axis("off")
    axes.set_title("rewards, then the critic's word for the rest; every row subtracts V(s₀)")
    rows = "; ".join(
        f"k = {k}: {k} reward{'s' * (k > 1)}, then V" if k < steps_left else "to the end: all rewards, no V" for k in ks
    )
    return style.say(figure, f"What the estimates of step 0 take from an episode of {steps_left} steps. {rows}.")


def _box(axes, step, row, text, role):
    """One step of one estimate: filled with what the estimate takes there, or empty."""
    look = role.bar() if role else {"facecolor": "none", "edgecolor": style.FAINT, "linewidth": 1.2}
    axes.add_patch(Rectangle((step - 0.44, row - 0.36), 0.88, 0.72, **look))
    if text:
        card = {"facecolor": style.CARD, "edgecolor": "none", "alpha": 0.9, "pad": 1.5}
        axes.text(step, row, text, ha="center", va="center", color=role.ink, fontweight="bold", bbox=card)
