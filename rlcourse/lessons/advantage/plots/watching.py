"""A keeper who watches: goals of two kickers who have learned the same policy."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.style import NEGATIVE, POLICY


@style.styled
def watched(p, drawn, mode):
    """Share of goals so far, of a kicker who draws from the policy and of one who plays its likelier side.

    Args:
        p: probability of a kick to the left.
        drawn, mode: boolean arrays [kicks], which kicks of each have scored.
    """
    kicks = len(drawn)
    figure, axes = style.new_figure(9, 3.9, left=0.1, right=0.63, bottom=0.17, top=0.9)
    axes.set(xlim=(0.5, kicks + max(1.0, 0.03 * kicks)), ylim=(-0.04, 1.08), xlabel="kicks so far")
    axes.set_ylabel("share of goals so far", labelpad=4)
    axes.set_title("The keeper dives to the side kicked more often so far")
    axes.locator_params(axis="x", nbins=6, integer=True)
    at = np.arange(1, kicks + 1)
    rows = ((drawn, POLICY, f"draws: left with {p:.0%}", 0.74), (mode, NEGATIVE, "always left, the mode", 0.42))
    for goals, role, name, height in rows:
        share = np.cumsum(goals) / at
        axes.plot(at, share, **role.line(markevery=[-1]), zorder=3)
        figure.text(0.66, height, name, color=role.ink, fontweight="bold", va="center")
        words = f"{goals.sum()} of {kicks} scored"
        figure.text(0.66, height - 0.09, words, color=role.ink, va="center")
    return style.say(
        figure,
        f"Against a keeper who dives to the side kicked more often so far: of {kicks} kicks, the kicker who draws, "
        f"left with probability {p:.2f}, scores {drawn.sum()}; the one who always plays left scores {mode.sum()}.",
    )
