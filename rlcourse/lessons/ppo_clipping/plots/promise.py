"""Old states: what the surrogate promises a new policy, and what that policy gets."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, POLICY, VALUE


@style.styled
def promise(climb, places, returns, surrogates, *, old, new, show_all):
    """J and the surrogate against the new policy's boldness, and how often each policy visits each state.

    Args:
        climb: the `Climb` from the old boldness to the new one.
        places: boldnesses, where the two curves are known.
        returns, surrogates: J there, and the surrogate of the old policy.
        old, new: where the controls stand.
        show_all: draw J everywhere; if not, only as far as the new policy has gone.
    """
    figure, (left, right) = style.new_figure(
        10, 4.7, 1, 2, left=0.065, right=0.985, bottom=0.14, top=0.87, wspace=0.2, width_ratios=(1.6, 1)
    )
    seen = (
        np.full(places.shape, True) if show_all else (places >= min(old, new) - 1e-9) & (places <= max(old, new) + 1e-9)
    )
    left.plot(places, surrogates, **VALUE.line(marker="", linewidth=3))
    left.plot(places[seen], returns[seen], **POLICY.line(marker="", linewidth=3))
    left.plot([new, new], [climb.surrogate, climb.new_return], color=INK, linewidth=1.4, zorder=3)
    left.plot(
        [new], [climb.surrogate], VALUE.marker, color=VALUE.color, markeredgecolor=VALUE.ink, markersize=11, zorder=4
    )
    left.plot([old], [climb.old_return], "o", color=style.CARD, markeredgecolor=INK, markersize=12, zorder=5)
    style.ball(left, new, climb.new_return)
    left.set_xlim(-0.02, 1.02)
    left.set_ylim(-2.6, 3.8)
    style.set_ticks(left.xaxis, (0, 0.25, 0.5, 0.75, 1))
    style.set_ticks(left.yaxis, (-2, -1, 0, 1, 2, 3), [number(mark, 0) for mark in (-2, -1, 0, 1, 2, 3)])
    left.set_xlabel("boldness p of the new policy", labelpad=0)
    left.set_title(f"J = {number(climb.new_return)},  surrogate {number(climb.surrogate)}")
    for y, role, name in ((0.2, VALUE, "■ surrogate, old visits"), (0.08, POLICY, "● J, new visits")):
        left.text(0.02, y, name, transform=left.transAxes, color=role.ink, fontweight="bold", va="center")
    _visits(right, climb)
    return style.say(
        figure,
        f"Old boldness {number(old)}, new boldness {number(new)}: the surrogate promises {number(climb.surrogate)}, "
        f"and J is {number(climb.new_return)}; the old policy reaches the ridge in {100 * climb.old_visits[1]:.0f} % "
        f"of its episodes, the new one in {100 * climb.new_visits[1]:.0f} %.",
    )


def _visits(axes, climb):
    """How often both policies are in each state, and the mean advantage of the new actions there."""
    for shift, visits, role in ((-0.2, climb.old_visits, VALUE), (0.2, climb.new_visits, POLICY)):
        for place, share in enumerate(visits):
            axes.bar([place + shift], [share], 0.36, **role.bar())
            axes.text(place + shift, share + 0.03, f"{share:.2f}", ha="center", color=role.ink, fontweight="bold")
    gains = [number(gain, signed=True) for gain in climb.gains]
    style.set_ticks(
        axes.xaxis, (0, 1), [f"{name}\ngain {gain}" for name, gain in zip(("camp", "ridge"), gains, strict=True)]
    )
    axes.set_xlim(-0.55, 1.55)
    axes.set_ylim(0, 1.25)
    style.set_ticks(axes.yaxis, (0, 0.5, 1))
    axes.set_title("visits: ■ old, ● new")
