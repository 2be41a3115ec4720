"""Who is who, and numbers as the figures write them."""

from rlcourse.course.figures import style
from rlcourse.course.figures.style import BASE_SIZE, NEGATIVE, POLICY, VALUE

BIG, SMALL = BASE_SIZE + 2, style.SMALLEST_SIZE
WORK, WAIT, LEARNER = POLICY, NEGATIVE, VALUE
"""What a worker or the learner is doing at a moment."""


def brief(value):
    """Three significant digits at most, and none that says nothing: 0.101, 15, 6,400."""
    if value >= 99.5:
        return f"{value:,.0f}"
    text = f"{value:.{2 if value >= 0.995 else 3}g}" if value < 9.95 else f"{value:.1f}"
    return text.removesuffix(".0")
