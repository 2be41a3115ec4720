"""Figures of lesson 10, first half: the way back of a gradient, two estimators, and what tanh does to a density."""

import math

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon

from rlcourse.plots import style
from rlcourse.plots.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1
BALL, LIT, PALE = "#ffc93c", "#dcebf6", "#f3f3f3"
BLOCKED = (0, (4, 3))


def number(value, digits=2, signed=False):
    """A number as a reader writes it: a true minus, no sign in front of zero."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def brief(value):
    """Three digits or so, for numbers of very different size."""
    size = abs(value)
    if size < 5e-5:
        return "0"
    return number(value, 4 if size < 0.0095 else 3 if size < 0.0995 else 2 if size < 9.95 else 1 if size < 99.5 else 0)


def pair(values):
    return f"({number(values[0], signed=True)}, {number(values[1], signed=True)})"


# ---------------------------------------------------------------- the way back of a gradient

NODES = {
    "theta": (1.25, 2.85), "noise": (1.25, 4.72), "a": (3.95, 4.05), "q": (6.45, 4.05), "density": (6.45, 2.2),
    "loss": (8.95, 3.15),
}  # fmt: skip
SIZES = {"theta": (1.75, 0.86), "q": (1.9, 0.62), "density": (2.15, 0.62), "loss": (1.6, 0.86)}


@style.styled
def gradient_path(draw, road, *, mu, sigma, noise, alpha, exact, mean=None, error=None):
    """FIG-14 and FIG-15: one draw of a stochastic actor, forward in black, and the gradient's way back in blue.

    Args:
        draw: an experiments.lesson_10_gradient.Draw.
        road: "rsample()", "sample()" or "sample() and score".
        mu, sigma, noise, alpha: μ, σ, ξ, α.
        exact: gradient of the mean loss with respect to (μ, σ).
        mean, error: what many draws give on average, and the standard errors; None to keep them back.
    """
    figure, axes = style.new_figure(10, 5.9, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 10), ylim=(0, 5.9))
    axes.axis("off")
    outside, scored = road == "rsample()", road == "sample() and score"
    formula = "a = μ + σξ,  ξ ~ N(0, 1)" if outside else "a ~ N(μ, σ²)"
    axes.text(0.25, 5.58, f"{'score' if scored else road}:  {formula}", fontsize=BIG, fontweight="bold", va="center")
    value = f"{alpha:g} log π − Q = {number(draw.loss)}"
    told = f"weight · log π,  weight = {value}" if scored else f"loss = {value}"
    axes.text(9.8, 5.58, told, fontsize=BIG - 1, va="center", ha="right")
    axes.text(0.25, 1.74, "blue: gradient;  dashed: none passes", va="center", fontsize=SMALL, color=NEUTRAL.ink)
    flags = draw.flags
    _box(axes, "theta", f"μ = {number(mu)}\nσ = {number(sigma)}", flags["mu, sigma"])
    _box(axes, "q", f"Q(a) = {number(draw.q)}", flags["Q"])
    _box(axes, "density", f"log π(a) = {number(draw.log_prob)}", flags["log pi"])
    _box(axes, "loss", f"{number(draw.loss)} · log π" if scored else "loss", flags["loss"], small=scored)
    if outside:
        _chance(axes, "noise", f"ξ = {number(noise)}", False)
        _diamond(axes, "a", f"a = {number(draw.action)}", flags["a"])
    else:
        _chance(axes, "a", f"a = {number(draw.action)}", flags["a"], 0.62)
    _arrows(axes, list(_edges(draw, alpha, outside, scored)))
    _account(axes, draw, exact, mean, error)
    return style.say(figure, _told(draw, road, mu, sigma, noise, exact, mean))


def _edges(draw, alpha, outside, scored):
    """(ends, where the number stands, the number, whether a gradient passes) for every arrow."""
    (tx, ty), (nx, ny), (ax, ay), (qx, qy), (dx, dy), (lx, ly) = NODES.values()
    if outside:
        yield ((nx + 0.5, ny - 0.1), (ax - 0.72, ay + 0.25)), None, "", False
    yield ((tx + 0.75, ty + 0.45), (ax - 0.66, ay - 0.2)), (0.52, -0.36), (
        pair(draw.through_action) if outside else ""), outside
    yield ((ax + (0.86 if outside else 0.66), ay), (qx - 0.98, qy)), (0.02, 0.24), (
        number(draw.from_q, signed=True) if outside else ""), outside
    yield ((ax + 0.35, ay - (0.42 if outside else 0.56)), (dx - 0.9, dy + 0.34)), (0.45, 0.2), (
        number(draw.from_density, signed=True) if outside else ""), outside
    yield ((tx + 0.92, ty - 0.22), (dx - 1.1, dy)), (-0.1, -0.42), pair(draw.direct), True
    yield ((qx + 0.98, qy - 0.05), (lx - 0.6, ly + 0.46)), (0.2, 0.26), "−1" if outside else "", outside
    yield ((dx + 1.1, dy + 0.05), (lx - 0.6, ly - 0.46)), (0.28, -0.24), (
        number(draw.loss) if scored else f"{alpha:g}"), True


def _arrows(axes, edges):
    """Every forward arrow, and beside it the gradient's arrow back where one passes; a unit is an inch both ways."""
    forward, blocked, back, heads, fills = [], [], [], [], []

    def head(tip, along, size, color):
        across = np.array([-along[1], along[0]])
        heads.append([tip, tip - size * (along - 0.36 * across), tip - size * (along + 0.36 * across)])
        fills.append(color)

    for (start, end), shift, text, passes in edges:
        start, end = np.array(start), np.array(end)
        along = (end - start) / np.hypot(*(end - start))
        (forward if passes else blocked).append([start, end - 0.1 * along])
        head(end, along, 0.13, INK if passes else NEUTRAL.ink)
        if passes:
            aside = 0.1 * np.array([along[1], -along[0]])
            first, last = end + aside - 0.03 * along, start + aside + 0.03 * along
            back.append([first, last + 0.15 * along])
            head(last, -along, 0.22, POLICY.color)
            axes.text(*((start + end) / 2 + shift), text, color=POLICY.ink, fontweight="bold", ha="center", va="center")
    for lines, color, width, look in ((forward, INK, 1.4, "-"), (blocked, NEUTRAL.ink, 1.4, BLOCKED),
                                      (back, POLICY.color, 4, "-")):  # fmt: skip
        axes.add_collection(LineCollection(lines, colors=color, linewidths=width, linestyles=[look]), autolim=False)
    axes.add_collection(PolyCollection(heads, facecolors=fills, linewidths=0, zorder=3), autolim=False)


def _flag(axes, x, y, requires_grad):
    axes.text(x, y, "requires_grad" if requires_grad else "no grad", ha="center", va="center", fontsize=SMALL - 1,
              color=POLICY.ink if requires_grad else NEGATIVE.ink)


def _box(axes, name, text, requires_grad, small=False):
    (x, y), (wide, high) = NODES[name], SIZES[name]
    axes.add_patch(FancyBboxPatch((x - wide / 2, y - high / 2), wide, high, boxstyle="round,pad=0,rounding_size=0.12",
                                  facecolor=LIT if requires_grad else PALE, linewidth=1.6,
                                  edgecolor=POLICY.ink if requires_grad else NEUTRAL.ink))
    axes.text(x, y, text, ha="center", va="center", fontsize=style.BASE_SIZE + (0 if small else 1))
    _flag(axes, x, y + (high / 2 + 0.17) * (1 if name == "loss" else -1), requires_grad)


def _chance(axes, name, text, requires_grad, radius=0.5):
    x, y = NODES[name]
    axes.add_patch(Circle((x, y), radius, facecolor="#fdf0d3", edgecolor=REWARD.ink, linewidth=1.6))
    axes.text(x, y, text, ha="center", va="center")
    _flag(axes, x, y - radius - 0.17, requires_grad)


def _diamond(axes, name, text, requires_grad):
    x, y = NODES[name]
    axes.add_patch(Polygon([(x - 0.86, y), (x, y + 0.55), (x + 0.86, y), (x, y - 0.55)], facecolor=LIT,
                           edgecolor=POLICY.ink, linewidth=1.6))
    axes.text(x, y, text, ha="center", va="center")
    _flag(axes, x, y + 0.72, requires_grad)


def _account(axes, draw, exact, mean, error):
    """The table below: what reaches μ and σ."""
    axes.plot([0.25, 9.8], [1.52, 1.52], color=style.FAINT, linewidth=1.2)
    for x, text in ((5.6, "to μ"), (8.2, "to σ")):
        axes.text(x, 1.27, text, ha="center", va="center", fontweight="bold")
    rows = [("this draw", [number(g, signed=True) for g in draw.gradient], POLICY.ink)]
    if mean is None:
        rows.append(("mean of 10,000 draws", ["?", "?"], NEUTRAL.ink))
    else:
        misses = any(abs(m - e) > 5 * s for m, e, s in zip(mean, exact, error))
        texts = [f"{number(m, 3, signed=True)} ± {number(s, 3)}" for m, s in zip(mean, error)]
        rows.append(("mean of 10,000 draws" + (": misses" if misses else ": arrives"), texts,
                     NEGATIVE.ink if misses else POLICY.ink))
    rows.append(("gradient of the mean loss, exact", [number(e, signed=True) for e in exact], INK))
    for y, (name, texts, ink) in zip((0.95, 0.6, 0.25), rows):
        axes.text(0.25, y, name, va="center", color=ink)
        for x, text in zip((5.6, 8.2), texts):
            axes.text(x, y, text, ha="center", va="center", color=ink, fontweight="bold", fontsize=style.BASE_SIZE + 1)


def _told(draw, road, mu, sigma, noise, exact, mean):
    way = ("requires a gradient, so the critic's slope comes back through it" if draw.flags["a"]
           else "has no graph, so nothing comes back from the critic")
    average = f", on average over 10,000 draws {pair(mean)}" if mean is not None else ""
    return (
        f"Drawn with {road} at μ = {number(mu)}, σ = {number(sigma)}, ξ = {number(noise)}: the action "
        f"{number(draw.action)} {way}; this draw sends {pair(draw.gradient)} to μ and σ{average}; "
        f"the exact gradient is {pair(exact)}."
    )


# ---------------------------------------------------------------- two estimators


@style.styled
def two_estimators(kind, moments, paths, scores, *, mu, sigma, k, dims, samples, baseline, points, q):
    """Q and the policy on the left, the spread of two estimators of the same gradient on the right.

    Args:
        kind: "bowl" or "wave".
        moments: mean, and the variances of one draw, as experiments.lesson_10_gradient.Moments holds them.
        paths, scores: estimates of either kind.
        mu, sigma, k, dims, samples, baseline: as the controls stand.
        points: a few actions.
        q: function of an array of actions -> (Q, slope) along the first axis.
    """
    figure, (left, right) = style.new_figure(10, 5.5, 1, 2, left=0.03, right=0.975, bottom=0.1, top=0.8, wspace=0.14,
                                             width_ratios=(0.72, 1))  # fmt: skip
    name = f"Q(a) = −|a|²,  d = {dims}" if kind == "bowl" else f"Q(a) = sin({'' if k == 1 else k}a)"
    figure.text(0.03, 0.945, name, fontsize=BIG, fontweight="bold", va="center")
    ratio = moments.ratio
    louder, factor = ("score function", ratio) if ratio >= 1 else ("pathwise", 1 / ratio)
    figure.text(0.975, 0.945, f"{louder} is {brief(factor)} × noisier", fontsize=BIG, fontweight="bold", va="center",
                ha="right", color=REWARD.ink if ratio >= 1 else POLICY.ink)  # fmt: skip
    _landscape(left, mu, sigma, points, q)
    left.set_xlabel("action a" + (", first component" if kind == "bowl" and dims > 1 else ""), labelpad=2)
    reach = 3.2 * math.sqrt(max(moments.pathwise, moments.score))
    edges = np.linspace(moments.mean - reach, moments.mean + reach, 62)
    lower = "score function:  height of Q" + (", minus its mean" if baseline else "")
    for base, title, values, variance, role in (
        (1.45, "pathwise:  slope of Q", paths, moments.pathwise, POLICY),
        (0.0, lower, scores, moments.score, REWARD),
    ):
        counts, _ = np.histogram(values, edges)
        outline = base + np.repeat(0.76 * counts / max(counts.max(), 1), 2)  # below the words
        right.fill_between(np.repeat(edges, 2)[1:-1], base, outline, facecolor=role.color, linewidth=0)
        right.plot(edges[[0, -1]], [base, base], color=INK, linewidth=1)
        right.text(0, base + 1.14, title, transform=right.get_yaxis_transform(), color=role.ink, fontweight="bold",
                   va="center", fontsize=style.BASE_SIZE + 1)  # fmt: skip
        right.text(0.99, base + 0.86, f"variance {brief(variance / samples)}", transform=right.get_yaxis_transform(),
                   ha="right", va="center", color=role.ink, fontweight="bold")  # fmt: skip
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
        f"With {name}, μ = {number(mu)}, σ = {number(sigma)} the true gradient is {brief(moments.mean)}; an estimate "
        f"from {each} has variance {brief(moments.pathwise / samples)} pathwise and {brief(moments.score / samples)} "
        f"by the score function{' with a baseline' if baseline else ''}; {louder} is {brief(factor)} times noisier.",
    )


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
    axes.add_collection(LineCollection([[(x, 0.3), (x, y)] for x, y in zip(points, places)], colors=REWARD.color,
                                       linewidths=2.0))  # fmt: skip
    rise = slopes * 0.5 / (high - low)
    run = 0.3 / np.sqrt(1 + (4 * rise) ** 2)  # equal lengths on the screen, or nearly
    axes.add_collection(LineCollection(
        [[(x - w, y - w * s), (x + w, y + w * s)] for x, y, w, s in zip(points, places, run, rise)],
        colors=POLICY.color, linewidths=3.2, zorder=4))  # fmt: skip
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


# ---------------------------------------------------------------- from the network to the box


@style.styled
def pipeline(mu, log_std, noise, scale, u, action, terms):
    """FIG-16: from the state to a bounded action, and below it the log-density that each stage adds.

    Args:
        mu, log_std, noise, scale: μ, log σ, ξ, c.
        u, action: the unbounded and the bounded action.
        terms: the three terms of log π(a).
    """
    figure, axes = style.new_figure(10, 3.9, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 10), ylim=(0, 3.9))
    axes.axis("off")
    stages = (
        (0.62, 1.0, "state s", "", PALE),
        (2.05, 1.26, "network", "", LIT),
        (3.75, 1.5, f"μ = {number(mu)}\nlog σ = {number(log_std)}", "log σ clamped", LIT),
        (5.65, 1.6, f"u = μ + σξ\n= {number(u)}", f"σ = exp(log σ) > 0;  ξ = {number(noise)}", LIT),
        (7.45, 1.3, f"tanh u\n= {number(math.tanh(u), 3)}", "into (−1, 1)", LIT),
        (9.17, 1.4, f"a = c tanh u\n= {number(action, 3)}", f"c = {number(scale, 0)}", LIT),
    )
    for i, (x, wide, text, below, color) in enumerate(stages):
        axes.add_patch(FancyBboxPatch((x - wide / 2, 2.33), wide, 0.92, boxstyle="round,pad=0,rounding_size=0.12",
                                      facecolor=color, edgecolor=POLICY.ink if i else NEUTRAL.ink, linewidth=1.6))
        axes.text(x, 2.79, text, ha="center", va="center")
        if i in (2, 4, 5):
            axes.text(x, 2.1, below, ha="center", va="center", color=NEUTRAL.ink, fontsize=SMALL)
        if i:
            start = stages[i - 1][0] + stages[i - 1][1] / 2
            axes.add_patch(FancyArrowPatch((start, 2.79), (x - wide / 2, 2.79), arrowstyle="-|>", mutation_scale=16,
                                           color=INK, linewidth=2, shrinkA=1, shrinkB=1))
    axes.text(5.65, 3.53, stages[3][3], ha="center", va="center", color=NEUTRAL.ink, fontsize=SMALL)
    axes.text(0.25, 1.15, f"log π(a) = {number(sum(terms), 3)}", va="center", fontsize=BIG, fontweight="bold")
    for x, head, value, role in (
        (5.45, "log N(u; μ, σ)", terms[0], NEUTRAL), (7.35, "− log(1 − tanh²u)", terms[1], POLICY),
        (9.17, "− log c", terms[2], POLICY),
    ):  # fmt: skip
        axes.text(x, 1.3, head, ha="center", va="center", color=role.ink)
        axes.text(x, 0.83, number(value, 3, signed=True), ha="center", va="center", color=role.ink, fontweight="bold",
                  fontsize=style.BASE_SIZE + 1)  # fmt: skip
        axes.plot([x, x], [1.55, 1.93], color=role.color, linewidth=1.6, linestyle=":")
    axes.text(8.2, 0.36, "these two are the correction", ha="center", va="center", color=POLICY.ink)
    return style.say(
        figure,
        f"State, network, mean {number(mu)} and log-spread {number(log_std)}; with noise {number(noise)} the unbounded "
        f"action is {number(u)}, its tanh {number(math.tanh(u), 3)}, the action {number(action, 3)}. The log-density "
        f"{number(sum(terms), 3)} is the Gaussian's {number(terms[0], 3)}, {number(terms[1], 3, True)} for tanh and "
        f"{number(terms[2], 3, True)} for the scale.",
    )


# ---------------------------------------------------------------- the squash lab

WIDE = 8.0
"""Half the width of the axis of u."""


@style.styled
def squash(mu, sigma, scale, curves, *, areas, entropy, trail, edge, formulas, broken, show_all):
    """A Gaussian before tanh, the density behind it, both entropies against σ, and the correction in float32.

    Args:
        mu, sigma, scale: μ, σ, c.
        curves: u, density of u, a, corrected density, naive density; arrays.
        areas: under the corrected and the naive density.
        entropy: h(u), h(a).
        trail: σ, h(u), h(a): arrays for the curve of entropies.
        edge: P(|a| > 0.99 c).
        formulas: u, stable, as written, patched: arrays, the last two None to keep them back.
        broken: share of draws with an infinite log-probability; used with the formula as written.
        show_all: whether the curve of entropies is drawn beyond σ.
    """
    figure, axes = style.new_figure(10, 6.4, 2, 2, left=0.06, right=0.985, bottom=0.085, top=0.89, wspace=0.16,
                                    hspace=0.55)  # fmt: skip
    (before, after), (dial, stretch) = axes
    u, gaussian, a, corrected, naive = curves
    before.fill_between(u, 0, gaussian, facecolor="#dddddd", edgecolor=NEUTRAL.ink, linewidth=1.6)
    before.set_xlim(-WIDE, WIDE)
    before.set_ylim(0, 1.2 * gaussian.max())
    style.set_ticks(before.xaxis, (-8, 0, 8))
    before.set_title(f"u ~ N(μ, σ²):  h(u) = {number(entropy[0])}", color=NEUTRAL.ink, y=1.1)

    inner = corrected[np.abs(a) < 0.95 * scale]
    top = 1.15 * max(min(corrected.max(), max(1.3 * inner.max(), 1.5 / scale)), naive.max())
    after.fill_between(a, 0, np.minimum(corrected, 2 * top), facecolor=LIT, edgecolor=POLICY.ink, linewidth=2.2)
    after.plot(a, naive, color=NEGATIVE.color, linestyle="--", linewidth=2.2)
    for x in (-scale, scale):
        after.plot([x, x], [0, top], color=INK, linewidth=1.2, linestyle=":")
    after.set_xlim(-2.1, 2.1)
    after.set_ylim(0, top)
    style.set_ticks(after.xaxis, (-2, -1, 0, 1, 2))
    for axes in (before, after):
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    after.set_title(f"a = c tanh(u):  h(a) = {number(entropy[1])}", color=POLICY.ink, y=1.1)
    after.text(0.0, 1.045, f"area {number(areas[0])}", transform=after.transAxes, color=POLICY.ink, va="center",
               fontweight="bold")
    after.text(0.26, 1.045, f"- - uncorrected: area {number(areas[1])}", transform=after.transAxes, color=NEGATIVE.ink,
               va="center", fontweight="bold")
    before.text(0.0, 1.045, "density before tanh", transform=before.transAxes, color=NEUTRAL.ink, va="center")
    after.set_xlabel(f"{100 * edge:.0f} % of the draws: |a| > 0.99 c", labelpad=1)
    before.set_xlabel("u", labelpad=1)

    sigmas, plain, squashed = trail
    shown = slice(None) if show_all else slice(0, int(np.searchsorted(sigmas, sigma + 1e-9)))
    limit = math.log(2 * scale)
    dial.axhline(limit, color=INK, linewidth=1.2, linestyle=":")
    dial.text(4.95, limit + 0.25, "uniform: log 2c", ha="right", va="bottom", fontsize=SMALL)
    dial.plot(sigmas[shown], plain[shown], color=NEUTRAL.color, linestyle=":", linewidth=2.4)
    dial.plot(sigmas[shown], squashed[shown], color=POLICY.color)
    for value, mark, color, size in ((entropy[0], "s", NEUTRAL.color, 10), (entropy[1], "o", BALL, 12)):
        dial.plot([sigma], [value], mark, color=color, markeredgecolor=INK, markersize=size, zorder=5, clip_on=False)
    dial.set_xlim(0, 5)
    dial.set_ylim(min(-3, squashed.min()) - 0.4, 3.6)
    style.set_ticks(dial.xaxis, (0, 1, 2, 3, 4, 5))
    style.set_ticks(dial.yaxis, (-6, -3, 0, 3))
    dial.set_title("entropy:  ■ h(u),  ● h(a)")
    dial.set_xlabel("σ", labelpad=1)

    x, stable, written, patched = formulas
    band = mu - 2 * sigma, mu + 2 * sigma
    stretch.axvspan(*np.clip(band, -16, 16), color="#ececec", linewidth=0)
    stretch.plot(x, stable, color=POLICY.color, linewidth=6 if written is not None else 2.6, alpha=0.55
                 if written is not None else 1)
    stretch.set_xlim(-16, 16)
    stretch.set_ylim(-33, 6)
    style.set_ticks(stretch.xaxis, (-16, -8, 0, 8, 16))
    style.set_ticks(stretch.yaxis, (-30, -15, 0))
    stretch.set_xlabel("u   (grey: μ ± 2σ)", labelpad=1)
    if written is None:
        stretch.set_title("log(1 − tanh² u)", color=POLICY.ink)
    else:
        finite = np.isfinite(written)
        stretch.plot(x[finite], written[finite], color=NEGATIVE.color, linewidth=2.4)
        stretch.plot(x, patched, color=REWARD.ink, linewidth=1.8, linestyle="--")
        for side in (-1, 1):
            stretch.plot([side * x[finite].max()] * 2, [written[finite].min(), -33], ":", color=NEGATIVE.color)
        stretch.text(0, -29.5, "−∞ in float32", color=NEGATIVE.ink, fontweight="bold", ha="center", va="center")
        stretch.text(0, -22.5, "- - with + 1e-6", color=REWARD.ink, fontweight="bold", ha="center", va="center")
        stretch.set_title(f"{100 * broken:.1f} % of the draws: log π infinite", color=NEGATIVE.ink)
    said = (
        f"At μ = {number(mu)}, σ = {number(sigma)}, c = {number(scale)} the Gaussian has entropy {number(entropy[0])} "
        f"and the squashed action {number(entropy[1])}; the corrected density has area {number(areas[0])}, the "
        f"uncorrected one {number(areas[1])}; {100 * edge:.0f} % of the draws lie within 1 % of an edge"
    )
    if written is not None:
        said += f"; in float32 the formula as written makes log π infinite for {100 * broken:.1f} % of the draws"
    return style.say(figure, said + ".")
