"""How an exercise answers: right, not yet (and the likely mistake), or not started. Never a traceback.

A checker calls the student's function on fresh random cases and holds it against an oracle. If it fails, the
answer is compared with what each known mistake would have given on the same cases; a match names the mistake.
"""

import _thread
import ast
import contextlib
import dis
import html
import inspect
import os
import re
import signal
import sys
import textwrap
import threading
import time
import traceback
from dataclasses import dataclass

import numpy as np
import torch

from rlcourse.course.checker_errors import describe
from rlcourse.course.checker_repair import nearly
from rlcourse.course.quiz import marked

SECONDS = 5.0
"""A student's function may take so long for one case."""
LARGEST = 1_000_000
"""Numbers of an answer that is looked at."""
SHOWN = 12
"""Numbers that are written out."""
SINGLE = 2e-5
"""Largest relative difference that counts as equal where an answer came in single precision."""
RIGHT, WRONG, UNFINISHED = "right", "not yet", "not started"
_LOOK = {RIGHT: ("✔", "#1a7f37"), WRONG: ("✘", "#b35900"), UNFINISHED: ("…", "#6e7781")}


@dataclass(frozen=True)
class Verdict:
    """What a checker says: a state, one sentence, and perhaps the case that shows it."""

    state: str
    sentence: str
    example: str = ""

    @property
    def passed(self):
        return self.state == RIGHT

    def __repr__(self):
        return f"{_LOOK[self.state][0]} {self.state}: {self.sentence}" + (f"\n  {self.example}" if self.example else "")

    def _repr_html_(self):
        mark, color = _LOOK[self.state]
        example = f"<br><code>{html.escape(self.example)}</code>" if self.example else ""
        return (
            f'<div role="status" style="border-left: 6px solid {color}; padding: .4em .8em; line-height: 1.5">'
            f"<b>{mark} {self.state.capitalize()}.</b> {marked(self.sentence)}{example}</div>"
        )


def _kind(answer):
    """What came instead of numbers, in words that a student knows."""
    if isinstance(answer, torch.nn.Module):
        return "a network"
    if isinstance(answer, list | tuple):
        odd = [
            i for i, part in enumerate(answer) if not isinstance(part, int | float | np.number) and not _is_one(part)
        ]
        return (
            f"a {type(answer).__name__} whose entry {odd[0]} is no single number" if odd else "a list without numbers"
        )
    known = type(answer).__module__.split(".")[0] in ("builtins", "numpy", "torch")
    return type(answer).__name__ if known else "another kind of object"


def _is_one(part):
    """Whether part of an answer is a tensor or an array of one number."""
    return isinstance(part, torch.Tensor | np.ndarray) and _size(part) == 1


def right(sentence):
    return Verdict(RIGHT, sentence)


def wrong(sentence, example=""):
    return Verdict(WRONG, sentence, example)


def not_started():
    return Verdict(UNFINISHED, "Replace the three dots with your own lines, then run the cell again.")


def is_stub(error):
    """Whether an error only says that nothing is written yet: a bare `raise NotImplementedError`.

    With a reason in it, or from a file of torch, the error is torch's: it does not compute what was asked for.
    """
    raised_in = traceback.extract_tb(error.__traceback__)[-1].filename if error.__traceback__ else ""
    of_torch = f"{os.sep}torch{os.sep}" in raised_in
    return isinstance(error, NotImplementedError) and not str(error) and not of_torch


def has_dots(function):
    """Whether the three dots of a stub still stand in a function's (or class's) source: x[..., 0] is no such place."""
    if isinstance(function, type):  # of a class from a notebook only the methods have a source
        return any(has_dots(method) for method in vars(function).values() if inspect.isfunction(method))
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # no source to be had: from a line, or by another function
        return _does_nothing(function)
    if not isinstance(tree.body[0], ast.FunctionDef):  # the source of a lambda is its whole line
        return _does_nothing(function)
    indices = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.Subscript) for inner in ast.walk(node.slice)
    }
    return any(
        isinstance(node, ast.Constant) and node.value is Ellipsis and id(node) not in indices for node in ast.walk(tree)
    )


def _does_nothing(function):
    """Whether a function computes nothing: its whole code gives back None, or the dots themselves."""
    if not hasattr(function, "__code__"):
        return False
    steps = [step for step in dis.get_instructions(function) if step.opname not in ("RESUME", "NOP", "CACHE")]
    values = [step.argval for step in steps if "CONST" in step.opname]
    return len(steps) <= 2 and len(values) == 1 and (values[0] is None or values[0] is Ellipsis)


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: the function that makes it, and the sentence that names it."""

    sentence: str
    function: object


class Stopped(Exception):
    """The student's function could not be used; carries the verdict."""

    def __init__(self, verdict):
        self.verdict = verdict


def call(student, arguments):
    """Call the student's function on copies of the tensors and lists among the arguments.

    Raises:
        Stopped: with the verdict, if it stops with an error or not at all, returns nothing, or changes its arguments.
    """
    if not callable(student):
        raise Stopped(wrong(f"Pass the function itself, without calling it; got {type(student).__name__}."))
    copies = [a.clone() if isinstance(a, torch.Tensor) else list(a) if isinstance(a, list) else a for a in arguments]
    answer = run(student, copies)
    for before, after in zip(arguments, copies, strict=True):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            raise Stopped(wrong("Your function changes an argument in place; work on a copy (tensor.clone())."))
    return answer


def run(student, arguments):
    """The student's answer to these very arguments.

    Raises:
        Stopped: with the verdict, if it stops with an error, runs for too long, or returns nothing.
    """
    _check_parameters(student, len(arguments))
    try:
        answer = within(SECONDS, student, *arguments)
    except Endless:
        sentence = f"Your function was stopped after {SECONDS:g} seconds. Does its loop come to an end?"
        raise Stopped(wrong(sentence)) from None
    except (Exception, SystemExit) as error:  # whatever a beginner can do: it becomes a sentence
        unfinished = is_stub(error) or has_dots(student)
        raise Stopped(not_started() if unfinished else wrong(describe(error, student))) from None
    for part in answer if isinstance(answer, tuple) else (answer,):
        if isinstance(part, torch.Tensor | np.ndarray) and _size(part) > LARGEST:
            raise Stopped(
                wrong(f"Your answer holds more than {LARGEST:,} numbers; one tensor may have become a table.")
            )
    if answer is Ellipsis or (isinstance(answer, tuple | list) and any(part is Ellipsis for part in answer)):
        raise Stopped(not_started())
    if answer is None:
        if has_dots(student):
            raise Stopped(not_started())
        raise Stopped(wrong("Your function returns nothing. Does its last line begin with `return`?"))
    return answer


def _check_parameters(student, count):
    """Raise Stopped unless a function can be called with so many arguments, as far as it says what it takes."""
    try:
        signature = inspect.signature(student, follow_wrapped=False)
    except Exception:  # an odd thing that can be called: it says nothing of what it takes
        return
    try:
        signature.bind(*range(count))
    except TypeError:
        names = ", ".join(signature.parameters)
        sentence = f"Your function is called with {count} argument{'s' * (count != 1)}, and takes others: ({names})."
        raise Stopped(wrong(f"{sentence} Its first line must stay as it was given.")) from None


class Endless(BaseException):
    """A student's function took longer than the limit. (No Exception, so that no `except` of theirs catches it.)"""


def within(seconds, function, *arguments):
    """What the function returns; where it computes for longer, it is interrupted as the Stop button does.

    On a busy machine computing for five seconds takes longer, so the limit is one of processor time (and, for what
    waits, twelve times that on the clock). There is none outside the main thread.

    Raises:
        Endless: if it was interrupted.
    """
    main = threading.main_thread()
    if threading.current_thread() is not main:
        return function(*arguments)
    lock, late, over = threading.Lock(), threading.Event(), threading.Event()
    began = time.process_time(), time.monotonic()

    def watch():
        while not over.wait(min(0.2, seconds / 5)):
            long = time.process_time() - began[0] > seconds or time.monotonic() - began[1] > 12 * seconds
            with lock:
                if long and not over.is_set() and not _importing(main):
                    late.set()
                    _thread.interrupt_main()
                    return

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program begun with nohup may be deaf to it
    try:
        threading.Thread(target=watch, daemon=True).start()
        try:
            answer = function(*arguments)
        finally:
            with lock:
                over.set()
            if late.is_set():
                time.sleep(0.05)  # the interrupt arrives here, if the function ended in the same moment
    except KeyboardInterrupt:
        if late.is_set():
            raise Endless from None
        raise
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
    return answer


def _importing(thread):
    """Whether a thread is in the middle of an import: an interrupt would leave half a module behind."""
    frame = sys._current_frames().get(thread.ident)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def changes(function, case):
    """Whether two calls of a function of one case give different numbers."""
    first, second = (call(function, case) for _ in range(2))
    try:
        first, second = (torch.as_tensor(answer, dtype=torch.float64).detach() for answer in (first, second))
        return first.shape == second.shape and not torch.allclose(first, second, equal_nan=True)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return False  # the shape will be complained about later


def as_tensor(answer, like, each="one number per step"):
    """The answer as a float64 tensor of the oracle's shape; `each` says in words what its numbers are.

    Raises:
        Stopped: with a sentence on what came instead.
    """
    if type(answer).__module__.startswith("torch.return_types"):
        raise Stopped(wrong("torch's max, min and sort along an axis give values and indices; return the .values."))
    try:
        if _size(answer) > LARGEST:
            wanted = f"shape {list(like.shape)}, {each}" if like.dim() else "one number"
            raise Stopped(wrong(f"Return {wanted}; got more than {LARGEST:,} numbers."))
        if isinstance(answer, list | tuple):
            answer = torch.stack([torch.as_tensor(a, dtype=torch.float64).detach() for a in answer])
        tensor = torch.as_tensor(answer, dtype=torch.float64).detach()  # a Python float would become float32
    except (TypeError, ValueError, RuntimeError, OverflowError):
        wanted = f"numbers, a tensor of shape {list(like.shape)}" if like.dim() else "one number"
        raise Stopped(wrong(f"Return {wanted}; got {_kind(answer)}.")) from None
    if like.dim() == 0 and tensor.numel() == 1:
        tensor = tensor.reshape(())  # one number in brackets is one number
    if tensor.shape != like.shape:
        wanted = f"shape {list(like.shape)}, {each}" if like.dim() else "one number"
        raise Stopped(wrong(f"Return {wanted}; got shape {list(tensor.shape)}."))
    if not tensor.isfinite().all():
        raise Stopped(wrong("Your answer holds NaN or infinity."))
    return tensor


def _size(answer):
    """How many numbers an answer may hold at least."""
    if isinstance(answer, torch.Tensor | np.ndarray):
        return answer.numel() if isinstance(answer, torch.Tensor) else answer.size
    return len(answer) if isinstance(answer, list | tuple | str) else 1


CHANCE = (
    "Called twice with the same numbers, your function gives two answers: there is chance in it. The exact number is "
    "wanted; compute it without drawing."
)


def explained(verdict, misused):
    """The verdict; where a function of the exercise was misused, with a sentence on how it is used.

    Args:
        verdict: on a student's function.
        misused: pairs (pattern, sentence); the first pattern found in the kind and the message of an error decides.
    """
    stopped = re.match(r"(Your function stopped with an error.*?): (\w+(?:Error|Exception), .*)", verdict.sentence)
    if stopped:
        where, error = stopped.groups()
        for pattern, sentence in misused:
            if re.search(pattern, error):
                return wrong(f"{where}. {sentence}", verdict.example)
    return verdict


def judge(
    student,
    oracle,
    cases,
    mistakes,
    *,
    praise,
    tolerance=1e-6,
    show=None,
    each="one number per step",
    own=None,
    searched=True,
):
    """Hold a student's function against an oracle, and name the mistake if it is a known one.

    Args:
        student: the function under test.
        oracle: the right function, same arguments.
        cases: list of argument tuples, the first one small enough to be shown.
        mistakes: list of Mistake, the likeliest first.
        praise: what to say when all is right.
        tolerance: largest difference that counts as equal.
        show: function of one case's arguments -> text that describes it.
        each: what the numbers of an answer are, for the sentence about a wrong shape.
        own: where `student` only hands out answers: the function that was written, and what makes such a `student` of
            a function like it.
        searched: whether to look, where no mistake fits, for chance in it and for one change that makes it right.

    Returns:
        A Verdict.
    """
    written, handed_out = own or (student, lambda function: function)
    try:
        truths = [as_tensor(oracle(*case), torch.as_tensor(oracle(*case))) for case in cases]
        given = [call(student, case) for case in cases]
        answers = [as_tensor(answer, truth, each) for answer, truth in zip(given, truths, strict=True)]
    except Stopped as stopped:
        return stopped.verdict
    if any(getattr(answer, "dtype", None) in (torch.float32, np.float32) for answer in given):
        tolerance = max(tolerance, SINGLE)
    if _agree(answers, truths, tolerance):
        return right(praise)
    example = _example(cases, answers, truths, tolerance, show)
    for mistake in mistakes:
        with contextlib.suppress(Stopped):  # on some cases a mistake has no numbers
            made = [as_tensor(mistake.function(*case), truth) for case, truth in zip(cases, truths, strict=True)]
            if _agree(answers, made, tolerance):
                return wrong(mistake.sentence, example)
    near = ""
    if searched:
        try:
            if any(changes(handed_out(written), case) for case in cases):
                return wrong(CHANCE, example)
        except Stopped as stopped:
            return stopped.verdict
        near = nearly(written, lambda other: _passes(handed_out(other), cases, truths, tolerance))
    return wrong(near or "The numbers differ from the definition; the first that differs stands below.", example)


def _passes(function, cases, truths, tolerance):
    """Whether a function is right on every case; it stops at the first where it is not."""
    for case, truth in zip(cases, truths, strict=True):
        answer = within(1.0, function, *(a.clone() if isinstance(a, torch.Tensor) else a for a in case))
        if not _agree([as_tensor(answer, truth)], [truth], tolerance):
            return False
    return True


def _agree(answers, truths, tolerance):
    return all(torch.allclose(a, t, rtol=tolerance, atol=tolerance) for a, t in zip(answers, truths, strict=True))


def _example(cases, answers, truths, tolerance, show):
    for case, answer, truth in zip(cases, answers, truths, strict=True):
        if not _agree([answer], [truth], tolerance):
            given = show(*case) + ": " if show else ""
            return f"{given}{difference(answer, truth, tolerance)}"
    return ""


def difference(answer, truth, tolerance=1e-6):
    """What was expected and what came, in words: all numbers if they are few, and always the first that differs.

    Args:
        answer, truth: tensors of one shape.
        tolerance: largest difference that counts as equal.
    """
    said = f"expected {write(truth)}, got {write(answer)}"
    if truth.numel() == 1 and write(truth) == write(answer):  # the same as far as they are written
        said = f"expected {truth.item():.10g}, got {answer.item():.10g}"
    apart = ~torch.isclose(answer, truth, rtol=tolerance, atol=tolerance, equal_nan=True)
    if truth.dim() == 0 or truth.numel() == 1 or not apart.any():
        return said
    first = tuple(apart.nonzero()[0].tolist())
    place = ", ".join(map(str, first))
    return f"{said}. The first that differs is [{place}]: {difference(answer[first], truth[first])}"


def write(numbers):
    """A few numbers as a reader writes them: (1.5, 1, 2)."""
    values = np.atleast_1d(np.asarray(numbers, dtype=float)).ravel()
    shown = ", ".join(f"{value:.4g}" for value in values[:SHOWN])
    return (f"({shown}{', …' if len(values) > SHOWN else ''})") if len(values) > 1 else shown
