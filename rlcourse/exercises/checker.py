"""How an exercise answers: right, not yet (and the likely mistake), or not started. Never a traceback.

A checker calls the student's function on fresh random cases and holds it against an oracle. If it fails, the
answer is compared with what each known mistake would have given on the same cases; a match names the mistake.
"""

import html
import traceback
from dataclasses import dataclass

import numpy as np
import torch

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
            f"<b>{mark} {self.state.capitalize()}.</b> {html.escape(self.sentence)}{example}</div>"
        )


def right(sentence):
    return Verdict(RIGHT, sentence)


def wrong(sentence, example=""):
    return Verdict(WRONG, sentence, example)


def not_started():
    return Verdict(UNFINISHED, "Replace the three dots by your own lines, then run the cell again.")


def is_stub(error):
    """Whether an error only says that nothing is written yet: a bare `raise NotImplementedError`.

    With a reason in it, the error is one of torch's: it does not compute what was asked for.
    """
    return isinstance(error, NotImplementedError) and not str(error)


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
    """Call the student's function on copies of the arguments.

    Raises:
        Stopped: with the verdict, if it stops with an error, returns nothing, or changes its arguments.
    """
    if not callable(student):
        raise Stopped(wrong(f"Pass the function itself, without calling it; got {type(student).__name__}."))
    copies = [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]
    try:
        answer = student(*copies)
    except (Exception, SystemExit) as error:  # whatever a beginner can do: it becomes a sentence
        raise Stopped(not_started() if is_stub(error) else wrong(_describe(error, student))) from None
    if answer is None or answer is Ellipsis:
        raise Stopped(not_started())
    for before, after in zip(arguments, copies, strict=True):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            raise Stopped(wrong("Your function changes an argument in place; work on a copy (tensor.clone())."))
    return answer


def _describe(error, student):
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.name == getattr(student, "__name__", "")]
    place = f" in its line `{lines[-1].line}`" if lines and lines[-1].line else ""
    return f"Your function stopped with {type(error).__name__}{place}: {error}"


def as_tensor(answer, like, each="one number a step"):
    """The answer as a float64 tensor of the oracle's shape; `each` says in words what its numbers are.

    Raises:
        Stopped: with a sentence on what came instead.
    """
    try:
        if isinstance(answer, list | tuple):
            answer = torch.stack([torch.as_tensor(a, dtype=torch.float64).detach() for a in answer])
        tensor = torch.as_tensor(answer, dtype=torch.float64).detach()    # a Python float would become float32
    except (TypeError, ValueError, RuntimeError, OverflowError):
        wanted = f"numbers, a tensor of shape {list(like.shape)}" if like.dim() else "one number"
        raise Stopped(wrong(f"Return {wanted}; got {type(answer).__name__}.")) from None
    if tensor.shape != like.shape:
        wanted = f"shape {list(like.shape)}, {each}" if like.dim() else "one number"
        raise Stopped(wrong(f"Return {wanted}; got shape {list(tensor.shape)}."))
    if not tensor.isfinite().all():
        raise Stopped(wrong("Your answer holds NaN or infinity."))
    return tensor


def judge(student, oracle, cases, mistakes, *, praise, tolerance=1e-6, show=None, each="one number a step"):
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

    Returns:
        A Verdict.
    """
    try:
        truths = [as_tensor(oracle(*case), torch.as_tensor(oracle(*case))) for case in cases]
        answers = [as_tensor(call(student, case), truth, each) for case, truth in zip(cases, truths, strict=True)]
    except Stopped as stopped:
        return stopped.verdict
    if _agree(answers, truths, tolerance):
        return right(praise)
    example = _example(cases, answers, truths, tolerance, show)
    for mistake in mistakes:
        made = [as_tensor(mistake.function(*case), truth) for case, truth in zip(cases, truths, strict=True)]
        if _agree(answers, made, tolerance):
            return wrong(mistake.sentence, example)
    return wrong("The numbers differ from the definition; work the case below by hand.", example)


def _agree(answers, truths, tolerance):
    return all(torch.allclose(a, t, rtol=tolerance, atol=tolerance) for a, t in zip(answers, truths, strict=True))


def _example(cases, answers, truths, tolerance, show):
    for case, answer, truth in zip(cases, answers, truths, strict=True):
        if not _agree([answer], [truth], tolerance):
            given = show(*case) + ": " if show else ""
            return f"{given}expected {write(truth)}, got {write(answer)}"
    return ""


def write(numbers):
    """A few numbers as a reader writes them: (1.5, 1, 2)."""
    values = np.atleast_1d(np.asarray(numbers, dtype=float)).ravel()
    shown = ", ".join(f"{value:.4g}" for value in values[:8])
    return (f"({shown}{', …' if len(values) > 8 else ''})") if len(values) > 1 else shown
