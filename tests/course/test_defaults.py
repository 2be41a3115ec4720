"""The stored populations of the default agents: what they hold, that they are good enough, and how they are made."""

import json

import pytest

from rlcourse import algorithms
from rlcourse.course import defaults

WANTED = {"PPO": 99, "A2C": 99, "REINFORCE": 97, "DDPG": 98, "SAC": 98}
"""Of 100 seeds that nobody tuned for, how many solve their task."""


def test_a_population_has_100_runs_that_were_judged_as_often_as_their_trial_says():
    for name, populations in defaults.stored().items():
        trial = defaults.TRIALS[name]
        for rounding, runs in populations.items():
            assert rounding in defaults.ROUNDINGS and len(runs) == defaults.SEEDS
            for scores in runs:
                complete = len(scores) == trial.steps // trial.every
                assert complete or (trial.on_the_way and max(scores) == scores[-1] >= trial.solved)


@pytest.mark.parametrize("name", [name for name in WANTED if name in defaults.stored()])
def test_the_defaults_hold(name):
    assert min(defaults.solved(name).values()) >= WANTED[name]


def test_a_narrow_clip_prevents_late_collapses():
    assert min(defaults.solved("PPO").values()) > max(defaults.solved("PPO, ε = 0.2").values())
    assert max(defaults.collapsed("PPO").values()) < min(defaults.collapsed("PPO, ε = 0.2").values())


def test_all_but_the_named_change_is_the_default():
    for name, trial in defaults.TRIALS.items():
        assert name in WANTED or trial.changes
        getattr(algorithms, trial.algorithm).Config(**dict(trial.changes))


def test_what_counts_is_the_end_or_the_best_on_the_way():
    at_the_end = defaults.TRIALS["PPO"]
    best = at_the_end._replace(on_the_way=True)
    assert [defaults.is_solved(at_the_end, scores) for scores in ([500.0, 400.0], [400.0, 475.0])] == [False, True]
    assert [defaults.is_solved(best, scores) for scores in ([500.0, 400.0], [400.0, 401.0])] == [True, False]


def test_a_run_on_the_way_is_judged_until_it_solves(monkeypatch):
    easy = defaults.Trial("PPO", "CartPole-v1", 4_096, 1_024, solved=1.0, episodes=2, on_the_way=True)
    for change, evaluations in (({}, 1), ({"on_the_way": False}, 4), ({"solved": 501.0}, 4)):
        monkeypatch.setitem(defaults.TRIALS, "easy", easy._replace(**change))
        assert [len(scores) for scores in defaults.population("easy", range(2))] == [evaluations] * 2


def test_a_population_ends_with_its_last_evaluation(monkeypatch):
    easy = defaults.Trial("PPO", "CartPole-v1", 4_096, 1_024, solved=1.0, episodes=2, on_the_way=True)
    come, run_many = [], defaults.training.run_many

    def watched(*args, **options):
        for histories in run_many(*args, **options):
            come.append(histories[0].total_steps)
            yield histories

    monkeypatch.setattr(defaults.training, "run_many", watched)
    for change, end in (({}, 1_024), ({"on_the_way": False}, 4_096)):
        monkeypatch.setitem(defaults.TRIALS, "easy", easy._replace(**change))
        defaults.population("easy", range(2))
        assert come[-1] == end


def test_regenerating_writes_a_line_for_each_population(tmp_path, monkeypatch):
    monkeypatch.setattr(defaults, "_elsewhere", lambda name, rounding, first, last: [[9.0]] * (last - first))
    path = tmp_path / "small.json"
    defaults.regenerate(path, names=["PPO"], seeds=25)
    defaults.regenerate(path, names=["SAC"], roundings=["native"], seeds=25)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["PPO"].keys() == defaults.ROUNDINGS.keys() and len(found["PPO"]["avx2"]) == 25
    assert found["SAC"].keys() == {"native"} and len(path.read_text(encoding="utf-8").splitlines()) == 4
