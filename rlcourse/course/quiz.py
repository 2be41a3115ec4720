"""Quiz questions that answer back: quiz.ask("gae-1") as the last line of a cell.

A question lives in its lesson's folder, quiz.toml. Three kinds:

    choice   one option is right; choosing one shows what to think about
    several  tick all that apply, then Check
    number   one or more typed numbers, accepted within the tolerance (1 % unless the file says otherwise)

Every answer gets its own sentence. Texts may hold $...$, and prompts and feedback `code`; only the options of
a choice are plain text, because radio buttons typeset nothing.
"""

import html
import re
import textwrap
import tomllib
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from rlcourse.course import order

KINDS = ("choice", "several", "number")
REQUIRED = {
    "choice": {"kind", "covers", "prompt", "options"},
    "several": {"kind", "covers", "prompt", "options"},
    "number": {"kind", "covers", "prompt", "form", "answer", "feedback", "hint", "distractors"},
}
OPTIONAL = {"choice": set(), "several": set(), "number": {"tolerance"}}
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"


def ask(question):
    """Show one question of a lesson, for example ask("gae-1"); it answers each answer at once.

    Raises:
        ValueError: if there is no such question.
    """
    if not isinstance(question, str) or not re.fullmatch(r"[a-z_]+-\d+", question):
        raise ValueError(f'question must be a lesson and a number such as "gae-1", got {question!r}.')
    known = load(question.rpartition("-")[0])
    if question not in known:
        raise ValueError(f"question must be one of {', '.join(known)}, got {question!r}.")
    from rlcourse.course.widgets.quiz_card import Card  # here: whoever only reads questions needs no widgets

    return Card(known[question])


def load(lesson):
    """The questions of a lesson, such as "gae", as a dict from id to Question."""
    return read(order.folder(lesson) / "quiz.toml")


def find(question):
    """The question of an id, such as "gae-1"."""
    return load(question.rpartition("-")[0])[question]


# What a question is


@dataclass(frozen=True)
class Option:
    text: str
    right: bool
    feedback: str


@dataclass(frozen=True)
class Distractor:
    """A wrong answer that many give, and what it tells about the way they got there."""

    value: tuple[float, ...]
    feedback: str


@dataclass(frozen=True)
class Reply:
    """What the student reads after an answer.

    right is None when there was nothing to judge. remarks are pairs: what it is about, what to think about.
    """

    right: bool | None
    headline: str
    remarks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Question:
    id: str
    kind: str
    covers: tuple[str, ...]
    prompt: str
    options: tuple[Option, ...] = ()
    form: str = ""
    answer: tuple[float, ...] = ()
    tolerance: float = 0.01
    feedback: str = ""
    hint: str = ""
    distractors: tuple[Distractor, ...] = ()

    def grade(self, given):
        """Reply to an answer: an option's position, a set of positions, or the typed text."""
        graders = {"choice": _grade_choice, "several": _grade_several, "number": _grade_number}
        return graders[self.kind](self, given)


# Judging an answer


def _grade_choice(question, position):
    option = question.options[position]
    return Reply(option.right, "Right." if option.right else "Not yet.", (("", option.feedback),))


def _grade_several(question, positions):
    if not positions:
        return Reply(None, "Tick at least one line first, then press Check.")
    ticked = [option for position, option in enumerate(question.options) if position in positions]
    holding = sum(option.right for option in ticked)
    missing = sum(option.right for option in question.options) - holding

    if holding == len(ticked) and not missing:
        # Only now the lines left open get their remark too: before, they are still to be thought about.
        verdicts = {True: "Ticked, and rightly so", False: "Left open, and rightly so"}
        return Reply(True, "Right, all of it.", _remarks(verdicts, question.options))

    verdicts = {True: "Ticked, and rightly so", False: "Ticked, think again"}
    more = f" {missing} more {'belongs' if missing == 1 else 'belong'} to the answer." if missing else ""
    headline = f"Not yet. Ticked: {len(ticked)}, of these right: {holding}.{more}"
    return Reply(False, headline, _remarks(verdicts, ticked))


def _remarks(verdicts, options):
    return tuple((f"{verdicts[option.right]}: {option.text}", option.feedback) for option in options)


def _grade_number(question, text):
    try:
        given = parse_numbers(text, len(question.answer))
    except ValueError as problem:
        return Reply(None, "This cannot be checked yet.", (("", f"{problem} Expected: {question.form}."),))
    if _close(given, question.answer, question.tolerance):
        return Reply(True, "Right.", (("", question.feedback),))
    for distractor in question.distractors:
        if _close(given, distractor.value, question.tolerance):
            return Reply(False, "Not yet.", (("", distractor.feedback),))
    return Reply(False, "Not yet.", (("", question.hint),))


def parse_numbers(text, count):
    """Read `count` numbers: "1.5, 1, 2", "(3/2; 1; 2)", "1,5 1 2", "−0.4".

    Raises:
        ValueError: one sentence, if the text is no list of numbers or has another length.
    """
    bare = text.strip().strip("()[]{} ").replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").lower()
    if not bare:
        raise ValueError("There is no number yet.")

    # A comma can separate numbers or be a decimal comma; the first reading with the right length wins.
    with_decimal_comma = [piece.strip(",").replace(",", ".") for piece in bare.split()]
    readings = [re.split(r"[,;\s]+", bare.strip(",; ")), with_decimal_comma]
    if ";" in bare:
        readings.insert(0, [piece.strip().replace(",", ".") for piece in bare.strip("; ").split(";")])

    lengths = []
    for pieces in readings:
        numbers = [_number(piece) for piece in pieces]
        if None in numbers:
            continue
        if len(numbers) == count:
            return tuple(numbers)
        lengths.append(len(numbers))
    if not lengths:
        raise ValueError(f'"{text.strip()}" cannot be read as {"a number" if count == 1 else "numbers"}.')
    raise ValueError(f"{count} {'number is' if count == 1 else 'numbers are'} needed, but {lengths[0]} came.")


def _number(piece):
    """A decimal number or a fraction such as 5/3; None if it is neither."""
    if not re.fullmatch(f"{NUMBER}(?:/{NUMBER})?", piece):
        return None
    top, _, bottom = piece.partition("/")
    if bottom and float(bottom) == 0:
        return None
    number = float(top) / float(bottom or 1)
    return number if isfinite(number) else None


def _close(given, target, tolerance):
    # 1e-9: rounding of the inputs themselves. A target of zero has no relative tolerance and must be met.
    return all(abs(x - y) <= tolerance * abs(y) + 1e-9 for x, y in zip(given, target, strict=True))


# Reading and checking a file


def read(path):
    """Read and check a quiz file: a dict from id to Question, in the order of the file.

    Raises:
        ValueError: one sentence with the file, the question and what was expected.
    """
    path = Path(path)
    lesson = path.parent.name
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise ValueError(f"{path.name} must be valid TOML: {problem}.") from None
    expected = [f"{lesson}-{number}" for number in range(1, len(tables) + 1)]
    if list(tables) != expected or not tables:
        raise ValueError(
            f"{path.name} must hold the questions {lesson}-1, {lesson}-2, ... in order, got {list(tables)}."
        )
    return {name: _question(f"{path.name}, question {name}", name, table) for name, table in tables.items()}


def _question(where, name, table):
    kind = table.get("kind") if isinstance(table, dict) else None
    _require(kind in KINDS, where, f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    _require_keys(where, table, REQUIRED[kind], OPTIONAL[kind])
    covers = table["covers"]
    _require(
        isinstance(covers, list)
        and covers
        and all(isinstance(c, str) and re.fullmatch(r"(EQ|EQX|AL|CL|FIG|ERR|MIS)-\d\d", c) for c in covers),
        where,
        f"covers must be a list of index entries such as MIS-01, got {covers!r}",
    )
    common = {"id": name, "kind": kind, "covers": tuple(covers), "prompt": _text(where, table, "prompt")}
    if kind == "number":
        return Question(**common, **_number_fields(where, table))
    return Question(**common, options=_options(where, kind, table["options"]))


def _options(where, kind, tables):
    _require(isinstance(tables, list) and len(tables) >= 3, where, "options must be a list of at least 3")
    options = []
    for number, table in enumerate(tables, start=1):
        here = f"{where}, option {number}"
        _require_keys(here, table, {"text", "right", "feedback"})
        is_flag = isinstance(table["right"], bool)
        _require(is_flag, here, f"right must be true or false, got {table['right']!r}")
        text = _text(here, table, "text")
        plain = kind != "choice" or "$" not in text
        _require(plain, here, "text must be plain, because radio buttons do not typeset $...$")
        options.append(Option(text, table["right"], _text(here, table, "feedback")))
    right = sum(option.right for option in options)
    if kind == "choice":
        _require(right == 1, where, f"exactly one option must be right, got {right}")
    else:
        mixed = 0 < right < len(options)
        _require(mixed, where, f"some options must be right and some not, got {right} of {len(options)}")
    _require_distinct(where, "text", [option.text for option in options])
    _require_distinct(where, "feedback", [option.feedback for option in options])
    return tuple(options)


def _number_fields(where, table):
    answer = _numbers(where, table, "answer")
    tolerance = table.get("tolerance", 0.01)
    _require(
        isinstance(tolerance, int | float) and not isinstance(tolerance, bool) and 0 < tolerance <= 0.1,
        where,
        f"tolerance must be a number above 0 and at most 0.1, got {tolerance!r}",
    )
    tables = table["distractors"]
    _require(isinstance(tables, list) and len(tables) >= 2, where, "distractors must be a list of at least 2")
    distractors = []
    for number, wrong in enumerate(tables, start=1):
        here = f"{where}, distractor {number}"
        _require_keys(here, wrong, {"value", "feedback"})
        value = _numbers(here, wrong, "value")
        same = len(value) == len(answer)
        _require(same, here, f"value must hold as many numbers as the answer, {len(answer)}, got {len(value)}")
        for taken in [answer, *(earlier.value for earlier in distractors)]:
            apart = not _close(value, taken, tolerance) and not _close(taken, value, tolerance)
            _require(apart, here, f"value must differ by more than the tolerance from {taken}, got {value}")
        distractors.append(Distractor(value, _text(here, wrong, "feedback")))
    texts = {key: _text(where, table, key) for key in ("form", "feedback", "hint")}
    replies = [texts["feedback"], texts["hint"], *(distractor.feedback for distractor in distractors)]
    _require_distinct(where, "feedback", replies)
    return {**texts, "answer": answer, "tolerance": tolerance, "distractors": tuple(distractors)}


def _numbers(where, table, key):
    values = table[key] if isinstance(table[key], list) else [table[key]]
    numeric = all(isinstance(x, int | float) and not isinstance(x, bool) and isfinite(x) for x in values)
    good = bool(values) and numeric
    _require(good, where, f"{key} must be a number or a list of numbers, got {table[key]!r}")
    return tuple(float(x) for x in values)


def _text(where, table, key):
    text = table[key]
    filled = isinstance(text, str) and text.strip() != ""
    _require(filled, where, f"{key} must be a text that is not empty, got {text!r}")
    _require(text.count("$") % 2 == 0, where, f"{key} must close every $ that it opens")
    return " ".join(text.split())


def _require_keys(where, table, required, optional=frozenset()):
    known = ", ".join(sorted(required | optional))
    _require(isinstance(table, dict), where, f"a table with {known} was expected, got {table!r}")
    missing, unknown = sorted(required - set(table)), sorted(set(table) - required - optional)
    _require(not missing, where, f"{', '.join(missing)} must be given")
    _require(not unknown, where, f"the keys must be among {known}, got {', '.join(unknown)}")


def _require_distinct(where, key, texts):
    twice = sorted({text for text in texts if texts.count(text) > 1})
    _require(not twice, where, f"{key} must differ from option to option, this one comes twice: {twice[:1]}")


def _require(holds, where, sentence):
    if not holds:
        raise ValueError(f"{where}: {sentence}.")


# As a page shows it

MARKS = {True: ("✓", "right"), False: ("↻", "not-yet"), None: ("…", "open")}


def reply_as_html(reply):
    mark, _ = MARKS[reply.right]
    remarks = ""
    for about, text in reply.remarks:
        title = f"<strong>{marked(about)}</strong><br>" if about else ""
        remarks += f"<p>{title}{marked(text)}</p>"
    return f"<p><strong>{mark} {marked(reply.headline)}</strong></p>{remarks}"


def as_html(question):
    """The question without a kernel: options, and the reply to each of them folded away under it."""
    verdicts = {
        "choice": {True: "Right.", False: "Not yet."},
        "several": {True: "Tick this one.", False: "Leave this one open."},
    }
    items = []
    for option in question.options:
        verdict = verdicts[question.kind][option.right]
        items.append(f"<li>{marked(option.text)}{_folded('Feedback', f'{verdict} {option.feedback}')}</li>")
    if question.kind == "number":
        folds = [("A hint", question.hint)]
        folds += [(f"If you have {values(wrong.value)}", wrong.feedback) for wrong in question.distractors]
        folds += [("The answer", f"{values(question.answer)}. {question.feedback}")]
        items = [f"<li>{_folded(summary, text)}</li>" for summary, text in folds]
    return (
        f"<div><p><strong>Question {question.id}.</strong> {marked(question.prompt)}</p>"
        f"<p><em>{marked(instruction(question))}</em></p><ul>{''.join(items)}</ul></div>"
    )


def as_text(question):
    """The question as plain text, without the answers."""
    lines = [textwrap.fill(f"Question {question.id}. {question.prompt}", 100), f"({instruction(question)})"]
    for option in question.options:
        lines.append(textwrap.fill(option.text, 100, initial_indent="- ", subsequent_indent="  "))
    return "\n".join(lines)


def instruction(question):
    """What to do with the question, for the versions on paper."""
    if question.kind == "number":
        return f"Write {question.form}."
    return "One is right." if question.kind == "choice" else "Tick all that apply."


def _folded(summary, text):
    return f"<details><summary>{summary}</summary>{marked(text)}</details>"


def values(numbers):
    """Numbers as a question writes them."""
    return ", ".join(f"{number:.4g}" for number in numbers).replace("-", "\N{MINUS SIGN}")


def marked(text):
    """A text of a quiz or a checker as HTML: formulas stay as they are, `code` becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
