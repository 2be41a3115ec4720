"""The frame around every explorer: a pure function that draws, and a control for each of its parameters.

    @explorer(p=Slider("kicker shoots left, p", 0, 1, step=0.05, default=0.5), grid=("p",))
    def shootout(p):
        '''Penalty shoot-out: the value of every kick.'''
        return plots.lesson_02.shootout(p)        # a Figure; its label is the alt text

`shootout` is then an `Explorer`: the last line of a cell shows it with live controls, `draw` and
`alt_text` serve tests and printed pages, `to_html` writes a page that works without a kernel.
"""

import base64
import dataclasses
import html
import inspect
import math
from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import ipywidgets
from matplotlib.figure import Figure

from rlcourse import still
from rlcourse.plots import style

PICTURES_KEPT = 64      # an explorer's, about 20 kB each

# ---------------------------------------------------------------- controls: what a parameter may be


class _Control:
    """What all controls share. `cells` are the single inputs it consists of: one, or one a name."""

    @property
    def cells(self) -> tuple:
        return (self,)

    def split(self, value) -> tuple:
        """The value as one entry a cell."""
        return (value,)

    def join(self, entries):
        """The inverse of `split`."""
        return next(iter(entries))

    def _check_label(self):
        if not isinstance(self.label, str) or not self.label.strip():
            raise ValueError(f"label must be a non-empty string, got {self.label!r}")


@dataclass(frozen=True)
class Slider(_Control):
    """A number of the grid low, low + step, ..., high; int when low, high and step are. Steppers are sliders too."""

    label: str
    low: float
    high: float
    _: KW_ONLY
    step: float
    default: float

    def __post_init__(self):
        self._check_label()
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        if not self.step > 0:
            raise ValueError(f"step must be positive, got {self.step}")
        if abs(self._steps - round(self._steps)) > 1e-6:
            raise ValueError(f"step must divide high - low, got step {self.step} for [{self.low}, {self.high}]")
        on_grid = self.check("default", self.default)
        if not math.isclose(on_grid, self.default, abs_tol=1e-6 * self.step):
            raise ValueError(f"default must lie on the grid {self.low} + k * {self.step}, got {self.default}")
        object.__setattr__(self, "default", on_grid)

    def check(self, name, value):
        """The value of the grid nearest to `value`."""
        if isinstance(value, str | bool) or not hasattr(value, "__float__"):
            raise ValueError(f"{name} must be a number in [{self.low}, {self.high}], got {value!r}")
        slack = 1e-6 * self.step
        if not self.low - slack <= float(value) <= self.high + slack:
            raise ValueError(f"{name} must lie in [{self.low}, {self.high}], got {value}")
        return self._at(round((float(value) - self.low) / self.step))

    def positions(self) -> tuple:
        """Every value of the grid, from low to high."""
        return tuple(self._at(k) for k in range(round(self._steps) + 1))

    def write(self, value) -> str:
        """The value as a reader sees it."""
        return f"{value:.{self._decimals}f}"

    def input(self, **look):
        kind, form = (ipywidgets.IntSlider, "d") if self._whole else (ipywidgets.FloatSlider, f".{self._decimals}f")
        return kind(self.default, min=self.low, max=self.high, step=self.step, readout_format=form, **look)

    @property
    def _steps(self):
        return (self.high - self.low) / self.step

    @property
    def _whole(self):
        return all(isinstance(number, int) for number in (self.low, self.high, self.step))

    @cached_property
    def _decimals(self):
        return max(0, *(-Decimal(str(n)).normalize().as_tuple().exponent for n in (self.low, self.step)))

    def _at(self, k):
        value = self.low + k * self.step
        return value if self._whole else round(float(value), self._decimals)    # 0.15, not 0.15000000000000002


@dataclass(frozen=True)
class Choice(_Control):
    """One of several options, strings or numbers."""

    label: str
    options: tuple
    _: KW_ONLY
    default: object

    def __post_init__(self):
        self._check_label()
        object.__setattr__(self, "options", tuple(self.options))
        if len(self.options) < 2 or len(set(self.options)) != len(self.options):
            raise ValueError(f"options must be two or more different values, got {self.options}")
        self.check("default", self.default)

    def check(self, name, value):
        if value not in self.options:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, self.options))}, got {value!r}")
        return self.options[self.options.index(value)]

    def positions(self) -> tuple:
        return self.options

    def write(self, value) -> str:
        return str(value)

    def input(self, **look):
        return ipywidgets.Dropdown(options=[(str(o), o) for o in self.options], value=self.default, **look)


@dataclass(frozen=True)
class Toggle(_Control):
    """On or off."""

    label: str
    _: KW_ONLY
    default: bool = False

    def __post_init__(self):
        self._check_label()
        self.check("default", self.default)

    def check(self, name, value):
        if value is not True and value is not False:
            raise ValueError(f"{name} must be True or False, got {value!r}")
        return value

    def positions(self) -> tuple:
        return (False, True)

    def write(self, value) -> str:
        return "on" if value else "off"

    def input(self, **look):
        return ipywidgets.Checkbox(self.default, **look)


class _Several(_Control):
    """A control of equal cells, one a name; its value is a tuple."""

    def __post_init__(self):
        self._check_label()
        for field in ("names", "default"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if not self.names or len(set(self.names)) != len(self.names):
            raise ValueError(f"names must be one or more different names, got {self.names}")
        self._count("default", self.default)
        object.__setattr__(self, "default", tuple(cell.default for cell in self.cells))

    @cached_property
    def cells(self) -> tuple:
        return tuple(self._cell(f"{self.label}, {name}", value)
                     for name, value in zip(self.names, self.default, strict=True))

    def check(self, name, value):
        value = tuple(value) if hasattr(value, "__iter__") and not isinstance(value, str) else (value,)
        self._count(name, value)
        return tuple(cell.check(f"{name}[{i}]", v) for i, (cell, v) in enumerate(zip(self.cells, value, strict=True)))

    def split(self, value) -> tuple:
        return value

    def join(self, entries) -> tuple:
        return tuple(entries)

    def write(self, value) -> str:
        return ", ".join(f"{name}: {cell.write(v)}"
                         for name, cell, v in zip(self.names, self.cells, value, strict=True))

    def _count(self, name, value):
        if len(value) != len(self.names):
            raise ValueError(
                f"{name} must hold {len(self.names)} values ({', '.join(map(str, self.names))}), got {len(value)}"
            )


@dataclass(frozen=True)
class Row(_Several):
    """A row of numbers, such as the rewards of an episode; its value is a tuple."""

    label: str
    _: KW_ONLY
    names: tuple
    low: float
    high: float
    step: float
    default: tuple

    def _cell(self, label, default):
        return _Number(label, self.low, self.high, step=self.step, default=default)


class _Number(Slider):
    """One cell of a Row: a slider's numbers in a box to type into."""

    def input(self, **look):
        kind = ipywidgets.BoundedIntText if self._whole else ipywidgets.BoundedFloatText
        return kind(self.default, min=self.low, max=self.high, step=self.step, **look)


@dataclass(frozen=True)
class ChoiceRow(_Several):
    """A row of choices from the same options; its value is a tuple."""

    label: str
    _: KW_ONLY
    names: tuple
    options: tuple
    default: tuple

    def _cell(self, label, default):
        return Choice(label, self.options, default=default)


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
                f"controls of {draw.__name__} must be its parameters {', '.join(parameters)}; "
                f"got {', '.join(controls)}"
            )
        return Explorer(draw, {name: controls[name] for name in controls}, grid)

    return decorate


class Explorer:
    """A picture that answers to controls: in a notebook, on paper, and on a page without a kernel."""

    def __init__(self, draw, controls, grid=()):
        for name, control in controls.items():
            if not isinstance(control, _Control):
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
        return {name: control.check(name, parameters.get(name, control.default))
                for name, control in self.controls.items()}

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
        from rlcourse.explorers.export import fragment  # the export knows the shell, not the reverse

        return fragment(self)

    def save_html(self, path) -> Path:
        """Write a whole page around `to_html`; returns the path."""
        from rlcourse.explorers.export import page

        path = Path(path)
        path.write_text(page(self), encoding="utf-8")
        return path

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.panel()._repr_mimebundle_(include, exclude)


# ---------------------------------------------------------------- the panel


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
        self._label_width = f"{0.52 * longest + 1:.1f}em"       # one column of labels, none cut off
        self._layout = ipywidgets.Layout(width="auto", max_width="46em")
        self._inputs = {}
        rows = [self._row(name, control) for name, control in explorer.controls.items()]
        reset = ipywidgets.Button(description="Reset", tooltip="Return every control to where it started")
        reset.on_click(lambda _: self.reset())
        self.image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(
            max_width="100%", object_fit="contain", align_self="flex-start"))     # in its own size, not stretched
        self.caption = ipywidgets.HTML()
        self.box = still.Box([*rows, reset, self.image, self.caption])
        self._busy = False
        self._shown = None
        self._redraw()

    @property
    def values(self) -> dict:
        """Where the controls stand."""
        return {name: control.check(name, control.join(one.value for one in self._inputs[name]))
                for name, control in self.explorer.controls.items()}

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
        if isinstance(control, _Several):
            longest = max(len(cell.write(value)) for cell in control.cells for value in cell.positions())
            width = f"{max(5.5, 0.6 * longest + 2.5):.1f}em"
            look = ipywidgets.Layout(display="grid", grid_template_columns="1fr", width=width, height="auto")
            inputs = [cell.input(description=str(each), layout=look, style={"description_width": "auto"})
                      for each, cell in zip(control.names, control.cells, strict=True)]
            label = ipywidgets.Label(control.label, layout=ipywidgets.Layout(
                width=self._label_width, display="flex", justify_content="flex-end", align_self="flex-end"))
            row = ipywidgets.HBox([label, *inputs], layout=ipywidgets.Layout(flex_flow="row wrap"))
        else:
            row = control.input(description=control.label, layout=self._layout,
                                style={"description_width": self._label_width})
            inputs = [row]
        for one in inputs:
            one.observe(self._changed, "value")
        self._inputs[name] = inputs
        return row

    def _changed(self, _):
        if not self._busy:
            self._move(self.values)

    def _move(self, values):
        self._busy = True           # moving many inputs is one change
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
        except Exception as error:      # a student gets a sentence, never a traceback, and never an old picture
            said, look = f"This setting could not be drawn: {str(error) or type(error).__name__}", "font-weight: bold"
            picture = style.png(style.message(said))
        self.image.value = picture
        self.alt = said
        self.box.still = {"text/plain": said}
        self.box.note = self._note(values)
        self.caption.value = f'<div role="status" style="line-height: 1.4; {look}">{html.escape(said)}</div>'

    def _note(self, values):
        """How to wake the controls, and where those stood that had been moved."""
        moved = [f"{control.label}: {control.write(values[name])}" for name, control in self.explorer.controls.items()
                 if values[name] != control.default]
        return "Run this cell to move the controls." + (f" They stood at {'; '.join(moved)}." if moved else "")

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = self.box._repr_mimebundle_() or {}
        return {**bundle, "image/png": base64.b64encode(self.image.value).decode("ascii"), "text/plain": self.alt}
