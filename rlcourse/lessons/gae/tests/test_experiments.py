"""Numbers: weights and identities exactly, statistics against oracles, training with loose bounds."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.course import gradients
from rlcourse.course.by_hand import column
from rlcourse.lessons.gae import experiments as lesson

LAMBDAS = [0.0, 0.3, 0.9, 0.95, 1.0]


def ends(steps, terminated=(), truncated=()):
    return tuple(torch.tensor([t in flag for t in range(steps)]) for flag in (terminated, truncated))


@pytest.fixture
def episode():
    """Eight random steps that terminate, and the discount they are judged with."""
    rng = np.random.default_rng(7)
    rewards, values = torch.from_numpy(rng.normal(0, 2, (2, 8)))
    return (rewards, values, torch.cat([values[1:], column(3.0)]), *ends(8, terminated=(7,))), 0.97


# ---------------------------------------------------------------- weights


@pytest.mark.covers("EQX-02", "ERR-16", "MIS-13")
@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("gae_lambda", LAMBDAS)
def test_both_sets_of_weights_sum_to_one(gae_lambda, n):
    for weights in (lesson.gae_weights(gae_lambda, n), lesson.rescaled_weights(gae_lambda, n)):
        assert len(weights) == n
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1)


@pytest.mark.covers("EQX-02", "MIS-13")
def test_the_weights_of_five_steps():
    np.testing.assert_allclose(lesson.gae_weights(0.9, 5), [0.1, 0.09, 0.081, 0.0729, 0.6561], atol=1e-12)
    np.testing.assert_allclose(lesson.rescaled_weights(0.9, 5), [0.244, 0.220, 0.198, 0.178, 0.160], atol=5e-4)
    np.testing.assert_allclose(lesson.gae_weights(0.5, 3), [0.5, 0.25, 0.25])


@pytest.mark.covers("EQX-01", "ERR-17", "ERR-19")
@pytest.mark.parametrize("gae_lambda", LAMBDAS)
def test_the_weights_of_the_td_errors(gae_lambda):
    """(γλ)^l in GAE; γ^l (λ^l - λ^n)/(1 - λ^n) after rescaling, and γ^l (n - l)/n at λ = 1."""
    n, gamma = 10, 0.98
    steps = np.arange(n)
    right = lesson.delta_weights(lesson.gae_weights(gae_lambda, n), gamma)
    np.testing.assert_allclose(right, (gamma * gae_lambda) ** steps, atol=1e-12)
    rescaled = lesson.delta_weights(lesson.rescaled_weights(gae_lambda, n), gamma)
    powers = gae_lambda**steps
    expected = (n - steps) / n if gae_lambda == 1 else (powers - gae_lambda**n) / (1 - gae_lambda**n)
    np.testing.assert_allclose(rescaled, gamma**steps * expected, atol=1e-12)


@pytest.mark.covers("ERR-17")
def test_the_last_td_error_of_ten():
    right, rescaled = (rule(0.95, 10) for rule in (lesson.gae_weights, lesson.rescaled_weights))
    assert lesson.delta_weights(right, 1.0)[-1] == pytest.approx(0.630, abs=5e-4)
    assert lesson.delta_weights(rescaled, 1.0)[-1] == pytest.approx(0.079, abs=5e-4)


# ---------------------------------------------------------------- the family of estimates


@pytest.mark.covers("EQ-17", "EQ-18", "EQ-19", "EQ-20", "EQ-21", "ERR-14")
def test_every_k_is_the_definition_and_a_sum_of_td_errors(episode):
    (rewards, values, next_values, terminated, truncated), gamma = episode
    deltas = rl.td_errors(rewards, values, next_values, terminated, gamma=gamma)
    worth = torch.cat([values, column(0.0)])  # a terminal state is worth nothing
    for k in range(1, 12):
        advantages = rl.n_step_advantages(rewards, values, next_values, terminated, truncated, gamma=gamma, n=k)
        for t in range(8):
            last = min(t + k, 8)
            powers = gamma ** torch.arange(last - t, dtype=torch.float64)
            definition = (powers * rewards[t:last]).sum() + gamma ** (last - t) * worth[last] - values[t]
            assert advantages[t].item() == pytest.approx(definition.item(), abs=1e-12)
            assert advantages[t].item() == pytest.approx((powers * deltas[t:last]).sum().item(), abs=1e-12)


@pytest.mark.covers("EQX-01", "EQX-02", "AL-21")
@pytest.mark.parametrize("gae_lambda", LAMBDAS)
def test_the_mixture_with_the_tail_is_the_recursion(episode, gae_lambda):
    steps, gamma = episode
    families = torch.stack([rl.n_step_advantages(*steps, gamma=gamma, n=k) for k in range(1, 9)])
    recursion = rl.gae(*steps, gamma=gamma, gae_lambda=gae_lambda)
    for t in range(8):
        weights = torch.from_numpy(lesson.gae_weights(gae_lambda, 8 - t))
        assert (weights * families[: 8 - t, t]).sum().item() == pytest.approx(recursion[t].item(), abs=1e-12)


@pytest.mark.covers("EQ-22", "ERR-17", "ERR-18")
def test_three_ones():
    ones = (column(1, 1, 1), column(0, 0, 0), column(0, 0, 0), *ends(3, terminated=(2,)))
    families = torch.stack([rl.n_step_advantages(*ones, gamma=1.0, n=k) for k in (1, 2, 3)])
    assert rl.gae(*ones, gamma=1.0, gae_lambda=1.0).tolist() == [3, 2, 1]
    assert families.mean(0).tolist() == pytest.approx([2, 5 / 3, 1])
    assert [families[: 3 - t, t].mean().item() for t in range(3)] == [2, 1.5, 1]


@pytest.mark.covers("EQ-22")
def test_the_rescaled_mixture_strays_further_as_lambda_grows(episode):
    steps, gamma = episode
    families = torch.stack([rl.n_step_advantages(*steps, gamma=gamma, n=k) for k in range(1, 9)])
    gaps = []
    for gae_lambda in (0.5, 0.9, 0.95, 1.0):
        weights = torch.from_numpy(lesson.rescaled_weights(gae_lambda, 8))
        gap = weights @ families - rl.gae(*steps, gamma=gamma, gae_lambda=gae_lambda)
        gaps.append(gap.abs().max().item())
    assert gaps == sorted(gaps)
    assert gaps[0] < 0.1 < gaps[1]


@pytest.mark.covers("ERR-19")
def test_the_exponent_of_the_last_td_error():
    last, nothing = column(0, 0, 0, 0, 1), torch.zeros(5, dtype=torch.float64)
    swept = rl.gae(last, nothing, nothing, *ends(5), gamma=0.9, gae_lambda=0.8)
    for t in range(5):
        assert swept[t].item() == pytest.approx((0.9 * 0.8) ** (5 - t - 1))


# ---------------------------------------------------------------- one step


@pytest.mark.covers("EQ-14")
def test_one_reward_and_the_next_value_make_a_q():
    world, policy = rl.envs.two_exits(), torch.full((7, 2), 0.5)
    exact = rl.exact.evaluate(world, policy, gamma=0.97)
    assert torch.allclose(exact.Q, world.rewards + 0.97 * world.transitions @ exact.V, atol=1e-12)


@pytest.mark.covers("EQ-15", "EQ-16", "ERR-15", "MIS-12")
@pytest.mark.parametrize("gamma", [0.97, 1.0])
def test_td_errors_of_an_exact_critic_average_to_the_advantage(gamma):
    world, policy = rl.envs.two_exits(), torch.full((7, 2), 0.5)
    exact = rl.exact.evaluate(world, policy, gamma=gamma)
    batch = gradients.sample(world, policy, episodes=2_000, horizon=30, start=3, reward_noise=0.2)
    inside = ~batch.terminated[:-1]  # rows that the horizon did not cut
    deltas = rl.td_errors(
        batch.rewards.double(), exact.V[batch.obs], exact.V[batch.next_obs], batch.terminated, gamma=gamma
    )[:-1]
    for state in range(1, 6):
        for action in (0, 1):
            here = deltas[(batch.obs[:-1] == state) & (batch.actions[:-1] == action) & inside]
            error = here.std() / len(here) ** 0.5
            assert abs(here.mean() - exact.A[state, action]) < 4 * error


@pytest.mark.covers("ERR-12")
def test_a_critic_for_another_discount_is_biased_by_a_known_amount():
    world, policy = rl.envs.two_exits(), torch.full((7, 2), 0.5, dtype=torch.float64)
    exact = rl.exact.evaluate(world, policy, gamma=0.9)
    reward = (policy * world.rewards).sum(-1)
    next_value = torch.einsum("sa,sap,p->s", policy, world.transitions, exact.V)
    assert torch.allclose(reward + 0.9 * next_value - exact.V, torch.zeros(7).double(), atol=1e-12)
    assert torch.allclose(reward + next_value - exact.V, 0.1 * next_value, atol=1e-12)
    assert next_value[3] > 0.1


# ---------------------------------------------------------------- bias and noise


def exact_std(values, reward_sd, decay):
    """Standard deviation of Σ_l decay^l δ_l from cell 0, by the equations for first and second moments."""
    world = rl.envs.survival_chain()
    move = world.transitions[:, 0]
    stop = 1 - move.sum(-1)
    gamma = lesson.GAMMA
    delta_on = 1 + gamma * values[None, :] - values[:, None]  # [s, s']
    delta_off = 1 - values
    mean_delta = (move * delta_on).sum(-1) + stop * delta_off
    first = torch.linalg.solve(torch.eye(10).double() - decay * move, mean_delta)
    squares = (move * delta_on**2).sum(-1) + stop * delta_off**2 + reward_sd**2
    crossed = 2 * decay * (move * delta_on * first[None, :]).sum(-1)
    second = torch.linalg.solve(torch.eye(10).double() - decay**2 * move, squares + crossed)
    return (second - first**2)[0].sqrt().item(), first[0].item()


@pytest.mark.covers("CL-13")
@pytest.mark.parametrize(("scale", "scatter"), [(1.0, 0.0), (0.5, 0.0), (1.0, 1.0)])
def test_the_frontier_agrees_with_the_exact_moments(scale, scatter):
    found = lesson.frontier(scale=scale, scatter=scatter, reward_sd=1.0)
    values = lesson.critic(scale, scatter)
    for at in (0, 50, 90, 95, 100):
        std, mean = exact_std(values, 1.0, lesson.GAMMA * lesson.LAMBDAS[at])
        assert found.lambda_bias[at] == pytest.approx(mean - lesson.offset(values), abs=1e-3)
        assert found.lambda_std[at] == pytest.approx(std, rel=0.05)
        estimates = found.lambda_estimates(at)
        assert estimates.std(ddof=1) == pytest.approx(found.lambda_std[at])
        assert abs(estimates.mean() - found.lambda_bias[at]) < 4 * estimates.std() / len(estimates) ** 0.5


@pytest.mark.covers("AL-21")
def test_the_frontier_is_what_the_package_computes():
    values = lesson.critic(0.5, 1.0)
    found = lesson.frontier(scale=0.5, scatter=1.0, reward_sd=1.0, episodes=500)
    inputs = lesson.chain_inputs(values, reward_sd=1.0, episodes=500)
    for at in (0, 90, 100):
        advantages = rl.gae(*inputs, gamma=lesson.GAMMA, gae_lambda=float(lesson.LAMBDAS[at]))[0]
        np.testing.assert_allclose(found.lambda_estimates(at), advantages - lesson.offset(values), atol=1e-9)
    for k in (1, 7, 20):
        advantages = rl.n_step_advantages(*inputs, gamma=lesson.GAMMA, n=k)[0]
        np.testing.assert_allclose(found.k_estimates(k - 1), advantages - lesson.offset(values), atol=1e-9)


def test_the_recording_is_long_enough_for_every_episode():
    assert lesson.chain(3_000).batch.terminated.any(0).all()


@pytest.mark.covers("CL-12", "ERR-15")
def test_few_steps_are_biased_only_if_the_critic_is_wrong():
    numbers = lesson.few_steps_or_many()
    assert numbers["bias_short"] < -4.5
    assert numbers["bias_short"] < numbers["bias_5"] < numbers["bias_8"] < -1
    assert abs(numbers["bias_long"]) < 0.1
    assert abs(numbers["bias_exact"]) < 0.05
    assert numbers["std_long"] > 2.5 * numbers["std_short"]
    assert numbers["std_exact_long"] > 2.5 * numbers["std_exact"]


@pytest.mark.covers("CL-13", "MIS-12")
def test_lambda_trades_bias_for_noise_and_needs_no_trade_with_an_exact_critic():
    half, right, scattered = (lesson.frontier(scale=c, scatter=s, reward_sd=1.0) for c, s in ((0.5, 0), (1, 0), (1, 1)))
    assert (np.diff(np.abs(half.lambda_bias)) < 0).all()
    assert (np.diff(half.lambda_std) > 0).all()
    assert 0.9 < half.best_lambda < 0.99
    assert np.abs(right.lambda_bias).max() < 1e-9
    assert right.best_lambda == 0
    turns = np.diff(np.sign(np.diff(scattered.k_bias)))
    assert (turns != 0).sum() >= 3


@pytest.mark.covers("MIS-11")
def test_lambda_keeps_the_mean_and_gamma_changes_the_truth():
    both = lesson.lambda_or_gamma()
    error = both.std / 2_000**0.5
    assert (np.abs(both.mean - both.truth) < 4 * error).all()
    assert both.std[-1] > 3 * both.std[0]
    assert both.advantage[-1] > 10 * both.advantage[0] > 0


# ---------------------------------------------------------------- ends


@pytest.mark.covers("CL-65", "EQX-08", "MIS-14")
def test_what_the_missing_mask_erases():
    numbers = lesson.ends_of_an_episode()
    assert numbers["value_masked"] == pytest.approx(1 / (1 - 0.99 * 0.9))
    assert numbers["good_masked"] == pytest.approx(0.908, abs=1e-3)
    assert numbers["fatal_masked"] == pytest.approx(-8.174, abs=1e-3)
    assert numbers["value_unmasked"] == pytest.approx(100)
    assert numbers["good_unmasked"] == pytest.approx(0, abs=1e-9)
    assert numbers["fatal_unmasked"] == pytest.approx(0, abs=1e-9)
    assert numbers["value_cut"] == pytest.approx(66.9, abs=0.05)
    assert numbers["value_patient_cut"] == pytest.approx(166.8, abs=0.05)


@pytest.mark.covers("CL-65", "EQX-08")
@pytest.mark.parametrize(("p_good", "time_limit"), [(0.9, 200), (0.8, 5), (1.0, 40)])
def test_each_treatment_is_where_td_learning_settles(p_good, time_limit):
    """Recorded rows, one value V: the mean TD error vanishes at the V of each treatment."""
    gamma, steps = 0.99, 120_000
    world = rl.FiniteMDP(column(1, 0).reshape(1, 2, 1), torch.ones(1, 2))
    envs = rl.envs.TabularVectorEnv(world, num_envs=steps // 400, max_episode_steps=time_limit)
    agent = gradients.TablePolicy([[p_good, 1 - p_good]], seed=1)
    batch = rl.Collector(envs, seed=0).collect(agent, steps=400)
    done = {
        "right": batch.terminated,
        "no mask": torch.zeros_like(batch.terminated),
        "time limit": batch.terminated | batch.truncated,
    }
    for name, treatment in lesson.survival_state(p_good=p_good, time_limit=time_limit, gamma=gamma).items():
        V = torch.full_like(batch.rewards, treatment.value)
        deltas = rl.td_errors(batch.rewards, V, V, done[name], gamma=gamma)
        assert abs(deltas.mean()) < 5 * deltas.std() / steps**0.5 + 1e-4 * treatment.value


@pytest.mark.covers("CL-65")
@pytest.mark.parametrize(("p_good", "time_limit", "gamma"), [(0.98, 50, 0.99), (0.9, 200, 0.99), (1.0, 200, 0.999)])
def test_the_value_that_the_lesson_writes_for_a_masked_limit(p_good, time_limit, gamma):
    """V = 1 + γ (p - c) V with the share c = p^T / (1 + p + ... + p^{T-1}), which is 1/T at p = 1."""
    share = p_good**time_limit / sum(p_good**t for t in range(time_limit))
    found = lesson.survival_state(p_good=p_good, time_limit=time_limit, gamma=gamma)
    assert found["time limit"].value == pytest.approx(1 / (1 - gamma * (p_good - share)))
    assert found["right"].value == pytest.approx(1 / (1 - gamma * p_good))
    assert found["no mask"].value == pytest.approx(1 / (1 - gamma))
    if p_good == 1:
        assert share == pytest.approx(1 / time_limit)
