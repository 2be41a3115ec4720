"""Figures of lesson 5, second half: two loops, one minibatch under the microscope, whose actions, which critic."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle, Wedge
from matplotlib.path import Path

from rlcourse.plots import style
from rlcourse.plots.style import ACTION, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 2, style.BASE_SIZE - 1
PALE = {"policy": "#dcebf6", "world": "#ececec", "update": "#d8efe6", "data": "#fdf0d3"}


def _number(value, digits=2):
    """A number as a reader writes it: true minus sign, no minus in front of zero, thousands set apart."""
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def _brief(value):
    """Three digits or so, for numbers of very different size."""
    size = abs(value)
    return _number(value, 3 if size < 0.0995 else 2 if size < 9.95 else 1 if size < 99.5 else 0)


# ---------------------------------------------------------------- the two loops


@style.styled
def two_loops():
    """FIG-04: data that is used once and thrown away, and data that is stored and used again."""
    figure, axes = style.new_figure(10, 4.7, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 10), ylim=(0, 4.7))
    axes.axis("off")
    for x, title in ((2.45, "On-policy: use once, throw away"), (7.5, "Off-policy: store, use again")):
        axes.text(x, 4.47, title, ha="center", va="center", fontsize=BIG, fontweight="bold")
    axes.plot([4.98, 4.98], [0.25, 4.3], color=style.FAINT, linewidth=1.2)
    for x in (2.45, 7.5):
        _box(axes, x, 3.72, "policy π", POLICY, PALE["policy"])
        _box(axes, x + 1.62, 2.35, "world", NEUTRAL, PALE["world"])
        _box(axes, x - 1.62, 2.35, "update", VALUE, PALE["update"])
        _bend(axes, (x + 0.75, 3.72), (x + 1.62, 2.72), POLICY.ink)
        axes.text(x + 1.42, 3.50, "acts", ha="left", va="center", color=POLICY.ink)
        _bend(axes, (x - 1.62, 2.72), (x - 0.75, 3.72), VALUE.ink)
        axes.text(x - 1.42, 3.50, "improves", ha="right", va="center", color=VALUE.ink)
    # left: a fresh batch, once through the update, then gone
    x = 2.45
    _cells(axes, x - 0.46, 1.02, [1.0] * 4)
    axes.text(x, 1.62, "a fresh batch", ha="center", va="center", color=REWARD.ink)
    _bend(axes, (x + 1.62, 1.98), (x + 0.62, 1.14), INK)
    _bend(axes, (x - 0.62, 1.14), (x - 1.62, 1.98), INK)
    axes.text(x - 1.50, 1.30, "once", ha="right", va="center")
    _cells(axes, x - 0.46, 0.24, [0.0] * 4)
    axes.plot([x - 0.54, x + 0.54], [0.14, 0.58], color=NEGATIVE.ink, linewidth=2.4)
    axes.add_patch(_arrow((x, 0.98), (x, 0.56), NEGATIVE.ink))
    axes.text(x + 0.70, 0.34, "thrown away", ha="left", va="center", color=NEGATIVE.ink)
    # right: a ring of many rows, of which every update draws some
    x, centre, radius = 7.5, (7.5, 1.22), 0.82
    shares = 24
    for i in range(shares):
        start = 90 - 360 / shares * i
        shade = _mix(REWARD.color, "#fffaf0", 1 - i / shares)
        axes.add_patch(Wedge(centre, radius, start - 360 / shares, start, width=0.26, facecolor=shade,
                             edgecolor="white", linewidth=1.2))
    axes.text(*centre, "replay\nbuffer", ha="center", va="center", color=REWARD.ink, fontweight="bold")
    axes.text(x + 0.66, 0.42, "newest overwrites\noldest", ha="left", va="center", color=REWARD.ink, fontsize=SMALL,
              linespacing=1.1)
    _bend(axes, (x + 1.62, 1.98), (x + 0.90, 1.30), INK)
    axes.text(x + 1.46, 1.36, "store", ha="left", va="center")
    _bend(axes, (x - 0.90, 1.30), (x - 1.62, 1.98), INK, width=5.0)
    axes.text(x - 1.52, 1.12, "draw,\nmany times", ha="center", va="center", linespacing=1.1)
    return style.say(
        figure,
        "Two loops. On-policy: the policy acts in the world, a fresh batch makes one update and is thrown away. "
        "Off-policy: every step is stored in a ring in which the newest overwrites the oldest, and each update draws "
        "rows from all of it, so that one step serves many updates.",
    )


def _box(axes, x, y, text, role, color, width=1.36, height=0.62):
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0.02,"
                                  "rounding_size=0.14", facecolor=color, edgecolor=role.ink, linewidth=1.8))
    axes.text(x, y, text, ha="center", va="center", color=role.ink, fontweight="bold", fontsize=BIG)


def _bend(axes, start, end, color, width=2.4):
    axes.add_patch(_arrow(start, end, color, width, bend=-0.22))


def _arrow(start, end, color, width=2.4, bend=0.0):
    return FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=17, color=color, linewidth=width,
                           connectionstyle=f"arc3,rad={bend}", shrinkA=3, shrinkB=3, zorder=3)


def _cells(axes, x, y, shades, size=0.23):
    for i, shade in enumerate(shades):
        axes.add_patch(Rectangle((x + i * size, y), size, 0.24, facecolor=_mix(REWARD.color, "#ffffff", shade),
                                 edgecolor=REWARD.ink, linewidth=1.2))


def _mix(color, other, share):
    """`share` of the first colour in the second."""
    parts = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (color, other)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in zip(*parts, strict=True))


# ---------------------------------------------------------------- the microscope


@style.styled
def microscope(
    capacity, batch, updates_per_step, drawn, *, correlation, repeats, mean_age, ages, mismatches, mean_mismatch
):
    """One minibatch of a replay buffer: what the network is fed, how old it is, how far the policy has moved since.

    Args:
        capacity, batch, updates_per_step: of the buffer and its use.
        drawn: ages [B], repeats, fed; None if the buffer holds fewer rows than the batch wants.
        correlation: between one row that is fed and the next.
        repeats: expected number of rows that are in the minibatch twice.
        mean_age: steps.
        ages, mismatches: the curve of mean |ρ - 1| against age.
        mean_mismatch: its mean over the buffer.
    """
    figure, (top, middle, bottom) = style.new_figure(
        10, 6.0, 3, 1, left=0.075, right=0.70, bottom=0.105, top=0.93, hspace=0.62, height_ratios=(1.0, 0.8, 0.8)
    )
    mean_age_text = f"{mean_age:,.0f}" if mean_age >= 10 else _number(mean_age, 1)
    top.set(xlim=(0, 240), ylim=(-3.4, 3.4))
    style.set_ticks(top.xaxis, [])
    style.set_ticks(top.yaxis, [-2, 0, 2])
    top.set_title("What training is fed, row after row", fontsize=style.BASE_SIZE)
    top.set_xlabel("rows in the order of their use", labelpad=5)

    style.set_ticks(middle.yaxis, [])
    middle.spines["left"].set_visible(False)
    middle.set_title("How old the rows of one minibatch are", fontsize=style.BASE_SIZE)
    bottom.set_title("How far the policy has moved since", fontsize=style.BASE_SIZE)
    powers = range(6)
    for axes in (middle, bottom):
        axes.set_xlim(-0.15, 5.15)
        style.set_ticks(axes.xaxis, list(powers), ["1", "10", "100", "1,000", "10,000", "100,000"])
    bottom.set(ylim=(0, 1.15), xlabel="age of a row, in environment steps")
    bottom.set_ylabel("mean |ρ − 1|", labelpad=3)
    style.set_ticks(bottom.yaxis, [0, 0.5, 1.0])

    seen = np.log10(np.maximum(ages, 1))
    inside = ages <= capacity
    bottom.fill_between(np.append(seen[inside], np.log10(capacity)),
                        np.append(mismatches[inside], np.interp(capacity, ages, mismatches)),
                        facecolor=NEGATIVE.color, alpha=0.25, linewidth=0)
    bottom.plot(seen, mismatches, color=NEGATIVE.color, linewidth=2.4)
    for axes in (middle, bottom):
        axes.axvline(np.log10(capacity), color=REWARD.ink, linewidth=2.0)
    side = {"ha": "right", "dx": -5} if capacity > 6_000 else {"ha": "left", "dx": 5}
    middle.set_ylim(0, 1)
    style.direct_label(middle, np.log10(capacity), 0.9, "oldest row", REWARD, dy=0, **side)
    if drawn is None:
        refusal = f"refused: a minibatch of {batch}\nfrom {capacity} stored rows"
        for axes, x, y in ((top, 120, 0), (middle, 3.4 if capacity < 400 else 1.2, 0.42)):
            axes.text(x, y, refusal, ha="center", va="center", color=NEGATIVE.ink, fontweight="bold")
    else:
        top.plot(np.arange(len(drawn.fed)), drawn.fed, color=POLICY.color, linewidth=1.0, marker=".", markersize=5)
        edges = np.log10(capacity) - 0.1 * np.arange(52, -1, -1)
        counts, _ = np.histogram(np.log10(drawn.ages + 1), edges)
        heights = 0.72 * counts / max(counts.max(), 1)
        full = heights > 0
        corners = [((a, 0), (a, h), (a + 0.092, h), (a + 0.092, 0))
                   for a, h in zip(edges[:-1][full], heights[full], strict=True)]
        middle.add_collection(PolyCollection(corners, facecolor=ACTION.color, edgecolor=ACTION.ink, linewidth=0.8))

    count = "one row" if batch == 1 else f"{batch} rows"
    rows = (
        ("rows stored", f"{capacity:,}", REWARD),
        ("correlation of a row\nwith the next one fed", _number(correlation, 3), POLICY),
        ("mean age, half the\nnumber of rows stored", mean_age_text, ACTION),
        (f"repeats in {count},\nexpected", "−" if drawn is None else _repeats(repeats), ACTION),
        ("times each row is used\nbefore it is overwritten", _use(batch * updates_per_step), VALUE),
        ("policy mismatch,\nmean |ρ − 1|", _number(mean_mismatch, 2), NEGATIVE),
    )
    for i, (name, value, role) in enumerate(rows):
        y = 0.925 - 0.158 * i
        figure.text(0.735, y, value, color=role.ink, fontsize=19, fontweight="bold", va="center")
        figure.text(0.735, y - 0.043 - 0.012 * name.count("\n"), name, fontsize=SMALL, va="center", linespacing=1.1)
    if drawn is None:
        told = f"it refuses a minibatch of {batch}"
    else:
        told = (f"a minibatch of {batch} repeats {_repeats(repeats)} rows on average, and each row is used "
                f"{_use(batch * updates_per_step)} times")
    return style.say(
        figure,
        f"A buffer of {capacity:,} rows: one row and the next correlate by {_number(correlation, 3)}, the mean age is "
        f"{mean_age_text} steps, the policy mismatch |ρ − 1| is {_number(mean_mismatch, 2)} on average; {told}.",
    )


def _repeats(count):
    return "0" if count < 5e-4 else _brief(count)


def _use(times):
    return f"{times:,.0f}" if times >= 1 else "1/4"


# ---------------------------------------------------------------- whose actions


ROLES = (NEGATIVE, REWARD, POLICY)
HEADINGS = ("the buffer's action", "the buffer's action,\nimportance weighted", "an action drawn now")
DIRECTIONS = np.deg2rad([90, 210, 330])
SPOKES = np.stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)])  # [2, 3]
PLANE = SPOKES * (2 / 3) ** 0.5
"""Gradients of a softmax sum to zero: they lie in a plane. This maps logits [3] to it and keeps lengths."""
SHADES = ("#bcd9ee", "#f6dca3", "#d9d9d9")


@style.styled
def whose_actions(old, new, q, offset, batch, truth, estimates, others, *, baseline):
    """Three estimators of one gradient, each an arrow (its mean) with the cloud of one standard deviation.

    Args:
        old, new: β(a) and π(a), three probabilities each.
        q, offset: Q(a), and what is added to all of them.
        batch: samples an estimate averages.
        truth: the true gradient in the three logits.
        estimates, others: dicts name -> Estimate, in the order of the panels: as drawn, and with the other weight.
        baseline: whether `estimates` have the weight Q - V, and `others` Q, or the reverse.
    """
    figure = style.Figure(figsize=(10, 6.1), dpi=style.DPI)  # no axes: a redraw in half the time
    style.Canvas(figure)
    inches = figure.dpi_scale_trans

    def write(x, y, text, **look):
        figure.text(x, y, text, transform=inches, **{"va": "center", "ha": "center", "fontsize": BIG, **look})

    shapes = _Shapes()
    _policies(shapes, write, old, new)
    value = float(np.dot(new, q) + offset)
    write(6.5, 5.75, f"Q = {',  '.join(f'{x + offset:g}' for x in q).replace('-', '−')}", ha="left")
    write(6.5, 5.31, f"V = {_number(value)}", ha="left", color=VALUE.ink, fontweight="bold")
    write(8.1, 5.31, f"batch of {batch}", ha="left")

    norm, radius, y = float(np.linalg.norm(truth)), 1.28, 2.98
    scale = 0.52 * radius / norm if norm > 1e-9 else 4.0
    circle = np.linspace(0, 2 * np.pi, 73)
    ring = np.stack([np.cos(circle), np.sin(circle)])
    arrows, dots, told = _Shapes(), [], []
    weights = ("Q − V", "Q") if baseline else ("Q", "Q − V")
    for k, ((name, estimate), role, heading) in enumerate(zip(estimates.items(), ROLES, HEADINGS, strict=True)):
        centre = np.array([1.68 + 3.32 * k, y])
        disc = (centre[:, None] + radius * ring).T
        shapes.add(disc, "#fafafa", style.FAINT, 1.4)
        for end in (centre[:, None] + radius * SPOKES).T:
            shapes.add([centre, end], "none", style.FAINT, 1.0)
        for tip, label in zip(centre + 1.11 * radius * SPOKES.T, ("a₁", "a₂", "a₃"), strict=True):
            write(*tip, label, fontsize=style.BASE_SIZE, color=NEUTRAL.ink)
        mean = scale * PLANE @ estimate.mean
        spread = scale * _root(PLANE @ estimate.covariance @ PLANE.T / batch)
        cloud = Polygon((centre[:, None] + mean[:, None] + spread @ ring).T, facecolor=role.color, alpha=0.28,
                        edgecolor=role.ink, linewidth=1.2, zorder=2, transform=inches)
        cloud.set_clip_path(Path(disc), inches)
        figure.add_artist(cloud, clip=False)
        if norm > 1e-9:
            arrows.arrow(centre, scale * PLANE @ truth, INK, 8.0)
        length = np.linalg.norm(mean)
        if length > 1e-6:
            tip = mean * min(1.0, radius / length)
            arrows.arrow(centre, tip, role.color, 4.2)
            if length > radius:
                dots.append((*(centre + tip), role))
        numbers, x = _numbers(estimate, batch), centre[0]
        write(x, 4.83, f"{heading},\nweight {weights[0]}" if k != 1 else f"{heading}, {weights[0]}", color=role.ink,
              fontsize=style.BASE_SIZE, fontweight="bold", linespacing=1.1)
        write(x, 1.24, numbers, color=role.ink, fontweight="bold")
        compared = "the truth is 0"
        if norm > 1e-9:
            compared = f"noise is {_brief(estimate.spread(batch) / norm)} × the true length"
        write(x, 0.90, compared, fontsize=style.BASE_SIZE)
        write(x, 0.58, f"with {weights[1]}: {_numbers(others[name], batch)}", fontsize=SMALL, color=NEUTRAL.ink)
        told.append(f"{name}: {numbers}")
    arrows.arrow(np.array([0.35, 0.16]), np.array([0.5, 0.0]), INK, 6.0)
    write(0.98, 0.16, "true gradient", ha="left", fontsize=SMALL)
    write(9.8, 0.16, "arrow: mean of the estimate;  cloud: one standard deviation;  dot: longer than drawn", ha="right",
          fontsize=SMALL)
    shapes.onto(figure, zorder=1)
    arrows.onto(figure, zorder=3)
    for dot_x, dot_y, role in dots or [(-1.0, -1.0, NEUTRAL)]:
        line = Line2D([dot_x], [dot_y], marker="o", markersize=9, color=role.color, markeredgecolor=role.ink,
                      transform=inches, zorder=4)
        line.set_figure(figure)
        figure.lines.append(line)  # not among its artists: Jupyter takes a figure without lines for empty
    return style.say(
        figure,
        f"Gradient of one state with weight {weights[0]}, Q raised by {offset:g}, batch of {batch}, true length "
        f"{_brief(norm)}: {'; '.join(told)}.",
    )


def _numbers(estimate, batch):
    """Cosine and noise, in words."""
    direction = "no direction" if np.isnan(estimate.cosine) else f"cosine {_number(estimate.cosine)}"
    return f"{direction}, noise {_brief(estimate.spread(batch))}"


def _policies(shapes, write, old, new):
    """Two bars, each cut into three shares."""
    for y, name, shares in ((5.75, "buffer's policy β", old), (5.31, "policy today π", new)):
        write(2.17, y, name, ha="right")
        left = 2.3
        for action, (share, shade) in enumerate(zip(shares, SHADES, strict=True)):
            width = 3.85 * share
            shapes.add([(left, y - 0.17), (left, y + 0.17), (left + width, y + 0.17), (left + width, y - 0.17)],
                       shade, INK, 1.0)
            if share > 0.06:
                label = f"a{'₁₂₃'[action]}" + (f" {share:.2f}" if share > 0.19 else "")
                write(left + width / 2, y, label, fontsize=style.BASE_SIZE)
            left += width


class _Shapes:
    """Polygons in inches, painted in the order in which they were added, as one artist."""

    def __init__(self):
        self.corners, self.faces, self.edges, self.widths = [], [], [], []

    def add(self, corners, face, edge="none", width=0.0):
        self.corners.append(corners)
        self.faces.append(face)
        self.edges.append(edge)
        self.widths.append(width)

    def arrow(self, start, along, color, width):
        """A straight arrow; a short one is all head."""
        length = float(np.hypot(*along))
        if length < 1e-9:
            return
        unit, half = np.asarray(along) / length, width / 72 / 2
        aside = np.array([-unit[1], unit[0]])
        head = min(5.0 * half + 0.06, length)
        neck, end, wing = start + (length - head) * unit, start + along, (2.2 * half + 0.03) * aside
        self.add([start + half * aside, neck + half * aside, neck + wing, end, neck - wing, neck - half * aside,
                  start - half * aside], color)

    def onto(self, figure, zorder):
        figure.add_artist(PolyCollection(self.corners, facecolors=self.faces, edgecolors=self.edges,
                                         linewidths=self.widths, transform=figure.dpi_scale_trans, zorder=zorder))


def _root(matrix):
    """A square root of a symmetric matrix that may have no width in one direction."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0))


# ---------------------------------------------------------------- which critic


@style.styled
def which_critic(found):
    """Four rooms: what three critics learned from the old policy's data, beside the values of both policies.

    Args:
        found: old, new: Evaluations; V, Q, Q_stored: learned tables.
    """
    figure, (left, right) = style.new_figure(
        10, 4.2, 1, 2, left=0.075, right=0.985, bottom=0.15, top=0.88, wspace=0.16, width_ratios=(1, 1.35)
    )
    rooms = np.arange(4)
    left.plot(rooms, found.new.V, **POLICY.line(linestyle="-", markersize=9))
    left.plot(rooms, found.old.V, **NEUTRAL.line(linestyle="-", marker="s", markersize=8))
    left.plot(rooms, found.V, linestyle="", marker="x", markersize=13, markeredgewidth=3, color=NEGATIVE.ink)
    left.set(xlim=(-0.4, 3.5), ylim=(0.6, 6.2), xlabel="room s")
    left.set_title("V fitted to the buffer")
    style.set_ticks(left.xaxis, rooms)
    for y, text, role in ((5.75, "● true value today", POLICY), (5.25, "■ of the old policy", NEUTRAL),
                          (1.1, "× learned from the buffer", NEGATIVE)):
        left.text(-0.25, y, text, color=role.ink, fontweight="bold", va="center")

    places = np.arange(8)
    right.plot(places, found.new.Q.flatten(), **POLICY.line(linestyle="", markersize=9))
    right.plot(places, found.old.Q.flatten(), **NEUTRAL.line(linestyle="", marker="s", markersize=8))
    right.plot(places, found.Q.flatten(), linestyle="", marker="+", markersize=16, markeredgewidth=3, color=VALUE.ink)
    right.plot(places, found.Q_stored.flatten(), linestyle="", marker="x", markersize=13, markeredgewidth=3,
               color=NEGATIVE.ink)
    right.set(xlim=(-0.6, 7.6), ylim=(0.6, 6.2), xlabel="room s and action: stay, go")
    style.set_ticks(right.xaxis, places, [f"{s}{a}" for s in range(4) for a in ("s", "g")])
    right.set_title("Q fitted to the same buffer")
    right.text(-0.4, 5.75, "+ learned with a′ drawn from π", color=VALUE.ink, fontweight="bold", va="center")
    right.text(7.45, 1.1, "× learned with a′ drawn from β", color=NEGATIVE.ink, fontweight="bold", va="center",
               ha="right")
    gaps = [float(np.sqrt(((a - b) ** 2).mean())) for a, b in ((found.V, found.new.V), (found.Q, found.new.Q))]
    return style.say(
        figure,
        f"Four rooms, data of the old policy: a fitted V lies on the old policy's values and is {_brief(gaps[0])} away "
        f"from today's; a fitted Q with next actions drawn from today's policy is {_brief(gaps[1])} away.",
    )


# ---------------------------------------------------------------- the order of the samples


@style.styled
def order_of_samples(grid, fits):
    """What ten networks have learned of sin 3x from one slow stream, in five orders.

    Args:
        grid: x.
        fits: dict from an order's name to its Fits (errors, lag1, curves).
    """
    figure, row = style.new_figure(10, 3.5, 1, len(fits), left=0.055, right=0.99, bottom=0.3, top=0.86, wspace=0.12)
    told = []
    for axes, (name, found) in zip(row, fits.items(), strict=True):
        axes.set(xlim=(grid[0], grid[-1]), ylim=(-1.9, 1.9))
        axes.add_collection(LineCollection([np.stack([grid, c], 1) for c in found.curves], colors=NEGATIVE.color,
                                           linewidths=1.4, alpha=0.65))
        axes.plot(grid, np.sin(3 * grid), color=INK, linewidth=2.4, linestyle=(0, (3, 1.5)))
        axes.set_title(name, fontsize=style.BASE_SIZE)
        style.set_ticks(axes.xaxis, [-1, 0, 1])
        style.set_ticks(axes.yaxis, [-1, 0, 1] if axes is row[0] else [], None)
        axes.text(0.5, -0.25, f"neighbours  {_number(found.lag1, 3)}", transform=axes.transAxes, ha="center",
                  va="center")
        axes.text(0.5, -0.38, f"error  {_number(found.errors.mean(), 2)}", transform=axes.transAxes, ha="center",
                  va="center", color=NEGATIVE.ink, fontweight="bold")
        told.append(f"{name} {_number(found.errors.mean(), 2)}")
    return style.say(
        figure, f"Ten networks learn sin 3x (dashed) from a slow stream in five orders; mean error: {', '.join(told)}."
    )


# ---------------------------------------------------------------- several seeds


@style.styled
def seeds(scores, *, count, title, label):
    """One row a variant: a bar from the lowest to the highest seed, and the mean.

    Args:
        scores: dict from a variant's name to (mean, lowest, highest).
        count: how many seeds.
        title, label: of the figure and of the axis.
    """
    height = 1.3 + 0.52 * len(scores)
    figure, axes = style.new_figure(9, height, left=0.30, right=0.93, bottom=0.72 / height, top=1 - 0.42 / height)
    told, roles = [], (VALUE, REWARD, ACTION, NEGATIVE, POLICY)  # as in the live picture: orange is the wrong one
    for y, ((name, (mean, low, high)), role) in enumerate(zip(scores.items(), roles)):
        axes.add_patch(Rectangle((low, -y - 0.2), max(high - low, 0.5), 0.4, facecolor=role.color, alpha=0.35))
        axes.plot([mean], [-y], marker=role.marker, markersize=11, color=role.color, markeredgecolor=role.ink)
        axes.text(-0.02, -y, name, transform=axes.get_yaxis_transform(), ha="right", va="center", color=role.ink,
                  fontweight="bold")
        axes.text(1.02, -y, f"{mean:.0f}", transform=axes.get_yaxis_transform(), va="center", color=role.ink,
                  fontweight="bold", fontsize=BIG)
        told.append(f"{name} {mean:.0f} ({low:.0f} to {high:.0f})")
    longest = max(high for _, _, high in scores.values())
    axes.set(xlim=(0, 1.06 * longest), ylim=(0.55 - len(scores), 0.55), xlabel=label)
    style.set_ticks(axes.yaxis, [])
    axes.spines["left"].set_visible(False)
    axes.set_title(title)
    return style.say(figure, f"{title}, {count} seeds, mean and range: {', '.join(told)}.")
