"""The closing list says what was measured, and where."""

import json
from urllib.parse import unquote

from rlcourse.course import index, order
from rlcourse.course.claims import results
from rlcourse.lessons.sac import board


def test_every_line_has_a_number_of_its_claim_and_a_lesson():
    figures = results()
    for claim, _, found, lesson in board.rows():
        assert any(letter.isdigit() for letter in found) and lesson in order.LESSONS
        board.OTHERWISE[claim][1].format(**figures[claim])  # no name is gone


def test_it_lists_what_the_index_does_not_call_true_and_links_to_it():
    verdicts = {row.id: row.verdict for row in index.load().values() if row.kind == "CL"}
    assert [claim for claim in board.OTHERWISE if verdicts[claim] == "true"] == ["CL-33"]
    assert {claim for claim, verdict in verdicts.items() if verdict == "false"} <= board.OTHERWISE.keys()
    assert all(order.notebook(lesson) in board.otherwise()._repr_html_() for *_, lesson in board.rows())


def test_each_line_leads_to_the_part_that_treats_its_claim():
    for claim, _, _, lesson in board.rows():
        notebook, _, anchor = index.link(lesson, claim).partition("#")
        cells = json.loads((order.FOLDER.parents[1] / "notebooks" / notebook).read_text(encoding="utf-8"))["cells"]
        titles = [line.lstrip("# ").strip() for cell in cells for line in "".join(cell["source"]).splitlines()]
        assert anchor and unquote(anchor) in {title.replace(" ", "-") for title in titles}, claim
    assert index.part("gae", "no row of the index") == ""
