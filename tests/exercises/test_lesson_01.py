"""Lesson 01's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import random

import numpy as np
import pytest
import torch

from rlcourse.exercises import lesson_01

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


@pytest.mark.parametrize("student", [backwards, as_a_list, two_loops, with_a_matrix])
def test_right_rewards_to_go_pass_in_any_style(student):
    verdict = lesson_01.rewards_to_go(student)
    assert verdict.passed, verdict


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


def nearly(rewards, ends, gamma):
    return backwards(rewards, ends, gamma) + 0.1


@pytest.mark.parametrize(
    ("student", "word"),
    [
        (forward_sum, "forwards"),
        (forward_recursion, "forwards"),
        (without_own_reward, "one step late"),
        (minus_own_reward, "one step late"),
        (discounted_from_the_start, "counted from the start"),
        (discounted_from_the_first_row, "counted from the start"),
        (leaking, "past the end"),
        (reset_too_late, "wrong row"),
        (undiscounted, "no discount"),
        (return_everywhere, "return of its whole episode"),
        (own_reward, "reward of each step alone"),
        (not_turned_round, "reverse order"),
        (nearly, "differ from the definition"),
    ],
)
def test_the_sentence_names_the_mistake_on_any_draw(student, word):
    for _ in range(4):
        verdict = lesson_01.rewards_to_go(student)
        assert verdict.state == "not yet"
        assert word in verdict.sentence


def test_each_listed_mistake_has_a_sentence_of_its_own():
    wrong = [forward_sum, without_own_reward, discounted_from_the_start, leaking, reset_too_late, undiscounted,
             return_everywhere, own_reward, not_turned_round, nearly]
    sentences = {lesson_01.rewards_to_go(student, seed=1).sentence for student in wrong}
    assert len(sentences) == len(wrong)


def test_the_example_is_small_enough_for_paper():
    example = lesson_01.rewards_to_go(undiscounted).example
    assert "rewards (1, 2, 4), ends at step 2, gamma 0.5: expected (3, 4, 4), got (7, 6, 4)" in example
    assert "rewards (1, 2, 4, 8), ends at step 1, 3" in lesson_01.rewards_to_go(leaking).example


def in_place(rewards, ends, gamma):
    for t in reversed(range(len(rewards) - 1)):
        if not ends[t]:
            rewards[t] += gamma * rewards[t + 1]
    return rewards


def raises(rewards, ends, gamma):
    return rewards[len(rewards)]


@pytest.mark.parametrize(
    ("student", "word"),
    [
        (in_place, "in place"),
        (raises, "IndexError in its line `return rewards[len(rewards)]`"),
        (lambda rewards, ends, gamma: rewards.sum(), "shape [3]"),
        (lambda rewards, ends, gamma: "three", "Return numbers"),
        (lambda rewards, ends, gamma: rewards / 0, "NaN or infinity"),
        (lambda rewards, gamma: rewards, "TypeError"),
        (torch.ones(3), "function itself"),
    ],
)
def test_whatever_comes_back_becomes_a_sentence(student, word):
    verdict = lesson_01.rewards_to_go(student)
    assert verdict.state == "not yet"
    assert word in verdict.sentence


# ---------------------------------------------------------------- E2


def by_loops(scores, rewards, mask):
    gradient = torch.zeros(scores.shape[2], dtype=torch.float64)
    for i in range(len(scores)):
        length = int(mask[i].sum())
        for t in range(length):
            gradient += scores[i, t] * rewards[i, t:length].sum()
    return gradient / len(scores)


def by_flip(scores, rewards, mask):
    to_go = (rewards * mask).flip(1).cumsum(1).flip(1)
    return (scores * (to_go * mask).unsqueeze(-1)).sum(1).mean(0)


def by_numpy(scores, rewards, mask):
    paid = np.where(mask.numpy(), rewards.numpy(), 0)
    to_go = np.cumsum(paid[:, ::-1], axis=1)[:, ::-1]
    return np.einsum("ntk,nt->k", scores.numpy(), to_go) / len(paid)


@pytest.mark.parametrize("student", [by_loops, by_flip, by_numpy])
def test_a_right_gradient_passes_in_any_style(student):
    verdict = lesson_01.grad_rtg(student)
    assert verdict.passed, verdict


def grad_same_step(scores, rewards, mask):
    return (scores * (rewards * mask)[..., None]).sum(1).mean(0)


def grad_same_step_everywhere(scores, rewards, mask):
    return (scores * rewards[..., None]).mean((0, 1))


def grad_total(scores, rewards, mask):
    total = (rewards * mask).sum(1)
    return ((scores * mask[..., None]).sum(1) * total[:, None]).mean(0)


def grad_past(scores, rewards, mask):
    past = (rewards * mask).cumsum(1) * mask
    return (scores * past[..., None]).sum(1).mean(0)


def grad_with_padding(scores, rewards, mask):
    to_go = rewards.flip(1).cumsum(1).flip(1)
    return (scores * to_go[..., None]).sum(1).mean(0)


def grad_with_half_a_mask(scores, rewards, mask):
    to_go = rewards.flip(1).cumsum(1).flip(1) * mask
    return (scores * to_go[..., None]).sum(1).mean(0)


def grad_without_mean(scores, rewards, mask):
    return len(scores) * by_flip(scores, rewards, mask)


def grad_a_step(scores, rewards, mask):
    return grad_without_mean(scores, rewards, mask) / mask.sum()


def grad_a_cell(scores, rewards, mask):
    return grad_without_mean(scores, rewards, mask) / mask.numel()


GRADIENTS = [
    (grad_same_step, "reward of its own step"),
    (grad_total, "whole return"),
    (grad_past, "wrong way"),
    (grad_with_padding, "run into the padding"),
    (grad_with_half_a_mask, "but sum its rewards"),
    (grad_without_mean, "1/N is missing"),
    (grad_a_step, "number of steps"),
    (grad_a_cell, "padding included"),
]


@pytest.mark.parametrize(("student", "word"), [*GRADIENTS, (grad_same_step_everywhere, "reward of its own step")])
def test_the_sentence_names_the_gradients_mistake(student, word):
    for _ in range(3):
        verdict = lesson_01.grad_rtg(student)
        assert verdict.state == "not yet"
        assert word in verdict.sentence


def test_each_wrong_gradient_has_a_sentence_of_its_own():
    sentences = {lesson_01.grad_rtg(student, seed=0).sentence for student, _ in GRADIENTS}
    assert len(sentences) == len(GRADIENTS)


def test_the_same_step_gradient_is_shown_its_cosine():
    example = lesson_01.grad_rtg(grad_same_step).example
    cosine = float(example.split()[-1])
    assert cosine < -0.3


@pytest.mark.parametrize(
    ("student", "word"),
    [
        (lambda scores, rewards, mask: 0.0, "one number a parameter"),
        (lambda scores, rewards, mask: rewards.mul_(mask).sum(), "in place"),
        (lambda scores, rewards, mask: scores @ rewards, "RuntimeError"),
    ],
)
def test_whatever_comes_back_as_a_gradient_becomes_a_sentence(student, word):
    assert word in lesson_01.grad_rtg(student).sentence


# ---------------------------------------------------------------- E3


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


@pytest.mark.parametrize("student", [mean_and_error, mean_and_error_by_hand, mean_and_error_array])
def test_mean_and_standard_error_pass(student):
    verdict = lesson_01.past_terms(student)
    assert verdict.passed, verdict
    assert "standard errors from zero" in verdict.sentence


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


@pytest.mark.parametrize(("student", "word"), PAST)
def test_the_sentence_names_what_the_evidence_lacks(student, word):
    for _ in range(3):
        verdict = lesson_01.past_terms(student)
        assert verdict.state == "not yet"
        assert word in verdict.sentence


def test_each_lack_of_evidence_has_a_sentence_of_its_own():
    assert len({lesson_01.past_terms(student, seed=0).sentence for student, _ in PAST}) == len(PAST)


# ---------------------------------------------------------------- E4


def take_and_give_back(first, second):
    return -5.0, 5 + second


def first_toss_matters_too(first, second):
    return [-3 + first, 3 + 0.5 * second]


def as_tensors(first, second):
    return torch.tensor([-5.0, 5.0 + second])


@pytest.mark.parametrize("student", [take_and_give_back, first_toss_matters_too, as_tensors])
def test_a_counterexample_passes(student):
    verdict = lesson_01.counterexample(student)
    assert verdict.passed, verdict


def test_the_ratio_is_exact():
    assert "41 times" in lesson_01.counterexample(take_and_give_back).sentence


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


@pytest.mark.parametrize(("student", "word"), GAMES)
def test_the_sentence_says_why_it_is_no_counterexample(student, word):
    verdict = lesson_01.counterexample(student)
    assert verdict.state == "not yet"
    assert word in verdict.sentence


# ---------------------------------------------------------------- stubs


def test_unfinished_stubs_have_not_started():
    def three(a, b, c):
        ...

    def two(a, b):
        return ..., ...

    assert lesson_01.rewards_to_go(three).state == "not started"
    assert lesson_01.grad_rtg(three).state == "not started"
    assert lesson_01.past_terms(two).state == "not started"
    assert lesson_01.counterexample(two).state == "not started"
