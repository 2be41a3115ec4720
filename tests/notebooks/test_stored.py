"""What a notebook stores about the package is what the package says today: listings, questions and claims."""

import inspect
import re
from pathlib import Path

import pytest

import rlcourse
from rlcourse.course import index, listing, quiz

LISTING = re.compile(r'^listing\.beside\("(AL-\d\d)"\)', re.M)
VERDICT = re.compile(r'index\.verdict\("(CL-\d\d)"\)')
QUESTION = re.compile(r'^quiz\.ask\("([a-z_]+-\d+)"\)', re.M)


def joined(text):
    return text if isinstance(text, str) else "".join(text)


def stored(notebook, kind):
    """Every stored output of a kind: the text without its line breaks, which wrap as they like."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                yield joined(cell["source"]), joined(output["data"][kind])


def stale(notebook):
    """Listings, questions and claims that a notebook shows otherwise than the package does."""
    for source, text in stored(notebook, "text/plain"):
        for name in LISTING.findall(source):
            if text != str(listing.beside(name)):
                yield f"the listing of {name}"
    for source, text in stored(notebook, "text/html"):
        for name in QUESTION.findall(source):
            if text != quiz.as_html(quiz.find(name)):
                yield f"question {name}"
    for kind in ("text/markdown", "text/plain"):
        shown = {}
        for source, text in stored(notebook, kind):
            for name in VERDICT.findall(source):
                said = index.verdict(name)
                wanted = said._repr_markdown_() if kind == "text/markdown" else repr(said)
                shown[name] = shown.get(name, False) or text == wanted  # a cell may show several, an output each
        yield from (f"claim {name}, {kind}" for name, right in shown.items() if not right)


@pytest.fixture(scope="module")
def package():
    """Every line of code of the package, without its indentation."""
    paths = Path(inspect.getfile(rlcourse)).parent.rglob("*.py")
    return {line.strip() for path in paths for line in path.read_text(encoding="utf-8").splitlines()}


def shown_sources(notebook):
    """The lines that `Code(getsource(...))` left in the stored outputs."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "getsource" in joined(cell["source"]) and "text/latex" in output.get("data", {}):
                yield from joined(output["data"]["text/plain"]).splitlines()


def test_sources_are_those_of_today(notebook, package):
    assert [line for line in shown_sources(notebook) if line.strip() not in package] == [], "run make notebooks"


def test_listings_questions_and_claims_are_those_of_today(notebook):
    assert list(stale(notebook)) == [], "run make notebooks"


@pytest.mark.parametrize(
    ("source", "kind", "text", "found"),
    [
        ('listing.beside("AL-03")', "text/plain", str(listing.beside("AL-03")), []),
        ('listing.beside("AL-03")', "text/plain", str(listing.beside("AL-02")), ["the listing of AL-03"]),
        ('quiz.ask("gae-1")', "text/html", quiz.as_html(quiz.find("gae-1")), []),
        ('quiz.ask("gae-1")', "text/html", "<div>Question gae-1. Otherwise.</div>", ["question gae-1"]),
        ('index.verdict("CL-02")', "text/markdown", index.verdict("CL-02")._repr_markdown_(), []),
        ('index.verdict("CL-02")', "text/markdown", "CL-02 otherwise", ["claim CL-02, text/markdown"]),
        ('index.verdict("CL-02")', "text/plain", "CL-02 otherwise", ["claim CL-02, text/plain"]),
    ],
)
def test_a_stale_output_is_noticed(source, kind, text, found):
    assert list(stale({"cells": [{"source": source, "outputs": [{"data": {kind: text}}]}]})) == found
