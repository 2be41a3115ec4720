"""Two populations of policies that climb the same bowl."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import POLICY, REWARD


@style.styled
def race(middles, steps, *, dims, draws, total_steps, seeds):
    """E[Q] per component against gradient steps, as far as the reader has come.

    Args:
        middles: dict from an estimator's name to an Interval [total_steps + 1].
        steps: how many gradient steps are shown.
        dims, draws: components of the action; draws of one estimate.
        total_steps: right end of the axis.
        seeds: how many learners there are of each kind.
    """
    figure, axes = style.new_figure(9, 4.4, bottom=0.15, right=0.77)
    at, said, places = np.arange(steps + 1), [], []
    for (name, middle), role in zip(middles.items(), (POLICY, REWARD), strict=True):
        shown = slice(0, steps + 1)
        axes.fill_between(at, middle.low[shown], middle.high[shown], color=role.color, alpha=0.25, linewidth=0)
        axes.plot(at, middle.center[shown], **role.line(marker=""))
        axes.plot(at[-1:], middle.center[steps : steps + 1], **role.line(marker="o"))
        value, low, high = (number(part[steps]) for part in middle)
        said.append(f"{name} {value} ({low} to {high})")
        places.append((middle.center[steps], f"{name}\n{value}", role))
    places.sort(key=lambda place: place[0])
    heights = np.clip([place[0] for place in places], -1.3, -0.05)
    heights[1] = min(max(heights[1], heights[0] + 0.26), -0.02)
    heights[0] = min(heights[0], heights[1] - 0.26)
    for height, (_, words, role) in zip(heights, places, strict=True):
        look = {"color": role.ink, "fontweight": "bold", "va": "center"}
        axes.text(1.03, height, words, transform=axes.get_yaxis_transform(), **look)
    axes.set_xlim(0, total_steps)
    axes.set_ylim(-1.45, 0.04)
    axes.set_xlabel("gradient steps", labelpad=1)
    axes.set_ylabel("E[Q] per component")
    parts = "1 component" if dims == 1 else f"{dims} components"
    each = "1 draw" if draws == 1 else f"{draws} draws"
    axes.set_title(f"{seeds} policies of {parts}, {each} per step")
    return style.say(
        figure,
        f"{seeds} policies of {parts} with {each} per step: after {steps} of {total_steps} gradient steps the mean of "
        f"Q per component is {' and '.join(said)}.",
    )
