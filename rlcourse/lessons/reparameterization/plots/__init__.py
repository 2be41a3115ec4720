"""Figures: the way back of a gradient, two estimators, and what tanh does to a density."""

from rlcourse.lessons.reparameterization.plots.estimators import Critic, noise_map, two_estimators
from rlcourse.lessons.reparameterization.plots.race import race
from rlcourse.lessons.reparameterization.plots.squashing import Densities, Formulas, pipeline, squash
from rlcourse.lessons.reparameterization.plots.way_back import gradient_path

__all__ = [
    "Critic",
    "Densities",
    "Formulas",
    "gradient_path",
    "noise_map",
    "pipeline",
    "race",
    "squash",
    "two_estimators",
]
