"""Exercises of lesson 08: the critic's target, the actor's loss, target networks, noise, divergence, two diagrams."""

import cmath
import copy
import dataclasses
import math

import numpy as np
import torch
from torch import nn

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

# ---------------------------------------------------------------- E1: the critic's target


_FIELDS = ("obs", "actions", "rewards", "next_obs", "terminated", "truncated")


def _rows(rng, size=6):
    """A batch with every kind of ending in it."""
    terminated = torch.tensor([False, True, False, False, True, False])[:size]
    truncated = torch.tensor([False, False, True, False, False, True])[:size]
    return Transitions(
        torch.from_numpy(rng.normal(0, 1, (size, 3))), torch.from_numpy(rng.uniform(-1, 1, (size, 2))),
        torch.from_numpy(rng.normal(0, 1, size)), torch.from_numpy(rng.normal(0, 1, (size, 3))), terminated, truncated,
    )  # fmt: skip


def td_target(student, *, seed=None):
    """Check td_target(batch, actor, critic, target_actor, target_critic, gamma) -> y, shape [B], a constant."""
    rng = np.random.default_rng(seed)
    cases = [(_rows(rng), *_four(rng), float(rng.uniform(0.6, 0.95))) for _ in range(4)]
    try:
        answers, frozen = [], True
        for case in cases:
            mine = _copied(case)
            answer = call(student, mine)
            _unchanged(case, mine)
            frozen &= not (isinstance(answer, torch.Tensor) and answer.requires_grad)
            answers.append(as_tensor(answer, case[0].rewards, "one number a row"))
    except Stopped as stopped:
        return _friendlier(stopped.verdict)
    truths = [_target(case) for case in cases]
    if _equal(answers, truths):
        if not frozen:
            return wrong(
                "The numbers are right, but a gradient can leak through your y. It has to be a constant: compute it "
                "under torch.no_grad(), or detach it."
            )
        return right("The copies look ahead, an end is an end, and nothing flows back through y.")
    example = _first_difference(cases, answers, truths)
    for sentence, how in _TARGET_MISTAKES.items():
        if _equal(answers, [_target(case, **how) for case in cases]):
            return wrong(sentence, example)
    for sentence, hows in _TWO_MISTAKES.items():
        if any(_equal(answers, [_target(case, **how) for case in cases]) for how in hows):
            return wrong(sentence, example)
    try:
        again = [as_tensor(call(student, _copied(case)), case[0].rewards, "one number a row") for case in cases]
    except Stopped as stopped:
        return _friendlier(stopped.verdict)
    if not _equal(again, answers):
        return wrong(
            "Called twice with the same rows, your function gives two answers: there is chance in it. The noise "
            "belongs to the action that is played; μ̄(s') is used as it is."
        )
    return wrong("The numbers differ from r + γ (1 − d) Q̄(s', μ̄(s')); work the row below by hand.", example)


def _four(rng):
    """actor, critic, target actor, target critic: all different."""
    online, lagged = _World(rng), _World(rng)
    return online.actor, online.critic, lagged.actor, lagged.critic


def _copied(case):
    """A case of its own for the student: what it changes there, it changes nowhere else."""
    batch, *rest = case
    return [dataclasses.replace(batch, **{name: getattr(batch, name).clone() for name in _FIELDS}),
            *(copy.deepcopy(item) for item in rest)]


def _unchanged(case, mine):
    for name in _FIELDS:
        if not torch.equal(getattr(case[0], name), getattr(mine[0], name)):
            raise Stopped(wrong(f"Your function changes batch.{name} in place; the memory would be spoilt."))
    names = ("the actor", "the critic", "the target actor", "the target critic")
    for name, before, after in zip(names, case[1:5], mine[1:5], strict=True):
        weights = zip(before.parameters(), after.parameters(), strict=True)
        if any(not torch.equal(one, other) for one, other in weights):
            raise Stopped(wrong(f"Your function changes the weights of {name}. Computing a target trains nobody."))


def _friendlier(verdict):
    said = verdict.sentence
    if "'Transitions' object has no attribute" in said:
        return wrong(f"{said}. The fields of a batch are {', '.join(_FIELDS)}.")
    if "with a bool tensor" in said:
        return wrong(
            "`terminated` is boolean, and torch does not subtract booleans: write 1 − d as `~batch.terminated`."
        )
    return verdict


def _target(case, *, chooser="lagged", scorer="lagged", action=None, at="next", mask="terminated", discount=True,
            reward=True, all_masked=False):  # fmt: skip
    """y under the right rule, or with one thing wrong."""
    batch, actor, critic, lagged_actor, lagged_critic, gamma = case
    obs = batch.next_obs if at == "next" else batch.obs
    seen = batch.obs if action == "of s" else obs
    with torch.no_grad():
        chosen = batch.actions if action == "stored" else (lagged_actor if chooser == "lagged" else actor)(seen)
        q = (lagged_critic if scorer == "lagged" else critic)(obs, chosen)
    ends = {"terminated": batch.terminated, "none": torch.zeros_like(batch.terminated),
            "both": batch.terminated | batch.truncated, "reversed": ~batch.terminated,
            "truncated": batch.truncated}[mask]  # fmt: skip
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
    "copies.": {"chooser": "online", "scorer": "online"},
    "The online critic judges here. It is being fitted to y, so y must come from its copy.": {"scorer": "online"},
    "The online actor chooses a' here. In DDPG the actor's copy does.": {"chooser": "online"},
    "You score s' with the stored action. That one was taken at s; at s' nobody has acted yet.": {"action": "stored"},
    "You evaluate the copies at s. The target asks what follows, at next_obs.": {"at": "here"},
    "The copy chooses its action at s, and it is scored at s'. It must see next_obs, too.": {"action": "of s"},
    "There is no discount in front of Q̄(s', a').": {"discount": False},
    "The reward of the step is missing.": {"reward": False},
    "Your mask covers the reward, too. The step that ended the episode was paid: only the future is cut.":
        {"all_masked": True},
}  # fmt: skip
_TWO_MISTAKES = {
    "Two things at once: the mask (1 − d) is missing, and a network is the online one where its copy belongs.":
        [{"mask": "none", **nets} for nets in _ONLINE],
    "Two things at once: truncated rows are cut as well, and a network is the online one where its copy belongs.":
        [{"mask": "both", **nets} for nets in _ONLINE],
}  # fmt: skip


def _equal(answers, truths):
    return all(torch.allclose(a, t, rtol=1e-5, atol=1e-6) for a, t in zip(answers, truths, strict=True))


def _first_difference(cases, answers, truths):
    for case, answer, truth in zip(cases, answers, truths, strict=True):
        wide = (answer - truth).abs()
        if wide.max() > 1e-6:
            k = int(wide.argmax())
            batch = case[0]
            end = "terminated" if batch.terminated[k] else "truncated" if batch.truncated[k] else "going on"
            return (f"a row with r = {batch.rewards[k]:.3g}, {end}, gamma {case[-1]:.2f}: expected {truth[k]:.4g}, "
                    f"got {answer[k]:.4g}")
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
            world, batch = _World(rng), _memory(rng, rows)
            loss = _loss_of(student, batch, world)
            _judge_actor_loss(loss, batch, world)
            remark = remark or _flows_into(world.critic, loss)
    except Stopped as stopped:
        return stopped.verdict
    return right(
        "The states are from memory, the actions the actor's own, and the gradient goes through the critic into the "
        f"actor.{remark}"
    )


def _memory(rng, rows):
    """Stored steps whose actions, rewards and next states tell any confusion."""
    numbers = [torch.from_numpy(rng.normal(size=(rows, k))) for k in (3, 2, 1, 3)]
    obs, actions, rewards, next_obs = numbers
    ends = [torch.from_numpy(rng.random(rows) < 0.3) for _ in range(2)]
    return Transitions(obs, torch.tanh(actions), rewards.squeeze(-1), next_obs, ends[0], ends[1] & ~ends[0])


def _loss_of(student, batch, world):
    """The student's loss: one number with a gradient, made without touching batch or networks."""
    columns = ("obs", "actions", "rewards", "next_obs", "terminated", "truncated")
    stored = {name: getattr(batch, name).clone() for name in columns}
    before = {name: weight.detach().clone() for name, weight in world.named_parameters()}
    rows = len(batch.rewards)
    try:
        loss = call(student, (batch, world.actor, world.critic))
    except Stopped as stopped:
        if "'Transitions' object has no attribute" in stopped.verdict.sentence:
            said = f"{stopped.verdict.sentence}. The fields of a batch are {', '.join(columns)}."
            raise Stopped(wrong(said)) from None
        raise
    for name, kept in stored.items():
        if not torch.equal(kept, getattr(batch, name)):
            raise Stopped(wrong(f"Your function changes batch.{name} in place; the memory would be spoilt."))
    for name, weight in world.named_parameters():
        owner = name.partition(".")[0]
        if not torch.equal(before[name], weight.detach()):
            raise Stopped(wrong(
                f"Your function moves the weights of the {owner}. It should only say what is to be descended; in this "
                "step the actor's optimiser moves the actor, and the critic stays as it is."
            ))  # fmt: skip
        if weight.grad is not None:
            raise Stopped(wrong(
                "You call backward inside the function; return the loss, and whoever asked for it does."
            ))  # fmt: skip
        if not weight.requires_grad:
            raise Stopped(wrong(
                f"The weights of the {owner} are still frozen when your function is done: its own next step would "
                "learn nothing. Thaw them again, requires_grad_(True)."
            ))  # fmt: skip
    if not isinstance(loss, torch.Tensor):
        raise Stopped(wrong(f"Return one number to descend, a tensor with a gradient; got {type(loss).__name__}."))
    if loss.numel() != 1:
        raise Stopped(wrong(
            f"Return one number for the batch; got shape {list(loss.shape)} for {rows} rows: take the mean over them."
        ))  # fmt: skip
    if not loss.isfinite().all():
        raise Stopped(wrong("Your loss is NaN or infinite."))
    return loss.reshape(())


def _judge_actor_loss(loss, batch, world):
    """Raise Stopped unless value and actor's gradient are right; name the mistake if it is a known one."""
    found, given = _slopes(loss, world.actor), loss.item()
    truth = -world.critic(batch.obs, world.actor(batch.obs)).mean()
    expected = _slopes(truth, world.actor)
    if abs(given - truth.item()) < 1e-6 and torch.allclose(found, expected, rtol=1e-5, atol=1e-7):
        return
    example = f"{len(batch.rewards)} rows: expected a loss of {truth.item():.4f}, got {given:.4f}"
    if abs(given - truth.item()) < 1e-6 and not found.abs().max() > 0:
        example += " with no gradient in the actor"
    for sentence, made in _wrong_losses(batch, world).items():
        if abs(given - made.item()) < 1e-6 and torch.allclose(found, _slopes(made, world.actor), rtol=1e-5, atol=1e-7):
            raise Stopped(wrong(sentence.strip(), example))
    if not found.abs().max() > 0:
        said = "No gradient reaches the actor: its action must stay in the graph, all the way into Q."
        raise Stopped(wrong(said, example))
    raise Stopped(wrong("The loss differs from −mean Q(s, μ(s)), with the states of the batch.", example))


def _wrong_losses(batch, world):
    actor, critic, s, a, after = world.actor, world.critic, batch.obs, batch.actions, batch.next_obs
    mu, size = actor(s), len(batch.rewards)
    q = critic(s, mu)
    stored = (
        "You score the action from the memory. It is a fixed number: no gradient reaches the actor. Ask the actor what "
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
        "You ask about the next states. The actor is improved where the memory has been, at batch.obs.":
            -critic(after, actor(after)).mean(),
        "You choose the action in the next state and score it in this one.": -critic(s, actor(after)).mean(),
        "You choose the action in this state and score it in the next one.": -critic(after, mu).mean(),
        "You teach the actor to repeat what is in the memory. It should climb Q, wherever that leads.":
            ((mu - a) ** 2).mean(),
        "You teach the actor to repeat what is in the memory; and that is to be descended, if at all.":
            -((mu - a) ** 2).mean(),
        "The stored reward was paid for another action, and does not change with the actor: ask the critic.":
            -batch.rewards.mean(),
        score: -(q.detach()[:, None] * mu).mean(),
        score + " ": -(q.detach()[:, None] * mu).sum(-1).mean(),
        "You square Q. A squared error belongs to the critic; the actor wants Q large.": (q**2).mean(),
        "That is half of it, or twice: your loss is scaled by the number of action components.": -q.sum() / mu.numel(),
        "Only the best row of the batch counts in your loss; take the mean over all.": -q.max() + 0 * size,
    }  # fmt: skip


def _slopes(loss, module):
    """Gradient of the loss in a module's weights, flat; zeros where there is none."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    if not loss.requires_grad:
        return torch.cat([torch.zeros(weight.numel(), dtype=weight.dtype) for weight in weights])
    parts = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return torch.cat([
        (torch.zeros_like(weight) if part is None else part).flatten()
        for weight, part in zip(weights, parts, strict=True)
    ])  # fmt: skip


def _flows_into(critic, loss):
    """A remark, if the loss has a gradient in the critic's weights."""
    if not _slopes(loss, critic).abs().max() > 0:
        return " The critic's weights were held still, which saves the work of their gradient."
    return (
        " (It has a gradient in the critic's weights, too. Harmless, if only the actor's optimiser steps on it; "
        "`rl.DDPG` holds the critic still.)"
    )


# ---------------------------------------------------------------- E3: the copies follow


class _Watched(nn.Sequential):
    """A network that remembers whether anybody looked inside."""

    touched = False
    _INSIDE = frozenset({"parameters", "named_parameters", "state_dict", "load_state_dict", "children", "modules",
                         "named_modules", "named_children", "buffers", "named_buffers", "_parameters", "_modules",
                         "get_parameter", "get_submodule", "apply"})  # fmt: skip

    def __getattribute__(self, name):
        if name in _Watched._INSIDE:
            object.__setattr__(self, "touched", True)
        return super().__getattribute__(name)


def _watched(rng):
    """A network with weights of several shapes, and running statistics that are no weights."""
    net = _Watched(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2, bias=False)).double()
    for module in list(net):
        for p in module.parameters():
            p.data.copy_(torch.from_numpy(rng.normal(0, 1, p.shape)))
        for b in module.buffers():
            b.copy_(torch.from_numpy(np.asarray(rng.integers(1, 9, b.shape))))
    return net


def polyak_update(student, *, seed=None):
    """Check polyak_update(online, target, tau): moves the target's weights in place, and nothing else."""
    if not callable(student):
        return wrong(f"Pass the function itself, without calling it; got {type(student).__name__}.")
    rng = np.random.default_rng(seed)
    for tau in (0.25, float(rng.uniform(0.01, 0.2)), float(rng.uniform(0.6, 0.9)), 1.0):
        try:
            verdict = _follow(student, rng, tau)
        except Stopped as stopped:
            verdict = stopped.verdict
        if verdict is not None:
            return verdict
    return right("The copy moves a share κ of the way, weight by weight, in place; nothing else changes.")


def _follow(student, rng, tau):
    """One call; None if all is well."""
    online, target = _watched(rng), _watched(rng)
    w, before = _weights(online), _weights(target)
    objects = list(target.parameters())
    stores, places = _statistics(target), [p.data_ptr() for p in target.parameters()]
    online.touched = target.touched = False
    answer = _run(student, online, target, tau)
    if not (online.touched or target.touched):
        raise Stopped(not_started())
    _same_shape(target, before)
    after = _weights(target)
    if any(p.grad_fn is not None for p in target.parameters()) or len(objects) != len(list(target.parameters())):
        return wrong("Your copy's weights hang in a computation graph. Wrap the loop in torch.no_grad().")
    if not _close(_weights(online), w):
        if _close(_weights(online), _mixed(before, w, tau)) or _close(_weights(online), _mixed(w, before, tau)):
            return wrong("You move the online network towards its copy. It is the copy that follows.")
        return wrong("Your function changes the online network. Only the copy may move.")
    expected = _mixed(w, before, tau)
    example = f"tau {tau:.3g}: an online weight {w[0].flatten()[0]:.3f}, its copy {before[0].flatten()[0]:.3f} → "
    example += f"expected {expected[0].flatten()[0]:.3f}, got {after[0].flatten()[0]:.3f}"
    if _close(after, expected):
        now = list(target.parameters())
        if any(one is not other for one, other in zip(objects, now, strict=True)):
            return wrong(
                "The numbers are right, but the copy has new Parameter objects. Whoever holds the old ones, such as an "
                "optimiser, is left behind: change the numbers in place, with copy_, mul_ and add_, or lerp_."
            )
        if any(p.data_ptr() != place for p, place in zip(now, places, strict=True)):
            return wrong(
                "The numbers are right, but q.data = ... hangs a new tensor into each weight. In place means: write "
                "into the tensor that is there, with copy_, mul_ and add_, or lerp_."
            )
        if any(not torch.equal(a, b) for a, b in zip(stores, _statistics(target), strict=True)):
            return wrong(
                "You also mix what is no weight: the running statistics of the BatchNorm layer, which `state_dict` "
                "holds as well. Go through `parameters()`."
            )
        return None
    if tau == 1.0:
        return wrong("With tau = 1 the copy should equal the online network.", example)
    if _close(after, before):
        if answer is not None and answer is not Ellipsis:
            return wrong("You return new numbers, and the copy stays as it was. Change its weights in place.")
        return wrong(
            "The copy has not moved. A line such as `p = tau * q + ...` only gives a name to a new tensor; write into "
            "the weights, with p.copy_(...) or p.lerp_(...)."
        )
    for sentence, made in {
        "κ and 1 − κ are swapped: the copy jumps nearly all the way, and there is no lag left. κ weighs the online "
        "network.": _mixed(before, w, tau),
        "That is a hard copy: κ is not used.": w,
        "You add κ times the online weights and keep the copy whole: the two shares must sum to 1.":
            [b + tau * x for b, x in zip(before, w, strict=True)],
        "You shrink the copy by 1 − κ, but nothing of the online network arrives.": [(1 - tau) * b for b in before],
        "Only the share κ of the online network is left: the copy's own part, 1 − κ, is missing.":
            [tau * x for x in w],
    }.items():  # fmt: skip
        if _close(after, made):
            return wrong(sentence, example)
    moved = [_close([a], [e]) for a, e in zip(after, expected, strict=True)]
    if any(moved):
        return wrong("Some weights are right, some not: go through all of them, biases and normalisation included.")
    return wrong("The copy should be κ · online + (1 − κ) · copy, weight by weight.", example)


def _run(student, online, target, tau):
    try:
        return student(online, target, tau)
    except (Exception, SystemExit) as error:  # whatever a beginner can do: it becomes a sentence
        if is_stub(error):
            raise Stopped(not_started()) from None
        if "leaf Variable that requires grad" in str(error) or "leaf variable" in str(error).lower():
            raise Stopped(wrong(
                "torch refuses to change a weight in place while it records gradients: wrap the loop in "
                "torch.no_grad()."
            )) from None  # fmt: skip
        raise Stopped(wrong(f"Your function stopped with {type(error).__name__}: {error}")) from None


def _same_shape(target, before):
    now = [p.shape for p in target.parameters()]
    if now != [b.shape for b in before]:
        raise Stopped(wrong("The copy has weights of other shapes, or other layers, than before."))


def _weights(net):
    return [p.detach().clone() for p in net.parameters()]


def _statistics(net):
    return [b.clone() for b in net.buffers()]


def _mixed(near, far, tau):
    return [tau * x + (1 - tau) * y for x, y in zip(near, far, strict=True)]


def _close(one, other):
    return all(torch.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------- E4: noise with a memory


def ou_step(student, *, seed=None):
    """Check ou_step(x, xi, beta, sigma, dt) -> the next noise, shape of x; xi is standard normal."""
    rng = np.random.default_rng(seed)

    def case(n):
        beta, sigma, dt = (float(rng.uniform(*ends)) for ends in ((0.1, 0.9), (0.1, 0.9), (0.2, 0.8)))
        return (*(torch.from_numpy(rng.normal(0, 1, n)) for _ in range(2)), beta, sigma, dt)

    tiny = (*(torch.tensor(numbers, dtype=torch.float64) for numbers in ((1.0, -0.5), (0.5, 1.0))), 0.2, 0.4, 0.25)
    return judge(
        student,
        _ou_like(),
        [tiny, case(3), case(1), case(20)],
        [
            Mistake(
                "Your kick is σ Δ ξ. Independent kicks add up in their squares: it takes √Δ, so that four steps of a "
                "quarter spread as far as one whole step.",
                _ou_like(kick=lambda sigma, dt: sigma * dt),
            ),
            Mistake("Your kick does not know how long a step is: σ ξ needs the factor √Δ.",
                    _ou_like(kick=lambda sigma, dt: sigma)),
            Mistake("Your kick has σ², its variance. The kick itself is σ √Δ ξ.",
                    _ou_like(kick=lambda sigma, dt: sigma**2 * dt)),
            Mistake("Your kick takes the root of σ as well; only Δ stands under the root.",
                    _ou_like(kick=lambda sigma, dt: (sigma * dt) ** 0.5)),
            Mistake("The pull does not know how long a step is: it is β x Δ.", _ou_like(pull=lambda beta, dt: beta)),
            Mistake("The pull takes √Δ in your step. It acts steadily, so it takes Δ; the root belongs to the kick.",
                    _ou_like(pull=lambda beta, dt: beta * dt**0.5)),
            Mistake("Your pull pushes: with + β x Δ the noise runs away from zero.",
                    _ou_like(pull=lambda beta, dt: -beta * dt)),
            Mistake("There is no pull towards zero: that is a random walk, and it goes anywhere in time.",
                    _ou_like(pull=lambda beta, dt: 0.0)),
            Mistake("You return the change alone; the next noise is the present one plus the change.",
                    _ou_like(keep=0.0)),
            Mistake("The kick is missing: without ξ the noise only fades.", _ou_like(kick=lambda sigma, dt: 0.0)),
            Mistake("Δ is missing twice: the pull is β x Δ, and the kick σ √Δ ξ.",
                    _ou_like(pull=lambda beta, dt: beta, kick=lambda sigma, dt: sigma)),
            Mistake("Your pull does not know x. It is β x Δ: the farther out, the stronger, and always towards zero.",
                    lambda x, xi, beta, sigma, dt: x - beta * dt + sigma * dt**0.5 * xi),
            Mistake("That is white noise: nothing of x is left in the next value.",
                    lambda x, xi, beta, sigma, dt: sigma * dt**0.5 * xi),
            Mistake("Your kick has the wrong sign. Its law is the same, ξ being symmetric, but use the ξ given.",
                    _ou_like(kick=lambda sigma, dt: -sigma * dt**0.5)),
            Mistake("β and σ are exchanged: β pulls, σ kicks.",
                    lambda x, xi, beta, sigma, dt: x - sigma * x * dt + beta * dt**0.5 * xi),
        ],
        praise="Pulled back by β x Δ, kicked by σ √Δ ξ: what is left of x is its memory.",
        show=lambda x, xi, beta, sigma, dt:
            f"x {write(x)}, ξ {write(xi)}, β {beta:.2g}, σ {sigma:.2g}, Δ {dt:.2g}",
        each="one number for each of x",
    )  # fmt: skip


def _ou_like(*, pull=lambda beta, dt: beta * dt, kick=lambda sigma, dt: sigma * dt**0.5, keep=1.0):
    """x - β Δ x + σ √Δ ξ, with one thing changed."""
    return lambda x, xi, beta, sigma, dt: keep * x - pull(beta, dt) * x + kick(sigma, dt) * xi


def stationary_std(student, *, seed=None):
    """Check stationary_std(beta, sigma, dt) -> the noise's standard deviation in the long run."""
    rng = np.random.default_rng(seed)
    cases = [tuple(float(rng.uniform(*ends)) for ends in ((0.1, 0.9), (0.1, 0.9), (0.2, 0.8))) for _ in range(4)]
    return judge(
        student,
        lambda beta, sigma, dt: sigma * (dt / (1 - (1 - beta * dt) ** 2)) ** 0.5,
        [(0.15, 0.2, 1.0), (0.5, 0.3, 0.25), *cases],
        [
            Mistake(
                "σ is the size of one kick. The noise remembers its kicks, and they add up: in the long run its "
                "size is larger.",
                lambda beta, sigma, dt: sigma,
            ),
            Mistake("σ √Δ is the size of one kick. The noise remembers the kicks before it, too.",
                    lambda beta, sigma, dt: sigma * dt**0.5),
            Mistake("That is the variance; the deviation is its root.",
                    lambda beta, sigma, dt: sigma**2 * dt / (1 - (1 - beta * dt) ** 2)),
            Mistake("σ/√(2β) is the limit of very short steps. Here Δ is not small.",
                    lambda beta, sigma, dt: sigma / (2 * beta) ** 0.5),
            Mistake("Your formula holds for Δ = 1 only.",
                    lambda beta, sigma, dt: sigma / (1 - (1 - beta) ** 2) ** 0.5),
            Mistake("That belongs to a kick of σ Δ ξ. The kick is σ √Δ ξ.",
                    lambda beta, sigma, dt: sigma * dt / (1 - (1 - beta * dt) ** 2) ** 0.5),
            Mistake("You add up the kicks themselves. They are independent, so their squares add up.",
                    lambda beta, sigma, dt: sigma * dt**0.5 / (beta * dt)),
            Mistake("A step keeps the share 1 − βΔ of x, and so (1 − βΔ)² of the variance; your square is missing.",
                    lambda beta, sigma, dt: sigma * (dt / (beta * dt)) ** 0.5),
            Mistake("The length of a step is in the pull of your formula, but not in the kick.",
                    lambda beta, sigma, dt: sigma / (1 - (1 - beta * dt) ** 2) ** 0.5),
        ],
        praise="What a step forgets of the variance, its kick brings back. That balance sets the size, not σ alone.",
        show=lambda beta, sigma, dt: f"β {beta:.2g}, σ {sigma:.2g}, Δ {dt:.2g}",
        each="one number",
    )  # fmt: skip


# ---------------------------------------------------------------- E5: does the chase run away?


def diverges(student, *, seed=None):
    """Check diverges(step_size, gain, angle, copy_every) -> bool for the chase; the angle in degrees."""
    cases = _chases(np.random.default_rng(seed))
    answers = []
    try:
        for case in cases:
            answers.append(_truth_value(call(student, case)))
    except Stopped as stopped:
        return stopped.verdict
    truths = [_runs_away(*case) for case in cases]
    if answers == truths:
        return right("You can tell before the first update whether it will settle.")
    k = next(i for i, (a, t) in enumerate(zip(answers, truths, strict=True)) if a != t)
    eta, g, phi, every = cases[k]
    example = (f"η = {eta:.2f}, g = {g:.2f}, φ = {phi:.0f}°, a copy every {every}: it {_says(truths[k])}, "
               f"you say it {_says(answers[k])}")
    if len(set(answers)) == 1:
        return wrong("You give the same answer whatever the numbers are; some chases settle, some run away.", example)
    for sentence, rule in _CHASE_MISTAKES.items():
        if answers == [rule(*case) for case in cases]:
            return wrong(sentence, example)
    wrong_ones = sum(a != t for a, t in zip(answers, truths, strict=True))
    return wrong(f"{wrong_ones} of {len(cases)} chases go another way than you say. What is the error multiplied by "
                 f"between one copy and the next?", example)


def _says(away):
    return "runs away" if away else "settles"


def _factor(step_size, gain, angle, copy_every):
    """By what the error is multiplied from one copy to the next."""
    kept = (1 - step_size) ** copy_every
    return abs(kept + (1 - kept) * gain * cmath.exp(1j * math.radians(angle)))


def _runs_away(*case):
    return _factor(*case) > 1


_CHASE_MISTAKES = {
    "The other way round: a factor above 1 is what makes the error grow.": lambda *c: not _runs_away(*c),
    "You put degrees into a function that takes radians. Convert them: π / 180.":
        lambda eta, g, phi, k: _factor(eta, g, math.degrees(phi), k) > 1,
    "You decide by the gain alone, as if φ were 0. A target that answers sideways or backwards is not one straight "
    "ahead.":
        lambda eta, g, phi, k: g > 1,
    "You look at g cos φ above 1: that is right for tiny step sizes, or very slow Polyak copies.":
        lambda eta, g, phi, k: g * math.cos(math.radians(phi)) > 1,
    "You treat every chase as if the target moved at each update: copy_every is not used.":
        lambda eta, g, phi, k: _factor(eta, g, phi, 1) > 1,
    "The real part alone is not the size: the error turns as well. Take the modulus of the complex factor.":
        lambda eta, g, phi, k: abs((1 - eta) ** k + (1 - (1 - eta) ** k) * g * math.cos(math.radians(phi))) > 1,
}  # fmt: skip


def _chases(rng):
    """Chases with a clear outcome, such that every known mistake shows, and both answers are common."""
    while True:
        cases = [(0.3, 1.5, 90.0, 1), (0.3, 1.5, 90.0, 5)]
        while len(cases) < 60:
            case = (float(rng.uniform(0.05, 1.9)), float(rng.uniform(0.5, 1.6)), float(rng.uniform(0, 180)),
                    int(rng.choice([1, 1, 2, 3, 5, 20])))  # fmt: skip
            if abs(_factor(*case) - 1) > 0.03:
                cases.append(case)
        truths = [_runs_away(*case) for case in cases]
        rules = [[rule(*case) for case in cases] for rule in _CHASE_MISTAKES.values()]
        if 0.3 < np.mean(truths) < 0.7 and all(rules.count(made) == 1 and made != truths for made in rules):
            return cases


def _truth_value(answer):
    if isinstance(answer, str):
        raise Stopped(wrong("Return True if the chase runs away and False if it settles; got a text."))
    try:
        values = np.asarray(answer.detach() if isinstance(answer, torch.Tensor) else answer)
        if values.size != 1 or values.dtype == object or values.item() not in (0, 1):
            raise ValueError
    except (TypeError, ValueError, RuntimeError):
        raise Stopped(wrong(
            f"Return True if the chase runs away and False if it settles; got {str(answer)[:40]}."
        )) from None  # fmt: skip
    return bool(values.item())


# ---------------------------------------------------------------- E6: two wrong diagrams


_PICKED = {
    "A": {
        1: "The noise belongs here: the environment gets μ(s) + noise, clipped to the box.",
        4: "Stored actions are right for the critic's loss: r and s' are their consequences.",
        6: "6 is the arrow from Q̄ to y alone, and the score does enter y. What does not arrive is marked elsewhere.",
        8: "y does belong in the critic's loss.",
        9: "The gradient of the critic's loss does move the critic.",
        10: "The actor does learn from − mean Q, through the critic. Look at which action the critic was shown.",
        11: "The critic's copy does follow the critic, by κ.",
        12: "The actor's copy does follow the actor, by κ.",
    },
    "B": {
        2: "This record is complete: s, a, r, s' and d.",
        3: "The minibatch is drawn from the memory, at random.",
        5: "The actor's copy needs just this: s' from the minibatch.",
        7: "Stored (s, a) are right for the critic's loss.",
        9: "The gradient of the loss does move the critic.",
        11: "The critic's copy does follow the critic, by κ.",
        12: "The actor's copy does follow the actor, by κ.",
    },
}  # fmt: skip
_MISSED = {
    "A": {
        2: "What must the memory know about a step after which the episode is over?",
        3: "For the actor's loss, should the critic be shown the action that was played, noise and all, or the one "
           "that the actor would choose?",
        5: "The copies are asked about which state, and by which arrow does that state arrive?",
        7: "Write down the formula of y, and look for an arrow for each of its parts.",
    },
    "B": {
        1: "How does this agent ever try anything that its actor would not do?",
        4: "At s' nobody has acted yet: where can a' come from?",
        6: "The copy of the actor chooses something. Who uses it?",
        8: "Take a terminal row with reward 1. Which target does this loss give it?",
        10: "Which question does the actor ask the critic: how wrong are you, or which way is up?",
    },
}  # fmt: skip


def diagrams(a, b):
    """Check two sets of numbers: the flawed places of diagram A and of diagram B."""
    if all(picks is None or picks is Ellipsis for picks in (a, b)):
        return not_started()
    for name, picks in (("A", a), ("B", b)):
        if picks is None or picks is Ellipsis:
            return wrong(f"Diagram {name} is not answered yet. Give a set of numbers for it, and both are checked.")
    try:
        picked = {"A": _numbers("A", a), "B": _numbers("B", b)}
    except Stopped as stopped:
        return stopped.verdict
    if not any(picked.values()):
        return not_started()
    said = [f"{name}{n} is right as it is. {_PICKED[name][n]}"
            for name in "AB" for n in sorted(picked[name] - _MISSED[name].keys())]
    found = {name: len(picked[name] & _MISSED[name].keys()) for name in "AB"}
    score = "; ".join(f"{name}: {found[name]} of {len(_MISSED[name])} flaws found" for name in "AB")
    if said:
        return wrong(" ".join(said), score)
    for name in "AB":
        for n, question in _MISSED[name].items():
            if n not in picked[name]:
                return wrong(f"Nothing right is accused, but diagram {name} has a flaw left. {question}", score)
    return right(
        "All nine: what is stored, what enters y, whose action is scored, and where the actor's gradient comes from."
    )


def _numbers(name, picks):
    if isinstance(picks, str | bytes) or not hasattr(picks, "__iter__"):
        picks = [picks]
    if isinstance(picks, dict):
        picks = list(picks)
    found = set()
    for pick in np.asarray(list(picks), dtype=object).ravel():
        if isinstance(pick, bool) or not isinstance(pick, int | np.integer) or not 1 <= int(pick) <= 12:
            raise Stopped(wrong(
                f"Give the places of diagram {name} as a set of numbers from 1 to 12, such as {{1, 2}}; got {pick!r}."
            ))  # fmt: skip
        found.add(int(pick))
    return found
