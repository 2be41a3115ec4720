"""Four methods at work on CartPole."""

from rlcourse.course.figures import style
from rlcourse.lessons.actor_critic.plots.looks import BATCH, ONLINE


@style.styled
def cartpole_scores(scores, *, seeds, solved=475):
    """Interquartile mean of the return while several algorithms learn, with its 95 % interval over the seeds.

    Args:
        scores: dict from name to (environment steps, center, low, high) over the seeds, arrays.
        seeds: how many.
        solved: the return that counts as solved.
    """
    figure, panels = style.new_figure(
        11, 4.0, 1, len(scores), left=0.07, right=0.975, bottom=0.16, top=0.79, wspace=0.16, sharey=True
    )
    title = f"CartPole, {seeds} seeds: interquartile mean and 95 % interval"
    figure.text(0.07, 0.94, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    said, roles = [], {"batch": BATCH, "online": ONLINE, "parallel": style.VALUE}
    for axes, (name, (steps, center, low, high)) in zip(panels, scores.items(), strict=True):
        role = roles.get(name, style.NEGATIVE)
        axes.fill_between(steps, low, high, facecolor=role.color, alpha=0.25, linewidth=0)
        axes.plot(steps, center, **role.line())
        axes.axhline(solved, color=style.INK, linestyle="--", linewidth=1.4)
        axes.set_xlim(0, steps[-1])
        axes.set_ylim(0, 520)
        marks = (0, steps[-1] // 2, steps[-1])
        style.set_ticks(axes.xaxis, marks, [f"{mark / 1000:g}k" if mark else "0" for mark in marks])
        axes.set_title(f"{name}\n{center[-1]:.0f} ({low[-1]:.0f} to {high[-1]:.0f})", color=role.ink)
        said.append(f"{name} {center[-1]:.0f} ({low[-1]:.0f} to {high[-1]:.0f})")
    panels[0].set_ylabel("return of an episode", labelpad=2)
    panels[len(scores) // 2].set_xlabel("environment steps")
    style.direct_label(panels[0], 0, solved, f"solved: {solved:g}", dx=6, dy=-12)
    return style.say(figure, f"CartPole, {seeds} seeds, after {steps[-1]:,} steps: {'; '.join(said)}.")
