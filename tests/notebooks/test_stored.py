"""What a notebook stores about the package is what the package says today: listings and questions."""

import re

import pytest

from rlcourse import listing, quiz

LISTING = re.compile(r'^listing\.beside\("(AL-\d\d)"\)', re.M)
QUESTION = re.compile(r'^quiz\.ask\("(\d\d-\d+)"\)', re.M)


def joined(text):
    return text if isinstance(text, str) else "".join(text)


def stored(notebook, kind):
    """Every stored output of a kind: the text without its line breaks, which wrap as they like."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                yield joined(cell["source"]), joined(output["data"][kind])


def stale(notebook):
    """Listings and questions that a notebook shows otherwise than the package does."""
    for source, text in stored(notebook, "text/plain"):
        for name in LISTING.findall(source):
            if text != str(listing.beside(name)):
                yield f"the listing of {name}"
    for source, text in stored(notebook, "text/html"):
        for name in QUESTION.findall(source):
            if text != quiz.as_html(quiz.load(name[:2])[name]):
                yield f"question {name}"


def test_listings_and_questions_are_those_of_today(notebook):
    assert list(stale(notebook)) == [], "run make notebooks"


@pytest.mark.parametrize(("source", "kind", "text", "found"), [
    ('listing.beside("AL-03")', "text/plain", str(listing.beside("AL-03")), []),
    ('listing.beside("AL-03")', "text/plain", str(listing.beside("AL-02")), ["the listing of AL-03"]),
    ('quiz.ask("03-1")', "text/html", quiz.as_html(quiz.load("03")["03-1"]), []),
    ('quiz.ask("03-1")', "text/html", "<div>Question 03-1. Otherwise.</div>", ["question 03-1"]),
])  # fmt: skip
def test_a_stale_output_is_noticed(source, kind, text, found):
    assert list(stale({"cells": [{"source": source, "outputs": [{"data": {kind: text}}]}]})) == found
