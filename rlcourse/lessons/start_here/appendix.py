"""The long tables at the end of the lesson, folded: they are for looking things up."""

from rlcourse.course import index


def folded(table, summary):
    """A table of the index behind one line, which opens it.

    Args:
        table: what `index.equations` or `index.claims` gives.
        summary: the line.
    """
    page = f"<details><summary>{summary}</summary>{table._repr_html_()}</details>"
    return index.Shown(page, f"{summary}\n\n{table!r}")
