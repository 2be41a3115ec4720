"""Explorers tell what was stored, and no words collide."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from rlcourse.lessons.ppo_in_practice import experiments as numbers
from rlcourse.lessons.ppo_in_practice import explorers
from rlcourse.lessons.ppo_in_practice.plots import zone


@pytest.mark.covers("CL-32", "CL-65")
def test_a_board_tells_the_interval_of_what_was_chosen():
    for shown, section, control in (
        (explorers.ablation_board, "settings", "variation"),
        (explorers.details_board, "details", "detail"),
    ):
        for name, runs in numbers.stored()[section].items():
            center, low, high = numbers.middle(runs["run"])
            assert f"of 16 seeds {center:.0f} ({low:.0f} to {high:.0f});" in shown.alt_text(**{control: name})


def test_a_board_keeps_its_answers_until_it_is_asked():
    for shown in (explorers.ablation_board, explorers.details_board):
        dots = [len(shown.draw(**{**shown.defaults, "everything": all_}).axes[1].lines) for all_ in (False, True)]
        assert dots[0] < 3 < 10 < dots[1]


def test_the_reader_knows_the_patients():
    def times(patient, key, word):
        return sum(zone(key, value) == word for value in numbers.stored()["patients"][patient][key])

    for patient in ("healthy", "B"):  # no diagnostic of the update gives B away
        assert times(patient, "kl", "leaps") == times(patient, "entropy", "collapsed") == 0
    assert times("A", "kl", "leaps") > 30 and times("A", "entropy", "collapsed") > 30
    assert times("C", "entropy", "collapsed") > 30
    assert times("D", "clip_fraction", "hardly moves") > 20
    kl, entropy = (numbers.stored()["patients"]["C"][key] for key in ("kl", "entropy"))
    assert max(kl[:4]) < 0.01 and round(max(kl[:8]), 2) == 0.46 and entropy[7] < 0.11  # what its diagnosis says
    assert " (leaps), explained variance" in explorers.diagnostics_reader.alt_text(patient="A", update=1)


def test_a_diagnosis_appears_on_request():
    for patient, (name, *_) in explorers.DIAGNOSES.items():
        assert name not in explorers.diagnostics_reader.alt_text(patient=patient)
        assert name in explorers.diagnostics_reader.alt_text(patient=patient, diagnosis=True)


@pytest.mark.covers("CL-34")
def test_the_bonus_tells_share_and_price():
    stored = numbers.stored()["bonus"]["16"]
    said = explorers.entropy_bonus.alt_text(bonus=0.1, step_size=16)
    assert f"{100 * stored['stuck'][5]:.1f} % end stuck" in said
    assert f"this bonus earns {numbers.best_payoff(0.1):.3f}" in said


def settings():
    for name in ("default", *list(numbers.VARIATIONS)[1::4]):
        yield explorers.ablation_board, {"variation": name, "everything": True}
    for name in ("default", *list(numbers.DETAILS)[1::4]):
        yield explorers.details_board, {"detail": name, "everything": False}
    for patient, update in itertools.product(numbers.PATIENTS, (1, 20, 40)):
        yield explorers.diagnostics_reader, {"patient": patient, "update": update, "diagnosis": True}
    for bonus, eta in itertools.product((0, 0.3, 0.5), numbers.STEP_SIZES):
        yield explorers.entropy_bonus, {"bonus": bonus, "step_size": eta}


@pytest.mark.parametrize(
    ("explorer", "parameters"),
    list(settings()),
    ids=lambda x: getattr(x, "name", None) or "-".join(map(str, x.values())),
)
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
