"""Explorers of lesson 00: which of its meanings does a letter have, and what passes between agent and world."""

import functools
from typing import NamedTuple

import numpy as np

from rlcourse.envs import LEFT, RIGHT, TabularVectorEnv, two_exits
from rlcourse.explorers.shell import Choice, Slider, Toggle, explorer
from rlcourse.plots import lesson_00 as plots
from rlcourse.rollout import Collector


class Use(NamedTuple):
    """One formula in which the literature uses a letter."""

    source: str
    formula: str
    """Mathtext; the letter stands between bars."""
    meaning: str


class Name(NamedTuple):
    """How this course writes a meaning, on paper and in code. The notation card of lesson 00 says the same."""

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

COLLISIONS = {
    "α": (
        Use("gradient ascent", r"\theta\;\leftarrow\;\theta+|\alpha|\,\nabla_\theta J(\theta)", "step size"),
        Use("maximum-entropy reward", r"r_t+|\alpha|\,H(\pi(\cdot\mid s_t))", "entropy temperature"),
        "",
    ),
    "λ": (
        Use("advantage estimate", r"\hat{A}_t=\delta_t+\gamma|\lambda|\,\delta_{t+1}+\ldots", "GAE weight"),
        Use("an update in SAC's pseudocode", r"\psi\;\leftarrow\;\psi-|\lambda|\,\nabla_\psi J_V(\psi)", "step size"),
        "",
    ),
    "τ": (
        Use("objective", r"J(\theta)=\mathbb{E}_{\,\pi}\,[\,R(|\tau|)\,]", "trajectory"),
        Use("target network", r"\bar{w}\;\leftarrow\;|\tau|\,w+(1-|\tau|)\,\bar{w}", "mixing weight of a target"),
        "A third use: some programs call the GAE weight tau.",
    ),
    "ε": (
        Use("PPO's surrogate", r"\mathrm{clip}(\rho,\,1-|\varepsilon|,\,1+|\varepsilon|)\hat{A}_t", "clip half-width"),
        Use("SAC's action", r"a=\mu(s)+\sigma(s)\,|\varepsilon|", "standard normal noise"),
        "A third use: the probability of a random action in ε-greedy exploration.",
    ),
    "r": (
        Use("return", r"|r_0|+\gamma\,|r_1|+\gamma^2\,|r_2|+\ldots", "reward"),
        Use("PPO's surrogate", r"\min(\,|r_t|(\theta)\,\hat{A}_t,\;\ldots\,)", "likelihood ratio"),
        "Other spellings of the ratio: r with index θ, and p.",
    ),
    "θ": (
        Use("score", r"\nabla_\theta\,\log\,\pi|_{\theta}|(a\mid s)", "weights of the policy"),
        Use("loss in SAC", r"(Q|_{\theta}|(s,a)-y)^2", "weights of a critic"),
        "",
    ),
    "φ": (
        Use("value loss in PPO", r"(V|_{\phi}|(s_t)-\hat{R}_t)^2", "weights of a critic"),
        Use("acting in SAC", r"a\;\sim\;\pi|_{\phi}|(\cdot\mid s)", "weights of the policy"),
        "",
    ),
    "N": (
        Use("gradient estimate", r"(g_1+\ldots+g_N)\,/\,|N|", "number of episodes"),
        Use("acting in DDPG", r"a_t=\mu(s_t)+|\mathcal{N}_t|", "exploration noise"),
        "A third use: the Gaussian distribution, as in ξ ~ N(0, 1).",
    ),
    "T": (
        Use("undiscounted return", r"r_0+r_1+\ldots+r|_{T-1}|", "horizon"),
        Use("soft policy evaluation", r"Q_{k+1}=|\mathcal{T}^{\,\pi}|\,Q_k", "Bellman operator"),
        "",
    ),
    "R": (
        Use("policy gradient", r"\nabla_\theta\,\log\,\pi_\theta(a_t\mid s_t)\;|\hat{R}_t|", "reward-to-go"),
        Use("DDPG's memory", r"(s,a,r,s')\;\in\;|R|", "replay buffer"),
        "A third use: R[s, a], the table of mean rewards of a finite MDP.",
    ),
    "μ′": (
        Use("target in DDPG", r"y=r+\gamma\,Q'(s',\,|\mu'|(s'))", "target actor"),
        Use("acting in DDPG, in the same paper", r"|\mu'|(s_t)=\mu(s_t)+\mathcal{N}_t", "exploring policy"),
        "",
    ),
}


@explorer(
    letter=Choice("letter", tuple(COLLISIONS), default="α"),
    first=Choice("in formula A it is the", ("?", *NAMES), default="?"),
    second=Choice("in formula B it is the", ("?", *NAMES), default="?"),
    answers=Toggle("show the answers", default=False),
    grid=("letter", "answers"),
)
def symbol_collisions(letter, first, second, answers):
    """One letter, two meanings: what does it stand for in A, and what in B?"""
    a, b, note = COLLISIONS[letter]
    said = [
        _answer(letter, use.meaning, other, guess, answers)
        for use, other, guess in ((a, ("B", b.meaning), first), (b, ("A", a.meaning), second))
    ]
    found = all(state in ("right", "told") for state, *_ in said)
    title = f"{letter}: two meanings, two names" if found else f"{letter} has two meanings here. Which two?"
    return plots.one_letter_two_meanings(letter, [(use.source, use.formula) for use in (a, b)], said, note, title)


def _answer(letter, meaning, other, guess, told):
    """(state, sentence, how the course writes it) for one formula."""
    name = NAMES[meaning]
    course = f"here: ${name.symbol}$\ncode: {name.code}"
    if guess == meaning:
        return "right", f"yes, the {meaning}", course
    if told:
        return "told", f"the {meaning}", course
    if guess == "?":
        return "open", f"what is {letter} here?", ""
    if guess == other[1]:
        return "wrong", f"not here: that is {letter} in formula {other[0]}", ""
    return "wrong", f"no: for the {guess}, the course writes {NAMES[guess].plain}", ""


COIN = (RIGHT, RIGHT, LEFT, RIGHT, RIGHT, RIGHT)    # one sequence of tosses; it ends at the right exit
CLOCK = 4
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
    clock=Toggle(f"a clock stops the recording after {CLOCK} steps", default=False),
    grid=("step", "gamma"),
)
def interaction_loop(step, noise, gamma, clock):
    """The loop: state, action, reward, next state; and what has been earned so far."""
    rows = walk(noise, CLOCK if clock else None)
    shown = min(step, len(rows))
    *_, following, terminated, truncated = rows[shown - 1] if shown else (rows[0][0], False, False)
    if terminated:
        verdict = "The walker is out: terminated. Nothing can follow, the future is worth 0."
    elif truncated:
        verdict = f"The clock rang: truncated. The walker is still in cell {following}, with a future."
    elif not shown:
        verdict = f"The walker starts in cell {following}; nothing has happened yet."
    else:
        verdict = f"The walker stands in cell {following}; the episode goes on."
    return plots.interaction(rows, shown, gamma=gamma, exits=EXITS, verdict=verdict)
