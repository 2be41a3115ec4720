"""What every explorer of the course must do, whatever it shows: draw everywhere, say what it shows, and react.

A control is dead when no move of it changes the picture; a student would take that for the truth.
"""

import inspect
import itertools
import random
import time

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from rlcourse.course import catalog
from rlcourse.course.figures import style
from rlcourse.course.widgets.controls import ChoiceRow, Row, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer

EVERY = catalog.explorers()
FEWEST_WORDS = 8
SMALLEST_LETTERS = 10


def cells(shown):
    """Every single input: (parameter, number of the cell)."""
    return [(name, i) for name, control in shown.controls.items() for i in range(len(control.cells))]


def few(control):
    """Both ends, the middle and the default of one input."""
    positions = control.positions()
    return list(dict.fromkeys([positions[0], positions[-1], positions[len(positions) // 2], control.default]))


def moved(shown, cell, value, start=None):
    """Parameters with one input at `value`, the others at default or as in `start`."""
    name, i = cell
    parameters = {**shown.defaults, **(start or {})}
    entries = list(shown.controls[name].split(parameters[name]))
    entries[i] = value
    return {**parameters, name: shown.controls[name].join(entries)}


def settings(shown, samples=3, corners=6):
    """Both ends of every input, some corners of all inputs together, and a few random combinations."""
    for name, i in cells(shown):
        positions = shown.controls[name].cells[i].positions()
        for value in (positions[0], positions[-1]):
            yield moved(shown, (name, i), value)
    dice = random.Random(shown.name)
    for _ in range(corners):
        yield {
            name: control.join(dice.choice((cell.positions()[0], cell.positions()[-1])) for cell in control.cells)
            for name, control in shown.controls.items()
        }
    for _ in range(samples):
        yield {
            name: control.join(dice.choice(cell.positions()) for cell in control.cells)
            for name, control in shown.controls.items()
        }


def check_setting(shown, parameters, collisions):
    figure = shown.draw(**parameters)
    assert list(collisions(figure)) == [], parameters
    assert isinstance(figure, Figure)
    assert len(figure.get_label().split()) >= FEWEST_WORDS, f"alt text too short: {figure.get_label()!r}"
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() >= SMALLEST_LETTERS, f"{text.get_text()!r} is too small to read"


def living_pair(shown, cell):
    """Two settings that differ in one input and in the picture; AssertionError when there are none.

    First with the others at default, then with another input at one of its ends: a seed matters only
    where something is sampled.
    """
    name, i = cell
    others = [other for other in cells(shown) if other != cell]
    starts = [
        {},
        *(moved(shown, other, value) for other in others for value in few(shown.controls[other[0]].cells[other[1]])),
    ]
    for start in starts:
        drawn = {}
        for value in few(shown.controls[name].cells[i]):
            parameters = moved(shown, cell, value, start)
            drawn[shown.picture(**parameters)[0]] = parameters
            if len(drawn) > 1:
                return list(drawn.values())
    raise AssertionError(f"{shown.controls[name].cells[i].label!r} of {shown.name} changes nothing in the picture")


def check_alive(shown, cell, panel):
    first, second = living_pair(shown, cell)
    panel.set(**first)
    before = panel.image.value
    panel.set(**second)
    assert panel.image.value != before


def check_pure(shown, parameters):
    assert style.png(shown.draw(**parameters)) == style.png(shown.draw(**parameters))


# ---------------------------------------------------------------- the explorers of the course


@pytest.mark.parametrize("name", EVERY)
def test_draws_and_describes_every_setting(name, record_property, collisions):
    shown = EVERY[name]
    slowest = 0.0
    for parameters in settings(shown):
        started = time.process_time()
        check_setting(shown, parameters, collisions)
        slowest = max(slowest, time.process_time() - started)
    record_property("slowest_draw_ms", round(1000 * slowest))


@pytest.mark.parametrize("name", EVERY)
def test_every_control_is_alive(name):
    shown = EVERY[name]
    panel = shown.panel()
    for cell in cells(shown):
        check_alive(shown, cell, panel)


@pytest.mark.parametrize("name", EVERY)
def test_equal_parameters_give_equal_pictures(name):
    shown = EVERY[name]
    *_, random_setting = settings(shown, samples=1)
    for parameters in ({}, random_setting):
        check_pure(shown, parameters)


@pytest.mark.parametrize("name", EVERY)
def test_is_ready_for_every_home(name):
    shown = EVERY[name]
    assert shown.grid, "grid must name the one or two controls that tell most: the HTML export draws all of them"
    assert len({control.label for control in shown.controls.values()}) == len(shown.controls)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == shown.alt_text() and bundle["image/png"]


# ---------------------------------------------------------------- the checks find what they are for


def toy(draw, **controls):
    """An explorer around `draw(axes, **parameters)`."""

    def shown(**parameters):
        """A toy."""
        figure, axes = style.new_figure(3, 2)
        axes.set(xlim=(-5, 5), ylim=(-5, 5))
        said = draw(axes, **parameters)
        return style.say(figure, said or f"A toy that stands at {parameters} and has not much more to say.")

    named = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in controls]
    shown.__signature__ = inspect.Signature(named)
    return explorer(**controls)(shown)


def test_a_dead_slider_is_found():
    shown = toy(
        lambda axes, p, q: axes.plot([p], [0], "o") and None,
        p=Slider("p", 0, 1, step=0.5, default=0),
        q=Slider("q", 0, 1, step=0.5, default=0),
    )
    panel = shown.panel()
    check_alive(shown, ("p", 0), panel)
    with pytest.raises(AssertionError, match="'q' of shown changes nothing"):
        check_alive(shown, ("q", 0), panel)


def test_a_dead_cell_of_a_row_is_found():
    shown = toy(
        lambda axes, r, e: axes.plot([r[0]], [e[1] == "b"], "o") and None,
        r=Row("reward", names=("t=0", "t=1"), low=0, high=2, step=1, default=(0, 0)),
        e=ChoiceRow("end", names=("t=0", "t=1"), options=("a", "b"), default=("a", "a")),
    )
    panel = shown.panel()
    for cell, alive in zip(cells(shown), (True, False, False, True), strict=True):
        if alive:
            check_alive(shown, cell, panel)
        else:
            with pytest.raises(AssertionError, match="changes nothing"):
                check_alive(shown, cell, panel)


def test_a_control_that_lives_only_beside_another_is_alive():
    shown = toy(
        lambda axes, seed, sampled: axes.plot([seed if sampled else 0], [0], "o") and None,
        seed=Slider("seed", 0, 4, step=1, default=0),
        sampled=Toggle("sampled"),
    )
    first, second = living_pair(shown, ("seed", 0))
    assert first["sampled"] and second["sampled"] and first["seed"] != second["seed"]


def test_an_impure_draw_is_found():
    count = itertools.count()
    shown = toy(
        lambda axes, p: axes.plot([next(count) % 5], [p], "o") and None, p=Slider("p", 0, 1, step=0.5, default=0)
    )
    with pytest.raises(AssertionError):
        check_pure(shown, {})


@pytest.mark.parametrize(
    ("draw", "complaint"),
    [
        (lambda axes, p: "Too short.", "alt text too short"),
        (lambda axes, p: axes.text(0, 0, "fine print", fontsize=8) and None, "too small to read"),
        (lambda axes, p: axes.text(0, 0, "one word") and axes.text(0.5, 0, "and another") and None, "lies upon"),
        (lambda axes, p: axes.text(4.5, 0, "a word that goes on and on and on") and None, "leaves the picture"),
    ],
)
def test_bad_words_are_found(draw, complaint, collisions):
    shown = toy(draw, p=Slider("p", 0, 1, step=0.5, default=0))
    with pytest.raises(AssertionError, match=complaint):
        check_setting(shown, {}, collisions)
