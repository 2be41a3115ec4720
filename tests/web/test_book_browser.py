"""The web book, in a real browser that has no network."""

import html
import itertools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import book
import web
from rlcourse.course import order, quiz
from rlcourse.course.figures import style

LESSONS = [path.stem for path in web.lessons()]
PAGES = ["index", *LESSONS, "equations", "claims", "glossary", "errata", "sources", "api", "for_instructors", "search"]
BUDGET = 6e6
"""Bytes of a page, with everything that it loads when it is opened."""
AXE = web.ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


# ---------------------------------------------------------------- in the browser


@pytest.fixture
def open_page(built, offline):
    """open_page("03_gae") shows a page from its file, mathematics typeset."""

    def opened(name, **options):
        page = offline((built / f"{name}.html").as_uri(), **options)
        settle(page)
        return page

    return opened


def settle(page):
    """Wait until a page is loaded and its mathematics typeset."""
    page.wait_for_load_state("load")
    page.evaluate("async () => { if (window.MathJax?.startup) await MathJax.startup.promise }")


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
        const start = image.src;
        let changed = false;
        for (const place of places(input)) {
            put(input, place);
            await image.decode();
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
        told.push({ label: input.labels[0].textContent, changed, back: image.src === start });
    }
    return told;
}"""


@pytest.mark.parametrize("name", LESSONS)
def test_every_explorer_of_a_page_answers(open_page, name):
    """Every control moves the picture, and Reset brings the first one back. How fast, `make bench` tells."""
    page, controls = open_page(name), 0
    explorers = page.locator(".rlx")
    stored = sum(web.tagged(cell, "explorer") for cell in web.read(web.ROOT / "notebooks" / f"{name}.ipynb").cells)
    assert explorers.count() == stored
    for i in range(stored):
        explorer = explorers.nth(i)
        explorer.hover()
        page.wait_for_function("explorer => 'ready' in explorer.dataset", arg=explorer.element_handle())
        title, told = explorer.get_attribute("aria-label"), explorer.evaluate(MOVES)
        for control in told:
            assert control["changed"], f"{title}: “{control['label']}” moves nothing"
            assert control["back"], f"{title}: Reset does not bring the first picture back"
        controls += len(told)
    assert page.foreign == [] and page.errors == []
    off = page.locator(".rlx :is(input, select):disabled").count()
    assert off <= max(1, controls / 5)
    print(f"{name}: {stored} explorers, {controls} controls ({off} more are off)")


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
