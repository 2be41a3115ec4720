"""What tests of agents that learn from replay share: a Box off centre, stored steps, and numbers by hand."""

import gymnasium as gym
import numpy as np
import torch

import rlcourse as rl

LOW, HIGH = np.array([-1.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32)
CENTER, HALF = (LOW + HIGH) / 2, (HIGH - LOW) / 2
OBS, BOX = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32), gym.spaces.Box(LOW, HIGH)


def moved_apart(learner, names, seed=0):
    """The same agent, whose modules of these names have other weights: targets unlike what they follow."""
    generator = torch.Generator().manual_seed(seed + 50)
    with torch.no_grad():
        for name in names:
            for weight in getattr(learner, name).parameters():
                weight += 0.2 * torch.randn(weight.shape, generator=generator)
    return learner


def stored(actions=BOX, size=64, seed=0):
    """So many steps for observations in OBS, some terminated and some truncated; actions in BOX or Discrete(3)."""
    rng = np.random.default_rng(seed)
    obs, next_obs = (torch.tensor(rng.normal(size=(size, 3)), dtype=torch.float32) for _ in range(2))
    if actions is BOX:
        taken = torch.tensor(rng.uniform(LOW, HIGH, size=(size, 2)), dtype=torch.float32)
    else:
        taken = torch.tensor(rng.integers(3, size=size))
    ends = rng.integers(3, size=size)  # going on, terminated, truncated
    rewards = torch.tensor(rng.normal(size=size), dtype=torch.float32)
    return rl.Transitions(obs, taken, rewards, next_obs, torch.tensor(ends == 1), torch.tensor(ends == 2))


def doubles(batch):
    return {name: tensor.double().numpy() for name, tensor in vars(batch).items()}


def noise_to_come(learner, shape):
    """The standard-normal numbers that the agent will draw next, in single precision as it does."""
    rng = np.random.default_rng()
    rng.bit_generator.state = learner.rng.bit_generator.state
    return rng.standard_normal(shape, dtype=np.float32).astype(float)


def judged(critic, obs, actions):
    """Q of a copied critic, which sees the actions in half-widths from the centre of the box."""
    return critic.forward(np.concatenate([obs, (actions - CENTER) / HALF], axis=1))[:, 0]


def weights(*modules):
    return [weight.detach().clone() for module in modules for weight in module.parameters()]
