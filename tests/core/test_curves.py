"""Learning curves of many runs, and the interval around their middle: by hand, and by the law of large numbers."""

import types
import warnings

import numpy as np
import pytest

import rlcourse as rl


def run(steps, returns, total_steps=100):
    return types.SimpleNamespace(steps=np.array(steps, dtype=int), returns=np.array(returns), total_steps=total_steps)


def test_a_curve_is_the_mean_of_what_ended_in_the_stretch_before_each_point():
    runs = [
        run([5, 10, 11, 40], [1.0, 3.0, 10.0, 20.0]),
        run([25, 30, 31], [4.0, 6.0, 100.0], total_steps=30),
        run([], []),
    ]
    expected = [
        [2.0, 10.0, 10.0, 20.0],  # step 10 belongs to the stretch that ends there; none ended in (20, 30]
        [np.nan, np.nan, 5.0, np.nan],  # nothing has ended by step 20; nothing was done after step 30
        [np.nan] * 4,
    ]
    np.testing.assert_array_equal(rl.learning_curves(runs, [10, 20, 30, 40]), expected)


def test_one_point_at_the_end_is_the_mean_of_all_episodes():
    assert rl.learning_curves([run([3, 9], [1.0, 2.0])], np.array([100])).tolist() == [[1.5]]


def test_curves_of_a_population_have_a_row_per_seed():
    histories = rl.train_many(rl.PPO, "CartPole-v1", seeds=3, total_steps=2_048, progress=False)
    curves = rl.learning_curves(histories, range(512, 2_049, 512))
    assert curves.shape == (3, 4)
    for curve, history in zip(curves, histories):
        assert curve[0] == pytest.approx(history.returns[history.steps <= 512].mean())


@pytest.mark.parametrize(
    ("histories", "at", "word"),
    [
        ([], [10], "histories"),
        ([run([], [])], [], "at"),
        ([run([], [])], [10, 10], "at"),
        ([run([], [])], [20, 10], "at"),
        ([run([], [])], [0, 10], "each number in at"),
        ([run([], [])], [0.5], "each number in at"),
    ],
)
def test_a_bad_argument_of_a_curve_is_named(histories, at, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        rl.learning_curves(histories, at)


def test_the_interquartile_mean_leaves_out_the_best_and_the_worst_quarter():
    values = np.array([0.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 1000.0])
    middle = rl.interval(values)
    assert middle.center == pytest.approx(12.5) and middle.low <= middle.center <= middle.high < 1000
    assert rl.interval(values, statistic="mean").center == pytest.approx(values.mean())


def test_equal_values_have_an_interval_of_no_width_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for statistic in ("iqm", "mean"):
            assert rl.interval(np.full(16, 500.0), statistic=statistic) == (500.0, 500.0, 500.0)


def test_every_column_is_judged_by_itself_and_unknown_ones_stay_unknown():
    values = np.random.default_rng(0).normal(size=(16, 2, 2))
    values[3, 1, 0] = np.nan
    whole = rl.interval(values, seed=1)
    assert whole.center.shape == whole.low.shape == whole.high.shape == (2, 2)
    assert all(np.isnan(part).tolist() == [[False, False], [True, False]] for part in whole)
    assert whole.center[0, 1] == pytest.approx(rl.interval(values[:, 0, 1]).center)
    assert np.isnan(rl.interval([1.0, np.nan]).center)


def test_a_seed_decides_the_draws():
    values = np.random.default_rng(0).normal(size=16)
    assert rl.interval(values) == rl.interval(values) != rl.interval(values, seed=1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Of 400 samples of 32 normal numbers; the percentile bootstrap is known to be a little too narrow."""
    columns = np.random.default_rng(0).normal(size=(32, 400))
    for statistic in ("iqm", "mean"):
        low, high = rl.interval(columns, statistic=statistic, resamples=1_000)[1:]
        assert 0.88 < np.mean((low < 0) & (high > 0)) < 0.98
    wide, narrow = (rl.interval(columns, confidence=level, resamples=1_000) for level in (0.95, 0.5))
    assert (wide.high - wide.low > narrow.high - narrow.low).all()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"values": [1.0]}, "values"),
        ({"values": 3.0}, "values"),
        ({"statistic": "median"}, "statistic"),
        ({"confidence": 1.5}, "confidence"),
        ({"resamples": 0}, "resamples"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_bad_argument_of_an_interval_is_named(options, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        rl.interval(**{"values": [1.0, 2.0], **options})


def test_an_interval_is_computed_in_double_precision():
    values = np.array([2.0**24, 1.0, 1.0, 1.0], np.float32)  # in single precision 2^24 + 1 is 2^24
    assert rl.interval(values, statistic="mean").center == (2**24 + 3) / 4
