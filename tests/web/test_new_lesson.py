"""A lesson is one folder, one notebook and one line: so it is found everywhere, and so it is gone again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "rlcourse", "notebooks", "tools", "web", "docs", "README.md", "CHANGELOG.md")
FOLDER = {
    "__init__.py": '"""A lesson that lives in a test."""\n\nfrom rlcourse.lessons.tiny import explorers\n',
    "about.toml": 'title = "A tiny lesson"\nasks = "what is the least lesson?"\nable = "say what a lesson needs"\n',
    "teaching.md": "[The lesson](NOTEBOOK) takes 5 minutes.\n\n| part | 5 | open |\n|:--|--:|:--|\n"
    "| opening | 2 | |\n| 1 the least | 3 | `least` |\n| **together** | **5** | |\n",
    "index.toml": '["EQ-71"]\ntext = "The least formula."\nlessons = ["tiny"]\nlatex = "x = x"\nfunction = ""\n',
    "quiz.toml": '[tiny-1]\nkind = "number"\ncovers = ["EQ-71"]\nprompt = "How much is 1 + 1?"\nform = "a number"\n'
    'answer = 2\nfeedback = "Two."\nhint = "Count."\ndistractors = [{value = 1, feedback = "One is left out."}, '
    '{value = 3, feedback = "One too many."}]\n',
    "explorers.py": '"""The explorer of a lesson that lives in a test."""\n\n'
    "from rlcourse.course.figures import style\nfrom rlcourse.course.widgets.controls import Slider\n"
    "from rlcourse.course.widgets.explorer import explorer\n\n\n"
    '@explorer(height=Slider("height", 0, 2, step=1, default=1))\n@style.styled\ndef least(height):\n'
    '    """The least explorer: one bar."""\n    figure, axes = style.new_figure(6, 3)\n    axes.bar([0], [height])\n'
    '    return style.say(figure, f"A bar of height {height}.")\n',
}
CELLS = (
    (
        "markdown",
        "# A tiny lesson\n\n**The question of this lesson.** What is the least lesson?\n\nTime: 5 minutes.",
        {},
    ),
    ("markdown", "## 1. The least\n\nOne formula: $x=x$.", {"covers": ["EQ-71"]}),
    ("code", "from rlcourse.lessons import tiny as lesson", {}),
    ("code", "lesson.explorers.least", {"tags": ["explorer"]}),
    (
        "markdown",
        "### Instructor: the 5 minutes\n\n| part | minutes | ask |\n|:--|--:|:--|\n| opening | 2 | why? |\n"
        "| 1 the least | 3 | |\n| **together** | **5** | |",
        {"tags": ["instructor"]},
    ),
)


@pytest.fixture
def copy(tmp_path):
    """The course without its tests, and `ask`, which runs Python there and gives back what it printed."""
    for name in PARTS:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "tests"))
        else:
            shutil.copy(source, target)
    (tmp_path / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    return tmp_path


def ask(folder, *arguments):
    path = os.pathsep.join(str(folder / part) for part in (".", "tools"))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def add(folder):
    """One folder, one notebook, one line."""
    home = folder / "rlcourse" / "lessons" / "tiny"
    home.mkdir()
    for name, text in FOLDER.items():
        (home / name).write_text(text, encoding="utf-8")
    order = folder / "rlcourse" / "course" / "order.py"
    order.write_text(
        order.read_text(encoding="utf-8").replace('    "sac",\n', '    "sac",\n    "tiny",\n'), encoding="utf-8"
    )
    notebook = nbformat.v4.new_notebook()
    for kind, source, metadata in CELLS:
        cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
        cell.metadata.update({"slideshow": {"slide_type": "slide"}, **metadata})
        notebook.cells.append(cell)
    nbformat.write(notebook, folder / "notebooks" / "14_tiny.ipynb")


def remove(folder):
    shutil.rmtree(folder / "rlcourse" / "lessons" / "tiny")
    (folder / "notebooks" / "14_tiny.ipynb").unlink()
    shutil.copy(ROOT / "rlcourse" / "course" / "order.py", folder / "rlcourse" / "course" / "order.py")


def written(folder):
    """Every file but the caches, by its path."""
    skipped = {"node_modules", "__pycache__", "build"}
    return {
        path.relative_to(folder): path.read_bytes()
        for name in PARTS
        for path in [folder / name, *(folder / name).rglob("*")]
        if path.is_file() and not skipped & set(path.parts)
    }


def test_a_lesson_that_is_added_is_found_everywhere_and_one_that_is_deleted_leaves_nothing(copy):
    before = written(copy)
    add(copy)
    ask(copy, "tools/run_notebooks.py", "14")
    ask(copy, "tools/contents.py")
    for page in ("README.md", "notebooks/00_start_here.ipynb", "docs/for_instructors.md"):
        assert "14 A tiny lesson" in (copy / page).read_text(encoding="utf-8"), page
    found = "from rlcourse.course import catalog, index, quiz; print('least' in catalog.explorers(), "
    found += "'EQ-71' in index.load(), index.missing('notebooks'), quiz.find('tiny-1').answer)"
    assert ask(copy, "-c", found).split() == ["True", "True", "{}", "(2.0,)"]
    for page, found in (
        ("book.front_page(lessons, '')", "14_tiny.ipynb"),
        ("reference.equation_page(lessons)", "EQ-71"),
    ):
        lessons = "lessons = [book.Lesson(path) for path in web.lessons(['tiny'])]"
        made = f"import book, reference, web; {lessons}; print({page})"
        assert found in ask(copy, "-c", made) and "A tiny lesson" in ask(copy, "-c", made)
    made = "import book, web; [path] = web.lessons(['tiny']); print(book.Lesson(path).notebook)"
    assert "rlx-least" in ask(copy, "-c", made)

    remove(copy)
    ask(copy, "tools/contents.py")
    after = written(copy)
    assert sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)) == []
