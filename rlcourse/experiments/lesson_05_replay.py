"""Lesson 5, second half: what a replay buffer does to data, and what off-policy actors and critics need.

Fixtures. One state with three actions: an old policy β filled the buffer, a new policy π is to be improved. A ring
of four rooms: stay, or step on; stepping on from the last room pays. A stream of numbers, each nearly equal to the
one before, from which a small network learns a curve.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from rlcourse import exact, training
from rlcourse.algorithms import OffPolicyActorCritic
from rlcourse.envs import TabularVectorEnv, make_envs, two_exits
from rlcourse.exact import FiniteMDP
from rlcourse.experiments import claim, gradients
from rlcourse.objectives import policy_gradient, td_target
from rlcourse.replay import ReplayBuffer
from rlcourse.rollout import Collector

# ---------------------------------------------------------------- one state: which actions the actor may learn from


OLD, NEW, Q = (0.7, 0.2, 0.1), (0.14, 0.23, 0.63), (1.0, 2.0, 1.5)
"""The state of the lesson: β(a) of the buffer, π(a) of today, Q(a)."""

ESTIMATORS = ("buffer's action", "importance weighted", "drawn now")


class Estimate(NamedTuple):
    """A gradient estimate in the three logits, from one sample."""

    mean: np.ndarray
    """Expected gradient, shape [A]."""
    covariance: np.ndarray
    """Of one sample, shape [A, A]."""
    cosine: float
    """Between the mean and the true gradient; NaN if one of them is zero."""

    def spread(self, batch=1):
        """Root of the total variance of a mean over `batch` samples."""
        return float(np.sqrt(max(np.trace(self.covariance), 0.0) / batch))


def true_gradient(new=NEW, q=Q):
    """∂/∂logit Σ_a π(a) Q(a) = π(a) (Q(a) - V), shape [A]."""
    new, q = np.asarray(new, float), np.asarray(q, float)
    return new * (q - new @ q)


def _ways(old, new, q, offset, baseline):
    """From which distribution each estimator draws a, and the weight w(a) of ∇ log π(a)."""
    old, new, q = (np.asarray(x, float) for x in (old, new, q))
    worth = q + offset
    if baseline:
        worth = worth - new @ worth
    return dict(zip(ESTIMATORS, ((old, worth), (old, new / old * worth), (new, worth)), strict=True))


def estimators(old=OLD, new=NEW, q=Q, offset=0.0, baseline=False):
    """Three estimates of one gradient, exactly: name -> Estimate.

        ĝ = w(a) (e_a - π)      a weight, times the score of a softmax

    The buffer's action: a ~ β, w = Q. Importance weighted: a ~ β, w = π(a)/β(a) Q. Drawn now: a ~ π, w = Q. With a
    baseline, Q - V stands in place of Q, V = Σ_a π(a) Q(a). `offset` is added to every Q, which leaves the true
    gradient as it is.

    Source: Degris et al. 2012; Sutton & Barto 2018, section 13.4.
    """
    truth, score = true_gradient(new, q), np.eye(len(new)) - np.asarray(new, float)
    result = {}
    for name, (drawn_from, weight) in _ways(old, new, q, offset, baseline).items():
        mean = (drawn_from * weight) @ score
        second = np.einsum("a,ai,aj->ij", drawn_from * weight**2, score, score)
        lengths = np.linalg.norm(mean) * np.linalg.norm(truth)
        cosine = float(mean @ truth / lengths) if lengths > 1e-12 else np.nan
        result[name] = Estimate(mean, second - np.outer(mean, mean), cosine)
    return result


def sampled(name, count, seed=0, *, old=OLD, new=NEW, q=Q, offset=0.0, baseline=False):
    """Draws of one of the three estimators, shape [count, A]."""
    drawn_from, weight = _ways(old, new, q, offset, baseline)[name]
    actions = np.random.default_rng(seed).choice(len(new), size=count, p=drawn_from)
    return weight[actions, None] * (np.eye(len(new))[actions] - np.asarray(new, float))


def downhill(actions=3, states=20_000, seed=0):
    """In which share of random states the buffer's action points away from the gradient: with Q, and with Q - V.

    β and π are uniform on the simplex, Q is standard normal, raised by 3 in the first number.
    """
    rng = np.random.default_rng(seed)
    old, new = rng.dirichlet(np.ones(actions), (2, states))
    q = rng.standard_normal((states, actions))
    truth = new * (q - (new * q).sum(-1, keepdims=True))
    shares = []
    for worth in (q + 3, q - (new * q).sum(-1, keepdims=True)):
        mean = old * worth - new * (old * worth).sum(-1, keepdims=True)
        shares.append(float(((mean * truth).sum(-1) < 0).mean()))
    return shares


def learners(offset, baseline, batch=64, step_size=0.3, runs=500, updates=500, seed=0):
    """Learn in the single state with actions drawn now, many learners side by side, from equal preferences.

        logits ← logits + η mean of (Q + offset) (e_a - π),    or with Q - V

    Returns:
        π after the last update, shape [runs, 3].
    """
    rng, q, logits = np.random.default_rng(seed), np.asarray(Q), np.zeros((runs, 3))
    for _ in range(updates):
        policy = _softmax(logits)
        worth = q - (policy @ q)[:, None] if baseline else q + offset     # V holds the offset too: it cancels
        drawn = rng.multinomial(batch, policy) / batch * worth
        logits += step_size * (drawn - policy * drawn.sum(1, keepdims=True))
    return _softmax(logits)


def _softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


# ---------------------------------------------------------------- four rooms: what a critic learns from old data


GAMMA = 0.9


def ring():
    """Four rooms in a ring: action 0 stays, action 1 steps on; stepping on from the last room pays 2."""
    transitions, rewards = torch.zeros(4, 2, 4), torch.zeros(4, 2)
    for room in range(4):
        transitions[room, 0, room] = transitions[room, 1, (room + 1) % 4] = 1.0
    rewards[3, 1] = 2.0
    return FiniteMDP(transitions, rewards)


def ring_policy(go):
    """π(a|s) that steps on with this probability in every room."""
    return torch.tensor([[1 - go, go]] * 4, dtype=torch.float64)


OLD_GO, NEW_GO = 0.5, 0.9
"""How often the policy that filled the buffer stepped on, and how often today's does."""


class Critics(NamedTuple):
    """True values of both policies, and what three critics learned from the same buffer."""

    old: exact.Evaluation
    new: exact.Evaluation
    V: torch.Tensor
    """TD(0) on V, shape [S]."""
    Q: torch.Tensor
    """TD on Q with a' drawn from today's policy, shape [S, A]."""
    Q_stored: torch.Tensor
    """TD on Q with a' drawn from the old policy, shape [S, A]."""


@functools.cache
def critics(updates=2_000, batch=64, seed=0):
    """Fit three tables to 4,000 steps of the old policy, minibatch by minibatch, with falling step sizes.

        V(s)   ← V(s)   + η (r + γ V(s') - V(s))
        Q(s,a) ← Q(s,a) + η (r + γ Q(s',a') - Q(s,a)),    a' ~ π today, or a' ~ β of old
    """
    mdp, old, new = ring(), ring_policy(OLD_GO), ring_policy(NEW_GO)
    envs = TabularVectorEnv(mdp, num_envs=40)
    buffer = ReplayBuffer(4_000, envs.single_observation_space, envs.single_action_space, seed=seed)
    buffer.add(Collector(envs, seed=seed).collect(gradients.TablePolicy(old, seed + 1), steps=100))
    rng = np.random.default_rng(seed)
    V, Qs = torch.zeros(4), {name: torch.zeros(4, 2) for name in ("new", "old")}
    for update in range(updates):
        rate = 0.5 / (1 + update / 200)
        rows = buffer.sample(batch)
        move(V, rows.obs, td_target(rows.rewards, V[rows.next_obs], rows.terminated, gamma=GAMMA), rate)
        draws = torch.from_numpy(rng.random(batch))
        for name, go in (("new", NEW_GO), ("old", OLD_GO)):
            next_actions = (draws < go).long()
            table = Qs[name]
            target = td_target(rows.rewards, table[rows.next_obs, next_actions], rows.terminated, gamma=GAMMA)
            move(table.view(-1), 2 * rows.obs + rows.actions, target, rate)
    return Critics(
        exact.evaluate(mdp, old, gamma=GAMMA), exact.evaluate(mdp, new, gamma=GAMMA), V, Qs["new"], Qs["old"]
    )


def move(table, rows, targets, rate):
    """Move each entry of a table by `rate` towards the mean of its targets, in place."""
    counts = torch.bincount(rows, minlength=len(table))
    sums = torch.bincount(rows, weights=targets - table[rows], minlength=len(table))
    table += (rate * sums / counts.clamp_min(1)).to(table.dtype)


def distance(estimate, truth):
    """Root mean squared difference of two tables."""
    return (estimate - truth).pow(2).mean().sqrt().item()


def surrogate_cosine(old_right=0.3, new_right=0.7, gamma=0.97):
    """Cosine between the true gradient and the one averaged over the buffer's states, on the two exits.

    Actions are today's in both, so the only difference is how often a state counts: as often as today's policy
    visits it, or as often as the old one did.

    Source: Degris et al. 2012, eq. 4.
    """
    mdp = two_exits()
    new, old = (torch.tensor([[1 - p, p]] * 7, dtype=torch.float64) for p in (new_right, old_right))
    start = torch.zeros(7)
    start[3] = 1.0
    truth = exact.policy_gradient(mdp, new, start, gamma=gamma)
    scores = new * exact.evaluate(mdp, new, gamma=gamma).A
    replayed = exact.visits(mdp, old, start, gamma=gamma)[:, None] * scores
    return torch.cosine_similarity(truth.flatten(), replayed.flatten(), dim=0).item()


@functools.cache
def from_memory_alone(steps=1_000, passes=(1, 4, 16), runs=200, batch=8, noise=0.5, gamma=0.97, seed=0):
    """Two exits: learn from a random walker's steps, and never take one of one's own.

    Each of `runs` learners has its own record, a table Q and a table of preferences. Every update draws `batch` rows,
    moves Q(s, a) by 0.05 towards r + γ (1 - d) Q(s', a') with a' ~ π, and the preference by 0.3 times the gradient at
    s with a fresh action and weight Q - V.

    Returns:
        Mean value of the policy in the start state: before learning, and when each stored step was used so often.
    """
    mdp, rng, rows = two_exits(), np.random.default_rng(seed), np.arange(runs)[:, None]
    old = torch.full((7, 2), 0.5, dtype=torch.float64)
    envs = TabularVectorEnv(mdp, start=3, reward_noise=noise, num_envs=runs)
    record = Collector(envs, seed=seed).collect(gradients.TablePolicy(old, seed + 1), steps=steps)
    obs, actions, rewards, next_obs, ended = (
        getattr(record, name).numpy().T for name in ("obs", "actions", "rewards", "next_obs", "terminated")
    )
    table, right = np.zeros((runs, 14)), np.zeros((runs, 7))  # Q(s, a) at 2 s + a, and the logit of going right

    def go_right(states):
        return 1 / (1 + np.exp(-right[rows, states].clip(-30, 30)))

    def value():
        p = 1 / (1 + np.exp(-right.clip(-30, 30)))
        policy = np.stack([1 - p, p], -1)
        moves = np.eye(7) - gamma * np.einsum("nsa,sat->nst", policy, mdp.transitions.numpy())
        return np.linalg.solve(moves, (policy * mdp.rewards.numpy()).sum(-1)[..., None])[:, 3, 0].mean()

    values = [value()]
    for update in range(1, max(passes) * steps // batch + 1):
        drawn, chances = rng.integers(steps, size=(runs, batch)), rng.random((2, runs, batch))
        s, a, r, after, over = (column[rows, drawn] for column in (obs, actions, rewards, next_obs, ended))
        next_action = chances[0] < go_right(after)
        error = r + gamma * ~over * table[rows, 2 * after + next_action] - table[rows, 2 * s + a]
        np.add.at(table, (rows, 2 * s + a), 0.05 * error)
        p = go_right(s)
        fresh = chances[1] < p
        left_q, right_q = table[rows, 2 * s], table[rows, 2 * s + 1]
        advantage = np.where(fresh, right_q, left_q) - (1 - p) * left_q - p * right_q
        np.add.at(right, (rows, s), 0.3 * advantage * (fresh - p))
        if update * batch in {often * steps for often in passes}:
            values.append(value())
    return values


# ---------------------------------------------------------------- a stream that hardly changes: learning online


KEEP = 0.999
"""Correlation of one number of the stream with the next; two that lie 1000 steps apart have 0.37."""


def stream(runs, length, seed=0, keep=KEEP):
    """x_{t+1} = keep x_t + noise, with mean 0 and standard deviation 1 at all times; shape [runs, length]."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((runs, length))
    x[:, 1:] *= (1 - keep**2) ** 0.5
    for t in range(1, length):
        x[:, t] += keep * x[:, t - 1]
    return x


def orders(runs, length, seed=0):
    """Five orders in which to learn from the same stream: name -> which step is used at each update."""
    rng, t = np.random.default_rng(seed), np.arange(length)

    def replayed(capacity):
        oldest = np.maximum(t - capacity + 1, 0)
        return oldest + (rng.random((runs, length)) * (t - oldest + 1)).astype(int)

    return {
        "as it comes": np.tile(t, (runs, 1)),
        "replay, 100": replayed(100),
        "replay, 1000": replayed(1_000),
        "replay, all": replayed(length),
        "shuffled": np.stack([rng.permutation(length) for _ in range(runs)]),
    }


class Fits(NamedTuple):
    """How well a curve was learned in one order, for every run."""

    errors: np.ndarray
    """Root mean squared error on the whole stream, shape [runs]."""
    lag1: float
    """Correlation of one training sample with the next."""
    curves: np.ndarray
    """The fitted curve of each run on GRID."""


GRID = np.linspace(-1.6, 1.6, 81)


@functools.cache
def online_regression(features="network", runs=10, length=8_000, seed=0):
    """Learn sin 3x from a slow stream, one sample an update: name of the order -> Fits.

    "network": 32 tanh units, every weight of which serves every x; step size 0.02 on the squared error.
    "local": 45 narrow bumps, of which each x moves only its neighbours.
    """
    x = 0.7 * stream(runs, length, seed)
    ways = orders(runs, length, seed + 1)
    used = np.concatenate([np.take_along_axis(x, order, 1) for order in ways.values()])
    predict = (_train_network if features == "network" else _train_bumps)(used.T.copy(), runs, seed)
    seen = np.tile(x[:, ::20], (len(ways), 1))
    errors = np.sqrt(((predict(seen) - np.sin(3 * seen)) ** 2).mean(1)).reshape(len(ways), runs)
    curves = predict(np.tile(GRID, (len(used), 1))).reshape(len(ways), runs, -1)
    centred = used - used.mean(1, keepdims=True)
    lag1 = ((centred[:, 1:] * centred[:, :-1]).mean(1) / centred.var(1)).reshape(len(ways), runs).mean(1)
    return {name: Fits(errors[i], float(lag1[i]), curves[i]) for i, name in enumerate(ways)}


def _train_network(inputs, runs, seed, width=32, rate=0.02):
    """One network a column of inputs [T, columns], all side by side; returns x [columns, n] -> predictions."""
    rng, copies = np.random.default_rng(seed + 2), inputs.shape[1] // runs
    W, b, v = (np.tile(rng.uniform(-1, 1, (runs, width)), (copies, 1)) for _ in range(3))
    v /= width**0.5
    c, targets = np.zeros(len(W)), np.sin(3 * inputs)
    for x, y in zip(inputs, targets, strict=True):
        h = np.tanh(x[:, None] * W + b)
        step = 2 * rate * ((h * v).sum(1) + c - y)[:, None]
        back = step * v * (1 - h * h)
        v -= step * h
        c -= step[:, 0]
        W -= back * x[:, None]
        b -= back
    return lambda x: (np.tanh(x[..., None] * W[:, None] + b[:, None]) * v[:, None]).sum(-1) + c[:, None]


def _train_bumps(inputs, runs, seed, rate=0.5):
    centres = np.linspace(-3, 3, 45)

    def bumps(x):
        heights = np.exp(-(((x[..., None] - centres) / 0.15) ** 2) / 2)
        return heights / heights.sum(-1, keepdims=True)

    weights = np.zeros((inputs.shape[1], len(centres)))
    for x in inputs:
        h = bumps(x)
        weights -= rate * ((h * weights).sum(1) - np.sin(3 * x))[:, None] * h
    return lambda x: (bumps(x) * weights[:, None]).sum(-1)


def observation_correlation(env_id="Pendulum-v1", steps=2_000):
    """Correlation of successive observations under random actions, one number for each coordinate."""
    envs = make_envs(env_id, 4)
    envs.action_space.seed(0)

    class Random:
        def act(self, obs):
            return envs.action_space.sample()

    rows = Collector(envs, seed=0).collect(Random(), steps=steps)
    now, then = rows.obs.flatten(0, 1).double(), rows.next_obs.flatten(0, 1).double()
    return [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(now.T, then.T, strict=True)]


# ---------------------------------------------------------------- under the microscope: one minibatch


LONGEST = 100_000
MEMORY_OF_THE_POLICY = 20_000
"""After so many steps the policy of the microscope has little in common with what it was."""


def mixing(capacity, keep=KEEP):
    """Correlation of two rows drawn one after the other from a buffer that holds a slow stream.

        mean of keep^|i-j| over all i, j = 1..C
    """
    n, k = capacity, keep
    return (n * (1 + k) / (1 - k) - 2 * k * (1 - k**n) / (1 - k) ** 2) / n**2


def mean_age(capacity):
    """Steps since a row of a full buffer was stored, on average: ages 0, 1, ..., C - 1 are equally likely."""
    return (capacity - 1) / 2


def expected_repeats(capacity, batch):
    """How many rows of a minibatch are there a second time: B - C (1 - (1 - 1/C)^B)."""
    return batch - capacity * -np.expm1(batch * np.log1p(-1 / capacity)) if capacity > 1 else batch - 1.0


@functools.cache
def _mismatch_curve():
    """Ages, and E_{a~β}|π/β - 1| = Σ_a |π(a) - β(a)| between today's policy and that of so many steps ago.

    In each of 4000 states the logits of three actions wander and return, as an autoregressive process does.
    """
    rng = np.random.default_rng(5)
    today, other = 1.5 * rng.standard_normal((2, 4_000, 3))

    ages = np.concatenate([[0], np.geomspace(1, 2 * LONGEST, 120)])
    alike = np.exp(-ages / MEMORY_OF_THE_POLICY)
    gaps = [np.abs(_softmax(c * today + (1 - c * c) ** 0.5 * other) - _softmax(today)).sum(-1).mean() for c in alike]
    return ages, np.array(gaps)


def mismatch(ages):
    """Mean |ρ - 1| of data of this age, ρ = π(a|s)/β(a|s), for a policy that changes steadily."""
    return np.interp(ages, *_mismatch_curve())


def mean_mismatch(capacity):
    """The same for a whole buffer."""
    return float(mismatch(np.unique(np.linspace(0, capacity - 1, 2_001).round())).mean())


class Minibatch(NamedTuple):
    """What the microscope shows."""

    ages: np.ndarray
    """Steps since each drawn row was stored, shape [B]."""
    repeats: int
    """Rows that are in the minibatch a second time."""
    fed: np.ndarray
    """The stream's values in the order in which they are trained on."""


@functools.cache
def _microscope_draws():
    rng = np.random.default_rng(11)
    return rng.random(256), rng.random(240), stream(1, LONGEST + 2_000, seed=3)[0]


def minibatch(capacity, batch, updates_per_step=1.0):
    """One minibatch of a full buffer, and the next 240 rows that training sees. The same draws serve every setting."""
    uniform, order, values = _microscope_draws()
    ages = (uniform[:batch] * capacity).astype(int)
    now = LONGEST + (np.arange(len(order)) / (batch * updates_per_step)).astype(int)
    fed = values[now - (order * capacity).astype(int)]
    return Minibatch(ages, batch - len(np.unique(ages)), fed)


# ---------------------------------------------------------------- CartPole: the whole algorithm, with one line changed


class OffPolicyVariant(OffPolicyActorCritic):
    """Off-policy actor-critic in which the actor's weight, or the origin of its actions, can be spoilt."""

    @dataclass(frozen=True)
    class Config(OffPolicyActorCritic.Config):
        resample: bool = True
        """Draw the actor's actions from today's policy; False takes those stored in the buffer."""
        baseline: bool = True
        """Weight log π with Q - V; False with Q alone."""

    def actor_loss(self, batch):
        """Line 6, with both choices open."""
        policy = self.actor(batch.obs)
        actions = self.draw(policy) if self.config.resample else batch.actions
        with torch.no_grad():
            q = self.critic.all_actions(batch.obs)
            weights = q.gather(-1, actions[..., None]).squeeze(-1)
            if self.config.baseline:
                weights = weights - (policy.probs * q).sum(-1)
        return -policy_gradient(policy.log_prob(actions), weights)


STEPS, SEEDS = 6_000, 3
VARIANTS = {
    "now, Q−V": OffPolicyVariant.Config(),
    "now, Q": OffPolicyVariant.Config(baseline=False),
    "buffer, Q−V": OffPolicyVariant.Config(resample=False),
    "buffer, Q": OffPolicyVariant.Config(resample=False, baseline=False),
    "memory of one batch": OffPolicyVariant.Config(capacity=128),
}
"""From where the actor takes its action, drawn now or the buffer's, and its weight."""


@functools.cache
def cartpole(name, seed):
    """Train one variant on CartPole.

    Returns:
        (late, whole): the mean return of the episodes that ended in the last fifth of the steps, and the mean over
        the run of the return of the episode under way.
    """
    history = training.train(
        OffPolicyVariant, "CartPole-v1", total_steps=STEPS, seed=seed, config=VARIANTS[name], progress=False
    )
    late = history.returns[history.steps > 0.8 * STEPS]
    if not len(late):
        late = history.returns[-1:]
    return float(late.mean()), float((history.returns**2).sum() / history.returns.sum())


def scores(name, which=0):
    """One score a seed."""
    return [cartpole(name, seed)[which] for seed in range(SEEDS)]


def spread(name, label, which=0):
    """Mean, lowest and highest score over the seeds, as fields of a claim."""
    found = scores(name, which)
    return {label: float(np.mean(found)), f"{label}_low": min(found), f"{label}_high": max(found)}


# ---------------------------------------------------------------- claims


def one_state():
    """The single state, exactly: cosines, variances of one sample, and spreads of a batch."""
    plain, quiet = estimators(), estimators(baseline=True)
    high, high_quiet = estimators(offset=100.0), estimators(offset=100.0, baseline=True)
    buffer, weighted, fresh = ESTIMATORS
    return {
        "cosine_buffer": plain[buffer].cosine,
        "cosine_buffer_baseline": quiet[buffer].cosine,
        "cosine_weighted": plain[weighted].cosine,
        "cosine_fresh": plain[fresh].cosine,
        "variance_weighted": plain[weighted].spread() ** 2,
        "variance_fresh": plain[fresh].spread() ** 2,
        "norm": float(np.linalg.norm(true_gradient())),
        "sd_q": plain[fresh].spread(64),
        "sd_advantage": quiet[fresh].spread(64),
        "sd_q_offset": high[fresh].spread(64),
        "sd_q_offset_256": high[fresh].spread(256),
        "sd_advantage_offset": high_quiet[fresh].spread(64),
    }


@claim("CL-21", trained=True)
def memory_pays():
    """Two exits: what a policy learns from 1,000 steps of a random walker alone, each used once, 4 or 16 times.

    CartPole, one update a step: a memory of everything against a memory of one batch, three seeds each.
    """
    start, once, four, sixteen = from_memory_alone()
    return {
        "value_before": start, "value_once": once, "value_4": four, "value_16": sixteen, "steps": STEPS,
        **spread("now, Q−V", "all"), **spread("memory of one batch", "short"),
    }  # fmt: skip


@claim("CL-22", trained=True)
def whose_actions():
    """One state, exactly, and random states: where stored actions point. CartPole: both, with Q and Q - V."""
    state = one_state()
    names = ("cosine_buffer", "cosine_buffer_baseline", "cosine_weighted", "cosine_fresh", "variance_weighted",
             "variance_fresh")  # fmt: skip
    downhill_q, downhill_baseline = downhill()
    return {
        **{name: state[name] for name in names},
        "downhill_q": downhill_q,
        "downhill_baseline": downhill_baseline,
        **spread("now, Q", "fresh_q"),
        **spread("buffer, Q", "buffer_q"),
        **spread("now, Q−V", "fresh"),
        **spread("buffer, Q−V", "buffer"),
    }


@claim("CL-23", loose={"found_q_10": 500, "found_q_100": 500, "found_q_100_256": 500})
def batch_or_baseline():
    """One state, actions drawn now: the spread of a batch with Q and with Q - V, before and after +100.

    And which share of 500 runs finds the best action, with weight Q raised by 0, 10 and 100, or with Q - V. Raised, a
    step stretches what sets two runs apart, the last digit as well: after 500 updates that decides single runs.
    """
    state = one_state()
    names = ("norm", "sd_q", "sd_advantage", "sd_q_offset", "sd_q_offset_256", "sd_advantage_offset")
    cases = {
        "found_q_0": (0, False, 64), "found_q_10": (10, False, 64), "found_q_100": (100, False, 64),
        "found_q_100_256": (100, False, 256), "found_advantage": (100, True, 64),
    }  # fmt: skip
    found = {name: (learners(*case)[:, 1] > 0.9).mean() for name, case in cases.items()}
    return {**{name: state[name] for name in names}, **found}


@claim("CL-24")
def critics_of_old_data():
    """Four rooms, data of an old policy: how far each critic is from the values of both policies."""
    found = critics()
    return {
        "v_from_new": distance(found.V, found.new.V),
        "v_from_old": distance(found.V, found.old.V),
        "q_from_new": distance(found.Q, found.new.Q),
        "q_stored_from_new": distance(found.Q_stored, found.new.Q),
        "q_stored_from_old": distance(found.Q_stored, found.old.Q),
    }


@claim("CL-39")
def order_of_the_samples():
    """Ten networks learn one curve from the same slow stream in five orders; and bumps in place of the network."""
    names = {"as it comes": "stream", "replay, 100": "100", "replay, 1000": "1000", "replay, all": "all",
             "shuffled": "shuffled"}
    result = {}
    for name, fits in online_regression().items():
        result[f"rmse_{names[name]}"] = fits.errors.mean()
        result[f"error_{names[name]}"] = fits.errors.std(ddof=1) / len(fits.errors) ** 0.5
        result[f"lag1_{names[name]}"] = fits.lag1
    local = online_regression("local")
    result |= {f"local_{names[name]}": local[name].errors.mean() for name in ("as it comes", "shuffled")}
    lags = observation_correlation()
    return {**result, "pendulum_low": min(lags), "pendulum_high": max(lags)}
