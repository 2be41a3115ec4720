"""Explorers: the shoot-out, a keeper who watches, the baseline parabola, learning with a baseline, actor and critic."""

import functools

import numpy as np

from rlcourse.course.widgets.controls import Slider
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.advantage import experiments as lab
from rlcourse.lessons.advantage import plots


@explorer(
    p=Slider("kicker shoots left, p", 0, 1, step=0.05, default=0.5),
    q=Slider("keeper dives right, q", 0, 1, step=0.05, default=1.0),
    kicks=Slider("kicks taken", 1, 2000, step=1, default=20),
    offset=Slider("added to every pay-off", -3, 3, step=0.5, default=0),
    grid=("p", "q"),
)
def shootout_lab(p, q, kicks, offset):
    """Penalty shoot-out: change either player's mind and watch the advantage of the same kick change.

    Directions are the kicker's. Bars are exact; circles are means of the first `kicks` sampled kicks.
    """
    return plots.shootout(p, q, offset, kicks, lab.shootout(p, q, offset), lab.play(p, q, kicks, offset))


@explorer(
    p=Slider("kicker shoots left, p", 0.5, 0.9, step=0.05, default=0.6),
    kicks=Slider("kicks taken", 1, 400, step=1, default=1),
    grid=("p", "kicks"),
)
def watched_kicker(p, kicks):
    """A keeper who watches: two kickers with the same policy, one draws from it, one always plays its likelier side."""
    return plots.watched(p, lab.watched(p, kicks), lab.watched(1.0, kicks))


@explorer(
    b=Slider("your baseline, b", -10, 10, step=0.1, default=1),
    p=Slider("left is chosen, p", 0.05, 0.95, step=0.05, default=0.3),
    q_left=Slider("mean return of left, Q_L", -5, 5, step=0.5, default=5),
    q_right=Slider("mean return of right, Q_R", -5, 5, step=0.5, default=2),
    sd_left=Slider("std of left's return", 0, 3, step=0.5, default=2),
    sd_right=Slider("std of right's return", 0, 3, step=0.5, default=1),
    grid=("b", "p"),
)
def baseline_parabola(b, p, q_left, q_right, sd_left, sd_right):
    """Two kinds of noise: the baseline moves you along a parabola, and V is not its lowest point."""
    Q, sd = (q_left, q_right), (sd_left, sd_right)
    baselines = {
        "none": 0.0,
        "V": p * q_left + (1 - p) * q_right,
        "yours": b,
        "best": lab.best_baseline(p, Q),
    }

    def curve(at):
        return np.add(*lab.variance_terms(p, Q, sd, at))

    return plots.parabola(
        baselines,
        {name: float(curve(at)) for name, at in baselines.items()},
        lab.variance_terms(p, Q, sd, 0.0)[0],
        lab.expected_gradient(p, Q, 0.0),
        curve,
    )


@functools.lru_cache(maxsize=64)
def _ensemble(baseline, offset, step_size, series):
    history = lab.learners(baseline, offset=offset, step_size=step_size, seed=series)
    lost = lab.stuck(history)
    return history, lost, np.median(lab.updates_to_solve(history)[~lost])


@explorer(
    offset=Slider("added to every pay-off", 0, 5, step=0.5, default=0),
    step_size=Slider("step size, η", 0.1, 1, step=0.1, default=0.5),
    series=Slider("another 200 kickers, no.", 1, 10, step=1, default=1),
    grid=("offset", "step_size"),
)
def learning_with_baseline(offset, step_size, series):
    """200 kickers learn, one kick per update: the baseline decides not only how fast, but what they learn."""
    without = _ensemble("none", offset, step_size, series)
    with_value = _ensemble("value", 0.0, step_size, series)  # V holds the offset too: it cancels
    return plots.learning(
        offset,
        step_size,
        without[0],
        with_value[0],
        stuck=(without[1], with_value[1]),
        medians=(without[2], with_value[2]),
    )


@explorer(
    step=Slider("step of the walk", 1, len(lab.EPISODE), step=1, default=1),
    gamma=Slider("discount, γ", 0.5, 1, step=0.05, default=0.95),
    right=Slider("actor goes right, π", 0.1, 0.9, step=0.1, default=0.5),
    grid=("step", "gamma"),
)
def actor_critic_loop(step, gamma, right):
    """Actor and critic: the same reward, judged by what was expected."""
    V, seen = lab.judge_step(step, gamma, right)
    return plots.actor_critic(step, len(lab.EPISODE), gamma, right, V, seen)
