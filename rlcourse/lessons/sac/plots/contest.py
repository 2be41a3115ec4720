"""The closing bake-off: six agents against steps and against seconds."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.sac.plots.looks import SMALL, rule

ROLES = {
    "REINFORCE": (NEUTRAL, ":"),
    "A2C": (VALUE, "--"),
    "PPO": (REWARD, "-"),
    "DDPG": (NEGATIVE, "-"),
    "TD3": (HIGHLIGHT, "--"),
    "SAC": (POLICY, "-"),
    "discrete SAC": (POLICY, "-"),
}
"""How an agent looks: its colours, and its line."""
RANGES = {"Pendulum": (-1700, 40, (-1500, -1000, -500, 0)), "CartPole": (0, 520, (0, 100, 200, 300, 400, 500))}
"""Lowest and highest score, and the ticks between."""


@style.styled
def bake_off(curves, table, *, goal, price, task):
    """Scores of agents against environment steps and against seconds, and what the goal cost each of them.

    Args:
        curves: dict from a name to (steps [k], seconds [k], Interval of scores [k]); seconds include those of steps.
        table: dict from a name to (seeds that reached the goal, seeds, steps, seconds), the last two each (mean,
            lowest, highest) of those that did, or None.
        goal: the score to reach.
        price: milliseconds that a step of the environment takes besides computing.
        task: its name.
    """
    figure, both = style.new_figure(11, 7.6, 1, 2, left=0.075, right=0.985, bottom=0.475, top=0.895, wspace=0.10)
    titles = ("environment steps", "seconds of computing" if not price else f"seconds, a step takes {price:g} ms more")
    ticks = RANGES[task][2]
    for i, (axes, title) in enumerate(zip(both, titles, strict=True)):
        _scores(axes, {name: (pair[i], pair[2]) for name, pair in curves.items()}, goal, RANGES[task])
        axes.set_title(f"{title}  (log axis)", fontsize=style.BASE_SIZE, fontweight="normal")
    style.set_ticks(both[1].yaxis, ticks, [""] * len(ticks))
    figure.text(0.075, 0.962, f"{task}: score, without exploration", fontweight="bold", va="center")
    dashed = f"dashed: the goal, {number(goal, 0)}"
    figure.text(0.985, 0.962, dashed, va="center", ha="right", fontsize=SMALL, color=NEUTRAL.ink)
    _costs(figure, table, goal)
    said = []
    for name, (there, seeds, steps, seconds) in table.items():
        cost = f" on average {_write(steps[0], 0)} steps and {_write(seconds[0], 1)} seconds" if steps else ""
        said.append(f"{name} {there} of {seeds} seeds{cost}")
    return style.say(
        figure,
        f"To a score of {number(goal, 0)} on {task}, if a step takes {price:g} ms more: {'; '.join(said)}.",
    )


def _scores(axes, curves, goal, limits):
    """The scores of all agents against one kind of cost, on a log axis by hand: matplotlib's own is slow."""
    bottom, top, ticks = limits
    low = 0.9 * min(x.min() for x, _ in curves.values())
    high = 1.12 * max(x.max() for x, _ in curves.values())
    axes.set(xlim=(np.log10(low), np.log10(high)), ylim=(bottom, top))
    places = [step * 10**k for k in range(-2, 5) for step in (1, 2, 5) if low <= step * 10**k <= high]
    if len(places) > 8:
        places = [place for place in places if not f"{place:g}".strip("0.").startswith("2")]
    style.set_ticks(axes.xaxis, np.log10(places), [f"{t / 1000:g}k" if t >= 1000 else f"{t:g}" for t in places])
    style.set_ticks(axes.yaxis, ticks, [number(tick, 0) for tick in ticks])
    axes.axhline(goal, color=NEUTRAL.ink, linestyle="--", linewidth=1.2)
    for name, (x, middle) in curves.items():
        role, line = ROLES[name]
        x, ends = np.log10(x), np.concatenate([middle.low, middle.high[::-1]])
        outline = np.column_stack([np.concatenate([x, x[::-1]]), np.clip(ends, bottom, top)])
        axes.add_collection(PolyCollection([outline], facecolor=role.color, alpha=0.2, linewidth=0))
        axes.plot(x, np.clip(middle.center, bottom, top), color=role.color, linestyle=line, linewidth=3.0)


def _costs(figure, table, goal):
    """What the goal cost each agent, and how many of its seeds got there."""
    headings = ("seeds there", "environment steps", "seconds in all")
    places = (0.37, 0.68, 0.965)
    look = {"va": "center", "fontsize": SMALL}
    figure.text(0.03, 0.378, f"to reach {number(goal, 0)}", fontweight="bold", **look)
    for place, heading in zip(places, headings, strict=True):
        figure.text(place, 0.378, heading, ha="right", fontweight="bold", **look)
    rule(figure, 0.02, 0.352, 0.96)
    for row, (name, (there, seeds, *costs)) in enumerate(table.items()):
        level, (role, line) = 0.318 - 0.049 * row, ROLES[name]
        mark = {"facecolor": role.color, "edgecolor": role.ink, "transform": figure.transFigure, "linestyle": line}
        figure.add_artist(Rectangle((0.03, level - 0.006), 0.035, 0.012, **mark))
        figure.text(0.078, level, name, va="center", fontweight="bold", color=role.ink, fontsize=SMALL)
        figure.text(places[0], level, f"{there} of {seeds}", ha="right", color=INK, **look)
        for i, (place, cost) in enumerate(zip(places[1:], costs, strict=True)):
            text = "–" if cost is None else "{}   ({} to {})".format(*(_write(value, i) for value in cost))
            figure.text(place, level, text, ha="right", color=INK, **look)
    note = "lines: middle of 16 seeds and its 95 % interval; table: mean (lowest to highest) of the seeds there"
    look = {"fontsize": style.SMALLEST_SIZE, "color": NEUTRAL.ink}
    figure.text(0.965, 0.018, note, va="center", ha="right", **look)


def _write(value, kind):
    """A number of steps (kind 0) or of seconds."""
    return f"{value:,.0f}" if kind == 0 or value >= 99.5 else f"{value:.1f}"
