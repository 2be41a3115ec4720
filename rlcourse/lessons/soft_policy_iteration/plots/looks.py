"""What several figures share: sizes, dashes, and a probability in words."""

from rlcourse.course.figures import style
from rlcourse.course.figures.format import power_of_ten

BIG = style.BASE_SIZE + 3
PALE_RED = "#fbe3d3"
DASHES = (0, (5, 2))


def chance(p):
    """A probability as a reader writes it: 12.3 %, 0.09 %, 3·10⁻¹⁴."""
    if p >= 0.00095:
        return f"{100 * p:.1f} %"
    return "0" if p < 1e-99 else power_of_ten(p)
