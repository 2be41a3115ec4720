"""Checker of the clipped surrogate: right answers pass in any style, every known mistake has its own sentence."""

import math

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.ppo_clipping import exercises

# ---------------------------------------------------------------- right and wrong surrogates


def surrogate(new, old, advantages, clip_eps):
    ratio = (new - old).exp()
    return torch.min(ratio * advantages, torch.clamp(ratio, 1 - clip_eps, 1 + clip_eps) * advantages).mean()


def surrogate_in_a_loop(new, old, advantages, clip_eps):
    total = 0
    for n, o, a in zip(new, old, advantages, strict=True):
        ratio = torch.exp(n - o)
        total = total + min(ratio * a, (1 + clip_eps) * a if a >= 0 else (1 - clip_eps) * a)
    return total / len(new)


def surrogate_under_a_ceiling(new, old, advantages, clip_eps):
    return torch.min((new - old).exp() * advantages, advantages + clip_eps * advantages.abs()).mean()


def surrogate_by_loop(new, old, advantages, clip_eps):
    total = 0.0
    for n, o, a in zip(new.tolist(), old.tolist(), advantages.tolist(), strict=True):
        ratio = math.exp(n) / math.exp(o)
        total += min(ratio * a, (1 + clip_eps) * a if a >= 0 else (1 - clip_eps) * a)
    return total / len(new)


def surrogate_in_numpy(new, old, advantages, clip_eps):
    new, old, advantages = new.numpy(), old.numpy(), advantages.numpy()
    ratio = 2.718281828459045 ** (new - old)
    return float(((ratio * advantages).clip(max=ratio.clip(1 - clip_eps, 1 + clip_eps) * advantages)).mean())


def clip_only(new, old, advantages, clip_eps):
    return (torch.exp(new - old).clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()


def larger_of_the_two(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    return torch.max(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()


def clip_of_the_logarithm(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    return torch.min(ratio * advantages, torch.exp((new - old).clamp(-clip_eps, clip_eps)) * advantages).mean()


def min_of_the_means(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    plain, clipped = ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages
    return min(plain.mean(), clipped.mean())


def the_loss(new, old, advantages, clip_eps):
    return -surrogate(new, old, advantages, clip_eps)


def sign_of_the_advantage_lost(new, old, advantages, clip_eps):
    return surrogate(new, old, abs(advantages), clip_eps)


def no_clip(new, old, advantages, clip_eps):
    return (torch.exp(new - old) * advantages).mean()


def upside_down(new, old, advantages, clip_eps):
    ratio = torch.exp(old - new)
    return torch.min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()


def no_exponential(new, old, advantages, clip_eps):
    ratio = new - old
    return torch.min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()


def range_around_zero(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    return torch.min(ratio * advantages, ratio.clamp(-clip_eps, clip_eps) * advantages).mean()


def upper_edge_only(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    return torch.min(ratio * advantages, ratio.clamp(max=1 + clip_eps) * advantages).mean()


def smaller_ratio_times_advantage(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    return torch.mean(torch.min(ratio, torch.clamp(ratio, 1 - clip_eps, 1 + clip_eps)) * advantages)


def clip_of_the_product(new, old, advantages, clip_eps):
    return torch.clamp(torch.exp(new - old) * advantages, 1 - clip_eps, 1 + clip_eps).mean()


def min_with_the_clip_of_the_product(new, old, advantages, clip_eps):
    plain = torch.exp(new - old) * advantages
    return torch.min(plain, torch.clamp(plain, 1 - clip_eps, 1 + clip_eps)).mean()


def ratio_of_the_logarithms(new, old, advantages, clip_eps):
    ratio = new / old
    return torch.min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()


def if_over_the_batch(new, old, advantages, clip_eps):
    ratio = torch.exp(new - old)
    if advantages >= 0:
        return torch.min(ratio, torch.tensor(1 + clip_eps)) * advantages
    return torch.max(ratio, torch.tensor(1 - clip_eps)) * advantages


def summed(new, old, advantages, clip_eps):
    return surrogate(new, old, advantages, clip_eps) * len(new)


def normalised(new, old, advantages, clip_eps):
    return surrogate(new, old, (advantages - advantages.mean()) / (advantages.std() + 1e-8), clip_eps)


def probability_over_logarithm(new, old, advantages, clip_eps):
    ratio = torch.exp(new) / old
    return torch.min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()


def ratio_one(new, old, advantages, clip_eps):
    return surrogate(new, new.detach(), advantages, clip_eps)


SURROGATE_MISTAKES = {
    ratio_one: "as if ρ were 1 for every sample",
    normalised: "You normalise the advantages",
    probability_over_logarithm: "a probability by a logarithm",
    clip_only: "never compare",
    larger_of_the_two: "optimistic",
    clip_of_the_logarithm: "logarithm",
    min_of_the_means: "average first",
    the_loss: "the loss, to descend",
    sign_of_the_advantage_lost: "sign of the advantage is lost",
    no_clip: "Nothing is clipped",
    upside_down: "upside down",
    no_exponential: "exponential is missing",
    range_around_zero: "around 1",
    upper_edge_only: "clip above only",
    summed: "take their mean",
    smaller_ratio_times_advantage: "Multiply by A before you compare",
    clip_of_the_product: "You clip ρA. Clip ρ, then multiply",
    min_with_the_clip_of_the_product: "You clip ρA before you compare",
    ratio_of_the_logarithms: "You divide two logarithms",
}

# ---------------------------------------------------------------- what the checker says


@pytest.mark.covers("EQ-23", "EQ-24", "EQ-25", "EQ-26", "EQX-05", "EQX-07", "CL-28", "MIS-20")
class TestClippedSurrogate(CheckerContract):
    check = staticmethod(exercises.clipped_surrogate)
    right = (surrogate, surrogate_in_a_loop, surrogate_under_a_ceiling)
    wrong = SURROGATE_MISTAKES
    seeds = range(5)

    def test_every_mistake_is_shown_on_a_case(self, mistake, words):
        assert all(self.check(mistake, seed=seed).example for seed in self.seeds)


def in_place(new, old, advantages, clip_eps):
    new -= old
    return surrogate(new, 0, advantages, clip_eps)


def test_arguments_stay_as_they_are():
    assert "in place" in exercises.clipped_surrogate(in_place).sentence


def detached(new, old, advantages, clip_eps):
    return surrogate(new, old, advantages, clip_eps).detach()


@pytest.mark.parametrize("student", [surrogate_by_loop, surrogate_in_numpy, detached])
def test_a_surrogate_that_could_not_train_is_found(student):
    assert "no gradient comes back to log_probs" in exercises.clipped_surrogate(student).sentence


def test_a_surrogate_with_a_detached_ratio_is_found():
    def half_detached(new, old, advantages, clip_eps):
        ratio = torch.exp(new - old)
        return torch.min(ratio.detach() * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()

    assert "its gradient is not" in exercises.clipped_surrogate(half_detached).sentence


def test_an_if_over_a_whole_tensor_is_explained():
    verdict = exercises.clipped_surrogate(if_over_the_batch)
    assert not verdict.passed and "torch.where" in verdict.sentence


def test_python_s_min_is_explained_as_what_it_is():
    def python_min(new, old, advantages, clip_eps):
        ratio = torch.exp(new - old)
        return min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()

    assert "Python's own min and max" in exercises.clipped_surrogate(python_min).sentence


def test_values_and_indices_are_explained():
    def along_an_axis(new, old, advantages, clip_eps):
        ratio = torch.exp(new - old)
        terms = torch.stack([ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages])
        return torch.min(terms, 0).mean()

    assert "values and indices" in exercises.clipped_surrogate(along_an_axis).sentence


def test_a_loop_passes_with_a_remark_and_tensor_operations_without():
    assert "it has a loop" in exercises.clipped_surrogate(surrogate_in_a_loop).sentence
    assert "One thing more" not in exercises.clipped_surrogate(surrogate).sentence


def test_a_mean_over_the_first_axis_passes_with_a_remark_that_is_true():
    def mean_of_columns(new, old, advantages, clip_eps):
        ratio = (new - old).exp()
        return torch.min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean(0)

    verdict = exercises.clipped_surrogate(mean_of_columns)
    assert verdict.passed and "it returns shape [3], not one number" in verdict.sentence
    assert "loop" not in verdict.sentence


def test_one_axis_only_is_told_where_it_is_true():
    def dot_product(new, old, advantages, clip_eps):
        ratio = (new - old).exp()
        slope = torch.where(advantages > 0, ratio.clamp(max=1 + clip_eps), ratio.clamp(min=1 - clip_eps))
        return slope.dot(advantages) / len(advantages)

    def divided_by_the_rows(new, old, advantages, clip_eps):
        return surrogate(new, old, advantages, clip_eps) * advantages.numel() / len(advantages)

    assert "it stops with an error" in exercises.clipped_surrogate(dot_product).sentence
    assert "another number than the mean" in exercises.clipped_surrogate(divided_by_the_rows).sentence


def test_single_precision_inside_passes_without_a_remark():
    def in_single(new, old, advantages, clip_eps):
        return surrogate(new.float(), old.float(), advantages.float(), clip_eps)

    verdict = exercises.clipped_surrogate(in_single)
    assert verdict.passed and "One thing more" not in verdict.sentence


def test_backward_inside_is_told():
    def steps_itself(new, old, advantages, clip_eps):
        value = surrogate(new, old, advantages, clip_eps)
        value.backward()
        return value

    def asks_for_a_gradient_first(new, old, advantages, clip_eps):
        return steps_itself(new.requires_grad_(), old, advantages, clip_eps)

    for student in (steps_itself, asks_for_a_gradient_first):
        verdict = exercises.clipped_surrogate(student)
        assert not verdict.passed and "You call backward inside the function" in verdict.sentence


def test_a_gradient_that_hangs_on_the_answer_does_not_matter():
    def with_gradient(new, old, advantages, clip_eps):
        return surrogate(new.clone().requires_grad_(), old, advantages, clip_eps)

    assert exercises.clipped_surrogate(with_gradient).passed
