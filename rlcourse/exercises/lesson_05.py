"""Exercises of lesson 05: a ring buffer, the critic's target, the actor's loss, efficiency, importance weights."""

import dataclasses
import functools

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical
from torch.overrides import TorchFunctionMode

from rlcourse.exercises.checker import (
    Mistake,
    Stopped,
    as_tensor,
    call,
    is_stub,
    judge,
    not_started,
    right,
    write,
    wrong,
)
from rlcourse.transitions import Transitions

# ---------------------------------------------------------------- E1: a ring buffer


FIELDS = ("s", "a", "r", "s_next", "terminated")


def ring_buffer(student, *, seed=None):
    """Check a class RingBuffer(capacity) with add(s, a, r, s_next, terminated), sample(n) and len()."""
    if not isinstance(student, type):
        return wrong(f"Pass the class itself, RingBuffer, without brackets; got {type(student).__name__}.")
    rng = np.random.default_rng(seed)
    try:
        return _drive(student, rng)
    except Stopped as stopped:
        return stopped.verdict


def _drive(student, rng):
    capacity = 7
    buffer = _attempt(lambda: student(capacity), "RingBuffer(7)")
    rows = [_row(rng, i) for i in range(5 * capacity)]
    by_state = {row[0]: row for row in rows}
    _fill(buffer, rows[:3])
    _started(buffer)
    _expect_length(buffer, 3, "after three rows were added")

    for _ in range(60):  # three rows are stored, four slots are still empty
        for got in _sample(buffer, 3, by_state):
            if got is None or got not in rows[:3]:
                raise Stopped(wrong(
                    "You hand out a slot that was never filled: as long as the buffer is not full, draw from the rows "
                    "stored so far, not from its whole capacity."
                ))  # fmt: skip
    _expect_refusal(buffer, 4, by_state, rows[:3])

    _fill(buffer, rows[3:])
    length = _length(buffer)
    draws = [_sample(buffer, 4, by_state) for _ in range(700)]
    if length > capacity and not {row for draw in draws for row in draw} <= set(rows[-capacity:]):
        raise Stopped(wrong(
            f"Your buffer grows beyond its capacity: {length} rows are in a buffer of {capacity}. Let the newest "
            "overwrite the oldest."
        ))  # fmt: skip
    _expect_length(buffer, capacity, f"after {len(rows)} rows were added to a buffer of {capacity}")
    _judge_memory(draws, rows, capacity)
    _judge_chance(draws, rows[-capacity:])
    return right(
        "The newest row overwrites the oldest, every row comes with its flag, and each is as likely as any other."
    )


def _row(rng, i):
    """Row number i, recognisable by its state; states are not numbered from zero."""
    return (100 + i, int(rng.integers(2)), round(float(rng.normal()), 3), 101 + i, bool(rng.random() < 0.4 or i == 1))


def _attempt(action, what):
    try:
        return action()
    except (Exception, SystemExit) as error:  # whatever a beginner can do: it becomes a sentence
        if is_stub(error):
            raise Stopped(not_started()) from None
        raise Stopped(wrong(f"{what} stopped with {type(error).__name__}: {error}")) from None


def _fill(buffer, rows):
    for row in rows:
        _attempt(functools.partial(buffer.add, *row), "add")


def _started(buffer):
    """Not started: neither sample nor len answers."""
    answers = []
    for ask in (lambda: buffer.sample(1), lambda: type(buffer).__len__(buffer)):
        try:
            answers.append(ask())
        except Exception as error:
            answers.append(None if is_stub(error) else "something")
    if all(answer is None or answer is Ellipsis for answer in answers):
        raise Stopped(not_started())


def _length(buffer):
    return _attempt(lambda: len(buffer), "len")


def _expect_length(buffer, expected, when):
    length = _length(buffer)
    if length != expected:
        raise Stopped(wrong(f"len should count the rows stored: {expected} {when}, got {length}."))


def _expect_refusal(buffer, n, by_state, stored):
    try:
        answer = buffer.sample(n)
    except ValueError:
        return
    except Exception as error:
        raise Stopped(wrong(
            f"A buffer of 3 rows asked for {n} should say so with a ValueError; yours stopped with "
            f"{type(error).__name__}."
        )) from None  # fmt: skip
    got = _rows_of(answer, n, by_state, lenient=True)
    if got is not None and any(row not in stored for row in got):
        raise Stopped(wrong(
            "You hand out a slot that was never filled: as long as the buffer is not full, draw from the rows stored "
            "so far, not from its whole capacity."
        ))  # fmt: skip
    raise Stopped(wrong(f"Asked for {n} rows with 3 stored, your buffer should refuse with a ValueError; it answered."))


def _sample(buffer, n, by_state):
    return _rows_of(_attempt(lambda: buffer.sample(n), f"sample({n})"), n, by_state)


def _rows_of(answer, n, by_state, *, lenient=False):
    """The answer as n rows that were added, recognised by their state; None in place of one that is not.

    A list of n tuples, or five columns of length n.
    """
    try:
        if answer is None:
            raise TypeError("nothing")
        listed = list(answer)
        if len(listed) in (4, 5) and len(listed) != n and all(np.ndim(column) == 1 and len(column) == n
                                                             for column in listed):
            listed = list(zip(*listed, strict=True))
        if len(listed) != n:
            raise Stopped(wrong(f"sample({n}) should give {n} rows, got {len(listed)}."))
        if any(row is None for row in listed):
            return [None] * n
        listed = [tuple(cell.item() if hasattr(cell, "item") else cell for cell in row) for row in listed]
    except Stopped:
        if lenient:
            return None
        raise
    except (TypeError, ValueError):
        if lenient:
            return None
        raise Stopped(wrong(
            f"sample({n}) should give a list of {n} tuples (s, a, r, s_next, terminated), got {type(answer).__name__}."
        )) from None  # fmt: skip
    return [_checked(row, by_state) for row in listed]


def _checked(row, by_state):
    if len(row) == 4:
        raise Stopped(wrong(
            "Your rows have no terminated flag. Without it no target can know where the future ends: store five things."
        ))  # fmt: skip
    if len(row) != 5:
        raise Stopped(wrong(f"A row has five entries, (s, a, r, s_next, terminated); yours has {len(row)}."))
    match = by_state.get(row[0])
    if match is None:
        return None
    for name, mine, theirs in zip(FIELDS, match, row, strict=True):
        if abs(float(mine) - float(theirs)) > 1e-3:
            if name == "terminated":
                raise Stopped(wrong(
                    "Your rows have a terminated flag, but not the one that was added: it is lost on the way."
                ))  # fmt: skip
            raise Stopped(wrong(f"Entries of a row do not belong together: {name} is from another row, or changed."))
    return match


def _judge_memory(draws, rows, capacity):
    seen = {row for draw in draws for row in draw}
    if None in seen:
        raise Stopped(wrong("You hand out a slot that was never filled, though the buffer is full."))
    expected, first = set(rows[-capacity:]), set(rows[:capacity])
    older = seen - expected
    if older and seen <= first:
        raise Stopped(wrong("Once full, your buffer takes nothing new: it keeps its first rows for ever."))
    if older and len(seen) > capacity:
        raise Stopped(wrong(
            "Your buffer grows beyond its capacity: rows that should be overwritten by now are still drawn."
        ))  # fmt: skip
    if older:
        raise Stopped(wrong(
            "Old rows survive where newer ones are gone: it must be the oldest row that the newest overwrites."
        ))  # fmt: skip


def _judge_chance(draws, stored):
    if all(draw == draws[0] for draw in draws):
        raise Stopped(wrong("There is no chance in your sample: asked again and again, it gives the same rows."))
    times = [[stored.index(row) for row in draw] for draw in draws]
    steps = np.diff(np.array(times), axis=1) % len(stored)
    if (steps == 1).all() or (steps == len(stored) - 1).all():
        raise Stopped(wrong(
            "You draw a random stretch of neighbouring rows: those are as correlated as fresh steps. Draw each row on "
            "its own."
        ))  # fmt: skip
    counts = np.bincount(np.ravel(times), minlength=len(stored))
    share = counts / counts.mean()
    if share.min() < 0.7 or share.max() > 1.4:  # ten standard deviations for fair draws
        extreme = "newest" if abs(share[-1] - 1) == abs(share - 1).max() else "oldest" if abs(share[0] - 1) == abs(
            share - 1).max() else "same"
        raise Stopped(wrong(
            "Not every row is equally likely to be drawn.",
            f"in 2800 draws from 7 rows, the {extreme} row came {counts[np.abs(share - 1).argmax()]} times",
        ))  # fmt: skip


# ---------------------------------------------------------------- E2: the critic's target


COPIES = 4_000
"""Rows of each kind: their mean target is known to a few hundredths."""
FEW = 5
"""Rows of the first call, which is about shapes only."""
PIECE = 2_000
"""Rows of every other call: should a function pair every row with every other, it still needs little memory."""


class _Tables:
    """A small world for E2 and E3: states and actions are numbers, critic and policy are tables."""

    def __init__(self, rng, states=4, actions=3):
        self.states, self.actions = states, actions
        self.q_table = nn.Parameter(torch.from_numpy(rng.normal(0, 1.5, (states, actions))))
        self.logits = nn.Parameter(torch.from_numpy(rng.normal(0, 0.8, (states, actions))))

    def q(self, obs):
        return self.q_table[obs]

    def policy(self, obs):
        return Categorical(logits=self.logits[obs])

    @property
    def Q(self):
        return self.q_table.detach()

    @property
    def pi(self):
        return torch.softmax(self.logits.detach(), -1)


def critic_target(student, *, seed=None):
    """Check critic_target(batch, q, policy, gamma) -> y, shape [B], with a' drawn from the policy at s'."""
    rng = np.random.default_rng(seed)
    world, kinds, old, gamma, error = _telling_targets(rng)
    actions = [rng.choice(world.actions, COPIES, p=p) for p in old]
    batch = kinds[torch.arange(len(kinds)).repeat_interleave(COPIES)]
    batch = dataclasses.replace(batch, actions=torch.from_numpy(np.concatenate(actions)))
    rest = (world.q, world.policy, gamma)
    try:
        answer = _call_on(student, batch[:: len(batch) // FEW], *rest)
        _expect_a_row_each(answer)
        frozen = not (isinstance(answer, torch.Tensor) and answer.requires_grad)
        each = [
            as_tensor(_call_on(student, rows, *rest), torch.zeros(len(rows)), "one number a row")
            for rows in _pieces(batch)
        ]
        values = torch.cat(each).reshape(-1, COPIES)
    except Stopped as stopped:
        return stopped.verdict
    means, mean = _target_means(world, kinds, old, gamma), values.mean(1)
    truth = means.pop(None)
    k = int((mean - truth).abs().argmax())
    end = "terminated" if kinds.terminated[k] else "truncated" if kinds.truncated[k] else "going on"
    example = (
        f"rows with reward {kinds.rewards[k]:.3g}, {end}, gamma {gamma:.2f}: the mean target should be {truth[k]:.3f}, "
        f"yours is {mean[k]:.3f}"
    )
    if (mean - truth).abs().max() <= error:
        if not frozen:
            return wrong(
                "The numbers are right, but your target carries a gradient: fitting Q would move the target as well. "
                "Compute it under torch.no_grad()."
            )
        return right("The action at s' is today's, and an end is an end: this target is about the policy you have.")
    for sentence, made in means.items():
        if (mean - made).abs().max() <= error:
            return wrong(sentence, example)
    return wrong("The numbers differ from r + γ (1 − d) Q(s', a') with a' drawn from the policy at s'.", example)


def _telling_targets(rng):
    """A world in which every known mistake shows: five kinds of rows, what the old policy did, γ, and a tolerance.

    The tolerance is six standard errors of a mean over COPIES draws; rules differ by three times as much.
    """
    while True:
        world, gamma = _Tables(rng), float(rng.uniform(0.6, 0.9))
        obs = torch.from_numpy(rng.integers(world.states, size=5))
        next_obs = (obs + torch.from_numpy(rng.integers(1, world.states, size=5))) % world.states
        kinds = Transitions(
            obs, torch.zeros_like(obs), torch.from_numpy(rng.normal(0, 1, 5)), next_obs,
            terminated=torch.tensor([False, False, False, True, False]),
            truncated=torch.tensor([False, False, False, False, True]),
        )  # fmt: skip
        old = rng.dirichlet(0.5 * np.ones(world.actions), 5)
        error = 6 * gamma * world.Q.std(1, correction=0).max().item() / COPIES**0.5 + 1e-5
        if _far_apart(_target_means(world, kinds, old, gamma), 3 * error):
            return world, kinds, old, gamma, error


def _target_means(world, kinds, old, gamma):
    """Mean target of every kind of row, under the right rule (None) and under each known mistake (its sentence)."""
    after, going_on = world.Q[kinds.next_obs], ~kinds.terminated
    pi, here = world.pi[kinds.next_obs], world.pi[kinds.obs]
    expected = (pi * after).sum(-1)
    cases = {
        None: (expected, going_on, gamma),
        "You score s' with the action from the buffer. It was taken at s, and by an old policy: the critic would "
        "learn about a mixture that nobody follows. Draw a' from the policy at s'.":
            ((torch.from_numpy(old) * after).sum(-1), going_on, gamma),
        "You take the best action at s'. That is Q-learning: it judges the greedy policy, which this actor is not.":
            (after.max(-1).values, going_on, gamma),
        "You take the policy's most probable action at s'. The policy does not always play it: draw a'.":
            (after.gather(-1, pi.argmax(-1, keepdim=True)).squeeze(-1), going_on, gamma),
        "You draw a' uniformly. It should come from the policy at s'.": (after.mean(-1), going_on, gamma),
        "Your target gives a terminal state a future: the mask (1 − d) is missing.": (
            expected, torch.ones_like(going_on), gamma),
        "You cut the future of truncated rows as well. Only the recording stopped there.": (
            expected, going_on & ~kinds.truncated, gamma),
        "Your mask is the wrong way round: it keeps the future of terminated rows only.": (
            expected, kinds.terminated, gamma),
        "There is no discount in front of Q(s', a').": (expected, going_on, 1.0),
        "You evaluate Q at s. The target asks what follows, at next_obs.": (
            (here * world.Q[kinds.obs]).sum(-1), going_on, gamma),
        "You draw the action at s and score it at s'. The policy must see next_obs, too.": (
            (here * after).sum(-1), going_on, gamma),
    }  # fmt: skip
    means = {name: kinds.rewards + g * mask * value for name, (value, mask, g) in cases.items()}
    return means | {"The reward of the step is missing.": gamma * going_on * expected}


def _far_apart(means, gap):
    rows = torch.stack(list(means.values()))
    distances = (rows[:, None] - rows[None]).abs().amax(-1)
    distances.fill_diagonal_(float("inf"))
    return distances.min() > gap


def _pieces(batch):
    return [batch[torch.arange(start, min(start + PIECE, len(batch)))] for start in range(0, len(batch), PIECE)]


COLUMNS = ("obs", "actions", "rewards", "next_obs", "terminated", "truncated")


def _call_on(student, batch, *rest):
    """`call`, and a look whether the batch is what it was."""
    before = batch[torch.arange(len(batch))]
    try:
        answer = call(student, (batch, *rest))
    except Stopped as stopped:
        said = stopped.verdict.sentence
        if "'Transitions' object has no attribute" in said:
            raise Stopped(wrong(f"{said}. The fields of a batch are {', '.join(COLUMNS)}.")) from None
        if "with a bool tensor is not supported" in said:
            raise Stopped(wrong(
                "`terminated` is boolean, and torch does not subtract booleans: write 1 − d as `~batch.terminated`."
            )) from None  # fmt: skip
        raise
    for name in COLUMNS:
        if not torch.equal(getattr(before, name), getattr(batch, name)):
            raise Stopped(wrong(f"Your function changes batch.{name} in place; the buffer would be spoilt."))
    return answer


COLUMN_TIMES_ROW = (
    "a column times a row. Squeeze the column that `gather` leaves, and draw one action a row, with `.sample()`."
)


def _expect_a_row_each(answer):
    """E2, on the first few rows: one number a row."""
    shape = list(answer.shape) if isinstance(answer, torch.Tensor | np.ndarray) else None
    if shape == [FEW, FEW]:
        raise Stopped(wrong(f"Return shape [{FEW}] for {FEW} rows; got {shape}: {COLUMN_TIMES_ROW}"))
    as_tensor(answer, torch.zeros(FEW), "one number a row")


# ---------------------------------------------------------------- E3: the actor's loss


def actor_loss(student, *, seed=None):
    """Check actor_loss(batch, q, policy) -> a scalar to descend, its action resampled, Q a constant."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        world = _Tables(rng, states=3)
        batch = _actor_batch(rng, world)
        ascents = _ascents(world, batch)
        if _different(ascents):
            break
    try:
        _look_at_few_rows(student, world, batch)
        for rows in _pieces(batch):
            loss = _scalar(_call_on(student, rows, world.q, world.policy))
            if loss.requires_grad:
                (loss.sum() * len(rows) / len(batch)).backward()
    except Stopped as stopped:
        return stopped.verdict
    if world.logits.grad is None or not world.logits.grad.abs().max() > 0:
        return wrong("No gradient reaches the policy: the loss must contain log π(a|s), and that may not be detached.")
    if world.q_table.grad is not None and world.q_table.grad.abs().max() > 0:
        return wrong(
            "Your loss also moves the weights of Q: the critic would be taught to flatter the actor. Take Q as a "
            "constant (torch.no_grad(), or detach)."
        )
    return _judge_direction(-world.logits.grad, ascents)


def _scalar(loss):
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        shape = list(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise Stopped(wrong(f"Return one number to descend, a tensor with a gradient; got {shape}."))
    if not loss.isfinite():
        raise Stopped(wrong("Your loss is NaN or infinite."))
    return loss


class _Means(TorchFunctionMode):
    """Notes the shapes of all that is averaged or added up while it is on."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in ("mean", "sum") and args and isinstance(args[0], torch.Tensor):
            self.shapes.append(list(args[0].shape))
        return function(*args, **(kwargs or {}))


def _look_at_few_rows(student, world, batch):
    """E3, on the first few rows: is every row paired with every other, and are rewards used?"""
    few, means = batch[:: len(batch) // FEW], _Means()
    with means:
        loss = _call_on(student, few, world.q, world.policy)
    _scalar(loss)
    for shape in means.shapes:
        if shape.count(FEW) > 1:
            raise Stopped(wrong(
                f"For {FEW} rows your loss is a mean over {shape}, every row with every other: {COLUMN_TIMES_ROW}"
            ))  # fmt: skip
    unknown = dataclasses.replace(few, rewards=torch.full_like(few.rewards, torch.nan))
    # NaN differs from itself, so this call does not go through _call_on.
    if torch.as_tensor(call(student, (unknown, world.q, world.policy))).isnan().any():
        raise Stopped(wrong(
            "You weight with the stored reward. It was paid for the stored action, and one step's reward is not what "
            "an action is worth: ask Q about the action that you draw."
        ))  # fmt: skip


def _actor_batch(rng, world, copies=3_000):
    obs = torch.arange(world.states).repeat_interleave(copies)
    old = rng.dirichlet(0.7 * np.ones(world.actions), world.states)
    actions = np.concatenate([rng.choice(world.actions, copies, p=p) for p in old])
    paid = rng.normal(0, 1, (world.states, world.actions))[obs, actions] + rng.normal(0, 0.3, len(obs))
    none = torch.zeros(len(obs), dtype=torch.bool)
    rows = Transitions(obs, torch.from_numpy(actions), torch.from_numpy(paid), obs.roll(1), none, none)
    return rows[torch.from_numpy(rng.permutation(len(obs)))]


def _ascents(world, batch):
    """Direction of ascent in the logits [S, A] under the right rule (None) and under each known mistake."""
    Q, pi = world.Q, world.pi
    V = (pi * Q).sum(-1, keepdim=True)
    counts = torch.zeros_like(Q)
    counts.index_put_((batch.obs, batch.actions), torch.ones(len(batch.obs), dtype=Q.dtype), accumulate=True)
    beta = counts / counts.sum(-1, keepdim=True)
    best = nn.functional.one_hot(Q.argmax(-1), world.actions).to(Q.dtype)

    def ascent(weights):
        """Mean over a of weights(a) (e_a - π), the probability of a being part of the weight."""
        return (weights - pi * weights.sum(-1, keepdim=True)) / world.states

    truth = ascent(pi * (Q - V))
    stored = (
        "You use the buffer's action. What the old policy liked is pushed up, whether or not it is better: draw a "
        "fresh action from the policy at the stored state."
    )
    return {
        None: truth,
        stored: ascent(beta * Q),
        stored + " ": ascent(beta * (Q - V)),  # the same mistake, with the value subtracted
        "Your loss goes the wrong way: what you return is descended, so the objective needs a minus sign.": -truth,
        "You take the gradient of π(a|s) Q, not of log π(a|s) Q: drawing a has weighted it with π once already.":
            ascent(pi * pi * Q),
        "You score the action that Q likes best, not one that the policy drew.": ascent(best * Q),
        "You draw the action uniformly. It should come from the policy at the stored state.":
            ascent(torch.full_like(Q, 1 / world.actions) * Q),
    }  # fmt: skip


def _different(ascents):
    """Whether samples can tell the truth from every mistake, and the mistakes from each other."""
    rows = torch.stack([ascent.flatten() for ascent in ascents.values()])
    if rows.norm(dim=1).min() < 0.06:
        return False
    unit = rows / rows.norm(dim=1, keepdim=True)
    alike = (unit @ unit.T).fill_diagonal_(-1)
    alike[1, 2] = alike[2, 1] = -1  # both are the buffer's action
    return alike[0].max() < 0.9 and alike.max() < 0.97


def _judge_direction(ascent, ascents):
    def cosine(other):
        return torch.cosine_similarity(ascent.flatten(), other.flatten(), dim=0).item()

    truth = ascents[None]
    scale = (ascent.norm() / truth.norm()).item()
    found = f"cosine of your mean step with the true gradient: {cosine(truth):.2f}"
    nearest = max(ascents, key=lambda name: cosine(ascents[name]))
    if nearest is None and cosine(truth) > 0.95:
        if scale > 3:
            return wrong("The direction is right, but you add over the batch: take the mean, or every batch size needs "
                         "a step size of its own.", found)
        if not 0.75 < scale < 1.33:
            asked = " Is the baseline detached? Its own gradient counts otherwise." if scale > 1 else ""
            return wrong(f"The direction is right, its length is {scale:.2g} times what it should be.{asked}", found)
        return right(f"The right direction, and Q held still; {found}.")
    if nearest is not None and cosine(ascents[nearest]) > 0.95:
        return wrong(nearest.strip(), found)
    return wrong("The mean step differs from the true gradient: states from the buffer, actions from today's policy, "
                 "weight Q.", found)


# ---------------------------------------------------------------- E4: how much of the time a synchronous run works


def sync_efficiency(student, *, seed=None):
    """Check sync_efficiency(times) -> share of the workers' time that is work; times: [rounds, workers]."""
    rng = np.random.default_rng(seed)
    cases = [
        (torch.tensor([[1.0, 1.0, 1.0, 3.0]], dtype=torch.float64),),
        (torch.tensor([[1.0, 3.0], [2.0, 1.0]], dtype=torch.float64),),
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
        show=lambda times: "times " + "; ".join(write(row) for row in times[:3]),
        each="one number",
    )


# ---------------------------------------------------------------- E5: the importance-weighted gradient


def weighted_gradient(student, *, seed=None):
    """Check weighted_gradient(actions, old, new, q) -> gradient in the logits, shape [A]."""
    rng = np.random.default_rng(seed)

    def case(count, actions):
        old, new = (0.9 * rng.dirichlet(np.ones(actions)) + 0.1 / actions for _ in range(2))
        drawn = np.concatenate([np.arange(actions), rng.choice(actions, count, p=old)])
        return (torch.from_numpy(drawn), *(torch.from_numpy(x) for x in (old, new, rng.normal(0, 2, actions))))

    tiny = (
        torch.tensor([0, 0, 1]), *(torch.tensor(x, dtype=torch.float64) for x in ((0.8, 0.2), (0.4, 0.6), (1.0, 2.0)))
    )
    return judge(
        student,
        _weighted_like(),
        [tiny, case(5, 3), case(20, 3), case(30, 5)],
        [
            Mistake(
                "There is no likelihood ratio: you use the buffer's actions as if today's policy had taken them.",
                _weighted_like(ratio=lambda old, new: torch.ones_like(old)),
            ),
            Mistake(
                "Your ratio is upside down: it should lift what today's policy does more often than the old one did.",
                _weighted_like(ratio=lambda old, new: old / new),
            ),
            Mistake(
                "You weight with the new probability alone; the old one must divide it, because the buffer has those "
                "actions more often already.",
                _weighted_like(ratio=lambda old, new: new),
            ),
            Mistake(
                "Your score belongs to the old policy. The gradient is of log π today: subtract the new probabilities.",
                _weighted_like(center=lambda old, new: old),
            ),
            Mistake(
                "Your score is incomplete: for a softmax ∇ log π(a) is one in the place of a, minus π everywhere.",
                _weighted_like(center=lambda old, new: torch.zeros_like(new)),
            ),
            Mistake(
                "You divide by the sum of the ratios. That is quieter, but no longer right on average; divide by the "
                "number of samples.",
                _weighted_like(normalized=True),
            ),
            Mistake("You add the samples up; take their mean.", _weighted_like(summed=True)),
            Mistake("Your sign is reversed: this gradient is to be ascended.", _weighted_like(sign=-1.0)),
            Mistake(
                "That is the exact mean over all actions. It is what the estimate is right about on average; here make "
                "the estimate itself, from the sampled `actions` alone.",
                lambda actions, old, new, q: new * (q - new @ q),
            ),
            Mistake(
                "You forgot how good the action was: each sample needs the weight Q(a).", _weighted_like(with_q=False)
            ),
            Mistake(
                "You subtract V from Q. The mean would stay the same, but the exercise asks for the plain weight Q.",
                _weighted_like(baseline=True),
            ),
        ],
        praise="Right on average wherever the old policy tries every action, and usually the noisier the more the two "
        "differ.",
        show=lambda a, old, new, q: f"actions {write(a)}, old {write(old)}, new {write(new)}, q {write(q)}",
        each="one number an action",
    )


def _weighted_like(*, ratio=lambda old, new: new / old, center=lambda old, new: new, normalized=False, summed=False,
                   sign=1.0, with_q=True, baseline=False):  # fmt: skip
    """Mean of ρ(a) Q(a) (e_a - π), with one thing changed."""

    def function(actions, old, new, q):
        weights = ratio(old, new)[actions]
        values = (q - baseline * (new @ q))[actions] if with_q else torch.ones_like(weights)
        scores = nn.functional.one_hot(actions, len(new)) - center(old, new)
        total = ((weights * values)[:, None] * scores).sum(0)
        count = 1.0 if summed else weights.sum() if normalized else len(actions)
        return sign * total / count

    return function

