"""One agent, many copies: a learner, workers and environments."""

from matplotlib.collections import LineCollection

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import box, canvas, words
from rlcourse.course.figures.style import HIGHLIGHT, INK, NEUTRAL, POLICY, VALUE
from rlcourse.lessons.parallel_actor_critic.plots.looks import BIG, LEARNER, SMALL, WAIT, WORK


@style.styled
def shared_network(mode, shared, copies, doing, log):
    """A learner with its networks above, workers with copies and environments below.

    Args:
        mode: "sync" or "async".
        shared: number of updates the shared weights have seen.
        copies: the same of every worker's copy.
        doing: what every worker does now: "works", "waits", "hands in", "copies".
        log: a sentence on what just happened.
    """
    figure, axes = canvas(10, 6.4)
    head = "synchronous: wait, average, update once"
    if mode == "async":
        head = "asynchronous: every gradient at once, alone"
    axes.text(0.25, 6.08, head, fontsize=BIG, fontweight="bold", va="center")
    axes.text(0.25, 5.68, log, va="center", color=HIGHLIGHT.ink, fontweight="bold")
    _learner(axes, shared)
    count = len(copies)
    for i, (copy, state) in enumerate(zip(copies, doing, strict=True)):
        x, port = 10 * (i + 0.5) / count, 2.9 + 4.2 * (i + 0.5) / count
        _line_to_learner(axes, x, port, state)
        _worker(axes, x, f"worker {i + 1}", state, copy, shared - copy)
        _environment(axes, x, f"environment {i + 1}")
    said = "; ".join(
        f"worker {i + 1} {state} with v{copy}" for i, (copy, state) in enumerate(zip(copies, doing, strict=True))
    )
    return style.say(figure, f"{head.capitalize()}. The learner has made {shared} updates; {said}. {log}")


def _tinted_box(axes, x, y, width, height, role):
    box(axes, x, y, width, height, facecolor="white", edgecolor=role.ink, linewidth=2)
    box(axes, x, y, width, height, facecolor=role.color, edgecolor="none", alpha=0.13)


def _learner(axes, shared):
    """The box above all others: its networks, and how many updates they have seen."""
    _tinted_box(axes, 2.3, 3.72, 5.4, 1.65, LEARNER)
    axes.text(2.48, 5.13, "learner: the weights that count", fontweight="bold", color=LEARNER.ink, va="center")
    _network(axes, 2.85, 4.4)
    words(axes, 6.8, 4.62, f"v{shared}", fontsize=30, fontweight="bold", color=LEARNER.ink)
    words(axes, 6.8, 4.08, "updates so far", fontsize=SMALL)


def _network(axes, x, y):
    """Two networks, of the policy and of the critic: input s, a hidden layer, an output each."""
    for text, role, dy in (("π(a|s)", POLICY, 0.33), ("V(s)", VALUE, -0.33)):
        spots = [(x, y + dy), (x + 1.05, y + dy), (x + 2.25, y + dy)]
        axes.add_collection(LineCollection([spots[:2], spots[1:]], colors=INK, linewidths=1.6, zorder=1))
        for (cx, cy), said, look, half in zip(spots, ("s", "", text), (NEUTRAL, NEUTRAL, role), (0.3, 0.3, 0.48)):
            edge = {"facecolor": "white", "edgecolor": look.ink, "linewidth": 1.8}
            box(axes, cx - half, cy - 0.24, 2 * half, 0.48, rounding=0.12, zorder=2, **edge)
            words(axes, cx, cy, said, fontweight="bold", color=look.ink, zorder=3)
        for dx in (-0.12, 0.0, 0.12):
            axes.plot(x + 1.05 + dx, y + dy, "o", markersize=4.5, color=INK, zorder=3)


def _line_to_learner(axes, x, port, state):
    """From a worker at x up to the learner: an arrow while a gradient goes up, or weights come down."""
    moving = state in ("hands in", "copies")
    look = {
        "arrowstyle": {"hands in": "-|>", "copies": "<|-"}.get(state, "-"),
        "linewidth": 3.4 if moving else 1.3,
        "color": LEARNER.ink if moving else NEUTRAL.color,
        "mutation_scale": 22,
    }
    axes.annotate("", (port, 3.7), (x, 3.02), arrowprops=look)


def _worker(axes, x, name, state, copy, late):
    """A worker: the age of its copy, what it does, and how many updates it is behind."""
    role = {"works": WORK, "waits": WAIT, "hands in": LEARNER, "copies": LEARNER}[state]
    _tinted_box(axes, x - 0.98, 1.52, 1.96, 1.46, role)
    axes.text(x - 0.86, 2.75, name, fontweight="bold", va="center", color=role.ink)
    words(axes, x - 0.47, 2.2, f"v{copy}", fontsize=23, fontweight="bold", color=role.ink)
    words(axes, x - 0.47, 1.76, "its copy", fontsize=SMALL)
    words(axes, x + 0.47, 2.27, state, fontweight="bold", color=role.ink)
    behind = {"color": WAIT.ink, "fontweight": "bold"} if late else {"color": INK, "fontweight": "normal"}
    words(axes, x + 0.47, 1.87, f"{late} behind" if late else "up to date", fontsize=SMALL, **behind)


def _environment(axes, x, name):
    """An environment under its worker: actions go in, states and rewards come out."""
    for side, start, end in ((-0.3, 1.5, 1.03), (0.3, 1.03, 1.5)):
        axes.annotate("", (x + side, end), (x + side, start), arrowprops={"arrowstyle": "-|>", "color": NEUTRAL.ink})
    axes.text(x - 0.38, 1.26, "a", ha="right", va="center", fontsize=SMALL)
    axes.text(x + 0.38, 1.26, "s, r", ha="left", va="center", fontsize=SMALL)
    _tinted_box(axes, x - 0.98, 0.45, 1.96, 0.56, NEUTRAL)
    words(axes, x, 0.73, name)
