"""Exercise: the critic's target."""

import dataclasses

import numpy as np
import torch

from rlcourse.course.checker import Stopped, as_tensor, right, write, wrong
from rlcourse.lessons.off_policy_actor_critic.exercises.world import (
    COLUMN_TIMES_ROW,
    FEW,
    OWN_AXIS,
    Tables,
    call_on,
    few_of,
    is_table,
    pieces,
    side_by_side,
    two_seeds_stop,
)
from rlcourse.transitions import Transitions

COPIES = 4_000
"""Rows of each kind: their mean target is known to a few hundredths."""
EACH = "one number per row"


def critic_target(student, *, seed=None):
    """Check critic_target(batch, q, policy, gamma) -> y, one per row, with a' drawn from the policy at s'."""
    rng = np.random.default_rng(seed)
    world, kinds, old, gamma, error = _telling_targets(rng)
    actions = [rng.permutation(np.repeat(np.arange(world.actions), np.rint(p * COPIES).astype(int))) for p in old]
    batch = kinds[torch.arange(len(kinds)).repeat_interleave(COPIES)]
    batch = dataclasses.replace(batch, actions=torch.from_numpy(np.concatenate(actions)))
    rest = (world.q, world.policy, gamma)
    try:
        answer = call_on(student, few_of(batch), *rest)
        if is_table(answer):
            return wrong(f"Return shape [{FEW}] for {FEW} rows; got [{FEW}, {FEW}]: {COLUMN_TIMES_ROW}")
        as_tensor(answer, torch.zeros(FEW), EACH)
        frozen = not _carries_gradient(answer)
        each = [as_tensor(call_on(student, rows, *rest), torch.zeros(len(rows)), EACH) for rows in pieces(batch)]
        values = torch.cat(each).reshape(-1, COPIES)
    except Stopped as stopped:
        return stopped.verdict
    means, mean = _target_means(world, kinds, old, gamma), values.mean(1)
    truth = means.pop(None)
    example = _example(world, kinds, gamma, mean, truth)
    if (mean - truth).abs().max() > error:
        for sentence, made in means.items():
            if (mean - made).abs().max() <= error:
                return wrong(sentence, example)
        return wrong("The numbers differ from r + γ (1 − d) Q(s', a') with a' drawn from the policy at s'.", example)
    if not frozen:
        return wrong(
            "The numbers are right, but your target carries a gradient: fitting Q would move the target as well. "
            "Compute it under torch.no_grad()."
        )
    order = torch.from_numpy(rng.permutation(len(batch)))
    return _on_two_seeds(student, batch, rest, order, truth, error) or right(
        "The action at s' is today's, and an end is an end: this target is about the policy you have."
    )


def _carries_gradient(answer):
    """Whether an answer, or an entry of it, remembers how it was computed."""
    if isinstance(answer, list | tuple):
        return any(map(_carries_gradient, answer))
    return isinstance(answer, torch.Tensor) and answer.requires_grad


def _on_two_seeds(student, batch, rest, order, truth, error):
    """None if it also takes rows [S, B], of which every seed has other ones; otherwise the verdict."""
    try:
        each = []
        for rows in map(side_by_side, pieces(batch[order])):
            each.append(as_tensor(call_on(student, rows, *rest), rows.rewards, EACH).flatten())
    except Stopped as stopped:
        return two_seeds_stop(stopped.verdict.sentence)
    values = torch.empty(len(batch), dtype=torch.float64)
    values[order] = torch.cat(each)
    mean = values.reshape(-1, COPIES).mean(1)
    if (mean - truth).abs().max() <= error:
        return None
    k = int((mean - truth).abs().argmax())
    return two_seeds_stop(f"the mean of like targets should be {truth[k]:.3f}, yours is {mean[k]:.3f}.", OWN_AXIS)


def _example(world, kinds, gamma, mean, truth):
    """The kind of rows that differs most, with all that its target is made of."""
    k = int((mean - truth).abs().argmax())
    end = "terminated" if kinds.terminated[k] else "truncated" if kinds.truncated[k] else "going on"
    after = kinds.next_obs[k]
    return (
        f"rows with r = {kinds.rewards[k]:.3f}, {end}, γ = {gamma:.2f}, at s' π = {write(world.pi[after])} and "
        f"Q = {write(world.Q[after])}: the mean target should be {truth[k]:.3f}, yours is {mean[k]:.3f}"
    )


def _telling_targets(rng):
    """A world in which every known mistake shows: five kinds of rows, what the old policy did, γ, and a tolerance.

    The tolerance is six standard errors of a mean over COPIES draws; rules differ by three times as much.
    """
    while True:
        world, gamma = Tables(rng), float(rng.uniform(0.6, 0.9))
        obs = torch.from_numpy(rng.integers(world.states, size=5))
        next_obs = (obs + torch.from_numpy(rng.integers(1, world.states, size=5))) % world.states
        kinds = Transitions(
            obs,
            torch.zeros_like(obs),
            torch.from_numpy(rng.normal(0, 1, 5)),
            next_obs,
            terminated=torch.tensor([False, False, False, True, False]),
            truncated=torch.tensor([False, False, False, False, True]),
        )
        old = rng.multinomial(COPIES, rng.dirichlet(0.5 * np.ones(world.actions), 5)) / COPIES
        error = 6 * gamma * world.Q.std(1, correction=0).max().item() / COPIES**0.5 + 1e-5
        if _far_apart(_target_means(world, kinds, old, gamma), 3 * error):
            return world, kinds, old, gamma, error


def _target_means(world, kinds, old, gamma):
    """Mean target of every kind of row, under the right rule (None) and under each known mistake (its sentence)."""
    after, going_on = world.Q[kinds.next_obs], ~kinds.terminated
    pi, here = world.pi[kinds.next_obs], world.pi[kinds.obs]
    expected, stored_q = (pi * after).sum(-1), (torch.from_numpy(old) * world.Q[kinds.obs]).sum(-1)
    cases = {
        None: (expected, going_on, gamma),
        "You score s' with the action from the buffer. It was taken at s, and by an old policy: the critic would "
        "learn about a mixture that nobody follows. Draw a' from the policy at s'.": (
            (torch.from_numpy(old) * after).sum(-1),
            going_on,
            gamma,
        ),
        "You take the best action at s'. That is Q-learning: it judges the greedy policy, which this actor is not.": (
            after.max(-1).values,
            going_on,
            gamma,
        ),
        "You take the policy's most probable action at s'. The policy does not always play it: draw a'.": (
            after.gather(-1, pi.argmax(-1, keepdim=True)).squeeze(-1),
            going_on,
            gamma,
        ),
        "You draw a' uniformly. It should come from the policy at s'.": (after.mean(-1), going_on, gamma),
        "Your target gives a terminal state a future: the mask (1 − d) is missing.": (
            expected,
            torch.ones_like(going_on),
            gamma,
        ),
        "You cut the future of truncated rows as well. Only the recording stopped there.": (
            expected,
            going_on & ~kinds.truncated,
            gamma,
        ),
        "Your mask is the wrong way round: it keeps the future of terminated rows only.": (
            expected,
            kinds.terminated,
            gamma,
        ),
        "Your mask is of the truncated rows. The future ends where `terminated` is true; a truncated row keeps "
        "its future.": (expected, ~kinds.truncated, gamma),
        "There is no discount in front of Q(s', a').": (expected, going_on, 1.0),
        "You evaluate Q at s. The target asks what follows, at next_obs.": (
            (here * world.Q[kinds.obs]).sum(-1),
            going_on,
            gamma,
        ),
        "You draw the action at s and score it at s'. The policy must see next_obs, too.": (
            (here * after).sum(-1),
            going_on,
            gamma,
        ),
    }
    means = {name: kinds.rewards + g * mask * value for name, (value, mask, g) in cases.items()}
    means |= _put_together_wrongly(kinds.rewards, gamma, going_on, expected)
    return means | {
        "That is the TD error. Return the target itself, without subtracting Q(s, a).": means[None] - stored_q,
    }


def _put_together_wrongly(r, gamma, going_on, value):
    """Targets whose parts r, γ, (1 − d) and Q(s', a') are right, but combined in another way: sentence -> mean."""
    keep = gamma * going_on
    return {
        "The reward of the step is missing.": keep * value,
        "The future is subtracted from the reward. What follows adds to it.": r - keep * value,
        "Every sign is turned round: a target is what Q(s, a) should be, not a loss.": -(r + keep * value),
        "The reward of the last step is paid; mask only the future.": going_on * (r + keep * value),
        "You multiply the reward by the future. The two add up.": r * keep * value,
        "Your target ends at the reward of one step. What follows, γ (1 − d) Q(s', a'), is missing.": r,
        "Q(s', a') is missing: γ (1 − d) has to multiply a value.": r + keep,
        "Neither the discount nor the mask (1 − d) stands in front of Q(s', a').": r + value,
        "γ (1 − d) has to multiply Q(s', a'); you add it.": r + keep + value,
        "γ and the mask (1 − d) multiply each other; you add them.": r + (gamma + going_on.double()) * value,
    }


def _far_apart(means, gap):
    rows = torch.stack(list(means.values()))
    distances = (rows[:, None] - rows[None]).abs().amax(-1)
    distances.fill_diagonal_(float("inf"))
    return distances.min() > gap
