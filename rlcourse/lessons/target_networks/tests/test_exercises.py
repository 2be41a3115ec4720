"""Checkers of copies, TD3's target and the chase: right answers pass, every mistake has a sentence of its own."""

import cmath
import math

import torch
from torch import nn

from checker_contract import CheckerContract
from rlcourse.course import checker
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.target_networks import exercises

# ---------------------------------------------------------------- E1: the copies follow


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


def looks_nowhere(online, target, tau):
    return 3.0


def adds_networks(online, target, tau):
    return tau * online + (1 - tau) * target


def first_layer_only(online, target, tau):
    target.weight.data.copy_(tau * online.weight + (1 - tau) * target.weight)


def unknown_name(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.data.lerp_(p.data, kappa)  # noqa: F821


def wrong_key(online, target, tau):
    return online.state_dict()["weight"]


def prints(online, target, tau):
    print([p.shape for p in target.parameters()], end="")


@torch.no_grad()
def used_up(online, target, tau):
    theirs, mine = online.parameters(), target.parameters()
    assert len(list(theirs)) == len(list(mine))
    for p, q in zip(theirs, mine):
        q.lerp_(p, tau)


@torch.no_grad()
def returns_the_copy(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q = tau * p + (1 - tau) * q
    return target


@torch.no_grad()
def by_a_vector(online, target, tau):
    flat = torch.nn.utils.parameters_to_vector
    mixed = tau * flat(online.parameters()) + (1 - tau) * flat(target.parameters())
    torch.nn.utils.vector_to_parameters(mixed, target.parameters())


def freezes_the_copy(online, target, tau):
    for p, q in zip(online.parameters(), target.parameters()):
        q.requires_grad_(False)
        q.lerp_(p.detach(), tau)


def freezes_the_online_network(online, target, tau):
    online.requires_grad_(False)
    follow(online, target, tau)


def switches_the_copy(online, target, tau):
    follow(online, target.eval(), tau)


def never_ends(online, target, tau):
    while True:
        follow(online, target, tau)


def dots_in_the_loop(online, target, tau):
    with torch.no_grad():
        for _p, _q in zip(online.parameters(), target.parameters()):
            ...


def dots_of_the_hint(online, target, tau):
    with torch.no_grad():
        for _p, q in zip(online.parameters(), target.parameters()):
            q.copy_(...)


POLYAK_MISTAKES = {
    looks_nowhere: "looks into neither network",
    adds_networks: "A network is not a number",
    swapped: "swapped",
    rebound: "The copy has not moved. Write",
    returned: "What you return is not looked at",
    returns_the_copy: "What you return is not looked at",
    prints: "Is the loop gone through at all?",
    used_up: "can be gone through once",
    first_layer_only: "has no `.weight`",
    unknown_name: "in your line",
    wrong_key: "KeyError, 'weight'",
    new_parameters: "new Parameter objects",
    new_storage: "`q.data = ...` does this",
    by_a_vector: "so does vector_to_parameters",
    freezes_the_copy: "requires_grad = False",
    freezes_the_online_network: "the gradient of a weight switched off",
    switches_the_copy: "evaluation mode",
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


# ---------------------------------------------------------------- E2: a target action with noise


def smoothed(actions, noise, half_width):
    moved = actions + half_width * torch.clamp(0.2 * noise, -0.5, 0.5)
    return torch.clamp(moved, -half_width, half_width)


def smoothed_in_half_widths(actions, noise, half_width):
    return half_width * (actions / half_width + (noise / 5).clamp(-0.5, 0.5)).clamp(-1, 1)


def draws_its_own(actions, noise, half_width):
    return smoothed(actions, torch.randn_like(noise), half_width)


def takes_noise_away(actions, noise, half_width):
    return smoothed(actions, -noise, half_width)


ACTION_MISTAKES = {
    (lambda a, n, h: (a + h * 0.2 * n).clamp(-h, h)): "not cut at ±0.5",
    (lambda a, n, h: (a + h * n.clamp(-0.5, 0.5)).clamp(-h, h)): "0.2 is missing",
    (lambda a, n, h: (a + h * 0.2 * n.clamp(-0.5, 0.5)).clamp(-h, h)): "You cut the draws first",
    (lambda a, n, h: (a + (0.2 * n).clamp(-0.5, 0.5)).clamp(-h, h)): "Multiply it by half_width",
    (lambda a, n, h: (a + (0.2 * h * n).clamp(-0.5, 0.5)).clamp(-h, h)): "after it was multiplied by half_width",
    (lambda a, n, h: a + h * (0.2 * n).clamp(-0.5, 0.5)): "leaves the box",
    (lambda a, n, h: (a + h * (0.2 * n).clamp(-0.5, 0.5)).clamp(-1, 1)): "cut the action at ±1",
    (lambda a, n, h: h * (0.2 * n).clamp(-0.5, 0.5)): "the noise alone",
    (lambda a, n, h: a * 1.0): "the noise is missing",
    draws_its_own: "gives two answers",
    takes_noise_away: "A plus or a minus",
}


# ---------------------------------------------------------------- E3: the smaller of two


def twin(rewards, terminated, q1, q2, gamma):
    return rewards + gamma * (~terminated) * torch.minimum(q1, q2)


def twin_by_rows(rewards, terminated, q1, q2, gamma):
    smaller = torch.stack([q1, q2]).min(0).values
    return torch.where(terminated, rewards, rewards + gamma * smaller)


def subtracts_booleans(rewards, terminated, q1, q2, gamma):
    return rewards + gamma * (1 - terminated) * torch.minimum(q1, q2)


def nonsense(rewards, terminated, q1, q2, gamma):
    return rewards**2 + torch.sin(q1) * torch.exp(q2 / 9) + gamma


TWIN_MISTAKES = {
    (lambda r, d, q1, q2, g: r + g * ~d * torch.maximum(q1, q2)): "the larger of the two",
    (lambda r, d, q1, q2, g: r + g * ~d * (q1 + q2) / 2): "the mean of the two",
    (lambda r, d, q1, q2, g: r + g * ~d * q1): "DDPG's target",
    (lambda r, d, q1, q2, g: r + g * ~d * q2): "the second critic alone",
    (lambda r, d, q1, q2, g: r + g * ~d * torch.minimum(q1, q2).min()): "of the whole batch",
    (lambda r, d, q1, q2, g: r + g * torch.minimum(q1, q2)): "has no future",
    (lambda r, d, q1, q2, g: r + g * d * torch.minimum(q1, q2)): "The other way round",
    (lambda r, d, q1, q2, g: r + ~d * torch.minimum(q1, q2)): "γ is missing",
    (lambda r, d, q1, q2, g: ~d * (r + g * torch.minimum(q1, q2))): "The reward of the last step counts",
    (lambda r, d, q1, q2, g: g * ~d * torch.minimum(q1, q2)): "The reward is missing",
    subtracts_booleans: "write 1 - d as",
    nonsense: "differ from the definition",
}


# ---------------------------------------------------------------- E4: does the chase run away?


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
    assert exercises.diverges(angle_left_out, seed=0) == exercises.diverges(gain_alone, seed=0)


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


def overflows(step_size, gain, angle, copy_every):
    away = runs_away(step_size, gain, angle, copy_every)
    return away and abs(1 - step_size) < 0.6  # the fastest runaways became nan


def true_in_one_branch(step_size, gain, angle, copy_every):
    if runs_away(step_size, gain, angle, copy_every):
        return True


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
    true_in_one_branch: "returns nothing for the chase below",
    overflows: "`nan > 1` is False",
}


# ---------------------------------------------------------------- what the checkers say


class TestPolyakUpdate(CheckerContract):
    check = staticmethod(exercises.polyak_update)
    test_a_forgotten_return_is_told = None  # it works in place
    right = (follow, follow_with_data, follow_with_mul_and_add, follow_by_name, follow_layer_by_layer)
    wrong = POLYAK_MISTAKES
    # It moves weights: what it returns does not matter.
    test_whatever_comes_back_becomes_a_sentence = test_not_a_number_becomes_a_sentence = None
    test_an_argument_that_was_changed_is_noticed = None  # to change one is its task

    def test_no_two_mistakes_share_a_sentence(self):
        """Of those that are told apart: what moves nothing, for example, does so in several ways."""
        shared = (returns_the_copy, rebound, prints, by_a_vector, freezes_the_online_network)
        told_apart = [mistake for mistake, _ in self.mistakes() if mistake not in shared]
        assert len({self.check(mistake, seed=0).sentence for mistake in told_apart}) == len(told_apart)

    def test_an_endless_loop_is_stopped(self, monkeypatch):
        monkeypatch.setattr(checker, "SECONDS", 0.3)
        assert "Does its loop come to an end?" in self.check(never_ends, seed=0).sentence

    def test_dots_that_are_left_are_told(self):
        for answer in (dots_in_the_loop, dots_of_the_hint):
            assert self.check(answer, seed=0).state == UNFINISHED

    def test_an_error_names_the_line_and_no_class_of_the_checker(self):
        said = self.check(unknown_name, seed=0).sentence
        assert "q.data.lerp_(p.data, kappa)" in said and "A name is used that has no value yet" in said
        assert all("_Watched" not in self.check(mistake, seed=0).sentence for mistake, _ in self.mistakes())


class TestTargetAction(CheckerContract):
    check = staticmethod(exercises.target_action)
    right = (smoothed, smoothed_in_half_widths)
    wrong = ACTION_MISTAKES


class TestTwinTarget(CheckerContract):
    check = staticmethod(exercises.twin_target)
    right = (twin, twin_by_rows)
    wrong = TWIN_MISTAKES


def test_a_branch_without_an_answer_is_shown_a_chase_that_takes_it():
    verdict = exercises.diverges(true_in_one_branch, seed=0)
    assert verdict.example == "η = 0.30, g = 1.50, φ = 90°, a copy every 1"


class TestDiverges(CheckerContract):
    check = staticmethod(exercises.diverges)
    right = (runs_away, runs_away_by_trying, runs_away_as_a_tensor)
    wrong = CHASE_MISTAKES
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers
