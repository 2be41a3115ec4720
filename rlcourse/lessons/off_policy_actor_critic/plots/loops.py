"""The two loops: data that is used once, and data that is used again."""

from matplotlib.patches import Rectangle, Wedge

from rlcourse.course.figures import style
from rlcourse.course.figures.diagram import arrow, box, canvas, words
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.off_policy_actor_critic.plots.looks import BIG, SMALL


@style.styled
def two_loops():
    """FIG-04: data that is used once and thrown away, and data that is stored and used again."""
    figure, axes = canvas(10, 4.7)
    for x, title in ((ON, "On-policy: use once, throw away"), (OFF, "Off-policy: store, use again")):
        words(axes, x, 4.47, title, fontsize=BIG, fontweight="bold")
        _upper_loop(axes, x)
    axes.plot([4.98, 4.98], [0.25, 4.3], color=style.FAINT, linewidth=1.2)
    _fresh_batch(axes, ON)
    _replay_buffer(axes, OFF)
    return style.say(
        figure,
        "Two loops. On-policy: the policy acts in the world, a fresh batch makes one update and is thrown away. "
        "Off-policy: every step is stored in a ring in which the newest overwrites the oldest, and each update draws "
        "rows from all of it, so that one step serves many updates.",
    )


def _upper_loop(axes, x):
    """What both loops have: the policy acts in the world, and an update improves it."""
    _box(axes, x, 3.72, "policy π", POLICY, "#dcebf6")
    _box(axes, x + 1.62, 2.35, "world", NEUTRAL, "#ececec")
    _box(axes, x - 1.62, 2.35, "update", VALUE, "#d8efe6")
    _bend(axes, (x + 0.75, 3.72), (x + 1.62, 2.72), POLICY.ink)
    axes.text(x + 1.42, 3.50, "acts", ha="left", va="center", color=POLICY.ink)
    _bend(axes, (x - 1.62, 2.72), (x - 0.75, 3.72), VALUE.ink)
    axes.text(x - 1.42, 3.50, "improves", ha="right", va="center", color=VALUE.ink)


def _fresh_batch(axes, x):
    """A fresh batch, once through the update, then gone."""
    _cells(axes, x - 0.46, 1.02, [1.0] * 4)
    words(axes, x, 1.62, "a fresh batch", color=REWARD.ink)
    _bend(axes, (x + 1.62, 1.98), (x + 0.62, 1.14), INK)
    _bend(axes, (x - 0.62, 1.14), (x - 1.62, 1.98), INK)
    axes.text(x - 1.50, 1.30, "once", ha="right", va="center")
    _cells(axes, x - 0.46, 0.24, [0.0] * 4)
    axes.plot([x - 0.54, x + 0.54], [0.14, 0.58], color=NEGATIVE.ink, linewidth=2.4)
    arrow(axes, (x, 0.98), (x, 0.56), NEGATIVE.ink, gap=3)
    axes.text(x + 0.70, 0.34, "thrown away", ha="left", va="center", color=NEGATIVE.ink)


def _replay_buffer(axes, x, shares=24):
    """A ring of many rows, the newest darkest, of which every update draws some."""
    centre, turn = (x, 1.22), 360 / shares
    for i in range(shares):
        start = 90 - turn * i
        look = {"facecolor": style.mix(REWARD.color, 1 - i / shares, "#fffaf0"), "edgecolor": "white"}
        axes.add_patch(Wedge(centre, 0.82, start - turn, start, width=0.26, linewidth=1.2, **look))
    words(axes, *centre, "replay\nbuffer", color=REWARD.ink, fontweight="bold")
    overwritten = "newest overwrites\noldest"
    look = {"color": REWARD.ink, "fontsize": SMALL, "linespacing": 1.1}
    axes.text(x + 0.66, 0.42, overwritten, ha="left", va="center", **look)
    _bend(axes, (x + 1.62, 1.98), (x + 0.90, 1.30), INK)
    axes.text(x + 1.46, 1.36, "store", ha="left", va="center")
    _bend(axes, (x - 0.90, 1.30), (x - 1.62, 1.98), INK, width=5.0)
    words(axes, x - 1.52, 1.12, "draw,\nmany times", linespacing=1.1)


def _box(axes, x, y, text, role, color, width=1.36, height=0.62):
    """A box around its name."""
    look = {"facecolor": color, "edgecolor": role.ink, "linewidth": 1.8}
    box(axes, x - width / 2, y - height / 2, width, height, pad=0.02, rounding=0.14, **look)
    words(axes, x, y, text, color=role.ink, fontweight="bold", fontsize=BIG)


def _bend(axes, start, end, color, width=2.4):
    arrow(axes, start, end, color, width=width, bend=-0.22, gap=3)


def _cells(axes, x, y, shades, size=0.23):
    """Rows of data side by side, the paler the older."""
    for i, shade in enumerate(shades):
        look = {"facecolor": style.mix(REWARD.color, shade), "edgecolor": REWARD.ink, "linewidth": 1.2}
        axes.add_patch(Rectangle((x + i * size, y), size, 0.24, **look))


ON, OFF = 2.45, 7.5
"""Where the middles of the two loops are."""
