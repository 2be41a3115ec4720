"""Checkers: guards of any usual size, an update that keeps its arguments, and sentences that are true of an answer."""

import pytest
import torch
from torch.distributions import Categorical
from torch.nn import functional as F

import rlcourse as rl
from rlcourse.algorithms.agent import gradient_step
from rlcourse.course import checker
from rlcourse.course.checker import UNFINISHED, WRONG
from rlcourse.lessons.ppo_in_practice import exercises
from rlcourse.transitions import flatten

# ---------------------------------------------------------------- E1 and E2


def test_what_stands_behind_the_star_is_said_once():
    def by_position(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        return values + rl.gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda)

    said = exercises.value_targets(by_position).sentence
    assert ".." not in said and said.count("after the *") + said.count("behind the *") == 1


def scaled(guard, *, correction=1, under_root=False):
    def normalise(A):
        var = A.var(-1, keepdim=True, correction=correction)
        return (A - A.mean(-1, keepdim=True)) / ((var + guard).sqrt() if under_root else var.sqrt() + guard)

    return normalise


def by_layer_norm(A):
    return F.layer_norm(A, A.shape[-1:])


SMALL_GUARDS = (
    scaled(1e-4),
    scaled(1e-5, correction=0),
    scaled(1e-4, under_root=True),
    scaled(1e-5, correction=0, under_root=True),
    by_layer_norm,
)


@pytest.mark.parametrize("normalise", SMALL_GUARDS)
def test_a_usual_guard_passes(normalise):
    assert all(exercises.normalise(normalise, seed=seed).passed for seed in range(25))


def test_a_global_mean_with_the_other_count_is_shown_where_it_is_wrong():
    verdict = exercises.normalise(lambda A: (A - A.mean()) / (A.std(correction=0) + 1e-8))
    assert verdict.sentence.startswith("Right for one seed") and "of shape [3, 7]" in verdict.example


# ---------------------------------------------------------------- E3


def constants(agent, rollout, normalise):
    config = agent.config
    with torch.no_grad():
        old = agent.actor(rollout.obs).log_prob(rollout.actions)
        values, next_values = agent.critic(rollout.obs), agent.critic(rollout.next_obs)
        steps = rollout.rewards, values, next_values, rollout.terminated, rollout.truncated
        advantages = rl.gae(*steps, gamma=config.gamma, gae_lambda=config.gae_lambda)
    return flatten(old), flatten(values + advantages), normalise(flatten(advantages))


def losses(agent, batch, rows, old, returns, weights):
    log_probs = agent.actor(batch.obs[rows]).log_prob(batch.actions[rows])
    L = rl.clipped_surrogate(log_probs, old[rows], weights[rows], clip_eps=agent.config.clip_eps)
    return -L, F.mse_loss(agent.critic(batch.obs[rows]), returns[rows])


def updating(step, *, normalise=SMALL_GUARDS[0]):
    """A right update but for `step(agent, actor_loss, critic_loss)`."""

    def ppo_update(agent, rollout, batches):
        known, batch = constants(agent, rollout, normalise), rollout.flatten()
        for rows in batches:
            step(agent, *losses(agent, batch, rows, *known))

    return ppo_update


def two_steps(agent, actor_loss, critic_loss):
    gradient_step(agent.actor_optimizer, actor_loss)
    gradient_step(agent.critic_optimizer, critic_loss)


@pytest.mark.parametrize("normalise", SMALL_GUARDS)
def test_an_update_with_a_usual_guard_passes_and_is_not_searched(normalise, monkeypatch):
    searched = []
    monkeypatch.setattr(checker, "nearly", lambda written, agrees: searched.append(written) or "")
    assert exercises.normalise(normalise).passed
    assert all(exercises.ppo_update(updating(two_steps, normalise=normalise), seed=seed).passed for seed in range(3))
    assert not any(searched)  # None has no source


@pytest.mark.parametrize("sign", [1, -1])
def test_an_update_that_empties_the_batches_does_not_pass(sign):
    def ppo_update(agent, rollout, batches):
        known, batch = constants(agent, rollout, SMALL_GUARDS[0]), rollout.flatten()
        while batches:
            actor_loss, critic_loss = losses(agent, batch, batches.pop(0), *known)
            two_steps(agent, sign * actor_loss, critic_loss)

    for seed in (0, 1, None):
        assert "changes `batches` in place" in exercises.ppo_update(ppo_update, seed=seed).sentence
    assert "changes `batches` in place" in exercises.ppo_update(lambda a, r, batches: batches.clear()).sentence


def test_an_update_that_changes_the_rollout_does_not_pass():
    def ppo_update(agent, rollout, batches):
        with torch.no_grad():
            rollout.rewards[rollout.truncated] += agent.config.gamma * agent.critic(rollout.next_obs)[rollout.truncated]
        rollout.terminated.logical_or_(rollout.truncated)
        updating(two_steps)(agent, rollout, batches)

    for seed in (0, 1, None):
        assert "changes `rollout.rewards` in place" in exercises.ppo_update(ppo_update, seed=seed).sentence


def joint_twice(agent, actor_loss, critic_loss):
    loss = actor_loss + critic_loss
    two_steps(agent, loss, loss)


def critic_in_both(agent, actor_loss, critic_loss):
    two_steps(agent, actor_loss + critic_loss, critic_loss)


def never(agent, actor_loss, critic_loss):
    pass


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (joint_twice, "You call backward twice on one loss"),
        (critic_in_both, "share a part of their graph"),
        (never, "Neither network has moved"),
    ],
)
def test_a_wrong_step_is_named(step, words):
    verdict = exercises.ppo_update(updating(step))
    assert verdict.state == WRONG and words in verdict.sentence and "before the loop still" not in verdict.sentence


def test_pass_alone_moves_nothing():
    def ppo_update(agent, rollout, batches):
        pass

    assert "Neither network has moved" in exercises.ppo_update(ppo_update).sentence


def test_an_error_is_told_though_dots_still_stand():
    def ppo_update(agent, rollout, batches):
        with torch.no_grad():
            old = flatten(agent.actor(rolout.obs).log_prob(rollout.actions))  # noqa: F821
        return ..., old

    verdict = exercises.ppo_update(ppo_update)
    assert verdict.state == WRONG and "rolout" in verdict.sentence and "Three dots still stand" in verdict.sentence


def test_dots_that_stop_the_rest_have_not_started():
    def ppo_update(agent, rollout, batches):
        old = ...
        return old[0]

    assert exercises.ppo_update(ppo_update).state == UNFINISHED


def test_what_differs_with_several_seeds_is_shown(monkeypatch):
    monkeypatch.setattr(checker, "nearly", lambda written, agrees: "")  # it would find nothing, and takes seconds

    def over_all_seeds(A):
        return (A - A.mean()) / (A.std() + 1e-8)

    verdict = exercises.ppo_update(updating(two_steps, normalise=over_all_seeds), seed=0)
    assert verdict.sentence.startswith("Right for one seed")
    assert "expected" in verdict.example and "stands below" not in verdict.example


# ---------------------------------------------------------------- E4


def clinic_targets(rewards, next_values, terminated, truncated, gamma):
    return rl.rewards_to_go(rewards, terminated, truncated, gamma=gamma, next_values=next_values)


def clinic_advantages(*steps):
    return rl.gae(*steps[:-2], gamma=steps[-2], gae_lambda=steps[-1])


def clinic_loss(
    logits, actions, old_log_probs, advantages, clip_eps, entropy_weight, change=lambda log_probs: log_probs
):
    policy = Categorical(logits=logits)
    log_probs = change(policy.log_prob(actions))
    surrogate = rl.clipped_surrogate(log_probs, old_log_probs, advantages, clip_eps=clip_eps)
    return -surrogate - entropy_weight * policy.entropy().mean()


WELL = {"targets": clinic_targets, "advantages": clinic_advantages, "loss": clinic_loss}


def stepping(*case):
    loss = clinic_loss(*case)
    loss.backward()
    return loss


def stepping_and_keeping(*case):
    loss = clinic_loss(*case)
    loss.backward(retain_graph=True)
    return loss


def in_place(column, *rest):
    with torch.no_grad():
        column += 1
    return column


def silent(*case):
    answer = case  # noqa: F841


def broken(*case):
    return {}["a key"]


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        ("loss", stepping, "clinic_loss: You call backward inside the function"),
        ("loss", stepping_and_keeping, "clinic_loss: You call backward inside the function"),
        ("loss", lambda *case: clinic_loss(*case, change=torch.Tensor.detach), "its number is right, and no gradient"),
        ("loss", lambda *case: clinic_loss(*case).expand(2), "clinic_loss: Return one number; got shape [2]"),
        ("targets", silent, "clinic_targets: Your function returns nothing"),
        ("advantages", in_place, "clinic_advantages: Your function changes an argument in place"),
        ("advantages", broken, "clinic_advantages: Your function stopped with an error"),
        ("targets", lambda *case: ..., "clinic_targets: Replace the three dots"),
    ],
)
def test_the_clinic_says_which_function(name, function, words):
    said = exercises.clinic(**WELL | {name: function}).sentence
    assert words in said and said.count("clinic_") == 1


def test_the_clinic_says_where_a_gradient_alone_is_wrong():
    def half(*case):
        return clinic_loss(*case, change=lambda log_probs: (log_probs + log_probs.detach()) / 2)

    verdict = exercises.clinic(**WELL | {"loss": half})
    assert "its number is right, and its gradient in the logits is not" in verdict.sentence and not verdict.example


def test_the_clinic_shows_one_number_of_a_loss():
    verdict = exercises.clinic(**WELL | {"loss": lambda *case: 3 * clinic_loss(*case)})
    assert "neither right nor" in verdict.sentence and "(" not in verdict.example


def test_the_clinic_is_well():
    assert exercises.clinic(**WELL).passed
