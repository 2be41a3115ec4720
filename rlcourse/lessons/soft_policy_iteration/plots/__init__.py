"""Figures: the entropy bench, two passages, soft policy iteration at work, the price of entropy."""

from rlcourse.lessons.soft_policy_iteration.plots.entropies import bench
from rlcourse.lessons.soft_policy_iteration.plots.iteration import Progress, World, microscope, two_roads, yours_beside
from rlcourse.lessons.soft_policy_iteration.plots.looks import chance
from rlcourse.lessons.soft_policy_iteration.plots.temperature import dial, false_peak
from rlcourse.lessons.soft_policy_iteration.plots.two_passages import Fit, Traveller, passages, race

__all__ = [
    "Fit",
    "Progress",
    "Traveller",
    "World",
    "bench",
    "chance",
    "dial",
    "false_peak",
    "microscope",
    "passages",
    "race",
    "two_roads",
    "yours_beside",
]
