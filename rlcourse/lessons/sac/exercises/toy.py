"""A small world on which SAC's losses can be judged: states, stored actions, critics, a value and a policy."""

import torch

from rlcourse.course.checker import call
from rlcourse.distributions import TanhGaussian


class Toy:
    """Four small functions of the right kind, in float64: V(s), two Q(s, a), and a squashed Gaussian policy."""

    def __init__(self, rng, rows):
        def numbers(*shape):
            return torch.from_numpy(rng.normal(0, 1, shape))

        self.obs, self.actions, self.noise = numbers(rows, 2), numbers(rows, 1).tanh(), numbers(rows, 1)
        self.v, self.q, self.p = (numbers(*shape).requires_grad_() for shape in ((2,), (2, 4), (3,)))
        self.draws = 0

    def value(self, obs):
        return torch.tanh(obs) @ self.v

    def critics(self, obs, actions):
        return self._q(obs, actions, 0), self._q(obs, actions, 1)

    def _q(self, obs, actions, which):
        return 2 * torch.cat([obs, actions, actions**2], -1) @ self.q[which]

    def sample(self, obs):
        self.draws += 1
        mean = (obs @ self.p[:2])[:, None]
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
