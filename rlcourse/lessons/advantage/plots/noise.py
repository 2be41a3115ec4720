"""The baseline parabola: two kinds of noise, and four baselines."""

import numpy as np
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.sheet import Sheet
from rlcourse.course.figures.style import ACTION, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, VALUE
from rlcourse.lessons.advantage.plots.looks import BIG, SMALL

ACTION_NOISE = style.mix(ACTION.color, 0.55)
RETURN_NOISE = {"facecolor": "#dedede", "edgecolor": NEUTRAL.color, "hatch": NEGATIVE.hatch}


@style.styled
def parabola(baselines, variances, return_noise, gradient, curve):
    """Both parts of the variance against the baseline, and four baselines side by side.

    Args:
        baselines: dict with "none" (0), "V", "yours" and "best": the four baselines.
        variances: their variances, same keys.
        return_noise: the part of each variance that no baseline touches.
        gradient: the expected gradient, the same for all four.
        curve: function of an array of baselines -> variances.
    """
    figure, axes = style.new_figure(9, 5.2, left=0.075, right=0.56, bottom=0.205, top=0.715)
    title = "Noise of one gradient sample,  $\\mathrm{Var}[\\,g\\,(G-b)\\,]$"
    figure.text(0.015, 0.945, title, fontsize=BIG, fontweight="bold", va="center")
    _layers(axes, baselines, variances, return_noise, curve)
    _four_points(axes, baselines, variances)
    _legend(figure)
    sheet = Sheet(figure)
    _four_bars(sheet, baselines, variances, return_noise)
    words, role = _compare(variances["V"], variances["none"])
    look = {"ha": "left", "fontsize": SMALL}
    sheet.text(5.45, 0.84, f"$V$ against nothing: {words}", color=role.ink, fontweight="bold", **look)
    sheet.text(5.45, 0.48, f"mean of the sample: {number(gradient)}, whatever $b$", **look)
    return style.say(
        figure,
        f"Variance of a gradient sample: {_sized(variances['none'])} without a baseline, "
        f"{_sized(variances['V'])} with V = {number(baselines['V'])} ({words}), "
        f"{_sized(variances['yours'])} with b = {number(baselines['yours'])}, "
        f"{_sized(variances['best'])} with the best one, {number(baselines['best'])}; "
        f"{_sized(return_noise)} of each is return noise, and the mean is {number(gradient)} throughout.",
    )


def _layers(axes, baselines, variances, return_noise, curve):
    """The variance against the baseline: noise of the returns below, noise of the actions on top of it."""
    low, high = min(baselines.values()), max(baselines.values())
    pad = 0.22 * max(high - low, 0.5)
    b = np.linspace(low - pad, high + pad, 120)
    axes.set(xlim=(b[0], b[-1]), ylim=(0, max(1.15 * max(variances.values()), 1.6 * return_noise, 1e-3)))
    axes.locator_params(nbins=6)
    axes.set_xlabel("baseline  $b$", labelpad=2)
    noise = curve(b)
    axes.fill_between(b, return_noise, noise, color=ACTION_NOISE, linewidth=0)
    axes.fill_between(b, 0, return_noise, **RETURN_NOISE, linewidth=0)
    axes.plot(b, noise, color=ACTION.ink, linewidth=2.4)


def _four_points(axes, baselines, variances):
    """The baselines on the curve; each has a line up to a row of its own above it: their names never meet."""
    top = axes.get_ylim()[1]
    ring = {"color": "white", "markeredgecolor": INK, "markeredgewidth": 2}
    axes.plot([0], [variances["none"]], "o", markersize=9, zorder=5, **ring)
    looks = {"best": (HIGHLIGHT, 1.04, "$b^*$"), "V": (VALUE, 1.13, "$V$"), "yours": (POLICY, 1.22, "your $b$")}
    for name, (role, height, label) in looks.items():
        x, y = baselines[name], variances[name]
        axes.plot([x, x], [y, height * top], color=role.color, linewidth=1.6, zorder=4, clip_on=False)
        look = {"color": role.color, "markeredgecolor": role.ink, "markersize": 15 if role is HIGHLIGHT else 10}
        axes.plot([x], [y], role.marker, zorder=6, clip_on=False, **look)
        ground = {"facecolor": style.CARD, "edgecolor": "none", "pad": 0.5}
        look = {"ha": "center", "fontsize": BIG, "annotation_clip": False, "bbox": ground}
        style.direct_label(axes, x, height * top, label, role, dx=0, dy=0, **look)


def _four_bars(sheet, baselines, variances, return_noise):
    """The four variances beside the curve, in bars of the same two layers."""
    longest = max(variances.values())
    scale = 3.4 / longest if longest > 0 else 0.0
    rows = (
        ("none", "no baseline, $b$", INK),
        ("V", "$b = V$", VALUE.ink),
        ("yours", "your $b$", POLICY.ink),
        ("best", "$b = b^*$", HIGHLIGHT.ink),
    )
    for i, (name, label, ink) in enumerate(rows):
        y = 4.02 - 0.86 * i
        text = f"{label} = {number(baselines[name], 2 if i else 0)}"
        sheet.text(5.45, y + 0.34, text, ha="left", color=ink, fontweight="bold")
        sheet.text(8.85, y + 0.34, _sized(variances[name]), ha="right", color=ink, fontsize=BIG, fontweight="bold")
        kept, added = scale * return_noise, scale * max(variances[name] - return_noise, 0)
        sheet.bar(5.45, y - 0.08, kept, 0.27, **RETURN_NOISE, linewidth=0.8)
        sheet.bar(5.45 + kept, y - 0.08, added, 0.27, facecolor=ACTION_NOISE, edgecolor=ACTION.ink, linewidth=0.8)
    sheet.text(8.85, 4.91, "variance", ha="right", color=NEUTRAL.ink, fontsize=SMALL)


def _legend(figure):
    """The two layers of the parabola, named below it."""
    for x, look, text in (
        (0.075, {"facecolor": ACTION_NOISE, "edgecolor": ACTION.ink}, "action noise"),
        (0.28, RETURN_NOISE, "return noise"),
    ):
        figure.add_artist(Rectangle((x, 0.035), 0.028, 0.04, **look, linewidth=0.8, transform=figure.transFigure))
        figure.text(x + 0.036, 0.055, text, va="center", fontsize=SMALL)


def _sized(value):
    """Three digits or so, for numbers of very different size."""
    if abs(value) < 5e-7:
        return "0"
    return number(value, 4 if abs(value) < 0.01 else 3 if abs(value) < 10 else 1)


def _compare(value, plain):
    """How the noise with V compares with the noise without: words, and the role they are written in."""
    if abs(value - plain) <= 0.005 * max(value, plain):
        return "no difference", NEUTRAL
    if min(value, plain) < 5e-7:
        return ("noise out of nothing", NEGATIVE) if plain < value else ("all noise gone", POSITIVE)
    ratio = max(value, plain) / min(value, plain)
    digits = 0 if ratio >= 20 else 1 if ratio >= 2 else 2
    words = f"{ratio:.{digits}f} × {'more' if value > plain else 'less'} noise"
    return words, NEGATIVE if value > plain else POSITIVE
