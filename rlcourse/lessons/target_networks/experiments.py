"""Targets that run away, copies that lag, and targets that are too high.

Fixtures. The chase: a linear critic runs after a target that its own copy sets. One state whose actions are all worth
nothing, so that whatever a maximum finds there is error; and a continuum of actions with smooth errors on top. The
populations of whole agents are in `runs`.
"""

import functools
import math
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch

from rlcourse.algorithms.ddpg import DDPG
from rlcourse.course import pendulum, study
from rlcourse.course.claims import claim
from rlcourse.course.puck import NETWORKS, distance, parameters, puck_agent
from rlcourse.lessons.target_networks import runs
from rlcourse.networks import polyak_update

# ---------------------------------------------------------------- the chase


SCHEMES = ("moving", "hard copy", "Polyak")


def _strength(gain, angle):
    """z = g e^{iφ}, the target's answer to the copy: stretched by g, turned by φ degrees."""
    return np.asarray(gain) * np.exp(1j * np.deg2rad(angle))


def growth(scheme, step_size, gain, angle, *, every=1, tau=1.0):
    """By which factor the error is multiplied at each update, in the long run: below 1 it settles.

        moving:     |1 - η (1 - z)|                            with z = g e^{iφ}
        hard copy:  |(1-η)^K + (1 - (1-η)^K) z|^{1/K}
        Polyak:     the larger |eigenvalue| of [[1-η, ηz], [κ(1-η), κηz + 1-κ]]

    Args:
        scheme: one of SCHEMES.
        step_size: η of the critic.
        gain, angle: g, and φ in degrees.
        every: K, updates between two copies.
        tau: weight on the online network.

    Returns:
        The factor an update; arguments may be arrays, which broadcast.
    """
    z, eta = _strength(gain, angle), np.asarray(step_size, dtype=float)
    if scheme == "moving":
        return np.abs(1 - eta * (1 - z))
    if scheme == "hard copy":
        kept = (1 - eta) ** every
        return np.abs(kept + (1 - kept) * z) ** (1 / every)
    a, b, c, d = 1 - eta, eta * z, tau * (1 - eta), tau * eta * z + 1 - tau
    middle, root = (a + d) / 2, np.sqrt(((a - d) / 2) ** 2 + b * c + 0j)
    return np.maximum(np.abs(middle + root), np.abs(middle - root))


class Chase(NamedTuple):
    """The path of a chase in the plane, as seen from the fixed point, which lies at (0, 0)."""

    weights: np.ndarray
    """w_0, w_1, ...: shape [updates + 1, 2]."""
    targets: np.ndarray
    """The target that update k aimed at: shape [updates + 1, 2]."""


def chase(scheme, step_size, gain, angle, *, every=1, tau=1.0, updates=60, start=(1.0, 0.0)):
    """w ← w - η (w - G w̄), with G = g · rotation by φ, and w̄ by one of three schemes.

    The arguments are those of `growth`. A target network starts as a copy.

    Returns:
        A Chase of `updates` updates.
    """
    z, w = complex(_strength(gain, angle)), complex(*start)
    copied, weights, targets = w, [w], []
    for k in range(updates + 1):
        if scheme == "moving" or (scheme == "hard copy" and k % every == 0):
            copied = w
        targets.append(z * copied)
        w = w - step_size * (w - z * copied)
        if scheme == "Polyak":
            copied = tau * w + (1 - tau) * copied
        weights.append(w)
    return Chase(*(np.array([(x.real, x.imag) for x in line]) for line in (weights[:-1], targets)))


def updates_needed(scheme, step_size, gain, angle, *, factor=100.0, **how):
    """Updates until the error is `factor` times smaller, in the long run; infinite if it does not shrink."""
    rate = growth(scheme, step_size, gain, angle, **how)
    return np.where(rate < 1, math.log(factor) / -np.log(np.minimum(rate, 1 - 1e-12)), np.inf)


def two_states(scheme="moving", *, gamma=0.9, step_size=0.1, updates=200, every=1, tau=1.0):
    """One weight w, two states with features 1 and 2, hence values w and 2w; only the step from 1 to 2 is seen.

        w ← w + η (γ 2 w̄ - w),   reward 0, so the truth is w = 0

    It is the chase with g = 2γ and φ = 0.

    Returns:
        |w| after so many updates from w = 1.
    """
    path = chase(scheme, step_size, 2 * gamma, 0.0, every=every, tau=tau, updates=updates)
    return float(np.hypot(*path.weights[-1]))


def stable_shares(gains, *, problems=20_000, every=20, tau=0.05):
    """Share of random chases that settle under each scheme: η in [0.05, 1.9], φ in [0°, 180°], g in `gains`."""
    rng = np.random.default_rng(0)
    eta, angle, gain = rng.uniform(0.05, 1.9, problems), rng.uniform(0, 180, problems), rng.uniform(*gains, problems)
    return {scheme: float((growth(scheme, eta, gain, angle, every=every, tau=tau) < 1).mean()) for scheme in SCHEMES}


@claim("CL-38")
def self_made_targets():
    """Growth factors an update of three chases, and the share of 20,000 random chases that settle.

    `fast_*`: η = 1.2, g = 0.95, φ = 180°. `turn_*`: η = 0.3, g = 1.5, φ = 90°, where holding still makes it worse.
    `below_*`: shares for g between 0.5 and 1; `above_*`: between 1 and 1.5; copies every 20 updates, κ = 0.05.
    `double_*`: |w| of the two states after 200 updates from 1. `soft_*`: what 16 seeds of DDPG reach on Pendulum with
    κ, read off the stored runs; `buffer_*` by what the buffer holds.
    """
    fast, turn = (1.2, 0.95, 180.0), (0.3, 1.5, 90.0)
    found = {
        "fast_moving": growth("moving", *fast),
        "fast_hard_5": growth("hard copy", *fast, every=5),
        "fast_polyak_0_1": growth("Polyak", *fast, tau=0.1),
        "turn_moving": growth("moving", *turn),
        "turn_hard_5": growth("hard copy", *turn, every=5),
        "turn_polyak_0_1": growth("Polyak", *turn, tau=0.1),
        "double_moving": two_states(),
        "double_hard_10": two_states("hard copy", every=10),
        "double_polyak_0_05": two_states("Polyak", tau=0.05),
    }
    for name, gains in (("below", (0.5, 1.0)), ("above", (1.0, 1.5))):
        found |= {f"{name}_{scheme.split()[0].lower()}": share for scheme, share in stable_shares(gains).items()}
    return found | _reached(("soft_1", "soft_02", "buffer_64", "buffer_all"))


POPULATIONS = {
    "soft_1": runs.BARE,
    "soft_02": runs.DEFAULT,
    "soft_005": "κ = 0.005",
    "soft_0005": "κ = 0.0005",
    "hard_100": "K = 100",
    "hard_500": "K = 500",
    "buffer_64": "last 64 steps",
    "buffer_all": "all steps",
}
"""Name of a stored number -> label of the stored runs."""


def _reached(fields):
    """What 16 seeds of some populations reach: interquartile mean and interval, as fields of a claim."""
    found = {}
    for field in fields:
        found |= study.fields(field, runs.final(POPULATIONS[field]), statistic="iqm")
    return found


@claim("CL-37")
def with_and_without():
    """DDPG on Pendulum, 16 stored seeds with target networks and 16 without: return over the last fifth of 3,000 steps.

    `solved_*`: seeds that reach -200. `double_*`: as in CL-38, where 0 is right.
    """
    numbers = {name: value for name, value in self_made_targets().items() if name.startswith("double_")}
    for field, label in (("with", runs.DEFAULT), ("without", runs.BARE)):
        reached = runs.final(label)
        numbers |= study.fields(field, reached, statistic="iqm")
        numbers[f"solved_{field}"] = (reached >= pendulum.SOLVED).sum()
    return numbers


@claim("CL-40")
def how_slow():
    """The same by κ, and by K, the updates between two hard copies."""
    return _reached([field for field in POPULATIONS if field.startswith(("soft", "hard"))])


# ---------------------------------------------------------------- copies that lag


def half_life(tau):
    """Updates until a Polyak copy has covered half of its way to online weights that stand still: log ½ / log(1-κ)."""
    return math.log(0.5) / math.log(1 - tau)


def copies(online, tau=None, *, every=None):
    """Where a copy is after each update, moved by `polyak_update`.

    Args:
        online: the online weight at each update; the copy starts at its first value.
        tau: weight on the online network, for a Polyak copy after each update.
        every: K, for a hard copy every K updates.

    Returns:
        The copied weight, one entry an entry of `online`.
    """
    nets = [torch.nn.Linear(1, 1, bias=False, dtype=torch.float64) for _ in range(2)]
    w, copied = (net.weight.data.fill_(online[0]) for net in nets)
    found = [float(online[0])]
    for k, value in enumerate(online[1:], start=1):
        w.fill_(value)
        if every is None or k % every == 0:
            polyak_update(*nets, tau=tau if every is None else 1.0)
        found.append(float(copied))
    return np.array(found)


def lag(tau=None, *, every=None, updates=4000):
    """How many updates behind a copy is, on average, when the online weight grows by one at every update.

    In the long run (1 - κ)/κ for a Polyak copy, measured right after its move, and (K - 1)/2 for a hard one.
    """
    steady = np.arange(updates + 1.0)
    behind = steady - copies(steady, tau, every=every)
    cycle = every or 1
    return float(np.mean(behind[-(updates // 2 // cycle) * cycle :]))


def following(schemes, updates=400):
    """How copies follow an online weight that jumps from 0 to 1, and one that grows by one at every update.

    Args:
        schemes: name -> κ, or a whole number K for hard copies.

    Returns:
        (name -> (copy after the jump, copy of the growing weight), updates 0, 1, ...)
    """
    steps = np.arange(updates + 1.0)
    jump = np.where(steps > 0, 1.0, 0.0)
    curves = {}
    for name, how in schemes.items():
        keywords = {"every": how} if how >= 1 else {"tau": how}
        curves[name] = tuple(copies(line, **keywords) for line in (jump, steps))
    return curves, steps


@claim("CL-46")
def four_networks():
    """Weights of the default agent's networks on the pendulum, and how slowly the copies follow.

    `half_life_*` are updates until half the way is covered, `lag_*` the updates behind weights that move steadily,
    `gap_100` what is left of a gap after 100 updates at κ = 0.05.
    """
    pendulum = gym.spaces.Box(-8.0, 8.0, (3,)), gym.spaces.Box(-2.0, 2.0, (1,))
    agent = DDPG(*pendulum)
    sizes = {name: parameters(getattr(agent, name)) for name in NETWORKS}
    moving, still = puck_agent(tau=0.05), puck_agent(tau=0.05)
    start = distance(still.critic, moving.target_critic)
    for _ in range(100):
        polyak_update(still.critic, moving.target_critic, tau=0.05)
    return {
        "actor": sizes["actor"],
        "critic": sizes["critic"],
        "all": sum(sizes.values()),
        "half_life_0_005": half_life(0.005),
        "half_life_0_02": half_life(0.02),
        "half_life_0_05": half_life(0.05),
        "lag_0_005": lag(0.005),
        "lag_0_05": lag(0.05),
        "lag_hard_100": lag(every=100),
        "gap_100": distance(still.critic, moving.target_critic) / start,
    }


# ---------------------------------------------------------------- too high: maxima of errors


RULES = ("single", "double", "min", "max of min")
"""How the best action is found and scored: by one critic; found by one and scored by the other; found by the first
and scored by the smaller of both (TD3); found and scored by the smaller of both (what SAC's actor climbs)."""


def bias_of(rule, actions, error=1.0):
    """Expected error of the score when m actions worth 0 carry independent errors uniform in [-e, e].

        single:      e (m-1)/(m+1)
        double:      0
        min:        -2e / ((m+1)(m+2))
        max of min:  e (1 - √π Γ(m+1) / Γ(m+3/2))

    Source: the first is in van Hasselt 2010 and Thrun & Schwartz 1993; the others follow in the same way.
    """
    m = np.asarray(actions, dtype=float)
    if rule == "single":
        return error * (m - 1) / (m + 1)
    if rule == "double":
        return 0.0 * m
    if rule == "min":
        return -2 * error / ((m + 1) * (m + 2))
    gamma_ratio = np.exp(np.vectorize(math.lgamma)(m + 1) - np.vectorize(math.lgamma)(m + 1.5))
    return error * (1 - math.sqrt(math.pi) * gamma_ratio)


def score(rule, first, second):
    """The score that a rule gives: two critics' estimates [..., m] -> [...]."""
    lower = np.minimum(first, second)
    finds = lower if rule == "max of min" else first
    scores = {"single": first, "double": second}.get(rule, lower)
    return np.take_along_axis(scores, finds.argmax(-1)[..., None], -1)[..., 0]


@functools.lru_cache(maxsize=256)
def drawn_scores(rule, actions, draws):
    """Scores by a rule of m actions worth 0, two critics' errors uniform in [-1, 1]: shape [draws]."""
    return score(rule, *np.random.default_rng(0).uniform(-1, 1, (2, draws, actions)))


@functools.lru_cache(maxsize=256)
def bootstrapped(rule, actions, gamma, *, backups=200, runs=50):
    """Targets of one state that leads to itself for nothing: y_k = γ score(y_{k-1} + errors), errors in [-1, 1].

    The truth is 0. For errors in [-e, e] multiply by e.

    Returns:
        Mean of y_0 = 0, y_1, ... over runs, shape [backups + 1].
    """
    scores = drawn_scores(rule, actions, backups * runs).reshape(backups, runs).mean(1)
    targets = [0.0]
    for each in scores:  # an error of all actions alike passes straight through the score
        targets.append(gamma * (targets[-1] + each))
    return np.array(targets)


def bias_after(rule, actions, error, gamma, backups):
    """What `bootstrapped` is on average: γ b (1 - γ^k) / (1 - γ), with b the bias of one score."""
    return gamma * bias_of(rule, actions, error) * (1 - gamma ** np.asarray(backups)) / (1 - gamma)


GRID = np.linspace(-1.0, 1.0, 201)
"""Actions of the continuous version."""


def worth(actions):
    """The true value there, Q(a) = -a²: best in the middle."""
    return -(actions**2)


@functools.lru_cache(maxsize=32)
def smooth_errors(length, draws=2000, seed=0):
    """Two critics' errors over GRID: smooth curves of standard deviation 1, shape [2, draws, 201].

    A Gaussian process: errors of actions a distance d apart have correlation exp(-d²/2ℓ²), ℓ = length.
    """
    apart = GRID[:, None] - GRID
    values, vectors = np.linalg.eigh(np.exp(-(apart**2) / (2 * length**2)))
    kept = values > 1e-9 * values[-1]
    root = vectors[:, kept] * np.sqrt(values[kept])
    return np.random.default_rng(seed).standard_normal((2, draws, kept.sum())) @ root.T


class Chosen(NamedTuple):
    """What a rule makes of each draw of smooth errors; arrays [draws]."""

    actions: np.ndarray
    """Position in GRID of the action it picks."""
    errors: np.ndarray
    """Its score minus the true value."""


@functools.lru_cache(maxsize=64)
def climb(rule, error, length, smoothing=0.0):
    """Pick the best action by a rule, and see by how much its score is wrong.

    Args:
        rule: one of RULES.
        error: standard deviation of each critic's error.
        length: ℓ, how far apart actions must be for their errors to differ.
        smoothing: σ of the noise on the action before it is scored, cut at 2.5 σ as in TD3; 0 for none. The score is
            then a mean over the noise, and so is the true value that it is compared with.
    """
    first, second = error * smooth_errors(length)
    lower = np.minimum(first, second)
    finds = lower if rule == "max of min" else first
    chosen = (worth(GRID) + finds).argmax(-1)
    wrong = {"single": first, "double": second}.get(rule, lower)
    around = _around(smoothing)
    return Chosen(chosen, np.einsum("ni,ni->n", wrong, around[chosen]))


@functools.lru_cache(maxsize=8)
def _around(smoothing):
    """Weights [201, 201]: row i is how the noisy target action spreads around GRID[i], clipped to the box."""
    size = len(GRID)
    if smoothing == 0:
        return np.eye(size)
    step = GRID[1] - GRID[0]
    reach = round(2.5 * smoothing / step)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-((offsets * step) ** 2) / (2 * smoothing**2))
    around = np.zeros((size, size))
    for offset, weight in zip(offsets, weights / weights.sum(), strict=True):
        np.add.at(around, (np.arange(size), np.clip(np.arange(size) + offset, 0, size - 1)), weight)
    return around


def noisy_arms(rule, *, runs=1000, episodes=300, arms=8, rate=0.1, explore=0.1, seed=0):
    """Q-learning where a maximum misleads: from A, right ends with 0; left leads to B, whose arms pay N(-0.1, 1).

    Args:
        rule: "single" (Q-learning), "double" (double Q-learning) or "max of min". The last two hold two tables, act
            on their sum, and a coin says which of them learns; the arm that scores B is found and scored by the rule.

    Returns:
        Share of runs that go left, the wrong way, in each episode.

    Source: Sutton & Barto 2018, example 6.7; van Hasselt 2010.
    """
    rng, rows = np.random.default_rng(seed), np.arange(runs)
    at_a, at_b = np.zeros((2, runs, 2)), np.zeros((2, runs, arms))  # left is action 0
    lefts = []

    def pick(values):
        ties = values + 1e-9 * rng.random(values.shape)
        return np.where(rng.random(runs) < explore, rng.integers(values.shape[1], size=runs), ties.argmax(1))

    for _ in range(episodes):
        left, arm = pick(at_a.sum(0)) == 0, pick(at_b.sum(0))
        lefts.append(left.mean())
        learner = np.zeros(runs, dtype=int) if rule == "single" else rng.integers(2, size=runs)
        after = score(rule, at_b[learner, rows], at_b[1 - learner, rows])
        at_a[learner, rows, 0] += rate * left * (after - at_a[learner, rows, 0])
        at_a[learner, rows, 1] += rate * ~left * (0.0 - at_a[learner, rows, 1])
        at_b[learner, rows, arm] += rate * left * (rng.normal(-0.1, 1.0, runs) - at_b[learner, rows, arm])
    return np.array(lefts)


@claim("CL-45")
def maxima_of_errors():
    """How much too high the score of the best action is, by rule, with a known truth.

    `one_m`: mean of the largest of m errors in [-1, 1]; `double_10`, `min_2`, `min_10`: the other rules.
    `loop_*`: errors in [-0.1, 0.1], ten actions, bootstrapped: bias of the target at γ = 0.9 and 0.99.
    `smooth_*`: a continuum of actions, smooth errors of sd 0.3, correlation length 0.15.
    `left_*`: largest share of wrong choices in the noisy arms.
    `return_*`: what 16 seeds of an agent reach on Pendulum, also with errors on the rewards (`noisy`); `optimism_*`,
    `early_*`: Q minus the return that came, after 3,000 and after 1,000 steps; read off the stored runs.
    """
    found = {f"one_{m}": drawn_scores("single", m, 20_000).mean() for m in (2, 5, 10, 100)}
    found |= {"double_10": drawn_scores("double", 10, 20_000).mean()}
    found |= {f"min_{m}": drawn_scores("min", m, 20_000).mean() for m in (2, 10)}
    for name, gamma, backups in (("0_9", 0.9, 400), ("0_99", 0.99, 2000)):
        for rule in ("single", "min"):
            path = 0.1 * bootstrapped(rule, 10, gamma, backups=backups, runs=200)
            found[f"loop_{rule}_{name}"] = path[backups // 2 :].mean()
    for rule in RULES:
        found[f"smooth_{rule.replace(' ', '_')}"] = climb(rule, 0.3, 0.15).errors.mean()
    for rule in ("single", "double", "max of min"):
        found[f"left_{rule.replace(' ', '_')}"] = noisy_arms(rule).max()
    for field, label in AGENTS.items():
        found |= study.fields(f"return_{field}", runs.final(label), statistic="iqm")
    for field in ("ddpg", "td3"):
        found |= study.fields(f"optimism_{field}", runs.optimisms(AGENTS[field])[:, -1], statistic="iqm")
        found |= study.fields(f"early_{field}", runs.optimisms(AGENTS[field])[:, 0], statistic="iqm")
    return found


AGENTS = {"ddpg": runs.DEFAULT, "td3": runs.TWIN, "ddpg_noisy": runs.NOISY, "td3_noisy": runs.NOISY_TWIN}
"""Name of a stored number -> label of the stored runs."""
