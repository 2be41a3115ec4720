"""A2C on CartPole with few environments and with many, at the same number of steps: populations of 16 seeds.

And what a synchronous worker needs: the gradients of its share of a rollout, and a step with their average.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

from rlcourse import learning_curves, train_many
from rlcourse.algorithms import ParallelActorCritic
from rlcourse.algorithms.async_workers import parameters
from rlcourse.course import study
from rlcourse.course.claims import claim
from rlcourse.objectives import policy_gradient
from rlcourse.returns import gae
from rlcourse.transitions import Transitions

# ---------------------------------------------------------------- equal steps, few environments or many

TOTAL_STEPS = 60_000
SEEDS = 16
LAST_PART = 0.8
"""What a seed has reached is its mean return over the steps from here on, as a share of all."""


class Setting(NamedTuple):
    """How steps become updates."""

    num_envs: int
    """N."""
    steps: int = 8
    """T, of every environment in one update."""
    factor: int = 1
    """Both step sizes are multiplied by it."""
    wide: bool = False
    """Two hidden layers and a larger step size, in place of one and 0.0007."""
    cut: bool = False
    """Advantages look only WINDOW steps ahead, however long the walk is."""

    @property
    def name(self):
        """Of its numbers in the claim."""
        kind = "wide" if self.wide else "cut" if self.cut else "n"
        return f"{kind}{self.num_envs}_t{self.steps}" + f"_x{self.factor}" * (self.factor > 1)

    @property
    def rows(self):
        """Steps in one update."""
        return self.num_envs * self.steps

    @property
    def updates(self):
        """Updates that TOTAL_STEPS allow."""
        return TOTAL_STEPS // self.rows

    @property
    def config(self):
        """Everything that matters is written down, so that a change of the defaults leaves the claim as it is."""
        actor, critic, hidden = (2e-3, 3e-3, (64, 64)) if self.wide else (7e-4, 5e-3, (64,))
        return ParallelActorCritic.Config(
            gamma=0.99,
            gae_lambda=0.95,
            critic_lambda=0.95,
            learning_rate=actor * self.factor,
            critic_learning_rate=critic * self.factor,
            hidden=hidden,
            steps=self.steps,
        )


WINDOW = 8


def windows(batch: Transitions) -> Transitions:
    """A rollout [T, S, N] as T / 8 windows of 8 steps that stand side by side: [8, S, N T / 8]."""
    steps = len(batch) // WINDOW

    def fold(column):
        folded = column.reshape(steps, WINDOW, *column.shape[1:]).movedim(0, 3)
        return folded.reshape(*folded.shape[:2], -1, *folded.shape[4:])

    return Transitions(**{name: fold(column) for name, column in vars(batch).items()})


class ShortWindows(ParallelActorCritic):
    """A2C whose advantages look 8 steps ahead in a rollout of any length; the rows of an update stay the same."""

    def update(self, batch: Transitions) -> dict:
        """The course's update, on windows."""
        return super().update(windows(batch))


RACES = {
    "8 steps of each": tuple(Setting(n) for n in (1, 4, 16, 64, 256)),
    "128 steps in every update": tuple(Setting(n, steps=128 // n) for n in (1, 4, 16, 64)),
    "the same, advantages over 8 steps": (*(Setting(n, steps=128 // n, cut=True) for n in (1, 4)), Setting(16)),
    "64 environments, larger step sizes": tuple(Setting(64, factor=factor) for factor in (1, 2, 4)),
    "a larger network, η = 0.002": tuple(Setting(n, wide=True) for n in (4, 16, 64, 256)),
}


def reached(setting):
    """What 16 seeds have reached on CartPole: mean return over the last fifth of the steps, [seeds]."""
    histories = train_many(
        ShortWindows if setting.cut else ParallelActorCritic,
        "CartPole-v1",
        seeds=SEEDS,
        total_steps=TOTAL_STEPS,
        config=setting.config,
        num_envs=setting.num_envs,
        progress=False,
    )
    return learning_curves(histories, [round(LAST_PART * TOTAL_STEPS), TOTAL_STEPS])[:, -1]


EQUAL_STEPS = "ACTOR-CRITIC-ENVIRONMENTS"


@claim(EQUAL_STEPS, trained=True)
def environments_at_equal_steps():
    """Return of A2C on CartPole in the last fifth of 60,000 steps, interquartile mean of 16 seeds with its interval."""
    numbers = {}
    for setting in dict.fromkeys(setting for race in RACES.values() for setting in race):
        numbers |= study.fields(setting.name, reached(setting), statistic="iqm")
    return numbers


# ---------------------------------------------------------------- what a synchronous worker and its learner do


def gradients(agent, share):
    """What a worker sends: the gradients of both losses on its own steps, one tensor per parameter.

    Args:
        agent: a ParallelActorCritic, or a population of S of them.
        share: the worker's steps, Transitions[T, n] or [T, S, n].
    """
    return [*torch.autograd.grad(_actor_loss(agent, share), list(agent.actor.parameters())), *_critic(agent, share)]


def _targets(agent, share: Transitions):
    """(advantages, what the critic is fitted to), both constants."""
    with torch.no_grad():
        values, next_values = agent.critic(share.obs), agent.critic(share.next_obs)
        steps = share.rewards, values, next_values, share.terminated, share.truncated
        advantages = gae(*steps, gamma=agent.config.gamma, gae_lambda=agent.config.gae_lambda)
        return advantages, values + gae(*steps, gamma=agent.config.gamma, gae_lambda=agent.config.critic_lambda)


def _actor_loss(agent, share):
    return -policy_gradient(agent.actor(share.obs).log_prob(share.actions), _targets(agent, share)[0])


def _critic(agent, share):
    loss = F.mse_loss(agent.critic(share.obs), _targets(agent, share)[1])
    return torch.autograd.grad(loss, list(agent.critic.parameters()))


def step(agent, averaged):
    """What the learner does with the averaged gradients: one step of both networks.

    Args:
        averaged: one tensor per parameter, in the order of `gradients`.
    """
    for parameter, gradient in zip(parameters(agent), averaged, strict=True):
        parameter.grad = torch.as_tensor(gradient, dtype=parameter.dtype).reshape(parameter.shape).clone()
    agent.actor_optimizer.step()
    agent.critic_optimizer.step()
    return {}
