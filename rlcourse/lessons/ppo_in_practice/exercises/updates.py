"""Exercises: the critic's targets, and what is normalised."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, judge, right, write, wrong
from rlcourse.returns import gae as _gae
from rlcourse.returns import rewards_to_go as _rewards_to_go


def _column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def _flags(*numbers):
    return torch.tensor(numbers, dtype=torch.bool)


def _recording(rng, steps=7):
    """Rewards, values, next values, terminated, truncated: a death, a time limit, and a window that is cut open."""
    rewards, values, beyond = (torch.from_numpy(rng.normal(m, 1, steps)) for m in (1, 4, 4))
    terminated, truncated = torch.zeros(2, steps, dtype=torch.bool)
    first, second = rng.choice(np.arange(1, steps - 2), 2, replace=False)
    terminated[first], truncated[second] = True, True
    # Within an episode the next value is that of the next row; after its end it is that of a state of no row.
    going_on = ~(terminated | truncated)
    going_on[-1] = False
    return rewards, values, torch.where(going_on, values.roll(-1), beyond), terminated, truncated


_TINY = (_column(1, 1, 1), _column(2, 2, 2), _column(2, 2, 4))
_OVER, _CUT, _OPEN = (_flags(0, 0, 1), _flags(0, 0, 0)), (_flags(0, 0, 0), _flags(0, 0, 1)), (_flags(0, 0, 0),) * 2


TINY = (*_TINY, *_OVER), (*_TINY, *_CUT), (*_TINY, *_OPEN)
"""Three steps that end in a death, at a time limit, and open."""


def recordings(rng):
    return [*TINY, *(_recording(rng) for _ in range(4))]


def sweep(rewards, values, next_values, gamma, gae_lambda, *, masked, cut):
    """GAE with flags of one's own choice: `masked` has no value after it, `cut` stops the recursion."""
    deltas = rewards + gamma * next_values * ~masked - values
    advantages = deltas.clone()
    for t in reversed(range(len(deltas) - 1)):
        advantages[t] += gamma * gae_lambda * ~cut[t] * advantages[t + 1]
    return advantages


# ---------------------------------------------------------------- E1


def _marks(flags):
    return write(flags.double())


def _lambda_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    steps = rewards, values, next_values, terminated, truncated
    return values + _gae(*steps, gamma=gamma, gae_lambda=gae_lambda)


def raw_returns(rewards, ended, gamma):
    total, returns = 0.0, torch.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        total = rewards[t] + gamma * total * ~ended[t]
        returns[t] = total
    return returns


TARGET_MISTAKES = [
    Mistake(
        "These are rewards added up to the end of the recording, and nothing after a cut. A time limit and the "
        "edge of the window stop the recording, not the future: the critic would learn too little.",
        lambda r, v, n, d, c, gamma, lam: raw_returns(r, d | c, gamma),
    ),
    Mistake(
        "You add the rewards up to the end and bootstrap correctly, so λ plays no part: these are the targets "
        "for λ = 1.",
        lambda r, v, n, d, c, gamma, lam: _rewards_to_go(r, d, c, gamma=gamma, next_values=n),
    ),
    Mistake(
        "You look one step ahead only: these are the targets for λ = 0.",
        lambda r, v, n, d, c, gamma, lam: r + gamma * n * ~d,
    ),
    Mistake(
        "This is the advantage, by how much the critic was wrong. A target says what V should have been.",
        lambda r, v, n, d, c, gamma, lam: _lambda_returns(r, v, n, d, c, gamma, lam) - v,
    ),
    Mistake(
        "You subtract the value from the advantage; there it has been subtracted already.",
        lambda r, v, n, d, c, gamma, lam: _lambda_returns(r, v, n, d, c, gamma, lam) - 2 * v,
    ),
    Mistake(
        "After a true end there is no future, and yet a value is counted there. Which flag belongs in δ?",
        lambda r, v, n, d, c, gamma, lam: v + sweep(r, v, n, gamma, lam, masked=d & ~d, cut=d | c),
    ),
    Mistake(
        "A time limit is taken for a death: after a truncated step the value of the next state still counts.",
        lambda r, v, n, d, c, gamma, lam: v + sweep(r, v, n, gamma, lam, masked=d | c, cut=d | c),
    ),
    Mistake(
        "What one episode earned leaks into the one recorded before it. Where must the sum of the δs be cut?",
        lambda r, v, n, d, c, gamma, lam: v + sweep(r, v, n, gamma, lam, masked=d, cut=d & ~d),
    ),
    Mistake(
        "After a time limit you take the value of the next row. There another episode has begun: next_values "
        "holds what you need.",
        lambda r, v, n, d, c, gamma, lam: _lambda_returns(r, v, torch.cat([v[1:], n[-1:]]), d, c, gamma, lam),
    ),
    Mistake(
        "The sum of the δs is cut after a death, but it runs on across a time limit, into another episode.",
        lambda r, v, n, d, c, gamma, lam: v + sweep(r, v, n, gamma, lam, masked=d, cut=d),
    ),
    Mistake(
        "The sum of the δs is multiplied by λ alone from step to step; the factor is γλ.",
        lambda r, v, n, d, c, gamma, lam: v + sweep(r, v, n, gamma, lam / gamma, masked=d, cut=d | c),
    ),
    Mistake(
        "You add the advantage to the value of the next state. It says by how much V(s) of this step was wrong.",
        lambda r, v, n, d, c, gamma, lam: n + _lambda_returns(r, v, n, d, c, gamma, lam) - v,
    ),
    Mistake(
        "The two flags are swapped: `terminated` comes before `truncated`.",
        lambda r, v, n, d, c, gamma, lam: _lambda_returns(r, v, n, c, d, gamma, lam),
    ),
]


AMBIGUOUS = "more than one value is ambiguous"


def explained(verdict, name):
    """The verdict, with torch's own words for a common error put into the lesson's."""
    if AMBIGUOUS in verdict.sentence:
        return wrong(
            f"{name} works for one environment, [T], and not for [T, N]: `if` and `or` cannot look at N flags at once. "
            "Multiply by ~flag, or use torch.where(flag, this, that)."
        )
    return verdict


def stacked(rng, envs=2):
    """Recordings of several environments side by side, [T, N]."""
    columns = zip(*(_recording(rng) for _ in range(envs)), strict=True)
    return tuple(torch.stack(column, dim=1) for column in columns)


def value_targets(student, *, seed=None):
    """Check value_targets(rewards, values, next_values, terminated, truncated, gamma, gae_lambda), [T] and [T, N]."""
    rng = np.random.default_rng(seed)
    cases = [(*case, 0.9, 0.5) for case in recordings(rng)[:3]]
    cases += [(*case, *map(float, rng.uniform((0.8, 0.3), (0.99, 0.9)))) for case in recordings(rng)[3:]]
    cases += [(*stacked(rng), 0.9, 0.5)]
    verdict = judge(
        student,
        _lambda_returns,
        cases,
        TARGET_MISTAKES,
        praise="V plus its own advantage: targets that bootstrap wherever the recording was cut.",
        show=lambda r, v, n, d, c, gamma, lam: (
            f"rewards {write(r)}, values {write(v)}, next_values {write(n)}, terminated {_marks(d)}, "
            f"truncated {_marks(c)}, γ = {gamma:.3g}, λ = {lam:.3g}"
        ),
    )
    return explained(verdict, "value_targets")


# ---------------------------------------------------------------- E2


COUNTS = 1, 0
"""Subtracted from the number of rows in a standard deviation; both are right."""
GUARDED = 2e-4
"""Differences below this are those that a guard of up to about 1e-4 makes; the task names no size."""
UNKNOWN = "The numbers differ from the definition"


def either_count(judged):
    """The verdict of judged(correction, known, searched), where both ways to count in a deviation are right.

    The plain verdicts come first, then the known mistakes, and the search for one change last: it takes seconds.
    """
    verdicts = []
    for known, searched in ((False, False), (True, False), (False, True)):
        for correction in COUNTS:
            verdicts.append(judged(correction, known, searched))
            if not verdicts[-1].sentence.startswith(UNKNOWN):  # right, stopped by an error, or named
                return verdicts[-1]
    return verdicts[0]


def _standard(A, correction=1, axes=-1, center=True, scale=True, power=1, guard=1e-8, under_root=False):
    mean = A.mean(axes, keepdim=True) if center else 0.0
    if under_root:
        return (A - mean) / (A.var(axes, keepdim=True, correction=correction) + guard).sqrt()
    return (A - mean) / (A.std(axes, keepdim=True, correction=correction) ** power + guard if scale else 1.0)


_SCALED_WRONGLY = (
    ("You divide by the variance. Its unit is the square of the reward's.", {"power": 2}),
    ("You divide by the standard deviation and leave the mean where it was.", {"center": False}),
    (
        "You subtract the mean and leave the scale as it was: the step still depends on the unit of reward.",
        {"scale": False},
    ),
    (
        "Right for one seed. With [S, B] you take one mean and one deviation of all seeds together; each seed is a run "
        "of its own. Take them over the last axis: .mean(-1, keepdim=True).",
        {"axes": None},
    ),
    ("You take mean and deviation over the seeds; take them over the last axis, the rows.", {"axes": 0}),
    *(
        (
            f"The number that guards the division, {guard:g}, is so large that it changes the weights. 1e-8 is enough.",
            {"guard": guard, "under_root": under_root},
        )
        for guard in (1e-3, 1e-2, 0.1, 1.0)
        for under_root in (False, True)
    ),
)


def _normalise_mistakes(correction):
    return [
        Mistake(sentence, lambda A, faulty=faulty: _wrongly(A, correction, **faulty))
        for sentence, faulty in _SCALED_WRONGLY
    ]


def _wrongly(A, n, *, axes=-1, **faulty):
    """One of the known mistakes; over all numbers, or over the seeds where there are several."""
    if axes is None:
        return _standard(A.flatten(), n, **faulty).view_as(A)
    return _standard(A, n, axes=axes if A.dim() > 1 else -1, **faulty)


_EVEN = "Every seed's weights have mean 0 and deviation 1, whatever the unit of the reward."


def normalise(student, *, seed=None):
    """Check normalise(advantages) -> weights of the same shape, [B] or [S, B]."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: torch.from_numpy(rng.normal(1, 3, shape) + 4 * rng.random((*shape[:-1], 1)))  # noqa: E731
    cases = [(_column(1, 3, 2, 6),), (draw(6),), (draw(3, 7),), (draw(2, 9),)]

    def judged(correction, known, searched):
        return judge(
            student,
            lambda A: _standard(A, correction),
            cases,
            _normalise_mistakes(correction) if known else [],
            praise=_EVEN,
            tolerance=GUARDED,
            show=lambda A: f"advantages {write(A)} of shape {list(A.shape)}",
            each="one weight per advantage",
            searched=searched,
        )

    verdict = either_count(judged)
    return _survives_equal_advantages(student) if verdict.passed else verdict


def _survives_equal_advantages(student):
    """The batch that has nothing to tell its actions apart: a deviation of zero."""
    equal = torch.full((8,), 1.5, dtype=torch.float64)
    try:
        weights = call(student, (equal,))
        if not torch.as_tensor(weights).isfinite().all():
            return wrong(
                "All advantages of a batch may be equal, and then you divide zero by zero. Guard the division with a "
                "small number."
            )
        weights = as_tensor(weights, equal, "one weight per advantage")
    except Stopped as stopped:
        return stopped.verdict
    if weights.abs().max() > 1e-3:
        return wrong("If all advantages are equal no action was better than another: the weights should be 0.")
    return right(_EVEN)
