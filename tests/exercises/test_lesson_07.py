"""Lesson 07's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import pytest
import torch
from torch.distributions import Categorical

from rlcourse.exercises import lesson_07
from rlcourse.exercises.checker import UNFINISHED

# ---------------------------------------------------------------- E1


def lambda_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    targets, after = torch.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        last = terminated[t] or truncated[t] or t == len(rewards) - 1
        follow = next_values[t] if last else (1 - gae_lambda) * next_values[t] + gae_lambda * after
        after = rewards[t] + (0.0 if terminated[t] else gamma * follow)
        targets[t] = after
    return targets


def lambda_returns_as_list(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    deltas = rewards + gamma * next_values * (1 - terminated.double()) - values
    out, carry = [], 0.0
    for t in range(len(rewards) - 1, -1, -1):
        carry = deltas[t] + gamma * gae_lambda * carry * (0 if terminated[t] or truncated[t] else 1)
        out.insert(0, carry + values[t])
    return out


def raw_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    out, total = [], 0.0
    for r, d, c in zip(rewards.flip(0), terminated.flip(0), truncated.flip(0), strict=True):
        total = r + (0.0 if d or c else gamma * total)
        out.insert(0, total)
    return out


def bootstrapped_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    return lambda_returns(rewards, values, next_values, terminated, truncated, gamma, 1.0)


def td_targets(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    return [r if d else r + gamma * n for r, n, d in zip(rewards, next_values, terminated, strict=True)]


def advantage(rewards, values, *rest):
    return lambda_returns(rewards, values, *rest) - values


def minus_value(rewards, values, *rest):
    return lambda_returns(rewards, values, *rest) - 2 * values


def value_of_the_next_row(rewards, values, next_values, *rest):
    return lambda_returns(rewards, values, [*values[1:], next_values[-1]], *rest)


def swept(masked, cut):
    """The usual sweep with the student's own idea of the flags."""

    def value_targets(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        carry, out = 0.0, torch.zeros_like(values)
        for t in reversed(range(len(values))):
            dead, over = masked(terminated[t], truncated[t]), cut(terminated[t], truncated[t])
            delta = rewards[t] + (0.0 if dead else gamma * next_values[t]) - values[t]
            carry = delta + (0.0 if over else gamma * gae_lambda * carry)
            out[t] = values[t] + carry
        return out

    return value_targets


TARGET_MISTAKES = {
    raw_returns: "stop the recording",
    bootstrapped_returns: "λ = 1",
    td_targets: "λ = 0",
    advantage: "how much the critic was wrong",
    minus_value: "subtracted already",
    value_of_the_next_row: "another episode has begun",
    swept(lambda d, c: False, lambda d, c: d or c): "Which flag belongs in δ",
    swept(lambda d, c: d or c, lambda d, c: d or c): "taken for a death",
    swept(lambda d, c: d, lambda d, c: False): "leaks into",
    swept(lambda d, c: d, lambda d, c: d): "across a time limit",
}

# ---------------------------------------------------------------- E2


def passes(logits, actions, advantages, epochs, clip_eps, step_size, *, fault=""):
    theta = logits.clone().requires_grad_(True)
    optimizer = torch.optim.SGD([theta], lr=step_size)
    old = Categorical(logits=logits).log_prob(actions)
    for epoch in epochs if fault != "one epoch" else epochs[:1]:
        if fault == "every epoch":
            old = Categorical(logits=theta.detach()).log_prob(actions)
        for rows in epoch:
            if fault == "all rows":
                rows = torch.arange(len(actions))
            log_probs = Categorical(logits=theta).log_prob(actions[rows])
            if fault == "every minibatch":
                old = Categorical(logits=theta.detach()).log_prob(actions)
            ratio = torch.exp(log_probs - old[rows])
            A = advantages[rows]
            L = torch.min(ratio * A, ratio.clamp(1 - clip_eps, 1 + clip_eps) * A)
            if fault == "no clip":
                L = ratio * A
            loss = -L.sum() if fault == "sum" else -L.mean()
            if fault == "descends":
                loss = -loss
            if fault != "gradients kept":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return theta.detach()


def passes_by_autograd(logits, actions, advantages, epochs, clip_eps, step_size):
    old = torch.log_softmax(logits, 0)[actions].clone()
    for epoch in epochs:
        for rows in epoch:
            leaf = logits.clone().requires_grad_()
            ratio = (torch.log_softmax(leaf, 0)[actions[rows]] - old[rows]).exp()
            A = advantages[rows]
            ceiling = torch.where(A >= 0, (1 + clip_eps) * A, (1 - clip_eps) * A)
            torch.minimum(ratio * A, ceiling).mean().backward()
            logits = logits + step_size * leaf.grad
    return logits.tolist()


def with_fault(fault):
    def student(*case):
        return passes(*case, fault=fault)

    return student


PASS_MISTAKES = {
    with_fault("every minibatch"): "ratio is 1 in every step",
    with_fault("every epoch"): "renewed with every epoch",
    with_fault("descends"): "wrong way",
    with_fault("all rows"): "uses all rows",
    with_fault("one epoch"): "after the first epoch",
    with_fault("gradients kept"): "set them to zero",
    with_fault("no clip"): "not clipped",
    with_fault("sum"): "Take their mean",
}

# ---------------------------------------------------------------- E3


def prepare(advantages, values):
    return values + advantages, (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def prepare_other_deviation(advantages, values):
    spread = advantages.std(correction=0)
    return [values + advantages, (advantages - advantages.mean()) / max(spread, torch.tensor(1e-6))]


def critic_on_weights(advantages, values):
    weights = prepare(advantages, values)[1]
    return values + weights, weights


def targets_scaled(advantages, values):
    targets, weights = prepare(advantages, values)
    return (targets - targets.mean()) / targets.std(), weights


def returns_scaled(advantages, values):
    targets = values + advantages
    return targets, (targets - targets.mean()) / (targets.std() + 1e-8)


def by_variance(advantages, values):
    return values + advantages, (advantages - advantages.mean()) / advantages.var()


def by_variance_of_the_batch(advantages, values):
    return values + advantages, (advantages - advantages.mean()) / advantages.var(correction=0)


def not_centred(advantages, values):
    return values + advantages, advantages / (advantages.std() + 1e-8)


def only_centred(advantages, values):
    return values + advantages, advantages - advantages.mean()


def by_environment(advantages, values):
    return values + advantages, (advantages - advantages.mean(0)) / advantages.std(0)


def by_step(advantages, values):
    return values + advantages, (advantages.T - advantages.mean(1)).div(advantages.std(1)).T


def swapped(advantages, values):
    return prepare(advantages, values)[::-1]


def advantages_as_targets(advantages, values):
    return advantages, prepare(advantages, values)[1]


def unguarded(advantages, values):
    return values + advantages, (advantages - advantages.mean()) / advantages.std()


PREPARE_MISTAKES = {
    critic_on_weights: "critic learns from normalised",
    targets_scaled: "normalise the targets as well",
    returns_scaled: "returns in place of the advantages",
    by_variance: "by the variance",
    by_variance_of_the_batch: "by the variance",
    not_centred: "leave the mean",
    only_centred: "leave the scale",
    by_environment: "every environment by itself",
    by_step: "every time step by itself",
    swapped: "swapped",
    advantages_as_targets: "V plus its error",
    unguarded: "zero by zero",
}


# ---------------------------------------------------------------- the three together

RIGHT = {
    lesson_07.value_targets: (lambda_returns, lambda_returns_as_list, swept(lambda d, c: d, lambda d, c: d or c)),
    lesson_07.passes: (passes, passes_by_autograd),
    lesson_07.prepare: (prepare, prepare_other_deviation),
}
WRONG = {
    lesson_07.value_targets: TARGET_MISTAKES,
    lesson_07.passes: PASS_MISTAKES,
    lesson_07.prepare: PREPARE_MISTAKES,
}
COVERED = {
    lesson_07.value_targets: ("EQ-28", "EQX-08", "ERR-37", "ERR-41", "MIS-14"),
    lesson_07.passes: ("EQ-27", "AL-08", "ERR-35"),
    lesson_07.prepare: ("ERR-35",),
}


@pytest.mark.covers(*(name for names in COVERED.values() for name in names))
@pytest.mark.parametrize(("checker", "answer"), [(c, a) for c, answers in RIGHT.items() for a in answers])
@pytest.mark.parametrize("seed", [0, None])
def test_right_answers_pass_in_any_style(checker, answer, seed):
    verdict = checker(answer, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("checker", "answer", "words"),
                         [(c, a, w) for c, mistakes in WRONG.items() for a, w in mistakes.items()])  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1])
def test_a_known_mistake_is_named(checker, answer, words, seed):
    verdict = checker(answer, seed=seed)
    assert not verdict.passed
    assert words in verdict.sentence, verdict


@pytest.mark.parametrize("checker", WRONG)
def test_every_mistake_has_a_sentence_of_its_own(checker):
    said = [checker(answer, seed=0).sentence for answer, words in WRONG[checker].items() if answer is not by_variance]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("checker", WRONG)
def test_a_stub_is_not_started(checker):
    assert checker(lambda *case: ...).state == UNFINISHED
    assert checker(lambda *case: None).state == UNFINISHED


@pytest.mark.parametrize("checker", WRONG)
def test_whatever_a_beginner_does_becomes_a_sentence(checker):
    def crash(*case):
        return case[0][1000]

    def in_place(*case):
        case[0].zero_()
        return case[0]

    assert "IndexError" in checker(crash).sentence
    assert "in place" in checker(in_place).sentence
    assert "shape" in checker(lambda *case: torch.zeros(7)).sentence
    assert "got str" in checker(lambda *case: "ten").sentence
    assert "without calling it" in checker(torch.zeros(3)).sentence


def test_weights_of_a_batch_without_differences_are_zero():
    def ones(advantages, values):
        targets, weights = prepare(advantages, values)
        return targets, weights if advantages.std() > 0 else torch.ones_like(advantages)

    assert "should be 0" in lesson_07.prepare(ones).sentence


# ---------------------------------------------------------------- E4, the clinic


def sick_targets(rewards, next_values, terminated, truncated, gamma):
    targets = rewards.clone()
    ended = terminated | truncated
    for t in reversed(range(len(rewards))):
        after = targets[t + 1] if t + 1 < len(rewards) else next_values[t]
        targets[t] += gamma * after * ~ended[t]
    return targets


def well_targets(rewards, next_values, terminated, truncated, gamma):
    targets = rewards.clone()
    for t in reversed(range(len(rewards))):
        cut = truncated[t] if t + 1 < len(rewards) else torch.ones_like(truncated[t])
        after = torch.where(cut, next_values[t], targets[min(t + 1, len(rewards) - 1)])
        targets[t] += gamma * after * ~terminated[t]
    return targets


def sick_advantages(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages = rewards + gamma * next_values - values
    for t in reversed(range(len(rewards) - 1)):
        advantages[t] += gamma * gae_lambda * advantages[t + 1] * ~truncated[t]
    return advantages


def well_advantages(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages = rewards + gamma * next_values * ~terminated - values
    for t in reversed(range(len(rewards) - 1)):
        advantages[t] += gamma * gae_lambda * advantages[t + 1] * ~(terminated[t] | truncated[t])
    return advantages


def loss_with(*, fresh=False, sign=1.0, clip=0.2):
    def policy_loss(logits, actions, old_log_probs, advantages, clip_eps, entropy_weight):
        policy = Categorical(logits=logits)
        log_probs = policy.log_prob(actions)
        old = log_probs.detach() if fresh else old_log_probs
        ratio = torch.exp(log_probs - old)
        clipped = ratio.clamp(1 - clip, 1 + clip)
        surrogate = torch.min(ratio * advantages, clipped * advantages).mean()
        return -(surrogate + sign * entropy_weight * policy.entropy().mean())

    return policy_loss


SICK = sick_targets, sick_advantages, loss_with(fresh=True, sign=-1.0)
WELL = well_targets, well_advantages, loss_with()


@pytest.mark.covers("MIS-14", "ERR-41", "ERR-35", "EQX-06")
class TestClinic:
    def test_the_patient_has_four_faults(self):
        said = lesson_07.clinic(*SICK, seed=0).sentence
        assert said.startswith("0 of 4") and "Mended" not in said
        assert all(words in said for words in lesson_07._OPEN_FAULTS.values())

    def test_all_repaired(self):
        assert lesson_07.clinic(*WELL, seed=0).passed
        assert lesson_07.clinic(*WELL).passed

    @pytest.mark.parametrize(("mended", "name"), [
        ((well_targets, *SICK[1:]), "clock"),
        ((sick_targets, well_advantages, SICK[2]), "flag"),
        ((*SICK[:2], loss_with(sign=-1.0)), "old"),
        ((*SICK[:2], loss_with(fresh=True)), "sign"),
    ])  # fmt: skip
    def test_each_repair_is_recognised_and_the_rest_is_told(self, mended, name):
        said = lesson_07.clinic(*mended, seed=0).sentence
        assert said.startswith("1 of 4") and f"Mended: {lesson_07._DONE[name]}." in said
        for other, words in lesson_07._OPEN_FAULTS.items():
            assert (words in said) == (other != name)

    @pytest.mark.parametrize(("wrongly", "words"), [
        (lambda r, n, d, c, g: lambda_returns(r, 0 * r, n, d & ~d, d | c, g, 1.0), "mended too much"),
        (lambda r, n, d, c, g: raw_returns(r, r, n, d, c, g, 1.0), "where has next_values gone"),
        (lambda r, n, d, c, g: 2 * well_targets(r, n, d, c, g), "neither right nor"),
    ])  # fmt: skip
    def test_a_wrong_repair_of_the_targets(self, wrongly, words):
        assert words in lesson_07.clinic(wrongly, *WELL[1:], seed=0).sentence

    @pytest.mark.parametrize(("masked", "cut", "words"), [
        (lambda d, c: False, lambda d, c: d or c, "δ still counts a value"),
        (lambda d, c: d, lambda d, c: c, "still runs on into the next"),
        (lambda d, c: d or c, lambda d, c: d or c, "now taken for a death"),
        (lambda d, c: d, lambda d, c: d, "no longer stops at a time limit"),
    ])  # fmt: skip
    def test_a_wrong_repair_of_the_advantages(self, masked, cut, words):
        def repaired(rewards, values, *rest):
            return swept(masked, cut)(rewards, values, *rest) - values

        assert words in lesson_07.clinic(well_targets, repaired, loss_with(), seed=0).sentence

    @pytest.mark.parametrize(("wrongly", "words"), [
        (loss_with(sign=0.0), "mended, not removed"),
        (loss_with(sign=0.0, fresh=True), "ratio is still 1"),
        (loss_with(clip=1e9), "nothing is clipped"),
        (lambda *case: -loss_with()(*case), "sign of the whole"),
        (lambda *case: loss_with()(*case).item(), "no gradient reaches"),
        (lambda *case: ..., "three dots"),
    ])  # fmt: skip
    def test_a_wrong_repair_of_the_loss(self, wrongly, words):
        assert words in lesson_07.clinic(*WELL[:2], wrongly, seed=0).sentence


# ---------------------------------------------------------------- E5

BOARD = {
    "default": ("default", (490.0, 500.0, 480.0)),
    "η = 0.0001": ("step size η", (200.0, 220.0, 190.0)),
    "η = 0.001": ("step size η", (200.0, 480.0, 260.0)),
    "η = 0.003": ("step size η", (470.0, 460.0, 465.0)),
    "ε = 0.1": ("clip width ε", (470.0, 495.0, 500.0)),
    "no terminated flag at all": ("one part missing", (10.0, 11.0, 9.0)),
}
GOOD = ("default", "η = 0.0001"), ("ε = 0.1", "default")


@pytest.mark.covers("CL-32")
def test_two_pairs_of_runs():
    assert lesson_07.evidence(BOARD, *GOOD).passed
    assert lesson_07.evidence(BOARD, ..., ...).state == UNFINISHED


@pytest.mark.parametrize(("supports", "refutes", "words"), [
    (GOOD[1], GOOD[1], "luck alone"),
    (("default", "η = 0.003"), GOOD[1], "half as much again"),
    (GOOD[0], GOOD[0], "evidence for, not against"),
    (GOOD[0], ("default", "η = 0.001"), "show nothing either way"),
    (("default", "default"), GOOD[1], "one run, twice"),
    (("η = 0.0001", "ε = 0.1"), GOOD[1], "one thing at a time"),
    (("default", "no terminated flag at all"), GOOD[1], "a missing part is no setting"),
    (("default", "eta"), GOOD[1], "no run called 'eta'"),
    ("default", GOOD[1], "must be a pair"),
])  # fmt: skip
def test_a_pair_that_shows_nothing_is_told_why(supports, refutes, words):
    verdict = lesson_07.evidence(BOARD, supports, refutes)
    assert not verdict.passed and words in verdict.sentence, verdict
