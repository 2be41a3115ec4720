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


def pi_loss_in_two_means(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob()
    return (alpha * logp).mean() - torch.stack([Q1(obs, a), Q2(obs, a)]).amin(0).mean()


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


def mean_of_five_draws(obs, policy, Q1, Q2, alpha):
    return sum(pi_loss(obs, policy, Q1, Q2, alpha) for _ in range(5)) / 5


def entropy_averaged_before_alpha(obs, policy, Q1, Q2, alpha):
    a, logp = policy(obs).rsample_with_log_prob()
    return alpha * logp.mean() - torch.min(Q1(obs, a), Q2(obs, a)).mean()


WRONG_LOSSES = [
    ("Right for one seed", pi_loss_in_a_loop),
    ("Right for one seed", entropy_averaged_before_alpha),
    ("Right for one seed", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.min(a, b)).mean(-1))),
    ("Right for one seed", mixed(lambda alpha, logp, a, b: (float(alpha) * logp - torch.min(a, b)).mean())),
    ("You draw more than once", mean_of_five_draws),
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
    right = (loss_of_a_pair, *map(paired, (pi_loss, pi_loss_in_two_steps, pi_loss_in_two_means)))
    wrong = [(paired(student), said) for said, student in WRONG_LOSSES]
    seeds = range(4)


def test_a_policy_loss_that_asks_for_what_there_is_not():
    def stops(obs, policy, critics, alpha):
        return policy(obs).draw()

    sentence = exercises.actor_loss(stops).sentence
    assert "AttributeError" in sentence and "'TanhGaussian' object" in sentence


def a_pair_for_the_action(obs, policy, critics, alpha):
    return -torch.minimum(*critics(obs, policy(obs).rsample_with_log_prob())).mean()


def a_policy_for_the_action(obs, policy, critics, alpha):
    return -torch.minimum(*critics(obs, policy(obs))).mean()


def a_policy_without_states(obs, policy, critics, alpha):
    return policy.rsample().mean()


def a_policy_of_two_things(obs, policy, critics, alpha):
    return policy(obs, critics).rsample().mean()


@pytest.mark.covers("EQ-69")
@pytest.mark.parametrize(
    ("student", "words"),
    [
        (a_pair_for_the_action, "sample and rsample_with_log_prob give an action and its log π"),
        (a_policy_for_the_action, "critics got a TanhGaussian where the actions belong, a tensor"),
        (a_policy_without_states, "policy is a function: you draw from policy(obs)."),
        (a_policy_of_two_things, "policy takes one argument, the observations: policy(obs)."),
    ],
)
def test_a_function_of_the_loss_used_otherwise_is_explained(student, words):
    sentence = exercises.actor_loss(student, seed=0).sentence
    assert words in sentence and "Toy" not in sentence and "_Steady" not in sentence


def backward_inside(loss):
    def student(*case):
        value = loss(*case)
        value.backward()
        return value

    return student


@pytest.mark.covers("EQ-69", "EQX-14")
def test_a_loss_that_goes_backward_itself():
    for check, loss in ((exercises.actor_loss, loss_of_a_pair), (exercises.alpha_loss, alpha_loss)):
        assert "You call backward inside the function" in check(backward_inside(loss), seed=0).sentence


# ---------------------------------------------------------------- E3, the temperature


def alpha_loss(log_alpha, log_probs, target_entropy):
    return -(log_alpha.exp() * (log_probs.detach() + target_entropy)).mean()


def alpha_loss_seed_by_seed(log_alpha, log_probs, target_entropy):
    entropy = -log_probs.detach().mean(-1, keepdim=True)
    return (torch.exp(log_alpha) * (entropy - target_entropy)).mean()


def alpha_loss_of_one_entropy(log_alpha, log_probs, target_entropy):
    with torch.no_grad():
        gap = (-log_probs).mean() - target_entropy
    return log_alpha.exp() * gap


def one_gap_for_all_seeds(log_alpha, log_probs, target_entropy):
    gap = (log_probs.detach() + target_entropy).mean()
    return -(log_alpha.exp() * gap).mean()


def minus_the_square(log_alpha, log_probs, target_entropy):
    return -(log_alpha.exp() * (log_probs.detach() - target_entropy**2)).mean()


ALPHA_MISTAKES = [
    ("Right for one seed", alpha_loss_of_one_entropy),
    ("Right for one seed", one_gap_for_all_seeds),
    ("You put −1 where the target entropy belongs", lambda x, lp, h: -(x.exp() * (lp.detach() - 1)).mean()),
    ("The target entropy has lost its sign", lambda x, lp, h: -(x.exp() * (lp.detach() - abs(h))).mean()),
    ("The numbers differ from the definition", minus_the_square),
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
    right = (alpha_loss, alpha_loss_seed_by_seed)
    wrong = [(student, said) for said, student in ALPHA_MISTAKES]
    seeds = (1, 2, 3)
