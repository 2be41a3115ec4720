"""Lesson 03's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import itertools

import numpy as np
import pytest
import torch

from rlcourse.exercises import lesson_03
from rlcourse.exercises.checker import UNFINISHED

# ---------------------------------------------------------------- E1: k-step advantages, right


def k_step_by_loop(rewards, values, next_values, terminated, truncated, gamma, k):
    advantages = []
    for t in range(len(rewards)):
        total = -values[t]
        for i in range(k):
            row = t + i
            total = total + gamma**i * rewards[row]
            last = row == len(rewards) - 1 or terminated[row] or truncated[row] or i == k - 1
            if last:
                if not terminated[row]:
                    total = total + gamma ** (i + 1) * next_values[row]
                break
        advantages.append(total)
    return torch.stack(advantages)


def k_step_by_deltas(rewards, values, next_values, terminated, truncated, gamma, k):
    deltas = rewards + gamma * next_values * (~terminated).double() - values
    advantages = deltas.clone()
    for t in range(len(deltas)):
        for l in range(1, k):  # noqa: E741
            if t + l >= len(deltas) or terminated[t + l - 1] or truncated[t + l - 1]:
                break
            advantages[t] += gamma**l * deltas[t + l]
    return advantages


def k_step_as_list(rewards, values, next_values, terminated, truncated, gamma, k):
    r, v, after = rewards.tolist(), values.tolist(), next_values.tolist()
    over, cut = terminated.tolist(), truncated.tolist()

    def value_of(t, steps_left):
        bootstrap = 0.0 if over[t] else after[t]
        if steps_left == 1 or over[t] or cut[t] or t == len(r) - 1:
            return r[t] + gamma * bootstrap
        return r[t] + gamma * value_of(t + 1, steps_left - 1)

    return [value_of(t, k) - v[t] for t in range(len(r))]


def k_step_in_numpy(*case):
    *columns, gamma, k = case
    return k_step_by_loop(*columns, gamma, k).numpy()


@pytest.mark.covers("EQ-17", "EQ-20")
@pytest.mark.parametrize("student", [k_step_by_loop, k_step_by_deltas, k_step_as_list, k_step_in_numpy])
def test_right_k_step_advantages_pass_in_any_style(student):
    verdict = lesson_03.k_step(student)
    assert verdict.passed, verdict


# ---------------------------------------------------------------- E1, wrong


def _sum_to_the_end(t, k, rewards, terminated, truncated):
    """Rows that a k-step sum from t may use."""
    rows = []
    for row in range(t, min(t + k, len(rewards))):
        rows.append(row)
        if terminated[row] or truncated[row]:
            break
    return rows


def k_step_without_baseline(rewards, values, next_values, terminated, truncated, gamma, k):
    return k_step_by_loop(rewards, torch.zeros_like(values), next_values, terminated, truncated, gamma, k)


def k_step_power_too_small(r, v, after, over, cut, gamma, k):
    out = []
    for t in range(len(r)):
        rows = _sum_to_the_end(t, k, r, over, cut)
        total = sum(gamma**i * r[row] for i, row in enumerate(rows))
        if not over[rows[-1]]:
            total = total + gamma ** (len(rows) - 1) * after[rows[-1]]
        out.append(total - v[t])
    return torch.stack(out)


def k_step_past_the_end(r, v, after, over, cut, gamma, k):
    out = []
    for t in range(len(r)):
        rows = range(t, min(t + k, len(r)))
        total = sum(gamma**i * r[row] for i, row in enumerate(rows))
        out.append(total + gamma ** len(rows) * after[rows[-1]] * (not over[rows[-1]]) - v[t])
    return torch.stack(out)


def k_step_flags_forgotten(r, v, after, over, cut, gamma, k):
    out = []
    for t in range(len(r)):
        rows = range(t, min(t + k, len(r)))
        out.append(sum(gamma**i * r[row] for i, row in enumerate(rows)) + gamma ** len(rows) * after[rows[-1]] - v[t])
    return torch.stack(out)


def k_step_past_the_cut(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, over, torch.zeros_like(cut), gamma, k)


def k_step_bootstrap_through_termination(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, torch.zeros_like(over), over | cut, gamma, k)


def k_step_truncation_as_termination(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, over | cut, torch.zeros_like(cut), gamma, k)


def k_step_no_critic(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, torch.zeros_like(after), over, cut, gamma, k)


def k_step_next_row(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, torch.cat([v[1:], after[-1:]]), over, cut, gamma, k)


def k_step_rewards_undiscounted(r, v, after, over, cut, gamma, k):
    out = []
    for t in range(len(r)):
        rows = _sum_to_the_end(t, k, r, over, cut)
        total = sum(r[row] for row in rows)
        out.append(total + gamma ** len(rows) * after[rows[-1]] * (not over[rows[-1]]) - v[t])
    return torch.stack(out)


def k_step_no_discount(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, over, cut, 1.0, k)


def k_step_one_too_many(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, over, cut, gamma, k + 1)


def k_step_one_too_few(r, v, after, over, cut, gamma, k):
    return torch.zeros_like(r) if k == 1 else k_step_by_loop(r, v, after, over, cut, gamma, k - 1)


K_STEP_WRONG = {
    k_step_without_baseline: "expect of s_t",
    k_step_power_too_small: "once more than for the last reward",
    k_step_past_the_end: "runs past the end of an episode and picks up",
    k_step_flags_forgotten: "a terminal state gets a value besides",
    k_step_past_the_cut: "runs on past a truncated one",
    k_step_bootstrap_through_termination: "Nothing comes after it",
    k_step_truncation_as_termination: "Only the recording stopped",
    k_step_no_critic: "never ask the critic",
    k_step_next_row: "from the next row",
    k_step_rewards_undiscounted: "rewards are not discounted",
    k_step_no_discount: "no discount anywhere",
    k_step_one_too_many: "one reward too many",
    k_step_one_too_few: "one reward too few",
}

# ---------------------------------------------------------------- E2: GAE, right


def gae_backwards(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages = torch.zeros_like(rewards)
    following = 0.0
    for t in reversed(range(len(rewards))):
        future = 0.0 if terminated[t] else next_values[t]
        delta = rewards[t] + gamma * future - values[t]
        if terminated[t] or truncated[t]:
            following = 0.0
        following = delta + gamma * gae_lambda * following
        advantages[t] = following
    return advantages


def gae_as_sum(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    deltas = rewards + gamma * next_values * (~terminated) - values
    advantages = []
    for t in range(len(rewards)):
        total, weight = 0, 1
        for l in range(t, len(rewards)):  # noqa: E741
            total = total + weight * deltas[l]
            weight = weight * gamma * gae_lambda
            if terminated[l] or truncated[l]:
                break
        advantages.append(total)
    return advantages


def gae_in_numpy(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    r, v, after, over, cut = (x.numpy() for x in (rewards, values, next_values, terminated, truncated))
    deltas = r + gamma * after * (1 - over) - v
    out, carry = np.zeros_like(r), 0.0
    for t in range(len(r))[::-1]:
        carry = deltas[t] + gamma * gae_lambda * (1 - np.maximum(over[t], cut[t])) * carry
        out[t] = carry
    return out


def gae_from_mixture(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    """The slow way: the mixture of k-step advantages with the tail weight."""
    steps = len(rewards)
    families = [k_step_by_loop(rewards, values, next_values, terminated, truncated, gamma, k + 1) for k in range(steps)]
    out = []
    for t in range(steps):
        left = len(_sum_to_the_end(t, steps, rewards, terminated, truncated))
        total = gae_lambda ** (left - 1) * families[left - 1][t]
        for k in range(1, left):
            total = total + (1 - gae_lambda) * gae_lambda ** (k - 1) * families[k - 1][t]
        out.append(total)
    return torch.stack(out)


def gae_float32(*case):
    *columns, gamma, gae_lambda = case
    return gae_backwards(*(c.float() if c.is_floating_point() else c for c in columns), gamma, gae_lambda)


@pytest.mark.covers("EQX-01", "EQX-02", "AL-21")
@pytest.mark.parametrize("student", [gae_backwards, gae_as_sum, gae_in_numpy, gae_from_mixture, gae_float32])
def test_right_gae_passes_in_any_style(student):
    verdict = lesson_03.gae(student)
    assert verdict.passed, verdict


# ---------------------------------------------------------------- E2, wrong


def _sweep(deltas, decays):
    """decays[t]: what A_{t+1} is multiplied by on its way into A_t."""
    out, carry = torch.zeros_like(deltas), 0.0
    for t in range(len(deltas) - 1, -1, -1):
        carry = deltas[t] + decays[t] * carry
        out[t] = carry
    return out


def gae_no_reset(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after * ~over - v, [gamma * lam] * len(r))


def gae_reset_at_termination_only(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after * ~over - v, gamma * lam * (~over).double())


def gae_through_termination(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after - v, gamma * lam * (~(over | cut)).double())


def gae_truncation_as_termination(r, v, after, over, cut, gamma, lam):
    done = (over | cut).double()
    return _sweep(r + gamma * (1 - done) * after - v, gamma * lam * (1 - done))


def gae_blind(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after - v, [gamma * lam] * len(r))


def gae_done_in_delta_only(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after * ~(over | cut) - v, [gamma * lam] * len(r))


def gae_done_in_sweep_only_at_termination(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after - v, gamma * lam * (~over).double())


def _gae_mixture(r, v, after, over, cut, gamma, lam, count_of, weights_of):
    steps = len(r)
    families = [k_step_by_loop(r, v, after, over, cut, gamma, k + 1) for k in range(steps)]
    out = []
    for t in range(steps):
        weights = weights_of([lam**k for k in range(count_of(t))])
        out.append(sum(w * families[k][t] for k, w in enumerate(weights)))
    return torch.stack([torch.as_tensor(x, dtype=torch.float64) for x in out])


def gae_normalised(r, v, after, over, cut, gamma, lam):
    left = lambda t: len(_sum_to_the_end(t, len(r), r, over, cut))  # noqa: E731
    return _gae_mixture(r, v, after, over, cut, gamma, lam, left, lambda w: [x / sum(w) for x in w])


def gae_normalised_past_the_end(r, v, after, over, cut, gamma, lam):
    return _gae_mixture(r, v, after, over, cut, gamma, lam, lambda t: len(r), lambda w: [x / sum(w) for x in w])


def gae_without_tail(r, v, after, over, cut, gamma, lam):
    left = lambda t: len(_sum_to_the_end(t, len(r), r, over, cut))  # noqa: E731
    return _gae_mixture(r, v, after, over, cut, gamma, lam, left, lambda w: [(1 - lam) * x for x in w])


def gae_no_gamma_in_delta(r, v, after, over, cut, gamma, lam):
    return _sweep(r + after * ~over - v, gamma * lam * (~(over | cut)).double())


def gae_no_gamma_in_sweep(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after * ~over - v, lam * (~(over | cut)).double())


def gae_no_gamma(r, v, after, over, cut, gamma, lam):
    return _sweep(r + after * ~over - v, lam * (~(over | cut)).double())


def gae_no_lambda(r, v, after, over, cut, gamma, lam):
    return _sweep(r + gamma * after * ~over - v, gamma * (~(over | cut)).double())


def gae_only_deltas(r, v, after, over, cut, gamma, lam):
    return r + gamma * after * ~over - v


def gae_next_row(r, v, after, over, cut, gamma, lam):
    nxt = torch.cat([v[1:], after[-1:]])
    return _sweep(r + gamma * nxt * ~over - v, gamma * lam * (~(over | cut)).double())


def gae_forwards(r, v, after, over, cut, gamma, lam):
    out, carry = [], 0.0
    for t in range(len(r)):
        delta = r[t] + (0 if over[t] else gamma * after[t]) - v[t]
        carry = delta + gamma * lam * carry
        out.append(carry)
        if over[t] or cut[t]:
            carry = 0.0
    return out


def gae_returns(r, v, *rest):
    return gae_backwards(r, v, *rest) + v


def gae_sign(*case):
    return -gae_backwards(*case)


GAE_WRONG = {
    gae_no_reset: "does not reset",
    gae_reset_at_termination_only: "resets at terminated steps only",
    gae_through_termination: "bootstrap through termination",
    gae_truncation_as_termination: "treat truncation as termination",
    gae_blind: "does not look at the end flags",
    gae_done_in_delta_only: "drops V after a truncated step",
    gae_done_in_sweep_only_at_termination: "uses a value after termination",
    gae_normalised: "normalised finite mixture:",
    gae_normalised_past_the_end: "running past the end",
    gae_without_tail: "do not sum to one",
    gae_no_gamma_in_delta: "γ is missing in δ",
    gae_no_gamma_in_sweep: "γ is missing in the recursion",
    gae_no_gamma: "no γ anywhere",
    gae_no_lambda: "λ is missing",
    gae_only_deltas: "λ = 0",
    gae_next_row: "from the next row",
    gae_forwards: "swept forwards",
    gae_returns: "λ-return",
    gae_sign: "sign is turned round",
}

# ---------------------------------------------------------------- E3: the mixture


def mixture_by_weights(estimates, gae_lambda):
    n = len(estimates)
    weights = (1 - gae_lambda) * gae_lambda ** torch.arange(n, dtype=torch.float64)
    weights[-1] = gae_lambda ** (n - 1)
    return (weights * estimates).sum()


def mixture_by_loop(estimates, gae_lambda):
    total, left = 0.0, 1.0
    for k, estimate in enumerate(estimates.tolist()):
        weight = left if k == len(estimates) - 1 else (1 - gae_lambda) * left
        total += weight * estimate
        left *= gae_lambda
    return total


def mixture_by_recursion(estimates, gae_lambda):
    """Mix the last two, then go on to the front."""
    mixed = estimates[-1]
    for estimate in estimates[:-1].flip(0):
        mixed = (1 - gae_lambda) * estimate + gae_lambda * mixed
    return mixed


@pytest.mark.covers("EQX-02", "EQ-22")
@pytest.mark.parametrize("student", [mixture_by_weights, mixture_by_loop, mixture_by_recursion])
def test_the_repaired_mixture_passes_in_any_style(student):
    verdict = lesson_03.mixture(student)
    assert verdict.passed, verdict


def mixture_recitation(estimates, gae_lambda):
    weights = gae_lambda ** torch.arange(len(estimates), dtype=torch.float64)
    return (weights * estimates).sum() / weights.sum()


def mixture_without_tail(estimates, gae_lambda):
    return sum((1 - gae_lambda) * gae_lambda**k * a for k, a in enumerate(estimates))


def mixture_tail_one_power_off(estimates, gae_lambda):
    head = sum((1 - gae_lambda) * gae_lambda**k * a for k, a in enumerate(estimates[:-1]))
    return head + gae_lambda ** len(estimates) * estimates[-1]


def mixture_tail_twice(estimates, gae_lambda):
    return mixture_without_tail(estimates, gae_lambda) + gae_lambda ** (len(estimates) - 1) * estimates[-1]


def mixture_of_powers(estimates, gae_lambda):
    return sum(gae_lambda**k * a for k, a in enumerate(estimates))


def mixture_average(estimates, gae_lambda):
    return estimates.mean()


def mixture_float32(estimates, gae_lambda):
    weights = (1 - gae_lambda) * gae_lambda ** torch.arange(len(estimates))
    weights[-1] = gae_lambda ** (len(estimates) - 1)
    return (weights * estimates).sum()


MIXTURE_WRONG = {
    mixture_recitation: "recitation's rule",
    mixture_without_tail: "sum to 1 − λ^n",
    mixture_tail_one_power_off: "one power of λ off",
    mixture_tail_twice: "counts twice",
    mixture_of_powers: "are no average",
    mixture_average: "plain average",
    mixture_float32: "float64",
}

# ---------------------------------------------------------------- E4: the best λ


def best_by_grid(deltas, gamma, honest):
    best, smallest = 0.0, float("inf")
    for gae_lambda in np.arange(0, 1.001, 0.02):
        weights = (gamma * gae_lambda) ** np.arange(len(deltas))
        error = ((weights @ deltas.numpy() - honest) ** 2).mean()
        if error < smallest:
            best, smallest = gae_lambda, error
    return best


def best_in_torch(deltas, gamma, honest):
    grid = torch.linspace(0, 1, 201, dtype=torch.float64)
    weights = (gamma * grid[:, None]) ** torch.arange(len(deltas))
    estimates = weights @ deltas
    error = (estimates.mean(1) - honest) ** 2 + estimates.var(1)
    return grid[error.argmin()]


@pytest.mark.covers("CL-13", "MIS-12")
@pytest.mark.parametrize("student", [best_by_grid, best_in_torch])
def test_the_best_lambda_passes_in_any_style(student):
    verdict = lesson_03.best_lambda(student)
    assert verdict.passed, verdict


def _best(score):
    def student(deltas, gamma, honest):
        grid = np.linspace(0, 1, 101)
        weights = (gamma * grid[:, None]) ** np.arange(len(deltas))
        return grid[np.argmin(score(weights @ deltas.numpy(), honest))]

    return student


best_by_variance = _best(lambda estimates, honest: estimates.var(1))
best_by_bias = _best(lambda estimates, honest: np.abs(estimates.mean(1) - honest))
best_around_zero = _best(lambda estimates, honest: (estimates**2).mean(1))
best_unsquared = _best(lambda estimates, honest: np.abs(estimates.mean(1) - honest) + estimates.std(1))
best_upside_down = _best(lambda estimates, honest: -((estimates - honest) ** 2).mean(1))


def best_by_custom(deltas, gamma, honest):
    return 0.95


def best_in_percent(deltas, gamma, honest):
    return 100 * best_by_grid(deltas, gamma, honest)


BEST_WRONG = {
    best_by_variance: "variance alone",
    best_by_bias: "bias alone",
    best_around_zero: "distance from zero",
    best_unsquared: "without squaring",
    best_upside_down: "largest error",
    best_by_custom: "whatever the critic",
    best_in_percent: "between 0 and 1",
}

# ---------------------------------------------------------------- all of them

WRONG = {
    lesson_03.k_step: K_STEP_WRONG,
    lesson_03.gae: GAE_WRONG,
    lesson_03.mixture: MIXTURE_WRONG,
    lesson_03.best_lambda: BEST_WRONG,
}
NAMED = [(check, student, words) for check, wrong in WRONG.items() for student, words in wrong.items()]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("check", "student", "words"), NAMED, ids=[f"{c.__name__}-{w[:24]}" for c, _, w in NAMED])
def test_every_known_mistake_is_named(check, student, words, seed):
    verdict = check(student, seed=seed)
    assert not verdict.passed
    assert words in verdict.sentence, verdict


@pytest.mark.covers("ERR-14", "ERR-16", "ERR-17", "ERR-18", "MIS-13", "MIS-14")
@pytest.mark.parametrize("check", WRONG, ids=lambda check: check.__name__)
def test_the_sentences_are_distinct(check):
    sentences = [check(student, seed=0).sentence for student in WRONG[check]]
    for one, other in itertools.combinations(sentences, 2):
        assert one != other


def test_a_blurred_mistake_gets_the_general_sentence_and_an_example():
    verdict = lesson_03.gae(lambda *case: gae_backwards(*case) + 0.1)
    assert not verdict.passed
    assert "expected (3, 2, 1), got (3.1, 2.1, 1.1)" in verdict.example


RIGHT = {
    lesson_03.k_step: k_step_by_loop,
    lesson_03.gae: gae_backwards,
    lesson_03.mixture: mixture_by_loop,
    lesson_03.best_lambda: best_by_grid,
}


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
class TestClumsiness:
    """Whatever a beginner hands in, the answer is a sentence."""

    def test_a_stub_has_not_started(self, check):
        assert check(lambda *case: ...).state == UNFINISHED
        assert check(lambda *case: None).state == UNFINISHED

    def test_a_crash_is_reported_with_its_line(self, check):
        def student(first, *rest):
            return first[1000]

        verdict = check(student)
        assert "IndexError" in verdict.sentence and "first[1000]" in verdict.sentence

    def test_a_wrong_number_of_arguments_is_a_sentence(self, check):
        assert "TypeError" in check(lambda: 0).sentence

    def test_a_value_instead_of_a_function(self, check):
        assert "function itself" in check(3.0).sentence

    def test_a_wrong_shape_is_a_sentence(self, check):
        verdict = check(lambda first, *rest: torch.zeros(2, 3))
        assert not verdict.passed and "shape" in verdict.sentence

    def test_text_is_a_sentence(self, check):
        assert "Return" in check(lambda *case: "three").sentence

    def test_nan_is_a_sentence(self, check):
        assert "NaN" in check(lambda *case: RIGHT[check](*case) * float("nan")).sentence

    def test_a_changed_argument_is_noticed(self, check):
        def student(first, *rest):
            answer = RIGHT[check](first, *rest)
            first += 1
            return answer

        assert "in place" in check(student).sentence
