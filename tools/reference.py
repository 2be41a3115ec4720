"""The pages of the book that are made from the index and from the package: equations, claims, errata, public names."""

import dataclasses
import inspect
import operator
import re
import tomllib
from collections import Counter

import rlcourse
import web
from rlcourse.course import claims, index

PAGES = web.ROOT / "web" / "book"
VERDICTS = {
    "true": "it holds as it is worded",
    "true if": "it holds under the condition that its wording names",
    "overstated": "something of it is left, less than is usually said",
    "false": "the measurement says the opposite, or nothing of the kind",
}


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
