"""Watch an agent learn, or several at once: a live curve, a progress bar and a Stop button above one output."""

import base64
import contextlib
import time

import ipywidgets as widgets
from IPython.display import display

from rlcourse import training
from rlcourse.course import home
from rlcourse.course.figures import curves, style
from rlcourse.course.widgets import still
from rlcourse.envs.vector import label

SECONDS_BETWEEN_PICTURES = 0.5


def watch(algorithm, env_id, *, total_steps, seed=0, config=None, num_envs=None, solved=None):
    """Train as `rl.train` does, on screen; Stop (or interrupting the kernel) keeps what was learned.

    Args:
        algorithm, env_id, total_steps, seed, config, num_envs: as for `rl.train`.
        solved: the return that counts as solved, drawn as a line.

    Returns:
        A History, the same numbers that `rl.train` gives.
    """
    updates = training.run(algorithm, env_id, total_steps=total_steps, seed=seed, config=config, num_envs=num_envs)
    return _follow(Panel(f"{algorithm.__name__} on {label(env_id)}, seed {seed}", total_steps, solved), updates)


def watch_many(algorithm, env_id, *, total_steps, seeds=16, config=None, num_envs=None, solved=None):
    """Train many seeds as `rl.train_many` does, on screen: every seed's curve, their middle, and its interval.

    A menu draws one seed in front of the others. Stop (or interrupting the kernel) keeps what all have learned.

    Args:
        algorithm, env_id, total_steps, seeds, config, num_envs: as for `rl.train_many`.
        solved: the return that counts as solved, drawn as a line.

    Returns:
        List of Histories, one per seed.
    """
    updates = training.run_many(
        algorithm, env_id, total_steps=total_steps, seeds=seeds, config=config, num_envs=num_envs
    )
    return _follow(Population(f"{algorithm.__name__} on {label(env_id)}", total_steps, solved), updates)


def compare_many(entries, env_id, *, total_steps, seeds=16, num_envs=None, solved=None):
    """Train several algorithms or configs, each on many seeds, one after another; intervals side by side.

    Args:
        entries: dict from a short label to an algorithm, to a pair of an algorithm and its config, or to the Histories
            of runs that are done, which are drawn as they are; six at most.
        env_id, total_steps, seeds, num_envs: as for `rl.train_many`.
        solved: the return that counts as solved, drawn as a line.

    Returns:
        Dict from label to a list of Histories, one per seed.
    """
    done = {name: entry for name, entry in entries.items() if isinstance(entry, list)}
    updates = _one_after_another(entries, done, env_id, total_steps, seeds, num_envs)
    panel = Populations(f"Many seeds on {label(env_id)}", total_steps, solved, done=done, entries=len(entries))
    return _follow(panel, updates)


def _one_after_another(entries, done, env_id, total_steps, seeds, num_envs):
    """Updates of one entry after the other, without those that are done; yields the histories of all so far."""
    grown = dict(done)
    yield grown
    for name, entry in entries.items():
        if name in done:
            continue
        algorithm, config = entry if isinstance(entry, tuple) else (entry, None)
        options = {"total_steps": total_steps, "seeds": seeds, "config": config, "num_envs": num_envs}
        with contextlib.closing(training.run_many(algorithm, env_id, **options)) as updates:
            for histories in updates:
                grown[name] = histories
                yield {known: grown[known] for known in entries if known in grown}


def _follow(panel, updates):
    """Show a run, or several, until the last update, Stop, or an interrupt."""
    history = next(updates)
    panel.show(history)
    with panel.events() as poll:
        try:
            for history in updates:
                if panel.due():
                    poll(2)
                    panel.redraw(history)
                if panel.stopped:
                    break
        except KeyboardInterrupt:
            panel.stopped = True
        finally:
            updates.close()
    panel.finish(history)
    return history


class Panel:
    """The widgets of `watch`: progress bar, Stop, picture, and a line of words under it."""

    def __init__(self, title, total_steps, solved):
        self.title, self.total_steps, self.solved = title, total_steps, solved
        self.stopped = False
        self.bar = widgets.IntProgress(max=total_steps, layout=widgets.Layout(width="60%"))
        self.stop = widgets.Button(description="Stop", icon="stop", tooltip="Stop training and keep what was learned")
        self.stop.on_click(self._stop)
        self.words = widgets.HTML()
        self.image = widgets.Image(format="png", layout=widgets.Layout(max_width="100%"))
        self.box = still.Box([widgets.HBox([self.bar, self.stop, self.words]), self.image])
        self._last = self._began = time.monotonic()

    def events(self):
        """Lets button presses through while a cell is running, where a front end can send them then.

        Elsewhere (VS Code, Colab, or without jupyter-ui-poll) the button goes, and the kernel's own interrupt stops.
        """
        if home.hears_buttons():
            from jupyter_ui_poll import ui_events

            return ui_events()
        self.stop.layout.display = "none"
        return _NoEvents()

    def _stop(self, _):
        self.stopped = True

    def due(self):
        return time.monotonic() - self._last > SECONDS_BETWEEN_PICTURES

    def figure(self, history):
        return curves.learning_curve(
            history.steps, history.returns, self.total_steps, title=self.title, solved=self.solved
        )

    def steps(self, history):
        return history.total_steps

    def redraw(self, history):
        figure, steps = self.figure(history), self.steps(history)
        self.image.value = style.png(figure)
        self.bar.value = min(steps, self.bar.max)
        how = "" if home.hears_buttons() or steps >= self.bar.max else ". To stop: interrupt the kernel (■)"
        self.words.value = f"{self.bar.value:,} of {self.bar.max:,} steps{how}"
        self.box.still = {"text/plain": figure.get_label()}
        self._last = time.monotonic()
        return figure.get_label()

    def show(self, history):
        sentence = self.redraw(history)
        self.box.note = "Run this cell to train again."
        self._handle = display(self._bundle(sentence), raw=True, display_id=True)

    def finish(self, history):
        """The last picture goes into the output itself, for readers without a kernel."""
        sentence = self.redraw(history)
        self.stop.disabled = True
        self.stop.description = "Stopped" if self.stopped else "Done"
        if self._handle is not None:
            self._handle.update(self._bundle(sentence), raw=True)

    def _bundle(self, sentence):
        picture = base64.b64encode(self.image.value).decode()
        return {**still.view(self.box), "image/png": picture, "text/plain": sentence}


class Population(Panel):
    """The same widgets for many seeds, and a menu that draws one of them in front."""

    EVERY = "every seed"

    def __init__(self, title, total_steps, solved):
        super().__init__(title, total_steps, solved)
        self.menu = widgets.Dropdown(description="look at", options=[self.EVERY], value=self.EVERY)
        self.menu.observe(self._chosen, "value")
        self.box.children = [self.box.children[0], self.menu, self.image]
        self._histories = []

    def figure(self, histories):
        if not self._histories:
            self._histories = histories
            self.menu.options = [self.EVERY, *(f"seed {history.seed}" for history in histories)]
        at = self.menu.index
        seed = histories[at - 1].seed if at else None
        return curves.population(histories, self.total_steps, title=self.title, solved=self.solved, seed=seed)

    def steps(self, histories):
        return min(history.total_steps for history in histories)

    def _chosen(self, _):
        if self._histories:
            self.redraw(self._histories)


class Populations(Panel):
    """The same widgets for several groups of seeds, one after another; a history is then a dict of lists."""

    def __init__(self, title, total_steps, solved, *, done, entries):
        super().__init__(title, total_steps, solved)
        self.done = done
        self.bar.max = (entries - len(done)) * total_steps

    def figure(self, groups):
        return curves.populations(groups, self.total_steps, title=self.title, solved=self.solved)

    def steps(self, groups):
        trained = [histories for name, histories in groups.items() if name not in self.done]
        return sum(min(history.total_steps for history in histories) for histories in trained)


class _NoEvents:
    def __enter__(self):
        return lambda count: None

    def __exit__(self, *_):
        return False
