"""Weights: GAE and the mixture whose k runs to the end."""

import numpy as np
from matplotlib.collections import PolyCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.lessons.gae.plots.looks import GAE, WRONG, swatch


@style.styled
def weights(gae_k, rescaled_k, gae_delta, rescaled_delta, *, gae_lambda, gamma):
    """The weight of every k-step advantage and of every TD error, in GAE and in the rescaled mixture.

    Args:
        gae_k, rescaled_k: weights of k = 1..n, each summing to one.
        gae_delta, rescaled_delta: coefficients of δ_t, ..., δ_{t+n-1}.
        gae_lambda, gamma: for the titles.
    """
    n = len(gae_k)
    figure, (left, right) = style.new_figure(10, 4.6, 1, 2, left=0.07, right=0.985, bottom=0.15, top=0.79, wspace=0.2)
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
    last = f"{number(gae_k[-1], 3)} in GAE, {number(rescaled_k[-1], 3)} rescaled"
    even = n > 1 and np.allclose(rescaled_k, rescaled_k[0])
    swatch(left, 0.02, 0.96, f"GAE: k = {n} has {number(gae_k[-1], 3)}", GAE)
    swatch(left, 0.02, 0.87, f"rescaled: {number(rescaled_k[-1], 3)}" + (" for every k" if even else ""), WRONG)
    swatch(right, 0.42, 0.96, f"GAE: last {number(gae_delta[-1], 3)}", GAE)
    swatch(right, 0.42, 0.87, f"rescaled: last {number(rescaled_delta[-1], 3)}", WRONG)
    return style.say(
        figure,
        f"With λ = {gae_lambda:.2f} and {n} steps left, the {n}-step advantage weighs {last}"
        + (" (as much as every other)" if even else "")
        + f"; at γ = {gamma:.2f} the last TD error counts {number(gae_delta[-1], 3)} and "
        f"{number(rescaled_delta[-1], 3)}.",
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
def three_rules(gae, to_the_end, capped, *, title):
    """Three rules for the same three rewards: one group of bars per step.

    Args:
        gae, to_the_end, capped: advantages of t = 0, 1, 2.
        title: what rewards they are.
    """
    figure, axes = style.new_figure(9, 3.9, bottom=0.13, top=0.86, left=0.07)
    rules = (
        ("GAE", gae, GAE),
        ("k runs to 3 at every step", to_the_end, WRONG),
        ("k stops at the end", capped, style.REWARD),
    )
    highest = max(max(numbers) for _, numbers, _ in rules)
    for place, (_, numbers, role) in enumerate(rules):
        spots = np.arange(3) + 0.28 * (place - 1)
        axes.bar(spots, numbers, 0.25, **role.bar())
        for x, y in zip(spots, numbers):
            axes.text(x, y + 0.02 * highest, f"{y:.3g}", ha="center", color=role.ink, fontweight="bold")
    axes.set_xticks(range(3), ["t = 0", "t = 1", "t = 2"])
    axes.set_ylim(0, 1.2 * highest)
    axes.set_title(title)
    for place, (name, _, role) in enumerate(rules):
        swatch(axes, 0.6, 0.93 - 0.11 * place, name, role)
    said = ", ".join(f"{name} ({', '.join(f'{v:.3g}' for v in numbers)})" for name, numbers, _ in rules)
    return style.say(figure, f"{title}: {said}.")
