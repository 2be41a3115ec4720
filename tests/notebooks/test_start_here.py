"""Lesson 00 speaks about the whole course; these tests keep what it says true when the course grows."""

import json
import re
from pathlib import Path

import pytest

from rlcourse.course import order
from rlcourse.lessons.start_here import explorers

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(scope="module")
def markdown():
    cells = json.loads((NOTEBOOKS / order.notebook("start_here")).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def table(markdown, heading):
    """The rows of the table under a heading, as lists of cells, without its own first two lines."""
    (text,) = (cell for cell in markdown if cell.startswith(heading))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def letters(cell):
    """The symbols of a cell such as $V_w,\\ Q_w,\\ w$, written without braces and spaces."""
    return [re.sub(r"[{}\s]", "", part) for part in cell.strip("$").replace(r"\ ", "").split(",")]


def test_a_letter_stands_once_on_the_card_and_has_the_same_name_in_the_explorer(markdown):
    rows = table(markdown, "## 4. The notation card")
    assert len({row[0] for row in rows}) == len(rows)
    for meaning, name in explorers.NAMES.items():
        mine = [row for row in rows if letters(name.symbol)[0] in letters(row[0])]
        assert len(mine) == 1, f"{meaning}: {name.symbol} stands in {len(mine)} rows of the card"
        assert name.code in mine[0][2], f"{meaning}: the card calls it {mine[0][2]}, the explorer {name.code}"


def test_the_minutes_of_the_instructor_add_up(markdown):
    rows = table(markdown, "## Instructor notes: 15 minutes")
    assert sum(int(row[0]) for row in rows) == 15
