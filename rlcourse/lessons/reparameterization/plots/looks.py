"""What several figures share: sizes, fills, and numbers of very different size."""

from rlcourse.course.figures import style
from rlcourse.course.figures.format import three_digits

BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1
LIT, PALE = "#dcebf6", "#f3f3f3"


def brief(value):
    """Three digits or so, for numbers of very different size."""
    return three_digits(value) if abs(value) >= 5e-5 else "0"
