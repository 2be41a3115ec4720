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
from rlcourse.algorithms.common import Agent, config_from
from rlcourse.checks import check_positive_integer, check_seed, require
from rlcourse.envs import make_envs
from rlcourse.rollout import SEED_STRIDE, Collector

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
        env_id, num_envs, seed: what it was trained on.
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
        return f"History({name} on {self.env_id}: {self.total_steps} steps, {len(self._episodes)} episodes{score})"

    def resume(self, *, total_steps, progress=True):
        """Go on until total_steps in all, with the same agent; episodes under way at the stop start anew."""
        total_steps = check_positive_integer("total_steps", total_steps)
        with contextlib.suppress(KeyboardInterrupt), _bar(total_steps, progress) as bar:
            exhaust(_go_on(self, total_steps), self, bar)
        return self

    def save(self, path):
        """Write the run to one file, in one piece: a reader finds the old file or the new one, never a half."""
        path = Path(path)
        require(path.parent.is_dir(), f"path must be in an existing folder, {str(path.parent)!r} is none")
        require(not path.is_dir(), f"path must name a file, {str(path)!r} is a folder")
        about = {
            "format": FORMAT,
            "algorithm": type(self.agent).__name__,
            "config": dataclasses.asdict(self.agent.config),
            "env_id": self.env_id,
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


def load(path):
    """Read a run that `History.save` wrote: numbers and names only, no code is ever loaded.

    Raises:
        ValueError: if the file is not such a run, or is damaged.
        FileNotFoundError: if there is none.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays["about"]))
        require(about["format"] == FORMAT, f"path holds format {about['format']}, this version reads {FORMAT}")
        name = about["algorithm"]
        require(name in algorithms.__all__, f"it holds an algorithm called {name}, which is none of the course's")
        algorithm = getattr(algorithms, name)
        history = _begin(
            algorithm, about["env_id"], about["num_envs"], about["seed"], config_from(algorithm.Config, about["config"])
        )
        history.agent.load_state({name[6:]: value for name, value in arrays.items() if name.startswith("agent/")})
        history.agent.rng.bit_generator.state = about["rng"]
        history.total_steps = about["total_steps"]
        history._episodes = list(zip(arrays["steps"].tolist(), arrays["returns"].tolist(), strict=True))
        history._metrics = {name[8:]: v.tolist() for name, v in arrays.items() if name.startswith("metrics/")}
    except FileNotFoundError:
        raise
    except UNREADABLE as why:
        raise ValueError(f"path must be a file written by History.save, {str(path)!r} is not: {why}") from None
    return history


def train(
    algorithm, env_id, *, total_steps, seed=0, config=None, num_envs=None, device="cpu", progress=True
):
    """Train an agent and return the history of its training.

    Interrupting it (the stop button, Ctrl-C) returns what was learned so far.

    Args:
        algorithm: rl.Reinforce, rl.PPO, ...
        env_id: name of a Gymnasium environment.
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
    updates = run(
        algorithm, env_id, total_steps=total_steps, seed=seed, config=config, num_envs=num_envs, device=device
    )
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
    num_envs = algorithm.num_envs if num_envs is None else num_envs
    history = _begin(algorithm, env_id, num_envs, seed, config, device)
    yield history
    yield from _go_on(history, total_steps)


def exhaust(updates, history, bar):
    """Follow a run to its end or to an interrupt."""
    with contextlib.suppress(KeyboardInterrupt):
        for history in updates:
            bar.update(min(history.total_steps, bar.total) - bar.n)
            if len(history._episodes):
                late = [value for _, value in history._episodes[-20:]]
                bar.set_postfix_str(f"return {sum(late) / len(late):.1f}", refresh=False)
    return history


def _begin(algorithm, env_id, num_envs, seed, config, device="cpu"):
    seed, num_envs = check_seed("seed", seed), check_positive_integer("num_envs", num_envs)
    envs = make_envs(env_id, num_envs)
    spaces = envs.single_observation_space, envs.single_action_space
    envs.close()
    agent = algorithm(*spaces, config, seed=seed, device=device)
    return History(agent, env_id, num_envs, seed)


def _go_on(history, total_steps):
    """Updates until total_steps; each stretch of a run draws its episodes from seeds of its own."""
    envs = make_envs(history.env_id, history.num_envs)
    before = history.total_steps
    collector = Collector(envs, seed=(history.seed * SEED_STRIDE + before) % 2**31)
    reported = 0
    try:
        updates = history.agent.training(collector)
        while history.total_steps < total_steps:
            with one_thread():
                metrics = next(updates)
            history.total_steps = before + collector.steps
            history._episodes += [(before + step, value) for step, value in collector.finished[reported:]]
            reported = len(collector.finished)
            history._metrics["steps"].append(history.total_steps)
            for name, value in metrics.items():
                history._metrics.setdefault(name, []).append(value)
            yield history
    finally:
        envs.close()


def _bar(total_steps, progress):
    from tqdm.auto import tqdm  # here: in a notebook it loads the widgets

    return tqdm(total=total_steps, disable=not progress, unit="step", mininterval=0.2)
