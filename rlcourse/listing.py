"""Listings: an algorithm's pseudocode, line by line beside the code that runs it.

Neither is written down here. The pseudocode stands in the docstring of the algorithm's file, each line of code
that plays one of its lines carries a tag (`# AL-03.5`), and `beside` lays the two next to each other.
"""

import ast
import html
import inspect
import re
from dataclasses import dataclass
from textwrap import dedent, indent

from rlcourse import distributions, exact, networks, noise, replay
from rlcourse.algorithms import actor_critic, ddpg, off_policy_actor_critic, ppo, reinforce, sac, workers
from rlcourse.checks import require

MODULES = (
    reinforce, actor_critic, workers, off_policy_actor_critic, ppo, ddpg, sac,
    replay, networks, noise, distributions, exact,
)  # fmt: skip
HEADING = re.compile(r"^ {4}(AL-\d\d) {2}(.+)$")
LINE = re.compile(r"^ {8}(\d+) {2}( *)(.+)$")
TAG = re.compile(r"\b(AL-\d\d)\.(\d+)\b")


@dataclass(frozen=True)
class Listing:
    """One algorithm: its lines, and for each the source lines that carry its tag."""

    name: str
    """AL-02, ..."""
    title: str
    lines: dict
    """Line number -> pseudocode, indented as in the listing."""
    code: dict
    """Line number -> source lines, without their tags."""

    def __str__(self):
        rows = [f"{self.name}  {self.title}"]
        for number, words in self.lines.items():
            rows.append(f"{number:>2}  {words}")
            rows += [indent(source, " " * 8) for source in self.code.get(number, [])]
        return "\n".join(rows)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": str(self), "text/html": self.to_html()}

    def to_html(self):
        """A table: number, pseudocode, code."""
        cell = "style='text-align:left;vertical-align:top;padding:0.35em 0.8em;width:{};white-space:{};{}'"
        number, words = cell.format("2em", "normal", ""), cell.format("40%", "pre-wrap", "")
        code = cell.format("auto", "pre-wrap", "overflow-wrap:anywhere;font-family:monospace")
        rows = "".join(
            f"<tr><td {number}>{line}</td><td {words}>{html.escape(text)}</td>"
            f"<td {code}>{html.escape(chr(10).join(self.code.get(line, [])))}</td></tr>"
            for line, text in self.lines.items()
        )
        return (
            "<table style='width:100%;table-layout:fixed'><caption style='text-align:left;font-weight:bold'>"
            f"{self.name} {html.escape(self.title)}</caption><thead><tr><th {number}>line</th>"
            f"<th {words}>pseudocode</th><th {code}>code</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def every():
    """All listings of the course: name -> Listing.

    Raises:
        ValueError: if a tag names a line that its listing lacks.
    """
    found = {}
    for module in MODULES:
        found |= {name: Listing(name, title, lines, {}) for name, title, lines in pseudocode(module)}
    for module in MODULES:
        for name, number, source in tagged(module):
            known = name in found and number in found[name].lines
            require(known, f"{module.__name__} has the tag {name}.{number}, and the listing no such line")
            found[name].code.setdefault(number, []).append(source)
    return dict(sorted(found.items()))


def beside(name):
    """The listing of one algorithm; as a cell's last line it shows itself as a table.

    Raises:
        ValueError: if there is none of that name.
    """
    known = every()
    require(name in known, f"name must be one of {', '.join(known)}, got {name!r}")
    return known[name]


def pseudocode(module):
    """(name, title, lines) of every listing in a module's docstring."""
    listings = []
    for line in _docstring_and_rest(module)[0]:
        if heading := HEADING.match(line):
            listings.append((*heading.groups(), {}))
        elif listings and (parts := LINE.match(line)):
            listings[-1][2][int(parts[1])] = parts[2] + parts[3]
        elif listings and listings[-1][2] and line.startswith(" " * 12) and line.strip():  # a long line goes on
            last = max(listings[-1][2])
            listings[-1][2][last] += " " + line.strip()
    return listings


def _docstring_and_rest(module):
    """The lines of a module's docstring, indented as in its file, and the lines below it.

    `module.__doc__` would not do: from Python 3.13 on the compiler takes the common indentation out of docstrings.
    """
    source = inspect.getsource(module)
    tree = ast.parse(source)
    docstring = ast.get_docstring(tree, clean=False)
    if docstring is None:
        return [], source.splitlines()
    return docstring.splitlines(), source.splitlines()[tree.body[0].end_lineno :]


def tagged(module):
    """(name, line number, source line) of every tag in a module's code; a statement over several lines is one."""
    _, lines = _docstring_and_rest(module)
    for position, line in enumerate(lines):
        code, _, comment = line.partition("  # ")
        for name, number in TAG.findall(comment):
            yield name, int(number), dedent("\n".join(_statement(lines, position, code))).rstrip()


def _statement(lines, position, code):
    """The tagged line, and what belongs to it until its brackets close."""
    taken, depth = [code], 0
    depth += sum(code.count(b) for b in "([{") - sum(code.count(b) for b in ")]}")
    while depth > 0:
        position += 1
        taken.append(lines[position].partition("  # ")[0])
        depth += sum(taken[-1].count(b) for b in "([{") - sum(taken[-1].count(b) for b in ")]}")
    return taken
