"""Training: a run that can be watched, stopped, saved, and gone on with."""

import contextlib
import dataclasses
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

from rlcourse import algorithms
from rlcourse.algorithms.common import Agent, config_from, single_precision
from rlcourse.checks import check_positive_integer, check_seed, require
from rlcourse.envs import make_envs
from rlcourse.envs.vector import find_spec, label, lasting_name
from rlcourse.rollout import Collector, derived_seed, outline

FORMAT = 1
UNREADABLE = (zipfile.BadZipFile, EOFError, OSError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@contextlib.contextmanager
def one_thread():
    """Small networks are slower on several threads; the setting found is put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class History:
    """What a training run did: its learning curve, its metrics, and the agent as it stands.

    Attributes:
        steps, returns: arrays; episode i ended after environment step steps[i] with undiscounted return returns[i].
        metrics: dict of arrays, one entry an update; metrics["steps"] tells when.
        agent: the agent, trained so far.
        total_steps: environment steps taken.
        env_id, num_envs, seed: what it was trained on; env_id is a name, or the function that makes an environment.
    """

    def __init__(self, agent, env_id, num_envs, seed):
        self.agent, self.env_id, self.num_envs, self.seed = agent, env_id, num_envs, seed
        self.total_steps = 0
        self._episodes = []
        self._metrics = {"steps": []}

    @property
    def steps(self):
        return np.array([step for step, _ in self._episodes], dtype=np.int64)

    @property
    def returns(self):
        return np.array([value for _, value in self._episodes], dtype=np.float64)

    @property
    def metrics(self):
        return {name: np.array(values) for name, values in self._metrics.items()}

    def __repr__(self):
        late = self.returns[-20:]
        score = f", last {len(late)} returns {late.mean():.1f} on average" if len(late) else ""
        name = type(self.agent).__name__
        where, episodes = label(self.env_id), len(self._episodes)
        return f"History({name} on {where}: {self.total_steps} steps, {episodes} episodes{score})"

    def resume(self, *, total_steps, progress=True):
        """Go on until total_steps in all, with the same agent; episodes under way at the stop start anew."""
        total_steps = check_positive_integer("total_steps", total_steps)
        with contextlib.closing(make_envs(self.env_id, self.num_envs)) as envs, _bar(total_steps, progress) as bar:
            exhaust(_go_on(self, envs, total_steps), self, bar)
        return self

    def save(self, path):
        """Write the run to one file, in one piece: a reader finds the old file or the new one, never a half.

        The file holds numbers and names only. After a restart, `load` wants an agent's class, if that is not one of
        the course's, and the function that makes the environments, if they have no name.
        """
        path = Path(path)
        require(path.parent.is_dir(), f"path must be in an existing folder, {str(path.parent)!r} is none")
        require(not path.is_dir(), f"path must name a file, {str(path)!r} is a folder")
        about = {
            "format": FORMAT,
            "algorithm": type(self.agent).__name__,
            "module": _own_module(type(self.agent)),
            "config": dataclasses.asdict(self.agent.config),
            "env_id": self.env_id if isinstance(self.env_id, str) else None,
            "environment": label(self.env_id),
            "spaces": _outlines(self.agent),
            "num_envs": self.num_envs,
            "seed": self.seed,
            "total_steps": self.total_steps,
            "rng": self.agent.rng.bit_generator.state,
        }
        arrays = {"about": np.array(json.dumps(about)), "steps": self.steps, "returns": self.returns}
        arrays |= {f"metrics/{name}": values for name, values in self.metrics.items()}
        arrays |= {f"agent/{name}": values for name, values in self.agent.state().items()}
        handle, temporary = tempfile.mkstemp(dir=path.parent or ".", prefix=path.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)  # as any new file: the temporary one is for its owner alone
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def load(path, *, algorithm=None, env_id=None):
    """Read a run that `History.save` wrote: numbers and names only, no code is ever loaded from the file.

    What no file can hold is handed over: the class of an agent that is not one of the course's (needed only where no
    such class is defined now), and the function that makes the environments. (A name such as "package:Name-v0"
    imports the package, as Gymnasium does.)

    Args:
        path: of the file.
        algorithm: the class that was trained; None for the class of the name in the file.
        env_id: of the environments, as for `train`; None for the name in the file.

    Raises:
        ValueError: if the file is no such run or is damaged, or if something must be handed over that was not, or
            that does not fit the run.
        FileNotFoundError: if there is none.
    """
    arrays, about = _read(path)
    with _damage_said(path):
        name, environment, spaces = about["algorithm"], about["env_id"], about.get("spaces")
        run = {name: about[name] for name in ("config", "num_envs", "seed", "total_steps", "rng")}
    algorithm = _trained_class(name, about.get("module"), algorithm)
    env_id = _trained_environment(environment, about.get("environment"), env_id)
    with contextlib.closing(make_envs(env_id, 1)) as envs:
        config = config_from(algorithm.Config, run["config"])
        history = _begin(algorithm, envs, env_id, run["num_envs"], run["seed"], config)
    found = _outlines(history.agent)
    require(spaces in (None, found), f"env_id must make environments with the spaces of the run, {spaces}, got {found}")
    with _damage_said(path):
        history.agent.load_state({name[6:]: value for name, value in arrays.items() if name.startswith("agent/")})
        history.agent.rng.bit_generator.state = run["rng"]
        history.total_steps = run["total_steps"]
        history._episodes = list(zip(arrays["steps"].tolist(), arrays["returns"].tolist(), strict=True))
        history._metrics = {name[8:]: v.tolist() for name, v in arrays.items() if name.startswith("metrics/")}
    return history


def _read(path):
    """The arrays in a file by name, and what it says about the run. Three kinds of file are told apart."""
    require(isinstance(path, str | os.PathLike), f"path must be the path of a file, got {path!r}")
    foreign = f"path must be a file written by History.save, {str(path)!r} is none"
    require(not Path(path).is_dir(), foreign)
    with open(path, "rb") as file:
        require(file.read(4) == b"PK\x03\x04", foreign)  # so begins every zip archive, and a run is one
    with _damage_said(path), zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        require(broken is None, f"its part {broken} has changed")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays["about"]))
    except (LookupError, ValueError):
        raise ValueError(foreign) from None
    written = about.get("format") if isinstance(about, dict) else None
    require(written == FORMAT, f"path must hold a run of format {FORMAT}, {str(path)!r} has format {written}")
    return arrays, about


@contextlib.contextmanager
def _damage_said(path):
    """Says of whatever goes wrong inside that the file is damaged."""
    try:
        yield
    except UNREADABLE as why:
        what = f"path must be a file written by History.save and whole, {str(path)!r} is damaged: {why}"
        raise ValueError(what) from None


def _own_module(agent_class):
    """Where an agent's class comes from, if it is none of the course's; else None."""
    return None if agent_class in map(algorithms.__dict__.get, algorithms.__all__) else agent_class.__module__


def _classes(base):
    """A class, those made from it, and those made from them, in the order in which they were defined."""
    return [base, *(deeper for heir in base.__subclasses__() for deeper in _classes(heir))]


def _trained_class(name, module, given):
    """The class of a saved agent: the one that is given, or the last one defined of that name in that module.

    module is None for a class of the course.
    """
    if given is None:
        fitting = [known for known in _classes(Agent) if (known.__name__, _own_module(known)) == (name, module)]
        require(
            fitting,
            f"algorithm must be given, since the run is of {name}, a class that is not defined now: "
            f"rl.load(path, algorithm={name})",
        )
        return fitting[-1]
    is_agent = isinstance(given, type) and issubclass(given, Agent)
    require(
        is_agent and given.__name__ == name and (_own_module(given) is None) == (module is None),
        f"algorithm must be the class that the run was made with, {name} of {module or 'the course'}, got {given!r}",
    )
    return given


def _trained_environment(name, maker, given):
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
    except ValueError:
        raise ValueError(
            f"env_id must be registered first, or given: the run was made in {name!r}, an environment that Gymnasium "
            "does not know now. Register it again (import its package), or rl.load(path, env_id=...)"
        ) from None
    return name


def train(
    algorithm, env_id, *, total_steps, seed=0, config=None, num_envs=None, device="cpu", progress=True
):
    """Train an agent and return the history of its training.

    Interrupting it (the stop button, Ctrl-C) returns what was learned so far.

    Args:
        algorithm: rl.Reinforce, rl.PPO, ...
        env_id: name of a Gymnasium environment, or a function that makes one.
        total_steps: environment steps, all environments together; the update under way is finished.
        seed: of everything random in the run.
        config: an algorithm.Config, None for its defaults.
        num_envs: environments side by side, None for the algorithm's default.
        device: where the networks live.
        progress: show a progress bar.

    Returns:
        A History.

    Raises:
        ValueError: if an argument is not as described.
    """
    options = {"total_steps": total_steps, "seed": seed, "config": config, "num_envs": num_envs, "device": device}
    with contextlib.closing(run(algorithm, env_id, **options)) as updates:
        history = next(updates)
        with contextlib.suppress(KeyboardInterrupt), _bar(total_steps, progress) as bar:
            exhaust(updates, history, bar)
    return history


def run(algorithm, env_id, *, total_steps, seed=0, config=None, num_envs=None, device="cpu"):
    """The same as `train`, one update at a time: yields the growing History before the first and after every one."""
    require(
        isinstance(algorithm, type) and issubclass(algorithm, Agent),
        f"algorithm must be one of the course's, such as rl.PPO, got {algorithm!r}",
    )
    total_steps = check_positive_integer("total_steps", total_steps)
    num_envs = check_positive_integer("num_envs", algorithm.num_envs if num_envs is None else num_envs)
    seed = check_seed("seed", seed)
    with contextlib.closing(make_envs(env_id, num_envs)) as envs:
        history = _begin(algorithm, envs, env_id, num_envs, seed, config, device)
        yield history
        yield from _go_on(history, envs, total_steps)


def exhaust(updates, history, bar):
    """Follow a run to its end or to an interrupt."""
    with contextlib.suppress(KeyboardInterrupt):
        for history in updates:
            bar.update(min(history.total_steps, bar.total) - bar.n)
            if len(history._episodes):
                late = [value for _, value in history._episodes[-20:]]
                bar.set_postfix_str(f"return {sum(late) / len(late):.1f}", refresh=False)
    return history


def _begin(algorithm, envs, env_id, num_envs, seed, config, device="cpu"):
    """The history of a run that has not begun, whose agent is made for these environments."""
    agent = algorithm(envs.single_observation_space, envs.single_action_space, config, seed=seed, device=device)
    return History(agent, lasting_name(env_id) or env_id, num_envs, seed)


def _go_on(history, envs, total_steps):
    """Updates until total_steps; each stretch of a run draws its episodes from seeds of its own."""
    before = history.total_steps
    collector = Collector(envs, seed=derived_seed(history.seed, before))
    reported = 0
    updates = history.agent.training(collector)
    while history.total_steps < total_steps:
        with one_thread(), single_precision():
            metrics = next(updates)
        history.total_steps = before + collector.steps
        history._episodes += [(before + step, value) for step, value in collector.finished[reported:]]
        reported = len(collector.finished)
        history._metrics["steps"].append(history.total_steps)
        for name, value in metrics.items():
            history._metrics.setdefault(name, []).append(value)
        yield history


def _outlines(agent):
    """The spaces that an agent serves, in plain values."""
    return {"observation": outline(agent.observation_space, False), "action": outline(agent.action_space, True)}


def _bar(total_steps, progress):
    from tqdm.auto import tqdm  # here: in a notebook it loads the widgets

    return tqdm(total=total_steps, disable=not progress, unit="step", mininterval=0.2)
