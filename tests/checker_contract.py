"""What the checker of every exercise promises, written once. A lesson's tests hand in its right and wrong answers:

class TestRewardsToGo(CheckerContract):
    check = staticmethod(exercises.rewards_to_go)
    right = (backwards, two_loops)
    wrong = {forward_sum: "forwards", undiscounted: "no discount"}
"""

import math
import re

import numpy as np
import torch

from rlcourse.course.checker import UNFINISHED, WRONG

LEAST = 20
"""Letters of a sentence that says something."""

# ---------------------------------------------------------------- what any student may hand in


def dots(*case): ...


def returned_dots(*case):
    return ...


def not_implemented(*case):
    raise NotImplementedError


def with_a_reason(*case):
    raise NotImplementedError("torch cannot do this")  # torch's own way to refuse: no stub


def forgets_to_return(*case):
    answer = case  # noqa: F841


def broken_line(*case):
    return {}["a key that is not there"]


def other_arguments(*case, another):
    return another


ERRORS = {with_a_reason: "torch cannot do this", broken_line: "KeyError", other_arguments: "is called with|TypeError"}
ODD_ANSWERS = {
    "a text": "seven",
    "a dict": {"a": 1},
    "an object": object(),
    "a list of this and that": [1, "a"],
    "a tensor of another shape": torch.zeros(3, 4, 5),
    "an array of another shape": np.zeros((7, 7)),
}


def changes_its_arguments(*case):
    """Writes into every column of numbers that it is given."""
    for part in case:
        for tensor in (part, getattr(part, "rewards", None)):
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                with torch.no_grad():
                    tensor.mul_(2).add_(1)
    return torch.zeros(())


# ---------------------------------------------------------------- the contract


class CheckerContract:
    """Every test below, for one exercise; the attributes say which.

    check: a function of an answer and of a seed.
    right: the answers that pass.
    wrong: from a wrong answer to words of the sentence that it gets; a dict, or pairs. One mistake may be made in
        several ways, which then have the same words here.
    seeds: of the cases that every answer is tried on; None draws them anew, as right answers are always asked to bear.

    A test that does not fit an exercise is None there.
    """

    check = None
    right = ()
    wrong = ()
    seeds = (0, 1, 2)

    def pytest_generate_tests(self, metafunc):
        if "right_answer" in metafunc.fixturenames:
            metafunc.parametrize("right_answer", self.right, ids=lambda answer: answer.__name__)
        if "mistake" in metafunc.fixturenames:
            metafunc.parametrize(("mistake", "words"), self.mistakes(), ids=[words for _, words in self.mistakes()])
        if "stub" in metafunc.fixturenames:
            metafunc.parametrize("stub", (dots, returned_dots, not_implemented), ids=lambda stub: stub.__name__)
        if "error" in metafunc.fixturenames:
            metafunc.parametrize(("error", "words"), ERRORS.items(), ids=list(ERRORS.values()))
        if "odd" in metafunc.fixturenames:
            metafunc.parametrize("odd", ODD_ANSWERS.values(), ids=ODD_ANSWERS)

    def mistakes(self):
        return list(self.wrong.items() if isinstance(self.wrong, dict) else self.wrong)

    def test_a_right_answer_passes_in_any_style(self, right_answer):
        for seed in (*self.seeds, None):
            verdict = self.check(right_answer, seed=seed)
            assert verdict.passed, (seed, verdict)

    def test_a_known_mistake_is_named(self, mistake, words):
        for seed in self.seeds:
            verdict = self.check(mistake, seed=seed)
            assert verdict.state == WRONG and words in verdict.sentence, (seed, verdict)

    def test_no_two_mistakes_share_a_sentence(self):
        said = {words: self.check(mistake, seed=self.seeds[0]).sentence for mistake, words in self.mistakes()}
        assert len(set(said.values())) == len(said)

    def test_a_stub_has_not_started(self, stub):
        assert self.check(stub, seed=None).state == UNFINISHED

    def test_a_forgotten_return_is_told(self):
        verdict = self.check(forgets_to_return, seed=None)
        assert verdict.state == WRONG and "returns nothing" in verdict.sentence, verdict

    def test_an_error_becomes_a_sentence(self, error, words):
        verdict = self.check(error, seed=None)
        assert verdict.state == WRONG and re.search(words, verdict.sentence), verdict

    def test_whatever_comes_back_becomes_a_sentence(self, odd):
        verdict = self.check(lambda *case: odd, seed=None)
        assert verdict.state == WRONG and re.search("[Rr]eturn|must be", verdict.sentence), verdict

    def test_not_a_number_becomes_a_sentence(self):
        verdict = self.check(lambda *case: math.nan, seed=None)
        assert verdict.state == WRONG and len(verdict.sentence) > LEAST, verdict

    def test_what_is_no_function_is_told(self):
        for value in (3.0, torch.zeros(3), "a function"):
            assert "Pass the function itself, without calling it" in self.check(value, seed=None).sentence

    def test_an_argument_that_was_changed_is_noticed(self):
        assert "in place" in self.check(changes_its_arguments, seed=None).sentence
