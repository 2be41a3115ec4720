"""Lesson 07's explorers tell what was stored, and no words collide."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from rlcourse.experiments import lesson_07 as numbers
from rlcourse.explorers import lesson_07
from rlcourse.plots.lesson_07 import zone


@pytest.mark.covers("CL-32", "CL-65")
def test_the_board_tells_the_seeds():
    for name in numbers.VARIATIONS:
        scores = ", ".join(f"{score:.0f}" for score in sorted(numbers.finals(name)))
        assert f"three seeds stand at {scores}" in lesson_07.ablation_board.alt_text(variation=name)


def test_the_reader_knows_the_patients():
    def times(patient, key, word):
        return sum(zone(key, value) == word for value in numbers.stored()["patients"][patient][key])

    for patient in ("healthy", "B"):  # no diagnostic of the update gives B away
        assert times(patient, "kl", "leaps") == times(patient, "entropy", "collapsed") == 0
    assert times("A", "kl", "leaps") > 30 and times("A", "entropy", "collapsed") > 30
    assert times("C", "entropy", "collapsed") > 30
    assert times("D", "clip_fraction", "hardly moves") > 20
    assert " (leaps), explained variance" in lesson_07.diagnostics_reader.alt_text(patient="A", update=1)


def test_a_diagnosis_appears_on_request():
    for patient, (name, *_) in lesson_07.DIAGNOSES.items():
        assert name not in lesson_07.diagnostics_reader.alt_text(patient=patient)
        assert name in lesson_07.diagnostics_reader.alt_text(patient=patient, diagnosis=True)


@pytest.mark.covers("CL-34")
def test_the_bonus_tells_share_and_price():
    stored = numbers.stored()["bonus"]["16"]
    said = lesson_07.entropy_bonus.alt_text(bonus=0.1, step_size=16)
    assert f"{100 * stored['stuck'][5]:.1f} % end stuck" in said
    assert f"this bonus earns {numbers.best_payoff(0.1):.3f}" in said


def settings():
    for name in ("default", *list(numbers.VARIATIONS)[1::4]):
        yield lesson_07.ablation_board, {"variation": name}
    for patient, update in itertools.product(numbers.PATIENTS, (1, 20, 40)):
        yield lesson_07.diagnostics_reader, {"patient": patient, "update": update, "diagnosis": True}
    for bonus, eta in itertools.product((0, 0.3, 0.5), numbers.STEP_SIZES):
        yield lesson_07.entropy_bonus, {"bonus": bonus, "step_size": eta}


@pytest.mark.parametrize(("explorer", "parameters"), list(settings()),
                         ids=lambda x: getattr(x, "name", None) or "-".join(map(str, x.values())))  # fmt: skip
def test_no_words_collide_or_leave_the_card(explorer, parameters):
    figure = explorer.draw(**parameters)
    figure.canvas.draw()
    renderer, (width, height) = figure.canvas.get_renderer(), figure.canvas.get_width_height()
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = np.array([text.get_window_extent(renderer).extents for text in found])
    assert (boxes[:, :2] > -2).all() and (boxes[:, 2:] < (width + 2, height + 2)).all()
    for (a, one), (b, other) in itertools.combinations(zip(found, boxes, strict=True), 2):
        across = min(one[2], other[2]) - max(one[0], other[0])
        down = min(one[3], other[3]) - max(one[1], other[1])
        assert across < 3 or down < 4, (a.get_text(), b.get_text())
