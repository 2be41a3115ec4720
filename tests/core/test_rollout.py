"""Rollouts: no phantom rows, true last observations, both endings apart, in every autoreset mode."""

import os
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import rlcourse as rl
from counters import LENGTHS, Counter, Noted, counters
from rlcourse.envs import make_envs


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_mode_gives_the_same_rows(mode):
    collector = rl.Collector(counters(mode), seed=0)
    windows = [collector.collect(Noted(), steps=steps) for steps in (4, 1, 7, 9)]
    obs = torch.cat([w.obs for w in windows])[..., 0]
    for column, length in enumerate(LENGTHS):
        steps = np.arange(21)
        assert obs[:, column].tolist() == (steps % length).tolist()
        next_obs = torch.cat([w.next_obs for w in windows])[:, column, 0]
        assert next_obs.tolist() == (steps % length + 1).tolist()  # the true last one, not the next first
        rewards = torch.cat([w.rewards for w in windows])[:, column]
        assert rewards.tolist() == (steps % length + 1).tolist()  # no row of reward 0
        ended = (steps % length == length - 1).tolist()
        terminated = torch.cat([w.terminated for w in windows])[:, column].tolist()
        truncated = torch.cat([w.truncated for w in windows])[:, column].tolist()
        assert (truncated if column % 2 else terminated) == ended
        assert not any(terminated if column % 2 else truncated)
    assert [tuple(w.rewards.shape) for w in windows] == [(4, 3), (1, 3), (7, 3), (9, 3)]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_finished_episodes_are_scored(mode):
    collector = rl.Collector(counters(mode), seed=0)
    collector.collect(Noted(), steps=30)
    returns = [value for _, value in collector.finished]
    for length in LENGTHS:
        assert returns.count(length * (length + 1) / 2) >= 30 // length - 1
    assert set(returns) == {n * (n + 1) / 2 for n in LENGTHS}
    steps = [step for step, _ in collector.finished]
    assert steps == sorted(steps) and steps[-1] <= collector.steps


@pytest.mark.parametrize("make", [lambda: gym.make_vec("CartPole-v1", 8), lambda: make_envs("CartPole-v1", 8)])
def test_cartpole_rows_are_consistent(make):
    class Random:
        rng = np.random.default_rng(0)

        def act(self, obs):
            return self.rng.integers(0, 2, len(obs))

    collector = rl.Collector(make(), seed=0)
    first, second = collector.collect(Random(), steps=200), collector.collect(Random(), steps=100)
    batch = rl.Transitions(*(torch.cat([getattr(first, f), getattr(second, f)]) for f in first.__dataclass_fields__))
    assert (batch.rewards == 1).all()
    ended = batch.terminated | batch.truncated
    assert ended.sum() > 50
    goes_on = ~ended[:-1]
    assert torch.equal(batch.next_obs[:-1][goes_on], batch.obs[1:][goes_on])
    fallen = (batch.next_obs[..., 0].abs() > 2.4) | (batch.next_obs[..., 2].abs() > 12 * np.pi / 180)
    assert torch.equal(fallen, batch.terminated)  # the last observation is the one that fell
    assert (batch.obs[1:][ended[:-1]].abs() <= 0.05).all()  # and the next row is a fresh start


def test_same_step_cartpole_is_gymnasiums_physics():
    ours, theirs = make_envs("CartPole-v1", 4), gym.make_vec("CartPole-v1", 4)
    (mine, _), (other, _) = ours.reset(seed=5), theirs.reset(seed=5)
    for t in range(100):
        assert np.array_equal(mine, other)
        actions = np.array([(t + i) % 2 for i in range(4)])
        mine, *_, ended, cut, info = ours.step(actions)
        other, _, their_ended, their_cut, _ = theirs.step(actions)
        assert np.array_equal(ended, their_ended) and np.array_equal(cut, their_cut)
        if (ended | cut).any():
            assert np.array_equal(info["final_obs"], other)
            break
    else:
        pytest.fail("no pole fell in 100 steps")


def test_cartpole_is_truncated_at_its_limit_not_terminated():
    class Balance:
        """Leans the cart under the pole: stands until the clock stops it."""

        def act(self, obs):
            return (obs[:, 2] + 0.5 * obs[:, 3] + 0.05 * obs[:, 0] + 0.1 * obs[:, 1] > 0).astype(int)

    batch = rl.Collector(make_envs("CartPole-v1", 2), seed=0).collect(Balance(), steps=501)
    assert batch.truncated[499].all() and not batch.terminated.any()
    assert (batch.obs[500].abs() <= 0.05).all()
    assert rl.evaluate(Balance(), "CartPole-v1", episodes=3).tolist() == [500.0] * 3


def test_whole_episodes_are_laid_end_to_end():
    collector = rl.Collector(counters(AutoresetMode.SAME_STEP), seed=0)
    for _ in range(2):
        batch = collector.collect_episodes(Noted())
        assert batch.obs[:, 0].tolist() == [0, 1, 0, 1, 2, 0, 1, 2, 3, 4]
        assert (batch.terminated | batch.truncated).nonzero().flatten().tolist() == [1, 4, 9]
    assert collector.steps == 20
    assert sorted(value for _, value in collector.finished) == [3.0, 3.0, 6.0, 6.0, 15.0, 15.0]
    after = collector.collect(Noted(), steps=2)
    assert after.obs[..., 0].tolist() == [[0, 0, 0], [1, 1, 1]]  # collect starts afresh behind it


def test_actions_in_double_precision_are_handed_out_in_single():
    class Still:
        def act(self, obs):
            return np.zeros((len(obs), 1))

    rows = rl.Collector(make_envs("Pendulum-v1", 2), seed=0).collect(Still(), steps=3)
    assert rows.actions.dtype == rows.rewards.dtype == torch.float32


def test_seeds_decide_the_rollout():
    def rollout(seed):
        return rl.Collector(make_envs("CartPole-v1", 3), seed=seed).collect(Noted(), steps=20).obs

    assert torch.equal(rollout(1), rollout(1))
    assert not torch.equal(rollout(1), rollout(2))


def test_evaluate_counts_each_episode_once():
    class Right:
        def act(self, obs):
            return np.ones(len(obs), dtype=int)

    returns = rl.evaluate(Right(), "rlcourse/TwoExits-v0", episodes=4)
    assert returns.tolist() == pytest.approx([1 - 0.08] * 4)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: rl.Collector(gym.make("CartPole-v1")), "envs"),
        (lambda: rl.Collector(make_envs("CartPole-v1", 2)).collect(Noted(), steps=0), "steps"),
        (lambda: make_envs("NoSuch-v0", 2), "env_id"),
        (lambda: make_envs("CartPole-v1", 0), "num_envs"),
        (lambda: make_envs(3, 2), "env_id"),
        (lambda: rl.evaluate(Noted(), "CartPole-v1", episodes=0), "episodes"),
    ],
)
def test_a_bad_argument_is_named(call, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        call()


def test_what_was_recorded_cannot_be_changed_behind_its_back():
    class Careless:
        """Writes into what it is shown, and hands out the same array every time."""

        def __init__(self):
            self.buffer = np.zeros(3, dtype=int)

        def act(self, obs):
            obs *= 0
            self.buffer[:] = 1 - self.buffer
            return self.buffer

    batch = rl.Collector(counters(AutoresetMode.SAME_STEP), seed=0).collect(Careless(), steps=4)
    assert batch.actions[:, 0].tolist() == [1, 0, 1, 0]
    assert batch.obs[:, 2, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere MuJoCo needs no screen")
@pytest.mark.parametrize(
    "screen, own, told", [(None, None, "egl"), (None, "osmesa", "osmesa"), (":0", None, None), (":0", "glfw", "glfw")]
)
def test_mujoco_draws_without_a_screen_unless_it_is_told_how(monkeypatch, screen, own, told):
    for name, value in {"DISPLAY": screen, "WAYLAND_DISPLAY": None, "MUJOCO_GL": own}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    seen = []

    class Watched(PushesRight):
        def act(self, obs):
            seen.append(os.environ.get("MUJOCO_GL"))
            return super().act(obs)

    rl.record(Watched(), "Pendulum-v1", max_episode_steps=200)
    assert set(seen) == {told} and os.environ.get("MUJOCO_GL") == own


class PushesRight:
    """Always the largest torque that there is, and more."""

    def act(self, obs):
        return np.full((len(obs), 1), 5.0, dtype=np.float32)


def test_a_recording_is_the_episode_that_evaluate_would_play(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "mine")
    monkeypatch.delenv("SDL_AUDIODRIVER", raising=False)
    seen = set()

    class Watched(PushesRight):
        def act(self, obs):
            seen.add((os.environ["SDL_VIDEODRIVER"], os.environ["SDL_AUDIODRIVER"]))
            return super().act(obs)

    frames, score = rl.record(Watched(), "Pendulum-v1", seed=3)
    assert seen == {("dummy", "dummy")} and "SDL_AUDIODRIVER" not in os.environ
    assert frames.shape == (201, 500, 500, 3) and frames.dtype == np.uint8
    assert (frames[0] != frames[50]).any()
    assert os.environ["SDL_VIDEODRIVER"] == "mine" and "SDL_AUDIODRIVER" not in os.environ
    env, played = gym.make("Pendulum-v1"), 0.0
    env.reset(seed=3)
    for _ in range(200):
        played += env.step(np.array([2.0], dtype=np.float32))[1]
    assert score == pytest.approx(played)


def test_a_recording_of_an_agent_with_numbered_actions_ends_when_it_falls():
    class Left:
        def act(self, obs):
            return np.zeros(len(obs), dtype=int)

    frames, score = rl.record(Left(), "CartPole-v1", seed=0)
    assert 5 < score < 20 and len(frames) == score + 1


# ---------------------------------------------------------------- arrays that are handed out again and again


class OneArray(Counter):
    """A Counter that writes every observation into the same array."""

    def __init__(self, length, truncate):
        super().__init__(length, truncate)
        self.array = np.zeros(1, np.float32)

    def reset(self, **options):
        self.array[:], info = super().reset(**options)
        return self.array, info

    def step(self, action):
        self.array[:], *rest = super().step(action)
        return self.array, *rest


def in_a_sync_vector(makers, mode, copy):
    return SyncVectorEnv(makers, autoreset_mode=mode, copy=copy)


VECTORS = {
    "of the course": lambda makers: make_envs(lambda left=list(makers): left.pop(0)(), len(makers)),
    **{
        f"{mode.value}, {'copies' if copy else 'the same array'}": (
            lambda makers, mode=mode, copy=copy: in_a_sync_vector(makers, mode, copy)
        )
        for mode in AutoresetMode
        for copy in (True, False)
    },
}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("vector", VECTORS)
def test_no_row_changes_when_an_environment_writes_into_what_it_handed_out(vector, count):
    makers = [lambda n=n, i=i: OneArray(n, truncate=i % 2 == 0) for i, n in enumerate(LENGTHS[:count])]
    collector = rl.Collector(VECTORS[vector](makers), seed=0)
    windows = [collector.collect(Noted(), steps=steps) for steps in (3, 1, 8)]
    for column, length in enumerate(LENGTHS[:count]):
        steps = np.arange(12) % length
        assert torch.cat([w.obs for w in windows])[:, column, 0].tolist() == steps.tolist()
        assert torch.cat([w.next_obs for w in windows])[:, column, 0].tolist() == (steps + 1).tolist()
    whole = collector.collect_episodes(Noted())
    assert whole.next_obs[:, 0].tolist() == [k + 1 for n in LENGTHS[:count] for k in range(n)]
    assert whole.obs[:, 0].tolist() == [k for n in LENGTHS[:count] for k in range(n)]


# ---------------------------------------------------------------- what is counted


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_steps_counted_are_those_handed_out(mode):
    collector, rows = rl.Collector(counters(mode), seed=0), 0
    told = []
    for steps in (4, 1, 7):
        batch = collector.collect(Noted(), steps=steps)
        rows += batch.rewards.numel()
        assert collector.steps == rows
        ended = batch.terminated | batch.truncated
        told += [rows - batch.rewards.numel() + 3 * (t + 1) for t, _ in ended.nonzero().tolist()]
    assert [steps for steps, _ in collector.finished] == told  # each where its last row was
