"""Learners: the number that is handed to autograd beside the return, and many tables side by side at two exits."""

import numpy as np

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import NEGATIVE, NEUTRAL, POLICY, REWARD
from rlcourse.lessons.reward_to_go.plots.looks import LOOK, NAMES, SMALL

PANELS = (
    ("return", "Return of an episode", POLICY),
    ("loss", "−objective, centred", NEGATIVE),
    ("raw loss", "−objective, bare sums", REWARD),
)


@style.styled
def number_and_return(at, curves, env_id="CartPole-v1"):
    """Return, loss, and loss with raw weights of many seeds: faint lines, and their mean.

    Args:
        at: places along the environment steps, shape [P].
        curves: "return", "loss", "raw loss" -> [seeds, P].
    """
    figure, panels = style.new_figure(9, 3.5, cols=3, left=0.06, right=0.965, bottom=0.18, top=0.86, wspace=0.3)
    said = []
    for axes, (name, title, role) in zip(panels, PANELS, strict=True):
        for line in curves[name]:
            known = ~np.isnan(line)  # towards the end there are few updates, and places without one
            axes.plot(at[known], line[known], color=NEUTRAL.color, linewidth=0.9, alpha=0.5)
        mean = np.nanmean(curves[name], 0)
        axes.plot(at, mean, color=role.ink, linewidth=2.8)
        axes.set_title(title, fontsize=SMALL + 1)
        axes.set_xlabel("environment steps", fontsize=SMALL)
        axes.xaxis.set_major_formatter(lambda steps, _: f"{steps / 1000:g}k")
        axes.set_xlim(0, at[-1])
        axes.locator_params(axis="x", nbins=4)
        known = mean[~np.isnan(mean)]
        said.append(f"{name} from {number(known[0], 3)} to {number(known[-1], 3)}")
    panels[1].axhline(0, color=NEUTRAL.ink, linewidth=1.2, linestyle=":")
    return style.say(figure, f"{len(curves['loss'])} seeds of REINFORCE on {env_id}, means: {', '.join(said)}.")


@style.styled
def exit_learners(histories, *, solved, left_exit):
    """Mean exact return of many learners after each update, with an interval; who ends where.

    Args:
        histories: name of the weight -> J of every learner, shape [updates + 1, learners].
        solved: the return that counts as solved.
        left_exit: the return of always walking to the lesser exit.
    """
    figure, (left, right) = style.new_figure(
        9, 4.6, cols=2, left=0.085, right=0.985, bottom=0.15, top=0.875, wspace=0.17, width_ratios=(1.7, 1), sharey=True
    )
    steps, learners = next(iter(histories.values())).shape
    left.set(xlim=(0, steps - 1), ylim=(0, 1), xlabel="updates, one episode each", ylabel="exact return, $J$")
    left.set_title(f"Mean of {learners} learners, ± 2 standard errors")
    right.set_title("Where they end")
    right.set_xlabel("share of the learners")
    for axes in (left, right):
        axes.axhline(solved, color=NEUTRAL.ink, linestyle=":", linewidth=1.8)
    left.text(0.015 * steps, solved + 0.015, f"solved: {solved:g}", color=NEUTRAL.ink, fontsize=SMALL, va="bottom")
    bins, sentence, largest = np.linspace(0, 1, 21), [], 0.0
    for row, (name, history) in enumerate(histories.items()):
        look = LOOK[name]
        mean, error = history.mean(1), history.std(1, ddof=1) / learners**0.5
        left.fill_between(
            np.arange(steps), mean - 2 * error, mean + 2 * error, color=look.color, alpha=0.3, linewidth=0
        )
        left.plot(mean, color=look.ink, linestyle=look.linestyle)
        won = (history[-1] > solved).mean()
        words = {"color": look.ink, "fontweight": "bold", "va": "center"}
        y = 0.05 + 0.08 * (len(histories) - 1 - row)
        left.plot([0.24 * steps, 0.33 * steps], [y, y], color=look.ink, linestyle=look.linestyle)
        left.text(0.36 * steps, y, NAMES[name], **words)
        left.text(0.97 * steps, y, f"{number(mean[-1])} ± {number(2 * error[-1])}", ha="right", **words)
        share = np.histogram(np.clip(history[-1], 0, 1), bins)[0] / learners
        right.stairs(share, bins, orientation="horizontal", color=look.ink, linewidth=2.2, linestyle=look.linestyle)
        largest = max(largest, share.max())
        sentence.append(f"{NAMES[name]} {number(mean[-1])} ± {number(2 * error[-1])}, {won:.0%} solved")
    right.set_xlim(0, 1.08 * largest)
    right.text(1.05 * largest, left_exit, "← the left exit", ha="right", va="center", color=NEUTRAL.ink, fontsize=SMALL)
    return style.say(
        figure, f"{learners} learners after {steps - 1} updates, mean exact return: {'; '.join(sentence)}."
    )
