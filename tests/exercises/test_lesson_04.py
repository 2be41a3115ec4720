"""Lesson 04's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import numpy as np
import pytest
import torch

from rlcourse.exercises import lesson_04
from rlcourse.exercises.checker import UNFINISHED

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
    return logits, V


# ---------------------------------------------------------------- E2: returns to fit


def targets_backwards(rewards, next_values, terminated, truncated, gamma):
    targets, after = rewards.clone(), None
    for t in reversed(range(len(rewards))):
        if terminated[t]:
            after = 0.0
        elif truncated[t] or after is None:
            after = next_values[t]
        after = rewards[t] + gamma * after
        targets[t] = after
    return targets


def targets_forwards(rewards, next_values, terminated, truncated, gamma):
    answers = []
    for t in range(len(rewards)):
        total, weight = 0.0, 1.0
        for i in range(t, len(rewards)):
            total += weight * float(rewards[i])
            weight *= gamma
            if terminated[i]:
                break
            if truncated[i] or i == len(rewards) - 1:
                total += weight * float(next_values[i])
                break
        answers.append(total)
    return answers


def targets_leak(rewards, next_values, terminated, truncated, gamma):
    targets, after = [], (0.0 if terminated[-1] else float(next_values[-1]))
    for t in reversed(range(len(rewards))):
        after = float(rewards[t]) + gamma * after
        targets.insert(0, after)
    return targets


def targets_leak_over_cuts(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, next_values, terminated, truncated & False, gamma)


def targets_no_bootstrap(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, torch.zeros_like(next_values), terminated, truncated, gamma)


def targets_only_flags(rewards, next_values, terminated, truncated, gamma):
    targets, after = rewards.clone(), 0.0
    for t in reversed(range(len(rewards))):
        if terminated[t]:
            after = 0.0
        if truncated[t]:
            after = next_values[t]
        targets[t] = after = rewards[t] + gamma * after
    return targets


def targets_of_the_row_after(rewards, next_values, terminated, truncated, gamma):
    shifted = torch.cat([next_values[1:], next_values[-1:]])
    return targets_backwards(rewards, shifted, terminated, truncated, gamma)


def targets_of_the_last_row(rewards, next_values, terminated, truncated, gamma):
    last = next_values[-1].expand(len(rewards))
    return targets_backwards(rewards, last, terminated, truncated, gamma)


def targets_one_flag(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, next_values, terminated & False, truncated | terminated, gamma)


def targets_td(rewards, next_values, terminated, truncated, gamma):
    return torch.where(terminated, rewards, rewards + gamma * next_values)


def targets_by_the_clock(rewards, next_values, terminated, truncated, gamma):
    plain = targets_backwards(rewards, next_values, terminated, truncated, gamma)
    return plain * gamma ** torch.arange(len(rewards))


def targets_undiscounted(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, next_values, terminated, truncated, 1.0)


def targets_look_back(rewards, next_values, terminated, truncated, gamma):
    answers, total = [], 0.0
    for r, stop in zip(rewards, terminated | truncated, strict=True):
        total = r + gamma * total
        answers.append(total)
        if stop:
            total = 0.0
    return answers


def targets_exclusive(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, next_values, terminated, truncated, gamma) - rewards


# ---------------------------------------------------------------- E4: who moves whom


def losses_detached(log_probs, values, next_values, rewards, terminated, gamma):
    target = rewards + gamma * next_values.detach() * ~terminated
    delta = target - values
    return -(log_probs * delta.detach()).mean(), (delta**2).mean()


def losses_no_grad(log_probs, values, next_values, rewards, terminated, gamma):
    with torch.no_grad():
        target = rewards + gamma * next_values * (1 - terminated.double())
        advantage = target - values
    return -torch.mean(log_probs * advantage), torch.nn.functional.mse_loss(values, target)


def losses_leak(log_probs, values, next_values, rewards, terminated, gamma):
    delta = rewards + gamma * next_values.detach() * ~terminated - values
    return -(log_probs * delta).mean(), (delta**2).mean()


def losses_leak_everywhere(log_probs, values, next_values, rewards, terminated, gamma):
    delta = rewards + gamma * next_values * ~terminated - values
    return -(log_probs * delta).mean(), (delta**2).mean()


def losses_through_target(log_probs, values, next_values, rewards, terminated, gamma):
    delta = rewards + gamma * next_values * ~terminated - values
    return -(log_probs * delta.detach()).mean(), (delta**2).mean()


def losses_all_detached(log_probs, values, next_values, rewards, terminated, gamma):
    delta = (rewards + gamma * next_values * ~terminated - values).detach()
    return -(log_probs * delta).mean(), (delta**2).mean()


def losses_actor_detached(log_probs, values, next_values, rewards, terminated, gamma):
    delta = rewards + gamma * next_values.detach() * ~terminated - values
    return -(log_probs.detach() * delta.detach()).mean(), (delta**2).mean()


def losses_sign(log_probs, values, next_values, rewards, terminated, gamma):
    actor, critic = losses_detached(log_probs, values, next_values, rewards, terminated, gamma)
    return -actor, critic


def losses_actor_sum(log_probs, values, next_values, rewards, terminated, gamma):
    actor, critic = losses_detached(log_probs, values, next_values, rewards, terminated, gamma)
    return actor * len(rewards), critic


def losses_critic_sum(log_probs, values, next_values, rewards, terminated, gamma):
    actor, critic = losses_detached(log_probs, values, next_values, rewards, terminated, gamma)
    return actor, critic * len(rewards)


def losses_no_advantage(log_probs, values, next_values, rewards, terminated, gamma):
    _, critic = losses_detached(log_probs, values, next_values, rewards, terminated, gamma)
    return -log_probs.mean(), critic


def losses_joined(log_probs, values, next_values, rewards, terminated, gamma):
    actor, critic = losses_detached(log_probs, values, next_values, rewards, terminated, gamma)
    return actor, critic + actor


def losses_unmasked(log_probs, values, next_values, rewards, terminated, gamma):
    return losses_detached(log_probs, values, next_values, rewards, terminated & False, gamma)


def losses_one_number(log_probs, values, next_values, rewards, terminated, gamma):
    return sum(losses_detached(log_probs, values, next_values, rewards, terminated, gamma))


def losses_a_column(log_probs, values, next_values, rewards, terminated, gamma):
    return -(log_probs * values.detach()), (values**2).mean()


# ---------------------------------------------------------------- what the checkers say

RIGHT = [
    (lesson_04.online_step, [online_by_hand, online_in_plain_python, online_by_autograd]),
    (lesson_04.critic_targets, [targets_backwards, targets_forwards]),
    (lesson_04.losses, [losses_detached, losses_no_grad]),
]

WRONG = [
    (
        lesson_04.online_step,
        [
            (online_late, "after the critic's step"),
            (online_through_target, "moves V(s') as well"),
            (online_unmasked, "where the episode has terminated"),
            (online_descends, "goes downhill"),
            (online_critic_flees, "runs away"),
            (online_chosen_only, "by the whole step"),
            (online_own_logit_only, "by the right amount"),
            (online_without_the_one, "lacks its 1"),
            (online_critic_of_rewards, "critic follows the reward alone"),
            (online_likelihood, "gradient of the probability"),
            (online_without_baseline, "Subtract what the critic expected"),
            (online_by_reward, "with its reward alone"),
            (online_undiscounted, "Gamma is missing"),
            (online_one_rate, "the critic's step size"),
            (online_critic_stands, "V has not moved"),
            (online_actor_stands, "logits have not moved"),
            (online_in_place, "in place"),
            (online_only_values, "two tables"),
            (online_moves_another_state, "differ from the definition"),
            (online_crashes, "IndexError"),
        ],
    ),
    (
        lesson_04.critic_targets,
        [
            (targets_leak, "into the next episode"),
            (targets_leak_over_cuts, "run on over a truncation"),
            (targets_no_bootstrap, "Where an episode was cut off"),
            (targets_only_flags, "even without a flag"),
            (targets_of_the_row_after, "already the value"),
            (targets_of_the_last_row, "a state of its own"),
            (targets_one_flag, "even where the episode terminated"),
            (targets_td, "TD targets"),
            (targets_by_the_clock, "from the beginning of the record"),
            (targets_undiscounted, "Gamma is missing"),
            (targets_look_back, "looks ahead"),
            (targets_exclusive, "leaves out the reward"),
        ],
    ),
    (
        lesson_04.losses,
        [
            (losses_leak, "not detached"),
            (losses_leak_everywhere, "not detached"),
            (losses_through_target, "its own target"),
            (losses_all_detached, "moves nothing"),
            (losses_actor_detached, "moves no actor"),
            (losses_sign, "wrong sign"),
            (losses_actor_sum, "actor's loss is a sum"),
            (losses_critic_sum, "critic's loss is a sum"),
            (losses_no_advantage, "forgets the advantage"),
            (losses_joined, "critic's loss moves the actor"),
            (losses_unmasked, "masked"),
            (losses_one_number, "two losses"),
            (losses_a_column, "single number"),
        ],
    ),
]


def each(pairs):
    return [pytest.param(check, student, id=student.__name__) for check, students in pairs for student in students]


@pytest.mark.parametrize(("check", "student"), each(RIGHT))
def test_a_right_answer_passes_in_any_style(check, student):
    for _ in range(10):
        verdict = check(student)
        assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("check", "student", "words"),
    [pytest.param(check, student, words, id=student.__name__) for check, cases in WRONG for student, words in cases],
)
def test_the_sentence_names_the_mistake_on_any_draw(check, student, words):
    for _ in range(10):
        verdict = check(student)
        assert verdict.state == "not yet"
        assert words in verdict.sentence, verdict


@pytest.mark.parametrize("check", [lesson_04.online_step, lesson_04.critic_targets, lesson_04.losses])
def test_an_unfinished_stub_is_not_a_mistake(check):
    assert check(lambda *_: ...).state == UNFINISHED
    assert check(lambda *_: None).state == UNFINISHED
    assert "itself" in check(3.0).sentence


def test_a_stub_that_only_copies_its_tables_is_unfinished():
    assert lesson_04.online_step(online_untouched).state == UNFINISHED


def test_half_of_the_losses_is_unfinished():
    assert lesson_04.losses(lambda *_: (..., ...)).state == UNFINISHED


def test_the_case_shows_the_entries_that_differ():
    """A table of four states would be cut off before the entry that is wrong."""
    for student, moved in ((online_late, 0.0), (online_moves_another_state, 0.25)):
        for seed in range(10):
            said = lesson_04.online_step(student, seed=seed).example
            expected, got = said.split("expected ")[1].split(", got ")
            assert expected != got and "…" not in said
            assert got.endswith(f" {moved:g})") and expected.endswith(" 0)")


# ---------------------------------------------------------------- E3: the step size of a single sample


@pytest.mark.covers("MIS-15")
@pytest.mark.parametrize("eta", [0.02, 0.03, 0.5 / 16, 0.05, torch.tensor(0.03), lambda: 0.5 / 16])
def test_the_matching_step_size_passes(eta):
    assert lesson_04.matching_step_size(eta).passed


@pytest.mark.covers("MIS-15")
@pytest.mark.parametrize(
    ("eta", "words"),
    [
        (0.5, "as it was. A single sample scatters four times as much as the mean of sixteen, and sixteen updates"),
        (8, "multiplied by 16"),
        (0.125, "square root"),
        (2.0, "multiplied by 4"),
        (0.5 / 256, "twice"),
        (0.08, "too large"),
        (0.01, "too small"),
        (-0.03, "above zero"),
        ("a thirtieth", "one number"),
        ([0.03, 0.03], "one number"),
        (float("nan"), "NaN"),
        (lambda: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_another_step_size_is_answered(eta, words):
    verdict = lesson_04.matching_step_size(eta)
    assert verdict.state == "not yet"
    assert words in verdict.sentence


def test_no_step_size_yet():
    assert lesson_04.matching_step_size(...).state == UNFINISHED
    assert lesson_04.matching_step_size(None).state == UNFINISHED


def test_every_sentence_is_its_own():
    lists = (lesson_04.ONLINE_MISTAKES, lesson_04.TARGET_MISTAKES)
    for mistakes in lists:
        assert len({mistake.sentence for mistake in mistakes}) == len(mistakes)
    assert len({sentence for _, sentence in lesson_04.STEP_SIZE_MISTAKES}) == len(lesson_04.STEP_SIZE_MISTAKES)
