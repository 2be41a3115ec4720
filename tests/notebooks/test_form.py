"""The form of a lesson: what every stored notebook has, so that a student, a screen reader, a projector, and a
page without a kernel all get the whole lesson. Each rule is shown to bite on a notebook that breaks it."""

import ast
import copy
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from rlcourse.course import order

MAX_CODE_LINES = 15
MAX_MEGABYTES = 2.0
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
TAGS = {"explorer": 2, "exercise": 1, "solution": 1, "quiz": 1, "instructor": 1, "training": 1}  # at least
MORE_TAGS = {"hints", "setup"}
WITHOUT_TRAINING = ("start_here",)
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
STATIC = {"image/png", "image/svg+xml", "text/html"}
MARKED = re.compile(r"^\s*#\s*NBVAL_CHECK_OUTPUT", re.M)


# ---------------------------------------------------------------- reading a notebook


def joined(text):
    return text if isinstance(text, str) else "".join(text)


def source(cell):
    return joined(cell.get("source", ""))


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def outputs(cell):
    return cell.get("outputs", []) if cell["cell_type"] == "code" else []


def printed(cell):
    """Everything that the cell's stored outputs say in plain text."""
    parts = [joined(out.get("text", "")) + joined(out.get("data", {}).get("text/plain", "")) for out in outputs(cell)]
    return "\n".join(parts)


def python(code):
    """The syntax tree of a cell; None where a line is a magic and not Python."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return None


def prose(cell):
    """Markdown without its code, in which brackets mean something else."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", source(cell), flags=re.S) if cell["cell_type"] == "markdown" else ""


def links(cell):
    """(is it a picture, words, target) of every markdown and HTML link of a cell."""
    text = prose(cell)
    yield from (
        (bang == "!", words, target)
        for bang, words, target in re.findall(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(<?([^)\s>]+)>?[^)]*\)", text)
    )
    for tag in re.findall(r"<img\b[^>]*>", text):
        alt, src = (re.search(rf'{name}="([^"]*)"', tag) for name in ("alt", "src"))
        yield True, alt[1] if alt else "", src[1] if src else ""


def anchors(notebook):
    """The headings of a notebook as JupyterLab writes them into an address."""
    headings = [line for cell in notebook["cells"] for line in re.findall(r"^#+ +(.+?) *$", prose(cell), re.M)]
    return {re.sub(r"[*`$\\]", "", heading).replace(" ", "-").lower() for heading in headings}


# ---------------------------------------------------------------- the rules: notebook -> (cell number, finding)


def slides(notebook):
    for number, cell in enumerate(notebook["cells"]):
        if cell["metadata"].get("slideshow", {}).get("slide_type") not in SLIDES:
            yield number, "has no slideshow.slide_type"


def executed_in_order(notebook):
    code = [(number, cell) for number, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"]
    for expected, (number, cell) in enumerate(code, start=1):
        if not source(cell).strip():
            yield number, "is an empty code cell"
        if cell.get("execution_count") != expected:
            yield number, f"was not executed in order: count {cell.get('execution_count')}, expected {expected}"


def no_errors(notebook):
    for number, cell in enumerate(notebook["cells"]):
        if any(out["output_type"] == "error" for out in outputs(cell)) or "Traceback (most recent" in printed(cell):
            yield number, "stores an error"
        if any(out.get("name") == "stderr" and joined(out["text"]).strip() for out in outputs(cell)):
            yield number, "stores a warning (something on stderr)"


def short_cells(notebook):
    for number, cell in enumerate(notebook["cells"]):
        lines = [line for line in source(cell).splitlines() if line.strip()]
        if cell["cell_type"] == "code" and len(lines) > MAX_CODE_LINES and not tags(cell) & {"solution", "exercise"}:
            yield number, f"has {len(lines)} lines of code, more than {MAX_CODE_LINES}"


def plain_python(notebook):
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        tree = python(source(cell))
        if tree is None:
            yield number, "is not plain Python (a magic, or a shell command)"
        elif re.search(r"\bpyplot\b|\bpylab\b", source(cell)):
            yield number, "uses pyplot; figures come from the package"


def pictures_beside_widgets(notebook):
    for number, cell in enumerate(notebook["cells"]):
        bundles = [out["data"] for out in outputs(cell) if "data" in out]
        for data in bundles:
            if WIDGET_VIEW in data and not STATIC & set(data):
                yield number, "stores a widget without a picture or text beside it"
        if "explorer" in tags(cell):
            drawn = [data for data in bundles if "image/png" in data]
            if not drawn:
                yield number, "is an explorer that stores no picture"
            for data in drawn:
                said = joined(data.get("text/plain", "")).strip("'\" ")
                if len(said.split()) < 5 or re.match(r"<|\w+\(", said):
                    yield number, f"stores a picture without a sentence that describes it: {said!r}"


def described_pictures(notebook):
    for number, cell in enumerate(notebook["cells"]):
        for is_picture, words, _ in links(cell):
            if is_picture and len(words.split()) < 3:
                yield number, f"has a picture with too short an alt text: {words!r}"


def links_lead_somewhere(notebook):
    for number, cell in enumerate(notebook["cells"]):
        for is_picture, _, target in links(cell):
            if re.match(r"https?://|mailto:", target):
                if is_picture:
                    yield number, f"shows a picture from the network: {target}"
                continue
            if target.startswith(("attachment:", "data:")):
                yield number, f"carries a picture inside: {target[:40]}"
                continue
            file, _, anchor = unquote(target).partition("#")
            if file and not (notebook.path.parent / file).exists():
                yield number, f"links to {target}, which does not exist"
            elif anchor and not file and anchor.lower() not in anchors(notebook):
                yield number, f"links to the heading {anchor}, which does not exist"


def small(notebook):
    megabytes = notebook.path.stat().st_size / 1e6
    if megabytes > MAX_MEGABYTES:
        yield None, f"the notebook has {megabytes:.1f} MB, more than {MAX_MEGABYTES}"


def our_kernel(notebook):
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield None, "the kernelspec is not python3: JupyterLab would ask for a kernel"
    if notebook["nbformat"] != 4 or notebook["nbformat_minor"] < 5:
        yield None, "the format is older than 4.5, which names every cell"
    names = [cell.get("id") for cell in notebook["cells"]]
    if None in names or len(set(names)) < len(names):
        yield None, "the cells lack ids of their own"


def enough_of_everything(notebook):
    if notebook.path.stem.startswith("appendix_"):
        return
    for tag, least in TAGS.items():
        count = sum(tag in tags(cell) for cell in notebook["cells"])
        if tag == "training" and notebook.path.stem.partition("_")[2] in WITHOUT_TRAINING:
            continue
        if count < least:
            yield None, f"{count} cells tagged {tag}, expected at least {least}"
    for number, cell in enumerate(notebook["cells"]):
        if unknown := tags(cell) - TAGS.keys() - MORE_TAGS:
            yield number, f"has unknown tags {sorted(unknown)}"


def solutions_wait_to_be_opened(notebook):
    for number, cell in enumerate(notebook["cells"]):
        jupyter = cell["metadata"].get("jupyter", {})
        if "solution" in tags(cell) and not jupyter.get("source_hidden"):
            yield number, "is a solution that is not collapsed"
        if "solution" not in tags(cell) and (jupyter.get("source_hidden") or jupyter.get("outputs_hidden")):
            yield number, "is hidden, and no solution"
        if "exercise" in tags(cell) and cell["cell_type"] == "code":
            following = notebook["cells"][number + 1 : number + 3]
            if not any("solution" in tags(after) for after in following):
                yield number, "is an exercise without a solution after it"


def exercises_have_hints(notebook):
    """Three hints between stub and solution, one inside the other, so that they open one after the other."""
    cells = notebook["cells"]
    for number, cell in enumerate(cells):
        if "exercise" not in tags(cell) or cell["cell_type"] != "code":
            continue
        after = cells[number + 1] if number + 1 < len(cells) else cell
        if "hints" not in tags(after):
            yield number, "is an exercise without hints after it"
        elif source(after).count("<details>") != 3 or not re.search(r"(</details>\s*){3}$", source(after)):
            yield number + 1, "does not hold three hints, one inside the other"


def marked_cells_store_what_they_print(notebook):
    marked = [
        (n, cell)
        for n, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and MARKED.search(source(cell))
    ]
    if not marked:
        yield None, "no cell is marked NBVAL_CHECK_OUTPUT: no stored number is checked"
    for number, cell in marked:
        if not printed(cell).strip():
            yield number, "is marked NBVAL_CHECK_OUTPUT and stores no output"


RULES = (
    slides,
    executed_in_order,
    no_errors,
    short_cells,
    plain_python,
    pictures_beside_widgets,
    described_pictures,
    links_lead_somewhere,
    small,
    our_kernel,
    enough_of_everything,
    solutions_wait_to_be_opened,
    exercises_have_hints,
    marked_cells_store_what_they_print,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_lesson_keeps_the_form(notebook, rule):
    assert list(rule(notebook)) == []


def test_every_finished_lesson_is_there():
    folder = Path(__file__).parents[2] / "notebooks"
    stored = {path.name for path in folder.glob("*.ipynb")}
    assert stored - {name for name in stored if name.startswith("appendix_")} == {*map(order.notebook, order.LESSONS)}


# ---------------------------------------------------------------- each rule bites


PICTURE = {
    "output_type": "execute_result",
    "data": {WIDGET_VIEW: {"model_id": "1"}, "image/png": "iVBORw0=", "text/plain": "Five words say it all."},
}


def cell(kind, text, *its_tags, number=None, **metadata):
    look = {"slideshow": {"slide_type": "slide"}, "tags": list(its_tags), **metadata}
    code = {"execution_count": number, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": f"c{abs(hash(text))}", "metadata": look, "source": text, **code}


class Model(dict):
    """A notebook in which every rule is kept."""

    def __init__(self, folder):
        folded = {"jupyter": {"source_hidden": True}}
        cells = [
            cell("markdown", "# A lesson\n\n![a picture of it](picture.png) and [the picture](picture.png)"),
            cell("code", "lesson.explorers.one", "explorer", number=1),
            cell("code", "lesson.explorers.two", "explorer", number=2),
            cell("code", "# NBVAL_CHECK_OUTPUT\nprint(1.76)", number=3),
            cell("code", "def first(): ...", "exercise", number=4),
            cell("markdown", "<details>one<details>two<details>three</details></details></details>", "hints"),
            cell("code", "def first(): return 1", "solution", number=5, **folded),
            cell("markdown", "One option is right."),
            cell("code", "quiz.ask('01-1')", "quiz", number=6),
            cell("code", "history = rl.train(rl.PPO, 'CartPole-v1', total_steps=1000)", "training", number=7),
            cell("markdown", "Ten minutes; see [above](#A-lesson).", "instructor"),
        ]
        for explorer in cells[1:3]:
            explorer["outputs"] = [copy.deepcopy(PICTURE)]
        cells[3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1.76\n"]}]
        super().__init__(cells=cells, metadata={"kernelspec": {"name": "python3"}}, nbformat=4, nbformat_minor=5)
        (folder / "picture.png").touch()
        self.path = folder / "01_lesson.ipynb"
        self.path.write_text("{}", encoding="utf-8")


def test_no_rule_bites_the_innocent(tmp_path):
    assert [finding for rule in RULES for finding in rule(Model(tmp_path))] == []


def strip_the_picture(lesson):
    del lesson["cells"][1]["outputs"][0]["data"]["image/png"]


def strip_the_sentence(lesson):
    lesson["cells"][1]["outputs"][0]["data"]["text/plain"] = "VBox(children=(FloatSlider(value=0.5),))"


def show_a_bare_widget(lesson):
    lesson["cells"][8]["outputs"] = [{"output_type": "display_data", "data": {WIDGET_VIEW: {}, "text/plain": "HBox()"}}]


def forget_the_slide(lesson):
    del lesson["cells"][0]["metadata"]["slideshow"]


def run_out_of_order(lesson):
    lesson["cells"][3]["execution_count"] = 9


def never_run(lesson):
    lesson["cells"][3]["execution_count"] = None


def store_an_error(lesson):
    lesson["cells"][3]["outputs"] = [{"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": []}]


def store_a_warning(lesson):
    lesson["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "UserWarning: old"}]


def write_a_long_cell(lesson):
    lesson["cells"][3]["source"] += "\nx = 1" * MAX_CODE_LINES


def plot_by_hand(lesson):
    lesson["cells"][3]["source"] += "\nimport matplotlib.pyplot as plt"


def install_in_a_cell(lesson):
    lesson["cells"][3]["source"] += "\n!pip install gymnasium"


def shorten_the_alt_text(lesson):
    lesson["cells"][0]["source"] = "# A lesson\n![picture](picture.png)"


def lose_the_picture(lesson):
    (lesson.path.parent / "picture.png").unlink()


def link_to_the_network(lesson):
    lesson["cells"][0]["source"] += "\n![a picture far away](https://example.org/picture.png)"


def rename_the_heading(lesson):
    lesson["cells"][0]["source"] = "# Another lesson"


def grow(lesson):
    lesson.path.write_bytes(b"x" * 2_100_000)


def take_another_kernel(lesson):
    lesson["metadata"]["kernelspec"]["name"] = "my-kernel"


def repeat_an_id(lesson):
    lesson["cells"][1]["id"] = lesson["cells"][2]["id"]


def drop_the_quiz(lesson):
    lesson["cells"][8]["metadata"]["tags"] = []


def misspell_a_tag(lesson):
    lesson["cells"][8]["metadata"]["tags"] += ["quizz"]


def open_the_solution(lesson):
    del lesson["cells"][6]["metadata"]["jupyter"]


def hide_a_cell(lesson):
    lesson["cells"][3]["metadata"]["jupyter"] = {"source_hidden": True}


def drop_the_solution(lesson):
    lesson["cells"][6:7] = [cell("markdown", "later"), cell("markdown", "much later")]


def forget_the_hints(lesson):
    del lesson["cells"][5]


def show_the_hints_at_once(lesson):
    lesson["cells"][5]["source"] = "<details>one</details><details>two</details><details>three</details>"


def strip_the_marked_output(lesson):
    lesson["cells"][3]["outputs"] = []


def unmark(lesson):
    lesson["cells"][3]["source"] = "print(1.76)"


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (forget_the_slide, slides),
        (run_out_of_order, executed_in_order),
        (never_run, executed_in_order),
        (store_an_error, no_errors),
        (store_a_warning, no_errors),
        (write_a_long_cell, short_cells),
        (plot_by_hand, plain_python),
        (install_in_a_cell, plain_python),
        (strip_the_picture, pictures_beside_widgets),
        (strip_the_sentence, pictures_beside_widgets),
        (show_a_bare_widget, pictures_beside_widgets),
        (shorten_the_alt_text, described_pictures),
        (lose_the_picture, links_lead_somewhere),
        (link_to_the_network, links_lead_somewhere),
        (rename_the_heading, links_lead_somewhere),
        (grow, small),
        (take_another_kernel, our_kernel),
        (repeat_an_id, our_kernel),
        (drop_the_quiz, enough_of_everything),
        (misspell_a_tag, enough_of_everything),
        (open_the_solution, solutions_wait_to_be_opened),
        (hide_a_cell, solutions_wait_to_be_opened),
        (drop_the_solution, solutions_wait_to_be_opened),
        (forget_the_hints, exercises_have_hints),
        (show_the_hints_at_once, exercises_have_hints),
        (strip_the_marked_output, marked_cells_store_what_they_print),
        (unmark, marked_cells_store_what_they_print),
    ],
    ids=lambda function: function.__name__,
)
def test_each_rule_bites(tmp_path, spoil, rule):
    lesson = Model(tmp_path)
    spoil(lesson)
    assert list(rule(lesson))
