"""What an action is worth against the average, and what subtracting that average does.

Two fixtures. The penalty shoot-out: the kicker shoots left with probability p, the keeper dives right with
probability q, both named from the kicker's view. One state: left with probability p, returns of mean
(Q_L, Q_R) and standard deviation (sd_L, sd_R). The policy has one parameter, p = sigmoid(θ).
"""

import functools
from typing import NamedTuple

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course import gradients
from rlcourse.course.claims import claim
from rlcourse.envs import corridor, penalty_shootout, two_exits
from rlcourse.returns import rewards_to_go, td_errors

# ---------------------------------------------------------------- the shoot-out


class Kick(NamedTuple):
    """What the kicker's two options are worth, in goals."""

    value: float
    q_left: float
    q_right: float
    a_left: float
    a_right: float


def shootout(p, q, offset=0.0):
    """V, Q and A of the shoot-out, exactly, from its table."""
    V, Q, A = exact.evaluate(penalty_shootout(q, offset=offset), [[p, 1 - p]], gamma=1.0)
    return Kick(V[0].item(), *Q[0].tolist(), *A[0].tolist())


class Tally(NamedTuple):
    """Sampled kicks: the last one, and the estimates from all of them (NaN for a side never tried)."""

    left: bool
    """Where the last kick went."""
    dive_right: bool
    """Where the keeper went for it."""
    lefts: int
    """How many of the kicks went left."""
    means: Kick
    """Monte-Carlo estimates; the advantages are Q minus V of the same sample."""
    errors: Kick
    """Their standard errors (NaN where one kick, or none, was tried)."""


@functools.cache
def _draws(kicks):
    return np.random.default_rng(2).random((2, kicks))


def play(p, q, kicks, offset=0.0):
    """The first `kicks` kicks of a fixed series of 2000. The same draws serve every p and q."""
    kicker, keeper = _draws(2000)[:, :kicks]
    left, dive_right = kicker < p, keeper < q
    goal = np.where(left == dive_right, 1.0, 0.0) + offset
    q_left, e_left = _mean(goal[left])
    q_right, e_right = _mean(goal[~left])
    value, e_value = _mean(goal)
    means = Kick(value, q_left, q_right, q_left - value, q_right - value)
    # Q̂_L - V̂ = (share of rights) (Q̂_L - Q̂_R): the share is noisy, and so are both means.
    share = left.mean()
    spread, jitter = np.hypot(e_left, e_right), abs(q_left - q_right) * np.sqrt(share * (1 - share) / kicks)
    a_left, a_right = np.hypot((1 - share) * spread, jitter), np.hypot(share * spread, jitter)
    errors = Kick(e_value, e_left, e_right, a_left, a_right)
    return Tally(bool(left[-1]), bool(dive_right[-1]), int(left.sum()), means, errors)


def _mean(returns):
    """Mean and standard error; NaN where there are too few returns to say."""
    mean = float(returns.mean()) if len(returns) else np.nan
    error = float(returns.std(ddof=1)) / len(returns) ** 0.5 if len(returns) > 1 else np.nan
    return mean, error


def watched(p, kicks, seed=18):
    """Goals against a keeper who watches: he dives to the side that has been kicked more often so far.

    Args:
        p: probability of a kick to the left; 1 is the kicker who always plays left.
        kicks: how many.
        seed: of the kicks. Before the first kick, and whenever both sides are level, the keeper dives right.

    Returns:
        Array [kicks] of booleans: which kicks scored.
    """
    left = np.random.default_rng(seed).random(kicks) < p
    ahead = np.cumsum(np.where(left, 1, -1)) - np.where(left, 1, -1)  # lefts minus rights before this kick
    return left != (ahead > 0)


# ---------------------------------------------------------------- one state: where the noise comes from


def score(p):
    """Slope of log π(a) in θ, where π(left) = sigmoid(θ) = p: 1 - p for left, -p for right."""
    return np.array([1 - p, -p])


def expected_gradient(p, Q, b):
    """Exact mean of the estimate g(a) (G - b), where b is one number, or one for each action.

    E[g (G - b)] = Σ_a π(a) g(a) (Q(a) - b)
    """
    return np.sum(np.array([p, 1 - p]) * score(p) * (np.asarray(Q) - b))


def best_baseline(p, Q):
    """The constant baseline of least variance.

    b* = E[g² Q] / E[g²] = (1-p) Q_L + p Q_R
    """
    weights = np.array([p, 1 - p]) * score(p) ** 2
    return np.sum(weights * np.asarray(Q)) / weights.sum()


def variance_terms(p, Q, sd, b):
    """The two parts of Var[g (G - b)]; b may be an array of baselines.

        return noise   E[g² Var(G|a)]               no b in it
        action noise   Var[g (Q - b)] = p (1-p) (b - b*)²

    Source: Greensmith et al. 2004.
    """
    pi, g = np.array([p, 1 - p]), score(p)
    return_noise = np.sum(pi * g**2 * np.asarray(sd) ** 2)
    action_noise = p * (1 - p) * (np.asarray(b, dtype=float) - best_baseline(p, Q)) ** 2
    return return_noise, action_noise


def sampled_gradients(p, Q, sd, b, samples=200_000, seed=0):
    """Draws of g(a) (G - b) with Gaussian returns; b is one number, or one for each action."""
    rng = np.random.default_rng(seed)
    action = (rng.random(samples) >= p).astype(int)  # 0 left, 1 right
    returns = np.asarray(Q, float)[action] + np.asarray(sd, float)[action] * rng.standard_normal(samples)
    return score(p)[action] * (returns - np.broadcast_to(b, 2)[action])


STATE = {"p": 0.3, "Q": (5.0, 2.0), "sd": (2.0, 1.0)}
"""The single state that the lesson works by hand: V = 2.9, b* = 4.1."""


# ---------------------------------------------------------------- learning with and without


BASELINES = ("none", "value", "best")


def learners(baseline, *, offset=3.0, step_size=0.5, runs=200, updates=1000, q=1.0, seed=0):
    """Many kickers learning side by side from one kick an update: θ ← θ + η g (G - b).

    Args:
        baseline: "none" (b = 0), "value" (V of the policy as it stands) or "best" (b* of the same).
        offset: added to every pay-off, goal or no goal.
        step_size: η.
        runs, updates: how many kickers, how many kicks each.
        q: probability that the keeper dives right.
        seed: of the kicks; the same for every baseline.

    Returns:
        p after each update, shape [updates + 1, runs], starting at one half.
    """
    constant, slope = {  # b = constant + slope p
        "none": (0.0, 0.0),
        "value": (1 - q + offset, 2 * q - 1),
        "best": (q + offset, 1 - 2 * q),
    }[baseline]
    kicker, keeper = np.random.default_rng(seed).random((2, updates, runs))
    dives_right = keeper < q
    theta, history = np.zeros(runs), np.full((updates + 1, runs), 0.5)
    for t in range(updates):
        p = history[t]
        left = kicker[t] < p
        payoff = (left == dives_right[t]) + offset
        theta += step_size * (left - p) * (payoff - constant - slope * p)
        np.divide(1, 1 + np.exp(-theta), out=history[t + 1])
    return history


STUCK, SOLVED = 0.05, 0.95


def stuck(history):
    """Which runs end on the losing side: the winning kick is played with probability below 5 %."""
    return history[-1] < STUCK


def updates_to_solve(history):
    """Updates until p first exceeds 95 %, for each run; infinite if never."""
    solved = history > SOLVED
    return np.where(solved.any(0), solved.argmax(0), np.inf)


# ---------------------------------------------------------------- the corridor: how much a baseline is worth


@functools.cache
def corridor_estimates(offset=0.0, episodes=40_000):
    """Gradient estimators on the corridor, judged against the exact gradient: name -> gradients.Estimate.

    All of them read the same episodes; `offset` is added to every reward. The values are exact.
    """
    policy, mdp, horizon = gradients.corridor_policy(), corridor(offset), 10
    batch = gradients.sample_corridor(offset=offset, episodes=episodes)
    V, Q, _ = gradients.finite_horizon(mdp, policy, horizon)
    weights = policy * 2 * (1 - policy) ** 2  # π(a|s) |g|², the score of a softmax over two actions
    best = (weights * Q).sum(-1) / weights.sum(-1)

    t = torch.arange(horizon)[:, None].expand(batch.rewards.shape)
    v, q, b = V[t, batch.obs], Q[t, batch.obs, batch.actions], best[t, batch.obs]
    following = torch.cat([V[1:], torch.zeros_like(V[:1])])[t, batch.next_obs]
    rewards = batch.rewards.double()
    to_go = rewards_to_go(rewards, batch.terminated, batch.truncated, gamma=1.0)
    candidates = {
        "reward-to-go": to_go,
        "reward-to-go - V": to_go - v,
        "reward-to-go - b*": to_go - b,
        "one-step, r + V(s') - V(s)": td_errors(rewards, v, following, batch.terminated, gamma=1.0),
        "one-step, V halved": td_errors(rewards, v / 2, following / 2, batch.terminated, gamma=1.0),
        "Q": q,
        "Q - V": q - v,
    }
    truth = gradients.exact_gradient(mdp, policy, horizon)
    return {
        name: gradients.judge(gradients.episode_gradients(batch, policy, weight), truth)
        for name, weight in candidates.items()
    }


# ---------------------------------------------------------------- the critic


EPISODE = ((3, 1), (4, 0), (3, 1), (4, 1), (5, 0), (4, 1), (5, 1), (6, 1))
"""One walk through the two exits, (cell, action) with 0 left, 1 right: twice back, then out on the right."""


class Judgement(NamedTuple):
    """One step of the two exits as the critic sees it."""

    state: int
    action: int
    next_state: int | None
    """None when the walk is over."""
    reward: float
    value: float
    next_value: float
    """0 when the walk is over."""
    delta: float


def judge_step(step, gamma, right):
    """Step 1, 2, ... of `EPISODE`, judged by the exact value of a policy that goes right that often.

    Returns:
        (V, judgement): the value of every cell, and the step.
    """
    mdp = two_exits()
    V = exact.evaluate(mdp, [[1 - right, right]] * mdp.num_states, gamma=gamma).V
    state, action = EPISODE[step - 1]
    following = state + (1 if action else -1)
    over = not 0 <= following < mdp.num_states
    reward, next_value = mdp.rewards[state, action], V.new_tensor(0.0) if over else V[following]
    delta = td_errors(reward[None], V[state, None], next_value[None], torch.tensor([over]), gamma=gamma)
    numbers = (reward.item(), V[state].item(), next_value.item(), delta.item())
    return V.tolist(), Judgement(state, action, None if over else following, *numbers)


# ---------------------------------------------------------------- claims


@claim("CL-01")
def two_sources_of_noise():
    """One state: both parts of the variance for b = 0, V, b* and 20, and the sampled variance for V."""
    value, best = 2.9, best_baseline(STATE["p"], STATE["Q"])
    result = {}
    for name, b in {"plain": 0.0, "value": value, "best": best, "twenty": 20.0}.items():
        result["return_noise"], result[f"action_noise_{name}"] = variance_terms(**STATE, b=b)
    result["sampled_value"] = sampled_gradients(**STATE, b=value).var()
    return result


@claim("CL-05")
def baseline_and_bias():
    """One state: the expected gradient for b = 0, b = 20 and b(a) = (4, 1), one number an action."""
    p, Q, bad = STATE["p"], STATE["Q"], (4.0, 1.0)
    sample = sampled_gradients(**STATE, b=bad)
    return {
        "true_gradient": expected_gradient(p, Q, 0.0),
        "constant_gradient": expected_gradient(p, Q, 20.0),
        "shifted_gradient": expected_gradient(p, Q, bad),
        "sampled_gradient": sample.mean(),
        "sampled_error": sample.std() / len(sample) ** 0.5,
    }


@claim("CL-06")
def value_as_baseline():
    """The variance of the gradient with and without V, in two worlds.

    The corridor with every reward raised by 1, and the shoot-out at p = 0.9, q = 1 (exact).
    """
    rows = corridor_estimates(1.0)
    plain, value = rows["reward-to-go"].variance, rows["reward-to-go - V"].variance
    kick = shootout(0.9, 1.0)
    Q = (kick.q_left, kick.q_right)
    shootout_plain = variance_terms(0.9, Q, (0, 0), 0.0)[1]
    shootout_value = variance_terms(0.9, Q, (0, 0), kick.value)[1]
    return {
        "variance_plain": plain,
        "variance_value": value,
        "variance_ratio": plain / value,
        "shootout_plain": shootout_plain,
        "shootout_value": shootout_value,
        "shootout_ratio": shootout_value / shootout_plain,
        "shootout_best": best_baseline(0.9, Q),
    }


@claim("CL-07")
def best_constant():
    """Variance with V and with b*: in one state, and on the corridor as the share that b* still removes."""
    value, best = sum(variance_terms(**STATE, b=2.9)), sum(variance_terms(**STATE, b=4.1))
    rows = corridor_estimates(0.0)
    gain = 1 - rows["reward-to-go - b*"].variance / rows["reward-to-go - V"].variance
    return {"variance_value": value, "variance_best": best, "corridor_gain": gain}


@claim("CL-08")
def half_a_goal():
    """The shoot-out at p = 0.5, q = 1."""
    kick = shootout(0.5, 1.0)
    return {"value": kick.value, "advantage_left": kick.a_left, "advantage_right": kick.a_right}


@claim("CL-09")
def advantage_of_a_habit():
    """Advantage of left against a keeper who always dives right, for three kickers."""
    rare, usual, always = (shootout(p, 1.0) for p in (0.1, 0.9, 1.0))
    return {
        "advantage_rare": rare.a_left,
        "advantage_usual": usual.a_left,
        "advantage_always": always.a_left,
        "q_left": usual.q_left,
    }


@claim("CL-10")
def what_is_learned():
    """8000 kickers, 1000 kicks each, η = 0.5, every pay-off raised by 3, the keeper always dives right.

    Which share is locked on the losing side at the end, and the median number of kicks in which the others
    bring p above 0.95; the same median where the pay-off is 0 or 1; and the locked share after 10,000 kicks.
    """
    runs, result = 8_000, {}
    for name, label in (("none", "plain"), ("value", "value")):
        history = learners(name, runs=runs)
        lost = stuck(history)
        result[f"stuck_{label}"] = lost.mean()
        result[f"updates_{label}"] = np.median(updates_to_solve(history)[~lost])
        history = learners(name, offset=0.0, runs=2_000, updates=400)
        result[f"updates_{label}_no_offset"] = np.median(updates_to_solve(history))
    result["stuck_error"] = (result["stuck_plain"] * (1 - result["stuck_plain"]) / runs) ** 0.5
    result["stuck_plain_late"] = stuck(learners("none", runs=1_000, updates=10_000)).mean()
    return result


@claim("CL-11")
def one_value_function_is_enough():
    """Corridor, exact V, data of the current policy: one-step advantages against reward-to-go minus V."""
    rows = corridor_estimates(0.0)
    one_step, to_go = rows["one-step, r + V(s') - V(s)"], rows["reward-to-go - V"]
    return {
        "largest_z": one_step.largest_z,
        "variance_one_step": one_step.variance,
        "variance_to_go": to_go.variance,
        "variance_ratio": to_go.variance / one_step.variance,
        "largest_z_wrong_critic": rows["one-step, V halved"].largest_z,
    }
