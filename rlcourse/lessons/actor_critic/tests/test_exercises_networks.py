"""E2: losses of real networks, judged by the gradients they send to whom."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch.nn import functional as F

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.algorithms.agent import gradient_step
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.actor_critic import exercises
from rlcourse.lessons.actor_critic.exercises.networks import _Case


def delta(critic, batch, gamma, over=None):
    over = batch.terminated if over is None else over
    return batch.rewards + gamma * critic(batch.next_obs).detach() * ~over - critic(batch.obs)


def log_probs(actor, batch):
    return actor(batch.obs).log_prob(batch.actions)


# ---------------------------------------------------------------- right


def no_grad(actor, critic, batch, gamma):
    with torch.no_grad():
        targets = batch.rewards + gamma * critic(batch.next_obs) * ~batch.terminated
        advantages = targets - critic(batch.obs)
    return -(log_probs(actor, batch) * advantages).mean(), F.mse_loss(critic(batch.obs), targets)


def detached(actor, critic, batch, gamma):
    d = delta(critic, batch, gamma)
    return -torch.mean(log_probs(actor, batch) * d.detach()), (d**2).mean()


def in_double_precision(actor, critic, batch, gamma):
    """Computed in float64, as a check of float32 sums that were taken in another order."""
    d = delta(critic, batch, gamma).double()
    return -(log_probs(actor, batch).double() * d.detach()).sum() / d.numel(), d.pow(2).sum() / d.numel()


def step_by_step(actor, critic, batch, gamma):
    parts = []
    for t in range(batch.rewards.numel()):
        d = delta(critic, batch, gamma).flatten()[t]
        parts.append(torch.stack([-log_probs(actor, batch).flatten()[t] * d.detach(), d * d]))
    return list(torch.stack(parts).mean(0))


def half_the_square(actor, critic, batch, gamma):
    actor_loss, critic_loss = no_grad(actor, critic, batch, gamma)
    return actor_loss, 0.5 * critic_loss


# ---------------------------------------------------------------- wrong


def leaks(actor, critic, batch, gamma):
    d = delta(critic, batch, gamma)
    return -(log_probs(actor, batch) * d).mean(), (d**2).mean()


def through_the_target(actor, critic, batch, gamma):
    d = batch.rewards + gamma * critic(batch.next_obs) * ~batch.terminated - critic(batch.obs)
    return -(log_probs(actor, batch) * d.detach()).mean(), (d**2).mean()


def wrong_side_detached(actor, critic, batch, gamma):
    d = batch.rewards + gamma * critic(batch.next_obs) * ~batch.terminated - critic(batch.obs).detach()
    return -(log_probs(actor, batch) * d.detach()).mean(), (d**2).mean()


def all_detached(actor, critic, batch, gamma):
    d = delta(critic, batch, gamma).detach()
    return -(log_probs(actor, batch) * d).mean(), (d**2).mean()


def all_under_no_grad(actor, critic, batch, gamma):
    with torch.no_grad():
        return no_grad(actor, critic, batch, gamma)


def swapped(*case):
    return no_grad(*case)[::-1]


def joined(*case):
    actor_loss, critic_loss = no_grad(*case)
    return actor_loss, critic_loss + actor_loss


def one_number(*case):
    return sum(no_grad(*case))


def columns(actor, critic, batch, gamma):
    d = delta(critic, batch, gamma)
    return -log_probs(actor, batch) * d.detach(), d**2


def floats(*case):
    return tuple(loss.item() for loss in no_grad(*case))


def takes_the_step(actor, critic, batch, gamma):
    losses = no_grad(actor, critic, batch, gamma)
    with torch.no_grad():
        for weights in critic.parameters():
            weights -= 0.1
    return losses


def backward_inside(actor, critic, batch, gamma):
    both = no_grad(actor, critic, batch, gamma)
    sum(both).backward()
    return both


def backward_and_cleared(*case):
    both = backward_inside(*case)
    for network in case[:2]:
        network.zero_grad()
    return both


def freezes_the_critic(actor, critic, batch, gamma):
    critic.requires_grad_(False)
    return no_grad(actor, critic, batch, gamma)


def freezes_the_actor(actor, critic, batch, gamma):
    actor.requires_grad_(False)
    return no_grad(actor, critic, batch, gamma)


def divided_by_the_length(actor, critic, batch, gamma):
    d = delta(critic, batch, gamma)
    return -(log_probs(actor, batch) * d.detach()).sum() / len(batch.rewards), (d**2).mean()


def gathers_on_the_second_axis(actor, critic, batch, gamma):
    d = delta(critic, batch, gamma)
    chosen = actor(batch.obs).logits.log_softmax(-1).gather(1, batch.actions[:, None]).squeeze(1)
    return -(chosen * d.detach()).mean(), (d**2).mean()


def test_a_backward_inside_is_told_however_it_is_hidden():
    assert "call backward inside" in exercises.losses(backward_and_cleared, seed=0).sentence


def test_losses_of_one_axis_only_are_told_about_the_others():
    for answer in (divided_by_the_length, gathers_on_the_second_axis):
        for seed in range(5):
            verdict = exercises.losses(answer, seed=seed)
            assert "right for a batch of one axis" in verdict.sentence and "rewards of shape" in verdict.example


def only_the_dots(*case):
    return ..., ...


def of_the_actor(change):
    """A right critic, and an actor's loss made of log π and the true advantages by `change`."""

    def wrong_actor(actor, critic, batch, gamma):
        d = delta(critic, batch, gamma).detach()
        return change(log_probs(actor, batch), d, critic(batch.obs).detach(), batch), no_grad(
            actor, critic, batch, gamma
        )[1]

    return wrong_actor


def of_the_critic(change):
    """A right actor, and a critic's loss made of δ by `change`."""

    def wrong_critic(actor, critic, batch, gamma):
        return no_grad(actor, critic, batch, gamma)[0], change(delta(critic, batch, gamma), critic(batch.obs), batch)

    return wrong_critic


def masked(over, gamma_too=False):
    """Both losses with another mask, or without gamma; and the critic's alone."""

    def in_both(actor, critic, batch, gamma):
        d = delta(critic, batch, 1.0 if gamma_too else gamma, over(batch))
        return -(log_probs(actor, batch) * d.detach()).mean(), (d**2).mean()

    def in_the_critic(*case):
        return no_grad(*case)[0], in_both(*case)[1]

    return in_both, in_the_critic


MASKS = {
    "V(s') counts in it even": masked(lambda b: torch.zeros_like(b.terminated)),
    "A truncated step": masked(lambda b: b.terminated | b.truncated),
    "It masks the truncated steps": masked(lambda b: b.truncated),
    "Its mask is the wrong way": masked(lambda b: ~b.terminated),
    "Gamma is missing": masked(lambda b: b.terminated, gamma_too=True),
}


class TestLosses(CheckerContract):
    check = staticmethod(exercises.losses)
    right = (no_grad, detached, in_double_precision, step_by_step, half_the_square)
    wrong = (
        (leaks, "actor's loss moves the critic"),
        (through_the_target, "also differentiates its own target"),
        (wrong_side_detached, "moves the target to V(s)"),
        (all_detached, "critic's loss moves nothing"),
        (all_under_no_grad, "log π has lost its graph"),
        (swapped, "actor's loss first"),
        (joined, "critic's loss moves the actor"),
        (one_number, "two losses"),
        (columns, "take the mean over the steps"),
        (floats, "Leave out .item()"),
        (takes_the_step, "moves the weights"),
        (backward_inside, "call backward inside the function"),
        (freezes_the_critic, "switches off the critic's gradients"),
        (freezes_the_actor, "switches off the actor's gradients"),
        (of_the_actor(lambda p, d, v, b: (p * d).mean()), "actor's loss has the wrong sign"),
        (of_the_actor(lambda p, d, v, b: -(p * d).sum()), "actor's loss is a sum"),
        (of_the_actor(lambda p, d, v, b: -p.mean()), "forgets the advantage"),
        (of_the_actor(lambda p, d, v, b: -(p * (d + v)).mean()), "Subtract V(s)"),
        (of_the_actor(lambda p, d, v, b: -(p * b.rewards).mean()), "with the reward alone"),
        (of_the_actor(lambda p, d, v, b: -(p * (b.rewards - v)).mean()), "with r - V(s)"),
        (of_the_actor(lambda p, d, v, b: -(p.exp() * d).mean()), "takes the probability"),
        (of_the_actor(lambda p, d, v, b: -p.mean() * d.mean()), "multiplies two means"),
        (of_the_actor(lambda p, d, v, b: -(p * (d - d.mean()) / (d.std() + 1e-8)).mean()), "normalises"),
        (of_the_actor(lambda p, d, v, b: -(p * d**2).mean()), "squared TD error"),
        (of_the_critic(lambda d, v, b: (d**2).sum()), "critic's loss is a sum"),
        (of_the_critic(lambda d, v, b: -(d**2).mean()), "critic's loss has the wrong sign"),
        (of_the_critic(lambda d, v, b: d.abs().mean()), "mean of |δ|"),
        (of_the_critic(lambda d, v, b: F.huber_loss(v, (d + v).detach())), "Huber"),
        (of_the_critic(lambda d, v, b: d.mean() ** 2), "square of the mean"),
        (of_the_critic(lambda d, v, b: d.mean()), "without the square"),
        (of_the_critic(lambda d, v, b: (d**2).mean().sqrt()), "root of the mean"),
        (of_the_critic(lambda d, v, b: F.mse_loss(v, b.rewards)), "fitted to the reward alone"),
        (of_the_critic(lambda d, v, b: v.mean()), "differs from mean(δ²)"),
        (of_the_actor(lambda p, d, v, b: -(p**2 * d).mean()), "differs from -mean(log π · δ)"),
        *((both, f"advantage in your actor's loss. {words}") for words, (both, _) in MASKS.items()),
        *((alone, f"target in your critic's loss. {words}") for words, (_, alone) in MASKS.items()),
    )
    seeds = (*range(5), None)


@pytest.mark.parametrize("answer", [only_the_dots])
def test_dots_in_place_of_losses_are_unfinished(answer):
    assert exercises.losses(answer).state == UNFINISHED


def test_a_right_answer_is_never_refused_by_rounding():
    """Networks compute in single precision: 100 draws, each summed in another order."""
    assert all(exercises.losses(in_double_precision, seed=seed).passed for seed in range(100))


@pytest.mark.covers("AL-03")
def test_the_right_losses_make_the_course_s_own_update():
    """What the last part of the lesson trains is the same algorithm, weight by weight."""

    class Mine(rl.OnlineActorCritic):
        def update(self, batch):
            actor_loss, critic_loss = no_grad(self.actor, self.critic, batch, self.config.gamma)
            gradient_step(self.critic_optimizer, critic_loss)
            gradient_step(self.actor_optimizer, actor_loss)
            return {}

    case = _Case(np.random.default_rng(0), 6)
    spaces = gym.spaces.Box(-5, 5, (3,)), gym.spaces.Discrete(3)
    mine, theirs = (kind(*spaces, seed=1) for kind in (Mine, rl.OnlineActorCritic))
    for _ in range(2):
        mine.update(case.batch), theirs.update(case.batch)
    for name, weights in theirs.state().items():
        np.testing.assert_allclose(mine.state()[name], weights, atol=1e-5)
