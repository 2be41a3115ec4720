"""Figures of lesson 1: causality as a matrix, estimators in a race, a game of two tosses, learners side by side."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from rlcourse.plots import style
from rlcourse.plots.style import ACTION, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 2, style.BASE_SIZE - 1
SHADE, EDGE = "#e3e3e3", "#9d9d9d"

LOOK = {"same-step": NEGATIVE, "total": REWARD, "reward-to-go": POLICY, "Q": ACTION, "Q - V": VALUE}
"""Every estimator keeps its colour, marker and line through the lesson."""
NAMES = {
    "same-step": "same-step reward",
    "total": "total return",
    "reward-to-go": "reward-to-go",
    "Q": "exact Q",
    "Q - V": "exact Q − V",
}


def _number(value, digits=2):
    """A number with a real minus sign, and no sign on zero."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def _brief(value):
    """Two significant digits: 0.031, 3.4, 280."""
    return _number(value, 0 if abs(value) >= 9.95 else 1 if abs(value) >= 0.995 else 2 if abs(value) >= 0.0995 else 3)


def _declutter(places, gap, low, high):
    """Shift label heights as little as needed so that neighbours are `gap` apart and all lie within [low, high]."""
    order = np.argsort(places)
    shifted = np.clip(np.asarray(places, dtype=float)[order], low, high)
    for _ in range(200):
        short = gap - np.diff(shifted)
        if (short < 1e-9).all():
            break
        push = np.maximum(short, 0) / 2
        shifted[:-1] -= push
        shifted[1:] += push
        shifted = np.clip(shifted, low, high)
    result = np.empty_like(shifted)
    result[order] = shifted
    return result


# ---------------------------------------------------------------- the corridor


@style.styled
def corridor_map(right, slopes):
    """The six cells, what leaving them pays, how the policy moves, and which way the gradient pulls.

    Args:
        right: π(right|s) of each cell.
        slopes: exact slope of the return in the logit of "right", each cell.
    """
    figure, axes = style.new_figure(9, 3.6, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 9), ylim=(0, 3.6))
    axes.axis("off")
    wide, left, y = 1.12, 1.95, 1.62
    text = {"ha": "center", "va": "center"}
    for row, label, role in (
        (2.95, "leaving pays", REWARD), (2.07, "cell", None), (1.25, "goes right", POLICY), (0.5, "gradient", POSITIVE)
    ):
        axes.text(0.15, row, label, va="center", color=role.ink if role else INK, fontweight="bold")
    longest = np.abs(slopes).max()
    for cell, (share, slope) in enumerate(zip(right, slopes, strict=True)):
        x = left + cell * wide
        pays = {0: "0.1", 5: "1.0"}.get(cell, "0")
        axes.add_patch(Rectangle((x, y), wide, 0.9, facecolor="#fff0c2" if pays != "0" else "#ffffff", edgecolor=INK))
        axes.text(x + wide / 2, 2.95, pays, color=REWARD.ink, fontsize=BIG + 2, fontweight="bold", **text)
        axes.text(x + wide / 2, 2.07, str(cell), fontsize=BIG + 4, **text)
        axes.text(x + wide / 2, 1.25, f"{share:.0%}", color=POLICY.ink, fontsize=BIG, **text)
        role = POSITIVE if slope > 0 else NEGATIVE
        reach = 0.46 * slope / longest
        if abs(reach) > 0.03:
            axes.arrow(x + wide / 2 - reach, 0.62, 2 * reach, 0, width=0.06, head_width=0.24, color=role.color,
                       head_length=min(0.17, 2 * abs(reach)), length_includes_head=True)
        axes.text(x + wide / 2, 0.27, f"{slope:+.3f}".replace("-", "−"), color=role.ink, **text)
    axes.plot(left + 0.5 * wide, 2.07, "o", markersize=33, markerfacecolor="none", markeredgecolor=POLICY.color,
              markeredgewidth=2.5)
    axes.text(left + 0.5 * wide, 3.38, "start", color=POLICY.ink, fontsize=SMALL, **text)
    ways = ", ".join(f"{slope:+.3f}" for slope in slopes)
    return style.say(figure, f"The corridor: six cells, leaving cell 0 pays 0.1, leaving cell 5 pays 1; the exact "
                             f"gradient in the logit of going right is {ways} in cells 0 to 5.")


# ---------------------------------------------------------------- the causality matrix


@style.styled
def causality(steps, gamma, dropped, cells):
    """Which pairs (score of t, reward of t') carry the gradient, which carry noise, and what their sums come to.

    Args:
        steps, gamma: length of the episodes and discount.
        dropped: whether the rewards of the past are left out.
        cells: share, spread [steps, steps], and kept, removed, total: each mean, its standard error, variance.
    """
    figure, axes = _sheet(9, 6.7)
    heading = {"ha": "left", "fontsize": BIG, "fontweight": "bold"}
    variance = cells.spread**2
    for left, name, values, role in (
        (0.75, "Signal: the mean of each cell", cells.share / np.abs(cells.share).max(), POSITIVE),
        (5.15, "Noise: the variance of each cell", variance / variance.max(), NEUTRAL),
    ):
        _text(axes, left - 0.05, 6.45, name, **heading)
        _hinton(axes, left, 2.95, 3.6, 3.2, values, dropped, role)
        _text(axes, left + 1.8, 2.43, "reward of step $t'$")
    for y, word, role in ((3.77, "■ along the gradient", POSITIVE), (3.50, "■ against it", NEGATIVE)):
        _text(axes, 0.81, y, word, ha="left", fontsize=SMALL, color=role.ink, zorder=4,
              bbox={"facecolor": SHADE, "edgecolor": "none", "pad": 1.5})
    _text(axes, 0.16, 4.55, "score of step $t$", rotation=90)

    estimate = cells.kept if dropped else cells.total
    rows = (("future", cells.kept, POLICY), ("past", cells.removed, NEUTRAL), ("estimate", estimate, INK))
    _text(axes, 1.45, 1.98, "Mean along the gradient, ± 2 s.e.", **{**heading, "fontsize": style.BASE_SIZE})
    _text(axes, 5.60, 1.98, "Variance of one episode", **{**heading, "fontsize": style.BASE_SIZE})
    zero, one, bars, wide = 2.35, 3.55, 5.60, 2.55           # inches: share 0 and 1; where variances start, how long
    for x, word in ((zero, "0"), (one, "1 = all of it")):
        axes.plot([x, x], [0.42, 1.75], color=style.FAINT, linewidth=1.6, zorder=1)
        _text(axes, x, 0.22, word, fontsize=SMALL)
    largest = max(cells.kept[2], cells.removed[2], cells.total[2])
    for row, (name, (mean, error, total), role) in enumerate(rows):
        y, gone = 1.52 - 0.44 * row, dropped and row == 1
        color, ink = (EDGE, NEUTRAL.ink) if gone else (INK, INK) if role is INK else (role.color, role.ink)
        _text(axes, 1.30, y, "dropped" if gone else name, ha="right", color=ink, fontweight="bold")
        low, at, high = (zero + (one - zero) * share for share in (mean - 2 * error, mean, mean + 2 * error))
        axes.plot(np.clip([low, high], 1.45, 4.75), [y, y], color=color, linewidth=3)
        axes.plot(at, y, "o", color=color, markersize=9)
        length = wide * total / largest
        axes.add_patch(Rectangle((bars, y - 0.14), length, 0.28, facecolor="none" if gone else color, edgecolor=color,
                                 hatch="///" if gone else ""))
        _text(axes, bars + length + 0.08, y, _brief(total), ha="left", color=ink, fontweight="bold")
    _text(axes, bars, 0.22, "the square of the gradient’s length is 1", ha="left", fontsize=SMALL)
    return style.say(
        figure,
        f"{steps} steps, discount {gamma:g}: the cells of the past have mean zero and carry a variance of "
        f"{_brief(cells.removed[2])}; their sampled mean is {_number(cells.removed[0])} ± {_number(cells.removed[1])}. "
        f"The estimate {'without them' if dropped else 'with them'} has variance {_brief(estimate[2])}; dropping the "
        f"past divides the variance by {_number(cells.total[2] / cells.kept[2])}.",
    )


def _sheet(width, height):
    """A figure of one blank axes, x and y in inches from the lower left corner: no ticks to draw, so a quick one."""
    figure, axes = style.new_figure(width, height, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def _text(axes, x, y, text, **look):
    return axes.text(x, y, text, **{"va": "center", "ha": "center", **look})


def _hinton(axes, left, bottom, wide, tall, values, dropped, role):
    """Squares whose area is the value; hatched for negative ones. Below the diagonal lies the past, shaded."""
    steps = len(values)
    dx, dy = wide / steps, tall / steps
    top = bottom + tall
    stairs = [(left, bottom), (left, top - dy)]
    for k in range(1, steps):
        stairs += [(left + k * dx, top - k * dy), (left + k * dx, top - (k + 1) * dy)]
    axes.add_patch(Polygon(stairs, facecolor=SHADE, edgecolor="none", zorder=0))
    axes.add_patch(Rectangle((left, bottom), wide, tall, facecolor="none", edgecolor=INK, linewidth=1.0, zorder=3))
    rows, columns = np.mgrid[:steps, :steps]
    past = columns < rows
    for chosen, look, gone in (
        ((values > 0) & ~past, role, False),
        ((values < 0) & ~past, NEGATIVE, False),
        ((values > 0) & past, role, dropped),
    ):
        half = 0.46 * min(dx, dy) * np.sqrt(np.abs(values[chosen]))
        keep = half > 0.008
        x = (left + (columns[chosen] + 0.5) * dx)[keep]
        y = (top - (rows[chosen] + 0.5) * dy)[keep]
        if len(x):
            half = half[keep]
            corners = np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])
            axes.add_collection(PolyCollection(
                np.moveaxis(corners, -1, 0), facecolors="none" if gone else look.color,
                edgecolors=EDGE if gone else look.ink, hatch=look.hatch, linewidths=1.0, zorder=2))
    for k in range(0, steps, 1 if steps <= 8 else 2):
        _text(axes, left + (k + 0.5) * dx, bottom - 0.17, str(k), fontsize=SMALL)
        _text(axes, left - 0.08, top - (k + 0.5) * dy, str(k), ha="right", fontsize=SMALL)
    _text(axes, left + 0.06, bottom + 0.14, "past: dropped" if dropped else "past", ha="left", fontsize=SMALL,
          color=NEUTRAL.ink, fontweight="bold", zorder=4,
          bbox={"facecolor": SHADE, "edgecolor": "none", "pad": 1.5, "alpha": 0.9})


# ---------------------------------------------------------------- the variance race


@style.styled
def race(episodes, reward_noise, offset, runners, marks):
    """Error of five estimators against the number of episodes, both axes logarithmic.

    Args:
        episodes: where the vertical line stands and the numbers are read.
        reward_noise, offset: standard deviation of the noise on a reward; what is added to every reward.
        runners: name -> error(N), and batches: errors of actual batches at `marks`.
        marks: their sizes.
    """
    figure, axes = style.new_figure(9, 5.6, left=0.085, right=0.67, bottom=0.125, top=0.90)
    low, high = 0.004, 100.0

    def height(error):
        return np.clip(np.log10(np.asarray(error) / low) / np.log10(high / low), 0, 1)

    axes.set(xscale="log", yscale="log", xlim=(10, 5000), ylim=(low, high), xlabel="episodes in the batch, $N$")
    figure.text(0.015, 0.955, "Error of the estimate (1 = the length of the gradient)", fontsize=BIG, fontweight="bold",
                va="center")
    figure.text(0.985, 0.955, f"$N$ = {episodes}", ha="right", va="center", fontsize=BIG)
    _plain_ticks(axes.xaxis, (10, 100, 1000, 5000))
    _plain_ticks(axes.yaxis, (0.01, 0.1, 1, 10, 100))
    axes.axhline(1, color=NEUTRAL.ink, linestyle=":", linewidth=1.8, zorder=1)
    axes.axvline(episodes, color=INK, linewidth=1.4, zorder=2)
    grid = np.geomspace(10, 5000, 30)
    names = list(runners)
    errors = [runners[name].error(episodes) for name in names]
    ends = height([runners[name].error(5000) for name in names])
    # Names stand to the right, in the order in which the curves arrive there.
    for name, error, end, label in zip(names, errors, ends, _declutter(ends, 0.09, 0.18, 0.97), strict=True):
        look = LOOK[name]
        axes.plot(grid, runners[name].error(grid), color=look.color, linestyle=look.linestyle, zorder=3)
        axes.plot(marks, runners[name].batches, look.marker, color=look.color, markeredgecolor=look.ink, markersize=6,
                  zorder=4, clip_on=False)
        axes.plot(episodes, error, look.marker, color="white", markeredgecolor=look.ink, markeredgewidth=2.2,
                  markersize=11, zorder=6, clip_on=False)
        axes.plot([1.01, 1.045], [end, label], transform=axes.transAxes, color=look.color, linewidth=1.4, clip_on=False)
        words = {"color": look.ink, "va": "center", "fontweight": "bold"}
        axes.text(1.055, label, NAMES[name], transform=axes.transAxes, **words)
        axes.text(1.535, label, _brief(error), transform=axes.transAxes, ha="right", **words)
    axes.text(1.055, 0.05, "lines: expected error\nmarks: one real batch", transform=axes.transAxes, fontsize=SMALL,
              color=NEUTRAL.ink, va="center")
    words = ", ".join(f"{NAMES[name]} {_brief(error)}" for name, error in zip(names, errors, strict=True))
    return style.say(
        figure,
        f"Reward noise {reward_noise:g}, offset {offset:g}, {episodes} episodes: expected error in lengths of the true "
        f"gradient: {words}. All but the same-step reward fall with slope minus one half; that one stops at 1.",
    )


def _plain_ticks(axis, places):
    """Ticks of a logarithmic axis, written as people write them."""
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FixedFormatter([f"{place:g}" for place in places]))
    axis.set_minor_locator(NullLocator())


# ---------------------------------------------------------------- the coin game


@style.styled
def coin_game(c, p, game, curve):
    """Four outcomes of two tosses and what three weights make of them; the three variances along c.

    Args:
        c: the reward that is first taken and then given back.
        p: probability that a toss shows 1.
        game: outcomes, chances, estimates [3, 4], gradient, variances [3].
        curve: (c values, variances [3, len]).
    """
    figure, (left, right) = style.new_figure(
        9, 5.4, cols=2, left=0.03, right=0.975, bottom=0.135, top=0.70, wspace=0.20, width_ratios=(1.25, 1)
    )
    rows = (("total return", REWARD), ("reward-to-go", POLICY), ("reward-to-go − V", VALUE))
    figure.text(0.03, 0.955, f"Step 0 pays {f'−{c:g}' if c else '0'}.   Step 1 pays {c:g} + the second toss.",
                va="center", fontsize=BIG, fontweight="bold")
    figure.text(0.03, 0.885, f"A toss shows 1 with probability p = {p:.1f}. The return is the second toss.",
                va="center")

    reach = 1.12 * max(np.abs(game.estimates).max(), 1.0)
    left.set(xlim=(-reach, reach), ylim=(-0.6, 2.85), yticks=[], xlabel="estimate from one episode")
    left.locator_params(axis="x", nbins=5)
    left.spines["left"].set_visible(False)
    left.set_title("Every possible estimate", pad=22)
    left.axvline(game.gradient, color=INK, linewidth=1.6, zorder=1)
    left.text(game.gradient, 2.9, f"all means: {_number(game.gradient)}", ha="center", va="bottom", fontsize=SMALL)
    for row, (name, role) in enumerate(rows):
        y = 2 - row
        sd = np.sqrt(game.variances[row])
        left.plot([game.gradient - sd, game.gradient + sd], [y, y], color=role.color, linewidth=7, alpha=0.35,
                  solid_capstyle="butt", zorder=2)
        left.text(-reach, y + 0.46, name, color=role.ink, fontweight="bold", va="center")
        spots = {}
        for chance, value in zip(game.chances, game.estimates[row], strict=True):
            spots[round(float(value), 6)] = spots.get(round(float(value), 6), 0.0) + chance
        left.scatter(list(spots), [y] * len(spots), [640 * share for share in spots.values()], zorder=3,
                     color=role.color, edgecolors=role.ink, marker=role.marker)
    low, high = 0.02, 100.0
    right.set(xlim=(0, 10), yscale="log", ylim=(low, high), xlabel="$c$")
    right.set_title("Variance", pad=22)
    _plain_ticks(right.yaxis, (0.1, 1, 10, 100))
    right.axvline(c, color=INK, linewidth=1.2, zorder=1)
    places = []
    for (_, role), line, variance in zip(rows, curve[1], game.variances, strict=True):
        right.plot(curve[0], line, color=role.color, linestyle=role.linestyle, zorder=2)
        right.plot(c, variance, role.marker, color="white", markeredgecolor=role.ink, markeredgewidth=2.2,
                   markersize=11, zorder=4, clip_on=False)
        places.append(np.log10(max(variance, low) / low) / np.log10(high / low))
    heights = _declutter(places, 0.115, 0.05, 0.97)
    side = c <= 5
    for (_, role), variance, height in zip(rows, game.variances, heights, strict=True):
        right.text(c / 10 + (0.04 if side else -0.04), height, _brief(variance), transform=right.transAxes,
                   color=role.ink, fontweight="bold", va="center", ha="left" if side else "right", zorder=6,
                   bbox={"facecolor": style.CARD, "edgecolor": "none", "alpha": 0.85, "pad": 1.0})
    ratio = game.variances[1] / game.variances[0]
    verdict = "Reward-to-go and total return: the same variance."
    if abs(ratio - 1) > 0.001:
        verdict = f"Reward-to-go has {_brief(ratio)} times the variance of the total return."
    figure.text(0.03, 0.825, verdict, va="center", color=NEGATIVE.ink if ratio > 1.001 else INK, fontweight="bold")
    return style.say(
        figure,
        f"c = {c:g}, p = {p:g}: variance {_brief(game.variances[0])} with the total return, "
        f"{_brief(game.variances[1])} with reward-to-go, {_brief(game.variances[2])} with reward-to-go minus V; "
        f"all means {_number(game.gradient)}.",
    )


# ---------------------------------------------------------------- one visit, many visits


@style.styled
def to_go_histogram(t, cell, action, to_go, q):
    """Rewards-to-go of all visits to one cell at one time with one action; their mean, and the exact Q.

    Args:
        t, cell, action: which visits; action is "left" or "right".
        to_go: their rewards-to-go, in the order played.
        q: exact Q of the same.
    """
    figure, axes = style.new_figure(9, 4.9, left=0.04, right=0.98, bottom=0.15, top=0.78)
    axes.set(xlim=(-4, 7), xlabel="reward-to-go of one visit", yticks=[])
    axes.spines["left"].set_visible(False)
    where = f"step {t}, cell {cell}, going {action}"
    if not len(to_go):
        figure.text(0.04, 0.93, f"No visit: cell {cell} cannot be reached by step {t}.", fontsize=BIG,
                    fontweight="bold", va="center")
        axes.set_ylim(0, 1)
        return style.say(figure, f"Cell {cell} cannot be reached by step {t}: there is nothing to count.")
    figure.text(0.04, 0.93, f"{len(to_go):,} visits: {where}", fontsize=BIG, fontweight="bold", va="center")
    heights, edges = np.histogram(to_go, bins=np.arange(-4, 7.01, 0.25))
    axes.bar(edges[:-1], heights, 0.25, align="edge", facecolor="#bcd9ec", edgecolor=POLICY.ink, linewidth=0.8)
    top = 1.32 * heights.max()
    axes.set_ylim(0, top)
    axes.axvline(q, color=ACTION.ink, linestyle=(0, (6, 2)), linewidth=3)
    style.direct_label(axes, q, 0.95 * top, f"exact Q = {_number(q)}", ACTION, dx=9, dy=0)
    sentence = f"{len(to_go)} visits to {where}: the exact Q is {_number(q)}"
    if len(to_go) > 1:
        mean, sd = to_go.mean(), to_go.std(ddof=1)
        error = sd / len(to_go) ** 0.5
        figure.text(0.04, 0.855, f"mean {_number(mean)} ± {_number(error)},   spread of one visit {_number(sd)}",
                    va="center", color=POLICY.ink)
        axes.plot(to_go[:2], [0.035 * top] * 2, "*", color=HIGHLIGHT.color, markeredgecolor=HIGHLIGHT.ink,
                  markersize=19, zorder=5, clip_on=False)
        first = f"★ the first two visits: {_number(to_go[0])} and {_number(to_go[1])}"
        figure.text(0.975, 0.855, first, ha="right", va="center", color=HIGHLIGHT.ink, fontweight="bold")
        sentence += (f", the mean {_number(mean)} ± {_number(error)}, the spread of one visit {_number(sd)}; the first "
                     f"two visits returned {_number(to_go[0])} and {_number(to_go[1])}")
    return style.say(figure, sentence + ".")


# ---------------------------------------------------------------- which way each estimator pushes


@style.styled
def pushes(seen):
    """Mean push of each estimator on the logit of "right", cell by cell, beside the exact gradient.

    Args:
        seen: names, means and errors [estimators, cells], truth [cells], cosines.
    """
    figure, axes = style.new_figure(9, 4.7, left=0.09, right=0.985, bottom=0.14, top=0.87)
    cells = np.arange(len(seen.truth))
    axes.bar(cells, seen.truth, 0.86, facecolor="#e4e4e4", edgecolor=NEUTRAL.color, zorder=1)
    style.zero_line(axes, zorder=2)
    for k, name in enumerate(seen.names):
        look, at = LOOK[name], cells + 0.26 * (k - 1)
        axes.errorbar(at, seen.means[k], 2 * seen.errors[k], fmt=look.marker, color=look.color, ecolor=look.ink,
                      markeredgecolor=look.ink, markersize=9, elinewidth=2, capsize=4, zorder=4)
        y, inside = 0.94 - 0.09 * k, axes.transAxes
        axes.plot(0.02, y, look.marker, transform=inside, color=look.color, markeredgecolor=look.ink, markersize=9)
        axes.text(0.04, y, f"{NAMES[name]}: cosine {_number(seen.cosines[k])}", transform=inside, color=look.ink,
                  fontweight="bold", va="center")
    figure.text(0.09, 0.93, "Push on “right” in each cell (grey bars: the exact gradient)", fontsize=BIG,
                fontweight="bold", va="center")
    axes.set(xlabel="cell", ylabel="slope", xticks=cells)
    words = ", ".join(f"{NAMES[name]} {_number(cosine)}" for name, cosine in zip(seen.names, seen.cosines, strict=True))
    return style.say(figure, f"Corridor with a toll on steps to the right: cosine with the exact gradient: {words}.")


# ---------------------------------------------------------------- learning


@style.styled
def exit_learners(histories, *, solved, left_exit):
    """Mean exact return of many learners after each update, with an interval; who ends where.

    Args:
        histories: name of the weight -> J of every learner, shape [updates + 1, learners].
        solved: the return that counts as solved.
        left_exit: the return of always walking to the lesser exit.
    """
    figure, (left, right) = style.new_figure(9, 4.6, cols=2, left=0.085, right=0.985, bottom=0.15, top=0.875,
                                             wspace=0.17, width_ratios=(1.7, 1), sharey=True)
    steps, learners = next(iter(histories.values())).shape
    left.set(xlim=(0, steps - 1), ylim=(0, 1), xlabel="updates, one episode each", ylabel="exact return, $J$")
    left.set_title(f"Mean of {learners} learners, ± 2 standard errors")
    right.set_title("Where they end")
    right.set_xlabel("share of the learners")
    for axes in (left, right):
        axes.axhline(solved, color=NEUTRAL.ink, linestyle=":", linewidth=1.8)
    left.text(0.015 * steps, solved + 0.015, f"solved: {solved:g}", color=NEUTRAL.ink, fontsize=SMALL, va="bottom")
    bins, sentence, largest = np.linspace(0, 1, 21), [], 0.0
    for row, (name, history) in enumerate(histories.items()):
        look = LOOK[name]
        mean, error = history.mean(1), history.std(1, ddof=1) / learners**0.5
        left.fill_between(np.arange(steps), mean - 2 * error, mean + 2 * error, color=look.color, alpha=0.3,
                          linewidth=0)
        left.plot(mean, color=look.ink, linestyle=look.linestyle)
        won = (history[-1] > solved).mean()
        words = {"color": look.ink, "fontweight": "bold", "va": "center"}
        y = 0.05 + 0.08 * (len(histories) - 1 - row)
        left.plot([0.24 * steps, 0.33 * steps], [y, y], color=look.ink, linestyle=look.linestyle)
        left.text(0.36 * steps, y, NAMES[name], **words)
        left.text(0.97 * steps, y, f"{_number(mean[-1])} ± {_number(2 * error[-1])}", ha="right", **words)
        share = np.histogram(np.clip(history[-1], 0, 1), bins)[0] / learners
        right.stairs(share, bins, orientation="horizontal", color=look.ink, linewidth=2.2, linestyle=look.linestyle)
        largest = max(largest, share.max())
        sentence.append(f"{NAMES[name]} {_number(mean[-1])} ± {_number(2 * error[-1])}, {won:.0%} solved")
    right.set_xlim(0, 1.08 * largest)
    right.text(1.05 * largest, left_exit, "← the left exit", ha="right", va="center", color=NEUTRAL.ink, fontsize=SMALL)
    return style.say(
        figure, f"{learners} learners after {steps - 1} updates, mean exact return: {'; '.join(sentence)}."
    )


@style.styled
def cartpole_seeds(steps, means, lows, highs, *, solved, seeds, live=None):
    """Learning curves of several stored seeds as a mean and a range, and the run that was just watched.

    Args:
        steps: environment steps at which the curves are given.
        means, lows, highs: mean, lowest and highest running return over the seeds.
        solved: the return that counts as solved.
        seeds: how many.
        live: (steps, returns) of the run on screen, or None.
    """
    figure, axes = style.new_figure(9, 4.4, bottom=0.155, top=0.89, right=0.955)
    axes.set(xlim=(0, steps[-1]), ylim=(0, 520), xlabel="environment steps", ylabel="return, mean of 20 episodes")
    ticks = np.linspace(0, steps[-1], 6)
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.set_title(f"REINFORCE on CartPole: {seeds} seeds, lowest to highest, and yours")
    axes.fill_between(steps, lows, highs, color="#bcd9ec", zorder=1)
    axes.plot(steps, means, color=POLICY.ink, linestyle="-", zorder=3, label=f"mean of {seeds} seeds")
    axes.axhline(solved, color=VALUE.ink, linestyle="--", linewidth=1.6)
    style.direct_label(axes, 0, solved, f"solved: {solved:g}", VALUE, dx=8, dy=-11)
    sentence = f"{seeds} seeds: mean return {means[-1]:.0f} in the end, lowest {lows[-1]:.0f}, highest {highs[-1]:.0f}"
    if live is not None:
        axes.plot(*live, color=HIGHLIGHT.ink, linestyle=(0, (5, 1.5)), linewidth=2.6, zorder=4,
                  label="the run you watched")
        sentence += f"; the run you watched ends at {live[1][-1]:.0f}"
    axes.legend(loc="lower right")
    return style.say(figure, sentence + ".")
