"""One change away from right: the change is found, its line is named, and nothing is named that would not help."""

import linecache

import pytest
import torch

from rlcourse.course import checker_repair
from rlcourse.course.checker_repair import changes, nearly

X, GAMMA, ENDS = torch.tensor([1.0, 2.0, 4.0]), 0.5, torch.tensor([False, True, True])
RIGHT = """
def discounted(x, gamma, ends):
    total, future = torch.zeros_like(x), 0.0
    for t in reversed(range(len(x))):
        if ends[t]:
            future = 0.0
        future = x[t] + gamma * future
        total[t] = future
    return total
"""


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What is found must not hang on the machine's load; a test of the limit sets its own."""
    monkeypatch.setattr(checker_repair, "SECONDS", 60.0)


def made(source):
    """A function from a source that can be looked up, as one from a cell of a notebook."""
    file = f"<cell {abs(hash(source))}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names = {"torch": torch, "__name__": "__main__"}
    exec(compile(source, file, "exec"), names)
    return names["discounted"]


def agrees(function):
    """On copies: some of the changes write into what they are given."""
    return torch.allclose(function(X.clone(), GAMMA, ENDS.clone()), torch.tensor([2.0, 2.0, 4.0]))


def test_the_example_is_right():
    assert agrees(made(RIGHT))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("x[t] + gamma", "x[t] - gamma", "future = x[t] - gamma * future", checker_repair.SIGN),
        ("gamma * future", "future", "future = x[t] + future", checker_repair.TOO_FEW),
        ("x[t] + gamma", "2 * x[t] + gamma", "future = 2 * x[t] + gamma * future", None),
        ("reversed(range(len(x)))", "range(len(x))", "for t in range(len(x)):", checker_repair.ROWS),
        ("reversed(range(len(x)))", "reversed(range(1, len(x)))", "for t in reversed(range(1, len(x))):", None),
        ("if ends[t]", "if not ends[t]", "if not ends[t]:", None),
        ("return total", "return -total", "return -total", checker_repair.SIGN),
    ],
)
def test_a_slip_is_found(old, new, line, words):
    slipped = RIGHT.replace(old, new)
    assert slipped != RIGHT
    said = nearly(made(slipped), agrees)
    assert said.startswith("One change makes it right.") and f"`{line}`" in said
    assert words is None or words in said


Y = torch.tensor([[1.0, 2.0, 4.0], [-3.0, 0.5, 2.0]])
SLIPS = [
    ("x + gamma", lambda x, g, e: x - g, checker_repair.SIGN),
    ("-x", lambda x, g, e: x, checker_repair.SIGN),
    ("x.exp()", lambda x, g, e: (-x).exp(), checker_repair.SIGN),
    ("x * gamma", lambda x, g, e: x / g, checker_repair.OPERATOR),
    ("x * gamma", lambda x, g, e: x**g, checker_repair.OPERATOR),
    ("e | (x > 1)", lambda x, g, e: e & (x > 1), checker_repair.OPERATOR),
    ("x + gamma", lambda x, g, e: x, checker_repair.TOO_MUCH),
    ("gamma * x", lambda x, g, e: x, checker_repair.TOO_MUCH),
    ("x.abs()", lambda x, g, e: x, checker_repair.TOO_MUCH),
    ("torch.sqrt(x + 9)", lambda x, g, e: x + 9, checker_repair.TOO_MUCH),
    ("x[e]", lambda x, g, e: x, checker_repair.TOO_MUCH),
    ("gamma**x", lambda x, g, e: x**g, checker_repair.SIDES),
    ("gamma / x", lambda x, g, e: x / g, checker_repair.SIDES),
    ("torch.true_divide(x, x + 9)", lambda x, g, e: (x + 9) / x, checker_repair.SIDES),
    ("torch.where(e, gamma * x, x + 9)", lambda x, g, e: torch.where(e, x + 9, g * x), checker_repair.SIDES),
    ("(x.mean(), x.std())", lambda x, g, e: torch.stack([x.std(), x.mean()]), checker_repair.SIDES),
    ("x > 2", lambda x, g, e: x >= 2, checker_repair.COMPARISON),
    ("x <= 2", lambda x, g, e: x < 2, checker_repair.COMPARISON),
    ("x == 2", lambda x, g, e: x != 2, checker_repair.COMPARISON),
    ("x < x.mean()", lambda x, g, e: x > x.mean(), checker_repair.COMPARISON),
    ("x[..., 0]", lambda x, g, e: x[..., 1], checker_repair.AXIS),
    ("x[0]", lambda x, g, e: x[1], checker_repair.INDEX),
    ("x[1]", lambda x, g, e: x[0], checker_repair.INDEX),
    ("x * ~e", lambda x, g, e: x * e, checker_repair.MASK),
    ("x * e", lambda x, g, e: x * ~e, checker_repair.MASK),
    ("torch.minimum(x, x * x)", lambda x, g, e: torch.maximum(x, x * x), checker_repair.EXCHANGE),
    ("x.sum()", lambda x, g, e: x.mean(), checker_repair.EXCHANGE),
    ("torch.softmax(x, -1)", lambda x, g, e: torch.log_softmax(x, -1), checker_repair.EXCHANGE),
    ("x.cumsum(0)", lambda x, g, e: x.cumprod(0), checker_repair.EXCHANGE),
    ("x * 2", lambda x, g, e: x.exp() * 2, checker_repair.EXCHANGE),
    ("x.sum(0)", lambda x, g, e: x.sum(-1), checker_repair.AXIS),
    ("x * 3.0", lambda x, g, e: x * 1.5, checker_repair.AXIS),
    ("x", lambda x, g, e: x * g, checker_repair.TOO_FEW),
    ("x", lambda x, g, e: x / g, checker_repair.TOO_FEW),
    ("x", lambda x, g, e: x * (1 - g), checker_repair.TOO_FEW),
    ("x * 2", lambda x, g, e: x * 2 + g, checker_repair.TOO_FEW),
    ("x * 2", lambda x, g, e: (x * 2)[e], checker_repair.TOO_FEW),
    ("x * 2", lambda x, g, e: 1 - x * 2, checker_repair.TOO_FEW),
    ("x * 2", lambda x, g, e: (x * 2).mean(), checker_repair.TOO_FEW),
    ("x - 9 if gamma > 9 else x", lambda x, g, e: x - 9, checker_repair.CONDITION),
]


@pytest.mark.parametrize(("slip", "right", "words"), SLIPS, ids=[f"{slip} {n}" for n, (slip, *_) in enumerate(SLIPS)])
def test_each_kind_of_slip_is_found(slip, right, words):
    """What a part of a line may need: for each kind of change one line that needs this one and no other."""

    def agrees(function):
        pairs = [(function(x.clone(), 0.25, e), right(x, 0.25, e)) for x, e in ((Y, Y > 1), (Y[0], Y[0] > 3))]
        answers = [(torch.stack(a) if isinstance(a, tuple) else torch.as_tensor(a), b) for a, b in pairs]
        return all(a.shape == b.shape and torch.allclose(a.double(), b.double(), equal_nan=True) for a, b in answers)

    function = made(f"def discounted(x, gamma, e):\n    return {slip}\n")
    said = nearly(function, agrees)
    assert said == f"One change makes it right. Look at `return {slip}`. {words}"


LOOPS = [
    ("for t in range(len(x)):\n        total = total * gamma + x[t]", "reversed(range(len(x)))", checker_repair.ROWS),
    ("for t in reversed(range(len(x))):\n        total = total * gamma + x[t]", "range(len(x))", checker_repair.ROWS),
    ("for t in range(len(x)):\n        total = total + x[t] * x[t - 1]", "range(1, len(x))", checker_repair.ROWS),
    ("for t in range(len(x)):\n        total = total + x[t] * x[t + 1]", "range(len(x) - 1)", checker_repair.ROWS),
    ("for t in range(1, len(x)):\n        total = total * gamma + x[t]", "range(len(x))", checker_repair.ROWS),
]


@pytest.mark.parametrize(("loop", "right", "words"), LOOPS)
def test_a_loop_over_other_rows_is_found(loop, right, words):
    source = "def discounted(x, gamma, e):\n    total = 0.0\n    {}\n    return total\n"
    head, body = loop.split(":", 1)
    rows = torch.tensor([3.0, 7.0, 5.0])
    truth = made(source.format(f"for t in {right}:{body}"))(rows, 0.25, ENDS)
    agrees = lambda function: torch.allclose(torch.as_tensor(function(rows.clone(), 0.25, ENDS)), truth)  # noqa: E731
    assert nearly(made(source.format(loop)), agrees) == f"One change makes it right. Look at `{head}:`. {words}"


def test_a_square_or_another_name_that_is_missing_is_called_so():
    squared = "def discounted(x, gamma, ends):\n    error = x - gamma\n    return (error**2).mean()\n"
    right = lambda function: torch.allclose(function(X.clone(), GAMMA, ENDS), ((X - GAMMA) ** 2).mean())  # noqa: E731
    assert checker_repair.SQUARE in nearly(made(squared.replace("error**2", "error")), right)
    assert checker_repair.NAME in nearly(made(squared.replace("(error**2)", "(gamma * error)")), right)


def test_a_line_too_many_is_named_and_nothing_is_written_into_a_copy():
    said = nearly(made(RIGHT.replace("    return total", "    total[-1] = 0.0\n    return total")), agrees)
    assert f"`total[-1] = 0.0`. {checker_repair.TOO_MUCH}" in said


def test_what_changed_functions_print_is_not_shown(capsys):
    loud = RIGHT.replace("total[t] = future", "total[t] = -future\n        print(future)")
    assert checker_repair.SIGN in nearly(made(loud), agrees)
    assert capsys.readouterr().out == ""


def test_the_line_around_a_lambda_is_not_run_again(capsys):
    file = "<a cell>"
    line = "print('called', nearly(lambda x, gamma, ends: -x, agrees))\n"
    linecache.cache[file] = (len(line), None, [line], file)
    exec(compile(line, file, "exec"), {"nearly": nearly, "agrees": agrees, "print": print})
    assert capsys.readouterr().out.count("called") == 1


def test_what_is_further_away_is_not_guessed_at():
    two = RIGHT.replace("x[t] + gamma", "x[t] - gamma").replace("return total", "return total * 3 + 1")
    assert nearly(made(two), agrees) == ""
    assert nearly(lambda x, gamma, ends: x * 77, agrees) == ""
    assert nearly(torch.sum, agrees) == ""


def test_the_search_ends_in_time(monkeypatch):
    monkeypatch.setattr(checker_repair, "SECONDS", 0.0)
    assert nearly(made(RIGHT.replace("return total", "return -total")), agrees) == ""


def test_changes_are_different_and_can_be_read():
    found = list(changes(RIGHT))
    assert len({change.source for change in found}) == len(found) > 20
    for change in found:
        compile(change.source, "<one change>", "exec")
    assert len(list(changes(RIGHT, insert=True))) > 3 * len(found)
