"""Checkers E1 and E6: the kicker's five numbers, the keeper's two."""

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course.checker import Mistake, judge
from rlcourse.envs import penalty_shootout
from rlcourse.lessons.advantage.exercises.cases import pair, probabilities, rounded

# ---------------------------------------------------------------- E1


def _kicks(p, q):
    V, Q, A = exact.evaluate(penalty_shootout(q), [[p, 1 - p]], gamma=1.0)
    return torch.cat([V, Q[0], A[0]])


def _five(value, q_left, q_right, a_left=None, a_right=None):
    a_left = q_left - value if a_left is None else a_left
    a_right = q_right - value if a_right is None else a_right
    return torch.tensor([value, q_left, q_right, a_left, a_right], dtype=torch.float64)


def _value(p, q):
    return p * q + (1 - p) * (1 - q)


VALUE_MISTAKES = [
    Mistake(
        "Your advantages compare each kick with the other one, Q_L - Q_R. The advantage compares it with V, the "
        "average over all kicks, this one included.",
        lambda p, q: _five(_value(p, q), q, 1 - q, 2 * q - 1, 1 - 2 * q),
    ),
    Mistake(
        "Your V is the plain mean of the two Q. The kicker does not choose both equally often: weight each Q with "
        "the probability of its kick.",
        lambda p, q: _five(0.5, q, 1 - q),
    ),
    Mistake(
        "Your advantages have the wrong sign: you computed V - Q. A kick that is better than average should come out "
        "positive.",
        lambda p, q: _five(_value(p, q), q, 1 - q, _value(p, q) - q, _value(p, q) - 1 + q),
    ),
    Mistake(
        "You let the kicker score when both go the same way. Both directions are seen from the kicker, and it is a "
        "goal when they differ.",
        lambda p, q: _five(p * (1 - q) + (1 - p) * q, 1 - q, q),
    ),
    Mistake(
        "Your V weights left with the probability of right and the other way round: p belongs to Q_L.",
        lambda p, q: _five((1 - p) * q + p * (1 - q), q, 1 - q),
    ),
    Mistake(
        "Your V averages with the keeper's probabilities. The keeper is already inside Q; V averages over the "
        "kicker's own choice.",
        lambda p, q: _five(q * q + (1 - q) * (1 - q), q, 1 - q),
    ),
    Mistake(
        "Your last two numbers are Q_L and Q_R again. An advantage is measured from V.",
        lambda p, q: _five(_value(p, q), q, 1 - q, q, 1 - q),
    ),
    Mistake(
        "Your Q hold the kicker's probability: p q is how often a left kick happens and scores. Q_L asks how often it "
        "scores once left is chosen; p comes in only when V is made.",
        lambda p, q: _five(_value(p, q), p * q, (1 - p) * (1 - q)),
    ),
    Mistake(
        "Your Q hold the kicker's probability, and V holds it twice. Q_L asks how often a kick scores once left is "
        "chosen.",
        lambda p, q: _five(p * p * q + (1 - p) ** 2 * (1 - q), p * q, (1 - p) * (1 - q)),
    ),
    Mistake(
        "Your A_R is A_L with the other sign. That holds only when both kicks are equally likely: A_R is Q_R - V.",
        lambda p, q: _five(_value(p, q), q, 1 - q, q - _value(p, q), _value(p, q) - q),
    ),
    Mistake(
        "Your advantages are multiplied by the probability of the kick. An advantage is Q - V alone; the probability "
        "comes in when advantages are averaged.",
        lambda p, q: _five(_value(p, q), q, 1 - q, p * (q - _value(p, q)), (1 - p) * (1 - q - _value(p, q))),
    ),
    Mistake(
        "All five numbers are here, with V in another place: return V first, then Q_L, Q_R, A_L, A_R.",
        lambda p, q: _kicks(p, q)[[1, 2, 0, 3, 4]],
    ),
    Mistake(
        "All five numbers are here, with V last: return V first, then Q_L, Q_R, A_L, A_R.",
        lambda p, q: _kicks(p, q)[[1, 2, 3, 4, 0]],
    ),
    Mistake(
        "Left and right have changed places in your answer: return V, then Q_L, Q_R, A_L, A_R.",
        lambda p, q: _kicks(p, q)[[0, 2, 1, 4, 3]],
    ),
    Mistake(
        "All five numbers are here, each Q beside its A: return V, then Q_L, Q_R, A_L, A_R.",
        lambda p, q: _kicks(p, q)[[0, 1, 3, 2, 4]],
    ),
]


def kick_values(student, *, seed=None):
    """E1: student(p, q) -> (V, Q_L, Q_R, A_L, A_R) of the kicker, five numbers.

    Args:
        student: the function; p is the probability of a kick to the left, q of a dive to the right, both numbers.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(0.25, 1.0), (1.0, 0.3), *probabilities(rng, 6)]
    verdict = judge(
        student,
        _kicks,
        cases,
        VALUE_MISTAKES,
        praise="All five numbers agree, for eight pairs of players. Check on any of them: p A_L + (1-p) A_R = 0.",
        show=lambda p, q: f"p = {p:g}, q = {q:g}, (V, Q_L, Q_R, A_L, A_R)",
        each="the five numbers V, Q_L, Q_R, A_L, A_R",
    )
    return rounded(verdict, student, _kicks, cases)


# ---------------------------------------------------------------- E6


def _keeper(p, q):
    saves = torch.tensor([[p, 1 - p]], dtype=torch.float64)  # a dive saves when the kick goes the same way
    mdp = exact.FiniteMDP(torch.zeros(1, 2, 1), saves)
    return exact.evaluate(mdp, [[1 - q, q]], gamma=1.0).A[0]


def _from_value(p, value):
    return pair(p - value, 1 - p - value)


KEEPER_MISTAKES = [
    Mistake(
        "These are the kicker's advantages. The keeper chooses between dives, and what counts is a save.",
        lambda p, q: _kicks(p, q)[3:],
    ),
    Mistake(
        "You turned the signs of the kicker's advantages round. The players' interests are opposed, but they choose "
        "between different things: work out how often each dive saves.",
        lambda p, q: -_kicks(p, q)[3:],
    ),
    Mistake(
        "You counted the goals that each dive concedes; the keeper earns the saves. The signs come out reversed.",
        lambda p, q: -_keeper(p, q),
    ),
    Mistake(
        "Your value averages the two dives with the kicker's probabilities. V averages over one's own choice, and the "
        "keeper dives right with probability q.",
        lambda p, q: _from_value(p, p * p + (1 - p) * (1 - p)),
    ),
    Mistake(
        "Your V is p q + (1-p)(1-q). Either you read q as the probability of a dive to the left; it is the dive to the "
        "right, seen from the kicker. Or you took the kicker's V, the chance of a goal; the keeper's V is the chance "
        "of a save.",
        lambda p, q: _from_value(p, q * p + (1 - q) * (1 - p)),
    ),
    Mistake(
        "Both numbers are here, in the other order: left comes first.",
        lambda p, q: _keeper(p, q).flip(0),
    ),
    Mistake(
        "You compared each dive with the other one. Compare it with the keeper's average over both.",
        lambda p, q: pair(2 * p - 1, 1 - 2 * p),
    ),
    Mistake(
        "Your value is the plain mean of the two dives, 1/2 whatever the keeper does; weight each dive with the "
        "keeper's probability of it.",
        lambda p, q: _from_value(p, 0.5),
    ),
    Mistake(
        "These are the keeper's two Q, the chances of a save. Subtract the keeper's V.",
        lambda p, q: _from_value(p, 0.0),
    ),
]


def keeper_advantages(student, *, seed=None):
    """E6: student(p, q) -> (advantage of diving left, of diving right) for the keeper, who earns 1 for a save.

    Args:
        student: the function; p is the probability of a kick to the left, q of a dive to the right, both numbers.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    return judge(
        student,
        _keeper,
        [(0.75, 0.2), (0.9, 1.0), *probabilities(rng, 6)],
        KEEPER_MISTAKES,
        praise="Right for every pair: the kicker is part of the keeper's world, as the keeper was of the kicker's.",
        show=lambda p, q: f"p = {p:g}, q = {q:g}, (dive left, dive right)",
        each="one number for each dive",
    )
