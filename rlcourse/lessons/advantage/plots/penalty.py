"""The shoot-out: a penalty, its pay-offs, and what both kicks are worth."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.sheet import Sheet, curve, dot
from rlcourse.course.figures.style import ACTION, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, REWARD, VALUE
from rlcourse.lessons.advantage.plots.looks import BIG, SMALL

GRASS, NET, EDGE = "#d9ecd3", "#edf2f6", "#9a9a9a"
LIT = "#fff0c2"


def _sign_role(number, digits=2):
    rounded = round(number, digits)
    return POSITIVE if rounded > 0 else NEGATIVE if rounded < 0 else NEUTRAL


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
    sheet = Sheet.blank(9, 5.6)
    goal = tally.left == tally.dive_right
    _scene(sheet, 0.1, 2.42, p, q, tally.left, tally.dive_right)
    role, word = (POSITIVE, "Goal!") if goal else (NEGATIVE, "Saved.")
    heading = {"fontsize": BIG, "fontweight": "bold", "ha": "left"}
    sheet.text(0.15, 5.38, f"Kick {kicks}: {_side(tally.left)}, keeper {_side(not tally.dive_right)}.", **heading)
    sheet.text(5.2, 5.38, word, **{**heading, "color": role.ink, "ha": "right"})
    sheet.text(5.62, 5.38, "Pay-off to the kicker", **heading)
    _payoffs(sheet, 5.62, 2.42, offset, exact, tally)

    low, high = min(0, offset), max(1, 1 + offset)
    named = (("$Q_L$", ACTION), ("$Q_R$", ACTION), ("$V$", VALUE))
    panel = (0.35, 0.76, 4.75, 1.15)
    sheet.text(0.15, 2.17, "What the kicks are worth", **heading)
    place = _bars(
        sheet,
        panel,
        low,
        high,
        named,
        exact[1:3] + exact[:1],
        tally.means[1:3] + tally.means[:1],
        tally.errors[1:3] + tally.errors[:1],
    )
    _distances(sheet, panel, place, exact)

    named = [(f"$A_{s}$", _sign_role(a)) for s, a in zip("LR", exact[3:], strict=True)]
    sheet.text(5.62, 2.17, "Advantage, $A = Q - V$", **heading)
    _bars(sheet, (5.72, 0.76, 3.1, 1.15), -1, 1, named, exact[3:], tally.means[3:], tally.errors[3:], signed=True)

    count = "one kick" if kicks == 1 else f"{kicks} kicks"
    sheet.text(
        4.5, 0.15, f"bars: exact          ○  mean of {count} ± one standard error", color=NEUTRAL.ink, fontsize=SMALL
    )
    return style.say(
        sheet.figure,
        f"Kicker left with p = {p:.2f}, keeper right with q = {q:.2f}: V = {number(exact.value)}, "
        f"Q left {number(exact.q_left)}, Q right {number(exact.q_right)}, advantage of left "
        f"{number(exact.a_left, signed=True)}, of right {number(exact.a_right, signed=True)}; V from {count}: "
        f"{number(tally.means.value)}; last kick {_side(tally.left)}, dive {_side(not tally.dive_right)}: "
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

    chance = 1 - q if dive_right else q  # of the dive that was not made
    if chance > 0:
        strokes += _keeper(middle, ground, not dive_right, style.mix("#8c8c8c", 0.15 + 0.35 * chance, NET))
    strokes += _keeper(middle, ground, dive_right)

    spot = (middle + 0.22, y + 0.36)
    targets = {True: (x + 1.18, ground + 0.95), False: (x + wide - 1.18, ground + 0.95)}
    for goes_left, chance in ((not left, 1 - p if left else p), (left, p if left else 1 - p)):
        if chance > 0:
            color = POLICY.color if goes_left == left else style.mix(ACTION.color, 0.65, NET)
            strokes.append((curve(spot, targets[goes_left], -0.28 if goes_left else 0.28), 1.5 + 8 * chance, color))
    strokes.append(dot(*spot, 6, "#ffffff"))
    strokes += _kicker(middle - 0.30, y + 0.10)
    ball = targets[left]
    strokes += [dot(*ball, 27, INK), dot(*ball, 24, "#ffffff")]
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
        dot(*head, 21, outline),
        dot(*head, 18.5, skin),
    ]
    return strokes + [stroke for hand in hands for stroke in (dot(*hand, 12, outline), dot(*hand, 9.5, glove))]


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
        dot(x, y + 0.88, 17, "#5b3f28"),
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
            sheet.text(
                left + (j + 0.5) * wide,
                middle + 0.12,
                number((i != j) + offset, digits),
                fontsize=BIG + 4,
                fontweight="bold",
            )
            sheet.text(
                left + (j + 0.5) * wide, middle - 0.24, "goal" if i != j else "saved", color=NEUTRAL.ink, fontsize=SMALL
            )
        sheet.text(worth, middle, number(mean), color=ACTION.ink, fontsize=BIG, fontweight="bold")
    sheet.boxes(cells, edgecolors=EDGE, linewidths=1.0)
    played = cells[2 * (not tally.left) + tally.dive_right]
    sheet.boxes([(*played[:4], LIT)], zorder=2, edgecolors=HIGHLIGHT.ink, linewidths=3.5)

    line = top - 2 * high - 0.33
    sheet.strokes([(((x + 0.02, line + 0.2), (worth + 0.36, line + 0.2)), 1.6, VALUE.color)])
    sheet.text(left + wide, line, r"$V = p\,Q_L + (1-p)\,Q_R$", color=VALUE.ink)
    sheet.text(worth, line, number(exact.value), color=VALUE.ink, fontsize=BIG, fontweight="bold")


def _bars(sheet, panel, low, high, named, exact, means, errors, *, signed=False):
    """Bars with their names and numbers below, and what the sample says of each; returns y -> inches."""
    x, y, wide, tall = panel
    slot = wide / len(exact)

    def place(value):
        return y + tall * (np.asarray(value) - low) / (high - low)

    zero, centres = place(0.0), x + slot * (np.arange(len(exact)) + 0.5)
    for centre, value, (name, role) in zip(centres, exact, named, strict=True):
        look = role.bar(hatch=role.hatch if role is NEGATIVE else "", zorder=2)
        sheet.bar(centre - 0.42, zero, 0.84, place(value) - zero, **look)
        sheet.text(centre - 0.16, y - 0.36, name, color=role.ink, fontsize=BIG + 1, ha="right")
        text = f"= {number(value, signed=signed)}"
        sheet.text(centre - 0.10, y - 0.35, text, color=role.ink, fontsize=BIG, fontweight="bold", ha="left")
    for centre, value in zip(centres[np.isnan(means)], np.asarray(exact)[np.isnan(means)], strict=True):
        sheet.text(centre, zero + (-0.12 if value > 0 else 0.12), "never tried", color=NEUTRAL.ink, fontsize=SMALL)
    ends = np.clip([place(np.subtract(means, errors)), place(np.add(means, errors))], y - 0.12, y + tall + 0.12)
    whiskers = [(((c, a), (c, b)), 2.0, INK) for c, a, b in zip(centres, *ends, strict=True) if np.isfinite(a)]
    sheet.strokes([(((x, zero), (x + wide, zero)), 1.2, INK), *whiskers], zorder=6)
    sheet.line(
        centres,
        place(means),
        "o",
        linestyle="",
        color="white",
        markeredgecolor=INK,
        markeredgewidth=2,
        markersize=9,
        zorder=7,
    )
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
