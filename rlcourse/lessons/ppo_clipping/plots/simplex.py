"""Three arms: policies on the triangle, and how many end in a wrong corner."""

import numpy as np
from matplotlib.collections import PolyCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.style import BALL, INK, NEGATIVE, NEUTRAL, POLICY, VALUE

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 3**0.5 / 2]])
"""Where the policies that choose arm 1, 2, 3 only are drawn; arm 3 is the best."""


def on_triangle(policies):
    """Points [..., 2] of policies [..., 3]."""
    return policies @ CORNERS


def _triangle(axes, names, size=style.BASE_SIZE, away=0.05):
    axes.add_collection(PolyCollection([CORNERS], facecolors="#f4f6f8", edgecolors=INK, linewidths=1.4, zorder=0))
    axes.set_aspect("equal")
    axes.axis("off")
    for (x, y), name, (dy, va) in zip(CORNERS, names, ((-away, "top"), (-away, "top"), (away, "bottom")), strict=True):
        axes.text(x, y + dy, name, ha="center", va=va, fontsize=size, fontweight="bold", linespacing=1.3)


@style.styled
def corner(policies, lost, shares, step_sizes, *, rule, step_size, batches, show_all):
    """500 policies on the triangle of three arms, and how many are in a wrong corner by step size.

    Args:
        policies: [runs, 3] after so many batches.
        lost: which of them chose a wrong arm for good, booleans [runs].
        shares: rule -> share stuck after 300 batches, one for each of `step_sizes`.
        rule, step_size, batches: what is shown on the triangle.
        show_all: draw the curves of all rules; if not, only the chosen one's, up to where the learners have come.
    """
    figure, (left, right) = style.new_figure(
        10, 5.0, 1, 2, left=0.03, right=0.97, bottom=0.13, top=0.88, wspace=0.12, width_ratios=(1, 1.05)
    )
    best = (policies.argmax(-1) == 2).mean()
    _crowd(left, policies, lost, best)
    title = {"fontsize": style.BASE_SIZE + 1, "fontweight": "bold", "va": "center"}
    figure.text(0.03, 0.94, f"500 policies, η = {step_size:g}, after {batches} batches", **title)
    at = list(step_sizes).index(step_size)
    # Before the last batch the chosen point of the curve would give the end away.
    upto = slice(None if show_all else at + (batches == 300))
    chosen = shares if show_all else {rule}
    _stuck_curves(right, shares, step_sizes, upto, chosen, rule)
    style.ball(right, np.log2(step_size), 100 * lost.mean(), size=17, zorder=7)
    ends = "; ".join(f"{name} {100 * line[at]:.1f} %" for name, line in shares.items())
    return style.say(
        figure,
        f"{rule}, for every batch, at η = {step_size:g}: after {batches} batches {100 * lost.mean():.1f} % of 500 "
        f"policies are stuck on a wrong arm and {100 * best:.1f} % prefer the best"
        + (f"; after 300 batches at this step size are stuck: {ends}." if show_all else "."),
    )


def _crowd(axes, policies, lost, best):
    """All policies on the triangle, and what the arms pay; `best` is the share that prefers arm 3."""
    settled = (policies > 0.999).mean(0)
    names = (
        f"arm 1 pays 0.2\nstuck: {100 * settled[0]:.1f} %",
        f"arm 2 pays 0.5\nstuck: {100 * settled[1]:.1f} %",
        f"arm 3 pays 1.0, preferred by {100 * best:.0f} %",
    )
    _triangle(axes, names, away=0.11)
    axes.set_xlim(-0.14, 1.14)
    axes.set_ylim(-0.3, 1.04)
    for place, share, role in zip(CORNERS, settled, (NEGATIVE, NEGATIVE, POLICY), strict=True):
        if share:  # the dots of a corner lie on each other: a disc shows how many
            look = {"color": style.mix(role.color, 0.35), "markeredgecolor": role.ink, "clip_on": False}
            axes.plot(*place, "o", markersize=8 + 44 * share**0.5, zorder=2, **look)
    points = on_triangle(policies)
    for chosen, role, size in ((~lost, POLICY, 6), (lost, NEGATIVE, 9)):
        if chosen.any():
            look = {"color": role.color, "markeredgecolor": role.ink, "markeredgewidth": 0.6, "alpha": 0.55}
            axes.plot(*points[chosen].T, role.marker, markersize=size, clip_on=False, zorder=3, **look)


def _stuck_curves(axes, shares, step_sizes, upto, chosen, rule):
    """How many get stuck by step size: a curve for each of the `chosen` rules, the names of all."""
    looks = (POLICY, VALUE, NEGATIVE)
    places = np.log2(np.array(step_sizes))
    for (name, line), role in zip(shares.items(), looks, strict=True):
        if name in chosen:
            look = role.line(linewidth=4 if name == rule else 1.8, markersize=9 if name == rule else 6)
            axes.plot(places[upto], 100 * np.array(line)[upto], **look)
    for y, (name, role) in zip((0.93, 0.84, 0.75), reversed(list(zip(shares, looks, strict=True))), strict=True):
        look = {"color": role.ink if name in chosen else NEUTRAL.color, "va": "center"}
        weight = "bold" if name == rule else "normal"
        axes.text(0.03, y, f"{role.sign} {name}", transform=axes.transAxes, fontweight=weight, **look)
    axes.set_ylim(-2, 60)
    axes.set_xlim(places[0] - 0.3, places[-1] + 0.3)
    style.set_ticks(axes.xaxis, places, [f"{eta:g}" for eta in step_sizes])
    style.set_ticks(axes.yaxis, (0, 10, 20, 30, 40), ("0", "10", "20", "30", "40"))
    axes.set_xlabel("step size η")
    axes.set_title("% stuck: now (ball), after 300 (line)")


@style.styled
def first_updates(updates):
    """The policies that one batch makes of the uniform one, a triangle for each rule, with their divergence.

    Args:
        updates: name of the rule -> (policies [batches, 3], kl [batches]).
    """
    figure, axes = style.new_figure(10, 3.4, 1, len(updates), left=0.02, right=0.98, bottom=0.2, top=0.86, wspace=0.08)
    said = []
    for place, (name, (policies, kl)) in zip(axes, updates.items(), strict=True):
        _triangle(place, ("0.2", "0.5", "1.0"), style.BASE_SIZE - 1)
        place.set_xlim(-0.1, 1.1)
        place.set_ylim(-0.15, 1.0)
        place.plot(
            *on_triangle(policies).T,
            "o",
            markersize=6,
            color=POLICY.color,
            markeredgecolor=POLICY.ink,
            markeredgewidth=0.6,
            alpha=0.5,
            clip_on=False,
        )
        place.plot(*on_triangle(np.full(3, 1 / 3)), "o", markersize=9, color=BALL, markeredgecolor=INK, zorder=5)
        place.text(0.5, 1.13, name, ha="center", va="center", fontweight="bold", transform=place.transAxes)
        place.text(
            0.5,
            -0.17,
            f"KL: mean {kl.mean():.3f}\nlargest {kl.max():.3f}",
            ha="center",
            va="center",
            transform=place.transAxes,
            linespacing=1.3,
        )
        said.append(f"{name} {kl.max():.3f}")
    said = ", ".join(said)
    return style.say(figure, f"One update from the uniform policy on 100 batches; largest divergence: {said}.")
