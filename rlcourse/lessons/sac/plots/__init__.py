"""Figures: one update of SAC, its temperature, and the closing bake-off."""

from rlcourse.lessons.sac.plots.contest import bake_off
from rlcourse.lessons.sac.plots.temperature import alpha_lab
from rlcourse.lessons.sac.plots.update import Gradient, update_step
from rlcourse.lessons.sac.plots.wires import WIRES

__all__ = [
    "WIRES",
    "Gradient",
    "alpha_lab",
    "bake_off",
    "update_step",
]
