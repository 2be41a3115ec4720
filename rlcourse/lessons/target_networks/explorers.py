"""Explorers: the chase of a moving target, and maxima of errors."""

import functools

import numpy as np

from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.target_networks import experiments as numbers
from rlcourse.lessons.target_networks import plots
from rlcourse.lessons.target_networks.plots import NAMES

LONGEST = 100
MAPS = ("g and φ", "η and g")


def _scheme(target, every, tau):
    """A scheme's name in words, and its parameters."""
    return {
        "moving": ("moving target", {}),
        "hard copy": (f"hard copy, K = {every}", {"every": every}),
        "Polyak": (f"Polyak, κ = {tau:g}", {"tau": tau}),
    }[target]


@functools.lru_cache(maxsize=256)
def _chart(target, fixed, over, every, tau):
    """Growth factors over a grid: (x values, y values, growth, name of x, name of y)."""
    _, how = _scheme(target, every, tau)
    gains = np.linspace(0.5, 1.8, 53)
    if over == MAPS[0]:
        across, name = np.linspace(0, 180, 61), "angle φ, in degrees"
        rates = numbers.growth(target, fixed, gains[:, None], across, **how)
    else:
        across, name = np.linspace(0.05, 1.9, 75), "step size η"
        rates = numbers.growth(target, across, gains[:, None], fixed, **how)
    return across, gains, rates, name, "gain g"


@explorer(
    target=Choice("target network", numbers.SCHEMES, default="moving"),
    step_size=Slider("step size of the critic, η", 0.05, 1.9, step=0.05, default=0.3),
    gain=Slider("gain, g", 0.5, 1.8, step=0.05, default=0.9),
    angle=Slider("angle, φ", 0, 180, step=5, default=60),
    every=Slider("hard copy every K updates", 1, 50, step=1, default=5),
    tau=Choice("Polyak weight, κ", (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1), default=0.05),
    updates=Slider("updates", 0, LONGEST, step=1, default=6),
    chart=Choice("map over", MAPS, default=MAPS[0]),
    show_all=Toggle("compare all three"),
    grid=("gain", "target"),
)
def target_chase(target, step_size, gain, angle, every, tau, updates, chart, show_all):
    """The target chase: a critic runs after a target that its own copy sets; find where holding still helps."""
    words, how = _scheme(target, every, tau)
    rates = {}
    for name in numbers.SCHEMES:
        called, parameters = _scheme(name, every, tau)
        rates[called] = float(numbers.growth(name, step_size, gain, angle, **parameters))
    over = _chart(target, step_size if chart == MAPS[0] else angle, chart, every, tau)
    return plots.chase(
        numbers.chase(target, step_size, gain, angle, updates=LONGEST, **how),
        rates[words],
        (*over, (angle, gain) if chart == MAPS[0] else (step_size, gain)),
        how=words,
        step_size=step_size,
        gain=gain,
        angle=angle,
        updates=updates,
        others=rates if show_all else None,
    )


BACKUPS = 200
RULES = {NAMES[rule]: rule for rule in numbers.RULES}
"""The rules by what the explorers call them."""


@explorer(
    actions=Slider("actions, m", 2, 100, step=1, default=5),
    error=Slider("error, e", 0, 1, step=0.05, default=0.1),
    gamma=Slider("discount, γ", 0.5, 0.99, step=0.01, default=0.9),
    rule=Choice("the best action by", tuple(RULES), default=NAMES["single"]),
    draw=Slider("another draw, no.", 1, 10, step=1, default=1),
    show_all=Toggle("show all rules"),
    grid=("actions", "rule"),
)
def overestimation_lab(actions, error, gamma, rule, draw, show_all):
    """The overestimation lab: every action is worth 0, so whatever the maximum finds is error."""
    rule, backups = RULES[rule], np.arange(BACKUPS + 1)
    first, second = error * np.random.default_rng(draw).uniform(-1, 1, (2, actions))
    return plots.overestimation(
        first,
        second,
        {name: float(numbers.bias_of(name, actions, error)) for name in numbers.RULES},
        error * numbers.bootstrapped(rule, actions, gamma, backups=BACKUPS),
        {name: numbers.bias_after(name, actions, error, gamma, backups) for name in numbers.RULES},
        rule=rule,
        error=error,
        gamma=gamma,
        show_all=show_all,
    )


@explorer(
    error=Slider("error, standard deviation", 0, 0.5, step=0.05, default=0.1),
    length=Choice("errors change over", (0.05, 0.1, 0.15, 0.3, 0.6), default=0.15),
    rule=Choice("the best action by", tuple(RULES), default=NAMES["single"]),
    smoothing=Choice("noise on the target action", (0.0, 0.1, 0.2), default=0.0),
    draw=Slider("another draw, no.", 1, 20, step=1, default=1),
    show_all=Toggle("show all rules"),
    grid=("draw", "rule"),
)
def smooth_error_lab(error, length, rule, smoothing, draw, show_all):
    """Climbing one's own errors: an actor that maximises a wobbly critic stops on a bump that is not there."""
    rule = RULES[rule]
    curves = numbers.smooth_errors(length)
    first, second = (numbers.worth(numbers.GRID) + error * curve[draw - 1] for curve in curves)
    shown = numbers.RULES if show_all else (rule,)
    found = {name: numbers.climb(name, error, length, smoothing) for name in shown}
    place, wrong = found[rule].actions[draw - 1], found[rule].errors[draw - 1]
    true = numbers.worth(numbers.GRID[place])
    return plots.smooth_errors(
        plots.Draw(numbers.GRID, numbers.worth(numbers.GRID), first, second, numbers.GRID[place], true + wrong, true),
        {name: found[name].errors.mean() if name in found else 0.0 for name in numbers.RULES},
        rule=rule,
        error=error,
        length=length,
        smoothing=smoothing,
        draws=len(found[rule].errors),
        show_all=show_all,
    )
