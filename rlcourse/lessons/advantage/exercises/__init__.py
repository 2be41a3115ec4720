"""Checkers: values and advantages, the best baseline, a learned one, a baseline that misleads, the keeper."""

from rlcourse.lessons.advantage.exercises.baselines import optimal_baseline, wrong_way
from rlcourse.lessons.advantage.exercises.learned import baseline_weights, fit_value
from rlcourse.lessons.advantage.exercises.penalty import keeper_advantages, kick_values

__all__ = ["baseline_weights", "fit_value", "keeper_advantages", "kick_values", "optimal_baseline", "wrong_way"]
