"""Explorers: causality, a counterexample, one reward-to-go among many, the race of estimators, and where they push."""

import functools

import numpy as np

from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.reward_to_go import experiments as lab
from rlcourse.lessons.reward_to_go import plots

AVERAGED = {"1 episode": 1, "100 episodes": 100, "5,000 episodes": 5_000, "exact": None}


@explorer(
    steps=Slider("steps in an episode, T", 2, lab.LONGEST, step=1, default=10),
    gamma=Slider("discount, γ", 0.5, 1, step=0.05, default=1.0),
    episodes=Choice("mean of", tuple(AVERAGED), default="1 episode"),
    dropped=Toggle("leave out rewards of the past", default=False),
    grid=("episodes", "dropped"),
)
def causality_matrix(steps, gamma, episodes, dropped):
    """Causality matrix: look for cells that make noise and carry no signal.

    Row: the score of step t. Column: the reward of step t'. Area is size; hatched squares are negative.
    The discount counts from the start of the episode: a reward of step t' counts γ^t'.
    """
    return plots.causality(steps, gamma, AVERAGED[episodes], dropped, lab.causality(steps, gamma))


@explorer(
    episodes=Slider("episodes, N", 10, lab.RACE_EPISODES, step=10, default=10),
    reward_noise=Slider("noise of a reward, σ", 0, 2, step=0.25, default=0.5),
    offset=Slider("added to every reward", -2, 2, step=0.5, default=0),
    grid=("episodes",),
)
def variance_race(episodes, reward_noise, offset):
    """Variance race: look for the estimator that starts ahead and never arrives.

    Each line ends at the chosen number of episodes.
    """
    return plots.race(episodes, reward_noise, offset, lab.race(reward_noise, offset), lab.RACE_MARKS)


@functools.lru_cache(maxsize=16)
def _coin_curves(p):
    cs = np.linspace(0, 10, 41)
    return cs, np.array([lab.coin_game(c, p).variances for c in cs]).T


@explorer(
    c=Slider("first taken, then given back, c", 0, 10, step=0.5, default=0),
    p=Slider("a toss shows 1, p", 0.1, 0.9, step=0.1, default=0.5),
    grid=("c", "p"),
)
def counterexample_builder(c, p):
    """Counterexample: raise c until reward-to-go is worse than the whole return.

    Two tosses, four outcomes: nothing is sampled here.
    """
    return plots.coin_game(c, p, lab.coin_game(c, p), _coin_curves(p))


VISITS = {"the first visit": 1, "the first two": 2, "all": None}


@explorer(
    t=Slider("time step, t", 0, 9, step=1, default=4),
    cell=Slider("cell, s", 0, 5, step=1, default=2),
    action=Choice("action, a", ("left", "right"), default="right"),
    visits=Choice("show", tuple(VISITS), default="the first visit"),
    grid=("t", "visits"),
)
def reward_to_go_histogram(t, cell, action, visits):
    """One reward-to-go among many: find a place where two visits must agree.

    The same cell, the same time, the same action; what follows differs.
    """
    to_go, q = lab.visits_to_go(t, cell, ("left", "right").index(action))
    return plots.to_go_histogram(t, cell, action, VISITS[visits], to_go, q)


WEIGHTS = {"total return": "total", "reward-to-go": "reward-to-go", "same-step reward": "same-step"}


@explorer(
    weight=Choice("weight of each score", tuple(WEIGHTS), default="total return"),
    grid=("weight",),
)
def toll_pushes(weight):
    """Which way to go: the corridor with a toll, and where each weight pushes the policy.

    Marks are means of 40,000 episodes, with two standard errors.
    """
    return plots.pushes(WEIGHTS[weight], lab.pushes())
