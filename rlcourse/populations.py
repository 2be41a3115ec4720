"""Populations: several seeds of one algorithm that learn side by side, at the price of few.

Small networks spend their time on calls, not on numbers: a product of 16 pairs of matrices takes little longer than
that of one pair. So an agent made from S seeds holds all weights in tensors [S, ...], and its updates are the lines
of the ordinary agent. Each seed has generators of its own and does, up to rounding, what it would do alone.

Where updates follow whole episodes, seeds are ready at different times. There every seed is an ordinary agent that
makes its own updates, and only the acting is done for all together.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import nn

from rlcourse.algorithms.agent import Agent, is_adam
from rlcourse.checks import require
from rlcourse.generators import Generators
from rlcourse.replay import ReplayBuffer
from rlcourse.rollout import Collector, Log, Player, end_to_end, keep_score, warn_of_a_cut
from rlcourse.transitions import Transitions


class PopulationCollector(Collector):
    """A Collector for S seeds with N environments each: agents are shown [S, N, ...], and Transitions are [T, S, N].

    Args:
        envs: as `make_side_by_side` makes them, S * N environments.
        seeds: one per seed, of its environments.
        max_episode_steps: as of Collector.

    Attributes:
        logs: one per seed, what has been counted.
    """

    def __init__(self, envs: gym.vector.VectorEnv, *, seeds: Sequence[int], max_episode_steps: int | None = None):
        super().__init__(envs, max_episode_steps=max_episode_steps)
        self.logs = [Log() for _ in seeds]
        self._restart(seeds)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes of what an agent is shown at one time: (S, N)."""
        return (len(self.logs), self.num_envs // len(self.logs))

    def _act(self, agent: Player, obs: np.ndarray) -> np.ndarray:
        actions = np.array(agent.act(obs.reshape(*self.batch_shape, *obs.shape[1:])))
        return actions.reshape(self.num_envs, *actions.shape[2:])

    def collect(self, agent: Player, *, steps: int) -> Transitions:
        """The next `steps` time steps of every environment, Transitions[steps, S, N]; otherwise as of Collector."""
        return super().collect(agent, steps=steps).map(lambda tensor: tensor.unflatten(1, self.batch_shape))

    def collect_episodes(self, agent: Player) -> Transitions:
        """Refused: no two seeds end their episodes after equally many steps; `episodes` serves each in its own time.

        Raises:
            ValueError: always.
        """
        raise ValueError("algorithm must have whole_episodes = True, since it learns from whole episodes")

    def episodes(self, agent: Player) -> Iterator[tuple[int, Transitions]]:
        """Whole episodes of every seed, for ever.

        Whenever all N environments of one seed have ended their episode, the seed's number and the episodes laid end
        to end, Transitions[T], as `collect_episodes` would give them. Then the seed's next episodes begin: no seed
        waits for another one.
        """
        num_seeds, num_envs = self.batch_shape
        self._meet(agent)
        rows: list[tuple[np.ndarray, ...]] = []
        began = np.zeros(num_seeds, dtype=int)  # in which of the rows
        playing = np.ones(self.num_envs, dtype=bool)
        while True:
            row, _ = self._advance(agent)
            *_, terminated, truncated = row
            late = np.repeat(len(rows) + 1 - began >= self.max_episode_steps, num_envs)
            cut = playing & late & ~(terminated | truncated)
            truncated |= cut
            rows.append((*row, playing.copy()))
            playing &= ~(terminated | truncated)
            for number in np.flatnonzero(~playing.reshape(num_seeds, num_envs).any(1)):
                own = slice(number * num_envs, (number + 1) * num_envs)
                columns = zip(*rows[began[number] :], strict=True)
                *steps, played = [np.stack([column[own] for column in kind]) for kind in columns]
                keep_score([self.logs[number]], steps, self._returns[own], played)
                if cut[own].any():
                    warn_of_a_cut("an episode did not end", self.max_episode_steps)
                self._obs[own] = self._observed(self.envs.restart(number))
                began[number], playing[own] = len(rows), True
                yield int(number), end_to_end(steps, played)
            oldest = began.min()
            rows, began = rows[oldest:], began - oldest


class Population:
    """Seeds that make their updates together, after equally many steps.

    Args:
        algorithm: rl.PPO, ...
        observation_space, action_space, config: as for the agent.
        seeds: several different ones.

    Raises:
        ValueError: if an optimiser of the agent is not Adam: a loss divided by S makes steps of others too short.

    Attributes:
        agent: all of them, one agent whose tensors have an axis for the seeds.
    """

    def __init__(
        self,
        algorithm: type[Agent],
        observation_space: gym.Space,
        action_space: gym.Space,
        config: Any,
        seeds: Sequence[int],
    ):
        self.agent = algorithm(observation_space, action_space, config, seed=seeds)
        for name, part in self.agent.parts().items():
            require(
                not isinstance(part, torch.optim.Optimizer) or is_adam(part),
                f"{name} must be self.adam(...) where several seeds learn side by side, got {type(part).__name__}; "
                "rl.train trains one seed with any optimiser",
            )

    def training(self, collector: PopulationCollector) -> Iterator[dict[int, dict]]:
        """Updates, for ever; yields the metrics of each seed that made one, by its number."""
        for metrics in self.agent.training(collector):
            every = {name: np.broadcast_to(values, self.agent.num_seeds).tolist() for name, values in metrics.items()}
            yield {
                number: {name: values[number] for name, values in every.items()}
                for number in range(self.agent.num_seeds)
            }

    def member(self, number: int) -> Agent:
        """One seed as it stands, as an ordinary agent: a copy, with optimiser, replay buffer and generators."""
        whole, num_seeds = self.agent, self.agent.num_seeds
        spaces = whole.observation_space, whole.action_space
        alone = type(whole)(*spaces, whole.config, seed=int(whole.seed[number]))
        alone.updates = whole.updates
        alone.rng.bit_generator.state = whole.rng.generators[number].bit_generator.state
        mine = alone.parts()
        for name, part in whole.parts().items():
            if isinstance(part, nn.Parameter):
                mine[name].data.copy_(share(part.data, number, num_seeds, mine[name].shape))
            elif isinstance(part, nn.Module):
                for own, all_of_it in zip(mine[name].parameters(), part.parameters(), strict=True):
                    own.data.copy_(share(all_of_it.data, number, num_seeds, own.shape))
            elif isinstance(part, ReplayBuffer):
                mine[name].load_state(part.state(number))
            else:
                mine[name].load_state_dict(self._moments(mine[name], part, number))
        return alone

    def _moments(self, own: torch.optim.Optimizer, whole: torch.optim.Optimizer, number: int) -> dict:
        """One seed's part of an optimiser's state. Its gradients were divided by S, for a reason: see Agent.adam."""
        num_seeds, state = self.agent.num_seeds, own.state_dict()
        shapes = [weight.shape for group in own.param_groups for weight in group["params"]]
        for index, moments in whole.state_dict()["state"].items():
            state["state"][index] = {
                "step": moments["step"].clone(),
                "exp_avg": num_seeds * share(moments["exp_avg"], number, num_seeds, shapes[index]),
                "exp_avg_sq": num_seeds**2 * share(moments["exp_avg_sq"], number, num_seeds, shapes[index]),
            }
        return state

    def retire(self, number: int) -> None:
        """A seed has taken its steps. (Here all have, in the same update.)"""


class EpisodePopulation:
    """Seeds that make their updates each in its own time, after whole episodes, and act together.

    Arguments as of Population.

    Attributes:
        agents: one ordinary agent per seed.
        actors: an agent that acts for all of them, with copies of their policies and their own generators.
    """

    def __init__(
        self,
        algorithm: type[Agent],
        observation_space: gym.Space,
        action_space: gym.Space,
        config: Any,
        seeds: Sequence[int],
    ):
        self.agents = [algorithm(observation_space, action_space, config, seed=seed) for seed in seeds]
        self.actors = algorithm(observation_space, action_space, config, seed=seeds)
        self.actors.rng = Generators(agent.rng for agent in self.agents)
        self.retired: set[int] = set()

    def training(self, collector: PopulationCollector) -> Iterator[dict[int, dict]]:
        """Updates, for ever; yields the metrics of each seed that made one, by its number."""
        for number, episodes in collector.episodes(self.actors):
            if number not in self.retired:
                yield {number: self.agents[number].update(episodes)}
                self._copy_policy(number)

    @torch.no_grad()
    def _copy_policy(self, number: int) -> None:
        pairs = zip(self.actors.actor.parameters(), self.agents[number].actor.parameters(), strict=True)
        for everybodys, own in pairs:
            share(everybodys, number, len(self.agents)).copy_(own.reshape(1, *everybodys.shape[1:]))

    def member(self, number: int) -> Agent:
        """One seed as it stands, an ordinary agent."""
        return self.agents[number]

    def retire(self, number: int) -> None:
        """A seed has taken its steps: its episodes go on until all have, but nothing of the seed moves any more."""
        self.retired.add(number)
        self.actors.rng.generators[number] = copy.deepcopy(self.agents[number].rng)


def share(whole: torch.Tensor, number: int, num_seeds: int, shape: torch.Size | None = None) -> torch.Tensor:
    """One seed's part of a population's weights [S, ...], or, of twins, [2 S, ...]; in an ordinary agent's shape."""
    part = whole.view(-1, num_seeds, *whole.shape[1:])[:, number]
    return part if shape is None else part.reshape(shape)
