"""A detail does what it says, for one seed as for many; each bug fails on the rung of the ladder that names it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.course.checker import UNFINISHED
from rlcourse.lessons.ppo_in_practice import board, broken, details, experiments, probes

CHANGES = {name: change for name, change in board.DETAILS.items() if change.algorithm is not rl.PPO}


def trained(change, **seeds):
    many = {"total_steps": 2_048, "config": change.config, "progress": False, **seeds}
    return rl.train_many(change.algorithm, "CartPole-v1", **many)


def made(algorithm, seed=0, **changes):
    spaces = rl.envs.make_env("CartPole-v1")
    return algorithm(spaces.observation_space, spaces.action_space, replace(rl.PPO.Config(), **changes), seed=seed)


@pytest.mark.parametrize("name", CHANGES)
def test_a_seed_of_a_population_does_what_it_does_alone(name):
    """The first two updates; from then on rounding grows."""
    together, alone = trained(CHANGES[name], seeds=[5, 6])[0], trained(CHANGES[name], seeds=[5])[0]
    for number in ("kl", "entropy", "explained_variance"):
        np.testing.assert_allclose(together.metrics[number], alone.metrics[number], rtol=2e-2, atol=1e-4)
    agent = together.agent  # saved with whatever numbers the detail keeps
    assert agent.act_deterministically(np.zeros((3, 4), np.float32)).shape == (3,)


def test_ppo_in_parts_is_ppo():
    whole, parts = (
        trained(board.Variation("", kind, rl.PPO.Config()), seeds=[5])[0] for kind in (rl.PPO, details.PartsPPO)
    )
    np.testing.assert_allclose(whole.metrics["kl"], parts.metrics["kl"], rtol=1e-3)


def test_value_clipping_stops_the_gradient_of_a_value_that_has_moved_far():
    agent = made(details.ClippedValues)
    values = torch.tensor([0.5, 0.1, -0.5], requires_grad=True)  # from 0 towards 1: too far, near, away from it
    loss = agent.value_loss(values, torch.ones(3), torch.zeros(3))
    (slope,) = torch.autograd.grad(loss, values)
    assert slope[0] == 0 and slope[1] < 0 and slope[2] < 0


def test_gradient_clipping_shortens_each_seed_by_itself():
    agent = made(details.ClippedGradients, seed=[0, 1])
    gradients = [torch.zeros(2, 3, 4), torch.zeros(2, 1, 4)]  # divided by S = 2, as a population's are
    gradients[0][0, 0, 0], gradients[1][1, 0, 0] = 10.0, 0.1
    agent.shorten(gradients)
    assert gradients[0][0, 0, 0].item() == pytest.approx(0.25, abs=1e-6) and gradients[1][1, 0, 0] == pytest.approx(0.1)


def test_the_step_size_falls_to_zero():
    agent = made(details.FallingStep)
    agent.updates = agent.total_updates // 2
    rollout = rl.Collector(rl.envs.make_envs("CartPole-v1", 4), seed=0).collect(agent, steps=64)
    agent.update(rollout)
    assert agent.actor_optimizer.param_groups[0]["lr"] == pytest.approx(1.5e-3)


def test_after_the_kl_stop_the_actor_rests():
    agent = made(details.KLStop, learning_rate=0.1)
    rollout = rl.Collector(rl.envs.make_envs("CartPole-v1", 16), seed=0).collect(agent, steps=64)
    agent.update(rollout)
    assert agent.resting.all()
    before = [part.clone() for part in agent.actor.parameters()]
    obs = rollout.flatten().obs
    policy = agent.actor(obs)
    agent.learn(policy.logits.pow(2).mean(), agent.critic(obs).mean())
    assert all(torch.equal(a, b) for a, b in zip(before, agent.actor.parameters(), strict=True))


def test_running_numbers_are_those_of_all_rows():
    draws = torch.randn(3, 50, 2, 7, 4, generator=torch.Generator().manual_seed(0)) * 3 + 2  # parts, T, S, N, features
    seen = details.Running((2, 1, 4))
    for part in draws:
        seen.add(part, (0, -2))
    rows = draws.movedim(2, 0).reshape(2, -1, 4)
    torch.testing.assert_close(seen.mean.data[:, 0], rows.mean(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen.var.data[:, 0], rows.var(1, correction=0), rtol=1e-3, atol=1e-3)


def test_a_large_last_layer_is_a_hundred_times_the_small_one():
    large, small = made(details.LargeLastLayer), made(rl.PPO)
    torch.testing.assert_close(large.actor.net.weights[-1].data, 100 * small.actor.net.weights[-1].data)


# ---------------------------------------------------------------- probes


def test_the_probes_are_what_the_table_says():
    probe = probes.Delayed()
    first, _ = probe.reset(seed=0)
    one, two = probe.step(0), probe.step(1)
    assert first == 0 and one[:2] == (1, 0.0) and two[1:4] == (1.0, True, False)
    limit = probes.TimeLimit()
    limit.reset(seed=0)
    assert [limit.step(0)[1:4] for _ in range(3)] == [(1.0, False, False)] * 2 + [(1.0, False, True)]


@pytest.mark.slow
@pytest.mark.covers("CL-65", "ERR-41", "MIS-14")
@pytest.mark.parametrize(
    ("algorithm", "rung"),
    [
        (rl.PPO, None),
        (broken.FlagLost, "constant reward"),
        (broken.CriticAsleep, "constant reward"),
        (broken.RowsMixed, "reward by observation"),
        (broken.NextForgotten, "delayed reward"),
        (broken.Descends, "reward by action"),
        (broken.ClockKills, "time limit"),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_each_bug_fails_on_the_rung_that_names_it(algorithm, rung, least_successes):
    """On the rungs before it 16 of 16 seeds were right, there none was."""
    least, climb = least_successes(16, chance=0.95), probes.climb(algorithm)
    *before, last = climb.passed if rung else (*climb.passed, 0)
    assert probes.RUNGS[len(before)].name == rung if rung else len(before) == len(probes.RUNGS)
    assert all(count >= least for count in before) and 16 - last >= least, climb


def test_a_stub_is_not_sent_up():
    def ppo_update(agent, rollout, batches): ...

    class MyPPO(rl.PPO):
        def update(self, rollout):
            return ppo_update(self, rollout, []) or {}

    assert probes.climb(MyPPO, uses=[ppo_update]).state is UNFINISHED


def test_an_error_of_a_student_becomes_a_sentence():
    def ppo_update(agent, rollout, batches):
        raise IndexError("too many rows")

    class MyPPO(rl.PPO):
        def update(self, rollout):
            ppo_update(self, rollout, [])

    verdict = probes.climb(MyPPO, uses=[ppo_update], seeds=2)
    assert not verdict.passed and "too many rows" in verdict.sentence


def test_a_mystery_does_not_give_its_name_away():
    climb = probes.Climb("PPO F", 16, (16, 0), ((1.0,), (0.0, 0.0)))
    assert "RowsMixed" not in repr(climb) and climb.failed.name in repr(climb)
    assert set(experiments.MYSTERIES) == set("FGHI")
