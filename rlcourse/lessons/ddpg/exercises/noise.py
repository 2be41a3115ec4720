"""Exercises of the lesson on DDPG: noise whose samples depend on the one before."""

import numpy as np
import torch

from rlcourse.course.checker import Mistake, Stopped, changes, judge, write, wrong

# ---------------------------------------------------------------- E3: one step of correlated noise


def _ou_like(*, pull=lambda beta, dt: beta * dt, kick=lambda sigma, dt: sigma * dt**0.5, keep=1.0):
    """x - β Δ x + σ √Δ ξ, with one thing changed."""
    return lambda x, xi, beta, sigma, dt: keep * x - pull(beta, dt) * x + kick(sigma, dt) * xi


NOISE_MISTAKES = [
    Mistake(
        "Your kick is σ Δ ξ. Independent kicks add up in their squares: it takes √Δ, so that four steps of a "
        "quarter go as far as one whole step.",
        _ou_like(kick=lambda sigma, dt: sigma * dt),
    ),
    Mistake(
        "Your kick does not know how long a step is: σ ξ needs the factor √Δ.",
        _ou_like(kick=lambda sigma, dt: sigma),
    ),
    Mistake(
        "Your kick has σ², its variance. The kick itself is σ √Δ ξ.",
        _ou_like(kick=lambda sigma, dt: sigma**2 * dt),
    ),
    Mistake(
        "Your kick has σ² in place of σ. The kick is σ √Δ ξ.",
        _ou_like(kick=lambda sigma, dt: sigma**2 * dt**0.5),
    ),
    Mistake(
        "Your kick takes the root of σ as well; only Δ stands under the root.",
        _ou_like(kick=lambda sigma, dt: (sigma * dt) ** 0.5),
    ),
    Mistake("The pull does not know how long a step is: it is β x Δ.", _ou_like(pull=lambda beta, dt: beta)),
    Mistake(
        "The pull takes √Δ in your step. It acts steadily, so it takes Δ; the root belongs to the kick.",
        _ou_like(pull=lambda beta, dt: beta * dt**0.5),
    ),
    Mistake(
        "Your pull pushes: with + β x Δ the noise runs away from zero.",
        _ou_like(pull=lambda beta, dt: -beta * dt),
    ),
    Mistake(
        "There is no pull towards zero: that is a random walk, and it goes anywhere in time.",
        _ou_like(pull=lambda beta, dt: 0.0),
    ),
    Mistake("You return the change alone; the next noise is the present one plus the change.", _ou_like(keep=0.0)),
    Mistake("The kick is missing: without ξ the noise only fades.", _ou_like(kick=lambda sigma, dt: 0.0)),
    Mistake(
        "Δ is missing twice: the pull is β x Δ, and the kick σ √Δ ξ.",
        _ou_like(pull=lambda beta, dt: beta, kick=lambda sigma, dt: sigma),
    ),
    Mistake(
        "Your pull does not know x. It is β x Δ: the farther out, the stronger, and always towards zero.",
        lambda x, xi, beta, sigma, dt: x - beta * dt + sigma * dt**0.5 * xi,
    ),
    Mistake(
        "That is white noise: nothing of x is left in the next value.",
        lambda x, xi, beta, sigma, dt: sigma * dt**0.5 * xi,
    ),
    Mistake(
        "Your kick has the wrong sign. Its law is the same, ξ being symmetric, but use the ξ given.",
        _ou_like(kick=lambda sigma, dt: -sigma * dt**0.5),
    ),
    Mistake(
        "β and σ are exchanged: β pulls, σ kicks.",
        lambda x, xi, beta, sigma, dt: x - sigma * x * dt + beta * dt**0.5 * xi,
    ),
]


def ou_step(student, *, seed=None):
    """Check ou_step(x, xi, beta, sigma, dt) -> the next noise, shape of x; xi is standard normal."""
    rng = np.random.default_rng(seed)

    def case(n):
        beta, sigma, dt = (float(rng.uniform(*ends)) for ends in ((0.1, 0.9), (0.1, 0.9), (0.2, 0.8)))
        return (*(torch.from_numpy(rng.normal(0, 1, n)) for _ in range(2)), beta, sigma, dt)

    first = case(3)
    try:
        if changes(student, first):
            return wrong(
                "Called twice with the same numbers, your function gives two answers: it draws a kick of its own. Use "
                "the ξ that is given, `xi`."
            )
    except Stopped as stopped:
        return stopped.verdict
    tiny = (*(torch.tensor(numbers, dtype=torch.float64) for numbers in ((1.0, -0.5), (0.5, 1.0))), 0.2, 0.4, 0.25)
    return judge(
        student,
        _ou_like(),
        [tiny, first, case(1), case(20)],
        NOISE_MISTAKES,
        praise="Pulled back by β x Δ, kicked by σ √Δ ξ: what is left of x makes neighbours alike.",
        show=lambda x, xi, beta, sigma, dt: f"x {write(x)}, ξ {write(xi)}, β {beta:.2g}, σ {sigma:.2g}, Δ {dt:.2g}",
        each="one number for each of x",
    )


DEVIATION_MISTAKES = [
    Mistake(
        "σ is the size of one kick. The noise remembers its kicks, and they add up: in the long run its "
        "size is larger.",
        lambda beta, sigma, dt: sigma,
    ),
    Mistake(
        "σ √Δ is the size of one kick. The noise remembers the kicks before it, too.",
        lambda beta, sigma, dt: sigma * dt**0.5,
    ),
    Mistake(
        "That is the variance; the deviation is its root.",
        lambda beta, sigma, dt: sigma**2 * dt / (1 - (1 - beta * dt) ** 2),
    ),
    Mistake(
        "σ/√(2β) is the limit of very short steps. Here Δ is not small.",
        lambda beta, sigma, dt: sigma / (2 * beta) ** 0.5,
    ),
    Mistake(
        "A step keeps the share 1 − βΔ of x; your formula has 1 − β. The pull takes Δ.",
        lambda beta, sigma, dt: sigma * (dt / (1 - (1 - beta) ** 2)) ** 0.5,
    ),
    Mistake("Your formula holds for Δ = 1 only.", lambda beta, sigma, dt: sigma / (1 - (1 - beta) ** 2) ** 0.5),
    Mistake(
        "That belongs to a kick of σ Δ ξ. The kick is σ √Δ ξ.",
        lambda beta, sigma, dt: sigma * dt / (1 - (1 - beta * dt) ** 2) ** 0.5,
    ),
    Mistake(
        "You add up the kicks themselves. They are independent, so their squares add up.",
        lambda beta, sigma, dt: sigma * dt**0.5 / (beta * dt),
    ),
    Mistake(
        "A step keeps the share 1 − βΔ of x, and so (1 − βΔ)² of the variance; your square is missing.",
        lambda beta, sigma, dt: sigma * (dt / (beta * dt)) ** 0.5,
    ),
    Mistake(
        "The length of a step is in the pull of your formula, but not in the kick.",
        lambda beta, sigma, dt: sigma / (1 - (1 - beta * dt) ** 2) ** 0.5,
    ),
]


def stationary_std(student, *, seed=None):
    """Check stationary_std(beta, sigma, dt) -> the noise's standard deviation in the long run."""
    rng = np.random.default_rng(seed)
    cases = [tuple(float(rng.uniform(*ends)) for ends in ((0.1, 0.9), (0.1, 0.9), (0.2, 0.8))) for _ in range(4)]
    return judge(
        student,
        lambda beta, sigma, dt: sigma * (dt / (1 - (1 - beta * dt) ** 2)) ** 0.5,
        [(0.15, 0.2, 1.0), (0.5, 0.3, 0.25), *cases],
        DEVIATION_MISTAKES,
        praise="What a step forgets of the variance, its kick brings back. That balance sets the size, not σ alone.",
        show=lambda beta, sigma, dt: f"β {beta:.2g}, σ {sigma:.2g}, Δ {dt:.2g}",
        each="one number",
    )
