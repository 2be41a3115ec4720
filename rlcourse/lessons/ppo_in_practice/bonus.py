"""Three arms and a bonus for entropy: policies that settle too early, and what the bonus costs the others."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import softmax

ARMS = np.array([0.2, 0.5, 1.0])
"""Mean pay-offs; each pull adds N(0, 1)."""
BATCH = 8
STUCK = 0.999
STEP_SIZES = (1, 2, 4, 8, 16)
BONUSES = tuple(round(0.02 * k, 2) for k in range(26))
EDGES = np.linspace(0, 1, 21)


@lru_cache(maxsize=8)
def learn_with_bonus(step_size, bonus=0.0, *, epochs=1, clip_eps=math.inf, runs=1000, iterations=300, seed=0):
    """Many softmax policies ascend L + βH, each on batches of eight pulls of its own.

        ∂L/∂logits = w - π Σ_arm w,  w = ⅛ ρ (Σ Â⁺ [ρ ≤ 1+ε] + Σ Â⁻ [ρ ≥ 1-ε]),  ∂H/∂logits = -π (log π + H)

    Args:
        step_size: η.
        bonus: β, the weight of the exact entropy H.
        epochs: gradient steps on each batch.
        clip_eps: ε; infinite for no clipping.

    Returns:
        Policies [iterations + 1, runs, 3], the first of them uniform.
    """
    rng, logits = np.random.default_rng(seed), np.zeros((runs, 3))
    policies = [softmax(logits, axis=-1)]
    for _ in range(iterations):
        old = policies[-1]
        arms = (rng.random((BATCH, runs, 1)) >= old.cumsum(-1)[:, :2]).sum(-1)
        advantages = ARMS[arms] + rng.standard_normal(arms.shape)
        advantages -= advantages.mean(0)
        chosen = (arms[..., None] == np.arange(3)) * advantages[..., None]
        above, below = np.maximum(chosen, 0).sum(0) / BATCH, np.minimum(chosen, 0).sum(0) / BATCH
        for _ in range(epochs):
            new = softmax(logits, axis=-1)
            ratio = new / np.maximum(old, 1e-300)
            w = ratio * (above * (ratio <= 1 + clip_eps) + below * (ratio >= 1 - clip_eps))
            slope = w - new * w.sum(-1, keepdims=True)
            if bonus:
                log_probs = np.log(np.maximum(new, 1e-300))
                slope -= bonus * new * (log_probs - (new * log_probs).sum(-1, keepdims=True))
            logits = logits + step_size * slope
        policies.append(softmax(logits, axis=-1))
    return np.array(policies)


def stuck(policies):
    """Which policies [..., 3] chose one of the two worse arms for good, p > 0.999."""
    return policies[..., :2].max(-1) > STUCK


def best_payoff(bonus):
    """Mean pay-off of the policy that maximises pay-off + βH, which is softmax(means / β): the price of the bonus."""
    return float(softmax(ARMS / bonus, axis=-1) @ ARMS) if bonus else float(ARMS.max())


def tables():
    """What the explorer shows, by step size: "stuck" and "payoff" for every weight, and "shares" of where they end."""
    found = {str(eta): {"stuck": [], "payoff": [], "shares": []} for eta in STEP_SIZES}
    for eta, table in found.items():
        for weight in BONUSES:
            final = learn_with_bonus(float(eta), weight)[-1]
            table["stuck"].append(round(float(stuck(final).mean()), 4))
            table["payoff"].append(round(float((final @ ARMS).mean()), 4))
            table["shares"].append(np.histogram(final[:, 2], EDGES)[0].tolist())
    return found
