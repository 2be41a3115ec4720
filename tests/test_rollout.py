"""Rollouts: no phantom rows, true last observations, both endings apart, in every autoreset mode."""

import contextlib
import os

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import rlcourse as rl
from rlcourse import rollout
from rlcourse.envs import make_envs


class Counter(gym.Env):
    """Observes its own step count; terminates after `length` steps, or is truncated there."""

    observation_space = gym.spaces.Box(0, 1000, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length, truncate):
        self.length, self.truncate = length, truncate

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.count += 1
        end = self.count == self.length
        obs = np.array([self.count], np.float32)
        return obs, float(self.count), end and not self.truncate, end and self.truncate, {}


class Noted:
    """An agent that alternates, and remembers what it was shown."""

    def act(self, obs):
        return np.arange(len(obs)) % 2


LENGTHS = (2, 3, 5)


def counters(mode):
    makers = [lambda n=n, i=i: Counter(n, truncate=i % 2 == 1) for i, n in enumerate(LENGTHS)]
    return SyncVectorEnv(makers, autoreset_mode=mode)


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


class PushesRight:
    """Always the largest torque that there is, and more."""

    def act(self, obs):
        return np.full((len(obs), 1), 5.0, dtype=np.float32)


def test_a_recording_is_the_episode_that_evaluate_would_play(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "mine")
    frames, score = rl.record(PushesRight(), "Pendulum-v1", seed=3)
    assert frames.shape == (201, 500, 500, 3) and frames.dtype == np.uint8
    assert (frames[0] != frames[50]).any()
    assert os.environ["SDL_VIDEODRIVER"] == "mine"
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


def test_every_environment_that_was_made_is_closed(tmp_path):
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
        count = len(made)
        assert sorted(map(id, made)) == sorted(map(id, closed))  # each once
        made.clear(), closed.clear()
        return count

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

    for breaks in ("made", "reset", "step"):
        for call in (rl.train, rl.evaluate, rl.record):
            options = {"total_steps": 20, "num_envs": 3, "progress": False} if call is rl.train else {}
            who = rl.PPO if call is rl.train else history.agent
            if breaks != "made" or call is not rl.record:
                with pytest.raises(RuntimeError, match=breaks):
                    call(who, lambda breaks=breaks, **options: Counted(breaks, **options), **options)
                assert all_closed() >= 1
    with pytest.raises(ValueError, match="^config must"):
        rl.train(rl.PPO, Counted, total_steps=20, config=3, num_envs=2, progress=False)
    with pytest.raises(ValueError, match="^agent must"):
        rl.evaluate(None, Counted)
    assert all_closed() == 12


# ---------------------------------------------------------------- bad numbers are named where they enter


class Sick(Counter):
    """Says something wrong at the end of an episode, in its observation or in its reward."""

    def __init__(self, **said):
        super().__init__(length=3, truncate=False)
        self.said = said

    def step(self, action):
        obs, reward, terminated, truncated, info = super().step(action)
        if terminated:
            obs, reward = self.said.get("obs", obs), self.said.get("reward", reward)
        return obs, reward, terminated, truncated, info


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("algorithm", [rl.PPO, rl.Reinforce, rl.OnlineActorCritic, rl.SAC])
def test_a_bad_number_is_the_environments(algorithm, num_envs, number):
    wide = np.array([number])  # in double precision: in single, 1e300 is infinite
    for said, sentence in [
        ({"obs": wide}, "^observation must hold finite numbers"),
        ({"reward": number}, "^reward must be a finite number"),
    ]:

        def make(said=said):
            env = Sick(**said)
            env.observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
            return env

        with pytest.raises(ValueError, match=sentence):
            rl.train(algorithm, make, total_steps=50, num_envs=num_envs, progress=False)
        with pytest.raises(ValueError, match=sentence):
            rl.evaluate(Noted(), make, episodes=num_envs)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_bad_last_observation_is_noticed_in_every_mode(mode):
    envs = SyncVectorEnv([lambda: Sick(obs=np.array([np.nan], np.float32))] * 2, autoreset_mode=mode)
    with pytest.raises(ValueError, match="^observation must hold finite numbers"):
        rl.Collector(envs).collect(Noted(), steps=5)


def test_a_state_that_is_none_is_the_environments():
    class Lost(Sick):
        observation_space = gym.spaces.Discrete(4)

        def reset(self, **options):
            return 0, super().reset(**options)[1]

        def step(self, action):
            return self.count + 2, *super().step(action)[1:]

    with pytest.raises(ValueError, match=r"^observation must be in Discrete\(4\), got \[4\]"):
        rl.Collector(make_envs(Lost, 1)).collect(Noted(), steps=3)


def test_large_finite_numbers_are_no_bad_numbers():
    batch = rl.Collector(make_envs(lambda: Sick(obs=np.full(1, -3e38, np.float32), reward=3e38), 1)).collect(
        Noted(), steps=3
    )
    assert batch.rewards[-1].item() == pytest.approx(3e38) and batch.next_obs[-1].item() == pytest.approx(-3e38)


def test_an_observation_of_another_shape_is_not_spread_over_its_space():
    class Short(Counter):
        observation_space = gym.spaces.Box(0, 1000, (3,), np.float32)

    with pytest.raises(ValueError, match=r"^observation must have the shape of its space, \(3,\), got \(1,\)"):
        rl.Collector(make_envs(lambda: Short(3, truncate=False), 2))


def test_two_rewards_for_one_step_are_refused():
    with pytest.raises(ValueError, match="^reward must be one number"):
        rl.Collector(make_envs(lambda: Sick(reward=np.ones(2)), 1)).collect(Noted(), steps=3)


# ---------------------------------------------------------------- who plays where


def agent_for(env_id, algorithm=rl.PPO):
    env = gym.make(env_id)
    return algorithm(env.observation_space, env.action_space)


def wide_pendulum():
    env = gym.make("Pendulum-v1")
    env.action_space = gym.spaces.Box(-20, 20, (1,), np.float32)
    return env


@pytest.mark.parametrize(("agent", "env_id", "words"), [
    (None, "CartPole-v1", r"have a method act\(obs\), got None"),
    (rl.PPO, "CartPole-v1", r"have a method act\(obs\), got <class"),
    (lambda obs: obs, "CartPole-v1", r"have a method act\(obs\), got <function"),
    (agent_for("Pendulum-v1"), "CartPole-v1", r"be made for the environment's observation_space, Box.*one for Box"),
    (agent_for("CartPole-v1"), "FrozenLake-v1", r"be made for the environment's observation_space, Discrete\(16\)"),
    (agent_for("FrozenLake-v1"), "CliffWalking-v1", r"be made for the environment's observation_space, Discrete\(48\)"),
    (agent_for("MountainCar-v0"), "MountainCarContinuous-v0", r"be made for the environment's action_space, Box"),
    (agent_for("Pendulum-v1"), wide_pendulum, r"be made for the environment's action_space, Box\(-20"),
])  # fmt: skip
@pytest.mark.parametrize("call", ["evaluate", "record", "collect", "collect_episodes"])
def test_an_agent_that_does_not_fit_is_named(call, agent, env_id, words):
    calls = {
        "evaluate": lambda: rl.evaluate(agent, env_id),
        "record": lambda: rl.record(agent, env_id),
        "collect": lambda: rl.Collector(make_envs(env_id, 2)).collect(agent, steps=2),
        "collect_episodes": lambda: rl.Collector(make_envs(env_id, 2)).collect_episodes(agent),
    }
    with pytest.raises(ValueError, match=f"^agent must {words}"):
        calls[call]()


def test_a_history_is_no_agent_but_has_one():
    history = rl.train(rl.Reinforce, "CartPole-v1", total_steps=20, progress=False)
    with pytest.raises(ValueError, match="^agent must be an agent, got History: its attribute `agent` is one"):
        rl.evaluate(history, "CartPole-v1")


def test_an_agent_that_acts_in_nan_is_named():
    class Lost:
        def act(self, obs):
            return np.full((len(obs), 1), np.nan, np.float32)

    with pytest.raises(ValueError, match="^agent must act in numbers"):
        rl.evaluate(Lost(), "Pendulum-v1")


def test_an_action_reaches_the_environment_in_the_type_of_its_space():
    given = []

    class Notes(Counter):
        action_space = gym.spaces.Box(-0.1, 0.1, (1,), np.float64)

        def step(self, action):
            given.append(action)
            return super().step(action)

    class Pushes:
        def act(self, obs):
            return np.full((len(obs), 1), 0.1, np.float32)  # a little more than 0.1

    rl.Collector(make_envs(lambda: Notes(3, truncate=False), 2)).collect(Pushes(), steps=2)
    assert len(given) == 4 and all(action in Notes.action_space for action in given)


# ---------------------------------------------------------------- seeds


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_every_seed_of_the_range_is_taken_everywhere(seed):
    class OldSeeding(Counter):
        """Draws from a generator of NumPy's old kind, which takes fewer seeds than the new one."""

        def reset(self, *, seed=None, options=None):
            np.random.RandomState(seed)
            return super().reset(seed=seed)

    def make():
        return OldSeeding(3, truncate=False)

    history = rl.train(rl.SAC, make, total_steps=600, seed=seed, num_envs=3, progress=False)
    rl.evaluate(history.agent, make, seed=seed)
    rl.Collector(make_envs(make, 3), seed=seed).collect(history.agent, steps=2)
    rl.record(Noted(), "CartPole-v1", seed=seed)
    rl.OrnsteinUhlenbeck(2, seed=seed).sample()
    for algorithm in (rl.PPO, rl.OffPolicyActorCritic, rl.ValueSAC, rl.BatchActorCritic):
        rl.train(algorithm, make, total_steps=20, seed=seed, progress=False)


def test_a_seed_outside_the_range_is_refused_everywhere():
    spaces = gym.spaces.Discrete(2), gym.spaces.Discrete(2)
    for seed in (2**31, 2**63, -1):
        for call in (
            lambda: rl.train(rl.PPO, "CartPole-v1", total_steps=10, seed=seed, progress=False),  # noqa: B023
            lambda: rl.evaluate(Noted(), "CartPole-v1", seed=seed),  # noqa: B023
            lambda: rl.record(Noted(), "CartPole-v1", seed=seed),  # noqa: B023
            lambda: rl.Collector(make_envs("CartPole-v1", 1), seed=seed),  # noqa: B023
            lambda: rl.ReplayBuffer(4, *spaces, seed=seed),  # noqa: B023
            lambda: rl.OrnsteinUhlenbeck(2, seed=seed),  # noqa: B023
            lambda: rl.PPO(*spaces, seed=seed),  # noqa: B023
        ):
            with pytest.raises(ValueError, match="^seed must"):
                call()
