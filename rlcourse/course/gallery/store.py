"""The numbers and films of the gallery: trained by one command, read by the notebook.

python -m rlcourse.course.gallery                     # every task, an hour; rewrites results.json, films.json
python -m rlcourse.course.gallery Pendulum-v1         # one of them

Tasks whose extra is not installed are left as they are.
"""

import base64
import time
import tomllib
from functools import partial
from pathlib import Path

import numpy as np

from rlcourse import algorithms, curves, training
from rlcourse.course import order, study
from rlcourse.course.figures import gallery as pictures
from rlcourse.course.figures.film import Film, film
from rlcourse.course.gallery.tasks import TASKS
from rlcourse.envs.vector import make_env
from rlcourse.rollout import evaluate, record

FOLDER = Path(__file__).parent
RESULTS, FILMS = FOLDER / "results.json", FOLDER / "films.json"
SEEDS, STARTS = 16, 100
"""Seeds of an attempt; seed of the first states in which it is judged."""
POINTS = 20
"""Places along a learning curve."""
FRAMES = 90
"""At most so many pictures in a film."""
GAP = 8
"""Pixels between the two halves of a film."""


class RandomPolicy:
    """Acts as the action space draws."""

    def __init__(self, env_id, seed):
        with make_env(env_id) as env:
            self.space = env.action_space
        self.space.seed(seed)

    def act(self, obs):
        return np.stack([self.space.sample() for _ in obs])


def attempt(made, episodes):
    """Train an Attempt on all seeds, and judge each on so many episodes.

    Returns:
        (dict with the settings, the seeds' scores, the curves [seeds, POINTS], CPU seconds; the histories)
    """
    algorithm, began = getattr(algorithms, made.agent), time.process_time()
    histories = training.train_many(
        algorithm,
        made.training_env(),
        seeds=SEEDS,
        total_steps=made.steps,
        config=algorithm.Config(**dict(made.changes)),
        num_envs=made.num_envs,
        progress=False,
    )
    seconds = time.process_time() - began
    scores = [evaluate(h.agent, made.make, episodes=episodes, seed=STARTS).mean() for h in histories]
    grown = curves.learning_curves(histories, places(made.steps)) / made.reward_scale
    return {
        "settings": made.settings(),
        "scores": [round(float(score), 2) for score in scores],
        "curves": [[None if np.isnan(value) else round(float(value), 2) for value in curve] for curve in grown],
        "seconds": round(seconds, 1),
    }, histories


def places(steps):
    """Where along the axis of environment steps the stored curves have their values."""
    return np.linspace(0, steps, POINTS + 1).astype(int)[1:]


def regenerate(names=()):
    """Train the tasks, all or those that are named, and store what came of them, and a film of the best agent."""
    best = {}
    names = names or [name for name, task in TASKS.items() if task.installed()]
    study.regenerate(RESULTS, {name: partial(_attempts, name, best) for name in TASKS}, names)
    study.regenerate(FILMS, {name: partial(filmed, TASKS[name], best.get(name)) for name in TASKS}, best)


def _attempts(name, best):
    """What is stored of a task; the best seed of its last attempt is kept in `best`."""
    task = TASKS[name]
    first = task.attempts[0].make
    random = evaluate(RandomPolicy(first, 0), first, episodes=50, seed=STARTS)
    attempts = [attempt(made, task.episodes) for made in task.attempts]
    numbers, histories = attempts[-1]
    best[name] = histories[int(np.argmax(numbers["scores"]))]
    return {"random": round(float(random.mean()), 2), "attempts": [found for found, _ in attempts]}


def filmed(task, history):
    """A film from one first state, in plain values: random actions on the left, the trained agent on the right."""
    last = task.attempts[-1]
    players = RandomPolicy(last.make, 0), history.agent
    before, after = (record(player, last.make, seed=STARTS)[0] for player in players)
    said = (
        f"{task.film} (right; seed {history.seed} of {SEEDS}, trained with {last.label}). "
        "On the left random actions, from the same first state."
    )
    frames = beside(before, after)[:: -(-max(len(before), len(after)) // FRAMES)]
    shot = film(frames, said, fps=min(20, max(4, len(frames) // 4)), width=320)
    coded = {name: base64.b64encode(getattr(shot, name)).decode("ascii") for name in ("moving", "strip")}
    return {**coded, "said": shot.said, "seconds": shot.seconds}


def beside(left, right):
    """Two films [T, height, width, 3] side by side; the one that ends first keeps its last picture."""
    length = max(len(left), len(right))
    still = [np.concatenate([part, np.repeat(part[-1:], length - len(part), axis=0)]) for part in (left, right)]
    gap = np.full((length, left.shape[1], GAP, 3), 255, np.uint8)
    return np.concatenate([still[0], gap, still[1]], axis=2)


def stored():
    """What `regenerate` wrote: name of the task -> random return, and scores, curves, seconds of each attempt."""
    return study.stored(RESULTS)


def show(name):
    """The stored film of a task's trained agent."""
    found = study.stored(FILMS)[name]
    moving, strip = (base64.b64decode(found[part]) for part in ("moving", "strip"))
    return Film(moving, strip, found["said"], found["seconds"])


def solved(task, numbers):
    """How many of an attempt's seeds have solved the task."""
    return sum(score >= task.solved for score in numbers["scores"])


def report(name):
    """A task's bar, its stored attempts, a sentence each, and why they came out so."""
    task, found = TASKS[name], stored()[name]
    lines = [f"{name}: solved means a mean return of {task.solved:g} over {task.episodes} episodes ({task.bar})."]
    lines += [f"Random actions return {found['random']:g}."]
    for made, numbers in zip(task.attempts, found["attempts"], strict=True):
        middle = curves.interval(numbers["scores"])
        lines.append(
            f"{made.label}: {solved(task, numbers)} of {SEEDS} seeds solve it; middle {middle.center:.4g}, "
            f"95 % interval {middle.low:.4g} to {middle.high:.4g}; {made.steps:,} steps per seed, "
            f"{numbers['seconds']:.0f} CPU seconds for all seeds."
        )
    return "\n".join([*lines, f"Why: {task.wrong}"])


def picture(name):
    """The stored learning curves of a task's attempts."""
    task, found = TASKS[name], stored()[name]
    attempts = [
        (made.label, made.steps, numbers["curves"], solved(task, numbers))
        for made, numbers in zip(task.attempts, found["attempts"], strict=True)
    ]
    return pictures.learning(name, attempts, task.solved, found["random"])


def overview():
    """Every stored seed of every task in one picture."""
    found = stored()
    scores = {name: [numbers["scores"] for numbers in found[name]["attempts"]] for name in TASKS}
    return pictures.overview({name: (found[name]["random"], TASKS[name].solved, scores[name]) for name in TASKS})


def table():
    """All stored attempts as a table in Markdown."""
    lines = [
        "| task | agent, and what differs | steps per seed | seeds that solve it | CPU seconds | why |",
        "|" + 6 * "---|",
    ]
    for name, task in TASKS.items():
        for made, numbers in zip(task.attempts, stored()[name]["attempts"], strict=True):
            why = _link(task.lesson) if made is task.attempts[-1] else ""
            steps, seconds = f"{made.steps:,}", f"{numbers['seconds']:.0f}"
            share = f"{solved(task, numbers)} of {SEEDS}"
            lines.append(f"| {name} | {made.agent}, {made.label} | {steps} | {share} | {seconds} | {why} |")
    return "\n".join(lines)


def _link(lesson):
    about = tomllib.loads((order.folder(lesson) / "about.toml").read_text(encoding="utf-8"))
    return f"[{about['title']}]({order.notebook(lesson)})"
