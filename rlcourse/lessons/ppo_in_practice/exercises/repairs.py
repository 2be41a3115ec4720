"""Exercise: the clinic, where three functions have four faults."""

import numpy as np
import torch

from rlcourse.course.checker import Stopped, Verdict, as_tensor, call, difference, right, wrong
from rlcourse.course.checker_errors import cause
from rlcourse.course.checker_losses import refuse_backward
from rlcourse.lessons.ppo_in_practice.exercises.updates import TINY, explained, raw_returns, stacked, sweep
from rlcourse.objectives import clipped_surrogate as _clipped_surrogate
from rlcourse.returns import rewards_to_go as _rewards_to_go

_DONE = {
    "clock": "the targets go on after a time limit",
    "flag": "the advantages know a death",
    "old": "the ratio is taken to the policy that collected the rows",
    "sign": "the bonus pays for entropy",
}
_OPEN_FAULTS = {
    "clock": "clinic_targets: a pole that still stands at the time limit is told that it has no future.",
    "flag": "clinic_advantages: they never hear that a pole has fallen.",
    "old": "clinic_loss: its ratio is 1 for every row, whatever has happened to the policy.",
    "sign": "clinic_loss: the more certain the policy, the lower the loss. What was the bonus for?",
}


def clinic(targets, advantages, loss, *, seed=None):
    """Check the three repaired functions of the clinic: which of the four faults are mended, which are left.

    Args:
        targets: clinic_targets(rewards, next_values, terminated, truncated, gamma) -> [T, N].
        advantages: clinic_advantages(rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> [T, N].
        loss: clinic_loss(logits, actions, old_log_probs, advantages, clip_eps, entropy_weight) -> scalar to descend.
    """
    rng = np.random.default_rng(seed)
    mended, open_, notes, example = [], [], [], ""
    examinations = (
        ("clinic_targets", _examine_targets, targets),
        ("clinic_advantages", _examine_advantages, advantages),
        ("clinic_loss", _examine_loss, loss),
    )
    for name, examine, student in examinations:
        try:
            found = examine(student, rng)
        except Stopped as stopped:
            return _of(name, stopped.verdict)
        mended += found.get("mended", [])
        open_ += found.get("open", [])
        notes += found.get("notes", [])
        example = example or found.get("example", "")
    if not open_ and not notes:
        return right("All four faults are mended. Now train it.")
    done = f" Mended: {'; '.join(_DONE[fault] for fault in mended)}." if mended else ""
    left = " ".join([*notes, *(_OPEN_FAULTS[fault] for fault in open_)])
    return wrong(f"{len(mended)} of 4 faults mended.{done} Left: {left}", example)


def _of(name, verdict):
    """The verdict on one of the three functions, which its sentence names."""
    told = explained(verdict, name)
    said = told.sentence if told.sentence.startswith(name) else f"{name}: {told.sentence}"
    return Verdict(told.state, said, told.example)


def rollouts(rng):
    """Three steps of one environment, then two environments side by side: columns [T, N]."""
    return [tuple(column[:, None] for column in case) for case in TINY] + [stacked(rng) for _ in range(4)]


def _examine_targets(student, rng):
    cases = [(case[0], case[2], *case[3:], 0.9) for case in rollouts(rng)]

    def right_way(r, n, d, c, gamma):
        return _rewards_to_go(r, d, c, gamma=gamma, next_values=n)

    known = {
        "clock": lambda r, n, d, c, gamma: _bootstrapped(r, n, d | c, d | c, gamma),
        "clinic_targets: a value is counted even after a death. You have mended too much.": lambda r, n, d, c, gamma: (
            _bootstrapped(r, n, d & ~d, d | c, gamma)
        ),
        "clinic_targets: the sum runs on across a time limit, into the next episode.": lambda r, n, d, c, gamma: (
            _bootstrapped(r, n, d, d, gamma)
        ),
        "clinic_targets: the last row has no future any more, though the window was merely cut "
        "there.": lambda r, n, d, c, gamma: _bootstrapped(r, torch.cat([n[:-1], 0 * n[-1:]]), d, d | c, gamma),
        "clinic_targets: nothing is counted after any cut; where has next_values gone?": lambda r, n, d, c, gamma: (
            raw_returns(r, d | c, gamma)
        ),
    }
    return _diagnose(student, "clinic_targets", right_way, cases, known, {"clock"})


def _bootstrapped(rewards, next_values, dead, cut, gamma):
    """Rewards-to-go with flags of one's own choice; the last row is cut as well."""
    returns = torch.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        last = t == len(rewards) - 1
        after = next_values[t] if last else torch.where(cut[t], next_values[t], returns[t + 1])
        returns[t] = rewards[t] + gamma * after * ~dead[t]
    return returns


def _examine_advantages(student, rng):
    cases = [(*case, 0.9, 0.5) for case in rollouts(rng)]

    def with_flags(masked, cut):
        return lambda r, v, n, d, c, gamma, lam: sweep(r, v, n, gamma, lam, masked=masked(d, c), cut=cut(d, c))

    never, both = (lambda d, c: d & ~d), (lambda d, c: d | c)
    known = {
        "flag": with_flags(never, lambda d, c: c),
        "clinic_advantages: δ still counts a value after a death; only the sum is cut there.": with_flags(never, both),
        "clinic_advantages: δ knows a death now, but the sum still runs on into the next episode.": with_flags(
            lambda d, c: d, lambda d, c: c
        ),
        "clinic_advantages: a time limit is now taken for a death.": with_flags(both, both),
        "clinic_advantages: the sum no longer stops at a time limit.": with_flags(lambda d, c: d, lambda d, c: d),
        "clinic_advantages: every value after an end is gone, and yet the sum crosses a death.": with_flags(
            both, lambda d, c: c
        ),
    }
    return _diagnose(student, "clinic_advantages", with_flags(lambda d, c: d, both), cases, known, {"flag"})


def _loss(*, fresh=False, sign=1.0, clip=True, ascend=False, detached=False, summed=False, constant=False):
    """The clinic's loss as it should be, with faults on demand."""

    def function(logits, actions, old, A, eps, weight):
        logs = logits.log_softmax(-1)
        taken = logs.gather(-1, actions[:, None]).squeeze(-1)
        surrogate = _clipped_surrogate(taken, taken.detach() if fresh else old, A, clip_eps=eps if clip else 1e9)
        entropy = -(logs.exp() * logs).sum(-1)
        entropy = entropy.sum() if summed else entropy.mean()
        surrogate = surrogate.detach() if constant else surrogate
        value = -surrogate - sign * weight * (entropy.detach() if detached else entropy)
        return -value if ascend else value

    return function


def _examine_loss(student, rng):
    cases = []
    for rows in (2, 8, 8):
        logits = torch.from_numpy(rng.normal(0, 1, (rows, 3)))
        actions = torch.from_numpy(rng.integers(0, 3, rows))
        ratios = torch.from_numpy(rng.choice([0.5, 0.95, 1.05, 1.7], rows))
        old = logits.log_softmax(-1)[torch.arange(rows), actions] - ratios.log()
        cases.append((logits.requires_grad_(), actions, old, torch.from_numpy(rng.normal(0, 1, rows)), 0.2, 0.3))

    known = {
        ("old", "sign"): _loss(fresh=True, sign=-1.0),
        ("old",): _loss(fresh=True),
        ("sign",): _loss(sign=-1.0),
        "clinic_loss: the bonus for entropy is gone. It was to be mended, not removed.": _loss(sign=0.0),
        "clinic_loss: the bonus is gone, and the ratio is still 1 for every row.": _loss(fresh=True, sign=0.0),
        "clinic_loss: nothing is clipped any more.": _loss(clip=False),
        "clinic_loss: the sign of the whole is turned. This is what to ascend; asked for is what to descend.": _loss(
            ascend=True
        ),
        "clinic_loss: both faults are mended, but you add up the entropies of the rows. Take their mean, as in the "
        "surrogate.": _loss(summed=True),
        "clinic_loss: the entropies of the rows are added up, and the ratio is still 1 for every row.": _loss(
            fresh=True, summed=True
        ),
        "clinic_loss: no gradient passes through the entropy; the bonus teaches nothing.": _loss(detached=True),
        "clinic_loss: its number is right, and no gradient passes through the ratio; the surrogate teaches "
        "nothing.": _loss(constant=True),
    }

    def with_gradient(function):
        asked = (lambda *case: call(student, case)) if function is student else function
        return lambda *case: _with_gradient(asked(*case), case[0])

    return _diagnose(
        with_gradient(student),
        "clinic_loss",
        with_gradient(_loss()),
        cases,
        {name: with_gradient(function) for name, function in known.items()},
        {"old", "sign"},
        direct=True,
    )


def _with_gradient(value, logits):
    """A loss and, behind it, its gradient: two losses may agree in value and teach different things."""
    refuse_backward([logits])
    number = as_tensor(value, torch.tensor(0.0), "one number")
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        raise Stopped(wrong("No gradient reaches the logits; keep its answer a tensor of theirs."))
    try:
        (slope,) = torch.autograd.grad(value, logits, allow_unused=True)
    except RuntimeError as error:
        raise Stopped(wrong(f"No gradient can be taken of its answer. {cause(error)}".rstrip())) from None
    slope = torch.zeros_like(logits) if slope is None else slope
    return torch.cat([number.reshape(1), slope.flatten()])


def _diagnose(student, name, oracle, cases, known, faults, *, direct=False):
    """What a function does: as the oracle, as one of the known faults, or something else."""
    truths = [oracle(*case).detach() for case in cases]
    answers = []
    for case, truth in zip(cases, truths, strict=True):
        answer = student(*case) if direct else call(student, case)
        answers.append(as_tensor(answer, truth))

    def same(others):
        return all(torch.allclose(a, b.detach(), rtol=1e-6, atol=1e-6) for a, b in zip(answers, others, strict=True))

    if same(truths):
        return {"mended": sorted(faults, key=list(_DONE).index)}
    for what, function in known.items():
        if same([function(*case) for case in cases]):
            if isinstance(what, str) and what not in _OPEN_FAULTS:
                return {"notes": [what]}
            left = {what} if isinstance(what, str) else set(what)
            order = list(_DONE).index
            return {"open": sorted(left, key=order), "mended": sorted(faults - left, key=order)}
    if direct:  # a loss: its number comes first, its slopes behind
        answers, truths = ([column[0] for column in columns] for columns in (answers, truths))
        if same(truths):
            return {"notes": [f"{name}: its number is right, and its gradient in the logits is not."]}
    wanted, got = next((t, a) for t, a in zip(truths, answers, strict=True) if not torch.allclose(a, t, 1e-6, 1e-6))
    return {
        "notes": [f"{name}: its numbers are neither right nor those of the old fault."],
        "example": f"{name}: {difference(got, wanted)}",
    }
