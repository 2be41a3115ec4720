"""An explorer as a piece of HTML: pre-drawn pictures, working controls, no kernel, no network.

The controls named by `grid` are drawn in all combinations, the others one at a time while all the
rest stand at their defaults; the page says so. Style, script and pictures are inside the fragment,
so it works from a file, on a slide, and beside other explorers.

A picture is stored as what it changes in the default picture: transparent elsewhere, with the
default picture as the background of the `<img>`. That is a third of the bytes of whole pictures.
A picture that changes everywhere, such as a cloud of points, is stored whole and lossy.
"""

import base64
import hashlib
import html
import io
import itertools
import json
import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy import ndimage

from rlcourse.course.figures import style
from rlcourse.course.widgets.controls import Choice, Slider, Toggle

MAX_BYTES = 1_400_000
"""Of all pictures of an explorer, in base64."""
LARGE = 15_000
"""Bytes of a picture above which the lossy form is tried."""
MAX_FRAMES = 150
MAX_POSITIONS = 21
"""Of one slider."""
MAX_CELL_POSITIONS = 5
"""Of one number in a row of numbers."""


# ---------------------------------------------------------------- what is drawn


@dataclass(frozen=True)
class Knob:
    """One input of the page: a control, or one cell of a row."""

    name: str
    cell: int
    label: str
    control: object
    on_grid: bool
    positions: tuple
    idle: bool = False
    """Whether it changes nothing on the page: it acts only together with another control, and they move alone."""

    @property
    def default(self) -> int:
        """Where the default stands among the positions."""
        return self.positions.index(self.control.default)


def knobs(explorer, max_frames=MAX_FRAMES) -> list[Knob]:
    """Every input of the explorer, sliders thinned until `settings` are no more than `max_frames`."""
    for most in range(MAX_POSITIONS, 2, -1):
        found = []
        for name, control in explorer.controls.items():
            row = len(control.cells) > 1
            for i, cell in enumerate(control.cells):
                label = str(control.names[i]) if row else control.label
                positions = cell.positions()
                if isinstance(cell, Slider):
                    at_most = min(most, MAX_CELL_POSITIONS) if row else most
                    kept = spread(len(positions), positions.index(cell.default), at_most)
                    positions = tuple(positions[k] for k in kept)
                found.append(Knob(name, i, label, cell, name in explorer.grid, positions))
        grid = math.prod(len(knob.positions) for knob in found if knob.on_grid)
        if grid + sum(len(knob.positions) - 1 for knob in found if not knob.on_grid) <= max_frames:
            break
    return found


def spread(count, default, most) -> list[int]:
    """At most `most` of the positions 0 ... count - 1: both ends, the default, the rest as even as can be."""
    last = count - 1
    if count <= most:
        return list(range(count))
    for step in range(math.ceil(last / (most - 1)), math.floor(1.3 * last / (most - 1)) + 1):
        if last % step == 0 and default % step == 0:
            return list(range(0, count, step))  # equal steps, if that costs few positions
    inner = most - 1 if 0 < default < last else most
    even = {round(k * last / (inner - 1)) for k in range(inner)}
    return sorted(even | {default})


def settings(found):
    """Where the knobs stand, one tuple of positions per setting: defaults, the whole grid, one knob at a time."""
    start = tuple(knob.default for knob in found)
    grid = itertools.product(*(range(len(knob.positions)) if knob.on_grid else (knob.default,) for knob in found))
    alone = (
        (*start[:i], position, *start[i + 1 :])
        for i, knob in enumerate(found)
        if not knob.on_grid
        for position in range(len(knob.positions))
    )
    return list(dict.fromkeys((start, *grid, *alone)))


def parameters(explorer, found, setting) -> dict:
    """The explorer's parameters at a setting."""
    cells = {}
    for knob, position in zip(found, setting, strict=True):
        cells.setdefault(knob.name, []).append(knob.positions[position])
    return {name: control.join(cells[name]) for name, control in explorer.controls.items()}


def idle(found, states) -> set[int]:
    """Numbers of the knobs that leave the picture as it is while all others stand at their defaults."""
    start = tuple(knob.default for knob in found)

    def shown(i):
        return {states[*start[:i], position, *start[i + 1 :]][0] for position in range(len(found[i].positions))}

    return {i for i, knob in enumerate(found) if not knob.on_grid and len(shown(i)) == 1}


def pictures(explorer):
    """Draw what fits: (knobs, {setting: (picture number, sentence)}, pictures as WebP); number 0 is the default."""
    base = _pixels(explorer.draw())
    drawn = {}

    def draw(found, setting):
        values = parameters(explorer, found, setting)
        key = tuple(values.values())
        if key not in drawn:
            figure = explorer.draw(**values)
            drawn[key] = _changes(base, _pixels(figure)), figure.get_label()
        return drawn[key]

    found = knobs(explorer)
    every = settings(found)
    tried = [len(draw(found, setting)[0]) for setting in every[1 :: max(1, len(every) // 12)]] or [1]
    room = MAX_BYTES * 3 / 4 / (sum(tried) / len(tried))
    found = knobs(explorer, min(MAX_FRAMES, int(room)))
    numbers, states = {b"": 0}, {}
    for setting in settings(found):
        picture, said = draw(found, setting)
        states[setting] = numbers.setdefault(picture, len(numbers)), said
    return found, states, [_webp(Image.fromarray(base)), *list(numbers)[1:]]


def _pixels(figure):
    """The drawn figure with 32 levels per channel: no eye sees it, and half the bytes."""
    return (np.round(np.asarray(style.pixels(figure)) * (31 / 255)) * (255 / 31)).round().astype(np.uint8)


def _changes(base, picture) -> bytes:
    """What to lay over the base: nothing where they agree, and no bytes at all if they agree everywhere."""
    if base.shape != picture.shape:
        raise ValueError("an explorer must draw figures of one size; set width and height once for all parameters")
    if (base == picture).all():
        return b""
    changed = (base != picture).any(-1).astype(np.uint8) * 255
    seen = ndimage.maximum_filter(changed, size=5)  # a rim, so scaling leaves no ghost
    exact = _webp(Image.fromarray(np.dstack([picture * (seen[..., None] > 0), seen])))
    if len(exact) < LARGE:
        return exact
    return min(exact, _webp(Image.fromarray(picture), lossless=False, quality=60, method=2), key=len)


def _webp(image, lossless=True, quality=75, method=1) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "webp", lossless=lossless, quality=quality, method=method)
    return buffer.getvalue()


# ---------------------------------------------------------------- the page


STYLE = """
.rlx { max-width: 60em; margin: 1em 0; font: 1rem/1.45 system-ui, sans-serif; text-align: left }
.rlx .rlx-row { display: grid; grid-template-columns: minmax(8em, 18em) minmax(8em, 1fr) 5em; gap: .2em .8em;
  align-items: center; margin: .25em 0 }
.rlx input[type=range] { width: 100%; min-height: 1.6em }
.rlx input, .rlx select, .rlx button { font: inherit; accent-color: #0072b2 }
.rlx input[type=checkbox] { justify-self: start; width: 1.2em; height: 1.2em }
.rlx :focus-visible { outline: 3px solid #0072b2; outline-offset: 2px }
.rlx fieldset { display: flex; flex-wrap: wrap; gap: .3em 1em; border: 1px solid; border-radius: .3em; margin: .4em 0 }
.rlx fieldset label { display: block }
.rlx fieldset input[type=range] { width: 6em }
.rlx figure { margin: .6em 0 }
.rlx img { display: block; max-width: 100%; height: auto; background: #fff 0 0 / 100% 100% no-repeat;
  border-radius: .3em; print-color-adjust: exact; -webkit-print-color-adjust: exact }
.rlx figcaption { margin-top: .4em; color: inherit }
.rlx .rlx-note { opacity: .85; font-size: .92em }
.rlx button { padding: .2em 1em }
@media (prefers-color-scheme: dark) { .rlx :focus-visible { outline-color: #56b4e9 }
  .rlx input, .rlx select, .rlx button { accent-color: #56b4e9 } }
"""

SCRIPT = """
function explore(root) {
  const data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  const inputs = [...root.querySelectorAll('input, select')];
  const img = root.querySelector('img'), caption = root.querySelector('figcaption');
  const first = img.getAttribute('src');
  img.style.backgroundImage = 'url("' + first + '")';
  inputs.forEach((input, i) => {            // ids stay single when a page shows one explorer twice
    if (document.getElementById(input.id) === input) return;
    const old = input.id;
    do input.id += 'x'; while (document.getElementById(input.id) !== input);
    root.querySelectorAll('[for="' + old + '"]').forEach((tied) => tied.setAttribute('for', input.id));
  });
  const at = (input) => input.type === 'checkbox' ? Number(input.checked) : Number(input.value);
  const put = (input, i) => input.type === 'checkbox' ? input.checked = i === 1 : input.value = i;
  function show() {
    inputs.forEach((input, i) => {
      const written = data.knobs[i].values[at(input)];
      if (input.type === 'range') input.setAttribute('aria-valuetext', written);
      const output = root.querySelector('output[for="' + input.id + '"]');
      if (output) output.textContent = written;
    });
    const [picture, said] = data.states[inputs.map(at).join()];
    img.src = picture ? 'data:image/webp;base64,' + data.pictures[picture - 1] : first;
    img.alt = data.said[said];
    caption.textContent = data.said[said];
  }
  function reset(keep) {
    inputs.forEach((input, i) => { if (!keep(i)) put(input, data.knobs[i].start); });
    show();
  }
  inputs.forEach((input, i) => input.addEventListener('input', () =>
    reset((j) => j === i || (data.knobs[i].grid && data.knobs[j].grid))));
  root.querySelector('button').addEventListener('click', () => reset(() => false));
  root.addEventListener('keydown', (event) => {      // slides turn on arrow keys; a control keeps its own
    if (inputs.includes(event.target) && event.key !== 'Escape') event.stopPropagation();
  });
  reset(() => false);                       // a browser may restore old positions on reload
}
"""
"""A function that wakes an explorer: the book holds it once, a fragment of its own calls it on itself."""


def fragment(explorer) -> str:
    """The explorer as one `<div>` with everything inside."""
    found, states, drawn = pictures(explorer)
    still = idle(found, states)
    found = [replace(knob, idle=i in still) for i, knob in enumerate(found)]
    width, height = Image.open(io.BytesIO(drawn[0])).size
    said = list(dict.fromkeys(sentence for _, sentence in states.values()))
    data = {
        "knobs": [
            {
                "start": knob.default,
                "grid": knob.on_grid,
                "values": [knob.control.write(value) for value in knob.positions],
            }
            for knob in found
        ],
        "states": {
            ",".join(map(str, setting)): [number, said.index(sentence)]
            for setting, (number, sentence) in states.items()
        },
        "said": said,
        "pictures": [base64.b64encode(picture).decode("ascii") for picture in drawn[1:]],
    }
    start = states[tuple(knob.default for knob in found)][1]
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")  # no "</script>"
    mark = hashlib.sha256(written.encode()).hexdigest()[:8]
    first = base64.b64encode(drawn[0]).decode("ascii")
    return f"""<div class="rlx" id="rlx-{explorer.name}-{mark}" role="group" aria-label="{html.escape(explorer.title)}">
<style>{STYLE}</style>
<p><strong>{html.escape(explorer.title)}</strong></p>
{_inputs(explorer, found, mark)}
<p><button type="button">Reset</button></p>
<figure><img src="data:image/webp;base64,{first}" width="{width}" height="{height}" alt="{html.escape(start)}">
<figcaption aria-live="polite">{html.escape(start)}</figcaption></figure>
<p class="rlx-note">{html.escape(note(explorer, found))}</p>
<script type="application/json">{written}</script>
<script>({SCRIPT})(document.currentScript.closest('.rlx'));</script>
</div>
"""


def page(explorer) -> str:
    """A whole document around the fragment."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(explorer.title)}</title>
<style>:root {{ color-scheme: light dark }} body {{ max-width: 60em; margin: 1em auto; padding: 0 1em }}</style></head>
<body><main>
{fragment(explorer)}</main></body>
</html>
"""


def note(explorer, found) -> str:
    """Which settings the page holds."""
    grid = [f"“{explorer.controls[name].label}”" for name in explorer.grid]
    said = ["The pictures were drawn beforehand."]
    if grid:
        said.append(f"{' and '.join(grid)} {'move freely together' if len(grid) > 1 else 'moves freely'}.")
    if not all(knob.on_grid for knob in found):
        said.append(f"{'Any other' if grid else 'Each'} control moves alone: it sends the rest back to their start.")
    if any(knob.idle for knob in found):
        said.append("A control that is grey acts only together with another one.")
    if any(len(knob.positions) < len(knob.control.positions()) for knob in found):
        said.append("Some steps are left out.")
    return " ".join(said) + " The notebook has every setting."


def _inputs(explorer, found, mark) -> str:
    parts = []
    for name, control in explorer.controls.items():
        mine = [(f"rlx-{explorer.name}-{mark}-{name}-{knob.cell}", knob) for knob in found if knob.name == name]
        if len(control.cells) > 1:
            cells = "".join(f"<div>{_label(id, knob)}{_input(id, knob)}{_output(id, knob)}</div>" for id, knob in mine)
            parts.append(f"<fieldset><legend>{html.escape(control.label)}</legend>{cells}</fieldset>")
        else:
            ((id, knob),) = mine
            parts.append(f'<div class="rlx-row">{_label(id, knob)}{_input(id, knob)}{_output(id, knob)}</div>')
    return "\n".join(parts)


def _label(id, knob):
    return f'<label for="{id}">{html.escape(knob.label)}</label>'


def _input(id, knob):
    off = " disabled" if knob.idle else ""
    if isinstance(knob.control, Toggle):
        return f'<input type="checkbox" id="{id}"{" checked" if knob.control.default else ""}{off}>'
    if isinstance(knob.control, Choice):
        texts = [html.escape(knob.control.write(value)) for value in knob.positions]
        options = "".join(
            f'<option value="{i}"{" selected" if i == knob.default else ""}>{text}</option>'
            for i, text in enumerate(texts)
        )
        return f'<select id="{id}"{off}>{options}</select>'
    return (
        f'<input type="range" id="{id}" min="0" max="{len(knob.positions) - 1}" step="1" value="{knob.default}" '
        f'aria-valuetext="{knob.control.write(knob.control.default)}"{off}>'
    )


def _output(id, knob):
    if not isinstance(knob.control, Slider):
        return ""
    return f'<output for="{id}">{knob.control.write(knob.control.default)}</output>'
