"""Few environments or many, at the same number of steps."""

import numpy as np
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.style import POLICY, REWARD
from rlcourse.lessons.parallel_actor_critic.plots.looks import BIG


@style.styled
def equal_steps(race, settings, found, *, total_steps, learned):
    """How many updates the same number of steps makes, and what 16 seeds have learned from them.

    Args:
        race: what the settings have in common, for the title.
        settings: the Settings, one row each.
        found: (center, low, high) of the return for each of them.
        total_steps: environment steps of every seed.
        learned: whether the returns are shown.
    """
    figure, (left, right) = style.new_figure(10, 5.0, 1, 2, left=0.2, right=0.975, bottom=0.15, top=0.79, wspace=0.1)
    figure.text(0.012, 0.94, f"CartPole, {total_steps:,} steps: {race}", fontsize=BIG, fontweight="bold", va="center")
    places = -np.arange(len(settings))
    updates = [setting.updates for setting in settings]
    left.barh(places, updates, height=0.62, **POLICY.bar())
    for place, setting in zip(places, settings, strict=True):
        left.text(1.15 * setting.updates, place, f"{setting.updates:,}", va="center", fontweight="bold")
    left.set(xscale="log", xlim=(10, 60_000), ylim=(places[-1] - 0.6, 0.6))
    style.set_ticks(left.yaxis, places, [_name(setting) for setting in settings])
    style.set_ticks(left.xaxis, (10, 100, 1000, 10_000), ("10", "100", "1k", "10k"))
    left.xaxis.set_minor_locator(NullLocator())
    left.set_title("updates")
    right.set(xlim=(0, 540), ylim=(places[-1] - 0.6, 0.6))
    right.set_title("return at the end, 16 seeds")
    style.set_ticks(right.yaxis, [])
    style.set_ticks(right.xaxis, (0, 100, 200, 300, 400, 500))
    if learned:
        _returns(right, places, found)
    else:
        right.text(270, places.mean(), "?", fontsize=60, ha="center", va="center", color=style.NEUTRAL.ink)
    said = "; ".join(f"{_name(s)}: {s.updates:,} updates" + _reached(f) * learned for s, f in zip(settings, found))
    return style.say(figure, f"A2C on CartPole for {total_steps:,} steps, {race}. {said}.")


def _name(setting):
    return f"N = {setting.num_envs}, T = {setting.steps}" + f", η × {setting.factor}" * (setting.factor > 1)


def _reached(found):
    center, low, high = found
    return f", return {center:.0f} ({low:.0f} to {high:.0f})"


def _returns(axes, places, found):
    """The middle of the seeds, and its interval."""
    for place, (center, low, high) in zip(places, found, strict=True):
        axes.plot([low, high], [place, place], color=REWARD.ink, linewidth=5, solid_capstyle="butt", alpha=0.6)
        axes.plot(center, place, **REWARD.line(markersize=11, linestyle=""))
        left = high > 400
        x, side = (low - 14, "right") if left else (high + 14, "left")
        axes.text(x, place, f"{center:.0f}", ha=side, va="center", fontweight="bold", color=REWARD.ink)
