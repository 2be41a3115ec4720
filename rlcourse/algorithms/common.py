"""What the algorithms share: how an agent acts, takes a gradient step, and is written down."""

import contextlib
import dataclasses

import gymnasium as gym
import numpy as np
import torch
import torch._dynamo  # the first optimiser would load it, a second or two into a run
from torch import nn

from rlcourse.checks import (
    check_fraction,
    check_positive,
    check_positive_integer,
    check_seed,
    check_spread,
    check_step_size,
    check_switch,
    check_weight,
    check_widths,
    require,
)
from rlcourse.networks import CategoricalActor, GaussianActor, ValueCritic
from rlcourse.replay import ReplayBuffer


@contextlib.contextmanager
def single_precision():
    """Whatever torch's default is, networks are made and trained in single precision; the setting is put back."""
    found = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(found)


def gradient_step(optimizer, loss):
    """Descend the loss by one step."""
    for group in optimizer.param_groups:  # zero_grad would do it, and take a tenth of a small update
        for weight in group["params"]:
            weight.grad = None
    loss.backward()
    optimizer.step()


class Adam(torch.optim.Adam):
    """torch's Adam in its fused form, number for number, at half the cost for small networks.

    torch prepares every step for all that an optimiser might meet (devices, closures, hooks, profilers); here
    the weights go straight to its kernel. State and checkpoints are torch's.
    """

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            for weight in weights:
                if not self.state[weight]:
                    count = torch.zeros((), device=weight.device)
                    moments = torch.zeros_like(weight), torch.zeros_like(weight)
                    self.state[weight] = dict(zip(("step", "exp_avg", "exp_avg_sq"), (count, *moments), strict=True))
            counts, means, squares = zip(*(self.state[weight].values() for weight in weights), strict=True)
            torch._foreach_add_(counts, 1)
            torch._fused_adam_(
                weights, [weight.grad for weight in weights], means, squares, [], counts,
                lr=group["lr"], beta1=group["betas"][0], beta2=group["betas"][1], eps=group["eps"],
                weight_decay=0.0, amsgrad=False, maximize=False,
            )

    step.hooked = True  # otherwise torch wraps it in a note to its profiler, which takes as long as the kernel


def adam(rates):
    """Adam on the weights of modules, {module: step size}."""
    return Adam([{"params": module.parameters(), "lr": rate} for module, rate in rates.items()], eps=1e-5, fused=True)


def minibatches(size, minibatch_size, rng):
    """Row numbers 0..size-1 in random order, cut into minibatches."""
    return torch.as_tensor(rng.permutation(size)).split(minibatch_size)


FIELDS = {
    check_fraction: {"gamma", "gae_lambda", "critic_lambda", "tau"},
    check_positive: {"clip_eps"},
    check_spread: {"noise_std"},
    check_step_size: {"learning_rate", "critic_learning_rate", "alpha", "alpha_learning_rate"},
    check_switch: {"normalize", "learn_alpha", "twin"},
    check_weight: {"entropy_weight"},
    check_widths: {"hidden"},
    check_positive_integer: {"steps", "epochs", "minibatch_size", "batch_size", "capacity", "num_workers", "warmup",
                             "target_every"},
}


def check_config(config):
    """The config in plain Python numbers; ValueError for a field that no run can be made with.

    A field is known by its name.
    """
    names = {field.name for field in dataclasses.fields(config)}
    checked = {name: check(name, getattr(config, name)) for check, known in FIELDS.items() for name in known & names}
    return dataclasses.replace(config, **checked)


def check_device(device):
    """The torch device of that name; ValueError unless a tensor can be made there."""
    try:
        return torch.zeros(1, device=device).device
    except (RuntimeError, AssertionError, TypeError, ValueError) as why:
        reason = str(why).splitlines()[0]
        raise ValueError(f"device must be one that torch has here, such as 'cpu', got {device!r}: {reason}") from None


def check_memory(config):
    """Raise ValueError if an update or the warm-up asks for more stored steps than the memory holds."""
    for name in ("batch_size", "warmup"):
        wanted = getattr(config, name, 0)
        require(wanted <= config.capacity, f"{name} must be at most capacity, {config.capacity}, got {wanted}")


class Uniform:
    """What an agent does before it has learned anything: uniform draws from its action space."""

    def __init__(self, agent):
        self.agent = agent

    def act(self, obs):
        space, rng = self.agent.action_space, self.agent.rng
        leading = obs.shape[: obs.ndim - len(self.agent.observation_space.shape)]
        if isinstance(space, gym.spaces.Discrete):
            return rng.integers(space.n, size=leading)
        return rng.uniform(space.low, space.high, (*leading, *space.shape)).astype(np.float32)


class Agent:
    """An agent: networks, optimisers, one random generator, and a frozen config.

    Subclasses define Config, num_envs, build(), update(batch) -> metrics, and training(collector).

    Args:
        observation_space, action_space: of one environment, as Gymnasium describes them.
        config: an instance of the class's Config; None for its defaults.
        seed: of the initial weights and of the actions drawn.
        device: where the networks live.

    Attributes:
        updates: how many the agent has counted, if it counts them.
    """

    def __init__(self, observation_space, action_space, config=None, *, seed=0, device="cpu"):
        config = self.Config() if config is None else config
        require(
            isinstance(config, self.Config),
            f"config must be a {type(self).__name__}.Config, got {type(config).__name__}",
        )
        self.observation_space, self.action_space = observation_space, action_space
        self.config, self.seed, self.device = check_config(config), check_seed("seed", seed), check_device(device)
        self.rng = np.random.default_rng(self.seed)
        self.updates = 0
        with single_precision():
            self.build()

    def make_actor(self):
        """The policy's network for these actions: softmax over finitely many, Gaussian in a Box."""
        kind = CategoricalActor if isinstance(self.action_space, gym.spaces.Discrete) else GaussianActor
        return kind(self.observation_space, self.action_space, self.config.hidden, seed=self.seed).to(self.device)

    def make_critic(self):
        """V_w(s), with other initial weights than the actor's."""
        return ValueCritic(self.observation_space, self.config.hidden, seed=self.seed + 1).to(self.device)

    def act(self, obs):
        """Actions drawn from the policy, a ~ π(.|s).

        Args:
            obs: NumPy array [..., features], or state numbers [...].

        Returns:
            NumPy array [...] of actions.
        """
        return self.actor.sample(np.asarray(obs), self.rng)

    def act_deterministically(self, obs):
        """The most probable action: what the agent would do if it were not exploring."""
        return self.actor.mode(np.asarray(obs))

    def draw(self, policy):
        """Actions a ~ π(.|s) of a Categorical: the largest of logit + Gumbel noise, from the agent's generator."""
        noise = torch.as_tensor(self.rng.gumbel(size=policy.logits.shape), dtype=policy.logits.dtype)
        return (policy.logits + noise.to(self.device)).argmax(-1)

    def parts(self):
        """Networks, optimisers and memory by name: all that training changes, besides the random generator."""
        kinds = (nn.Module, torch.optim.Optimizer, ReplayBuffer)
        return {name: part for name, part in vars(self).items() if isinstance(part, kinds)}

    def state(self):
        """The agent as named arrays, copies, enough to go on training from."""
        arrays = {"updates": np.array(self.updates)}
        for name, part in self.parts().items():
            if isinstance(part, nn.Module):
                arrays |= {f"{name}/{key}": value.cpu().numpy().copy() for key, value in part.state_dict().items()}
            elif isinstance(part, ReplayBuffer):
                arrays |= {f"{name}/{key}": value for key, value in part.state().items()}
            else:
                for number, moments in part.state_dict()["state"].items():
                    arrays |= {f"{name}/{number}/{key}": value.cpu().numpy().copy() for key, value in moments.items()}
        return arrays

    def load_state(self, arrays):
        """The inverse of `state`."""
        self.updates = int(arrays["updates"])
        for name, part in self.parts().items():
            mine = {key[len(name) + 1 :]: value for key, value in arrays.items() if key.startswith(f"{name}/")}
            if isinstance(part, nn.Module):
                part.load_state_dict({key: torch.as_tensor(value) for key, value in mine.items()})
            elif isinstance(part, ReplayBuffer):
                part.load_state(mine)
            else:
                whole = part.state_dict()
                for key, value in mine.items():
                    number, moment = key.split("/")
                    whole["state"].setdefault(int(number), {})[moment] = torch.tensor(value)
                part.load_state_dict(whole)


def config_from(config_class, values):
    """A Config from plain values (lists become tuples), as a checkpoint holds them."""
    names = {field.name for field in dataclasses.fields(config_class)}
    unknown = set(values) - names
    require(not unknown, f"config has no field {sorted(unknown)}; its fields are {sorted(names)}")
    return config_class(**{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})
