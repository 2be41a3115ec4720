"""Networks: small perceptrons, actors and critics.

Training goes through autograd. Acting does not need it: `forward_numpy` runs the same layers over NumPy views
of the same weights, which for a few observations is faster.

    AL-12  Periodic hard update of a target network
        1  every K updates: w̄ ← w

    AL-13  Polyak update of a target network
        1  after every update: w̄ ← κ w + (1 - κ) w̄
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical, Independent, Normal

from rlcourse.checks import check_real_box, check_unit_interval, require
from rlcourse.distributions import TanhGaussian, squash
from rlcourse.generators import Generators

Seed: TypeAlias = int | np.ndarray  # of one network's initial weights, or [S], of S networks side by side
HUGE = 1e18  # far below 1.8e19, whose square is infinite in single precision


class OneHot:
    """State number -> unit vector, so that a linear layer on top is a table."""

    def __init__(self, size: int):
        self.size = size

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(states.long(), self.size).float()

    def numpy(self, states: np.ndarray) -> np.ndarray:
        flat = np.reshape(states, -1)
        vectors = np.zeros((flat.size, self.size), dtype=np.float32)
        vectors[np.arange(flat.size), flat] = 1
        return vectors.reshape(*np.shape(states), self.size)


class Floats:
    """Real numbers as they are; whole ones, such as a board or a picture, in single precision."""

    def __call__(self, obs: torch.Tensor) -> torch.Tensor:
        return obs if obs.is_floating_point() else obs.float()

    def numpy(self, obs: np.ndarray) -> np.ndarray:
        return obs if obs.dtype.kind == "f" else obs.astype(np.float32)


def features(observation_space: gym.Space) -> tuple[OneHot | Floats, int]:
    """What turns observations into numbers, and how many: a flat Box as it is, Discrete as one-hot.

    Raises:
        ValueError: for any other space.
    """
    if isinstance(observation_space, gym.spaces.Discrete):
        require(observation_space.start == 0, f"observation_space must count from 0, got {observation_space}")
        return OneHot(int(observation_space.n)), int(observation_space.n)
    require(
        isinstance(observation_space, gym.spaces.Box) and len(observation_space.shape) == 1,
        f"observation_space must be a flat Box or Discrete, got {observation_space}",
    )
    require(observation_space.shape[0] > 0, f"observation_space must have a component, got {observation_space}")
    return Floats(), observation_space.shape[0]


class MLP(nn.Module):
    """Multilayer perceptrons, one for each seed, in two readings: torch for learning, NumPy for acting.

        x ← activation(x W + b) for every layer; the last one without the activation

    K networks of one shape lie side by side: W [K, in, out], b [K, 1, out], and a layer is one batched matrix product.
    Weights start orthogonal times a gain, biases at zero.

    Args:
        inputs: width of the input.
        hidden: widths of the hidden layers; () makes it linear.
        outputs: width of the output.
        activation: "tanh" or "relu", after each hidden layer.
        last_gain: size of the last layer's initial weights; 0.01 starts a policy near uniform.
        seeds: of the initial weights, one for each network; or arrays of such seeds.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        activation: str = "tanh",
        last_gain: float = 1.0,
        seeds: Sequence[Seed] = (0,),
    ):
        super().__init__()
        pairs: dict[str, tuple[Callable, Callable]] = {"tanh": (torch.tanh_, np.tanh), "relu": (torch.relu_, relu)}
        self.activation, self.activation_numpy = pairs[activation]
        generators = [torch.Generator().manual_seed(int(seed)) for seed in np.hstack(seeds)]
        gains = [2**0.5] * len(hidden) + [last_gain]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for width_in, width_out, gain in zip((inputs, *hidden), (*hidden, outputs), gains, strict=True):
            starts = [nn.init.orthogonal_(torch.empty(width_out, width_in), gain, generator=g) for g in generators]
            self.weights.append(torch.stack([start.T for start in starts]).contiguous())
            self.biases.append(torch.zeros(len(generators), 1, width_out))
        self.layers = list(zip(self.weights, self.biases, strict=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One network: [..., in] -> [..., out]. K networks: [..., K, B, in] -> [..., K, B, out]."""
        *inner, (last_weight, last_bias) = self.layers
        in_front = len(last_weight) > 1 and x.dim() > 3  # time steps before the axis of the networks
        x = x.movedim(-3, 0) if in_front else x
        rows = x.reshape(len(last_weight), -1, x.shape[-1])
        for weight, bias in inner:
            rows = self.activation(torch.baddbmm(bias, rows, weight))  # in place: large tensors are slow to make
        out = torch.baddbmm(last_bias, rows, last_weight).view(*x.shape[:-1], -1)
        return out.movedim(0, -3) if in_front else out

    def forward_numpy(self, x: np.ndarray) -> np.ndarray:
        """The same from and to NumPy arrays, [..., in] or [K, ..., in], without a graph."""
        *inner, (last_weight, last_bias) = [(w.numpy(force=True), b.numpy(force=True)) for w, b in self.layers]
        rows = x.reshape(len(last_weight), -1, x.shape[-1])
        for weight, bias in inner:
            rows = self.activation_numpy(rows @ weight + bias)
        return (rows @ last_weight + last_bias).reshape(*x.shape[:-1], -1)


def twins(net: MLP, inputs: torch.Tensor) -> torch.Tensor:
    """What both networks of a pair say of the same inputs: [..., in] -> [2, ..., out].

    Where S pairs lie side by side, `net` holds the first of all, then the second of all: [S, B, in] -> [2, S, B, out].
    """
    pairs = inputs.expand(2, *inputs.shape)
    return net(pairs.reshape(len(net.weights[0]), -1, inputs.shape[-1])).view(*pairs.shape[:-1], -1)


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.maximum(x, 0)


def one_each(seed: Seed) -> tuple[int, ...]:
    """Shape of one number per seed, beside numbers [S, B]: (S, 1); of one seed, no axis at all."""
    return (len(seed), 1) if isinstance(seed, np.ndarray) else ()


def check_discrete(action_space: gym.Space) -> None:
    """Raise ValueError unless the actions are 0, 1, ..., n - 1."""
    require(isinstance(action_space, gym.spaces.Discrete), f"action_space must be Discrete, got {action_space}")
    require(action_space.start == 0, f"action_space must count from 0, got {action_space}")


class CategoricalActor(nn.Module):
    """π_θ(a|s) over finitely many actions: softmax of the network's outputs.

    `forward(obs)` is the distribution, for learning; `sample` and `mode` act on NumPy observations.
    """

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        super().__init__()
        check_discrete(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, int(action_space.n), last_gain=0.01, seeds=(seed,))

    def forward(self, obs: torch.Tensor) -> Categorical:
        return Categorical(logits=self.net(self.features(obs)), validate_args=False)

    def logits_numpy(self, obs: np.ndarray) -> np.ndarray:
        return self.net.forward_numpy(self.features.numpy(obs))

    def sample(self, obs: np.ndarray, rng: np.random.Generator | Generators) -> np.ndarray:
        """Actions a ~ π(.|s) for obs [..., features]: the largest of logit + Gumbel noise."""
        logits = self.logits_numpy(obs)
        return np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1)

    def mode(self, obs: np.ndarray) -> np.ndarray:
        """The most probable action of each observation."""
        return np.argmax(self.logits_numpy(obs), axis=-1)


def box_scale(action_space: gym.spaces.Box) -> tuple[np.ndarray, np.ndarray]:
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


def has_edges(action_space: gym.spaces.Box) -> np.ndarray:
    """Which components of a Box have two edges, booleans [d]; an edge at ±1e18 or beyond is as good as none."""
    return (np.abs(action_space.low.astype(float)) < HUGE) & (np.abs(action_space.high.astype(float)) < HUGE)


def check_box(action_space: gym.Space) -> None:
    """Raise ValueError unless the actions are vectors of real numbers in a Box with finite edges."""
    require(
        isinstance(action_space, gym.spaces.Box) and len(action_space.shape) == 1 and has_edges(action_space).all(),
        f"action_space must be a flat Box with finite bounds, got {action_space}",
    )
    check_real_box("action_space", action_space)


class BoxNetwork(nn.Module):
    """A network that knows the Box of its actions, and measures them in half-widths from its centre."""

    center: torch.Tensor
    half_width: torch.Tensor

    def __init__(self, action_space: gym.spaces.Box):
        super().__init__()
        self._box = box_scale(action_space)
        for name, numbers in zip(("center", "half_width"), self._box, strict=True):
            self.register_buffer(name, torch.as_tensor(numbers), persistent=False)

    def in_half_widths(self, actions: torch.Tensor) -> torch.Tensor:
        """Actions [..., d] as numbers from -1 at the low edge of the Box to 1 at the high edge."""
        return (actions - self.center) / self.half_width


class GaussianActor(BoxNetwork):
    """π_θ(a|s) in a Box: independent normals; the mean is a network of s, the log standard deviations are parameters.

        a = centre + half-width · (μ_θ(s) + σ ξ),    ξ standard normal

    It may draw actions outside the Box. The collector clips what it plays; the agent learns from what was drawn.
    """

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        super().__init__(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, action_space.shape[0], last_gain=0.01, seeds=(seed,))
        self.log_std = nn.Parameter(torch.zeros(*one_each(seed), action_space.shape[0]))

    def forward(self, obs: torch.Tensor) -> Independent:
        mean = torch.addcmul(self.center, self.half_width, self.net(self.features(obs)))
        std = self.half_width * self.log_std.exp()
        return Independent(Normal(mean, std, validate_args=False), 1, validate_args=False)

    def mean_numpy(self, obs: np.ndarray) -> np.ndarray:
        return self.net.forward_numpy(self.features.numpy(obs))

    def sample(self, obs: np.ndarray, rng: np.random.Generator | Generators) -> np.ndarray:
        """Actions a ~ π(.|s) for obs [..., features]."""
        center, half_width = self._box
        mean = self.mean_numpy(obs)
        noise = np.exp(self.log_std.numpy(force=True)) * rng.standard_normal(mean.shape, dtype=np.float32)
        return center + half_width * (mean + noise)

    def mode(self, obs: np.ndarray) -> np.ndarray:
        """The mean action of each observation."""
        center, half_width = self._box
        return center + half_width * self.mean_numpy(obs)


class BoundedActor(BoxNetwork):
    """What actors that never leave their Box share: a = centre + half-width · tanh(u), for any number u."""

    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, action_space: gym.spaces.Box):
        check_box(action_space)
        super().__init__(action_space)
        self._edges = inner_edges(action_space)
        for name, numbers in zip(("low", "high"), self._edges, strict=True):
            self.register_buffer(name, torch.as_tensor(numbers), persistent=False)

    def squash_numpy(self, unbounded: np.ndarray) -> np.ndarray:
        """`squash` from and to NumPy arrays."""
        center, half_width = self._box
        low, high = self._edges
        return np.minimum(np.maximum(center + half_width * np.tanh(unbounded), low), high)


def inner_edges(action_space: gym.spaces.Box) -> tuple[np.ndarray, np.ndarray]:
    """Low and high of a Box in single precision, rounded into the Box where they cannot be written exactly."""
    low, high = action_space.low.astype(np.float32), action_space.high.astype(np.float32)
    low = np.where(low < action_space.low, np.nextafter(low, np.float32(np.inf)), low)
    high = np.where(high > action_space.high, np.nextafter(high, np.float32(-np.inf)), high)
    return low, high


class DeterministicActor(BoundedActor):
    """μ_θ(s), the one action for each state, inside a bounded Box: centre + half-width · tanh(network)."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        super().__init__(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, action_space.shape[0], activation="relu", last_gain=0.01, seeds=(seed,))

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return squash(self.net(self.features(obs)), self.center, self.half_width, self.low, self.high)

    def mode(self, obs: np.ndarray) -> np.ndarray:
        """The same action, from and to NumPy arrays, without a graph."""
        return self.squash_numpy(self.net.forward_numpy(self.features.numpy(obs)))


class TanhGaussianActor(BoundedActor):
    """π_θ(a|s) inside a bounded Box: a squashed Gaussian, mean and log standard deviation a network of s."""

    LOG_STD = (-5.0, 2.0)
    """Between these log σ is kept: below, the density is a spike; above, tanh makes it all or nothing."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        super().__init__(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, 2 * action_space.shape[0], activation="relu", last_gain=0.01, seeds=(seed,))

    def forward(self, obs: torch.Tensor) -> TanhGaussian:
        mean, log_std = self.net(self.features(obs)).chunk(2, dim=-1)  # AL-20.1
        return TanhGaussian(mean, log_std.clamp(*self.LOG_STD), self.low, self.high, validate_args=False)

    def mean_and_log_std_numpy(self, obs: np.ndarray) -> list[np.ndarray]:
        return np.split(self.net.forward_numpy(self.features.numpy(obs)), 2, axis=-1)

    def sample(self, obs: np.ndarray, rng: np.random.Generator | Generators) -> np.ndarray:
        """Actions a ~ π(.|s) for obs [..., features]."""
        mean, log_std = self.mean_and_log_std_numpy(obs)
        std = np.exp(np.clip(log_std, *self.LOG_STD))
        return self.squash_numpy(mean + std * rng.standard_normal(mean.shape, dtype=np.float32))

    def mode(self, obs: np.ndarray) -> np.ndarray:
        """The action played without exploration: that of the mean."""
        return self.squash_numpy(self.mean_and_log_std_numpy(obs)[0])


class ValueCritic(nn.Module):
    """V_w(s), shape [...], never [..., 1]: a forgotten squeeze would broadcast."""

    def __init__(
        self, observation_space: gym.Space, hidden: Sequence[int], *, activation: str = "tanh", seed: Seed = 0
    ):
        super().__init__()
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, 1, activation=activation, seeds=(seed,))

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.net(self.features(obs)).squeeze(-1)


class ActionValueCritic(nn.Module):
    """Q_w(s, a) over finitely many actions: one output per action."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        super().__init__()
        check_discrete(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, int(action_space.n), seeds=(seed,))

    def all_actions(self, obs: torch.Tensor) -> torch.Tensor:
        """Q_w(s, b) of every action b, shape [..., m]."""
        return self.net(self.features(obs))

    def forward(self, obs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Q_w(s, a) of the actions [...] taken, shape [...]."""
        return self.all_actions(obs).gather(-1, actions[..., None]).squeeze(-1)


class ContinuousCritic(BoxNetwork):
    """Q_w(s, a) for actions in a Box: the action, in half-widths, is an input beside the observation."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        check_box(action_space)
        super().__init__(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width + action_space.shape[0], hidden, 1, activation="relu", seeds=(seed,))

    def forward(self, obs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Q_w(s, a) of obs [..., features] and actions [..., d], shape [...]."""
        return self.net(torch.cat([self.features(obs), self.in_half_widths(actions)], dim=-1)).squeeze(-1)


class TwinCritic(BoxNetwork):
    """Two critics Q_1(s, a), Q_2(s, a) for actions in a Box, of different initial weights, computed side by side."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        check_box(action_space)
        super().__init__(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width + action_space.shape[0], hidden, 1, activation="relu", seeds=(seed, seed + 1))

    def forward(self, obs: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Q_1(s, a) and Q_2(s, a) of obs [..., features] and actions [..., d], each of shape [...]."""
        inputs = torch.cat([self.features(obs), self.in_half_widths(actions)], dim=-1)
        q1, q2 = twins(self.net, inputs).squeeze(-1)
        return q1, q2


class TwinActionValueCritic(nn.Module):
    """Two critics Q_1(s, a), Q_2(s, a) over finitely many actions."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space, hidden: Sequence[int], *, seed: Seed = 0):
        super().__init__()
        check_discrete(action_space)
        self.features, width = features(observation_space)
        self.net = MLP(width, hidden, int(action_space.n), activation="relu", seeds=(seed, seed + 1))

    def all_actions(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both critics' values of every action, each of shape [..., m]."""
        q1, q2 = twins(self.net, self.features(obs))
        return q1, q2

    def forward(self, obs: torch.Tensor, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Q_1(s, a) and Q_2(s, a) of the actions [...] taken, each of shape [...]."""
        q1, q2 = (q.gather(-1, actions[..., None]).squeeze(-1) for q in self.all_actions(obs))
        return q1, q2


@torch.no_grad()
def polyak_update(online: nn.Module, target: nn.Module, *, tau: float) -> None:
    """The target follows the online network: w̄ ← κ w + (1 - κ) w̄, weight by weight, in place.

    Args:
        online, target: modules of one architecture.
        tau: κ, the weight on the online network, in [0, 1]; 1 copies it.

    Raises:
        ValueError: if tau is not in [0, 1], or the two differ in their weights.

    Source: Lillicrap et al. 2016, algorithm 1.
    """
    tau = check_unit_interval("tau", tau)
    for online_weight, target_weight in matching_weights(online, target):
        target_weight.lerp_(online_weight, tau)  # AL-13.1


@torch.no_grad()
def hard_update(online: nn.Module, target: nn.Module) -> None:
    """The target becomes a copy of the online network, in place: whatever stood there before is gone.

    Raises:
        ValueError: if the two differ in their weights.
    """
    matching_weights(online, target)
    for ours, theirs in zip(online.state_dict().values(), target.state_dict().values(), strict=True):
        theirs.copy_(ours)  # AL-12.1


def matching_weights(online: nn.Module, target: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Pairs of weights, (online, target); ValueError unless the two modules match weight by weight."""
    for name, module in (("online", online), ("target", target)):
        require(isinstance(module, nn.Module), f"{name} must be a torch module, got {type(module).__name__}")
    ours, theirs = list(online.parameters()), list(target.parameters())
    match = len(ours) == len(theirs) and all(map(torch.is_same_size, ours, theirs))
    match = match and all(a.dtype == b.dtype for a, b in zip(ours, theirs, strict=True))
    require(match, "target must have weights of the shapes and type of online's, it has not")
    return list(zip(ours, theirs, strict=True))
