"""Whose actions: three estimators of one gradient."""

import numpy as np
from matplotlib.patches import Polygon
from matplotlib.path import Path

from rlcourse.course.figures import style
from rlcourse.course.figures.format import number
from rlcourse.course.figures.sheet import Sheet, arrow_shape
from rlcourse.course.figures.style import INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.off_policy_actor_critic.plots.looks import BIG, SMALL, brief

RADIUS = 1.28
"""Of the disc in which an estimate is drawn, in inches."""
CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 73)), np.sin(np.linspace(0, 2 * np.pi, 73))])
ROLES = (NEGATIVE, REWARD, POLICY)
HEADINGS = ("the buffer's action", "the buffer's action,\nimportance weighted", "an action drawn now")
DIRECTIONS = np.deg2rad([90, 210, 330])
SPOKES = np.stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)])  # [2, 3]
PLANE = SPOKES * (2 / 3) ** 0.5
"""Gradients of a softmax sum to zero: they lie in a plane. This maps logits [3] to it and keeps lengths."""
SHADES = ("#bcd9ee", "#f6dca3", "#d9d9d9")


@style.styled
def whose_actions(old, new, q, offset, batch, truth, estimates, left, *, baseline):
    """Three estimators of one gradient, each an arrow (its mean) with the cloud of one standard deviation.

    Args:
        old, new: β(a) and π(a), three probabilities each.
        q, offset: Q(a), and what is added to all of them.
        batch: samples an estimate averages.
        truth: the true gradient in the three logits.
        estimates: dict name -> Estimate, in the order of the panels.
        left: effective number of samples that the ratios leave of the batch.
        baseline: whether the weight is Q - V, or Q.
    """
    sheet = Sheet.blank(10, 6.1)  # no axes: a redraw in half the time
    _policies(sheet, old, new)
    value = float(np.dot(new, q) + offset)
    look = {"ha": "left", "fontsize": BIG}
    sheet.text(6.5, 5.75, f"Q = {',  '.join(f'{x + offset:g}' for x in q).replace('-', '−')}", **look)
    sheet.text(6.5, 5.31, f"V = {number(value)}", color=VALUE.ink, fontweight="bold", **look)
    sheet.text(8.1, 5.31, f"batch of {batch}", **look)
    norm = float(np.linalg.norm(truth))
    scale = 0.52 * RADIUS / norm if norm > 1e-9 else 4.0
    weight = "Q − V" if baseline else "Q"
    counted = f"{batch} weighted rows count as {number(left, 0 if left >= 10 else 1)}"
    arrows, dots, told = [], [], []
    for k, ((name, estimate), role, heading) in enumerate(zip(estimates.items(), ROLES, HEADINGS, strict=True)):
        centre = np.array([1.68 + 3.32 * k, 2.98])
        _disc(sheet, centre)
        _cloud(sheet, centre, estimate, batch, scale, role)
        if norm > 1e-9:
            arrows.append(_straight(centre, scale * PLANE @ truth, INK, 8.0))
        mean = scale * PLANE @ estimate.mean
        length = np.linalg.norm(mean)
        if length > 1e-6:
            inside = mean * min(1.0, RADIUS / length)
            arrows.append(_straight(centre, inside, role.color, 4.2))
            if length > RADIUS:
                dots.append((*(centre + inside), role))
        heading += f", {weight}" if k == 1 else f",\nweight {weight}"
        look = {"color": role.ink, "fontweight": "bold"}
        sheet.text(centre[0], 4.83, heading, linespacing=1.1, **look)
        sheet.text(centre[0], 1.24, _numbers(estimate, batch), fontsize=BIG, **look)
        compared = f"noise is {brief(estimate.std(batch) / norm)} × the true length" if norm > 1e-9 else ""
        sheet.text(centre[0], 0.90, compared or "the truth is 0")
        if k == 1:
            sheet.text(centre[0], 0.56, counted, color=NEUTRAL.ink)
        told.append(f"{name}: {_numbers(estimate, batch)}")
    _key(sheet)
    sheet.shapes([*arrows, _straight((0.35, 0.16), (0.5, 0.0), INK, 6.0)], zorder=3)
    for x, y, role in dots or [(-1.0, -1.0, NEUTRAL)]:  # Jupyter takes a figure without lines for empty
        sheet.line([x], [y], "o", markersize=9, color=role.color, markeredgecolor=role.ink, zorder=4)
    return style.say(
        sheet.figure,
        f"Gradient of one state with weight {weight}, Q raised by {offset:g}, batch of {batch}, true length "
        f"{brief(norm)}: {'; '.join(told)}; {counted}.",
    )


def _straight(start, along, color, width):
    """An arrow of so many points' width: corners and colour."""
    inches = width / 72
    end = np.add(start, along)
    return arrow_shape(start, end, inches, head=2.5 * inches + 0.06, wing=1.1 * inches + 0.03), color


def _disc(sheet, centre):
    """The plane of gradients: a disc with a spoke for each action."""
    disc = (centre[:, None] + RADIUS * CIRCLE).T, "#fafafa"
    spokes = [([centre, end], "none") for end in (centre[:, None] + RADIUS * SPOKES).T]
    sheet.shapes([disc, *spokes], edgecolors=style.FAINT, linewidths=[1.4, 1.0, 1.0, 1.0])
    for place, label in zip(centre + 1.11 * RADIUS * SPOKES.T, ("a₁", "a₂", "a₃"), strict=True):
        sheet.text(*place, label, color=NEUTRAL.ink)


def _cloud(sheet, centre, estimate, batch, scale, role):
    """One standard deviation around the mean, as far as the disc reaches."""
    mean = scale * PLANE @ estimate.mean
    root = scale * _root(PLANE @ estimate.covariance @ PLANE.T / batch)
    outline = (centre[:, None] + mean[:, None] + root @ CIRCLE).T
    look = {"facecolor": role.color, "alpha": 0.28, "edgecolor": role.ink, "linewidth": 1.2}
    cloud = Polygon(outline, zorder=2, transform=sheet.inches, **look)
    cloud.set_clip_path(Path((centre[:, None] + RADIUS * CIRCLE).T), sheet.inches)
    sheet.figure.add_artist(cloud, clip=False)


def _key(sheet):
    """What arrows, clouds and dots are."""
    sheet.text(0.98, 0.16, "true gradient", ha="left", fontsize=SMALL)
    key = "arrow: mean of the estimate;  cloud: one standard deviation;  dot: longer than drawn"
    sheet.text(9.8, 0.16, key, ha="right", fontsize=SMALL)


def _numbers(estimate, batch):
    """Cosine and noise, in words."""
    direction = "no direction" if np.isnan(estimate.cosine) else f"cosine {number(estimate.cosine)}"
    return f"{direction}, noise {brief(estimate.std(batch))}"


def _policies(sheet, old, new):
    """Two bars, each cut into three shares."""
    for y, name, shares in ((5.75, "buffer's policy β", old), (5.31, "policy today π", new)):
        sheet.text(2.17, y, name, ha="right", fontsize=BIG)
        left, boxes = 2.3, []
        for action, (share, shade) in enumerate(zip(shares, SHADES, strict=True)):
            width = 3.85 * share
            boxes.append((left, y - 0.17, width, 0.34, shade))
            if share > 0.06:
                label = f"a{'₁₂₃'[action]}" + (f" {share:.2f}" if share > 0.19 else "")
                sheet.text(left + width / 2, y, label)
            left += width
        sheet.boxes(boxes, edgecolors=INK, linewidths=1.0)


def _root(matrix):
    """A square root of a symmetric matrix that may have no width in one direction."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0))
