"""Explorers of lesson 07: the ablation board, the diagnostics reader, and a bonus for entropy."""

import numpy as np

from rlcourse import plots
from rlcourse.experiments import lesson_07 as numbers
from rlcourse.explorers.shell import Choice, Slider, Toggle, explorer


@explorer(
    variation=Choice("variation", tuple(numbers.VARIATIONS), default="η = 0.001"),
    each_seed=Toggle("each seed by itself"),
    grid=("variation",),
)
def ablation_board(variation, each_seed):
    """The ablation board: change one thing in PPO, and see how much it matters, seed by seed."""
    stored = numbers.stored()
    rows = [(name, change.setting, numbers.finals(name)) for name, change in numbers.VARIATIONS.items()]
    curves, usual = (stored["board"][name]["curves"] for name in (variation, numbers.DEFAULT))
    return plots.lesson_07.board(
        rows, stored["steps"], curves, usual, chosen=variation, solved=numbers.SOLVED, each_seed=each_seed
    )


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
        "No leap, no collapse; its critic explains little, but so does D's. Yet the return sinks below chance, 22.",
        "Change: mask δ at a true end, cut the sum there. Diagnostics cannot replace a look at the return.",
    ),
    "C": (
        "Entropy collapsed early: its bonus has the wrong sign (weight −0.5).",
        "The first update is that of the healthy run; then the entropy sinks, and near certainty small steps",
        "are large ratios. It still learns, and stays below. Change: the sign, and then a smaller weight.",
    ),
    "D": (
        "Step size too small (η = 0.0001).",
        "Clip fraction 0, KL mostly below 0.001: the data of a whole rollout hardly move the policy.",
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
    return plots.lesson_07.diagnostics(
        stored["steps"], stored["patients"][patient], update,
        patient=patient, diagnosis=DIAGNOSES[patient] if diagnosis else (),
    )  # fmt: skip


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
    chances = [numbers.softmax(numbers.ARMS / weight)[2] if weight else 1.0 for weight in numbers.BONUSES]
    return plots.lesson_07.bonus(
        np.array(numbers.BONUSES), tables, numbers.BONUSES.index(bonus),
        step_size=step_size, edges=numbers.EDGES, best=best, chances=chances,
    )  # fmt: skip
