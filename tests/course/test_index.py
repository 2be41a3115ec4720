"""The index is complete, the lessons cover it, and every claim carries its measured numbers."""

import importlib
import json
import re
import shutil
import string
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rlcourse.course import claims, index, order

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ROWS = index.load()
CLAIMS = [row for row in ROWS.values() if row.kind == "CL"]


def ids(rows):
    return [row.id for row in rows]


# ---------------------------------------------------------------- the rows


def test_the_rows_of_a_kind_are_numbered_without_gaps():
    for kind in index.KINDS:
        mine = sorted(row.id for row in ROWS.values() if row.kind == kind)
        assert mine == [f"{kind}-{number:02d}" for number in range(1, len(mine) + 1)]


def test_a_row_stands_in_the_folder_of_the_first_lesson_that_treats_it():
    for lesson in order.LESSONS:
        table = tomllib.loads((order.folder(lesson) / "index.toml").read_text(encoding="utf-8"))
        assert {fields["lessons"][0] for fields in table.values()} == {lesson}


def test_a_row_that_stands_twice_is_named(tmp_path, monkeypatch):
    shutil.copytree(order.FOLDER, tmp_path / "lessons")
    with open(tmp_path / "lessons" / "sac" / "index.toml", "a", encoding="utf-8") as file:
        file.write('\n["EQ-01"]\ntext = "Once more."\nlessons = ["sac"]\n')
    monkeypatch.setattr(order, "FOLDER", tmp_path / "lessons")
    index._rows.cache_clear()
    with pytest.raises(ValueError, match="EQ-01 stands in the index twice"):
        index.load()
    index._rows.cache_clear()


def test_every_row_has_its_lessons_in_order():
    for row in ROWS.values():
        assert row.lessons, row.id
        assert list(row.lessons) == [lesson for lesson in order.LESSONS if lesson in row.lessons], row.id


def test_every_lesson_has_rows():
    assert {lesson for row in ROWS.values() for lesson in row.lessons} == set(order.LESSONS)


@pytest.mark.parametrize("field", ["text", "check"])
def test_no_two_rows_say_the_same(field):
    said = [getattr(row, field) for row in ROWS.values() if getattr(row, field)]
    assert len(said) == len(set(said))


def test_wordings_are_whole_single_lines():
    for row in ROWS.values():
        for line in filter(None, (row.text, row.check, row.answer)):
            assert "\n" not in line and line == line.strip(), row.id
            assert line[-1] in ".?!", row.id
            assert line.count("`") % 2 == 0 and line.count("$") % 2 == 0, row.id


def test_each_kind_has_its_fields_and_no_others():
    owners = {
        "latex": {"EQ", "EQX"},
        "function": {"EQ", "EQX", "AL"},
        "verdict": {"CL"},
        "measured": {"CL"},
        "cell": {"CL"},
        "check": {"MIS"},
        "answer": {"MIS"},
    }
    optional = {"function", "measured", "cell"}
    for row in ROWS.values():
        for field, kinds in owners.items():
            if getattr(row, field):
                assert row.kind in kinds, (row.id, field)
            else:
                assert row.kind not in kinds or field in optional, (row.id, field)


def test_formulas_travel_safely_inside_html():
    for row in ROWS.values():
        formulas = [*index._formula(row.latex).split("<br>"), *re.findall(r"\$[^$]+\$", row.text)]
        for formula in filter(None, formulas):
            assert not set("<>") & set(formula), row.id
            assert not re.search(r"&(?! )", formula), row.id  # "&name" could become a character
            assert formula.count("{") == formula.count("}"), row.id
            assert formula.count("$") == 2, row.id


# ---------------------------------------------------------------- equations and their functions


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.function], ids=lambda row: row.id)
def test_the_function_of_a_finished_lesson_exists(row):
    found = importlib.import_module("rlcourse")
    path = row.function.split(".")
    assert path[0] == "rl"
    for depth, name in enumerate(path[1:], start=1):
        if not hasattr(found, name):  # a module that nobody has imported yet
            importlib.import_module(".".join(["rlcourse", *path[1 : depth + 1]]))
        found = getattr(found, name)
    assert found is not None


# ---------------------------------------------------------------- claims and their numbers


def test_verdicts_are_the_four_words():
    assert {row.verdict for row in ROWS.values() if row.kind == "CL"} == set(index.VERDICTS)


def test_a_conditional_verdict_names_its_condition():
    for row in ROWS.values():
        if row.verdict == "true if":
            assert "provided" in row.text, row.id


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row.id)
def test_a_finished_claim_shows_its_measured_numbers(row):
    figures = claims.results().get(row.id, {})
    fields = [name for _, name, _, _ in string.Formatter().parse(row.measured) if name is not None]
    assert fields, f"{row.id}: its template shows no number"
    assert all(field.isidentifier() for field in fields), row.id
    lacking = sorted(set(fields) - figures.keys())
    assert not lacking, f"results.json lacks {row.id}: {', '.join(lacking)}"
    sentence = row.measured.format(**figures)
    assert "nan" not in sentence and "inf" not in sentence, sentence


def test_measured_numbers_belong_to_rows_of_the_index_or_to_a_demonstration():
    demonstrations = {name for name in claims.results() if name.startswith(("REINFORCE-", "ACTOR-CRITIC-"))}
    assert set(claims.results()) - demonstrations <= set(ROWS)


def test_a_claim_without_numbers_says_where_they_will_be_measured(monkeypatch):
    monkeypatch.setattr(claims, "results", dict)
    assert "Measured in lesson 01." in repr(index.verdict("CL-02"))
    assert "measured in lesson 04" in index.claims("actor_critic")._repr_html_()


def test_a_claim_shows_its_numbers_where_they_are_known():
    row = replace(ROWS["CL-02"], measured="falls by a factor {ratio:.2f}")
    assert index.measured(row, {"CL-02": {"ratio": 1.7649}}) == "falls by a factor 1.76"
    assert index.measured(row, {"CL-02": {"other": 1.0}}) == "measured in lesson 01"


# ---------------------------------------------------------------- what a notebook shows


class Outline(HTMLParser):
    """The open tags, the scopes of the headers and the links of a piece of HTML."""

    def __init__(self, markup):
        super().__init__()
        self.open, self.seen, self.scopes, self.links = [], [], [], []
        self.feed(markup)

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in ("br", "wbr"):
            self.open.append(tag)
        if tag == "th":
            self.scopes.append(dict(attributes).get("scope"))
        if tag == "a":
            self.links.append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("table", [index.equations, index.claims])
@pytest.mark.parametrize("lesson", [None, *order.LESSONS])
def test_tables_are_well_formed_and_accessible(table, lesson):
    shown = table(lesson)
    outline = Outline(shown._repr_html_())
    kinds = ("EQ", "EQX") if table is index.equations else ("CL",)
    rows = [row for row in ROWS.values() if row.kind in kinds and (not lesson or lesson in row.lessons)]
    assert not outline.open
    if rows:
        assert outline.seen.count("caption") == 1
        assert outline.scopes == ["col"] * 5 + ["row"] * len(rows)
    assert all(row.id in shown._repr_html_() and row.id in repr(shown) for row in rows)


def test_links_lead_to_every_lesson_that_has_rows():
    links = set(Outline(index.equations()._repr_html_()).links + Outline(index.claims()._repr_html_()).links)
    assert links == {order.notebook(lesson) for lesson in order.LESSONS if lesson != "start_here"}


@pytest.mark.parametrize(
    "show",
    [index.equations, index.claims, lambda: index.verdict("CL-02")],
    ids=["equations", "claims", "verdict"],
)
def test_one_representation_and_its_fallback_are_stored(show, monkeypatch):
    stored = []
    monkeypatch.setattr(index, "display", lambda bundle, raw: stored.append(bundle))
    shown = show()
    shown._ipython_display_()
    assert [set(bundle) for bundle in stored] == [{"text/markdown", "text/plain"}]
    # A blank line would end the HTML inside the Markdown.
    assert "\n\n" not in stored[0]["text/markdown"]
    assert stored[0]["text/markdown"].startswith("<")


def test_a_verdict_is_a_word_not_a_colour():
    for name, row in ROWS.items():
        if row.kind == "CL":
            shown = index.verdict(name)
            assert f">{row.verdict}</strong>" in shown._repr_html_()
            assert f"{name} [{row.verdict}]" in repr(shown)


@pytest.mark.parametrize("claim", ["CL-99", "EQ-03", "cl-02", None, 2])
def test_an_unknown_claim_is_named(claim):
    with pytest.raises(ValueError, match=f"claim must be the ID of a claim .* got {re.escape(repr(claim))}"):
        index.verdict(claim)


@pytest.mark.parametrize("table", [index.equations, index.claims])
@pytest.mark.parametrize("lesson", ["03", "Gae", 3, 0.3, True, ("gae",)])
def test_an_unknown_lesson_is_named(table, lesson):
    with pytest.raises(ValueError, match=f"lesson must be .* got {re.escape(repr(lesson))}"):
        table(lesson)


# ---------------------------------------------------------------- coverage by the notebooks


def write(folder, lesson, covers):
    """A notebook of one cell that covers these rows."""
    cells = [{"cell_type": "markdown", "metadata": {"covers": covers}, "source": []}]
    (folder / order.notebook(lesson)).write_text(json.dumps({"cells": cells}), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """Notebooks that cover everything their lessons owe."""
    for lesson in order.LESSONS:
        write(tmp_path, lesson, ids(row for row in ROWS.values() if lesson in row.lessons))
    return tmp_path


def test_the_notebooks_cover_what_they_owe_and_every_row_is_owed_by_one():
    assert all(row.lessons for row in ROWS.values())
    assert index.missing(NOTEBOOKS) == {}


def test_complete_notebooks_owe_nothing(folder):
    assert index.missing(folder) == {}


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_each_row_is_missed_when_a_notebook_drops_it(row, folder):
    for lesson in row.lessons:
        kept = [other.id for other in ROWS.values() if lesson in other.lessons and other != row]
        write(folder, lesson, kept)
        assert index.missing(folder)[lesson] == [row.id]


@pytest.mark.parametrize("lesson", order.LESSONS)
def test_a_row_taken_out_of_a_copy_of_the_real_notebook_is_missed(lesson, tmp_path):
    original = NOTEBOOKS / order.notebook(lesson)
    assert original.exists(), f"lesson {lesson} is in the plan, but there is no {original.name}"
    copy = Path(shutil.copy(original, tmp_path))
    notebook = json.loads(copy.read_text(encoding="utf-8"))
    gaps = index.missing(tmp_path).get(lesson, [])
    victim = next(row.id for row in ROWS.values() if lesson in row.lessons and row.id not in gaps)
    for cell in notebook["cells"]:
        cell["metadata"]["covers"] = [name for name in cell["metadata"].get("covers", ()) if name != victim]
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    assert set(index.missing(tmp_path)[lesson]) == {*gaps, victim}


def test_a_lesson_without_its_notebook_owes_all_its_rows(folder):
    (folder / order.notebook("advantage")).unlink()
    assert index.missing(folder) == {"advantage": ids(row for row in ROWS.values() if "advantage" in row.lessons)}


@pytest.mark.parametrize("lesson", ["gae", "sac"])
def test_ids_that_the_index_does_not_know_are_listed(lesson, folder):
    write(folder, lesson, [*ids(row for row in ROWS.values() if lesson in row.lessons), "EQ-71", "CL-2"])
    assert index.missing(folder) == {lesson: ["CL-2", "EQ-71"]}


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="notebooks_dir must be a folder"):
        index.missing(tmp_path / "nowhere")
