"""Lesson 05's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import random
from collections import deque

import numpy as np
import pytest
import torch

from rlcourse.exercises import lesson_05
from rlcourse.exercises.checker import UNFINISHED

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
        verdict = lesson_05.ring_buffer(student, seed=seed)
        assert verdict.passed, verdict


# ---------------------------------------------------------------- E1, wrong


class Grows(ByList):
    def add(self, *row):
        self.rows.append(row)


class GrowsInSecret(Grows):
    def __len__(self):
        return min(len(self.rows), self.capacity)


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


BUFFERS_WRONG = {
    Grows: "grows beyond its capacity: 35 rows",
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
        verdict = lesson_05.ring_buffer(student, seed=seed)
        assert not verdict.passed and BUFFERS_WRONG[student] in verdict.sentence, verdict


def test_variants_of_the_same_mistake_get_the_same_sentence():
    assert "never filled" in lesson_05.ring_buffer(EmptySlotsOfNone).sentence
    assert "Old rows survive" in lesson_05.ring_buffer(OverwritesTheNewest).sentence


class Unwritten:
    def __init__(self, capacity): ...

    def add(self, s, a, r, s_next, terminated): ...

    def sample(self, n): ...

    def __len__(self): ...


class Crashes(ByList):
    def add(self, *row):
        return 1 / 0


def test_an_unwritten_or_broken_buffer_gets_a_sentence():
    assert lesson_05.ring_buffer(Unwritten).state == UNFINISHED
    assert "add stopped with ZeroDivisionError" in lesson_05.ring_buffer(Crashes).sentence
    assert "Pass the class itself" in lesson_05.ring_buffer(ByList(3)).sentence


# ---------------------------------------------------------------- E2: the target, right


def target_drawn(batch, q, policy, gamma):
    with torch.no_grad():
        next_actions = policy(batch.next_obs).sample()
        next_q = q(batch.next_obs).gather(-1, next_actions[:, None]).squeeze(-1)
        return batch.rewards + gamma * ~batch.terminated * next_q


def target_expected(batch, q, policy, gamma):
    value = (policy(batch.next_obs).probs * q(batch.next_obs)).sum(-1).detach()
    return torch.where(batch.terminated, batch.rewards, batch.rewards + gamma * value)


def target_by_loop(batch, q, policy, gamma):
    actions, values = policy(batch.next_obs).sample().tolist(), q(batch.next_obs).tolist()
    out = []
    for i, action in enumerate(actions):
        future = 0.0 if batch.terminated[i] else values[i][action]
        out.append(batch.rewards[i].item() + gamma * future)
    return out


@pytest.mark.covers("AL-06", "ERR-25")
@pytest.mark.parametrize("student", [target_drawn, target_expected, target_by_loop])
def test_right_targets_pass_in_any_style(student):
    for seed in range(3):
        verdict = lesson_05.critic_target(student, seed=seed)
        assert verdict.passed, verdict


# ---------------------------------------------------------------- E2, wrong


def with_next(next_value, *, mask=lambda batch: ~batch.terminated, discounted=True, reward=True):
    @torch.no_grad()
    def student(batch, q, policy, gamma):
        future = mask(batch) * next_value(batch, q, policy)
        return batch.rewards * reward + (gamma if discounted else 1) * future

    return student


def fresh(batch, q, policy):
    return q(batch.next_obs)[torch.arange(len(batch)), policy(batch.next_obs).sample()]


def stored(batch, q, policy):
    return q(batch.next_obs)[torch.arange(len(batch)), batch.actions]


def with_gradient(batch, q, policy, gamma):
    return batch.rewards + gamma * ~batch.terminated * fresh(batch, q, policy)


TARGETS_WRONG = {
    "stored": (with_next(stored), "action from the buffer"),
    "argmax": (with_next(lambda b, q, p: q(b.next_obs).max(-1).values), "That is Q-learning"),
    "mode": (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), p(b.next_obs).probs.argmax(-1)]),
        "most probable action",
    ),
    "uniform": (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), torch.randint(3, (len(b),))]), "uniformly",
    ),
    "unmasked": (with_next(fresh, mask=lambda b: torch.ones_like(b.terminated)), "mask (1 − d) is missing"),
    "both": (with_next(fresh, mask=lambda b: ~(b.terminated | b.truncated)), "future of truncated rows"),
    "upside down": (with_next(fresh, mask=lambda b: b.terminated), "wrong way round"),
    "no discount": (with_next(fresh, discounted=False), "no discount"),
    "at s": (with_next(lambda b, q, p: q(b.obs)[torch.arange(len(b)), p(b.obs).sample()]), "evaluate Q at s"),
    "action at s": (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), p(b.obs).sample()]), "draw the action at s",
    ),
    "no reward": (with_next(fresh, reward=False), "reward of the step is missing"),
    "gradient": (with_gradient, "carries a gradient"),
    "not squeezed": (
        with_next(lambda b, q, p: q(b.next_obs).gather(-1, p(b.next_obs).sample()[:, None])),
        "Return shape [5] for 5 rows; got [5, 5]",
    ),
    "too many draws": (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), p(b.next_obs).sample(b.actions.shape)]),
        "draw one action a row",
    ),
    "a column": (lambda b, q, p, gamma: b.rewards[:, None], "got shape [5, 1]"),
    "field": (lambda b, q, p, gamma: b.r, "The fields of a batch are obs, actions, rewards"),
    "minus": (lambda b, q, p, gamma: b.rewards * (1 - b.terminated), "write 1 − d as `~batch.terminated`"),
}  # fmt: skip


@pytest.mark.covers("AL-06", "ERR-25", "ERR-41")
@pytest.mark.parametrize("name", TARGETS_WRONG)
def test_a_wrong_target_gets_its_own_sentence(name):
    student, words = TARGETS_WRONG[name]
    for seed in range(3):
        verdict = lesson_05.critic_target(student, seed=seed)
        assert not verdict.passed and words in verdict.sentence, verdict


# ---------------------------------------------------------------- E3: the loss, right


def loss_drawn(batch, q, policy):
    distribution = policy(batch.obs)
    actions = distribution.sample()
    with torch.no_grad():
        weights = q(batch.obs).gather(-1, actions[:, None]).squeeze(-1)
    return -(distribution.log_prob(actions) * weights).mean()


def loss_with_baseline(batch, q, policy):
    distribution, table = policy(batch.obs), q(batch.obs).detach()
    actions = distribution.sample()
    values = (distribution.probs.detach() * table).sum(-1)
    advantages = table[torch.arange(len(batch)), actions] - values
    return -(distribution.log_prob(actions) * advantages).mean()


def loss_expected(batch, q, policy):
    return -(policy(batch.obs).probs * q(batch.obs).detach()).sum(-1).mean()


@pytest.mark.covers("AL-06", "CL-22", "MIS-18")
@pytest.mark.parametrize("student", [loss_drawn, loss_with_baseline, loss_expected])
def test_right_losses_pass_in_any_style(student):
    for seed in range(3):
        verdict = lesson_05.actor_loss(student, seed=seed)
        assert verdict.passed and verdict.sentence.startswith("The right direction, and Q held still"), verdict


def test_a_length_below_one_does_not_ask_about_the_baseline():
    assert "baseline" not in lesson_05.actor_loss(lambda *arguments: 0.5 * loss_drawn(*arguments), seed=0).sentence


@pytest.mark.parametrize("check", [lesson_05.critic_target, lesson_05.actor_loss])
def test_no_call_holds_many_rows(check):
    """A function that pairs every row with every other must not fill the memory, whatever it returns."""
    seen = []

    def student(batch, *rest):
        seen.append(len(batch))
        pairs = rest[0](batch.obs)[:, batch.actions].detach()  # [B, B]
        if len(rest) == 3:
            return batch.rewards + pairs.diagonal()
        return -(rest[1](batch.obs).log_prob(batch.actions) * pairs.diagonal()).mean()

    assert not check(student, seed=0).passed
    assert seen[0] == 5 and max(seen) <= 2_000


# ---------------------------------------------------------------- E3, wrong


def loss_like(actions, weights, *, reduce=torch.mean, sign=-1, log=True):
    def student(batch, q, policy):
        distribution = policy(batch.obs)
        chosen = actions(batch, q, distribution)
        log_probs = distribution.log_prob(chosen)
        scores = log_probs if log else log_probs.exp()
        return sign * reduce(scores * weights(batch, q, chosen).detach())

    return student


def drawn_now(batch, q, distribution):
    return distribution.sample()


def worth(batch, q, chosen):
    return q(batch.obs)[torch.arange(len(batch)), chosen]


def loss_through_q(batch, q, policy):
    distribution = policy(batch.obs)
    actions = distribution.sample()
    return -(distribution.log_prob(actions) * q(batch.obs)[torch.arange(len(batch)), actions]).mean()


def loss_with_a_moving_baseline(batch, q, policy):
    distribution, table = policy(batch.obs), q(batch.obs).detach()
    actions = distribution.sample()
    advantages = table[torch.arange(len(batch)), actions] - (distribution.probs * table).sum(-1)
    return -(distribution.log_prob(actions) * advantages).mean()


def loss_stored_with_baseline(batch, q, policy):
    distribution, table = policy(batch.obs), q(batch.obs).detach()
    values = (distribution.probs.detach() * table).sum(-1)
    return -(distribution.log_prob(batch.actions) * (table[torch.arange(len(batch)), batch.actions] - values)).mean()


LOSSES_WRONG = {
    "stored": (loss_like(lambda b, q, d: b.actions, worth), "You use the buffer's action"),
    "stored, baseline": (loss_stored_with_baseline, "You use the buffer's action"),
    "through q": (loss_through_q, "also moves the weights of Q"),
    "sign": (loss_like(drawn_now, worth, sign=1), "wrong way"),
    "sum": (loss_like(drawn_now, worth, reduce=torch.sum), "add over the batch"),
    "reward": (loss_like(lambda b, q, d: b.actions, lambda b, q, a: b.rewards), "weight with the stored reward"),
    "reward, drawn": (loss_like(drawn_now, lambda b, q, a: b.rewards), "weight with the stored reward"),
    "not squeezed": (
        loss_like(drawn_now, lambda b, q, a: q(b.obs).gather(-1, a[:, None])),
        "For 5 rows your loss is a mean over [5, 5]",
    ),
    "too many draws": (loss_like(lambda b, q, d: d.sample(b.actions.shape), worth), "draw one action a row"),
    "moving baseline": (loss_with_a_moving_baseline, "Is the baseline detached?"),
    "field": (lambda b, q, p: b.r, "The fields of a batch are obs, actions, rewards"),
    "not finite": (lambda b, q, p: p(b.obs).log_prob(b.actions).mean() / 0, "NaN or infinite"),
    "probability": (loss_like(drawn_now, worth, log=False), "gradient of π(a|s) Q"),
    "argmax": (loss_like(lambda b, q, d: q(b.obs).argmax(-1), worth), "Q likes best"),
    "uniform": (loss_like(lambda b, q, d: torch.randint(3, (len(b),)), worth), "uniformly"),
    "half": (loss_like(drawn_now, worth, sign=-0.5), "times what it should be"),
    "detached": (lambda b, q, p: -(p(b.obs).log_prob(b.actions).detach() * worth(b, q, b.actions)).mean(),
                 "No gradient reaches the policy"),
    "a number": (lambda b, q, p: loss_drawn(b, q, p).item(), "Return one number to descend, a tensor"),
    "a vector": (lambda b, q, p: -p(b.obs).log_prob(b.actions), "Return one number to descend"),
}  # fmt: skip


@pytest.mark.covers("AL-06", "CL-22", "MIS-18")
@pytest.mark.parametrize("name", LOSSES_WRONG)
def test_a_wrong_loss_gets_its_own_sentence(name):
    student, words = LOSSES_WRONG[name]
    for seed in range(3):
        verdict = lesson_05.actor_loss(student, seed=seed)
        assert not verdict.passed and words in verdict.sentence, verdict


# ---------------------------------------------------------------- E4


def efficiency(times):
    return times.mean(1).sum() / times.max(1).values.sum()


def efficiency_by_loop(times):
    work = duration = 0.0
    for round_ in times.tolist():
        work += sum(round_)
        duration += max(round_)
    return work / (duration * len(times[0]))


@pytest.mark.covers("CL-19", "AL-04")
@pytest.mark.parametrize("student", [efficiency, efficiency_by_loop])
def test_right_efficiencies_pass(student):
    assert lesson_05.sync_efficiency(student).passed


EFFICIENCY_WRONG = {
    "idle": (lambda t: 1 - efficiency(t), "workers wait"),
    "mean of rounds": (lambda t: (t.mean(1) / t.max(1).values).mean(), "average the efficiencies"),
    "slowest in all": (lambda t: t.sum() / (t.shape[1] * t.sum(0).max()), "slowest in all"),
    "fastest": (lambda t: t.min(1).values.sum() / t.max(1).values.sum(), "fastest worker"),
    "exchanged": (lambda t: efficiency(t.T), "exchanged"),
    "not divided": (lambda t: t.sum() / t.max(1).values.sum(), "number of workers"),
    "inverse": (lambda t: 1 / efficiency(t), "upside down"),
    "whole run": (lambda t: t.mean() / t.max(), "whole run"),
}


@pytest.mark.covers("CL-19")
@pytest.mark.parametrize("name", EFFICIENCY_WRONG)
def test_a_wrong_efficiency_gets_its_own_sentence(name):
    student, words = EFFICIENCY_WRONG[name]
    for seed in range(3):
        verdict = lesson_05.sync_efficiency(student, seed=seed)
        assert not verdict.passed and words in verdict.sentence, verdict


# ---------------------------------------------------------------- E5


def weighted(actions, old, new, q):
    gradient = torch.zeros(len(new), dtype=torch.float64)
    for a in actions.tolist():
        score = -new.clone()
        score[a] += 1
        gradient += new[a] / old[a] * q[a] * score
    return gradient / len(actions)


def weighted_at_once(actions, old, new, q):
    scores = torch.eye(len(new), dtype=torch.float64)[actions] - new
    return ((new / old * q)[actions, None] * scores).mean(0)


def weighted_by_autograd(actions, old, new, q):
    logits = new.log().requires_grad_()
    log_probs = torch.log_softmax(logits, -1)[actions]
    ((new / old * q)[actions] * log_probs).mean().backward()
    return logits.grad


@pytest.mark.covers("EQX-16")
@pytest.mark.parametrize("student", [weighted, weighted_at_once, weighted_by_autograd])
def test_right_weighted_gradients_pass(student):
    for seed in range(3):
        verdict = lesson_05.weighted_gradient(student, seed=seed)
        assert verdict.passed and "wherever the old policy tries every action" in verdict.sentence


def like(actions, weights, center):
    scores = torch.eye(len(center), dtype=torch.float64)[actions] - center
    return (weights[:, None] * scores).mean(0)


WEIGHTED_WRONG = {
    "no ratio": (lambda a, old, new, q: like(a, q[a], new), "no likelihood ratio"),
    "upside down": (lambda a, old, new, q: like(a, (old / new * q)[a], new), "upside down"),
    "new alone": (lambda a, old, new, q: like(a, (new * q)[a], new), "new probability alone"),
    "old score": (lambda a, old, new, q: like(a, (new / old * q)[a], old), "belongs to the old policy"),
    "half a score": (lambda a, old, new, q: like(a, (new / old * q)[a], 0 * new), "score is incomplete"),
    "normalised": (
        lambda a, old, new, q: weighted(a, old, new, q) / (new / old)[a].mean(), "sum of the ratios",
    ),
    "sum": (lambda a, old, new, q: weighted(a, old, new, q) * len(a), "take their mean"),
    "sign": (lambda a, old, new, q: -weighted(a, old, new, q), "sign is reversed"),
    "no q": (lambda a, old, new, q: like(a, (new / old)[a], new), "how good the action was"),
    "baseline": (lambda a, old, new, q: weighted(a, old, new, q - new @ q), "subtract V"),
    "exact": (lambda a, old, new, q: new * (q - new @ q), "exact mean over all actions"),
}  # fmt: skip


@pytest.mark.covers("EQX-16")
@pytest.mark.parametrize("name", WEIGHTED_WRONG)
def test_a_wrong_weighted_gradient_gets_its_own_sentence(name):
    student, words = WEIGHTED_WRONG[name]
    for seed in range(3):
        verdict = lesson_05.weighted_gradient(student, seed=seed)
        assert not verdict.passed and words in verdict.sentence, verdict


# ---------------------------------------------------------------- all of them


FUNCTIONS = (lesson_05.critic_target, lesson_05.actor_loss, lesson_05.sync_efficiency, lesson_05.weighted_gradient)


@pytest.mark.parametrize("check", FUNCTIONS)
def test_a_function_that_is_not_there_yet_or_breaks_gets_a_sentence(check):
    assert check(lambda *arguments: ...).state == UNFINISHED
    assert check(lambda *arguments: None).state == UNFINISHED
    assert "ZeroDivisionError" in check(lambda *arguments: 1 / 0).sentence
    assert check(lambda *arguments: "seven").sentence.startswith("Return")
    assert check(lambda *arguments: torch.ones(2, 7)).sentence.startswith("Return")


def test_a_batch_that_was_changed_is_noticed():
    def spoils(batch, *rest):
        batch.rewards.mul_(2)
        return batch.rewards

    for check in (lesson_05.critic_target, lesson_05.actor_loss):
        assert "batch.rewards in place" in check(spoils).sentence


def test_every_wrong_answer_has_a_sentence_of_its_own():
    for wrong in (TARGETS_WRONG, EFFICIENCY_WRONG, WEIGHTED_WRONG):
        assert len({words for _, words in wrong.values()}) == len(wrong)
    assert len(set(BUFFERS_WRONG.values())) == len(BUFFERS_WRONG)
