"""Networks: small perceptrons, actors and critics.

Training goes through autograd. Acting does not need it: `forward_numpy` runs the same layers over NumPy views
of the same weights, about five times faster for one small observation; an optimiser that updates the weights
in place updates the views with them.

    AL-12  Periodic hard update of a target network
        1  every K updates: w̄ ← w

    AL-13  Polyak update of a target network
        1  after every update: w̄ ← κ w + (1 - κ) w̄
"""

import contextlib
import functools

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical, Independent, Normal

from rlcourse.checks import check_fraction, check_real_box, require
from rlcourse.distributions import TanhGaussian

RELU = functools.partial(nn.ReLU, inplace=True)  # what went in is not needed again
HUGE = 1e18  # the square of anything larger is infinite in single precision


class Network(nn.Module):
    """An actor or a critic. Its layers never change, so that its weights need be searched for only once."""

    @functools.cached_property
    def weights(self):
        """All its weights, in the order of `parameters()`."""
        return tuple(self.parameters())


@contextlib.contextmanager
def frozen(network):
    """Inside, the weights of a Network are constants: a gradient passes through it, and none is left in it."""
    for weight in network.weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in network.weights:
            weight.requires_grad_(True)


class OneHot(nn.Module):
    """State number -> unit vector, so that a linear layer on top is a table."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, states):
        return nn.functional.one_hot(states.long(), self.size).float()

    def forward_numpy(self, states):
        flat = np.reshape(states, -1)
        vectors = np.zeros((flat.size, self.size), dtype=np.float32)
        vectors[np.arange(flat.size), flat] = 1
        return vectors.reshape(*np.shape(states), self.size)


class Floats(nn.Module):
    """Whole numbers, such as a board or a picture, in single precision."""

    def forward(self, obs):
        return obs.float()

    def forward_numpy(self, obs):
        return np.asarray(obs, dtype=np.float32)


class Linear(nn.Linear):
    """A linear layer that reads NumPy arrays, too, through views of its weights."""

    def forward_numpy(self, x):
        weight, bias = self._parameters.values()  # `self.weight` would search for them, as long as a product takes
        address = weight.data_ptr(), bias.data_ptr()
        if self.__dict__.get("address") != address:  # new, copied, or moved elsewhere in memory
            self.address = address
            self.views = weight.numpy(force=True).T, bias.numpy(force=True)
        weight, bias = self.views  # as long as they are held, no other weights can come to lie at this address
        return x @ weight + bias

    def __getstate__(self):
        """What a copy gets: not the views, which show this layer's weights."""
        return {name: value for name, value in vars(self).items() if name not in ("address", "views")}


class MLP(nn.Sequential):
    """Layers in a row, in two readings: torch for learning, NumPy for acting on the CPU."""

    def forward(self, x):
        for layer in self:
            x = layer.forward(x)  # layer(x) would look for hooks first, which takes as long as a small layer itself
        return x

    def forward_numpy(self, x):
        """The same output as `forward`, from and to NumPy arrays, without a graph."""
        layers = tuple(self)
        device = layers[-1].weight.device
        if device.type != "cpu":
            with torch.no_grad():
                return self(torch.as_tensor(x, device=device)).cpu().numpy()
        for layer in layers:
            if isinstance(layer, nn.ReLU):
                x = np.maximum(x, 0)
            elif isinstance(layer, nn.Tanh):
                x = np.tanh(x)
            else:
                x = layer.forward_numpy(x)
        return x


def features(observation_space):
    """Input layers and input width for a space of observations: flat Box, or Discrete as one-hot.

    Raises:
        ValueError: for any other space.
    """
    if isinstance(observation_space, gym.spaces.Discrete):
        require(observation_space.start == 0, f"observation_space must count from 0, got {observation_space}")
        return [OneHot(int(observation_space.n))], int(observation_space.n)
    require(
        isinstance(observation_space, gym.spaces.Box) and len(observation_space.shape) == 1,
        f"observation_space must be a flat Box or Discrete, got {observation_space}",
    )
    require(observation_space.shape[0] > 0, f"observation_space must have a component, got {observation_space}")
    whole = not np.issubdtype(observation_space.dtype, np.floating)
    return [Floats()] if whole else [], observation_space.shape[0]


def linear(inputs, outputs, gain, generator):
    """A linear layer with orthogonal weights of a given gain and zero bias: the customary start on-policy."""
    layer = nn.utils.skip_init(Linear, inputs, outputs)  # torch's own start would draw from the global generator
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def mlp(observation_space, hidden, outputs, *, activation=nn.Tanh, last_gain=1.0, seed=0):
    """A multilayer perceptron on observations.

    Args:
        observation_space: a flat Box or a Discrete space.
        hidden: widths of the hidden layers; () makes it linear, and a table on a Discrete space.
        outputs: width of the output.
        activation: nn.Tanh or nn.ReLU, after each hidden layer.
        last_gain: size of the last layer's initial weights; 0.01 starts a policy near uniform.
        seed: of the initial weights.
    """
    layers, width = features(observation_space)
    return MLP(*layers, *perceptron(width, hidden, outputs, activation=activation, last_gain=last_gain, seed=seed))


def perceptron(width, hidden, outputs, *, activation=nn.Tanh, last_gain=1.0, seed=0):
    """The layers of a perceptron on inputs of a given width; the other arguments are those of `mlp`."""
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for size in hidden:
        layers += [linear(width, size, 2**0.5, generator), activation()]
        width = size
    return [*layers, linear(width, outputs, last_gain, generator)]


def check_discrete(action_space):
    """Raise ValueError unless the actions are 0, 1, ..., n - 1."""
    require(isinstance(action_space, gym.spaces.Discrete), f"action_space must be Discrete, got {action_space}")
    require(action_space.start == 0, f"action_space must count from 0, got {action_space}")


class CategoricalActor(Network):
    """π_θ(a|s) over finitely many actions: softmax of the network's outputs.

    `forward(obs)` is the distribution, for learning; `sample` and `mode` act on NumPy observations.
    """

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__()
        check_discrete(action_space)
        self.net = mlp(observation_space, hidden, int(action_space.n), last_gain=0.01, seed=seed)

    def forward(self, obs):
        return Categorical(logits=self.net(obs), validate_args=False)

    def logits_numpy(self, obs):
        return self.net.forward_numpy(obs)

    def sample(self, obs, rng):
        """Actions a ~ π(.|s) for obs [..., features]: the largest of logit + Gumbel noise."""
        logits = self.logits_numpy(obs)
        return np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1)

    def mode(self, obs):
        """The most probable action of each observation."""
        return np.argmax(self.logits_numpy(obs), axis=-1)


def box_scale(action_space):
    """Centre and half-width of each component of a Box: the point and the unit that agents measure actions by.

    So measured, the same task is the same to an agent in any unit: 0 is the centre, -1 and 1 are the edges. A component
    that lacks an edge has the unit 1, and for its centre the allowed number nearest to 0.

    Returns:
        (centre, half-width), float32 arrays [d].

    Raises:
        ValueError: unless action_space is a flat Box of real numbers in which every component has a width.
    """
    require(
        isinstance(action_space, gym.spaces.Box) and len(action_space.shape) == 1,
        f"action_space must be Discrete or a flat Box, got {action_space}",
    )
    check_real_box("action_space", action_space)
    low, high = action_space.low.astype(float), action_space.high.astype(float)
    bounded = has_edges(action_space)
    center, half_width = np.clip(0.0, low, high), np.ones_like(low)
    center[bounded] = (low[bounded] + high[bounded]) / 2
    half_width[bounded] = (high[bounded] - low[bounded]) / 2
    return center.astype(np.float32), half_width.astype(np.float32)


def has_edges(action_space):
    """Which components of a Box have two edges, booleans [d]; an edge beyond ±1e18 is as good as none."""
    return (np.abs(action_space.low.astype(float)) < HUGE) & (np.abs(action_space.high.astype(float)) < HUGE)


def check_box(action_space):
    """Raise ValueError unless the actions are vectors of real numbers in a Box with finite edges."""
    require(
        isinstance(action_space, gym.spaces.Box) and len(action_space.shape) == 1 and has_edges(action_space).all(),
        f"action_space must be a flat Box with finite bounds, got {action_space}",
    )
    check_real_box("action_space", action_space)


class BoxNetwork(Network):
    """A network that knows the Box of its actions, and measures them in half-widths from its centre."""

    def __init__(self, action_space):
        super().__init__()
        self._box = box_scale(action_space)
        for name, numbers in zip(("center", "half_width"), self._box, strict=True):
            # As a buffer it follows the weights to another device.
            self.register_buffer(name, torch.as_tensor(numbers), persistent=False)

    def in_half_widths(self, actions):
        """Actions [..., d] as numbers from -1 at the low edge of the Box to 1 at the high edge."""
        return (actions - self.center) / self.half_width


class GaussianActor(BoxNetwork):
    """π_θ(a|s) in a Box: independent normals, the mean a network of s, the log standard deviations free numbers.

        a = centre + half-width · (μ_θ(s) + σ ξ),    ξ standard normal

    It may draw actions outside the Box; whoever plays them clips them, and learns from what was drawn.
    """

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__(action_space)
        self.net = mlp(observation_space, hidden, action_space.shape[0], last_gain=0.01, seed=seed)
        self.log_std = nn.Parameter(torch.zeros(action_space.shape[0]))

    def forward(self, obs):
        mean = torch.addcmul(self.center, self.half_width, self.net(obs))
        std = (self.half_width * self.log_std.exp()).expand_as(mean)
        return Independent(Normal(mean, std, validate_args=False), 1, validate_args=False)

    def sample(self, obs, rng):
        """Actions a ~ π(.|s) for obs [..., features]."""
        center, half_width = self._box
        mean = self.net.forward_numpy(obs)
        noise = np.exp(self.log_std.numpy(force=True)) * rng.standard_normal(mean.shape, dtype=np.float32)
        return center + half_width * (mean + noise)

    def mode(self, obs):
        """The mean action of each observation."""
        center, half_width = self._box
        return center + half_width * self.net.forward_numpy(obs)


class BoundedActor(BoxNetwork):
    """What actors that never leave their Box share: a = centre + half-width · tanh(u), for any number u."""

    def __init__(self, action_space):
        check_box(action_space)
        super().__init__(action_space)
        self._edges = inner_edges(action_space)
        for name, numbers in zip(("low", "high"), self._edges, strict=True):
            self.register_buffer(name, torch.as_tensor(numbers), persistent=False)

    def squash(self, unbounded):
        """The actions [..., d] for the network's outputs; the sum may be rounded outwards."""
        return torch.clamp(torch.addcmul(self.center, self.half_width, torch.tanh(unbounded)), self.low, self.high)

    def squash_numpy(self, unbounded):
        """The same from and to NumPy arrays."""
        center, half_width = self._box
        low, high = self._edges
        return np.minimum(np.maximum(center + half_width * np.tanh(unbounded), low), high)


def inner_edges(action_space):
    """Low and high of a Box in single precision, rounded into the Box where they cannot be written exactly."""
    low, high = action_space.low.astype(np.float32), action_space.high.astype(np.float32)
    low = np.where(low < action_space.low, np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high > action_space.high, np.nextafter(high, np.float32(-np.inf)), high)
    return low, high


class DeterministicActor(BoundedActor):
    """μ_θ(s), the one action for each state, inside a bounded Box: centre + half-width · tanh(network)."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__(action_space)
        outputs = action_space.shape[0]
        self.net = mlp(observation_space, hidden, outputs, activation=RELU, last_gain=0.01, seed=seed)

    def forward(self, obs):
        return self.squash(self.net(obs))

    def mode(self, obs):
        """The same action, from and to NumPy arrays, without a graph."""
        return self.squash_numpy(self.net.forward_numpy(obs))


class TanhGaussianActor(BoundedActor):
    """π_θ(a|s) inside a bounded Box: a squashed Gaussian, mean and log standard deviation a network of s."""

    LOG_STD = (-5.0, 2.0)
    """Between these log σ is kept: below, the density is a spike; above, tanh makes it all or nothing."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__(action_space)
        outputs = 2 * action_space.shape[0]
        self.net = mlp(observation_space, hidden, outputs, activation=RELU, last_gain=0.01, seed=seed)

    def forward(self, obs):
        mean, log_std = self.net(obs).chunk(2, dim=-1)  # AL-20.1
        return TanhGaussian(mean, log_std.clamp(*self.LOG_STD), self.low, self.high)

    def sample(self, obs, rng):
        """Actions a ~ π(.|s) for obs [..., features]."""
        mean, log_std = np.split(self.net.forward_numpy(obs), 2, axis=-1)
        std = np.exp(np.clip(log_std, *self.LOG_STD))
        return self.squash_numpy(mean + std * rng.standard_normal(mean.shape, dtype=np.float32))

    def mode(self, obs):
        """The action played without exploration: that of the mean."""
        return self.squash_numpy(np.split(self.net.forward_numpy(obs), 2, axis=-1)[0])


class ValueCritic(Network):
    """V_w(s), shape [...], never [..., 1]: a forgotten squeeze would broadcast."""

    def __init__(self, observation_space, hidden, *, activation=nn.Tanh, seed=0):
        super().__init__()
        self.net = mlp(observation_space, hidden, 1, activation=activation, seed=seed)

    def forward(self, obs):
        return self.net(obs).squeeze(-1)


class ActionValueCritic(Network):
    """Q_w(s, a) over finitely many actions: one output an action."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__()
        check_discrete(action_space)
        self.all_actions = mlp(observation_space, hidden, int(action_space.n), seed=seed)

    def forward(self, obs, actions):
        """Q_w(s, a) of the actions [...] taken, shape [...]."""
        return self.all_actions(obs).gather(-1, actions[..., None]).squeeze(-1)


class ContinuousCritic(BoxNetwork):
    """Q_w(s, a) for actions in a Box: the action, in half-widths, is an input beside the observation."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        check_box(action_space)
        super().__init__(action_space)
        layers, width = features(observation_space)
        self.features = MLP(*layers)
        self.net = MLP(*perceptron(width + action_space.shape[0], hidden, 1, activation=RELU, seed=seed))

    def forward(self, obs, actions):
        """Q_w(s, a) of obs [..., features] and actions [..., d], shape [...]."""
        return self.net(torch.cat([self.features(obs), self.in_half_widths(actions)], dim=-1)).squeeze(-1)


class TwinLinear(nn.Module):
    """Two linear layers in one product of stacked matrices, [2, B, in] -> [2, B, out]: half the calls."""

    def __init__(self, first, second):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([first.weight.T, second.weight.T]).detach())
        self.bias = nn.Parameter(torch.stack([first.bias, second.bias])[:, None].detach())

    def forward(self, x):
        return torch.baddbmm(self.bias, x, self.weight)


class Twins(MLP):
    """Two perceptrons of different initial weights that see the same input, [..., in] -> [2, ..., out]."""

    def __init__(self, width, hidden, outputs, *, seed=0):
        pair = [perceptron(width, hidden, outputs, activation=RELU, seed=seed + number) for number in range(2)]
        layers = zip(*pair, strict=True)
        super().__init__(*(TwinLinear(*two) if isinstance(two[0], nn.Linear) else two[0] for two in layers))

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        return super().forward(rows.expand(2, -1, -1)).view(2, *x.shape[:-1], -1)


class TwinCritic(BoxNetwork):
    """Two critics Q_1(s, a), Q_2(s, a) for actions in a Box, computed side by side."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        check_box(action_space)
        super().__init__(action_space)
        layers, width = features(observation_space)
        self.features, self.net = MLP(*layers), Twins(width + action_space.shape[0], hidden, 1, seed=seed)

    def forward(self, obs, actions):
        """Q_1(s, a) and Q_2(s, a) of obs [..., features] and actions [..., d], shape [2, ...]."""
        return self.net(torch.cat([self.features(obs), self.in_half_widths(actions)], dim=-1)).squeeze(-1)


class TwinActionValueCritic(Network):
    """Two critics Q_1(s, a), Q_2(s, a) over finitely many actions."""

    def __init__(self, observation_space, action_space, hidden, *, seed=0):
        super().__init__()
        check_discrete(action_space)
        layers, width = features(observation_space)
        self.features, self.net = MLP(*layers), Twins(width, hidden, int(action_space.n), seed=seed)

    def all_actions(self, obs):
        """Both critics' values of every action, shape [2, ..., m]."""
        return self.net(self.features(obs))

    def forward(self, obs, actions):
        """Q_1(s, a) and Q_2(s, a) of the actions [...] taken, shape [2, ...]."""
        q = self.all_actions(obs)
        return q.gather(-1, actions.expand(q.shape[:-1])[..., None]).squeeze(-1)


@torch.no_grad()
def polyak_update(online, target, *, tau):
    """The target follows the online network: w̄ ← κ w + (1 - κ) w̄, weight by weight, in place.

    Args:
        online, target: modules of one architecture.
        tau: κ, the weight on the online network, in [0, 1]; 1 copies it.

    Raises:
        ValueError: if tau is not in [0, 1], or the two differ in their weights.

    Source: Lillicrap et al. 2016, algorithm 1.
    """
    tau = check_fraction("tau", tau)
    for name, module in (("online", online), ("target", target)):
        require(isinstance(module, nn.Module), f"{name} must be a torch module, got {type(module).__name__}")
    mine, theirs = (m.weights if isinstance(m, Network) else tuple(m.parameters()) for m in (target, online))
    try:
        require(all(map(torch.is_same_size, mine, theirs)) and len(mine) == len(theirs), "shapes differ")
        if mine:
            torch._foreach_lerp_(mine, theirs, tau)  # AL-13.1
    except (RuntimeError, ValueError):  # torch says it of types and devices
        raise ValueError("target must have weights of the shapes, type and device of online's, it has not") from None


@torch.no_grad()
def hard_update(online, target):
    """The target becomes a copy of the online network, in place.

    Raises:
        ValueError: as in `polyak_update`.
    """
    polyak_update(online, target, tau=1.0)  # AL-12.1
    target.load_state_dict(online.state_dict())  # whatever stood there before, and what is no weight
