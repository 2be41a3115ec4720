"""Exercises: k-step advantages, GAE, the repaired mixture, the best λ for a wrong critic."""

from rlcourse.lessons.gae.exercises.estimates import gae, k_step
from rlcourse.lessons.gae.exercises.mixtures import best_lambda, mixture

__all__ = ["best_lambda", "gae", "k_step", "mixture"]
