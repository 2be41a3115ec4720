"""Figures: the actor's climb, a search over actions, exploration noise, stored runs."""

from typing import NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import arrow
from rlcourse.course.figures.format import number, superscript
from rlcourse.course.figures.style import ACTION, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = style.BASE_SIZE + 5, style.BASE_SIZE - 1


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
    axes.set(xlim=(-bound, bound), ylim=(-0.24 * top, top), xlabel="action a")
    style.set_ticks(axes.xaxis, [-2, -1, 0, 1, 2], ["−2", "−1", "0", "1", "2"])
    style.set_ticks(axes.yaxis, np.arange(0, top, 0.5 if top < 3.2 else 1.0))
    done = f"After {steps} step{'s' * (steps > 1)} of η = {step_size:g}"
    axes.set_title(done if steps else "Before the first step")
    axes.plot(grid, critic, color=VALUE.color, linewidth=3.0)
    if spike:
        axes.plot(grid, truth, color=INK, linewidth=2.0, linestyle=(0, (3, 2)))
    axes.plot([-bound, bound], [0, 0], color=NEUTRAL.color, linewidth=1.0, zorder=1)
    _way(axes, path.mu, values[0], 0.5 / np.hypot(1.0, 2 * bound * slope_q / top), slope_q)
    if spike and abs(said - true) > 0.04 * top:
        axes.plot([mu, mu], [said, true], color=NEGATIVE.ink, linewidth=1.6, linestyle=":", zorder=3)
        look = {"color": NEGATIVE.color, "markeredgecolor": NEGATIVE.ink, "markersize": 11}
        axes.plot([mu], [true], NEGATIVE.marker, zorder=5, **look)
    _uphill(axes, mu, slope_q * slope_mu, -0.132 * top)
    _slopes(figure, mu, slope_q, slope_mu, said, true, best, spike)
    return style.say(
        figure,
        f"An actor that began at {number(path.mu[0])} stands at {number(mu)} after {steps} steps of η = {step_size:g}: "
        f"slope of the critic {number(slope_q)} times slope of the actor {number(slope_mu)} is "
        f"{number(slope_q * slope_mu)}; the critic says {number(said)}, the truth is {number(true)}, and the best is "
        f"{number(best[1])} at {number(best[0], 1)}.",
    )


def _way(axes, mu, values, reach, slope):
    """Where the actor has been on the critic's curve, and a piece of the tangent where it stands."""
    axes.plot(mu, values, "o", color=POLICY.color, markersize=5, alpha=0.45)
    axes.plot(mu[:1], values[:1], "o", color="white", markeredgecolor=POLICY.ink, markersize=10, zorder=4)
    x, y = mu[-1], float(values[-1])
    ends = [x - reach, x + reach], [y - reach * slope, y + reach * slope]
    axes.plot(*ends, color=VALUE.ink, linewidth=2.2, zorder=4)
    axes.plot([x], [y], "o", color=POLICY.color, markeredgecolor=POLICY.ink, markersize=13, zorder=5)


def _uphill(axes, mu, gradient, height):
    """An arrow below the axis, the way the actor goes next; the longer the steeper."""
    if abs(gradient) > 0.02:
        end = mu + np.sign(gradient) * min(0.24 * abs(gradient) + 0.05, 0.9)
        arrow(axes, (mu, height), (end, height), POLICY.color, width=5, head=24, zorder=1)
    axes.plot([mu, mu], [height, 0], color=POLICY.color, linewidth=1.2)


def _slopes(figure, mu, slope_q, slope_mu, said, true, best, spike):
    """Beside the curve: the two slopes and their product, what μ is said to be worth, and what it is."""
    x = 0.715
    figure.text(x, 0.93, f"at μ = {number(mu)}", fontsize=style.BASE_SIZE + 1, fontweight="bold", va="center")
    figure.add_artist(Rectangle((x, 0.545), 0.26, 0.0025, color=style.FAINT, transform=figure.transFigure))
    honest = "the true value of μ" if spike else "the true value: the same curve"
    for y, text, value, role in (
        (0.845, "∂Q/∂a: slope of the critic", slope_q, VALUE),
        (0.735, "× ∂μ/∂θ: what the weight can do", slope_mu, POLICY),
        (0.625, "= ∂J/∂θ: uphill for the actor", slope_q * slope_mu, POLICY),
        (0.475, "the critic's opinion of μ", said, VALUE),
        (0.365, honest, true, NEGATIVE if spike else NEUTRAL),
        (0.255, f"the best true value, at a = {number(best[0], 1)}", best[1], NEUTRAL),
    ):
        _aside(figure, x, y, text, number(value), role)
    _line(figure, (x, 0.15), (x + 0.045, 0.15), VALUE.color, 3.0)
    figure.text(x + 0.06, 0.15, "what the critic says", va="center", fontsize=SMALL, color=VALUE.ink)
    if spike:
        _line(figure, (x, 0.095), (x + 0.045, 0.095), INK, 2.0, (0, (3, 2)))
        figure.text(x + 0.06, 0.095, "what is true", va="center", fontsize=SMALL, color=INK)


def _line(figure, start, end, color, width, dashes="-", transform=None):
    """A line outside all axes; ends in fractions of the figure, unless there is another `transform`."""
    look = {"color": color, "linewidth": width, "linestyle": dashes}
    figure.add_artist(Line2D(*zip(start, end, strict=True), transform=transform or figure.transFigure, **look))


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
    sum_up = f"{points}{superscript(dimensions)} = {tried:,} questions" if dimensions > 1 else f"{tried} questions"
    right.text(0.5, 15.0, sum_up, color=NEGATIVE.ink, fontsize=BIG - 1, fontweight="bold", va="center")
    right.text(
        0.5, 13.7, "the actor: 1 answer, whatever the dimension", color=POLICY.ink, fontweight="bold", va="center"
    )
    told = "not timed at this setting"
    if times is not None:
        told = f"measured once: search {_milliseconds(times[0])}, actor {_milliseconds(times[1])}"
    right.text(0.5, 12.6, told, va="center", fontsize=SMALL)
    return style.say(
        figure,
        f"With {points} values on each of {dimensions} axes a search asks the critic about {tried:,} actions, "
        f"an actor gives 1 answer; {told}.",
    )


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
    lean = np.array([0.40, 0.22])  # three faces of the cube of points: front, right and top
    size = max(1.0, 34 / points)
    front = np.stack([0.8 * x - 0.2, 0.8 * y - 0.15])
    for face, shade in (
        (front, 1.0),
        (np.stack([0.6 + lean[0] * (x + 1), 0.8 * y - 0.15 + lean[1] * (x + 1)]), 0.45),
        (np.stack([0.8 * x - 0.2 + lean[0] * (y + 1), 0.65 + lean[1] * (y + 1)]), 0.65),
    ):
        axes.plot(*face, "o", color=NEGATIVE.color, alpha=shade, markersize=size, markeredgewidth=0)


# ---------------------------------------------------------------- noise


class Noise(NamedTuple):
    """One kind of noise, and what was found of it."""

    samples: np.ndarray
    """[runs, steps]; the first run is drawn."""
    correlations: np.ndarray
    """Of a step with one that lies so many lags back."""
    cars: float
    """Percent of the cars that reach the flag with it."""


@style.styled
def noise(found, white, lags, theory, *, parameters, sd, reach, mu, clipped):
    """Noise with a memory beside noise without, of the same size: in time, in its correlations, summed up, and cut.

    Args:
        found, white: the two kinds, a `Noise` each.
        lags, theory: steps, and the correlations expected of the first.
        parameters: β, σ, Δ of the first.
        sd: stationary deviation of both.
        reach: how many times further a sum of all steps goes than that of white noise.
        mu: what the actor says, in half-widths of the box.
        clipped: share of cut actions and mean of the played ones.
    """
    figure, (top, right, bottom) = style.new_figure(
        11, 6.0, 1, 3, left=0.06, right=0.985, bottom=0.575, top=0.93, wspace=0.27
    )
    (beta, sigma, dt), steps = parameters, found.samples.shape[1]
    _in_time(top, found.samples[0], white.samples[0], sd)
    _correlations(right, lags, found.correlations, white.correlations, theory)
    _added_up(bottom, found.samples[:8], white.samples[:8], 2.4 * reach * sd * np.sqrt(steps))
    _cut(figure, mu, sd, clipped)
    left, middle, last = 0.545, 0.71, 0.87
    for place, y, text, value, role in (
        (left, 0.385, "stationary\ndeviation", number(sd), POLICY),
        (middle, 0.385, "as far as white\nnoise, summed", f"{number(reach, 1)} ×", POLICY),
        (last, 0.385, "cars up the\nmountain", f"{found.cars:.0f} %", POLICY),
        (left, 0.205, "of the actions\nare cut", f"{100 * clipped.share:.0f} %", NEGATIVE),
        (middle, 0.205, "mean action\nplayed", number(clipped.mean), NEGATIVE),
        (last, 0.205, "cars up, with\nwhite noise", f"{white.cars:.0f} %", REWARD),
    ):
        _aside(figure, place, y, text, value, role)
    figure.text(left, 0.462, f"β {beta:g}   σ {sigma:g}   Δ {dt:g}", fontweight="bold", va="center")
    for place, color, width, dashes, text in (
        (left, POLICY.color, 3.0, "-", "OU noise"),
        (0.69, REWARD.color, 3.0, "-", "white, same size"),
        (last, INK, 1.6, (0, (3, 2)), "(1 − βΔ)ˡ"),
    ):
        _line(figure, (place, 0.045), (place + 0.025, 0.045), color, width, dashes)
        figure.text(place + 0.033, 0.045, text, va="center", fontsize=SMALL)
    return style.say(
        figure,
        f"Ornstein-Uhlenbeck noise with β {beta:g}, σ {sigma:g}, Δ {dt:g}: stationary deviation {number(sd)}, "
        f"neighbours correlate by {number(theory[1], 4)}, a sum of {steps} steps goes {number(reach, 1)} times as far "
        f"as that of white noise; with μ = {number(mu)}, {100 * clipped.share:.0f} % of the actions are cut and the "
        f"played mean is {number(clipped.mean)}; {found.cars:.0f} % of cars reach the flag, with white noise "
        f"{white.cars:.0f} %.",
    )


def _in_time(axes, samples, white, sd):
    """One run of either noise, its first hundred steps."""
    early = min(100, len(samples))
    axes.set(xlim=(0, early), ylim=(-3.6 * sd, 3.6 * sd))
    style.set_ticks(axes.xaxis, [0, 50, 100])
    style.set_ticks(axes.yaxis, [-2 * sd, 0, 2 * sd], [_plain(-2 * sd, 2), "0", _plain(2 * sd, 2)])
    axes.set_title("the noise, step by step", fontsize=style.BASE_SIZE)
    axes.plot(np.arange(early), white[:early], ".", color=REWARD.color, markersize=5)
    axes.plot(np.arange(early), samples[:early], color=POLICY.color, linewidth=2.2)


def _correlations(axes, lags, found, white, theory):
    """How much a step knows of one that lies some steps back."""
    axes.set(xlim=(0, lags[-1]), ylim=(-0.19, 1.05))
    style.set_ticks(axes.xaxis, [0, 10, 20, 30, 40])
    style.set_ticks(axes.yaxis, [0, 0.5, 1])
    axes.set_title("correlation at lag l", fontsize=style.BASE_SIZE)
    axes.plot([0, lags[-1]], [0, 0], color=NEUTRAL.color, linewidth=1.0, zorder=1)
    axes.plot(lags, theory, color=INK, linewidth=1.6, linestyle=(0, (3, 2)))
    axes.plot(lags[::2], white[::2], ".", color=REWARD.color, markeredgecolor=REWARD.ink, markersize=8)
    axes.plot(lags[::2], found[::2], "o", color=POLICY.color, markeredgecolor=POLICY.ink, markersize=6)


def _added_up(axes, samples, white, wide):
    """Runs of either noise, added up; `wide` is half the height of the axis."""
    steps = samples.shape[1]
    axes.set(xlim=(0, steps), ylim=(-wide, wide))
    style.set_ticks(axes.xaxis, [0, steps // 2, steps])
    unit = 10 ** np.floor(np.log10(wide / 1.2))
    mark = unit * max(k for k in (1, 2, 5) if k * unit <= wide / 1.2)
    style.set_ticks(axes.yaxis, [-mark, 0, mark], [_plain(-mark), "0", _plain(mark)])
    axes.set_title("added up, eight runs", fontsize=style.BASE_SIZE)
    axes.set_xlabel("steps", labelpad=2)
    every = np.append(np.arange(0, steps, 3), steps - 1)
    for runs, color in ((samples, POLICY.color), (white, REWARD.color)):  # one line for all runs, with gaps
        gaps = np.full((len(runs), 1), np.nan)
        heights = np.hstack([np.cumsum(runs, axis=1)[:, every], gaps]).ravel()
        axes.plot(np.tile(np.append(every + 1.0, np.nan), len(runs)), heights, color=color, linewidth=1.5)


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
        _line(figure, start, end, color, width, dashes, place)
    words = {"transform": place, "va": "center"}
    for value, text in ((-2, "−2"), (-1, "−1"), (0, "0"), (1, "1"), (2, "2")):
        figure.text(value, -0.10, text, ha="center", fontsize=style.BASE_SIZE - 1, **words)
    figure.text(0, -0.255, "action, in half-widths of the box", ha="center", **words)
    figure.text(-2.0, 1.27, "μ + noise, cut to the box", fontweight="bold", **words)
    figure.text(mu + 0.05, 1.12, "μ", color=POLICY.ink, fontweight="bold", ha="left", **words)
    if mu - clipped.mean > 0.06:
        figure.text(
            clipped.mean - 0.05, 1.12, "mean played", color=NEGATIVE.ink, fontweight="bold", ha="right", **words
        )
