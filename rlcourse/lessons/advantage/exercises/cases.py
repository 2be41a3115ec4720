"""What the checkers of this lesson share: random players, and answers that are nearly right."""

import torch

from rlcourse.course.checker import WRONG, Stopped, as_tensor, call, wrong


def pair(left, right_):
    return torch.tensor([float(left), float(right_)], dtype=torch.float64)


def probabilities(rng, count):
    """Pairs (p, q) where no two of p, 1 - p, q, 1 - q and 1/2 come close."""
    found = []
    while len(found) < count:
        p, q = rng.uniform(0.05, 0.95, 2)
        if min(abs(p - q), abs(p + q - 1), abs(p - 0.5), abs(q - 0.5)) > 0.05:
            found.append((round(float(p), 2), round(float(q), 2)))
    return found


CLOSE = 0.01
"""What differs by less than this on every case has been rounded, or searched for on a grid."""


def rounded(verdict, student, oracle, cases):
    """The same verdict; or, where every answer is close and not equal, one that says so."""
    if verdict.state != WRONG:
        return verdict
    try:
        close = all(
            torch.allclose(as_tensor(call(student, c), oracle(*c)), oracle(*c), rtol=0, atol=CLOSE) for c in cases
        )
    except Stopped:
        return verdict
    sentence = "Every answer is close, but not equal: do not round or search, return what the formula gives."
    return wrong(sentence, verdict.example) if close else verdict
