"""Checkers of lesson 02: values and advantages, the best baseline, bias, the one-step advantage, the keeper."""

import numpy as np
import torch

from rlcourse import exact
from rlcourse.envs import penalty_shootout
from rlcourse.exercises.checker import Mistake, Stopped, as_tensor, call, judge, right, write, wrong
from rlcourse.returns import td_errors


def _pair(left, right_):
    return torch.tensor([float(left), float(right_)], dtype=torch.float64)


def _probabilities(rng, count):
    """Pairs (p, q) where no two of p, 1 - p, q, 1 - q and 1/2 come close."""
    found = []
    while len(found) < count:
        p, q = rng.uniform(0.05, 0.95, 2)
        if min(abs(p - q), abs(p + q - 1), abs(p - 0.5), abs(q - 0.5)) > 0.05:
            found.append((round(float(p), 2), round(float(q), 2)))
    return found


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
    return judge(
        student,
        _kicks,
        [(0.25, 1.0), (1.0, 0.3), *_probabilities(rng, 6)],
        VALUE_MISTAKES,
        praise="All five numbers agree, for eight pairs of players. Check on any of them: p A_L + (1-p) A_R = 0.",
        show=lambda p, q: f"p = {p:g}, q = {q:g}, (V, Q_L, Q_R, A_L, A_R)",
        each="the five numbers V, Q_L, Q_R, A_L, A_R",
    )


# ---------------------------------------------------------------- E2


def _score(p):
    """Slope of log π(a) in the logit of left: 1 - p for left, -p for right."""
    return _pair(1 - p, -p)


def _best(p, Q):
    weights = _pair(p, 1 - p) * _score(p) ** 2
    return (weights * Q).sum() / weights.sum()


BASELINE_MISTAKES = [
    Mistake(
        "This is V, the mean of Q under the policy. It makes the weight an advantage, but it is not where the "
        "parabola has its lowest point: each Q counts with the square of its score as well.",
        lambda p, Q: p * Q[0] + (1 - p) * Q[1],
    ),
    Mistake(
        "This is the plain mean of the two Q. You get it when each Q counts with the size of its score; it is the "
        "square of the score that belongs there.",
        lambda p, Q: Q.mean(),
    ),
    Mistake(
        "You weight with the squared score but forget how often each action happens: the expectation has a factor "
        "π(a) above and below.",
        lambda p, Q: (_score(p) ** 2 * Q).sum() / (_score(p) ** 2).sum(),
    ),
    Mistake(
        "You have E[g² Q], the numerator. Divide it by E[g²].",
        lambda p, Q: (_pair(p, 1 - p) * _score(p) ** 2 * Q).sum(),
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
    cases = [(0.2, _pair(5, 1))] + [(p, _pair(*rng.normal(0, 3, 2))) for p, _ in _probabilities(rng, 6)]
    return judge(
        student,
        _best,
        cases,
        BASELINE_MISTAKES,
        praise="Right on every draw: for two actions it comes to (1-p) Q_L + p Q_R, the mirror image of V.",
        show=lambda p, Q: f"p = {p:g}, Q = {write(Q)}",
    )


# ---------------------------------------------------------------- E3


def _gradient(p, Q, b):
    return (_pair(p, 1 - p) * _score(p) * (Q - b)).sum()


GRADIENT_MISTAKES = [
    Mistake(
        "Your sum leaves out how often each action happens: an expectation weights every term with π(a).",
        lambda p, Q, b: (_score(p) * (Q - b)).sum(),
    ),
    Mistake(
        "Your answer does not use b. It is right as long as b is the same for both actions, and that is what you "
        "are asked to find out.",
        lambda p, Q, b: _gradient(p, Q, torch.zeros(2, dtype=torch.float64)),
    ),
    Mistake(
        "The score of right has the wrong sign: making left likelier makes right less likely, so it is -p.",
        lambda p, Q, b: (_pair(p, 1 - p) * _pair(1 - p, p) * (Q - b)).sum(),
    ),
    Mistake(
        "You took the slope in p itself, 1/p and -1/(1-p). Here the parameter is the logit θ with p = sigmoid(θ); the "
        "scores are 1 - p and -p.",
        lambda p, Q, b: ((Q - b) * _pair(1, -1)).sum(),
    ),
    Mistake(
        "You add the baseline instead of subtracting it.",
        lambda p, Q, b: _gradient(p, Q, -b),
    ),
    Mistake(
        "You summed π(a) (Q(a) - b(a)), the mean weight. The score g(a) is missing.",
        lambda p, Q, b: (_pair(p, 1 - p) * (Q - b)).sum(),
    ),
]


def expected_gradient(student, *, seed=None):
    """E3, first half: student(p, Q, b) -> Σ_a π(a) g(a) (Q(a) - b(a)), one number.

    Args:
        student: the function; p is the probability of left, Q and b are float64 tensors [2], left then right.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(0.25, _pair(4, 0), _pair(4, 0))]
    for i, (p, _) in enumerate(_probabilities(rng, 6)):
        b = rng.normal(0, 3, 2)
        cases.append((p, _pair(*rng.normal(0, 3, 2)), _pair(b[0], b[0] if i < 3 else b[1])))
    return judge(
        student,
        _gradient,
        cases,
        GRADIENT_MISTAKES,
        praise="Right on every draw. Give both actions the same b, and whatever it is, the answer stays put.",
        show=lambda p, Q, b: f"p = {p:g}, Q = {write(Q)}, b = {write(b)}",
    )


def wrong_way(student, *, seed=None):
    """E3, second half: student(p, Q) -> a baseline b(a), two numbers, that turns the expected gradient round.

    Args:
        student: the function; p is the probability of left, Q a float64 tensor [2], left then right.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(0.3, _pair(5, 2)), (0.3, _pair(2, 5))]  # either action is the better one, whatever is drawn
    for p, _ in _probabilities(rng, 6):
        first, gap = rng.normal(0, 3), rng.uniform(0.5, 3) * rng.choice((-1, 1))
        cases.append((p, _pair(first, first + gap)))
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
        return wrong("The gradient has moved but still points the right way in every case; move it further.", example)
    sentence = "It works for some Q and not for others: make b depend on Q, not on a guess of which is larger."
    return wrong(sentence, example)


# ---------------------------------------------------------------- E4


def _one_step(rewards, states, next_states, terminated, V, gamma):
    return td_errors(rewards, V[states], V[next_states], terminated, gamma=gamma)


def _unmasked(rewards, states, next_states, terminated, V, gamma):
    return rewards + gamma * V[next_states] - V[states]


ADVANTAGE_MISTAKES = [
    Mistake(
        "Gamma is missing: V(s') lies one step ahead and counts gamma times.",
        lambda r, s, n, d, V, gamma: r + V[n] * ~d - V[s],
    ),
    Mistake(
        "You keep V(s') where the episode has ended. After a terminal state nothing more is paid, whatever the table "
        "says: mask it.",
        _unmasked,
    ),
    Mistake(
        "The signs are turned round, as in V(s) - r - gamma V(s'). An advantage is what came minus what was expected.",
        lambda r, s, n, d, V, gamma: V[s] - r - gamma * V[n] * ~d,
    ),
    Mistake(
        "Gamma and the mask are both missing: a terminal V(s') has no value, and any other counts gamma times.",
        lambda r, s, n, d, V, gamma: r + V[n] - V[s],
    ),
    Mistake(
        "This is the target r + gamma V(s'), an estimate of Q. Subtract what the state promised, V(s).",
        lambda r, s, n, d, V, gamma: r + gamma * V[n] * ~d,
    ),
    Mistake(
        "Your mask is upside down: V(s') survives only where the episode has ended.",
        lambda r, s, n, d, V, gamma: r + gamma * V[n] * d - V[s],
    ),
    Mistake(
        "Your mask removes V(s) too. Only the future is gone at the end; what was expected of s was expected.",
        lambda r, s, n, d, V, gamma: r + (gamma * V[n] - V[s]) * ~d,
    ),
    Mistake(
        "Your mask removes the whole step. The reward of the last step has been paid, and V(s) was expected: only "
        "V(s') goes.",
        lambda r, s, n, d, V, gamma: _unmasked(r, s, n, d, V, gamma) * ~d,
    ),
    Mistake(
        "The two states have changed places: bootstrap from the next one, subtract the present one.",
        lambda r, s, n, d, V, gamma: r + gamma * V[s] * ~d - V[n],
    ),
    Mistake(
        "Gamma stands before V(s) as well. V(s) belongs to the present step and is not discounted.",
        lambda r, s, n, d, V, gamma: r + gamma * V[n] * ~d - gamma * V[s],
    ),
]


def one_step_advantage(student, *, seed=None):
    """E4: student(rewards, states, next_states, terminated, V, gamma) -> r + γ (1-d) V(s') - V(s), one a step.

    Args:
        student: the function; rewards is a float64 tensor [T], states and next_states are whole numbers [T],
            terminated is boolean [T], V a float64 tensor [S], gamma a number.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(_pair(2, 1), torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([False, True]), _pair(3, 4), 0.5)]
    for steps, gamma in ((5, 0.9), (8, 0.99), (12, float(rng.uniform(0.3, 0.95)))):
        V = torch.from_numpy(rng.normal(0, 3, 6))
        terminated = torch.from_numpy(rng.random(steps) < 0.3)
        terminated[:2] = torch.tensor([True, False])
        states, following = (torch.from_numpy(rng.integers(0, 6, steps)) for _ in range(2))
        cases.append((torch.from_numpy(rng.normal(0, 1, steps)), states, following, terminated, V, gamma))
    return judge(
        student,
        _one_step,
        cases,
        ADVANTAGE_MISTAKES,
        praise="Right on every draw: what came, minus what was expected, with no future behind a terminal step.",
        show=lambda r, s, n, d, V, gamma: (
            f"rewards {write(r)}, V(s) {write(V[s])}, V(s') {write(V[n])}, terminated {d.tolist()}, gamma {gamma:g}"
        ),
    )


# ---------------------------------------------------------------- E5


def _keeper(p, q):
    saves = torch.tensor([[p, 1 - p]], dtype=torch.float64)     # a dive saves when the kick goes the same way
    mdp = exact.FiniteMDP(torch.zeros(1, 2, 1), saves)
    return exact.evaluate(mdp, [[1 - q, q]], gamma=1.0).A[0]


def _from_value(p, value):
    return _pair(p - value, 1 - p - value)


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
        "You read q as the probability of a dive to the left. It is the dive to the right, seen from the kicker.",
        lambda p, q: _from_value(p, q * p + (1 - q) * (1 - p)),
    ),
    Mistake(
        "Both numbers are here, in the other order: left comes first.",
        lambda p, q: _keeper(p, q).flip(0),
    ),
    Mistake(
        "You compared each dive with the other one. Compare it with the keeper's average over both.",
        lambda p, q: _pair(2 * p - 1, 1 - 2 * p),
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
    """E5: student(p, q) -> (advantage of diving left, of diving right) for the keeper, who earns 1 for a save.

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
        [(0.75, 0.5), (0.9, 1.0), *_probabilities(rng, 6)],
        KEEPER_MISTAKES,
        praise="Right for every pair: the kicker is part of the keeper's world, as the keeper was of the kicker's.",
        show=lambda p, q: f"p = {p:g}, q = {q:g}, (dive left, dive right)",
        each="one number for each dive",
    )
