"""Training: reproducible, interruptible, and written down without loss."""

import io
import json
import pickle

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
    updates = rl.run(rl.Reinforce, "CartPole-v1", total_steps=10**9)
    history = training.exhaust(updates, next(updates), Stop(after=3))
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
    with pytest.raises(ValueError, match=r"^path must be a file written by History\.save"):
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
