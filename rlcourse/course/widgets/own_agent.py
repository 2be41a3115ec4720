"""Your agent: the functions of the exercises, put into the algorithm and trained beside the course's own."""

import html
from dataclasses import dataclass

import numpy as np

from rlcourse import interval, learning_curves
from rlcourse.course import checker
from rlcourse.course.widgets import training_panel

CHECKED = 10
"""Places along the steps at which two runs of the same seed are compared."""
LAST_PART = 0.8
"""What an agent has reached is its mean return over the steps from here on, as a share of all."""


@dataclass(frozen=True)
class Comparison:
    """What two populations of seeds say about each other: a sentence, and the runs behind it.

    Attributes:
        sentence: what each has reached, and whether the intervals tell them apart.
        histories: dict of two lists, "yours" and "the course's".
    """

    sentence: str
    histories: dict

    def __repr__(self):
        return self.sentence

    def _repr_html_(self):
        said = html.escape(self.sentence, quote=False)
        return f'<div role="status" style="padding: .4em .8em; line-height: 1.5">{said}</div>'


def train_beside(yours, course, env_id, *, total_steps, uses, seeds=16, config=None, num_envs=None, solved=None):
    """Train your agent on many seeds, and the course's on the same ones; both in one picture.

    A function that no checker has accepted is trained all the same: then the picture shows what its bug does.

    Args:
        yours: the agent's class, which calls the functions of the exercises.
        course: the class to hold it against; or Histories of runs on the same seeds that the lesson has trained before.
        env_id, total_steps, seeds, num_envs: as for `rl.train_many`.
        uses: the functions (or classes) that have to be written first.
        config: of both agents.
        solved: the return that counts as solved, drawn as a line.

    Returns:
        A Comparison; a Verdict, and no training, while a function of `uses` still holds its dots, or where your agent
        stops with an error.
    """
    if unwritten := [function.__name__ for function in uses if checker.has_dots(function)]:
        names = " and ".join(f"`{name}`" for name in unwritten)
        sentence = f"This cell trains what you wrote above. Write {names} first, then run it again."
        return checker.Verdict(checker.UNFINISHED, sentence)
    known = course if isinstance(course, list) else (course, config)
    entries = {"yours": (yours, config), "the course's": known}
    try:
        histories = training_panel.compare_many(
            entries, env_id, total_steps=total_steps, seeds=seeds, num_envs=num_envs, solved=solved
        )
    except Exception as error:  # a student's function: whatever it does becomes a sentence
        sentence = f"While your agent was trained: {checker.describe(error, *uses, yours)}"
        if not yours.whole_episodes:
            sentence += " (All seeds learn at once here, so tensors have one axis more than in the exercises.)"
        return checker.wrong(sentence)
    return Comparison(compared(histories, total_steps), histories)


def compared(histories, total_steps):
    """In a sentence: what both have reached, and whether the intervals tell them apart.

    Args:
        histories: dict of "yours" and "the course's", each a list of Histories.
        total_steps: of each seed.
    """
    if len(histories) < 2 or min(run.total_steps for runs in histories.values() for run in runs) < total_steps:
        return "Stopped before both were trained to the end, so there is nothing to compare."
    at = [round(LAST_PART * total_steps), total_steps]
    yours, course = (interval(learning_curves(runs, at)[:, -1]) for runs in histories.values())
    number = lambda value: f"{value:.0f}".replace("-", "−")  # noqa: E731
    reached = [f"{number(i.center)} ({number(i.low)} to {number(i.high)})" for i in (yours, course)]
    said = f"Over the last fifth of the steps your agent's return is {reached[0]}, the course's {reached[1]}. "
    if np.isnan([yours.center, course.center]).any():
        return said + "Where no episode has ended there is nothing to compare."
    if _alike(*histories.values(), total_steps):
        return said + "Seed by seed the two have nearly the same returns: your lines do what the course's lines do."
    if yours.low <= course.high and course.low <= yours.high:
        return said + f"The intervals overlap: {len(histories['yours'])} seeds do not tell the two apart."
    better = "higher" if yours.low > course.high else "lower"
    return said + f"The intervals are apart: yours is {better}, and that is not luck."


def _alike(yours, course, total_steps):
    """Whether the same seeds have had nearly the same returns all along."""
    if len(yours) != len(course):
        return False
    at = np.linspace(0, total_steps, CHECKED + 1)[1:].astype(int)
    return np.allclose(learning_curves(yours, at), learning_curves(course, at), rtol=0.02, equal_nan=True)
