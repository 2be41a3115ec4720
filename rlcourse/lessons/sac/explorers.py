"""Explorers: one update of SAC in slow motion, the alpha lab, and the bake-off."""

from functools import cache

import numpy as np

from rlcourse.course.figures.format import number
from rlcourse.course.widgets.controls import Choice, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.curves import interval
from rlcourse.lessons.sac import experiments as numbers
from rlcourse.lessons.sac import plots, runs

WORDS = {
    # form -> stage -> title, formula, what to read
    "later": {
        "batch": (
            "1  Four stored steps",
            "(s, a, r, s′, d) as they were recorded. The action a is the stored one; rows 1 to 3 go on, row 4 ended.",
            ("Nobody learns yet.", "Which of these columns will the", "actor's loss use?"),
        ),
        "target": (
            "2  The critics' target y",
            "y = r + γ (1 − d) [ min(Q̄₁, Q̄₂) − α log π(a′|s′) ],   a′ drawn now from π(·|s′),   γ = {gamma:g}",
            ("A constant: no gradient.", "a′ is drawn now. Row 4 ended:", "its target is r alone."),
        ),
        "critic": (
            "3  The critics' loss",
            "mean of ½ (Q₁(s, a) − y)² + ½ (Q₂(s, a) − y)² = {critic:.2f},   a as it is stored",
            ("Only the critics learn.", "The stored action belongs here:", "r and s′ are its consequences."),
        ),
        "actor": (
            "4  The actor's loss",
            "mean of α log π(a|s) − min(Q₁, Q₂)(s, a) = {actor},   a = f(ξ; s) drawn now",
            (
                "The gradient goes through Q, by",
                "way of a, into the actor. Q itself",
                "is frozen: its share is not used.",
            ),
        ),
        "alpha": (
            "5  The loss of the temperature",
            "mean of −α (log π(a|s) + H̄) = {alpha_loss},   H̄ = −1,   entropy of the four rows −mean log π = {entropy}",
            ("α alone learns.", "Entropy {side} its target −1,", "so α {moves}."),
        ),
        "lag": (
            "6  The target networks follow",
            "Q̄ ← κ Q + (1 − κ) Q̄,   κ = {kappa:g};   Q₁(s, a) and its target, before and after one update at this α",
            ("No gradient: an average.", "Q has moved; its target goes", "{percent:.0f} % of the way towards it."),
        ),
    },
}
WORDS["v"] = {
    **WORDS["later"],
    "goal": (
        "2  The target of V",
        "min(Q₁, Q₂)(s, a) − α log π(a|s),   a drawn now from π(·|s), not the stored one",
        ("A constant: no gradient.", "One action for each state stands", "for the mean over all of them."),
    ),
    "value": (
        "3  The loss of V",
        "mean of ½ (V(s) − target)² = {value:.2f}",
        ("Only V learns: neither the", "critics nor the actor hear of it.", ""),
    ),
    "critic": (
        "4  The critics' loss",
        "mean of ½ (Q₁ − y)² + ½ (Q₂ − y)² = {critic:.2f},   y = r + γ (1 − d) V̄(s′),   a as it is stored",
        ("Only the critics learn.", "y asks the target network V̄.", "It needs no action at s′ at all."),
    ),
    "actor": ("5" + WORDS["later"]["actor"][0][1:], *WORDS["later"]["actor"][1:]),
    "lag": (
        "6  The target network follows",
        "V̄ ← κ V + (1 − κ) V̄,   κ = {kappa:g};   V(s′) and its target, before and after one update at this α",
        ("No gradient: an average.", "V has moved; its target goes", "{percent:.0f} % of the way towards it."),
    ),
}
PARTS = {
    "later": (("actor π", "actor"), ("Q₁, Q₂", "critic"), ("α", "third"), ("Q̄₁, Q̄₂", "lag")),
    "v": (("actor π", "actor"), ("Q₁, Q₂", "critic"), ("V", "third"), ("V̄", "lag")),
}
HEADINGS = {
    "soft": {"target": "min − α log π", "goal": "target", "value": "target"},
    "V−soft": "V − target",
    "½(V−soft)²": "½ (V − target)²",
}


@explorer(
    form=Choice("form of SAC", numbers.FORMS, default=numbers.FORMS[0]),
    step=Slider("step", 1, 6, step=1, default=1),
    alpha=Slider("temperature, α", 0.1, 1.0, step=0.1, default=0.2),
    grid=("form", "step"),
)
def sac_update(form, step, alpha):
    """One update of SAC in slow motion: at every step, say which network learns before you read it off."""
    kind = "later" if form == numbers.FORMS[0] else "v"
    stage, found = numbers.STAGES[form][step - 1], numbers.one_update(form, alpha)
    title, formula, verdict = WORDS[kind][stage]
    columns = {}
    for key, values in found["stages"][stage].items():
        name = HEADINGS.get(key, key)
        columns[name[stage] if isinstance(name, dict) else name] = values
    entropy = -found["stages"]["actor"]["log π"].mean()
    write = number
    facts = {
        "gamma": found["gamma"],
        "kappa": found["kappa"],
        "percent": 100 * found["kappa"],
        "critic": found["losses"]["critic"],
        "value": found["losses"].get("value", 0.0),
        "actor": write(found["losses"]["actor"]),
        "alpha_loss": write(found["losses"]["alpha"]),
        "entropy": write(entropy),
        "side": "below" if entropy < -1 else "above",
        "moves": "rises" if entropy < -1 else "falls",
    }
    sent = found["gradients"].get(stage, {})
    third = "alpha" if kind == "later" else "value"
    keys = {"actor": "actor", "critic": "critic", "third": third, "lag": "lag"}
    wires = plots.WIRES[kind][stage]
    gradients = []
    for name, box in PARTS[kind]:
        learns, passed = (box in wires.get(key, ()) for key in ("learns", "passed"))
        word = "learns" if learns else "not used" if passed else ""
        gradients.append(plots.Gradient(name, box, sent.get(keys[box], 0.0), word))
    ended = [i for i, end in enumerate(numbers.BATCH["terminated"]) if end]
    return plots.update_step(
        kind,
        stage,
        columns,
        gradients,
        title=title,
        formula=formula.format(**facts),
        verdict=[line.format(**facts) for line in verdict],
        gone=ended if stage in ("target", "critic") else (),
        digits={"lag": 4, "value": 3}.get(stage, 2),
    )


SETTINGS = {f"α = {alpha}": f"SAC, α = {alpha}" for alpha in runs.ALPHAS} | {"α automatic": runs.AUTOMATIC}
BOTH = ("one setting", "automatic beside it")


@explorer(
    setting=Choice("temperature", tuple(SETTINGS), default="α = 2"),
    step=Slider("read at step", 500, 3000, step=500, default=1500),
    shown=Choice("show", BOTH, default=BOTH[0]),
    each_seed=Toggle("each seed by itself"),
    grid=("setting", "step"),
)
def alpha_lab(setting, step, shown, each_seed):
    """The alpha lab: too cold, too hot, automatic; compare the entropy with its dashed target, and say where α goes."""
    chosen = _every_500(SETTINGS[setting])
    other = _every_500(runs.AUTOMATIC) if shown == BOTH[1] and SETTINGS[setting] != runs.AUTOMATIC else None
    return plots.alpha_lab(
        chosen,
        other,
        int(np.searchsorted(chosen["steps"], step)),
        name=setting,
        learned=SETTINGS[setting] == runs.AUTOMATIC,
        goal=runs.GOALS[runs.PENDULUM],
        target=runs.TARGET_ENTROPY,
        each_seed=each_seed,
    )


def _every_500(label):
    """The stored runs of a label at the checkpoints that all temperatures share."""
    found = runs.runs(label)
    wanted = found["steps"] % 500 == 0
    return {key: values[..., wanted] for key, values in found.items()}


WHO = ("PPO alone", "all six")
TASKS = {"Pendulum": runs.PENDULUM, "CartPole": runs.CARTPOLE}


@explorer(
    who=Choice("agents", WHO, default=WHO[0]),
    task=Choice("task", tuple(TASKS), default="Pendulum"),
    price=Choice("a step takes, in ms", (0, 0.1, 1, 5, 50), default=0),
    grid=("who", "task"),
)
def bake_off(who, task, price):
    """The bake-off: six agents, sixteen seeds each; who is first depends on what a step costs, and on the task."""
    racers = runs.RACERS if TASKS[task] == runs.PENDULUM else runs.CART_RACERS
    racers = [label for label in racers if who == WHO[1] or label.startswith("PPO")]
    goal, curves, table = runs.GOALS[TASKS[task]], {}, {}
    for label in racers:
        name, steps = label.split(",")[0], runs.runs(label)["steps"]
        paid = {"steps": steps, "seconds": runs.seconds(label, steps) + price / 1000 * steps}
        curves[name] = (paid["steps"], paid["seconds"], _interval(label))
        first = runs.reached(label)
        there = first[np.isfinite(first)]
        seconds = runs.seconds(label, there) + price / 1000 * there
        table[name] = (len(there), len(first), *(_middle(values) for values in (there, seconds)))
    return plots.bake_off(curves, table, goal=goal, price=price, task=task)


@cache
def _interval(label):
    """The middle of the seeds' scores at every checkpoint, and its interval."""
    return interval(runs.runs(label)["scores"], resamples=1_000)


def _middle(values):
    """Mean, lowest and highest of the seeds that got there; None where fewer than half of the seeds did."""
    return (values.mean(), values.min(), values.max()) if len(values) >= runs.SEEDS / 2 else None
