"""Explorers: a minibatch, the order of samples, critics of old data, whose actions, and how often a record is used."""

import numpy as np

from rlcourse.course.widgets.controls import Choice, Row, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.off_policy_actor_critic import experiments as lab
from rlcourse.lessons.off_policy_actor_critic import plots, stream

ACTIONS = ("a₁", "a₂", "a₃")


@explorer(
    power=Slider("rows stored, 10 to the power", 1.5, 5, step=0.25, default=2),
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
    drawn = stream.minibatch(capacity, batch, updates_per_step) if batch <= capacity else None
    ages = np.concatenate([[0], np.geomspace(1, stream.LONGEST, 80)])
    return plots.microscope(
        capacity,
        batch,
        updates_per_step,
        drawn,
        correlation=stream.mixing(capacity),
        repeats=stream.expected_repeats(capacity, batch),
        mean_age=stream.mean_age(capacity),
        mismatch=plots.Mismatch(ages, stream.mismatch(ages), stream.mean_mismatch(capacity)),
    )


BUFFERS = {"not yet": None, "100 rows": "replay, 100", "1,000 rows": "replay, 1000", "all rows": "replay, all"}


@explorer(buffer=Choice("a buffer of", tuple(BUFFERS), default="not yet"), grid=("buffer",))
def order_of_samples(buffer):
    """Is it really the order? Ten networks learn one curve from the same samples.

    A network of 32 tanh units learns sin 3x from 8,000 samples, one per update. The dashed curve is the truth.
    """
    return plots.order_of_samples(stream.GRID, stream.online_regression(), BUFFERS[buffer])


CRITICS = {"none yet": None, "V": "V", "Q, next action drawn now": "Q", "Q, next action of the buffer": "Q_stored"}


@explorer(critic=Choice("critic fitted to the buffer", tuple(CRITICS), default="none yet"), grid=("critic",))
def critic_of_old_data(critic):
    """Which critic can learn from old data? Fit one, and see on whose values it lands.

    Four rooms; the buffer holds 4,000 steps of the old policy.
    """
    return plots.which_critic(lab.critics(), CRITICS[critic])


@explorer(
    uses=Choice("uses of each step, up to", lab.USES, default=0),
    critic_step=Choice("step size of the critic", lab.CRITIC_STEPS, default=0.05),
    grid=("uses", "critic_step"),
)
def uses_of_a_record(uses, critic_step):
    """What is old experience worth? Use the same 1,000 steps again and again.

    Mean over 200 learners, each with its own record of a walker who tossed a coin at each step.
    """
    shown = lab.USES.index(uses) + 1
    values = lab.from_a_record(critic_step)
    return plots.value_of_a_record(lab.USES, values, shown, critic_step=critic_step, best=lab.always_right())


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
    truth, estimates = lab.true_gradient(new, q), lab.estimators(old, new, q, offset, baseline)
    left = batch * lab.effective_share(old, new)
    return plots.whose_actions(old, new, q, offset, batch, truth, estimates, left, baseline=baseline)
