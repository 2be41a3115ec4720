"""Explorers of lesson 10, second half: one update of SAC in slow motion, the alpha lab, and the bake-off."""

import numpy as np

from rlcourse import plots
from rlcourse.experiments import lesson_10_agents as numbers
from rlcourse.explorers.shell import Choice, Slider, Toggle, explorer

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
            "mean of ½ (Q₁(s, a) − y)² + ½ (Q₂(s, a) − y)² = {critic:.2f},   a from the memory",
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
            "6  The copies follow",
            "Q̄ ← κ Q + (1 − κ) Q̄,   κ = {kappa:g};   Q₁(s, a) and its copy, before and after one update at this α",
            ("No gradient: an average.", "Q has moved; the copy goes", "{percent:.0f} % of the way towards it."),
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
        "mean of ½ (Q₁ − y)² + ½ (Q₂ − y)² = {critic:.2f},   y = r + γ (1 − d) V̄(s′),   a from the memory",
        ("Only the critics learn.", "y asks the lagged copy V̄. It", "needs no action at s′ at all."),
    ),
    "actor": ("5" + WORDS["later"]["actor"][0][1:], *WORDS["later"]["actor"][1:]),
    "lag": (
        "6  The copy follows",
        "V̄ ← κ V + (1 − κ) V̄,   κ = {kappa:g};   V(s′) and its copy, before and after one update at this α",
        ("No gradient: an average.", "V has moved; the copy goes", "{percent:.0f} % of the way towards it."),
    ),
}
PARTS = {
    "later": (("actor π", "actor"), ("Q₁, Q₂", "critic"), ("α", "third"), ("Q̄₁, Q̄₂", "lag")),
    "v": (("actor π", "actor"), ("Q₁, Q₂", "critic"), ("V", "third"), ("V̄", "lag")),
}
HEADINGS = {"soft": {"target": "min − α log π", "goal": "target", "value": "target"}, "V−soft": "V − target",
            "½(V−soft)²": "½ (V − target)²"}  # fmt: skip


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
    write = plots.lesson_10_agents.number
    facts = {
        "gamma": found["gamma"], "kappa": found["kappa"], "percent": 100 * found["kappa"],
        "critic": found["losses"]["critic"], "value": found["losses"].get("value", 0.0),
        "actor": write(found["losses"]["actor"]), "alpha_loss": write(found["losses"]["alpha"]),
        "entropy": write(entropy), "side": "below" if entropy < -1 else "above",
        "moves": "rises" if entropy < -1 else "falls",
    }  # fmt: skip
    sent = found["gradients"].get(stage, {})
    third = "alpha" if kind == "later" else "value"
    keys = {"actor": "actor", "critic": "critic", "third": third, "lag": "lag"}
    wires = plots.lesson_10_agents.WIRES[kind][stage]
    gradients = []
    for name, box in PARTS[kind]:
        learns, passed = (box in wires.get(key, ()) for key in ("learns", "passed"))
        gradients.append((name, box, sent.get(keys[box], 0.0), "learns" if learns else "not used" if passed else ""))
    ended = [i for i, end in enumerate(numbers.BATCH["terminated"]) if end]
    return plots.lesson_10_agents.update_step(
        kind, stage, columns, gradients, title=title, formula=formula.format(**facts),
        verdict=[line.format(**facts) for line in verdict],
        gone=ended if stage in ("target", "critic") else (), digits={"lag": 4, "value": 3}.get(stage, 2),
    )  # fmt: skip


SETTINGS = {f"α = {alpha}": f"SAC, α = {alpha}" for alpha in numbers.ALPHAS} | {"α automatic": numbers.AUTOMATIC}


@explorer(
    setting=Choice("temperature", tuple(SETTINGS), default="α = 2"),
    step=Slider("read at step", 500, 5000, step=250, default=1500),
    each_seed=Toggle("each seed by itself"),
    grid=("setting", "step"),
)
def alpha_lab(setting, step, each_seed):
    """The alpha lab: too cold, too hot, automatic; compare the entropy with its dashed target, and say where α goes."""
    automatic = _of(numbers.AUTOMATIC)
    chosen = automatic if SETTINGS[setting] == numbers.AUTOMATIC else _of(SETTINGS[setting])
    at = int(np.searchsorted(automatic["steps"], step))
    return plots.lesson_10_agents.alpha_lab(
        chosen, automatic, at, name=setting, goal=numbers.SOLVED, target=numbers.TARGET_ENTROPY,
        each_seed=each_seed,
    )


def _of(label):
    """The stored runs of a label, with the steps of a checkpoint once: they are those of every seed."""
    found = numbers.runs(label)
    return {**found, "steps": found["steps"][0]}


@explorer(
    price=Choice("a step takes, in ms", (0, 0.1, 0.3, 1, 5, 50), default=0),
    goal=Choice("score to reach", (-400, -300, -200), default=-200),
    each_seed=Toggle("each seed by itself"),
    grid=("price", "goal"),
)
def bake_off(price, goal, each_seed):
    """The bake-off: PPO, DDPG and SAC on Pendulum; who is first depends on what a step costs."""
    curves, table = {}, {}
    for name in numbers.RACERS:
        found = _of(name)
        curves[name] = (found["steps"], found["seconds"].mean(0) + price / 1000 * found["steps"], found["scores"])
        steps, seconds = numbers.reached(numbers.runs(name), goal)
        in_all = seconds + (price / 1000 * steps if price else 0.0)  # a run that never got there: infinite, not NaN
        table[name] = tuple((x.mean(), x.min(), x.max()) for x in (steps, seconds, in_all))
    return plots.lesson_10_agents.bake_off(curves, table, goal=goal, price=price, each_seed=each_seed)
