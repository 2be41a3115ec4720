"""What the appendix shows is the index's table, whole, behind one line."""

import pytest

from rlcourse.course import index
from rlcourse.lessons.start_here import appendix


@pytest.mark.parametrize("table", [index.equations, index.claims])
def test_a_folded_table_holds_every_row(table):
    shown = appendix.folded(table(), "Look it up")
    page = shown._repr_markdown_()
    assert page.startswith("<details><summary>Look it up</summary><table") and page.endswith("</details>")
    assert table()._repr_html_() in page and repr(table()) in repr(shown)
    assert "\n\n" not in page  # a blank line would end the block of HTML
