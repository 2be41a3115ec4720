"""Exercise: a ring buffer."""

import functools

import numpy as np

from rlcourse.course.checker import Stopped, has_dots, not_started, right, wrong

FIELDS = ("s", "a", "r", "s_next", "terminated")


def ring_buffer(student, *, seed=None):
    """Check a class RingBuffer(capacity) with add(s, a, r, s_next, terminated), sample(n) and len()."""
    if not isinstance(student, type):
        return wrong(f"Pass the class itself, RingBuffer, without brackets; got {type(student).__name__}.")
    rng = np.random.default_rng(seed)
    try:
        return _drive(student, rng)
    except Stopped as stopped:
        unwritten = any(has_dots(method) for method in vars(student).values() if callable(method))
        return not_started() if unwritten else stopped.verdict


def _drive(student, rng):
    capacity = 6  # even: whoever skips every other slot is found out
    buffer = _attempt(lambda: student(capacity), "RingBuffer(6)")
    rows = [_row(rng, i) for i in range(5 * capacity)]
    by_state = {row[0]: row for row in rows}
    _fill(buffer, rows[:3])
    _expect_length(buffer, 3, "after three rows were added")

    for _ in range(60):  # three rows are stored, three slots are still empty
        for got in _sample(buffer, 3, by_state):
            if got is None or got not in rows[:3]:
                raise Stopped(
                    wrong(
                        "You hand out a slot that was never filled: as long as the buffer is not full, draw from "
                        "the rows "
                        "stored so far, not from its whole capacity."
                    )
                )
    _expect_refusal(buffer, 4, by_state, rows[:3])

    _fill(buffer, rows[3:])
    length = _length(buffer)
    draws = [_sample(buffer, 4, by_state) for _ in range(700)]
    if length > capacity and not {row for draw in draws for row in draw} <= set(rows[-capacity:]):
        raise Stopped(
            wrong(
                f"Your buffer grows beyond its capacity: {length} rows are in a buffer of {capacity}. Let the newest "
                "overwrite the oldest."
            )
        )
    _expect_length(buffer, capacity, f"after {len(rows)} rows were added to a buffer of {capacity}")
    _judge_memory(draws, rows, capacity)
    _judge_chance(draws, rows[-capacity:])
    return right(
        "The newest row overwrites the oldest, every row comes with its flag, and each is as likely as any other."
    )


def _row(rng, i):
    """Row number i, recognisable by its state; states are not numbered from zero."""
    return (100 + i, int(rng.integers(2)), round(float(rng.normal()), 3), 101 + i, bool(rng.random() < 0.4 or i == 1))


def _attempt(action, what):
    try:
        return action()
    except (Exception, SystemExit) as error:  # whatever a beginner can do: it becomes a sentence
        raise Stopped(wrong(f"{what} stopped with {type(error).__name__}: {error}")) from None


def _fill(buffer, rows):
    for row in rows:
        _attempt(functools.partial(buffer.add, *row), "add")


def _length(buffer):
    return _attempt(lambda: len(buffer), "len")


def _expect_length(buffer, expected, when):
    length = _length(buffer)
    if length != expected:
        raise Stopped(wrong(f"len should count the rows stored: {expected} {when}, got {length}."))


def _expect_refusal(buffer, n, by_state, stored):
    try:
        answer = buffer.sample(n)
    except ValueError:
        return
    except Exception as error:
        raise Stopped(
            wrong(
                f"A buffer of 3 rows asked for {n} should say so with a ValueError; yours stopped with "
                f"{type(error).__name__}."
            )
        ) from None
    got = _rows_of(answer, n, by_state, lenient=True)
    if got is not None and any(row not in stored for row in got):
        raise Stopped(
            wrong(
                "You hand out a slot that was never filled: as long as the buffer is not full, draw from the "
                "rows stored "
                "so far, not from its whole capacity."
            )
        )
    raise Stopped(wrong(f"Asked for {n} rows with 3 stored, your buffer should refuse with a ValueError; it answered."))


def _sample(buffer, n, by_state):
    return _rows_of(_attempt(lambda: buffer.sample(n), f"sample({n})"), n, by_state)


def _rows_of(answer, n, by_state, *, lenient=False):
    """The answer as n rows that were added, recognised by their state; None in place of one that is not.

    A list of n tuples, or five columns of length n.
    """
    try:
        if answer is None:
            raise TypeError("nothing")
        listed = list(answer)
        if (
            len(listed) in (4, 5)
            and len(listed) != n
            and all(np.ndim(column) == 1 and len(column) == n for column in listed)
        ):
            listed = list(zip(*listed, strict=True))
        if len(listed) != n:
            raise Stopped(wrong(f"sample({n}) should give {n} rows, got {len(listed)}."))
        if any(row is None for row in listed):
            return [None] * n
        listed = [tuple(cell.item() if hasattr(cell, "item") else cell for cell in row) for row in listed]
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
    return [_checked(row, by_state) for row in listed]


def _checked(row, by_state):
    if len(row) == 4:
        raise Stopped(
            wrong(
                "Your rows have no terminated flag. Without it no target can know where the future ends: store "
                "five things."
            )
        )
    if len(row) != 5:
        raise Stopped(wrong(f"A row has five entries, (s, a, r, s_next, terminated); yours has {len(row)}."))
    match = by_state.get(row[0])
    if match is None:
        return None
    for name, mine, theirs in zip(FIELDS, match, row, strict=True):
        if abs(float(mine) - float(theirs)) > 1e-3:
            if name == "terminated":
                raise Stopped(
                    wrong("Your rows have a terminated flag, but not the one that was added: it is lost on the way.")
                )
            raise Stopped(wrong(f"Entries of a row do not belong together: {name} is from another row, or changed."))
    return match


def _judge_memory(draws, rows, capacity):
    seen = {row for draw in draws for row in draw}
    if None in seen:
        raise Stopped(wrong("You hand out a slot that was never filled, though the buffer is full."))
    expected, first = set(rows[-capacity:]), set(rows[:capacity])
    older = seen - expected
    if older and seen <= first:
        raise Stopped(wrong("Once full, your buffer takes nothing new: it keeps its first rows for ever."))
    if older and len(seen) > capacity:
        raise Stopped(
            wrong("Your buffer grows beyond its capacity: rows that should be overwritten by now are still drawn.")
        )
    if older:
        raise Stopped(
            wrong("Old rows survive where newer ones are gone: it must be the oldest row that the newest overwrites.")
        )


def _judge_chance(draws, stored):
    if all(draw == draws[0] for draw in draws):
        raise Stopped(wrong("There is no chance in your sample: asked again and again, it gives the same rows."))
    times = [[stored.index(row) for row in draw] for draw in draws]
    steps = np.diff(np.array(times), axis=1) % len(stored)
    if (steps == 1).all() or (steps == len(stored) - 1).all():
        raise Stopped(
            wrong(
                "You draw a random stretch of neighbouring rows: those are as correlated as fresh steps. Draw "
                "each row on "
                "its own."
            )
        )
    counts = np.bincount(np.ravel(times), minlength=len(stored))
    share = counts / counts.mean()
    if share.min() < 0.7 or share.max() > 1.4:  # ten standard deviations for fair draws
        extreme = (
            "newest"
            if abs(share[-1] - 1) == abs(share - 1).max()
            else "oldest"
            if abs(share[0] - 1) == abs(share - 1).max()
            else "same"
        )
        raise Stopped(
            wrong(
                "Not every row is equally likely to be drawn.",
                f"in 2800 draws from 6 rows, the {extreme} row came {counts[np.abs(share - 1).argmax()]} times",
            )
        )
