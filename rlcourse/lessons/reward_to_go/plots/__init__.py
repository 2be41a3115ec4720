"""Figures: causality as a matrix, estimators in a race, a game of two tosses, learners side by side."""

from rlcourse.lessons.reward_to_go.plots.corridor import corridor_map, pushes
from rlcourse.lessons.reward_to_go.plots.errors import coin_game, race, to_go_histogram
from rlcourse.lessons.reward_to_go.plots.learners import exit_learners, number_and_return
from rlcourse.lessons.reward_to_go.plots.matrix import causality

__all__ = [
    "causality",
    "coin_game",
    "corridor_map",
    "exit_learners",
    "number_and_return",
    "pushes",
    "race",
    "to_go_histogram",
]
