"""The exercises of a lesson as an assignment that nbgrader can hand out, collect and grade.

A student gets the exercises of the lesson as they stand there, with the imports they need, and after each a locked cell
that asks the lesson's own checker once more and is worth a point for each dot (●) of its difficulty. The instructor's
version holds the solution as well: it follows the unfinished lines in the same cell, between nbgrader's marks, and
overwrites what they define.
"""

import ast
import re

import nbformat

import web
from rlcourse.course import order

DIFFICULTY = re.compile(r"\bE\d+\. .*· (●+)○*")  # in the heading of an exercise; a point for each dot
TOOLS = {"torch", "np", "rl", "math"}  # names that a student may want, whether or not our solution does
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PART = r"(?:(?!\n\n)[^.?!])*?"  # of one sentence
ABOUT_SOLUTIONS = re.compile(
    rf"(?:(?<=[.?!])\s+|^){PART}\b(?:[Ss]olutions?\s+(?:is|are)\b{PART}\bfolded|run\s+the\s+solution)\b{PART}\.", re.M
)
HIDE = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"

HEAD = """# Exercises: {title}

Replace the three dots, or repair what is wrong, and run the cell: it answers in a sentence. Run it as often as you
like; the numbers that it tries are new each time. The locked cell after each exercise asks the same question once more
when your work is graded, and is worth a point for each dot (●) in the exercise's heading: {points} in all. Leave it,
and the names of the functions, as they are, and hand in this file under its own name."""


def assignment(path, hidden=False):
    """The instructor's version of a lesson's assignment, as a notebook; `hidden` keeps the graded cells from students.

    Raises:
        ValueError: if an exercise has no solution, does not end by asking its checker, or states no difficulty.
    """
    notebook = web.read(path)
    cells, points, total = [], 0, 0
    for number, (cell, solution) in enumerate(exercises(path, notebook)):
        stated = DIFFICULTY.findall(cell.source) if cell.cell_type == "markdown" else []
        points = len(stated[-1]) if stated else points
        if solution:
            if not points:
                raise ValueError(
                    f"{path.name}: the exercise in {cell.id} has no heading that states its difficulty (●●○)"
                )
            total += points
            source, check = answer(path, cell, solution)
            name = check.partition("(")[0].rpartition(".")[2]  # the gradebook calls an exercise by its checker
            cells.append(code(source, f"{name}-answer", solution=True, locked=False))
            cells.append(code(graded_cell(order.lesson_of(path), check, hidden), name, grade=True, points=points))
        elif cell.cell_type == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(without_solutions(cell.source), id=cell.id))
        else:
            cells.append(code(cell.source.removeprefix("# NBVAL_CHECK_OUTPUT\n"), f"given-{number}"))
    title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    head = nbformat.v4.new_markdown_cell(HEAD.format(title=title, points=total), id="head")
    setup = code(needed(notebook, [cell.source for cell in cells if cell.cell_type == "code"]), "imports")
    made = nbformat.v4.new_notebook(cells=[head, setup, *cells])
    made.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    nbformat.validate(made)
    return made


def without_solutions(text):
    """A text without the sentences that say where its solution is."""
    return ABOUT_SOLUTIONS.sub("", text)


def exercises(path, notebook):
    """The cells from the first exercise's text to the last exercise, each with its solution or None.

    Neither notes, hints, questions, explorers nor training runs, nor the texts that introduce a run, are among them.
    """
    others = ("instructor", "hints", "quiz", "explorer")
    cells = [cell for cell in notebook.cells if not any(web.tagged(cell, tag) for tag in others)]
    runs = {number for number, cell in enumerate(cells) if web.tagged(cell, "training")}
    introduced = {number - 1 for number in runs if cells[number - 1].cell_type == "markdown"}
    cells = [cell for number, cell in enumerate(cells) if number not in runs | introduced]
    places = [number for number, cell in enumerate(cells) if web.tagged(cell, "exercise")]
    if not places:
        raise ValueError(f"{path.name}: no cell is tagged exercise")
    found = []
    for cell, following in zip(cells[places[0] - 1 : places[-1] + 1], [*cells[places[0] :], None]):
        if web.tagged(cell, "exercise") and not (following and web.tagged(following, "solution")):
            raise ValueError(f"{path.name}: the exercise in {cell.id} has no solution after it")
        if not web.tagged(cell, "solution"):
            found.append((cell, following if web.tagged(cell, "exercise") else None))
    lost = set().union(*(stored(cell) for cell in notebook.cells if web.tagged(cell, "training")))
    return [pair for pair in found if pair[1] or not lost & loaded(pair[0])]  # what only speaks of a run goes with it


def stored(cell):
    """The names that a cell binds."""
    return set().union(*(binds(statement) for statement in ast.parse(cell.source).body))


def loaded(cell):
    """The names that a code cell uses."""
    return names(ast.parse(cell.source), ast.Load) if cell.cell_type == "code" else set()


def split(path, cell):
    """The lines of a cell before its last statement, and that statement, which asks the checker."""
    last = ast.parse(cell.source).body[-1]
    check = ast.get_source_segment(cell.source, last)
    if not (isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and check.startswith("lesson.exercises.")):
        raise ValueError(f"{path.name}: the cell {cell.id} does not end by asking its checker, lesson.exercises.…")
    return "\n".join(cell.source.splitlines()[: last.lineno - 1]), check


def answer(path, exercise, solution):
    """The cell of an exercise, with the solution between nbgrader's marks; and its question to the checker."""
    stub, check = split(path, exercise)
    body, asked = split(path, solution)
    ours, theirs = (ast.parse(call).body[0].value.args for call in (asked, check))
    given = [
        f"{ast.unparse(name)} = {ast.unparse(value)}"
        for name, value in zip(theirs, ours, strict=True)
        if ast.dump(name) != ast.dump(value)
    ]  # a solution may pass the answer itself
    blank = len(stub) - len(stub.rstrip("\n")) - 1  # a student's version has another one where the solution was
    lines = [stub.rstrip("\n"), *[""] * blank, BEGIN, *filter(None, [body.strip("\n"), *given]), END, check]
    return "\n".join(lines), check


def graded_cell(slug, check, hidden):
    """Ask the checker; its verdict is the message when the answer is not right."""
    lines = f"from rlcourse.lessons import {slug} as lesson\n\nverdict = {check}\nassert verdict.passed, verdict"
    return HIDE.format(lines) if hidden else lines


def code(source, name, *, grade=False, solution=False, locked=True, **points):
    """A code cell with nbgrader's marks."""
    kind = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    marks = {"grade_id": name, "schema_version": 3, **kind, **points}
    return nbformat.v4.new_code_cell(source, id=name, metadata={"nbgrader": marks})


# ---------------------------------------------------------------- what the exercises need before them


def needed(notebook, sources):
    """The imports and definitions of the lesson that the sources use, in the lesson's order."""
    statements = [
        statement
        for cell in notebook.cells
        if cell.cell_type == "code" and not (web.tagged(cell, "exercise") or web.tagged(cell, "solution"))
        for statement in ast.parse(cell.source).body
    ]
    used = names(ast.parse("\n".join(sources)), ast.Load) | TOOLS
    bound = set().union(*(binds(statement) for source in sources for statement in ast.parse(source).body))
    lines = []
    for statement in reversed(statements):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [name for name in statement.names if (name.asname or name.name) in used]
            if statement.names:
                lines.append(ast.unparse(statement))
        elif isinstance(statement, ast.FunctionDef) and statement.name in used - bound:
            used |= names(statement, ast.Load)
            lines.append(f"\n\n{ast.unparse(statement)}")
    return "\n".join(reversed(lines))


def names(tree, context):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def binds(statement):
    """The names that a statement defines at the top of a cell."""
    return {statement.name} if hasattr(statement, "name") else names(statement, ast.Store)
