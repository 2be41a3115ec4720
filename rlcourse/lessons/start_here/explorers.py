"""Explorers: how a network becomes a policy, and what passes between agent and environment."""

import functools
from typing import NamedTuple

import numpy as np

from rlcourse.course.widgets.controls import Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.envs import LEFT, RIGHT, TabularVectorEnv, two_exits
from rlcourse.lessons.start_here import plots
from rlcourse.rollout import Collector


class Name(NamedTuple):
    """How this course writes a meaning, on paper and in code. The notation card of the lesson says the same."""

    symbol: str
    """Mathtext."""
    plain: str
    """The same for a sentence."""
    code: str


NAMES = {
    "step size": Name(r"\eta", "η", "learning_rate"),
    "entropy temperature": Name(r"\alpha", "α", "alpha"),
    "GAE weight": Name(r"\lambda", "λ", "gae_lambda"),
    "mixing weight of a target": Name(r"\kappa", "κ", "tau"),
    "trajectory": Name("h", "h", "Transitions"),
    "clip half-width": Name(r"\varepsilon", "ε", "clip_eps"),
    "standard normal noise": Name(r"\xi", "ξ", "rsample"),
    "exploration noise": Name("n_t", "n", "OrnsteinUhlenbeck"),
    "reward": Name("r_t", "r", "rewards"),
    "likelihood ratio": Name(r"\rho_t", "ρ", "ratio"),
    "weights of the policy": Name(r"\theta", "θ", "actor"),
    "weights of a critic": Name("w", "w", "critic"),
    "number of episodes": Name("N", "N", "num_envs"),
    "horizon": Name("T", "T", "steps"),
    "Bellman operator": Name(r"\mathcal{B}^\pi", "B with index π", "soft_evaluate"),
    "reward-to-go": Name(r"\hat{R}_t", "R with a hat", "rewards_to_go"),
    "replay buffer": Name(r"\mathcal{D}", "a script D", "ReplayBuffer"),
    "target actor": Name(r"\bar{\mu}", "μ with a bar", "target_actor"),
    "exploring policy": Name(r"\mu_\theta(s_t)+n_t", "μ + n", "act"),
}

DRAWS = np.random.default_rng(3).random(20)
"""Twenty fixed random numbers: one that is below π(right) draws right, so only the policy changes what is drawn."""


@explorer(
    left=Slider("logit of left", -3.0, 3.0, step=0.5, default=0.0),
    right=Slider("logit of right", -3.0, 3.0, step=0.5, default=0.0),
    grid=("left", "right"),
)
def policy_network(left, right):
    """A stochastic policy: two logits become two probabilities, and the action is drawn."""
    weights = np.exp([left, right])
    probabilities = weights / weights.sum()
    return plots.policy(np.array([left, right]), probabilities, probabilities[1] > DRAWS)


COIN = (RIGHT, RIGHT, LEFT, RIGHT, RIGHT, RIGHT)  # one sequence of tosses; it ends at the right exit
LIMIT = 4
"""Steps after which the recording stops, where there is a time limit."""
EXITS = (0.4, 1.0)


class _Script:
    """An agent that plays a fixed list of actions."""

    def __init__(self, actions):
        self.actions = iter(actions)

    def act(self, obs):
        return np.array([next(self.actions)])


@functools.cache
def walk(noise, limit):
    """One episode on the two-exits chain: rows (s, a, r, s', terminated, truncated), s' None outside."""
    envs = TabularVectorEnv(two_exits(), start=3, reward_noise=noise, num_envs=1, max_episode_steps=limit)
    episode = Collector(envs, seed=2).collect_episodes(_Script(COIN))
    columns = (episode.obs, episode.actions, episode.rewards, episode.next_obs, episode.terminated, episode.truncated)
    return [
        (state, ("left", "right")[action], reward, None if terminated else following, terminated, truncated)
        for state, action, reward, following, terminated, truncated in zip(*(c.tolist() for c in columns), strict=True)
    ]


@explorer(
    step=Slider("steps taken", 0, len(COIN), step=1, default=3),
    noise=Slider("reward noise, sd", 0.0, 1.5, step=0.1, default=0.0),
    gamma=Slider("discount, γ", 0.5, 1.0, step=0.05, default=0.9),
    limited=Toggle(f"a time limit of {LIMIT} steps", default=False),
    grid=("step", "gamma"),
)
def interaction_loop(step, noise, gamma, limited):
    """The loop: state, action, reward, next state; and what has been earned so far."""
    rows = walk(noise, LIMIT if limited else None)
    shown = min(step, len(rows))
    *_, following, terminated, truncated = rows[shown - 1] if shown else (rows[0][0], False, False)
    if terminated:
        verdict = "The walker is out: terminated. Nothing can follow, the future is worth 0."
    elif truncated:
        verdict = f"The time limit: truncated. The walker is still in cell {following}, with a future."
    elif not shown:
        verdict = f"The walker starts in cell {following}; nothing has happened yet."
    else:
        verdict = f"The walker stands in cell {following}; the episode goes on."
    return plots.interaction(rows, shown, gamma=gamma, exits=EXITS, verdict=verdict)
