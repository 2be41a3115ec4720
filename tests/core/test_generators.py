"""Generators of several seeds: each draws what its seed alone would draw."""

import numpy as np
import pytest

from rlcourse.generators import Generators


def several(seeds=(3, 5)):
    return Generators(map(np.random.default_rng, seeds))


@pytest.mark.parametrize(
    ("name", "arguments", "alone"),
    [
        ("standard_normal", {"size": (2, 4)}, {"size": (4,)}),
        ("standard_normal", {"size": (2, 4), "dtype": np.float32}, {"size": (4,), "dtype": np.float32}),
        ("gumbel", {"size": (2, 4)}, {"size": (4,)}),
        ("uniform", {"low": -1.0, "high": 3.0, "size": (2, 4)}, {"low": -1.0, "high": 3.0, "size": (4,)}),
    ],
)
def test_each_row_is_what_its_seed_draws_alone(name, arguments, alone):
    generators, rows = several(), [np.random.default_rng(seed) for seed in (3, 5)]
    for _ in range(2):
        drawn = getattr(generators, name)(**arguments)
        np.testing.assert_array_equal(drawn, [getattr(row, name)(**alone) for row in rows])
        assert drawn.dtype == arguments.get("dtype", drawn.dtype)


def test_each_seed_has_whole_numbers_and_an_order_of_its_own():
    for draw, alone in (
        (several().permutation(9), [np.random.default_rng(seed).permutation(9) for seed in (3, 5)]),
        (several().integers(7, size=(2, 9)), [np.random.default_rng(seed).integers(7, size=9) for seed in (3, 5)]),
    ):
        np.testing.assert_array_equal(draw, alone)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_row_too_many_or_too_few_is_refused(rows):
    with pytest.raises(ValueError, match="zip"):
        several().standard_normal((rows, 4))
