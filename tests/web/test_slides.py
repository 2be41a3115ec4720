"""Every deck in a real browser, the network cut: slides that fit, pictures that read, sliders that answer.

The text of a figure is measured by its smallest letters: 11 points (style.SMALLEST_SIZE), drawn at 100 dots an inch
and displayed as wide as the picture is. All other text of the slide but its heading may at most be as tall.
"""

import html.parser
import json
import re

import pytest

import slides
import web
from rlcourse.course import quiz
from rlcourse.course.figures import style

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LESSONS = web.lessons()
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
MEGABYTES = 15
LETTERS = style.SMALLEST_SIZE / 72 * style.DPI

# What the tests ask of a page. A slide's text is read with the boxes it is painted in, so that nothing that is cut off,
# runs over the edge or hides behind the slide's number goes unseen.
HELPERS = """
window.probe = {
  show(place) {
    const {h, v} = Reveal.getIndices(Reveal.getSlides()[place]);
    Reveal.slide(h, v, Reveal.getSlides()[place].querySelectorAll('.fragment').length - 1);
    return Reveal.getSlides()[place];
  },
  texts(slide) {
    const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode, holder = node.parentElement;
      if (!node.textContent.trim() || holder.closest('aside, script, style, mjx-assistive-mml, option')) continue;
      if (holder.checkVisibility()) found.push(node);
    }
    return found;
  },
  faults(place) {
    const slide = this.show(place), found = [], range = document.createRange();
    const foot = document.querySelector('.slide-number').getBoundingClientRect();
    const check = (what, box) => {
      if (!box.width || !box.height) return;
      if (box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > foot.top + 1)
        found.push(`${what}: ${[box.left, box.top, box.right, box.bottom].map(Math.round)}`);
    };
    for (const node of this.texts(slide)) {
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) check(node.textContent.trim().slice(0, 40), box);
    }
    for (const node of slide.querySelectorAll('img, video, svg, input, select, button, table, pre')) {
      if (node.closest('aside, mjx-container svg svg, details:not([open])')) continue;
      if (!node.checkVisibility()) found.push(`${node.tagName} is not seen`);
      check(node.tagName, node.getBoundingClientRect());
    }
    for (const node of [slide, ...slide.querySelectorAll('*')]) {
      if (node.closest('mjx-container, svg, select, aside') || getComputedStyle(node).overflowX === 'visible') continue;
      if (node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1)
        found.push(`${node.tagName} ${node.className} is cut off`);
    }
    const parts = [...slide.querySelectorAll('p, li, pre, table, h1, h2, h3, h4, img, figcaption, .rlx-row, fieldset')]
      .filter((node) => node.checkVisibility() && !node.closest('aside, table *, li *, fieldset *'))
      .map((node) => [node, node.getBoundingClientRect()]);
    parts.forEach(([one, a], i) => parts.slice(i + 1).forEach(([two, b]) => {
      if (one.contains(two) || a.right <= b.left + 1 || b.right <= a.left + 1) return;
      if (a.bottom > b.top + 1 && b.bottom > a.top + 1) found.push(`${one.tagName} lies over ${two.tagName}`);
    }));
    return found;
  },
  letters(place, native) {
    const slide = this.show(place), pictures = [...slide.querySelectorAll('img:not(.film)')];
    const drawn = pictures.map((img) => native * img.getBoundingClientRect().width / img.naturalWidth);
    const sizes = this.texts(slide).filter((node) => !node.parentElement.closest('h1, h2, h3, h4'))
      .map((node) => parseFloat(getComputedStyle(node.parentElement).fontSize) * Reveal.getScale());
    return [drawn.length ? Math.min(...drawn) : null, Math.max(0, ...sizes), slide.querySelector('.small') ? 1 : 0];
  },
  all(native) {
    return Reveal.getSlides().map((_, place) => [this.faults(place), ...this.letters(place, native)]);
  },
  pixels(img) {                           // what is seen: the picture, over the one of which it stores the changes
    const [width, height] = [img.naturalWidth, img.naturalHeight];
    const canvas = Object.assign(document.createElement('canvas'), {width, height});
    const context = canvas.getContext('2d', {willReadFrequently: true});
    context.drawImage(this.base, 0, 0);
    context.drawImage(img, 0, 0);
    return context.getImageData(0, 0, width, height).data;
  },
  async controls(place) {                 // every control to both its ends: is the picture another one?
    const slide = this.show(place), explorer = slide.querySelector('.rlx'), img = explorer.querySelector('img');
    this.base = new Image();
    this.base.src = img.style.backgroundImage.slice(5, -2);
    await this.base.decode();
    const reset = () => { explorer.querySelector('button').click(); return img.decode(); };
    const found = [], faults = [];
    for (const input of explorer.querySelectorAll('input:enabled, select:enabled')) {
      const box = input.type === 'checkbox', start = box ? Number(input.checked) : Number(input.value);
      const last = box ? 1 : input.tagName === 'SELECT' ? input.options.length - 1 : Number(input.max);
      let changed = false;
      for (const end of [0, last]) {
        await reset();
        if (end === start) continue;
        const before = this.pixels(img);
        if (box) input.checked = end === 1; else input.value = end;
        input.dispatchEvent(new Event('input', {bubbles: true}));
        await img.decode();
        await new Promise(requestAnimationFrame);
        const after = this.pixels(img);
        changed ||= after.some((value, i) => Math.abs(value - before[i]) > 16);
        faults.push(...this.faults(place));
      }
      const label = explorer.querySelector(`label[for="${input.id}"]`);
      found.push({name: label.textContent, changed});
    }
    await reset();
    return {explorer: explorer.id, found, faults: [...new Set(faults)]};
  },
};
"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """The folder of all decks, built once."""
    out = tmp_path_factory.mktemp("slides")
    slides.build(LESSONS[::-1], out)  # from the last: the book's tests draw the same explorers from the first
    return out


@pytest.fixture
def show(decks, offline):
    """show(lesson, size) opens a deck from its file, when its slides are laid out."""

    def open_deck(path, size="720p", url=None):
        width, height = SIZES[size]
        page = offline(url or (decks / f"{path.stem}.html").as_uri(), width, height)
        page.wait_for_selector("body.ready", timeout=120_000)
        page.evaluate(HELPERS)
        return page

    return open_deck


def sound(page):
    assert page.foreign == [] and page.errors == []


@pytest.fixture(params=LESSONS, ids=[path.stem for path in LESSONS])
def lesson(request):
    return request.param


@pytest.mark.parametrize("size", SIZES)
def test_every_slide_fits_and_figures_read(show, lesson, size):
    page = show(lesson, size)
    found, least, small = {}, [], 0
    seen = page.evaluate("native => probe.all(native)", LETTERS)
    for number, (faults, drawn, text, shrunk) in enumerate(seen, start=1):
        small += shrunk
        if drawn is not None:
            least.append(drawn)
            if text > drawn + 0.05 or shrunk:
                faults.append(f"text of {text:.1f} px beside letters of {drawn:.1f} px")
        if faults:
            found[number] = faults
    print(
        f"{lesson.stem} {size}: {len(seen)} slides, {len(least)} with a picture, letters from {min(least):.1f} px, "
        f"{small} shrunk to fit, {len(page.foreign)} requests outside"
    )
    assert found == {}
    sound(page)


def test_every_explorer_answers_without_a_network(show, lesson):
    page = show(lesson)
    page.context.set_offline(True)
    places = page.evaluate("Reveal.getSlides().flatMap((slide, i) => slide.querySelector('.rlx') ? [i] : [])")
    expected = [
        cell
        for cell in web.read(lesson).cells
        if web.tagged(cell, "explorer") and cell.metadata.slideshow.slide_type != "skip"
    ]
    assert len(places) == len(expected) > 0
    idle, moved = [], 0
    for place in places:
        tried = page.evaluate("place => probe.controls(place)", place)
        assert tried["faults"] == [], tried["explorer"]
        changed = [control for control in tried["found"] if control["changed"]]
        assert changed, f"nothing moves the picture of {tried['explorer']}"
        moved += len(changed)
        idle += [f"{tried['explorer']}: {c['name']}" for c in tried["found"] if not c["changed"]]
        by_keyboard(page, place)
    off = page.locator(".rlx :is(input, select):disabled").count()
    print(
        f"{lesson.stem}: {len(places)} explorers tried, {moved} controls change the picture, {off} are off, "
        f"{len(idle)} change nothing at their ends {idle}; "
        f"{len(page.foreign)} requests outside"
    )
    sound(page)


def by_keyboard(page, place):
    """Arrow keys move the slider and not the slides; a presenter's remote turns the slides all the same."""
    page.evaluate("place => { probe.show(place); }", place)
    explorer = page.locator("section.present:not(.stack) .rlx")
    control = explorer.locator("input[type=range]:enabled, select:enabled").first
    control.focus()
    before, start = page.evaluate("location.hash"), control.input_value()
    control.press("ArrowRight" if start == "0" else "ArrowLeft")
    assert control.input_value() != start, "the arrow key did not move the control"
    assert page.evaluate("location.hash") == before, "the arrow key turned the slide"
    control.press("PageDown")
    assert page.evaluate("Reveal.getSlides().indexOf(Reveal.getCurrentSlide())") == place + 1
    page.evaluate("place => { probe.show(place); }", place)
    explorer.locator("button").click()
    page.evaluate("document.activeElement.blur()")


class Pages(html.parser.HTMLParser):
    """The addresses that a page asks for or leads to, and its pictures."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.pictures = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        names = ("src", "href", "poster", "data", "action", "srcset")
        self.addresses += [attrs[name] for name in names if attrs.get(name)]
        if tag == "img":
            self.pictures.append(attrs)


def test_a_deck_is_small_names_no_address_and_describes_its_pictures(decks, lesson):
    path = decks / f"{lesson.stem}.html"
    shared = sum(file.stat().st_size for file in (decks / "assets").rglob("*"))
    size = (path.stat().st_size + shared) / 1e6
    print(f"{path.name}: {size:.1f} MB, of which {shared / 1e6:.1f} MB are shared by all decks")
    assert size < MEGABYTES
    text = path.read_text(encoding="utf-8")
    parsed = Pages(text)
    for address in parsed.addresses:
        assert address.startswith(("data:", "#")) or (decks / address.partition("#")[0]).is_file(), address[:80]
    assert all(re.search(r"\w+ \w+", picture.get("alt", "")) for picture in parsed.pictures)
    assert not re.search(r"https?://", text)
    style_sheet = "".join(file.read_text(encoding="utf-8") for file in (decks / "assets").glob("*.css"))
    assert "@import" not in style_sheet and not re.search(r"url\(['\"]?(?!data:)", style_sheet)


def test_a_deck_holds_what_the_lesson_says(show, lesson):
    """Every slide of the notebook is there, solutions are not, and every slide has a heading."""
    page = show(lesson)
    written = page.evaluate("document.querySelector('.slides').textContent")
    for cell in web.read(lesson).cells:
        if cell.metadata.slideshow.slide_type in ("skip", "notes") or cell.cell_type != "markdown":
            continue
        prose = re.sub(r"```.*?```|\$\$.*?\$\$|\$.*?\$|`.*?`|<.*?>", " ", cell.source, flags=re.DOTALL)
        for word in re.findall(r"\b[a-z]{8,}\b", prose):
            assert word in written, word
    for cell in web.read(lesson).cells:
        if web.tagged(cell, "solution"):
            assert cell.source.strip() not in written
        if web.tagged(cell, "quiz"):
            number = re.search(r"[a-z_]+-\d+", cell.source)[0]
            assert f"Question {number}: the answer" in written and quiz.find(number).id == number
    assert page.evaluate("Reveal.getSlides().filter(slide => !slide.querySelector('h1, h2, h3')).length") == 0
    assert page.evaluate("document.querySelectorAll('.slides mjx-merror, .slides [data-mjx-error]').length") == 0
    assert not re.search(r"\$[^$\n]*\\[a-z]+[^$\n]*\$", written), "a formula was not set"


@pytest.mark.parametrize("home", ["file", "server"])
def test_the_speakers_window_shows_the_notes(show, decks, serve, home):
    lesson = LESSONS[1]
    with serve(decks) as address:
        page = show(lesson, url=f"{address}/{lesson.stem}.html" if home == "server" else None)
        page.evaluate("Reveal.slide(1, 0)")
        with page.expect_popup() as opened:
            page.keyboard.press("s")
        speaker = opened.value
        notes = speaker.locator(".speaker-controls-notes .value")
        notes.filter(has_text="Instructor").wait_for(timeout=60_000)
        assert page.evaluate("Reveal.getCurrentSlide().querySelector('aside.notes').textContent.trim()")
        for frame in ("current-slide", "upcoming-slide"):
            inner = speaker.frame_locator(f"#{frame} iframe")
            inner.locator("body.ready").wait_for(timeout=120_000)
        heading = "section.present:not(.stack) :is(h1, h2, h3)"
        shown = speaker.frame_locator("#current-slide iframe").locator(heading).first
        assert shown.text_content() == page.locator(heading).first.text_content()
        first = notes.text_content()
        page.evaluate("Reveal.slide(3, 0)")
        other = "first => document.querySelector('.speaker-controls-notes .value').textContent !== first"
        speaker.wait_for_function(other, arg=first)
        sound(page)


def test_the_list_leads_to_every_deck(decks, offline):
    page = offline((decks / "index.html").as_uri())
    links = page.locator("ol a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links == [f"{path.stem}.html" for path in LESSONS]
    sound(page)


def test_what_a_slide_leaves_out():
    """A unit of tools/slides.py: the machinery of the tests is no line of a slide, an answer is its own slide."""
    listing = slides.listing_of("# NBVAL_CHECK_OUTPUT\nx = 1\n\nprint(x)")
    assert "NBVAL" not in listing and listing.count('<span class="line"') == 3
    cell = slides.slide("Why?\n\n<details><summary><b>Because</b></summary>\n\nSo.\n\n</details>", "fragment")
    before, answer = slides.prose(cell)
    assert before.source.strip() == "Why?" and answer.source == "### Because\n\nSo."
    assert slides.kind(answer) == "subslide"
    notes = slides.noted(
        [
            slides.slide("a", "slide"),
            slides.slide("b", "fragment"),
            slides.slide("c", "subslide"),
            slides.slide("say this", "notes"),
            slides.slide("d", "slide"),
        ]
    )
    assert [cell.source for cell in notes] == ["a", "say this", "b", "c", "say this", "d"]
    assert json.dumps(notes)
