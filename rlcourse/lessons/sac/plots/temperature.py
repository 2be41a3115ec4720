"""The temperature: score, entropy and α while SAC learns."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.curves import bundle
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY
from rlcourse.lessons.sac.plots.looks import BIG, SMALL

ALPHA_STRIPS = (
    # key, name, low, high, ticks
    ("scores", "score", -1750, 60, (-1500, -1000, -500, 0)),
    ("entropy", "entropy", -4.6, 1.8, (-4, -3, -2, -1, 0, 1)),
    ("alpha", "α, logarithmic", -2.3, 1.6, (-2, -1, 0, 1)),
)


@style.styled
def alpha_lab(chosen, automatic, at, *, name, learned, goal, target, each_seed):
    """Score, entropy and temperature of SAC while it learns, with α held fixed or adjusting itself.

    Args:
        chosen: dict of "steps" [k] and "scores", "entropy", "alpha" [seeds, k].
        automatic: the same of the automatic temperature, to be drawn beside it, or None.
        at: index of the checkpoint to read.
        name: of the chosen setting.
        learned: whether its α adjusts itself.
        goal: score that counts as solved.
        target: entropy that the automatic temperature aims at.
        each_seed: one line a seed in place of mean and range.
    """
    figure, strips = style.new_figure(
        11, 7.4, 3, 1, left=0.085, right=0.655, bottom=0.085, top=0.885, hspace=0.34, height_ratios=(1.35, 1.15, 1)
    )
    role = POLICY if learned else NEGATIVE
    look = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.085, 0.956, name, color=role.ink, **look)
    if automatic is not None:
        figure.text(0.655, 0.956, "α automatic", ha="right", color=POLICY.ink, **look)
    shown = ([(automatic, POLICY)] if automatic is not None else []) + [(chosen, role)]
    _strips(strips, shown, np.asarray(chosen["steps"]), at, {"scores": goal, "entropy": target}, each_seed)
    step = chosen["steps"][at]
    scores, entropy, alpha = (np.asarray(chosen[key])[:, at] for key in ("scores", "entropy", "alpha"))
    mean, low, high = (number(x, 0) for x in (scores.mean(), scores.min(), scores.max()))
    entropy, alpha = float(entropy.mean()), float(alpha.mean())
    side, mark, verb = ("below", "▲", "rise") if entropy < target else ("above", "▼", "fall")
    figure.text(0.69, 0.956, f"at step {step:,}", fontweight="bold", va="center")
    found = (
        (0.865, "score, mean of the seeds", mean, f"from {low} to {high}; solved: {number(goal, 0)}"),
        (0.605, "entropy", number(entropy), f"{side} its target {number(target, 2)}"),
        (0.335, "temperature α", f"{alpha:.3g}", "adjusts itself" if learned else "held fixed"),
    )
    _in_numbers(figure, found, role)
    moves = f"its loss makes α {verb}" if learned else f"were it learned, α would {verb}"
    figure.text(0.69, 0.125, mark, va="center", fontsize=22, color=HIGHLIGHT.ink)
    figure.text(0.73, 0.125, moves, va="center", fontweight="bold", fontsize=SMALL, color=HIGHLIGHT.ink)
    return style.say(
        figure,
        f"SAC on Pendulum, {name}: at step {step:,} the score is {mean} on average ({low} to {high}), the entropy "
        f"{number(entropy)} is {side} the target {number(target, 2)}, α is {alpha:.3g}: {moves}.",
    )


def _strips(strips, shown, x, at, goals, each_seed):
    """One strip a quantity, with the curves of every setting that is shown, and a line at the moment that is read."""
    for axes, (key, title, low, high, ticks) in zip(strips, ALPHA_STRIPS, strict=True):
        axes.set(xlim=(0, x[-1] + 60), ylim=(low, high))
        style.set_ticks(axes.yaxis, ticks, [number(tick, 0) if key != "alpha" else f"{10**tick:g}" for tick in ticks])
        thousands = range(0, int(x[-1]) + 1, 1000)
        style.set_ticks(axes.xaxis, thousands, [f"{t // 1000}" if axes is strips[-1] else "" for t in thousands])
        for values, role in shown:
            column = np.log10(values[key]) if key == "alpha" else np.asarray(values[key])
            bundle(axes, x, np.clip(column, low, high), role, each_seed=each_seed)
        axes.axvline(x[at], color=INK, linewidth=1.2)
        axes.set_title(title, fontsize=SMALL, fontweight="normal")
        if key in goals:
            axes.axhline(goals[key], color=NEUTRAL.ink, linestyle="--", linewidth=1.2)
    strips[-1].set_xlabel("environment steps, thousands", labelpad=2)


def _in_numbers(figure, found, role):
    """Large numbers beside the strips: (height, what it is, the number, what to hold it against)."""
    for level, name, value, note in found:
        figure.text(0.69, level, name, va="center", fontsize=SMALL)
        figure.text(0.69, level - 0.058, value, va="center", fontsize=22, fontweight="bold", color=role.ink)
        figure.text(0.69, level - 0.113, note, va="center", fontsize=SMALL)
