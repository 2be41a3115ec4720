"""What the algorithms share: how an agent acts, takes a gradient step, and is written down."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, get_type_hints

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from rlcourse.checks import (
    check_bool,
    check_finite,
    check_hidden_sizes,
    check_nonnegative,
    check_positive,
    check_positive_integer,
    check_seed,
    check_seeds,
    check_step_size,
    check_unit_interval,
    require,
)
from rlcourse.generators import Generators
from rlcourse.networks import CategoricalActor, GaussianActor, ValueCritic
from rlcourse.replay import ReplayBuffer
from rlcourse.rollout import Collector
from rlcourse.transitions import Transitions

# Types of a config's fields: each stands with the check that its values have to pass.
UnitInterval = Annotated[float, check_unit_interval]
Positive = Annotated[float, check_positive]
NonNegative = Annotated[float, check_nonnegative]
StepSize = Annotated[float, check_step_size]
Finite = Annotated[float, check_finite]
Switch = Annotated[bool, check_bool]
Count = Annotated[int, check_positive_integer]
HiddenSizes = Annotated[tuple[int, ...], check_hidden_sizes]


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """The base of every Config: it checks its fields by their types, and keeps them as plain Python numbers."""

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self), include_extras=True).items():
            for check in getattr(kind, "__metadata__", ()):
                object.__setattr__(self, name, check(name, getattr(self, name)))
        self.check()

    def check(self) -> None:
        """What must hold between fields; ValueError if it does not."""


def check_replay(config: Any) -> None:
    """Raise ValueError if an update or the warm-up asks for more stored steps than the replay buffer holds."""
    for name in ("batch_size", "warmup"):
        wanted = getattr(config, name, 0)
        require(wanted <= config.capacity, f"{name} must be at most capacity, {config.capacity}, got {wanted}")


@contextlib.contextmanager
def single_precision() -> Iterator[None]:
    """Whatever torch's default is, networks are made and trained in single precision; the setting is put back."""
    found = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(found)


def adam(parameters: Iterable[nn.Parameter], learning_rate: float, *, eps: float = 1e-5) -> torch.optim.Adam:
    """torch's Adam on some weights, in its fused form, which is faster for small networks."""
    return torch.optim.Adam(parameters, lr=learning_rate, eps=eps, fused=True)


def is_adam(optimizer: torch.optim.Optimizer) -> bool:
    """Whether an optimiser is plain Adam: two moments per weight, and no weight decay."""
    options = optimizer.param_groups[0]
    return type(optimizer) is torch.optim.Adam and not options["amsgrad"] and not options["weight_decay"]


def gradient_step(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """Descend the loss, a scalar, by one step; the gradients of earlier losses are forgotten first."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def minibatches(size: int, minibatch_size: int, rng: np.random.Generator | Generators) -> Sequence[Any]:
    """Row numbers 0 to size - 1 in random order, cut into minibatches.

    Of S seeds, each in an order of its own: what picks from a tensor [S, size, ...] the rows [S, minibatch_size].
    """
    parts = torch.as_tensor(rng.permutation(size)).split(minibatch_size, dim=-1)
    return [(torch.arange(len(rows))[:, None], rows) for rows in parts] if isinstance(rng, Generators) else parts


def means(**numbers: torch.Tensor) -> dict:
    """Metrics: each the mean of some numbers [B], a float; of S seeds, [S, B], a list of S floats."""
    return {name: values.detach().mean(-1).tolist() for name, values in numbers.items()}


class RandomPolicy:
    """What an agent does before it has learned anything: uniform draws from its action space."""

    def __init__(self, agent: "Agent"):
        self.agent = agent

    def act(self, obs: np.ndarray) -> np.ndarray:
        space, rng = self.agent.action_space, self.agent.rng
        leading = obs.shape[: obs.ndim - len(self.agent.observation_space.shape)]
        if isinstance(space, gym.spaces.Discrete):
            return rng.integers(space.n, size=leading)
        return rng.uniform(space.low, space.high, (*leading, *space.shape)).astype(np.float32)


class Agent:
    """An agent: networks, optimisers, one random generator, and a frozen config.

    Subclasses define Config, num_envs, build(), update(batch) -> metrics, and training(collector).

    Made from several seeds it is a population, one learner per seed, side by side in larger tensors: weights
    [S, in, out], rollouts Transitions[T, S, N], minibatches Transitions[S, B], metrics lists of S numbers. Losses
    are means over the seeds, too; `adam` makes up for that. No seed's numbers ever reach another's.

    Args:
        observation_space, action_space: of one environment, as Gymnasium describes them.
        config: an instance of the class's Config; None for its defaults.
        seed: of all that is random in it, from the initial weights on; several different ones for a population.

    Attributes:
        seed: the seed, or an array [S] of them.
        num_seeds: S of a population, 1 of an ordinary agent.
        updates: how many the agent has counted, if it counts them.
    """

    Config: type
    num_envs: int
    """Default number of environments side by side."""
    actor: Any
    """The policy's network, which build() makes."""
    whole_episodes = False
    """Whether training() collects whole episodes, so that no two seeds take equally many steps before an update."""
    rng: Any
    """Generator of actions, noise and the order of minibatches; of a population Generators, one per seed."""

    def __init__(
        self,
        observation_space: gym.Space,
        action_space: gym.Space,
        config: Any = None,
        *,
        seed: int | Sequence[int] = 0,
    ) -> None:
        config = self.Config() if config is None else config
        require(
            type(config) is self.Config,
            f"config must be a {type(self).__name__}.Config, got {type(config).__qualname__}",
        )
        self.observation_space, self.action_space = observation_space, action_space
        self.config, self.updates = config, 0
        self.seed: Any
        if np.ndim(seed) == 0:
            self.seed, self.num_seeds = check_seed("seed", seed), 1
            self.rng = np.random.default_rng(self.seed)
        else:
            self.seed = np.array(check_seeds("seed", seed))
            self.num_seeds = len(self.seed)
            self.rng = Generators(map(np.random.default_rng, self.seed))
        with single_precision():
            self.build()

    def build(self) -> None:
        """Make networks, optimisers and whatever else the agent has.

        What is to be saved must be an attribute itself: of several networks make an nn.ModuleList. Optimisers must be
        `self.adam(...)` to be saved in the middle of a run, and to train many seeds at once.
        """
        raise NotImplementedError

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate collection and updates, for ever; yields the metrics of each update."""
        raise NotImplementedError

    def update(self, batch: Transitions) -> dict:
        """Learn from a batch; returns metrics, numbers by name."""
        raise NotImplementedError

    def adam(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
        """The optimiser of some of the agent's weights.

        The loss of a population is a mean over its S seeds, so each seed's gradient comes divided by S. Adam divides
        the gradient by its own size plus ε: with ε / S it takes, element by element, the step of the seed alone.
        """
        return adam(parameters, learning_rate, eps=1e-5 / self.num_seeds)

    def make_actor(self) -> CategoricalActor | GaussianActor:
        """The policy's network for these actions: softmax over finitely many, Gaussian in a Box."""
        actor_class = CategoricalActor if isinstance(self.action_space, gym.spaces.Discrete) else GaussianActor
        return actor_class(self.observation_space, self.action_space, self.config.hidden, seed=self.seed)

    def make_critic(self) -> ValueCritic:
        """V_w(s), with other initial weights than the actor's."""
        return ValueCritic(self.observation_space, self.config.hidden, seed=self.seed + 1)

    def act(self, obs: np.ndarray) -> np.ndarray:
        """Actions drawn from the policy, a ~ π(.|s).

        Args:
            obs: NumPy array [..., features], or state numbers [...].

        Returns:
            NumPy array [...] of actions.
        """
        return self.actor.sample(np.asarray(obs), self.rng)

    def act_deterministically(self, obs: np.ndarray) -> np.ndarray:
        """The action without exploration: the most probable of finitely many; in a Box that of the Gaussian's mean."""
        return self.actor.mode(np.asarray(obs))

    def parts(self) -> dict:
        """Networks, parameters, optimisers and replay buffer by name: all that training changes, except the generator.

        Raises:
            ValueError: if some of these lie in a list, tuple or dict, where they would be forgotten.
        """
        kinds = (nn.Module, nn.Parameter, torch.optim.Optimizer, ReplayBuffer)
        for name, part in vars(self).items():
            inside = part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else ()
            require(
                not any(isinstance(one, kinds) for one in inside),
                f"{name} must be an attribute for each of its parts, or an nn.ModuleList, got a {type(part).__name__}",
            )
        return {name: part for name, part in vars(self).items() if isinstance(part, kinds)}

    def state(self) -> dict[str, np.ndarray]:
        """The agent as named arrays, copies; with its generator, enough to go on training from.

        Raises:
            ValueError: if an optimiser is not Adam, and has moments.
        """
        arrays = {"updates": np.array(self.updates)}
        for name, part in self.parts().items():
            if isinstance(part, nn.Parameter):
                arrays[name] = part.detach().numpy().copy()
            elif isinstance(part, nn.Module):
                arrays |= {f"{name}/{key}": value.numpy().copy() for key, value in part.state_dict().items()}
            elif isinstance(part, ReplayBuffer):
                arrays |= {f"{name}/{key}": value for key, value in part.state().items()}
            else:
                require(is_adam(part) or not part.state, f"{name} must be self.adam(...) to be saved, got {part}")
                for number, moments in part.state_dict()["state"].items():
                    arrays |= {f"{name}/{number}/{key}": value.numpy().copy() for key, value in moments.items()}
        return arrays

    def load_state(self, arrays: dict[str, np.ndarray]) -> None:
        """The inverse of `state`.

        Raises:
            ValueError: unless names, shapes and types are those of this agent, and nothing is missing.
        """
        check_state(arrays, self)
        self.updates = int(arrays["updates"])
        for name, part in self.parts().items():
            mine = {key[len(name) + 1 :]: value for key, value in arrays.items() if key.startswith(f"{name}/")}
            if isinstance(part, nn.Parameter):
                part.data.copy_(torch.as_tensor(arrays[name]))
            elif isinstance(part, nn.Module):
                part.load_state_dict({key: torch.as_tensor(value) for key, value in mine.items()})
            elif isinstance(part, ReplayBuffer):
                part.load_state(mine)
            else:
                whole = {**part.state_dict(), "state": {}}
                for key, value in mine.items():
                    number, moment = key.split("/")
                    whole["state"].setdefault(int(number), {})[moment] = torch.tensor(value)
                part.load_state_dict(whole)


def check_state(arrays: dict[str, np.ndarray], agent: Agent) -> None:
    """Raise ValueError unless arrays are what `agent.state()` of an agent with this config could be."""
    expected = {"updates": np.zeros((), int)}
    for name, part in agent.parts().items():
        if isinstance(part, torch.optim.Optimizer):
            moments = _moments(name, part)
            if any(key in arrays for key in moments):  # none before the first update
                expected |= moments
        elif isinstance(part, ReplayBuffer):
            rows = len(arrays.get(f"{name}/rewards", ()))
            require(rows <= part.capacity, f"{name} must hold at most {part.capacity} rows, got {rows}")
            expected |= {f"{name}/{key}": value for key, value in part.outline(rows).items()}
        elif isinstance(part, nn.Parameter):
            expected[name] = part.detach().numpy()
        else:
            expected |= {f"{name}/{key}": value.numpy() for key, value in part.state_dict().items()}
    odd = sorted(expected.keys() ^ arrays.keys())
    require(not odd, f"the state must hold exactly the agent's parts, got {odd[:3]} too many or too few")
    for name, like in expected.items():
        shape, kind = arrays[name].shape, arrays[name].dtype
        require(
            shape == like.shape and kind == like.dtype,
            f"{name} must have shape {like.shape} and type {like.dtype}, got {shape} and {kind}",
        )


def _moments(name: str, optimizer: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """What Adam remembers of each weight, by the names of `state`: two moments of its shape, and a count of steps."""
    weights = [weight.detach().numpy() for group in optimizer.param_groups for weight in group["params"]]
    count = {f"{name}/{number}/step": np.zeros((), np.float32) for number in range(len(weights))}
    moments = ("exp_avg", "exp_avg_sq")
    return count | {f"{name}/{number}/{moment}": w for number, w in enumerate(weights) for moment in moments}


class ReplayAgent(Agent):
    """An agent that stores every step and learns from minibatches of stored ones, one update per time step."""

    num_envs = 1
    buffer: ReplayBuffer

    def training(self, collector: Collector) -> Iterator[dict]:
        """Alternate steps and updates, for ever; yields the metrics of each update."""
        config, random_policy = self.config, RandomPolicy(self)
        while True:  # AL-17.2 AL-18.2 AL-22.2
            learning = len(self.buffer) >= config.warmup
            self.buffer.add(collector.collect(self if learning else random_policy, steps=1))  # AL-17.3 AL-18.3 AL-22.4

            if len(self.buffer) >= max(config.warmup, config.batch_size):
                yield self.update(self.buffer.sample(config.batch_size))  # AL-17.4 AL-18.4 AL-22.5


def config_from(config_class: type, values: dict) -> Any:
    """A Config from plain values (lists become tuples), as a checkpoint holds them."""
    names = {field.name for field in dataclasses.fields(config_class)}
    unknown = set(values) - names
    require(not unknown, f"config has no field {sorted(unknown)}; its fields are {sorted(names)}")
    return config_class(**{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})
