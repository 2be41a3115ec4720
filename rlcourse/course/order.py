"""The lessons in their order: the one place where a lesson's number comes from.

A lesson is a folder, rlcourse/lessons/<slug>, and a notebook, notebooks/<number>_<slug>.ipynb. Everything else that
speaks of the lessons in order (contents, index, instructors' page, book, slides) asks here.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from rlcourse.checks import require

LESSONS = (
    "start_here",
    "reward_to_go",
    "advantage",
    "gae",
    "actor_critic",
    "parallel_actor_critic",
    "off_policy_actor_critic",
    "ppo_clipping",
    "ppo_in_practice",
    "ddpg",
    "target_networks",
    "soft_policy_iteration",
    "reparameterization",
    "sac",
)
FOLDER = Path(__file__).parents[1] / "lessons"


def check_lesson(lesson: str) -> str:
    """The slug of a lesson; ValueError that lists them all if there is no such lesson."""
    require(lesson in LESSONS, f"lesson must be one of {', '.join(LESSONS)}, got {lesson!r}")
    return lesson


def number(lesson: str) -> str:
    """Two digits, "00" for the first."""
    return f"{LESSONS.index(check_lesson(lesson)):02d}"


def notebook(lesson: str) -> str:
    """The file name of its notebook."""
    return f"{number(lesson)}_{lesson}.ipynb"


def lesson_of(path: str | Path) -> str:
    """The slug of the lesson whose notebook this is."""
    return check_lesson(Path(path).stem.partition("_")[2])


def folder(lesson: str) -> Path:
    """Where its code, questions, rows of the index and stored numbers lie."""
    return FOLDER / check_lesson(lesson)


def modules(lesson: str) -> Iterator[ModuleType]:
    """Every module of a lesson's folder, without its tests."""
    name = f"rlcourse.lessons.{check_lesson(lesson)}"
    for found in pkgutil.iter_modules([str(folder(lesson))]):
        if found.name != "tests":
            yield importlib.import_module(f"{name}.{found.name}")
