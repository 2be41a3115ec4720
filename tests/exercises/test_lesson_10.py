"""Lesson 10's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform, TanhTransform
from torch.nn import functional as F

import rlcourse as rl
from rlcourse.exercises import lesson_10
from rlcourse.exercises.checker import UNFINISHED
from rlcourse.experiments import lesson_10_agents as measured

# ---------------------------------------------------------------- E1


def stable(u):
    return 2 * (math.log(2) - u - F.softplus(-2 * u))


def squashed(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    log_prob = Normal(mean, log_std.exp()).log_prob(u) - stable(u) - math.log(c)
    return c * torch.tanh(u), log_prob.sum(-1)


def squashed_by_hand(mean, log_std, noise, c):
    std = torch.exp(log_std)
    u = mean + std * noise
    terms = -0.5 * ((u - mean) / std) ** 2 - torch.log(std) - 0.5 * math.log(2 * math.pi)
    terms = terms - (F.logsigmoid(2 * u) + F.logsigmoid(-2 * u) + math.log(4)) - math.log(c)
    return [torch.tanh(u) * c, terms.sum(dim=1)]


def squashed_row_by_row(mean, log_std, noise, c):
    actions, log_probs = [], []
    for m, s, n in zip(mean, log_std, noise, strict=True):
        u = m + s.exp() * n
        actions.append(c * u.tanh())
        log_probs.append((Normal(m, s.exp()).log_prob(u) - stable(u) - math.log(c)).sum())
    return torch.stack(actions), torch.stack(log_probs)


def squashed_by_torch(mean, log_std, noise, c):
    # the cache of TanhTransform keeps u, so log_prob need not invert tanh
    transforms = [TanhTransform(cache_size=1), AffineTransform(0.0, c, cache_size=1)]
    dist = TransformedDistribution(Normal(mean, log_std.exp()), transforms)
    action = mean + log_std.exp() * noise
    for transform in transforms:
        action = transform(action)
    return action, dist.log_prob(action).sum(-1)


def changed(*, action=None, log_prob=None):
    """The right answer with one part replaced; each part a function of (mean, std, u, c)."""

    def answer(mean, log_std, noise, c):
        std = log_std.exp()
        u = mean + std * noise
        a, logs = squashed(mean, log_std, noise, c)
        return (action(mean, std, u, c) if action else a), (log_prob(mean, std, u, c) if log_prob else logs)

    return answer


def gauss(mean, std, u):
    return Normal(mean, std).log_prob(u)


def log_std_as_std(mean, log_std, noise, c):
    return squashed(mean, log_std.abs().log(), noise * log_std.sign(), c)


def detached_action(mean, log_std, noise, c):
    a, logs = squashed(mean, log_std, noise, c)
    return a.detach(), logs


def detached_log_prob(mean, log_std, noise, c):
    a, logs = squashed(mean, log_std, noise, c)
    return a, logs.detach()


def detached_u(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    log_prob = Normal(mean, log_std.exp()).log_prob(u.detach()) - stable(u) - math.log(c)
    return c * u.tanh(), log_prob.sum(-1)


def by_log_cosh(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    terms = Normal(mean, log_std.exp()).log_prob(u) + 2 * torch.log(torch.cosh(u)) - math.log(c)
    return c * u.tanh(), terms.sum(-1)


def by_log_of_exp(mean, log_std, noise, c):
    u = mean + log_std.exp() * noise
    stretch = 2 * (math.log(2) - u - torch.log(1 + torch.exp(-2 * u)))
    return c * u.tanh(), (Normal(mean, log_std.exp()).log_prob(u) - stretch - math.log(c)).sum(-1)


def own_noise(mean, log_std, noise, c):
    return squashed(mean, log_std, torch.randn_like(mean), c)


def in_numpy(mean, log_std, noise, c):
    mean, log_std, noise = mean.numpy(), log_std.numpy(), noise.numpy()
    u = mean + np.exp(log_std) * noise
    terms = -0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi) - 2 * (np.log(2) - u - np.logaddexp(0, -2 * u))
    return c * np.tanh(u), (terms - np.log(c)).sum(-1)


def only_the_action(mean, log_std, noise, c):
    return squashed(mean, log_std, noise, c)[0]


def in_place(mean, log_std, noise, c):
    log_std.exp_()
    u = mean + log_std * noise
    return c * u.tanh(), (gauss(mean, log_std, u) - stable(u) - math.log(c)).sum(-1)


RIGHT_SQUASHED = [squashed, squashed_by_hand, squashed_row_by_row, squashed_by_torch]

WRONG_SQUASHED = {
    "density of u, before the squashing": changed(log_prob=lambda m, s, u, c: gauss(m, s, u).sum(-1)),
    "correction for tanh is missing": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - math.log(c)).sum(-1)),
    "scale is missing": changed(log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u)).sum(-1)),
    "scale is counted once": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u)).sum(-1) - math.log(c)),
    "subtract 1 − tanh² u itself. It is a factor": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - (1 - u.tanh() ** 2) - math.log(c)).sum(-1)),
    "itself, and the scale is missing": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - (1 - u.tanh() ** 2)).sum(-1)),
    "correction for tanh has the wrong sign": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) + stable(u) - math.log(c)).sum(-1)),
    "sign of log c is wrong": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u) + math.log(c)).sum(-1)),
    "Both corrections have the wrong sign": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) + stable(u) + math.log(c)).sum(-1)),
    "It knows only u": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, c * u.tanh()) - stable(u) - math.log(c)).sum(-1)),
    "You average the components": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u) - math.log(c)).mean(-1)),
    "a number for every component": changed(
        log_prob=lambda m, s, u, c: gauss(m, s, u) - stable(u) - math.log(c)),
    "½ log 2π is missing": changed(
        log_prob=lambda m, s, u, c: (-0.5 * ((u - m) / s) ** 2 - s.log() - stable(u) - math.log(c)).sum(-1)),
    "log σ is missing": changed(log_prob=lambda m, s, u, c: (
        -0.5 * ((u - m) / s) ** 2 - 0.5 * math.log(2 * math.pi) - stable(u) - math.log(c)).sum(-1)),
    "or the variance for it": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s**2, u) - stable(u) - math.log(c)).sum(-1)),
    "−log π, the surprise": changed(
        log_prob=lambda m, s, u, c: -(gauss(m, s, u) - stable(u) - math.log(c)).sum(-1)),
    "the density itself": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - stable(u) - math.log(c)).sum(-1).exp()),
    "not yet stretched by c": changed(action=lambda m, s, u, c: u.tanh()),
    "Your actions leave the box": changed(action=lambda m, s, u, c: c * u),
    "The noise plays no part": changed(action=lambda m, s, u, c: c * m.tanh()),
    "The spread is its exponential": changed(action=lambda m, s, u, c: c * (m + s.log() * ((u - m) / s)).tanh()),
    "the noise by the variance": changed(action=lambda m, s, u, c: c * (m + s * (u - m)).tanh()),
    "At u = 20 your log π is not finite": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - torch.log(1 - u.tanh() ** 2) - math.log(c)).sum(-1)),
    "A small number inside the logarithm": changed(
        log_prob=lambda m, s, u, c: (gauss(m, s, u) - torch.log(1 - u.tanh() ** 2 + 1e-6) - math.log(c)).sum(-1)),
    "no gradient comes back from the actions": detached_action,
    "comes back from the actions to mean": in_numpy,
    "Your actions change from one call to the next": own_noise,
    "no gradient comes back from log π": detached_log_prob,
    "but the gradient of log π is not": detached_u,
    "Return two things": only_the_action,
    "changes an argument in place": in_place,
}  # fmt: skip


@pytest.mark.covers("EQX-13", "AL-20", "ERR-62", "ERR-63")
@pytest.mark.parametrize("student", RIGHT_SQUASHED)
@pytest.mark.parametrize("seed", [0, 1, None])
def test_a_right_squashed_gaussian_passes(student, seed):
    verdict = lesson_10.squashed_gaussian(student, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.covers("EQX-13", "ERR-62", "ERR-63")
@pytest.mark.parametrize("said", WRONG_SQUASHED)
def test_each_wrong_squashed_gaussian_is_named(said):
    for seed in range(3):
        verdict = lesson_10.squashed_gaussian(WRONG_SQUASHED[said], seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


@pytest.mark.covers("CL-61", "ERR-62")
@pytest.mark.parametrize("student", [by_log_cosh, by_log_of_exp])
def test_a_form_that_overflows_further_out_is_named(student):
    verdict = lesson_10.squashed_gaussian(student, seed=0)
    assert not verdict.passed and "At u = ±100 your log π is not finite" in verdict.sentence, verdict


@pytest.mark.covers("CL-61", "ERR-62")
def test_the_area_under_a_density_without_correction_is_shown():
    plain = WRONG_SQUASHED["density of u, before the squashing"]
    assert "c = 1: 0.562" in lesson_10.squashed_gaussian(plain).example
    assert "Area" not in lesson_10.squashed_gaussian(WRONG_SQUASHED["scale is missing"]).example  # it is 1 at c = 1


@pytest.mark.covers("AL-20", "EQX-13")
def test_the_exercise_asks_for_what_the_package_does():
    rng = np.random.default_rng(3)
    mean, log_std, noise = torch.from_numpy(rng.normal(0, 1, (3, 6, 2)))
    actions, log_prob = rl.TanhGaussian(mean, log_std, -2.0, 2.0).rsample_with_log_prob(noise=noise)
    mine = squashed(mean, log_std, noise, 2.0)
    assert torch.allclose(mine[0], actions) and torch.allclose(mine[1], log_prob)


@pytest.mark.parametrize("answer", [3.0, "no", (1, 2, 3), (torch.zeros(2), torch.zeros(2)), {"a": 1}, np.zeros(3)])
def test_nonsense_gets_a_sentence(answer):
    verdict = lesson_10.squashed_gaussian(lambda *case: answer)
    assert not verdict.passed and verdict.sentence.endswith((".", "rows", "]"))


def test_a_squashed_gaussian_that_stops_or_is_not_begun():
    def stops(mean, log_std, noise, c):
        return mean + torch.log(noise_of_mine)  # noqa: F821

    assert "NameError" in lesson_10.squashed_gaussian(stops).sentence
    assert lesson_10.squashed_gaussian(lambda *case: ...).state == UNFINISHED
    assert "NaN" in lesson_10.squashed_gaussian(lambda m, s, n, c: (m / 0, m[:, 0])).sentence


# ---------------------------------------------------------------- E3


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


RIGHT_LOSSES = [pi_loss, pi_loss_in_two_steps, pi_loss_in_a_loop]


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
    ("α multiplies Q as well", mixed(lambda alpha, logp, a, b: alpha * (logp - torch.min(a, b)).mean())),
    ("never asked", mixed(lambda alpha, logp, a, b: (alpha * logp - a).mean())),
    ("never asked", mixed(lambda alpha, logp, a, b: (alpha * logp - b).mean())),
    ("You take the larger critic", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.max(a, b)).mean())),
    ("You average the critics", mixed(lambda alpha, logp, a, b: (alpha * logp - (a + b) / 2).mean())),
    ("smaller of two averages", mixed(
        lambda alpha, logp, a, b: alpha * logp.mean() - torch.min(a.mean(), b.mean()))),
    ("You take the mode", at_the_mode),
    ("You draw more than once", two_draws),
    ("You draw more than once", a_draw_for_each_critic),
    ("log π sees a detached action", density_at_a_detached_action),
    ("the score function, a legitimate road", by_score),
    ("the score function, a legitimate road", by_score_with_entropy_outside),
    ("You add up the rows", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.min(a, b)).sum())),
    ("No gradient leaves your loss", mixed(lambda alpha, logp, a, b: (alpha * logp - torch.min(a, b)).mean().item())),
    ("Your loss changes from one call", many_draws),
    ("one number", mixed(lambda alpha, logp, a, b: alpha * logp - torch.min(a, b))),
]  # fmt: skip


@pytest.mark.covers("EQ-69", "CL-64")
@pytest.mark.parametrize("student", RIGHT_LOSSES)
@pytest.mark.parametrize("seed", [0, 1, None])
def test_a_right_policy_loss_passes(student, seed):
    verdict = lesson_10.pi_loss(student, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.covers("EQ-69", "ERR-61", "MIS-34")
@pytest.mark.parametrize(("said", "student"), WRONG_LOSSES)
def test_each_wrong_policy_loss_is_named(said, student):
    for seed in range(4):
        verdict = lesson_10.pi_loss(student, seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


def test_a_policy_loss_that_stops_or_is_not_begun():
    def stops(obs, policy, Q1, Q2, alpha):
        return policy(obs).draw()

    assert "AttributeError" in lesson_10.pi_loss(stops).sentence
    assert lesson_10.pi_loss(lambda *case: ...).state == UNFINISHED
    assert lesson_10.pi_loss(lambda *case: None).state == UNFINISHED
    assert "Pass the function itself" in lesson_10.pi_loss(3).sentence


def test_the_sentences_differ():
    sentences = {lesson_10.squashed_gaussian(student, seed=0).sentence for student in WRONG_SQUASHED.values()}
    assert len(sentences) == len(WRONG_SQUASHED) - 1  # NumPy and detach() are one mistake
    sentences = {lesson_10.pi_loss(student, seed=0).sentence for _, student in WRONG_LOSSES}
    assert len(sentences) == len({said for said, _ in WRONG_LOSSES})


# ---------------------------------------------------------------- E2, the critics' losses


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


V_MISTAKES = [
    ("ask sample more than once", v_loss_with_two_draws),
    ("square the mean", square_of_the_mean),
    ("stored actions and no entropy", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, b), Q2(s, b)))),
    ("come from the memory", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, b), Q2(s, b)) - al * lp)),
    ("α is missing", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a), Q2(s, a)) - lp)),
    ("no entropy", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a), Q2(s, a)))),
    ("You add α log π", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.min(Q1(s, a), Q2(s, a)) + al * lp)),
    ("never asked", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: Q1(s, a) - al * lp)),
    ("never asked", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: Q2(s, a) - al * lp)),
    ("the larger", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: torch.max(Q1(s, a), Q2(s, a)) - al * lp)),
    ("You average", v_loss_with(lambda Q1, Q2, s, b, a, lp, al: (Q1(s, a) + Q2(s, a)) / 2 - al * lp)),
    ("factor ½", v_loss_with(soft, half=1.0)),
    ("Take their mean", v_loss_with(soft, total=torch.sum)),
    ("flows through the target", v_loss_with(soft, detach=False)),
    ("gradient is not", leak_into_q_alone),
    ("No gradient leaves", v_detached),
    ("one number", v_loss_with(soft, total=lambda x: x)),
]


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


TARGET_MISTAKES = [
    ("ask sample more than once", q_target_with_two_draws),
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
    ("carries a gradient", q_target_with(soft_next, detach=False)),
]


@pytest.mark.covers("EQ-57", "EQ-58", "ERR-53")
@pytest.mark.parametrize("student", [v_loss, v_loss_in_a_loop])
@pytest.mark.parametrize("seed", [0, 1, None])
def test_a_right_v_loss_passes(student, seed):
    verdict = lesson_10.v_loss(student, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.covers("EQ-57", "ERR-50", "ERR-53")
@pytest.mark.parametrize(("said", "student"), V_MISTAKES)
def test_each_wrong_v_loss_is_named(said, student):
    for seed in range(3):
        verdict = lesson_10.v_loss(student, seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


@pytest.mark.covers("EQX-10", "EQ-60", "EQ-61")
@pytest.mark.parametrize("student", [q_target, q_target_as_list, q_target_by_the_package])
@pytest.mark.parametrize("seed", [0, 1, None])
def test_a_right_q_target_passes(student, seed):
    verdict = lesson_10.q_target(student, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.covers("EQX-10", "ERR-50", "ERR-67")
@pytest.mark.parametrize(("said", "student"), TARGET_MISTAKES)
def test_each_wrong_q_target_is_named(said, student):
    for seed in range(3):
        verdict = lesson_10.q_target(student, seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


# ---------------------------------------------------------------- E4, the temperature


def temperature(log_alpha, log_probs, target_entropy, step_size):
    leaf = torch.tensor(log_alpha, dtype=torch.float64, requires_grad=True)
    (-leaf.exp() * (log_probs + target_entropy)).mean().backward()
    return leaf.detach() - step_size * leaf.grad


def temperature_by_hand(log_alpha, log_probs, target_entropy, step_size):
    entropy = -sum(log_probs.tolist()) / len(log_probs)
    return log_alpha - step_size * math.exp(log_alpha) * (entropy - target_entropy)


TEMPERATURE_MISTAKES = [
    ("wrong way", lambda x, lp, h, eta: x - eta * math.exp(x) * (lp + h).mean()),
    ("subtract the target from log π", lambda x, lp, h, eta: x + eta * math.exp(x) * (lp - h).mean()),
    ("the mean of log π for the entropy", lambda x, lp, h, eta: x - eta * math.exp(x) * (lp.mean() - h)),
    ("move α itself with it", lambda x, lp, h, eta: math.exp(x) + eta * math.exp(x) * (lp + h).mean()),
    ("slope in α itself", lambda x, lp, h, eta: x + eta * (lp + h).mean()),
    ("Its logarithm is asked for", lambda x, lp, h, eta: math.exp(x + eta * math.exp(x) * (lp + h).mean())),
    ("may become negative", lambda x, lp, h, eta: math.exp(x) + eta * (lp + h).mean()),
    ("take its logarithm", lambda x, lp, h, eta: math.log(math.exp(x) + eta * (lp + h).mean().item())),
    ("J(α) is their mean", lambda x, lp, h, eta: x + eta * math.exp(x) * (lp + h).sum()),
    ("plays no part", lambda x, lp, h, eta: x + eta * math.exp(x) * lp.mean()),
    ("by how much", lambda x, lp, h, eta: eta * math.exp(x) * (lp + h).mean()),
]


@pytest.mark.covers("EQX-14")
@pytest.mark.parametrize("student", [temperature, temperature_by_hand])
@pytest.mark.parametrize("seed", [0, 1, None])
def test_a_right_temperature_passes(student, seed):
    verdict = lesson_10.temperature(student, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.covers("EQX-14")
@pytest.mark.parametrize(("said", "student"), TEMPERATURE_MISTAKES)
def test_each_wrong_temperature_is_named(said, student):
    for seed in range(1, 4):
        verdict = lesson_10.temperature(student, seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


# ---------------------------------------------------------------- E5, finitely many actions


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
    ("the best action alone", value_of(
        lambda p, lp, a, b, al: (torch.min(a, b) - al * lp).gather(1, torch.min(a, b).argmax(1)[:, None])[:, 0])),
    ("only the likeliest", value_of(
        lambda p, lp, a, b, al: (torch.min(a, b) - al * lp).gather(1, p.argmax(1)[:, None])[:, 0])),
    ("weigh the same", value_of(lambda p, lp, a, b, al: (torch.min(a, b) - al * lp).mean(-1))),
    ("entropy is missing", value_of(lambda p, lp, a, b, al: (p * torch.min(a, b)).sum(-1))),
    ("without α", value_of(lambda p, lp, a, b, al: (p * (torch.min(a, b) - lp)).sum(-1))),
    ("entropy is subtracted", value_of(lambda p, lp, a, b, al: (p * (torch.min(a, b) + al * lp)).sum(-1))),
    ("only the first", value_of(lambda p, lp, a, b, al: (p * (a - al * lp)).sum(-1))),
    ("only the second", value_of(lambda p, lp, a, b, al: (p * (b - al * lp)).sum(-1))),
    ("average of the critics", value_of(lambda p, lp, a, b, al: (p * ((a + b) / 2 - al * lp)).sum(-1))),
    ("smaller of two averages", value_of(
        lambda p, lp, a, b, al: torch.min((p * a).sum(-1), (p * b).sum(-1)) - al * (p * lp).sum(-1))),
    ("best soft value", value_of(lambda p, lp, a, b, al: al * torch.logsumexp(torch.min(a, b) / al, -1))),
    ("one value a state", value_of(lambda p, lp, a, b, al: p * (torch.min(a, b) - al * lp))),
]  # fmt: skip

DISCRETE_MISTAKES = [
    ("logits for log π", lambda x, a, b, al: (x.softmax(-1) * (al * x - torch.min(a, b))).sum(-1).mean()),
    ("states and actions together", value_of(lambda p, lp, a, b, al: (p * (al * lp - torch.min(a, b))).mean())),
    ("actor_loss: its answer changes", drawn_loss),
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
@pytest.mark.parametrize("value", [soft_value, soft_value_in_loops])
@pytest.mark.parametrize("loss", [discrete_loss, discrete_loss_by_entropy])
@pytest.mark.parametrize("seed", [0, None])
def test_right_sums_pass(value, loss, seed):
    verdict = lesson_10.discrete(value, loss, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.covers("EQX-15", "ERR-64")
@pytest.mark.parametrize(("said", "student"), VALUE_MISTAKES)
def test_each_wrong_soft_value_is_named(said, student):
    for seed in range(3):
        verdict = lesson_10.discrete(student, discrete_loss, seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


@pytest.mark.covers("EQX-15", "ERR-64")
@pytest.mark.parametrize(("said", "student"), DISCRETE_MISTAKES)
def test_each_wrong_discrete_loss_is_named(said, student):
    for seed in range(3):
        verdict = lesson_10.discrete(soft_value, student, seed=seed)
        assert not verdict.passed and said in verdict.sentence, verdict


# ---------------------------------------------------------------- E6, the capstone


def a_run(agent, costs, scores):
    """Three seeds, four checkpoints: `scores` by seed, one step costs what `costs` says in seconds."""
    return {"agent": agent, "steps": [[100, 200, 300, 400]] * 3, "seconds": [[c * costs for c in (1, 2, 3, 4)]] * 3,
            "scores": scores}  # fmt: skip


BOARD = {
    "slow": a_run("SAC", 4.0, [[-900, -300, -150, -140], [-950, -310, -160, -150], [-920, -350, -170, -130]]),
    "slow, odd": a_run("SAC", 4.0, [[-900, -500, -700, -600], [-950, -510, -760, -650], [-990, -550, -770, -630]]),
    "near": a_run("DDPG", 2.0, [[-900, -320, -260, -140], [-950, -600, -160, -150], [-930, -350, -190, -135]]),
    "fast": a_run("PPO", 0.5, [[-1000, -900, -500, -180], [-1100, -950, -520, -190], [-1050, -930, -540, -170]]),
}
BUDGET = {"robot": {"steps": 300}, "simulator": {"seconds": 2.5}}
ROBOT = {"run": "slow", "mean": -160.0, "worst": -170.0, "rival": "near", "rival_mean": -203.3}
SIMULATOR = {"run": "fast", "mean": -180.0, "worst": -190.0, "rival": "near", "rival_mean": -926.7}


def plan(robot=None, simulator=None):
    return {"robot": {**ROBOT, **(robot or {})}, "simulator": {**SIMULATOR, **(simulator or {})}}


def test_a_good_plan_passes_and_says_how_clear_it_is():
    verdict = lesson_10.capstone(BOARD, BUDGET, plan())
    assert verdict.passed, verdict
    assert "robot: the means are less than 100 points apart" in verdict.sentence
    assert "simulator: every seed beats" in verdict.sentence


def test_points_that_decide_nothing_refuse_nobody():
    """A run whose seeds are all a little worse, and a rival that is a little short of the best, are no flaws."""
    board = {**BOARD, "fine": a_run("SAC", 4.0, [[-900, -300, -120, -140]] * 3)}
    assert lesson_10.capstone(board, BUDGET, plan()).passed  # all of "fine" beats all of "slow", by 40 points
    swapped = {"run": "near", "mean": -203.3, "worst": -260.0, "rival": "slow", "rival_mean": -160.0}
    assert lesson_10.capstone(board, BUDGET, plan(robot=swapped)).passed


@pytest.mark.covers("MIS-35", "CL-33")
def test_on_the_stored_board_only_runs_that_have_learned_are_accepted():
    """Every run against every rival, with true numbers: whoever stands still is not sold to a customer."""
    board, accepted = measured.board(), {}
    for customer, budget in measured.BUDGETS.items():
        ((unit, most),) = budget.items()
        ends = {name: lesson_10._paid_for(run, unit, most) for name, run in board.items()}
        ends = {name: scores for name, scores in ends.items() if scores is not None}
        for ours, theirs in itertools.permutations(ends, 2):
            choice = {"run": ours, "mean": ends[ours].mean(), "worst": ends[ours].min(), "rival": theirs,
                      "rival_mean": ends[theirs].mean()}  # fmt: skip
            if lesson_10.capstone(board, {customer: budget}, {customer: choice}).passed:
                accepted.setdefault(customer, set()).add(ours)
        assert accepted[customer] and all(ends[name].mean() > -200 for name in accepted[customer])
    assert "PPO" in accepted["simulator"] and {"SAC", "DDPG"} <= accepted["robot"]
    assert "SAC, α = 20" not in accepted["robot"] | accepted["simulator"]


def test_a_tie_may_be_called_either_way():
    swapped = {"run": "near", "mean": -203.3, "worst": -260.0, "rival": "slow", "rival_mean": -160.0}
    assert lesson_10.capstone(BOARD, BUDGET, plan(robot=swapped)).passed


PLAN_MISTAKES = [
    ("mean: that is the score at the end of the runs", {"robot": {"mean": -140.0}}),
    ("mean: that is the luckiest seed", {"robot": {"mean": -150.0}}),
    ("rival_mean: that is the median", {"robot": {"rival_mean": -190.0}}),
    ("rival_mean: that is a single seed", {"robot": {"rival_mean": -260.0}}),
    ("mean: the seeds say something else", {"robot": {"mean": -333.0}}),
    ("worst: that is the best seed", {"robot": {"worst": -150.0}}),
    ("worst: no seed ended there", {"robot": {"worst": -155.0}}),
    ("the rival is a SAC as well", {"robot": {"rival": "slow, odd", "rival_mean": -743.3}}),
    ("another agent does better", {"robot": {"rival": "fast", "rival_mean": -520.0}}),
    ("best checkpoint on the way", {"robot": {"run": "near", "mean": -203.3, "worst": -260.0, "rival": "slow, odd",
                                             "rival_mean": -520.0}}),
    ("whose every seed beats", {"robot": {"run": "fast", "mean": -520.0, "worst": -540.0, "rival": "slow",
                                          "rival_mean": -160.0}}),
    ("better run on the board", {"robot": {"run": "near", "mean": -203.3, "worst": -260.0, "rival": "slow, odd",
                                           "rival_mean": -743.3}}),
    ("do not pay for the first checkpoint", {"simulator": {"run": "slow"}}),
    ("no run called 'SAC'", {"robot": {"run": "SAC"}}),
    ("must be one number", {"robot": {"mean": "about -160"}}),
    ("must be one number", {"robot": {"worst": [1, 2]}}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "change"), PLAN_MISTAKES)
def test_each_flaw_of_a_plan_is_named(said, change):
    verdict = lesson_10.capstone(BOARD, BUDGET, plan(**change))
    assert not verdict.passed and said in verdict.sentence, verdict


@pytest.mark.parametrize("unfinished", [..., None, {"robot": ..., "simulator": ...}, plan(robot={"mean": ...})])
def test_an_unfinished_plan_is_not_started(unfinished):
    assert lesson_10.capstone(BOARD, BUDGET, unfinished).state == UNFINISHED


@pytest.mark.parametrize("nonsense", [3, "SAC", {}, {"robot": ROBOT}, {"robot": ROBOT, "simulator": 4},
                                      {"robot": ROBOT, "simulator": {"run": "fast"}}])  # fmt: skip
def test_a_plan_of_another_kind_gets_a_sentence(nonsense):
    verdict = lesson_10.capstone(BOARD, BUDGET, nonsense)
    assert not verdict.passed and verdict.sentence.endswith(".")


# ---------------------------------------------------------------- whatever else a student may hand in

CHECKERS = [
    lesson_10.v_loss,
    lesson_10.q_target,
    lesson_10.temperature,
    lambda student: lesson_10.discrete(student, discrete_loss),
    lambda student: lesson_10.discrete(soft_value, student),
]


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_agents_checkers_never_raise(checker):
    def crash(*case):
        raise KeyError("state")

    def spoils(*case):
        for part in case:
            if isinstance(part, torch.Tensor) and part.is_floating_point():
                with torch.no_grad():
                    part.mul_(2)
        return torch.zeros(())

    assert checker(lambda *case: ...).state == UNFINISHED
    assert checker(lambda *case: None).state == UNFINISHED
    assert "KeyError" in checker(crash).sentence
    for odd in (lambda *case: "high", lambda *case: torch.zeros(3, 4, 5), lambda *case: float("nan"), 3, spoils,
                lambda *case: np.zeros(2), lambda: 1, lambda *case: [1, "a"]):  # fmt: skip
        verdict = checker(odd)
        assert not verdict.passed and verdict.sentence


def test_the_agents_sentences_differ():
    for mistakes, checker in (
        (V_MISTAKES, lesson_10.v_loss),
        (TARGET_MISTAKES, lesson_10.q_target),
        (TEMPERATURE_MISTAKES, lesson_10.temperature),
        (VALUE_MISTAKES, lambda student, seed: lesson_10.discrete(student, discrete_loss, seed=seed)),
        (DISCRETE_MISTAKES, lambda student, seed: lesson_10.discrete(soft_value, student, seed=seed)),
    ):
        sentences = {checker(student, seed=1).sentence for _, student in mistakes}
        assert len(sentences) == len({said for said, _ in mistakes})
