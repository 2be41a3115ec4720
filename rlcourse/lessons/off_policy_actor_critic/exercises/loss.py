"""Exercise: the actor's loss."""

import dataclasses

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from rlcourse.course.checker import Stopped, call, right, write, wrong
from rlcourse.course.checker_losses import refuse_backward
from rlcourse.lessons.off_policy_actor_critic.exercises.world import (
    COLUMN_TIMES_ROW,
    EVERY_ROW,
    FEW,
    LAST_AXIS,
    OWN_AXIS,
    Tables,
    call_on,
    few_of,
    pieces,
    side_by_side,
    two_seeds_stop,
)
from rlcourse.transitions import Transitions

STRETCH = 4.0
"""So many times larger Q is tried, too: a right step grows with it."""


def actor_loss(student, *, seed=None):
    """Check actor_loss(batch, q, policy) -> a scalar to descend, its action resampled, Q a constant."""
    rng = np.random.default_rng(seed)
    world, batch, ascents = _telling_losses(rng)
    try:
        _look_at_few_rows(student, world, batch)
        _descend(student, world, pieces(batch))
    except Stopped as stopped:
        return stopped.verdict
    if world.logits.grad is None or not world.logits.grad.abs().max() > 0:
        return wrong("No gradient reaches the policy: the loss must contain log π(a|s), and that may not be detached.")
    if world.q_table.grad is not None and world.q_table.grad.abs().max() > 0:
        return wrong(
            "Your loss also moves the weights of Q: the critic would be taught to flatter the actor. Take Q as a "
            "constant (torch.no_grad(), or detach)."
        )
    step = -world.logits.grad
    if _moves_without_q(student, world, batch, ascents[None]):
        return wrong(
            "Where Q is 0 for every action, your loss still moves the policy. Something is in it besides log π times "
            "Q, an entropy bonus perhaps: leave it out."
        )
    verdict = _judge_direction(step, ascents, world)
    if verdict is None:  # the direction is right
        verdict = _judge_length(student, world, batch, step, ascents[None])
    return verdict


def _descend(student, world, parts):
    """The mean gradient of the loss over all rows, left in the world's `.grad`."""
    total = sum(rows.rewards.numel() for rows in parts)
    for rows in parts:
        loss = _scalar(call_on(student, rows, world.q, world.policy))
        if loss.requires_grad:
            (loss.sum() * rows.rewards.numel() / total).backward()


def _moves_without_q(student, world, batch, truth):
    """Whether the loss has a mean step of its own where Q is zero.

    A constant baseline leaves a step there that is noise: it points elsewhere in each of three tries.
    """
    steps = []
    for _ in range(3):
        still = world.stretched(0.0)
        try:
            _descend(student, still, pieces(batch))
        except Stopped:  # whoever divides by the standard deviation divides by zero, and is told about that later
            return False
        if still.logits.grad is None or still.logits.grad.norm() < 0.1 * truth.norm():
            return False
        steps.append(still.logits.grad.flatten())
    return all(torch.cosine_similarity(steps[0], step, dim=0) > 0.95 for step in steps[1:])


def _judge_length(student, world, batch, step, truth):
    """Of a step in the right direction: does it grow with Q, is it as long as it should be, do rows [S, B] do it?"""
    larger, twice = world.stretched(STRETCH), world.stretched(1.0)
    try:
        _descend(student, larger, pieces(batch))
    except Stopped as stopped:
        return stopped.verdict
    if larger.logits.grad.norm() < STRETCH / 2 * step.norm():
        return wrong(
            f"The direction is right, but with Q {STRETCH:g} times larger your step is no longer: you divide by the "
            "standard deviation of the batch. PPO does that; here return the plain mean of log π times the advantage."
        )
    scale = (step.norm() / truth.norm()).item()
    cosine = torch.cosine_similarity(step.flatten(), truth.flatten(), dim=0).item()
    found = f"cosine of your mean step with the true gradient: {cosine:.2f}"
    if scale > 3:
        return wrong(
            "The direction is right, but you add over the batch: take the mean, or every batch size needs a step size "
            "of its own.",
            found,
        )
    if not 0.75 < scale < 1.33:
        asked = " Is the baseline detached? Its own gradient counts otherwise." if scale > 1 else ""
        return wrong(f"The direction is right, its length is {scale:.2g} times what it should be.{asked}", found)
    return _judge_two_seeds(student, twice, batch, step) or right(f"The right direction, and Q held still; {found}.")


def _judge_two_seeds(student, world, batch, step):
    """None if rows [S, B] give the same mean step, in direction and length; otherwise the verdict."""
    try:
        _descend(student, world, [side_by_side(rows) for rows in pieces(batch)])
    except Stopped as stopped:
        said = stopped.verdict.sentence
        return two_seeds_stop(said, EVERY_ROW if said.startswith("Return one number") else LAST_AXIS)
    other = -world.logits.grad
    if torch.cosine_similarity(other.flatten(), step.flatten(), dim=0) < 0.9:
        return two_seeds_stop("the mean step is another one.", OWN_AXIS)
    times = (other.norm() / step.norm()).item()
    if not 0.67 < times < 1.5:
        return two_seeds_stop(f"your mean step is {times:.3g} times as long as for rows [B].", EVERY_ROW)
    return None


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
    """On the first few rows: is every row paired with every other, and are rewards used?"""
    few, means = few_of(batch), _Means()
    with means:
        loss = call_on(student, few, world.q, world.policy)
    _scalar(loss)
    refuse_backward((world.logits, world.q_table))
    for shape in means.shapes:
        if shape.count(FEW) > 1:
            raise Stopped(
                wrong(
                    f"For {FEW} rows your loss is a mean over {shape}, every row with every other: {COLUMN_TIMES_ROW}"
                )
            )
    unknown = dataclasses.replace(few, rewards=torch.full_like(few.rewards, torch.nan))
    # NaN differs from itself, so this call does not go through call_on.
    if torch.as_tensor(call(student, (unknown, world.q, world.policy))).isnan().any():
        raise Stopped(
            wrong(
                "You weight with the stored reward. It was paid for the stored action, and one step's reward is "
                "not what an action is worth: ask Q about the action that you draw."
            )
        )


# ---------------------------------------------------------------- cases that tell the mistakes apart


def _telling_losses(rng):
    """A world, rows of it, and the ascents of the right rule and of each known mistake, which differ."""
    while True:
        world = Tables(rng, states=3)
        batch = _rows(rng, world)
        ascents = _ascents(world, batch)
        if _different(ascents):
            return world, batch, ascents


def _rows(rng, world, copies=3_000):
    """Stored rows: every state equally often at s, and unequally often at s'."""
    obs = torch.arange(world.states).repeat_interleave(copies)
    old = rng.dirichlet(0.7 * np.ones(world.actions), world.states)
    actions = np.concatenate([rng.choice(world.actions, copies, p=p) for p in old])
    paid = rng.normal(0, 1, (world.states, world.actions))[obs, actions] + rng.normal(0, 0.3, len(obs))
    next_obs = rng.choice(world.states, len(obs), p=rng.permutation([0.75, 0.2, 0.05]))
    none = torch.zeros(len(obs), dtype=torch.bool)
    rows = Transitions(obs, torch.from_numpy(actions), torch.from_numpy(paid), torch.from_numpy(next_obs), none, none)
    return rows[torch.from_numpy(rng.permutation(len(obs)))]


STORED = (
    "You use the buffer's action. What the old policy liked is pushed up, whether or not it is better: draw a "
    "fresh action from the policy at the stored state."
)


def _ascents(world, batch):
    """Direction of ascent in the logits [S, A] under the right rule (None) and under each known mistake."""
    Q, pi = world.Q, world.pi
    V = (pi * Q).sum(-1, keepdim=True)
    counts = torch.zeros_like(Q)
    counts.index_put_((batch.obs, batch.actions), torch.ones(len(batch.obs), dtype=Q.dtype), accumulate=True)
    beta = counts / counts.sum(-1, keepdim=True)
    best, usual = (nn.functional.one_hot(x.argmax(-1), world.actions).to(Q.dtype) for x in (Q, pi))
    after = torch.bincount(batch.next_obs, minlength=world.states)[:, None] * world.states / len(batch)

    def ascent(weights):
        """Mean over a of weights(a) (e_a - π), the probability of a being part of the weight."""
        return (weights - pi * weights.sum(-1, keepdim=True)) / world.states

    truth = ascent(pi * (Q - V))
    weighted = {
        STORED: beta,
        "You score the action that Q likes best, not one that the policy drew.": best,
        "You take the policy's most probable action. The gradient is a mean over all its actions: draw one.": usual,
        "You draw the action uniformly. It should come from the policy at the stored state.": (
            torch.full_like(Q, 1 / world.actions)
        ),
    }
    return {
        None: truth,
        "Your loss goes the wrong way: what you return is descended, so the objective needs a minus sign.": -truth,
        "Your loss is computed at next_obs. The actor is asked what it does in the stored states: batch.obs.": (
            after * truth
        ),
        "You ask Q at next_obs. An action drawn at the stored state is worth what Q says there: q(batch.obs).": (
            ascent(pi * (after * Q).mean(0))
        ),
        "You take log π of the stored action and Q of another one, drawn now. Both must be of the action that you "
        "draw.": ascent(beta * V),
        "You take the gradient of π(a|s) Q, not of log π(a|s) Q: drawing a has weighted it with π once already.": (
            ascent(pi * pi * Q)
        ),
        **{sentence: ascent(weights * Q) for sentence, weights in weighted.items()},
        # The same mistakes with the value subtracted; the space keeps the two apart, and is not shown.
        **{f"{sentence} ": ascent(weights * (Q - V)) for sentence, weights in weighted.items()},
    }


def _different(ascents):
    """Whether samples can tell the truth from every mistake, and the mistakes from each other."""
    rows = torch.stack([ascent.flatten() for ascent in ascents.values()])
    lengths = rows.norm(dim=1)
    if lengths[0] < 0.1 or lengths.min() < max(0.05, 0.3 * lengths[0]):  # a shorter one would drown in the noise
        return False
    unit = rows / rows.norm(dim=1, keepdim=True)
    sentences = [(sentence or "").strip() for sentence in ascents]
    alike = (unit @ unit.T).masked_fill(torch.tensor([[a == b for a in sentences] for b in sentences]), -1)
    return alike[0].max() < 0.9 and alike.max() < 0.97


def _judge_direction(step, ascents, world):
    """None if the direction is right; otherwise the verdict."""

    def cosine(other):
        return torch.cosine_similarity(step.flatten(), other.flatten(), dim=0).item()

    truth = ascents[None]
    nearest = max(ascents, key=lambda name: cosine(ascents[name]))
    if nearest is None and cosine(truth) > 0.95:
        return None
    example = _example(step, truth, world)
    if step.norm() < 0.25 * truth.norm():
        return wrong(
            "Your mean step is zero but for noise: the action in log π and the action that Q scores are drawn "
            "independently. Draw one action per row and use it in both places.",
            example,
        )
    if nearest is not None and cosine(ascents[nearest]) > 0.95:
        return wrong(nearest.strip(), example)
    return wrong(
        "The mean step differs from the true gradient: states from the buffer, actions from today's policy, weight Q.",
        example,
    )


def _example(step, truth, world):
    """The state in which the step differs most, with all that its gradient is made of."""
    s = int((step - truth).norm(dim=1).argmax())
    mine, right_one = (write(world.states * x[s]) for x in (step, truth))
    return (
        f"state {s}: π = {write(world.pi[s])}, Q = {write(world.Q[s])}; the mean step in its logits should be "
        f"π (Q − V) = {right_one}, yours is {mine}"
    )
