"""Explorers of lesson 5, second half: a minibatch under the microscope, and whose actions the actor learns from."""

import numpy as np

from rlcourse import plots
from rlcourse.experiments import lesson_05_replay as lab
from rlcourse.explorers.shell import Choice, Row, Slider, Toggle, explorer

ACTIONS = ("a₁", "a₂", "a₃")


@explorer(
    power=Slider("rows stored, 10 to the power", 1.5, 5, step=0.25, default=3),
    doublings=Slider("batch, 2 to the power", 0, 8, step=1, default=5),
    updates_per_step=Choice("updates for each step", (0.25, 1, 4, 16), default=1),
    grid=("power", "doublings"),
)
def replay_microscope(power, doublings, updates_per_step):
    """A bigger buffer mixes better, and holds older data: watch both at once.

    Environment steps follow each other slowly (correlation 0.999 from one to the next), and the policy changes
    steadily. The batch is drawn with replacement, as `rl.ReplayBuffer` does.
    """
    capacity, batch = round(10**power), 2**doublings
    drawn = lab.minibatch(capacity, batch, updates_per_step) if batch <= capacity else None
    ages = np.concatenate([[0], np.geomspace(1, lab.LONGEST, 80)])
    return plots.lesson_05_replay.microscope(
        capacity, batch, updates_per_step, drawn,
        correlation=lab.mixing(capacity), repeats=lab.expected_repeats(capacity, batch),
        mean_age=lab.mean_age(capacity), ages=ages, mismatches=lab.mismatch(ages),
        mean_mismatch=lab.mean_mismatch(capacity),
    )  # fmt: skip


@explorer(
    offset=Slider("added to every Q", 0, 100, step=1, default=0),
    batch=Slider("batch size", 1, 256, step=1, default=64),
    baseline=Toggle("subtract V from Q"),
    old=Row("buffer's policy β, parts", names=ACTIONS, low=1, high=100, step=1, default=(70, 20, 10)),
    new=Row("policy today π, parts", names=ACTIONS, low=1, high=100, step=1, default=(14, 23, 63)),
    q=Row("value Q", names=ACTIONS, low=-3, high=3, step=0.5, default=(1, 2, 1.5)),
    grid=("offset", "batch"),
)
def resample_or_not(offset, batch, baseline, old, new, q):
    """Whose actions, and with which weight? Watch the arrows for direction and the clouds for noise.

    One state, three actions. The parts are divided by their sum. Means and standard deviations are exact.
    """
    old, new = (np.asarray(parts, float) / sum(parts) for parts in (old, new))
    estimates, others = (lab.estimators(old, new, q, offset, subtract) for subtract in (baseline, not baseline))
    return plots.lesson_05_replay.whose_actions(
        old, new, q, offset, batch, lab.true_gradient(new, q), estimates, others, baseline=baseline
    )
