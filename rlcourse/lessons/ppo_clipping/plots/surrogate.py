"""The clip lab: the surrogate against the ratio for both signs of the advantage, and its six cases."""

from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import BALL, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POSITIVE

BAND = "#e4efe9"
LIT, PALE, GIVEN_UP = "#ffe08a", "#ffffff", "#e9eef4"
TOO_MUCH = "#f3dbe8"
DASHES, DOTS = (0, (5, 2)), (0, (1, 1.4))
TROUBLE = ("stuck", "runs off")
DIM = 0.45
"""How much is left of the colours of the sign that is not at work."""
BIG = style.BASE_SIZE + 3
REACH = 3.0


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
    text = number(value, 2, signed=signed)
    return text.rstrip("0").rstrip(".") if "." in text else text


@style.styled
def clip_lab(sample, curves, cards, options):
    """The surrogate against the ratio for both signs of the advantage, and the six cases as cards below it.

    Until all is asked for, the thick curve, the push and the card are shown only where the sample is.

    Args:
        sample: the `Sample` at (ρ, A).
        curves: a `Curve` for A > 0 and one for A < 0.
        cards: for each sign three `Case`s: below, inside, above the range.
        options: which `Options` are chosen.
    """
    figure, both = style.new_figure(10, 5.9, 1, 2, left=0.065, right=0.985, bottom=0.315, top=0.835, wspace=0.17)
    card = next((card for row in cards for card in row if card.number == sample.case), None)
    trouble = card is not None and card.verdict in TROUBLE
    _headline(figure, sample, options, trouble)
    for axes, sign, curve, row in zip(both, (1, -1), curves, cards, strict=True):
        panel = _panel(axes, sign, curve, row, sample, options)
        _landscape(panel, sample, options)
        _panel_title(panel, sample)
        if panel.here:
            _sample(panel, sample, trouble)
        _strip(panel, sample, trouble, options.show_all)
        _cards(panel, sample.case, options)
    return style.say(figure, _told(sample, cards, card, options))


def _panel(axes, sign, curve, row, sample, options):
    """What is shown on the plot of one sign."""
    low, high = sample.edges
    live = np.sign(sample.advantage) == sign
    here = bool(live or (sample.case == 0 and sign == 1))
    span = None
    if options.show_all:
        span = 0, REACH
    elif here:
        below, above = sample.ratio < low - 1e-9, sample.ratio > high + 1e-9
        span = (0, low) if below else (high, REACH) if above else (low, high)
    return Panel(axes, sign, curve, row, here, bool(live or sample.case == 0), span)


def _headline(figure, sample, options, trouble):
    """The surrogate as a formula with its numbers, and its slope."""
    plain, clipped = (number(term) for term in sample.terms)
    formula = "ρA"
    if options.use_clip:
        formula = f"min( ρA, clip(ρ) A ) = min( {plain}, {clipped} )" if options.use_min else "clip(ρ) A"
    look = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    color = INK if options.is_ppo else HIGHLIGHT.ink
    figure.text(0.065, 0.956, f"L = {formula} = {number(sample.value)}", color=color, **look)
    color = HIGHLIGHT.ink if trouble else _ink_of(sample.slope)
    figure.text(0.985, 0.956, f"slope = {brief(sample.slope, signed=True)}", ha="right", color=color, **look)


def _panel_title(panel, sample):
    """Which sign a plot is about, and where the sample is, if it is on it."""
    look = {"color": panel.role.ink, "fontweight": "bold", "fontsize": style.BASE_SIZE + 1}
    look["transform"] = panel.axes.transAxes
    text = panel.axes.figure.text
    text(0.0, 1.118, "A > 0: good action" if panel.sign > 0 else "A < 0: bad action", **look)
    if panel.here:
        place = f"ρ = {brief(sample.ratio)}, A = {brief(sample.advantage, signed=True)}"
        text(1.0, 1.118, place, ha="right", **look)


def _told(sample, cards, card, options):
    """The clip lab in a sentence."""
    missing = " and ".join(name for name, used in (("min", options.use_min), ("clip", options.use_clip)) if not used)
    plain, clipped = (number(term) for term in sample.terms)
    terms = f"min({plain}, {clipped}) = " if options.is_ppo else ""
    said = (
        f"At ρ = {number(sample.ratio)}, A = {brief(sample.advantage, signed=True)}, ε = {number(sample.clip_eps)}"
        + (f", without the {missing}," if missing else "")
        + f" the surrogate is L = {terms}{number(sample.value)} with slope {brief(sample.slope, signed=True)}; "
        + (
            f"case {card.number}, {card.where}: L = {card.taken}, {card.verdict}"
            if card
            else "a sample of advantage 0 is silent"
        )
    )
    if missing:
        said += f"; PPO's own L there is min({plain}, {clipped})"
    if options.show_all:
        every = sorted((card for row in cards for card in row), key=lambda card: card.number)
        said += "; slopes of the cases 1 to 6: " + ", ".join(brief(card.slope, signed=True) for card in every)
    return said + "."


def _ink_of(slope):
    return POSITIVE.ink if slope > 0 else NEGATIVE.ink if slope < 0 else INK


def _landscape(panel, sample, options):
    """The range, the two terms for one sign, and L where it may be seen."""
    axes, (rho, _, plain, clipped, _) = panel.axes, panel.curve
    unit = abs(sample.advantage) or 1.0
    axes.set_xlim(0, REACH)
    axes.set_ylim(*((-0.1 * unit, 3.4 * unit) if panel.sign > 0 else (-3.1 * unit, 0.4 * unit)))
    axes.axvspan(*sample.edges, color=BAND, linewidth=0, zorder=0)
    if not options.use_clip or ((panel.here or options.show_all) and not options.use_min):
        ghost = style.mix(panel.role.color, 0.4)  # what PPO itself would use
        axes.plot(rho, np.minimum(plain, clipped), color=ghost, linewidth=5, zorder=2.5)
    if options.use_clip:
        grey = NEUTRAL.ink if panel.awake else NEUTRAL.color
        axes.plot(rho, plain, color=grey, linestyle=DASHES, linewidth=1.8, zorder=2.6)
        axes.plot(rho, clipped, color=grey, linestyle=DOTS, linewidth=2.4, zorder=2.6)
    if panel.span:
        _seen_surrogate(panel, sample, unit)
    if options.use_clip:
        _zone_names(panel, sample)
    style.set_ticks(axes.xaxis, (0, 1, 2, 3))
    axes.tick_params("x", pad=28)
    axes.figure.text(0.5, -0.137, "ratio ρ", transform=axes.transAxes, ha="center", va="top")
    places = [panel.sign * k * unit for k in range(4)]
    style.set_ticks(axes.yaxis, places, [brief(place) for place in places])
    if panel.sign > 0:
        _key(axes, options.use_clip, not options.is_ppo, raised=sample.advantage == 0)


def _seen_surrogate(panel, sample, unit):
    """The thick curve of L, and the areas between it and ρA: the gain or loss that it does not count."""
    axes, (rho, L, plain, _, _) = panel.axes, panel.curve
    seen = (rho >= panel.span[0] - 1e-9) & (rho <= panel.span[1] + 1e-9)
    for gap, color, name in ((plain - L, GIVEN_UP, "gain"), (L - plain, TOO_MUCH, "loss")):
        if gap[seen].max() > 1e-9:
            where = gap[seen] > -1e-9
            axes.fill_between(rho[seen], L[seen], plain[seen], where=where, color=color, linewidth=0, zorder=0.5)
            _not_counted(axes, name, unit, panel.sign, *sample.edges, color)
    color = panel.role.color if panel.awake else style.mix(panel.role.color, DIM)
    rounded = {"solid_capstyle": "round", "solid_joinstyle": "round"}
    axes.plot(rho[seen], L[seen], color=color, linewidth=6, zorder=3, **rounded)


def _zone_names(panel, sample):
    """The ends of the range, and the number of the case in each of the three zones."""
    low, high = sample.edges
    across, text = panel.axes.get_xaxis_transform(), panel.axes.figure.text
    edge = {"transform": across, "va": "baseline"}
    text(low - 0.05, 1.025, f"1−ε = {brief(low)}", ha="right" if low > 0.35 else "left", **edge)
    text(high + 0.05, 1.025, f"1+ε = {brief(high)}", **edge)
    middles = ((0 + low) / 2, 1.0, (high + REACH) / 2)
    widths = (low, high - low, REACH - high)
    look = {"ha": "center", "va": "center", "color": panel.role.ink, "fontsize": BIG, "fontweight": "bold"}
    for name, middle, width in zip((1, 2, 3) if panel.sign > 0 else (4, 5, 6), middles, widths, strict=True):
        if width > 0.17:  # wide enough for the digit
            text(middle, 0.935, str(name), transform=across, **look)


def _not_counted(axes, name, unit, sign, low, high, color):
    """Say what a shaded area is, on the far side of the flat line, where the sample never comes."""
    look = {
        "color": HIGHLIGHT.ink if color == TOO_MUCH else NEUTRAL.ink,
        "fontweight": "bold",
        "linespacing": 1.15,
        "transform": axes.transData,
    }
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
    lines += [(1.3, 0, "PPO", "-", 5, style.mix(POSITIVE.color, 0.4))] * ghost
    across = axes.get_xaxis_transform()
    for x, k, name, dashes, width, color in lines:
        y = 0.055 + 0.075 * (k + raised)
        axes.plot((x, x + 0.25), (y, y), transform=across, color=color, linestyle=dashes, linewidth=width)
        axes.figure.text(x + 0.31, y, name, transform=across, va="center", color=NEUTRAL.ink)


def _sample(panel, sample, trouble):
    """The sample as a ball on the curve, the term that was not taken, and where small steps of ascent take it."""
    axes, (rho, L, plain, clipped, _), ratio, terms = panel.axes, panel.curve, sample.ratio, sample.terms
    dots = {"linestyle": "", "marker": "o", "markersize": 6.5, "markerfacecolor": style.CARD, "markeredgewidth": 1.4}
    lost = abs(min(terms) - sample.value) > 1e-9  # PPO would have taken the other term
    if abs(terms[0] - terms[1]) > 1e-9:
        axes.plot([ratio, ratio], terms, color=INK, linewidth=1.8, zorder=4)
        other = max(terms) if sample.value == min(terms) else min(terms)
        if not lost:
            style.ball(axes, ratio, other, size=11, color=style.CARD)
    if lost:
        heights = np.interp(sample.home, rho, np.minimum(plain, clipped))
        moved = np.abs(sample.home - ratio) > 1e-9
        axes.plot(sample.home[moved], heights[moved], markeredgecolor=NEUTRAL.ink, zorder=5, **dots)
        style.ball(axes, ratio, min(terms), color=style.mix(BALL, 0.45), markeredgecolor=NEUTRAL.ink)
    road, (first, last) = sample.road, panel.span
    moved = (np.abs(road - ratio) > 1e-9) & (road >= first - 1e-9) & (road <= last + 1e-9)
    if moved.any():
        axes.plot(road[moved], np.interp(road[moved], rho, L), markeredgecolor=INK, zorder=5, **dots)
    style.ball(axes, ratio, sample.value, color=HIGHLIGHT.ink if trouble else BALL, zorder=7)


STRIP = -0.0725
"""Height of the strip's middle, as a fraction of the plot above it."""


def _strip(panel, sample, trouble, show_all):
    """A strip under the axis: which way ascent pushes the ratio, a square where it rests, a cross where it is stuck.

    What PPO avoids is in the colour of trouble. Without `show_all` there is a sign at the ball only.
    """
    axes = panel.axes
    across = axes.get_xaxis_transform()
    look = {"facecolor": style.CARD, "edgecolor": style.FAINT, "linewidth": 1, "clip_on": False}
    axes.add_patch(Rectangle((0, -0.119), REACH, 0.093, transform=across, **look))
    axes.figure.text(-0.015, STRIP, "push", transform=axes.transAxes, ha="right", va="center")
    if show_all:
        _pushes(panel, sample)
    if panel.here:
        slope = sample.slope
        axes.plot(
            [sample.ratio],
            [STRIP],
            ">" if slope > 0 else "<" if slope < 0 else "X" if trouble else "s",
            linestyle="",
            transform=across,
            clip_on=False,
            markersize=18 if slope or trouble else 12,
            markeredgecolor=INK,
            color=HIGHLIGHT.ink if trouble else BALL,
            markeredgewidth=1.6,
            zorder=7,
        )


def _pushes(panel, sample):
    """The push along the whole strip, except at the ball."""
    rho, slopes = panel.curve.rho, panel.curve.slopes
    places = np.arange(0.1, REACH, 0.2).round(9)
    if panel.here:
        places = places[np.abs(places - sample.ratio) > 0.13]
    push = np.sign(slopes[np.searchsorted(rho, places - 1e-9)])
    troubled = np.array([card.verdict in TROUBLE for card in panel.cards])[np.searchsorted(sample.edges, places)]
    alarm = HIGHLIGHT.ink if panel.here else style.mix(HIGHLIGHT.ink, DIM)
    ink = panel.role.ink if panel.awake else style.mix(panel.role.ink, DIM)
    look = {"linestyle": "", "transform": panel.axes.get_xaxis_transform(), "clip_on": False, "markeredgewidth": 0}
    for way, marker in ((1, ">"), (-1, "<"), (0, "s"), (0, "X")):
        for bad in (False, True):
            chosen = (push == way) & (troubled == bad)
            if chosen.any() and (way or bad == (marker == "X")):
                color = alarm if bad else ink if way else NEUTRAL.color
                size = 5 if marker == "s" else 10
                height = np.full(chosen.sum(), STRIP)
                panel.axes.plot(places[chosen], height, marker=marker, color=color, zorder=4, markersize=size, **look)


def _cards(panel, case, options):
    """Three cards under a plot; the one that holds is lit, and the only one filled in until all are asked for."""
    place = panel.axes.get_position()
    gap = 0.008
    width = (place.width - 2 * gap) / 3
    for k, card in enumerate(panel.cards):
        left, lit = place.x0 + k * (width + gap), card.number == case
        _card(panel.axes.figure, card, left, width, lit, options)


def _card(figure, card, left, width, lit, options):
    """One card: its case, what L is there and its slope, and the verdict."""
    top, bottom = 0.21, 0.012
    ground = {"facecolor": LIT, "edgecolor": INK, "linewidth": 3} if lit else {}
    ground = ground or {"facecolor": PALE, "edgecolor": NEUTRAL.color, "linewidth": 1}
    figure.add_artist(Rectangle((left, bottom), width, top - bottom, transform=figure.transFigure, **ground))
    trouble = card.verdict in TROUBLE
    look = {"va": "center", "color": INK, "fontweight": "bold" if lit else "normal"}
    strong = {**look, "fontweight": "bold", "color": HIGHLIGHT.ink if trouble else INK}
    x = left + 0.009
    if options.use_clip:
        figure.text(x, top - 0.033, str(card.number), fontsize=BIG + 1, **{**look, "fontweight": "bold"})
    figure.text(x + 0.026 * options.use_clip, top - 0.033, card.where, **look)
    if not (lit or options.show_all):
        figure.text(x, top - 0.12, "slope ?", **look)
        return
    lines = f"L = {card.taken}\nslope {brief(card.slope, signed=True)}"
    figure.text(x, top - 0.099, lines, linespacing=1.3, **look)
    figure.text(x, top - 0.167, card.verdict, fontsize=style.BASE_SIZE + 1, **strong)
    arrow = "→" if card.slope > 0 else "←" if card.slope < 0 else "✖" if trouble else "■"
    figure.text(left + width - 0.009, top - 0.167, arrow, ha="right", fontsize=BIG, **strong)


class Curve(NamedTuple):
    """The surrogate for one sign of the advantage along the axis of ratios; arrays."""

    rho: np.ndarray
    L: np.ndarray
    plain: np.ndarray
    """ρA."""
    clipped: np.ndarray
    """clip(ρ) A."""
    slopes: np.ndarray


class Sample(NamedTuple):
    """One sample, and what the surrogate makes of it."""

    ratio: float
    advantage: float
    clip_eps: float
    terms: tuple[float, float]
    """ρA and clip(ρ) A."""
    value: float
    slope: float
    case: int
    """The number of its card; 0 if its advantage is zero."""
    road: np.ndarray
    """Ratios that gradient ascent passes from here."""
    home: np.ndarray
    """The same with PPO's own surrogate, min and clip in place."""

    @property
    def edges(self):
        return 1 - self.clip_eps, 1 + self.clip_eps


class Options(NamedTuple):
    """Which parts the surrogate has, and whether everything is shown, not only what the sample meets."""

    use_min: bool
    use_clip: bool
    show_all: bool

    @property
    def is_ppo(self):
        return self.use_min and self.use_clip


class Panel(NamedTuple):
    """One of the two plots: everything about one sign of the advantage."""

    axes: object
    sign: int
    curve: Curve
    cards: list[Case]
    """Below, inside and above the range."""
    here: bool
    """Whether the sample is drawn on it."""
    awake: bool
    """Whether it is drawn in full colours."""
    span: tuple[float, float] | None
    """The ratios between which L is shown."""

    @property
    def role(self):
        return POSITIVE if self.sign > 0 else NEGATIVE
