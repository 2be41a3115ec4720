"""JupyterLab as `make lab` opens it, in a real browser: nothing in the way, and a slider that moves a picture."""

import os
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import nbformat
import pytest

import lab
import run_notebooks
import screenshot

LESSON = next(iter(sorted((lab.ROOT / "notebooks").glob("02_*.ipynb"))), None)
HANDLE = ".noUi-handle"  # the knob of a slider
FRONT = screenshot.FRONT

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def chromium():
    if screenshot.find_chromium() is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("no Chromium on the path: install it (Debian, Ubuntu: apt-get install chromium) to run the browser tests")


class Watch:
    """What goes wrong without anybody seeing it: errors in the console, requests that leave the machine."""

    def __init__(self, page):
        self.errors, self.foreign = [], []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.request(request.url))
        page.on("websocket", lambda socket: self.request(socket.url))

    def request(self, url):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.foreign.append(url)


def nothing_in_the_way(page):
    """Neither dialog nor pop-up, also after JupyterLab had the time to think of one."""
    page.wait_for_timeout(3000)
    assert page.locator(".jp-Dialog").count() == 0, page.locator(".jp-Dialog").all_inner_texts()
    assert page.locator(".Toastify__toast").count() == 0, page.locator(".Toastify__toast").all_inner_texts()


def run_all_cells(page):
    """Run > Run All Cells, with the mouse, and wait for the last cell; the outputs are then live."""
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()
    page.wait_for_selector(f"{FRONT} {HANDLE}", timeout=180_000)
    page.wait_for_function(
        f"""() => {{
            const notebook = document.querySelector("{FRONT}");
            const prompts = [...notebook.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map(p => p.textContent);
            const status = notebook.querySelector(".jp-Notebook-ExecutionIndicator").dataset.status;
            return status === "idle" && prompts.every(prompt => !prompt.includes("*"));
        }}""",
        timeout=300_000,
    )


def picture(explorer):
    """What the explorer's image shows: the text of its bytes' fingerprint."""
    return explorer.locator("img").first.evaluate(
        """async image => {
            await image.decode();
            const bytes = await (await fetch(image.src)).arrayBuffer();
            const digest = await crypto.subtle.digest("SHA-256", bytes);
            return [...new Uint8Array(digest)].map(byte => byte.toString(16)).join(" ");
        }"""
    )


def move_a_slider_by_keyboard(page):
    """Focus the first slider, press arrow keys, and see value and picture change, and change back."""
    explorer = page.locator(f"{FRONT} .jp-Cell", has=page.locator(HANDLE)).first
    handle = explorer.locator(HANDLE).first
    handle.scroll_into_view_if_needed()
    explorer.locator("img").first.wait_for()
    handle.focus()
    seen = [(handle.get_attribute("aria-valuenow"), picture(explorer))]
    back, forth = ("ArrowRight", "ArrowLeft")
    if float(handle.get_attribute("aria-valuenow")) >= float(handle.get_attribute("aria-valuemax")):
        back, forth = forth, back
    for key in (back, forth):
        handle.press(key)
        for _ in range(60):
            page.wait_for_timeout(250)
            now = (handle.get_attribute("aria-valuenow"), picture(explorer))
            if now[0] != seen[-1][0] and now[1] != seen[-1][1]:
                break
        seen.append(now)
    assert seen[1][0] != seen[0][0], "the arrow key did not move the slider"
    assert seen[1][1] != seen[0][1], "the slider moved, and the picture did not change"
    assert seen[2] == seen[0], "moving back did not bring the first picture back"


def wait_for_lesson(page, name):
    """Until notebook `name` is in front, drawn, and its kernel is ready."""
    page.locator(".lm-TabBar-tab.lm-mod-current", has_text=name[:12]).wait_for()
    page.wait_for_selector(f"{FRONT} .jp-Notebook .jp-Cell")
    page.locator("#jp-main-statusbar", has_text="Python 3 (ipykernel) | Idle").wait_for()


def status(url):
    """The number with which a server answers."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_course_opens_on_its_first_page_and_a_slider_answers(chromium):
    with lab.running() as (address, token), screenshot.browser_page() as page:
        files = f"{address}/api/contents"
        answers = [status(url) for url in (files, f"{files}?token=wrong", f"{files}?token={token}")]
        assert answers == [403, 403, 200], "whoever has no token gets nothing"

        watch = Watch(page)
        page.goto(f"{address}/?token={token}")  # where `make lab` sends the browser
        wait_for_lesson(page, "00_start_here.ipynb")
        nothing_in_the_way(page)

        page.locator(".jp-DirListing-item", has_text=LESSON.name).dblclick()
        wait_for_lesson(page, LESSON.name)
        run_all_cells(page)
        assert page.locator(f"{FRONT} [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        move_a_slider_by_keyboard(page)
        nothing_in_the_way(page)
        assert watch.errors == []
        assert watch.foreign == []


def test_a_dead_slider_and_an_error_would_be_noticed(chromium, tmp_path):
    """The same steps on a notebook whose slider moves nothing, and which asks for a picture from elsewhere."""
    (tmp_path / "notebooks").mkdir()
    dead = (
        "import ipywidgets\nfrom rlcourse.course.figures import style\n"
        "image = ipywidgets.Image(value=style.png(style.message('always the same')))\n"
        "ipywidgets.VBox([ipywidgets.IntSlider(), image])"
    )
    foreign = 'from IPython.display import HTML\nHTML(\'<img src="http://192.0.2.1/picture.png" alt="far away">\')'
    cells = [nbformat.v4.new_code_cell(source) for source in (dead, foreign)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": run_notebooks.KERNELSPEC})
    nbformat.write(notebook, tmp_path / "notebooks" / "dead.ipynb")
    with lab.running(root=tmp_path) as (address, token), screenshot.browser_page() as page:
        watch = Watch(page)
        page.goto(f"{address}/lab/tree/notebooks/dead.ipynb?token={token}")
        wait_for_lesson(page, "dead.ipynb")
        run_all_cells(page)
        with pytest.raises(AssertionError, match="the picture did not change"):
            move_a_slider_by_keyboard(page)
        assert set(watch.foreign) == {"http://192.0.2.1/picture.png"}
