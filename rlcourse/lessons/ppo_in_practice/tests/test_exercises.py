"""Checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import pytest
import torch
from torch.distributions import Categorical
from torch.nn import functional as F

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.algorithms.agent import gradient_step
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.ppo_in_practice import exercises
from rlcourse.lessons.ppo_in_practice.exercises import repairs, whole
from rlcourse.transitions import flatten

# ---------------------------------------------------------------- E1


def lambda_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    targets, after = torch.zeros_like(rewards), next_values[-1]
    for t in reversed(range(len(rewards))):
        mixed = (1 - gae_lambda) * next_values[t] + gae_lambda * after
        future = next_values[t] if t == len(rewards) - 1 else torch.where(truncated[t], next_values[t], mixed)
        after = targets[t] = rewards[t] + gamma * future * ~terminated[t]
    return targets


def lambda_returns_as_list(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    deltas = rewards + gamma * next_values * (1 - terminated.double()) - values
    out, carry = [], 0.0
    for t in range(len(rewards) - 1, -1, -1):
        carry = deltas[t] + gamma * gae_lambda * carry * ~(terminated[t] | truncated[t])
        out.insert(0, carry + values[t])
    return torch.stack(out)


def with_ifs(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    """Right for one environment, [T]; with several, [T, N], an `if` cannot look at all flags."""
    carry, out = 0.0, torch.zeros_like(values)
    for t in reversed(range(len(values))):
        delta = rewards[t] + (0.0 if terminated[t] else gamma * next_values[t]) - values[t]
        carry = delta + (0.0 if terminated[t] or truncated[t] else gamma * gae_lambda * carry)
        out[t] = values[t] + carry
    return out


def raw_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    out, total = [], 0.0
    for r, d, c in zip(rewards.flip(0), terminated.flip(0), truncated.flip(0), strict=True):
        total = r + gamma * total * ~(d | c)
        out.insert(0, total)
    return torch.stack(out)


def bootstrapped_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    return lambda_returns(rewards, values, next_values, terminated, truncated, gamma, 1.0)


def td_targets(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    return rewards + gamma * next_values * ~terminated


def advantage(rewards, values, *rest):
    return lambda_returns(rewards, values, *rest) - values


def minus_value(rewards, values, *rest):
    return lambda_returns(rewards, values, *rest) - 2 * values


def value_of_the_next_row(rewards, values, next_values, *rest):
    return lambda_returns(rewards, values, torch.cat([values[1:], next_values[-1:]]), *rest)


def swept(masked, cut):
    """The usual sweep with the student's own idea of the flags."""

    def value_targets(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        carry, out = 0.0, torch.zeros_like(values)
        for t in reversed(range(len(values))):
            dead, over = masked(terminated[t], truncated[t]), cut(terminated[t], truncated[t])
            delta = rewards[t] + gamma * next_values[t] * ~dead - values[t]
            carry = delta + gamma * gae_lambda * carry * ~over
            out[t] = values[t] + carry
        return out

    return value_targets


def no_gamma_in_the_sum(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    carry, out = 0.0, torch.zeros_like(values)
    for t in reversed(range(len(values))):
        delta = rewards[t] + gamma * next_values[t] * ~terminated[t] - values[t]
        carry = delta + gae_lambda * carry * ~(terminated[t] | truncated[t])
        out[t] = values[t] + carry
    return out


def on_the_next_value(rewards, values, next_values, *rest):
    return lambda_returns(rewards, values, next_values, *rest) - values + next_values


def flags_swapped(rewards, values, next_values, terminated, truncated, *rest):
    return lambda_returns(rewards, values, next_values, truncated, terminated, *rest)


def by_position(*case):
    return case[1] + rl.gae(*case)


TARGET_MISTAKES = {
    no_gamma_in_the_sum: "the factor is γλ",
    on_the_next_value: "to the value of the next state",
    flags_swapped: "two flags are swapped",
    by_position: "named in the call: gamma=gamma",
    with_ifs: "torch.where",
    raw_returns: "stop the recording",
    bootstrapped_returns: "λ = 1",
    td_targets: "λ = 0",
    advantage: "how much the critic was wrong",
    minus_value: "subtracted already",
    value_of_the_next_row: "another episode has begun",
    swept(lambda d, c: d & ~d, lambda d, c: d | c): "Which flag belongs in δ",
    swept(lambda d, c: d | c, lambda d, c: d | c): "taken for a death",
    swept(lambda d, c: d, lambda d, c: d & ~d): "leaks into",
    swept(lambda d, c: d, lambda d, c: d): "across a time limit",
}

# ---------------------------------------------------------------- E2


def normalise(A):
    return (A - A.mean(-1, keepdim=True)) / (A.std(-1, keepdim=True) + 1e-8)


def normalise_other_deviation(A):
    std = A.std(dim=-1, correction=0, keepdim=True)
    return (A - A.mean(dim=-1, keepdim=True)) / std.clamp(min=1e-6)


def by_variance(A):
    return (A - A.mean(-1, keepdim=True)) / (A.var(-1, keepdim=True) + 1e-8)


def not_centred(A):
    return A / (A.std(-1, keepdim=True) + 1e-8)


def only_centred(A):
    return A - A.mean(-1, keepdim=True)


def all_seeds_together(A):
    return (A - A.mean()) / (A.std() + 1e-8)


def over_the_seeds(A):
    return (A - A.mean(0)) / (A.std(0) + 1e-8)


def unguarded(A):
    return (A - A.mean(-1, keepdim=True)) / A.std(-1, keepdim=True)


def large_guard(A):
    return (A - A.mean(-1, keepdim=True)) / (A.std(-1, keepdim=True, correction=0) + 1e-2)


def large_guard_under_the_root(A):
    return (A - A.mean(-1, keepdim=True)) / (A.var(-1, keepdim=True) + 0.1).sqrt()


NORMALISE_MISTAKES = {
    by_variance: "by the variance",
    large_guard: "The number that guards the division, 0.01",
    large_guard_under_the_root: "The number that guards the division, 0.1",
    not_centred: "leave the mean",
    only_centred: "leave the scale",
    all_seeds_together: "of all seeds together",
    over_the_seeds: "over the seeds",
    unguarded: "zero by zero",
}

# ---------------------------------------------------------------- E3


def targets_of(agent, rollout):
    values, next_values = agent.critic(rollout.obs), agent.critic(rollout.next_obs)
    steps = rollout.rewards, values, next_values, rollout.terminated, rollout.truncated
    return lambda_returns(*steps, agent.config.gamma, agent.config.gae_lambda), values


def ppo_update(agent, rollout, batches):
    with torch.no_grad():
        old = flatten(agent.actor(rollout.obs).log_prob(rollout.actions))
        returns, values = targets_of(agent, rollout)
    weights, returns, batch = normalise(flatten(returns - values)), flatten(returns), rollout.flatten()
    for rows in batches:
        log_probs = agent.actor(batch.obs[rows]).log_prob(batch.actions[rows])
        L = rl.clipped_surrogate(log_probs, old[rows], weights[rows], clip_eps=agent.config.clip_eps)
        gradient_step(agent.actor_optimizer, -L)
        gradient_step(agent.critic_optimizer, ((agent.critic(batch.obs[rows]) - returns[rows]) ** 2).mean())


def ppo_update_in_other_words(agent, rollout, batches):
    old = flatten(agent.actor(rollout.obs).log_prob(rollout.actions)).detach()
    returns, values = targets_of(agent, rollout)
    returns, values = flatten(returns).detach(), flatten(values).detach()
    weights = normalise_other_deviation(returns - values)
    obs, actions = flatten(rollout.obs), flatten(rollout.actions)
    for rows in batches:
        ratio = torch.exp(agent.actor(obs[rows]).log_prob(actions[rows]) - old[rows])
        A, eps = weights[rows], agent.config.clip_eps
        loss = -torch.min(ratio * A, ratio.clamp(1 - eps, 1 + eps) * A).mean()
        value_loss = F.mse_loss(agent.critic(obs[rows]), returns[rows])
        for optimizer in (agent.actor_optimizer, agent.critic_optimizer):
            optimizer.zero_grad()
        (loss + value_loss).backward()
        agent.actor_optimizer.step()
        agent.critic_optimizer.step()
    return agent


def carries_a_graph(agent, rollout, batches):
    old = flatten(agent.actor(rollout.obs).log_prob(rollout.actions))
    batch = rollout.flatten()
    with torch.no_grad():
        returns, values = targets_of(agent, rollout)
    weights = normalise(flatten(returns - values))
    for rows in batches:
        log_probs = agent.actor(batch.obs[rows]).log_prob(batch.actions[rows])
        L = rl.clipped_surrogate(log_probs, old[rows], weights[rows], clip_eps=0.2)
        gradient_step(agent.actor_optimizer, -L)


def one_seed_only(agent, rollout, batches):
    with torch.no_grad():
        old = agent.actor(rollout.obs).log_prob(rollout.actions).flatten()
        returns, values = targets_of(agent, rollout)
    weights, returns, batch = normalise((returns - values).flatten()), returns.flatten(), rollout.flatten()
    for rows in batches:
        log_probs = agent.actor(batch.obs[rows]).log_prob(batch.actions[rows])
        L = rl.clipped_surrogate(log_probs, old[rows], weights[rows], clip_eps=0.2)
        gradient_step(agent.actor_optimizer, -L)
        gradient_step(agent.critic_optimizer, F.mse_loss(agent.critic(batch.obs[rows]), returns[rows]))


def with_fault(fault):
    def student(agent, rollout, batches):
        return whole._update(agent, rollout, batches, fault=fault)

    return student


def too_far(agent, rollout, batches):
    for group in (agent.actor_optimizer.param_groups[0], agent.critic_optimizer.param_groups[0]):
        group["lr"] *= 2
    ppo_update(agent, rollout, batches)


UPDATE_MISTAKES = {
    **{with_fault(fault): sentence[:40] for fault, sentence in whole._FAULTS.items()},
    carries_a_graph: "still carries its graph",
    one_seed_only: "Right for one seed",
    too_far: "One change makes it right",
}

# ---------------------------------------------------------------- the three together


@pytest.mark.covers("EQ-28", "EQX-08", "ERR-37", "ERR-41", "MIS-14")
class TestValueTargets(CheckerContract):
    check = staticmethod(exercises.value_targets)
    right = (lambda_returns, lambda_returns_as_list, swept(lambda d, c: d, lambda d, c: d | c))
    wrong = TARGET_MISTAKES


@pytest.mark.covers("ERR-35")
class TestNormalise(CheckerContract):
    check = staticmethod(exercises.normalise)
    right = (normalise, normalise_other_deviation)
    wrong = NORMALISE_MISTAKES


def test_weights_of_a_batch_without_differences_are_zero():
    def ones(A):
        return normalise(A) if (A.std(-1) > 0).all() else torch.ones_like(A)

    assert "should be 0" in exercises.normalise(ones).sentence


@pytest.mark.covers("EQ-27", "EQ-28", "AL-08", "ERR-35")
class TestUpdate(CheckerContract):
    """The answer is what has become of the agent, so what the function returns does not matter."""

    check = staticmethod(exercises.ppo_update)
    right = (ppo_update, ppo_update_in_other_words)
    wrong = UPDATE_MISTAKES
    seeds = (0, 1)
    test_a_forgotten_return_is_told = None
    test_whatever_comes_back_becomes_a_sentence = None
    test_not_a_number_becomes_a_sentence = None
    test_an_argument_that_was_changed_is_noticed = None


def test_a_started_update_with_dots_left_has_not_failed():
    def ppo_update(agent, rollout, batches):
        for _ in batches:
            ...

    assert exercises.ppo_update(ppo_update).state == UNFINISHED


def test_the_small_case_can_be_worked_by_hand():
    """Weights -0.707 and 0.707, ε = 0.2: once a ratio has left the range, its row does nothing more."""
    case = whole._small()
    after = whole._after(whole._update)(*case)
    value = 1.0
    for _ in range(3):
        value += 0.125 * 2 * (2.0 - value)  # the mean target is 2
    assert after[2].item() == pytest.approx(value)
    logit = 0.0
    for _ in range(3):
        p = torch.sigmoid(torch.tensor(2 * logit)).item()  # of action 1, logits -x and x
        ratio = p / 0.5, (1 - p) / 0.5
        slope = 0.5 * 0.70711 * ((ratio[0] <= 1.2) * ratio[0] * (1 - p) + (ratio[1] >= 0.8) * ratio[1] * p)
        logit += 0.5 * slope
    assert after[1].item() == pytest.approx(torch.sigmoid(torch.tensor(2 * logit)).log().item(), abs=1e-4)


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


def summed_entropy(logits, actions, old_log_probs, advantages, clip_eps, entropy_weight):
    rest = loss_with(sign=0.0)(logits, actions, old_log_probs, advantages, clip_eps, entropy_weight)
    return rest - entropy_weight * Categorical(logits=logits).entropy().sum()


def targets_with_if(rewards, next_values, terminated, truncated, gamma):
    targets, after = torch.zeros_like(rewards), next_values[-1]
    for t in reversed(range(len(rewards))):
        if truncated[t]:
            after = next_values[t]
        targets[t] = after = rewards[t] + gamma * after * ~terminated[t]
    return targets


SICK = sick_targets, sick_advantages, loss_with(fresh=True, sign=-1.0)
WELL = well_targets, well_advantages, loss_with()


@pytest.mark.covers("MIS-14", "ERR-41", "ERR-35", "EQX-06")
class TestClinic:
    def test_the_patient_has_four_faults(self):
        said = exercises.clinic(*SICK, seed=0).sentence
        assert said.startswith("0 of 4") and "Mended" not in said
        assert all(words in said for words in repairs._OPEN_FAULTS.values())

    def test_an_if_on_a_flag_is_not_discharged(self):
        verdict = exercises.clinic(targets_with_if, *WELL[1:], seed=0)
        assert not verdict.passed and "torch.where" in verdict.sentence

    def test_all_repaired(self):
        assert exercises.clinic(*WELL, seed=0).passed
        assert exercises.clinic(*WELL).passed

    @pytest.mark.parametrize(
        ("mended", "name"),
        [
            ((well_targets, *SICK[1:]), "clock"),
            ((sick_targets, well_advantages, SICK[2]), "flag"),
            ((*SICK[:2], loss_with(sign=-1.0)), "old"),
            ((*SICK[:2], loss_with(fresh=True)), "sign"),
        ],
    )
    def test_each_repair_is_recognised_and_the_rest_is_told(self, mended, name):
        said = exercises.clinic(*mended, seed=0).sentence
        assert said.startswith("1 of 4") and f"Mended: {repairs._DONE[name]}." in said
        for other, words in repairs._OPEN_FAULTS.items():
            assert (words in said) == (other != name)

    @pytest.mark.parametrize(
        ("wrongly", "words"),
        [
            (lambda r, n, d, c, g: lambda_returns(r, 0 * r, n, d & ~d, d | c, g, 1.0), "mended too much"),
            (lambda r, n, d, c, g: raw_returns(r, r, n, d, c, g, 1.0), "where has next_values gone"),
            (lambda r, n, d, c, g: 2 * well_targets(r, n, d, c, g), "neither right nor"),
        ],
    )
    def test_a_wrong_repair_of_the_targets(self, wrongly, words):
        assert words in exercises.clinic(wrongly, *WELL[1:], seed=0).sentence

    @pytest.mark.parametrize(
        ("masked", "cut", "words"),
        [
            (lambda d, c: d & ~d, lambda d, c: d | c, "δ still counts a value"),
            (lambda d, c: d, lambda d, c: c, "still runs on into the next"),
            (lambda d, c: d | c, lambda d, c: d | c, "now taken for a death"),
            (lambda d, c: d, lambda d, c: d, "no longer stops at a time limit"),
        ],
    )
    def test_a_wrong_repair_of_the_advantages(self, masked, cut, words):
        def repaired(rewards, values, *rest):
            return swept(masked, cut)(rewards, values, *rest) - values

        assert words in exercises.clinic(well_targets, repaired, loss_with(), seed=0).sentence

    @pytest.mark.parametrize(
        ("wrongly", "words"),
        [
            (loss_with(sign=0.0), "mended, not removed"),
            (loss_with(sign=0.0, fresh=True), "ratio is still 1"),
            (loss_with(clip=1e9), "nothing is clipped"),
            (summed_entropy, "both faults are mended"),
            (lambda *case: -loss_with()(*case), "sign of the whole"),
            (lambda *case: loss_with()(*case).item(), "No gradient reaches"),
            (lambda *case: ..., "three dots"),
        ],
    )
    def test_a_wrong_repair_of_the_loss(self, wrongly, words):
        assert words in exercises.clinic(*WELL[:2], wrongly, seed=0).sentence
