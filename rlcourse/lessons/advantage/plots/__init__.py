"""Figures: the shoot-out, a keeper who watches, the baseline parabola, learning with a baseline, actor and critic."""

from rlcourse.lessons.advantage.plots.corridor import weights
from rlcourse.lessons.advantage.plots.learners import learning
from rlcourse.lessons.advantage.plots.noise import parabola
from rlcourse.lessons.advantage.plots.penalty import shootout
from rlcourse.lessons.advantage.plots.two_exits import actor_critic
from rlcourse.lessons.advantage.plots.watching import watched

__all__ = [
    "actor_critic",
    "learning",
    "parabola",
    "shootout",
    "watched",
    "weights",
]
