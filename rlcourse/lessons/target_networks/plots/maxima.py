"""Maxima of errors: what each rule for the best action makes of the critics' noise."""

import math
from typing import NamedTuple

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.style import ACTION, BASE_SIZE, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, VALUE

BIG = BASE_SIZE + 3
LOOKS = {"single": NEGATIVE, "double": NEUTRAL, "min": POLICY, "max of min": VALUE}
"""The rules of the overestimation lab."""
NAMES = {
    "single": "one critic",
    "double": "double Q",
    "min": "clipped double Q",
    "max of min": "largest minimum",
}
"""The rules in words, as the explorers offer them: the papers' names, and what the actor of SAC climbs."""


@style.styled
def overestimation(first, second, biases, path, theory, *, rule, error, gamma, show_all):
    """One draw of two critics' errors, and what bootstrapping makes of the rule's bias.

    Args:
        first, second: errors of m actions, one draw each.
        biases: rule -> bias of one score.
        path: mean target after k backups by the chosen rule, simulated.
        theory: rule -> the same by formula.
        rule: the one that is shown.
        error, gamma: e and γ.
        show_all: whether the other rules are drawn as well.
    """
    figure, (left, right) = style.new_figure(10, 5.6, 1, 2, left=0.085, right=0.985, bottom=0.13, top=0.78, wspace=0.24)
    times = gamma / (1 - gamma)
    final = times * biases[rule]
    _heading(
        figure,
        f"{NAMES[rule]}: bias {_with_sign(biases[rule])} per backup",
        LOOKS[rule],
        f"bootstrapped with γ = {gamma:g}: × {times:.1f}, in the long run {_with_sign(final)}; the truth is 0",
        below_size=BASE_SIZE + 1,
    )
    _one_draw(left, first, second, rule, error)
    _bootstrapped(right, path, theory, rule, show_all)
    said = f"{len(first)} actions worth 0, errors in ±{error:g}, γ = {gamma:g}, {NAMES[rule]}: bias "
    said += f"{_with_sign(biases[rule])} per backup and {_with_sign(final)} in the long run."
    return style.say(figure, said + (_other_rules(biases, rule) if show_all else ""))


def _heading(figure, text, role, below, below_size=BASE_SIZE):
    """The result in a line above the plots, and a second line on how it came about."""
    figure.text(0.012, 0.945, text, fontsize=BIG, fontweight="bold", va="center", color=role.ink)
    figure.text(0.012, 0.875, below, fontsize=below_size, va="center")


def _other_rules(biases, rule):
    """The biases of the rules that were not chosen, for the alt text."""
    return f" {'; '.join(f'{NAMES[name]} {_with_sign(bias)}' for name, bias in biases.items() if name != rule)}."


def _bootstrapped(axes, path, theory, rule, show_all):
    """The bias of the target backup by backup: lines by formula, dots simulated."""
    backups = np.arange(len(path))
    top = 1.18 * max(abs(theory["single"]).max(), 0.02)
    for k, (name, line) in enumerate(theory.items()):
        look, chosen = LOOKS[name], name == rule
        if chosen or show_all:
            dashes = "-" if chosen else look.linestyle
            width, order = (4, 4) if chosen else (2, 2)
            axes.plot(backups, line, color=look.color, linewidth=width, zorder=order, linestyle=dashes)
        if show_all:
            place = 0.02 + 0.43 * (k % 2), 0.15 - 0.08 * (k // 2)
            weight = "bold" if chosen else "normal"
            axes.text(
                *place,
                f"■ {NAMES[name]}",
                color=look.ink,
                va="center",
                fontweight=weight,
                transform=axes.transAxes,
                fontsize=BASE_SIZE - 1,
            )
    axes.plot(backups[::10], path[::10], linestyle="", marker=".", markersize=9, color=INK, zorder=5)
    axes.set(xlim=(0, backups[-1]), ylim=(-0.35 * top, top))
    style.zero_line(axes)
    style.set_ticks(axes.xaxis, (0, 50, 100, 150, 200))
    ticks = _round_ticks(top)
    style.set_ticks(axes.yaxis, ticks, [f"{t:g}" for t in ticks])
    axes.set_xlabel("backups")
    axes.set_title("bias of the target (dots: simulated)")


def _with_sign(value):
    """+0.082, −0.014, +81.5, 0."""
    if abs(value) < 5e-5:
        return "0"
    form = "+.2g" if abs(value) < 0.02 else "+.3f" if abs(value) < 10 else "+.3g"
    return f"{value:{form}}".replace("-", "−")


def _round_ticks(top):
    step = 10.0 ** math.floor(math.log10(top))
    step = next(s for s in (0.2 * step, 0.5 * step, step, 2 * step, 5 * step) if top / s <= 4)
    return [round(k * step, 6) for k in range(int(top / step) + 1)]


def _one_draw(axes, first, second, rule, error):
    """The errors of both critics, action by action, and the score that the rule reads off."""
    m = len(first)
    xs = np.arange(1, m + 1)
    size = 60 if m <= 20 else 26 if m <= 50 else 14
    axes.scatter(xs, first, s=size, color=NEGATIVE.color, edgecolors=NEGATIVE.ink, zorder=3)
    if rule != "single":
        axes.scatter(xs, second, s=size, marker="s", color=ACTION.color, edgecolors=ACTION.ink, zorder=3)
    lower = np.minimum(first, second)
    best = int((lower if rule == "max of min" else first).argmax())
    value = {"single": first, "double": second}.get(rule, lower)[best]
    axes.axvline(best + 1, color=style.FAINT, linewidth=5, zorder=1)
    axes.plot(best + 1, value, marker="*", markersize=24, color=HIGHLIGHT.color, markeredgecolor=INK, zorder=6)
    top = 1.0 if error == 0 else error
    axes.set(xlim=(0, m + 1), ylim=(-1.15 * top, 1.45 * top))
    style.zero_line(axes)
    style.set_ticks(axes.yaxis, (-top, 0, top), [f"{t:g}".replace("-", "−") for t in (-top, 0, top)])
    style.set_ticks(axes.xaxis, sorted({1, m}))
    axes.set_xlabel("actions, all worth 0", labelpad=0)
    axes.set_title(f"one draw: score {_with_sign(value)}")
    axes.text(0.02, 0.95, "● critic 1", color=NEGATIVE.ink, fontweight="bold", va="center", transform=axes.transAxes)
    if rule != "single":
        axes.text(0.27, 0.95, "■ critic 2", color=ACTION.ink, fontweight="bold", va="center", transform=axes.transAxes)
    axes.text(
        0.98,
        0.95,
        "★ the score",
        color=HIGHLIGHT.ink,
        fontweight="bold",
        va="center",
        ha="right",
        transform=axes.transAxes,
    )


class Draw(NamedTuple):
    """One draw of two critics over a continuum of actions, and the action that a rule picks from it."""

    grid: np.ndarray
    """Actions."""
    truth: np.ndarray
    """Their true values."""
    first: np.ndarray
    second: np.ndarray
    """The critics' estimates."""
    action: float
    """The one that the rule climbs to."""
    score: float
    true: float
    """What that action is truly worth."""


@style.styled
def smooth_errors(draw, biases, *, rule, error, length, smoothing, draws, show_all):
    """Two critics over a continuum of actions, the action that a rule climbs to, and the mean error of its score.

    Args:
        draw: the `Draw` that is shown.
        biases: rule -> mean error of the score.
        rule: the one that is shown.
        error, length, smoothing: of the errors, and of the noise on the target action.
        draws: how many draws the means are over.
        show_all: whether the means of the other rules are drawn as well.
    """
    figure, (left, right) = style.new_figure(
        10, 5.4, 1, 2, left=0.065, right=0.985, bottom=0.13, top=0.79, wspace=0.12, width_ratios=(1.75, 1)
    )
    mean, wrong = biases[rule], draw.score - draw.true
    _heading(
        figure,
        f"{NAMES[rule]}: score − truth is {_with_sign(mean)} on average",
        LOOKS[rule],
        f"errors of standard deviation {error:g} that change over a distance of about {length:g}"
        + (f"; target action ± {smoothing:g}" if smoothing else ""),
    )
    _wobbly_critics(left, draw, rule)
    _pick(left, draw, smoothing)
    left.set_title(f"one draw: score − truth {_with_sign(wrong)}")
    _mean_errors(right, {name: bias for name, bias in biases.items() if show_all or name == rule}, list(biases), rule)
    right.set_title(f"mean of {draws:,} draws")
    said = f"Smooth errors of std {error:g} and length {length:g} over a continuum of actions, {NAMES[rule]}, "
    said += f"smoothing {smoothing:g}: the score is off by {_with_sign(mean)} on average; in this draw by "
    said += f"{_with_sign(wrong)}."
    return style.say(figure, said + (_other_rules(biases, rule) if show_all else ""))


def _wobbly_critics(axes, draw, rule):
    """The truth and what the critics make of it, as far as the rule looks at them."""
    axes.plot(draw.grid, draw.truth, color=INK, linewidth=3)
    axes.plot(draw.grid, draw.first, color=NEGATIVE.color, linewidth=2.4)
    keys = [(0.02, "black: truth", INK), (0.255, "red: critic 1", NEGATIVE.ink)]
    if rule != "single":
        axes.plot(draw.grid, draw.second, color=ACTION.color, linewidth=2.4, linestyle=(0, (6, 2)))
        keys += [(0.5, "blue: critic 2", ACTION.ink)]
    if rule.endswith("min"):
        axes.plot(draw.grid, np.minimum(draw.first, draw.second), color=VALUE.ink, linewidth=4.5, alpha=0.35)
    axes.set(xlim=(-1.03, 1.03), ylim=(-2.4, 1.75))
    style.set_ticks(axes.xaxis, (-1, 0, 1))
    style.set_ticks(axes.yaxis, (-2, -1, 0, 1))
    axes.set_xlabel("action a", labelpad=-2)
    for x, text, color in [*keys, (0.76, "★ the score", HIGHLIGHT.ink)]:
        look = {"color": color, "fontweight": "bold", "va": "center", "fontsize": BASE_SIZE - 1}
        axes.text(x, 0.05, text, transform=axes.transAxes, **look)


def _pick(axes, draw, smoothing):
    """The action that the rule climbs to: its score as a star, its true value as a dot."""
    action, score, true = draw.action, draw.score, draw.true
    if smoothing:
        ends = max(-1, action - smoothing), min(1, action + smoothing)
        axes.axvspan(*ends, color=HIGHLIGHT.color, alpha=0.18, linewidth=0)
    axes.plot([action, action], sorted((score, true)), color=HIGHLIGHT.ink, linewidth=3.5, zorder=5)
    axes.plot(action, score, marker="*", markersize=24, color=HIGHLIGHT.color, markeredgecolor=INK, zorder=6)
    axes.plot(action, true, marker="o", markersize=9, color=INK, zorder=6)


def _mean_errors(axes, shown, rules, rule):
    """A bar for each rule that is shown, in the row that it has among all of them."""
    for name, bias in shown.items():
        look, chosen, y = LOOKS[name], name == rule, 3 - rules.index(name)
        edge, width = (INK, 2.6) if chosen else (look.ink, 1)
        axes.barh(y, bias, 0.4, facecolor=look.color, edgecolor=edge, linewidth=width)
        axes.plot([0, 0], [y - 0.28, y + 0.24], color=INK, linewidth=1.4)
        weight = "bold" if chosen else "normal"
        text = f"{NAMES[name]} {_with_sign(bias)}"
        axes.text(-0.28, y + 0.4, text, color=look.ink, va="center", fontweight=weight)
    axes.set(xlim=(-0.3, 1.1), ylim=(-0.5, 3.7))
    style.set_ticks(axes.yaxis, [])
    style.set_ticks(axes.xaxis, (0, 0.4, 0.8))
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("score − truth", labelpad=-1)


@style.styled
def noisy_arms(curves):
    """Share of runs that go the wrong way, episode by episode, under three rules.

    Args:
        curves: rule -> share an episode.
    """
    figure, axes = style.new_figure(9, 4.0, left=0.09, right=0.975, bottom=0.16, top=0.88)
    for k, (name, line) in enumerate(curves.items()):
        role = LOOKS[name]
        axes.plot(np.arange(1, len(line) + 1), line, color=role.color, linewidth=2.6, linestyle=role.linestyle)
        axes.text(
            0.985,
            0.9 - 0.1 * k,
            f"{NAMES[name]}: at most {line.max():.0%}",
            color=role.ink,
            fontweight="bold",
            ha="right",
            va="center",
            transform=axes.transAxes,
        )
    axes.axhline(0.05, color=INK, linestyle=":", linewidth=1.4)
    axes.set(xlim=(1, len(line)), ylim=(0, 1), xlabel="episodes")
    style.set_ticks(axes.yaxis, (0.05, 0.5, 1), ("5%", "50%", "100%"))
    style.set_ticks(axes.xaxis, (1, 100, 200, 300))
    axes.set_title("runs that go left, the wrong way (5%: exploration alone)")
    worst = "; ".join(f"{NAMES[name]} {line.max():.0%}" for name, line in curves.items())
    return style.say(figure, f"Largest share of runs that go the wrong way, by rule: {worst}.")
