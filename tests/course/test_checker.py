"""What every checker shares: what it says of an unfinished, an endless, a broken and a wrong answer."""

import contextlib
import linecache
import math
import re
import signal
import time

import numpy as np
import pytest
import torch

from rlcourse.course import checker
from rlcourse.course.checker import Mistake, Stopped, judge
from rlcourse.course.checker_errors import CAUSES, cause, describe

CASES = [(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64),), (torch.tensor([0.5, -1.0], dtype=torch.float64),)]


def double(x):
    return 2 * x


def check(student, **options):
    mistakes = [Mistake("You add two in place of doubling.", lambda x: x + 2)]
    return judge(student, double, CASES, mistakes, praise="Doubled.", **options)


# ---------------------------------------------------------------- not started


def dots(x): ...


def dots_after_a_docstring(x):
    """A task."""
    ...  # noqa: PIE790


def dots_in_a_line(x):
    y = 2 * x
    z = ...
    return y + z


def half_done(x):
    if len(x) > 2:
        return 2 * x
    ...  # noqa: PIE790


@pytest.mark.parametrize(
    "stub", [dots, dots_after_a_docstring, dots_in_a_line, half_done, lambda x: ..., lambda x: None]
)
def test_dots_have_not_started(stub):
    assert checker.has_dots(stub) and check(stub).state == checker.UNFINISHED


def forgotten_return(x):
    y = 2 * x  # noqa: F841


def printed(x):
    print(2 * x)


def indexed(x):
    return 2 * x[..., None][..., 0]


@pytest.mark.parametrize("answer", [forgotten_return, printed])
def test_a_forgotten_return_is_told_and_is_no_stub(answer):
    assert not checker.has_dots(answer)
    assert "returns nothing" in check(answer).sentence


def test_the_dots_of_an_index_are_no_stub():
    assert not checker.has_dots(indexed) and check(indexed).passed
    assert not checker.has_dots(lambda x: 2 * x) and not checker.has_dots(lambda x: x)


def test_a_class_holds_dots_as_long_as_one_of_its_methods_does():
    class Half:
        def done(self):
            return 1

        def rest(self): ...

    class Whole:
        def done(self):
            return 1

    assert checker.has_dots(Half) and not checker.has_dots(Whole)


def test_a_class_of_a_notebook_is_looked_into_as_well():
    code = "class Half:\n    def rest(self): ...\n\nclass Whole:\n    def rest(self):\n        return 1\n"
    linecache.cache["<a cell>"] = (len(code), None, code.splitlines(keepends=True), "<a cell>")
    names = {"__name__": "__main__"}
    exec(compile(code, "<a cell>", "exec"), names)
    assert checker.has_dots(names["Half"]) and not checker.has_dots(names["Whole"])


# ---------------------------------------------------------------- endless


def test_an_endless_loop_is_stopped(monkeypatch):
    monkeypatch.setattr(checker, "SECONDS", 0.3)

    def endless(x):
        while True:
            with contextlib.suppress(Exception):
                x = x + 1

    assert "stopped after 0.3 seconds" in check(endless).sentence


def test_it_is_stopped_in_a_program_that_does_not_hear_ctrl_c(monkeypatch):
    """As one that a script began in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_an_endless_loop_is_stopped(monkeypatch)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_ends_in_the_moment_of_the_limit_has_ended_or_was_stopped_and_no_interrupt_is_left():
    def busy():
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return "done"

    for _ in range(50):
        with contextlib.suppress(checker.Endless):
            assert checker.within(0.02, busy) == "done"
    time.sleep(0.1)  # nothing arrives afterwards


def test_a_real_interrupt_stays_one():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checker.within(5, stop)


def test_an_import_is_never_interrupted(tmp_path, monkeypatch):
    (tmp_path / "slow_module.py").write_text(
        "import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def imports():
        import slow_module

        return slow_module.whole

    with contextlib.suppress(checker.Endless):
        assert checker.within(0.05, imports)
    assert imports()


# ---------------------------------------------------------------- errors

x = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
whole, truth = torch.tensor([1, 2, 3]), torch.tensor([True, False, True])


def nothing():
    return None


def grown():
    w = torch.ones(3, requires_grad=True)
    w += 1


def in_the_way():
    w = torch.ones(3, requires_grad=True)
    y = w.exp()
    y += 1
    y.sum().backward()


def twice():
    y = torch.ones(3, requires_grad=True).exp().sum()
    y.backward()
    y.backward()


def unset():
    if x[0] > 5:
        total = 1
    return total


def deep(n=0):
    return deep(n + 1)


COMMON = {
    "lengths": (lambda: x + torch.ones(2), "different lengths"),
    "product": (lambda: torch.ones(2, 3) @ torch.ones(2, 3), "as many columns"),
    "types": (lambda: x.float() @ x, "float32"),
    "power": (lambda: x ^ 2, "no power"),
    "and": (lambda: x > 0.5 & (x < 1), "brackets"),
    "not": (lambda: ~x, "brackets"),
    "mask": (lambda: x & truth, "brackets"),
    "softmax": (lambda: torch.softmax(whole, 0), "double()"),
    "mean": (lambda: whole.mean(), "double()"),
    "bool product": (lambda: truth @ torch.ones(3, 3, dtype=torch.bool), "double()"),
    "one minus": (lambda: 1 - truth, "~flag"),
    "if": (lambda: 1 if x > 0 else 0, "one truth value"),
    "numpy if": (lambda: 1 if x.numpy() > 0 else 0, "one truth value"),
    "item": (lambda: x.item(), "one number is wanted"),
    "float": (lambda: float(x), "one number is wanted"),
    "past the end": (lambda: x[3], "past the end"),
    "list end": (lambda: [1][3], "past the end"),
    "axes": (lambda: x[:, 0], "fewer axes"),
    "dimension": (lambda: x.sum(1), "fewer axes"),
    "fraction": (lambda: x[1.5], "whole number"),
    "tensor as number": (lambda: range(x), "whole number|one number is wanted"),
    "no graph": (lambda: x.sum().backward(), "history was cut"),
    "leaf": (grown, "in place"),
    "in place": (in_the_way, "in place"),
    "twice": (twice, "twice"),
    "no scalar": (lambda: torch.ones(3, requires_grad=True).exp().backward(), "starts from one number"),
    "numpy": (lambda: np.asarray(torch.ones(3, requires_grad=True)), "detach"),
    "max": (lambda: 0.5 * torch.ones(2, 3).max(1), "values"),
    "minus max": (lambda: torch.ones(2, 3).max(1) - x, "values"),
    "max of a max": (lambda: torch.ones(2, 3).max(1).exp(), "take .values"),
    "plus max": (lambda: torch.ones(2, 3).max(1) + x, "take .values"),
    "tuple times": (lambda: (1.0, 2.0) * x, "beside a tuple"),
    "pair": (lambda: (x, x) ** 2, "give its parts names"),
    "pair to torch": (lambda: torch.exp((x, x)), "give its parts names"),
    "pair for two": (lambda: torch.minimum((x, x)), "give its parts names"),
    "smallest": (lambda: min(x, x), "torch.minimum"),
    "none": (lambda: 2 * nothing(), "without `return`"),
    "name": (lambda: missing_name, "no value yet"),  # noqa: F821
    "unset": (unset, "no value yet"),
    "arguments": (lambda: double(x, 3), "do not fit"),
    "keyword": (lambda: double(y=x), "do not fit"),
    "call": (lambda: x(0), "square"),
    "stack": (lambda: torch.stack([1.0, 2.0]), "as_tensor"),
    "log": (lambda: torch.log(2.0), "as_tensor"),
    "plain number": (lambda: (2.0).exp(), "plain number"),
    "method": (lambda: x.softmaxx(), "spelling"),
    "module": (lambda: torch.softmaxx(x), "spelling"),
    "backwards": (lambda: x[::-1], "flip"),
    "log of zero": (lambda: math.log(0), "logarithm"),
    "overflow": (lambda: math.exp(1e6), "too large"),
    "zero": (lambda: 1 / 0, "divided by zero"),
    "deep": (deep, "does not come to an end"),
    "cast": (lambda: whole.clone().mul_(0.5), "fractions"),
    "key": (lambda: {}["a"], "no such key"),
    "dots": (lambda: 2 * ..., "dots"),
    "no rsample": (lambda: torch.distributions.Categorical(logits=x).rsample(), "use sample"),
}


@pytest.mark.parametrize("name", COMMON)
def test_a_common_error_is_explained(name):
    function, words = COMMON[name]
    with pytest.raises(Exception) as error:
        function()
    assert re.search(words, cause(error.value)), (str(error.value), cause(error.value))


def test_every_cause_is_met_by_an_error():
    met = set()
    for function, _ in COMMON.values():
        try:
            function()
        except Exception as error:
            met.add(cause(error))
    unmet = {sentence for *_, sentence in CAUSES} - met
    assert len(unmet) <= 1, unmet  # nobody wants a test that runs out of memory


def test_an_error_names_the_students_line():
    def broken(x):
        y = 2 * x
        return y + torch.ones(7)

    sentence = check(broken).sentence
    assert f"in your line {broken.__code__.co_firstlineno + 2}, `return y + torch.ones(7)`" in sentence
    assert "different lengths" in sentence and "Traceback" not in sentence


def test_the_line_of_a_helper_outside_is_not_taken_for_the_students():
    def outside():
        raise ValueError("far away")

    def student(x):
        return outside()

    try:
        student(1)
    except ValueError as error:
        assert "`return outside()`" in describe(error, student)


# ---------------------------------------------------------------- answers


def test_a_known_mistake_is_named_and_only_that():
    assert check(lambda x: x + 2).sentence == "You add two in place of doubling."
    other = check(lambda x: x + 3)
    assert other.sentence.startswith("The numbers differ") and "first that differs is [0]" in other.example


def test_what_torch_has_not_is_no_stub():
    sentence = check(lambda x: torch.distributions.Categorical(logits=x).rsample()).sentence
    assert "NotImplementedError" in sentence and "use sample()" in sentence


@pytest.mark.parametrize("answer", [(1.0, None), [torch.ones(2), 1.0], (torch.tensor([1.0]), "two")])
def test_the_entry_that_is_no_number_is_named(answer):
    odd = 1 if answer[1] != 1.0 else 0
    assert f"got a {type(answer).__name__} whose entry {odd} is no single number" in check(lambda x: answer).sentence


def test_other_parameters_than_those_given_are_named():
    assert "is called with 1 argument, and takes others: (x, gamma)" in check(lambda x, gamma: x).sentence
    assert "takes others: ()" in check(lambda: 1).sentence


def test_a_known_mistake_without_numbers_on_a_case_is_another_mistake():
    nowhere = checker.Mistake("It has no numbers.", lambda x: torch.full_like(x, torch.nan))
    doubled = checker.Mistake("Twice.", lambda x: 2 * x)
    cases = [(torch.tensor([1.0, 2.0]),)]
    verdict = checker.judge(lambda x: 2 * x, lambda x: x, cases, [nowhere, doubled], praise="Yes.", show=str)
    assert verdict.sentence == "Twice."


def test_an_answer_by_chance_is_told_as_chance():
    verdict = check(lambda x: 2 * x + torch.rand(len(x)).double())
    assert verdict.sentence == checker.CHANCE and "expected" in verdict.example
    drawn = lambda x: 2 * x + torch.rand(len(x)).double()  # noqa: E731
    plain = checker.judge(drawn, double, [(x,)], [], praise="", searched=False)
    assert plain.sentence.startswith("The numbers differ")


def test_numbers_that_look_alike_are_written_until_they_differ():
    apart = checker.difference(torch.tensor(0.69314999), torch.tensor(0.69314718))
    one, other = apart.removeprefix("expected ").split(", got ")
    assert one != other and one.startswith("0.69314")
    row = checker.difference(torch.tensor([1.0, 0.69314999]), torch.tensor([1.0, 0.69314718]))
    assert len(set(re.findall(r"0.693147?\d*", row.split("differs is")[1]))) == 2


def test_one_number_in_brackets_is_one_number():
    assert checker.as_tensor(torch.tensor([3.0]), torch.tensor(0.0)).shape == ()
    assert checker.as_tensor([[3.0]], torch.tensor(0.0)).shape == ()
    with pytest.raises(checker.Stopped):
        checker.as_tensor(torch.tensor([3.0, 4.0]), torch.tensor(0.0))


def test_a_misused_function_of_the_exercise_is_explained():
    said = checker.wrong(
        "Your function stopped with an error in your line 3, `V()`: TypeError, V() takes 1. More.", "x"
    )
    use = [("W", "never"), (r"V\(\) takes", "V takes the observations.")]
    assert checker.explained(said, use) == checker.wrong(
        "Your function stopped with an error in your line 3, `V()`. V takes the observations.", "x"
    )
    for other in (checker.wrong("The numbers differ."), checker.right("Yes.")):
        assert checker.explained(other, use) == other


def test_every_kind_of_argument_is_a_copy():
    table = [1.0, 2.0]
    checker.call(lambda numbers: numbers.append(3.0) or 1.0, (table,))
    assert table == [1.0, 2.0]


def test_the_first_that_differs_is_shown_where_all_cannot_be():
    case = [(torch.arange(30.0, dtype=torch.float64),)]
    late = lambda x: torch.cat([2 * x[:20], x[20:]])  # noqa: E731
    verdict = judge(late, double, case, [], praise="")
    assert "first that differs is [20]: expected 40, got 20" in verdict.example


def test_single_precision_is_not_held_against_a_right_answer():
    assert check(lambda x: x.float() / 3 * 6).passed


def test_values_and_indices_are_told_apart():
    pair = lambda x: torch.stack([x, x]).max(0)  # noqa: E731
    assert ".values" in check(pair).sentence


def test_another_kind_of_answer_is_named_in_words_of_the_field():
    assert check(lambda x: {"a": 1}).sentence == "Return numbers, a tensor of shape [3]; got dict."
    assert check(lambda x: torch.nn.Linear(3, 3)).sentence == "Return numbers, a tensor of shape [3]; got a network."
    hidden = type("_Hidden", (), {})
    assert check(lambda x: hidden()).sentence == "Return numbers, a tensor of shape [3]; got another kind of object."


def test_a_huge_answer_is_refused_without_being_copied():
    assert "more than" in check(lambda x: torch.zeros(1).expand(10**9)).sentence
    assert "more than" in check(lambda x: [0.0] * 2_000_000).sentence


def test_stopped_carries_the_verdict():
    with pytest.raises(Stopped) as stopped:
        checker.call(forgotten_return, CASES[0])
    assert "returns nothing" in stopped.value.verdict.sentence


# ---------------------------------------------------------------- small things that a student meets


def test_numbers_of_numpy_and_lists_are_answers_like_tensors():
    assert check(lambda x: 2 * x.numpy()).passed and check(lambda x: (2 * x).tolist()).passed
    assert check(lambda x: x.numpy() + 2).sentence == "You add two in place of doubling."


def test_a_shape_is_told_with_what_its_numbers_are():
    assert check(lambda x: x[:2]).sentence == "Return shape [3], one number per step; got shape [2]."
    assert "one number per case; got shape [2]" in check(lambda x: x[:2], each="one number per case").sentence


def test_an_answer_may_hold_as_many_numbers_as_the_limit(monkeypatch):
    monkeypatch.setattr(checker, "LARGEST", 3)
    assert check(double).passed
    monkeypatch.setattr(checker, "LARGEST", 2)
    assert "more than 2 numbers" in check(double).sentence


def test_an_error_without_words_is_an_error_all_the_same():
    def student(x):
        raise ValueError

    def stub(x):
        raise NotImplementedError

    def refused(x):
        raise NotImplementedError("not for integers")

    assert check(student).state == checker.WRONG and check(stub).state == checker.UNFINISHED
    assert check(refused).state == checker.WRONG
    assert "far  away" not in describe(ValueError("far\n  away"), student)
    assert "far away" in describe(ValueError("far\n  away"), student)


def test_what_has_no_source_and_does_nothing_is_a_stub():
    empty = ("pass\n    ...", "return ...", "return None", "if True:\n        pass")
    for body in empty:
        made = {}
        exec(f"def student(x):\n    {body}\n", made)
        assert checker.has_dots(made["student"]), body
    exec("def student(x):\n    pass\n    return 2 * x\n", made)
    assert not checker.has_dots(made["student"]) and check(made["student"]).passed


def test_what_only_waits_is_stopped_after_twelve_times_the_limit():
    began = time.monotonic()
    with pytest.raises(checker.Endless):
        checker.within(0.2, lambda: [time.sleep(0.2) for _ in range(50)])
    assert time.monotonic() - began > 2


def test_numbers_are_written_as_a_reader_writes_them():
    assert checker.write([1.5, 1, 2]) == "(1.5, 1, 2)" and checker.write(0.25) == "0.25"
    assert checker.write(range(20)) == "(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …)"


def test_a_verdict_in_a_notebook_shows_the_case_and_escapes_it():
    shown = checker.wrong("Use `<`.", "x < 1")._repr_html_()
    assert "<code>x &lt; 1</code>" in shown and "✘ Not yet.</b>" in shown and "#b35900" in shown
    assert (
        "<br>" not in checker.right("Good.")._repr_html_()
        and "✔ Right.</b> Good." in checker.right("Good.")._repr_html_()
    )


def test_two_calls_that_differ_are_noticed():
    numbers = iter(range(100))
    assert checker.changes(lambda x: next(numbers) * x, CASES[0])
    assert not checker.changes(double, CASES[0])
    assert not checker.changes(lambda x: x * float("nan"), CASES[0])
    assert not checker.changes(lambda x: "words", CASES[0])
    shapes = iter((CASES[0][0], CASES[0][0][:2]))
    assert not checker.changes(lambda x: next(shapes), CASES[0])


def nearly_double(x):
    return x - x * 3


def test_one_change_from_right_is_found_behind_what_was_handed_out():
    handed_out = lambda function: lambda x: function(x) + 0 * x  # noqa: E731
    verdict = judge(
        handed_out(nearly_double), lambda x: x + x * 3, CASES, [], praise="", own=(nearly_double, handed_out)
    )
    assert verdict.state == checker.WRONG and "return x - x * 3" in verdict.sentence
