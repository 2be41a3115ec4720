"""What a student has solved and answered: kept in a small file beside the notebooks, theirs alone, sent nowhere.

An exercise counts when its checker says that it is right, unless the cell is the lesson's own solution; a question when
it was answered rightly. Where nothing can be written, nothing is kept, and nobody is told off.
"""

import contextlib
import importlib
import inspect
import json
import os
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from IPython import get_ipython

from rlcourse.course import checker, order

FILE = ".rlcourse-progress.json"
KINDS = ("exercises", "questions")
CHECKS = r"Check |E\d"


def read(folder: Path | None = None) -> dict[str, list[str]]:
    """What is kept: kind -> names such as "gae/k_step" or "gae-1"; nothing of a file that is no such file."""
    kept: dict[str, list[str]] = {kind: [] for kind in KINDS}
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        stored = json.loads(_file(folder or Path()).read_text(encoding="utf-8"))
        for kind in KINDS:
            kept[kind] = sorted({name for name in stored.get(kind, []) if isinstance(name, str)})
    return kept


def record(kind: str, name: str, folder: Path | None = None) -> None:
    """Keep that an exercise or a question has been done."""
    kept = read(folder)
    if name not in kept[kind]:
        kept[kind] = sorted({*kept[kind], name})
        _write(kept, folder or Path())


def reset(folder: Path | None = None) -> None:
    """Forget everything."""
    with contextlib.suppress(OSError):
        _file(folder or Path()).unlink()


def _file(folder: Path) -> Path:
    """The file in a folder; where two users share the folder, each has their own, and the other's is not touched."""
    file = folder / FILE
    shared = hasattr(os, "getuid") and file.exists() and file.stat().st_uid != os.getuid()
    return folder / f"{FILE}-{os.getuid()}" if shared else file


def _write(kept: dict[str, list[str]], folder: Path) -> None:
    with contextlib.suppress(OSError):  # a folder that is only to be read
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=FILE, suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file, indent=1)
            os.replace(temporary, _file(folder))  # for its owner alone, as mkstemp made it
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


# ---------------------------------------------------------------- what there is to do


def exercises(lesson: str) -> list[str]:
    """Names of a lesson's checkers: the functions whose docstring begins with "Check", or with the exercise, "E1"."""
    home = f"rlcourse.lessons.{order.check_lesson(lesson)}."
    module = importlib.import_module(f"{home}exercises")
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__.startswith(home) and re.match(CHECKS, value.__doc__ or "")
    ]


def questions(lesson: str) -> list[str]:
    """Names of a lesson's questions."""
    return list(tomllib.loads((order.folder(lesson) / "quiz.toml").read_text(encoding="utf-8")))


# ---------------------------------------------------------------- while the notebook runs


def watch(shell: Any) -> None:
    """From now on keep every exercise that is solved in this kernel."""
    if shell is not None and getattr(shell, "kernel", None) is not None:
        shell.events.register("post_run_cell", lambda result: _after(result, shell))


def _after(result: Any, shell: Any) -> None:
    """Look at what a cell has shown; a post_run_cell hook, which must never raise."""
    with contextlib.suppress(Exception):
        verdict, source = result.result, result.info.raw_cell
        if isinstance(verdict, checker.Verdict) and verdict.passed:
            lesson, name = _which(source, shell.user_ns)
            if not is_solution(source, lesson):
                record("exercises", f"{lesson}/{name}")


def _which(source: str, names: dict[str, Any]) -> tuple[str, str]:
    """The lesson and the checker that a cell's last line calls: lesson.exercises.NAME(...)."""
    variable, name = re.findall(r"(\w+)\.exercises\.(\w+)\(", source)[-1]
    return names[variable].__name__.rpartition(".")[2], name


def is_solution(source: str, lesson: str, folder: Path | None = None) -> bool:
    """Whether a cell stands as a solution in the lesson's notebook, word for word."""
    with contextlib.suppress(OSError, ValueError):
        path = (folder or Path()).joinpath(order.notebook(lesson))
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        mine = "".join(source.split())
        return any(
            "".join("".join(cell["source"]).split()) == mine
            for cell in cells
            if "solution" in cell["metadata"].get("tags", [])
        )
    return False


watch(get_ipython())
