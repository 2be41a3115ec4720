"""The numbers in the prose are the numbers that were measured.

A cell that quotes a measurement says so in its metadata: {"quotes": {"CL-03.variance_ratio": "1.76"}} means that
its source contains 1.76, and that variance_ratio, as stored for the claim CL-03, rounds to it.
"""

import re
from decimal import Decimal

import pytest

from rlcourse.course import claims


def shown(text):
    """The number that a quotation writes, and half a unit of its last digit: 1.76, −0.3, 2,500, 76 %, 41×."""
    match = re.fullmatch(r"[~≈]?\s*([+-]?\d[\d,]*(?:\.\d+)?)\s*(%?)\s*(?:[×x]|times)?", text.replace("−", "-").strip())
    if match is None:
        raise ValueError(f"a quotation must be one number, got {text!r}")
    number = Decimal(match[1].replace(",", ""))
    scale = 100 if match[2] else 1
    return float(number) / scale, 0.5 * 10.0 ** number.as_tuple().exponent / scale


def misquotations(cell, measured):
    """What the cell says otherwise than the measurements do, one sentence each."""
    text = "".join(cell["source"])
    for name, quotation in cell["metadata"].get("quotes", {}).items():
        claim, _, field = name.partition(".")
        stored = measured.get(claim, {}).get(field)
        number, slack = shown(quotation)
        if quotation not in text:
            yield f"the cell does not say {quotation}, which it quotes from {name}"
        if stored is None:
            yield f"{name} was never measured"
        elif abs(stored - number) > slack * (1 + 1e-9):
            yield f"{name} is {stored}; the cell says {quotation}"


def test_every_quoted_number_is_the_measured_one(notebook):
    measured = claims.results()
    found = [
        (number, finding) for number, cell in enumerate(notebook["cells"]) for finding in misquotations(cell, measured)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("stored", "quotation"),
    [
        (1.7612, "1.76"),
        (1.7649, "1.76"),
        (1.755, "1.76"),
        (-0.3, "−0.3"),
        (2500.0, "2,500"),
        (0.76, "76 %"),
        (0.764, "76 %"),
        (41.2, "41×"),
        (0.651, "0.65"),
        (28.0, "28"),
        (0.0009, "0.0009"),
    ],
)
def test_a_number_that_rounds_to_the_quotation_passes(stored, quotation):
    cell = {"source": f"It is {quotation} here.", "metadata": {"quotes": {"CL-03.ratio": quotation}}}
    assert list(misquotations(cell, {"CL-03": {"ratio": stored}})) == []


@pytest.mark.parametrize(
    ("quotes", "finding"),
    [
        ({"CL-03.ratio": "1.77"}, "does not say 1.77"),
        ({"CL-03.other": "1.76"}, "CL-03.other was never measured"),
        ({"CL-04.ratio": "1.76"}, "CL-04.ratio was never measured"),
        ({"CL-03.moved": "1.76"}, "CL-03.moved is 1.7651; the cell says 1.76"),
        ({"CL-03.share": "1.76"}, "CL-03.share is -1.76"),
    ],
)
def test_a_stale_number_is_noticed(quotes, finding):
    cell = {"source": ["The ratio\n", "is 1.76."], "metadata": {"quotes": quotes}}
    measured = {"CL-03": {"ratio": 1.7612, "moved": 1.7651, "share": -1.76}}
    assert any(finding in said for said in misquotations(cell, measured))


def test_a_quotation_is_one_number():
    with pytest.raises(ValueError, match="one number"):
        shown("about two")
