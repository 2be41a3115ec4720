"""The temperature: what it saves from a false peak, and what a nat of entropy costs."""

import math

import numpy as np
from matplotlib.collections import PolyCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import BALL, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, VALUE
from rlcourse.lessons.soft_policy_iteration.plots.looks import BIG, DASHES, chance


@style.styled
def false_peak(actions, true, critic, rows):
    """A critic with a spurious peak, and what the Boltzmann policy of each temperature truly earns.

    Args:
        actions, true, critic: a, Q(a) and its estimate.
        rows: (α, share of the policy on the peak, true value earned), by rising α.
    """
    figure, (left, right) = style.new_figure(10, 4.1, 1, 2, left=0.06, right=0.985, bottom=0.15, top=0.88, wspace=0.2)
    left.plot(actions, true, color=VALUE.color, linewidth=4.5, alpha=0.55)
    left.plot(actions, critic, color=NEGATIVE.color, linewidth=2.2, linestyle=DASHES)
    left.set_xlim(-1, 1)
    left.set_ylim(0, 1.7)
    style.set_ticks(left.xaxis, (-1, -0.5, 0, 0.5, 1))
    style.set_ticks(left.yaxis, (0, 0.5, 1, 1.5))
    left.set_xlabel("action a", labelpad=1)
    left.set_title("a critic that errs at one action")
    left.text(-0.92, 1.15, "true Q", color=VALUE.ink, fontweight="bold")
    left.text(0.44, 1.3, "the critic", color=NEGATIVE.ink, fontweight="bold", ha="right")
    alphas, on_peak, earned = np.array(rows).T
    at = np.log10(alphas)
    right.plot(at, on_peak, color=NEGATIVE.color, linewidth=3, linestyle=DASHES)
    right.plot(at, earned, color=VALUE.color, linewidth=3)
    best = int(earned.argmax())
    right.plot([at[best]], [earned[best]], "o", markersize=12, color=BALL, markeredgecolor=INK)
    right.set_xlim(at[0], at[-1])
    right.set_ylim(0, 1.12)
    ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
    style.set_ticks(right.xaxis, np.log10(ticks), [f"{tick:g}" for tick in ticks])
    style.set_ticks(right.yaxis, (0, 0.5, 1))
    right.set_xlabel("temperature α", labelpad=1)
    right.set_title(f"best: α = {alphas[best]:.2g}, earns {number(earned[best])}")
    right.text(at[2], 1.06, "share of the policy on the false peak", color=NEGATIVE.ink, fontweight="bold", va="center")
    right.text(at[-1], 0.7, "true value earned", color=VALUE.ink, fontweight="bold", ha="right", va="center")
    return style.say(
        figure,
        f"A critic with a false peak: greedy, the policy sits on it and earns {number(earned[0])}; at α = "
        f"{alphas[best]:.2g} only {chance(on_peak[best])} of it does, and it earns most, {number(earned[best])}.",
    )


@style.styled
def dial(policy, greedy, *, alpha, scale, reward, entropy, best, uniform, frontier=None):
    """A policy as a point (entropy, reward), with the price α as a slope; and its probabilities as squares.

    Args:
        policy: π(a|s), [S, A].
        greedy: the best action of every state for the task alone.
        alpha, scale: α, and the factor on all rewards.
        reward, entropy: of the policy, a step; reward in its old unit.
        best: the largest reward a step there is.
        uniform: (entropy, reward) of the uniform policy.
        frontier: (entropies, rewards) of the soft optima at all α, or None.
    """
    figure, (left, right) = style.new_figure(
        10, 5.3, 1, 2, left=0.075, right=0.965, bottom=0.13, top=0.8, wspace=0.16, width_ratios=(2.3, 1)
    )
    times = "" if scale == 1 else f", rewards × {scale:g}"
    figure.text(0.075, 0.947, f"α = {alpha:g}{times}", fontsize=BIG, fontweight="bold", va="center")
    gained = f"{100 * reward / best:.1f} % of the best reward, {number(math.exp(entropy), 2)} actions in use"
    figure.text(0.985, 0.947, gained, fontsize=style.BASE_SIZE + 1, ha="right", va="center")
    _reward_and_entropy(left, reward, entropy, alpha / scale, uniform, frontier, most=math.log(policy.shape[1]))
    _squares(right, policy, greedy)
    return style.say(
        figure,
        f"The soft optimum at α = {alpha:g}{times}: reward per step {number(reward, 3)} in its old unit, "
        f"{100 * reward / best:.1f} % of the best, entropy per step {number(entropy, 3)} nats, as if "
        f"{number(math.exp(entropy), 2)} of 4 actions were in use; one more nat costs {alpha / scale:.3g}.",
    )


def _reward_and_entropy(axes, reward, entropy, price, uniform, frontier, most):
    """The policy as a ball, the uniform one as a diamond; the dashed line has the slope of the price of a nat."""
    axes.set_xlim(-0.03, most * 1.05)
    axes.set_ylim(0, 1.18)
    if frontier is not None:
        axes.fill_between(frontier[0], frontier[1], color="#eef2f7", linewidth=0, zorder=0)
        axes.plot(*frontier, color=POLICY.color, linewidth=4, zorder=2)
    reach = np.array([-0.03, 1.5])
    axes.plot(reach, reward - price * (reach - entropy), color=HIGHLIGHT.color, linewidth=2.2, linestyle=DASHES)
    axes.plot(*uniform, "D", markersize=9, color=NEUTRAL.color, markeredgecolor=INK)
    axes.text(uniform[0] - 0.02, uniform[1] - 0.075, "uniform", ha="right", va="center", color=NEUTRAL.ink)
    style.ball(axes, entropy, reward, size=17)
    style.set_ticks(axes.xaxis, (0, 0.5, 1, most), ("0", "0.5", "1", "log 4"))
    style.set_ticks(axes.yaxis, (0, 0.5, 1))
    axes.set_xlabel("entropy per step, nats", labelpad=1)
    axes.set_title(f"reward per step {number(reward, 3)}, entropy {number(entropy, 3)}", pad=10)
    look = {"color": HIGHLIGHT.ink, "fontweight": "bold", "va": "center"}
    axes.text(0.03, 0.05, f"dashed: slope −{price:.3g}", transform=axes.transAxes, **look)


def _squares(axes, policy, greedy):
    """π(a|s) as the area of a square, and a ball on the best action for the task alone."""
    squares = []
    for s, row in enumerate(policy):
        for a, p in enumerate(row):
            half = 0.46 * math.sqrt(p)
            squares.append([(a - half, -s - half), (a - half, -s + half), (a + half, -s + half), (a + half, -s - half)])
    axes.add_collection(PolyCollection(squares, facecolors=POLICY.color, edgecolors=POLICY.ink, linewidths=1))
    look = {"markersize": 6, "color": BALL, "markeredgecolor": INK, "linestyle": ""}
    axes.plot(greedy, -np.arange(len(greedy)), "o", zorder=4, **look)
    axes.set_xlim(-0.6, policy.shape[1] - 0.4)
    axes.set_ylim(0.6 - len(policy), 0.6)
    axes.set_aspect("equal")
    style.set_ticks(axes.xaxis, range(4), ("a1", "a2", "a3", "a4"))
    style.set_ticks(axes.yaxis, [-s for s in range(len(policy))], [f"s{s}" for s in range(len(policy))])
    axes.set_title("π,  ● task's best", pad=10)
