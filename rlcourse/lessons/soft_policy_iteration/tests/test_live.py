"""What is iterated on screen: the picture is replaced, and every answer of a student gets a sentence."""

import pytest
import torch

import rlcourse as rl
from rlcourse.course.checker import RIGHT, UNFINISHED, WRONG
from rlcourse.lessons.soft_policy_iteration import live


@pytest.fixture
def shown(monkeypatch):
    """The labels of all pictures, in their order."""
    labels = []
    monkeypatch.setattr(live.Screen, "show", lambda self, figure: labels.append(figure.get_label()))
    return labels


def right(P, R, gamma, alpha, rounds=10):
    policy = torch.full_like(R, 1 / R.shape[1])
    for _ in range(rounds):
        Q = rl.exact.soft_evaluate(rl.FiniteMDP(P, R), policy, gamma=gamma, alpha=alpha).Q
        policy = torch.softmax(Q / alpha, -1)
    return policy


def forgets_alpha(P, R, gamma, alpha, rounds=10):
    return right(P, R, gamma, 1.0, rounds)


def ignores_rounds(P, R, gamma, alpha, rounds=10):
    return right(P, R, gamma, alpha)


def without_rounds(P, R, gamma, alpha):
    return right(P, R, gamma, alpha)


def unfinished(P, R, gamma, alpha, rounds=10): ...


@pytest.mark.covers("AL-14", "AL-15", "AL-16")
def test_the_grid_world_is_solved_on_screen(shown):
    live.watch(pause=0)
    assert len(shown) == (live.ROUNDS + 1) * len(live.BACKUPS)
    assert "after round 0 and 0 backups" in shown[0] and "after round 5 and 60 backups" in shown[-1]


@pytest.mark.covers("AL-16", "EQ-56")
@pytest.mark.parametrize(
    ("student", "state", "words"),
    [
        (right, RIGHT, "on 16 of 16 MDPs"),
        (forgets_alpha, WRONG, "on 0 of 16 MDPs, the course's on 16"),
        (ignores_rounds, WRONG, "after 0 rounds"),
        (without_rounds, WRONG, "TypeError"),
        (unfinished, UNFINISHED, "Write `unfinished` first"),
    ],
)
def test_the_student_s_iteration_is_judged_in_a_sentence(shown, student, state, words):
    verdict = live.beside(student, uses=[student], pause=0)
    assert verdict.state == state and words in verdict.sentence, verdict
    assert len(shown) == (live.ROUNDS + 1 if student in (right, forgets_alpha, ignores_rounds) else 0)


def test_one_output_is_updated(monkeypatch):
    calls = []

    class Handle:
        def update(self, bundle, raw):
            calls.append("update")

    def display(bundle, raw, display_id):
        calls.append(sorted(bundle))
        return Handle()

    monkeypatch.setattr(live, "display", display)
    screen = live.Screen()
    for rounds in (0, 1):
        screen.show(live.explorers.soft_iteration.draw(rounds=rounds))
    assert calls == [["image/png", "text/plain"], "update"]
