"""Every number of the quiz, right or wrong for a reason, is computed anew."""

import math

import pytest

from rlcourse.course import order, quiz
from rlcourse.lessons.reparameterization.experiments import entropies

SOFT = "soft_policy_iteration"
QUESTIONS = {name: question for lesson in order.LESSONS for name, question in quiz.load(lesson).items()}

# ---------------------------------------------------------------- what the questions ask about


def rewards_to_go(rewards, gamma, *, weight=lambda gamma, t, k: gamma ** (k - t), first=lambda t: t):
    steps = range(len(rewards))
    return [sum(weight(gamma, t, k) * rewards[k] for k in range(first(t), len(rewards))) for t in steps]


def from_the_start(gamma, t, k):
    return gamma**k


def shootout(p, q):
    """V, Q_L and Q_R of the kicker: a goal when the directions differ."""
    q_left, q_right = q, 1 - q
    return p * q_left + (1 - p) * q_right, q_left, q_right


def sample_variance(p, q_left, q_right, b):
    """Variance of g (Q - b) with g = 1 - p after left and -p after right."""
    left, right = (1 - p) * (q_left - b), -p * (q_right - b)
    return p * (1 - p) * (left - right) ** 2


def k_step_sums(rewards, t):
    """The k-step advantages at step t for V = 0 and gamma = 1, k = 1, 2, ... to the end."""
    return [sum(rewards[t : t + k]) for k in range(1, len(rewards) - t + 1)]


def gae(rewards, gamma, gae_lambda):
    """With V = 0: the recursion, from the last step to the first."""
    advantages, later = [], 0.0
    for reward in reversed(rewards):
        later = reward + gamma * gae_lambda * later
        advantages.insert(0, later)
    return advantages


def td_residual(r, v, v_next, gamma, terminal):
    return r + (0 if terminal else gamma * v_next) - v


def moved_by_a_sample(step_size, batch):
    """How far one sample of a batch moves a parameter, for a gradient of 1."""
    return step_size * average([1.0] + [0.0] * (batch - 1))


def surrogate(ratio, advantage, eps=0.2):
    """PPO's objective of one sample, and its slope in the ratio."""

    def value(ratio):
        return min(ratio * advantage, min(max(ratio, 1 - eps), 1 + eps) * advantage)

    return [value(ratio), (value(ratio + 1e-6) - value(ratio - 1e-6)) / 2e-6]


def area_without_correction(mu, sigma, c=1.0, count=20_000):
    """Midpoint sum over the box of the density of u at u = atanh(a / c)."""
    total, width = 0.0, 2 * c / count
    for i in range(count):
        u = math.atanh(-1 + (2 * i + 1) / count)
        total += math.exp(-0.5 * ((u - mu) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi)) * width
    return total


def break_even(one, other):
    """Seconds a step must take besides computing, so that two agents (steps, seconds of computing) are done at once."""
    return (other[1] - one[1]) / (one[0] - other[0])


def surprise(probabilities):
    """Mean of -log p, in nats."""
    return sum(-p * math.log(p) for p in probabilities if p)


def surprise_of_a_box(width, pieces=1000):
    """Mean of -log density of a uniform density, piece by piece."""
    return sum(-math.log(1 / width) / width * (width / pieces) for _ in range(pieces))


def boltzmann(values, alpha):
    weights = [math.exp(value / alpha) for value in values]
    return [weight / sum(weights) for weight in weights]


def soft_value(values, policy, alpha):
    return sum(p * (q - alpha * math.log(p)) for q, p in zip(values, policy, strict=True))


def mean_of_the_largest(count, pieces=100_000):
    """Of `count` errors, uniform in [-1, 1]: the integral of x over the law of the largest, ((1 + x) / 2)^count."""
    edges = [-1 + 2 * k / pieces for k in range(pieces + 1)]
    below = [((1 + x) / 2) ** count for x in edges]
    return sum((x + y) / 2 * (q - p) for x, y, p, q in zip(edges, edges[1:], below, below[1:], strict=False))


def bootstrapped_bias(lean, gamma, backups=10_000):
    bias = 0.0
    for _ in range(backups):
        bias = gamma * (bias + lean)
    return bias


def kept_noise(beta, dt, steps):
    """What is left of a noise of 1 after so many steps of the pull."""
    x = 1.0
    for _ in range(steps):
        x -= beta * x * dt
    return x


def average(numbers):
    return sum(numbers) / len(numbers)


# ---------------------------------------------------------------- right answers and named mistakes


def computed_answers():
    p = 0.8
    value, q_left, q_right = shootout(p, 1.0)
    fine_grid = [b / 1000 for b in range(-1000, 2001)]
    gae_lambda, n = 0.5, 3
    tail = [(1 - gae_lambda) * gae_lambda ** (k - 1) for k in range(1, 200)]
    return {
        "reward_to_go-1": rewards_to_go([1, 0, 2], 0.5),
        "advantage-1": [value, q_left - value, q_right - value],
        "advantage-2": [min(fine_grid, key=lambda b: sample_variance(p, q_left, q_right, b))],
        "advantage-5": [td_residual(1, 5, 4, 0.9, False), td_residual(1, 5, 4, 0.9, True)],
        "gae-1": gae([1, 1, 1], 1.0, 1.0),
        "gae-2": [*tail[: n - 1], sum(tail[n - 1 :])],
        "gae-4": [gae([0] * 10 + [1], 0.99, 0.95)[0]],
        "actor_critic-3": [moved_by_a_sample(0.4, 8)],
        "parallel_actor_critic-2": [average([1, 1, 1, 3]) / max(1, 1, 1, 3)],
        "off_policy_actor_critic-3": [average(range(1000))],
        "ppo_clipping-1": surrogate(1.5, -1.0),
        "ppo_in_practice-1": [math.exp(-1.2 - -1.2)],  # the ratio of a policy to itself
        "ppo_clipping-2": surrogate(0.7, 2.0, 0.1)[1:],
        "target_networks-1": [math.log(0.5) / math.log(1 - 0.005)],
        "ddpg-2": [kept_noise(0.2, 0.5, 6)],
        "target_networks-2": [mean_of_the_largest(10)],
        "target_networks-3": [bootstrapped_bias(0.01, 0.99)],
        f"{SOFT}-1": [surprise([0.5, 0.5]), surprise_of_a_box(0.2)],
        f"{SOFT}-2": [boltzmann([1.5, 1.0], 0.25)[0] / boltzmann([1.5, 1.0], 0.25)[1]],
        f"{SOFT}-3": [soft_value([2, 2, 2], [1 / 3] * 3, 0.5)],
        "reparameterization-2": [area_without_correction(1.0, 1.0)],
        "sac-3": [1000 * break_even((20_000, 4), (4_000, 12))],
    }


def wrong_returns_and_advantages():
    rewards, gamma = [1, 0, 2], 0.5
    value, q_left, q_right = shootout(0.8, 1.0)
    at_half, *_ = shootout(0.5, 1.0)
    ones = [1, 1, 1]
    capped = [average(k_step_sums(ones, t)) for t in range(3)]
    padded = [average(k_step_sums(ones + [0, 0], t)[:3]) for t in range(3)]
    short = [0.5**k for k in range(3)]
    return [
        ("reward_to_go-1", rewards_to_go(rewards, gamma, weight=from_the_start), "distance from the start"),
        ("reward_to_go-1", rewards_to_go(rewards, gamma, first=lambda t: t + 1), "begin one step too late"),
        ("reward_to_go-1", [*rewards_to_go(rewards, gamma)[1:], 0], "of the next step"),
        ("reward_to_go-1", rewards_to_go(rewards, 1.0), "without the discount"),
        ("reward_to_go-1", [sum(gamma**k * rewards[k] for k in range(t + 1)) for t in range(3)], "summed forwards"),
        ("reward_to_go-1", [rewards_to_go(rewards, gamma)[0]] * 3, "return of the whole episode"),
        ("reward_to_go-1", rewards, "rewards of each step alone"),
        ("advantage-1", [value, q_left - q_right, q_right - q_left], "with the other one"),
        ("advantage-1", [value, q_left - at_half, q_right - at_half], "no fixed property"),
        ("advantage-1", [value, q_left, q_right], "are $Q_L$ and $Q_R$"),
        ("advantage-1", [value, value - q_left, value - q_right], "signs turned round"),
        ("advantage-1", [1 - value, value - q_left, value - q_right], "both go the same way"),
        ("advantage-1", [0.5, q_left - 0.5, q_right - 0.5], "plain mean"),
        ("advantage-2", [value], "This is $V$"),
        ("advantage-2", [average([q_left, q_right])], "plain mean"),
        ("advantage-2", [0.8 * 0.2 * (q_left - q_right)], "gradient itself"),
        ("advantage-5", [td_residual(1, 5, 4, 0.9, False)] * 2, "although the episode has ended"),
        ("advantage-5", [td_residual(1, 5, 4, 1.0, False), td_residual(1, 5, 4, 1.0, True)], "discount is missing"),
        (
            "advantage-5",
            [-td_residual(1, 5, 4, 0.9, False), -td_residual(1, 5, 4, 0.9, True)],
            "signs are turned round",
        ),
        ("advantage-5", [1 + 0.9 * 4, 1], "subtract $V(s)$"),
        ("gae-1", padded, "for $k = 1, 2, 3$ at every step"),
        ("gae-1", capped, "that fit into the episode"),
        ("gae-1", gae(ones, 1.0, 0.0), "TD errors"),
        ("gae-1", gae(ones, 1.0, 1.0)[::-1], "swept forwards"),
        ("gae-2", [w / sum(short) for w in short], "divided by their sum"),
        ("gae-2", [w / 2 for w in short], "endless episode"),
        ("gae-2", short, "powers"),
        ("gae-4", [0.99**10], r"$\gamma^{10}$"),
        ("gae-4", [0.95**10], r"$\lambda^{10}$"),
        ("gae-4", [(0.99 * 0.95) ** 11], "too many"),
        ("gae-4", [(0.99 * 0.95) ** 9], "too few"),
        ("gae-4", [0.05 * 0.95**10], "weight of the 11-step advantage"),
    ]


def wrong_updates():
    return [
        ("actor_critic-3", [0.4 / 8**0.5], r"divided by $\sqrt8$"),
        ("parallel_actor_critic-2", [1 / 3], "fastest time over the slowest"),
        ("parallel_actor_critic-2", [3 * (3 - 1) / (3 * 3)], "three fast workers wait"),
        ("parallel_actor_critic-2", [1 / 0.5], "whole by the part"),
        ("parallel_actor_critic-2", [average([1, 1, 1, 3])], "mean time of a worker"),
        ("off_policy_actor_critic-3", [1000], "oldest row"),
        ("ppo_clipping-1", [1.2 * -1.0, 0.0], "took the clipped term"),
        ("ppo_clipping-1", [1.5 * -1.0, 0.0], "comes from the plain term"),
        ("ppo_clipping-1", [(1 - 0.2) * -1.0, 0.0], "on the other side"),
        ("ppo_clipping-2", [0.0], "clipped term alone"),
        ("ppo_clipping-2", [(1 - 0.1) * 2.0], "larger of the two terms"),
        ("ppo_clipping-2", surrogate(0.7, 2.0, 0.1)[:1], "is the value of $L$"),
    ]


def wrong_targets_and_noise():
    return [
        ("target_networks-1", [0.5 / 0.005], r"half of $1/\kappa$"),
        ("target_networks-1", [1 / 0.005], "37 %"),
        ("target_networks-1", [math.log(0.5) / math.log(0.005)], "weights are swapped"),
        ("ddpg-2", [kept_noise(0.2, 1.0, 6)], "a whole unit of time"),
        ("ddpg-2", [1 - 6 * 0.2 * 0.5], "a tenth away six times"),
        ("ddpg-2", [kept_noise(0.2, 0.5, 1)], "correlation of neighbours"),
        ("ddpg-2", [math.exp(-6 * 0.2 * 0.5)], "without steps"),
        ("target_networks-2", [0.0], "mean of *one* estimate"),
        ("target_networks-2", [1.0], "largest error possible"),
        ("target_networks-2", [10 / 11], "between 0 and 1"),
        ("target_networks-2", [1 - 2 / 10], "eleven gaps, not ten"),
        ("target_networks-3", [bootstrapped_bias(0.01, 0.99) / 0.99], "once more"),
        ("target_networks-3", [bootstrapped_bias(0.01, 0.99, backups=1)], "one backup"),
        ("target_networks-3", [0.01], "That is one backup. "),
        ("target_networks-3", [0.01 * (1 - 0.99)], "divides by it"),
    ]


def wrong_entropy_and_temperature():
    return [
        (f"{SOFT}-1", [surprise([0.5, 0.5]), abs(surprise_of_a_box(0.2))], "which sign has it"),
        (f"{SOFT}-1", [surprise([0.5, 0.5]), max(0, surprise_of_a_box(0.2))], "box of width 1"),
        (
            f"{SOFT}-1",
            [surprise([0.5, 0.5]) / math.log(2), surprise_of_a_box(0.2) / math.log(2)],
            "in bits",
        ),
        (f"{SOFT}-1", [surprise([0.5, 0.5]), surprise([0.2])], "averaged"),
        (f"{SOFT}-1", [-surprise([0.5, 0.5]), -surprise_of_a_box(0.2)], "turned round"),
        (f"{SOFT}-2", [0.5 / 0.25], "exponent"),
        (
            f"{SOFT}-2",
            [boltzmann([1.5, 1.0], 1)[0] / boltzmann([1.5, 1.0], 1)[1]],
            r"$\alpha = 1$ would give",
        ),
        (f"{SOFT}-2", [math.exp(0.5 * 0.25)], "multiplied the gap"),
        (
            f"{SOFT}-2",
            [boltzmann([1.5, 1.0], 0.25)[1] / boltzmann([1.5, 1.0], 0.25)[0]],
            "the other way round",
        ),
        (f"{SOFT}-2", [1.5 / 1.0], "divided the values"),
        (f"{SOFT}-3", [soft_value([2, 2, 2], [1 / 3] * 3, 1)], "its price is not"),
        (f"{SOFT}-3", [average([2, 2, 2])], "ordinary value"),
        (f"{SOFT}-3", [soft_value([2, 2, 2], [1 / 3] * 3, -0.5)], "is negative already"),
        (f"{SOFT}-3", [2 + 0.5 * surprise([1 / 3] * 3) / math.log(2)], "in bits"),
        (f"{SOFT}-3", [soft_value([2, 2, 2], [1 / 3] * 3, 1 / 0.5)], "divided the entropy"),
        ("reparameterization-2", [area_without_correction(1.0, 1.0, 2.0)], "twice as wide"),
        ("reparameterization-2", [1 - area_without_correction(1.0, 1.0)], "missing to 1"),
        ("reparameterization-2", [entropies(1.0, 1.0)[1]], "is the entropy"),
        ("sac-3", [1e-3 / break_even((20_000, 4), (4_000, 12))], "Turn the fraction round"),
        ("sac-3", [break_even((20_000, 4), (4_000, 12))], "asks for milliseconds"),
        ("sac-3", [1000 * break_even((20_000, 4), (0, 12))], "all 20,000 steps"),
    ]


def computed_distractors():
    """The wrong ways that a reply names, carried out: (question, the numbers, words of the reply)."""
    parts = wrong_returns_and_advantages, wrong_updates, wrong_targets_and_noise, wrong_entropy_and_temperature
    return [row for part in parts for row in part()]


def test_every_typed_answer_is_computed_here():
    assert set(computed_answers()) == {name for name, question in QUESTIONS.items() if question.kind == "number"}


@pytest.mark.parametrize("name, answer", computed_answers().items())
def test_the_stored_answer_is_the_computed_one(name, answer):
    assert QUESTIONS[name].answer == pytest.approx(answer, abs=1e-6)


@pytest.mark.parametrize("name, value, words", computed_distractors())
def test_a_named_mistake_leads_to_the_number_that_names_it(name, value, words):
    reply = QUESTIONS[name].grade(", ".join(f"{x:.6f}" for x in value))
    assert reply.right is False
    assert words in reply.remarks[0][1]


def test_the_samples_that_the_baseline_question_quotes():
    _, q_left, q_right = shootout(0.8, 1.0)
    for b, samples in {0.2: (0.16, 0.16), 0.8: (0.04, 0.64), 0.5: (0.1, 0.4), 0: (0.2, 0), 1: (0, 0.8)}.items():
        assert (0.2 * (q_left - b), -0.8 * (q_right - b)) == pytest.approx(samples)
    without, with_value = (sample_variance(0.8, q_left, q_right, b) for b in (0, 0.8))
    assert with_value / without == pytest.approx(9)


def test_no_advantage_against_a_keeper_who_tosses_a_coin():
    for p in (0.1, 0.5, 0.9):
        assert shootout(p, 0.5) == pytest.approx((0.5, 0.5, 0.5))
