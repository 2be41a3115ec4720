"""The gallery's table: a task, what is tried, with which settings, and why."""

import importlib.util
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import RescaleObservation, TransformReward

from rlcourse.envs.vector import EnvMaker, label, make_env
from rlcourse.envs.wrappers import HoldAction

DEFAULTS = "the defaults"
HELD = 12
"""Steps for which a car on the mountain keeps its action."""


def mountain_car(render_mode: str | None = None) -> gym.Env:
    """MountainCar with both components of the observation between -1 and 1, and one decision in 12 steps."""
    return held(gym.make("MountainCar-v0", render_mode=render_mode))


def mountain_car_continuous(render_mode: str | None = None) -> gym.Env:
    """The same for the car whose force is a number."""
    return held(gym.make("MountainCarContinuous-v0", render_mode=render_mode))


def held(env: gym.Env) -> gym.Env:
    """Observations between -1 and 1, and one decision in 12 steps."""
    return HoldAction(RescaleObservation(env, np.float32(-1), np.float32(1)), HELD)


def half_cheetah(render_mode: str | None = None) -> gym.Env:
    """HalfCheetah with a camera that runs along, and without MuJoCo's warning about Gymnasium's own file."""
    import mujoco

    mujoco.set_mju_user_warning(lambda message: None)
    return gym.make("HalfCheetah-v5", render_mode=render_mode, camera_name="track")


class Attempt(NamedTuple):
    """An agent, and what it is given."""

    label: str
    """What differs from the defaults, in words."""
    agent: str
    """Its name in `rlcourse.algorithms`."""
    make: EnvMaker
    """The environment: its name, or a function that makes it with its wrappers."""
    steps: int
    """Decisions of each seed."""
    changes: tuple[tuple[str, object], ...] = ()
    """(field, value) pairs in which the config differs from the default."""
    num_envs: int | None = None
    """Environments of each seed; None for the agent's default."""
    reward_scale: float = 1.0
    """What the rewards are multiplied by in training; scores and curves are in the task's own unit."""

    def settings(self) -> str:
        """All that a measurement hangs on, in one line: stored beside it, so that a changed table is noticed."""
        changes = "".join(f", {field}={value!r}" for field, value in self.changes)
        envs = "" if self.num_envs is None else f", {self.num_envs} environments"
        scale = "" if self.reward_scale == 1.0 else f", rewards times {self.reward_scale:g}"
        return f"{self.agent} on {label(self.make)}, {self.steps} steps{changes}{envs}{scale}"

    def training_env(self) -> EnvMaker:
        """What to train in."""
        if self.reward_scale == 1.0:
            return self.make
        return lambda: TransformReward(make_env(self.make), lambda reward: self.reward_scale * reward)


class Task(NamedTuple):
    """A task of Gymnasium, and what it took to solve it."""

    solved: float
    """Mean return without exploration that counts as solved."""
    bar: str
    """Where this number comes from."""
    attempts: tuple[Attempt, ...]
    """The first has the default settings, the last is what works."""
    wrong: str
    """What went wrong at first, and why the change helps."""
    lesson: str
    """The slug of the lesson that explains it."""
    film: str
    """What the trained agent's film shows."""
    episodes: int = 20
    """Of a score; more where an episode is won or lost by chance."""
    extra: str = ""
    """What has to be installed for it: `pip install "gymnasium[...]"`."""

    def installed(self) -> bool:
        """Whether the task can be made here."""
        return not self.extra or importlib.util.find_spec(MODULES[self.extra]) is not None


MODULES = {"mujoco": "mujoco", "box2d": "Box2D"}
"""Extra of Gymnasium -> the module that it brings."""

TASKS = {
    "CartPole-v1": Task(
        475.0,
        "Gymnasium's own",
        (Attempt(DEFAULTS, "PPO", "CartPole-v1", 40_000),),
        "Nothing: every step is paid, the rewards are 1, the episodes end soon. The defaults were made here.",
        "ppo_in_practice",
        "A cart balances a pole",
    ),
    "Acrobot-v1": Task(
        -100.0,
        "Gymnasium's own",
        (
            Attempt(DEFAULTS, "PPO", "Acrobot-v1", 40_000),
            Attempt("the defaults, twice as long", "PPO", "Acrobot-v1", 80_000),
        ),
        "Patience. The reward is sparse, -1 until the goal; but chance reaches the goal, if rarely.",
        "ppo_in_practice",
        "Two links swing up",
    ),
    "MountainCar-v0": Task(
        -140.0,
        "the flag in every episode, with some steps to spare before the limit of 200; Gymnasium asks for -110",
        (
            Attempt(DEFAULTS, "PPO", "MountainCar-v0", 60_000),
            Attempt("actions held, observations scaled", "PPO", mountain_car, 16_000, (("steps", 32),)),
        ),
        "A sparse reward: -1 per step until the flag, and random pushes cancel each other long before it.",
        "ddpg",
        "A car swings up the hill",
    ),
    "MountainCarContinuous-v0": Task(
        90.0,
        "Gymnasium's own",
        (
            Attempt(DEFAULTS, "PPO", "MountainCarContinuous-v0", 60_000),
            Attempt("actions held, observations scaled", "PPO", mountain_car_continuous, 10_000, (("steps", 32),)),
        ),
        "A sparse reward of 100 at the flag, and every push costs a little: who never finds it learns to stand still.",
        "ddpg",
        "A car swings up the hill",
    ),
    "Pendulum-v1": Task(
        -300.0,
        "the course's own; the lesson on SAC asks for -200, which few seeds of PPO reach",
        (
            Attempt(DEFAULTS, "PPO", "Pendulum-v1", 50_000),
            Attempt("γ = 0.9, rewards times 0.1", "PPO", "Pendulum-v1", 50_000, (("gamma", 0.9),), reward_scale=0.1),
        ),
        "Rewards of up to -16 per step and γ = 0.99: the critic has to predict numbers around -600.",
        "reward_to_go",
        "A pendulum swings up and is held",
    ),
    "FrozenLake-v1": Task(
        0.7,
        "Gymnasium's own",
        (
            Attempt(DEFAULTS, "PPO", "FrozenLake-v1", 24_000),
            Attempt(
                "a replay buffer, α = 0.02",
                "DiscreteSAC",
                "FrozenLake-v1",
                24_000,
                (("alpha", 0.02), ("learn_alpha", False), ("gamma", 0.99), ("warmup", 2_000)),
                num_envs=8,
            ),
        ),
        "A reward of 1 at the goal, else 0, and slippery ice: few episodes of an early rollout are paid.",
        "off_policy_actor_critic",
        "An elf crosses the ice",
        episodes=300,
    ),
    "InvertedPendulum-v5": Task(
        950.0,
        "Gymnasium's own",
        (Attempt(DEFAULTS, "SAC", "InvertedPendulum-v5", 6_000),),
        "Nothing: every step is paid, the rewards are 1. It is CartPole again, with a force in place of two pushes.",
        "sac",
        "A cart balances a pole",
        extra="mujoco",
    ),
    "HalfCheetah-v5": Task(
        1_000.0,
        "the course's own: it has run 50 metres in 50 seconds, and a little for its effort",
        (
            Attempt(DEFAULTS, "PPO", half_cheetah, 60_000),
            Attempt("SAC with its defaults, half of the steps", "SAC", half_cheetah, 30_000),
        ),
        "Six joints to learn from few steps: PPO throws each step away after a few epochs, SAC goes on learning "
        "from it.",
        "off_policy_actor_critic",
        "Half a cheetah runs",
        episodes=5,
        extra="mujoco",
    ),
    "LunarLander-v3": Task(
        200.0,
        "Gymnasium's own",
        (
            Attempt(DEFAULTS, "PPO", "LunarLander-v3", 300_000),
            Attempt(
                "γ = 0.999, long rollouts",
                "PPO",
                "LunarLander-v3",
                600_000,
                (
                    ("gamma", 0.999),
                    ("gae_lambda", 0.98),
                    ("steps", 1024),
                    ("epochs", 4),
                    ("minibatch_size", 64),
                    ("entropy_weight", 0.01),
                    ("learning_rate", 3e-4),
                    ("clip_eps", 0.2),
                ),
                num_envs=16,
            ),
        ),
        "A landing takes hundreds of steps, and its 100 points come with the last: γ = 0.99 hardly sees them from "
        "above.",
        "reward_to_go",
        "A lander comes down",
        extra="box2d",
    ),
}
"""Gymnasium's name -> Task."""
