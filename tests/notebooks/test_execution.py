"""Running the lessons, as `make test` does (pytest --nbval-lax notebooks), would notice what must be noticed."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

START = Path(__file__).parents[2] / "notebooks" / "00_start_here.ipynb"
NBVAL = ("-m", "pytest", "--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-p", "no:xdist")
NO_NETWORK_AT_ALL = ["unshare", "--net", *([] if os.name == "nt" or os.geteuid() == 0 else ["--map-root-user"])]
# A new network namespace has a loopback device, switched off; a kernel and its client talk through it.
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))    # SIOCSIFFLAGS, IFF_UP
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def store(path, source, output=None):
    """A notebook of one cell, as if it had been run and had printed `output`."""
    printed = [nbformat.v4.new_output("stream", name="stdout", text=output)] if output else []
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=printed)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """Notebook -> whether running it passed, all in one run."""
    folder = tmp_path_factory.mktemp("notebooks")
    marked = "# NBVAL_CHECK_OUTPUT\nprint(f'{44 / 25:.2f}')"
    store(folder / "right.ipynb", marked, "1.76\n")
    store(folder / "changed_number.ipynb", marked, "1.77\n")
    store(folder / "stripped_output.ipynb", marked)
    store(folder / "unmarked_number.ipynb", "print(44 / 25)", "1.77\n")
    store(folder / "raises.ipynb", "1 / 0")
    store(folder / "network.ipynb", "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)")
    store(folder / "display.ipynb", "import os\nassert 'DISPLAY' not in os.environ")
    run = subprocess.run([sys.executable, *NBVAL, "-rA", "."], cwd=folder, capture_output=True, text=True)
    lines = [line.split() for line in run.stdout.splitlines() if line.startswith(("PASSED ", "FAILED "))]
    found = {line[1].split("::")[0].removesuffix(".ipynb"): line[0] == "PASSED" for line in lines}
    assert len(found) == 7, run.stdout
    return {**found, "output": run.stdout}


@pytest.mark.parametrize("name", ["right", "unmarked_number", "display"])
def test_a_lesson_that_tells_the_truth_passes(verdicts, name):
    assert verdicts[name], verdicts["output"]


@pytest.mark.parametrize("name", ["changed_number", "stripped_output", "raises", "network"])
def test_a_lesson_that_does_not_fails(verdicts, name):
    assert not verdicts[name], verdicts["output"]


def test_a_lesson_that_asks_for_the_network_is_told_so(verdicts):
    assert "a lesson asked for the network: 192.0.2.1" in verdicts["output"]


@pytest.mark.slow
def test_a_lesson_runs_where_there_is_no_network_at_all():
    try:
        possible = subprocess.run([*NO_NETWORK_AT_ALL, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("this machine cannot take a program's network away (unshare --net)")
    line = [*NO_NETWORK_AT_ALL, sys.executable, "-c", LOOPBACK_UP, *NBVAL, "-q", str(START)]
    run = subprocess.run(line, cwd=START.parent, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
