"""Draw every figure of assets/ anew, from the explorers of the lessons: what `make figures` runs.

    python scripts/figures.py              # all
    python scripts/figures.py FIG-02       # one
"""

import argparse
from pathlib import Path
from typing import NamedTuple

from rlcourse import explorers
from rlcourse.plots import style

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
        return explorers.all()[self.explorer].draw(**self.settings)


FIGURES = (
    Row("FIG-01", "actor-critic", "actor_critic_loop", {}),
    Row("FIG-02", "penalty-shootout", "shootout_lab", {}),
)


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


if __name__ == "__main__":
    main()
