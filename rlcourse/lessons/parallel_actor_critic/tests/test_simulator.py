"""The simulator of workers and learner, against closed forms, against a count by hand, and against real processes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlcourse import training
from rlcourse.lessons.parallel_actor_critic.simulator import constant, empirical, exponential, lognormal, simulate

WORKERS = st.integers(1, 12)
SPREADS = st.floats(0.0, 1.0)
SEEDS = st.integers(0, 2**31 - 1)
MODES = st.sampled_from(["sync", "async"])
APPLY = st.sampled_from([0.0, 0.01, 0.1, 0.5, 2.0])
TIMES = st.lists(st.floats(0.1, 10.0), min_size=1, max_size=6)

# ---------------------------------------------------------------- synchronous: E[mean] / E[max]


def expected_max_of(times, workers):
    """E[max of N draws] from a list of equally likely times, by the definition of the maximum's distribution."""
    ordered, n = sorted(times), len(times)
    return sum(value * (((k + 1) / n) ** workers - (k / n) ** workers) for k, value in enumerate(ordered))


def expected_max_lognormal(spread, workers, points=200_001):
    """E[max of N draws] of the lognormal law of mean 1: the integral of 1 - F(t)^N."""
    t = np.linspace(1e-9, 60.0, points)
    z = (np.log(t) + spread**2 / 2) / spread
    below = 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))
    return np.trapezoid(1 - below**workers, t)


@pytest.mark.parametrize("workers", [1, 2, 16, 64])
def test_sync_efficiency_is_one_over_the_harmonic_number_for_exponential_times(workers):
    efficiency = simulate(workers, exponential(3.0), mode="sync", updates=20_000).efficiency
    assert efficiency == pytest.approx(1 / sum(1 / k for k in range(1, workers + 1)), rel=0.03)


@pytest.mark.covers("CL-19")
@pytest.mark.parametrize(("workers", "spread", "known"), [(16, 0.25, 0.66), (16, 0.75, 0.32), (64, 0.25, 0.57)])
def test_sync_efficiency_is_mean_over_expected_maximum_for_lognormal_times(workers, spread, known):
    efficiency = simulate(workers, lognormal(spread), mode="sync", updates=10_000).efficiency
    assert efficiency == pytest.approx(1 / expected_max_lognormal(spread, workers), rel=0.02)
    assert efficiency == pytest.approx(known, abs=0.01)


@settings(deadline=None, max_examples=30)
@given(TIMES, WORKERS)
def test_sync_efficiency_is_mean_over_expected_maximum_for_measured_times(times, workers):
    efficiency = simulate(workers, times, mode="sync", updates=4_000).efficiency
    assert efficiency == pytest.approx(np.mean(times) / expected_max_of(times, workers), rel=0.15)


@pytest.mark.parametrize(("workers", "apply_time"), [(1, 0.0), (16, 0.0), (16, 0.25)])
def test_equal_workers_never_wait_for_each_other_only_for_the_update(workers, apply_time):
    timeline = simulate(workers, constant(2.0), mode="sync", updates=40, apply_time=apply_time)
    assert timeline.efficiency == pytest.approx(2.0 / (2.0 + apply_time))
    assert timeline.updates_per_time == pytest.approx(1 / (2.0 + apply_time))
    assert timeline.gradients_per_time == pytest.approx(workers / (2.0 + apply_time))
    assert not timeline.staleness.any()


# ---------------------------------------------------------------- asynchronous: N - 1, and the learner's limit


@pytest.mark.covers("CL-20")
@settings(deadline=None, max_examples=40)
@given(WORKERS, SPREADS, APPLY, SEEDS)
def test_mean_staleness_is_one_less_than_the_number_of_workers(workers, spread, apply_time, seed):
    timeline = simulate(workers, lognormal(spread), updates=400 * workers, apply_time=apply_time, seed=seed)
    assert timeline.mean_staleness == pytest.approx(workers - 1, abs=0.5)


@settings(deadline=None, max_examples=40)
@given(WORKERS, SPREADS, SEEDS)
def test_without_a_learners_time_nobody_waits(workers, spread, seed):
    timeline = simulate(workers, lognormal(spread), updates=300 * workers, seed=seed)
    assert timeline.efficiency == pytest.approx(1.0)
    assert timeline.updates_per_time == pytest.approx(workers, rel=0.25)


@settings(deadline=None, max_examples=40)
@given(WORKERS, SPREADS, APPLY.filter(bool), SEEDS)
def test_updates_per_time_lie_between_the_bounds_of_queueing_theory(workers, spread, a, seed):
    timeline = simulate(workers, lognormal(spread), updates=600 * workers, apply_time=a, seed=seed)
    low, high = workers / (1 + workers * a), min(workers / (1 + a), 1 / a)
    assert 0.9 * low <= timeline.updates_per_time <= 1.1 * high
    assert timeline.learner_busy <= 1 + 1e-9


@pytest.mark.parametrize("workers", [200, 2_000])
def test_the_learner_saturates(workers):
    timeline = simulate(workers, lognormal(0.5), updates=10 * workers, apply_time=0.02)
    assert timeline.updates_per_time == pytest.approx(50, rel=1e-3)
    assert timeline.learner_busy == pytest.approx(1.0, rel=1e-3)
    assert timeline.efficiency == pytest.approx(50 / workers, rel=0.05)
    assert timeline.mean_staleness == pytest.approx(workers - 1, rel=0.01)


def test_equal_workers_take_turns():
    timeline = simulate(5, constant(), updates=100, apply_time=0.01)
    assert timeline.worker[:10].tolist() == [0, 1, 2, 3, 4] * 2
    assert (timeline.steady_staleness == 4).all()


# ---------------------------------------------------------------- every event, counted again


@settings(deadline=None, max_examples=40)
@given(WORKERS, SPREADS, APPLY, SEEDS)
def test_staleness_counts_the_updates_between_copy_and_application(workers, spread, apply_time, seed):
    timeline = simulate(workers, lognormal(spread + 0.01), updates=60, apply_time=apply_time, seed=seed)
    for start, applied, late in zip(timeline.start, timeline.applied, timeline.staleness):
        others = (timeline.updated > start + 1e-12) & (timeline.updated < applied - 1e-12)
        assert late == others.sum()


@settings(deadline=None, max_examples=40)
@given(WORKERS, SPREADS, APPLY, SEEDS, MODES)
def test_one_thing_at_a_time(workers, spread, apply_time, seed, mode):
    timeline = simulate(workers, lognormal(spread), mode=mode, updates=30, apply_time=apply_time, seed=seed)
    count = len(timeline.applied)
    assert (timeline.finish > timeline.start).all()
    assert (timeline.applied >= timeline.finish[:count] + apply_time - 1e-9).all()
    assert (np.diff(timeline.updated) >= apply_time - 1e-9).all()
    assert len(timeline.updated) == 30
    for worker in range(workers):  # a worker begins again exactly when its last gradient was applied
        mine = np.flatnonzero(timeline.worker == worker)
        done = mine[mine < count]
        following = timeline.start[mine][1 : len(done) + 1]
        assert np.allclose(timeline.applied[done][: len(following)], following)


@settings(deadline=None, max_examples=30)
@given(SPREADS, APPLY, SEEDS)
def test_a_single_worker_knows_no_difference(spread, apply_time, seed):
    one, other = (
        simulate(1, lognormal(spread), mode=mode, updates=50, apply_time=apply_time, seed=seed)
        for mode in ("sync", "async")
    )
    assert np.allclose(one.updated, other.updated) and not other.staleness.any()
    assert one.efficiency == pytest.approx(other.efficiency)


@settings(deadline=None, max_examples=30)
@given(WORKERS, SPREADS, SEEDS, MODES, st.floats(0.01, 100.0))
def test_the_unit_of_time_changes_nothing_but_the_rates(workers, spread, seed, mode, unit):
    one = simulate(workers, lognormal(spread), mode=mode, updates=200, apply_time=0.1, seed=seed)
    other = simulate(workers, lognormal(spread, unit), mode=mode, updates=200, apply_time=0.1 * unit, seed=seed)
    assert other.efficiency == pytest.approx(one.efficiency)
    assert other.updates_per_time * unit == pytest.approx(one.updates_per_time)
    assert (other.staleness == one.staleness).all()


@settings(deadline=None, max_examples=30)
@given(WORKERS, TIMES, APPLY, MODES, st.integers(1, 40))
def test_even_the_shortest_run_has_averages(workers, times, apply_time, mode, updates):
    timeline = simulate(workers, times, mode=mode, updates=updates, apply_time=apply_time)
    assert 0 < timeline.efficiency <= 1 + 1e-9
    assert timeline.idle == pytest.approx(1 - timeline.efficiency)
    assert timeline.updates_per_time > 0 and timeline.mean_staleness >= 0


# ---------------------------------------------------------------- laws, seeds, size


@pytest.mark.parametrize("law", [constant(2.0), lognormal(0.7, 2.0), exponential(2.0), empirical([1.0, 2.0, 3.0])])
def test_a_law_has_the_mean_it_says(law):
    drawn = law.draw(np.random.default_rng(0), (1000, 100))
    assert drawn.shape == (1000, 100) and (drawn > 0).all()
    assert law.mean == pytest.approx(2.0) and drawn.mean() == pytest.approx(2.0, rel=0.02)


def test_a_spread_of_zero_is_constant():
    assert (lognormal(0.0).draw(np.random.default_rng(0), 5) == 1.0).all()


def test_numbers_and_measurements_are_laws():
    assert simulate(2, 3, updates=10).updated[-1] == simulate(2, constant(3.0), updates=10).updated[-1]
    measured = simulate(2, np.array([0.5, 1.5]), updates=50)
    assert set(np.round(measured.finish - measured.start, 9)) == {0.5, 1.5}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_one_seed_one_timeline(mode):
    first, again, other = (simulate(8, exponential(), mode=mode, updates=100, seed=seed) for seed in (3, 3, 4))
    assert (first.updated == again.updated).all() and (first.worker == again.worker).all()
    assert (first.updated != other.updated).all()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_ten_thousand_workers_are_no_matter(mode):
    timeline = simulate(10_000, lognormal(0.5), mode=mode, updates=20 if mode == "sync" else 120_000)
    assert timeline.mean_staleness == pytest.approx(0 if mode == "sync" else 9_999, abs=20)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"num_workers": 0}, "num_workers must be a whole number >= 1, got 0"),
        ({"num_workers": 2.5}, "num_workers must be a whole number >= 1, got 2.5"),
        ({"updates": 0}, "updates must be a whole number >= 1, got 0"),
        ({"mode": "asynchronous"}, "mode must be 'sync' or 'async', got 'asynchronous'"),
        ({"apply_time": -1}, "apply_time must be a number >= 0, got -1"),
        ({"apply_time": np.nan}, "apply_time must be a number >= 0, got nan"),
        ({"apply_time": "0.1"}, "apply_time must be a number >= 0, got '0.1'"),
        ({"step_time": 0.0}, "step_time must be a positive number, got 0.0"),
        ({"step_time": "slow"}, "step_time must be a positive number, got 'slow'"),
        ({"step_time": []}, "times must be a sequence of positive numbers, got shape \\(0,\\)"),
        ({"step_time": [1.0, -2.0]}, "times must be a sequence of positive numbers, got -2.0"),
        ({"step_time": [[1.0], [2.0]]}, "times must be a sequence of positive numbers, got shape \\(2, 1\\)"),
        ({"step_time": [1.0, "x"]}, "times must be a sequence of positive numbers"),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
    ],
)
def test_a_wrong_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        simulate(**{"num_workers": 2, "step_time": 1.0, "updates": 10, **arguments})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: constant(-1), "mean must be a positive number, got -1"),
        (lambda: exponential(np.inf), "mean must be a positive number, got inf"),
        (lambda: lognormal(-0.5), "spread must be a number >= 0, got -0.5"),
        (lambda: lognormal(0.5, 0), "mean must be a positive number, got 0"),
        (lambda: lognormal(40), "spread must be at most 10, got 40"),
    ],
)
def test_a_wrong_law_gets_a_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


# ---------------------------------------------------------------- against real processes


class Measured:
    """What a run on Ray measured once all its workers were up: the first third of its updates is left out."""

    def __init__(self, num_workers):
        from rlcourse.algorithms import ParallelActorCritic

        rows = 64 * (16 // num_workers)  # of one gradient: enough for the work to outweigh the transport
        config = ParallelActorCritic.Config(workers="ray", num_workers=num_workers, steps=64)
        history = training.train(
            ParallelActorCritic, "CartPole-v1", total_steps=150 * rows, num_envs=16, config=config, progress=False
        )
        self.workers, skipped = num_workers, 50
        self.work = history.metrics["work_seconds"][skipped:]
        self.staleness = history.metrics["staleness"][skipped:]
        self.gaps = np.diff(history.metrics["seconds"][skipped:])

    @property
    def updates_per_second(self):
        return 1 / self.gaps.mean()


def predictions():
    """(measured, predicted) throughput and staleness of runs with one worker and with two, one after the other.

    The simulator knows a run's work times, and what an update cost a single worker: whatever a single worker's cycle
    holds besides its work (transport, the update itself) is taken as the learner's time.
    """
    runs = [Measured(num_workers) for num_workers in (1, 2)]
    learner = max(float(runs[0].gaps.mean() - runs[0].work.mean()), 0.0)
    for run in runs:
        predicted = simulate(run.workers, run.work, updates=4_000, apply_time=learner)
        yield run.updates_per_second, predicted.updates_per_time, run.staleness.mean(), predicted.mean_staleness


@pytest.mark.slow
@pytest.mark.covers("AL-05")
def test_the_simulator_predicts_runs_on_this_machine():
    """Tolerance: 40 % on throughput, 0.5 updates on mean staleness.

    Three processes share the cores of a machine that may do other things besides. If these slowed down one of the two
    runs and not the other, the pair says nothing; both are measured again, three times at most.
    """
    pytest.importorskip("ray", reason='asynchronous workers need the extra `cluster`: pip install -e ".[cluster]"')
    for _ in range(3):
        found = list(predictions())
        if all(
            rate == pytest.approx(predicted_rate, rel=0.4) and staleness == pytest.approx(predicted_staleness, abs=0.5)
            for rate, predicted_rate, staleness, predicted_staleness in found
        ):
            return
    pytest.fail(f"three times in a row the runs were not as predicted; the last: {found}")
