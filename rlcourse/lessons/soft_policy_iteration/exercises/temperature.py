"""Exercises: a promise that another temperature breaks, and the temperature that a ratio needs."""

import math

import numpy as np
import torch

from rlcourse import exact
from rlcourse.course.checker import Mistake, Stopped, call, judge, not_started, right, write, wrong
from rlcourse.lessons.soft_policy_iteration.exercises.cases import GAMMA

# ---------------------------------------------------------------- E4

FALL = 0.01


def violation(student):
    """Check violation() -> (P, R, policy, alpha) with γ = 0.9, for which the update to exp(Q) lowers a Q by 0.01."""
    try:
        mdp, policy, alpha = _example(call(student, ()))
        Q = exact.soft_evaluate(mdp, policy, gamma=GAMMA, alpha=alpha).Q
        improved = exact.boltzmann(Q, 1.0)
        after = exact.soft_evaluate(mdp, improved, gamma=GAMMA, alpha=alpha).Q
        honest = exact.soft_evaluate(mdp, exact.boltzmann(Q, alpha), gamma=GAMMA, alpha=alpha).Q
    except Stopped as stopped:
        return stopped.verdict
    except (ValueError, TypeError, RuntimeError) as error:
        return wrong(f"Your example is not an MDP with a policy and a temperature: {error}.")
    found = f"alpha {alpha:.3g}, Q before {write(Q)}"
    if abs(alpha - 1) < 1e-9:
        return wrong("With α = 1 the policies exp(Q) and exp(Q/α) are the same one, and the theorem holds.", found)
    if float(mdp.transitions.abs().sum()) < 1e-12:
        return wrong(
            "Every action ends the episode here, so Q is the reward, whatever the policy. Let some action go on.",
            found,
        )
    fall, found = float((Q - after).max()), f"{found}, after {write(after)}"
    if fall < 1e-9 and float((after - Q).max()) < 1e-9:
        return wrong(SAME if torch.allclose(policy, improved, atol=1e-6) else UNSEEN, found)
    if fall < 1e-9:
        return wrong(
            "No value falls: from this policy even exp(Q) is a step up. Try one that can only get worse when it is "
            "replaced.",
            found,
        )
    if fall < FALL:
        return wrong(f"A value falls, but only by {fall:.2g}; make it {FALL} or more. A smaller α, perhaps?", found)
    return right(
        f"The largest fall is {fall:.3g}. With exp(Q/α) in its place the smallest change is "
        f"{float((honest - Q).min()) + 0.0:.2g}: no value falls."
    )


SAME = "Nothing changes here, up or down: your policy is exp(Q) already. Start from another one."
UNSEEN = (
    "Nothing changes here, up or down, although exp(Q) is another policy than yours. Q depends only on how the later "
    "states are played. Let some action lead to a state where the two policies differ."
)


def _example(answer):
    """(mdp, policy, α) of a student's answer.

    Raises:
        Stopped: with a sentence, where a part is missing or has another form.
    """
    if not isinstance(answer, list | tuple) or len(answer) != 4:
        got = f"{len(answer)} of them" if isinstance(answer, list | tuple) else type(answer).__name__
        raise Stopped(wrong(f"Return four things, (P, R, policy, alpha); got {got}."))
    if any(part is None or part is Ellipsis for part in answer):
        raise Stopped(not_started())
    P, R, policy = (_table(name, part) for name, part in zip(("P", "R", "policy"), answer[:3], strict=True))
    alpha = _temperature(answer[3])
    if P.dim() != 3 or R.dim() != 2 or policy.shape != R.shape:
        raise Stopped(
            wrong(
                f"P needs three axes, [S, A, S], R and policy two, [S, A]; got {list(P.shape)}, {list(R.shape)} and "
                f"{list(policy.shape)}."
            )
        )
    return exact.FiniteMDP(P, R), policy, alpha


def _table(name, part):
    """A part of the answer as a float64 tensor, without its gradient."""
    try:
        if isinstance(part, torch.Tensor):
            return part.detach().double()
        return torch.as_tensor(np.asarray(part, dtype=float))
    except (ValueError, TypeError, RuntimeError, OverflowError):
        raise Stopped(
            wrong(f"{name} must be a table of numbers, with rows of one length: a tensor, an array or nested lists.")
        ) from None


def _temperature(alpha):
    try:
        alpha = float(alpha.detach() if isinstance(alpha, torch.Tensor) else alpha)
    except (ValueError, TypeError, RuntimeError, OverflowError):
        raise Stopped(wrong(f"alpha must be one number > 0; got {type(alpha).__name__}.")) from None
    if not 0 < alpha < math.inf:
        raise Stopped(wrong(f"alpha must be a finite number > 0; got {alpha:g}."))
    return alpha


# ---------------------------------------------------------------- E5


LEAST_MISTAKES = [
    Mistake(
        "Upside down: a larger gap needs more temperature to be evened out, not less.",
        lambda gap, ratio: math.log(ratio) / gap,
    ),
    Mistake(
        "The logarithm is missing: ratio = exp(gap/α), and the exponential has to be undone.",
        lambda gap, ratio: gap / ratio,
    ),
    Mistake(
        "You multiply where the gap has to be divided: solve exp(gap/α) = ratio for α.",
        lambda gap, ratio: gap * math.log(ratio),
    ),
    Mistake(
        "Near, while the ratio is near 1: there log(ratio) is about ratio - 1. Solve it exactly.",
        lambda gap, ratio: gap / (ratio - 1),
    ),
    Mistake(
        "The logarithm to base 10 does not undo exp; take the natural one.",
        lambda gap, ratio: gap / math.log10(ratio),
    ),
    Mistake(
        "The logarithm to base 2 does not undo exp; take the natural one.",
        lambda gap, ratio: gap / math.log2(ratio),
    ),
    Mistake(
        "This is the ratio that α = 1 gives. Asked for is the α that gives the ratio.",
        lambda gap, ratio: math.exp(gap),
    ),
    Mistake(
        "This is the ratio at α = ratio. Asked for is the α that gives the ratio.",
        lambda gap, ratio: math.exp(gap / ratio),
    ),
    Mistake(
        "The sign: the logarithm of a ratio above 1 is positive, and so is α.",
        lambda gap, ratio: -gap / math.log(ratio),
    ),
]


def least_alpha(student, *, seed=None):
    """Check least_alpha(gap, ratio) -> the α at which two actions `gap` apart differ by the factor `ratio`."""
    rng = np.random.default_rng(seed)
    cases = [(0.1, 1.2), (0.5, 2.0)]
    cases += [(float(rng.uniform(0.05, 2)), float(rng.uniform(1.05, 5))) for _ in range(4)]
    verdict = judge(
        student,
        lambda gap, ratio: gap / math.log(ratio),
        cases,
        LEAST_MISTAKES,
        praise="Any α above it makes the two actions more alike than that. For a gap of 0.1 and a ratio of 1.2: 0.55.",
        show=lambda gap, ratio: f"gap {gap:.3g}, ratio {ratio:.3g}",
    )
    if "TypeError" in verdict.sentence and "must be Tensor" in verdict.sentence:
        return wrong("Both arguments are plain floats here, not tensors: take the logarithm from math.")
    return verdict
