"""What a parameter of an explorer may be: a range of numbers, a choice, a switch, or a row of them.

A control knows its values, how a reader sees them, and what is wrong with another. It knows no widgets and no pictures.
"""

import math
from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from functools import cached_property


class Control:
    """What all controls share. `cells` are the single inputs it consists of: one, or one per name."""

    @property
    def cells(self) -> tuple:
        return (self,)

    def split(self, value) -> tuple:
        """The value as one entry per cell."""
        return (value,)

    def join(self, entries):
        """The inverse of `split`."""
        return next(iter(entries))

    def _check_label(self):
        if not isinstance(self.label, str) or not self.label.strip():
            raise ValueError(f"label must be a non-empty string, got {self.label!r}")


@dataclass(frozen=True)
class Slider(Control):
    """A number of the grid low, low + step, ..., high; int when low, high and step are."""

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
        return f"{value:.{self.decimals}f}"

    @property
    def _steps(self):
        return (self.high - self.low) / self.step

    @property
    def whole(self):
        return all(isinstance(number, int) for number in (self.low, self.high, self.step))

    @cached_property
    def decimals(self):
        return max(0, *(-Decimal(str(n)).normalize().as_tuple().exponent for n in (self.low, self.step)))

    def _at(self, k):
        value = self.low + k * self.step
        return value if self.whole else round(float(value), self.decimals)  # 0.15, not 0.15000000000000002


@dataclass(frozen=True)
class Choice(Control):
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


@dataclass(frozen=True)
class Toggle(Control):
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


class Several(Control):
    """A control of equal cells, one per name; its value is a tuple."""

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
        return tuple(
            self._cell(f"{self.label}, {name}", value) for name, value in zip(self.names, self.default, strict=True)
        )

    def check(self, name, value):
        value = tuple(value) if hasattr(value, "__iter__") and not isinstance(value, str) else (value,)
        self._count(name, value)
        return tuple(cell.check(f"{name}[{i}]", v) for i, (cell, v) in enumerate(zip(self.cells, value, strict=True)))

    def split(self, value) -> tuple:
        return value

    def join(self, entries) -> tuple:
        return tuple(entries)

    def write(self, value) -> str:
        return ", ".join(
            f"{name}: {cell.write(v)}" for name, cell, v in zip(self.names, self.cells, value, strict=True)
        )

    def _count(self, name, value):
        if len(value) != len(self.names):
            raise ValueError(
                f"{name} must hold {len(self.names)} values ({', '.join(map(str, self.names))}), got {len(value)}"
            )


@dataclass(frozen=True)
class Row(Several):
    """A row of numbers, such as the rewards of an episode; its value is a tuple."""

    label: str
    _: KW_ONLY
    names: tuple
    low: float
    high: float
    step: float
    default: tuple

    def _cell(self, label, default):
        return Number(label, self.low, self.high, step=self.step, default=default)


class Number(Slider):
    """One cell of a Row: a slider's numbers in a box to type into."""


@dataclass(frozen=True)
class ChoiceRow(Several):
    """A row of choices from the same options; its value is a tuple."""

    label: str
    _: KW_ONLY
    names: tuple
    options: tuple
    default: tuple

    def _cell(self, label, default):
        return Choice(label, self.options, default=default)
