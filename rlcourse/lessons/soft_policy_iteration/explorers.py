"""Explorers: the entropy bench, two passages, soft policy iteration step by step, the dial."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.distributions import categorical_entropy, gaussian_entropy
from rlcourse.lessons.soft_policy_iteration import experiments as numbers
from rlcourse.lessons.soft_policy_iteration import plots

# ---------------------------------------------------------------- entropy

SHAPES = {"one favourite": numbers.PEAKED, "nearly alike": numbers.FLAT}
NARROW = 0.24
"""Up to this standard deviation the axis is zoomed in."""


def _curve(sigma, family):
    """Points of a density with mean 0 on [-4, 4], or on [-1, 1] if it is narrow; and its differential entropy."""
    reach = 1 if sigma < NARROW + 1e-9 else 4
    if family == "normal":
        line = np.linspace(-reach, reach, 401)
        heights = np.exp(-0.5 * (line / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        return (line, heights), float(gaussian_entropy(sigma))
    width = numbers.width_of_uniform(sigma)
    half = width / 2
    ends = np.array([-reach, -half, -half, half, half, reach])
    return (ends, np.array([0, 0, 1, 1, 0, 0]) / width), math.log(width)


@explorer(
    temperature=Slider("temperature, T", 0.05, 10, step=0.05, default=1),
    weights=Choice("five actions", tuple(SHAPES), default="one favourite"),
    sigma=Slider("standard deviation, σ", 0.05, 3, step=0.01, default=1),
    family=Choice("density", ("normal", "uniform"), default="normal"),
    unit=Choice("unit", ("nats", "bits"), default="nats"),
    grid=("sigma",),
)
def entropy_bench(temperature, weights, sigma, family, unit):
    """The entropy bench: heat five actions, squeeze a density, and see which entropy has a floor."""
    probabilities = numbers.tempered(SHAPES[weights], temperature)
    curve, h = _curve(sigma, family)
    return plots.bench(
        probabilities,
        curve,
        entropies=(float(categorical_entropy(probabilities)), h),
        temperature=temperature,
        sigma=sigma,
        family=family,
        unit=unit,
    )


# ---------------------------------------------------------------- two passages


@cache
def _depths(alpha):
    """For every Gaussian of the map, the share of the map that is nearer to the Boltzmann policy."""
    depth = numbers.divergence_map(alpha)
    return depth.ravel().argsort().argsort().reshape(depth.shape) / depth.size


@explorer(
    alpha=Slider("temperature, α", 0.05, 2, step=0.05, default=0.3),
    mu=Slider("Gaussian's mean, μ", -3, 9, step=0.25, default=0),
    sigma=Slider("Gaussian's standard deviation, σ", 0.1, 5, step=0.1, default=0.4),
    fit=Toggle("fit from here (reverse KL)"),
    closed=Toggle("close passage 1"),
    grid=("alpha", "mu"),
)
def two_passages(alpha, mu, sigma, fit, closed):
    """Two passages: which policy finds the second one, and where does a Gaussian end that is fitted to both?"""
    walk = numbers.fit(mu, sigma, alpha) if fit else None
    if fit:
        mu, sigma = (float(x) for x in walk[-1])
    boltzmann, gaussian = (
        plots.Traveller(
            density,
            masses=(numbers.mass(density, -1, 1), numbers.mass(density, *numbers.SECOND)),
            earned=numbers.earned(density, open_1=not closed),
        )
        for density in (numbers.boltzmann_density(alpha), numbers.gaussian_density(mu, sigma))
    )
    return plots.passages(
        numbers.FINE,
        numbers.passages(numbers.FINE),
        numbers.passages(numbers.FINE, open_1=False),
        boltzmann,
        gaussian,
        plots.Fit(mu, sigma, numbers.divergence(mu, sigma, alpha)[0], walk),
        alpha=alpha,
        closed=closed,
        landscape=_depths(alpha),
    )


# ---------------------------------------------------------------- soft policy iteration

ROUNDS, BACKUPS = 6, 60
STARTS = ("uniform", "random", "the optimum")
ALPHAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


@cache
def _rounds(alpha, gamma, start, forget):
    """Policies and their soft Q of rounds 0 to 6 on the grid world."""
    mdp = numbers.grid_world()
    policy = {
        "uniform": lambda: torch.full_like(mdp.rewards, 0.25),
        "random": lambda: torch.from_numpy(np.random.default_rng(2).dirichlet(np.ones(4), 16)),
        "the optimum": lambda: exact.soft_policy_iteration(mdp, gamma=gamma, alpha=alpha).policy,
    }[start]()
    target = 1.0 if forget else alpha
    policies, values = numbers.improve([mdp], policy[None], alpha=alpha, target=target, rounds=ROUNDS, gamma=gamma)
    return [policy[0] for policy in policies], [value[0] for value in values]


@cache
def _scores(alpha, gamma, start, forget, rounds):
    """Reward and soft value from the start cell, under the policy of one round."""
    mdp, policy = numbers.grid_world(), _rounds(alpha, gamma, start, forget)[0][rounds]
    soft = exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha).V
    return exact.evaluate(mdp, policy, gamma=gamma).V[numbers.START].item(), soft[numbers.START].item()


@explorer(
    rounds=Slider("rounds of improvement", 0, ROUNDS, step=1, default=1),
    backups=Slider("backups since", 0, BACKUPS, step=1, default=0),
    alpha=Choice("temperature, α", ALPHAS, default=0.2),
    gamma=Slider("discount, γ", 0.5, 0.99, step=0.01, default=0.9),
    start=Choice("first policy", STARTS, default="uniform"),
    forget=Toggle("forget α: π ∝ exp(Q)"),
    grid=("rounds", "backups"),
)
def soft_iteration(rounds, backups, alpha, gamma, start, forget):
    """Soft policy iteration under the microscope: evaluate, improve, and look for a value that falls."""
    mdp, cells = numbers.grid_world(), numbers.CELLS
    policies, values = _rounds(alpha, gamma, start, forget)
    policy = policies[rounds]
    before = values[rounds - 1] if rounds else None
    tables, errors = numbers.errors(mdp, policy, gamma=gamma, alpha=alpha, backups=backups, start=before)
    reward, soft = _scores(alpha, gamma, start, forget, rounds)
    changes = [(b - a)[cells].numpy() for a, b in pairwise(values[: rounds + 1])]
    return plots.microscope(
        policy[cells].numpy(),
        tables[-1][cells].numpy(),
        plots.World(cells, numbers.GOAL, numbers.PIT, numbers.START, numbers.PAYS),
        plots.Progress(rounds, backups, errors.numpy(), changes),
        alpha=alpha,
        gamma=gamma,
        scores=(reward, soft, float(categorical_entropy(policy[numbers.START]))),
        forget=forget,
    )


# ---------------------------------------------------------------- the dial

DIAL = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10)


@cache
def _frontier():
    """Entropies and rewards of the soft optima at temperatures from 0.003 to 300."""
    points = [numbers.dial(float(alpha)) for alpha in np.geomspace(0.003, 300, 60)]
    return [point.entropy for point in points], [point.reward for point in points]


@explorer(
    alpha=Choice("temperature, α", DIAL, default=0.1),
    scale=Choice("all rewards times", (0.1, 1, 10), default=1),
    show_all=Toggle("show every α"),
    grid=("alpha", "scale"),
)
def alpha_dial(alpha, scale, show_all):
    """The dial: what a nat of entropy costs, and which α is the same dial for larger rewards."""
    found = numbers.dial(float(alpha), float(scale))
    best = numbers.dial(0.001)
    nothing = numbers.dial(1e6)
    return plots.dial(
        found.policy.numpy(),
        best.policy.argmax(-1).numpy(),
        alpha=alpha,
        scale=scale,
        reward=found.reward,
        entropy=found.entropy,
        best=best.reward,
        uniform=(nothing.entropy, nothing.reward),
        frontier=_frontier() if show_all else None,
    )
