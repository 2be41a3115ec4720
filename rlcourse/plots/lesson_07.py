"""Figures of lesson 07: the ablation board, the diagnostics of a run, a bonus for entropy, steps against seconds."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle

from rlcourse.plots import style
from rlcourse.plots.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1
HEALTHY = "#dff0e8"
PALE_ROW = "#fdeedd"


def number(value, digits=2):
    """A number as a reader writes it: true minus sign, no minus in front of zero."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def brief(value):
    """Two or three digits, whatever the size."""
    size = abs(value)
    return number(value, 0 if size >= 99.5 else 1 if size >= 9.95 else 2 if size >= 0.0995 else 4)


def _card(pad=1.0):
    """A white ground for words that lines may run under."""
    return {"facecolor": style.CARD, "edgecolor": "none", "pad": pad}


# ---------------------------------------------------------------- the board


@style.styled
def board(rows, steps, curves, usual, *, chosen, solved, each_seed):
    """Learning curves of one variation against the default, and the final scores of all of them.

    Args:
        rows: list of (name, setting, finals of the seeds), in the order of the board; the first is the default.
        steps: environment steps at which the curves are given, [k].
        curves, usual: scores [seeds, k] of the chosen variation and of the default.
        chosen: name of the variation.
        solved: the score that counts as solved.
        each_seed: one line a seed in place of mean and interval.
    """
    figure, (left, right) = style.new_figure(
        11, 7.2, 1, 2, left=0.065, right=0.985, bottom=0.085, top=0.865, wspace=0.72, width_ratios=(1.25, 1)
    )
    is_default = chosen == rows[0][0]
    left.set(xlim=(0, steps[-1] / 1000), ylim=(0, 525), xlabel="environment steps, thousands")
    left.set_title("mean return of the last 20 episodes", fontsize=style.BASE_SIZE, fontweight="normal")
    style.set_ticks(left.xaxis, range(0, int(steps[-1] / 1000) + 1, 10))
    style.set_ticks(left.yaxis, range(0, 501, 100))
    left.axhline(solved, color=NEUTRAL.ink, linestyle="--", linewidth=1.2)
    left.text(0.4, solved + 7, f"solved: {solved:g}", color=NEUTRAL.ink, fontsize=SMALL, va="bottom")
    thousands = np.asarray(steps) / 1000
    shown = [(usual, POLICY, "default")] + ([] if is_default else [(curves, NEGATIVE, chosen)])
    for values, role, _ in shown:
        _bundle(left, thousands, np.asarray(values), role, each_seed)

    finals = {name: values for name, _, values in rows}
    here, there = finals[chosen], finals[rows[0][0]]
    figure.text(0.065, 0.955, chosen if not is_default else "default", fontsize=BIG, fontweight="bold", va="center",
                color=POLICY.ink if is_default else NEGATIVE.ink)  # fmt: skip
    figure.text(0.065, 0.915, f"ends at {np.mean(here):.0f} ({min(here):.0f} to {max(here):.0f})", va="center",
                color=POLICY.ink if is_default else NEGATIVE.ink)  # fmt: skip
    if not is_default:
        figure.text(0.441, 0.915, f"default {np.mean(there):.0f}", va="center", ha="right", color=POLICY.ink)

    places, headings, y = {}, [], 0.0
    for i, (name, setting, _) in enumerate(rows):
        if i == 0 or setting != rows[i - 1][1]:
            y += 0.35 if i else 0.0
            if i:
                headings.append((y, setting))
                y += 1.0
        places[name] = y
        y += 1.0
    right.set(xlim=(0, 520), ylim=(y - 0.4, -0.7))
    style.set_ticks(right.xaxis, [0, 250, 500])
    style.set_ticks(right.yaxis, [])
    right.spines["left"].set_visible(False)
    right.set_title("final score of three seeds", fontsize=style.BASE_SIZE, fontweight="normal")
    across = right.get_yaxis_transform()
    right.axvspan(min(there), max(there), color=POLICY.color, alpha=0.16, linewidth=0, zorder=0)
    right.add_patch(Rectangle((-0.76, places[chosen] - 0.5), 1.78, 1.0, transform=across, color=PALE_ROW, linewidth=0,
                              clip_on=False, zorder=0.1))  # fmt: skip
    for level, setting in headings:
        right.text(-0.04, level, setting, transform=across, va="center", ha="right", fontweight="bold", fontsize=SMALL)
    for name, level in places.items():
        role = POLICY if name == rows[0][0] else NEGATIVE if name == chosen else NEUTRAL
        right.text(-0.04, level, _short(name), transform=across, va="center", ha="right", fontsize=SMALL,
                   color=role.ink)  # fmt: skip
    spans = [((min(finals[name]), y), (max(finals[name]), y)) for name, y in places.items()]
    roles = [POLICY if i == 0 else NEGATIVE if name == chosen else NEUTRAL for i, name in enumerate(places)]
    right.add_collection(LineCollection(spans, colors=[role.color for role in roles], linewidths=3.0))
    for role in (NEUTRAL, POLICY, NEGATIVE):
        dots = [(v, places[name]) for name, r in zip(places, roles, strict=True) if r is role for v in finals[name]]
        if dots:
            right.plot(*zip(*dots, strict=True), "o", color=role.color, markeredgecolor=role.ink, markersize=7)
    ours, usual_ones = (", ".join(f"{score:.0f}" for score in sorted(scores)) for scores in (here, there))
    return style.say(
        figure,
        f"PPO on CartPole, {chosen}: after {steps[-1]:,} steps the three seeds stand at {ours}, "
        f"the default's at {usual_ones}.",
    )


def _bundle(axes, x, values, role, each_seed):
    """The seeds of one variation: mean and interval, or one line each."""
    if each_seed:
        axes.add_collection(LineCollection([np.column_stack([x, line]) for line in values], colors=role.color,
                                           linestyles=role.linestyle, linewidths=2.0))  # fmt: skip
        return
    low, high = values.min(0), values.max(0)
    outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])])
    axes.add_collection(PolyCollection([outline], facecolor=role.color, alpha=0.22, linewidth=0))
    axes.plot(x, values.mean(0), color=role.color, linestyle=role.linestyle, linewidth=3.0)


def _short(name):
    """A row's label: the value alone where the heading names the setting."""
    return name.partition(" = ")[2] if name.split(" = ")[0] in ("η", "ε", "epochs", "λ") else name


# ---------------------------------------------------------------- diagnostics

STRIPS = (
    # key, name, low, high, healthy from, healthy to, ticks
    ("return", "return", 0, 520, None, None, (0, 250, 500)),
    ("clip_fraction", "clip fraction", 0, 1.05, 0.02, 0.3, (0, 0.5, 1)),
    ("kl", "KL of one update", 1e-5, 30, 1e-3, 0.05, (1e-4, 1e-2, 1)),
    ("explained_variance", "explained variance", -0.25, 1.05, 0.2, 1.05, (0, 1)),
    ("entropy", "entropy", 0, 0.75, 0.1, 0.693, (0, 0.69)),
)


def zone(key, value):
    """What a reading says: "healthy", or in which direction it is not; "" for the return."""
    low, high = next((low, high) for name, _, _, _, low, high, _ in STRIPS if name == key)
    words = {
        "clip_fraction": ("hardly moves", "brake always on"),
        "kl": ("hardly moves", "leaps"),
        "explained_variance": ("explains little", ""),
        "entropy": ("collapsed", "a coin toss"),
    }
    if low is None:
        return ""
    return words[key][0] if value < low else words[key][1] if value > high + 1e-3 else "healthy"


@style.styled
def diagnostics(steps, readings, update, *, patient, diagnosis):
    """The return of a run and its four diagnostics, read at one update.

    Args:
        steps: environment steps at every update, [k].
        readings: dict from "return", "clip_fraction", "kl", "explained_variance", "entropy" to numbers [k].
        update: which update to read, from 1 to k.
        patient: name of the run.
        diagnosis: lines of words to show below, or ().
    """
    figure, strips = style.new_figure(
        11, 7.4, 5, 1, left=0.085, right=0.66, bottom=0.235, top=0.925, hspace=0.42
    )
    x, at = np.asarray(steps) / 1000, update - 1
    title = "The healthy run" if patient == "healthy" else f"Patient {patient}"
    figure.text(0.085, 0.965, title, fontsize=BIG, fontweight="bold", va="center")
    figure.text(0.70, 0.965, f"update {update}, step {steps[at]:,}", fontsize=style.BASE_SIZE, fontweight="bold",
                va="center")  # fmt: skip
    said = []
    for axes, (key, name, low, high, good, bad, ticks) in zip(strips, STRIPS, strict=True):
        values = np.asarray(readings[key], dtype=float)
        if key == "kl":
            axes.set_yscale("log")
            axes.minorticks_off()
        axes.set(xlim=(0, x[-1] + 0.4), ylim=(low, high))
        style.set_ticks(axes.yaxis, ticks, [f"{tick:g}" for tick in ticks])
        style.set_ticks(axes.xaxis, range(0, int(x[-1]) + 1, 10), None if axes is strips[-1] else [""] * 5)
        if good is not None:
            axes.axhspan(good, min(bad, high), color=HEALTHY, linewidth=0, zorder=0)
        inside = zone(key, values[at])
        role = REWARD if key == "return" else VALUE if inside == "healthy" else NEGATIVE
        axes.plot(x, np.clip(values, low, high), color=POLICY.color if key != "return" else REWARD.color, linewidth=2.4)
        axes.axvline(x[at], color=INK, linewidth=1.2)
        axes.plot([x[at]], [np.clip(values[at], low, high)], role.marker, color=role.color, markeredgecolor=role.ink,
                  markersize=10, zorder=5)  # fmt: skip
        y = axes.get_position().y0 + axes.get_position().height / 2
        near_zero = key in ("clip_fraction", "explained_variance") and abs(values[at]) < 0.0995
        shown = number(values[at], 3) if near_zero else brief(values[at])
        figure.text(0.70, y + 0.024, name, va="center", fontsize=SMALL)
        figure.text(0.70, y - 0.018, shown, va="center", fontsize=19, fontweight="bold", color=role.ink)
        figure.text(0.815, y - 0.018, inside, va="center", fontweight="bold", color=role.ink)
        said.append(f"{name} {shown}" + (f" ({inside})" if inside else ""))
    strips[-1].set_xlabel("environment steps, thousands", labelpad=2)
    if diagnosis:
        figure.add_artist(Rectangle((0.02, 0.015), 0.96, 0.135, facecolor=PALE_ROW, edgecolor="none",
                                    transform=figure.transFigure, zorder=0))  # fmt: skip
        for i, line in enumerate(diagnosis):
            figure.text(0.035, 0.120 - 0.038 * i, line, va="center", fontweight="bold" if i == 0 else "normal")
    else:
        figure.text(0.035, 0.082, "Green: healthy, by the rules of thumb of this lesson.   What is wrong here, "
                    "and what would you change?", va="center", color=NEUTRAL.ink)  # fmt: skip
    ending = f" {' '.join(diagnosis)}" if diagnosis else ""
    return style.say(figure, f"{title} at update {update}: {', '.join(said)}.{ending}")


# ---------------------------------------------------------------- a bonus for entropy


@style.styled
def bonus(weights, tables, at, *, step_size, edges, best, chances):
    """Where 1,000 bandit learners end, and what a bonus for entropy does to those who would get stuck.

    Args:
        weights: β of the stored runs, [k].
        tables: step size -> dict of "stuck", "payoff" [k] and "shares" [k, bins].
        at: index of the chosen β.
        step_size: η, one of the keys of tables.
        edges: of the bins of the probability of the best arm.
        best: pay-off of softmax(means / β), [k].
        chances: its probability of the best arm, [k].
    """
    figure, axes = style.new_figure(11, 5.4, 1, 2, left=0.06, right=0.985, bottom=0.13, top=0.83, wspace=0.16)
    table, weight = tables[step_size], weights[at]
    left, right = axes
    counts = np.asarray(table["shares"][at], dtype=float)
    shares = 100 * counts / counts.sum()
    lost, earned = 100 * table["stuck"][at], table["payoff"][at]
    figure.text(0.06, 0.945, f"stuck on a wrong arm: {lost:.1f} %", fontsize=BIG, fontweight="bold", va="center",
                color=NEGATIVE.ink)  # fmt: skip
    figure.text(0.545, 0.945, f"mean pay-off: {earned:.3f}", fontsize=BIG, fontweight="bold", va="center",
                color=REWARD.ink)  # fmt: skip

    left.set(xlim=(-0.02, 1.02), ylim=(0, 112), xlabel="probability of the best arm at the end")
    left.set_title("learners, per cent", fontsize=style.BASE_SIZE, fontweight="normal")
    style.set_ticks(left.xaxis, [0, 0.5, 1])
    style.set_ticks(left.yaxis, [0, 50, 100])
    corners = [((a, 0), (a, h), (b, h), (b, 0)) for a, b, h in zip(edges[:-1], edges[1:], shares, strict=True)]
    colors = [NEGATIVE.color] + [POLICY.color] * (len(shares) - 1)
    left.add_collection(PolyCollection(corners, facecolor=colors, edgecolor="white", linewidth=1.0))
    for i, share in enumerate(shares):
        if share >= 1.0:
            last = i == len(shares) - 1  # beside the bar, where the green line is not
            left.text(edges[i] - 0.01 if last else (edges[i] + edges[i + 1]) / 2, share - 3 if last else share + 2,
                      f"{share:.0f}", ha="right" if last else "center", fontsize=SMALL,
                      color=(NEGATIVE if i == 0 else POLICY).ink, bbox=_card(0.5), zorder=4)  # fmt: skip
    left.axvline(chances[at], color=VALUE.ink, linewidth=2.0, linestyle=VALUE.linestyle)
    left.text(chances[at] - 0.015, 106, "best policy for J + βH", ha="right", va="center", color=VALUE.ink,
              fontsize=SMALL)  # fmt: skip

    low, high = 0.70, 1.02
    right.set(xlim=(-0.01, 0.51), ylim=(-1.0, 1.0), xlabel="weight of the bonus, β")
    style.set_ticks(right.xaxis, [0, 0.1, 0.2, 0.3, 0.4, 0.5])

    def upper(value):
        return 0.10 + 0.86 * (np.asarray(value) - low) / (high - low)

    def lower(value):
        return -0.95 + 0.86 * np.asarray(value) / 0.16

    places = [*lower([0, 0.05, 0.10, 0.15]), *upper([0.7, 0.8, 0.9, 1.0])]
    style.set_ticks(right.yaxis, places, ["0 %", "5 %", "10 %", "15 %", "0.7", "0.8", "0.9", "1"])
    right.axhline(0.02, color=style.FAINT, linewidth=1.0)
    for eta, other in tables.items():
        faint = eta != step_size
        for key, scale, role in (("payoff", upper, REWARD), ("stuck", lower, NEGATIVE)):
            right.plot(weights, scale(other[key]), color=style.FAINT if faint else role.color, zorder=1 if faint else 3,
                       linestyle="-" if faint else role.linestyle, linewidth=1.6 if faint else 3.2)  # fmt: skip
    right.plot(weights, upper(best), color=VALUE.ink, linestyle=VALUE.linestyle, linewidth=1.8, zorder=2)
    right.axvline(weight, color=INK, linewidth=1.2)
    for scale, value, role in ((upper, earned, REWARD), (lower, lost / 100, NEGATIVE)):
        right.plot([weight], [scale(value)], role.marker, color=role.color, markeredgecolor=role.ink, markersize=11,
                   zorder=5)  # fmt: skip
    for level, words, role in ((0.965, "mean pay-off", REWARD), (-0.05, "share that is stuck", NEGATIVE)):
        right.text(0.49, level, words, ha="right", va="center", fontweight="bold", color=role.ink, bbox=_card(),
                   zorder=4)  # fmt: skip
    right.text(0.03, 0.13, "dashed green: the best policy for J + βH", va="center", color=VALUE.ink, fontsize=SMALL,
               bbox=_card(), zorder=4)  # fmt: skip
    return style.say(
        figure,
        f"1,000 bandit learners with η = {step_size} and entropy bonus β = {weight:g}: {lost:.1f} % end stuck on a "
        f"wrong arm, the mean pay-off is {earned:.3f}; the best policy for this bonus earns {best[at]:.3f}.",
    )


# ---------------------------------------------------------------- steps and seconds


@style.styled
def two_prices(names, steps, seconds):
    """What a score of 195 on CartPole cost several learners, in environment steps and in CPU seconds.

    Args:
        names: of the learners.
        steps, seconds: a number each.
    """
    count = len(names)
    margins = {"left": 0.17, "right": 0.97, "bottom": 0.05, "top": 0.84, "wspace": 0.12}
    figure, both = style.new_figure(10, 0.9 + 0.62 * count, 1, 2, **margins)
    for axes, values, title in zip(both, (steps, seconds), ("environment steps", "CPU seconds"), strict=True):
        axes.set(xlim=(0, 1.3 * max(values)), ylim=(count - 0.4, -0.6))
        axes.set_title(title)
        style.set_ticks(axes.xaxis, [])
        style.set_ticks(axes.yaxis, range(count), names if axes is both[0] else [""] * count)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        for i, value in enumerate(values):
            role = VALUE if value == min(values) else NEUTRAL
            axes.add_patch(Rectangle((0, i - 0.3), value, 0.6, **role.bar()))
            axes.text(value + 0.03 * max(values), i, f"{value:,.0f}" if value >= 100 else f"{value:.1f}", va="center",
                      fontweight="bold", color=role.ink)  # fmt: skip
    said = "; ".join(f"{n}: {s:,.0f} steps, {c:.1f} CPU seconds" for n, s, c in zip(names, steps, seconds, strict=True))
    return style.say(figure, f"What a score of 195 on CartPole cost, means of three seeds. {said}.")
