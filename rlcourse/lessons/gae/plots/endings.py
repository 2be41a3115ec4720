"""Ends of episodes: three treatments, and what they make of value and advantage."""

from rlcourse.course.figures import style
from rlcourse.lessons.gae.plots.looks import GAE, WRONG, signed

CARD = {"facecolor": style.CARD, "edgecolor": "none", "alpha": 0.9, "pad": 1.5}
"""The ground of letters that stand on a bar or a line."""
TREATMENTS = {
    "right": ("mask terminated steps only", GAE),
    "no mask": ("no mask at all", WRONG),
    "time limit": ("mask truncated steps too", style.REWARD),
}


@style.styled
def ends(treatments, *, p_good, time_limit, gamma):
    """The value and the two advantages of the survival state, as each treatment of the ends makes them.

    Args:
        treatments: dict of (value, good, bad); its keys are "right" and perhaps the others of TREATMENTS.
        p_good, time_limit, gamma: what they were computed for.
    """
    figure, (left, right) = style.new_figure(
        10, 4.8, 1, 2, left=0.035, right=0.985, bottom=0.13, top=0.80, wspace=0.08, width_ratios=(1.25, 1.0)
    )
    title = f"survives a step with p = {p_good:.2f},  time limit T = {time_limit},  γ = {gamma:.3f}"
    figure.text(0.035, 0.94, title, fontsize=style.BASE_SIZE + 1, fontweight="bold", va="center")
    _values(left, treatments)
    _advantages(right, treatments)
    for axes in (left, right):
        axes.set_ylim(2.45, -0.65)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=6)
    said = "; ".join(
        f"{label} V = {_value(treatments[name].value)}, advantage of the bad action {signed(treatments[name].bad)}"
        for name, (label, _) in TREATMENTS.items()
        if name in treatments
    )
    return style.say(figure, f"Survival {p_good:.2f} per step, time limit {time_limit}, γ = {gamma:.3f}: {said}.")


def _values(axes, treatments):
    """V of the state as each treatment sees it, and how many times the truth that is."""
    truth = treatments["right"].value
    longest = max(t.value for t in treatments.values())
    for row, name in enumerate(treatments):
        label, role = TREATMENTS[name]
        value = treatments[name].value
        look = {"color": role.ink, "fontweight": "bold", "va": "center", "bbox": CARD}
        axes.barh(row, value, 0.42, **role.bar())
        axes.text(0.006 * longest, row - 0.37, label, **look)
        wrong = abs(value - truth) > 0.005 * truth
        compared = f"  ({value / truth:.2g} × the truth)" if wrong else "  (right)"
        said = _value(value) + ("" if name == "right" else compared)
        dx, ha = (-0.02, "right") if value > 0.55 * longest else (0.02, "left")
        axes.text(value + dx * longest, row, said, ha=ha, **look)
    axes.axvline(truth, color=GAE.ink, linestyle="--", linewidth=1.6, zorder=0)
    axes.set_xlim(0, 1.06 * longest)
    axes.set_title("value V of the state")
    axes.set_xlabel("expected discounted reward")


def _advantages(axes, treatments):
    """The advantages of both actions under each treatment."""
    widest = max(1.0, *(max(abs(t.good), abs(t.bad)) for t in treatments.values()))
    for row, (name, found) in enumerate(treatments.items()):
        role = TREATMENTS[name][1]
        for shift, action, value in ((-0.17, "good", found.good), (0.17, "bad", found.bad)):
            axes.barh(row + shift, value, 0.28, **role.bar())
            x = 0.06 * widest if value <= 0 else value + 0.06 * widest
            text = f"{action} {signed(value)}"
            axes.text(x, row + shift, text, color=role.ink, fontweight="bold", va="center")
    axes.axvline(0, color=style.INK, linewidth=1.0)
    best = max(t.good for t in treatments.values())
    axes.set_xlim(-1.08 * widest, max(1.15 * widest * 0.5, 1.35 * best + 0.6 * widest))
    axes.spines["left"].set_visible(False)
    axes.set_title("advantage of each action")
    axes.set_xlabel("A = Q − V")


def _value(value):
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"
