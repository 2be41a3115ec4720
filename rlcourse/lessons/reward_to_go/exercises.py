"""Exercises: the objective, rewards-to-go, one update of REINFORCE, a counterexample, terms of mean zero."""

import itertools
import math

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, call, judge, not_started, right, write, wrong
from rlcourse.lessons.reward_to_go.exercises_gradients import objective, update

__all__ = ["counterexample", "objective", "past_terms", "rewards_to_go", "update"]

# ---------------------------------------------------------------- rewards-to-go


def _each(sentence, *functions):
    """One sentence for the several ways to write one mistake down."""
    return [Mistake(sentence, function) for function in functions]


def _recording(rewards, ends):
    flags = torch.zeros(len(rewards), dtype=torch.bool)
    flags[list(ends)] = True
    return torch.tensor(rewards, dtype=torch.float64), flags


def _random_recording(rng, steps=8):
    ends = {int(rng.integers(1, 3)), int(rng.integers(4, 6)), steps - 1}
    return _recording(rng.normal(0, 2, steps).tolist(), sorted(ends))


def _to_go_like(*, over="future", first=0, power="lag", stop="at ends"):
    """Discounted sums with one thing changed; the defaults are right."""

    def function(rewards, ends, gamma):
        count = torch.cumsum(ends.int(), 0)
        episode = count if stop == "one row early" else count - ends.int()
        now, later = torch.arange(len(rewards))[:, None], torch.arange(len(rewards))[None]
        together = episode[:, None] == episode[None]
        start = torch.where(together, later, len(rewards)).amin(1)  # first row of each row's episode
        steps = {
            "lag": (later - now).abs(),
            "early": (later - now - 1).clamp(min=0),
            "none": torch.zeros_like(later - now),
            "episode": (later - start[None]).expand(len(rewards), -1),
            "recording": later.expand(len(rewards), -1),
        }[power]
        inside = {"future": later >= now + first, "past": later <= now, "all": later >= 0}[over]
        if stop != "never":
            inside = inside & together
        return (torch.as_tensor(gamma, dtype=rewards.dtype) ** steps * inside) @ rewards

    return function


def _reversed_condition(rewards, ends, gamma):
    result, future = torch.zeros_like(rewards), torch.zeros((), dtype=rewards.dtype)
    for t in reversed(range(len(rewards))):
        future = rewards[t] + gamma * future * ends[t]
        result[t] = future
    return result


TO_GO_MISTAKES = [
    *_each(
        "Your sum runs forwards, over the rewards up to step t. They were paid before or at a_t; which "
        "rewards can a_t still change?",
        _to_go_like(over="past"),
        _to_go_like(over="past", power="none"),
        _to_go_like(over="past", power="episode"),
        _to_go_like(over="past", power="none", stop="never"),
        _to_go_like(over="past", stop="never"),
    ),
    *_each(
        "Your sum starts one step late: r_t itself is missing. It is paid for a_t, so it belongs in.",
        _to_go_like(first=1),
        _to_go_like(first=1, power="early"),
        _to_go_like(first=1, stop="never"),
        _to_go_like(first=1, power="early", stop="never"),
    ),
    *_each(
        "You discount by γ^t', counted from the start of the episode. Seen from step t, a reward at t' is "
        "only t' - t steps away.",
        _to_go_like(power="episode"),
        _to_go_like(power="recording"),
        _to_go_like(power="recording", stop="never"),
    ),
    *_each(
        "Your sum runs on past the end of an episode and collects rewards of the next one.",
        _to_go_like(stop="never"),
    ),
    *_each(
        "You cut in the wrong row: the last step of an episode still counts rewards of the next, and the "
        "step before it no longer counts the last reward. Forget the future before you use it.",
        _to_go_like(stop="one row early"),
    ),
    *_each(
        "Your condition is the wrong way round: you go on where an episode ends, and forget the future where it does "
        "not.",
        _reversed_condition,
    ),
    *_each(
        "On the last step of an episode your sum is empty. Only the future is forgotten there; r_t itself was paid.",
        lambda rewards, ends, gamma: _to_go_like()(rewards, ends, gamma).masked_fill(ends, 0.0),
        lambda rewards, ends, gamma: _to_go_like()(rewards.masked_fill(ends, 0.0), ends, gamma),
    ),
    *_each(
        "You discount r_t as well: γ belongs to the future only, r_t + γ × (what follows).",
        lambda rewards, ends, gamma: gamma * _to_go_like()(rewards, ends, gamma),
    ),
    *_each(
        "Your sweep does not reach step 0. In Python, range(n, 0, -1) ends at 1.",
        lambda rewards, ends, gamma: _to_go_like()(rewards, ends, gamma).index_fill(0, torch.tensor([0]), 0.0),
    ),
    *_each(
        "Your answer holds whole numbers: the fractions are cut off. Make the result with torch.zeros_like(rewards).",
        lambda rewards, ends, gamma: _to_go_like()(rewards, ends, gamma).trunc(),
    ),
    *_each("There is no discount in your sum.", _to_go_like(power="none"), _to_go_like(power="none", stop="never")),
    *_each(
        "You give every step the return of its whole episode. Drop what was paid before step t.",
        _to_go_like(over="all", power="episode"),
        _to_go_like(over="all", power="none"),
    ),
    *_each(
        "You return the reward of each step alone. What the action brings about later is missing.",
        lambda rewards, ends, gamma: rewards,
    ),
    *_each(
        "The numbers are right but stand in reverse order: you collected them from the back.",
        lambda rewards, ends, gamma: _to_go_like()(rewards, ends, gamma).flip(0),
    ),
]


def rewards_to_go(student, *, seed=None):
    """Check rewards_to_go(rewards, ends, gamma) -> rewards-to-go, shape [T]; ends marks the last step of an episode."""
    rng = np.random.default_rng(seed)
    cases = [
        (*_recording((1, 2, 4), (2,)), 0.5),
        (*_recording((1, 2, 4, 8), (1, 3)), 0.5),
        *((*_random_recording(rng), float(rng.uniform(0.5, 0.95))) for _ in range(4)),
    ]
    return judge(
        student,
        _to_go_like(),
        cases,
        TO_GO_MISTAKES,
        praise="One sweep from the back, and the future is forgotten at each end.",
        show=lambda rewards, ends, gamma: (
            f"rewards {write(rewards)}, ends at step {', '.join(map(str, ends.nonzero().flatten().tolist()))}, "
            f"gamma {gamma:.3g}"
        ),
    )


# ---------------------------------------------------------------- the dropped terms


def past_terms(student, *, seed=None):
    """Check past_terms(scores, rewards) -> (mean, standard error) of the dropped sum of an episode.

    scores and rewards have shape [N, T], one parameter: the sum is Σ_t scores_t Σ_{t' < t} rewards_t'.
    """
    rng = np.random.default_rng(seed)
    batches = [_coin_batch(rng) for _ in range(3)]
    try:
        answers = [_two_numbers(call(student, batch)) for batch in batches]
    except Stopped as stopped:
        return stopped.verdict
    truths = [_mean_and_error(_dropped(*batch).sum(1)) for batch in batches]
    if _close(answers, truths):
        mean, error = truths[0]
        return right(
            f"{mean:.3f} ± {error:.3f}, that is {abs(mean) / error:.1f} standard errors from zero. "
            "Only the second number makes the first one evidence."
        )
    example = f"{len(batches[0][0])} episodes: expected {_pair(truths[0])}, got {_pair(answers[0])}"
    for sentence, function in _PAST_MISTAKES:
        if _close(answers, [function(*batch) for batch in batches]):
            return wrong(sentence, example)
    if _close([(mean, 0.0) for mean, _ in answers], [(mean, 0.0) for mean, _ in truths]):
        return wrong(
            "The mean is right; the standard error is not. Take one sum for each episode, the standard "
            "deviation over episodes, and divide it by the root of N.",
            example,
        )
    return wrong("The mean differs from that of Σ_t score_t Σ_{t' < t} r_t', one sum for each episode.", example)


def _coin_batch(rng, episodes=400, steps=6):
    """Fair coins: score ±1/2. A reward depends on the tosses so far and on the episode's luck."""
    toss = rng.integers(0, 2, (episodes, steps))
    luck = rng.normal(1.0, 1.0, (episodes, 1))
    rewards = luck + 0.5 * toss.cumsum(1) + rng.normal(0, 0.3, (episodes, steps))
    return torch.from_numpy(toss - 0.5), torch.from_numpy(rewards)


def _dropped(scores, rewards):
    return scores * (rewards.cumsum(1) - rewards)


def _mean_and_error(sums, deviation=None, count=None):
    deviation = sums.std() if deviation is None else deviation
    return sums.mean().item(), float(deviation) / (len(sums) if count is None else count) ** 0.5


def _pooled(scores, rewards):
    """Mean sum of an episode, but an error computed as if all N T terms were independent."""
    terms = _dropped(scores, rewards)
    return terms.sum(1).mean().item(), terms.std().item() * terms.shape[1] / terms.numel() ** 0.5


_PAST_MISTAKES = [
    (
        "You give the standard deviation of one episode. The mean of N episodes is surer than that, by the root of N.",
        lambda s, r: (_dropped(s, r).sum(1).mean().item(), _dropped(s, r).sum(1).std().item()),
    ),
    (
        "You divide the variance by N but do not take the root: a standard error has the unit of the mean.",
        lambda s, r: (_dropped(s, r).sum(1).mean().item(), _dropped(s, r).sum(1).var().item() / len(s)),
    ),
    (
        "You count every step as an independent sample. Steps of one episode share their rewards: sum over the steps "
        "first, then treat each episode as one sample.",
        lambda s, r: _mean_and_error(_dropped(s, r).flatten()),
    ),
    (
        "Your mean is that of an episode, but the error counts every step as an independent sample; steps of one "
        "episode share their rewards.",
        _pooled,
    ),
    (
        "Your sum includes r_t itself. The action of step t does change that one; the dropped rewards stop before it.",
        lambda s, r: _mean_and_error((s * r.cumsum(1)).sum(1)),
    ),
    (
        "These are the terms that are kept: the rewards at and after t. Their mean is the gradient.",
        lambda s, r: _mean_and_error((s * (r.sum(1, keepdim=True) - r.cumsum(1) + r)).sum(1)),
    ),
    (
        "These are the rewards after t. The dropped ones come before t.",
        lambda s, r: _mean_and_error((s * (r.sum(1, keepdim=True) - r.cumsum(1))).sum(1)),
    ),
    (
        "You weight with the whole return. Keep the rewards before t only.",
        lambda s, r: _mean_and_error((s * r.sum(1, keepdim=True)).sum(1)),
    ),
]


def _complete(answer):
    """Refuse a pair with the three dots in it, or with None.

    Raises:
        Stopped: with the verdict.
    """
    if not isinstance(answer, tuple | list):
        return
    if any(part is ... for part in answer):
        raise Stopped(not_started())
    for place, part in zip(("first", "second"), answer, strict=False):
        if part is None:
            raise Stopped(
                wrong(f"The {place} number that you return is None. print() shows a number and returns None.")
            )


def _two_numbers(answer):
    """(mean, standard error) as floats.

    Raises:
        Stopped: with the verdict on anything else.
    """
    if isinstance(answer, bool | np.bool_) or (isinstance(answer, torch.Tensor) and answer.dtype == torch.bool):
        raise Stopped(
            wrong(
                "A yes or no hides the evidence. Return the mean and its standard error; whoever reads "
                "them can compare the two."
            )
        )
    _complete(answer)
    try:
        numbers = np.atleast_1d(np.array([float(n) for n in answer] if np.ndim(answer) else float(answer))).tolist()
    except (TypeError, ValueError):
        raise Stopped(wrong(f"Return two numbers, (mean, standard error); got {type(answer).__name__}.")) from None
    if len(numbers) == 1:
        raise Stopped(
            wrong(
                "A mean without its standard error shows nothing: “below 0.1” is large or small "
                "depending on the noise. Return (mean, standard error)."
            )
        )
    if len(numbers) != 2:
        raise Stopped(
            wrong(
                f"Return two numbers, (mean, standard error); got {len(numbers)}. Sum over the steps, then "
                "average over the episodes."
            )
        )
    if not all(map(math.isfinite, numbers)):
        raise Stopped(wrong("Your answer holds NaN or infinity."))
    return tuple(numbers)


def _close(answers, truths, tolerance=5e-3):
    """Equal up to half a percent of the error: dividing by N or N - 1 is a matter of taste."""
    return all(
        abs(mean - true_mean) <= 1e-6 + 1e-6 * abs(true_mean) and abs(error - true_error) <= tolerance * abs(true_error)
        for (mean, error), (true_mean, true_error) in zip(answers, truths, strict=True)
    )


def _pair(numbers):
    return f"({numbers[0]:.4f}, {numbers[1]:.4f})"


# ---------------------------------------------------------------- a counterexample


def counterexample(student, *, seed=None):
    """Check game(first, second) -> (r_0, r_1), the rewards of two fair tosses (0 or 1), by listing all outcomes.

    Both tosses come from one coin with one logit, so the score of an episode is (first - 1/2) + (second - 1/2).
    """
    tosses = list(itertools.product((0, 1), repeat=2))
    try:
        rewards = np.array([_two_rewards(call(student, toss)) for toss in tosses])
        again = np.array([_two_rewards(call(student, toss)) for toss in tosses])
    except Stopped as stopped:
        return stopped.verdict
    if not np.array_equal(rewards, again):
        return wrong(
            "Your rewards change from call to call. Let the two tosses be the only chance in the game: then "
            "four outcomes are all there is, and the variances are exact."
        )
    scores = np.array(tosses) - 0.5
    total = (scores * rewards.sum(1, keepdims=True)).sum(1)
    to_go = scores[:, 0] * rewards.sum(1) + scores[:, 1] * rewards[:, 1]
    variances = total.var(), to_go.var()
    example = (
        f"total return: mean {total.mean():.4g}, variance {variances[0]:.4g}; "
        f"reward-to-go: mean {to_go.mean():.4g}, variance {variances[1]:.4g}"
    )
    if any(rewards[2 * first, 0] != rewards[2 * first + 1, 0] for first in (0, 1)):
        return wrong(
            "Your first reward depends on the second toss, which has not fallen yet: with the past not "
            "past, reward-to-go is biased.",
            example,
        )
    if abs(total.mean()) < 1e-12:
        return wrong(
            "The exact gradient of your game is zero: there is nothing to estimate. Let a toss change the return.",
            example,
        )
    if np.isclose(*variances, rtol=1e-9, atol=1e-12):
        return wrong(
            "Both estimates have the same variance. Reward-to-go leaves out the first reward at the second "
            "toss: make that matter.",
            example,
        )
    if variances[1] < variances[0]:
        return wrong(
            "Here reward-to-go is the better one, as it usually is. Which first reward would make the whole "
            "return steadier than the second reward alone?",
            example,
        )
    return right(
        f"The same mean, and reward-to-go has {variances[1] / variances[0]:.3g} times the variance. "
        "The reward that it drops would have cancelled other noise."
    )


def _two_rewards(answer):
    _complete(answer)
    try:
        first, second = (float(reward) for reward in answer)
    except (TypeError, ValueError):
        raise Stopped(wrong("Return two numbers for each pair of tosses: (first reward, second reward).")) from None
    if not (math.isfinite(first) and math.isfinite(second)):
        raise Stopped(wrong("Your rewards hold NaN or infinity."))
    return first, second
