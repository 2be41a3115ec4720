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
import time
from typing import NamedTuple

import numpy as np
import torch

from rlcourse.checks import require
from rlcourse.envs import make_envs
from rlcourse.rollout import Collector

INSTALL = 'workers="ray" needs the extra `cluster`: pip install -c constraints.txt -e ".[cluster]"'
PATIENCE = 3  # attempts to start Ray, and workers in a row that may die without having sent a gradient
PARTING = 5  # seconds in which the workers may finish what they are at, and close their environments


class Report(NamedTuple):
    """What a worker sends."""

    gradients: list
    """NumPy arrays, one a parameter, in the order of `parameters`."""
    steps: int
    """Environment steps behind them."""
    returns: list
    """Returns of the episodes that ended in these steps."""
    seconds: float
    """What they took the worker, by the clock."""
    process: int
    """Number of the worker's process."""


class Worker:
    """One worker: environments of its own, and a copy of the agent.

    Args:
        algorithm, config: of the agent.
        env_id, num_envs: its environments.
        seed: of its environments and actions; no two workers share one.
    """

    def __init__(self, algorithm, config, env_id, num_envs, seed):
        torch.set_num_threads(1)  # the process is its own
        envs = make_envs(env_id, num_envs)
        self.collector = Collector(envs, seed=seed)
        self.agent = algorithm(envs.single_observation_space, envs.single_action_space, config, seed=seed)

    def gradients(self, weights):
        """Lines 1 to 4, at the given weights."""
        started, steps, episodes = time.perf_counter(), self.collector.steps, len(self.collector.finished)
        set_weights(self.agent, weights)  # AL-05.1
        batch = self.collector.collect(self.agent, steps=self.agent.config.steps)  # AL-05.2
        losses = self.agent.losses(batch)  # AL-05.3
        gradients = torch.autograd.grad(sum(losses), parameters(self.agent))  # AL-05.4
        return Report(
            [gradient.numpy() for gradient in gradients],
            self.collector.steps - steps,
            [value for _, value in self.collector.finished[episodes:]],
            time.perf_counter() - started,
            os.getpid(),
        )

    def close(self):
        """Close its environments."""
        self.collector.envs.close()


def parameters(agent):
    """Every weight that training moves: θ, then w."""
    return [*agent.actor.parameters(), *agent.critic.parameters()]


def get_weights(agent):
    """The weights as NumPy arrays, copied."""
    return [parameter.detach().cpu().numpy().copy() for parameter in parameters(agent)]


def set_weights(agent, weights):
    """The inverse of `get_weights`; in place, since acting reads views of the same memory."""
    with torch.no_grad():
        for parameter, weight in zip(parameters(agent), weights, strict=True):
            parameter.copy_(torch.as_tensor(weight))


def apply_gradients(agent, gradients):
    """One step of both networks with gradients from elsewhere."""
    for parameter, gradient in zip(parameters(agent), gradients, strict=True):
        parameter.grad = torch.tensor(gradient, device=parameter.device)
    agent.optimizer.step()


def asynchronous(agent, collector):
    """AL-05: yields the metrics of every update, for ever.

    A worker that dies is replaced, and its unfinished steps are lost. `collector` says which environments to
    make, and is told of the steps and episodes of the workers. Arrival times decide the order of the updates,
    so that two runs with one seed differ.

    The metrics: staleness, updates made between the copy and the use of its gradients; worker, its number;
    process, its process's; work_seconds, its time for the gradients; seconds, the learner's clock;
    replaced, workers replaced so far.

    Raises:
        ImportError: if Ray is not installed.
        ValueError: if there are fewer environments than workers, or they have no name to make them by.
        RuntimeError: if worker after worker dies before it has sent anything.
    """
    ray = start_ray(agent.config.num_workers)
    spec, count = collector.envs.spec, agent.config.num_workers
    require(spec is not None, "envs must be registered with Gymnasium, so that workers can make their own")
    require(
        collector.num_envs >= count, f"num_envs must be at least num_workers, {count}, got {collector.num_envs}"
    )
    remote = ray.remote(Worker).options(num_cpus=1)
    seeds = np.random.SeedSequence(collector.seed)

    def hire():
        [seed] = seeds.spawn(1)[0].generate_state(1)
        return remote.remote(type(agent), agent.config, spec.id, collector.num_envs // count, int(seed) >> 1)

    def send(number):
        working[workers[number].gradients.remote(get_weights(agent))] = number, version  # AL-05.1, AL-05.6

    workers, working, version, deaths = [hire() for _ in range(count)], {}, 0, 0
    began = time.perf_counter()
    try:
        for number in range(count):
            send(number)
        while True:
            [done], _ = ray.wait(list(working))  # the first to be ready, whoever it is
            number, copied = working.pop(done)
            try:
                report = ray.get(done)
            except ray.exceptions.RayActorError as why:
                deaths += 1
                if deaths > PATIENCE:
                    raise RuntimeError(
                        f"{deaths} workers in a row died before they had sent a gradient; the last said: {why}"
                    ) from why
                workers[number] = hire()
                send(number)
                continue
            deaths = 0
            apply_gradients(agent, report.gradients)  # AL-05.5
            metrics = {
                "staleness": version - copied,
                "worker": number,
                "process": report.process,
                "work_seconds": report.seconds,
                "seconds": time.perf_counter() - began,
                "replaced": seeds.n_children_spawned - count,
            }
            version += 1
            collector.credit(report.steps, report.returns)
            send(number)
            yield metrics
    finally:
        closing = [worker.close.remote() for worker in workers]
        ray.wait(closing, num_returns=len(closing), timeout=PARTING)
        for worker in workers:
            ray.kill(worker)


def start_ray(num_workers):
    """The module `ray`, started: with the machine's processors, or more if there are more workers than these.

    On a busy machine Ray may give up on its own helpers after a quarter of a minute; a second try finds their
    files in memory, and is quicker.

    Raises:
        ImportError: if it is not installed.
        RuntimeError: if it does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError:
        raise ImportError(INSTALL) from None
    here = {"num_cpus": max(num_workers, os.cpu_count() or 1), "_node_ip_address": "127.0.0.1"}
    if "RAY_ADDRESS" in os.environ:
        here = {}  # a cluster that is there has its processors, and its addresses
    for attempt in range(PATIENCE):
        if ray.is_initialized():
            return ray
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level="error", **here)
        except Exception as why:  # Ray raises this very class
            ray.shutdown()
            if attempt == PATIENCE - 1:
                raise RuntimeError(f"Ray did not start on this machine, in {PATIENCE} attempts: {why}") from why
    return ray
