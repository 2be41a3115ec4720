"""Studies: many runs, trained by one command, stored in one file, and read by whoever quotes them.

A study is a file of JSON with one line per label; a label is what was varied ("κ = 0.02"), and behind it stand the
numbers of all its seeds. Whoever owns a study says how one label is measured; the rest is here.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rlcourse.checks import require
from rlcourse.curves import interval
from rlcourse.training import History


def regenerate(path: Path, measures: Mapping[str, Callable[[], Any]], only: Iterable[str] = ()) -> None:
    """Measure some labels, or all of them, and store each as soon as it is there; the others are kept.

    Args:
        path: file of the study.
        measures: label -> function that measures it and returns what JSON can hold.
        only: labels to measure anew; all if there are none.

    Raises:
        ValueError: if a label of `only` is none of the study's.
    """
    begun = time.process_time()
    for label in tuple(only) or tuple(measures):
        require(label in measures, f"label must be one of {', '.join(measures)}, got {label!r}")
        found = measures[label]()
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known[label] = found
        write(path, {name: known[name] for name in measures if name in known})
        print(f"{time.process_time() - begun:5.0f} s  {label}", file=sys.stderr, flush=True)


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Store what was found, a line per label, in one piece: whoever reads sees the old numbers or the new ones."""
    lines = (
        f"{json.dumps(label, ensure_ascii=False)}: {json.dumps(each, ensure_ascii=False, separators=(',', ':'))}"
        for label, each in found.items()
    )
    replace(path, "{\n" + ",\n".join(lines) + "\n}\n")


def replace(path: Path, text: str) -> None:
    """Write a file in one piece."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


@cache
def stored(path: Path) -> dict[str, Any]:
    """What `regenerate` wrote: label -> numbers."""
    return json.loads(path.read_text(encoding="utf-8"))


def checkpoints(runs: Iterable[list[History]], every: int) -> Iterator[tuple[int, list[History]]]:
    """Stop runs that learn side by side whenever all of them have done so many more steps.

    Args:
        runs: what `training.run_many` returns.
        every: environment steps between two checkpoints.

    Yields:
        (steps of the checkpoint, the histories as they are then)
    """
    due = every
    for histories in runs:
        if min(history.total_steps for history in histories) >= due:
            yield due, histories
            due += every


def fields(name: str, values: Sequence[float] | np.ndarray, *, statistic: str = "mean") -> dict[str, float]:
    """The middle of all seeds and its 95 % interval, as numbers of a claim: name, name_low, name_high."""
    middle = interval(values, statistic=statistic)
    return {name: float(middle.center), f"{name}_low": float(middle.low), f"{name}_high": float(middle.high)}
