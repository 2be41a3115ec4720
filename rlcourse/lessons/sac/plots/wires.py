"""The diagram of one update as data: boxes, and which edges are lit at which stage."""

from rlcourse.course.figures.style import NEUTRAL, POLICY, REWARD, VALUE

BOXES = {
    # name: centre x, y, half-width, half-height
    "memory": (0.95, 4.0, 0.85, 1.25),
    "actor": (4.2, 7.0, 0.95, 0.62),
    "critic": (4.2, 5.0, 0.95, 0.62),
    "third": (4.2, 3.0, 0.95, 0.62),
    "lag": (4.2, 1.0, 0.95, 0.62),
    "loss actor": (8.7, 7.0, 0.95, 0.62),
    "loss critic": (8.7, 5.0, 0.95, 0.62),
    "loss third": (8.7, 3.0, 0.95, 0.62),
}
# What is lit at a stage: edges (from, to, words, where the words stand), networks that learn, networks a gradient
# only passes through, boxes whose number is asked for without an edge of its own. An edge is a list of points; the
# last two give the arrow's direction.
_TO_ACTOR = [(1.6, 5.25), (3.25, 6.75)]
_TO_CRITIC = [(1.8, 4.5), (3.25, 4.95)]
_TO_LAG = [(1.6, 2.75), (3.25, 1.15)]
_REWARD = [(1.8, 3.9), (8.7, 3.9), (8.7, 4.38)]
_TO_LOSS = {
    "actor": [(5.15, 7.1), (7.75, 7.1)],
    "critic": [(5.15, 5.1), (7.75, 5.1)],
    "third": [(5.15, 3.1), (7.75, 3.1)],
}
_BACK = {
    "actor": [(7.75, 6.75), (5.15, 6.75)],
    "critic": [(7.75, 4.75), (5.15, 4.75)],
    "third": [(7.75, 2.75), (5.15, 2.75)],
}
_LAG_TO_CRITIC_LOSS = [(5.15, 1.2), (7.9, 4.38)]
_ACTOR = {
    "forward": [
        (_TO_ACTOR, "s", 0.5, 0.0, 0.0),
        (_TO_CRITIC, "s", 0.5, 0.0, 0.0),
        ([(3.75, 6.38), (3.75, 5.62)], "a", 0.5, -0.3, 0.0),
        ([(5.15, 5.2), (7.95, 6.38)], "min Q", 0.5, -0.25, 0.1),
        (_TO_LOSS["actor"], "α log π", 0.5, 0.0, 0.42),
    ],
    "back": [_BACK["actor"], [(8.3, 6.38), (5.15, 4.95)], [(4.5, 5.62), (4.5, 6.38)]],
    "learns": ("actor",),
    "passed": ("critic",),
}
WIRES = {
    "later": {
        "batch": {},
        "target": {
            "forward": [
                (_TO_ACTOR, "s′", 0.45, -0.28, 0.12),
                (_TO_LAG, "s′", 0.5, -0.3, -0.1),
                ([(3.25, 7.2), (2.55, 7.2), (2.55, 0.85), (3.25, 0.85)], "a′", None, 2.55, 5.6),
                (_LAG_TO_CRITIC_LOSS, "min Q̄", 0.3, 0.0, 0.0),
                ([(5.15, 6.6), (7.75, 5.3)], "α log π(a′|s′)", 0.5, 0.0, 0.0),
                (_REWARD, "r, d", None, 5.7, 3.9),
            ],
            "asked": ("third",),
        },
        "critic": {
            "forward": [
                (_TO_CRITIC, "s, a", 0.5, 0.0, 0.0),
                (_TO_LOSS["critic"], "Q₁, Q₂", 0.5, 0.0, 0.42),
                ([(8.7, 6.02), (8.7, 5.62)], "y, a constant", None, 8.7, 6.17),
            ],
            "back": [_BACK["critic"]],
            "learns": ("critic",),
        },
        "actor": {**_ACTOR, "asked": ("third",)},  # with V that box is not α
        "alpha": {
            "forward": [
                (_TO_ACTOR, "s", 0.5, 0.0, 0.0),
                ([(5.15, 6.7), (8.1, 3.62)], "log π", 0.45, 0.0, 0.0),
                (_TO_LOSS["third"], "α", 0.5, 0.0, 0.4),
            ],
            "back": [_BACK["third"]],
            "learns": ("third",),
        },
        "lag": {"copy": [[(5.15, 4.8), (5.9, 4.8), (5.9, 1.0), (5.15, 1.0)]], "follows": ("lag",)},
    },
    "v": {
        "batch": {},
        "goal": {
            "forward": [
                (_TO_ACTOR, "s", 0.5, 0.0, 0.0),
                (_TO_CRITIC, "s", 0.5, 0.0, 0.0),
                ([(3.75, 6.38), (3.75, 5.62)], "a", 0.5, -0.3, 0.0),
                ([(5.15, 6.7), (8.3, 3.62)], "α log π", 0.3, 0.0, 0.0),
                ([(5.15, 4.8), (7.75, 3.2)], "min Q", 0.35, 0.0, 0.0),
            ],
        },
        "value": {
            "forward": [
                ([(1.8, 3.5), (3.25, 3.05)], "s", 0.5, 0.0, 0.0),
                (_TO_LOSS["third"], "V(s)", 0.5, 0.0, 0.42),
                ([(8.7, 4.02), (8.7, 3.62)], "target, a constant", None, 8.55, 4.17),
            ],
            "back": [_BACK["third"]],
            "learns": ("third",),
        },
        "critic": {
            "forward": [
                (_TO_CRITIC, "s, a", 0.5, 0.0, 0.0),
                (_TO_LAG, "s′", 0.5, 0.0, 0.0),
                (_LAG_TO_CRITIC_LOSS, "V̄(s′)", 0.3, 0.0, 0.0),
                (_REWARD, "r, d", None, 5.7, 3.9),
                (_TO_LOSS["critic"], "Q₁, Q₂", 0.5, 0.0, 0.42),
            ],
            "back": [_BACK["critic"]],
            "learns": ("critic",),
        },
        "actor": _ACTOR,
        "lag": {"copy": [[(4.2, 2.38), (4.2, 1.62)]], "follows": ("lag",)},
    },
}
NAMES = {
    "later": {
        "memory": "replay",
        "actor": "actor π",
        "critic": "Q₁, Q₂",
        "third": "α",
        "lag": "Q̄₁, Q̄₂",
        "loss actor": "actor loss",
        "loss critic": "critic loss",
        "loss third": "α loss",
    },
    "v": {
        "memory": "replay",
        "actor": "actor π",
        "critic": "Q₁, Q₂",
        "third": "V",
        "lag": "V̄",
        "loss actor": "actor loss",
        "loss critic": "critic loss",
        "loss third": "V loss",
    },
}
ROLES = {"memory": NEUTRAL, "actor": POLICY, "critic": VALUE, "third": REWARD, "lag": VALUE}
