"""Open a lesson for a class, live and in large type: what `make present LESSON=03` runs.

    python tools/present.py [03] [--port 8888] [any option of jupyter lab]

The settings come from jupyter/present/: one document, large type, nothing at the sides. The class sees a copy of the
lessons, in build/present/, which is written anew at every start: what is typed or run in class never reaches the
lessons themselves. The copy follows the slides: each begins with its number, and what no slide shows (the instructor's
notes, solutions, what is for home) is folded into one line that a click opens.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import nbformat
from jupyterlab_server.workspaces_handler import WorkspacesManager

import lab
import notes
from rlcourse.course import order

SETTINGS = lab.ROOT / "jupyter" / "present"
STATE = lab.ROOT / ".jupyter-present"
COPY = lab.ROOT / "build" / "present"
OPTIONS = ["--LabApp.custom_css=True"]
FOLDED = {"notes": "Notes for the instructor", "skip": "Not on the slides"}


def lesson(name):
    """The file name of a lesson's notebook; the lesson is called by its slug or its number, "gae", "03" or "3".

    Raises:
        SystemExit: with a sentence, if there is none.
    """
    for slug in order.LESSONS:
        if name in (slug, order.number(slug)) or order.number(slug) == f"{name:0>2}":
            return order.notebook(slug)
    raise SystemExit(f"No lesson is called {name}: write its number, LESSON=03, or one of {', '.join(order.LESSONS)}.")


def page(name):
    """Where the browser begins: the lesson alone, without tabs."""
    return f"/doc/tree/notebooks/{name}"


def for_the_class(notebook):
    """Number the slides, and fold what no slide shows; changes the notebook and returns it."""
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type", "") for cell in notebook.cells]
    last = sum(kind in ("slide", "subslide") for kind in kinds)
    cells, number = [], 0
    for cell, kind in zip(notebook.cells, kinds):
        if kind in FOLDED:
            fold(cell, FOLDED[kind])
        elif kind in ("slide", "subslide"):
            number += 1
            mark = f'<div align="right">slide {number} of {last}</div>'
            if cell.cell_type == "markdown":
                cell.source = f"{mark}\n\n{cell.source}"
            else:
                cells.append(nbformat.v4.new_markdown_cell(mark))
        cells.append(cell)
    notebook.cells = cells
    return notebook


def fold(cell, title):
    """Leave one line of a cell; a click on it opens the whole."""
    jupyter = cell.metadata.setdefault("jupyter", {})
    jupyter["source_hidden"] = True
    if cell.cell_type == "markdown":
        cell.source = f"{title}\n\n{cell.source}"  # of a folded text the first line shows
    else:
        jupyter["outputs_hidden"] = True


def prepare(root, copy, state):
    """The lessons as the class sees them in `copy`, an empty stage in `state`; returns the folders of settings."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(Path(root, "assets"), copy / "assets")
    (copy / "notebooks").mkdir()
    for path in sorted(Path(root, "notebooks").glob("*.ipynb")):
        notebook = notes.open_notes(nbformat.read(path, as_version=4))
        nbformat.write(for_the_class(notebook), copy / "notebooks" / path.name)

    config = Path(state, "config")
    (config / "custom").mkdir(parents=True, exist_ok=True)
    shutil.copy(SETTINGS / "custom.css", config / "custom")  # the only place where JupyterLab looks for it
    side = {"collapsed": True, "visible": False, "widgets": []}
    layout = {"left": side, "right": side, "top": {"simpleVisibility": False}}
    workspace = {"data": {"layout-restorer:data": layout}, "metadata": {"id": "default"}}
    WorkspacesManager(str(config / "lab" / "workspaces")).save("default", json.dumps(workspace))
    return (SETTINGS,)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="00", help="its number or its slug (default: 00)")
    parser.add_argument("--port", type=int, default=8888, help="where to listen (default: 8888)")
    arguments, options = parser.parse_known_args()
    name = lesson(arguments.lesson)
    settings = prepare(lab.ROOT, COPY, STATE)
    os.chdir(COPY)
    print("The lesson opens in the browser, or at the address below. To close it, press Ctrl-C twice here.", flush=True)
    line = lab.command(arguments.port, *OPTIONS, *options, root=COPY, page=page(name))
    lab.start(line, lab.environment(STATE, *settings))


if __name__ == "__main__":
    main()
