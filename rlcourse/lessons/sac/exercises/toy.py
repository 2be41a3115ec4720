"""A small world on which SAC's losses can be judged: states, stored actions, critics, a value and a policy."""

import torch

from rlcourse.course.checker import Stopped, as_tensor, call
from rlcourse.course.checker_losses import slopes
from rlcourse.distributions import TanhGaussian

ALPHAS = torch.tensor([[0.2], [0.6]], dtype=torch.float64)
"""The temperatures of two seeds side by side, [S, 1], as the agent of part 6 hands them over."""


class Toy:
    """Four small functions of the right kind, in float64: V(s), two Q(s, a), and a squashed Gaussian policy."""

    def __init__(self, rng, *rows):
        def numbers(*shape):
            return torch.from_numpy(rng.normal(0, 1, shape))

        self.obs, self.actions, self.noise = numbers(*rows, 2), numbers(*rows, 1).tanh(), numbers(*rows, 1)
        self.v, self.q, self.p = (numbers(*shape).requires_grad_() for shape in ((2,), (2, 4), (3,)))
        self.draws = 0

    def value(self, obs):
        return torch.tanh(obs) @ self.v

    def critics(self, obs, actions):
        if not isinstance(actions, torch.Tensor):
            came = "a pair" if isinstance(actions, tuple) else f"a {type(actions).__name__}"
            raise TypeError(f"critics got {came} where the actions belong, a tensor")
        return self._q(obs, actions, 0), self._q(obs, actions, 1)

    def _q(self, obs, actions, which):
        return 2 * torch.cat([obs, actions, actions**2], -1) @ self.q[which]

    def sample(self, obs):
        self.draws += 1
        mean = (obs @ self.p[:2])[..., None]
        return TanhGaussian(mean, 0.3 * torch.tanh(self.p[2]).expand_as(mean)).rsample_with_log_prob(noise=self.noise)


def split(critics):
    """Two functions of state and action from one that gives both values."""
    return (lambda obs, actions: critics(obs, actions)[0]), (lambda obs, actions: critics(obs, actions)[1])


def smaller(Q1, Q2, obs, actions):
    return torch.minimum(Q1(obs, actions), Q2(obs, actions))


def draws_of(student, toy, case):
    """How many times a function of a case asks for an action; the toy gives the same one each time."""
    before = toy.draws
    call(student, case)
    return toy.draws - before


def loss_for_seeds(student, oracle, case, leaves):
    """Whether a loss that is right for one seed has the right value and gradient for a case of several."""
    truth = oracle(*case)
    try:
        loss = call(student, case)
        value, found = as_tensor(loss, truth), slopes(loss, leaves)
    except (Stopped, AttributeError, RuntimeError):  # a loop, a fixed axis, a number that is now a tensor
        return False
    pairs = (value, truth.detach()), (found, slopes(truth, leaves))
    return all(torch.allclose(*pair, rtol=1e-6, atol=1e-6) for pair in pairs)


_PAIR = (
    "A tuple stands there. critics gives two tensors, Q1 and Q2; a draw with its log π gives two, too. Take them "
    "apart before you go on."
)
MISUSED = (
    (r"Toy\.value\(\)", "V takes one argument, the observations: V(obs)."),
    (r"Toy\.critics\(\)", "critics takes two arguments, observations and actions: critics(obs, actions)."),
    (r"Toy\.sample\(\)", "sample takes one argument, the observations: sample(obs)."),
    (r"[. ]policy\(\) (takes|missing|got)", "policy takes one argument, the observations: policy(obs)."),
    (
        r"minimum\(\) missing|min(imum)?\(\).*(not|got \()[ ]?tuple",
        "critics gives a pair, and torch.minimum takes two tensors: torch.minimum(*critics(…)).",
    ),
    (
        r"got a pair where",
        "The actions there are a pair: sample and rsample_with_log_prob give an action and its log π. Take them apart: "
        "actions, log_probs = ….",
    ),
    (r"'tuple' object has no attribute|unsupported operand.*'tuple'", _PAIR),
    (
        r"'function' object has no attribute '(r?sample|log_prob|mean|mode)",
        "policy is a function: you draw from policy(obs).",
    ),
)
