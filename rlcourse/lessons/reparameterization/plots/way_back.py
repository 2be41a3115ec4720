"""The way back of a gradient: one draw of a stochastic actor, forward and backward."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Circle, Polygon

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import box, canvas, tip, words
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD
from rlcourse.lessons.reparameterization.plots.looks import BIG, LIT, PALE, SMALL

BLOCKED = (0, (4, 3))


def pair(values):
    return f"({number(values[0], signed=True)}, {number(values[1], signed=True)})"


NODES = {
    "theta": (1.25, 2.85),
    "noise": (1.25, 4.72),
    "a": (3.95, 4.05),
    "q": (6.45, 4.05),
    "density": (6.45, 2.2),
    "loss": (8.95, 3.15),
}
SIZES = {"theta": (1.75, 0.86), "q": (1.9, 0.62), "density": (2.15, 0.62), "loss": (1.6, 0.86)}


@style.styled
def gradient_path(draw, road, *, mu, sigma, noise, alpha, exact, mean=None, error=None):
    """FIG-14 and FIG-15: one draw of a stochastic actor, forward in black, and the gradient's way back in blue.

    Args:
        draw: an `experiments.Draw`.
        road: "rsample()", "sample()" or "sample() and score".
        mu, sigma, noise, alpha: μ, σ, ξ, α.
        exact: gradient of the mean loss with respect to (μ, σ).
        mean, error: what many draws give on average, and the standard errors; None to keep them back.
    """
    figure, axes = canvas(10, 5.9)
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
    yield (
        ((tx + 0.75, ty + 0.45), (ax - 0.66, ay - 0.2)),
        (0.52, -0.36),
        (pair(draw.through_action) if outside else ""),
        outside,
    )
    yield (
        ((ax + (0.86 if outside else 0.66), ay), (qx - 0.98, qy)),
        (0.02, 0.24),
        (number(draw.from_q, signed=True) if outside else ""),
        outside,
    )
    yield (
        ((ax + 0.35, ay - (0.42 if outside else 0.56)), (dx - 0.9, dy + 0.34)),
        (0.45, 0.2),
        (number(draw.from_density, signed=True) if outside else ""),
        outside,
    )
    yield ((tx + 0.92, ty - 0.22), (dx - 1.1, dy)), (-0.1, -0.42), pair(draw.direct), True
    yield ((qx + 0.98, qy - 0.05), (lx - 0.6, ly + 0.46)), (0.2, 0.26), "−1" if outside else "", outside
    yield (
        ((dx + 1.1, dy + 0.05), (lx - 0.6, ly - 0.46)),
        (0.28, -0.24),
        (number(draw.loss) if scored else f"{alpha:g}"),
        True,
    )


def _arrows(axes, edges):
    """Every forward arrow, and beside it the gradient's arrow back where one passes; a unit is an inch both ways."""
    forward, blocked, back, heads, fills = [], [], [], [], []

    def head(end, along, size, color):
        heads.append(tip(end, along, size, slope=0.36))
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
    for lines, color, width, look in (
        (forward, INK, 1.4, "-"),
        (blocked, NEUTRAL.ink, 1.4, BLOCKED),
        (back, POLICY.color, 4, "-"),
    ):
        axes.add_collection(LineCollection(lines, colors=color, linewidths=width, linestyles=[look]), autolim=False)
    axes.add_collection(PolyCollection(heads, facecolors=fills, linewidths=0, zorder=3), autolim=False)


def _flag(axes, x, y, requires_grad):
    text, color = ("requires_grad", POLICY.ink) if requires_grad else ("no grad", NEGATIVE.ink)
    words(axes, x, y, text, fontsize=SMALL - 1, color=color)


def _box(axes, name, text, requires_grad, small=False):
    (x, y), (wide, high) = NODES[name], SIZES[name]
    fill, edge = (LIT, POLICY.ink) if requires_grad else (PALE, NEUTRAL.ink)
    look = {"facecolor": fill, "edgecolor": edge, "linewidth": 1.6}
    box(axes, x - wide / 2, y - high / 2, wide, high, rounding=0.12, **look)
    words(axes, x, y, text, fontsize=style.BASE_SIZE + (0 if small else 1))
    _flag(axes, x, y + (high / 2 + 0.17) * (1 if name == "loss" else -1), requires_grad)


def _chance(axes, name, text, requires_grad, radius=0.5):
    x, y = NODES[name]
    axes.add_patch(Circle((x, y), radius, facecolor="#fdf0d3", edgecolor=REWARD.ink, linewidth=1.6))
    axes.text(x, y, text, ha="center", va="center")
    _flag(axes, x, y - radius - 0.17, requires_grad)


def _diamond(axes, name, text, requires_grad):
    x, y = NODES[name]
    axes.add_patch(
        Polygon(
            [(x - 0.86, y), (x, y + 0.55), (x + 0.86, y), (x, y - 0.55)],
            facecolor=LIT,
            edgecolor=POLICY.ink,
            linewidth=1.6,
        )
    )
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
        rows.append(
            (
                "mean of 10,000 draws" + (": misses" if misses else ": arrives"),
                texts,
                NEGATIVE.ink if misses else POLICY.ink,
            )
        )
    rows.append(("gradient of the mean loss, exact", [number(e, signed=True) for e in exact], INK))
    for y, (name, texts, ink) in zip((0.95, 0.6, 0.25), rows):
        axes.text(0.25, y, name, va="center", color=ink)
        for x, text in zip((5.6, 8.2), texts):
            axes.text(x, y, text, ha="center", va="center", color=ink, fontweight="bold", fontsize=style.BASE_SIZE + 1)


def _told(draw, road, mu, sigma, noise, exact, mean):
    way = (
        "requires a gradient, so the critic's slope comes back through it"
        if draw.flags["a"]
        else "has no graph, so nothing comes back from the critic"
    )
    average = f", on average over 10,000 draws {pair(mean)}" if mean is not None else ""
    return (
        f"Drawn with {road} at μ = {number(mu)}, σ = {number(sigma)}, ξ = {number(noise)}: the action "
        f"{number(draw.action)} {way}; this draw sends {pair(draw.gradient)} to μ and σ{average}; "
        f"the exact gradient is {pair(exact)}."
    )
