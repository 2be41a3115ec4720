"""Figures of lesson 08, second half: the actor's climb, a search over actions, exploration noise, stored runs."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.transforms import Affine2D

from rlcourse.plots import style
from rlcourse.plots.style import ACTION, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 5, style.BASE_SIZE - 1


def number(value, digits=2):
    """A number as a reader writes it: true minus sign, no minus in front of zero, thousands set apart."""
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def _aside(figure, x, y, text, value, role):
    """A number in large type, and what it is below it."""
    figure.text(x, y, value, color=role.ink, fontsize=BIG, fontweight="bold", va="center")
    figure.text(x, y - 0.042 - 0.014 * text.count("\n"), text, fontsize=SMALL, va="center", linespacing=1.1)


# ---------------------------------------------------------------- the chain rule


@style.styled
def chain_rule(path, grid, critic, truth, best, values, *, step_size, bound, spike):
    """The critic's Q over the action, the way the actor's μ has come, and the two slopes where it stands.

    Args:
        path: mu, slope_q, slope_mu, arrays [steps + 1]; the last entry is the present.
        grid, critic, truth: actions [n], Q̂ and true Q on them.
        best: the action with the largest true value, and that value.
        values: (Q̂(μ), true Q(μ)) along the path, arrays [steps + 1].
        step_size: η.
        bound: actions lie in [-bound, bound].
        spike: whether the critic has a spike that the truth has not.
    """
    figure, axes = style.new_figure(11, 5.6, left=0.06, right=0.68, bottom=0.125, top=0.90)
    steps, mu, slope_q, slope_mu = len(path.mu) - 1, path.mu[-1], path.slope_q[-1], path.slope_mu[-1]
    said, true = (float(column[-1]) for column in values)
    top = max(1.9, 1.08 * float(critic.max()) + 0.12)
    low = -0.24 * top
    axes.set(xlim=(-bound, bound), ylim=(low, top), xlabel="action a")
    style.set_ticks(axes.xaxis, [-2, -1, 0, 1, 2], ["−2", "−1", "0", "1", "2"])
    style.set_ticks(axes.yaxis, np.arange(0, top, 0.5 if top < 3.2 else 1.0))
    done = f"After {steps} step{'s' * (steps > 1)} of η = {step_size:g}"
    axes.set_title(done if steps else "Before the first step")
    axes.plot(grid, critic, color=VALUE.color, linewidth=3.0)
    if spike:
        axes.plot(grid, truth, color=INK, linewidth=2.0, linestyle=(0, (3, 2)))
    axes.plot([-bound, bound], [0, 0], color=NEUTRAL.color, linewidth=1.0, zorder=1)

    axes.plot(path.mu, values[0], "o", color=POLICY.color, markersize=5, alpha=0.45)
    axes.plot(path.mu[:1], values[0][:1], "o", color="white", markeredgecolor=POLICY.ink, markersize=10, zorder=4)
    reach = 0.5 / np.hypot(1.0, 2 * bound * slope_q / top)       # a piece of the tangent, of one length on paper
    axes.plot([mu - reach, mu + reach], [said - reach * slope_q, said + reach * slope_q], color=VALUE.ink,
              linewidth=2.2, zorder=4)  # fmt: skip
    axes.plot([mu], [said], "o", color=POLICY.color, markeredgecolor=POLICY.ink, markersize=13, zorder=5)
    if spike and abs(said - true) > 0.04 * top:
        axes.plot([mu, mu], [said, true], color=NEGATIVE.ink, linewidth=1.6, linestyle=":", zorder=3)
        axes.plot([mu], [true], NEGATIVE.marker, color=NEGATIVE.color, markeredgecolor=NEGATIVE.ink, markersize=11,
                  zorder=5)  # fmt: skip
    gradient = slope_q * slope_mu
    length = 0.24 * abs(gradient) + 0.05
    length = min(length, 0.9)
    if abs(gradient) > 0.02:
        sign = np.sign(gradient)
        axes.add_patch(FancyArrowPatch((mu, 0.55 * low), (mu + sign * length, 0.55 * low), arrowstyle="-|>",
                                       mutation_scale=24, color=POLICY.color, linewidth=5, shrinkA=0, shrinkB=0))
    axes.plot([mu, mu], [0.55 * low, 0], color=POLICY.color, linewidth=1.2)

    x = 0.715
    figure.text(x, 0.93, f"at μ = {number(mu)}", fontsize=style.BASE_SIZE + 1, fontweight="bold", va="center")
    _aside(figure, x, 0.845, "∂Q/∂a: slope of the critic", number(slope_q), VALUE)
    _aside(figure, x, 0.735, "× ∂μ/∂θ: what the weight can do", number(slope_mu), POLICY)
    _aside(figure, x, 0.625, "= ∂J/∂θ: uphill for the actor", number(gradient), POLICY)
    figure.add_artist(Rectangle((x, 0.545), 0.26, 0.0025, color=style.FAINT, transform=figure.transFigure))
    _aside(figure, x, 0.475, "the critic's opinion of μ", number(said), VALUE)
    _aside(figure, x, 0.365, "the true value of μ" if spike else "the true value: the same curve", number(true),
           NEGATIVE if spike else NEUTRAL)
    _aside(figure, x, 0.255, f"the best true value, at a = {number(best[0], 1)}", number(best[1]), NEUTRAL)
    legend = [(VALUE, "what the critic says", "-")] + [(NEUTRAL, "what is true", (0, (3, 2)))] * spike
    for i, (role, text, dashes) in enumerate(legend):
        y = 0.15 - 0.055 * i
        line = (VALUE.color, 3.0) if role is VALUE else (INK, 2.0)
        figure.add_artist(_line((x, y), (x + 0.045, y), *line, dashes, figure.transFigure))
        figure.text(x + 0.06, y, text, va="center", fontsize=SMALL, color=VALUE.ink if role is VALUE else INK)
    return style.say(
        figure,
        f"An actor that began at {number(path.mu[0])} stands at {number(mu)} after {steps} steps of η = {step_size:g}: "
        f"slope of the critic {number(slope_q)} times slope of the actor {number(slope_mu)} is {number(gradient)}; the "
        f"critic says {number(said)}, the truth is {number(true)}, and the best is {number(best[1])} at "
        f"{number(best[0], 1)}.",
    )


def _line(start, end, color, width, dashes, transform):
    return Line2D(*zip(start, end, strict=True), color=color, linewidth=width, linestyle=dashes, transform=transform)


# ---------------------------------------------------------------- a search over actions


@style.styled
def argmax_price(dimensions, points, counts, times):
    """How many actions a grid search has to try, beside the one answer of an actor.

    Args:
        dimensions, points: of the action, and tried on each of its axes.
        counts: actions tried for 1, 2, ... dimensions, up to those of the action; there is room for six.
        times: None, or (milliseconds of the search, of the actor) measured once at these settings.
    """
    figure, (left, right) = style.new_figure(
        11, 4.9, 1, 2, left=0.03, right=0.975, bottom=0.15, top=0.87, wspace=0.30, width_ratios=(1, 1.5)
    )
    left.axis("off")
    left.set(xlim=(-1.25, 1.45), ylim=(-1.25, 1.25))
    left.set_aspect("equal")
    left.set_title("the actions that are tried")
    _grid_of_actions(left, dimensions, points)

    tried = counts[-1]
    places, heights = np.arange(1, dimensions + 1), np.log10(counts)
    right.set(xlim=(0.4, 6.6), ylim=(-0.35, 15.6), xlabel="dimensions of the action")
    style.set_ticks(right.xaxis, range(1, 7))
    style.set_ticks(right.yaxis, [0, 3, 6, 9, 12], ["1", "thousand", "million", "billion", "trillion"])
    right.set_title("questions to the critic, for one action", loc="left")
    bars = [((p - 0.3, 0), (p - 0.3, h), (p + 0.3, h), (p + 0.3, 0)) for p, h in zip(places, heights, strict=True)]
    colors = [NEGATIVE.color if p == dimensions else "#f0c9ab" for p in places]
    right.add_collection(PolyCollection(bars, facecolors=colors, edgecolors=NEGATIVE.ink, linewidths=1.2))
    right.plot([0.4, 6.6], [0, 0], color=POLICY.color, linewidth=4.0, zorder=4)
    sum_up = f"{points}{_power(dimensions)} = {tried:,} questions" if dimensions > 1 else f"{tried} questions"
    right.text(0.5, 15.0, sum_up, color=NEGATIVE.ink, fontsize=BIG - 1, fontweight="bold", va="center")
    right.text(0.5, 13.7, "the actor: 1 answer, whatever the dimension", color=POLICY.ink, fontweight="bold",
               va="center")  # fmt: skip
    told = "not timed at this setting"
    if times is not None:
        told = f"measured once: search {_milliseconds(times[0])}, actor {_milliseconds(times[1])}"
    right.text(0.5, 12.6, told, va="center", fontsize=SMALL)
    return style.say(
        figure,
        f"With {points} values on each of {dimensions} axes a search asks the critic about {tried:,} actions, "
        f"an actor gives 1 answer; {told}.",
    )


def _power(exponent):
    return "" if exponent == 1 else "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(exponent))


def _milliseconds(value):
    return f"{number(value, 2 if value < 9.95 else 0)} ms"


def _grid_of_actions(axes, dimensions, points):
    """The grid in one, two or three dimensions, of which at most 21 values an axis are drawn."""
    if dimensions > 3:
        axes.text(0.05, 0, f"{dimensions} dimensions:\nno picture", ha="center", va="center", color=NEUTRAL.ink)
        return
    ticks = np.linspace(-1, 1, points)
    if dimensions == 1:
        axes.plot([-1, 1], [0, 0], color=style.FAINT, linewidth=1.2)
        axes.plot(ticks, np.zeros(points), "o", color=NEGATIVE.color, markersize=4)
        return
    x, y = (side.ravel() for side in np.meshgrid(ticks, ticks))
    if dimensions == 2:
        axes.plot(x, y, "o", color=NEGATIVE.color, markersize=max(1.2, 46 / points), markeredgewidth=0)
        return
    lean = np.array([0.40, 0.22])       # three faces of the cube of points: front, right and top
    size = max(1.0, 34 / points)
    front = np.stack([0.8 * x - 0.2, 0.8 * y - 0.15])
    for face, shade in (
        (front, 1.0),
        (np.stack([0.6 + lean[0] * (x + 1), 0.8 * y - 0.15 + lean[1] * (x + 1)]), 0.45),
        (np.stack([0.8 * x - 0.2 + lean[0] * (y + 1), 0.65 + lean[1] * (y + 1)]), 0.65),
    ):
        axes.plot(*face, "o", color=NEGATIVE.color, alpha=shade, markersize=size, markeredgewidth=0)


# ---------------------------------------------------------------- noise


@style.styled
def noise(samples, white, lags, correlations, theory, *, sd, reach, mu, clipped, cars, beta, sigma, dt):
    """Noise with a memory beside noise without, of the same size: in time, in its correlations, summed up, and cut.

    Args:
        samples, white: arrays [runs, steps]; the first run is drawn.
        lags, correlations, theory: steps, and the correlation found (of both noises) and expected of the first.
        sd: stationary deviation of both.
        reach: how many times further a sum of all steps goes than that of white noise.
        mu: what the actor says, in half-widths of the box.
        clipped: share of cut actions and mean of the played ones.
        cars: percent of cars that reach the flag, with the first and with white noise.
        beta, sigma, dt: of the first noise.
    """
    figure, (top, right, bottom) = style.new_figure(
        11, 6.0, 1, 3, left=0.06, right=0.985, bottom=0.575, top=0.93, wspace=0.27
    )
    steps = samples.shape[1]
    early = min(100, steps)
    time = np.arange(early)
    span = 3.6 * sd
    top.set(xlim=(0, early), ylim=(-span, span))
    style.set_ticks(top.xaxis, [0, 50, 100])
    style.set_ticks(top.yaxis, [-2 * sd, 0, 2 * sd], [_plain(-2 * sd, 2), "0", _plain(2 * sd, 2)])
    top.set_title("the noise, step by step", fontsize=style.BASE_SIZE)
    top.plot(time, white[0, :early], ".", color=REWARD.color, markersize=5)
    top.plot(time, samples[0, :early], color=POLICY.color, linewidth=2.2)

    right.set(xlim=(0, lags[-1]), ylim=(-0.19, 1.05))
    style.set_ticks(right.xaxis, [0, 10, 20, 30, 40])
    style.set_ticks(right.yaxis, [0, 0.5, 1])
    right.set_title("correlation at lag l", fontsize=style.BASE_SIZE)
    right.plot([0, lags[-1]], [0, 0], color=NEUTRAL.color, linewidth=1.0, zorder=1)
    right.plot(lags, theory, color=INK, linewidth=1.6, linestyle=(0, (3, 2)))
    right.plot(lags[::2], correlations[1][::2], ".", color=REWARD.color, markeredgecolor=REWARD.ink, markersize=8)
    right.plot(lags[::2], correlations[0][::2], "o", color=POLICY.color, markeredgecolor=POLICY.ink, markersize=6)

    sums, flat = np.cumsum(samples[:8], axis=1), np.cumsum(white[:8], axis=1)
    wide = 2.4 * reach * sd * np.sqrt(steps)
    bottom.set(xlim=(0, steps), ylim=(-wide, wide))
    style.set_ticks(bottom.xaxis, [0, steps // 2, steps])
    unit = 10 ** np.floor(np.log10(wide / 1.2))
    mark = unit * max(k for k in (1, 2, 5) if k * unit <= wide / 1.2)
    style.set_ticks(bottom.yaxis, [-mark, 0, mark], [_plain(-mark), "0", _plain(mark)])
    bottom.set_title("added up, eight runs", fontsize=style.BASE_SIZE)
    bottom.set_xlabel("steps", labelpad=2)
    every = np.append(np.arange(0, steps, 3), steps - 1)
    for totals, color in ((sums, POLICY.color), (flat, REWARD.color)):      # one line for all runs, with gaps
        gaps = np.full((len(totals), 1), np.nan)
        heights = np.hstack([totals[:, every], gaps]).ravel()
        bottom.plot(np.tile(np.append(every + 1.0, np.nan), len(totals)), heights, color=color, linewidth=1.5)

    _cut(figure, mu, sd, clipped)
    x = 0.545
    columns = (x, x + 0.165, x + 0.325)
    for place, y, text, value, role in (
        (columns[0], 0.385, "stationary\ndeviation", number(sd), POLICY),
        (columns[1], 0.385, "as far as white\nnoise, summed", f"{number(reach, 1)} ×", POLICY),
        (columns[2], 0.385, "cars up the\nmountain", f"{cars[0]:.0f} %", POLICY),
        (columns[0], 0.205, "of the actions\nare cut", f"{100 * clipped.share:.0f} %", NEGATIVE),
        (columns[1], 0.205, "mean action\nplayed", number(clipped.mean), NEGATIVE),
        (columns[2], 0.205, "cars up, with\nwhite noise", f"{cars[1]:.0f} %", REWARD),
    ):
        _aside(figure, place, y, text, value, role)
    figure.text(x, 0.462, f"β {beta:g}   σ {sigma:g}   Δ {dt:g}", fontweight="bold", va="center")
    for place, color, width, dashes, text in (
        (x, POLICY.color, 3.0, "-", "OU noise"),
        (x + 0.145, REWARD.color, 3.0, "-", "white, same size"),
        (x + 0.325, INK, 1.6, (0, (3, 2)), "(1 − βΔ)ˡ"),
    ):
        figure.add_artist(_line((place, 0.045), (place + 0.025, 0.045), color, width, dashes, figure.transFigure))
        figure.text(place + 0.033, 0.045, text, va="center", fontsize=SMALL)
    return style.say(
        figure,
        f"Ornstein-Uhlenbeck noise with β {beta:g}, σ {sigma:g}, Δ {dt:g}: stationary deviation {number(sd)}, "
        f"neighbours correlate by {number(theory[1], 4)}, a sum of {steps} steps goes {number(reach, 1)} times as far "
        f"as that of white noise; with μ = {number(mu)} {100 * clipped.share:.0f} % of the actions are cut and the "
        f"played mean is {number(clipped.mean)}; {cars[0]:.0f} % of cars reach the flag, with white noise "
        f"{cars[1]:.0f} %.",
    )


def _plain(value, digits=6):
    """A number without more digits than it needs on an axis."""
    text = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def _cut(figure, mu, sd, clipped):
    """The density of μ + noise, left below: what falls beyond the box is played at its edge. No axes: sooner drawn."""
    place = Affine2D().scale(0.112, 0.30).translate(0.285, 0.115) + figure.transFigure
    x = np.linspace(-2.1, 2.1, 169)
    bell = 0.95 * np.exp(-(((x - mu) / max(sd, 0.012)) ** 2) / 2)
    shapes, colors = [[(-1, 0), (-1, 1.05), (1, 1.05), (1, 0)]], ["#e3eef7"]
    for side, color in ((np.abs(x) <= 1.0, ACTION.color), (x >= 1, "#e8905a"), (x <= -1, "#e8905a")):
        corners = np.column_stack([x[side], bell[side]])
        shapes.append([(corners[0, 0], 0), *corners, (corners[-1, 0], 0)])
        colors.append(color)
    figure.add_artist(PolyCollection(shapes, facecolors=colors, edgecolors="none", transform=place))
    for start, end, color, width, dashes in (
        ((-2.1, 0), (2.1, 0), INK, 1.2, "-"),
        ((mu, 0), (mu, 1.08), POLICY.ink, 2.2, "-"),
        ((clipped.mean, 0), (clipped.mean, 1.08), NEGATIVE.ink, 2.2, (0, (3, 1.5))),
    ):
        figure.add_artist(_line(start, end, color, width, dashes, place))
    words = {"transform": place, "va": "center"}
    for value, text in ((-2, "−2"), (-1, "−1"), (0, "0"), (1, "1"), (2, "2")):
        figure.text(value, -0.10, text, ha="center", fontsize=style.BASE_SIZE - 1, **words)
    figure.text(0, -0.255, "action, in half-widths of the box", ha="center", **words)
    figure.text(-2.0, 1.27, "μ + noise, cut to the box", fontweight="bold", **words)
    figure.text(mu + 0.05, 1.12, "μ", color=POLICY.ink, fontweight="bold", ha="left", **words)
    if mu - clipped.mean > 0.06:
        figure.text(clipped.mean - 0.05, 1.12, "mean played", color=NEGATIVE.ink, fontweight="bold", ha="right",
                    **words)  # fmt: skip


# ---------------------------------------------------------------- the stored runs


@style.styled
def with_and_without(steps, curves, *, solved, title):
    """Return without noise against steps: a band from the worst to the best seed, and a line a seed.

    Args:
        steps: environment steps of the looks, [k].
        curves: dict from a label to the mean returns [seeds, k]; two of them.
        solved: the return that counts as solved.
        title: of the figure.
    """
    figure, axes = style.new_figure(10, 4.4, left=0.095, right=0.74, bottom=0.15, top=0.90)
    thousands, told = np.asarray(steps) / 1000, []
    axes.set(xlim=(0, thousands[-1]), ylim=(-1_900, 30), xlabel="environment steps, thousands")
    axes.set_ylabel("return of an episode")
    axes.set_title(title)
    style.set_ticks(axes.yaxis, [-1500, -1000, -500, 0], ["−1500", "−1000", "−500", "0"])
    axes.axhline(solved, color=INK, linestyle="--", linewidth=1.4)
    axes.text(0.08, solved + 26, f"solved: {number(solved, 0)}", fontsize=SMALL, va="bottom")
    for (label, scores), role in zip(curves.items(), (POLICY, NEGATIVE), strict=True):
        scores = np.asarray(scores)
        axes.fill_between(thousands, scores.min(0), scores.max(0), facecolor=role.color, alpha=0.18, linewidth=0)
        axes.plot(thousands, scores.T, color=role.color, linewidth=1.2, alpha=0.75, linestyle=role.linestyle)
        axes.plot(thousands, scores.mean(0), color=role.ink, linewidth=3.2, linestyle=role.linestyle)
        ends = scores[:, -3:].mean(1)
        place = np.clip((scores[:, -1].mean() + 1_900) / 1_930, 0.1, 0.9)
        axes.text(1.02, place, f"{label}\n{len(scores)} seeds, mean at the\nend {number(ends.mean(), 0)}",
                  transform=axes.transAxes, color=role.ink, fontweight="bold", va="center")  # fmt: skip
        told.append(f"{label} {number(ends.mean(), 0)} ({number(ends.min(), 0)} to {number(ends.max(), 0)})")
    return style.say(figure, f"{title}: mean of the last three looks, and the range over the seeds: {'; '.join(told)}.")


@style.styled
def variations(groups, *, solved, title):
    """Final scores of many variations, a row each, a dot a seed.

    Args:
        groups: dict from a heading to a dict from a label to the scores of the seeds.
        solved: the return that counts as solved.
        title: of the figure.
    """
    count = sum(len(rows) for rows in groups.values())
    height = 1.15 + 0.31 * (count + len(groups))
    figure, axes = style.new_figure(9, height, left=0.30, right=0.90, bottom=0.62 / height, top=1 - 0.42 / height)
    axes.set_title(title)
    across, y, told = axes.get_yaxis_transform(), 0.0, []
    for heading, rows in groups.items():
        axes.text(-0.03, -y, heading, transform=across, ha="right", va="center", fontweight="bold", fontsize=SMALL)
        y += 0.9
        for label, scores in rows.items():
            role = POLICY if np.mean(scores) >= 2 * solved else NEGATIVE
            axes.plot([min(scores), max(scores)], [-y, -y], color=role.color, linewidth=2.4)
            axes.plot(scores, np.full(len(scores), -y), role.marker, color=role.color, markeredgecolor=role.ink,
                      markersize=7, alpha=0.85)  # fmt: skip
            axes.text(-0.03, -y, label, transform=across, ha="right", va="center", fontsize=SMALL, color=role.ink)
            axes.text(1.02, -y, number(np.mean(scores), 0), transform=across, va="center", fontsize=SMALL,
                      color=role.ink, fontweight="bold")  # fmt: skip
            told.append(f"{label} {number(np.mean(scores), 0)}")
            y += 0.9
        y += 0.25
    axes.set(xlim=(-1_650, 0), ylim=(-y + 0.5, 0.6), xlabel="return, mean of the last three looks; every dot a seed")
    marks = ["−1500", "−1000", "−500", f"solved: {number(solved, 0)}"]
    style.set_ticks(axes.xaxis, [-1500, -1000, -500, solved], marks)
    style.set_ticks(axes.yaxis, [])
    axes.spines["left"].set_visible(False)
    axes.axvline(solved, color=INK, linestyle="--", linewidth=1.4, zorder=0)
    return style.say(figure, f"{title}, mean over the seeds: {', '.join(told)}.")
