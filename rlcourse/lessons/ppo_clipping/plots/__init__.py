"""Figures: the clip lab, the ridge, the old states, the corners of the simplex, ratios leaving the range, distances."""

from rlcourse.lessons.ppo_clipping.plots.divergence import distance
from rlcourse.lessons.ppo_clipping.plots.epochs import reuse
from rlcourse.lessons.ppo_clipping.plots.promise import promise
from rlcourse.lessons.ppo_clipping.plots.ridge_walk import Terrain, ridge
from rlcourse.lessons.ppo_clipping.plots.simplex import corner, first_updates
from rlcourse.lessons.ppo_clipping.plots.surrogate import REACH, Case, Curve, Options, Sample, clip_lab, verdict

__all__ = [
    "REACH",
    "Case",
    "Curve",
    "Options",
    "Sample",
    "Terrain",
    "clip_lab",
    "corner",
    "distance",
    "first_updates",
    "promise",
    "reuse",
    "ridge",
    "verdict",
]
