"""Every checker against the slips of a hand: one change in its own solution is never right, and mostly gets a sentence.

Every fortieth change is tried here; EVERY_MUTANT=1 tries all, as `make testmutants` does.
"""

import os

import pytest

import exercise_mutants
from rlcourse.course import checker, order

EVERY = int(os.environ.get("EVERY_MUTANT", "40"))
NAMED = 0.85 if EVERY == 1 else 0.5
"""The share of wrong answers that get a sentence of their own; of a few of them it may be less by chance."""
EQUAL = {
    "reward_to_go/counterexample": ("return",),
    "reward_to_go/past_terms": (".sum(-1)",),
    "advantage/fit_value": ("reversed(range(steps))", "(returns - critic(obs)) ** 2"),
    "advantage/optimal_baseline": ("policy, score",),
    "advantage/wrong_way": ("return 3 * Q", "return 4 * Q", "return -2 * Q", "return 2 * 2"),
    "gae/best_lambda": ("linspace", "offset", "errors.argmin()", "mean(-1)", ".sum(1)"),
    "gae/gae": ("advantages = deltas",),
    "parallel_actor_critic/average": ("zip(gradients, steps)",),
    "off_policy_actor_critic/ring_buffer": ("self.capacity, self.rows, self.next",),
    "off_policy_actor_critic/critic_target": ("gather(--1",),
    "off_policy_actor_critic/actor_loss": ("advantages = values.gather(",),
    "ppo_clipping/silent": (">= 1 + clip_eps", "<= 1 - clip_eps"),
    "ppo_in_practice/normalise": ("std",),
}
"""Changes that leave the answer right, by words of the changed line: the same function on every input that the task
allows, another right choice where there are many, or a difference below the precision that is asked for."""


@pytest.mark.slow
@pytest.mark.parametrize("lesson", order.LESSONS)
def test_no_slip_passes_and_most_are_named(lesson, monkeypatch):
    monkeypatch.setattr(checker, "SECONDS", 1.0)
    generated = rejected = named = 0
    passed = []
    for exercise in exercise_mutants.exercises(lesson):
        found = exercise_mutants.report(exercise, every=EVERY)
        equal = EQUAL.get(f"{lesson}/{exercise.name}", ())
        for mutant in found.accepted:
            words = exercise_mutants.difference(exercise.source, mutant.source)
            if not any(part in words for part in equal):
                passed.append(f"{exercise.name}: {words}")
        generated += found.generated
        rejected += found.generated - len(found.accepted)
        named += found.named
    print(
        f"{lesson}: {generated} mistakes, {rejected} rejected, {named} named, {generated - rejected} equal to the truth"
    )
    assert not passed, "\n".join(passed)
    assert named >= NAMED * rejected
