"""Lesson 10's second half: one update is that of the agents themselves, and what the stored runs say."""

import json

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.experiments import lesson_10_agents as measured
from rlcourse.experiments import results

# ---------------------------------------------------------------- one update in slow motion


@pytest.mark.parametrize("form", measured.FORMS)
def test_an_update_has_a_table_for_every_stage(form):
    found = measured.one_update(form, 0.2)
    assert set(measured.STAGES[form]) <= set(found["stages"])
    for columns in found["stages"].values():
        assert all(column.shape == (4,) and np.isfinite(column).all() for column in columns.values())


@pytest.mark.covers("EQX-10", "AL-18")
def test_the_later_target_by_hand():
    found = measured.one_update(measured.FORMS[0], 0.3)
    columns, rewards = found["stages"]["target"], np.array(measured.BATCH["rewards"])
    soft = np.minimum(columns["Q̄₁"], columns["Q̄₂"]) - 0.3 * columns["log π"]
    alive = ~np.array(measured.BATCH["terminated"])
    np.testing.assert_allclose(columns["y"], rewards + found["gamma"] * alive * soft, rtol=1e-5, atol=1e-6)
    assert columns["y"][-1] == rewards[-1]  # it ended: no network has a say in it


@pytest.mark.covers("EQ-57", "EQ-60", "AL-17")
def test_the_targets_with_v_by_hand():
    found = measured.one_update(measured.FORMS[1], 0.3)
    goal, critic = found["stages"]["goal"], found["stages"]["critic"]
    np.testing.assert_allclose(goal["soft"], np.minimum(goal["Q₁"], goal["Q₂"]) - 0.3 * goal["log π"], rtol=1e-5)
    alive = ~np.array(measured.BATCH["terminated"])
    np.testing.assert_allclose(critic["y"], np.array(measured.BATCH["rewards"]) + found["gamma"] * alive * critic["V̄"],
                               rtol=1e-5)  # fmt: skip


@pytest.mark.covers("EQ-57", "EQ-59", "EQX-14", "ERR-50")
@pytest.mark.parametrize("form", measured.FORMS)
def test_each_loss_reaches_the_networks_that_it_should(form):
    sent = measured.one_update(form, 0.2)["gradients"]
    assert {part for part, length in sent["critic"].items() if length} == {"critic"}
    assert {part for part, length in sent["actor"].items() if length} == {"actor", "critic"}  # the latter unused
    assert {part for part, length in sent["alpha"].items() if length} == {"alpha"}
    if "value" in sent:
        assert {part for part, length in sent["value"].items() if length} == {"value"}


@pytest.mark.covers("EQX-14")
def test_alpha_falls_where_the_entropy_is_above_its_target():
    found = measured.one_update(measured.FORMS[0], 0.2)
    entropy = -found["stages"]["actor"]["log π"].mean()
    assert (entropy > measured.TARGET_ENTROPY) == (found["alpha_slope"] > 0)  # descended, so α moves against the slope


@pytest.mark.covers("AL-18")
@pytest.mark.parametrize("form", measured.FORMS)
def test_the_last_step_is_taken_at_the_alpha_that_was_chosen(form):
    cold, warm = (measured.one_update(form, alpha)["stages"]["lag"] for alpha in (0.1, 1.0))
    online = "Q₁" if form == measured.FORMS[0] else "V"
    assert (cold[f"{online} before"] == warm[f"{online} before"]).all()
    assert not np.allclose(cold[f"{online} after"], warm[f"{online} after"], atol=1e-5)


@pytest.mark.covers("EQ-63")
@pytest.mark.parametrize(("form", "online"), list(zip(measured.FORMS, ("Q₁", "V"), strict=True)))
def test_the_copies_follow_by_kappa(form, online):
    found = measured.one_update(form, 0.2)
    moved, lag = found["stages"]["lag"], f"{online[0]}̄{online[1:]}"
    assert not np.allclose(moved[f"{online} before"], moved[f"{online} after"], atol=1e-4)
    # The weights are averaged, not the outputs: for so small a step the outputs follow as closely.
    wanted = found["kappa"] * (moved[f"{online} after"] - moved[f"{online} before"])
    np.testing.assert_allclose(moved[f"{lag} after"] - moved[f"{lag} before"], wanted, rtol=0.5, atol=2e-4)


def test_the_losses_are_those_of_the_agents():
    for form in measured.FORMS:
        agent, rows = measured.patient.__wrapped__(form), measured.batch()
        assert type(agent) is (rl.SAC if form == measured.FORMS[0] else rl.ValueSAC)
        found, config = measured.one_update(form, 0.2), agent.config
        assert (found["gamma"], found["kappa"]) == (config.gamma, config.tau)
        with torch.no_grad():
            q1, q2 = agent.critic(rows.obs, rows.actions)
        np.testing.assert_allclose(found["stages"]["critic"]["Q₁"], q1, rtol=1e-5)
        np.testing.assert_allclose(found["stages"]["critic"]["Q₂"], q2, rtol=1e-5)


# ---------------------------------------------------------------- a mean inside a square


@pytest.mark.covers("EQ-58", "ERR-66", "EQ-61")
def test_one_sample_gives_the_right_slope_and_the_wrong_loss():
    rng = np.random.default_rng(0)
    goals, v = rng.choice([0.0, 4.0], 200_000), 2.5
    assert np.mean(v - goals) == pytest.approx(0.5, abs=0.03)
    assert np.mean(0.5 * (v - goals) ** 2) == pytest.approx(2.125, abs=0.03)
    assert 0.5 * (v - 2.0) ** 2 == 0.125


# ---------------------------------------------------------------- finitely many actions


@pytest.mark.covers("EQX-15", "CL-62")
def test_the_exact_gradient_is_that_of_autograd_and_the_mean_of_the_samples():
    found = measured.exact_against_sampled()
    logits = torch.from_numpy(measured.STATE_LOGITS.copy()).requires_grad_()
    logs = logits.log_softmax(-1)
    (logs.exp() * (measured.STATE_ALPHA * logs - torch.from_numpy(measured.STATE_Q))).sum().backward()
    np.testing.assert_allclose(found["exact"], logits.grad, atol=1e-12)
    probs = np.exp(measured.STATE_LOGITS)
    np.testing.assert_allclose(probs @ found["samples"], found["exact"], atol=1e-12)
    assert found["variance"] > 5 * (found["exact"] ** 2).sum()


# ---------------------------------------------------------------- the stored runs


def test_every_entry_is_stored_with_its_seeds():
    stored = measured.stored()
    assert stored["pendulum"].keys() == measured.ENTRIES.keys()
    for label, entry in measured.ENTRIES.items():
        found = measured.runs(label)
        assert len(found["scores"]) == entry.seeds and found["steps"][0, -1] == entry.steps, label
        assert (found["steps"] == found["steps"][0]).all(), label
        assert (np.diff(found["steps"], axis=1) > 0).all() and (np.diff(found["seconds"], axis=1) > 0).all()
        assert ("alpha" in found) == entry.algorithm.endswith("SAC")
    assert len(stored["cartpole"]) == measured.CARTPOLE.seeds


@pytest.mark.covers("CL-33", "CL-57", "MIS-35", "ERR-71")
def test_fewer_steps_and_more_seconds():
    steps, seconds = ({name: measured.reached(measured.runs(name))[i] for name in measured.RACERS} for i in (0, 1))
    assert all(np.isfinite(x).all() for x in steps.values())  # every seed of all three gets to -200
    for name in ("DDPG", "SAC"):
        assert steps["PPO"].min() > 1.5 * steps[name].max()
        found = measured.runs(name), measured.runs("PPO")
        ours, theirs = (runs["seconds"][:, -1] / runs["steps"][:, -1] for runs in found)
        assert ours.min() > 4 * theirs.max()  # an environment step costs far more computing
    assert seconds["PPO"].mean() < seconds["SAC"].mean()


@pytest.mark.covers("CL-50", "MIS-33")
def test_too_much_temperature_prevents_learning():
    assert measured.late("SAC, α = 20").max() < -600
    assert measured.late("SAC").mean() > -250
    assert measured.runs("SAC, α = 20")["entropy"][:, -1].min() > measured.runs("SAC, α = 0.01")["entropy"][:, -1].max()


@pytest.mark.covers("EQX-14", "CL-50")
def test_the_automatic_temperature_falls_while_the_entropy_is_above_its_target():
    found = measured.runs("SAC")
    above = found["entropy"].min(1) > measured.TARGET_ENTROPY
    assert above.any() and (np.diff(found["alpha"][above], axis=1) < 0).all()
    assert (found["entropy"][:, -1] < found["entropy"][:, 0] - 1).all()  # and comes down towards it


@pytest.mark.covers("CL-58", "ERR-50")
def test_a_second_critic_makes_no_visible_difference_here():
    one, two = measured.late("SAC, one critic"), measured.late("SAC")
    assert one.max() > two.min() and two.max() > one.min()  # the ranges of the seeds overlap


@pytest.mark.covers("CL-59", "ERR-58")
def test_v_is_optional_and_its_lag_is_not():
    assert measured.late("SAC with V").mean() > -300
    assert measured.late("SAC with V, no lag").mean() < measured.late("SAC with V").mean() - 300


@pytest.mark.covers("AL-19", "CL-62")
def test_discrete_sac_learns_cartpole():
    best = [max(run["scores"]) for run in measured.stored()["cartpole"]]
    assert min(best) > 150 and np.mean(best) > 300  # pushing at random: 22
    last = [run["scores"][-1] for run in measured.stored()["cartpole"]]
    assert sum(score >= 475 for score in best) == 1 and sum(150 < score < 250 for score in last) == 4  # as is told
    assert results()["CL-62"]["last"] == pytest.approx(np.mean(last), rel=1e-3)


@pytest.mark.covers("CL-33", "CL-58")
def test_reached_is_not_kept():
    """What the lesson tells of the worst checkpoint after a seed first got to -200."""

    def dips(label):
        found = measured.runs(label)
        steps, _ = measured.reached(found)
        return sorted(scores[found["steps"][0] >= step].min()
                      for scores, step in zip(found["scores"], steps, strict=True))  # fmt: skip

    assert sum(dip < -300 for dip in dips("PPO")) == 4 and dips("PPO")[0] == pytest.approx(-588, abs=0.5)
    assert sum(dip < -200 for dip in dips("DDPG")) == 1 and dips("DDPG")[0] == pytest.approx(-695, abs=0.5)
    assert dips("SAC")[0] == pytest.approx(-165, abs=0.5) and dips("SAC, one critic")[0] > -200


def test_the_board_holds_what_the_capstone_needs():
    board = measured.board()
    assert {run["agent"] for run in board.values()} == {"PPO", "DDPG", "SAC"}
    for budget in measured.BUDGETS.values():
        (unit, most), = budget.items()
        for name in measured.RACERS:
            if unit == "steps" or name == "PPO":
                assert min(seed[0] for seed in board[name][unit]) <= most


def test_regenerating_writes_what_the_explorers_read(tmp_path, monkeypatch):
    small = {"warmup": 50, "batch_size": 16, "hidden": (8, 8)}
    short = {
        "PPO": measured.Entry("PPO", measured.PPO_CHANGES, 2_048, 1_024, seeds=1),
        "SAC": measured.Entry("SAC", small, 120, 60, seeds=2),
    }
    monkeypatch.setattr(measured, "ENTRIES", short)
    monkeypatch.setattr(measured, "CARTPOLE", short["SAC"])
    monkeypatch.setattr(measured, "EPISODES", 1)
    path = tmp_path / "small.json"
    measured.regenerate(path)
    small = json.loads(path.read_text(encoding="utf-8"))
    assert small["pendulum"]["PPO"][0]["steps"] == [1_024, 2_048]
    assert small["pendulum"]["SAC"][0].keys() == measured.stored()["pendulum"]["SAC"][0].keys()
    measured.regenerate(path, only=("PPO",))
    again = json.loads(path.read_text(encoding="utf-8"))
    assert again["pendulum"]["SAC"] == small["pendulum"]["SAC"] and again["cartpole"] == small["cartpole"]


@pytest.mark.covers("AL-18")
def test_the_critics_may_move_before_the_actor_does(monkeypatch):
    """One update in turn: the critics move as in rl.SAC, the actor climbs them as they are by then."""
    monkeypatch.setattr(measured, "EPISODES", 1)
    both = measured.together_or_in_turn(seeds=1, steps=750)
    assert [scores.shape for scores in both] == [(1, 2), (1, 2)] and not np.array_equal(*both)
    spaces, rows = measured.patient(measured.FORMS[0]), measured.batch()
    config = measured.InTurn.Config(hidden=(8, 8))
    agent = measured.InTurn(spaces.observation_space, spaces.action_space, config, seed=4)
    seen, actor_loss = [agent.critic(rows.obs, rows.actions).detach()], agent.actor_loss

    def look(values):
        seen.append(agent.critic(rows.obs, rows.actions).detach())
        return actor_loss(values)

    monkeypatch.setattr(agent, "actor_loss", look)
    agent.update(rows)
    assert not torch.allclose(*seen)  # when the actor's turn comes the critics have moved


def test_a_seed_decides_a_run(monkeypatch):
    """In one process; on another processor, after a few hundred updates, the seed is another run."""
    monkeypatch.setattr(measured, "EPISODES", 2)
    entry = measured.Entry("SAC", {"warmup": 50, "batch_size": 16, "hidden": (8, 8)}, 120, 60, seeds=1)
    one, same, other = (measured.learn(entry, seed) for seed in (0, 0, 1))
    assert one["scores"] == same["scores"] and one["alpha"] == same["alpha"]
    assert one["scores"] != other["scores"]


@pytest.mark.covers("CL-33")
def test_the_stored_claim_quotes_the_stored_runs():
    claim = results()["CL-33"]
    for name in measured.RACERS:
        assert claim[f"goal_steps_{name.lower()}"] == pytest.approx(measured.reached(measured.runs(name))[0].mean())
    assert claim["steps_ppo"] < 0.7 * min(claim["steps_reinforce"], claim["steps_a2c"])
