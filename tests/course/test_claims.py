"""The claim board cannot drift: what is stored is what measuring gives, on this processor as on any other."""

import math

import numpy as np
import pytest

from rlcourse import training
from rlcourse.course import claims

STORED = claims.results()
MEASURED = sorted(name for name in claims.measurements() if not claims.is_trained(name))


def disagreements(measured, stored, slack=None, tolerance=1e-3):
    """Names whose numbers differ by more than their slack, or by more than the tolerance relative to their size."""
    names, slack = measured.keys() | stored.keys(), slack or {}
    return sorted(
        name
        for name in names
        if name not in measured
        or name not in stored
        or not math.isclose(measured[name], stored[name], rel_tol=tolerance, abs_tol=slack.get(name, 1e-9))
    )


@pytest.fixture
def no_training(monkeypatch):
    """A measurement that trains, and does not say so, gets an error."""

    def refuse(*args, **options):
        raise AssertionError("a claim that trains must be registered with trained=True")

    for name in ("run", "run_many", "train", "train_many"):
        monkeypatch.setattr(training, name, refuse)


def test_every_measurement_is_stored_and_every_stored_number_is_measured():
    assert STORED.keys() == claims.measurements().keys()


def test_a_loose_number_is_one_of_its_claim():
    assert [name for name in MEASURED if not claims.slack(name).keys() <= STORED[name].keys()] == []


@pytest.mark.parametrize("identifier", MEASURED)
def test_measuring_again_with_other_last_digits_gives_the_stored_numbers(identifier, another_processor, no_training):
    assert not disagreements(claims.measure(identifier), STORED[identifier], claims.slack(identifier))


def test_a_changed_number_is_noticed():
    assert disagreements({"ratio": 1.76}, {"ratio": 1.77}) == ["ratio"]
    assert disagreements({"ratio": 1.76}, {}) == ["ratio"]
    assert disagreements({"bias": float("nan")}, {"bias": 0.0}) == ["bias"]
    assert not disagreements({"ratio": 1.76}, {"ratio": 1.7600001})
    assert disagreements({"share": 0.5}, {"share": 0.35}, {"share": 0.126}) == ["share"]
    assert not disagreements({"share": 0.47}, {"share": 0.41}, {"share": 0.126})


def test_only_numbers_with_a_slack_hang_on_the_last_digit(another_processor):
    """The shares of CL-23 may: on some processors they would not be those stored, without their slack."""
    found = disagreements(claims.measure("CL-23"), STORED["CL-23"])
    assert claims.slack("CL-23") and set(found) <= claims.slack("CL-23").keys()


def test_a_claim_that_trains_has_to_say_so(no_training):
    with pytest.raises(AssertionError, match="trained=True"):
        claims.measure("CL-14")


def test_the_last_digits_are_all_that_changes(another_processor):
    assert np.exp(0.0) == 1 and np.tanh(400.0) == 1 and np.log(0.5) != math.log(0.5)
    assert np.exp(np.linspace(-5, 5, 11)) == pytest.approx([math.exp(x) for x in range(-5, 6)], rel=1e-15)
