"""Checkers of SAC's policy and its temperature: right answers in several styles pass, every known mistake is named."""

import functools

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.sac import exercises
from rlcourse.lessons.sac.exercises.toy import split


def paired(function):
    """A student's function of Q1, Q2 (arguments three and four) as one of both critics together."""

    @functools.wraps(function)
    def student(*case):
        return function(*case[:2], *split(case[2]), *case[3:])

    return student


# ---------------------------------------------------------------- E2


def loss_of_a_pair(obs, policy, critics, alpha):
    actions, log_probs = policy(obs).rsample_with_log_prob()
    return (alpha * log_probs - torch.minimum(*critics(obs, actions))).mean()


def pi_loss(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob()
    return (alpha * logp - torch.minimum(Q1(obs, a), Q2(obs, a))).mean()


def pi_loss_in_two_steps(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.rsample()
    return -(torch.min(Q1(obs, a), Q2(obs, a)) - alpha * dist.log_prob(a)).mean()


def pi_loss_in_a_loop(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob()
    one, two, total = Q1(obs, a), Q2(obs, a), 0.0
    for i in range(len(obs)):
        total = total + alpha * logp[i] - (one[i] if one[i] < two[i] else two[i])
    return total / len(obs)


def with_sample(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.sample()
    return (alpha * dist.log_prob(a) - torch.min(Q1(obs, a), Q2(obs, a))).mean()


def with_detached_action(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.rsample().detach()
    return (alpha * dist.log_prob(a) - torch.min(Q1(obs, a), Q2(obs, a))).mean()


def under_no_grad(obs, policy, Q1, Q2, alpha):
    with torch.no_grad():
        a, logp = policy(obs).rsample_with_log_prob()
    return (alpha * logp - torch.min(Q1(obs, a), Q2(obs, a))).mean()


def critic_sees_a_constant(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob()
    return (alpha * logp - torch.min(Q1(obs, a.detach()), Q2(obs, a.detach()))).mean()


def critic_under_no_grad(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob()
    with torch.no_grad():
        q = torch.min(Q1(obs, a), Q2(obs, a))
    return (alpha * logp - q).mean()


def mixed(combine):
    def loss(obs, policy, Q1, Q2, alpha):
        a, logp = policy(obs).rsample_with_log_prob()
        return combine(alpha, logp, Q1(obs, a), Q2(obs, a))

    return loss


def many_draws(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob((8,))
    obs = obs.expand(8, *obs.shape)
    return (alpha * logp - torch.min(Q1(obs, a), Q2(obs, a))).mean()


def two_draws(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.rsample()
    return (alpha * dist.log_prob(dist.rsample()) - torch.min(Q1(obs, a), Q2(obs, a))).mean()


def a_draw_for_each_critic(obs, policy, Q1, Q2, alpha):
    (a, logp), (b, _) = policy(obs).rsample_with_log_prob(), policy(obs).rsample_with_log_prob()
    return (alpha * logp - torch.min(Q1(obs, a), Q2(obs, b))).mean()


def density_at_a_detached_action(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.rsample()
    return (alpha * dist.log_prob(a.detach()) - torch.min(Q1(obs, a), Q2(obs, a))).mean()


def by_score(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.sample()
    logp = dist.log_prob(a)
    loss = alpha * logp - torch.min(Q1(obs, a), Q2(obs, a))
    return (loss.detach() * logp).mean()


def by_score_with_entropy_outside(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.sample()
    logp = dist.log_prob(a)
    return (alpha * logp - logp * torch.min(Q1(obs, a), Q2(obs, a)).detach()).mean()


def at_the_mode(obs, policy, Q1, Q2, alpha):
    dist = policy(obs)
    a = dist.mode
    return (alpha * dist.log_prob(a) - torch.min(Q1(obs, a), Q2(obs, a))).mean()


WRONG_LOSSES = [
    ("You draw with sample()", with_sample),
    ("You draw with sample()", with_detached_action),
    ("Nothing at all reaches your policy", under_no_grad),
    ("The critics see a detached action", critic_sees_a_constant),
    ("The critics see a detached action", critic_under_no_grad),
    ("The sign of Q is turned", mixed(lambda alpha, logp, a, b: (alpha * logp + torch.min(a, b)).mean())),
    ("The sign of the whole is turned", mixed(lambda alpha, logp, a, b: (torch.min(a, b) - alpha * logp).mean())),
    ("log π is detached", mixed(lambda alpha, logp, a, b: (alpha * logp.detach() - torch.min(a, b)).mean())),
    ("The entropy has the wrong sign", mixed(lambda alpha, logp, a, b: (-alpha * logp - torch.min(a, b)).mean())),
    ("There is no entropy", mixed(lambda alpha, logp, a, b: -torch.min(a, b).mean())),
    ("α is missing", mixed(lambda alpha, logp, a, b: (logp - torch.min(a, b)).mean())),
    ("You divided the loss by α", mixed(lambda alpha, logp, a, b: (logp - torch.min(a, b) / alpha).mean())),
    ("α multiplies Q as well", mixed(lambda alpha, logp, a, b: alpha * (logp - torch.min(a, b)).mean())),
    ("never asked", mixed(lambda alpha, logp, a, b: (alpha * logp - a).mean())),
    ("never asked", mixed(lambda alpha, logp, a, b: (alpha * logp - b).mean())),
    ("You take the larger critic", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.max(a, b)).mean())),
    ("You average the critics", mixed(lambda alpha, logp, a, b: (alpha * logp - (a + b) / 2).mean())),
    ("smaller of two averages", mixed(lambda alpha, logp, a, b: alpha * logp.mean() - torch.min(a.mean(), b.mean()))),
    ("You take the mode", at_the_mode),
    ("You draw more than once", two_draws),
    ("You draw more than once", a_draw_for_each_critic),
    ("log π sees a detached action", density_at_a_detached_action),
    ("the score function, a legitimate way", by_score),
    ("the score function, a legitimate way", by_score_with_entropy_outside),
    ("You add up the rows", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.min(a, b)).sum())),
    ("No gradient leaves your loss", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.min(a, b)).mean().item())),
    ("Your loss changes from one call", many_draws),
    ("one number", mixed(lambda alpha, logp, a, b: alpha * logp - torch.min(a, b))),
]


@pytest.mark.covers("EQ-69", "CL-64", "ERR-61", "MIS-34")
class TestPolicyLoss(CheckerContract):
    check = staticmethod(exercises.actor_loss)
    right = (loss_of_a_pair, *map(paired, (pi_loss, pi_loss_in_two_steps, pi_loss_in_a_loop)))
    wrong = [(paired(student), said) for said, student in WRONG_LOSSES]
    seeds = range(4)


def test_a_policy_loss_that_asks_for_what_there_is_not():
    def stops(obs, policy, critics, alpha):
        return policy(obs).draw()

    assert "AttributeError" in exercises.actor_loss(stops).sentence


# ---------------------------------------------------------------- E3, the temperature


def alpha_loss(log_alpha, log_probs, target_entropy):
    return -(log_alpha.exp() * (log_probs.detach() + target_entropy)).mean()


def alpha_loss_by_entropy(log_alpha, log_probs, target_entropy):
    entropy = -log_probs.detach().mean()
    return torch.exp(log_alpha) * (entropy - target_entropy)


ALPHA_MISTAKES = [
    ("wrong way", lambda x, lp, h: (x.exp() * (lp.detach() + h)).mean()),
    ("subtract the target from log π", lambda x, lp, h: -(x.exp() * (lp.detach() - h)).mean()),
    ("the mean of log π for the entropy", lambda x, lp, h: -(x.exp() * (h - lp.detach())).mean()),
    ("log α where α belongs", lambda x, lp, h: -(x * (lp.detach() + h)).mean()),
    ("No gradient leaves", lambda x, lp, h: -(lp.detach() + h).mean()),
    ("J(α) is their mean", lambda x, lp, h: -(x.exp() * (lp.detach() + h)).sum()),
    ("plays no part", lambda x, lp, h: -(x.exp() * lp.detach()).mean()),
    ("into the policy", lambda x, lp, h: -(x.exp() * (lp + h)).mean()),
    ("one number", lambda x, lp, h: -(x.exp() * (lp.detach() + h))),
]


@pytest.mark.covers("EQX-14")
class TestTemperature(CheckerContract):
    check = staticmethod(exercises.alpha_loss)
    right = (alpha_loss, alpha_loss_by_entropy)
    wrong = [(student, said) for said, student in ALPHA_MISTAKES]
    seeds = (1, 2, 3)
