"""Photograph the lessons in JupyterLab, from top to bottom, in both themes: what `make screenshots` runs.

    python tools/screenshot.py --out build/screenshots            # every notebook
    python tools/screenshot.py --out shots 02 --theme dark        # one lesson, one theme
    python tools/screenshot.py --out shots --stored 02            # as stored, without running it
    python tools/screenshot.py --readme                           # assets/screenshot-advantage.png

A picture begins with a whole cell where it can, so that every explorer is seen in one piece.
"""

import argparse
import contextlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import TimeoutError as Timeout
from playwright.sync_api import sync_playwright

from lab import ROOT, running

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",  # where macOS and Windows keep it, off the path
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
OVERLAP = 80  # pixels that two neighbouring pictures of one tall cell share
RUN_TIMEOUT = 600_000  # milliseconds for all cells of a notebook
EXPOSE = "--LabApp.expose_app_in_browser=True"  # a handle for the commands below
FRONT = ".jp-NotebookPanel:not(.lm-mod-hidden)"
README_PICTURE = ROOT / "assets" / "screenshot-advantage.png"


def find_chromium():
    """The path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def browser_page(width=1280, height=900, scale=1):
    """A page of a headless Chromium that knows neither history nor cookies."""
    path = find_chromium()
    if path is None:
        raise SystemExit("No Chromium or Chrome on the path: on Debian and Ubuntu, apt-get install chromium.")
    arguments = ["--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to sandbox itself for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
        page.set_default_timeout(90_000)
        yield page
        browser.close()


def open_notebook(page, address, token, notebook):
    """Show `notebook` (a path under the root) in JupyterLab, kernel ready; needs expose_app_in_browser."""
    page.goto(f"{address}/lab/tree/{notebook}?token={token}", wait_until="domcontentloaded")
    page.wait_for_selector(f"{FRONT} .jp-Notebook .jp-Cell")
    page.wait_for_function(
        "path => window.jupyterapp?.shell.currentWidget?.context?.path === path", arg=notebook
    )  # until then commands would go to the lesson before
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.ready; }")


def command(page, name, arguments=None):
    """Carry out one of JupyterLab's commands and wait for its end; needs expose_app_in_browser."""
    page.evaluate(
        "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }", [name, arguments or {}]
    )


def run_all(page):
    """Run every cell from a fresh kernel; raises when a cell fails or the cells do not end in time."""
    page.set_default_timeout(RUN_TIMEOUT)
    command(page, "notebook:run-all-cells")
    left, raised = page.evaluate("""() => {
        const cells = Array.from(window.jupyterapp.shell.currentWidget.content.model.cells)
            .filter(cell => cell.type === 'code' && cell.sharedModel.source.trim());
        const raised = cells.filter(cell => cell.outputs.toJSON().some(output => output.output_type === 'error'));
        return [cells.filter(cell => cell.executionCount === null).length, raised.length];
    }""")
    page.set_default_timeout(90_000)
    if left or raised:
        raise RuntimeError(f"{raised} cells raised and {left} were not run")


def settle(page):
    """Scroll once from top to bottom, so that everything is drawn, then wait for pictures and formulas."""
    for top in stops(page):
        scroll(page, top)
    scroll(page, 0)
    with contextlib.suppress(Timeout):
        page.wait_for_function("Array.from(document.images).every(image => image.complete)", timeout=10_000)
    page.wait_for_timeout(1000)


def stops(page):
    """The scroll positions for pictures of the whole notebook: a cell that fits is whole in one of them."""
    edges, seen = page.evaluate(f"""() => {{
        const outer = document.querySelector("{FRONT} .jp-WindowedPanel-outer");
        const shift = outer.scrollTop - outer.getBoundingClientRect().top;
        const boxes = [...outer.querySelectorAll(".jp-Cell")].map(cell => cell.getBoundingClientRect());
        return [boxes.map(box => [box.top + shift, box.bottom + shift]), outer.clientHeight];
    }}""")
    found, end = [0], edges[-1][1]
    while found[-1] + seen < end:
        top = found[-1]
        cut = next((start for start, stop in edges if stop > top + seen and start > top), end)
        found.append(min(cut, top + seen - OVERLAP))
    return found


def scroll(page, top):
    page.evaluate(f"top => document.querySelector('{FRONT} .jp-WindowedPanel-outer').scrollTo(0, top)", top)
    page.wait_for_timeout(250)


def photograph(page, out, stem, themes):
    """One PNG a screenful and theme; returns how many."""
    count = 0
    for theme in themes:
        command(page, "apputils:change-theme", {"theme": THEMES[theme]})
        page.wait_for_selector(f"body[data-jp-theme-name='{THEMES[theme]}']", state="attached")
        settle(page)
        for number, top in enumerate(stops(page)):
            scroll(page, top)
            page.screenshot(path=out / f"{stem}-{theme}-{number:02d}.png")
            count += 1
    return count


def photograph_all(notebooks, out, themes, stored, root=ROOT):
    """Every notebook of the list, each in its own page; returns the names of those that could not be run."""
    out.mkdir(parents=True, exist_ok=True)
    failed = []
    with running(EXPOSE, root=root) as (address, token), browser_page(height=1100) as page:
        for notebook in notebooks:
            start = time.perf_counter()
            open_notebook(page, address, token, notebook.relative_to(root).as_posix())
            command(page, "application:toggle-left-area")
            if not stored:
                try:
                    run_all(page)
                except (RuntimeError, Timeout) as error:
                    failed.append(notebook.name)
                    print(f"{notebook.name}: {error}", file=sys.stderr)
            count = photograph(page, out, notebook.stem, themes)
            leave(page)
            print(f"{notebook.name}: {count} pictures, {time.perf_counter() - start:.0f} s", flush=True)
    return failed


def leave(page):
    """Close the open notebook and its kernel, so that the next one has the machine to itself."""
    page.evaluate("""async () => {
        const widget = window.jupyterapp.shell.currentWidget;
        await widget.sessionContext.shutdown();
        widget.dispose();
    }""")


def photograph_for_readme(notebook, target):
    """The first explorer of a lesson, live, the list of lessons beside it."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    first = next(i for i, cell in enumerate(cells) if "explorer" in cell["metadata"].get("tags", []))
    target.parent.mkdir(parents=True, exist_ok=True)
    with running(EXPOSE) as (address, token), browser_page() as page:
        open_notebook(page, address, token, notebook.relative_to(ROOT).as_posix())
        run_all(page)
        settle(page)
        explorer = page.locator(f"{FRONT} .jp-Notebook .jp-Cell").nth(first)
        explorer.evaluate("cell => cell.scrollIntoView({block: 'end'})")
        page.wait_for_timeout(500)
        page.screenshot(path=target)
    print(target.relative_to(ROOT))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help="only notebooks whose names begin so (such as 02), or paths")
    parser.add_argument("--out", type=Path, help="the folder for the pictures")
    parser.add_argument("--theme", choices=[*THEMES, "both"], default="both")
    parser.add_argument("--stored", action="store_true", help="show the stored outputs; run nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that JupyterLab serves")
    parser.add_argument("--readme", action="store_true", help="take the README's picture")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    lessons = sorted((root / "notebooks").glob("*.ipynb"))
    if arguments.readme:
        photograph_for_readme(next(path for path in lessons if path.name.startswith("02_")), README_PICTURE)
        return 0
    if arguments.out is None:
        parser.error("say where the pictures go: --out FOLDER")
    chosen = [path for path in lessons if not arguments.prefix or path.name.startswith(tuple(arguments.prefix))]
    if not chosen:
        parser.error(f"no notebook begins with {', '.join(arguments.prefix) or 'anything'}")
    themes = list(THEMES) if arguments.theme == "both" else [arguments.theme]
    return 1 if photograph_all(chosen, arguments.out, themes, arguments.stored, root) else 0


if __name__ == "__main__":
    sys.exit(main())
