"""Learning curves, of one seed and of many, drawn while they grow and once they stand."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from rlcourse import interval, learning_curves
from rlcourse.checks import require
from rlcourse.course.figures import style


@style.styled
def learning_curve(steps, returns, total_steps, *, title, solved=None, window=20):
    """Returns of finished episodes against environment steps, their running mean, and the line that counts as solved.

    Args:
        steps, returns: arrays; episode i ended after steps[i] with returns[i].
        total_steps: right end of the axis.
        title: what is being trained, on what.
        solved: the return that counts as solved, or None.
        window: episodes in the running mean.
    """
    figure, axes = style.new_figure(9, 3.8, bottom=0.17, right=0.965)
    axes.set_title(title)
    axes.set_ylabel("return of an episode")
    _environment_steps(axes, total_steps)
    sentence = f"{title}: no episode has finished yet."
    if len(returns):
        axes.plot(steps, returns, ".", color=style.ACTION.color, markersize=5, alpha=0.8, label="one episode")
        width = min(window, len(returns))
        mean = np.convolve(returns, np.ones(width) / width, mode="valid")
        axes.plot(steps[width - 1 :], mean, "-", color=style.POLICY.ink, linewidth=2.6, label=f"mean of {width}")
        sentence = (
            f"{title}: after {steps[-1]:,} steps and {len(returns)} episodes "
            f"the mean of the last {width} returns is {mean[-1]:.1f}."
        )
    if solved is not None:
        axes.axhline(solved, color=style.VALUE.ink, linestyle="--", linewidth=1.6)
        style.direct_label(axes, 0, solved, f"solved: {solved:g}", style.VALUE, dx=8, dy=-10)
    if len(returns):
        axes.legend(loc="lower right", markerscale=2.5)
    return style.say(figure, sentence)


def _environment_steps(axes, total_steps):
    """The axis of all learning curves, in thousands from there on: its last number has to fit into the margin."""
    axes.set_xlabel("environment steps")
    axes.set_xlim(0, total_steps)
    axes.xaxis.set_major_formatter(lambda steps, _: f"{steps / 1000:g}k" if steps >= 1000 else f"{steps:g}")


COMPARED = (style.NEGATIVE, style.REWARD, style.VALUE, style.POLICY, style.HIGHLIGHT, style.NEUTRAL)


def _apart(places, gap=0.085, top=0.98):
    """Heights of labels, moved up until none touches the next, then down again if they ran over the top."""
    places = list(places)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], top - gap * (len(places) - 1 - i))
    return places


# ---------------------------------------------------------------- many seeds

POINTS = 20
"""Places along the axis at which the curves of many seeds are compared."""
RESAMPLES = 1_000
"""Of the bootstrap behind a band."""


@style.styled
def population(histories, total_steps, *, title, solved=None, seed=None):
    """Every seed's curve, faint; the interquartile mean of all, and its 95 % interval as a band.

    Args:
        histories: one per seed, as `rl.train_many` returns them.
        total_steps: right end of the axis.
        title: what is being trained, on what.
        solved: the return that counts as solved, or None.
        seed: the one to be drawn in front, or None.
    """
    figure, axes = style.new_figure(9, 4.0, bottom=0.16, right=0.965)
    axes.set_title(title)
    axes.set_ylabel("return")
    _environment_steps(axes, total_steps)
    at, curves, middle = summary(histories, total_steps)
    for curve in curves:
        axes.plot(at, curve, "-", color=style.NEUTRAL.color, linewidth=0.9, alpha=0.45)
    said = f"{title}: no episode has finished yet."
    if (reached := np.flatnonzero(~np.isnan(middle.center))).size:
        axes.fill_between(at, middle.low, middle.high, color=style.POLICY.color, alpha=0.3, linewidth=0)
        axes.plot(at, middle.center, "-", color=style.POLICY.ink, linewidth=2.8, label="middle of all seeds")
        last = reached[-1]
        said = f"{title}: after {at[last]:,} steps {len(curves)} seeds stand at {span(middle, last)}."
    if seed is not None:
        own = curves[[history.seed for history in histories].index(seed)]
        axes.plot(at, own, "-", color=style.HIGHLIGHT.ink, linewidth=2.4, label=f"seed {seed}")
        if (known := own[~np.isnan(own)]).size:
            said = f"{said[:-1]}; seed {seed} at {known[-1]:.0f}."
    if solved is not None:
        axes.axhline(solved, color=style.VALUE.ink, linestyle="--", linewidth=1.6)
        style.direct_label(axes, 0, solved, f"solved: {solved:g}", style.VALUE, dx=8, dy=-10)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower right")
    return style.say(figure, said)


@style.styled
def populations(groups, total_steps, *, title, solved=None):
    """Several algorithms or configs, each trained on many seeds: interquartile means and their 95 % intervals.

    Args:
        groups: dict from a short label to histories, one per seed; six at most.
        total_steps, title, solved: as in `population`.
    """
    figure, axes = style.new_figure(9, 4.4, bottom=0.15, right=0.76)
    axes.set_title(title)
    axes.set_ylabel("return, middle of all seeds")
    _environment_steps(axes, total_steps)
    ends, said = [], []
    for (label, histories), role in zip(groups.items(), COMPARED, strict=False):
        at, _, middle = summary(histories, total_steps)
        axes.fill_between(at, middle.low, middle.high, color=role.color, alpha=0.25, linewidth=0)
        axes.plot(at, middle.center, **role.line(markevery=4))
        if (reached := np.flatnonzero(~np.isnan(middle.center))).size:
            ends.append((middle.center[reached[-1]], label, role))
            said.append(f"{label} {span(middle, reached[-1])}")
    if solved is not None:
        axes.axhline(solved, color=style.INK, linestyle="--", linewidth=1.4)
        style.direct_label(axes, 0, solved, f"solved: {solved:g}", dx=8, dy=-12)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ends.sort(key=lambda end: end[0])
    for (value, label, role), place in zip(ends, _apart([(value - low) / (high - low) for value, *_ in ends])):
        words = f"{label}: {value:.0f}".replace(": -", ": −")
        axes.text(1.02, place, words, transform=axes.transAxes, color=role.ink, fontweight="bold", va="center")
    return style.say(figure, f"{title}: {', '.join(said) or 'no episode has finished yet'}.")


def bundle(axes, x, values, role, *, each_seed, width=3.0, alpha=0.2):
    """The seeds of one label: their mean and the range from lowest to highest, or one line each.

    Args:
        x: places [k] of the points.
        values: [seeds, k].
        role: how the label looks.
        each_seed: one line per seed in place of mean and range.
        width: of the mean's line.
        alpha: of the range.
    """
    if each_seed:
        lines = [np.column_stack([x, line]) for line in values]
        axes.add_collection(LineCollection(lines, colors=role.color, linestyles=role.linestyle, linewidths=1.8))
        return
    low, high = values.min(0), values.max(0)
    outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])])
    axes.add_collection(PolyCollection([outline], facecolor=role.color, alpha=alpha, linewidth=0))
    axes.plot(x, values.mean(0), color=role.color, linestyle=role.linestyle, linewidth=width)


def summary(histories, total_steps):
    """(steps [P], every seed's curve [S, P], Interval of [P]) of runs as far as all of them have come.

    Raises:
        ValueError: if there are fewer than two runs: an interval says how far seeds are apart.
    """
    require(len(histories) > 1, "seeds must be at least two to be drawn with an interval; rl.train trains one")
    at = np.unique(np.linspace(0, total_steps, POINTS + 1).astype(int)[1:])
    curves = learning_curves(histories, at)
    return at, curves, interval(curves, resamples=RESAMPLES)


def span(middle, at):
    """The middle of the seeds at one place, and its interval, in words: "482 (461 to 495)"."""
    numbers = (f"{x:.0f}".replace("-", "−") for x in (middle.center[at], middle.low[at], middle.high[at]))
    return "{} ({} to {})".format(*numbers)
