"""Figures: the chase of a moving target, maxima of errors, and stored runs."""

from rlcourse.lessons.target_networks.plots.maxima import LOOKS, NAMES, Draw, noisy_arms, overestimation, smooth_errors
from rlcourse.lessons.target_networks.plots.moving_target import chase, following, how_slow
from rlcourse.lessons.target_networks.plots.stored_runs import promises, variations

__all__ = [
    "LOOKS",
    "NAMES",
    "Draw",
    "chase",
    "following",
    "how_slow",
    "noisy_arms",
    "overestimation",
    "promises",
    "smooth_errors",
    "variations",
]
