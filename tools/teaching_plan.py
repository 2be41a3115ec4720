"""The teaching plan, read from the instructor's cells of the lessons: parts, minutes, what to ask, what to open.

A lesson says its minutes three times: in its head, in a table (lesson 01: a sentence) for the whole of it, and in the
note of each part. The plan prints the table; `Plan.disagreements` compares the three.
"""

import re
from dataclasses import dataclass

import web

OPENING = "opening"
HEADING = re.compile(r"^## (?:(\d+)\. )?(.+)", re.M)
MINUTES = re.compile(r"(\d+) minutes?")


@dataclass(frozen=True)
class Part:
    """A row of the plan: the sections that it covers, its minutes, what to ask, what is on screen."""

    name: str
    minutes: int
    ask: str
    sections: tuple
    screen: tuple


@dataclass(frozen=True)
class Plan:
    """A lesson's parts; the minutes that its head and its table promise; (sections, minutes) of each note; advice."""

    title: str
    promised: tuple
    parts: tuple
    notes: tuple
    advice: str

    @property
    def minutes(self):
        return sum(part.minutes for part in self.parts)

    def disagreements(self):
        """Sentences about minutes that do not add up; none if all is well."""
        for promised in dict.fromkeys(self.promised):
            if promised != self.minutes:
                yield f"{promised} minutes are promised, the parts add up to {self.minutes}"
        for sections, _ in self.notes:
            parts = [part for part in self.parts if {*part.sections} & {*sections}]
            planned = sum(part.minutes for part in parts)
            theirs = {section for part in parts for section in part.sections}
            notes = [note for note in self.notes if theirs & {*note[0]}]
            noted = sum(minutes for _, minutes in notes)
            complete = theirs == {section for sections, _ in notes for section in sections}
            if noted > planned or (complete and noted < planned):
                yield f"section {', '.join(map(str, sections))}: {noted} minutes in the notes, {planned} in the plan"

    def markdown(self):
        """A table that ends with the sum, and the advice under it."""
        rows = [f"| {part.name} | {part.minutes} | {part.ask} | {'; '.join(part.screen)} |" for part in self.parts]
        head = ["| part | minutes | ask | on screen |", "|:--|--:|:--|:--|"]
        total = f"| **together** | **{self.minutes}** | | |"
        return "\n".join([f"## {self.title}", "", *head, *rows, total, "", self.advice, ""])


def plan(path):
    """The Plan of a lesson.

    Raises:
        ValueError: if its head promises no minutes, or no instructor's cell divides them.
    """
    cells = web.read(path).cells
    title = cells[0].source.splitlines()[0].removeprefix("# ")
    promised = MINUTES.search(cells[0].source)
    if promised is None:
        raise ValueError(f"{path.name}: the first cell does not say how many minutes the lesson takes")
    notes = [cell.source for cell in cells if web.tagged(cell, "instructor")]
    rows, total, advice = table(notes) or sentence(notes) or (None, None, None)
    if rows is None:
        raise ValueError(f"{path.name}: no instructor's cell divides the {promised[0]} among the parts")

    where = sections(cells)
    screens = on_screen(cells, where)
    titles = {section: title for section, title in where if title}
    parts = []
    for name, minutes, ask in rows:
        covered = covers(name, titles)
        shown = tuple(dict.fromkeys(item for section in covered for item in screens.get(section, ())))
        if re.fullmatch(r"part \d+.*", name):
            name = f"{covered[0]} {titles[covered[0]]}"
        parts.append(Part(name, int(minutes), ask, covered, shown))
    noted = [(cell, section) for cell, (section, _) in zip(cells, where) if web.tagged(cell, "instructor")]
    timed = [timing(cell.source, section) for cell, section in noted]
    stated = int(promised[1]), total or int(promised[1])
    return Plan(title, stated, tuple(parts), tuple(note for note in timed if note), advice)


def table(notes):
    """(rows, their stated sum, advice) of the note that divides the lesson by a table; None if there is none."""
    for note in reversed(notes):
        lines = [
            [entry.strip() for entry in line.strip().strip("|").split("|")]
            for line in note.splitlines()
            if line.startswith("|")
        ]
        if not lines or "minutes" not in lines[0]:
            continue
        at = lines[0].index("minutes")  # the first column or the second; the other one holds the names
        named = [(line[1 - at].strip("*"), line[at].strip("*"), *line[2:]) for line in lines[2:]]
        rows = [(name, minutes, *rest) for name, minutes, *rest in named if name != "together"]
        total = next((int(minutes) for name, minutes, *_ in named if name == "together"), None)
        mistakes = "; ".join(row[3] for row in rows if len(row) > 3 and row[3])
        advice = "\n".join(line for line in note.splitlines() if not line.startswith(("|", "#"))).strip()
        if mistakes:
            advice = f"What students get wrong: {mistakes}.\n\n{advice}"
        return [row[:3] for row in rows], total, advice
    return None


def sentence(notes):
    """The same of a note that says "Plan of the 60 minutes: opening 2, part 1 takes 7, …"; None if there is none."""
    for note in notes:
        if match := re.search(r"Plan of the (\d+) minutes: (.+?)\.\s(.*)", note, re.S):
            said = " ".join(match[2].split())
            pieces = re.findall(r"(?:the )?([^,]+?)(?: takes)? (\d+)(?: \([^)]*\))?(?:, |$)", said)
            rows = [(name, minutes, questions(notes, name)) for name, minutes in pieces]
            return rows, int(match[1]), match[3].strip()
    return None


def questions(notes, name):
    """What the note of a part says to ask: its first question in quotes, or else its first sentence."""
    part = re.match(r"part (\d+)", name)
    title = re.compile(rf"\*\*[^*]*\b(?:part|parts \d and) {part[1]}\b") if part else None
    own = next((note for note in notes if title and title.match(note)), None)
    if own is None:
        return ""
    text = " ".join(own.split("**", 2)[2].split())
    return next(iter(re.findall(r'"([^"]+\?)"', text)), text.split(". ")[0] + ".")


def sections(cells):
    """For every cell the section that it stands in, as its number or its title in small letters, and its title."""
    here, found = (OPENING, ""), []
    for cell in cells:
        if cell.cell_type == "markdown" and (match := HEADING.search(cell.source)):
            here = (int(match[1]) if match[1] else match[2].lower(), match[2])
        found.append(here)
    return found


def covers(name, titles):
    """The sections of a row: by its numbers ("8 to 10", "11, 12 training"), or by a word that their titles share."""
    if name.startswith(OPENING):
        return (OPENING,)
    if match := re.match(r"(?:part )?(\d+)(?: to (\d+))?", name):
        first, last = int(match[1]), int(match[2] or match[1])
        return (*range(first, last + 1), *map(int, re.findall(r", (\d+)\b", name)))
    return tuple(section for section, title in titles.items() if words(name) & words(title))


def words(text):
    """The longer words of a text, in the singular."""
    return {word.rstrip("s") for word in re.findall(r"[a-z]{4,}", text.lower())}


def on_screen(cells, where):
    """For every section the titles of its explorers, and its training runs."""
    found = {}
    for cell, (section, _) in zip(cells, where):
        here = found.setdefault(section, {})
        if web.tagged(cell, "explorer"):
            title = re.split(r"(?<=\?) |:", web.explorer_of(cell).title)[0].rstrip(".")
            here.setdefault(title, cell.metadata.slideshow.slide_type == "skip")
        elif web.tagged(cell, "training"):
            here["a training run"] = False
    return {section: [title + " (at home)" * home for title, home in here.items()] for section, here in found.items()}


def timing(note, section):
    """(sections, minutes) of a note that says its minutes in bold at its beginning; None for another."""
    bold = re.match(r"\*\*(.+?)\*\*", note, re.S)
    minutes = bold and MINUTES.search(bold[1])
    if not minutes:
        return None
    several = re.search(r"\bparts (\d+) (?:and|to) (\d+)", bold[1])
    return tuple(range(int(several[1]), int(several[2]) + 1)) if several else (section,), int(minutes[1])


def page(plans):
    """The plans of all lessons as one page of Markdown."""
    total = sum(plan.minutes for plan in plans)
    together = f"**together, {total // 60} hours and {total % 60} minutes**"
    return "\n".join(
        [
            "# Teaching plan",
            "",
            "Made from the instructor's cells of the lessons. Minutes are those in class; what is *at home* "
            "costs none.",
            "",
            "| lesson | minutes |",
            "|:--|--:|",
            *(f"| {plan.title} | {plan.minutes} |" for plan in plans),
            f"| {together} | **{total}** |",
            "",
            *(plan.markdown() for plan in plans),
        ]
    )
