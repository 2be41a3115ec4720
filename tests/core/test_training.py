"""Training: reproducible, interruptible, and written down without loss."""

import dataclasses
import functools
import gc
import io
import json
import pickle
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse import training


def short(algorithm=rl.Reinforce, seed=0, total_steps=2000, **options):
    return rl.train(algorithm, "CartPole-v1", total_steps=total_steps, seed=seed, progress=False, **options)


def test_history_tells_where_each_episode_ended():
    history = short(rl.PPO, num_envs=4)
    assert history.steps.shape == history.returns.shape and len(history.steps) > 20
    assert (np.diff(history.steps) >= 0).all() and history.steps[-1] <= history.total_steps
    assert history.total_steps >= 2000
    assert {len(values) for values in history.metrics.values()} == {len(history.metrics["steps"])}
    assert history.metrics["steps"][-1] == history.total_steps
    # Columns end in turn, so the returns of CartPole (one point a step) cannot exceed the steps taken.
    assert history.returns.sum() <= history.total_steps


@pytest.mark.parametrize("algorithm", [rl.Reinforce, rl.PPO])
def test_a_seed_decides_the_whole_run(algorithm):
    first, second, other = short(algorithm), short(algorithm), short(algorithm, seed=1)
    assert np.array_equal(first.returns, second.returns)
    for a, b in zip(first.agent.actor.parameters(), second.agent.actor.parameters()):
        assert torch.equal(a, b)
    assert not np.array_equal(first.returns[:20], other.returns[:20])


def test_global_random_state_is_neither_read_nor_moved():
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    threads = torch.get_num_threads()
    first = short()
    assert torch.equal(torch_before, torch.get_rng_state()) and torch.get_num_threads() == threads
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002
    torch.rand(3)
    assert np.array_equal(first.returns, short().returns)


@pytest.mark.parametrize("algorithm", [rl.Reinforce, rl.PPO])
def test_a_saved_run_comes_back_whole_and_goes_on_alike(algorithm, tmp_path):
    history = short(algorithm, config=algorithm.Config(hidden=(8,)))
    history.save(tmp_path / "run.npz")
    loaded = rl.load(tmp_path / "run.npz")
    assert np.array_equal(loaded.steps, history.steps) and np.array_equal(loaded.returns, history.returns)
    assert loaded.metrics.keys() == history.metrics.keys()
    assert all(np.array_equal(loaded.metrics[name], history.metrics[name]) for name in history.metrics)
    assert loaded.agent.config == history.agent.config and type(loaded.agent) is algorithm
    obs = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert np.array_equal(loaded.agent.act(obs), history.agent.act(obs))

    on, again = (run.resume(total_steps=4000, progress=False) for run in (history, loaded))
    assert on.total_steps >= 4000 and np.array_equal(on.returns, again.returns)
    for a, b in zip(on.agent.actor.parameters(), again.agent.actor.parameters()):
        assert torch.equal(a, b)
    assert len(on.returns) > len(rl.load(tmp_path / "run.npz").returns)


class Stop:
    """A progress bar that interrupts the run, as the stop button does, after some updates."""

    def __init__(self, after):
        self.left, self.n, self.total = after, 0, 10**9

    def update(self, amount):
        self.n += amount
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def set_postfix_str(self, *_, **__):
        pass


def test_an_interrupt_returns_what_was_learned(tmp_path):
    updates = rl.run_many(rl.Reinforce, "CartPole-v1", seeds=1, total_steps=10**9)
    [history] = histories = next(updates)
    training.run_to_end(updates, histories, Stop(after=3))
    assert len(history.metrics["steps"]) == 3 and len(history.returns) == 3 * rl.Reinforce.num_envs
    history.save(tmp_path / "stopped.npz")
    assert rl.load(tmp_path / "stopped.npz").resume(total_steps=2000, progress=False).total_steps >= 2000


def test_a_real_keyboard_interrupt_inside_an_update_is_caught(monkeypatch):
    calls = []

    def update(self, batch):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(self, batch)

    original = rl.Reinforce.update
    monkeypatch.setattr(rl.Reinforce, "update", update)
    history = short(total_steps=10**9)
    assert len(history.metrics["steps"]) == 3


def test_a_saved_file_belongs_to_its_folder(tmp_path):
    history = short(total_steps=200, seed=np.int64(3), num_envs=np.int64(2))
    history.save(tmp_path / "run.npz")
    (tmp_path / "plain").touch()
    assert (tmp_path / "run.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode
    for path in (tmp_path / "none" / "run.npz", tmp_path):
        with pytest.raises(ValueError, match="^path must"):
            history.save(path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    history = short()
    path = tmp_path / "run.npz"
    history.save(path)
    before = path.read_bytes()

    def fail(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        history.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["run.npz"]


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a checkpoint was unpickled",))


@pytest.mark.parametrize(
    "content", ["no agent", "pickle", "object array", "text", "empty", "cut", "other npz", "algorithm"]
)
def test_what_is_not_a_run_is_refused_and_never_executed(content, tmp_path):
    path = tmp_path / "run.npz"
    history = short(total_steps=200)
    history.save(path)
    whole = path.read_bytes()
    if content == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif content == "object array":
        bomb = np.empty(1, dtype=object)
        bomb[0] = Bomb()
        np.savez(path, about=bomb)
    elif content == "other npz":
        np.savez(path, x=np.zeros(3))
    elif content == "no agent":
        with np.load(io.BytesIO(whole)) as file:
            np.savez(path, **{name: file[name] for name in file.files if not name.startswith("agent/")})
    elif content == "algorithm":
        with np.load(io.BytesIO(whole)) as file:
            arrays = dict(file)
        about = json.loads(str(arrays["about"])) | {"algorithm": "os"}
        np.savez(path, **(arrays | {"about": np.array(json.dumps(about))}))
    else:
        path.write_bytes({"text": b"hello", "empty": b"", "cut": whole[: len(whole) // 2]}[content])
    with pytest.raises(ValueError, match=r"^path must be a file written by History\.save|^algorithm must be given"):
        rl.load(path)


def test_every_stretch_of_a_run_has_episodes_of_its_own(monkeypatch):
    seeds = []

    def recorded(envs, *, seed):
        seeds.append(seed)
        return rl.Collector(envs, seed=seed)

    monkeypatch.setattr("rlcourse.training.Collector", recorded)
    short(total_steps=200).resume(total_steps=400, progress=False)
    assert len(set(seeds)) == 2


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        rl.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"total_steps": 0}, "total_steps"),
        ({"total_steps": 1e4}, "total_steps"),
        ({"seed": -1}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"num_envs": 0}, "num_envs"),
        ({"config": {"gamma": 0.9}}, "config"),
        ({"algorithm": "PPO"}, "algorithm"),
    ],
)
def test_a_bad_argument_is_named(options, word):
    with pytest.raises(ValueError, match=f"^{word} must"):
        short(**options)
    with pytest.raises(ValueError, match=f"^{word} must"):
        next(rl.run(**{"algorithm": rl.PPO, "env_id": "CartPole-v1", "total_steps": 64, **options}))


# ---------------------------------------------------------------- what a run may be trained in


class Five(gym.Env):
    """Episodes of five steps, reward 1 each."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.age += 1
        return np.full(2, self.age / 5, np.float32), 1.0, self.age == 5, False, {}


def make_five():
    return Five()


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """A name that is known only after a package is imported, and names that Gymnasium knows already."""
    (tmp_path / "outside_world.py").write_text(
        "import gymnasium as gym\n"
        "gym.register('Outside-v3', entry_point='gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=7)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("outside_world", None)
    gym.registry.pop("Outside-v3", None)


@pytest.mark.parametrize(
    ("env_id", "name"),
    [
        ("outside_world:Outside-v3", "outside_world:Outside-v3"),
        ("outside_world:Outside", "outside_world:Outside-v3"),
        ("CartPole", "CartPole-v1"),
        ("rlcourse/TwoExits", "rlcourse/TwoExits-v0"),
        (gym.spec("Acrobot-v1"), "Acrobot-v1"),
    ],
)
def test_every_name_that_gymnasium_makes_is_trained_evaluated_and_loaded(env_id, name, tmp_path, registered):
    history = rl.train(rl.ParallelActorCritic, env_id, total_steps=20, num_envs=2, progress=False)
    assert history.env_id == name and name in repr(history)
    assert len(rl.evaluate(history.agent, env_id, episodes=2)) == 2
    history.save(tmp_path / "run")
    sys.modules.pop("outside_world", None)  # what a restart forgets
    gym.registry.pop("Outside-v3", None)
    loaded = rl.load(tmp_path / "run")
    assert loaded.env_id == name and loaded.resume(total_steps=40, progress=False).total_steps >= 40


@pytest.mark.parametrize("make", [make_five, Five, lambda **options: Five(**options), functools.partial(make_five)])
def test_a_function_or_a_class_that_makes_an_environment_will_do(make, tmp_path):
    history = rl.train(rl.PPO, make, total_steps=200, num_envs=2, progress=False)
    assert set(history.returns) == {5.0} and history.env_id is make and " at 0x" not in repr(history)
    assert rl.evaluate(history.agent, make, episodes=3).tolist() == [5.0] * 3
    history.save(tmp_path / "run")
    with pytest.raises(ValueError, match=r"^env_id must be given, since no file can hold the function"):
        rl.load(tmp_path / "run")
    loaded = rl.load(tmp_path / "run", env_id=make)
    for run in (history, loaded):
        run.resume(total_steps=400, progress=False)
    for a, b in zip(history.agent.actor.parameters(), loaded.agent.actor.parameters()):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match="^env_id must make environments with the spaces of the run"):
        rl.load(tmp_path / "run", env_id="CartPole-v1")


THE_ONLY_ONE = Five()


@pytest.mark.parametrize(
    ("env_id", "words"),
    [
        ("Nothing-v0", "name a registered Gymnasium environment, got 'Nothing-v0'"),
        ("no_such_package:Nothing-v0", "name a registered Gymnasium environment, got 'no_such_package:Nothing-v0'"),
        ("not a name", "name a registered"),
        (THE_ONLY_ONE, "be the name of a Gymnasium environment or a function"),
        (None, "be the name of a Gymnasium environment or a function that makes one, got None"),
        (lambda: 3, "make a Gymnasium environment, <function .* made int"),
        (lambda size: Five(), "be a function that can be called without arguments"),
        (lambda: THE_ONLY_ONE, "make a new environment at every call, got the same one twice"),
    ],
)
def test_what_makes_no_environment_is_named(env_id, words):
    for call in (
        lambda: rl.train(rl.PPO, env_id, total_steps=20, progress=False),
        lambda: rl.evaluate(agent_of(Five), env_id),
    ):
        with pytest.raises(ValueError, match=f"^env_id must {words}"):
            call()


def agent_of(world, algorithm=rl.PPO):
    return algorithm(world.observation_space, world.action_space)


def test_environments_that_differ_are_named():
    sizes = iter([2, 3])

    def make():
        env = Five()
        env.observation_space = gym.spaces.Box(-1, 1, (next(sizes),), np.float32)
        return env

    with pytest.raises(ValueError, match="^env_id must make environments of one observation_space, got Box.* and Box"):
        rl.train(rl.PPO, make, total_steps=20, num_envs=2, progress=False)


@pytest.mark.parametrize(
    "options", [{"kwargs": {"sutton_barto_reward": True}, "max_episode_steps": 50}, {"max_episode_steps": None}]
)
def test_a_cartpole_of_ones_own_is_not_taken_for_gymnasiums(options):
    gym.register("tests/Pole-v0", entry_point=gym.spec("CartPole-v1").entry_point, **options)
    try:
        history = rl.train(rl.PPO, "tests/Pole-v0", total_steps=600, num_envs=2, progress=False)
        assert (history.returns <= 0).all() if "kwargs" in options else (history.returns > 1).all()
    finally:
        gym.registry.pop("tests/Pole-v0")


@pytest.mark.parametrize("algorithm", [rl.Reinforce, rl.PPO, rl.OffPolicyActorCritic])
def test_a_vector_environment_alone_may_be_registered_and_restart_a_step_late(algorithm):
    vector = gym.spec("CartPole-v1").vector_entry_point
    gym.register("tests/Vector-v0", vector_entry_point=vector, max_episode_steps=50)
    try:
        history = rl.train(algorithm, "tests/Vector-v0", total_steps=900, num_envs=3, progress=False)
        total = history.total_steps if algorithm is not rl.Reinforce else history.returns.sum()
        assert history.total_steps == total >= history.returns.sum() > 0  # one point per step
        assert history.total_steps - history.returns.sum() <= 3 * 50
    finally:
        gym.registry.pop("tests/Vector-v0")


# ---------------------------------------------------------------- what a file can hold


class MyPPO(rl.PPO):
    """A class of one's own."""


def test_a_run_of_ones_own_class_comes_back(tmp_path):
    history = short(MyPPO, total_steps=100)
    history.save(tmp_path / "run")
    assert type(rl.load(tmp_path / "run").agent) is MyPPO
    assert type(rl.load(tmp_path / "run", algorithm=MyPPO).agent) is MyPPO
    for wrong in (rl.PPO, rl.SAC, "MyPPO", int):
        with pytest.raises(ValueError, match="^algorithm must be the class that the run was made with, MyPPO of"):
            rl.load(tmp_path / "run", algorithm=wrong)


def test_a_class_of_ones_own_that_is_gone_must_be_given(tmp_path):
    def define():
        return type("Gone", (rl.PPO,), {"__module__": "a_notebook"})

    short(define(), total_steps=100).save(tmp_path / "run")
    gc.collect()
    with pytest.raises(ValueError, match=r"^algorithm must be given, since the run is of Gone, .*algorithm=Gone\)"):
        rl.load(tmp_path / "run")
    again = define()
    assert type(rl.load(tmp_path / "run", algorithm=again).agent) is again


def test_a_class_of_ones_own_with_the_name_of_the_courses_is_kept_apart(tmp_path):
    theirs = rl.PPO
    mine = type("PPO", (rl.PPO,), {"__module__": "a_notebook"})
    short(mine, total_steps=100).save(tmp_path / "mine")
    short(theirs, total_steps=100).save(tmp_path / "theirs")
    assert type(rl.load(tmp_path / "mine").agent) is mine and type(rl.load(tmp_path / "theirs").agent) is theirs
    for file, wrong in (("mine", theirs), ("theirs", mine)):
        with pytest.raises(ValueError, match="^algorithm must be the class that the run was made with, PPO of"):
            rl.load(tmp_path / file, algorithm=wrong)


def test_three_troubles_have_three_sentences(tmp_path):
    gym.register("tests/Later-v0", entry_point=Five)
    path = tmp_path / "run"
    rl.train(rl.Reinforce, "tests/Later-v0", total_steps=20, progress=False).save(path)
    gym.registry.pop("tests/Later-v0")
    sentence = (
        "^env_id must be registered first, or given: the run was made in 'tests/Later-v0', an environment that "
        r"Gymnasium does not know now\. Register it again \(import its package\), or rl\.load\(path, env_id=\.\.\.\)$"
    )
    with pytest.raises(ValueError, match=sentence):
        rl.load(path)
    assert rl.load(path, env_id=Five).env_id is Five
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 255
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="^path must be a file written by History.save and whole, .* is damaged: "):
        rl.load(path, env_id=Five)
    path.write_text("steps,returns\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="^path must be a file written by History.save, .* is none$"):
        rl.load(path)
    for wrong in (None, 3, tmp_path):
        with pytest.raises(ValueError, match="^path must"):
            rl.load(wrong)
    rl.train(rl.Reinforce, lambda: Five(), total_steps=20, progress=False).save(path)
    with pytest.raises(ValueError, match=r"^env_id must be given, .*: rl\.load\(path, env_id=.*lambda.*\)$"):
        rl.load(path)
    rl.train(rl.Reinforce, Five, total_steps=20, progress=False).save(path)
    with pytest.raises(ValueError, match=r"rl\.load\(path, env_id=Five\)$"):
        rl.load(path)


# ---------------------------------------------------------------- the precision that the user has set


EVERYWHERE = [rl.Reinforce, rl.BatchActorCritic, rl.OnlineActorCritic, rl.ParallelActorCritic, rl.PPO]
PLACES = {
    "CartPole-v1": [rl.OffPolicyActorCritic, rl.DiscreteSAC],
    "CliffWalking-v1": [rl.OffPolicyActorCritic, rl.DiscreteSAC],
    "Pendulum-v1": [rl.DDPG, rl.TD3, rl.SAC, rl.ValueSAC],
}


@pytest.mark.parametrize(
    ("env_id", "algorithm"), [(env_id, who) for env_id, some in PLACES.items() for who in (*EVERYWHERE, *some)]
)
def test_torchs_default_precision_changes_nothing(env_id, algorithm, tmp_path):
    env_id = functools.partial(gym.make, env_id, max_episode_steps=20)
    fields = {field.name for field in dataclasses.fields(algorithm.Config)}
    small = {"hidden": (4,), "batch_size": 8, "warmup": 8, "capacity": 64, "steps": 8}
    config = algorithm.Config(**{name: value for name, value in small.items() if name in fields})
    options = {"total_steps": 60, "config": config, "num_envs": 2, "progress": False}
    plain = rl.train(algorithm, env_id, **options).resume(total_steps=90, progress=False)
    torch.set_default_dtype(torch.float64)
    try:
        double = rl.train(algorithm, env_id, **options)
        double.save(tmp_path / "run")
        double = rl.load(tmp_path / "run", env_id=env_id).resume(total_steps=90, progress=False)
        assert len(rl.evaluate(double.agent, env_id, episodes=2)) == 2
        new = algorithm(double.agent.observation_space, double.agent.action_space, config)
        by_hand = new.training(rl.Collector(rl.envs.make_envs(env_id, 2), seed=0))
        next(by_hand), next(by_hand)  # stepping it by hand, as in class
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(plain.returns, double.returns) and plain.total_steps == double.total_steps
    for name, values in plain.metrics.items():
        np.testing.assert_array_equal(values, double.metrics[name], err_msg=name)


def test_a_metric_keeps_its_kind_of_number():
    class Counting(rl.Reinforce):
        def update(self, episodes):
            return {"rows": len(episodes), "over": True, **super().update(episodes)}

    metrics = rl.train(Counting, "CartPole-v1", total_steps=60, num_envs=1, progress=False).metrics
    assert {name: metrics[name].dtype.kind for name in ("steps", "rows", "over", "entropy")} == {
        "steps": "i",
        "rows": "i",
        "over": "b",
        "entropy": "f",
    }
