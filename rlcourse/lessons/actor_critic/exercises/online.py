"""E1: one step of the online actor-critic, with tables."""

import functools

import numpy as np
import torch

from rlcourse.course.by_hand import column
from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, has_dots, judge, not_started, write, wrong

UNCHANGED = (
    "Both tables come back unchanged. A line such as `V[s] + step * delta` computes a number and stores nothing: write "
    "`V[s] += step * delta`, and likewise for `logits[s]`."
)


def _future(V, s_next, terminated, mask):
    """What V(s') counts in the TD error: nothing where the episode terminated, or a mask gone wrong."""
    weight = {
        "right": 0.0 if terminated else 1.0,
        "none": 1.0,
        "reversed": 1.0 if terminated else 0.0,
        "tilde": float(~int(terminated)),  # of Python's own True and False: -2 and -1
    }[mask]
    return weight * V[s_next] if weight else 0.0


def _direction(logits, s, a, score):
    """The score of the action in the row of s, or one gone wrong."""
    chosen = torch.nn.functional.one_hot(torch.tensor(a), logits.shape[1]).double()
    pi = torch.softmax(logits[s], -1)
    return {
        "full": chosen - pi,
        "whole": chosen,
        "own": chosen * (1 - pi),
        "others": -pi,
        "all": 1 - pi,
        "likelihood": (chosen - pi) * pi[a],
        "column": chosen - torch.softmax(logits, 0)[s],
    }[score]


def _online(
    logits,
    V,
    s,
    a,
    r,
    s_next,
    terminated,
    gamma,
    actor_rate,
    critic_rate,
    *,
    mask="right",
    late=False,
    pulled=False,
    signs=(1, 1),
    score="full",
    judged="td",
    fitted="td",
    twice=False,
    everywhere=False,
    leaks=False,
    one_by_one=False,
    swapped=False,
    missing=(),
):
    """One step of AL-03, and with the keywords one step gone wrong, as `_what_moved` sees it."""

    def td_error(V):
        return r + (1.0 if "gamma" in missing else gamma) * _future(V, s_next, terminated, mask) - V[s]

    if swapped:
        actor_rate, critic_rate = critic_rate, actor_rate
    new_logits, new_V = logits.clone(), V.clone()
    delta = td_error(V)
    move = signs[1] * critic_rate * (r - V[s] if fitted == "reward" else delta) * (2 if twice else 1)
    if leaks:
        move = move - critic_rate * torch.log_softmax(logits[s], -1)[a]
    new_V[slice(None) if everywhere else s] += move
    if pulled and not (terminated and mask == "right"):
        new_V[s_next] -= critic_rate * gamma * delta
    if late:
        delta = td_error(new_V)
    delta = {"td": delta, "target": delta + V[s], "reward": r}[judged]
    rate = signs[0] * delta * (critic_rate if "actor_rate" in missing else actor_rate)
    if one_by_one:
        for b in range(logits.shape[1]):
            new_logits[s, b] += rate * (float(b == a) - torch.softmax(new_logits[s], -1)[b])
    elif "actor" not in missing:
        new_logits[s] += rate * _direction(logits, s, a, score)
    if terminated and "ends" in missing:
        new_logits, new_V = logits, V
    return _what_moved((new_logits, V if "critic" in missing else new_V), logits, V, s, s_next)


def _mistake(sentence, **options):
    return Mistake(sentence, functools.partial(_online, **options))


ONLINE_MISTAKES = [
    _mistake(
        "Your TD error is computed with V after the critic's step, so part of it is already gone when the actor gets "
        "it. Compute delta first, then use the same number for both.",
        late=True,
    ),
    _mistake(
        "Your critic's step moves V(s') as well: you differentiated the whole squared error. The target is a constant "
        "for this step; only V(s) moves.",
        pulled=True,
    ),
    _mistake(
        "V(s') counts in your TD error even where the episode has terminated. Nothing follows there: it counts zero.",
        mask="none",
    ),
    _mistake(
        "Your mask is the wrong way round: V(s') counts where the episode terminated, and nowhere else.",
        mask="reversed",
    ),
    _mistake(
        "`terminated` is Python's own True or False here, and `~True` is -2, `~False` is -1. Write `not terminated`; "
        "`~` is for tensors.",
        mask="tilde",
    ),
    _mistake("A step that terminates teaches, too: delta is r - V(s) there. Yours moves nothing.", missing=("ends",)),
    _mistake(
        "Your delta has the opposite sign: both tables move the wrong way. It is what came minus what was expected.",
        signs=(-1, -1),
    ),
    _mistake(
        "Your actor goes downhill: after a positive delta the action becomes less likely. The policy gradient is "
        "ascended, or its negative descended.",
        signs=(-1, 1),
    ),
    _mistake(
        "Your critic moves away from its target: V(s) has to move by plus the step size times delta.",
        signs=(1, -1),
    ),
    _mistake(
        "Your critic is fitted to the reward alone. V(s) has to move towards r + gamma V(s'), the reward and what the "
        "next state is worth.",
        fitted="reward",
    ),
    _mistake(
        "Your critic moves twice as far: the gradient of delta**2 has a factor 2. The rule is V(s) + step * delta.",
        twice=True,
    ),
    _mistake(
        "All of V moves. Only the entry of s has been tried: V[s] += ..., not V += ...",
        everywhere=True,
    ),
    _mistake(
        "Your actor's loss also moves the critic: delta is not detached in it, so V(s) changes by log pi as well.",
        leaks=True,
    ),
    _mistake(
        "Your actor's loss also moves the critic, since delta is not detached in it; and delta**2 brings a factor 2.",
        leaks=True,
        twice=True,
    ),
    _mistake(
        "Your actor moves only the logit of the chosen action, by the whole step. The gradient of log softmax is "
        "(1 for the chosen action, 0 for the others) minus the probabilities.",
        score="whole",
    ),
    _mistake(
        "Your actor moves only the logit of the chosen action, by the right amount; the logits of the others move, "
        "too, each by minus its own probability.",
        score="own",
    ),
    _mistake(
        "Your score lacks its 1 for the chosen action, so a positive delta lowers every logit.",
        score="others",
    ),
    _mistake("Your score has its 1 for every action. It belongs to the chosen action only.", score="all"),
    _mistake(
        "Your softmax runs over the states. The actions of one state are a row: torch.softmax(logits[s], 0).",
        score="column",
    ),
    _mistake(
        "Your actor moves along the gradient of the probability. The gradient of its logarithm is needed; otherwise "
        "rare actions count too little.",
        score="likelihood",
    ),
    _mistake(
        "Your softmax is computed again after each logit has moved. Compute all probabilities first, then move.",
        one_by_one=True,
    ),
    _mistake(
        "Your actor weighs the action with the target r + gamma V(s'). Subtract what the critic expected, V(s).",
        judged="target",
    ),
    _mistake(
        "Your actor weighs the action with its reward alone; what the next state is worth is missing.",
        judged="reward",
    ),
    _mistake("Gamma is missing: V(s') lies one step ahead.", missing=("gamma",)),
    _mistake("The two step sizes have changed places.", swapped=True),
    _mistake("Your actor takes the critic's step size. The two have one each.", missing=("actor_rate",)),
    _mistake("V has not moved: the critic learns from the same step, too.", missing=("critic",)),
    _mistake("The logits have not moved: line 7 is missing.", missing=("actor",)),
]


def online_step(student, *, seed=None):
    """E1: student(logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate) -> new (logits, V).

    Args:
        student: the function; logits is a float64 tensor [S, A], V one [S]; s, a, s_next are whole numbers,
            terminated is a bool, the rest are numbers. It returns both tables, changed or not.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(torch.zeros(2, 2).double(), column(3, 4), 0, 1, 2.0, 1, False, 0.5, 0.5, 0.2)]
    for number in range(7):
        s, s_next = rng.choice(4, 2, replace=False)
        logits, V = torch.from_numpy(rng.normal(0, 1, (4, 3))), torch.from_numpy(rng.normal(0, 2, 4))
        rates = [float(rate) for rate in rng.uniform([0.5, 0.1], [0.9, 0.4])]
        ended = number % 2 == 1
        cases.append((logits, V, int(s), int(rng.integers(3)), rng.normal(), int(s_next), ended, 0.9, *rates))
    try:
        answers = [_two_tables(call(student, case), *case[:2]) for case in cases]
    except Stopped as stopped:
        return stopped.verdict
    if all(torch.equal(a, b) for answer, case in zip(answers, cases, strict=True) for a, b in zip(answer, case)):
        return not_started() if has_dots(student) else wrong(UNCHANGED)
    given = iter([_what_moved(answer, *case[:3], case[5]) for answer, case in zip(answers, cases, strict=True)])
    return judge(
        lambda *_: next(given),
        _online,
        cases,
        ONLINE_MISTAKES,
        praise="Every draw agrees. One delta, computed once: the critic learns what to expect, the actor what to do.",
        show=lambda logits, V, s, a, r, n, d, gamma, *rates: (
            f"logits[s] {write(logits[s])}, V(s) {write(V[s])}, V(s') {write(V[n])}, a={a}, r={r:.3g}, terminated {d}, "
            f"gamma {gamma:g}, step sizes {rates[0]:.2g} and {rates[1]:.2g}; new logits[s], V(s), V(s'), and how far "
            "any other entry moved"
        ),
        own=(student, _moved_by),
    )


def _moved_by(function):
    """What a function like the student's moves in a case."""

    def moved(*case):
        copies = [part.clone() if isinstance(part, torch.Tensor) else part for part in case]
        return _what_moved(_two_tables(function(*copies), *case[:2]), *case[:3], case[5])

    return moved


def _what_moved(tables, logits, V, s, s_next):
    """The entries that a step is about, in one row short enough to be shown: logits[s], V(s), V(s'); and how far the
    farthest of all others has moved from the tables `logits` and `V`."""
    new_logits, new_V = tables
    still = (new_logits - logits).abs(), (new_V - V).abs()
    still[0][s] = still[1][s] = still[1][s_next] = 0.0
    return torch.cat([new_logits[s], new_V[[s, s_next]], torch.cat([x.flatten() for x in still]).max()[None]])


def _two_tables(answer, logits, V):
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Stopped(wrong(f"Return two tables, logits and V; got {type(answer).__name__}."))
    if [np.ndim(table) for table in answer] == [1, 2]:
        raise Stopped(wrong("Return the two tables the other way round: logits first, then V."))
    each = "one number per state and action", "one number per state"
    return tuple(as_tensor(*three) for three in zip(answer, (logits, V), each, strict=True))
