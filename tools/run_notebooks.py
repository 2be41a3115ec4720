"""Run the notebooks, each from a clean kernel, and store their outputs: what `make notebooks` runs.

    python tools/run_notebooks.py            # all, in order
    python tools/run_notebooks.py 01 03      # those whose names begin so

A notebook that raises is left as it was. What changes from run to run without meaning anything (times,
versions, the addresses of widgets) is not stored, so that a diff shows what a reader would see change.
"""

import argparse
import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from lab import ROOT, environment

# Whether the state of every widget goes into the notebook. Without it a page that has no kernel shows the
# picture stored beside the widget; with it, controls that cannot answer, and megabytes of state.
STORE_WIDGET_STATE = False
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_TIMEOUT = 600  # seconds


def run(path, state):
    """Execute one notebook and return it; CellExecutionError when a cell raises."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=STORE_WIDGET_STATE,
        config=Config(KernelManager={"transport_encryption": "auto"}),  # as in jupyter/; quiet, too
    )
    client.execute(env=environment(state))
    return tidy(notebook)


def tidy(notebook):
    """Drop what differs between two equal runs, and what no reader without a kernel can use."""
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    if widgets:
        notebook.metadata["widgets"] = widgets
    for cell in notebook.cells:
        for name in ("execution", "collapsed", "scrolled", "ExecuteTime"):
            cell.metadata.pop(name, None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            static = {"image/png", "image/svg+xml", "text/html"} & set(data)
            if not widgets and static:
                data.pop(WIDGET_VIEW, None)  # a view without its model shows an error where the picture should be
    return notebook


def chosen(prefixes):
    """The notebooks whose names begin with one of the prefixes, in reading order; all for no prefix."""
    paths = sorted((ROOT / "notebooks").glob("*_*.ipynb"))
    if unknown := [p for p in prefixes if not any(path.name.startswith(p) for path in paths)]:
        raise SystemExit(f"no notebook begins with {', '.join(unknown)}; there are {', '.join(p.stem for p in paths)}")
    return [path for path in paths if not prefixes or path.name.startswith(tuple(prefixes))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*", help="run only the notebooks whose names begin so, such as 01")
    failed = []
    with tempfile.TemporaryDirectory(prefix="rlcourse-run-") as state:
        for path in chosen(parser.parse_args().prefix):
            start = time.perf_counter()
            try:
                notebook = run(path, state)
            except CellExecutionError as error:
                failed.append(path.name)
                print(f"{path.name}: a cell raised; the stored notebook is unchanged\n{error}", file=sys.stderr)
                continue
            nbformat.write(notebook, path)
            size = path.stat().st_size / 1e6
            print(f"{path.name}: {time.perf_counter() - start:.0f} s, {size:.2f} MB", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
