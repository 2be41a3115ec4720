"""A learned baseline: the two checkers, and what the lesson's own agent does."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl
from checker_contract import CheckerContract
from rlcourse.course import claims
from rlcourse.lessons.advantage import exercises
from rlcourse.lessons.advantage import learned as lesson_code
from rlcourse.lessons.advantage.exercises import learned

SEEDS = (0, 1, 2, 3, None)

# ---------------------------------------------------------------- E3: the weights that a value leaves


def weights_no_grad(critic, obs, returns):
    with torch.no_grad():
        return returns - critic(obs)


def weights_detached(critic, obs, returns):
    return returns - critic(obs).detach()


def weights_by_loop(critic, obs, returns):
    return [r - v.item() for r, v in zip(returns, critic(obs), strict=True)]


def weights_in_a_list_with_a_graph(critic, obs, returns):
    return [r - v for r, v in zip(returns, critic(obs), strict=True)]


def weights_with_a_graph(critic, obs, returns):
    return returns - critic(obs)


def weights_sign(critic, obs, returns):
    return (critic(obs) - returns).detach()


def weights_mean_return(critic, obs, returns):
    return returns - returns.mean()


def weights_mean_value(critic, obs, returns):
    return returns - critic(obs).mean()


def weights_values(critic, obs, returns):
    return critic(obs)


def weights_returns(critic, obs, returns):
    return returns


def weights_added(critic, obs, returns):
    return returns + critic(obs)


def weights_multiplied(critic, obs, returns):
    return returns * critic(obs)


def weights_squared(critic, obs, returns):
    return (returns - critic(obs)) ** 2


def weights_scaled(critic, obs, returns):
    weights = returns - critic(obs)
    return weights / weights.std(correction=0)


def weights_scaled_as_torch_does(critic, obs, returns):
    weights = returns - critic(obs)
    return weights / weights.std()


def weights_normalised(critic, obs, returns):
    weights = (returns - critic(obs)).detach()
    return (weights - weights.mean()) / weights.std(correction=0)


def weights_normalised_as_torch_does(critic, obs, returns):
    weights = returns - critic(obs)
    return (weights - weights.mean()) / weights.std()


def weights_centred(critic, obs, returns):
    weights = returns - critic(obs)
    return weights - weights.mean()


# ---------------------------------------------------------------- E4: the regression


def fit_as_taught(critic, optimizer, obs, returns, steps):
    for _ in range(steps):
        loss = ((critic(obs) - returns) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def fit_with_torchs_loss(critic, optimizer, obs, returns, steps):
    losses = []
    while len(losses) < steps:
        optimizer.zero_grad()
        losses.append(torch.nn.functional.mse_loss(critic(obs), returns))
        losses[-1].backward()
        optimizer.step()
    return losses[-1]


def fit_zeroes_afterwards(critic, optimizer, obs, returns, steps):
    for _ in range(steps):
        loss = (critic(obs) - returns).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return ((critic(obs) - returns) ** 2).mean().item()  # the loss after the last step will do as well


def fit_by_a_closure(critic, optimizer, obs, returns, steps):
    def closure():
        optimizer.zero_grad()
        loss = square(critic(obs), returns)
        loss.backward()
        return loss

    for _ in range(steps):
        loss = optimizer.step(closure)
    return loss


def fitting(loss, zero=True, move=True, once=False):
    def student(critic, optimizer, obs, returns, steps):
        for _ in range(1 if once else steps):
            error = loss(critic(obs), returns)
            if zero:
                optimizer.zero_grad()
            error.backward()
            if move:
                optimizer.step()
        return error.item()

    return student


def square(v, r):
    return ((v - r) ** 2).mean()


fit_adds_up = fitting(square, zero=False)
fit_once = fitting(square, once=True)
fit_without_step = fitting(square, move=False)
fit_climbs = fitting(lambda v, r: -square(v, r))
fit_sums = fitting(lambda v, r: ((v - r) ** 2).sum())
fit_halves = fitting(lambda v, r: square(v, r) / 2)
fit_absolute = fitting(lambda v, r: (v - r).abs().mean())
fit_root = fitting(lambda v, r: square(v, r) ** 0.5)
fit_difference = fitting(lambda v, r: (v - r).mean())
fit_to_the_mean = fitting(lambda v, r: square(v, r.mean()))


fit_to_a_table = fitting(lambda v, r: square(v.unsqueeze(1), r))


def in_the_order(*calls):
    """A regression that makes these calls in every turn of its loop."""

    def student(critic, optimizer, obs, returns, steps):
        for _ in range(steps):
            loss = square(critic(obs), returns)
            for name in calls:
                loss.backward() if name == "backward" else getattr(optimizer, name)()
        return loss.item()

    return student


fit_emptied = in_the_order("backward", "zero_grad", "step")
fit_without_backward = in_the_order("zero_grad", "step")
fit_steps_first = in_the_order("step", "zero_grad", "backward")
fit_steps_too_early = in_the_order("zero_grad", "step", "backward")
fit_steps_first_and_empties = in_the_order("step", "backward", "zero_grad")


def fit_emptied_by_the_critic(critic, optimizer, obs, returns, steps):
    for _ in range(steps):
        loss = square(critic(obs), returns)
        loss.backward()
        critic.zero_grad()
        optimizer.step()
    return loss.item()


def fit_by_autograd(critic, optimizer, obs, returns, steps):
    for _ in range(steps):
        loss = square(critic(obs), returns)
        torch.autograd.grad(loss, list(critic.parameters()))
        optimizer.step()
    return loss.item()


def fit_returns_in_the_loop(critic, optimizer, obs, returns, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = square(critic(obs), returns)
        loss.backward()
        optimizer.step()
        return loss.item()


def and_returns(number):
    """The right regression, with another number for the log."""

    def student(critic, optimizer, obs, returns, steps):
        losses = []
        for _ in range(steps):
            losses.append(fit_as_taught(critic, optimizer, obs, returns, 1))
        return number(losses)

    return student


fit_logs_any_number = and_returns(lambda losses: 0.0)
fit_logs_the_first = and_returns(lambda losses: losses[0])
fit_logs_the_mean = and_returns(np.mean)
fit_logs_the_negative = and_returns(lambda losses: -losses[-1])


def fit_outside_the_loop(critic, optimizer, obs, returns, steps):
    loss = square(critic(obs), returns)
    for _ in range(steps):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def fit_without_a_graph(critic, optimizer, obs, returns, steps):
    with torch.no_grad():
        values = critic(obs)
    square(values, returns).backward()
    return 0.0


def fit_something_else(critic, optimizer, obs, returns, steps):
    return fitting(lambda v, r: (v**2).mean())(critic, optimizer, obs, returns, steps)


class TestBaselineWeights(CheckerContract):
    check = staticmethod(exercises.baseline_weights)
    right = (weights_no_grad, weights_detached, weights_by_loop)
    wrong = {
        weights_with_a_graph: "not constants",
        weights_in_a_list_with_a_graph: "not constants",
        weights_sign: "turned round",
        weights_mean_return: "mean of the returns",
        weights_mean_value: "mean of the values",
        weights_values: "These are the values",
        weights_returns: "no baseline",
        weights_added: "You add the value",
        weights_multiplied: "You multiply",
        weights_squared: "squared error",
        weights_scaled: "divided by their standard deviation. Leave the scale",
        weights_scaled_as_torch_does: "divided by their standard deviation. Leave the scale",
        weights_normalised: "normalised",
        weights_normalised_as_torch_does: "normalised",
        weights_centred: "subtracted once more",
    }
    seeds = SEEDS


class TestFitValue(CheckerContract):
    check = staticmethod(exercises.fit_value)
    right = (fit_as_taught, fit_with_torchs_loss, fit_zeroes_afterwards, fit_by_a_closure)
    wrong = {
        fit_adds_up: "zero_grad",
        fit_once: "is the `return` inside the loop?",
        fit_without_step: "not moved at all",
        fit_climbs: "climb the error",
        fit_sums: "sum the squared errors",
        fit_halves: "halve the mean",
        fit_absolute: "absolute error",
        fit_root: "root of the mean square",
        fit_difference: "without a square",
        fit_to_the_mean: "to the mean of the returns. Each row",
        fit_to_a_table: "[T, T] table",
        fit_emptied: "between loss.backward() and optimizer.step()",
        fit_emptied_by_the_critic: "between loss.backward() and optimizer.step()",
        fit_by_autograd: "loss.backward() is missing",
        fit_without_backward: "loss.backward() is missing",
        fit_steps_first: "comes before loss.backward()",
        fit_steps_too_early: "comes before loss.backward()",
        fit_steps_first_and_empties: "comes before loss.backward()",
        fit_returns_in_the_loop: "is the `return` inside the loop?",
        fit_logs_any_number: "is not the last loss",
        fit_logs_the_first: "is not the last loss",
        fit_logs_the_mean: "is not the last loss",
        fit_logs_the_negative: "never negative",
        fit_outside_the_loop: "twice on one graph",
        fit_without_a_graph: "No gradient can flow",
        fit_something_else: "work the case below by hand",
    }
    seeds = SEEDS


def test_the_first_case_can_be_worked_by_hand():
    assert "returns (5, 2), critic(obs) (1, 3): expected (4, -1), got (-4, 1)" in (
        exercises.baseline_weights(weights_sign).example
    )
    assert "steps = 1, step size 0.1: expected (w1, w0) = (1.9, 1.3), got (1.8, 1.6)" in (
        exercises.fit_value(fit_sums).example
    )
    assert (
        "obs [[0], [1]], returns (5, 2), steps = 2, step size 0.1: expected (w1, w0) = (1.78, 1.55), got (1.9, 1.3)"
        in (exercises.fit_value(fit_once).example)
    )


def test_the_first_step_of_the_regression_by_hand():
    # V = (1, 3), errors (-4, 1): slope in w1 is 2/2 (0·-4 + 1·1) = 1, in w0 2/2 (-4 + 1) = -3; minus 0.1 times that.
    (weights, obs, returns), *_ = learned._critic_cases(np.random.default_rng(0))
    after, _ = learned._fitted(fit_as_taught, weights, obs, returns, 1)
    assert after.tolist() == pytest.approx([2.0 - 0.1 * 1, 1.0 + 0.1 * 3])


def test_what_the_lesson_shows_is_what_the_exercise_wants():
    assert exercises.fit_value(lesson_code.fit_value).passed


# ---------------------------------------------------------------- the lesson's own agent


CARTPOLE = gym.make("CartPole-v1")


def agents(*classes):
    """Agents of one seed: their actors start alike."""
    return [kind(CARTPOLE.observation_space, CARTPOLE.action_space, seed=3) for kind in classes]


def episodes(steps=12):
    rng = np.random.default_rng(0)
    ends = torch.tensor([t in (4, steps - 1) for t in range(steps)])
    obs, after = (torch.from_numpy(rng.normal(size=(steps, 4))).float() for _ in range(2))
    actions = torch.from_numpy(rng.integers(2, size=steps))
    return rl.Transitions(obs, actions, torch.ones(steps), after, ends, torch.zeros_like(ends))


def test_the_actor_is_moved_by_the_returns_minus_the_values_of_before():
    agent, plain = agents(lesson_code.ReinforceWithBaseline, rl.Reinforce)
    batch = episodes()
    returns = rl.rewards_to_go(batch.rewards, batch.terminated, batch.truncated, gamma=agent.config.gamma)
    with torch.no_grad():
        weights = returns - agent.critic(batch.obs)
    plain.optimizer.zero_grad()
    (-(plain.actor(batch.obs).log_prob(batch.actions) * weights).mean()).backward()
    agent.update(batch)
    for mine, theirs in zip(agent.actor.parameters(), plain.actor.parameters(), strict=True):
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-6)


def test_the_critic_is_fitted_and_the_actor_does_not_move_it():
    (agent,) = agents(lesson_code.ReinforceWithBaseline)
    batch = episodes()
    losses = [agent.update(batch)["value_loss"] for _ in range(30)]
    assert losses[-1] < 0.1 * losses[0]


def test_a_table_is_fitted_to_the_mean_return_of_each_state():
    states, returns = torch.tensor([0, 0, 0, 1]), torch.tensor([10.0, 6.0, 5.0, -2.0])
    table = torch.zeros(2, requires_grad=True)
    lesson_code.fit_value(lambda obs: table[obs], torch.optim.SGD([table], lr=0.5), states, returns, 200)
    assert table.tolist() == pytest.approx([7.0, -2.0], abs=1e-4)


def test_the_three_entries_differ_in_their_baseline_alone():
    configs = [config or algorithm.Config() for algorithm, config in lesson_code.ENTRIES.values()]
    assert {(c.gamma, c.learning_rate, c.hidden) for c in configs} == {(0.995, 7e-3, (64,))}


def test_with_a_learned_value_cartpole_is_learned_faster():
    stored = claims.results()["REINFORCE-BASELINE"]
    assert stored["value_low"] > stored["plain_high"]
    assert stored["value_center"] > stored["mean_center"] > stored["plain_center"]
    assert stored["loss_late"] > stored["loss_early"]
