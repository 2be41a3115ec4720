"""What a ring buffer's sample gives, read as rows that were added to it."""

import itertools

import numpy as np

from rlcourse.course.checker import Stopped, wrong

FIELDS = ("s", "a", "r", "s_next", "terminated")


def rows_of(answer, n, added, *, lenient=False):
    """The answer as n rows that were added, recognised by their state; None in place of one that is not.

    Args:
        answer: a list of n tuples, or five columns of length n.
        n: how many rows were asked for.
        added: all rows that may come.
        lenient: give None for an answer that is something else.

    Raises:
        Stopped: if the answer is something else, or its rows have other entries than those added.
    """
    try:
        listed = _listed(answer, n)
    except Stopped:
        if lenient:
            return None
        raise
    except (TypeError, ValueError):
        if lenient:
            return None
        raise Stopped(
            wrong(
                f"sample({n}) should give a list of {n} tuples (s, a, r, s_next, terminated), got "
                f"{type(answer).__name__}."
            )
        ) from None
    by_state = {row[0]: row for row in added}
    if order := _other_order(listed, by_state):
        raise Stopped(wrong(f"Your rows hold ({', '.join(order)}). The order asked for is ({', '.join(FIELDS)})."))
    return [_checked(row, by_state) for row in listed]


def _listed(answer, n):
    """The answer as a list of n tuples."""
    if answer is None or isinstance(answer, dict):
        raise TypeError("no rows")
    listed = list(answer)
    if len(listed) == 5 != n and all(np.ndim(cell) == 0 for cell in listed):
        raise Stopped(wrong(f"sample({n}) gives one row. It should give a list of {n} rows."))
    columns = len(listed) in (4, 5) and len(listed) != n
    if columns and all(np.ndim(column) == 1 and len(column) == n for column in listed):
        listed = list(zip(*listed, strict=True))
    if len(listed) != n:
        raise Stopped(wrong(f"sample({n}) should give {n} rows, got {len(listed)}."))
    if any(isinstance(row, dict) for row in listed):
        raise Stopped(wrong(f"Your rows are dicts. A row should be a tuple, ({', '.join(FIELDS)})."))
    return [
        (None,) * 5 if row is None else tuple(cell.item() if hasattr(cell, "item") else cell for cell in row)
        for row in listed
    ]


def _other_order(listed, by_state):
    """The order in which all rows hold their five entries, if it is one and not the one asked for; else None."""
    for places in itertools.permutations(range(5)):  # the right order is the first of them
        turned = [tuple(row[place] for place in places) if len(row) == 5 else () for row in listed]
        if all(row and _same(_match(row, by_state), row) for row in turned):
            return None if places == tuple(range(5)) else [FIELDS[places.index(place)] for place in range(5)]
    return None


def _match(row, by_state):
    """The row added with this row's state, or None."""
    try:
        return by_state.get(row[0])
    except TypeError:  # a list or the like, which no dict finds
        kind = type(row[0]).__name__
        raise Stopped(wrong(f"The s of a row comes back as a {kind}. Store every entry as it was added.")) from None


def _same(match, row):
    return match is not None and all(map(_fits, match, row))


def _fits(mine, theirs):
    try:
        return abs(float(mine) - float(theirs)) <= 1e-3
    except (TypeError, ValueError):
        return False


def _checked(row, by_state):
    if len(row) == 4:
        raise Stopped(
            wrong(
                "Your rows have no terminated flag. Without it no target can know where the future ends: store five "
                "things."
            )
        )
    if len(row) != 5:
        raise Stopped(wrong(f"A row has five entries, (s, a, r, s_next, terminated); yours has {len(row)}."))
    match = _match(row, by_state)
    if match is None:
        return None
    for name, mine, theirs in zip(FIELDS, match, row, strict=True):
        if not _fits(mine, theirs):
            if name == "terminated":
                raise Stopped(
                    wrong("Your rows have a terminated flag, but not the one that was added: it is lost on the way.")
                )
            raise Stopped(wrong(f"Entries of a row do not belong together: {name} is from another row, or changed."))
    return match
