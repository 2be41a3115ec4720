"""The graded assignments, driven through nbgrader itself: generate, collect, autograde, give feedback."""

import csv
import importlib
import inspect
import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import nbformat
import pytest
from traitlets.config.loader import PyFileConfigLoader

import assignments
import editions
import web
from rlcourse.course import order

LESSONS = web.lessons()
SHORT, LONG = "00_start_here", "03_gae"

pytestmark = pytest.mark.filterwarnings("ignore:Object of type")  # nbgrader's own way with its database


def write_course(folder, hidden=False):
    for name, content in editions.grading(hidden).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def nbgrader(folder):
    """nbgrader's API, set up by the course folder's own configuration."""
    apps = pytest.importorskip("nbgrader.apps", reason="nbgrader is the extra `grading`")
    return apps.NbGraderAPI(config=PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config())


def well(outcome):
    """nbgrader reports success and a log; the log is what one needs if there was none."""
    assert outcome["success"], outcome["log"] + outcome.get("error", "")


class Course:
    """The course folder of an instructor, and what students hand in."""

    def __init__(self, folder):
        self.folder = folder
        write_course(folder)
        self.api = nbgrader(folder)

    def read(self, *parts):
        return nbformat.read(self.folder.joinpath(*parts[:-1], f"{parts[-1]}.ipynb"), as_version=4)

    def generate(self, lesson):
        well(self.api.generate_assignment(lesson))
        return self.read("release", lesson, lesson)

    def answers(self, lesson):
        """The cells in which a student works, solved: name -> source."""
        return {name: cell.source for name, cell in marked(self.read("source", lesson, lesson)) if is_answer(cell)}

    def hand_in(self, student, lesson, answers, target=None, spoil=lambda cell: None):
        """The released notebook with a student's cells in it."""
        notebook = self.read("release", lesson, lesson)
        for name, cell in marked(notebook):
            cell.source = answers.get(name, cell.source)
            spoil(cell)
        target = target or self.folder / "submitted" / student / lesson / f"{lesson}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)

    def grade(self, student, lesson):
        """(points, most points, the graded notebook, the feedback)."""
        well(self.api.autograde(lesson, student))
        well(self.api.generate_feedback(lesson, student))
        record = self.api.get_submission(lesson, student)
        feedback = self.folder / "feedback" / student / lesson / f"{lesson}.html"
        return record["score"], record["max_score"], self.read("autograded", student, lesson, lesson), feedback


def marked(notebook):
    """(name, cell) of the cells that nbgrader knows."""
    return [(cell.metadata.nbgrader.grade_id, cell) for cell in notebook.cells if "nbgrader" in cell.metadata]


def is_answer(cell):
    return cell.metadata.nbgrader.solution


def is_graded(cell):
    return cell.metadata.nbgrader.grade


def worth(notebook):
    """Points of every graded cell: name -> points."""
    return {name: cell.metadata.nbgrader.points for name, cell in marked(notebook) if is_graded(cell)}


def lines(source):
    return [line for line in source.splitlines() if line.strip()]


def errors(notebook):
    """(name of the cell, error) of every error in a notebook."""
    return [
        (name, output)
        for name, cell in marked(notebook)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def known_answers(lesson):
    """The module of tests that holds the known wrong answers of a lesson."""
    path = order.folder(lesson) / "tests" / "test_exercises.py"
    spec = spec_from_file_location(f"known_answers_{lesson}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return Course(tmp_path_factory.mktemp("course"))


# ---------------------------------------------------------------- all lessons


@pytest.mark.slow
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_is_an_assignment_whose_solutions_get_full_marks(course, path):
    stored = [cell for cell in web.read(path).cells if web.tagged(cell, "exercise")]
    released = course.generate(path.stem)
    answers = [cell for _, cell in marked(released) if is_answer(cell)]
    graded = [cell for _, cell in marked(released) if is_graded(cell)]
    assert [lines(cell.source) for cell in answers] == [lines(cell.source) for cell in stored]  # as in the lesson
    assert not any(cell.metadata.nbgrader.locked for cell in answers)
    assert all(cell.metadata.nbgrader.locked for cell in graded)
    assert len(graded) == len(answers)
    words = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in words and "folded" not in words and "run the solution" not in words

    course.hand_in("right", path.stem, course.answers(path.stem))
    points, most, notebook, _ = course.grade("right", path.stem)
    assert errors(notebook) == []
    assert points == most == sum(worth(released).values())
    print(f"{path.stem}: {points:g} of {most:g}")


# ---------------------------------------------------------------- two lessons, from hand to hand


@pytest.fixture(
    scope="module",
    params=[
        (SHORT, "discounted_return", "my_return", ["undiscounted"]),
        (LONG, "gae", "gae", ["_sweep", "gae_truncation_as_termination"]),
    ],
    ids=[SHORT, LONG],
)
def case(request, course):
    """A lesson, the name of an exercise, and a student's cell with a wrong answer that the course knows."""
    lesson, exercise, name, functions = request.param
    module = known_answers(order.lesson_of(lesson))
    source = "\n\n".join(inspect.getsource(getattr(module, function)) for function in functions)
    answer = f"{source}\n\n{name} = {functions[-1]}"
    checker = getattr(importlib.import_module(f"rlcourse.lessons.{order.lesson_of(lesson)}.exercises"), exercise)
    course.generate(lesson)
    return lesson, exercise, answer, checker(getattr(module, functions[-1])).sentence


@pytest.mark.slow
def test_a_wrong_answer_costs_its_points_and_the_feedback_says_why(course, case, offline):
    lesson, exercise, answer, sentence = case
    course.hand_in("wrong", lesson, {**course.answers(lesson), f"{exercise}-answer": answer})
    points, most, notebook, feedback = course.grade("wrong", lesson)
    assert points == most - worth(notebook)[exercise]
    assert [(name, error.ename) for name, error in errors(notebook)] == [(exercise, "AssertionError")]

    page = offline(feedback.as_uri())
    page.wait_for_selector("mjx-container")
    assert sentence in " ".join(page.locator("body").inner_text().split())
    assert page.foreign == [] and page.errors == []
    print(f"{lesson}: {points:g} of {most:g}; {page.locator('mjx-container').count()} formulas, nothing from outside")


@pytest.mark.slow
def test_an_unfinished_submission_gets_nothing_and_no_other_error(course, case):
    lesson, *_ = case

    def let_everything_pass(cell):
        if is_graded(cell):
            cell.source = "assert True  # a graded cell that a student has changed is set right again"

    course.hand_in("unfinished", lesson, {}, spoil=let_everything_pass)
    points, _, notebook, feedback = course.grade("unfinished", lesson)
    assert points == 0
    assert len(errors(notebook)) == len(worth(notebook))
    assert {error.ename for _, error in errors(notebook)} == {"AssertionError"}
    assert all(is_graded(cell) for _, cell in marked(notebook) if any(o.output_type == "error" for o in cell.outputs))
    assert "not started: Replace the three dots with your own lines" in feedback.read_text(encoding="utf-8")


@pytest.mark.slow
def test_files_that_students_send_in_are_collected(course):
    """On the command line, as an instructor would, from an environment that nobody has activated."""
    course.generate(SHORT)
    sent = course.folder / "downloaded" / SHORT / "archive" / f"ada-{SHORT}.ipynb"
    course.hand_in("ada", SHORT, course.answers(SHORT), target=sent)
    programs = Path(sys.executable).parent
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != programs)
    for step in (["zip_collect", SHORT], ["autograde", SHORT, "--student", "ada"], ["export"]):
        line = [sys.executable, "-m", "nbgrader", *step]
        run = subprocess.run(line, cwd=course.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    with (course.folder / "grades.csv").open(encoding="utf-8", newline="") as grades:
        scores = {(row["student_id"], row["assignment"]): row["score"] for row in csv.DictReader(grades)}
    assert float(scores["ada", SHORT]) == 2  # two easy exercises


# ---------------------------------------------------------------- how an assignment is made


def test_graded_cells_can_be_hidden(tmp_path):
    write_course(tmp_path, hidden=True)
    well(nbgrader(tmp_path).generate_assignment(SHORT))
    released = nbformat.read(tmp_path / "release" / SHORT / f"{SHORT}.ipynb", as_version=4)
    assert [cell.source.strip() for _, cell in marked(released) if is_graded(cell)] == ["", ""]


def lesson_of(tmp_path, *cells, heading="### E1. Endings · 5 minutes · ●●○"):
    """A lesson of a few code cells, (source, tag), under a heading."""
    made = [nbformat.v4.new_markdown_cell("# A lesson\n\n5 minutes"), nbformat.v4.new_markdown_cell(heading)]
    made += [
        nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}, id=f"cell-{number}")
        for number, (source, tag) in enumerate(cells)
    ]
    path = tmp_path / "03_gae.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


STUB, SOLUTION = "x = ...\n\nlesson.exercises.endings(x)", "lesson.exercises.endings({1})"


def test_a_solution_that_passes_its_answer_to_the_checker_is_given_the_name(tmp_path):
    made = assignments.assignment(lesson_of(tmp_path, (STUB, "exercise"), (SOLUTION, "solution")))
    assert lines(made.cells[3].source) == [
        "x = ...",
        assignments.BEGIN,
        "x = {1}",
        assignments.END,
        "lesson.exercises.endings(x)",
    ]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ([("1 + 1", "explorer")], "03_gae.ipynb: no cell is tagged exercise"),
        ([(STUB, "exercise")], "03_gae.ipynb: the exercise in cell-0 has no solution after it"),
        ([("x = ...", "exercise"), (SOLUTION, "solution")], "the cell cell-0 does not end by asking its checker"),
    ],
)
def test_what_cannot_be_an_assignment_is_named_in_a_sentence(tmp_path, cells, sentence):
    with pytest.raises(ValueError, match=sentence):
        assignments.assignment(lesson_of(tmp_path, *cells))


def test_an_exercise_without_a_difficulty_has_no_points(tmp_path):
    lesson = lesson_of(tmp_path, (STUB, "exercise"), (SOLUTION, "solution"), heading="## Exercises")
    with pytest.raises(ValueError, match="the exercise in cell-0 has no heading that states its difficulty"):
        assignments.assignment(lesson)


def test_an_exercise_is_worth_a_point_for_each_dot_above_it():
    found = set()
    for path in LESSONS:
        made = assignments.assignment(path)
        points, dots = worth(made), ""
        for cell in made.cells:
            if cell.cell_type == "markdown":
                dots = ([dots] + re.findall(r"· (●+)", cell.source))[-1]  # a heading may stand over two cells
            elif cell.id in points:
                assert points[cell.id] == len(dots), (path.name, cell.id)
        assert f"heading: {sum(points.values())} in all" in made.cells[0].source
        found |= set(points.values())
    assert found == {1, 2, 3}


def test_without_mathjax_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(editions, "MATHJAX", tmp_path / "tex-svg.js")
    with pytest.raises(ValueError, match="MathJax is not installed"):
        editions.grading(hidden=False)
