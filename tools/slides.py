"""One deck of slides a lesson: what `make slides` runs. Open build/slides/index.html; nothing there asks the network.

    python tools/slides.py            # every lesson
    python tools/slides.py 01 03      # some

A deck is the notebook, read by nbconvert in the order of its slide metadata. Explorers stand in it as pictures drawn
beforehand with sliders that move, an answer stands on the slide after its question, instructor cells are the speaker's
notes. web/slides/deck.js cuts what is too tall for a slide, in the browser, where the height of a line is known.
"""

import argparse
import ast
import base64
import html
import io
import re
import shutil
import sys
import time
from pathlib import Path

try:
    import nbformat.v4 as new
    from nbconvert import SlidesExporter
    from nbconvert.filters.markdown_mistune import markdown2html_mistune as as_html
    from PIL import Image
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer
except ModuleNotFoundError as missing:
    raise SystemExit(f"{missing.name} is not installed here: run `make slides`, which installs it first.") from None

import web
from rlcourse.course import order, quiz

SOURCE = web.ROOT / "web" / "slides"
OUT = web.BUILD / "slides"
ASSETS = {
    "reveal.css": "reveal.js/dist/reveal.css",
    "reveal.js": "reveal.js/dist/reveal.js",
    "notes.js": "reveal.js/plugin/notes/notes.js",
    "mathjax.js": "mathjax/es5/tex-svg-full.js",  # every command of TeX in one file: nothing is loaded later
}
"""What the decks take from the npm packages."""
COLORS = HtmlFormatter(style="a11y-high-contrast-light")
ANSWER = re.compile(r"<details>\s*<summary>(?:<b>)?(.*?)(?:</b>)?</summary>(.*?)</details>", re.DOTALL)
MINUTES = re.compile(r"^\*(\d+ minutes.*)\*$", re.MULTILINE)


def build(paths, out=OUT):
    """Write the decks of some lessons, the files they share, and the page that lists every deck there is."""
    vendor(out / "assets")
    exporter = SlidesExporter(extra_template_basedirs=[str(SOURCE)], template_name="deck", exclude_anchor_links=True)
    for path in paths:
        start = time.perf_counter()
        notebook = deck(path)
        text, _ = exporter.from_notebook_node(notebook)
        target = out / f"{path.stem}.html"
        target.write_text(text, encoding="utf-8")
        print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.0f} s", flush=True)
    (out / "index.html").write_text(listing(out), encoding="utf-8")


def vendor(assets):
    """The scripts and styles that all decks share."""
    assets.mkdir(parents=True, exist_ok=True)
    for name, path in ASSETS.items():
        shutil.copy(web.vendored(path), assets / name)
    for path in (SOURCE / "deck.js", SOURCE / "formulas.js"):
        shutil.copy(path, assets)
    style = (SOURCE / "deck.css").read_text(encoding="utf-8")
    (assets / "deck.css").write_text(f"{style}\n{COLORS.get_style_defs('.code')}\n", encoding="utf-8")


# ---------------------------------------------------------------- a lesson's cells, as slides


def deck(path):
    """The lesson as a notebook of what its slides show, and nothing else."""
    notebook = web.read(path)
    first, *rest = notebook.cells
    cells = title(first, order.number(order.lesson_of(path)))
    for cell in rest:
        if kind(cell) != "skip" and not web.tagged(cell, "solution"):
            cells.extend(code(cell) if cell.cell_type == "code" else prose(cell))
    notebook.cells = noted(cells)
    notebook.metadata["title"] = first.source.splitlines()[0].lstrip("# ")
    return notebook


def kind(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type", "-")


def slide(source, slide_type):
    """A piece of prose."""
    return new.new_markdown_cell(relinked(source), metadata={"slideshow": {"slide_type": slide_type}})


def relinked(text):
    """Links from lesson to lesson, as links from deck to deck."""
    return re.sub(r"\b(\d\d_\w+)\.ipynb\b", r"\1.html", text)


def title(cell, number):
    """The first cell: a title with the lesson's question, then the rest of it."""
    name, *paragraphs = [part.strip() for part in cell.source.split("\n\n")]
    minutes = next((part for part in paragraphs if MINUTES.search(part)), None)
    question, *more = [part for part in paragraphs if part != minutes]
    name = name.lstrip("# ")
    cover = (
        f'<div class="cover"><p class="course">Deep reinforcement learning, lesson {number}</p>\n'
        f"<h1>{as_html(name).removeprefix('<p>').strip().removesuffix('</p>')}</h1>\n{as_html(question)}\n"
        f"{as_html(minutes) if minutes else ''}</div>"
    )
    return [shown(cover, "slide"), slide("## What this is about\n\n" + "\n\n".join(more), "slide")]


def prose(cell):
    """A cell of text; what it folds away becomes a slide of its own, after it."""
    if kind(cell) == "notes":
        return [slide(cell.source, "notes")]
    before, *rest = ANSWER.split(cell.source)
    cells = [slide(before, kind(cell))] if before.strip() else []
    for summary, answer, after in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        cells.append(slide(f"### {summary.strip()}\n\n{answer.strip()}", "subslide"))
        if after.strip():
            cells.append(slide(after, "fragment"))
    return cells


def code(cell):
    """A code cell: an explorer, a question of the quiz, or its lines and what they printed and drew."""
    if web.tagged(cell, "explorer"):
        return [shown(web.explorer_html(cell), "subslide")]
    if web.tagged(cell, "quiz"):
        return question(cell)
    left = sorted(cell.outputs, key=lambda output: "data" in output)  # what was printed stays with the code
    outputs = [] if web.tagged(cell, "exercise") else [part for output in left for part in result(output)]
    parts = outputs if outputs and only_shows(cell) else [listing_of(cell.source), *outputs]
    return [shown("\n".join(parts), kind(cell))]


def shown(text, slide_type):
    """A cell of finished HTML; the template takes it from the metadata."""
    return new.new_code_cell("", metadata={"slideshow": {"slide_type": slide_type}, "shown": relinked(text)})


def only_shows(cell):
    """Whether the cell is one expression with something to see: then the expression itself says nothing."""
    body = ast.parse(cell.source).body
    return len(body) == 1 and isinstance(body[0], ast.Expr) and any("data" in output for output in cell.outputs)


def listing_of(source):
    """Python in colour, a `<span>` a line, so that a slide can be cut between lines."""
    source = re.sub(r"^# NBVAL_\w+\n", "", source, flags=re.MULTILINE).strip("\n")
    lines = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n").split("\n")
    spans = [line(*pair) for pair in zip(lines, source.split("\n"), strict=True)]
    return f'<pre class="code">{"".join(spans)}</pre>'


def line(marked, plain):
    """One line; where it has to wrap, it goes on further right than it began."""
    indent = len(plain) - len(plain.lstrip()) + 4
    return f'<span class="line" style="padding-left:{indent}ch;text-indent:-{indent}ch">{marked}\n</span>'


def result(output):
    """What a cell left behind, as pieces of HTML."""
    if output.output_type == "stream":
        if output.name == "stdout":
            lines = output.text.rstrip("\n").split("\n")
            yield f'<pre class="printed">{"".join(line(html.escape(text), text) for text in lines)}</pre>'
        return
    data = output.data
    if "text/latex" in data:  # IPython's Code: its own colours come with a style sheet each
        yield listing_of(data["text/plain"])
    elif "text/html" in data:
        yield data["text/html"]
    elif "text/markdown" in data:
        yield as_html(data["text/markdown"])
    elif "image/png" in data:
        picture = data["image/png"].replace("\n", "")
        width, height = Image.open(io.BytesIO(base64.b64decode(picture))).size
        yield (
            f'<img class="figure" src="data:image/png;base64,{picture}" width="{width}" height="{height}" '
            f'alt="{html.escape(data["text/plain"])}">'
        )
    else:
        yield f'<pre class="printed">{html.escape(data["text/plain"])}</pre>'


def question(cell):
    """A question of the quiz on one slide, what is right and why on the next."""
    number = ast.parse(cell.source).body[-1].value.args[0].value
    asked = quiz.find(number)
    text = [
        f"<h3>Question {number}</h3>",
        f"<p>{quiz.marked(asked.prompt)}</p>",
        f"<p><em>{quiz.marked(quiz.instruction(asked))}</em></p>",
    ]
    answer = [f"<h3>Question {number}: the answer</h3>"]
    if asked.kind == "number":
        answer += [f"<p><strong>{quiz.values(asked.answer)}.</strong> {quiz.marked(asked.feedback)}</p>", "<ul>"]
        answer += [
            f"<li><strong>{quiz.values(wrong.value)}?</strong> {quiz.marked(wrong.feedback)}</li>"
            for wrong in asked.distractors
        ] + ["</ul>"]
    else:
        text += ['<ol type="A">', *(f"<li>{quiz.marked(option.text)}</li>" for option in asked.options), "</ol>"]
        answer += [
            '<ol type="A">',
            *(
                f'<li class="{"right" if option.right else "wrong"}">'
                f"{'✓' if option.right else '✗'} <strong>{quiz.marked(option.text)}</strong> "
                f"{quiz.marked(option.feedback)}</li>"
                for option in asked.options
            ),
            "</ol>",
        ]
    parts = [shown("\n".join(text), "subslide"), shown("\n".join(answer), "subslide")]
    if asked.kind == "number":
        parts.insert(1, shown(f"<p>A hint: {quiz.marked(asked.hint)}</p>", "fragment"))
    return parts


def noted(cells):
    """Each note, which the lesson has after the cells it speaks of, on every slide of these."""
    ordered, waiting = [], []
    for cell in cells:
        if kind(cell) != "notes":
            waiting.append(cell)
            continue
        for other in waiting:
            ordered.append(other)
            if kind(other) in ("slide", "subslide"):
                ordered.append(slide(cell.source, "notes"))
        waiting = []
    return ordered + waiting


# ---------------------------------------------------------------- the list of decks


def listing(out):
    """The page that lists the decks."""
    items = []
    for path in web.lessons():
        if not (out / f"{path.stem}.html").exists():
            continue
        name, question, *_ = web.read(path).cells[0].source.split("\n\n")
        items.append(f'<li><a href="{path.stem}.html">{html.escape(name.lstrip("# "))}</a>{as_html(question)}</li>')
    page = (SOURCE / "index.html").read_text(encoding="utf-8")
    return page.replace("<!-- decks -->", "\n".join(items))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="*", help="only these lessons, such as 01 or gae")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for the decks")
    arguments = parser.parse_args()
    try:
        paths = web.lessons(arguments.lesson)
    except ValueError as problem:
        parser.error(str(problem))
    build(paths, arguments.out)
    print(f"Open {(arguments.out / 'index.html').resolve().as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
