"""Checker: right answers pass, every known mistake has a sentence of its own."""

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.parallel_actor_critic import exercises

# ---------------------------------------------------------------- E1


def efficiency(times):
    return times.mean(1).sum() / times.max(1).values.sum()


def efficiency_by_loop(times):
    work = duration = 0.0
    for round_ in times.tolist():
        work += sum(round_)
        duration += max(round_)
    return work / (duration * len(times[0]))


EFFICIENCY_WRONG = [
    (lambda t: 1 - efficiency(t), "workers wait"),
    (lambda t: (t.mean(1) / t.max(1).values).mean(), "average the efficiencies"),
    (lambda t: t.sum() / (t.shape[1] * t.sum(0).max()), "slowest in all"),
    (lambda t: t.min(1).values.sum() / t.max(1).values.sum(), "fastest worker"),
    (lambda t: efficiency(t.T), "exchanged"),
    (lambda t: t.sum() / t.max(1).values.sum(), "number of workers"),
    (lambda t: 1 / efficiency(t), "upside down"),
    (lambda t: t.mean() / t.max(), "whole run"),
]


@pytest.mark.covers("CL-19", "AL-04")
class TestSyncEfficiency(CheckerContract):
    check = staticmethod(exercises.sync_efficiency)
    right = (efficiency, efficiency_by_loop)
    wrong = EFFICIENCY_WRONG


# ---------------------------------------------------------------- E2


def staleness(arrivals):
    version, stale = {}, []
    for update, worker in enumerate(arrivals.tolist()):
        stale.append(update - version.get(worker, 0))
        version[worker] = update + 1
    return stale


def staleness_by_counting(arrivals):
    """Backwards to the worker's last turn."""
    stale = torch.zeros(len(arrivals))
    for now in range(len(arrivals)):
        before = now - 1
        while before >= 0 and arrivals[before] != arrivals[now]:
            stale[now] += 1
            before -= 1
    return stale


def since_its_own_update(arrivals):
    last, stale = {}, []
    for update, worker in enumerate(arrivals.tolist()):
        stale.append(update - last.get(worker, 0))
        last[worker] = update
    return stale


def first_is_fresh(arrivals):
    version, stale = {}, []
    for update, worker in enumerate(arrivals.tolist()):
        stale.append(update - version.setdefault(worker, update))
        version[worker] = update + 1
    return stale


STALENESS_WRONG = [
    (since_its_own_update, "own last update"),
    (lambda arrivals: list(range(len(arrivals))), "since the start"),
    (first_is_fresh, "for fresh"),
    (lambda arrivals: [len(arrivals.unique()) - 1] * len(arrivals), "the mean, N - 1"),
    (lambda arrivals: torch.zeros(len(arrivals)), "zero for every gradient"),
    (exercises._others, "workers that handed in meanwhile"),
    (lambda arrivals: arrivals + 0.5, "differ from the definition"),
]


def test_one_efficiency_per_round_is_told_by_its_shape():
    assert "got shape [2]" in exercises.sync_efficiency(lambda times: times.mean(1) / times.max(1).values).sentence


def test_tensors_as_keys_are_told():
    def tensors_as_keys(arrivals):
        copied, stale = {}, []
        for update, worker in enumerate(arrivals):
            stale.append(update - copied.get(worker, 0))
            copied[worker] = update + 1
        return stale

    assert "worker.item() or arrivals.tolist()" in exercises.staleness(tensors_as_keys).sentence


def test_a_first_gradient_without_an_entry_is_told():
    def no_first_entry(arrivals):
        copied, stale = {}, []
        for update, worker in enumerate(arrivals.tolist()):
            stale.append(update - copied[worker])
            copied[worker] = update + 1
        return stale

    said = exercises.staleness(no_first_entry).sentence
    assert "copied.get(worker, 0)" in said and "spelling" not in said


@pytest.mark.covers("CL-20", "MIS-17")
class TestStaleness(CheckerContract):
    check = staticmethod(exercises.staleness)
    right = (staleness, staleness_by_counting)
    wrong = STALENESS_WRONG
    test_an_argument_that_was_changed_is_noticed = None  # it changes columns of real numbers, and here is none


def test_the_mean_staleness_of_two_workers_in_turn_is_one():
    assert staleness(torch.tensor([0, 1] * 20))[1:] == [1] * 39


# ---------------------------------------------------------------- E3


def average(gradients, steps):
    return torch.tensordot(steps, gradients, dims=1) / steps.sum()


def average_by_loop(gradients, steps):
    return sum(n * gradient for n, gradient in zip(steps, gradients)) / sum(steps)


def average_by_broadcasting(gradients, steps):
    weights = (steps / steps.sum()).reshape(-1, *[1] * (gradients.dim() - 1))
    return (weights * gradients).sum(0)


AVERAGE_WRONG = [
    (lambda g, n: g.mean(0), "every worker alike"),
    (lambda g, n: g.sum(0), "add the gradients up"),
    (lambda g, n: torch.tensordot(n, g, 1), "do not divide"),
    (lambda g, n: torch.tensordot(n, g, 1) / len(n), "number of workers"),
    (lambda g, n: torch.tensordot(1 / n, g, 1) / (1 / n).sum(), "fewest steps counts most"),
    (lambda g, n: torch.tensordot(1 / n, g, 1), "then divide once"),
    (lambda g, n: -average(g, n), "differ from the definition"),
]


@pytest.mark.covers("AL-04")
class TestAverage(CheckerContract):
    check = staticmethod(exercises.average)
    right = (average, average_by_loop, average_by_broadcasting)
    wrong = AVERAGE_WRONG


def test_the_case_of_the_average_can_be_worked_by_hand():
    assert (
        "gradients (1, 0); (4, 2), steps (3, 1): expected (1.75, 0.5), got (2.5, 1)"
        in exercises.average(lambda gradients, steps: gradients.mean(0)).example
    )


def test_averages_of_two_axes_are_told_that_more_may_come():
    for two_axes in (lambda g, n: n @ g / n.sum(), lambda g, n: (g * n[:, None]).sum(0) / n.sum()):
        said = exercises.average(two_axes, seed=0).sentence
        assert "For gradients of shape [workers, parameters] your function is right" in said
