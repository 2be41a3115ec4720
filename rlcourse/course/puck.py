"""A puck on a ledge, small enough that every number of one update of DDPG fits on a screen.

Two lessons take it: that of DDPG shows the update, that of target networks the copies.
"""

import copy
import functools
import math
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch
from torch.nn import functional as F

from rlcourse.algorithms.ddpg import DDPG
from rlcourse.objectives import td_target
from rlcourse.transitions import Transitions

# ---------------------------------------------------------------- one update, number by number


LEDGE = gym.spaces.Box(-1.0, 1.0, (1,))
"""Where the puck is, and how hard it is pushed."""
PUCK = DDPG.Config(gamma=0.9, learning_rate=2e-2, tau=0.05, noise_std=0.2, warmup=4, batch_size=32, hidden=(16,))
NETWORKS = ("actor", "critic", "target_actor", "target_critic")


def push(position, action):
    """One step on the ledge: s' = s + a/2, r = 1 - |s'|; beyond ±1 the puck falls, r = -1, and that is the end.

    Args:
        position, action: s and a, tensors of one shape.

    Returns:
        (next position, reward, fallen), same shape.
    """
    landed = position + action / 2
    fallen = landed.abs() > 1
    return landed, torch.where(fallen, torch.tensor(-1.0), 1 - landed.abs()), fallen


def ledge_rows(positions, actions, *, truncated=None):
    """Transitions[B] of single pushes, from lists of positions and of actions."""
    s, a = (torch.tensor(x, dtype=torch.float32) for x in (positions, actions))
    landed, rewards, fallen = push(s, a)
    cut = torch.zeros(len(s), dtype=torch.bool) if truncated is None else torch.tensor(truncated)
    return Transitions(s[:, None], a[:, None], rewards, landed[:, None], fallen, cut & ~fallen)


@functools.cache
def _practised(updates=20):
    """After 400 random pushes and a few updates: the target networks differ from the online ones, as they do."""
    agent = DDPG(LEDGE, LEDGE, PUCK, seed=6)
    rng = np.random.default_rng(0)
    agent.buffer.add(ledge_rows(rng.uniform(-1, 1, 400).tolist(), rng.uniform(-1, 1, 400).tolist()))
    for _ in range(updates):
        agent.update(agent.buffer.sample(PUCK.batch_size))
    return agent


def puck_agent(gamma=PUCK.gamma, tau=PUCK.tau):
    """A copy of the practised agent with its own γ and κ."""
    agent = DDPG(LEDGE, LEDGE, DDPG.Config(**{**vars(PUCK), "gamma": gamma, "tau": tau}), seed=6)
    agent.load_state(_practised().state())
    return agent


class Update(NamedTuple):
    """Lines 5 to 12 of AL-09, in numbers. Arrays have one entry per row of the minibatch."""

    noise: float
    batch: Transitions
    next_actions: np.ndarray
    """μ̄(s')."""
    next_q: np.ndarray
    """Q̄(s', μ̄(s'))."""
    target: np.ndarray
    """y."""
    q: np.ndarray
    """Q_w(s, a) with the stored a."""
    critic_loss: float
    actions: np.ndarray
    """μ_θ(s)."""
    actor_q: np.ndarray
    """Q_w(s, μ_θ(s))."""
    slopes: np.ndarray
    """∇_a Q_w(s, a) at a = μ_θ(s)."""
    actor_loss: float
    gradients: dict
    """Network -> length of the gradient of its loss; for the target networks of the critic's loss, which is 0."""
    moved: dict
    """Network -> how far its weights moved, length of the change."""
    gaps: dict
    """"actor", "critic" -> distance to the copy, (before line 12, after)."""


@functools.lru_cache(maxsize=256)
def one_update(gamma=PUCK.gamma, tau=PUCK.tau):
    """Play one environment step and one update by the agent's own methods, and note every number on the way."""
    agent = puck_agent(gamma, tau)
    start = np.array([0.4], dtype=np.float32)
    steady = float(agent.act_deterministically(start)[0])
    played = float(agent.act(start)[0])  # line 5
    batch = ledge_rows(
        [0.4, -0.6, 0.8, 0.1],
        [played, 0.8, 0.6, -0.5],  # lines 6 to 8
        truncated=[False, False, False, True],
    )
    before = {name: copy.deepcopy(getattr(agent, name)) for name in NETWORKS}

    with torch.no_grad():
        next_actions = agent.target_actor(batch.next_obs)
        next_q = agent.target_critic(batch.next_obs, next_actions)
        target = td_target(batch.rewards, next_q, batch.terminated, gamma=gamma)  # line 9
    q = agent.critic(batch.obs, batch.actions)
    critic_loss = F.mse_loss(q, target)  # line 10
    gradients = {name: _gradient(critic_loss, getattr(agent, name)) for name in NETWORKS if name != "actor"}

    agent.update(batch)  # lines 9 to 12
    judge = agent.critic  # the actor ascends the critic after its step
    own = before["actor"](batch.obs)
    actor_q = judge(batch.obs, own)
    (slopes,) = torch.autograd.grad(actor_q.sum(), own, retain_graph=True)
    gradients["actor"] = _gradient(-actor_q.mean(), before["actor"])

    after = {name: getattr(agent, name) for name in NETWORKS}
    gaps = {
        name: (distance(after[name], before[f"target_{name}"]), distance(after[name], after[f"target_{name}"]))
        for name in ("actor", "critic")
    }
    return Update(
        noise=played - steady,
        batch=batch,
        next_actions=next_actions[:, 0].numpy(),
        next_q=next_q.numpy(),
        target=target.numpy(),
        q=q.detach().numpy(),
        critic_loss=critic_loss.item(),
        actions=own[:, 0].detach().numpy(),
        actor_q=actor_q.detach().numpy(),
        slopes=slopes[:, 0].numpy(),
        actor_loss=-actor_q.mean().item(),
        gradients=gradients,
        moved={name: distance(before[name], after[name]) for name in NETWORKS},
        gaps=gaps,
    )


def _gradient(loss, network):
    """Length of the gradient of a loss in the weights of a network; 0 if none arrives."""
    found = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
    return _length(part for part in found if part is not None)


def _length(tensors):
    return math.sqrt(sum(float((t**2).sum()) for t in tensors))


def distance(one, other):
    """How far apart the weights of two networks of one architecture are: the length of their difference."""
    return _length((p - q).detach() for p, q in zip(one.parameters(), other.parameters(), strict=True))


def parameters(network):
    """How many weights a network has."""
    return sum(p.numel() for p in network.parameters())


# ---------------------------------------------------------------- a gradient that leaks through the target


def split(*, leak, updates=4000, step_size=0.1):
    """A leads to B or to C, with probability ½ each and reward 0; B pays 1 and ends, C pays 0 and ends; γ = 1.

    Gradient descent on the sum of the squared TD errors of these four transitions, a table of three values.

    Args:
        leak: whether the gradient may pass through y as well.

    Returns:
        V(A), V(B), V(C) after the last update, an array; the true values are 0.5, 1 and 0.
    """
    here = torch.tensor([0, 0, 1, 2])
    after = torch.tensor([1, 2, 0, 0])  # of B and C it does not matter
    rewards = torch.tensor([0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    terminated = torch.tensor([False, False, True, True])
    values = torch.full((3,), 0.2, dtype=torch.float64, requires_grad=True)
    for _ in range(updates):
        target = td_target(rewards, values[after], terminated, gamma=1.0)
        error = (target if leak else target.detach()) - values[here]
        (slope,) = torch.autograd.grad((error**2).sum(), values)
        values = (values - step_size * slope).detach().requires_grad_()
    return values.detach().numpy()
