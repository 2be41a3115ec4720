"""Ratio and divergence: what a sample says about two policies."""

from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE


class Estimate(NamedTuple):
    """One measure of how far apart two policies are, exactly and from a sample."""

    name: str
    mean: float
    """Of the sample."""
    truth: float
    spread: float
    """Standard deviation of one draw."""
    error: float
    """The same of the sample's mean."""
    role: style.Role


@style.styled
def distance(old, new, apart, drawn, *, spreads):
    """Two policies, their ratios, and what a sample says about how far apart they are.

    Args:
        old, new: probabilities of the actions.
        apart: ratios, tv, kl, k1, k3 as `experiments.Distance` holds them.
        drawn: numbers of the actions sampled from the old policy.
        spreads: standard deviations of one sample of |ρ - 1| / 2, k1 and k3.
    """
    figure, (left, right) = style.new_figure(
        10, 4.9, 1, 2, left=0.055, right=0.985, bottom=0.12, top=0.84, wspace=0.3, width_ratios=(1, 1.12)
    )
    _two_policies(left, old, new, apart.ratios)
    rows = [
        Estimate(name, values[drawn].mean(), truth, spread, spread / len(drawn) ** 0.5, role)
        for (name, values, truth, role), spread in zip(
            (
                ("½|ρ−1|", 0.5 * np.abs(apart.ratios - 1), apart.tv, REWARD),
                ("k1", apart.k1, apart.kl, NEGATIVE),
                ("k3", apart.k3, apart.kl, VALUE),
            ),
            spreads,
            strict=True,
        )
    ]
    _estimates(right, rows)
    count = f"{len(drawn)} sample{'s' * (len(drawn) > 1)}"
    right.set_title(f"TV = {number(apart.tv, 3)},  KL = {number(apart.kl, 3)};  {count}", pad=12)
    return style.say(
        figure,
        f"Ratios {', '.join(number(ratio) for ratio in apart.ratios)}; total variation {number(apart.tv, 3)}, KL "
        f"{number(apart.kl, 3)}; from {count} k1 says {number(apart.k1[drawn].mean(), 3)} and k3 "
        f"{number(apart.k3[drawn].mean(), 3)}; one sample of k1 scatters by {number(spreads[1], 3)}, of k3 by "
        f"{number(spreads[2], 3)}.",
    )


def _two_policies(axes, old, new, ratios):
    """Bars for both policies, and the ratio above each pair."""
    spots = np.arange(3)
    axes.bar(spots - 0.2, old, 0.36, **NEUTRAL.bar())
    axes.bar(spots + 0.2, new, 0.36, **POLICY.bar())
    for x, before, after, ratio in zip(spots, old, new, ratios, strict=True):
        text = f"ρ = {number(ratio)}" if ratio < 100 else f"ρ = {ratio:.0f}"
        axes.text(x, max(before, after) + 0.03, text, ha="center", fontweight="bold", fontsize=style.BASE_SIZE + 1)
    axes.set_ylim(0, 1.12)
    axes.set_xlim(-0.55, 2.55)
    style.set_ticks(axes.xaxis, spots, ["action 1", "action 2", "action 3"])
    style.set_ticks(axes.yaxis, (0, 0.5, 1))
    axes.text(0.0, 1.06, "■ old", transform=axes.transAxes, color=NEUTRAL.ink, fontweight="bold")
    axes.text(0.2, 1.06, "● new policy", transform=axes.transAxes, color=POLICY.ink, fontweight="bold")


def _estimates(axes, rows):
    """A row for each measure: a line for the exact value, a band of one standard error, a marker for the sample."""
    tv, k1, k3 = rows
    means = abs(k1.mean), k3.mean
    reach = 1.15 * max(*means, k1.truth, tv.truth, *(abs(row.truth) + min(row.spread, 2) for row in rows))
    reach = max(0.05, reach)
    low = min(-0.35 * reach, 1.15 * k1.mean, 1.1 * (k1.truth - min(k1.spread, 2)))
    for y, row in zip((2, 1, 0), rows, strict=True):
        _estimate(axes, y, row, low, reach)
    axes.axvline(0, color=INK, linewidth=0.8, zorder=0)
    axes.set_xlim(low, reach)
    axes.set_ylim(-0.55, 2.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("marker: sample;  line: exact;  band: ± s.e.", labelpad=0)


def _estimate(axes, y, row, low, reach):
    """One row at height y of an axis from `low` to `reach`."""
    role, truth, error = row.role, row.truth, row.error
    band = {"color": style.mix(role.color, 0.35), "linewidth": 15, "solid_capstyle": "butt"}
    axes.plot((truth - error, truth + error), (y, y), zorder=1, **band)
    for end, tip, outside in ((reach, ">", truth + error > reach), (low, "<", truth - error < low)):
        if outside:  # the band goes on beyond the picture
            axes.plot([end], [y], tip, markersize=17, color=style.mix(role.color, 0.6), clip_on=False, zorder=2)
    axes.plot((truth, truth), (y - 0.19, y + 0.19), color=INK, linewidth=3, zorder=3)
    axes.plot([row.mean], [y], role.marker, markersize=14, color=role.color, markeredgecolor=INK, zorder=5)
    look = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center", "color": role.ink}
    axes.text(-0.055, y, row.name, fontweight="bold", fontsize=style.BASE_SIZE + 1, **look)
    axes.text(0.99, y + 0.38, f"sample {number(row.mean, 3)}, exact {number(truth, 3)}", **look)
