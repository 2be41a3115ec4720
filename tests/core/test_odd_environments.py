"""Odd but legal environments: every agent of the course plays each of them rightly, or says at once why not.

Each environment is a few lines around `Odd`, which keeps its own books: what the histories say is held against them.
"""

import collections
import contextlib
import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

import rlcourse as rl


class Odd(gym.Env):
    """Episodes of `length` steps, reward 1 each; the observation is the share of the episode that is over, and noise.

    Attributes:
        books: the return of every finished episode of every environment of this class, as the environment paid it.
    """

    observation_space = Box(-1, 1, (2,), np.float32)
    action_space = Discrete(2)
    length = 5
    books = collections.Counter()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age, self.paid = 0, 0.0
        return self.look(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.age += 1
        reward, (terminated, truncated) = self.reward(action), self.ends()
        self.paid += np.asarray(reward, dtype=float).item()
        if terminated or truncated:
            type(self).books[round(self.paid, 3)] += 1
        return self.look(), reward, terminated, truncated, {}

    def look(self):
        return np.array([self.age / self.length, self.np_random.uniform(-1, 1)], np.float32)

    def reward(self, action):
        return 1.0

    def ends(self):
        return self.age >= self.length, False


class SameArray(Odd):
    """Writes every observation into one array, the first of the next episode into that of the last."""

    def look(self):
        self.array = getattr(self, "array", np.zeros(2, np.float32))
        self.array[:] = super().look()
        return self.array

    def ends(self):
        return False, self.age >= self.length


class OneStep(Odd):
    """Terminated at the first step."""

    length = 1


class BothFlags(Odd):
    def ends(self):
        return self.age >= self.length, self.age >= self.length


class WholeFlags(Odd):
    """0 and 1 for false and true."""

    def ends(self):
        return 0, int(self.age >= self.length)


class NumpyFlags(Odd):
    def ends(self):
        return np.bool_(self.age >= self.length), np.array(False)


class NumpyReward(Odd):
    def reward(self, action):
        return np.float32(0.5)


class WholeReward(Odd):
    def reward(self, action):
        return 2


class ArrayReward(Odd):
    """An array without axes, or of one component, in turn."""

    def reward(self, action):
        return np.array(0.25) if self.age % 2 else np.array([0.25])


class Picture(Odd):
    observation_space = Box(0, 255, (3,), np.uint8)

    def look(self):
        return self.np_random.integers(0, 256, 3, dtype=np.uint8)


class WideWhole(Odd):
    """Whole numbers of a type of which torch cannot pick rows."""

    observation_space = Box(0, 60_000, (2,), np.uint16)

    def look(self):
        return self.np_random.integers(0, 60_000, 2, dtype=np.uint16)


class DoubleObservations(Odd):
    observation_space = Box(-np.inf, np.inf, (2,), np.float64)

    def look(self):
        return super().look().astype(np.float64)


class ListObservations(Odd):
    """A list is no array, but converts to one."""

    def look(self):
        return super().look().tolist()


class Zeros(Odd):
    def look(self):
        return np.zeros(2, np.float32)


class OneState(Odd):
    observation_space = Discrete(1)

    def look(self):
        return 0


class OneAction(Odd):
    action_space = Discrete(1)


class ManyStates(Odd):
    observation_space = Discrete(20_000)

    def look(self):
        return self.np_random.integers(20_000)


class HugeRewards(Odd):
    def reward(self, action):
        return 1e6


class NegativeRewards(Odd):
    def reward(self, action):
        return -3.0


class RandomLengths(Odd):
    def reset(self, **options):
        result = super().reset(**options)
        self.length = int(self.np_random.integers(1, 8))
        return result

    def look(self):
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)


class Junk(Odd):
    """Information of every kind, under changing names, those that vector environments use among them."""

    def step(self, action):
        junk = {"final_obs": "none", f"key {self.age}": [1, {2}], "episode": None, "reset_mask": object()}
        return *super().step(action)[:4], junk


class ByOptions(Odd):
    """Its options have a default."""

    def reset(self, *, seed=None, options=None):
        self.length = (options or {}).get("length", 3)
        return super().reset(seed=seed)


class Endless(Odd):
    """No end, and no time limit: only the step counts."""

    def ends(self):
        return False, False


class Narrow(Odd):
    action_space = Box(0, 0.001, (1,), np.float32)

    def reward(self, action):
        return 1000 * float(action[0])


class Far(Odd):
    action_space = Box(1000, 1001, (1,), np.float32)


class Asymmetric(Odd):
    action_space = Box(np.array([-1, 0], np.float32), np.array([5, 0.1], np.float32))


class DoubleActions(Odd):
    """0.1 is larger in single precision than in double: what is outside, `step` notices."""

    action_space = Box(-0.1, 0.1, (2,), np.float64)


class HalfActions(Odd):
    action_space = Box(-0.1, 0.1, (1,), np.float16)


class ManyActions(Odd):
    action_space = Box(-1, 1, (7,), np.float32)


ODD = Odd.__subclasses__()
TINY = {"hidden": (4,)}
REPLAY = {**TINY, "batch_size": 8, "capacity": 64}
ANY = {
    rl.Reinforce: TINY,
    rl.BatchActorCritic: TINY,
    rl.OnlineActorCritic: TINY,
    rl.ParallelActorCritic: TINY,
    rl.PPO: {**TINY, "steps": 8, "epochs": 2},
}
AGENTS = {
    Discrete: {**ANY, rl.OffPolicyActorCritic: REPLAY, rl.DiscreteSAC: {**REPLAY, "warmup": 8}},
    Box: {**ANY, **{agent: {**REPLAY, "warmup": 8} for agent in (rl.DDPG, rl.TD3, rl.SAC, rl.ValueSAC)}},
}
WHOLE_EPISODES = (rl.Reinforce, rl.BatchActorCritic)
RUNS = [
    pytest.param(world, agent, num_envs, id=f"{world.__name__}-{agent.__name__}-{num_envs}")
    for world in ODD
    for agent in AGENTS[type(world.action_space)]
    for num_envs in (1, 3)
]


@contextlib.contextmanager
def a_short_limit(monkeypatch, steps=30):
    """Whole episodes without an end are cut soon, and the warning is expected."""
    monkeypatch.setattr("rlcourse.rollout.EPISODE_LIMIT", steps)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=f".* within {steps} steps")
        yield


def weights(agent):
    return {name: value for name, value in agent.state().items() if np.issubdtype(value.dtype, np.floating)}


@pytest.mark.parametrize(("world", "algorithm", "num_envs"), RUNS)
def test_every_agent_plays_it(world, algorithm, num_envs, tmp_path, monkeypatch):
    world.books = collections.Counter()
    config = algorithm.Config(**AGENTS[type(world.action_space)][algorithm])
    options = {"config": config, "num_envs": num_envs, "progress": False}
    with a_short_limit(monkeypatch):
        history = rl.train(algorithm, world, total_steps=40, **options)
        assert history.total_steps >= 40

        told = collections.Counter(round(value, 3) for value in history.returns.tolist())
        if world is Endless:
            assert set(told) <= ({30.0} if algorithm in WHOLE_EPISODES else set())
        elif algorithm in WHOLE_EPISODES:  # columns that idle go on playing
            assert told <= world.books and told.total() > 0
        else:
            assert told == world.books and told.total() > 0

        assert all(np.isfinite(values).all() for values in weights(history.agent).values())
        for name, values in history.metrics.items():
            assert name == "explained_variance" or np.isfinite(values).all(), name

        score = rl.evaluate(history.agent, world, episodes=2)
        assert score.shape == (2,) and np.isfinite(score).all()

        history.save(tmp_path / "run")
        loaded = rl.load(tmp_path / "run", env_id=world)
        for run in (history, loaded):
            run.resume(total_steps=60, progress=False)
        assert history.total_steps == loaded.total_steps >= 60
        np.testing.assert_array_equal(history.returns, loaded.returns)
        mine, theirs = weights(history.agent), weights(loaded.agent)
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            np.testing.assert_array_equal(value, theirs[name], err_msg=name)


@pytest.mark.parametrize("world", ODD, ids=lambda world: world.__name__)
def test_the_others_refuse_its_actions_by_name(world):
    everyone = set(AGENTS[Discrete]) | set(AGENTS[Box])
    for algorithm in everyone - set(AGENTS[type(world.action_space)]):
        with pytest.raises(ValueError, match="^action_space must"):
            rl.train(algorithm, world, total_steps=20, progress=False)


LEFT_OUT = {SameArray: "is compared below", Endless: "has no ends to compare"}


@pytest.mark.parametrize("world", [w for w in ODD if w not in LEFT_OUT], ids=lambda world: world.__name__)
def test_one_environment_and_several_give_the_same_rows(world):
    """Environment i of three, seeded s, is the only one of a vector of one, seeded s + i."""

    class First:
        """The smallest action that there is."""

        def act(self, obs):
            space = world.action_space
            least = 0 if isinstance(space, Discrete) else space.low
            return np.stack([np.asarray(least)] * len(obs))

    many = rl.Collector(rl.envs.make_envs(world, 3), seed=5).collect(First(), steps=12)
    for i in range(3):
        one = rl.Collector(rl.envs.make_envs(world, 1), seed=5 + i).collect(First(), steps=12)
        for name, tensor in vars(one).items():
            torch.testing.assert_close(tensor[:, 0], getattr(many, name)[:, i], rtol=0, atol=0)


class WholeActions(Odd):
    action_space = Box(0, 5, (1,), np.int64)


class FixedComponent(Odd):
    action_space = Box(np.array([-1, 2], np.float32), np.array([1, 2], np.float32))


class NoWidthInSinglePrecision(Odd):
    action_space = Box(1e9, 1e9 + 1, (1,), np.float64)


class Boards(Odd):
    action_space = Box(-1, 1, (2, 2), np.float32)


class Switches(Odd):
    action_space = gym.spaces.MultiBinary(3)


class FromOne(Odd):
    action_space = Discrete(2, start=1)


class StatesFromOne(Odd):
    observation_space = Discrete(2, start=1)

    def look(self):
        return 1


class NothingToDo(Odd):
    action_space = Box(0, 1, (0,), np.float32)


class Screens(Odd):
    observation_space = Box(0, 1, (2, 2), np.float32)

    def look(self):
        return np.zeros((2, 2), np.float32)


class NothingToSee(Odd):
    observation_space = Box(0, 1, (0,), np.float32)

    def look(self):
        return np.zeros(0, np.float32)


@pytest.mark.parametrize(
    ("world", "name"),
    [
        (WholeActions, "action_space"),
        (FixedComponent, "action_space"),
        (NoWidthInSinglePrecision, "action_space"),
        (NothingToDo, "action_space"),
        (Boards, "action_space"),
        (Switches, "action_space"),
        (FromOne, "action_space"),
        (StatesFromOne, "observation_space"),
        (Screens, "observation_space"),
        (NothingToSee, "observation_space"),
    ],
)
def test_what_no_agent_can_play_is_refused_at_once_by_name(world, name):
    for algorithm in set(AGENTS[Discrete]) | set(AGENTS[Box]):
        suits = algorithm in AGENTS.get(type(world.action_space), ())  # otherwise the actions may be named first
        with pytest.raises(ValueError, match=f"^{name} must" if suits else "^(action|observation)_space must"):
            rl.train(algorithm, world, total_steps=20, progress=False)
