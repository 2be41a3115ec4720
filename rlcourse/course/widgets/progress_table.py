"""The table of what has been solved and answered, with a button that forgets it."""

import ipywidgets

from rlcourse.course import order, progress
from rlcourse.course.widgets import still


class ProgressTable(still.Box):
    """Lessons, their exercises and their questions; the last line of a cell shows it."""

    def __init__(self):
        self.words = ipywidgets.HTML()
        self.button = ipywidgets.Button(description="Forget all", tooltip="Delete the file in which this is kept")
        self.button.on_click(self._forget)
        super().__init__([self.words, self.button])
        self.refresh()

    def refresh(self):
        """Read the file again."""
        kept = progress.read()
        self.rows = [row(lesson, kept) for lesson in order.LESSONS]
        done, there = (sum(column) for column in zip(*((r[1] + r[3], r[2] + r[4]) for r in self.rows)))
        self.words.value = as_html(self.rows, f"{done} of {there} exercises and questions")
        self.still = {"text/html": self.words.value, "text/plain": as_text(self.rows)}
        self.note = "Run this cell to bring it up to date."

    def _forget(self, _):
        if self.button.description == "Forget all":
            self.button.description = "Really?"  # one press more, since nothing brings it back
            return
        progress.reset()
        self.button.description = "Forget all"
        self.refresh()


def row(lesson, kept):
    """(title, exercises solved, exercises there are, questions answered, questions there are) of a lesson."""
    exercises, questions = progress.exercises(lesson), progress.questions(lesson)
    solved = {name.partition("/")[2] for name in kept["exercises"] if name.startswith(f"{lesson}/")}
    title = f"{order.number(lesson)} {lesson.replace('_', ' ')}"
    answered = len({*kept["questions"]} & {*questions})
    return title, len(solved & {*exercises}), len(exercises), answered, len(questions)


def as_html(rows, together):
    cells = "".join(
        f"<tr><td>{title}</td><td>{solved} of {exercises}</td><td>{answered} of {questions}</td></tr>"
        for title, solved, exercises, answered, questions in rows
    )
    head = "<tr><th>lesson</th><th>exercises solved</th><th>questions answered</th></tr>"
    return f"<table><caption>Done so far: {together}.</caption>{head}{cells}</table>"


def as_text(rows):
    return "\n".join(f"{title}: {a} of {b} exercises, {c} of {d} questions" for title, a, b, c, d in rows)
