"""Explorers of lesson 1: the causality matrix, the variance race, a counterexample, and one reward-to-go among many."""

import functools

import numpy as np

from rlcourse import plots
from rlcourse.experiments import lesson_01 as lab
from rlcourse.explorers.shell import Choice, Slider, Toggle, explorer


@explorer(
    steps=Slider("steps in an episode, T", 2, lab.LONGEST, step=1, default=10),
    gamma=Slider("discount, γ", 0.5, 1, step=0.05, default=1.0),
    dropped=Toggle("drop rewards of the past", default=False),
    grid=("steps", "gamma"),
)
def causality_matrix(steps, gamma, dropped):
    """Causality matrix: look for cells that make noise and carry no signal.

    Row: the score of step t. Column: the reward of step t'. Area is size; hatched squares are negative.
    """
    return plots.lesson_01.causality(steps, gamma, dropped, lab.causality(steps, gamma))


@explorer(
    episodes=Slider("episodes, N", 10, lab.RACE_EPISODES, step=10, default=100),
    reward_noise=Slider("noise of a reward, σ", 0, 2, step=0.25, default=0.5),
    offset=Slider("added to every reward", -2, 2, step=0.5, default=0),
    grid=("reward_noise", "offset"),
)
def variance_race(episodes, reward_noise, offset):
    """Variance race: look for the estimator that starts ahead and never arrives.

    Four slopes of minus one half, and one that bends into a level.
    """
    return plots.lesson_01.race(episodes, reward_noise, offset, lab.race(reward_noise, offset), lab.RACE_MARKS)


@functools.lru_cache(maxsize=16)
def _coin_curves(p):
    cs = np.linspace(0, 10, 41)
    return cs, np.array([lab.coin_game(c, p).variances for c in cs]).T


@explorer(
    c=Slider("first taken, then given back, c", 0, 10, step=0.5, default=5),
    p=Slider("a toss shows 1, p", 0.1, 0.9, step=0.1, default=0.5),
    grid=("c", "p"),
)
def counterexample_builder(c, p):
    """Counterexample: raise c until reward-to-go is worse than the whole return.

    Two tosses, four outcomes: nothing is sampled here.
    """
    return plots.lesson_01.coin_game(c, p, lab.coin_game(c, p), _coin_curves(p))


@explorer(
    t=Slider("time step, t", 0, 9, step=1, default=4),
    cell=Slider("cell, s", 0, 5, step=1, default=2),
    action=Choice("action, a", ("left", "right"), default="right"),
    grid=("t", "cell"),
)
def reward_to_go_histogram(t, cell, action):
    """One reward-to-go among many: find a place where two visits must agree.

    The same cell, the same time, the same action; what follows differs.
    """
    to_go, q = lab.visits_to_go(t, cell, ("left", "right").index(action))
    return plots.lesson_01.to_go_histogram(t, cell, action, to_go, q)
