"""What the algorithms share: how an agent acts, takes a gradient step, and is written down."""

import dataclasses

import numpy as np
import torch
import torch._dynamo  # the first optimiser would load it, a second or two into a run
from torch import nn

from rlcourse.checks import require


def gradient_step(optimizer, loss):
    """Descend the loss by one step."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def adam(module, learning_rate):
    """Adam on a module's weights; the fused form does the same sums in one pass."""
    return torch.optim.Adam(module.parameters(), lr=learning_rate, eps=1e-5, fused=True)


def minibatches(size, minibatch_size, rng):
    """Row numbers 0..size-1 in random order, cut into minibatches."""
    return torch.as_tensor(rng.permutation(size)).split(minibatch_size)


class Agent:
    """An agent: networks, optimisers, one random generator, and a frozen config.

    Subclasses define Config, num_envs, build(), update(batch) -> metrics, and training(collector).

    Args:
        observation_space, action_space: of one environment, as Gymnasium describes them.
        config: an instance of the class's Config; None for its defaults.
        seed: of the initial weights and of the actions drawn.
        device: where the networks live.
    """

    def __init__(self, observation_space, action_space, config=None, *, seed=0, device="cpu"):
        config = self.Config() if config is None else config
        require(
            isinstance(config, self.Config),
            f"config must be a {type(self).__name__}.Config, got {type(config).__name__}",
        )
        self.observation_space, self.action_space = observation_space, action_space
        self.config, self.seed, self.device = config, seed, torch.device(device)
        self.rng = np.random.default_rng(seed)
        self.build()

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

    def parts(self):
        """Networks and optimisers by name: all that training changes, besides the random generator."""
        kinds = (nn.Module, torch.optim.Optimizer)
        return {name: part for name, part in vars(self).items() if isinstance(part, kinds)}

    def state(self):
        """The agent as named arrays, enough to go on training from."""
        arrays = {}
        for name, part in self.parts().items():
            if isinstance(part, nn.Module):
                arrays |= {f"{name}/{key}": value.cpu().numpy() for key, value in part.state_dict().items()}
            else:
                for number, moments in part.state_dict()["state"].items():
                    arrays |= {f"{name}/{number}/{key}": np.asarray(value.cpu()) for key, value in moments.items()}
        return arrays

    def load_state(self, arrays):
        """The inverse of `state`."""
        for name, part in self.parts().items():
            mine = {key[len(name) + 1 :]: value for key, value in arrays.items() if key.startswith(f"{name}/")}
            if isinstance(part, nn.Module):
                part.load_state_dict({key: torch.as_tensor(value) for key, value in mine.items()})
            else:
                whole = part.state_dict()
                for key, value in mine.items():
                    number, moment = key.split("/")
                    whole["state"].setdefault(int(number), {})[moment] = torch.as_tensor(value)
                part.load_state_dict(whole)


def config_from(config_class, values):
    """A Config from plain values (lists become tuples), as a checkpoint holds them."""
    names = {field.name for field in dataclasses.fields(config_class)}
    unknown = set(values) - names
    require(not unknown, f"config has no field {sorted(unknown)}; its fields are {sorted(names)}")
    return config_class(**{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})
