"""Checkers of updates and weights: right answers pass in any style, every known mistake has its own sentence."""

import dataclasses
import re

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.off_policy_actor_critic import exercises

# ---------------------------------------------------------------- E2: the target, right


def target_drawn(batch, q, policy, gamma):
    with torch.no_grad():
        next_actions = policy(batch.next_obs).sample()
        next_q = q(batch.next_obs).gather(-1, next_actions[..., None]).squeeze(-1)
        return batch.rewards + gamma * ~batch.terminated * next_q


def target_expected(batch, q, policy, gamma):
    value = (policy(batch.next_obs).probs * q(batch.next_obs)).sum(-1).detach()
    return torch.where(batch.terminated, batch.rewards, batch.rewards + gamma * value)


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


def target_by_loop(batch, q, policy, gamma):
    actions, values = policy(batch.next_obs).sample().tolist(), q(batch.next_obs).tolist()
    out = []
    for i, action in enumerate(actions):
        future = 0.0 if batch.terminated[i] else values[i][action]
        out.append(batch.rewards[i].item() + gamma * future)
    return out


def with_gradient(batch, q, policy, gamma):
    return batch.rewards + gamma * ~batch.terminated * fresh(batch, q, policy)


def gathers_on_the_second_axis(batch, q, policy, gamma):
    actions = policy(batch.next_obs).sample()
    next_q = q(batch.next_obs).gather(1, actions.unsqueeze(-1)).squeeze(-1)
    return (batch.rewards + gamma * ~batch.terminated * next_q).detach()


def averages_over_seeds(batch, q, policy, gamma):
    value = (policy(batch.next_obs).probs * q(batch.next_obs)).sum(-1).detach()
    value = value.mean(0).expand_as(value) if value.dim() > 1 else value
    return batch.rewards + gamma * ~batch.terminated * value


def list_with_gradients(*case):
    return list(with_gradient(*case))


def test_targets_with_a_gradient_are_told_inside_a_list_too():
    assert "carries a gradient" in exercises.critic_target(list_with_gradients, seed=0).sentence


def test_a_target_right_on_one_axis_is_compared_on_two():
    for answer in (gathers_on_the_second_axis, averages_over_seeds):
        for seed in range(5):
            verdict = exercises.critic_target(answer, seed=seed)
            assert "For rows [B] your function is right" in verdict.sentence, verdict
            assert "should be" in verdict.example and "the actions are on the last axis" in verdict.sentence


def test_the_last_reward_is_never_small_enough_to_hide_a_mask_of_it():
    def masks_all(batch, q, policy, gamma):
        value = (policy(batch.next_obs).probs * q(batch.next_obs)).sum(-1).detach()
        return (batch.rewards + gamma * value) * ~batch.terminated

    for seed in range(20):
        assert "mask only the future" in exercises.critic_target(masks_all, seed=seed).sentence


SQUEEZE = "a column times a row. Squeeze the column that `gather` leaves, and draw one action per row"
PAIRED_ROWS = f"Return shape [5] for 5 rows; got [5, 5]: {SQUEEZE}"
PAIRED_MEAN = f"For 5 rows your loss is a mean over [5, 5], every row with every other: {SQUEEZE}"
TARGETS_WRONG = [
    (with_next(stored), "action from the buffer"),
    (with_next(lambda b, q, p: q(b.next_obs).max(-1).values), "That is Q-learning"),
    (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), p(b.next_obs).probs.argmax(-1)]),
        "most probable action",
    ),
    (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), torch.randint(3, (len(b),))]),
        "uniformly",
    ),
    (with_next(fresh, mask=lambda b: torch.ones_like(b.terminated)), "mask (1 − d) is missing"),
    (with_next(fresh, mask=lambda b: ~(b.terminated | b.truncated)), "future of truncated rows"),
    (with_next(fresh, mask=lambda b: b.terminated), "wrong way round"),
    (with_next(fresh, mask=lambda b: ~b.truncated), "Your mask is of the truncated rows"),
    (with_next(fresh, discounted=False), "no discount"),
    (with_next(lambda b, q, p: q(b.obs)[torch.arange(len(b)), p(b.obs).sample()]), "evaluate Q at s"),
    (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), p(b.obs).sample()]),
        "draw the action at s",
    ),
    (with_next(fresh, reward=False), "reward of the step is missing"),
    (with_gradient, "carries a gradient"),
    (
        with_next(lambda b, q, p: q(b.next_obs).gather(-1, p(b.next_obs).sample()[:, None])),
        PAIRED_ROWS,
    ),
    (
        with_next(lambda b, q, p: q(b.next_obs)[torch.arange(len(b)), p(b.next_obs).sample(b.actions.shape)]),
        PAIRED_ROWS,
    ),
    (
        lambda b, q, p, gamma: target_drawn(b, q, p, gamma) - q(b.obs)[torch.arange(len(b)), b.actions].detach(),
        "That is the TD error",
    ),
    (target_by_loop, "there it fails. Index the last axis"),
    (lambda b, q, p, gamma: b.rewards[:, None], "got shape [5, 1]"),
    (lambda b, q, p, gamma: b.r, "The fields of a batch are obs, actions, rewards"),
    (lambda b, q, p, gamma: b.rewards * (1 - b.terminated), "write 1 − d as `~batch.terminated`"),
]


@pytest.mark.covers("AL-06", "ERR-25", "ERR-41")
class TestCriticTarget(CheckerContract):
    check = staticmethod(exercises.critic_target)
    right = (target_drawn, target_expected)
    wrong = TARGETS_WRONG


# ---------------------------------------------------------------- E3: the loss, right


def loss_drawn(batch, q, policy):
    distribution = policy(batch.obs)
    actions = distribution.sample()
    with torch.no_grad():
        weights = q(batch.obs).gather(-1, actions[..., None]).squeeze(-1)
    return -(distribution.log_prob(actions) * weights).mean()


def loss_with_baseline(batch, q, policy):
    distribution, table = policy(batch.obs), q(batch.obs).detach()
    actions = distribution.sample()
    values = (distribution.probs.detach() * table).sum(-1)
    advantages = table.gather(-1, actions.unsqueeze(-1)).squeeze(-1) - values
    return -(distribution.log_prob(actions) * advantages).mean()


def loss_expected(batch, q, policy):
    return -(policy(batch.obs).probs * q(batch.obs).detach()).sum(-1).mean()


def test_a_right_loss_is_told_its_direction():
    for seed in range(3):
        assert exercises.actor_loss(loss_drawn, seed=seed).sentence.startswith("The right direction, and Q held still")


def test_a_length_below_one_does_not_ask_about_the_baseline():
    verdict = exercises.actor_loss(lambda *arguments: 0.5 * loss_drawn(*arguments), seed=0)
    assert "baseline" not in verdict.sentence


@pytest.mark.parametrize("check", [exercises.critic_target, exercises.actor_loss])
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


def loss_standardized(batch, q, policy):
    distribution = policy(batch.obs)
    actions = distribution.sample()
    with torch.no_grad():
        values = q(batch.obs)
        advantages = values.gather(-1, actions[..., None]).squeeze(-1) - (distribution.probs * values).sum(-1)
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    return -(distribution.log_prob(actions) * advantages).mean()


def loss_at_next_obs(batch, q, policy):
    return loss_with_baseline(dataclasses.replace(batch, obs=batch.next_obs), q, policy)


def loss_of_one_seed(batch, q, policy):
    distribution = policy(batch.obs)
    actions = distribution.sample()
    weights = q(batch.obs).detach()[torch.arange(len(batch)), actions]
    return -(distribution.log_prob(actions) * weights).mean()


def loss_of_two_actions(batch, q, policy):
    distribution = policy(batch.obs)
    weights = worth(batch, q, distribution.sample()).detach()
    return -(distribution.log_prob(batch.actions) * weights).mean()


def worth_of_another(batch, q, chosen):
    return worth(batch, q, torch.distributions.Categorical(torch.full((len(batch), 3), 1 / 3)).sample())


def worth_of_the_stored(batch, q, chosen):
    return worth(batch, q, batch.actions)


def test_advantages_less_their_mean_are_a_baseline():
    def student(batch, q, policy):
        distribution = policy(batch.obs)
        actions = distribution.sample()
        weights = q(batch.obs).detach().gather(-1, actions[..., None]).squeeze(-1)
        return -(distribution.log_prob(actions) * (weights - weights.mean())).mean()

    assert exercises.actor_loss(student, seed=0).passed


def test_a_wrong_step_is_shown_with_all_that_it_is_made_of():
    example = exercises.actor_loss(loss_at_next_obs, seed=0).example
    pi, q, right, _ = (
        torch.tensor([float(x) for x in numbers.split(",")]) for numbers in re.findall(r"\(([-\d., e]+)\)", example)
    )
    assert torch.allclose(pi * (q - pi @ q), right, atol=2e-3)


def backward_inside(*case):
    loss = loss_drawn(*case)
    loss.backward()
    return loss


def divided_by_the_length(batch, q, policy):
    return loss_drawn(batch, q, policy) * batch.rewards.numel() / len(batch.rewards)


def mean_of_one_axis(batch, q, policy):
    distribution, table = policy(batch.obs), q(batch.obs).detach()
    actions = distribution.sample()
    return -(distribution.log_prob(actions) * table.gather(-1, actions[..., None]).squeeze(-1)).mean(0)


def test_a_loss_right_on_one_axis_is_told_to_average_over_all_rows():
    for answer, words in (
        (divided_by_the_length, "times as long as for rows"),
        (mean_of_one_axis, "Return one number"),
    ):
        verdict = exercises.actor_loss(answer, seed=0)
        assert "there it fails. Average over all rows" in verdict.sentence and words in verdict.example, verdict


def less_the_value(actions, weights=lambda batch: batch.obs, entropy=0.0):
    """A loss with a baseline, whose action, or place to ask Q, or entropy bonus is not asked for."""

    def student(batch, q, policy):
        distribution, table = policy(batch.obs), q(weights(batch)).detach()
        chosen = actions(batch, q, distribution)
        values = (distribution.probs.detach() * table).sum(-1)
        advantages = table.gather(-1, chosen[..., None]).squeeze(-1) - values
        return -(distribution.log_prob(chosen) * advantages).mean() - entropy * distribution.entropy().mean()

    return student


@pytest.mark.parametrize(
    ("student", "words"),
    [
        (less_the_value(lambda b, q, d: torch.randint(3, b.obs.shape)), "uniformly"),
        (less_the_value(lambda b, q, d: d.probs.argmax(-1)), "most probable action"),
        (less_the_value(lambda b, q, d: q(b.obs).argmax(-1)), "Q likes best"),
        (less_the_value(drawn_now, lambda b: b.next_obs), "You ask Q at next_obs"),
        (less_the_value(drawn_now, entropy=0.5), "an entropy bonus perhaps"),
    ],
)
def test_a_baseline_hides_no_mistake(student, words):
    for seed in range(20):
        verdict = exercises.actor_loss(student, seed=seed)
        assert words in verdict.sentence, (seed, verdict)


def test_a_constant_baseline_is_no_entropy_bonus():
    def student(batch, q, policy):
        distribution = policy(batch.obs)
        actions = distribution.sample()
        weights = q(batch.obs).detach().gather(-1, actions[..., None]).squeeze(-1) - 2
        return -(distribution.log_prob(actions) * weights).mean()

    for seed in range(20):
        assert "entropy" not in exercises.actor_loss(student, seed=seed).sentence


LOSSES_WRONG = [
    (backward_inside, "call backward inside the function"),
    (loss_like(lambda b, q, d: b.actions, worth), "You use the buffer's action"),
    (loss_stored_with_baseline, "You use the buffer's action"),
    (loss_through_q, "also moves the weights of Q"),
    (loss_at_next_obs, "computed at next_obs"),
    (loss_standardized, "divide by the standard deviation of the batch"),
    (loss_of_one_seed, "there it fails. Index the last axis"),
    (loss_like(drawn_now, worth_of_another), "zero but for noise"),
    (loss_like(drawn_now, worth_of_the_stored), "zero but for noise"),
    (loss_of_two_actions, "Q of another one, drawn now"),
    (loss_like(lambda b, q, d: d.probs.argmax(-1), worth), "most probable action"),
    (loss_like(drawn_now, worth, sign=1), "wrong way"),
    (loss_like(drawn_now, worth, reduce=torch.sum), "add over the batch"),
    (loss_like(lambda b, q, d: b.actions, lambda b, q, a: b.rewards), "weight with the stored reward"),
    (loss_like(drawn_now, lambda b, q, a: b.rewards), "weight with the stored reward"),
    (
        loss_like(drawn_now, lambda b, q, a: q(b.obs).gather(-1, a[:, None])),
        PAIRED_MEAN,
    ),
    (
        loss_like(lambda b, q, d: d.sample(b.actions.shape), worth),
        PAIRED_MEAN,
    ),
    (loss_with_a_moving_baseline, "Is the baseline detached?"),
    (lambda b, q, p: b.r, "The fields of a batch are obs, actions, rewards"),
    (lambda b, q, p: p(b.obs).log_prob(b.actions).mean() / 0, "NaN or infinite"),
    (loss_like(drawn_now, worth, log=False), "gradient of π(a|s) Q"),
    (loss_like(lambda b, q, d: q(b.obs).argmax(-1), worth), "Q likes best"),
    (loss_like(lambda b, q, d: torch.randint(3, (len(b),)), worth), "uniformly"),
    (loss_like(drawn_now, worth, sign=-0.5), "times what it should be"),
    (
        lambda b, q, p: -(p(b.obs).log_prob(b.actions).detach() * worth(b, q, b.actions)).mean(),
        "No gradient reaches the policy",
    ),
    (lambda b, q, p: loss_drawn(b, q, p).item(), "Return one number to descend, a tensor"),
    (lambda b, q, p: -p(b.obs).log_prob(b.actions), "Return one number to descend"),
]


@pytest.mark.covers("AL-06", "CL-22", "MIS-18")
class TestActorLoss(CheckerContract):
    check = staticmethod(exercises.actor_loss)
    right = (loss_drawn, loss_with_baseline, loss_expected)
    wrong = LOSSES_WRONG


# ---------------------------------------------------------------- E4


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


def like(actions, weights, center):
    scores = torch.eye(len(center), dtype=torch.float64)[actions] - center
    return (weights[:, None] * scores).mean(0)


WEIGHTED_WRONG = [
    (lambda a, old, new, q: like(a, q[a], new), "no likelihood ratio"),
    (lambda a, old, new, q: like(a, (old / new * q)[a], new), "upside down"),
    (lambda a, old, new, q: like(a, (new * q)[a], new), "new probability alone"),
    (lambda a, old, new, q: like(a, (new / old * q)[a], old), "belongs to the old policy"),
    (lambda a, old, new, q: like(a, (new / old * q)[a], 0 * new), "score is incomplete"),
    (
        lambda a, old, new, q: weighted(a, old, new, q) / (new / old)[a].mean(),
        "sum of the ratios",
    ),
    (lambda a, old, new, q: weighted(a, old, new, q) * len(a), "take their mean"),
    (lambda a, old, new, q: -weighted(a, old, new, q), "sign is reversed"),
    (lambda a, old, new, q: like(a, (new / old)[a], new), "how good the action was"),
    (lambda a, old, new, q: weighted(a, old, new, q - new @ q), "subtract V"),
    (lambda a, old, new, q: new * (q - new @ q), "exact mean over all actions"),
    (
        lambda a, old, new, q: ((new / old)[a][:, None] * q * (torch.eye(len(new))[a] - new)).mean(0),
        "takes all of Q at once",
    ),
    (lambda a, old, new, q: weighted(a, old, new, q) * len(a) / len(new), "divide by the number of actions"),
    (
        lambda a, old, new, q: ((new / old * q)[a][:, None] * torch.eye(len(new))[a] * (1 - new)).mean(0),
        "Only the logit of the chosen action",
    ),
]


@pytest.mark.covers("EQX-16")
class TestWeightedGradient(CheckerContract):
    check = staticmethod(exercises.weighted_gradient)
    right = (weighted, weighted_at_once, weighted_by_autograd)
    wrong = WEIGHTED_WRONG


def test_a_weighted_gradient_is_told_where_it_is_right():
    assert "wherever the old policy tries every action" in exercises.weighted_gradient(weighted).sentence
