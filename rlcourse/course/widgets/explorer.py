"""The frame around every explorer: a pure function that draws, and a control for each of its parameters.

    @explorer(p=Slider("kicker shoots left, p", 0, 1, step=0.05, default=0.5), grid=("p",))
    def shootout(p):
        '''Penalty shoot-out: the value of every kick.'''
        return plots.shootout(p)        # a Figure; its label is the alt text

`shootout` is then an `Explorer`: the last line of a cell shows it with live controls, `draw` and
`alt_text` serve tests and printed pages, `to_html` writes a page that works without a kernel.
"""

import base64
import dataclasses
import html
import inspect
from pathlib import Path

import ipywidgets
from matplotlib.figure import Figure

from rlcourse.course.figures import style
from rlcourse.course.widgets import export, still
from rlcourse.course.widgets.controls import Choice, Control, Number, Several, Slider

PICTURES_KEPT = 64  # an explorer's, about 20 kB each

# ---------------------------------------------------------------- the explorer


def explorer(*, grid=(), **controls):
    """Turn a pure function draw(**parameters) -> Figure into an `Explorer`.

    Args:
        grid: the one or two most telling parameters; the HTML export draws all their combinations.
        controls: a control for each parameter of the function.

    Raises:
        ValueError: if controls and parameters differ, the function has no docstring, or `grid` is unknown.
    """
    grid = (grid,) if isinstance(grid, str) else tuple(grid)

    def decorate(draw):
        parameters = tuple(inspect.signature(draw).parameters)
        if set(parameters) != set(controls):
            raise ValueError(
                f"controls of {draw.__name__} must be its parameters {', '.join(parameters)}; got {', '.join(controls)}"
            )
        return Explorer(draw, controls, grid)

    return decorate


class Explorer:
    """A picture that answers to controls: in a notebook, on paper, and on a page without a kernel."""

    def __init__(self, draw, controls, grid=()):
        for name, control in controls.items():
            if not isinstance(control, Control):
                raise ValueError(f"{name} must be a control such as Slider or Choice, got {control!r}")
        if unknown := [name for name in grid if name not in controls]:
            raise ValueError(f"grid must name controls of {draw.__name__}, got {', '.join(unknown)}")
        if len(grid) > 2:
            raise ValueError(f"grid must name one or two controls of {draw.__name__}, got {len(grid)}")
        if not (draw.__doc__ or "").strip():
            raise ValueError(f"{draw.__name__} must have a docstring; its first line is the title")
        self._draw = draw
        self.controls = controls
        self.grid = tuple(grid)
        self.name = draw.__name__
        self.module = draw.__module__
        self.title = draw.__doc__.strip().splitlines()[0]
        self.__doc__ = draw.__doc__
        self._pictures = {}

    def __repr__(self):
        return f"<Explorer {self.name}({', '.join(self.controls)})>"

    @property
    def defaults(self) -> dict:
        return {name: control.default for name, control in self.controls.items()}

    def check(self, **parameters) -> dict:
        """Every parameter, missing ones at default, moved to the nearest value its control can take.

        Raises:
            ValueError: for an unknown name or a value out of range.
        """
        if unknown := [name for name in parameters if name not in self.controls]:
            known = ", ".join(self.controls)
            raise ValueError(f"unknown parameter {', '.join(unknown)} of {self.name}; it has {known}")
        return {
            name: control.check(name, parameters.get(name, control.default)) for name, control in self.controls.items()
        }

    def draw(self, **parameters) -> Figure:
        """The figure at these parameters. Its label is its alt text."""
        with style.context():
            figure = self._draw(**self.check(**parameters))
        if not isinstance(figure, Figure):
            raise ValueError(f"{self.name} must return a matplotlib Figure, got {type(figure).__name__}")
        if not figure.get_label():
            raise ValueError(f"{self.name} must give its figure an alt text: figure.set_label(one sentence)")
        return figure

    def alt_text(self, **parameters) -> str:
        """One sentence that says what the figure shows at these parameters."""
        return self.draw(**parameters).get_label()

    def picture(self, **parameters) -> tuple[bytes, str]:
        """The figure as PNG, and its alt text. Equal parameters give equal pictures, so the last ones are kept."""
        values = self.check(**parameters)
        key = tuple(values.values())
        if key not in self._pictures:
            figure = self.draw(**values)
            if len(self._pictures) >= PICTURES_KEPT:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[key] = style.png(figure), figure.get_label()
        return self._pictures[key]

    def at(self, **parameters) -> "Explorer":
        """The same explorer with other starting values; its Reset returns to them."""
        start = self.check(**parameters)
        moved = {name: dataclasses.replace(control, default=start[name]) for name, control in self.controls.items()}
        return Explorer(self._draw, moved, self.grid)

    def panel(self) -> "Panel":
        """Live controls and picture, as widgets."""
        return Panel(self)

    def to_html(self) -> str:
        """A self-contained HTML fragment with pre-drawn pictures and working controls."""
        return export.fragment(self)

    def save_html(self, path) -> Path:
        """Write a whole page around `to_html`; returns the path."""
        path = Path(path)
        path.write_text(export.page(self), encoding="utf-8")
        return path

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.panel()._repr_mimebundle_(include, exclude)


# ---------------------------------------------------------------- the panel


def widget(control, **look):
    """The input of a control, one of ipywidgets'."""
    if isinstance(control, Slider):
        whole, format_ = control.whole, "d" if control.whole else f".{control.decimals}f"
        span = {"min": control.low, "max": control.high, "step": control.step}
        if isinstance(control, Number):
            return (ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText)(
                control.default, **span, **look
            )
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        return kind(control.default, **span, readout_format=format_, **look)
    if isinstance(control, Choice):
        return ipywidgets.Dropdown(options=[(str(o), o) for o in control.options], value=control.default, **look)
    return ipywidgets.Checkbox(control.default, **look)


class Panel:
    """The controls of an explorer above its picture, a sentence below; every change redraws once.

    Attributes:
        image: the picture, an `ipywidgets.Image`.
        caption: the alt text, or what went wrong.
        box: all of it, the widget to display.
    """

    def __init__(self, explorer):
        self.explorer = explorer
        longest = max(len(control.label) for control in explorer.controls.values())
        self._label_width = f"{0.52 * longest + 1:.1f}em"  # one column of labels, none cut off
        self._layout = ipywidgets.Layout(width="auto", max_width="46em")
        self._inputs = {}
        rows = [self._row(name, control) for name, control in explorer.controls.items()]
        reset = ipywidgets.Button(description="Reset", tooltip="Return every control to where it started")
        reset.on_click(lambda _: self.reset())
        self.image = ipywidgets.Image(
            format="png", layout=ipywidgets.Layout(max_width="100%", object_fit="contain", align_self="flex-start")
        )  # in its own size, not stretched
        self.caption = ipywidgets.HTML()
        self.box = still.Box([*rows, reset, self.image, self.caption])
        self._busy = False
        self._shown = None
        self._redraw()

    @property
    def values(self) -> dict:
        """Where the controls stand."""
        return {
            name: control.check(name, control.join(one.value for one in self._inputs[name]))
            for name, control in self.explorer.controls.items()
        }

    def set(self, **parameters):
        """Move controls, then redraw once.

        Raises:
            ValueError: for an unknown name or a value out of range; nothing moves then.
        """
        self._move(self.explorer.check(**{**self.values, **parameters}))

    def reset(self):
        """Return every control to its default."""
        self._move(self.explorer.defaults)

    def _row(self, name, control):
        """The widgets of one control; every input has its label tied to it, for readers of all kinds."""
        if isinstance(control, Several):
            longest = max(len(cell.write(value)) for cell in control.cells for value in cell.positions())
            width = f"{max(5.5, 0.6 * longest + 2.5):.1f}em"
            look = ipywidgets.Layout(display="grid", grid_template_columns="1fr", width=width, height="auto")
            inputs = [
                widget(cell, description=str(each), layout=look, style={"description_width": "auto"})
                for each, cell in zip(control.names, control.cells, strict=True)
            ]
            label = ipywidgets.Label(
                control.label,
                layout=ipywidgets.Layout(
                    width=self._label_width, display="flex", justify_content="flex-end", align_self="flex-end"
                ),
            )
            row = ipywidgets.HBox([label, *inputs], layout=ipywidgets.Layout(flex_flow="row wrap"))
        else:
            row = widget(
                control, description=control.label, layout=self._layout, style={"description_width": self._label_width}
            )
            inputs = [row]
        for one in inputs:
            one.observe(self._changed, "value")
        self._inputs[name] = inputs
        return row

    def _changed(self, _):
        if not self._busy:
            self._move(self.values)

    def _move(self, values):
        self._busy = True  # moving many inputs is one change
        try:
            for name, control in self.explorer.controls.items():
                for one, entry in zip(self._inputs[name], control.split(values[name]), strict=True):
                    one.value = entry
        finally:
            self._busy = False
        self._redraw()

    def _redraw(self):
        values = self.values
        if values == self._shown:
            return
        self._shown = values
        try:
            (picture, said), look = self.explorer.picture(**values), ""
        except Exception as error:  # a student gets a sentence, never a traceback, and never an old picture
            said, look = f"This setting could not be drawn: {str(error) or type(error).__name__}", "font-weight: bold"
            picture = style.png(style.message(said))
        self.image.value = picture
        self.alt = said
        self.box.still = {"text/plain": said}
        self.box.note = self._note(values)
        self.caption.value = f'<div role="status" style="line-height: 1.4; {look}">{html.escape(said)}</div>'

    def _note(self, values):
        """How to wake the controls, and where those stood that had been moved."""
        moved = [
            f"{control.label}: {control.write(values[name])}"
            for name, control in self.explorer.controls.items()
            if values[name] != control.default
        ]
        return "Run this cell to move the controls." + (f" They stood at {'; '.join(moved)}." if moved else "")

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {
            **still.view(self.box),
            "image/png": base64.b64encode(self.image.value).decode("ascii"),
            "text/plain": self.alt,
        }
