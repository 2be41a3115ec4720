"""Lesson 06's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import math

import pytest
import torch

from rlcourse.exercises import lesson_06
from rlcourse.exercises.checker import UNFINISHED

# ---------------------------------------------------------------- E1


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


SURROGATE_MISTAKES = {
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

# ---------------------------------------------------------------- E2


def ceiling(clip_eps, advantages):
    return advantages + clip_eps * advantages.abs()


def ceiling_by_loop(clip_eps, advantages):
    return [(1 + clip_eps) * a if a >= 0 else (1 - clip_eps) * a for a in advantages]


def ceiling_with_where(clip_eps, advantages):
    return torch.where(advantages > 0, 1 + clip_eps, 1 - clip_eps) * advantages


def branches_swapped(clip_eps, advantages):
    return torch.where(advantages > 0, 1 - clip_eps, 1 + clip_eps) * advantages


def upper_edge_for_all(clip_eps, advantages):
    return advantages * (1 + clip_eps)


def lower_edge_for_all(clip_eps, advantages):
    return advantages * (1 - clip_eps)


def edge_only(clip_eps, advantages):
    return [1 + clip_eps if a >= 0 else 1 - clip_eps for a in advantages]


def gain_only(clip_eps, advantages):
    return clip_eps * abs(advantages)


def size_of_the_ceiling(clip_eps, advantages):
    return [((1 + clip_eps) if a >= 0 else (1 - clip_eps)) * abs(a) for a in advantages]


def an_edge_at_zero(clip_eps, advantages):
    return [(1 + clip_eps) * a if a > 0 else (1 - clip_eps) * a if a < 0 else 1 + clip_eps for a in advantages]


def one_at_zero(clip_eps, advantages):
    return [(1 + clip_eps) * a if a > 0 else (1 - clip_eps) * a if a < 0 else 1.0 for a in advantages]


def larger_edge_of_the_size(clip_eps, advantages):
    return abs(advantages) * (1 + clip_eps)


def ceiling_by_minimum(clip_eps, advantages):
    return torch.minimum((1 + clip_eps) * advantages, (1 - clip_eps) * advantages)


def if_over_the_advantages(clip_eps, advantages):
    if advantages >= 0:
        return (1 + clip_eps) * advantages
    return (1 - clip_eps) * advantages


CEILING_MISTAKES = {
    larger_edge_of_the_size: "above zero, and at the wrong edge",
    branches_swapped: "swapped",
    upper_edge_for_all: "upper edge for both",
    lower_edge_for_all: "lower edge for both",
    edge_only: "not yet multiplied",
    gain_only: "A is missing",
    size_of_the_ceiling: "ceiling below zero",
    an_edge_at_zero: "not an edge of the range",
    one_at_zero: "not ε or 1",
}

# ---------------------------------------------------------------- E3


def row(ratio, advantage, clip_eps):
    rho = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
    plain, clipped = rho * advantage, rho.clamp(1 - clip_eps, 1 + clip_eps) * advantage
    L = torch.minimum(plain, clipped)
    L.backward()
    return L.item(), rho.grad.item(), rho.grad.item() == 0


def row_by_hand(ratio, advantage, clip_eps):
    if advantage > 0 and ratio > 1 + clip_eps:
        return [(1 + clip_eps) * advantage, 0.0, 1]
    if advantage < 0 and ratio < 1 - clip_eps:
        return [(1 - clip_eps) * advantage, 0.0, 1]
    return torch.tensor([ratio * advantage, advantage, 0])


def row_of_the_clip(ratio, advantage, clip_eps):
    clipped = min(max(ratio, 1 - clip_eps), 1 + clip_eps)
    return clipped * advantage, advantage if clipped == ratio else 0, clipped != ratio


def row_without_slope_outside(ratio, advantage, clip_eps):
    L = row_by_hand(ratio, advantage, clip_eps)[0]
    outside = not 1 - clip_eps <= ratio <= 1 + clip_eps
    return L, 0 if outside else advantage, outside


def row_that_calls_outside_clipped(ratio, advantage, clip_eps):
    L, slope, _ = row_by_hand(ratio, advantage, clip_eps)
    return L, slope, not 1 - clip_eps <= ratio <= 1 + clip_eps


def row_with_the_flag_reversed(ratio, advantage, clip_eps):
    L, slope, clipped = row_by_hand(ratio, advantage, clip_eps)
    return L, slope, not clipped


def row_without_clip(ratio, advantage, clip_eps):
    return ratio * advantage, advantage, 0


def row_in_log_ratio(ratio, advantage, clip_eps):
    L, slope, clipped = row_by_hand(ratio, advantage, clip_eps)
    return L, ratio * slope, clipped


def row_of_the_max(ratio, advantage, clip_eps):
    rho = torch.tensor(ratio, dtype=torch.float64, requires_grad=True)
    plain, clipped = rho * advantage, rho.clamp(1 - clip_eps, 1 + clip_eps) * advantage
    L = torch.maximum(plain, clipped)
    (slope,) = torch.autograd.grad(L, rho)
    return L.item(), slope.item(), slope.item() == 0


def row_without_signs(ratio, advantage, clip_eps):
    L, slope, clipped = row_by_hand(ratio, advantage, clip_eps)
    return L, abs(slope), clipped


def row_in_another_order(ratio, advantage, clip_eps):
    L, slope, clipped = row_by_hand(ratio, advantage, clip_eps)
    return slope, L, clipped


def row_with_slope_one(ratio, advantage, clip_eps):
    L, _, clipped = row_by_hand(ratio, advantage, clip_eps)
    return L, 0 if clipped else 1, clipped


ROW_MISTAKES = {
    row_in_another_order: "in another order",
    row_with_slope_one: "Your slope is 1",
    row_of_the_clip: "survives",
    row_without_slope_outside: "Your L is right",
    row_that_calls_outside_clipped: "not that ρ is outside",
    row_with_the_flag_reversed: "The last entry asks",
    row_without_clip: "nothing is clipped",
    row_in_log_ratio: "log ρ",
    row_of_the_max: "larger term",
    row_without_signs: "lost their sign",
}

# ---------------------------------------------------------------- E4


def silent(ratios, advantages, clip_eps):
    rho = ratios.clone().requires_grad_()
    clipped = rho.clamp(1 - clip_eps, 1 + clip_eps) * advantages
    torch.minimum(rho * advantages, clipped).sum().backward()
    return rho.grad == 0


def silent_by_loop(ratios, advantages, clip_eps):
    return [
        a == 0 or (a > 0 and r > 1 + clip_eps) or (a < 0 and r < 1 - clip_eps)
        for r, a in zip(ratios.tolist(), advantages.tolist(), strict=True)
    ]


def silent_outside(ratios, advantages, clip_eps):
    return (ratios - 1).abs() > clip_eps


def silent_outside_or_zero(ratios, advantages, clip_eps):
    return ((ratios - 1).abs() > clip_eps) | (advantages == 0)


def silent_with_signs_swapped(ratios, advantages, clip_eps):
    return ((ratios > 1 + clip_eps) & (advantages < 0)) | ((ratios < 1 - clip_eps) & (advantages > 0))


def silent_with_signs_swapped_or_zero(ratios, advantages, clip_eps):
    return silent_with_signs_swapped(ratios, advantages, clip_eps) | (advantages == 0)


def silent_good_or_zero(ratios, advantages, clip_eps):
    return silent_good(ratios, advantages, clip_eps) | (advantages == 0)


def silent_good(ratios, advantages, clip_eps):
    return (ratios > 1 + clip_eps) & (advantages > 0)


def silent_without_zero(ratios, advantages, clip_eps):
    return silent(ratios, advantages, clip_eps) & (advantages != 0)


def loud(ratios, advantages, clip_eps):
    return ~silent(ratios, advantages, clip_eps)


def inside(ratios, advantages, clip_eps):
    return (ratios >= 1 - clip_eps) & (ratios <= 1 + clip_eps)


def silent_where_not_larger(ratios, advantages, clip_eps):
    return ratios.clamp(1 - clip_eps, 1 + clip_eps) * advantages <= ratios * advantages


def silent_with_equal_signs(ratios, advantages, clip_eps):
    return ((ratios > 1 + clip_eps) & (advantages >= 0)) | ((ratios < 1 - clip_eps) & (advantages <= 0))


def silent_bad(ratios, advantages, clip_eps):
    return (ratios < 1 - clip_eps) & (advantages < 0)


def silent_bad_or_zero(ratios, advantages, clip_eps):
    return silent_bad(ratios, advantages, clip_eps) | (advantages == 0)


def silent_with_and(ratios, advantages, clip_eps):
    return (advantages > 0 and ratios > 1 + clip_eps) or (advantages < 0 and ratios < 1 - clip_eps)


SILENT_MISTAKES = {
    silent_where_not_larger: "there the slope lives",
    silent_with_equal_signs: "on one side only",
    silent_bad: "is silent everywhere",
    silent_bad_or_zero: "Good actions can be done with as well",
    silent_outside: "every sample outside the range silent. At",
    silent_outside_or_zero: "and those without advantage",
    silent_with_signs_swapped: "outside the range that do come back",
    silent_with_signs_swapped_or_zero: "apart from zero advantages",
    silent_good_or_zero: "on which side",
    silent_good: "silent anywhere",
    silent_without_zero: "One kind inside",
    loud: "do have a gradient",
    inside: "every sample inside",
}

# ---------------------------------------------------------------- E5


def k3(new, old):
    log_ratio = new - old
    return (log_ratio.exp() - 1 - log_ratio).mean()


def k3_by_loop(new, old):
    terms = [math.exp(n - o) - 1 - (n - o) for n, o in zip(new.tolist(), old.tolist(), strict=True)]
    return sum(terms) / len(terms)


def k1(new, old):
    return -(new - old).mean()


def k1_reversed(new, old):
    return (new - old).mean()


def k3_upside_down(new, old):
    return k3(old, new)


def k2(new, old):
    return (0.5 * (new - old) ** 2).mean()


def k3_without_one(new, old):
    return (torch.exp(new - old) - (new - old)).mean()


def ratio_minus_one(new, old):
    return (torch.exp(new - old) - 1).mean()


def k3_with_plus(new, old):
    return (torch.exp(new - old) - 1 + new - old).mean()


def k3_of_the_mean(new, old):
    ratio = torch.exp(new - old).mean()
    return ratio - 1 - torch.log(ratio)


def size_of_k1(new, old):
    return (old - new).abs().mean()


def k3_summed(new, old):
    return k3(new, old) * len(new)


def minus_k3(new, old):
    return -k3(new, old)


def k3_of_divided_logarithms(new, old):
    ratio = new / old
    return (ratio - 1 - ratio.log()).mean()


def k3_with_a_wrong_ratio(new, old):
    return (new / old - 1 - (new - old)).mean()


K3_MISTAKES = {
    k3_of_divided_logarithms: "the logarithm of a ratio is the difference",
    k3_with_a_wrong_ratio: "ρ is the exponential",
    k1: "This is k1",
    k1_reversed: "k1 with the wrong sign",
    k3_upside_down: "upside down",
    k2: "k2",
    k3_without_one: "your term is 1",
    ratio_minus_one: "−log ρ is missing",
    k3_with_plus: "The sign of log ρ",
    k3_of_the_mean: "average the ratios first",
    size_of_k1: "size of −log ρ",
    k3_summed: "take their mean",
    minus_k3: "Minus the estimate",
}

# ---------------------------------------------------------------- all of them

EXERCISES = {
    "clipped_surrogate": ((surrogate, surrogate_in_a_loop, surrogate_under_a_ceiling), SURROGATE_MISTAKES),
    "ceiling": ((ceiling, ceiling_by_loop, ceiling_with_where), CEILING_MISTAKES),
    "table_row": ((row, row_by_hand), ROW_MISTAKES),
    "silent": ((silent, silent_by_loop), SILENT_MISTAKES),
    "kl_k3": ((k3, k3_by_loop), K3_MISTAKES),
}
COVERS = pytest.mark.covers("EQ-23", "EQ-24", "EQ-25", "EQ-26", "EQX-05", "EQX-07", "CL-28", "MIS-20")


@COVERS
@pytest.mark.parametrize(("name", "student"), [(name, f) for name, (good, _) in EXERCISES.items() for f in good])
def test_right_answers_pass_in_any_style(name, student):
    for seed in range(5):
        verdict = getattr(lesson_06, name)(student, seed=seed)
        assert verdict.passed, verdict


@COVERS
@pytest.mark.parametrize(
    ("name", "student", "words"), [(name, f, words) for name, (_, bad) in EXERCISES.items() for f, words in bad.items()]
)
def test_every_mistake_is_named(name, student, words):
    for seed in range(5):
        verdict = getattr(lesson_06, name)(student, seed=seed)
        assert not verdict.passed
        assert words in verdict.sentence
        assert verdict.example


@pytest.mark.parametrize("name", EXERCISES)
def test_no_two_mistakes_share_a_sentence(name):
    _, mistakes = EXERCISES[name]
    said = {getattr(lesson_06, name)(student).sentence for student in mistakes}
    assert len(said) == len(mistakes)


@pytest.mark.parametrize("name", EXERCISES)
def test_whatever_a_beginner_does_becomes_a_sentence(name):
    check = getattr(lesson_06, name)

    def unfinished(*arguments): ...

    def crashes(*arguments):
        raise KeyError("ratio")

    def shapeless(*arguments):
        return torch.zeros(2, 7)

    def words(*arguments):
        return "min"

    def unknown(*arguments):
        return math.nan * torch.ones(())

    assert check(unfinished).state == UNFINISHED
    assert "KeyError" in check(crashes).sentence
    assert "shape" in check(shapeless).sentence
    for student in (words, unknown):
        assert not check(student).passed
    assert "without calling it" in check(3.0).sentence


def in_place(new, old, advantages, clip_eps):
    new -= old
    return surrogate(new, 0, advantages, clip_eps)


def test_arguments_stay_as_they_are():
    assert "in place" in lesson_06.clipped_surrogate(in_place).sentence


def detached(new, old, advantages, clip_eps):
    return surrogate(new, old, advantages, clip_eps).detach()


@pytest.mark.parametrize("student", [surrogate_by_loop, surrogate_in_numpy, detached])
def test_a_surrogate_that_could_not_train_is_found(student):
    assert "no gradient comes back to log_probs" in lesson_06.clipped_surrogate(student).sentence


def test_a_surrogate_with_a_detached_ratio_is_found():
    def half_detached(new, old, advantages, clip_eps):
        ratio = torch.exp(new - old)
        return torch.min(ratio.detach() * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()

    assert "its gradient is not" in lesson_06.clipped_surrogate(half_detached).sentence


@pytest.mark.parametrize(
    ("name", "student"),
    [("clipped_surrogate", if_over_the_batch), ("ceiling", if_over_the_advantages), ("silent", silent_with_and)],
)
def test_an_if_over_a_whole_tensor_is_explained(name, student):
    verdict = getattr(lesson_06, name)(student)
    assert not verdict.passed and "torch.where" in verdict.sentence


def test_a_minimum_of_the_two_edges_is_a_swap():
    assert "minimum where the maximum belongs" in lesson_06.ceiling(ceiling_by_minimum).sentence


def test_a_gradient_that_hangs_on_the_answer_does_not_matter():
    def with_gradient(new, old, advantages, clip_eps):
        return surrogate(new.clone().requires_grad_(), old, advantages, clip_eps)

    assert lesson_06.clipped_surrogate(with_gradient).passed
