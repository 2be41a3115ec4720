"""What the exercises on the two updates share: a small world made of tables, and how a function is called on rows."""

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from rlcourse.course.checker import Stopped, call, wrong

FEW = 5
"""Rows of the first call, which is about shapes only."""
PIECE = 2_000
"""Rows of every other call: should a function pair every row with every other, it still needs little memory."""
COLUMNS = ("obs", "actions", "rewards", "next_obs", "terminated", "truncated")
COLUMN_TIMES_ROW = (
    "a column times a row. Squeeze the column that `gather` leaves, and draw one action per row, with `.sample()`."
)
EVERY_ROW = "Average over all rows, on every axis: `.mean()`. With rows [S, B] a batch's `len` is S."
OWN_AXIS = "Every row has numbers of its own: the actions are on the last axis, -1, and no sum or mean mixes the seeds."
LAST_AXIS = "Index the last axis: `.gather(-1, actions[..., None]).squeeze(-1)`."


class Tables:
    """A small world: states and actions are numbers, critic and policy are tables."""

    def __init__(self, rng, states=4, actions=3):
        self.states, self.actions = states, actions
        self.q_table = nn.Parameter(torch.from_numpy(rng.normal(0, 1.5, (states, actions))))
        self.logits = nn.Parameter(torch.from_numpy(rng.normal(0, 0.8, (states, actions))))

    def q(self, obs):
        return self.q_table[obs]

    def policy(self, obs):
        return Categorical(logits=self.logits[obs])

    def stretched(self, factor):
        """The same world with every Q so many times larger."""
        other = object.__new__(Tables)
        other.states, other.actions = self.states, self.actions
        other.q_table = nn.Parameter(factor * self.Q)
        other.logits = nn.Parameter(self.logits.detach().clone())
        return other

    @property
    def Q(self):
        return self.q_table.detach()

    @property
    def pi(self):
        return torch.softmax(self.logits.detach(), -1)


def pieces(batch):
    return [batch[torch.arange(start, min(start + PIECE, len(batch)))] for start in range(0, len(batch), PIECE)]


def side_by_side(batch):
    """Rows [B] as the rows [2, B / 2] of two seeds."""
    return batch.map(lambda column: column[: len(column) // 2 * 2].unflatten(0, (2, -1)))


def call_on(student, batch, *rest):
    """`call`, and a look whether the batch is what it was."""
    before = batch.map(torch.clone)
    try:
        answer = call(student, (batch, *rest))
    except Stopped as stopped:
        said = stopped.verdict.sentence
        if "'Transitions' object has no attribute" in said:
            raise Stopped(wrong(f"{said} The fields of a batch are {', '.join(COLUMNS)}.")) from None
        if "with a bool tensor is not supported" in said:
            raise Stopped(
                wrong(
                    "`terminated` is boolean, and torch does not subtract booleans: write 1 − d as `~batch.terminated`."
                )
            ) from None
        raise
    for name in COLUMNS:
        if not torch.equal(getattr(before, name), getattr(batch, name)):
            raise Stopped(wrong(f"Your function changes batch.{name} in place; the buffer would be spoilt."))
    return answer


def two_seeds_stop(said, hint=LAST_AXIS):
    """The verdict on a function that is right on rows [B] and not on rows [S, B], where `said` is what goes wrong."""
    return wrong(
        "For rows [B] your function is right. Your agent trains S seeds at once and hands over rows [S, B], and there "
        f"it fails. {hint}",
        f"with two seeds: {said}",
    )


def few_of(batch):
    return batch[:: len(batch) // FEW]


def is_table(answer):
    """Whether the first few rows were paired with one another."""
    return isinstance(answer, torch.Tensor | np.ndarray) and list(answer.shape) == [FEW, FEW]
