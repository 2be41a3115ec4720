"""Exercise: soft policy iteration."""

from functools import partial

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course.checker import SINGLE, Mistake, Stopped, as_tensor, call, difference, judge, right, wrong
from rlcourse.lessons.soft_policy_iteration.exercises.cases import GAMMA, nested, random_mdp

LONGEST = 40
"""A wrong loop may stop after any number of rounds: it is known by each of its first so many policies."""


def _optimum(P, R, gamma, alpha):
    mdp = exact.FiniteMDP(P, R)
    return exact.boltzmann(exact.soft_value_iteration(mdp, gamma=gamma, alpha=alpha, tol=1e-12).Q, alpha)


def _one_hot(Q):
    return torch.nn.functional.one_hot(Q.argmax(-1), Q.shape[-1]).double()


def _task(P, R, gamma):
    """The best Q of the task itself."""
    mdp, policy = exact.FiniteMDP(P, R), _one_hot(R)
    for _ in range(12):
        Q = exact.evaluate(mdp, policy, gamma=gamma).Q
        policy = _one_hot(Q)
    return Q


# ---------------------------------------------------------------- wrong loops


def _evaluated(P, R, gamma, policy, alpha):
    """Q of a policy, soft where alpha is above 0."""
    mdp = exact.FiniteMDP(P, R)
    if alpha:
        return exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha).Q
    return exact.evaluate(mdp, policy, gamma=gamma).Q


def _rounds(P, R, gamma, improved):
    """The policies of a loop, from the uniform one on; `improved` makes the next one."""
    policies = [torch.full_like(R, 1 / R.shape[1])]
    for _ in range(LONGEST):
        policies.append(improved(policies[-1]))
    return policies[1:]


def _two_alphas(values, target, P, R, gamma, alpha):
    """Values use one temperature, policies another; both are functions of α."""
    return _rounds(
        P, R, gamma, lambda policy: exact.boltzmann(_evaluated(P, R, gamma, policy, values(alpha)), target(alpha))
    )


def _by_argmax(P, R, gamma, alpha):
    return _rounds(P, R, gamma, lambda policy: _one_hot(_evaluated(P, R, gamma, policy, alpha)))


def _with_its_own_entropy(P, R, gamma, alpha):
    def improved(policy):
        Q = _evaluated(P, R, gamma, policy, alpha) - alpha * policy.clamp(min=1e-300).log()
        return exact.boltzmann(Q, alpha)

    return _rounds(P, R, gamma, improved)


def _half_way(P, R, gamma, alpha):
    def improved(policy):
        return (policy + exact.boltzmann(_evaluated(P, R, gamma, policy, alpha), alpha)) / 2

    return _rounds(P, R, gamma, improved)


def _at_a_gamma_of_its_own(own):
    """The best policy at this γ, whatever γ is given."""
    return lambda P, R, gamma, alpha: _optimum(P, R, own, alpha)


def _once(P, R, gamma, alpha):
    """The policy after one right improvement of the uniform one."""
    return exact.boltzmann(_evaluated(P, R, gamma, torch.full_like(R, 1 / R.shape[1]), alpha), alpha)


GREEDY = (
    "Your improvement takes the best action alone. With entropy in the objective, the better policy is the softmax of "
    "Q/α."
)
LOOPS = [
    Mistake(GREEDY, _by_argmax),
    Mistake(
        "Your policy is exp(Q), as if α were 1, while α is another number. Improvement promises nothing "
        "then: divide Q by α.",
        partial(_two_alphas, lambda alpha: alpha, lambda alpha: 1.0),
    ),
    Mistake(
        "You multiply Q by α before the softmax; it has to be divided.",
        partial(_two_alphas, lambda alpha: alpha, lambda alpha: 1 / alpha),
    ),
    Mistake(
        "Your policy divides by α, but your values lack it: there the entropy counts as if α were 1.",
        partial(_two_alphas, lambda alpha: 1.0, lambda alpha: alpha),
    ),
    Mistake(
        "α is used nowhere: values and policy are those of α = 1. It stands in front of the entropy, and under Q.",
        partial(_two_alphas, lambda alpha: 1.0, lambda alpha: 1.0),
    ),
    Mistake(
        "Your policy is the softmax of Q/α, but your evaluation is the ordinary one: the values that you "
        "improve on lack the entropy of the steps to come.",
        partial(_two_alphas, lambda alpha: 0.0, lambda alpha: alpha),
    ),
    Mistake(
        "Your values count each step's entropy twice, in Q and again in V. It belongs to V alone.",
        partial(_two_alphas, lambda alpha: 2 * alpha, lambda alpha: alpha),
    ),
    Mistake(
        "The term -α log π(a|s) of the action itself is in the Q that you improve on: what was "
        "likely is made unlikely, and back. Q is asked when the action is known.",
        _with_its_own_entropy,
    ),
    Mistake(
        "Each round moves your policy only half of the way to softmax(Q/α). Take the whole step: softmax(Q/α) is the "
        "improved policy.",
        _half_way,
    ),
]

ENDS = [
    Mistake(GREEDY, lambda P, R, gamma, alpha: _by_argmax(P, R, gamma, alpha)[-1]),
    Mistake(
        "One round of improvement is a beginning: repeat until the policy stands still.",
        _once,
    ),
    Mistake(
        "This is the uniform policy you may start from; nothing has been improved.",
        lambda P, R, gamma, alpha: torch.full_like(R, 1 / R.shape[1]),
    ),
    Mistake(
        "This is the policy for the next reward alone; evaluate before you improve.",
        lambda P, R, gamma, alpha: exact.boltzmann(R, alpha),
    ),
    Mistake(
        "Your values lack the entropy altogether: this softens the task's best Q, which is not the best soft policy.",
        lambda P, R, gamma, alpha: exact.boltzmann(_task(P, R, gamma), alpha),
    ),
    Mistake(
        "This is the best policy of the task, without entropy.",
        lambda P, R, gamma, alpha: _one_hot(_task(P, R, gamma)),
    ),
    *(
        Mistake(f"You compute with γ = {own}, whatever the argument `gamma` is.", _at_a_gamma_of_its_own(own))
        for own in (0.5, GAMMA, 0.95, 0.99)
    ),
    Mistake("The discount is missing: you compute with γ = 1.", _at_a_gamma_of_its_own(1.0)),
]

NEAR = 0.02
"""A probability so far from the right one may come from a loop that ended too early."""
NEARLY = (
    f"Nearly: no probability is further than {NEAR} from the right one. Does your loop go on until the policy stands "
    "still, and each evaluation until Q does?"
)
ONCE = "With `rounds` as given your answer is right. With `rounds=1` it should be one improvement of the uniform policy"
BEST = f"{ONCE}; yours is the best policy already, or nearly. Does the loop run `rounds` times, and not more?"
ZEROS = f"{ONCE}; yours is softmax(R/α), as if the first policy held zeros. Start with 1/A in every entry."
STILL = f"{ONCE}; yours is the uniform policy still. Evaluate before you improve."
ROUNDS = f"{ONCE}; yours is another one. Start with 1/A in every entry, and improve once per round."


# ---------------------------------------------------------------- the checker

EACH = "one probability per state and action"


def soft_policy_iteration(student, *, seed=None):
    """Check soft_policy_iteration(P, R, gamma, alpha, rounds=10) -> the best policy, shape [S, A]."""
    rng = np.random.default_rng(seed)
    cases = [(*random_mdp(rng, 2, 2), 0.5, 0.5)]
    cases += [(*random_mdp(rng), GAMMA, float(rng.uniform(0.1, 0.6))) for _ in range(3)]
    truths = [_optimum(*case) for case in cases]
    try:
        given = [call(student, case) for case in cases]
        answers = [as_tensor(answer, truth, EACH) for answer, truth in zip(given, truths, strict=True)]
    except Stopped as stopped:
        return stopped.verdict
    tolerance = SINGLE if any(_is_single(answer) for answer in given) else 1e-8
    if _agree(answers, truths, tolerance):
        return _minds_its_rounds(student, cases[0])
    sentence = _known(cases, answers, truths)
    if sentence is None:
        return judge(student, _optimum, cases, [], praise=PRAISE, tolerance=tolerance, show=_show, each=EACH)
    for case, answer, truth in zip(cases, answers, truths, strict=True):
        if not _agree([answer], [truth], tolerance):
            return wrong(sentence, f"{_show(*case)}: {difference(answer, truth, tolerance)}")
    raise AssertionError("one of the answers differs")


PRAISE = "Evaluate, improve, repeat: the same optimum as soft value iteration."


def _show(P, R, gamma, alpha):
    return f"{len(R)} states, P {nested(P)}, R {nested(R)}, gamma {gamma:g}, alpha {alpha:.3g}"


def _is_single(answer):
    return getattr(answer, "dtype", None) in (torch.float32, np.float32)


def _agree(answers, truths, tolerance):
    return all(torch.allclose(a, t, rtol=tolerance, atol=tolerance) for a, t in zip(answers, truths, strict=True))


def _minds_its_rounds(student, case):
    """Right, unless the function takes a number of rounds and ignores it."""
    code = getattr(student, "__code__", None)
    if code is not None and "rounds" in code.co_varnames[: code.co_argcount]:
        try:
            once = as_tensor(call(student, (*case, 1)), case[1], EACH)
        except Stopped as stopped:
            return stopped.verdict
        if not _agree([once], [_once(*case)], SINGLE):
            return wrong(_said_of_one_round(once, *case))
    return right(PRAISE)


def _said_of_one_round(once, P, R, gamma, alpha):
    known = {
        BEST: _optimum(P, R, gamma, alpha),
        ZEROS: exact.boltzmann(R, alpha),
        STILL: torch.full_like(R, 1 / R.shape[1]),
    }
    return next((sentence for sentence, policy in known.items() if _agree([once], [policy], CLOSE)), ROUNDS)


CLOSE = 1e-5
"""A wrong loop may still be moving in the eighth digit: it is known by five."""


def _known(cases, answers, truths):
    """The sentence on answers that are known to be wrong; None if nobody knows how they came about."""
    if _agree(answers, truths, CLOSE):
        return NEARLY
    for end in ENDS:
        if _agree(answers, [end.function(*case) for case in cases], CLOSE):
            return end.sentence
    for loop in LOOPS:
        if all(_is_one_of(loop.function(*case), answer) for case, answer in zip(cases, answers, strict=True)):
            return loop.sentence
    if not torch.allclose(answers[-1].sum(-1), torch.ones(len(answers[-1]), dtype=torch.float64), atol=1e-4):
        return "Return the policy: in every state its probabilities add up to 1."
    apart = max(float((answer - truth).abs().max()) for answer, truth in zip(answers, truths, strict=True))
    return NEARLY if apart < NEAR else None


def _is_one_of(policies, answer):
    return any(torch.allclose(policy, answer, rtol=CLOSE, atol=CLOSE) for policy in policies)
