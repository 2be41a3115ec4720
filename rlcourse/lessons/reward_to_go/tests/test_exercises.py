"""Checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import random

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.reward_to_go import exercises

# ---------------------------------------------------------------- E1, right


def backwards(rewards, ends, gamma):
    result, future = torch.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        if ends[t]:
            future = 0.0
        future = rewards[t] + gamma * future
        result[t] = future
    return result


def as_a_list(rewards, ends, gamma):
    answer, future = [], 0.0
    for reward, end in zip(reversed(rewards.tolist()), reversed(ends.tolist())):
        future = reward + gamma * future * (not end)
        answer.insert(0, future)
    return answer


def two_loops(rewards, ends, gamma):
    answer = []
    for t in range(len(rewards)):
        total = 0
        for later in range(t, len(rewards)):
            total = total + gamma ** (later - t) * rewards[later]
            if ends[later]:
                break
        answer.append(total)
    return answer


def with_a_matrix(rewards, ends, gamma):
    t = torch.arange(len(rewards))
    episode = ends.long().cumsum(0) - ends.long()
    future = (t[None] >= t[:, None]) & (episode[None] == episode[:, None])
    return ((gamma ** (t[None] - t[:, None]).clamp(min=0)) * future).double() @ rewards


# ---------------------------------------------------------------- E1, wrong


def forward_sum(rewards, ends, gamma):
    return torch.cumsum(rewards, 0)


def forward_recursion(rewards, ends, gamma):
    answer, total = [], 0.0
    for t in range(len(rewards)):
        total = rewards[t] + gamma * total
        answer.append(total)
        if ends[t]:
            total = 0.0
    return answer


def without_own_reward(rewards, ends, gamma):
    answer, future = [], 0.0
    for t in reversed(range(len(rewards))):
        if ends[t]:
            future = 0.0
        answer.append(future)
        future = rewards[t] + gamma * future
    return answer[::-1]


def minus_own_reward(rewards, ends, gamma):
    return backwards(rewards, ends, gamma) - rewards


def discounted_from_the_start(rewards, ends, gamma):
    answer = []
    for t in range(len(rewards)):
        total, later = 0.0, t
        begin = t
        while begin > 0 and not ends[begin - 1]:
            begin -= 1
        while True:
            total += gamma ** (later - begin) * rewards[later]
            if ends[later]:
                break
            later += 1
        answer.append(total)
    return answer


def discounted_from_the_first_row(rewards, ends, gamma):
    powers = gamma ** torch.arange(len(rewards))
    return backwards(rewards * powers, ends, 1.0)


def leaking(rewards, ends, gamma):
    future, answer = 0.0, torch.empty(len(rewards))
    for t in range(len(rewards) - 1, -1, -1):
        future = rewards[t] + gamma * future
        answer[t] = future
    return answer


def reset_too_late(rewards, ends, gamma):
    future, answer = 0.0, torch.zeros(len(rewards), dtype=torch.float64)
    for t in range(len(rewards) - 1, -1, -1):
        future = rewards[t] + gamma * future
        answer[t] = future
        if ends[t]:
            future = 0.0
    return answer


def undiscounted(rewards, ends, gamma):
    return backwards(rewards, ends, 1.0)


def return_everywhere(rewards, ends, gamma):
    answer, begin = [], 0
    for t in range(len(rewards)):
        if ends[t]:
            length = t + 1 - begin
            answer += [sum(gamma**k * rewards[begin + k] for k in range(length))] * length
            begin = t + 1
    return answer


def own_reward(rewards, ends, gamma):
    return rewards * 1.0


def not_turned_round(rewards, ends, gamma):
    return as_a_list(rewards, ends, gamma)[::-1]


def wrong_condition(rewards, ends, gamma):
    answer, future = torch.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        future = rewards[t] + gamma * future * ends[t]
        answer[t] = future
    return answer


def nothing_at_the_end(rewards, ends, gamma):
    return backwards(rewards, ends, gamma) * ~ends


def discounted_too_early(rewards, ends, gamma):
    answer, future = torch.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        future = gamma * (rewards[t] + (0.0 if ends[t] else future))
        answer[t] = future
    return answer


def without_step_zero(rewards, ends, gamma):
    answer, future = torch.zeros_like(rewards), 0.0
    for t in range(len(rewards) - 1, 0, -1):
        future = rewards[t] + (0.0 if ends[t] else gamma * future)
        answer[t] = future
    return answer


def whole_numbers(rewards, ends, gamma):
    return backwards(rewards, ends, gamma).long()


def nearly(rewards, ends, gamma):
    return backwards(rewards, ends, gamma) + 0.1


def test_the_example_is_small_enough_for_paper():
    example = exercises.rewards_to_go(undiscounted).example
    assert "rewards (1, 2, 4), ends at step 2, gamma 0.5: expected (3, 4, 4), got (7, 6, 4)" in example
    assert "rewards (1, 2, 4, 8), ends at step 1, 3" in exercises.rewards_to_go(leaking).example


def in_place(rewards, ends, gamma):
    for t in reversed(range(len(rewards) - 1)):
        if not ends[t]:
            rewards[t] += gamma * rewards[t + 1]
    return rewards


def raises(rewards, ends, gamma):
    return rewards[len(rewards)]


class TestRewardsToGo(CheckerContract):
    check = staticmethod(exercises.rewards_to_go)
    right = (backwards, as_a_list, two_loops, with_a_matrix)
    wrong = {
        forward_sum: "forwards",
        forward_recursion: "forwards",
        without_own_reward: "one step late",
        minus_own_reward: "one step late",
        discounted_from_the_start: "counted from the start",
        discounted_from_the_first_row: "counted from the start",
        leaking: "past the end",
        reset_too_late: "wrong row",
        undiscounted: "no discount",
        return_everywhere: "return of its whole episode",
        own_reward: "reward of each step alone",
        not_turned_round: "reverse order",
        nearly: "One change makes it right",
        wrong_condition: "wrong way round",
        nothing_at_the_end: "On the last step of an episode",
        discounted_too_early: "discount r_t as well",
        without_step_zero: "does not reach step 0",
        whole_numbers: "whole numbers",
        in_place: "in place",
        raises: "`return rewards[len(rewards)]`: IndexError",
        lambda rewards, ends, gamma: rewards.sum(): "shape [3]",
        lambda rewards, ends, gamma: rewards / 0: "NaN or infinity",
    }
    seeds = (0, 1, 2, None)


# ---------------------------------------------------------------- terms of the past


def sums_of_episodes(scores, rewards):
    before = torch.cumsum(rewards, 1) - rewards
    return (scores * before).sum(1)


def mean_and_error(scores, rewards):
    sums = sums_of_episodes(scores, rewards)
    return sums.mean(), sums.std() / len(sums) ** 0.5


def mean_and_error_by_hand(scores, rewards):
    sums = []
    for score, reward in zip(scores.tolist(), rewards.tolist()):
        total, before = 0.0, 0.0
        for s, r in zip(score, reward):
            total += s * before
            before += r
        sums.append(total)
    mean = sum(sums) / len(sums)
    variance = sum((x - mean) ** 2 for x in sums) / len(sums)
    return [mean, (variance / len(sums)) ** 0.5]


def mean_and_error_array(scores, rewards):
    sums = sums_of_episodes(scores, rewards).numpy()
    return np.array([sums.mean(), sums.std(ddof=1) / np.sqrt(len(sums))])


def test_the_evidence_is_told_in_standard_errors():
    assert "standard errors from zero" in exercises.past_terms(mean_and_error).sentence


def pair(sums):
    return sums.mean(), sums.std() / len(sums) ** 0.5


PAST = [
    (lambda s, r: sums_of_episodes(s, r).mean(), "without its standard error"),
    (lambda s, r: bool(sums_of_episodes(s, r).mean().abs() < 0.1), "yes or no"),
    (lambda s, r: (sums_of_episodes(s, r).mean(), sums_of_episodes(s, r).std()), "standard deviation of one episode"),
    (lambda s, r: (sums_of_episodes(s, r).mean(), sums_of_episodes(s, r).var() / len(s)), "do not take the root"),
    (lambda s, r: pair((s * (r.cumsum(1) - r)).flatten()), "every step as an independent sample. Steps"),
    (
        lambda s, r: (sums_of_episodes(s, r).mean(), (s * (r.cumsum(1) - r)).std() * (s.shape[1] / len(s)) ** 0.5),
        "the error counts every step",
    ),
    (lambda s, r: pair((s * r.cumsum(1)).sum(1)), "includes r_t itself"),
    (lambda s, r: pair((s * r.flip(1).cumsum(1).flip(1)).sum(1)), "terms that are kept"),
    (lambda s, r: pair((s * (r.flip(1).cumsum(1).flip(1) - r)).sum(1)), "rewards after t"),
    (lambda s, r: pair(s.sum(1) * r.sum(1)), "whole return"),
    (lambda s, r: (sums_of_episodes(s, r).mean(), 0.01), "the standard error is not"),
    (lambda s, r: (0.0, 1.0), "The mean differs"),
    (lambda s, r: sums_of_episodes(s, r), "got 400"),
    (lambda s, r: "zero", "two numbers"),
    (lambda s, r: (float("nan"), 1.0), "NaN"),
    (lambda s, r: (r.zero_().mean(), 1.0), "in place"),
]


class TestPastTerms(CheckerContract):
    check = staticmethod(exercises.past_terms)
    right = (mean_and_error, mean_and_error_by_hand, mean_and_error_array)
    wrong = PAST
    seeds = (0, 1, None)


# ---------------------------------------------------------------- a counterexample


def take_and_give_back(first, second):
    return -5.0, 5 + second


def first_toss_matters_too(first, second):
    return [-3 + first, 3 + 0.5 * second]


def as_tensors(first, second):
    return torch.tensor([-5.0, 5.0 + second])


def test_the_ratio_is_exact():
    assert "41 times" in exercises.counterexample(take_and_give_back).sentence


GAMES = [
    (lambda first, second: (-5 * second, 5 * second + first), "has not fallen yet"),
    (lambda first, second: (0, second), "same variance"),
    (lambda first, second: (5, second), "better one"),
    (lambda first, second: (-5, 5), "nothing to estimate"),
    (lambda first, second: (random.random() - 5, 5 + second), "change from call to call"),
    (lambda first, second: 5.0, "Return two numbers"),
    (lambda first, second: (1, 2, 3), "Return two numbers"),
    (lambda first, second: (float("inf"), 0.0), "NaN or infinity"),
    (lambda first, second: (1 / first, 0.0), "ZeroDivisionError"),
]


class TestCounterexample(CheckerContract):
    check = staticmethod(exercises.counterexample)
    right = (take_and_give_back, first_toss_matters_too, as_tensors)
    wrong = GAMES
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers


# ---------------------------------------------------------------- half an answer


@pytest.mark.parametrize("check", [exercises.past_terms, exercises.counterexample], ids=lambda check: check.__name__)
def test_two_times_three_dots_have_not_started(check):
    assert check(lambda first, second: (..., ...)).state == UNFINISHED


@pytest.mark.parametrize("check", [exercises.past_terms, exercises.counterexample], ids=lambda check: check.__name__)
def test_a_number_that_is_none_is_told(check):
    assert "The second number that you return is None" in check(lambda first, second: (1.0, None)).sentence
    assert "The first number that you return is None" in check(lambda first, second: (None, 1.0)).sentence
