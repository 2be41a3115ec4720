"""Timings of the course: `python tools/bench.py [section ...]`; sections: rollout, returns, workers,
training, ppo, ddpg, sac, explorers, book, lessons.

CPU time of one process, one torch thread. Where two things are compared they run in turn, A B A B, so that a
machine that changes its speed changes both. Timings are printed, never tested.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode

import rlcourse as rl
import run_notebooks
from rlcourse.envs import make_envs


def cpu_seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def in_turn(contenders, rounds=5):
    """Median CPU seconds of each contender; the first round warms up and is not counted."""
    times = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, function in contenders.items():
            seconds = cpu_seconds(function)
            if turn:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def collecting(envs, agent, steps):
    collector = rl.Collector(envs, seed=0)
    return lambda: collector.collect(agent, steps=steps)


def repeated(function, times):
    return lambda: [function() for _ in range(times)]


def rollout():
    """Environment steps a CPU second of CartPole with a policy that acts, for 1 to 128 environments."""
    print("rollout: environment steps per CPU second, CartPole, two-layer policy of 64")
    for num_envs in (1, 8, 32, 128):
        steps = 4096 // num_envs + 64
        sync = {"autoreset_mode": AutoresetMode.SAME_STEP}
        kinds = {
            "vectorised physics": make_envs("CartPole-v1", num_envs),
            "SyncVectorEnv": gym.make_vec("CartPole-v1", num_envs, vectorization_mode="sync", vector_kwargs=sync),
        }
        agent = rl.PPO(kinds["SyncVectorEnv"].single_observation_space, gym.spaces.Discrete(2))
        seconds = in_turn({name: collecting(envs, agent, steps) for name, envs in kinds.items()})
        row = "   ".join(f"{name} {num_envs * steps / s:9,.0f}" for name, s in seconds.items())
        print(f"  {num_envs:4d} environments   {row}")


def returns():
    """One sweep of GAE over [128, 8], against the same recursion in torch operations."""
    generator = torch.Generator().manual_seed(0)
    rewards, values, next_values = (torch.randn(128, 8, generator=generator) for _ in range(3))
    terminated = torch.rand(128, 8, generator=generator) < 0.05
    truncated = torch.zeros_like(terminated)

    def in_torch():
        deltas = rewards + 0.99 * next_values * ~terminated - values
        advantages, following = torch.zeros_like(deltas), torch.zeros(8)
        for t in reversed(range(128)):
            following = deltas[t] + 0.99 * 0.95 * ~(terminated[t] | truncated[t]) * following
            advantages[t] = following

    def ours():
        rl.gae(rewards, values, next_values, terminated, truncated, gamma=0.99, gae_lambda=0.95)

    times = in_turn({"rl.gae": repeated(ours, 20), "torch loop": repeated(in_torch, 20)})
    print("returns: GAE over [128, 8]")
    print("   " + "   ".join(f"{name} {1000 * s / 20:.2f} ms" for name, s in times.items()))


def workers():
    """The event queue with 10,000 asynchronous workers, as the timeline of lesson 05 asks for it."""
    from rlcourse.lessons.parallel_actor_critic.simulator import lognormal, simulate

    seconds = in_turn({"": lambda: simulate(10_000, lognormal(0.5), mode="async", updates=120_000)}, rounds=2)[""]
    print(f"workers: 120,000 updates by 10,000 asynchronous workers, simulated in {seconds:.2f} CPU s")


def training():
    """Steps a CPU second of whole training runs, and how good they end."""
    print("training: CartPole, environment steps per CPU second, greedy mean of 10 episodes")
    for algorithm, total_steps in ((rl.Reinforce, 60_000), (rl.ParallelActorCritic, 150_000), (rl.PPO, 100_000)):
        for seed in range(3):
            history = None

            def run(seed=seed, algorithm=algorithm, total_steps=total_steps):
                nonlocal history
                history = rl.train(algorithm, "CartPole-v1", total_steps=total_steps, seed=seed, progress=False)

            seconds = cpu_seconds(run)
            score = np.mean(rl.evaluate(history.agent, "CartPole-v1"))
            speed = history.total_steps / seconds
            print(f"  {algorithm.__name__:20s} seed {seed}  {speed:9,.0f} steps/s  {seconds:5.1f} s  {score:6.1f}")


SEEDS = (1, 4, 16, 32)


def side_by_side(algorithm, env_id, config, num_envs, updates):
    """Contenders: so many updates of a population of each size, going on where the last call stopped."""

    def contender(count):
        options = {"config": config, "num_envs": num_envs, "total_steps": 10**9}
        run = rl.run_many(algorithm, env_id, seeds=count, **options)
        next(run)
        each = max(1, updates // count)  # a population of 32 is not timed 32 times as long
        return (lambda: [next(run) for _ in range(each)]), each * count

    return {f"{count} seed{'s' * (count > 1)}": contender(count) for count in SEEDS}


def rates(contenders, rounds):
    """Units of work per CPU second of each contender, of (function, units) by name; they run in turn."""
    seconds = in_turn({name: function for name, (function, _) in contenders.items()}, rounds)
    speed = {name: contenders[name][1] / s for name, s in seconds.items()}
    for name, value in speed.items():
        theirs, alone = value / speed["stable-baselines3"], value / speed["1 seed"]
        print(f"   {name:18s} {value:10,.0f}   {theirs:5.2f} times stable-baselines3   {alone:5.2f} times one seed")


def ppo():
    """PPO against stable-baselines3: CartPole, 8 environments x 128 steps, minibatches of 256, 4 epochs, 64 x 64."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    config = rl.PPO.Config(steps=128, epochs=4, minibatch_size=256, hidden=(64, 64), learning_rate=3e-4)
    theirs = PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=8),
        n_steps=128,
        batch_size=256,
        n_epochs=4,
        ent_coef=0.0,
        policy_kwargs={"net_arch": {"pi": [64, 64], "vf": [64, 64]}},
        device="cpu",
        seed=0,
    )
    rollout, steps = 8 * 128, 8 * 8 * 128
    contenders = side_by_side(rl.PPO, "CartPole-v1", config, 8, updates=32)
    contenders = {name: (function, rollout * updates) for name, (function, updates) in contenders.items()}
    contenders["stable-baselines3"] = lambda: theirs.learn(steps, reset_num_timesteps=False), steps
    print("ppo: environment steps per CPU second, all seeds together, collecting and learning")
    rates(contenders, rounds=7)


def against_replay(name):
    """An algorithm that learns from replay against stable-baselines3's: one step and one update in turn, Pendulum."""
    import stable_baselines3

    print(f"{name.lower()}: updates per CPU second on Pendulum, all seeds together, one environment step before each")
    for width, batch_size in ((64, 128), (256, 256)):
        algorithm = getattr(rl, name)
        config = algorithm.Config(hidden=(width, width), batch_size=batch_size, warmup=batch_size, tau=0.005)
        theirs = getattr(stable_baselines3, name)(
            "MlpPolicy",
            "Pendulum-v1",
            batch_size=batch_size,
            learning_starts=batch_size,
            train_freq=1,
            tau=0.005,
            policy_kwargs={"net_arch": [width, width]},
            device="cpu",
            seed=0,
        )
        count = 400 if width == 64 else 64
        contenders = side_by_side(algorithm, "Pendulum-v1", config, 1, updates=count)
        learn = functools.partial(theirs.learn, count, reset_num_timesteps=False)
        contenders["stable-baselines3"] = learn, count
        theirs.learn(2 * batch_size)
        print(f"  {width} x {width}, batch {batch_size}:")
        rates(contenders, rounds=7)


def ddpg():
    """DDPG against stable-baselines3, with small and with large networks."""
    against_replay("DDPG")


def sac():
    """SAC with a learned temperature against stable-baselines3, with small and with large networks."""
    against_replay("SAC")


def explorers():
    """Slider to picture, against interactive_output and plt.show, inside a kernel."""
    subprocess.run([sys.executable, str(Path(__file__).with_name("bench_explorers.py"))], check=True)


def book():
    """The same in the built book: a page, its pictures and a browser, no kernel."""
    subprocess.run([sys.executable, str(Path(__file__).with_name("bench_book.py"))], check=True)


def lessons():
    """Every notebook from a clean kernel to its last cell, on one core where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("lessons: seconds on the clock and of CPU, on one core")
    total = 0.0
    with tempfile.TemporaryDirectory(prefix="rlcourse-bench-") as state:
        for path in run_notebooks.chosen([]):
            began, busy = time.perf_counter(), os.times()
            run_notebooks.run(path, state)
            taken, used = time.perf_counter() - began, os.times()
            total += taken
            cpu = used.children_user + used.children_system - busy.children_user - busy.children_system
            print(f"  {path.stem:26s} {taken:6.1f} s {cpu:6.1f} s of CPU {total:7.1f} s in all", flush=True)


TIMED = (rollout, returns, workers, training, ppo, ddpg, sac, explorers, book, lessons)
SECTIONS = {section.__name__: section for section in TIMED}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    names = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"section must be one of {', '.join(SECTIONS)}, got {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    for name in names:
        SECTIONS[name]()
