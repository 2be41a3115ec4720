"""Two passages: a Boltzmann policy and a Gaussian, in a picture and in a race."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.soft_policy_iteration.plots.looks import BIG, DASHES, chance

DEPTHS = LinearSegmentedColormap.from_list("depths", ("#2f6f9f", "#8fbfdd", "#dcecf6", "#ffffff"))
BOLTZMANN, GAUSSIAN = VALUE, NEGATIVE


class Traveller(NamedTuple):
    """A policy at the two passages."""

    density: np.ndarray
    masses: tuple[float, float]
    """Its probability of passage 1 and of passage 2."""
    earned: float
    """Its mean Q."""


class Fit(NamedTuple):
    """The Gaussian that is drawn, in the plane of all of them."""

    mu: float
    sigma: float
    kl: float
    """KL(Gaussian || Boltzmann)."""
    walk: np.ndarray | None
    """Points (μ, σ) of the descent that has led to it, if there was one."""


@style.styled
def passages(actions, values, closed_values, boltzmann, gaussian, fit, *, alpha, closed, landscape):
    """A value with two humps, the Boltzmann policy and a Gaussian under it, and the plane of all Gaussians.

    Args:
        actions, values, closed_values: a, Q(a), and Q(a) with passage 1 closed.
        boltzmann, gaussian: the two policies, a `Traveller` each.
        fit: where the Gaussian stands, a `Fit`.
        alpha: temperature.
        closed: whether passage 1 is closed.
        landscape: share of the plane with a smaller KL, [σ, μ] from (0.05, -3) to (10, 9).
    """
    figure, (top, bottom, plane) = style.new_figure(10, 6.3, 1, 3, right=0.985)
    top.set_position((0.055, 0.545, 0.52, 0.325))
    bottom.set_position((0.055, 0.1, 0.52, 0.325))
    plane.set_position((0.665, 0.1, 0.32, 0.66))
    header = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.055, 0.957, f"α = {number(alpha)}:  KL(Gaussian ‖ Boltzmann) = {number(fit.kl)} nats", **header)
    every = slice(None, None, 2)  # a point for every pixel is enough
    actions = actions[every]
    _two_humps(top, actions, values[every], closed_values[every], closed)
    for y, role, name, policy in ((2.33, BOLTZMANN, "Boltzmann", boltzmann), (1.93, GAUSSIAN, "Gaussian", gaussian)):
        text = f"{name} earns {number(policy.earned)}"
        top.text(5.0, y, text, color=role.ink, fontweight="bold", va="center")
    _two_densities(bottom, actions, boltzmann, gaussian, every)
    bottom.set_title("the policies made before that" if closed else "two policies")
    for axes in (top, bottom):
        for low in (-1, 3):
            axes.axvspan(low, low + 2, color="#eef2f7", linewidth=0, zorder=0)
        axes.set_xlim(actions[0], actions[-1])
        style.set_ticks(axes.xaxis, (-2, 0, 2, 4, 6, 8))
    _plane(figure, plane, fit, landscape)
    said = (
        f"At α = {number(alpha)} the Boltzmann policy is in passage 1 with probability {chance(boltzmann.masses[0])} "
        f"and in passage 2 with {chance(boltzmann.masses[1])}; the Gaussian (μ = {number(fit.mu)}, σ = "
        f"{number(fit.sigma)}) with {chance(gaussian.masses[0])} and {chance(gaussian.masses[1])}; KL "
        f"{number(fit.kl)} nats"
    )
    if fit.walk is not None:
        said += f", reached by descent from μ = {number(fit.walk[0][0])}, σ = {number(fit.walk[0][1])}"
    said += f"; {'with passage 1 closed ' * closed}they earn {number(boltzmann.earned)} and {number(gaussian.earned)}."
    return style.say(figure, said)


def _two_humps(axes, actions, values, closed_values, closed):
    """Q as it is now, and in dashes what it was before passage 1 closed."""
    if closed:
        axes.plot(actions, values, color=NEUTRAL.color, linestyle=DASHES, linewidth=1.8)
    now = closed_values if closed else values
    axes.fill_between(actions, now, color="#d9d9d9", linewidth=0)
    axes.plot(actions, now, color=INK, linewidth=2.5)
    axes.set_ylim(0, 2.6)
    axes.set_title("Q: passage 1 closed" if closed else "Q: passage 1 left, passage 2 right")
    style.set_ticks(axes.yaxis, (0, 1, 2))


def _two_densities(axes, actions, boltzmann, gaussian, every):
    """Both policies, and above each passage how likely they are to be in it."""
    upper, lower = boltzmann.density[every], gaussian.density[every]
    axes.fill_between(actions, upper, color=BOLTZMANN.color, alpha=0.35, linewidth=0)
    axes.plot(actions, upper, color=BOLTZMANN.ink, linewidth=2)
    axes.plot(actions, lower, color=GAUSSIAN.color, linewidth=3, linestyle=DASHES)
    peak = max(upper.max(), lower.max())
    limit = next((limit for limit in (0.25, 0.5, 1, 2, 4) if limit >= peak), 8)
    axes.set_ylim(0, 1.75 * limit)
    style.set_ticks(axes.yaxis, (0, limit), [f"{tick:g}" for tick in (0, limit)])
    axes.set_xlabel("action a", labelpad=1)
    look = {"fontweight": "bold", "va": "center"}
    for middle, k in ((0, 0), (4, 1)):
        for y, words, ink in (
            (0.93, f"passage {k + 1}", INK),
            (0.8, f"■ {chance(boltzmann.masses[k])}", BOLTZMANN.ink),
            (0.67, f"▼ {chance(gaussian.masses[k])}", GAUSSIAN.ink),
        ):
            axes.text(middle, y * 1.75 * limit, words, color=ink, ha="center", **look)
    for y, words, role in ((0.9, "■ Boltzmann", BOLTZMANN), (0.76, "▼ Gaussian", GAUSSIAN)):
        axes.text(0.995, y, words, transform=axes.transAxes, color=role.ink, ha="right", **look)


def _plane(figure, axes, fit, landscape):
    """All Gaussians as points (μ, log σ), as deep as their divergence is small, and the road of a descent."""
    mu, sigma, _, walk = fit
    low, high = math.log10(0.05), math.log10(10)
    axes.set_xlim(-3, 9)
    axes.set_ylim(low, high)
    look = {"cmap": DEPTHS, "vmin": 0, "vmax": 1, "interpolation": "bilinear"}
    axes.imshow(landscape, extent=(-3, 9, low, high), origin="lower", aspect="auto", zorder=0, **look)
    if walk is not None:
        road = np.column_stack([walk[:, 0], np.log10(walk[:, 1])])
        axes.plot(*road.T, color=INK, linewidth=2.2, zorder=3)
        style.ball(axes, *road[0], size=9, color=style.CARD, zorder=4, clip_on=True)
    style.ball(axes, mu, math.log10(sigma), zorder=5)
    style.set_ticks(axes.xaxis, (-2, 0, 2, 4, 6, 8))
    style.set_ticks(axes.yaxis, [math.log10(s) for s in (0.1, 0.3, 1, 3)], ("0.1", "0.3", "1", "3"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("μ", labelpad=1)
    name = f"Gaussian: μ = {number(mu)}, σ = {number(sigma)}"
    look = {"fontweight": "bold", "fontsize": style.BASE_SIZE + 1, "color": GAUSSIAN.ink}
    figure.text(0.665, 0.82, name, va="center", **look)
    figure.text(0.665, 0.78, "shade: rank of the KL, dark is least", va="center")
    axes.text(0.03, 0.965, "σ", transform=axes.transAxes, va="center", fontweight="bold")


@style.styled
def race(found, *, closes, window=25):
    """Mean reward of many learners, step by step, before and after a passage closes.

    Args:
        found: name -> (reward [t], share of runs that never took passage 2, is it a Gaussian).
        closes: step at which passage 1 closes.
        window: steps averaged into a point.
    """
    figure, axes = style.new_figure(10, 4.6, left=0.065, right=0.715, bottom=0.15, top=0.88)
    looks = {True: (NEGATIVE, REWARD), False: (VALUE, POLICY)}
    taken = {True: 0, False: 0}
    said, ends = [], []
    for name, (reward, never, gaussian) in found.items():
        role = looks[gaussian][taken[gaussian]]
        taken[gaussian] += 1
        means = reward.reshape(-1, window).mean(1)
        steps = (np.arange(len(means)) + 0.5) * window
        axes.plot(steps, means, color=role.color, linewidth=3, linestyle=role.linestyle)
        ends.append([means[-1], name, role, never])
        said.append(
            f"{name} {number(reward[closes - 200 : closes].mean())} before and "
            f"{number(reward[closes : closes + 200].mean())} right after, {100 * never:.0f} % never in "
            "passage 2"
        )
    ends.sort(key=lambda end: -end[0])
    heights = [1.95 - 0.56 * k for k in range(len(ends))]
    for height, (_, name, role, never) in zip(heights, ends, strict=True):
        axes.plot(
            (len(reward) * 1.015, len(reward) * 1.075),
            (height, height),
            color=role.color,
            linewidth=3,
            linestyle=role.linestyle,
            clip_on=False,
        )
        axes.text(len(reward) * 1.09, height, name, color=role.ink, fontweight="bold", va="center")
        words = f"never in passage 2: {100 * never:.0f} %"
        axes.text(len(reward) * 1.015, height - 0.19, words, color=role.ink, va="center")
    axes.axvline(closes, color=INK, linewidth=1.5, linestyle=DASHES)
    axes.text(closes + 20, 2.02, "passage 1 closes", va="center")
    axes.set_xlim(0, len(reward))
    axes.set_ylim(0, 2.12)
    style.set_ticks(axes.xaxis, range(0, len(reward) + 1, 500))
    style.set_ticks(axes.yaxis, (0, 0.5, 1, 1.5, 2))
    axes.set_xlabel("step", labelpad=1)
    axes.set_title("mean reward of 300 learners")
    return style.say(figure, "Mean reward of 300 learners: " + "; ".join(said) + ".")
