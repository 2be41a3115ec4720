"""Objectives: their gradients are the formulas they are named after."""

import pytest
import torch

import rlcourse as rl


@pytest.mark.covers("EQ-01", "EQ-04")
def test_policy_gradient_is_the_mean_weighted_score():
    logits = torch.tensor([[0.2, -0.4], [0.0, 1.0], [0.3, 0.3]], dtype=torch.float64, requires_grad=True)
    actions, weights = torch.tensor([0, 1, 1]), torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    log_probs = torch.log_softmax(logits, -1)[torch.arange(3), actions]
    rl.policy_gradient(log_probs, weights).backward()
    score = torch.nn.functional.one_hot(actions, 2) - torch.softmax(logits.detach(), -1)
    torch.testing.assert_close(logits.grad, score * weights[:, None] / 3)


def test_weights_are_whatever_the_caller_made_of_them():
    weights = torch.ones(2, requires_grad=True)
    rl.policy_gradient(torch.tensor([-1.0, -2.0]), weights).backward()
    assert weights.grad.tolist() == [-0.5, -1.0]  # nothing is detached in here


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope"),
    [(1, 1, 1, 1), (1, -1, -1, -1), (0.5, 1, 0.5, 1), (0.5, -1, -0.8, 0), (1.5, 1, 1.2, 0), (1.5, -1, -1.5, -1)],
)
def test_clipped_surrogate_has_value_and_slope_of_all_six_cases(ratio, advantage, value, slope):
    rho = torch.tensor([float(ratio)], dtype=torch.float64, requires_grad=True)
    objective = rl.clipped_surrogate(
        torch.log(rho), torch.zeros(1).double(), torch.tensor([float(advantage)]).double(), clip_eps=0.2
    )
    objective.backward()
    assert objective.item() == pytest.approx(value)
    assert rho.grad.item() == pytest.approx(slope)


def test_the_minimum_is_taken_sample_by_sample():
    log_probs = torch.log(torch.tensor([1.5, 0.5]))
    got = rl.clipped_surrogate(log_probs, torch.zeros(2), torch.tensor([1.0, -1.0]), clip_eps=0.2)
    assert got.item() == pytest.approx((1.2 - 0.8) / 2)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: rl.policy_gradient(torch.zeros(3), torch.zeros(3, 1)), "weights"),
        (lambda: rl.policy_gradient(torch.tensor([float("nan")]), torch.zeros(1)), "log_probs"),
        (lambda: rl.policy_gradient(torch.zeros(0), torch.zeros(0)), "log_probs"),
        (lambda: rl.clipped_surrogate(torch.zeros(2), torch.zeros(3), torch.zeros(2), clip_eps=0.2), "old_log_probs"),
        (lambda: rl.clipped_surrogate(torch.zeros(2), torch.zeros(2), torch.zeros(2), clip_eps=0.0), "clip_eps"),
    ],
)
def test_a_bad_argument_is_named(call, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        call()


@pytest.mark.covers("AL-06", "AL-09", "ERR-41")
def test_the_target_ends_where_the_episode_does():
    rewards, next_q = torch.tensor([1.0, 1.0, -2.0]), torch.tensor([10.0, 10.0, 4.0])
    y = rl.td_target(rewards, next_q, torch.tensor([False, True, False]), gamma=0.5)
    assert y.tolist() == [6.0, 1.0, 0.0]


def test_the_target_is_loud():
    one, flag = torch.ones(3), torch.zeros(3, dtype=torch.bool)
    for arguments, gamma, sentence in [
        ((one, one[:2], flag), 0.9, "next_q must have the shape of rewards"),
        ((one, one[:, None], flag), 0.9, "next_q must have the shape of rewards"),
        ((one, one, one), 0.9, "terminated must be a boolean tensor"),
        ((one, one / 0, flag), 0.9, "next_q must hold finite numbers"),
        ((one, one, flag), 1.1, r"gamma must be a number in \[0, 1\]"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            rl.td_target(*arguments, gamma=gamma)
