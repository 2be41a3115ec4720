"""What does not fit is named where it enters: numbers, agents, actions, seeds."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import rlcourse as rl
from counters import Counter, Noted
from rlcourse import rollout
from rlcourse.envs import make_envs

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
@pytest.mark.parametrize("algorithm", [rl.PPO, rl.Reinforce, rl.OnlineActorCritic, rl.DiscreteSAC])
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


@pytest.mark.parametrize(
    ("agent", "env_id", "words"),
    [
        (None, "CartPole-v1", r"have a method act\(obs\), got None"),
        (rl.PPO, "CartPole-v1", r"have a method act\(obs\), got <class"),
        (lambda obs: obs, "CartPole-v1", r"have a method act\(obs\), got <function"),
        (agent_for("Pendulum-v1"), "CartPole-v1", r"be made for the environment's observation_space, Box.*one for Box"),
        (agent_for("CartPole-v1"), "FrozenLake-v1", r"be made for the environment's observation_space, Discrete\(16\)"),
        (
            agent_for("FrozenLake-v1"),
            "CliffWalking-v1",
            r"be made for the environment's observation_space, Discrete\(48\)",
        ),
        (agent_for("MountainCar-v0"), "MountainCarContinuous-v0", r"be made for the environment's action_space, Box"),
        (agent_for("Pendulum-v1"), wide_pendulum, r"be made for the environment's action_space, Box\(-20"),
    ],
)
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


@pytest.mark.parametrize(
    ("env_id", "actions", "words"),
    [
        ("CartPole-v1", 0, "act in .*, actions of shape .10,.*, got shape"),
        ("CartPole-v1", np.zeros(10), "act in Discrete.2., whole numbers"),
        (
            "CartPole-v1",
            np.zeros((10, 1), int),
            "act in Discrete.2., actions of shape .10,., one per observation, got shape .10, 1.",
        ),
        ("MountainCar-v0", [0], "act in .*, actions of shape .10,.*, got shape"),
        ("Pendulum-v1", np.zeros(10), "act in Box.*, actions of shape .10, 1., one per observation, got shape .10,"),
        ("rlcourse/Corridor-v0", 0, "act in .*, actions of shape .10,.*, got shape"),
    ],
)
def test_actions_of_another_shape_or_kind_are_named(env_id, actions, words):
    class Scripted:
        def act(self, obs):
            return actions

    with pytest.raises(ValueError, match=f"^agent must {words}"):
        rl.evaluate(Scripted(), env_id)


def test_the_action_before_the_first_is_not_the_last():
    class Backwards:
        def act(self, obs):
            return np.full(len(obs), -1)

    with pytest.raises(ValueError, match="^action must be in Discrete"):
        rl.evaluate(Backwards(), "rlcourse/Corridor-v0")


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

    history = rl.train(rl.DiscreteSAC, make, total_steps=600, seed=seed, num_envs=3, progress=False)
    rl.evaluate(history.agent, make, seed=seed)
    rl.Collector(make_envs(make, 3), seed=seed).collect(history.agent, steps=2)
    rl.record(Noted(), "CartPole-v1", seed=seed)
    rl.OrnsteinUhlenbeck(2, seed=seed).sample()
    for algorithm in (rl.PPO, rl.OffPolicyActorCritic, rl.BatchActorCritic):
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


def test_rewards_are_kept_in_double_precision_whatever_they_come_in():
    for given in ([1, 2], [True, False], np.float32([0.1, 3.0]), [np.float16(0.5), 2]):
        kept = rollout.rewarded(given)
        assert kept.dtype == np.float64 and kept.tolist() == [float(value) for value in given]


def test_a_space_is_written_down_by_its_kind():
    outline = rollout.outline
    assert outline(gym.spaces.MultiBinary(3), True) == {"kind": "MultiBinary(3)"}
    assert outline(gym.spaces.Discrete(4, start=1), True) == {"kind": "Discrete", "start": 1, "n": 4}
    box = gym.spaces.Box(np.float32([0, -1]), np.float32([2, 1]))
    assert outline(box, False) == {"kind": "Box", "shape": [2]}
    assert outline(box, True) == {"kind": "Box", "shape": [2], "low": [0.0, -1.0], "high": [2.0, 1.0]}
