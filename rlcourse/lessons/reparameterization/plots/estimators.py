"""Two estimators of the same gradient, pathwise and by the score function."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.collections import LineCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import BALL, INK, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.reparameterization.plots.looks import BIG, brief


class Critic(NamedTuple):
    """A critic in words and as a function."""

    name: str
    q: Callable
    """Of an array of actions -> (Q, slope) along the first axis."""
    axis: str
    """What that axis is called."""


@style.styled
def two_estimators(critic, moments, paths, scores, *, mu, sigma, samples, baseline, points):
    """Q and the policy on the left, histograms of two estimators of the same gradient on the right.

    Args:
        critic: the `Critic`.
        moments: mean, and the variances of one draw, as `experiments.Moments` holds them.
        paths, scores: estimates of either kind.
        mu, sigma, samples, baseline: as the controls stand.
        points: a few actions.
    """
    figure, (left, right) = style.new_figure(
        10, 5.5, 1, 2, left=0.03, right=0.975, bottom=0.1, top=0.8, wspace=0.14, width_ratios=(0.72, 1)
    )
    header = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.03, 0.945, critic.name, **header)
    ratio = moments.ratio
    louder, factor, role = ("score function", ratio, REWARD) if ratio >= 1 else ("pathwise", 1 / ratio, POLICY)
    figure.text(0.975, 0.945, f"{louder} is {brief(factor)} × noisier", ha="right", color=role.ink, **header)
    _landscape(left, mu, sigma, points, critic.q)
    left.set_xlabel(critic.axis, labelpad=2)
    reach = 3.2 * math.sqrt(max(moments.pathwise, moments.score))
    edges = np.linspace(moments.mean - reach, moments.mean + reach, 62)
    height = "score function:  height of Q" + (", minus its mean" if baseline else "")
    _spread(right, 1.45, "pathwise:  slope of Q", paths, edges, moments.pathwise / samples, POLICY)
    _spread(right, 0.0, height, scores, edges, moments.score / samples, REWARD)
    for base in (1.45, 0.0):
        right.plot([moments.mean] * 2, [base, base + 1.04], color=INK, linewidth=2.2)
    right.set_xlim(edges[0], edges[-1])
    right.set_ylim(0, 2.66)
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    spots = _round_ticks(edges[0], edges[-1])
    style.set_ticks(right.xaxis, spots, [f"{spot:g}".replace("-", "−") for spot in spots])
    each = "one draw" if samples == 1 else f"a mean of {samples} draws"
    right.set_xlabel(f"∂E[Q]/∂μ estimated from {each};  truth {brief(moments.mean)}", labelpad=2)
    return style.say(
        figure,
        f"With {critic.name}, μ = {number(mu)}, σ = {number(sigma)} the true gradient is {brief(moments.mean)}; an "
        f"estimate from {each} has variance {brief(moments.pathwise / samples)} pathwise and "
        f"{brief(moments.score / samples)} by the score function{' with a baseline' if baseline else ''}; {louder} is "
        f"{brief(factor)} times noisier.",
    )


def _spread(axes, base, title, values, edges, variance, role):
    """A histogram of estimates that stands on the height `base`, with a title and its variance."""
    counts, _ = np.histogram(values, edges)
    outline = base + np.repeat(0.76 * counts / max(counts.max(), 1), 2)  # below the words
    axes.fill_between(np.repeat(edges, 2)[1:-1], base, outline, facecolor=role.color, linewidth=0)
    axes.plot(edges[[0, -1]], [base, base], color=INK, linewidth=1)
    look = {"transform": axes.get_yaxis_transform(), "color": role.ink, "fontweight": "bold", "va": "center"}
    axes.text(0, base + 1.14, title, fontsize=style.BASE_SIZE + 1, **look)
    axes.text(0.99, base + 0.86, f"variance {brief(variance)}", ha="right", **look)


def _round_ticks(low, high):
    """About four round numbers between two ends."""
    step = 10 ** math.floor(math.log10((high - low) / 3))
    step = next(step * n for n in (1, 2, 5, 10) if (high - low) / (step * n) <= 5)
    return [round(n * step, 9) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _landscape(axes, mu, sigma, points, q):
    """Q above the density, with a few draws: their heights and their slopes."""
    line = np.linspace(-3, 3, 1201)
    heights, _ = q(line)
    low, high = heights.min(), heights.max()

    def lift(values):
        return 0.42 + 0.5 * (values - low) / (high - low)

    axes.plot(line, lift(heights), color=VALUE.color, linewidth=1.8)
    density = np.exp(-0.5 * ((line - mu) / sigma) ** 2)
    axes.fill_between(line, 0, 0.28 * density, facecolor=NEUTRAL.color, alpha=0.45, edgecolor=NEUTRAL.ink)
    points = points[np.abs(points) < 2.95]
    at, slopes = q(points)
    places = lift(at)
    axes.add_collection(
        LineCollection([[(x, 0.3), (x, y)] for x, y in zip(points, places)], colors=REWARD.color, linewidths=2.0)
    )
    rise = slopes * 0.5 / (high - low)
    run = 0.3 / np.sqrt(1 + (4 * rise) ** 2)  # equal lengths on the screen, or nearly
    axes.add_collection(
        LineCollection(
            [[(x - w, y - w * s), (x + w, y + w * s)] for x, y, w, s in zip(points, places, run, rise)],
            colors=POLICY.color,
            linewidths=3.2,
            zorder=4,
        )
    )
    axes.plot(points, places, "o", color=BALL, markeredgecolor=INK, markersize=7, zorder=5)
    axes.set_xlim(-3, 3)
    axes.set_ylim(0, 1.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    style.set_ticks(axes.xaxis, (-3, 0, 3))
    axes.text(0.0, 1.06, "— slope", transform=axes.transAxes, color=POLICY.ink, fontweight="bold", va="center")
    axes.text(0.28, 1.06, "| height", transform=axes.transAxes, color=REWARD.ink, fontweight="bold", va="center")
    axes.text(0.57, 1.06, "of five draws", transform=axes.transAxes, va="center")


@style.styled
def noise_map(k, waves, dims, bowls, sigma):
    """Variance of both estimators against the frequency of Q, and against the dimension.

    Args:
        k, dims: arrays.
        waves, bowls: arrays [2, n], pathwise and score-function variances.
        sigma: σ, for the mark kσ = 1.
    """
    figure, (left, right) = style.new_figure(10, 3.9, 1, 2, left=0.075, right=0.98, bottom=0.16, top=0.87, wspace=0.2)
    for axes, x, both in ((left, k, waves), (right, dims, bowls)):
        for values, role in zip(both, (POLICY, REWARD)):
            axes.plot(x, values, **role.line(marker=""))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_xlim(x[0], x[-1])
    style.set_ticks(left.xaxis, (1, 2, 5, 10, 50), ("1", "2", "5", "10", "50"))
    style.set_ticks(left.yaxis, (0.1, 1, 10, 100, 1000), ("0.1", "1", "10", "100", "1000"))
    left.set_ylim(0.03, 3000)
    left.axvline(1 / sigma, color=NEUTRAL.ink, linestyle=":", linewidth=1.6)
    left.text(1 / sigma * 1.06, 0.06, "kσ = 1", color=NEUTRAL.ink)
    left.set_title(f"Q = sin(ka), σ = {sigma:g}: variance")
    left.set_xlabel("frequency k", labelpad=1)
    style.set_ticks(right.xaxis, (1, 4, 16, 64), ("1", "4", "16", "64"))
    style.set_ticks(right.yaxis, (1, 10, 100), ("1", "10", "100"))
    right.set_ylim(0.5, 200)
    right.set_title("Q = −|a|², μ = σ = 0.5: variance")
    right.set_xlabel("dimension d", labelpad=1)
    for axes, spots in ((left, ((16, 400), (40, 0.8))), (right, ((5, 0.72), (3.2, 26)))):
        for (x, y), role, name in zip(spots, (POLICY, REWARD), ("pathwise", "score function")):
            axes.text(x, y, name, color=role.ink, fontweight="bold", ha="left" if axes is right else "right")
    return style.say(
        figure,
        f"Variance of one draw. For Q = sin(ka) the pathwise estimator is quieter up to about "
        f"k = {k[np.argmax(waves[0] > waves[1])]:.1f} and "
        f"{waves[0, -1] / waves[1, -1]:.0f} times noisier at k = {k[-1]:.0f}. For Q = −|a|² the score function is "
        f"{bowls[1, 0] / bowls[0, 0]:.1f} times noisier in one dimension and {bowls[1, -1] / bowls[0, -1]:.0f} times "
        f"in {dims[-1]:.0f}.",
    )
