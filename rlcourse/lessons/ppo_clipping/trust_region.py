"""TRPO, as much of it as it takes to see its price."""

import time

import gymnasium as gym
import numpy as np
import torch
from torch.distributions import kl_divergence

from rlcourse.networks import CategoricalActor
from rlcourse.objectives import clipped_surrogate, policy_gradient
from rlcourse.training import one_thread


def trpo_step(actor, objective, divergence, *, radius=0.01, iterations=10, backtracks=10):
    """One step of trust region policy optimization: uphill, no further than the radius.

        1  gradient g of the objective
        2  conjugate gradients solve F x = g; F is the Hessian of the divergence, seen through products F v only
        3  scale x to the edge of the region: ½ x' F x = radius
        4  halve the step until the objective rises and the divergence obeys

    Args:
        actor: a module; its weights move.
        objective: function without arguments -> the surrogate to ascend, at the actor's weights.
        divergence: the same for the mean of KL(old || new).
        radius: Δ, in nats.
        iterations: of the conjugate gradients.

    Returns:
        The divergence of the step taken, 0.0 if none was found.

    Source: Schulman et al. 2015, appendix C.
    """
    weights = list(actor.parameters())
    before = objective()
    g = _flat(torch.autograd.grad(before, weights))  # AL-07.1
    slope = _flat(torch.autograd.grad(divergence(), weights, create_graph=True))

    def product(v):
        return _flat(torch.autograd.grad(slope @ v, weights, retain_graph=True))

    x = conjugate_gradients(product, g, iterations)  # AL-07.2
    step = x * torch.sqrt(2 * radius / (x @ product(x)).clamp_min(1e-12))  # AL-07.3
    start = torch.nn.utils.parameters_to_vector(weights).detach()
    for k in range(backtracks):  # AL-07.4
        torch.nn.utils.vector_to_parameters(start + 0.5**k * step, weights)
        with torch.no_grad():
            gain, moved = objective() - before, divergence()
        if gain > 0 and moved <= radius:
            return moved.item()
    torch.nn.utils.vector_to_parameters(start, weights)
    return 0.0


def conjugate_gradients(product, g, iterations):
    """Solve F x = g, where F is known only by its products with vectors."""
    x, residual = torch.zeros_like(g), g.clone()
    direction, size = residual.clone(), residual @ residual
    for _ in range(iterations):
        if size < 1e-12 * (g @ g):
            break
        image = product(direction)
        along = size / (direction @ image)
        x, residual = x + along * direction, residual - along * image
        last, size = size, residual @ residual
        direction = residual + size / last * direction
    return x


def _flat(tensors):
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _cpu_seconds(function, repeats=15):
    """Median CPU time of a call."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return float(np.median(times[2:]))


@one_thread()
def trpo_price(rows=1024):
    """CPU seconds on 1,024 rows and a 4-64-64-2 network: plain gradient, PPO's, ten CG iterations, a TRPO step."""
    generator = torch.Generator().manual_seed(0)
    actor = CategoricalActor(gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Discrete(2), (64, 64), seed=0)
    obs, advantages = torch.randn(rows, 4, generator=generator), torch.randn(rows, generator=generator)
    with torch.no_grad():
        old = actor(obs)
        actions = torch.randint(0, 2, (rows,), generator=generator)
        old_log_probs = old.log_prob(actions)
    weights = list(actor.parameters())

    def log_probs():
        return actor(obs).log_prob(actions)

    def clipped():
        return clipped_surrogate(log_probs(), old_log_probs, advantages, clip_eps=0.2)

    def importance():
        return (torch.exp(log_probs() - old_log_probs) * advantages).mean()

    def divergence():
        return kl_divergence(old, actor(obs)).mean()

    g = _flat(torch.autograd.grad(importance(), weights))

    def solve():
        slope = _flat(torch.autograd.grad(divergence(), weights, create_graph=True))
        conjugate_gradients(lambda v: _flat(torch.autograd.grad(slope @ v, weights, retain_graph=True)), g, 10)

    start = torch.nn.utils.parameters_to_vector(weights).detach()

    def step():
        torch.nn.utils.vector_to_parameters(start, weights)
        trpo_step(actor, importance, divergence)

    return {
        "gradient": _cpu_seconds(lambda: torch.autograd.grad(policy_gradient(log_probs(), advantages), weights)),
        "clipped": _cpu_seconds(lambda: torch.autograd.grad(clipped(), weights)),
        "cg": _cpu_seconds(solve),
        "step": _cpu_seconds(step),
    }
