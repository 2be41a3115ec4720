"""Figures of lesson 03: weights, bias against spread, a trajectory step by step, ends of episodes, λ in training."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Arc, Rectangle

from rlcourse.plots import style

GAE, WRONG, PLAIN = style.POLICY, style.NEGATIVE, style.NEUTRAL
CARD = {"facecolor": style.CARD, "edgecolor": "none", "alpha": 0.9, "pad": 1.5}
"""The ground of letters that stand on a bar or a line."""


def _number(value, digits=3):
    """A number as a reader writes it: a true minus sign, and no minus in front of zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def _key(axes, x, y, text, role, **changes):
    """A line of words in a role's ink, at a place given in fractions of the axes."""
    look = {"color": role.ink, "fontweight": "bold", "va": "center", "transform": axes.transAxes}
    return axes.text(x, y, text, **{**look, **changes})


def _swatch(axes, x, y, text, role):
    """A small bar in the look of a role, and its name beside it."""
    axes.add_patch(
        Rectangle((x, y - 0.022), 0.035, 0.044, transform=axes.transAxes, clip_on=False, **role.bar())
    )
    _key(axes, x + 0.05, y, text, role)


# ---------------------------------------------------------------- weights


@style.styled
def weights(gae_k, rescaled_k, gae_delta, rescaled_delta, *, gae_lambda, gamma):
    """The weight of every k-step advantage and of every TD error, in GAE and in the rescaled mixture.

    Args:
        gae_k, rescaled_k: weights of k = 1..n, each summing to one.
        gae_delta, rescaled_delta: coefficients of δ_t, ..., δ_{t+n-1}.
        gae_lambda, gamma: for the titles.
    """
    n = len(gae_k)
    figure, (left, right) = style.new_figure(
        10, 4.6, 1, 2, left=0.07, right=0.985, bottom=0.15, top=0.79, wspace=0.2
    )
    figure.text(
        0.07,
        0.945,
        f"λ = {gae_lambda:.2f},  {n} step{'s' * (n > 1)} left,  γ = {gamma:.2f}",
        fontsize=style.BASE_SIZE + 2,
        fontweight="bold",
        va="center",
    )
    _pairs(left, np.arange(1, n + 1), gae_k, rescaled_k)
    left.set_title("weight of each k-step advantage")
    left.set_xlabel("k, rewards taken before the critic is asked")
    _pairs(right, np.arange(n), gae_delta, rescaled_delta)
    right.set_title("weight of each TD error")
    right.set_xlabel("l, steps ahead of t")
    last = f"{_number(gae_k[-1])} in GAE, {_number(rescaled_k[-1])} rescaled"
    even = n > 1 and np.allclose(rescaled_k, rescaled_k[0])
    _swatch(left, 0.02, 0.96, f"GAE: k = {n} has {_number(gae_k[-1])}", GAE)
    _swatch(
        left, 0.02, 0.87, f"rescaled: {_number(rescaled_k[-1])}" + (" for every k" if even else ""), WRONG
    )
    _swatch(right, 0.42, 0.96, f"GAE: last {_number(gae_delta[-1])}", GAE)
    _swatch(right, 0.42, 0.87, f"rescaled: last {_number(rescaled_delta[-1])}", WRONG)
    return style.say(
        figure,
        f"With λ = {gae_lambda:.2f} and {n} steps left, the {n}-step advantage weighs {last}"
        + (" (as much as every other)" if even else "")
        + f"; at γ = {gamma:.2f} the last TD error counts {_number(gae_delta[-1])} and {_number(rescaled_delta[-1])}.",
    )


def _pairs(axes, places, first, second):
    """Two bars at every place, in the looks of GAE and of the wrong rule."""
    thin = {"hatch": "", "linewidth": 0.6} if len(places) > 16 else {}
    for left, heights, role in ((-0.39, first, GAE), (0.01, second, WRONG)):
        corners = [[(x, 0), (x, y), (x + 0.38, y), (x + 0.38, 0)] for x, y in zip(places + left, heights)]
        axes.add_collection(PolyCollection(corners, **role.bar(**thin)))  # one artist: 80 bars would take 0.1 s
    high = next(limit for limit in (0.1, 0.25, 0.5, 1.0) if max(max(first), max(second)) <= limit + 1e-9)
    axes.set_ylim(0, 1.22 * high)
    axes.set_yticks(np.linspace(0, high, 5 if high != 0.25 else 6))
    axes.set_xlim(places[0] - 0.75, places[-1] + 0.75)
    every = 1 if len(places) <= 10 else 2 if len(places) <= 20 else 5
    axes.set_xticks([p for p in places if p == places[0] or p % every == 0])


@style.styled
def three_rules(gae, recitation, capped):
    """Three rules for the same three rewards: one group of bars a step.

    Args:
        gae, recitation, capped: advantages of t = 0, 1, 2.
    """
    figure, axes = style.new_figure(9, 3.9, bottom=0.13, top=0.86, left=0.07)
    rules = (
        ("GAE", gae, GAE),
        ("k runs to 3 at every step", recitation, WRONG),
        ("k stops at the end", capped, style.REWARD),
    )
    for place, (_, numbers, role) in enumerate(rules):
        spots = np.arange(3) + 0.28 * (place - 1)
        axes.bar(spots, numbers, 0.25, **role.bar())
        for x, y in zip(spots, numbers):
            axes.text(x, y + 0.06, f"{y:.3g}", ha="center", color=role.ink, fontweight="bold")
    axes.set_xticks(range(3), ["t = 0", "t = 1", "t = 2"])
    axes.set_ylim(0, 3.5)
    axes.set_title("rewards (1, 1, 1), V = 0, γ = λ = 1: what each step was worth")
    for place, (name, _, role) in enumerate(rules):
        _swatch(axes, 0.6, 0.93 - 0.11 * place, name, role)
    said = ", ".join(f"{name} ({', '.join(f'{v:.3g}' for v in numbers)})" for name, numbers, _ in rules)
    return style.say(figure, f"Advantages of three rewards of one: {said}.")


# ---------------------------------------------------------------- bias against spread


@style.styled
def frontier(
    lambdas,
    lambda_bias,
    lambda_spread,
    ks,
    k_bias,
    k_spread,
    *,
    at_lambda,
    at_k,
    samples_lambda,
    samples_k,
    title,
):
    """Every λ and every k as a point (spread, size of bias): the distance from the corner is the error.

    Args:
        lambdas, ks: the two families.
        lambda_bias, lambda_spread, k_bias, k_spread: their bias and standard deviation, unit of reward.
        at_lambda, at_k: positions in `lambdas` and `ks` to mark.
        samples_lambda, samples_k: estimates at these two, without the harmless offset.
        title: what critic and what rewards these are.
    """
    figure, (left, right) = style.new_figure(
        10, 5.3, 1, 2, left=0.075, right=0.985, bottom=0.12, top=0.83, wspace=0.16, width_ratios=(1.0, 1.22)
    )
    figure.text(0.075, 0.955, title, fontsize=style.BASE_SIZE + 1, fontweight="bold", va="center")
    errors = np.hypot(lambda_bias, lambda_spread)
    best = int(np.argmin(errors))
    limit = _round_up(
        1.12 * max(np.abs(lambda_bias).max(), np.abs(k_bias).max(), lambda_spread.max(), k_spread.max())
    )

    for radius in _round_radii(limit):
        left.add_patch(
            Arc((0, 0), 2 * radius, 2 * radius, theta1=0, theta2=90, color=style.FAINT, linewidth=1.0)
        )
    left.add_patch(
        Arc(
            (0, 0),
            2 * errors[best],
            2 * errors[best],
            theta1=0,
            theta2=90,
            color=style.HIGHLIGHT.ink,
            linestyle="--",
            linewidth=1.6,
        )
    )
    left.plot(k_spread, np.abs(k_bias), **PLAIN.line(marker="s", markersize=5, linestyle=":"))
    left.plot(lambda_spread, np.abs(lambda_bias), **GAE.line(marker="", linewidth=3))
    left.plot(k_spread[at_k], abs(k_bias[at_k]), **PLAIN.line(marker="s", markersize=13))
    left.plot(lambda_spread[at_lambda], abs(lambda_bias[at_lambda]), **GAE.line(markersize=13))
    left.plot(
        lambda_spread[best],
        abs(lambda_bias[best]),
        linestyle="",
        marker="*",
        markersize=19,
        color=style.HIGHLIGHT.color,
        markeredgecolor=style.HIGHLIGHT.ink,
        zorder=7,
    )
    left.set_xlim(0, limit)
    left.set_ylim(-0.03 * limit, limit)
    left.set_xlabel("spread (standard deviation)")
    left.set_ylabel("size of the bias", labelpad=2)
    left.set_title("nearer to the corner is better")
    # The ends of the blue line, named on the side where nothing else is.
    size = np.abs(lambda_bias)
    flat = size.max() < 0.25 * limit
    rises = size[len(size) // 4] > size[0]
    style.direct_label(
        left,
        lambda_spread[0],
        size[0],
        "λ = 0",
        GAE,
        **({"dx": -4, "dy": 20} if flat else {"dx": 12, "dy": -18 if rises else 10}),
    )
    crowded = flat or lambda_spread[-1] > 0.8 * limit
    style.direct_label(
        left,
        lambda_spread[-1],
        size[-1],
        "λ = 1",
        GAE,
        **({"dx": -12, "dy": 20} if crowded else {"dx": 14, "dy": 8}),
    )

    reach = _round_up(1.05 * max(np.abs(samples_lambda).max(), 6.0), 6)
    bins = np.linspace(-reach, reach, 49)
    for samples, look in (
        (samples_k, {"histtype": "step", "color": PLAIN.ink, "linestyle": ":", "linewidth": 2.2}),
        (samples_lambda, {"color": GAE.color, "alpha": 0.45, "histtype": "stepfilled"}),
    ):
        right.hist(
            np.clip(samples, -reach, reach), bins, weights=np.full(len(samples), 100 / len(samples)), **look
        )
    top = right.get_ylim()[1] * 1.5
    right.set_ylim(0, top)
    right.axvline(0, ymax=0.66, color=style.INK, linewidth=1.4)
    mean = lambda_bias[at_lambda]
    right.annotate(
        "",
        (mean, 0.58 * top),
        (0, 0.58 * top),
        arrowprops={"arrowstyle": "-|>", "color": GAE.ink, "linewidth": 2.2, "shrinkA": 0, "shrinkB": 0},
    )
    right.axvline(mean, ymax=0.6, color=GAE.ink, linestyle="--", linewidth=1.6)
    right.set_xlim(-reach, reach)
    right.set_xlabel("estimate − what an honest judge would say")
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    right.set_title("what single episodes say")
    lines = (
        ("●", f"λ = {lambdas[at_lambda]:.2f}", lambda_bias[at_lambda], lambda_spread[at_lambda], GAE),
        ("■", f"k = {ks[at_k]}", k_bias[at_k], k_spread[at_k], PLAIN),
        ("★", f"best λ = {lambdas[best]:.2f}", lambda_bias[best], lambda_spread[best], style.HIGHLIGHT),
    )
    for x, head in ((0.52, "bias"), (0.75, "spread"), (0.98, "error")):
        right.text(x, 0.965, head, transform=right.transAxes, ha="right", va="center")
    for row, (mark, name, bias, spread, role) in enumerate(lines):
        y = 0.89 - 0.075 * row
        _key(right, 0.0, y, f"{mark} {name}", role)
        for x, value, signed in (
            (0.52, bias, True),
            (0.75, spread, False),
            (0.98, np.hypot(bias, spread), False),
        ):
            _key(right, x, y, _signed(value) if signed else _number(value, 2), role, ha="right")
    return style.say(
        figure,
        f"{title}: λ = {lambdas[at_lambda]:.2f} has bias {_number(mean, 2)} and spread "
        f"{_number(lambda_spread[at_lambda], 2)}; k = {ks[at_k]} has bias {_number(k_bias[at_k], 2)} and "
        f"spread {_number(k_spread[at_k], 2)}; the smallest error, {_number(errors[best], 2)}, is at λ = "
        f"{lambdas[best]:.2f}.",
    )


def _round_up(value, step=1):
    return step * float(np.ceil(value / step))


def _round_radii(limit):
    """Four or five round distances up to the limit."""
    step = next(s for s in (0.5, 1, 2, 3, 5, 10) if limit / s <= 6)
    return np.arange(step, 1.4 * limit, step)


@style.styled
def lambda_or_gamma(lambdas, mean, spread, gammas, advantage, *, truth, gamma):
    """With an exact critic, λ moves only the spread; γ moves what is estimated."""
    figure, (left, right) = style.new_figure(
        10, 4.0, 1, 2, left=0.085, right=0.975, bottom=0.17, top=0.88, wspace=0.24
    )
    left.fill_between(lambdas, mean - spread, mean + spread, facecolor=GAE.color, alpha=0.18, linewidth=0)
    left.plot(lambdas, mean, **GAE.line())
    style.zero_line(left)
    left.set_ylim(-0.8, 0.92)
    left.set_xlabel("λ, at γ = 0.97")
    left.set_ylabel("estimated advantage")
    left.set_title("λ: the same mean, another spread")
    style.direct_label(left, 0.02, truth, f"mean: about {truth:.3f} for every λ", GAE, dx=4, dy=58)
    style.direct_label(left, 0.75, -0.38, "± spread", GAE, dx=-90, dy=-18, fontweight="normal")
    right.plot(gammas, advantage, **style.VALUE.line(marker=""))
    right.plot(gamma, truth, **style.VALUE.line(marker="s", markersize=10))
    right.set_ylim(0, 0.092)
    right.set_xlim(0.5, 1.0)
    right.set_xlabel("γ")
    right.set_ylabel("true advantage")
    right.set_title("γ: another question, another answer")
    style.direct_label(right, gamma, truth, f"{truth:.3f} at γ = {gamma}", style.VALUE, dx=-172, dy=6)
    style.direct_label(
        right, gammas[0], advantage[0], f"{advantage[0]:.3f} at γ = {gammas[0]:g}", style.VALUE, dx=8, dy=44
    )
    return style.say(
        figure,
        f"With an exact critic the mean estimate stays near {truth:.3f} for every λ while its spread grows "
        f"from {spread[0]:.2f} to {spread[-1]:.2f}; the true advantage itself goes from {advantage[0]:.3f} "
        f"at γ = {gammas[0]:g} to {truth:.3f} at γ = {gamma:g}.",
    )


# ---------------------------------------------------------------- a trajectory, step by step


@style.styled
def trajectory(
    rewards, values, next_values, terminated, truncated, deltas, n_step, gae, *, n, gamma, gae_lambda
):
    """A table of a few steps under the bars of three estimates; walls where episodes end.

    Args:
        rewards, values, next_values: r_t, V(s_t), and the V(s_{t+1}) of each step's own next state; length T.
        terminated, truncated: booleans, length T. The last step counts as truncated if it is neither.
        deltas, n_step, gae: the three estimates.
        n, gamma, gae_lambda: what they were computed with.
    """
    T = len(rewards)
    figure, (top, table) = style.new_figure(
        10, 6.2, 2, 1, left=0.155, right=0.985, bottom=0.02, top=0.93, hspace=0.0, height_ratios=(1.0, 1.42)
    )
    kinds = (("δ", deltas, style.ACTION), ("Â⁽ⁿ⁾", n_step, style.VALUE), ("Â", gae, GAE))
    low = min(0.0, *(min(numbers) for _, numbers, _ in kinds))
    high = max(0.0, *(max(numbers) for _, numbers, _ in kinds))
    room = 0.12 * max(high - low, 1e-6) + 0.05
    top.set_ylim(low - room, high + room)
    for place, (_, numbers, role) in enumerate(kinds):
        top.bar(np.arange(T) + 0.25 * (place - 1), numbers, 0.23, **role.bar())
    style.zero_line(top)
    top.set_xlim(-0.5, T - 0.5)
    top.set_xticks([])
    top.set_title(f"γ = {gamma:.1f},  λ = {gae_lambda:.1f},  n = {n}")
    top.spines["bottom"].set_visible(False)

    table.set_xlim(-0.5, T - 0.5)
    table.set_ylim(7.55, -0.75)
    table.axis("off")
    heads = (
        ("step", style.INK, 0),
        ("reward r", style.REWARD.ink, 1),
        ("V(s)", style.VALUE.ink, 2),
        ("V(next s)", style.VALUE.ink, 3),
        ("TD error δ", style.ACTION.ink, 4.1),
        (f"{n}-step Â⁽{'⁰¹²³⁴⁵⁶⁷⁸⁹'[n]}⁾", style.VALUE.ink, 5.1),
        ("GAE Â", GAE.ink, 6.1),
    )
    for name, ink, y in heads:
        table.text(-0.58, y, name, ha="right", va="center", color=ink, fontweight="bold")
    for y in (0.55, 3.55):
        table.axhline(y, color=style.FAINT, linewidth=1.0)
    for t in range(T):
        following = "0" if terminated[t] else _number(next_values[t], 1)
        cells = (
            (f"t = {t}", style.INK, 0),
            (_number(rewards[t], 1), style.REWARD.ink, 1),
            (_number(values[t], 1), style.VALUE.ink, 2),
            (following, WRONG.ink if terminated[t] else style.VALUE.ink, 3),
            (_number(deltas[t], 2), style.ACTION.ink, 4.1),
            (_number(n_step[t], 2), style.VALUE.ink, 5.1),
            (_number(gae[t], 2), GAE.ink, 6.1),
        )
        for text, ink, y in cells:
            table.text(
                t, y, text, ha="center", va="center", color=ink, fontweight="bold" if y == 6.1 else "normal"
            )
        if t < T - 1 and not (terminated[t] or truncated[t]):
            table.annotate(
                "",
                (t + 0.26, 6.1),
                (t + 0.74, 6.1),
                arrowprops={"arrowstyle": "-|>", "color": GAE.ink, "linewidth": 1.6},
            )
        if terminated[t] or truncated[t] or t == T - 1:
            _wall(
                top,
                table,
                t,
                "terminated" if terminated[t] else "truncated" if truncated[t] else "record ends",
                T,
            )
    ends = [
        f"t = {t} {'terminated' if terminated[t] else 'truncated'}"
        for t in range(T)
        if terminated[t] or truncated[t]
    ]
    where = f"Ends: {', '.join(ends)}" if ends else "No episode ends"
    return style.say(
        figure,
        f"{where}. TD errors {_list(deltas)}; {n}-step advantages {_list(n_step)}; GAE {_list(gae)} at γ = "
        f"{gamma:.1f}, λ = {gae_lambda:.1f}.",
    )


def _wall(top, table, t, kind, T):
    """A wall between two episodes, and what stands behind it."""
    role = WRONG if kind == "terminated" else style.VALUE
    look = {
        "color": role.ink,
        "linewidth": 3.0 if kind == "terminated" else 2.4,
        "linestyle": "-" if kind == "terminated" else (0, (3, 2)),
    }
    x = t + 0.5 if t < T - 1 else t + 0.485
    for axes in (top, table):
        axes.axvline(x, **look)
    table.text(
        t + 0.44,
        7.1,
        kind,
        ha="right",
        va="center",
        color=role.ink,
        fontsize=style.SMALLEST_SIZE + 1,
        fontweight="bold",
    )


def _list(numbers):
    return "(" + ", ".join(_number(v, 2) for v in numbers) + ")"


# ---------------------------------------------------------------- ends of episodes


TREATMENTS = {
    "right": ("mask terminated steps only", GAE),
    "no mask": ("no mask at all", WRONG),
    "clock ends": ("mask truncated steps too", style.REWARD),
}


@style.styled
def ends(treatments, *, p_good, time_limit, gamma):
    """The value and the two advantages of the survival state, as each treatment of the ends makes them.

    Args:
        treatments: dict of (value, good, bad) with the keys of TREATMENTS.
        p_good, time_limit, gamma: what they were computed for.
    """
    figure, (left, right) = style.new_figure(
        10, 4.8, 1, 2, left=0.035, right=0.985, bottom=0.13, top=0.80, wspace=0.08, width_ratios=(1.25, 1.0)
    )
    figure.text(
        0.035,
        0.94,
        f"survives a step with p = {p_good:.2f},  clock stops at T = {time_limit},  γ = {gamma:.3f}",
        fontsize=style.BASE_SIZE + 1,
        fontweight="bold",
        va="center",
    )
    truth = treatments["right"].value
    longest = max(t.value for t in treatments.values())
    for row, (name, (label, role)) in enumerate(TREATMENTS.items()):
        value = treatments[name].value
        left.barh(row, value, 0.42, **role.bar())
        left.text(
            0.006 * longest, row - 0.37, label, color=role.ink, fontweight="bold", va="center", bbox=CARD
        )
        wrong = abs(value - truth) > 0.005 * truth
        said = f"{_value(value)}" + (
            "" if name == "right" else f"  ({value / truth:.2g} × the truth)" if wrong else "  (right)"
        )
        inside = value > 0.55 * longest
        left.text(
            value + (-0.02 if inside else 0.02) * longest,
            row,
            said,
            color=role.ink,
            fontweight="bold",
            va="center",
            ha="right" if inside else "left",
            bbox=CARD,
        )
    left.axvline(truth, color=GAE.ink, linestyle="--", linewidth=1.6, zorder=0)
    left.set_xlim(0, 1.06 * longest)
    left.set_ylim(2.45, -0.65)
    left.set_yticks([])
    left.set_title("value V of the state")
    left.set_xlabel("expected discounted reward")
    left.locator_params(axis="x", nbins=6)

    widest = max(1.0, *(max(abs(t.good), abs(t.bad)) for t in treatments.values()))
    for row, (name, (_, role)) in enumerate(TREATMENTS.items()):
        for shift, action, value in (
            (-0.17, "good", treatments[name].good),
            (0.17, "bad", treatments[name].bad),
        ):
            right.barh(row + shift, value, 0.28, **role.bar())
            right.text(
                0.06 * widest if value <= 0 else value + 0.06 * widest,
                row + shift,
                f"{action} {_signed(value)}",
                color=role.ink,
                fontweight="bold",
                va="center",
            )
    right.axvline(0, color=style.INK, linewidth=1.0)
    right.set_xlim(
        -1.08 * widest,
        max(1.15 * widest * 0.5, 1.35 * max(t.good for t in treatments.values()) + 0.6 * widest),
    )
    right.set_ylim(2.45, -0.65)
    right.set_yticks([])
    right.spines["left"].set_visible(False)
    right.set_title("advantage of each action")
    right.set_xlabel("A = Q − V")
    right.locator_params(axis="x", nbins=6)
    said = "; ".join(
        f"{label} V = {_value(treatments[name].value)}, advantage of the bad action "
        f"{_signed(treatments[name].bad)}"
        for name, (label, _) in TREATMENTS.items()
    )
    return style.say(figure, f"Survival {p_good:.2f} a step, clock at {time_limit}, γ = {gamma:.3f}: {said}.")


def _value(value):
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"


def _signed(value):
    return "0" if abs(value) < 0.005 else f"+{_number(value, 2)}" if value > 0 else _number(value, 2)


# ---------------------------------------------------------------- training


@style.styled
def critic_race(rates, races, *, start):
    """Error of a critic after training, against its step size.

    Args:
        rates: step sizes.
        races: dict of title -> (errors of TD(0), errors of Monte Carlo).
        start: error before any training.
    """
    figure, panels = style.new_figure(
        10, 4.3, 1, len(races), left=0.075, right=0.985, bottom=0.16, top=0.88, wspace=0.12
    )
    for axes, (title, (td, monte_carlo)) in zip(panels, races.items()):
        for row, (name, errors, role) in enumerate(
            (("TD(0)", td, GAE), ("Monte Carlo", monte_carlo, style.REWARD))
        ):
            axes.plot(rates, errors, **role.line())
            best = int(np.argmin(errors))
            axes.plot(rates[best], errors[best], **role.line(markersize=14))
            _key(axes, 0.02, 0.95 - 0.09 * row, f"{'●▲'[row]}  {name}: {errors[best]:.3f}", role)
        axes.axhline(start, color=PLAIN.ink, linestyle=":", linewidth=1.6)
        axes.set_xscale("log")
        axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
        axes.minorticks_off()
        axes.set_ylim(0, 0.6)
        axes.set_xlabel("step size of the critic")
        axes.set_title(title)
    panels[0].set_ylabel("error of V after 60 episodes")
    style.direct_label(
        panels[-1], rates[-1], start, "untrained", PLAIN, dx=0, dy=11, ha="right", fontweight="normal"
    )
    said = "; ".join(
        f"{title}: TD(0) {min(td):.3f}, Monte Carlo {min(mc):.3f}" for title, (td, mc) in races.items()
    )
    return style.say(figure, f"Smallest error over step sizes. {said}.")


@style.styled
def lambda_scores(lambdas, scores, low, high, *, seeds):
    """Mean return over training for each λ, with the lowest and highest seed.

    Args:
        lambdas: the values tried.
        scores, low, high: mean, lowest and highest score over the seeds.
        seeds: how many.
    """
    figure, axes = style.new_figure(9, 3.6, left=0.09, bottom=0.18, top=0.87)
    places = np.arange(len(lambdas))
    axes.errorbar(
        places,
        scores,
        [np.subtract(scores, low), np.subtract(high, scores)],
        linestyle="",
        marker="o",
        markersize=8,
        color=GAE.color,
        ecolor=GAE.ink,
        capsize=11,
        elinewidth=2.4,
        capthick=2.4,
    )
    for place, score, lowest, highest in zip(places, scores, low, high):
        axes.annotate(
            f"{score:.0f}\n({lowest:.0f} to {highest:.0f})",
            (place, highest),
            xytext=(0, 8),
            linespacing=1.3,
            textcoords="offset points",
            ha="center",
            color=GAE.ink,
            fontweight="bold",
        )
    axes.set_xticks(places, [f"λ = {value:g}" for value in lambdas])
    axes.set_xlim(-0.6, len(lambdas) - 0.4)
    axes.set_ylim(0, 500)
    axes.set_ylabel("mean return over training")
    axes.set_title(f"PPO on CartPole, {seeds} seeds: mean, lowest and highest")
    said = ", ".join(
        f"λ = {v:g}: {s:.0f} ({a:.0f} to {b:.0f})" for v, s, a, b in zip(lambdas, scores, low, high)
    )
    return style.say(figure, f"Mean CartPole return over training, {seeds} seeds: {said}.")
