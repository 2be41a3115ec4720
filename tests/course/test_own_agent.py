"""Your agent: it trains what the student wrote, beside the course's, and says what came of it."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.course.widgets import own_agent, training_panel

SMALL = rl.PPO.Config(steps=16, epochs=1, hidden=(8,))


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(training_panel, "display", lambda *args, **kwargs: None)


def loss(log_probs, advantages):
    return -(log_probs * advantages).mean()


def unwritten(log_probs, advantages): ...


def broken(log_probs, advantages):
    return log_probs @ torch.ones(77)


def agent_with(function):
    class Mine(rl.PPO):
        def targets(self, rollout):
            old_log_probs, returns, advantages = super().targets(rollout)
            function(old_log_probs, advantages)
            return old_log_probs, returns, advantages

    return Mine


def beside(function, **options):
    options = {"total_steps": 600, "seeds": 3, "config": SMALL} | options
    return own_agent.train_beside(agent_with(function), rl.PPO, "CartPole-v1", uses=[function], **options)


def test_what_still_holds_dots_is_not_trained(monkeypatch):
    monkeypatch.setattr(training_panel, "compare_many", lambda *args, **kwargs: pytest.fail("trained"))
    verdict = beside(unwritten)
    assert verdict.state == "not started" and "Write `unwritten` first" in verdict.sentence


def test_both_are_trained_on_the_same_seeds():
    compared = beside(loss)
    assert list(compared.histories) == ["yours", "the course's"]
    assert all([run.seed for run in runs] == [0, 1, 2] for runs in compared.histories.values())
    assert "Seed by seed" in compared.sentence  # the same algorithm under two names
    assert compared.sentence in compared._repr_html_()


def test_what_the_lesson_has_trained_before_is_not_trained_again(monkeypatch):
    course = rl.train_many(rl.PPO, "CartPole-v1", total_steps=900, seeds=3, config=SMALL, progress=False)
    steps, trained, run_many = [run.total_steps for run in course], [], rl.training.run_many
    monkeypatch.setattr(
        rl.training, "run_many", lambda kind, *args, **kw: trained.append(kind) or run_many(kind, *args, **kw)
    )
    compared = own_agent.train_beside(
        agent_with(loss), course, "CartPole-v1", uses=[loss], total_steps=600, seeds=3, config=SMALL
    )
    assert [kind.__name__ for kind in trained] == ["Mine"]
    assert list(compared.histories) == ["yours", "the course's"] and compared.histories["the course's"] is course
    assert [run.total_steps for run in course] == steps and "Seed by seed" in compared.sentence


def test_runs_that_were_stopped_early_are_no_measure():
    course = rl.train_many(rl.PPO, "CartPole-v1", total_steps=300, seeds=3, config=SMALL, progress=False)
    compared = own_agent.train_beside(
        agent_with(loss), course, "CartPole-v1", uses=[loss], total_steps=600, seeds=3, config=SMALL
    )
    assert "nothing to compare" in compared.sentence


def test_an_error_in_the_students_function_becomes_a_sentence():
    verdict = beside(broken)
    assert verdict.state == "not yet" and "`return log_probs @ torch.ones(77)`" in verdict.sentence
    assert "one axis more" in verdict.sentence


def test_what_was_stopped_is_not_compared(monkeypatch):
    monkeypatch.setattr(training_panel.Panel, "due", lambda self: True)
    monkeypatch.setattr(training_panel.Panel, "redraw", lambda self, histories: setattr(self, "stopped", True) or "")
    assert "nothing to compare" in beside(loss).sentence


class Run:
    total_steps = 100
    steps = np.arange(0, 100, 10) + 1

    def __init__(self, value):
        self.returns = np.full(10, float(value))


@pytest.mark.parametrize(
    ("yours", "words"),
    [
        (10, "that is not luck"),
        (100, "Seed by seed"),
        (104, "overlap"),
        (200, "yours is higher"),
        (10, "yours is lower"),
    ],
)
def test_intervals_that_are_apart_are_told(yours, words):
    noise = np.linspace(-5, 5, 16)
    histories = {"yours": [Run(yours + e) for e in noise], "the course's": [Run(100 + e) for e in noise]}
    assert words in own_agent.compared(histories, 100)
