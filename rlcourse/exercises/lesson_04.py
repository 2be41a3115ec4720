"""Checkers of lesson 04: one online step, targets of the critic, the step size of one sample, a leaking gradient."""

import functools

import numpy as np
import torch

from rlcourse.exercises.checker import (
    Mistake,
    Stopped,
    as_tensor,
    call,
    judge,
    not_started,
    right,
    write,
    wrong,
)
from rlcourse.returns import rewards_to_go


def _column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


# ---------------------------------------------------------------- E1


def _online(
    logits, V, s, a, r, s_next, terminated, gamma, actor_rate, critic_rate,
    *, masked=True, late=False, pulled=False, sign=1, critic_sign=1, score="full", judged="td", fitted="td", missing=(),
):  # fmt: skip
    """One step of AL-03, and with the keywords one step gone wrong, as `_what_moved` sees it."""

    def td_error(V):
        future = 0.0 if terminated and masked else V[s_next]
        return r + (1.0 if "gamma" in missing else gamma) * future - V[s]

    new_logits, new_V = logits.clone(), V.clone()
    delta = td_error(V)
    new_V[s] += critic_sign * critic_rate * (r - V[s] if fitted == "reward" else delta)
    if pulled and not (terminated and masked):
        new_V[s_next] -= critic_rate * gamma * delta
    if late:
        delta = td_error(new_V)
    if judged == "target":
        delta = delta + V[s]
    elif judged == "reward":
        delta = r
    chosen = torch.nn.functional.one_hot(torch.tensor(a), logits.shape[1]).double()
    pi = torch.softmax(logits[s], -1)
    direction = {
        "full": chosen - pi,
        "whole": chosen,
        "own": chosen * (1 - pi),
        "others": -pi,
        "likelihood": (chosen - pi) * pi[a],
    }[score]
    rate = critic_rate if "actor_rate" in missing else actor_rate
    if "actor" not in missing:
        new_logits[s] += sign * rate * delta * direction
    return _what_moved((new_logits, V if "critic" in missing else new_V), logits, V, s, s_next)


ONLINE_MISTAKES = [
    Mistake(
        "Your TD error is computed with V after the critic's step, so that a share of the surprise is already gone "
        "before the actor hears of it. Take delta first, then use the same number for both.",
        functools.partial(_online, late=True),
    ),
    Mistake(
        "Your critic's step moves V(s') as well: you differentiated the whole squared error. The target is a constant "
        "for this step; only V(s) follows it.",
        functools.partial(_online, pulled=True),
    ),
    Mistake(
        "V(s') counts in your TD error even where the episode has terminated. There is no future to be worth anything.",
        functools.partial(_online, masked=False),
    ),
    Mistake(
        "Your actor goes downhill: after a pleasant surprise the action becomes rarer. The policy gradient is climbed, "
        "or its negative descended.",
        functools.partial(_online, sign=-1),
    ),
    Mistake(
        "Your critic runs away from its target: V(s) has to move by plus the step size times delta.",
        functools.partial(_online, critic_sign=-1),
    ),
    Mistake(
        "Your critic follows the reward alone. V(s) has to move towards r + gamma V(s'), the reward and what the next "
        "state is worth.",
        functools.partial(_online, fitted="reward"),
    ),
    Mistake(
        "Your actor moves only the logit of the chosen action, by the whole step. The gradient of log softmax is "
        "(1 for the chosen action, 0 for the others) minus the probabilities.",
        functools.partial(_online, score="whole"),
    ),
    Mistake(
        "Your actor moves only the logit of the chosen action, by the right amount; the logits of the others move, "
        "too, each by minus its own probability.",
        functools.partial(_online, score="own"),
    ),
    Mistake(
        "Your score lacks its 1 for the chosen action, so that after praise every action falls.",
        functools.partial(_online, score="others"),
    ),
    Mistake(
        "Your actor follows the gradient of the probability. It is the gradient of its logarithm that belongs here, "
        "or rare actions count too little.",
        functools.partial(_online, score="likelihood"),
    ),
    Mistake(
        "Your actor weighs the action with the target r + gamma V(s'). Subtract what the critic expected, V(s).",
        functools.partial(_online, judged="target"),
    ),
    Mistake(
        "Your actor weighs the action with its reward alone; what the next state is worth is missing from the verdict.",
        functools.partial(_online, judged="reward"),
    ),
    Mistake(
        "Gamma is missing: V(s') lies one step ahead.",
        functools.partial(_online, missing=("gamma",)),
    ),
    Mistake(
        "Your actor takes the critic's step size. The two have one each.",
        functools.partial(_online, missing=("actor_rate",)),
    ),
    Mistake(
        "V has not moved: the critic learns from the same step, too.",
        functools.partial(_online, missing=("critic",)),
    ),
    Mistake(
        "The logits have not moved: line 7 is missing.",
        functools.partial(_online, missing=("actor",)),
    ),
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
    cases = [(torch.zeros(2, 2).double(), _column(3, 4), 0, 1, 2.0, 1, False, 0.5, 0.5, 0.2)]
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
        return not_started()
    given = iter([_what_moved(answer, *case[:3], case[5]) for answer, case in zip(answers, cases, strict=True)])
    return judge(
        lambda *_: next(given),
        _online,
        cases,
        ONLINE_MISTAKES,
        praise="Right on every draw: one delta, taken once, teaches the critic what to expect, the actor what to do.",
        show=lambda logits, V, s, a, r, n, d, gamma, *rates: (
            f"logits[s] {write(logits[s])}, V(s) {write(V[s])}, V(s') {write(V[n])}, a={a}, r={r:.3g}, terminated {d}, "
            f"gamma {gamma:g}, step sizes {rates[0]:.2g} and {rates[1]:.2g}; new logits[s], V(s), V(s'), and how far "
            "any other entry moved"
        ),
    )


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
    each = "one number per state and action", "one number per state"
    return tuple(as_tensor(*three) for three in zip(answer, (logits, V), each, strict=True))


# ---------------------------------------------------------------- E2


def _targets(rewards, next_values, terminated, truncated, gamma, *, bootstrap="cut", stops="both", power=None, of=None):
    """Reward-to-go of every step, episodes laid end to end; with the keywords, gone wrong."""
    T, targets = len(rewards), torch.zeros_like(rewards)
    for t in range(T):
        for k in range(T - t):
            row = t + k
            weight = gamma ** (row if power == "clock" else k) if power != "none" else 1.0
            targets[t] += weight * rewards[row]
            over = (terminated[row] and stops != "never") or (truncated[row] and stops == "both")
            cut = not terminated[row] and (truncated[row] or (row == T - 1 and bootstrap != "flagged"))
            seen = {"next": min(row + 1, T - 1), "last": T - 1}.get(of, row)
            if (over or row == T - 1) and bootstrap != "never" and (cut or bootstrap == "always"):
                targets[t] += weight * gamma ** (power != "none") * next_values[seen]
            if over:
                break
    return targets


TARGET_MISTAKES = [
    Mistake(
        "Your returns run on into the next episode. What a later episode earned is nothing to this one: stop at both "
        "flags.",
        functools.partial(_targets, stops="never"),
    ),
    Mistake(
        "Your returns stop where an episode terminated, but run on over a truncation. The row after it belongs to "
        "another episode, too.",
        functools.partial(_targets, stops="terminated"),
    ),
    Mistake(
        "Where an episode was cut off (truncated, or the last row), something was still to come. Add gamma V(s') of "
        "that last state.",
        functools.partial(_targets, bootstrap="never"),
    ),
    Mistake(
        "You add the value of the last state even where the episode terminated. There is nothing after it.",
        functools.partial(_targets, bootstrap="always"),
    ),
    Mistake(
        "The last row was cut off, too, even without a flag: add gamma V(s') there.",
        functools.partial(_targets, bootstrap="flagged"),
    ),
    Mistake(
        "After a truncation use next_values of the same row: next_values[t] is already the value of the state that "
        "step t led to.",
        functools.partial(_targets, of="next"),
    ),
    Mistake(
        "Every truncation bootstraps with the last row of next_values. Each of them has a state of its own: use "
        "next_values of the same row.",
        functools.partial(_targets, of="last"),
    ),
    Mistake(
        "These are TD targets, one reward and then the critic. Asked for are the sampled returns, which use every "
        "reward up to the end.",
        lambda r, n, d, u, gamma: r + gamma * n * ~d,
    ),
    Mistake(
        "Your discount counts from the beginning of the record. It counts from the step itself: the first reward is "
        "not discounted.",
        functools.partial(_targets, power="clock"),
    ),
    Mistake("Gamma is missing.", functools.partial(_targets, power="none")),
    Mistake(
        "You added up what had been earned before, from the first step on. A value looks ahead: begin at the last "
        "step and go back.",
        lambda r, n, d, u, gamma: _forwards(r, d | u, gamma),
    ),
    Mistake(
        "Your sum leaves out the reward of the step itself, which is earned after s was seen.",
        lambda r, n, d, u, gamma: _targets(r, n, d, u, gamma) - r,
    ),
]


def _forwards(rewards, ended, gamma):
    totals, total = [], 0.0
    for r, e in zip(rewards, ended, strict=True):
        total = r + gamma * total
        totals.append(total)
        total = 0.0 if e else total
    return torch.stack(totals)


def critic_targets(student, *, seed=None):
    """E2: student(rewards, next_values, terminated, truncated, gamma) -> the return from every step, for the critic.

    Args:
        student: the function; rewards and next_values are float64 tensors [T], several episodes end to end, the
            flags booleans [T], gamma a number. next_values[t] is V of the state that step t led to.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    flags = torch.tensor([[False, True, False, False], [False, False, False, True]])
    cases = [(_column(1, 2, 0, 4), _column(9, 9, 9, 6), *flags, 0.5)]
    for steps in (6, 9, 12):
        ends = rng.choice(3, steps, p=(0.6, 0.2, 0.2))
        ends[[1, 3, -1]] = 1, 2, 0
        terminated, truncated = (torch.from_numpy(ends == kind) for kind in (1, 2))
        rewards, values = torch.from_numpy(rng.normal(0, 2, (2, steps)))
        cases.append((rewards, values, terminated, truncated, round(float(rng.uniform(0.6, 0.95)), 2)))
    return judge(
        student,
        lambda r, n, d, u, gamma: rewards_to_go(r, d, u, gamma=gamma, next_values=n),
        cases,
        TARGET_MISTAKES,
        praise="Right on every draw. Mind what it took: all the rewards, up to the end. No online learner has them.",
        show=lambda r, n, d, u, gamma: (
            f"rewards {write(r)}, V(s') {write(n)}, terminated {d.int().tolist()}, truncated {u.int().tolist()}, "
            f"gamma {gamma:g}"
        ),
    )


# ---------------------------------------------------------------- E3

ACCEPTED = (0.02, 0.05)
STEP_SIZE_MISTAKES = (
    (0.5, "That leaves the step size as it was. A single sample scatters four times as much as the mean of sixteen, "
     "and sixteen updates are made for one. Each may go only a fraction as far."),
    (8.0, "You multiplied by 16. One sample tells less than sixteen, so the step has to be shorter."),
    (0.125, "You divided by 4, the square root of 16. The root is right for how much one gradient scatters; but "
     "sixteen small steps are taken while the batch takes one, and together they may go as far as that one."),
    (2.0, "You multiplied by 4. One sample tells less than sixteen, so the step has to be shorter."),
    (0.5 / 256, "You divided by 16 twice, it seems. Sixteen small steps are taken for one large one, so that one "
     "division is enough; this would learn sixteen times too slowly."),
)  # fmt: skip


def matching_step_size(eta):
    """E3: the step size of a single sample that learns like N = 16 with η = 0.5; between 0.02 and 0.05 is right.

    Args:
        eta: a number, or a function without arguments that returns one.

    Returns:
        A Verdict.
    """
    if eta is None or eta is Ellipsis:
        return not_started()
    try:
        value = as_tensor(call(eta, ()) if callable(eta) else eta, torch.zeros(())).item()
    except Stopped as stopped:
        return stopped.verdict
    if value <= 0:
        return wrong("A step size is above zero.")
    for known, sentence in STEP_SIZE_MISTAKES:
        if abs(value - known) <= 0.02 * known:
            return wrong(sentence)
    low, high = ACCEPTED
    if value > high:
        return wrong(f"{value:.3g} is too large: sixteen steps of this size go further than the one of 0.5.")
    if value < low:
        return wrong(f"{value:.3g} is too small: sixteen steps of this size go less far than the one of 0.5.")
    return right(
        "Sixteen steps of 0.5/16 = 0.031 go as far as one of 0.5 and average as much luck. Let 256 learners try."
    )


# ---------------------------------------------------------------- E4


def _little_networks(rng, steps):
    """Graph of a made-up actor and critic: log-probabilities, V(s), V(s'), and the weights they come from."""
    theta, w = (torch.from_numpy(rng.normal(0, 1, 3)).requires_grad_() for _ in range(2))
    seen, chosen, after = (torch.from_numpy(rng.normal(0, 1, (steps, 3))) for _ in range(3))
    log_probs = torch.nn.functional.logsigmoid(chosen @ theta)
    return log_probs, seen @ w, after @ w, theta, w


def losses(student, *, seed=None):
    """E4: student(log_probs, values, next_values, rewards, terminated, gamma) -> (actor loss, critic loss).

    The actor's loss is -mean(log π · δ), the critic's mean(δ²), where no gradient flows from the first into the
    critic, nor through the critic's own target. The checker asks autograd what reaches whom.

    Args:
        student: the function; log_probs, values, next_values are tensors [T] that carry a graph, rewards a float64
            tensor [T], terminated a boolean one, gamma a number.
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    verdicts = []
    for steps in (4, 7, 10):
        log_probs, values, next_values, theta, w = _little_networks(rng, steps)
        rewards, terminated = torch.from_numpy(rng.normal(0, 1, steps)), torch.from_numpy(rng.random(steps) < 0.3)
        terminated[:2] = torch.tensor([True, False])
        try:
            actor, critic = _two_scalars(call(student, (log_probs, values, next_values, rewards, terminated, 0.9)))
        except Stopped as stopped:
            return stopped.verdict
        delta = rewards + 0.9 * next_values.detach() * ~terminated - values
        truth = -(log_probs * delta.detach()).mean(), (delta**2).mean()
        verdicts.append(_who_moves(actor, critic, truth, theta, w, delta, log_probs))
    return next((verdict for verdict in verdicts if not verdict.passed), verdicts[0])


def _two_scalars(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Stopped(wrong(f"Return two losses, the actor's and the critic's; got {type(answer).__name__}."))
    for name, loss in zip(("actor", "critic"), answer, strict=True):
        if loss is Ellipsis or loss is None:
            raise Stopped(not_started())
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            raise Stopped(wrong(f"The {name}'s loss must be a single number, a tensor with a graph; take the mean."))
    return [loss.reshape(()) for loss in answer]


def _slope(loss, weights):
    if not loss.requires_grad:
        return torch.zeros_like(weights)
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)[0]
    return torch.zeros_like(weights) if found is None else found


def _same(a, b):
    return torch.allclose(a, b, rtol=1e-6, atol=1e-9)


def _who_moves(actor, critic, truth, theta, w, delta, log_probs):
    """Compare where each loss sends the weights of actor (theta) and critic (w) with where it should."""
    wanted = _slope(truth[0], theta), _slope(truth[1], w)
    got = _slope(actor, theta), _slope(critic, w)
    leak = _slope(actor, w)
    nothing = torch.zeros_like(w)
    size = f"gradient of your actor's loss in the critic's weights {write(leak)}, should be {write(nothing)}"
    if _same(got[0], nothing):
        return wrong(
            "Your actor's loss moves no actor: log π has lost its graph. Detach the advantage, and nothing else.",
        )
    if not _same(leak, nothing):
        return wrong(
            "Your actor's loss reaches into the critic: the advantage is not detached. The actor would lower its loss "
            "by bending the judge instead of the behaviour.",
            size,
        )
    if not _same(_slope(critic, theta), nothing):
        return wrong("Your critic's loss moves the actor. Its error has nothing to do with log π.")
    if _same(got[1], nothing):
        return wrong(
            "Your critic's loss moves nothing: you detached its values as well. Only the advantage in the actor's "
            "loss, and the target inside the critic's, are constants."
        )
    if _same(got[0], -wanted[0]):
        return wrong("Your actor's loss has the wrong sign: descending it must make well-judged actions likelier.")
    if _same(got[1], wanted[1]) and not _same(got[0], wanted[0]):
        if _same(got[0], wanted[0] * len(delta)):
            return wrong("Your actor's loss is a sum. Take the mean, or the step grows with the length of the batch.")
        if _same(got[0], _slope(-log_probs.mean(), theta)):
            return wrong("Your actor's loss forgets the advantage: every action is made likelier, good or bad.")
    if _same(got[1], wanted[1] * len(delta)):
        return wrong("Your critic's loss is a sum. Take the mean, or the step grows with the length of the batch.")
    if not _same(got[1], wanted[1]) and _same(got[0], wanted[0]):
        return wrong(
            "Your critic's loss also differentiates its own target, r + gamma V(s'). Detach the target: V(s) goes to "
            "it, it does not come to V(s).",
        )
    if not (_same(got[0], wanted[0]) and _same(got[1], wanted[1])):
        return wrong(
            "Nothing leaks, but the numbers differ from -mean(log π · δ) and mean(δ²). Is V(s') masked where a step "
            "terminated, and discounted?"
        )
    return right("Each loss moves its own network alone: autograd finds no path from the actor's loss to the critic.")
