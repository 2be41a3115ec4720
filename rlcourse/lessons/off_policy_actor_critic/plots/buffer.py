"""One minibatch of a replay buffer under the microscope."""

from typing import NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import words
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import ACTION, NEGATIVE, POLICY, REWARD, VALUE
from rlcourse.lessons.off_policy_actor_critic.plots.looks import SMALL, brief


class Mismatch(NamedTuple):
    """How far the policy has moved, mean |ρ - 1|, by the age of a row."""

    ages: np.ndarray
    values: np.ndarray
    mean: float
    """Over the buffer."""


@style.styled
def microscope(capacity, batch, updates_per_step, drawn, *, correlation, repeats, mean_age, mismatch):
    """One minibatch of a replay buffer: what the network is fed, how old it is, how far the policy has moved since.

    Args:
        capacity, batch, updates_per_step: of the buffer and its use.
        drawn: ages [B], repeats, fed; None if the buffer holds fewer rows than the batch wants.
        correlation: between one row that is fed and the next.
        repeats: expected number of rows that are in the minibatch twice.
        mean_age: steps.
        mismatch: of the policy today, a `Mismatch`.
    """
    figure, (top, middle, bottom) = style.new_figure(
        10, 6.0, 3, 1, left=0.075, right=0.70, bottom=0.105, top=0.93, hspace=0.62, height_ratios=(1.0, 0.8, 0.8)
    )
    _fed(top, drawn)
    _ages(middle, capacity, drawn)
    _mismatch(bottom, capacity, mismatch.ages, mismatch.values)
    for axes in (middle, bottom):
        axes.axvline(np.log10(capacity), color=REWARD.ink, linewidth=2.0)
        axes.set_xlim(-0.15, 5.15)
        style.set_ticks(axes.xaxis, list(range(6)), ["1", "10", "100", "1,000", "10,000", "100,000"])
    if drawn is None:
        refusal = f"refused: a minibatch of {batch}\nfrom {capacity} stored rows"
        for axes, x, y in ((top, 120, 0), (middle, 3.4 if capacity < 400 else 1.2, 0.42)):
            words(axes, x, y, refusal, color=NEGATIVE.ink, fontweight="bold")
    mean_age_text = f"{mean_age:,.0f}" if mean_age >= 10 else number(mean_age, 1)
    uses = _use(batch * updates_per_step)
    count = "one row" if batch == 1 else f"{batch} rows"
    rows = (
        ("rows stored", f"{capacity:,}", REWARD),
        ("correlation of a row\nwith the next one fed", number(correlation, 3), POLICY),
        ("mean age of a row,\nin steps", mean_age_text, ACTION),
        (f"repeats in {count},\nexpected", "−" if drawn is None else _repeats(repeats), ACTION),
        ("times each row is used\nbefore it is overwritten", uses, VALUE),
        ("policy mismatch,\nmean |ρ − 1|", number(mismatch.mean, 2), NEGATIVE),
    )
    _in_numbers(figure, rows)
    told = f"a minibatch of {batch} repeats {_repeats(repeats)} rows on average, and each row is used {uses} times"
    if drawn is None:
        told = f"it refuses a minibatch of {batch}"
    return style.say(
        figure,
        f"A buffer of {capacity:,} rows: one row and the next correlate by {number(correlation, 3)}, the mean age is "
        f"{mean_age_text} steps, the policy mismatch |ρ − 1| is {number(mismatch.mean, 2)} on average; {told}.",
    )


def _fed(axes, drawn):
    """The rows in the order in which training sees them."""
    axes.set(xlim=(0, 240), ylim=(-3.4, 3.4))
    style.set_ticks(axes.xaxis, [])
    style.set_ticks(axes.yaxis, [-2, 0, 2])
    axes.set_title("What training is fed, row after row", fontsize=style.BASE_SIZE)
    axes.set_xlabel("rows in the order of their use", labelpad=5)
    if drawn is not None:
        axes.plot(np.arange(len(drawn.fed)), drawn.fed, color=POLICY.color, linewidth=1.0, marker=".", markersize=5)


def _ages(axes, capacity, drawn):
    """A histogram of the ages in the minibatch, on a logarithmic axis that is already one of powers of ten."""
    style.set_ticks(axes.yaxis, [])
    axes.spines["left"].set_visible(False)
    axes.set_title("How old the rows of one minibatch are", fontsize=style.BASE_SIZE)
    axes.set_ylim(0, 1)
    side = {"ha": "right", "dx": -5} if capacity > 6_000 else {"ha": "left", "dx": 5}
    style.direct_label(axes, np.log10(capacity), 0.9, "oldest row", REWARD, dy=0, **side)
    if drawn is None:
        return
    edges = np.log10(capacity) - 0.1 * np.arange(52, -1, -1)
    counts, _ = np.histogram(np.log10(drawn.ages + 1), edges)
    heights = 0.72 * counts / max(counts.max(), 1)
    full = heights > 0
    corners = [
        ((a, 0), (a, h), (a + 0.092, h), (a + 0.092, 0)) for a, h in zip(edges[:-1][full], heights[full], strict=True)
    ]
    axes.add_collection(PolyCollection(corners, facecolor=ACTION.color, edgecolor=ACTION.ink, linewidth=0.8))


def _mismatch(axes, capacity, ages, mismatches):
    """How far the policy has moved since a row of some age was stored; shaded as far as the buffer reaches."""
    axes.set_title("How far the policy has moved since", fontsize=style.BASE_SIZE)
    axes.set(ylim=(0, 1.15), xlabel="age of a row, in environment steps")
    axes.set_ylabel("mean |ρ − 1|", labelpad=3)
    style.set_ticks(axes.yaxis, [0, 0.5, 1.0])
    seen = np.log10(np.maximum(ages, 1))
    inside = ages <= capacity
    places = np.append(seen[inside], np.log10(capacity))
    heights = np.append(mismatches[inside], np.interp(capacity, ages, mismatches))
    axes.fill_between(places, heights, facecolor=NEGATIVE.color, alpha=0.25, linewidth=0)
    axes.plot(seen, mismatches, color=NEGATIVE.color, linewidth=2.4)


def _in_numbers(figure, rows):
    """A column of large numbers, each with its name below it."""
    for i, (name, value, role) in enumerate(rows):
        y = 0.925 - 0.158 * i
        figure.text(0.735, y, value, color=role.ink, fontsize=19, fontweight="bold", va="center")
        figure.text(0.735, y - 0.043 - 0.012 * name.count("\n"), name, fontsize=SMALL, va="center", linespacing=1.1)


def _repeats(count):
    return "0" if count < 5e-4 else brief(count)


def _use(times):
    return f"{times:,.0f}" if times >= 1 else "1/4"
