"""How a loss is judged: by its number, and by the gradient of everything that may learn."""

import pytest
import torch

from rlcourse.course import checker, checker_losses
from rlcourse.course.checker_losses import judge_loss, slopes


def leaf(*numbers):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


W, V = leaf(1.0, -2.0), leaf(0.5)
X = torch.tensor([3.0, 4.0], dtype=torch.float64)
Y = torch.tensor([-1.0, 2.0], dtype=torch.float64)
CASES = [(W, V, X), (W, V, Y)]


def error(w, v, x):
    """(w·x - v)², of which w and v learn."""
    return ((w * x).sum() - v[0]) ** 2


def detached(w, v, x):
    return ((w * x).sum() - v[0].detach()) ** 2


def check(student, **known):
    sentences = {"V is a constant here.": detached, **known}
    show = lambda w, v, x: f"x = {checker.write(x)}"  # noqa: E731
    return judge_loss(student, error, CASES, [(W, V)] * 2, sentences, praise="Yes.", show=show)


def test_the_gradient_of_what_does_not_matter_is_zero():
    assert slopes((W**2).sum(), [W, V]).tolist() == [2.0, -4.0, 0.0]
    assert slopes(torch.tensor(1.0), [W, V]).tolist() == [0.0, 0.0, 0.0]
    loss = (W * X).sum()
    assert slopes(loss, [W]).tolist() == slopes(loss, [W]).tolist() == [3.0, 4.0]  # the graph is kept


def test_another_way_to_write_the_same_loss_is_right():
    verdict = check(lambda w, v, x: (v[0] - w @ x).square())
    assert verdict.passed and verdict.sentence == "Yes."


def test_a_loss_in_another_precision_is_the_same_loss():
    x = torch.tensor([1.0, 2.0])
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    same = judge_loss(lambda w, x: (w * x).sum(), lambda w, x: w @ x, [(w, x)], [[w]], {}, praise="Yes.", show=str)
    assert same.passed


def test_a_known_mistake_is_named_by_its_gradient_and_shows_no_equal_numbers():
    verdict = check(lambda w, v, x: ((w * x).sum() - v.detach()[0]) ** 2)
    assert verdict == checker.wrong("V is a constant here.")


def test_a_known_mistake_of_the_number_shows_it():
    verdict = check(lambda w, v, x: 2 * error(w, v, x), **{"Twice.": (detached, lambda w, v, x: 2 * error(w, v, x))})
    assert verdict.sentence == "Twice." and verdict.example == "x = (3, 4): expected 30.25, got 60.5"


@pytest.mark.parametrize("keep", [False, True])
def test_a_loss_that_went_backward_by_itself_is_told_so(keep):
    def eager(w, v, x):
        loss = error(w, v, x)
        loss.backward(retain_graph=keep)
        return loss

    assert check(eager).sentence == checker_losses.BACKWARD
    assert W.grad is None and V.grad is None  # the next answer is judged on its own


def test_a_gradient_that_was_taken_inside_is_told_so():
    def taken(w, v, x):
        loss = error(w, v, x)
        torch.autograd.grad(loss, w)
        return loss

    assert check(taken).sentence == checker_losses.BACKWARD


def test_the_case_that_is_shown_is_the_first_whose_number_differs():
    """In the first case only the gradient is wrong: its two equal numbers would tell nothing."""
    verdict = check(lambda w, v, x: 0 * w.sum() + error(w, v, x).item() if x[0] == 3 else 3 * error(w, v, x))
    assert verdict.example == "x = (-1, 2): expected 30.25, got 90.75"


def test_a_gradient_that_is_wrong_in_one_case_is_wrong():
    """The first number that differs is shown, of the first case in which something does."""
    verdict = check(lambda w, v, x: error(w, v, x) if x[0] == 3 else 3 * error(w, v, x))
    assert verdict.sentence.startswith("The numbers differ from the definition")
    assert verdict.example == "x = (-1, 2): expected 30.25, got 90.75"


def test_a_right_number_with_a_wrong_gradient_is_told_apart():
    def scaled(w, v, x):
        value = error(w, v, x)
        return value.detach() * torch.exp(4 * (value - value.detach()))

    assert check(scaled).sentence.startswith("The number is right and its gradient is not")


def cut(w, v, x):
    return ((w.detach() * x).sum() - v[0]) ** 2


def test_one_change_from_right_in_the_gradient_shows_no_equal_numbers():
    verdict = check(cut)
    assert "return ((w.detach() * x).sum() - v[0]) ** 2" in verdict.sentence and verdict.example == ""


def one_sign(w, v, x):
    return ((w * x).sum() + v[0]) ** 2


def test_one_change_from_right_is_found():
    verdict = check(one_sign)
    assert "return ((w * x).sum() + v[0]) ** 2" in verdict.sentence and verdict.example.startswith(
        "x = (3, 4): expected"
    )


@pytest.mark.parametrize(
    ("student", "words"),
    [
        (lambda w, v, x: error(w, v, x).item(), "No gradient leaves your loss"),
        (lambda w, v, x: error(w, v, x).detach(), "No gradient leaves your loss"),
        (lambda w, v, x: w * x, "Return one number; got shape [2]."),
        (lambda w, v, x: None, "Replace the three dots"),
        (lambda w, v, x: error(w, v, x) * float("inf"), "NaN or infinity"),
        (lambda w, v, x: w.nonsense, "nonsense"),
    ],
)
def test_what_is_no_loss_is_told_in_a_sentence(student, words):
    assert words in check(student).sentence
