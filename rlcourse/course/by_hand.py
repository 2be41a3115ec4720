"""Small numbers for calculations by hand."""

import torch


def column(*numbers: float) -> torch.Tensor:
    """The numbers of a hand calculation as the package takes them: a tensor [T], in double precision."""
    return torch.tensor(numbers, dtype=torch.float64)
