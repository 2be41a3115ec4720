"""Watch an agent learn, or several at once: a live curve, a progress bar and a Stop button above one output."""

import base64
import time

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display

from rlcourse import still, training
from rlcourse.envs.vector import label
from rlcourse.plots import style
from rlcourse.plots.training import learning_curve, learning_curves

SECONDS_BETWEEN_PICTURES = 0.5


def watch(algorithm, env_id, *, total_steps, seed=0, config=None, num_envs=None, solved=None):
    """Train as `rl.train` does, on screen; Stop (or interrupting the kernel) keeps what was learned.

    Args:
        algorithm, env_id, total_steps, seed, config, num_envs: as for `rl.train`.
        solved: the return that counts as solved, drawn as a line.

    Returns:
        A History, the same numbers that `rl.train` gives.
    """
    updates = training.run(
        algorithm, env_id, total_steps=total_steps, seed=seed, config=config, num_envs=num_envs
    )
    return _follow(Panel(f"{algorithm.__name__} on {label(env_id)}, seed {seed}", total_steps, solved), updates)


def compare(algorithm, env_id, configs, *, total_steps, seed=0, num_envs=None, solved=None):
    """Train one agent a config, taking turns, all curves growing in one picture.

    Args:
        configs: dict from a short label to the config trained under it.
        algorithm, env_id, total_steps, seed, num_envs: as for `rl.train`; every agent takes total_steps.
        solved: the return that counts as solved, drawn as a line.

    Returns:
        Dict from label to History.
    """
    runs = {
        label: training.run(algorithm, env_id, total_steps=total_steps, seed=seed, config=config, num_envs=num_envs)
        for label, config in configs.items()
    }
    title = f"{algorithm.__name__} on {label(env_id)}, seed {seed} each"
    return _follow(Comparison(title, total_steps, solved, agents=len(runs)), _in_turns(runs))


def _in_turns(runs):
    """One update of every run that is still going, round after round; yields all their histories."""
    histories = {label: next(run) for label, run in runs.items()}
    yield histories
    try:
        going = list(runs)
        while going:
            for label in list(going):
                if next(runs[label], None) is None:
                    going.remove(label)
                else:
                    yield histories
    finally:
        for run in runs.values():
            run.close()


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
        """Lets button presses through while a cell is running, where there is a kernel to press them in."""
        if getattr(get_ipython(), "kernel", None) is None:
            return _NoEvents()
        from jupyter_ui_poll import ui_events

        return ui_events()

    def _stop(self, _):
        self.stopped = True

    def due(self):
        return time.monotonic() - self._last > SECONDS_BETWEEN_PICTURES

    def figure(self, history):
        return learning_curve(
            history.steps, history.returns, self.total_steps, title=self.title, solved=self.solved
        )

    def steps(self, history):
        return history.total_steps

    def redraw(self, history):
        figure, steps = self.figure(history), self.steps(history)
        self.image.value = style.png(figure)
        self.bar.value = min(steps, self.bar.max)
        self.words.value = f"{steps:,} of {self.bar.max:,} steps"
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
        bundle = self.box._repr_mimebundle_() or {}
        picture = base64.b64encode(self.image.value).decode()
        return {**bundle, "image/png": picture, "text/plain": sentence}


class Comparison(Panel):
    """The same widgets for several agents; a history is then a dict of histories."""

    def __init__(self, title, total_steps, solved, *, agents):
        super().__init__(title, total_steps, solved)
        self.bar.max = agents * total_steps

    def figure(self, histories):
        curves = {label: (history.steps, history.returns) for label, history in histories.items()}
        return learning_curves(curves, self.total_steps, title=self.title, solved=self.solved)

    def steps(self, histories):
        return sum(history.total_steps for history in histories.values())


class _NoEvents:
    def __enter__(self):
        return lambda count: None

    def __exit__(self, *_):
        return False
