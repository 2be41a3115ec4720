"""Timelines: who works, who waits, and what comes of it."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import words
from rlcourse.course.figures.style import BASE_SIZE, HIGHLIGHT, INK, NEUTRAL, POLICY
from rlcourse.lessons.parallel_actor_critic.plots.looks import BIG, LEARNER, WAIT, WORK, brief

SHOWN = 8
"""Workers drawn; more would be too thin for the last row of a lecture room."""


@style.styled
def timeline(played, other, limits, *, spread, learner, duration=6.0):
    """Who works and who waits, what comes of it, and how stale the gradients are.

    Args:
        played: the Timeline to draw.
        other: the Timeline of the other mode, for comparison.
        limits: dict from mode to the largest stable step size.
        spread: standard deviation of the logarithm of the work times.
        learner: the learner's time for an update.
        duration: how much time is drawn, in mean work times.
    """
    n, mode = played.num_workers, played.mode
    figure, axes = style.new_figure(10, 6.9, left=0.115, right=0.985, bottom=0.485, top=0.86)
    name = "everybody waits for the slowest" if mode == "sync" else "nobody waits for anybody"
    if mode == "async" and played.learner_busy > 0.95:
        name = "the learner is the bottleneck"
    elif n == 1:
        name = "alone, there is nobody to wait for"
    who = f"{n} worker{'s' * (n > 1)}"
    figure.text(0.012, 0.957, f"{mode}, {who}: {name}", fontsize=BIG + 1, fontweight="bold", va="center")
    shown = min(n, SHOWN)
    numbered = _workers(axes, played, shown, learner, duration)
    _updates(axes, played, shown + 0.15, learner, duration)
    _time_axes(axes, shown, duration)
    _time_key(axes, played, shown, learner, numbered)
    _comparison(figure, played, other, limits)
    _staleness(figure.add_axes((0.675, 0.115, 0.31, 0.235)), played)
    return style.say(
        figure,
        f"{mode}, std of log times {spread:g}, learner's time {learner:g}: {who} at work {played.efficiency:.0%} "
        f"of the time, {brief(played.updates_per_time)} updates per mean work time from "
        f"{brief(played.gradients_per_time)} gradients, mean staleness {brief(played.mean_staleness)}, "
        f"largest stable step {brief(limits[mode])}" + (f"; {shown} of the workers are drawn." if shown < n else "."),
    )


TALL = 0.74
"""Height of a bar; rows are 1 apart."""


def _workers(axes, played, shown, learner, duration):
    """A row for each worker: at work, waiting, and, if every gradient is applied alone, with the learner.

    Returns whether any bar carries a number.
    """
    work, wait, applying = [], [], []
    applied = np.full(len(played.worker), np.inf)
    applied[: len(played.applied)] = played.applied
    mine = np.flatnonzero((played.worker < shown) & (played.start < duration))
    for k in mine:
        row, finish, done = played.worker[k], played.finish[k], applied[k]
        work.append(_bar(played.start[k], finish, row))
        taking = done - learner if played.mode == "async" else done
        if taking > finish + 1e-9:
            wait.append(_bar(finish, min(taking, duration + 1), row))
        if played.mode == "async" and learner > 0 and taking < duration:
            applying.append(_bar(taking, done, row))
    for bars, look in (
        (wait, WAIT.bar(linewidth=0.8, facecolor="#fbe3d3")),
        (work, WORK.bar(linewidth=1.6, edgecolor="white")),  # a white seam between one gradient and the next
        (applying, LEARNER.bar(linewidth=0.8)),
    ):
        if bars:
            axes.add_collection(PolyCollection(bars, **look))
    if played.mode == "sync":
        return False
    fresh_enough = [k for k in mine if k < len(played.staleness) and applied[k] < duration]
    return _staleness_on_bars(axes, played, fresh_enough)


def _staleness_on_bars(axes, played, chosen):
    """How stale each of the chosen gradients was, on its bar, where there is room; whether there was room for any."""
    roomy = [k for k in chosen if played.finish[k] - played.start[k] > 0.42]
    look = {"color": "white", "fontweight": "bold", "fontsize": BASE_SIZE - 1}
    for k in roomy:
        middle = (played.start[k] + played.finish[k]) / 2
        words(axes, middle, played.worker[k], str(played.staleness[k]), **look)
    return bool(roomy)


def _updates(axes, played, row, learner, duration):
    """The learner's own row: a stroke for every update; in synchronous mode barriers through all rows."""
    updates = played.updated[played.updated < duration]
    if learner > 0:
        begun = played.updated[played.updated - learner < duration]  # the last one goes on beyond the picture
        bars = [_bar(t - learner, t, row) for t in begun]
        axes.add_collection(PolyCollection(bars, **LEARNER.bar(hatch="", linewidth=0.6)))
    strokes = [[(t, row - TALL / 2), (t, row + TALL / 2)] for t in updates]
    width = 1.6 if len(updates) < 150 else 0.8
    axes.add_collection(LineCollection(strokes, colors=LEARNER.ink, linewidths=width))
    if played.mode == "sync":
        barriers = [[(t - learner, -0.6), (t - learner, row - TALL / 2)] for t in updates]
        axes.add_collection(LineCollection(barriers, colors=INK, linewidths=2.4, zorder=4))


def _time_axes(axes, shown, duration):
    """Rows by name, time in mean work times."""
    row = shown + 0.15
    axes.set_xlim(0, duration)
    axes.set_ylim(row + 0.6, -0.6)
    style.set_ticks(axes.yaxis, [*range(shown), row], [*(f"worker {i + 1}" for i in range(shown)), "updates"])
    style.set_ticks(axes.xaxis, range(int(duration) + 1))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time, in mean work times", labelpad=1)


def _time_key(axes, played, shown, learner, numbered):
    """What the bars are, and how many of the workers are drawn."""
    some = f"the first {shown} of {played.num_workers} workers" if shown < played.num_workers else "every worker"
    keys = [(0.0, "■ works" + (" (number: staleness)" if numbered else ""), WORK.ink)]
    keys += [(0.365 if numbered else 0.135, "▨ waits", WAIT.ink)]
    keys += [(0.49 if numbered or played.mode == "sync" else 0.265, "■ learner", LEARNER.ink)] if learner > 0 else []
    keys += [(0.265, "| barrier", INK)] if played.mode == "sync" else []
    for x, text, color in keys:
        axes.text(x, 1.055, text, transform=axes.transAxes, color=color, fontweight="bold", va="center")
    axes.text(1.0, 1.055, some, transform=axes.transAxes, ha="right", va="center")


def _bar(begin, end, row):
    low, high = row - TALL / 2, row - TALL / 2 + TALL
    return [(begin, low), (begin, high), (end, high), (end, low)]


def _comparison(figure, played, other, limits):
    """The mode on screen in numbers, in a frame; beside the asynchronous one the synchronous."""
    pair = {line.mode: line for line in (played, other)}
    lines = (
        ("workers at work", lambda t: f"{t.efficiency:.0%}"),
        ("updates per unit of time", lambda t: brief(t.updates_per_time)),
        ("gradients per unit of time", lambda t: brief(t.gradients_per_time)),
        ("gradients averaged in one update", lambda t: str(t.num_workers if t.mode == "sync" else 1)),
        ("mean staleness, in updates", lambda t: brief(t.mean_staleness)),
        ("largest stable step size, ηₘₐₓ", lambda t: brief(limits[t.mode])),
    )
    heights = [0.368 - 0.056 * row for row in range(len(lines) + 1)]
    shown = ((0.41, "sync"), (0.53, "async")) if played.mode == "async" else ((0.41, "sync"),)
    for x, mode in shown:  # what the price of not waiting is, the reader finds out
        chosen = mode == played.mode
        look = {
            "fontweight": "bold" if chosen else "normal",
            "color": POLICY.ink if chosen else NEUTRAL.ink,
            "fontsize": BIG,
            "va": "center_baseline",
        }
        if chosen:
            figure.add_artist(
                Rectangle((x - 0.055, 0.004), 0.11, 0.394, facecolor="#eef4f9", edgecolor=POLICY.ink, linewidth=1.6)
            )
        for y, text in zip(heights, (mode, *(write(pair[mode]) for _, write in lines))):
            words(figure, x, y, text, **look)
    for y, (text, _) in zip(heights[1:], lines):
        figure.text(0.012, y, text, va="center_baseline")


def _staleness(axes, played):
    """A histogram of how old the gradients are, and their mean."""
    stale = played.steady_staleness
    high = int(max(np.quantile(stale, 0.995), 4))
    edges = np.arange(-0.5, high + 1.5, max(1, -(-high // 40)))
    shares = np.histogram(np.minimum(stale, edges[-1] - 0.5), edges)[0] / len(stale)
    bars = [[(low, 0), (low, share), (up, share), (up, 0)] for low, up, share in zip(edges, edges[1:], shares)]
    axes.add_collection(PolyCollection(bars, **WORK.bar(linewidth=0.8)))
    axes.set_xlim(-0.5, edges[-1])
    axes.set_ylim(0, 1.3 * shares.max())
    mean = played.mean_staleness
    axes.axvline(mean, ymax=0.8, color=HIGHLIGHT.ink, linewidth=2.4, linestyle="--")
    right = mean > 0.5 * edges[-1]
    axes.text(
        mean,
        1.2 * shares.max(),
        f"mean {brief(mean)}",
        color=HIGHLIGHT.ink,
        fontweight="bold",
        va="center",
        ha="right" if right else "left",
    )
    style.set_ticks(axes.yaxis, [])
    every = next(gap for gap in (1, 2, 5, 10, 20, 50, 100) if high <= 7 * gap)
    style.set_ticks(axes.xaxis, range(0, high + 1, every))
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("updates since the copy", labelpad=1)
    axes.set_title("how stale the gradients are")
