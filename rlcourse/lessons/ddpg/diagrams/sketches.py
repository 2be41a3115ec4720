"""Two wrong diagrams of DDPG, for the hunt."""

from typing import NamedTuple

from rlcourse.course.figures import diagram, style
from rlcourse.course.figures.style import ACTION, BASE_SIZE, INK
from rlcourse.lessons.ddpg.diagrams.boxes import (
    ACTOR,
    BIG,
    CRITIC,
    LIT,
    LOSS,
    TARGET,
    WORLD,
    Arrow,
    Node,
    draw_arrows,
    draw_node,
)


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
            "memory": Node(7.75, 5.55, 1.7, 0.6, "replay buffer", WORLD),
            "batch": Node(7.75, 4.2, 1.7, 0.6, "minibatch", WORLD),
            "critic": Node(4.9, 3.3, 1.6, 0.75, "critic Q", CRITIC),
            "target_actor": Node(0.3, 1.15, 1.5, 0.75, "target\nactor μ̄", ACTOR, True),
            "target_critic": Node(2.75, 1.15, 1.5, 0.75, "target\ncritic Q̄", CRITIC, True),
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
        {
            1: (3.2, 5.2),
            2: (7.2, 5.85),
            3: (4.6, 4.52),
            4: (6.75, 4.5),
            5: (0.3, 1.9),
            6: (4.78, 1.62),
            7: (6.45, 1.9),
            8: (7.1, 1.52),
            9: (8.3, 2.75),
            10: (1.9, 2.82),
            11: (4.95, 2.2),
            12: (0.6, 2.55),
        },
    ),
    "B": Sketch(
        "diagram B",
        {
            "actor": Node(0.3, 4.0, 1.5, 0.75, "actor μ", ACTOR),
            "environment": Node(0.2, 5.45, 1.7, 0.65, "environment", WORLD),
            "memory": Node(3.95, 5.45, 1.7, 0.65, "replay buffer", WORLD),
            "batch": Node(7.6, 5.45, 1.8, 0.65, "minibatch", WORLD),
            "target_actor": Node(3.3, 2.45, 1.5, 0.75, "target\nactor μ̄", ACTOR, True),
            "target_critic": Node(5.75, 3.85, 1.5, 0.75, "target\ncritic Q̄", CRITIC, True),
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
        {
            1: (1.3, 5.08),
            2: (2.3, 5.77),
            3: (6.5, 5.77),
            4: (7.6, 4.98),
            5: (4.05, 4.7),
            6: (5.1, 2.82),
            7: (8.85, 4.2),
            8: (5.75, 1.6),
            9: (8.3, 1.05),
            10: (3.6, 1.2),
            11: (7.4, 2.82),
            12: (2.2, 2.82),
        },
    ),
}


@style.styled
def wrong_diagram(name):
    """A diagram of DDPG with flaws in it; the numbers are places that may be wrong.

    Args:
        name: "A" or "B".
    """
    sketch = SKETCHES[name]
    figure, axes = diagram.canvas(10, 6.4)
    axes.set_ylim(0.1, 6.5)
    draw_arrows(axes, sketch.arrows, seen=set(sketch.arrows))
    for node in sketch.nodes.values():
        draw_node(axes, node)
    xs, ys = zip(*sketch.numbers.values(), strict=True)
    axes.scatter(xs, ys, s=430, facecolor=LIT, edgecolor=INK, linewidth=1.6, zorder=6)
    look = {"va": "center_baseline", "fontweight": "bold", "fontsize": BASE_SIZE - 1}
    for label, (x, y) in sketch.numbers.items():
        diagram.words(axes, x, y - 0.005, str(label), zorder=7, **look)
    question = f"{sketch.title}: which of the {len(sketch.numbers)} numbered places are wrong?"
    axes.text(0.3, 0.42, question, fontsize=BIG, fontweight="bold", va="center")
    return style.say(
        figure,
        f"Diagram {name} of DDPG, redrawn with flaws: {len(sketch.numbers)} numbered arrows and boxes, "
        f"some of them wrong. Boxes: {', '.join(node.name.replace(chr(10), ' ') for node in sketch.nodes.values())}.",
    )
