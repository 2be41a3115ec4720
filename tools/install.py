"""Install the course into .venv: what `make lab` and the other targets run first. Needs Python and a network.

    python tools/install.py             # what a student needs
    python tools/install.py test web    # and what the tests, the slides and the book need
    python tools/install.py --card      # PyTorch for a graphics card (on Linux; far larger)

Where there is a choice, PyTorch comes in its build for the processor alone. uv is tried first, which knows where that
build lies; where it cannot be had, or cannot reach what it needs, pip does the same. (Written for any Python 3, so
that an old one can say that it is old.)
"""

import argparse
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
OLDEST = (3, 11)
OLDEST_MACOS = 14
ROOM = {"lab": 2.5, "test": 4.0, "web": 4.5, "grading": 3.0}
"""GB that must be free before it begins: what is downloaded and what it becomes."""
SIZES = {"Linux, x86": (345, 1.2), "Linux, ARM": (345, 1.2), "macOS 14, ARM": (255, 0.9), "Windows, x86": (265, 0.9)}
"""MB to download and GB on disk for a student, as tools/lock.py measures them; PyTorch on ARM counts as on x86."""
WITH_CARD = "about 3 GB to download and 6 GB on disk"

# Words in what an installer prints -> what a student is told.
TROUBLES = (
    (
        ("No space left", "Errno 28", "disk full", "not enough space"),
        "The disk is full. Free 3 GB or more, then run this again; what was installed so far is removed.",
    ),
    (
        (
            "NewConnectionError",
            "NameResolutionError",
            "Temporary failure in name resolution",
            "dns error",
            "Connection refused",
            "Network is unreachable",
            "ConnectTimeout",
            "Read timed out",
            "client error (Connect)",
            "ProxyError",
        ),
        "The packages could not be fetched: there is no network, or something between this computer and the package "
        "index forbids it. Check the connection, then run this again.",
    ),
    (
        ("Read-only file system", "Permission denied", "Access is denied"),
        "The course's folder cannot be written to. Copy it to a folder of your own, then run this again there.",
    ),
    (
        ("ResolutionImpossible", "No solution found", "No matching distribution", "Could not find a version"),
        "No set of packages fits this Python. Install another one between 3.11 and 3.14, then run this again with it.",
    ),
)


class Refused(Exception):
    """It cannot be installed here; carries the sentence for the student."""


def check_computer(version=sys.version_info, system=sys.platform, machine=None, macos=None):
    """Raise Refused where the course cannot run, before anything is downloaded."""
    machine = (machine or platform.machine()).lower()
    if tuple(version[:2]) < OLDEST:
        raise Refused(
            "The course needs Python 3.11 or newer, and this is {}.{}. Install a newer one, then name it: "
            "python3.12 tools/install.py, or make lab PYTHON=python3.12.".format(*version[:2])
        )
    macos = platform.mac_ver()[0] if macos is None else macos
    if system == "darwin" and macos and int(macos.split(".")[0]) < OLDEST_MACOS:
        raise Refused(
            f"PyTorch needs macOS 14 or newer, and this is {macos}. Update it, or open the course in a browser: README "
            "says how to open it in Colab or on Binder."
        )
    impossible = {("darwin", "x86_64"): "Macs with an Intel processor", ("win32", "arm64"): "Windows on ARM"}
    if (system, machine) in impossible:
        raise Refused(
            f"PyTorch has no build for {impossible[system, machine]}, so the course cannot run here. In a browser it "
            "can: README says how to open it in Colab or on Binder."
        )


def sizes(extras, card=False, system=sys.platform, machine=None):
    """What is downloaded and what it takes on disk, in words."""
    if card and system == "linux":
        return WITH_CARD
    arm = (machine or platform.machine()).lower() in ("aarch64", "arm64")
    name = {"darwin": "macOS 14, ARM", "win32": "Windows, x86"}.get(system, "Linux, ARM" if arm else "Linux, x86")
    more = "" if set(extras) <= {"lab"} else ", and some more for " + " and ".join(sorted({*extras} - {"lab"}))
    return "about {} MB to download and {} GB on disk{}".format(*SIZES[name], more)


def check_folder(extras):
    """Raise Refused where the course's folder cannot be written to, or has not enough room."""
    try:
        probe = ROOT / ".write-probe"
        probe.touch()
        probe.unlink()
    except OSError:
        raise Refused(TROUBLES[2][1]) from None
    free, wanted = shutil.disk_usage(ROOT).free / 1e9, max(ROOM[extra] for extra in extras)
    if free < wanted and not (VENV / "installed").exists():
        raise Refused(
            f"The course needs {wanted:.1f} GB of free disk space, and there are {free:.1f}. Free some, then run this "
            "again."
        )


def make_environment():
    """An environment in .venv that belongs to this folder; one that is broken, or was moved, is brought up anew."""
    works = PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    if works:
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        raise Refused(
            f"{sys.executable} cannot make virtual environments (it lacks the modules venv and ensurepip). On Debian "
            "and Ubuntu the package python3-venv brings them; install it and try again."
        ) from None
    venv.create(VENV, with_pip=True, clear=True)


def install(extras, card):
    """Install the packages, with uv or else with pip; raise Refused with a sentence where neither can."""
    project = ".[{}]".format(",".join(["lab", *(extra for extra in extras if extra != "lab")]))
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    quickly = ["--retries", "1", "--timeout", "15"]
    if run([*pip, *quickly, "uv"]).returncode == 0:
        backend = [] if card else ["--torch-backend", "cpu"]
        uv = [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON, *backend]
        if run([*uv, "-c", "constraints.txt", "-e", project]).returncode == 0:
            return
    if sys.platform == "linux" and not card:
        print("uv could not fetch the packages, so pip does. It may take PyTorch for graphics cards, 3 GB.", flush=True)
    done = run([*pip, *quickly, "-c", "constraints.txt", "-e", project])
    if done.returncode:
        raise Refused(trouble(done.stdout))


def run(line):
    """A command in the course's folder; what it prints is kept."""
    line = [str(part) for part in line]
    return subprocess.run(line, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def trouble(printed):
    """A sentence for what an installer printed when it failed, and the last of its lines."""
    last = [line.strip() for line in printed.splitlines() if line.strip()][-3:]
    for words, sentence in TROUBLES:
        if any(word in printed for word in words):
            return sentence
    return "The packages could not be installed. The installer's last words: {}".format(" / ".join(last))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extras", nargs="*", default=["lab"], choices=[*ROOM, []], help="what to install for")
    parser.add_argument("--card", action="store_true", help="PyTorch for a graphics card")
    chosen = parser.parse_args(arguments)
    began = time.time()
    try:
        check_computer()
        check_folder(chosen.extras)
        first = not (VENV / "installed").exists()
        if first:
            takes = sizes(chosen.extras, chosen.card)
            print(f"Installing the course into .venv: {takes}. This takes a few minutes, once.", flush=True)
        make_environment()
        install(chosen.extras, chosen.card)
    except Refused as refused:
        if "disk is full" in str(refused):
            shutil.rmtree(VENV, ignore_errors=True)
        print(refused, file=sys.stderr)
        return 1
    for extra in {*chosen.extras, "lab"}:
        name = "installed" if extra == "lab" else f"installed-{extra}"
        (VENV / name).write_text(f"{ROOT}\n", encoding="utf-8")
    if first:
        print(f"Installed in {time.time() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
