"""Numbers of the lesson: two roads to one gradient, SAC's policy loss, and what tanh does to a density."""

import math
from functools import cache, lru_cache
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import torch
from torch.nn import functional as F

from rlcourse.algorithms.sac import SAC
from rlcourse.course.claims import claim
from rlcourse.lessons.reparameterization import race
from rlcourse.transitions import Transitions

ALPHA = 0.2
"""Temperature of the worked examples."""

# ---------------------------------------------------------------- one draw, and the way back through it

ROADS = ("rsample()", "sample()", "sample() and score")
TARGET = 1.0
"""The critic of the worked example is Q(a) = -(a - 1)²."""


class Draw(NamedTuple):
    """One action, its loss, and what autograd sends back; a gradient that does not exist is None."""

    action: float
    q: float
    log_prob: float
    loss: float
    flags: dict
    """Name of a tensor -> its requires_grad."""
    from_q: float | None
    """∂loss/∂Q · ∂Q/∂a, what the critic tells the action."""
    from_density: float | None
    """α ∂log π/∂a, what the entropy tells the action."""
    through_action: tuple | None
    """(∂a/∂μ, ∂a/∂σ) times the sum of the two."""
    direct: tuple
    """What reaches (μ, σ) without passing through the action."""
    gradient: tuple
    """What reaches (μ, σ) in all."""


def one_draw(road, mu, sigma, noise, alpha=ALPHA):
    """SAC's policy loss for a single draw of a plain Gaussian, by torch.

        a = μ + σ ξ,    loss = α log π(a) - Q(a)

    Args:
        road: "rsample()" keeps the graph of a; "sample()" draws the same number without it; "sample() and score"
            multiplies log π(a) by the loss, taken as a constant.
        mu, sigma, noise: μ, σ, ξ.
        alpha: temperature.

    Returns:
        A Draw.
    """
    mean, std = (torch.tensor(float(x), dtype=torch.float64, requires_grad=True) for x in (mu, sigma))
    with torch.set_grad_enabled(road == "rsample()"):
        action = mean + std * noise
    q = -((action - TARGET) ** 2)
    log_prob = -0.5 * ((action - mean) / std) ** 2 - std.log() - 0.5 * math.log(2 * math.pi)
    loss = alpha * log_prob - q
    objective = loss.detach() * log_prob if road == ROADS[2] else loss
    total = _numbers(torch.autograd.grad(objective, (mean, std), retain_graph=True))
    tensors = {"mu, sigma": mean, "a": action, "Q": q, "log pi": log_prob, "loss": objective}
    from_q = from_density = through = None
    if action.requires_grad:
        (from_q,) = _numbers(torch.autograd.grad(-q, action, retain_graph=True))
        at_loss = sum(_numbers(torch.autograd.grad(loss, action, retain_graph=True)))
        from_density = at_loss - from_q
        through = _numbers(torch.autograd.grad(action, (mean, std), torch.tensor(at_loss, dtype=torch.float64)))
    direct = total if through is None else tuple(t - p for t, p in zip(total, through))
    return Draw(
        action.item(),
        q.item(),
        log_prob.item(),
        loss.item(),
        {name: tensor.requires_grad for name, tensor in tensors.items()},
        from_q,
        from_density,
        through,
        direct,
        total,
    )


def _numbers(tensors):
    return tuple(tensor.item() for tensor in tensors)


def many_draws(road, mu, sigma, noise, alpha=ALPHA):
    """What reaches (μ, σ) in each of many draws, ξ of shape [N], without autograd: array [2, N]."""
    action = mu + sigma * noise
    log_prob = -0.5 * noise**2 - math.log(sigma) - 0.5 * math.log(2 * math.pi)
    scores = np.array([noise / sigma, (noise**2 - 1) / sigma])
    if road == "sample()":
        return alpha * scores
    if road == "rsample()":
        to_action = 2 * (action - TARGET) - alpha * noise / sigma
        return alpha * scores + to_action * np.array([np.ones_like(noise), noise])
    return (alpha * log_prob + (action - TARGET) ** 2) * scores


def exact_gradient(mu, sigma, alpha=ALPHA):
    """Gradient of the mean loss: (2 (μ - 1), 2σ - α / σ)."""
    return 2 * (mu - TARGET), 2 * sigma - alpha / sigma


@cache
def fixed_noise(count=10_000):
    """Standard normal numbers [count], always the same."""
    return np.random.default_rng(0).standard_normal(count)


# ---------------------------------------------------------------- two estimators of one gradient

SAMPLES = (1, 4, 16, 64)
"""How many draws one estimate may average."""
ESTIMATES = 1500


class Moments(NamedTuple):
    """The gradient with respect to one mean, and the variance of one draw of either estimator of it."""

    mean: float
    pathwise: float
    score: float

    @property
    def ratio(self):
        """How many times noisier the score-function estimator is."""
        return self.score / self.pathwise


def bowl(mu, sigma, dims, baseline=True):
    """Q(a) = -|a|² in `dims` dimensions, a_i = μ + σ ξ_i: moments of both estimates of ∂E[Q]/∂μ₁, exactly.

        pathwise -2 a₁: variance 4σ²
        score (Q - b) ξ₁ / σ, b = E[Q]: variance σ² (2d + 8) + 4μ² (d + 1)

    Args:
        mu, sigma, dims: μ, σ > 0, d.
        baseline: False for b = 0.
    """
    d, m = dims, dims * mu**2
    with_baseline = sigma**2 * (2 * d + 8) + 4 * mu**2 * (d + 1)
    without = m**2 * d + (4 * sigma**2 * m + sigma**4 * d * (d + 4)) * (d + 2) + 2 * m * sigma**2 * d * (d + 2)
    score = with_baseline if baseline else without / (d * sigma**2) - 4 * mu**2
    return Moments(-2 * mu, 4 * sigma**2, score)


def wave(mu, sigma, k, baseline=True):
    """Q(a) = sin(ka), a = μ + σ ξ: moments of both estimates of ∂E[Q]/∂μ, exactly.

        pathwise k cos(ka);    score (Q - b) ξ / σ, b = E[Q]

    Args:
        mu, sigma, k: μ, σ > 0, k.
        baseline: False for b = 0.
    """
    one, two = math.exp(-0.5 * (k * sigma) ** 2), math.exp(-2 * (k * sigma) ** 2)
    mean = k * math.cos(k * mu) * one
    pathwise = k**2 * 0.5 * (1 + math.cos(2 * k * mu) * two) - mean**2
    level = math.sin(k * mu) * one
    squares = 0.5 * (1 - math.cos(2 * k * mu) * two * (1 - 4 * (k * sigma) ** 2))
    if baseline:
        squares += level**2 - 2 * level**2 * (1 - (k * sigma) ** 2)
    return Moments(mean, pathwise, squares / sigma**2 - mean**2)


def mean_q(kind, mu, sigma, k, dims):
    """E[Q], the baseline."""
    return -dims * (mu**2 + sigma**2) if kind == "bowl" else math.sin(k * mu) * math.exp(-0.5 * (k * sigma) ** 2)


def moments(kind, mu, sigma, k, dims, baseline=True):
    """Those of `bowl` or `wave`."""
    return bowl(mu, sigma, dims, baseline) if kind == "bowl" else wave(mu, sigma, k, baseline)


def estimates(kind, mu, sigma, k, dims, samples, baseline=True):
    """1,500 estimates of either kind, each the mean of `samples` draws: two arrays [1500].

    The noise is drawn once and kept. The bowl needs a₁ and the squared length of the other components, which
    together have a noncentral χ² distribution with d - 1 degrees of freedom.
    """
    first, second = (noise[:, :samples] for noise in _presampled())
    action = mu + sigma * first
    b = mean_q(kind, mu, sigma, k, dims) if baseline else 0.0
    if kind == "bowl":
        rest = 0.0
        if dims > 1:
            along = second + math.sqrt(dims - 1) * mu / sigma
            rest = sigma**2 * (along**2 + _chi_square(dims - 2)[:, :samples])
        q, slope = -(action**2) - rest, -2 * action
    else:
        q, slope = np.sin(k * action), k * np.cos(k * action)
    return slope.mean(1), ((q - b) * first / sigma).mean(1)


@cache
def _presampled():
    return np.random.default_rng(0).standard_normal((2, ESTIMATES, SAMPLES[-1]))


@lru_cache(maxsize=8)
def _chi_square(freedom):
    return np.random.default_rng(1).chisquare(max(freedom, 1), (ESTIMATES, SAMPLES[-1])) * (freedom > 0)


@claim("CL-60")
def two_estimators():
    """Variance of one draw, exactly; both estimators get the mean of Q as baseline or do not need one.

    `bowl_*` is the ratio score / pathwise for Q = -|a|² in 1, 4, 16, 64 dimensions at μ = σ = 0.5 in each; `path_*`
    and `score_*` are the two variances for Q = sin(ka), same μ and σ. `race_*_d` is what 16 policies with d components
    have reached after 50 gradient steps of one draw each: E[Q] per component, middle of the seeds and its interval.
    """
    numbers = {f"bowl_{d}": bowl(0.5, 0.5, d).ratio for d in (1, 4, 16, 64)}
    for k in (1, 5, 100):
        found = wave(0.5, 0.5, k)
        numbers |= {f"path_{k}": found.pathwise, f"score_{k}": found.score}
    for dims in (1, 16):
        numbers |= {f"race_{name}_{dims}": value for name, value in race.after(50, dims, 1).items()}
    return numbers


# ---------------------------------------------------------------- SAC's policy loss on a line


def crests(actions):
    """Q(a) = sin 3a - 0.3 a²."""
    return np.sin(3 * actions) - 0.3 * actions**2


def gauss_hermite(count=160):
    """Nodes ξ and weights with which Σ w f(ξ) = E[f(ξ)] for smooth f and ξ ~ N(0, 1)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return nodes, weights / weights.sum()


def policy_gradients(mu=0.3, log_std=-0.5, alpha=ALPHA):
    """Four one-draw estimators of the gradient of E[α log π - Q] in (μ, log σ), with Q = sin 3a - 0.3 a².

    Returns:
        name -> (mean [2], total variance): the pathwise gradient, the same without its first term
        α ∇log π, that first term alone, and the score function without a baseline; by quadrature.
    """
    noise, weights = gauss_hermite()
    std = math.exp(log_std)
    action = mu + std * noise
    score = np.array([noise / std, noise**2 - 1])
    path = np.array([np.ones_like(noise), std * noise])
    slope = 3 * np.cos(3 * action) - 0.6 * action
    through = (-alpha * noise / std - slope) * path
    log_prob = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)
    estimators = {
        "pathwise": alpha * score + through,
        "without first term": through,
        "first term": alpha * score,
        "score": (alpha * log_prob - crests(action)) * score,
    }
    found = {}
    for name, values in estimators.items():
        mean = values @ weights
        found[name] = mean, float((((values - mean[:, None]) ** 2) @ weights).sum())
    return found


def projection(mu, log_std, alpha=ALPHA):
    """Both forms of the policy loss for a Gaussian and Q = sin 3a - 0.3 a², by summing over a fine grid, in torch.

        α D_KL(π ‖ exp(Q/α) / Z)    and    E[α log π - Q],        which differ by α log Z

    Args:
        mu, log_std: tensors that may require a gradient.
        alpha: temperature.

    Returns:
        (first, second, α log Z), scalars.
    """
    actions = torch.linspace(-9, 9, 6001, dtype=torch.float64)
    width = 18 / 6000
    q = torch.sin(3 * actions) - 0.3 * actions**2
    log_z = torch.logsumexp(q / alpha, 0) + math.log(width)
    log_pi = -0.5 * ((actions - mu) / log_std.exp()) ** 2 - log_std - 0.5 * math.log(2 * math.pi)
    pi = log_pi.exp() * width
    divergence = (pi * (log_pi - (q / alpha - log_z))).sum()
    return alpha * divergence, (pi * (alpha * log_pi - q)).sum(), alpha * log_z


@claim("CL-64")
def states_only():
    """How far one update of a fresh rl.SAC changes when one column of its minibatch of 64 is tampered with.

    Same weights and same noise each time. `shuffled`, `zeros`: the actor's loss when the stored actions change places
    or become zero; `weights`: the actor's weights after the update, shuffled or not, largest difference; `states`:
    the actor's loss when the states are replaced; `critic_shuffled`: the critics' loss for shuffled actions.
    """
    rng = np.random.default_rng(0)

    def rows(*shape):
        return torch.as_tensor(rng.standard_normal(shape), dtype=torch.float32)

    obs, actions, next_obs = rows(64, 3), torch.tanh(rows(64, 2)), rows(64, 3)
    never = torch.zeros(64, dtype=torch.bool)
    rewards, other = rows(64), rows(64, 3)
    spaces = gym.spaces.Box(-np.inf, np.inf, (3,)), gym.spaces.Box(-1.0, 1.0, (2,))

    def update(states, stored):
        agent = SAC(*spaces, SAC.Config(), seed=0)
        agent.critic_optimizer.param_groups[0]["lr"] = 0.0  # or the actor would be shown other critics
        found = agent.update(Transitions(states, stored, rewards, next_obs, never, never))
        weights = torch.nn.utils.parameters_to_vector(agent.actor.parameters()).detach()
        return found["actor_loss"], found["critic_loss"], weights

    actor, critic, weights = update(obs, actions)
    shuffled_actor, shuffled_critic, shuffled_weights = update(obs, actions.roll(1, 0))
    return {
        "shuffled": abs(shuffled_actor - actor),
        "weights": (shuffled_weights - weights).abs().max().item(),
        "critic_shuffled": abs(shuffled_critic - critic),
        "zeros": abs(update(obs, 0 * actions)[0] - actor),
        "states": abs(update(other, actions)[0] - actor),
    }


# ---------------------------------------------------------------- a density behind tanh


def gaussian_density(u, mu, sigma):
    return np.exp(-0.5 * ((u - mu) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))


def log_stretch(u):
    """log(1 - tanh² u), written so that it does not round to log 0."""
    return 2 * (math.log(2) - u - np.logaddexp(0, -2 * u))


def densities(actions, mu, sigma, scale=1.0):
    """Density of a = c tanh(u) at `actions`, corrected for the squashing; and the Gaussian's at atanh(a/c), naively.

    Returns:
        Two arrays of the shape of `actions`, which must lie inside (-c, c).
    """
    u = np.arctanh(actions / scale)
    naive = gaussian_density(u, mu, sigma)
    return naive / (1 - (actions / scale) ** 2) / scale, naive


def areas(mu, sigma, scale=1.0, count=400_001):
    """Areas under the two densities over the box: midpoint sums on a fine grid of u, so that the edges count in full.

    Over u the width of a step in a is c (1 - tanh² u) du.
    """
    edges = np.linspace(mu - 9 * sigma, mu + 9 * sigma, count)
    u = (edges[1:] + edges[:-1]) / 2
    width = scale * np.exp(log_stretch(u)) * (edges[1] - edges[0])
    naive = gaussian_density(u, mu, sigma)
    corrected = np.exp(np.log(np.maximum(naive, 1e-300)) - log_stretch(u) - math.log(scale))
    return float((corrected * width).sum()), float((naive * width).sum())


def entropies(mu, sigma, scale=1.0):
    """Differential entropies (h(u), h(a)) of the Gaussian and of a = c tanh(u), nats.

        h(a) = h(u) + E[log(1 - tanh² u)] + log c

    `mu` and `sigma` may be arrays of one shape.
    """
    noise = np.linspace(-9, 9, 2001)
    weights = gaussian_density(noise, 0, 1) * (noise[1] - noise[0])
    mu, sigma = np.asarray(mu, float), np.asarray(sigma, float)
    before = 0.5 * np.log(2 * math.pi * math.e * sigma**2)
    after = before + log_stretch(mu[..., None] + sigma[..., None] * noise) @ weights + math.log(scale)
    return before, after


def widest(mu=0.0):
    """The σ at which tanh(u) has the largest entropy, and that entropy; grid of 0.001."""
    sigma = np.arange(0.05, 5, 0.001)
    after = entropies(np.full_like(sigma, mu), sigma)[1]
    return float(sigma[after.argmax()]), float(after.max())


def near_edge(mu, sigma, share=0.99):
    """P(|tanh u| > share)."""
    reach = math.atanh(share)
    return 0.5 * (math.erfc((reach - mu) / (sigma * math.sqrt(2))) + math.erfc((reach + mu) / (sigma * math.sqrt(2))))


FORMULAS = {
    "stable": lambda u: 2 * (math.log(2) - u - F.softplus(-2 * u)),
    "as written": lambda u: torch.log(1 - torch.tanh(u) ** 2),
    "as written, + 1e-6": lambda u: torch.log(1 - torch.tanh(u) ** 2 + 1e-6),
}
"""log(1 - tanh² u), three ways to write it."""


def in_float32(formula, u):
    """One of FORMULAS at `u`, in single precision."""
    return FORMULAS[formula](torch.as_tensor(np.asarray(u), dtype=torch.float32)).numpy()


@cache
def breaking_point():
    """The smallest |u|, to 0.001, at which the formula as written says log 0 in single precision."""
    u = np.arange(5, 12, 0.001)
    return float(u[np.isneginf(in_float32("as written", u))][0])


def broken_share(mu, sigma):
    """P(|u| above the breaking point): the share of draws whose log-probability becomes infinite."""
    return near_edge(mu, sigma, math.tanh(breaking_point()))


@claim("CL-61")
def entropy_of_a_bounded_action():
    """Entropies of u ~ N(μ, σ²) and of tanh(u), and the area under the Gaussian's density taken as that of tanh(u).

    `u_*`, `a_*` at μ = 0 for σ = 0.5, 2, 5; `*_off` at μ = 2, σ = 0.5; `*_half` at μ = 0.5, σ = 1, where the areas
    are taken too. `best_sigma` maximises the entropy of tanh(u) at μ = 0, `ceiling` is log 2, that of the uniform
    density. `true_10` is log(1 - tanh² 10), `patched_10` what float32 says with 1e-6 inside the logarithm, and
    `breaks` the u at which float32 says minus infinity without it. `edge_5` is P(|a| > 0.99) at σ = 5.
    """
    numbers = {}
    for name, mu, sigma in (("0_5", 0, 0.5), ("2", 0, 2), ("5", 0, 5), ("off", 2, 0.5), ("half", 0.5, 1)):
        numbers[f"u_{name}"], numbers[f"a_{name}"] = entropies(mu, sigma)
    numbers["area"], numbers["naive_area"] = areas(0.5, 1)
    numbers["best_sigma"], numbers["best_entropy"] = widest()
    return numbers | {
        "ceiling": math.log(2),
        "true_10": log_stretch(10.0),
        "patched_10": in_float32("as written, + 1e-6", 10.0),
        "breaks": breaking_point(),
        "edge_5": near_edge(0, 5),
    }
