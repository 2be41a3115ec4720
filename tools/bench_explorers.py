"""How fast the explorers answer: `python tools/bench_explorers.py [name ...] [--browser]`.

For every explorer, inside a real IPython kernel, two front ends draw the same function in turn:

    panel      the course's Panel: slider set -> new picture bytes
    baseline   ipywidgets.interactive_output, pyplot figures, plt.show
    again      the panel at a value it has shown before

All in CPU milliseconds of the whole kernel process, the median over moves of one control.
The aim: the panel needs a third of the baseline, or less.

With --browser the first explorer named is also moved by keyboard in a real JupyterLab, and the time from
the key to the new picture on the page is taken, in milliseconds of the clock.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import start_new_kernel

import lab

os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(lab.ROOT), os.environ.get("PYTHONPATH")]))

SETUP = """
%matplotlib inline
import gc, json, statistics, time
import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display
from rlcourse.course import catalog
from rlcourse.course.figures import style
from rlcourse.course.widgets.explorer import widget

explorers = catalog.explorers()

ours = style.blank_figure

def baseline(explorer):
    '''The usual way to build the same thing: its inputs, and the output they drive.'''
    inputs = {}
    for name, control in explorer.controls.items():
        if len(control.cells) == 1:
            inputs[name] = widget(control, description=control.label)
    fixed = {name: value for name, value in explorer.defaults.items() if name not in inputs}

    def draw(**parameters):
        style.blank_figure = lambda width, height: plt.figure(figsize=(width, height), dpi=style.DPI)
        try:
            with style.context():
                explorer._draw(**parameters, **fixed)
        finally:
            style.blank_figure = ours
        plt.show()

    return inputs, ipywidgets.interactive_output(draw, inputs)

def moved(explorer):
    '''The control to move: the first of the grid that is a single input.'''
    names = (*explorer.grid, *explorer.controls)
    return next(name for name in names if len(explorer.controls[name].cells) == 1)

def timed(move, value):
    gc.collect()
    started = time.process_time()
    move(value)
    return 1000 * (time.process_time() - started)

def bench(explorer, moves):
    name = moved(explorer)
    values = explorer.controls[name].positions()
    steps = min(len(values), 12)
    values = [values[k * (len(values) - 1) // (steps - 1)] for k in range(steps)]
    panel = explorer.panel()
    inputs, output = baseline(explorer)
    display(panel.box, output)
    sides = {"panel": lambda value: setattr(panel._inputs[name][0], "value", value),
             "baseline": lambda value: setattr(inputs[name], "value", value)}
    times = {}
    for k in range(moves + 2):
        value = values[(k + 1) % steps]
        explorer._pictures.clear()                      # so that the panel has to draw
        spent = {side: timed(move, value) for side, move in sides.items()}
        sides["panel"](values[k % steps])
        spent["again"] = timed(sides["panel"], value)
        if k >= 2:                                      # the first moves fill matplotlib's caches
            for side, milliseconds in spent.items():
                times.setdefault(side, []).append(milliseconds)
    return {"control": name, "bytes": len(panel.image.value),
            **{side: statistics.median(spent) for side, spent in times.items()}}
"""

TO_PIXEL = """async (cell) => {
  const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell];
  const handle = output.querySelector('.noUi-handle');
  const before = output.querySelector('img').src;
  const started = performance.now();
  handle.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true, cancelable: true}));
  while (performance.now() - started < 20000) {
    await new Promise(requestAnimationFrame);
    const img = output.querySelector('img');
    if (img && img.src !== before && img.complete) return performance.now() - started;
  }
  return null;
}"""


def in_kernel(client, code, timeout=600):
    """Run code in the kernel; returns what it printed."""
    printed = []

    def hear(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=timeout, output_hook=hear)["content"]
    if reply["status"] != "ok":
        sys.exit("\n".join(reply["traceback"]))
    return "".join(printed)


def compare(names, moves):
    """Print a line for each explorer; returns the names timed."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        in_kernel(client, SETUP)
        names = names or json.loads(in_kernel(client, "print(json.dumps(list(explorers)))"))
        print(f"{'explorer':32} {'control':14} {'panel':>7} {'baseline':>9} {'ratio':>6} {'again':>6} {'kB':>4}")
        for name in names:
            row = json.loads(in_kernel(client, f"print(json.dumps(bench(explorers[{name!r}], {moves})))"))
            print(
                f"{name:32} {row['control']:14} {row['panel']:7.0f} {row['baseline']:9.0f} "
                f"{row['panel'] / row['baseline']:6.2f} {row['again']:6.1f} {row['bytes'] / 1000:4.0f}",
                flush=True,
            )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return names


def to_pixel(name, moves):
    """Print the time from a key to the picture, for panel and baseline in turn in one JupyterLab."""
    from playwright.sync_api import Error, sync_playwright

    cells = [
        SETUP,
        f"slider = moved(explorers[{name!r}]); values = explorers[{name!r}].controls[slider].positions()\n"
        f"shown = explorers[{name!r}].at(**{{slider: values[0]}}); shown",
        "inputs, output = baseline(shown); display(inputs[slider], output); print(len(values))",
    ]
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as root, sync_playwright() as playwright:
        notebook = Path(root, "notebooks", "bench.ipynb")
        notebook.parent.mkdir()
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
            ),
            notebook,
        )
        with lab.running(root=root) as (address, token):
            browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1200, "height": 2000})
            page.goto(f"{address}/lab/tree/notebooks/bench.ipynb?token={token}")
            page.locator(".jp-Notebook .jp-Cell").nth(2).wait_for(timeout=120_000)
            for attempt in range(5):  # JupyterLab drops what comes before the kernel is there
                page.get_by_role("menuitem", name="Run", exact=True).click()
                page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
                with contextlib.suppress(Error):
                    page.locator(".jp-Notebook .jp-Cell").nth(2).locator("img").wait_for(timeout=30_000 * (attempt + 1))
                    break
            printed = page.locator(".jp-Notebook .jp-Cell").nth(2).locator("pre", has_text=re.compile(r"^\d+\s*$"))
            times = {"panel": [], "baseline": []}
            for k in range(min(moves + 2, int(printed.inner_text()) - 1)):
                for cell, side in ((1, "panel"), (2, "baseline")):
                    spent = page.evaluate(TO_PIXEL, cell)
                    time.sleep(1)
                    if k >= 2:  # the first moves fill caches
                        times[side].append(spent)
            browser.close()
    medians = {side: statistics.median(filter(None, spent)) for side, spent in times.items()}
    print(
        f"key to picture in JupyterLab, {name}: panel {medians['panel']:.0f} ms, baseline "
        f"{medians['baseline']:.0f} ms, ratio {medians['panel'] / medians['baseline']:.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="explorers to time; all by default")
    parser.add_argument("--moves", type=int, default=12)
    parser.add_argument("--browser", action="store_true", help="also time the first one in JupyterLab")
    options = parser.parse_args()
    names = compare(options.names, options.moves)
    if options.browser:
        to_pixel(names[0], options.moves)


if __name__ == "__main__":
    main()
