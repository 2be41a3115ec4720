"""Checkers of the exercises: entropies, soft value and backup, soft policy iteration, a broken promise, a ratio."""

from rlcourse.lessons.soft_policy_iteration.exercises.entropies import categorical_entropy, gaussian_entropy
from rlcourse.lessons.soft_policy_iteration.exercises.iteration import soft_policy_iteration
from rlcourse.lessons.soft_policy_iteration.exercises.temperature import least_alpha, violation
from rlcourse.lessons.soft_policy_iteration.exercises.values import soft_backup, soft_value

__all__ = [
    "categorical_entropy",
    "gaussian_entropy",
    "least_alpha",
    "soft_backup",
    "soft_policy_iteration",
    "soft_value",
    "violation",
]
