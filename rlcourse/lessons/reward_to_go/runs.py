"""What is trained in the lesson: REINFORCE that notes its objective's value, and 256 learners on the two exits."""

import numpy as np
import torch

from rlcourse import training
from rlcourse.algorithms.agent import gradient_step
from rlcourse.algorithms.reinforce import Reinforce
from rlcourse.course.claims import claim
from rlcourse.curves import learning_curves
from rlcourse.envs import TabularVectorEnv, two_exits
from rlcourse.objectives import policy_gradient
from rlcourse.returns import rewards_to_go
from rlcourse.rollout import Collector

# ---------------------------------------------------------------- the number that a program prints


class LoggedReinforce(Reinforce):
    """REINFORCE as it is, noting after each update the value of the scalar that was handed to autograd.

    "loss" is minus the objective with centred weights, which is what is descended; "raw loss" is what it would be with
    the rewards-to-go themselves as weights.
    """

    def update(self, episodes):
        to_go = rewards_to_go(episodes.rewards, episodes.terminated, episodes.truncated, gamma=self.config.gamma)
        weights = (to_go - to_go.mean()) / (to_go.std(correction=0) + 1e-8)
        log_probs = self.actor(episodes.obs).log_prob(episodes.actions)
        objective = policy_gradient(log_probs, weights)
        raw = policy_gradient(log_probs.detach(), to_go)
        gradient_step(self.optimizer, -objective)
        return {"loss": -objective.item(), "raw loss": -raw.item()}


def noted(histories, total_steps, points=25):
    """Return, loss and raw loss of several runs along their steps: (places [P], name -> [seeds, P]).

    Of the returns, means since the place before; of the losses, the mean of the updates since then.
    """
    at = np.linspace(0, total_steps, points + 1)[1:].astype(int)
    curves = {"return": learning_curves(histories, at)}
    for name in ("loss", "raw loss"):
        curves[name] = np.array([_binned(h.metrics["steps"], h.metrics[name], at) for h in histories])
    return at, curves


def _binned(steps, values, at):
    """Means of the values between one place and the next; NaN where there are none."""
    places = np.searchsorted(at, steps)
    return np.array([values[places == k].mean() if (places == k).any() else np.nan for k in range(len(at))])


ENDS = 5
"""Updates at the beginning and at the end of a run that are compared."""


@claim("REINFORCE-NUMBER", trained=True)
def number_against_return(total_steps=40_000, seeds=16):
    """Return, loss and raw loss of 16 seeds of CartPole in the first five updates and in the last five: means.

    And of how many seeds each is higher at the end than at the beginning.
    """
    histories = training.train_many(
        LoggedReinforce, "CartPole-v1", seeds=seeds, total_steps=total_steps, progress=False
    )
    numbers = {"seeds": float(seeds)}
    for name in ("return", "loss", "raw loss"):
        runs = [h.returns if name == "return" else h.metrics[name] for h in histories]
        count = ENDS * Reinforce.num_envs if name == "return" else ENDS  # as many episodes as in so many updates
        first, last = (np.array([run[part].mean() for run in runs]) for part in (slice(count), slice(-count, None)))
        key = name.replace(" ", "_")
        numbers |= {
            f"{key}_first": first.mean(),
            f"{key}_last": last.mean(),
            f"{key}_largest": np.abs([first, last]).max(),
            f"{key}_rises": float((last > first).sum()),
        }
    return numbers


# ---------------------------------------------------------------- 256 learners on the two exits


class Learners:
    """One softmax table for each column of a vector environment."""

    def __init__(self, learners, seed):
        world = two_exits()
        self.logits = np.zeros((learners, *world.rewards.shape))
        self.rng = np.random.default_rng(seed)

    def policy(self):
        """π(a|s) of every learner, shape [learners, S, A]."""
        odds = np.exp(self.logits - self.logits.max(-1, keepdims=True))
        return odds / odds.sum(-1, keepdims=True)

    def act(self, obs):
        logits = self.logits[np.arange(len(obs)), obs]
        return np.argmax(logits + self.rng.gumbel(size=logits.shape), axis=-1)


def exact_returns(policies, gamma, start=3):
    """J of many policies of the two exits, shape [learners]; the same linear system as `exact.evaluate`."""
    world = two_exits()
    walk = np.einsum("nsa,sap->nsp", policies, world.transitions.numpy())
    pays = (policies * world.rewards.numpy()).sum(-1)
    return np.linalg.solve(np.eye(world.num_states) - gamma * walk, pays[..., None])[:, start, 0]


def exit_learners(weight, *, updates=100, learners=256, step_size=0.5, reward_noise=0.2, gamma=0.97, seed=0):
    """REINFORCE with a table, many times over: every learner plays one episode, then takes one plain gradient step.

        ĝ = Σ_t ∇ log π(a_t|s_t) Ψ_t,   Ψ_t = Σ_{t' ≥ t} γ^t' r_t'   ("total": over all t'; "same-step": γ^t r_t)

    Rewards are discounted from the start of the episode, so that both sums estimate the gradient of the same J.

    Returns:
        Exact J of every learner after each update, shape [updates + 1, learners].
    """
    agent = Learners(learners, seed + 1)
    envs = TabularVectorEnv(two_exits(), start=3, reward_noise=reward_noise, num_envs=learners, max_episode_steps=60)
    collector = Collector(envs, seed=seed)
    history = [exact_returns(agent.policy(), gamma)]
    for _ in range(updates):
        episodes = collector.collect_episodes(agent)
        ends = (episodes.terminated | episodes.truncated).numpy()
        who = np.concatenate([[0], np.cumsum(ends)[:-1]])  # which learner played this row
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        paid = episodes.rewards.double() * torch.from_numpy(gamma ** (np.arange(len(who)) - starts[who]))
        to_go = rewards_to_go(paid, episodes.terminated, episodes.truncated, gamma=1.0).numpy()
        psi = {"same-step": paid.numpy(), "total": to_go[starts][who], "reward-to-go": to_go}[weight]

        states, actions = episodes.obs.numpy(), episodes.actions.numpy()
        score = np.eye(2)[actions] - agent.policy()[who, states]
        np.add.at(agent.logits, (who, states), step_size * psi[:, None] * score)
        history.append(exact_returns(agent.policy(), gamma))
    return np.array(history)


SOLVED_EXITS = 0.8
"""J of the two exits that counts as solved; walking straight to the right exit is worth 0.836."""


@claim("REINFORCE-EXITS", trained=True)
def learning_by_weight():
    """256 learners a weight, 100 episodes each: mean J with its standard error, share solved, share below 0.4."""
    left, right = (exact_returns(np.eye(2)[[[action] * 7]], 0.97)[0] for action in (0, 1))
    numbers = {"best": right, "left": left}
    for name, weight in (("total", "total"), ("to_go", "reward-to-go"), ("same", "same-step")):
        final = exit_learners(weight)[-1]
        numbers |= {
            f"{name}_mean": final.mean(),
            f"{name}_error": final.std(ddof=1) / len(final) ** 0.5,
            f"{name}_solved": (final > SOLVED_EXITS).mean(),
            f"{name}_low": (final < 0.4).mean(),
        }
    return numbers
