"""Stored runs: what they hold, what they say, and how they are made."""

import json

import numpy as np
import pytest

from rlcourse.course import claims, pendulum


def test_every_variation_is_stored_with_its_seeds():
    stored = pendulum.stored()
    assert stored.keys() == pendulum.VARIATIONS.keys()
    for name, runs in stored.items():
        assert len(runs) == pendulum.VARIATIONS[name].seeds, name
        for run in runs:
            assert len(run.scores) == pendulum.VARIATIONS[name].steps // pendulum.EVERY
            assert len(run.returns) == pendulum.VARIATIONS[name].steps // 200 and run.seconds > 0


def test_a_variation_changes_what_its_name_says():
    for name, variation in pendulum.VARIATIONS.items():
        usual = pendulum.SMALL_BATCH if variation.setting == "memory" else pendulum.USUAL
        changed = {key for key, value in vars(variation.config).items() if value != getattr(usual, key)}
        allowed = {
            "target networks": {"tau"},
            "soft copies": {"tau"},
            "hard copies": {"tau", "target_every"},
            "noise": {"noise", "noise_std"},
            "memory": {"capacity"},
        }[variation.setting]
        assert changed <= allowed and bool(changed) == (name not in (pendulum.DEFAULT, "all rows")), name


def test_the_table_shows_every_variation():
    shown = [tuple(scores) for rows in pendulum.table().values() for scores in rows.values()]
    assert {tuple(pendulum.compared(name)) for name in pendulum.VARIATIONS} == set(shown)


@pytest.mark.covers("CL-37", "CL-40")
def test_with_targets_every_seed_is_solved_and_stays_so_and_without_none_does():
    assert (pendulum.best(pendulum.DEFAULT) >= pendulum.SOLVED).all() and pendulum.held(pendulum.DEFAULT).all()
    assert not pendulum.held(pendulum.BARE).any()
    ends = [pendulum.final(name, pendulum.LONG) for name in (pendulum.BARE, pendulum.DEFAULT)]
    assert ends[0].max() < ends[1].min()
    assert pendulum.solved_at(pendulum.DEFAULT).max() <= 3_500 and pendulum.best(pendulum.BARE).max() < -600


@pytest.mark.covers("CL-40")
def test_too_slow_is_as_bad_as_too_fast():
    for slow in ("κ = 0.0005", "K = 500"):
        assert np.isinf(pendulum.solved_at(slow)).all()
        assert pendulum.final(slow).max() < -600


@pytest.mark.covers("CL-43")
def test_noise_makes_no_visible_difference_on_pendulum():
    found = claims.results()["CL-43"]
    means = [found[name] for name in ("gaussian", "ou", "none")]
    assert min(means) > -200
    assert max(means) - min(means) < found["gaussian_high"] - found["gaussian_low"]


@pytest.mark.covers("CL-21")
def test_a_memory_of_one_minibatch_is_not_enough():
    assert pendulum.final("64 rows").max() < pendulum.final("all rows").min()


@pytest.mark.covers("CL-37", "CL-40", "CL-43")
@pytest.mark.parametrize("identifier", ["CL-37", "CL-40", "CL-43"])
def test_the_claims_are_read_off_the_stored_runs(identifier):
    stored = claims.results()[identifier]
    for name, value in claims.measure(identifier).items():
        assert stored[name] == pytest.approx(value, rel=1e-4), name


def test_regenerating_writes_what_the_lesson_reads(tmp_path, monkeypatch):
    few = {name: pendulum.VARIATIONS[name]._replace(seeds=1, steps=600) for name in (pendulum.DEFAULT, "64 rows")}
    monkeypatch.setattr(pendulum, "VARIATIONS", few)
    monkeypatch.setattr(pendulum, "EVERY", 300)
    monkeypatch.setattr(pendulum, "EPISODES", 2)
    pendulum.regenerate(tmp_path / "small.json")
    small = json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))
    assert small["every"] == 300 and small["runs"].keys() == few.keys()
    assert [len(run["scores"]) for runs in small["runs"].values() for run in runs] == [2, 2]


def test_a_seed_decides_a_run(monkeypatch):
    """In one process; on another processor, after a few hundred updates, the seed is another run."""
    monkeypatch.setattr(pendulum, "EVERY", 300)
    monkeypatch.setattr(pendulum, "EPISODES", 2)
    one, same, other = (pendulum.run(pendulum.DEFAULT, seed=seed, total_steps=600) for seed in (0, 0, 1))
    assert one.scores == same.scores and one.returns == same.returns
    assert one.scores != other.scores
