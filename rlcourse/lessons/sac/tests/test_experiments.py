"""One update is that of the agents themselves; what one sample, a sum, and a unit do."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.lessons.sac import experiments as measured

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
    np.testing.assert_allclose(
        critic["y"], np.array(measured.BATCH["rewards"]) + found["gamma"] * alive * critic["V̄"], rtol=1e-5
    )


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
    assert 0 < found["variance_baseline"] < found["variance"] / 5  # the value as a baseline helps; the sum needs none


# ---------------------------------------------------------------- the unit of an entropy


@pytest.mark.covers("EQX-14", "CL-50")
def test_a_target_lies_equally_far_below_the_most_in_every_box():
    gaps = [most - target for most, target in measured.boxes().values()]
    assert np.allclose(gaps, 1 + np.log(2))
    assert [c for c, (most, _) in measured.boxes().items() if most < -1] == [0.05]  # where -1 is out of reach
