"""Exercises: the repaired mixture, and the best λ for a wrong critic."""

import functools
import itertools

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, judge, right, write, wrong
from rlcourse.envs import survival_chain
from rlcourse.returns import n_step_advantages

# ---------------------------------------------------------------- the repaired mixture


def mixture(student, *, seed=None):
    """Check mixture(estimates, gae_lambda) -> GAE of one step, from its k-step advantages k = 1..n; to 1e-12."""
    rng = np.random.default_rng(seed)
    cases = [(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), 1.0)]
    for n, gae_lambda in (
        (1, 0.7),
        (3, 0.5),
        (5, 0.9),
        (8, 0.95),
        (6, 0.0),
        (12, float(rng.uniform(0.2, 0.9))),
    ):
        rewards, values = torch.from_numpy(rng.normal(0, 2, (2, n)))
        after = torch.cat([values[1:], values[:1]])
        over, cut = torch.arange(n) == n - 1, torch.zeros(n, dtype=torch.bool)
        cases.append(
            (
                torch.stack(
                    [n_step_advantages(rewards, values, after, over, cut, gamma=0.97, n=k)[0] for k in range(1, n + 1)]
                ),
                gae_lambda,
            )
        )
    verdict = _judge_mixture(student, cases, 1e-12)
    if not verdict.passed and _judge_mixture(student, cases, 1e-5).passed:
        return wrong(
            "Right to five digits, but not to twelve. Do not round, and make every tensor with dtype=torch.float64: "
            "float32 has seven digits.",
            verdict.example,
        )
    if not verdict.passed and _has_no_number_at_one(student, cases):
        return wrong(
            "At λ = 1 your answer is not a number. The weights (1-λ) λ^(k-1) are all 0 there, and so is their sum: to "
            "divide by it is 0/0. Nothing may be rescaled.",
            f"estimates {write(cases[0][0])}, gae_lambda 1: expected {write(_recursion(*cases[0]))}, got nan",
        )
    return verdict


def _has_no_number_at_one(student, cases):
    """Whether the answer is NaN at λ = 1, and the mixture with weights divided by their sum everywhere else."""
    try:
        answers = [torch.as_tensor(call(student, case), dtype=torch.float64).detach() for case in cases]
    except (Stopped, TypeError, ValueError, RuntimeError):
        return False  # the judge has a sentence for it
    rescaled = MIXTURE_MISTAKES[0].function
    return all(
        answer.isnan().all() if case[1] == 1 else torch.allclose(answer, rescaled(*case))
        for answer, case in zip(answers, cases, strict=True)
    )


def _in_double(student):
    """The same function; a float32 answer becomes float64, so that it has to agree to as many digits."""

    if not callable(student):
        return student  # the judge has a sentence for it

    @functools.wraps(student)
    def function(estimates, gae_lambda):
        answer = student(estimates, gae_lambda)
        single = getattr(answer, "dtype", None) in (torch.float32, np.float32)
        return torch.as_tensor(answer, dtype=torch.float64) if single else answer

    return function


def _powers(estimates, gae_lambda):
    return float(gae_lambda) ** torch.arange(len(estimates), dtype=torch.float64)


def _weights(estimates, gae_lambda):
    weights = (1 - gae_lambda) * _powers(estimates, gae_lambda)
    weights[-1] = gae_lambda ** (len(estimates) - 1)
    return weights


def _recursion(estimates, gae_lambda):
    """GAE's backward sweep. The TD errors are recovered from the estimates: Â^(k+1) - Â^(k) = γ^k δ_{t+k}."""
    advantage = 0.0
    for discounted_delta in torch.diff(estimates, prepend=torch.zeros(1, dtype=torch.float64)).flip(0):
        advantage = discounted_delta + gae_lambda * advantage
    return advantage


MIXTURE_MISTAKES = [
    Mistake(
        "The weights are divided by their sum, a common mistake. Nothing may be "
        "rescaled; think of an endless episode whose estimates are all equal from k = n on.",
        lambda a, lam: (_powers(a, lam) * a).sum() / _powers(a, lam).sum(),
    ),
    Mistake(
        "Weights (1−λ) λ^(k−1) up to k = n sum to 1 − λ^n. The longest estimate stands for all "
        "longer ones: give it their weight, too.",
        lambda a, lam: (1 - lam) * (_powers(a, lam) * a).sum(),
    ),
    Mistake(
        "The weight of the longest estimate is one power of λ off: the weights must sum to one.",
        lambda a, lam: (1 - lam) * (_powers(a, lam) * a)[:-1].sum() + lam ** len(a) * a[-1],
    ),
    Mistake(
        "Now the longest estimate counts twice: once with its own weight and once with the tail; "
        "the weights sum to more than one.",
        lambda a, lam: (1 - lam) * (_powers(a, lam) * a).sum() + lam ** (len(a) - 1) * a[-1],
    ),
    Mistake(
        "The powers λ^(k−1) are no average: they sum to more than one.",
        lambda a, lam: (_powers(a, lam) * a).sum(),
    ),
    Mistake("This is the plain average of all estimates; λ has no say in it.", lambda a, lam: a.mean()),
    Mistake(
        "Your powers of λ begin at 1. The one-step estimate has the weight (1-λ) λ^0.",
        lambda a, lam: (1 - lam) * lam * (_powers(a, lam) * a)[:-1].sum() + lam ** len(a) * a[-1],
    ),
    Mistake(
        "Your weights stand in the reverse order: the one-step estimate comes first, with weight 1-λ.",
        lambda a, lam: (_weights(a, lam).flip(0) * a).sum(),
    ),
]


def _judge_mixture(student, cases, tolerance):
    return judge(
        _in_double(student),
        _recursion,
        cases,
        MIXTURE_MISTAKES,
        praise="Repaired, it equals the recursion to twelve digits. At λ = 1 the longest estimate now has all "
        "the weight.",
        tolerance=tolerance,
        show=lambda a, lam: f"estimates {write(a)}, gae_lambda {lam:.3g}",
        own=(student, _in_double),
    )


# ---------------------------------------------------------------- the best λ


LAMBDAS = np.linspace(0, 1, 101)


def _estimates(deltas, gamma):
    """Â_0 of every episode, for each of LAMBDAS: shape [101, N]."""
    steps = np.arange(len(deltas))
    return (LAMBDAS[:, None] ** steps * gamma**steps) @ deltas.numpy()


def _squares(deltas, gamma, offset):
    return ((_estimates(deltas, gamma) - offset) ** 2).mean(1)


# Each rule gives something to minimise, one number for each of LAMBDAS. The first is right.
RULES = {
    "error": _squares,
    "variance": lambda deltas, gamma, offset: _estimates(deltas, gamma).var(1),
    "absolute": lambda deltas, gamma, offset: np.abs(_estimates(deltas, gamma) - offset).mean(1),
    "bias": lambda deltas, gamma, offset: (_estimates(deltas, gamma).mean(1) - offset) ** 2,
    "zero": lambda deltas, gamma, offset: _squares(deltas, gamma, 0.0),
    "unsquared": lambda deltas, gamma, offset: (
        np.abs(_estimates(deltas, gamma).mean(1) - offset) + _estimates(deltas, gamma).std(1)
    ),
    "worst": lambda deltas, gamma, offset: -_squares(deltas, gamma, offset),
    "no discount": lambda deltas, gamma, offset: _squares(deltas, 1.0, offset),
}
RULE_SENTENCES = {
    "variance": "You look at the variance alone. Bias counts as well: how far is the mean from `offset`?",
    "absolute": "You take the mean of the absolute errors. What is asked for is the mean of their squares.",
    "bias": "You look at the bias alone. Variance counts as well: how far do single estimates scatter?",
    "zero": "You measure the distance from zero. An estimate without error would give `offset` on average; the "
    "critic's own offset does no harm.",
    "unsquared": "You add the standard deviation to the bias without squaring them: a mean squared error is bias² "
    "plus variance.",
    "worst": "You found the λ with the largest error: the smallest is wanted.",
    "no discount": "A γ is missing: δ of step l counts (γλ)^l, not λ^l.",
}


NEAR = 0.05 + 1e-6
"""Largest distance of a λ that counts as right: 0.05, and what rounding adds."""


def best_lambda(student, *, seed=None):
    """Check best_lambda(deltas, gamma, offset) -> λ in [0, 1] with the smallest mean squared error, within 0.05."""
    cases, found = _telling_critics(np.random.default_rng(seed))
    try:
        answers = np.array([as_tensor(call(student, case), torch.tensor(0.0)).item() for case in cases])
    except Stopped as stopped:
        return stopped.verdict
    truths = found["error"]
    if np.abs(answers - truths).max() <= NEAR:
        return right(
            f"For {len(cases)} critics the best λ lay between {truths.min():.2f} and {truths.max():.2f}. How wrong "
            "the critic is, and how noisy the rewards, decides."
        )
    if answers.min() < 0 or answers.max() > 1:
        return wrong(f"Return a λ between 0 and 1; got {answers[np.abs(answers - 0.5).argmax()]:.4g}.")
    off = int(np.abs(answers - truths).argmax())
    deltas, gamma, offset = cases[off]
    example = (
        f"deltas of {deltas.shape[1]} episodes, gamma {gamma:.2f}, offset {offset:.3g}: "
        f"expected {truths[off]:.2f}, got {answers[off]:.2f}"
    )
    constant = answers.min() == answers.max()
    for rule, sentence in RULE_SENTENCES.items():
        near = 0.02 if constant else NEAR  # one constant may lie near all answers of a rule by chance
        if np.abs(answers - found[rule]).max() <= near:
            return wrong(sentence, example)
    if constant:
        return wrong(f"You answer {answers[0]:.2f} whatever the critic. The best λ depends on the TD errors.", example)
    if np.abs(answers - truths).max() <= 0.101:
        return wrong("Close, but more than 0.05 off: is your grid of λ coarse? A step of 0.01 is fine.", example)
    return wrong("Your λ is more than 0.05 off: compute the mean squared error for every λ of a grid.", example)


def _telling_critics(rng, *, at_least=4, gap=0.105):
    """Critics of which, for any two rules, some tell them apart: cases of `best_lambda`, and each rule's answers.

    After the first few, a critic is kept only if it tells two rules apart that no other did.
    """
    pairs = list(itertools.combinations(RULES, 2))
    cases, found, apart = [], [], set()
    while len(cases) < at_least or len(apart) < len(pairs):
        case = _critic(rng)
        answers = {rule: LAMBDAS[np.argmin(score(*case))] for rule, score in RULES.items()}
        told = {(one, other) for one, other in pairs if abs(answers[one] - answers[other]) > gap}
        if len(cases) < at_least or told - apart:
            cases.append(case)
            found.append(answers)
            apart |= told
    return cases, {rule: np.array([row[rule] for row in found]) for rule in RULES}


def _critic(rng, *, episodes=500, steps=30):
    """TD errors of the survival chain's first episode for a critic that is wrong: one case of `best_lambda`."""
    world, gamma = survival_chain(), float(rng.uniform(0.7, 0.95))
    truth = exact.evaluate(world, torch.ones(10, 1), gamma=gamma).V.numpy()
    values = rng.uniform(0.4, 1.2) * truth + rng.uniform(0, 1.5) * rng.standard_normal(10)
    moves = rng.random((steps, episodes)) < 0.8
    after = np.minimum(np.cumsum(moves, axis=0), 10)
    before = np.vstack([np.zeros((1, episodes), dtype=int), after[:-1]])
    rewards = 1 + rng.uniform(0.5, 1.5) * rng.standard_normal(before.shape)
    critic = np.append(values, 0.0)  # the end is worth nothing
    deltas = (rewards + gamma * critic[after] - critic[before]) * (before < 10)
    return torch.from_numpy(deltas), gamma, float(truth[0] - values[0])
