"""Explorers: the policy is a softmax, and the stepper tells the truth about the chain."""

import re

import pytest
import torch

from rlcourse import exact
from rlcourse.envs import RIGHT, two_exits
from rlcourse.lessons.start_here import explorers


def test_symbols_and_their_meanings_are_one_to_one():
    assert len({name.symbol for name in explorers.NAMES.values()}) == len(explorers.NAMES)


@pytest.mark.parametrize(("left", "right"), [(0.0, 1.0), (-3.0, 3.0), (2.5, -0.5)])
def test_the_probabilities_are_torchs_softmax(left, right):
    policy = torch.distributions.Categorical(logits=torch.tensor([left, right]))
    said = explorers.policy_network.alt_text(left=left, right=right)
    assert f"probabilities {policy.probs[0]:.3f} and {policy.probs[1]:.3f};" in said


def test_a_number_added_to_both_logits_changes_nothing():
    first, second = (explorers.policy_network.alt_text(left=a, right=a + 1.0) for a in (-2.0, 1.5))
    assert first.split("probabilities")[1] == second.split("probabilities")[1]


def test_the_first_picture_answers_none_of_the_questions():
    assert explorers.policy_network.defaults == {"left": 0.0, "right": 0.0}


def test_a_surer_policy_draws_more_of_its_action():
    def drawn(logit):
        return int(re.search(r"(\d+) are right", explorers.policy_network.alt_text(right=logit))[1])

    assert drawn(-3.0) < drawn(0.0) < drawn(3.0)


def test_the_walk_is_the_chain():
    mdp, rows = two_exits(), explorers.walk(0.0, None)
    for state, action, reward, following, terminated, truncated in rows:
        move = mdp.transitions[state, int(action == "right")]
        assert reward == pytest.approx(mdp.rewards[state, int(action == "right")].item())
        assert not truncated
        assert terminated == (move.sum() == 0)
        assert following is None if terminated else move[following] == 1
    assert [row[3] for row in rows[:-1]] == [row[0] for row in rows[1:]]
    assert [row[4] for row in rows] == [False] * 5 + [True]


def test_the_time_limit_truncates_and_the_cell_keeps_its_future():
    rows = explorers.walk(0.0, explorers.LIMIT)
    assert len(rows) == explorers.LIMIT
    assert [row[5] for row in rows] == [False] * 3 + [True]
    assert not rows[-1][4]
    always_right = torch.zeros(7, 2)
    always_right[:, RIGHT] = 1.0
    assert exact.evaluate(two_exits(), always_right, gamma=0.9).V[rows[-1][3]] > 0.8


@pytest.mark.parametrize(("gamma", "total"), [(1.0, "0.880"), (0.9, "0.497"), (0.5, "−0.008")])
def test_the_return_is_the_one_worked_by_hand(gamma, total):
    by_hand = -0.02 * sum(gamma**t for t in range(5)) + 0.98 * gamma**5
    assert by_hand == pytest.approx(float(total.replace("−", "-")), abs=5e-4)
    assert explorers.interaction_loop.alt_text(step=6, gamma=gamma).endswith(f"is {total}.")


def test_noise_scales_one_draw():
    """The same luck at every noise level, so that the slider changes the noise and nothing else."""
    quiet, half, full = ([row[2] for row in explorers.walk(noise, None)] for noise in (0.0, 0.5, 1.0))
    for q, h, f in zip(quiet, half, full, strict=True):
        assert f - q == pytest.approx(2 * (h - q), abs=1e-5)
