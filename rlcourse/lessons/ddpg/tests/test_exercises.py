"""Checkers of targets and losses: right answers pass, every mistake has a sentence of its own."""

import copy

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.ddpg import exercises

# ---------------------------------------------------------------- E1: the critic's target


def target(batch, actor, critic, target_actor, target_critic, gamma):
    with torch.no_grad():
        next_q = target_critic(batch.next_obs, target_actor(batch.next_obs))
        return batch.rewards + gamma * (1 - batch.terminated.double()) * next_q


def target_with_where(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs)).detach()
    return torch.where(batch.terminated, batch.rewards, batch.rewards + gamma * q)


def target_by_loop(batch, actor, critic, target_actor, target_critic, gamma):
    ys = []
    for k in range(len(batch)):
        y = batch.rewards[k].item()
        if not batch.terminated[k]:
            s = batch.next_obs[k : k + 1]
            y += gamma * target_critic(s, target_actor(s)).item()
        ys.append(y)
    return ys


def target_in_numpy(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs)).detach().numpy()
    return batch.rewards.numpy() + gamma * np.where(batch.terminated, 0, q)


def row_by_row(batch, actor, critic, target_actor, target_critic, gamma):
    return torch.tensor(target_by_loop(batch, actor, critic, target_actor, target_critic, gamma))


def leaking(batch, actor, critic, target_actor, target_critic, gamma):
    next_q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return batch.rewards + gamma * ~batch.terminated * next_q


@torch.no_grad()
def without_mask(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def every_end(batch, actor, critic, target_actor, target_critic, gamma):
    done = batch.terminated | batch.truncated
    return batch.rewards + gamma * ~done * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def truncated_only(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return batch.rewards + gamma * ~batch.truncated * q


@torch.no_grad()
def mask_reversed(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return batch.rewards + gamma * batch.terminated * q


@torch.no_grad()
def both_online(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def online_critic(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def online_actor(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def stored_action(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, batch.actions)


@torch.no_grad()
def at_the_old_state(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.obs, target_actor(batch.obs))


@torch.no_grad()
def action_of_the_old_state(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, target_actor(batch.obs))


@torch.no_grad()
def undiscounted(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + ~batch.terminated * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def without_reward(batch, actor, critic, target_actor, target_critic, gamma):
    return gamma * ~batch.terminated * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def mask_around_everything(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return ~batch.terminated * (batch.rewards + gamma * q)


@torch.no_grad()
def no_mask_and_online_actor(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * target_critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def both_online_every_end(batch, actor, critic, target_actor, target_critic, gamma):
    done = batch.terminated | batch.truncated
    return batch.rewards + gamma * ~done * critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def noisy_target_action(batch, actor, critic, target_actor, target_critic, gamma):
    a = target_actor(batch.next_obs)
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, a + 0.2 * torch.randn_like(a))


def subtracts_a_flag(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + (1 - batch.terminated) * gamma


def wrong_field(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.reward


def spoils_the_batch(batch, actor, critic, target_actor, target_critic, gamma):
    y = batch.rewards
    y += gamma
    return target(batch, actor, critic, target_actor, target_critic, gamma)


def trains_the_copy(batch, actor, critic, target_actor, target_critic, gamma):
    y = target(batch, actor, critic, target_actor, target_critic, gamma)
    with torch.no_grad():
        for p in target_critic.parameters():
            p.mul_(0.9)
    return y


def pairs_every_row_with_every_other(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs)).detach()
    return batch.rewards[:, None] + gamma * q


@torch.no_grad()
def smaller_of_both_critics(batch, actor, critic, target_actor, target_critic, gamma):
    s, a = batch.next_obs, target_actor(batch.next_obs)
    return batch.rewards + gamma * ~batch.terminated * torch.minimum(target_critic(s, a), critic(s, a))


@torch.no_grad()
def mean_of_both_critics(batch, actor, critic, target_actor, target_critic, gamma):
    s, a = batch.next_obs, target_actor(batch.next_obs)
    return batch.rewards + gamma * ~batch.terminated * (target_critic(s, a) + critic(s, a)) / 2


def batch_as_a_dict(batch, actor, critic, target_actor, target_critic, gamma):
    return batch["rewards"] + gamma * target_critic(batch["next_obs"], target_actor(batch["next_obs"]))


TARGET_MISTAKES = {
    leaking: "leak",
    without_mask: "(1 − d) is missing",
    every_end: "truncated rows as well",
    truncated_only: "mask with `truncated`",
    mask_reversed: "wrong way round",
    both_online: "Both networks are the online ones",
    online_critic: "online critic judges",
    online_actor: "online actor chooses",
    stored_action: "stored action",
    at_the_old_state: "target networks at s",
    action_of_the_old_state: "target actor chooses at s",
    undiscounted: "no discount",
    without_reward: "reward of the step is missing",
    mask_around_everything: "Your mask covers the reward",
    no_mask_and_online_actor: "Two things at once: the mask",
    both_online_every_end: "Two things at once: truncated rows",
    smaller_of_both_critics: "online critic has a part in your target",
    mean_of_both_critics: "online critic has a part in your target",
    batch_as_a_dict: "write batch.rewards, not batch['rewards']. The fields of a batch are obs, actions",
    noisy_target_action: "two answers",
    subtracts_a_flag: "`~batch.terminated`",
    wrong_field: "look for another spelling. The fields of a batch are",
    spoils_the_batch: "batch.rewards in place",
    trains_the_copy: "weights of the target critic",
    pairs_every_row_with_every_other: "shape [6, 6]",
    target_by_loop: "a list",
    target_in_numpy: "a ndarray",
    row_by_row: "one batch [B]",
}


class TestTdTarget(CheckerContract):
    check = staticmethod(exercises.td_target)
    right = (target, target_with_where)
    wrong = TARGET_MISTAKES


# ---------------------------------------------------------------- E2: the actor's loss


def actor_loss_right(batch, actor, critic):
    return -critic(batch.obs, actor(batch.obs)).mean()


def actor_loss_frozen(batch, actor, critic):
    for weight in critic.parameters():
        weight.requires_grad_(False)
    values = critic(batch.obs, actor(batch.obs))
    for weight in critic.parameters():
        weight.requires_grad_(True)
    return -values.mean()


def actor_loss_on_a_copy(batch, actor, critic):
    still = copy.deepcopy(critic).requires_grad_(False)
    return (-still(batch.obs, actor(batch.obs))).mean().reshape(1)


def test_a_gradient_in_the_critic_is_accepted_with_a_remark():
    assert "a gradient in the critic's weights, too" in exercises.actor_loss(actor_loss_right).sentence
    assert "saves the work" in exercises.actor_loss(actor_loss_frozen).sentence


def trains_the_critic(batch, actor, critic):
    both = torch.optim.SGD([*actor.parameters(), *critic.parameters()], lr=0.1)
    loss = -critic(batch.obs, actor(batch.obs)).mean()
    loss.backward()
    both.step()
    both.zero_grad()
    return -critic(batch.obs, actor(batch.obs)).mean()


def leaves_it_frozen(batch, actor, critic):
    critic.requires_grad_(False)
    return -critic(batch.obs, actor(batch.obs)).mean()


def calls_backward(batch, actor, critic):
    loss = -critic(batch.obs, actor(batch.obs)).mean()
    loss.backward()
    return loss


def without_graph(batch, actor, critic):
    with torch.no_grad():
        return -critic(batch.obs, actor(batch.obs)).mean()


def spoils_the_memory(batch, actor, critic):
    batch.actions.copy_(actor(batch.obs).detach())
    return -critic(batch.obs, actor(batch.obs)).mean()


def asks_for_done(batch, actor, critic):
    return -(critic(batch.obs, actor(batch.obs)) * ~batch.done).mean()


def loss_of_a_dict(batch, actor, critic):
    return -critic(batch["obs"], actor(batch["obs"])).mean()


def leaves_out_the_ends(batch, actor, critic):
    return -critic(batch.obs, actor(batch.obs))[~batch.terminated].mean()


def noisy_loss(batch, actor, critic):
    actions = actor(batch.obs)
    return -critic(batch.obs, actions + 0.1 * torch.randn_like(actions)).mean()


def loss_by_rows(batch, actor, critic):
    return -sum(critic(s[None], actor(s[None]))[0] for s in batch.obs) / len(batch.rewards)


WRONG_ACTOR_LOSSES = {
    lambda b, actor, critic: critic(b.obs, actor(b.obs)).mean(): "goes the wrong way",
    lambda b, actor, critic: -critic(b.obs, b.actions).mean(): "score the stored action",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs).detach()).mean(): "the way back is cut",
    without_graph: "the way back is cut",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)).sum(): "add over the rows",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)): "Return one number for the batch",
    lambda b, actor, critic: -critic(b.next_obs, actor(b.next_obs)).mean(): "about the next states",
    lambda b, actor, critic: -critic(b.obs, actor(b.next_obs)).mean(): "choose the action in the next state",
    lambda b, actor, critic: -critic(b.next_obs, actor(b.obs)).mean(): "score it in the next one",
    lambda b, actor, critic: torch.nn.functional.mse_loss(actor(b.obs), b.actions): "repeat the stored actions",
    lambda b, actor, critic: -b.rewards.mean(): "paid for another action",
    lambda b, actor, critic: -(critic(b.obs, b.actions).detach()[:, None] * actor(b.obs)).mean(): "differs from",
    lambda b, mu, critic: -(critic(b.obs, mu(b.obs)).detach()[:, None] * mu(b.obs)).mean(): "weight the actor's",
    lambda b, actor, critic: (critic(b.obs, actor(b.obs)) ** 2).mean(): "You square Q",
    lambda b, actor, critic: -(critic(b.obs, actor(b.obs)) - critic(b.obs, b.actions)).mean(): "gradient is right",
    lambda b, actor, critic: -critic(actor(b.obs), b.obs).mean(): "wrong order",
    lambda b, actor, critic: -(critic(b.obs, actor(b.obs)) * ~b.terminated).mean(): "You mask terminated rows",
    leaves_out_the_ends: "You leave out terminated rows",
    noisy_loss: "two answers",
    loss_by_rows: "Take .mean() over everything",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)).sum() / len(b.rewards): "Take .mean() over everything",
    trains_the_critic: "moves the weights of the",
    leaves_it_frozen: "still frozen",
    calls_backward: "call backward inside",
    spoils_the_memory: "changes batch.actions in place",
    asks_for_done: "look for another spelling. The fields of a batch are",
    loss_of_a_dict: "write batch.obs",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)).mean().item(): "a tensor with a gradient; got float",
    lambda b, actor, critic: -critic(b.obs).mean(): "stopped with",
    lambda b, actor, critic: torch.tensor(float("nan"), requires_grad=True): "NaN",
    lambda b, actor, critic: torch.tensor(-0.3, requires_grad=True): "No gradient reaches the actor",
}


@pytest.mark.covers("EQ-33", "EQ-35", "EQ-41", "MIS-23")
class TestActorLoss(CheckerContract):
    check = staticmethod(exercises.actor_loss)
    right = (actor_loss_right, actor_loss_frozen, actor_loss_on_a_copy)
    wrong = WRONG_ACTOR_LOSSES
    seeds = (0, 1, 2, 3, 4)
