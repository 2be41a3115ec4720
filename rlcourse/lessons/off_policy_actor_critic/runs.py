"""CartPole: the whole algorithm on many seeds, with one line changed."""

import dataclasses
import functools

import torch
from torch.nn import functional as F

from rlcourse import evaluate, training
from rlcourse.algorithms import OffPolicyActorCritic
from rlcourse.algorithms.agent import gradient_step
from rlcourse.course import study
from rlcourse.course.claims import claim
from rlcourse.networks import polyak_update
from rlcourse.objectives import policy_gradient, td_target


class OffPolicyVariant(OffPolicyActorCritic):
    """Off-policy actor-critic in which the actor's weight, or the origin of its actions, can be spoilt."""

    @dataclasses.dataclass(frozen=True)
    class Config(OffPolicyActorCritic.Config):
        resample: bool = True
        """Draw the actor's actions from today's policy; False takes those stored in the buffer."""
        baseline: bool = True
        """Weight log π with Q - V; False with Q alone."""

    def update(self, batch):
        """The update of AL-06, with both choices open in line 7."""
        with torch.no_grad():
            next_actions = self.draw(self.actor(batch.next_obs))
            next_q = self.target_critic(batch.next_obs, next_actions)
            targets = td_target(batch.rewards, next_q, batch.terminated, gamma=self.config.gamma)
        critic_loss = F.mse_loss(self.critic(batch.obs, batch.actions), targets)
        gradient_step(self.critic_optimizer, critic_loss)

        policy = self.actor(batch.obs)
        actions = self.draw(policy) if self.config.resample else batch.actions
        with torch.no_grad():
            q = self.critic.all_actions(batch.obs)
            weights = q.gather(-1, actions[..., None]).squeeze(-1)
            if self.config.baseline:
                weights = weights - (policy.probs * q).sum(-1)
        gradient_step(self.actor_optimizer, -policy_gradient(policy.log_prob(actions), weights))
        polyak_update(self.critic, self.target_critic, tau=self.config.tau)
        return {"value_loss": critic_loss.item()}


class OffPolicyWithQ(OffPolicyVariant):
    """Off-policy actor-critic without a baseline: the weight of log π is Q."""

    @dataclasses.dataclass(frozen=True)
    class Config(OffPolicyVariant.Config):
        baseline: bool = False
        """False: the weight is Q alone."""


STEPS, SEEDS = 6_000, 16
VARIANTS = {
    "now, Q−V": OffPolicyVariant.Config(),
    "now, Q": OffPolicyVariant.Config(baseline=False),
    "buffer, Q−V": OffPolicyVariant.Config(resample=False),
    "buffer, Q": OffPolicyVariant.Config(resample=False, baseline=False),
    "buffer of one batch": OffPolicyVariant.Config(capacity=128),
}
"""From where the actor takes its action, drawn now or the buffer's, and its weight."""


@functools.cache
def scores(name):
    """Train one variant on CartPole, many seeds; the mean return of the last fifth of the steps, one per seed."""
    histories = training.train_many(
        OffPolicyVariant, "CartPole-v1", seeds=SEEDS, total_steps=STEPS, config=VARIANTS[name], progress=False
    )
    late = (history.returns[history.steps > 0.8 * STEPS] for history in histories)
    return [
        float(returns.mean() if len(returns) else history.returns[-1])
        for returns, history in zip(late, histories, strict=True)
    ]


def mean_score(name, label):
    """Mean score over the seeds, and its 95 % interval, as fields of a claim."""
    return study.fields(label, scores(name))


SETTINGS = OffPolicyActorCritic.Config(learning_rate=1e-4, critic_learning_rate=3e-3, tau=0.1, batch_size=64)
"""With eight environments on CartPole: the actor learns slowly, critic and target network fast."""
SOLVING = OffPolicyWithQ.Config(**dataclasses.asdict(SETTINGS), baseline=False)
"""The same settings for the weight Q; these solve it."""
SOLVING_STEPS = 48_000
SOLVED, EPISODES = 475, 10


def solved(baseline):
    """CartPole with these settings, 16 seeds, weight Q - V or Q: what they reach, with and without exploration."""
    config = OffPolicyVariant.Config(**dataclasses.asdict(SETTINGS), baseline=baseline)
    histories = training.train_many(
        OffPolicyVariant,
        "CartPole-v1",
        seeds=SEEDS,
        total_steps=SOLVING_STEPS,
        num_envs=8,
        config=config,
        progress=False,
    )
    greedy = [evaluate(history.agent, "CartPole-v1", episodes=EPISODES).mean() for history in histories]
    late = [history.returns[history.steps > 0.8 * SOLVING_STEPS].mean() for history in histories]
    return {
        **study.fields("return", late),
        "solved": sum(score >= SOLVED for score in greedy),
        "greedy": sum(greedy) / len(greedy),
        "greedy_least": min(greedy),
        "steps": SOLVING_STEPS,
    }


@claim("ACTOR-CRITIC-REPLAY", trained=True)
def replay_solves():
    """The off-policy actor-critic on CartPole, 16 seeds, weight Q - V, SETTINGS."""
    return solved(baseline=True)


@claim("ACTOR-CRITIC-REPLAY-Q", trained=True)
def replay_solves_with_q():
    """The same with weight Q."""
    return solved(baseline=False)


@claim("ACTOR-CRITIC-REPLAY-BEST", trained=True)
def replay_keeps_the_best(every=4_000):
    """The same with weight Q: of each seed's checkpoints the one with the best mean of ten episodes.

    What was kept is judged once more on ten fresh episodes, since the best of many is partly the luckiest.
    """
    options = {"seeds": SEEDS, "total_steps": SOLVING_STEPS, "num_envs": 8, "config": SOLVING}
    best = [(-1.0, None)] * SEEDS
    for _, histories in study.checkpoints(training.run_many(OffPolicyWithQ, "CartPole-v1", **options), every):
        for number, history in enumerate(histories):
            agent = history.agent
            score = evaluate(agent, "CartPole-v1", episodes=EPISODES).mean()
            best[number] = max(best[number], (score, agent), key=lambda pair: pair[0])
    again = [evaluate(agent, "CartPole-v1", episodes=EPISODES, seed=1).mean() for _, agent in best]
    return {
        "reached": sum(score >= SOLVED for score, _ in best),
        "kept": sum(score >= SOLVED for score in again),
        "kept_mean": sum(again) / len(again),
        "kept_least": min(again),
        "steps": SOLVING_STEPS,
    }
