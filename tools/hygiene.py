"""What every stored file keeps to, so that a difference between two versions shows only what somebody changed.

    python tools/hygiene.py              # all files that git tracks
    python tools/hygiene.py README.md    # these

Text ends with one newline, and no line of it in blanks; no file is too large; the metadata of a notebook are those
that `make notebooks` stores. One sentence for each finding.
"""

import argparse
import copy
import subprocess
import sys
from pathlib import Path

import nbformat

from lab import ROOT
from run_notebooks import STORE_WIDGET_STATE, tidy

LARGEST = 2_500_000  # bytes
GENERATED = (".ipynb", ".svg")  # their text is written by programs, as these like it


def blanks(path):
    """Blanks at the end of lines, and at the end of the file anything but one newline."""
    content = path.read_bytes()
    if path.suffix in GENERATED or b"\0" in content or not content:
        return
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line != line.rstrip():
            yield f"line {number} ends in blanks"
    if lines[-1]:
        yield "the last line lacks its newline"
    elif not lines[-2].strip():
        yield "the file ends in more than one newline"


def size(path):
    """A file that every copy of the repository would carry for ever."""
    found = path.stat().st_size
    if found > LARGEST:
        yield f"the file has {found / 1e6:.1f} MB, and {LARGEST / 1e6:.1f} MB is the most"


def metadata(path):
    """What an editor leaves in a notebook: another kernel's name, times, the state of widgets."""
    if path.suffix != ".ipynb":
        return
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as why:
        yield f"the file cannot be read as a notebook: {str(why).splitlines()[0]}"
        return
    tidied = tidy(copy.deepcopy(notebook))
    if not STORE_WIDGET_STATE:
        tidied.metadata.pop("widgets", None)
    for name in sorted(notebook.metadata.keys() | tidied.metadata.keys()):
        found, expected = notebook.metadata.get(name), tidied.metadata.get(name)
        if found != expected:
            yield f"the notebook's metadata {name!r} must be {_said(expected)}, it is {_said(found)}"
    for cell, clean in zip(notebook.cells, tidied.cells, strict=True):
        for name in sorted(cell.metadata.keys() - clean.metadata.keys()):
            yield f"cell {cell.get('id', '')!r} has {name!r} in its metadata, which is not stored"


def _said(entry):
    """An entry of the metadata in at most a line, or that there is none."""
    if entry is None:
        return "absent"
    words = str(entry)
    return words if len(words) <= 100 else words[:100] + "..."


CHECKS = (blanks, size, metadata)


def findings(paths):
    """One sentence for each thing that is not as it should be."""
    for path in paths:
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        if not path.is_file():
            yield f"{name}: there is no such file."
            continue
        for check in CHECKS:
            yield from (f"{name}: {finding}." for finding in check(path))


def tracked():
    """Every file that git tracks and that is there."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="*", type=Path, help="check only these files")
    paths = parser.parse_args(arguments).path
    found = list(findings([path.absolute() for path in paths] or tracked()))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
