"""Studies: stored label by label, in one piece, and read as they were written."""

import json

import numpy as np
import pytest

from rlcourse import training
from rlcourse.algorithms import Reinforce
from rlcourse.course import study


def test_a_label_is_stored_as_soon_as_it_is_measured(tmp_path):
    path = tmp_path / "runs.json"

    def second():
        assert json.loads(path.read_text(encoding="utf-8")) == {"κ = 1": [1, 2]}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.regenerate(path, {"κ = 1": lambda: [1, 2], "κ = 2": second})
    assert study.stored(path) == {"κ = 1": [1, 2]}


def test_one_label_anew_keeps_the_others_in_their_order(tmp_path):
    path, given = tmp_path / "runs.json", {"a": lambda: 1, "b": lambda: {"x": 2.5}, "c": lambda: None}
    study.regenerate(path, given)
    study.regenerate(path, given | {"b": lambda: 7}, only=["b"])
    assert list(json.loads(path.read_text(encoding="utf-8")).items()) == [("a", 1), ("b", 7), ("c", None)]
    assert path.read_text(encoding="utf-8").count("\n") == 5  # a line per label
    assert [file.name for file in tmp_path.iterdir()] == ["runs.json"]


def test_what_the_study_no_longer_has_goes_and_what_it_never_had_is_refused(tmp_path):
    path = tmp_path / "runs.json"
    study.regenerate(path, {"a": lambda: 1, "old": lambda: 2})
    study.regenerate(path, {"a": lambda: 3})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 3}
    with pytest.raises(ValueError, match="label must be one of a, got 'b'"):
        study.regenerate(path, {"a": lambda: 1}, only=["b"])


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path):
    path = tmp_path / "runs.json"
    study.write(path, {"a": 1})
    with pytest.raises(TypeError):
        study.write(path, {"a": 2, "b": object()})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": 1}


def test_checkpoints_stop_where_all_seeds_have_come_so_far():
    runs = training.run_many(Reinforce, "CartPole-v1", seeds=2, total_steps=900)
    stops = [(at, [history.total_steps for history in found]) for at, found in study.checkpoints(runs, 300)]
    assert [at for at, _ in stops] == [300 * (number + 1) for number in range(len(stops))] and len(stops) >= 2
    assert all(min(steps) >= at for at, steps in stops)


def test_the_fields_of_a_claim_hold_the_middle_and_its_interval():
    values = np.arange(16.0)
    found = study.fields("score", values)
    assert list(found) == ["score", "score_low", "score_high"] and found["score"] == values.mean()
    assert values.min() < found["score_low"] < found["score"] < found["score_high"] < values.max()
    outlier = [*values[:-1], 1000.0]
    assert study.fields("score", outlier, statistic="iqm")["score"] == found["score"] < study.fields("x", outlier)["x"]
