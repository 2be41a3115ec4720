"""The checkers of the noise: right answers pass, every mistake has a sentence of its own."""

import math

import numpy as np
import pytest
import torch

from checker_contract import CheckerContract
from rlcourse.lessons.ddpg import exercises

# ---------------------------------------------------------------- E3: noise with a memory


def ou_by_lists(x, xi, beta, sigma, dt):
    return [float(a) + beta * (0 - float(a)) * dt + sigma * math.sqrt(dt) * float(b) for a, b in zip(x, xi)]


def ou_by_tensors(x, xi, beta, sigma, dt):
    return (1 - beta * dt) * x + sigma * dt**0.5 * xi


def ou_by_numpy(x, xi, beta, sigma, dt):
    x, xi = x.numpy(), xi.numpy()
    return x - beta * x * dt + sigma * np.sqrt(dt) * xi


def ou_in_place(x, xi, beta, sigma, dt):
    x -= beta * x * dt
    x += sigma * dt**0.5 * xi
    return x


WRONG_NOISE_STEPS = {
    lambda x, xi, b, s, d: x - b * x * d + s * d * xi: "Your kick is σ Δ ξ",
    lambda x, xi, b, s, d: x - b * x * d + s * xi: "does not know how long a step is: σ ξ",
    lambda x, xi, b, s, d: x - b * x * d + s**2 * d * xi: "Your kick has σ²",
    lambda x, xi, b, s, d: x - b * x * d + s**2 * d**0.5 * xi: "σ² in place of σ",
    lambda x, xi, b, s, d: x - b * x * d + (s * d) ** 0.5 * xi: "root of σ as well",
    lambda x, xi, b, s, d: x - b * x * d + s * d**0.5 * torch.randn_like(x): "a kick of its own",
    lambda x, xi, b, s, d: x - b * x + s * d**0.5 * xi: "The pull does not know",
    lambda x, xi, b, s, d: x - b * x * d**0.5 + s * d**0.5 * xi: "The pull takes √Δ",
    lambda x, xi, b, s, d: x + b * x * d + s * d**0.5 * xi: "Your pull pushes",
    lambda x, xi, b, s, d: x + s * d**0.5 * xi: "no pull towards zero",
    lambda x, xi, b, s, d: -b * x * d + s * d**0.5 * xi: "the change alone",
    lambda x, xi, b, s, d: x - b * x * d: "The kick is missing",
    lambda x, xi, b, s, d: x - b * x + s * xi: "Δ is missing twice",
    lambda x, xi, b, s, d: x - b * d + s * d**0.5 * xi: "does not know x",
    lambda x, xi, b, s, d: s * d**0.5 * xi: "white noise",
    lambda x, xi, b, s, d: x - b * x * d - s * d**0.5 * xi: "wrong sign",
    lambda x, xi, b, s, d: x - s * x * d + b * d**0.5 * xi: "exchanged",
    lambda x, xi, b, s, d: x * 0: "differ from the definition",
    lambda x, xi, b, s, d: x.sum(): "one number for each of x",
    lambda x, xi, b, s, d: x + undefined: "stopped with NameError",  # noqa: F821
    ou_in_place: "changes an argument in place",
}


@pytest.mark.covers("EQX-09", "AL-11", "ERR-45")
class TestNoiseStep(CheckerContract):
    check = staticmethod(exercises.ou_step)
    right = (ou_by_lists, ou_by_tensors, ou_by_numpy)
    wrong = WRONG_NOISE_STEPS


def simulated(beta, sigma, dt):
    x, seen = torch.zeros(1000, dtype=torch.float64), []
    for _ in range(50):
        x = x - beta * x * dt + sigma * dt**0.5 * torch.randn_like(x)
        seen.append(x)
    return torch.stack(seen[20:]).std()


WRONG_DEVIATIONS = {
    lambda b, s, d: s: "σ is the size of one kick",
    lambda b, s, d: s * d**0.5: "σ √Δ is the size of one kick",
    lambda b, s, d: s**2 * d / (1 - (1 - b * d) ** 2): "That is the variance",
    lambda b, s, d: s / (2 * b) ** 0.5: "limit of very short steps",
    lambda b, s, d: s / (b * (2 - b)) ** 0.5: "Δ = 1 only",
    lambda b, s, d: s * (d / (1 - (1 - b) ** 2)) ** 0.5: "The pull takes Δ",
    lambda b, s, d: s * d / (1 - (1 - b * d) ** 2) ** 0.5: "kick of σ Δ ξ",
    lambda b, s, d: s * d**0.5 / (1 - (1 - b * d)): "kicks themselves",
    lambda b, s, d: s * (d / (1 - (1 - b * d))) ** 0.5: "your square is missing",
    lambda b, s, d: s / (1 - (1 - b * d) ** 2) ** 0.5: "not in the kick",
    lambda b, s, d: 0.3797: "differ from the definition",
    simulated: "there is chance in it",
    lambda b, s, d: s / 0: "stopped with ZeroDivisionError",
    lambda b, s, d: [s, s]: "Return one number",
}


@pytest.mark.covers("EQX-09", "MIS-27", "ERR-45")
class TestStationaryStd(CheckerContract):
    check = staticmethod(exercises.stationary_std)
    right = (
        lambda b, s, d: s * math.sqrt(d / (1 - (1 - b * d) ** 2)),
        lambda b, s, d: s / np.sqrt(b * (2 - b * d)),
        lambda b, s, d: torch.tensor(s) * torch.tensor(d / (2 * b * d - (b * d) ** 2)).sqrt(),
    )
    wrong = WRONG_DEVIATIONS
    test_an_argument_that_was_changed_is_noticed = None  # it gets numbers
