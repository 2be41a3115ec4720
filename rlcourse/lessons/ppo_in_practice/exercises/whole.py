"""Exercise: the whole update of PPO, on an agent whose networks are tables."""

import functools
from unittest import mock

import gymnasium as gym
import numpy as np
import torch
from torch.nn import functional as F

from rlcourse.algorithms import PPO
from rlcourse.course.checker import (
    SECONDS,
    UNFINISHED,
    Endless,
    Mistake,
    Stopped,
    Verdict,
    has_dots,
    is_stub,
    judge,
    run,
    within,
    wrong,
)
from rlcourse.course.checker_errors import describe
from rlcourse.lessons.ppo_in_practice.exercises.updates import GUARDED, UNKNOWN, either_count, explained
from rlcourse.objectives import clipped_surrogate
from rlcourse.returns import gae
from rlcourse.transitions import Transitions, flatten

RATE = 0.5
CONFIG = PPO.Config(hidden=(), gamma=0.9, gae_lambda=0.5, clip_eps=0.2)


def table_agent(states, actions, seed):
    """rl.PPO with tables, logits 0 and V(s) = 1 + s, in double precision, with plain gradient steps."""
    agent = PPO(gym.spaces.Discrete(states), gym.spaces.Discrete(actions), CONFIG, seed=seed)
    for network in (agent.actor, agent.critic):
        network.double()
        network.features = lambda obs, states=states: F.one_hot(obs.long(), states).double()
        for part in network.parameters():
            part.data.zero_()
    agent.critic.net.weights[0].data += torch.arange(1.0, states + 1)[:, None]
    agent.actor_optimizer = torch.optim.SGD(list(agent.actor.net.weights), lr=RATE * agent.num_seeds)
    agent.critic_optimizer = torch.optim.SGD(list(agent.critic.net.weights), lr=RATE * agent.num_seeds / 4)
    return agent


def readout(agent, states):
    """What the agent has become: log π(a|s) of every state and action, and V(s) of every state."""
    obs = torch.arange(states)
    if agent.num_seeds > 1:
        obs = obs.expand(agent.num_seeds, -1)
    with torch.no_grad():
        return torch.cat([agent.actor(obs).logits.flatten(), agent.critic(obs).flatten()])


def _update(agent, rollout, batches, *, fault="", correction=1):
    """Lines 4 to 10 of PPO, with known faults on demand."""
    config, batch = agent.config, rollout.flatten()

    def constants():
        with torch.no_grad():
            old = agent.actor(rollout.obs).log_prob(rollout.actions)
            values, next_values = agent.critic(rollout.obs), agent.critic(rollout.next_obs)
        steps = rollout.rewards, values, next_values, rollout.terminated, rollout.truncated
        advantages = gae(*steps, gamma=config.gamma, gae_lambda=config.gae_lambda)
        old, returns, A = (flatten(x) for x in (old, values + advantages, advantages))
        weights = (A - A.mean(-1, keepdim=True)) / (A.std(-1, keepdim=True, correction=correction) + 1e-8)
        changed = {
            "raw advantages": (returns, A),
            "scaled targets": (flatten(values) + weights, weights),
            "advantages as targets": (A, weights),
        }
        return old, *changed.get(fault, (returns, weights))

    old, returns, weights = constants()
    for number, rows in enumerate(batches):
        if fault == "no step" or (fault == "first minibatch" and number):
            break
        if fault == "renewed targets":
            _, returns, weights = constants()
        if fault == "all rows":
            rows = ...
        log_probs = agent.actor(batch.obs[rows]).log_prob(batch.actions[rows])
        before = log_probs.detach() if fault == "old renewed" else old[rows]
        A = weights[rows]
        if fault == "per minibatch":
            A = (A - A.mean(-1, keepdim=True)) / (A.std(-1, keepdim=True) + 1e-8)
        eps = 1e9 if fault == "no clip" else config.clip_eps
        actor_loss = -clipped_surrogate(log_probs, before, A, clip_eps=eps)
        critic_loss = F.mse_loss(agent.critic(batch.obs[rows]), returns[rows])
        if fault != "only the critic":
            _step(agent.actor_optimizer, -actor_loss if fault == "descends" else actor_loss, fault)
        if fault != "only the actor":
            _step(agent.critic_optimizer, critic_loss, fault)


def _step(optimizer, loss, fault):
    if fault != "gradients kept":
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()


_FAULTS = {
    "no step": "Neither network has moved. Every minibatch is one step of each optimizer: "
    "gradient_step(optimizer, loss).",
    "old renewed": "Your ratio is 1 in every step: the old log-probabilities are computed again for every minibatch. "
    "Compute them once, before the first one.",
    "renewed targets": "The targets and advantages move with the critic: you compute them again for every minibatch. "
    "Compute them once, before the first one.",
    "raw advantages": "The actor is weighted with advantages that are not normalised.",
    "scaled targets": "The critic learns V plus the normalised advantage. Its targets must stay in the unit of the "
    "reward.",
    "advantages as targets": "The critic learns the advantages. Its targets are the returns, V plus the advantage.",
    "descends": "The actor goes the wrong way: the surrogate is ascended, so its loss is minus the surrogate.",
    "gradients kept": "Gradients of earlier minibatches are still in yours: call zero_grad before backward, or use "
    "gradient_step.",
    "only the actor": "The critic has not moved as it should: only the actor takes its steps.",
    "only the critic": "The actor has not moved as it should: only the critic takes its steps.",
    "first minibatch": "You stop after the first minibatch; every tensor of `batches` is one step of each network.",
    "all rows": "Every step uses all rows. One step belongs to one minibatch: index with its rows.",
    "per minibatch": "You normalise in every minibatch. Many programs do; here it is once per rollout.",
    "no clip": "The ratio is not clipped.",
}


def _case(rng, states, actions, steps, envs, parts, epochs, seeds=()):
    shape = (steps, *seeds, envs)
    ended = rng.random(shape)
    obs, next_obs = rng.integers(states, size=(2, *shape))
    goes_on = (ended >= 0.2) & (ended <= 0.85)
    next_obs[:-1] = np.where(goes_on[:-1], obs[1:], next_obs[:-1])
    rollout = Transitions(
        obs=torch.from_numpy(obs),
        actions=torch.from_numpy(rng.integers(actions, size=shape)),
        rewards=torch.from_numpy(rng.normal(1, 2, shape)),
        next_obs=torch.from_numpy(next_obs),
        terminated=torch.from_numpy(ended < 0.2),
        truncated=torch.from_numpy(ended > 0.85),
    )
    batches = []
    for _ in range(epochs):
        orders = np.stack([rng.permutation(steps * envs) for _ in range(seeds[0] if seeds else 1)])
        for rows in torch.from_numpy(orders).chunk(parts, dim=-1):
            batches.append((torch.arange(seeds[0])[:, None], rows) if seeds else rows[0])
    return (states, actions, list(range(seeds[0])) if seeds else 0), rollout, batches


def _small():
    """One state, two actions, two steps that both end the episode: to be worked by hand."""
    flags = torch.tensor([[True], [True]])
    zeros = torch.zeros(2, 1, dtype=torch.long)
    rewards = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    rollout = Transitions(zeros, torch.tensor([[0], [1]]), rewards, zeros, flags, ~flags)
    rows = torch.tensor([0, 1])
    return (1, 2, 0), rollout, [rows, rows, rows]


def _after(update, changed=None):
    """The same update as a function of a case -> what its agent has become.

    A case is the table's size and seeds, a rollout and its minibatches: as many arguments as the update has. The update
    gets copies; what it changes of them in place is named in the list `changed`.
    """

    @functools.wraps(update)
    def ppo_update(table, rollout, batches):
        agent, states = table_agent(*table), table[0]
        before = readout(agent, states)
        steps, parts = rollout.map(torch.clone), [_copied(rows) for rows in batches]
        answer = update(agent, steps, parts)
        if changed is not None:
            columns = vars(rollout).items()
            changed.extend(f"rollout.{name}" for name, column in columns if not _equal(column, getattr(steps, name)))
            if not _equal(batches, parts):
                changed.append("batches")
        after = readout(agent, states)
        if answer is Ellipsis or (torch.equal(before, after) and has_dots(update)):
            return ...
        return after

    return ppo_update


def _copied(rows):
    """The rows of a minibatch; of several seeds, with the seeds' numbers before them."""
    return tuple(part.clone() for part in rows) if isinstance(rows, tuple) else rows.clone()


def _equal(before, after):
    """Whether two tensors, or lists of them, hold the same numbers."""
    if isinstance(before, torch.Tensor):
        return isinstance(after, torch.Tensor) and torch.equal(before, after)
    return type(before) is type(after) and len(before) == len(after) and all(map(_equal, before, after))


def _show(table, rollout, batches):
    states, actions, _ = table
    if states > 1:
        return f"{states} states, {actions} actions, a rollout of {list(rollout.rewards.shape)}; log π and V afterwards"
    return (
        "one state, logits (0, 0) and V = 1; two steps, actions (0, 1), rewards (1, 3), both terminated; "
        "three minibatches, each with both rows; a step is 0.5 times the gradient for the actor, 0.125 times for the "
        "critic; ε = 0.2. Afterwards log π(0), log π(1), V"
    )


def _judged(student, cases):
    """The verdict on some cases."""
    changed = []

    def judged(correction, known, searched):
        mistakes = [
            Mistake(sentence, _after(functools.partial(_update, fault=fault, correction=correction)))
            for fault, sentence in _FAULTS.items()
        ]
        return judge(
            _after(student, changed),
            _after(functools.partial(_update, correction=correction)),
            cases,
            mistakes if known else [],
            praise="Lines 4 to 10: this is PPO's update, whole.",
            tolerance=GUARDED,
            show=_show,
            each="log π and V",
            own=(student, _after),
            searched=searched,
        )

    verdict = either_count(judged)
    if changed:
        return wrong(f"Your function changes `{changed[0]}` in place. Leave its arguments as they are: work on a copy.")
    return verdict


def _error_beside_dots(student):
    """What stops a function that is written in part, in a sentence; empty if it is only the dots."""
    try:
        within(SECONDS, _after(student), *_small())
    except Endless:  # the verdict on all cases says nothing of it
        return ""
    except (Exception, SystemExit) as error:  # whatever a beginner can do
        if not is_stub(error) and "ellipsis" not in str(error).lower():
            return f"{describe(error, student)} Three dots still stand in your function, too."
    return ""


def _second_backward(student):
    """Why backward() goes through a graph a second time, in a sentence."""
    losses, twice = [], []  # all that backward was called on, and those that came again
    backward = torch.Tensor.backward

    def watched(loss, *args, **kwargs):
        twice.extend(other for other in losses if other is loss)
        losses.append(loss)
        return backward(loss, *args, **kwargs)

    *rest, batches = _small()
    with mock.patch.object(torch.Tensor, "backward", watched):
        within_one_minibatch = _stops(student, (*rest, batches[:1]))
    if twice:
        return (
            "You call backward twice on one loss, and the first time uses up its graph. Give each optimizer a loss of "
            "its own: gradient_step(agent.actor_optimizer, actor_loss), then the same with the critic's."
        )
    if within_one_minibatch:
        return (
            "The two losses of a minibatch share a part of their graph, and the first backward uses it up. Give each "
            "optimizer a loss of its own, and compute what is constant before the loop under `with torch.no_grad():`."
        )
    return (
        "Something that you computed before the loop still carries its graph. Old log-probabilities, targets and "
        "advantages are constants: compute them under `with torch.no_grad():`."
    )


def _stops(student, case):
    """Whether a function stops with an error on a case."""
    try:
        run(_after(student), case)
    except Stopped:
        return True
    return False


def ppo_update(student, *, seed=None):
    """Check ppo_update(agent, rollout, batches), which moves the agent's two networks."""
    if not callable(student):
        return wrong(f"Pass the function itself, without calling it; got {type(student).__name__}.")
    rng = np.random.default_rng(seed)
    alone = [_small(), *(_case(rng, 3, 3, 6, 2, 3, 3) for _ in range(2))]
    verdict = _judged(student, alone)
    if verdict.state == UNFINISHED and (said := _error_beside_dots(student)):
        return wrong(said)
    if "second time" in verdict.sentence:
        return wrong(_second_backward(student))
    if not verdict.passed:
        return explained(verdict, "ppo_update")
    together = [_case(rng, 3, 2, 5, 2, 2, 2, seeds=(2,))]
    verdict = _judged(student, together)
    if verdict.passed:
        return verdict
    return Verdict(
        verdict.state,
        "Right for one seed, and not where several learn side by side, [T, S, N]. Put columns into rows with "
        "flatten(x), not with x.flatten(); and normalise over the last axis.",
        verdict.example if verdict.sentence.startswith(UNKNOWN) else verdict.sentence,
    )
