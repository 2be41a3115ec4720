import base64
import contextlib
import io
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from rlcourse.course.figures import style
from rlcourse.course.widgets import export
from rlcourse.course.widgets.controls import Choice, ChoiceRow, Row, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer


@explorer(
    p=Slider("kicker shoots left, p", 0, 1, step=0.05, default=0.3),
    q=Slider("keeper dives right, q", 0, 1, step=0.05, default=1),
    show=Choice("show <what>", ("values", "advantages & more"), default="values"),
    sampled=Toggle("Monte-Carlo estimate", default=True),
    rewards=Row("reward", names=("t=0", "t=1"), low=-5, high=5, step=0.5, default=(1, 1)),
    ends=ChoiceRow("end", names=("t=0", "t=1"), options=("no", "terminated", "truncated"), default=("no", "no")),
    grid=("p", "q"),
)
def penalty(p, q, show, sampled, rewards, ends):
    """Penalty shoot-out: "value" & advantage of every kick."""
    figure, axes = style.new_figure(4, 2)
    axes.bar(range(4), [p, q, *rewards], **style.POLICY.bar())
    axes.set(ylim=(-5, 5), title=f"{show} {sampled} {ends[0]} {ends[1]}")
    return style.say(figure, f"{show}: p is {p}, q is {q}, {rewards}, {ends}, {sampled} </script> <b>.")


@explorer(p=Slider("p", 0, 1, step=0.5, default=0), grid=("p",))
def tiny(p):
    """A slider of three steps."""
    figure, axes = style.new_figure(3, 2)
    axes.bar(0, p)
    return style.say(figure, f"One bar of height {p}.")


@pytest.fixture(scope="module")
def written():
    return penalty.to_html()


class Tags(HTMLParser):
    """Every start tag of a page, with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, *tags):
        return [attrs for tag, attrs in self.found if tag in tags]


def data(fragment):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', fragment, re.S)[1])


# ---------------------------------------------------------------- what is drawn


@given(st.integers(2, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))), st.integers(3, 21))
@example((28, 0), 17)
def test_a_thinned_slider_keeps_both_ends_and_the_default(slider, most):
    count, default = slider
    kept = export.spread(count, default, most)
    assert kept == sorted(set(kept)) and {0, default, count - 1} <= set(kept) and len(kept) <= most
    if count <= most:
        assert kept == list(range(count))
    else:
        assert len(kept) >= 0.6 * most
        widest = max(np.diff(kept))
        assert widest <= 2.5 * count / (most - 1) + 1


def test_the_grid_is_full_and_every_other_control_moves_alone():
    found = export.knobs(penalty)
    settings = export.settings(found)
    start = tuple(knob.default for knob in found)
    assert settings[0] == start and len(set(settings)) == len(settings) <= export.MAX_FRAMES
    grid = {s[:2] for s in settings if s[2:] == start[2:]}
    assert grid == {(i, j) for i in range(len(found[0].positions)) for j in range(len(found[1].positions))}
    for i in range(2, len(found)):
        alone = {s[i] for s in settings if (*s[:i], start[i], *s[i + 1 :]) == start}
        assert alone == set(range(len(found[i].positions)))
    off = [s for s in settings if s[2:] != start[2:]]
    assert all(sum(a != b for a, b in zip(s, start)) == 1 for s in off)
    for knob in found:
        every = knob.control.positions()
        assert knob.positions[0] == every[0] and knob.positions[-1] == every[-1]
        assert knob.positions[knob.default] == knob.control.default


@explorer(
    height=Slider("height", 0, 2, step=1, default=1),
    ghost=Toggle("ghost bar", default=False),
    shade=Slider("shade of the ghost", 0, 1, step=0.5, default=0.5),
    tint=Choice("colour of the ghost", ("blue", "red"), default="blue"),
    free=Slider("on the grid", 0, 1, step=1, default=0),
    grid=("free",),
)
def haunted(height, ghost, shade, tint, free):
    """A bar, and perhaps a second one."""
    figure, axes = style.new_figure(3, 2)
    axes.bar([0], [height])
    if ghost:
        axes.bar([1], [1], color=tint, alpha=shade)
    return style.say(figure, f"One bar of height {height}, ghost {ghost}.")


def test_a_control_that_acts_only_with_another_is_switched_off_and_the_page_says_why():
    page = haunted.to_html()
    off = [attrs for attrs in Tags(page).all("input", "select") if "disabled" in attrs]
    assert [re.search(r"-([a-z]+)-0$", attrs["id"])[1] for attrs in off] == ["shade", "tint"]
    assert "A control that is grey acts only together with another one." in page
    assert "disabled" not in tiny.to_html() and "grey" not in tiny.to_html()


def test_a_row_is_one_knob_a_cell():
    found = export.knobs(penalty)
    start = [knob.default for knob in found]
    start[5] = 0
    assert [knob.label for knob in found[4:6]] == ["t=0", "t=1"]
    assert export.parameters(penalty, found, start)["rewards"] == (1.0, -5.0)


def test_every_state_shows_the_figure_of_its_parameters(written):
    found = export.knobs(penalty)
    held = data(written)
    first = re.search(r'<img src="data:image/webp;base64,([^"]+)"', written)[1]

    def picture(number):
        layers = [first] + ([held["pictures"][number - 1]] if number else [])
        whole = Image.new("RGBA", (400, 200))
        for layer in layers:
            whole.alpha_composite(Image.open(io.BytesIO(base64.b64decode(layer))).convert("RGBA"))
        return np.asarray(whole.convert("RGB")).astype(int)

    for setting in export.settings(found)[::9]:
        number, said = held["states"][",".join(map(str, setting))]
        figure = penalty.draw(**export.parameters(penalty, found, setting))
        assert held["said"][said] == figure.get_label()
        assert np.abs(picture(number) - np.asarray(style.pixels(figure)).astype(int)).max() <= 5


def test_equal_pictures_are_stored_once():
    @explorer(p=Slider("p", 0, 1, step=0.1, default=0))
    def rounded(p):
        """A bar that only knows two heights."""
        figure, axes = style.new_figure(3, 2)
        axes.bar(0, round(p))
        axes.set_ylim(0, 1)
        return style.say(figure, f"One bar, p is {p}.")

    held = data(rounded.to_html())
    assert len(held["states"]) == 11 and len(held["pictures"]) == 1 and len(held["said"]) == 11


def test_figures_of_different_sizes_are_refused():
    @explorer(p=Slider("p", 0, 1, step=1, default=0))
    def growing(p):
        """A figure that grows."""
        return style.say(style.new_figure(3 + p, 2)[0], "A figure.")

    with pytest.raises(ValueError, match="one size"):
        growing.to_html()


# ---------------------------------------------------------------- the page


def test_the_fragment_asks_for_nothing_outside_itself(written):
    tags = Tags(written)
    assert not tags.all("link", "iframe", "object", "base", "meta")
    addresses = [
        value for _, attrs in tags.found for name, value in attrs.items() if name in ("src", "href", "srcset", "action")
    ]
    assert addresses and all(address.startswith("data:") for address in addresses)
    assert not re.search(r"https?://|@import|fetch\(|XMLHttpRequest|import\(", written)
    assert len(written) < 1_500_000


def test_every_input_has_a_label_and_an_id_of_its_own(written):
    tags = Tags(written)
    inputs = tags.all("input", "select")
    ids = [attrs["id"] for _, attrs in tags.found if "id" in attrs]
    assert len(inputs) == 8 and len(ids) == len(set(ids))
    assert sorted(attrs["id"] for attrs in inputs) == sorted(attrs["for"] for attrs in tags.all("label"))
    assert [attrs["type"] for attrs in tags.all("input")].count("range") == 4 == len(tags.all("output"))
    assert all(attrs["type"] == "button" for attrs in tags.all("button"))


def test_the_fragment_starts_with_picture_and_sentence_of_the_defaults(written):
    (img,) = Tags(written).all("img")
    assert img["alt"] == penalty.alt_text() and (img["width"], img["height"]) == ("400", "200")
    assert "<title>" not in written and "A slider of three steps." in tiny.to_html()


def test_the_note_says_which_settings_are_there(written):
    assert "“keeper dives right, q” move freely together. Any other control moves alone" in written
    assert "Some steps are left out." in written
    assert "moves alone" not in tiny.to_html() and "left out" not in tiny.to_html()


def test_the_same_explorer_writes_the_same_bytes():
    assert tiny.to_html() == tiny.to_html()


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def chromium():
    """A Chromium, the system's or playwright's own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_api.sync_playwright())
        try:
            browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox", "--disable-gpu"])
        except sync_api.Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium here: install one, or run `playwright install chromium` ({error.message[:80]})")
        stack.callback(browser.close)
        yield browser


@pytest.fixture
def opened(chromium, tmp_path):
    """Open a page from a file; fails afterwards on a script error or a request that leaves the machine."""
    trouble, asked, pages = [], [], []

    def open_page(content):
        path = Path(tmp_path, "page.html")
        path.write_text(content, encoding="utf-8")
        page = chromium.new_page()
        pages.append(page)
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not trouble
    assert not [address for address in asked if not address.startswith(("file:", "data:"))]


@pytest.mark.browser
def test_a_keyboard_moves_a_slider_and_the_picture_follows(opened, written):
    page = opened(written)
    img, caption = page.locator("img"), page.locator("figcaption")
    slider = page.get_by_label("kicker shoots left, p")
    assert slider.evaluate("e => e.type") == "range"
    before = img.get_attribute("src"), img.get_attribute("alt"), img.screenshot()
    slider.focus()
    page.keyboard.press("Home")
    assert img.get_attribute("src") != before[0]
    assert img.get_attribute("alt") == caption.inner_text() == " ".join(penalty.alt_text(p=0).split())
    assert img.evaluate("e => e.decode().then(() => true)") and img.screenshot() != before[2]
    assert page.locator("output").first.inner_text() == slider.get_attribute("aria-valuetext") == "0.00"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.labels[0].textContent") == "keeper dives right, q"
    page.keyboard.press("Home")
    assert img.get_attribute("alt") == penalty.alt_text(p=0, q=0)
    page.get_by_role("button", name="Reset").press("Enter")
    assert (img.get_attribute("src"), img.get_attribute("alt")) == before[:2]
    assert img.evaluate("e => e.decode().then(() => true)") and img.screenshot() == before[2]


@pytest.mark.browser
def test_a_control_off_the_grid_sends_the_others_home(opened, written):
    page = opened(written)
    said = lambda: page.locator("img").get_attribute("alt")  # noqa: E731
    page.get_by_label("kicker shoots left, p").press("End")
    assert said() == penalty.alt_text(p=1)
    page.get_by_label("show <what>").select_option(label="advantages & more")
    assert said() == penalty.alt_text(show="advantages & more")
    assert page.locator("output").first.inner_text() == "0.30"
    page.get_by_label("Monte-Carlo estimate").press("Space")
    assert said() == penalty.alt_text(sampled=False)
    page.get_by_role("group", name="reward").get_by_label("t=1").press("Home")
    assert said() == penalty.alt_text(rewards=(1, -5))
    page.get_by_role("group", name="end").get_by_label("t=0").select_option(label="truncated")
    assert said() == penalty.alt_text(ends=("truncated", "no"))
    page.get_by_label("keeper dives right, q").press("Home")
    assert said() == penalty.alt_text(q=0)


@pytest.mark.browser
def test_explorers_share_a_page_and_one_may_be_there_twice(opened):
    page = opened(tiny.to_html() + tiny.to_html() + tiny.at(p=1).to_html())
    images, sliders = page.locator("img"), page.get_by_role("slider")
    sliders.nth(1).press("End")
    assert [images.nth(i).get_attribute("alt") for i in range(3)] == [tiny.alt_text(p=p) for p in (0, 1, 1)]
    ids = page.evaluate("[...document.querySelectorAll('input')].map(e => e.id)")
    tied = page.evaluate("[...document.querySelectorAll('label')].map(e => e.control.id)")
    assert len(set(ids)) == 3 and ids == tied
    page.get_by_role("button", name="Reset").nth(2).click()
    assert images.nth(1).get_attribute("alt") == tiny.alt_text(p=1)


@pytest.mark.browser
def test_arrow_keys_on_a_control_do_not_turn_the_slide(opened):
    page = opened("<script>turned = 0; document.addEventListener('keydown', () => turned++)</script>" + tiny.to_html())
    page.get_by_role("slider").press("ArrowRight")
    assert page.evaluate("turned") == 0 and page.locator("img").get_attribute("alt") == tiny.alt_text(p=0.5)
    page.get_by_role("button", name="Reset").press("ArrowRight")
    assert page.evaluate("turned") == 1


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(opened, tmp_path, scheme):
    page = opened(tiny.save_html(tmp_path / "explorer.html").read_text(encoding="utf-8"))
    page.emulate_media(color_scheme=scheme)
    png = page.locator("figcaption").screenshot()
    shades = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(int)
    ground = shades[0, 0]
    assert (ground > 200) == (scheme == "light") and np.abs(shades - ground).max() > 150
