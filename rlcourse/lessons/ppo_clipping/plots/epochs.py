"""One batch used many times: ratios leave the range, policies move apart."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.style import INK, NEGATIVE, POSITIVE, VALUE
from rlcourse.lessons.ppo_clipping.plots.surrogate import BAND


@style.styled
def reuse(clip, free, *, learning_rate, epochs, edges, clip_eps=0.2):
    """Histograms of the ratio with clipping and without, and how far both policies have gone.

    Args:
        clip, free: dicts with "good", "bad" (counts [epochs + 1][bins], by the sign of the advantage), "kl",
            "outside", "low", "high" (one number per epoch).
        learning_rate, epochs: Adam's step size, and how many epochs are done.
        edges: of the bins; the last bin holds all that lies beyond.
    """
    figure, axes = style.new_figure(
        10, 5.9, 2, 2, left=0.06, right=0.985, bottom=0.1, top=0.85, wspace=0.2, hspace=0.5, width_ratios=(1.7, 1)
    )
    title = f"Adam, η = {learning_rate:g}: {epochs} epoch{'s' * (epochs != 1)} on one batch of 256"
    figure.text(0.06, 0.957, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    _histograms(axes[:, 0], clip, free, epochs, edges, clip_eps)
    outside, divergence = axes[:, 1]
    shares = [100 * frames["outside"][epochs] for frames in (clip, free)]
    kls = [frames["kl"][epochs] for frames in (clip, free)]
    _share_outside(outside, clip, free, epochs)
    outside.set_title(f"outside: {shares[0]:.0f} %, without {shares[1]:.0f} %")
    _divergence(divergence, clip, free, epochs)
    divergence.set_title(f"KL: {kls[0]:.2g}, without {kls[1]:.2g}")
    return style.say(
        figure,
        f"After {epochs} epochs at η = {learning_rate:g}: with clipping {shares[0]:.0f} % of the ratios are outside "
        f"the range, between {number(clip['low'][epochs])} and {number(clip['high'][epochs])}, KL {kls[0]:.3g}; "
        f"without, {shares[1]:.0f} %, between {number(free['low'][epochs])} and {number(free['high'][epochs])}, "
        f"KL {kls[1]:.3g}.",
    )


def _histograms(both, clip, free, epochs, edges, clip_eps):
    """The ratios with clipping above, without below, on one scale of counts."""
    counts = [[np.array(frames[sign][epochs]) for sign in ("good", "bad")] for frames in (clip, free)]
    tallest = max((good + bad).max() for good, bad in counts)
    top = next(limit for limit in (48, 64, 96, 128, 192, 256) if 1.04 * tallest <= limit or limit == 256)
    for axes, name, frames, (good, bad) in zip(both, ("with clip", "without clip"), (clip, free), counts, strict=True):
        _histogram(axes, good, bad, edges, clip_eps, top)
        axes.set_title(f"{name}: ρ from {number(frames['low'][epochs])} to {number(frames['high'][epochs])}")
    both[1].set_xlabel("ratio ρ", labelpad=0)
    for y, role, name in ((0.88, POSITIVE, "■ A > 0"), (0.7, NEGATIVE, "▨ A < 0")):
        both[0].text(0.99, y, name, transform=both[0].transAxes, color=role.ink, fontweight="bold", ha="right")


def _share_outside(axes, clip, free, epochs):
    """Percentage of ratios outside the range, epoch by epoch."""
    _two_courses(axes, *(np.maximum(100 * np.array(frames["outside"]), 0) for frames in (clip, free)), epochs)
    axes.set_ylim(0, 103)
    style.set_ticks(axes.yaxis, (0, 50, 100))


def _divergence(axes, clip, free, epochs):
    """KL from the old policy, epoch by epoch, on a logarithmic axis."""
    _two_courses(axes, *(np.maximum(np.array(frames["kl"]), 1e-5) for frames in (clip, free)), epochs)
    axes.set_yscale("log")
    axes.set_ylim(1e-5, 60)
    style.set_ticks(axes.yaxis, (1e-4, 1e-2, 1), ("0.0001", "0.01", "1"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("epochs", labelpad=0)
    for y, role, name in ((0.3, NEGATIVE, "▼ without clip"), (0.12, VALUE, "■ with clip")):
        axes.text(0.99, y, name, transform=axes.transAxes, color=role.ink, fontweight="bold", ha="right")


def _two_courses(axes, clipped, free, epochs):
    """One number per epoch, with clipping and without, up to the epoch shown."""
    for line, role, dashes in ((free, NEGATIVE, "--"), (clipped, VALUE, "-")):
        axes.plot(np.arange(epochs + 1), line[: epochs + 1], **role.line(marker="", linestyle=dashes))
        look = {"color": role.color, "markeredgecolor": INK, "clip_on": False}
        axes.plot(epochs, line[epochs], role.marker, markersize=12, zorder=6, **look)
    axes.set_xlim(0, len(clipped) - 1)
    style.set_ticks(axes.xaxis, (0, 20, 40, 60, 80))


def _histogram(axes, good, bad, edges, clip_eps, top):
    """Counts of the ratio by the sign of the advantage, one on top of the other; `top` ends the axis."""
    axes.axvspan(1 - clip_eps, 1 + clip_eps, color=BAND, linewidth=0, zorder=0)
    width = edges[1] - edges[0]
    left = np.append(edges[:-1], edges[-1] + 0.5 * width)  # the bin of the rest stands apart
    for base, heights, role in ((0 * good, bad, NEGATIVE), (bad, good, POSITIVE)):
        bars = [[(x, b), (x, b + h), (x + width, b + h), (x + width, b)] for x, b, h in zip(left, base, heights) if h]
        axes.add_collection(
            PolyCollection(bars, facecolors=role.color, edgecolors=style.CARD, linewidths=0.8, hatch=role.hatch)
        )
    axes.set_xlim(0, left[-1] + width)
    axes.set_ylim(0, top)
    style.set_ticks(
        axes.xaxis, (0, 0.5, 0.8, 1.2, 1.5, 2, left[-1] + width / 2), ("0", "0.5", "0.8", "1.2", "1.5", "2", "more")
    )
    style.set_ticks(axes.yaxis, (0, top // 2, top))
