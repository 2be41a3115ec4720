"""Checkers of the objective and of one update: right answers pass, every known mistake has a sentence of its own."""

import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.reward_to_go import exercises, exercises_gradients
from rlcourse.returns import rewards_to_go

# ---------------------------------------------------------------- the objective


def mean_of_products(log_probs, weights):
    return (log_probs * weights.detach()).mean()


def by_a_loop(log_probs, weights):
    total = 0.0
    for log_prob, weight in zip(log_probs.flatten(), weights.detach().flatten()):
        total = total + log_prob * weight
    return total / log_probs.numel()


def weights_as_numbers(log_probs, weights):
    return torch.mean(log_probs * torch.tensor(weights.tolist(), dtype=torch.float64))


def without_a_gradient(log_probs, weights):
    with torch.no_grad():
        return weights.detach() @ log_probs.detach() if log_probs.dim() == 1 else (log_probs * weights).sum()


OBJECTIVES = [
    (lambda log_probs, weights: (log_probs * weights).mean(), "a gradient also flows into the weights, which"),
    (lambda log_probs, weights: -(log_probs * weights.detach()).mean(), "sign is turned round: this is"),
    (lambda log_probs, weights: -(log_probs * weights).mean(), "sign is turned round, and a gradient"),
    (lambda log_probs, weights: (log_probs * weights.detach()).sum(), "add the steps up. Take"),
    (lambda log_probs, weights: (log_probs * weights).sum(), "add the steps up, and a gradient"),
    (lambda log_probs, weights: (log_probs * weights).mean().item(), "No gradient reaches log_probs"),
    (lambda log_probs, weights: (log_probs.detach() * weights).mean(), "detach the wrong one"),
    (lambda log_probs, weights: log_probs.mean() * weights.detach().mean(), "two means"),
    (lambda log_probs, weights: (log_probs.exp() * weights.detach()).mean(), "probability itself"),
    (lambda log_probs, weights: ((-log_probs).log() * weights.detach()).mean(), "logarithm again"),
    (lambda log_probs, weights: log_probs.mean(), "weights are missing"),
    (lambda log_probs, weights: weights.mean(), "log-probabilities are missing"),
    (lambda log_probs, weights: (log_probs * (weights - weights.mean()).detach()).mean(), "centre the weights"),
    (lambda log_probs, weights: (log_probs * weights.detach() ** 2).mean(), "differs from the mean of log"),
    (lambda log_probs, weights: log_probs * weights, "one number"),
]


def by_the_hint(log_probs, weights):
    return (log_probs * weights.detach()).sum() / len(log_probs)


def by_a_dot_product(log_probs, weights):
    return torch.dot(log_probs, weights.detach()) / len(log_probs)


def step_by_step(log_probs, weights):
    return sum(log_probs[t] * weights[t].item() for t in range(len(weights))) / len(weights)


def in_a_tensor_of_one(log_probs, weights):
    return (log_probs * weights.detach()).mean().reshape(1)


class TestObjective(CheckerContract):
    check = staticmethod(exercises.objective)
    right = (
        mean_of_products,
        by_a_loop,
        weights_as_numbers,
        by_the_hint,
        by_a_dot_product,
        step_by_step,
        in_a_tensor_of_one,
    )
    wrong = OBJECTIVES
    seeds = (0, 1, 2, None)


def test_the_case_of_the_objective_can_be_worked_by_hand():
    example = exercises.objective(lambda log_probs, weights: -(log_probs * weights.detach()).mean()).example
    assert "expected -0.3466, got 0.3466" in example  # (3 log ½ - log ¼) / 2 = ½ log ½
    assert "expected (-0.75, -0.25, 1), got (0.75, 0.25, -1)" in example


def test_an_objective_that_is_wrong_for_other_lengths_is_shown_on_one():
    example = exercises.objective(lambda log_probs, weights: (log_probs * weights.detach()).sum() / 2, seed=0).example
    expected, got = (part.split(";")[0] for part in example.split("expected ")[1].split(", got "))
    assert float(got) == pytest.approx(2.5 * float(expected), rel=1e-2)


def backward_inside(log_probs, weights):
    value = (log_probs * weights.detach()).mean()
    value.backward()
    return value


def backward_inside_that_keeps_the_graph(log_probs, weights):
    value = (log_probs * weights.detach()).mean()
    value.backward(retain_graph=True)
    return value


def gradient_inside(log_probs, weights):
    value = (log_probs * weights.detach()).mean()
    torch.autograd.grad(value, log_probs)
    return value


@pytest.mark.parametrize("student", [backward_inside, backward_inside_that_keeps_the_graph, gradient_inside])
def test_a_backward_inside_the_objective_is_told(student):
    assert "You call backward inside the function" in exercises.objective(student).sentence


# ---------------------------------------------------------------- one update


def three_lines(agent, episodes):
    gamma = agent.config.gamma
    weights = rewards_to_go(episodes.rewards, episodes.terminated, episodes.truncated, gamma=gamma)
    weights = (weights - weights.mean()) / weights.std()
    value = mean_of_products(agent.actor(episodes.obs).log_prob(episodes.actions), weights)
    agent.optimizer.zero_grad()
    (-value).backward()
    agent.optimizer.step()
    return value


def the_courses_own(agent, episodes):
    gamma = agent.config.gamma
    weights = rewards_to_go(episodes.rewards, episodes.terminated, episodes.truncated, gamma=gamma)
    weights = (weights - weights.mean()) / weights.std(correction=0)
    value = (agent.actor(episodes.obs).log_prob(episodes.actions) * weights).mean()
    agent.update(episodes)
    return value.detach().reshape(1)


def returns_any_number(agent, episodes):
    agent.update(episodes)
    return 0.0


def asks_the_actor_itself(agent, episodes):
    return agent.actor.log_prob(episodes.actions)


UPDATES = [
    (exercises_gradients._update(sign=-1.0), "downhill"),
    (exercises_gradients._update(fresh=False), "zero_grad() before"),
    (exercises_gradients._update("raw"), "Line 3 is missing"),
    (exercises_gradients._update("centred only"), "Line 3 is half done"),
    (exercises_gradients._update(mean=False), "adds the steps up"),
    (exercises_gradients._update("rewards"), "rewards of single steps"),
    (exercises_gradients._update("total"), "returns of whole episodes"),
    (exercises_gradients._update("terminated only"), "time limit ended it"),
    (exercises_gradients._update("no end"), "hand over where episodes end"),
    (exercises_gradients._update("no discount"), "discount is missing"),
    (lambda agent, episodes: 0.0, "do not move"),
    (lambda agent, episodes: -three_lines(agent, episodes), "you return the loss"),
    (returns_any_number, "not the value of the objective"),
    (asks_the_actor_itself, "Call agent.actor(obs) first"),
]


class TestUpdate(CheckerContract):
    check = staticmethod(exercises.update)
    right = (three_lines, the_courses_own)
    wrong = UPDATES
    seeds = (0, 1, 2, 3)


@pytest.mark.parametrize("seed", [100, 390, 0, 5])
def test_an_objective_near_zero_decides_nothing(seed):
    assert exercises.update(three_lines, seed=seed).passed
