"""E2: the two losses of an actor-critic, with networks; autograd says which weights each of them moves."""

import gymnasium as gym
import numpy as np
import torch
from torch.nn import functional as F

from rlcourse.course.checker import Stopped, call, not_started, right, write, wrong
from rlcourse.course.checker_losses import refuse_backward, slopes
from rlcourse.networks import CategoricalActor, ValueCritic
from rlcourse.transitions import Transitions

GAMMA = 0.9
MORE_AXES = "Take the mean over all steps, `.mean()`, and index the last axis: `.gather(-1, actions[..., None])`."


class _Case:
    """A small actor, a small critic, a batch of some steps, and everything that losses are made of.

    With `shape`, the steps have these axes in place of one.
    """

    def __init__(self, rng, steps, shape=None):
        space = gym.spaces.Box(-5, 5, (3,))
        seeds = (int(seed) for seed in rng.integers(1_000_000, size=2))
        self.actor = CategoricalActor(space, gym.spaces.Discrete(3), (6,), seed=next(seeds))
        self.critic = ValueCritic(space, (6,), seed=next(seeds))
        with torch.no_grad():
            for weights in self.weights("actor") + self.weights("critic"):
                weights += torch.from_numpy(rng.normal(0, 0.5, weights.shape)).float()
        ends = rng.choice(3, steps, p=(0.6, 0.2, 0.2))
        ends[:3] = 1, 2, 0
        self.batch = Transitions(
            torch.from_numpy(rng.normal(0, 1, (steps, 3))).float(),
            torch.from_numpy(rng.integers(3, size=steps)),
            torch.from_numpy(rng.normal(0, 1, steps).round(1)).float(),
            torch.from_numpy(rng.normal(0, 1, (steps, 3))).float(),
            torch.from_numpy(ends == 1),
            torch.from_numpy(ends == 2),
        ).map(lambda column: column.unflatten(0, shape or (steps,)))
        self.policy = self.actor(self.batch.obs)
        self.log_probs = self.policy.log_prob(self.batch.actions)
        self.values, self.next_values = self.critic(self.batch.obs), self.critic(self.batch.next_obs)

    def weights(self, name):
        return list(getattr(self, name).parameters())

    def delta(self, *, mask="terminated", gamma=GAMMA, constant=True):
        """TD errors whose target is a constant, unless it is not to be; or with a mask gone wrong."""
        batch = self.batch
        over = {
            "terminated": batch.terminated,
            "none": torch.zeros_like(batch.terminated),
            "both": batch.terminated | batch.truncated,
            "reversed": ~batch.terminated,
            "truncated": batch.truncated,
        }[mask]
        next_values = self.next_values.detach() if constant else self.next_values
        return batch.rewards + gamma * next_values * ~over - self.values

    def __str__(self):
        batch = self.batch
        return (
            f"log π {write(self.log_probs.detach())}, V(s) {write(self.values.detach())}, "
            f"V(s') {write(self.next_values.detach())}, rewards {write(batch.rewards)}, "
            f"terminated {batch.terminated.int().tolist()}, truncated {batch.truncated.int().tolist()}, gamma {GAMMA:g}"
        )


def _actor_loss(case, advantages):
    return -(case.log_probs * advantages.detach()).mean()


def _normalised(x):
    return (x - x.mean()) / (x.std() + 1e-8)


MASKS = {
    "V(s') counts in it even where the episode terminated.": {"mask": "none"},
    "A truncated step counts as terminated in it. Only the recording stopped there, so V(s') stays.": {"mask": "both"},
    "Its mask is the wrong way round: V(s') counts only where the episode terminated.": {"mask": "reversed"},
    "It masks the truncated steps. The mask belongs to the terminated ones: nothing follows them.": {
        "mask": "truncated"
    },
    "Gamma is missing in it.": {"gamma": 1.0},
}

ACTOR_MISTAKES = {
    "Your actor's loss has the wrong sign: descending it must make actions with a positive advantage likelier.": (
        lambda c: -_actor_loss(c, c.delta())
    ),
    "Your actor's loss is a sum. Take the mean, or the step grows with the length of the episode.": (
        lambda c: _actor_loss(c, c.delta()) * c.batch.rewards.numel()
    ),
    "Your actor's loss forgets the advantage: every action is made likelier, good or bad.": (
        lambda c: -c.log_probs.mean()
    ),
    "Your actor's loss weighs the actions with the target r + γ V(s'). Subtract V(s), what was expected.": (
        lambda c: _actor_loss(c, c.delta() + c.values)
    ),
    "Your actor's loss weighs the actions with the reward alone.": lambda c: _actor_loss(c, c.batch.rewards),
    "Your actor's loss weighs the actions with r - V(s): what the next state is worth is missing.": (
        lambda c: _actor_loss(c, c.batch.rewards - c.values)
    ),
    "Your actor's loss takes the probability of the action. The policy gradient needs its logarithm.": (
        lambda c: -(c.log_probs.exp() * c.delta().detach()).mean()
    ),
    "Your actor's loss multiplies two means. Multiply step by step first, then take the mean.": (
        lambda c: -c.log_probs.mean() * c.delta().detach().mean()
    ),
    "Your actor's loss normalises the advantages. Many programs do; here they are asked for as they are.": (
        lambda c: _actor_loss(c, _normalised(c.delta()))
    ),
    "Your actor's loss weighs the actions with the squared TD error, which has no sign.": (
        lambda c: _actor_loss(c, c.delta() ** 2)
    ),
    **{
        f"Look at the advantage in your actor's loss. {words}": lambda c, how=how: _actor_loss(c, c.delta(**how))
        for words, how in MASKS.items()
    },
}

CRITIC_MISTAKES = {
    "Your critic's loss also differentiates its own target, r + γ V(s'). The target is a constant: V(s) moves to it.": (
        lambda c: (c.delta(constant=False) ** 2).mean()
    ),
    "Your critic's loss moves the target to V(s). Detach the target, and not V(s).": (
        lambda c: ((c.delta(constant=False) + c.values - c.values.detach()) ** 2).mean()
    ),
    "Your critic's loss is a sum. Take the mean, or the step grows with the length of the episode.": (
        lambda c: (c.delta() ** 2).sum()
    ),
    "Your critic's loss has the wrong sign: descending it makes the error larger.": lambda c: -(c.delta() ** 2).mean(),
    "Your critic's loss is the mean of |δ|. It leads to the median of the targets; a value is their mean.": (
        lambda c: c.delta().abs().mean()
    ),
    "Your critic's loss is the Huber loss, which is |δ| for large errors. Asked for is the mean square.": (
        lambda c: F.smooth_l1_loss(c.values, (c.delta() + c.values).detach())
    ),
    "Your critic's loss is the square of the mean error. Square each error first: errors of opposite sign cancel.": (
        lambda c: c.delta().mean() ** 2
    ),
    "Your critic's loss is the mean of δ, without the square: it pushes every V(s) up without end.": (
        lambda c: c.delta().mean()
    ),
    "Your critic's loss is the root of the mean square. Leave the root out.": (
        lambda c: (c.delta() ** 2).mean().sqrt()
    ),
    "Your critic is fitted to the reward alone, without what the next state is worth.": (
        lambda c: F.mse_loss(c.values, c.batch.rewards)
    ),
    **{
        f"Look at the target in your critic's loss. {words}": lambda c, how=how: (c.delta(**how) ** 2).mean()
        for words, how in MASKS.items()
    },
}


def losses(student, *, seed=None):
    """E2: student(actor, critic, batch, gamma) -> (actor loss, critic loss), both scalars to descend.

    The actor's is -mean(log π · δ), the critic's mean(δ²). No gradient flows from the first into the critic, none from
    the second into the actor, and none through the critic's own target. A factor of the critic's loss of 1/2 will do.

    Args:
        student: the function; actor(obs) is a distribution, critic(obs) a tensor [T], batch Transitions[T].
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [_Case(rng, steps) for steps in (4, 7, 10)]
    if verdict := _verdict_on(student, cases):
        return verdict
    if verdict := _verdict_on(student, [_Case(rng, 6, (3, 2)), _Case(rng, 3, (1, 3, 1))]):
        return wrong(
            "Your losses are right for a batch of one axis, [T]. Your agent trains several seeds, and its batches have "
            f"more axes, [T, S, N]: there they fail. {MORE_AXES}",
            f"with rewards of shape [3, 2] or [1, 3, 1]: {verdict.sentence}",
        )
    return right("Each loss moves its own network alone: autograd finds no path from the actor's loss to the critic.")


def _verdict_on(student, cases):
    """None if both losses are right in all cases; otherwise the verdict."""
    try:
        answers = [_two_losses(student, case) for case in cases]
    except Stopped as stopped:
        return stopped.verdict
    for say in (_leaks, _actor, _critic):
        if verdict := say(cases, *zip(*answers, strict=True)):
            return verdict if verdict.example else wrong(verdict.sentence, str(cases[0]))
    return None


def _two_losses(student, case):
    """The student's two losses; the batch and the weights have to stay as they were."""
    before = [tensor.clone() for tensor in (*vars(case.batch).values(), *_all_weights(case))]
    answer = call(student, (case.actor, case.critic, case.batch, GAMMA))
    after = [*vars(case.batch).values(), *_all_weights(case)]
    inside = len(vars(case.batch))
    if not all(map(torch.equal, before[:inside], after[:inside])):
        raise Stopped(wrong("Your function changes the batch in place; work on a copy (tensor.clone())."))
    if not all(map(torch.equal, before[inside:], after[inside:])):
        raise Stopped(wrong("Your function moves the weights. Return the two losses; the agent takes the steps."))
    _look_at_weights(case)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Stopped(wrong(f"Return two losses, the actor's and the critic's; got {type(answer).__name__}."))
    for name, loss in zip(("actor", "critic"), answer, strict=True):
        if loss is Ellipsis:
            raise Stopped(not_started())
        if not isinstance(loss, torch.Tensor):
            hint = " Leave out .item() and float()." if isinstance(loss, float) else ""
            raise Stopped(
                wrong(
                    f"The {name}'s loss must be a tensor that remembers how it was computed; got "
                    f"{type(loss).__name__}.{hint}"
                )
            )
        if loss.numel() != 1:
            raise Stopped(wrong(f"The {name}'s loss must be one number; take the mean over the steps."))
        if not loss.isfinite().all():
            raise Stopped(wrong(f"The {name}'s loss must be a finite number; it is NaN or infinite."))
        _slope(loss, case.weights("actor") + case.weights("critic"))  # which has to be possible
    return [loss.reshape(()) for loss in answer]


def _look_at_weights(case):
    """Whether the weights can still learn, and whether the function has left gradients in them."""
    if not all(weights.requires_grad for weights in case.weights("critic")):
        raise Stopped(wrong("Your function switches off the critic's gradients; detach the target only."))
    if not all(weights.requires_grad for weights in case.weights("actor")):
        raise Stopped(wrong("Your function switches off the actor's gradients; its loss could not move it."))
    refuse_backward(case.weights("actor") + case.weights("critic"))


def _all_weights(case):
    return [weights.detach() for weights in case.weights("actor") + case.weights("critic")]


def _slope(loss, weights):
    """`slopes` in double precision."""
    return slopes(loss, weights).double()


def _same(a, b):
    """Whether two gradients agree as far as single precision carries, measured by the length of the longer one."""
    return (a - b).norm() <= 1e-4 * max(a.norm(), b.norm()) + 1e-6


def _like(cases, losses, name, truth):
    """Whether all losses have the gradients of `truth` (a function of a case) in the weights of one network."""
    return all(
        _same(_slope(loss, case.weights(name)), _slope(truth(case), case.weights(name)))
        for case, loss in zip(cases, losses, strict=True)
    )


def _moves_nothing(cases, losses, name):
    return all(_slope(loss, case.weights(name)).norm() <= 1e-6 for case, loss in zip(cases, losses, strict=True))


def _leaks(cases, actor_losses, critic_losses):
    """What can be told without knowing the formula: which loss moves which network. A Verdict, or None."""
    swapped = _moves_nothing(cases, actor_losses, "actor") and _moves_nothing(cases, critic_losses, "critic")
    if swapped and not _moves_nothing(cases, actor_losses, "critic"):
        return wrong("Return the actor's loss first, then the critic's.")
    if _moves_nothing(cases, actor_losses, "actor"):
        return wrong("Your actor's loss moves no actor: log π has lost its graph. Only the advantage is a constant.")
    if not _moves_nothing(cases, actor_losses, "critic"):
        leak = _slope(actor_losses[0], cases[0].weights("critic"))
        return wrong(
            "Your actor's loss moves the critic: the advantage is not a constant in it. Compute it under "
            "torch.no_grad(), or detach it.",
            f"length of the gradient of your actor's loss in the critic's weights {write(leak.norm())}, should be 0",
        )
    if not _moves_nothing(cases, critic_losses, "actor"):
        return wrong("Your critic's loss moves the actor. Its error has nothing to do with log π.")
    if _moves_nothing(cases, critic_losses, "critic"):
        return wrong(
            "Your critic's loss moves nothing: V(s) has lost its graph in it. Compute critic(batch.obs) once more, "
            "outside torch.no_grad()."
        )
    return None


def _actor(cases, actor_losses, critic_losses):
    return _named(cases, actor_losses, "actor", lambda c: _actor_loss(c, c.delta()), ACTOR_MISTAKES, "-mean(log π · δ)")


def _critic(cases, actor_losses, critic_losses):
    def truth(case):
        return (case.delta() ** 2).mean()

    if _like(cases, critic_losses, "critic", lambda c: 0.5 * truth(c)):
        return None
    return _named(cases, critic_losses, "critic", truth, CRITIC_MISTAKES, "mean(δ²)")


def _named(cases, losses, name, truth, mistakes, formula):
    """None where a loss has the right gradient; else the sentence of the mistake that has just this gradient."""
    if _like(cases, losses, name, truth):
        return None
    wanted, got = (write(loss.detach()) for loss in (truth(cases[0]), losses[0]))
    example = f"{cases[0]}: {name}'s loss should be {wanted}, got {got}"
    if wanted == got:
        example += ". The number is right, its gradient is not"
    for sentence, made in mistakes.items():
        if _like(cases, losses, name, made):
            return wrong(sentence, example)
    return wrong(f"Your {name}'s loss differs from {formula}; work the case below by hand.", example)
