"""The numbers behind the claims: one seeded function a claim, returning a small dict of floats.

    python -m rlcourse.experiments             measures every claim and rewrites data/claims.json
    python -m rlcourse.experiments CL-03 ...   only these

The claim board and the lessons show what stands in claims.json; the tests measure again and compare.
"""

import importlib
import json
import os
import pkgutil
from pathlib import Path

from rlcourse.checks import require

RESULTS = Path(__file__).parent.parent / "data" / "claims.json"

_claims = {}
_slow = set()


def claim(identifier, *, slow=False):
    """Register a seeded function without required arguments as the measurement of a claim.

    `slow` marks one that trains networks: the tests then check its stored numbers, and do not measure them again.
    """

    def register(function):
        known = _claims.setdefault(identifier, function)
        require(known.__qualname__ == function.__qualname__, f"claim {identifier} is measured twice")
        _claims[identifier] = function
        if slow:
            _slow.add(identifier)
        return function

    return register


def claims():
    """Every registered measurement, by claim."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("lesson_"):
            importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(_claims.items()))


def is_slow(identifier):
    """Whether measuring the claim trains networks."""
    return identifier in _slow


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
