"""What the exercises share: small tables, random policies and MDPs, and words on NaN."""

import numpy as np
import torch

from rlcourse.course.checker import Stopped, call, wrong

GAMMA = 0.9
LARGEST_SHOWN = 12
"""Numbers of a table that is written out."""


def column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


LIFTED = (
    "You lift small probabilities to a least one before the logarithm. Rare is not impossible: its -log p is large, "
    "and it counts."
)
LEAST = (0.01, 0.001, 0.0001)
"""Probabilities that are often taken for the least one."""
RARE = (0.99949, 0.0005, 0.00001)
"""Probabilities below each of them."""
ADDED = (
    "You add a number to the probabilities before the logarithm, and it is large enough to show. Leave it out, and let "
    "a probability of 0 add nothing."
)
NUDGES = (0.01, 0.001, 0.0001, 0.00001, 0.000001)
"""Numbers that are often added and that show."""


def instead_of_nan(verdict, sentence, student, harmless):
    """The verdict, but with this sentence where the student's answer held NaN, though not on a harmless case."""
    if "NaN or infinity" not in verdict.sentence or not _is_finite(student, harmless):
        return verdict
    return wrong(sentence, verdict.example)


def _is_finite(student, case):
    try:
        return bool(torch.as_tensor(call(student, case), dtype=torch.float64).isfinite().all())
    except (Stopped, TypeError, ValueError, RuntimeError, OverflowError):
        return False


def policies(rng, states, actions):
    return torch.from_numpy(rng.dirichlet(np.ones(actions), states))


def nested(table):
    """A small table as a reader writes it, ((0.5, 0.5), (1, 0)); nothing of a large one."""
    if table.numel() > LARGEST_SHOWN:
        return "too large to show"
    if table.dim() == 1:
        return "(" + ", ".join(f"{number:.4g}" for number in table.tolist()) + ")"
    return "(" + ", ".join(nested(part) for part in table) + ")"


def random_mdp(rng, states=5, actions=3):
    """P and R of a random MDP whose steps may end the episode."""
    transitions = torch.from_numpy(rng.dirichlet(np.full(states, 0.5), (states, actions)))
    lasting = torch.from_numpy(rng.uniform(0.8, 1.0, (states, actions, 1)))
    return transitions * lasting, torch.from_numpy(rng.normal(size=(states, actions)))
