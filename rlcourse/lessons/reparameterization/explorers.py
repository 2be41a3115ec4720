"""Explorers: two estimators that train policies, the gradient's way back, their variance, the squash lab."""

from functools import lru_cache

import numpy as np

from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.reparameterization import experiments as numbers
from rlcourse.lessons.reparameterization import plots
from rlcourse.lessons.reparameterization import race as learners

FIVE = np.array([-1.5, -0.7, 0.1, 0.8, 1.7])
"""Noise of the draws that are shown one by one."""
SIGMAS = np.arange(1, 101) * 0.05


@explorer(
    dims=Choice("components of the action, d", (1, 4, 16), default=1),
    draws=Choice("draws per step", (1, 4, 16), default=1),
    steps=Slider("gradient steps", 0, learners.STEPS, step=2, default=50),
    grid=("dims", "steps"),
)
def race(dims, draws, steps):
    """Two populations of policies climb one bowl: one follows slopes of Q, the other heights."""
    return plots.race(
        learners.middles(dims, draws), steps, dims=dims, draws=draws, total_steps=learners.STEPS, seeds=learners.SEEDS
    )


@explorer(
    road=Choice("draw the action with", numbers.ROADS, default="rsample()"),
    noise=Slider("noise, ξ", -2, 2, step=0.1, default=0.5),
    mu=Slider("mean, μ", -1, 2, step=0.1, default=0),
    sigma=Slider("standard deviation, σ", 0.2, 2, step=0.1, default=1),
    average=Toggle("average of 10,000 draws"),
    grid=("road", "noise"),
)
def gradient_path(road, noise, mu, sigma, average):
    """The way back: follow the blue arrows from the loss to μ and σ, then change how the action is drawn."""
    draws = numbers.many_draws(road, mu, sigma, numbers.fixed_noise()) if average else None
    return plots.gradient_path(
        numbers.one_draw(road, mu, sigma, noise),
        road,
        mu=mu,
        sigma=sigma,
        noise=noise,
        alpha=numbers.ALPHA,
        exact=numbers.exact_gradient(mu, sigma),
        mean=draws.mean(1) if average else None,
        error=draws.std(1) / draws.shape[1] ** 0.5 if average else None,
    )


@explorer(
    kind=Choice("critic, Q", ("bowl", "wave"), default="bowl"),
    dims=Slider("dimension of the bowl, d", 1, 64, step=1, default=1),
    k=Slider("frequency of the wave, k", 1, 50, step=1, default=1),
    mu=Slider("mean, μ", -1.5, 1.5, step=0.1, default=0.5),
    sigma=Slider("standard deviation, σ", 0.1, 1, step=0.1, default=0.5),
    samples=Choice("draws in an estimate", numbers.SAMPLES, default=1),
    baseline=Toggle("score: subtract the mean of Q", default=True),
    grid=("kind", "k"),
)
def two_estimators(kind, dims, k, mu, sigma, samples, baseline):
    """Slope or height: which of two estimators of the same gradient is quieter?"""

    if kind == "bowl":
        name = f"Q(a) = −|a|²,  d = {dims}"
        axis = "action a, first component" if dims > 1 else "action a"
        critic = plots.Critic(name, lambda actions: (-(actions**2), -2 * actions), axis)
    else:
        name = f"Q(a) = sin({'' if k == 1 else k}a)"
        critic = plots.Critic(name, lambda actions: (np.sin(k * actions), k * np.cos(k * actions)), "action a")
    paths, scores = numbers.estimates(kind, mu, sigma, k, dims, samples, baseline)
    return plots.two_estimators(
        critic,
        numbers.moments(kind, mu, sigma, k, dims, baseline),
        paths,
        scores,
        mu=mu,
        sigma=sigma,
        samples=samples,
        baseline=baseline,
        points=mu + sigma * FIVE,
    )


@lru_cache(maxsize=128)
def _trail(mu, scale):
    """σ, h(u) and h(a) along the axis of the squash lab."""
    return SIGMAS, *numbers.entropies(np.full_like(SIGMAS, mu), SIGMAS, scale)


@explorer(
    mu=Slider("mean, μ", -3, 3, step=0.1, default=1.5),
    sigma=Slider("standard deviation, σ", 0.05, 5, step=0.05, default=0.5),
    scale=Slider("half-width of the box, c", 0.5, 2, step=0.25, default=1),
    float32=Toggle("formula as written, in float32"),
    show_all=Toggle("entropy for all σ"),
    grid=("mu", "sigma"),
)
def squash_lab(mu, sigma, scale, float32, show_all):
    """The squash lab: make the Gaussian wider, and watch when the action stops being more random."""
    u = np.unique(np.concatenate([np.linspace(-8, 8, 201), mu + sigma * np.linspace(-4, 4, 81)]))
    reach = np.unique(np.concatenate([np.linspace(-4, 4, 301), np.clip(mu + sigma * np.linspace(-4, 4, 121), -7, 7)]))
    actions = scale * np.tanh(reach)
    x = np.linspace(-16, 16, 641)
    trail = _trail(mu, scale)
    at = round(sigma / 0.05) - 1
    written, patched = (
        numbers.in_float32(name, x) if float32 else None for name in ("as written", "as written, + 1e-6")
    )
    return plots.squash(
        mu,
        sigma,
        scale,
        plots.Densities(
            u,
            numbers.gaussian_density(u, mu, sigma),
            actions,
            *numbers.densities(actions, mu, sigma, scale),
            areas=numbers.areas(mu, sigma, scale, 2001),
        ),
        plots.Formulas(x, numbers.in_float32("stable", x), written, patched, numbers.broken_share(mu, sigma)),
        entropy=(trail[1][at], trail[2][at]),
        trail=trail,
        edge=numbers.near_edge(mu, sigma),
        show_all=show_all,
    )
