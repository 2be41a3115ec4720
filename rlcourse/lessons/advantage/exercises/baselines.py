"""Checkers E2 and E5: the best constant, and a baseline that turns the gradient round."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, judge, right, write, wrong
from rlcourse.lessons.advantage.exercises.cases import pair, probabilities, rounded

# ---------------------------------------------------------------- E2


def _score(p):
    """Slope of log π(a) in the logit of left: 1 - p for left, -p for right."""
    return pair(1 - p, -p)


def _best(p, Q):
    weights = pair(p, 1 - p) * _score(p) ** 2
    return (weights * Q).sum() / weights.sum()


BASELINE_MISTAKES = [
    Mistake(
        "This is V, the mean of Q under the policy. It makes the weight an advantage, but it is not where the "
        "parabola has its lowest point: each Q counts with the square of its score as well.",
        lambda p, Q: p * Q[0] + (1 - p) * Q[1],
    ),
    Mistake(
        "This is the plain mean of the two Q. In the best constant each Q counts with the probability of its action, "
        "times the square of its score.",
        lambda p, Q: Q.mean(),
    ),
    Mistake(
        "You weight with the squared score but forget how often each action happens: the expectation has a factor "
        "π(a) above and below.",
        lambda p, Q: (_score(p) ** 2 * Q).sum() / (_score(p) ** 2).sum(),
    ),
    Mistake(
        "You have E[g² Q], the numerator. Divide it by E[g²].",
        lambda p, Q: (pair(p, 1 - p) * _score(p) ** 2 * Q).sum(),
    ),
    Mistake(
        "No baseline at all is not the best one, except by accident.",
        lambda p, Q: torch.zeros((), dtype=torch.float64),
    ),
]


def optimal_baseline(student, *, seed=None):
    """E2: student(p, Q) -> the constant b that gives g (Q - b) the smallest variance, one number.

    Args:
        student: the function; p is the probability of left, Q a float64 tensor [2], left then right.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(0.2, pair(5, 1))] + [(p, pair(*rng.normal(0, 3, 2))) for p, _ in probabilities(rng, 6)]
    if _divides_by_the_mean_score(student, cases):
        return wrong(
            "You divide by E[g], and that is zero: the mean score of any policy is zero. Square the score above and "
            "below, E[g² Q] / E[g²]."
        )
    verdict = judge(
        student,
        _best,
        cases,
        BASELINE_MISTAKES,
        praise="Every draw agrees: for two actions it comes to (1-p) Q_L + p Q_R, the mirror image of V.",
        show=lambda p, Q: f"p = {p:g}, Q = {write(Q)}",
    )
    return rounded(verdict, student, _best, cases)


def _divides_by_the_mean_score(student, cases):
    """Whether every answer is E[g Q] divided by zero, an infinity with the sign of E[g Q]."""
    try:
        answers = [torch.as_tensor(call(student, case), dtype=torch.float64).detach() for case in cases]
    except (Stopped, TypeError, ValueError, RuntimeError):
        return False  # the judge will say what is wrong with it
    over_zero = [torch.sign((pair(p, 1 - p) * _score(p) * Q).sum()) * torch.inf for p, Q in cases]
    return all(a.shape == () and torch.equal(a, infinite) for a, infinite in zip(answers, over_zero, strict=True))


# ---------------------------------------------------------------- E5


def _gradient(p, Q, b):
    return (pair(p, 1 - p) * _score(p) * (Q - b)).sum()


def wrong_way(student, *, seed=None):
    """E5: student(p, Q) -> a baseline b(a), two numbers, that turns the expected gradient round.

    Args:
        student: the function; p is the probability of left, Q a float64 tensor [2], left then right.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    # Either action is the better one, with positive and with negative Q, whatever is drawn.
    cases = [(0.3, pair(*Q)) for Q in ((5, 2), (2, 5), (-2, -5), (-5, -2))]
    for p, _ in probabilities(rng, 6):
        first, gap = rng.normal(0, 3), rng.uniform(0.5, 3) * rng.choice((-1, 1))
        cases.append((p, pair(first, first + gap)))
    try:
        answers = [as_tensor(call(student, case), case[1], "one number for each action") for case in cases]
    except Stopped as stopped:
        return stopped.verdict
    truths = [_gradient(p, Q, torch.zeros(2, dtype=torch.float64)).item() for p, Q in cases]
    turned = [_gradient(*case, b).item() for case, b in zip(cases, answers, strict=True)]
    rows = list(zip(cases, answers, truths, turned, strict=True))
    if all(now * true < -1e-9 for _, _, true, now in rows):
        return right(
            "The mean now points the wrong way on every draw: more data would only make you surer of the wrong answer."
        )
    return _why_not(rows)


def _why_not(rows):
    if all(abs(b[0] - b[1]) < 1e-9 for _, b, _, _ in rows):
        return wrong(
            "Your baseline is the same for both actions, so the gradient has not moved at all. Let it look at the "
            "action."
        )
    if all(abs(now) < 1e-9 for *_, now in rows):
        return wrong(
            "Your baseline leaves nothing: with b = Q, or b = Q plus the same number for both, the mean is zero. Go on "
            "in the same direction."
        )
    (p, Q), b, true, now = next(row for row in rows if row[2] * row[3] >= -1e-9)
    example = f"p = {p:g}, Q = {write(Q)}, b = {write(b)}: true gradient {true:.3g}, with your b {now:.3g}"
    if all(now * true > 0 for *_, true, now in rows):
        return _never_turned(rows, example)
    sentence = "It works for some Q and not for others. "
    if _looks_at_Q(rows):
        return wrong(sentence + GAP, example)
    return wrong(sentence + "Make b depend on Q, not on a guess of which is larger.", example)


GAP = "For every Q the two numbers of b must differ in the same direction as those of Q, and by more."


def _never_turned(rows, example):
    """The verdict where the gradient points the right way in every case: is it smaller than it was, or larger?"""
    if all(abs(now) < abs(true) for *_, true, now in rows):
        return wrong("The gradient has moved but still points the right way in every case; move it further.", example)
    if all(abs(now) > abs(true) for *_, true, now in rows):
        return wrong("You moved the gradient in the wrong direction: it points the right way even more.", example)
    return wrong("The gradient still points the right way in every case. " + GAP, example)


def _looks_at_Q(rows):
    """Whether two cases with the same p have different baselines."""
    first_p = rows[0][0][0]
    found = [b for (p, _), b, _, _ in rows if p == first_p]
    return not all(torch.allclose(b, found[0]) for b in found)
