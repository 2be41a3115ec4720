"""Checkers of E1 and E3: the pathwise gradient, and the loss of the policy."""

import pytest
import torch
from torch.distributions import Normal

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.lessons.reparameterization import exercises

# ---------------------------------------------------------------- E1


def pathwise(mu, sigma, noise, slope):
    slopes = slope(mu + sigma * noise)
    return slopes.mean(), (slopes * noise).mean()


def one_by_one(mu, sigma, noise, slope):
    pairs = [(slope(mu + sigma * float(xi)), float(xi)) for xi in noise]
    return [sum(s for s, _ in pairs) / len(pairs), sum(s * xi for s, xi in pairs) / len(pairs)]


def by_autograd(mu, sigma, noise, slope):
    mean, std = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (mu, sigma))
    action = mean + std * noise
    return torch.stack(torch.autograd.grad((slope(action).detach() * action).mean(), (mean, std)))


def with_slopes(function):
    """The right answer from the slopes by another rule: function of (slopes, noise, sigma)."""
    return lambda mu, sigma, noise, slope: function(slope(mu + sigma * noise), noise, sigma)


@pytest.mark.covers("EQX-20", "EQ-67", "EQ-68")
class TestPathwise(CheckerContract):
    check = staticmethod(exercises.pathwise_gradient)
    right = (pathwise, one_by_one, by_autograd)
    wrong = [
        (with_slopes(lambda s, n, sd: (s.mean(), s.mean())), "Both numbers are the slope for μ"),
        (with_slopes(lambda s, n, sd: (s.mean(), (s * sd * n).mean())), "this is the slope for log σ"),
        (with_slopes(lambda s, n, sd: (s.mean(), (s * sd).mean())), "You multiply by σ"),
        (lambda mu, sigma, n, slope: (slope(mu + 0 * n).mean(), (slope(mu + 0 * n) * n).mean()), "at the mean μ"),
        (lambda mu, sigma, n, slope: (slope(n).mean(), (slope(n) * n).mean()), "at the noise ξ"),
        (lambda mu, sigma, n, slope: pathwise(mu, sigma**2, n, slope), "by the variance"),
        (with_slopes(lambda s, n, sd: (s.sum(), (s * n).sum())), "You add the draws up"),
        (with_slopes(lambda s, n, sd: (-s.mean(), -(s * n).mean())), "signs are turned round"),
        (with_slopes(lambda s, n, sd: ((s * n).mean(), s.mean())), "in the wrong order"),
        (with_slopes(lambda s, n, sd: ((s * n / sd).mean(), (s * (n**2 - 1) / sd).mean())), "mix the two estimators"),
    ]


@pytest.mark.covers("EQX-20")
@pytest.mark.parametrize(
    "student",
    [
        lambda mu, sigma, noise, slope: (slope * (mu + sigma * noise)).mean(),
        lambda mu, sigma, noise, slope: ((mu + sigma * noise) * slope).mean(),
        lambda mu, sigma, noise, slope: slope[0],
        lambda mu, sigma, noise, slope: slope(mu, sigma),
    ],
)
def test_a_slope_that_is_not_called_is_told_to_be_a_function(student):
    sentence = exercises.pathwise_gradient(student, seed=0).sentence
    assert "slope is a function of one argument: slope(a)" in sentence and "Slope" not in sentence


@pytest.mark.covers("EQX-20")
def test_the_first_case_can_be_worked_by_hand():
    """a = (1, -2), slopes (0, 6): means 3 and (0 · 0.5 + 6 · (-1)) / 2 = -3."""
    example = exercises.pathwise_gradient(lambda mu, sigma, noise, slope: (0.0, 0.0), seed=0).example
    for part in ("μ = 0, σ = 2, ξ = (0.5, -1)", "−2 (a − 1)", "expected (3, -3)"):
        assert part in example, example


# ---------------------------------------------------------------- E3


def policy_loss(policy, q1, q2, alpha):
    actions, log_probs = policy.rsample_with_log_prob()
    return (alpha * log_probs - torch.minimum(q1(actions), q2(actions))).mean()


def by_two_methods(policy, q1, q2, alpha):
    actions = policy.rsample()
    both = torch.stack([q1(actions), q2(actions)])
    return torch.mean(alpha * policy.log_prob(actions)) - both.min(0).values.mean()


def term_by_term(draw=None, combine=torch.minimum, loss=lambda alpha, logs, q: alpha * logs - q, total=torch.mean):
    def answer(policy, q1, q2, alpha):
        actions, logs = draw(policy) if draw else policy.rsample_with_log_prob()
        return total(loss(alpha, logs, combine(q1(actions), q2(actions))))

    return answer


def sampled(policy):
    actions = policy.sample()
    return actions, policy.log_prob(actions)


def sampled_under_no_grad(policy):
    with torch.no_grad():
        actions = policy.rsample()
    return actions, policy.log_prob(actions)


def detached_density(policy):
    actions, logs = policy.rsample_with_log_prob()
    return actions, logs.detach()


def detached_in_the_density(policy):
    actions = policy.rsample()
    return actions, policy.log_prob(actions.detach())


def critics_under_no_grad(policy, q1, q2, alpha):
    actions, logs = policy.rsample_with_log_prob()
    with torch.no_grad():
        q = torch.minimum(q1(actions), q2(actions))
    return (alpha * logs - q).mean()


def constant_action_for_the_critics(policy, q1, q2, alpha):
    actions, logs = policy.rsample_with_log_prob()
    return (alpha * logs - torch.minimum(q1(actions.detach()), q2(actions.detach()))).mean()


def goes_backward(policy, q1, q2, alpha):
    loss = policy_loss(policy, q1, q2, alpha)
    loss.backward()
    return loss


def drawn_twice(policy):
    return policy.rsample(), policy.rsample_with_log_prob()[1]


def own_noise(policy, q1, q2, alpha):
    mine = torch.randn_like(policy.mean)
    actions, log_probs = policy.rsample_with_log_prob(noise=mine)
    return (alpha * log_probs - torch.minimum(q1(actions), q2(actions))).mean()


def min_of_means(policy, q1, q2, alpha):
    actions, logs = policy.rsample_with_log_prob()
    return alpha * logs.mean() - min(q1(actions).mean(), q2(actions).mean())


def min_of_all(policy, q1, q2, alpha):
    actions, logs = policy.rsample_with_log_prob()
    return alpha * logs.mean() - min(q1(actions).min(), q2(actions).min())


@pytest.mark.covers("EQ-69", "EQ-70", "ERR-61", "MIS-34")
class TestPolicyLoss(CheckerContract):
    check = staticmethod(exercises.policy_loss)
    right = (policy_loss, by_two_methods)
    wrong = [
        (term_by_term(sampled), "you draw with `sample`"),
        (term_by_term(detached_density), "log π is detached"),
        (term_by_term(detached_in_the_density), "takes the action as a constant"),
        (term_by_term(drawn_twice), "You draw twice"),
        (term_by_term(loss=lambda alpha, logs, q: alpha * logs - q.detach()), "from Q back to the action is cut"),
        (critics_under_no_grad, "from Q back to the action is cut"),
        (constant_action_for_the_critics, "from Q back to the action is cut"),
        (goes_backward, "You call backward inside the function"),
        (term_by_term(loss=lambda alpha, logs, q: q - alpha * logs), "This is minus the loss"),
        (term_by_term(loss=lambda alpha, logs, q: alpha * logs + q), "The sign of Q is wrong"),
        (term_by_term(loss=lambda alpha, logs, q: -alpha * logs - q), "The sign of log π is wrong"),
        (term_by_term(loss=lambda alpha, logs, q: logs - q), "α is missing"),
        (term_by_term(loss=lambda alpha, logs, q: -q), "The entropy is missing"),
        (term_by_term(loss=lambda alpha, logs, q: logs - q / alpha), "You divide by α"),
        (term_by_term(loss=lambda alpha, logs, q: alpha * (logs - q)), "α multiplies Q, too"),
        (term_by_term(combine=torch.maximum), "the larger critic"),
        (term_by_term(combine=lambda q1, q2: q1), "the first critic only"),
        (term_by_term(combine=lambda q1, q2: q2), "the second critic only"),
        (term_by_term(combine=lambda q1, q2: (q1 + q2) / 2), "You average the critics"),
        (min_of_means, "the smaller of two batch means"),
        (min_of_all, "the smallest Q of the batch"),
        (term_by_term(total=torch.sum), "You add the rows up"),
        (term_by_term(sampled, loss=lambda alpha, logs, q: (alpha * logs - q).detach() * logs), "the score function"),
        (term_by_term(total=lambda terms: terms.mean().item()), "No gradient comes back"),
        (own_noise, "changes from one call to the next"),
    ]
    test_an_argument_that_was_changed_is_noticed = None  # it gets no tensor that could be changed


@pytest.mark.covers("ERR-61", "MIS-34")
def test_no_grad_around_the_draw_is_sample_by_another_name():
    assert "you draw with `sample`" in exercises.policy_loss(term_by_term(sampled_under_no_grad), seed=0).sentence


@pytest.mark.covers("EQ-69")
@pytest.mark.parametrize(
    ("student", "words"),
    [
        (lambda policy, q1, q2, alpha: torch.minimum(q1, q2), "q1 and q2 are functions of one argument"),
        (lambda policy, q1, q2, alpha: q1(policy.mean, policy.rsample()), "q1 and q2 are functions of one argument"),
        (lambda policy, q1, q2, alpha: q1(policy.rsample_with_log_prob()).mean(), "a tensor of actions: q1(actions)"),
        (lambda policy, q1, q2, alpha: policy(), "'TanhGaussian' object is not callable"),
        (lambda policy, q1, q2, alpha: policy.draw(), "'TanhGaussian' object has no attribute"),
        (lambda policy, q1, q2, alpha: policy.rsample().exp().mul_(2).mean(), "was changed in place"),
    ],
)
def test_an_error_names_what_the_student_knows(student, words):
    sentence = exercises.policy_loss(student, seed=0).sentence
    assert words in sentence and "Drawn" not in sentence and "Critic" not in sentence


@pytest.mark.covers("EQ-69")
def test_rows_without_a_mean_are_told():
    assert "Return one number" in exercises.policy_loss(term_by_term(total=lambda terms: terms), seed=0).sentence


@pytest.mark.covers("EQ-69", "EQ-70")
def test_the_exercise_asks_for_what_the_package_does():
    """The loss of the package's actor, differentiated by torch, for a plain policy and critics that are lines."""
    mean, log_std = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    loss = policy_loss(rl.TanhGaussian(mean, log_std), lambda a: a.sum(-1), lambda a: 2 + a.sum(-1), 0.0)
    (slope,) = torch.autograd.grad(loss, mean)
    assert slope < 0  # Q rises with a, so descending the loss raises the mean
    assert Normal(0.0, 1.0).entropy() > 0
