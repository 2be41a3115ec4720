"""The numbers behind the claims: one seeded function per claim, returning a small dict of floats.

    python -m rlcourse.course.measure             measures every claim and stores the numbers
    python -m rlcourse.course.measure CL-03 ...   only these

The numbers are stored in results.json beside the module that measures them. The claim board and the lessons show what
stands there; the tests measure again and compare, as far as another processor, which rounds differently, must come to
the same numbers.
"""

import json
import sys
from pathlib import Path

from rlcourse.checks import require
from rlcourse.course import order, study

_claims = {}
_trained = set()
_loose = {}


def claim(identifier, *, trained=False, loose=None):
    """Register a seeded function without required arguments as the measurement of a claim.

    Args:
        trained: its numbers hang on the rounding of long training runs, or on the clock. Another processor measures
            others, so the tests judge what is stored and do not compare. Prose says that the runs are stored.
        loose: for a quick measurement that holds a few such numbers: their names, and in how many runs each is a share.
            The tests compare these as two shares of independent runs, all others to the digit.
    """

    def register(function):
        known = _claims.setdefault(identifier, function)
        require(known.__qualname__ == function.__qualname__, f"claim {identifier} is measured twice")
        _claims[identifier] = function
        if trained:
            _trained.add(identifier)
        _loose[identifier] = dict(loose or {})
        return function

    return register


def measurements():
    """Every registered measurement, by claim."""
    for lesson in order.LESSONS:
        list(order.modules(lesson))
    return dict(sorted(_claims.items()))


def is_trained(identifier):
    """Whether all numbers of the claim hang on the rounding of long training runs."""
    return identifier in _trained


def slack(identifier):
    """How far each loose number of a claim may be from the stored one: name -> absolute tolerance.

    Four standard errors of the difference of two shares of n runs, 4 √(2 · ¼ / n): wider is rarer than one in 10,000.
    """
    return {name: 4 * (0.5 / runs) ** 0.5 for name, runs in _loose[identifier].items()}


def measure(identifier):
    """Run one measurement: dict of floats."""
    known = measurements()
    require(identifier in known, f"claim must be one of {', '.join(known)}, got {identifier!r}")
    return {name: float(value) for name, value in known[identifier]().items()}


def results():
    """What was measured last, as stored: claim -> name -> number."""
    numbers = [json.loads(path.read_text(encoding="utf-8")) for path in order.FOLDER.glob("*/results.json")]
    return {claim: found for file in numbers for claim, found in file.items()}


def results_path(identifier):
    """The file that holds the numbers of a claim: results.json beside the module that measures it."""
    return Path(sys.modules[measurements()[identifier].__module__].__file__).with_name("results.json")


def store(measured):
    """Write measurements beside those already stored, rounded to six digits."""
    for identifier, numbers in measured.items():
        path = results_path(identifier)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known[identifier] = {name: float(f"{value:.6g}") for name, value in numbers.items()}
        study.replace(path, json.dumps(dict(sorted(known.items())), indent=1) + "\n")
