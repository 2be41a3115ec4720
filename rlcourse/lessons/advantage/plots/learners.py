"""Many kickers learning at once, with a baseline and without."""

import numpy as np
from matplotlib.collections import LineCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.sheet import Sheet
from rlcourse.course.figures.style import INK, NEGATIVE, POLICY, POSITIVE
from rlcourse.lessons.advantage.plots.looks import BIG, SMALL


@style.styled
def learning(offset, step_size, without, with_value, *, stuck, medians, until=None):
    """Many kickers learning at once: the chance of the winning kick against the number of kicks.

    Args:
        offset, step_size: what was added to every pay-off, and η.
        without, with_value: p after each update, shape [updates + 1, runs].
        stuck: two boolean arrays [runs]: who is locked on the losing side.
        medians: two numbers: how many kicks the others needed to bring p above 95 %.
        until: right end of the axis; as long as the run by default.
    """
    sheet = Sheet.blank(9, 5.0)
    updates, runs = len(without) - 1, without.shape[1]
    until = until or updates
    at = np.unique(np.geomspace(1, updates + 1, 48).astype(int)) - 1
    panels = zip((0.75, 5.0), (without, with_value), stuck, medians, ("No baseline,  $b$ = 0", "Baseline  $b = V$"))
    for left, history, lost, median, name in panels:
        x, y = _frame(sheet, left, until)
        for group, role, width, alpha in ((~lost, POLICY, 0.9, 0.22), (lost, NEGATIVE, 1.1, 0.55)):
            places = np.broadcast_to(x(at)[:, None], (len(at), group.sum()))
            lines = np.stack([places, y(history[at][:, group])], -1).swapaxes(0, 1)
            sheet.figure.add_artist(
                LineCollection(lines, colors=role.color, linewidths=width, alpha=alpha, transform=sheet.inches)
            )
        role = NEGATIVE if lost.any() else POSITIVE
        look = {"ha": "left", "fontweight": "bold"}
        sheet.text(left, 4.74, name, fontsize=BIG, **look)
        sheet.text(left, 4.43, f"{lost.sum()} of {runs} stuck on the losing side", color=role.ink, **look)
        others = "the others" if lost.any() else "all of them"
        speed = f"median {_kicks(median)} to 95 %" if np.isfinite(median) else "not yet at 95 %"
        sheet.text(left, 4.15, f"{others}: {speed}", color=POLICY.ink, ha="left", fontsize=SMALL)
    sheet.text(0.17, 2.35, "chance of the winning kick, $p$", rotation=90)
    return style.say(
        sheet.figure,
        f"Every pay-off raised by {offset:g}, step size {step_size:g}: after {updates} kicks {stuck[0].sum()} of "
        f"{runs} kickers are stuck on the losing side without a baseline, {stuck[1].sum()} with V; the others "
        f"needed {_kicks(medians[0])} without and {_kicks(medians[1])} with V (median).",
    )


def _frame(sheet, left, until):
    """Axes of one panel, kicks on a logarithmic scale; returns kicks -> inches and p -> inches."""
    low, wide, tall = 0.75, 3.6, 3.2

    def x(kicks):
        return left + wide * np.log10(np.add(kicks, 1)) / np.log10(until + 1)

    def y(p):
        return low + tall * np.asarray(p)

    sheet.line([left, left, left + wide], y([1.02, -0.02, -0.02]), color=INK, linewidth=1, zorder=1)
    sheet.text(left + wide / 2, 0.2, "kicks so far")
    for kicks in (0, 1, 10, 100, 1000):
        if kicks <= until:
            sheet.text(x(kicks), 0.5, str(kicks), fontsize=SMALL)
    for p in (0, 0.5, 1):
        sheet.text(left - 0.08, y(p), f"{p:g}", ha="right", fontsize=SMALL)
    return x, y


def _kicks(median):
    return f"{median:.0f} kick{'' if median == 1 else 's'}" if np.isfinite(median) else "more kicks than these"
