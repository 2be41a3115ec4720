"""Figures of lesson 2: the shoot-out, the baseline parabola, learning with a baseline, actor and critic.

Drawings are made on one sheet whose unit is the inch, of few artists: one collection of strokes holds a
whole scene. That is what keeps a redraw quick.
"""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from rlcourse.plots import style
from rlcourse.plots.style import ACTION, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, REWARD, VALUE

GRASS, NET, LIT, EDGE = "#d9ecd3", "#edf2f6", "#fff0c2", "#9a9a9a"
BIG, SMALL = style.BASE_SIZE + 2, style.BASE_SIZE - 1


class _Sheet:
    """A figure as a sheet of paper: x and y in inches from the lower left corner, and no axes to pay for."""

    def __init__(self, figure):
        self.figure, self.inches = figure, figure.dpi_scale_trans

    @classmethod
    def blank(cls, width, height):
        figure = style.Figure(figsize=(width, height), dpi=style.DPI)
        style.Canvas(figure)
        return cls(figure)

    def text(self, x, y, text, **look):
        look = {"va": "center", "ha": "center", "fontsize": style.BASE_SIZE, **look}
        self.figure.text(x, y, text, transform=self.inches, **look)

    def strokes(self, strokes, zorder=3):
        """Polylines with round ends, drawn in order: (points, width, colour)."""
        points, widths, colors = zip(*strokes, strict=True)
        self.figure.add_artist(LineCollection(points, linewidths=widths, colors=colors, capstyle="round",
                                              joinstyle="round", zorder=zorder, transform=self.inches))

    def shapes(self, shapes, zorder=1, **look):
        """Polygons: (corners, colour)."""
        corners, colors = zip(*shapes, strict=True)
        look = {"edgecolors": "none", **look}
        self.figure.add_artist(PolyCollection(corners, facecolors=colors, zorder=zorder, transform=self.inches, **look))

    def boxes(self, boxes, zorder=1, **look):
        """Rectangles: (x, y, width, height, colour)."""
        shapes = [(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), color) for x, y, w, h, color in boxes]
        self.shapes(shapes, zorder, **look)

    def bar(self, x, y, width, height, **look):
        """One rectangle, perhaps with a hatch."""
        self.figure.add_artist(Rectangle((x, y), width, height, transform=self.inches, **look))

    def line(self, x, y, marker="", **look):
        """A line, or single marks where `marker` says so."""
        line = Line2D(x, y, marker=marker, transform=self.inches, **look)
        line.set_figure(self.figure)
        self.figure.lines.append(line)      # not among its artists: Jupyter takes a figure without lines for empty

    def arrow(self, start, end, color, width=0.05, zorder=2):
        """A straight arrow of `width` inches; a short one is all head."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        length = np.hypot(*(end - start))
        along = (end - start) / length
        aside = np.array([-along[1], along[0]])
        head = min(3.2 * width + 0.04, length)
        neck, half, wing = end - head * along, width / 2 * aside, (1.2 * width + 0.045) * aside
        self.shapes([((start + half, neck + half, neck + wing, end, neck - wing, neck - half, start - half), color)],
                    zorder)


def _dot(x, y, width, color):
    """A round dot: a stroke of hardly any length."""
    return ((x - 0.01, y), (x + 0.01, y)), width, color


def _curve(start, end, bend, points=24):
    """A quadratic curve from start to end, its middle pushed aside by `bend` inches."""
    start, end, t = np.asarray(start), np.asarray(end), np.linspace(0, 1, points)[:, None]
    along = end - start
    aside = np.array([-along[1], along[0]]) / np.hypot(*along)
    middle = (start + end) / 2 + 2 * bend * aside
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end


def _mix(color, other, share):
    """`share` of the first colour in the second; opaque, so overlapping strokes show no seams."""
    parts = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (color, other)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in zip(*parts, strict=True))


def _signed(number, digits=2):
    """+0.50, −0.50, and 0.00 without a sign."""
    text = f"{number:+.{digits}f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text


def _plain(number, digits=2):
    text = f"{number:.{digits}f}".replace("-", "−")
    return text[1:] if text[0] == "−" and float(text[1:]) == 0 else text


def _sign_role(number, digits=2):
    rounded = round(number, digits)
    return POSITIVE if rounded > 0 else NEGATIVE if rounded < 0 else NEUTRAL


# ---------------------------------------------------------------- the shoot-out


def _side(left):
    return "left" if left else "right"


@style.styled
def shootout(p, q, offset, kicks, exact, tally):
    """A penalty, its pay-off grid, and what both kicks are worth.

    Args:
        p, q: probabilities of kick left and dive right, from the kicker's view.
        offset: added to every pay-off.
        kicks: how many kicks the sample holds; the last of them is drawn.
        exact: value, q_left, q_right, a_left, a_right.
        tally: the sample: left, dive_right, means and errors of the same five quantities.
    """
    sheet = _Sheet.blank(9, 5.6)
    goal = tally.left == tally.dive_right
    _scene(sheet, 0.1, 2.42, p, q, tally.left, tally.dive_right)
    role, word = (POSITIVE, "Goal!") if goal else (NEGATIVE, "Saved.")
    heading = {"fontsize": BIG, "fontweight": "bold", "ha": "left"}
    sheet.text(0.15, 5.38, f"Kick {kicks}: {_side(tally.left)}, keeper {_side(not tally.dive_right)}.", **heading)
    sheet.text(5.2, 5.38, word, **{**heading, "color": role.ink, "ha": "right"})
    sheet.text(5.62, 5.38, "Pay-off to the kicker", **heading)
    _payoffs(sheet, 5.62, 2.42, offset, exact, tally)

    low, high = min(0, offset), max(1, 1 + offset)
    named = (("$Q_L$", ACTION, _plain), ("$Q_R$", ACTION, _plain), ("$V$", VALUE, _plain))
    panel = (0.35, 0.76, 4.75, 1.15)
    sheet.text(0.15, 2.17, "What the kicks are worth", **heading)
    place = _bars(sheet, panel, low, high, named, exact[1:3] + exact[:1], tally.means[1:3] + tally.means[:1],
                  tally.errors[1:3] + tally.errors[:1])
    _distances(sheet, panel, place, exact)

    named = [(f"$A_{s}$", _sign_role(a), _signed) for s, a in zip("LR", exact[3:], strict=True)]
    sheet.text(5.62, 2.17, "Advantage, $A = Q - V$", **heading)
    _bars(sheet, (5.72, 0.76, 3.1, 1.15), -1, 1, named, exact[3:], tally.means[3:], tally.errors[3:])

    count = "one kick" if kicks == 1 else f"{kicks} kicks"
    sheet.text(4.5, 0.15, f"bars: exact          ○  mean of {count} ± one standard error",
          color=NEUTRAL.ink, fontsize=SMALL)
    return style.say(
        sheet.figure,
        f"Kicker left with p = {p:.2f}, keeper right with q = {q:.2f}: V = {_plain(exact.value)}, "
        f"Q left {_plain(exact.q_left)}, Q right {_plain(exact.q_right)}, advantage of left "
        f"{_signed(exact.a_left)}, of right {_signed(exact.a_right)}; V from {count}: "
        f"{_plain(tally.means.value)}; last kick {_side(tally.left)}, dive {_side(not tally.dive_right)}: "
        f"{'goal' if goal else 'saved'}.",
    )


def _scene(sheet, x, y, p, q, left, dive_right):
    """The goal from behind the kicker; the wider a curve, the likelier the kick; the one played carries the ball."""
    wide, ground, bar, middle = 5.2, y + 1.05, y + 2.68, x + 2.6
    posts = x + 0.5, x + wide - 0.5
    sheet.boxes([(x, y, wide, ground - y, GRASS), (posts[0], ground, posts[1] - posts[0], bar - ground, NET)])
    strokes = [(((c, ground), (c, bar)), 0.7, "#cdd5db") for c in np.linspace(*posts, 24)[1:-1]]
    strokes += [(((posts[0], c), (posts[1], c)), 0.7, "#cdd5db") for c in np.linspace(ground, bar, 10)[1:-1]]
    frame = ((posts[0], ground), (posts[0], bar), (posts[1], bar), (posts[1], ground))
    strokes += [(frame, 7.5, INK), (frame, 4.5, "#ffffff")]

    chance = 1 - q if dive_right else q     # of the dive that was not made
    if chance > 0:
        strokes += _keeper(middle, ground, not dive_right, _mix("#8c8c8c", NET, 0.15 + 0.35 * chance))
    strokes += _keeper(middle, ground, dive_right)

    spot = (middle + 0.22, y + 0.36)
    targets = {True: (x + 1.18, ground + 0.95), False: (x + wide - 1.18, ground + 0.95)}
    for goes_left, chance in ((not left, 1 - p if left else p), (left, p if left else 1 - p)):
        if chance > 0:
            color = POLICY.color if goes_left == left else _mix(ACTION.color, NET, 0.65)
            strokes.append((_curve(spot, targets[goes_left], -0.28 if goes_left else 0.28), 1.5 + 8 * chance, color))
    strokes.append(_dot(*spot, 6, "#ffffff"))
    strokes += _kicker(middle - 0.30, y + 0.10)
    ball = targets[left]
    strokes += [_dot(*ball, 27, INK), _dot(*ball, 24, "#ffffff")]
    sheet.strokes(strokes)
    sheet.line([ball[0]], [ball[1]], "p", color=INK, markersize=10, zorder=4)
    sheet.text(middle - 0.30, y + 0.62, "π", color="white", fontweight="bold", fontsize=BIG, zorder=4)

    bold = {"fontweight": "bold", "fontsize": SMALL, "zorder": 4}
    sheet.text(x + 0.12, y + 0.20, f"◀ kicks left {p:.0%}", color=POLICY.ink, ha="left", **bold)
    sheet.text(x + wide - 0.12, y + 0.20, f"kicks right {1 - p:.0%} ▶", color=POLICY.ink, ha="right", **bold)
    sheet.text(x + 0.12, ground - 0.24, f"◀ dives left {1 - q:.0%}", color=REWARD.ink, ha="left", **bold)
    sheet.text(x + wide - 0.12, ground - 0.24, f"dives right {q:.0%} ▶", color=REWARD.ink, ha="right", **bold)


def _keeper(x, ground, to_right, shade=None):
    """Strokes of a keeper in the air, hands first; all in one `shade` for the dive that was not made."""
    side = 1 if to_right else -1

    def at(*points):
        return [(x + side * dx, ground + dy) for dx, dy in points]

    legs, shirt, skin, glove = (shade,) * 4 if shade else ("#3d3d3d", REWARD.color, "#e8c39e", "#ffffff")
    outline = shade or NEUTRAL.ink
    hands, head = at((1.19, 1.02), (1.22, 0.83)), at((0.93, 1.06))[0]
    strokes = [
        (at((0.02, 0.10), (0.24, 0.36), (0.44, 0.54)), 8, legs),
        (at((0.10, 0.30), (0.28, 0.50), (0.44, 0.54)), 8, legs),
        (at((0.84, 0.86), (1.14, 1.00)), 7, shirt),
        (at((0.82, 0.76), (1.16, 0.82)), 7, shirt),
        (at((0.48, 0.57), (0.79, 0.79)), 18, shirt),
        _dot(*head, 21, outline),
        _dot(*head, 18.5, skin),
    ]
    return strokes + [stroke for hand in hands for stroke in (_dot(*hand, 12, outline), _dot(*hand, 9.5, glove))]


def _kicker(x, y):
    """Strokes of the kicker, seen from behind; the shirt has room for a letter."""
    return [
        (((x - 0.22, y - 0.02), (x + 0.34, y - 0.02)), 8, "#bcd6b4"),
        (((x - 0.07, y + 0.04), (x - 0.06, y + 0.28)), 7, "#e8c39e"),
        (((x + 0.22, y + 0.10), (x + 0.08, y + 0.28)), 7, "#e8c39e"),
        (((x - 0.03, y + 0.33), (x + 0.03, y + 0.33)), 17, "#2b2b2b"),
        (((x - 0.21, y + 0.42), (x - 0.12, y + 0.64)), 6, POLICY.ink),
        (((x + 0.22, y + 0.44), (x + 0.12, y + 0.64)), 6, POLICY.ink),
        (((x, y + 0.44), (x, y + 0.62)), 20, POLICY.color),
        _dot(x, y + 0.88, 17, "#5b3f28"),
    ]


def _payoffs(sheet, x, y, offset, exact, tally):
    """Pay-off to the kicker in each of the four outcomes, the played one lit; Q at the end of each row."""
    left, top, wide, high, worth = x + 0.60, y + 2.42, 0.92, 0.82, x + 2.93
    for j, side in enumerate(("left", "right")):
        sheet.text(left + (j + 0.5) * wide, top + 0.16, f"dive {side}", color=REWARD.ink, fontsize=SMALL)
    sheet.text(worth, top + 0.15, "$Q$", color=ACTION.ink, fontsize=BIG)
    cells, digits = [], 0 if offset == int(offset) else 1
    for i, (side, mean) in enumerate((("left", exact.q_left), ("right", exact.q_right))):
        middle = top - (i + 0.5) * high
        sheet.text(left - 0.09, middle, f"kick\n{side}", color=POLICY.ink, fontsize=SMALL, ha="right")
        for j in range(2):
            cells.append((left + j * wide, middle - high / 2, wide, high, "#ffffff"))
            sheet.text(left + (j + 0.5) * wide, middle + 0.12, _plain((i != j) + offset, digits),
                  fontsize=BIG + 4, fontweight="bold")
            sheet.text(left + (j + 0.5) * wide, middle - 0.24, "goal" if i != j else "saved", color=NEUTRAL.ink,
                  fontsize=SMALL)
        sheet.text(worth, middle, _plain(mean), color=ACTION.ink, fontsize=BIG, fontweight="bold")
    sheet.boxes(cells, edgecolors=EDGE, linewidths=1.0)
    played = cells[2 * (not tally.left) + tally.dive_right]
    sheet.boxes([(*played[:4], LIT)], zorder=2, edgecolors=HIGHLIGHT.ink, linewidths=3.5)

    line = top - 2 * high - 0.33
    sheet.strokes([(((x + 0.02, line + 0.2), (worth + 0.36, line + 0.2)), 1.6, VALUE.color)])
    sheet.text(left + wide, line, r"$V = p\,Q_L + (1-p)\,Q_R$", color=VALUE.ink)
    sheet.text(worth, line, _plain(exact.value), color=VALUE.ink, fontsize=BIG, fontweight="bold")


def _bars(sheet, panel, low, high, named, exact, means, errors):
    """Bars with their names and numbers below, and what the sample says of each; returns y -> inches."""
    x, y, wide, tall = panel
    slot = wide / len(exact)

    def place(value):
        return y + tall * (np.asarray(value) - low) / (high - low)

    zero, centres = place(0.0), x + slot * (np.arange(len(exact)) + 0.5)
    for centre, value, (name, role, write) in zip(centres, exact, named, strict=True):
        look = role.bar(hatch=role.hatch if role is NEGATIVE else "", zorder=2)
        sheet.bar(centre - 0.42, zero, 0.84, place(value) - zero, **look)
        sheet.text(centre - 0.16, y - 0.36, name, color=role.ink, fontsize=BIG + 1, ha="right")
        sheet.text(centre - 0.10, y - 0.35, f"= {write(value)}", color=role.ink, fontsize=BIG, fontweight="bold",
              ha="left")
    for centre, value in zip(centres[np.isnan(means)], np.asarray(exact)[np.isnan(means)], strict=True):
        sheet.text(centre, zero + (-0.12 if value > 0 else 0.12), "never tried", color=NEUTRAL.ink, fontsize=SMALL)
    ends = np.clip([place(np.subtract(means, errors)), place(np.add(means, errors))], y - 0.12, y + tall + 0.12)
    whiskers = [(((c, a), (c, b)), 2.0, INK) for c, a, b in zip(centres, *ends, strict=True) if np.isfinite(a)]
    sheet.strokes([(((x, zero), (x + wide, zero)), 1.2, INK), *whiskers], zorder=6)
    sheet.line(centres, place(means), "o", linestyle="", color="white", markeredgecolor=INK, markeredgewidth=2,
               markersize=9, zorder=7)
    return place


def _distances(sheet, panel, place, exact):
    """The value as a line across the bars, and an arrow from it to each Q: the advantages."""
    x, _, wide, _ = panel
    value = float(place(exact.value))
    sheet.line([x, x + wide], [value] * 2, color=VALUE.ink, linestyle=VALUE.linestyle, linewidth=2, zorder=4)
    for slot, advantage in enumerate(exact[3:]):
        reach = float(place(exact.value + advantage)) - value
        if abs(reach) > 0.06:
            centre = x + wide / 3 * (slot + 0.5) + 0.60
            sheet.arrow((centre, value), (centre, value + reach), _sign_role(advantage).color, zorder=5)


# ---------------------------------------------------------------- the baseline parabola

ACTION_NOISE = _mix(ACTION.color, "#ffffff", 0.55)
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
    low, high = min(baselines.values()), max(baselines.values())
    pad = 0.22 * max(high - low, 0.5)
    b = np.linspace(low - pad, high + pad, 120)
    top = max(1.15 * max(variances.values()), 1.6 * return_noise, 1e-3)
    axes.set(xlim=(b[0], b[-1]), ylim=(0, top))
    axes.locator_params(nbins=6)
    axes.set_xlabel("baseline  $b$", labelpad=2)
    figure.text(0.015, 0.945, "Noise of one gradient sample,  $\\mathrm{Var}[\\,g\\,(G-b)\\,]$", fontsize=BIG,
                fontweight="bold", va="center")

    noise = curve(b)
    axes.fill_between(b, return_noise, noise, color=ACTION_NOISE, linewidth=0)
    axes.fill_between(b, 0, return_noise, **RETURN_NOISE, linewidth=0)
    axes.plot(b, noise, color=ACTION.ink, linewidth=2.4)
    axes.plot([0], [variances["none"]], "o", color="white", markeredgecolor=INK, markeredgewidth=2, markersize=9,
              zorder=5)
    # Each marker has a line up to a row of its own above the curve: their names never meet.
    looks = {"best": (HIGHLIGHT, 1.04, "$b^*$"), "V": (VALUE, 1.13, "$V$"), "yours": (POLICY, 1.22, "your $b$")}
    for name, (role, height, label) in looks.items():
        x, y = baselines[name], variances[name]
        axes.plot([x, x], [y, height * top], color=role.color, linewidth=1.6, zorder=4, clip_on=False)
        axes.plot([x], [y], role.marker, color=role.color, markeredgecolor=role.ink,
                  markersize=15 if role is HIGHLIGHT else 10, zorder=6, clip_on=False)
        style.direct_label(axes, x, height * top, label, role, dx=0, dy=0, ha="center", fontsize=BIG,
                           annotation_clip=False, bbox={"facecolor": style.CARD, "edgecolor": "none", "pad": 0.5})
    _legend(figure)

    sheet = _Sheet(figure)
    longest = max(variances.values())
    scale = 3.4 / longest if longest > 0 else 0.0
    rows = (("none", "no baseline, $b$", INK), ("V", "$b = V$", VALUE.ink), ("yours", "your $b$", POLICY.ink),
            ("best", "$b = b^*$", HIGHLIGHT.ink))
    for i, (name, label, ink) in enumerate(rows):
        y = 4.02 - 0.86 * i
        sheet.text(5.45, y + 0.34, f"{label} = {_plain(baselines[name], 2 if i else 0)}", ha="left", color=ink,
              fontweight="bold")
        sheet.text(8.85, y + 0.34, _number(variances[name]), ha="right", color=ink, fontsize=BIG, fontweight="bold")
        kept, added = scale * return_noise, scale * max(variances[name] - return_noise, 0)
        sheet.bar(5.45, y - 0.08, kept, 0.27, **RETURN_NOISE, linewidth=0.8)
        sheet.bar(5.45 + kept, y - 0.08, added, 0.27, facecolor=ACTION_NOISE, edgecolor=ACTION.ink, linewidth=0.8)
    words, role = _compare(variances["V"], variances["none"])
    sheet.text(5.45, 0.84, f"$V$ against nothing: {words}", ha="left", color=role.ink, fontweight="bold",
          fontsize=SMALL)
    sheet.text(5.45, 0.48, f"mean of the sample: {_plain(gradient)}, whatever $b$", ha="left", fontsize=SMALL)
    sheet.text(8.85, 4.91, "variance", ha="right", color=NEUTRAL.ink, fontsize=SMALL)
    return style.say(
        figure,
        f"Variance of a gradient sample: {_number(variances['none'])} without a baseline, "
        f"{_number(variances['V'])} with V = {_plain(baselines['V'])} ({words}), "
        f"{_number(variances['yours'])} with b = {_plain(baselines['yours'])}, "
        f"{_number(variances['best'])} with the best one, {_plain(baselines['best'])}; "
        f"{_number(return_noise)} of each is return noise, and the mean is {_plain(gradient)} throughout.",
    )


def _legend(figure):
    """The two layers of the parabola, named below it."""
    for x, look, text in (
        (0.075, {"facecolor": ACTION_NOISE, "edgecolor": ACTION.ink}, "action noise"),
        (0.28, RETURN_NOISE, "return noise: no $b$ in it"),
    ):
        figure.add_artist(Rectangle((x, 0.035), 0.028, 0.04, **look, linewidth=0.8, transform=figure.transFigure))
        figure.text(x + 0.036, 0.055, text, va="center", fontsize=SMALL)


def _number(value):
    """Three digits or so, for numbers of very different size."""
    if abs(value) < 5e-7:
        return "0"
    return f"{value:.4f}" if abs(value) < 0.01 else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


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


# ---------------------------------------------------------------- learning with and without


@style.styled
def learning(offset, step_size, without, with_value, *, stuck, medians, until=None):
    """Many kickers learning at once: the chance of the winning kick against the number of kicks.

    Args:
        offset, step_size: what was added to every pay-off, and η.
        without, with_value: p after each update, shape [updates + 1, runs].
        stuck: two boolean arrays [runs]: who is locked on the losing side.
        medians: two numbers: how many kicks the others needed to bring p above 95 %.
        until: right end of the axis; as long as the run by default.
    """
    sheet = _Sheet.blank(9, 5.0)
    updates, runs = len(without) - 1, without.shape[1]
    until = until or updates
    at = np.unique(np.geomspace(1, updates + 1, 48).astype(int)) - 1
    panels = zip((0.75, 5.0), (without, with_value), stuck, medians, ("No baseline,  $b$ = 0", "Baseline  $b = V$"))
    for left, history, lost, median, name in panels:
        x, y = _frame(sheet, left, until)
        for group, role, width, alpha in ((~lost, POLICY, 0.9, 0.22), (lost, NEGATIVE, 1.1, 0.55)):
            places = np.broadcast_to(x(at)[:, None], (len(at), group.sum()))
            lines = np.stack([places, y(history[at][:, group])], -1).swapaxes(0, 1)
            sheet.figure.add_artist(LineCollection(lines, colors=role.color, linewidths=width, alpha=alpha,
                                                   transform=sheet.inches))
        role = NEGATIVE if lost.any() else POSITIVE
        look = {"ha": "left", "fontweight": "bold"}
        sheet.text(left, 4.74, name, fontsize=BIG, **look)
        sheet.text(left, 4.43, f"{lost.sum()} of {runs} stuck on the losing side", color=role.ink, **look)
        others = "the others" if lost.any() else "all of them"
        speed = f"median {_kicks(median)} to 95 %" if np.isfinite(median) else "not yet at 95 %"
        sheet.text(left, 4.15, f"{others}: {speed}", color=POLICY.ink, ha="left", fontsize=SMALL)
    sheet.text(0.17, 2.35, "chance of the winning kick, $p$", rotation=90)
    return style.say(
        sheet.figure,
        f"Every pay-off raised by {offset:g}, step size {step_size:g}: after {updates} kicks {stuck[0].sum()} of "
        f"{runs} kickers are stuck on the losing side without a baseline, {stuck[1].sum()} with V; the others "
        f"needed {_kicks(medians[0])} without and {_kicks(medians[1])} with V (median).",
    )


def _frame(sheet, left, until):
    """Axes of one panel, kicks on a logarithmic scale; returns kicks -> inches and p -> inches."""
    low, wide, tall = 0.75, 3.6, 3.2

    def x(kicks):
        return left + wide * np.log10(np.add(kicks, 1)) / np.log10(until + 1)

    def y(p):
        return low + tall * np.asarray(p)

    sheet.line([left, left, left + wide], y([1.02, -0.02, -0.02]), color=INK, linewidth=1, zorder=1)
    sheet.text(left + wide / 2, 0.2, "kicks so far")
    for kicks in (0, 1, 10, 100, 1000):
        if kicks <= until:
            sheet.text(x(kicks), 0.5, str(kicks), fontsize=SMALL)
    for p in (0, 0.5, 1):
        sheet.text(left - 0.08, y(p), f"{p:g}", ha="right", fontsize=SMALL)
    return x, y


def _kicks(median):
    return f"{median:.0f} kick{'' if median == 1 else 's'}" if np.isfinite(median) else "more kicks than these"


# ---------------------------------------------------------------- the corridor


@style.styled
def weights(plain, raised):
    """Variance of the gradient for each weight, with the rewards as they are and with 1 added to each of them.

    Args:
        plain, raised: dicts, name of the weight -> variance; the same names.
    """
    figure, axes = style.new_figure(9, 4.4, left=0.27, right=0.95, bottom=0.15, top=0.84)
    names = sorted(plain, key=lambda name: -raised[name])
    y = np.arange(len(names))[::-1]
    axes.set(xlim=(-1.0, 2.75), ylim=(-0.6, len(names) - 0.4), yticks=y, xticks=range(-1, 3))
    axes.set_xticklabels(["0.1", "1", "10", "100"])
    axes.set_yticklabels(names, fontsize=style.BASE_SIZE)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("variance of the gradient of one episode")
    low, high = (np.log10([rows[name] for name in names]) for rows in (plain, raised))
    for at, a, b in zip(y, low, high, strict=True):
        axes.plot([-1, 2.75], [at, at], color="#ececec", linewidth=1, zorder=0)
        axes.plot([a, b], [at, at], color=NEGATIVE.color, linewidth=4, alpha=0.45, zorder=1)
    axes.plot(low, y, POLICY.marker, color=POLICY.color, markeredgecolor=POLICY.ink, markersize=11, zorder=3)
    axes.plot(high, y, NEGATIVE.marker, color=NEGATIVE.color, markeredgecolor=NEGATIVE.ink, markersize=11, zorder=2)
    for at, a, b, name in zip(y, low, high, names, strict=True):
        if b - a > 0.1:
            style.direct_label(axes, a, at, f"{plain[name]:.3g}", POLICY, dx=-10, dy=0, ha="right")
        style.direct_label(axes, b, at, f"{raised[name]:.3g}", NEGATIVE if b - a > 0.1 else POLICY, dx=10, dy=0)
    for x, role, text in ((0.27, POLICY, "rewards as they are"), (0.56, NEGATIVE, "1 added to every reward")):
        figure.text(x + 0.03, 0.93, text, color=role.ink, fontweight="bold", va="center")
        figure.add_artist(Line2D([x + 0.012], [0.93], marker=role.marker, color=role.color, markersize=10,
                                 markeredgecolor=role.ink, transform=figure.transFigure))
    worst = names[0]
    return style.say(
        figure,
        f"Variance of the gradient on the corridor, for {len(names)} weights: " + ", ".join(
            f"{name} {plain[name]:.3g} and {raised[name]:.3g}" for name in names
        ) + f"; adding 1 to every reward hurts {worst} most and every weight with a baseline not at all.",
    )


# ---------------------------------------------------------------- actor and critic


@style.styled
def actor_critic(step, steps, gamma, right, V, seen, exits=(0.4, 1.0)):
    """One step of the two exits: what the actor does, what the critic says of it.

    Args:
        step, steps: which step this is, of how many.
        gamma: discount γ.
        right: the actor's probability of going right.
        V: value of each cell.
        seen: the step: state, action, next_state, reward, value, next_value, delta.
        exits: what walking out on the left and on the right pays.
    """
    sheet = _Sheet.blank(9, 5.9)
    role, verdict = _verdict(seen.delta)
    side, over = "right" if seen.action else "left", seen.next_state is None
    heading = {"ha": "left", "fontsize": BIG, "fontweight": "bold"}
    sheet.text(0.15, 5.66, f"Environment: two exits, step {step} of {steps}", **heading)
    sheet.text(8.85, 5.66, "in the cells: $V$ for this actor", ha="right", fontsize=SMALL, color=VALUE.ink)
    _chain(sheet, 4.50, V, seen, exits)

    sheet.boxes([(0.15, 1.05, 3.1, 2.2, "#e6f0f7"), (4.2, 1.05, 4.65, 2.2, "#e3f3ee")],
           edgecolors=[POLICY.color, VALUE.color], linewidths=2.0)
    sheet.text(0.3, 3.0, "Actor", color=POLICY.ink, **heading)
    bars = []
    for i, (name, chance) in enumerate((("left", 1 - right), ("right", right))):
        chosen, y = name == side, 2.42 - 0.50 * i
        bars.append((1.0, y - 0.15, 1.5 * chance, 0.3, POLICY.color if chosen else ACTION_NOISE))
        look = {"color": POLICY.ink, "fontweight": "bold" if chosen else "normal"}
        sheet.text(0.9, y, name, ha="right", **look)
        sheet.text(1.08 + 1.5 * chance, y, f"{chance:.0%}", ha="left", **look)
    sheet.boxes(bars, zorder=2)
    sheet.text(0.3, 1.33, f"It went {side}.", ha="left", color=POLICY.ink)

    sheet.text(4.35, 3.0, "Critic", color=VALUE.ink, **heading)
    sheet.strokes([(((5.75, 2.58), (7.05, 2.58)), 25, "#ffffff"), (((7.22, 2.10), (8.60, 2.10)), 25, "#ffffff")],
             zorder=2)
    look = {"ha": "left", "color": VALUE.ink}
    sheet.text(4.35, 2.58, "expected", **look)
    sheet.text(5.72, 2.57, f"$V(s)$ = {_plain(seen.value, 3)}", **look)
    sheet.text(4.35, 2.10, "found", **look)
    sheet.text(5.72, 2.09, f"$r$ = {_plain(seen.reward)}", ha="left", color=REWARD.ink)
    following = "0" if over else _plain(seen.next_value, 3)
    sheet.text(7.19, 2.09, ("the end: " if over else "$V(s')$ = ") + following, **look)
    sheet.text(4.35, 1.68, "$\\delta = r + \\gamma V(s') - V(s)$", ha="left")
    sum_of = f"= {_plain(seen.reward)} + {gamma:g} · {_brackets(following)} − {_brackets(_plain(seen.value, 3))}"
    sheet.text(4.35, 1.32, sum_of, ha="left", fontsize=style.SMALLEST_SIZE + 0.5)
    sheet.text(8.72, 1.32, f"= {_signed(seen.delta, 3)}", ha="right", color=role.ink, fontsize=BIG, fontweight="bold")

    sheet.arrow((0.75, 3.32), (0.75, 4.34), POLICY.color)
    sheet.text(0.90, 3.83, f"action {side}", ha="left", color=POLICY.ink)
    sheet.arrow((2.75, 4.34), (2.75, 3.32), INK)
    sheet.text(2.90, 3.83, "state $s$", ha="left")
    sheet.arrow((4.75, 4.34), (4.75, 3.32), REWARD.color)
    reached = "and the end" if over else "next state $s'$"
    sheet.text(4.90, 3.83, f"reward {_plain(seen.reward)}, {reached}", ha="left", color=REWARD.ink)
    sheet.arrow((4.14, 2.1), (3.30, 2.1), role.color, 0.05 + 0.20 * min(abs(seen.delta), 1))
    sheet.text(3.74, 2.52, "$\\delta$", color=role.ink, fontsize=BIG + 3)
    sheet.boxes([(0.15, 0.18, 8.7, 0.62, _mix(role.color, "#ffffff", 0.13))], edgecolors=role.color, linewidths=2)
    sheet.text(4.5, 0.49, f"{verdict}: {_advice(seen.delta, side)}", color=role.ink, fontsize=BIG, fontweight="bold")
    return style.say(
        sheet.figure,
        f"Step {step}: from a cell worth {_plain(seen.value, 3)} the actor went {side}, was paid "
        f"{_plain(seen.reward)} and reached {'the end' if over else f'a cell worth {following}'}; with discount "
        f"{gamma:.2f} the critic says {_signed(seen.delta, 3)}: {verdict.lower()}.",
    )


def _brackets(text):
    """A negative number in brackets, for the inside of a sum."""
    return f"({text})" if text.startswith("−") else text


def _verdict(delta):
    if abs(delta) < 0.0005:
        return NEUTRAL, "Just as expected"
    return (POSITIVE, "Better than expected") if delta > 0 else (NEGATIVE, "Worse than expected")


def _advice(delta, side):
    if abs(delta) < 0.0005:
        return "nothing to learn here."
    return f"go {side} {'more' if delta > 0 else 'less'} often from here."


def _chain(sheet, y, V, seen, exits):
    """Seven cells between two exits, shaded by their value; the walker, and where it goes."""
    wide, tall, left = 0.93, 0.74, 1.245
    cells = [(left + i * wide, y, wide, tall, _mix(VALUE.color, "#ffffff", 0.08 + 0.62 * min(max(v, 0), 1)))
             for i, v in enumerate(V)]
    sheet.boxes(cells, edgecolors=VALUE.ink, linewidths=1.2)
    for x, pays in ((left - wide - 0.08, exits[0]), (left + 7 * wide + 0.08, exits[1])):
        sheet.boxes([(x, y, wide, tall, LIT)], edgecolors=REWARD.ink, linewidths=1.2)
        sheet.text(x + wide / 2, y + 0.20, f"exit {pays:g}", color=REWARD.ink, fontweight="bold")
    for i, v in enumerate(V):
        sheet.text(left + (i + 0.5) * wide, y + 0.18, _plain(v, 2), color=INK, fontsize=SMALL)
    start = left + (seen.state + 0.5) * wide
    end = start + (wide + 0.08 * (seen.next_state is None)) * (1 if seen.action else -1)
    reach = 0.2 if seen.action else -0.2
    for x, fill in ((start, POLICY.color), (end, "#ffffff")):
        sheet.line([x], [y + 0.51], "o", color=fill, markeredgecolor=POLICY.color, markeredgewidth=2.5, markersize=17,
                   zorder=4)
    sheet.arrow((start + reach, y + 0.51), (end - reach, y + 0.51), POLICY.color)
