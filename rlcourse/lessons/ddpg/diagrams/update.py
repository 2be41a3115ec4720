"""One update of DDPG, lit up step by step."""

from matplotlib.patches import Rectangle

from rlcourse.course.figures import diagram, style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import ACTION, BASE_SIZE, INK, NEUTRAL, VALUE
from rlcourse.lessons.ddpg.diagrams.boxes import (
    ACTOR,
    BIG,
    CRITIC,
    GRADIENT,
    LIT,
    LOSS,
    SMALL,
    TARGET,
    WORLD,
    Arrow,
    Node,
    draw_arrows,
    draw_node,
)

NODES = {
    "memory": Node(0.2, 5.62, 1.75, 0.62, "replay buffer", WORLD),
    "environment": Node(0.2, 4.42, 1.75, 0.62, "environment", WORLD),
    "noise": Node(0.2, 3.12, 1.75, 0.72, "+ noise,\nclip to the box", ACTION),
    "batch": Node(2.55, 4.25, 1.1, 1.99, "batch\nof four", WORLD),
    "target_actor": Node(4.3, 5.5, 1.55, 0.8, "target\nactor μ̄", ACTOR, True),
    "target_critic": Node(6.65, 5.5, 1.4, 0.8, "target\ncritic Q̄", CRITIC, True),
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
    ("s", "obs", 4),
    ("a", "actions", 4),
    ("r", "rewards", 4),
    ("s′", "next_obs", 4),
    ("d", "terminated", 4),
    ("a′", "next_actions", 5),
    ("Q̄(s′, a′)", "next_q", 6),
    ("y", "target", 7),
    ("Q(s, a)", "q", 8),
    ("y − Q", "gap", 8),
    ("μ(s)", "own", 10),
    ("Q(s, μ)", "actor_q", 10),
    ("∇ₐQ", "slopes", 11),
)


@style.styled
def one_update(update, step, *, gamma, tau):
    """The data flow of DDPG, lit up as far as one update has come, with the numbers of its four rows.

    Args:
        update: an Update of the experiments.
        step: 0 to STEPS.
        gamma, tau: of this update.
    """
    figure, axes = diagram.canvas(10, 7.5)
    line, nodes, arrows = ROUTE[step]
    title, remark = _told(update, step, gamma, tau)
    heading = (f"line {line}: " if line else "") + title
    color = GRADIENT.ink if step in (9, 11) else INK
    axes.text(0.2, 7.14, heading, fontsize=BIG, fontweight="bold", va="center", color=color)
    axes.text(0.2, 6.72, remark, va="center", fontsize=BASE_SIZE)
    passed = ROUTE[1 : step + 1]
    seen_nodes = {name for _, names, _ in passed for name in names}
    seen_arrows = {name for _, _, names in passed for name in names}
    draw_arrows(axes, ARROWS, set(arrows), seen_arrows)
    status = _status(update, step)
    for name, node in NODES.items():
        draw_node(axes, node, lit=name in nodes, dim=name not in seen_nodes, status=status.get(name, ""))
    _table(axes, update, step)
    key = "solid: numbers   dashed arrow: gradient   dashed box: target network"
    axes.text(9.8, 0.16, key, ha="right", va="center", fontsize=SMALL, color=NEUTRAL.ink)
    where = f"Line {line} of AL-09: " if line else ""
    return style.say(figure, f"{where}{title}. {remark}")


def _told(update, step, gamma, tau):
    """What happens at a step, and the same in the numbers of a row."""
    u, row = update, update.batch
    action, position = row.actions[0, 0].item(), row.obs[0, 0].item()
    terms = " + ".join(f"{gap * gap:.2f}" for gap in u.target - u.q)
    (a_far, a_near), (c_far, c_near) = u.gaps["actor"], u.gaps["critic"]
    return (
        ("four networks, before one step and one update", "Move on step by step: what lights up is at work."),
        (
            "act, with noise",
            f"Puck at s = {number(position)}: μ(s) = {number(action - u.noise)}, noise {number(u.noise)}, "
            f"so a = {number(action)}, inside [−1, 1].",
        ),
        (
            "the environment answers",
            f"s′ = {number(row.next_obs[0, 0].item())}, r = {number(row.rewards[0].item())}; the puck did not fall, "
            f"so d = 0.",
        ),
        ("store five things", "s, a, r, s′ and d. Without d, no target could know where the future ends."),
        (
            "draw a batch of four",
            "Row 1 happens to be the new one; row 3 fell (d = 1), row 4 was cut off by the time limit (d = 0).",
        ),
        (
            "the target actor chooses a′",
            f"Row 1: a′ = μ̄({number(row.next_obs[0, 0].item())}) = "
            f"{number(u.next_actions[0])}. No noise, and no action from the replay buffer.",
        ),
        (
            "the target critic scores (s′, a′)",
            f"Row 1: {number(u.next_q[0])}. Row 3 is scored too, but there is nothing to score: it is masked next.",
        ),
        (
            "y = r + γ (1 − d) Q̄(s′, a′)",
            f"Row 1: {number(row.rewards[0].item())} + {gamma:g} · 1 · {number(u.next_q[0])} = "
            f"{number(u.target[0])}.   "
            f"Row 3: {number(row.rewards[2].item())} + {gamma:g} · 0 · {number(u.next_q[2])} = {number(u.target[2])}.",
        ),
        (
            "the critic compares its own opinion with y",
            f"Of the stored actions. Loss = ({terms}) / 4 = {u.critic_loss:.2f}.",
        ),
        (
            "the gradient of the loss reaches the critic alone",
            "y is a constant: nothing flows into the target networks, nor into the actor. The critic moves.",
        ),
        (
            "the actor shows the critic what it would do now",
            f"Not the stored actions. Row 1: μ({number(position)}) = {number(u.actions[0])}, worth "
            f"{number(u.actor_q[0])}. Mean Q = {number(-u.actor_loss)}. (Critic before its step.)",
        ),
        (
            "the critic's slope, handed on to the actor",
            f"Row 1: ∇ₐQ = {number(u.slopes[0])}, so push {_push(u.slopes[0])}. The critic passes it on and stays.",
        ),
        (
            f"the target networks follow, by κ = {tau:g}",
            f"Distance between the critics {c_far:.2f} → {c_near:.2f}, between the actors {a_far:.2f} → {a_near:.2f}.",
        ),
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
    """The four rows in numbers, as far as they are known; the columns that are new stand on a light ground."""
    _lines_of_the_algorithm(axes)
    column = {"va": "center", "linespacing": 1.85}  # the four rows of a column are one text: four times less to lay out
    if step >= 4:
        axes.text(0.12, 1.2, "1\n2\n3\n4*", fontweight="bold", color=NEUTRAL.ink, **column)
        axes.text(0.12, 0.16, "* cut off by the time limit, so d = 0", va="center", fontsize=SMALL, color=NEUTRAL.ink)
    fields = _fields(update)
    xs = (0.95, 1.6, 2.25, 2.9, 3.4, 4.1, 4.95, 5.72, 6.5, 7.2, 7.9, 8.65, 9.5)
    for x, (heading, field, first) in zip(xs, COLUMNS, strict=True):
        if step < first:
            continue
        new = first == step
        if new:
            wide = 0.66 if len(heading) < 8 else 0.84
            axes.add_artist(Rectangle((x - wide / 2, 0.48), wide, 1.76, facecolor=LIT, edgecolor="none", zorder=1))
        diagram.words(axes, x, 2.08, heading, fontweight="bold", fontsize=SMALL + 0.5)
        look = {"multialignment": "right", "fontweight": "bold" if new else "normal", **column}
        axes.text(x, 1.2, "\n".join(fields[field]), ha="center", **look)


def _lines_of_the_algorithm(axes):
    """Above the table: which line of the algorithm a column belongs to."""
    for left, right, text, role in (
        (0.6, 3.62, "stored", WORLD),
        (3.78, 6.05, "line 9", TARGET),
        (6.15, 7.5, "line 10", CRITIC),
        (7.6, 9.95, "line 11", ACTOR),
    ):
        axes.plot([left, right], [2.31, 2.31], color=role.ink, linewidth=2)
        look = {"fontsize": SMALL + 1, "color": role.ink, "fontweight": "bold"}
        diagram.words(axes, (left + right) / 2, 2.5, text, **look)


def _fields(update):
    """The columns of the table: field -> a text for each of the four rows."""
    rows = update.batch
    numbers = {
        "obs": rows.obs[:, 0],
        "actions": rows.actions[:, 0],
        "rewards": rows.rewards,
        "next_obs": rows.next_obs[:, 0],
        "next_actions": update.next_actions,
        "next_q": update.next_q,
        "target": update.target,
        "q": update.q,
        "gap": update.target - update.q,
        "own": update.actions,
        "actor_q": update.actor_q,
        "slopes": update.slopes,
    }
    texts = {field: [number(float(value)) for value in values] for field, values in numbers.items()}
    return {**texts, "terminated": [str(int(end)) for end in rows.terminated]}
