"""Figures: weights, bias against noise, a trajectory step by step, ends of episodes, λ in training."""

from rlcourse.lessons.gae.plots.bias import Family, frontier, lambda_or_gamma
from rlcourse.lessons.gae.plots.endings import TREATMENTS, ends
from rlcourse.lessons.gae.plots.mixtures import three_rules, weights
from rlcourse.lessons.gae.plots.steps import Estimates, Steps, trajectory, what_each_sees
from rlcourse.lessons.gae.plots.training import critic_race, lambda_scores

__all__ = [
    "TREATMENTS",
    "Estimates",
    "Family",
    "Steps",
    "critic_race",
    "ends",
    "frontier",
    "lambda_or_gamma",
    "lambda_scores",
    "three_rules",
    "trajectory",
    "weights",
    "what_each_sees",
]
