"""Numbers of the lesson: a bandit that falls into a corner, the clipped surrogate, ratios, TRPO's price.

python -m rlcourse.lessons.ppo_clipping.experiments     rewrites runs.json, which two explorers show
"""

import json
import math
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch
from scipy.special import softmax
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional as F

from rlcourse.algorithms.agent import adam, gradient_step, minibatches
from rlcourse.algorithms.ppo import PPO
from rlcourse.course.claims import claim
from rlcourse.curves import interval, learning_curves
from rlcourse.lessons.ppo_clipping.landscapes import climb, crest, height, ridge_walk  # noqa: F401
from rlcourse.lessons.ppo_clipping.trust_region import conjugate_gradients, trpo_price, trpo_step  # noqa: F401
from rlcourse.networks import CategoricalActor
from rlcourse.objectives import clipped_surrogate
from rlcourse.training import one_thread, train_many

STORED = Path(__file__).parent / "runs.json"

# ---------------------------------------------------------------- three arms

ARMS = np.array([0.2, 0.5, 1.0])
"""Mean pay-offs of the bandit; each pull adds N(0, 1)."""
RULES = {"1 step": (1, math.inf), "10 steps, clip": (10, 0.2), "10 steps, no clip": (10, math.inf)}
"""What may be done with one batch: gradient steps on it, and ε."""
STEP_SIZES = (0.1, 0.3, 1, 2, 4, 8, 16)
BATCH = 8
STUCK = 0.999


def pull(policies, rng):
    """A batch of every run, summed by arm: the advantages above zero, and those below, both [runs, 3].

    Eight pulls a run; the advantage of a pull is its pay-off minus the batch's mean.
    """
    draws = rng.random((BATCH, len(policies), 1))
    arms = (draws >= policies.cumsum(-1)[:, :2]).sum(-1)
    advantages = ARMS[arms] + rng.standard_normal(arms.shape)
    advantages -= advantages.mean(0)
    chosen = (arms[..., None] == np.arange(3)) * advantages[..., None]
    return np.maximum(chosen, 0).sum(0), np.minimum(chosen, 0).sum(0)


def improve(logits, positive, negative, *, step_size, epochs, clip_eps):
    """`epochs` steps of gradient ascent on the clipped surrogate of one batch; new logits [runs, 3].

    All pulls of an arm share its ratio, so the surrogate of a batch is

        L = ⅛ Σ_arm [ positive min(ρ, 1+ε) + negative max(ρ, 1-ε) ],        ∂L/∂logits = w - π Σ_arm w

    with w = ⅛ ρ (positive [ρ ≤ 1+ε] + negative [ρ ≥ 1-ε]).
    """
    old = softmax(logits, axis=-1)
    for _ in range(epochs):
        new = softmax(logits, axis=-1)
        ratio = new / np.maximum(old, 1e-300)
        w = ratio * (positive * (ratio <= 1 + clip_eps) + negative * (ratio >= 1 - clip_eps)) / BATCH
        logits = logits + step_size * (w - new * w.sum(-1, keepdims=True))
    return logits


@lru_cache(maxsize=32)
def learn_bandit(step_size, *, epochs=1, clip_eps=math.inf, runs=500, iterations=300, seed=0):
    """Many softmax policies learn at once, each with its own pulls.

    Args:
        step_size: η.
        epochs: gradient steps taken on each batch of eight.
        clip_eps: ε; infinite for no clipping.

    Returns:
        Policies [iterations + 1, runs, 3], the first of them uniform.
    """
    rng, logits = np.random.default_rng(seed), np.zeros((runs, 3))
    policies = [softmax(logits, axis=-1)]
    for _ in range(iterations):
        batch = pull(policies[-1], rng)
        logits = improve(logits, *batch, step_size=step_size, epochs=epochs, clip_eps=clip_eps)
        policies.append(softmax(logits, axis=-1))
    return np.array(policies)


def stuck(policies):
    """Which policies [..., 3] chose one of the two worse arms for good, p > 0.999."""
    return policies[..., :2].max(-1) > STUCK


def stuck_shares():
    """Share of 500 runs stuck after 300 batches: rule -> one number for each of STEP_SIZES."""
    return {
        rule: [float(stuck(learn_bandit(eta, epochs=epochs, clip_eps=eps)[-1]).mean()) for eta in STEP_SIZES]
        for rule, (epochs, eps) in RULES.items()
    }


@claim("CL-25")
def steps_too_large():
    """500 softmax learners on three arms, one step a batch, 300 batches: how many end on a wrong arm, p > 0.999.

    `slope_*` is the derivative p (1 - p) of a choice with respect to its logit, halfway and at the plateau;
    `stayed` the share of the runs stuck after 150 batches that still are after 300.
    """
    numbers = {
        f"stuck_{name}": stuck(learn_bandit(eta)[-1]).mean()
        for name, eta in (("0_1", 0.1), ("1", 1), ("4", 4), ("16", 16))
    }
    lost = stuck(learn_bandit(16))
    numbers["stayed"] = lost[-1][lost[150]].mean()
    return numbers | {"slope_half": 0.5 * 0.5, "slope_plateau": STUCK * (1 - STUCK)}


@claim("CL-26")
def steps_too_small():
    """Mean pay-off of the same learners after 300 batches; always choosing the best arm earns 1."""
    return {
        f"payoff_{name}": (learn_bandit(eta)[-1] @ ARMS).mean()
        for name, eta in (("0_001", 0.001), ("0_01", 0.01), ("0_5", 0.5), ("16", 16))
    }


# ---------------------------------------------------------------- the clipped surrogate

CASES = {1: (0.5, 1), 2: (1.0, 1), 3: (1.4, 1), 4: (0.5, -1), 5: (1.0, -1), 6: (1.4, -1)}
"""Number of the case -> a ratio and an advantage that show it, at ε = 0.2: below, inside and above, for either sign."""


def surrogate(ratio, advantages, clip_eps, *, use_min=True, use_clip=True):
    """PPO's surrogate for every sample, and what is left of it without its `min` or its `clip`; torch tensors."""
    plain = ratio * advantages
    if not use_clip:
        return plain
    low, high = round(1 - clip_eps, 9), round(1 + clip_eps, 9)  # so that 0.8 is an edge at ε = 0.2, whatever 1 - ε is
    clipped = ratio.clamp(low, high) * advantages
    return torch.minimum(plain, clipped) if use_min else clipped


def value_and_slope(ratio, advantage, clip_eps, *, use_min=True, use_clip=True):
    """L and dL/dρ of one sample, the slope from autograd."""
    rho = torch.tensor(float(ratio), dtype=torch.float64, requires_grad=True)
    value = surrogate(
        rho, torch.tensor(float(advantage), dtype=torch.float64), clip_eps, use_min=use_min, use_clip=use_clip
    )
    (slope,) = torch.autograd.grad(value, rho)
    return value.item(), slope.item()


def ascent(ratio, advantage, clip_eps, *, use_min=True, use_clip=True, steps=8, length=0.1):
    """Where gradient ascent on the ratio itself goes from here: ratios [steps + 1].

    Every step is `length` times slope / |advantage|, so that the road does not depend on the size of the advantage.
    """
    road = [float(ratio)]
    for _ in range(steps):
        _, slope = value_and_slope(road[-1], advantage, clip_eps, use_min=use_min, use_clip=use_clip)
        push = slope / abs(advantage) if advantage else 0.0
        road.append(round(max(road[-1] + length * push, 0.0), 9))
    return np.array(road)


def case_number(ratio, advantage, clip_eps):
    """Which of the six cases this is; 0 if the advantage is zero. Both edges belong to the range."""
    if advantage == 0:
        return 0
    below, above = ratio < round(1 - clip_eps, 9), ratio > round(1 + clip_eps, 9)
    return (1 if below else 3 if above else 2) + 3 * (advantage < 0)


@claim("CL-28")
def six_slopes():
    """dL/dρ by autograd at ε = 0.2 and |A| = 1: the six cases, and the two kinks."""
    names = {1: "below_plus", 2: "in_plus", 3: "above_plus", 4: "below_minus", 5: "in_minus", 6: "above_minus"}
    numbers = {f"slope_{names[case]}": value_and_slope(*at, 0.2)[1] for case, at in CASES.items()}
    kinks = {"slope_kink_plus": (1.2, 1), "slope_kink_minus": (0.8, -1)}
    numbers |= {name: value_and_slope(*at, 0.2)[1] for name, at in kinks.items()}
    return numbers | {"slope_below_plus_without_min": value_and_slope(0.5, 1, 0.2, use_min=False)[1]}


# ---------------------------------------------------------------- many steps on one batch

LEARNING_RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
EPOCHS = 80
BIN, LAST_BIN = 0.1, 2.5
"""Histograms of the ratio: bins of this width, and a last one for all that lies beyond."""
EDGES = np.arange(0, LAST_BIN + 1e-9, BIN).round(9)


class Reuse(NamedTuple):
    """What became of the ratios when one batch was used over and over."""

    ratios: np.ndarray
    """After each epoch, shape [epochs + 1, rows]; the first row is all ones."""
    kl: np.ndarray
    """Mean KL(old || new) over the states, exact; shape [epochs + 1]."""
    advantages: np.ndarray
    """Shape [rows]."""

    def outside(self, clip_eps=0.2):
        """Share of the ratios outside [1 - ε, 1 + ε], after each epoch."""
        return (np.abs(self.ratios - 1) > clip_eps + 1e-6).mean(-1)


def made_up_batch(seed, rows=256):
    """A policy network of four actions, and rows to learn from: states and advantages are standard normal.

    The advantages are pure noise, so there is nothing to learn but this batch itself.
    """
    generator = torch.Generator().manual_seed(seed)
    actor = CategoricalActor(gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Discrete(4), (64, 64), seed=seed)
    obs = torch.randn(rows, 4, generator=generator)
    actions = torch.randint(0, 4, (rows,), generator=generator)
    return actor, obs, actions, torch.randn(rows, generator=generator)


@one_thread()
def reuse(learning_rate, epochs, *, clip_eps=0.2, seed=0):
    """Adam on the clipped surrogate of one batch of 256 rows, all rows in every step; clip_eps=inf: no clipping."""
    actor, obs, actions, advantages = made_up_batch(seed)
    optimizer = adam(actor.parameters(), learning_rate)
    with torch.no_grad():
        old = actor(obs)
        old_log_probs = old.log_prob(actions)
    ratios, kl = [], []
    for epoch in range(epochs + 1):
        new = actor(obs)
        log_probs = new.log_prob(actions)
        ratios.append(torch.exp(log_probs.detach() - old_log_probs).numpy())
        kl.append(kl_divergence(old, new).mean().item())
        if epoch < epochs:
            gradient_step(optimizer, -clipped_surrogate(log_probs, old_log_probs, advantages, clip_eps=clip_eps))
    return Reuse(np.array(ratios), np.array(kl), advantages.numpy())


def one_batch(seeds=16):
    """One batch of 256 rows, Adam, with clipping at ε = 0.2 and without: means over `seeds` batches and networks.

    gentle: 10 epochs at 3e-4; middle: 40 at 3e-3; hard: 80 at 1e-2. `low`, `high`: smallest and largest ratio.
    """
    numbers = {}
    for name, rate, epochs in (("gentle", 3e-4, 10), ("middle", 3e-3, 40), ("hard", 1e-2, 80)):
        for kind, eps in (("clip", 0.2), ("free", math.inf)):
            runs = [reuse(rate, epochs, clip_eps=eps, seed=seed) for seed in range(seeds)]
            numbers |= {
                f"outside_{name}_{kind}": np.mean([run.outside()[-1] for run in runs]),
                f"kl_{name}_{kind}": np.mean([run.kl[-1] for run in runs]),
                f"low_{name}_{kind}": np.mean([run.ratios[-1].min() for run in runs]),
                f"high_{name}_{kind}": np.mean([run.ratios[-1].max() for run in runs]),
            }
    return numbers


class WithoutMin(PPO):
    """PPO with a bug: it ascends clip(ρ) A alone, without the `min`."""

    def update(self, rollout):
        old_log_probs, returns, advantages = self.targets(rollout)
        batch, low, high = rollout.flatten(), 1 - self.config.clip_eps, 1 + self.config.clip_eps
        for _ in range(self.config.epochs):
            for rows in minibatches(batch.rewards.shape[-1], self.config.minibatch_size, self.rng):
                log_probs = self.actor(batch.obs[rows]).log_prob(batch.actions[rows])
                ratio = torch.exp(log_probs - old_log_probs[rows])
                gradient_step(self.actor_optimizer, -(ratio.clamp(low, high) * advantages[rows]).mean())
                gradient_step(self.critic_optimizer, F.mse_loss(self.critic(batch.obs[rows]), returns[rows]))
        return self.diagnostics(batch, old_log_probs)


RUN_STEPS = 30_000
RUNS = {"clip": (PPO, 0.1), "free": (PPO, math.inf), "no_min": (WithoutMin, 0.1)}
"""PPO as the package has it, without its clip, and without its `min`: the agent's class and ε."""


def at_work(seeds=16):
    """PPO as it is used: CartPole, 30,000 steps, the defaults (ε = 0.1); see RUNS.

    `return`: mean over the last fifth of the steps, over the seeds, with the ends of its 95 % interval. After an
    update, mean over all updates: `fraction`, share of the ratios outside the range; `kl_run`; `largest` ratio.
    """
    numbers = {}
    for kind, (algorithm, eps) in RUNS.items():
        options = {"total_steps": RUN_STEPS, "config": algorithm.Config(clip_eps=eps), "progress": False}
        runs = train_many(algorithm, "CartPole-v1", seeds=seeds, **options)
        reached = interval(learning_curves(runs, [round(0.8 * RUN_STEPS), RUN_STEPS])[:, -1])
        numbers |= {
            f"return_{kind}": reached.center,
            f"low_return_{kind}": reached.low,
            f"top_return_{kind}": reached.high,
        }
        for name, metric in (("fraction", "clip_fraction"), ("kl_run", "kl"), ("largest", "largest_ratio")):
            numbers[f"{name}_{kind}"] = np.mean([run.metrics[metric].mean() for run in runs])
    del numbers["fraction_free"]  # outside an infinite range there is nothing
    return numbers


@claim("CL-29", trained=True)
def brake_not_bound():
    """What becomes of the ratios of one batch (see `one_batch`), and of PPO on CartPole (see `at_work`)."""
    return at_work() | one_batch()


def histogram(ratios):
    """Counts of ratios [rows] in the bins of the animator; the last one holds the rest."""
    return np.histogram(np.round(ratios, 6), np.append(EDGES, np.inf))[0]


def reuse_frames(learning_rate, clip_eps):
    """The animator's numbers at one learning rate: histograms by sign of the advantage, KL, share outside, extremes."""
    run = reuse(learning_rate, EPOCHS, clip_eps=clip_eps)
    good = run.advantages > 0
    return {
        "good": [histogram(row[good]).tolist() for row in run.ratios],
        "bad": [histogram(row[~good]).tolist() for row in run.ratios],
        "kl": _rounded(run.kl),
        "outside": _rounded(run.outside()),
        "low": _rounded(run.ratios.min(-1)),
        "high": _rounded(run.ratios.max(-1)),
    }


def _rounded(numbers):
    return [float(f"{number:.3g}") for number in numbers]


def regenerate(path=STORED):
    """Compute everything that the explorers show precomputed, about half a minute, and write it down."""
    frames = {
        name: {str(rate): reuse_frames(rate, eps) for rate in LEARNING_RATES}
        for name, eps in (("clip", 0.2), ("no clip", math.inf))
    }
    text = json.dumps({"stuck": stuck_shares(), "reuse": frames}, separators=(",", ":"))
    path.write_text(text.replace('"good"', '\n"good"') + "\n", encoding="utf-8")


@cache
def stored():
    """What `regenerate` wrote: "stuck" as `stuck_shares` gives it, "reuse" -> clip or not -> rate -> frames."""
    return json.loads(STORED.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- ratio and divergence


class Distance(NamedTuple):
    """How far a new policy over a few actions is from the old one. Divergences in nats."""

    ratios: np.ndarray
    """ρ(a) = new / old."""
    tv: float
    """Total variation: half the sum of |new - old|."""
    kl: float
    """KL(old || new)."""
    k1: np.ndarray
    """-log ρ of every action."""
    k3: np.ndarray
    """ρ - 1 - log ρ of every action."""


def distance(old, new):
    """Ratios and divergences of two distributions without zeros."""
    old, new = np.asarray(old, float), np.asarray(new, float)
    ratios = new / old
    k1 = -np.log(ratios)
    return Distance(ratios, 0.5 * np.abs(new - old).sum(), float(old @ k1), k1, ratios - 1 + k1)


def spread(probabilities, values):
    """Standard deviation of a quantity of one sampled action."""
    mean = probabilities @ values
    return float(np.sqrt(max(probabilities @ (values - mean) ** 2, 0.0)))


@claim("CL-30")
def one_ratio_is_no_distance(samples=100_000):
    """Two policies over three actions, (0.5, 0.3, 0.2) -> (0.4, 0.3, 0.3); then two that differ where nobody looked.

    Exact: `tv`, `kl`, spreads of k1 and k3. Sampled: means of |ρ - 1| / 2, k1 and k3. `hidden_*`: the pair
    (0.5, 0.499, 0.001) -> (0.5, 0.001, 0.499) seen through one sample of the first action.
    """
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])
    apart = distance(old, new)
    drawn = np.random.default_rng(0).choice(3, samples, p=old)
    hidden = distance((0.5, 0.499, 0.001), (0.5, 0.001, 0.499))
    return {
        "tv": apart.tv,
        "kl": apart.kl,
        "half_gap": 0.5 * np.abs(apart.ratios[drawn] - 1).mean(),
        "mean_ratio": apart.ratios[drawn].mean(),
        "k1": apart.k1[drawn].mean(),
        "k3": apart.k3[drawn].mean(),
        "spread_k1": spread(old, apart.k1),
        "spread_k3": spread(old, apart.k3),
        "hidden_ratio": hidden.ratios[0],
        "hidden_kl": hidden.kl,
    }


# ---------------------------------------------------------------- the price of a trust region


class TableActor(torch.nn.Module):
    """The bandit's policy: a softmax of three weights."""

    def __init__(self):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))

    def forward(self):
        return Categorical(logits=self.logits, validate_args=False)


class FirstUpdates(NamedTuple):
    """Policies [batches, 3] after the first update from the uniform policy, and how far each went."""

    policies: np.ndarray
    kl: np.ndarray
    """KL(uniform || new), shape [batches]."""


@cache
def first_updates(batches=100, radius=0.02, seed=0):
    """The first batch of many runs, four rules: one plain step, ten plain steps, ten with PPO's clip, TRPO.

    Returns:
        dict from the rule's name to FirstUpdates.
    """
    uniform = np.full((batches, 3), 1 / 3)
    positive, negative = pull(uniform, np.random.default_rng(seed))
    found = {}
    for name, epochs, eps in (
        ("1 step", 1, math.inf),
        ("10 steps, no clip", 10, math.inf),
        ("10 steps, clip: PPO", 10, 0.2),
    ):
        logits = improve(np.zeros((batches, 3)), positive, negative, step_size=1, epochs=epochs, clip_eps=eps)
        found[name] = softmax(logits, axis=-1)
    trusted = []
    for weights in torch.from_numpy((positive + negative) / BATCH):
        actor = TableActor()
        old = Categorical(logits=torch.zeros(3, dtype=torch.float64))
        trpo_step(
            actor,
            lambda: (actor().probs * 3 * weights).sum(),  # noqa: B023  mean ρ Â, pulls summed by arm
            lambda: kl_divergence(old, actor()),  # noqa: B023
            radius=radius,
        )
        trusted.append(actor().probs.detach().numpy())
    found["TRPO, Δ = 0.02"] = np.array(trusted)
    return {
        name: FirstUpdates(policies, -np.log(3 * np.maximum(policies, 1e-300)).mean(-1))
        for name, policies in found.items()
    }


@claim("CL-27", trained=True)
def price_of_a_trust_region():
    """CPU time on 1,024 rows and a 4-64-64-2 network, in units of one plain policy gradient; and steps on the bandit.

    `cg`: ten conjugate-gradient iterations; `step`: a whole TRPO step; `clipped`: PPO's gradient.
    `kl_*`: mean and largest divergence of a first update from the uniform policy over 100 batches; η = 1 for one
    plain step, ten plain steps (`free`) and ten with the clip (`ppo`). `trpo_halved`: share of the TRPO steps that
    overshot the fence and were halved, which leaves about a quarter of the divergence.
    """
    seconds = trpo_price()
    numbers = {name: seconds[name] / seconds["gradient"] for name in ("cg", "step", "clipped")}
    numbers["gradient_ms"] = 1000 * seconds["gradient"]
    for name, rule in zip(("pg", "free", "ppo", "trpo"), first_updates().values(), strict=True):
        numbers |= {f"kl_{name}": rule.kl.mean(), f"kl_max_{name}": rule.kl.max()}
    numbers["trpo_halved"] = (rule.kl < 0.01).mean()  # TRPO is the last of them
    return numbers


if __name__ == "__main__":
    regenerate()
