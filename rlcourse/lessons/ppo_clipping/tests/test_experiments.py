"""Numbers: the surrogate against its laws, the bandit against autograd, TRPO against its fence."""

import contextlib
import inspect
import json
import math
import re

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.course import claims
from rlcourse.course.by_hand import column
from rlcourse.envs.vector import make_envs
from rlcourse.lessons.ppo_clipping import experiments as lesson

SLACK = 4 * (0.5 / 500) ** 0.5
"""Four standard errors of the difference of two shares of 500 runs: a few of them hang on the last digit."""


@pytest.fixture
def pairs():
    """Random ratios and advantages, all six cases among them."""
    rng = np.random.default_rng(3)
    return torch.from_numpy(rng.uniform(0.01, 3, 100_000)), torch.from_numpy(rng.normal(0, 2, 100_000))


# ---------------------------------------------------------------- the surrogate


@pytest.mark.covers("EQ-23", "EQ-25", "EQ-26")
@pytest.mark.parametrize("clip_eps", [0.01, 0.2, 1.0])
def test_the_lab_shows_the_package_s_surrogate(pairs, clip_eps):
    ratio, advantages = pairs
    mine = lesson.surrogate(ratio, advantages, clip_eps).mean()
    package = rl.clipped_surrogate(ratio.log(), torch.zeros_like(ratio), advantages, clip_eps=clip_eps)
    assert mine.item() == pytest.approx(package.item(), abs=1e-12)


@pytest.mark.covers("EQ-23", "EQX-05", "MIS-22", "ERR-34")
@pytest.mark.parametrize("clip_eps", [0.01, 0.2, 1.0])
def test_the_surrogate_is_the_plain_term_under_a_ceiling(pairs, clip_eps):
    ratio, advantages = pairs
    low, high = round(1 - clip_eps, 9), round(1 + clip_eps, 9)
    ceiling = torch.where(advantages >= 0, high * advantages, low * advantages)
    L = lesson.surrogate(ratio, advantages, clip_eps)
    assert torch.equal(L, torch.minimum(ratio * advantages, ceiling))
    assert (ratio * advantages >= L).all()
    assert (lesson.surrogate(ratio, advantages, clip_eps, use_min=False) > ratio * advantages).any()
    assert torch.equal(lesson.surrogate(ratio, advantages, clip_eps, use_clip=False), ratio * advantages)


@pytest.mark.covers("CL-28", "FIG-06", "MIS-20", "ERR-29")
def test_the_six_slopes_and_the_two_kinks():
    numbers = lesson.six_slopes()
    assert [
        numbers[f"slope_{where}"]
        for where in ("in_plus", "in_minus", "below_plus", "below_minus", "above_plus", "above_minus")
    ] == [1, -1, 1, 0, 0, -1]
    assert (numbers["slope_kink_plus"], numbers["slope_kink_minus"]) == (1, -1)
    assert numbers["slope_below_plus_without_min"] == 0


@pytest.mark.covers("CL-28", "FIG-06")
def test_slopes_agree_with_finite_differences():
    step = 1e-6
    for ratio in np.arange(0.05, 3, 0.1):
        for advantage in (-2, -0.5, 0.5, 2):
            for parts in ({}, {"use_min": False}, {"use_clip": False}):
                _, slope = lesson.value_and_slope(ratio, advantage, 0.2, **parts)
                up, down = (lesson.value_and_slope(ratio + s, advantage, 0.2, **parts)[0] for s in (step, -step))
                assert slope == pytest.approx((up - down) / (2 * step), abs=1e-6)


@pytest.mark.covers("FIG-06")
@pytest.mark.parametrize("clip_eps", [round(0.01 * k, 2) for k in range(1, 101)])
def test_both_edges_belong_to_the_range(clip_eps):
    for ratio in (round(1 - clip_eps, 2), round(1 + clip_eps, 2)):
        for advantage, inside in ((1, 2), (-1, 5)):
            assert lesson.case_number(ratio, advantage, clip_eps) == inside
            if ratio > 0:
                assert lesson.value_and_slope(ratio, advantage, clip_eps)[1] == advantage
    assert lesson.case_number(1.0, 0, clip_eps) == 0


@pytest.mark.covers("FIG-06")
def test_the_cases_have_their_numbers():
    for case, at in lesson.CASES.items():
        assert lesson.case_number(*at, 0.2) == case


@pytest.mark.covers("ERR-31", "MIS-20")
def test_where_ascent_goes():
    assert lesson.ascent(0.5, 1, 0.2)[-1] == pytest.approx(1.3)  # just past the kink
    assert lesson.ascent(0.5, 1, 0.2, use_min=False)[-1] == 0.5  # no way back
    assert lesson.ascent(1.5, 1, 0.2)[-1] == 1.5  # nothing pulls it to the edge, either
    assert lesson.ascent(1.5, 1, 0.2, use_clip=False)[-1] == pytest.approx(2.3)
    assert lesson.ascent(1.5, -1, 0.2)[-1] == pytest.approx(0.7)
    assert (lesson.ascent(0.3, -1, 0.2, use_clip=False) >= 0).all()
    assert (np.diff(lesson.ascent(1.0, 0, 0.2)) == 0).all()


@pytest.mark.covers("MIS-21", "ERR-30")
def test_the_first_gradient_is_the_plain_policy_gradient():
    logits = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (50, 4))).requires_grad_()
    log_probs = torch.log_softmax(logits, -1)[:, 0]
    advantages = torch.from_numpy(np.random.default_rng(1).normal(0, 1, 50))
    (plain,) = torch.autograd.grad(rl.policy_gradient(log_probs, advantages), logits, retain_graph=True)
    surrogate = rl.clipped_surrogate(log_probs, log_probs.detach(), advantages, clip_eps=0.2)
    (ppo,) = torch.autograd.grad(surrogate, logits)
    assert torch.allclose(plain, ppo, atol=1e-15)


# ---------------------------------------------------------------- the bandit


@pytest.mark.covers("EQ-23")
@pytest.mark.parametrize("clip_eps", [0.2, math.inf])
def test_the_bandit_climbs_the_clipped_surrogate(clip_eps):
    """Summed by arm or sample by sample with autograd: the same steps."""
    rng = np.random.default_rng(5)
    start = rng.normal(0, 1, 3)
    arms, advantages = torch.from_numpy(rng.integers(0, 3, 8)), torch.from_numpy(rng.normal(0, 1, 8))
    logits = torch.from_numpy(start).requires_grad_()
    old = torch.log_softmax(logits, -1)[arms].detach()
    for _ in range(10):
        log_probs = torch.log_softmax(logits, -1)[arms]
        surrogate = rl.clipped_surrogate(log_probs, old, advantages, clip_eps=clip_eps)
        (slope,) = torch.autograd.grad(surrogate, logits)
        logits = (logits + 0.8 * slope).detach().requires_grad_()
    chosen = (arms[:, None] == torch.arange(3)) * advantages[:, None]
    sums = [chosen.clamp(min=0).sum(0), chosen.clamp(max=0).sum(0)]
    mine = lesson.improve(start[None], *(s.numpy()[None] for s in sums), step_size=0.8, epochs=10, clip_eps=clip_eps)
    np.testing.assert_allclose(mine[0], logits.detach(), atol=1e-12)


def test_a_batch_of_pulls_is_centred_and_follows_the_policy():
    policies = np.tile((0.7, 0.2, 0.1), (20_000, 1))
    positive, negative = lesson.pull(policies, np.random.default_rng(0))
    np.testing.assert_allclose((positive + negative).sum(-1), 0, atol=1e-12)
    assert (positive >= 0).all() and (negative <= 0).all()
    # E[Σ advantages of an arm] = 8 π (1 - 1/8) (mean of the arm - mean pay-off)
    expected = 7 * policies[0] * (lesson.ARMS - policies[0] @ lesson.ARMS)
    np.testing.assert_allclose((positive + negative).mean(0), expected, atol=0.05)


@pytest.mark.covers("CL-25", "CL-26", "ERR-38")
def test_large_steps_get_stuck_and_small_ones_do_not_arrive():
    large, small = lesson.steps_too_large(), lesson.steps_too_small()
    assert large["stuck_0_1"] == large["stuck_1"] == 0
    assert large["stuck_4"] < 0.03
    assert 0.07 < large["stuck_16"] < 0.18
    assert large["stayed"] > 0.7
    lost = lesson.stuck(lesson.learn_bandit(16))
    assert (lost[150].mean(), (lost[150] & lost[-1]).mean()) == pytest.approx((54 / 500, 48 / 500), abs=SLACK)
    assert large["slope_plateau"] < 0.01 * large["slope_half"]
    assert small["payoff_0_001"] < 0.6 < small["payoff_0_01"] < 0.75 < 0.95 < small["payoff_0_5"]


@pytest.mark.covers("CL-25", "CL-29")
def test_clipping_saves_the_bandit_that_reuses_its_batches():
    for eta, least in ((1, 0.2), (4, 0.3), (16, 0.15)):
        clipped, free = (
            lesson.stuck(lesson.learn_bandit(eta, epochs=10, clip_eps=eps)[-1]).mean() for eps in (0.2, math.inf)
        )
        assert free - clipped > least
    assert lesson.stuck(lesson.learn_bandit(16, epochs=10, clip_eps=0.2)[-1]).mean() > 0.1  # and not everyone


# ---------------------------------------------------------------- many steps on one batch


@pytest.mark.covers("CL-29", "MIS-19", "ERR-28")
def test_clipping_is_a_brake_and_not_a_bound():
    numbers = lesson.one_batch(seeds=16)  # each bound is more than ten standard errors of sixteen runs away
    assert numbers["kl_gentle_clip"] == pytest.approx(numbers["kl_gentle_free"], rel=0.01)
    assert numbers["outside_middle_clip"] < 0.5 < 0.9 < numbers["outside_middle_free"]
    assert numbers["outside_hard_clip"] > 0.4
    assert numbers["low_hard_clip"] < 0.5 and numbers["high_hard_clip"] > 1.6
    assert numbers["kl_hard_free"] > 50 * numbers["kl_hard_clip"]


@pytest.mark.covers("CL-29", "MIS-20")
def test_the_clip_and_the_min_are_what_lets_ppo_use_a_batch_again():
    """As stored, 16 seeds each: the intervals of the returns are far apart, and the range is hardly ever left."""
    stored = claims.results()["CL-29"]
    for broken in ("free", "no_min"):
        assert stored[f"low_return_{broken}"] <= stored[f"return_{broken}"] <= stored[f"top_return_{broken}"]
        assert stored[f"top_return_{broken}"] < stored["low_return_clip"] - 50
        assert stored[f"kl_run_{broken}"] > 50 * stored["kl_run_clip"]
    assert 0.02 < stored["fraction_clip"] < 0.3 < stored["outside_hard_clip"]
    assert 1.1 < stored["largest_clip"] < 1.5 < stored["largest_free"]


@pytest.mark.covers("CL-29", "EQ-23")
def test_without_the_min_an_update_takes_other_steps():
    """The first gradient step is the same, the first update is not: its later steps start outside the range."""
    with contextlib.closing(make_envs("CartPole-v1", 4)) as envs:
        space, actions = envs.single_observation_space, envs.single_action_space
        rollout = rl.Collector(envs, seed=0).collect(rl.PPO(space, actions, seed=0), steps=64)
    once, often = rl.PPO.Config(epochs=1), rl.PPO.Config(learning_rate=3e-2)
    weights = {}
    for name, config in (("once", once), ("often", often)):
        for algorithm in (rl.PPO, lesson.WithoutMin):
            agent = algorithm(space, actions, config, seed=0)
            agent.update(rollout)
            weights[name, algorithm] = torch.nn.utils.parameters_to_vector(agent.actor.parameters())
    assert torch.allclose(weights["once", rl.PPO], weights["once", lesson.WithoutMin], atol=1e-7)
    assert not torch.allclose(weights["often", rl.PPO], weights["often", lesson.WithoutMin], atol=1e-3)


@pytest.mark.covers("CL-29")
def test_what_is_measured_at_work_on_a_few_steps(monkeypatch):
    monkeypatch.setattr(lesson, "RUN_STEPS", 4_000)
    numbers = lesson.at_work(seeds=2)
    assert {"return_clip", "low_return_free", "top_return_no_min", "kl_run_free", "fraction_clip"} <= numbers.keys()


@pytest.mark.covers("MIS-21", "ERR-30")
def test_every_ratio_starts_at_one():
    run = lesson.reuse(1e-2, 2)
    np.testing.assert_allclose(run.ratios[0], 1, atol=1e-6)
    assert run.kl[0] == pytest.approx(0, abs=1e-6)
    assert run.outside()[0] == 0 and (np.abs(run.ratios[1] - 1) > 0).any()


@pytest.mark.covers("CL-29")
def test_what_the_animator_shows_is_what_runs_give():
    stored = lesson.stored()
    frames, rate = lesson.reuse_frames(1e-2, 0.2), "0.01"
    for name in ("kl", "outside", "low", "high"):  # the first two updates, to the three digits that are stored
        np.testing.assert_allclose(stored["reuse"]["clip"][rate][name][:3], frames[name][:3], rtol=1e-2, atol=5e-3)
    for kind in stored["reuse"].values():
        assert [float(rate) for rate in kind] == list(lesson.LEARNING_RATES)
        for shown in kind.values():
            counts = np.array(shown["good"]).sum(1) + np.array(shown["bad"]).sum(1)
            assert (counts == 256).all() and len(counts) == lesson.EPOCHS + 1


@pytest.mark.covers("CL-25")
def test_the_stored_shares_are_what_the_bandit_gives():
    for rule, shares in lesson.stored()["stuck"].items():
        epochs, eps = lesson.RULES[rule]
        at = lesson.STEP_SIZES.index(4)
        found = lesson.stuck(lesson.learn_bandit(4, epochs=epochs, clip_eps=eps)[-1]).mean()
        assert shares[at] == pytest.approx(found, abs=SLACK), rule


def test_regenerating_writes_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(lesson, "LEARNING_RATES", (1e-2,))
    monkeypatch.setattr(lesson, "EPOCHS", 3)
    monkeypatch.setattr(lesson, "stuck_shares", lambda: {"1 step": [0.0]})
    lesson.regenerate(tmp_path / "stored.json")
    written = json.loads((tmp_path / "stored.json").read_text(encoding="utf-8"))
    assert set(written) == {"stuck", "reuse"}
    assert len(written["reuse"]["no clip"]["0.01"]["kl"]) == 4


def test_histograms_keep_every_ratio():
    counts = lesson.histogram(np.array([0.0, 0.799999, 0.8, 1.2, 2.49, 2.5, 4.0]))
    assert counts.sum() == 7 and counts[-1] == 2
    assert (counts[7], counts[8], counts[12]) == (1, 1, 1)


# ---------------------------------------------------------------- ratio and divergence


@pytest.mark.covers("EQ-24", "CL-30", "ERR-32", "EQX-07")
def test_one_ratio_says_little_and_many_say_the_total_variation():
    numbers = lesson.one_ratio_is_no_distance()
    assert numbers["mean_ratio"] == pytest.approx(1, abs=0.01)
    assert numbers["half_gap"] == pytest.approx(numbers["tv"], abs=0.003)
    assert numbers["k1"] == pytest.approx(numbers["kl"], abs=0.004)
    assert numbers["k3"] == pytest.approx(numbers["kl"], abs=0.001)
    assert numbers["spread_k1"] > 6 * numbers["spread_k3"]
    assert numbers["hidden_ratio"] == 1 and numbers["hidden_kl"] == pytest.approx(0.498 * math.log(499))


@pytest.mark.covers("EQX-07", "CL-30")
def test_the_distance_agrees_with_torch():
    rng = np.random.default_rng(2)
    for _ in range(50):
        old, new = rng.dirichlet(np.ones(3), 2)
        apart = lesson.distance(old, new)
        categorical = [torch.distributions.Categorical(torch.from_numpy(p)) for p in (old, new)]
        assert apart.kl == pytest.approx(torch.distributions.kl_divergence(*categorical).item())
        assert old @ apart.k1 == pytest.approx(apart.kl)
        assert old @ apart.k3 == pytest.approx(apart.kl)
        assert (apart.k3 >= 0).all()
        assert old @ np.abs(apart.ratios - 1) / 2 == pytest.approx(apart.tv)


# ---------------------------------------------------------------- TRPO


@pytest.mark.covers("AL-07")
def test_conjugate_gradients_solve_a_linear_system():
    rng = np.random.default_rng(4)
    root = torch.from_numpy(rng.normal(0, 1, (12, 12)))
    matrix, g = root @ root.T + torch.eye(12), torch.from_numpy(rng.normal(0, 1, 12))
    x = lesson.conjugate_gradients(lambda v: matrix @ v, g, 30)
    assert torch.allclose(matrix @ x, g, atol=1e-5)


@pytest.mark.covers("AL-07", "EQX-19")
@pytest.mark.parametrize("radius", [0.001, 0.02])
def test_a_trpo_step_rises_and_stays_inside(radius):
    actor = lesson.TableActor()
    old = torch.distributions.Categorical(logits=torch.zeros(3, dtype=torch.float64))
    weights = column(-0.4, 0.1, 0.3)

    def objective():
        return (actor().probs * weights).sum()

    before = objective().item()
    moved = lesson.trpo_step(actor, objective, lambda: torch.distributions.kl_divergence(old, actor()), radius=radius)
    assert 0.3 * radius < moved <= radius
    assert objective().item() > before
    # the natural direction of a softmax table: logits along the advantages
    logits = actor.logits.detach()
    assert torch.nn.functional.cosine_similarity(logits - logits.mean(), weights - weights.mean(), dim=0) > 0.9999


@pytest.mark.covers("AL-07")
def test_the_first_try_of_the_line_search_reaches_the_fence():
    """Small steps obey the quadratic law, up to a skewness that lets one of two opposite ones just inside."""
    old = torch.distributions.Categorical(logits=torch.zeros(3, dtype=torch.float64))
    tries = []
    for weights in (column(-0.4, 0.1, 0.3), column(0.4, -0.1, -0.3)):
        actor = lesson.TableActor()
        tries.append(
            lesson.trpo_step(
                actor,
                lambda: (actor().probs * weights).sum(),  # noqa: B023
                lambda: torch.distributions.kl_divergence(old, actor()),  # noqa: B023
                radius=1e-4,
                backtracks=1,
            )
        )
    assert 0.95e-4 < max(tries) <= 1e-4


@pytest.mark.covers("AL-07")
def test_every_line_of_the_pseudocode_is_marked_in_the_code_in_order():
    source = inspect.getsource(lesson.trpo_step)
    assert re.findall(r"# (AL-07\.\d)", source) == [f"AL-07.{line}" for line in (1, 2, 3, 4)]


@pytest.mark.covers("AL-07")
def test_without_anything_to_gain_trpo_stays_where_it_is():
    actor = lesson.TableActor()
    old = torch.distributions.Categorical(logits=torch.zeros(3, dtype=torch.float64))
    moved = lesson.trpo_step(
        actor, lambda: 0 * actor().probs.sum(), lambda: torch.distributions.kl_divergence(old, actor())
    )
    assert moved == 0 and torch.equal(actor.logits.detach(), torch.zeros(3).double())


@pytest.mark.covers("AL-07", "CL-27")
def test_first_updates_of_four_rules():
    plain, free, ppo, trpo = lesson.first_updates(batches=100).values()
    assert trpo.kl.max() <= 0.02 + 1e-9
    assert 0.3 < (trpo.kl < 0.01).mean() < 0.6  # overshot at first and halved
    assert free.kl.max() > 10 * ppo.kl.max()
    assert plain.kl.mean() < ppo.kl.mean() < 0.1 * free.kl.mean()


@pytest.mark.covers("CL-27")
def test_the_stored_price_of_a_trust_region():
    stored = claims.results()["CL-27"]
    assert stored["cg"] > 5 and stored["step"] > stored["cg"]
    assert stored["clipped"] < 3
