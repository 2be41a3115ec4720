"""Checkers of SAC's critics: right answers in several styles pass, every known mistake is named."""

import functools

import pytest
import torch
from torch.nn import functional as F

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.lessons.sac import exercises
from rlcourse.lessons.sac.exercises.toy import split


def paired(function):
    """A student's function of Q1, Q2 (arguments four and five) as one of both critics together."""

    @functools.wraps(function)
    def student(*case):
        return function(*case[:3], *split(case[3]), *case[4:])

    return student


# ---------------------------------------------------------------- the loss of V


def v_loss_of_a_pair(obs, actions, V, critics, sample, alpha):
    with torch.no_grad():
        fresh, log_probs = sample(obs)
        target = torch.minimum(*critics(obs, fresh)) - alpha * log_probs
    return 0.5 * ((V(obs) - target) ** 2).mean()


def v_loss(obs, actions, V, Q1, Q2, sample, alpha):
    with torch.no_grad():
        a, logp = sample(obs)
        target = torch.min(Q1(obs, a), Q2(obs, a)) - alpha * logp
    return 0.5 * F.mse_loss(V(obs), target)


def v_loss_in_a_loop(obs, actions, V, Q1, Q2, sample, alpha):
    a, logp = sample(obs)
    v, one, two, total = V(obs), Q1(obs, a).detach(), Q2(obs, a).detach(), 0.0
    for i in range(len(obs)):
        goal = min(one[i], two[i]) - alpha * logp[i].detach()
        total = total + (v[i] - goal) ** 2 / 2
    return total / len(obs)


def v_loss_with(goal, *, half=0.5, total=torch.mean, detach=True):
    """A v_loss whose target is goal(Q1, Q2, obs, stored actions, drawn actions, log π, alpha)."""

    def student(obs, actions, V, Q1, Q2, sample, alpha):
        a, logp = sample(obs)
        target = goal(Q1, Q2, obs, actions, a, logp, alpha)
        return half * total((V(obs) - (target.detach() if detach else target)).pow(2))

    return student


def soft(Q1, Q2, obs, actions, a, logp, alpha):
    return torch.min(Q1(obs, a), Q2(obs, a)) - alpha * logp


def leak_into_q_alone(obs, actions, V, Q1, Q2, sample, alpha):
    with torch.no_grad():
        a, logp = sample(obs)
    return 0.5 * ((V(obs) - torch.min(Q1(obs, a), Q2(obs, a)) + alpha * logp) ** 2).mean()


def v_detached(obs, actions, V, Q1, Q2, sample, alpha):
    with torch.no_grad():
        return v_loss(obs, actions, V, Q1, Q2, sample, alpha)


def v_loss_with_two_draws(obs, actions, V, Q1, Q2, sample, alpha):
    with torch.no_grad():
        target = torch.min(Q1(obs, sample(obs)[0]), Q2(obs, sample(obs)[0])) - alpha * sample(obs)[1]
    return 0.5 * ((V(obs) - target) ** 2).mean()


def square_of_the_mean(obs, actions, V, Q1, Q2, sample, alpha):
    with torch.no_grad():
        a, logp = sample(obs)
        target = torch.min(Q1(obs, a), Q2(obs, a)) - alpha * logp
    return 0.5 * (V(obs) - target).mean() ** 2


def signed_errors(obs, actions, V, Q1, Q2, sample, alpha):
    with torch.no_grad():
        a, logp = sample(obs)
        target = torch.min(Q1(obs, a), Q2(obs, a)) - alpha * logp
    return 0.5 * (V(obs) - target).mean()


V_MISTAKES = [
    ("A square is missing", signed_errors),
    ("A square is missing", lambda *case: -signed_errors(*case)),
    ("ask sample more than once", v_loss_with_two_draws),
    ("square the mean", square_of_the_mean),
    ("stored actions and no entropy", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, b), Q2(s, b)))),
    (
        "are stored ones",
        v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, b), Q2(s, b)) - al * lp),
    ),
    ("α is missing", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a), Q2(s, a)) - lp)),
    ("no entropy", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a), Q2(s, a)))),
    ("You add α log π", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a), Q2(s, a)) + al * lp)),
    ("never asked", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: Q1(s, a) - al * lp)),
    ("never asked", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: Q2(s, a) - al * lp)),
    ("the larger", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.max(Q1(s, a), Q2(s, a)) - al * lp)),
    ("You average", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: (Q1(s, a) + Q2(s, a)) / 2 - al * lp)),
    ("factor ½", v_loss_with(soft, half=1.0)),
    (
        "smaller of two averages",
        v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a).mean(), Q2(s, a).mean()) - al * lp),
    ),
    ("Take their mean", v_loss_with(soft, total=torch.sum)),
    ("flows through the target", v_loss_with(soft, detach=False)),
    ("gradient is not", leak_into_q_alone),
    ("No gradient leaves", v_detached),
    ("one number", v_loss_with(soft, total=lambda x: x)),
]


def target_of_a_pair(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    with torch.no_grad():
        next_actions, log_probs = sample(next_obs)
        soft = torch.minimum(*critics(next_obs, next_actions)) - alpha * log_probs
        return rewards + gamma * ~terminated * soft


def q_target(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
        next_v = torch.min(Q1(next_obs, a), Q2(next_obs, a)) - alpha * logp
    return rewards + gamma * (1 - terminated.double()) * next_v


def q_target_as_list(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    a, logp = sample(next_obs)
    one, two, logp = Q1(next_obs, a).tolist(), Q2(next_obs, a).tolist(), logp.tolist()
    return [
        float(r) if d else float(r) + gamma * (min(x, y) - alpha * lp)
        for r, d, x, y, lp in zip(rewards, terminated, one, two, logp, strict=True)
    ]


def q_target_by_the_package(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
        next_v = rl.soft_value_target(Q1(next_obs, a), Q2(next_obs, a), logp, alpha=alpha)
        return rl.td_target(rewards, next_v, terminated, gamma=gamma)


def q_target_with(future, *, mask=lambda d: (~d).double(), detach=True):
    def student(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
        a, logp = sample(next_obs)
        y = rewards + gamma * mask(terminated) * future(Q1(next_obs, a), Q2(next_obs, a), logp, alpha)
        return y.detach() if detach else y

    return student


def soft_next(one, two, logp, alpha):
    return torch.min(one, two) - alpha * logp


def entropy_not_masked(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
        return rewards + gamma * (torch.min(Q1(next_obs, a), Q2(next_obs, a)) * ~terminated - alpha * logp)


def entropy_of_now(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
        return rewards + gamma * torch.min(Q1(next_obs, a), Q2(next_obs, a)) * ~terminated - alpha * logp


def not_discounted(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    return q_target(rewards, next_obs, terminated, Q1, Q2, sample, alpha, 1.0)


def q_target_with_two_draws(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        q = torch.min(Q1(next_obs, sample(next_obs)[0]), Q2(next_obs, sample(next_obs)[0]))
        return rewards + gamma * ~terminated * (q - alpha * sample(next_obs)[1])


def entropy_not_discounted(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
        return rewards + ~terminated * (gamma * torch.min(Q1(next_obs, a), Q2(next_obs, a)) - alpha * logp)


def nothing_at_the_end(rewards, next_obs, terminated, *rest):
    return torch.where(terminated, torch.zeros_like(rewards), q_target(rewards, next_obs, terminated, *rest))


def q_target_of_ten_draws(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        draws = [sample(next_obs) for _ in range(10)]
        soft = sum(torch.min(Q1(next_obs, a), Q2(next_obs, a)) - alpha * logp for a, logp in draws) / 10
        return rewards + gamma * ~terminated * soft


def q_target_row_by_row(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    a, logp = sample(next_obs)
    one, two, y = Q1(next_obs, a).detach(), Q2(next_obs, a).detach(), []
    for i in range(len(rewards)):
        soft = min(one[i], two[i]) - alpha * logp[i].detach()
        y.append(rewards[i] if terminated[i] else rewards[i] + gamma * soft)
    return torch.stack(y)


def q_target_along_the_first_axis(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
        least = torch.stack([Q1(next_obs, a), Q2(next_obs, a)], dim=-1).min(1).values
        return rewards + gamma * ~terminated * (least - alpha * logp)


def entropy_alone_keeps_its_graph(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    a, logp = sample(next_obs)
    with torch.no_grad():
        q = torch.min(Q1(next_obs, a), Q2(next_obs, a))
    return rewards + gamma * ~terminated * (q - alpha * logp)


def critics_alone_keep_their_graph(rewards, next_obs, terminated, Q1, Q2, sample, alpha, gamma):
    with torch.no_grad():
        a, logp = sample(next_obs)
    return rewards + gamma * ~terminated * (torch.min(Q1(next_obs, a), Q2(next_obs, a)) - alpha * logp)


TARGET_MISTAKES = [
    ("ask sample more than once", q_target_with_two_draws),
    ("ask sample more than once", q_target_of_ten_draws),
    ("as one tensor of shape [B]; got list", q_target_as_list),
    ("as one tensor of shape [B]; got ndarray", lambda *case: q_target(*case).numpy()),
    ("Right for one seed", q_target_row_by_row),
    ("Right for one seed", q_target_along_the_first_axis),
    ("a gradient into the policy, through log π", entropy_alone_keeps_its_graph),
    ("a gradient into the critics.", critics_alone_keep_their_graph),
    ("Q is discounted and the entropy is not", entropy_not_discounted),
    ("reward of the last step still counts", nothing_at_the_end),
    ("Where is (1 − d)", q_target_with(soft_next, mask=lambda d: 1.0)),
    ("turned round", q_target_with(soft_next, mask=lambda d: d.double())),
    ("entropy term is missing", q_target_with(lambda one, two, lp, al: torch.min(one, two))),
    ("without α", q_target_with(lambda one, two, lp, al: torch.min(one, two) - lp)),
    ("sign of α log π", q_target_with(lambda one, two, lp, al: torch.min(one, two) + al * lp)),
    ("single critic. Two", q_target_with(lambda one, two, lp, al: one - al * lp)),
    ("single critic, the second", q_target_with(lambda one, two, lp, al: two - al * lp)),
    ("larger critic", q_target_with(lambda one, two, lp, al: torch.max(one, two) - al * lp)),
    ("average of the two", q_target_with(lambda one, two, lp, al: (one + two) / 2 - al * lp)),
    ("not the entropy", entropy_not_masked),
    ("stands outside", entropy_of_now),
    ("not discounted", not_discounted),
    ("smaller of two averages", q_target_with(lambda one, two, lp, al: torch.min(one.mean(), two.mean()) - al * lp)),
    ("smallest number of the whole batch", q_target_with(lambda one, two, lp, al: torch.min(one, two).min() - al * lp)),
    ("a gradient into the critics and the policy", q_target_with(soft_next, detach=False)),
]


# ---------------------------------------------------------------- what the checkers say


@pytest.mark.covers("EQ-57", "EQ-58", "ERR-50", "ERR-53")
class TestVLoss(CheckerContract):
    check = staticmethod(exercises.v_loss)
    right = (v_loss_of_a_pair, paired(v_loss), paired(v_loss_in_a_loop))
    wrong = [(paired(student), said) for said, student in V_MISTAKES]


@pytest.mark.covers("EQX-10", "EQ-60", "EQ-61", "ERR-50", "ERR-67")
class TestCriticTarget(CheckerContract):
    check = staticmethod(exercises.critic_target)
    right = (target_of_a_pair, *map(paired, (q_target, q_target_by_the_package)))
    wrong = [(paired(student), said) for said, student in TARGET_MISTAKES]


# ---------------------------------------------------------------- functions of the exercise, used in another way


def a_pair_for_the_action(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    drawn = sample(next_obs)
    return rewards + torch.minimum(*critics(next_obs, drawn))


def the_minimum_of_a_pair(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    a, logp = sample(next_obs)
    return rewards + torch.minimum(critics(next_obs, a)) - alpha * logp


def the_least_of_a_pair(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    a, logp = sample(next_obs)
    return rewards + torch.min(critics(next_obs, a)) - alpha * logp


def a_pair_minus_a_number(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    a, logp = sample(next_obs)
    return rewards + critics(next_obs, a) - alpha * logp


def a_pair_taken_from_a_number(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    drawn = sample(next_obs)
    return rewards + torch.minimum(*critics(next_obs, drawn[0])) - drawn


def critics_of_the_states_alone(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    return rewards + torch.minimum(*critics(next_obs))


def sample_of_two_things(rewards, next_obs, terminated, critics, sample, alpha, gamma):
    return rewards + sample(next_obs, 1)[1]


@pytest.mark.covers("EQX-10")
@pytest.mark.parametrize(
    ("student", "words"),
    [
        (a_pair_for_the_action, "sample and rsample_with_log_prob give an action and its log π"),
        (the_minimum_of_a_pair, "torch.minimum(*critics(…))"),
        (the_least_of_a_pair, "torch.minimum(*critics(…))"),
        (a_pair_minus_a_number, "critics gives two tensors, Q1 and Q2"),
        (a_pair_taken_from_a_number, "a draw with its log π gives two, too"),
        (critics_of_the_states_alone, "critics takes two arguments"),
        (sample_of_two_things, "sample takes one argument"),
    ],
)
def test_a_function_of_the_target_used_otherwise_is_explained(student, words):
    sentence = exercises.critic_target(student, seed=0).sentence
    assert sentence.startswith("Your function stopped with an error in your line") and words in sentence
    assert "Toy" not in sentence


@pytest.mark.covers("EQ-57")
def test_a_value_of_two_things_is_explained():
    def of_action_too(obs, actions, V, critics, sample, alpha):
        return V(obs, actions).mean()

    sentence = exercises.v_loss(of_action_too, seed=0).sentence
    assert "V takes one argument, the observations: V(obs)." in sentence and "Toy" not in sentence


@pytest.mark.covers("EQ-57")
def test_a_loss_of_v_that_goes_backward_itself():
    def goes_backward(*case):
        loss = v_loss_of_a_pair(*case)
        loss.backward()
        return loss

    assert "You call backward inside the function" in exercises.v_loss(goes_backward, seed=0).sentence
