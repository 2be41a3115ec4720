"""Figures of lesson 05, first half: workers and their copies, timelines, B samples of many or of one, staleness."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.ticker import NullLocator

from rlcourse.plots import style
from rlcourse.plots.style import BASE_SIZE, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = BASE_SIZE + 2, style.SMALLEST_SIZE
WORK, WAIT, LEARNER = POLICY, NEGATIVE, VALUE
"""What a worker or the learner is doing at a moment."""
MANY, ONE = POLICY, NEGATIVE
"""Samples of many actors, of a single one."""
PALE = "#eef4f9"


def _brief(value):
    """Three significant digits at most, and none that says nothing: 0.101, 15, 6,400."""
    if value >= 99.5:
        return f"{value:,.0f}"
    text = f"{value:.{2 if value >= 0.995 else 3}g}" if value < 9.95 else f"{value:.1f}"
    return text.removesuffix(".0")


def _centered(axes, x, y, text, **changes):
    return axes.text(x, y, text, **{"ha": "center", "va": "center", **changes})


# ---------------------------------------------------------------- one network, many copies


@style.styled
def shared_network(mode, shared, copies, doing, log):
    """A learner with the shared network above, workers with copies and environments below.

    Args:
        mode: "sync" or "async".
        shared: number of updates the shared weights have seen.
        copies: the same of every worker's copy.
        doing: what every worker does now: "works", "waits", "hands in", "copies".
        log: a sentence on what just happened.
    """
    figure, axes = style.new_figure(10, 6.4, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 10), ylim=(0, 6.4))
    axes.axis("off")
    head = "synchronous: wait, average, update once"
    if mode == "async":
        head = "asynchronous: every gradient at once, alone"
    axes.text(0.25, 6.08, head, fontsize=BIG, fontweight="bold", va="center")
    axes.text(0.25, 5.68, log, va="center", color=HIGHLIGHT.ink, fontweight="bold")

    _box(axes, 2.3, 3.72, 5.4, 1.65, LEARNER)
    axes.text(2.48, 5.13, "learner: shared weights", fontweight="bold", color=LEARNER.ink, va="center")
    _network(axes, 2.85, 4.4)
    _centered(axes, 6.8, 4.62, f"v{shared}", fontsize=30, fontweight="bold", color=LEARNER.ink)
    _centered(axes, 6.8, 4.08, "updates so far", fontsize=SMALL)

    wide = 10 / len(copies)
    for i, (copy, state) in enumerate(zip(copies, doing, strict=True)):
        x = (i + 0.5) * wide
        role = {"works": WORK, "waits": WAIT, "hands in": LEARNER, "copies": LEARNER}[state]
        port = 2.9 + 4.2 * (i + 0.5) / len(copies)
        moving = state in ("hands in", "copies")  # a gradient goes up, or weights come down
        axes.annotate("", (port, 3.7), (x, 3.02), arrowprops={
            "arrowstyle": {"hands in": "-|>", "copies": "<|-"}.get(state, "-"), "linewidth": 3.4 if moving else 1.3,
            "color": LEARNER.ink if moving else NEUTRAL.color, "mutation_scale": 22})
        _box(axes, x - 0.98, 1.52, 1.96, 1.46, role)
        axes.text(x - 0.86, 2.75, f"worker {i + 1}", fontweight="bold", va="center", color=role.ink)
        _centered(axes, x - 0.47, 2.2, f"v{copy}", fontsize=23, fontweight="bold", color=role.ink)
        _centered(axes, x - 0.47, 1.76, "its copy", fontsize=SMALL)
        _centered(axes, x + 0.47, 2.27, state, fontweight="bold", color=role.ink)
        late = shared - copy
        _centered(axes, x + 0.47, 1.87, "up to date" if late == 0 else f"{late} behind", fontsize=SMALL,
                  color=INK if late == 0 else WAIT.ink, fontweight="bold" if late else "normal")
        axes.annotate("", (x - 0.3, 1.03), (x - 0.3, 1.5), arrowprops={"arrowstyle": "-|>", "color": NEUTRAL.ink})
        axes.annotate("", (x + 0.3, 1.5), (x + 0.3, 1.03), arrowprops={"arrowstyle": "-|>", "color": NEUTRAL.ink})
        axes.text(x - 0.38, 1.26, "a", ha="right", va="center", fontsize=SMALL)
        axes.text(x + 0.38, 1.26, "s, r", ha="left", va="center", fontsize=SMALL)
        _box(axes, x - 0.98, 0.45, 1.96, 0.56, NEUTRAL)
        _centered(axes, x, 0.73, f"environment {i + 1}")
    said = "; ".join(
        f"worker {i + 1} {state} with v{copy}" for i, (copy, state) in enumerate(zip(copies, doing, strict=True)))
    return style.say(figure, f"{head.capitalize()}. The shared weights have seen {shared} updates; {said}. {log}")


def _box(axes, x, y, width, height, role):
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.1",
                                  facecolor="white", edgecolor=role.ink, linewidth=2))
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=0.1",
                                  facecolor=role.color, edgecolor="none", alpha=0.13))


def _network(axes, x, y):
    """Input s, a layer in common, and two heads."""
    spots = {"s": (x, y), "h": (x + 1.05, y), "pi": (x + 2.25, y + 0.33), "v": (x + 2.25, y - 0.33)}
    lines = [[spots[a], spots[b]] for a, b in (("s", "h"), ("h", "pi"), ("h", "v"))]
    axes.add_collection(LineCollection(lines, colors=INK, linewidths=1.6, zorder=1))
    for name, text, role in (("s", "s", NEUTRAL), ("h", "", NEUTRAL), ("pi", "π(a|s)", POLICY), ("v", "V(s)", VALUE)):
        cx, cy = spots[name]
        half = 0.3 if name in "sh" else 0.48
        axes.add_patch(FancyBboxPatch((cx - half, cy - 0.24), 2 * half, 0.48, facecolor="white", edgecolor=role.ink,
                                      boxstyle="round,pad=0,rounding_size=0.12", linewidth=1.8, zorder=2))
        _centered(axes, cx, cy, text, fontweight="bold", color=role.ink, zorder=3)
    for dx in (-0.12, 0.0, 0.12):
        axes.plot(x + 1.05 + dx, y, "o", markersize=4.5, color=INK, zorder=3)


# ---------------------------------------------------------------- timelines


SHOWN = 8
"""Workers drawn; more would be too thin for the last row of a lecture room."""


@style.styled
def timeline(played, other, limits, *, spread, learner, duration=6.0):
    """Who works and who waits, what comes of it, and how stale the gradients are.

    Args:
        played: the Timeline to draw.
        other: the Timeline of the other mode, for comparison.
        limits: dict from mode to the largest stable step size.
        spread: of the work times, for the title.
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
    figure.text(0.012, 0.957, f"{mode}, {n} worker{'s' * (n > 1)}: {name}", fontsize=BIG + 1, fontweight="bold",
                va="center")
    shown = min(n, SHOWN)
    _gantt(axes, played, shown, learner, duration)
    _comparison(figure, played, other, limits)
    _staleness(figure.add_axes((0.675, 0.115, 0.31, 0.235)), played)
    who = f"{n} worker{'s' * (n > 1)}"
    return style.say(
        figure,
        f"{mode}, spread {spread:g}, learner's time {learner:g}: {who} at work {played.efficiency:.0%} of the time, "
        f"{_brief(played.updates_per_time)} updates per mean work time from {_brief(played.gradients_per_time)} "
        f"gradients, mean staleness {_brief(played.mean_staleness)}, largest stable step {_brief(limits[mode])}"
        + (f"; {shown} of the workers are drawn." if shown < n else "."),
    )


def _gantt(axes, played, shown, learner, duration):
    tall = 0.74
    work, wait, applying = [], [], []
    applied = np.full(len(played.worker), np.inf)
    applied[: len(played.applied)] = played.applied
    mine = (played.worker < shown) & (played.start < duration)
    rows = zip(played.worker[mine], played.start[mine], played.finish[mine], applied[mine])
    numbers = np.flatnonzero(mine)
    for worker, start, finish, done in rows:
        low = worker - tall / 2
        work.append(_bar(start, finish, low, tall))
        taking = done - learner if played.mode == "async" else done
        if taking > finish + 1e-9:
            wait.append(_bar(finish, min(taking, duration + 1), low, tall))
        if played.mode == "async" and learner > 0 and taking < duration:
            applying.append(_bar(taking, done, low, tall))
    for bars, look in (
        (wait, WAIT.bar(linewidth=0.8, facecolor="#fbe3d3")),
        (work, WORK.bar(linewidth=1.6, edgecolor="white")),  # a white seam between one gradient and the next
        (applying, LEARNER.bar(linewidth=0.8)),
    ):
        if bars:
            axes.add_collection(PolyCollection(bars, **look))
    updates = played.updated[played.updated < duration]
    row = shown + 0.15
    if learner > 0:
        axes.add_collection(PolyCollection(
            [_bar(t - learner, t, row - tall / 2, tall) for t in updates], **LEARNER.bar(hatch="", linewidth=0.6)))
    axes.add_collection(LineCollection([[(t, row - tall / 2), (t, row + tall / 2)] for t in updates],
                                       colors=LEARNER.ink, linewidths=1.6 if len(updates) < 150 else 0.8))
    if played.mode == "sync":
        barriers = [[(t - learner, -0.6), (t - learner, row - tall / 2)] for t in updates]
        axes.add_collection(LineCollection(barriers, colors=INK, linewidths=2.4, zorder=4))
    else:  # how stale each gradient was, on its bar, where there is room
        for k in numbers:
            if k < len(played.staleness) and applied[k] < duration and played.finish[k] - played.start[k] > 0.42:
                _centered(axes, (played.start[k] + played.finish[k]) / 2, played.worker[k], str(played.staleness[k]),
                          color="white", fontweight="bold", fontsize=BASE_SIZE - 1)
    axes.set_xlim(0, duration)
    axes.set_ylim(row + 0.6, -0.6)
    style.set_ticks(axes.yaxis, [*range(shown), row], [*(f"worker {i + 1}" for i in range(shown)), "updates"])
    style.set_ticks(axes.xaxis, range(int(duration) + 1))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time, in mean work times", labelpad=1)
    some = f"the first {shown} of {played.num_workers} workers" if shown < played.num_workers else "every worker"
    keys = [(0.0, "■ works" + (" (number: staleness)" if played.mode == "async" else ""), WORK)]
    keys += [(0.365 if played.mode == "async" else 0.135, "▨ waits", WAIT)]
    keys += [(0.49, "■ learner", LEARNER)] if learner > 0 else []
    keys += [(0.265, "| barrier", None)] if played.mode == "sync" else []
    for x, text, role in keys:
        axes.text(x, 1.055, text, transform=axes.transAxes, color=role.ink if role else INK, fontweight="bold",
                  va="center")
    axes.text(1.0, 1.055, some, transform=axes.transAxes, ha="right", va="center")


def _bar(begin, end, low, tall):
    return [(begin, low), (begin, low + tall), (end, low + tall), (end, low)]


def _comparison(figure, played, other, limits):
    """Both modes in numbers; the one on screen stands in a frame."""
    pair = {line.mode: line for line in (played, other)}
    lines = (
        ("workers at work", lambda t: f"{t.efficiency:.0%}"),
        ("updates per unit of time", lambda t: _brief(t.updates_per_time)),
        ("gradients per unit of time", lambda t: _brief(t.gradients_per_time)),
        ("gradients averaged in one update", lambda t: str(t.num_workers if t.mode == "sync" else 1)),
        ("mean staleness, in updates", lambda t: _brief(t.mean_staleness)),
        ("largest stable step size, ηₘₐₓ", lambda t: _brief(limits[t.mode])),
    )
    heights = [0.368 - 0.056 * row for row in range(len(lines) + 1)]
    for x, mode in ((0.41, "sync"), (0.53, "async")):
        chosen = mode == played.mode
        look = {"fontweight": "bold" if chosen else "normal", "color": POLICY.ink if chosen else NEUTRAL.ink,
                "fontsize": BIG, "va": "center_baseline"}
        if chosen:
            figure.add_artist(Rectangle((x - 0.055, 0.004), 0.11, 0.394, facecolor=PALE, edgecolor=POLICY.ink,
                                        linewidth=1.6))
        for y, text in zip(heights, (mode, *(write(pair[mode]) for _, write in lines))):
            _centered(figure, x, y, text, **look)
    for y, (text, _) in zip(heights[1:], lines):
        figure.text(0.012, y, text, va="center_baseline")


def _staleness(axes, played):
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
    axes.text(mean, 1.2 * shares.max(), f"mean {_brief(mean)}", color=HIGHLIGHT.ink, fontweight="bold", va="center",
              ha="right" if right else "left")
    style.set_ticks(axes.yaxis, [])
    every = next(gap for gap in (1, 2, 5, 10, 20, 50, 100) if high <= 7 * gap)
    style.set_ticks(axes.xaxis, range(0, high + 1, every))
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("updates since the copy", labelpad=1)
    axes.set_title("how stale the gradients are")


# ---------------------------------------------------------------- B samples, of many actors or of one


@style.styled
def consecutive(sizes, independent, in_a_row, chosen, *, clouds, cosines, truth, cells):
    """The variance of a mean of B gradients against B, and where single means lie around the true gradient.

    Args:
        sizes: batch sizes B.
        independent, in_a_row: exact total variances, one an entry of `sizes`.
        chosen: position in `sizes` to mark.
        clouds: two arrays [draws, 2], means of B gradients of many actors and of one, along the true gradient
            and across it; in units of its length.
        cosines: mean cosine with the true gradient, of both.
        truth: total variance is in units of this squared length: |true gradient|².
        cells: length of the corridor.
    """
    size, many, one = sizes[chosen], independent[chosen] / truth, in_a_row[chosen] / truth
    ratio = one / many
    figure, (left, right) = style.new_figure(10, 5.4, 1, 2, left=0.1, right=0.985, bottom=0.125, top=0.8, wspace=0.17)
    said = "no difference yet" if size == 1 else f"{ratio:.1f} times the variance with one actor"
    figure.text(0.012, 0.945, f"B = {size}, {cells} cells: {said}", fontsize=BIG + 1, fontweight="bold", va="center")

    left.set(xscale="log", yscale="log", xlim=(0.8, 900), ylim=(0.015, 150))
    left.plot(sizes, in_a_row / truth, **ONE.line(markersize=6))
    left.plot(sizes, independent / truth, **MANY.line(markersize=6))
    for value, role in ((one, ONE), (many, MANY)):
        left.plot(size, value, **role.line(markersize=14, linestyle=""))
    if size > 1:
        left.plot([size, size], [many, one], color=HIGHLIGHT.ink, linewidth=4, solid_capstyle="butt", zorder=5)
        style.direct_label(left, size, np.sqrt(one * many), f"× {ratio:.1f}", HIGHLIGHT, fontsize=BIG + 1, dx=13, dy=0)
    left.text(0.97, 0.95, "one actor, B steps in a row", color=ONE.ink, fontweight="bold", transform=left.transAxes,
              ha="right", va="center")
    left.text(0.03, 0.07, "B actors, one step each", color=MANY.ink, fontweight="bold", transform=left.transAxes,
              va="center")
    style.set_ticks(left.xaxis, (1, 4, 16, 64, 256), (1, 4, 16, 64, 256))
    style.set_ticks(left.yaxis, (0.1, 1, 10, 100), (0.1, 1, 10, 100))
    for axis in (left.xaxis, left.yaxis):
        axis.set_minor_locator(NullLocator())
    left.set_xlabel("samples in one update, B")
    left.set_ylabel("in squared lengths of the true gradient", labelpad=2)
    left.set_title("variance of the mean gradient")

    reach = 6.0
    for cloud, role, mark in zip(clouds[::-1], (ONE, MANY), (26, 22)):
        right.scatter(*cloud.T, s=mark, alpha=0.55, linewidths=0.4, **role.points())
    right.annotate("", (1, 0), (0, 0), zorder=7, arrowprops={
        "arrowstyle": "-|>", "linewidth": 3.4, "color": INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 22})
    right.set(xlim=(-reach / 2, 1 + reach / 2), ylim=(-reach / 2, reach / 2))
    right.set_title("300 such means; arrow: the truth")
    style.set_ticks(right.xaxis, (-3, -2, -1, 0, 1, 2, 3, 4))
    style.set_ticks(right.yaxis, (-2, 0, 2))
    right.set_xlabel("along the true gradient, in its lengths")
    for y, text, role, cosine in ((0.95, "● many actors", MANY, cosines[0]), (0.05, "▼ one actor", ONE, cosines[1])):
        right.text(0.02, y, f"{text}: cosine {cosine:.2f}", color=role.ink, fontweight="bold", va="center",
                   transform=right.transAxes, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2})
    return style.say(
        figure,
        f"Corridor of {cells} cells, mean of B = {size} gradients: its variance, in squared lengths of the true "
        f"gradient, is {_brief(many)} if every sample has its own actor and {_brief(one)}, {ratio:.1f} times as much, "
        f"if one actor gives all; cosine with the truth {cosines[0]:.2f} and {cosines[1]:.2f}.",
    )


# ---------------------------------------------------------------- old gradients


@style.styled
def stale_descent(path, fresh, *, delay, step, limit):
    """Gradient descent on w²/2 with gradients `delay` updates old, beside the same with fresh ones.

    Args:
        path, fresh: w_0, w_1, ...
        delay, step: D and η.
        limit: the largest stable step size at this delay.
    """
    figure, axes = style.new_figure(10, 4.9, left=0.075, right=0.975, bottom=0.135, top=0.8)
    edge = step / limit
    verdict = "it settles" if edge < 1 - 1e-3 else "it blows up" if edge > 1 + 1e-3 else "on the edge: it never settles"
    role = POLICY if edge < 1 - 1e-3 else NEGATIVE
    axes.figure.text(0.012, 0.94, f"gradients {delay} update{'s' * (delay != 1)} old, step size {step:g}: {verdict}",
                     fontsize=BIG + 1, fontweight="bold", va="center", color=role.ink)
    axes.figure.text(0.012, 0.862, f"largest stable step size 2 sin(π / (2(2D + 1))) = {limit:.3f}", va="center")
    reach = 2.0
    steps = np.arange(len(path))
    axes.plot(steps, np.clip(fresh, -3, 3), **NEUTRAL.line(marker="", linewidth=2.4))
    axes.plot(steps, np.clip(path, -3, 3), **role.line(marker="", linewidth=2.6))
    style.zero_line(axes)
    axes.set(xlim=(0, len(path) - 1), ylim=(-reach, reach))
    axes.text(0.985, 0.94, "···  with fresh gradients", color=NEUTRAL.ink,
              fontweight="bold", ha="right", va="center", transform=axes.transAxes,
              bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 2})
    style.set_ticks(axes.xaxis, range(0, len(path), 20))
    style.set_ticks(axes.yaxis, (-2, -1, 0, 1, 2))
    axes.set_xlabel("updates")
    axes.set_ylabel("w, the best is 0", labelpad=2)
    return style.say(
        figure,
        f"Gradient descent on w²/2 with step size {step:g} and gradients {delay} updates old: {verdict}; the largest "
        f"stable step size is {limit:.3f}.",
    )


# ---------------------------------------------------------------- past this machine


@style.styled
def scaling(workers, updates, idle, staleness, *, apply_time, title):
    """Updates per unit of time, idle share and staleness against the number of asynchronous workers.

    Args:
        workers: N.
        updates, idle, staleness: updates per mean work time, share of the workers' time spent waiting, and mean
            staleness; one an entry of `workers`.
        apply_time: the learner's time for an update; 1 / apply_time is all it can do.
        title: what was simulated.
    """
    figure, axes = style.new_figure(10, 4.6, 1, 3, left=0.075, right=0.985, bottom=0.15, top=0.79, wspace=0.3)
    figure.text(0.012, 0.94, title, fontsize=BIG, fontweight="bold", va="center")
    for ax, values, role, name in zip(
        axes, (updates, idle, staleness), (LEARNER, WAIT, HIGHLIGHT),
        ("updates per unit of time", "workers' idle share", "mean staleness"),
    ):
        ax.set_xscale("log")
        ax.set_xlim(0.8, 1.25 * workers[-1])
        style.set_ticks(ax.xaxis, (1, 10, 100, 1000, 10_000), ("1", "10", "100", "1k", "10k"))
        ax.xaxis.set_minor_locator(NullLocator())
        shown = np.asarray(values) > (0 if ax is axes[2] else -1)  # a logarithmic axis has no zero
        ax.plot(np.array(workers)[shown], np.asarray(values)[shown], **role.line())
        ax.set_title(name)
        ax.set_xlabel("workers, N")
    for ax, high in ((axes[0], 4 / apply_time), (axes[2], 4 * workers[-1])):
        ax.set_yscale("log")
        ax.set_ylim(0.5, high)
        decades = [10**k for k in range(6) if 10**k < high]
        style.set_ticks(ax.yaxis, decades, [f"{d // 1000}k" if d >= 1000 else str(d) for d in decades])
        ax.yaxis.set_minor_locator(NullLocator())
    axes[1].set_ylim(-0.03, 1.05)
    style.set_ticks(axes[1].yaxis, (0, 0.5, 1), ("0%", "50%", "100%"))
    axes[0].axhline(1 / apply_time, color=INK, linestyle=":", linewidth=1.8)
    axes[0].text(1, 1.25 / apply_time, f"the learner's limit: {1 / apply_time:g}", va="bottom", fontweight="bold")
    axes[2].plot(workers[1:], np.array(workers[1:]) - 1.0, color=INK, linestyle=":", linewidth=1.8)
    axes[2].text(1.3, 1.2 * workers[-1], "dots: N − 1", va="bottom", fontweight="bold")
    last = f"{workers[-1]:,} workers make {_brief(updates[-1])} updates per mean work time"
    return style.say(
        figure,
        f"{title}: {last}, wait {idle[-1]:.0%} of the time, and their gradients are {_brief(staleness[-1])} updates "
        f"old on average; the learner can do {1 / apply_time:g}.",
    )


@style.styled
def measured_staleness(staleness, worker, predicted):
    """How old the gradients of a real run were, in all and by worker, and what the simulator said beforehand.

    Args:
        staleness, worker: one entry an update of the run.
        predicted: staleness of every gradient of a simulated run.
    """
    staleness, worker = np.asarray(staleness, dtype=int), np.asarray(worker, dtype=int)
    names = np.unique(worker)
    figure, axes = style.new_figure(10, 4.2, left=0.085, right=0.985, bottom=0.165, top=0.84)
    high = int(max(np.quantile(staleness, 0.99), np.quantile(predicted, 0.99), 3)) + 1  # the last bar: or more
    places = np.arange(high + 1)
    wide = 0.8 / (len(names) + 1)
    groups = [(f"worker {name + 1}, measured", staleness[worker == name]) for name in names]
    groups.append(("simulated", np.asarray(predicted)))
    roles = [WORK, REWARD, VALUE, NEGATIVE]
    tallest = 0.0
    for k, (label, found) in enumerate(groups):
        simulated = k == len(groups) - 1
        role = NEUTRAL if simulated else roles[k % len(roles)]
        shares = np.bincount(np.minimum(found, high), minlength=high + 1) / len(found)
        tallest = max(tallest, shares.max())
        axes.bar(places - 0.4 + (k + 0.5) * wide, shares, wide, **role.bar(hatch="//" if simulated else role.hatch))
        axes.text(0.985, 0.93 - 0.1 * k, f"■ {label}", color=role.ink, fontweight="bold", ha="right", va="center",
                  transform=axes.transAxes)
    axes.set_ylim(0, 1.12 * tallest)
    axes.set_xlim(-0.6, high + 0.6)
    ticks = places if high < 15 else places[:: high // 10]
    style.set_ticks(axes.xaxis, ticks, [f"{place}+" if place == high else place for place in ticks])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("staleness: updates between the copy of the weights and the gradient's own update")
    axes.set_title(f"{len(staleness):,} gradients: mean staleness {staleness.mean():.2f}, "
                   f"simulated {np.mean(predicted):.2f}")
    return style.say(
        figure,
        f"Staleness of {len(staleness)} gradients from {len(names)} workers: mean {staleness.mean():.2f}, largest "
        f"{staleness.max()}; the simulator gives {np.mean(predicted):.2f} and {np.max(predicted)}.",
    )


# ---------------------------------------------------------------- stale learners


@style.styled
def stale_learners(panels):
    """Share of runs that have solved the two exits against updates; one line a staleness, one panel a setting.

    Args:
        panels: dict from a title to a dict from a staleness to (updates, solved).
    """
    figure, axes = style.new_figure(10, 4.5, 1, len(panels), left=0.095, right=0.975, bottom=0.15, top=0.9, wspace=0.14)
    looks = (VALUE, REWARD, NEGATIVE)
    said = []
    for ax, (title, lines) in zip(np.atleast_1d(axes), panels.items()):
        ends = []
        for (late, (updates, solved)), role in zip(lines.items(), looks):
            ax.plot(updates, solved, **role.line(markevery=8))
            ends.append([solved[-1], f"staleness {late}: {solved[-1]:.0%}", role])
            said.append(f"{title}, staleness {late}: {solved[-1]:.0%}")
        ax.set(xlim=(0, updates[-1]), ylim=(-0.02, 1.32))
        for row, (_, text, role) in enumerate(ends):
            ax.text(0.03, 0.965 - 0.072 * row, f"{role_mark(role)} {text}", color=role.ink, fontweight="bold",
                    va="center", transform=ax.transAxes)
        ax.set_title(title)
        style.set_ticks(ax.xaxis, (0, 4000, 8000), ("0", "4k", "8k"))
        style.set_ticks(ax.yaxis, (0, 0.5, 1), ("0%", "50%", "100%") if ax is np.atleast_1d(axes)[0] else ("",) * 3)
        ax.set_xlabel("updates")
    np.atleast_1d(axes)[0].set_ylabel("runs that solved it", labelpad=2)
    return style.say(figure, f"Share of 256 runs that solved the two exits after 8,000 updates. {'; '.join(said)}.")


def role_mark(role):
    """The marker of a role as a letter."""
    return {"s": "■", "^": "▲", "v": "▼"}.get(role.marker, "●")


# ---------------------------------------------------------------- several seeds


@style.styled
def several_seeds(steps, curves, *, solved, title):
    """A learning curve a seed, and their mean between the lowest and the highest.

    Args:
        steps: environment steps.
        curves: mean returns, shape [seeds, len(steps)].
        solved: the return that counts as solved.
        title: what was trained.
    """
    figure, axes = style.new_figure(9, 4.2, bottom=0.155, right=0.97)
    axes.fill_between(steps, curves.min(0), curves.max(0), color=POLICY.color, alpha=0.18, linewidth=0)
    for curve in curves:
        axes.plot(steps, curve, color=POLICY.color, linewidth=1, alpha=0.6)
    mean = curves.mean(0)
    axes.plot(steps, mean, color=POLICY.ink, linewidth=3.2)
    axes.axhline(solved, color=VALUE.ink, linestyle="--", linewidth=1.6)
    axes.set(xlim=(0, steps[-1]), ylim=(0, 540), xlabel="environment steps", ylabel="mean return of 20 episodes")
    style.set_ticks(axes.xaxis, range(0, int(steps[-1]) + 1, 30_000),
                    [f"{k // 1000}k" for k in range(0, int(steps[-1]) + 1, 30_000)])
    axes.set_title(title)
    axes.text(steps[-1], solved + 12, f"solved: {solved}", color=VALUE.ink, fontweight="bold", ha="right", va="bottom")
    axes.text(steps[-1], 30, f"thick: mean of {len(curves)} seeds; band: lowest to highest", color=POLICY.ink,
              fontweight="bold", ha="right", va="center")
    return style.say(
        figure,
        f"{title}, {len(curves)} seeds: after {steps[-1]:,} steps the mean return of the last 20 episodes is "
        f"{mean[-1]:.0f} on average, {curves[:, -1].min():.0f} for the lowest seed and {curves[:, -1].max():.0f} for "
        f"the highest.",
    )
