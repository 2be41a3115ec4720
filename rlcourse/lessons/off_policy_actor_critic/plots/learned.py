"""What was learned: by critics, by networks fed in several orders, from a record, by several seeds."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import ACTION, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.off_policy_actor_critic.plots.looks import BIG, brief


@style.styled
def which_critic(found, shown):
    """Four rooms: what a critic learned from the old policy's data, beside the values of both policies.

    Args:
        found: old, new: Evaluations; V, Q, Q_stored: learned tables.
        shown: which table, "V", "Q" or "Q_stored"; None for the true values alone.
    """
    figure, (left, right) = style.new_figure(
        10, 4.2, 1, 2, left=0.075, right=0.985, bottom=0.15, top=0.88, wspace=0.16, width_ratios=(1, 1.35)
    )
    rooms, places = np.arange(4), np.arange(8)
    left.plot(rooms, found.new.V, **POLICY.line(linestyle="-", markersize=9))
    left.plot(rooms, found.old.V, **NEUTRAL.line(linestyle="-", marker="s", markersize=8))
    left.set(xlim=(-0.4, 3.5), ylim=(0.6, 6.2), xlabel="room s")
    left.set_title("V(s)")
    style.set_ticks(left.xaxis, rooms)
    right.plot(places, found.new.Q.flatten(), **POLICY.line(linestyle="", markersize=9))
    right.plot(places, found.old.Q.flatten(), **NEUTRAL.line(linestyle="", marker="s", markersize=8))
    right.set(xlim=(-0.6, 7.6), ylim=(0.6, 6.2), xlabel="room s and action: stay, go")
    style.set_ticks(right.xaxis, places, [f"{s}{a}" for s in range(4) for a in ("s", "g")])
    right.set_title("Q(s, a)")
    for axes in (left, right):
        x = axes.get_xlim()[0] + 0.15
        axes.text(x, 5.75, "● true value today", color=POLICY.ink, fontweight="bold", va="center")
        axes.text(x, 5.25, "■ of the old policy", color=NEUTRAL.ink, fontweight="bold", va="center")
    told = "no critic is shown yet"
    if shown is not None:
        table, axes = getattr(found, shown), left if shown == "V" else right
        look = {"linestyle": "", "marker": "x", "markersize": 13, "markeredgewidth": 3, "color": NEGATIVE.ink}
        axes.plot(np.arange(table.numel()), table.flatten(), **look)
        end = {"ha": "right", "va": "center", "color": NEGATIVE.ink, "fontweight": "bold"}
        axes.text(axes.get_xlim()[1] - 0.15, 0.95, "× learned from the buffer", **end)
        now, old = (getattr(values, shown[0]) for values in (found.new, found.old))
        gaps = [brief(float(((table - truth) ** 2).mean() ** 0.5)) for truth in (now, old)]
        told = f"the learned {shown[0]} is {gaps[0]} away from today's values and {gaps[1]} from the old policy's"
    return style.say(figure, f"Four rooms, with the true values of today's policy and of the old one: {told}.")


@style.styled
def order_of_samples(grid, fits, chosen):
    """What ten networks have learned of sin 3x from one slow stream: as it comes, from a buffer, and shuffled.

    Args:
        grid: x.
        fits: dict from an order's name to its Fits (errors, lag1, curves).
        chosen: the order of the panel in the middle; None leaves it open.
    """
    names = {"as it comes": "as it comes", chosen: "a buffer of ...", "shuffled": "shuffled"}
    if chosen:
        names[chosen] = f"a buffer of {chosen.removeprefix('replay, ')}"
    figure, row = style.new_figure(10, 3.9, 1, 3, left=0.055, right=0.99, bottom=0.28, top=0.88, wspace=0.12)
    told = []
    for axes, (name, title) in zip(row, names.items(), strict=True):
        axes.set(xlim=(grid[0], grid[-1]), ylim=(-1.9, 1.9))
        axes.plot(grid, np.sin(3 * grid), color=INK, linewidth=2.4, linestyle=(0, (3, 1.5)), zorder=3)
        axes.set_title(title)
        style.set_ticks(axes.xaxis, [-1, 0, 1])
        style.set_ticks(axes.yaxis, [-1, 0, 1] if axes is row[0] else [], None)
        if name is None:
            continue
        found = fits[name]
        lines = [np.stack([grid, curve], 1) for curve in found.curves]
        axes.add_collection(LineCollection(lines, colors=NEGATIVE.color, linewidths=1.4, alpha=0.65))
        below = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        axes.text(0.5, -0.22, f"neighbours correlate by {number(found.lag1, 3)}", **below)
        error = f"error {number(found.errors.mean(), 2)}"
        axes.text(0.5, -0.34, error, color=NEGATIVE.ink, fontweight="bold", **below)
        told.append(f"{title} {number(found.errors.mean(), 2)}")
    return style.say(figure, f"Ten networks learn sin 3x (dashed) from a slow stream; mean error: {', '.join(told)}.")


@style.styled
def value_of_a_record(uses, values, shown, *, critic_step, best):
    """What a policy is worth that learned from a record alone, by how often each step of it was used.

    Args:
        uses, values: how often, and the value then.
        shown: of the points, so many are drawn.
        critic_step: the critic's step size.
        best: value of always going right.
    """
    figure, axes = style.new_figure(9, 3.9, left=0.09, right=0.97, bottom=0.18, top=0.88)
    places = np.arange(len(uses))
    for height, text in ((best, "always right"), (values[0], "a coin")):
        axes.axhline(height, color=NEUTRAL.color, linewidth=1.6, linestyle=(0, (4, 2)))
        axes.text(len(uses) - 0.55, height + 0.02, text, color=NEUTRAL.ink, va="bottom")
    axes.plot(places[:shown], values[:shown], **VALUE.line(linestyle="-", markersize=10))
    for x, y in zip(places[:shown], values[:shown], strict=True):
        axes.text(x, y + 0.045, number(y, 2), color=VALUE.ink, fontweight="bold", ha="center", va="bottom")
    axes.set(xlim=(-0.3, len(uses) + 0.5), ylim=(0, 1.02), xlabel="times each step of the record is used")
    axes.set_ylabel("value of the policy")
    style.set_ticks(axes.xaxis, places, [str(often) for often in uses])
    axes.set_title(f"1,000 recorded steps, critic's step size {critic_step:g}")
    pairs = ", ".join(f"{number(y, 2)} after {n}" for n, y in zip(uses[:shown], values[:shown], strict=True))
    times = "use" if uses[:shown][-1] == 1 else "uses"
    return style.say(
        figure,
        f"Critic's step size {critic_step:g}: the learned policy is worth {pairs} {times}; at best {number(best, 2)}.",
    )


@style.styled
def seeds(scores, *, count, title, label):
    """One row per variant: a bar from the lower to the upper end of the interval, and the mean.

    Args:
        scores: dict from a variant's name to (mean, low, high).
        count: how many seeds.
        title, label: of the figure and of the axis.
    """
    height = 1.3 + 0.52 * len(scores)
    figure, axes = style.new_figure(9, height, left=0.30, right=0.93, bottom=0.72 / height, top=1 - 0.42 / height)
    told, roles = [], (VALUE, REWARD, ACTION, NEGATIVE, POLICY)  # as in the live picture: orange is the wrong one
    for y, ((name, (mean, low, high)), role) in enumerate(zip(scores.items(), roles)):
        axes.add_patch(Rectangle((low, -y - 0.2), max(high - low, 0.5), 0.4, facecolor=role.color, alpha=0.35))
        axes.plot([mean], [-y], marker=role.marker, markersize=11, color=role.color, markeredgecolor=role.ink)
        axes.text(
            -0.02,
            -y,
            name,
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            color=role.ink,
            fontweight="bold",
        )
        axes.text(
            1.02,
            -y,
            f"{mean:.0f}",
            transform=axes.get_yaxis_transform(),
            va="center",
            color=role.ink,
            fontweight="bold",
            fontsize=BIG,
        )
        told.append(f"{name} {mean:.0f} ({low:.0f} to {high:.0f})")
    longest = max(high for _, _, high in scores.values())
    axes.set(xlim=(0, 1.06 * longest), ylim=(0.55 - len(scores), 0.55), xlabel=label)
    style.set_ticks(axes.yaxis, [])
    axes.spines["left"].set_visible(False)
    axes.set_title(title)
    return style.say(figure, f"{title}, {count} seeds, mean and 95 % interval: {', '.join(told)}.")
