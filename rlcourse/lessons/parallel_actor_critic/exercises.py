"""Exercises of the lesson: what waiting costs, how stale a gradient is, and what a synchronous learner averages."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, explained, judge, write, wrong

# ---------------------------------------------------------------- E1: how much of the time a synchronous run works


def sync_efficiency(student, *, seed=None):
    """Check sync_efficiency(times) -> share of the workers' time that is work; times: [rounds, workers]."""
    rng = np.random.default_rng(seed)
    cases = [
        (torch.tensor([[1.0, 3.0], [2.0, 1.0]], dtype=torch.float64),),  # two rounds: one number per round shows
        (torch.tensor([[1.0, 1.0, 1.0, 3.0]], dtype=torch.float64),),
        *((torch.from_numpy(rng.exponential(1.0, (rounds, workers)) + 0.2),) for rounds, workers in ((3, 2), (5, 4))),
        (torch.from_numpy(rng.exponential(1.0, (40, 8)) + 0.2),),
    ]
    return judge(
        student,
        lambda times: times.sum() / (times.shape[1] * times.max(1).values.sum()),
        cases,
        [
            Mistake(
                "That is the share of the time in which workers wait; efficiency is the share in which they work.",
                lambda times: 1 - times.sum() / (times.shape[1] * times.max(1).values.sum()),
            ),
            Mistake(
                "You average the efficiencies of the rounds, as if all rounds took equally long. Long rounds count "
                "more: add up work and time first, divide once.",
                lambda times: (times.mean(1) / times.max(1).values).mean(),
            ),
            Mistake(
                "You compare with the worker that is slowest in all. In every round everybody waits for the slowest of "
                "that round, and that may be another one each time.",
                lambda times: times.sum() / (times.shape[1] * times.sum(0).max()),
            ),
            Mistake(
                "You compare the fastest worker with the slowest. What counts is how long all of them work.",
                lambda times: times.min(1).values.sum() / times.max(1).values.sum(),
            ),
            Mistake(
                "Your rounds and workers are exchanged: a row of `times` is one round, a column one worker.",
                lambda times: times.sum() / (times.shape[0] * times.max(0).values.sum()),
            ),
            Mistake(
                "A division by the number of workers is missing: each of them has the whole duration.",
                lambda times: times.sum() / times.max(1).values.sum(),
            ),
            Mistake(
                "Your result is turned upside down: the time a run takes, over the time it needs.",
                lambda times: times.shape[1] * times.max(1).values.sum() / times.sum(),
            ),
            Mistake(
                "You look at the longest time of the whole run. Each round waits for the slowest of that round only.",
                lambda times: times.mean() / times.max(),
            ),
        ],
        praise="Mean over maximum, round by round: one slow worker sets everybody's pace.",
        show=lambda times: "times " + "; ".join(write(row) for row in times[:6]),
        each="one number",
    )


# ---------------------------------------------------------------- E2: how stale each gradient is


def _staleness(arrivals, *, first=0, own=1):
    """Updates between copy and use; the copies begin at version `first`, or at None with the first gradient."""
    copied, stale = {}, []
    for update, worker in enumerate(arrivals.tolist()):
        begun = update if first is None else first
        stale.append(update - copied.get(worker, begun))
        copied[worker] = update + own
    return torch.tensor(stale, dtype=torch.float64)


def _others(arrivals):
    """How many different workers have handed in since the copy."""
    workers, found = arrivals.tolist(), []
    for update, worker in enumerate(workers):
        earlier = [t for t in range(update) if workers[t] == worker]
        found.append(len(set(workers[earlier[-1] + 1 if earlier else 0 : update])))
    return torch.tensor(found, dtype=torch.float64)


def staleness(student, *, seed=None):
    """Check staleness(arrivals) -> updates between the copy and the use of each gradient; arrivals: [updates]."""
    rng = np.random.default_rng(seed)
    cases = [(torch.tensor(order),) for order in ([0, 1, 0, 0, 2], [1, 0, 2, 2, 0, 1, 1])]
    cases += [(torch.from_numpy(rng.integers(workers, size=9)),) for workers in (2, 3, 4)]
    verdict = judge(
        student,
        _staleness,
        cases,
        [
            Mistake(
                "You count the worker's own last update, too. It copies the weights right after that update, so its "
                "copy holds it already.",
                lambda arrivals: _staleness(arrivals, own=0),
            ),
            Mistake(
                "You count all updates since the start. A worker copies the weights again after each of its gradients. "
                "If you keep its copy in a dict: tensors never match as keys. Use worker.item() or arrivals.tolist().",
                lambda arrivals: torch.arange(len(arrivals), dtype=torch.float64),
            ),
            Mistake(
                "You take the first gradient of every worker for fresh. All workers copied the weights before the "
                "first update, and some hand in much later.",
                lambda arrivals: _staleness(arrivals, first=None),
            ),
            Mistake(
                "You give the mean, N - 1, for every gradient. The single ones differ: count for each of them.",
                lambda arrivals: torch.full((len(arrivals),), len(set(arrivals.tolist())) - 1.0, dtype=torch.float64),
            ),
            Mistake(
                "You return zero for every gradient, as if everybody copied the weights after every update. Only the "
                "worker that has handed in copies them.",
                lambda arrivals: torch.zeros(len(arrivals), dtype=torch.float64),
            ),
            Mistake(
                "You count the workers that handed in meanwhile. Count updates: a fast worker may have made several.",
                _others,
            ),
        ],
        praise="Every gradient has the right age: the updates of the others since its worker copied the weights.",
        show=lambda arrivals: f"arrivals {write(arrivals)}",
        each="one number per update",
    )
    first = "The dict has no entry for a worker's first gradient: use copied.get(worker, 0)."
    return explained(verdict, [(r"KeyError, \d", first)])


# ---------------------------------------------------------------- E3: what the synchronous learner averages


def _weighted(gradients, weights):
    return torch.tensordot(weights, gradients, dims=1)


def average(student, *, seed=None):
    """Check average(gradients, steps) -> the gradient of the mean over all steps; [workers, ...] and [workers]."""
    rng = np.random.default_rng(seed)
    first = torch.tensor([[1.0, 0.0], [4.0, 2.0]], dtype=torch.float64), torch.tensor([3.0, 1.0], dtype=torch.float64)
    cases = [first]
    for shape in ((3, 4), (4, 3, 2), (2, 5, 3)):
        steps = torch.from_numpy(rng.permutation(8)[: shape[0]] + 1.0)
        cases.append((torch.from_numpy(rng.normal(size=shape)), steps))
    verdict = _judge_average(student, cases)
    if verdict.passed or not _judge_average(student, cases[:2]).passed:
        return verdict
    return wrong(
        "For gradients of shape [workers, parameters] your function is right. Gradients may have more axes, "
        "[workers, ...], and there it fails: each worker's number of steps has to multiply its whole gradient.",
        verdict.sentence,
    )


def _judge_average(student, cases):
    return judge(
        student,
        lambda gradients, steps: _weighted(gradients, steps) / steps.sum(),
        cases,
        [
            Mistake(
                "You count every worker alike. A gradient that is the mean over more steps has to count more.",
                lambda gradients, steps: gradients.mean(0),
            ),
            Mistake(
                "You add the gradients up. Then every further worker makes the update larger.",
                lambda gradients, steps: gradients.sum(0),
            ),
            Mistake(
                "You weigh by the steps, but do not divide by their sum.",
                _weighted,
            ),
            Mistake(
                "You weigh by the steps, and divide by the number of workers. Divide by the number of all steps.",
                lambda gradients, steps: _weighted(gradients, steps) / len(steps),
            ),
            Mistake(
                "You divide each gradient by its steps, so the worker with the fewest steps counts most. Each gradient "
                "is a mean already: multiply it by its steps to get the sum.",
                lambda gradients, steps: _weighted(gradients, 1 / steps) / (1 / steps).sum(),
            ),
            Mistake(
                "You divide each gradient by its steps and add up. Each gradient is a mean already: multiply it by its "
                "steps to get the sum, then divide once, by all steps.",
                lambda gradients, steps: _weighted(gradients, 1 / steps),
            ),
        ],
        praise="This is the gradient of the mean over all steps, whoever took them.",
        show=lambda gradients, steps: f"gradients {_rows(gradients)}, steps {write(steps)}",
        each="one number per parameter",
    )


def _rows(gradients):
    """The gradients of a small case, worker by worker."""
    return "; ".join(write(row) for row in gradients) if gradients.dim() == 2 else f"of shape {list(gradients.shape)}"
