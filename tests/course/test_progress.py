"""What is solved is kept; what is the lesson's own solution is not; nothing that happens to the file stops a lesson."""

import json
import os
import re
from types import SimpleNamespace

import pytest

from rlcourse.course import checker, order, progress, quiz
from rlcourse.course.widgets import progress_table, quiz_card
from rlcourse.lessons import gae as lesson

NOTEBOOKS = order.FOLDER.parents[1] / "notebooks"
CALL = "def k_step(x):\n    return x\n\n\nlesson.exercises.k_step(k_step)"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_cell(source, verdict):
    result = SimpleNamespace(result=verdict, info=SimpleNamespace(raw_cell=source))
    progress._after(result, SimpleNamespace(user_ns={"lesson": lesson}))


def test_a_solved_exercise_is_kept_and_a_wrong_one_is_not():
    run_cell(CALL, checker.wrong("Not yet."))
    assert progress.read()["exercises"] == []
    run_cell(CALL, checker.right("Right."))
    run_cell(CALL, checker.right("Right."))
    assert progress.read()["exercises"] == ["gae/k_step"]


def test_the_lessons_own_solution_does_not_count(elsewhere):
    cells = [{"source": [CALL.replace("  ", " ")], "metadata": {"tags": ["solution"]}}]
    (elsewhere / order.notebook("gae")).write_text(json.dumps({"cells": cells}))
    run_cell(CALL, checker.right("Right."))
    assert progress.read()["exercises"] == []
    run_cell(CALL.replace("return x", "return 1 * x"), checker.right("Right."))
    assert progress.read()["exercises"] == ["gae/k_step"]


def test_a_rightly_answered_question_is_kept():
    question = next(one for one in quiz.load("gae").values() if one.kind == "choice")
    card = quiz_card.Card(question)
    right = next(place for place, option in enumerate(question.options) if option.right)
    wrong = next(place for place, option in enumerate(question.options) if not option.right)
    card._show(question.grade(wrong))
    assert progress.read()["questions"] == []
    card._show(question.grade(right))
    assert progress.read()["questions"] == [question.id]


@pytest.mark.parametrize(
    "content", ["", "{", "[1, 2]", '{"exercises": 7}', '{"exercises": [[1]], "questions": null}', "\x00"]
)
def test_a_file_that_is_none_is_begun_anew(elsewhere, content):
    (elsewhere / progress.FILE).write_text(content)
    assert progress.read() == {"exercises": [], "questions": []}
    progress.record("exercises", "gae/k_step")
    assert progress.read()["exercises"] == ["gae/k_step"]


def test_where_nothing_can_be_written_nothing_is_kept_and_nobody_is_told_off(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(progress.tempfile, "mkstemp", refuse)
    run_cell(CALL, checker.right("Right."))
    assert progress.read()["exercises"] == []
    progress.reset()


@pytest.mark.skipif(os.name == "nt", reason="file modes of another kind")
def test_the_file_is_for_its_owner_alone(elsewhere):
    progress.record("exercises", "gae/k_step")
    assert (elsewhere / progress.FILE).stat().st_mode & 0o077 == 0


def test_the_table_counts_and_forgets_after_two_presses():
    progress.record("exercises", "gae/k_step")
    progress.record("exercises", "gae/no_longer_there")
    progress.record("questions", "gae-1")
    table = progress_table.ProgressTable()
    mine = next(row for row in table.rows if row[0].startswith("03"))
    assert mine[1] == 1 and mine[3] == 1 and mine[2] == len(progress.exercises("gae"))
    assert "2 of " in table.words.value and "03 gae: 1 of" in table.still["text/plain"]
    table.button.click()
    assert progress.read()["exercises"], "one press must not forget"
    table.button.click()
    assert progress.read() == {"exercises": [], "questions": []} and "0 of " in table.words.value


def test_a_kernel_is_watched_and_a_plain_python_is_not():
    registered = []
    shell = SimpleNamespace(kernel=object(), events=SimpleNamespace(register=lambda *call: registered.append(call)))
    progress.watch(shell)
    progress.watch(None)
    progress.watch(SimpleNamespace(kernel=None))
    assert [name for name, _ in registered] == ["post_run_cell"]


@pytest.mark.parametrize("name", order.LESSONS)
def test_every_exercise_of_a_notebook_is_counted(name):
    cells = json.loads((NOTEBOOKS / order.notebook(name)).read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert {*progress.exercises(name)} == {*re.findall(r"lesson\.exercises\.(\w+)\(", code)}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner on Windows")
def test_two_users_of_one_folder_keep_each_their_own(elsewhere, monkeypatch):
    progress.record("questions", "gae-1")
    mine = (elsewhere / progress.FILE).read_bytes()
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert progress.read()["questions"] == []
    progress.record("questions", "gae-2")
    assert progress.read()["questions"] == ["gae-2"] and (elsewhere / progress.FILE).read_bytes() == mine
    (other,) = set(os.listdir(elsewhere)) - {progress.FILE}
    assert other.startswith(progress.FILE)  # what .gitignore and the editions leave out
    monkeypatch.setattr(os, "getuid", lambda: me)
    progress.reset()
    assert os.listdir(elsewhere) == [other]
