"""Exercises of lesson 09: entropies, soft value and backup, soft policy iteration, a broken promise, a ratio."""

import math

import numpy as np
import torch

from rlcourse import exact
from rlcourse.exercises.checker import Mistake, Stopped, call, judge, not_started, right, write, wrong

GAMMA = 0.9


def _column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def _instead_of_nan(verdict, sentence):
    """The verdict, but with this sentence where the student's answer held NaN."""
    return wrong(sentence, verdict.example) if "NaN or infinity" in verdict.sentence else verdict


def _policies(rng, states, actions):
    return torch.from_numpy(rng.dirichlet(np.ones(actions), states))


def _mdp(rng, states=5, actions=3):
    """P and R of a random MDP whose steps may end the episode."""
    transitions = torch.from_numpy(rng.dirichlet(np.full(states, 0.5), (states, actions)))
    lasting = torch.from_numpy(rng.uniform(0.8, 1.0, (states, actions, 1)))
    return transitions * lasting, torch.from_numpy(rng.normal(size=(states, actions)))


# ---------------------------------------------------------------- E1

ZERO_LOG = "Your answer is not a number where a probability is 0. What never happens adds nothing: 0 log 0 = 0."


def categorical_entropy(student, *, seed=None):
    """Check categorical_entropy(probs) -> H in nats, one number, for probabilities of shape [m]."""
    rng = np.random.default_rng(seed)
    known = ((0.5, 0.5), (0.7, 0.2, 0.1), (0.5, 0, 0.25, 0.25), (0, 1, 0), (0.99949, 0.0005, 0.00001))
    cases = [(_column(*p),) for p in known]
    cases += [(torch.from_numpy(rng.dirichlet(np.ones(int(m)))),) for m in rng.integers(2, 9, 4)]
    verdict = judge(
        student,
        _entropy,
        cases,
        [
            Mistake("This is the entropy in bits. Asked for are nats: take the natural logarithm.",
                    lambda p: _entropy(p) / math.log(2)),
            Mistake("The sign: log p is never positive, and an entropy of actions is never negative.",
                    lambda p: -_entropy(p)),
            Mistake("You divide by the number of actions. The probabilities are the weights already.",
                    lambda p: _entropy(p) / len(p)),
            Mistake("This is exp(H), the effective number of actions. Asked for is H itself.",
                    lambda p: _entropy(p).exp()),
            Mistake("Each surprise -log p must count as often as it happens: weigh it by p.",
                    lambda p: -p[p > 0].log().sum()),
            Mistake("The logarithm is missing: this is 1 - Σ p², another measure of spread.",
                    lambda p: 1 - (p * p).sum()),
            Mistake("You give every distribution the entropy of the uniform one, log m.",
                    lambda p: _column(math.log(len(p)))[0]),
            Mistake("You give every distribution the entropy of the uniform one over the actions that can happen.",
                    lambda p: (p > 0).sum().double().log()),
            *(Mistake("You lift small probabilities to a least one before the logarithm. Rare is not impossible: "
                      "its surprise is large, and it counts.",
                      lambda p, least=least: -(p * p.clamp(min=least).log()).sum())
              for least in (0.01, 0.001, 0.0001)),
        ],
        praise="Certain actions and impossible ones included. exp(H) is the effective number of actions.",
        show=lambda p: f"probabilities {write(p)}",
    )  # fmt: skip
    return _instead_of_nan(verdict, ZERO_LOG)


def _entropy(probs):
    return torch.special.entr(probs).sum()


def gaussian_entropy(student, *, seed=None):
    """Check gaussian_entropy(stds) -> h in nats of each, for standard deviations of shape [n]."""
    rng = np.random.default_rng(seed)
    cases = [(_column(1.0),), (_column(0.2, 0.05),)]
    cases += [(torch.from_numpy(np.exp(rng.uniform(-4, 2, 5))),) for _ in range(3)]
    return judge(
        student,
        _gaussian,
        cases,
        [
            Mistake("You do not let h fall below zero. For a density it may: the mass of a narrow one stands higher "
                    "than 1.", lambda s: _gaussian(s).clamp(min=0)),
            Mistake("You take the absolute value. Narrower must mean less, below zero as well as above it.",
                    lambda s: _gaussian(s).abs()),
            Mistake("The σ in the formula is squared; inside the logarithm you have σ itself.",
                    lambda s: 0.5 * (2 * math.pi * math.e * s).log()),
            Mistake("The factor e is missing: this is the log of the peak's inverse, ½ nat too little.",
                    lambda s: 0.5 * (2 * math.pi * s**2).log()),
            Mistake("The factor ½ in front of the logarithm is missing.", lambda s: 2 * _gaussian(s)),
            Mistake("This is in bits. Asked for are nats: take the natural logarithm.",
                    lambda s: _gaussian(s) / math.log(2)),
            Mistake("The sign: a wider density is less certain, so h grows with σ.", lambda s: -_gaussian(s)),
            Mistake("This is exp(h), the width of the box with the same entropy. Asked for is h.",
                    lambda s: _gaussian(s).exp()),
            Mistake("This is log σ alone; the constant of the bell shape is missing.", lambda s: s.log()),
        ],
        praise="Negative where it must be: below σ = 0.242 a Gaussian is as sure as a box narrower than 1.",
        show=lambda s: f"standard deviations {write(s)}",
        each="one number a standard deviation",
    )  # fmt: skip


def _gaussian(stds):
    return 0.5 * (2 * math.pi * math.e * stds**2).log()


# ---------------------------------------------------------------- E2


def soft_value(student, *, seed=None):
    """Check soft_value(Q, policy, alpha) -> V, shape [S], for tables of shape [S, A]."""
    rng = np.random.default_rng(seed)
    cases = [(_column(1, 1)[None], _column(0.5, 0.5)[None], 2.0), (_column(3, 1)[None], _column(0.75, 0.25)[None], 0.5)]
    cases.append((_column(3, 1)[None], _column(1.0, 0.0)[None], 0.5))
    for _ in range(3):
        Q = torch.from_numpy(rng.normal(0, 2, (4, 3)))
        cases.append((Q, _policies(rng, 4, 3), float(rng.uniform(0.1, 0.8))))
    verdict = judge(
        student,
        _value,
        cases,
        [
            Mistake("α is missing: the entropy counts here as if α were 1, whatever it is.",
                    lambda Q, pi, alpha: _value(Q, pi, 1.0)),
            Mistake("The sign of the entropy: a log π inside the mean is negative, so it has to be subtracted.",
                    lambda Q, pi, alpha: _value(Q, pi, -alpha)),
            Mistake("This is the ordinary value, Σ π Q; the entropy is missing.",
                    lambda Q, pi, alpha: (pi * Q).sum(-1)),
            Mistake("You divide the entropy by α; it is multiplied by α.",
                    lambda Q, pi, alpha: _value(Q, pi, 1 / alpha)),
            Mistake("This is the entropy's part alone; the mean of Q is missing.",
                    lambda Q, pi, alpha: _value(0 * Q, pi, alpha)),
            Mistake("You average over actions as if all were equally likely; weigh them by π.",
                    lambda Q, pi, alpha: (Q - alpha * pi.clamp(min=1e-300).log()).mean(-1)),
            Mistake("You multiply only Q by π; the surprise -α log π needs its weight, too.",
                    lambda Q, pi, alpha: (pi * Q - alpha * pi.clamp(min=1e-300).log()).sum(-1)),
            Mistake("This is α log Σ exp(Q/α), the value of the best policy, not of the one given.",
                    lambda Q, pi, alpha: alpha * torch.logsumexp(Q / alpha, -1)),
        ],
        praise="The mean of Q, plus α times the entropy of the choice.",
        show=lambda Q, pi, alpha: f"Q {write(Q[0])}, policy {write(pi[0])}, alpha {alpha:.3g}",
        each="one number a state",
    )  # fmt: skip
    return _instead_of_nan(verdict, "Your answer is not a number where the policy never takes an action: 0 log 0 = 0.")


def _value(Q, policy, alpha):
    return (policy * Q).sum(-1) + alpha * torch.special.entr(policy).sum(-1)


def soft_backup(student, *, seed=None):
    """Check soft_backup(P, R, policy, Q, gamma, alpha) -> the next table, shape [S, A]."""
    rng = np.random.default_rng(seed)
    one = torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)  # the first action stays, the second ends
    cases = [(one, _column(1, 2)[None], _column(0.5, 0.5)[None], _column(3, 1)[None], 0.5, 2.0)]
    for _ in range(3):
        P, R = _mdp(rng)
        Q = torch.from_numpy(rng.normal(0, 2, R.shape))
        cases.append((P, R, _policies(rng, *R.shape), Q, float(rng.uniform(0.7, 0.95)), float(rng.uniform(0.1, 0.8))))
    verdict = judge(
        student,
        _backup,
        cases,
        [
            Mistake("α is missing: the next step's entropy counts as if α were 1.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, 1.0)),
            Mistake("The sign of the entropy: subtract α log π of the next action, do not add it.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, -alpha)),
            Mistake("The entropy of the current step does not belong in Q(s, a): its action is given. Only the next "
                    "step's counts.",
                    lambda P, R, pi, Q, gamma, alpha: R + alpha * _value(0 * Q, pi, 1.0)[:, None]
                    + gamma * P @ (pi * Q).sum(-1)),
            Mistake("You count the entropy of the current step besides that of the next. The current action is given: "
                    "it holds no surprise.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, alpha)
                    + alpha * _value(0 * Q, pi, 1.0)[:, None]),
            Mistake("You pay for the surprise of the action that is given, -α log π(a|s), and not for the next one's. "
                    "Q is asked when the action is known.",
                    lambda P, R, pi, Q, gamma, alpha: R - alpha * pi.log() + gamma * P @ (pi * Q).sum(-1)),
            Mistake("You pay twice: for the surprise of the action that is given, and for the next one's, which is "
                    "right. Drop the first.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, gamma, alpha) - alpha * pi.log()),
            Mistake("You take the soft maximum α log Σ exp(Q/α) of the next state. That is the best policy's value; "
                    "this backup evaluates the policy that is given.",
                    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (alpha * torch.logsumexp(Q / alpha, -1))),
            Mistake("You rescale P until it adds up to 1. What is missing to 1 is the chance that the episode ends: "
                    "nothing follows there.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P / P.sum(-1, keepdim=True).clamp(min=1e-12), R, pi, Q,
                                                              gamma, alpha)),
            Mistake("This is the ordinary backup; the entropy is missing.",
                    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * Q).sum(-1)),
            Mistake("The discount is missing in front of the next value.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P, R, pi, Q, 1.0, alpha)),
            Mistake("Only the next Q is discounted; the entropy of the next step lies as far ahead.",
                    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ (pi * Q).sum(-1)
                    + alpha * P @ _value(0 * Q, pi, 1.0)),
            Mistake("You take the largest next Q. This evaluates the policy that is given: average with π.",
                    lambda P, R, pi, Q, gamma, alpha: R + gamma * P @ Q.amax(-1)),
            Mistake("You use the value of the state itself, not of the next one; P is missing.",
                    lambda P, R, pi, Q, gamma, alpha: R + gamma * _value(Q, pi, alpha)[:, None]),
            Mistake("The reward is missing.",
                    lambda P, R, pi, Q, gamma, alpha: _backup(P, 0 * R, pi, Q, gamma, alpha)),
        ],
        praise="Reward now, and the discounted soft value of where it leads.",
        show=lambda P, R, pi, Q, gamma, alpha: f"{len(Q)} state(s), R {write(R[0])}, policy {write(pi[0])}, Q "
                                               f"{write(Q[0])}, gamma {gamma:.3g}, alpha {alpha:.3g}",
        each="one number a state and action",
    )  # fmt: skip
    return _instead_of_nan(
        verdict,
        "Your answer holds NaN or infinity. Do you divide by the sum of P over s'? It is 0 where an action always ends "
        "the episode, and nothing needs rescaling.",
    )


def _backup(P, R, policy, Q, gamma, alpha):
    return R + gamma * P @ _value(Q, policy, alpha)


# ---------------------------------------------------------------- E3


def soft_policy_iteration(student, *, seed=None):
    """Check soft_policy_iteration(P, R, gamma, alpha) -> the best policy, shape [S, A]."""
    rng = np.random.default_rng(seed)
    cases = [(*_mdp(rng, 2, 2), 0.5, 0.5)]
    cases += [(*_mdp(rng), GAMMA, float(rng.uniform(0.1, 0.6))) for _ in range(3)]
    told = {
        "praise": "Evaluate, improve, repeat: the same optimum as soft value iteration.",
        "show": lambda P, R, gamma, alpha: f"{len(R)} states, R[0] {write(R[0])}, gamma {gamma:g}, alpha {alpha:.3g}",
        "each": "one probability a state and action",
    }
    verdict = judge(student, _optimum, cases, [], tolerance=1e-8, **told)
    if "The numbers differ" not in verdict.sentence:
        return verdict
    named = judge(  # a wrong way may still be moving in the eighth digit: it is known by five
        student,
        _optimum,
        cases,
        [
            Mistake("Your improvement takes the best action alone. With entropy in the objective, the better policy "
                    "is the softmax of Q/α.", _by_argmax),
            Mistake("Your policy is exp(Q), as if α were 1, while α is another number. Improvement promises nothing "
                    "then: divide Q by α.", lambda P, R, gamma, alpha: _iterated(P, R, gamma, alpha, target=1.0)),
            Mistake("You multiply Q by α before the softmax; it has to be divided.",
                    lambda P, R, gamma, alpha: _iterated(P, R, gamma, alpha, target=1 / alpha)),
            Mistake("Your policy divides by α, but your values lack it: there the entropy counts as if α were 1.",
                    lambda P, R, gamma, alpha: _iterated(P, R, gamma, 1.0, target=alpha)),
            Mistake("Your values lack the entropy altogether: this softens the task's best Q, which is not the best "
                    "soft policy.", lambda P, R, gamma, alpha: exact.boltzmann(_task(P, R, gamma), alpha)),
            Mistake("This is the best policy of the task, without entropy.",
                    lambda P, R, gamma, alpha: _one_hot(_task(P, R, gamma))),
            Mistake("One round of improvement is a beginning: repeat until the policy stands still.",
                    lambda P, R, gamma, alpha: _iterated(P, R, gamma, alpha, target=alpha, rounds=1)),
            Mistake("This is the policy for the next reward alone; evaluate before you improve.",
                    lambda P, R, gamma, alpha: exact.boltzmann(R, alpha)),
            Mistake("This is the uniform policy you may start from; nothing has been improved.",
                    lambda P, R, gamma, alpha: torch.full_like(R, 1 / R.shape[1])),
            Mistake("Your policy is the softmax of Q/α, but your evaluation is the ordinary one: the values that you "
                    "improve on lack the entropy of the steps to come.", _evaluated_without_entropy),
            Mistake("Your values count each step's entropy twice, in Q and again in V. It belongs to V alone.",
                    lambda P, R, gamma, alpha: _iterated(P, R, gamma, 2 * alpha, target=alpha)),
            *(Mistake("The surprise of the action itself, -α log π(a|s), is in the Q that you improve on: what was "
                      "likely is made unlikely, and back. Q is asked when the action is known.",
                      lambda P, R, gamma, alpha, rounds=rounds: _with_its_own_surprise(P, R, gamma, alpha, rounds))
              for rounds in (10, 11)),
        ],
        tolerance=1e-5,
        **told,
    )  # fmt: skip
    if named.passed:
        return wrong(NEARLY, verdict.example)
    return _is_it_a_policy(student, cases, verdict) if "The numbers differ" in named.sentence else named


NEARLY = "Nearly: your loop ends before the policy stands still, or your evaluation does."


def _is_it_a_policy(student, cases, verdict):
    """A clearer word on an answer that is no policy, or is not there yet."""
    P, R, gamma, alpha = cases[-1]
    try:
        answer = torch.as_tensor(call(student, cases[-1]), dtype=torch.float64)
    except (Stopped, TypeError, ValueError, RuntimeError):
        return verdict
    if not torch.allclose(answer.sum(-1), torch.ones(len(R), dtype=torch.float64), atol=1e-4):
        return wrong("Return the policy: in every state its probabilities add up to 1.", verdict.example)
    if (answer - _optimum(P, R, gamma, alpha)).abs().max() < 0.02:
        return wrong(NEARLY, verdict.example)
    return verdict


def _optimum(P, R, gamma, alpha):
    mdp = exact.FiniteMDP(P, R)
    return exact.boltzmann(exact.soft_value_iteration(mdp, gamma=gamma, alpha=alpha, tol=1e-12).Q, alpha)


def _iterated(P, R, gamma, alpha, *, target, rounds=200):
    """Soft policy iteration whose values use α and whose policies use `target`."""
    mdp, policy = exact.FiniteMDP(P, R), torch.full_like(R, 1 / R.shape[1])
    for _ in range(rounds):
        before, policy = policy, exact.boltzmann(exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha).Q, target)
        if torch.allclose(policy, before, rtol=0, atol=1e-10):
            break
    return policy


def _evaluated_without_entropy(P, R, gamma, alpha):
    mdp, policy = exact.FiniteMDP(P, R), torch.full_like(R, 1 / R.shape[1])
    for _ in range(200):
        before, policy = policy, exact.boltzmann(exact.evaluate(mdp, policy, gamma=gamma).Q, alpha)
        if torch.allclose(policy, before, rtol=0, atol=1e-10):
            break
    return policy


def _with_its_own_surprise(P, R, gamma, alpha, rounds):
    mdp, policy = exact.FiniteMDP(P, R), torch.full_like(R, 1 / R.shape[1])
    for _ in range(rounds):
        Q = exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha).Q
        policy = exact.boltzmann(Q - alpha * policy.clamp(min=1e-300).log(), alpha)
    return policy


def _one_hot(Q):
    return torch.nn.functional.one_hot(Q.argmax(-1), Q.shape[-1]).double()


def _task(P, R, gamma):
    """The best Q of the task itself."""
    mdp, policy = exact.FiniteMDP(P, R), _one_hot(R)
    for _ in range(12):
        Q = exact.evaluate(mdp, policy, gamma=gamma).Q
        policy = _one_hot(Q)
    return Q


def _by_argmax(P, R, gamma, alpha):
    """Soft evaluation, greedy improvement: after the first round the policy has no entropy left."""
    mdp, policy = exact.FiniteMDP(P, R), torch.full_like(R, 1 / R.shape[1])
    for _ in range(12):
        policy = _one_hot(exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha).Q)
    return policy


# ---------------------------------------------------------------- E4

FALL = 0.01


def violation(student):
    """Check violation() -> (P, R, policy, alpha) with γ = 0.9, for which the update to exp(Q) lowers a Q by 0.01."""
    try:
        answer = call(student, ())
        mdp, policy, alpha = _example(answer)
        Q = exact.soft_evaluate(mdp, policy, gamma=GAMMA, alpha=alpha).Q
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
    after = exact.soft_evaluate(mdp, exact.boltzmann(Q, 1.0), gamma=GAMMA, alpha=alpha).Q
    honest = exact.soft_evaluate(mdp, exact.boltzmann(Q, alpha), gamma=GAMMA, alpha=alpha).Q
    fall, found = float((Q - after).max()), f"alpha {alpha:.3g}, Q before {write(Q)}, after {write(after)}"
    if fall < 1e-9 and float((after - Q).max()) < 1e-9:
        return wrong("Nothing changes here, up or down: your policy is exp(Q) already. Start from another one.", found)
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


def _example(answer):
    """(mdp, policy, α) of a student's answer.

    Raises:
        Stopped: with a sentence, where a part is missing or has another form.
    """
    if not isinstance(answer, list | tuple) or len(answer) != 4:
        raise Stopped(wrong(f"Return four things, (P, R, policy, alpha); got {type(answer).__name__}."))
    if any(part is None or part is Ellipsis for part in answer):
        raise Stopped(not_started())
    P, R, policy, alpha = answer
    P, R, policy = (torch.as_tensor(np.asarray(part, dtype=float)) for part in (P, R, policy))
    if P.dim() != 3 or R.dim() != 2 or policy.shape != R.shape:
        raise Stopped(wrong(
            f"P needs three axes, [S, A, S], R and policy two, [S, A]; got {list(P.shape)}, {list(R.shape)} and "
            f"{list(policy.shape)}."
        ))  # fmt: skip
    return exact.FiniteMDP(P, R), policy, float(alpha)


# ---------------------------------------------------------------- E5


def least_alpha(student, *, seed=None):
    """Check least_alpha(gap, ratio) -> the α at which two actions `gap` apart differ by the factor `ratio`."""
    rng = np.random.default_rng(seed)
    cases = [(0.1, 1.2), (0.5, 2.0)]
    cases += [(float(rng.uniform(0.05, 2)), float(rng.uniform(1.05, 5))) for _ in range(4)]
    verdict = judge(
        student,
        lambda gap, ratio: gap / math.log(ratio),
        cases,
        [
            Mistake("Upside down: a larger gap needs more temperature to be evened out, not less.",
                    lambda gap, ratio: math.log(ratio) / gap),
            Mistake("The logarithm is missing: ratio = exp(gap/α), and the exponential has to be undone.",
                    lambda gap, ratio: gap / ratio),
            Mistake("You multiply where the gap has to be divided: solve exp(gap/α) = ratio for α.",
                    lambda gap, ratio: gap * math.log(ratio)),
            Mistake("Near, while the ratio is near 1: there log(ratio) is about ratio - 1. Solve it exactly.",
                    lambda gap, ratio: gap / (ratio - 1)),
            Mistake("The logarithm to base 10 does not undo exp; take the natural one.",
                    lambda gap, ratio: gap / math.log10(ratio)),
            Mistake("The logarithm to base 2 does not undo exp; take the natural one.",
                    lambda gap, ratio: gap / math.log2(ratio)),
            Mistake("This is the ratio that α = 1 gives. Asked for is the α that gives the ratio.",
                    lambda gap, ratio: math.exp(gap)),
            Mistake("This is the ratio at α = ratio. Asked for is the α that gives the ratio.",
                    lambda gap, ratio: math.exp(gap / ratio)),
            Mistake("The sign: the logarithm of a ratio above 1 is positive, and so is α.",
                    lambda gap, ratio: -gap / math.log(ratio)),
        ],
        praise="Any α above it makes the two actions more alike than that. For a gap of 0.1 and a ratio of 1.2: 0.55.",
        show=lambda gap, ratio: f"gap {gap:.3g}, ratio {ratio:.3g}",
    )  # fmt: skip
    if "TypeError" in verdict.sentence and "must be Tensor" in verdict.sentence:
        return wrong("Both arguments are plain floats here, not tensors: take the logarithm from math.")
    return verdict
