"""The chase: a critic runs after a target that its own copy sets; copies, fast and slow."""

import math

import numpy as np
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.style import BASE_SIZE, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG = BASE_SIZE + 3


def _verdict(rate):
    if rate < 1 - 1e-9:
        return "it settles", POLICY
    return ("on the edge", NEUTRAL) if rate < 1 + 1e-9 else ("it runs away", NEGATIVE)


def _rate(rate):
    """A factor, with as many digits as it takes to see on which side of 1 it lies."""
    far = abs(rate - 1)
    return f"{rate:.{2 if far >= 0.05 else 3 if far >= 0.001 else 4}f}"


@style.styled
def chase(path, rate, chart, *, how, step_size, gain, angle, updates, others=None):
    """A critic's weights running after their target, the growth factor, and where in the plane it is below 1.

    Args:
        path: a Chase, seen from the fixed point.
        rate: growth of the error an update.
        chart: (x values, y values, growth on that grid, name of x, name of y, position of the setting).
        how: the scheme and its parameter, in words.
        step_size, gain, angle: η, g, φ.
        updates: how many of the path's updates are drawn.
        others: scheme in words -> growth, to be written beside each other; None for the chosen one only.
    """
    figure, left = style.new_figure(10, 6.3, left=0.06, right=0.47, bottom=0.115, top=0.8)
    right, below = figure.add_axes((0.565, 0.44, 0.42, 0.36)), figure.add_axes((0.565, 0.115, 0.42, 0.165))
    said, role = _verdict(rate)
    figure.text(
        0.012,
        0.95,
        f"{how}: error × {_rate(rate)} at each update, {said}",
        fontsize=BIG,
        fontweight="bold",
        va="center",
        color=role.ink,
    )
    if others:
        for place, (name, value) in zip((0.012, 0.3, 0.62), others.items(), strict=True):
            figure.text(
                place,
                0.888,
                f"{name}: × {_rate(value)}",
                va="center",
                color=_verdict(value)[1].ink,
                fontweight="bold" if name == how else "normal",
            )
    _draw_path(left, path, updates, role)
    left.set_title(f"after {updates} update{'s' * (updates != 1)}")
    _draw_chart(right, chart)
    _draw_errors(below, path, updates, role)
    left_at = np.hypot(*path.weights[updates])
    return style.say(
        figure,
        f"Chase with η = {step_size:g}, g = {gain:g}, φ = {angle:g}°, {how}: the error is multiplied by {_rate(rate)} "
        f"at each update in the long run, {said}; after {updates} updates it is {_short(left_at)} times what it was.",
    )


def _draw_errors(axes, path, updates, role):
    """The distance to the answer, on a logarithmic axis."""
    errors = np.hypot(*path.weights.T).clip(1e-9, 1e9)
    axes.plot(np.arange(updates + 1), np.log10(errors[: updates + 1]), color=role.color, linewidth=2.4)
    last, edge = np.log10(errors[updates]), 2.3
    sign = "^" if last > edge else "v" if last < -edge else "o"  # an arrow at the border for what lies beyond it
    axes.plot(
        updates,
        np.clip(last, -edge, edge),
        marker=sign,
        markersize=8,
        color=role.color,
        markeredgecolor=role.ink,
        clip_on=False,
        zorder=5,
    )
    axes.set(xlim=(0, len(errors) - 1), ylim=(-edge, edge))
    style.zero_line(axes, linewidth=0.8)
    style.set_ticks(axes.yaxis, (-2, 0, 2), ("0.01", "1", "100"))
    style.set_ticks(axes.xaxis, range(0, len(errors), 20))
    axes.set_xlabel("updates", labelpad=1)
    axes.set_title("distance to the answer")


def _short(value):
    return f"{value:.2g}" if 0.01 <= value < 100 else f"{value:.0e}" if value else "0"


def _draw_path(axes, path, updates, role):
    """The critic's weights in the plane, update by update, and the target that each of them ran after."""
    weights, targets = path.weights[: updates + 1], path.targets[: updates + 1]
    reach = float(np.clip(1.12 * np.abs(np.vstack([weights, targets[-1:]])).max(), 1.15, 4.0))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    axes.set_aspect("equal", adjustable="box")
    axes.plot(0, 0, marker="P", markersize=12, color=VALUE.ink, zorder=4)
    axes.plot(*weights[0], marker="s", markersize=9, markerfacecolor="white", markeredgecolor=INK, zorder=4)
    axes.plot(
        *targets.T,
        linestyle="",
        marker="o",
        markersize=7,
        markerfacecolor="none",
        markeredgecolor=REWARD.color,
        markeredgewidth=1.6,
        zorder=2,
    )
    axes.plot(*weights.T, color=role.color, linewidth=2, marker="o", markersize=4, markeredgecolor=role.ink, zorder=3)
    inside = np.abs(weights[-1]).max() < reach
    if inside:
        axes.plot(*weights[-1], marker="o", markersize=13, color=role.color, markeredgecolor=INK, zorder=6)
        if np.abs(targets[-1]).max() < reach:
            axes.plot(*np.array([weights[-1], targets[-1]]).T, color=REWARD.ink, linewidth=1.8, linestyle=":", zorder=5)
            axes.plot(
                *targets[-1],
                marker="o",
                markersize=15,
                markerfacecolor="none",
                markeredgecolor=REWARD.ink,
                markeredgewidth=2.6,
                zorder=5,
            )
            axes.plot(*targets[-1], marker="x", markersize=9, color=REWARD.ink, markeredgewidth=2.4, zorder=5)
    else:
        axes.text(
            0.5,
            0.04,
            "out of the picture",
            transform=axes.transAxes,
            ha="center",
            color=NEGATIVE.ink,
            fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1},
        )
    ticks = (-1, 0, 1) if reach < 2 else (-2, 0, 2) if reach < 3 else (-3, 0, 3)
    for axis in (axes.xaxis, axes.yaxis):
        style.set_ticks(axis, ticks)
    axes.set_xlabel("✚ answer   □ start   ● critic   ⊗ its target", labelpad=2)


def _draw_chart(axes, chart):
    """Growth factors over two parameters: blue where the error shrinks, red where it grows; a ball at the setting."""
    xs, ys, rates, x_name, y_name, here = chart
    edges = (xs[0], xs[-1], ys[0], ys[-1])
    stable = np.where(rates < 1, 1.0, 0.0)
    shade = np.clip(np.log(np.maximum(rates, 1e-3)) / math.log(1.5), -1, 1)
    colors = np.where(stable[..., None] > 0, (0.0, 0.447, 0.698), (0.835, 0.369, 0.0))
    weight = 0.12 + 0.5 * np.abs(shade)[..., None]
    axes.imshow(
        1 - weight * (1 - colors), extent=edges, origin="lower", aspect="auto", interpolation="nearest", zorder=0
    )
    if rates.min() < 1 < rates.max():
        axes.contour(xs, ys, rates, levels=[1.0], colors=[INK], linewidths=1.8)
    axes.plot(
        *here,
        marker="o",
        markersize=14,
        markerfacecolor="white",
        markeredgecolor=INK,
        markeredgewidth=2.6,
        zorder=6,
        clip_on=False,
    )
    axes.set(xlim=edges[:2], ylim=edges[2:])
    for axis, name in ((axes.xaxis, x_name), (axes.yaxis, y_name)):
        style.set_ticks(axis, (0, 45, 90, 135, 180) if name.startswith("angle") else (0.5, 1.0, 1.5))
    axes.set_xlabel(x_name, labelpad=1)
    axes.set_ylabel(y_name, labelpad=1)
    axes.text(0.0, 1.06, "■ settles", color=POLICY.ink, fontweight="bold", transform=axes.transAxes)
    axes.text(0.3, 1.06, "■ runs away", color=NEGATIVE.ink, fontweight="bold", transform=axes.transAxes)


@style.styled
def how_slow(weights, lines, copies, hard):
    """Updates until the error is a hundred times smaller, against κ and against K.

    Args:
        weights: κ.
        lines: name of a chase -> updates needed, one an entry of `weights`; infinite where it runs away.
        copies: K.
        hard: name of a chase -> updates needed, one an entry of `copies`.
    """
    figure, axes = style.new_figure(10, 4.9, 1, 2, left=0.1, right=0.985, bottom=0.15, top=0.86, wspace=0.12)
    roles = (VALUE, POLICY)
    said = []
    for ax, xs, found, name, ticks in (
        (axes[0], weights, lines, "κ, weight on the online network", (0.001, 0.01, 0.1, 1)),
        (axes[1], copies, hard, "K, updates between two copies", (1, 10, 100, 1000)),
    ):
        ax.set(xscale="log", yscale="log", ylim=(3, 3e4), xlim=(0.8 * min(xs), 1.25 * max(xs)))
        for (label, needed), role in zip(found.items(), roles, strict=True):
            needed, here = np.asarray(needed), np.asarray(xs)
            works = np.isfinite(needed)
            ax.plot(here[works], needed[works], color=role.color, linewidth=3)
            best = int(np.argmin(np.where(works, needed, np.inf)))
            ax.plot(here[best], needed[best], marker="o", markersize=11, color=role.color, markeredgecolor=role.ink)
            said.append(f"{label}: best at {here[best]:.2g} with {needed[best]:.0f} updates")
            if not works.all():
                lost = here[~works]
                ax.axvspan(lost.min(), 2 * lost.max(), color=NEGATIVE.color, alpha=0.16, linewidth=0)
                at_edge = lost.min() == here.min()
                ax.text(
                    1.08 if at_edge else math.sqrt(lost.min() * 1.2 * lost.max()),
                    1.2e4,
                    "runs\naway",
                    ha="left" if at_edge else "center",
                    va="center",
                    color=NEGATIVE.ink,
                    fontweight="bold",
                )
        style.set_ticks(ax.xaxis, ticks, ticks)
        style.set_ticks(ax.yaxis, (10, 100, 1000, 10_000), ("10", "100", "1k", "10k") if ax is axes[0] else [""] * 4)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_minor_locator(NullLocator())
        ax.set_xlabel(name)
    axes[0].set_title("Polyak copies")
    axes[1].set_title("hard copies")
    axes[0].set_ylabel("updates until 1 % of the error is left", labelpad=1)
    for k, (label, role) in enumerate(zip(lines, roles, strict=True)):
        axes[0].text(
            0.03, 0.12 - 0.08 * k, f"■ {label}", color=role.ink, fontweight="bold", transform=axes[0].transAxes
        )
    return style.say(figure, f"Updates until the error is a hundred times smaller. {'; '.join(said)}.")


@style.styled
def following(curves, updates):
    """How Polyak copies and hard copies follow a weight that jumps from 0 to 1, and then one that grows steadily.

    Args:
        curves: name -> (copy after a jump, copy after steady growth), each one an entry an update.
        updates: 0, 1, 2, ...
    """
    figure, axes = style.new_figure(10, 4.4, 1, 2, left=0.085, right=0.985, bottom=0.155, top=0.88, wspace=0.24)
    roles = (POLICY, REWARD, VALUE)
    for (name, lines), role in zip(curves.items(), roles, strict=True):
        for ax, line in zip(axes, lines, strict=True):
            ax.plot(
                updates, line, color=role.color, linewidth=2.6, linestyle="-" if "hard" not in name else (0, (5, 1.5))
            )
        axes[1].text(
            0.03,
            0.93 - 0.09 * list(curves).index(name),
            f"■ {name}",
            color=role.ink,
            fontweight="bold",
            va="center",
            transform=axes[1].transAxes,
        )
    axes[0].plot([0, 0, updates[-1]], [0, 1, 1], color=INK, linewidth=1.6)
    axes[1].plot([0, updates[-1]], [0, updates[-1]], color=INK, linewidth=1.6)
    axes[0].axhline(0.5, color=NEUTRAL.color, linewidth=1.2, linestyle=":")
    axes[0].set(xlim=(0, updates[-1]), ylim=(0, 1.08), xlabel="updates")
    axes[1].set(xlim=(0, updates[-1]), ylim=(0, updates[-1]), xlabel="updates")
    style.set_ticks(axes[0].yaxis, (0, 0.5, 1))
    style.set_ticks(axes[0].xaxis, range(0, int(updates[-1]) + 1, 100))
    style.set_ticks(axes[1].xaxis, range(0, int(updates[-1]) + 1, 100))
    style.set_ticks(axes[1].yaxis, range(0, int(updates[-1]) + 1, 100))
    axes[0].set_ylabel("share of the jump")
    axes[1].set_ylabel("weight")
    axes[0].set_title("black: a weight that jumps")
    axes[1].set_title("black: a weight that keeps moving")
    last = updates[-1]
    ends = "; ".join(f"{name} {lines[0][-1]:.2f} and {last - lines[1][-1]:.0f}" for name, lines in curves.items())
    return style.say(figure, f"Copies after {last:.0f} updates, share of a jump covered and updates behind: {ends}.")
