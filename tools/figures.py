"""Draw every figure of assets/ anew, from the explorers of the lessons: what `make figures` runs.

python tools/figures.py              # all, and the README's moving picture
python tools/figures.py FIG-02       # one
"""

import argparse
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from rlcourse.course import catalog
from rlcourse.course.figures import style

ASSETS = Path(__file__).resolve().parent.parent / "assets"


class Row(NamedTuple):
    """A figure: its number in the index, the name of its file, and the explorer and settings that draw it."""

    id: str
    name: str
    explorer: str
    settings: dict

    @property
    def path(self):
        return ASSETS / f"{self.id.lower()}-{self.name}.png"

    def draw(self):
        return catalog.explorers()[self.explorer].draw(**self.settings)


FIGURES = (
    Row("FIG-01", "actor-critic", "actor_critic_loop", {}),
    Row("FIG-02", "penalty-shootout", "shootout_lab", {}),
)


# ---------------------------------------------------------------- what stands for the book: its sign, and its picture

FAVICON, PREVIEW = ASSETS / "favicon.png", ASSETS / "preview.png"
PREVIEWED = "A penalty shoot-out as bars of advantage, under a slider: deep reinforcement learning that moves."


def favicon():
    """The sign of the book: a slider's knob on a rising line."""
    big = Image.new("RGBA", (512, 512))
    draw = ImageDraw.Draw(big)
    draw.rounded_rectangle((0, 0, 511, 511), 112, fill=style.POLICY.color)
    draw.line([(80, 400), (200, 360), (300, 220), (432, 130)], fill="white", width=52, joint="curve")
    for x, y in ((80, 400), (432, 130)):
        draw.ellipse((x - 26, y - 26, x + 26, y + 26), fill="white")
    draw.ellipse((222, 152, 378, 308), fill=style.BALL, outline=style.INK, width=26)
    return as_png(big.resize((64, 64), Image.Resampling.LANCZOS))


def preview():
    """What other sites show where somebody links to the book: 1200 x 630 pixels, a sentence above an explorer."""
    explorer = catalog.explorers()["shootout_lab"]
    picture = frame(explorer, explorer.controls[MOVED], 0.7)
    whole = Image.new("RGB", (1200, 630), "white")
    whole.paste(picture, ((1200 - picture.width) // 2, 630 - picture.height - 8))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((0, 0, 1200, 104), fill=style.POLICY.ink)
    font = ImageFont.load_default(52)
    draw.text((600, 52), "Deep reinforcement learning that moves", fill="white", font=font, anchor="mm")
    return as_png(whole)


def as_png(image):
    """A picture as PNG with 64 colours."""
    buffer = io.BytesIO()
    small = image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(buffer, "png", optimize=True)
    return buffer.getvalue()


# ---------------------------------------------------------------- the README's picture that moves

MOVING = ASSETS / "moving-shootout.webp"
MOVED, STEPS, WIDTH, BAR = (
    "p",
    9,
    760,
    46,
)  # the slider that moves, its positions, pixels of the picture and of the slider


def moving():
    """An explorer while its first slider goes up and down again: animated WebP, bytes."""
    explorer = catalog.explorers()["shootout_lab"]
    control = explorer.controls[MOVED]
    places = list(control.positions())[::2]
    frames = [frame(explorer, control, value) for value in (*places, *places[-2:0:-1])]
    buffer = io.BytesIO()
    first, *others = frames
    options = {"save_all": True, "append_images": others, "duration": 350, "loop": 0}
    first.save(buffer, "webp", quality=70, method=6, minimize_size=True, **options)
    return buffer.getvalue()


def frame(explorer, control, value):
    """One position of the slider, above the picture that it draws."""
    picture = Image.open(io.BytesIO(explorer.picture(**explorer.defaults | {MOVED: value})[0])).convert("RGB")
    picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", (WIDTH, picture.height + BAR), "white")
    whole.paste(picture, (0, BAR))
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(17)
    left, right, middle = 210, WIDTH - 90, BAR // 2
    at = left + (right - left) * (value - control.low) / (control.high - control.low)
    draw.text((left - 14, middle), control.label, fill=style.INK, font=font, anchor="rm")
    draw.rounded_rectangle((left, middle - 3, right, middle + 3), 3, fill="#bdbdbd")
    draw.ellipse((at - 10, middle - 10, at + 10, middle + 10), fill="white", outline="#606060", width=2)
    draw.text((right + 16, middle), f"{value:.2f}", fill=style.INK, font=font, anchor="lm")
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("id", nargs="*", help="only these, such as FIG-02")
    wanted = parser.parse_args().id
    if unknown := set(wanted) - {row.id for row in FIGURES}:
        parser.error(f"no figure is called {', '.join(sorted(unknown))}; there are {', '.join(r.id for r in FIGURES)}")
    ASSETS.mkdir(exist_ok=True)
    for row in FIGURES:
        if not wanted or row.id in wanted:
            figure = row.draw()
            row.path.write_bytes(style.png(figure))
            print(f"{row.path.relative_to(ASSETS.parent)}: {figure.get_label()}")
    if not wanted:
        MOVING.write_bytes(moving())
        FAVICON.write_bytes(favicon())
        PREVIEW.write_bytes(preview())


if __name__ == "__main__":
    main()
