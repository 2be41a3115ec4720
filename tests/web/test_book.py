"""The web book, built from the stored outputs, in a real browser that has no network."""

import re
import tomllib
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from PIL import Image

import book
import contents
import figures
import rlcourse as rl
import web
from rlcourse.course import index, order

LESSONS = [path.stem for path in web.lessons()]
PAGES = ["index", *LESSONS, "equations", "claims", "glossary", "errata", "sources", "api", "for_instructors", "search"]
BUDGET = 6e6
"""Bytes of a page, with everything that it loads when it is opened."""
AXE = web.ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def text(built, name):
    return (built / f"{name}.html").read_text(encoding="utf-8")


class Elements(HTMLParser):
    """Every element of a page: (tag, attributes)."""

    def __init__(self, source):
        super().__init__()
        self.found = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


# ---------------------------------------------------------------- what the pages hold


def test_the_book_has_every_page_and_no_other(built):
    assert {path.stem for path in built.glob("*.html")} == set(PAGES)


def test_the_page_of_the_package_has_every_public_name(built):
    page = (built / "api.html").read_text(encoding="utf-8")
    for name in set(rl.__all__) - {"envs", "exact"}:
        assert f">rl.{name}<" in page, name
    assert ">rl.exact.evaluate<" in page and "clip_eps" in page


def test_no_page_names_a_foreign_thing_to_load(built):
    loading = {"script": "src", "img": "src", "iframe": "src", "video": "src", "source": "src", "link": "href"}
    for path in [*built.glob("*.html")]:
        for tag, attributes in Elements(path.read_text(encoding="utf-8")).found:
            address = attributes.get(loading.get(tag, ""), "") or ""
            assert not re.match(r"(https?:)?//", address), f"{path.name} loads {address}"
    for path in built.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_every_link_within_the_book_arrives(built):
    pages = {path.name: Elements(path.read_text(encoding="utf-8")).found for path in built.glob("*.html")}
    names = {page: {a[key] for _, a in found for key in ("id", "name") if a.get(key)} for page, found in pages.items()}
    followed = 0
    for page, found in pages.items():
        for tag, attributes in found:
            parts = urlsplit(attributes.get("href") or "") if tag == "a" else None
            if not parts or parts.scheme or not (parts.path or parts.fragment):
                continue
            target = unquote(parts.path) or page
            assert (built / target).exists(), f"{page} links to {target}, which is not there"
            if parts.fragment and target in names:
                assert unquote(parts.fragment) in names[target], f"{page} links to {target}#{parts.fragment}"
            followed += 1
    print(f"{followed} links")


@pytest.mark.parametrize(
    ("page", "kinds"), [("equations", ("EQ", "EQX", "AL")), ("claims", ("CL",)), ("errata", ("ERR",))]
)
def test_every_row_of_the_index_has_an_entry_with_a_link_to_each_of_its_lessons(built, page, kinds):
    sections = dict(re.findall(r'<section id="([a-z]+-\d\d)">(.*?)</section>', text(built, page), re.DOTALL))
    rows = [row for row in index.load().values() if row.kind in kinds]
    assert set(sections) == {row.id.lower() for row in rows}
    for row in rows:
        linked = re.findall(r'href="(\d\d)_\w+\.html#[\w-]+"', sections[row.id.lower()])
        assert sorted(linked) == [order.number(lesson) for lesson in row.lessons], row.id
    print(f"{page}: {len(rows)} entries")


def test_claims_carry_verdict_and_numbers(built):
    board = text(built, "claims")
    for row in index.load().values():
        if row.kind == "CL":
            section = re.search(rf'<section id="{row.id.lower()}">(.*?)</section>', board, re.DOTALL)[1]
            assert f">{row.verdict}</strong>" in section
            assert "Measured: " in section and "{" not in re.sub(r"\\\(.*?\\\)", "", section)


def test_the_errata_say_what_the_notes_say():
    notes = tomllib.loads((book.PAGES / "errata.toml").read_text(encoding="utf-8"))
    assert list(notes) == [row.id for row in index.load().values() if row.kind == "ERR"]
    assert len(set(notes.values())) == 71


def test_sources_are_complete(built):
    """Everything that a lesson or a docstring cites stands on the page: arXiv numbers, and names with a year."""
    listed = re.sub(r"<[^>]+>|\s+", " ", text(built, "sources"))
    cited = set()
    for path in web.lessons():
        for cell in web.read(path).cells:
            cited |= set(re.findall(r"arXiv (\d{4}\.\d{4,5})", cell.source))
    for path in (web.ROOT / "rlcourse").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for line in re.findall(r"Source: (.*)", source):
            cited |= {f"{name} {year}" for name, year in re.findall(r"(?:^|; |in |& )([A-Z]\w+)[^;.]*? (\d{4})", line)}
    for entry in cited:
        name, _, year = entry.partition(" ")
        assert re.search(rf"{name}[^:]*{year}", listed), f"{entry} is cited, and is not among the sources"
    print(f"{len(cited)} citations")


def test_students_see_neither_instructor_cells_nor_open_solutions(built):
    for path in web.lessons():
        page = text(built, path.stem)
        shown = re.sub(r"<[^>]+>|\s+", "", page)
        for cell in web.read(path).cells:
            if web.tagged(cell, "instructor"):
                words = re.sub(r"[\W_]+", "", cell.source.split("$")[0])[:60]
                assert words and words not in re.sub(r"[\W_]+", "", shown), cell.source[:80]
        solutions = sum(web.tagged(cell, "solution") for cell in web.read(path).cells)
        assert len(re.findall(r'<details class="admonition hide above-input">', page)) == solutions
        assert not re.search(r"<details[^>]* open", page)


def test_every_question_is_a_form_with_its_answers_folded(built):
    asked = 0
    for path in web.lessons():
        page = text(built, path.stem)
        for cell in web.read(path).cells:
            if web.tagged(cell, "quiz"):
                number = re.search(r"[a-z_]+-\d+", cell.source)[0]
                form = re.search(rf"<strong>Question {number}\.</strong>.*?</form>", page, re.DOTALL)[0]
                fold = re.search(r"<details><summary>All answers</summary>(.*)</details>", form, re.DOTALL)[1]
                assert fold.count('class="said"') >= 3 and f"ask(&quot;{number}" not in page
                asked += 1
    print(f"{asked} questions")


# ---------------------------------------------------------------- what leads out of the book


def links(page):
    """The addresses that the buttons above a page lead to."""
    buttons = [a for tag, a in Elements(page).found if tag == "a" and "btn" in a.get("class", "").split()]
    return [attributes["href"] for attributes in buttons]


def test_without_an_address_a_page_offers_its_notebook_and_no_dead_link(built):
    for path in built.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert contents.PLACEHOLDER not in page, path.name
        assert not [link for link in links(page) if "//" in link], path.name
    for lesson in web.lessons():
        assert f"_sources/{lesson.name}" in links(text(built, lesson.stem))
        assert (built / "_sources" / lesson.name).read_bytes() == lesson.read_bytes()


def test_with_an_address_the_buttons_lead_where_the_lesson_lies(published):
    (lesson,) = web.lessons(["advantage"])
    path, leading = f"notebooks/{lesson.name}", links(text(published, lesson.stem))
    address = {"repository": "someone/course", "branch": "main"}
    for place in ("Colab", "Binder"):
        assert contents.PLACES[place].format(path=path, **address) in leading
    assert f"https://github.com/someone/course/edit/main/{path}" in leading
    assert any(link.startswith("https://github.com/someone/course/issues/new?") for link in leading)
    assert f"_sources/{lesson.name}" in leading


def test_what_a_page_offers_to_edit_is_there(published):
    for path in published.glob("*.html"):
        leading = links(path.read_text(encoding="utf-8"))
        edited = [link for link in leading if re.match("https://github.com/.*/(edit|tree)/", link)]
        assert len(edited) == (path.stem != "search"), path.name
        for link in edited:
            kind, place = re.fullmatch(r"https://github.com/someone/course/(edit|tree)/main/(.+)", link).groups()
            assert (web.ROOT / place).is_file() == (kind == "edit") and (web.ROOT / place).exists(), link


def test_a_link_to_the_book_has_a_sign_and_a_picture(built, published):
    for folder in (built, published):
        for path in folder.glob("*.html"):
            found = Elements(path.read_text(encoding="utf-8")).found
            (icon,) = (a["href"] for tag, a in found if tag == "link" and a.get("rel") == "icon")
            assert Image.open(folder / icon.partition("?")[0]).size == (64, 64)
            told = {a["property"]: a["content"] for tag, a in found if tag == "meta" and "property" in a}
            assert told["og:title"].endswith("Deep reinforcement learning that moves")
            assert len(told["og:description"]) > 30 and len(told["og:image:alt"]) > 30
            if folder == built:
                assert Image.open(folder / told["og:image"]).size == (1200, 630)
            else:
                place = told["og:image"].removeprefix("https://raw.githubusercontent.com/someone/course/main/")
                assert web.ROOT / place == figures.PREVIEW
    assert figures.FAVICON.stat().st_size < 5_000 and figures.PREVIEW.stat().st_size < 100_000


# ---------------------------------------------------------------- what a page may load and run


def policy(page):
    """The directives of a page's policy: name -> what it allows."""
    (written,) = (
        attributes["content"]
        for tag, attributes in Elements(page).found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    return {name: allowed for name, *allowed in (directive.split() for directive in written.split(";"))}


def test_every_page_has_a_strict_policy_before_its_first_script(built):
    for path in built.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        allowed = policy(page)
        assert page.index("Content-Security-Policy") < page.index("<script")
        assert allowed["default-src"] == ["'self'", "file:"] and allowed["object-src"] == ["'none'"]
        assert all(re.fullmatch(r"'self'|file:|'sha256-[\w+/]+='", each) for each in allowed["script-src"]), path.name
        assert not [a for _, a in Elements(page).found if any(name.startswith("on") for name in a)], path.name


def test_pictures_and_outputs_of_a_lesson(tmp_path):
    """On a lesson of our own: what becomes of a picture, of code, of a link, of an instructor's cell."""
    cell, output = nbformat.v4.new_code_cell, nbformat.v4.new_output
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    said = 'A point, "small" & white.'
    cells = [
        nbformat.v4.new_markdown_cell("# A lesson\n\n**The question of it.** Is it?\n\n## 1. A part\n\n### Twice"),
        nbformat.v4.new_markdown_cell("For you.", metadata={"tags": ["instructor"], "covers": ["EQ-01"]}),
        cell("plot()", outputs=[output("display_data", {"image/png": png, "text/plain": said})]),
        cell("Code()", outputs=[output("display_data", {"text/latex": "", "text/html": "<b>", "text/plain": "x = 1"})]),
        nbformat.v4.new_markdown_cell("### Twice\n\n```\n# no heading\n```", metadata={"covers": ["EQ-02"]}),
        cell("see()", outputs=[output("display_data", {"text/html": '<a href="03_gae.ipynb">', "text/plain": ""})]),
        cell("at()", outputs=[output("display_data", {"text/html": '<a href="03_gae.ipynb#1.-A%20part">'})]),
    ]
    path = tmp_path / "03_gae.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    lesson = book.Lesson(path)
    assert (lesson.title, lesson.question) == ("A lesson", "Is it?")
    shown = [out.data for cell in lesson.notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert 'alt="A point, &quot;small&quot; &amp; white."' in shown[0]["text/html"]
    assert 'width="1" height="1"' in shown[0]["text/html"] and "pictures/03_gae-00.png" in lesson.files
    assert shown[1]["text/markdown"] == "```python\nx = 1\n```"
    assert 'href="03_gae.html"' in shown[2]["text/html"]
    assert 'href="03_gae.html#gae-1-a-part"' in shown[3]["text/html"]
    assert "For you." not in str(lesson.notebook)
    assert lesson.covered == {"EQ-02": ("gae-twice-2", "Twice")}
