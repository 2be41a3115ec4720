"""The learning curve, drawn while it grows and once it stands."""

import numpy as np

from rlcourse.plots import style


@style.styled
def learning_curve(steps, returns, total_steps, *, title, solved=None, window=20):
    """Returns of finished episodes against environment steps, their running mean, and the line that counts as solved.

    Args:
        steps, returns: arrays; episode i ended after steps[i] with returns[i].
        total_steps: right end of the axis.
        title: what is being trained, on what.
        solved: the return that counts as solved, or None.
        window: episodes in the running mean.
    """
    figure, axes = style.new_figure(9, 3.8, bottom=0.17)
    axes.set_title(title)
    axes.set_xlabel("environment steps")
    axes.set_ylabel("return of an episode")
    axes.set_xlim(0, total_steps)
    sentence = f"{title}: no episode has finished yet."
    if len(returns):
        axes.plot(steps, returns, ".", color=style.ACTION.color, markersize=4, alpha=0.6, label="one episode")
        width = min(window, len(returns))
        mean = np.convolve(returns, np.ones(width) / width, mode="valid")
        axes.plot(steps[width - 1 :], mean, "-", color=style.POLICY.ink, linewidth=2.6, label=f"mean of {width}")
        sentence = (
            f"{title}: after {steps[-1]:,} steps and {len(returns)} episodes "
            f"the mean of the last {width} returns is {mean[-1]:.1f}."
        )
    if solved is not None:
        axes.axhline(solved, color=style.VALUE.ink, linestyle="--", linewidth=1.6)
        style.direct_label(axes, 0, solved, f"solved: {solved:g}", style.VALUE, dx=8, dy=-10)
    if len(returns):
        axes.legend(loc="lower right")
    return style.say(figure, sentence)
