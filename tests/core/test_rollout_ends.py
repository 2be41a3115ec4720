"""Episodes without an end are cut, and say so; every environment that was made is closed."""

import contextlib

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import rlcourse as rl
from counters import Counter, Noted, counters
from rlcourse import rollout

# ---------------------------------------------------------------- episodes that do not end


class Circles(Counter):
    """The episode goes on for ever; what is paid is counted."""

    def __init__(self):
        super().__init__(length=-1, truncate=False)

    def step(self, action):
        obs, _, *rest = super().step(action)
        return obs, 2.0, *rest


class Stop7(Circles):
    """Has a time limit that it tells nobody of."""

    def step(self, action):
        obs, reward, terminated, _, info = super().step(action)
        return obs, reward, terminated, self.count == 7, info


@contextlib.contextmanager
def a_cut_is_told(words):
    with pytest.warns(UserWarning, match=words):
        yield


def test_an_evaluation_without_an_end_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(rollout, "EPISODE_LIMIT", 40)
    with a_cut_is_told("3 of 3 episodes did not end within 40 steps"):
        assert rl.evaluate(Noted(), Circles, episodes=3).tolist() == [80.0] * 3
    with a_cut_is_told("within 12 steps"):
        assert rl.evaluate(Noted(), Circles, episodes=2, max_episode_steps=12).tolist() == [24.0] * 2
    assert rl.evaluate(Noted(), Stop7, episodes=2).tolist() == [14.0] * 2  # and where there is an end, nothing


def test_the_limit_of_the_environment_goes_before_that_of_the_course(monkeypatch):
    monkeypatch.setattr(rollout, "EPISODE_LIMIT", 40)
    gym.register("tests/Circles-v0", entry_point=Circles, max_episode_steps=60)
    try:
        assert rl.evaluate(Noted(), "tests/Circles-v0", episodes=2).tolist() == [120.0] * 2
        with a_cut_is_told("within 5 steps"):
            assert rl.evaluate(Noted(), "tests/Circles-v0", episodes=2, max_episode_steps=5).tolist() == [10.0] * 2
        envs = gym.vector.SyncVectorEnv([lambda: gym.make("tests/Circles-v0")] * 2)
        assert rl.Collector(envs).collect_episodes(Noted()).rewards.shape == (120,)
    finally:
        gym.registry.pop("tests/Circles-v0")


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_an_episode_that_the_limit_cuts_is_truncated(mode):
    collector = rl.Collector(counters(mode), seed=0, max_episode_steps=4)  # lengths 2, 3, 5
    with a_cut_is_told("an episode did not end within 4 steps"):
        batch = collector.collect_episodes(Noted())
    assert batch.obs[:, 0].tolist() == [0, 1, 0, 1, 2, 0, 1, 2, 3]
    assert batch.next_obs[-1].item() == 4 and batch.truncated[-1] and not batch.terminated[-1]
    assert batch.terminated.nonzero().flatten().tolist() == [1] and batch.truncated.sum() == 2
    assert sorted(collector.finished) == [(6, 3.0), (8, 6.0), (9, 10.0)]
    assert collector.cut == 1 and collector.steps == 9


class Screen(Circles):
    """Draws into the same picture again and again."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, render_mode=None):
        super().__init__()
        self.render_mode, self.picture = render_mode, np.zeros((2, 2, 3), np.uint8)

    def render(self):
        self.picture[:] = self.count
        return self.picture if self.render_mode == "rgb_array" else None


def test_a_film_without_an_end_is_cut_and_each_picture_is_kept(monkeypatch):
    monkeypatch.setattr(rollout, "FILM_LIMIT", 9)
    with a_cut_is_told("the episode did not end within 9 steps"):
        frames, score = rl.record(Noted(), Screen)
    assert frames[:, 0, 0, 0].tolist() == list(range(10)) and score == 18.0
    with a_cut_is_told("within 3 steps"):
        frames, score = rl.record(Noted(), Screen, max_episode_steps=3)
    assert len(frames) == 4 and score == 6.0


def test_a_film_needs_pictures():
    with pytest.raises(ValueError, match="^env_id must make an environment that renders to arrays"):
        rl.record(Noted(), lambda: Screen())


# ---------------------------------------------------------------- what is made is closed


@pytest.fixture
def counted():
    """(an environment whose instances are counted, a function that asks whether all of them are closed)."""
    made, closed = [], []

    class Counted(Counter):
        metadata = {"render_modes": ["rgb_array"]}

        def __init__(self, breaks=None, render_mode="rgb_array"):
            super().__init__(length=3, truncate=False)
            self.breaks, self.render_mode = breaks, render_mode
            if breaks == "made" and len(made) == 2:
                raise RuntimeError(breaks)
            made.append(self)

        def reset(self, **options):
            if self.breaks == "reset":
                raise RuntimeError(self.breaks)
            return super().reset(**options)

        def step(self, action):
            if self.breaks == "step":
                raise RuntimeError(self.breaks)
            return super().step(action)

        def render(self):
            return np.zeros((2, 2, 3), np.uint8)

        def close(self):
            closed.append(self)

    def all_closed():
        """How many there were since the last time; each was closed once."""
        count = len(made)
        assert sorted(map(id, made)) == sorted(map(id, closed))
        made.clear(), closed.clear()
        return count

    return Counted, all_closed


def test_every_environment_that_was_made_is_closed(counted, tmp_path):
    Counted, all_closed = counted
    for algorithm in (rl.Reinforce, rl.PPO):
        history = rl.train(algorithm, Counted, total_steps=20, num_envs=2, progress=False)
        assert all_closed() == 2
    history.resume(total_steps=5000, progress=False)
    assert all_closed() == 2
    rl.evaluate(history.agent, Counted, episodes=5)
    assert all_closed() == 5
    rl.record(history.agent, Counted)
    assert all_closed() == 1
    history.save(tmp_path / "run")
    rl.load(tmp_path / "run", env_id=Counted)
    assert all_closed() == 1
    updates = rl.run(rl.PPO, Counted, total_steps=10_000, num_envs=2)
    next(updates), next(updates)
    updates.close()
    assert all_closed() == 2


def test_every_environment_is_closed_when_something_breaks(counted):
    Counted, all_closed = counted
    agent = rl.train(rl.PPO, Counted, total_steps=20, num_envs=2, progress=False).agent
    assert all_closed() == 2
    for breaks in ("made", "reset", "step"):
        for call in (rl.train, rl.evaluate, rl.record):
            options = {"total_steps": 20, "num_envs": 3, "progress": False} if call is rl.train else {}
            who = rl.PPO if call is rl.train else agent
            if breaks != "made" or call is not rl.record:
                with pytest.raises(RuntimeError, match=breaks):
                    call(who, lambda breaks=breaks, **options: Counted(breaks, **options), **options)
                assert all_closed() >= 1
    with pytest.raises(ValueError, match="^config must"):
        rl.train(rl.PPO, Counted, total_steps=20, config=3, num_envs=2, progress=False)
    with pytest.raises(ValueError, match="^agent must"):
        rl.evaluate(None, Counted)
    assert all_closed() == 12


def test_an_agent_is_judged_without_its_exploration_and_a_scripted_one_as_it_is():
    class Scripted:
        def act(self, obs):
            return np.ones(len(obs), dtype=int)  # right, where the keeper dives

    class Explorer(Scripted):
        def act_deterministically(self, obs):
            return np.zeros(len(obs), dtype=int)

    assert rl.evaluate(Explorer(), "rlcourse/PenaltyShootout-v0", episodes=5).tolist() == [1.0] * 5
    assert rl.evaluate(Scripted(), "rlcourse/PenaltyShootout-v0", episodes=5).tolist() == [0.0] * 5
