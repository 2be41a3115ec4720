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


if __name__ == "__main__":
    main()
