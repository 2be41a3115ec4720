"""Numbers of the lesson: entropies, two passages, soft policy iteration, and what the temperature buys."""

import math
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize

from rlcourse import exact
from rlcourse.course import gradients
from rlcourse.course.claims import claim
from rlcourse.distributions import categorical_entropy, gaussian_entropy
from rlcourse.envs import corridor
from rlcourse.lessons.soft_policy_iteration.two_passages import (  # noqa: F401  the lesson finds all numbers here
    FINE,
    MAP_MU,
    MAP_SIGMA,
    SECOND,
    STEP,
    boltzmann_density,
    divergence,
    divergence_map,
    earned,
    fit,
    gaussian_density,
    log_normaliser,
    mass,
    minima,
    one_passage,
    passages,
    race,
)

# ---------------------------------------------------------------- entropy

FLAT = (0.21, 0.20, 0.21, 0.235, 0.125)
PEAKED = (0.08, 0.015, 0.08, 0.824, 0.001)
"""Weights of five actions, nearly alike and very unlike."""


def shares(weights):
    """Weights as probabilities."""
    weights = np.asarray(weights, dtype=float)
    return weights / weights.sum()


def tempered(weights, temperature):
    """Probabilities in proportion to w^(1/T): the Boltzmann policy of log w at temperature T."""
    return exact.boltzmann(np.log(weights), temperature).numpy()


def width_of_uniform(sigma):
    """Length of the interval on which a uniform density has standard deviation σ."""
    return math.sqrt(12) * sigma


@claim("CL-47")
def entropies():
    """Entropies in nats: of five actions, nearly alike, very unlike and certain; of densities, wide and narrow."""
    sure = (0.0, 0.0, 0.0, 1.0, 0.0)
    return {
        "flat": categorical_entropy(shares(FLAT)),
        "peaked": categorical_entropy(shares(PEAKED)),
        "certain": categorical_entropy(sure),
        "largest": math.log(5),
        "gauss_1": gaussian_entropy(1.0),
        "gauss_02": gaussian_entropy(0.2),
        "gauss_tiny": gaussian_entropy(1e-6),
        "uniform_half": math.log(0.5),
        "zero_at": 1 / math.sqrt(2 * math.pi * math.e),
    }


@claim("CL-48")
def near_equals():
    """Probability ratio of two actions whose values differ by 0.1, at three temperatures; α that makes it 1.2."""
    ratios = {}
    for name, alpha in (("ratio_01", 0.1), ("ratio_1", 1.0), ("ratio_10", 10.0)):
        lower, higher = exact.boltzmann([0.0, 0.1], alpha)
        ratios[name] = higher / lower
    return {**ratios, "alpha_for_1_2": 0.1 / math.log(1.2)}


# ---------------------------------------------------------------- a critic with a false peak


class Spike(NamedTuple):
    """A critic of one action a in [-1, 1], true values and estimate, on a fine grid."""

    actions: np.ndarray
    true: np.ndarray
    critic: np.ndarray


@cache
def spike():
    """Q(a) = exp(-10 (a + ½)²), and an estimate of it with a peak of height 1.5 and width 0.01 at a = ½."""
    actions = np.linspace(-1, 1, 20_001)
    true = np.exp(-10 * (actions + 0.5) ** 2)
    return Spike(actions, true, true + 1.5 * np.exp(-0.5 * ((actions - 0.5) / 0.01) ** 2))


def trust(alpha):
    """(probability of the spike, true value earned) of the Boltzmann policy of the spiked critic."""
    actions, true, critic = spike()
    policy = exact.boltzmann(critic, alpha).numpy()
    return policy[np.abs(actions - 0.5) < 0.05].sum(), policy @ true


def gaussian_on_the_spike(alpha, mean=0.5, std=0.02):
    """(mean, std, true value earned) of a Gaussian that descends on E[α log π - Q] of the spiked critic, from here."""
    actions, true, critic = spike()
    width = actions[1] - actions[0]

    def density(parameters):
        weights = np.exp(-0.5 * ((actions - parameters[0]) / np.exp(parameters[1])) ** 2)
        return weights / (weights.sum() * width)

    def loss(parameters):
        pi = density(parameters)
        return (pi * (alpha * np.log(np.maximum(pi, 1e-300)) - critic)).sum() * width

    found = minimize(loss, (mean, math.log(std)), method="Nelder-Mead").x
    return found[0], math.exp(found[1]), (density(found) * true).sum() * width


@claim("CL-49")
def protection():
    """Share of a Boltzmann policy on a false peak of its critic, and what it truly earns, at four temperatures.

    gauss: a Gaussian fitted by reverse KL at α = 0.2, from the spike and from the true hump: its standard deviation,
    and what it earns.
    """
    _, true, critic = spike()
    numbers = {"greedy": true[critic.argmax()]}
    for name, alpha in (("005", 0.05), ("01", 0.1), ("02", 0.2), ("05", 0.5)):
        numbers[f"on_spike_{name}"], numbers[f"earned_{name}"] = trust(alpha)
    for name, start in (("spike", (0.5, 0.02)), ("hump", (-0.3, 0.2))):
        _, numbers[f"gauss_std_{name}"], numbers[f"gauss_earned_{name}"] = gaussian_on_the_spike(0.2, *start)
    return numbers


# ---------------------------------------------------------------- finite MDPs

GAMMA = 0.9
UP, RIGHT_, DOWN, LEFT_ = range(4)
GRID, GOAL, PIT, START = 4, 3, 7, 12
"""The grid world: cells 0..15 row by row from the top left, a goal, a pit, and where an episode begins."""
CELLS = [cell for cell in range(GRID * GRID) if cell not in (GOAL, PIT)]
PAYS, COSTS, SLIPS = 4.0, 0.1, 0.1


def random_mdp(seed):
    """Eight states, four actions: P(·|s, a) ~ Dirichlet(0.3), R(s, a) ~ N(0, 1)."""
    rng = np.random.default_rng(seed)
    transitions = rng.dirichlet(np.full(8, 0.3), (8, 4))
    return exact.FiniteMDP(torch.from_numpy(transitions), torch.from_numpy(rng.normal(size=(8, 4))))


@cache
def grid_world():
    """4 x 4 cells, four moves that slip sideways with probability 0.1 each; goal +4 and pit -4 end, steps cost 0.1."""
    moves, pays = ((-1, 0), (0, 1), (1, 0), (0, -1)), {GOAL: PAYS, PIT: -PAYS}
    transitions, rewards = torch.zeros(16, 4, 16).double(), torch.zeros(16, 4).double()
    for cell in CELLS:
        for action in range(4):
            for turn, chance in ((0, 1 - 2 * SLIPS), (1, SLIPS), (3, SLIPS)):
                by = moves[(action + turn) % 4]
                row, column = (min(max(at + d, 0), GRID - 1) for at, d in zip(divmod(cell, GRID), by, strict=True))
                to = GRID * row + column
                rewards[cell, action] += chance * (pays.get(to, 0.0) - COSTS)
                if to not in pays:
                    transitions[cell, action, to] += chance
    return exact.FiniteMDP(transitions, rewards)


def soft_values(mdps, policies, *, gamma, alpha):
    """Soft Q[n, s, a] of many policies of many MDPs at once, without the checks of `exact.soft_evaluate`."""
    P, R = torch.stack([mdp.transitions for mdp in mdps]), torch.stack([mdp.rewards for mdp in mdps])
    step = torch.einsum("nsa,nsap->nsp", policies, P)
    reward = (policies * R).sum(-1) + alpha * torch.special.entr(policies).sum(-1)
    V = torch.linalg.solve(torch.eye(P.shape[1], dtype=P.dtype) - gamma * step, reward)
    return R + gamma * torch.einsum("nsap,np->nsa", P, V)


# ---------------------------------------------------------------- the objective and its bracket


def cold_policy(mdp):
    """A policy to measure: softmax of the immediate rewards."""
    return exact.boltzmann(mdp.rewards, 1.0)


def brackets(alpha=0.5, steps=120, runs=4000, seed=0):
    """The objective of one policy three ways: solved, sampled, and sampled with the entropy left undiscounted."""
    mdp = random_mdp(0)
    policy = cold_policy(mdp)
    entropy = categorical_entropy(policy).numpy()
    batch = gradients.sample(mdp, policy, episodes=runs, horizon=steps, seed=seed)
    discount = GAMMA ** np.arange(steps)[:, None]
    rewards, bonus = discount * batch.rewards.numpy(), alpha * entropy[batch.obs.numpy()]
    right = (rewards + discount * bonus).sum(0)
    wrong = rewards.sum(0) + bonus.cumsum(0)
    solved = exact.soft_evaluate(mdp, policy, gamma=GAMMA, alpha=alpha).V[0].item()
    return {
        "solved": solved,
        "sampled": right.mean(),
        "error": right.std() / runs**0.5,
        "undiscounted_60": wrong[59].mean(),
        "undiscounted_120": wrong[-1].mean(),
    }


def finite_horizon(alpha=0.5, runs=40_000, seed=0):
    """The corridor for ten steps, undiscounted, solved on the unrolled MDP and sampled."""
    policy = gradients.corridor_policy()
    solved = exact.soft_evaluate(corridor().unroll(10), policy.repeat(10, 1), gamma=1.0, alpha=alpha).V[0].item()
    batch = gradients.sample_corridor(episodes=runs, seed=seed)
    entropy = categorical_entropy(policy)[batch.obs]
    returns = (batch.rewards + alpha * entropy).sum(0)
    return {"solved": solved, "sampled": returns.mean().item(), "error": (returns.std() / runs**0.5).item()}


def bonus_in_this_step(alpha, rounds=400):
    """The grid world's policy where α H is paid for this step alone, as in PPO's gradient: π = softmax(Q^π/α).

    Q^π is the ordinary value, without entropy. At this policy Σ_s d(s) ∇(E_π[Q] + α H), with Q and d held fixed, is 0.
    """
    mdp = grid_world()
    policy = torch.full_like(mdp.rewards, 0.25)
    for _ in range(rounds):
        policy = exact.boltzmann(exact.evaluate(mdp, policy, gamma=GAMMA).Q, alpha)
    return policy


# ---------------------------------------------------------------- evaluation contracts, improvement improves


def errors(mdp, policy, *, gamma, alpha, backups, start=None):
    """(tables Q_0, Q_1, ... [k + 1, S, A], their largest error) under the soft backup from `start`, or from 0."""
    truth = exact.soft_evaluate(mdp, policy, gamma=gamma, alpha=alpha).Q
    tables = [torch.zeros_like(truth) if start is None else start]
    for _ in range(backups):
        tables.append(exact.soft_backup(mdp, policy, tables[-1], gamma=gamma, alpha=alpha))
    tables = torch.stack(tables)
    return tables, (tables - truth).abs().amax((1, 2))


@claim("CL-53")
def contraction():
    """The soft backup of the uniform policy of random MDP 0, γ = 0.9, α = 0.1: error after k backups from zero.

    ratio: the largest factor by which one backup changed the distance of two random tables, over 1000 pairs.
    """
    mdp, rng = random_mdp(0), np.random.default_rng(0)
    policy = torch.full((8, 4), 0.25, dtype=torch.float64)
    _, error = errors(mdp, policy, gamma=GAMMA, alpha=0.1, backups=100)
    one, two = torch.from_numpy(rng.normal(size=(2, 1000, 8, 4)))

    def backup(Q):
        V = (policy * (Q - 0.1 * policy.log())).sum(-1)
        return mdp.rewards + GAMMA * torch.einsum("sap,np->nsa", mdp.transitions, V)

    before, after = ((a - b).abs().amax((1, 2)) for a, b in ((one, two), (backup(one), backup(two))))
    shift = torch.ones(8, 4, dtype=torch.float64)  # tables that differ by a constant: the worst there is
    worst = exact.soft_backup(mdp, policy, shift, gamma=GAMMA, alpha=0.1)
    worst -= exact.soft_backup(mdp, policy, 0 * shift, gamma=GAMMA, alpha=0.1)
    return {
        "ratio": (after / before).max(),
        "worst": worst.max(),
        "rate": (error[100] / error[50]) ** (1 / 50),
        **{f"after_{k}": error[k] for k in (0, 10, 50, 100)},
    }


def improve(mdps, policies, *, alpha, rounds, target=None, gamma=GAMMA):
    """Rounds of evaluation at α and improvement at `target`: lists of policies and of their soft Q, rounds + 1 each."""
    history = [policies]
    values = [soft_values(mdps, policies, gamma=gamma, alpha=alpha)]
    for _ in range(rounds):
        history.append(torch.softmax(values[-1] / (target or alpha), -1))
        values.append(soft_values(mdps, history[-1], gamma=gamma, alpha=alpha))
    return history, values


def random_policies(count, seed=1000):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.dirichlet(np.ones(4), (count, 8)))


ROUNDS = 10
FALL = 0.01
"""A value that is lower by this much has fallen; rounding stays far below it."""


@cache
def updates(alpha, target, count=200):
    """Smallest and largest change of Q, [rounds, count], and the final distance from the optimum, [count].

    200 random policies, four on each of 50 random MDPs, improved 10 times at temperature `target`.
    """
    mdps = [random_mdp(seed % 50) for seed in range(count)]
    _, values = improve(mdps, random_policies(count), alpha=alpha, target=target, rounds=ROUNDS)
    change = torch.stack([after - before for before, after in pairwise(values)])
    best = torch.stack([exact.soft_policy_iteration(mdp, gamma=GAMMA, alpha=alpha).Q for mdp in mdps[:50]])
    return change.amin((2, 3)), change.amax((2, 3)), (best.repeat(count // 50, 1, 1) - values[-1]).amax((1, 2))


TAGS = (("005", 0.05), ("02", 0.2), ("05", 0.5), ("2", 2.0))


@claim("CL-54")
def improvement():
    """Largest fall of a value in 2000 updates with one α; with exp(Q) instead, what becomes of the values.

    Four random policies on each of 50 random MDPs, 10 rounds each. falls: share of updates that lower some value by
    more than 0.01; gap: mean distance from the optimum at the end; least, most: fall of a value in one update to
    exp(Q) that starts at the optimum of α = 0.2, over all 1600 values of the 50 MDPs.
    """
    numbers = {"fall": max(-updates(alpha, alpha)[0].min() for _, alpha in TAGS), "fall_mixed": 0.0}
    for tag, alpha in TAGS:
        lowest, _, gap = updates(alpha, 1.0)
        numbers |= {f"falls_{tag}": (lowest < -FALL).double().mean(), f"gap_{tag}": gap.mean()}
        numbers["fall_mixed"] = max(numbers["fall_mixed"], -lowest.min())
    fall = fall_from_the_optimum()
    return {**numbers, "least": fall.min(), "most": fall.max()}


def fall_from_the_optimum(alpha=0.2):
    """By how much each value of 50 random MDPs falls, [50, S, A], in one update from the soft optimum to exp(Q)."""
    mdps = [random_mdp(seed) for seed in range(50)]
    best = torch.stack([exact.soft_policy_iteration(mdp, gamma=GAMMA, alpha=alpha).policy for mdp in mdps])
    before, after = improve(mdps, best, alpha=alpha, target=1.0, rounds=1)[1]
    return before - after


def restricted_improvement(seed=0, family=30, alpha=0.5):
    """Improvement where only some policies are allowed: smallest change of Q when each state takes the nearest one.

    The family: per state, 30 random distributions and the current one.
    """
    mdp, rng = random_mdp(seed), np.random.default_rng(seed)
    policy = random_policies(1, seed)[0]
    Q = exact.soft_evaluate(mdp, policy, gamma=GAMMA, alpha=alpha).Q
    allowed = torch.cat([policy[:, None], torch.from_numpy(rng.dirichlet(np.ones(4), (8, family)))], 1)
    kl = (allowed * (allowed.log() - Q[:, None] / alpha)).sum(-1)  # but for log Z, which no choice changes
    nearest = allowed[torch.arange(8), kl.argmin(-1)]
    return (exact.soft_evaluate(mdp, nearest, gamma=GAMMA, alpha=alpha).Q - Q).min().item()


@claim("CL-55")
def rounds_needed():
    """Rounds of soft policy iteration from the uniform policy on 50 random MDPs, at α = 0.05, 0.5 and 1, γ = 0.9.

    rounds: improvements until no value differs from the optimum by more than 1e-8; apart: largest distance of the
    result from soft value iteration's.
    """
    needed, apart = [], 0.0
    for alpha in (0.05, 0.5, 1.0):
        for seed in range(50):
            mdp = random_mdp(seed)
            solution = exact.soft_policy_iteration(mdp, gamma=GAMMA, alpha=alpha)
            other = exact.soft_value_iteration(mdp, gamma=GAMMA, alpha=alpha, tol=1e-12)
            apart = max(apart, (solution.Q - other.Q).abs().max().item())
            needed.append(next(k for k, found in enumerate(solution.history) if (solution.V - found.V).max() < 1e-8))
    return {"rounds": np.mean(needed), "most": max(needed), "apart": apart}


@claim("CL-56")
def with_a_network_in_miniature():
    """The same soft backup on a table, and followed by a least-squares fit of one weight to all states.

    Two states, two equal actions, both lead to the second state; reward 0, γ = 0.9, α = 0.2, policy uniform. The fit
    describes both states by Q = w φ(s) with features 1 and 2. Error of Q after 50 backups, and growth a backup.
    """
    alpha, features = 0.2, torch.tensor([1.0, 2.0], dtype=torch.float64)
    mdp = exact.FiniteMDP(torch.tensor([[[0.0, 1.0]] * 2] * 2), torch.zeros(2, 2))
    policy = torch.full((2, 2), 0.5, dtype=torch.float64)
    truth = exact.soft_evaluate(mdp, policy, gamma=GAMMA, alpha=alpha).Q
    table, w, table_errors, fit_errors = torch.zeros(2, 2).double(), torch.tensor(0.0).double(), [], []
    for _ in range(51):
        fitted = (w * features)[:, None].expand(2, 2)
        table_errors.append((table - truth).abs().max())
        fit_errors.append((fitted - truth).abs().max())
        table = exact.soft_backup(mdp, policy, table, gamma=GAMMA, alpha=alpha)
        target = exact.soft_backup(mdp, policy, fitted, gamma=GAMMA, alpha=alpha)[:, 0]
        w = (features @ target) / (features @ features)
    return {
        "table": table_errors[50],
        "fit": fit_errors[50],
        "start": table_errors[0],
        "table_rate": table_errors[50] / table_errors[49],
        "fit_rate": (fit_errors[50] - fit_errors[49]) / (fit_errors[49] - fit_errors[48]),
    }


@claim("CL-63")
def dropped_normaliser():
    """The policy loss with log Z and without, for a Gaussian on Q = sin 3a - 0.3 a² at α = 0.2, by quadrature.

    Largest difference of the gradients in μ and log σ; difference of the values, and α log Z.
    """
    alpha = 0.2
    actions = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    width, Q = actions[1] - actions[0], torch.sin(3 * actions) - 0.3 * actions**2
    log_z = torch.logsumexp(Q / alpha, 0) + width.log()
    parameters = torch.tensor([0.3, -0.5], dtype=torch.float64, requires_grad=True)
    log_pi = torch.distributions.Normal(parameters[0], parameters[1].exp()).log_prob(actions)
    pi = log_pi.exp() * width
    with_z = alpha * (pi * (log_pi - Q / alpha + log_z)).sum()
    without = (pi * (alpha * log_pi - Q)).sum()
    gradients_ = [torch.autograd.grad(loss, parameters, retain_graph=True)[0] for loss in (with_z, without)]
    return {
        "slopes": (gradients_[0] - gradients_[1]).abs().max(),
        "values": (with_z - without).item(),
        "alpha_log_z": (alpha * log_z).item(),
    }


# ---------------------------------------------------------------- the dial


class Dial(NamedTuple):
    """One position of the dial: a policy, its reward a step, its entropy a step, both weighted by the discount."""

    policy: torch.Tensor
    reward: float
    entropy: float


@lru_cache(maxsize=256)
def dial(alpha, scale=1.0, gamma=GAMMA):
    """The soft optimum of random MDP 0 with all rewards times `scale`; its reward is told in the old unit.

    Averages of all states as first states; (1 - γ) Σ γ^t x_t, so that a constant x counts as itself.
    """
    mdp = random_mdp(0)
    louder = exact.FiniteMDP(mdp.transitions, scale * mdp.rewards)
    policy = exact.soft_policy_iteration(louder, gamma=gamma, alpha=alpha).policy
    entropy = torch.special.entr(policy).sum(-1)
    bonus = exact.FiniteMDP(mdp.transitions, entropy[:, None].expand(8, 4))
    reward = exact.evaluate(mdp, policy, gamma=gamma).V.mean().item()
    return Dial(policy, (1 - gamma) * reward, (1 - gamma) * exact.evaluate(bonus, policy, gamma=gamma).V.mean().item())
