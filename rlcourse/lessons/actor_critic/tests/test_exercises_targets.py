"""E3 and E4: right answers in several styles pass, every known mistake has a sentence of its own."""

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.actor_critic import exercises

# ---------------------------------------------------------------- E4: returns to fit


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


def targets_cut_without_a_value(rewards, next_values, terminated, truncated, gamma):
    targets, after = rewards.clone(), next_values[-1]
    for t in reversed(range(len(rewards))):
        if terminated[t] or (truncated[t] and t < len(rewards) - 1):
            after = 0.0
        targets[t] = after = rewards[t] + gamma * after
    return targets


def targets_run_on_to_nothing(rewards, next_values, terminated, truncated, gamma):
    targets, after = rewards.clone(), 0.0
    for t in reversed(range(len(rewards))):
        targets[t] = after = rewards[t] + gamma * after * (not terminated[t])
    return targets


def targets_value_too_near(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, next_values / gamma, terminated, truncated, gamma)


def targets_lose_the_last_reward(rewards, next_values, terminated, truncated, gamma):
    targets, after = rewards.clone(), next_values[-1]
    for t in reversed(range(len(rewards))):
        after = next_values[t] if truncated[t] else rewards[t] + gamma * after * (not terminated[t])
        targets[t] = after
    return targets


def targets_reset_too_late(rewards, next_values, terminated, truncated, gamma):
    targets, after = [], next_values[-1]
    for t in reversed(range(len(rewards))):
        after = rewards[t] + gamma * after
        targets.insert(0, after)
        after = 0.0 if terminated[t] else next_values[t] if truncated[t] else after
    return targets


def targets_in_the_wrong_order(*case):
    return targets_backwards(*case).flip(0)


def targets_flags_swapped(rewards, next_values, terminated, truncated, gamma):
    return targets_backwards(rewards, next_values, truncated, terminated, gamma)


SEEDS = (*range(9), None)


class TestCriticTargets(CheckerContract):
    check = staticmethod(exercises.critic_targets)
    right = (targets_backwards, targets_forwards)
    wrong = {
        targets_leak: "into the next episode",
        targets_leak_over_cuts: "run on over a truncation",
        targets_no_bootstrap: "Where an episode was cut off",
        targets_only_flags: "even without a flag",
        targets_of_the_row_after: "already the value",
        targets_of_the_last_row: "a state of its own",
        targets_one_flag: "even where the episode terminated",
        targets_td: "TD targets",
        targets_by_the_clock: "from the beginning of the record",
        targets_undiscounted: "Gamma is missing",
        targets_look_back: "looks ahead",
        targets_exclusive: "leaves out the reward",
        targets_cut_without_a_value: "only the last row gets one",
        targets_run_on_to_nothing: "nothing stands for the future",
        targets_value_too_near: "multiply it by gamma",
        targets_lose_the_last_reward: "target is V(s') alone",
        targets_reset_too_late: "act on row t-1",
        targets_in_the_wrong_order: "turn the list round",
        targets_flags_swapped: "changed places",
    }
    seeds = SEEDS


# ---------------------------------------------------------------- E3: the step size of a single sample


@pytest.mark.covers("MIS-15")
@pytest.mark.parametrize("eta", [0.02, 0.03, 0.5 / 16, 0.05, torch.tensor(0.03), lambda: 0.5 / 16])
def test_the_matching_step_size_passes(eta):
    assert exercises.matching_step_size(eta).passed


@pytest.mark.covers("MIS-15")
@pytest.mark.parametrize(
    ("eta", "words"),
    [
        (0.5, "four times the standard deviation of the mean of sixteen, and sixteen updates"),
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
    verdict = exercises.matching_step_size(eta)
    assert verdict.state == "not yet"
    assert words in verdict.sentence


def test_no_step_size_yet():
    assert exercises.matching_step_size(...).state == UNFINISHED
    assert exercises.matching_step_size(None).state == UNFINISHED


def test_every_sentence_about_a_step_size_is_its_own():
    assert len({sentence for _, sentence in exercises.STEP_SIZE_MISTAKES}) == len(exercises.STEP_SIZE_MISTAKES)


@pytest.mark.parametrize("sentences", [[m.sentence for m in exercises.TARGET_MISTAKES]], ids=["targets"])
def test_every_sentence_of_the_table_is_its_own(sentences):
    assert len(set(sentences)) == len(sentences)
