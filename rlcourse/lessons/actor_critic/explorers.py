"""Explorers: batch beside online, the map of step sizes, how fast a critic should learn, two critics in training."""

import numpy as np

from rlcourse.course import critics
from rlcourse.course.widgets.controls import Choice, Slider
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.actor_critic import experiments as numbers
from rlcourse.lessons.actor_critic import plots

LAST_STEP = len(numbers.EPISODES[0])
CRITICS = {"returns (Monte Carlo)": "mc", "TD targets": "td"}


@explorer(
    episode=Slider("episode", 1, len(numbers.EPISODES), step=1, default=1),
    step=Slider("step of the episode", 0, LAST_STEP, step=1, default=2),
    step_size=Slider("step size, η", 0.1, 1, step=0.1, default=0.5),
    noise=Slider("reward noise, σ", 0, 1, step=0.25, default=0),
    critic=Choice("batch fits V to", tuple(CRITICS), default="returns (Monte Carlo)"),
    grid=("episode", "step"),
)
def batch_or_online(episode, step, step_size, noise, critic):
    """One walk, two readers: see who learns what, and when."""
    moment = numbers.read_record(episode, step, step_size=step_size, noise=noise, critic=CRITICS[critic])
    exits = tuple(numbers.PAYS[[0, -1]] - numbers.STEP_COST)
    return plots.readers(
        moment, moves=numbers.EPISODES[episode - 1], episode=episode, step=step, exits=exits, step_size=step_size
    )


@explorer(
    batch=Choice("batch size, B", numbers.BATCHES, default=64),
    exponent=Slider("step size η = 10^x, x", -2, 0, step=0.2, default=-0.4),
    noise=Slider("reward noise, σ", 0, 1.5, step=0.25, default=0),
    against=Choice("curves drawn against", ("η", "η / B"), default="η"),
    grid=("noise", "against"),
)
def step_size_map(batch, exponent, noise, against):
    """Batch size against step size: find the cells that are equally good, then divide η by B.

    Every cell is the share of 256 learners that solve the two exits in 16,000 steps of their own, whatever the batch.
    """
    solved, _ = numbers.step_size_map()
    return plots.step_size_map(
        solved[numbers.NOISES.index(noise)],
        numbers.BATCHES,
        numbers.STEP_SIZES,
        batch=batch,
        step_size=10.0**exponent,
        noise=noise,
        against=against,
    )


@explorer(
    noise=Choice("reward noise, σ", numbers.CRITIC_NOISES, default=0.0),
    critic_step=Choice("critic's step size, η_V", numbers.CRITIC_STEPS, default=0.1),
    against=Choice("curves drawn against", ("η_V", "η_V / η"), default="η_V / η"),
    grid=("noise", "critic_step"),
)
def critic_steps(noise, critic_step, against):
    """How fast should a critic learn? Turn up the noise and look where each curve is highest.

    Every point is the share of 512 learners that solve the two exits in 16,000 steps, one update per step.
    """
    return plots.critic_steps(
        numbers.critic_map()[numbers.CRITIC_NOISES.index(noise)],
        numbers.ACTOR_STEPS,
        numbers.CRITIC_STEPS,
        noise=noise,
        chosen=critic_step,
        against=against,
    )


@explorer(
    noise=Slider("reward noise, σ", 0, 1, step=0.1, default=0.3),
    td_rate=Choice("step size of TD(0)", critics.RATES, default=0.1),
    mc_rate=Choice("step size of Monte Carlo", critics.RATES, default=0.03),
    episode=Slider("look after episode", 1, 60, step=1, default=60),
    grid=("noise", "episode"),
)
def critic_race(noise, td_rate, mc_rate, episode):
    """Two critics on the same walks: give each of them the step size that suits it, then turn up the noise.

    Lines are means of 100 runs of a random walk of eleven cells, bands hold the middle 50.
    """
    td, monte_carlo = critics.race()
    return plots.critic_race(
        critics.RATES,
        td.errors(noise),
        monte_carlo.errors(noise),
        td_rate=td_rate,
        mc_rate=mc_rate,
        noise=noise,
        episode=episode,
        start=float(np.sqrt(((0.5 - critics.TRUTH) ** 2).mean())),
    )
