"""Figures of lesson 10, second half: one update of SAC, its temperature, and the closing bake-off."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import FancyArrowPatch, Rectangle

from rlcourse.plots import style
from rlcourse.plots.style import FAINT, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1
PALE = "#fdeedd"


def number(value, digits=2):
    """A number as a reader writes it: true minus sign, no minus in front of zero."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _card(pad=1.0):
    """A white ground for words that lines may run under."""
    return {"facecolor": style.CARD, "edgecolor": "none", "pad": pad}


# ---------------------------------------------------------------- one update

BOXES = {
    # name: centre x, y, half-width, half-height
    "memory": (0.95, 4.0, 0.85, 1.25),
    "actor": (4.2, 7.0, 0.95, 0.62),
    "critic": (4.2, 5.0, 0.95, 0.62),
    "third": (4.2, 3.0, 0.95, 0.62),
    "lag": (4.2, 1.0, 0.95, 0.62),
    "loss actor": (8.7, 7.0, 0.95, 0.62),
    "loss critic": (8.7, 5.0, 0.95, 0.62),
    "loss third": (8.7, 3.0, 0.95, 0.62),
}

# What is lit at a stage: edges (from, to, words, where the words stand), networks that learn, networks a gradient
# only passes through, boxes whose number is asked for without an edge of its own. An edge is a list of points; the
# last two give the arrow's direction.
_TO_ACTOR = [(1.6, 5.25), (3.25, 6.75)]
_TO_CRITIC = [(1.8, 4.5), (3.25, 4.95)]
_TO_LAG = [(1.6, 2.75), (3.25, 1.15)]
_REWARD = [(1.8, 3.9), (8.7, 3.9), (8.7, 4.38)]
_TO_LOSS = {"actor": [(5.15, 7.1), (7.75, 7.1)], "critic": [(5.15, 5.1), (7.75, 5.1)],
            "third": [(5.15, 3.1), (7.75, 3.1)]}  # fmt: skip
_BACK = {"actor": [(7.75, 6.75), (5.15, 6.75)], "critic": [(7.75, 4.75), (5.15, 4.75)],
         "third": [(7.75, 2.75), (5.15, 2.75)]}  # fmt: skip
_LAG_TO_CRITIC_LOSS = [(5.15, 1.2), (7.9, 4.38)]

WIRES = {
    "later": {
        "batch": {},
        "target": {
            "forward": [
                (_TO_ACTOR, "s′", 0.45, -0.28, 0.12),
                (_TO_LAG, "s′", 0.5, -0.3, -0.1),
                ([(3.25, 7.2), (2.55, 7.2), (2.55, 0.85), (3.25, 0.85)], "a′", None, 2.55, 5.6),
                (_LAG_TO_CRITIC_LOSS, "min Q̄", 0.3, 0.0, 0.0),
                ([(5.15, 6.6), (7.75, 5.3)], "α log π(a′|s′)", 0.5, 0.0, 0.0),
                (_REWARD, "r, d", None, 5.7, 3.9),
            ],
            "asked": ("third",),
        },
        "critic": {
            "forward": [
                (_TO_CRITIC, "s, a", 0.5, 0.0, 0.0),
                (_TO_LOSS["critic"], "Q₁, Q₂", 0.5, 0.0, 0.42),
                ([(8.7, 6.02), (8.7, 5.62)], "y, a constant", None, 8.7, 6.17),
            ],
            "back": [_BACK["critic"]],
            "learns": ("critic",),
        },
        "actor": {
            "forward": [
                (_TO_ACTOR, "s", 0.5, 0.0, 0.0),
                (_TO_CRITIC, "s", 0.5, 0.0, 0.0),
                ([(3.75, 6.38), (3.75, 5.62)], "a", 0.5, -0.3, 0.0),
                ([(5.15, 5.2), (7.95, 6.38)], "min Q", 0.5, -0.25, 0.1),
                (_TO_LOSS["actor"], "α log π", 0.5, 0.0, 0.42),
            ],
            "back": [_BACK["actor"], [(8.3, 6.38), (5.15, 4.95)], [(4.5, 5.62), (4.5, 6.38)]],
            "learns": ("actor",),
            "passed": ("critic",),
        },
        "alpha": {
            "forward": [(_TO_ACTOR, "s", 0.5, 0.0, 0.0), ([(5.15, 6.7), (8.1, 3.62)], "log π", 0.45, 0.0, 0.0),
                        (_TO_LOSS["third"], "α", 0.5, 0.0, 0.4)],
            "back": [_BACK["third"]],
            "learns": ("third",),
        },
        "lag": {"copy": [[(5.15, 4.8), (5.9, 4.8), (5.9, 1.0), (5.15, 1.0)]], "follows": ("lag",)},
    },
    "v": {
        "batch": {},
        "goal": {
            "forward": [
                (_TO_ACTOR, "s", 0.5, 0.0, 0.0),
                (_TO_CRITIC, "s", 0.5, 0.0, 0.0),
                ([(3.75, 6.38), (3.75, 5.62)], "a", 0.5, -0.3, 0.0),
                ([(5.15, 6.7), (8.3, 3.62)], "α log π", 0.3, 0.0, 0.0),
                ([(5.15, 4.8), (7.75, 3.2)], "min Q", 0.35, 0.0, 0.0),
            ],
        },
        "value": {
            "forward": [([(1.8, 3.5), (3.25, 3.05)], "s", 0.5, 0.0, 0.0),
                        (_TO_LOSS["third"], "V(s)", 0.5, 0.0, 0.42),
                        ([(8.7, 4.02), (8.7, 3.62)], "target, a constant", None, 8.55, 4.17)],
            "back": [_BACK["third"]],
            "learns": ("third",),
        },
        "critic": {
            "forward": [
                (_TO_CRITIC, "s, a", 0.5, 0.0, 0.0),
                (_TO_LAG, "s′", 0.5, 0.0, 0.0),
                (_LAG_TO_CRITIC_LOSS, "V̄(s′)", 0.3, 0.0, 0.0),
                (_REWARD, "r, d", None, 5.7, 3.9),
                (_TO_LOSS["critic"], "Q₁, Q₂", 0.5, 0.0, 0.42),
            ],
            "back": [_BACK["critic"]],
            "learns": ("critic",),
        },
        "lag": {"copy": [[(4.2, 2.38), (4.2, 1.62)]], "follows": ("lag",)},
    },
}
WIRES["v"]["actor"] = WIRES["later"]["actor"]
WIRES["later"]["actor"] = {**WIRES["later"]["actor"], "asked": ("third",)}  # with V that box is not α

NAMES = {
    "later": {"memory": "memory", "actor": "actor π", "critic": "Q₁, Q₂", "third": "α", "lag": "Q̄₁, Q̄₂",
              "loss actor": "actor loss", "loss critic": "critic loss", "loss third": "α loss"},
    "v": {"memory": "memory", "actor": "actor π", "critic": "Q₁, Q₂", "third": "V", "lag": "V̄",
          "loss actor": "actor loss", "loss critic": "critic loss", "loss third": "V loss"},
}  # fmt: skip
ROLES = {"memory": NEUTRAL, "actor": POLICY, "critic": VALUE, "third": REWARD, "lag": VALUE}


@style.styled
def update_step(form, stage, columns, gradients, *, title, formula, verdict, gone, digits=2):
    """One stage of an update: who sends what to whom, the numbers of four rows, and where the gradient arrives.

    Args:
        form: "later" or "v".
        stage: key of WIRES[form].
        columns: dict from a heading to four numbers.
        gradients: list of (name, box, length of the gradient or None, word) in the order of the boxes.
        title, formula, verdict: words above the diagram, above the table, and at the lower right.
        gone: rows of the table in which the future is masked away.
        digits: decimals of the table.
    """
    figure, axes = style.new_figure(11, 7.6, left=0.01, right=0.655, bottom=0.305, top=0.915)
    axes.set(xlim=(-0.1, 9.9), ylim=(0.1, 7.9))
    axes.set_axis_off()
    wires = WIRES[form][stage]
    figure.text(0.02, 0.958, title, fontsize=BIG, fontweight="bold", va="center")
    learns, passed, follows = (wires.get(key, ()) for key in ("learns", "passed", "follows"))
    for points, *words in wires.get("forward", ()):
        _wire(axes, points, INK, 1.8)
        _tell(axes, points, *words)
    for points in wires.get("back", ()):
        _wire(axes, points, NEGATIVE.color, 3.4)
    for points in wires.get("copy", ()):
        _wire(axes, points, HIGHLIGHT.color, 3.4)
    lit = _touched(stage, wires)
    for box, (x, y, w, h) in BOXES.items():
        loss = box.startswith("loss")
        role = NEUTRAL if loss else ROLES[box]
        on = box in lit
        color = NEGATIVE.color if box in learns else HIGHLIGHT.color if box in follows else role.color if on else FAINT
        axes.add_patch(Rectangle((x - w, y - h), 2 * w, 2 * h, facecolor=PALE if on and loss else style.CARD,
                                 edgecolor=color, linewidth=4.5 if box in (*learns, *follows) else 2.4 if on else 1.4,
                                 linestyle="--" if box in passed else "-"))  # fmt: skip
        note = "learns" if box in learns else "weights stay" if box in passed else "follows" if box in follows else ""
        ink = role.ink if on else NEUTRAL.color
        axes.text(x, y + (0.22 if note else 0), NAMES[form][box], ha="center", va="center", color=ink,
                  fontweight="bold" if on else "normal", fontsize=SMALL if box == "memory" or loss else style.BASE_SIZE)
        if note:
            axes.text(x, y - 0.27, note, ha="center", va="center", fontsize=style.SMALLEST_SIZE,
                      color=(HIGHLIGHT if box in follows else NEGATIVE).ink)  # fmt: skip

    figure.text(0.675, 0.905, "gradient that arrives", fontweight="bold", va="center", color=NEGATIVE.ink)
    longest = max([length for _, _, length, _ in gradients if length] or [1.0])
    for i, (name, role_of, length, word) in enumerate(gradients):
        level = 0.845 - 0.082 * i
        role, found = ROLES[role_of], bool(length)
        figure.text(0.675, level, name, va="center", color=role.ink, fontweight="bold")
        if found:
            width = 0.10 * length / longest
            figure.add_artist(Rectangle((0.765, level - 0.016), width, 0.032, transform=figure.transFigure,
                                        facecolor=NEGATIVE.color if word == "learns" else style.CARD,
                                        edgecolor=NEGATIVE.ink, hatch="" if word == "learns" else "///"))  # fmt: skip
        figure.text(0.765 + (0.10 * length / longest + 0.008 if found else 0.0), level,
                    number(length) if found else "none", va="center", fontsize=SMALL,
                    color=NEGATIVE.ink if found else NEUTRAL.ink)  # fmt: skip
        if word:
            figure.text(0.985, level, word, va="center", ha="right", fontsize=style.SMALLEST_SIZE,
                        color=NEGATIVE.ink if word == "learns" else NEUTRAL.ink)  # fmt: skip
    for i, line in enumerate(verdict):
        figure.text(0.675, 0.49 - 0.044 * i, line, va="center", fontsize=SMALL)

    figure.text(0.02, 0.278, formula, va="center", fontsize=style.BASE_SIZE)
    headings = list(columns)
    places = [0.15 + 0.80 * (i + 0.75) / len(headings) for i in range(len(headings))]
    for place, heading in zip(places, headings, strict=True):
        figure.text(place, 0.222, heading, va="center", ha="right", fontweight="bold", fontsize=SMALL)
    for row in range(4):
        level = 0.178 - 0.043 * row
        words = f"row {row + 1}" + (", d = 1" if row in gone else "")
        figure.text(0.02, level, words, va="center", fontsize=SMALL, color=NEUTRAL.ink)
        for place, values in zip(places, columns.values(), strict=True):
            whole = np.issubdtype(np.asarray(values).dtype, np.integer)
            figure.text(place, level, number(values[row], 0 if whole else digits), va="center", ha="right",
                        fontsize=SMALL)  # fmt: skip
    figure.add_artist(Rectangle((0.015, 0.202), 0.97, 0.0015, transform=figure.transFigure, color=INK, linewidth=0))
    arrived = "; ".join(f"{name} {number(length)}" + (f" ({word})" if word else "")
                        for name, _, length, word in gradients if length) or "none"  # fmt: skip
    last = headings[-1]
    shown = ", ".join(number(value, digits) for value in columns[last])
    return style.say(figure, f"{title}. Last column of the table, {last}: {shown}. Gradient that arrives: {arrived}.")


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
    axes.add_patch(FancyArrowPatch(points[-2], points[-1], arrowstyle="-|>", mutation_scale=16, color=color,
                                   linewidth=width, shrinkA=0, shrinkB=0, zorder=2))  # fmt: skip


def _tell(axes, points, words, part, dx, dy):
    """The words of a wire: at a part of its first stretch, or, if part is None, at (dx, dy)."""
    if part is None:
        x, y = dx, dy
    else:
        (a, b), (c, d) = points[0], points[-1]
        x, y = a + part * (c - a) + dx, b + part * (d - b) + dy
    axes.text(x, y, words, ha="center", va="center", fontsize=SMALL, bbox=_card(0.6), zorder=4)


# ---------------------------------------------------------------- the temperature


def _bundle(axes, x, values, role, each_seed, width=3.0):
    """The seeds of one label: their mean and the range from lowest to highest, or one line each."""
    if each_seed:
        lines = [np.column_stack([x, line]) for line in values]
        axes.add_collection(LineCollection(lines, colors=role.color, linestyles=role.linestyle, linewidths=1.8))
        return
    low, high = values.min(0), values.max(0)
    outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])])
    axes.add_collection(PolyCollection([outline], facecolor=role.color, alpha=0.2, linewidth=0))
    axes.plot(x, values.mean(0), color=role.color, linestyle=role.linestyle, linewidth=width)


ALPHA_STRIPS = (
    # key, name, low, high, ticks
    ("scores", "score", -1750, 60, (-1500, -1000, -500, 0)),
    ("entropy", "entropy", -4.6, 1.8, (-4, -3, -2, -1, 0, 1)),
    ("alpha", "α, logarithmic", -2.3, 1.6, (-2, -1, 0, 1)),
)


@style.styled
def alpha_lab(chosen, automatic, at, *, name, goal, target, each_seed):
    """Score, entropy and temperature of SAC while it learns: α held fixed against α that adjusts itself.

    Args:
        chosen, automatic: dicts of "steps" [k] and "scores", "entropy", "alpha" [seeds, k]; chosen may be automatic.
        at: index of the checkpoint to read.
        name: of the chosen setting.
        goal: score that counts as solved.
        target: entropy that the automatic temperature aims at.
        each_seed: one line a seed in place of mean and range.
    """
    figure, strips = style.new_figure(
        11, 7.4, 3, 1, left=0.085, right=0.655, bottom=0.085, top=0.885, hspace=0.34, height_ratios=(1.35, 1.15, 1)
    )
    same = chosen is automatic
    x = np.asarray(automatic["steps"])
    figure.text(0.085, 0.956, name, fontsize=BIG, fontweight="bold", va="center",
                color=(POLICY if same else NEGATIVE).ink)  # fmt: skip
    if not same:
        figure.text(0.655, 0.956, "α automatic", fontsize=BIG, fontweight="bold", va="center", ha="right",
                    color=POLICY.ink)  # fmt: skip
    shown = [(automatic, POLICY)] + ([] if same else [(chosen, NEGATIVE)])
    for axes, (key, words, low, high, ticks) in zip(strips, ALPHA_STRIPS, strict=True):
        axes.set(xlim=(0, x[-1] + 60), ylim=(low, high))
        style.set_ticks(axes.yaxis, ticks, [number(tick, 0) if key != "alpha" else f"{10**tick:g}" for tick in ticks])
        thousands = range(0, int(x[-1]) + 1, 1000)
        style.set_ticks(axes.xaxis, thousands, [f"{t // 1000}" if axes is strips[-1] else "" for t in thousands])
        for values, role in shown:
            column = np.log10(values[key]) if key == "alpha" else np.asarray(values[key])
            _bundle(axes, x, np.clip(column, low, high), role, each_seed)
        axes.axvline(x[at], color=INK, linewidth=1.2)
        axes.set_title(words, fontsize=SMALL, fontweight="normal")
        line = {"scores": goal, "entropy": target}.get(key)
        if line is not None:
            axes.axhline(line, color=NEUTRAL.ink, linestyle="--", linewidth=1.2)
    strips[-1].set_xlabel("environment steps, thousands", labelpad=2)

    def mean(values, key):
        return float(np.asarray(values[key])[:, at].mean())

    entropy, alpha = mean(chosen, "entropy"), mean(chosen, "alpha")
    scores = np.asarray(chosen["scores"])[:, at]
    below = entropy < target
    role = POLICY if same else NEGATIVE
    figure.text(0.69, 0.956, f"at step {x[at]:,}", fontweight="bold", va="center")
    lines = (
        (0.865, "score, mean of the seeds", number(scores.mean(), 0),
         f"from {number(scores.min(), 0)} to {number(scores.max(), 0)}; solved: {number(goal, 0)}"),
        (0.605, "entropy", number(entropy), f"{'below' if below else 'above'} its target {number(target, 0)}"),
        (0.335, "temperature α", f"{alpha:.3g}", "adjusts itself" if same else "held fixed"),
    )  # fmt: skip
    for level, words, value, note in lines:
        figure.text(0.69, level, words, va="center", fontsize=SMALL)
        figure.text(0.69, level - 0.058, value, va="center", fontsize=22, fontweight="bold", color=role.ink)
        figure.text(0.69, level - 0.113, note, va="center", fontsize=SMALL)
    arrow, verb = ("▲", "rise") if below else ("▼", "fall")
    words = f"its loss makes α {verb}" if same else f"were it learned, α would {verb}"
    figure.text(0.69, 0.125, arrow, va="center", fontsize=22, color=HIGHLIGHT.ink)
    figure.text(0.73, 0.125, words, va="center", fontweight="bold", fontsize=SMALL, color=HIGHLIGHT.ink)
    return style.say(
        figure,
        f"SAC on Pendulum, {name}: at step {x[at]:,} the score is {number(scores.mean(), 0)} on average "
        f"({number(scores.min(), 0)} to {number(scores.max(), 0)}), the entropy {number(entropy)} is "
        f"{'below' if below else 'above'} the target {number(target, 0)}, α is {alpha:.3g}: {words}.",
    )


# ---------------------------------------------------------------- the bake-off

RACER_ROLES = {"PPO": REWARD, "DDPG": NEGATIVE, "SAC": POLICY}


@style.styled
def bake_off(curves, table, *, goal, price, each_seed):
    """Scores of three agents against environment steps and against seconds, and what the goal cost each of them.

    Args:
        curves: dict from a name to (steps [k], seconds [k], scores [seeds, k]); seconds include the price of steps.
        table: dict from a name to ("steps", "computing", "in all"): each (mean, lowest, highest); infinite if some
            seed never reached the goal.
        goal: the score to reach.
        price: milliseconds that a step of the environment takes besides computing.
        each_seed: one line a seed in place of mean and range.
    """
    figure, both = style.new_figure(11, 7.4, 1, 2, left=0.075, right=0.985, bottom=0.40, top=0.885, wspace=0.10)
    longest = [max(pair[i].max() for pair in curves.values()) for i in (0, 1)]
    shortest = [min(pair[i].min() for pair in curves.values()) for i in (0, 1)]
    titles = ("environment steps", "seconds of computing" if not price else f"seconds, a step takes {price:g} ms more")
    ticks = [step * 10**k for k in range(-1, 5) for step in (1, 2, 5)]
    for i, axes in enumerate(both):
        low, high = 0.9 * shortest[i], 1.12 * longest[i]  # a log axis by hand: matplotlib's own is slow
        axes.set(xlim=(np.log10(low), np.log10(high)), ylim=(-1700, 40))
        places = [tick for tick in ticks if low <= tick <= high]
        style.set_ticks(axes.xaxis, np.log10(places), [f"{t / 1000:g}k" if t >= 1000 else f"{t:g}" for t in places])
        style.set_ticks(axes.yaxis, (-1500, -1000, -500, 0), ["−1500", "−1000", "−500", "0"] if i == 0 else [""] * 4)
        axes.set_title(f"{titles[i]}  (log axis)", fontsize=style.BASE_SIZE, fontweight="normal")
        axes.axhline(goal, color=NEUTRAL.ink, linestyle="--", linewidth=1.2)
        for name, pair in curves.items():
            _bundle(axes, np.log10(pair[i]), np.clip(pair[2], -1700, 40), RACER_ROLES[name], each_seed)
    figure.text(0.075, 0.955, "score, without exploration", fontweight="bold", va="center")
    figure.text(0.985, 0.955, f"dashed: the goal, {number(goal, 0)}", va="center", ha="right", fontsize=SMALL,
                color=NEUTRAL.ink)  # fmt: skip

    headings = ("environment steps", "seconds of computing", "seconds in all")
    places = (0.405, 0.685, 0.965)
    figure.text(0.03, 0.285, f"to reach {number(goal, 0)}", va="center", fontweight="bold", fontsize=SMALL)
    for place, heading in zip(places, headings, strict=True):
        figure.text(place, 0.285, heading, va="center", ha="right", fontweight="bold", fontsize=SMALL)
    figure.add_artist(Rectangle((0.02, 0.255), 0.96, 0.0015, transform=figure.transFigure, color=INK, linewidth=0))
    best = [min(table.values(), key=lambda prices, i=i: prices[i][0])[i] for i in range(3)]
    said = []
    for row, (name, prices) in enumerate(table.items()):
        level, role = 0.208 - 0.068 * row, RACER_ROLES[name]
        figure.add_artist(Rectangle((0.03, level - 0.006), 0.035, 0.012, transform=figure.transFigure,
                                    facecolor=role.color, edgecolor=role.ink))  # fmt: skip
        figure.text(0.078, level, name, va="center", fontweight="bold", color=role.ink)
        for i, (place, (mean, low, high)) in enumerate(zip(places, prices, strict=True)):
            ever = np.isfinite(mean)
            words = f"{_price(mean, i)}   ({_price(low, i)} to {_price(high, i)})" if ever else "not with every seed"
            ahead = ever and low <= best[i][2]
            figure.text(place, level, words, va="center", ha="right", fontsize=SMALL,
                        fontweight="bold" if ahead else "normal", color=VALUE.ink if ahead else INK)  # fmt: skip
        ever = np.isfinite(prices[0][0])
        said.append(f"{name} {_price(prices[0][0], 0)} steps and {_price(prices[2][0], 2)} seconds" if ever
                    else f"{name} not with every seed")  # fmt: skip
    figure.text(0.965, 0.018, "mean (lowest to highest seed); green: the best, and whose seeds overlap with it",
                va="center", ha="right", fontsize=style.SMALLEST_SIZE, color=NEUTRAL.ink)  # fmt: skip
    return style.say(
        figure,
        f"To a score of {number(goal, 0)} on Pendulum, means of the seeds, if a step takes {price:g} ms besides "
        f"computing: {'; '.join(said)}.",
    )


def _price(value, kind):
    """A number of steps (kind 0) or of seconds."""
    return f"{value:,.0f}" if kind == 0 or value >= 99.5 else f"{value:.1f}"
