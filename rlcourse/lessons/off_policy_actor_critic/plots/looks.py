"""Sizes and numbers that several figures share."""

from rlcourse.course.figures import style
from rlcourse.course.figures.format import three_digits

BIG, SMALL = style.BASE_SIZE + 2, style.BASE_SIZE - 1


def brief(value):
    """Three digits or so, for numbers of very different size."""
    return three_digits(value, most=3)
