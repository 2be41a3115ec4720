"""Explorers: weights, bias against noise, one trajectory, ends of episodes."""

import numpy as np
import torch

from rlcourse import gae, n_step_advantages, td_errors
from rlcourse.course.widgets.controls import Choice, ChoiceRow, Row, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.gae import experiments as numbers
from rlcourse.lessons.gae import plots


@explorer(
    gae_lambda=Slider("λ", 0, 1, step=0.05, default=0.8),
    n=Slider("steps left, n", 1, 40, step=1, default=3),
    gamma=Slider("discount, γ", 0.8, 1, step=0.01, default=1.0),
    grid=("gae_lambda",),
)
def gae_weights(gae_lambda, n, gamma):
    """Who inherits the tail: watch the last bar as λ goes to 1."""
    right, rescaled = numbers.gae_weights(gae_lambda, n), numbers.rescaled_weights(gae_lambda, n)
    return plots.weights(
        right,
        rescaled,
        numbers.delta_weights(right, gamma),
        numbers.delta_weights(rescaled, gamma),
        gae_lambda=gae_lambda,
        gamma=gamma,
    )


@explorer(
    scale=Slider("critic: V = c · truth, c", 0, 1.5, step=0.1, default=0.5),
    scatter=Slider("critic: own mistakes, std", 0, 2, step=0.25, default=0),
    reward_sd=Slider("reward noise, std", 0, 2, step=0.25, default=1),
    gae_lambda=Slider("λ", 0, 1, step=0.05, default=0.9),
    k=Slider("k", 1, 20, step=1, default=5),
    star=Toggle("mark the best λ"),
    grid=("scale", "star"),
)
def bias_variance_frontier(scale, scatter, reward_sd, gae_lambda, k, star):
    """Bias against noise: which λ is best depends on how wrong the critic is."""
    found = numbers.frontier(scale=scale, scatter=scatter, reward_sd=reward_sd)
    at_lambda = int(np.argmin(np.abs(numbers.LAMBDAS - gae_lambda)))
    at_k = numbers.STEPS_AHEAD.tolist().index(k)
    samples = found.lambda_estimates(at_lambda), found.k_estimates(at_k)
    return plots.frontier(
        plots.Family(numbers.LAMBDAS, found.lambda_bias, found.lambda_std, at_lambda, samples[0]),
        plots.Family(numbers.STEPS_AHEAD, found.k_bias, found.k_std, at_k, samples[1]),
        title=f"critic = {scale:.1f} · truth"
        + (f" + mistakes of std {scatter:g}" if scatter else "")
        + f",  reward noise of std {reward_sd:g}",
        star=star,
    )


STEPS = tuple(f"t={t}" for t in range(6))


@explorer(
    rewards=Row("reward r", names=STEPS, low=-5, high=5, step=0.5, default=(1, 1, 1, 1, 1, 1)),
    values=Row("value V(s)", names=STEPS, low=-5, high=5, step=0.5, default=(2, 2, 1, 3, 2, 2)),
    ends=ChoiceRow(
        "how the step ends",
        names=STEPS,
        options=("no", "terminated", "truncated"),
        default=("no", "no", "terminated", "no", "truncated", "no"),
    ),
    last_value=Slider("V where the record stops", -5, 5, step=0.5, default=2),
    gamma=Slider("discount, γ", 0, 1, step=0.1, default=0.9),
    gae_lambda=Slider("λ", 0, 1, step=0.1, default=0.8),
    k=Slider("k", 1, 6, step=1, default=2),
    grid=("gae_lambda",),
)
def trajectory_tracer(rewards, values, ends, last_value, gamma, gae_lambda, k):
    """Six steps under the microscope: change one number and see which estimates notice."""
    r, v = (torch.tensor(row, dtype=torch.float64) for row in (rewards, values))
    terminated = torch.tensor([end == "terminated" for end in ends])
    truncated = torch.tensor([end == "truncated" for end in ends])
    # The state after a cut belongs to the old episode: its value is not that of the next row.
    next_values = torch.cat([v[1:], v.new_tensor([last_value])])
    next_values = torch.where(truncated, v.new_tensor(last_value), next_values)
    steps = (r, v, next_values, terminated)
    found = plots.Estimates(
        td_errors(*steps, gamma=gamma).tolist(),
        n_step_advantages(*steps, truncated, gamma=gamma, n=k).tolist(),
        gae(*steps, truncated, gamma=gamma, gae_lambda=gae_lambda).tolist(),
        k,
        gamma,
        gae_lambda,
    )
    shown = plots.Steps(rewards, values, next_values.tolist(), terminated.tolist(), truncated.tolist())
    return plots.trajectory(shown, found)


MASKS = {"the right mask": ("right",), "the right one and both mistakes": ("right", "no mask", "time limit")}


@explorer(
    p_good=Slider("survives a step with p", 0.5, 1, step=0.02, default=0.98),
    time_limit=Slider("time limit T", 25, 500, step=25, default=50),
    gamma=Slider("discount, γ", 0.9, 0.999, step=0.009, default=0.99),
    masks=Choice("show", tuple(MASKS), default="the right mask"),
    grid=("p_good", "masks"),
)
def end_of_episode(p_good, time_limit, gamma, masks):
    """Two ways to end: what a critic learns when it mistakes one for the other."""
    treatments = numbers.survival_state(p_good=p_good, time_limit=time_limit, gamma=gamma)
    treatments = {name: treatments[name] for name in MASKS[masks]}
    return plots.ends(treatments, p_good=p_good, time_limit=time_limit, gamma=gamma)
