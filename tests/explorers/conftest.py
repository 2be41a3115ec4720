"""What the tests of the explorers share: the words of a picture, and where they get into each other's way."""

import itertools

import pytest
from matplotlib.text import Text

from rlcourse.plots import style

RIM = 2  # pixels that two boxes may share: a box is a little wider than its letters


def words_of(figure):
    """Every visible piece of text of a figure, with the box that it covers in pixels."""
    style.pixels(figure)
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    return [(text, box) for text, box in boxes if box.width > 1]


def collisions_of(figure):
    """(text, trouble) for all that leaves the picture or lies upon another text."""
    width, height = figure.bbox.x1, figure.bbox.y1
    found = words_of(figure)
    for text, box in found:
        if min(box.x0, box.y0) < -RIM or box.x1 > width + RIM or box.y1 > height + RIM:
            yield text, "leaves the picture"
    for (one, a), (other, b) in itertools.combinations(found, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > RIM and down > RIM + 1:
            yield one, f"lies upon {other!r}"


@pytest.fixture
def words():
    return words_of


@pytest.fixture
def collisions():
    return collisions_of
