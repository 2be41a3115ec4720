"""The course's own index: its equations, algorithms, claims, figures, corrections and misconceptions.

    index.equations("gae")      what a lesson writes down, and the function that implements it
    index.claims()             the claim board: what people say, and what the lessons measured
    index.verdict("CL-02")     one claim in one line

The rows of a lesson are in its folder, index.toml; the measured numbers come from rlcourse.course.claims. A notebook's
cells name the rows they cover in their metadata, {"covers": ["EQ-03", "CL-02"]}; `missing` compares the two.
"""

import html
import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from IPython.display import display

from rlcourse.checks import require
from rlcourse.course import claims as measurements
from rlcourse.course import order

TITLE = re.compile(r"^#{2,3} +([^$\n]+?) *$", flags=re.M)
"""A heading without a formula: one that a link can name."""
SUMMARY = re.compile(r"What to remember|recitation notes|nstructor")
"""In the heading of a part that sums up what another one shows."""
# A verdict is always written out; the colour of its border only helps the eye.
VERDICTS = {
    "true": "var(--jp-success-color1, #388e3c)",
    "true if": "var(--jp-info-color1, #0288d1)",
    "overstated": "var(--jp-warn-color1, #f57c00)",
    "false": "var(--jp-error-color1, #d32f2f)",
}


@dataclass(frozen=True)
class Row:
    """One row of the index. Fields that its kind does not have are empty."""

    id: str
    text: str
    lessons: tuple[str, ...]
    """Slugs, in the order of the lessons: ("advantage", "gae")."""
    latex: str = ""
    """EQ, EQX: the formula, without dollar signs."""
    function: str = ""
    """EQ, EQX, AL: the public name that implements it, such as "rl.gae"; "" if it is only shown."""
    verdict: str = ""
    """CL: one of VERDICTS."""
    measured: str = ""
    """CL: a sentence whose {fields} are filled with measured numbers; "" until its lesson is finished."""
    cell: str = ""
    """CL: the explorer or cell that shows it."""
    check: str = ""
    """MIS: a question that brings the misconception to light."""
    answer: str = ""
    """MIS: what is right."""

    @property
    def kind(self):
        """One of "EQ", "EQX", "AL", "CL", "FIG", "ERR" and "MIS"."""
        return self.id.split("-")[0]


KINDS = ("EQ", "EQX", "AL", "CL", "FIG", "ERR", "MIS")


@cache
def _rows():
    rows = {}
    for lesson in order.LESSONS:
        path = order.folder(lesson) / "index.toml"
        table = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for name, fields in table.items():
            require(name not in rows, f"{path}: {name} stands in the index twice")
            rows[name] = Row(id=name, **{**fields, "lessons": tuple(fields["lessons"])})
    return dict(sorted(rows.items(), key=lambda item: (KINDS.index(item[1].kind), item[0])))


def load():
    """All rows: a dict from ID to Row, kind by kind, in the order of their numbers."""
    return dict(_rows())


def measured(row, figures):
    """The sentence of a claim with its numbers in place, or in which lesson they will be measured."""
    try:
        sentence = row.measured.format(**figures.get(row.id, {}))
    except KeyError:  # a number that no run has supplied yet
        sentence = ""
    return sentence or f"measured in lesson {order.number(row.lessons[0])}"


# ---------------------------------------------------------------- what a notebook shows


class Shown:
    """Something a cell shows: HTML with LaTeX between dollar signs, and plain text for everybody else.

    One MIME type and its fallback go into the notebook: text/markdown, holding the HTML table. JupyterLab
    typesets maths in text/html and in text/markdown alike, and so does nbconvert; GitHub typesets it in
    text/markdown only, and would pick text/html if it were there. A table of Markdown's own has neither
    caption nor row headers, which a screen reader needs. Hence HTML inside Markdown: no blank lines (they
    would end the HTML block), and inline styles only (GitHub lets no <style> through).
    """

    def __init__(self, markup, plain):
        self._markup = markup
        self._plain = plain

    def _repr_html_(self):
        return self._markup

    def _repr_markdown_(self):
        return self._markup

    def __repr__(self):
        return self._plain

    def _ipython_display_(self):
        # Without this hook IPython would store the table twice, and every reader would prefer text/html.
        display({"text/markdown": self._repr_markdown_(), "text/plain": repr(self)}, raw=True)


def equations(lesson=None):
    """The equations of a lesson ("gae"), or all: formula, meaning, function, where they are taught."""
    rows = _select(("EQ", "EQX"), lesson)
    return _table(
        f"Equations of {_scope(lesson)}",
        ("ID", "formula", "in words", "function", "lesson"),
        [
            (
                _formula(row.latex),
                _inline(row.text),
                _name(row.function),
                _links(row),
            )
            for row in rows
        ],
        rows,
        [f"{row.id}  {row.text}  [{row.function or 'no function'}; {_lessons(row)}]" for row in rows],
    )


def claims(lesson=None):
    """The claim board of a lesson ("gae"), or the whole one: claim, verdict, measured numbers, where shown."""
    rows, figures = _select(("CL",), lesson), measurements.results()
    return _table(
        f"Claims of {_scope(lesson)}, and what became of them",
        ("ID", "claim", "verdict", "measured", "shown in"),
        [
            (
                _inline(row.text),
                _badge(row.verdict),
                _inline(measured(row, figures)),
                _links(row, "lesson ") + (f"<br><code>{row.cell}</code>" if row.cell else ""),
            )
            for row in rows
        ],
        rows,
        [_claim_line(row, figures) for row in rows],
    )


def verdict(claim):
    """One claim in one line: verdict("CL-02")."""
    row = _rows().get(claim) if isinstance(claim, str) else None
    require(
        row is not None and row.kind == "CL",
        f"claim must be the ID of a claim in the index, such as 'CL-02', got {claim!r}",
    )
    figures = measurements.results()
    return Shown(
        f"<p><strong>{row.id}</strong> {_badge(row.verdict)} {_inline(row.text)} "
        f"<em>{_sentence(_inline(measured(row, figures)))}</em></p>",
        _claim_line(row, figures),
    )


# ---------------------------------------------------------------- what a test asks


def missing(notebooks_dir):
    """What the notebooks owe to the index: {"gae": ["EQ-22", ...]}, and {} when they owe nothing.

    A lesson owes every row that names it among its `lessons` and that no cell of its notebook
    lists under "covers". IDs that the index does not know are listed too, for any lesson.
    """
    folder = Path(notebooks_dir)
    require(folder.is_dir(), f"notebooks_dir must be a folder of notebooks, got {str(notebooks_dir)!r}")
    covered = {}
    for lesson in order.LESSONS:
        path = folder / order.notebook(lesson)
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else ()
        covered[lesson] = [name for cell in cells for name in cell.get("metadata", {}).get("covers", ())]

    rows, owed = _rows(), {}
    for lesson, found in covered.items():
        due = [name for name, row in rows.items() if lesson in row.lessons]
        gaps = [name for name in due if name not in found]
        unknown = sorted({name for name in found if name not in rows})
        if gaps or unknown:
            owed[lesson] = gaps + unknown
    return owed


def part(lesson, identifier, notebooks_dir=order.FOLDER.parents[1] / "notebooks"):
    """Heading of the part of a lesson that treats a row, where it is shown rather than summed up; "" if none does."""
    path = Path(notebooks_dir) / order.notebook(lesson)
    found, heading = [], ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else ():
        titles = TITLE.findall("".join(cell["source"])) if cell["cell_type"] == "markdown" else []
        heading = titles[0] if titles else heading
        if identifier in cell["metadata"].get("covers", ()):
            found.append(heading)
        heading = titles[-1] if titles else heading
    return next((each for each in found if not SUMMARY.search(each)), found[0] if found else "")


def link(lesson, identifier):
    """Address of that part, as a notebook gives it: the notebook, and its heading."""
    heading = part(lesson, identifier)
    return order.notebook(lesson) + (f"#{quote(heading.replace(' ', '-'))}" if heading else "")


# ---------------------------------------------------------------- helpers


def _select(kinds, lesson):
    if lesson is not None:
        order.check_lesson(lesson)
    return [row for row in _rows().values() if row.kind in kinds and (lesson is None or lesson in row.lessons)]


def _scope(lesson):
    return "the whole course" if lesson is None else f"lesson {order.number(lesson)}"


def _lessons(row):
    return f"lesson{'s' * (len(row.lessons) > 1)} {', '.join(map(order.number, row.lessons))}"


def _links(row, prefix=""):
    """A link to the notebook of each of its lessons."""
    return "<br>".join(
        f'<a href="{order.notebook(lesson)}">{prefix}{order.number(lesson)}</a>' for lesson in row.lessons
    )


def _inline(text):
    """One line of the index as HTML: `code` marked up, LaTeX between dollar signs left to MathJax."""
    pieces = re.split(r"(\$[^$]+\$)", text)
    return "".join(
        piece if piece.startswith("$") else re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(piece, quote=False))
        for piece in pieces
    )


def _formula(latex):
    r"""Parts that \qquad sets apart go on lines of their own, so that the table fits beside a sidebar."""
    return "<br>".join(f"$\\displaystyle {part.strip()}$" for part in latex.split("\\qquad"))


def _name(function):
    """A name may be broken after its dots."""
    return f"<code>{function.replace('.', '.<wbr>')}</code>" if function else "–"


def _badge(word):
    style = f"border:2px solid {VERDICTS[word]};border-radius:4px;padding:0 0.4em;white-space:nowrap"
    return f'<strong style="{style}">{word}</strong>'


def _sentence(text):
    return f"{text[0].upper()}{text[1:]}."


def _claim_line(row, figures):
    return f"{row.id} [{row.verdict}] {row.text} {_sentence(measured(row, figures))} ({_lessons(row)})"


def _table(caption, columns, cells, rows, lines):
    """An accessible table: a caption, column headers, and each row headed by its ID."""
    if not rows:
        return Shown(f"<p>{caption}: none.</p>", f"{caption}: none.")
    edge = "var(--jp-border-color2, #8888)"
    style = f"text-align:left;vertical-align:top;padding:0.5em 0.75em;border-bottom:1px solid {edge}"
    head = "".join(f'<th scope="col" style="{style}">{column}</th>' for column in columns)
    body = "\n".join(
        f'<tr><th scope="row" style="{style};white-space:nowrap">{row.id}</th>'
        + "".join(f'<td style="{style}">{cell}</td>' for cell in line)
        + "</tr>"
        for row, line in zip(rows, cells, strict=True)
    )
    color = "var(--jp-content-font-color1, inherit)"
    markup = (
        f'<table style="border-collapse:collapse;color:{color}">\n'
        f'<caption style="text-align:left;font-weight:bold;color:{color}">{caption}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )
    return Shown(markup, "\n".join([caption, *lines]))
