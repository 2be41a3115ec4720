"""Actor and critic: one step of the two exits."""

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.sheet import Sheet
from rlcourse.course.figures.style import ACTION, INK, NEGATIVE, NEUTRAL, POLICY, POSITIVE, REWARD, VALUE
from rlcourse.lessons.advantage.plots.looks import BIG, SMALL

EXIT = "#fff0c2"
HEADING = {"ha": "left", "fontsize": BIG, "fontweight": "bold"}


@style.styled
def actor_critic(step, steps, gamma, right, V, seen, exits=(0.4, 1.0)):
    """One step of the two exits: what the actor does, what the critic says of it.

    Args:
        step, steps: which step this is, of how many.
        gamma: discount γ.
        right: the actor's probability of going right.
        V: value of each cell.
        seen: the step: state, action, next_state, reward, value, next_value, delta.
        exits: what walking out on the left and on the right pays.
    """
    sheet = Sheet.blank(9, 5.9)
    role, verdict = _verdict(seen.delta)
    side = "right" if seen.action else "left"
    sheet.text(0.15, 5.66, f"Environment: two exits, step {step} of {steps}", **HEADING)
    sheet.text(8.85, 5.66, "in the cells: $V$ for this actor", ha="right", fontsize=SMALL, color=VALUE.ink)
    _chain(sheet, 4.50, V, seen, exits)
    both = [(0.15, 1.05, 3.1, 2.2, "#e6f0f7"), (4.2, 1.05, 4.65, 2.2, "#e3f3ee")]
    sheet.boxes(both, edgecolors=[POLICY.color, VALUE.color], linewidths=2.0)
    _actor(sheet, right, side)
    _critic(sheet, seen, gamma, role)
    _exchange(sheet, seen, side, role)
    sheet.boxes([(0.15, 0.18, 8.7, 0.62, style.mix(role.color, 0.13))], edgecolors=role.color, linewidths=2)
    sheet.text(4.5, 0.49, f"{verdict}: {_advice(seen.delta, side)}", color=role.ink, fontsize=BIG, fontweight="bold")
    reached = "the end" if seen.next_state is None else f"a cell worth {_following(seen)}"
    return style.say(
        sheet.figure,
        f"Step {step}: from a cell worth {number(seen.value, 3)} the actor went {side}, was paid "
        f"{number(seen.reward)} and reached {reached}; with discount {gamma:.2f} the critic says "
        f"{number(seen.delta, 3, signed=True)}: {verdict.lower()}.",
    )


def _following(seen):
    """V(s') as a number: 0 at the end."""
    return "0" if seen.next_state is None else number(seen.next_value, 3)


def _actor(sheet, right, side):
    """The box of the actor: its two chances, and which way it went."""
    sheet.text(0.3, 3.0, "Actor", color=POLICY.ink, **HEADING)
    bars = []
    for i, (name, chance) in enumerate((("left", 1 - right), ("right", right))):
        chosen, y = name == side, 2.42 - 0.50 * i
        bars.append((1.0, y - 0.15, 1.5 * chance, 0.3, POLICY.color if chosen else style.mix(ACTION.color, 0.55)))
        look = {"color": POLICY.ink, "fontweight": "bold" if chosen else "normal"}
        sheet.text(0.9, y, name, ha="right", **look)
        sheet.text(1.08 + 1.5 * chance, y, f"{chance:.0%}", ha="left", **look)
    sheet.boxes(bars, zorder=2)
    sheet.text(0.3, 1.33, f"It went {side}.", ha="left", color=POLICY.ink)


def _critic(sheet, seen, gamma, role):
    """The box of the critic: what it expected, what it found, and the TD error between the two."""
    sheet.text(4.35, 3.0, "Critic", color=VALUE.ink, **HEADING)
    grounds = [((5.75, 2.58), (7.05, 2.58)), ((7.22, 2.10), (8.60, 2.10))]
    sheet.strokes([(ground, 25, "#ffffff") for ground in grounds], zorder=2)
    look = {"ha": "left", "color": VALUE.ink}
    sheet.text(4.35, 2.58, "expected", **look)
    sheet.text(5.72, 2.57, f"$V(s)$ = {number(seen.value, 3)}", **look)
    sheet.text(4.35, 2.10, "found", **look)
    sheet.text(5.72, 2.09, f"$r$ = {number(seen.reward)}", ha="left", color=REWARD.ink)
    following = _following(seen)
    sheet.text(7.19, 2.09, ("the end: " if seen.next_state is None else "$V(s')$ = ") + following, **look)
    sheet.text(4.35, 1.68, "$\\delta = r + \\gamma V(s') - V(s)$", ha="left")
    sum_of = f"= {number(seen.reward)} + {gamma:g} · {_brackets(following)} − {_brackets(number(seen.value, 3))}"
    sheet.text(4.35, 1.32, sum_of, ha="left", fontsize=style.SMALLEST_SIZE + 0.5)
    delta = f"= {number(seen.delta, 3, signed=True)}"
    sheet.text(8.72, 1.32, delta, ha="right", color=role.ink, fontsize=BIG, fontweight="bold")


def _exchange(sheet, seen, side, role):
    """What goes between world, actor and critic: arrows with their names, that of δ the thicker the larger it is."""
    sheet.arrow((0.75, 3.32), (0.75, 4.34), POLICY.color)
    sheet.text(0.90, 3.83, f"action {side}", ha="left", color=POLICY.ink)
    sheet.arrow((2.75, 4.34), (2.75, 3.32), INK)
    sheet.text(2.90, 3.83, "state $s$", ha="left")
    sheet.arrow((4.75, 4.34), (4.75, 3.32), REWARD.color)
    reached = "and the end" if seen.next_state is None else "next state $s'$"
    sheet.text(4.90, 3.83, f"reward {number(seen.reward)}, {reached}", ha="left", color=REWARD.ink)
    sheet.arrow((4.14, 2.1), (3.30, 2.1), role.color, 0.05 + 0.20 * min(abs(seen.delta), 1))
    sheet.text(3.74, 2.52, "$\\delta$", color=role.ink, fontsize=BIG + 3)


def _brackets(text):
    """A negative number in brackets, for the inside of a sum."""
    return f"({text})" if text.startswith("−") else text


def _verdict(delta):
    if abs(delta) < 0.0005:
        return NEUTRAL, "Just as expected"
    return (POSITIVE, "Better than expected") if delta > 0 else (NEGATIVE, "Worse than expected")


def _advice(delta, side):
    if abs(delta) < 0.0005:
        return "nothing to learn here."
    return f"go {side} {'more' if delta > 0 else 'less'} often from here."


def _chain(sheet, y, V, seen, exits):
    """Seven cells between two exits, shaded by their value; the walker, and where it goes."""
    wide, tall, left = 0.93, 0.74, 1.245
    cells = [
        (left + i * wide, y, wide, tall, style.mix(VALUE.color, 0.08 + 0.62 * min(max(v, 0), 1)))
        for i, v in enumerate(V)
    ]
    sheet.boxes(cells, edgecolors=VALUE.ink, linewidths=1.2)
    for x, pays in ((left - wide - 0.08, exits[0]), (left + 7 * wide + 0.08, exits[1])):
        sheet.boxes([(x, y, wide, tall, EXIT)], edgecolors=REWARD.ink, linewidths=1.2)
        sheet.text(x + wide / 2, y + 0.20, f"exit {pays:g}", color=REWARD.ink, fontweight="bold")
    for i, v in enumerate(V):
        sheet.text(left + (i + 0.5) * wide, y + 0.18, number(v, 2), color=INK, fontsize=SMALL)
    start = left + (seen.state + 0.5) * wide
    end = start + (wide + 0.08 * (seen.next_state is None)) * (1 if seen.action else -1)
    reach = 0.2 if seen.action else -0.2
    for x, fill in ((start, POLICY.color), (end, "#ffffff")):
        sheet.line(
            [x], [y + 0.51], "o", color=fill, markeredgecolor=POLICY.color, markeredgewidth=2.5, markersize=17, zorder=4
        )
    sheet.arrow((start + reach, y + 0.51), (end - reach, y + 0.51), POLICY.color)
