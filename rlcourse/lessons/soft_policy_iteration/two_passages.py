"""Numbers of the lesson: a road with two passages, the Gaussians that fit it, and learners when one passage closes."""

import math
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from rlcourse.course.claims import claim

ROAD = (-3.0, 9.0)
SECOND = (3.0, 5.0)
"""Actions that lead through passage 2; passage 1 is what lies as near to 0."""
FINE = np.linspace(*ROAD, 1201)
STEP = FINE[1] - FINE[0]


def passages(actions, open_1=True):
    """Q(a) = 2 exp(-(a/0.6)²/2) + 1.2 exp(-((a - 4)/0.5)²/2); a closed passage has lost its hump."""
    return open_1 * 2 * np.exp(-0.5 * (actions / 0.6) ** 2) + 1.2 * np.exp(-0.5 * ((actions - 4) / 0.5) ** 2)


def _density(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / (weights.sum(-1, keepdims=True) * STEP)


def boltzmann_density(alpha):
    """Density of the Boltzmann policy of the two passages, on the grid FINE."""
    return _density(passages(FINE) / alpha)


def gaussian_density(mu, sigma):
    """A normal density cut off at the ends of the road, on the grid FINE."""
    return _density(-0.5 * ((FINE - mu) / sigma) ** 2)


def mass(density, low, high):
    """Probability of the actions between low and high; each point of the grid stands for the STEP around it."""
    weights = np.clip((FINE - low) / STEP + 0.5, 0, 1) * np.clip((high - FINE) / STEP + 0.5, 0, 1)
    return (weights * density).sum() * STEP


def earned(density, open_1=True):
    """Mean of Q under the density."""
    return (density * passages(FINE, open_1)).sum() * STEP


def log_normaliser(alpha):
    """log Z = log ∫ exp(Q/α)."""
    logits = passages(FINE) / alpha
    return logits.max() + np.log(np.exp(logits - logits.max()).sum() * STEP)


def divergence(mu, sigma, alpha):
    """KL(Gaussian || Boltzmann) of the two passages, in nats, and its slopes in μ and log σ.

    With the score g of either parameter, the slope is E[g (log π - Q/α)].
    """
    density = gaussian_density(mu, sigma)
    apart = np.log(np.maximum(density, 1e-300)) - passages(FINE) / alpha
    kl = (density * apart).sum() * STEP + log_normaliser(alpha)
    weighted, z = density * apart * STEP, (FINE - mu) / sigma
    mean_z, mean_zz = (density * z).sum() * STEP, (density * z * z).sum() * STEP
    return kl, ((z - mean_z) * weighted).sum() / sigma, ((z * z - mean_zz) * weighted).sum()


MAP_MU = np.linspace(*ROAD, 61)
MAP_SIGMA = np.geomspace(0.05, 10, 47)


@cache
def _parts_of_the_map():
    """Minus the entropy, and the mean of Q, of every Gaussian of the map."""
    densities = _density(-0.5 * ((FINE - MAP_MU[:, None]) / MAP_SIGMA[:, None, None]) ** 2)
    negentropy = (densities * np.log(np.maximum(densities, 1e-300))).sum(-1) * STEP
    return negentropy, densities @ passages(FINE) * STEP


def divergence_map(alpha):
    """KL of every Gaussian of the map, [σ, μ]."""
    negentropy, values = _parts_of_the_map()
    return negentropy - values / alpha + log_normaliser(alpha)


@lru_cache(maxsize=256)
def fit(mu, sigma, alpha, steps=500):
    """Gradient descent on the divergence from (μ, σ), as far as it goes inside the map: points [k, (μ, σ)].

    Steps in μ are measured in σ, none is long, and a step that would raise the divergence is halved instead.
    """
    size, walk = 0.1, [(mu, sigma)]
    kl, slope_mu, slope_log = divergence(mu, sigma, alpha)
    for _ in range(steps):
        move_mu = -size * np.clip(sigma**2 * slope_mu, -sigma, sigma)
        move_log = -size * np.clip(slope_log, -1, 1)
        new = float(np.clip(mu + move_mu, *ROAD)), float(np.clip(sigma * np.exp(move_log), 0.05, 10))
        found = divergence(*new, alpha)
        if found[0] > kl - 1e-12:
            size /= 2
            if size < 1e-3:
                break
            continue
        (mu, sigma), (kl, slope_mu, slope_log) = new, found
        size = min(1.1 * size, 0.4)
        walk.append(new)
    return np.array(walk)


@claim("CL-52")
def minima():
    """Where the reverse-KL fit of a Gaussian ends from either passage and from the middle, and how good it is."""
    numbers = {}
    for tag, alpha in (("02", 0.2), ("04", 0.4)):
        for name, start in (("one", (0.5, 0.5)), ("two", (3.5, 0.5)), ("wide", (1.0, 3.0))):
            mu, sigma = fit(*start, alpha)[-1]
            numbers |= {
                f"mu_{name}_{tag}": mu,
                f"sigma_{name}_{tag}": sigma,
                f"kl_{name}_{tag}": divergence(mu, sigma, alpha)[0],
            }
    first, both = gaussian_density(*fit(0.5, 0.5, 0.2)[-1]), boltzmann_density(0.2)
    wide = gaussian_density(*fit(1.0, 3.0, 0.4)[-1])
    return {
        **numbers,
        "fit_visits_two": mass(first, *SECOND),
        "boltzmann_visits_two": mass(both, *SECOND),
        "wide_visits_two_04": mass(wide, *SECOND),
    }


BINS = np.linspace(*ROAD, 61)
RUNS, CLOSES, ENDS = 300, 1000, 2000


class Race(NamedTuple):
    """What many learners did: reward a step [t], and whether each run ever took passage 2 before passage 1 closed."""

    reward: np.ndarray
    visited: np.ndarray
    parked: float
    """Share of all steps before the closing at which the best action known was one of passage 2."""
    late: np.ndarray
    """Each run's mean reward over the last 200 steps."""


@lru_cache(maxsize=16)
def race(rule, spread, seed=0):
    """Many learners with a table of 61 actions, no states, and a passage that closes after 1000 steps.

    Each keeps an estimate of every action's value and moves it by a fifth of the error; rewards carry N(0, 0.1²).

    Args:
        rule: "gaussian" acts around the best action known, "boltzmann" by the exponential of the estimates.
        spread: σ or α.
    """
    rng, runs = np.random.default_rng(seed), np.arange(RUNS)
    estimates, visited = np.zeros((RUNS, len(BINS))), np.zeros(RUNS, dtype=bool)
    second = np.abs(BINS - sum(SECOND) / 2) < (SECOND[1] - SECOND[0]) / 2 + 1e-9
    reward, parked, late, true = np.zeros(ENDS), 0.0, np.zeros(RUNS), passages(BINS)
    for t in range(ENDS):
        if t == CLOSES:
            seen, true = visited.copy(), passages(BINS, open_1=False)
        if rule == "gaussian":
            best = (estimates + 1e-9 * rng.random(estimates.shape)).argmax(-1)  # ties are broken by chance
            parked += second[best].mean() * (t < CLOSES) / CLOSES
            action = np.rint((BINS[best] + spread * rng.standard_normal(RUNS) - ROAD[0]) / 0.2)
            action = action.clip(0, len(BINS) - 1).astype(int)
        else:
            cumulative = np.exp((estimates - estimates.max(-1, keepdims=True)) / spread).cumsum(-1)
            action = (rng.random((RUNS, 1)) * cumulative[:, -1:] >= cumulative).sum(-1).clip(max=len(BINS) - 1)
        reward[t] = true[action].mean()
        late += true[action] / 200 * (t >= ENDS - 200)
        error = true[action] + 0.1 * rng.standard_normal(RUNS) - estimates[runs, action]
        estimates[runs, action] += 0.2 * error
        visited |= second[action]
    return Race(reward, seen, parked, late)


def best_behind(sigma):
    """What a Gaussian learner around the middle of passage 2 earns there: its rounded actions miss the summit."""
    edges = (BINS[:, None] + (-0.1, 0.1) - sum(SECOND) / 2) / (sigma * math.sqrt(2))
    below = np.vectorize(math.erf)(edges)
    return (below[:, 1] - below[:, 0]) @ passages(BINS, open_1=False) / 2


RIVALS = (
    ("gaussian", 0.2),
    ("gaussian", 0.4),
    ("gaussian", 0.8),
    ("boltzmann", 0.1),
    ("boltzmann", 0.2),
    ("boltzmann", 0.3),
)


@claim("CL-51")
def one_passage():
    """A Gaussian around the better passage: its mass on the other, and what 300 learners of each kind do.

    never: share of runs that took no action of passage 2 in 1000 steps; before: mean reward of the last 200 of these.
    Passage 1 closes; soon: mean reward of the first 200 steps after that, late: of the last 200 of 1000.
    """
    numbers = {}
    for tag, sigma in (("04", 0.4), ("08", 0.8), ("15", 1.5)):
        beyond = [0.5 * math.erfc(edge / (sigma * math.sqrt(2))) for edge in SECOND]
        numbers[f"mass_{tag}"] = beyond[0] - beyond[1]
    for rule, spread in RIVALS:
        found, tag = race(rule, spread), f"{rule}_{spread:g}".replace(".", "")
        numbers |= {
            f"never_{tag}": 1 - found.visited.mean(),
            f"before_{tag}": found.reward[CLOSES - 200 : CLOSES].mean(),
            f"soon_{tag}": found.reward[CLOSES : CLOSES + 200].mean(),
            f"late_{tag}": found.reward[-200:].mean(),
        }
        if rule == "gaussian":
            numbers[f"parked_{tag}"] = found.parked
            numbers[f"ceiling_{tag}"] = best_behind(spread)
    return numbers
