"""What several figures share."""

from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.style import INK

BIG, SMALL = style.BASE_SIZE + 3, style.BASE_SIZE - 1


def rule(figure, x, y, width):
    """A line under the headings of a table."""
    line = Rectangle((x, y), width, 0.0015, transform=figure.transFigure, color=INK, linewidth=0)
    figure.add_artist(line)
