"""Checkers of ceiling, table, silent samples and k3: right answers pass, every known mistake is named."""

import math

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.ppo_clipping import exercises

# ---------------------------------------------------------------- E4, ceiling


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


def an_edge_by_sign(clip_eps, advantages):
    return torch.where(advantages > 0, 1 + clip_eps, 1 - clip_eps)


def sign_times_edge(clip_eps, advantages):
    return torch.sign(advantages) * (1 + clip_eps)


def good_actions_only(clip_eps, advantages):
    return (1 + clip_eps) * advantages.clamp(min=0)


CEILING_MISTAKES = {
    an_edge_by_sign: "the edge of the range, not multiplied",
    sign_times_edge: "its size is missing",
    good_actions_only: "Bad actions are lost",
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

# ---------------------------------------------------------------- E2, row


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


def row_clipped_where_equal(ratio, advantage, clip_eps):
    L, slope, _ = row_by_hand(ratio, advantage, clip_eps)
    return L, slope, min(max(ratio, 1 - clip_eps), 1 + clip_eps) * advantage <= ratio * advantage


def row_with_slope_of_the_loss(ratio, advantage, clip_eps):
    L, slope, clipped = row_by_hand(ratio, advantage, clip_eps)
    return L, -slope, clipped


def row_of_the_loss(ratio, advantage, clip_eps):
    L, slope, clipped = row_by_hand(ratio, advantage, clip_eps)
    return -L, -slope, clipped


def row_compared_the_wrong_way(ratio, advantage, clip_eps):
    L, slope, _ = row_by_hand(ratio, advantage, clip_eps)
    return L, slope, ratio * advantage < min(max(ratio, 1 - clip_eps), 1 + clip_eps) * advantage


ROW_MISTAKES = {
    row_compared_the_wrong_way: "The comparison in the last entry",
    row_clipped_where_equal: "strictly smaller",
    row_with_slope_of_the_loss: "Your slope has the wrong sign",
    row_of_the_loss: "those of the loss",
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

# ---------------------------------------------------------------- E3, silent


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


def silent_with_half_the_brackets(ratios, advantages, clip_eps):
    return (advantages > 0 & (ratios > 1 + clip_eps)) | (advantages < 0 & (ratios < 1 - clip_eps))


SILENT_MISTAKES = {
    silent_with_half_the_brackets: "binds more tightly",
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


def kl_by_the_book(new, old):
    return (old.exp() * (old - new)).sum()


def kl_by_the_book_as_a_mean(new, old):
    return (new.exp() * (new - old)).mean()


def k3_weighted(new, old):
    return (old.exp() * ((new - old).exp() - 1 - (new - old))).mean()


K3_MISTAKES = {
    kl_by_the_book: "You weight −log ρ with the old",
    kl_by_the_book_as_a_mean: "You weight log ρ with the new",
    k3_weighted: "You weight k3",
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

# ---------------------------------------------------------------- what the checkers say

COVERS = pytest.mark.covers("EQ-23", "EQ-24", "EQ-25", "EQ-26", "EQX-05", "EQX-07", "CL-28", "MIS-20")


class WithExamples(CheckerContract):
    seeds = range(5)

    def test_every_mistake_is_shown_on_a_case(self, mistake, words):
        assert all(self.check(mistake, seed=seed).example for seed in self.seeds)


@COVERS
class TestCeiling(WithExamples):
    check = staticmethod(exercises.ceiling)
    right = (ceiling, ceiling_by_loop, ceiling_with_where)
    wrong = CEILING_MISTAKES


@COVERS
class TestTableRow(WithExamples):
    check = staticmethod(exercises.table_row)
    right = (row, row_by_hand)
    wrong = ROW_MISTAKES
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers


@COVERS
class TestSilent(WithExamples):
    check = staticmethod(exercises.silent)
    right = (silent, silent_by_loop)
    wrong = SILENT_MISTAKES


@COVERS
class TestKlK3(WithExamples):
    check = staticmethod(exercises.kl_k3)
    right = (k3, k3_by_loop)
    wrong = K3_MISTAKES


@pytest.mark.parametrize(
    ("check", "student"),
    [(exercises.ceiling, if_over_the_advantages), (exercises.silent, silent_with_and)],
)
def test_an_if_over_a_whole_tensor_is_explained(check, student):
    verdict = check(student)
    assert not verdict.passed and "torch.where" in verdict.sentence


def test_arguments_in_the_other_order_are_noticed():
    def by_sign(advantages, clip_eps):
        return torch.where(advantages > 0, 1 + clip_eps, 1 - clip_eps) * advantages

    def by_size(advantages, clip_eps):
        return advantages + clip_eps * abs(advantages)

    for student in (by_sign, by_size):
        assert "in the other order" in exercises.ceiling(student).sentence


def test_comparisons_without_any_brackets_are_explained():
    def bare(ratios, advantages, clip_eps):
        return advantages > 0 & (ratios > 1 + clip_eps) | advantages < 0 & (ratios < 1 - clip_eps)

    verdict = exercises.silent(bare)
    assert verdict.state == "not yet" and "Put each comparison into brackets" in verdict.sentence


def test_a_minimum_of_the_two_edges_is_a_swap():
    assert "minimum where the maximum belongs" in exercises.ceiling(ceiling_by_minimum).sentence
