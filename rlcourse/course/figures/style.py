"""One look for every figure: numbers in, a matplotlib `Figure` out, no pyplot.

    from rlcourse.course.figures import style

    @style.styled
    def returns(rewards, values):
        figure, axes = style.new_figure(9, 4.5)
        axes.plot(rewards, **style.REWARD.line())
        style.direct_label(axes, 3, rewards[3], "reward", style.REWARD)
        return style.say(figure, "Three rewards of one.")

Colours are those of Okabe and Ito (2008), which stay apart for colour-blind eyes. Each colour
has a role in the course and travels with a marker, a line style and a hatch, so no figure speaks
through colour alone. Letters are at least 11 points on a figure 9 inches wide: the last row of a
lecture room reads them. The card behind a figure is white in both themes of JupyterLab.
"""

import base64
import functools
import io
import textwrap
from typing import NamedTuple

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.ticker import FixedFormatter, FixedLocator
from PIL import Image

DPI = 100
BASE_SIZE = 13
SMALLEST_SIZE = 11

INK = "#1a1a1a"
FAINT = "#c9c9c9"
CARD = "#ffffff"
BALL = "#ffc93c"
"""What marks the place where the controls stand."""


class Role(NamedTuple):
    """How one kind of quantity looks, in every figure of the course."""

    color: str
    """Fill and line."""
    ink: str
    """The same hue, dark enough for letters: contrast 4.5:1 or more on white."""
    marker: str
    linestyle: str | tuple
    hatch: str

    @property
    def sign(self):
        """The marker as a character, for words that explain it."""
        return {"o": "●", "s": "■", "^": "▲", "v": "▼", "D": "◆", "*": "★"}.get(self.marker, "●")

    def line(self, **changes) -> dict:
        """Keywords for `axes.plot`."""
        return {
            "color": self.color,
            "linestyle": self.linestyle,
            "marker": self.marker,
            "markeredgecolor": self.ink,
            **changes,
        }

    def bar(self, **changes) -> dict:
        """Keywords for `axes.bar` and `axes.fill_between`."""
        return {"facecolor": self.color, "edgecolor": self.ink, "hatch": self.hatch, "linewidth": 1.2, **changes}

    def points(self, **changes) -> dict:
        """Keywords for `axes.scatter`."""
        return {"color": self.color, "edgecolors": self.ink, "marker": self.marker, **changes}


POLICY = Role("#0072b2", "#00598c", "o", "-", "")
ACTION = Role("#56b4e9", "#1f6fa3", "D", (0, (6, 2)), "..")
VALUE = Role("#009e73", "#00664a", "s", (0, (4, 1.5)), "\\\\")
REWARD = Role("#e69f00", "#8a5c00", "^", "-.", "xx")
POSITIVE = Role("#0072b2", "#00598c", "^", "-", "")
"""An advantage above zero."""
NEGATIVE = Role("#d55e00", "#a64900", "v", "--", "//")
"""An advantage below zero."""
NEUTRAL = Role("#8c8c8c", "#595959", ".", ":", "")
HIGHLIGHT = Role("#cc79a7", "#97406f", "*", "-", "++")

STYLE = {
    "figure.facecolor": CARD,
    "axes.facecolor": CARD,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titleweight": "bold",
    "axes.titlesize": BASE_SIZE + 1,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # fixed, so matplotlib need not measure every tick label to place it
    "axes.labelsize": BASE_SIZE,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "font.family": ["DejaVu Sans"],
    "font.size": BASE_SIZE,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "hatch.linewidth": 1.0,
    "legend.fontsize": BASE_SIZE,
    "legend.frameon": False,
    "lines.linewidth": 2.4,
    "lines.markersize": 7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": BASE_SIZE - 1,
    "ytick.labelsize": BASE_SIZE - 1,
    "text.parse_math": True,
}

MARGINS = {"left": 0.11, "right": 0.98, "bottom": 0.14, "top": 0.90, "wspace": 0.24, "hspace": 0.42}


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that shows itself as the last line of a cell: picture, and alt text as the plain form."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        picture = base64.b64encode(png(self)).decode("ascii")
        return {"image/png": picture, "text/plain": self.get_label() or repr(self)}


class Canvas(FigureCanvasAgg):
    """Figures of one size share one renderer: it remembers how wide every text is and how every formula is set.

    With a renderer of its own, as matplotlib has it, each figure learns both again.
    """

    def get_renderer(self):
        self.renderer = _renderer(*self.get_width_height(physical=True), self.figure.dpi)
        return self.renderer


class _Renderer(RendererAgg):
    """Copies the pixels of a text drawn before at the same place: from one redraw to the next most stand still."""

    TEXTS_KEPT = 500  # about 5 kB each

    def __init__(self, width, height, dpi):
        super().__init__(width, height, dpi)
        self._scratch = RendererAgg(width, height, dpi)
        self._texts = {}

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        if gc.get_alpha() != 1.0 or gc.get_clip_rectangle() or gc.get_clip_path()[0]:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        key = x, y, s, hash(prop), angle, ismath, gc.get_rgb(), gc.get_antialiased()
        if key not in self._texts:
            if len(self._texts) >= self.TEXTS_KEPT:
                del self._texts[next(iter(self._texts))]
            self._texts[key] = self._written(gc, x, y, s, prop, angle, ismath, mtext)
        left, bottom, picture = self._texts[key]
        if picture.size:
            self.draw_image(gc, left, bottom, picture)

    def _written(self, gc, x, y, s, prop, angle, ismath, mtext):
        """The text alone, and where its lower left corner lies."""
        self._scratch.clear()
        whole = np.asarray(self._scratch.buffer_rgba())
        colors = whole.view(np.uint32)[..., 0]  # a pixel as one number: four times less to search
        blank = colors[0, 0]
        self._scratch.draw_text(gc, x, y, s, prop, angle, ismath, mtext)
        written = colors != blank
        rows = np.flatnonzero(written.any(1))
        if not rows.size:
            return 0, 0, whole[:0]
        top, bottom = rows[0], rows[-1] + 1
        columns = np.flatnonzero(written[top:bottom].any(0))
        left, right = columns[0], columns[-1] + 1
        return left, whole.shape[0] - bottom, whole[top:bottom, left:right][::-1].copy()


@functools.lru_cache(maxsize=16)
def _renderer(width, height, dpi):
    return _Renderer(width, height, dpi)


def mix(color, share, other="#ffffff"):
    """`share` of a colour in another one, white by default; opaque, so overlapping strokes show no seams."""
    parts = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (color, other)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in zip(*parts, strict=True))


def context():
    """The style as a context manager; matplotlib's own settings are untouched outside it."""
    return matplotlib.rc_context(STYLE)


def styled(function):
    """Run a plot function inside the style. Titles, labels and text take their size when they are made."""

    @functools.wraps(function)
    def in_style(*args, **kwargs):
        with context():
            return function(*args, **kwargs)

    return in_style


def blank_figure(width, height):
    """A figure of `width` x `height` inches without axes."""
    figure = Figure(figsize=(width, height), dpi=DPI)
    Canvas(figure)
    return figure


@styled
def new_figure(width=9.0, height=4.5, rows=1, cols=1, **margins):
    """A figure of `width` x `height` inches with fixed margins, and its axes.

    Args:
        width, height: inches; at 100 dots per inch, 9 x 4.5 gives 900 x 450 pixels.
        rows, cols: the grid of axes.
        margins: fractions for `subplots_adjust` (left, right, bottom, top, wspace, hspace), and
            `width_ratios`, `height_ratios`, `sharex`, `sharey` for the grid.

    Returns:
        (figure, axes); axes is one Axes for a 1 x 1 grid, else an array as `Figure.subplots` gives it.

    Raises:
        ValueError: for a margin that `subplots_adjust` does not know.
    """
    grid = {key: margins.pop(key) for key in ("width_ratios", "height_ratios", "sharex", "sharey") if key in margins}
    unknown = sorted(set(margins) - set(MARGINS))
    if unknown:
        raise ValueError(f"margins may be {', '.join(MARGINS)}; got {', '.join(unknown)}")
    figure = blank_figure(width, height)
    figure.subplots_adjust(**{**MARGINS, **margins})
    return figure, figure.subplots(rows, cols, **grid)


def set_ticks(axis, places, labels=None):
    """`Axis.set_ticks` for an axis whose limits are set, without its price: it makes every tick at once.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
        places: where the ticks are.
        labels: their texts; the numbers themselves if None.

    Raises:
        ValueError: if there are not as many labels as places.
    """
    axis.set_major_locator(FixedLocator(list(places)))
    if labels is not None:
        if len(labels) != len(places):
            raise ValueError(f"labels must have one entry per place, {len(places)}, got {len(labels)}")
        axis.set_major_formatter(FixedFormatter([str(label) for label in labels]))


@styled
def direct_label(axes, x, y, text, role=None, *, dx=6, dy=6, **changes):
    """Write `text` beside the point (x, y), in the role's own ink; better than a legend far away.

    `dx` and `dy` shift it, in points. A white ground keeps it legible on lines and bars.
    """
    look = {
        "color": role.ink if role else INK,
        "fontsize": BASE_SIZE,
        "fontweight": "bold",
        "va": "center",
        "bbox": {"facecolor": CARD, "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
        "zorder": 6,
    }
    return axes.annotate(text, (x, y), xytext=(dx, dy), textcoords="offset points", **{**look, **changes})


def ball(axes, x, y, *, size=16, color=BALL, **changes):
    """A ball at the point (x, y): where on a curve or a map the controls stand."""
    look = {"markeredgecolor": INK, "markeredgewidth": 2, "zorder": 6, "clip_on": False}
    return axes.plot([x], [y], "o", markersize=size, color=color, **{**look, **changes})


def card(pad=1.0):
    """Keywords `bbox` of a text: a white ground for words that lines may run under."""
    return {"facecolor": CARD, "edgecolor": "none", "pad": pad}


def zero_line(axes, **changes):
    """A thin line at zero, for quantities with a sign."""
    return axes.axhline(0.0, **{"color": INK, "linewidth": 1.0, "zorder": 1, **changes})


def say(figure, sentence):
    """Give the figure its alt text, one sentence made from parameters and result; returns the figure."""
    figure.set_label(" ".join(str(sentence).split()))
    return figure


def pixels(figure) -> Image.Image:
    """The drawn figure as an RGB picture."""
    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else Canvas(figure)
    canvas.draw()
    return Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")


def png(figure) -> bytes:
    """The drawn figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    # 256 colours: 16 kB in 6 ms, where full colour takes 43 kB and 13 ms; no eye sees the difference.
    picture = pixels(figure).quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    picture.save(buffer, "png", compress_level=2)
    return buffer.getvalue()


@styled
def message(sentence, width=9.0, height=2.0):
    """A card that holds nothing but a sentence, for when there is nothing to draw."""
    figure = blank_figure(width, height)
    figure.text(0.5, 0.5, textwrap.fill(sentence, 80), ha="center", va="center", color=NEGATIVE.ink)
    return say(figure, sentence)
