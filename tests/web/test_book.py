"""The web book, built from the stored outputs, in a real browser that has no network."""

import html
import itertools
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from statistics import median
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from PIL import Image

import book
import contents
import figures
import rlcourse as rl
import web
from rlcourse.course import index, order, quiz
from rlcourse.course.figures import style

LESSONS = [path.stem for path in web.lessons()]
PAGES = ["index", *LESSONS, "equations", "claims", "glossary", "errata", "sources", "api", "for_instructors", "search"]
BUDGET = 6e6
"""Bytes of a page, with everything that it loads when it is opened."""
AXE = web.ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of the book, of a course that nobody has published yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(contents.ADDRESS, "repository", contents.PLACEHOLDER)
        return book.build(tmp_path_factory.mktemp("web") / "book")


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The folder of the book of one lesson, of a course that somebody has published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(contents.ADDRESS, "repository", "someone/course")
        patch.setitem(contents.ADDRESS, "branch", "main")
        return book.build(tmp_path_factory.mktemp("web") / "published", ["advantage"])


@pytest.fixture
def open_page(built, offline):
    """open_page("03_gae") shows a page from its file, mathematics typeset."""

    def opened(name, **options):
        page = offline((built / f"{name}.html").as_uri(), **options)
        settle(page)
        return page

    return opened


def settle(page):
    page.wait_for_load_state("load")
    page.evaluate("async () => { if (window.MathJax?.startup) await MathJax.startup.promise }")


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
    assert "For you." not in str(lesson.notebook)
    assert lesson.covered == {"EQ-02": ("gae-twice-2", "Twice")}


# ---------------------------------------------------------------- in the browser


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_quiet_and_small(built, offline, name):
    sizes = {}
    page = offline("about:blank")
    page.on("request", lambda request: sizes.update(weigh(request.url)))
    page.goto((built / f"{name}.html").as_uri())
    settle(page)
    page.wait_for_timeout(300)
    for image in page.locator("img").all():  # a picture is loaded when the reader comes near it
        image.evaluate("image => image.scrollIntoView()")
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=image.element_handle())
    assert page.errors == [] and page.foreign == []
    pictures = page.evaluate("[...document.images].map(image => image.alt.trim())")
    assert all(len(alt) > 15 for alt in pictures), pictures
    assert page.evaluate("[...document.querySelectorAll('video')].every(film => film.ariaLabel)")
    formulas = page.locator("mjx-container").count()
    assert page.locator("mjx-merror, [data-mjx-error], mjx-container [data-mml-node='merror']").count() == 0
    bare = page.evaluate(r"""() => {
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, node =>
            node.parentElement.closest("pre, code, script, style, textarea, noscript")
                ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
        const found = [];
        while (walk.nextNode()) found.push(walk.currentNode.data);
        return found.filter(words => /\$|\\\(|\\[a-z]{3,}/.test(words));
    }""")
    assert bare == []
    read = sum(sizes.values())
    assert read < BUDGET
    print(
        f"{name}: {read / 1e6:.2f} MB read to its end, {formulas} formulas, {len(pictures)} pictures, "
        f"{len(page.foreign)} requests elsewhere"
    )


def weigh(url):
    """{url: bytes} of a file."""
    path = Path(unquote(urlsplit(url).path))
    return {url: path.stat().st_size} if url.startswith("file:") and path.is_file() else {}


MOVES = """async explorer => {
    const image = explorer.querySelector("img"), reset = explorer.querySelector("button"), told = [];
    const inputs = [...explorer.querySelectorAll(":is(input, select):enabled")];
    const frame = () => new Promise(requestAnimationFrame);
    const at = input => input.type === "checkbox" ? Number(input.checked) : Number(input.value);
    const put = (input, place) => {
        if (input.type === "checkbox") input.checked = place === 1; else input.value = place;
        input.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const places = input => {
        const last = { checkbox: 1, range: Number(input.max) }[input.type] ?? input.options.length - 1;
        const some = new Set([last, 0, Math.floor(last / 2), 1, last - 1]);
        return [...some].filter(place => place >= 0 && place <= last);
    };
    for (const input of inputs) {
        const start = image.src, times = [];
        let changed = false;
        for (const place of places(input)) {
            await frame();
            const begun = performance.now();
            put(input, place);
            await image.decode();
            await frame();
            times.push(performance.now() - begun);
            changed ||= image.src !== start;
        }
        for (const other of inputs) {        // controls that move freely together may act only together
            for (const place of places(other)) {
                if (changed || other === input) continue;
                reset.click();
                put(other, place);
                const before = image.src;
                for (const own of places(input)) {
                    put(input, own);
                    changed ||= at(other) === place && image.src !== before;
                }
            }
        }
        reset.click();
        told.push({ label: input.labels[0].textContent, changed, times, back: image.src === start });
    }
    return told;
}"""


@pytest.mark.parametrize("name", LESSONS)
def test_every_explorer_of_a_page_answers(open_page, name):
    """Every control moves the picture; from the event to the frame with the new picture, the median is below 50 ms.

    Other tests share the machine, which only adds: a move that was slow is made again, and its fastest time counts.
    """
    page, controls, middle = open_page(name), 0, []
    explorers = page.locator(".rlx")
    stored = sum(web.tagged(cell, "explorer") for cell in web.read(web.ROOT / "notebooks" / f"{name}.ipynb").cells)
    assert explorers.count() == stored
    for i in range(stored):
        explorer = explorers.nth(i)
        explorer.hover()
        page.wait_for_function("explorer => 'ready' in explorer.dataset", arg=explorer.element_handle())
        title, rounds = explorer.get_attribute("aria-label"), []
        while len(rounds) < 5 and (not rounds or middle[-1] >= 50):
            told = explorer.evaluate(MOVES)
            rounds.append([time for control in told for time in control["times"]])
            middle[i:] = [median(min(times) for times in zip(*rounds, strict=True))]
        for control in told:
            assert control["changed"], f"{title}: “{control['label']}” moves nothing"
            assert control["back"], f"{title}: Reset does not bring the first picture back"
        controls += len(told)
        assert middle[-1] < 50, f"{title}: {middle[-1]:.0f} ms"
    assert page.foreign == [] and page.errors == []
    off = page.locator(".rlx :is(input, select):disabled").count()
    assert off < controls / 5
    print(
        f"{name}: {stored} explorers, {controls} controls ({off} more are off), "
        f"slowest median {max(middle):.0f} ms, {len(page.foreign)} requests elsewhere"
    )


@pytest.mark.parametrize("how", ["file", "server"])
def test_an_explorer_moved_before_its_pictures_have_come_keeps_the_move(built, offline, serve, how):
    with serve(built) as address:
        page = offline((built / "03_gae.html").as_uri() if how == "file" else f"{address}/03_gae.html")
        explorer = page.locator(".rlx").last
        assert explorer.get_attribute("data-ready") is None
        first = explorer.locator("img").get_attribute("src")
        slider = explorer.locator("input[type=range]").first
        slider.evaluate("""input => {
            input.value = input.max;
            input.dispatchEvent(new Event("input", { bubbles: true }));
        }""")
        page.wait_for_function("explorer => 'ready' in explorer.dataset", arg=explorer.element_handle())
        assert slider.input_value() == slider.get_attribute("max")
        assert explorer.locator("img").get_attribute("src") != first
        assert page.foreign == [] and page.errors == []


@pytest.mark.parametrize("how", ["file", "server"])
def test_search_finds_a_word(built, offline, serve, how):
    with serve(built) as address:
        root = built.as_uri() if how == "file" else address
        page = offline(f"{root}/index.html")
        page.keyboard.press("Control+k")
        page.keyboard.type("bootstraps")
        page.keyboard.press("Enter")
        page.wait_for_selector("#search-results li a", timeout=20_000)
        page.wait_for_timeout(500)
        found = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.href)")
        assert any("/03_gae.html" in link for link in found), found
        page.locator("#search-results li a").first.press("Enter")
        page.wait_for_url(lambda url: "search.html" not in url)
        assert page.locator(".bd-article h1").count() == 1
        assert page.foreign == [] and page.errors == []
        print(f"{how}: {len(found)} places")


@pytest.mark.parametrize("how", ["file", "server"])
def test_a_lesson_works_under_its_policy(built, offline, serve, how):
    """A slider, a question, the theme: no complaint of the policy. A script that somebody slipped in: not run."""
    with serve(built) as address:
        page = offline((built / "02_advantage.html").as_uri() if how == "file" else f"{address}/02_advantage.html")
        settle(page)
        explorer = page.locator(".rlx").first
        slider, image = explorer.locator("input[type=range]").first, explorer.locator("img")
        before = image.get_attribute("src")
        slider.focus()
        page.wait_for_selector(".rlx[data-ready]")
        page.keyboard.press("ArrowLeft")
        assert image.get_attribute("src") != before

        page.locator("form.question input[type=radio]").first.check()
        page.wait_for_selector(".reply[data-right]")
        page.locator(".theme-switch-button").first.click()
        page.locator("html[data-theme]:not([data-theme=auto])").wait_for()
        assert page.locator("mjx-container svg").count() > 10
        assert page.errors == [] and page.foreign == []

        page.evaluate("""() => {
            const slipped = document.createElement("script");
            slipped.textContent = "window.slipped = true";
            document.body.append(slipped);
            document.body.insertAdjacentHTML("beforeend", "<img src='x:' onerror='window.slipped = true'>");
        }""")
        page.wait_for_timeout(300)
        assert page.evaluate("window.slipped === undefined")
        assert any("Content Security Policy" in error for error in page.errors), page.errors


def test_the_first_page_begins_with_an_explorer_that_moves(open_page):
    page = open_page("index")
    explorer = page.locator(".rlx").first
    before = page.evaluate("""() => {
        const words = document.createRange();
        words.setStartBefore(document.querySelector(".bd-article"));
        words.setEndBefore(document.querySelector(".rlx"));
        return words.toString().split(/\\s+/).filter(Boolean).length;
    }""")
    assert before < 40
    assert explorer.bounding_box()["y"] < 450  # seen without scrolling
    slider, image = explorer.locator("input[type=range]").first, explorer.locator("img")
    shown = image.get_attribute("src")
    slider.focus()
    page.wait_for_selector(".rlx[data-ready]")
    page.keyboard.press("ArrowRight")
    assert image.get_attribute("src") != shown
    assert page.errors == [] and page.foreign == []


# ---------------------------------------------------------------- questions


def answers(question):
    """What a student may answer: one option, a set of options, or a text; every kind of reply is among them."""
    places = range(len(question.options))
    if question.kind == "choice":
        return list(places)
    if question.kind == "several":
        return [set(chosen) for size in range(len(places) + 1) for chosen in itertools.combinations(places, size)]
    values = [question.answer, *(wrong.value for wrong in question.distractors), [77.0] * len(question.answer)]
    near = [[x * (1 + part * question.tolerance) for x in question.answer] for part in (0.99, -0.99, 2, -2)]
    return [", ".join(map(str, each)) for each in (*values, *near)] + TYPED


TYPED = [
    *("", " ", "two", "1/0", "nan", ",", "()", "1 2 3 4 5", "-", "1e400", "__import__('os')", "<b>1</b>", "1.5.2", "½"),
    *("1.5, 1, 2", "(1.5, 1, 2)", "[1.5 1 2]", "3/2; 1; 2", "1,5; 1; 2", "1,5 1 2", "1,5, 1, 2", "1.5,1,2,"),
    *(" .5\t−.25  +1e-1 ", "3", "3.", "3,0", "–3", "2, 1", "2; 1", "{3, 2, 1}", "3 2 1", "1E0", "6/2, 4/2, 1"),
]

GIVE = """([number, given]) => {
    const form = document.forms[number], inputs = [...form.querySelectorAll("input")];
    const reply = form.querySelector(".reply");
    if (typeof given === "number") inputs[given].click();
    else if (typeof given === "string") inputs[0].value = given;
    else inputs.forEach((input, i) => { input.checked = given.includes(i) });
    if (typeof given !== "number") form.requestSubmit();
    return [{ true: true, false: false, null: null }[reply.dataset.right],
        [...reply.children].map((line) => line.innerText.trim())];
}"""


def test_a_page_replies_as_a_notebook_does(offline):
    """Every question, every option, every set of ticks, and numbers in many spellings, against Question.grade."""
    page, given = offline("about:blank"), 0
    questions = [question for lesson in order.LESSONS for question in quiz.load(lesson).values()]
    script = (book.PAGES / "static" / "quiz.js").read_text(encoding="utf-8")
    page.set_content("".join(map(book.question, questions)))
    page.evaluate(f"{script}; document.dispatchEvent(new Event('DOMContentLoaded'))")
    for number, question in enumerate(questions):
        for answer in answers(question):
            expected = question.grade(answer)
            right, lines = page.evaluate(GIVE, [number, sorted(answer) if isinstance(answer, set) else answer])
            told = re.findall(r"<p>(.*?)</p>", quiz.reply_as_html(expected), re.DOTALL)
            bare = [html.unescape(re.sub(r"<[^>]+>", "", line.replace("<br>", "\n"))) for line in told]
            assert (right, lines) == (expected.right, [re.sub(r"[ \t]+", " ", line).strip() for line in bare]), (
                f"{question.id}, answered {answer!r}"
            )
            given += 1
    assert page.errors == []
    print(f"{len(questions)} questions, {given} answers")


def test_a_question_is_answered_by_keyboard(open_page):
    page = open_page("02_advantage")
    for kind, keys in {
        "choice": ["Enter", "Space"],
        "several": ["Space", "Enter"],
        "number": ["1", "Enter"],
    }.items():
        form = page.locator(f'form.question[data-asked*=\'"kind": "{kind}"\']').first
        form.locator("input").first.focus()
        for key in keys:
            page.keyboard.press(key)
        assert form.locator(".reply[role=status] strong").first.inner_text()[0] in "✓↻…"
        fold = form.locator("details")
        assert fold.get_attribute("open") is None
    several = page.locator('form.question[data-asked*="several"]').first
    page.keyboard.press("Tab")
    several.locator("input").nth(1).focus()
    page.keyboard.press("Space")
    assert "press Check again" in several.locator(".reply").inner_text()
    assert several.locator(".reply mjx-container").count() > 0  # formulas of a reply are set
    assert page.errors == [] and page.foreign == []


# ---------------------------------------------------------------- on a phone


@pytest.mark.parametrize("name", ["index", *LESSONS])
def test_letters_in_pictures_can_be_read_on_a_phone(open_page, name):
    """The smallest letters that the style allows are 9 pixels high or more; a wider picture scrolls in its own box."""
    page = open_page(name, width=360)
    drawn = style.SMALLEST_SIZE / 72 * style.DPI
    widths = page.locator(".bd-article img").evaluate_all(
        "images => images.map(image => [image.getBoundingClientRect().width, Number(image.getAttribute('width'))])"
    )
    letters = [drawn * shown / native for shown, native in widths if native > 100]
    assert letters and min(letters) >= 9
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    print(f"{name}: {len(letters)} pictures, letters from {min(letters):.1f} px")


# ---------------------------------------------------------------- the keyboard, and readers of all kinds


def test_the_keyboard_goes_through_a_lesson(open_page):
    """Tab visits everything that can be used, in order, and gets out again; arrows move sliders, Enter unfolds."""
    page = open_page("03_gae")
    page.evaluate("""() => {
        const able = "a[href], button, input, select, summary, video[controls], [tabindex='0']";
        const usable = element =>
            element.checkVisibility({ checkVisibilityCSS: true }) && !element.disabled && element.tabIndex >= 0;
        const first = element =>                 // of a question's options: arrows go on to the others
            element.type !== "radio" || element === document.querySelector(`[name="${element.name}"]`);
        window.wanted = new Set([...document.querySelectorAll(able)].filter(usable).filter(first));
        window.visited = new Set();
        window.unmarked = [];
    }""")
    total = page.evaluate("wanted.size")
    for _ in range(total + 40):
        page.keyboard.press("Tab")
        done = page.evaluate("""() => {
            const at = document.activeElement;
            if (at === document.body) return visited.size > 0;
            const style = getComputedStyle(at);
            if (visited.size < 500 && style.outlineStyle === "none" && style.boxShadow === "none")
                unmarked.push(at.outerHTML.slice(0, 90));
            visited.add(at);
            return false;
        }""")
        if done:
            break
    missed = page.evaluate("[...wanted].filter(element => !visited.has(element)).map(e => e.outerHTML.slice(0, 120))")
    assert missed == []
    assert page.evaluate("unmarked") == []

    explorer = page.locator(".rlx").first
    slider = explorer.locator("input[type=range]").first
    slider.focus()
    page.wait_for_function("explorer => 'ready' in explorer.dataset", arg=explorer.element_handle())
    first, where = explorer.locator("img").get_attribute("src"), page.url
    page.keyboard.press("ArrowLeft")
    assert explorer.locator("img").get_attribute("src") != first and page.url == where
    page.keyboard.press("ArrowRight")
    assert explorer.locator("img").get_attribute("src") == first

    for fold in (".tag_quiz summary", ".tag_solution summary"):
        page.locator(fold).first.focus()
        page.keyboard.press("Enter")
        assert page.locator(fold).first.evaluate("summary => summary.parentElement.open")
    print(f"{total} things to use")


def serious(page, options):
    """What axe finds on a page with every fold open: the grave things as sentences, and the names of all rules."""
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    page.wait_for_timeout(200)
    page.evaluate(AXE.read_text(encoding="utf-8"))  # the policy of the page allows no script to be added
    found = page.evaluate("async options => (await axe.run(document, options)).violations", options)
    grave = [
        f"{rule['id']}, {len(rule['nodes'])} times: {rule['help']}. {rule['nodes'][0]['html'][:300]} "
        f"{rule['nodes'][0]['failureSummary'][:300]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    return grave, [rule["id"] for rule in found]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(open_page, name):
    """In both themes; on a narrow screen more boxes scroll, and the keyboard must reach them."""
    every, scrolling = {"resultTypes": ["violations"]}, {"runOnly": ["scrollable-region-focusable"]}
    for theme, width, options in (("light", 1280, every), ("dark", 1280, every), ("light", 400, scrolling)):
        page = open_page(name, theme=theme, width=width)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        grave, found = serious(page, options)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
        assert grave == [], f"{name}, {theme}, {width}"
        print(f"{name}, {theme}, {width}: nothing serious; {found or 'nothing at all'}")
        page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_buttons_of_a_published_lesson_are_for_everybody(published, offline, theme):
    page = offline((published / "02_advantage.html").as_uri(), theme=theme)
    settle(page)
    for kind in ("download", "source", "launch"):
        group = page.locator(f".dropdown-{kind}-buttons > button:visible")
        group.focus()
        page.keyboard.press("Enter")
        assert group.locator("xpath=following-sibling::ul//a").first.is_visible()
    assert page.errors == [] and page.foreign == []
    assert serious(page, {"resultTypes": ["violations"]})[0] == []
