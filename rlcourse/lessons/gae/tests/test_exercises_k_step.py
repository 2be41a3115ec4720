"""Checker of the k-step advantages: right answers pass, every known mistake has a sentence of its own."""

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.gae import exercises

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


def k_step_power_of_k_at_the_end(r, v, after, over, cut, gamma, k):
    out = []
    for t in range(len(r)):
        rows = _sum_to_the_end(t, k, r, over, cut)
        total = sum(gamma**i * r[row] for i, row in enumerate(rows)) - v[t]
        out.append(total + gamma**k * after[rows[-1]] * (not over[rows[-1]]))
    return torch.stack(out)


def k_step_value_of_its_own_row(r, v, after, over, cut, gamma, k):
    out = []
    for t in range(len(r)):
        rows = _sum_to_the_end(t, k, r, over, cut)
        total = sum(gamma**i * r[row] for i, row in enumerate(rows)) - v[t]
        out.append(total + gamma ** len(rows) * after[t] * (not over[rows[-1]]))
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


def k_step_value_power_too_high(r, v, after, over, cut, gamma, k):
    right = k_step_by_loop(r, v, after, over, cut, gamma, k)
    values_part = right - k_step_by_loop(r, v, torch.zeros_like(after), over, cut, gamma, k)
    return right + (gamma - 1) * values_part


def k_step_last_row_without_a_value(r, v, after, over, cut, gamma, k):
    over = over.clone()
    over[-1] |= ~cut[-1]
    return k_step_by_loop(r, v, after, over, cut, gamma, k)


def k_step_always_one(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, over, cut, gamma, 1)


def k_step_always_all(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, v, after, over, cut, gamma, len(r))


def k_step_deltas_past_the_end(r, v, after, over, cut, gamma, k):
    deltas = r + gamma * after * ~over - v
    return [sum(gamma**i * deltas[t + i] for i in range(k) if t + i < len(r)) for t in range(len(r))]


def k_step_plus_v(r, v, after, over, cut, gamma, k):
    return k_step_by_loop(r, -v, after, over, cut, gamma, k)


def k_step_sign(*case):
    return -k_step_by_loop(*case)


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
    k_step_power_of_k_at_the_end: "the exponent is their number",
    k_step_value_of_its_own_row: "take next_values of that row",
    k_step_next_row: "from the next row",
    k_step_rewards_undiscounted: "rewards are not discounted",
    k_step_no_discount: "no discount anywhere",
    k_step_one_too_many: "one reward too many",
    k_step_one_too_few: "one reward too few",
    k_step_value_power_too_high: "one too high",
    k_step_last_row_without_a_value: "last row carries no flag",
    k_step_always_one: "these are the TD errors",
    k_step_always_all: "always sum to the end",
    k_step_deltas_past_the_end: "sum of TD errors runs past",
    k_step_plus_v: "where it has to be subtracted",
    k_step_sign: "sign is turned round",
}

# ---------------------------------------------------------------- what the checker says


@pytest.mark.covers("EQ-17", "EQ-20", "ERR-14", "ERR-16", "ERR-17", "ERR-18", "MIS-13", "MIS-14")
class TestKStep(CheckerContract):
    check = staticmethod(exercises.k_step)
    right = (k_step_by_loop, k_step_by_deltas, k_step_as_list, k_step_in_numpy)
    wrong = K_STEP_WRONG


def test_not_a_number_of_the_right_shape_is_named():
    assert "NaN" in exercises.k_step(lambda *case: k_step_by_loop(*case) * float("nan")).sentence


@pytest.mark.parametrize("mistake", K_STEP_WRONG, ids=lambda mistake: mistake.__name__)
def test_every_mistake_shows_in_a_case_that_can_be_worked_by_hand(mistake):
    assert exercises.k_step(mistake).example.startswith(("rewards (1, 2, 4)", "rewards (1, 2, 4, 3)"))


def test_the_cut_inside_the_hand_case_by_hand():
    example = exercises.k_step(k_step_past_the_cut).example
    assert "The first that differs is [1]: expected 5, got 4" in example  # 2 + 0.5 × 8 − 1, and 2 + 0.5·4 + 0.25·4 − 1
