"""Make the student's and the instructor's edition, and the graded assignments: what `make editions` runs.

    python tools/editions.py                     # into build/editions
    python tools/editions.py --out FOLDER        # somewhere else
    python tools/editions.py --hidden-tests      # students do not see the cells that grade them

    rlcourse-student.zip       lessons without solutions and notes, and all that they need to run
    rlcourse-instructor.zip    lessons with everything open, the teaching plan, the graded assignments
    grading/                   the course folder of nbgrader, ready to work in

Equal lessons make equal archives, byte for byte.
"""

import argparse
import ast
import re
import sys
import zipfile
from pathlib import Path
from string import Template

import nbformat

import assignments
import teaching_plan
import web
from rlcourse.course import order

TEMPLATES = web.ROOT / "web" / "editions"
GRADING = web.ROOT / "web" / "grading"
MATHJAX = web.ROOT / "web" / "node_modules" / "mathjax" / "es5" / "tex-svg.js"  # one file, no fonts beside it
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say
PACKAGE = (".py", ".json", ".toml")

# What both editions need to run, and what only an instructor has a use for; folders are taken whole.
COMMON = (
    "LICENSE",
    "pyproject.toml",
    "constraints.txt",
    "environment.yml",
    "tools/install.py",
    "tools/lab.py",
    "jupyter",
    "rlcourse",
)
FOR_INSTRUCTORS = ("tools/present.py", "tools/notes.py", "assets", "docs")
TARGETS = {"student": ("help", "lab", "clean"), "instructor": ("help", "lab", "present", "clean")}
EXTRAS = {"student": "lab", "instructor": "lab grading"}


# ---------------------------------------------------------------- notebooks


def student(notebook):
    """The lesson without solutions and notes, and without outputs that only a solution could have made."""
    kept, ours, count = [], set(), 0
    for cell in notebook.cells:
        if web.tagged(cell, "solution"):
            ours |= bound(cell)
        if web.tagged(cell, "solution") or for_the_instructor(cell):
            continue
        kept.append(cell)
        if cell.cell_type == "markdown":
            cell.source = assignments.without_solutions(cell.source)
            continue
        count += 1
        renumber(cell, count)
        if web.tagged(cell, "exercise"):
            ours -= bound(cell)
        elif ours & used(cell):
            ours |= bound(cell)
            cell.outputs, cell.execution_count = [], None
    notebook.cells = kept
    return notebook


def instructor(notebook):
    """The lesson with its solutions open."""
    for cell in notebook.cells:
        cell.metadata.get("jupyter", {}).pop("source_hidden", None)
        if not cell.metadata.get("jupyter", True):
            del cell.metadata["jupyter"]
    return notebook


def for_the_instructor(cell):
    return web.tagged(cell, "instructor") or cell.metadata.get("slideshow", {}).get("slide_type") == "notes"


def renumber(cell, count):
    """Count the cell as the count-th that was run."""
    cell.execution_count = count
    for output in cell.outputs:
        if output.output_type == "execute_result":
            output.execution_count = count


def bound(cell):
    return set().union(*(assignments.binds(statement) for statement in ast.parse(cell.source).body))


def used(cell):
    return assignments.names(ast.parse(cell.source), ast.Load)


# ---------------------------------------------------------------- archives: name -> bytes


def common(kind):
    """What an edition needs besides its lessons."""
    names = (*COMMON, *FOR_INSTRUCTORS) if kind == "instructor" else COMMON
    return {**{name: path.read_bytes() for name, path in files(names)}, "Makefile": makefile(kind).encode()}


def files(names):
    """(name, path) of every file of the list, and of those in its folders; what is not there yet is left out."""
    for name in names:
        path = web.ROOT / name
        for found in sorted(path.rglob("*")) if path.is_dir() else [path]:
            hidden = any(part.startswith((".", "__")) for part in found.relative_to(web.ROOT).parent.parts)
            if found.is_file() and not hidden and (name != "rlcourse" or found.suffix in PACKAGE):
                yield found.relative_to(web.ROOT).as_posix(), found


def makefile(kind):
    """The course's own Makefile, without the targets that an edition cannot serve."""
    _, *paragraphs = (web.ROOT / "Makefile").read_text(encoding="utf-8").split("\n\n")
    kept = ["# `make lab` opens the course. `make help` lists the rest.\n# Needed: make and Python 3.11 or newer."]
    heading = ""
    for paragraph in paragraphs:
        if paragraph.startswith("##@ "):
            heading = paragraph  # kept where a target under it is
            continue
        target = re.match(r"(?:#.*\n)*([a-z]+|\$\(WEB\)):(?!=)", paragraph)
        wanted = target[1] in TARGETS[kind] if target else "PYTEST" not in paragraph
        if wanted and target and heading:
            kept.append(heading)
            heading = ""
        if wanted:
            kept.append(paragraph.rstrip())
    text = "\n\n".join(kept) + "\n"
    text = re.sub(r"(?m)^\$\(INSTALLED\) \$\(TESTED\):", "$(INSTALLED):", text)
    text = re.sub(r"(?<=tools/install\.py ).*", EXTRAS[kind], text)
    return re.sub(r"^\.PHONY: .*", f".PHONY: {' '.join(TARGETS[kind])}", text, flags=re.M)


def readme(kind, plans, **more):
    """The README of an edition, with its list of lessons."""
    lines = [
        f"| [{order.number(order.lesson_of(path))} {plan.title}](notebooks/{path.name}) | {plan.minutes} |"
        for path, plan in plans.items()
    ]
    text = (TEMPLATES / f"{kind}.md").read_text(encoding="utf-8")
    return Template(text).substitute(lessons="\n".join(lines), **more).encode()


def lessons(edit):
    """Every lesson after `edit`, as the bytes of a notebook."""
    return {f"notebooks/{path.name}": written(edit(web.read(path))) for path in web.lessons()}


def written(notebook):
    nbformat.validate(notebook)
    return (nbformat.writes(notebook) + "\n").encode()


def grading(hidden):
    """The course folder of nbgrader: an assignment for each lesson, under the lesson's name."""
    if not MATHJAX.exists():
        raise ValueError("MathJax is not installed; `make editions` installs it first")
    made = {name: (GRADING / name).read_bytes() for name in ("README.md", "nbgrader_config.py")}
    template = (GRADING / "mathjax.html.j2").read_bytes()
    made["templates/feedback/mathjax.html.j2"] = template.replace(b"@MATHJAX@", MATHJAX.read_bytes())
    for path in web.lessons():
        made[f"source/{path.stem}/{path.name}"] = written(assignments.assignment(path, hidden))
    return made


def editions(hidden=False):
    """(the student's files, the instructor's files, the course folder of nbgrader).

    Raises:
        ValueError: if a lesson's exercises or minutes cannot be read, its minutes do not add up, or MathJax is missing.
    """
    plans = {path: teaching_plan.plan(path) for path in web.lessons()}
    for path, plan in plans.items():
        for sentence in plan.disagreements():
            raise ValueError(f"{path.name}: {sentence}")
    course = grading(hidden)
    total = sum(plan.minutes for plan in plans.values())
    for_students = {**common("student"), **lessons(student), "README.md": readme("student", plans)}
    for_instructors = {
        **common("instructor"),
        **lessons(instructor),
        **{f"grading/{name}": content for name, content in course.items()},
        "teaching_plan.md": teaching_plan.page(list(plans.values())).encode(),
    }
    docs = "".join(
        f"| [{name}]({name}) | {title(content)} |\n"
        for name, content in sorted(for_instructors.items())
        if name.startswith("docs/") and name.endswith(".md")
    )
    hours = f"{total // 60} hours and {total % 60} minutes in all"
    for_instructors["README.md"] = readme("instructor", plans, hours=hours, docs=docs)
    return for_students, for_instructors, course


def title(page):
    """The first heading of a page."""
    return page.decode().splitlines()[0].lstrip("# ")


def pack(path, contents):
    """Write a zip file in which all files lie in one folder of its own name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{path.stem}/{name}", DATE)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content)


def build(out, hidden=False):
    """Write both archives and the course folder into `out`; returns their paths."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; name a folder")
    out.mkdir(parents=True, exist_ok=True)
    for_students, for_instructors, course = editions(hidden)
    made = out / "rlcourse-student.zip", out / "rlcourse-instructor.zip", out / "grading"
    pack(made[0], for_students)
    pack(made[1], for_instructors)
    for name, content in course.items():
        target = made[2] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=web.BUILD / "editions", help="the folder for them")
    parser.add_argument("--hidden-tests", action="store_true", help="keep the cells that grade from students")
    arguments = parser.parse_args()
    try:
        made = build(arguments.out, arguments.hidden_tests)
    except (ValueError, OSError) as error:
        sys.exit(f"No editions were made: {error}")
    for path in made:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB" if path.is_file() else f"{path}: nbgrader's course folder")


if __name__ == "__main__":
    main()
