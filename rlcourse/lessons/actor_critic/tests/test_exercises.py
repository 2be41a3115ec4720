"""E1: right answers in several styles pass, every known mistake has a sentence of its own."""

import numpy as np
import torch

from checker_contract import CheckerContract
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.actor_critic import exercises

# ---------------------------------------------------------------- E1: one online step


def online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone(), V.clone()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    V[s] += critic_rate * delta
    score = -torch.softmax(logits[s], 0)
    score[a] += 1
    logits[s] += actor_rate * delta * score
    return logits, V


def online_in_plain_python(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    theta, table = logits.tolist(), V.tolist()
    weights = np.exp(theta[s])
    pi = weights / weights.sum()
    delta = (r if terminated else r + gamma * table[s_next]) - table[s]
    for b in range(len(pi)):
        theta[s][b] += actor_rate * delta * ((b == a) - pi[b])
    table[s] += critic_rate * delta
    return [theta, table]


def online_by_autograd(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone().requires_grad_(), V.clone().requires_grad_()
    with torch.no_grad():
        target = r + (0 if terminated else gamma * V[s_next])
        delta = target - V[s]
    loss = -torch.log_softmax(logits[s], 0)[a] * delta + 0.5 * (target - V[s]) ** 2
    loss.backward()
    return logits - actor_rate * logits.grad, V - critic_rate * V.grad


def online_late(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone(), V.clone()
    V[s] += critic_rate * (r + gamma * V[s_next] * (not terminated) - V[s])
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    score = -torch.softmax(logits[s], 0)
    score[a] += 1
    logits[s] += actor_rate * delta * score
    return logits, V


def online_through_target(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    V = V.clone().requires_grad_()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    (0.5 * delta**2).backward()
    logits = logits.clone()
    score = -torch.softmax(logits[s], 0)
    score[a] += 1
    logits[s] += actor_rate * delta.detach() * score
    return logits, V - critic_rate * V.grad


def online_unmasked(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, False, gamma, actor_rate, critic_rate)


def online_descends(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, -actor_rate, critic_rate)


def online_critic_flees(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, -critic_rate)


def online_chosen_only(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    logits, V = logits.clone(), V.clone()
    logits[s, a] += actor_rate * delta
    V[s] += critic_rate * delta
    return logits, V


def online_own_logit_only(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    logits, V = logits.clone(), V.clone()
    logits[s, a] += actor_rate * delta * (1 - torch.softmax(logits[s], 0)[a])
    V[s] += critic_rate * delta
    return logits, V


def online_without_the_one(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    logits, V = logits.clone(), V.clone()
    logits[s] -= actor_rate * delta * torch.softmax(logits[s], 0)
    V[s] += critic_rate * delta
    return logits, V


def online_critic_of_rewards(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, _ = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    V = V.clone()
    V[s] += critic_rate * (r - V[s])
    return logits, V


def online_moves_another_state(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    logits[s_next, 0] += 0.25
    return logits, V


def online_likelihood(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    theta = logits.clone().requires_grad_()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    (torch.softmax(theta[s], 0)[a] * delta).backward()
    V = V.clone()
    V[s] += critic_rate * delta
    return logits + actor_rate * theta.grad, V


def online_without_baseline(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    _, new_V = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    target = r + gamma * V[s_next] * (not terminated)
    score = -torch.softmax(logits[s], 0)
    score[a] += 1
    logits = logits.clone()
    logits[s] += actor_rate * target * score
    return logits, new_V


def online_by_reward(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    _, new_V = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    score = -torch.softmax(logits[s], 0)
    score[a] += 1
    logits = logits.clone()
    logits[s] += actor_rate * r * score
    return logits, new_V


def online_undiscounted(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, 1.0, actor_rate, critic_rate)


def online_one_rate(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, critic_rate, critic_rate)


def online_critic_stands(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, 0.0)


def online_actor_stands(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, 0.0, critic_rate)


def online_in_place(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    V[s] += 1.0
    return logits, V


def online_only_values(logits, V, *_):
    return V


def online_crashes(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return logits[s + 100], V


def online_untouched(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone(), V.clone()
    ...  # noqa: PIE790
    return logits, V


def online_stores_nothing(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone(), V.clone()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    V[s] + critic_rate * delta
    logits[s] + actor_rate * delta
    return logits, V


def online_the_other_way_round(*case):
    return online_by_hand(*case)[::-1]


def online_tilde(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone(), V.clone()
    delta = r + gamma * V[s_next] * {True: -2, False: -1}[terminated] - V[s]  # what ~terminated is
    V[s] += critic_rate * delta
    score = -torch.softmax(logits[s], 0)
    score[a] += 1
    logits[s] += actor_rate * delta * score
    return logits, V


def online_mask_reversed(logits, V, s, a, r, s_next, terminated, *rest):
    return online_by_hand(logits, V, s, a, r, s_next, not terminated, *rest)


def online_softmax_over_states(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    logits, V = logits.clone(), V.clone()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    score = -torch.softmax(logits, 0)[s]
    score[a] += 1
    logits[s] += actor_rate * delta * score
    V[s] += critic_rate * delta
    return logits, V


def online_rates_swapped(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, critic_rate, actor_rate)


def online_delta_turned(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    return online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, -actor_rate, -critic_rate)


def online_ends_teach_nothing(logits, V, s, a, r, s_next, terminated, *rest):
    return (logits, V) if terminated else online_by_hand(logits, V, s, a, r, s_next, terminated, *rest)


def online_squares_the_error(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    new, _ = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    return new, online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, 2 * critic_rate)[1]


def online_moves_all_values(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    new, _ = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    return new, V + critic_rate * (r + gamma * V[s_next] * (not terminated) - V[s])


def online_not_detached(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate, half=0.5):
    logits, V = logits.clone().requires_grad_(), V.clone().requires_grad_()
    delta = r + gamma * V[s_next].detach() * (not terminated) - V[s]
    (-torch.log_softmax(logits[s], 0)[a] * delta + half * delta**2).backward()
    return logits.detach() - actor_rate * logits.grad, V.detach() - critic_rate * V.grad


def online_not_detached_and_squared(*case):
    return online_not_detached(*case, half=1.0)


def online_ones_for_all(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    _, new_V = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    logits = logits.clone()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    logits[s] += actor_rate * delta * (1 - torch.softmax(logits[s], 0))
    return logits, new_V


def online_softmax_again(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate):
    _, new_V = online_by_hand(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate)
    logits = logits.clone()
    delta = r + gamma * V[s_next] * (not terminated) - V[s]
    for b in range(logits.shape[1]):
        logits[s, b] += actor_rate * delta * (float(b == a) - torch.softmax(logits[s], 0)[b])
    return logits, new_V


# ---------------------------------------------------------------- what the checkers say

SEEDS = (*range(9), None)


class TestOnlineStep(CheckerContract):
    check = staticmethod(exercises.online_step)
    right = (online_by_hand, online_in_plain_python, online_by_autograd)
    wrong = {
        online_late: "after the critic's step",
        online_through_target: "moves V(s') as well",
        online_unmasked: "where the episode has terminated",
        online_tilde: "`~True` is -2",
        online_mask_reversed: "wrong way round",
        online_softmax_over_states: "over the states",
        online_rates_swapped: "changed places",
        online_delta_turned: "opposite sign",
        online_ends_teach_nothing: "A step that terminates teaches",
        online_squares_the_error: "twice as far",
        online_moves_all_values: "All of V moves",
        online_not_detached: "so V(s) changes by log pi",
        online_not_detached_and_squared: "brings a factor 2",
        online_ones_for_all: "its 1 for every action",
        online_softmax_again: "computed again",
        online_descends: "goes downhill",
        online_critic_flees: "moves away",
        online_chosen_only: "by the whole step",
        online_own_logit_only: "by the right amount",
        online_without_the_one: "lacks its 1",
        online_critic_of_rewards: "critic is fitted to the reward alone",
        online_likelihood: "gradient of the probability",
        online_without_baseline: "Subtract what the critic expected",
        online_by_reward: "with its reward alone",
        online_undiscounted: "Gamma is missing",
        online_one_rate: "the critic's step size",
        online_critic_stands: "V has not moved",
        online_actor_stands: "logits have not moved",
        online_in_place: "in place",
        online_only_values: "two tables",
        online_moves_another_state: "Look at `logits[s_next, 0] += 0.25`",
        online_crashes: "IndexError",
        online_stores_nothing: "computes a number and stores nothing",
        online_the_other_way_round: "logits first, then V",
    }
    seeds = SEEDS


def test_a_stub_that_only_copies_its_tables_is_unfinished():
    assert exercises.online_step(online_untouched).state == UNFINISHED


def test_the_case_shows_the_entries_that_differ():
    """A table of four states would be cut off before the entry that is wrong."""
    for student, moved in ((online_late, 0.0), (online_moves_another_state, 0.25)):
        for seed in range(10):
            said = exercises.online_step(student, seed=seed).example
            expected, got = said.split("expected ")[1].split(". The first")[0].split(", got ")
            assert expected != got and "…" not in said
            assert got.endswith(f" {moved:g})") and expected.endswith(" 0)")


def test_every_sentence_of_the_table_is_its_own():
    assert len({mistake.sentence for mistake in exercises.ONLINE_MISTAKES}) == len(exercises.ONLINE_MISTAKES)
