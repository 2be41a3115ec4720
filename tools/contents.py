"""Write what is made from the lessons' folders, in their order: what `make contents` runs.

Every lesson's links to the places where it can be opened, and its first cell, which installs the course there; the
README's addresses, badges and table, the table of contents in the first lesson, the page for instructors, and the
glossary. A lesson's folder holds about.toml (title, question, what it teaches) and teaching.md (its section of the
instructors' page); the general part of that page and the glossary lie in rlcourse/course. In all of them [[gae]] stands
for a link.

    python tools/contents.py            # write them
    python tools/contents.py --check    # say what is out of date, and write nothing
"""

import argparse
import json
import re
import tomllib
from pathlib import Path

import teaching_plan
from rlcourse.course import order

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
INSTRUCTORS, GLOSSARY = ROOT / "docs" / "for_instructors.md", ROOT / "docs" / "glossary.md"
COURSE = order.FOLDER.parent / "course"
BEGIN, END = "<!-- lessons: made by `make contents` -->", "<!-- end of lessons -->"


def about(lesson):
    """The title of a lesson, the question it answers, and what one is able to do after it."""
    return tomllib.loads((order.folder(lesson) / "about.toml").read_text(encoding="utf-8"))


def minutes(lesson):
    """What its head and its plan say that it takes in class."""
    return teaching_plan.plan(ROOT / "notebooks" / order.notebook(lesson)).minutes


def readme_table():
    rows = ["| lesson | you will be able to |", "|:--|:--|"]
    for lesson in order.LESSONS:
        title = f"{order.number(lesson)} {about(lesson)['title']}"
        rows.append(f"| [{title}](notebooks/{order.notebook(lesson)}) | {about(lesson)['able']} |")
    return "\n".join(rows)


def contents_table():
    rows = ["| lesson | what it answers | minutes |", "|:--|:--|--:|"]
    for lesson in order.LESSONS:
        name = f"{order.number(lesson)} {about(lesson)['title']}"
        linked = f"**{name}**" if lesson == order.LESSONS[0] else f"[{name}]({order.notebook(lesson)})"
        rows.append(f"| {linked} | {about(lesson)['asks']} | {minutes(lesson)} |")
    return "\n".join(rows)


# ---------------------------------------------------------------- where a lesson can be opened

ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["rlcourse"]
PLACEHOLDER = "OWNER/REPOSITORY"
"""What stands for the repository as long as nobody has published the course: links are not made from it."""
OPEN, OPENED = "<!-- where to open it: made by `make contents` -->", "<!-- end of where -->"
PLACES = {
    "Colab": "https://colab.research.google.com/github/{repository}/blob/{branch}/{path}",
    "Binder": "https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{path}",
    "Kaggle": "https://www.kaggle.com/kernels/welcome?src=https://github.com/{repository}/blob/{branch}/{path}",
}
BADGES = {
    "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
    "Binder": "https://mybinder.org/badge_logo.svg",
    "Kaggle": "https://kaggle.com/static/images/open-in-kaggle.svg",
}
HOST = "https://github.com/{repository}"
BOOK = "https://{owner}.github.io/{name}/"
SETUP = """\
# At home this cell does nothing. In Colab or Kaggle it installs the course,
# and replaces nothing that is there.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("rlcourse") is None:
    source = "git+https://github.com/{repository}@{branch}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", source], check=True)"""


def places(path, address=ADDRESS):
    """Links to a notebook in every place that can open it, in a line."""
    links = [f"[{name}]({link.format(path=path, **address)})" for name, link in PLACES.items()]
    return f"{OPEN}\nOpen this lesson in {', '.join(links[:-1])} or {links[-1]}.\n{OPENED}"


def badges(address=ADDRESS):
    """The book's address, and badges: the first lesson in every place that can open it, and the state of the tests."""
    owner, _, name = address["repository"].partition("/")
    first = f"notebooks/{order.notebook(order.LESSONS[0])}"
    checks = f"{HOST.format(**address)}/actions/workflows/course.yml"
    lines = [
        f"[![Open the first lesson in {place}]({BADGES[place]})]({link.format(path=first, **address)})"
        for place, link in PLACES.items()
    ]
    lines.append(f"[![What the tests say today]({checks}/badge.svg)]({checks})")
    book = f"Read it in a browser: <{BOOK.format(owner=owner, name=name)}>"
    return "\n".join([OPEN, *lines, "", book, OPENED])


def readme(text, address=ADDRESS):
    """The README with its badges, the address to clone from, and the table of lessons."""
    if OPEN not in text or OPENED not in text:
        raise ValueError(f"the page must hold the marks {OPEN} and {OPENED}")
    text = text[: text.index(OPEN)] + badges(address) + text[text.index(OPENED) + len(OPENED) :]
    text = re.sub(r"(?<=git clone )[^\s;]+", HOST.format(**address), text)
    return between(text, readme_table())


def equipped(notebook, name, address=ADDRESS):
    """A lesson with its links at the end of its first cell, and after that the cell that installs the course.

    Args:
        notebook: the cells and metadata, as in the file; it is changed.
        name: of the file in notebooks/.
        address: the repository and the branch.
    """
    first, *others = notebook["cells"]
    head = "".join(first["source"]).split(OPEN)[0].rstrip()
    first["source"] = f"{head}\n\n{places(f'notebooks/{name}', address)}".splitlines(keepends=True)
    others = [cell for cell in others if "setup" not in cell["metadata"].get("tags", ())]
    setup = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "setup",
        "metadata": {"slideshow": {"slide_type": "skip"}, "tags": ["setup"]},
        "outputs": [],
        "source": SETUP.format(**address).splitlines(keepends=True),
    }
    for count, cell in enumerate((cell for cell in others if cell["cell_type"] == "code"), start=2):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count
    notebook["cells"] = [first, setup, *others]
    return notebook


def between(text, table):
    """A text with the table between its two marks."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"the page must hold the marks {BEGIN} and {END}")
    return f"{text[: text.index(BEGIN)]}{BEGIN}\n\n{table}\n\n{text[text.index(END) :]}"


def linked(text, folder="../notebooks/"):
    """A text in which [[gae]] has become a link to that lesson, called by its number."""
    return re.sub(r"\[\[(\w+)\]\]", lambda m: f"[{order.number(m[1])}]({folder}{order.notebook(m[1])})", text)


def instructors_page():
    """The general part, then a section per lesson."""
    each = [minutes(lesson) for lesson in order.LESSONS]
    words = {
        "LESSONS": str(len(each)),
        "HOURS": f"{sum(each) // 60} hours and {sum(each) % 60} minutes",
        "MINUTES": f"{', '.join(map(str, each[:-1]))} and {each[-1]} minutes",
    }
    general = (COURSE / "teaching.md").read_text(encoding="utf-8")
    sections = [re.sub(r"\b(LESSONS|HOURS|MINUTES)\b", lambda m: words[m[0]], general).rstrip()]
    for lesson in order.LESSONS:
        text = (order.folder(lesson) / "teaching.md").read_text(encoding="utf-8").strip()
        text = text.replace("NOTEBOOK", f"../notebooks/{order.notebook(lesson)}")
        sections.append(f"## {order.number(lesson)} {about(lesson)['title']}\n\n{text}")
    return linked("\n\n".join(sections) + "\n")


def pages():
    """Every page that is made: path -> what it should hold."""
    made = {}
    for lesson in order.LESSONS:
        path = ROOT / "notebooks" / order.notebook(lesson)
        notebook = equipped(json.loads(path.read_text(encoding="utf-8")), path.name)
        for cell in notebook["cells"]:
            text = "".join(cell["source"])
            if BEGIN in text:
                cell["source"] = between(text, contents_table()).splitlines(keepends=True)
        made[path] = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return made | {
        README: readme(README.read_text(encoding="utf-8")),
        INSTRUCTORS: instructors_page(),
        GLOSSARY: linked((COURSE / "glossary.md").read_text(encoding="utf-8")),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, only say what is out of date")
    check = parser.parse_args().check
    stored = {path: path.read_text(encoding="utf-8") if path.exists() else "" for path in pages()}
    stale = {path: text for path, text in pages().items() if text != stored[path]}
    for path, text in stale.items():
        print(f"{path.relative_to(ROOT)} {'is out of date: run make contents' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and check else 0


if __name__ == "__main__":
    raise SystemExit(main())
