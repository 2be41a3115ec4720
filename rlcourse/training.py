"""Training: a run that can be watched, stopped, saved, and gone on with."""

import contextlib
import csv
import dataclasses
import functools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from rlcourse import checkpoints
from rlcourse.algorithms.agent import Agent, config_from, single_precision
from rlcourse.checks import check_positive_integer, check_seed, check_seeds, require
from rlcourse.envs import make_envs
from rlcourse.envs.side_by_side import make_side_by_side
from rlcourse.envs.vector import EnvMaker, label, lasting_name
from rlcourse.populations import EpisodePopulation, Population, PopulationCollector
from rlcourse.rollout import Collector, derived_seed, outline


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Small networks are slower on several threads; the setting found is put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Table:
    """Rows of numbers, added one at a time and read column by column, at no cost that grows with their count.

    A row counts once it is whole: of one that was interrupted, nothing is there.

    Args:
        columns: arrays by name, all of one length; whole numbers become fractions when the first fraction is added.
    """

    def __init__(self, columns: dict[str, np.ndarray]):
        self._room = dict(columns)
        [self._size] = {len(column) for column in columns.values()}

    def append(self, row: dict[str, float]) -> None:
        """Add a row. What it has no number for, or the rows before it had none for, is not a number (NaN) there."""
        for name in dict.fromkeys([*self._room, *row]):
            value = row.get(name, np.nan)
            if name not in self._room:
                self._room[name] = np.full(self._size, np.nan) if self._size else np.empty(0, type(value))
            if self._room[name].dtype.kind != "f" and isinstance(value, float | np.floating):
                self._room[name] = self._room[name].astype(float)
            if self._size == len(self._room[name]):
                more = np.empty(max(16, self._size), self._room[name].dtype)
                self._room[name] = np.concatenate([self._room[name], more])
            self._room[name][self._size] = value
        self._size += 1

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """All so far, by name; the arrays cannot be written to, and do not grow."""
        columns = {name: room[: self._size] for name, room in self._room.items()}
        for column in columns.values():
            column.flags.writeable = False
        return columns


class History:
    """What a training run did: its learning curve, its metrics, and the agent as it stands.

    Attributes:
        steps, returns: arrays; episode i ended after environment step steps[i] with undiscounted return returns[i].
        metrics: dict of arrays, one entry per update; metrics["steps"] tells when.
        agent: the agent, trained so far. (While several seeds learn side by side, a copy of how this one stands.)
        total_steps: environment steps taken.
        env_id, num_envs, seed: what it was trained on; env_id is a name, or the function that makes an environment.
    """

    def __init__(self, agent: Agent | Callable[[], Agent], env_id: EnvMaker, num_envs: int, seed: int):
        self._agent, self.env_id, self.num_envs, self.seed = agent, env_id, num_envs, seed
        self.total_steps = 0
        self._side_by_side = not isinstance(agent, Agent)
        self._episodes = Table({"steps": np.empty(0, np.int64), "returns": np.empty(0)})
        self._updates = Table({"steps": np.empty(0, np.int64)})

    @property
    def agent(self) -> Agent:
        if isinstance(self._agent, Agent):
            return self._agent
        agent = self._agent()
        if not self._side_by_side:
            self._agent = agent  # from now on its own
        return agent

    @property
    def steps(self) -> np.ndarray:
        return self._episodes.columns["steps"]

    @property
    def returns(self) -> np.ndarray:
        return self._episodes.columns["returns"]

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        return self._updates.columns

    @property
    def late_return(self) -> float | None:
        """Mean return of the last 20 episodes; None before the first has ended."""
        late = self.returns[-20:]
        return float(late.mean()) if late.size else None

    def _log(self, metrics: dict[str, float]) -> None:
        """Note the metrics of an update."""
        for name, value in metrics.items():
            if not isinstance(value, int | float | np.number | np.bool_) or name == "steps":
                raise ValueError(
                    f"update must return metrics that are single numbers, under names other than 'steps', "
                    f"got {name!r}: {value!r}"
                )
        self._updates.append({"steps": self.total_steps, **metrics})

    def __repr__(self) -> str:
        late = self.late_return
        score = "" if late is None else f", last {len(self.returns[-20:])} returns {late:.1f} on average"
        name = type(self.agent).__name__
        where, episodes = label(self.env_id), len(self.returns)
        return f"History({name} on {where}: {self.total_steps} steps, {episodes} episodes{score})"

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Episodes and metrics from the arrays of a file; ValueError if they do not fit together."""
        episodes = {name: arrays[name] for name in ("steps", "returns")}
        metrics = {name[8:]: values for name, values in arrays.items() if name.startswith("metrics/")}
        real = episodes["returns"].dtype == np.float64 and np.isfinite(episodes["returns"]).all()
        require(real and self._fits(episodes), "its episodes do not fit together")
        known = all(values.dtype.kind in "bif" for values in metrics.values())
        require(known and self._fits(metrics), "its metrics do not fit together")
        self._episodes, self._updates = Table(episodes), Table(metrics)

    def _fits(self, columns: dict[str, np.ndarray]) -> bool:
        """Whether columns have equal length, and their steps are counts that rise to total_steps at most."""
        steps = columns.get("steps", np.empty(0))
        equal = all(column.shape == (len(steps),) for column in columns.values())
        bounds = np.concatenate([[0], steps, [self.total_steps]]) if steps.ndim == 1 else [1, 0]
        return steps.dtype == np.int64 and equal and bool((np.diff(bounds) >= 0).all())

    def plot(self, *, solved: float | None = None) -> Any:
        """The learning curve as a matplotlib Figure: every episode's return, and the mean of the last 20.

        Args:
            solved: the return that counts as solved, drawn as a line.
        """
        from rlcourse.course.figures.curves import learning_curve  # here: training alone needs no pictures

        title = f"{type(self.agent).__name__} on {label(self.env_id)}"
        return learning_curve(self.steps, self.returns, self.total_steps, title=title, solved=solved)

    def to_csv(self, path: str | os.PathLike, *, what: str = "episodes") -> None:
        """Write the run as a table, for a spreadsheet or another program.

        Args:
            path: of the file.
            what: "episodes" for a row per episode, its last step and its return; "metrics" for a row per update.

        Raises:
            ValueError: if what is neither.
        """
        require(what in ("episodes", "metrics"), f"what must be 'episodes' or 'metrics', got {what!r}")
        table = self.metrics if what == "metrics" else {"step": self.steps, "return": self.returns}
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(table)
            rows.writerows(zip(*(column.tolist() for column in table.values()), strict=True))

    def resume(self, *, total_steps: int, progress: bool = True) -> "History":
        """Go on until total_steps in all, with the same agent; episodes under way at the stop start anew.

        Raises:
            ValueError: if total_steps is no count, or the seed still learns beside others, in an unfinished `run_many`.
        """
        require(not self._side_by_side, "resume must wait until the run of all seeds is over: close `run_many` first")
        total_steps = check_positive_integer("total_steps", total_steps)
        bar = _bar(total_steps, progress, self.total_steps)
        with contextlib.closing(make_envs(self.env_id, self.num_envs)) as envs, bar:
            collector = _collector(self, envs)
            run_to_end(_continue([self], _alone(self.agent, collector), collector, total_steps), [self], bar)
        return self

    def save(self, path: str | os.PathLike) -> None:
        """Write the run to one file, in one piece: a reader finds the old file or the new one, never a half.

        The file holds numbers and names only. After a restart, `load` wants an agent's class, if that is not one of
        the course's, and the function that makes the environments, if they have no name.
        """
        agent = self.agent
        about = {
            "algorithm": type(agent).__name__,
            "module": checkpoints.own_module(type(agent)),
            "config": dataclasses.asdict(agent.config),
            "env_id": self.env_id if isinstance(self.env_id, str) else None,
            "environment": label(self.env_id),
            "spaces": _outlines(agent),
            "num_envs": self.num_envs,
            "seed": self.seed,
            "total_steps": self.total_steps,
            "rng": agent.rng.bit_generator.state,
        }
        arrays: dict[str, Any] = {"steps": self.steps, "returns": self.returns}
        arrays |= {f"metrics/{name}": values for name, values in self.metrics.items()}
        arrays |= {f"agent/{name}": values for name, values in agent.state().items()}
        checkpoints.write(path, about, arrays)


def load(path: str | os.PathLike, *, algorithm: type[Agent] | None = None, env_id: EnvMaker | None = None) -> History:
    """Read a run that `History.save` wrote: numbers and names only, no code is ever loaded from the file.

    What no file can hold is handed over: the class of an agent that is not one of the course's (needed only where no
    such class is defined now), and the function that makes the environments. (A name such as "package:Name-v0"
    imports the package, as Gymnasium does.)

    Args:
        path: of the file.
        algorithm: the class that was trained; None for the class of the name in the file.
        env_id: of the environments, as for `train`; None for the name in the file.

    Raises:
        ValueError: if the file is no such run or is damaged, or if something must be handed over that was not, or
            that does not fit the run.
        FileNotFoundError: if there is none.
    """
    arrays, about = checkpoints.read(path)
    with checkpoints.damage_said(path):
        run = checkpoints.checked(about, arrays)
    algorithm = checkpoints.trained_class(run["algorithm"], about.get("module"), algorithm)
    env_id = checkpoints.trained_environment(run["env_id"], about.get("environment"), env_id)
    config, spaces = config_from(algorithm.Config, run["config"]), about.get("spaces")
    with contextlib.closing(make_envs(env_id, 1)) as envs, checkpoints.damage_said(path):
        history = _new_history(algorithm, envs, env_id, run["num_envs"], run["seed"], config)
    found = _outlines(history.agent)
    require(spaces in (None, found), f"env_id must make environments with the spaces of the run, {spaces}, got {found}")
    with checkpoints.damage_said(path):
        history.agent.load_state({name[6:]: value for name, value in arrays.items() if name.startswith("agent/")})
        history.agent.rng.bit_generator.state = run["rng"]
        require(history.agent.rng.bit_generator.state == run["rng"], "its generator has no such state")
        history.total_steps = run["total_steps"]
        history._restore(arrays)
    return history


def train(
    algorithm: type[Agent],
    env_id: EnvMaker,
    *,
    total_steps: int,
    seed: int = 0,
    config: Any = None,
    num_envs: int | None = None,
    progress: bool = True,
) -> History:
    """Train an agent and return the history of its training.

    Interrupting it (the stop button, Ctrl-C) returns what was learned so far.

    Args:
        algorithm: rl.Reinforce, rl.PPO, ...
        env_id: name of a Gymnasium environment, or a function that makes one.
        total_steps: environment steps, all environments together; the update under way is finished.
        seed: of everything random in the run.
        config: an algorithm.Config, None for its defaults.
        num_envs: environments side by side, None for the algorithm's default.
        progress: show a progress bar.

    Returns:
        A History.

    Raises:
        ValueError: if an argument is not as described.
    """
    seeds = (check_seed("seed", seed),)
    options = {"total_steps": total_steps, "config": config, "num_envs": num_envs, "progress": progress}
    return train_many(algorithm, env_id, seeds=seeds, **options)[0]


def train_many(
    algorithm: type[Agent],
    env_id: EnvMaker,
    *,
    seeds: int | Sequence[int] = 16,
    total_steps: int,
    config: Any = None,
    num_envs: int | None = None,
    progress: bool = True,
) -> list[History]:
    """Train one agent per seed, all of them side by side in one batched run, several times faster than in turn.

    Each seed does what `train` does with it: the same weights at the start, the same draws, the same updates, up to
    rounding, which grows with the number of updates. Interrupting it returns what all have learned so far.

    Memory: of agents that learn from replay, S · capacity stored steps, at most `LARGEST_REPLAY` bytes, and only what
    is written to is taken; at the end each agent gets a copy of its share.

    Args:
        algorithm, env_id, config, num_envs, progress: as for `train`; num_envs environments for each seed.
        seeds: different ones, or a number S, which stands for the seeds 0 to S - 1.
        total_steps: environment steps of each seed.

    Returns:
        A History per seed, each with an ordinary agent, independent of the others.

    Raises:
        ValueError: if an argument is not as described, or the agent's workers are processes of their own.
    """
    options = {"total_steps": total_steps, "config": config, "num_envs": num_envs}
    with contextlib.closing(run_many(algorithm, env_id, seeds=seeds, **options)) as updates:
        histories = next(updates)
        with contextlib.suppress(KeyboardInterrupt), _bar(total_steps, progress) as bar:
            run_to_end(updates, histories, bar)
    for history in histories:
        _ = history.agent  # each gets its own now, and the population can go
    return histories


def run(
    algorithm: type[Agent],
    env_id: EnvMaker,
    *,
    total_steps: int,
    seed: int = 0,
    config: Any = None,
    num_envs: int | None = None,
) -> Generator[History]:
    """The same as `train`, one update at a time: yields the growing History before the first and after every one."""
    seeds = (check_seed("seed", seed),)
    options = {"total_steps": total_steps, "config": config, "num_envs": num_envs}
    with contextlib.closing(run_many(algorithm, env_id, seeds=seeds, **options)) as updates:
        for [history] in updates:
            yield history


def run_many(
    algorithm: type[Agent],
    env_id: EnvMaker,
    *,
    seeds: int | Sequence[int] = 16,
    total_steps: int,
    config: Any = None,
    num_envs: int | None = None,
) -> Generator[list[History]]:
    """The same as `train_many`, one update at a time: yields the growing Histories before the first and after each.

    (Where updates follow whole episodes, one update is that of one seed.)
    """
    require(
        isinstance(algorithm, type) and issubclass(algorithm, Agent),
        f"algorithm must be one of the course's, such as rl.PPO, got {algorithm!r}",
    )
    seeds, total_steps = check_seeds("seeds", seeds), check_positive_integer("total_steps", total_steps)
    num_envs = check_positive_integer("num_envs", algorithm.num_envs if num_envs is None else num_envs)
    if len(seeds) == 1:
        with contextlib.closing(make_envs(env_id, num_envs)) as envs:
            history = _new_history(algorithm, envs, env_id, num_envs, seeds[0], config)
            yield [history]
            collector = _collector(history, envs)
            yield from _continue([history], _alone(history.agent, collector), collector, total_steps)
        return
    chosen = algorithm.Config() if config is None else config
    require(
        getattr(chosen, "workers", "sync") == "sync",
        "config must have workers='sync' where several seeds learn side by side: worker processes learn one seed at "
        "a time, with rl.train",
    )
    with contextlib.closing(make_side_by_side(env_id, num_envs, len(seeds))) as envs:
        kind = EpisodePopulation if algorithm.whole_episodes else Population
        population = kind(algorithm, envs.single_observation_space, envs.single_action_space, config, seeds)
        members = [functools.partial(population.member, number) for number in range(len(seeds))]
        name = lasting_name(env_id) or env_id
        histories = [History(member, name, num_envs, seed) for member, seed in zip(members, seeds)]
        collector = PopulationCollector(envs, seeds=[derived_seed(seed, 0) for seed in seeds])
        try:
            yield histories
            yield from _continue(histories, population.training(collector), collector, total_steps, population.retire)
        finally:
            for history in histories:
                history._side_by_side = False


def run_to_end(updates: Iterator[list[History]], histories: list[History], bar: Any) -> None:
    """Follow one run, or several side by side, to the end or to an interrupt.

    Args:
        updates: makes an update each time it is asked.
        histories: the growing Histories, one for each seed.
        bar: a progress bar.
    """
    gradients, threads, precision = torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype()
    try:
        for _ in updates:
            drawn = bar.update(min(bar.total, *(history.total_steps for history in histories)) - bar.n)
            if drawn:  # a few times per second
                bar.set_postfix_str(_late_returns(histories), refresh=False)
    except KeyboardInterrupt:  # it may have come just before these were put back
        torch.set_grad_enabled(gradients)
        torch.set_num_threads(threads)
        torch.set_default_dtype(precision)
    bar.set_postfix_str(_late_returns(histories), refresh=False)


def _late_returns(histories: list[History]) -> str:
    """What a progress bar says of the last episodes: their mean return, and its standard deviation over the seeds."""
    late = [history.late_return for history in histories if history.late_return is not None]
    std = f" ± {np.std(late):.1f}, {len(late)} seeds" if len(late) > 1 else ""
    return f"return {np.mean(late):.1f}{std}" if late else ""


def _new_history(
    algorithm: type[Agent], envs: gym.vector.VectorEnv, env_id: EnvMaker, num_envs: int, seed: int, config: Any
) -> History:
    """The history of a run that has not begun, whose agent is made for these environments."""
    agent = algorithm(envs.single_observation_space, envs.single_action_space, config, seed=seed)
    return History(agent, lasting_name(env_id) or env_id, num_envs, seed)


def _collector(history: History, envs: gym.vector.VectorEnv) -> Collector:
    """The Collector of a run's next stretch; each stretch draws its episodes from seeds of its own."""
    return Collector(envs, seed=derived_seed(history.seed, history.total_steps))


def _alone(agent: Agent, collector: Collector) -> Iterator[dict[int, dict]]:
    """Updates of one agent, as a population yields them: by its number, which is 0."""
    for metrics in agent.training(collector):
        yield {0: metrics}


def _continue(
    histories: list[History],
    updates: Iterator[dict[int, dict]],
    collector: Collector,
    total_steps: int,
    retire: Callable[[int], None] = lambda number: None,
) -> Iterator[list[History]]:
    """Updates until every seed has taken total_steps.

    Args:
        histories: one per seed, to be continued.
        updates: yields the metrics of each seed that made an update, by its number.
        collector: where the updates get their steps, and which counts them.
        total_steps: of each seed.
        retire: told the number of each seed that is done.
    """
    before, reported = [history.total_steps for history in histories], [0] * len(histories)
    going = {number for number, steps in enumerate(before) if steps < total_steps}
    while going:
        with one_thread(), single_precision():
            updated = next(updates)
        for number, metrics in updated.items():
            history, log = histories[number], collector.logs[number]
            history.total_steps = before[number] + log.steps
            for step, value in log.finished[reported[number] :]:
                history._episodes.append({"steps": before[number] + step, "returns": value})
            reported[number] = len(log.finished)
            history._log(metrics)
            if history.total_steps >= total_steps and number in going:
                going.remove(number)
                retire(number)
        yield histories


def _outlines(agent: Agent) -> dict[str, dict[str, Any]]:
    """The spaces that an agent serves, in plain values."""
    return {"observation": outline(agent.observation_space, False), "action": outline(agent.action_space, True)}


def _bar(total_steps: int, progress: bool, taken: int = 0) -> Any:
    from tqdm.auto import tqdm  # here: in a notebook it loads the widgets

    return tqdm(total=total_steps, initial=taken, disable=not progress, unit="step", mininterval=0.2)
