"""Run the lessons as a guest: in an environment of exactly Colab's versions, into which only the course itself is put.

    python tools/guest.py              # makes the environment; then `make testcolab` runs tests/guest in it

The environment is .venv-colab, made anew when constraints-colab.txt or pyproject.toml change. Like the first cell of
a lesson, this installs the course with --no-deps: nothing that the host has is replaced. Then each lesson has to run
from a clean kernel without an error, and every explorer, panel and question has to show a widget and what stands
for it where there is none.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from lab import ROOT, environment

VENV = ROOT / ".venv-colab"
PYTHON = VENV / "bin" / "python"
PINS = ROOT / "constraints-colab.txt"
HOST = ("torch", "numpy", "scipy", "gymnasium", "pygame", "matplotlib", "ipywidgets", "ipykernel", "ipython", "tqdm")
READER = ("nbclient", "nbformat", "packaging", "setuptools")
WIDGET = "application/vnd.jupyter.widget-view+json"
BESIDE = {"explorer": "image/png", "training": "image/png", "quiz": "text/html"}
"""What has to stand beside the widget, by the tag of the cell."""


def prepare():
    """Make the environment, unless it is there and newer than the files that it is made from."""
    done = VENV / "installed"
    if done.exists() and done.stat().st_mtime > max(PINS.stat().st_mtime, (ROOT / "pyproject.toml").stat().st_mtime):
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-c", PINS, *HOST, *READER], check=True, cwd=ROOT)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", ROOT], check=True)
    done.touch()


def findings(notebook):
    """What is wrong with the outputs of a lesson that was run, one sentence each."""
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        outputs = cell["outputs"]
        for output in outputs:
            if output["output_type"] == "error":
                yield f"cell {number} raises {output['ename']}: {output['evalue'].splitlines()[:1]}"
        tags = set(cell["metadata"].get("tags", ())) & set(BESIDE)
        bundles = [output["data"] for output in outputs if WIDGET in output.get("data", {})]
        for tag in tags - {"training"}:
            if not bundles:
                yield f"cell {number}, tagged {tag}, shows no widget"
        for tag, bundle in ((tag, bundle) for tag in tags for bundle in bundles):
            if BESIDE[tag] not in bundle and "image/png" not in bundle:
                yield f"cell {number}, tagged {tag}, shows a widget and no {BESIDE[tag]} beside it"


RUN = """
import json, os, sys
import nbformat
from nbclient import NotebookClient

path, out = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
NotebookClient(notebook, kernel_name="python3", timeout=900, allow_errors=True, store_widget_state=False,
               resources={"metadata": {"path": os.path.dirname(path)}}).execute()
with open(out, "w") as file:
    json.dump(notebook, file)
"""


def run(path, folder):
    """A lesson, run from a clean kernel as Colab would run it; errors stay in it.

    Args:
        path: of the notebook.
        folder: an empty one, for what Jupyter writes.
    """
    variables = {
        **environment(folder),
        "PATH": os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", "")]),
        "COLAB_RELEASE_TAG": "release-colab",  # what the course knows Colab by
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    out = Path(folder, "run.json")
    subprocess.run([PYTHON, "-c", RUN, path, out], check=True, env=variables)
    return json.loads(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    prepare()
