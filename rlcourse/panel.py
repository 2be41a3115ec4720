"""Watch an agent learn: a live curve, a progress bar and a Stop button above one output."""

import base64
import time

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display

from rlcourse import training
from rlcourse.plots import style
from rlcourse.plots.training import learning_curve

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
    history = next(updates)
    panel = Panel(f"{algorithm.__name__} on {env_id}, seed {seed}", total_steps, solved)
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
        self.box = widgets.VBox([widgets.HBox([self.bar, self.stop, self.words]), self.image])
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

    def redraw(self, history):
        figure = learning_curve(
            history.steps, history.returns, self.total_steps, title=self.title, solved=self.solved
        )
        self.image.value = style.png(figure)
        self.bar.value = min(history.total_steps, self.total_steps)
        self.words.value = f"{history.total_steps:,} of {self.total_steps:,} steps"
        self._last = time.monotonic()
        return figure.get_label()

    def show(self, history):
        sentence = self.redraw(history)
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


class _NoEvents:
    def __enter__(self):
        return lambda count: None

    def __exit__(self, *_):
        return False
