"""Soft policy iteration on screen: round by round on the grid world, and the student's own beside the exact one."""

import base64
import time

import numpy as np
import torch
from IPython.display import display

from rlcourse import exact
from rlcourse.course import checker
from rlcourse.course.figures import style
from rlcourse.lessons.soft_policy_iteration import experiments, explorers, plots

ROUNDS = 5
BACKUPS = (0, 10, 30, 60)
"""Of each round, what is drawn: the table after so many backups."""
SEEDS = 16
CLOSE = 1e-8


class Screen:
    """One output whose picture is replaced by the next one."""

    def __init__(self):
        self._handle = None

    def show(self, figure):
        picture = base64.b64encode(style.png(figure)).decode()
        bundle = {"image/png": picture, "text/plain": figure.get_label()}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def watch(alpha=0.2, *, pause=0.25):
    """Back up, improve, repeat: the grid world from the uniform policy on, drawn as it is solved."""
    screen = Screen()
    for rounds in range(ROUNDS + 1):
        for backups in BACKUPS:
            screen.show(explorers.soft_iteration.draw(rounds=rounds, backups=backups, alpha=alpha))
            time.sleep(pause)


def beside(student, *, uses, alpha=0.5, pause=0.5):
    """Iterate the student's function on 16 random MDPs, beside `rl.exact.soft_policy_iteration`, on screen.

    Args:
        student: function (P, R, gamma, alpha, rounds) -> policy, shape [S, A].
        uses: the functions that have to be written first.
        alpha: the temperature.
        pause: seconds between two rounds.

    Returns:
        A Verdict: whether it arrives at the optimum, or which function has to be written first.
    """
    if unwritten := [function.__name__ for function in uses if checker.has_dots(function)]:
        names = " and ".join(f"`{name}`" for name in unwritten)
        sentence = f"This cell iterates what you wrote above. Write {names} first, then run it again."
        return checker.Verdict(checker.UNFINISHED, sentence)
    mdps = [experiments.random_mdp(seed) for seed in range(SEEDS)]
    solutions = [exact.soft_policy_iteration(mdp, gamma=experiments.GAMMA, alpha=alpha) for mdp in mdps]
    course = np.array([_gaps(solution) for solution in solutions])
    screen, yours = Screen(), np.full((SEEDS, ROUNDS + 1), np.nan)
    try:
        for k in range(ROUNDS + 1):
            for seed, (mdp, solution) in enumerate(zip(mdps, solutions, strict=True)):
                policy = student(mdp.transitions, mdp.rewards, experiments.GAMMA, alpha, k)
                found = exact.soft_evaluate(mdp, policy, gamma=experiments.GAMMA, alpha=alpha)
                yours[seed, k] = _gap(solution.V, found.V)
            screen.show(plots.yours_beside(yours[:, : k + 1], course, close=CLOSE))
            time.sleep(pause)
    except Exception as error:  # a student's function: whatever it does becomes a sentence
        return checker.wrong(f"While your function iterated: {checker.describe(error, student, *uses)}")
    return judged(yours, course)


def judged(yours, course):
    """What the distances from the optimum say, in a Verdict.

    Args:
        yours, course: largest error of V after 0, 1, ... rounds, [MDPs, rounds + 1].
    """
    solved, number = int((yours[:, -1] < CLOSE).sum()), len(yours)
    reached = f"After {ROUNDS} rounds your policy is within 10⁻⁸ of the optimum on {solved} of {number} MDPs"
    if solved < number:
        return checker.wrong(f"{reached}, the course's on {int((course[:, -1] < CLOSE).sum())}.")
    if (yours[:, 0] < CLOSE).any():
        return checker.wrong(f"{reached}, but it was there after 0 rounds. Let the loop run `rounds` times.")
    return checker.right(f"{reached}, and so is the course's.")


def _gaps(solution):
    """Largest error of V after 0, 1, ... rounds of a solution; once it stands still, that of its last one."""
    values = [found.V for found in solution.history]
    return [_gap(solution.V, values[min(k, len(values) - 1)]) for k in range(ROUNDS + 1)]


def _gap(best, V):
    return float((torch.as_tensor(best) - V).abs().max())
