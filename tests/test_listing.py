"""Listings: pseudocode and code say the same, because each line of one names its lines of the other."""

import inspect
import types

import pytest

from rlcourse import algorithms, listing

LISTINGS = listing.every()
STRUCTURE = {"AL-08": {8}}  # lines that only close the loop of others


@pytest.mark.covers("AL-01", "AL-02", "AL-03", "AL-04", "AL-05", "AL-06", "AL-10", "AL-14", "AL-15", "AL-16",
                    "AL-09", "AL-11", "AL-12", "AL-13", "AL-17", "AL-18", "AL-19", "AL-20")  # fmt: skip
@pytest.mark.parametrize("name", LISTINGS)
def test_every_line_is_numbered_in_order_and_has_its_code(name):
    lines, code = LISTINGS[name].lines, LISTINGS[name].code
    assert list(lines) == list(range(1, len(lines) + 1))
    assert set(lines) - set(code) == STRUCTURE.get(name, set())
    assert all(source.strip() for sources in code.values() for source in sources)


def test_every_algorithm_of_the_package_has_a_listing():
    files = {getattr(algorithms, name).__module__ for name in algorithms.__all__}
    listed = {module.__name__ for module in listing.MODULES if list(listing.pseudocode(module))}
    assert files <= listed


@pytest.mark.parametrize(("name", "number", "words", "source"), [
    ("AL-02", 4, "sampled returns", "critic_loss = F.mse_loss(values, targets)"),
    ("AL-03", 3, "observe r", "collector.collect(self, steps=1)"),
    ("AL-04", 4, "average", "policy_gradient("),
    ("AL-05", 5, "staleness", "apply_gradients(agent, report.gradients)"),
    ("AL-06", 6, "drawn now", "self.draw(policy)"),
    ("AL-10", 4, "with replacement", "torch.randint("),
])  # fmt: skip
def test_a_line_stands_beside_its_code(name, number, words, source):
    shown = listing.beside(name)
    assert words in shown.lines[number]
    assert any(source in line for line in shown.code[number])
    assert words in str(shown) and source in str(shown)


def test_the_table_holds_each_line_once_and_escapes_it():
    shown = listing.beside("AL-03")
    table = shown._repr_mimebundle_()["text/html"]
    assert table.count("<tr><td ") == len(shown.lines)
    assert "R̂" not in table and "<script" not in table and table.count("<table") == 1


DOCSTRING = (
    '"""Made.\n\n    AL-99  Something\n        1  do it,\n            at length\n        2      then that\n"""\n'
)


@pytest.fixture
def module(monkeypatch):
    """Make a module out of a docstring and some code."""
    monkeypatch.setattr(listing.inspect, "getsource", lambda made: made.source)

    def make(code, docstring=DOCSTRING):
        made = types.ModuleType("made")
        made.source = docstring + code
        return made

    return make


def test_a_statement_over_several_lines_is_whole(module):
    made = module("x = f(  # AL-99.1\n    a,  # why\n    g(b),\n)\ny = 2  # AL-99.2 and a word\n")
    assert list(listing.tagged(made)) == [
        ("AL-99", 1, "x = f(\n    a,\n    g(b),\n)"),
        ("AL-99", 2, "y = 2"),
    ]
    assert list(listing.pseudocode(made)) == [
        ("AL-99", "Something", {1: "do it, at length", 2: "    then that"})
    ]


def test_a_module_without_a_docstring_has_no_pseudocode(module):
    made = module("y = 2  # AL-99.2\n", docstring="")
    assert list(listing.pseudocode(made)) == []
    assert list(listing.tagged(made)) == [("AL-99", 2, "y = 2")]


def test_a_tag_that_the_docstring_mentions_is_no_code(module):
    made = module("y = 2  # AL-99.2\n", docstring='"""Made.\n\nA tag looks so:  # AL-99.1\n"""\n')
    assert list(listing.tagged(made)) == [("AL-99", 2, "y = 2")]


def test_a_tag_without_a_line_is_an_error(module, monkeypatch):
    monkeypatch.setattr(listing, "MODULES", (module("z = 3  # AL-99.7\n"),))
    with pytest.raises(ValueError, match=r"made has the tag AL-99.7, and the listing no such line"):
        listing.every()


def test_the_compiler_may_take_the_indentation_out_of_docstrings(monkeypatch):  # as it does from Python 3.13 on
    for module in listing.MODULES:
        monkeypatch.setattr(module, "__doc__", inspect.cleandoc(module.__doc__))
    assert listing.every() == LISTINGS


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="name must be one of AL-01, .*, got 'AL-77'"):
        listing.beside("AL-77")
