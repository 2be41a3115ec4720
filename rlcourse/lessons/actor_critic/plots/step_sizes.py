"""Step sizes: the map of batch sizes and step sizes, and two critics that each want their own."""

import numpy as np
from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import words

TD, MONTE_CARLO = style.POLICY, style.REWARD
BATCH_ROLES = (style.NEGATIVE, style.REWARD, style.VALUE, style.POLICY)
"""One look for each batch size, small to large."""


@style.styled
def step_size_map(solved, batches, step_sizes, *, batch, step_size, noise, against):
    """Share of learners that solve the task, over batch size and step size, and the same along one axis.

    Args:
        solved: shares, shape [batches, step sizes].
        batches, step_sizes: the grid; step sizes in equal ratios.
        batch, step_size: the cell to mark, with all cells of (nearly) the same ratio η/B.
        noise: standard deviation of the reward noise, for the title.
        against: "η" or "η / B", the axis of the curves on the right.
    """
    figure, (left, right) = style.new_figure(
        10, 4.9, 1, 2, left=0.075, right=0.985, bottom=0.13, top=0.80, wspace=0.13, width_ratios=(1.55, 1)
    )
    title = f"reward noise σ = {noise:g}:  % of the learners that solve the two exits"
    figure.text(0.075, 0.945, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    row, column = batches.index(batch), int(np.argmin(np.abs(np.log(np.array(step_sizes) / step_size))))
    ratio = np.log(np.array(step_sizes)[None] / np.array(batches)[:, None])
    partners = [tuple(cell) for cell in np.argwhere(np.abs(ratio - ratio[row, column]) < 0.1)]
    _shares(left, solved, batches, step_sizes)
    _partners(left, partners, (row, column))
    shown = f"B = {batch}, η = {step_sizes[column]:.2g}:  {100 * solved[row, column]:.0f} % solve it"
    if batch == batches[-1]:
        shown += f"   (η ends at {step_sizes[-1]:g})"
    left.set_title(shown, color=style.HIGHLIGHT.ink)
    _share_curves(right, solved, batches, step_sizes, (row, column), against == "η / B")
    others = ", ".join(
        f"B = {batches[i]}, η = {step_sizes[j]:.2g}: {100 * solved[i, j]:.0f} %" for i, j in partners if i != row
    )
    return style.say(
        figure,
        f"Reward noise {noise:g}: with B = {batch} and η = {step_sizes[column]:.2g}, "
        f"{100 * solved[row, column]:.0f} % of the learners solve the two exits; at the same η/B, "
        + (others or "no other cell of the map")
        + ".",
    )


def _shares(axes, solved, batches, step_sizes):
    """The map: a cell for each batch and step size, the bluer the more learners solve the task."""
    axes.imshow(solved, cmap="Blues", vmin=0, vmax=1.15, aspect="auto", origin="lower")
    for i, j in np.ndindex(*solved.shape):
        color = style.CARD if solved[i, j] > 0.6 else style.INK
        words(axes, j, i, f"{100 * solved[i, j]:.0f}", fontsize=style.BASE_SIZE, color=color, zorder=5)
    every_other = [f"{eta:.2g}" if j % 2 == 0 else "" for j, eta in enumerate(step_sizes)]
    style.set_ticks(axes.xaxis, np.arange(len(step_sizes)), every_other)
    style.set_ticks(axes.yaxis, range(len(batches)), batches)
    axes.set_xlabel("step size η")
    axes.set_ylabel("batch size B", labelpad=3)


def _partners(axes, partners, chosen):
    """A frame around the chosen cell, and around all others with the same step size per sample."""
    rows, columns = zip(*partners, strict=True)
    dashed = {"color": style.HIGHLIGHT.ink, "linewidth": 2.4, "linestyle": (0, (4, 2))}
    axes.plot(columns, rows, zorder=2, alpha=0.8, **dashed)
    for i, j in partners:
        width, dashes = (4.5, "-") if (i, j) == chosen else (2.2, "--")
        look = {"facecolor": "none", "edgecolor": style.HIGHLIGHT.ink, "linewidth": width, "linestyle": dashes}
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, zorder=4, **look))


def _share_curves(axes, solved, batches, step_sizes, chosen, per_sample):
    """The same shares as a curve for each batch size, against η, or η / N if `per_sample`."""
    row, column = chosen
    for i, (size, role) in enumerate(zip(batches, BATCH_ROLES, strict=True)):
        x = np.log10(np.array(step_sizes) / (size if per_sample else 1))
        axes.plot(x, 100 * solved[i], **role.line(linewidth=2.2))
        if i == row:
            look = role.line(markersize=15, markeredgewidth=3, zorder=6, markeredgecolor=style.HIGHLIGHT.ink)
            axes.plot(x[column], 100 * solved[i, column], **look)
        look = {"color": role.ink, "fontweight": "bold", "va": "center", "fontsize": style.BASE_SIZE - 1}
        axes.text(-0.02 + 0.255 * i, 1.055, f"{role.sign} B={size}", transform=axes.transAxes, **look)
    low = -4 if per_sample else -2
    axes.set_xlim(low - 0.1, 0.1)
    axes.set_ylim(-3, 103)
    style.set_ticks(axes.xaxis, range(low, 1), [f"{10.0**k:g}" for k in range(low, 1)])
    style.set_ticks(axes.yaxis, range(0, 101, 25))
    axes.set_xlabel("step size per sample, η / B" if per_sample else "step size η")


ACTOR_ROLES = (style.POLICY, style.REWARD, style.NEGATIVE)
"""One look for each step size of the actor, small to large."""


@style.styled
def critic_steps(solved, actor_steps, critic_steps, *, noise, chosen, against):
    """Share of learners that solve the two exits against the step size of the critic, one curve per step of the actor.

    Args:
        solved: shares, shape [actor steps, critic steps].
        actor_steps, critic_steps: η and η_V.
        noise: standard deviation of the reward noise, for the title.
        chosen: the η_V to mark.
        against: "η_V" or "η_V / η", the axis.
    """
    figure, axes = style.new_figure(9, 4.6, left=0.09, right=0.975, bottom=0.14, top=0.79)
    title = f"reward noise σ = {noise:g}:  % of the learners that solve the two exits"
    figure.text(0.09, 0.945, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    column, said, ratio = critic_steps.index(chosen), [], against == "η_V / η"
    for i, (eta, role) in enumerate(zip(actor_steps, ACTOR_ROLES, strict=True)):
        x = np.log10(np.array(critic_steps) / (eta if ratio else 1))
        axes.plot(x, 100 * solved[i], **role.line(linewidth=2.4))
        look = role.line(markersize=15, markeredgewidth=3, zorder=6, markeredgecolor=style.HIGHLIGHT.ink, clip_on=False)
        axes.plot(x[column], 100 * solved[i, column], **look)
        share = f"{100 * solved[i, column]:.0f} %"
        look = {"color": role.ink, "fontweight": "bold", "va": "center", "fontsize": style.BASE_SIZE}
        axes.text(0.335 * i, 1.06, f"{role.sign} actor η = {eta:g}: {share}", transform=axes.transAxes, **look)
        said.append(f"{share} with η = {eta:g}")
    low, high = (-2, 2) if ratio else (-2, 0)
    axes.set_xlim(low - 0.08, high + 0.08)
    axes.set_ylim(-3, 103)
    style.set_ticks(axes.xaxis, range(low, high + 1), [f"{10.0**k:g}" for k in range(low, high + 1)])
    style.set_ticks(axes.yaxis, range(0, 101, 25))
    if ratio:
        axes.axvline(0, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
    words_of_x = (
        "step size of the critic as a multiple of the actor's, η_V / η" if ratio else "step size of the critic, η_V"
    )
    axes.set_xlabel(words_of_x)
    return style.say(
        figure,
        f"Reward noise {noise:g}: of the learners whose critic takes steps of {chosen:g}, {', '.join(said)} solve it.",
    )


TOP = 0.75
"""Errors above it are drawn at the edge; the numbers beside them are theirs."""


@style.styled
def critic_race(rates, td, monte_carlo, *, td_rate, mc_rate, noise, episode, start):
    """The error of two critics while they learn, and against the step size after some episodes.

    Args:
        rates: step sizes.
        td, monte_carlo: errors of V, shape [episodes + 1, rates, runs].
        td_rate, mc_rate: the step sizes to follow.
        noise: standard deviation of the reward noise, for the title.
        episode: the moment to look at on the right.
        start: the error before any training.
    """
    figure, (left, right) = style.new_figure(
        10, 5.0, 1, 2, left=0.075, right=0.985, bottom=0.125, top=0.755, wspace=0.17, width_ratios=(1.25, 1)
    )
    title = f"reward noise σ = {noise:g}:  how wrong is V?"
    figure.text(0.075, 0.945, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    figure.text(0.985, 0.945, f"dotted: untrained, {start:.3f}", va="center", ha="right", color=style.NEUTRAL.ink)
    said = []
    left.axvline(episode, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
    chosen = (("TD(0)", td, td_rate, TD), ("Monte Carlo", monte_carlo, mc_rate, MONTE_CARLO))
    followed = max(errors[episode, rates.index(rate)].mean() for _, errors, rate, _ in chosen)
    top = TOP if followed <= TOP else 1.1 * followed  # one scale for nearly all places of the controls
    for i, (name, errors, rate, role) in enumerate(chosen):
        runs, means = errors[:, rates.index(rate)], errors[episode].mean(-1)
        now, best = runs[episode].mean(), int(means.argmin())
        at_best = f"η = {rates[best]:g}: {means[best]:.3f}"
        _course(left, runs, episode, now, role)
        _against_rates(right, rates, means, rate, now, role)
        for axes, text in ((left, f"{name} with η = {rate:g}: error {now:.3f}"), (right, f"at its best, {at_best}")):
            look = {"color": role.ink, "fontweight": "bold", "va": "center"}
            axes.text(0.0, 1.15 - 0.085 * i, f"{role.sign} {text}", transform=axes.transAxes, **look)
        said.append(f"{name} with η = {rate:g} has error {now:.3f}, at its best, {at_best}")
    for axes in (left, right):
        axes.axhline(start, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
        axes.set_ylim(0, top)
        style.set_ticks(axes.yaxis, (0, 0.25, 0.5, 0.75) if top == TOP else np.arange(0, top, 0.5))
    left.set_xlim(0, len(td) - 1)
    style.set_ticks(left.xaxis, range(0, len(td), 10))
    left.set_xlabel("episodes")
    left.set_ylabel("error of V", labelpad=2)
    right.set_xlim(np.log10(rates[0]) - 0.1, np.log10(rates[-1]) + 0.1)
    style.set_ticks(right.xaxis, np.log10(rates), [f"{rate:g}" for rate in rates])
    right.set_xlabel(f"step size η, after {episode} episode{'s' * (episode != 1)}")
    return style.say(
        figure, f"Reward noise {noise:g}, after {episode} episodes: {'; '.join(said)}; untrained {start:.3f}."
    )


def _course(axes, runs, episode, now, role):
    """The error of one critic episode by episode: mean, the middle half of the runs, and a marker for now."""
    episodes = np.arange(len(runs))
    low, high = np.quantile(runs, (0.25, 0.75), axis=1)
    axes.fill_between(episodes, low, high, facecolor=role.color, alpha=0.22, linewidth=0)
    axes.plot(episodes, runs.mean(1), **role.line(marker="", linewidth=3))
    axes.plot(episode, now, **role.line(markersize=12, clip_on=False, zorder=5))


def _against_rates(axes, rates, means, rate, now, role):
    """The error of one critic against its step size, and a marker for the one that is followed."""
    axes.plot(np.log10(rates), means, **role.line())
    marker = role.line(markersize=14, markeredgewidth=2.5, clip_on=False, zorder=5)
    axes.plot(np.log10(rate), now, **marker)
