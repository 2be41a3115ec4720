"""Laws of replay and of the off-policy gradient, and the claims within loose bounds."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.course.claims import results
from rlcourse.lessons.off_policy_actor_critic import experiments as lab
from rlcourse.lessons.off_policy_actor_critic import runs, stream

STORED = results()


def random_state(rng, actions=3):
    old, new = (0.9 * rng.dirichlet(np.ones(actions)) + 0.1 / actions for _ in range(2))
    return old, new, rng.normal(0, 2, actions)


# ---------------------------------------------------------------- whose actions


@pytest.mark.covers("EQX-16", "CL-22")
@pytest.mark.parametrize("baseline", [False, True])
def test_fresh_and_weighted_actions_are_right_on_average_and_stored_ones_are_not(baseline):
    rng = np.random.default_rng(0)
    for _ in range(20):
        old, new, q = random_state(rng)
        truth, rows = lab.true_gradient(new, q), lab.estimators(old, new, q, rng.normal(), baseline)
        for name in lab.ESTIMATORS[1:]:
            assert rows[name].mean == pytest.approx(truth, abs=1e-12)
        assert np.abs(rows["buffer's action"].mean - truth).max() > 1e-3


@pytest.mark.covers("CL-22")
def test_the_true_gradient_is_the_slope_of_the_mean_value():
    rng = np.random.default_rng(1)
    _, new, q = random_state(rng)
    logits = torch.tensor(np.log(new), requires_grad=True)
    (torch.softmax(logits, -1) @ torch.from_numpy(q)).backward()
    assert lab.true_gradient(new, q) == pytest.approx(logits.grad.numpy())


@pytest.mark.covers("EQX-16", "CL-22", "CL-23")
@pytest.mark.parametrize("baseline", [False, True])
@pytest.mark.parametrize("name", lab.ESTIMATORS)
def test_means_and_spreads_are_those_of_samples(name, baseline):
    draws = lab.sampled(name, 400_000, offset=2.0, baseline=baseline)
    exact = lab.estimators(offset=2.0, baseline=baseline)[name]
    assert draws.mean(0) == pytest.approx(exact.mean, abs=5 * exact.std(len(draws)))
    assert np.cov(draws.T) == pytest.approx(exact.covariance, rel=0.05, abs=0.03 * exact.std() ** 2)


@pytest.mark.covers("CL-22", "MIS-18")
def test_in_the_state_of_the_lesson_stored_actions_point_elsewhere():
    rows = lab.one_state()
    assert rows["cosine_buffer"] == pytest.approx(-0.092, abs=1e-3)
    assert rows["cosine_buffer_baseline"] == pytest.approx(0.677, abs=1e-3)
    assert (rows["cosine_weighted"], rows["cosine_fresh"]) == pytest.approx((1, 1))
    assert (rows["variance_weighted"], rows["variance_fresh"]) == pytest.approx((2.954, 1.374), abs=1e-3)
    for name in ("cosine_buffer", "cosine_buffer_baseline", "variance_weighted"):
        assert STORED["CL-22"][name] == pytest.approx(rows[name], rel=1e-5)


@pytest.mark.covers("CL-22", "MIS-18")
def test_with_two_actions_a_baseline_hides_the_mistake():
    with_q, with_advantage = lab.downhill(actions=2)
    assert with_q > 0.3 and with_advantage == 0
    with_q, with_advantage = lab.downhill(actions=3)
    assert with_q > 0.3 and 0 < with_advantage < 0.02


@pytest.mark.covers("CL-23", "ERR-26")
def test_an_offset_drowns_q_and_leaves_the_advantage_alone():
    rows = lab.one_state()
    assert (rows["norm"], rows["sd_q"], rows["sd_advantage"]) == pytest.approx((0.1326, 0.1465, 0.0354), abs=1e-4)
    assert rows["sd_q_offset"] == pytest.approx(9.248, abs=1e-3)
    assert rows["sd_q_offset_256"] == pytest.approx(rows["sd_q_offset"] / 2)
    assert rows["sd_advantage_offset"] == pytest.approx(rows["sd_advantage"])


@pytest.mark.covers("CL-23", "ERR-26")
def test_with_a_large_offset_a_batch_finds_the_best_action_by_chance():
    rows = lab.batch_or_baseline()
    assert rows["found_q_0"] == rows["found_advantage"] == 1
    assert rows["found_q_100"] < 0.5 and rows["found_q_100_256"] < 0.6
    assert rows["found_q_100"] < rows["found_q_10"] < 1


@pytest.mark.covers("EQX-16", "CL-22")
def test_the_effective_share_is_that_of_sampled_ratios():
    rng = np.random.default_rng(3)
    old, new, _ = random_state(rng)
    ratios = (new / old)[rng.choice(3, 400_000, p=old)]
    assert ratios.mean() ** 2 / (ratios**2).mean() == pytest.approx(lab.effective_share(old, new), rel=0.02)
    assert lab.effective_share(new, new) == pytest.approx(1)
    assert lab.effective_share() == pytest.approx(1 / (0.14**2 / 0.7 + 0.23**2 / 0.2 + 0.63**2 / 0.1))
    for name in ("effective_share", "ratio_square"):
        assert STORED["CL-22"][name] == pytest.approx(lab.one_state()[name], rel=1e-5)


@pytest.mark.covers("CL-22")
def test_with_equal_policies_the_buffer_is_as_good_as_fresh():
    rng = np.random.default_rng(2)
    _, new, q = random_state(rng)
    rows = lab.estimators(new, new, q)
    for name in lab.ESTIMATORS[:2]:
        assert rows[name].mean == pytest.approx(rows["drawn now"].mean)
        assert rows[name].covariance == pytest.approx(rows["drawn now"].covariance)


@pytest.mark.covers("CL-22", "MIS-18")
def test_with_a_large_offset_stored_actions_imitate_the_old_policy():
    mean = lab.estimators(offset=1e6)["buffer's action"].mean
    assert mean / 1e6 == pytest.approx(np.subtract(lab.OLD, lab.NEW), abs=1e-4)


# ---------------------------------------------------------------- which critic, which states


@pytest.mark.covers("CL-21")
def test_old_steps_are_worth_using_again_and_how_often_depends_on_the_step_size():
    once, four, sixteen = (lab.USES.index(uses) for uses in (1, 4, 16))
    slow, middle, fast = (lab.from_a_record(critic_step) for critic_step in lab.CRITIC_STEPS)
    for values in (slow, middle, fast):
        assert values[0] == pytest.approx(0.2383, abs=1e-4)  # the coin's value, from the oracle
        assert values[once] > values[0] + 0.04 and max(values) < lab.always_right()
    assert slow[once] < slow[four] - 0.1 < slow[sixteen] - 0.2
    assert middle[four] > middle[once] + 0.1 and middle[four] > middle[sixteen] + 0.1
    assert fast[once] > fast[four] + 0.05 > fast[sixteen] + 0.1
    for label, values in (("_slow", slow), ("", middle), ("_fast", fast)):
        assert STORED["CL-21"][f"value_4{label}"] == pytest.approx(values[four], rel=1e-5)


def test_always_right_is_worth_what_the_oracle_says():
    right = torch.tensor([[0.0, 1.0]] * 7, dtype=torch.float64)
    oracle = lab.exact.evaluate(lab.two_exits(), right, gamma=0.97).V[3].item()
    assert lab.always_right() == pytest.approx(oracle, abs=1e-6)


@pytest.mark.covers("CL-24", "ERR-25")
def test_each_critic_finds_the_policy_whose_actions_its_targets_hold():
    rows = lab.critics_of_old_data()
    assert rows["v_from_new"] > 20 * rows["v_from_old"]
    assert rows["q_stored_from_new"] > 20 * rows["q_stored_from_old"]
    assert rows["q_from_new"] < 0.1 < 1 < rows["v_from_new"]


def test_the_ring_pays_once_a_round():
    go_round = lab.exact.evaluate(lab.ring(), lab.ring_policy(1.0), gamma=lab.GAMMA).V
    assert go_round[3] == pytest.approx(2 / (1 - lab.GAMMA**4))
    assert go_round[0] == pytest.approx(lab.GAMMA**3 * go_round[3])


def test_move_goes_part_of_the_way_to_the_mean_target():
    table = torch.tensor([1.0, 2.0, 3.0])
    lab.move(table, torch.tensor([0, 0, 2]), torch.tensor([3.0, 5.0, 3.0]), 0.5)
    assert table.tolist() == [2.5, 2.0, 3.0]


@pytest.mark.covers("ERR-27")
def test_replayed_states_tilt_the_gradient_but_never_the_sign_of_a_state():
    assert lab.surrogate_cosine(0.6, 0.6) == pytest.approx(1)
    assert 0 < lab.surrogate_cosine(0.2, 0.8) < lab.surrogate_cosine(0.3, 0.7) < 0.9


# ---------------------------------------------------------------- the order of the samples


@pytest.mark.covers("CL-39")
def test_a_network_needs_mixed_samples_and_local_features_do_not():
    rows = lab.order_of_the_samples()
    assert rows["rmse_stream"] > 4 * rows["rmse_all"]
    assert rows["rmse_all"] < rows["rmse_1000"] < rows["rmse_100"]
    assert rows["rmse_100"] > 0.7 * rows["rmse_stream"]  # a memory shorter than the stream's own is none
    assert rows["lag1_stream"] > 0.99 > rows["lag1_100"] > rows["lag1_1000"] > rows["lag1_all"]
    assert abs(rows["lag1_shuffled"]) < 0.02
    assert max(rows["local_stream"], rows["local_shuffled"]) < 0.05
    assert 0.9 < rows["pendulum_low"] < rows["pendulum_high"] < 1


@pytest.mark.covers("CL-39")
def test_the_stream_is_what_it_says():
    x = stream.stream(400, 3_000, seed=7)
    assert x.std(0) == pytest.approx(np.ones(3_000), abs=0.2)
    assert np.corrcoef(x[:, 500], x[:, 1_500])[0, 1] == pytest.approx(0.999**1000, abs=0.15)


def test_replayed_orders_use_only_what_is_stored():
    for name, order in stream.orders(3, 500).items():
        t = np.arange(500)
        assert order.shape == (3, 500) and order.min() >= 0
        if name != "shuffled":
            assert (order <= t).all()
        if name == "replay, 100":
            assert (order > t - 100).all()


# ---------------------------------------------------------------- under the microscope


@pytest.mark.covers("AL-10", "FIG-04")
@pytest.mark.parametrize("capacity", [1, 32, 1000])
def test_mixing_is_the_mean_correlation_of_two_rows(capacity):
    i = np.arange(capacity)
    assert stream.mixing(capacity) == pytest.approx((stream.KEEP ** np.abs(i[:, None] - i)).mean())


@pytest.mark.covers("AL-10", "FIG-04")
def test_a_real_buffer_has_the_ages_and_repeats_that_the_microscope_shows():
    walk = rl.envs.TabularEnv(rl.envs.two_exits())
    buffer = rl.ReplayBuffer(100, walk.observation_space, walk.action_space, seed=0)
    steps = torch.arange(250)
    flags = torch.zeros(250, dtype=torch.bool)
    buffer.add(rl.Transitions(steps % 7, steps % 2, steps.float(), steps % 7, flags, flags))
    ages = torch.stack([249 - buffer.sample(32).rewards for _ in range(3_000)])
    assert (ages.min(), ages.max()) == (0, 99)
    assert ages.mean() == pytest.approx(stream.mean_age(100), abs=0.5)
    repeats = np.mean([32 - len(row.unique()) for row in ages])
    assert repeats == pytest.approx(stream.expected_repeats(100, 32), abs=0.15)


def test_the_policy_mismatch_grows_with_age_from_zero():
    gaps = stream.mismatch(np.array([0, 1, 100, 10_000, 100_000]))
    assert gaps[0] == pytest.approx(0, abs=1e-12) and (np.diff(gaps) > 0).all()
    assert stream.mean_mismatch(100) < stream.mean_mismatch(10_000) < 2


def test_the_microscope_is_seeded_and_draws_within_the_buffer():
    one, other = stream.minibatch(1000, 64), stream.minibatch(1000, 64)
    assert np.array_equal(one.ages, other.ages) and np.array_equal(one.fed, other.fed)
    for capacity in (32, 100_000):
        assert stream.minibatch(capacity, 32, 0.25).ages.min() >= 0
        assert stream.minibatch(capacity, 32, 0.25).ages.max() < capacity


# ---------------------------------------------------------------- the whole algorithm


@pytest.mark.covers("AL-06")
def test_unspoilt_the_variant_is_the_algorithm():
    returns = [
        rl.train(kind, "CartPole-v1", total_steps=200, seed=3, progress=False).returns
        for kind in (rl.OffPolicyActorCritic, runs.OffPolicyVariant)
    ]
    assert np.array_equal(*returns)


@pytest.mark.covers("AL-06", "CL-22")
def test_only_the_line_in_question_changes():
    kind = runs.OffPolicyVariant
    agents = [
        rl.train(kind, "CartPole-v1", total_steps=150, seed=0, config=config, progress=False).agent
        for config in (kind.Config(), kind.Config(resample=False))
    ]
    batch, drawn = agents[0].buffer.sample(64), []
    for agent in agents:
        agent.draw = lambda policy, usual=agent.draw: drawn.append(policy) or usual(policy)
        agent.update(batch)
        drawn.append(None)
    assert drawn.index(None) == 2 and len(drawn) == 5  # two draws; one, for the target's action, where it is spoilt


@pytest.mark.covers("CL-21", "CL-22", "MIS-18")
def test_the_stored_runs_say_what_the_lesson_says():
    assert STORED["CL-22"]["fresh_q"] > STORED["CL-22"]["buffer_q"]
    assert STORED["CL-22"]["fresh"] > 2 * STORED["CL-22"]["buffer_q"]
    assert STORED["CL-22"]["buffer"] > 2 * STORED["CL-22"]["buffer_q"]  # two actions: the baseline hides the mistake
    assert STORED["CL-21"]["all"] > STORED["CL-21"]["short"]
    for claim, name in (("CL-22", "fresh"), ("CL-22", "buffer"), ("CL-21", "short")):
        low, mean, high = (STORED[claim][f"{name}{end}"] for end in ("_low", "", "_high"))
        assert low <= mean <= high


@pytest.mark.covers("AL-06")
def test_the_stored_runs_that_solve_cartpole_say_what_the_lesson_says():
    quiet, solving, best = (STORED[f"ACTOR-CRITIC-REPLAY{end}"] for end in ("", "-Q", "-BEST"))
    for found in (quiet, solving):
        assert found["return_low"] <= found["return"] <= found["return_high"] <= 500
        assert found["greedy_least"] <= found["greedy"] <= 500 and found["steps"] == runs.SOLVING_STEPS
    assert solving["solved"] >= 10 > quiet["solved"]  # the weight Q does better than Q - V here, too
    assert best["kept"] <= best["reached"] <= runs.SEEDS and best["kept_least"] > 400
