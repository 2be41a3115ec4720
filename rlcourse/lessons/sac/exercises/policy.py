"""Exercises: the loss of SAC's policy, and the temperature."""

import numpy as np
import torch

from rlcourse.course.checker import Stopped, changes, explained, write, wrong
from rlcourse.course.checker_losses import judge_loss
from rlcourse.distributions import TanhGaussian
from rlcourse.lessons.sac.exercises.toy import ALPHAS, MISUSED, Toy, draws_of, loss_for_seeds

# ---------------------------------------------------------------- E2, the loss of the policy


class _Steady(TanhGaussian):
    """A policy's answer whose noise is set, so that every way to draw from it gives the same action."""

    def __init__(self, mean, log_std, toy):
        super().__init__(mean, log_std)
        self.toy, self.noise = toy, toy.noise

    def rsample_with_log_prob(self, sample_shape=(), *, noise=None):
        self.toy.draws += 1
        return super().rsample_with_log_prob(sample_shape, noise=noise if sample_shape else self.noise)


_Steady.__name__ = "TanhGaussian"  # errors of Python tell the name of the class, and students know this one


def _policy_of(toy):
    def policy(obs):
        mean = (obs @ toy.p[:2])[..., None]
        return _Steady(mean, 0.3 * torch.tanh(toy.p[2]).expand_as(mean), toy)

    return policy


def _torn(rng, sign, rows=6):
    """A toy whose first critic is the larger (sign 1) or the smaller one (-1) on average, but not in every row."""
    while True:
        toy = Toy(rng, rows)
        actions = _policy_of(toy)(toy.obs).rsample()
        q1, q2 = toy.critics(toy.obs, actions)
        gaps = sign * (q1 - q2).detach()
        if gaps.mean() > 0.1 and gaps.min() < -0.1:
            return toy


def _policy_loss(combine, *, draw=lambda dist: dist.rsample_with_log_prob(), q=torch.minimum, total=torch.mean):
    """Mean of combine(log π, Q, α), with another draw, critic or mean on demand."""

    def function(obs, policy, critics, alpha):
        actions, log_probs = draw(policy(obs))
        return total(combine(log_probs, q(*critics(obs, actions)), alpha))

    return function


def _entropy_cost_minus_q(logs, q, alpha):
    return alpha * logs - q


def _without_graph(dist):
    actions = dist.sample()
    return actions, dist.log_prob(actions)


def _for_the_critic_only(dist):
    actions, logs = dist.rsample_with_log_prob()
    return actions.detach(), logs


def _density_at_a_constant(dist):
    actions = dist.rsample()
    return actions, dist.log_prob(actions.detach())


def _by_score(scored):
    """Score-function losses: the outcome is a mere weight of log π."""

    def function(obs, policy, critics, alpha):
        dist = policy(obs)
        actions = dist.sample()
        logs, q = dist.log_prob(actions), torch.minimum(*critics(obs, actions)).detach()
        return scored(logs, q, alpha).mean()

    return function


def _at_the_mode(dist):
    return dist.mode, dist.log_prob(dist.mode)


POLICY_MISTAKES = {
    "You draw with sample(), or detach the action. Then no slope of Q comes back to the policy; what is left, "
    "α ∇log π, has mean zero. rsample() lets it through.": _policy_loss(_entropy_cost_minus_q, draw=_without_graph),
    "Nothing at all reaches your policy: the draw was made under no_grad, or everything is detached.": _policy_loss(
        _entropy_cost_minus_q, draw=lambda dist: tuple(part.detach() for part in dist.rsample_with_log_prob())
    ),
    "The critics see a detached action, so only the entropy teaches your policy: it becomes wide and learns "
    "nothing of Q.": (
        _policy_loss(_entropy_cost_minus_q, draw=_for_the_critic_only),
        _policy_loss(lambda logs, q, alpha: alpha * logs - q.detach()),
    ),
    "The sign of Q is turned: descending your loss leads to the worst action.": _policy_loss(
        lambda logs, q, alpha: alpha * logs + q
    ),
    "The sign of the whole is turned: this is what to ascend. A loss is descended.": _policy_loss(
        lambda logs, q, alpha: q - alpha * logs
    ),
    "log π sees a detached action. Part of the entropy's pull is lost: α ∇ₐ log π, which reaches the policy "
    "through the action.": _policy_loss(_entropy_cost_minus_q, draw=_density_at_a_constant),
    "This is the score function, a legitimate way: its mean gradient is right. Asked for is the pathwise loss, in "
    "which the slope of Q passes through rsample().": (
        _by_score(lambda logs, q, alpha: (alpha * logs - q).detach() * logs),
        _by_score(lambda logs, q, alpha: alpha * logs - q * logs),
        _by_score(lambda logs, q, alpha: -q * logs),
        _by_score(lambda logs, q, alpha: (alpha * (logs.detach() + 1) - q) * logs),
    ),
    "log π is detached: the number is right, but the entropy teaches the policy nothing, and it will shrink to a "
    "point.": _policy_loss(lambda logs, q, alpha: alpha * logs.detach() - q),
    "The entropy has the wrong sign: your loss pays for certainty. Entropy is −log π on average.": _policy_loss(
        lambda logs, q, alpha: -alpha * logs - q
    ),
    "There is no entropy in your loss: it is DDPG's, with a noisy action.": _policy_loss(lambda logs, q, alpha: -q),
    "α is missing in front of log π.": _policy_loss(lambda logs, q, alpha: logs - q),
    "You divided the loss by α. The minimum is the same, but the step changes with α: multiply by α.": _policy_loss(
        lambda logs, q, alpha: logs - q / alpha
    ),
    "α multiplies Q as well. It weighs the entropy only.": _policy_loss(lambda logs, q, alpha: alpha * (logs - q)),
    "One critic of the two is never asked; the more cautious one counts, row by row.": (
        _policy_loss(_entropy_cost_minus_q, q=lambda a, b: a),
        _policy_loss(_entropy_cost_minus_q, q=lambda a, b: b),
    ),
    "You take the larger critic. The actor will look for its errors.": _policy_loss(
        _entropy_cost_minus_q, q=torch.maximum
    ),
    "You average the critics. Take the smaller one for each row.": _policy_loss(
        _entropy_cost_minus_q, q=lambda a, b: (a + b) / 2
    ),
    "You take the smaller of two averages. Each row makes its own choice: the minimum first, the mean "
    "last.": lambda obs, policy, critics, alpha: torch.maximum(
        *(
            _policy_loss(_entropy_cost_minus_q, q=lambda a, b, one=one: (a, b)[one])(obs, policy, critics, alpha)
            for one in (1, 0)
        )
    ),
    "You take the mode, the action without noise. The loss is a mean over the policy's own draws.": _policy_loss(
        _entropy_cost_minus_q, draw=_at_the_mode
    ),
    "You add up the rows. Take their mean, or the step grows with the batch.": _policy_loss(
        _entropy_cost_minus_q, total=torch.sum
    ),
}


def actor_loss(student, *, seed=None):
    """Check actor_loss(obs, policy, critics, alpha) -> mean of α log π - min Q, a scalar; policy(obs): TanhGaussian."""
    rng = np.random.default_rng(seed)
    verdict = explained(_for_one_seed(student, rng), MISUSED)
    if not verdict.passed:
        return verdict
    toy = Toy(rng, 2, 6)
    case = toy.obs, _policy_of(toy), toy.critics, ALPHAS
    if loss_for_seeds(student, _policy_loss(_entropy_cost_minus_q), case, [toy.p]):
        return verdict
    return wrong(
        "Right for one seed. Part 6 trains 16 seeds at once: log π and Q are [S, B], and alpha is a tensor [S, 1]. "
        "Multiply log π by alpha before you take the mean, take one mean of all numbers with .mean(), and write no "
        "loop over the rows."
    )


def _for_one_seed(student, rng):
    """The verdict on one batch, [B]."""
    toys = [Toy(rng, 2), _torn(rng, 1), _torn(rng, -1)]
    cases = [(t.obs, _policy_of(t), t.critics, float(rng.uniform(0.2, 0.8))) for t in toys]
    try:
        if changes(student, cases[1]):
            return wrong(
                "Your loss changes from one call to the next, so you draw with noise of your own, or many times. Take "
                "one draw for each state, from policy(obs) itself; its noise is set here."
            )
    except Stopped as stopped:
        return stopped.verdict
    verdict = judge_loss(
        student,
        _policy_loss(_entropy_cost_minus_q),
        cases,
        [(t.p,) for t in toys],
        POLICY_MISTAKES,
        praise="The slope of the smaller critic reaches the policy through its draw, and the entropy pulls beside it.",
        show=lambda obs, policy, critics, alpha: _show_draw(policy(obs), obs, critics, alpha),
    )
    if verdict.passed and draws_of(student, toys[1], cases[1]) > 1:
        return wrong(
            "You draw more than once. Here the noise is set, so the numbers agree; in training each draw is another. "
            "One draw per state is asked for: draw once, and use its action for both critics, together with its log π."
        )
    return verdict


def _show_draw(dist, obs, critics, alpha):
    with torch.no_grad():
        actions, log_probs = dist.rsample_with_log_prob()
        q1, q2 = critics(obs, actions)
    return f"α = {alpha:.3g}, for the drawn actions Q1 {write(q1)}, Q2 {write(q2)}, log π {write(log_probs)}"


# ---------------------------------------------------------------- E3, the temperature


def _alpha_loss(gap=lambda logs, goal: logs + goal, *, sign=-1.0, scale=torch.exp, total=torch.mean, leak=False):
    """sign · mean of scale(log α) · gap(log π, target), with faults on demand."""

    def function(log_alpha, log_probs, target_entropy):
        return sign * total(scale(log_alpha) * gap(log_probs if leak else log_probs.detach(), target_entropy))

    return function


TEMPERATURE_MISTAKES = {
    "Your α moves the wrong way. If the policy is less random than it should be, randomness must become worth "
    "more.": _alpha_loss(sign=1.0),
    "You subtract the target from log π. The entropy is −log π on average, so entropy minus target is "
    "−log π − target.": _alpha_loss(lambda logs, goal: logs - goal),
    "You took the mean of log π for the entropy. Entropy is the mean of −log π.": _alpha_loss(
        lambda logs, goal: goal - logs
    ),
    "You use log α where α belongs: torch.exp(log_alpha). (The direction is right, and some programs do it so.)": (
        _alpha_loss(scale=lambda x: x)
    ),
    "You add up the rows. J(α) is their mean.": _alpha_loss(total=torch.sum),
    "You put −1 where the target entropy belongs. It is an argument, and another number for another box: add "
    "target_entropy.": _alpha_loss(lambda logs, goal: logs - 1),
    "The target entropy has lost its sign. It may be negative or positive: add it as it is.": (
        _alpha_loss(lambda logs, goal: logs - abs(goal)),
        _alpha_loss(lambda logs, goal: logs + abs(goal)),
    ),
    "The target entropy plays no part in your loss: α would move for ever.": _alpha_loss(lambda logs, goal: logs),
    "The number is right, but a gradient flows through log π into the policy. In this step α alone learns: detach "
    "log π.": _alpha_loss(leak=True),
}


def alpha_loss(student, *, seed=None):
    """Check alpha_loss(log_alpha, log_probs, target_entropy) -> the scalar -mean α (log π + target)."""
    rng = np.random.default_rng(seed)
    cases, leaves = [], []
    given = [(torch.tensor([1.0, 3.0], dtype=torch.float64), -1.0)]
    for mean, low, high in ((3.0, -2.4, -1.2), (-2.0, 0.3, 0.9), (1.5, -0.8, -0.2)):  # entropy below, above, below
        given.append((torch.from_numpy(rng.normal(mean, 0.5, 5)), round(float(rng.uniform(low, high)), 2)))
    for logs, goal in given:
        start = 0.0 if not cases else float(rng.uniform(-1.5, -0.3))
        log_alpha = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        logs.requires_grad_()
        cases.append((log_alpha, logs, goal))
        leaves.append((log_alpha, logs))
    verdict = judge_loss(
        student,
        _alpha_loss(),
        cases,
        leaves,
        TEMPERATURE_MISTAKES,
        praise="Entropy below its target makes α rise, entropy above it makes α fall, and α stays positive.",
        show=lambda log_alpha, logs, goal: (
            f"log α = {log_alpha.item():.3g}, log π {write(logs.detach())}, target entropy {goal:g}"
        ),
    )
    if not verdict.passed or _holds_for_seeds(student, rng):
        return verdict
    return wrong(
        "Right for one seed. Part 6 trains 16 seeds at once: log_probs are [S, B] and log_alpha is [S, 1], one per "
        "seed. Each α belongs to the log π of its own seed: multiply row by row, and take one mean of all products, "
        "last."
    )


def _holds_for_seeds(student, rng):
    """Whether a temperature's loss that is right for one seed is right for two, each with its own log π and α."""
    logs = torch.from_numpy(rng.normal([[2.0], [-1.0]], 0.5, (2, 6))).requires_grad_()
    log_alpha = ALPHAS.log().requires_grad_()
    return loss_for_seeds(student, _alpha_loss(), (log_alpha, logs, -0.6), [log_alpha, logs])
