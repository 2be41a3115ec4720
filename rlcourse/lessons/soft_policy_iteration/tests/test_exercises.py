"""Checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import math

import numpy as np
import pytest
import torch

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.lessons.soft_policy_iteration import exercises

# ---------------------------------------------------------------- E1 and E2


def value(Q, policy, alpha):
    return (policy * (Q - alpha * policy.clamp(min=1e-12).log())).sum(-1)


def value_by_loop(Q, policy, alpha):
    values = []
    for q, p in zip(Q.tolist(), policy.tolist(), strict=True):
        values.append(sum(b * (a - alpha * math.log(b)) for a, b in zip(q, p, strict=True) if b > 0))
    return values


def value_from_entropy(Q, policy, alpha):
    return ((policy * Q).sum(1) + alpha * rl.distributions.categorical_entropy(policy)).numpy()


def value_from_entr(Q, policy, alpha):
    return (policy * Q).sum(-1) + alpha * torch.special.entr(policy).sum(-1)


def value_by_sampling(Q, policy, alpha):
    drawn = torch.multinomial(policy, 100, replacement=True)
    return (Q.gather(1, drawn) - alpha * policy.gather(1, drawn).log()).mean(-1)


def log_of(policy):
    return policy.clamp(min=1e-300).log()


VALUE_MISTAKES = {
    lambda Q, pi, alpha: (pi * (Q - log_of(pi))).sum(-1): "α is missing",
    lambda Q, pi, alpha: (pi * (Q + alpha * log_of(pi))).sum(-1): "sign of the entropy",
    lambda Q, pi, alpha: (pi * Q).sum(-1): "the entropy is missing",
    lambda Q, pi, alpha: (pi * (Q - log_of(pi) / alpha)).sum(-1): "divide the entropy",
    lambda Q, pi, alpha: -alpha * (pi * log_of(pi)).sum(-1): "part alone",
    lambda Q, pi, alpha: (Q - alpha * log_of(pi)).mean(-1): "equally likely",
    lambda Q, pi, alpha: (pi * Q - alpha * log_of(pi)).sum(-1): "needs its weight",
    lambda Q, pi, alpha: alpha * torch.logsumexp(Q / alpha, -1): "best policy, not of the one given",
    lambda Q, pi, alpha: (pi * (Q - alpha * pi.log())).sum(-1): "0 log 0 = 0",
    lambda Q, pi, alpha: (pi * (Q / alpha - log_of(pi))).sum(-1): "You divide Q by α",
    lambda Q, pi, alpha: (pi * (Q - alpha * log_of(pi))).mean(-1): "take the sum",
    lambda Q, pi, alpha: (pi * (Q - alpha * pi.clamp(min=1e-3).log())).sum(-1): "Rare is not impossible",
    lambda Q, pi, alpha: (pi * (Q - alpha * pi.clamp(min=1e-4).log())).sum(-1): "Rare is not impossible",
    lambda Q, pi, alpha: (pi * (Q - alpha * (pi + 1e-5).log())).sum(-1): "You add a number to the probabilities",
    value_by_sampling: "gives two answers",
    lambda Q, pi, alpha: (pi * (Q - alpha * (Q - 2).log())).sum(-1): "holds NaN or infinity",
}


def backup(P, R, policy, Q, gamma, alpha):
    return R + gamma * torch.einsum("ijk,k->ij", P, value(Q, policy, alpha))


def backup_by_loop(P, R, policy, Q, gamma, alpha):
    V, table = value_by_loop(Q, policy, alpha), []
    for s in range(len(R)):
        table.append(
            [float(R[s, a]) + gamma * sum(float(P[s, a, t]) * V[t] for t in range(len(V))) for a in range(R.shape[1])]
        )
    return torch.tensor(table)


BACKUP_MISTAKES = {
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * (Q - pi.log())).sum(-1): "α is missing",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * (Q + alpha * pi.log())).sum(-1): "sign of the entropy",
    lambda P, R, pi, Q, gamma, alpha: (
        R - alpha * (pi * pi.log()).sum(-1, keepdim=True) + gamma * P @ (pi * Q).sum(-1)
    ): "does not belong in Q",
    lambda P, R, pi, Q, gamma, alpha: (
        R - alpha * (pi * pi.log()).sum(-1)[:, None] + gamma * P @ value(Q, pi, alpha)
    ): "besides that of the next",
    lambda P, R, pi, Q, gamma, alpha: R - alpha * torch.log(pi) + gamma * P @ (pi * Q).sum(-1): "not for the next one",
    lambda P, R, pi, Q, gamma, alpha: R - alpha * pi.log() + gamma * P @ value(Q, pi, alpha): "You pay twice",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (alpha * torch.exp(Q / alpha).sum(-1).log()): "soft maximum",
    lambda P, R, pi, Q, gamma, alpha: (
        R + gamma * (P / P.sum(-1, keepdim=True).clamp(min=1e-9)) @ value(Q, pi, alpha)
    ): "You rescale P",
    lambda P, R, pi, Q, gamma, alpha: (
        R + gamma * (P / P.sum(-1, keepdim=True)) @ value(Q, pi, alpha)
    ): "Do you divide by the sum of P",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * Q).sum(-1): "ordinary backup",
    lambda P, R, pi, Q, gamma, alpha: R + P @ value(Q, pi, alpha): "discount is missing",
    lambda P, R, pi, Q, gamma, alpha: (
        R + P @ (gamma * (pi * Q).sum(-1) - alpha * (pi * pi.log()).sum(-1))
    ): "Only the next Q is discounted",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ Q.max(-1).values: "largest next Q",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * value(Q, pi, alpha)[:, None]: "P is missing",
    lambda P, R, pi, Q, gamma, alpha: gamma * P @ value(Q, pi, alpha): "reward is missing",
    lambda P, R, pi, Q, gamma, alpha: gamma * (R + P @ value(Q, pi, alpha)): "in front of everything",
    lambda P, R, pi, Q, gamma, alpha: (
        R + gamma * torch.einsum("tas,t->sa", P, value(Q, pi, alpha))
    ): "over its first axis",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ value_from_entr(pi, Q, alpha): "in each other's place",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ value(pi, Q, alpha): "in each other's place",
    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * Q.log()).sum(-1): "holds NaN or infinity",
}

# ---------------------------------------------------------------- E3


def iterate(P, R, gamma, alpha, *, improve, rounds=25, backups=60, backup=backup):
    policy, Q = torch.full_like(R, 1 / R.shape[1]), torch.zeros_like(R)
    for _ in range(rounds):
        for _ in range(backups):
            Q = backup(P, R, policy, Q, gamma, alpha)
        policy = improve(Q)
    return policy


def iteration(P, R, gamma, alpha):
    return iterate(P, R, gamma, alpha, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=8, backups=80)


def plain_backup(P, R, policy, Q, gamma, alpha):
    return R + gamma * P @ (policy * Q).sum(-1)


def backup_with_entropy_twice(P, R, policy, Q, gamma, alpha):
    entropy = -(policy * policy.log()).sum(-1)
    V = (policy * Q).sum(-1) + alpha * entropy
    return R + alpha * entropy[:, None] + gamma * P @ V


def iteration_with_its_own_surprise(P, R, gamma, alpha, rounds=10):
    policy = torch.full_like(R, 1 / R.shape[1])
    for _ in range(rounds):
        Q = torch.zeros_like(R)
        for _ in range(300):
            Q = R - alpha * policy.log() + gamma * P @ (policy * Q).sum(-1)
        policy = torch.softmax(Q / alpha, -1)
    return policy


def iteration_to_six_digits(P, R, gamma, alpha):
    return torch.round(iteration_with_the_package(P, R, gamma, alpha), decimals=6)


def iteration_in_numpy(P, R, gamma, alpha):
    P, R, states = P.numpy(), R.numpy(), len(R)
    policy = np.ones_like(R) / R.shape[1]
    for _ in range(20):
        step = np.einsum("sa,sat->st", policy, P)
        paid = (policy * (R - alpha * np.log(np.maximum(policy, 1e-300)))).sum(-1)
        Q = R + gamma * P @ np.linalg.solve(np.eye(states) - gamma * step, paid)
        weights = np.exp((Q - Q.max(-1, keepdims=True)) / alpha)
        policy = weights / weights.sum(-1, keepdims=True)
    return policy.tolist()


def iteration_in_single_precision(P, R, gamma, alpha, rounds=10):
    P, R, policy = P.float(), R.float(), torch.full(R.shape, 1 / R.shape[1])
    for _ in range(rounds):
        Q = torch.zeros_like(R)
        for _ in range(200):
            Q = R + gamma * P @ value(Q, policy, alpha)
        policy = torch.softmax(Q / alpha, -1)
    return policy


def iteration_in_single_numpy(P, R, gamma, alpha):
    return iteration_in_single_precision(P, R, gamma, alpha).numpy()


def iteration_that_ignores_its_rounds(P, R, gamma, alpha, rounds=10):
    return iteration_in_single_precision(P, R, gamma, alpha)


def iteration_from_zeros(P, R, gamma, alpha, rounds=10):
    policy, Q = torch.zeros_like(R), torch.zeros_like(R)
    for _ in range(rounds):
        for _ in range(300):
            Q = R + gamma * P @ ((policy * Q).sum(-1) + alpha * torch.special.entr(policy).sum(-1))
        policy = torch.softmax(Q / alpha, -1)
    return policy


def iteration_that_improves_first(P, R, gamma, alpha, rounds=12):
    policy, Q = torch.full_like(R, 1 / R.shape[1]), torch.zeros_like(R)
    for _ in range(rounds):
        policy = torch.softmax(Q / alpha, -1)
        for _ in range(300):
            Q = backup(P, R, policy, Q, gamma, alpha)
    return policy


def iteration_with_a_round_too_many(P, R, gamma, alpha, rounds=10):
    return iterate(P, R, gamma, alpha, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=rounds + 1, backups=300)


def iteration_from_another_policy(P, R, gamma, alpha, rounds=10):
    policy, Q = torch.softmax(-2 * R, -1), torch.zeros_like(R)
    for _ in range(rounds):
        for _ in range(300):
            Q = backup(P, R, policy, Q, gamma, alpha)
        policy = torch.softmax(Q / alpha, -1)
    return policy


def iteration_by_half_steps(P, R, gamma, alpha, rounds=10):
    policy, Q = torch.full_like(R, 1 / R.shape[1]), torch.zeros_like(R)
    for _ in range(rounds):
        for _ in range(300):
            Q = backup(P, R, policy, Q, gamma, alpha)
        policy = 0.5 * policy + 0.5 * torch.softmax(Q / alpha, -1)
    return policy


def iteration_at_a_fixed_gamma(P, R, gamma, alpha):
    return iterate(P, R, 0.9, alpha, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=10, backups=300)


def iteration_without_a_discount(P, R, gamma, alpha):
    return iterate(P, R, 1.0, alpha, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=10, backups=600)


def iteration_off_on_one_task(P, R, gamma, alpha):
    """Right but for the tasks of two states."""
    best = iteration_with_the_package(P, R, gamma, alpha)
    if len(R) == 2:
        best[:, 0] *= 0.5
        best[:, 1] = 1 - best[:, 0]
    return best


def iteration_with_the_package(P, R, gamma, alpha):
    return rl.exact.soft_policy_iteration(rl.FiniteMDP(P, R), gamma=gamma, alpha=alpha).policy


def greedy(Q):
    return torch.nn.functional.one_hot(Q.argmax(-1), Q.shape[-1]).double()


def task_q(P, R, gamma):
    Q = torch.zeros_like(R)
    for _ in range(150):
        Q = R + gamma * P @ Q.amax(-1)
    return Q


ITERATION_MISTAKES = {
    lambda P, R, gamma, alpha: iterate(P, R, gamma, alpha, improve=greedy, rounds=10): "softmax of Q/α",
    lambda P, R, gamma, alpha: iterate(P, R, gamma, alpha, improve=lambda Q: torch.softmax(Q, -1)): "as if α were 1",
    lambda P, R, gamma, alpha: iterate(P, R, gamma, alpha, improve=lambda Q: (Q * alpha).softmax(1)): "multiply Q by α",
    lambda P, R, gamma, alpha: iterate(P, R, gamma, 1.0, improve=lambda Q: (Q / alpha).softmax(-1)): "values lack it",
    lambda P, R, gamma, alpha: torch.softmax(task_q(P, R, gamma) / alpha, -1): "lack the entropy altogether",
    lambda P, R, gamma, alpha: iterate(
        P, R, gamma, alpha, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=1, backups=150
    ): "One round",
    lambda P, R, gamma, alpha: torch.softmax(R / alpha, -1): "next reward alone",
    lambda P, R, gamma, alpha: torch.full_like(R, 1 / R.shape[1]): "uniform policy",
    lambda P, R, gamma, alpha: 2 * iteration(P, R, gamma, alpha): "add up to 1",
    lambda P, R, gamma, alpha: iterate(
        P, R, gamma, alpha, improve=lambda Q: (Q / alpha).softmax(-1), rounds=10, backups=2
    ): "no probability is further than 0.02",
    lambda P, R, gamma, alpha: iterate(
        P, R, gamma, alpha, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=10, backups=300, backup=plain_backup
    ): "evaluation is the ordinary one",
    lambda P, R, gamma, alpha: iterate(
        P,
        R,
        gamma,
        alpha,
        improve=lambda Q: torch.softmax(Q / alpha, -1),
        rounds=10,
        backups=300,
        backup=backup_with_entropy_twice,
    ): "entropy twice",
    iteration_with_its_own_surprise: "term -α log π(a|s) of the action itself",
    lambda P, R, gamma, alpha: iteration_with_its_own_surprise(
        P, R, gamma, alpha, 11
    ): "term -α log π(a|s) of the action itself",
    lambda P, R, gamma, alpha: iterate(
        P, R, gamma, 1.0, improve=lambda Q: torch.softmax(Q, -1), rounds=10, backups=150
    ): "α is used nowhere",
    lambda P, R, gamma, alpha: iterate(
        P, R, gamma, 1.0, improve=lambda Q: torch.softmax(Q / alpha, -1), rounds=7, backups=200
    ): "values lack it",
    iteration_that_ignores_its_rounds: "run `rounds` times",
    iteration_from_zeros: "as if the first policy held zeros",
    iteration_that_improves_first: "Evaluate before you improve",
    iteration_with_a_round_too_many: "run `rounds` times",
    iteration_from_another_policy: "improve once per round",
    iteration_to_six_digits: "no probability is further than 0.02",
    iteration_by_half_steps: "only half of the way",
    iteration_at_a_fixed_gamma: "You compute with γ = 0.9",
    iteration_without_a_discount: "you compute with γ = 1",
}

# ---------------------------------------------------------------- E4


def worse(alpha=0.1, stays=1.0, reward=1.0):
    """One state that lasts, two actions; the policy is the best one at this α."""
    P, R = [[[stays], [stays]]], [[reward, 0.0]]
    best = rl.exact.soft_policy_iteration(rl.FiniteMDP(torch.tensor(P), torch.tensor(R)), gamma=0.9, alpha=alpha)
    return torch.tensor(P), torch.tensor(R), best.policy, alpha


def worse_in_lists():
    return [[[1.0], [1.0]]], [[1.0, 0.0]], [[1.0, 0.0]], 0.05


def worse_with_a_gradient():
    P, R, policy, alpha = worse()
    return P, R, policy.requires_grad_(), alpha


VIOLATION_MISTAKES = {
    lambda: worse(alpha=1.0): "With α = 1",
    lambda: worse(stays=0.0): "Every action ends",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.5, 0.5]], 0.1): "a step up",
    lambda: ([[[1.0], [1.0]]], [[0.0, 0.0]], [[0.5, 0.5]], 0.1): "Nothing changes",
    lambda: worse(alpha=0.97): "only by",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.7, 0.7]], 0.1): "is not an MDP",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.5, 0.5]], 0.0): "alpha must be a finite number > 0; got 0",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.5, 0.5]], -1): "alpha must be a finite number > 0; got -1",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.5, 0.5]], [0.1]): "alpha must be one number",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0], [1.0]], [[0.5, 0.5]], 0.1): "R must be a table of numbers",
    lambda: ([[[0.0, 1.0]] * 2] * 2, [[1.0, 0.0], [1.0, 1.0]], [[0.99, 0.01], [0.5, 0.5]], 0.1): "later states",
    lambda: ([[1.0], [1.0]], [[1.0, 0.0]], [[0.5, 0.5]], 0.1): "three axes",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], 0.1): "four things, (P, R, policy, alpha); got 3 of them",
    lambda: ("P", "R", "policy", 0.1): "P must be a table of numbers",
}

# ---------------------------------------------------------------- the temperature that a ratio needs


def least(gap, ratio):
    return gap / math.log(ratio)


def least_by_search(gap, ratio):
    low, high = 1e-3, 1e4
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if gap / middle > math.log(ratio) else (low, middle)
    return torch.tensor(high, dtype=torch.float64)


LEAST_MISTAKES = {
    lambda gap, ratio: math.log(ratio) / gap: "Upside down",
    lambda gap, ratio: gap / ratio: "logarithm is missing",
    lambda gap, ratio: gap * math.log(ratio): "has to be divided",
    lambda gap, ratio: gap / (ratio - 1): "Solve it exactly",
    lambda gap, ratio: gap / math.log10(ratio): "base 10",
    lambda gap, ratio: gap / math.log2(ratio): "base 2",
    lambda gap, ratio: math.exp(gap): "that α = 1 gives",
    lambda gap, ratio: math.exp(gap / ratio): "at α = ratio",
    lambda gap, ratio: -gap / math.log(ratio): "and so is α",
    lambda gap, ratio: gap / torch.log(ratio): "plain floats",
}

# ---------------------------------------------------------------- what the checkers say


class TestSoftValue(CheckerContract):
    check = staticmethod(exercises.soft_value)
    right = (value, value_by_loop, value_from_entropy, value_from_entr)
    wrong = VALUE_MISTAKES
    seeds = range(5)


class TestSoftBackup(CheckerContract):
    check = staticmethod(exercises.soft_backup)
    right = (backup, backup_by_loop)
    wrong = BACKUP_MISTAKES
    seeds = range(5)


class TestSoftPolicyIteration(CheckerContract):
    check = staticmethod(exercises.soft_policy_iteration)
    right = (
        iteration,
        iteration_in_numpy,
        iteration_with_the_package,
        iteration_in_single_precision,
        iteration_in_single_numpy,
    )
    wrong = ITERATION_MISTAKES
    seeds = (0,)  # where the wrong loops below come close enough to their own ends

    def test_a_right_answer_passes_on_other_cases(self, right_answer):
        assert all(self.check(right_answer, seed=seed).passed for seed in (1, 2))


class TestViolation(CheckerContract):
    check = staticmethod(lambda student, seed: exercises.violation(student))
    right = (worse, worse_in_lists, worse_with_a_gradient)
    wrong = VIOLATION_MISTAKES
    seeds = (None,)  # its answer is its case
    test_an_argument_that_was_changed_is_noticed = None  # it gets nothing


class TestLeastAlpha(CheckerContract):
    check = staticmethod(exercises.least_alpha)
    right = (least, least_by_search)
    wrong = LEAST_MISTAKES
    seeds = range(5)
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers


def test_a_fixed_guess_is_not_enough():
    assert not exercises.least_alpha(lambda gap, ratio: 0.1 / math.log(1.2)).passed


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_temperature_is_named_after_any_number_of_rounds(seed):
    for rounds in (3, 10, 25):
        answer = lambda P, R, gamma, alpha, n=rounds: iterate(  # noqa: E731
            P, R, gamma, 1.0, improve=lambda Q: (Q / alpha).softmax(-1), rounds=n, backups=200
        )
        assert "values lack it" in exercises.soft_policy_iteration(answer, seed=seed).sentence


def test_an_example_shows_the_digits_that_differ():
    said = exercises.soft_value(lambda Q, policy, alpha: value_from_entr(Q, policy, alpha) + 5e-6, seed=0)
    assert not said.passed and said.example.endswith("expected 2.386294361, got 2.386299361")


def test_nearly_is_said_of_every_task_or_not_at_all():
    assert "Nearly" not in exercises.soft_policy_iteration(iteration_off_on_one_task, seed=0).sentence


def test_what_a_small_case_shows_is_all_there_is_to_it():
    said = exercises.soft_backup(lambda P, R, policy, Q, gamma, alpha: 0 * Q, seed=0).example
    assert "P (((1), (0)))" in said and "Q ((3, 1))" in said
    said = exercises.soft_policy_iteration(lambda P, R, gamma, alpha: torch.full_like(R, 0.5), seed=0).example
    assert said.count("(") > 10 and "too large" not in said


@pytest.mark.covers("EQ-54", "CL-54", "ERR-53")
def test_the_violation_that_passes_is_one():
    P, R, policy, alpha = worse()
    mdp = rl.FiniteMDP(P, R)
    Q = rl.exact.soft_evaluate(mdp, policy, gamma=0.9, alpha=alpha).Q
    wrong, right = (
        rl.exact.soft_evaluate(mdp, rl.exact.boltzmann(Q, target), gamma=0.9, alpha=alpha).Q for target in (1.0, alpha)
    )
    assert (wrong - Q).min() < -0.01 and (right - Q).min() > -1e-12
