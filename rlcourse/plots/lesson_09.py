"""Figures of lesson 09: the entropy bench, two passages, soft policy iteration at work, the price of entropy."""

import math

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from rlcourse.plots import style
from rlcourse.plots.style import HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE

BIG = style.BASE_SIZE + 3
BALL = "#ffc93c"
PALE_GREEN, PALE_RED = "#d9efe6", "#fbe3d3"
GREENS = LinearSegmentedColormap.from_list("greens", ("#ffffff", "#cfeade", "#7fcbb0", "#009e73"))
DEPTHS = LinearSegmentedColormap.from_list("depths", ("#2f6f9f", "#8fbfdd", "#dcecf6", "#ffffff"))
BOLTZMANN, GAUSSIAN = VALUE, NEGATIVE
DASHES = (0, (5, 2))


def number(value, digits=2, signed=False):
    """A number as a reader writes it: a true minus, no sign in front of zero."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def chance(p):
    """A probability as a reader writes it: 12.3 %, 0.09 %, 3·10⁻¹⁴."""
    if p >= 0.00095:
        return f"{100 * p:.1f} %"
    return "0" if p < 1e-99 else _power(p)


def _power(x):
    """A small number with one digit and its power of ten: 3·10⁻¹⁴."""
    digit, power = f"{x:.0e}".split("e")
    return f"{digit}·10" + str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _plain(alpha):
    """α as its slider writes it: 0.05, 0.5, 2."""
    return f"{alpha:g}"


# ---------------------------------------------------------------- the entropy bench


@style.styled
def bench(probabilities, curve, *, entropies, temperature, sigma, family, unit):
    """Five actions and their entropy; a density, the box of equal entropy, and its differential entropy.

    Args:
        probabilities: of the five actions.
        curve: points (x, density), from one end of the axis to the other.
        entropies: H of the actions and h of the density, in nats.
        temperature, sigma, family: T; standard deviation and kind of the density.
        unit: "nats" or "bits".
    """
    figure, axes = style.new_figure(
        10, 5.6, 2, 2, left=0.06, right=0.975, bottom=0.12, top=0.8, wspace=0.2, hspace=0.62, height_ratios=(3.4, 1)
    )
    (bars, density), (left, right) = axes
    size = 1.0 if unit == "nats" else 1 / math.log(2)
    H, h = entropies
    count, width = math.exp(H), math.exp(h)
    for x, text in ((0.06, f"T = {number(temperature)}:  H = {number(size * H)} {unit}"),
                    (0.565, f"σ = {number(sigma)}:  h = {number(size * h)} {unit}")):  # fmt: skip
        below = x > 0.5 and h < 0
        figure.text(x, 0.945, text, fontsize=BIG, fontweight="bold", va="center", color=NEGATIVE.ink if below else INK)
    places = np.arange(5)
    shapes = [[(x - 0.36, 0), (x - 0.36, p), (x + 0.36, p), (x + 0.36, 0)] for x, p in enumerate(probabilities)]
    bars.add_collection(PolyCollection(shapes, **POLICY.bar()))
    bars.set_xlim(-0.6, 4.6)
    bars.set_ylim(0, 1.18)
    for x, p in zip(places, probabilities, strict=True):
        bars.text(x, p + 0.03, number(p, 3) if p < 0.9995 else "1.000", ha="center", fontsize=style.BASE_SIZE - 1)
    style.set_ticks(bars.xaxis, places, [f"a{k + 1}" for k in places])
    style.set_ticks(bars.yaxis, (0, 0.5, 1))
    bars.set_title(f"as uncertain as {number(count, 1)} equal actions", color=POLICY.ink, pad=10)
    x, y = curve
    density.fill_between(x, y, color=POLICY.color, alpha=0.3, linewidth=0)
    density.plot(x, y, color=POLICY.color, linewidth=3)
    role = NEGATIVE if width < 1 else NEUTRAL
    density.plot([-width / 2, -width / 2, width / 2, width / 2], [0, 1 / width, 1 / width, 0], color=role.ink,
                 linestyle=DASHES, linewidth=2.2)  # fmt: skip
    top = next(limit for limit in (0.25, 0.5, 1, 2, 4, 8, 10) if limit >= 1.05 * max(max(y), 1 / width))
    reach = max(x)
    density.set_xlim(-reach, reach)
    density.set_ylim(0, 1.12 * top)
    style.set_ticks(density.xaxis, (-3, -2, -1, 0, 1, 2, 3) if reach > 1 else (-1, -0.5, 0, 0.5, 1))
    if reach <= 1:
        density.text(0.02, 0.9, "zoomed in", transform=density.transAxes, va="center", color=NEUTRAL.ink)
    style.set_ticks(density.yaxis, (0, top / 2, top))
    density.set_title(f"as uncertain as a box of width {number(width)}", color=role.ink, pad=10)
    for line, low, high, value in ((left, 0, math.log(5), H), (right, -2, 3, h)):
        _number_line(line, low, high, value, size)
    left.set_xlabel(f"H in {unit}: from 0 to log 5", labelpad=1)
    right.set_xlabel(f"h in {unit}: no floor", labelpad=1)
    return style.say(
        figure,
        f"Five actions at temperature {number(temperature)}: entropy {number(size * H)} {unit}, as uncertain as "
        f"{number(count, 1)} equal actions; a {family} density of standard deviation {number(sigma)}: differential "
        f"entropy {number(size * h)} {unit}, as uncertain as a box of width {number(width)}.",
    )


def _number_line(axes, low, high, value, size):
    """An entropy on its line; below zero the ground is another one."""
    ends = (low, high) if low < 0 else (-0.06 * high, 1.06 * high)
    axes.set_xlim(ends[0] * size, ends[1] * size)
    axes.set_ylim(-1, 1)
    if low < 0:
        axes.axvspan(low * size, 0, color=PALE_RED, linewidth=0)
        ticks = [k for k in range(-5, 6) if low * size <= k <= high * size]
        axes.text(0.01, 0.8, "below zero", transform=axes.transAxes, color=NEGATIVE.ink, fontweight="bold", va="center")
    else:
        ticks = (0, high * size)
    axes.plot((max(low, ends[0]) * size, high * size), (0, 0), color=INK, linewidth=1.5, zorder=1)
    axes.axvline(0, color=INK, linewidth=1.5)
    role = NEGATIVE if value < 0 else POLICY
    axes.plot([value * size], [0], "o", markersize=15, color=role.color, markeredgecolor=INK, zorder=5, clip_on=False)
    style.set_ticks(axes.xaxis, ticks, [number(t, 2) if t != int(t) else number(t, 0) for t in ticks])
    style.set_ticks(axes.yaxis, ())
    axes.spines["left"].set_visible(False)


# ---------------------------------------------------------------- two passages


@style.styled
def passages(actions, values, closed_values, boltzmann, gaussian, *, alpha, mu, sigma, masses, earned, kl, closed,
             landscape, walk=None):  # fmt: skip
    """A value with two humps, the Boltzmann policy and a Gaussian under it, and the plane of all Gaussians.

    Args:
        actions, values, closed_values: a, Q(a), and Q(a) with passage 1 closed.
        boltzmann, gaussian: densities of the two policies.
        alpha, mu, sigma: temperature, and the Gaussian that is drawn (where a fit ended, if there was one).
        masses: ((Boltzmann, Gaussian) in passage 1, the same in passage 2).
        earned: mean Q of the Boltzmann policy and of the Gaussian.
        kl: KL(Gaussian || Boltzmann).
        closed: whether passage 1 is closed.
        walk: points (μ, σ) of a fit, or None.
        landscape: share of the plane with a smaller KL, [σ, μ] from (0.05, -3) to (10, 9).
    """
    figure, (top, bottom, plane) = style.new_figure(10, 6.3, 1, 3, right=0.985)
    for axis, place in ((top, (0.055, 0.545, 0.52, 0.325)), (bottom, (0.055, 0.1, 0.52, 0.325)),
                        (plane, (0.665, 0.1, 0.32, 0.66))):  # fmt: skip
        axis.set_position(place)
    actions, values, closed_values, boltzmann, gaussian = (
        points[::2] for points in (actions, values, closed_values, boltzmann, gaussian)
    )
    header = {"fontsize": BIG, "fontweight": "bold", "va": "center"}
    figure.text(0.055, 0.957, f"α = {number(alpha)}:  KL(Gaussian ‖ Boltzmann) = {number(kl)} nats", **header)
    if closed:
        top.plot(actions, values, color=NEUTRAL.color, linestyle=DASHES, linewidth=1.8)
    now = closed_values if closed else values
    top.fill_between(actions, now, color="#d9d9d9", linewidth=0)
    top.plot(actions, now, color=INK, linewidth=2.5)
    top.set_ylim(0, 2.6)
    top.set_title("Q: passage 1 closed" if closed else "Q: passage 1 left, passage 2 right")
    style.set_ticks(top.yaxis, (0, 1, 2))
    for x, role, name, value in ((5.0, BOLTZMANN, "Boltzmann", earned[0]), (5.0, GAUSSIAN, "Gaussian", earned[1])):
        y = 2.33 if role is BOLTZMANN else 1.93
        top.text(x, y, f"{name} earns {number(value)}", color=role.ink, fontweight="bold", va="center")
    bottom.fill_between(actions, boltzmann, color=BOLTZMANN.color, alpha=0.35, linewidth=0)
    bottom.plot(actions, boltzmann, color=BOLTZMANN.ink, linewidth=2)
    bottom.plot(actions, gaussian, color=GAUSSIAN.color, linewidth=3, linestyle=DASHES)
    peak = max(boltzmann.max(), gaussian.max())
    limit = next((limit for limit in (0.25, 0.5, 1, 2, 4) if limit >= peak), 8)
    bottom.set_ylim(0, 1.75 * limit)
    style.set_ticks(bottom.yaxis, (0, limit / 2, limit), [f"{tick:g}" for tick in (0, limit / 2, limit)])
    bottom.set_title("the policies made before that" if closed else "two policies")
    for low, name, pair in ((-1, "passage 1", masses[0]), (3, "passage 2", masses[1])):
        for axis in (top, bottom):
            axis.axvspan(low, low + 2, color="#eef2f7", linewidth=0, zorder=0)
        for y, words, ink in ((0.93, name, INK), (0.8, f"■ {chance(pair[0])}", BOLTZMANN.ink),
                              (0.67, f"▼ {chance(pair[1])}", GAUSSIAN.ink)):  # fmt: skip
            bottom.text(low + 1, y * 1.75 * limit, words, color=ink, fontweight="bold", ha="center", va="center")
    for axis in (top, bottom):
        axis.set_xlim(actions[0], actions[-1])
        style.set_ticks(axis.xaxis, (-2, 0, 2, 4, 6, 8))
    bottom.set_xlabel("action a", labelpad=1)
    for y, words, role in ((0.9, "■ Boltzmann", BOLTZMANN), (0.76, "▼ Gaussian", GAUSSIAN)):
        bottom.text(0.995, y, words, transform=bottom.transAxes, color=role.ink, fontweight="bold", ha="right",
                    va="center")  # fmt: skip
    _plane(figure, plane, mu, sigma, walk, landscape)
    said = (
        f"At α = {number(alpha)} the Boltzmann policy is in passage 1 with probability {chance(masses[0][0])} and in "
        f"passage 2 with {chance(masses[1][0])}; the Gaussian (μ = {number(mu)}, σ = {number(sigma)}) with "
        f"{chance(masses[0][1])} and {chance(masses[1][1])}; KL {number(kl)} nats"
    )
    if walk is not None:
        said += f", reached by descent from μ = {number(walk[0][0])}, σ = {number(walk[0][1])}"
    return style.say(figure, said + f"; {'with passage 1 closed ' * closed}they earn {number(earned[0])} and "
                                    f"{number(earned[1])}.")  # fmt: skip


def _plane(figure, axes, mu, sigma, walk, landscape):
    """All Gaussians as points (μ, log σ), as deep as their divergence is small, and the road of a descent."""
    low, high = math.log10(0.05), math.log10(10)
    axes.set_xlim(-3, 9)
    axes.set_ylim(low, high)
    axes.imshow(landscape, extent=(-3, 9, low, high), origin="lower", aspect="auto", cmap=DEPTHS, vmin=0, vmax=1,
                interpolation="bilinear", zorder=0)  # fmt: skip
    if walk is not None:
        road = np.column_stack([walk[:, 0], np.log10(walk[:, 1])])
        axes.plot(*road.T, color=INK, linewidth=2.2, zorder=3)
        axes.plot(*road[0], "o", markersize=9, color=style.CARD, markeredgecolor=INK, markeredgewidth=2, zorder=4)
    axes.plot([mu], [math.log10(sigma)], "o", markersize=16, color=BALL, markeredgecolor=INK, markeredgewidth=2,
              zorder=5, clip_on=False)  # fmt: skip
    style.set_ticks(axes.xaxis, (-2, 0, 2, 4, 6, 8))
    style.set_ticks(axes.yaxis, [math.log10(s) for s in (0.1, 0.3, 1, 3)], ("0.1", "0.3", "1", "3"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("μ", labelpad=1)
    figure.text(0.665, 0.82, f"Gaussian: μ = {number(mu)}, σ = {number(sigma)}", fontweight="bold",
                fontsize=style.BASE_SIZE + 1, va="center", color=GAUSSIAN.ink)  # fmt: skip
    figure.text(0.665, 0.78, "shade: rank of the KL, dark is least", va="center")
    axes.text(0.03, 0.965, "σ", transform=axes.transAxes, va="center", fontweight="bold")


@style.styled
def race(found, *, closes, window=25):
    """Mean reward of many learners, step by step, before and after a passage closes.

    Args:
        found: name -> (reward [t], share of runs that never took passage 2, is it a Gaussian).
        closes: step at which passage 1 closes.
        window: steps averaged into a point.
    """
    figure, axes = style.new_figure(10, 4.6, left=0.065, right=0.715, bottom=0.15, top=0.88)
    looks = {True: (NEGATIVE, REWARD), False: (VALUE, POLICY)}
    taken = {True: 0, False: 0}
    said, ends = [], []
    for name, (reward, never, gaussian) in found.items():
        role = looks[gaussian][taken[gaussian]]
        taken[gaussian] += 1
        means = reward.reshape(-1, window).mean(1)
        steps = (np.arange(len(means)) + 0.5) * window
        axes.plot(steps, means, color=role.color, linewidth=3, linestyle=role.linestyle)
        ends.append([means[-1], name, role, never])
        said.append(f"{name} {number(reward[closes - 200 : closes].mean())} before and "
                    f"{number(reward[closes : closes + 200].mean())} right after, {100 * never:.0f} % never in "
                    "passage 2")  # fmt: skip
    ends.sort(key=lambda end: -end[0])
    heights = [1.95 - 0.56 * k for k in range(len(ends))]
    for height, (_, name, role, never) in zip(heights, ends, strict=True):
        axes.plot((len(reward) * 1.015, len(reward) * 1.075), (height, height), color=role.color, linewidth=3,
                  linestyle=role.linestyle, clip_on=False)  # fmt: skip
        axes.text(len(reward) * 1.09, height, name, color=role.ink, fontweight="bold", va="center")
        words = f"never in passage 2: {100 * never:.0f} %"
        axes.text(len(reward) * 1.015, height - 0.19, words, color=role.ink, va="center")
    axes.axvline(closes, color=INK, linewidth=1.5, linestyle=DASHES)
    axes.text(closes + 20, 2.02, "passage 1 closes", va="center")
    axes.set_xlim(0, len(reward))
    axes.set_ylim(0, 2.12)
    style.set_ticks(axes.xaxis, range(0, len(reward) + 1, 500))
    style.set_ticks(axes.yaxis, (0, 0.5, 1, 1.5, 2))
    axes.set_xlabel("step", labelpad=1)
    axes.set_title("mean reward of 300 learners")
    return style.say(figure, "Mean reward of 300 learners: " + "; ".join(said) + ".")


# ---------------------------------------------------------------- soft policy iteration


def _wedges(size, cells):
    """The four triangles of every cell: up, right, down, left; [cells, 4, 3, 2]."""
    shapes = []
    for cell in cells:
        row, column = divmod(cell, size)
        corners = [(column, -row), (column + 1, -row), (column + 1, -row - 1), (column, -row - 1)]
        middle = (column + 0.5, -row - 0.5)
        shapes.append([(corners[k], corners[(k + 1) % 4], middle) for k in range(4)])
    return np.array(shapes)


def _kites(size, cells, policy):
    """An arrow for every action, as long as it is likely."""
    directions = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)], dtype=float)
    shapes = []
    for cell, chances in zip(cells, policy, strict=True):
        row, column = divmod(cell, size)
        middle = np.array([column + 0.5, -row - 0.5])
        for ahead, p in zip(directions, chances, strict=True):
            if p < 0.01:  # too short to be seen as an arrow
                continue
            aside, base = 0.06 * ahead[::-1], middle + 0.07 * ahead
            shapes.append([base + aside, base + 0.4 * p * ahead, base - aside])
    return shapes


@style.styled
def microscope(policy, table, *, cells, goal, pit, start, pays, alpha, gamma, rounds, backups, errors, changes,
               scores, forget):  # fmt: skip
    """A grid world under the microscope: values and policy, the error of evaluation, the change by improvement.

    Args:
        policy, table: π(a|s) and the estimate of Q, [cells, 4], actions up, right, down, left.
        cells, goal, pit, start: numbers of the cells that are not terminal, and of the special ones.
        pays: what the goal pays; the pit pays as much below zero.
        alpha, gamma: α, γ.
        rounds, backups: how many improvements, and how many backups since the last one.
        errors: largest error of Q after 0, 1, ..., `backups` backups.
        changes: exact changes of Q by each round so far, arrays [cells, 4].
        scores: (reward, soft value, entropy) from the start cell.
        forget: whether the policy is exp(Q) instead of exp(Q/α).
    """
    figure, (board, errors_at, changes_at) = style.new_figure(10, 5.9, 1, 3)
    board.set_position((0.015, 0.06, 0.47, 0.8))
    errors_at.set_position((0.585, 0.56, 0.4, 0.28))
    changes_at.set_position((0.585, 0.1, 0.4, 0.28))
    rule = "π = softmax(Q)" if forget else "π = softmax(Q/α)"
    figure.text(0.02, 0.957, f"α = {_plain(alpha)}, γ = {number(gamma)}, {rule}", fontsize=BIG, fontweight="bold",
                va="center", color=NEGATIVE.ink if forget and alpha != 1 else INK)  # fmt: skip
    reward, soft, entropy = scores
    figure.text(0.985, 0.957, f"from the start: reward {number(reward)}, soft V {number(soft)}", ha="right",
                va="center", fontsize=style.BASE_SIZE + 1)  # fmt: skip
    _board(board, policy, table, cells, goal, pit, start, pays, changes[-1] if changes else None,
           rounds, backups)  # fmt: skip
    floor, k = 1e-6, np.arange(backups + 1)
    shown = np.log10(np.maximum(errors, floor))
    errors_at.set_ylim(-6, 3)
    errors_at.set_xlim(0, 60)
    if backups:
        errors_at.plot(k, np.maximum(shown[0] + k * math.log10(gamma), -6), color=NEUTRAL.ink, linestyle=DASHES,
                       linewidth=2)  # fmt: skip
    errors_at.plot(k, shown, color=VALUE.color, linewidth=3.5)
    errors_at.plot([backups], [shown[-1]], "o", markersize=12, color=BALL, markeredgecolor=INK, zorder=5, clip_on=False)
    style.set_ticks(errors_at.yaxis, (-6, -3, 0, 3), ("10⁻⁶", "0.001", "1", "1000"))
    style.set_ticks(errors_at.xaxis, (0, 20, 40, 60))
    least = "< 10⁻⁶" if errors[-1] < floor else f"{errors[-1]:.2g}"
    errors_at.set_title(f"evaluate, backup {backups}: error {least}")
    errors_at.set_xlabel("backups (dashed: slope log γ)", labelpad=1)
    _changes(changes_at, changes, rounds)
    fell = int((changes[-1] < -1e-9).sum()) if changes else 0
    told = (
        f"Soft policy iteration on a grid world, α = {_plain(alpha)}, γ = {number(gamma)}, {rule}: after round "
        f"{rounds} and {backups} backups the largest error of Q is {least}; from the start the policy earns reward "
        f"{number(reward)} with soft value {number(soft)} and entropy {number(entropy)} nats at the start"
    )
    if changes:
        told += (f"; round {rounds} changed the values by {_small(changes[-1].min())} to {_small(changes[-1].max())}, "
                 f"{fell} of {changes[-1].size} fell")  # fmt: skip
    return style.say(figure, told + ".")


def _small(value):
    """A change with a sign: +1.2, −0.016, +3·10⁻⁵, 0."""
    if abs(value) < 1e-9:
        return "0"
    if abs(value) < 1e-3:
        return ("+" if value > 0 else "−") + _power(abs(value))
    return (f"{value:+.2g}" if abs(value) < 100 else f"{value:+.0f}").replace("-", "−")


def _board(axes, policy, table, cells, goal, pit, start, pays, change, rounds, backups):
    """The cells: a wedge for every action, as green as its value is high, and the policy's arrows on it.

    Without a backup since the last round the values are still those of the policy before.
    """
    size = 4
    wedges = _wedges(size, cells).reshape(-1, 3, 2)
    values = table.reshape(-1)
    span = values.max() - values.min()
    colors = GREENS((values - values.min()) / span if span > 1e-12 else np.zeros_like(values))
    axes.add_collection(PolyCollection(wedges, facecolors=colors, edgecolors="#b9c7c0", linewidths=0.7))
    fell = np.zeros(len(wedges), dtype=bool) if change is None else change.reshape(-1) < -1e-9
    if fell.any():
        axes.add_collection(PolyCollection(wedges[fell], facecolors="none", edgecolors=NEGATIVE.color, linewidths=1.6,
                                           hatch="///", zorder=2))  # fmt: skip
    axes.add_collection(PolyCollection(_kites(size, cells, policy), facecolors=POLICY.ink, edgecolors=style.CARD,
                                       linewidths=0.8, zorder=4))  # fmt: skip
    edges = [[(0, -k), (size, -k)] for k in range(size + 1)] + [[(k, 0), (k, -size)] for k in range(size + 1)]
    axes.add_collection(LineCollection(edges, colors=INK, linewidths=1.5, zorder=5))
    for cell, text, color in ((goal, f"+{pays:g}", "#cfe3f1"), (pit, f"−{pays:g}", PALE_RED)):
        row, column = divmod(cell, size)
        axes.add_patch(Rectangle((column, -row - 1), 1, 1, facecolor=color, edgecolor=INK, linewidth=1.5, zorder=3))
        axes.text(column + 0.5, -row - 0.5, text, ha="center", va="center", fontsize=BIG + 2, fontweight="bold",
                  zorder=6)  # fmt: skip
    row, column = divmod(start, size)
    axes.add_patch(Rectangle((column + 0.03, -row - 0.97), 0.94, 0.94, fill=False, edgecolor=BALL, linewidth=4,
                             zorder=5))  # fmt: skip
    axes.set_xlim(-0.03, size + 0.03)
    axes.set_ylim(-size - 0.03, 0.03)
    axes.set_aspect("equal")
    axes.axis("off")
    low, high = number(values.min()), number(values.max())
    figure = axes.figure
    whose = f"Q of round {rounds - 1}:" if rounds and not backups else "Q"
    note = f"{int(fell.sum())} of {len(wedges)} values fell in this round (hatched)" if fell.any() else ""
    told = f"{whose} from {low} (white) to {high} (green)" if span > 1e-12 else f"Q = {low} everywhere"
    figure.text(0.035, 0.03, told, va="center")
    if note:
        figure.text(0.02, 0.893, note, va="center", color=NEGATIVE.ink, fontweight="bold")


def _signed_log(values, unit=1e-4):
    return np.sign(values) * np.log10(1 + np.abs(values) / unit)


def _changes(axes, changes, rounds):
    """From the smallest to the largest change of Q in every round; what lies below zero is a broken promise."""
    axes.set_xlim(0.4, 6.6)
    axes.set_ylim(*_signed_log(np.array([-300.0, 3000.0])))
    style.zero_line(axes)
    for k, change in enumerate(changes, start=1):
        low, high = (0.0 if abs(x) < 1e-9 else x for x in (change.min(), change.max()))
        for bottom, top, role in ((max(low, 0), max(high, 0), POLICY), (min(low, 0), min(high, 0), NEGATIVE)):
            if bottom == top == 0:
                continue
            y0, y1 = _signed_log(np.array([bottom, top]))
            axes.add_patch(Rectangle((k - 0.22, y0), 0.44, max(y1 - y0, 0.02), **role.bar(), zorder=2))
    ticks = (-100, -1, -0.01, 0, 0.01, 1, 100)
    style.set_ticks(axes.yaxis, _signed_log(np.array(ticks)), [f"{t:g}".replace("-", "−") for t in ticks])
    style.set_ticks(axes.xaxis, range(1, 7))
    axes.set_xlabel("round", labelpad=1)
    if changes:
        axes.set_title(f"round {rounds}: change {_small(changes[-1].min())} to {_small(changes[-1].max())}")
    else:
        axes.set_title("improve: no round yet")


@style.styled
def two_roads(rounds, sweeps, *, gamma):
    """Distance from the soft optimum of many MDPs: by rounds of policy iteration, by sweeps of value iteration.

    Args:
        rounds, sweeps: largest errors, [n, k] each; the first column is the start.
        gamma: γ, for the line of slope log γ.
    """
    figure, (left, right) = style.new_figure(10, 4.3, 1, 2, left=0.115, right=0.985, bottom=0.15, top=0.88, wspace=0.12)
    floor = 1e-14
    for axes, table, role, name, unit in ((left, rounds, POLICY, "soft policy iteration", "rounds"),
                                          (right, sweeps, VALUE, "soft value iteration", "sweeps")):  # fmt: skip
        lines = [np.column_stack([np.arange(len(row)), np.maximum(row, floor)]) for row in table]
        axes.add_collection(LineCollection(lines, colors=role.color, linewidths=1.2, alpha=0.6))
        axes.set_yscale("log")
        axes.set_ylim(floor, 300)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_xlim(0, table.shape[1] - 1)
        axes.set_title(name, color=role.ink)
        axes.set_xlabel(unit, labelpad=1)
        places = (1e-12, 1e-8, 1e-4, 1)
        style.set_ticks(axes.yaxis, places, ("10⁻¹²", "10⁻⁸", "10⁻⁴", "1") if axes is left else [""] * 4)
    left.set_ylabel("largest error of V", labelpad=2)
    left.text(0.97, 0.9, "below 10⁻¹⁴: drawn at 10⁻¹⁴", transform=left.transAxes, ha="right", va="center")
    style.set_ticks(left.xaxis, range(rounds.shape[1]))
    style.set_ticks(right.xaxis, range(0, sweeps.shape[1], 50))
    k = np.arange(sweeps.shape[1])
    right.plot(k, 30 * gamma**k, color=INK, linestyle=DASHES, linewidth=2)
    right.text(0.97, 0.9, f"dashed: falls by γ = {gamma:g} a sweep", transform=right.transAxes, ha="right", va="center")
    return style.say(
        figure,
        f"Distance from the soft optimum on {len(rounds)} random MDPs: policy iteration is within 1e-8 after at most "
        f"{int((rounds >= 1e-8).sum(1).max())} rounds, value iteration after {int((sweeps >= 1e-8).sum(1).max())} "
        "sweeps.",
    )


# ---------------------------------------------------------------- a false peak


@style.styled
def false_peak(actions, true, critic, rows):
    """A critic with a spurious peak, and what the Boltzmann policy of each temperature truly earns.

    Args:
        actions, true, critic: a, Q(a) and its estimate.
        rows: (α, share of the policy on the peak, true value earned), by rising α.
    """
    figure, (left, right) = style.new_figure(10, 4.1, 1, 2, left=0.06, right=0.985, bottom=0.15, top=0.88, wspace=0.2)
    left.plot(actions, true, color=VALUE.color, linewidth=4.5, alpha=0.55)
    left.plot(actions, critic, color=NEGATIVE.color, linewidth=2.2, linestyle=DASHES)
    left.set_xlim(-1, 1)
    left.set_ylim(0, 1.7)
    style.set_ticks(left.xaxis, (-1, -0.5, 0, 0.5, 1))
    style.set_ticks(left.yaxis, (0, 0.5, 1, 1.5))
    left.set_xlabel("action a", labelpad=1)
    left.set_title("a critic that errs at one action")
    left.text(-0.92, 1.15, "true Q", color=VALUE.ink, fontweight="bold")
    left.text(0.44, 1.3, "the critic", color=NEGATIVE.ink, fontweight="bold", ha="right")
    alphas, on_peak, earned = np.array(rows).T
    at = np.log10(alphas)
    right.plot(at, on_peak, color=NEGATIVE.color, linewidth=3, linestyle=DASHES)
    right.plot(at, earned, color=VALUE.color, linewidth=3)
    best = int(earned.argmax())
    right.plot([at[best]], [earned[best]], "o", markersize=12, color=BALL, markeredgecolor=INK)
    right.set_xlim(at[0], at[-1])
    right.set_ylim(0, 1.12)
    ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
    style.set_ticks(right.xaxis, np.log10(ticks), [f"{tick:g}" for tick in ticks])
    style.set_ticks(right.yaxis, (0, 0.5, 1))
    right.set_xlabel("temperature α", labelpad=1)
    right.set_title(f"best: α = {alphas[best]:.2g}, earns {number(earned[best])}")
    right.text(at[2], 1.06, "share of the policy on the false peak", color=NEGATIVE.ink, fontweight="bold", va="center")
    right.text(at[-1], 0.7, "true value earned", color=VALUE.ink, fontweight="bold", ha="right", va="center")
    return style.say(
        figure,
        f"A critic with a false peak: greedy, the policy sits on it and earns {number(earned[0])}; at α = "
        f"{alphas[best]:.2g} only {chance(on_peak[best])} of it does, and it earns most, {number(earned[best])}.",
    )


# ---------------------------------------------------------------- the dial


@style.styled
def dial(policy, greedy, *, alpha, scale, reward, entropy, best, uniform, frontier=None):
    """A policy as a point (entropy, reward), with the price α as a slope; and its probabilities as squares.

    Args:
        policy: π(a|s), [S, A].
        greedy: the best action of every state for the task alone.
        alpha, scale: α, and the factor on all rewards.
        reward, entropy: of the policy, a step; reward in its old unit.
        best: the largest reward a step there is.
        uniform: (entropy, reward) of the uniform policy.
        frontier: (entropies, rewards) of the soft optima at all α, or None.
    """
    figure, (left, right) = style.new_figure(10, 5.3, 1, 2, left=0.075, right=0.965, bottom=0.13, top=0.8, wspace=0.16,
                                             width_ratios=(2.3, 1))  # fmt: skip
    times = "" if scale == 1 else f", rewards × {scale:g}"
    figure.text(0.075, 0.947, f"α = {_plain(alpha)}{times}", fontsize=BIG, fontweight="bold", va="center")
    gained = f"{100 * reward / best:.1f} % of the best reward, {number(math.exp(entropy), 2)} actions in use"
    figure.text(0.985, 0.947, gained, fontsize=style.BASE_SIZE + 1, ha="right", va="center")
    most = math.log(policy.shape[1])
    left.set_xlim(-0.03, most * 1.05)
    left.set_ylim(0, 1.18)
    if frontier is not None:
        left.fill_between(frontier[0], frontier[1], color="#eef2f7", linewidth=0, zorder=0)
        left.plot(*frontier, color=POLICY.color, linewidth=4, zorder=2)
    reach = np.array([-0.03, 1.5])
    left.plot(reach, reward - alpha / scale * (reach - entropy), color=HIGHLIGHT.color, linewidth=2.2, linestyle=DASHES)
    left.plot(*uniform, "D", markersize=9, color=NEUTRAL.color, markeredgecolor=INK)
    left.text(uniform[0] - 0.02, uniform[1] - 0.075, "uniform", ha="right", va="center", color=NEUTRAL.ink)
    left.plot([entropy], [reward], "o", markersize=17, color=BALL, markeredgecolor=INK, markeredgewidth=2, zorder=6,
              clip_on=False)  # fmt: skip
    style.set_ticks(left.xaxis, (0, 0.5, 1, most), ("0", "0.5", "1", "log 4"))
    style.set_ticks(left.yaxis, (0, 0.5, 1))
    left.set_xlabel("entropy a step, nats", labelpad=1)
    left.set_title(f"reward a step {number(reward, 3)}, entropy {number(entropy, 3)}", pad=10)
    left.text(0.03, 0.05, f"dashed: slope −{alpha / scale:.3g}", transform=left.transAxes, color=HIGHLIGHT.ink,
              fontweight="bold", va="center")  # fmt: skip
    squares = []
    for s, row in enumerate(policy):
        for a, p in enumerate(row):
            half = 0.46 * math.sqrt(p)
            squares.append([(a - half, -s - half), (a - half, -s + half), (a + half, -s + half), (a + half, -s - half)])
    right.add_collection(PolyCollection(squares, facecolors=POLICY.color, edgecolors=POLICY.ink, linewidths=1))
    right.plot(greedy, -np.arange(len(greedy)), "o", markersize=6, color=BALL, markeredgecolor=INK, zorder=4,
               linestyle="")  # fmt: skip
    right.set_xlim(-0.6, policy.shape[1] - 0.4)
    right.set_ylim(0.6 - len(policy), 0.6)
    right.set_aspect("equal")
    style.set_ticks(right.xaxis, range(4), ("a1", "a2", "a3", "a4"))
    style.set_ticks(right.yaxis, [-s for s in range(len(policy))], [f"s{s}" for s in range(len(policy))])
    right.set_title("π,  ● task's best", pad=10)
    return style.say(
        figure,
        f"The soft optimum at α = {_plain(alpha)}{times}: reward a step {number(reward, 3)} in its old unit, "
        f"{100 * reward / best:.1f} % of the best, entropy a step {number(entropy, 3)} nats, as if "
        f"{number(math.exp(entropy), 2)} of 4 actions were in use; one more nat costs {alpha / scale:.3g}.",
    )
