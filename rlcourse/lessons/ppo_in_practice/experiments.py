"""Numbers of the lesson: what the stored populations say, and the claims that are read off them.

The parts are in files of their own: `details` and `broken`, other people's PPOs; `board`, which trains and stores;
`bonus`, three arms; `probes`, the debugging ladder.
"""

import math

import numpy as np
import torch

from rlcourse import training
from rlcourse.algorithms import PPO
from rlcourse.algorithms.ppo import standardized
from rlcourse.course import study
from rlcourse.course.claims import claim
from rlcourse.lessons.ppo_in_practice import board
from rlcourse.lessons.ppo_in_practice.board import (
    A2C_STEP_SIZES,
    DEFAULT,
    DETAILS,
    ENV,
    PATIENTS,
    POINTS,
    RACE_STEPS,
    SEEDS,
    SOLVED,
    STEPS,
    VARIATIONS,
    finals,
    middle,
    stored,
)
from rlcourse.lessons.ppo_in_practice.bonus import (
    ARMS,
    BONUSES,
    EDGES,
    STEP_SIZES,
    best_payoff,
    learn_with_bonus,
    stuck,
)
from rlcourse.lessons.ppo_in_practice.broken import (
    BrokenPPO,
    ClockKills,
    CriticAsleep,
    Descends,
    FlagLost,
    MaskLost,
    NextForgotten,
    OldIsNew,
    RowsMixed,
)
from rlcourse.lessons.ppo_in_practice.details import PartsPPO
from rlcourse.rollout import evaluate
from rlcourse.transitions import flatten

__all__ = [
    "A2C_STEP_SIZES",
    "ARMS",
    "BONUSES",
    "CLINIC",
    "DEFAULT",
    "DETAILS",
    "EDGES",
    "ENV",
    "MYSTERIES",
    "PATIENTS",
    "POINTS",
    "RACE_STEPS",
    "SEEDS",
    "SOLVED",
    "STEPS",
    "STEP_SIZES",
    "VARIATIONS",
    "BrokenPPO",
    "ClockKills",
    "CriticAsleep",
    "Descends",
    "FlagLost",
    "MaskLost",
    "NextForgotten",
    "OldIsNew",
    "RowsMixed",
    "assemble",
    "best_payoff",
    "finals",
    "greedy_scores",
    "learn_with_bonus",
    "middle",
    "run",
    "running_score",
    "stored",
    "stuck",
]

MYSTERIES = {"F": RowsMixed, "G": Descends, "H": ClockKills, "I": NextForgotten}
"""Broken PPOs for the ladder, under letters that give nothing away."""


def assemble(value_targets, advantages, policy_loss):
    """rl.PPO, three of whose parts are replaced by functions on plain tensors: what the clinic's patient is made of.

    Args:
        value_targets: (rewards, next_values, terminated, truncated, gamma) -> targets [T, N].
        advantages: (rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> [T, N].
        policy_loss: (logits, actions, old_log_probs, advantages, clip_eps, entropy_weight) -> a scalar to descend.

    Returns:
        A subclass of PPO, for finitely many actions.
    """

    class ClinicPPO(PartsPPO):
        @torch.no_grad()
        def targets(self, rollout):
            rewards, ends = rollout.rewards, (rollout.terminated, rollout.truncated)
            values, next_values = self.critic(rollout.obs), self.critic(rollout.next_obs)
            gamma, gae_lambda = self.config.gamma, self.config.gae_lambda
            goals = torch.as_tensor(value_targets(rewards, next_values, *ends, gamma))
            weights = torch.as_tensor(advantages(rewards, values, next_values, *ends, gamma, gae_lambda))
            old_log_probs, _, _ = super().targets(rollout)
            return old_log_probs, flatten(goals.float()), flatten(standardized(weights.float()))

        def policy_loss(self, policy, actions, old_log_probs, advantages):
            eps, weight = self.config.clip_eps, self.config.entropy_weight
            rows = actions.shape  # of one seed [B], of several [S, B]; the function is shown one long column
            logits = policy.logits.expand(*rows, -1).flatten(0, -2)
            return policy_loss(logits, actions.flatten(), old_log_probs.flatten(), advantages.flatten(), eps, weight)

    return ClinicPPO


CLINIC = PPO.Config(learning_rate=1e-2, entropy_weight=0.01)
"""What the repaired patient is trained with."""

# ---------------------------------------------------------------- single runs


def run(variation, *, seed, total_steps=STEPS):
    """One training run of a label of a board, or of a pair (algorithm, config): its History."""
    return board.run(variation, seed=seed, total_steps=total_steps)


def running_score(history):
    """Mean of the last 20 finished returns at every update, [updates]; before any episode has finished 0."""
    return board.running_score(history)


def greedy_scores(seeds=16, total_steps=40_000):
    """Mean return of the likeliest action after training rl.PPO with its defaults on CartPole, one number per seed."""
    histories = training.train_many(PPO, ENV, seeds=seeds, total_steps=total_steps, progress=False)
    return [float(evaluate(history.agent, ENV).mean()) for history in histories]


# ---------------------------------------------------------------- claims


DETAIL_FIELDS = {
    "detail_default": DEFAULT,
    "detail_raw": "advantages not normalised",
    "detail_start": "start not orthogonal",
    "detail_last_layer": "large last layer",
    "detail_adam_eps": "Adam's ε = 1e-8",
    "detail_relu": "ReLU, not tanh",
    "detail_falling": "step size falls to 0",
    "detail_value_clip": "value clipping",
    "detail_gradient_clip": "gradient clipping",
    "detail_minibatch": "normalised per minibatch",
    "detail_obs": "scaled observations",
    "detail_rewards": "scaled rewards",
    "detail_trunk": "shared trunk",
    "detail_kl_stop": "KL stop at 0.01",
}
"""Name of a stored number -> label of the board of details."""


@claim("CL-31")
def reuse_with_and_without_clipping():
    """PPO on CartPole at η = 0.01, six epochs a rollout, read off the stored populations; and 1,000 bandit learners.

    `clip`, `free`: mean of the last 20 returns after 40,960 steps, 16 seeds. `kl_*`: of one update.
    `stuck_*`: share of bandit runs on a wrong arm after 300 batches, ten steps of η = 1 on each.
    """
    numbers = {}
    for kind, name in (("clip", "η = 0.01"), ("free", "no clip, η = 0.01")):
        mean, largest = stored()["settings"][name]["kl"]
        numbers |= {**study.fields(kind, finals(name)), f"kl_mean_{kind}": mean, f"kl_max_{kind}": largest}
    for kind, eps in (("clip", 0.2), ("free", math.inf)):
        numbers[f"stuck_{kind}"] = stuck(learn_with_bonus(1, epochs=10, clip_eps=eps)[-1]).mean()
    return numbers


@claim("CL-32")
def sensitivity():
    """PPO on CartPole, 40,960 steps, 16 seeds: mean of the last 20 returns by setting, and by the end of an episode.

    `detail_*`: mean return over the whole run of the board of details; `again_*`: the same of 16 other seeds;
    `race_*`: steps to 475; `pendulum`: return.
    """
    picked = {
        "default": DEFAULT,
        "eta_0001": "η = 0.0001",
        "eta_0003": "η = 0.0003",
        "eta_01": "η = 0.01",
        "eta_1": "η = 0.1",
        "epochs_1": "epochs = 1",
        "epochs_20": "epochs = 20",
        "eps_02": "ε = 0.02",
        "eps_2": "ε = 0.2",
        "eps_5": "ε = 0.5",
        "flag_lost": "no terminated flag at all",
        "mask_lost": "no mask in δ, sum still cut",
        "clock": "time limit taken for death",
        "old_new": "old log π recomputed",
    }
    numbers = {}
    for name, label in picked.items():
        numbers |= study.fields(name, finals(label))
    for name, label in DETAIL_FIELDS.items():
        numbers |= study.fields(name, stored()["details"][label]["run"])
        numbers |= study.fields(name.replace("detail", "again"), stored()["again"][label])
    for name, label in race_names().items():
        numbers |= {f"race_{name}": race_steps(label).center, f"race_seconds_{name}": race_seconds(label)}
    return numbers


def race_names():
    """Who is shown in the race: a short name -> its label. Of the A2Cs the one that needs the fewest steps."""
    race = stored()["race"]
    a2c = min((name for name in race if name.startswith("A2C")), key=lambda name: race_steps(name).center)
    return {"reinforce": "REINFORCE", "a2c": a2c, "ppo_1": "PPO, 1 epoch", "ppo": "PPO, 6 epochs"}


def race_steps(label):
    """Environment steps to 475, mean over the seeds with its interval; a seed that never got there counts all."""
    return middle(np.minimum(stored()["race"][label]["steps"], RACE_STEPS))  # whole episodes may go on a little


def race_seconds(label):
    """CPU seconds to 475, of one seed of a population: those of the whole run, times its share of the steps."""
    return stored()["race"][label]["seconds"] * race_steps(label).center / RACE_STEPS


@claim("CL-34")
def premature_convergence():
    """1,000 bandit learners, 300 batches, a step each: share stuck on a wrong arm, by weight β of the bonus."""
    numbers = {}
    for name, bonus in (("0", 0.0), ("02", 0.02), ("10", 0.1), ("30", 0.3)):
        numbers[f"stuck_{name}"] = stuck(learn_with_bonus(16, bonus)[-1]).mean()
    for name, bonus in (("0", 0.0), ("30", 0.3)):
        numbers[f"payoff_{name}"] = (learn_with_bonus(4, bonus)[-1] @ ARMS).mean()
    return numbers | {"best_30": best_payoff(0.3)}
