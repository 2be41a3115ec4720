"""What the lesson measures: B samples of many or of one, waiting, and stale gradients."""

import functools

import numpy as np
import pytest
import torch

from rlcourse import exact
from rlcourse.envs import corridor
from rlcourse.lessons.parallel_actor_critic import experiments as numbers
from rlcourse.lessons.parallel_actor_critic.simulator import constant, lognormal

claim = functools.cache(lambda function: function())


# ---------------------------------------------------------------- many actors or one


def test_six_cells_make_the_corridor_of_lesson_1():
    long, short = numbers.long_corridor(6), corridor()
    assert torch.equal(long.transitions, short.transitions) and torch.equal(long.rewards, short.rewards)


@pytest.mark.parametrize("cells", [3, 6, 15])
def test_the_truth_is_the_mean_gradient(cells):
    walk = numbers.walk(cells)
    found = exact.evaluate(numbers.long_corridor(cells), torch.full((cells, 2), 0.5), gamma=numbers.GAMMA)
    # ∇ log π of a softmax with two equal actions is (-1/2, 1/2) for right; every cell is visited equally often.
    pairs = np.outer(found.A[:, 1], [-0.5, 0.5]) / cells
    assert np.linalg.norm(walk.truth) == pytest.approx(np.linalg.norm(pairs))
    sampled = numbers.sampled_means("parallel", cells)[-1]
    error = sampled.std(0) / len(sampled) ** 0.5
    assert (np.abs(sampled.mean(0) - walk.truth) / error < 4.5).all()


@pytest.mark.covers("CL-18")
@pytest.mark.parametrize("cells", [3, 9, 15])
@pytest.mark.parametrize("kind", ["parallel", "consecutive"])
def test_exact_variances_are_those_of_samples(cells, kind):
    exactly = numbers.exact_variance(cells)[kind == "consecutive"]
    sampled = numbers.sampled_means(kind, cells, draws=4_000).var(axis=1).sum(-1)
    assert sampled == pytest.approx(exactly, rel=0.1)


def test_one_sample_is_one_sample():
    independent, consecutive = numbers.exact_variance()
    assert independent[0] == consecutive[0]
    assert independent * numbers.BATCHES == pytest.approx(independent[0])


@pytest.mark.covers("CL-18", "MIS-16")
def test_parallel_actors_beat_a_longer_run_of_one():
    found = claim(numbers.parallel_or_consecutive)
    assert found["ratio"] > 0.7 * 4.6
    assert found["ratio_short"] < found["ratio"] < found["ratio_long"]
    for size in (4, 16, 64, 256):
        assert found[f"variance_parallel_{size}"] < found[f"variance_one_{size}"]
        assert found[f"cosine_parallel_{size}"] > found[f"cosine_one_{size}"]
    assert found["gap"] < 0.15
    # in squared lengths of the true gradient: one gradient's variance against |g|²
    truth = numbers.walk().truth
    assert found["variance_one_1"] == pytest.approx(numbers.exact_variance()[1][0] / (truth @ truth))


# ---------------------------------------------------------------- waiting


@pytest.mark.covers("CL-19")
def test_waiting_costs_little_if_it_is_rare():
    found = claim(numbers.waiting_for_the_slowest)
    assert found["constant_16"] == pytest.approx(1.0)
    for name, share in {"quarter_16": 0.66, "quarter_64": 0.57, "wide_16": 0.32}.items():
        assert found[name] == pytest.approx(share, abs=0.02), name
    assert found["rollout_16"] > 0.9 and found["rollout_64"] > 0.87
    played = numbers.simulate(16, numbers.exponential(), mode="sync", updates=4_000)
    assert found["exponential_16"] == pytest.approx(played.efficiency, abs=0.01)


def test_the_sum_of_steps_has_their_mean_and_less_relative_spread():
    drawn = numbers.summed(lognormal(0.25), 16).draw(np.random.default_rng(0), 50_000)
    one = lognormal(0.25).draw(np.random.default_rng(1), 50_000)
    assert drawn.mean() == pytest.approx(16, rel=0.01)
    assert drawn.std() / drawn.mean() == pytest.approx(one.std() / one.mean() / 4, rel=0.05)
    assert numbers.summed(constant(2.0), 3).mean == 6.0


# ---------------------------------------------------------------- old gradients


@pytest.mark.covers("CL-20")
@pytest.mark.parametrize("delay", [0, 1, 2, 3, 7, 15])
def test_the_limit_separates_settling_from_blowing_up(delay):
    limit = numbers.largest_stable_step(delay)
    assert limit == pytest.approx(numbers.stable_by_roots(delay), abs=1e-6)
    rounds = 400 * (delay + 1)
    assert np.abs(numbers.delayed_descent(delay, 0.95 * limit, updates=rounds)[-delay - 1 :]).max() < 0.1
    assert np.abs(numbers.delayed_descent(delay, 1.05 * limit, updates=rounds)[-4 * delay - 2 :]).max() > 10


def test_curvature_divides_the_limit():
    assert numbers.largest_stable_step(3, curvature=4.0) == pytest.approx(numbers.largest_stable_step(3) / 4)


def test_delayed_descent_by_hand():
    assert numbers.delayed_descent(0, 0.5, updates=3).tolist() == [1, 0.5, 0.25, 0.125]
    assert numbers.delayed_descent(1, 1.0, updates=6).tolist() == [1, 0, -1, -1, 0, 1, 1]
    assert numbers.delayed_descent(2, 0.5, updates=3).tolist() == [1, 0.5, 0, -0.5]


@pytest.mark.covers("CL-20")
def test_stale_gradients_are_a_matter_of_the_step_size():
    found = claim(numbers.stale_gradients)
    assert found["efficiency"] == pytest.approx(1.0)
    assert found["staleness_mean"] == pytest.approx(15, abs=0.5) and found["staleness_max"] > 60
    assert found["solved_noisy_15"] < found["solved_noisy_0"] - 0.2
    assert abs(found["solved_small_15"] - found["solved_small_0"]) < 0.12
    assert found["solved_quiet_0"] > 0.95 and found["solved_quiet_15"] > 0.95 and found["solved_quiet_63"] < 0.4
    assert found["solved_wide_15"] > found["solved_noisy_15"] + 0.2


def test_the_value_of_a_policy_is_the_oracles():
    theta = np.random.default_rng(0).normal(0, 2, (5, 7))
    right = torch.sigmoid(torch.from_numpy(theta))
    for row, value in zip(right, numbers.policy_value(theta)):
        policy = torch.stack([1 - row, row], -1)
        assert value == pytest.approx(exact.evaluate(numbers.two_exits(), policy, gamma=0.97).V[3].item())
    assert numbers.policy_value(np.full((1, 7), 40.0))[0] == pytest.approx(0.836, abs=1e-3)
    assert numbers.policy_value(np.full((1, 7), -40.0))[0] == pytest.approx(0.289, abs=1e-3)


def test_a_learner_alone_has_no_stale_gradients():
    learners = numbers.asynchronous_learners(1, rate=0.5, reward_sd=0.0, updates=400, learners=8)
    assert learners.staleness == 0 and learners.updates[-1] == 400 and len(learners.solved) == len(learners.updates)


# ---------------------------------------------------------------- machines


@pytest.mark.covers("AL-05")
def test_ten_thousand_workers_do_no_more_than_the_learner():
    line = numbers.scaling()
    assert line.updates[-1] == pytest.approx(100, rel=0.01) and line.updates[0] == pytest.approx(1, rel=0.05)
    assert line.staleness == pytest.approx(np.array(line.workers) - 1, rel=0.01, abs=0.5)
    assert (np.diff(line.idle) > -0.01).all() and line.idle[-1] > 0.98


def test_more_environments_make_cheaper_steps():
    assert numbers.steps_per_second(32, seconds=0.05) > 3 * numbers.steps_per_second(1, seconds=0.05)


def test_the_stand_in_looks_like_a_run():
    found = numbers.settled(numbers.stand_in(updates=600))
    assert {len(values) for values in found.values()} == {400}
    assert found["staleness"].mean() == pytest.approx(1, abs=0.1) and set(found["worker"]) == {0, 1}


def test_the_learners_time_is_found_from_the_throughput():
    assert numbers.learner_time(numbers.stand_in(updates=4_000)) == pytest.approx(0.003, rel=0.1)
