"""What the exercises share: small tables, random policies and MDPs, and a word on NaN."""

import numpy as np
import torch

from rlcourse.course.checker import wrong

GAMMA = 0.9
LARGEST_SHOWN = 12
"""Numbers of a table that is written out."""


def column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def instead_of_nan(verdict, sentence):
    """The verdict, but with this sentence where the student's answer held NaN."""
    return wrong(sentence, verdict.example) if "NaN or infinity" in verdict.sentence else verdict


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
