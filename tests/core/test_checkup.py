"""A checkup says what is unusual about an environment, and is silent about what is not."""

import gymnasium as gym
import numpy as np
import pytest

import rlcourse as rl


class World(gym.Env):
    """An ordinary environment; each test makes one thing odd."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,))
    action_space = gym.spaces.Box(-1.0, 1.0, (1,))
    spec = type("Spec", (), {"max_episode_steps": 50, "id": "World-v0"})()

    def __init__(self, scale=1.0, pay=1.0, length=50, terminates=False, own_generator=False):
        self.scale, self.pay, self.length, self.terminates = scale, pay, length, terminates
        self.own = np.random.default_rng() if own_generator else None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.look(), {}

    def look(self):
        rng = self.np_random if self.own is None else self.own
        return (self.scale * rng.normal(size=2)).astype(np.float32)

    def step(self, action):
        self.t += 1
        over = self.t >= self.length
        reward = self.pay * (1 + float(np.squeeze(action)) / 2)
        return self.look(), reward, over and self.terminates, over and not self.terminates, {}


def said(make, **options):
    return " ".join(rl.check_environment(make, steps=600, **options).sentences)


def test_of_an_ordinary_environment_it_says_how_episodes_end_and_no_more():
    found = rl.check_environment(World, steps=600)
    assert {"PPO", "SAC", "DDPG", "Reinforce"} <= set(found.agents) and "DiscreteSAC" not in found.agents
    assert len(found.sentences) == 1 and "time limit" in found.sentences[0]
    assert rl.check_environment(lambda: World(terminates=True), steps=600).sentences == ()
    assert "Nothing is unusual" in repr(rl.check_environment(lambda: World(terminates=True), steps=600))


@pytest.mark.parametrize(
    ("oddity", "words"),
    [
        ({"scale": 300.0}, "NormalizeObservation"),
        ({"scale": 1e-4}, "hardly move"),
        ({"scale": 0.0}, "never change: 0, 1"),
        ({"pay": 80.0}, "TransformReward"),
        ({"pay": 1e-4}, "TransformReward"),
        ({"pay": 0.0}, "sparse"),
        ({"length": 10_000}, "No episode ended in 600 steps"),
        ({"own_generator": True}, "does not give the same episode twice"),
    ],
)
def test_each_oddity_is_said(oddity, words):
    assert words in said(lambda: World(**oddity)), said(lambda: World(**oddity))


def test_a_box_away_from_zero_is_said():
    class Shifted(World):
        action_space = gym.spaces.Box(10.0, 20.0, (1,))

    assert "not centred at 0" in said(Shifted)


def test_no_time_limit_is_said():
    class Endless(World):
        spec = None

    assert "no time limit" in said(lambda: Endless(length=10_000))
    assert "ended at the time limit" in said(Endless)  # it truncates, though its name tells nothing


def test_an_observation_in_parts_fits_no_agent_and_the_wrapper_is_named():
    class Parts(World):
        observation_space = gym.spaces.Dict({"a": gym.spaces.Box(-1, 1, (1,))})

    found = rl.check_environment(Parts)
    assert found.agents == () and "FlattenObservation" in " ".join(found.sentences)
    assert repr(found).startswith("No agent fits Parts.")


def test_a_picture_fits_no_agent_and_the_wrapper_is_named():
    class Picture(World):
        observation_space = gym.spaces.Box(0, 1, (3, 4))
        action_space = gym.spaces.Discrete(2)

    found = rl.check_environment(Picture)
    assert found.agents == () and "FlattenObservation" in found.sentences[-1]
    assert not any("action_space" in sentence for sentence in found.sentences)


def test_worlds_that_are_tables_have_limits_of_their_own():
    for name in ("rlcourse/TwoExits-v0", "rlcourse/Corridor-v0"):
        assert "no time limit" not in said(name)


def test_a_few_steps_are_compared_as_far_as_they_go():
    assert all(
        "the same episode twice" not in " ".join(rl.check_environment("CartPole-v1", steps=k).sentences)
        for k in (1, 10, 19)
    )


def test_bad_numbers_are_said():
    assert "finite" in said(lambda: World(scale=np.inf))
    assert "finite" in said(lambda: World(pay=np.nan))


def test_gymnasiums_own_are_played():
    assert rl.check_environment("CartPole-v1", steps=300).agents
    found = rl.check_environment("MountainCar-v0", steps=600)
    assert "paid -1 in every step" in " ".join(found.sentences)
    assert "SAC" in rl.check_environment("Pendulum-v1", steps=600).agents


def test_what_is_no_environment_is_refused():
    with pytest.raises(ValueError, match="env_id must"):
        rl.check_environment("NoSuchThing-v0")


def test_the_numbers_in_its_sentences_are_those_of_what_was_played():
    class Swinging(World):
        def look(self):
            return np.array([30.0 * (-1) ** self.t, 0.5 * (-1) ** self.t], np.float32)

    class Rare(World):
        def step(self, action):
            obs, _, *ends = super().step(action)
            return obs, float(self.t == 200), *ends

    assert "are large, up to 30: 0." in said(Swinging)
    assert "Only 0.50% of the steps were paid differently" in said(lambda: Rare(length=200))


def test_it_says_the_same_of_the_same_seed():
    """Its actions come from the seed, too: else an environment that moves by them would seem not to repeat itself."""
    assert "the same episode twice" not in " ".join(rl.check_environment("CartPole-v1", steps=300).sentences)


# ---------------------------------------------------------------- what becomes of a run


def test_a_run_can_be_written_as_a_table_and_drawn(tmp_path):
    history = rl.train(rl.PPO, "CartPole-v1", total_steps=2_048, progress=False)
    history.to_csv(tmp_path / "episodes.csv")
    table = np.loadtxt(tmp_path / "episodes.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table, np.stack([history.steps, history.returns], 1))
    history.to_csv(tmp_path / "metrics.csv", what="metrics")
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0].split(",")
    assert header == list(history.metrics) and header[0] == "steps"
    assert "PPO on CartPole-v1" in history.plot(solved=475).get_label()
    with pytest.raises(ValueError, match="what must be"):
        history.to_csv(tmp_path / "x.csv", what="everything")
