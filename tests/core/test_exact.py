"""The oracle, held against its own definitions, against sampling, and against finite differences."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse import exact
from rlcourse.course import gradients


def random_mdp(seed, states=8, actions=4):
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(states, 0.3), (states, actions))
    return rl.FiniteMDP(torch.from_numpy(transitions), torch.from_numpy(rng.normal(size=(states, actions))))


def random_policy(seed, mdp):
    return torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(mdp.num_actions), mdp.num_states))


@pytest.mark.covers("EQ-06", "EQ-07", "EQ-09", "EQ-11", "EQ-14")
@pytest.mark.parametrize("seed", range(5))
def test_values_satisfy_bellman_and_advantages_average_to_zero(seed):
    mdp, gamma = random_mdp(seed), 0.9
    policy = random_policy(seed, mdp)
    V, Q, A = exact.evaluate(mdp, policy, gamma=gamma)
    torch.testing.assert_close(Q, mdp.rewards + gamma * mdp.transitions @ V)
    torch.testing.assert_close(V, (policy * Q).sum(-1))
    torch.testing.assert_close(Q, V[:, None] + A)
    assert (policy * A).sum(-1).abs().max() < 1e-12


def test_a_value_worked_by_hand():
    mdp = rl.FiniteMDP(torch.tensor([[[0.9], [0.0]]]), torch.ones(1, 2))
    V, Q, A = exact.evaluate(mdp, [[0.5, 0.5]], gamma=0.9)
    assert V.item() == pytest.approx(1 / (1 - 0.9 * 0.45))
    assert Q[0, 1].item() == 1.0
    assert (Q - V[:, None] - A).abs().max() == 0


@pytest.mark.parametrize(("always", "value"), [(rl.envs.RIGHT, 0.836), (rl.envs.LEFT, 0.289)])
def test_two_exits_are_worth_what_the_index_says(always, value):
    policy = torch.nn.functional.one_hot(torch.tensor([always] * 7), 2)
    V = exact.evaluate(rl.envs.two_exits(), policy, gamma=0.97).V
    assert V[3].item() == pytest.approx(value, abs=5e-4)


@pytest.mark.covers("EQ-08")
def test_exact_gradient_agrees_with_finite_differences():
    mdp, gamma = random_mdp(3), 0.9
    logits = torch.randn(8, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = torch.zeros(8)
    start[0] = 1.0

    def value(table):
        return exact.evaluate(mdp, torch.softmax(table, -1), gamma=gamma).V[0].item()

    gradient = exact.policy_gradient(mdp, torch.softmax(logits, -1), start, gamma=gamma)
    for s, a in [(0, 0), (3, 2), (7, 3)]:
        step = torch.zeros(8, 4, dtype=torch.float64)
        step[s, a] = 1e-5
        assert gradient[s, a].item() == pytest.approx((value(logits + step) - value(logits - step)) / 2e-5, abs=1e-8)


def test_unrolled_task_is_the_finite_horizon_task():
    mdp = rl.envs.corridor()
    policy = gradients.corridor_policy()
    values = gradients.finite_horizon(mdp, policy, 10)
    V = torch.zeros(6, dtype=torch.float64)
    for t in reversed(range(10)):
        V = (policy * (mdp.rewards + mdp.transitions @ V)).sum(-1)
        torch.testing.assert_close(values.V[t], V)


def test_sampled_returns_agree_with_the_oracle():
    batch = gradients.sample_corridor(episodes=20_000, seed=3)
    values = gradients.finite_horizon(rl.envs.corridor(), gradients.corridor_policy(), 10)
    returns = rl.rewards_to_go(batch.rewards, batch.terminated, batch.truncated, gamma=1.0)
    error = returns[0].std() / len(returns[0]) ** 0.5
    assert abs(returns[0].mean() - values.V[0, 0]) < 4 * error


def test_undiscounted_values_need_an_ending():
    endless = rl.FiniteMDP(torch.ones(1, 1, 1), torch.ones(1, 1))
    with pytest.raises(ValueError, match="gamma must be below 1"):
        exact.evaluate(endless, [[1.0]], gamma=1.0)
    V = exact.evaluate(rl.envs.survival_chain(), torch.ones(10, 1), gamma=1.0).V
    assert V[0].item() == pytest.approx(10 / 0.8)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: rl.FiniteMDP(torch.ones(2, 1, 3), torch.ones(2, 1)), "transitions"),
        (lambda: rl.FiniteMDP(torch.ones(2, 1, 2), torch.ones(2, 1)), "transitions"),
        (lambda: rl.FiniteMDP(-torch.ones(1, 1, 1), torch.ones(1, 1)), "transitions"),
        (lambda: rl.FiniteMDP(torch.ones(1, 1, 1), torch.ones(1, 2)), "rewards"),
        (lambda: rl.FiniteMDP(torch.ones(1, 1, 1), torch.full((1, 1), float("nan"))), "rewards"),
        (lambda: exact.evaluate(rl.envs.two_exits(), torch.ones(7, 2), gamma=0.9), "policy"),
        (lambda: exact.evaluate(rl.envs.two_exits(), torch.ones(7, 1), gamma=0.9), "policy"),
        (lambda: exact.evaluate(rl.envs.survival_chain(), torch.ones(10, 1), gamma=1.5), "gamma"),
        (lambda: rl.envs.two_exits().unroll(0), "horizon"),
    ],
)
def test_a_bad_argument_is_named(call, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        call()


# ---------------------------------------------------------------- maximum entropy


def leaking(seed, share=0.2):
    """A random MDP whose every step ends the episode with this probability."""
    mdp = random_mdp(seed)
    return rl.FiniteMDP((1 - share) * mdp.transitions, mdp.rewards)


@pytest.mark.covers("EQ-52", "EQ-53", "EQX-12", "CL-48", "AL-15")
def test_boltzmann_probabilities_differ_by_the_exponential_of_the_gap():
    Q = torch.tensor([[1.0, 1.1, 0.4], [0.0, 0.0, 0.0]], dtype=torch.float64)
    for alpha in (0.1, 1.0, 10.0):
        policy = exact.boltzmann(Q, alpha)
        torch.testing.assert_close(policy.sum(-1), torch.ones(2).double())
        assert (policy[0, 1] / policy[0, 0]).item() == pytest.approx(np.exp(0.1 / alpha))
        torch.testing.assert_close(policy[1], torch.full((3,), 1 / 3).double())
        torch.testing.assert_close(policy, exact.boltzmann(Q + 7.0, alpha))  # only gaps count
        V = alpha * torch.logsumexp(Q / alpha, -1)
        torch.testing.assert_close(policy, ((Q - V[:, None]) / alpha).exp())


@pytest.mark.parametrize(("alpha", "expected"), [(1e-300, [0, 0.5, 0.5]), (1e300, [1 / 3, 1 / 3, 1 / 3])])
def test_boltzmann_is_stable_at_both_ends(alpha, expected):
    for scale in (1.0, 1e150):
        policy = exact.boltzmann([1.0 * scale, 2.0 * scale, 2.0 * scale], alpha)
        assert policy.tolist() == pytest.approx(expected)


@pytest.mark.covers("EQ-47", "EQ-48", "EQ-49", "EQ-50")
@pytest.mark.parametrize("make", [random_mdp, leaking])
@pytest.mark.parametrize("alpha", [1e-6, 0.5, 1e6])
def test_soft_values_satisfy_their_bellman_equation(make, alpha):
    mdp, gamma = make(2), 0.9
    policy = random_policy(5, mdp)
    V, Q = exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha)
    torch.testing.assert_close(V, (policy * (Q - alpha * policy.log())).sum(-1))
    torch.testing.assert_close(Q, exact.soft_backup(mdp, policy, Q, gamma=gamma, alpha=alpha))
    expanded = torch.einsum("sap,pb->sa", mdp.transitions, policy * (Q - alpha * policy.log()))
    torch.testing.assert_close(Q, mdp.rewards + gamma * expanded)


def test_soft_values_are_the_values_of_rewards_with_entropy():
    mdp, alpha = random_mdp(4), 0.7
    policy = random_policy(4, mdp)
    entropy = -(policy * policy.log()).sum(-1, keepdim=True)
    paid = rl.FiniteMDP(mdp.transitions, mdp.rewards + alpha * entropy)  # the bonus paid as reward
    ordinary = exact.evaluate(paid, policy, gamma=0.9)
    soft = exact.soft_evaluate(mdp, policy, gamma=0.9, alpha=alpha)
    torch.testing.assert_close(soft.V, ordinary.V)
    torch.testing.assert_close(soft.Q, ordinary.Q - alpha * entropy)  # Q lacks the entropy of its own step


def test_a_soft_value_worked_by_hand():
    mdp = rl.FiniteMDP(torch.zeros(1, 2, 1), torch.ones(1, 2))  # one step, Q = (1, 1)
    V, Q = exact.soft_evaluate(mdp, [[0.5, 0.5]], gamma=1.0, alpha=1.0)
    assert V.item() == pytest.approx(1 + np.log(2))
    assert Q.tolist() == [[1.0, 1.0]]
    V, _ = exact.soft_evaluate(mdp, [[1.0, 0.0]], gamma=1.0, alpha=1.0)  # 0 log 0 = 0
    assert V.item() == 1.0


def test_at_temperature_zero_soft_values_are_ordinary_values():
    mdp = random_mdp(6)
    policy = random_policy(6, mdp)
    soft, hard = exact.soft_evaluate(mdp, policy, gamma=0.9, alpha=0.0), exact.evaluate(mdp, policy, gamma=0.9)
    torch.testing.assert_close(soft.Q, hard.Q)
    torch.testing.assert_close(soft.V, hard.V)
    backed_up = exact.soft_backup(mdp, policy, hard.Q, gamma=0.9, alpha=0.0)
    torch.testing.assert_close(backed_up, hard.Q)


@pytest.mark.covers("EQ-51", "AL-14", "CL-53")
@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9])
def test_the_soft_backup_contracts_by_gamma(gamma):
    mdp, rng = random_mdp(0), np.random.default_rng(0)
    policy = random_policy(0, mdp)
    fixed = exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=0.1)
    for _ in range(50):
        one, two = torch.from_numpy(rng.normal(size=(2, 8, 4)) * 10)
        after = [exact.soft_backup(mdp, policy, Q, gamma=gamma, alpha=0.1) for Q in (one, two)]
        assert (after[0] - after[1]).abs().max() <= gamma * (one - two).abs().max() + 1e-12
    found = exact.soft_evaluate_by_backups(mdp, policy, gamma=gamma, alpha=0.1, tol=1e-9)
    assert (found.Q - fixed.Q).abs().max() <= 1e-9
    assert (found.V - fixed.V).abs().max() <= 1e-9


def test_backups_stop_even_where_rounding_is_all_that_moves():
    mdp = random_mdp(1)
    exact.soft_evaluate_by_backups(mdp, random_policy(1, mdp), gamma=0.9, alpha=1.0, tol=1e-300)
    exact.soft_value_iteration(mdp, gamma=0.9, alpha=1.0, tol=1e-300)


@pytest.mark.covers("EQ-54", "EQ-55", "EQ-56", "CL-54", "CL-55", "AL-16")
@pytest.mark.parametrize("make", [random_mdp, leaking])
@pytest.mark.parametrize("alpha", [1e-9, 0.05, 0.5, 1.0, 1e6])
@pytest.mark.parametrize("gamma", [0.0, 0.9])
def test_soft_policy_iteration_rises_and_ends_where_soft_value_iteration_does(make, alpha, gamma):
    for seed in range(5):
        mdp = make(seed)
        solution = exact.soft_policy_iteration(mdp, gamma=gamma, alpha=alpha)
        other = exact.soft_value_iteration(mdp, gamma=gamma, alpha=alpha)
        scale = 1 + other.V.abs().max()
        assert (solution.V - other.V).abs().max() < 1e-8 * scale
        assert (solution.Q - other.Q).abs().max() < 1e-8 * scale
        torch.testing.assert_close(solution.policy, exact.boltzmann(solution.Q, alpha), atol=1e-8, rtol=0)
        for before, after in zip(solution.history, solution.history[1:]):
            assert (after.Q - before.Q).min() > -1e-10 * scale
        assert len(solution.history) < 15


def test_the_history_begins_uniform_and_ends_with_the_result():
    mdp = random_mdp(7)
    solution = exact.soft_policy_iteration(mdp, gamma=0.9, alpha=0.5)
    first, last = solution.history[0], solution.history[-1]
    assert (first.policy == 0.25).all()
    assert all(torch.equal(a, b) for a, b in zip(last, solution[:3]))
    for policy, V, Q in solution.history:
        again = exact.soft_evaluate(mdp, policy, gamma=0.9, alpha=0.5)
        assert torch.equal(V, again.V) and torch.equal(Q, again.Q)


def test_nothing_beats_the_soft_optimum():
    mdp = random_mdp(8)
    best = exact.soft_policy_iteration(mdp, gamma=0.9, alpha=0.3).V
    for seed in range(50):
        values = exact.soft_evaluate(mdp, random_policy(seed, mdp), gamma=0.9, alpha=0.3).V
        assert (values - best).max() < 1e-12


@pytest.mark.covers("EQX-21")
def test_rewards_times_ten_need_alpha_times_ten():
    mdp = random_mdp(9)
    louder = rl.FiniteMDP(mdp.transitions, 10 * mdp.rewards)
    one = exact.soft_policy_iteration(mdp, gamma=0.9, alpha=0.4)
    ten = exact.soft_policy_iteration(louder, gamma=0.9, alpha=4.0)
    torch.testing.assert_close(ten.policy, one.policy, atol=1e-12, rtol=0)
    torch.testing.assert_close(ten.Q, 10 * one.Q, atol=0, rtol=1e-12)


def test_without_discount_entropy_needs_an_ending():
    ends = exact.soft_policy_iteration(leaking(3), gamma=1.0, alpha=0.5)
    other = exact.soft_value_iteration(leaking(3), gamma=1.0, alpha=0.5)
    torch.testing.assert_close(ends.V, other.V, atol=1e-8, rtol=0)
    stay_or_end = rl.FiniteMDP(torch.tensor([[[1.0], [0.0]]]), torch.zeros(1, 2))  # staying earns entropy for ever
    for solve in (exact.soft_policy_iteration, exact.soft_value_iteration):
        with pytest.raises(ValueError, match="^gamma must be below 1"):
            solve(stay_or_end, gamma=1.0, alpha=1.0)


@pytest.mark.parametrize("states", [1, 3])
def test_an_ending_that_is_little_else_than_rounding_is_none(states):
    """1 - p keeps few digits of a small chance to end, so that values would differ from machine to machine."""
    ring = torch.eye(states, dtype=torch.float64).roll(1, 1)[:, None]  # from each state to the next
    policy = torch.ones(states, 1)
    for chance in (1e-9, 1e-15):
        world = rl.FiniteMDP((1 - chance) * ring, torch.ones(states, 1))
        if chance > 1e-13:
            assert exact.evaluate(world, policy, gamma=1.0).V.tolist() == pytest.approx([1 / chance] * states, rel=1e-6)
        else:
            with pytest.raises(ValueError, match="^gamma must be below 1"):
                exact.evaluate(world, policy, gamma=1.0)


@pytest.mark.parametrize("alpha", [-1.0, float("nan"), float("inf"), "warm", True])
@pytest.mark.parametrize(
    "name",
    [
        "boltzmann",
        "soft_backup",
        "soft_evaluate",
        "soft_evaluate_by_backups",
        "soft_policy_iteration",
        "soft_value_iteration",
    ],
)
def test_a_temperature_is_not_negative(name, alpha):
    mdp, uniform = random_mdp(0), torch.full((8, 4), 0.25)
    special = {"boltzmann": (mdp.rewards, alpha), "soft_backup": (mdp, uniform, mdp.rewards)}
    arguments = special.get(name, (mdp,) if name.endswith("iteration") else (mdp, uniform))
    keywords = {} if name == "boltzmann" else {"gamma": 0.9, "alpha": alpha}
    with pytest.raises(ValueError, match="^alpha must be a .*number"):
        getattr(exact, name)(*arguments, **keywords)


def test_without_a_temperature_there_is_no_softmax():
    mdp = random_mdp(0)
    for improve in (exact.soft_policy_iteration, exact.soft_value_iteration):
        with pytest.raises(ValueError, match="^alpha must be a .*number > 0, got 0"):
            improve(mdp, gamma=0.9, alpha=0)
    with pytest.raises(ValueError, match="^alpha must be a .*number > 0, got 0"):
        exact.boltzmann(mdp.rewards, 0)


@pytest.mark.parametrize("start", [[1.0], [0.5] * 8, [2.0, -1.0] + [0.0] * 6, [[1.0] * 8]])
def test_a_start_is_a_distribution_over_the_states(start):
    mdp = random_mdp(0)
    for function in (exact.visits, exact.policy_gradient):
        with pytest.raises(ValueError, match="^start must hold 8 probabilities that sum to 1, got"):
            function(mdp, torch.full((8, 4), 0.25), start, gamma=0.9)


def test_a_world_has_a_state():
    with pytest.raises(ValueError, match=r"^transitions must have shape \[S, A, S\], S, A >= 1, got"):
        rl.FiniteMDP(torch.zeros(0, 1, 0), torch.zeros(0, 1))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda mdp, p: exact.boltzmann([float("nan"), 1.0], 1.0), "Q"),
        (lambda mdp, p: exact.boltzmann(1.0, 1.0), "Q"),
        (lambda mdp, p: exact.soft_backup(mdp, p, torch.zeros(8), gamma=0.9, alpha=1), "Q"),
        (lambda mdp, p: exact.soft_backup(mdp, 2 * p, mdp.rewards, gamma=0.9, alpha=1), "policy"),
        (lambda mdp, p: exact.soft_backup(mdp, p, mdp.rewards, gamma=1.1, alpha=1), "gamma"),
        (lambda mdp, p: exact.soft_evaluate(mdp, p[:, :3], gamma=0.9, alpha=1), "policy"),
        (lambda mdp, p: exact.soft_evaluate(mdp, p, gamma=1.2, alpha=1), "gamma"),
        (lambda mdp, p: exact.soft_evaluate(mdp, p, gamma=1.0, alpha=1), "gamma"),
        (lambda mdp, p: exact.soft_evaluate_by_backups(mdp, p, gamma=1.0, alpha=1), "gamma"),
        (lambda mdp, p: exact.soft_evaluate_by_backups(mdp, p, gamma=0.9, alpha=1, tol=0), "tol"),
        (lambda mdp, p: exact.soft_policy_iteration(mdp, gamma=-0.1, alpha=1), "gamma"),
        (lambda mdp, p: exact.soft_value_iteration(mdp, gamma=0.9, alpha=1, tol=-1), "tol"),
    ],
)
def test_a_bad_soft_argument_is_named(call, word):
    mdp = random_mdp(0)
    with pytest.raises(ValueError, match=f"^{word} must"):
        call(mdp, torch.full((8, 4), 0.25))


@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
def test_what_remains_of_the_error_is_at_most_the_tolerance(gamma):
    mdp = random_mdp(0)
    exactly = exact.soft_policy_iteration(mdp, gamma=gamma, alpha=0.5)
    for tol in (1.0, 0.1, 0.01):
        roughly = exact.soft_value_iteration(mdp, gamma=gamma, alpha=0.5, tol=tol)
        assert (roughly.V - exactly.V).abs().max() <= tol
        backups = exact.soft_evaluate_by_backups(mdp, exactly.policy, gamma=gamma, alpha=0.5, tol=tol)
        assert (backups.Q - exactly.Q).abs().max() <= tol
