"""The numbers behind the claims: one seeded function a claim, returning a small dict of floats.

    python -m rlcourse.experiments             measures every claim and rewrites data/claims.json
    python -m rlcourse.experiments CL-03 ...   only these

The claim board and the lessons show what stands in claims.json; the tests measure again and compare, as far as
another processor, which rounds differently, must come to the same numbers.
"""

import importlib
import json
import os
import pkgutil
from pathlib import Path

from rlcourse.checks import require

RESULTS = Path(__file__).parent.parent / "data" / "claims.json"

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


def claims():
    """Every registered measurement, by claim."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("lesson_"):
            importlib.import_module(f"{__name__}.{module.name}")
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
    known = claims()
    require(identifier in known, f"claim must be one of {', '.join(known)}, got {identifier!r}")
    return {name: float(value) for name, value in known[identifier]().items()}


def results():
    """What was measured last, as stored: claim -> name -> number."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def store(measured):
    """Write measurements beside those already stored, rounded to six digits."""
    rounded = {
        identifier: {name: float(f"{value:.6g}") for name, value in numbers.items()}
        for identifier, numbers in measured.items()
    }
    merged = dict(sorted({**results(), **rounded}.items()))
    part = RESULTS.with_name(f"{RESULTS.name}.{os.getpid()}.part")
    part.write_text(json.dumps(merged, indent=1) + "\n", encoding="utf-8")
    os.replace(part, RESULTS)  # in one piece: a lesson that is open reads the old numbers or the new ones
