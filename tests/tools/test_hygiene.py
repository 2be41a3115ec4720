"""What every stored file keeps to: tools/hygiene.py finds what is wrong, and nothing else; the hooks call it."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

import hygiene
import run_notebooks

ROOT = Path(__file__).parents[2]


def found_in(path):
    return list(hygiene.findings([path]))


def test_the_stored_files_are_clean():
    assert list(hygiene.findings(hygiene.tracked())) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", b"x = 1\n"),
        ("a.py", b""),
        ("a.md", b"First.\n\nSecond.\n"),
        ("a.svg", b"<svg> \n</svg>"),
        ("a.png", b"\x89PNG\0 \n\n\n"),
        ("a.txt", b"x" * 2_000_000 + b"\n"),
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert found_in(path) == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.py", b"x = 1", "the last line lacks its newline."),
        ("a.py", b"x = 1\n\n", "the file ends in more than one newline."),
        ("a.py", b"\n", "the file ends in more than one newline."),
        ("a.py", b"x = 1 \ny = 2\n", "line 1 ends in blanks."),
        ("a.md", b"x\ny\t\n", "line 2 ends in blanks."),
        ("a.txt", b"x\r\n", "line 1 ends in blanks."),
        ("Makefile", b"all: \n", "line 1 ends in blanks."),
        ("a.png", b"\0" * 2_600_000, "the file has 2.6 MB, and 2.5 MB is the most."),
        ("a.ipynb", b"no notebook\n", "the file cannot be read as a notebook"),
        ("a.ipynb", b"{}\n", "the file cannot be read as a notebook"),
    ],
)
def test_what_is_wrong_is_found(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    [finding] = found_in(path)
    assert finding.startswith(f"{path}: {sentence}")


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert found_in(tmp_path / "gone.py") == [f"{tmp_path / 'gone.py'}: there is no such file."]


@pytest.fixture
def notebook():
    cells = [nbformat.v4.new_markdown_cell("One."), nbformat.v4.new_code_cell("1 + 1")]
    return run_notebooks.tidy(nbformat.v4.new_notebook(cells=cells))


@pytest.fixture
def findings_of(tmp_path):
    def write_and_check(notebook):
        path = tmp_path / "lesson.ipynb"
        nbformat.write(notebook, path)
        return [finding.removeprefix(f"{path}: ") for finding in found_in(path)]

    return write_and_check


def test_a_notebook_as_the_course_stores_it_is_clean(notebook, findings_of):
    notebook.cells[1].metadata.update(tags=["exercise"], slideshow={"slide_type": "slide"})
    assert findings_of(notebook) == []


@pytest.mark.parametrize("name", ["execution", "collapsed", "scrolled", "ExecuteTime"])
def test_what_an_editor_leaves_in_a_cell_is_found(notebook, findings_of, name):
    notebook.cells[1].metadata[name] = {"iopub.execute_input": "2025-01-01T00:00:00Z"} if name == "execution" else True
    [finding] = findings_of(notebook)
    assert finding == f"cell {notebook.cells[1].id!r} has {name!r} in its metadata, which is not stored."


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("kernelspec", {"display_name": "mine", "language": "python", "name": "mine"}),
        ("kernelspec", None),
        ("language_info", {"name": "python", "version": "3.12.1"}),
        ("widgets", {"application/vnd.jupyter.widget-state+json": {"state": {}}}),
        ("vscode", {"interpreter": {"hash": "0" * 200}}),
    ],
)
def test_other_metadata_of_a_notebook_are_found(notebook, findings_of, name, entry):
    if entry is None:
        del notebook.metadata[name]
    else:
        notebook.metadata[name] = entry
    [finding] = findings_of(notebook)
    assert finding.startswith(f"the notebook's metadata {name!r} must be ") and len(finding) < 300


def test_the_command_says_what_it_found_and_fails(tmp_path, capsys):
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("x = 1\n", encoding="utf-8")
    bad.write_text("x = 1 \ny = 2", encoding="utf-8")
    assert hygiene.main([str(good)]) == 0 and capsys.readouterr().out == ""
    assert hygiene.main([str(good), str(bad)]) == 1
    assert capsys.readouterr().out == f"{bad}: line 1 ends in blanks.\n{bad}: the last line lacks its newline.\n"


def test_without_arguments_the_command_takes_the_tracked_files():
    answer = subprocess.run([sys.executable, ROOT / "tools" / "hygiene.py"], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stdout + answer.stderr


# ---------------------------------------------------------------- who calls it


def test_the_hooks_call_what_is_installed_and_fetch_nothing():
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    extras = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for hook in repositories[0]["hooks"]:
        assert {"id", "name", "entry", "language"} <= hook.keys() and hook["language"] == "system"
        tool, *rest = hook["entry"].split()
        name = re.fullmatch(r"\.venv/bin/(\w+)", tool).group(1)
        assert (ROOT / rest[0]).is_file() if name == "python" else f'"{name}>=' in extras
