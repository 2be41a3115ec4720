"""Explorers: two boards, the diagnostics reader, and a bonus for entropy."""

import numpy as np
from scipy.special import softmax

from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.ppo_in_practice import experiments as numbers
from rlcourse.lessons.ppo_in_practice import plots


def _board(section, variations, variation, everything):
    stored = numbers.stored()[section]
    rows = [
        (name, change.setting, stored[name]["curve"], numbers.middle(stored[name]["run"]))
        for name, change in variations.items()
    ]
    return plots.board(rows, numbers.POINTS, chosen=variation, solved=numbers.SOLVED, everything=everything)


@explorer(
    variation=Choice("variation", tuple(numbers.VARIATIONS), default=numbers.DEFAULT),
    everything=Toggle("show all results"),
    grid=("variation", "everything"),
)
def ablation_board(variation, everything):
    """The board of settings: change one thing in PPO, and see what it costs, 16 seeds each."""
    return _board("settings", numbers.VARIATIONS, variation, everything)


@explorer(
    detail=Choice("detail", tuple(numbers.DETAILS), default=numbers.DEFAULT),
    everything=Toggle("show all results"),
    grid=("detail", "everything"),
)
def details_board(detail, everything):
    """The board of details: what the package does, taken away; what other programs do, put in; 16 seeds each."""
    return _board("details", numbers.DETAILS, detail, everything)


DIAGNOSES = {
    "healthy": (
        "Nothing to change.",
        "Small, steady steps; entropy sinks slowly. Explained variance falls near 0 when all returns",
        "become equal: then there is hardly any variance left to explain.",
    ),
    "A": (
        "Step size far too large (η = 0.1).",
        "The first update already leaps: a KL near 10 where 0.01 is usual, and the entropy is gone.",
        "Change: divide η by 10 or more. More epochs or a wider clip would make it worse.",
    ),
    "B": (
        "No terminated flag: nobody tells PPO that the pole has fallen.",
        "No leap, no collapse; its critic explains little, but so does D's. Yet the return is that of a random policy.",
        "Change: mask δ at a true end, cut the sum there. Diagnostics cannot replace a look at the return.",
    ),
    "C": (
        "Entropy collapsed early: its bonus has the wrong sign (weight −0.5).",
        "Four updates look healthy; by the eighth the entropy is gone and the KL has leapt to 0.46. The leap is",
        "the result: near certainty a small step is a large ratio. Change: the sign, and then a smaller weight.",
    ),
    "D": (
        "Step size too small (η = 0.0001).",
        "Clip fraction mostly below 0.03, KL mostly below 0.001: a whole rollout hardly moves the policy.",
        "Change: a larger η, or more epochs on every rollout.",
    ),
}


@explorer(
    patient=Choice("run", tuple(numbers.PATIENTS), default="healthy"),
    update=Slider("update", 1, 40, step=1, default=8),
    diagnosis=Toggle("show the diagnosis"),
    grid=("patient", "update"),
)
def diagnostics_reader(patient, update, diagnosis):
    """The diagnostics reader: four numbers of every update tell why a run does not learn."""
    stored = numbers.stored()
    return plots.diagnostics(
        stored["patients"][patient]["steps"],
        stored["patients"][patient],
        update,
        patient=patient,
        diagnosis=DIAGNOSES[patient] if diagnosis else (),
    )


@explorer(
    bonus=Slider("weight of the bonus, β", 0, 0.5, step=0.02, default=0),
    step_size=Choice("step size, η", numbers.STEP_SIZES, default=16),
    grid=("bonus", "step_size"),
)
def entropy_bonus(bonus, step_size):
    """A bonus for entropy: find the weight that saves most learners, and see what it costs the others.

    1,000 softmax policies on three arms that pay 0.2, 0.5 and 1 on average, 300 batches of eight pulls each.
    """
    tables = {int(eta): table for eta, table in numbers.stored()["bonus"].items()}
    best = [numbers.best_payoff(weight) for weight in numbers.BONUSES]
    chances = [softmax(numbers.ARMS / weight, axis=-1)[2] if weight else 1.0 for weight in numbers.BONUSES]
    return plots.bonus(
        np.array(numbers.BONUSES),
        tables,
        numbers.BONUSES.index(bonus),
        step_size=step_size,
        edges=numbers.EDGES,
        best=best,
        chances=chances,
    )
