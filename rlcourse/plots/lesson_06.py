"""Figures of lesson 06: the clip lab, the ridge, the corners of the simplex, ratios leaving the range, distances."""

from functools import cache
from typing import NamedTuple

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator

from rlcourse.plots import style
from rlcourse.plots.style import HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, REWARD, VALUE

BALL, LIT, PALE, BAND, GIVEN_UP = "#ffc93c", "#ffe08a", "#ffffff", "#e4efe9", "#e9eef4"
TOO_MUCH = "#f3dbe8"
DASHES, DOTS = (0, (5, 2)), (0, (1, 1.4))
TROUBLE = ("stuck", "runs off")
DIM = 0.45
"""How much is left of the colours of the sign that is not at work."""
BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1
REACH = 3.0


def _mix(color, share, other="#ffffff"):
    """`share` of a colour in another one, white by default."""
    parts = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (color, other)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in zip(*parts, strict=True))


def number(value, digits=2, signed=False):
    """A number as a reader writes it: a true minus, no sign in front of zero."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


# ---------------------------------------------------------------- the clip lab


class Case(NamedTuple):
    """One of the six cards of the clip lab."""

    number: int
    where: str
    taken: str
    """Which half of the surrogate counts here."""
    slope: float
    verdict: str


def verdict(zone, sign, slope):
    """What ascent does to the ratio: `zone` is -1, 0, 1 for below, inside, above; `sign` that of the advantage."""
    if sign == 0:
        return "silent"
    if slope == 0:
        return "enough" if zone == sign else "stuck"
    return "goes on" if zone == 0 else "runs off" if zone == sign else "returns"


def brief(value, signed=False):
    """A number without the zeros at its end: +1, −0.5, 0."""
    text = number(value, 2, signed)
    return text.rstrip("0").rstrip(".") if "." in text else text


@style.styled
def clip_lab(ratio, advantage, clip_eps, curves, cards, *, terms, value, slope, case, road, home, use_min, use_clip,
             show_all):  # fmt: skip
    """The surrogate against the ratio for both signs of the advantage, and the six cases as cards below it.

    Until all is asked for, the thick curve, the push and the card are shown only where the sample is.

    Args:
        ratio, advantage, clip_eps: ρ, A, ε.
        curves: for A > 0 and for A < 0: ratios, L, ρA, clipped part, slope of L; arrays.
        cards: for each sign three `Case`s: below, inside, above the range.
        terms: ρA and clip(ρ) A of the sample.
        value, slope, case: L, dL/dρ, and the number of the case at (ρ, A); case 0 if A is zero.
        road: ratios that gradient ascent passes from here.
        home: the same with PPO's own surrogate, min and clip in place.
        use_min, use_clip: whether the surrogate has its min and its clip.
        show_all: whether everything is shown, not only what the sample meets.
    """
    figure, both = style.new_figure(10, 5.9, 1, 2, left=0.065, right=0.985, bottom=0.315, top=0.835, wspace=0.17)
    plain, clipped = (number(term) for term in terms)
    formula, result = "ρA", number(value)
    if use_clip:
        formula = f"min( ρA, clip(ρ) A ) = min( {plain}, {clipped} )" if use_min else "clip(ρ) A"
    card = next((card for row in cards for card in row if card.number == case), None)
    trouble = card is not None and card.verdict in TROUBLE
    look = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.065, 0.956, f"L = {formula} = {result}", color=INK if use_min and use_clip else HIGHLIGHT.ink, **look)
    figure.text(0.985, 0.956, f"slope = {brief(slope, signed=True)}", ha="right",
                color=HIGHLIGHT.ink if trouble else _ink_of(slope), **look)  # fmt: skip
    for axes, sign, curve, row in zip(both, (1, -1), curves, cards, strict=True):
        live = np.sign(advantage) == sign
        here = live or (case == 0 and sign == 1)
        low, high = 1 - clip_eps, 1 + clip_eps
        zone = (-1 if ratio < low - 1e-9 else 1 if ratio > high + 1e-9 else 0) if here else None
        span = (0, REACH) if show_all else {-1: (0, low), 0: (low, high), 1: (high, REACH), None: None}[zone]
        _landscape(axes, sign, abs(advantage), clip_eps, curve, span, live or case == 0, use_min, use_clip,
                   ghost=not use_clip or ((here or show_all) and not use_min))  # fmt: skip
        ink = POSITIVE.ink if sign > 0 else NEGATIVE.ink
        title = {"color": ink, "fontweight": "bold", "fontsize": style.BASE_SIZE + 1, "transform": axes.transAxes}
        figure.text(0.0, 1.118, "A > 0: good action" if sign > 0 else "A < 0: bad action", **title)
        if here:
            figure.text(1.0, 1.118, f"ρ = {brief(ratio)}, A = {brief(advantage, signed=True)}", ha="right", **title)
            _sample(axes, ratio, value, terms, curve, road, home, span, trouble)
        _strip(axes, curve, row, (low, high), ink if live or case == 0 else _mix(ink, DIM), ratio if here else None,
               slope, trouble, show_all)  # fmt: skip
        _cards(figure, axes, row, case, show_all, use_clip)
    return style.say(figure, _told(ratio, advantage, clip_eps, cards, card, terms, value, slope, use_min, use_clip,
                                   show_all))  # fmt: skip


def _told(ratio, advantage, clip_eps, cards, card, terms, value, slope, use_min, use_clip, show_all):
    """The clip lab in a sentence."""
    missing = " and ".join(name for name, used in (("min", use_min), ("clip", use_clip)) if not used)
    plain, clipped = (number(term) for term in terms)
    terms = f"min({plain}, {clipped}) = " if use_min and use_clip else ""
    said = (
        f"At ρ = {number(ratio)}, A = {brief(advantage, signed=True)}, ε = {number(clip_eps)}"
        + (f", without the {missing}," if missing else "")
        + f" the surrogate is L = {terms}{number(value)} with slope {brief(slope, signed=True)}; "
        + (f"case {card.number}, {card.where}: L = {card.taken}, {card.verdict}" if card
           else "a sample of advantage 0 is silent")
    )  # fmt: skip
    if missing:
        said += f"; PPO's own L there is min({plain}, {clipped})"
    if show_all:
        every = sorted((card for row in cards for card in row), key=lambda card: card.number)
        said += "; slopes of the cases 1 to 6: " + ", ".join(brief(card.slope, signed=True) for card in every)
    return said + "."


def _ink_of(slope):
    return POSITIVE.ink if slope > 0 else NEGATIVE.ink if slope < 0 else INK


def _landscape(axes, sign, size, clip_eps, curve, span, live, use_min, use_clip, ghost):
    """The range, the two terms for one sign, and L where it may be seen: between the ratios of `span`."""
    rho, L, plain, clipped, _ = curve
    unit = size or 1.0
    role = POSITIVE if sign > 0 else NEGATIVE
    low, high = 1 - clip_eps, 1 + clip_eps
    axes.set_xlim(0, REACH)
    axes.set_ylim(*((-0.1 * unit, 3.4 * unit) if sign > 0 else (-3.1 * unit, 0.4 * unit)))
    axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
    grey = NEUTRAL.ink if live else NEUTRAL.color
    across = axes.get_xaxis_transform()
    if ghost:
        axes.plot(rho, np.minimum(plain, clipped), color=_mix(role.color, 0.4), linewidth=5, zorder=2.5)
    if use_clip:
        axes.plot(rho, plain, color=grey, linestyle=DASHES, linewidth=1.8, zorder=2.6)
        axes.plot(rho, clipped, color=grey, linestyle=DOTS, linewidth=2.4, zorder=2.6)
    if span:
        seen = (rho >= span[0] - 1e-9) & (rho <= span[1] + 1e-9)
        for gap, color, name in ((plain - L, GIVEN_UP, "gain"), (L - plain, TOO_MUCH, "loss")):
            if gap[seen].max() > 1e-9:
                axes.fill_between(rho[seen], L[seen], plain[seen], where=gap[seen] > -1e-9, color=color, linewidth=0,
                                  zorder=0.5)  # fmt: skip
                _not_counted(axes, name, unit, sign, low, high, color)
        axes.plot(rho[seen], L[seen], color=role.color if live else _mix(role.color, DIM), linewidth=6, zorder=3,
                  solid_capstyle="round", solid_joinstyle="round")  # fmt: skip
    if use_clip:
        edge = {"transform": across, "va": "baseline"}
        axes.figure.text(low - 0.05, 1.025, f"1−ε = {brief(low)}", ha="right" if low > 0.35 else "left", **edge)
        axes.figure.text(high + 0.05, 1.025, f"1+ε = {brief(high)}", **edge)
        middles = ((0 + low) / 2, 1.0, (high + REACH) / 2)
        widths = (low, high - low, REACH - high)
        for name, middle, width in zip((3, 1, 5) if sign > 0 else (4, 2, 6), middles, widths, strict=True):
            if width > 0.17:
                axes.figure.text(middle, 0.935, str(name), transform=across, ha="center", va="center", color=role.ink,
                          fontsize=BIG, fontweight="bold")  # fmt: skip
    style.set_ticks(axes.xaxis, (0, 1, 2, 3))
    axes.tick_params("x", pad=28)
    axes.figure.text(0.5, -0.137, "ratio ρ", transform=axes.transAxes, ha="center", va="top")
    places = [sign * k * unit for k in range(4)]
    style.set_ticks(axes.yaxis, places, [brief(place) for place in places])
    if sign > 0:
        _key(axes, use_clip, not (use_min and use_clip), raised=size == 0)


def _not_counted(axes, name, unit, sign, low, high, color):
    """Say what a shaded area is, on the far side of the flat line, where the sample never comes."""
    look = {"color": HIGHLIGHT.ink if color == TOO_MUCH else NEUTRAL.ink, "fontweight": "bold", "linespacing": 1.15,
            "transform": axes.transData}  # fmt: skip
    left = (name == "loss") == (sign > 0)
    if left and low > 0.5:
        va = "bottom" if sign > 0 else "top"
        axes.figure.text(0.04, sign * (low + 0.17) * unit, f"{name} not\ncounted", va=va, **look)
    elif not left:
        va, gap = "top" if sign > 0 else "bottom", " " if high < 1.75 else "\n"
        at = REACH - 0.04, sign * (high - 0.17) * unit
        axes.figure.text(*at, f"{name} not{gap}counted", ha="right", va=va, **look)


def _key(axes, use_clip, ghost, raised):
    """What the lines are, in the empty corner under the left curve."""
    lines = [(2.02, 1, "ρA", DASHES, 1.8, NEUTRAL.ink), (2.02, 0, "clip(ρ) A", DOTS, 2.4, NEUTRAL.ink)] * use_clip
    lines += [(1.3, 0, "PPO", "-", 5, _mix(POSITIVE.color, 0.4))] * ghost
    across = axes.get_xaxis_transform()
    for x, k, name, dashes, width, color in lines:
        y = 0.055 + 0.075 * (k + raised)
        axes.plot((x, x + 0.25), (y, y), transform=across, color=color, linestyle=dashes, linewidth=width)
        axes.figure.text(x + 0.31, y, name, transform=across, va="center", color=NEUTRAL.ink)


def _sample(axes, ratio, value, terms, curve, road, home, span, trouble):
    """The sample as a ball on the curve, the term that was not taken, and where small steps of ascent take it."""
    rho, L, plain, clipped, _ = curve
    dots = {"linestyle": "", "marker": "o", "markersize": 6.5, "markerfacecolor": style.CARD, "markeredgewidth": 1.4}
    lost = abs(min(terms) - value) > 1e-9  # PPO would have taken the other term
    if abs(terms[0] - terms[1]) > 1e-9:
        axes.plot([ratio, ratio], terms, color=INK, linewidth=1.8, zorder=4)
        other = max(terms) if value == min(terms) else min(terms)
        if not lost:
            axes.plot([ratio], [other], "o", markersize=11, color=style.CARD, markeredgecolor=INK, markeredgewidth=2,
                      zorder=6, clip_on=False)  # fmt: skip
    if lost:
        heights = np.interp(home, rho, np.minimum(plain, clipped))
        moved = np.abs(home - ratio) > 1e-9
        axes.plot(home[moved], heights[moved], markeredgecolor=NEUTRAL.ink, zorder=5, **dots)
        axes.plot([ratio], [min(terms)], "o", markersize=16, color=_mix(BALL, 0.45), markeredgecolor=NEUTRAL.ink,
                  markeredgewidth=2, zorder=6, clip_on=False)  # fmt: skip
    moved = (np.abs(road - ratio) > 1e-9) & (road >= span[0] - 1e-9) & (road <= span[1] + 1e-9)
    if moved.any():
        axes.plot(road[moved], np.interp(road[moved], rho, L), markeredgecolor=INK, zorder=5, **dots)
    axes.plot([ratio], [value], "o", markersize=16, color=HIGHLIGHT.ink if trouble else BALL, markeredgecolor=INK,
              markeredgewidth=2, zorder=7, clip_on=False)  # fmt: skip


def _strip(axes, curve, row, edges, ink, ball, slope, trouble, show_all):
    """A strip under the axis: which way ascent pushes the ratio, a square where it rests, a cross where it is stuck.

    What PPO avoids is in the colour of trouble. Without `show_all` there is a sign at the ball only.
    """
    across = axes.get_xaxis_transform()
    axes.add_patch(Rectangle((0, -0.119), REACH, 0.093, transform=across, facecolor=style.CARD,
                             edgecolor=style.FAINT, linewidth=1, clip_on=False))  # fmt: skip
    axes.figure.text(-0.015, -0.0725, "push", transform=axes.transAxes, ha="right", va="center")
    look = {"linestyle": "", "transform": across, "clip_on": False}
    if show_all:
        rho, _, _, _, slopes = curve
        places = np.arange(0.1, REACH, 0.2).round(9)
        if ball is not None:
            places = places[np.abs(places - ball) > 0.13]
        push = np.sign(slopes[np.searchsorted(rho, places - 1e-9)])
        zones = np.array([card.verdict in TROUBLE for card in row])[np.searchsorted(edges, places)]
        alarm = HIGHLIGHT.ink if ball is not None else _mix(HIGHLIGHT.ink, DIM)
        for way, marker in ((1, ">"), (-1, "<"), (0, "s"), (0, "X")):
            for bad in (False, True):
                chosen = (push == way) & (zones == bad)
                if chosen.any() and (way or bad == (marker == "X")):
                    color = alarm if bad else ink if way else NEUTRAL.color
                    axes.plot(places[chosen], np.full(chosen.sum(), -0.0725), marker=marker, color=color, zorder=4,
                              markersize=5 if marker == "s" else 10, markeredgewidth=0, **look)  # fmt: skip
    if ball is not None:
        marker = ">" if slope > 0 else "<" if slope < 0 else "X" if trouble else "s"
        axes.plot([ball], [-0.0725], marker, markersize=18 if slope or trouble else 12, markeredgecolor=INK,
                  color=HIGHLIGHT.ink if trouble else BALL, markeredgewidth=1.6, zorder=7, **look)  # fmt: skip


def _cards(figure, axes, row, case, show_all, use_clip):
    """Three cards under a plot; the one that holds is lit, and the only one filled in until all are asked for."""
    place = axes.get_position()
    gap, top, bottom = 0.008, 0.21, 0.012
    width = (place.width - 2 * gap) / 3
    for k, card in enumerate(row):
        left, lit, trouble = place.x0 + k * (width + gap), card.number == case, card.verdict in TROUBLE
        figure.add_artist(Rectangle(
            (left, bottom), width, top - bottom, transform=figure.transFigure, linewidth=3 if lit else 1,
            facecolor=LIT if lit else PALE, edgecolor=INK if lit else NEUTRAL.color))  # fmt: skip
        look = {"va": "center", "color": INK, "fontweight": "bold" if lit else "normal"}
        strong = {**look, "fontweight": "bold", "color": HIGHLIGHT.ink if trouble else INK}
        x = left + 0.009
        if use_clip:
            figure.text(x, top - 0.033, str(card.number), fontsize=BIG + 1, **{**look, "fontweight": "bold"})
        figure.text(x + 0.026 * use_clip, top - 0.033, card.where, **look)
        if not (lit or show_all):
            figure.text(x, top - 0.12, "slope ?", **look)
            continue
        lines = f"L = {card.taken}\nslope {brief(card.slope, signed=True)}"
        figure.text(x, top - 0.099, lines, linespacing=1.3, **look)
        figure.text(x, top - 0.167, card.verdict, fontsize=style.BASE_SIZE + 1, **strong)
        arrow = "→" if card.slope > 0 else "←" if card.slope < 0 else "✖" if trouble else "■"
        figure.text(left + width - 0.009, top - 0.167, arrow, ha="right", fontsize=BIG, **strong)


# ---------------------------------------------------------------- the ridge

X, Y = np.linspace(-0.5, 10.0, 540), np.linspace(-2.2, 2.2, 350)  # about a pixel a point
ABYSS, CREST = "#5b7288", "#fbf3dc"


@cache
def _terrain(surface):
    """The map as pixels, and its contour lines."""
    heights = surface(*np.meshgrid(X, Y))
    shade = np.clip((heights + 14) / 23, 0, 1)[..., None] ** 1.3
    low, high = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (ABYSS, CREST))
    lines = contour_generator(X, Y, heights)
    levels = (-12, -8, -4, -2, 0, 2, 4, 6, 8)
    return (low + shade * (high - low)).astype(np.uint8), [line for level in levels for line in lines.lines(level)]


@style.styled
def ridge(walk, heights, surface, *, step_size, steps):
    """A walk on the map of J, seen from above, and the height it has reached after every step.

    Args:
        walk: points [steps + 1, 2], or fewer if the walk left for good.
        heights: J at them.
        surface: the function J(x, y).
        step_size, steps: η and how many steps were asked for.
    """
    figure, (ground, side) = style.new_figure(
        10, 4.7, 1, 2, left=0.055, right=0.985, bottom=0.13, top=0.87, wspace=0.17, width_ratios=(1.75, 1)
    )
    pixels, lines = _terrain(surface)
    ground.imshow(pixels, origin="lower", extent=(X[0], X[-1], Y[0], Y[-1]), aspect="auto", zorder=0,
                  interpolation="nearest")  # fmt: skip
    ground.add_collection(LineCollection(lines, colors="#ffffff", linewidths=0.9, alpha=0.75, zorder=1))
    ground.plot(X, 0.5 * np.sin(2 * X), color=VALUE.ink, linestyle=VALUE.linestyle, linewidth=1.6, zorder=2)
    shown = np.clip(walk, -50, 50)
    ground.plot(shown[:, 0], shown[:, 1], "-o", color=NEGATIVE.ink, linewidth=1.8, markersize=5,
                markerfacecolor="#ffd9b8", markeredgecolor=NEGATIVE.ink, zorder=4)  # fmt: skip
    ground.plot(*shown[0], "o", markersize=13, color=style.CARD, markeredgecolor=INK, markeredgewidth=2, zorder=5)
    gone = bool((np.abs(walk[-1] - (4.75, 0)) > (5.25, 2.2)).any())
    if not gone:
        ground.plot(*shown[-1], "o", markersize=15, color=BALL, markeredgecolor=INK, markeredgewidth=2, zorder=6)
    ground.set_xlim(X[0], X[-1])
    ground.set_ylim(Y[0], Y[-1])
    ground.set_xlabel("x", labelpad=0)
    ground.set_ylabel("y", rotation=0, labelpad=4)
    style.set_ticks(ground.xaxis, range(0, 11, 2))
    style.set_ticks(ground.yaxis, (-2, -1, 0, 1, 2))
    taken = len(walk) - 1
    lost = abs(heights[-1]) > 1e3
    ground.text(0.98, 0.04, "dashed: the crest", transform=ground.transAxes, ha="right", color=style.CARD,
                fontweight="bold")  # fmt: skip
    ground.set_title(f"η = {number(step_size)}, {taken} step{'s' * (taken != 1)}"
                     + ("  —  off the map" if gone else ""))  # fmt: skip
    side.plot(np.arange(taken + 1), np.clip(heights, -60, 60), "-o", color=NEGATIVE.ink, markersize=3.5, linewidth=1.8)
    side.axhline(0, color=INK, linewidth=0.8)
    side.set_xlim(0, 60)
    low, marks = (-3, (0, 5, 10)) if heights.min() > -3 else (-26, (-20, -10, 0))
    side.set_ylim(low, 10.5)
    style.set_ticks(side.xaxis, (0, 20, 40, 60))
    style.set_ticks(side.yaxis, marks, [number(mark, 0) for mark in marks])
    side.set_xlabel("step", labelpad=0)
    side.set_title("height J: lost for good" if lost else f"height J = {number(heights[-1])}")
    where = "has left the map" if gone else "is on the map"
    height = "is below −1000" if lost else f"is {number(heights[-1])}"
    return style.say(
        figure,
        f"A walk along the ridge with η = {number(step_size)}: after {taken} of {steps} steps it {where} "
        f"and its height J {height}; the highest point so far was {number(max(heights.max(), 0))}.",
    )


# ---------------------------------------------------------------- the simplex

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 3**0.5 / 2]])
"""Where the policies that choose arm 1, 2, 3 only are drawn; arm 3 is the best."""


def on_triangle(policies):
    """Points [..., 2] of policies [..., 3]."""
    return policies @ CORNERS


def _triangle(axes, names, size=style.BASE_SIZE, away=0.05):
    axes.add_collection(PolyCollection([CORNERS], facecolors="#f4f6f8", edgecolors=INK, linewidths=1.4, zorder=0))
    axes.set_aspect("equal")
    axes.axis("off")
    for (x, y), name, (dy, va) in zip(CORNERS, names, ((-away, "top"), (-away, "top"), (away, "bottom")), strict=True):
        axes.text(x, y + dy, name, ha="center", va=va, fontsize=size, fontweight="bold", linespacing=1.3)


@style.styled
def corner(policies, lost, shares, step_sizes, *, rule, step_size, batches, show_all):
    """500 policies on the triangle of three arms, and how many are in a wrong corner by step size.

    Args:
        policies: [runs, 3] after so many batches.
        lost: which of them chose a wrong arm for good, booleans [runs].
        shares: rule -> share stuck after 300 batches, one for each of `step_sizes`.
        rule, step_size, batches: what is shown on the triangle.
        show_all: draw the curves of all rules; if not, only the chosen one's, up to where the learners have come.
    """
    figure, (left, right) = style.new_figure(
        10, 5.0, 1, 2, left=0.03, right=0.97, bottom=0.13, top=0.88, wspace=0.12, width_ratios=(1, 1.05)
    )
    settled = (policies > 0.999).mean(0)
    best = (policies.argmax(-1) == 2).mean()
    names = (
        f"arm 1 pays 0.2\nstuck: {100 * settled[0]:.1f} %",
        f"arm 2 pays 0.5\nstuck: {100 * settled[1]:.1f} %",
        f"arm 3 pays 1.0, preferred by {100 * best:.0f} %",
    )
    _triangle(left, names, away=0.11)
    left.set_xlim(-0.14, 1.14)
    left.set_ylim(-0.3, 1.04)
    for place, share, role in zip(CORNERS, settled, (NEGATIVE, NEGATIVE, POLICY), strict=True):
        if share:  # the dots of a corner lie on each other: a disc shows how many
            left.plot(*place, "o", markersize=8 + 44 * share**0.5, color=_mix(role.color, 0.35), zorder=2,
                      markeredgecolor=role.ink, clip_on=False)  # fmt: skip
    points = on_triangle(policies)
    for chosen, role, size in ((~lost, POLICY, 6), (lost, NEGATIVE, 9)):
        if chosen.any():
            left.plot(*points[chosen].T, role.marker, markersize=size, color=role.color, markeredgecolor=role.ink,
                      markeredgewidth=0.6, alpha=0.55, clip_on=False, zorder=3)  # fmt: skip
    figure.text(0.03, 0.94, f"500 policies, η = {step_size:g}, after {batches} batches", fontsize=style.BASE_SIZE + 1,
                fontweight="bold", va="center")  # fmt: skip
    looks = (POLICY, VALUE, NEGATIVE)
    places = np.log2(np.array(step_sizes))
    at = list(step_sizes).index(step_size)
    done = at + (batches == 300)  # until then the curve would give the end away
    for (name, line), role in zip(shares.items(), looks, strict=True):
        mine = name == rule
        if mine or show_all:
            upto = slice(None if show_all else done)
            right.plot(places[upto], 100 * np.array(line)[upto],
                       **role.line(linewidth=4 if mine else 1.8, markersize=9 if mine else 6))  # fmt: skip
    right.plot(places[at], 100 * lost.mean(), "o", markersize=17, color=BALL, markeredgecolor=INK, markeredgewidth=2,
               zorder=7, clip_on=False)  # fmt: skip
    for y, (name, role) in zip((0.93, 0.84, 0.75), reversed(list(zip(shares, looks, strict=True))), strict=True):
        shown = show_all or name == rule
        right.text(0.03, y, f"{role_mark(role)} {name}", transform=right.transAxes, va="center",
                   color=role.ink if shown else NEUTRAL.color,
                   fontweight="bold" if name == rule else "normal")  # fmt: skip
    right.set_ylim(-2, 60)
    right.set_xlim(places[0] - 0.3, places[-1] + 0.3)
    style.set_ticks(right.xaxis, places, [f"{eta:g}" for eta in step_sizes])
    style.set_ticks(right.yaxis, (0, 10, 20, 30, 40), ("0", "10", "20", "30", "40"))
    right.set_xlabel("step size η")
    right.set_title("% stuck: now (ball), after 300 (line)")
    ends = "; ".join(f"{name} {100 * line[at]:.1f} %" for name, line in shares.items())
    return style.say(
        figure,
        f"{rule}, for every batch, at η = {step_size:g}: after {batches} batches {100 * lost.mean():.1f} % of 500 "
        f"policies are stuck on a wrong arm and {100 * best:.1f} % prefer the best"
        + (f"; after 300 batches at this step size are stuck: {ends}." if show_all else "."),
    )


def role_mark(role):
    return {"o": "●", "s": "■", "v": "▼"}[role.marker]


@style.styled
def first_updates(updates):
    """The policies that one batch makes of the uniform one, a triangle for each rule, with their divergence.

    Args:
        updates: name of the rule -> (policies [batches, 3], kl [batches]).
    """
    figure, axes = style.new_figure(10, 3.4, 1, len(updates), left=0.02, right=0.98, bottom=0.2, top=0.86, wspace=0.08)
    said = []
    for place, (name, (policies, kl)) in zip(axes, updates.items(), strict=True):
        _triangle(place, ("0.2", "0.5", "1.0"), style.BASE_SIZE - 1)
        place.set_xlim(-0.1, 1.1)
        place.set_ylim(-0.15, 1.0)
        place.plot(*on_triangle(policies).T, "o", markersize=6, color=POLICY.color, markeredgecolor=POLICY.ink,
                   markeredgewidth=0.6, alpha=0.5, clip_on=False)  # fmt: skip
        place.plot(*on_triangle(np.full(3, 1 / 3)), "o", markersize=9, color=BALL, markeredgecolor=INK, zorder=5)
        place.text(0.5, 1.13, name, ha="center", va="center", fontweight="bold", transform=place.transAxes)
        place.text(0.5, -0.17, f"KL: mean {kl.mean():.3f}\nlargest {kl.max():.3f}", ha="center", va="center",
                   transform=place.transAxes, linespacing=1.3)  # fmt: skip
        said.append(f"{name} {kl.max():.3f}")
    said = ", ".join(said)
    return style.say(figure, f"One update from the uniform policy on 100 batches; largest divergence: {said}.")


@style.styled
def bandit_race(found):
    """Share of runs stuck on a wrong arm, with clipping and without, for several step sizes.

    Args:
        found: step size -> (share with clipping, share without).
    """
    figure, axes = style.new_figure(9, 3.9, bottom=0.15, top=0.87, left=0.08)
    for x, (with_clip, without) in enumerate(found.values()):
        for at, share, role in ((x - 0.19, with_clip, VALUE), (x + 0.19, without, NEGATIVE)):
            axes.bar([at], [100 * share], 0.34, **role.bar())
            axes.text(at, 100 * share + 1.2, f"{100 * share:.0f} %", ha="center", color=role.ink,
                      fontweight="bold", fontsize=style.BASE_SIZE + 1)  # fmt: skip
    axes.set_xlim(-0.6, len(found) - 0.4)
    axes.set_ylim(0, 56)
    style.set_ticks(axes.xaxis, range(len(found)), [f"η = {eta:g}" for eta in found])
    style.set_ticks(axes.yaxis, (0, 20, 40))
    axes.set_title("% of 500 learners stuck on a wrong arm: 10 epochs a batch")
    for x, role, name in ((0.02, VALUE, "■ with clip"), (0.19, NEGATIVE, "▼ without")):
        axes.text(x, 0.93, name, transform=axes.transAxes, color=role.ink, fontweight="bold", va="center")
    said = "; ".join(f"η = {eta:g}: {100 * a:.0f} % with, {100 * b:.0f} % without" for eta, (a, b) in found.items())
    return style.say(figure, f"Stuck on a wrong arm after 300 batches of 10 epochs, with and without clipping: {said}.")


# ---------------------------------------------------------------- one batch, many epochs


@style.styled
def reuse(clip, free, *, learning_rate, epochs, edges, clip_eps=0.2):
    """Histograms of the ratio with clipping and without, and how far both policies have gone.

    Args:
        clip, free: dicts with "good", "bad" (counts [epochs + 1][bins], by the sign of the advantage), "kl",
            "outside", "low", "high" (one number an epoch).
        learning_rate, epochs: Adam's step size, and how many epochs are done.
        edges: of the bins; the last bin holds all that lies beyond.
    """
    figure = style.new_figure(10, 5.9, 2, 2, left=0.06, right=0.985, bottom=0.1, top=0.85, wspace=0.2, hspace=0.5,
                              width_ratios=(1.7, 1))  # fmt: skip
    figure, axes = figure
    title = f"Adam, η = {learning_rate:g}: {epochs} epoch{'s' * (epochs != 1)} on one batch of 256"
    figure.text(0.06, 0.957, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    counts = [np.array(frames[sign][epochs]) for frames in (clip, free) for sign in ("good", "bad")]
    tallest = max((a + b).max() for a, b in (counts[:2], counts[2:]))
    top = next(limit for limit in (48, 64, 96, 128, 192, 256) if 1.04 * tallest <= limit or limit == 256)
    for place, name, frames in zip(axes[:, 0], ("with clip", "without clip"), (clip, free), strict=True):
        _histogram(place, np.array(frames["good"][epochs]), np.array(frames["bad"][epochs]), edges, clip_eps, top)
        place.set_title(f"{name}: ρ from {number(frames['low'][epochs])} to {number(frames['high'][epochs])}")
    axes[1, 0].set_xlabel("ratio ρ", labelpad=0)
    for y, role, name in ((0.88, POSITIVE, "■ A > 0"), (0.7, NEGATIVE, "▨ A < 0")):
        axes[0, 0].text(0.99, y, name, transform=axes[0, 0].transAxes, color=role.ink, fontweight="bold", ha="right")
    outside, divergence = axes[:, 1]
    steps = np.arange(len(clip["kl"]))
    for place, name, scale in ((outside, "outside", 100), (divergence, "kl", 1)):
        for frames, role in ((free, NEGATIVE), (clip, VALUE)):
            line = np.maximum(scale * np.array(frames[name]), 0 if name == "outside" else 1e-5)
            place.plot(steps, line, **role.line(marker="", linestyle="-" if role is VALUE else "--"))
            place.plot(epochs, line[epochs], role.marker, markersize=12, color=role.color, markeredgecolor=INK,
                       clip_on=False, zorder=6)  # fmt: skip
        place.set_xlim(0, len(steps) - 1)
        style.set_ticks(place.xaxis, (0, 20, 40, 60, 80))
    outside.set_ylim(0, 103)
    style.set_ticks(outside.yaxis, (0, 50, 100))
    divergence.set_yscale("log")
    divergence.set_ylim(1e-5, 60)
    style.set_ticks(divergence.yaxis, (1e-4, 1e-2, 1), ("0.0001", "0.01", "1"))
    divergence.yaxis.set_minor_locator(NullLocator())
    divergence.set_xlabel("epochs", labelpad=0)
    shares = [100 * frames["outside"][epochs] for frames in (clip, free)]
    kls = [frames["kl"][epochs] for frames in (clip, free)]
    outside.set_title(f"outside: {shares[0]:.0f} %, without {shares[1]:.0f} %")
    divergence.set_title(f"KL: {kls[0]:.2g}, without {kls[1]:.2g}")
    for y, role, name in ((0.3, NEGATIVE, "▼ without clip"), (0.12, VALUE, "■ with clip")):
        divergence.text(0.99, y, name, transform=divergence.transAxes, color=role.ink, fontweight="bold", ha="right")
    return style.say(
        figure,
        f"After {epochs} epochs at η = {learning_rate:g}: with clipping {shares[0]:.0f} % of the ratios are outside "
        f"the range, between {number(clip['low'][epochs])} and {number(clip['high'][epochs])}, KL {kls[0]:.3g}; "
        f"without, {shares[1]:.0f} %, between {number(free['low'][epochs])} and {number(free['high'][epochs])}, "
        f"KL {kls[1]:.3g}.",
    )


def _histogram(axes, good, bad, edges, clip_eps, top):
    axes.axvspan(1 - clip_eps, 1 + clip_eps, color=BAND, linewidth=0, zorder=0)
    width = edges[1] - edges[0]
    left = np.append(edges[:-1], edges[-1] + 0.5 * width)  # the bin of the rest stands apart
    for base, heights, role in ((0 * good, bad, NEGATIVE), (bad, good, POSITIVE)):
        bars = [[(x, b), (x, b + h), (x + width, b + h), (x + width, b)] for x, b, h in zip(left, base, heights) if h]
        axes.add_collection(PolyCollection(bars, facecolors=role.color, edgecolors=style.CARD, linewidths=0.8,
                                           hatch=role.hatch))  # fmt: skip
    axes.set_xlim(0, left[-1] + width)
    axes.set_ylim(0, top)
    style.set_ticks(axes.xaxis, (0, 0.5, 0.8, 1.2, 1.5, 2, left[-1] + width / 2),
                    ("0", "0.5", "0.8", "1.2", "1.5", "2", "more"))  # fmt: skip
    style.set_ticks(axes.yaxis, (0, top // 2, top))


# ---------------------------------------------------------------- ratio and divergence


@style.styled
def distance(old, new, apart, drawn, *, spreads):
    """Two policies, their ratios, and what a sample says about how far apart they are.

    Args:
        old, new: probabilities of the actions.
        apart: ratios, tv, kl, k1, k3 as experiments.lesson_06.Distance holds them.
        drawn: numbers of the actions sampled from the old policy.
        spreads: standard deviations of one sample of |ρ - 1| / 2, k1 and k3.
    """
    figure, (left, right) = style.new_figure(
        10, 4.9, 1, 2, left=0.055, right=0.985, bottom=0.12, top=0.84, wspace=0.3, width_ratios=(1, 1.12)
    )
    spots = np.arange(3)
    left.bar(spots - 0.2, old, 0.36, **NEUTRAL.bar())
    left.bar(spots + 0.2, new, 0.36, **POLICY.bar())
    for x, before, after, ratio in zip(spots, old, new, apart.ratios, strict=True):
        text = f"ρ = {number(ratio)}" if ratio < 100 else f"ρ = {ratio:.0f}"
        left.text(x, max(before, after) + 0.03, text, ha="center", fontweight="bold", fontsize=style.BASE_SIZE + 1)
    left.set_ylim(0, 1.12)
    left.set_xlim(-0.55, 2.55)
    style.set_ticks(left.xaxis, spots, ["action 1", "action 2", "action 3"])
    style.set_ticks(left.yaxis, (0, 0.5, 1))
    left.text(0.0, 1.06, "■ old", transform=left.transAxes, color=NEUTRAL.ink, fontweight="bold")
    left.text(0.2, 1.06, "● new policy", transform=left.transAxes, color=POLICY.ink, fontweight="bold")
    rows = (
        ("½|ρ−1|", 0.5 * np.abs(apart.ratios - 1), apart.tv, spreads[0], REWARD),
        ("k1", apart.k1, apart.kl, spreads[1], NEGATIVE),
        ("k3", apart.k3, apart.kl, spreads[2], VALUE),
    )
    reach = max(0.05, 1.15 * max(abs(apart.k1[drawn].mean()), apart.k3[drawn].mean(), apart.kl, apart.tv,
                                 *(abs(truth) + min(s, 2) for _, _, truth, s, _ in rows)))  # fmt: skip
    low = min(-0.35 * reach, 1.15 * apart.k1[drawn].mean(), 1.1 * (apart.kl - min(spreads[1], 2)))
    for y, (name, values, truth, wide, role) in zip((2, 1, 0), rows, strict=True):
        mean = values[drawn].mean()
        error = wide / len(drawn) ** 0.5
        right.plot((truth - error, truth + error), (y, y), color=_mix(role.color, 0.35), linewidth=15, zorder=1,
                   solid_capstyle="butt")  # fmt: skip
        for end, tip, outside in ((reach, ">", truth + error > reach), (low, "<", truth - error < low)):
            if outside:  # the band goes on beyond the picture
                right.plot([end], [y], tip, markersize=17, color=_mix(role.color, 0.6), clip_on=False, zorder=2)
        right.plot((truth, truth), (y - 0.19, y + 0.19), color=INK, linewidth=3, zorder=3)
        right.plot([mean], [y], role.marker, markersize=14, color=role.color, markeredgecolor=INK, zorder=5)
        right.text(-0.055, y, name, transform=right.get_yaxis_transform(), ha="right", va="center", color=role.ink,
                   fontweight="bold", fontsize=style.BASE_SIZE + 1)  # fmt: skip
        right.text(0.99, y + 0.38, f"sample {number(mean, 3)}, exact {number(truth, 3)}", color=role.ink, ha="right",
                   va="center", transform=right.get_yaxis_transform())  # fmt: skip
    right.axvline(0, color=INK, linewidth=0.8, zorder=0)
    right.set_xlim(low, reach)
    right.set_ylim(-0.55, 2.6)
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    right.xaxis.set_major_locator(MaxNLocator(5))
    count = f"{len(drawn)} sample{'s' * (len(drawn) > 1)}"
    right.set_title(f"TV = {number(apart.tv, 3)},  KL = {number(apart.kl, 3)};  {count}", pad=12)
    right.set_xlabel("marker: sample;  line: exact;  band: ± s.e.", labelpad=0)
    return style.say(
        figure,
        f"Ratios {', '.join(number(ratio) for ratio in apart.ratios)}; total variation {number(apart.tv, 3)}, KL "
        f"{number(apart.kl, 3)}; from {count} k1 says {number(apart.k1[drawn].mean(), 3)} and k3 "
        f"{number(apart.k3[drawn].mean(), 3)}; one sample of k1 scatters by {number(spreads[1], 3)}, of k3 by "
        f"{number(spreads[2], 3)}.",
    )
