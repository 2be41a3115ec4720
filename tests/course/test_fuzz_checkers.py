"""Two thousand random answers to the exercises: each gets a sentence, none a traceback, none a wrong "right"."""

import importlib
import inspect
import warnings

import numpy as np
import pytest
import torch

from rlcourse.course import checker, checker_repair, order, progress

ANSWERS_IN_ALL = 2_000
EXERCISES = [(lesson, name) for lesson in order.LESSONS for name in progress.exercises(lesson)]
EACH = -(-ANSWERS_IN_ALL // len(EXERCISES))


class Odd:
    """Neither a number nor a sequence, and quick to anger."""

    def __len__(self):
        raise RuntimeError("no length")

    def __iter__(self):
        raise ValueError("no parts")

    def __float__(self):
        raise TypeError("no number")


def tensors(rng):
    shape = tuple(rng.integers(0, 5, rng.integers(0, 4)))
    kind = rng.choice(["float32", "float64", "int64", "bool", "complex64", "float16"])
    return torch.from_numpy(np.asarray(rng.normal(0, 10.0 ** rng.integers(-3, 9), shape))).to(getattr(torch, str(kind)))


def returned(rng):
    """Something that a function may give back."""
    choices = [
        lambda: None,
        lambda: ...,
        lambda: Odd(),
        lambda: float(rng.choice([0.0, 1.0, -1.0, np.nan, np.inf, 1e300, rng.normal()])),
        lambda: int(rng.integers(-(10**9), 10**9)),
        lambda: 10**400,
        lambda: bool(rng.integers(2)),
        lambda: complex(1, 2),
        lambda: "".join(map(chr, rng.integers(32, 127, 5))),
        lambda: b"bytes",
        lambda: tensors(rng),
        lambda: tensors(rng).to(torch.float32).requires_grad_(),
        lambda: tensors(rng).numpy(),
        lambda: [tensors(rng) for _ in range(rng.integers(0, 5))],
        lambda: tuple(tensors(rng) for _ in range(rng.integers(0, 6))),
        lambda: {"a": tensors(rng)},
        lambda: (number for number in range(3)),
        lambda: torch.zeros(1).expand(10**10),
        lambda: [0.0] * 10**6,
        lambda: np.array([Odd(), None], dtype=object),
        lambda: torch.ones(2, 3).max(1),
        lambda: lambda *more: 1.0,
        lambda: type,
        lambda: torch.nn.Linear(2, 2),
        lambda: [[1.0, 2.0], [3.0]],
        lambda: np.datetime64("2026-01-01"),
    ]
    return choices[rng.integers(len(choices))]()


def raised(rng):
    kinds = [ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, RuntimeError, AssertionError, SystemExit]
    kinds += [NotImplementedError, StopIteration, RecursionError, MemoryError, OverflowError, UnicodeError, OSError]
    return kinds[rng.integers(len(kinds))]("<b>&\n" * rng.integers(0, 4))


def answer(rng):
    """A random function: it returns something, one of its arguments, or raises; perhaps it spoils them first."""
    kind, fixed, error, which = rng.integers(6), returned(rng), raised(rng), int(rng.integers(8))

    def student(*arguments, **named):
        given = [*arguments, *named.values()]
        if kind == 0:
            raise error
        if kind == 1 and given:
            return given[which % len(given)]
        if kind == 2:
            for part in given:
                if isinstance(part, torch.Tensor) and part.is_floating_point() and not part.requires_grad:
                    part.zero_()
        return fixed

    return student if kind < 5 else fixed  # a call in place of a function


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "name"), EXERCISES, ids=[f"{lesson}-{name}" for lesson, name in EXERCISES])
def test_random_answers_get_a_sentence(lesson, name, monkeypatch):
    monkeypatch.setattr(checker_repair, "SECONDS", 0.05)  # none of them is one change from right
    monkeypatch.setattr(checker, "SECONDS", 1.0)
    check = getattr(importlib.import_module(f"rlcourse.lessons.{lesson}.exercises"), name)
    parameters = inspect.signature(check).parameters.values()
    wanted = [one for one in parameters if one.default is one.empty and one.kind != one.VAR_KEYWORD]
    rng = np.random.default_rng(abs(hash_of(f"{lesson}/{name}")))
    for _ in range(EACH):
        given = [answer(rng) for _ in wanted]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verdict = check(*given)
        assert isinstance(verdict, checker.Verdict), verdict
        assert verdict.state in (checker.WRONG, checker.UNFINISHED), (verdict, given)
        assert 10 < len(verdict.sentence) < 1_000 and "Traceback" not in verdict.sentence
        assert repr(verdict) and verdict._repr_html_()


def hash_of(text):
    """A number that is the same in every process."""
    return int.from_bytes(text.encode()[-8:], "little") % 2**31
