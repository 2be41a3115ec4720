"""What stands around the lessons: the page for instructors, the glossary, and what a host needs to publish a fork."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

import rlcourse as rl
import teaching_plan
from rlcourse import explorers, index, quiz
from rlcourse.explorers.shell import Explorer

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
INSTRUCTORS = (ROOT / "docs" / "for_instructors.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.M))
MINUTES = (45, 90, 180)


# ---------------------------------------------------------------- reading the pages


def tables(page):
    """Every table of a page: a list of rows, each a list of entries, the head first."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", page, flags=re.M):
        rows = [[entry.strip() for entry in re.split(r"(?<!\\)\|", line.strip("|\n"))] for line in block.splitlines()]
        found.append([rows[0], *rows[2:]])
    return found


def section(page, title):
    """The part of a page under the heading that begins so, its own heading included."""
    (found,) = re.findall(rf"^## {title}.*?(?=^## |\Z)", page, flags=re.M | re.S)
    return found


def plan(text):
    """The table of minutes in a section: minutes of the session -> (those of every part, their stated sum)."""
    (table,) = [table for table in tables(text) if "45" in table[0]]
    *rows, last = table[1:]
    assert last[0] == "**together**"
    columns = {int(head): at for at, head in enumerate(table[0]) if head.isdigit()}
    return {minutes: ([int(row[at] or 0) for row in rows], last[at]) for minutes, at in columns.items()}


def disagreements(page):
    """Sentences about plans of the instructors' page whose minutes do not add up, or differ from the lessons' notes."""
    for title in ("The whole course", *(f"Lesson {number}" for number in index.NOTEBOOKS)):
        columns = plan(section(page, title))
        if missing := set(MINUTES) - columns.keys():
            yield f"{title} has no plan for {missing}"
        for minutes, (parts, said) in columns.items():
            if sum(parts) != minutes:
                yield f"{title}: the parts of {minutes} minutes add up to {sum(parts)}"
            if said != f"**{minutes}**":
                yield f"{title}: the parts of {minutes} minutes are said to add up to {said}"
    for number, name in index.NOTEBOOKS.items():
        own = teaching_plan.plan(ROOT / "notebooks" / name)
        here, _ = plan(section(page, f"Lesson {number}")).get(own.minutes, ([], ""))
        if [minutes for minutes in here if minutes] != [part.minutes for part in own.parts]:
            yield f"Lesson {number}: {own.minutes} minutes are divided otherwise than in the notes of the lesson"


# ---------------------------------------------------------------- the page for instructors


def test_the_minutes_of_every_plan_add_up():
    assert list(disagreements(INSTRUCTORS)) == []


@pytest.mark.parametrize(("old", "new", "noticed"), [
    ("three ones | 13 | 13 |", "three ones | 12 | 13 |", "Lesson 03: the parts of 45 minutes add up to 44"),
    ("three ones | 13 | 13 |", "three ones | 13 | 14 |", "Lesson 03: 75 minutes are divided otherwise"),
    ("| part | 45 | 90 | 180 |", "| part | 45 | 80 | 180 |", "Lesson 08 has no plan for {90}"),
    ("| **45** | **60** |", "| **45** | **61** |", "Lesson 01: the parts of 60 minutes are said to add up to **61**"),
])  # fmt: skip
def test_a_plan_that_does_not_add_up_is_noticed(old, new, noticed):
    doctored = INSTRUCTORS.replace(old, new)
    assert doctored != INSTRUCTORS
    assert any(noticed in sentence for sentence in disagreements(doctored)), list(disagreements(doctored))


def test_every_explorer_of_the_page_is_one_and_belongs_to_the_lesson():
    names = {name for name in dir(explorers) if isinstance(getattr(explorers, name), Explorer)}
    used = {}
    for number, name in index.NOTEBOOKS.items():
        notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
        cells = [cell.source for cell in notebook.cells if "explorer" in cell.metadata.get("tags", [])]
        used[number] = {found for source in cells for found in re.findall(r"explorers\.(\w+)", source)}
    for number in index.NOTEBOOKS:
        text = section(INSTRUCTORS, f"Lesson {number}")
        minutes = next(table for table in tables(text) if "45" in table[0])
        opened = {name for row in minutes for name in re.findall(r"`(\w+)`", row[-1])}
        assert opened <= names, opened - names
        assert opened == used[number], f"lesson {number}: {opened ^ used[number]}"
    for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", INSTRUCTORS):
        assert name in names, name


def test_every_misconception_stands_in_the_section_of_each_of_its_lessons():
    rows = [row for row in index.load().values() if row.kind == "MIS"]
    assert rows
    for row in rows:
        for lesson in row.lessons:
            assert row.id in section(INSTRUCTORS, f"Lesson {lesson}"), f"{row.id} in lesson {lesson}"


def test_every_question_that_is_named_can_be_asked():
    for name in re.findall(r"\b(\d\d-\d+)\b", INSTRUCTORS):
        assert name in quiz.load(name[:2]), name


def test_every_exercise_that_is_named_exists():
    for number, name in index.NOTEBOOKS.items():
        text = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
        for exercise in re.findall(r"\bE\d\b", section(INSTRUCTORS, f"Lesson {number}")):
            assert re.search(rf"### {exercise}\.|\b{exercise}\b", text), f"{exercise} of lesson {number}"


def test_the_hours_of_the_course_are_said_once():
    total = sum(teaching_plan.plan(ROOT / "notebooks" / name).minutes for name in index.NOTEBOOKS.values())
    said = f"{total // 60} hours and {total % 60} minutes"
    assert said in INSTRUCTORS
    assert said in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


# ---------------------------------------------------------------- the glossary


def first_column(table):
    return [row[0] for row in table[1:]]


def symbols(entries):
    """The formulas of a column, one by one: `$s_t,\\ a_t$` is two."""
    return {part.strip() for entry in entries for part in re.split(r",\\ |\$,? ?\$?", entry)} - {""}


def test_every_symbol_of_the_card_is_in_the_glossary():
    notebook = nbformat.read(ROOT / "notebooks" / index.NOTEBOOKS["00"], as_version=4)
    (card,) = [table for cell in notebook.cells for table in tables(cell.source + "\n") if table[0][0] == "symbol"]
    here = symbols(entry for table in tables(GLOSSARY) for entry in first_column(table))
    wanted = symbols(first_column(card))
    assert len(wanted) > 30
    assert wanted - here == set()


def test_every_row_of_the_glossary_is_whole_and_names_its_lesson():
    for table in tables(GLOSSARY):
        for row in table[1:]:
            assert len(row) == len(table[0]), row
            lessons = re.findall(r"\[(\d\d)\]\(\.\./notebooks/([^)]+)\)", row[-1])
            assert lessons, row
            assert all(index.NOTEBOOKS[number] == name for number, name in lessons), row


def test_a_term_stands_once_in_order_and_in_its_lesson():
    (table,) = [table for table in tables(GLOSSARY) if table[0][0] == "term"]
    terms = first_column(table)
    assert terms == sorted(set(terms), key=str.lower)
    assert len(terms) >= 80
    for row in table[1:]:
        assert len(row[1].split()) > 2 and row[1].endswith("."), row


def test_every_public_name_of_the_glossary_exists():
    for name in re.findall(r"`rl\.([\w.]+)`", GLOSSARY):
        part = rl
        for step in name.split("."):
            part = getattr(part, step)


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_every_link_of_the_docs_leads_somewhere(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        assert (page.parent / path).exists(), link
        assert not anchor, "an anchor differs between a code host and the book"


def test_every_make_command_of_the_docs_is_a_target():
    for page in DOCS:
        named = set(re.findall(r"`make ([a-z]+)", page.read_text(encoding="utf-8")))
        assert named <= TARGETS, named - TARGETS


def test_the_readme_names_every_make_target():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"make ([a-z]+)", page)) >= TARGETS - {"help"}


# ---------------------------------------------------------------- the workflow


JOBS = yaml.safe_load(WORKFLOW)["jobs"]


def steps(*jobs):
    """The steps of some jobs of the workflow; of all if none is named."""
    return [step for job in jobs or JOBS for step in JOBS[job]["steps"]]


def test_the_workflow_uses_pinned_major_versions():
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", action), action


def test_the_workflow_runs_what_a_maintainer_can_run():
    commands = [step["run"].strip() for step in steps("check", "publish") if "run" in step]
    assert commands[0] == ".ci/run"
    for command in commands[1:]:
        target = re.fullmatch(r"make (\w+)", command)
        assert target and target[1] in TARGETS, command


def test_only_the_main_branch_is_published_and_only_after_the_check():
    workflow = yaml.safe_load(WORKFLOW)
    assert {"push", "pull_request"} <= set(workflow[True])  # YAML reads the word `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    publish = workflow["jobs"]["publish"]
    assert publish["needs"] == "check"
    assert "default_branch" in publish["if"] and "pull_request" in publish["if"]
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}


def test_what_is_uploaded_is_what_make_builds():
    paths = [step["with"]["path"] for step in steps() if "upload" in step.get("uses", "")]
    assert sorted(paths) == ["build/editions", "build/site"]
    for path in paths:
        assert path in MAKEFILE


def test_the_python_of_the_workflow_is_the_one_that_was_pinned():
    version = next(step["with"]["python-version"] for step in steps("check") if "setup-python" in step.get("uses", ""))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={version}"


def test_the_workflow_tries_every_python_and_the_lowest_and_newest_packages():
    tried = JOBS["versions"]["strategy"]["matrix"]["include"]
    assert {one["python"] for one in tried} == {"3.11", "3.12", "3.13", "3.14"}
    assert {one["os"].partition("-")[0] for one in tried} == {"ubuntu", "macos", "windows"}
    assert {one["packages"] for one in tried} == {
        "--resolution lowest-direct", "-c constraints.txt", "--resolution highest"
    }  # fmt: skip
    commands = [*(step.get("run", "") for step in steps("versions")), *(one.get("without", "") for one in tried)]
    left_out = re.findall(r"--ignore=(\S+)", " ".join(commands))
    assert left_out and [path for path in left_out if not (ROOT / path).exists()] == []


def test_binder_opens_the_first_lesson_with_the_settings_of_the_course():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (path,) = re.findall(r"OWNER/REPOSITORY/HEAD\?urlpath=lab/tree/(\S+)", page)
    assert (ROOT / path).name == index.NOTEBOOKS["00"] and (ROOT / path).exists()
    start = ROOT / "start"
    assert os.access(start, os.X_OK)
    said = subprocess.run([start, "sh", "-c", "echo $JUPYTER_CONFIG_PATH"], capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip(), "labconfig", "default_setting_overrides.json").exists()
    # A folder of this name would make Binder overlook environment.yml.
    assert not (ROOT / "binder").exists() and not (ROOT / ".binder").exists()


def test_nobody_is_named():
    for path in (*DOCS, ROOT / ".github" / "workflows" / "course.yml", ROOT / "start"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"https?://\S+", text) == []


# ---------------------------------------------------------------- .ci/run

VERDICTS = {
    "test": "======== 2 skipped, 900 passed, 1 warning in 900.50s (0:15:00) ========",
    "testnumbers": "==== 20 passed in 7.00s ====\n==== 20 passed in 8.00s ====",  # once for each of two processors
    "testweb": "======== 50 passed, 3 warnings in 99.25s (0:01:39) ========",
}


def run_ci(folder, have=("chromium", "npm", "apt-get"), **makes):
    """.ci/run in a folder of its own, with a `make` that only says a verdict; the lines, and the exit status.

    `makes`: target -> (exit status, what it says), for those that do not succeed.
    """
    (folder / ".ci").mkdir(parents=True)
    (folder / ".venv").mkdir()
    tools = folder / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "dirname", "rm", "mktemp", "tee", "awk", "id", "env", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    said = {target: makes.get(target, (0, verdict)) for target, verdict in VERDICTS.items()}
    cases = "\n".join(f"{target}) echo '{words}'; exit {code};;" for target, (code, words) in said.items())
    make = f"case $1 in\n{cases}\nesac"
    for name, body in {"make": make, "sudo": '"$@"', **{name: f"echo {name} $*" for name in have}}.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    script = folder / ".ci" / "run"
    done = subprocess.run([script], env={"PATH": str(tools)}, capture_output=True, text=True, timeout=60)
    assert not (folder / ".venv").exists()
    return done.stdout.splitlines(), done.returncode


def test_the_last_line_is_the_verdict_on_all(tmp_path):
    lines, status = run_ci(tmp_path)
    assert status == 0
    assert lines[-1] == "======== 990 passed, 2 skipped, 4 warnings in 1014.75s ========"


def test_a_failure_ends_the_run_and_is_the_verdict(tmp_path):
    lines, status = run_ci(tmp_path / "a", test=(2, "==== 1 failed, 9 passed, 1 error in 5.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 1 failed, 9 passed, 1 error in 5.00s ========"
    lines, status = run_ci(tmp_path / "b", testweb=(2, "==== 3 failed, 9 passed in 5.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 3 failed, 949 passed, 2 skipped, 1 warning in 920.50s ========"
    lines, status = run_ci(tmp_path / "c", testnumbers=(2, "==== 20 passed in 7.00s ====\n==== 1 failed in 2.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 1 failed, 920 passed, 2 skipped, 1 warning in 909.50s ========"


@pytest.mark.parametrize("target", VERDICTS)
def test_a_run_without_tests_is_never_a_success(target, tmp_path):
    lines, status = run_ci(tmp_path, **{target: (2, "npm: not today")})
    assert status == 2
    assert lines[-1] == f"make {target} ended before the tests began."


@pytest.mark.parametrize(("have", "installed"), [
    (("chromium", "apt-get"), "nodejs npm"),
    (("npm", "apt-get"), "chromium"),
    (("apt-get",), "chromium nodejs npm"),
])  # fmt: skip
def test_what_is_missing_is_installed_by_apt(have, installed, tmp_path):
    lines, status = run_ci(tmp_path, have=have)
    assert status == 0
    assert f"apt-get install -y -qq --no-install-recommends {installed}" in lines
