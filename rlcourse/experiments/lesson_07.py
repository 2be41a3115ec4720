"""Numbers of lesson 07: one change at a time in PPO, broken PPOs, and a bonus for entropy on three arms.

    python -m rlcourse.experiments.lesson_07     trains everything again and rewrites data/lesson_07.json

The claims that are about PPO read that file: each of its runs is counted once, whoever quotes it.
"""

import json
import math
import time
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rlcourse import training
from rlcourse.algorithms import PPO
from rlcourse.checks import require
from rlcourse.experiments import claim, races
from rlcourse.rollout import evaluate

STORED = Path(__file__).parent.parent / "data" / "lesson_07.json"
ENV, STEPS, SEEDS, WINDOW = "CartPole-v1", 40_000, 3, 20
SOLVED = 475.0

# ---------------------------------------------------------------- broken PPOs


class FlagLost(PPO):
    """Nobody knows where an episode ended: no mask in δ, and no cut in the sum of the δs."""

    def targets(self, rollout):
        never = torch.zeros_like(rollout.terminated)
        return super().targets(replace(rollout, terminated=never, truncated=never))


class BrokenPPO(FlagLost):
    """The same under a name that does not give it away, for the lesson's riddle."""


class MaskLost(PPO):
    """The mask in δ is missing; the sum of the δs is still cut where an episode ends."""

    def targets(self, rollout):
        never, ended = torch.zeros_like(rollout.terminated), rollout.terminated | rollout.truncated
        return super().targets(replace(rollout, terminated=never, truncated=ended))


class ClockKills(PPO):
    """A time limit is taken for a death: nothing is expected after it."""

    def targets(self, rollout):
        never, ended = torch.zeros_like(rollout.terminated), rollout.terminated | rollout.truncated
        return super().targets(replace(rollout, terminated=ended, truncated=never))


class OldIsNew(PPO):
    """The old log-probabilities are recomputed in every minibatch, so that every ratio is 1."""

    def losses(self, obs, actions, old_log_probs, *rest):
        with torch.no_grad():
            old_log_probs = self.actor(obs).log_prob(actions)
        return super().losses(obs, actions, old_log_probs, *rest)


def assemble(value_targets, advantages, policy_loss):
    """rl.PPO, three of whose parts are replaced by functions on plain tensors: the operating table of the clinic.

    Args:
        value_targets: (rewards, next_values, terminated, truncated, gamma) -> targets [T, N].
        advantages: (rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> [T, N].
        policy_loss: (logits, actions, old_log_probs, advantages, clip_eps, entropy_weight) -> a scalar to descend.

    Returns:
        A subclass of PPO, for finitely many actions.
    """

    class ClinicPPO(PPO):
        @torch.no_grad()
        def targets(self, rollout):
            rewards, ends = rollout.rewards, (rollout.terminated, rollout.truncated)
            old_log_probs = self.actor(rollout.obs).log_prob(rollout.actions)
            values, next_values = self.critic(rollout.obs), self.critic(rollout.next_obs)
            gamma, gae_lambda = self.config.gamma, self.config.gae_lambda
            goals = torch.as_tensor(value_targets(rewards, next_values, *ends, gamma))
            weights = torch.as_tensor(advantages(rewards, values, next_values, *ends, gamma, gae_lambda))
            weights = (weights - weights.mean()) / (weights.std() + 1e-8)
            return old_log_probs.flatten(), goals.float().flatten(), weights.float().flatten()

        def losses(self, obs, actions, old_log_probs, returns, advantages):
            logits, (eps, weight) = self.actor(obs).logits, (self.config.clip_eps, self.config.entropy_weight)
            loss = policy_loss(logits, actions, old_log_probs, advantages, eps, weight)
            return loss, torch.nn.functional.mse_loss(self.critic(obs), returns)

    return ClinicPPO


CLINIC = PPO.Config(learning_rate=1e-2, entropy_weight=0.01)
"""What the repaired patient is trained with."""

# ---------------------------------------------------------------- the board: one change at a time


class Variation(NamedTuple):
    """One way to differ from the default."""

    setting: str
    """What is changed; the group of the board it stands in."""
    value: float
    """To order the variations of a setting."""
    algorithm: type
    config: PPO.Config


DEFAULT = "default"
_USUAL = PPO.Config()


def _variations():
    found = {DEFAULT: Variation("default", 0, PPO, _USUAL)}
    for rate in (1e-4, 3e-4, 1e-3, 1e-2, 3e-2, 1e-1):
        found[f"η = {rate:g}"] = Variation("step size η", rate, PPO, replace(_USUAL, learning_rate=rate))
    for eps in (0.02, 0.2, 0.5, math.inf):
        name = f"ε = {eps:g}" if eps < math.inf else "no clip"
        found[name] = Variation("clip width ε", eps, PPO, replace(_USUAL, clip_eps=eps))
    for epochs in (1, 3, 20):
        found[f"epochs = {epochs}"] = Variation("epochs", epochs, PPO, replace(_USUAL, epochs=epochs))
    for value in (0.0, 0.5, 1.0):
        found[f"λ = {value:g}"] = Variation("λ", value, PPO, replace(_USUAL, gae_lambda=value))
    rough = replace(_USUAL, learning_rate=1e-2, clip_eps=math.inf)
    for number, (name, algorithm, config) in enumerate((
        ("advantages not normalised", PPO, replace(_USUAL, normalize=False)),
        ("no clip, η = 0.01", PPO, rough),
        ("old log π recomputed", OldIsNew, _USUAL),
        ("time limit taken for death", ClockKills, _USUAL),
        ("no mask in δ, sum still cut", MaskLost, _USUAL),
        ("no terminated flag at all", FlagLost, _USUAL),
    )):  # fmt: skip
        found[name] = Variation("one part missing", number, algorithm, config)
    return found


VARIATIONS = _variations()
"""What the board holds: label -> Variation. All of them but one differ from the default in one thing."""

PATIENTS = {
    "healthy": (PPO, _USUAL),
    "A": (PPO, replace(_USUAL, learning_rate=1e-1)),
    "B": (FlagLost, _USUAL),
    "C": (PPO, replace(_USUAL, entropy_weight=-0.5)),
    "D": (PPO, replace(_USUAL, learning_rate=1e-4)),
}
"""The runs of the diagnostics reader."""
READ = ("clip_fraction", "kl", "explained_variance", "entropy")


def run(variation, *, seed, total_steps=STEPS):
    """One training run of a label of the board, or of a pair (algorithm, config): its History."""
    algorithm, config = VARIATIONS[variation][2:] if isinstance(variation, str) else variation
    return training.train(algorithm, ENV, total_steps=total_steps, seed=seed, config=config, progress=False)


def greedy_scores(seeds=5, total_steps=100_000):
    """Mean return of the likeliest action after training rl.PPO with its defaults on CartPole, one number a seed."""
    runs = (run(DEFAULT, seed=seed, total_steps=total_steps) for seed in range(seeds))
    return [float(evaluate(history.agent, ENV).mean()) for history in runs]


def running_score(history):
    """Mean of the last 20 finished returns at every update, [updates]; before any episode has finished 0."""
    ends = np.searchsorted(history.steps, history.metrics["steps"], side="right")
    sums = np.concatenate([[0.0], np.cumsum(history.returns)])
    first = np.maximum(ends - WINDOW, 0)
    return (sums[ends] - sums[first]) / np.maximum(ends - first, 1)


def regenerate(path=STORED):
    """Train every run of the board and of the diagnostics reader, about six minutes on one core, and store them."""
    board, start = {}, time.process_time()
    for name in VARIATIONS:
        histories = [run(name, seed=seed) for seed in range(SEEDS)]
        board[name] = {
            "curves": [running_score(history).round(1).tolist() for history in histories],
            "kl_mean": [float(f"{history.metrics['kl'].mean():.4g}") for history in histories],
            "kl_max": [float(f"{history.metrics['kl'].max():.4g}") for history in histories],
        }
        finals = [curve[-1] for curve in board[name]["curves"]]
        print(f"{time.process_time() - start:5.0f} s  {name:30} {finals}", flush=True)
    steps = histories[0].metrics["steps"].tolist()
    patients = {}
    for name, pair in PATIENTS.items():
        history = run(pair, seed=0)
        patients[name] = {"return": running_score(history).round(1).tolist()}
        patients[name] |= {key: [float(f"{x:.4g}") for x in history.metrics[key]] for key in READ}
    bonus = {str(eta): {"stuck": [], "payoff": [], "shares": []} for eta in STEP_SIZES}
    for eta, table in bonus.items():
        for weight in BONUSES:
            final = learn_with_bonus(float(eta), weight)[-1]
            table["stuck"].append(round(float(stuck(final).mean()), 4))
            table["payoff"].append(round(float((final @ ARMS).mean()), 4))
            table["shares"].append(np.histogram(final[:, 2], EDGES)[0].tolist())
    text = json.dumps({"steps": steps, "board": board, "patients": patients, "bonus": bonus}, separators=(",", ":"))
    for first in ("curves", "return", "stuck"):  # a line for each run, so that a change can be seen
        text = text.replace(f'{{"{first}"', f'\n{{"{first}"')
    path.write_text(text + "\n", encoding="utf-8")


@cache
def stored():
    """What `regenerate` wrote: "steps", "board" by variation, "patients", "bonus" by step size."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def finals(variation):
    """Mean of the last 20 returns at the end of training, one number a seed."""
    board = stored()["board"]
    require(variation in board, f"variation must be one of {', '.join(board)}, got {variation!r}")
    return [curve[-1] for curve in board[variation]["curves"]]


def board():
    """The board as exercise E5 takes it: label -> (setting, finals of the seeds)."""
    return {name: (VARIATIONS[name].setting, tuple(finals(name))) for name in stored()["board"]}


# ---------------------------------------------------------------- three arms, and a bonus for entropy

ARMS = np.array([0.2, 0.5, 1.0])
"""Mean pay-offs; each pull adds N(0, 1)."""
BATCH = 8
STUCK = 0.999
STEP_SIZES = (1, 2, 4, 8, 16)
BONUSES = tuple(round(0.02 * k, 2) for k in range(26))
EDGES = np.linspace(0, 1, 21)


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@lru_cache(maxsize=8)
def learn_with_bonus(step_size, bonus=0.0, *, epochs=1, clip_eps=math.inf, runs=1000, iterations=300, seed=0):
    """Many softmax policies ascend L + βH, each on batches of eight pulls of its own.

        ∂L/∂logits = w - π Σ_arm w,  w = ⅛ ρ (Σ Â⁺ [ρ ≤ 1+ε] + Σ Â⁻ [ρ ≥ 1-ε]),  ∂H/∂logits = -π (log π + H)

    Args:
        step_size: η.
        bonus: β, the weight of the exact entropy H.
        epochs: gradient steps on each batch.
        clip_eps: ε; infinite for no clipping.

    Returns:
        Policies [iterations + 1, runs, 3], the first of them uniform.
    """
    rng, logits = np.random.default_rng(seed), np.zeros((runs, 3))
    policies = [softmax(logits)]
    for _ in range(iterations):
        old = policies[-1]
        arms = (rng.random((BATCH, runs, 1)) >= old.cumsum(-1)[:, :2]).sum(-1)
        advantages = ARMS[arms] + rng.standard_normal(arms.shape)
        advantages -= advantages.mean(0)
        chosen = (arms[..., None] == np.arange(3)) * advantages[..., None]
        praise, blame = np.maximum(chosen, 0).sum(0) / BATCH, np.minimum(chosen, 0).sum(0) / BATCH
        for _ in range(epochs):
            new = softmax(logits)
            ratio = new / np.maximum(old, 1e-300)
            w = ratio * (praise * (ratio <= 1 + clip_eps) + blame * (ratio >= 1 - clip_eps))
            slope = w - new * w.sum(-1, keepdims=True)
            if bonus:
                surprise = np.log(np.maximum(new, 1e-300))
                slope -= bonus * new * (surprise - (new * surprise).sum(-1, keepdims=True))
            logits = logits + step_size * slope
        policies.append(softmax(logits))
    return np.array(policies)


def stuck(policies):
    """Which policies [..., 3] chose one of the two worse arms for good, p > 0.999."""
    return policies[..., :2].max(-1) > STUCK


def best_payoff(bonus):
    """Mean pay-off of the policy that maximises pay-off + βH, which is softmax(means / β): the price of the bonus."""
    return float(softmax(ARMS / bonus) @ ARMS) if bonus else float(ARMS.max())


# ---------------------------------------------------------------- claims


@claim("CL-31")
def reuse_with_and_without_clipping():
    """PPO on CartPole at η = 0.01, six epochs a rollout, read off the stored runs; and 1,000 bandit learners.

    `final_*`: mean of the last 20 returns after 40,000 steps, lowest and highest of three seeds. `kl_*`: of one update.
    `stuck_*`: share of bandit runs on a wrong arm after 300 batches, ten steps of η = 1 on each.
    """
    numbers = {}
    for kind, name in (("clip", "η = 0.01"), ("free", "no clip, η = 0.01")):
        runs = stored()["board"][name]
        numbers |= {
            f"final_low_{kind}": min(finals(name)),
            f"final_high_{kind}": max(finals(name)),
            f"kl_mean_{kind}": np.mean(runs["kl_mean"]),
            f"kl_max_{kind}": max(runs["kl_max"]),
        }
    for kind, eps in (("clip", 0.2), ("free", math.inf)):
        numbers[f"stuck_{kind}"] = stuck(learn_with_bonus(1, epochs=10, clip_eps=eps)[-1]).mean()
    return numbers


@claim("CL-32")
def sensitivity():
    """Final scores of PPO on CartPole after 40,000 steps: mean over three seeds, by step size, epochs and ε."""
    picked = {
        "default": DEFAULT, "eta_0001": "η = 0.0001", "eta_001": "η = 0.001", "eta_01": "η = 0.01", "eta_1": "η = 0.1",
        "epochs_1": "epochs = 1", "epochs_20": "epochs = 20",
        "eps_02": "ε = 0.02", "eps_2": "ε = 0.2", "eps_5": "ε = 0.5",
    }  # fmt: skip
    return {name: np.mean(finals(label)) for name, label in picked.items()}


RACERS = races.RACERS
"""Who takes part in the race of steps and seconds; it is measured with CL-33, in lesson 10."""


@claim("CL-34")
def premature_convergence():
    """1,000 bandit learners, 300 batches, a step each: share stuck on a wrong arm, by weight β of the bonus."""
    numbers = {}
    for name, bonus in (("0", 0.0), ("02", 0.02), ("10", 0.1), ("30", 0.3)):
        numbers[f"stuck_{name}"] = stuck(learn_with_bonus(16, bonus)[-1]).mean()
    for name, bonus in (("0", 0.0), ("30", 0.3)):
        numbers[f"payoff_{name}"] = (learn_with_bonus(4, bonus)[-1] @ ARMS).mean()
    return numbers | {"best_30": best_payoff(0.3)}


if __name__ == "__main__":
    regenerate()
