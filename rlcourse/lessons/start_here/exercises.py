"""Checkers: the discounted return, and the two ways in which a record ends."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, call, judge, not_started, right, write, wrong
from rlcourse.returns import rewards_to_go

# ---------------------------------------------------------------- E1


def _powers(rewards, gamma):
    """γ^0, γ^1, ..., one per reward."""
    return torch.as_tensor(gamma, dtype=rewards.dtype) ** torch.arange(len(rewards))


def _return(rewards, gamma):
    ends = torch.zeros(len(rewards), dtype=torch.bool)
    return rewards_to_go(rewards, ends, ends, gamma=gamma)[0]


RETURN_MISTAKES = [
    Mistake(
        "You add the rewards up without discounting: gamma does not change your answer.",
        lambda rewards, gamma: rewards.sum(),
    ),
    Mistake(
        "Your discount runs backwards: the last reward counts in full and the first one hardly at all. The exponent of "
        "gamma is the time that has passed, not the time that is left.",
        lambda rewards, gamma: (_powers(rewards, gamma).flip(0) * rewards).sum(),
    ),
    Mistake(
        "Your exponent counts the steps to the end, T - t: later rewards weigh more than earlier ones. It should count "
        "the steps from the start.",
        lambda rewards, gamma: gamma * (_powers(rewards, gamma).flip(0) * rewards).sum(),
    ),
    Mistake(
        "Your discount starts one step too early: the very first reward is multiplied by gamma. Time starts at 0.",
        lambda rewards, gamma: gamma * (_powers(rewards, gamma) * rewards).sum(),
    ),
    Mistake(
        "Your sum begins with the second reward: r_0 is missing. `range(1, T)` leaves out 0.",
        lambda rewards, gamma: (_powers(rewards, gamma) * rewards)[1:].sum(),
    ),
    Mistake(
        "You return after the first reward. Is the `return` inside the loop? It belongs behind the loop.",
        lambda rewards, gamma: rewards[0],
    ),
    Mistake(
        "Only the last term is left. Each step should add to the total, `total += ...`, and not replace it.",
        lambda rewards, gamma: (_powers(rewards, gamma) * rewards)[-1],
    ),
    Mistake(
        "Your discount is squared from step to step: 1, gamma, gamma^3, gamma^7. Multiply it by gamma itself, once "
        "per step.",
        lambda rewards, gamma: sum(gamma ** (2**t - 1) * rewards[t] for t in range(len(rewards))),
    ),
    Mistake(
        "You multiply by 1 - gamma. That makes a weighted mean of the rewards; a return is their plain discounted sum.",
        lambda rewards, gamma: (1 - gamma) * (_powers(rewards, gamma) * rewards).sum(),
    ),
    Mistake(
        "You raise t to the power gamma. It is the other way round: gamma to the power t.",
        lambda rewards, gamma: (torch.arange(len(rewards), dtype=rewards.dtype) ** gamma * rewards).sum(),
    ),
    Mistake(
        "You apply gamma once to all the later rewards; each further step of waiting costs one more factor.",
        lambda rewards, gamma: rewards[0] + gamma * rewards[1:].sum(),
    ),
    Mistake(
        "You multiply by gamma times t; discounting is a power, gamma to the t.",
        lambda rewards, gamma: (gamma * torch.arange(len(rewards)) * rewards).sum(),
    ),
    Mistake(
        "You divide by the number of rewards: a return is a sum, not a mean.",
        lambda rewards, gamma: (_powers(rewards, gamma) * rewards).mean(),
    ),
    Mistake(
        "Your sum stops one reward early: the last one is missing.",
        lambda rewards, gamma: (_powers(rewards, gamma) * rewards)[:-1].sum(),
    ),
]


def discounted_return(student, *, seed=None):
    """E1: student(rewards, gamma) -> r_0 + γ r_1 + γ² r_2 + ..., one number.

    Args:
        student: the function; rewards is a float64 tensor [T], gamma a number in [0, 1].
        seed: of the random cases.

    Returns:
        A Verdict.
    """
    rng = np.random.default_rng(seed)
    cases = [(torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64), 0.5)]
    for steps, gamma in ((4, 0.9), (1, 0.7), (7, 0.0), (6, 1.0), (12, float(rng.uniform(0.5, 0.99)))):
        cases.append((torch.from_numpy(rng.normal(0.0, 2.0, steps)), gamma))
    try:
        several = torch.as_tensor(call(student, cases[0])).numel() == len(cases[0][0])
    except Stopped as stopped:
        return stopped.verdict
    except (TypeError, ValueError, RuntimeError, OverflowError):
        several = False  # not numbers at all: judge has the sentence for that
    if several:
        return wrong(
            "You return one number per step. The return of an episode is a single number: the one that belongs to "
            "its first step."
        )
    return judge(
        student,
        _return,
        cases,
        RETURN_MISTAKES,
        praise="Every case agrees: each reward is discounted once per step of waiting.",
        show=lambda rewards, gamma: f"rewards {write(rewards)}, gamma {gamma:g}",
    )


# ---------------------------------------------------------------- E2

LOG = """\
1  CartPole-v1   step 187   the pole leans 13 degrees; beyond 12 it counts as fallen
2  CartPole-v1   step 500   the pole leans 1 degree; the time limit of 500 steps is reached
3  Corridor      step  10   the game lasts ten steps by its rules, and this was the tenth
4  robot arm     step  63   the operator pressed stop; the arm was on its way to the cup"""

TERMINATED, TRUNCATED = "terminated", "truncated"
ENDINGS = (TERMINATED, TRUNCATED, TERMINATED, TRUNCATED)
CONFUSIONS = (
    "Line 1: nobody stopped this recording. The pole left the range that the task allows, and after a fall there is "
    "nothing more to earn.",
    "Line 2: look at the pole, it stands. The state knows nothing of a limit that was set for the recording, and the "
    "next step would have paid like the others.",
    "Line 3: this limit of ten steps is a rule of the game itself. By that rule there is no eleventh reward.",
    "Line 4: somebody outside the task ended this one. The task was not over: the arm could have gone on to the cup.",
)


def endings(answers):
    """E2: how each line of LOG ended.

    Args:
        answers: four entries, "terminated" or "truncated"; True stands for terminated, False for truncated.

    Returns:
        A Verdict.
    """
    if isinstance(answers, dict):
        answers = list(answers.values())
    if isinstance(answers, torch.Tensor | np.ndarray):
        answers = answers.tolist()
    if answers is None or answers is Ellipsis:
        return not_started()
    if not isinstance(answers, list | tuple) or len(answers) != len(ENDINGS):
        return wrong(f"Give a list of {len(ENDINGS)} answers, one for each line of the log.")
    if any(answer is None or answer is Ellipsis for answer in answers):
        return not_started()
    words = [_word(answer) for answer in answers]
    if unknown := [answer for answer, word in zip(answers, words, strict=True) if word is None]:
        return wrong(f'Answer each line with "terminated" or "truncated"; got {unknown[0]!r}.')
    return _judge_endings(words)


def _word(answer):
    if isinstance(answer, bool | np.bool_):
        return TERMINATED if answer else TRUNCATED
    word = answer.strip().lower() if isinstance(answer, str) else None
    return word if word in (TERMINATED, TRUNCATED) else None


def _judge_endings(words):
    false = [word != truth for word, truth in zip(words, ENDINGS, strict=True)]
    if not any(false):
        return right(
            "An end is a termination when the task itself has no more reward to give; when something outside the task "
            "stops the recording, it is a truncation."
        )
    if all(false):
        return wrong("You have the two words the wrong way round: terminated is the task's own end, truncated a cut.")
    if len(set(words)) == 1:
        return wrong(
            f"You call every end {words[0]}. Ask of each line: if the recording had gone on, could there have been "
            "another reward?"
        )
    return wrong(CONFUSIONS[false.index(True)])
