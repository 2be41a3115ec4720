"""Checker of GAE, and what all checkers of this lesson say: right answers pass, every known mistake has a sentence."""

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.gae import exercises
from rlcourse.returns import n_step_advantages


def _rows_of_the_episode(t, rewards, terminated, truncated):
    """Rows from t to the end of its episode."""
    rows = []
    for row in range(t, len(rewards)):
        rows.append(row)
        if terminated[row] or truncated[row]:
            break
    return rows


# ---------------------------------------------------------------- E2: GAE, right


def gae_backwards(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages, later = torch.zeros_like(rewards), torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + gamma * next_values[t] * ~terminated[t] - values[t]
        later = delta + gamma * gae_lambda * later * ~(terminated[t] | truncated[t])
        advantages[t] = later
    return advantages


def gae_with_where(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    future = torch.where(terminated, 0.0, next_values)
    advantages, later = [], 0.0
    for t in range(len(rewards) - 1, -1, -1):
        carried = torch.where(terminated[t] | truncated[t], 0.0, later)
        later = rewards[t] + gamma * future[t] - values[t] + gamma * gae_lambda * carried
        advantages.insert(0, later)
    return torch.stack(advantages)


def gae_as_sum(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    deltas = rewards + gamma * next_values * (~terminated) - values
    advantages = []
    for t in range(len(rewards)):
        total, weight = 0, torch.ones_like(rewards[0])
        for l in range(t, len(rewards)):  # noqa: E741
            total = total + weight * deltas[l]
            weight = weight * gamma * gae_lambda * ~(terminated[l] | truncated[l])
        advantages.append(total)
    return torch.stack(advantages)


def gae_in_numpy(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    r, v, after, over, cut = (x.numpy() for x in (rewards, values, next_values, terminated, truncated))
    deltas = r + gamma * after * (1 - over) - v
    out, carry = np.zeros_like(r), 0.0
    for t in range(len(r))[::-1]:
        carry = deltas[t] + gamma * gae_lambda * (1 - np.maximum(over[t], cut[t])) * carry
        out[t] = carry
    return out


def gae_float32(*case):
    *columns, gamma, gae_lambda = case
    return gae_backwards(*(c.float() if c.is_floating_point() else c for c in columns), gamma, gae_lambda)


# ---------------------------------------------------------------- E2, wrong


def gae_with_if(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    """Right for one environment; `if` cannot ask for several at once."""
    out, later = [], 0.0
    for t in reversed(range(len(rewards))):
        future = 0.0 if terminated[t] else next_values[t]
        later = 0.0 if terminated[t] or truncated[t] else later
        later = rewards[t] + gamma * future - values[t] + gamma * gae_lambda * later
        out.insert(0, later)
    return torch.stack(out)


def gae_of_the_first_column(rewards, *rest):
    """Right for one environment; of several it forgets all but one."""
    right = gae_backwards(rewards, *rest)
    return right if right.dim() == 1 else right[:, :1].expand(*right.shape)


def gae_next_row_or_zero(r, v, after, over, cut, gamma, lam):
    nxt = torch.cat([v[1:], torch.zeros_like(v[:1])])
    return _sweep(r + gamma * nxt * ~over - v, gamma * lam * (~(over | cut)).double())


def gae_last_row_terminated(r, v, after, over, cut, gamma, lam):
    over = over.clone()
    over[-1] = True
    return gae_backwards(r, v, after, over, cut, gamma, lam)


def gae_flag_of_the_next_row(r, v, after, over, cut, gamma, lam):
    ended = (over | cut).double()
    ended = torch.cat([ended[1:], ended.new_zeros(1)])
    return _sweep(r + gamma * after * ~over - v, gamma * lam * (1 - ended))


def gae_reset_a_row_late(r, v, after, over, cut, gamma, lam):
    ended = (over | cut).double()
    ended = torch.cat([ended.new_zeros(1), ended[:-1]])
    return _sweep(r + gamma * after * ~over - v, gamma * lam * (1 - ended))


def gae_last_step_kept_to_itself(r, v, after, over, cut, gamma, lam):
    ended = (over | cut).double()
    following = torch.cat([ended[1:], ended.new_zeros(1)])
    return _sweep(r + gamma * after * ~over - v, gamma * lam * (1 - ended) * (1 - following))


def gae_last_step_zero(r, v, after, over, cut, gamma, lam):
    going = (~(over | cut)).double()
    return _sweep((r + gamma * after * ~over - v) * going, gamma * lam * going)


def gae_v_masked(r, v, after, over, cut, gamma, lam):
    return _sweep(r + (gamma * after - v) * ~over, gamma * lam * (~(over | cut)).double())


def gae_plus_v(r, v, *rest):
    return gae_backwards(r, -v, *rest)


def gae_forwards_in_place(r, v, after, over, cut, gamma, lam):
    advantages = r + gamma * after * ~over - v
    for t in range(len(r) - 1):
        advantages[t] = advantages[t] + gamma * lam * advantages[t + 1] * ~(over | cut)[t]
    return advantages


def gae_of_the_next_delta(r, v, after, over, cut, gamma, lam):
    deltas, ended = r + gamma * after * ~over - v, over | cut
    advantages = deltas.clone()
    for t in reversed(range(len(r) - 1)):
        advantages[t] = deltas[t] + gamma * lam * ~ended[t] * deltas[t + 1]
    return advantages


def gae_with_one_minus_lambda(*case):
    return (1 - case[-1]) * gae_backwards(*case)


def gae_reversed(*case):
    return gae_backwards(*case).flip(0)


def gae_standardized(*case):
    found = gae_backwards(*case)
    return (found - found.mean()) / (found.std() + 1e-8)


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
    families = [n_step_advantages(r, v, after, over, cut, gamma=gamma, n=k + 1) for k in range(steps)]
    out = []
    for t in range(steps):
        weights = weights_of([lam**k for k in range(count_of(t))])
        out.append(sum(w * families[k][t] for k, w in enumerate(weights)))
    return torch.stack([torch.as_tensor(x, dtype=torch.float64) for x in out])


def gae_normalised(r, v, after, over, cut, gamma, lam):
    left = lambda t: len(_rows_of_the_episode(t, r, over, cut))  # noqa: E731
    return _gae_mixture(r, v, after, over, cut, gamma, lam, left, lambda w: [x / sum(w) for x in w])


def gae_normalised_past_the_end(r, v, after, over, cut, gamma, lam):
    return _gae_mixture(r, v, after, over, cut, gamma, lam, lambda t: len(r), lambda w: [x / sum(w) for x in w])


def gae_without_tail(r, v, after, over, cut, gamma, lam):
    left = lambda t: len(_rows_of_the_episode(t, r, over, cut))  # noqa: E731
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
    gae_with_if: "Right for one environment",
    gae_next_row_or_zero: "and 0 in the last one",
    gae_last_row_terminated: "treat the last row as terminated",
    gae_flag_of_the_next_row: "flag of the next row",
    gae_reset_a_row_late: "one row too far on",
    gae_last_step_kept_to_itself: "not handed back",
    gae_last_step_zero: "to 0",
    gae_v_masked: "take V(s_t) out",
    gae_plus_v: "You add V(s_t) in δ",
    gae_forwards_in_place: "A[t + 1] is not ready",
    gae_of_the_next_delta: "A[t + 1] is not ready",
    gae_with_one_minus_lambda: "factor (1 - λ)",
    gae_reversed: "reverse order",
    gae_standardized: "normalised the advantages",
}

# ---------------------------------------------------------------- what the checkers say


@pytest.mark.covers("EQX-01", "EQX-02", "AL-21", "ERR-14", "ERR-16", "ERR-17", "ERR-18", "MIS-13", "MIS-14")
class TestGae(CheckerContract):
    check = staticmethod(exercises.gae)
    right = (gae_backwards, gae_with_where, gae_as_sum, gae_in_numpy, gae_float32)
    wrong = GAE_WRONG


def test_a_blurred_mistake_gets_the_general_sentence_and_an_example():
    verdict = exercises.gae(lambda *case: gae_backwards(*case) + 0.1)
    assert not verdict.passed
    assert "expected (6, 4, 3), got (6.1, 4.1, 3.1)" in verdict.example


def test_what_works_for_one_environment_only_is_told_with_numbers_of_two():
    verdict = exercises.gae(gae_of_the_first_column)
    assert not verdict.passed and "[T, N]" in verdict.sentence
    assert (
        "environment 0: rewards (1, 2, 4)" in verdict.example and "environment 1: rewards (2, 0, 1)" in verdict.example
    )


def test_the_case_of_two_environments_is_what_the_package_computes():
    one = exercises.estimates._tiny((1, 2, 4), (3, 1, 2), (1, 2, 5), terminated=(1,))
    two = exercises.estimates._tiny((2, 0, 1), (1, 2, 2), (2, 2, 3))
    both = gae_backwards(*(torch.stack(pair, 1) for pair in zip(one, two, strict=True)), 0.5, 0.8)
    for column, case in enumerate((one, two)):
        assert torch.allclose(both[:, column], gae_with_if(*case, 0.5, 0.8))


ALL = (exercises.k_step, exercises.gae, exercises.mixture, exercises.best_lambda)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
def test_a_crash_is_reported_with_its_line(check):
    def student(first, *rest):
        return first[1000]

    verdict = check(student)
    assert "IndexError" in verdict.sentence and "first[1000]" in verdict.sentence


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
def test_a_wrong_shape_is_named(check):
    assert "shape" in check(lambda first, *rest: torch.zeros(2, 3)).sentence


def test_not_a_number_of_the_right_shape_is_named():
    assert "NaN" in exercises.gae(lambda *case: gae_backwards(*case) * float("nan")).sentence


def test_who_adds_the_next_delta_is_not_told_that_the_loop_runs_forwards():
    assert exercises.gae(gae_of_the_next_delta).sentence.startswith("You add the next δ, not the next advantage.")
