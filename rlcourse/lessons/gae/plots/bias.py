"""Bias against noise: what λ and k trade, and what λ does not touch."""

from typing import NamedTuple

import numpy as np
from matplotlib.patches import Arc

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.lessons.gae.plots.looks import GAE, PLAIN, key, signed


@style.styled
def frontier(by_lambda, by_k, *, title, star):
    """Every λ and every k as a point (std, size of bias): the distance from the corner is the error.

    Args:
        by_lambda, by_k: the two families, a `Family` each.
        title: what critic and what rewards these are.
        star: whether to mark the best λ.
    """
    figure, (left, right) = style.new_figure(
        10, 5.3, 1, 2, left=0.075, right=0.985, bottom=0.12, top=0.83, wspace=0.16, width_ratios=(1.0, 1.22)
    )
    figure.text(0.075, 0.955, title, fontsize=style.BASE_SIZE + 1, fontweight="bold", va="center")
    errors = np.hypot(by_lambda.bias, by_lambda.std)
    best = int(np.argmin(errors))
    _map(left, by_lambda, by_k, best if star else None)
    _two_histograms(right, by_lambda, by_k)
    at_lambda, at_k = by_lambda.chosen, by_k.chosen
    rows = [
        (f"● λ = {by_lambda.at[at_lambda]:.2f}", by_lambda, at_lambda, GAE),
        (f"■ k = {by_k.at[at_k]}", by_k, at_k, PLAIN),
    ]
    said = ""
    if star:
        rows.append((f"★ best λ = {by_lambda.at[best]:.2f}", by_lambda, best, style.HIGHLIGHT))
        said = f"; the smallest error, {number(errors[best], 2)}, is at λ = {by_lambda.at[best]:.2f}"
    _table(right, [(name, family.bias[at], family.std[at], role) for name, family, at, role in rows])
    return style.say(
        figure,
        f"{title}: λ = {by_lambda.at[at_lambda]:.2f} has bias {number(by_lambda.bias[at_lambda], 2)} and std "
        f"{number(by_lambda.std[at_lambda], 2)}; k = {by_k.at[at_k]} has bias {number(by_k.bias[at_k], 2)} and "
        f"std {number(by_k.std[at_k], 2)}{said}.",
    )


def _map(axes, by_lambda, by_k, best):
    """Both families as lines in the plane of std and bias, around whose corner errors are circles; a star at `best`."""
    size, std = np.abs(by_lambda.bias), by_lambda.std
    limit = _round_up(1.12 * max(size.max(), np.abs(by_k.bias).max(), std.max(), by_k.std.max()))
    for radius in _round_radii(limit):
        _quarter(axes, radius, color=style.FAINT, linewidth=1.0)
    axes.plot(by_k.std, np.abs(by_k.bias), **PLAIN.line(marker="s", markersize=5, linestyle=":"))
    axes.plot(std, size, **GAE.line(marker="", linewidth=3))
    axes.plot(by_k.std[by_k.chosen], abs(by_k.bias[by_k.chosen]), **PLAIN.line(marker="s", markersize=13))
    axes.plot(std[by_lambda.chosen], size[by_lambda.chosen], **GAE.line(markersize=13))
    if best is not None:
        smallest = np.hypot(by_lambda.bias, std)[best]
        _quarter(axes, smallest, color=style.HIGHLIGHT.ink, linestyle="--", linewidth=1.6)
        star = {"markersize": 19, "color": style.HIGHLIGHT.color, "markeredgecolor": style.HIGHLIGHT.ink}
        axes.plot(std[best], size[best], linestyle="", marker="*", zorder=7, **star)
    axes.set_xlim(0, limit)
    axes.set_ylim(-0.03 * limit, limit)
    axes.set_xlabel("standard deviation (std)")
    axes.set_ylabel("size of the bias", labelpad=2)
    axes.set_title("nearer to the corner is better")
    _name_ends(axes, std, size, limit)


def _quarter(axes, radius, **look):
    """All points of one error."""
    axes.add_patch(Arc((0, 0), 2 * radius, 2 * radius, theta1=0, theta2=90, **look))


def _name_ends(axes, std, size, limit):
    """The ends of the blue line, named on the side where nothing else is."""
    flat = size.max() < 0.25 * limit
    rises = size[len(size) // 4] > size[0]
    aside = {"dx": -4, "dy": 20} if flat else {"dx": 12, "dy": -18 if rises else 10}
    style.direct_label(axes, std[0], size[0], "λ = 0", GAE, **aside)
    crowded = flat or std[-1] > 0.8 * limit
    aside = {"dx": -12, "dy": 20} if crowded else {"dx": 14, "dy": 8}
    style.direct_label(axes, std[-1], size[-1], "λ = 1", GAE, **aside)


def _two_histograms(axes, by_lambda, by_k):
    """What single episodes say with the chosen λ, filled, and with the chosen k, dotted; an arrow for the bias."""
    reach = _round_up(1.05 * max(np.abs(by_lambda.samples).max(), 6.0), 6)
    bins = np.linspace(-reach, reach, 49)
    for samples, look in (
        (by_k.samples, {"histtype": "step", "color": PLAIN.ink, "linestyle": ":", "linewidth": 2.2}),
        (by_lambda.samples, {"color": GAE.color, "alpha": 0.45, "histtype": "stepfilled"}),
    ):
        axes.hist(np.clip(samples, -reach, reach), bins, weights=np.full(len(samples), 100 / len(samples)), **look)
    top = axes.get_ylim()[1] * 1.5
    axes.set_ylim(0, top)
    axes.axvline(0, ymax=0.66, color=style.INK, linewidth=1.4)
    mean = by_lambda.bias[by_lambda.chosen]
    arrow = {"arrowstyle": "-|>", "color": GAE.ink, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (mean, 0.58 * top), (0, 0.58 * top), arrowprops=arrow)
    axes.axvline(mean, ymax=0.6, color=GAE.ink, linestyle="--", linewidth=1.6)
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("estimate − (Vπ − V), one per episode")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_title("what single episodes say")


def _table(axes, rows):
    """Bias, std and error of a few estimators, above the histograms."""
    for x, head in ((0.52, "bias"), (0.75, "std"), (0.98, "error")):
        axes.text(x, 0.965, head, transform=axes.transAxes, ha="right", va="center")
    for row, (name, bias, std, role) in enumerate(rows):
        y = 0.89 - 0.075 * row
        key(axes, 0.0, y, name, role)
        for x, text in ((0.52, signed(bias)), (0.75, number(std)), (0.98, number(np.hypot(bias, std)))):
            key(axes, x, y, text, role, ha="right")


def _round_up(value, step=1):
    return step * float(np.ceil(value / step))


def _round_radii(limit):
    """Four or five round distances up to the limit."""
    step = next(s for s in (0.5, 1, 2, 3, 5, 10) if limit / s <= 6)
    return np.arange(step, 1.4 * limit, step)


@style.styled
def lambda_or_gamma(lambdas, mean, std, gammas, advantage, *, truth, gamma):
    """With an exact critic, λ moves only the standard deviation; γ moves what is estimated."""
    figure, (left, right) = style.new_figure(10, 4.0, 1, 2, left=0.085, right=0.975, bottom=0.17, top=0.88, wspace=0.24)
    left.fill_between(lambdas, mean - std, mean + std, facecolor=GAE.color, alpha=0.18, linewidth=0)
    left.plot(lambdas, mean, **GAE.line())
    style.zero_line(left)
    left.set_ylim(-0.8, 0.92)
    left.set_xlabel("λ, at γ = 0.97")
    left.set_ylabel("estimated advantage")
    left.set_title("λ: the same mean, another std")
    style.direct_label(left, 0.02, truth, f"mean: about {truth:.3f} for every λ", GAE, dx=4, dy=58)
    style.direct_label(left, 0.75, -0.38, "± one std", GAE, dx=-90, dy=-18, fontweight="normal")
    right.plot(gammas, advantage, **style.VALUE.line(marker=""))
    right.plot(gamma, truth, **style.VALUE.line(marker="s", markersize=10))
    right.set_ylim(0, 0.092)
    right.set_xlim(0.5, 1.0)
    right.set_xlabel("γ")
    right.set_ylabel("true advantage")
    right.set_title("γ: another question, another answer")
    style.direct_label(right, gamma, truth, f"{truth:.3f} at γ = {gamma}", style.VALUE, dx=-172, dy=6)
    style.direct_label(
        right, gammas[0], advantage[0], f"{advantage[0]:.3f} at γ = {gammas[0]:g}", style.VALUE, dx=8, dy=44
    )
    return style.say(
        figure,
        f"With an exact critic the mean estimate stays near {truth:.3f} for every λ while its std grows "
        f"from {std[0]:.2f} to {std[-1]:.2f}; the true advantage itself goes from {advantage[0]:.3f} "
        f"at γ = {gammas[0]:g} to {truth:.3f} at γ = {gamma:g}.",
    )


class Family(NamedTuple):
    """Estimators of one kind, GAE by λ or k-step advantages by k, in units of reward; arrays of one length."""

    at: np.ndarray
    """Their λ or k."""
    bias: np.ndarray
    std: np.ndarray
    """Standard deviations."""
    chosen: int
    """The position to mark."""
    samples: np.ndarray
    """Estimates of the chosen one, without the harmless offset."""
