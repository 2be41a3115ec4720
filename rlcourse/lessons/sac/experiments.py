"""Numbers of the lesson: one update of SAC in slow motion, the unit of an entropy, and finitely many actions.

The runs of whole agents are in `runs`.
"""

import math
from functools import cache, lru_cache

import gymnasium as gym
import numpy as np
import torch

from rlcourse import algorithms
from rlcourse.course.claims import claim
from rlcourse.objectives import soft_value_target, td_target
from rlcourse.transitions import Transitions

# ---------------------------------------------------------------- one update, number by number

FORMS = ("later form (AL-18)", "form with V (AL-17)")
STAGES = {
    FORMS[0]: ("batch", "target", "critic", "actor", "alpha", "lag"),
    FORMS[1]: ("batch", "goal", "value", "critic", "actor", "lag"),
}
TARGET_ENTROPY = -1.0
"""Of the update in slow motion, whose box has the half-width 1."""
BATCH = {
    "obs": [[0.5, -1.0], [-0.3, 0.8], [1.2, 0.1], [-0.9, -0.6]],
    "actions": [[0.4], [-0.7], [0.9], [-0.2]],
    "rewards": [1.0, -0.5, 0.0, 2.0],
    "next_obs": [[0.7, -0.6], [-0.5, 0.4], [1.0, 0.5], [-1.1, -0.2]],
    "terminated": [False, False, False, True],
}
"""Four stored steps of a made-up task: two observations, one action in [-1, 1]. The last one ended its episode."""


@cache
def patient(form, alpha=1.0):
    """An untrained agent of a form, with eight units a layer: its networks are those of rl.SAC and rl.ValueSAC."""
    spaces = gym.spaces.Box(-2.0, 2.0, (2,)), gym.spaces.Box(-1.0, 1.0, (1,))
    algorithm = algorithms.SAC if form == FORMS[0] else algorithms.ValueSAC
    return algorithm(*spaces, algorithm.Config(hidden=(8, 8), alpha=alpha), seed=4)


@cache
def batch():
    """BATCH as Transitions[4]."""
    flags = torch.tensor(BATCH["terminated"])
    columns = {name: torch.tensor(BATCH[name]) for name in ("obs", "actions", "rewards", "next_obs")}
    return Transitions(**columns, terminated=flags, truncated=torch.zeros_like(flags))


@lru_cache(maxsize=64)
def one_update(form, alpha):
    """Every number of one update of SAC on four stored steps, and the gradient that each loss sends to each network.

    Nothing is trained: the losses are taken at the same, untrained weights.

    Args:
        form: one of FORMS.
        alpha: the temperature α.

    Returns:
        Dict with the columns of every stage (NumPy arrays [4]) under "stages", the mean losses under "losses", and
        under "gradients" for each loss the length of its gradient in the weights of every network.
    """
    agent, rows = patient(form), batch()
    noise = torch.as_tensor(np.random.default_rng(5).standard_normal((2, 4, 1)), dtype=torch.float32)
    log_alpha = torch.tensor(float(np.log(alpha)), requires_grad=True)
    fresh, log_probs = agent.actor(rows.obs).rsample_with_log_prob(noise=noise[0])
    p1, p2 = agent.critic(rows.obs, fresh)

    if form == FORMS[0]:
        stages, losses = _aim_at_next_actions(agent, rows, noise[1], alpha)
    else:
        stages, losses = _aim_at_values(agent, rows, (fresh, log_probs, p1, p2), alpha)
    cost = alpha * log_probs
    losses["actor"] = cost - torch.minimum(p1, p2)
    losses["alpha"] = -log_alpha.exp() * (log_probs.detach() + TARGET_ENTROPY)
    actor = {"a": fresh[:, 0], "log π": log_probs, "α log π": cost, "Q₁": p1, "Q₂": p2, "loss": losses["actor"]}
    stages["actor"] = actor
    stages["alpha"] = {"log π": log_probs, "log π + H̄": log_probs + TARGET_ENTROPY, "loss": losses["alpha"]}
    gradients = _gradients(agent, losses, log_alpha)
    slope = torch.autograd.grad(losses["alpha"].mean(), log_alpha)[0]
    stages = {"batch": _columns(rows), **stages, "lag": _after_an_update(form, alpha)}
    return {
        "stages": {
            name: {key: torch.as_tensor(column).detach().numpy() for key, column in columns.items()}
            for name, columns in stages.items()
        },
        "losses": {name: float(loss.detach().mean()) for name, loss in losses.items()},
        "gradients": gradients,
        "alpha_slope": float(slope),
        "gamma": agent.config.gamma,
        "kappa": agent.config.tau,
    }


def _columns(rows):
    """The stored steps, number by number."""
    return {
        "s₁": rows.obs[:, 0],
        "s₂": rows.obs[:, 1],
        "a": rows.actions[:, 0],
        "r": rows.rewards,
        "s′₁": rows.next_obs[:, 0],
        "s′₂": rows.next_obs[:, 1],
        "d": rows.terminated.int(),
    }


def _aim_at_next_actions(agent, rows, noise, alpha):
    """Stages and losses of the later form up to the critics, whose target draws an action at s′."""
    with torch.no_grad():
        actions, log_probs = agent.actor(rows.next_obs).rsample_with_log_prob(noise=noise)
        t1, t2 = agent.target_critic(rows.next_obs, actions)
        soft = soft_value_target(t1, t2, log_probs, alpha=alpha)
        y = td_target(rows.rewards, soft, rows.terminated, gamma=agent.config.gamma)
    columns, loss = _critics_at(agent, rows, y)
    target = {"a′": actions[:, 0], "log π": log_probs, "Q̄₁": t1, "Q̄₂": t2, "soft": soft, "y": y}
    return {"target": target, "critic": columns}, {"critic": loss}


def _aim_at_values(agent, rows, drawn, alpha):
    """Stages and losses of the form with V up to the critics, whose target is the copy of V at s′.

    drawn: fresh actions, their log-probabilities, and what the two critics say of them.
    """
    fresh, log_probs, p1, p2 = drawn
    with torch.no_grad():
        goal = soft_value_target(p1, p2, log_probs, alpha=alpha)
        following = agent.target_value(rows.next_obs)
        y = td_target(rows.rewards, following, rows.terminated, gamma=agent.config.gamma)
    v = agent.value(rows.obs)
    value_loss = 0.5 * (v - goal) ** 2
    columns, loss = _critics_at(agent, rows, y)
    stages = {
        "goal": {"a": fresh[:, 0], "log π": log_probs, "Q₁": p1, "Q₂": p2, "soft": goal},
        "value": {"V": v, "soft": goal, "V−soft": v - goal, "½(V−soft)²": value_loss},
        "critic": {"V̄": following, **columns},
    }
    return stages, {"value": value_loss, "critic": loss}


def _critics_at(agent, rows, y):
    """The critics at the stored actions beside their target, and their loss."""
    q1, q2 = agent.critic(rows.obs, rows.actions)
    columns = {"y": y, "Q₁": q1, "Q₂": q2, "½(Q₁−y)²": 0.5 * (q1 - y) ** 2, "½(Q₂−y)²": 0.5 * (q2 - y) ** 2}
    return columns, 0.5 * ((q1 - y) ** 2 + (q2 - y) ** 2)


def _gradients(agent, losses, log_alpha):
    """For each loss the length of its gradient in the weights of every network, and in log α."""
    parts = {"actor": agent.actor, "critic": agent.critic}
    if "value" in losses:
        parts |= {"value": agent.value, "lag": agent.target_value}
    else:
        parts |= {"lag": agent.target_critic}
    gradients = {}
    for name, loss in losses.items():
        gradients[name] = {part: _length(loss.mean(), list(module.parameters())) for part, module in parts.items()}
        gradients[name]["alpha"] = _length(loss.mean(), [log_alpha])
    return gradients


def _after_an_update(form, alpha):
    """What one update() of the agent itself, at this α, did to an online network and to the copy that lags behind."""
    agent, rows = patient.__wrapped__(form, alpha), batch()

    @torch.no_grad()
    def look():
        if form == FORMS[0]:
            return [critic(rows.obs, rows.actions)[0] for critic in (agent.critic, agent.target_critic)]
        return [value(rows.next_obs) for value in (agent.value, agent.target_value)]

    before = look()
    agent.update(rows)
    after, (online, lagged) = look(), ("Q₁", "Q̄₁") if form == FORMS[0] else ("V", "V̄")
    return {
        f"{online} before": before[0],
        f"{online} after": after[0],
        f"{lagged} before": before[1],
        f"{lagged} after": after[1],
    }


def _length(loss, weights):
    """Length of the gradient of a loss in some weights; 0 where none arrives."""
    if not loss.requires_grad:
        return 0.0
    slopes = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return float(sum((slope**2).sum() for slope in slopes if slope is not None)) ** 0.5


# ---------------------------------------------------------------- finitely many actions

STATE_LOGITS, STATE_Q, STATE_ALPHA = np.log([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 3.0, 6.0]), 0.2
"""One state with four actions: the worked example of discrete SAC."""


def exact_against_sampled():
    """The gradient of π·(α log π - Q) in four logits, summed over the actions and estimated from one action drawn.

    Returns:
        Dict: "exact" gradient [4]; "samples" [4, 4], the estimate ∇log π(a) (α log π(a) - Q(a)) for each a; "variance"
        of that estimate, summed over the logits, and "variance_baseline" if the mean of α log π - Q is subtracted
        first; "entropy", exact.
    """
    probs = np.exp(STATE_LOGITS)
    signal = STATE_ALPHA * STATE_LOGITS - STATE_Q
    samples = (np.eye(4) - probs) * signal[:, None]
    exact = probs * (signal - probs @ signal)
    against_value = (np.eye(4) - probs) * (signal - probs @ signal)[:, None]
    return {
        "exact": exact,
        "samples": samples,
        "variance": probs @ ((samples - exact) ** 2).sum(1),
        "variance_baseline": probs @ ((against_value - exact) ** 2).sum(1),
        "entropy": float(-probs @ STATE_LOGITS),
    }


def boxes(half_widths=(0.05, 0.2, 1.0, 2.0)):
    """The largest entropy in a box of one action, and the target of rl.SAC there: half-width -> (most, target).

    The most is that of the uniform density, log 2c.
    """
    obs = gym.spaces.Box(-1.0, 1.0, (3,))
    agents = {c: algorithms.SAC(obs, gym.spaces.Box(-c, c, (1,)), seed=0) for c in half_widths}
    return {c: (math.log(2 * c), agent.target_entropy + agent.log_unit) for c, agent in agents.items()}


# ---------------------------------------------------------------- claims


@claim("CL-62")
def exact_sums():
    """One state, four actions: variance of a sampled actor gradient, without and with the value as its baseline."""
    one = exact_against_sampled()
    return {
        "variance_sampled": one["variance"],
        "variance_baseline": one["variance_baseline"],
        "variance_exact": 0.0,
        "entropy": one["entropy"],
        "entropy_most": np.log(4),
    }
