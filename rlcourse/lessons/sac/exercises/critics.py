"""Exercises: the target of SAC's critics, and the loss of the value network of its first form."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, as_tensor, call, explained, judge, write, wrong
from rlcourse.course.checker_losses import judge_loss, slopes
from rlcourse.lessons.sac.exercises.toy import ALPHAS, MISUSED, Toy, draws_of, smaller, split

_TWO_DRAWS = (
    "You ask sample more than once, and each time it draws anew. One draw per row is asked for: ask once, and use its "
    "action for both critics, together with its log π."
)
_SEEDS = (
    "Right for one seed. Part 6 trains 16 seeds at once: rewards and log π are [S, B], and alpha is a tensor [S, 1]. "
    "Work on whole tensors, without a loop over the rows and without a fixed axis."
)


def _v_loss_to(target, *, half=0.5, total=torch.mean, inner=lambda errors: errors, power=2, leak=False):
    """The loss of V around a target(obs, actions, Q1, Q2, fresh actions, log π, α), with faults on demand."""

    def loss(obs, actions, V, critics, sample, alpha):
        goal = target(obs, actions, *split(critics), *sample(obs), alpha)
        return half * total(inner(V(obs) - (goal if leak else goal.detach())) ** power)

    return loss


def _soft(s, a, Q1, Q2, fresh, logs, alpha):
    return smaller(Q1, Q2, s, fresh) - alpha * logs


V_MISTAKES = {
    "The actions of your target are stored ones, which older policies took. V is the value of the present policy: ask "
    "sample.": _v_loss_to(lambda s, a, Q1, Q2, fresh, logs, alpha: smaller(Q1, Q2, s, a) - alpha * logs),
    "Your target has stored actions and no entropy: it is neither the present policy's value nor a soft one. Ask "
    "sample for action and log π.": _v_loss_to(lambda s, a, Q1, Q2, fresh, logs, alpha: smaller(Q1, Q2, s, a)),
    "α is missing in front of log π. That is right for α = 1 only.": _v_loss_to(
        lambda s, a, Q1, Q2, fresh, logs, alpha: smaller(Q1, Q2, s, fresh) - logs
    ),
    "There is no entropy in your target; without it V is the ordinary value.": _v_loss_to(
        lambda s, a, Q1, Q2, fresh, logs, alpha: smaller(Q1, Q2, s, fresh)
    ),
    "You add α log π. Entropy is the mean of −log π: subtract α log π.": _v_loss_to(
        lambda s, a, Q1, Q2, fresh, logs, alpha: smaller(Q1, Q2, s, fresh) + alpha * logs
    ),
    "One critic of the two is never asked. The target takes the smaller of both.": (
        _v_loss_to(lambda s, a, Q1, Q2, fresh, logs, alpha: Q1(s, fresh) - alpha * logs),
        _v_loss_to(lambda s, a, Q1, Q2, fresh, logs, alpha: Q2(s, fresh) - alpha * logs),
    ),
    "You take the larger of the two critics, the one whose error is more likely to flatter.": _v_loss_to(
        lambda s, a, Q1, Q2, fresh, logs, alpha: torch.maximum(Q1(s, fresh), Q2(s, fresh)) - alpha * logs
    ),
    "You average the two critics. The minimum is asked for, row by row.": _v_loss_to(
        lambda s, a, Q1, Q2, fresh, logs, alpha: (Q1(s, fresh) + Q2(s, fresh)) / 2 - alpha * logs
    ),
    "The factor ½ is missing. It only doubles the step, but this is not the loss as it is written.": _v_loss_to(
        _soft, half=1.0
    ),
    "You add up the rows. Take their mean, or the step grows with the batch.": _v_loss_to(_soft, total=torch.sum),
    "You take the smaller of two averages. The minimum comes first, row by row, and the mean last.": _v_loss_to(
        lambda s, a, Q1, Q2, fresh, logs, alpha: torch.minimum(Q1(s, fresh).mean(), Q2(s, fresh).mean()) - alpha * logs
    ),
    "A square is missing: the mean of ½ (V(s) − target)² is asked for. Without it errors of different signs cancel.": (
        _v_loss_to(_soft, power=1),
        _v_loss_to(_soft, power=1, half=-0.5),
    ),
    "You square the mean of the errors. They may cancel: the square comes first, row by row, and then the "
    "mean.": _v_loss_to(_soft, inner=torch.mean),
    "The number is right, but a gradient flows through the target into critics and policy. In this step V alone "
    "learns: the target is a constant.": _v_loss_to(_soft, leak=True),
}


def _show_draw(obs, critics, sample):
    actions, logs = (part.detach() for part in sample(obs))
    q1, q2 = (q.detach() for q in critics(obs, actions))
    return f"for the drawn actions Q1 {write(q1)}, Q2 {write(q2)}, log π {write(logs)}"


def v_loss(student, *, seed=None):
    """Check v_loss(obs, actions, V, critics, sample, alpha) -> the scalar ½ mean (V(s) - target)²."""
    rng = np.random.default_rng(seed)
    toys = [Toy(rng, rows) for rows in (2, 6, 6, 6)]
    cases = [(t.obs, t.actions, t.value, t.critics, t.sample, float(rng.uniform(0.1, 0.8))) for t in toys]
    verdict = judge_loss(
        student,
        _v_loss_to(_soft),
        cases,
        [(t.v, t.q, t.p) for t in toys],
        V_MISTAKES,
        praise="A fresh action, the smaller critic, α in its place, and V alone learns.",
        show=lambda s, a, V, critics, sample, alpha: (
            f"α = {alpha:.3g}, V(s) {write(V(s).detach())}, {_show_draw(s, critics, sample)}"
        ),
    )
    if verdict.passed and draws_of(student, toys[1], cases[1]) > 1:
        return wrong(_TWO_DRAWS)
    return explained(verdict, MISUSED)


def _target_case(rng, toy):
    """Rewards, next states, ends (half of the rows), critics, policy, α and γ."""
    shape = toy.obs.shape[:-1]
    terminated = torch.from_numpy(rng.permutation(shape.numel()) < shape.numel() // 2).view(shape)
    alpha, gamma = map(float, rng.uniform((0.1, 0.7), (0.8, 0.95)))
    rewards = torch.from_numpy(rng.normal(0, 1, shape))
    return rewards, toy.obs, terminated, toy.critics, toy.sample, alpha, gamma


def _target_of(future, *, mask=lambda d: ~d, gamma_on=True):
    """The target y = r + γ mask(d) future(next_obs, Q1, Q2, a', log π, α), with faults on demand."""

    def target(r, s, d, critics, sample, alpha, gamma):
        return (r + (gamma if gamma_on else 1.0) * mask(d) * future(s, *split(critics), *sample(s), alpha)).detach()

    return target


def _soft_future(s, Q1, Q2, a, logs, alpha):
    return smaller(Q1, Q2, s, a) - alpha * logs


def _entropy_outside(r, s, d, critics, sample, alpha, gamma, *, discount=True):
    (a, logs), (Q1, Q2) = sample(s), split(critics)
    bonus = alpha * logs * (gamma if discount else 1.0)
    return (r + gamma * ~d * smaller(Q1, Q2, s, a) - bonus).detach()


TARGET_MISTAKES = [
    Mistake(
        "Nothing comes after a true end, yet your target counts a future there. Where is (1 − d)?",
        _target_of(_soft_future, mask=torch.ones_like),
    ),
    Mistake(
        "The mask is turned round: the future counts where the episode did not end.",
        _target_of(_soft_future, mask=lambda d: d),
    ),
    Mistake(
        "The entropy term is missing: this is the target of TD3 with a random action, and its values are not soft.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: smaller(Q1, Q2, s, a)),
    ),
    Mistake(
        "log π stands there without α, as if α were 1.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: smaller(Q1, Q2, s, a) - logs),
    ),
    Mistake(
        "The sign of α log π is wrong: entropy is the mean of −log π, and it is to be rewarded.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: smaller(Q1, Q2, s, a) + alpha * logs),
    ),
    Mistake(
        "You use a single critic. Two are there, and the smaller one counts.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: Q1(s, a) - alpha * logs),
    ),
    Mistake(
        "You use a single critic, the second. Two are there, and the smaller one counts.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: Q2(s, a) - alpha * logs),
    ),
    Mistake(
        "This is the larger critic of the two; it overestimates most.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: torch.maximum(Q1(s, a), Q2(s, a)) - alpha * logs),
    ),
    Mistake(
        "This is the average of the two critics; the smaller one is asked for.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: (Q1(s, a) + Q2(s, a)) / 2 - alpha * logs),
    ),
    Mistake("The mask covers Q and not the entropy. After a true end nobody acts, so there is none.", _entropy_outside),
    Mistake(
        "Your entropy stands outside γ (1 − d): it belongs to the next step, with Q.",
        lambda *case: _entropy_outside(*case, discount=False),
    ),
    Mistake(
        "Q is discounted and the entropy is not. Both are of the next step: γ stands before the bracket.",
        lambda r, s, d, critics, sample, alpha, gamma: (
            r + ~d * (gamma * smaller(*split(critics), s, sample(s)[0]) - alpha * sample(s)[1])
        ).detach(),
    ),
    Mistake(
        "Your target is 0 where the episode ended. The reward of the last step still counts.",
        lambda r, s, d, *rest: ~d * _target_of(_soft_future)(r, s, d, *rest),
    ),
    Mistake("The future is not discounted: where is γ?", _target_of(_soft_future, gamma_on=False)),
    Mistake(
        "You take the smaller of two averages. The minimum comes first, row by row.",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: torch.minimum(Q1(s, a).mean(), Q2(s, a).mean()) - alpha * logs),
    ),
    Mistake(
        "You take the smallest number of the whole batch. Each row has its own minimum: torch.minimum(q1, q2).",
        _target_of(lambda s, Q1, Q2, a, logs, alpha: smaller(Q1, Q2, s, a).min() - alpha * logs),
    ),
]


def _show_target(r, s, d, critics, sample, alpha, gamma):
    return f"r {write(r)}, d {write(d.double())}, {_show_draw(s, critics, sample)}, α = {alpha:.3g}, γ = {gamma:.3g}"


def critic_target(student, *, seed=None):
    """Check critic_target(rewards, next_obs, terminated, critics, sample, alpha, gamma) -> the critics' targets [B]."""
    rng = np.random.default_rng(seed)
    toys = [Toy(rng, rows) for rows in (2, 6, 6, 6)]
    cases = [_target_case(rng, toy) for toy in toys]
    verdict = judge(
        student,
        _target_of(_soft_future),
        cases,
        TARGET_MISTAKES,
        praise="Masked, discounted, the smaller of two critics, and the entropy of the next step beside it.",
        show=_show_target,
        each="one target per row",
    )
    if not verdict.passed:
        return explained(verdict, MISUSED)
    answer = call(student, cases[0])
    if not isinstance(answer, torch.Tensor):
        kind = type(answer).__name__
        return wrong(f"The numbers are right, but a loss needs them as one tensor of shape [B]; got {kind}.")
    if answer.requires_grad:
        return wrong(
            f"The numbers are right, but your target carries a gradient into {_learners(answer, toys[0])}. A target is "
            "a constant: torch.no_grad() or detach()."
        )
    if draws_of(student, toys[1], cases[1]) > 1:
        return wrong(_TWO_DRAWS)
    return verdict if _holds_for_seeds(student, rng) else wrong(_SEEDS)


def _learners(answer, toy):
    """Whom the gradient of a target reaches."""
    try:
        reached = [bool(slopes(answer.sum(), [leaf]).abs().max() > 0) for leaf in (toy.q, toy.p)]
    except RuntimeError:  # its graph was broken on the way
        reached = [False, False]
    return {
        (True, True): "the critics and the policy",
        (True, False): "the critics",
        (False, True): "the policy, through log π",
        (False, False): "what it was computed from",
    }[tuple(reached)]


def _holds_for_seeds(student, rng):
    """Whether a target that is right for one batch [B] is right for two seeds, [2, B], each with its α."""
    rewards, obs, terminated, critics, sample, _, gamma = _target_case(rng, Toy(rng, 2, 6))
    case = rewards, obs, terminated, critics, sample, ALPHAS, gamma
    try:
        answer = as_tensor(call(student, case), rewards)
    except Stopped:
        return False
    return torch.allclose(answer, _target_of(_soft_future)(*case), rtol=1e-5, atol=1e-5)
