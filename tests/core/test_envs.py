"""The course's worlds: the environment samples the very table that the oracle solves."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import rlcourse as rl
from rlcourse.envs import TabularEnv, make_envs, teaching
from rlcourse.envs.tabular import TabularVectorEnv
from rlcourse.envs.vector import SameStepEnvs

WORLDS = ["Corridor", "SurvivalChain", "TwoExits", "PenaltyShootout"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WORLDS)
def test_gymnasium_accepts_it(name):
    check_env(gym.make(f"rlcourse/{name}-v0").unwrapped, skip_render_check=True)


@pytest.mark.parametrize("name", ["Corridor", "SurvivalChain", "TwoExits"])
def test_sampled_frequencies_and_rewards_match_the_table(name):
    envs = make_envs(f"rlcourse/{name}-v0", 500)
    mdp = envs.mdp
    rng = np.random.default_rng(0)

    class Random:
        def act(self, obs):
            return rng.integers(0, mdp.num_actions, len(obs))

    batch = rl.Collector(envs, seed=1).collect(Random(), steps=100).flatten()
    for s in range(mdp.num_states):
        for a in range(mdp.num_actions):
            rows = (batch.obs == s) & (batch.actions == a)
            count = int(rows.sum())
            if count < 100:
                continue
            error = 5 * max(envs.reward_noise, 0.01) / count**0.5
            assert batch.rewards[rows].mean().item() == pytest.approx(mdp.rewards[s, a].item(), abs=error + 1e-6)
            if envs.horizon is None:
                inside = rows & ~batch.terminated
                for successor in range(mdp.num_states):
                    share = ((batch.next_obs == successor) & inside).sum().item() / count
                    assert share == pytest.approx(mdp.transitions[s, a, successor].item(), abs=3 / count**0.5)


def test_single_and_vector_environments_agree():
    single = gym.make("rlcourse/TwoExits-v0")
    single.reset(seed=0)
    trail = [single.step(1)[:4] for _ in range(4)]
    assert [obs for obs, *_ in trail] == [4, 5, 6, 6]
    assert [round(reward, 2) for _, reward, *_ in trail] == [-0.02, -0.02, -0.02, 0.98]
    assert [terminated for *_, terminated, _ in trail] == [False, False, False, True]
    with pytest.raises(ValueError, match="^action must"):
        single.unwrapped.step(2)


def test_corridor_lasts_ten_steps_and_ends_for_good():
    envs = make_envs("rlcourse/Corridor-v0", 3, offset=1.0)
    envs.reset(seed=0)
    flags = [envs.step(np.ones(3, dtype=int))[2:4] for _ in range(10)]
    assert flags[-1][0].all() and not any(terminated.any() for terminated, _ in flags[:-1])
    assert not any(truncated.any() for _, truncated in flags)
    assert envs.mdp.rewards[2, 0].item() == 1.0


@pytest.mark.covers("EQ-10")
def test_a_goal_falls_exactly_when_kick_and_dive_differ():
    env = gym.make("rlcourse/PenaltyShootout-v0", keeper_right=0.3)
    env.reset(seed=0)
    goals = []
    for _ in range(2000):
        _, reward, terminated, _, info = env.unwrapped.step(0)
        assert terminated and reward == float(info["dive"] != 0)
        goals.append(reward)
    assert np.mean(goals) == pytest.approx(0.3, abs=0.05)
    with pytest.raises(ValueError, match="^keeper_right must"):
        gym.make("rlcourse/PenaltyShootout-v0", keeper_right=1.2)


def test_a_world_without_settings_is_the_one_its_sentence_begins_with():
    assert teaching.penalty_shootout().rewards.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "MountainCar-v0", "FrozenLake-v1"])
def test_a_vector_of_one_is_what_gymnasium_makes_of_it(env_id):
    solo = make_envs(env_id, 1)
    same_step = {"autoreset_mode": AutoresetMode.SAME_STEP}
    sync = gym.make_vec(env_id, 1, vectorization_mode="sync", vector_kwargs=same_step)
    assert isinstance(solo, SameStepEnvs) and solo.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert solo.observation_space == sync.observation_space and solo.action_space == sync.action_space
    assert solo.spec.id == env_id
    sync.action_space.seed(0)
    pairs, ends = [(solo.reset(seed=3)[0], sync.reset(seed=3)[0])], 0
    for _ in range(450):
        actions = sync.action_space.sample()
        *mine, info = solo.step(actions)
        *theirs, their_info = sync.step(actions)
        pairs += zip(mine, theirs, strict=True)
        assert ("final_obs" in info) == ("final_obs" in their_info)
        if "final_obs" in info:
            pairs.append((info["final_obs"][0], their_info["final_obs"][0]))
            ends += 1
    assert ends >= 2
    for ours, gymnasiums in pairs:
        assert np.array_equal(ours, gymnasiums) and np.shape(ours) == np.shape(gymnasiums)
        assert np.asarray(ours).dtype == np.asarray(gymnasiums).dtype
    for envs in (solo, sync):
        envs.close()


def test_the_tables_hold_what_their_sentences_say():
    table = rl.envs.corridor()
    for cell in range(6):
        left, right = max(cell - 1, 0), min(cell + 1, 5)
        for action, there, back in ((0, left, right), (1, right, left)):
            expected = torch.zeros(6, dtype=torch.float64)
            expected[there] += 0.9
            expected[back] += 0.1
            torch.testing.assert_close(table.transitions[cell, action], expected)
    torch.testing.assert_close(
        rl.envs.penalty_shootout(0.3, payoff=2.0, offset=5.0).rewards, torch.tensor([[5.6, 6.4]]).double()
    )


def test_every_world_is_registered_with_its_own_settings():
    """Once more, as at the import: each name makes its table, alone and as a vector, with the options it knows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium says that they are registered already
        teaching.register()
    for name, start, ends in (("Corridor", 0, [9]), ("SurvivalChain", 0, None), ("TwoExits", 3, [3, 7])):
        alone, many = gym.make(f"rlcourse/{name}-v0").unwrapped, gym.make_vec(f"rlcourse/{name}-v0", num_envs=2)
        assert isinstance(alone, TabularEnv) and isinstance(many.unwrapped, TabularVectorEnv)
        alone.reset(seed=0)
        many.reset(seed=0)
        assert alone.reset(seed=0)[0] == start and many.reset(seed=0)[0].tolist() == [start, start]
        ended = [np.any(many.step(np.zeros(2, dtype=int))[2:4]) for _ in range(10)]
        assert ends is None or np.flatnonzero(ended).tolist() == ends
    assert gym.make("rlcourse/Corridor-v0", offset=2.0).unwrapped.mdp.rewards[2, 0] == 2.0
    env = gym.make("rlcourse/PenaltyShootout-v0")
    assert env.reset(seed=0)[0] == 0 and env.step(1)[:2] == (0, 0.0)


def test_a_start_outside_the_table_is_named():
    for make in (
        lambda: gym.make("rlcourse/Corridor-v0", start=6),
        lambda: make_envs("rlcourse/Corridor-v0", 2, start=-1),
    ):
        with pytest.raises(ValueError, match=r"^start must be a state 0\.\.5, got (6|-1)"):
            make()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_table_is_cut_in_the_step_of_its_limit_and_not_later(limit):
    vector = make_envs("rlcourse/TwoExits-v0", 2, max_episode_steps=limit)
    vector.reset(seed=0)
    ended = [vector.step(np.array([0, 1]))[2:4] for _ in range(3)]
    for number, (terminated, truncated) in enumerate(ended, start=1):
        assert not terminated.any() and truncated.tolist() == 2 * [number % limit == 0]


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "MountainCar-v0", "CartPole-v1", "rlcourse/Corridor-v0"])
def test_a_vector_has_spaces_for_all_of_its_environments(env_id):
    envs = make_envs(env_id, 3)
    assert envs.action_space.shape == (3, *envs.single_action_space.shape)
    assert envs.observation_space.shape == (3, *envs.single_observation_space.shape)
