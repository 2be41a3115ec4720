"""The claim board cannot drift: what is stored is what measuring gives."""

import math

import pytest

from rlcourse import experiments

STORED = experiments.results()


def disagreements(measured, stored, tolerance=1e-3):
    """Names whose numbers differ by more than the tolerance, relative to the number's size."""
    names = measured.keys() | stored.keys()
    return sorted(
        name
        for name in names
        if name not in measured
        or name not in stored
        or not math.isclose(measured[name], stored[name], rel_tol=tolerance, abs_tol=1e-9)
    )


def test_every_measurement_is_stored_and_every_stored_number_is_measured():
    assert STORED.keys() == experiments.claims().keys()


@pytest.mark.parametrize("identifier", sorted(name for name in experiments.claims() if not experiments.is_slow(name)))
def test_measuring_again_gives_the_stored_numbers(identifier):
    assert not disagreements(experiments.measure(identifier), STORED[identifier])


def test_a_changed_number_is_noticed():
    assert disagreements({"ratio": 1.76}, {"ratio": 1.77}) == ["ratio"]
    assert disagreements({"ratio": 1.76}, {}) == ["ratio"]
    assert disagreements({"bias": float("nan")}, {"bias": 0.0}) == ["bias"]
    assert not disagreements({"ratio": 1.76}, {"ratio": 1.7600001})
