"""Pictures of the gallery: what the seeds of each attempt have come to, and how."""

import numpy as np

from rlcourse import interval
from rlcourse.course.figures import style

LOOKS = (style.NEGATIVE, style.POLICY)
"""The first attempt, and the one that works."""
RESAMPLES = 1_000


@style.styled
def learning(title, attempts, solved, random):
    """Learning curves of a task's attempts: every seed, faint; their interquartile mean, and its 95 % interval.

    Args:
        title: name of the task.
        attempts: list of (label, steps per seed, curves [S, P], how many seeds have solved the task).
        solved: the return that counts as solved.
        random: the return of random actions.
    """
    figure, axes = style.new_figure(9, 4.5, bottom=0.15, right=0.965, top=0.76)
    said = []
    for (label, steps, curves, count), role in zip(attempts, _looks(attempts), strict=True):
        values = np.array(curves, dtype=float)  # None, before the first episode has ended, becomes NaN
        at = np.linspace(0, 100, values.shape[1] + 1)[1:]
        axes.plot(at, values.T, "-", color=role.color, linewidth=0.7, alpha=0.3)
        middle = interval(values, resamples=RESAMPLES)
        axes.fill_between(at, middle.low, middle.high, color=role.color, alpha=0.3, linewidth=0)
        words = f"{label}, {steps:,} steps: {count} of {len(values)} solve it"
        axes.plot(at, middle.center, **role.line(markevery=4, label=words))
        said.append(f"with {words}")
    axes.axhline(solved, color=style.INK, linestyle="--", linewidth=1.4)
    axes.axhline(random, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
    low, high = min(axes.get_ylim()[0], random), max(axes.get_ylim()[1], solved)
    room = 0.12 * (high - low)
    axes.set(
        xlim=(0, 100), ylim=(low - room, high + room), xlabel="% of the training", ylabel="return, with exploration"
    )
    style.direct_label(axes, 0, solved, f"solved: {solved:g}", dx=8, dy=10)
    style.direct_label(axes, 0, random, f"random: {random:.4g}", style.NEUTRAL, dx=8, dy=-10)
    axes.set_title(title, y=1.19)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.97), labelspacing=0.2)
    return style.say(figure, f"{title}: {'; '.join(said)}.")


@style.styled
def overview(tasks):
    """Every seed's score in every task, on one scale: 0 is what random actions return, 1 counts as solved.

    Args:
        tasks: dict from name to (random return, solved, list of the attempts' scores).
    """
    height = 0.6 * len(tasks) + 1.2
    figure, axes = style.new_figure(9, height, left=0.3, bottom=0.7 / height, top=1 - 0.5 / height)
    rng = np.random.default_rng(0)
    for row, (random, solved, attempts) in enumerate(tasks.values()):
        for scores, role, up in zip(
            attempts, _looks(attempts), (0.17, -0.17) if len(attempts) > 1 else (0.0,), strict=True
        ):
            share = np.clip((np.array(scores) - random) / (solved - random), -0.2, 1.6)
            height = -row + up + rng.uniform(-0.08, 0.08, len(share))
            axes.scatter(share, height, s=42, alpha=0.75, linewidth=0.8, **role.points())
    axes.axvline(1.0, color=style.INK, linestyle="--", linewidth=1.4)
    axes.set(xlim=(-0.25, 1.65), ylim=(0.5 - len(tasks), 0.5), xlabel="score of a seed: 0 is random, 1 is solved")
    style.set_ticks(axes.yaxis, [-row for row in range(len(tasks))], list(tasks))
    first, last = (role.sign for role in LOOKS)
    axes.set_title(f"{first} the defaults   {last} what works")
    counts = [
        f"{name} {sum(score >= solved for score in attempts[-1])} of {len(attempts[-1])}"
        for name, (_, solved, attempts) in tasks.items()
    ]
    return style.say(figure, f"Seeds that solve each task with what works: {', '.join(counts)}.")


def _looks(attempts):
    """One look per attempt; where the defaults work, that of what works."""
    return LOOKS if len(attempts) > 1 else LOOKS[1:]
