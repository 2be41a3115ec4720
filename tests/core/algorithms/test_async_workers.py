"""Workers: what one sends, how stale it is, and that the run outlives any of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import types
from pathlib import Path

import gymnasium as gym
import numpy as np
import psutil
import pytest
import torch
from jupyter_client.manager import start_new_kernel

import rlcourse as rl
from rlcourse.algorithms import async_workers as workers
from rlcourse.algorithms.async_workers import Worker, apply_gradients, get_weights, set_weights

RAY = rl.ParallelActorCritic.Config(workers="ray", num_workers=2)


def learner(seed=0):
    from rlcourse.envs import make_envs

    envs = make_envs("CartPole-v1", 4)
    return rl.ParallelActorCritic(envs.single_observation_space, envs.single_action_space, seed=seed)


@pytest.mark.covers("AL-05")
def test_a_worker_sends_the_gradients_at_its_copy():
    worker = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    agent = learner(seed=1)
    report = worker.gradients(get_weights(agent))
    twin = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    set_weights(twin.agent, get_weights(agent))
    batch = twin.collector.collect(twin.agent, steps=8)
    agent.update(batch)
    truth = [parameter.grad for parameter in [*agent.actor.parameters(), *agent.critic.parameters()]]
    for got, expected in zip(report.gradients, truth, strict=True):
        torch.testing.assert_close(torch.as_tensor(got), expected)
    assert report.steps == 32 and report.process == os.getpid() and report.seconds > 0


def test_a_worker_that_goes_closes_its_environments():
    worker = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "Pendulum-v1", 2, seed=0)
    worker.close()
    assert worker.collector.envs.closed


@pytest.mark.covers("AL-05")
def test_applying_a_workers_gradients_is_an_update_of_ones_own():
    worker = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    mine, theirs = learner(seed=1), learner(seed=1)
    apply_gradients(theirs, worker.gradients(get_weights(theirs)).gradients)
    twin = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    set_weights(twin.agent, get_weights(mine))
    mine.update(twin.collector.collect(twin.agent, steps=8))
    for a, b in zip(get_weights(mine), get_weights(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_a_copy_of_the_weights_does_not_move_with_them():
    agent = learner()
    before = get_weights(agent)
    apply_gradients(agent, [np.ones_like(weight) for weight in before])
    assert all((a != b).any() for a, b in zip(before, get_weights(agent), strict=True))


@pytest.mark.covers("AL-05", "CL-20", "MIS-17")
def test_two_workers_learn_and_one_that_is_killed_is_replaced():
    # A busy machine needs seconds to start a process, while the other worker goes on alone: the run lasts until the
    # two have worked together again for a while, however long that takes.
    killed, before, back = None, set(), None
    for history in rl.run(rl.ParallelActorCritic, "CartPole-v1", total_steps=5_000_000, config=RAY):
        if history.total_steps == 0:
            continue
        process = int(history.metrics["process"][-1])
        if killed is None:
            before.add(process)
            if history.total_steps >= 6_000 and len(before) == 2:
                killed = process
                os.kill(killed, signal.SIGKILL)
        elif back is None and process not in before:
            back = len(history.metrics["process"]) - 1  # the replacement's first update
            together = history.total_steps
        elif back is not None and history.total_steps >= max(60_000, together + 20_000):
            break
    metrics, late = history.metrics, history.total_steps // 2
    assert metrics["steps"][-1] == history.total_steps
    assert metrics["replaced"][-1] == 1
    after = metrics["process"][back:]
    assert killed not in after and len(set(after)) == 2  # two again, and not the one that was killed
    assert set(metrics["worker"]) == {0, 1}
    # With two at work, one update comes between a copy and its use on average: every update makes the one gradient
    # that is under way staler by one.
    assert 0.5 < metrics["staleness"][back:].mean() < 1.5
    assert metrics["staleness"][0] == 0
    assert history.returns[history.steps > late].mean() > 2 * history.returns[history.steps < 5000].mean()


def test_one_worker_is_never_stale():
    config = rl.ParallelActorCritic.Config(workers="ray", num_workers=1)
    history = rl.train(rl.ParallelActorCritic, "CartPole-v1", total_steps=3000, config=config, progress=False)
    assert set(history.metrics["staleness"]) == {0} and len(history.metrics["staleness"]) == 24  # of 16 x 8 steps


def test_more_workers_than_environments_are_refused():
    config = rl.ParallelActorCritic.Config(workers="ray", num_workers=3)
    with pytest.raises(ValueError, match="num_envs must be at least num_workers, 3, got 2"):
        rl.train(rl.ParallelActorCritic, "CartPole-v1", total_steps=100, config=config, num_envs=2, progress=False)


def test_without_ray_the_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['ray'] = None\n"
        "import rlcourse as rl\n"
        "config = rl.ParallelActorCritic.Config(workers='ray')\n"
        "try:\n    rl.train(rl.ParallelActorCritic, 'CartPole-v1', total_steps=100, config=config, progress=False)\n"
        "except ImportError as why:\n    print(why)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert said == workers.INSTALL and "cluster" in said


def test_workers_that_cannot_live_end_the_run():
    class Doomed(rl.ParallelActorCritic):
        def update(self, batch):  # a worker calls it, for the gradients that it leaves
            os._exit(1)

    with pytest.raises(RuntimeError, match="workers in a row died before they had sent a gradient"):
        rl.train(Doomed, "CartPole-v1", total_steps=1000, config=RAY, progress=False)


# ---------------------------------------------------------------- environments of a student's own

OWN = """
import sys
import gymnasium as gym
import numpy as np
import rlcourse as rl

class Mine(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (2,), np.float32), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.age += 1
        return np.zeros(2, np.float32), float(action), self.age == 5, False, {}
"""
TRAIN = """
config = rl.ParallelActorCritic.Config(workers="ray", num_workers=2)
for history in rl.run(rl.ParallelActorCritic, %s, total_steps=5_000_000, num_envs=4, config=config):
    if history.total_steps >= 400 and len(set(history.metrics["worker"])) == 2:  # each has come to its turn
        break
print(len(history.returns) > 60, sorted(set(history.metrics["worker"].tolist())), flush=True)
"""


def run_program(program, **variables):
    """What a program in a process of its own writes, line by line, warnings among it."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | variables
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,  # against a hang; a busy machine is slow
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def test_environments_that_only_this_process_knows_reach_the_workers(tmp_path):
    (tmp_path / "own_module.py").write_text(OWN + 'gym.register("OfAModule-v0", entry_point=Mine)\n')
    program = OWN + f'sys.path.insert(0, {str(tmp_path)!r})\ngym.register("Mine-v0", entry_point=Mine)\n'
    kinds = ['"Mine-v0"', '"own_module:OfAModule-v0"', 'gym.spec("Mine-v0")', "lambda: Mine()"]
    said = run_program(program + "".join(TRAIN % kind for kind in kinds))
    assert said == ["True [0, 1]"] * len(kinds)


def test_environments_that_cannot_travel_are_refused():
    lock = threading.Lock()

    def make():
        with lock:
            return gym.make("CartPole-v1")

    with pytest.raises(ValueError, match="env_id must be something that can be pickled.*make"):
        rl.train(rl.ParallelActorCritic, make, total_steps=100, config=RAY, progress=False)


def test_the_options_of_environments_reach_the_workers():
    from rlcourse.envs import make_envs

    envs = make_envs("Pendulum-v1", 2, g=1.5)
    twins = make_envs(envs.env_id, 3)
    assert twins.num_envs == 3 and {env.unwrapped.g for env in twins.envs} == {1.5}


def test_every_environment_belongs_to_a_worker():
    config = rl.ParallelActorCritic.Config(workers="ray", num_workers=3, steps=8)
    for history in rl.run(rl.ParallelActorCritic, "CartPole-v1", total_steps=5_000_000, num_envs=16, config=config):
        if history.total_steps >= 3000 and len(set(history.metrics["worker"])) == 3:  # each has come to its turn
            break
    steps = np.diff(history.metrics["steps"], prepend=0)
    assert {(w, s // 8) for w, s in zip(history.metrics["worker"], steps, strict=True)} == {(0, 6), (1, 5), (2, 5)}


# ---------------------------------------------------------------- machines on which Ray does not do as it should


@pytest.mark.parametrize("processors", [0, 1])
def test_too_few_free_processors_are_shared_and_the_run_says_so(processors):
    start = f"import ray\nray.init(num_cpus={processors}, include_dashboard=False, log_to_driver=False, "
    start += 'logging_level="error", _node_ip_address="127.0.0.1")\nimport rlcourse as rl'
    said = run_program(start + TRAIN % '"CartPole-v1"')
    assert said[-1].endswith("[0, 1]")
    assert any(f"Ray has {processors} free processors, 2 workers need 2" in line for line in said)


@pytest.mark.parametrize("listens", [False, True])
def test_a_dead_address_is_named_and_not_waited_for(listens):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never answers
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        if not listens:
            silent.close()
        program = (
            "import time\nimport rlcourse as rl\nfrom rlcourse.algorithms import async_workers as workers\nbegan "
            "= time.time()\n"
            "try:\n    workers.start_ray(2)\n"
            "except RuntimeError as why:\n    print(time.time() - began)\n    print(why)"
        )
        seconds, sentence = run_program(program, RAY_ADDRESS=address)
    assert sentence.startswith(f"RAY_ADDRESS must be the address of a running Ray cluster, got {address!r}: ")
    assert float(seconds) < 60  # a few, unless the machine is very busy; Ray itself says nothing for minutes


def test_where_ray_works_there_is_no_obstacle():
    assert workers.obstacle() is None


@pytest.fixture
def broken_ray(monkeypatch):
    def init(**options):
        raise OSError("read-only file system")

    broken = types.SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", broken)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_where_ray_does_not_start_the_obstacle_is_named(broken_ray):
    assert workers.obstacle() == "Ray did not start on this machine, in 3 attempts: read-only file system"


def test_without_ray_the_obstacle_is_that(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert workers.obstacle() == workers.INSTALL


def test_the_lesson_goes_on_where_ray_does_not_start(broken_ray, capsys):
    from rlcourse.course.widgets import training_panel
    from rlcourse.lessons import parallel_actor_critic as lesson

    [notebook] = (Path(__file__).parents[3] / "notebooks").glob("*_parallel_actor_critic.ipynb")
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    [source] = [cell for cell in cells if 'workers="ray"' in cell and "training_panel.watch" in cell]
    names = {"rl": rl, "async_workers": workers, "lesson": lesson, "training_panel": training_panel}
    exec(source, names)
    assert "read-only file system" in capsys.readouterr().out
    assert lesson.experiments.settled(names["run"])["staleness"].mean() > 0


@pytest.mark.skipif(os.name != "posix", reason="only there are sockets files")
def test_sockets_lie_in_a_short_folder(monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    other = {"_temp_dir": os.path.join(os.sep, "tmp", "ray")}
    for folder, expected in {"/tmp": {}, "/scratch/" + "long" * 20: other, "/scratch/für": other}.items():
        monkeypatch.setenv("TMPDIR", folder)
        assert workers.temporary_folder() == expected


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray's processes end some time after their kernel")
def test_a_kernel_that_is_restarted_while_ray_runs_leaves_no_process_and_trains_again():
    train = (
        "import rlcourse as rl\nconfig = rl.ParallelActorCritic.Config(workers='ray', num_workers=2, hidden=(8,))\n"
        "for history in rl.run(rl.ParallelActorCritic, 'CartPole-v1', total_steps=%d, config=config):\n"
        "    if len(history.metrics['steps']) == 5:\n        print('learning', flush=True)"
    )
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute(train % 10**9)
        while client.get_iopub_msg(timeout=120)["content"].get("text", "").strip() != "learning":
            pass
        family = psutil.Process(manager.provisioner.process.pid).children(recursive=True)
        assert len(family) >= 4  # Ray's own two, and the workers
        manager.restart_kernel(now=True)
        assert psutil.wait_procs(family, timeout=60)[1] == []
        client.wait_for_ready(timeout=60)
        assert client.execute_interactive(train % 2_000, timeout=180)["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
