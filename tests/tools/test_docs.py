"""README and CONTRIBUTING keep their word: the commands exist, links lead somewhere, the samples run."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from PIL import Image

import figures
import rlcourse as rl
from rlcourse.course import index, order, quiz
from rlcourse.course.figures import style

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md")


@pytest.fixture(params=PAGES)
def page(request):
    return (ROOT / request.param).read_text(encoding="utf-8")


def blocks(page, language):
    """The fenced samples of a page in one language, "" for none."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.M | re.S)
    return [body for name, body in fenced if name == language]


def text_of(page):
    """A page without its samples."""
    return re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)


# ---------------------------------------------------------------- commands and links


def test_the_two_commands_come_first():
    first = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "bash")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make lab", "make test"]


def test_every_make_command_is_a_target(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    named = set(re.findall(r"`make ([a-z]+)", page))
    assert named and named <= targets, named - targets


def test_the_list_of_targets_has_a_heading_for_each_reader():
    done = subprocess.run(
        ["make", "--no-print-directory", "help", "VENV=none"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    groups, reader = {}, ""
    for line in done.stdout.splitlines():
        if line.startswith("  make "):
            groups[reader].append(line.split()[1])
        elif line:
            reader = line.rpartition("(")[2].rstrip(")")
            groups[reader] = []
    assert list(groups) == ["student", "instructor", "maintainer"]
    assert "lab" in groups["student"] and "present" in groups["instructor"] and "test" in groups["maintainer"]
    targets = re.findall(r"^([a-z]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    assert sorted(target for group in groups.values() for target in group) == sorted(targets)


def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        if "screenshot" in path or "://" in path:
            continue  # taken by a script in a browser, as the next test asks; or somewhere else
        file = ROOT / path
        assert file.exists(), f"{target} does not exist"
        if anchor:
            headings = re.findall(r"^#+ +(.+)$", file.read_text(encoding="utf-8"), flags=re.M)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_screenshot_of_the_readme_is_the_one_that_the_script_takes():
    picture = "assets/screenshot-advantage.png"
    assert f"({picture})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert Path(picture).name in (ROOT / "tools" / "screenshot.py").read_text(encoding="utf-8")


def test_every_picture_has_a_description(page):
    for words in re.findall(r"!\[([^\]]*)\]", page):
        assert len(words.split()) >= 5


def test_every_file_that_is_named_exists(page):
    for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)*/[\w.-]*|[\w-]+\.(?:py|yml|md))`", text_of(page)):
        if "NN" in name or name.startswith(("build/", "web/node_modules")):
            continue
        homes = (
            ROOT,
            ROOT / "rlcourse",
            *map(order.folder, order.LESSONS),
        )  # a lesson's file stands for all of its name
        assert any((home / name).exists() for home in homes), name


def test_every_public_name_exists(page):
    for name in re.findall(r"`?\brl\.(\w+)", page):
        assert hasattr(rl, name), f"rl.{name}"


# ---------------------------------------------------------------- samples


@pytest.mark.parametrize("name", PAGES)
def test_the_python_samples_run(name, tmp_path):
    samples = blocks((ROOT / name).read_text(encoding="utf-8"), "python")
    assert samples
    done = subprocess.run(
        [sys.executable, "-c", "\n\n".join(samples)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    if name == "README.md":
        assert "Reinforce on CartPole-v1" in done.stdout
        assert (tmp_path / "shootout.html").stat().st_size > 10_000


def test_the_quiz_sample_is_a_question(tmp_path):
    (sample,) = blocks((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), "toml")
    (lesson,) = {name.split("-")[0] for name in tomllib.loads(sample)}
    path = tmp_path / lesson / "quiz.toml"
    path.parent.mkdir()
    path.write_text(sample, encoding="utf-8")
    assert list(quiz.read(path)) == [f"{lesson}-1"]


def test_the_metadata_samples_are_json(page):
    for sample in blocks(page, "json"):
        assert json.loads(sample)


def test_the_student_copy_holds_no_solutions(tmp_path):
    (command,) = [b for b in blocks((ROOT / "README.md").read_text(encoding="utf-8"), "bash") if "nbconvert" in b]
    words = re.sub(r"\\\n", " ", command).split()
    options = [re.sub(r'"', "", word) for word in re.findall(r"--TagRemove\S+?=(?:\"[^\"]*\"|\S+)", command)]
    assert words[1:4] == ["nbconvert", "--to", "notebook"]
    source = ROOT / "notebooks" / order.notebook("start_here")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "jupyter",
            "nbconvert",
            "--to",
            "notebook",
            "--output-dir",
            str(tmp_path),
            str(source),
            *options,
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    copy = nbformat.read(tmp_path / source.name, as_version=4)
    tags = {tag for cell in copy.cells for tag in cell.metadata.get("tags", [])}
    assert "exercise" in tags
    assert not tags & {"solution", "instructor"}


# ---------------------------------------------------------------- what is here now


def test_the_readme_lists_every_lesson():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d\d) [^\]]*\]\(notebooks/(\S+)\) \|", page, flags=re.M)
    assert rows == [(order.number(lesson), order.notebook(lesson)) for lesson in order.LESSONS]


def test_the_plan_of_the_house_is_the_house():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (plan,) = blocks(page, "")
    for line in plan.splitlines():
        indent, names = re.match(r"( *)([\w/]+(?:, \w+)*)", line).groups()
        for name in names.split(", "):
            path = ROOT / ("rlcourse" if indent else "") / name
            assert path.is_dir() or path.with_suffix(".py").exists(), name


# ---------------------------------------------------------------- figures


PINS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
DRAWN_WITH = re.search(r"^matplotlib==(\d+\.\d+)", PINS, flags=re.M)[1]


@pytest.mark.skipif(
    not matplotlib.__version__.startswith(f"{DRAWN_WITH}."),
    reason=f"the figures were drawn with Matplotlib {DRAWN_WITH}, and others set text differently",
)
@pytest.mark.parametrize("row", figures.FIGURES, ids=lambda row: row.id)
def test_a_figure_is_what_its_explorer_draws(row):
    """Fonts differ by a hair between machines, so the stored picture may too; another picture may not."""
    stored = np.asarray(Image.open(row.path).convert("RGB"), dtype=float)
    drawn = np.asarray(style.pixels(row.draw()), dtype=float)
    assert stored.shape == drawn.shape, "run `make figures`"
    assert np.abs(stored - drawn).mean() < 2, "run `make figures`"


def test_the_picture_of_the_readme_moves_and_is_small():
    assert f"(assets/{figures.MOVING.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
    with Image.open(figures.MOVING) as film:
        assert film.n_frames >= 10 and film.width == figures.WIDTH
    assert figures.MOVING.stat().st_size < 500_000


def test_every_figure_has_a_row_in_the_index_and_every_file_a_figure():
    assert {row.id for row in figures.FIGURES} <= set(index.load())
    names = {row.path.name for row in figures.FIGURES} | {"screenshot-advantage.png"}
    names |= {path.name for path in (figures.MOVING, figures.FAVICON, figures.PREVIEW)}
    assert {path.name for path in figures.ASSETS.iterdir()} <= names
