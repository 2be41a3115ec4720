"""Sizes that several figures share."""

from rlcourse.course.figures import style

BIG, SMALL = style.BASE_SIZE + 2, style.BASE_SIZE - 1
