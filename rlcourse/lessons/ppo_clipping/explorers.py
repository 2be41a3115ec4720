"""Explorers: the clip lab, the ridge, the old states, the wrong corner, one batch used many times, ratio against KL."""

import numpy as np
import torch

from rlcourse.course.widgets.controls import Choice, Row, Slider, Toggle
from rlcourse.course.widgets.explorer import explorer
from rlcourse.lessons.ppo_clipping import experiments as numbers
from rlcourse.lessons.ppo_clipping import plots
from rlcourse.lessons.ppo_clipping.plots import REACH, Case, Curve, Options, Sample, verdict


def _curve(sign, size, clip_eps, use_min, use_clip):
    """L, its two terms and autograd's slope, along the axis of the clip lab."""
    kinks = (round(1 - clip_eps, 9), round(1 + clip_eps, 9))
    ratios = np.unique(np.concatenate([np.arange(0.0, REACH + 0.001, 0.02).round(9), kinks]))
    rho = torch.from_numpy(ratios).requires_grad_()
    advantages = torch.full_like(rho, sign * size)
    L = numbers.surrogate(rho, advantages, clip_eps, use_min=use_min, use_clip=use_clip)
    (slopes,) = torch.autograd.grad(L.sum(), rho)
    clipped = numbers.surrogate(rho, advantages, clip_eps, use_min=False)
    terms = (rho * advantages).detach().numpy(), clipped.detach().numpy()
    return Curve(ratios, L.detach().numpy(), *terms, slopes.numpy())


def _cards(sign, size, clip_eps, use_min, use_clip):
    """The three cases of one sign: a ratio below, inside and above the range, each with its slope from autograd."""
    low, high = 1 - clip_eps, 1 + clip_eps
    cards = []
    for zone, at, where in ((-1, low - 0.1, "ρ < 1−ε"), (0, 1.0, "in range"), (1, high + 0.1, "ρ > 1+ε")):
        _, slope = numbers.value_and_slope(at, sign * size, clip_eps, use_min=use_min, use_clip=use_clip)
        follows = not use_clip or zone == 0 or (use_min and zone != sign)
        taken = "ρA" if follows else "(1−ε) A" if zone < 0 else "(1+ε) A"
        number = zone + (2 if sign > 0 else 5)
        cards.append(Case(number, where, taken, slope, verdict(zone, sign if size else 0, slope)))
    return cards


@explorer(
    ratio=Slider("ratio, ρ", 0, 3, step=0.05, default=1),
    advantage=Slider("advantage, A", -2, 2, step=0.5, default=1),
    clip_eps=Slider("clip range, ε", 0.01, 1, step=0.01, default=0.2),
    no_min=Toggle("no min"),
    no_clip=Toggle("no clip"),
    show_all=Toggle("show all"),
    grid=("ratio", "advantage"),
)
def clip_lab(ratio, advantage, clip_eps, no_min, no_clip, show_all):
    """The clip lab: push the ratio out of the range on either side and watch which slopes survive."""
    parts = {"use_min": not no_min, "use_clip": not no_clip}
    value, slope = numbers.value_and_slope(ratio, advantage, clip_eps, **parts)
    size = abs(advantage)
    without_clip, without_min = (
        numbers.value_and_slope(ratio, advantage, clip_eps, **missing)[0]
        for missing in ({"use_clip": False}, {"use_min": False})
    )
    sample = Sample(
        ratio,
        advantage,
        clip_eps,
        terms=(without_clip, without_min),
        value=value,
        slope=slope,
        case=numbers.case_number(ratio, advantage, clip_eps),
        road=numbers.ascent(ratio, advantage, clip_eps, **parts),
        home=numbers.ascent(ratio, advantage, clip_eps),
    )
    curves = [_curve(sign, size, clip_eps, **parts) for sign in (1, -1)]
    cards = [_cards(sign, size, clip_eps, **parts) for sign in (1, -1)]
    return plots.clip_lab(sample, curves, cards, Options(**parts, show_all=show_all))


@explorer(
    step_size=Slider("step size, η", 0.01, 0.3, step=0.01, default=0.05),
    steps=Slider("steps", 0, 60, step=1, default=60),
    grid=("step_size",),
)
def ridge_walk(step_size, steps):
    """The ridge walk: find the step size at which a faster walk becomes a fall."""
    walk = numbers.ridge_walk(step_size, steps)
    terrain = plots.Terrain(numbers.height, numbers.crest)
    return plots.ridge(walk, numbers.height(*walk.T), terrain, step_size=step_size)


@explorer(
    old=Slider("old boldness", 0.05, 0.6, step=0.05, default=0.1),
    new=Slider("new boldness, p", 0, 1, step=0.05, default=0.1),
    show_all=Toggle("show all of J"),
    grid=("new",),
)
def old_states(old, new, show_all):
    """The old states: what the surrogate promises a bolder climber, and what it gets."""
    places = np.linspace(0, 1, 101)
    curves = [[getattr(numbers.climb(old, p), name) for p in places] for name in ("new_return", "surrogate")]
    return plots.promise(numbers.climb(old, new), places, *map(np.array, curves), old=old, new=new, show_all=show_all)


@explorer(
    step_size=Choice("step size, η", numbers.STEP_SIZES, default=1),
    batches=Slider("batches learned from", 0, 300, step=5, default=20),
    rule=Choice("with every batch", tuple(numbers.RULES), default="1 step"),
    show_all=Toggle("show all"),
    grid=("step_size", "batches"),
)
def wrong_corner(step_size, batches, rule, show_all):
    """The wrong corner: 500 policies learn which of three arms pays best, and some never find out."""
    epochs, clip_eps = numbers.RULES[rule]
    policies = numbers.learn_bandit(step_size, epochs=epochs, clip_eps=clip_eps)[batches]
    return plots.corner(
        policies,
        numbers.stuck(policies),
        numbers.stored()["stuck"],
        numbers.STEP_SIZES,
        rule=rule,
        step_size=step_size,
        batches=batches,
        show_all=show_all,
    )


@explorer(
    epochs=Slider("epochs on the same batch", 0, numbers.EPOCHS, step=1, default=2),
    learning_rate=Choice("learning rate, η", numbers.LEARNING_RATES, default=1e-3),
    grid=("epochs", "learning_rate"),
)
def epoch_animator(epochs, learning_rate):
    """One batch, many epochs: watch the ratios leave the range, with clipping above and without below."""
    frames = numbers.stored()["reuse"]
    return plots.reuse(
        frames["clip"][str(learning_rate)],
        frames["no clip"][str(learning_rate)],
        learning_rate=learning_rate,
        epochs=epochs,
        edges=numbers.EDGES,
    )


ACTIONS = ("action 1", "action 2", "action 3")


@explorer(
    old=Row("weights of the old policy", names=ACTIONS, low=0.001, high=1, step=0.001, default=(0.5, 0.3, 0.2)),
    push_1=Slider("add to logit 1", -7, 7, step=0.1, default=-0.2),
    push_2=Slider("add to logit 2", -7, 7, step=0.1, default=0),
    push_3=Slider("add to logit 3", -7, 7, step=0.1, default=0.4),
    samples=Choice("samples from the old policy", (1, 3, 10, 30, 100, 300, 1000), default=1),
    series=Slider("another draw, no.", 1, 10, step=1, default=1),
    grid=("push_3", "samples"),
)
def ratio_and_kl(old, push_1, push_2, push_3, samples, series):
    """Ratio against divergence: what one sample says about two policies, and what a thousand say."""
    before = np.array(old) / np.sum(old)
    after = before * np.exp(np.array([push_1, push_2, push_3]))
    after /= after.sum()
    apart = numbers.distance(before, after)
    draws = np.random.default_rng(series + 1).random(1000)[:samples]
    drawn = np.minimum(np.searchsorted(before.cumsum(), draws), 2)
    spreads = [numbers.spread(before, values) for values in (0.5 * np.abs(apart.ratios - 1), apart.k1, apart.k3)]
    return plots.distance(before, after, apart, drawn, spreads=spreads)
