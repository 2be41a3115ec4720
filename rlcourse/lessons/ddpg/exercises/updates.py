"""Exercises: the critic's target and the actor's loss, which the student's own agent then trains with."""

import copy
import dataclasses
import re

import numpy as np
import torch
from torch import nn

from rlcourse.course.checker import Stopped, as_tensor, call, changes, right, wrong
from rlcourse.course.checker_losses import refuse_backward, slopes
from rlcourse.course.checker_repair import nearly
from rlcourse.transitions import Transitions

# ---------------------------------------------------------------- E1: the critic's target


_FIELDS = ("obs", "actions", "rewards", "next_obs", "terminated", "truncated")


def _rows(rng, size=6):
    """A batch with every kind of ending in it."""
    terminated = torch.tensor([False, True, False, False, True, False])[:size]
    truncated = torch.tensor([False, False, True, False, False, True])[:size]
    return Transitions(
        torch.from_numpy(rng.normal(0, 1, (size, 3))),
        torch.from_numpy(rng.uniform(-1, 1, (size, 2))),
        torch.from_numpy(rng.normal(0, 1, size)),
        torch.from_numpy(rng.normal(0, 1, (size, 3))),
        terminated,
        truncated,
    )


def td_target(student, *, seed=None):
    """Check td_target(batch, actor, critic, target_actor, target_critic, gamma) -> y, shape [B], a constant."""
    rng = np.random.default_rng(seed)
    cases = [(_rows(rng), *_four(rng), float(rng.uniform(0.6, 0.95))) for _ in range(4)]
    try:
        answers, frozen, kinds = [], True, set()
        for case in cases:
            mine = _copied(case)
            answer = call(student, mine)
            _unchanged(case, mine)
            kinds.add(type(answer).__name__ if not isinstance(answer, torch.Tensor) else "Tensor")
            frozen &= not (isinstance(answer, torch.Tensor) and answer.requires_grad)
            answers.append(as_tensor(answer, case[0].rewards, "one number per row"))
    except Stopped as stopped:
        return _friendlier(stopped.verdict)
    truths = [_target(case) for case in cases]
    if _equal(answers, truths):
        if not frozen:
            return wrong(
                "The numbers are right, but a gradient can leak through your y. It has to be a constant: compute it "
                "under torch.no_grad(), or detach it."
            )
        if kinds != {"Tensor"}:
            sentence = "The numbers are right, but a loss needs them as a tensor of shape [B]; you return a {}."
            return wrong(sentence.format(" or a ".join(sorted(kinds - {"Tensor"}))))
        if not _holds_for_seeds(student, rng):
            return wrong(f"The numbers are right for one batch [B]. {_SEEDS}")
        return right("The target networks look ahead, an end is an end, and nothing flows back through y.")
    example = _first_difference(cases, answers, truths)
    for sentence, how in _TARGET_MISTAKES.items():
        if _equal(answers, [_target(case, **how) for case in cases]):
            return wrong(sentence, example)
    for sentence, hows in _SEVERAL_MISTAKES.items():
        if any(_equal(answers, [_target(case, **how) for case in cases]) for how in hows):
            return wrong(sentence, example)
    try:
        again = [as_tensor(call(student, _copied(case)), case[0].rewards, "one number per row") for case in cases]
    except Stopped as stopped:
        return _friendlier(stopped.verdict)
    if not _equal(again, answers):
        return wrong(
            "Called twice with the same rows, your function gives two answers: there is chance in it. The noise "
            "belongs to the action that is played; μ̄(s') is used as it is."
        )

    def agrees(other):
        given = [as_tensor(call(other, _copied(case)), case[0].rewards, "one number per row") for case in cases]
        return _equal(given, truths)

    near = nearly(student, agrees)
    return wrong(near or "The numbers differ from r + γ (1 − d) Q̄(s', μ̄(s')); work the row below by hand.", example)


_SEEDS = (
    "Your agent is trained with 16 seeds side by side, rewards [16, B]: use operations on whole tensors, without a "
    "loop over the rows and without a fixed axis."
)


def _side_by_side(rng):
    """A batch of two seeds: every column [2, B, ...]."""
    two = [_rows(rng) for _ in range(2)]
    return Transitions(*(torch.stack([getattr(rows, name) for rows in two]) for name in _FIELDS))


def _holds_for_seeds(student, rng):
    """Whether a target that is right for one batch [B] is right for two seeds, [2, B]."""
    case = (_side_by_side(rng), *_four(rng), 0.9)
    try:
        answer = as_tensor(call(student, _copied(case)), case[0].rewards)
    except Stopped:
        return False
    return _equal([answer], [_target(case)])


def _four(rng):
    """actor, critic, target actor, target critic: all different."""
    online, lagged = _World(rng), _World(rng)
    return online.actor, online.critic, lagged.actor, lagged.critic


def _copied(case):
    """A case of its own for the student: what it changes there, it changes nowhere else."""
    batch, *rest = case
    return [
        dataclasses.replace(batch, **{name: getattr(batch, name).clone() for name in _FIELDS}),
        *(copy.deepcopy(item) for item in rest),
    ]


def _unchanged(case, mine):
    for name in _FIELDS:
        if not torch.equal(getattr(case[0], name), getattr(mine[0], name)):
            raise Stopped(wrong(f"Your function changes batch.{name} in place; the replay buffer would be spoilt."))
    names = ("the actor", "the critic", "the target actor", "the target critic")
    for name, before, after in zip(names, case[1:5], mine[1:5], strict=True):
        weights = zip(before.parameters(), after.parameters(), strict=True)
        if any(not torch.equal(one, other) for one, other in weights):
            raise Stopped(wrong(f"Your function changes the weights of {name}. Computing a target trains nobody."))


def _friendlier(verdict):
    """The verdict, but with the words of this exercise on what is often done with a batch."""
    said, fields = verdict.sentence, f"The fields of a batch are {', '.join(_FIELDS)}."
    if "'Transitions' object has no attribute" in said:
        return wrong(f"{said} {fields}")
    if "stopped with an error" in said and (key := re.search(r"batch\[[\"'](\w+)[\"']\]", said)):
        return wrong(f"A batch is no dict: write batch.{key[1]}, not batch['{key[1]}']. {fields}")
    if "with a bool tensor" in said:
        return wrong(
            "`terminated` is boolean, and torch does not subtract booleans: write 1 − d as `~batch.terminated`."
        )
    return verdict


def _target(
    case,
    *,
    chooser="lagged",
    scorer="lagged",
    action=None,
    at="next",
    mask="terminated",
    discount=True,
    reward=True,
    all_masked=False,
):
    """y under the right rule, or with one thing wrong."""
    batch, actor, critic, lagged_actor, lagged_critic, gamma = case
    obs = batch.next_obs if at == "next" else batch.obs
    seen = batch.obs if action == "of s" else obs
    with torch.no_grad():
        chosen = batch.actions if action == "stored" else (lagged_actor if chooser == "lagged" else actor)(seen)
        judges = {"lagged": [lagged_critic], "online": [critic]}.get(scorer, [lagged_critic, critic])
        q = torch.stack([judge(obs, chosen) for judge in judges])
    q = {"smaller": q.amin, "larger": q.amax}.get(scorer, q.mean)(0)
    ends = {
        "terminated": batch.terminated,
        "none": torch.zeros_like(batch.terminated),
        "both": batch.terminated | batch.truncated,
        "reversed": ~batch.terminated,
        "truncated": batch.truncated,
    }[mask]
    future = torch.where(ends, 0.0, q) * (gamma if discount else 1.0)
    y = (batch.rewards if reward else 0.0) + future
    return torch.where(ends, 0.0, y) if all_masked else y


_ONLINE = ({"chooser": "online"}, {"scorer": "online"}, {"chooser": "online", "scorer": "online"})
_TARGET_MISTAKES = {
    "Your target gives a terminal state a future: the mask (1 − d) is missing.": {"mask": "none"},
    "You cut the future of truncated rows as well. Only the recording stopped there.": {"mask": "both"},
    "You mask with `truncated`. It is `terminated` that ends the future.": {"mask": "truncated"},
    "Your mask is the wrong way round: it keeps the future of terminated rows only.": {"mask": "reversed"},
    "Both networks are the online ones: the target moves with every step that is meant to reach it. Use the two "
    "target networks.": {"chooser": "online", "scorer": "online"},
    "The online critic judges here. It is being fitted to y, so y must come from the target critic.": {
        "scorer": "online"
    },
    "The online actor chooses a' here. In DDPG the target actor does.": {"chooser": "online"},
    "You score s' with the stored action. That one was taken at s; at s' nobody has acted yet.": {"action": "stored"},
    "You evaluate the target networks at s. The target asks what follows, at next_obs.": {"at": "here"},
    "The target actor chooses at s, and its action is scored at s'. It must see next_obs, too.": {"action": "of s"},
    "There is no discount in front of Q̄(s', a').": {"discount": False},
    "The reward of the step is missing.": {"reward": False},
    "Your mask covers the reward, too. The step that ended the episode was paid: only the future is cut.": {
        "all_masked": True
    },
}
_SEVERAL_MISTAKES = {
    "The online critic has a part in your target. It has no place there: it is being fitted to y, so the target critic "
    "judges alone.": [{"scorer": scorer} for scorer in ("smaller", "larger", "both")],
    "Two things at once: the mask (1 − d) is missing, and a network is the online one, not the target network.": [
        {"mask": "none", **nets} for nets in _ONLINE
    ],
    "Two things at once: truncated rows are cut as well, and a network is the online one, not the target network.": [
        {"mask": "both", **nets} for nets in _ONLINE
    ],
}


def _equal(answers, truths):
    return all(torch.allclose(a, t, rtol=1e-5, atol=1e-6) for a, t in zip(answers, truths, strict=True))


def _first_difference(cases, answers, truths):
    for case, answer, truth in zip(cases, answers, truths, strict=True):
        wide = (answer - truth).abs()
        if wide.max() > 1e-6:
            k = int(wide.argmax())
            batch = case[0]
            end = "terminated" if batch.terminated[k] else "truncated" if batch.truncated[k] else "going on"
            return (
                f"a row with r = {batch.rewards[k]:.3g}, {end}, gamma {case[-1]:.2f}: expected {truth[k]:.4g}, "
                f"got {answer[k]:.4g}"
            )
    return ""


# ---------------------------------------------------------------- E2: the actor's loss


class _World(nn.Module):
    """A small actor μ(s) in (-1, 1)² and a small critic Q(s, a) with random weights, in double precision."""

    def __init__(self, rng, features=3, dimensions=2, width=6):
        super().__init__()

        def weights(*shape):
            return nn.Parameter(torch.from_numpy(rng.normal(0, 1 / shape[-1] ** 0.5, shape)))

        self.actor = _Layers([weights(width, features), weights(dimensions, width)], last=torch.tanh)
        self.critic = _Layers([weights(width, features + dimensions), weights(1, width)])


class _Layers(nn.Module):
    """Linear maps with tanh between them; several inputs are laid side by side, a single output is a number a row."""

    def __init__(self, weights, last=None):
        super().__init__()
        self.weights, self.last = nn.ParameterList(weights), last

    def forward(self, *inputs):
        x = torch.cat(inputs, dim=-1)
        for number, weight in enumerate(self.weights):
            x = (torch.tanh(x) if number else x) @ weight.T
        return self.last(x) if self.last else x.squeeze(-1)


def actor_loss(student, *, seed=None):
    """Check actor_loss(batch, actor, critic) -> a scalar to descend, -mean Q(s, μ(s)), critic held still."""
    rng, remark = np.random.default_rng(seed), ""
    try:
        for rows in (3, 40, 7):
            world, batch = _World(rng), _stored(rng, rows)
            loss = _loss_of(student, batch, world)
            _judge_actor_loss(student, loss, batch, world)
            remark = remark or _flows_into(world.critic, loss)
        world, batch = _World(rng), _side_by_side(rng)
        truth = -world.critic(batch.obs, world.actor(batch.obs)).mean()
        try:
            fits = abs(_loss_of(student, batch, world).item() - truth.item()) < 1e-6
        except Stopped:
            fits = False
        if not fits:
            return wrong(f"The loss is right for one batch [B]. {_SEEDS} Take .mean() over everything.")
    except Stopped as stopped:
        return stopped.verdict
    return right(
        "The states are stored ones, the actions the actor's own, and the gradient goes through the critic into the "
        f"actor.{remark}"
    )


def _stored(rng, rows):
    """Stored steps whose actions, rewards and next states tell any confusion."""
    numbers = [torch.from_numpy(rng.normal(size=(rows, k))) for k in (3, 2, 1, 3)]
    obs, actions, rewards, next_obs = numbers
    ends = [torch.from_numpy(rng.random(rows) < 0.3) for _ in range(2)]
    return Transitions(obs, torch.tanh(actions), rewards.squeeze(-1), next_obs, ends[0], ends[1] & ~ends[0])


def _loss_of(student, batch, world):
    """The student's loss: one number with a gradient, made without touching batch or networks."""
    stored = {name: getattr(batch, name).clone() for name in _FIELDS}
    before = {name: weight.detach().clone() for name, weight in world.named_parameters()}
    rows = len(batch.rewards)
    try:
        loss = call(student, (batch, world.actor, world.critic))
    except Stopped as stopped:
        raise Stopped(_friendlier(stopped.verdict)) from None
    for name, kept in stored.items():
        if not torch.equal(kept, getattr(batch, name)):
            raise Stopped(wrong(f"Your function changes batch.{name} in place; the replay buffer would be spoilt."))
    for name, weight in world.named_parameters():
        owner = name.partition(".")[0]
        if not torch.equal(before[name], weight.detach()):
            raise Stopped(
                wrong(
                    f"Your function moves the weights of the {owner}. It should only say what is to be "
                    f"descended; in this "
                    "step the actor's optimiser moves the actor, and the critic stays as it is."
                )
            )
        refuse_backward([weight])
        if not weight.requires_grad:
            raise Stopped(
                wrong(
                    f"The weights of the {owner} are still frozen when your function is done: its own next step would "
                    "learn nothing. Thaw them again, requires_grad_(True)."
                )
            )
    if not isinstance(loss, torch.Tensor):
        raise Stopped(wrong(f"Return one number to descend, a tensor with a gradient; got {type(loss).__name__}."))
    if loss.numel() != 1:
        raise Stopped(
            wrong(
                f"Return one number for the batch; got shape {list(loss.shape)} for {rows} rows: take the mean "
                f"over them."
            )
        )
    if not loss.isfinite().all():
        raise Stopped(wrong("Your loss is NaN or infinite."))
    return loss.reshape(())


def _judge_actor_loss(student, loss, batch, world):
    """Raise Stopped unless value and actor's gradient are right; name the mistake if it is a known one."""
    weights = list(world.actor.parameters())
    found, given = slopes(loss, weights), loss.item()
    truth = -world.critic(batch.obs, world.actor(batch.obs)).mean()
    expected = slopes(truth, weights)
    if abs(given - truth.item()) < 1e-6 and torch.allclose(found, expected, rtol=1e-5, atol=1e-7):
        return
    example = f"{len(batch.rewards)} rows: expected a loss of {truth.item():.4f}, got {given:.4f}"
    if abs(given - truth.item()) < 1e-6 and not found.abs().max() > 0:
        example += " with no gradient in the actor"
    for sentence, made in _wrong_losses(batch, world).items():
        if abs(given - made.item()) < 1e-6 and torch.allclose(found, slopes(made, weights), rtol=1e-5, atol=1e-7):
            raise Stopped(wrong(sentence.strip(), example))
    if changes(student, (batch, world.actor, world.critic)):
        said = (
            "Called twice with the same batch, your function gives two answers: there is chance in it. The noise "
            "belongs to the action that is played; the loss asks about μ(s) itself."
        )
        raise Stopped(wrong(said, example))
    if not found.abs().max() > 0:
        said = "No gradient reaches the actor: its action must stay in the graph, all the way into Q."
        raise Stopped(wrong(said, example))
    raise Stopped(wrong("The loss differs from −mean Q(s, μ(s)), with the states of the batch.", example))


def _wrong_losses(batch, world):
    actor, critic, s, a, after = world.actor, world.critic, batch.obs, batch.actions, batch.next_obs
    mu, size = actor(s), len(batch.rewards)
    q = critic(s, mu)
    stored = (
        "You score the stored action. It is a fixed number: no gradient reaches the actor. Ask the actor what "
        "it would do now in these states."
    )
    constant = (
        "The value is right, but the way back is cut: with the action detached, or the critic under no_grad, no "
        "gradient reaches the actor. Only the critic's weights are to be held still, not what flows through them."
    )
    score = (
        "You weight the actor's output with Q. That is the way of stochastic policies, with log π in place of μ; here "
        "the gradient is that of Q itself, through its action."
    )
    return {
        "Your loss goes the wrong way: it is descended, and Q is to grow. The objective needs a minus sign.": q.mean(),
        stored: -critic(s, a).mean(),
        stored + " ": critic(s, a).mean(),
        constant: -q.mean().detach(),
        "You add over the rows; take their mean, or every batch size needs a step size of its own.": -q.sum(),
        "You ask about the next states. The actor is improved where the replay buffer has been, at batch.obs.": -critic(
            after, actor(after)
        ).mean(),
        "You choose the action in the next state and score it in this one.": -critic(s, actor(after)).mean(),
        "You choose the action in this state and score it in the next one.": -critic(after, mu).mean(),
        "You teach the actor to repeat the stored actions. It should climb Q, wherever that leads.": (
            (mu - a) ** 2
        ).mean(),
        "You teach the actor to repeat the stored actions; and that is to be descended, if at all.": -(
            (mu - a) ** 2
        ).mean(),
        "The stored reward was paid for another action, and does not change with the actor: ask the "
        "critic.": -batch.rewards.mean(),
        score: -(q.detach()[:, None] * mu).mean(),
        score + " ": -(q.detach()[:, None] * mu).sum(-1).mean(),
        "You square Q. A squared error belongs to the critic; the actor wants Q large.": (q**2).mean(),
        "That is half of it, or twice: your loss is scaled by the number of action components.": -q.sum() / mu.numel(),
        "The gradient is right: Q(s, a) of the stored action does not depend on the actor. But it makes the number "
        "hard to read; leave it out.": -(q - critic(s, a)).mean(),
        "The critic gets its inputs in the wrong order: critic(obs, actions).": -critic(mu, s).mean(),
        "You mask terminated rows. The mask belongs to y, where the future ends; here the actor acts at s, before the "
        "end.": -(q * ~batch.terminated).mean(),
        "You leave out terminated rows. The mask belongs to y, where the future ends; here the actor acts at s, before "
        "the end.": -q[~batch.terminated].mean() if (~batch.terminated).any() else q.mean() * 0 + 1e9,
        "Only the best row of the batch counts in your loss; take the mean over all.": -q.max() + 0 * size,
    }


def _flows_into(critic, loss):
    """A remark, if the loss has a gradient in the critic's weights."""
    if not slopes(loss, list(critic.parameters())).abs().max() > 0:
        return " The critic's weights were held still, which saves the work of their gradient."
    return (
        " (It has a gradient in the critic's weights, too. Harmless, if only the actor's optimiser steps on it; "
        "that is how `rl.DDPG` does it.)"
    )
