"""Open JupyterLab on the course: what `make lab` runs.

    python tools/lab.py [--port 8888] [any option of jupyter lab]

The settings of the course come from the folder jupyter/. What JupyterLab itself writes down (open tabs,
theme, sockets) goes into .jupyter/, so that a student's own Jupyter neither changes the course nor is
changed by it.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = "notebooks/00_start_here.ipynb"


def environment(state, *settings):
    """The variables under which a course's Jupyter runs; `state` is the folder that it may write to.

    `settings` are folders of settings that come before those of jupyter/.
    """
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("VSCODE_")},
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),  # also after a move
        **{name: str(Path(state, folder)) for name, folder in folders.items()},
        "JUPYTER_CONFIG_PATH": os.pathsep.join(map(str, [*settings, ROOT / "jupyter"])),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this environment, not one the user once installed
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def command(port, *options, root=ROOT, page=f"/lab/tree/{START}"):
    """The command line of JupyterLab; `page` is where the browser begins, the first notebook as a rule."""
    line = [sys.executable, "-m", "jupyterlab", f"--port={port}", f"--ServerApp.root_dir={root}"]
    line.append(f"--LabApp.default_url={page}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")  # in a container the only user is often root
    return [*line, *options]


def copy_lessons(root, copy, state):
    """The lessons and the pictures that they show, in the folder `copy`; returns folders of settings, here none."""
    for folder in ("notebooks", "assets"):
        if Path(root, folder).is_dir():
            shutil.copytree(Path(root, folder), copy / folder)
    return ()


@contextlib.contextmanager
def running(*options, root=ROOT, timeout=120, prepare=copy_lessons):
    """JupyterLab in the background, on a free port and with a state of its own; yields (address, token).

    It serves a copy of the lessons, because JupyterLab saves what it shows.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    options = ["--no-browser", "--ip=127.0.0.1", f"--IdentityProvider.token={token}", *options]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="rlcourse-lab-") as state, Path(state, "log").open("wb") as log:
        copy = Path(state, "course")
        settings = prepare(root, copy, state)
        server = subprocess.Popen(
            command(port, *options, root=copy),
            cwd=copy,
            env=environment(state, *settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until_up(server, f"{address}/api?token={token}", Path(state, "log"), timeout)
            yield address, token
        finally:
            server.terminate()  # asks for a clean end: the kernels go down with the server
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until_up(server, url, log, timeout):
    """Return as soon as the server answers; raise with its log when it does not."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start within {timeout} s:\n{log.read_text(errors='replace')}")


def state_folder(name):
    """A folder `name` of this user's that can be written to: in the course, else in their home, else for this session.

    Where two users share the course, the folder in it belongs to whoever came first: it holds the keys to their server.
    """
    places = (lambda: ROOT, lambda: Path.home() / ".rlcourse", lambda: Path(tempfile.mkdtemp(prefix="rlcourse-")))
    for place in places:
        with contextlib.suppress(OSError, RuntimeError):  # not to be written to; no home
            folder = place() / name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
                continue
            with tempfile.TemporaryFile(dir=folder):
                return folder
    raise SystemExit("Neither the course's folder, nor your home, nor a folder for temporary files can be written to.")


def start(line, variables):
    """Become the program of this command line; on Windows, where none can, wait for it."""
    if sys.platform == "win32":
        sys.exit(subprocess.run(line, env=variables, check=False).returncode)
    os.execve(line[0], line, variables)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8888, help="where to listen (default: 8888)")
    arguments, options = parser.parse_known_args()
    os.chdir(ROOT)
    print("The course opens in the browser, or at the address below. To close it, press Ctrl-C twice here.", flush=True)
    start(command(arguments.port, *options), environment(state_folder(".jupyter")))


if __name__ == "__main__":
    main()
