"""What the slides and the book share: the stored lessons, explorers as HTML, and the scripts that pages carry along."""

import ast
import hashlib
import re
import shutil
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat

import notes
import rlcourse
from rlcourse.course import catalog, order

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


def lessons(names=()):
    """Paths of the lessons' notebooks in order, all of them or those that are named, by number or by slug.

    Raises:
        ValueError: if there is no lesson of a name.
    """
    known = {name: lesson for lesson in order.LESSONS for name in (lesson, order.number(lesson))}
    if unknown := set(names) - set(known):
        raise ValueError(f"no lesson is called {', '.join(sorted(unknown))}; write 03 or gae")
    chosen = {known[name] for name in names} or set(order.LESSONS)
    return [ROOT / "notebooks" / order.notebook(lesson) for lesson in order.LESSONS if lesson in chosen]


def heading(path):
    """The number of a lesson and its title, which its first line says."""
    title = read(path).cells[0].source.splitlines()[0].removeprefix("# ")
    return order.number(order.lesson_of(path)), title


def read(path):
    """A lesson with its stored outputs, the instructor's notes open, and without the links to other places."""
    notebook = notes.open_notes(nbformat.read(path, as_version=4))
    head = notebook.cells[0]
    head.source = re.sub(r"\n*<!-- where to open it.*?<!-- end of where -->", "", head.source, flags=re.S)
    return notebook


def tagged(cell, tag):
    """Whether the cell carries the tag."""
    return tag in cell.metadata.get("tags", [])


def explorer_of(cell):
    """The explorer that a cell tagged `explorer` shows: its last line, `lesson.explorers.name` or that `.at(...)`."""
    last = ast.parse(cell.source).body[-1]
    lesson = SimpleNamespace(explorers=SimpleNamespace(**catalog.explorers()))
    return eval(compile(ast.Expression(last.value), "cell", "eval"), {"lesson": lesson})


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
    for path in sorted(Path(rlcourse.__file__).parent.rglob("*")):
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
