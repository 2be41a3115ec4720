"""Checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import math

import numpy as np
import pytest
import torch

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.lessons.soft_policy_iteration import exercises

# ---------------------------------------------------------------- E1


def entropy(probs):
    seen = probs[probs > 0]
    return -(seen * seen.log()).sum()


def entropy_by_loop(probs):
    return sum(-p * math.log(p) for p in probs.tolist() if p > 0)


def entropy_in_numpy(probs):
    p = probs.numpy()
    return float(-(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum())


def entropy_nudged(probs):
    return -(probs * (probs + 1e-12).log()).sum()


ENTROPY_MISTAKES = {
    lambda p: -(p[p > 0] * p[p > 0].log2()).sum(): "in bits",
    lambda p: (p[p > 0] * p[p > 0].log()).sum(): "The sign",
    lambda p: -torch.nan_to_num(p * p.log()).mean(): "divide by the number",
    lambda p: entropy(p).exp(): "effective number",
    lambda p: -sum(math.log(x) for x in p.tolist() if x > 0): "weigh it by p",
    lambda p: 1 - (p**2).sum(): "logarithm is missing",
    lambda p: math.log(len(p)): "uniform one, log m",
    lambda p: torch.log((p > 0).sum().double()): "that can happen",
    lambda p: -(p * p.log()).sum(): "0 log 0 = 0",
    lambda p: -(p * p.log2()).sum(): "0 log 0 = 0",
    lambda p: -sum(x * math.log(x) for x in p.tolist()): "`math.log` stops at a probability of 0",
    lambda p: -(p * p.clamp(min=1e-3).log()).sum(): "Rare is not impossible",
    lambda p: -sum(x * math.log(max(x, 1e-4)) for x in p.tolist()): "Rare is not impossible",
}


def bell(stds):
    return 0.5 + 0.5 * math.log(2 * math.pi) + stds.log()


def bell_by_torch(stds):
    return torch.distributions.Normal(torch.zeros_like(stds), stds).entropy()


def bell_as_list(stds):
    return [0.5 * math.log(2 * math.pi * math.e * s * s) for s in stds.tolist()]


BELL_MISTAKES = {
    lambda s: bell(s).clamp(min=0.0): "fall below zero",
    lambda s: [max(0.0, h) for h in bell_as_list(s)]: "fall below zero",
    lambda s: bell(s).abs(): "absolute value",
    lambda s: 0.5 * torch.log(2 * math.pi * math.e * s): "σ itself",
    lambda s: 0.5 * torch.log(2 * math.pi * s**2): "factor e",
    lambda s: torch.log(2 * math.pi * math.e * s**2): "factor ½",
    lambda s: 0.5 * torch.log2(2 * math.pi * math.e * s**2): "in bits",
    lambda s: -bell(s): "h grows with σ",
    lambda s: bell(s).exp(): "exp(h)",
    lambda s: s.log(): "constant of the bell",
}

# ---------------------------------------------------------------- E2


def value(Q, policy, alpha):
    return (policy * (Q - alpha * policy.clamp(min=1e-12).log())).sum(-1)


def value_by_loop(Q, policy, alpha):
    values = []
    for q, p in zip(Q.tolist(), policy.tolist(), strict=True):
        values.append(sum(b * (a - alpha * math.log(b)) for a, b in zip(q, p, strict=True) if b > 0))
    return values


def value_from_entropy(Q, policy, alpha):
    return ((policy * Q).sum(1) + alpha * rl.distributions.categorical_entropy(policy)).numpy()


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
    ): "loop ends before",
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
    iteration_to_six_digits: "loop ends before",
}

# ---------------------------------------------------------------- E4


def worse(alpha=0.1, stays=1.0, reward=1.0):
    """One state that lasts, two actions; the policy is the best one at this α."""
    P, R = [[[stays], [stays]]], [[reward, 0.0]]
    best = rl.exact.soft_policy_iteration(rl.FiniteMDP(torch.tensor(P), torch.tensor(R)), gamma=0.9, alpha=alpha)
    return torch.tensor(P), torch.tensor(R), best.policy, alpha


def worse_in_lists():
    return [[[1.0], [1.0]]], [[1.0, 0.0]], [[1.0, 0.0]], 0.05


VIOLATION_MISTAKES = {
    lambda: worse(alpha=1.0): "With α = 1",
    lambda: worse(stays=0.0): "Every action ends",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.5, 0.5]], 0.1): "a step up",
    lambda: ([[[1.0], [1.0]]], [[0.0, 0.0]], [[0.5, 0.5]], 0.1): "Nothing changes",
    lambda: worse(alpha=0.97): "only by",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.7, 0.7]], 0.1): "is not an MDP",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], [[0.5, 0.5]], 0): "alpha must be",
    lambda: ([[1.0], [1.0]], [[1.0, 0.0]], [[0.5, 0.5]], 0.1): "three axes",
    lambda: ([[[1.0], [1.0]]], [[1.0, 0.0]], 0.1): "four things, (P, R, policy, alpha); got 3 of them",
    lambda: ("P", "R", "policy", 0.1): "is not an MDP",
}

# ---------------------------------------------------------------- E5


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


class TestCategoricalEntropy(CheckerContract):
    check = staticmethod(exercises.categorical_entropy)
    right = (entropy, entropy_by_loop, entropy_in_numpy, entropy_nudged)
    wrong = ENTROPY_MISTAKES
    seeds = range(5)


class TestGaussianEntropy(CheckerContract):
    check = staticmethod(exercises.gaussian_entropy)
    right = (bell, bell_by_torch, bell_as_list)
    wrong = BELL_MISTAKES
    seeds = range(5)


class TestSoftValue(CheckerContract):
    check = staticmethod(exercises.soft_value)
    right = (value, value_by_loop, value_from_entropy)
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
    right = (worse, worse_in_lists)
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
    assert not exercises.categorical_entropy(lambda p: math.log(2)).passed


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_temperature_is_named_after_any_number_of_rounds(seed):
    for rounds in (3, 10, 25):
        answer = lambda P, R, gamma, alpha, n=rounds: iterate(  # noqa: E731
            P, R, gamma, 1.0, improve=lambda Q: (Q / alpha).softmax(-1), rounds=n, backups=200
        )
        assert "values lack it" in exercises.soft_policy_iteration(answer, seed=seed).sentence


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
