"""Runs of whole agents, stored: sixteen seeds of each variation, and what their critics promise."""

import numpy as np

from rlcourse import interval
from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, POLICY, VALUE

SMALL = style.SMALLEST_SIZE


def _told(label, middle):
    """A label, its middle and its interval, in words."""
    return f"{label} {number(middle.center, 0)} ({number(middle.low, 0)} to {number(middle.high, 0)})"


@style.styled
def variations(groups, *, title):
    """What every seed of every variation has reached: a row each, a dot per seed, a bar for the interval of the middle.

    Args:
        groups: dict from a heading to a dict from a label to the scores of the seeds.
        title: of the figure.
    """
    count = sum(len(rows) for rows in groups.values())
    height = 1.2 + 0.31 * (count + len(groups))
    figure, axes = style.new_figure(9, height, left=0.25, right=0.69, bottom=0.62 / height, top=1 - 0.42 / height)
    axes.set_title(title)
    across, y, told = axes.get_yaxis_transform(), 0.0, []
    axes.text(1.02, 0.35, "middle (95 % interval)", transform=across, va="center", fontsize=SMALL)
    for heading, rows in groups.items():
        axes.text(-0.03, -y, heading, transform=across, ha="right", va="center", fontweight="bold", fontsize=SMALL)
        y += 0.9
        for label, scores in rows.items():
            middle = interval(scores)
            axes.plot([middle.low, middle.high], [-y, -y], color=POLICY.ink, linewidth=7, alpha=0.35, zorder=2)
            axes.plot(scores, np.full(len(scores), -y), "o", color=POLICY.color, markersize=5, alpha=0.55, zorder=3)
            axes.plot(middle.center, -y, "|", color=INK, markersize=15, markeredgewidth=2.6, zorder=4)
            axes.text(-0.03, -y, label, transform=across, ha="right", va="center", fontsize=SMALL)
            said = _told("", middle).strip()
            axes.text(1.02, -y, said, transform=across, va="center", fontsize=SMALL, fontweight="bold")
            told.append(_told(label, middle))
            y += 0.9
        y += 0.25
    axes.set(xlim=(-1_800, 0), ylim=(-y + 0.5, 0.75), xlabel="return, a dot per seed")
    style.set_ticks(axes.xaxis, [-1500, -1000, -500, 0], ["−1500", "−1000", "−500", "0"])
    style.set_ticks(axes.yaxis, [])
    axes.spines["left"].set_visible(False)
    return style.say(figure, f"{title}, middle of the seeds and its 95 % interval: {'; '.join(told)}.")


@style.styled
def promises(steps, groups, checkpoints, optimism, *, title):
    """Two agents: what they earn, and by how much their critics promise more than that.

    Args:
        steps: environment steps of the points of a curve, [k].
        groups: dict from the agent's name to the returns of its seeds, [seeds, k]; two of them.
        checkpoints: environment steps at which the critics were examined, [c].
        optimism: dict from the agent's name to Q minus the return that came, [seeds, c].
        title: of the figure.
    """
    figure, (left, right) = style.new_figure(10, 4.3, 1, 2, left=0.09, right=0.985, bottom=0.16, top=0.8, wspace=0.25)
    figure.text(0.012, 0.94, title, fontweight="bold", va="center")
    told = []
    for (name, scores), role in zip(groups.items(), (NEGATIVE, POLICY), strict=True):
        for axes, places, values in ((left, steps, scores), (right, checkpoints, optimism[name])):
            middle, thousands = interval(values), np.asarray(places) / 1000
            axes.fill_between(thousands, middle.low, middle.high, facecolor=role.color, alpha=0.25, linewidth=0)
            look = {"color": role.ink, "linestyle": role.linestyle, "linewidth": 2.6}
            axes.plot(thousands, middle.center, marker=role.marker if axes is right else "", label=name, **look)
        last = [interval(values[:, -1]) for values in (scores, optimism[name])]
        told.append(f"{_told(name, last[0])}, its critic {_signed(last[1].center)}")
    left.set_title("return of an episode")
    right.set_title("Q minus the return that came")
    style.zero_line(right)
    for axes, place in ((left, "lower right"), (right, "upper right")):
        axes.set_xlim(0, steps[-1] / 1000)
        axes.set_xlabel("environment steps, thousands")
        axes.legend(loc=place)
    right.margins(y=0.2)
    left.axhline(0, color=VALUE.ink, linewidth=0)
    return style.say(figure, f"{title}; after {steps[-1]:,} steps: {'; '.join(told)}.")


def _signed(value):
    return f"{value:+.1f}".replace("-", "−")
