"""The archives: what is in them, and what is not; a plan that adds up; lessons that a student can run."""

import contextlib
import json
import os
import re
import shutil
import signal
import site
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

import editions
import lab
import teaching_plan
import web

LESSONS = web.lessons()
WORKERS = 2  # notebooks that run at a time


class Archive:
    """A zip file's entries and contents, by the name inside its folder."""

    def __init__(self, path):
        self.path = path
        with zipfile.ZipFile(path) as archive:
            self.entries = archive.infolist()
            self.contents = {e.filename.partition("/")[2]: archive.read(e) for e in self.entries}

    def lesson(self, path):
        return nbformat.reads(self.contents[f"notebooks/{path.name}"].decode(), as_version=4)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("editions")
    start = time.perf_counter()
    editions.build(folder)
    print(f"built in {time.perf_counter() - start:.0f} s")
    return folder


@pytest.fixture(scope="module")
def student(built):
    return Archive(built / "rlcourse-student.zip")


@pytest.fixture(scope="module")
def instructor(built):
    return Archive(built / "rlcourse-instructor.zip")


@pytest.fixture(scope="module")
def unpacked(student, tmp_path_factory):
    """The student's folder, as it lies on a student's disk."""
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(student.path, folder)
    return folder / student.path.stem


def kinds(notebook, tag):
    return [cell for cell in notebook.cells if web.tagged(cell, tag)]


def printed(cell):
    """What the stored outputs of a cell say as text."""
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def verdicts(notebook):
    """For every exercise the state that its checker gave: right, not yet, not started."""
    said = map(printed, kinds(notebook, "exercise"))
    return [re.findall(r"^[✔✘…] (right|not yet|not started):", text, re.M) for text in said]


# ---------------------------------------------------------------- both archives


def test_equal_lessons_make_equal_archives(built, tmp_path):
    editions.build(tmp_path)
    for name in ("rlcourse-student.zip", "rlcourse-instructor.zip"):
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes()


@pytest.mark.parametrize("edition", ["student", "instructor"])
def test_an_archive_is_tidy(edition, request):
    archive = request.getfixturevalue(edition)
    names = [entry.filename for entry in archive.entries]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert all(name.startswith(f"rlcourse-{edition}/") and ".." not in name for name in names)
    assert {entry.date_time for entry in archive.entries} == {editions.DATE}
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|/\.|ipynb_checkpoints", name)]
    for place in {str(web.ROOT), str(Path.home()), str(Path(sys.prefix))}:
        assert not [name for name, content in archive.contents.items() if place.encode() in content], place
    print(f"{edition}: {len(names)} files, {archive.path.stat().st_size / 1e6:.1f} MB")


@pytest.mark.parametrize("edition", ["student", "instructor"])
def test_links_lead_somewhere_in_the_archive(edition, request):
    archive = request.getfixturevalue(edition)
    written = [name for name in archive.contents if re.fullmatch(r"(docs/)?[^/]*\.md", name)]
    pages = {name: archive.contents[name].decode() for name in written}
    for path in LESSONS:
        texts = [cell.source for cell in archive.lesson(path).cells if cell.cell_type == "markdown"]
        pages[f"notebooks/{path.name}"] = "\n".join(texts)
    tried = 0
    for page, text in pages.items():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)\s#]+)[^)]*\)", re.sub(r"`[^`]*`|\$[^$]*\$", "", text)):
            tried += 1
            assert os.path.normpath(Path(page).parent / target) in archive.contents, f"{page} links to {target}"
    assert tried >= len(LESSONS)
    print(f"{edition}: {tried} links")


# ---------------------------------------------------------------- the student's


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_student_gets_the_exercises_and_not_their_solutions(student, path):
    lesson, stored = student.lesson(path), web.read(path)
    assert not kinds(lesson, "solution") and not kinds(lesson, "instructor")
    assert not [cell for cell in lesson.cells if cell.metadata.slideshow.slide_type == "notes"]
    gone = len(kinds(stored, "solution")) + len(kinds(stored, "instructor"))
    assert len(lesson.cells) == len(stored.cells) - gone
    assert [(cell.source, printed(cell)) for cell in kinds(lesson, "exercise")] == [
        (cell.source, printed(cell)) for cell in kinds(stored, "exercise")
    ]
    text = json.dumps(lesson, ensure_ascii=False)
    for solution in kinds(stored, "solution"):
        said = [output for output in solution.outputs if "text/html" in output.get("data", {})]
        for part in [solution.source, *(output.data["text/html"] for output in said)]:
            assert json.dumps(part, ensure_ascii=False).strip('"') not in text
    assert all(verdict and verdict != ["right"] for verdict in verdicts(lesson))
    words = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    assert not re.search(r"folded\s+(cell|away)|run\s+the\s+solution", words)


def test_outputs_stay_unless_a_solution_made_them(student):
    cleared = {}
    for path in LESSONS:
        stored = {cell.id: cell for cell in web.read(path).cells}
        kept = [cell for cell in student.lesson(path).cells if cell.cell_type == "code"]
        cleared |= {f"{path.stem} {cell.id}": cell for cell in kept if stored[cell.id].outputs and not cell.outputs}
        counts = [cell.execution_count for cell in kept]
        assert all(count in (None, number) for number, count in enumerate(counts, start=1))
    print("cleared:", *cleared)
    trained = [name for name, cell in cleared.items() if "train_beside" in cell.source]
    assert len({name.split()[0] for name in trained}) >= 8  # your agent learns only from what you have written


@pytest.mark.slow
def test_every_student_lesson_runs_unfinished_from_top_to_bottom(unpacked, tmp_path_factory):
    environment = {**lab.environment(tmp_path_factory.mktemp("state")), "PYTHONPATH": str(unpacked)}
    environment["IPYTHONDIR"] = os.environ["IPYTHONDIR"]  # where the tests' kernels learn to do without a network
    where = [sys.executable, "-c", "import rlcourse; print(rlcourse.__file__)"]
    found = subprocess.run(where, env=environment, cwd=unpacked / "notebooks", capture_output=True, text=True).stdout
    assert Path(found).is_relative_to(unpacked), "the lessons would not run on the archive's own package"

    def run(path):
        start, notebook = time.perf_counter(), nbformat.read(path, as_version=4)
        stored = verdicts(notebook)
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=600,
            resources={"metadata": {"path": str(path.parent)}},
            config=Config(KernelManager={"transport_encryption": "auto"}),
        )
        client.execute(env=environment)  # raises where a cell raises
        assert verdicts(notebook) == stored, path.name
        print(f"{path.stem}: {len(stored)} unfinished exercises, {time.perf_counter() - start:.0f} s", flush=True)
        return path.name

    with ThreadPoolExecutor(WORKERS) as pool:
        done = list(pool.map(run, sorted((unpacked / "notebooks").glob("*.ipynb"))))
    assert done == [path.name for path in LESSONS]


@pytest.mark.slow
def test_make_lab_opens_the_lessons(unpacked):
    """In an environment that borrows this one's packages, so that nothing is fetched from a network."""
    listed = subprocess.run(["make"], cwd=unpacked, capture_output=True, text=True).stdout
    assert re.findall(r"^ +make (\w+)", listed, re.M) == list(editions.TARGETS["student"])

    venv.create(unpacked / ".venv", with_pip=False)  # pip is borrowed, too
    own = next((unpacked / ".venv" / "lib").glob("python*/site-packages"))
    # Behind its own packages: the course installed here and the one installed there go by the same name.
    (own / "borrowed.pth").write_text(f"import sys; sys.path += {site.getsitepackages()}", encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # it leads to this course
    alone |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_CACHE_DIR": "1"}
    line = ["make", "lab", f"PORT={port}", "LAB_ARGS=--no-browser --IdentityProvider.token=abc"]
    with (unpacked / "log").open("wb") as log:
        server = subprocess.Popen(
            line, cwd=unpacked, env=alone, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}/api/contents/notebooks?token=abc"
            lab.wait_until_up(server, address, unpacked / "log", timeout=400)
            with urllib.request.urlopen(address) as answer:
                names = sorted(entry["name"] for entry in json.load(answer)["content"])
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)
    assert names == [path.name for path in LESSONS]
    python = unpacked / ".venv" / "bin" / "python"
    where = [python, "-c", "import rlcourse; print(rlcourse.__file__)"]
    found = subprocess.run(where, cwd="/", env=alone, capture_output=True, text=True).stdout
    assert Path(found).is_relative_to(unpacked), "make lab installed another package"


# ---------------------------------------------------------------- the instructor's


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_an_instructor_gets_everything_and_open(instructor, path):
    lesson, stored = instructor.lesson(path), web.read(path)
    assert [(cell.id, cell.source, cell.get("outputs")) for cell in lesson.cells] == [
        (cell.id, cell.source, cell.get("outputs")) for cell in stored.cells
    ]
    assert kinds(lesson, "solution") and kinds(lesson, "instructor")
    assert not [cell for cell in lesson.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]


def test_an_instructor_can_project_and_grade(instructor):
    names = instructor.contents
    assert {"tools/present.py", "teaching_plan.md", "grading/nbgrader_config.py"} <= set(names)
    assert len([name for name in names if re.fullmatch(r"grading/source/(\d\d_\w+)/\1\.ipynb", name)]) == len(LESSONS)
    assert b"present:" in names["Makefile"] and b"tools/install.py lab grading\n" in names["Makefile"]


# ---------------------------------------------------------------- the teaching plan


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_minutes_of_a_lesson_add_up(path):
    plan = teaching_plan.plan(path)
    assert list(plan.disagreements()) == []
    head = int(re.search(r"(\d+) minutes", web.read(path).cells[0].source)[1])
    assert plan.minutes == head == sum(part.minutes for part in plan.parts)
    print(f"{path.stem}: {' + '.join(str(part.minutes) for part in plan.parts)} = {plan.minutes}")


def test_the_printed_plan_holds_true_sums(instructor):
    page = instructor.contents["teaching_plan.md"].decode()
    _, *tables = page.split("\n## ")
    sums = []
    for table in tables:
        *rows, total = [int(minutes) for minutes in re.findall(r"^\|[^|]*\| (?:\*\*)?(\d+)(?:\*\*)? \|", table, re.M)]
        assert sum(rows) == total, table.splitlines()[0]
        sums.append(total)
    assert len(sums) == len(LESSONS)
    assert f"| **{sum(sums)}** |" in page and f"{sum(sums) // 60} hours and {sum(sums) % 60} minutes" in page


def test_every_explorer_stands_beside_the_part_that_shows_it():
    for path in LESSONS:
        screen = [title.removesuffix(" (at home)") for part in teaching_plan.plan(path).parts for title in part.screen]
        lesson = web.read(path)
        further = next((n for n, c in enumerate(lesson.cells) if c.source.startswith("## Further")), len(lesson.cells))
        cells = [cell for cell in lesson.cells[:further] if web.tagged(cell, "explorer")]
        titles = [web.explorer_of(cell).title for cell in cells]
        assert [title for title in titles if not any(title.startswith(shown) for shown in screen)] == []


def lesson_of(tmp_path, head="10 minutes", note="7 minutes", planned=7, total=10):
    """A lesson of two parts, 7 and 3 minutes, said three times."""
    head, note = f"# A lesson\n\n{head}", f"**Instructor, {note}.** Ask."
    rows = ["| part | minutes | ask |", "|:--|--:|:--|", f"| 1 one | {planned} | why? |", "| 2 quiz | 3 | |"]
    table = "\n".join([*rows, f"| **together** | **{total}** | |"])
    cells = [nbformat.v4.new_markdown_cell(head), nbformat.v4.new_markdown_cell("## 1. One")]
    cells += [nbformat.v4.new_markdown_cell(text, metadata={"tags": ["instructor"]}) for text in (note, table)]
    cells.insert(3, nbformat.v4.new_markdown_cell("## 2. Quiz"))
    path = tmp_path / "03_gae.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({}, []),
        ({"head": "15 minutes"}, ["15 minutes are promised, the parts add up to 10"]),
        ({"total": 11}, ["11 minutes are promised, the parts add up to 10"]),
        ({"note": "6 minutes"}, ["section 1: 6 minutes in the notes, 7 in the plan"]),
        ({"note": "8 minutes"}, ["section 1: 8 minutes in the notes, 7 in the plan"]),
        (
            {"planned": 9},
            ["10 minutes are promised, the parts add up to 12", "section 1: 7 minutes in the notes, 9 in the plan"],
        ),
    ],
)
def test_minutes_that_do_not_add_up_are_told(tmp_path, change, sentences):
    assert list(teaching_plan.plan(lesson_of(tmp_path, **change)).disagreements()) == sentences


def test_a_lesson_without_minutes_is_named(tmp_path):
    with pytest.raises(ValueError, match="03_gae.ipynb: the first cell does not say how many minutes"):
        teaching_plan.plan(lesson_of(tmp_path, head="no time"))
    path = lesson_of(tmp_path)
    notebook = web.read(path)
    nbformat.write(nbformat.v4.new_notebook(cells=notebook.cells[:-1]), path)
    with pytest.raises(ValueError, match="no instructor's cell divides the 10 minutes among the parts"):
        teaching_plan.plan(path)


def test_no_archive_is_made_of_minutes_that_do_not_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "lessons", lambda: [lesson_of(tmp_path, total=11)])
    with pytest.raises(ValueError, match="03_gae.ipynb: 11 minutes are promised"):
        editions.editions()


# ---------------------------------------------------------------- the command


def test_an_error_is_one_sentence(tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    line = [sys.executable, editions.__file__, "--out", str(tmp_path / "taken")]
    run = subprocess.run(line, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == f"No editions were made: {tmp_path / 'taken'} is a file; name a folder\n"
