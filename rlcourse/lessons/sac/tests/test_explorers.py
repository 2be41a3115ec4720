"""Explorers of the agent: they tell what was computed or stored, and no words collide."""

import itertools

import numpy as np
import pytest

from rlcourse.course.figures.format import number
from rlcourse.lessons.sac import experiments as numbers
from rlcourse.lessons.sac import explorers, runs
from rlcourse.lessons.sac.plots import WIRES

FORMS = dict(zip(("later", "v"), numbers.FORMS, strict=True))


@pytest.mark.covers("AL-17", "AL-18")
@pytest.mark.parametrize("kind", FORMS)
def test_lit_edges_and_gradients_tell_the_same(kind):
    """A network is drawn as learning if, and only if, the loss sends it a gradient that is used."""
    third = "alpha" if kind == "later" else "value"
    for stage in numbers.STAGES[FORMS[kind]]:
        wires, sent = WIRES[kind][stage], numbers.one_update(FORMS[kind], 0.2)["gradients"].get(stage, {})
        names = {"actor": "actor", "critic": "critic", "third": third, "lag": "lag"}
        drawn = {names[box] for key in ("learns", "passed") for box in wires.get(key, ())}
        assert drawn == {part for part, length in sent.items() if length}, stage
        assert bool(wires.get("back")) == bool(drawn)


@pytest.mark.covers("EQX-10")
def test_the_stepper_tells_the_targets():
    y = numbers.one_update(numbers.FORMS[0], 0.2)["stages"]["target"]["y"]
    said = explorers.sac_update.alt_text(form=numbers.FORMS[0], step=2, alpha=0.2)
    assert f"y: {', '.join(number(value) for value in y)}" in said and "arrives: none" in said


@pytest.mark.covers("EQX-14")
def test_the_alpha_lab_tells_the_direction():
    for setting, step in itertools.product(explorers.SETTINGS, (500, 1500, 3000)):
        found = runs.runs(explorers.SETTINGS[setting])
        at = found["steps"].tolist().index(step)
        said = explorers.alpha_lab.alt_text(setting=setting, step=step)
        assert ("rise" in said) == (found["entropy"][:, at].mean() < runs.TARGET_ENTROPY), said
        assert f"score is {number(found['scores'][:, at].mean(), 0)}" in said


@pytest.mark.covers("CL-33", "MIS-35")
def test_the_bake_off_starts_without_its_answer_and_tells_it_then():
    assert "SAC" not in explorers.bake_off.alt_text()
    said = explorers.bake_off.alt_text(who=explorers.WHO[1], price=50)
    first = runs.reached("SAC")
    there = first[np.isfinite(first)]
    assert f"SAC {len(there)} of 16 seeds on average {there.mean():,.0f} steps" in said
    assert "discrete SAC" in explorers.bake_off.alt_text(who=explorers.WHO[1], task="CartPole")


def settings():
    for form, step in itertools.product(numbers.FORMS, range(1, 7)):
        yield explorers.sac_update, {"form": form, "step": step, "alpha": 1.0}
    for setting, shown in itertools.product(explorers.SETTINGS, explorers.BOTH):
        yield explorers.alpha_lab, {"setting": setting, "step": 3000, "shown": shown, "each_seed": setting == "α = 2"}
    for who, task, price in itertools.product(explorers.WHO, explorers.TASKS, (0, 50)):
        yield explorers.bake_off, {"who": who, "task": task, "price": price}


@pytest.mark.parametrize(
    ("explorer", "parameters"),
    list(settings()),
    ids=lambda x: getattr(x, "name", None) or "-".join(map(str, x.values())),
)
def test_no_words_collide_or_leave_the_card(explorer, parameters, collisions):
    assert list(collisions(explorer.draw(**parameters))) == []
