"""Errors of estimators: in a race, in a game of two tosses, in a single visit."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import ACTION, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.reward_to_go.plots.looks import BIG, LOOK, NAMES, SMALL, brief, declutter, plain_ticks, ring

LOW, HIGH = 0.004, 100.0
"""Ends of the axis of errors."""


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
    title = "Error of the estimate (1 = the length of the gradient)"
    figure.text(0.015, 0.955, title, fontsize=BIG, fontweight="bold", va="center")
    figure.text(0.985, 0.955, f"$N$ = {episodes}", ha="right", va="center", fontsize=BIG)
    axes.set(xscale="log", yscale="log", xlim=(10, 5000), ylim=(LOW, HIGH), xlabel="episodes in the batch, $N$")
    plain_ticks(axes.xaxis, (10, 100, 1000, 5000))
    plain_ticks(axes.yaxis, (0.01, 0.1, 1, 10, 100))
    axes.axhline(1, color=NEUTRAL.ink, linestyle=":", linewidth=1.8, zorder=1)
    axes.axvline(episodes, color=INK, linewidth=1.4, zorder=2)
    errors = {name: runner.error(episodes) for name, runner in runners.items()}
    _runners(axes, episodes, runners, errors, marks)
    explained = "lines: expected error\nmarks: one real batch"
    look = {"fontsize": SMALL, "color": NEUTRAL.ink, "va": "center"}
    axes.text(1.055, 0.05, explained, transform=axes.transAxes, **look)
    told = ", ".join(f"{NAMES[name]} {brief(error)}" for name, error in errors.items())
    return style.say(
        figure,
        f"Reward noise {reward_noise:g}, offset {offset:g}, up to {episodes} episodes: expected error in lengths of "
        f"the true gradient: {told}.",
    )


def _runners(axes, episodes, runners, errors, marks):
    """A line for each estimator as far as N, and its name to the right, in the order of the lines at N."""
    grid, seen = np.geomspace(10, max(episodes, 10.001), 30), marks <= episodes
    ends = np.log10(np.asarray(list(errors.values())) / LOW) / np.log10(HIGH / LOW)
    ends, place = np.clip(ends, 0, 1), np.log10(episodes / 10) / np.log10(500)
    for (name, runner), end, label in zip(runners.items(), ends, declutter(ends, 0.09, 0.18, 0.97), strict=True):
        look = LOOK[name]
        axes.plot(grid, runner.error(grid), color=look.color, linestyle=look.linestyle, zorder=3)
        dots = {"color": look.color, "markeredgecolor": look.ink, "markersize": 6}
        axes.plot(marks[seen], runner.batches[seen], look.marker, zorder=4, clip_on=False, **dots)
        ring(axes, episodes, errors[name], look, zorder=6)
        link = {"color": look.color, "linewidth": 1.0, "linestyle": ":", "clip_on": False, "zorder": 2}
        axes.plot([place, 1.045], [end, label], transform=axes.transAxes, **link)
        text = {"color": look.ink, "va": "center", "fontweight": "bold"}
        axes.text(1.055, label, NAMES[name], transform=axes.transAxes, **text)
        axes.text(1.535, label, brief(errors[name]), transform=axes.transAxes, ha="right", **text)


WEIGHTS = (("total return", REWARD), ("reward-to-go", POLICY), ("reward-to-go − V", VALUE))


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
    rule = f"Step 0 pays {f'−{c:g}' if c else '0'}.   Step 1 pays {c:g} + the second toss."
    figure.text(0.03, 0.955, rule, va="center", fontsize=BIG, fontweight="bold")
    chance = f"A toss shows 1 with probability p = {p:.1f}. The return is the second toss."
    figure.text(0.03, 0.885, chance, va="center")
    _all_estimates(left, game)
    _variances(right, c, game.variances, curve)
    ratio = game.variances[1] / game.variances[0]
    verdict = "Reward-to-go and total return: the same variance."
    if abs(ratio - 1) > 0.001:
        verdict = f"Reward-to-go has {brief(ratio)} times the variance of the total return."
    figure.text(0.03, 0.825, verdict, va="center", color=NEGATIVE.ink if ratio > 1.001 else INK, fontweight="bold")
    return style.say(
        figure,
        f"c = {c:g}, p = {p:g}: variance {brief(game.variances[0])} with the total return, "
        f"{brief(game.variances[1])} with reward-to-go, {brief(game.variances[2])} with reward-to-go minus V; "
        f"all means {number(game.gradient)}.",
    )


def _all_estimates(axes, game):
    """What each weight can make of an episode, the likelier the larger the dot; the band is one standard deviation."""
    reach = 1.12 * max(np.abs(game.estimates).max(), 1.0)
    axes.set(xlim=(-reach, reach), ylim=(-0.6, 2.85), yticks=[], xlabel="estimate from one episode")
    axes.locator_params(axis="x", nbins=5)
    axes.spines["left"].set_visible(False)
    axes.set_title("Every possible estimate", pad=22)
    axes.axvline(game.gradient, color=INK, linewidth=1.6, zorder=1)
    axes.text(game.gradient, 2.9, f"all means: {number(game.gradient)}", ha="center", va="bottom", fontsize=SMALL)
    for row, (name, role) in enumerate(WEIGHTS):
        y, sd = 2 - row, np.sqrt(game.variances[row])
        band = {"color": role.color, "linewidth": 7, "alpha": 0.35, "solid_capstyle": "butt"}
        axes.plot([game.gradient - sd, game.gradient + sd], [y, y], zorder=2, **band)
        axes.text(-reach, y + 0.46, name, color=role.ink, fontweight="bold", va="center")
        spots = {}  # outcomes with the same estimate share a dot
        for chance, value in zip(game.chances, game.estimates[row], strict=True):
            spots[round(float(value), 6)] = spots.get(round(float(value), 6), 0.0) + chance
        look = {"color": role.color, "edgecolors": role.ink, "marker": role.marker}
        axes.scatter(list(spots), [y] * len(spots), [640 * share for share in spots.values()], zorder=3, **look)


def _variances(axes, c, variances, curve):
    """The three variances along c as far as the chosen one, and what they are there."""
    low, high = 0.02, 100.0
    axes.set(xlim=(0, 10), yscale="log", ylim=(low, high), xlabel="$c$")
    axes.set_title("Variance", pad=22)
    plain_ticks(axes.yaxis, (0.1, 1, 10, 100))
    axes.axvline(c, color=INK, linewidth=1.2, zorder=1)
    places = []
    for (_, role), line, variance in zip(WEIGHTS, curve[1], variances, strict=True):
        axes.plot(curve[0][curve[0] <= c], line[curve[0] <= c], color=role.color, linestyle=role.linestyle, zorder=2)
        ring(axes, c, variance, role, zorder=4)
        places.append(np.log10(max(variance, low) / low) / np.log10(high / low))
    ground = {"facecolor": style.CARD, "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
    dx, ha = (0.04, "left") if c <= 5 else (-0.04, "right")
    for (_, role), variance, height in zip(WEIGHTS, variances, declutter(places, 0.115, 0.05, 0.97), strict=True):
        look = {"color": role.ink, "fontweight": "bold", "va": "center", "ha": ha, "bbox": ground}
        axes.text(c / 10 + dx, height, brief(variance), transform=axes.transAxes, zorder=6, **look)


@style.styled
def to_go_histogram(t, cell, action, shown, to_go, q):
    """Rewards-to-go of the first visits to one cell at one time with one action, or of all; then also the exact Q.

    Args:
        t, cell, action: which visits; action is "left" or "right".
        shown: how many of the visits, 1 or 2; None for all.
        to_go: their rewards-to-go, in the order played.
        q: exact Q of the same.
    """
    figure, axes = style.new_figure(9, 4.9, left=0.04, right=0.98, bottom=0.15, top=0.78)
    axes.set(xlim=(-4, 7), ylim=(0, 1), xlabel="reward-to-go of one visit", yticks=[])
    axes.spines["left"].set_visible(False)
    where = f"step {t}, cell {cell}, going {action}"
    head = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    if not len(to_go):
        figure.text(0.04, 0.93, f"No visit: cell {cell} cannot be reached by step {t}.", **head)
        return style.say(figure, f"Cell {cell} cannot be reached by step {t}: there is nothing to count.")
    if shown is None or len(to_go) <= shown:
        figure.text(0.04, 0.93, f"{len(to_go):,} {'visits' if len(to_go) > 1 else 'visit'}: {where}", **head)
        return style.say(figure, f"{len(to_go)} visits to {where}: {_every_visit(figure, axes, to_go, q)}.")
    figure.text(0.04, 0.93, f"The first {'visit' if shown == 1 else 'two visits'}: {where}", **head)
    look = {"color": HIGHLIGHT.color, "markeredgecolor": HIGHLIGHT.ink, "markersize": 19, "clip_on": False}
    axes.plot(to_go[:shown], [0.06] * shown, "*", zorder=5, **look)
    values = " and ".join(map(number, to_go[:shown]))
    figure.text(0.04, 0.855, f"★ {values}", va="center", color=HIGHLIGHT.ink, fontweight="bold")
    return style.say(figure, f"The first of {len(to_go)} visits to {where}: {values}.")


def _every_visit(figure, axes, to_go, q):
    """The histogram, its mean and the exact Q; says them."""
    heights, edges = np.histogram(to_go, bins=np.arange(-4, 7.01, 0.25))
    axes.bar(edges[:-1], heights, 0.25, align="edge", facecolor="#bcd9ec", edgecolor=POLICY.ink, linewidth=0.8)
    top = 1.32 * max(heights.max(), 1)
    axes.set_ylim(0, top)
    axes.axvline(q, color=ACTION.ink, linestyle=(0, (6, 2)), linewidth=3)
    style.direct_label(axes, q, 0.95 * top, f"exact Q = {number(q)}", ACTION, dx=9, dy=0)
    if len(to_go) == 1:
        return f"the exact Q is {number(q)}, the only visit returned {number(to_go[0])}"
    mean, sd = to_go.mean(), to_go.std(ddof=1)
    error = sd / len(to_go) ** 0.5
    said = f"mean {number(mean)}, standard error {number(error)}, standard deviation of one visit {number(sd)}"
    figure.text(0.04, 0.855, said, va="center", color=POLICY.ink)
    return f"the exact Q is {number(q)}; {said}"
