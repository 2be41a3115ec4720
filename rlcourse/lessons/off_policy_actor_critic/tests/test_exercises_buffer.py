"""Checker of the ring buffer: right ones pass in any style, every known mistake has a sentence of its own."""

import random
from collections import deque

import numpy as np
import pytest

from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.off_policy_actor_critic import exercises
from rlcourse.lessons.off_policy_actor_critic.exercises import buffer

# ---------------------------------------------------------------- E1: ring buffer, right


class ByList:
    def __init__(self, capacity):
        self.capacity, self.rows, self.next = capacity, [], 0

    def add(self, s, a, r, s_next, terminated):
        if len(self.rows) < self.capacity:
            self.rows.append(None)
        self.rows[self.next] = (s, a, r, s_next, terminated)
        self.next = (self.next + 1) % self.capacity

    def sample(self, n):
        if n > len(self.rows):
            raise ValueError("not enough rows")
        return random.choices(self.rows, k=n)

    def __len__(self):
        return len(self.rows)


class ByDeque:
    def __init__(self, capacity):
        self.rows = deque(maxlen=capacity)

    def add(self, *row):
        self.rows.append(row)

    def sample(self, n):
        return random.sample(self.rows, n)  # without replacement; raises ValueError by itself

    def __len__(self):
        return len(self.rows)


class ByArrays:
    def __init__(self, capacity):
        self.capacity, self.count = capacity, 0
        self.columns = [np.zeros(capacity) for _ in range(5)]

    def add(self, *row):
        for column, value in zip(self.columns, row, strict=True):
            column[self.count % self.capacity] = value
        self.count += 1

    def sample(self, n):
        if n > len(self):
            raise ValueError
        rows = np.random.default_rng().integers(len(self), size=n)
        return [column[rows] for column in self.columns]

    def __len__(self):
        return min(self.count, self.capacity)


class ByNumPyRows(ByList):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError("not enough rows")
        return [self.rows[i] for i in np.random.default_rng().integers(len(self.rows), size=n)]


@pytest.mark.covers("AL-10", "EQ-30")
@pytest.mark.parametrize("student", [ByList, ByDeque, ByArrays, ByNumPyRows])
def test_right_ring_buffers_pass_in_any_style(student):
    for seed in (None, 0, 1):
        verdict = exercises.ring_buffer(student, seed=seed)
        assert verdict.passed, verdict


# ---------------------------------------------------------------- E1, wrong


class Grows(ByList):
    def add(self, *row):
        self.rows.append(row)


class GrowsInSecret(Grows):
    def __len__(self):
        return min(len(self.rows), self.capacity)


class SkipsEveryOtherSlot(ByList):
    added = 0

    def add(self, *row):
        if len(self.rows) < self.capacity:
            self.rows.append(row)
        else:
            self.rows[self.added % self.capacity] = row
            self.added += 2


class KeepsTheFirst(ByList):
    def add(self, *row):
        if len(self.rows) < self.capacity:
            self.rows.append(row)


class OverwritesAnyRow(ByList):
    def add(self, *row):
        if len(self.rows) < self.capacity:
            self.rows.append(row)
        else:
            self.rows[random.randrange(self.capacity)] = row


class OverwritesTheNewest(ByList):
    def add(self, *row):
        if len(self.rows) < self.capacity:
            self.rows.append(row)
        else:
            self.rows[-1] = row


class EmptySlots(ByArrays):
    def sample(self, n):
        if n > len(self):
            raise ValueError
        rows = np.random.default_rng().integers(self.capacity, size=n)
        return [tuple(column[i] for column in self.columns) for i in rows]


class EmptySlotsOfNone(ByList):
    def __init__(self, capacity):
        self.capacity, self.rows, self.count = capacity, [None] * capacity, 0

    def add(self, *row):
        self.rows[self.count % self.capacity] = row
        self.count += 1

    def sample(self, n):
        if n > len(self):
            raise ValueError
        return random.choices(self.rows, k=n)

    def __len__(self):
        return min(self.count, self.capacity)


class NeverRefuses(ByList):
    def sample(self, n):
        return random.choices(self.rows, k=n)


class WrongError(ByList):
    def sample(self, n):
        if n > len(self.rows):
            raise IndexError
        return super().sample(n)


class NoFlag(ByList):
    def add(self, s, a, r, s_next, terminated):
        super().add(s, a, r, s_next, terminated)
        self.rows[self.next - 1] = (s, a, r, s_next)


class FlagLost(ByList):
    def add(self, s, a, r, s_next, terminated):
        super().add(s, a, r, s_next, False)


class ColumnsMixed(ByList):
    def sample(self, n):
        rows = super().sample(n)
        rewards = [row[2] for row in random.choices(self.rows, k=n)]
        return [(s, a, r, after, end) for (s, a, _, after, end), r in zip(rows, rewards, strict=True)]


class NoChance(ByList):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError
        return self.rows[-n:]


class Neighbours(ByDeque):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError
        start = random.randrange(len(self.rows))
        return [self.rows[(start + i) % len(self.rows)] for i in range(n)]


class NewestPreferred(ByDeque):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError
        return random.choices(self.rows, weights=range(1, len(self.rows) + 1), k=n)


class CountsAdditions(ByArrays):
    def __len__(self):
        return self.count

    def sample(self, n):
        if n > self.count:
            raise ValueError
        rows = np.random.default_rng().integers(min(self.count, self.capacity), size=n)
        return [column[rows] for column in self.columns]


class TooFewRows(ByList):
    def sample(self, n):
        return super().sample(n)[1:]


class OneRow(ByList):
    def sample(self, n):
        super().sample(n)
        return 17


class EmptiesItself(ByList):
    def add(self, *row):
        if len(self.rows) == self.capacity:
            self.rows = []
        self.rows.append(row)


class GoesBackwards(ByList):
    def add(self, *row):
        if len(self.rows) < self.capacity:
            self.rows.append(row)
        else:
            self.rows[self.next] = row
        self.next = (self.next - 1) % self.capacity


class OneRowRepeated(ByList):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError("not enough rows")
        return [random.choice(self.rows)] * n


class OneListForAll(ByList):
    rows = []

    def __init__(self, capacity):
        self.capacity, self.next = capacity, 0


class FixedCapacity(ByDeque):
    def __init__(self, capacity):
        self.rows = deque(maxlen=6)


class EndlessSample(ByList):
    def sample(self, n):
        while True:
            n += 1


class EndlessGenerator(ByList):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError("not enough rows")
        while True:
            yield random.choice(self.rows)


class TakesRowsOut(ByList):
    def sample(self, n):
        if n > len(self.rows):
            raise ValueError("not enough rows")
        return [self.rows.pop() for _ in range(n)]


class RefusesTheLast(ByList):
    def sample(self, n):
        if n >= len(self.rows):
            raise ValueError("not enough rows")
        return random.choices(self.rows, k=n)


class NumPyCannotChoose(ByList):
    def sample(self, n):
        return np.random.default_rng().choice(np.array(self.rows, dtype=object), size=(n, -1))


class RowsAsDicts(ByList):
    def add(self, s, a, r, s_next, terminated):
        super().add(s, a, r, s_next, terminated)
        self.rows[self.next - 1] = {"s": s, "a": a, "r": r, "s_next": s_next, "terminated": terminated}


class RewardBeforeAction(ByList):
    def add(self, s, a, r, s_next, terminated):
        super().add(s, r, a, s_next, terminated)


class GivesOneRow(ByList):
    def sample(self, n):
        return random.choice(self.rows)


class ListsAsStates(ByList):
    def add(self, s, a, r, s_next, terminated):
        super().add([s], a, r, s_next, terminated)


BUFFERS_WRONG = {
    EmptiesItself: "loses rows: row 7 made len fall from 6 to 1",
    OneRowRepeated: "one row again and again",
    OneListForAll: "share their rows",
    FixedCapacity: "A buffer of 4 holds 6 rows",
    ListsAsStates: "s of a row comes back as a list",
    EndlessGenerator: "should give 3 rows, got 4",
    TakesRowsOut: "takes rows out of the buffer: of 3 rows 0 are left",
    RefusesTheLast: "sample(3) is refused, though 3 rows",
    NumPyCannotChoose: "sample(3) stopped with an error in your line",
    RowsAsDicts: "rows are dicts",
    RewardBeforeAction: "Your rows hold (s, r, a, s_next, terminated)",
    GivesOneRow: "sample(3) gives one row",
    Grows: "grows beyond its capacity: 8 rows",
    GrowsInSecret: "should be overwritten by now",
    KeepsTheFirst: "takes nothing new",
    OverwritesAnyRow: "Old rows survive",
    EmptySlots: "never filled: as long as",
    NeverRefuses: "should refuse with a ValueError",
    WrongError: "yours stopped with IndexError",
    NoFlag: "have no terminated flag",
    FlagLost: "lost on the way",
    ColumnsMixed: "do not belong together: r",
    NoChance: "no chance in your sample",
    Neighbours: "neighbouring rows",
    NewestPreferred: "Not every row is equally likely",
    CountsAdditions: "len should count the rows stored",
    TooFewRows: "should give 3 rows, got 2",
    OneRow: "list of 3 tuples",
}


@pytest.mark.covers("AL-10", "EQ-30", "ERR-41")
@pytest.mark.parametrize("student", BUFFERS_WRONG)
def test_a_wrong_ring_buffer_gets_its_own_sentence(student):
    for seed in (0, 1):
        verdict = exercises.ring_buffer(student, seed=seed)
        assert not verdict.passed and BUFFERS_WRONG[student] in verdict.sentence, verdict


def test_variants_of_the_same_mistake_get_the_same_sentence():
    assert "never filled" in exercises.ring_buffer(EmptySlotsOfNone).sentence
    assert "Old rows survive" in exercises.ring_buffer(OverwritesTheNewest).sentence
    assert "Old rows survive" in exercises.ring_buffer(GoesBackwards).sentence


class Unwritten:
    def __init__(self, capacity): ...

    def add(self, s, a, r, s_next, terminated): ...

    def sample(self, n): ...

    def __len__(self): ...


class Crashes(ByList):
    def add(self, *row):
        return 1 / 0


def test_a_sample_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(buffer, "SECONDS", 0.3)
    assert "sample(3) was stopped after 0.3 seconds" in exercises.ring_buffer(EndlessSample).sentence


def test_an_unwritten_or_broken_buffer_gets_a_sentence():
    assert exercises.ring_buffer(Unwritten).state == UNFINISHED
    assert "add stopped with an error in your line" in exercises.ring_buffer(Crashes).sentence
    assert "Pass the class itself" in exercises.ring_buffer(ByList(3)).sentence


def test_every_wrong_ring_buffer_has_a_sentence_of_its_own():
    assert len({exercises.ring_buffer(student, seed=0).sentence for student in BUFFERS_WRONG}) == len(BUFFERS_WRONG)


def test_a_ring_that_skips_slots_is_found_out():
    verdict = exercises.ring_buffer(SkipsEveryOtherSlot)
    assert not verdict.passed and "Old rows survive" in verdict.sentence
