"""The quiz in JupyterLab, without a mouse, in both themes."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from itertools import pairwise

import nbformat
import pytest

THEMES = ["JupyterLab Light", "JupyterLab Dark"]


@pytest.fixture(scope="module")
def chromium():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        problem = "No Chromium was found: install it to see the quiz in a browser."
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab of its own, with one notebook of four questions."""
    folder = tmp_path_factory.mktemp("quiz_lab")
    sources = [
        "from rlcourse.course import quiz",
        *(f'quiz.ask("{name}")' for name in ("start_here-2", "advantage-3", "reward_to_go-1")),
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "quiz.ipynb")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    homes = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    homes += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    surroundings = os.environ | {name: str(folder / ".state" / name.lower()) for name in homes}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.token=", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with open(folder / "lab.log", "w") as log:
        server = subprocess.Popen(command, env=surroundings, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(480):
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "lab.log").read_text()
                time.sleep(0.25)
        else:
            pytest.fail("JupyterLab did not answer within two minutes: " + (folder / "lab.log").read_text())
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def page(lab, chromium):
    """The notebook in JupyterLab, every cell run."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is needed to drive the browser.")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 1400})
        page.set_default_timeout(120_000)  # a loaded machine takes its time
        page.goto(f"{lab}/lab/tree/quiz.ipynb?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel")
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function("document.querySelectorAll('.rlcourse-quiz').length === 3")
        yield page
        browser.close()


def press_until(page, wanted, limit=20):
    """Tab from where the focus is to the next element that fits the selector."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", wanted):
            return
    pytest.fail(f"{wanted} cannot be reached with Tab.")


def wait_for_reply(card, *words):
    for some in words:
        card.locator(".rlcourse-reply", has_text=some).wait_for()


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
def test_a_choice_by_keyboard(page):
    card = page.locator(".rlcourse-quiz").nth(0)
    radios = card.locator("input[type=radio]")
    assert not any(radios.evaluate_all("all => all.map(one => one.checked)"))
    assert card.locator(".rlcourse-reply").count() == 0

    radios.nth(0).focus()
    press_until(page, ".rlcourse-quiz input[type=radio]")
    page.keyboard.press("Space")
    wait_for_reply(card, "Not yet.", "The ratio is made for policies")
    assert radios.nth(1).evaluate("one => one === document.activeElement")

    press_until(page, ".rlcourse-quiz input[type=radio]")
    page.keyboard.press("Space")
    wait_for_reply(card, "✓ Right.")
    assert radios.evaluate_all("all => all.map(one => one.checked)") == [False, False, True, False]


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
def test_ticks_by_keyboard(page):
    card = page.locator(".rlcourse-quiz").nth(1)
    boxes = card.locator("input[type=checkbox]")
    boxes.nth(0).focus()
    for place in range(5):
        assert boxes.nth(place).evaluate("one => one === document.activeElement")
        if place in (0, 2, 4):
            page.keyboard.press("Space")
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Check"
    page.keyboard.press("Enter")
    wait_for_reply(card, "✓ Right, all of it.")


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
def test_a_number_by_keyboard(page):
    card = page.locator(".rlcourse-quiz").nth(2)
    card.get_by_label("Answer").focus()
    page.keyboard.type("1.5, .5, .5")
    page.keyboard.press("Enter")
    wait_for_reply(card, "Not yet.", "You discounted every reward")
    page.keyboard.press("Control+a")
    page.keyboard.type("1.5, 1, 2")
    page.keyboard.press("Enter")
    wait_for_reply(card, "✓ Right.")


def luminance(colour):
    """Relative luminance of a computed colour "rgb(r, g, b)", as WCAG 2 defines it."""
    channels = [float(x) / 255 for x in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.browser
@pytest.mark.xdist_group("quiz_browser")
@pytest.mark.parametrize("theme", THEMES)
def test_labels_wrap_mathematics_is_typeset_and_text_stands_out(page, theme):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    # MathJax lays an invisible copy of each formula over it, for screen readers; it may be wider than what is seen.
    page.add_style_tag(content="mjx-assistive-mml {display: none !important}")
    for width in (1000, 700):
        page.set_viewport_size({"width": width, "height": 1400})
        page.wait_for_timeout(500)
        page.wait_for_selector(".rlcourse-quiz mjx-container")
        labels = page.locator(".rlcourse-quiz label:visible").evaluate_all(
            "all => all.map(one => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight,"
            " one.getBoundingClientRect().right - one.closest('.rlcourse-quiz').getBoundingClientRect().right])"
        )
        assert len(labels) >= 10
        assert all(across <= 1 and down <= 1 and beyond <= 1 for across, down, beyond in labels), labels
        boxes = page.locator(".rlcourse-quiz .widget-radio-box label").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(box => [box.top, box.bottom])"
        )
        assert all(above[1] <= below[0] + 1 for above, below in pairwise(boxes)), boxes

    typeset = page.locator(".rlcourse-quiz").nth(1)
    assert typeset.locator("label mjx-container").count() == 5
    assert "$" not in typeset.inner_text()
    background = page.evaluate("getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')").strip()
    background = page.evaluate(
        "colour => { const one = document.createElement('p'); one.style.color = colour; document.body.append(one);"
        " const seen = getComputedStyle(one).color; one.remove(); return seen; }",
        background,
    )
    texts = page.locator(".rlcourse-quiz label:visible, .rlcourse-reply p").evaluate_all(
        "all => all.map(one => getComputedStyle(one).color)"
    )
    for text in texts:
        dark, light = sorted((luminance(text), luminance(background)))
        assert (light + 0.05) / (dark + 0.05) > 4.5, (theme, text, background)
