"""What the tests of the algorithms share.

An independent implementation to hold losses and gradients against (NumPy, double precision, no autograd), and a world
so small that sixteen seeds learn it in seconds.
"""

import gymnasium as gym
import numpy as np
import pytest
import torch


class Perceptron:
    """Linear layers with ReLU or tanh between them, forward and backward by hand."""

    def __init__(self, weights, biases, tanh=False):
        self.weights, self.biases, self.tanh = weights, biases, tanh  # [out, in], [out]

    def forward(self, x):
        self.inputs = []
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number:
                x = np.tanh(x) if self.tanh else np.maximum(x, 0)
            self.inputs.append(x)
            x = x @ weight.T + bias
        return x

    def backward(self, out):
        """Gradients for a loss with gradient `out` [B, out]: of weights and biases in turn, and of the input."""
        gradients = []
        for weight, x in zip(reversed(self.weights), reversed(self.inputs), strict=True):
            gradients = [out.T @ x, out.sum(0), *gradients]
            out = out @ weight
            if x is not self.inputs[0]:
                out = out * (1 - x**2 if self.tanh else x > 0)
        return gradients, out


@pytest.fixture
def by_hand():
    """A function that copies a network of the course into a Perceptron; of twins, one of the two."""

    def copy(net, twin=0):
        weights = [weight[twin].T.detach().double().numpy() for weight in net.weights]
        biases = [bias[twin, 0].detach().double().numpy() for bias in net.biases]
        return Perceptron(weights, biases, tanh=net.activation is torch.tanh_)

    return copy


@pytest.fixture
def one_update():
    """A function that makes one update: its metrics, and the gradients that each optimiser was given, by its name."""

    def update(agent, batch):
        seen = {}

        def watch(name, optimizer):
            def keep(*_):
                seen[name] = [weight.grad.clone() for weight in optimizer.param_groups[0]["params"]]

            optimizer.register_step_pre_hook(keep)

        for name, part in agent.parts().items():
            if isinstance(part, torch.optim.Optimizer):
                watch(name, part)
        return agent.update(batch), seen

    return update


@pytest.fixture
def agree():
    """A function that compares gradients [K, in, out], [K, 1, out], all weights then all biases, with those by hand."""

    def compare(gradients, *by_hand, rtol=1e-4, atol=1e-5):
        half = len(gradients) // 2
        for number, expected in enumerate(by_hand):  # of each network: weight [out, in], bias [out], ...
            for layer in range(half):
                np.testing.assert_allclose(gradients[layer][number].T, expected[2 * layer], rtol=rtol, atol=atol)
                bias = gradients[half + layer][number, 0]
                np.testing.assert_allclose(bias, expected[2 * layer + 1], rtol=rtol, atol=atol)

    return compare


class Puck(gym.Env):
    """Push a puck on a line to the middle: s' = s + a/2, kept in [-1, 1], and the reward is -|s'|. Ten steps.

    Random pushes earn about -5.5, the best ones about -0.25.
    """

    metadata = {"render_modes": []}

    def __init__(self):
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-1, 1)
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.place = float(np.clip(self.place + action[0] / 2, -1, 1))
        return np.array([self.place], np.float32), -abs(self.place), False, False, {}


gym.register("tests/Puck-v0", entry_point=Puck, max_episode_steps=10)
