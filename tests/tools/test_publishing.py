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

import contents
import rlcourse as rl
import teaching_plan
import web
from rlcourse.course import catalog, index, order, quiz

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
INSTRUCTORS = (ROOT / "docs" / "for_instructors.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.M))
MINUTES = (45, 90, 180)
GAE = "03 Generalized advantage estimation"


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
    table = next(table for table in tables(text) if table[-1][0] == "**together**")
    *rows, last = table[1:]
    assert last[0] == "**together**"
    columns = {int(head): at for at, head in enumerate(table[0]) if head.isdigit()}
    return {minutes: ([int(row[at] or 0) for row in rows], last[at]) for minutes, at in columns.items()}


def heading(lesson):
    """The heading of a lesson on the instructors' page."""
    return f"{order.number(lesson)} {contents.about(lesson)['title']}"


def disagreements(page):
    """Sentences about plans of the instructors' page whose minutes do not add up, or differ from the lessons' notes."""
    for title in ("The whole course", *map(heading, order.LESSONS)):
        columns = plan(section(page, title))
        if title == "The whole course" and columns.keys() != set(MINUTES):
            yield f"{title} has plans for {columns.keys()} minutes"
        for minutes, (parts, said) in columns.items():
            if sum(parts) != minutes:
                yield f"{title}: the parts of {minutes} minutes add up to {sum(parts)}"
            if said != f"**{minutes}**":
                yield f"{title}: the parts of {minutes} minutes are said to add up to {said}"
    for lesson in order.LESSONS:
        own = teaching_plan.plan(ROOT / "notebooks" / order.notebook(lesson))
        here, _ = plan(section(page, heading(lesson))).get(own.minutes, ([], ""))
        if [minutes for minutes in here if minutes] != [part.minutes for part in own.parts]:
            yield f"{heading(lesson)}: {own.minutes} minutes are divided otherwise than in the notes of the lesson"


# ---------------------------------------------------------------- the page for instructors


def test_the_minutes_of_every_plan_add_up():
    assert list(disagreements(INSTRUCTORS)) == []


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        (
            "4 who gets the weight at the end | 6 | 8 |",
            "4 who gets the weight at the end | 5 | 8 |",
            f"{GAE}: the parts of 45 minutes add up to 44",
        ),
        (
            "4 who gets the weight at the end | 6 | 8 |",
            "4 who gets the weight at the end | 6 | 9 |",
            f"{GAE}: 90 minutes are divided otherwise",
        ),
        ("| what | 45 | 90 | 180 |", "| what | 45 | 80 | 180 |", "The whole course has plans for"),
        (
            "| **45** | **60** |",
            "| **45** | **61** |",
            ": the parts of 60 minutes are said to add up to **61**",
        ),
    ],
)
def test_a_plan_that_does_not_add_up_is_noticed(old, new, noticed):
    doctored = INSTRUCTORS.replace(old, new)
    assert doctored != INSTRUCTORS
    assert any(noticed in sentence for sentence in disagreements(doctored)), list(disagreements(doctored))


def test_every_explorer_of_the_page_is_one_and_belongs_to_the_lesson():
    names = set(catalog.explorers())
    for lesson in order.LESSONS:
        notebook = nbformat.read(ROOT / "notebooks" / order.notebook(lesson), as_version=4)
        cells = [cell.source for cell in notebook.cells if "explorer" in cell.metadata.get("tags", [])]
        used = {found for source in cells for found in re.findall(r"explorers\.(\w+)", source)}
        text = section(INSTRUCTORS, heading(lesson))
        minutes = next(table for table in tables(text) if table[-1][0] == "**together**")
        opened = {name for row in minutes for name in re.findall(r"`(\w+)`", row[-1])}
        assert opened <= names, opened - names
        assert opened == used, f"{lesson}: {opened ^ used}"
    for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", INSTRUCTORS):
        assert name in names, name


def test_every_misconception_stands_in_the_section_of_each_of_its_lessons():
    rows = [row for row in index.load().values() if row.kind == "MIS"]
    assert rows
    for row in rows:
        for lesson in row.lessons:
            assert row.id in section(INSTRUCTORS, heading(lesson)), f"{row.id} in {lesson}"


def test_every_question_that_is_named_can_be_asked():
    named = re.findall(rf"\b((?:{'|'.join(order.LESSONS)})-\d+)\b", INSTRUCTORS)
    assert named
    for name in named:
        assert quiz.find(name).id == name


def test_every_exercise_that_is_named_exists():
    for lesson in order.LESSONS:
        text = (ROOT / "notebooks" / order.notebook(lesson)).read_text(encoding="utf-8")
        for exercise in re.findall(r"\bE\d\b", section(INSTRUCTORS, heading(lesson))):
            assert re.search(rf"### {exercise}\.", text), f"{exercise} of {lesson}"


def test_what_is_made_from_the_folders_of_the_lessons_is_up_to_date():
    stale = [path.name for path, text in contents.pages().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run make contents"


@pytest.mark.parametrize("lesson", order.LESSONS)
def test_a_lesson_has_one_title(lesson):
    title = contents.about(lesson)["title"]
    assert web.heading(ROOT / "notebooks" / order.notebook(lesson)) == (order.number(lesson), title)


# ---------------------------------------------------------------- the glossary


def first_column(table):
    return [row[0] for row in table[1:]]


def symbols(entries):
    """The formulas of a column, one by one: `$s_t,\\ a_t$` is two."""
    return {part.strip() for entry in entries for part in re.split(r",\\ |\$,? ?\$?", entry)} - {""}


def test_every_symbol_of_the_card_is_in_the_glossary():
    notebook = nbformat.read(ROOT / "notebooks" / order.notebook("start_here"), as_version=4)
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
            assert all(
                order.notebook(order.lesson_of(name)) == name and name.startswith(number) for number, name in lessons
            ), row


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
        "--resolution lowest-direct",
        "-c constraints.txt",
        "--resolution highest",
    }
    commands = [*(step.get("run", "") for step in steps("versions")), *(one.get("without", "") for one in tried)]
    left_out = re.findall(r"--ignore=(\S+)", " ".join(commands))
    assert left_out and [path for path in left_out if not (ROOT / path).exists()] == []


AUDIT = "pip install pip-audit && pip-audit --requirement constraints.txt --no-deps --disable-pip"


def unaudited(workflow):
    """Why the pins would not be held against the list of known holes at every push, or why a hole would go unseen."""
    job = yaml.safe_load(workflow)["jobs"].get("audit", {"steps": []})
    for one in (job, *job["steps"]):
        yield from (f"`{word}` hides it" for word in ("if", "continue-on-error", "needs") if word in one)
    commands = [str(step["run"]).strip() for step in job["steps"] if "run" in step]
    if AUDIT not in commands:
        yield f"nothing runs pip-audit on constraints.txt, only {commands}"


def test_the_pins_are_held_against_the_list_of_known_holes():
    assert list(unaudited(WORKFLOW)) == []
    assert (ROOT / "constraints.txt").exists()


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        (AUDIT, "true", "only ['True']"),
        (AUDIT, f"{AUDIT} || true", "nothing runs pip-audit"),
        (" constraints.txt --no-deps", " constraints-colab.txt --no-deps", "nothing runs pip-audit"),
        ("\n  audit:\n", "\n  other:\n", "only []"),
        ("\n  audit:\n", "\n  audit:\n    continue-on-error: true\n", "`continue-on-error` hides it"),
        (f"run: {AUDIT}", f"if: false\n        run: {AUDIT}", "`if` hides it"),
    ],
)
def test_an_audit_that_finds_nothing_would_be_noticed(old, new, noticed):
    doctored = WORKFLOW.replace(old, new)
    assert doctored != WORKFLOW
    assert any(noticed in sentence for sentence in unaudited(doctored)), list(unaudited(doctored))


def test_binder_opens_the_first_lesson_with_the_settings_of_the_course():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (path,) = re.findall(r"OWNER/REPOSITORY/HEAD\?urlpath=lab/tree/(\S+)", page)
    assert (ROOT / path).name == order.notebook("start_here") and (ROOT / path).exists()
    start = ROOT / "start"
    assert os.access(start, os.X_OK)
    said = subprocess.run([start, "sh", "-c", "echo $JUPYTER_CONFIG_PATH"], capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip(), "labconfig", "default_setting_overrides.json").exists()
    # A folder of this name would make Binder overlook environment.yml.
    assert not (ROOT / "binder").exists() and not (ROOT / ".binder").exists()


def test_a_fork_gets_its_own_addresses_in_the_readme():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    moved = contents.readme(page, {"repository": "ada/course", "branch": "spring"})
    here = moved.partition("## If you are a student")[0]
    assert "OWNER" not in here and here.count("git clone https://github.com/ada/course rlcourse") == 3
    assert "<https://ada.github.io/course/>" in here
    for place in contents.PLACES:
        (link,) = re.findall(rf"\[!\[Open the first lesson in {place}\]\([^)]+\)\]\(([^)]+)\)", here)
        assert "ada/course" in link and "spring" in link and link.endswith("00_start_here.ipynb")
    assert contents.readme(moved) == page == contents.readme(page)


def test_nobody_is_named():
    for path in (*DOCS, ROOT / ".github" / "workflows" / "course.yml", ROOT / "start"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"https?://\S+", text) == []


# ---------------------------------------------------------------- .ci/run

VERDICTS = {
    "test": "======== 2 skipped, 900 passed, 1 warning in 900.50s (0:15:00) ========",
    "testnumbers": "==== 20 passed in 7.00s ====\n==== 20 passed in 8.00s ====",  # once for each of two processors
    "testweb": "======== 50 passed, 3 warnings in 99.25s (0:01:39) ========",
    "testcolab": "==== 10 passed in 100.00s (0:01:40) ====",
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
    assert lines[-1] == "======== 1000 passed, 2 skipped, 4 warnings in 1114.75s ========"


def test_a_failure_ends_the_run_and_is_the_verdict(tmp_path):
    lines, status = run_ci(tmp_path / "a", test=(2, "==== 1 failed, 9 passed, 1 error in 5.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 1 failed, 9 passed, 1 error in 5.00s ========"
    lines, status = run_ci(tmp_path / "b", testweb=(2, "==== 3 failed, 9 passed in 5.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 3 failed, 949 passed, 2 skipped, 1 warning in 920.50s ========"
    lines, status = run_ci(tmp_path / "d", testcolab=(2, "==== 1 failed, 9 passed in 5.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 1 failed, 999 passed, 2 skipped, 4 warnings in 1019.75s ========"
    lines, status = run_ci(tmp_path / "c", testnumbers=(2, "==== 20 passed in 7.00s ====\n==== 1 failed in 2.00s ===="))
    assert status == 2
    assert lines[-1] == "======== 1 failed, 920 passed, 2 skipped, 1 warning in 909.50s ========"


@pytest.mark.parametrize("target", VERDICTS)
def test_a_run_without_tests_is_never_a_success(target, tmp_path):
    lines, status = run_ci(tmp_path, **{target: (2, "npm: not today")})
    assert status == 2
    assert lines[-1] == f"make {target} ended before the tests began."


@pytest.mark.parametrize(
    ("have", "installed"),
    [
        (("chromium", "apt-get"), "nodejs npm"),
        (("npm", "apt-get"), "chromium"),
        (("apt-get",), "chromium nodejs npm"),
    ],
)
def test_what_is_missing_is_installed_by_apt(have, installed, tmp_path):
    lines, status = run_ci(tmp_path, have=have)
    assert status == 0
    assert f"apt-get install -y -qq --no-install-recommends {installed}" in lines
