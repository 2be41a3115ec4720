"""What a replay buffer does to data, and what off-policy actors and critics need.

Fixtures. One state with three actions: an old policy β filled the buffer, a new policy π is to be improved. A ring
of four rooms: stay, or step on; stepping on from the last room pays. A stream of numbers, each nearly equal to the
one before, from which a small network learns a curve.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import softmax

from rlcourse import exact
from rlcourse.course import gradients
from rlcourse.course.claims import claim
from rlcourse.envs import TabularVectorEnv, two_exits
from rlcourse.exact import FiniteMDP
from rlcourse.lessons.off_policy_actor_critic.runs import STEPS, mean_score
from rlcourse.lessons.off_policy_actor_critic.stream import (
    observation_correlation,
    online_regression,
)
from rlcourse.objectives import td_target
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

    def std(self, batch=1):
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


def effective_share(old=OLD, new=NEW):
    """Which share of the samples is left when they are weighted with ρ = π/β: 1 / E_β[ρ²], one if β = π.

    The mean of n weights has the relative variance (E[ρ²] - 1) / n; n times this share is the effective sample size.

    Source: Kong 1992.
    """
    old, new = np.asarray(old, float), np.asarray(new, float)
    return float(1 / (new**2 / old).sum())


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
        policy = softmax(logits, axis=-1)
        worth = q - (policy @ q)[:, None] if baseline else q + offset  # V holds the offset too: it cancels
        drawn = rng.multinomial(batch, policy) / batch * worth
        logits += step_size * (drawn - policy * drawn.sum(1, keepdims=True))
    return softmax(logits, axis=-1)


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


CRITIC_STEPS = (0.01, 0.05, 0.2)
"""Step sizes of the critic that learns from a record."""
USES = (0, 1, 2, 4, 8, 16)
"""How often each step of the record is used."""


@functools.cache
def from_a_record(critic_step=0.05, steps=1_000, runs=200, batch=8, noise=0.5, gamma=0.97, seed=0):
    """Two exits: learn from a random walker's steps, and never take one of one's own.

    Each of `runs` learners has its own record, a table Q and a table of preferences. Every update draws `batch` rows,
    moves Q(s, a) by `critic_step` towards r + γ (1 - d) Q(s', a') with a' ~ π, and the preference by 0.3 times the
    gradient at s with a fresh action and weight Q - V.

    Returns:
        Mean value of the policy in the start state when each stored step was used as often as USES says.
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

    values = [_value_of(mdp, right, gamma)]
    for update in range(1, max(USES) * steps // batch + 1):
        drawn, chances = rng.integers(steps, size=(runs, batch)), rng.random((2, runs, batch))
        s, a, r, after, over = (column[rows, drawn] for column in (obs, actions, rewards, next_obs, ended))
        next_action = chances[0] < go_right(after)
        error = r + gamma * ~over * table[rows, 2 * after + next_action] - table[rows, 2 * s + a]
        np.add.at(table, (rows, 2 * s + a), critic_step * error)
        p = go_right(s)
        fresh = chances[1] < p
        left_q, right_q = table[rows, 2 * s], table[rows, 2 * s + 1]
        advantage = np.where(fresh, right_q, left_q) - (1 - p) * left_q - p * right_q
        np.add.at(right, (rows, s), 0.3 * advantage * (fresh - p))
        if update * batch in {often * steps for often in USES}:
            values.append(_value_of(mdp, right, gamma))
    return values


def always_right(gamma=0.97):
    """Value of the start state for the policy that always goes right."""
    return _value_of(two_exits(), np.full((1, 7), 30.0), gamma)


def _value_of(mdp, right, gamma):
    """Mean value in the start state of policies with these logits [runs, S] of going right."""
    p = 1 / (1 + np.exp(-right.clip(-30, 30)))
    policy = np.stack([1 - p, p], -1)
    moves = np.eye(7) - gamma * np.einsum("nsa,sat->nst", policy, mdp.transitions.numpy())
    return float(np.linalg.solve(moves, (policy * mdp.rewards.numpy()).sum(-1)[..., None])[:, 3, 0].mean())


# ---------------------------------------------------------------- claims


def one_state():
    """The single state, exactly: cosines, variances of one sample, and standard deviations of a batch."""
    plain, quiet = estimators(), estimators(baseline=True)
    high, high_quiet = estimators(offset=100.0), estimators(offset=100.0, baseline=True)
    buffer, weighted, fresh = ESTIMATORS
    return {
        "cosine_buffer": plain[buffer].cosine,
        "cosine_buffer_baseline": quiet[buffer].cosine,
        "cosine_weighted": plain[weighted].cosine,
        "cosine_fresh": plain[fresh].cosine,
        "variance_weighted": plain[weighted].std() ** 2,
        "variance_fresh": plain[fresh].std() ** 2,
        "ratio_square": 1 / effective_share(),
        "effective_share": effective_share(),
        "norm": float(np.linalg.norm(true_gradient())),
        "sd_q": plain[fresh].std(64),
        "sd_advantage": quiet[fresh].std(64),
        "sd_q_offset": high[fresh].std(64),
        "sd_q_offset_256": high[fresh].std(256),
        "sd_advantage_offset": high_quiet[fresh].std(64),
    }


@claim("CL-21", trained=True)
def memory_pays():
    """Two exits: what a policy learns from 1,000 steps of a random walker alone, by uses and the critic's step size.

    CartPole, one update per step: a buffer of everything against a buffer of one batch, 16 seeds each.
    """
    once, four, sixteen = (USES.index(often) for often in (1, 4, 16))
    result = {"value_before": from_a_record()[0]}
    for label, critic_step in zip(("_slow", "", "_fast"), CRITIC_STEPS, strict=True):
        values = from_a_record(critic_step)
        named = {"value_once": values[once], "value_4": values[four], "value_16": values[sixteen]}
        result |= {name + label: value for name, value in named.items()}
    return {
        **result,
        "steps": STEPS,
        **mean_score("now, Q−V", "all"),
        **mean_score("buffer of one batch", "short"),
    }


@claim("CL-22", trained=True)
def whose_actions():
    """One state, exactly, and random states: where stored actions point, and how many samples ratios leave.

    CartPole: actions stored and drawn now, with weight Q and Q - V.
    """
    state = one_state()
    names = (
        "cosine_buffer",
        "cosine_buffer_baseline",
        "cosine_weighted",
        "cosine_fresh",
        "variance_weighted",
        "variance_fresh",
        "ratio_square",
        "effective_share",
    )
    downhill_q, downhill_baseline = downhill()
    return {
        **{name: state[name] for name in names},
        "downhill_q": downhill_q,
        "downhill_baseline": downhill_baseline,
        **mean_score("now, Q", "fresh_q"),
        **mean_score("buffer, Q", "buffer_q"),
        **mean_score("now, Q−V", "fresh"),
        **mean_score("buffer, Q−V", "buffer"),
    }


@claim("CL-23", loose={"found_q_10": 500, "found_q_100": 500, "found_q_100_256": 500})
def batch_or_baseline():
    """One state, actions drawn now: the noise of a batch with Q and with Q - V, before and after +100.

    And which share of 500 runs finds the best action, with weight Q raised by 0, 10 and 100, or with Q - V. Raised, a
    step stretches what sets two runs apart, the last digit as well: after 500 updates that decides single runs.
    """
    state = one_state()
    names = ("norm", "sd_q", "sd_advantage", "sd_q_offset", "sd_q_offset_256", "sd_advantage_offset")
    cases = {
        "found_q_0": (0, False, 64),
        "found_q_10": (10, False, 64),
        "found_q_100": (100, False, 64),
        "found_q_100_256": (100, False, 256),
        "found_advantage": (100, True, 64),
    }
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
    names = {
        "as it comes": "stream",
        "replay, 100": "100",
        "replay, 1000": "1000",
        "replay, all": "all",
        "shuffled": "shuffled",
    }
    result = {}
    for name, fits in online_regression().items():
        result[f"rmse_{names[name]}"] = fits.errors.mean()
        result[f"error_{names[name]}"] = fits.errors.std(ddof=1) / len(fits.errors) ** 0.5
        result[f"lag1_{names[name]}"] = fits.lag1
    local = online_regression("local")
    result |= {f"local_{names[name]}": local[name].errors.mean() for name in ("as it comes", "shuffled")}
    lags = observation_correlation()
    return {**result, "pendulum_low": min(lags), "pendulum_high": max(lags)}
