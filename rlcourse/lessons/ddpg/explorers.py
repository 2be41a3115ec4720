"""Explorers: the actor's climb, the price of a search over actions, and exploration noise."""

import numpy as np

from rlcourse.course import puck
from rlcourse.course.claims import results
from rlcourse.course.widgets.controls import Choice, Slider
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.ddpg import diagrams, plots
from rlcourse.lessons.ddpg import experiments as lab
from rlcourse.noise import OrnsteinUhlenbeck

GRID = np.linspace(-lab.BOUND, lab.BOUND, 401)


@explorer(
    start=Slider("the actor starts at μ", -1.9, 1.9, step=0.1, default=-0.3),
    steps=Slider("steps", 0, 100, step=1, default=0),
    step_size=Slider("step size η", 0.005, 0.06, step=0.005, default=0.01),
    spike=Slider("spike that only the critic has", 0, 1, step=0.1, default=0),
    left_place=Slider("left hump: position", -1.8, 0, step=0.1, default=-1.1),
    left_height=Slider("left hump: height", 0, 2, step=0.1, default=0.9),
    left_width=Slider("left hump: width", 0.2, 0.8, step=0.05, default=0.4),
    right_place=Slider("right hump: position", 0, 1.8, step=0.1, default=1.2),
    right_height=Slider("right hump: height", 0, 2, step=0.1, default=1.5),
    right_width=Slider("right hump: width", 0.2, 0.8, step=0.05, default=0.45),
    grid=("start", "steps"),
)
def chain_rule_lab(
    start, steps, step_size, spike, left_place, left_height, left_width, right_place, right_height, right_width
):
    """The actor climbs what the critic says: watch where it ends, and what that is truly worth.

    One state, actions in [-2, 2], an actor with one weight, μ = 2 tanh θ. The spike at a = 0.5 is an error of the
    critic.
    """
    humps = [(left_place, left_height, left_width), (right_place, right_height, right_width)]
    seen = [*humps, (lab.SPIKE[0], spike, lab.SPIKE[1])]
    path = lab.climb(start, seen, step_size, steps)
    return plots.chain_rule(
        path,
        GRID,
        lab.bells(GRID, seen)[0],
        lab.bells(GRID, humps)[0],
        lab.best(humps),
        (lab.bells(path.mu, seen)[0], lab.bells(path.mu, humps)[0]),
        step_size=step_size,
        bound=lab.BOUND,
        spike=spike > 0,
    )


@explorer(
    dimensions=Slider("dimensions of the action, d", 1, 6, step=1, default=1),
    points=Slider("values tried on each axis", 3, 81, step=2, default=41),
    grid=("dimensions", "points"),
)
def argmax_meter(dimensions, points):
    """What the best of all actions costs: watch the count when an axis is added."""
    counts = [lab.evaluations(d, points) for d in range(1, dimensions + 1)]
    timed = dimensions <= 3 and points == lab.POINTS
    search, actor = results().get("CL-35", {}), results().get("CL-36", {})
    times = (search[f"ms_{dimensions}"], actor[f"ms_{dimensions}"]) if timed and search and actor else None
    return plots.argmax_price(dimensions, points, counts, times)


LAGS = np.arange(41)
RUNS, STEPS = 60, 200


@explorer(
    beta=Slider("pull back, β", 0.01, 1, step=0.01, default=1),
    sigma=Slider("kick, σ", 0.05, 1, step=0.05, default=0.2),
    dt=Choice("time of a step, Δ", (0.01, 0.1, 0.5, 1), default=1),
    mu=Slider("the actor says μ, in half-widths", 0, 1, step=0.05, default=0),
    grid=("beta", "sigma"),
)
def noise_lab(beta, sigma, dt, mu):
    """Correlated noise against white noise of the same size: watch how far its sum goes, and what the box cuts off."""
    process = OrnsteinUhlenbeck(1, theta=beta, sigma=sigma, dt=dt)
    keep, sd = 1 - beta * dt, process.stationary_std
    samples = lab.settled(RUNS, STEPS, theta=beta, sigma=sigma, dt=dt, seed=1)
    white = sd * lab.white_samples(RUNS, STEPS)
    return plots.noise(
        plots.Noise(samples, lab.autocorrelation(samples, LAGS), lab.cars_that_arrive(keep, sd)),
        plots.Noise(white, lab.autocorrelation(white, LAGS), lab.cars_that_arrive(0.0, sd)),
        LAGS,
        keep**LAGS,
        parameters=(beta, sigma, dt),
        sd=sd,
        reach=lab.reach(keep, STEPS),
        mu=mu,
        clipped=lab.clipped(mu, sd),
    )


@explorer(
    step=Slider("step", 0, diagrams.STEPS, step=1, default=0),
    gamma=Slider("discount, γ", 0, 0.99, step=0.01, default=0.9),
    tau=Choice("weight of the online nets, κ", (0, 0.005, 0.05, 0.5, 1), default=0.05),
    grid=("step", "tau"),
)
def update_stepper(step, gamma, tau):
    """Play one update: follow four rows through lines 5 to 12 of DDPG, and watch who learns from whom."""
    return diagrams.one_update(puck.one_update(gamma, tau), step, gamma=gamma, tau=tau)
