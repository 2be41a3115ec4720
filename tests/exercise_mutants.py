"""Wrong answers to the exercises, made from their own solutions by one small change each, and how the checkers fare.

PYTHONPATH=tests python tests/exercise_mutants.py [gae ...]     # prints generated, rejected, named, accepted
"""

import ast
import contextlib
import io
import json
import linecache
import re
import sys
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from rlcourse.course import checker, order
from rlcourse.course.checker_repair import Change, changes

NOTEBOOKS = order.FOLDER.parents[1] / "notebooks"
GENERIC = ("The numbers differ", "The number is right and its gradient is not")


class Exercise(NamedTuple):
    """An exercise with its own solution: lesson, checker, source of the solution, the checker's call."""

    lesson: str
    name: str
    source: str
    call: str
    names: dict


def exercises(lesson: str) -> Iterator[Exercise]:
    """The exercises of a lesson, with what their solutions need: the lesson's imports, and the solutions before."""
    cells = json.loads((NOTEBOOKS / order.notebook(lesson)).read_text(encoding="utf-8"))["cells"]
    names: dict = {}
    for cell in cells:
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse(source)
        if all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
            exec(source, names)
        if "solution" in tags and "def " in source and (found := re.search(r"lesson\.exercises\.(\w+)\(", source)):
            *body, last = tree.body
            definition, call = ast.unparse(ast.Module(body, [])), ast.unparse(last)
            yield Exercise(lesson, found[1], definition, call, names)
            with contextlib.redirect_stdout(io.StringIO()):
                exec(definition, names)


def judge(exercise: Exercise, source: str) -> checker.Verdict:
    """What the lesson's checker says of a changed cell; an error outside of a function counts as rejected."""
    names = dict(exercise.names)
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            exec(compile(source, file, "exec"), names)
        except Exception as error:
            return checker.wrong(f"the cell itself stops: {error}")
        return eval(exercise.call, names)


class Report(NamedTuple):
    generated: int
    named: int
    generic: list[tuple[Change, checker.Verdict]]
    accepted: list[Change]


def report(exercise: Exercise, *, every: int = 1) -> Report:
    """How the checker of an exercise fares against the mutants of its solution, or against every so-many-th of them."""
    generated = named = 0
    generic, accepted = [], []
    for number, mutant in enumerate(change for change in changes(exercise.source) if answers(exercise, change.source)):
        if number % every:
            continue
        generated += 1
        verdict = judge(exercise, mutant.source)
        if verdict.passed:
            accepted.append(mutant)
        elif verdict.sentence.startswith(GENERIC):
            generic.append((mutant, verdict))
        else:
            named += 1
    return Report(generated, named, generic, accepted)


def answers(exercise: Exercise, source: str) -> bool:
    """Whether a changed cell differs in what its checker is given, and not only in the lines that try it out."""
    given = {node.id for node in ast.walk(ast.parse(exercise.call)) if isinstance(node, ast.Name)}
    changed = zip(ast.parse(exercise.source).body, ast.parse(source).body)
    for old, new in changed:
        if ast.dump(old) != ast.dump(new):
            names = {
                node.id for node in ast.walk(old) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            return isinstance(old, ast.FunctionDef | ast.ClassDef) or bool(names & given)
    return True


def difference(old: str, new: str) -> str:
    """The lines in which two sources differ."""
    before = old.splitlines()
    return " / ".join(line.strip() for line in new.splitlines() if line not in before) or "(a line less)"


def main():
    for lesson in sys.argv[1:] or order.LESSONS:
        for exercise in exercises(lesson):
            checker.SECONDS = 1.0
            found = report(exercise)
            rejected = found.generated - len(found.accepted)
            share = found.named / max(rejected, 1)
            print(
                f"{lesson}/{exercise.name}: {found.generated} mutants, {rejected} rejected, {share:.0%} of them named",
                flush=True,
            )
            for mutant in found.accepted:
                print(f"    ACCEPTED {mutant.words.split('.')[0]}: {difference(exercise.source, mutant.source)}")
            for mutant, _ in found.generic:
                print(f"    generic  {mutant.words.split('.')[0]}: {difference(exercise.source, mutant.source)}")


if __name__ == "__main__":
    main()
