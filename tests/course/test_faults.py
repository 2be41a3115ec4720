"""Faults on purpose: what goes wrong around a training run or an explorer ends in its own error, or in nothing at all.

docs/faults.md has the table of what was tried.
"""

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import threading

import gymnasium as gym
import numpy as np
import psutil
import pytest
import torch

import rlcourse as rl
from rlcourse.course.widgets import explorer
from rlcourse.lessons.gae.explorers import gae_weights

SMALL = {
    rl.Reinforce: rl.Reinforce.Config(hidden=(8,)),
    rl.OnlineActorCritic: rl.OnlineActorCritic.Config(hidden=(8,)),
    rl.BatchActorCritic: rl.BatchActorCritic.Config(hidden=(8,)),
    rl.ParallelActorCritic: rl.ParallelActorCritic.Config(hidden=(8,)),
    rl.OffPolicyActorCritic: rl.OffPolicyActorCritic.Config(hidden=(8,), batch_size=8),
    rl.PPO: rl.PPO.Config(hidden=(8,), steps=8, epochs=1),
    rl.DDPG: rl.DDPG.Config(hidden=(8,), warmup=20, batch_size=8),
    rl.TD3: rl.TD3.Config(hidden=(8,), warmup=20, batch_size=8),
    rl.SAC: rl.SAC.Config(hidden=(8,), warmup=20, batch_size=8),
    rl.ValueSAC: rl.ValueSAC.Config(hidden=(8,), warmup=20, batch_size=8),
    rl.DiscreteSAC: rl.DiscreteSAC.Config(hidden=(8,), warmup=20, batch_size=8),
}
BOX = (rl.DDPG, rl.TD3, rl.SAC, rl.ValueSAC)


class Faulty(gym.Env):
    """An ordinary world, in whose k-th step of all something happens."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,))
    taken, closed = 0, 0

    def __init__(self, box, at, fault):
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,)) if box else gym.spaces.Discrete(2)
        self.at, self.fault = at, fault

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        type(self).taken += 1
        self.t += 1
        obs, reward = self.np_random.uniform(-1, 1, 2).astype(np.float32), 1.0
        if type(self).taken == self.at:
            obs, reward = self.fault(obs, reward)
        return obs, reward, self.t == 7, False, {}

    def close(self):
        type(self).closed += 1


def maker(agent, at, fault):
    """A function that makes faulty worlds, and the class that counts their steps."""
    world = type("World", (Faulty,), {"taken": 0, "closed": 0})
    return (lambda: world(agent in BOX, at, fault)), world


def raising(obs, reward):
    raise RuntimeError("the simulator has crashed")


def interrupted(obs, reward):
    raise KeyboardInterrupt


FAULTS = {
    "an error": (raising, RuntimeError, "the simulator has crashed"),
    "a reward that is no number": (lambda obs, reward: (obs, np.nan), ValueError, "reward must be a finite number"),
    "an observation that is no number": (lambda obs, reward: (obs * np.nan, 1.0), ValueError, "observation must hold"),
    "another shape": (lambda obs, reward: (np.zeros(5, np.float32), 1.0), ValueError, None),
}


@pytest.mark.parametrize("agent", SMALL, ids=lambda agent: agent.__name__)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_environment_ends_in_its_own_error_and_everything_is_closed(agent, fault):
    happens, kind, words = FAULTS[fault]
    make, world = maker(agent, 60, happens)
    with pytest.raises(kind, match=words):
        rl.train(agent, make, total_steps=200, num_envs=2, config=SMALL[agent], progress=False)
    assert world.closed == 2


@pytest.mark.parametrize("agent", SMALL, ids=lambda agent: agent.__name__)
def test_an_interrupt_at_any_moment_keeps_what_was_learned(agent):
    for at in np.random.default_rng(0).integers(1, 200, 6):
        make, world = maker(agent, int(at), interrupted)
        history = rl.train(agent, make, total_steps=200, num_envs=2, config=SMALL[agent], progress=False)
        assert history.total_steps <= at and world.closed == 2
        weights = [value for value in history.agent.state().values() if value.dtype.kind == "f"]
        assert all(np.isfinite(value).all() for value in weights)
        np.testing.assert_array_equal(history.steps, np.sort(history.steps))


def run(seed):
    return rl.train(rl.PPO, "CartPole-v1", total_steps=600, seed=seed, config=SMALL[rl.PPO], progress=False)


def test_two_trainings_in_two_threads_are_those_in_one():
    alone, together = [run(seed) for seed in (0, 1)], [None, None]

    def train(seed):
        together[seed] = run(seed)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together):
        np.testing.assert_array_equal(one.returns, other.returns)
    assert torch.get_default_dtype() == torch.float32


def test_training_works_inside_a_running_event_loop():
    async def inside():
        return run(0)

    np.testing.assert_array_equal(asyncio.run(inside()).returns, run(0).returns)


# ---------------------------------------------------------------- again and again


def resident():
    """The bytes that this process holds now; its peak would hide whatever stays below an earlier peak."""
    gc.collect()
    return psutil.Process().memory_info().rss


def train_often(times):
    config = rl.PPO.Config(hidden=(4,), steps=4, epochs=1)
    for number in range(times):
        rl.train(rl.PPO, "CartPole-v1", total_steps=64, seed=number, config=config, progress=False)


@pytest.mark.skipif(sys.platform != "linux", reason="counts the open files of a process as Linux does")
@pytest.mark.slow
def test_two_hundred_trainings_leave_nothing_behind():
    def seen():
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    train_often(20)
    before, held = seen(), resident()
    train_often(180)
    assert seen() == before
    assert resident() - held < 30e6


@pytest.mark.slow
def test_a_thousand_moves_of_the_sliders_end_at_the_right_picture_and_few_are_kept():
    moved, untouched = gae_weights.at(), gae_weights.at()
    panel, rng, settings = moved.panel(), np.random.default_rng(0), set()
    positions = {name: list(control.positions()) for name, control in moved.controls.items()}

    def move(times, *names):
        for _ in range(times):
            panel.set(**{name: positions[name][rng.integers(len(positions[name]))] for name in names})
            settings.add(tuple(panel.values.values()))
            assert len(moved._pictures) <= explorer.PICTURES_KEPT

    move(100, *positions)
    held = resident()
    move(700, "gae_lambda")
    move(200, *positions)
    assert len(settings) > 4 * explorer.PICTURES_KEPT and len(moved._pictures) == explorer.PICTURES_KEPT
    assert resident() - held < 30e6
    picture, said = untouched.picture(**panel.values)
    assert panel.image.value == picture and panel.alt == said


# ---------------------------------------------------------------- no home

HOMELESS = """
import os, sys
from pathlib import Path
import rlcourse as rl
from rlcourse.course import progress
from rlcourse.lessons import gae
try:
    home = Path.home().exists()
except RuntimeError:
    home = None
history = rl.train(rl.PPO, "CartPole-v1", total_steps=200, progress=False)
progress.record("exercises", "gae/k_step")
print(type(gae.explorers.gae_weights).__name__, len(gae.explorers.gae_weights.picture()[0]) > 1000)
print("home", home, "written", os.access(".", os.W_OK), os.listdir())
"""
NAMES = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
NOBODY = 54321  # a number that no user has


def as_user(number):
    """The words before a command that make this user another one; the test is skipped where that is not allowed."""
    words = ["unshare", "--user", f"--map-user={number}"]
    if not shutil.which("unshare") or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        root = "root may write to every folder, and " if os.geteuid() == 0 else ""
        pytest.skip(f"{root}no user namespace can be made here")
    return words


@pytest.mark.skipif(sys.platform == "win32", reason="another notion of a home")
@pytest.mark.parametrize("home", ["a path that is missing", "not in the environment", "nor in the list of users"])
def test_no_home_and_a_folder_that_is_only_to_be_read_are_no_trouble(tmp_path, home):
    """Root may write to a folder of mode 555, so root becomes another user."""
    variables = {name: value for name, value in os.environ.items() if name not in NAMES}
    if home == "a path that is missing":
        variables["HOME"] = str(tmp_path / "nobody")
    words = []
    if home == "nor in the list of users":
        words = as_user(NOBODY)
    elif os.geteuid() == 0:
        words = as_user(1)
    tmp_path.chmod(0o555)
    program = [sys.executable, "-W", "ignore", "-c", HOMELESS]
    done = subprocess.run(
        [*words, *program], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600, check=False
    )
    tmp_path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    drawn, written = done.stdout.splitlines()
    assert drawn == "Explorer True" and written.endswith("written False []")
    if home != "not in the environment":
        assert written.startswith("home False" if home == "a path that is missing" else "home None")
