"""Lesson 08's checkers: right answers in several styles pass, every known mistake has a sentence of its own."""

import cmath
import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from rlcourse.exercises import lesson_08
from rlcourse.exercises.checker import UNFINISHED
from rlcourse.plots import lesson_08_target as figures

# ---------------------------------------------------------------- E1: the critic's target


def target(batch, actor, critic, target_actor, target_critic, gamma):
    with torch.no_grad():
        next_q = target_critic(batch.next_obs, target_actor(batch.next_obs))
        return batch.rewards + gamma * (1 - batch.terminated.double()) * next_q


def target_with_where(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs)).detach()
    return torch.where(batch.terminated, batch.rewards, batch.rewards + gamma * q)


def target_by_loop(batch, actor, critic, target_actor, target_critic, gamma):
    ys = []
    for k in range(len(batch)):
        y = batch.rewards[k].item()
        if not batch.terminated[k]:
            s = batch.next_obs[k : k + 1]
            y += gamma * target_critic(s, target_actor(s)).item()
        ys.append(y)
    return ys


def target_in_numpy(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs)).detach().numpy()
    return batch.rewards.numpy() + gamma * np.where(batch.terminated, 0, q)


def leaking(batch, actor, critic, target_actor, target_critic, gamma):
    next_q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return batch.rewards + gamma * ~batch.terminated * next_q


@torch.no_grad()
def without_mask(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def every_end(batch, actor, critic, target_actor, target_critic, gamma):
    done = batch.terminated | batch.truncated
    return batch.rewards + gamma * ~done * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def truncated_only(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return batch.rewards + gamma * ~batch.truncated * q


@torch.no_grad()
def mask_reversed(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return batch.rewards + gamma * batch.terminated * q


@torch.no_grad()
def both_online(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def online_critic(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def online_actor(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def stored_action(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, batch.actions)


@torch.no_grad()
def at_the_old_state(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.obs, target_actor(batch.obs))


@torch.no_grad()
def action_of_the_old_state(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, target_actor(batch.obs))


@torch.no_grad()
def undiscounted(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + ~batch.terminated * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def without_reward(batch, actor, critic, target_actor, target_critic, gamma):
    return gamma * ~batch.terminated * target_critic(batch.next_obs, target_actor(batch.next_obs))


@torch.no_grad()
def mask_around_everything(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs))
    return ~batch.terminated * (batch.rewards + gamma * q)


@torch.no_grad()
def no_mask_and_online_actor(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + gamma * target_critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def both_online_every_end(batch, actor, critic, target_actor, target_critic, gamma):
    done = batch.terminated | batch.truncated
    return batch.rewards + gamma * ~done * critic(batch.next_obs, actor(batch.next_obs))


@torch.no_grad()
def noisy_target_action(batch, actor, critic, target_actor, target_critic, gamma):
    a = target_actor(batch.next_obs)
    return batch.rewards + gamma * ~batch.terminated * target_critic(batch.next_obs, a + 0.2 * torch.randn_like(a))


def subtracts_a_flag(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.rewards + (1 - batch.terminated) * gamma


def wrong_field(batch, actor, critic, target_actor, target_critic, gamma):
    return batch.reward


def spoils_the_batch(batch, actor, critic, target_actor, target_critic, gamma):
    y = batch.rewards
    y += gamma
    return target(batch, actor, critic, target_actor, target_critic, gamma)


def trains_the_copy(batch, actor, critic, target_actor, target_critic, gamma):
    y = target(batch, actor, critic, target_actor, target_critic, gamma)
    with torch.no_grad():
        for p in target_critic.parameters():
            p.mul_(0.9)
    return y


def pairs_every_row_with_every_other(batch, actor, critic, target_actor, target_critic, gamma):
    q = target_critic(batch.next_obs, target_actor(batch.next_obs)).detach()
    return batch.rewards[:, None] + gamma * q


TARGET_MISTAKES = {
    leaking: "leak",
    without_mask: "(1 − d) is missing",
    every_end: "truncated rows as well",
    truncated_only: "mask with `truncated`",
    mask_reversed: "wrong way round",
    both_online: "Both networks are the online ones",
    online_critic: "online critic judges",
    online_actor: "online actor chooses",
    stored_action: "stored action",
    at_the_old_state: "copies at s",
    action_of_the_old_state: "chooses its action at s",
    undiscounted: "no discount",
    without_reward: "reward of the step is missing",
    mask_around_everything: "Your mask covers the reward",
    no_mask_and_online_actor: "Two things at once: the mask",
    both_online_every_end: "Two things at once: truncated rows",
    noisy_target_action: "two answers",
    subtracts_a_flag: "`~batch.terminated`",
    wrong_field: "fields of a batch are",
    spoils_the_batch: "batch.rewards in place",
    trains_the_copy: "weights of the target critic",
    pairs_every_row_with_every_other: "shape [6, 6]",
}

# ---------------------------------------------------------------- E3: the copies follow


@torch.no_grad()
def follow(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.copy_(tau * p + (1 - tau) * q)


def follow_with_data(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.data[:] = tau * p.data + (1 - tau) * q.data


def new_storage(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.data = tau * p.data + (1 - tau) * q.data


def follow_with_mul_and_add(online, target, tau):
    with torch.no_grad():
        for p, q in zip(online.parameters(), target.parameters()):
            q.mul_(1 - tau).add_(tau * p)
    return target


def follow_by_name(online, target, tau):
    theirs = dict(online.named_parameters())
    for name, q in target.named_parameters():
        q.data.lerp_(theirs[name].data, tau)


def follow_layer_by_layer(online, target, tau):
    with torch.no_grad():
        for one, other in zip(online, target):
            for p, q in zip(one.parameters(), other.parameters()):
                q += tau * (p - q)


@torch.no_grad()
def swapped(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.copy_((1 - tau) * p + tau * q)


@torch.no_grad()
def rebound(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q = tau * p + (1 - tau) * q


@torch.no_grad()
def returned(online, target, tau):
    return [tau * p + (1 - tau) * q for p, q in zip(online.parameters(), target.parameters())]


@torch.no_grad()
def new_parameters(online, target, tau):
    for one, other in zip(online, target):
        for name, p in list(one.named_parameters()):
            setattr(other, name, nn.Parameter(tau * p + (1 - tau) * getattr(other, name)))


def whole_state(online, target, tau):
    theirs, mine = online.state_dict(), target.state_dict()
    target.load_state_dict({name: tau * theirs[name] + (1 - tau) * mine[name] for name in mine})


def without_no_grad(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.mul_(1 - tau).add_(tau * p)


@torch.no_grad()
def the_wrong_way(online, target, tau):
    follow(target, online, tau)


@torch.no_grad()
def copied(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.copy_(p)


@torch.no_grad()
def added(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.add_(tau * p)


@torch.no_grad()
def shrunk(online, target, tau):
    for q in target.parameters():
        q.mul_(1 - tau)


@torch.no_grad()
def online_share_only(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.copy_(tau * p)


@torch.no_grad()
def matrices_only(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        if p.dim() > 1:
            q.lerp_(p, tau)


@torch.no_grad()
def moves_both(online, target, tau):
    follow(online, target, tau)
    for p in online.parameters():
        p.mul_(0.5)


POLYAK_MISTAKES = {
    swapped: "swapped",
    rebound: "has not moved",
    returned: "You return new numbers",
    new_parameters: "new Parameter objects",
    new_storage: "q.data = ...",
    whole_state: "running statistics",
    without_no_grad: "torch refuses",
    the_wrong_way: "online network towards its copy",
    copied: "hard copy",
    added: "must sum to 1",
    shrunk: "nothing of the online network arrives",
    online_share_only: "1 − κ, is missing",
    matrices_only: "Some weights are right",
    moves_both: "changes the online network",
}

# ---------------------------------------------------------------- E5: does the chase run away?


def runs_away(step_size, gain, angle, copy_every):
    z = gain * cmath.exp(1j * math.radians(angle))
    kept = (1 - step_size) ** copy_every
    return abs(kept + (1 - kept) * z) > 1


def runs_away_by_trying(step_size, gain, angle, copy_every):
    c, s = gain * math.cos(angle * math.pi / 180), gain * math.sin(angle * math.pi / 180)
    w = copied_w = (1.0, 0.0)
    for k in range(100 * copy_every):
        if k % copy_every == 0:
            copied_w = w
        y = c * copied_w[0] - s * copied_w[1], s * copied_w[0] + c * copied_w[1]
        w = tuple(a - step_size * (a - b) for a, b in zip(w, y))
    return math.hypot(*w) > 1


def runs_away_as_a_tensor(step_size, gain, angle, copy_every):
    z = torch.polar(torch.tensor(gain), torch.deg2rad(torch.tensor(angle)))
    kept = (1 - step_size) ** copy_every
    return (kept + (1 - kept) * z).abs() > 1


def inverted(*case):
    return not runs_away(*case)


def angle_left_out(step_size, gain, angle, copy_every):
    return runs_away(step_size, gain, 0, copy_every)


def test_leaving_out_the_angle_is_looking_at_the_gain_alone():
    assert lesson_08.diverges(angle_left_out, seed=0) == lesson_08.diverges(gain_alone, seed=0)


def in_radians(step_size, gain, angle, copy_every):
    z = gain * cmath.exp(1j * angle)
    kept = (1 - step_size) ** copy_every
    return abs(kept + (1 - kept) * z) > 1


def gain_alone(step_size, gain, angle, copy_every):
    return gain > 1


def slow_copies(step_size, gain, angle, copy_every):
    return gain * math.cos(math.radians(angle)) > 1


def always_moving(step_size, gain, angle, copy_every):
    return runs_away(step_size, gain, angle, 1)


def real_part_alone(step_size, gain, angle, copy_every):
    kept = (1 - step_size) ** copy_every
    return abs(kept + (1 - kept) * gain * math.cos(math.radians(angle))) > 1


def always(step_size, gain, angle, copy_every):
    return True


def the_factor(step_size, gain, angle, copy_every):
    return 1.3


def in_words(step_size, gain, angle, copy_every):
    return "diverges"


def something_else(step_size, gain, angle, copy_every):
    return step_size > 1


CHASE_MISTAKES = {
    inverted: "The other way round",
    in_radians: "degrees into a function that takes radians",
    gain_alone: "by the gain alone",
    slow_copies: "g cos φ",
    always_moving: "copy_every is not used",
    real_part_alone: "real part alone",
    always: "same answer whatever",
    the_factor: "got 1.3",
    in_words: "got a text",
    something_else: "of 60 chases go another way",
}

# ---------------------------------------------------------------- all of them


CHECKS = {
    lesson_08.td_target: (
        (target, target_with_where, target_by_loop, target_in_numpy), TARGET_MISTAKES),
    lesson_08.polyak_update: (
        (follow, follow_with_data, follow_with_mul_and_add, follow_by_name, follow_layer_by_layer), POLYAK_MISTAKES),
    lesson_08.diverges: ((runs_away, runs_away_by_trying, runs_away_as_a_tensor), CHASE_MISTAKES),
}  # fmt: skip
RIGHT = [(check, answer) for check, (answers, _) in CHECKS.items() for answer in answers]
WRONG = [(check, answer, words) for check, (_, wrongs) in CHECKS.items() for answer, words in wrongs.items()]


def called(value):
    return getattr(value, "__name__", None)


def stub(*arguments): ...


def crash(*arguments):
    return 1 / 0


@pytest.mark.parametrize(("check", "answer"), RIGHT, ids=called)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_answer_passes(check, answer, seed):
    verdict = check(answer, seed=seed)
    assert verdict.passed, verdict


@pytest.mark.parametrize(("check", "answer", "words"), WRONG, ids=called)
@pytest.mark.parametrize("seed", range(3))
def test_a_known_mistake_gets_its_own_sentence(check, answer, words, seed):
    verdict = check(answer, seed=seed)
    assert not verdict.passed and words in verdict.sentence, verdict


@pytest.mark.parametrize("check", CHECKS, ids=called)
def test_no_two_mistakes_share_a_sentence(check):
    sentences = [check(answer, seed=0).sentence for answer in CHECKS[check][1]]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("check", CHECKS, ids=called)
def test_an_unfinished_stub_is_not_started_and_a_crash_is_a_sentence(check):
    assert check(stub).state == UNFINISHED
    assert "ZeroDivisionError" in check(crash).sentence
    assert "Pass the function itself" in check(3).sentence


@pytest.mark.parametrize("check", [lesson_08.td_target, lesson_08.diverges], ids=called)
@pytest.mark.parametrize(
    "answer", [None, "text", [1.0, 2.0], {}, math.nan, object()], ids=lambda given: type(given).__name__
)
def test_whatever_comes_back_becomes_a_sentence(check, answer):
    verdict = check(lambda *arguments: answer)
    assert not verdict.passed and len(verdict.sentence) > 20


# ---------------------------------------------------------------- E6: two wrong diagrams


FLAWS = {2, 3, 5, 7}, {1, 4, 6, 8, 10}


@pytest.mark.covers("ERR-47", "FIG-07", "FIG-08")
def test_both_sets_of_flaws_are_accepted_as_set_list_or_array():
    for kind in (set, list, tuple, sorted, np.array, frozenset):
        verdict = lesson_08.diagrams(*(kind(sorted(flaws)) for flaws in FLAWS))
        assert verdict.passed, (kind, verdict)


def test_every_wrong_pick_gets_a_sentence_of_its_own():
    said = set()
    for which, flaws in enumerate(FLAWS):
        for number in set(range(1, 13)) - flaws:
            picks = [set(), set()]
            picks[which] = {number}
            verdict = lesson_08.diagrams(*picks)
            assert not verdict.passed and f"{'AB'[which]}{number} is right as it is" in verdict.sentence
            said.add(verdict.sentence)
    assert len(said) == 24 - 9


def test_every_missed_flaw_gets_a_question_of_its_own():
    said = set()
    for which, flaws in enumerate(FLAWS):
        for number in flaws:
            picks = [set(FLAWS[0]), set(FLAWS[1])]
            picks[which] -= {number}
            verdict = lesson_08.diagrams(*picks)
            assert not verdict.passed and "has a flaw left" in verdict.sentence and str(number) not in verdict.sentence
            assert f"{len(flaws) - 1} of {len(flaws)} flaws found" in verdict.example
            said.add(verdict.sentence)
    assert len(said) == 9


def test_everything_accused_does_not_pass():
    everything = set(range(1, 13))
    verdict = lesson_08.diagrams(everything, everything)
    assert not verdict.passed and verdict.sentence.count("is right as it is") == 15


def test_diagrams_without_an_answer_and_with_a_strange_one():
    assert lesson_08.diagrams(..., ...).state == UNFINISHED
    assert lesson_08.diagrams(set(), set()).state == UNFINISHED
    for picks, name in (((FLAWS[0], ...), "B"), ((..., FLAWS[1]), "A")):
        assert f"Diagram {name} is not answered yet" in lesson_08.diagrams(*picks).sentence
    for strange in ({0}, {13}, "2, 3", {2.5}, {True}, [["a"]], {"x": 1}):
        verdict = lesson_08.diagrams(strange, {1})
        assert not verdict.passed and "numbers from 1 to 12" in verdict.sentence, strange


def test_the_checker_and_the_pictures_number_the_same_places():
    for name, sketch in figures.SKETCHES.items():
        known = lesson_08._PICKED[name].keys() | lesson_08._MISSED[name].keys()
        assert known == sketch.numbers.keys() == set(range(1, 13))
        assert not lesson_08._PICKED[name].keys() & lesson_08._MISSED[name].keys()


# ---------------------------------------------------------------- E2: the actor's loss


def actor_loss_right(batch, actor, critic):
    return -critic(batch.obs, actor(batch.obs)).mean()


def actor_loss_frozen(batch, actor, critic):
    for weight in critic.parameters():
        weight.requires_grad_(False)
    values = critic(batch.obs, actor(batch.obs))
    for weight in critic.parameters():
        weight.requires_grad_(True)
    return -values.sum() / len(values)


def actor_loss_on_a_copy(batch, actor, critic):
    still = copy.deepcopy(critic).requires_grad_(False)
    return (-still(batch.obs, actor(batch.obs))).mean(dim=0, keepdim=True)


@pytest.mark.covers("EQ-33", "EQ-35", "EQ-41")
@pytest.mark.parametrize("student", [actor_loss_right, actor_loss_frozen, actor_loss_on_a_copy])
def test_right_actor_losses_pass(student):
    for seed in range(5):
        verdict = lesson_08.actor_loss(student, seed=seed)
        assert verdict.passed, verdict


def test_a_gradient_in_the_critic_is_accepted_with_a_remark():
    assert "a gradient in the critic's weights, too" in lesson_08.actor_loss(actor_loss_right).sentence
    assert "saves the work" in lesson_08.actor_loss(actor_loss_frozen).sentence


def trains_the_critic(batch, actor, critic):
    both = torch.optim.SGD([*actor.parameters(), *critic.parameters()], lr=0.1)
    loss = -critic(batch.obs, actor(batch.obs)).mean()
    loss.backward()
    both.step()
    both.zero_grad()
    return -critic(batch.obs, actor(batch.obs)).mean()


def leaves_it_frozen(batch, actor, critic):
    critic.requires_grad_(False)
    return -critic(batch.obs, actor(batch.obs)).mean()


def calls_backward(batch, actor, critic):
    loss = -critic(batch.obs, actor(batch.obs)).mean()
    loss.backward()
    return loss


def without_graph(batch, actor, critic):
    with torch.no_grad():
        return -critic(batch.obs, actor(batch.obs)).mean()


def spoils_the_memory(batch, actor, critic):
    batch.actions.copy_(actor(batch.obs).detach())
    return -critic(batch.obs, actor(batch.obs)).mean()


def asks_for_done(batch, actor, critic):
    return -(critic(batch.obs, actor(batch.obs)) * ~batch.done).mean()


WRONG_ACTOR_LOSSES = {
    lambda b, actor, critic: critic(b.obs, actor(b.obs)).mean(): "goes the wrong way",
    lambda b, actor, critic: -critic(b.obs, b.actions).mean(): "action from the memory",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs).detach()).mean(): "the way back is cut",
    without_graph: "the way back is cut",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)).sum(): "add over the rows",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)): "Return one number for the batch",
    lambda b, actor, critic: -critic(b.next_obs, actor(b.next_obs)).mean(): "about the next states",
    lambda b, actor, critic: -critic(b.obs, actor(b.next_obs)).mean(): "choose the action in the next state",
    lambda b, actor, critic: -critic(b.next_obs, actor(b.obs)).mean(): "score it in the next one",
    lambda b, actor, critic: torch.nn.functional.mse_loss(actor(b.obs), b.actions): "repeat what is in the memory",
    lambda b, actor, critic: -b.rewards.mean(): "paid for another action",
    lambda b, actor, critic: -(critic(b.obs, b.actions).detach()[:, None] * actor(b.obs)).mean(): "differs from",
    lambda b, mu, critic: -(critic(b.obs, mu(b.obs)).detach()[:, None] * mu(b.obs)).mean(): "weight the actor's",
    lambda b, actor, critic: (critic(b.obs, actor(b.obs)) ** 2).mean(): "You square Q",
    trains_the_critic: "moves the weights of the",
    leaves_it_frozen: "still frozen",
    calls_backward: "call backward inside",
    spoils_the_memory: "changes batch.actions in place",
    asks_for_done: "fields of a batch are",
    lambda b, actor, critic: -critic(b.obs, actor(b.obs)).mean().item(): "a tensor with a gradient; got float",
    lambda b, actor, critic: -critic(b.obs).mean(): "stopped with",
    lambda b, actor, critic: torch.tensor(float("nan"), requires_grad=True): "NaN",
    lambda b, actor, critic: torch.tensor(-0.3, requires_grad=True): "No gradient reaches the actor",
}


@pytest.mark.covers("EQ-33", "EQ-41", "MIS-23")
@pytest.mark.parametrize(("student", "words"), WRONG_ACTOR_LOSSES.items(), ids=WRONG_ACTOR_LOSSES.values())
def test_every_wrong_actor_loss_gets_its_sentence(student, words):
    for seed in range(3):
        verdict = lesson_08.actor_loss(student, seed=seed)
        assert not verdict.passed and words in verdict.sentence, verdict


def test_an_actor_loss_that_is_not_started():
    for student in (lambda b, a, c: None, lambda b, a, c: ...):
        assert lesson_08.actor_loss(student).state == UNFINISHED


# ---------------------------------------------------------------- E4: noise with a memory


def ou_by_lists(x, xi, beta, sigma, dt):
    return [float(a) + beta * (0 - float(a)) * dt + sigma * math.sqrt(dt) * float(b) for a, b in zip(x, xi)]


def ou_by_tensors(x, xi, beta, sigma, dt):
    return (1 - beta * dt) * x + sigma * dt**0.5 * xi


def ou_by_numpy(x, xi, beta, sigma, dt):
    x, xi = x.numpy(), xi.numpy()
    return x - beta * x * dt + sigma * np.sqrt(dt) * xi


@pytest.mark.covers("EQX-09", "AL-11")
@pytest.mark.parametrize("student", [ou_by_lists, ou_by_tensors, ou_by_numpy])
def test_right_noise_steps_pass(student):
    verdict = lesson_08.ou_step(student)
    assert verdict.passed, verdict


def ou_in_place(x, xi, beta, sigma, dt):
    x -= beta * x * dt
    x += sigma * dt**0.5 * xi
    return x


WRONG_NOISE_STEPS = {
    lambda x, xi, b, s, d: x - b * x * d + s * d * xi: "Your kick is σ Δ ξ",
    lambda x, xi, b, s, d: x - b * x * d + s * xi: "does not know how long a step is: σ ξ",
    lambda x, xi, b, s, d: x - b * x * d + s**2 * d * xi: "Your kick has σ²",
    lambda x, xi, b, s, d: x - b * x * d + (s * d) ** 0.5 * xi: "root of σ as well",
    lambda x, xi, b, s, d: x - b * x + s * d**0.5 * xi: "The pull does not know",
    lambda x, xi, b, s, d: x - b * x * d**0.5 + s * d**0.5 * xi: "The pull takes √Δ",
    lambda x, xi, b, s, d: x + b * x * d + s * d**0.5 * xi: "Your pull pushes",
    lambda x, xi, b, s, d: x + s * d**0.5 * xi: "no pull towards zero",
    lambda x, xi, b, s, d: -b * x * d + s * d**0.5 * xi: "the change alone",
    lambda x, xi, b, s, d: x - b * x * d: "The kick is missing",
    lambda x, xi, b, s, d: x - b * x + s * xi: "Δ is missing twice",
    lambda x, xi, b, s, d: x - b * d + s * d**0.5 * xi: "does not know x",
    lambda x, xi, b, s, d: s * d**0.5 * xi: "white noise",
    lambda x, xi, b, s, d: x - b * x * d - s * d**0.5 * xi: "wrong sign",
    lambda x, xi, b, s, d: x - s * x * d + b * d**0.5 * xi: "exchanged",
    lambda x, xi, b, s, d: x * 0: "differ from the definition",
    lambda x, xi, b, s, d: x.sum(): "one number for each of x",
    lambda x, xi, b, s, d: x + undefined: "stopped with NameError",  # noqa: F821
    ou_in_place: "changes an argument in place",
}


@pytest.mark.covers("EQX-09", "ERR-45")
@pytest.mark.parametrize(("student", "words"), WRONG_NOISE_STEPS.items(), ids=WRONG_NOISE_STEPS.values())
def test_every_wrong_noise_step_gets_its_sentence(student, words):
    verdict = lesson_08.ou_step(student)
    assert not verdict.passed and words in verdict.sentence, verdict


@pytest.mark.covers("EQX-09", "MIS-27")
@pytest.mark.parametrize("student", [
    lambda b, s, d: s * math.sqrt(d / (1 - (1 - b * d) ** 2)),
    lambda b, s, d: s / np.sqrt(b * (2 - b * d)),
    lambda b, s, d: torch.tensor(s) * torch.tensor(d / (2 * b * d - (b * d) ** 2)).sqrt(),
])  # fmt: skip
def test_right_deviations_pass(student):
    verdict = lesson_08.stationary_std(student)
    assert verdict.passed, verdict


WRONG_DEVIATIONS = {
    lambda b, s, d: s: "σ is the size of one kick",
    lambda b, s, d: s * d**0.5: "σ √Δ is the size of one kick",
    lambda b, s, d: s**2 * d / (1 - (1 - b * d) ** 2): "That is the variance",
    lambda b, s, d: s / (2 * b) ** 0.5: "limit of very short steps",
    lambda b, s, d: s / (b * (2 - b)) ** 0.5: "Δ = 1 only",
    lambda b, s, d: s * d / (1 - (1 - b * d) ** 2) ** 0.5: "kick of σ Δ ξ",
    lambda b, s, d: s * d**0.5 / (1 - (1 - b * d)): "kicks themselves",
    lambda b, s, d: s * (d / (1 - (1 - b * d))) ** 0.5: "your square is missing",
    lambda b, s, d: s / (1 - (1 - b * d) ** 2) ** 0.5: "not in the kick",
    lambda b, s, d: 0.3797: "differ from the definition",
    lambda b, s, d: s / 0: "stopped with ZeroDivisionError",
    lambda b, s, d: [s, s]: "Return one number",
}


@pytest.mark.covers("EQX-09", "MIS-27", "ERR-45")
@pytest.mark.parametrize(("student", "words"), WRONG_DEVIATIONS.items(), ids=WRONG_DEVIATIONS.values())
def test_every_wrong_deviation_gets_its_sentence(student, words):
    verdict = lesson_08.stationary_std(student)
    assert not verdict.passed and words in verdict.sentence, verdict


def test_noise_that_is_not_started():
    for check in (lesson_08.ou_step, lesson_08.stationary_std):
        assert check(lambda *a: None).state == UNFINISHED
