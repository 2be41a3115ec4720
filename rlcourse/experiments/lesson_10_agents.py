"""Numbers of lesson 10, second half: one update of SAC in slow motion, its temperature, and the closing bake-off.

    python -m rlcourse.experiments.lesson_10_agents     trains everything again and rewrites data/lesson_10.json

The claims that are about whole agents read that file: each of its runs is counted once, whoever quotes it.
"""

import json
import time
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch

from rlcourse import algorithms, training
from rlcourse.algorithms.common import gradient_step
from rlcourse.algorithms.sac import SoftActorCritic
from rlcourse.checks import require
from rlcourse.experiments import claim
from rlcourse.experiments.races import races
from rlcourse.objectives import soft_value_target, td_target
from rlcourse.rollout import evaluate
from rlcourse.transitions import Transitions

STORED = Path(__file__).parent.parent / "data" / "lesson_10.json"
ENV, SOLVED = "Pendulum-v1", -200.0
EPISODES, STARTS = 10, 7
"""A score is the mean return of ten episodes without exploration, from the same ten first states for everybody."""

# ---------------------------------------------------------------- one update, number by number

FORMS = ("later form (AL-18)", "form with V (AL-17)")
STAGES = {
    FORMS[0]: ("batch", "target", "critic", "actor", "alpha", "lag"),
    FORMS[1]: ("batch", "goal", "value", "critic", "actor", "lag"),
}
TARGET_ENTROPY = -1.0
"""Of the update in slow motion, whose box has the half-width 1; and of the stored runs on Pendulum, by their config."""
BATCH = {
    "obs": [[0.5, -1.0], [-0.3, 0.8], [1.2, 0.1], [-0.9, -0.6]],
    "actions": [[0.4], [-0.7], [0.9], [-0.2]],
    "rewards": [1.0, -0.5, 0.0, 2.0],
    "next_obs": [[0.7, -0.6], [-0.5, 0.4], [1.0, 0.5], [-1.1, -0.2]],
    "terminated": [False, False, False, True],
}
"""Four stored steps of a made-up task: two observations, one action in [-1, 1]. The last one ended its episode."""


@cache
def patient(form, alpha=1.0):
    """An untrained agent of a form, with eight units a layer: its networks are those of rl.SAC and rl.ValueSAC."""
    spaces = gym.spaces.Box(-2.0, 2.0, (2,)), gym.spaces.Box(-1.0, 1.0, (1,))
    algorithm = algorithms.SAC if form == FORMS[0] else algorithms.ValueSAC
    return algorithm(*spaces, algorithm.Config(hidden=(8, 8), alpha=alpha), seed=4)


@cache
def batch():
    """BATCH as Transitions[4]."""
    flags = torch.tensor(BATCH["terminated"])
    columns = {name: torch.tensor(BATCH[name]) for name in ("obs", "actions", "rewards", "next_obs")}
    return Transitions(**columns, terminated=flags, truncated=torch.zeros_like(flags))


@lru_cache(maxsize=64)
def one_update(form, alpha):
    """Every number of one update of SAC on four stored steps, and the gradient that each loss sends to each network.

    Nothing is trained: the losses are taken at the same, untrained weights.

    Args:
        form: one of FORMS.
        alpha: the temperature α.

    Returns:
        Dict with the columns of every stage (NumPy arrays [4]) under "stages", the mean losses under "losses", and
        under "gradients" for each loss the length of its gradient in the weights of every network.
    """
    agent, rows = patient(form), batch()
    noise = torch.as_tensor(np.random.default_rng(5).standard_normal((2, 4, 1)), dtype=torch.float32)
    log_alpha = torch.tensor(float(np.log(alpha)), requires_grad=True)
    parts = {"actor": agent.actor, "critic": agent.critic}
    later = form == FORMS[0]
    parts |= {"lag": agent.target_critic} if later else {"value": agent.value, "lag": agent.target_value}
    seen = {"s₁": rows.obs[:, 0], "s₂": rows.obs[:, 1], "a": rows.actions[:, 0], "r": rows.rewards,
                     "s′₁": rows.next_obs[:, 0], "s′₂": rows.next_obs[:, 1], "d": rows.terminated.int()}  # fmt: skip
    stages, losses = {"batch": seen}, {}
    gamma = agent.config.gamma

    fresh, log_probs = agent.actor(rows.obs).rsample_with_log_prob(noise=noise[0])
    q1, q2 = agent.critic(rows.obs, rows.actions)
    p1, p2 = agent.critic(rows.obs, fresh)
    if later:
        with torch.no_grad():
            next_actions, next_log_probs = agent.actor(rows.next_obs).rsample_with_log_prob(noise=noise[1])
            t1, t2 = agent.target_critic(rows.next_obs, next_actions)
            soft = soft_value_target(t1, t2, next_log_probs, alpha=alpha)
            y = td_target(rows.rewards, soft, rows.terminated, gamma=gamma)
        stages["target"] = {"a′": next_actions[:, 0], "log π": next_log_probs, "Q̄₁": t1, "Q̄₂": t2, "soft": soft, "y": y}
    else:
        with torch.no_grad():
            goal = soft_value_target(p1, p2, log_probs, alpha=alpha)
            following = agent.target_value(rows.next_obs)
            y = td_target(rows.rewards, following, rows.terminated, gamma=gamma)
        v = agent.value(rows.obs)
        losses["value"] = 0.5 * (v - goal) ** 2
        stages["goal"] = {"a": fresh[:, 0], "log π": log_probs, "Q₁": p1, "Q₂": p2, "soft": goal}
        stages["value"] = {"V": v, "soft": goal, "V−soft": v - goal, "½(V−soft)²": losses["value"]}
    losses["critic"] = 0.5 * ((q1 - y) ** 2 + (q2 - y) ** 2)
    stages["critic"] = {"y": y, "Q₁": q1, "Q₂": q2, "½(Q₁−y)²": 0.5 * (q1 - y) ** 2, "½(Q₂−y)²": 0.5 * (q2 - y) ** 2}
    if not later:
        stages["critic"] = {"V̄": following, **stages["critic"]}
    losses["actor"] = alpha * log_probs - torch.minimum(p1, p2)
    stages["actor"] = {"a": fresh[:, 0], "log π": log_probs, "α log π": alpha * log_probs, "Q₁": p1, "Q₂": p2,
                       "loss": losses["actor"]}  # fmt: skip
    losses["alpha"] = -log_alpha.exp() * (log_probs.detach() + TARGET_ENTROPY)
    stages["alpha"] = {"log π": log_probs, "log π + H̄": log_probs + TARGET_ENTROPY, "loss": losses["alpha"]}

    gradients = {}
    for name, loss in losses.items():
        gradients[name] = {part: _length(loss.mean(), list(module.parameters())) for part, module in parts.items()}
        gradients[name]["alpha"] = _length(loss.mean(), [log_alpha])
    slope = torch.autograd.grad(losses["alpha"].mean(), log_alpha)[0]
    stages["lag"] = _after_an_update(form, alpha)
    return {
        "stages": {name: {key: torch.as_tensor(column).detach().numpy() for key, column in columns.items()}
                   for name, columns in stages.items()},
        "losses": {name: float(loss.detach().mean()) for name, loss in losses.items()},
        "gradients": gradients,
        "alpha_slope": float(slope),
        "gamma": gamma,
        "kappa": agent.config.tau,
    }  # fmt: skip


def _after_an_update(form, alpha):
    """What one update() of the agent itself, at this α, did to an online network and to the copy that lags behind."""
    agent, rows = patient.__wrapped__(form, alpha), batch()

    @torch.no_grad()
    def look():
        if form == FORMS[0]:
            return [critic(rows.obs, rows.actions)[0] for critic in (agent.critic, agent.target_critic)]
        return [value(rows.next_obs) for value in (agent.value, agent.target_value)]

    before = look()
    agent.update(rows)
    after, (online, lagged) = look(), ("Q₁", "Q̄₁") if form == FORMS[0] else ("V", "V̄")
    return {f"{online} before": before[0], f"{online} after": after[0],
            f"{lagged} before": before[1], f"{lagged} after": after[1]}  # fmt: skip


def _length(loss, weights):
    """Length of the gradient of a loss in some weights; 0 where none arrives."""
    if not loss.requires_grad:
        return 0.0
    slopes = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return float(sum((slope**2).sum() for slope in slopes if slope is not None)) ** 0.5


# ---------------------------------------------------------------- the stored runs


class Entry(NamedTuple):
    """One way to learn Pendulum, trained with every seed."""

    algorithm: str | type
    """Name in rlcourse.algorithms, or an algorithm."""
    changes: dict
    """What differs from the algorithm's defaults."""
    steps: int = 5_000
    """Environment steps of a run."""
    every: int = 250
    """Steps between two checkpoints."""
    seeds: int = 3
    """How many runs: seeds 0, 1, ..."""


ALPHAS = ("0.01", "0.2", "2", "20")
"""Temperatures that are held fixed, in the unit of the reward."""
AUTOMATIC = "SAC"
AIM = {"target_entropy": TARGET_ENTROPY}
"""In the unit of Pendulum's action; the default would be log 2 - 1, one nat below zero in half-widths."""
PPO_CHANGES = {"gamma": 0.9, "clip_eps": 0.2, "epochs": 10, "minibatch_size": 128}
"""The best of five settings tried for PPO on Pendulum, by steps and by seconds."""
ENTRIES = {
    "PPO": Entry("PPO", PPO_CHANGES, 40_960, 2_048, seeds=5),
    "DDPG": Entry("DDPG", {}, seeds=5),
    AUTOMATIC: Entry("SAC", AIM, seeds=5),
    **{f"SAC, α = {alpha}": Entry("SAC", {"alpha": float(alpha), "learn_alpha": False}) for alpha in ALPHAS},
    "SAC, one critic": Entry("SAC", {"twin": False, **AIM}, seeds=5),
    "SAC with V": Entry("ValueSAC", {"learn_alpha": True, **AIM}),
    "SAC with V, no lag": Entry("ValueSAC", {"learn_alpha": True, "tau": 1.0, **AIM}),
}
"""Who takes part: label -> Entry."""
RACERS = ("PPO", "DDPG", "SAC")
"""The three of the bake-off."""
CARTPOLE = Entry("SAC", {}, 8_000, 500, seeds=5)
"""SAC with finitely many actions, on CartPole-v1."""


def configured(entry):
    """The algorithm of an entry, and its config."""
    algorithm = getattr(algorithms, entry.algorithm) if isinstance(entry.algorithm, str) else entry.algorithm
    return algorithm, algorithm.Config(**entry.changes)


def score(agent, env_id=ENV):
    """Mean return of ten episodes without exploration; their first states are the same for every agent."""
    return float(evaluate(agent, env_id, episodes=EPISODES, seed=STARTS).mean())


def learn(entry, seed, *, env_id=ENV, steps=None):
    """One run of an entry, stopped at every checkpoint to be examined.

    Returns:
        Dict: "steps", "seconds" (CPU time of the training alone), "scores" at the checkpoints; and what the agent
        reports of itself, its mean since the checkpoint before: "alpha" and "entropy" of SAC.
    """
    algorithm, config = configured(entry)
    steps = entry.steps if steps is None else steps
    found = {"steps": [], "seconds": [], "scores": []}
    spent, start, seen, due = 0.0, time.process_time(), 0, entry.every
    for history in training.run(algorithm, env_id, total_steps=steps, seed=seed, config=config):
        if history.total_steps < due:
            continue
        spent += time.process_time() - start
        found["steps"].append(int(history.total_steps))
        found["seconds"].append(round(spent, 2))
        found["scores"].append(round(score(history.agent, env_id), 1))
        for name in ("alpha", "entropy"):
            if issubclass(algorithm, SoftActorCritic):
                late = history.metrics[name][seen:]
                found.setdefault(name, []).append(float(f"{late.mean():.4g}"))
        seen, due = len(history.metrics["steps"]), (history.total_steps // entry.every + 1) * entry.every
        start = time.process_time()
    return found


class InTurn(algorithms.SAC):
    """SAC whose actor climbs critics that have already taken their step of this update."""

    def update(self, batch):
        batch = batch.to(self.device)
        critic = self.critic_loss(batch)
        gradient_step(self.optimizer, critic)  # nothing else has a gradient, so nothing else moves
        values, log_probs = self.present_values(batch.obs)
        losses = {"actor": self.actor_loss(values), "alpha": self.alpha_loss(log_probs)}
        gradient_step(self.optimizer, sum(losses.values()))
        self.follow()
        metrics = {f"{name}_loss": loss.item() for name, loss in {"critic": critic, **losses}.items()}
        return {**metrics, "entropy": -log_probs.mean().item(), "alpha": self.alpha}


def together_or_in_turn(seeds=10, steps=3_000):
    """Scores [seeds, checkpoints] of SAC as it is, all losses in one step, and of InTurn; takes minutes.

    Measured with ten seeds: -200 is reached after 1,750 steps (1,500 to 2,250) and after 1,725 (1,500 to 2,000); the
    score after 3,000 steps is -87.0 (-101 to -84) and -85.9 (-87 to -85).
    """
    changed = Entry("SAC", {}, every=250), Entry(InTurn, {}, every=250)
    return [np.array([learn(entry, seed, steps=steps)["scores"] for seed in range(seeds)]) for entry in changed]


def regenerate(path=STORED, only=None):
    """Train every entry with every seed and store what came of it; `only`: labels to train anew, the rest kept."""
    text = path.read_text(encoding="utf-8") if only and path.exists() else '{"pendulum": {}, "cartpole": []}'
    runs, start = json.loads(text), time.process_time()
    wanted = {label: entry for label, entry in ENTRIES.items() if only is None or label in only}
    runs["pendulum"] |= {label: [] for label in wanted}
    turns = [(seed, label) for seed in range(max(entry.seeds for entry in ENTRIES.values())) for label in wanted]
    for seed, label in turns:  # in turns: a machine that is busy for a while slows down everybody's seconds alike
        if seed < wanted[label].seeds:
            runs["pendulum"][label].append(learn(wanted[label], seed))
            best = max(runs["pendulum"][label][-1]["scores"])
            print(f"{time.process_time() - start:5.0f} s  seed {seed}  {label:20} best {best:.0f}", flush=True)
    if only is None or "cartpole" in only:
        runs["cartpole"] = [learn(CARTPOLE, seed, env_id="CartPole-v1") for seed in range(CARTPOLE.seeds)]
        print(f"{time.process_time() - start:5.0f} s  CartPole", *(max(run["scores"]) for run in runs["cartpole"]))
    runs["pendulum"] = {label: runs["pendulum"][label] for label in ENTRIES if label in runs["pendulum"]}
    text = json.dumps(runs, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text.replace('{"steps"', '\n{"steps"') + "\n", encoding="utf-8")  # a line for each run


@cache
def stored():
    """What `regenerate` wrote: "pendulum", label -> list of runs; "cartpole", list of runs."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def runs(label):
    """The stored runs of a label on Pendulum, one a seed: dict of arrays [seeds, checkpoints]."""
    known = stored()["pendulum"]
    require(label in known, f"label must be one of {', '.join(known)}, got {label!r}")
    return {key: np.array([run[key] for run in known[label]]) for key in known[label][0]}


def reached(found, goal=SOLVED):
    """Steps and seconds of every run until its score first reached the goal; infinite where it never did."""
    there = found["scores"] >= goal
    first, ever = there.argmax(1), there.any(1)
    rows = np.arange(len(there))
    return tuple(np.where(ever, found[key][rows, first], np.inf) for key in ("steps", "seconds"))


def board():
    """The stored runs as exercise E6 takes them: label -> dict with "agent" and lists "steps", "seconds", "scores"."""
    return {
        label: {"agent": entry.algorithm.removeprefix("Value")}
        | {key: runs(label)[key].tolist() for key in ("steps", "seconds", "scores")}
        for label, entry in ENTRIES.items()
    }


LATE = 4
"""Checkpoints that a late score is the mean of: the last 1,000 steps, of PPO the last 8,192."""


def late(label):
    """Mean score of the last four checkpoints of every seed, [seeds]."""
    return runs(label)["scores"][:, -LATE:].mean(1)


BUDGETS = {"robot": {"steps": 2_500}, "simulator": {"seconds": 5.0}}
"""What the two customers of exercise E6 can pay."""

# ---------------------------------------------------------------- finitely many actions

STATE_LOGITS, STATE_Q, STATE_ALPHA = np.log([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 3.0, 6.0]), 0.2
"""One state with four actions: the worked example of discrete SAC."""


def exact_against_sampled():
    """The gradient of π·(α log π - Q) in four logits, summed over the actions and estimated from one action drawn.

    Returns:
        Dict: "exact" gradient [4]; "samples" [4, 4], the estimate ∇log π(a) (α log π(a) - Q(a)) for each a; "variance"
        of that estimate, summed over the logits; "entropy", exact.
    """
    probs = np.exp(STATE_LOGITS)
    signal = STATE_ALPHA * STATE_LOGITS - STATE_Q
    samples = (np.eye(4) - probs) * signal[:, None]
    exact = probs * (signal - probs @ signal)
    variance = probs @ ((samples - exact) ** 2).sum(1)
    return {"exact": exact, "samples": samples, "variance": variance, "entropy": float(-probs @ STATE_LOGITS)}


# ---------------------------------------------------------------- claims


def _spread(name, values):
    """Mean, lowest and highest of some numbers, under a name."""
    return {f"{name}": np.mean(values), f"{name}_low": np.min(values), f"{name}_high": np.max(values)}


@claim("CL-33", trained=True)
def steps_against_seconds():
    """What a score cost, in environment steps and in CPU seconds.

    `goal_*`: until ten episodes without exploration average -200 on Pendulum, five stored seeds of the bake-off. Then
    lesson 7's races, means over three seeds trained here: `*_reinforce`, `*_a2c`, `*_ppo`, `*_ppo_20` to 195 on
    CartPole, and `*_pendulum`, PPO with its defaults but for γ = 0.9 to -300 while exploring. A run that does not get
    there counts with all its steps. The seconds are those of the machine that measured.
    """
    numbers = {}
    for name in RACERS:
        steps, seconds = reached(runs(name))
        numbers |= _spread(f"goal_steps_{name.lower()}", steps) | _spread(f"goal_seconds_{name.lower()}", seconds)
    return numbers | races()


@claim("CL-57")
def sac_against_ppo():
    """Environment steps until ten episodes without exploration average -200 on Pendulum, five seeds each."""
    numbers = {}
    for name in ("PPO", "SAC"):
        numbers |= _spread(f"steps_{name.lower()}", reached(runs(name))[0])
    return numbers | {"ratio": numbers["steps_ppo"] / numbers["steps_sac"]}


@claim("CL-50")
def temperatures():
    """Score of SAC on Pendulum over the last four checkpoints, by temperature: mean, lowest and highest of the seeds.

    Three seeds for each fixed α, five for the automatic one. `entropy_*` and `alpha_auto` are means over the same
    stretch of training.
    """
    numbers = {}
    for name, label in [(alpha.replace(".", ""), f"SAC, α = {alpha}") for alpha in ALPHAS] + [("auto", AUTOMATIC)]:
        numbers |= _spread(f"late_{name}", late(label))
        numbers[f"entropy_{name}"] = runs(label)["entropy"][:, -LATE:].mean()
    return numbers | {"alpha_auto": runs(AUTOMATIC)["alpha"][:, -LATE:].mean()}


@claim("CL-58")
def one_critic_or_two():
    """DDPG, SAC with one critic and with two on Pendulum, five seeds: late score, and steps to -200 at the first time.

    `dip_*`: the lowest checkpoint after -200 was first reached, mean of the seeds.
    """
    numbers = {}
    for name, label in (("ddpg", "DDPG"), ("one", "SAC, one critic"), ("two", "SAC")):
        found = runs(label)
        steps, _ = reached(found)
        dips = [scores[found["steps"][0] >= step].min() for scores, step in zip(found["scores"], steps, strict=True)
                if np.isfinite(step)]  # fmt: skip
        numbers |= _spread(f"late_{name}", late(label))
        numbers |= {f"steps_{name}": np.minimum(steps, found["steps"][0, -1]).mean(), f"dip_{name}": np.mean(dips)}
    return numbers


@claim("CL-59")
def with_and_without_v():
    """SAC on Pendulum without V, with V and its lagged copy, and with V but no lag: late score, steps to -200."""
    numbers = {}
    for name, label in (("without", "SAC"), ("with", "SAC with V"), ("no_lag", "SAC with V, no lag")):
        found = runs(label)
        steps, _ = reached(found)
        numbers |= _spread(f"late_{name}", late(label))
        numbers |= {f"steps_{name}": np.minimum(steps, found["steps"][0, -1]).mean(),
                    f"solved_{name}": np.isfinite(steps).sum()}  # fmt: skip
    return numbers


@claim("CL-62")
def exact_sums():
    """One state, four actions: variance of a sampled actor gradient; discrete SAC on CartPole, five stored seeds.

    `best_*`, `last_*`: the best and the last checkpoint of each seed; ten episodes without exploration, at most 500.
    """
    one = exact_against_sampled()
    scores = np.array([run["scores"] for run in stored()["cartpole"]])
    return {"variance_sampled": one["variance"], "variance_exact": 0.0, "entropy": one["entropy"],
            "entropy_most": np.log(4)} | _spread("best", scores.max(1)) | _spread("last", scores[:, -1])  # fmt: skip


if __name__ == "__main__":
    regenerate()
