"""Listings: an algorithm's pseudocode, line by line beside the code that runs it.

Neither is written down here. The pseudocode stands in the docstring of the algorithm's file, each block of code
that plays one of its lines begins with a tag (`# AL-03.5`), and `beside` lays the two next to each other.
"""

import ast
import html
import inspect
import re
from dataclasses import dataclass
from textwrap import indent

from rlcourse import distributions, exact, networks, noise, replay
from rlcourse.algorithms import (
    actor_critic,
    agent,
    async_workers,
    ddpg,
    discrete_sac,
    off_policy_actor_critic,
    ppo,
    reinforce,
    sac,
    td3,
    value_sac,
)
from rlcourse.checks import require

MODULES = (
    agent,
    reinforce,
    actor_critic,
    async_workers,
    off_policy_actor_critic,
    ppo,
    ddpg,
    td3,
    value_sac,
    sac,
    discrete_sac,
    replay,
    networks,
    noise,
    distributions,
    exact,
)
HEADING = re.compile(r"^( *)(AL-\d\d) {2}(.+)$")
LINE = re.compile(r"^( *)(\d+) {2}( *)(.+)$")
TAG = re.compile(r"\b(AL-\d\d)\.(\d+)\b")


@dataclass(frozen=True)
class Listing:
    """One algorithm: its lines, and for each the blocks of source that carry its tag."""

    name: str
    """AL-02, ..."""
    title: str
    lines: dict
    """Line number -> pseudocode, indented as in the listing."""
    code: dict
    """Line number -> blocks of source, without their tags."""

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
    """(name, title, lines) of every listing in a module's docstring: a heading, and its lines indented by four more."""
    listings, margin = [], 0
    for line in _docstring_and_rest(module)[0]:
        indentation = len(line) - len(line.lstrip())
        if heading := HEADING.match(line):
            margin = indentation
            listings.append((heading[2], heading[3], {}))
        elif listings and indentation == margin + 4 and (parts := LINE.match(line)):
            listings[-1][2][int(parts[2])] = parts[3] + parts[4]
        elif listings and listings[-1][2] and indentation >= margin + 8 and line.strip():  # a long line goes on
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
    """(name, line number, block of source) of every tag in a module's code.

    A block begins with the tagged line, and ends before a blank line, another tag, or a line that is indented less.
    """
    _, lines = _docstring_and_rest(module)
    margins = _margins(module, len(lines))
    for position, line in enumerate(lines):
        tags = TAG.findall(line.partition("  # ")[2])
        if not tags:
            continue
        indentation, block = len(line) - len(line.lstrip()), [_untagged(line)]
        for follower in lines[position + 1 :]:
            closing = follower.strip() in (")", "]", "}")  # of the tagged line's own brackets
            deep = len(follower) - len(follower.lstrip()) >= indentation
            if not follower.strip() or TAG.search(follower.partition("  # ")[2]) or not (deep or closing):
                break
            block.append(follower)
        source = "\n".join(row[min(margins[position], indentation) :] for row in block)
        for name, number in tags:
            yield name, int(number), source


def _untagged(line):
    """A line of code without its tags; words behind them stay as a comment."""
    code, _, comment = line.partition("  # ")
    words = TAG.sub("", comment).strip()
    return f"{code}  # {words}" if words else code


def _margins(module, count):
    """How far the body of the function around each of the last `count` source lines is indented; 0 outside of any."""
    source = inspect.getsource(module)
    skipped = len(source.splitlines()) - count
    margins = [0] * count
    for node in ast.walk(ast.parse(source)):  # outer functions come before inner ones
        if isinstance(node, ast.FunctionDef):
            first, last = node.body[0].lineno - 1 - skipped, node.end_lineno - skipped
            margins[first:last] = [node.body[0].col_offset] * (last - first)
    return margins
