"""Laws of the return estimators, an O(T²) oracle over random endings, and numbers worked by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rlcourse as rl

FRACTION = st.sampled_from([0.0, 0.3, 0.9, 0.99, 1.0])


@st.composite
def windows(draw, max_steps=9):
    """A random window [T] of float64 steps, any pattern of endings, both flags at once included.

    Within an episode V(s_{t+1}) is the next row's V(s_t); where one ends, the two have nothing in common.
    """
    steps = draw(st.integers(1, max_steps))
    numbers = st.lists(st.floats(-5, 5, allow_nan=False, width=32), min_size=steps, max_size=steps)
    flags = st.lists(st.booleans(), min_size=steps, max_size=steps)
    window = {name: torch.tensor(draw(numbers), dtype=torch.float64) for name in ("rewards", "values", "next_values")}
    window |= {name: torch.tensor(draw(flags)) for name in ("terminated", "truncated")}
    goes_on = ~(window["terminated"] | window["truncated"])[:-1]
    window["next_values"][:-1] = torch.where(goes_on, window["values"][1:], window["next_values"][:-1])
    return window


def plain(window):
    return [window[name].tolist() for name in ("rewards", "values", "next_values", "terminated", "truncated")]


def n_step_by_definition(window, gamma, n, t):
    """Rewards one by one, then the critic; stops where the episode or the window does."""
    rewards, values, next_values, terminated, truncated = plain(window)
    total, discount = -values[t], 1.0
    for k in range(t, len(rewards)):
        total += discount * rewards[k]
        discount *= gamma
        ended = terminated[k] or truncated[k] or k == len(rewards) - 1
        if ended or k == t + n - 1:
            return total + (0.0 if terminated[k] else discount * next_values[k])


def steps_left(window, t):
    """Steps from t to the end of its episode (or of the window), counting t."""
    *_, terminated, truncated = plain(window)
    for k in range(t, len(terminated)):
        if terminated[k] or truncated[k]:
            return k - t + 1
    return len(terminated) - t


def gae_by_mixture(window, gamma, gae_lambda, t):
    """(1-λ) Σ λ^{n-1} Â^(n), the last n taking all the weight that is left."""
    left = steps_left(window, t)
    mixture = gae_lambda ** (left - 1) * n_step_by_definition(window, gamma, left, t)
    for n in range(1, left):
        mixture += (1 - gae_lambda) * gae_lambda ** (n - 1) * n_step_by_definition(window, gamma, n, t)
    return mixture


@pytest.mark.covers("EQX-01", "EQX-02", "AL-21")
@settings(max_examples=300, deadline=None)
@given(windows(), FRACTION, FRACTION)
def test_gae_is_the_mixture_of_n_step_advantages(window, gamma, gae_lambda):
    advantages = rl.gae(**window, gamma=gamma, gae_lambda=gae_lambda)
    expected = [gae_by_mixture(window, gamma, gae_lambda, t) for t in range(len(advantages))]
    assert advantages.tolist() == pytest.approx(expected, abs=1e-10)


@pytest.mark.covers("EQ-17", "EQ-18", "EQ-19", "EQ-20")
@settings(max_examples=300, deadline=None)
@given(windows(), FRACTION, st.integers(1, 12))
def test_n_step_advantages_follow_their_definition(window, gamma, n):
    advantages = rl.n_step_advantages(**window, gamma=gamma, n=n)
    expected = [n_step_by_definition(window, gamma, n, t) for t in range(len(advantages))]
    assert advantages.tolist() == pytest.approx(expected, abs=1e-10)


@pytest.mark.covers("EQ-15", "EQ-16")
@settings(max_examples=100, deadline=None)
@given(windows(), FRACTION)
def test_lambda_zero_is_one_step_and_lambda_one_is_the_whole_return(window, gamma):
    flags = {name: window[name] for name in ("terminated", "truncated")}
    one_step = rl.td_errors(
        window["rewards"], window["values"], window["next_values"], window["terminated"], gamma=gamma
    )
    whole = rl.rewards_to_go(window["rewards"], **flags, gamma=gamma, next_values=window["next_values"])
    torch.testing.assert_close(rl.gae(**window, gamma=gamma, gae_lambda=0.0), one_step)
    torch.testing.assert_close(rl.gae(**window, gamma=gamma, gae_lambda=1.0), whole - window["values"])
    torch.testing.assert_close(rl.n_step_advantages(**window, gamma=gamma, n=1), one_step)
    many = rl.n_step_advantages(**window, gamma=gamma, n=len(whole))
    torch.testing.assert_close(many, whole - window["values"])


@settings(max_examples=100, deadline=None)
@given(windows(), FRACTION)
def test_gamma_zero_leaves_only_the_reward(window, gae_lambda):
    flags = {name: window[name] for name in ("terminated", "truncated")}
    torch.testing.assert_close(rl.rewards_to_go(window["rewards"], **flags, gamma=0.0), window["rewards"])
    surprise = window["rewards"] - window["values"]
    torch.testing.assert_close(rl.gae(**window, gamma=0.0, gae_lambda=gae_lambda), surprise)


@settings(max_examples=100, deadline=None)
@given(windows(), windows(), st.booleans(), FRACTION, FRACTION)
def test_an_episode_knows_nothing_of_the_next_one(first, second, terminated, gamma, gae_lambda):
    first["terminated"][-1], first["truncated"][-1] = terminated, not terminated
    both = {name: torch.cat([first[name], second[name]]) for name in first}
    for estimate in (
        lambda w: rl.gae(**w, gamma=gamma, gae_lambda=gae_lambda),
        lambda w: rl.n_step_advantages(**w, gamma=gamma, n=3),
    ):
        torch.testing.assert_close(estimate(both), torch.cat([estimate(first), estimate(second)]))


def three_steps(**ending):
    flags = {name: torch.tensor([False, False, ending.get(name, False)]) for name in ("terminated", "truncated")}
    numbers = {"rewards": [1.0, 1.0, 1.0], "values": [1.0, 2.0, 3.0], "next_values": [2.0, 3.0, 4.0]}
    return {**{k: torch.tensor(v) for k, v in numbers.items()}, **flags, "gamma": 0.5}


@pytest.mark.covers("EQX-08")
@pytest.mark.parametrize("gae_lambda", [0.0, 0.5, 1.0])
def test_truncation_keeps_the_future_that_termination_removes(gae_lambda):
    ended = rl.gae(**three_steps(terminated=True), gae_lambda=gae_lambda)
    cut = rl.gae(**three_steps(truncated=True), gae_lambda=gae_lambda)
    assert (cut - ended)[-1].item() == pytest.approx(0.5 * 4.0)  # γ V(s_3)


def test_the_last_row_of_a_window_counts_as_truncated():
    torch.testing.assert_close(
        rl.gae(**three_steps(), gae_lambda=0.9), rl.gae(**three_steps(truncated=True), gae_lambda=0.9)
    )
    window = three_steps()
    parts = (window["rewards"], window["terminated"], window["truncated"])
    with_future = rl.rewards_to_go(*parts, gamma=0.5, next_values=window["next_values"])
    assert with_future.tolist() == [1 + 0.5 * (1 + 0.5 * (1 + 0.5 * 4)), 1 + 0.5 * (1 + 0.5 * 4), 1 + 0.5 * 4]
    assert rl.rewards_to_go(*parts, gamma=0.5).tolist() == [1.75, 1.5, 1.0]


def test_termination_wins_when_both_flags_are_set():
    both = three_steps(terminated=True, truncated=True)
    torch.testing.assert_close(rl.gae(**both, gae_lambda=0.9), rl.gae(**three_steps(terminated=True), gae_lambda=0.9))


@pytest.mark.covers("EQ-03", "EQ-22")
def test_numbers_worked_by_hand():
    ends = torch.tensor([False, False, True]), torch.zeros(3, dtype=torch.bool)
    assert rl.rewards_to_go(torch.tensor([1.0, 0.0, 2.0]), *ends, gamma=0.5).tolist() == [1.5, 1.0, 2.0]
    ones, zeros = torch.ones(3), torch.zeros(3)
    assert rl.gae(ones, zeros, zeros, *ends, gamma=1.0, gae_lambda=1.0).tolist() == [3.0, 2.0, 1.0]


@settings(max_examples=30, deadline=None)
@given(windows(), windows(), FRACTION, FRACTION)
def test_columns_do_not_mix(left, right, gamma, gae_lambda):
    steps = min(len(left["rewards"]), len(right["rewards"]))
    both = {name: torch.stack([left[name][:steps], right[name][:steps]], dim=1) for name in left}
    for estimate in (
        lambda w: rl.gae(**w, gamma=gamma, gae_lambda=gae_lambda),
        lambda w: rl.n_step_advantages(**w, gamma=gamma, n=2),
        lambda w: rl.rewards_to_go(w["rewards"], w["terminated"], w["truncated"], gamma=gamma),
    ):
        alone = [estimate({name: value[:steps] for name, value in window.items()}) for window in (left, right)]
        torch.testing.assert_close(estimate(both), torch.stack(alone, dim=1))


def test_precision_gradient_and_arguments_are_left_alone():
    window = three_steps(terminated=True)
    before = {name: value.clone() for name, value in window.items() if name != "gamma"}
    assert rl.gae(**window, gae_lambda=0.9).dtype == torch.float32
    double = {k: v.double() if torch.is_floating_point(v) else v for k, v in before.items()}
    fine = rl.gae(**double, gamma=0.99, gae_lambda=0.95)
    assert fine.dtype == torch.float64
    by_hand = -2.0 + 0.99 * 0.95 * 0.0  # the last step: 1 - 3
    assert fine[-1].item() == pytest.approx(by_hand)
    delta = 1 + 0.99 * 3 - 2
    assert fine[1].item() == pytest.approx(delta + 0.99 * 0.95 * -2, abs=1e-15)  # γ kept in double
    assert all(torch.equal(window[name], before[name]) for name in before)

    values = window["values"].requires_grad_()
    deltas = rl.td_errors(window["rewards"], values, window["next_values"], window["terminated"], gamma=0.5)
    deltas.sum().backward()
    assert values.grad.tolist() == [-1.0, -1.0, -1.0]
    assert not rl.gae(**window, gae_lambda=0.9).requires_grad


GOOD = {**three_steps(terminated=True), "gae_lambda": 0.9}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"values": torch.zeros(3, 1)}, "values"),
        ({"next_values": torch.zeros(4)}, "next_values"),
        ({"terminated": torch.zeros(3)}, "terminated"),
        ({"terminated": torch.zeros(3, dtype=torch.int64)}, "terminated"),
        ({"truncated": torch.zeros(3)}, "truncated"),
        ({"truncated": torch.zeros(2, dtype=torch.bool)}, "truncated"),
        ({"rewards": torch.tensor([1.0, float("nan"), 0.0])}, "rewards"),
        ({"values": torch.tensor([1.0, float("inf"), 0.0])}, "values"),
        ({"rewards": [1.0, 1.0, 1.0]}, "rewards"),
        ({"gamma": 1.01}, "gamma"),
        ({"gamma": -0.1}, "gamma"),
        ({"gamma": float("nan")}, "gamma"),
        ({"gae_lambda": 2}, "gae_lambda"),
        ({"gae_lambda": "high"}, "gae_lambda"),
        ({name: GOOD[name][:0] for name in ("rewards", "values", "next_values", "terminated", "truncated")}, "rewards"),
    ],
)
def test_a_bad_argument_is_named(change, word):
    with pytest.raises(ValueError, match=rf"^{word} must"):
        rl.gae(**{**GOOD, **change})


@pytest.mark.parametrize("n", [0, -1, 1.5, True, None])
def test_n_must_be_a_count(n):
    window = three_steps(terminated=True)
    with pytest.raises(ValueError, match="^n must"):
        rl.n_step_advantages(**window, n=n)


@pytest.mark.parametrize("name", ["values", "next_values", "terminated", "truncated"])
def test_the_columns_of_n_steps_have_one_shape(name):
    window = three_steps(terminated=True)
    with pytest.raises(ValueError, match=f"^{name} must"):
        rl.n_step_advantages(**{**window, name: window[name][:2]}, n=2)


def test_flags_of_another_kind_are_told():
    for other, kind in ((torch.zeros(3), "torch.float32"), ([False] * 3, "list")):
        with pytest.raises(ValueError, match=f"^terminated must be a boolean tensor, got {kind}$"):
            rl.td_target(torch.ones(3), torch.ones(3), other, gamma=0.9)


def test_rewards_to_go_names_its_arguments_too():
    flags = torch.zeros(3, dtype=torch.bool)
    for arguments, word in [
        ((torch.ones(3), flags, flags.float()), "truncated"),
        ((torch.ones(0), flags[:0], flags[:0]), "rewards"),
        ((torch.tensor(1.0), flags[0], flags[0]), "rewards"),
    ]:
        with pytest.raises(ValueError, match=f"^{word} must"):
            rl.rewards_to_go(*arguments, gamma=0.9)
    with pytest.raises(ValueError, match="^gamma must"):
        rl.rewards_to_go(torch.ones(3), flags, flags, gamma=1.5)
    with pytest.raises(ValueError, match="^next_values must"):
        rl.rewards_to_go(torch.ones(3), flags, flags, gamma=0.9, next_values=torch.ones(3, 1))
    assert rl.rewards_to_go(torch.tensor([1, 2, 3]), flags, flags, gamma=1.0).tolist() == [6.0, 5.0, 3.0]
