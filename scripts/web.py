"""What the slides and the book share: the stored lessons, explorers as HTML, and the scripts that pages carry along."""

import ast
import hashlib
import shutil
from functools import cache
from pathlib import Path

import nbformat

from rlcourse import explorers

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


def lessons(numbers=()):
    """Paths of the lessons, all of them or those of the two-digit numbers.

    Raises:
        ValueError: if there is no lesson of a number.
    """
    paths = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if unknown := set(numbers) - {path.name[:2] for path in paths}:
        raise ValueError(f"no lesson has the number {', '.join(sorted(unknown))}; write 03 for the third")
    return [path for path in paths if not numbers or path.name[:2] in numbers]


def read(path):
    """A lesson with the outputs that are stored in it."""
    return nbformat.read(path, as_version=4)


def tagged(cell, tag):
    """Whether the cell carries the tag."""
    return tag in cell.metadata.get("tags", [])


def explorer_of(cell):
    """The explorer that a cell tagged `explorer` shows: its last line, `explorers.name` or `explorers.name.at(...)`."""
    last = ast.parse(cell.source).body[-1]
    return eval(compile(ast.Expression(last.value), "cell", "eval"), {"explorers": explorers})


def explorer_html(cell):
    """The explorer of a cell as self-contained HTML; drawn once and kept until the package changes."""
    key = hashlib.sha256(f"{package()} {cell.source}".encode()).hexdigest()[:24]
    path = BUILD / "explorers" / f"{key}.html"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{id(cell)}.part")
        part.write_text(explorer_of(cell).to_html(), encoding="utf-8")
        part.replace(path)  # in one piece: two builds may draw the same explorer
    return path.read_text(encoding="utf-8")


@cache
def package():
    """A fingerprint of all code and data that a picture may depend on."""
    digest = hashlib.sha256()
    for path in sorted(Path(explorers.__file__).parent.parent.rglob("*")):
        if path.suffix in (".py", ".json", ".toml"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def vendor(name, target):
    """Copy an npm package's files into a folder."""
    shutil.copytree(vendored(name), target, dirs_exist_ok=True)


def vendored(path):
    """A package of web/node_modules, or a file of it; a sentence if it was never installed."""
    source = ROOT / "web" / "node_modules" / path
    if not source.exists():
        raise SystemExit(f"{path} is not installed; run the make target, which installs it, instead of this script")
    return source
