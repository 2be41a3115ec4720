"""Exercise: the importance-weighted gradient."""

import numpy as np
import torch
from torch import nn

from rlcourse.course.checker import Mistake, judge, write


def _weighted_like(
    *,
    ratio=lambda old, new: new / old,
    center=lambda old, new: new,
    normalized=False,
    summed=False,
    sign=1.0,
    with_q=True,
    baseline=False,
):
    """Mean of ρ(a) Q(a) (e_a - π), with one thing changed."""

    def function(actions, old, new, q):
        weights = ratio(old, new)[actions]
        values = (q - baseline * (new @ q))[actions] if with_q else torch.ones_like(weights)
        scores = nn.functional.one_hot(actions, len(new)) - center(old, new)
        total = ((weights * values)[:, None] * scores).sum(0)
        count = 1.0 if summed else weights.sum() if normalized else len(actions)
        return sign * total / count

    return function


WEIGHTED_MISTAKES = [
    Mistake(
        "There is no likelihood ratio: you use the buffer's actions as if today's policy had taken them.",
        _weighted_like(ratio=lambda old, new: torch.ones_like(old)),
    ),
    Mistake(
        "Your ratio is upside down: it should lift what today's policy does more often than the old one did.",
        _weighted_like(ratio=lambda old, new: old / new),
    ),
    Mistake(
        "You weight with the new probability alone; the old one must divide it, because the buffer has those "
        "actions more often already.",
        _weighted_like(ratio=lambda old, new: new),
    ),
    Mistake(
        "Your score belongs to the old policy. The gradient is of log π today: subtract the new probabilities.",
        _weighted_like(center=lambda old, new: old),
    ),
    Mistake(
        "Your score is incomplete: for a softmax ∇ log π(a) is one in the place of a, minus π everywhere.",
        _weighted_like(center=lambda old, new: torch.zeros_like(new)),
    ),
    Mistake(
        "You divide by the sum of the ratios. That is quieter, but no longer right on average; divide by the "
        "number of samples.",
        _weighted_like(normalized=True),
    ),
    Mistake("You add the samples up; take their mean.", _weighted_like(summed=True)),
    Mistake("Your sign is reversed: this gradient is to be ascended.", _weighted_like(sign=-1.0)),
    Mistake(
        "That is the exact mean over all actions. It is what the estimate is right about on average; here make "
        "the estimate itself, from the sampled `actions` alone.",
        lambda actions, old, new, q: new * (q - new @ q),
    ),
    Mistake("You forgot how good the action was: each sample needs the weight Q(a).", _weighted_like(with_q=False)),
    Mistake(
        "Your weight takes all of Q at once. A sample is weighted with the Q of its own action: q[actions].",
        lambda actions, old, new, q: (
            (new / old)[actions][:, None] * q * (nn.functional.one_hot(actions, len(new)) - new)
        ).mean(0),
    ),
    Mistake(
        "You divide by the number of actions. The mean is over the samples: divide by their number.",
        lambda actions, old, new, q: _weighted_like(summed=True)(actions, old, new, q) / len(new),
    ),
    Mistake(
        "Only the logit of the chosen action moves in your answer. The score is e_a − π: every logit has its part.",
        lambda actions, old, new, q: (
            (new / old * q)[actions][:, None] * nn.functional.one_hot(actions, len(new)) * (1 - new)
        ).mean(0),
    ),
    Mistake(
        "You subtract V from Q. The mean would stay the same, but the exercise asks for the plain weight Q.",
        _weighted_like(baseline=True),
    ),
]


def weighted_gradient(student, *, seed=None):
    """Check weighted_gradient(actions, old, new, q) -> gradient in the logits, shape [A]."""
    rng = np.random.default_rng(seed)

    def case(count, actions):
        old, new = (0.9 * rng.dirichlet(np.ones(actions)) + 0.1 / actions for _ in range(2))
        drawn = np.concatenate([np.arange(actions), rng.choice(actions, count, p=old)])
        return (torch.from_numpy(drawn), *(torch.from_numpy(x) for x in (old, new, rng.normal(0, 2, actions))))

    tiny = (
        torch.tensor([0, 0, 1]),
        *(torch.tensor(x, dtype=torch.float64) for x in ((0.8, 0.2), (0.4, 0.6), (1.0, 2.0))),
    )
    return judge(
        student,
        _weighted_like(),
        [tiny, case(5, 3), case(20, 3), case(30, 5)],
        WEIGHTED_MISTAKES,
        praise="Right on average wherever the old policy tries every action, and usually the noisier the more the two "
        "differ.",
        show=lambda a, old, new, q: f"actions {write(a)}, old {write(old)}, new {write(new)}, q {write(q)}",
        each="one number per action",
    )
