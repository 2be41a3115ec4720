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
    figure, axes = style.new_figure(9, 3.8, bottom=0.17, right=0.965)
    axes.set_title(title)
    axes.set_ylabel("return of an episode")
    _environment_steps(axes, total_steps)
    sentence = f"{title}: no episode has finished yet."
    if len(returns):
        axes.plot(steps, returns, ".", color=style.ACTION.color, markersize=5, alpha=0.8, label="one episode")
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
        axes.legend(loc="lower right", markerscale=2.5)
    return style.say(figure, sentence)


def _environment_steps(axes, total_steps):
    """The axis of all learning curves, in thousands from there on: its last number has to fit into the margin."""
    axes.set_xlabel("environment steps")
    axes.set_xlim(0, total_steps)
    axes.xaxis.set_major_formatter(lambda steps, _: f"{steps / 1000:g}k" if steps >= 1000 else f"{steps:g}")


COMPARED = (style.NEGATIVE, style.REWARD, style.VALUE, style.POLICY, style.HIGHLIGHT, style.NEUTRAL)


@style.styled
def learning_curves(curves, total_steps, *, title, solved=None, window=20):
    """Running means of returns, one line an agent, its label at the right end.

    Args:
        curves: dict from a short label to (steps, returns) as in `learning_curve`; six at most.
        total_steps, title, solved, window: as in `learning_curve`.
    """
    figure, axes = style.new_figure(9, 4.2, bottom=0.15, right=0.82)
    axes.set_title(title)
    axes.set_ylabel(f"mean return of {window} episodes")
    _environment_steps(axes, total_steps)
    last = {}
    for (label, (steps, returns)), role in zip(curves.items(), COMPARED, strict=False):
        if len(returns):
            sums = np.cumsum(np.concatenate([[0.0], returns]))
            first = np.maximum(np.arange(1, len(sums)) - window, 0)
            mean = (sums[1:] - sums[first]) / (np.arange(1, len(sums)) - first)
            axes.plot(steps, mean, **role.line(markevery=max(1, len(mean) // 8)))
            last[label] = (mean[-1], role)
    high = axes.get_ylim()[1]
    high = max(high, 1.08 * solved) if solved is not None else high
    axes.set_ylim(0, high)
    if solved is not None:
        axes.axhline(solved, color=style.INK, linestyle="--", linewidth=1.4)
        style.direct_label(axes, 0, solved, f"solved: {solved:g}", dx=8, dy=-12)
    ends = sorted(last.items(), key=lambda item: item[1][0])
    for (label, (value, role)), place in zip(ends, _apart([value / high for _, (value, _) in ends])):
        axes.text(1.02, place, f"{label}: {value:.0f}", transform=axes.transAxes, color=role.ink,
                  fontweight="bold", va="center")
    said = ", ".join(f"{label} {value:.0f}" for label, (value, _) in last.items()) or "no episode has finished yet"
    return style.say(figure, f"{title}: mean of the last {window} returns: {said}.")


def _apart(places, gap=0.085, top=0.98):
    """Heights of labels, moved up until none touches the next, then down again if they ran over the top."""
    places = list(places)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], top - gap * (len(places) - 1 - i))
    return places
