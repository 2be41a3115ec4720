"""Figures of lesson 00: one letter with two meanings, and the loop between agent and environment."""

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from rlcourse.plots import style

MARKS = {
    "right": ("✔", style.VALUE.ink),
    "wrong": ("✘", style.NEGATIVE.ink),
    "told": ("→", style.INK),
    "open": ("?", style.NEUTRAL.ink),
}


@style.styled
def one_letter_two_meanings(letter, uses, answers, note, title):
    """Two formulas that use the same letter, one card each, with the answer given so far.

    Args:
        letter: the letter in question, as text.
        uses: two of (source, formula); a formula is mathtext without dollar signs, the letter between bars.
        answers: two of (state, sentence, course): state a key of MARKS, course how the course writes it, or "".
        note: one more line below the cards, or "".
        title: what to look for.
    """
    figure, axes = style.new_figure(9, 5.0, left=0.0, right=1.0, bottom=0.0, top=1.0)
    axes.set(xlim=(0, 9), ylim=(0, 5))
    axes.set_axis_off()
    axes.text(0.25, 4.62, title, fontsize=16, fontweight="bold", va="center")
    said = []
    for name, top, (source, formula), (state, sentence, course) in zip("AB", (4.3, 2.32), uses, answers, strict=True):
        mark, color = MARKS[state]
        _box(axes, 0.25, top - 1.75, 8.5, 1.7, color=color, linewidth=2.2)
        axes.text(0.5, top - 0.33, name, fontsize=15, fontweight="bold", va="center")
        axes.text(0.9, top - 0.33, source, fontsize=14, va="center", color=style.NEUTRAL.ink)
        _formula(axes, 0.9, top - 0.93, formula)
        axes.text(0.5, top - 1.43, mark, fontsize=17, fontweight="bold", va="center", color=color)
        axes.text(0.9, top - 1.43, sentence, fontsize=14.5, fontweight="bold", va="center", color=color)
        if course:
            axes.text(8.5, top - 0.86, course, fontsize=15, va="center", ha="right", linespacing=1.6)
        said.append(f"in {name}, {source}: {sentence}")
    axes.text(0.25, 0.27, note, fontsize=13, va="center", color=style.NEUTRAL.ink)
    said = "; ".join(said).rstrip("?.")
    return style.say(figure, f"Two formulas with the letter {letter}; {said}{'?' if answers[1][0] == 'open' else '.'}")


def _box(axes, x, y, width, height, *, color=style.INK, linewidth=1.6):
    axes.add_artist(FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=style.CARD, edgecolor=color, linewidth=linewidth, zorder=0,
    ))


def _formula(axes, x, y, formula):
    """Write a formula piece by piece; the pieces between bars stand out by colour, ground and underline."""
    renderer, to_data = axes.figure.canvas.get_renderer(), axes.transData.inverted()
    for number, piece in enumerate(formula.split("|")):
        if not piece:
            continue
        marked = number % 2 == 1
        color = style.HIGHLIGHT.ink if marked else style.INK
        text = axes.text(x, y, f"${piece}$", fontsize=24, va="baseline", color=color)
        (left, bottom), (right, top) = to_data.transform(text.get_window_extent(renderer).corners()[[0, 3]])
        if marked:
            axes.add_artist(Rectangle(
                (left - 0.02, bottom - 0.05), right - left + 0.04, top - bottom + 0.1,
                facecolor=style.HIGHLIGHT.color, alpha=0.25, edgecolor="none", zorder=1,
            ))
            axes.plot([left - 0.02, right + 0.02], [bottom - 0.05] * 2, color=style.HIGHLIGHT.ink, linewidth=2.5)
        x = right


CELL, CORRIDOR = 0.46, (4.62, 4.14)     # inches: side of a cell, lower left corner of cell 0
RECORD, LINE = (0.22, 2.72), 0.315      # inches: the record's heading, and from line to line
HEADING = " t  s  action  reward  next s   terminated truncated"


@style.styled
def interaction(rows, shown, *, gamma, exits, verdict):
    """Agent and environment after `shown` steps: the exchange, the record so far, and the return so far.

    Args:
        rows: the whole episode, (state, action name, reward, next state or None outside, terminated, truncated).
        shown: how many of its steps have happened.
        gamma: γ.
        exits: what leaving on the left and on the right pays.
        verdict: one or two sentences on where things stand.
    """
    figure, axes = style.new_figure(9, 5.3, left=0.0, right=1.0, bottom=0.0, top=1.0)
    axes.set(xlim=(0, 9), ylim=(0, 5.3))
    axes.set_axis_off()
    _exchange(axes, rows, shown)
    _corridor(axes, rows, shown, exits)
    axes.text(0.2, 3.2, verdict, fontsize=14, va="center", fontweight="bold")
    _record(axes, rows[:shown])

    rewards = np.array([row[2] for row in rows])
    worth = gamma ** np.arange(len(rows)) * rewards
    earned = _signed(worth[:shown].sum(), 3)
    axes.text(6.3, 2.8, "return so far", fontsize=14, va="center")
    axes.text(6.3, 2.46, f"Σ γᵗ rₜ = {earned}", fontsize=16, fontweight="bold", va="center")
    axes.text(6.3, 0.13, "dashed: paid    filled: counted", fontsize=11.5, va="center")
    _earnings(figure.add_axes((0.70, 0.125, 0.285, 0.29)), rewards, worth, shown)

    last = f" The last reward was {_signed(rewards[shown - 1], 2)}." if shown else ""
    return style.say(
        figure,
        f"Two exits, after {shown} step{'s' * (shown != 1)}. {verdict}{last} "
        f"The return so far, discounted with γ = {gamma:g}, is {earned}.",
    )


def _signed(number, digits):
    return f"{number:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _low(index):
    """A whole number as a subscript: plain letters are drawn much faster than formulas."""
    return str(index).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _exchange(axes, rows, shown):
    for x, width, name in ((0.2, 1.75, "agent"), (3.95, 4.85, "environment")):
        _box(axes, x, 3.52, width, 1.66)
        axes.text(x + 0.15, 4.95, name, fontsize=15, fontweight="bold", va="center")
    axes.text(1.075, 4.2, "tosses a coin:\nleft or right", ha="center", va="center", linespacing=1.4)
    said, heard = "no action yet", f"s₀ = {rows[0][0]}"
    if shown:
        _, action, reward, following, *_ = rows[shown - 1]
        said = f"a{_low(shown - 1)} = {action}"
        after = "outside" if following is None else following
        heard = f"r{_low(shown - 1)} = {_signed(reward, 2)}\ns{_low(shown)} = {after}"
    answer = style.REWARD.ink
    question = style.ACTION.ink if shown else style.NEUTRAL.ink
    for ends, color in ((((1.98, 4.7), (3.93, 4.7)), question), (((3.93, 4.26), (1.98, 4.26)), answer)):
        axes.add_artist(FancyArrowPatch(*ends, color=color, arrowstyle="-|>", mutation_scale=22, linewidth=2.6))
    look = {"ha": "center", "fontsize": 14, "fontweight": "bold"}
    axes.text(2.95, 4.94, said, va="center", color=question, **look)
    axes.text(2.95, 4.12, heard, va="top", color=answer, linespacing=1.4, **look)


def _corridor(axes, rows, shown, exits):
    """Seven cells with a door at each end; the walker, and where it stood one step ago."""
    left, floor = CORRIDOR

    def middle(place):
        return left + (place + 0.5) * CELL, floor + CELL / 2

    walls = left + CELL * np.arange(8)
    axes.vlines(walls, floor, floor + CELL, color=style.INK, linewidth=1.2)
    axes.hlines([floor, floor + CELL], walls[0], walls[-1], color=style.INK, linewidth=1.2)
    for cell in range(7):
        axes.text(middle(cell)[0], floor - 0.17, str(cell), ha="center", va="center")
    for place, pay in zip((-1, 7), exits, strict=True):
        x, _ = middle(place)
        axes.text(x, floor - 0.04, f"+{pay:g}\nexit", ha="center", va="top", color=style.REWARD.ink, fontweight="bold")
    before = rows[shown - 1][0] if shown else None
    place = rows[shown - 1][3] if shown else rows[0][0]
    if place is None:
        place = 7 if before == 6 else -1
    if before is not None:
        axes.add_artist(Circle(
            middle(before), 0.15, facecolor=style.CARD, edgecolor=style.POLICY.ink, linestyle=":", linewidth=1.8,
        ))
        (x, y), (to, _) = middle(before), middle(place)
        axes.add_artist(FancyArrowPatch(
            (x, y + 0.25), (to, y + 0.25), connectionstyle=f"arc3,rad={-0.45 if to > x else 0.45}",
            arrowstyle="-|>", mutation_scale=16, linewidth=2.2, color=style.ACTION.ink,
        ))
    axes.add_artist(Circle(middle(place), 0.15, facecolor=style.POLICY.color, edgecolor=style.POLICY.ink, zorder=4))


def _record(axes, rows):
    """The rows recorded so far, one line of typewriter letters each; the newest one on a tinted ground."""
    x, top = RECORD
    look = {"family": "DejaVu Sans Mono", "fontsize": 12, "va": "center"}
    axes.text(x, top, HEADING, fontweight="bold", **look)
    axes.plot([x - 0.05, 5.62], [top - 0.2, top - 0.2], color=style.INK, linewidth=1.2)
    for t, (state, action, reward, following, terminated, truncated) in enumerate(rows):
        y, ended = top - LINE * (t + 1.1), terminated or truncated
        if t == len(rows) - 1:
            axes.add_artist(Rectangle(
                (x - 0.05, y - LINE / 2), 5.45, LINE, facecolor=style.HIGHLIGHT.color, alpha=0.25, edgecolor="none",
            ))
        after = "outside" if following is None else following
        line = f"{t:2}  {state}  {action:6}  {_signed(reward, 2):>6}  {after!s:7}  {terminated!s:10} {truncated!s}"
        axes.text(x, y, line, fontweight="bold" if ended else "normal", **look)


def _earnings(axes, rewards, worth, shown):
    """Each reward as paid (outline) and as counted from the start (filled)."""
    times = np.arange(shown)
    axes.bar(times, worth[:shown], width=0.7, **style.REWARD.bar())
    axes.bar(times, rewards[:shown], width=0.7, facecolor="none", edgecolor=style.INK, linestyle="--", linewidth=1.4)
    style.zero_line(axes)
    low, high = min(-0.1, rewards.min()), max(1.0, rewards.max())
    room = 0.06 * (high - low)
    axes.set(xlim=(-0.6, 5.6), ylim=(low - room, high + room), xticks=range(6), xlabel="t")
    axes.xaxis.labelpad = 0
