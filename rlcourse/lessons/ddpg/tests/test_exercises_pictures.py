"""The checker of the two wrong diagrams: every pick and every flaw that is missed has a sentence of its own."""

import numpy as np
import pytest

from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.ddpg import diagrams as figures
from rlcourse.lessons.ddpg import exercises
from rlcourse.lessons.ddpg.exercises import pictures

FLAWS = {2, 3, 5, 7}, {1, 4, 6, 8, 10}


@pytest.mark.covers("ERR-47", "FIG-07", "FIG-08")
def test_both_sets_of_flaws_are_accepted_as_set_list_or_array():
    for kind in (set, list, tuple, sorted, np.array, frozenset):
        verdict = exercises.diagrams(*(kind(sorted(flaws)) for flaws in FLAWS))
        assert verdict.passed, (kind, verdict)


def test_every_wrong_pick_gets_a_sentence_of_its_own():
    said = set()
    for which, flaws in enumerate(FLAWS):
        for number in set(range(1, 13)) - flaws:
            picks = [set(), set()]
            picks[which] = {number}
            verdict = exercises.diagrams(*picks)
            assert not verdict.passed and f"{'AB'[which]}{number} is right as it is" in verdict.sentence
            said.add(verdict.sentence)
    assert len(said) == 24 - 9


def test_every_missed_flaw_gets_a_question_of_its_own():
    said = set()
    for which, flaws in enumerate(FLAWS):
        for number in flaws:
            picks = [set(FLAWS[0]), set(FLAWS[1])]
            picks[which] -= {number}
            verdict = exercises.diagrams(*picks)
            assert not verdict.passed and "has a flaw left" in verdict.sentence and str(number) not in verdict.sentence
            assert f"{len(flaws) - 1} of {len(flaws)} flaws found" in verdict.example
            said.add(verdict.sentence)
    assert len(said) == 9


def test_everything_accused_does_not_pass():
    everything = set(range(1, 13))
    verdict = exercises.diagrams(everything, everything)
    assert not verdict.passed and verdict.sentence.count("is right as it is") == 15


def test_diagrams_without_an_answer_and_with_a_strange_one():
    assert exercises.diagrams(..., ...).state == UNFINISHED
    empty = exercises.diagrams(set(), set())
    assert empty.state == UNFINISHED and "Both sets are empty" in empty.sentence and "dots" not in empty.sentence
    for picks, name in (((FLAWS[0], ...), "B"), ((..., FLAWS[1]), "A")):
        assert f"Diagram {name} is not answered yet" in exercises.diagrams(*picks).sentence
    for strange in ({0}, {13}, "2, 3", {2.5}, {True}, [["a"]], {"x": 1}):
        verdict = exercises.diagrams(strange, {1})
        assert not verdict.passed and "numbers from 1 to 12" in verdict.sentence, strange


def test_the_checker_and_the_pictures_number_the_same_places():
    for name, sketch in figures.SKETCHES.items():
        known = pictures._PICKED[name].keys() | pictures._MISSED[name].keys()
        assert known == sketch.numbers.keys() == set(range(1, 13))
        assert not pictures._PICKED[name].keys() & pictures._MISSED[name].keys()
