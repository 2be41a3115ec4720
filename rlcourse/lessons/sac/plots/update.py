"""One update of SAC: who sends what to whom, in numbers, and where the gradient arrives."""

from typing import NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import arrow, words
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import FAINT, HIGHLIGHT, INK, NEGATIVE, NEUTRAL
from rlcourse.lessons.sac.plots.looks import BIG, SMALL, rule
from rlcourse.lessons.sac.plots.wires import BOXES, NAMES, ROLES, WIRES

PALE = "#fdeedd"


@style.styled
def update_step(form, stage, columns, gradients, *, title, formula, verdict, gone, digits=2):
    """One stage of an update: who sends what to whom, the numbers of four rows, and where the gradient arrives.

    Args:
        form: "later" or "v".
        stage: key of WIRES[form].
        columns: dict from a heading to four numbers.
        gradients: a `Gradient` for each network, in the order of the boxes.
        title, formula, verdict: words above the diagram, above the table, and at the lower right.
        gone: rows of the table in which the future is masked away.
        digits: decimals of the table.
    """
    figure, axes = style.new_figure(11, 7.6, left=0.01, right=0.655, bottom=0.305, top=0.915)
    axes.set(xlim=(-0.1, 9.9), ylim=(0.1, 7.9))
    axes.set_axis_off()
    figure.text(0.02, 0.958, title, fontsize=BIG, fontweight="bold", va="center")
    wires = WIRES[form][stage]
    _wires(axes, wires)
    lit = _touched(stage, wires)
    for name in BOXES:
        _box(axes, name, NAMES[form][name], wires, name in lit)
    _gradients(figure, gradients)
    for i, line in enumerate(verdict):
        figure.text(0.675, 0.49 - 0.044 * i, line, va="center", fontsize=SMALL)
    figure.text(0.02, 0.278, formula, va="center", fontsize=style.BASE_SIZE)
    _rows(figure, columns, gone, digits)
    arrived = "; ".join(
        f"{name} {number(length)}" + (f" ({word})" if word else "") for name, _, length, word in gradients if length
    )
    last = list(columns)[-1]
    shown = ", ".join(number(value, digits) for value in columns[last])
    return style.say(
        figure,
        f"{title}. Last column of the table, {last}: {shown}. Gradient that arrives: {arrived or 'none'}.",
    )


def _wires(axes, wires):
    """All edges of a stage: what is computed forward, the gradient back, the weights that are copied."""
    for points, *label in wires.get("forward", ()):
        _wire(axes, points, INK, 1.8)
        _tell(axes, points, *label)
    for points in wires.get("back", ()):
        _wire(axes, points, NEGATIVE.color, 3.4)
    for points in wires.get("copy", ()):
        _wire(axes, points, HIGHLIGHT.color, 3.4)


def _box(axes, name, text, wires, lit):
    """One box, and a word on what happens to its weights."""
    learns, passed, follows = (name in wires.get(key, ()) for key in ("learns", "passed", "follows"))
    (x, y, w, h), loss = BOXES[name], name.startswith("loss")
    role = NEUTRAL if loss else ROLES[name]
    look = {
        "facecolor": PALE if lit and loss else style.CARD,
        "edgecolor": NEGATIVE.color if learns else HIGHLIGHT.color if follows else role.color if lit else FAINT,
        "linewidth": 4.5 if learns or follows else 2.4 if lit else 1.4,
        "linestyle": "--" if passed else "-",
    }
    axes.add_patch(Rectangle((x - w, y - h), 2 * w, 2 * h, **look))
    note = "learns" if learns else "weights stay" if passed else "follows" if follows else ""
    look = {"color": role.ink, "fontweight": "bold"} if lit else {"color": NEUTRAL.color, "fontweight": "normal"}
    size = SMALL if name == "memory" or loss else style.BASE_SIZE
    words(axes, x, y + (0.22 if note else 0), text, fontsize=size, **look)
    if note:
        ink = (HIGHLIGHT if follows else NEGATIVE).ink
        words(axes, x, y - 0.27, note, fontsize=style.SMALLEST_SIZE, color=ink)


def _gradients(figure, gradients):
    """A bar for each network as long as the gradient that arrives there; hatched if it is not used."""
    figure.text(0.675, 0.905, "gradient that arrives", fontweight="bold", va="center", color=NEGATIVE.ink)
    longest = max([gradient.length for gradient in gradients if gradient.length] or [1.0])
    for i, (name, box, length, word) in enumerate(gradients):
        level, used, end = 0.845 - 0.082 * i, word == "learns", 0.765
        figure.text(0.675, level, name, va="center", color=ROLES[box].ink, fontweight="bold")
        if length:
            width = 0.10 * length / longest
            fill = {"facecolor": NEGATIVE.color} if used else {"facecolor": style.CARD, "hatch": "///"}
            bar = Rectangle((end, level - 0.016), width, 0.032, edgecolor=NEGATIVE.ink, **fill)
            bar.set_transform(figure.transFigure)
            figure.add_artist(bar)
            end += width + 0.008
        color = NEGATIVE.ink if length else NEUTRAL.ink
        figure.text(end, level, number(length) if length else "none", va="center", fontsize=SMALL, color=color)
        if word:
            look = {"fontsize": style.SMALLEST_SIZE, "color": NEGATIVE.ink if used else NEUTRAL.ink}
            figure.text(0.985, level, word, va="center", ha="right", **look)


def _rows(figure, columns, gone, digits):
    """The table of the four rows of the batch."""
    places = [0.15 + 0.80 * (i + 0.75) / len(columns) for i in range(len(columns))]
    look = {"va": "center", "fontsize": SMALL}
    for place, heading in zip(places, columns, strict=True):
        figure.text(place, 0.222, heading, ha="right", fontweight="bold", **look)
    rule(figure, 0.015, 0.202, 0.97)
    for row in range(4):
        level = 0.178 - 0.043 * row
        label = f"row {row + 1}" + (", d = 1" if row in gone else "")
        figure.text(0.02, level, label, color=NEUTRAL.ink, **look)
        for place, values in zip(places, columns.values(), strict=True):
            whole = np.issubdtype(np.asarray(values).dtype, np.integer)
            figure.text(place, level, number(values[row], 0 if whole else digits), ha="right", **look)


def _touched(stage, wires):
    """Boxes that take part in a stage."""
    if stage == "batch":
        return {"memory"}
    found = {box for key in ("learns", "passed", "follows", "asked") for box in wires.get(key, ())}
    ends = [points for points, *_ in wires.get("forward", ())] + list(wires.get("copy", ()))
    for points in ends:
        for end in (points[0], points[-1]):
            for box, (x, y, w, h) in BOXES.items():
                if abs(end[0] - x) <= w + 0.05 and abs(end[1] - y) <= h + 0.05:
                    found.add(box)
    return found


def _wire(axes, points, color, width):
    """A line through points, an arrow at its end."""
    if len(points) > 2:
        axes.plot(*zip(*points[:-1], strict=True), color=color, linewidth=width, solid_capstyle="butt", zorder=2)
    arrow(axes, *points[-2:], color, width=width, head=16, zorder=2)


def _tell(axes, points, label, part, dx, dy):
    """The words of a wire: at a part of its first stretch, or, if part is None, at (dx, dy)."""
    if part is None:
        x, y = dx, dy
    else:
        (a, b), (c, d) = points[0], points[-1]
        x, y = a + part * (c - a) + dx, b + part * (d - b) + dy
    words(axes, x, y, label, fontsize=SMALL, bbox=style.card(0.6), zorder=4)


class Gradient(NamedTuple):
    """What arrives at one network."""

    name: str
    box: str
    """Its key in BOXES."""
    length: float | None
    """None, or 0, if no gradient arrives."""
    word: str
    """ "learns", "not used", or nothing."""
