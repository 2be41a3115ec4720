"""From the network to the box: the stages of a bounded action, and what tanh does to a density."""

import math
from typing import NamedTuple

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import arrow, box, canvas, words
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import BALL, INK, NEGATIVE, NEUTRAL, POLICY, REWARD
from rlcourse.lessons.reparameterization.plots.looks import BIG, LIT, PALE, SMALL


@style.styled
def pipeline(mu, log_std, noise, scale, u, action, terms):
    """FIG-16: from the state to a bounded action, and below it the log-density that each stage adds.

    Args:
        mu, log_std, noise, scale: μ, log σ, ξ, c.
        u, action: the unbounded and the bounded action.
        terms: the three terms of log π(a).
    """
    figure, axes = canvas(10, 3.9)
    stages = (
        (0.62, 1.0, "state s", "", PALE),
        (2.05, 1.26, "network", "", LIT),
        (3.75, 1.5, f"μ = {number(mu)}\nlog σ = {number(log_std)}", "log σ clamped", LIT),
        (5.65, 1.6, f"u = μ + σξ\n= {number(u)}", "", LIT),
        (7.45, 1.3, f"tanh u\n= {number(math.tanh(u), 3)}", "into (−1, 1)", LIT),
        (9.17, 1.4, f"a = c tanh u\n= {number(action, 3)}", f"c = {number(scale, 0)}", LIT),
    )
    for i, (x, wide, text, below, color) in enumerate(stages):
        look = {"facecolor": color, "edgecolor": POLICY.ink if i else NEUTRAL.ink, "linewidth": 1.6}
        box(axes, x - wide / 2, 2.33, wide, 0.92, rounding=0.12, **look)
        words(axes, x, 2.79, text)
        if below:
            words(axes, x, 2.1, below, color=NEUTRAL.ink, fontsize=SMALL)
        if i:
            start = stages[i - 1][0] + stages[i - 1][1] / 2
            arrow(axes, (start, 2.79), (x - wide / 2, 2.79), INK, width=2, head=16, gap=1, zorder=1)
    words(axes, 5.65, 3.53, f"σ = exp(log σ) > 0;  ξ = {number(noise)}", color=NEUTRAL.ink, fontsize=SMALL)
    _log_density(axes, terms)
    return style.say(
        figure,
        f"State, network, mean {number(mu)} and log σ {number(log_std)}; with noise {number(noise)} the unbounded "
        f"action is {number(u)}, its tanh {number(math.tanh(u), 3)}, the action {number(action, 3)}. The log-density "
        f"{number(sum(terms), 3)} is the Gaussian's {number(terms[0], 3)}, "
        f"{number(terms[1], 3, signed=True)} for tanh and "
        f"{number(terms[2], 3, signed=True)} for the scale.",
    )


def _log_density(axes, terms):
    """Under the stages: the term that each of the last three adds, and their sum."""
    axes.text(0.25, 1.15, f"log π(a) = {number(sum(terms), 3)}", va="center", fontsize=BIG, fontweight="bold")
    for x, head, value, role in (
        (5.45, "log N(u; μ, σ)", terms[0], NEUTRAL),
        (7.35, "− log(1 − tanh²u)", terms[1], POLICY),
        (9.17, "− log c", terms[2], POLICY),
    ):
        words(axes, x, 1.3, head, color=role.ink)
        look = {"color": role.ink, "fontweight": "bold", "fontsize": style.BASE_SIZE + 1}
        words(axes, x, 0.83, number(value, 3, signed=True), **look)
        axes.plot([x, x], [1.55, 1.93], color=role.color, linewidth=1.6, linestyle=":")
    words(axes, 8.2, 0.36, "these two are the correction", color=POLICY.ink)


WIDE = 8.0
"""Half the width of the axis of u."""


class Densities(NamedTuple):
    """A Gaussian, and the densities behind tanh; arrays."""

    u: np.ndarray
    gaussian: np.ndarray
    a: np.ndarray
    corrected: np.ndarray
    naive: np.ndarray
    """Without the correction."""
    areas: tuple[float, float]
    """Under the corrected and the naive one."""


class Formulas(NamedTuple):
    """log(1 − tanh² u) in float32, by three formulas; arrays."""

    u: np.ndarray
    stable: np.ndarray
    written: np.ndarray | None
    """As written on paper; None to keep it back."""
    patched: np.ndarray | None
    """The same with 1e-6 added."""
    broken: float
    """Share of draws whose log-probability the formula as written makes infinite."""


@style.styled
def squash(mu, sigma, scale, densities, formulas, *, entropy, trail, edge, show_all):
    """A Gaussian before tanh, the density behind it, both entropies against σ, and the correction in float32.

    Args:
        mu, sigma, scale: μ, σ, c.
        densities, formulas: `Densities` and `Formulas`.
        entropy: h(u), h(a).
        trail: σ, h(u), h(a): arrays for the curve of entropies.
        edge: P(|a| > 0.99 c).
        show_all: whether the curve of entropies is drawn beyond σ.
    """
    figure, axes = style.new_figure(
        10, 6.4, 2, 2, left=0.06, right=0.985, bottom=0.085, top=0.89, wspace=0.16, hspace=0.55
    )
    (before, after), (dial, stretch) = axes
    _before(before, densities)
    before.set_title(f"u ~ N(μ, σ²):  h(u) = {number(entropy[0])}", color=NEUTRAL.ink, y=1.1)
    _after(after, densities, scale)
    after.set_title(f"a = c tanh(u):  h(a) = {number(entropy[1])}", color=POLICY.ink, y=1.1)
    after.set_xlabel(f"{100 * edge:.0f} % of the draws: |a| > 0.99 c", labelpad=1)
    shown = slice(None) if show_all else slice(0, int(np.searchsorted(trail[0], sigma + 1e-9)))
    _entropies(dial, trail, shown, scale)
    for value, mark, color, size in ((entropy[0], "s", NEUTRAL.color, 10), (entropy[1], "o", BALL, 12)):
        dial.plot([sigma], [value], mark, color=color, markeredgecolor=INK, markersize=size, zorder=5, clip_on=False)
    _correction(stretch, formulas, mu, sigma)
    said = (
        f"At μ = {number(mu)}, σ = {number(sigma)}, c = {number(scale)} the Gaussian has entropy {number(entropy[0])} "
        f"and the squashed action {number(entropy[1])}; the corrected density has area "
        f"{number(densities.areas[0])}, the uncorrected one {number(densities.areas[1])}; {100 * edge:.0f} % of the "
        "draws lie within 1 % of an edge"
    )
    if formulas.written is not None:
        broken = f"{100 * formulas.broken:.1f} %"
        said += f"; in float32 the formula as written makes log π infinite for {broken} of the draws"
    return style.say(figure, said + ".")


def _bare(axes):
    """Densities need no axis of heights."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _before(axes, densities):
    """The Gaussian, before tanh."""
    u, gaussian = densities.u, densities.gaussian
    axes.fill_between(u, 0, gaussian, facecolor="#dddddd", edgecolor=NEUTRAL.ink, linewidth=1.6)
    axes.set_xlim(-WIDE, WIDE)
    axes.set_ylim(0, 1.2 * gaussian.max())
    style.set_ticks(axes.xaxis, (-8, 0, 8))
    _bare(axes)
    axes.text(0.0, 1.045, "density before tanh", transform=axes.transAxes, color=NEUTRAL.ink, va="center")
    axes.set_xlabel("u", labelpad=1)


def _after(axes, densities, scale):
    """The density behind tanh, with the correction and without it."""
    _, _, a, corrected, naive, areas = densities
    inner = corrected[np.abs(a) < 0.95 * scale]  # near the edges it may rise without end
    top = 1.15 * max(min(corrected.max(), max(1.3 * inner.max(), 1.5 / scale)), naive.max())
    axes.fill_between(a, 0, np.minimum(corrected, 2 * top), facecolor=LIT, edgecolor=POLICY.ink, linewidth=2.2)
    axes.plot(a, naive, color=NEGATIVE.color, linestyle="--", linewidth=2.2)
    for x in (-scale, scale):
        axes.plot([x, x], [0, top], color=INK, linewidth=1.2, linestyle=":")
    axes.set_xlim(-2.1, 2.1)
    axes.set_ylim(0, top)
    style.set_ticks(axes.xaxis, (-2, -1, 0, 1, 2))
    _bare(axes)
    look = {"transform": axes.transAxes, "va": "center", "fontweight": "bold"}
    axes.text(0.0, 1.045, f"area {number(areas[0])}", color=POLICY.ink, **look)
    axes.text(0.26, 1.045, f"- - uncorrected: area {number(areas[1])}", color=NEGATIVE.ink, **look)


def _entropies(axes, trail, shown, scale):
    """Both entropies against σ; the squashed one stays below that of the uniform density."""
    sigmas, plain, squashed = trail
    limit = math.log(2 * scale)
    axes.axhline(limit, color=INK, linewidth=1.2, linestyle=":")
    axes.text(4.95, limit + 0.25, "uniform: log 2c", ha="right", va="bottom", fontsize=SMALL)
    axes.plot(sigmas[shown], plain[shown], color=NEUTRAL.color, linestyle=":", linewidth=2.4)
    axes.plot(sigmas[shown], squashed[shown], color=POLICY.color)
    axes.set_xlim(0, 5)
    axes.set_ylim(min(-3, squashed.min()) - 0.4, 3.6)
    style.set_ticks(axes.xaxis, (0, 1, 2, 3, 4, 5))
    style.set_ticks(axes.yaxis, (-6, -3, 0, 3))
    axes.set_title("entropy:  ■ h(u),  ● h(a)")
    axes.set_xlabel("σ", labelpad=1)


def _correction(axes, formulas, mu, sigma):
    """log(1 − tanh² u): the stable formula, and in float32 the formula as written and its patch, if given."""
    u, stable, written, patched, broken = formulas
    band = mu - 2 * sigma, mu + 2 * sigma
    axes.axvspan(*np.clip(band, -16, 16), color="#ececec", linewidth=0)
    width, alpha = (2.6, 1) if written is None else (6, 0.55)
    axes.plot(u, stable, color=POLICY.color, linewidth=width, alpha=alpha)
    axes.set_xlim(-16, 16)
    axes.set_ylim(-33, 6)
    style.set_ticks(axes.xaxis, (-16, -8, 0, 8, 16))
    style.set_ticks(axes.yaxis, (-30, -15, 0))
    axes.set_xlabel("u   (grey: μ ± 2σ)", labelpad=1)
    axes.set_title("log(1 − tanh² u)", color=POLICY.ink)
    if written is None:
        return
    finite = np.isfinite(written)
    axes.plot(u[finite], written[finite], color=NEGATIVE.color, linewidth=2.4)
    axes.plot(u, patched, color=REWARD.ink, linewidth=1.8, linestyle="--")
    for side in (-1, 1):
        axes.plot([side * u[finite].max()] * 2, [written[finite].min(), -33], ":", color=NEGATIVE.color)
    words(axes, 0, -29.5, "−∞ in float32", color=NEGATIVE.ink, fontweight="bold")
    axes.set_title(f"{100 * broken:.1f} % of the draws: log π infinite", color=NEGATIVE.ink)
    words(axes, 0, -22.5, "- - with + 1e-6", color=REWARD.ink, fontweight="bold")
