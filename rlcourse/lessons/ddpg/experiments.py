"""An actor that climbs its critic, what a search over actions costs, and exploration noise.

    python -m rlcourse.lessons.ddpg.experiments     drives the cars again and rewrites cars.json

Fixtures. One state and one action in [-2, 2], the torque of Pendulum: the critic's Q is two humps and perhaps a narrow
spike that the true value lacks; the actor has a single weight. A small critic for the search over a grid of actions.
MountainCarContinuous for noise without any policy, many cars side by side.
"""

import functools
import json
import math
import time
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch

from rlcourse.checks import check_positive_integer, require
from rlcourse.course.claims import claim
from rlcourse.networks import ContinuousCritic, DeterministicActor
from rlcourse.noise import OrnsteinUhlenbeck

# ---------------------------------------------------------------- one state: the actor climbs what the critic says

BOUND = 2.0
"""Actions lie in [-2, 2]."""
LEFT, RIGHT = (-1.1, 0.9, 0.4), (1.2, 1.5, 0.45)
"""The two humps of the true value: position, height, width (standard deviation of the bell)."""
SPIKE = (0.5, 0.1)
"""Position and width of the spike that the critic may have, and the truth has not."""


def bells(actions, humps):
    """Sum of bells h exp(-((a - p) / w)² / 2), and its slope, at every action; humps: (position, height, width)."""
    a = np.asarray(actions, float)[..., None]
    place, height, width = np.array(humps, float).reshape(-1, 3).T
    each = height * np.exp(-(((a - place) / width) ** 2) / 2)
    return each.sum(-1), (each * (place - a) / width**2).sum(-1)


class Climb(NamedTuple):
    """The path of the actor's action, from before the first step to after the last."""

    mu: np.ndarray
    """μ, shape [steps + 1]."""
    slope_q: np.ndarray
    """∂Q/∂a at a = μ, shape [steps + 1]."""
    slope_mu: np.ndarray
    """∂μ/∂θ, shape [steps + 1]."""


def climb(start, humps, step_size, steps):
    """Ascend Q(μ_θ) by the chain rule, with an actor of one weight: μ = 2 tanh θ.

        θ ← θ + η ∂Q/∂a |_{a=μ} ∂μ/∂θ,    ∂μ/∂θ = 2 - μ²/2

    Args:
        start: μ before the first step, inside (-2, 2).
        humps: list of (position, height, width).
        step_size: η.
        steps: how many.

    Source: Silver et al. 2014, theorem 1; Lillicrap et al. 2016, eq. 6.
    """
    theta, rows = math.atanh(start / BOUND), []
    humps = [tuple(map(float, hump)) for hump in humps]
    for _ in range(steps + 1):
        mu = BOUND * math.tanh(theta)
        slope_q = sum(h * math.exp(-(((mu - p) / w) ** 2) / 2) * (p - mu) / w**2 for p, h, w in humps)
        slope_mu = BOUND - mu * mu / BOUND
        rows.append((mu, slope_q, slope_mu))
        theta += step_size * slope_q * slope_mu
    return Climb(*np.array(rows).T)


def best(humps, points=2_001):
    """The action with the largest value on a fine grid, and that value."""
    grid = np.linspace(-BOUND, BOUND, points)
    values = bells(grid, humps)[0]
    return float(grid[values.argmax()]), float(values.max())


REMEDIES = ("tanh alone", "penalty", "inverted gradient")


def escape(start, *, remedy, step_size=0.01, weight=0.1, near=1.3, longest=100_000):
    """Steps that an actor needs from the edge of the box to the right hump: until μ ≤ `near`.

        tanh alone           μ = 2 tanh θ,  θ ← θ + η ∂Q/∂a ∂μ/∂θ
        penalty              the same with the objective Q(μ) - c θ²
        inverted gradient    μ = θ,  θ ← θ + η ∂Q/∂a times the share of the box that lies ahead

    Args:
        start: μ before the first step.
        remedy: one of REMEDIES.
        step_size, weight: η and c.
        near: the goal; the hump's top is at 1.2.
        longest: give up after so many steps.

    Source: Hausknecht and Stone 2016, section 5 (inverted gradient).
    """
    require(remedy in REMEDIES, f"remedy must be one of {', '.join(REMEDIES)}, got {remedy!r}")
    mu, theta = start, math.atanh(start / BOUND)
    for step in range(longest):
        if mu <= near:
            return step
        slope_q = float(bells(mu, [LEFT, RIGHT])[1])
        if remedy == "inverted gradient":
            mu += step_size * slope_q * (BOUND - mu if slope_q > 0 else BOUND + mu) / (2 * BOUND)
            continue
        pull = 2 * weight * theta if remedy == "penalty" else 0.0
        theta += step_size * (slope_q * (BOUND - mu * mu / BOUND) - pull)
        mu = BOUND * math.tanh(theta)
    return longest


# ---------------------------------------------------------------- a minibatch: the chain rule against autograd


def chain_rule(rows=32, dimensions=2, seed=0):
    """The actor's gradient on a minibatch, twice: by autograd, and by the formula, in double precision.

        ∇_θ J = 1/N Σ_i J_i^T ∇_a Q(s_i, a)|_{a = μ(s_i)},    J_i = ∂μ(s_i)/∂θ

    Returns:
        Two flat gradients; the second from ∇_a Q and one Jacobian ∂μ/∂θ a row, neither of which knows of the other.
    """
    actor, critic, obs = small_networks(rows, dimensions, seed)
    weights = list(actor.parameters())
    whole = torch.autograd.grad(critic(obs, actor(obs)).mean(), weights)
    actions = actor(obs).detach().requires_grad_()
    slopes = torch.autograd.grad(critic(obs, actions).sum(), actions)[0]  # ∇_a Q, one row a state
    by_hand = [torch.zeros_like(w) for w in weights]
    for state, slope in zip(obs, slopes, strict=True):
        for action, along in zip(actor(state), slope, strict=True):  # ∂μ_k/∂θ, weighted with ∂Q/∂a_k
            for total, part in zip(by_hand, torch.autograd.grad(action, weights, retain_graph=True), strict=True):
                total += along * part / rows
    return tuple(torch.cat([part.flatten() for part in parts]) for parts in (whole, by_hand))


def small_networks(rows, dimensions, seed=0, hidden=(32, 32)):
    """An actor and a critic for 4 observations and a box of actions, in double precision, and random states."""
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Box(-2, 2, (dimensions,))
    actor = DeterministicActor(*spaces, hidden, seed=seed).double()
    critic = ContinuousCritic(*spaces, hidden, seed=seed + 1).double()
    obs = torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, 4)))
    return actor, critic, obs


# ---------------------------------------------------------------- the price of a search over actions

POINTS = 41
"""Values tried on every axis of the action box."""


def evaluations(dimensions, points=POINTS):
    """How many actions a grid of `points` values an axis holds: points to the power of the dimensions."""
    return check_positive_integer("points", points) ** check_positive_integer("dimensions", dimensions)


def grid_argmax(critic, observation, dimensions, points=POINTS, low=-2.0, high=2.0):
    """The best action of a grid by brute force: every one of them is put to the critic."""
    axis = torch.linspace(low, high, points, dtype=observation.dtype)
    actions = torch.cartesian_prod(*[axis] * dimensions).reshape(-1, dimensions)
    with torch.no_grad():
        values = critic(observation.expand(len(actions), -1), actions)
    return actions[values.argmax()]


def fastest(function, repeats):
    """The least CPU seconds that one call took, of several calls."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


@functools.cache
def price_of_argmax(hidden=(64, 64)):
    """Milliseconds of CPU for one action, by dimension: (of the search on 41 points an axis, of the actor)."""
    found = {}
    for dimensions, repeats in ((1, 200), (2, 100), (3, 10)):
        actor, critic, obs = small_networks(1, dimensions, hidden=hidden)
        actor, critic, obs = actor.float(), critic.float(), obs.float()
        with torch.no_grad():
            ask = functools.partial(actor, obs)
            searched = fastest(functools.partial(grid_argmax, critic, obs, dimensions), repeats)
            found[dimensions] = 1e3 * searched, 1e3 * fastest(ask, 300)
    return found


# ---------------------------------------------------------------- noise


def autocorrelation(samples, lags):
    """Correlation of samples [runs, steps] of a process with mean 0 with those `lag` steps later, for each lag."""
    power = (samples**2).mean()
    return np.array([(samples[:, : samples.shape[1] - lag] * samples[:, lag:]).mean() / power for lag in lags])


def noise_samples(noise, steps):
    """The next `steps` samples of a process of size [runs], shape [runs, steps]."""
    return np.stack([noise.sample() for _ in range(steps)], axis=1)


def settled(runs, steps, *, theta=0.15, sigma=0.2, dt=1.0, seed=0):
    """Ornstein-Uhlenbeck samples [runs, steps] after it has forgotten its start."""
    noise = OrnsteinUhlenbeck(runs, theta=theta, sigma=sigma, dt=dt, seed=seed)
    noise.state = noise.stationary_std * noise.rng.standard_normal(runs)
    return noise_samples(noise, steps)


def reach(correlation, steps):
    """How much further a sum of `steps` samples goes than one of white noise of the same size: ratio of deviations.

    √( 1 + 2 Σ_{l<n} (1 - l/n) ρ^l ),    and √((1 + ρ)/(1 - ρ)) for long sums
    """
    lags = np.arange(1, steps)
    return float(np.sqrt(1 + 2 * ((1 - lags / steps) * correlation**lags).sum()))


@functools.cache
def white_samples(runs, steps, seed=2):
    """White noise of deviation 1, shape [runs, steps]; the same array at every call."""
    return np.random.default_rng(seed).standard_normal((runs, steps))


class Clipped(NamedTuple):
    """What the box leaves of an action μ + n, n ~ N(0, sd²)."""

    share: float
    """Of the actions that are cut back."""
    mean: float
    """Of the actions that are played."""


def clipped(mu, sd, bound=1.0):
    """Gaussian noise around μ, cut at ±bound, exactly.

    mean = E[clip(μ + n)] = μ + E(-bound - μ - n)⁺ - E(μ + n - bound)⁺,    E(n - c)⁺ = sd φ(c/sd) - c Φ(-c/sd)
    """
    if sd <= 0:
        return Clipped(float(abs(mu) > bound), float(np.clip(mu, -bound, bound)))

    def beyond(c):
        density = math.exp(-((c / sd) ** 2) / 2) / math.sqrt(2 * math.pi)
        return sd * density - c * _tail(c / sd)

    share = _tail((bound - mu) / sd) + _tail((bound + mu) / sd)
    return Clipped(share, mu + beyond(bound + mu) - beyond(bound - mu))


def _tail(z):
    """P(ξ > z) of a standard normal ξ."""
    return math.erfc(z / math.sqrt(2)) / 2


# ---------------------------------------------------------------- noise drives a car up a mountain


def mountain_car(position, velocity, force):
    """One step of Gymnasium's MountainCarContinuous-v0 for many cars at once.

    Args:
        position, velocity, force: arrays of one shape; force is cut to [-1, 1].

    Returns:
        (position, velocity, reached the flag).
    """
    velocity = velocity + 0.0015 * np.clip(force, -1, 1) - 0.0025 * np.cos(3 * position)
    velocity = np.clip(velocity, -0.07, 0.07)
    position = np.clip(position + velocity, -1.2, 0.6)
    velocity = np.where((position == -1.2) & (velocity < 0), 0.0, velocity)
    return position, velocity, (position >= 0.45) & (velocity >= 0)


def reach_rate(noise, runs=1_000, steps=999, seed=0):
    """Share of cars that noise alone drives to the flag within an episode.

    Args:
        noise: has sample() -> [runs] forces.
        runs, steps: cars, and steps of an episode.
        seed: of the start positions, uniform in [-0.6, -0.4].
    """
    position, velocity = np.random.default_rng(seed).uniform(-0.6, -0.4, runs), np.zeros(runs)
    arrived = np.zeros(runs, bool)
    for _ in range(steps):
        position, velocity, there = mountain_car(position, velocity, noise.sample())
        arrived |= there
    return float(arrived.mean())


class Uniform:
    """Forces drawn evenly from [-1, 1]: what `action_space.sample()` does."""

    def __init__(self, size, *, seed=None):
        self.size, self.rng = size, np.random.default_rng(seed)

    def sample(self):
        return self.rng.uniform(-1, 1, self.size)


STORED = Path(__file__).parent / "cars.json"
FORGETS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0)
"""1 - ρ: how much of the noise is forgotten from one step to the next."""
SIZES = (0.05, 0.1, 0.2, 0.3, 0.3797, 0.5, 0.65, 0.8, 0.9492, 1.2, 1.6, 2.2, 3.2, 4.8, 7.2)
"""Stationary deviations."""


def drive(forget, size, seed=8, runs=1_000):
    """Percent of cars that noise from rest brings to the flag: x ← (1 - forget) x + push, of this stationary size."""
    push = size * math.sqrt(1 - (1 - forget) ** 2)
    return 100 * reach_rate(OrnsteinUhlenbeck(runs, theta=forget, sigma=push, seed=seed), runs)


def regenerate(path=STORED):
    """Drive 1,000 cars for every pair of FORGETS and SIZES, half a minute, and store what arrives."""
    table = [[round(drive(forget, size), 1) for size in SIZES] for forget in FORGETS]
    lines = ",\n".join(json.dumps(row) for row in table)
    path.write_text(f'{{"arrived": [\n{lines}\n]}}\n', encoding="utf-8")


@functools.cache
def stored():
    """What `regenerate` wrote: percent of cars, shape [FORGETS, SIZES]."""
    return np.array(json.loads(STORED.read_text(encoding="utf-8"))["arrived"])


def cars_that_arrive(correlation, size):
    """Percent of cars for any noise: between the stored ones, straight lines in log(1 - ρ) and in log(size)."""
    columns = np.log(SIZES)
    along = [np.interp(math.log(size), columns, row) for row in stored()]
    return float(np.interp(math.log(1 - correlation), np.log(FORGETS), along))


# ---------------------------------------------------------------- claims


@claim("CL-35", trained=True)
def price_of_a_search():
    """The best of 41 values on each axis, by asking a critic of two layers of 64 units about all of them.

    `ms_d`: CPU milliseconds for one action of d dimensions, of the machine that measured. `tried_d`: actions asked.
    """
    times = price_of_argmax()
    return {f"ms_{d}": times[d][0] for d in times} | {f"tried_{d}": evaluations(d) for d in times}


@claim("CL-36", trained=True)
def price_of_an_actor():
    """CPU milliseconds of an actor's forward pass for one action of d dimensions; how often it is cheaper (`times_d`).

    The same widths as the critic of CL-35, on the machine that measured.
    """
    times = price_of_argmax()
    return {f"ms_{d}": actor for d, (_, actor) in times.items()} | {f"times_{d}": s / a for d, (s, a) in times.items()}


@claim("CL-41")
def memory_of_noise():
    """Ornstein-Uhlenbeck noise with β = 0.15, σ = 0.2, Δ = 1: 400 settled runs of 1,000 samples.

    `lag_l`: correlation of samples l steps apart, `theory_l` = 0.85^l. `flips`: share of steps at which the sign
    changes, arccos(0.85)/π in theory, and of white noise. `lag_1_fine`: with Δ = 0.01.
    """
    samples, lags = settled(400, 1_000), (1, 5, 10, 20)
    white = np.random.default_rng(1).standard_normal(samples.shape)
    found = {f"lag_{lag}": value for lag, value in zip(lags, autocorrelation(samples, lags), strict=True)}
    return {
        **found,
        **{f"theory_{lag}": 0.85**lag for lag in lags},
        "lag_1_fine": autocorrelation(settled(400, 1_000, dt=0.01, seed=2), [1])[0],
        "sd": samples.std(),
        "sd_theory": OrnsteinUhlenbeck(1).stationary_std,
        "flips": (samples[:, 1:] * samples[:, :-1] < 0).mean(),
        "flips_theory": math.acos(0.85) / math.pi,
        "flips_white": (white[:, 1:] * white[:, :-1] < 0).mean(),
    }


@claim("CL-42")
def noise_that_travels():
    """Sums of 200 samples: deviation of Ornstein-Uhlenbeck noise over that of white noise of equal size, 40,000 runs.

    MountainCarContinuous with noise and no policy, 1,000 cars for 999 steps each: share that reaches the flag, in
    percent, with β = 0.15, σ = 0.5 and Δ = 1 from rest, with white noise of the same stationary size, and uniform.
    """
    samples = settled(40_000, 200, seed=3)
    white = samples.std() * np.random.default_rng(4).standard_normal(samples.shape)
    size = OrnsteinUhlenbeck(1, sigma=0.5).stationary_std
    return {
        "further": samples.sum(1).std() / white.sum(1).std(),
        "further_theory": reach(0.85, 200),
        "further_limit": math.sqrt(1.85 / 0.15),
        "car_ou": drive(0.15, size),
        "car_white": drive(1.0, size),
        "car_sd": size,
        "car_uniform": 100 * reach_rate(Uniform(1_000, seed=7)),
    }


@claim("CL-44")
def gradient_is_the_chain_rule():
    """32 states, 2 actions, double precision: the largest difference of the two gradients, and the largest entry."""
    whole, by_hand = chain_rule()
    return {"difference": (whole - by_hand).abs().max(), "largest": whole.abs().max()}


if __name__ == "__main__":
    regenerate()
