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
    # the order of two things that are added, multiplied or compared (or of two flags that do the same); a squared sign
    "reward_to_go/counterexample": ("return",),
    "reward_to_go/past_terms": (".sum(-1)", "cumsum(-1) - rewards"),
    "reward_to_go/update": ("policy_gradient(weights, log_probs)", "episodes.truncated, episodes.terminated"),
    "advantage/fit_value": ("reversed(range(steps))", "(returns - critic(obs)) ** 2"),
    "advantage/optimal_baseline": ("policy, score",),
    "actor_critic/losses": ("(critic(batch.obs) - targets) ** 2",),
    "off_policy_actor_critic/actor_loss": ("advantages = values.gather(",),
    "ppo_clipping/clipped_surrogate": ("clipped * advantages, ratio",),
    "ppo_clipping/table_row": ("minimum(clipped, plain)",),
    "ppo_in_practice/ppo_update": ("mse_loss(returns[rows]",),
    "ddpg/stationary_std": ("beta * dt - 1",),
    "target_networks/twin_target": ("minimum(q2, q1)",),
    "target_networks/diverges": ("gain / np.exp", ">= 1"),
    "reparameterization/policy_loss": ("q2(actions), q1(actions)",),
    "sac/v_loss": ("(target - V(obs)) ** 2",),
    "sac/discrete": ("q2, q1", "(1)", "--1"),
    # the same axis by another number, or the only axis that there is
    "actor_critic/online_step": ("logits[s], -1)",),
    "off_policy_actor_critic/critic_target": ("gather(--1", "gather(1,"),
    "soft_policy_iteration/soft_value": ("(1)", "--1"),
    "soft_policy_iteration/soft_backup": ("(1)", "--1"),
    # rows that do not depend on each other, in another order; a first value that is never used
    "gae/k_step": ("reversed(range(T))", "k - 1 == i", "T - 1 == row"),
    "gae/gae": ("advantages = deltas",),
    "reward_to_go/rewards_to_go": ("to_go, future =",),
    "parallel_actor_critic/average": ("zip(gradients, steps)",),
    "parallel_actor_critic/sync_efficiency": (
        "times.sum() / (times.shape[-1] * duration)",
        "times.max(-1).values.sum()",
    ),
    # another right choice where there are many
    "advantage/wrong_way": ("return 3 * Q", "return 4 * Q", "return -2 * Q", "return 2 * 2"),
    "soft_policy_iteration/soft_policy_iteration": (
        "rounds",
        "300",
        "150",
        "600",
        "299",
        "301",
        "R.shape",
        "(1)",
        "--1",
        "alpha, 1)",
    ),
    "soft_policy_iteration/violation": ("P, R, alpha =", "alpha, 1)", "--1"),
    "off_policy_actor_critic/ring_buffer": ("self.capacity, self.rows, self.next", "self.next - 1", "self.next + -1"),
    # a difference below the precision that is asked for
    "gae/best_lambda": ("linspace", "offset", "errors.argmin()", "mean(-1)", ".sum(1)"),
    "ppo_clipping/silent": (
        ">= 1 + clip_eps",
        "<= 1 - clip_eps",
        "advantages >= 0",
        "advantages <= 0",
        "0 == advantages",
    ),
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
