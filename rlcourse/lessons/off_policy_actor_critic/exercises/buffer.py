"""Exercise: a ring buffer."""

import inspect
import itertools
import traceback
from collections.abc import Iterator

import numpy as np

from rlcourse.course.checker import SECONDS, Endless, Stopped, has_dots, not_started, right, within, wrong
from rlcourse.course.checker_errors import describe
from rlcourse.lessons.off_policy_actor_critic.exercises.rows import rows_of

NEVER_FILLED = (
    "You hand out a slot that was never filled: as long as the buffer is not full, draw from the rows stored so far, "
    "not from its whole capacity."
)


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
    # The capacity is even: whoever skips every other slot is found out. 32 rows are no multiple of it.
    capacity = 6
    rows = [_row(rng, i) for i in range(5 * capacity + 2)]
    buffer, other = _Driven(student, capacity, rows), _Driven(student, 4, rows)
    _expect_apart(buffer, other)
    _while_filling(buffer)
    for reached, times in ((capacity + 2, 100), (len(rows), 700)):  # just full, and full for a long time
        buffer.add(reached)
        draws = [buffer.sample(4) for _ in range(times)]
        _judge_memory(buffer, draws)
    _judge_chance(draws, rows[-capacity:])
    _expect_capacity(other, capacity)
    return right(
        "The newest row overwrites the oldest, every row comes with its flag, and each is as likely as any other."
    )


def _row(rng, i):
    """Row number i, recognisable by its state; states are not numbered from zero."""
    return (100 + i, int(rng.integers(2)), round(float(rng.normal()), 3), 101 + i, bool(rng.random() < 0.4 or i == 1))


class _Driven:
    """A student's buffer, and how many of the rows were added to it; what goes wrong in it becomes a sentence."""

    def __init__(self, student, capacity, rows):
        self.student, self.capacity, self.rows, self.added = student, capacity, rows, 0
        self.buffer = self._attempt(lambda: student(capacity), f"RingBuffer({capacity})")

    @property
    def stored(self):
        """How many rows it should hold."""
        return min(self.added, self.capacity)

    def add(self, reached):
        """Add the next rows, until so many were added."""
        before = self.length()
        while self.added < reached:
            row = self.rows[self.added]
            self._attempt(lambda row=row: self.buffer.add(*row), "add")
            self.added += 1
            if (length := self.length()) < before:
                raise Stopped(
                    wrong(
                        f"Your buffer loses rows: row {self.added} made len fall from {before} to {length}. A new row "
                        "overwrites one row, the oldest; all others stay."
                    )
                )
            before = length

    def length(self):
        return self._attempt(lambda: len(self.buffer), "len")

    def expect_length(self, when):
        length = self.length()
        if length != self.stored:
            raise Stopped(wrong(f"len should count the rows stored: {self.stored} {when}, got {length}."))

    def sample(self, n):
        return rows_of(self._attempt(lambda: self.draw(n), f"sample({n})"), n, self.rows)

    def draw(self, n):
        """Whatever the student's sample gives; of what hands out its rows one by one, a few too many are enough."""
        answer = in_time(lambda: self.buffer.sample(n), f"sample({n})")
        if isinstance(answer, Iterator):
            answer = in_time(lambda: list(itertools.islice(answer, n + 1)), f"sample({n})")
        return answer

    def _attempt(self, action, what):
        try:
            return in_time(action, what)
        except (Exception, SystemExit) as error:  # whatever a beginner can do: it becomes a sentence
            if isinstance(error, Stopped):
                raise
            if what.startswith("sample") and _refuses(error, self.student):
                raise Stopped(
                    wrong(
                        f"{what} is refused, though {self.stored} rows should be stored. Refuse only if more rows are "
                        "wanted than are stored."
                    )
                ) from None
            raise Stopped(wrong(describe(error, self.student).replace("Your function", what, 1))) from None


def in_time(action, what):
    """What an action gives.

    Raises:
        Stopped: if it takes too long.
    """
    try:
        return within(SECONDS, action)
    except Endless:
        raise Stopped(wrong(f"{what} was stopped after {SECONDS:g} seconds. Does its loop come to an end?")) from None


def _refuses(error, student):
    """Whether an error is a ValueError that a line of the student's own class raises, and no other function's."""
    if not isinstance(error, ValueError):
        return False
    place = traceback.extract_tb(error.__traceback__)[-1]
    files = {member.__code__.co_filename for member in vars(student).values() if inspect.isfunction(member)}
    return place.filename in files and "raise" in (place.line or "")


def _expect_apart(buffer, other):
    """Whether two buffers keep their rows apart."""
    before = buffer.length()
    other.add(2)
    if buffer.length() != before:
        raise Stopped(
            wrong("Two buffers share their rows. Make the place for the rows anew in `__init__`, as a part of self.")
        )


def _while_filling(buffer):
    """Three rows are stored, three slots are still empty."""
    buffer.add(3)
    buffer.expect_length("after three rows were added")
    for _ in range(60):
        for got in buffer.sample(3):
            if got is None or got not in buffer.rows[:3]:
                raise Stopped(wrong(NEVER_FILLED))
        if (length := buffer.length()) < 3:
            raise Stopped(
                wrong(
                    f"sample(3) takes rows out of the buffer: of 3 rows {length} are left. A sampled row stays stored."
                )
            )
    _expect_refusal(buffer, 4)


def _expect_refusal(buffer, n):
    try:
        answer = buffer.draw(n)
    except ValueError:
        return
    except Stopped:
        raise
    except (Exception, SystemExit) as error:
        raise Stopped(
            wrong(
                f"A buffer of 3 rows asked for {n} should say so with a ValueError; yours stopped with "
                f"{type(error).__name__}."
            )
        ) from None
    got = rows_of(answer, n, buffer.rows, lenient=True)
    if got is not None and any(row not in buffer.rows[:3] for row in got):
        raise Stopped(wrong(NEVER_FILLED))
    raise Stopped(wrong(f"Asked for {n} rows with 3 stored, your buffer should refuse with a ValueError; it answered."))


def _expect_capacity(other, capacity):
    """Whether a buffer of another capacity has that capacity."""
    other.add(9)
    if other.length() == capacity:
        raise Stopped(
            wrong(
                f"A buffer of {other.capacity} holds {capacity} rows, just as a buffer of {capacity} does. Use the "
                "capacity that `__init__` is given."
            )
        )
    _judge_memory(other, [other.sample(4) for _ in range(100)])


def _judge_memory(buffer, draws):
    """Whether a full buffer holds the newest rows: by its length, and by what it draws."""
    capacity, rows, length = buffer.capacity, buffer.rows[: buffer.added], buffer.length()
    seen, newest = {row for draw in draws for row in draw}, set(rows[-capacity:])
    if length > capacity and not seen <= newest:
        raise Stopped(
            wrong(
                f"Your buffer grows beyond its capacity: {length} rows are in a buffer of {capacity}. Let the newest "
                "overwrite the oldest."
            )
        )
    buffer.expect_length(f"after {len(rows)} rows were added to a buffer of {capacity}")
    if None in seen:
        raise Stopped(wrong("You hand out a slot that was never filled, though the buffer is full."))
    older = seen - newest
    if older and seen <= set(rows[:capacity]):
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
    if all(len(set(draw)) == 1 for draw in draws):
        raise Stopped(wrong("A sample holds one row again and again. Draw each of its rows on its own."))
    times = [[stored.index(row) for row in draw] for draw in draws]
    steps = np.diff(np.array(times), axis=1) % len(stored)
    if (steps == 1).all() or (steps == len(stored) - 1).all():
        raise Stopped(
            wrong(
                "You draw a random stretch of neighbouring rows: those are as correlated as fresh steps. Draw each row "
                "on its own."
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
