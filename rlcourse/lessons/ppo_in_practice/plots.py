"""Figures: the boards, the diagnostics of a run, a bonus for entropy, steps against seconds."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1
HEALTHY = "#dff0e8"
PALE_ROW = "#fdeedd"


def brief(value):
    """Two or three digits, whatever the size."""
    size = abs(value)
    return number(value, 0 if size >= 99.5 else 1 if size >= 9.95 else 2 if size >= 0.0995 else 4)


# ---------------------------------------------------------------- the board


@style.styled
def board(rows, at, *, chosen, solved, everything):
    """The learning curve of one variation against the default, and how the whole runs of all of them compare.

    Args:
        rows: list of (name, setting, curve, Interval), the first of them the default: curve is (middle, low, high) at
            each place, the Interval that of the mean return over the whole run.
        at: environment steps at which the curves are given, [k].
        chosen: name of the variation.
        solved: the score that counts as solved.
        everything: show the results of all rows, not only those of the default and of the chosen one.
    """
    figure, (left, right) = style.new_figure(
        11, 7.2, 1, 2, left=0.065, right=0.985, bottom=0.085, top=0.865, wspace=0.86, width_ratios=(1.25, 1)
    )
    default = rows[0][0]
    known = {name: (curve, whole) for name, _, curve, whole in rows}
    (curve, here), (usual, there) = known[chosen], known[default]
    role = POLICY if chosen == default else NEGATIVE
    figure.text(0.065, 0.955, chosen, fontsize=BIG, fontweight="bold", va="center", color=role.ink)
    figure.text(0.065, 0.915, f"whole run: {_words(here)}", va="center", color=role.ink)
    shown = [(usual, POLICY)]
    if chosen != default:
        figure.text(0.42, 0.915, f"default {there.center:.0f}", va="center", ha="right", color=POLICY.ink)
        shown.append((curve, NEGATIVE))
    _learning_curves(left, np.asarray(at) / 1000, shown, solved)
    roles = {name: POLICY if name == default else NEGATIVE if name == chosen else NEUTRAL for name in known}
    visible = {name: whole for name, (_, whole) in known.items() if everything or name in (default, chosen)}
    _whole_runs(right, rows, visible, roles, chosen)
    others = f" All {len(rows)} rows are shown." if everything else ""
    return style.say(
        figure,
        f"PPO, {chosen}: mean return over {at[-1]:,} steps of 16 seeds {_words(here)}; the default's {_words(there)}."
        f"{others}",
    )


def _words(whole):
    numbers = (f"{x:.0f}".replace("-", "−") for x in whole)
    return "{} ({} to {})".format(*numbers)


def _learning_curves(axes, thousands, shown, solved):
    """The middle of each (curve, role) that is shown, and its interval, while it learns."""
    axes.set(xlim=(0, thousands[-1]), ylim=(0, 525), xlabel="environment steps, thousands")
    axes.set_title("return: mean of 16 seeds and 95 % interval", fontsize=style.BASE_SIZE, fontweight="normal")
    style.set_ticks(axes.xaxis, range(0, int(thousands[-1]) + 1, 10))
    style.set_ticks(axes.yaxis, range(0, 501, 100))
    axes.axhline(solved, color=NEUTRAL.ink, linestyle="--", linewidth=1.2)
    axes.text(0.4, solved + 7, f"solved: {solved:g}", color=NEUTRAL.ink, fontsize=SMALL, va="bottom")
    for (middle, low, high), role in shown:
        axes.fill_between(thousands, low, high, color=role.color, alpha=0.25, linewidth=0)
        axes.plot(thousands, middle, color=role.color, linestyle=role.linestyle, linewidth=3.0)


def _levels(rows):
    """Where the rows of the board stand, name -> height, and the headings between them: (height, setting)."""
    places, headings, y = {}, [], 0.0
    for i, (name, setting, *_) in enumerate(rows):
        if i and setting != rows[i - 1][1]:
            y += 0.35
            headings.append((y, setting))
            y += 1.0
        places[name] = y
        y += 1.0
    return places, headings


def _whole_runs(axes, rows, visible, roles, chosen):
    """A row for each variation: a dot on its interval; the interval of the default as a band through all rows."""
    places, headings = _levels(rows)
    axes.set(xlim=(0, 420), ylim=(max(places.values()) + 0.6, -0.7))
    style.set_ticks(axes.xaxis, [0, 100, 200, 300, 400])
    style.set_ticks(axes.yaxis, [])
    axes.spines["left"].set_visible(False)
    axes.set_title("mean return of whole run", fontsize=style.BASE_SIZE, fontweight="normal")
    usual = visible[rows[0][0]]
    axes.axvspan(usual.low, usual.high, color=POLICY.color, alpha=0.16, linewidth=0, zorder=0)
    across = axes.get_yaxis_transform()
    ground = {"color": PALE_ROW, "linewidth": 0, "clip_on": False, "zorder": 0.1}
    axes.add_patch(Rectangle((-0.98, places[chosen] - 0.5), 2.0, 1.0, transform=across, **ground))
    look = {"transform": across, "va": "center", "ha": "right", "fontsize": SMALL}
    for level, setting in headings:
        axes.text(-0.04, level, setting, fontweight="bold", **look)
    for name, level in places.items():
        axes.text(-0.04, level, _short(name), color=roles[name].ink, **look)
    spans = [((whole.low, places[name]), (whole.high, places[name])) for name, whole in visible.items()]
    axes.add_collection(LineCollection(spans, colors=[roles[name].color for name in visible], linewidths=3.0))
    for name, whole in visible.items():
        axes.plot(whole.center, places[name], "o", color=roles[name].color, markeredgecolor=roles[name].ink)


def _short(name):
    """A row's label: the value alone where the heading names the setting."""
    return name.partition(" = ")[2] if name.split(" = ")[0] in ("η", "ε", "epochs") else name


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
    figure, strips = style.new_figure(11, 7.4, 5, 1, left=0.085, right=0.66, bottom=0.235, top=0.925, hspace=0.42)
    x, at = np.asarray(steps) / 1000, update - 1
    title = "The healthy run" if patient == "healthy" else f"Patient {patient}"
    look = {"fontweight": "bold", "va": "center"}
    figure.text(0.085, 0.965, title, fontsize=BIG, **look)
    figure.text(0.70, 0.965, f"update {update}, step {steps[at]:,}", fontsize=style.BASE_SIZE, **look)
    said = []
    for axes, (key, name, *scale) in zip(strips, STRIPS, strict=True):
        values = np.asarray(readings[key], dtype=float)
        inside = zone(key, values[at])
        role = REWARD if key == "return" else VALUE if inside == "healthy" else NEGATIVE
        _strip(axes, x, values, at, key, scale, role)
        style.set_ticks(axes.xaxis, range(0, int(x[-1]) + 1, 10), None if axes is strips[-1] else [""] * 5)
        near_zero = key in ("clip_fraction", "explained_variance") and abs(values[at]) < 0.0995
        shown = number(values[at], 3) if near_zero else brief(values[at])
        y = axes.get_position().y0 + axes.get_position().height / 2
        figure.text(0.70, y + 0.024, name, va="center", fontsize=SMALL)
        figure.text(0.70, y - 0.018, shown, fontsize=19, color=role.ink, **look)
        figure.text(0.815, y - 0.018, inside, color=role.ink, **look)
        said.append(f"{name} {shown}" + (f" ({inside})" if inside else ""))
    strips[-1].set_xlabel("environment steps, thousands", labelpad=2)
    _diagnosis(figure, diagnosis)
    ending = f" {' '.join(diagnosis)}" if diagnosis else ""
    return style.say(figure, f"{title} at update {update}: {', '.join(said)}.{ending}")


def _strip(axes, x, values, at, key, scale, role):
    """One reading over the whole run, on the ground of what is healthy, with a marker at the update that is read."""
    low, high, good, bad, ticks = scale
    if key == "kl":
        axes.set_yscale("log")
        axes.minorticks_off()
    axes.set(xlim=(0, x[-1] + 0.4), ylim=(low, high))
    style.set_ticks(axes.yaxis, ticks, [f"{tick:g}" for tick in ticks])
    if good is not None:
        axes.axhspan(good, min(bad, high), color=HEALTHY, linewidth=0, zorder=0)
    drawn = np.clip(values, low, high)
    axes.plot(x, drawn, color=REWARD.color if key == "return" else POLICY.color, linewidth=2.4)
    axes.axvline(x[at], color=INK, linewidth=1.2)
    look = {"color": role.color, "markeredgecolor": role.ink, "markersize": 10}
    axes.plot([x[at]], [drawn[at]], role.marker, zorder=5, **look)


def _diagnosis(figure, lines):
    """What is wrong, on a ground of its own; until that is asked for, the question."""
    if not lines:
        question = (
            "Green: healthy, by the rules of thumb of this lesson.   What is wrong here, and what would you change?"
        )
        figure.text(0.035, 0.082, question, va="center", color=NEUTRAL.ink)
        return
    look = {"facecolor": PALE_ROW, "edgecolor": "none", "zorder": 0}
    figure.add_artist(Rectangle((0.02, 0.015), 0.96, 0.135, transform=figure.transFigure, **look))
    for i, line in enumerate(lines):
        figure.text(0.035, 0.120 - 0.038 * i, line, va="center", fontweight="bold" if i == 0 else "normal")


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
    figure, (left, right) = style.new_figure(11, 5.4, 1, 2, left=0.06, right=0.985, bottom=0.13, top=0.83, wspace=0.16)
    table, weight = tables[step_size], weights[at]
    lost, earned = 100 * table["stuck"][at], table["payoff"][at]
    look = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.06, 0.945, f"stuck on a wrong arm: {lost:.1f} %", color=NEGATIVE.ink, **look)
    figure.text(0.545, 0.945, f"mean pay-off: {earned:.3f}", color=REWARD.ink, **look)
    counts = np.asarray(table["shares"][at], dtype=float)
    _where_they_end(left, 100 * counts / counts.sum(), edges)
    left.axvline(chances[at], color=VALUE.ink, linewidth=2.0, linestyle=VALUE.linestyle)
    look = {"va": "center", "color": VALUE.ink, "fontsize": SMALL}
    left.text(chances[at] - 0.015, 106, "best policy for J + βH", ha="right", **look)
    _two_scales(right)
    for eta, other in tables.items():
        for key, height, role in (("payoff", _upper, REWARD), ("stuck", _lower, NEGATIVE)):
            line = {"color": style.FAINT, "zorder": 1, "linestyle": "-", "linewidth": 1.6}
            if eta == step_size:
                line = {"color": role.color, "zorder": 3, "linestyle": role.linestyle, "linewidth": 3.2}
            right.plot(weights, height(other[key]), **line)
    right.plot(weights, _upper(best), color=VALUE.ink, linestyle=VALUE.linestyle, linewidth=1.8, zorder=2)
    right.axvline(weight, color=INK, linewidth=1.2)
    for height, role in ((_upper(earned), REWARD), (_lower(lost / 100), NEGATIVE)):
        marker = {"color": role.color, "markeredgecolor": role.ink, "markersize": 11}
        right.plot([weight], [height], role.marker, zorder=5, **marker)
    return style.say(
        figure,
        f"1,000 bandit learners with η = {step_size} and entropy bonus β = {weight:g}: {lost:.1f} % end stuck on a "
        f"wrong arm, the mean pay-off is {earned:.3f}; the best policy for this bonus earns {best[at]:.3f}.",
    )


def _where_they_end(axes, shares, edges):
    """A histogram of the probability that the learners give the best arm; those on the far left are stuck."""
    axes.set(xlim=(-0.02, 1.02), ylim=(0, 112), xlabel="probability of the best arm at the end")
    axes.set_title("learners, per cent", fontsize=style.BASE_SIZE, fontweight="normal")
    style.set_ticks(axes.xaxis, [0, 0.5, 1])
    style.set_ticks(axes.yaxis, [0, 50, 100])
    corners = [((a, 0), (a, h), (b, h), (b, 0)) for a, b, h in zip(edges[:-1], edges[1:], shares, strict=True)]
    colors = [NEGATIVE.color] + [POLICY.color] * (len(shares) - 1)
    axes.add_collection(PolyCollection(corners, facecolor=colors, edgecolor="white", linewidth=1.0))
    for i, share in enumerate(shares):
        if share >= 1.0:
            x, y, ha = (edges[i] + edges[i + 1]) / 2, share + 2, "center"
            if i == len(shares) - 1:  # beside the bar, where the green line is not
                x, y, ha = edges[i] - 0.01, share - 3, "right"
            look = {"fontsize": SMALL, "color": (NEGATIVE if i == 0 else POLICY).ink, "bbox": style.card(0.5)}
            axes.text(x, y, f"{share:.0f}", ha=ha, zorder=4, **look)


def _upper(payoff):
    """Height of a mean pay-off in the upper half of the right plot, where 0.70 to 1.02 have room."""
    return 0.10 + 0.86 * (np.asarray(payoff) - 0.70) / (1.02 - 0.70)


def _lower(share):
    """Height of a share that is stuck in the lower half, where 0 to 16 % have room."""
    return -0.95 + 0.86 * np.asarray(share) / 0.16


def _two_scales(axes):
    """Two plots on one axis of β: the pay-off above, the share that is stuck below."""
    axes.set(xlim=(-0.01, 0.51), ylim=(-1.0, 1.0), xlabel="weight of the bonus, β")
    style.set_ticks(axes.xaxis, [0, 0.1, 0.2, 0.3, 0.4, 0.5])
    places = [*_lower([0, 0.05, 0.10, 0.15]), *_upper([0.7, 0.8, 0.9, 1.0])]
    style.set_ticks(axes.yaxis, places, ["0 %", "5 %", "10 %", "15 %", "0.7", "0.8", "0.9", "1"])
    axes.axhline(0.02, color=style.FAINT, linewidth=1.0)
    look = {"va": "center", "bbox": style.card(), "zorder": 4}
    axes.text(0.49, 0.965, "mean pay-off", ha="right", fontweight="bold", color=REWARD.ink, **look)
    axes.text(0.49, -0.05, "share that is stuck", ha="right", fontweight="bold", color=NEGATIVE.ink, **look)
    dashed = "dashed green: the best policy for J + βH"
    axes.text(0.03, 0.13, dashed, color=VALUE.ink, fontsize=SMALL, **look)


# ---------------------------------------------------------------- steps and seconds


@style.styled
def two_prices(names, steps, seconds):
    """What it cost several learners to reach 475 on CartPole, in environment steps and in CPU seconds.

    Args:
        names: of the learners.
        steps: an Interval each.
        seconds: a number each.
    """
    count = len(names)
    margins = {"left": 0.17, "right": 0.97, "bottom": 0.05, "top": 0.84, "wspace": 0.12}
    figure, both = style.new_figure(10, 0.9 + 0.62 * count, 1, 2, **margins)
    centers = [each.center for each in steps]
    for axes, values, title in zip(both, (centers, seconds), ("environment steps", "CPU seconds"), strict=True):
        axes.set(xlim=(0, 1.45 * max(values)), ylim=(count - 0.4, -0.6))
        axes.set_title(title)
        style.set_ticks(axes.xaxis, [])
        style.set_ticks(axes.yaxis, range(count), names if axes is both[0] else [""] * count)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        for i, value in enumerate(values):
            role = VALUE if value == min(values) else NEUTRAL
            axes.add_patch(Rectangle((0, i - 0.3), value, 0.6, **role.bar()))
            end = value
            if axes is both[0]:
                axes.plot([steps[i].low, steps[i].high], [i, i], color=INK, linewidth=2.0)
                end = steps[i].high
            axes.text(
                end + 0.03 * max(values),
                i,
                f"{value:,.0f}" if value >= 100 else f"{value:.1f}",
                va="center",
                fontweight="bold",
                color=role.ink,
            )
    said = "; ".join(
        f"{n}: {s.center:,.0f} steps ({s.low:,.0f} to {s.high:,.0f}), {c:.1f} CPU seconds"
        for n, s, c in zip(names, steps, seconds, strict=True)
    )
    return style.say(figure, f"What 475 on CartPole cost, means of 16 seeds. {said}.")
