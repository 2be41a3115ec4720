"""Six weights of one gradient, and their variances on the corridor."""

import numpy as np
from matplotlib.lines import Line2D

from rlcourse.course.figures import style
from rlcourse.course.figures.style import NEGATIVE, POLICY


@style.styled
def weights(plain, raised):
    """Variance of the gradient for each weight, with the rewards as they are and with 1 added to each of them.

    Args:
        plain, raised: dicts, name of the weight -> variance; the same names.
    """
    figure, axes = style.new_figure(9, 4.4, left=0.27, right=0.95, bottom=0.15, top=0.84)
    names = sorted(plain, key=lambda name: -raised[name])
    y = np.arange(len(names))[::-1]
    axes.set(xlim=(-1.0, 2.75), ylim=(-0.6, len(names) - 0.4), yticks=y, xticks=range(-1, 3))
    axes.set_xticklabels(["0.1", "1", "10", "100"])
    axes.set_yticklabels(names, fontsize=style.BASE_SIZE)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("variance of the gradient of one episode")
    low, high = (np.log10([rows[name] for name in names]) for rows in (plain, raised))
    for at, a, b in zip(y, low, high, strict=True):
        axes.plot([-1, 2.75], [at, at], color="#ececec", linewidth=1, zorder=0)
        axes.plot([a, b], [at, at], color=NEGATIVE.color, linewidth=4, alpha=0.45, zorder=1)
    axes.plot(low, y, POLICY.marker, color=POLICY.color, markeredgecolor=POLICY.ink, markersize=11, zorder=3)
    axes.plot(high, y, NEGATIVE.marker, color=NEGATIVE.color, markeredgecolor=NEGATIVE.ink, markersize=11, zorder=2)
    for at, a, b, name in zip(y, low, high, names, strict=True):
        if b - a > 0.1:
            style.direct_label(axes, a, at, f"{plain[name]:.3g}", POLICY, dx=-10, dy=0, ha="right")
        style.direct_label(axes, b, at, f"{raised[name]:.3g}", NEGATIVE if b - a > 0.1 else POLICY, dx=10, dy=0)
    for x, role, text in ((0.27, POLICY, "rewards as they are"), (0.56, NEGATIVE, "1 added to every reward")):
        figure.text(x + 0.03, 0.93, text, color=role.ink, fontweight="bold", va="center")
        figure.add_artist(
            Line2D(
                [x + 0.012],
                [0.93],
                marker=role.marker,
                color=role.color,
                markersize=10,
                markeredgecolor=role.ink,
                transform=figure.transFigure,
            )
        )
    worst = names[0]
    return style.say(
        figure,
        f"Variance of the gradient on the corridor, for {len(names)} weights: "
        + ", ".join(f"{name} {plain[name]:.3g} and {raised[name]:.3g}" for name in names)
        + f"; adding 1 to every reward hurts {worst} most and every weight with a baseline not at all.",
    )
