"""A file of a run is read exactly or refused in a sentence: corrupted, cut short, or crafted to deceive."""

import io
import json
import math
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import rlcourse as rl
from rlcourse import checkpoints
from rlcourse.training import Table

RUNS = {
    "PPO": (rl.PPO, "CartPole-v1", rl.PPO.Config(steps=16, epochs=1, hidden=(8,)), 512),
    "SAC": (rl.SAC, "Pendulum-v1", rl.SAC.Config(hidden=(8,), capacity=64, warmup=8, batch_size=8), 210),
}


@pytest.fixture(scope="module", params=RUNS)
def saved(request, tmp_path_factory):
    algorithm, env_id, config, steps = RUNS[request.param]
    history = rl.train(algorithm, env_id, total_steps=steps, config=config, progress=False)
    path = tmp_path_factory.mktemp("run") / f"{request.param}.npz"
    history.save(path)
    return history, path


def same(one, other):
    """Whether two runs are equal, number for number."""
    mine, theirs = one.agent.state(), other.agent.state()
    curves = np.array_equal(one.steps, other.steps) and np.array_equal(one.returns, other.returns)
    return curves and mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in mine)


def verdict(path, history):
    """ "refused" or "exact"; whatever else happens is a failure."""
    try:
        loaded = rl.load(path)
    except ValueError as refusal:
        assert str(refusal).startswith(("path must", "env_id must", "algorithm must", "config", "num_envs", "seed"))
        return "refused"
    assert same(history, loaded)
    return "exact"


def test_random_corruptions_are_refused_or_make_no_difference(saved, tmp_path):
    history, path = saved
    whole, rng, seen = path.read_bytes(), np.random.default_rng(0), []
    for _ in range(150):
        broken = bytearray(whole)
        kind = rng.integers(4)
        at = int(rng.integers(len(broken)))
        if kind == 0:
            broken[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del broken[at:]
        elif kind == 2:
            broken[at : at + 40] = rng.bytes(40)
        else:
            broken[at:at] = rng.bytes(int(rng.integers(1, 30)))
        (tmp_path / "broken.npz").write_bytes(bytes(broken))
        seen.append(verdict(tmp_path / "broken.npz", history))
    assert seen.count("refused") > 100


def crafted(path, out, remove=None, **parts):
    """The same file without one of its parts, or with others in place of them, and with right checksums."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != remove}
    with open(out, "wb") as file:
        np.savez(file, **(arrays | parts))


def test_crafted_files_are_refused(saved, tmp_path):
    """Right zip, right checksums: another shape, type, count or name of each part in turn."""
    history, path = saved
    with np.load(path) as file:
        names = [name for name in file.files if name != "about" and not name.startswith("metrics/")]
        arrays = {name: file[name] for name in names}
    changes = [
        lambda x: np.zeros((*x.shape, 2), x.dtype),
        lambda x: np.zeros((3, *x.shape), x.dtype),
        lambda x: np.concatenate([x.ravel(), x.ravel()[:1], x.ravel()[:1]]),
        lambda x: x.astype("U8"),
        lambda x: np.zeros(x.shape, np.complex64),
        lambda x: np.zeros(x.shape, np.float16 if x.dtype.kind == "f" else np.float64),
    ]
    bad = tmp_path / "crafted.npz"
    for name, array in arrays.items():
        for number, change in enumerate(changes):
            if np.array_equal(change(array), array) and change(array).dtype == array.dtype:
                continue
            crafted(path, bad, **{name: change(array)})
            assert verdict(bad, history) == "refused", (name, number)
        crafted(path, bad, remove=name)
        assert verdict(bad, history) == "refused", name
        crafted(path, bad, **{f"agent/{name}x": np.zeros(3)})
        assert verdict(bad, history) == "refused", name


def test_moments_of_another_shape_are_refused_before_the_next_update(saved, tmp_path):
    """They would be written to where no memory is theirs."""
    _, path = saved
    with np.load(path) as file:
        moment = next(name for name in file.files if name.endswith("exp_avg"))
    crafted(path, tmp_path / "crafted.npz", **{moment: np.zeros((1, 1), np.float32)})
    with pytest.raises(ValueError, match="must have shape"):
        rl.load(tmp_path / "crafted.npz")


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.zeros(()), np.array(["low", "high"])])
def test_a_metric_is_a_row_of_numbers(saved, tmp_path, values):
    _, path = saved
    crafted(path, tmp_path / "crafted.npz", **{"metrics/loss": values})
    with pytest.raises(ValueError, match="metrics do not fit together|is no kind of number"):
        rl.load(tmp_path / "crafted.npz")


def test_a_header_that_promises_more_than_there_is_asks_for_no_memory(saved, tmp_path):
    history, path = saved
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "huge.npz", "w") as new:
        for member in old.infolist():
            new.writestr(member.filename, header.getvalue() if member.filename == "returns.npy" else old.read(member))
    assert verdict(tmp_path / "huge.npz", history) == "refused"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))
    assert verdict(tmp_path / "bomb.npz", history) == "refused"


def test_code_in_a_file_is_never_run(saved, tmp_path):
    history, path = saved

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    with open(tmp_path / "trap.npz", "wb") as file:
        np.savez(file, **{**arrays, "returns": np.array([Trap()], dtype=object)})
    assert verdict(tmp_path / "trap.npz", history) == "refused" and not (tmp_path / "sprung").exists()


KILLED = """
import os, sys, numpy as np
from rlcourse import checkpoints
real = os.replace
os.replace = lambda *a: os.kill(os.getpid(), 9)
checkpoints.write(sys.argv[1], {}, {"a": np.zeros(10)})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_old_file_is_whole_after_a_kill_and_on_a_full_disk(saved, tmp_path, monkeypatch):
    history, _ = saved
    mine = tmp_path / "run.npz"
    history.save(mine)
    before = mine.read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED, mine], check=False).returncode == -9
    assert mine.read_bytes() == before

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        history.save(mine)
    assert mine.read_bytes() == before


# ---------------------------------------------------------------- what a file says of its run


def with_about(path, **changes):
    """The arrays of a file whose description is changed; a name that begins with config_ stands for one setting."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(str(arrays["about"]))
    for name, value in changes.items():
        inside = name.startswith("config_")
        (about["config"] if inside else about)[name.removeprefix("config_")] = value
    return {**arrays, "about": np.array(json.dumps(about))}


ODD = [None, 3, -3, 2.5, math.nan, True, "x", [], [1, 2], {}, 10**30]
GENERATOR = {"bit_generator": "PCG64", "has_uint32": 0, "uinteger": 0}
DESCRIPTIONS = [
    *({name: odd} for name in ("config", "rng", "algorithm", "spaces") for odd in ODD if odd is not None),
    *({name: odd} for name in ("num_envs", "total_steps") for odd in ODD if type(odd) is not int or odd < 0),
    *({"seed": odd} for odd in ODD if odd != 3 or odd is True),
    *({"env_id": odd} for odd in (*ODD[1:], "", ".:X", ":", "\0:x", "nowhere:X-v0", "MountainCar-v0", "a" * 100_000)),
    *({"rng": {**GENERATOR, "state": {"state": odd, "inc": 3}}} for odd in (1.5, -1, 2**200, "a", None)),
    *({"config_hidden": odd} for odd in (None, 3, "a", [10**30], [10**6, 10**6], [30_000, 30_000], [-8], [0], [8, 8])),
    {"config_unheard": 3},
    {"config_gamma": math.nan},
]


@pytest.mark.parametrize("changes", DESCRIPTIONS, ids=lambda changes: str(changes)[:60])
def test_a_description_that_cannot_be_true_is_refused(saved, tmp_path, changes):
    np.savez(tmp_path / "odd.npz", **with_about(saved[1], **changes))
    with pytest.raises(ValueError, match="(path|env_id|algorithm|seed|gamma|each width in hidden) must|config"):
        rl.load(tmp_path / "odd.npz")


@pytest.mark.parametrize(
    "text", ["[" * 100_000 + "]" * 100_000, '{"format": 2, "x": ' + "[" * 100_000, "[1]", "3", "{}"]
)
def test_a_description_of_another_kind_is_refused(saved, tmp_path, text):
    np.savez(tmp_path / "odd.npz", **{**with_about(saved[1]), "about": np.array(text)})
    with pytest.raises(ValueError, match="path must"):
        rl.load(tmp_path / "odd.npz")


CURVES = {
    "episodes that go back in time": lambda a: {"steps": a["steps"][::-1].copy()},
    "episodes before the first step": lambda a: {"steps": -a["steps"] - 1},
    "episodes after the last step": lambda a: {"steps": a["steps"] + 10**9},
    "fewer returns": lambda a: {"returns": np.append(a["returns"], 1.0)},
    "returns that are no numbers": lambda a: {"returns": np.full(len(a["returns"]) + 1, np.nan), "steps": FIRST(a)},
    "fewer updates": lambda a: {"metrics/steps": a["metrics/steps"][:1]},
    "updates at no time": lambda a: {"metrics/steps": np.full(len(a["metrics/steps"]), np.nan)},
    "updates after the last step": lambda a: {"metrics/steps": a["metrics/steps"] + 10**9},
}


def FIRST(arrays):
    """An episode more, at the very start."""
    return np.append(np.zeros(1, np.int64), arrays["steps"])


@pytest.mark.parametrize("kind", CURVES)
def test_a_learning_curve_that_cannot_be_is_refused(saved, tmp_path, kind):
    arrays = with_about(saved[1])
    changed = {**arrays, **CURVES[kind](arrays)}
    if all(np.array_equal(changed[name], arrays[name]) for name in arrays):
        pytest.skip("one episode reads the same backwards")
    np.savez(tmp_path / "odd.npz", **changed)
    with pytest.raises(ValueError, match="its (episodes|metrics) do not fit together"):
        rl.load(tmp_path / "odd.npz")


# ---------------------------------------------------------------- tables


def test_a_table_reads_as_the_rows_that_were_added():
    table, values = Table({"steps": np.empty(0, np.int64)}), list(range(100))
    for value in values:
        table.append({"steps": value})
    assert table.columns["steps"].tolist() == values and table.columns["steps"].dtype == np.int64
    early = table.columns["steps"]
    table.append({"steps": 0.5, "late": 2.0})
    table.append({"steps": 1})
    assert table.columns["steps"].tolist() == [*values, 0.5, 1] and early.tolist() == values
    np.testing.assert_array_equal(table.columns["late"], [np.nan] * 100 + [2.0, np.nan])
    assert list(table.columns) == ["steps", "late"]
    with pytest.raises(ValueError, match="read-only"):
        table.columns["steps"][0] = 3


def test_a_row_that_was_interrupted_is_not_there():
    class Interrupted:
        def __float__(self):
            raise KeyboardInterrupt

    table = Table({"a": np.arange(3.0), "b": np.arange(3.0)})
    with pytest.raises(KeyboardInterrupt):
        table.append({"a": 7, "b": Interrupted(), "c": 1.0})
    table.append({"a": 3, "b": 3})
    assert {name: column.tolist() for name, column in table.columns.items()} == {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}


def test_a_million_episodes_are_read_without_being_copied(saved):
    history = saved[0]
    long = type(history)(history.agent, "CartPole-v1", 1, 0)
    long._episodes = Table({"steps": np.arange(1_000_000), "returns": np.zeros(1_000_000)})
    long._episodes.append({"steps": 1_000_000, "returns": 1.0})
    long._updates = Table({"steps": np.arange(1_000_000), "loss": np.zeros(1_000_000)})
    for read in (lambda: long.steps, lambda: long.returns, lambda: long.metrics["loss"]):
        assert np.shares_memory(read(), read()) and len(read()) >= 1_000_000
