"""What the stored runs say, and that they can be made again."""

import json

import numpy as np
import pytest

from rlcourse.course import pendulum
from rlcourse.course.claims import results
from rlcourse.lessons.sac import runs as measured


def test_every_entry_is_stored_with_its_seeds():
    stored = measured.stored()
    assert stored.keys() == {*measured.ENTRIES, "cost"}
    for label, entry in measured.ENTRIES.items():
        found = measured.runs(label)
        assert found["scores"].shape == (measured.SEEDS, len(found["steps"])), label
        count = len(found["steps"])  # agents that learn from whole episodes may end within the last stretch
        assert found["steps"].tolist() == [entry.every * (k + 1) for k in range(count)], label
        assert entry.steps - entry.every <= found["steps"][-1] <= entry.steps, label
        assert ("alpha" in found) == measured.configured(entry)[0].__name__.endswith("SAC")
    assert stored["cost"].keys() == {*measured.RACERS, *measured.CART_RACERS} and min(stored["cost"].values()) > 0


def test_all_pendulum_scores_of_the_course_have_the_same_first_states():
    assert (measured.STARTS, measured.EPISODES) == (pendulum.STARTS, pendulum.EPISODES)
    assert measured.GOALS[measured.PENDULUM] == pendulum.SOLVED


@pytest.mark.covers("CL-33", "CL-57", "MIS-35", "ERR-71")
def test_fewer_steps_at_a_higher_cost_each():
    steps = {name: np.minimum(measured.reached(name), measured.ENTRIES[name].steps) for name in measured.RACERS}
    for name in ("DDPG", "TD3", "SAC"):
        assert np.isfinite(measured.reached(name)).sum() >= 12
        assert steps["PPO"].mean() > 3 * steps[name].mean()
        assert measured.stored()["cost"][name] > 4 * measured.stored()["cost"]["PPO"]


@pytest.mark.covers("CL-33")
def test_the_order_is_another_on_cartpole():
    late = {label: measured.late(label) for label in measured.CART_RACERS}
    assert late["PPO, CartPole"].mean() > late["discrete SAC, CartPole"].mean()
    assert measured.late("SAC").mean() > measured.late("PPO").mean()


@pytest.mark.covers("CL-50", "MIS-33")
def test_too_much_temperature_prevents_learning():
    assert measured.late("SAC, α = 20").max() < -600
    assert measured.late("SAC").mean() > -350
    hot, cold = (measured.runs(f"SAC, α = {alpha}")["entropy"][:, -1] for alpha in ("20", "0.01"))
    assert hot.min() > cold.max()


@pytest.mark.covers("EQX-14", "CL-50")
def test_the_automatic_temperature_falls_while_the_entropy_is_above_its_target():
    found = measured.runs("SAC")
    above = found["entropy"][:, 2:] > measured.TARGET_ENTROPY + 0.3
    fell = np.diff(found["alpha"][:, 2:], axis=1) < 0
    assert above.any() and fell[above[:, 1:]].mean() > 0.95
    assert (found["entropy"][:, -1] < found["entropy"][:, 2] - 0.5).all()  # and comes down towards it


@pytest.mark.covers("CL-58", "ERR-50")
def test_a_second_critic_does_not_help_here():
    one, two = measured.late("SAC, one critic"), measured.late("SAC")
    assert one.mean() > two.mean() - 50


@pytest.mark.covers("CL-59", "ERR-58")
def test_v_is_optional_and_its_target_network_is_not():
    assert measured.late("SAC with V, no lag").mean() < measured.late("SAC with V").mean() - 200


@pytest.mark.covers("AL-19", "CL-33")
def test_discrete_sac_learns_cartpole():
    best = measured.runs("discrete SAC, CartPole")["scores"].max(1)
    assert min(best) > 100 and np.mean(best) > 250  # pushing at random: 22


def test_regenerating_writes_what_the_explorers_read(tmp_path, monkeypatch):
    small = {"warmup": 50, "batch_size": 16, "hidden": (8, 8)}
    short = {
        "PPO": measured.Entry("PPO", measured.PPO_CHANGES, 2_048, 1_024),
        "SAC": measured.Entry("SAC", small, 120, 60),
    }
    monkeypatch.setattr(measured, "ENTRIES", short)
    monkeypatch.setattr(measured, "EPISODES", 1)
    monkeypatch.setattr(measured, "costs", lambda: {"PPO": 1.0})
    monkeypatch.setattr(measured.learn, "__defaults__", (2,))
    path = tmp_path / "small.json"
    measured.regenerate(path)
    small = json.loads(path.read_text(encoding="utf-8"))
    assert small["PPO"]["steps"] == [1_024, 2_048] and small["cost"] == {"PPO": 1.0}
    assert small["SAC"].keys() == measured.stored()["SAC"].keys()
    measured.regenerate(path, only=("PPO",))
    again = json.loads(path.read_text(encoding="utf-8"))
    assert again["SAC"] == small["SAC"] and again.keys() == small.keys()


@pytest.mark.covers("CL-33")
def test_the_stored_claim_quotes_the_stored_runs():
    claim = results()["CL-33"]
    for name in measured.RACERS:
        steps = np.minimum(measured.reached(name), measured.ENTRIES[name].steps)
        assert claim[f"goal_steps_{name.lower()}"] == pytest.approx(steps.mean(), rel=1e-4)


def test_never_reached_is_infinite():
    assert np.isinf(measured.reached("SAC, α = 20")).all()
