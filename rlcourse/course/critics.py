"""Two ways to train a critic, raced on one random walk: bootstrapped targets against whole returns.

The walk has eleven cells and starts in the middle; leaving on the right pays 1, each reward has N(0, noise²) added.
The lesson on GAE asks which critic ends up better, that on actor-critics watches both learn.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

WALK = 11
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Step sizes that both critics are tried with."""
TRUTH = np.arange(1, WALK + 1) / (WALK + 1)
"""V of the eleven cells."""


class Tables(NamedTuple):
    """Tables V before the first and after every episode, for each of RATES and every run, without reward noise,
    and what reward noise of sd 1 adds to them. The learning rules are linear in the rewards, and the walks do not
    depend on them: for any noise the table is quiet + noise * added.
    """

    quiet: np.ndarray
    """Shape [episodes + 1, rates, runs, WALK]."""
    added: np.ndarray

    def at(self, noise):
        """The tables for reward noise of this standard deviation."""
        return self.quiet + noise * self.added

    def errors(self, noise):
        """Root mean square over the cells, shape [episodes + 1, rates, runs]."""
        return np.sqrt(((self.at(noise) - TRUTH) ** 2).mean(-1))


@cache
def race(runs=100, episodes=60, seed=0):
    """Both critics see the same episodes in the same order and start at V = 0.5 everywhere.

        TD(0)          V(s_t) ← V(s_t) + η (r_t + V(s_{t+1}) - V(s_t)),   after every step
        Monte Carlo    V(s_t) ← V(s_t) + η (R̂_t - V(s_t)),               after every episode

    Returns:
        (Tables of TD(0), Tables of Monte Carlo).
    """
    rng, rates, columns = np.random.default_rng(seed), np.array(RATES), np.arange(runs)
    # Cells 0 and 12 are the two ends, worth nothing; third axis: without noise, and what noise adds.
    td = np.zeros((runs, WALK + 2, 2, len(RATES)))
    td[:, 1:-1, 0] = 0.5
    monte_carlo = td.copy()
    seen = ([td[:, 1:-1].copy()], [monte_carlo[:, 1:-1].copy()])
    for _ in range(episodes):
        cells, pays, luck, walking = walks(rng, runs)
        rewards = np.stack([pays, luck], -1)[..., None]
        to_go = np.cumsum((rewards * walking[..., None, None])[::-1], axis=0)[::-1]
        for t in range(len(rewards)):
            here = columns[walking[t]]
            now, later = cells[t, here], cells[t + 1, here]
            td[here, now] += rates * (rewards[t, here] + td[here, later] - td[here, now])
            monte_carlo[here, now] += rates * (to_go[t, here] - monte_carlo[here, now])
        for history, table in zip(seen, (td, monte_carlo), strict=True):
            history.append(table[:, 1:-1].copy())
    # [episodes + 1, runs, cells, 2, rates] -> the two halves as [episodes + 1, rates, runs, cells]
    return tuple(Tables(*np.moveaxis(np.array(history), (3, 4, 1, 2), (0, 2, 3, 4))) for history in seen)


def walks(rng, runs):
    """One episode of every run.

    Returns:
        cells [T + 1, runs] (the end repeated), rewards without noise, standard normal noise, and whether the walker
        was still walking, [T, runs] each.
    """
    cells, pays, luck, walking = [np.full(runs, (WALK + 1) // 2)], [], [], []
    while (on := (cells[-1] > 0) & (cells[-1] <= WALK)).any():
        cells.append(cells[-1] + on * rng.choice((-1, 1), size=runs))
        pays.append((cells[-1] == WALK + 1) * 1.0)
        luck.append(rng.standard_normal(runs))
        walking.append(on)
    return np.array(cells), np.array(pays), np.array(luck), np.array(walking)
