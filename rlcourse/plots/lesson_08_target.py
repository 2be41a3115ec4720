"""Figures of lesson 08, first half: one update lit up, two wrong diagrams, the chase, and maxima of errors."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.ticker import NullLocator

from rlcourse.plots import style
from rlcourse.plots.style import ACTION, BASE_SIZE, HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG, SMALL = BASE_SIZE + 2, style.SMALLEST_SIZE
ACTOR, CRITIC, TARGET, LOSS, WORLD, GRADIENT = POLICY, VALUE, REWARD, NEGATIVE, NEUTRAL, HIGHLIGHT
"""Who is who in the diagrams of one update."""
PALE, LIT = "#f4f4f4", "#fff3c9"


def _signed(value, digits=2):
    """A number with a real minus sign, and no minus zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


# ---------------------------------------------------------------- boxes and arrows


class Node(NamedTuple):
    """A box of a diagram."""

    x: float
    y: float
    width: float
    height: float
    name: str
    role: style.Role
    lagged: bool = False
    """A slow copy: its edge is dashed."""


class Arrow(NamedTuple):
    """A way through the diagram, corner by corner."""

    points: tuple
    label: str = ""
    at: tuple = ()
    """Where the label stands."""
    gradient: bool = False


def _draw_node(axes, node, lit=False, dim=False, status=""):
    edge = node.role.ink
    axes.add_artist(FancyBboxPatch(  # add_patch would measure it for the limits, which are set
        (node.x, node.y), node.width, node.height, boxstyle="round,pad=0,rounding_size=0.09",
        facecolor=LIT if lit else PALE if dim else "white", edgecolor=NEUTRAL.color if dim else edge,
        linewidth=3.4 if lit else 1.8, linestyle=(0, (4, 2)) if node.lagged else "-", zorder=3))
    x, y = node.x + node.width / 2, node.y + node.height / 2
    axes.text(x, y + (0.15 if status else 0), node.name, ha="center", va="center", fontweight="bold", zorder=4,
              color=NEUTRAL.ink if dim else edge, linespacing=1.25)
    if status:
        axes.text(x, node.y + 0.2, status, ha="center", va="center", fontsize=SMALL + 1, zorder=4, color=INK)


def _draw_arrows(axes, arrows, lit=(), seen=()):
    """All arrows in two collections: lines, and heads. `lit` stand out, those not `seen` yet are pale."""
    lines, colors, widths, dashes, heads, head_colors = [], [], [], [], [], []
    for name, arrow in arrows.items():
        hot = name in lit
        color = (GRADIENT.ink if arrow.gradient else INK) if hot else (
            (GRADIENT.color if arrow.gradient else NEUTRAL.ink) if name in seen else style.FAINT)
        points = np.array(arrow.points, dtype=float)
        along = points[-1] - points[-2]
        along /= np.linalg.norm(along)
        size = 0.17 if hot else 0.13
        back, side = points[-1] - size * along, 0.5 * size * np.array([-along[1], along[0]])
        heads.append([points[-1], back + side, back - side])
        lines.append(np.vstack([points[:-1], back + 0.02 * along]))
        colors.append(color)
        head_colors.append(color)
        widths.append(3.2 if hot else 1.7)
        dashes.append((0, (2.2, 1.3)) if arrow.gradient else "-")
        if arrow.label:
            axes.text(*arrow.at, arrow.label, ha="center", va="center", fontsize=BASE_SIZE - 1, zorder=5, color=color
                      if hot or name in seen else NEUTRAL.ink, fontweight="bold" if hot else "normal")
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=widths, linestyles=dashes, zorder=2))
    axes.add_collection(PolyCollection(heads, facecolors=head_colors, edgecolors="none", zorder=4))


# ---------------------------------------------------------------- one update, lit up


NODES = {
    "memory": Node(0.2, 5.62, 1.75, 0.62, "memory", WORLD),
    "environment": Node(0.2, 4.42, 1.75, 0.62, "environment", WORLD),
    "noise": Node(0.2, 3.12, 1.75, 0.72, "+ noise,\nclip to the box", ACTION),
    "batch": Node(2.55, 4.25, 1.1, 1.99, "batch\nof four", WORLD),
    "target_actor": Node(4.3, 5.5, 1.55, 0.8, "actor's\ncopy μ̄", ACTOR, True),
    "target_critic": Node(6.65, 5.5, 1.4, 0.8, "critic's\ncopy Q̄", CRITIC, True),
    "y": Node(8.75, 5.5, 1.05, 0.8, "target\ny", TARGET),
    "actor": Node(4.3, 3.12, 1.55, 0.95, "actor μ", ACTOR),
    "critic": Node(6.65, 3.12, 1.4, 1.75, "critic Q", CRITIC),
    "loss": Node(8.75, 4.2, 1.05, 0.67, "mean\n(y − Q)²", LOSS),
    "goal": Node(8.75, 3.12, 1.05, 0.67, "mean Q", VALUE),
}

ARROWS = {
    "sees": Arrow(((1.95, 4.6), (2.25, 4.6), (2.25, 3.75), (4.3, 3.75)), "s", (2.75, 3.9)),
    "steady": Arrow(((4.3, 3.35), (1.95, 3.35)), "μ(s)", (3.1, 3.19)),
    "acts": Arrow(((1.07, 3.84), (1.07, 4.42)), "a", (1.25, 4.13)),
    "stores": Arrow(((1.07, 5.04), (1.07, 5.62)), "s, a, r, s′, d", (1.76, 5.33)),
    "samples": Arrow(((1.95, 5.93), (2.55, 5.93))),
    "next": Arrow(((3.65, 5.9), (4.3, 5.9)), "s′", (3.97, 6.06)),
    "chosen": Arrow(((5.85, 5.9), (6.65, 5.9)), "s′, a′", (6.25, 6.07)),
    "scored": Arrow(((8.05, 5.9), (8.75, 5.9)), "Q̄", (8.38, 6.07)),
    "paid": Arrow(((3.65, 5.2), (9.0, 5.2), (9.0, 5.5)), "r, d", (4.0, 5.36)),
    "compare": Arrow(((9.5, 5.5), (9.5, 4.87)), "y", (9.64, 5.2)),
    "judge": Arrow(((3.65, 4.64), (6.65, 4.64)), "s, a", (4.0, 4.8)),
    "opinion": Arrow(((8.05, 4.66), (8.75, 4.66)), "Q(s, a)", (8.4, 4.84)),
    "state": Arrow(((3.1, 4.25), (3.1, 3.93), (4.3, 3.93)), "s", (3.24, 4.08)),
    "own": Arrow(((5.85, 3.7), (6.65, 3.7)), "s, μ(s)", (6.25, 3.87)),
    "value": Arrow(((8.05, 3.56), (8.75, 3.56)), "Q", (8.38, 3.72)),
    "fit": Arrow(((8.75, 4.38), (8.05, 4.38)), gradient=True),
    "back": Arrow(((8.75, 3.3), (8.05, 3.3)), gradient=True),
    "slope": Arrow(((6.65, 3.3), (5.85, 3.3)), "∇ₐQ", (6.25, 3.13), True),
    "follow_actor": Arrow(((5.07, 4.07), (5.07, 5.5)), "κ", (5.2, 4.95)),
    "follow_critic": Arrow(((7.35, 4.87), (7.35, 5.5)), "κ", (7.48, 5.04)),
}
ROUTE = (
    # line, nodes lit, arrows lit
    ("", (), ()),
    ("5", ("actor", "noise"), ("sees", "steady")),
    ("6", ("environment",), ("acts",)),
    ("7", ("memory",), ("stores",)),
    ("8", ("batch",), ("samples",)),
    ("9", ("target_actor",), ("next",)),
    ("9", ("target_critic",), ("chosen",)),
    ("9", ("y",), ("scored", "paid")),
    ("10", ("critic", "loss"), ("judge", "opinion", "compare")),
    ("10", ("critic",), ("fit",)),
    ("11", ("actor", "critic", "goal"), ("state", "own", "value")),
    ("11", ("actor",), ("back", "slope")),
    ("12", ("target_actor", "target_critic"), ("follow_actor", "follow_critic")),
)
"""What lights up at each step."""
STEPS = len(ROUTE) - 1

COLUMNS = (
    # heading, field, first step at which it is known
    ("s", "obs", 4), ("a", "actions", 4), ("r", "rewards", 4), ("s′", "next_obs", 4), ("d", "terminated", 4),
    ("a′", "next_actions", 5), ("Q̄(s′, a′)", "next_q", 6), ("y", "target", 7), ("Q(s, a)", "q", 8),
    ("y − Q", "gap", 8), ("μ(s)", "own", 10), ("Q(s, μ)", "actor_q", 10), ("∇ₐQ", "slopes", 11),
)  # fmt: skip


@style.styled
def one_update(update, step, *, gamma, tau):
    """The data flow of DDPG, lit up as far as one update has come, with the numbers of its four rows.

    Args:
        update: an Update of the experiments.
        step: 0 to STEPS.
        gamma, tau: of this update.
    """
    figure, axes = style.new_figure(10, 7.5, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 10), ylim=(0, 7.5))
    axes.axis("off")
    line, nodes, arrows = ROUTE[step]
    title, remark = _told(update, step, gamma, tau)
    axes.text(0.2, 7.14, (f"line {line}: " if line else "") + title, fontsize=BIG, fontweight="bold", va="center",
              color=GRADIENT.ink if step in (9, 11) else INK)
    axes.text(0.2, 6.72, remark, va="center", fontsize=BASE_SIZE)

    passed = ROUTE[1 : step + 1]
    seen_nodes = {name for _, names, _ in passed for name in names}
    seen_arrows = {name for _, _, names in passed for name in names}
    _draw_arrows(axes, ARROWS, set(arrows), seen_arrows)
    status = _status(update, step)
    for name, node in NODES.items():
        _draw_node(axes, node, lit=name in nodes, dim=name not in seen_nodes, status=status.get(name, ""))
    _table(axes, update, step)
    axes.text(9.8, 0.16, "solid: numbers   dashed arrow: gradient   dashed box: slow copy", ha="right", va="center",
              fontsize=SMALL, color=NEUTRAL.ink)
    where = f"Line {line} of AL-09: " if line else ""
    return style.say(figure, f"{where}{title}. {remark}")


def _told(update, step, gamma, tau):
    """What happens at a step, and the same in the numbers of a row."""
    u, row = update, update.batch
    action, position = row.actions[0, 0].item(), row.obs[0, 0].item()
    terms = " + ".join(f"{gap * gap:.2f}" for gap in u.target - u.q)
    (a_far, a_near), (c_far, c_near) = u.gaps["actor"], u.gaps["critic"]
    number = _signed
    return (
        ("four networks, before one step and one update", "Move on step by step: what lights up is at work."),
        ("act, with noise",
         f"Puck at s = {number(position)}: μ(s) = {number(action - u.noise)}, noise {number(u.noise)}, "
         f"so a = {number(action)}, inside [−1, 1]."),
        ("the environment answers",
         f"s′ = {number(row.next_obs[0, 0].item())}, r = {number(row.rewards[0].item())}; the puck did not fall, "
         f"so d = 0."),
        ("remember five things", "s, a, r, s′ and d. Without d, no target could know where the future ends."),
        ("draw a batch of four",
         "Row 1 happens to be the new one; row 3 fell (d = 1), row 4 was cut off by the clock (d = 0)."),
        ("the actor's copy chooses a′", f"Row 1: a′ = μ̄({number(row.next_obs[0, 0].item())}) = "
         f"{number(u.next_actions[0])}. No noise, and no action from the memory."),
        ("the critic's copy scores (s′, a′)",
         f"Row 1: {number(u.next_q[0])}. Row 3 is scored too, but there is nothing to score: it is masked next."),
        ("y = r + γ (1 − d) Q̄(s′, a′)",
         f"Row 1: {number(row.rewards[0].item())} + {gamma:g} · 1 · {number(u.next_q[0])} = {number(u.target[0])}.   "
         f"Row 3: {number(row.rewards[2].item())} + {gamma:g} · 0 · {number(u.next_q[2])} = {number(u.target[2])}."),
        ("the critic compares its own opinion with y",
         f"Of the stored actions. Loss = ({terms}) / 4 = {u.critic_loss:.2f}."),
        ("the gradient of the loss reaches the critic alone",
         "y is a constant: nothing flows into the copies, nor into the actor. The critic moves."),
        ("the actor shows the critic what it would do now",
         f"Not the stored actions. Row 1: μ({number(position)}) = {number(u.actions[0])}, worth "
         f"{number(u.actor_q[0])}. Mean Q = {number(-u.actor_loss)}. (Critic before its step.)"),
        ("the critic's slope, handed on to the actor",
         f"Row 1: ∇ₐQ = {number(u.slopes[0])}, so push {_push(u.slopes[0])}. The critic passes it on and stays."),
        (f"the copies follow, by κ = {tau:g}",
         f"Distance of the critic to its copy {c_far:.2f} → {c_near:.2f}, of the actor {a_far:.2f} → {a_near:.2f}."),
    )[step]


def _push(slope):
    return "further right" if slope > 0 else "further left"


def _status(update, step):
    """What a box says about its weights: who receives a gradient, and who moves."""
    moved = {name: f"moved {far:.2f}" for name, far in update.moved.items()}
    none = "no gradient"
    return {
        9: {"critic": moved["critic"], "actor": none, "target_actor": none, "target_critic": none},
        10: {"critic": "held still"},
        11: {"critic": "held still", "actor": moved["actor"]},
        12: moved,
    }.get(step, {})


def _table(axes, update, step):
    u, rows = update, update.batch
    fields = {
        "obs": rows.obs[:, 0], "actions": rows.actions[:, 0], "rewards": rows.rewards, "next_obs": rows.next_obs[:, 0],
        "next_actions": u.next_actions, "next_q": u.next_q, "target": u.target, "q": u.q, "gap": u.target - u.q,
        "own": u.actions, "actor_q": u.actor_q, "slopes": u.slopes,
    }  # fmt: skip
    xs = (0.95, 1.6, 2.25, 2.9, 3.4, 4.1, 4.95, 5.72, 6.5, 7.2, 7.9, 8.65, 9.5)
    column = {"va": "center", "linespacing": 1.85}  # the four rows of a column are one text: four times less to lay out
    for left, right, text, role in ((0.6, 3.62, "stored", WORLD), (3.78, 6.05, "line 9", TARGET),
                                    (6.15, 7.5, "line 10", CRITIC), (7.6, 9.95, "line 11", ACTOR)):
        axes.plot([left, right], [2.31, 2.31], color=role.ink, linewidth=2)
        axes.text((left + right) / 2, 2.5, text, ha="center", va="center", fontsize=SMALL + 1, color=role.ink,
                  fontweight="bold")
    if step >= 4:
        axes.text(0.12, 1.2, "1\n2\n3\n4*", fontweight="bold", color=NEUTRAL.ink, **column)
        axes.text(0.12, 0.16, "* cut off by the clock, so d = 0", va="center", fontsize=SMALL, color=NEUTRAL.ink)
    for x, (heading, field, first) in zip(xs, COLUMNS, strict=True):
        if step < first:
            continue
        new = first == step
        if new:
            wide = 0.66 if len(heading) < 8 else 0.84
            axes.add_artist(Rectangle((x - wide / 2, 0.48), wide, 1.76, facecolor=LIT, edgecolor="none", zorder=1))
        axes.text(x, 2.08, heading, ha="center", va="center", fontweight="bold", fontsize=SMALL + 0.5)
        if field == "terminated":
            cells = [str(int(end)) for end in rows.terminated]
        else:
            cells = [_signed(float(value)) for value in fields[field]]
        axes.text(x, 1.2, "\n".join(cells), ha="center", multialignment="right", fontweight="bold" if new else "normal",
                  **column)


# ---------------------------------------------------------------- two wrong diagrams


class Sketch(NamedTuple):
    """A diagram for the hunt: its title, nodes and arrows, and the numbers on them."""

    title: str
    nodes: dict
    arrows: dict
    numbers: dict
    """Number -> where its disc stands."""


SKETCHES = {
    "A": Sketch(
        "diagram A",
        {
            "noise": Node(0.3, 4.95, 1.3, 0.6, "noise", ACTION),
            "actor": Node(0.3, 3.3, 1.3, 0.7, "actor μ", ACTOR),
            "action": Node(2.5, 4.15, 1.5, 0.75, "action: clip\nμ(s) + noise", ACTION),
            "environment": Node(2.35, 5.55, 1.7, 0.6, "environment", WORLD),
            "record": Node(5.0, 5.5, 1.75, 0.7, "record\n(s, a, r, s′)", WORLD),
            "memory": Node(7.75, 5.55, 1.7, 0.6, "memory", WORLD),
            "batch": Node(7.75, 4.2, 1.7, 0.6, "minibatch", WORLD),
            "critic": Node(4.9, 3.3, 1.6, 0.75, "critic Q", CRITIC),
            "target_actor": Node(0.3, 1.15, 1.5, 0.75, "actor's\ncopy μ̄", ACTOR, True),
            "target_critic": Node(2.75, 1.15, 1.5, 0.75, "critic's\ncopy Q̄", CRITIC, True),
            "y": Node(5.35, 1.15, 1.1, 0.75, "target\ny", TARGET),
            "loss": Node(7.85, 1.15, 1.5, 0.75, "critic loss\n(y − Q)²", LOSS),
            "goal": Node(2.55, 2.5, 1.3, 0.65, "actor loss\n− mean Q", LOSS),
        },
        {
            "a": Arrow(((1.6, 3.8), (2.05, 3.8), (2.05, 4.4), (2.5, 4.4))),
            "n": Arrow(((1.6, 5.25), (2.05, 5.25), (2.05, 4.7), (2.5, 4.7))),
            "plays": Arrow(((3.2, 4.9), (3.2, 5.55))),
            "records": Arrow(((4.05, 5.85), (5.0, 5.85))),
            "stores": Arrow(((6.75, 5.85), (7.75, 5.85))),
            "samples": Arrow(((8.6, 5.55), (8.6, 4.8))),
            "scored": Arrow(((4.0, 4.52), (5.3, 4.52), (5.3, 4.05))),
            "sees": Arrow(((2.35, 5.95), (0.12, 5.95), (0.12, 3.65), (0.3, 3.65)), "s", (1.2, 6.1)),
            "stored": Arrow(((7.75, 4.5), (6.1, 4.5), (6.1, 4.05)), "s, a", (7.35, 4.66)),
            "to_goal": Arrow(((4.9, 3.55), (4.4, 3.55), (4.4, 2.82), (3.85, 2.82)), "Q", (4.58, 2.98)),
            "to_actor": Arrow(((2.55, 2.82), (0.95, 2.82), (0.95, 3.3)), gradient=True),
            "opinion": Arrow(((6.5, 3.8), (8.85, 3.8), (8.85, 1.9)), "Q(s, a)", (7.5, 3.97)),
            "fit": Arrow(((8.3, 1.9), (8.3, 3.45), (6.5, 3.45)), gradient=True),
            "chosen": Arrow(((1.8, 1.52), (2.75, 1.52)), "a′", (2.08, 1.68)),
            "judged": Arrow(((4.25, 1.52), (5.35, 1.52)), "Q̄(s′, a′)", (4.78, 1.3)),
            "compare": Arrow(((6.45, 1.52), (7.85, 1.52))),
            "follow_actor": Arrow(((0.6, 3.3), (0.6, 1.9)), "κ", (0.45, 2.25)),
            "follow_critic": Arrow(((5.7, 3.3), (5.7, 2.2), (3.5, 2.2), (3.5, 1.9)), "κ", (5.85, 2.4)),
        },
        {1: (3.2, 5.2), 2: (7.2, 5.85), 3: (4.6, 4.52), 4: (6.75, 4.5), 5: (0.3, 1.9), 6: (4.78, 1.62), 7: (6.45, 1.9),
         8: (7.1, 1.52), 9: (8.3, 2.75), 10: (1.9, 2.82), 11: (4.95, 2.2), 12: (0.6, 2.55)},
    ),
    "B": Sketch(
        "diagram B",
        {
            "actor": Node(0.3, 4.0, 1.5, 0.75, "actor μ", ACTOR),
            "environment": Node(0.2, 5.45, 1.7, 0.65, "environment", WORLD),
            "memory": Node(3.95, 5.45, 1.7, 0.65, "memory", WORLD),
            "batch": Node(7.6, 5.45, 1.8, 0.65, "minibatch", WORLD),
            "target_actor": Node(3.3, 2.45, 1.5, 0.75, "actor's\ncopy μ̄", ACTOR, True),
            "target_critic": Node(5.75, 3.85, 1.5, 0.75, "critic's\ncopy Q̄", CRITIC, True),
            "critic": Node(8.1, 2.45, 1.5, 0.75, "critic Q", CRITIC),
            "loss": Node(5.75, 0.85, 1.5, 0.75, "loss\n(Q̄ − Q)²", LOSS),
        },
        {
            "sees": Arrow(((0.6, 5.45), (0.6, 4.75)), "s", (0.45, 5.1)),
            "plays": Arrow(((1.3, 4.75), (1.3, 5.45)), "a = μ(s)", (1.98, 5.1)),
            "stores": Arrow(((1.9, 5.77), (3.95, 5.77)), "s, a, r, s′, d", (2.95, 5.97)),
            "samples": Arrow(((5.65, 5.77), (7.6, 5.77))),
            "to_copy": Arrow(((8.1, 5.45), (8.1, 4.98), (6.5, 4.98), (6.5, 4.6)), "s′, a′", (7.0, 4.81)),
            "to_actor": Arrow(((7.75, 5.45), (7.75, 5.23), (4.05, 5.23), (4.05, 3.2)), "s′", (4.25, 4.35)),
            "nowhere": Arrow(((4.8, 2.82), (5.7, 2.82)), "a′", (5.42, 3.0)),
            "stored": Arrow(((8.85, 5.45), (8.85, 3.2)), "s, a", (9.2, 4.6)),
            "judged": Arrow(((6.15, 3.85), (6.15, 1.6)), "Q̄(s′, a′)", (5.57, 2.25)),
            "opinion": Arrow(((8.65, 2.45), (8.65, 1.38), (7.25, 1.38)), "Q(s, a)", (7.98, 1.55)),
            "fit": Arrow(((7.25, 1.05), (9.15, 1.05), (9.15, 2.45)), gradient=True),
            "policy": Arrow(((5.75, 1.2), (0.6, 1.2), (0.6, 4.0)), "policy gradient", (1.6, 1.4), True),
            "follow_actor": Arrow(((1.3, 4.0), (1.3, 2.82), (3.3, 2.82)), "κ", (2.9, 3.0)),
            "follow_critic": Arrow(((8.1, 2.82), (6.95, 2.82), (6.95, 3.85)), "κ", (7.8, 3.0)),
        },
        {1: (1.3, 5.08), 2: (2.3, 5.77), 3: (6.5, 5.77), 4: (7.6, 4.98), 5: (4.05, 4.7), 6: (5.1, 2.82), 7: (8.85, 4.2),
         8: (5.75, 1.6), 9: (8.3, 1.05), 10: (3.6, 1.2), 11: (7.4, 2.82), 12: (2.2, 2.82)},
    ),
}  # fmt: skip


@style.styled
def wrong_diagram(name):
    """A diagram of DDPG with flaws in it; the numbers are places that may be wrong.

    Args:
        name: "A" or "B".
    """
    sketch = SKETCHES[name]
    figure, axes = style.new_figure(10, 6.4, left=0, right=1, bottom=0, top=1)
    axes.set(xlim=(0, 10), ylim=(0.1, 6.5))
    axes.axis("off")
    _draw_arrows(axes, sketch.arrows, seen=set(sketch.arrows))
    for node in sketch.nodes.values():
        _draw_node(axes, node)
    xs, ys = zip(*sketch.numbers.values(), strict=True)
    axes.scatter(xs, ys, s=430, facecolor=LIT, edgecolor=INK, linewidth=1.6, zorder=6)
    for number, (x, y) in sketch.numbers.items():
        axes.text(x, y - 0.005, str(number), ha="center", va="center_baseline", fontweight="bold", zorder=7,
                  fontsize=BASE_SIZE - 1)
    axes.text(0.3, 0.42, f"{sketch.title}: which of the {len(sketch.numbers)} numbered places are wrong?",
              fontsize=BIG, fontweight="bold", va="center")
    return style.say(
        figure,
        f"Diagram {name} of DDPG, redrawn with flaws: {len(sketch.numbers)} numbered arrows and boxes, "
        f"some of them wrong. Boxes: {', '.join(node.name.replace(chr(10), ' ') for node in sketch.nodes.values())}.",
    )


# ---------------------------------------------------------------- the chase


def _verdict(rate):
    if rate < 1 - 1e-9:
        return "it settles", POLICY
    return ("on the edge", NEUTRAL) if rate < 1 + 1e-9 else ("it runs away", NEGATIVE)


def _rate(rate):
    """A factor, with as many digits as it takes to see on which side of 1 it lies."""
    far = abs(rate - 1)
    return f"{rate:.{2 if far >= 0.05 else 3 if far >= 0.001 else 4}f}"


@style.styled
def chase(path, rate, chart, *, how, step_size, gain, angle, updates, others=None):
    """A critic's weights running after their target, the growth factor, and where in the plane it is below 1.

    Args:
        path: a Chase, seen from the fixed point.
        rate: growth of the error an update.
        chart: (x values, y values, growth on that grid, name of x, name of y, position of the setting).
        how: the scheme and its parameter, in words.
        step_size, gain, angle: η, g, φ.
        updates: how many of the path's updates are drawn.
        others: scheme in words -> growth, to be written beside each other; None for the chosen one only.
    """
    figure, left = style.new_figure(10, 6.3, left=0.06, right=0.47, bottom=0.115, top=0.8)
    right, below = figure.add_axes((0.565, 0.44, 0.42, 0.36)), figure.add_axes((0.565, 0.115, 0.42, 0.165))
    said, role = _verdict(rate)
    figure.text(0.012, 0.95, f"{how}: error × {_rate(rate)} at each update, {said}", fontsize=BIG + 1,
                fontweight="bold", va="center", color=role.ink)
    if others:
        for place, (name, value) in zip((0.012, 0.3, 0.62), others.items(), strict=True):
            figure.text(place, 0.888, f"{name}: × {_rate(value)}", va="center", color=_verdict(value)[1].ink,
                        fontweight="bold" if name == how else "normal")
    _draw_path(left, path, updates, role)
    left.set_title(f"after {updates} update{'s' * (updates != 1)}")
    _draw_chart(right, chart)
    _draw_errors(below, path, updates, role)
    left_at = np.hypot(*path.weights[updates])
    return style.say(
        figure,
        f"Chase with η = {step_size:g}, g = {gain:g}, φ = {angle:g}°, {how}: the error is multiplied by {_rate(rate)} "
        f"at each update in the long run, {said}; after {updates} updates it is {_short(left_at)} times what it was.",
    )


def _draw_errors(axes, path, updates, role):
    """The distance to the answer, on a logarithmic axis."""
    errors = np.hypot(*path.weights.T).clip(1e-9, 1e9)
    axes.plot(np.arange(updates + 1), np.log10(errors[: updates + 1]), color=role.color, linewidth=2.4)
    last, edge = np.log10(errors[updates]), 2.3
    sign = "^" if last > edge else "v" if last < -edge else "o"  # an arrow at the border for what lies beyond it
    axes.plot(updates, np.clip(last, -edge, edge), marker=sign, markersize=8, color=role.color,
              markeredgecolor=role.ink, clip_on=False, zorder=5)
    axes.set(xlim=(0, len(errors) - 1), ylim=(-edge, edge))
    style.zero_line(axes, linewidth=0.8)
    style.set_ticks(axes.yaxis, (-2, 0, 2), ("0.01", "1", "100"))
    style.set_ticks(axes.xaxis, range(0, len(errors), 20))
    axes.set_xlabel("updates", labelpad=1)
    axes.set_title("distance to the answer")


def _short(value):
    return f"{value:.2g}" if 0.01 <= value < 100 else f"{value:.0e}" if value else "0"


def _draw_path(axes, path, updates, role):
    weights, targets = path.weights[: updates + 1], path.targets[: updates + 1]
    reach = float(np.clip(1.12 * np.abs(np.vstack([weights, targets[-1:]])).max(), 1.15, 4.0))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    axes.set_aspect("equal", adjustable="box")
    axes.plot(0, 0, marker="P", markersize=12, color=VALUE.ink, zorder=4)
    axes.plot(*weights[0], marker="s", markersize=9, markerfacecolor="white", markeredgecolor=INK, zorder=4)
    axes.plot(*targets.T, linestyle="", marker="o", markersize=7, markerfacecolor="none",
              markeredgecolor=REWARD.color, markeredgewidth=1.6, zorder=2)
    axes.plot(*weights.T, color=role.color, linewidth=2, marker="o", markersize=4, markeredgecolor=role.ink, zorder=3)
    inside = np.abs(weights[-1]).max() < reach
    if inside:
        axes.plot(*weights[-1], marker="o", markersize=13, color=role.color, markeredgecolor=INK, zorder=6)
        if np.abs(targets[-1]).max() < reach:
            axes.plot(*np.array([weights[-1], targets[-1]]).T, color=REWARD.ink, linewidth=1.8, linestyle=":", zorder=5)
            axes.plot(*targets[-1], marker="o", markersize=15, markerfacecolor="none", markeredgecolor=REWARD.ink,
                      markeredgewidth=2.6, zorder=5)
            axes.plot(*targets[-1], marker="x", markersize=9, color=REWARD.ink, markeredgewidth=2.4, zorder=5)
    else:
        axes.text(0.5, 0.04, "out of the picture", transform=axes.transAxes, ha="center", color=NEGATIVE.ink,
                  fontweight="bold", bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1})
    ticks = (-1, 0, 1) if reach < 2 else (-2, 0, 2) if reach < 3 else (-3, 0, 3)
    for axis in (axes.xaxis, axes.yaxis):
        style.set_ticks(axis, ticks)
    axes.set_xlabel("✚ answer   □ start   ● critic   ⊗ its target", labelpad=2)


def _draw_chart(axes, chart):
    xs, ys, rates, x_name, y_name, here = chart
    edges = (xs[0], xs[-1], ys[0], ys[-1])
    stable = np.where(rates < 1, 1.0, 0.0)
    shade = np.clip(np.log(np.maximum(rates, 1e-3)) / math.log(1.5), -1, 1)
    colors = np.where(stable[..., None] > 0, (0.0, 0.447, 0.698), (0.835, 0.369, 0.0))
    weight = 0.12 + 0.5 * np.abs(shade)[..., None]
    axes.imshow(1 - weight * (1 - colors), extent=edges, origin="lower", aspect="auto", interpolation="nearest",
                zorder=0)
    if rates.min() < 1 < rates.max():
        axes.contour(xs, ys, rates, levels=[1.0], colors=[INK], linewidths=1.8)
    axes.plot(*here, marker="o", markersize=14, markerfacecolor="white", markeredgecolor=INK, markeredgewidth=2.6,
              zorder=6, clip_on=False)
    axes.set(xlim=edges[:2], ylim=edges[2:])
    for axis, name in ((axes.xaxis, x_name), (axes.yaxis, y_name)):
        style.set_ticks(axis, (0, 45, 90, 135, 180) if name.startswith("angle") else (0.5, 1.0, 1.5))
    axes.set_xlabel(x_name, labelpad=1)
    axes.set_ylabel(y_name, labelpad=1)
    axes.text(0.0, 1.06, "■ settles", color=POLICY.ink, fontweight="bold", transform=axes.transAxes)
    axes.text(0.3, 1.06, "■ runs away", color=NEGATIVE.ink, fontweight="bold", transform=axes.transAxes)


@style.styled
def how_slow(weights, lines, copies, hard):
    """Updates until the error is a hundred times smaller, against κ and against K.

    Args:
        weights: κ.
        lines: name of a chase -> updates needed, one an entry of `weights`; infinite where it runs away.
        copies: K.
        hard: name of a chase -> updates needed, one an entry of `copies`.
    """
    figure, axes = style.new_figure(10, 4.9, 1, 2, left=0.1, right=0.985, bottom=0.15, top=0.86, wspace=0.12)
    roles = (CRITIC, ACTOR)
    said = []
    for ax, xs, found, name, ticks in (
        (axes[0], weights, lines, "κ, weight on the online network", (0.001, 0.01, 0.1, 1)),
        (axes[1], copies, hard, "K, updates between two copies", (1, 10, 100, 1000)),
    ):
        ax.set(xscale="log", yscale="log", ylim=(3, 3e4), xlim=(0.8 * min(xs), 1.25 * max(xs)))
        for (label, needed), role in zip(found.items(), roles, strict=True):
            needed, here = np.asarray(needed), np.asarray(xs)
            works = np.isfinite(needed)
            ax.plot(here[works], needed[works], color=role.color, linewidth=3)
            best = int(np.argmin(np.where(works, needed, np.inf)))
            ax.plot(here[best], needed[best], marker="o", markersize=11, color=role.color, markeredgecolor=role.ink)
            said.append(f"{label}: best at {here[best]:.2g} with {needed[best]:.0f} updates")
            if not works.all():
                lost = here[~works]
                ax.axvspan(lost.min(), 2 * lost.max(), color=NEGATIVE.color, alpha=0.16, linewidth=0)
                at_edge = lost.min() == here.min()
                ax.text(1.08 if at_edge else math.sqrt(lost.min() * 1.2 * lost.max()), 1.2e4, "runs\naway",
                        ha="left" if at_edge else "center", va="center", color=NEGATIVE.ink, fontweight="bold")
        style.set_ticks(ax.xaxis, ticks, ticks)
        style.set_ticks(ax.yaxis, (10, 100, 1000, 10_000), ("10", "100", "1k", "10k") if ax is axes[0] else [""] * 4)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_minor_locator(NullLocator())
        ax.set_xlabel(name)
    axes[0].set_title("Polyak copies")
    axes[1].set_title("hard copies")
    axes[0].set_ylabel("updates until error / 100", labelpad=1)
    for k, (label, role) in enumerate(zip(lines, roles, strict=True)):
        axes[0].text(0.03, 0.12 - 0.08 * k, f"■ {label}", color=role.ink, fontweight="bold",
                     transform=axes[0].transAxes)
    return style.say(figure, f"Updates until the error is a hundred times smaller. {'; '.join(said)}.")


@style.styled
def following(curves, updates):
    """How Polyak copies and hard copies follow a weight that jumps from 0 to 1, and then one that grows steadily.

    Args:
        curves: name -> (copy after a jump, copy after steady growth), each one an entry an update.
        updates: 0, 1, 2, ...
    """
    figure, axes = style.new_figure(10, 4.4, 1, 2, left=0.075, right=0.985, bottom=0.155, top=0.88, wspace=0.16)
    roles = (POLICY, REWARD, VALUE)
    for (name, lines), role in zip(curves.items(), roles, strict=True):
        for ax, line in zip(axes, lines, strict=True):
            ax.plot(updates, line, color=role.color, linewidth=2.6,
                    linestyle="-" if "hard" not in name else (0, (5, 1.5)))
        axes[1].text(0.03, 0.93 - 0.09 * list(curves).index(name), f"■ {name}", color=role.ink, fontweight="bold",
                     va="center", transform=axes[1].transAxes)
    axes[0].plot([0, 0, updates[-1]], [0, 1, 1], color=INK, linewidth=1.6)
    axes[1].plot([0, updates[-1]], [0, updates[-1]], color=INK, linewidth=1.6)
    axes[0].axhline(0.5, color=NEUTRAL.color, linewidth=1.2, linestyle=":")
    axes[0].set(xlim=(0, updates[-1]), ylim=(0, 1.08), xlabel="updates")
    axes[1].set(xlim=(0, updates[-1]), ylim=(0, updates[-1]), xlabel="updates")
    style.set_ticks(axes[0].yaxis, (0, 0.5, 1))
    style.set_ticks(axes[0].xaxis, range(0, int(updates[-1]) + 1, 100))
    style.set_ticks(axes[1].xaxis, range(0, int(updates[-1]) + 1, 100))
    style.set_ticks(axes[1].yaxis, range(0, int(updates[-1]) + 1, 100))
    axes[0].set_title("black: a weight that jumps")
    axes[1].set_title("black: a weight that keeps moving")
    last = updates[-1]
    ends = "; ".join(f"{name} {lines[0][-1]:.2f} and {last - lines[1][-1]:.0f}" for name, lines in curves.items())
    return style.say(figure, f"Copies after {last:.0f} updates, share of a jump covered and updates behind: {ends}.")


# ---------------------------------------------------------------- maxima of errors


LOOKS = {"single": NEGATIVE, "double": NEUTRAL, "min": POLICY, "max of min": VALUE}
"""The rules of the overestimation lab."""
NAMES = {"single": "one critic", "double": "one finds, one scores", "min": "smaller of two",
         "max of min": "largest of the smaller"}  # fmt: skip
"""The rules in words, as the explorers offer them."""


@style.styled
def overestimation(first, second, biases, path, theory, *, rule, error, gamma, show_all):
    """One draw of two critics' errors, and what bootstrapping makes of the rule's bias.

    Args:
        first, second: errors of m actions, one draw each.
        biases: rule -> bias of one score.
        path: mean target after k backups by the chosen rule, simulated.
        theory: rule -> the same by formula.
        rule: the one that is shown.
        error, gamma: e and γ.
        show_all: whether the other rules are drawn as well.
    """
    figure, (left, right) = style.new_figure(10, 5.6, 1, 2, left=0.085, right=0.985, bottom=0.13, top=0.78, wspace=0.24)
    role, final = LOOKS[rule], gamma / (1 - gamma) * biases[rule]
    figure.text(0.012, 0.945, f"{NAMES[rule]}: bias {_with_sign(biases[rule])} a backup", fontsize=BIG + 1,
                fontweight="bold", va="center", color=role.ink)
    figure.text(0.012, 0.875, f"bootstrapped with γ = {gamma:g}: × {gamma / (1 - gamma):.1f}, in the long run "
                f"{_with_sign(final)}; the truth is 0", va="center", fontsize=BASE_SIZE + 1)
    _one_draw(left, first, second, rule, error)

    backups = np.arange(len(path))
    top = 1.18 * max(abs(theory["single"]).max(), 0.02)
    for k, (name, line) in enumerate(theory.items()):
        look, chosen = LOOKS[name], name == rule
        if chosen or show_all:
            right.plot(backups, line, color=look.color, linewidth=4 if chosen else 2, zorder=4 if chosen else 2,
                       linestyle=look.linestyle if not chosen else "-")
        if show_all:
            right.text(0.02 + 0.43 * (k % 2), 0.15 - 0.08 * (k // 2), f"■ {NAMES[name]}", color=look.ink, va="center",
                       fontweight="bold" if chosen else "normal", transform=right.transAxes, fontsize=BASE_SIZE - 1)
    right.plot(backups[::10], path[::10], linestyle="", marker=".", markersize=9, color=INK, zorder=5)
    right.set(xlim=(0, backups[-1]), ylim=(-0.35 * top, top))
    style.zero_line(right)
    style.set_ticks(right.xaxis, (0, 50, 100, 150, 200))
    ticks = _round_ticks(top)
    style.set_ticks(right.yaxis, ticks, [f"{t:g}" for t in ticks])
    right.set_xlabel("backups")
    right.set_title("bias of the target (dots: simulated)")
    said = f"{len(first)} actions worth 0, errors in ±{error:g}, γ = {gamma:g}, {NAMES[rule]}: bias "
    said += f"{_with_sign(biases[rule])} a backup and {_with_sign(final)} in the long run."
    if show_all:
        said += f" {'; '.join(f'{NAMES[name]} {_with_sign(bias)}' for name, bias in biases.items() if name != rule)}."
    return style.say(figure, said)


def _with_sign(value):
    """+0.082, −0.014, +81.5, 0."""
    if abs(value) < 5e-5:
        return "0"
    form = "+.2g" if abs(value) < 0.02 else "+.3f" if abs(value) < 10 else "+.3g"
    return f"{value:{form}}".replace("-", "−")


def _round_ticks(top):
    step = 10.0 ** math.floor(math.log10(top))
    step = next(s for s in (0.2 * step, 0.5 * step, step, 2 * step, 5 * step) if top / s <= 4)
    return [round(k * step, 6) for k in range(int(top / step) + 1)]


def _one_draw(axes, first, second, rule, error):
    m = len(first)
    xs = np.arange(1, m + 1)
    size = 60 if m <= 20 else 26 if m <= 50 else 14
    axes.scatter(xs, first, s=size, color=NEGATIVE.color, edgecolors=NEGATIVE.ink, zorder=3)
    if rule != "single":
        axes.scatter(xs, second, s=size, marker="s", color=ACTION.color, edgecolors=ACTION.ink, zorder=3)
    lower = np.minimum(first, second)
    best = int((lower if rule == "max of min" else first).argmax())
    value = {"single": first, "double": second}.get(rule, lower)[best]
    axes.axvline(best + 1, color=style.FAINT, linewidth=5, zorder=1)
    axes.plot(best + 1, value, marker="*", markersize=24, color=HIGHLIGHT.color, markeredgecolor=INK, zorder=6)
    top = 1.0 if error == 0 else error
    axes.set(xlim=(0, m + 1), ylim=(-1.15 * top, 1.45 * top))
    style.zero_line(axes)
    style.set_ticks(axes.yaxis, (-top, 0, top), [f"{t:g}".replace("-", "−") for t in (-top, 0, top)])
    style.set_ticks(axes.xaxis, sorted({1, m}))
    axes.set_xlabel("actions, all worth 0", labelpad=0)
    axes.set_title(f"one draw: score {_with_sign(value)}")
    axes.text(0.02, 0.95, "● critic 1", color=NEGATIVE.ink, fontweight="bold", va="center", transform=axes.transAxes)
    if rule != "single":
        axes.text(0.27, 0.95, "■ critic 2", color=ACTION.ink, fontweight="bold", va="center", transform=axes.transAxes)
    axes.text(0.98, 0.95, "★ the score", color=HIGHLIGHT.ink, fontweight="bold", va="center", ha="right",
              transform=axes.transAxes)


@style.styled
def smooth_errors(grid, truth, first, second, pick, biases, *, rule, error, length, smoothing, draws, show_all):
    """Two critics over a continuum of actions, the action that a rule climbs to, and the mean error of its score.

    Args:
        grid, truth: actions, and their true values.
        first, second: the critics' estimates, one draw.
        pick: (action, score, true value) of the rule in this draw.
        biases: rule -> mean error of the score.
        rule: the one that is shown.
        error, length, smoothing: of the errors, and of the noise on the target action.
        draws: how many draws the means are over.
        show_all: whether the means of the other rules are drawn as well.
    """
    figure, (left, right) = style.new_figure(10, 5.4, 1, 2, left=0.065, right=0.985, bottom=0.13, top=0.79, wspace=0.12,
                                             width_ratios=(1.75, 1))
    role, mean = LOOKS[rule], biases[rule]
    action, score, true = pick
    figure.text(0.012, 0.945, f"{NAMES[rule]}: score − truth is {_with_sign(mean)} on average", fontsize=BIG + 1,
                fontweight="bold", va="center", color=role.ink)
    figure.text(0.012, 0.875, f"errors of standard deviation {error:g} that change over a distance of about {length:g}"
                + (f"; target action ± {smoothing:g}" if smoothing else ""), va="center")
    left.plot(grid, truth, color=INK, linewidth=3)
    left.plot(grid, first, color=NEGATIVE.color, linewidth=2.4)
    keys = [(0.02, "black: truth", INK), (0.255, "red: critic 1", NEGATIVE.ink)]
    if rule != "single":
        left.plot(grid, second, color=ACTION.color, linewidth=2.4, linestyle=(0, (6, 2)))
        keys += [(0.5, "blue: critic 2", ACTION.ink)]
    if rule.endswith("min"):
        left.plot(grid, np.minimum(first, second), color=VALUE.ink, linewidth=4.5, alpha=0.35)
    if smoothing:
        left.axvspan(max(-1, action - smoothing), min(1, action + smoothing), color=HIGHLIGHT.color, alpha=0.18,
                     linewidth=0)
    left.plot([action, action], sorted((score, true)), color=HIGHLIGHT.ink, linewidth=3.5, zorder=5)
    left.plot(action, score, marker="*", markersize=24, color=HIGHLIGHT.color, markeredgecolor=INK, zorder=6)
    left.plot(action, true, marker="o", markersize=9, color=INK, zorder=6)
    left.set(xlim=(-1.03, 1.03), ylim=(-2.4, 1.75))
    style.set_ticks(left.xaxis, (-1, 0, 1))
    style.set_ticks(left.yaxis, (-2, -1, 0, 1))
    left.set_xlabel("action a", labelpad=-2)
    left.set_title(f"one draw: score − truth {_with_sign(score - true)}")
    for x, text, color in [*keys, (0.76, "★ the score", HIGHLIGHT.ink)]:
        left.text(x, 0.05, text, color=color, fontweight="bold", va="center", transform=left.transAxes,
                  fontsize=BASE_SIZE - 1)

    for y, (name, bias) in zip((3, 2, 1, 0), biases.items(), strict=True):
        look, chosen = LOOKS[name], name == rule
        if chosen or show_all:
            right.barh(y, bias, 0.4, facecolor=look.color, edgecolor=INK if chosen else look.ink,
                       linewidth=2.6 if chosen else 1)
            right.plot([0, 0], [y - 0.28, y + 0.24], color=INK, linewidth=1.4)
            right.text(-0.28, y + 0.4, f"{NAMES[name]} {_with_sign(bias)}", color=look.ink, va="center",
                       fontweight="bold" if chosen else "normal")
    right.set(xlim=(-0.3, 1.1), ylim=(-0.5, 3.7))
    style.set_ticks(right.yaxis, [])
    style.set_ticks(right.xaxis, (0, 0.4, 0.8))
    right.spines["left"].set_visible(False)
    right.set_xlabel("score − truth", labelpad=-1)
    right.set_title(f"mean of {draws:,} draws")
    said = f"Smooth errors of sd {error:g} and length {length:g} over a continuum of actions, {NAMES[rule]}, "
    said += f"smoothing {smoothing:g}: the score is off by {_with_sign(mean)} on average; in this draw by "
    said += f"{_with_sign(score - true)}."
    if show_all:
        said += f" {'; '.join(f'{NAMES[name]} {_with_sign(bias)}' for name, bias in biases.items() if name != rule)}."
    return style.say(figure, said)


@style.styled
def noisy_arms(curves):
    """Share of runs that go the wrong way, episode by episode, under three rules.

    Args:
        curves: rule -> share an episode.
    """
    figure, axes = style.new_figure(9, 4.0, left=0.09, right=0.975, bottom=0.16, top=0.88)
    for k, (name, line) in enumerate(curves.items()):
        role = LOOKS[name]
        axes.plot(np.arange(1, len(line) + 1), line, color=role.color, linewidth=2.6, linestyle=role.linestyle)
        axes.text(0.985, 0.9 - 0.1 * k, f"{NAMES[name]}: at most {line.max():.0%}", color=role.ink, fontweight="bold",
                  ha="right", va="center", transform=axes.transAxes)
    axes.axhline(0.05, color=INK, linestyle=":", linewidth=1.4)
    axes.set(xlim=(1, len(line)), ylim=(0, 1), xlabel="episodes")
    style.set_ticks(axes.yaxis, (0.05, 0.5, 1), ("5%", "50%", "100%"))
    style.set_ticks(axes.xaxis, (1, 100, 200, 300))
    axes.set_title("runs that go left, the wrong way (5%: exploration alone)")
    worst = "; ".join(f"{NAMES[name]} {line.max():.0%}" for name, line in curves.items())
    return style.say(figure, f"Largest share of runs that go the wrong way, by rule: {worst}.")
