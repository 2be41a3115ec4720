"""What several figures share: who is who, keys, and numbers with a sign."""

from matplotlib.patches import Rectangle

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number

GAE, WRONG, PLAIN = style.POLICY, style.NEGATIVE, style.NEUTRAL


def key(axes, x, y, text, role, **changes):
    """A line of words in a role's ink, at a place given in fractions of the axes."""
    look = {"color": role.ink, "fontweight": "bold", "va": "center", "transform": axes.transAxes}
    return axes.text(x, y, text, **{**look, **changes})


def swatch(axes, x, y, text, role):
    """A small bar in the look of a role, and its name beside it."""
    axes.add_patch(Rectangle((x, y - 0.022), 0.035, 0.044, transform=axes.transAxes, clip_on=False, **role.bar()))
    key(axes, x + 0.05, y, text, role)


def signed(value):
    """+0.50, −0.50, 0."""
    return "0" if abs(value) < 0.005 else number(value, signed=True)
