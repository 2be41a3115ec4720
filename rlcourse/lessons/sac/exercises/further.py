"""Exercise beyond SAC itself: finitely many actions."""

import numpy as np
import torch

from rlcourse.course.checker import UNFINISHED, Mistake, Stopped, Verdict, call, has_dots, judge, right, write, wrong
from rlcourse.course.checker_losses import judge_loss

# ---------------------------------------------------------------- E4, finitely many actions


def discrete(soft_value, actor_loss_discrete, *, seed=None):
    """Check soft_value(logits, q1, q2, alpha) -> [B] and actor_loss_discrete(same) -> scalar, both exact."""
    rng = np.random.default_rng(seed)
    cases = []
    for rows, kinds in ((2, 2), (5, 3), (5, 4), (5, 4)):
        logits, q1, q2 = (torch.from_numpy(rng.normal(0, 1.5, (rows, kinds))) for _ in range(3))
        cases.append((logits, q1, q2, float(rng.uniform(0.2, 0.8))))
    both = {"soft_value": soft_value, "actor_loss_discrete": actor_loss_discrete}
    if [name for name, function in both.items() if has_dots(function)] == ["actor_loss_discrete"]:
        verdict = _examine_soft_value(soft_value, cases)
        done = "soft_value is right. Now write actor_loss_discrete."
        return Verdict(UNFINISHED, done if verdict.passed else f"soft_value: {verdict.sentence}")
    learning = cases[1][0].clone().requires_grad_(), *cases[1][1:]  # of a loss a gradient may be asked
    for (name, function), case in zip(both.items(), (cases[1], learning), strict=True):
        try:
            drawn = _draws(function, case)
        except Stopped as stopped:
            return _about(name, stopped.verdict)
        if drawn:
            return wrong(
                f"{name}: its answer changes from one call to the next, so it draws an action. The sum over all "
                "actions is finite: write it out, and no chance is left."
            )
    verdict = _examine_soft_value(soft_value, cases)
    if not verdict.passed:
        return _about("soft_value", verdict)
    verdict = _examine_discrete_loss(actor_loss_discrete, cases)
    if not verdict.passed:
        return _about("actor_loss_discrete", verdict)
    return right("Exact sums over the actions: no draw, no reparameterisation, no noise from the policy.")


def _about(name, verdict):
    return verdict if verdict.state == UNFINISHED else wrong(f"{name}: {verdict.sentence}", verdict.example)


def _draws(function, case):
    """Whether a function of one case gives different numbers on different calls."""
    answers = []
    for _ in range(12):
        answer = call(function, case)
        try:
            answers.append(torch.as_tensor(answer, dtype=torch.float64).detach())
        except (TypeError, ValueError, RuntimeError, OverflowError):
            return False  # the shape will be complained about later
    return any(a.shape == answers[0].shape and not torch.allclose(a, answers[0], equal_nan=True) for a in answers)


def _show_table(logits, q1, q2, alpha):
    return f"logits {write(logits)}, q1 {write(q1)}, q2 {write(q2)}, α = {alpha:.3g}"


def _value(weigh, *, q=torch.minimum, sign=1.0, scaled=True):
    """Σ weight (q - α log π), with faults on demand."""

    def function(logits, q1, q2, alpha):
        logs = logits.log_softmax(-1)
        return (weigh(logs, q(q1, q2)) * (q(q1, q2) - sign * (alpha if scaled else 1.0) * logs)).sum(-1)

    return function


def _probs(logs, q):
    return logs.exp()


def _greedy(logs, q):
    return torch.nn.functional.one_hot(q.argmax(-1), q.shape[-1]).double()


VALUE_MISTAKES = [
    Mistake(
        "you take the logits for log π. They lack the normaliser: log_softmax subtracts it.",
        lambda logits, q1, q2, alpha: (logits.softmax(-1) * (torch.minimum(q1, q2) - alpha * logits)).sum(-1),
    ),
    Mistake(
        "you take the mean over the actions. The probabilities are the weights already: add up.",
        lambda *case: _value(_probs)(*case) / case[0].shape[-1],
    ),
    Mistake(
        "the best action alone is counted. The policy takes all of them, each with its probability.",
        _value(_greedy),
    ),
    Mistake(
        "that is the largest Q. Weigh all actions with the policy, and add α H.",
        lambda logits, q1, q2, alpha: torch.minimum(q1, q2).max(-1).values,
    ),
    Mistake(
        "only the likeliest action is counted. The policy takes the others, too.",
        _value(lambda logs, q: _greedy(logs, logs)),
    ),
    Mistake(
        "all actions weigh the same. Weigh them with the policy.",
        _value(lambda logs, q: torch.full_like(logs, 1 / logs.shape[-1])),
    ),
    Mistake("the entropy is missing: this is the ordinary value of the policy.", _value(_probs, sign=0.0)),
    Mistake("log π stands there without α.", _value(_probs, scaled=False)),
    Mistake("the entropy is subtracted. Which sign has log π?", _value(_probs, sign=-1.0)),
    Mistake(
        "your softmax goes over the states. It goes over the actions, the last axis.",
        lambda logits, q1, q2, alpha: (logits.softmax(0) * (torch.minimum(q1, q2) - alpha * logits.log_softmax(0))).sum(
            -1
        ),
    ),
    Mistake(
        "the entropy lacks its weights: Σ π log π, not Σ log π.",
        lambda logits, q1, q2, alpha: (logits.softmax(-1) * torch.minimum(q1, q2) - alpha * logits.log_softmax(-1)).sum(
            -1
        ),
    ),
    Mistake("only the first critic is asked.", _value(_probs, q=lambda a, b: a)),
    Mistake("only the second critic is asked.", _value(_probs, q=lambda a, b: b)),
    Mistake(
        "this is the average of the critics; take the smaller for every action.",
        _value(_probs, q=lambda a, b: (a + b) / 2),
    ),
    Mistake(
        "you take the smaller of two averages. The minimum comes first, action by action.",
        lambda logits, q1, q2, alpha: torch.minimum(
            *(_value(_probs, q=lambda a, b, one=one: (a, b)[one])(logits, q1, q2, alpha) for one in (0, 1))
        ),
    ),
    Mistake(
        "this is the best soft value any policy could have, α log Σ exp(Q/α). Asked for is that of the policy at hand.",
        lambda logits, q1, q2, alpha: alpha * (torch.minimum(q1, q2) / alpha).logsumexp(-1),
    ),
]


def _examine_soft_value(student, cases):
    return judge(
        student,
        _value(_probs),
        cases,
        VALUE_MISTAKES,
        praise="",
        show=_show_table,
        each="one value per state",
    )


def _loss(*, q=torch.minimum, sign=1.0, scaled=True, total=torch.mean, held=False, weigh=None):
    """Σ π (α log π - q), with faults on demand."""

    def function(logits, q1, q2, alpha):
        logs = logits.log_softmax(-1)
        weights = logs.exp() if weigh is None else weigh(logs)
        terms = (alpha if scaled else 1.0) * logs - q(q1, q2)
        return sign * total(((weights.detach() if held else weights) * terms).sum(-1))

    return function


LOSS_MISTAKES = {
    "the sign of the whole is turned: this is what to ascend, and a loss is descended.": _loss(sign=-1.0),
    "α is missing in front of log π.": _loss(scaled=False),
    "you take the logits for log π. They lack the normaliser: log_softmax subtracts "
    "it.": lambda logits, q1, q2, alpha: (logits.softmax(-1) * (alpha * logits - torch.minimum(q1, q2))).sum(-1).mean(),
    "you take the mean over states and actions together. Over the actions it is a sum, whose weights are the "
    "probabilities.": lambda *case: _loss()(*case) / case[0].shape[-1],
    "the entropy is missing; the loss is least where the policy is certain.": lambda logits, q1, q2, alpha: (
        -(logits.softmax(-1) * torch.minimum(q1, q2)).sum(-1).mean()
    ),
    "one critic of the two is never asked.": (_loss(q=lambda a, b: a), _loss(q=lambda a, b: b)),
    "this is the average of the critics; take the smaller for every action.": _loss(q=lambda a, b: (a + b) / 2),
    "you add up the states. Take their mean.": _loss(total=torch.sum),
    "the number is right, but the probabilities are held constant, and then no gradient tells good actions from "
    "bad ones.": _loss(held=True),
    "all actions weigh the same. Weigh them with the policy.": _loss(
        weigh=lambda logs: torch.full_like(logs, 1 / logs.shape[-1])
    ),
    "the entropy has the wrong sign: your loss makes the policy certain.": lambda logits, q1, q2, alpha: (
        (logits.softmax(-1) * (-alpha * logits.log_softmax(-1) - torch.minimum(q1, q2))).sum(-1).mean()
    ),
}


def _examine_discrete_loss(student, cases):
    leaves = [(case[0].clone().requires_grad_(),) for case in cases]
    cases = [(of[0], *case[1:]) for of, case in zip(leaves, cases, strict=True)]
    return judge_loss(
        student,
        _loss(),
        cases,
        leaves,
        LOSS_MISTAKES,
        praise="exact",
        show=lambda logits, *rest: _show_table(logits.detach(), *rest),
    )
