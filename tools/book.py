"""The course as a web book in build/book: what `make book` runs.

    python tools/book.py                 # all of it
    python tools/book.py --out folder    # somewhere else

The lessons come from their stored outputs; nothing is executed. An explorer comes as HTML, and its pictures lie in
a file beside the page that is loaded when the explorer is touched, by a <script>, because a page opened from a folder
may load scripts and nothing else. The equation index, the claim board and the errata are written from the
course's index, each row with links to the parts of the lessons that treat it; the other pages are
in web/book and docs. The result opens from a folder and from any static server.
"""

import argparse
import base64
import dataclasses
import hashlib
import html
import inspect
import io
import json
import math
import operator
import re
import shutil
import time
import tomllib
from collections import Counter
from pathlib import Path

from nbformat.v4 import new_code_cell, new_output
from PIL import Image
from sphinx.cmd.build import build_main

import contents
import figures
import rlcourse
import web
from rlcourse.course import claims, index, order, quiz
from rlcourse.course.figures import style
from rlcourse.course.widgets import export

PAGES = web.ROOT / "web" / "book"
DOCS = web.ROOT / "docs"
FIRST = "lesson.explorers.shootout_lab"
"""The cell of the explorer on the first page."""
ABOUT = "An interactive course on deep reinforcement learning, from policy gradients to PPO, DDPG and SAC."
CHARSET = '<meta charset="utf-8" />'
HEADING = re.compile(r"#{1,6} +(.+?) *$")
QUESTION = re.compile(r"\*\*The question[^*]*\*\*\s+(.+?)\n\n", re.DOTALL)
SMALLEST_LETTERS = 9
"""Pixels of the smallest letters of a picture, on any screen."""
SUMMARY = re.compile(r"What to remember|Where the recitation notes are corrected|nstructor")
DATA = re.compile(r'<script type="application/json">(.*?)</script>\n?', re.DOTALL)
SHOWS = re.compile(r"(lesson\.explorers\.|quiz\.ask|index\.|display\(index\.|listing\.|Code\().*")
"""A cell of one line that only shows something."""
QUESTION_ID = re.compile(r"[a-z_]+-\d+")
SHARED = re.compile(r"<style>.*?</style>\n?|<script>.*?</script>\n?", re.DOTALL)
VERDICTS = {
    "true": "it holds as it is worded",
    "true if": "it holds under the condition that its wording names",
    "overstated": "something of it is left, less than is usually said",
    "false": "the measurement says the opposite, or nothing of the kind",
}


# ---------------------------------------------------------------- the lessons


class Lesson:
    """A lesson as a page of the book: its notebook made ready, its pictures, and which part treats which row."""

    def __init__(self, path):
        self.name = path.stem
        self.slug = order.lesson_of(path)
        self.number = order.number(self.slug)
        self.notebook = web.read(path)
        self.title = HEADING.match(self.notebook.cells[0].source.splitlines()[0])[1]
        self.question = " ".join(QUESTION.search(self.notebook.cells[0].source)[1].split())
        self.explorers = 0
        self.files = {}
        self.covered = {}
        """ID of the index -> (anchor, heading) of the part that treats it first."""
        self._anchors = Counter()
        self._prepare()

    def _prepare(self):
        kept, part, parts = [], None, {}
        for cell in self.notebook.cells:
            headings = self._anchor(cell) if cell.cell_type == "markdown" else []
            if headings and cell.source.startswith("("):
                part = headings[0]
            if web.tagged(cell, "instructor") or web.tagged(cell, "setup"):
                continue
            for name in cell.metadata.get("covers", ()):
                parts.setdefault(name, []).append(part)
            part = headings[-1] if headings else part
            if cell.cell_type == "code":
                self._code(cell)
            kept.append(cell)
        self.notebook.cells = kept
        for name, found in parts.items():  # where it is shown, rather than where it is summed up
            self.covered[name] = next((part for part in found if not SUMMARY.search(part[1])), found[0])

    def _anchor(self, cell):
        """Put an anchor of our own on every heading; returns (anchor, heading) of each."""
        lines, found, fenced = [], [], False
        for line in cell.source.splitlines():
            fenced ^= line.startswith("```")
            heading = None if fenced else HEADING.match(line)
            if heading:
                slug = f"{self.slug.replace('_', '-')}-{re.sub(r'[^a-z0-9]+', '-', heading[1].lower()).strip('-')}"
                self._anchors[slug] += 1
                slug += f"-{self._anchors[slug]}" * (self._anchors[slug] > 1)
                found.append((slug, heading[1]))
                lines.append(f"({slug})=")
            lines.append(line)
        cell.source = "\n".join(lines)
        return found

    def _code(self, cell):
        tags = cell.metadata.setdefault("tags", [])
        cell.source = cell.source.removeprefix("# NBVAL_CHECK_OUTPUT").lstrip("\n")  # a mark for the tests
        if web.tagged(cell, "explorer"):
            self.explorers += 1
            shown, files = explorer(cell)
            self.files |= files
            cell.outputs = [_html(shown)]
        elif web.tagged(cell, "quiz"):
            cell.outputs = [_html(question(quiz.find(QUESTION_ID.search(cell.source)[0])))]
        else:
            started = [output for output in cell.outputs if "… not started" not in str(output.get("data", ""))]
            cell.outputs = [self._output(output) for output in started]
        if SHOWS.fullmatch(cell.source):
            tags.append("remove-input")
        if web.tagged(cell, "solution"):
            tags.append("hide-cell")
            cell.metadata["mystnb"] = {"code_prompt_show": "Solution", "code_prompt_hide": "Solution"}

    def _output(self, output):
        """An output that a page can show: pictures with their sentence, code as code, links to pages."""
        data = output.get("data", {})
        if "image/png" in data and "text/html" not in data:
            return _html(self._picture(data["image/png"], data["text/plain"]))
        if "text/latex" in data:  # IPython's Code, which brings the colours of one theme only
            return _output("text/markdown", f"```python\n{data['text/plain']}\n```")
        for kind in {"text/html", "text/markdown"} & set(data):
            return _output(kind, re.sub(r'(href=")(\d\d_\w+)\.ipynb', r"\1\2.html", data[kind]))
        return output

    def _picture(self, png, said):
        raw = base64.b64decode(png)
        path = f"pictures/{self.name}-{sum(name.startswith('pictures') for name in self.files):02d}.png"
        self.files[path] = raw
        width, height = Image.open(io.BytesIO(raw)).size
        alt = html.escape(said)
        return readable(f'<img src="{path}" width="{width}" height="{height}" loading="lazy" alt="{alt}">')


def _output(kind, text):
    return new_output("display_data", {kind: text, "text/plain": ""})


def _html(text):
    return _output("text/html", text)


def explorer(cell):
    """The explorer of a cell without its pictures, style and script; and a file with the pictures: {path: text}."""
    fragment = web.explorer_html(cell)
    name, data = re.match(r'<div class="rlx" id="([^"]+)"', fragment)[1], DATA.search(fragment)[1]
    path = f"explorers/{name}.js"
    bare = SHARED.sub("", DATA.sub("", fragment))
    shown = bare.replace('<div class="rlx"', f'<div class="rlx" data-pictures="{path}"', 1)
    return readable(shown), {path: f"document.currentScript.pictures({json.dumps(data)})"}


def readable(page):
    """Pictures never so narrow that their smallest letters fall below `SMALLEST_LETTERS`: they scroll in their box."""
    drawn = style.SMALLEST_SIZE / 72 * style.DPI
    return re.sub(
        r'<img (?=[^>]*?\bwidth="(\d+)")',
        lambda found: f'<img style="min-width: {math.ceil(int(found[1]) * SMALLEST_LETTERS / drawn)}px" ',
        page,
    )


def question(asked):
    """A question of the quiz as a form; static/quiz.js judges the answers, and all of them stand in a fold."""
    facts = {"kind": asked.kind}
    if asked.kind == "number":
        wrong = [list(each.value) for each in asked.distractors]
        facts |= {"answer": list(asked.answer), "wrong": wrong, "tolerance": asked.tolerance}
        do = f'Type <span class="form">{quiz.marked(asked.form)}</span>, then press Enter or Check.'
        fields = f'<input type="text" aria-label="Answer to {asked.id}" autocomplete="off" spellcheck="false">'
        said = [("A hint", asked.hint)]
        said += [(f"If you have {quiz.values(each.value)}", each.feedback) for each in asked.distractors]
        said += [(f"The answer is {quiz.values(asked.answer)}", asked.feedback)]
    else:
        facts["right"] = [option.right for option in asked.options]
        one = asked.kind == "choice"
        do = "Choose one." if one else "Tick all that apply, then press Check."
        kind = "radio" if one else "checkbox"
        fields = "".join(
            f'<label><input type="{kind}" name="{asked.id}" aria-label="{html.escape(each.text.replace("$", ""))}"> '
            f"<span>{quiz.marked(each.text)}</span></label>"  # a formula alone would be no name for the input
            for each in asked.options
        )
        verdicts = {True: "right" if one else "tick it", False: "not this one" if one else "leave it open"}
        said = [(f"{each.text} ({verdicts[each.right]})", each.feedback) for each in asked.options]
    check = "" if asked.kind == "choice" else '<p><button type="submit">Check</button></p>'
    answers = "".join(
        f'<li><strong>{quiz.marked(about)}:</strong> <span class="said">{quiz.marked(text)}</span></li>'
        for about, text in said
    )
    return (
        f'<form class="question" data-asked="{html.escape(json.dumps(facts))}">'
        f"<p><strong>Question {asked.id}.</strong> {quiz.marked(asked.prompt)}</p>"
        f"<fieldset><legend>{do}</legend>{fields}{check}</fieldset>"
        f'<div class="reply" role="status"></div>'
        f"<details><summary>All answers</summary><ul>{answers}</ul></details></form>"
    )


# ---------------------------------------------------------------- pages from the index


def prose(text):
    """One line of the index as MyST: formulas and `code` as they are, all other signs as signs."""
    pieces = re.split(r"(\$[^$]+\$|`[^`]+`)", text)
    pieces[::2] = [re.sub(r"([\\*_\[\]<>|~#])", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def links(row, lessons):
    """The parts of the lessons that treat a row."""
    told = []
    for lesson in lessons:
        if row.id in lesson.covered:
            anchor, heading = lesson.covered[row.id]
            part = re.sub(r"^: (\d+)\. ", r", part \1: ", f": {prose(heading)}")
            told.append(f"[lesson {int(lesson.number)}{part}](#{anchor})")
    return "; ".join(told)


def by_lesson(rows, lessons, entry):
    """Rows under the title of the first lesson that treats them, each with an anchor and a heading of its own."""
    text = []
    for lesson in lessons:
        if mine := [row for row in rows if row.lessons[0] == lesson.slug]:
            text.append(f"## {lesson.title}")
            text += [f"({row.id.lower()})=\n### {row.id}\n\n{entry(row)}" for row in mine]
    return "\n\n".join(text) + "\n"


def equation_page(lessons):
    def entry(row):
        formulas = "\n\n".join(f"$$\n{part.strip()}\n$$" for part in row.latex.split("\\qquad")) if row.latex else ""
        code = f"In code: `{row.function}`. " if row.function else ""
        return f"{formulas}\n\n{prose(row.text)}\n\n{code}Treated in {links(row, lessons)}."

    rows = index.load().values()
    formulas, listings = ([row for row in rows if row.kind in kinds] for kinds in (("EQ", "EQX"), ("AL",)))
    return (
        f"# Equations and algorithms\n\nThe {len(formulas)} numbered equations of the course (EQX: those that the "
        f"lessons add to the recitation notes) and its {len(listings)} algorithms, each with the function that "
        "implements it and the parts of the lessons that treat it. An entry stands under the first of its lessons.\n\n"
        f"{by_lesson(formulas, lessons, entry)}\n"
        "## Algorithms\n\n" + "\n\n".join(f"({row.id.lower()})=\n### {row.id}\n\n{entry(row)}" for row in listings)
    )


def claim_page(lessons):
    figures = claims.results()

    def badge(verdict):
        return f'<strong class="verdict verdict-{verdict.replace(" ", "-")}">{verdict}</strong>'

    def entry(row):
        return (
            f"{badge(row.verdict)} {prose(row.text)}\n\n"
            f"Measured: {prose(index.measured(row, figures))}.\n\n"
            f"Shown in {links(row, lessons)}" + (f" (`{row.cell}`)." if " " not in row.cell else f" ({row.cell}).")
        )

    rows = [row for row in index.load().values() if row.kind == "CL"]
    count = Counter(row.verdict for row in rows)
    board = "\n".join(f"| {badge(verdict)} | {meaning} | {count[verdict]} |" for verdict, meaning in VERDICTS.items())
    return (
        f"# The claim board\n\nThe {len(rows)} sentences about reinforcement learning that the lessons put to the "
        "test: what is said, the verdict, the numbers behind it, and where to see them.\n\n"
        f"| verdict | what it means | claims |\n|:--|:--|--:|\n{board}\n\n{by_lesson(rows, lessons, entry)}"
    )


def errata_page(lessons):
    notes = tomllib.loads((PAGES / "errata.toml").read_text(encoding="utf-8"))

    def entry(row):
        return (
            f"In the notes\n: {notes[row.id]}\n\nRight\n: {prose(row.text)}\n\nDemonstration\n: {links(row, lessons)}"
        )

    rows = [row for row in index.load().values() if row.kind == "ERR"]
    if wrong := {row.id for row in rows} ^ set(notes):
        raise SystemExit(f"web/book/errata.toml and the index disagree about {', '.join(sorted(wrong))}")
    return (
        "# Errata of the recitation notes\n\nThe course grew out of a page of recitation notes. Where they are wrong, "
        f"loose or incomplete, a lesson says so and shows it. These are all {len(rows)} places: what the notes say, in "
        "our words; what is right; and the part of a lesson that demonstrates it.\n\n" + by_lesson(rows, lessons, entry)
    )


# ---------------------------------------------------------------- the public names of the package


GROUPS = {
    "Training": ("train", "train_many", "run", "run_many", "evaluate", "record", "load", "History", "Collector"),
    "An environment of your own": ("check_environment",),
    "Many seeds": ("learning_curves", "interval"),
    "Agents": rlcourse.algorithms.__all__,
    "Data": ("Transitions", "ReplayBuffer"),
    "Returns and objectives": (
        "td_errors",
        "rewards_to_go",
        "n_step_advantages",
        "gae",
        "policy_gradient",
        "clipped_surrogate",
        "td_target",
        "soft_value_target",
    ),
    "Distributions, noise, target networks": (
        "TanhGaussian",
        "GaussianNoise",
        "OrnsteinUhlenbeck",
        "polyak_update",
        "hard_update",
    ),
    "Exact results on small worlds": ("FiniteMDP",),
}


def api_page():
    """The public names of the package, each with its signature and its docstring."""
    shown = [f"## {group}\n\n" + "\n\n".join(map(api_entry, names)) for group, names in GROUPS.items()]
    exact = [name for name in vars(rlcourse.exact) if inspect.isfunction(vars(rlcourse.exact)[name])]
    own = [name for name in exact if vars(rlcourse.exact)[name].__module__ == "rlcourse.exact" and name[0] != "_"]
    shown.append("\n\n".join(api_entry(f"exact.{name}") for name in own))
    return "# The package\n\n`import rlcourse as rl`: what it offers, as the docstrings say it.\n\n" + "\n\n".join(
        shown
    )


def api_entry(name):
    """One public name: its signature and docstring; of an agent the fields of its config, of a class its methods."""
    value = operator.attrgetter(name)(rlcourse)
    parts = [f"### rl.{name}", fenced(f"rl.{name}{signature(value)}", "python"), fenced(inspect.getdoc(value))]
    config = getattr(value, "Config", None)
    if config is not None:
        fields = [f"{field.name} = {field.default!r}" for field in dataclasses.fields(config)]
        parts.append("Fields of `Config`, with their defaults:\n\n" + fenced("\n".join(fields), "python"))
    elif inspect.isclass(value):
        methods = {key: method for key, method in vars(value).items() if inspect.isfunction(method) and key[0] != "_"}
        parts += [fenced(f".{key}{signature(method)}\n\n{inspect.getdoc(method)}") for key, method in methods.items()]
    return "\n\n".join(parts)


def signature(function):
    """The arguments of a function, without the types, which the docstring gives with shapes and units."""
    taken = inspect.signature(function)
    bare = [parameter.replace(annotation=parameter.empty) for parameter in taken.parameters.values()]
    return str(taken.replace(parameters=bare, return_annotation=taken.empty))


def fenced(text, language="text"):
    return f"```{{code-block}} {language}\n:class: wrapped\n\n{text}\n```"


# ---------------------------------------------------------------- the book


def front_page(lessons, shown):
    """web/book/index.md, with an explorer, the list of lessons, and the table of contents."""
    told = "\n\n".join(
        f"**[{lesson.title}]({lesson.name}.ipynb)**\n: {lesson.question} *Explorers: {lesson.explorers}.*"
        for lesson in lessons
    )
    contents = {
        "Lessons": [lesson.name for lesson in lessons],
        "Look up": ["equations", "claims", "glossary", "errata", "sources", "api"],
        "Teach": ["for_instructors"],
    }
    trees = "\n\n".join(
        "\n".join(["```{toctree}", ":hidden:", ":maxdepth: 1", f":caption: {caption}", "", *names, "```"])
        for caption, names in contents.items()
    )
    text = (PAGES / "index.md").read_text(encoding="utf-8")
    for mark, part in {"explorer": f"```{{raw}} html\n{shown}\n```", "lessons": told, "contents": trees}.items():
        text = text.replace(f"<!-- {mark} -->", part)
    return text


def document(path):
    """A page of docs/, whose links to notebooks and to other pages are made links within the book."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"\]\((?:\.\./notebooks/|\./)?([\w-]+\.(?:ipynb|md))", r"](\1", text)


def write_source(source, lessons):
    """Everything that Sphinx reads, in one folder."""
    shown, files = explorer(new_code_cell(FIRST))
    for lesson in lessons:
        (source / f"{lesson.name}.ipynb").write_text(json.dumps(lesson.notebook), encoding="utf-8")
        files |= lesson.files
    for name, content in files.items():
        target = source / "beside" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    shutil.copytree(PAGES, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.toml"))
    pages = {
        "index": front_page(lessons, shown),
        "equations": equation_page(lessons),
        "claims": claim_page(lessons),
        "errata": errata_page(lessons),
        "api": api_page(),
        "glossary": document(DOCS / "glossary.md"),
        "for_instructors": document(DOCS / "for_instructors.md"),
    }
    pages["sources"] = contents.linked((PAGES / "sources.md").read_text(encoding="utf-8"), folder="")
    for name, text in pages.items():
        (source / f"{name}.md").write_text(text, encoding="utf-8")

    static = source / "static"
    web.vendor("mathjax", source / "mathjax")
    (source / "mathjax" / "es5" / "tex-svg.js").replace(static / "mathjax.js")
    shutil.rmtree(source / "mathjax")
    for path in (figures.FAVICON, figures.PREVIEW):
        shutil.copy(path, static)
    (static / "explorers.css").write_text(export.STYLE, encoding="utf-8")
    loader = (static / "explorers.js").read_text(encoding="utf-8")
    (static / "explorers.js").write_text(f"{export.SCRIPT}\n{loader}", encoding="utf-8")


def build(out=web.BUILD / "book", only=()):
    """Build the book into a folder, of all lessons or of some; a warning of Sphinx is an error."""
    out, source = Path(out), Path(out).with_name(f"{Path(out).name}-source")
    for folder in (out, source):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    lessons = [Lesson(path) for path in web.lessons(only)]
    write_source(source, lessons)
    options = ["-b", "html", "-q", "-W", "--keep-going", "-j", "2", "-d", str(source / "doctrees")]
    if only:  # links to the other lessons lead nowhere then
        options += ["-D", "suppress_warnings=myst.xref_missing"]
    if build_main([*options, str(source), str(out)]):
        raise SystemExit("Sphinx did not like a page; its sentences are above")
    for path in web.lessons(only):  # to download: the lesson itself, instead of what Sphinx read
        shutil.copy(path, out / "_sources")
    asks = {lesson.name: lesson.question for lesson in lessons}
    for path in out.glob("*.html"):
        page = described(named(path.read_text(encoding="utf-8")), asks.get(path.stem, ABOUT))
        path.write_text(guarded(page), encoding="utf-8")
    return out


def named(page):
    """What the theme leaves to mend: names of things that lack the words one sees, and a script in an attribute."""
    page = page.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    page = page.replace('<button onclick="window.print()"', '<button type="button"')  # book.js prints
    page = re.sub(r'(<a href="_sources/[^"]+") target="_blank"', r"\1 download", page)
    return re.sub(r'(<button[^>]*class="btn search-button-field[^>]*?) aria-label="Search"', r"\1", page)


def described(page, about):
    """The page with what other sites show where somebody links to it: title, a sentence, a picture."""
    repository, branch = contents.ADDRESS["repository"], contents.ADDRESS["branch"]
    picture = f"_static/{figures.PREVIEW.name}"
    if repository != contents.PLACEHOLDER:  # other sites want a whole address
        stored = figures.PREVIEW.relative_to(web.ROOT).as_posix()
        picture = f"https://raw.githubusercontent.com/{repository}/{branch}/{stored}"
    said = {
        "og:type": "website",
        "og:title": html.unescape(re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1]),
        "og:description": about,
        "og:image": picture,
        "og:image:alt": figures.PREVIEWED,
    }
    tags = [f'<meta property="{key}" content="{html.escape(value)}">' for key, value in said.items()]
    tags += [f'<meta name="description" content="{html.escape(about)}">']
    tags += ['<meta name="twitter:card" content="summary_large_image">']
    return page.replace("<title>", "\n".join([*tags, "<title>"]), 1)


def guarded(page):
    """The page with a policy: it loads and runs what lies beside it, and nothing else.

    For a page that is opened from a folder, Firefox takes 'self' to mean nothing, so file: stands beside it; a page
    from a host gains nothing by that, since no browser lets it load files. The few scripts within a page, of the
    theme and of Sphinx, are allowed one by one, by their hashes. Styles within it are allowed altogether: MathJax
    writes them while it sets formulas, and tables carry them in attributes.
    """
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    beside = "'self' file:"
    policy = {
        "default-src": beside,
        "script-src": " ".join([beside, *(f"'sha256-{each}'" for each in sorted(hashes))]),
        "style-src": f"{beside} 'unsafe-inline'",
        "img-src": f"{beside} data:",
        "media-src": f"{beside} data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": beside,
    }
    written = "; ".join(f"{kind} {allowed}" for kind, allowed in policy.items())
    meta = f'<meta http-equiv="Content-Security-Policy" content="{written}" />'
    return page.replace(CHARSET, f"{CHARSET}\n    {meta}", 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=web.BUILD / "book", help="the folder of the book")
    start = time.perf_counter()
    out = build(parser.parse_args().out)
    pages = list(out.glob("*.html"))
    print(f"{out / 'index.html'}: {len(pages)} pages, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
