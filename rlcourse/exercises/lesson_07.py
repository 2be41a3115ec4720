"""Exercises of lesson 07: the critic's targets, the epochs of an update, normalising, the clinic, two pairs of runs."""

import numpy as np
import torch

from rlcourse.exercises.checker import Mistake, Stopped, as_tensor, call, judge, not_started, right, write, wrong
from rlcourse.objectives import clipped_surrogate as _clipped_surrogate
from rlcourse.returns import gae as _gae
from rlcourse.returns import rewards_to_go as _rewards_to_go


def _column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def _flags(*numbers):
    return torch.tensor(numbers, dtype=torch.bool)


def _recording(rng, steps=9):
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


def _recordings(rng):
    return [(*_TINY, *_OVER), (*_TINY, *_CUT), (*_TINY, *_OPEN), *(_recording(rng) for _ in range(4))]


def _sweep(rewards, values, next_values, gamma, gae_lambda, *, masked, cut):
    """GAE with flags of one's own choice: `masked` has no value after it, `cut` stops the recursion."""
    deltas = rewards + gamma * next_values * ~masked - values
    advantages = deltas.clone()
    for t in reversed(range(len(deltas) - 1)):
        advantages[t] += gamma * gae_lambda * ~cut[t] * advantages[t + 1]
    return advantages


# ---------------------------------------------------------------- E1


def value_targets(student, *, seed=None):
    """Check value_targets(rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> [T]."""
    rng = np.random.default_rng(seed)
    cases = [(*case, 0.9, 0.5) for case in _recordings(rng)[:3]]
    cases += [(*case, *map(float, rng.uniform((0.8, 0.3), (0.99, 0.9)))) for case in _recordings(rng)[3:]]
    return judge(
        student,
        _lambda_returns,
        cases,
        [
            Mistake(
                "These are rewards added up to the end of the recording, and nothing after a cut. A time limit and the "
                "edge of the window stop the recording, not the future: the critic would learn too little.",
                lambda r, v, n, d, c, gamma, lam: _raw_returns(r, d | c, gamma),
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
                lambda r, v, n, d, c, gamma, lam: v + _sweep(r, v, n, gamma, lam, masked=d & ~d, cut=d | c),
            ),
            Mistake(
                "A time limit is taken for a death: after a truncated step the value of the next state still counts.",
                lambda r, v, n, d, c, gamma, lam: v + _sweep(r, v, n, gamma, lam, masked=d | c, cut=d | c),
            ),
            Mistake(
                "What one episode earned leaks into the one recorded before it. Where must the sum of the δs be cut?",
                lambda r, v, n, d, c, gamma, lam: v + _sweep(r, v, n, gamma, lam, masked=d, cut=d & ~d),
            ),
            Mistake(
                "After a time limit you take the value of the next row. There another episode has begun: next_values "
                "holds what you need.",
                lambda r, v, n, d, c, gamma, lam: _lambda_returns(r, v, torch.cat([v[1:], n[-1:]]), d, c, gamma, lam),
            ),
            Mistake(
                "The sum of the δs is cut after a death, but it runs on across a time limit, into another episode.",
                lambda r, v, n, d, c, gamma, lam: v + _sweep(r, v, n, gamma, lam, masked=d, cut=d),
            ),
        ],
        praise="V plus its own advantage: targets that bootstrap wherever the recording was cut.",
        show=lambda r, v, n, d, c, gamma, lam: (
            f"rewards {write(r)}, values {write(v)}, next_values {write(n)}, terminated {_marks(d)}, "
            f"truncated {_marks(c)}, γ = {gamma:.3g}, λ = {lam:.3g}"
        ),
    )


def _marks(flags):
    return write(flags.double())


def _lambda_returns(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    steps = rewards, values, next_values, terminated, truncated
    return values + _gae(*steps, gamma=gamma, gae_lambda=gae_lambda)


def _raw_returns(rewards, ended, gamma):
    total, returns = 0.0, torch.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        total = rewards[t] + gamma * total * ~ended[t]
        returns[t] = total
    return returns


# ---------------------------------------------------------------- E2


def passes(student, *, seed=None):
    """Check passes(logits, actions, advantages, epochs, clip_eps, step_size) -> the logits after the update, [K]."""
    rng = np.random.default_rng(seed)
    cases = []
    for rows, kinds, rounds, parts in ((4, 2, 2, 2), (12, 3, 3, 2), (12, 4, 4, 3), (15, 3, 3, 3)):
        actions = torch.from_numpy(np.arange(rows) % kinds)
        advantages = torch.from_numpy(rng.normal(0, 1, rows) + 2 * (np.arange(rows) % kinds == 0))
        order = [list(torch.from_numpy(rng.permutation(rows)).split(rows // parts)) for _ in range(rounds)]
        cases.append((torch.from_numpy(rng.normal(0, 0.3, kinds)), actions, advantages, order, 0.2, 1.0))
    return judge(
        student,
        _passes,
        cases,
        [
            Mistake(
                "Your ratio is 1 in every step: the old log-probabilities are computed again in every minibatch. "
                "Nothing is ever clipped then, and nothing knows that the data grow old.",
                lambda *case: _passes(*case, renew="minibatch"),
            ),
            Mistake(
                "The old log-probabilities are renewed with every epoch, so the range moves along with the policy. "
                "They belong to the policy that collected the rows.",
                lambda *case: _passes(*case, renew="epoch"),
            ),
            Mistake(
                "Every step goes the wrong way: the surrogate is to be ascended.",
                lambda *case: _passes(*case[:-1], -case[-1]),
            ),
            Mistake(
                "Every step uses all rows. One step belongs to one minibatch: take its rows of all three columns.",
                lambda logits, actions, A, epochs, eps, eta: _passes(
                    logits, actions, A, [[torch.arange(len(A))] * len(epoch) for epoch in epochs], eps, eta
                ),
            ),
            Mistake(
                "You stop after the first epoch; the rows are to be used again in each of them.",
                lambda logits, actions, A, epochs, eps, eta: _passes(logits, actions, A, epochs[:1], eps, eta),
            ),
            Mistake(
                "Gradients of earlier minibatches are still in yours: torch adds them up until you set them to zero.",
                lambda *case: _passes(*case, keep_gradients=True),
            ),
            Mistake(
                "The ratio is not clipped: this is ρA, used again and again.",
                lambda logits, actions, A, epochs, eps, eta: _passes(logits, actions, A, epochs, 1e9, eta),
            ),
            Mistake(
                "You add up the rows of a minibatch. Take their mean, or the step grows with the minibatch.",
                lambda *case: _passes(*case, mean=False),
            ),
        ],
        praise="The rows are used again and again, and the policy they came from stays put: that is the ratio.",
        show=lambda logits, actions, A, epochs, eps, eta: (
            f"logits {write(logits)}, actions {write(actions)}, advantages {write(A)}, "
            f"epochs {[[rows.tolist() for rows in epoch] for epoch in epochs]}"
        ),
        each="one logit an action",
    )


def _passes(logits, actions, advantages, epochs, clip_eps, step_size, *, renew=None, keep_gradients=False, mean=True):
    """Plain gradient ascent on the clipped surrogate, minibatch after minibatch, with known faults on demand."""
    theta, carried = logits.clone(), 0.0
    old = theta.log_softmax(0)[actions]
    for epoch in epochs:
        if renew == "epoch":
            old = theta.log_softmax(0)[actions]
        for rows in epoch:
            theta.requires_grad_()
            log_probs = theta.log_softmax(0)[actions[rows]]
            before = log_probs.detach() if renew == "minibatch" else old[rows]
            objective = _clipped_surrogate(log_probs, before, advantages[rows], clip_eps=clip_eps)
            (gradient,) = torch.autograd.grad(objective * (1 if mean else len(rows)), theta)
            carried = gradient + (carried if keep_gradients else 0.0)
            theta = (theta + step_size * carried).detach()
    return theta


# ---------------------------------------------------------------- E3


def prepare(student, *, seed=None):
    """Check prepare(advantages, values) -> (targets, weights), both of the shape [T, N] of the arguments."""
    rng = np.random.default_rng(seed)
    cases = [(_column(1, 3, 2, 6).reshape(2, 2), _column(5, 5, 5, 5).reshape(2, 2))]
    cases += [tuple(torch.from_numpy(rng.normal(m, s, (5, 3))) for m, s in ((1, 3), (4, 2))) for _ in range(3)]
    mistakes = [
        Mistake(sentence, lambda A, V, faulty=faulty, n=n: torch.stack(faulty(A, V, n)))
        for n in (1, 0)  # both ways to count in a standard deviation are right
        for sentence, faulty in (
            (
                "Your critic learns from normalised advantages. Normalise for the actor only, once the targets exist.",
                lambda A, V, n: (V + _standard(A, n), _standard(A, n)),
            ),
            (
                "You normalise the targets as well. The critic must learn values in the unit of the reward.",
                lambda A, V, n: (_standard(V + A, n), _standard(A, n)),
            ),
            (
                "You normalise the returns in place of the advantages. What is common to all actions of a state, V, is "
                "back in the weights.",
                lambda A, V, n: (V + A, _standard(V + A, n)),
            ),
            (
                "You divide by the variance. Its unit is the square of the reward's.",
                lambda A, V, n: (V + A, (A - A.mean()) / A.var(correction=n)),
            ),
            (
                "You divide by the standard deviation and leave the mean where it was.",
                lambda A, V, n: (V + A, A / A.std(correction=n)),
            ),
            (
                "You subtract the mean and leave the scale as it was: the step still depends on the unit of reward.",
                lambda A, V, n: (V + A, A - A.mean()),
            ),
            (
                "You normalise every environment by itself. An environment in which all went well then looks average.",
                lambda A, V, n: (V + A, (A - A.mean(0)) / A.std(0, correction=n)),
            ),
            (
                "You normalise every time step by itself. Take one mean and one deviation for the whole batch.",
                lambda A, V, n: (V + A, (A - A.mean(1, keepdim=True)) / A.std(1, keepdim=True, correction=n)),
            ),
            ("The two answers are swapped: first the targets, then the weights.",
             lambda A, V, n: (_standard(A, n), V + A)),
            ("The weights are right. A target is what V should have been: V plus its error.",
             lambda A, V, n: (A, _standard(A, n))),
        )
    ]  # fmt: skip
    show = lambda A, V: f"advantages {write(A)}, values {write(V)}"  # noqa: E731
    each = "targets and weights, each of the shape of advantages"
    verdicts = [
        judge(student, lambda A, V, n=n: torch.stack((V + A, _standard(A, n))), cases, mistakes,
              praise=_EVEN, show=show, each=each)
        for n in (1, 0)
    ]  # fmt: skip
    verdict = next((v for v in verdicts if v.passed), verdicts[0])
    return _survives_equal_advantages(student, each) if verdict.passed else verdict


_EVEN = "The actor gets weights of mean 0 and deviation 1; the critic keeps targets in the unit of reward."


def _survives_equal_advantages(student, each):
    """The batch that has nothing to tell its actions apart: a deviation of zero."""
    equal = torch.full((4, 2), 1.5, dtype=torch.float64)
    try:
        _, weights = call(student, (equal, equal))
        if not torch.as_tensor(weights).isfinite().all():
            return wrong(
                "All advantages of a batch may be equal, and then you divide zero by zero. Guard the division with a "
                "small number."
            )
        weights = as_tensor(weights, equal, each)
    except Stopped as stopped:
        return stopped.verdict
    if weights.abs().max() > 1e-3:
        return wrong("If all advantages are equal no action was better than another: the weights should be 0.")
    return right(_EVEN)


def _standard(numbers, correction=1):
    return (numbers - numbers.mean()) / (numbers.std(correction=correction) + 1e-8)


# ---------------------------------------------------------------- E4, the clinic


_DONE = {
    "clock": "the targets go on after a time limit",
    "flag": "the advantages know a death",
    "old": "the ratio is taken to the policy that collected the rows",
    "sign": "the bonus pays for entropy",
}
_OPEN_FAULTS = {
    "clock": "value_targets: a pole that still stands when the clock stops is told that it has no future.",
    "flag": "advantages: nobody tells them that a pole has fallen.",
    "old": "policy_loss: its ratio is 1 for every row, whatever has happened to the policy.",
    "sign": "policy_loss: the more certain the policy, the lower the loss. What was the bonus for?",
}


def clinic(targets, advantages, loss, *, seed=None):
    """Check the three repaired functions of E4: which of the four faults are mended, which are left.

    Args:
        targets: value_targets(rewards, next_values, terminated, truncated, gamma) -> [T].
        advantages: advantages(rewards, values, next_values, terminated, truncated, gamma, gae_lambda) -> [T].
        loss: policy_loss(logits, actions, old_log_probs, advantages, clip_eps, entropy_weight) -> scalar to descend.
    """
    rng = np.random.default_rng(seed)
    mended, open_, notes, example = [], [], [], ""
    examinations = (_examine_targets, targets), (_examine_advantages, advantages), (_examine_loss, loss)
    try:
        for examine, student in examinations:
            found = examine(student, rng)
            mended += found.get("mended", [])
            open_ += found.get("open", [])
            notes += found.get("notes", [])
            example = example or found.get("example", "")
    except Stopped as stopped:
        return stopped.verdict
    if not open_ and not notes:
        return right("All four faults are mended. Discharged: put it to training.")
    done = f" Mended: {'; '.join(_DONE[name] for name in mended)}." if mended else ""
    left = " ".join([*notes, *(_OPEN_FAULTS[name] for name in open_)])
    return wrong(f"{len(mended)} of 4 faults mended.{done} Left: {left}", example)


def _examine_targets(student, rng):
    cases = [(case[0], case[2], *case[3:], 0.9) for case in _recordings(rng)]

    def right_way(r, n, d, c, gamma):
        return _rewards_to_go(r, d, c, gamma=gamma, next_values=n)

    known = {
        "clock": lambda r, n, d, c, gamma: _bootstrapped(r, n, d | c, d | c, gamma),
        "value_targets: a value is counted even after a death. You have mended too much.":
            lambda r, n, d, c, gamma: _bootstrapped(r, n, d & ~d, d | c, gamma),
        "value_targets: the sum runs on across a time limit, into the next episode.":
            lambda r, n, d, c, gamma: _bootstrapped(r, n, d, d, gamma),
        "value_targets: the last row has no future any more, though the window was merely cut there.":
            lambda r, n, d, c, gamma: _bootstrapped(r, torch.cat([n[:-1], 0 * n[-1:]]), d, d | c, gamma),
        "value_targets: nothing is counted after any cut; where has next_values gone?":
            lambda r, n, d, c, gamma: _raw_returns(r, d | c, gamma),
    }  # fmt: skip
    return _diagnose(student, "value_targets", right_way, cases, known, {"clock"})


def _bootstrapped(rewards, next_values, dead, cut, gamma):
    """Rewards-to-go with flags of one's own choice; the last row is cut as well."""
    returns = torch.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        after = next_values[t] if cut[t] or t == len(rewards) - 1 else returns[t + 1]
        returns[t] = rewards[t] + gamma * after * ~dead[t]
    return returns


def _examine_advantages(student, rng):
    cases = [(*case, 0.9, 0.5) for case in _recordings(rng)]

    def with_flags(masked, cut):
        return lambda r, v, n, d, c, gamma, lam: _sweep(
            r, v, n, gamma, lam, masked=masked(d, c), cut=cut(d, c)
        )

    never, both = (lambda d, c: d & ~d), (lambda d, c: d | c)
    known = {
        "flag": with_flags(never, lambda d, c: c),
        "advantages: δ still counts a value after a death; only the sum is cut there.": with_flags(never, both),
        "advantages: δ knows a death now, but the sum still runs on into the next episode.":
            with_flags(lambda d, c: d, lambda d, c: c),
        "advantages: a time limit is now taken for a death.": with_flags(both, both),
        "advantages: the sum no longer stops at a time limit.": with_flags(lambda d, c: d, lambda d, c: d),
        "advantages: every value after an end is gone, and yet the sum crosses a death.":
            with_flags(both, lambda d, c: c),
    }  # fmt: skip
    return _diagnose(student, "advantages", with_flags(lambda d, c: d, both), cases, known, {"flag"})


def _examine_loss(student, rng):
    cases = []
    for rows in (2, 8, 8):
        logits = torch.from_numpy(rng.normal(0, 1, (rows, 3)))
        actions = torch.from_numpy(rng.integers(0, 3, rows))
        ratios = torch.from_numpy(rng.choice([0.5, 0.95, 1.05, 1.7], rows))
        old = logits.log_softmax(-1)[torch.arange(rows), actions] - ratios.log()
        cases.append((logits.requires_grad_(), actions, old, torch.from_numpy(rng.normal(0, 1, rows)), 0.2, 0.3))

    def loss(*, fresh=False, sign=1.0, clip=True, ascend=False, detached=False):
        def function(logits, actions, old, A, eps, weight):
            logs = logits.log_softmax(-1)
            taken = logs.gather(-1, actions[:, None]).squeeze(-1)
            surrogate = _clipped_surrogate(taken, taken.detach() if fresh else old, A, clip_eps=eps if clip else 1e9)
            entropy = -(logs.exp() * logs).sum(-1).mean()
            value = -surrogate - sign * weight * (entropy.detach() if detached else entropy)
            return -value if ascend else value

        return function

    known = {
        ("old", "sign"): loss(fresh=True, sign=-1.0),
        ("old",): loss(fresh=True),
        ("sign",): loss(sign=-1.0),
        "policy_loss: the bonus for entropy is gone. It was to be mended, not removed.": loss(sign=0.0),
        "policy_loss: the bonus is gone, and the ratio is still 1 for every row.": loss(fresh=True, sign=0.0),
        "policy_loss: nothing is clipped any more.": loss(clip=False),
        "policy_loss: the sign of the whole is turned. This is what to ascend; asked for is what to descend.":
            loss(ascend=True),
        "policy_loss: no gradient passes through the entropy; the bonus teaches nothing.": loss(detached=True),
    }  # fmt: skip

    def with_gradient(function):
        """The loss and, behind it, its gradient: two functions may agree in value and teach different things."""

        def both(*case):
            value = call(function, case) if function is student else function(*case)
            number = as_tensor(value, torch.tensor(0.0), "one number")
            if not (isinstance(value, torch.Tensor) and value.requires_grad):
                raise Stopped(wrong("policy_loss: no gradient reaches the logits; keep its answer a tensor of theirs."))
            (slope,) = torch.autograd.grad(value, case[0], allow_unused=True)
            slope = torch.zeros_like(case[0]) if slope is None else slope
            return torch.cat([number.reshape(1), slope.flatten()])

        return both

    return _diagnose(
        with_gradient(student), "policy_loss", with_gradient(loss()), cases,
        {name: with_gradient(function) for name, function in known.items()}, {"old", "sign"}, direct=True,
    )  # fmt: skip


def _diagnose(student, name, oracle, cases, known, faults, *, direct=False):
    """What a function does: as the oracle, as one of the known faults, or something else."""
    truths = [oracle(*case).detach() for case in cases]
    answers = []
    for case, truth in zip(cases, truths, strict=True):
        answer = student(*case) if direct else call(student, case)
        answers.append(as_tensor(answer, truth))

    def same(others):
        return all(torch.allclose(a, b.detach(), rtol=1e-6, atol=1e-6) for a, b in zip(answers, others, strict=True))

    if same(truths):
        return {"mended": sorted(faults, key=list(_DONE).index)}
    for what, function in known.items():
        if same([function(*case) for case in cases]):
            if isinstance(what, str) and what not in _OPEN_FAULTS:
                return {"notes": [what]}
            left = {what} if isinstance(what, str) else set(what)
            order = list(_DONE).index
            return {"open": sorted(left, key=order), "mended": sorted(faults - left, key=order)}
    wanted, got = next((t, a) for t, a in zip(truths, answers, strict=True) if not torch.allclose(a, t, atol=1e-6))
    return {
        "notes": [f"{name}: its numbers are neither right nor those of the old fault."],
        "example": f"{name}: expected {write(wanted)}, got {write(got)}",
    }


# ---------------------------------------------------------------- E5


def evidence(board, supports, refutes):
    """Check two pairs of runs: one that shows PPO to be sensitive to a setting, one that shows it is not to another.

    Args:
        board: dict from the name of a variation to (setting, final scores of its seeds).
        supports, refutes: pairs of names.

    Returns:
        A Verdict.
    """
    if supports is Ellipsis or refutes is Ellipsis:
        return not_started()
    for name, pair in (("supports", supports), ("refutes", refutes)):
        objection = _no_pair(board, name, pair)
        if objection:
            return wrong(objection)
    (low, high) = sorted((board[name][1] for name in supports), key=np.mean)
    shown = _shown(board, supports)
    if max(low) >= min(high):
        return wrong(
            "supports: the seeds of the two runs overlap, so luck alone could have turned them round. Find a pair "
            "whose worst and best seeds do not meet.",
            shown,
        )
    if np.mean(high) < 1.5 * np.mean(low):
        return wrong("supports: no seed overlaps, but half as much again is the least to be called sensitive.", shown)
    low, high = sorted((board[name][1] for name in refutes), key=np.mean)
    shown = _shown(board, refutes)
    if max(low) < min(high) and np.mean(high) > 1.1 * np.mean(low):
        sentence = "refutes: every seed of one run beats every seed of the other. That is evidence for, not against."
        return wrong(sentence, shown)
    if np.mean(high) > 1.25 * np.mean(low):
        return wrong(
            "refutes: the seeds overlap, but the means lie far apart. Seeds that disagree show nothing either way.",
            shown,
        )
    return right(
        "One setting at a time, all seeds shown, and the claim comes out as it is: sensitive to some, not to all."
    )


def _shown(board, pair):
    return "; ".join(f"{name}: {write(board[name][1])}" for name in pair)


def _no_pair(board, name, pair):
    """Why this cannot be a pair of runs that differ in one setting; empty if it can."""
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        return f"{name} must be a pair of names of the board, such as ('default', 'epochs = 3')."
    unknown = [run for run in pair if run not in board]
    if unknown:
        return f"{name}: the board has no run called {unknown[0]!r}; its names are the keys of the dict."
    if pair[0] == pair[1]:
        return f"{name}: this is one run, twice. A comparison needs two."
    settings = {board[run][0] for run in pair} - {"default"}
    if "one part missing" in settings:
        return f"{name}: a missing part is no setting. Choose among step size, clip width, epochs and λ."
    if len(settings) > 1:
        return f"{name}: the two runs differ in {' and '.join(sorted(settings))}. Change one thing at a time."
    return ""

