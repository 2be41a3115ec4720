"""The lock file: constraints.txt, one version of each package for every platform and Python. What `make lock` runs.

    python tools/lock.py              # resolve for every platform and Python; print what a student downloads
    python tools/lock.py --disk       # and install each into a temporary folder: what it takes on disk
    python tools/lock.py --write      # bring constraints.txt up to date with pyproject.toml; pins that still fit stay
    python tools/lock.py --upgrade    # write it with the newest versions that fit together

uv resolves, from any one machine for all of them, and installs nothing for it. The file is neutral: it names no package
index, so that the one in use serves, and no part of CUDA, which PyTorch pins itself where a graphics card is asked for.
Needs a network.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from install import ROOT, SIZES

LOCK = ROOT / "constraints.txt"
PLATFORMS = {
    "Linux, x86": "x86_64-manylinux_2_28",
    "Linux, ARM": "aarch64-manylinux_2_28",
    "macOS 14, ARM": "aarch64-apple-darwin",
    "Windows, x86": "x86_64-pc-windows-msvc",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("lab", "cluster", "test", "web", "grading")
"""What is locked. The gallery's bodies and landers are not: no build of theirs serves every Python."""
CUDA = ("cuda-", "nvidia-", "triton")
CPU_BUILD = 192e6
"""Bytes of PyTorch 2.13's build without CUDA (x86), counted on Linux where PyTorch's own index cannot be reached."""
HEADER = """\
# The lock file: the exact versions with which the course was last tested, one for each platform and Python.
# `make lab` and `make test` install these; the ranges are in pyproject.toml. tools/lock.py writes this file and
# checks it: to raise one pin, change its line and run `python tools/lock.py --write`; `--upgrade` raises all.
# torch names no build, so that the one without CUDA is taken where the package index in use offers it.
"""


def uv(*words: object) -> subprocess.CompletedProcess:
    """A command of uv in the course's folder, as if for macOS 14 where it is for macOS."""
    line = [sys.executable, "-m", "uv", "--quiet", *map(str, words)]
    variables = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    return subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True)


def well(done: subprocess.CompletedProcess) -> str:
    """What a command printed; its last words end the program where it failed."""
    if done.returncode:
        raise SystemExit("\n".join(done.stderr.splitlines()[-6:]))
    return done.stdout


def with_extras(extras: tuple[str, ...]) -> list[str]:
    return [word for extra in extras for word in ("--extra", extra)]


def locked(upgrade: bool = False) -> str:
    """What constraints.txt should hold: its own pins as far as they fit, or the newest of all packages."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / LOCK.name
        copy.write_text(LOCK.read_text(encoding="utf-8"), encoding="utf-8")  # uv begins with the pins that it finds
        how = ["--universal", "--python-version", PYTHONS[0], "--no-header", "--annotation-style", "line"]
        newest = ["--upgrade"] if upgrade else []
        well(uv("pip", "compile", *how, *newest, *with_extras(EXTRAS), "pyproject.toml", "--output-file", copy))
        lines = copy.read_text(encoding="utf-8").splitlines()
    return HEADER + "\n".join(line for line in lines if not line.startswith(CUDA)) + "\n"


def resolved(platform: str, python: str, extras: tuple[str, ...], backend: list[str]) -> dict[str, float]:
    """Package -> bytes to download, for one platform and Python, under the pins."""
    where = ["--python-platform", platform, "--python-version", python, "--only-binary", ":all:", *backend]
    how = ["-c", LOCK.name, *with_extras(extras), "pyproject.toml", "--format", "pylock.toml"]
    packages = tomllib.loads(well(uv("pip", "compile", *where, *how)))["packages"]
    return {one["name"]: max(wheel.get("size", 0.0) for wheel in one["wheels"]) for one in packages}


def download(sizes: dict[str, float]) -> float:
    """Bytes to download, with PyTorch in its build without CUDA."""
    own = {name: size for name, size in sizes.items() if not name.startswith(CUDA)}
    if len(own) < len(sizes) or not own["torch"]:
        own["torch"] = CPU_BUILD  # only the build with CUDA could be reached, or one on this disk, of no stated size
    return sum(own.values())


def on_disk(platform: str, backend: list[str]) -> float:
    """Bytes of what a student installs; it goes into a temporary folder, and nothing of it is run."""
    with tempfile.TemporaryDirectory() as folder:
        where = ["--python-platform", platform, "--python-version", PYTHONS[0], "--only-binary", ":all:", *backend]
        how = ["-c", LOCK.name, *with_extras(("lab",)), "-r", "pyproject.toml"]
        well(uv("pip", "install", "--target", folder, *where, *how))
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="bring constraints.txt up to date")
    parser.add_argument("--upgrade", action="store_true", help="write it with the newest versions")
    parser.add_argument("--disk", action="store_true", help="measure what an installation takes on disk")
    chosen = parser.parse_args()
    text = locked(chosen.upgrade)
    if chosen.write or chosen.upgrade:
        LOCK.write_text(text, encoding="utf-8")
    elif text != LOCK.read_text(encoding="utf-8"):
        print("constraints.txt is out of date: python tools/lock.py --write", file=sys.stderr)
        return 1

    cpu = ["--torch-backend", "cpu"]
    reached = uv("pip", "compile", *cpu, "-c", LOCK.name, "pyproject.toml").returncode == 0
    backend = cpu if reached else []
    pins = {line.partition("==")[0] for line in text.splitlines()}
    print("| platform | Python | download, MB | on disk, GB |\n|:--|:--|--:|--:|")
    failed = 0
    for name, platform in PLATFORMS.items():
        for python in PYTHONS:
            known = (one for one in resolved(platform, python, EXTRAS, backend) if not one.startswith(CUDA))
            if loose := sorted(set(known) - pins):
                print(f"{name}, Python {python}: no pin for {', '.join(loose)}", file=sys.stderr)
                failed = 1
        student = [resolved(platform, python, ("lab",), backend) for python in PYTHONS]
        downloads = [download(sizes) / 1e6 for sizes in student]
        measurable = chosen.disk and not any(one.startswith(CUDA) for one in student[0])
        disk = f"{on_disk(platform, backend) / 1e9:.2f}" if measurable else f"{SIZES[name][1]} (stored)"
        print(f"| {name} | {PYTHONS[0]} to {PYTHONS[-1]} | {min(downloads):.0f} to {max(downloads):.0f} | {disk} |")
    if not reached:
        print(f"(PyTorch's own index was not reached: on Linux its build counts as {CPU_BUILD / 1e6:.0f} MB.)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
