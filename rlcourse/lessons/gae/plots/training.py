"""λ in training, and two ways to train a critic, each in several forms."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.lessons.gae.plots.looks import GAE, PLAIN


@style.styled
def critic_race(races, *, start):
    """Error of a critic after training, one bar per method.

    Args:
        races: dict of title -> dict of method -> error; a method whose name begins with TD is drawn in GAE's look.
        start: error before any training.
    """
    figure, panels = style.new_figure(10, 4.0, 1, len(races), left=0.275, right=0.985, bottom=0.15, top=0.9, wspace=0.1)
    for axes, (title, errors) in zip(panels, races.items()):
        for row, (name, error) in enumerate(errors.items()):
            role = GAE if name.startswith("TD") else style.REWARD
            axes.barh(row, error, 0.62, **role.bar())
            axes.text(0.345, row, f"{error:.3f}", color=role.ink, fontweight="bold", va="center", ha="right")
        axes.axvline(start, color=PLAIN.ink, linestyle=":", linewidth=1.8)
        axes.set_xlim(0, 0.35)
        axes.set_xticks([0, 0.1, 0.2, 0.3])
        axes.set_ylim(len(errors) - 0.5, -0.5)
        axes.set_yticks(range(len(errors)), list(errors) if axes is panels[0] else [""] * len(errors))
        axes.set_xlabel("error of V after 60 episodes")
        axes.set_title(title)
    style.direct_label(panels[0], start, 0.5, "untrained", PLAIN, dx=-6, dy=0, ha="right", fontweight="normal")
    said = "; ".join(
        f"{title}: {', '.join(f'{n} {e:.3f}' for n, e in errors.items())}" for title, errors in races.items()
    )
    return style.say(figure, f"Error of V after 60 episodes. {said}; untrained {start:.3f}.")


@style.styled
def lambda_scores(panels, *, seeds):
    """Mean return over training for each λ, with its 95 % interval over the seeds.

    Args:
        panels: dict of title -> (values of λ, means over the seeds, low ends, high ends of the intervals).
        seeds: how many.
    """
    figure, rows = style.new_figure(10, 3.9, 1, len(panels), left=0.075, right=0.99, bottom=0.1, top=0.87, wspace=0.1)
    for axes, (title, (lambdas, scores, low, high)) in zip(np.atleast_1d(rows), panels.items()):
        places = np.arange(len(lambdas))
        below_above = [np.subtract(scores, low), np.subtract(high, scores)]
        look = {"color": GAE.color, "ecolor": GAE.ink, "capsize": 9, "elinewidth": 2.4, "capthick": 2.4}
        axes.errorbar(places, scores, below_above, linestyle="", marker="o", markersize=8, **look)
        for place, score, top in zip(places, scores, high):
            axes.annotate(
                f"{score:.0f}",
                (place, top),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
                color=GAE.ink,
                fontweight="bold",
            )
        axes.set_xticks(places, [f"λ = {value:g}" for value in lambdas])
        axes.set_xlim(-0.6, len(lambdas) - 0.4)
        axes.set_ylim(0, 470)
        axes.set_title(title)
    np.atleast_1d(rows)[0].set_ylabel(f"mean return over training, {seeds} seeds")
    said = "; ".join(
        f"{title}: "
        + ", ".join(f"λ = {v:g}: {s:.0f} ({a:.0f} to {b:.0f})" for v, s, a, b in zip(lambdas, scores, low, high))
        for title, (lambdas, scores, low, high) in panels.items()
    )
    return style.say(figure, f"Mean return over training, {seeds} seeds. {said}.")
