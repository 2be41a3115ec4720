"""Workers in processes of their own, which send gradients to one learner and never wait for each other.

    AL-05  Asynchronous parallel actor-critic (A3C): N workers, one learner
        1  a worker copies the learner's θ and w
        2  it acts for T steps with its copy
        3  takes λ-returns and advantages, bootstrapped where the episode goes on
        4  and sends the gradients at its copy
        5  the learner applies them as they come; meanwhile θ and w have moved on: staleness
        6  the worker copies again

The processes are Ray's: `ray.init()` starts them on this machine, or joins the cluster whose address the
variable RAY_ADDRESS gives.
"""

import os
import pickle
import re
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

from rlcourse.checks import require
from rlcourse.envs import make_envs
from rlcourse.envs.vector import EnvMaker
from rlcourse.rollout import Collector

INSTALL = 'workers="ray" needs the extra `cluster`: pip install -c constraints.txt -e ".[cluster]"'
PATIENCE = 3  # attempts to start Ray, and workers in a row that may die without having sent a gradient
PARTING = 5  # seconds in which the workers may finish what they are at, and close their environments
ANSWER = 7  # seconds in which the cluster at RAY_ADDRESS must answer
START = 60  # seconds in which a process should be at work; on a busy machine it needs ten
SHORT = 30  # letters of a temporary folder; Ray adds 68, and the path of a socket has 103 at most on macOS
NAMESPACE = "rlcourse"  # marks a Ray that was started here, not found running


class Report(NamedTuple):
    """What a worker sends."""

    gradients: list[np.ndarray]
    """NumPy arrays, one per parameter, in the order of `parameters`."""
    steps: int
    """Environment steps behind them."""
    returns: list[float]
    """Returns of the episodes that ended in these steps."""
    seconds: float
    """What they took the worker, by the clock."""
    process: int
    """Number of the worker's process."""


class Worker:
    """One worker: environments of its own, and a copy of the agent.

    Args:
        algorithm, config: of the agent.
        env_id, num_envs: its environments, as for `make_envs`.
        seed: of its environments and actions; no two workers share one.
    """

    def __init__(self, algorithm: type, config: Any, env_id: EnvMaker, num_envs: int, seed: int):
        torch.set_num_threads(1)  # the process is its own
        envs = make_envs(env_id, num_envs)
        self.collector = Collector(envs, seed=seed)
        self.agent = algorithm(envs.single_observation_space, envs.single_action_space, config, seed=seed)

    def gradients(self, weights: Sequence[np.ndarray]) -> Report:
        """Lines 1 to 4, at the given weights."""
        started, steps, episodes = time.perf_counter(), self.collector.steps, len(self.collector.finished)
        set_weights(self.agent, weights)  # AL-05.1
        batch = self.collector.collect(self.agent, steps=self.agent.config.steps)  # AL-05.2
        self.agent.update(batch)  # AL-05.3 the next copy overwrites its step
        gradients = [parameter.grad.numpy() for parameter in parameters(self.agent)]  # AL-05.4

        return Report(
            gradients,
            self.collector.steps - steps,
            [value for _, value in self.collector.finished[episodes:]],
            time.perf_counter() - started,
            os.getpid(),
        )

    def close(self) -> None:
        """Close its environments."""
        self.collector.envs.close()


class PackedWorker(Worker):
    """A worker in a process of its own, which must find what its maker finds before it can unpack the first class.

    Args:
        packed: algorithm, config and env_id, pickled by `pack`.
        folders: where the learner's process looks for modules.
        num_envs, seed: as for Worker.
    """

    def __init__(self, packed: bytes, folders: Sequence[str], num_envs: int, seed: int):
        sys.path.extend(folder for folder in folders if folder not in sys.path)
        algorithm, config, env_id = pickle.loads(packed)
        super().__init__(algorithm, config, env_id, num_envs, seed)


def parameters(agent: Any) -> list:
    """Every weight that training moves: θ, then w."""
    return [*agent.actor.parameters(), *agent.critic.parameters()]


def get_weights(agent: Any) -> list[np.ndarray]:
    """The weights as NumPy arrays, copied."""
    return [parameter.detach().numpy().copy() for parameter in parameters(agent)]


def set_weights(agent: Any, weights: Sequence[np.ndarray]) -> None:
    """The inverse of `get_weights`; in place, since acting reads views of the same memory."""
    with torch.no_grad():
        for parameter, weight in zip(parameters(agent), weights, strict=True):
            parameter.copy_(torch.as_tensor(weight))


def apply_gradients(agent: Any, gradients: Sequence[np.ndarray]) -> None:
    """One step of both networks with gradients from elsewhere."""
    for parameter, gradient in zip(parameters(agent), gradients, strict=True):
        parameter.grad = torch.tensor(gradient)
    agent.actor_optimizer.step()
    agent.critic_optimizer.step()


def asynchronous(agent: Any, collector: Collector) -> Iterator[dict]:
    """AL-05: yields the metrics of every update, for ever.

    A worker that dies is replaced, and its unfinished steps are lost. `collector` says which environments to
    make, and counts the steps and episodes of the workers. Arrival times decide the order of the updates,
    so that two runs with one seed differ.

    The workers reserve no processors of Ray, so that all of them start, however busy it is; a warning says when
    they share processors.

    The metrics: staleness, updates made between the copy and the use of its gradients; worker, its number;
    process, its process's; work_seconds, its time for the gradients; seconds, the learner's clock;
    replaced, workers replaced so far.

    Raises:
        ImportError: if Ray is not installed.
        ValueError: if there are fewer environments than workers, or these cannot make environments of their own.
        RuntimeError: if Ray does not start, or worker after worker dies before it has sent anything.
    """
    yield from updates(agent, collector, *recruiter(agent, collector))


def recruiter(agent: Any, collector: Collector) -> tuple[ModuleType, Callable[[int], Any]]:
    """The module `ray`, started, and a function that starts worker number k in a process of its own.

    No two workers share a seed, whether one replaces the other or not.
    """
    count, num_envs = agent.config.num_workers, collector.num_envs
    env_id = getattr(collector.envs, "env_id", collector.envs.spec)
    require(env_id is not None, "envs must come from make_envs, or have a spec, so that workers can make their own")
    require(num_envs >= count, f"num_envs must be at least num_workers, {count}, got {num_envs}")
    ray = start_ray(count)
    packed = pack(ray, algorithm=type(agent), config=agent.config, env_id=env_id)
    warn_of_sharing(ray, count)
    remote = ray.remote(PackedWorker).options(num_cpus=0, scheduling_strategy="SPREAD")  # over a cluster's machines
    seeds = np.random.SeedSequence(collector.seed)
    shares = [num_envs // count + (number < num_envs % count) for number in range(count)]

    def recruit(number: int) -> Any:
        [seed] = seeds.spawn(1)[0].generate_state(1)
        return remote.remote(packed, sys.path, shares[number], int(seed) >> 1)

    return ray, recruit


def updates(agent: Any, collector: Collector, ray: ModuleType, recruit: Callable[[int], Any]) -> Iterator[dict]:
    """The learner's loop: the first gradients to arrive are applied, and their worker copies again."""
    workers: dict[int, Any] = {}
    in_flight: dict[Any, tuple[int, int | None]] = {}
    version, failures, replaced = 0, 0, 0

    def spawn(number: int) -> None:
        workers[number] = recruit(number)
        in_flight[workers[number].__ray_ready__.remote()] = number, None  # it copies when it is up, seconds later

    def submit(number: int) -> None:
        in_flight[workers[number].gradients.remote(get_weights(agent))] = number, version  # AL-05.1 AL-05.6

    try:
        for number in range(agent.config.num_workers):
            spawn(number)
        ray.wait(list(in_flight), num_returns=len(in_flight), timeout=START)  # or the first would learn all alone
        began = time.perf_counter()
        while True:
            [done], _ = ray.wait(list(in_flight))  # the first to be ready, whoever it is
            number, copied = in_flight.pop(done)
            try:
                report = ray.get(done)
            except ray.exceptions.RayActorError as why:
                failures, replaced = failures + 1, replaced + 1
                give_up(failures, why)
                spawn(number)
                continue
            if copied is None:
                submit(number)
                continue
            failures = 0
            apply_gradients(agent, report.gradients)  # AL-05.5

            metrics = {
                "staleness": version - copied,
                "worker": number,
                "process": report.process,
                "work_seconds": report.seconds,
                "seconds": time.perf_counter() - began,
                "replaced": replaced,
            }
            version += 1
            collector.credit(report.steps, report.returns)
            submit(number)
            yield metrics
    finally:
        dismiss(ray, workers)


def give_up(failures: int, why: Exception) -> None:
    """Raise RuntimeError after too many workers in a row that died before they had sent a gradient."""
    if failures > PATIENCE:
        raise RuntimeError(
            f"{failures} workers in a row died before they had sent a gradient; the last said: {why}"
        ) from why


def dismiss(ray: ModuleType, workers: dict[int, Any]) -> None:
    """Let the workers close their environments, and end their processes."""
    closing = [worker.close.remote() for worker in workers.values()]
    ray.wait(closing, num_returns=len(closing), timeout=PARTING)
    for worker in workers.values():
        ray.kill(worker)


def pack(ray: ModuleType, **parts: Any) -> bytes:
    """What a worker is made from, in bytes; classes and functions of a notebook travel whole, not by their names.

    Raises:
        ValueError: if a part cannot be pickled.
    """
    for name, part in parts.items():
        try:
            ray.cloudpickle.dumps(part)
        except Exception as why:  # whatever an object raises that resists
            raise ValueError(
                f"{name} must be something that can be pickled, to reach the worker processes, got {part!r}: {why}"
            ) from why
    return ray.cloudpickle.dumps(tuple(parts.values()))  # in one piece: a config and its agent share a class


def warn_of_sharing(ray: ModuleType, count: int) -> None:
    """Warn where a Ray that was running before has fewer free processors than there are workers."""
    free = ray.available_resources().get("CPU", 0)
    if free < count and ray.get_runtime_context().namespace != NAMESPACE:
        warnings.warn(
            f"Ray has {free:g} free processors, {count} workers need {count}: they run all the same, but share "
            "processors, and may be slow",
            stacklevel=2,
        )


def obstacle() -> str | None:
    """Why asynchronous workers cannot start here, in words; None if they can.

    It tries: Ray is started or joined, unless it is running, and a process of its own imports this package.
    """
    try:
        ray = start_ray(1)
        ray.get(ray.remote(answer).options(num_cpus=0).remote(), timeout=START)
    except Exception as why:  # one may fail in as many ways as there are machines
        return str(why) or type(why).__name__
    return None


def answer() -> int:
    """What a process that can work gives back."""
    return os.getpid()


def start_ray(num_workers: int) -> ModuleType:
    """The module `ray`, started: with the machine's processors, or more if there are more workers than these.

    On a busy machine Ray may give up on its own helpers after a quarter of a minute; a second try finds their
    files in memory, and is quicker.

    Raises:
        ImportError: if it is not installed.
        RuntimeError: if it does not start, or there is no cluster at RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError:
        raise ImportError(INSTALL) from None
    if ray.is_initialized():
        return ray
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    address = os.environ.get("RAY_ADDRESS", "local")
    if address != "local":
        join(ray, address, quiet)
        return ray
    here = {"address": "local", "namespace": NAMESPACE, "_node_ip_address": "127.0.0.1", **temporary_folder()}
    for attempt in range(PATIENCE):
        try:
            ray.init(num_cpus=max(num_workers, os.cpu_count() or 1), **here, **quiet)
            break
        except Exception as why:  # Ray raises this very class
            ray.shutdown()
            if attempt == PATIENCE - 1:
                raise RuntimeError(f"Ray did not start on this machine, in {PATIENCE} attempts: {why}") from why
    return ray


def join(ray: ModuleType, address: str, options: dict[str, Any]) -> None:
    """Join the cluster at an address; it has its own processors.

    Where nobody answers, Ray waits for minutes and may then end the process. A child process tries first.

    Raises:
        RuntimeError: if there is no cluster.
    """
    place = re.fullmatch(r"(?:ray://)?\[?(.+?)\]?:(\d+)", address)
    child = [sys.executable, "-c", f"import ray; ray.init(**{options!r})"]
    try:
        if place is not None:  # not "auto", which is Ray's to find
            host, port = place.groups()
            socket.create_connection((host, int(port)), timeout=2).close()
        subprocess.run(child, check=True, timeout=ANSWER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ray.init(**options)
    except Exception as why:  # Ray raises this very class
        ray.shutdown()
        late = isinstance(why, subprocess.TimeoutExpired)
        what = f"no cluster answered within {ANSWER} seconds" if late else why
        sentence = f"RAY_ADDRESS must be the address of a running Ray cluster, got {address!r}: {what}"
        raise RuntimeError(sentence) from why


def temporary_folder() -> dict[str, str]:
    """The option of `ray.init` for its temporary files, empty where Ray's own choice will do.

    Ray takes the folder that the environment names. The paths of its sockets lie in it, and the system wants these
    short, and Ray in ASCII.
    """
    folder = os.environ.get("RAY_TMPDIR", os.environ.get("TMPDIR", "/tmp"))
    fits = len(folder) <= SHORT and folder.isascii()
    return {} if fits or os.name != "posix" else {"_temp_dir": os.path.join(os.sep, "tmp", "ray")}
