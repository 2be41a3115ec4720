"""The diagram of one update of DDPG, lit up step by step, and two wrong ones."""

from rlcourse.lessons.ddpg.diagrams.sketches import SKETCHES, wrong_diagram
from rlcourse.lessons.ddpg.diagrams.update import ARROWS, NODES, ROUTE, STEPS, one_update

__all__ = [
    "ARROWS",
    "NODES",
    "ROUTE",
    "SKETCHES",
    "STEPS",
    "one_update",
    "wrong_diagram",
]
