"""A lesson as `make present` shows it, in a real browser: large letters, nothing at the sides, sliders that move."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

import lab
import present
import screenshot

spec = importlib.util.spec_from_file_location("browser_test_lab", Path(__file__).with_name("test_lab.py"))
in_lab = importlib.util.module_from_spec(spec)
spec.loader.exec_module(in_lab)
chromium, FRONT, HANDLE = in_lab.chromium, in_lab.FRONT, in_lab.HANDLE

# What is legible from the last row: a letter of a 30th of the window's height, as on a slide; code may be smaller.
LETTERS = {
    ".jp-RenderedMarkdown p": 1 / 35,
    ".jp-CodeCell .cm-content": 1 / 42,
    ".jp-OutputArea-output pre": 1 / 42,
    ".lm-MenuBar-item": 1 / 48,
    ".widget-label": 1 / 48,
}
CLUTTER = (".jp-SideBar", "#jp-left-stack", "#jp-right-stack", "#jp-main-statusbar", ".lm-TabBar", ".jp-cell-toolbar")


def look(page, selector):
    """Of all elements: whether any can be seen, and the smallest size of their letters in pixels."""
    return page.evaluate(
        """selector => {
            const seen = [...document.querySelectorAll(selector)].filter(e => e.checkVisibility() && e.offsetWidth > 2);
            return [seen.length, Math.min(...seen.map(e => parseFloat(getComputedStyle(e).fontSize)))];
        }""",
        selector,
    )


def run_to_the_first_explorer(page):
    """Shift-Enter, cell by cell, as in class."""
    page.locator(f"{FRONT} h1").first.click()
    for _ in range(40):
        page.keyboard.press("Shift+Enter")
        page.wait_for_selector(f"{FRONT} .jp-Notebook-ExecutionIndicator[data-status='idle']")
        if page.locator(f"{FRONT} {HANDLE}").count():
            return
        page.wait_for_timeout(100)
    page.wait_for_selector(f"{FRONT} {HANDLE}")


@pytest.mark.browser
@pytest.mark.slow
def test_a_lesson_fills_the_screen_and_a_slider_answers(chromium):
    with (
        lab.running(*present.OPTIONS, prepare=present.prepare) as (address, token),
        screenshot.browser_page(1280, 720) as page,
    ):
        watch = in_lab.Watch(page)
        page.goto(f"{address}{present.page(present.lesson('02'))}?token={token}")
        page.wait_for_selector(f"{FRONT} .jp-Notebook .jp-Cell")
        page.wait_for_selector(f"{FRONT} .jp-Notebook-ExecutionIndicator[data-status='idle']")
        assert page.locator(f"{FRONT} h1").first.inner_text().startswith("The advantage")
        in_lab.nothing_in_the_way(page)
        for what in CLUTTER:
            assert look(page, what)[0] == 0, f"{what} is in the picture"

        assert page.locator(f"{FRONT} .jp-Cell", has_text="two volunteers").count() == 0, "the notes are on the wall"
        folded = page.locator(f"{FRONT} .jp-Placeholder", has_text="Notes for the instructor").first
        folded.scroll_into_view_if_needed()
        folded.locator(".jp-MoreHorizIcon, .jp-Placeholder-content").first.click()
        page.locator(f"{FRONT} .jp-Cell", has_text="two volunteers").wait_for()

        run_to_the_first_explorer(page)
        in_lab.move_a_slider_by_keyboard(page)
        for height in (720, 1080):
            page.set_viewport_size({"width": height * 16 // 9, "height": height})
            page.wait_for_timeout(500)
            for what, part in LETTERS.items():
                seen, size = look(page, f"{FRONT} {what}" if what.startswith(".jp") else what)
                print(f"{height} pixels high, {what}: {size:.1f}")
                assert seen and size >= part * height, f"{what}: letters of {size} pixels, at {height} pixels height"
            explorer = page.locator(f"{FRONT} .jp-Cell", has=page.locator(HANDLE)).first
            picture = explorer.locator("img").first.bounding_box()
            slider = explorer.locator(HANDLE).first.bounding_box()
            assert picture["width"] > 0.5 * height * 16 / 9
            together = picture["y"] + picture["height"] - slider["y"]
            assert together < 0.88 * height, "no screen shows both slider and picture"
        assert watch.errors == []
        assert watch.foreign == []


# ---------------------------------------------------------------- without a browser


def test_slides_are_numbered_and_the_rest_is_folded():
    def cell(new, source, kind):
        return new(source, metadata={"slideshow": {"slide_type": kind}})

    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(
        cells=[
            cell(text, "# Title", "slide"),
            cell(text, "ask this", "notes"),
            cell(code, "shown", "fragment"),
            cell(code, "drawn", "subslide"),
            cell(code, "for home", "skip"),
        ]
    )
    cells = present.for_the_class(notebook).cells
    assert [one.source.splitlines()[0] for one in cells] == [
        '<div align="right">slide 1 of 2</div>',
        "Notes for the instructor",
        "shown",
        '<div align="right">slide 2 of 2</div>',
        "drawn",
        "for home",
    ]
    assert [one.metadata.get("jupyter", {}).get("source_hidden", False) for one in cells] == [
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    assert cells[-1].metadata["jupyter"]["outputs_hidden"]


def test_the_copy_is_the_lessons_and_the_lessons_stay_as_they_are(tmp_path):
    before = {path: path.read_bytes() for path in (lab.ROOT / "notebooks").glob("*.ipynb")}
    settings = present.prepare(lab.ROOT, tmp_path / "copy", tmp_path / "state")
    assert before == {path: path.read_bytes() for path in before}
    assert all(folder.is_dir() for folder in settings)
    for path in before:
        copy = nbformat.read(tmp_path / "copy" / "notebooks" / path.name, as_version=4)
        nbformat.validate(copy)
        code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [cell.source for cell in copy.cells if cell.cell_type == "code"] == code
        for cell in copy.cells:
            if "instructor" in cell.metadata.get("tags", []):
                assert cell.metadata.jupyter.source_hidden


def test_a_second_start_brings_fresh_lessons(tmp_path):
    for _ in range(2):
        present.prepare(lab.ROOT, tmp_path / "copy", tmp_path / "state")
        lesson = tmp_path / "copy" / "notebooks" / present.lesson("0")
        assert "scribble" not in lesson.read_text(encoding="utf-8")
        lesson.write_text("scribble", encoding="utf-8")


def test_a_lesson_is_found_by_its_number():
    assert present.lesson("03") == present.lesson("3") == "03_gae.ipynb"
    with pytest.raises(SystemExit, match="No lesson is called 77: write its number, LESSON=03, or one of start_here"):
        present.lesson("77")
