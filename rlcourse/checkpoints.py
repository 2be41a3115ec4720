"""Files that hold a run: numbers and names, written in one piece, and never any code."""

import contextlib
import itertools
import json
import math
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rlcourse import algorithms
from rlcourse.algorithms.agent import Agent
from rlcourse.checks import require
from rlcourse.envs.vector import EnvMaker, find_spec

FORMAT = 2
UNREADABLE = (
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
HEADER = 10_000
"""Letters of an array's description, at most."""


def write(path: str | os.PathLike, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write one file, in one piece: a reader finds the old one or the new one, never a half.

    Args:
        path: of the file, in a folder that exists.
        about: plain values that describe the run.
        arrays: its numbers, by name.
    """
    path = Path(path)
    require(path.parent.is_dir(), f"path must be in an existing folder, {str(path.parent)!r} is none")
    require(not path.is_dir(), f"path must name a file, {str(path)!r} is a folder")
    arrays = {"about": np.array(json.dumps({"format": FORMAT, **about})), **arrays}
    handle, temporary = tempfile.mkstemp(dir=path.parent or ".", prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # as any new file: the temporary one is for its owner alone
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays in a file by name, and what it says about the run. Three kinds of file are distinguished."""
    require(isinstance(path, str | os.PathLike), f"path must be the path of a file, got {path!r}")
    foreign = f"path must be a file written by History.save, {str(path)!r} is none"
    require(not Path(path).is_dir(), foreign)
    with open(path, "rb") as file:
        require(file.read(4) == b"PK\x03\x04", foreign)  # so begins every zip archive, and a run is one
    with damage_said(path), zipfile.ZipFile(path) as archive:
        arrays = {member.filename.removesuffix(".npy"): _array(archive, member) for member in archive.infolist()}
    try:
        about = json.loads(str(arrays["about"]))
    except (LookupError, RecursionError, ValueError):
        raise ValueError(foreign) from None
    written = about.get("format") if isinstance(about, dict) else None
    require(written == FORMAT, f"path must hold a run of format {FORMAT}, {str(path)!r} has format {written}")
    return arrays, about


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array of a file. What its header promises is compared with what is there before any memory is asked for."""
    require(member.compress_type == zipfile.ZIP_STORED, f"its part {member.filename} is compressed")
    require(member.file_size == member.compress_size, f"its part {member.filename} is not as long as it says")
    with archive.open(member) as part:
        try:
            version = np.lib.format.read_magic(part)
            require(version == (1, 0), f"its part {member.filename} is of version {version}")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(part, max_header_size=HEADER)
        except Exception as why:  # NumPy reads a header as Python would: whatever that can raise
            raise ValueError(f"its part {member.filename} does not say what it holds: {why}") from None
        require(dtype.kind in "biufU", f"its part {member.filename} holds {dtype}, which is no kind of number")
        begun = part.tell()
        promised = math.prod(shape) * dtype.itemsize
        require(begun + promised == member.file_size, f"its part {member.filename} is not as long as it says")
        data = part.read()  # to its end, where the checksum is compared
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").copy()


def checked(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What a file says about its run, looked at before anything is made of it; ValueError if that cannot be."""
    kinds = {"algorithm": str, "config": dict, "num_envs": int, "seed": int, "total_steps": int, "rng": dict}
    for name, kind in kinds.items():
        require(type(about[name]) is kind, f"its {name} cannot be {about[name]!r}")
    require(about["env_id"] is None or isinstance(about["env_id"], str), f"its env_id cannot be {about['env_id']!r}")
    require(about["num_envs"] >= 1 and about["total_steps"] >= 0, "its num_envs or its total_steps is no count")
    if about.get("module") is None:  # all agents of the course have these layers
        widths, held = about["config"].get("hidden", ()), sum(array.size for array in arrays.values())
        need = sum(before * after for before, after in itertools.pairwise([1, *widths]))
        require(need <= held, f"its config asks for layers of {widths}, which are not there")
    return about


@contextlib.contextmanager
def damage_said(path: str | os.PathLike) -> Iterator[None]:
    """Says of whatever goes wrong inside that the file is damaged."""
    try:
        yield
    except UNREADABLE as why:
        what = f"path must be a file written by History.save and whole, {str(path)!r} is damaged: {why}"
        raise ValueError(what) from None


def own_module(agent_class: type) -> str | None:
    """Where an agent's class comes from, if it is none of the course's; else None."""
    return None if agent_class in map(algorithms.__dict__.get, algorithms.__all__) else agent_class.__module__


def _classes(base: type[Agent]) -> list[type[Agent]]:
    """A class, those made from it, and those made from them; of two made from one class, the older one first."""
    return [base, *(deeper for heir in base.__subclasses__() for deeper in _classes(heir))]


def trained_class(name: str, module: str | None, given: type[Agent] | None) -> type[Agent]:
    """The class of a saved agent: the one that is given, or the one that has that name in that module now.

    Where the module does not tell (a class made in a function), the last one made of that name.

    module is None for a class of the course.
    """
    if given is None:
        fitting = [known for known in _classes(Agent) if (known.__name__, own_module(known)) == (name, module)]
        require(
            fitting,
            f"algorithm must be given, since the run is of {name}, a class that is not defined now: "
            f"rl.load(path, algorithm={name})",
        )
        now = getattr(sys.modules.get(module or ""), name, None)
        return now if now in fitting else fitting[-1]
    is_agent = isinstance(given, type) and issubclass(given, Agent)
    require(
        is_agent and given.__name__ == name and (own_module(given) is None) == (module is None),
        f"algorithm must be the class that the run was made with, {name} of {module or 'the course'}, got {given!r}",
    )
    return given


def trained_environment(name: str | None, maker: str | None, given: EnvMaker | None) -> EnvMaker:
    """What makes a saved run's environments: its name, or, if a function made them, the one that is given."""
    if given is not None:
        return given
    require(
        name is not None,
        f"env_id must be given, since no file can hold the function that made the environments: "
        f"rl.load(path, env_id={maker})",
    )
    try:
        find_spec(name)
    except (TypeError, ValueError):
        raise ValueError(
            f"env_id must be registered first, or given: the run was made in {name!r}, an environment that Gymnasium "
            "does not know now. Register it again (import its package), or rl.load(path, env_id=...)"
        ) from None
    return name
