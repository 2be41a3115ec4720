"""Cases of the exercises: a few samples, all six kinds among them."""

import numpy as np
import torch


def samples(rng):
    """Log-probabilities before and after, and advantages, of one sample of each of the six cases."""
    ratios = np.concatenate([rng.uniform(0.3, 0.7, 2), rng.uniform(0.9, 1.1, 2), rng.uniform(1.4, 2.2, 2)])
    old = np.log(rng.uniform(0.05, 0.4, 6))
    advantages = np.tile((1, -1), 3) * rng.uniform(0.3, 2, 6)
    return tuple(torch.from_numpy(column) for column in (old + np.log(ratios), old, advantages))


def tiny(ratios, advantages):
    """The same from a few ratios of a policy that chose with probability 0.2."""
    old = torch.full((len(ratios),), 0.2, dtype=torch.float64).log()
    return old + numbers(*ratios).log(), old, numbers(*advantages)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)
