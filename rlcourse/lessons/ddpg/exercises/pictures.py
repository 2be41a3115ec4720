"""Checker of the exercise with two wrong diagrams: which of the numbered places are flawed?"""

import numpy as np

from rlcourse.course.checker import UNFINISHED, Stopped, Verdict, not_started, right, wrong

_PICKED = {
    "A": {
        1: "The noise belongs here: the environment gets μ(s) + noise, clipped to the box.",
        4: "Stored actions are right for the critic's loss: r and s' are their consequences.",
        6: "6 is the arrow from Q̄ to y alone, and the score does enter y. What does not arrive is marked elsewhere.",
        8: "y does belong in the critic's loss.",
        9: "The gradient of the critic's loss does move the critic.",
        10: "The actor does learn from − mean Q, through the critic. Look at which action the critic was shown.",
        11: "The target critic does follow the critic, by κ.",
        12: "The target actor does follow the actor, by κ.",
    },
    "B": {
        2: "This record is complete: s, a, r, s' and d.",
        3: "The minibatch is drawn from the replay buffer, at random.",
        5: "The target actor needs just this: s' from the minibatch.",
        7: "Stored (s, a) are right for the critic's loss.",
        9: "The gradient of the loss does move the critic.",
        11: "The target critic does follow the critic, by κ.",
        12: "The target actor does follow the actor, by κ.",
    },
}
_MISSED = {
    "A": {
        2: "What must the replay buffer know about a step after which the episode is over?",
        3: "For the actor's loss, should the critic be shown the action that was played, noise and all, or the one "
        "that the actor would choose?",
        5: "The target networks are asked about which state, and by which arrow does that state arrive?",
        7: "Write down the formula of y, and look for an arrow for each of its parts.",
    },
    "B": {
        1: "How does this agent ever try anything that its actor would not do?",
        4: "At s' nobody has acted yet: where can a' come from?",
        6: "The target actor chooses something. Who uses it?",
        8: "Take a terminal row with reward 1. Which target does this loss give it?",
        10: "Which question does the actor ask the critic: how wrong are you, or which way is up?",
    },
}


def diagrams(a, b):
    """Check two sets of numbers: the flawed places of diagram A and of diagram B."""
    if all(picks is None or picks is Ellipsis for picks in (a, b)):
        return not_started()
    for name, picks in (("A", a), ("B", b)):
        if picks is None or picks is Ellipsis:
            return wrong(f"Diagram {name} is not answered yet. Give a set of numbers for it, and both are checked.")
    try:
        picked = {"A": _numbers("A", a), "B": _numbers("B", b)}
    except Stopped as stopped:
        return stopped.verdict
    if not any(picked.values()):
        return Verdict(UNFINISHED, "Both sets are empty. Give the numbers of the places that are flawed.")
    said = [
        f"{name}{n} is right as it is. {_PICKED[name][n]}"
        for name in "AB"
        for n in sorted(picked[name] - _MISSED[name].keys())
    ]
    found = {name: len(picked[name] & _MISSED[name].keys()) for name in "AB"}
    score = "; ".join(f"{name}: {found[name]} of {len(_MISSED[name])} flaws found" for name in "AB")
    if said:
        return wrong(" ".join(said), score)
    for name in "AB":
        for n, question in _MISSED[name].items():
            if n not in picked[name]:
                return wrong(f"Nothing right is accused, but diagram {name} has a flaw left. {question}", score)
    return right(
        "All nine: what is stored, what enters y, whose action is scored, and where the actor's gradient comes from."
    )


def _numbers(name, picks):
    if isinstance(picks, str | bytes) or not hasattr(picks, "__iter__"):
        picks = [picks]
    if isinstance(picks, dict):
        picks = list(picks)
    found = set()
    for pick in np.asarray(list(picks), dtype=object).ravel():
        if isinstance(pick, bool) or not isinstance(pick, int | np.integer) or not 1 <= int(pick) <= 12:
            raise Stopped(
                wrong(
                    f"Give the places of diagram {name} as a set of numbers from 1 to 12, such as {{1, 2}}; got "
                    f"{pick!r}."
                )
            )
        found.add(int(pick))
    return found
