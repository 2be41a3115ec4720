"""REINFORCE with a learned baseline: the value of each state, fitted to the returns that were seen."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from rlcourse.algorithms.agent import Count, StepSize, gradient_step
from rlcourse.algorithms.reinforce import Reinforce
from rlcourse.course.claims import claim
from rlcourse.curves import interval, learning_curves
from rlcourse.objectives import policy_gradient
from rlcourse.returns import rewards_to_go
from rlcourse.training import train_many
from rlcourse.transitions import Transitions


def fit_value(critic, optimizer, obs, returns, steps):
    """Fit V_w to returns: some steps down the mean squared error.

        w ← w - η_V ∇_w mean_t[ (V_w(s_t) - R̂_t)² ]

    The square matters: it is the mean of the returns that lies nearest to them in mean square.

    Args:
        critic: a network, obs -> values of the shape of returns.
        optimizer: of the critic's weights.
        obs, returns: what was seen, and the reward-to-go from there; shapes [T, ...] and [T].
        steps: how many gradient steps.

    Returns:
        The mean squared error before the last step, a number.
    """
    for _ in range(steps):
        values = critic(obs)
        loss = F.mse_loss(values, returns)  # the mean of (values - returns)²
        gradient_step(optimizer, loss)
    return loss.item()


class ReinforceWithBaseline(Reinforce):
    """REINFORCE, weights R̂_t - V_w(s_t). Source: Williams 1992; Sutton & Barto 2018, section 13.4."""

    @dataclass(frozen=True)
    class Config(Reinforce.Config):
        critic_learning_rate: StepSize = 2e-2
        """Adam's step size of the critic."""
        critic_steps: Count = 20
        """Gradient steps of the critic per batch of episodes."""

    def build(self) -> None:
        super().build()
        self.critic = self.make_critic()
        self.critic_optimizer = self.adam(self.critic.parameters(), self.config.critic_learning_rate)

    def update(self, episodes: Transitions) -> dict:
        """Subtract V first, then fit it: once fitted to these returns, V knows the actions."""
        ends, steps = (episodes.terminated, episodes.truncated), self.config.critic_steps
        returns = rewards_to_go(episodes.rewards, *ends, gamma=self.config.gamma)
        with torch.no_grad():
            weights = returns - self.critic(episodes.obs)

        log_probs = self.actor(episodes.obs).log_prob(episodes.actions)
        gradient_step(self.optimizer, -policy_gradient(log_probs, weights))

        loss = fit_value(self.critic, self.critic_optimizer, episodes.obs, returns, steps)
        return {"value_loss": loss}


class ReinforceWithMean(Reinforce):
    """REINFORCE whose baseline is one number for all states: the mean return of the batch."""

    def update(self, episodes: Transitions) -> dict:
        returns = rewards_to_go(episodes.rewards, episodes.terminated, episodes.truncated, gamma=self.config.gamma)
        log_probs = self.actor(episodes.obs).log_prob(episodes.actions)
        gradient_step(self.optimizer, -policy_gradient(log_probs, returns - returns.mean()))
        return {"mean_reward_to_go": returns.mean().item()}


ENTRIES = {
    "plain": (Reinforce, Reinforce.Config(normalize=False)),
    "mean": (ReinforceWithMean, None),
    "value": (ReinforceWithBaseline, None),
}
"""Three REINFORCE that differ in the baseline alone; none of them divides its weights by anything."""


@claim("REINFORCE-BASELINE", trained=True)
def reinforce_with_and_without():
    """CartPole, 16 seeds, 4 episodes per update, 40,000 steps: return in the last fifth of the steps, 95 % interval.

    And the critic's loss at its tenth update, and over its last ten, in the middle of the 16 seeds.
    """
    numbers, steps = {}, 40_000
    for name, (algorithm, config) in ENTRIES.items():
        runs = train_many(
            algorithm, "CartPole-v1", seeds=16, total_steps=steps, num_envs=4, config=config, progress=False
        )
        reached = interval(learning_curves(runs, [round(0.8 * steps), steps])[:, -1])
        numbers |= {f"{name}_{part}": value for part, value in reached._asdict().items()}
    losses = [run.metrics["value_loss"] for run in runs]
    numbers["loss_early"] = np.median([loss[9] for loss in losses])
    numbers["loss_late"] = np.median([np.mean(loss[-10:]) for loss in losses])
    return numbers
