"""Exercises: the soft value of a policy, and one soft backup."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, judge, write, wrong
from rlcourse.lessons.soft_policy_iteration.exercises.cases import (
    ADDED,
    LEAST,
    LIFTED,
    NUDGES,
    RARE,
    column,
    instead_of_nan,
    nested,
    policies,
    random_mdp,
)


def _value(Q, policy, alpha):
    return (policy * Q).sum(-1) + alpha * torch.special.entr(policy).sum(-1)


VALUE_MISTAKES = [
    Mistake(
        "α is missing: the entropy counts here as if α were 1, whatever it is.",
        lambda Q, pi, alpha: _value(Q, pi, 1.0),
    ),
    Mistake(
        "The sign of the entropy: a log π inside the mean is negative, so it has to be subtracted.",
        lambda Q, pi, alpha: _value(Q, pi, -alpha),
    ),
    Mistake("This is the ordinary value, Σ π Q; the entropy is missing.", lambda Q, pi, alpha: (pi * Q).sum(-1)),
    Mistake("You divide the entropy by α; it is multiplied by α.", lambda Q, pi, alpha: _value(Q, pi, 1 / alpha)),
    Mistake(
        "This is the entropy's part alone; the mean of Q is missing.",
        lambda Q, pi, alpha: _value(0 * Q, pi, alpha),
    ),
    Mistake(
        "You average over actions as if all were equally likely; weigh them by π.",
        lambda Q, pi, alpha: (Q - alpha * pi.clamp(min=1e-300).log()).mean(-1),
    ),
    Mistake(
        "You multiply only Q by π; -α log π needs its weight, too.",
        lambda Q, pi, alpha: (pi * Q - alpha * pi.clamp(min=1e-300).log()).sum(-1),
    ),
    Mistake(
        "You divide Q by α. Leave Q as it is, and multiply the entropy by α.",
        lambda Q, pi, alpha: _value(Q / alpha, pi, 1.0),
    ),
    Mistake(
        "You weigh by π and then take the mean over the actions. The weights add up to 1: take the sum.",
        lambda Q, pi, alpha: _value(Q, pi, alpha) / Q.shape[-1],
    ),
    Mistake(
        "This is α log Σ exp(Q/α), the value of the best policy, not of the one given.",
        lambda Q, pi, alpha: alpha * torch.logsumexp(Q / alpha, -1),
    ),
    *(
        Mistake(LIFTED, lambda Q, pi, alpha, least=least: (pi * (Q - alpha * pi.clamp(min=least).log())).sum(-1))
        for least in LEAST
    ),
    *(
        Mistake(ADDED, lambda Q, pi, alpha, nudge=nudge: (pi * (Q - alpha * (pi + nudge).log())).sum(-1))
        for nudge in NUDGES
    ),
]


def soft_value(student, *, seed=None):
    """Check soft_value(Q, policy, alpha) -> V, shape [S], for tables of shape [S, A]."""
    rng = np.random.default_rng(seed)
    cases = [(column(1, 1)[None], column(0.5, 0.5)[None], 2.0), (column(3, 1)[None], column(0.75, 0.25)[None], 0.5)]
    cases.append((column(3, 1)[None], column(1.0, 0.0)[None], 0.5))
    cases.append((column(1, 2, 0)[None], column(*RARE)[None], 2.0))
    for _ in range(3):
        Q = torch.from_numpy(rng.normal(0, 2, (4, 3)))
        cases.append((Q, policies(rng, 4, 3), float(rng.uniform(0.1, 0.8))))
    verdict = judge(
        student,
        _value,
        cases,
        VALUE_MISTAKES,
        praise="The mean of Q, plus α times the entropy of the choice.",
        show=_show,
        each="one number per state",
    )
    return instead_of_nan(verdict, ZERO_LOG, student, cases[0])


ZERO_LOG = "Your answer is not a number where the policy never takes an action: 0 log 0 = 0."


def _show(Q, policy, alpha):
    return f"Q {write(Q[0])}, policy {write(policy[0])}, alpha {alpha:.3g}"


def _backup(P, R, policy, Q, gamma, alpha):
    return R + gamma * P @ _value(Q, policy, alpha)


BACKUP_MISTAKES = [
    Mistake(
        "α is missing: the next step's entropy counts as if α were 1.",
        lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, 1.0),
    ),
    Mistake(
        "The sign of the entropy: subtract α log π of the next action, do not add it.",
        lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, -alpha),
    ),
    Mistake(
        "The entropy of the current step does not belong in Q(s, a): its action is given. Only the next step's counts.",
        lambda P, R, pi, Q, gamma, alpha: R + alpha * _value(0 * Q, pi, 1.0)[:, None] + gamma * P @ (pi * Q).sum(-1),
    ),
    Mistake(
        "You count the entropy of the current step besides that of the next. The current action is given: "
        "nothing about it is uncertain.",
        lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, alpha) + alpha * _value(0 * Q, pi, 1.0)[:, None],
    ),
    Mistake(
        "You pay for the action that is given, -α log π(a|s), and not for the next one's. "
        "Q is asked when the action is known.",
        lambda P, R, pi, Q, gamma, alpha: R - alpha * pi.log() + gamma * P @ (pi * Q).sum(-1),
    ),
    Mistake(
        "You pay twice: for -log π of the action that is given, and for the next one's, which is "
        "right. Drop the first.",
        lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, alpha) - alpha * pi.log(),
    ),
    Mistake(
        "You take the soft maximum α log Σ exp(Q/α) of the next state. That is the best policy's value; "
        "this backup evaluates the policy that is given.",
        lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (alpha * torch.logsumexp(Q / alpha, -1)),
    ),
    Mistake(
        "You rescale P until it adds up to 1. What is missing to 1 is the chance that the episode ends: "
        "nothing follows there.",
        lambda P, R, pi, Q, gamma, alpha: _backup(P / P.sum(-1, keepdim=True).clamp(min=1e-12), R, pi, Q, gamma, alpha),
    ),
    Mistake(
        "This is the ordinary backup; the entropy is missing.",
        lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * Q).sum(-1),
    ),
    Mistake(
        "The discount is missing in front of the next value.",
        lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, 1.0, alpha),
    ),
    Mistake(
        "Only the next Q is discounted; the entropy of the next step lies as far ahead.",
        lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * Q).sum(-1) + alpha * P @ _value(0 * Q, pi, 1.0),
    ),
    Mistake(
        "You take the largest next Q. This evaluates the policy that is given: average with π.",
        lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ Q.amax(-1),
    ),
    Mistake(
        "You use the value of the state itself, not of the next one; P is missing.",
        lambda P, R, pi, Q, gamma, alpha: R + gamma * _value(Q, pi, alpha)[:, None],
    ),
    Mistake(
        "γ stands in front of everything. The reward comes now, so it is not discounted.",
        lambda P, R, pi, Q, gamma, alpha: gamma * _backup(P, R, pi, Q, 1.0, alpha),
    ),
    Mistake(
        "You sum P over its first axis, the state that you come from. Sum over its last axis, the next state.",
        lambda P, R, pi, Q, gamma, alpha: R + gamma * torch.einsum("sap,s->pa", P, _value(Q, pi, alpha)),
    ),
    Mistake("The reward is missing.", lambda P, R, pi, Q, gamma, alpha: _backup(P, 0 * R, pi, Q, gamma, alpha)),
]


def soft_backup(student, *, seed=None):
    """Check soft_backup(P, R, policy, Q, gamma, alpha) -> the next table, shape [S, A]."""
    rng = np.random.default_rng(seed)
    one = torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)  # the first action stays, the second ends
    cases = [(one, column(1, 2)[None], column(0.5, 0.5)[None], column(3, 1)[None], 0.5, 2.0)]
    for states, actions in ((2, 2), (5, 3), (5, 3)):
        P, R = random_mdp(rng, states, actions)
        Q = torch.from_numpy(rng.normal(0, 2, R.shape))
        cases.append((P, R, policies(rng, *R.shape), Q, float(rng.uniform(0.7, 0.95)), float(rng.uniform(0.1, 0.8))))
    verdict = judge(
        student,
        _backup,
        cases,
        BACKUP_MISTAKES,
        praise="Reward now, and the discounted soft value of where it leads.",
        show=lambda P, R, pi, Q, gamma, alpha: (
            f"{len(Q)} state(s), P {nested(P)}, R {nested(R)}, policy {nested(pi)}, Q {nested(Q)}, "
            f"gamma {gamma:.3g}, alpha {alpha:.3g}"
        ),
        each="one number per state and action",
    )
    if _has_swapped(verdict, student, cases[0]):
        return wrong(SWAPPED, verdict.example)
    return instead_of_nan(verdict, RESCALED, student, cases[1])


SWAPPED = "Q and the policy stand in each other's place: the mean of Q has to be taken with the weights π."
RESCALED = (
    "Your answer holds NaN or infinity. Do you divide by the sum of P over s'? It is 0 where an action always ends the "
    "episode, and nothing needs rescaling."
)


def _has_swapped(verdict, student, case):
    """Whether an answer is wrong because Q is taken for the policy, which has logarithms where every Q is above 0."""
    if verdict.passed or not ("NaN or infinity" in verdict.sentence or "differ from the def" in verdict.sentence):
        return False
    P, R, policy, Q, gamma, alpha = case
    swapped = _backup(P, R, Q, policy, gamma, alpha)
    try:
        return torch.allclose(as_tensor(call(student, case), swapped), swapped, rtol=1e-5, atol=1e-5)
    except Stopped:
        return False
