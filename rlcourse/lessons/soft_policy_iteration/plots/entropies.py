"""The entropy bench: five actions, a density, and which entropy has a floor."""

import math

import numpy as np
from matplotlib.collections import PolyCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY
from rlcourse.lessons.soft_policy_iteration.plots.looks import BIG, DASHES, PALE_RED


@style.styled
def bench(probabilities, curve, *, entropies, temperature, sigma, family, unit):
    """Five actions and their entropy; a density, the box of equal entropy, and its differential entropy.

    Args:
        probabilities: of the five actions.
        curve: points (x, density), from one end of the axis to the other.
        entropies: H of the actions and h of the density, in nats.
        temperature, sigma, family: T; standard deviation and kind of the density.
        unit: "nats" or "bits".
    """
    figure, axes = style.new_figure(
        10, 5.6, 2, 2, left=0.06, right=0.975, bottom=0.12, top=0.8, wspace=0.2, hspace=0.62, height_ratios=(3.4, 1)
    )
    (bars, density), (left, right) = axes
    size = 1.0 if unit == "nats" else 1 / math.log(2)
    H, h = entropies
    count, width = math.exp(H), math.exp(h)
    header = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.06, 0.945, f"T = {number(temperature)}:  H = {number(size * H)} {unit}", color=INK, **header)
    color = NEGATIVE.ink if h < 0 else INK
    figure.text(0.565, 0.945, f"σ = {number(sigma)}:  h = {number(size * h)} {unit}", color=color, **header)
    _five_actions(bars, probabilities)
    bars.set_title(f"as uncertain as {number(count, 1)} equal actions", color=POLICY.ink, pad=10)
    role = NEGATIVE if width < 1 else NEUTRAL
    _density(density, *curve, width, role)
    density.set_title(f"as uncertain as a box of width {number(width)}", color=role.ink, pad=10)
    for line, low, high, value in ((left, 0, math.log(5), H), (right, -2, 3, h)):
        _number_line(line, low, high, value, size)
    left.set_xlabel(f"H in {unit}: from 0 to log 5", labelpad=1)
    right.set_xlabel(f"h in {unit}: no floor", labelpad=1)
    return style.say(
        figure,
        f"Five actions at temperature {number(temperature)}: entropy {number(size * H)} {unit}, as uncertain as "
        f"{number(count, 1)} equal actions; a {family} density of standard deviation {number(sigma)}: differential "
        f"entropy {number(size * h)} {unit}, as uncertain as a box of width {number(width)}.",
    )


def _five_actions(axes, probabilities):
    """Bars with their probabilities above them."""
    places = np.arange(5)
    shapes = [[(x - 0.36, 0), (x - 0.36, p), (x + 0.36, p), (x + 0.36, 0)] for x, p in enumerate(probabilities)]
    axes.add_collection(PolyCollection(shapes, **POLICY.bar()))
    axes.set_xlim(-0.6, 4.6)
    axes.set_ylim(0, 1.18)
    for x, p in zip(places, probabilities, strict=True):
        axes.text(x, p + 0.03, number(p, 3) if p < 0.9995 else "1.000", ha="center", fontsize=style.BASE_SIZE - 1)
    style.set_ticks(axes.xaxis, places, [f"a{k + 1}" for k in places])
    style.set_ticks(axes.yaxis, (0, 0.5, 1))


def _density(axes, x, y, width, role):
    """A density, and the box of equal differential entropy in dashes."""
    axes.fill_between(x, y, color=POLICY.color, alpha=0.3, linewidth=0)
    axes.plot(x, y, color=POLICY.color, linewidth=3)
    sides, heights = [-width / 2, -width / 2, width / 2, width / 2], [0, 1 / width, 1 / width, 0]
    axes.plot(sides, heights, color=role.ink, linestyle=DASHES, linewidth=2.2)
    top = next(limit for limit in (0.25, 0.5, 1, 2, 4, 8, 10) if limit >= 1.05 * max(max(y), 1 / width))
    reach = max(x)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(0, 1.12 * top)
    style.set_ticks(axes.xaxis, (-3, -2, -1, 0, 1, 2, 3) if reach > 1 else (-1, -0.5, 0, 0.5, 1))
    if reach <= 1:
        axes.text(0.02, 0.9, "zoomed in", transform=axes.transAxes, va="center", color=NEUTRAL.ink)
    style.set_ticks(axes.yaxis, (0, top / 2, top))


def _number_line(axes, low, high, value, size):
    """An entropy on its line; below zero the ground is another one."""
    ends = (low, high) if low < 0 else (-0.06 * high, 1.06 * high)
    axes.set_xlim(ends[0] * size, ends[1] * size)
    axes.set_ylim(-1, 1)
    if low < 0:
        axes.axvspan(low * size, 0, color=PALE_RED, linewidth=0)
        ticks = [k for k in range(-5, 6) if low * size <= k <= high * size]
        axes.text(0.01, 0.8, "below zero", transform=axes.transAxes, color=NEGATIVE.ink, fontweight="bold", va="center")
    else:
        ticks = (0, high * size)
    axes.plot((max(low, ends[0]) * size, high * size), (0, 0), color=INK, linewidth=1.5, zorder=1)
    axes.axvline(0, color=INK, linewidth=1.5)
    role = NEGATIVE if value < 0 else POLICY
    axes.plot([value * size], [0], "o", markersize=15, color=role.color, markeredgecolor=INK, zorder=5, clip_on=False)
    style.set_ticks(axes.xaxis, ticks, [number(t, 2) if t != int(t) else number(t, 0) for t in ticks])
    style.set_ticks(axes.yaxis, ())
    axes.spines["left"].set_visible(False)
