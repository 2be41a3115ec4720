"""Exercises that end in a gradient: the scalar that is handed to autograd, and one update of REINFORCE."""

import functools

import gymnasium as gym
import numpy as np
import torch

from rlcourse.algorithms.reinforce import Reinforce
from rlcourse.course.checker import Stopped, as_tensor, call, right, write, wrong
from rlcourse.course.checker_losses import refuse_backward, slopes
from rlcourse.returns import rewards_to_go as correct_rewards_to_go
from rlcourse.transitions import Transitions

# ---------------------------------------------------------------- the objective


def objective(student, *, seed=None):
    """Check objective(log_probs, weights) -> scalar whose gradient is the estimate, by its value and by autograd.

    log_probs, weights: shape [T]. The weights are made with a parameter of their own, as a critic's are.
    """
    generator = torch.Generator()
    generator.manual_seed(seed) if seed is not None else generator.seed()
    cases = [_small_case(), *(_random_case(generator, shape) for shape in ((5,), (9,)))]
    try:
        answers = [_value_and_slopes(student, case) for case in cases]
    except Stopped as stopped:
        return stopped.verdict
    truths = [_value_and_slopes(_objective, case) for case in cases]
    if _alike(answers, truths):
        return right("The mean of log π times weight; its gradient reaches the policy and nothing else.")
    example = _first_that_differs(cases, answers, truths)
    for sentence, function in _OBJECTIVES.items():
        if _alike(answers, [_value_and_slopes(function, case) for case in cases]):
            return wrong(sentence, "" if sentence in (_NOT_DETACHED, _CUT) else example)
    if _alike([a[:1] for a in answers], [t[:1] for t in truths]):
        return wrong("The value is right and its gradient is not: log_probs learn, weights are constants.")
    return wrong("The number differs from the mean of log π times weight.", example)


def _objective(log_probs, weights):
    return (log_probs * weights.detach()).mean()


_NOT_DETACHED = (
    "The value is right, but a gradient also flows into the weights, which are constants: write weights.detach(). "
    "Otherwise the update changes what an action was worth, and not only how probable it is."
)
_CUT = "No gradient reaches log_probs: they must not be detached, and not be turned into plain numbers."
_OBJECTIVES = {
    _NOT_DETACHED: lambda log_probs, weights: (log_probs * weights).mean(),
    _CUT: lambda log_probs, weights: (log_probs * weights).mean().detach(),
    "You detach the wrong one: log_probs have to learn, the weights are the constants.": (
        lambda log_probs, weights: (log_probs.detach() * weights).mean()
    ),
    "The sign is turned round: this is minus the objective, a loss. Return what is to be climbed; the update puts the "
    "minus.": lambda log_probs, weights: -(log_probs * weights.detach()).mean(),
    "The sign is turned round, and a gradient also flows into the weights. Return what is to be climbed, with "
    "weights.detach().": lambda log_probs, weights: -(log_probs * weights).mean(),
    "You add the steps up. Take the mean, so that the size of the step does not grow with the batch.": (
        lambda log_probs, weights: (log_probs * weights.detach()).sum()
    ),
    "You add the steps up, and a gradient also flows into the weights. Take the mean, with weights.detach().": (
        lambda log_probs, weights: (log_probs * weights).sum()
    ),
    "You multiply two means. Each log-probability has a weight of its own: multiply first, then take the mean.": (
        lambda log_probs, weights: log_probs.mean() * weights.detach().mean()
    ),
    "You weigh the probability itself. The score is the gradient of its logarithm: use log_probs as they come.": (
        lambda log_probs, weights: (log_probs.exp() * weights.detach()).mean()
    ),
    "You take a logarithm again: log_probs are logarithms already.": (
        lambda log_probs, weights: (torch.log(-log_probs) * weights.detach()).mean()
    ),
    "The weights are missing: this makes every action that was taken more probable.": (
        lambda log_probs, weights: log_probs.mean() + 0 * weights.detach().sum()
    ),
    "The log-probabilities are missing: nothing is left that could learn.": lambda log_probs, weights: weights.mean(),
    "You centre the weights in here. That is for the caller to decide; use the weights as they come.": (
        lambda log_probs, weights: (log_probs * (weights - weights.mean()).detach()).mean()
    ),
}


def _small_case():
    """Two steps of a policy with probabilities ¼, ¼, ½; weights 3 and −1."""
    logits = torch.tensor([0.25, 0.25, 0.5], dtype=torch.float64).log()
    return logits, torch.tensor([2, 0]), torch.ones((), dtype=torch.float64), torch.tensor([3.0, -1.0]).double()


def _random_case(generator, shape):
    draw = functools.partial(torch.randn, generator=generator, dtype=torch.float64)
    actions = torch.randint(0, 3, shape, generator=generator)
    return draw(3), actions, draw(()) + 1.5, 2 * draw(shape) + 1


def _value_and_slopes(function, case):
    """Value, slopes in the logits, slope in the factor of the weights: a list of three tensors, flat.

    Raises:
        Stopped: with the verdict, if no number comes back, or backward was called already.
    """
    logits, actions, factor, raw = case
    logits, factor = logits.clone().requires_grad_(), factor.clone().requires_grad_()
    log_probs, weights = torch.log_softmax(logits, -1)[actions], factor * raw
    answer = call(function, (log_probs, weights))  # on copies that keep their history, so that gradients arrive
    value = as_tensor(answer, torch.tensor(0.0), "one number")
    refuse_backward((logits, factor))
    try:
        found = slopes(answer if isinstance(answer, torch.Tensor) else value, (logits, factor))
    except RuntimeError as error:
        raise Stopped(wrong(f"Autograd finds no gradient of your number: {str(error).splitlines()[0]}")) from None
    return [value.reshape(1), found[:-1], found[-1:]]


def _alike(answers, truths):
    pairs = [(a, t) for answer, truth in zip(answers, truths, strict=True) for a, t in zip(answer, truth, strict=True)]
    return all(torch.allclose(a, t, rtol=1e-5, atol=1e-6) for a, t in pairs)


def _first_that_differs(cases, answers, truths):
    """The first case with another value or gradient, in words; the very first one can be worked by hand."""
    rows = zip(cases, answers, truths, strict=True)
    case, answer, truth = next(row for row in rows if not _alike([row[1]], [row[2]]))
    logits, actions, factor, raw = case
    log_probs = torch.log_softmax(logits, -1)[actions]
    told = (
        f"probabilities {write(torch.softmax(logits, -1))}, actions {write(actions)}, so log_probs {write(log_probs)}, "
        f"weights {write(factor * raw)}: expected {write(truth[0])}, got {write(answer[0])}"
    )
    if torch.allclose(answer[1], truth[1], atol=1e-6):
        return told
    return f"{told}; gradient in the logits: expected {write(truth[1])}, got {write(answer[1])}"


# ---------------------------------------------------------------- one update

CLOSE = 0.03
"""Relative distance of two moves that count as one: Adam's ε and single precision blur less than that."""


def update(student, *, seed=None):
    """Check update(agent, episodes) -> objective: two updates in turn, held against those of `rl.Reinforce`."""
    seed, truth, objectives = _telling(int(np.random.default_rng().integers(1_000)) if seed is None else seed)
    try:
        move, values = _moves(student, seed, watch=True)
        values = [as_tensor(value, torch.tensor(0.0), "the value of the objective").item() for value in values]
    except Stopped as stopped:
        return _without_a_distribution(stopped.verdict)
    if _near(move, truth):
        return _returned(values, objectives)
    if not any(part.abs().max() > 0 for part in move):
        return wrong(
            "The agent's weights do not move. Three lines make a step: agent.optimizer.zero_grad(), "
            "(-objective).backward(), agent.optimizer.step()."
        )
    said = f"length of the move of all weights in two updates: expected {_length(truth):.3g}, got {_length(move):.3g}"
    for sentence, options in _UPDATES.items():
        if any(_near(move, _moves(_update(**option), seed)[0]) for option in options):
            return wrong(sentence, said)
    return wrong("The weights move otherwise than in lines 2 to 5 of the listing.", said)


CLEAR = 1e-4
"""Objectives nearer to zero than this are left out: there rounding would decide whether a returned number is right."""


def _telling(seed):
    """The first seed from this one on whose objectives are clear of zero, with the right move and these objectives."""
    while True:
        truth, objectives = _moves(_update(), seed)
        if np.abs(objectives).min() > CLEAR:
            return seed, truth, objectives
        seed += 1


def _returned(values, objectives):
    """The verdict on the numbers that come back from an update that moves the weights rightly."""
    if np.allclose(values, objectives, rtol=0.05, atol=0):
        return right("Two updates move the weights as those of the course do.")
    if np.allclose(values, np.negative(objectives), rtol=0.05, atol=0):
        return wrong("The step is right, and you return the loss, the objective's negative. Return the objective.")
    return wrong(
        "The step is right, and the number that you return is not the value of the objective before that step.",
        f"two updates: expected {write(objectives)}, got {write(values)}",
    )


def _without_a_distribution(verdict):
    """The same verdict; or, where the actor itself was asked for log-probabilities, one that says what to call."""
    if "Actor' object has no attribute 'log_prob'" not in verdict.sentence:
        return verdict
    return wrong(
        "agent.actor is a network and has no log_prob. Call agent.actor(obs) first; the distribution that comes back "
        "has it."
    )


def _update(weight="centred", sign=1.0, fresh=True, mean=True):
    """One update with one thing changed; the defaults are right. A function of an agent and episodes."""

    def function(agent, episodes):
        to_go = _weight(weight, episodes, agent.config.gamma)
        weights = to_go if weight == "raw" else to_go - to_go.mean()
        if weight not in ("raw", "centred only"):
            weights = weights / (to_go.std(correction=0) + 1e-8)
        log_probs = agent.actor(episodes.obs).log_prob(episodes.actions)
        value = (log_probs * weights).mean() if mean else (log_probs * weights).sum()
        if fresh:
            agent.optimizer.zero_grad()
        (-sign * value).backward()
        agent.optimizer.step()
        return value.item()

    return function


def _weight(name, episodes, gamma):
    rewards, terminated, truncated = episodes.rewards, episodes.terminated, episodes.truncated
    never = torch.zeros_like(terminated)
    if name == "rewards":
        return rewards
    if name == "no end":
        return correct_rewards_to_go(rewards, never, never, gamma=gamma)
    if name == "terminated only":
        return correct_rewards_to_go(rewards, terminated, never, gamma=gamma)
    if name == "no discount":
        return correct_rewards_to_go(rewards, terminated, truncated, gamma=1.0)
    to_go = correct_rewards_to_go(rewards, terminated, truncated, gamma=gamma)
    if name == "total":
        ends = (terminated | truncated).int()
        episode = torch.cumsum(ends, 0) - ends
        first = torch.searchsorted(episode, episode)  # the first row of each row's episode
        return to_go[first]
    return to_go


_UPDATES = {
    "You walk downhill: the optimiser descends what it is given. Hand it minus the objective.": [{"sign": -1.0}],
    "The gradient of the first update is still there in the second one: call agent.optimizer.zero_grad() before "
    "backward().": [{"fresh": False}],
    "Line 3 is missing: subtract the mean of the weights, and divide by their standard deviation.": [{"weight": "raw"}],
    "Line 3 is half done: divide the centred weights by their standard deviation.": [{"weight": "centred only"}],
    "Your objective adds the steps up; it is a mean.": [{"mean": False}],
    "The weights are the rewards of single steps. What follows from an action is missing: rewards_to_go.": [
        {"weight": "rewards"}
    ],
    "The weights are the returns of whole episodes. Use the rewards-to-go.": [{"weight": "total"}],
    "Your rewards-to-go run on from one episode into the next where the time limit ended it: an end is terminated or "
    "truncated.": [{"weight": "terminated only"}],
    "Your rewards-to-go run on from one episode into the next: hand over where episodes end.": [{"weight": "no end"}],
    "The discount is missing: it is agent.config.gamma.": [{"weight": "no discount"}],
}


SPACES = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Discrete(3)


def _episodes(seed, steps=60):
    """Two batches of made-up episodes, six each: every second one is cut short, the others terminate.

    The rewards of the second batch are larger, so that weights that are not scaled show.
    """
    rng, batches = np.random.default_rng(seed), []
    for scale in (1.0, 5.0):
        obs = torch.from_numpy(rng.uniform(-1, 1, (steps + 1, 3)).astype(np.float32))
        last = np.append(np.sort(rng.choice(steps - 1, 5, replace=False)), steps - 1)
        terminated, truncated = torch.zeros(steps, dtype=torch.bool), torch.zeros(steps, dtype=torch.bool)
        terminated[last[::2]], truncated[last[1::2]] = True, True
        rewards = torch.from_numpy(rng.normal(scale, scale, steps).astype(np.float32))
        actions = torch.from_numpy(rng.integers(0, 3, steps))
        batches.append(Transitions(obs[:-1], actions, rewards, obs[1:], terminated, truncated))
    return batches


def _moves(function, seed, watch=False):
    """How far two updates move each tensor of the actor's weights, and what the updates return.

    Raises:
        Stopped: with the verdict, if the function cannot be used.
    """
    agent, values, moves = Reinforce(*SPACES, Reinforce.Config(gamma=0.9), seed=seed), [], []
    start = [part.detach().clone() for part in agent.actor.parameters()]
    for episodes in _episodes(seed):
        handed = episodes.map(torch.clone)
        values.append(call(function, (agent, handed)))
        if watch and not all(torch.equal(getattr(handed, name), part) for name, part in vars(episodes).items()):
            raise Stopped(wrong("Your function changes an argument in place; work on a copy (tensor.clone())."))
        moves += [part.detach() - begin for part, begin in zip(agent.actor.parameters(), start, strict=True)]
    return moves, values


def _length(move):
    return torch.cat([part.flatten() for part in move]).norm().item()


def _near(move, other):
    difference = [a - b for a, b in zip(move, other, strict=True)]
    return _length(difference) <= CLOSE * max(_length(other), 1e-12)
