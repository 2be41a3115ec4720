"""Lesson 10's explorers of the agent: they tell what was computed or stored, and no words collide."""

import itertools

import numpy as np
import pytest

from rlcourse.experiments import lesson_10_agents as numbers
from rlcourse.explorers import lesson_10_agents as explorers
from rlcourse.plots.lesson_10_agents import WIRES, number

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
    for setting, step in itertools.product(explorers.SETTINGS, (500, 1500, 5000)):
        found = numbers.runs(explorers.SETTINGS[setting])
        entropy = found["entropy"][:, step // 250 - 2].mean()
        said = explorers.alpha_lab.alt_text(setting=setting, step=step)
        assert ("rise" in said) == (entropy < numbers.TARGET_ENTROPY), said
        assert f"score is {number(found['scores'][:, step // 250 - 2].mean(), 0)}" in said


@pytest.mark.covers("CL-33", "MIS-35")
def test_the_price_of_a_step_turns_the_order_round():
    def seconds(name, price):
        steps, computing = numbers.reached(numbers.runs(name))
        return (computing + price / 1000 * steps).mean()

    assert seconds("PPO", 0) < seconds("SAC", 0)
    assert seconds("PPO", 50) > 2 * seconds("SAC", 50)
    said = explorers.bake_off.alt_text(price=50)
    assert f"SAC {numbers.reached(numbers.runs('SAC'))[0].mean():,.0f} steps" in said


def settings():
    for form, step in itertools.product(numbers.FORMS, range(1, 7)):
        yield explorers.sac_update, {"form": form, "step": step, "alpha": 1.0}
    for setting, step in itertools.product(explorers.SETTINGS, (500, 5000)):
        yield explorers.alpha_lab, {"setting": setting, "step": step}
    for price, goal in itertools.product((0, 0.1, 0.3, 1, 5, 50), (-400, -200)):
        yield explorers.bake_off, {"price": price, "goal": goal, "each_seed": price == 1}


@pytest.mark.parametrize(("explorer", "parameters"), list(settings()),
                         ids=lambda x: getattr(x, "name", None) or "-".join(map(str, x.values())))  # fmt: skip
def test_no_words_collide_or_leave_the_card(explorer, parameters, collisions):
    assert list(collisions(explorer.draw(**parameters))) == []


def test_never_reached_is_said():
    pairs = {"steps": (500, 1000), "seconds": (1.0, 2.0), "scores": (-900.0, -800.0)}
    found = {key: np.array([pair]) for key, pair in pairs.items()}
    assert np.isinf(numbers.reached(found)[0]).all()
