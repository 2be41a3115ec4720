"""Exercises of lesson 03: k-step advantages, GAE, the repaired mixture, the best λ for a wrong critic."""

import itertools

import numpy as np
import torch

from rlcourse import exact
from rlcourse.envs import survival_chain
from rlcourse.exercises.checker import Mistake, Stopped, as_tensor, call, judge, right, write, wrong
from rlcourse.returns import gae as _gae
from rlcourse.returns import n_step_advantages


def _recording(rng, *, steps=10):
    """A recording with a terminated and a truncated step inside: rewards, values, next_values, and both flags."""
    rewards, values, next_values = torch.from_numpy(rng.normal(0, 2, (3, steps)))
    terminated, truncated = torch.zeros(2, steps, dtype=torch.bool)
    ends = rng.permutation([int(rng.integers(1, 4)), int(rng.integers(5, 8))])
    terminated[ends[0]] = truncated[ends[1]] = True
    going_on = ~(terminated | truncated)[:-1]
    next_values[:-1][going_on] = values[1:][going_on]  # inside an episode V(s_{t+1}) is the next row's V(s_t)
    return rewards, values, next_values, terminated, truncated


def _tiny(rewards, values, next_values, terminated=(), truncated=()):
    """The same from a few numbers; flags as the steps that carry them."""
    columns = [torch.tensor(column, dtype=torch.float64) for column in (rewards, values, next_values)]
    flags = [torch.tensor([t in flag for t in range(len(rewards))]) for flag in (terminated, truncated)]
    return *columns, *flags


def _show(rewards, values, next_values, terminated, truncated, gamma, last):
    name = "k" if isinstance(last, int) else "gae_lambda"
    ends = [
        f"step {t} {kind}"
        for kind, flag in (("terminated", terminated), ("truncated", truncated))
        for t in flag.nonzero().flatten().tolist()
    ]
    return (
        f"rewards {write(rewards)}, values {write(values)}, next_values {write(next_values)}, "
        f"{', '.join(ends) or 'no end'}, gamma {gamma:.3g}, {name} {last:.3g}"
    )


# ---------------------------------------------------------------- k-step advantages


def k_step(student, *, seed=None):
    """Check k_step(rewards, values, next_values, terminated, truncated, gamma, k) -> advantages, shape [T]."""
    rng = np.random.default_rng(seed)
    cases = [
        (*_tiny((1, 2, 4), (3, 1, 2), (1, 2, 5)), 0.5, 2),
        (*_tiny((1, 2, 4, 3), (3, 1, 2, 4), (1, 6, 4, 5), terminated=(3,), truncated=(1,)), 0.5, 2),
        *((*_recording(rng), float(rng.uniform(0.6, 0.95)), k) for k in (1, 2, 3, 5, 12)),
    ]
    return judge(
        student,
        lambda r, v, after, over, cut, gamma, k: n_step_advantages(r, v, after, over, cut, gamma=gamma, n=k),
        cases,
        [
            Mistake(
                "Your sums are right, but a sum of rewards is no advantage yet: what did the critic "
                "expect of s_t to begin with?",
                _k_step_like(subtract=False),
            ),
            Mistake(
                "The critic's value stands for a reward k steps ahead: count how often γ has struck by "
                "then, once more than for the last reward.",
                _k_step_like(value_power=-1),
            ),
            Mistake(
                "Your sum runs past the end of an episode and picks up rewards of the next one.",
                _k_step_like(stop="never"),
            ),
            Mistake(
                "Your sum runs past the end of an episode into the next one, and a terminal state gets a "
                "value besides.",
                _k_step_like(stop="never", mask="none"),
            ),
            Mistake(
                "Your sum stops at a terminated step but runs on past a truncated one: a cut recording is "
                "followed by another episode, too.",
                _k_step_like(stop="terminated"),
            ),
            Mistake(
                "You ask the critic what comes after a terminated step. Nothing comes after it.",
                _k_step_like(mask="none"),
            ),
            Mistake(
                "You treat a truncated step like a terminated one. Only the recording stopped there: the "
                "future is still worth V of the next state.",
                _k_step_like(mask="both"),
            ),
            Mistake(
                "You never ask the critic: after k rewards (or at a cut) γ to some power times V(next "
                "state) is missing.",
                _k_step_like(mask="all"),
            ),
            Mistake(
                "You take V(s_{t+1}) from the next row. After a truncated step the next row belongs to "
                "another episode; next_values holds what you need.",
                _k_step_like(next_row=True),
            ),
            Mistake(
                "Your rewards are not discounted; only the critic's value is.", _k_step_like(reward_power=0)
            ),
            Mistake("There is no discount anywhere in your sum.", _k_step_like(discount=False)),
            Mistake(
                "You take one reward too many: k = 1 means one reward, then the critic.",
                _k_step_like(extra=1),
            ),
            Mistake(
                "You take one reward too few: k = 1 means one reward, then the critic.",
                _k_step_like(extra=-1),
            ),
        ],
        praise="k rewards, then the critic, and an end is an end. You wrote the whole family of estimates.",
        show=_show,
    )


def _k_step_like(
    *,
    subtract=True,
    value_power=0,
    reward_power=1,
    stop="both",
    mask="terminated",
    next_row=False,
    discount=True,
    extra=0,
):
    """k-step advantages with one thing changed."""

    def function(rewards, values, next_values, terminated, truncated, gamma, k):
        steps, gamma = len(rewards), gamma if discount else 1.0
        stops = {
            "both": terminated | truncated,
            "terminated": terminated,
            "never": torch.zeros_like(terminated),
        }[stop]
        masks = {
            "terminated": terminated,
            "none": torch.zeros_like(terminated),
            "both": terminated | truncated,
            "all": torch.ones_like(terminated),
        }[mask]
        after = torch.cat([values[1:], next_values[-1:]]) if next_row else next_values
        advantages = -values * float(subtract)
        for t in range(steps):
            power, row = 1.0, t - 1
            for row in range(t, min(t + k + extra, steps)):
                advantages[t] += rewards[row] * power**reward_power
                power *= gamma
                if stops[row]:
                    break
            if row < t:  # no reward at all: the critic speaks at once
                advantages[t] += values[t]
            elif not masks[row]:
                advantages[t] += power * gamma**value_power * after[row]
        return advantages

    return function


# ---------------------------------------------------------------- GAE


def gae(student, *, seed=None):
    """Check gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> advantages, shape [T]."""
    rng = np.random.default_rng(seed)
    cases = [
        (*_tiny((1, 1, 1), (0, 0, 0), (0, 0, 0), terminated=(2,)), 1.0, 1.0),
        (*_tiny((1, 2, 4, 3), (3, 1, 2, 4), (1, 6, 4, 5), terminated=(3,), truncated=(1,)), 0.5, 0.5),
        *((*_recording(rng), float(rng.uniform(0.6, 0.95)), float(rng.uniform(0.5, 0.9))) for _ in range(5)),
    ]
    return judge(
        student,
        lambda r, v, after, over, cut, gamma, lam: _gae(r, v, after, over, cut, gamma=gamma, gae_lambda=lam),
        cases,
        [
            Mistake(
                "Your sweep does not reset at the end of an episode: what happens in the next episode "
                "leaks into the last steps of this one.",
                _gae_like(cut="never"),
            ),
            Mistake(
                "Your sweep resets at terminated steps only. A truncated step is followed by another "
                "episode as well.",
                _gae_like(cut="terminated"),
            ),
            Mistake(
                "You bootstrap through termination: a terminal state has no future, so its value must not "
                "enter δ.",
                _gae_like(mask="none"),
            ),
            Mistake(
                "You treat truncation as termination: the recording stopped, the future did not. δ of a "
                "truncated step keeps γ V(s_{t+1}).",
                _gae_like(mask="both"),
            ),
            Mistake(
                "Your function does not look at the end flags at all: they decide about the value in δ "
                "and about where the sweep resets.",
                _gae_like(mask="none", cut="never"),
            ),
            Mistake(
                "Two things at the ends: your sweep does not reset there, and your δ drops V after a "
                "truncated step.",
                _gae_like(mask="both", cut="never"),
            ),
            Mistake(
                "Two things at the ends: your δ uses a value after termination, and your sweep runs on "
                "past a truncated step.",
                _gae_like(mask="none", cut="terminated"),
            ),
            Mistake(
                "This is the normalised finite mixture: weights λ^(k−1) divided by their sum. In GAE the "
                "longest estimate inherits all the weight that is left.",
                _mixture_like("left"),
            ),
            Mistake(
                "This is the normalised finite mixture with k running past the end of the episode, so "
                "that the longest estimate is counted again and again.",
                _mixture_like("all"),
            ),
            Mistake(
                "Your weights (1−λ) λ^(k−1) stop at the end of the episode and do not sum to one: who "
                "gets the rest?",
                _mixture_like("headless"),
            ),
            Mistake(
                "A γ is missing in δ: the next state's value lies one step ahead and is discounted once.",
                _gae_like(delta_gamma=False),
            ),
            Mistake(
                "A γ is missing in the recursion: each step back costs γ as well as λ.",
                _gae_like(decay=lambda gamma, lam: lam),
            ),
            Mistake(
                "There is no γ anywhere: neither in δ nor in the recursion.",
                _gae_like(delta_gamma=False, decay=lambda gamma, lam: lam),
            ),
            Mistake(
                "A λ is missing in the recursion: with γ alone you get the Monte-Carlo estimate, whatever "
                "λ says.",
                _gae_like(decay=lambda gamma, lam: gamma),
            ),
            Mistake(
                "These are the TD errors themselves, the answer for λ = 0. The later ones must be swept "
                "back.",
                _gae_like(decay=lambda gamma, lam: 0.0),
            ),
            Mistake(
                "You take V(s_{t+1}) from the next row. After a truncated step the next row belongs to "
                "another episode; next_values holds what you need.",
                _gae_like(next_row=True),
            ),
            Mistake("You swept forwards. An advantage looks ahead: begin at the last step.", _gae_forwards),
            Mistake(
                "You added V(s_t) back: this is the λ-return that a critic is fitted to, not the advantage.",
                lambda r, v, *rest: _gae_like()(r, v, *rest) + v,
            ),
            Mistake(
                "Your sign is turned round: better than expected must be positive.",
                lambda *case: -_gae_like()(*case),
            ),
        ],
        praise="It holds on every pattern of ends. This is the whole of GAE: one δ, one backward sweep, two flags.",
        show=_show,
    )


def _gae_like(
    *, mask="terminated", cut="both", delta_gamma=True, decay=lambda gamma, lam: gamma * lam, next_row=False
):
    """GAE with one thing (or two) changed."""

    def function(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        flags = {
            "terminated": terminated,
            "both": terminated | truncated,
            "none": torch.zeros_like(terminated),
        }
        after = torch.cat([values[1:], next_values[-1:]]) if next_row else next_values
        deltas = rewards + (gamma if delta_gamma else 1.0) * after * ~flags[mask] - values
        goes_on = ~flags["none" if cut == "never" else cut]
        for t in range(len(deltas) - 2, -1, -1):
            deltas[t] += decay(gamma, gae_lambda) * goes_on[t] * deltas[t + 1]
        return deltas

    return function


def _gae_forwards(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    advantages = rewards + gamma * next_values * ~terminated - values
    for t in range(1, len(rewards)):
        advantages[t] += gamma * gae_lambda * ~(terminated | truncated)[t - 1] * advantages[t - 1]
    return advantages


def _mixture_like(rule):
    """k-step advantages mixed with weights that are not those of GAE."""

    def function(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        steps = len(rewards)
        families = torch.stack([
            n_step_advantages(rewards, values, next_values, terminated, truncated, gamma=gamma, n=k)
            for k in range(1, steps + 1)
        ])  # fmt: skip
        ends = (terminated | truncated).clone()
        ends[-1] = True
        advantages = torch.zeros_like(rewards)
        for t in range(steps):
            left = int(ends[t:].nonzero()[0]) + 1
            count = steps if rule == "all" else left
            weights = float(gae_lambda) ** torch.arange(count, dtype=torch.float64)
            weights = (1 - gae_lambda) * weights if rule == "headless" else weights / weights.sum()
            advantages[t] = (weights * families[:count, t]).sum()
        return advantages

    return function


# ---------------------------------------------------------------- the repaired mixture


def mixture(student, *, seed=None):
    """Check mixture(estimates, gae_lambda) -> GAE of one step, from its k-step advantages k = 1..n; to 1e-12."""
    rng = np.random.default_rng(seed)
    cases = [(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), 1.0)]
    for n, gae_lambda in (
        (1, 0.7),
        (3, 0.5),
        (5, 0.9),
        (8, 0.95),
        (6, 0.0),
        (12, float(rng.uniform(0.2, 0.9))),
    ):
        rewards, values = torch.from_numpy(rng.normal(0, 2, (2, n)))
        after = torch.cat([values[1:], values[:1]])
        over, cut = torch.arange(n) == n - 1, torch.zeros(n, dtype=torch.bool)
        cases.append((
            torch.stack([
                n_step_advantages(rewards, values, after, over, cut, gamma=0.97, n=k)[0] for k in range(1, n + 1)
            ]),
            gae_lambda,
        ))  # fmt: skip
    verdict = _judge_mixture(student, cases, 1e-12)
    if not verdict.passed and _judge_mixture(student, cases, 1e-5).passed:
        return wrong(
            "Right to seven digits, and no more: your weights are float32. Make them with "
            "dtype=torch.float64.",
            verdict.example,
        )
    return verdict


def _judge_mixture(student, cases, tolerance):
    return judge(
        student,
        _recursion,
        cases,
        [
            Mistake(
                "This is the recitation's rule: the weights are divided by their sum. Nothing may be "
                "rescaled; think of an endless episode whose estimates are all equal from k = n on.",
                lambda a, lam: (_powers(a, lam) * a).sum() / _powers(a, lam).sum(),
            ),
            Mistake(
                "Weights (1−λ) λ^(k−1) up to k = n sum to 1 − λ^n. The longest estimate stands for all "
                "longer ones: give it their weight, too.",
                lambda a, lam: (1 - lam) * (_powers(a, lam) * a).sum(),
            ),
            Mistake(
                "The weight of the longest estimate is one power of λ off: the weights must sum to one.",
                lambda a, lam: (1 - lam) * (_powers(a, lam) * a)[:-1].sum() + lam ** len(a) * a[-1],
            ),
            Mistake(
                "Now the longest estimate counts twice: once with its own weight and once with the tail; "
                "the weights sum to more than one.",
                lambda a, lam: (1 - lam) * (_powers(a, lam) * a).sum() + lam ** (len(a) - 1) * a[-1],
            ),
            Mistake(
                "The powers λ^(k−1) are no average: they sum to more than one.",
                lambda a, lam: (_powers(a, lam) * a).sum(),
            ),
            Mistake(
                "This is the plain average of all estimates; λ has no say in it.", lambda a, lam: a.mean()
            ),
        ],
        praise="Repaired, it equals the recursion to twelve digits. At λ = 1 the longest estimate now has all "
        "the weight.",
        tolerance=tolerance,
        show=lambda a, lam: f"estimates {write(a)}, gae_lambda {lam:.3g}",
    )


def _powers(estimates, gae_lambda):
    return float(gae_lambda) ** torch.arange(len(estimates), dtype=torch.float64)


def _recursion(estimates, gae_lambda):
    """GAE's backward sweep. The TD errors are recovered from the estimates: Â^(k+1) - Â^(k) = γ^k δ_{t+k}."""
    advantage = 0.0
    for discounted_delta in torch.diff(estimates, prepend=torch.zeros(1, dtype=torch.float64)).flip(0):
        advantage = discounted_delta + gae_lambda * advantage
    return advantage


# ---------------------------------------------------------------- the best λ


LAMBDAS = np.linspace(0, 1, 101)

# Each rule turns bias and spread of the estimates into something to minimise. The first is right.
SCORES = {
    "error": lambda bias, spread, mean: bias**2 + spread**2,
    "variance": lambda bias, spread, mean: spread**2,
    "bias": lambda bias, spread, mean: bias**2,
    "zero": lambda bias, spread, mean: mean**2 + spread**2,
    "unsquared": lambda bias, spread, mean: abs(bias) + spread,
    "worst": lambda bias, spread, mean: -(bias**2) - spread**2,
}
RULE_SENTENCES = {
    "variance": "You look at the variance alone. Bias counts as well: how far is the mean from `honest`?",
    "bias": "You look at the bias alone. Variance counts as well: how far do single estimates scatter?",
    "zero": "You measure the distance from zero. An estimate without error would give `honest` on average: the "
    "critic's own offset does no harm.",
    "unsquared": "You add spread to bias without squaring them: a mean squared error is bias² plus variance.",
    "worst": "You found the λ with the largest error: the smallest is wanted.",
}


def best_lambda(student, *, seed=None):
    """Check best_lambda(deltas, gamma, honest) -> λ in [0, 1] with the smallest mean squared error, within 0.05."""
    cases, found = _telling_critics(np.random.default_rng(seed))
    try:
        answers = np.array([as_tensor(call(student, case), torch.tensor(0.0)).item() for case in cases])
    except Stopped as stopped:
        return stopped.verdict
    truths = found["error"]
    if np.abs(answers - truths).max() <= 0.05:
        return right(
            f"For {len(cases)} critics the best λ lay between {truths.min():.2f} and {truths.max():.2f}. How wrong "
            "the critic is, and how noisy the rewards, decides."
        )
    if answers.min() < 0 or answers.max() > 1:
        return wrong(f"Return a λ between 0 and 1; got {answers[np.abs(answers - 0.5).argmax()]:.4g}.")
    off = int(np.abs(answers - truths).argmax())
    example = f"deltas of {cases[off][0].shape[1]} episodes: expected {truths[off]:.2f}, got {answers[off]:.2f}"
    for rule, sentence in RULE_SENTENCES.items():
        if np.abs(answers - found[rule]).max() <= 0.05:
            return wrong(sentence, example)
    if answers.min() == answers.max():
        return wrong(f"You answer {answers[0]:.2f} whatever the critic. The best λ depends on the TD errors.", example)
    return wrong("Your λ is more than 0.05 off: compute the mean squared error for every λ of a grid.", example)


def _telling_critics(rng, *, at_least=4, gap=0.12):
    """Critics of which, for any two rules, some tell them apart: cases of `best_lambda`, and each rule's answers."""
    cases, found = [], []
    while len(cases) < at_least or not all(
        max(abs(row[one] - row[other]) for row in found) > gap for one, other in itertools.combinations(SCORES, 2)
    ):
        cases.append(_critic(rng))
        found.append(_answers(*cases[-1]))
    return cases, {rule: np.array([row[rule] for row in found]) for rule in SCORES}


def _answers(deltas, gamma, honest):
    """The λ of a grid that each rule prefers."""
    steps = np.arange(len(deltas))
    estimates = (LAMBDAS[:, None] ** steps * gamma**steps) @ deltas.numpy()
    mean, spread = estimates.mean(1), estimates.std(1)
    return {rule: LAMBDAS[np.argmin(score(mean - honest, spread, mean))] for rule, score in SCORES.items()}


def _critic(rng, *, gamma=0.99, episodes=500, steps=30):
    """TD errors of the survival chain's first episode for a critic that is wrong: one case of `best_lambda`."""
    world = survival_chain()
    truth = exact.evaluate(world, torch.ones(10, 1), gamma=gamma).V.numpy()
    values = rng.uniform(0.4, 1.2) * truth + rng.uniform(0, 1.5) * rng.standard_normal(10)
    moves = rng.random((steps, episodes)) < 0.8
    after = np.minimum(np.cumsum(moves, axis=0), 10)
    before = np.vstack([np.zeros((1, episodes), dtype=int), after[:-1]])
    rewards = 1 + rng.uniform(0.5, 1.5) * rng.standard_normal(before.shape)
    critic = np.append(values, 0.0)  # the end is worth nothing
    deltas = (rewards + gamma * critic[after] - critic[before]) * (before < 10)
    return torch.from_numpy(deltas), gamma, float(truth[0] - values[0])
