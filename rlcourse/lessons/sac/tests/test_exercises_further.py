"""Checkers beyond SAC: right answers in several styles pass, every known mistake is named."""

import math

import pytest
import torch

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.sac.exercises import further

# ---------------------------------------------------------------- E4, finitely many actions


def soft_value(logits, q1, q2, alpha):
    probs = torch.softmax(logits, -1)
    return (probs * torch.min(q1, q2)).sum(1) + alpha * rl.distributions.categorical_entropy(probs)


def soft_value_in_loops(logits, q1, q2, alpha):
    values = []
    for row, one, two in zip(logits.tolist(), q1.tolist(), q2.tolist(), strict=True):
        total = sum(math.exp(x) for x in row)
        probs = [math.exp(x) / total for x in row]
        values.append(sum(p * (min(a, b) - alpha * math.log(p)) for p, a, b in zip(probs, one, two, strict=True)))
    return values


def discrete_loss(logits, q1, q2, alpha):
    dist = torch.distributions.Categorical(logits=logits)
    return ((dist.probs * (alpha * dist.logits - torch.min(q1, q2))).sum(-1)).mean()


def discrete_loss_by_entropy(logits, q1, q2, alpha):
    dist = torch.distributions.Categorical(logits=logits)
    return -(alpha * dist.entropy() + (dist.probs * torch.min(q1, q2)).sum(-1)).mean()


def drawn_value(logits, q1, q2, alpha):
    dist = torch.distributions.Categorical(logits=logits)
    a = dist.sample()
    return torch.min(q1, q2).gather(1, a[:, None])[:, 0] - alpha * dist.log_prob(a)


def drawn_loss(logits, q1, q2, alpha):
    dist = torch.distributions.Categorical(logits=logits)
    a = dist.sample()
    weight = alpha * dist.log_prob(a).detach() - torch.min(q1, q2).gather(1, a[:, None])[:, 0]
    return (dist.log_prob(a) * weight).mean()


def value_of(combine):
    return lambda logits, q1, q2, alpha: combine(logits.softmax(-1), logits.log_softmax(-1), q1, q2, alpha)


VALUE_MISTAKES = [
    ("logits for log π", lambda x, a, b, al: (x.softmax(-1) * (torch.min(a, b) - al * x)).sum(-1)),
    ("mean over the actions", value_of(lambda p, lp, a, b, al: (p * (torch.min(a, b) - al * lp)).mean(-1))),
    ("soft_value: its answer changes", drawn_value),
    ("largest Q", value_of(lambda p, lp, a, b, al: torch.min(a, b).max(-1)[0])),
    (
        "the best action alone",
        value_of(
            lambda p, lp, a, b, al: (torch.min(a, b) - al * lp).gather(1, torch.min(a, b).argmax(1)[:, None])[:, 0]
        ),
    ),
    (
        "only the likeliest",
        value_of(lambda p, lp, a, b, al: (torch.min(a, b) - al * lp).gather(1, p.argmax(1)[:, None])[:, 0]),
    ),
    ("weigh the same", value_of(lambda p, lp, a, b, al: (torch.min(a, b) - al * lp).mean(-1))),
    ("entropy is missing", value_of(lambda p, lp, a, b, al: (p * torch.min(a, b)).sum(-1))),
    ("without α", value_of(lambda p, lp, a, b, al: (p * (torch.min(a, b) - lp)).sum(-1))),
    ("entropy is subtracted", value_of(lambda p, lp, a, b, al: (p * (torch.min(a, b) + al * lp)).sum(-1))),
    ("only the first", value_of(lambda p, lp, a, b, al: (p * (a - al * lp)).sum(-1))),
    ("only the second", value_of(lambda p, lp, a, b, al: (p * (b - al * lp)).sum(-1))),
    ("average of the critics", value_of(lambda p, lp, a, b, al: (p * ((a + b) / 2 - al * lp)).sum(-1))),
    (
        "smaller of two averages",
        value_of(lambda p, lp, a, b, al: torch.min((p * a).sum(-1), (p * b).sum(-1)) - al * (p * lp).sum(-1)),
    ),
    (
        "goes over the states",
        lambda x, a, b, al: (x.softmax(0) * (torch.min(a, b) - al * x.log_softmax(0))).sum(-1),
    ),
    ("lacks its weights", value_of(lambda p, lp, a, b, al: (p * torch.min(a, b) - al * lp).sum(-1))),
    ("best soft value", value_of(lambda p, lp, a, b, al: al * torch.logsumexp(torch.min(a, b) / al, -1))),
    ("one value per state", value_of(lambda p, lp, a, b, al: p * (torch.min(a, b) - al * lp))),
]

DISCRETE_MISTAKES = [
    ("logits for log π", lambda x, a, b, al: (x.softmax(-1) * (al * x - torch.min(a, b))).sum(-1).mean()),
    ("states and actions together", value_of(lambda p, lp, a, b, al: (p * (al * lp - torch.min(a, b))).mean())),
    ("actor_loss_discrete: its answer changes", drawn_loss),
    ("sign of the whole", value_of(lambda p, lp, a, b, al: (p * (torch.min(a, b) - al * lp)).sum(-1).mean())),
    ("α is missing", value_of(lambda p, lp, a, b, al: (p * (lp - torch.min(a, b))).sum(-1).mean())),
    ("entropy is missing", value_of(lambda p, lp, a, b, al: -(p * torch.min(a, b)).sum(-1).mean())),
    ("never asked", value_of(lambda p, lp, a, b, al: (p * (al * lp - a)).sum(-1).mean())),
    ("never asked", value_of(lambda p, lp, a, b, al: (p * (al * lp - b)).sum(-1).mean())),
    ("average of the critics", value_of(lambda p, lp, a, b, al: (p * (al * lp - (a + b) / 2)).sum(-1).mean())),
    ("add up the states", value_of(lambda p, lp, a, b, al: (p * (al * lp - torch.min(a, b))).sum())),
    ("held constant", value_of(lambda p, lp, a, b, al: (p.detach() * (al * lp - torch.min(a, b))).sum(-1).mean())),
    ("weigh the same", value_of(lambda p, lp, a, b, al: (al * lp - torch.min(a, b)).mean())),
    ("makes the policy certain", value_of(lambda p, lp, a, b, al: (p * (-al * lp - torch.min(a, b))).sum(-1).mean())),
    ("No gradient leaves", value_of(lambda p, lp, a, b, al: (p * (al * lp - torch.min(a, b))).sum(-1).mean().item())),
]


@pytest.mark.covers("EQX-15", "ERR-64")
class TestSoftValue(CheckerContract):
    check = staticmethod(lambda student, seed: further.discrete(student, discrete_loss, seed=seed))
    right = (soft_value, soft_value_in_loops)
    wrong = [(student, said) for said, student in VALUE_MISTAKES]


@pytest.mark.covers("EQX-15", "ERR-64")
class TestDiscreteLoss(CheckerContract):
    check = staticmethod(lambda student, seed: further.discrete(soft_value, student, seed=seed))
    right = (discrete_loss, discrete_loss_by_entropy)
    wrong = [(student, said) for said, student in DISCRETE_MISTAKES]


@pytest.mark.covers("EQX-15", "ERR-64")
def test_both_in_another_style_pass_together():
    assert further.discrete(soft_value_in_loops, discrete_loss_by_entropy).passed


def test_one_function_of_two_is_not_called_unstarted():
    def unwritten(logits, q1, q2, alpha): ...

    verdict = further.discrete(soft_value, unwritten)
    assert verdict.state == UNFINISHED and "Now write actor_loss_discrete." in verdict.sentence
    assert further.discrete(unwritten, unwritten).state == UNFINISHED
    assert "soft_value: log π stands" in further.discrete(VALUE_MISTAKES[8][1], unwritten).sentence


@pytest.mark.covers("EQX-15")
def test_a_discrete_loss_that_goes_backward_itself():
    def goes_backward(*case):
        loss = discrete_loss(*case)
        loss.backward()
        return loss

    assert "You call backward inside the function" in further.discrete(soft_value, goes_backward, seed=0).sentence
