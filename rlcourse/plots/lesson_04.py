"""Figures of lesson 04: two readers of one record, the map of step sizes, two critics in training, learners at work."""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import FancyArrowPatch, Rectangle

from rlcourse.plots import style

BATCH, ONLINE = style.REWARD, style.POLICY
"""The two algorithms, in every figure of the lesson."""
TD, MONTE_CARLO = style.POLICY, style.REWARD


def _number(value, digits=2):
    """A number as a reader writes it: a true minus sign, and none in front of zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def _squares(axes, corners, width, height, **look):
    """Rectangles as one artist: corners are their lower left ones."""
    shapes = [[(x, y), (x + width, y), (x + width, y + height), (x, y + height)] for x, y in corners]
    axes.add_collection(PolyCollection(shapes, **look))


# ---------------------------------------------------------------- one record, two readers

LEFT_EDGE, CELL, GAP = 1.36, 1.0, 0.08  # inches: the first column, its width, the space between two
TRACK, ROWS = 3.68, {"batch": (2.46, 1.9), "online": (0.74, 0.18)}  # inches: lower edges
ARROWS = {"L": "←", "R": "→"}
ROW_HEIGHT = 0.5


def _column(cell):
    """Left edge of a cell's column; -1 and 7 are the places outside."""
    return LEFT_EDGE + cell * (CELL + GAP)


@style.styled
def readers(moment, *, moves, episode, step, exits, step_size):
    """A track with the walker on it, and under each cell what two learners believe about it.

    Args:
        moment: `path` (cells, -1 and 7 outside), `rewards`, `delta`, and the readers `batch` and `online`, each with
            `values`, `right`, the same `_before` the last step, and `updates`.
        moves: of the whole episode, "L" and "R".
        episode, step: where the record stands.
        exits: what leaving on the left and on the right pays.
        step_size: η.
    """
    figure, axes = style.new_figure(10, 5.0, left=0.0, right=1.0, bottom=0.0, top=1.0)
    axes.set(xlim=(0, 10), ylim=(0, 5.0))
    axes.set_axis_off()
    last_step = len(moves)
    over = step == last_step
    _track(axes, moment.path, exits)
    head = f"episode {episode}, " + (f"step {step} of {last_step}:" if step else "before the first step")
    axes.text(0.15, 4.73, head, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    if step:
        axes.text(
            3.05,
            4.73,
            "".join(ARROWS[move] for move in moves[:step]),
            fontsize=style.BASE_SIZE + 3,
            va="center",
            color=style.ACTION.ink,
            fontweight="bold",
        )
        axes.text(
            4.95,
            4.73,
            f"reward {_number(moment.rewards[-1])}",
            fontsize=style.BASE_SIZE + 2,
            va="center",
            color=style.REWARD.ink,
            fontweight="bold",
        )

    for x, y, key in (
        (8.15, 4.73, "framed: just moved"),
        (_column(7) + 0.02, ROWS["batch"][0] + ROW_HEIGHT / 2, "hatched:\nbelow 0"),
        (_column(7) + 0.02, ROWS["batch"][1] + ROW_HEIGHT / 2, "bar: away\nfrom ½"),
    ):
        color = style.HIGHLIGHT.ink if "framed" in key else style.NEUTRAL.ink
        axes.text(x, y, key, fontsize=style.SMALLEST_SIZE, color=color, va="center")

    if over:
        waiting = f"all {last_step} steps read at once"
    elif step:
        waiting = f"{step} step{'s' * (step > 1)} waiting, nothing moves"
    else:
        waiting = "nothing to read yet"
    blamed = moment.path[-2] if step else None
    online_news = f"δ = {_number(moment.delta, 3)}, only cell {blamed} moves" if step else "nothing to read yet"
    for name, role, reader, news in (
        ("batch", BATCH, moment.batch, waiting),
        ("online", ONLINE, moment.online, online_news),
    ):
        value_row, policy_row = ROWS[name]
        heading = f"{name}: {reader.updates} update{'s' * (reader.updates != 1)} so far;  {news}"
        axes.text(
            0.15,
            value_row + 0.76,
            heading,
            color=role.ink,
            fontweight="bold",
            va="center",
            fontsize=style.BASE_SIZE + 1,
        )
        _value_row(axes, value_row, reader.values, reader.values_before)
        _policy_row(axes, policy_row, reader.right, reader.right_before)
    learned = {
        name: f"V(6) = {_number(reader.values[6], 3)}, V(3) = {_number(reader.values[3], 3)}, "
        f"π(right|6) = {_number(reader.right[6], 3)}"
        for name, reader in (("batch", moment.batch), ("online", moment.online))
    }
    return style.say(
        figure,
        f"Episode {episode}, step {step} of {last_step}, η = {step_size:g}. Batch, {moment.batch.updates} updates: "
        f"{waiting}; {learned['batch']}. Online, {moment.online.updates} updates: {online_news}; {learned['online']}.",
    )


def _track(axes, path, exits):
    _squares(
        axes,
        [(_column(cell), TRACK) for cell in range(7)],
        CELL,
        0.5,
        facecolor="#efefef",
        edgecolor=style.NEUTRAL.ink,
        linewidth=1.2,
    )
    for cell in range(7):
        axes.text(
            _column(cell) + 0.09,
            TRACK + 0.37,
            str(cell),
            fontsize=style.SMALLEST_SIZE,
            va="center",
            color=style.NEUTRAL.ink,
        )
    for cell, pay, side in ((-1, exits[0], "right"), (7, exits[1], "left")):
        x = _column(cell) + (CELL if side == "right" else 0)
        shift = -0.05 if side == "right" else 0.02
        axes.text(
            x + shift,
            TRACK + 0.25,
            f"exit\n{pay:+.1f}",
            ha=side,
            va="center",
            color=style.REWARD.ink,
            fontweight="bold",
            linespacing=1.2,
        )
    x = [_column(cell) + (CELL / 2 if 0 <= cell < 7 else (0.5 * CELL if cell < 0 else 0.2)) for cell in path]
    y = TRACK + 0.25
    if len(path) > 1:
        axes.add_artist(
            FancyArrowPatch(
                (x[-2], y + 0.28),
                (x[-1], y + 0.28),
                connectionstyle="arc3,rad=" + ("-0.45" if x[-1] > x[-2] else "0.45"),
                arrowstyle="-|>",
                mutation_scale=20,
                linewidth=2.4,
                color=style.ACTION.ink,
            )
        )
    if 0 <= path[-1] < 7:
        axes.plot(x[-1], y, marker="o", markersize=17, color=style.ACTION.color, markeredgecolor=style.ACTION.ink)


def _labels(axes, y, name, role):
    axes.text(LEFT_EDGE - 0.12, y + ROW_HEIGHT / 2, name, ha="right", va="center", color=role.ink, fontweight="bold")


def _value_row(axes, y, values, before):
    """Numbers on cells, the greener the more a cell is worth; hatched where it is worth less than nothing."""
    _labels(axes, y, "V", style.VALUE)
    depth = np.clip(values, 0, 1)[:, None]
    for hatch, chosen in (("", values >= 0), ("///", values < 0)):
        corners = [(_column(cell), y) for cell in np.flatnonzero(chosen)]
        if corners:
            tint = 1 - 0.75 * depth[chosen] * (1 - np.array([[0.0, 0.62, 0.45]]))
            _squares(
                axes,
                corners,
                CELL,
                ROW_HEIGHT,
                facecolor=tint,
                edgecolor=style.NEUTRAL.color,
                hatch=hatch,
                linewidth=0.8,
            )
    _written(axes, y, values, before)


def _policy_row(axes, y, right, before):
    """A bar from the middle of each cell: to the right where right is likelier, to the left where left is."""
    _labels(axes, y, "π(right)", style.POLICY)
    _squares(
        axes,
        [(_column(cell), y) for cell in range(7)],
        CELL,
        ROW_HEIGHT,
        facecolor=style.CARD,
        edgecolor=style.NEUTRAL.color,
        linewidth=0.8,
    )
    bars = []
    for cell, p in enumerate(right):
        middle = _column(cell) + CELL / 2
        end = middle + (p - 0.5) * CELL
        low, high = y + 0.03, y + ROW_HEIGHT - 0.03
        bars.append([(middle, low), (end, low), (end, high), (middle, high)])
    axes.add_collection(PolyCollection(bars, facecolor=style.POLICY.color, alpha=0.35, linewidth=0))
    _written(axes, y, right, before)


def _written(axes, y, numbers, before):
    moved = ~np.isclose(numbers, before, rtol=0, atol=1e-12)
    if moved.any():
        corners = [(_column(cell) - 0.01, y - 0.01) for cell in np.flatnonzero(moved)]
        _squares(
            axes,
            corners,
            CELL + 0.02,
            ROW_HEIGHT + 0.02,
            facecolor="none",
            edgecolor=style.HIGHLIGHT.ink,
            linewidth=3.2,
            zorder=4,
        )
    for cell, number in enumerate(numbers):
        axes.text(
            _column(cell) + CELL / 2,
            y + ROW_HEIGHT / 2,
            _number(number, 3),
            ha="center",
            va="center",
            fontsize=style.BASE_SIZE + 1,
            fontweight="bold" if moved[cell] else "normal",
            zorder=5,
        )


# ---------------------------------------------------------------- the map of batch sizes and step sizes

BATCH_ROLES = (style.NEGATIVE, style.REWARD, style.VALUE, style.POLICY)
"""One look for each batch size, small to large."""


@style.styled
def step_size_map(solved, batches, step_sizes, *, batch, step_size, noise, against):
    """Share of learners that solve the task, over batch size and step size, and the same along one axis.

    Args:
        solved: shares, shape [batches, step sizes].
        batches, step_sizes: the grid; step sizes in equal ratios.
        batch, step_size: the cell to mark, with all cells of (nearly) the same ratio η/N.
        noise: standard deviation of the reward noise, for the title.
        against: "η" or "η / N", the axis of the curves on the right.
    """
    figure, (left, right) = style.new_figure(
        10, 4.9, 1, 2, left=0.075, right=0.985, bottom=0.13, top=0.80, wspace=0.13, width_ratios=(1.55, 1)
    )
    figure.text(
        0.075,
        0.945,
        f"reward noise σ = {noise:g}:  learners of 100 that solve the two exits",
        fontsize=style.BASE_SIZE + 2,
        fontweight="bold",
        va="center",
    )
    row, column = batches.index(batch), int(np.argmin(np.abs(np.log(np.array(step_sizes) / step_size))))
    columns = np.arange(len(step_sizes))
    left.imshow(solved, cmap="Blues", vmin=0, vmax=1.15, aspect="auto", origin="lower")
    for i, j in np.ndindex(*solved.shape):
        left.text(
            j,
            i,
            f"{100 * solved[i, j]:.0f}",
            ha="center",
            va="center",
            fontsize=style.BASE_SIZE,
            color=style.CARD if solved[i, j] > 0.6 else style.INK,
            zorder=5,
        )
    ratio = np.log(np.array(step_sizes)[None] / np.array(batches)[:, None])
    partners = [tuple(cell) for cell in np.argwhere(np.abs(ratio - ratio[row, column]) < 0.1)]
    left.plot(
        [j for _, j in partners],
        [i for i, _ in partners],
        color=style.HIGHLIGHT.ink,
        linewidth=2.4,
        linestyle=(0, (4, 2)),
        zorder=2,
        alpha=0.8,
    )
    for i, j in partners:
        mine = (i, j) == (row, column)
        left.add_patch(
            Rectangle(
                (j - 0.5, i - 0.5),
                1,
                1,
                facecolor="none",
                edgecolor=style.HIGHLIGHT.ink,
                linewidth=4.5 if mine else 2.2,
                linestyle="-" if mine else "--",
                zorder=4,
            )
        )
    style.set_ticks(left.xaxis, columns, [f"{eta:.2g}" if j % 2 == 0 else "" for j, eta in enumerate(step_sizes)])
    style.set_ticks(left.yaxis, range(len(batches)), batches)
    left.set_xlabel("step size η")
    left.set_ylabel("batch N", labelpad=3)
    shown = f"N = {batch}, η = {step_sizes[column]:.2g}:  {100 * solved[row, column]:.0f} of 100 solve it"
    if batch == batches[-1]:
        shown += f"   (η ends at {step_sizes[-1]:g})"
    left.set_title(shown, color=style.HIGHLIGHT.ink)

    for i, (size, role) in enumerate(zip(batches, BATCH_ROLES, strict=True)):
        x = np.log10(np.array(step_sizes) / (size if against == "η / N" else 1))
        right.plot(x, 100 * solved[i], **role.line(linewidth=2.2))
        if i == row:
            right.plot(
                x[column],
                100 * solved[i, column],
                **role.line(markersize=15, markeredgewidth=3, zorder=6, markeredgecolor=style.HIGHLIGHT.ink),
            )
        right.text(
            -0.02 + 0.255 * i,
            1.055,
            f"{'▼▲■●'[i]} N={size}",
            transform=right.transAxes,
            color=role.ink,
            fontweight="bold",
            va="center",
            fontsize=style.BASE_SIZE - 1,
        )
    low = -4 if against == "η / N" else -2
    right.set_xlim(low - 0.1, 0.1)
    right.set_ylim(-3, 103)
    style.set_ticks(right.xaxis, range(low, 1), [f"{10.0**k:g}" for k in range(low, 1)])
    style.set_ticks(right.yaxis, range(0, 101, 25))
    right.set_xlabel("step size per sample, η / N" if against == "η / N" else "step size η")
    others = ", ".join(
        f"N = {batches[i]}, η = {step_sizes[j]:.2g}: {100 * solved[i, j]:.0f}" for i, j in partners if i != row
    )
    return style.say(
        figure,
        f"Reward noise {noise:g}: with N = {batch} and η = {step_sizes[column]:.2g}, "
        f"{100 * solved[row, column]:.0f} of 100 learners solve the two exits; at the same η/N, "
        + (others or "no other cell of the map")
        + ".",
    )


# ---------------------------------------------------------------- two critics in training


TOP = 0.75
"""Errors above it are drawn at the edge; the numbers beside them are theirs."""


@style.styled
def critic_race(rates, td, monte_carlo, *, td_rate, mc_rate, noise, episode, start):
    """The error of two critics while they learn, and against the step size after some episodes.

    Args:
        rates: step sizes.
        td, monte_carlo: errors of V, shape [episodes + 1, rates, runs].
        td_rate, mc_rate: the step sizes to follow.
        noise: standard deviation of the reward noise, for the title.
        episode: the moment to look at on the right.
        start: the error before any training.
    """
    figure, (left, right) = style.new_figure(
        10, 5.0, 1, 2, left=0.075, right=0.985, bottom=0.125, top=0.755, wspace=0.17, width_ratios=(1.25, 1)
    )
    episodes = np.arange(len(td))
    chosen = (("TD(0)", td, td_rate, TD), ("Monte Carlo", monte_carlo, mc_rate, MONTE_CARLO))
    figure.text(
        0.075,
        0.945,
        f"reward noise σ = {noise:g}:  how wrong is V?",
        fontsize=style.BASE_SIZE + 2,
        fontweight="bold",
        va="center",
    )
    figure.text(0.985, 0.945, f"dotted: untrained, {start:.3f}", va="center", ha="right", color=style.NEUTRAL.ink)
    said = []
    left.axvline(episode, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
    for i, (name, errors, rate, role) in enumerate(chosen):
        runs = errors[:, rates.index(rate)]
        low, high = np.quantile(runs, (0.25, 0.75), axis=1)
        left.fill_between(episodes, low, high, facecolor=role.color, alpha=0.22, linewidth=0)
        left.plot(episodes, runs.mean(1), **role.line(marker="", linewidth=3))
        now = runs[episode].mean()
        left.plot(episode, min(now, TOP), **role.line(markersize=12, clip_on=False, zorder=5))
        left.text(
            0.0,
            1.15 - 0.085 * i,
            f"{'●▲'[i]} {name} with η = {rate:g}: error {now:.3f}",
            color=role.ink,
            transform=left.transAxes,
            fontweight="bold",
            va="center",
        )
        means = errors[episode].mean(-1)
        right.plot(np.log10(rates), means, **role.line())
        right.plot(
            np.log10(rate), min(now, TOP), **role.line(markersize=14, markeredgewidth=2.5, clip_on=False, zorder=5)
        )
        best = int(means.argmin())
        at_best = f"η = {rates[best]:g}: {means[best]:.3f}"
        right.text(
            0.0,
            1.15 - 0.085 * i,
            f"{'●▲'[i]} at its best, {at_best}",
            color=role.ink,
            transform=right.transAxes,
            fontweight="bold",
            va="center",
        )
        said.append(f"{name} with η = {rate:g} has error {now:.3f}, at its best, {at_best}")
    for axes in (left, right):
        axes.axhline(start, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
        axes.set_ylim(0, TOP)
        style.set_ticks(axes.yaxis, (0, 0.25, 0.5, 0.75))
    left.set_xlim(0, episodes[-1])
    style.set_ticks(left.xaxis, range(0, len(td), 10))
    left.set_xlabel("episodes")
    left.set_ylabel("error of V", labelpad=2)
    right.set_xlim(np.log10(rates[0]) - 0.1, np.log10(rates[-1]) + 0.1)
    style.set_ticks(right.xaxis, np.log10(rates), [f"{rate:g}" for rate in rates])
    right.set_xlabel(f"step size η, after {episode} episode{'s' * (episode != 1)}")
    return style.say(
        figure, f"Reward noise {noise:g}, after {episode} episodes: {'; '.join(said)}; untrained {start:.3f}."
    )


# ---------------------------------------------------------------- learners at work

COINCIDE = 0.03
"""Mean returns closer than this, about the half width of a band, are the same curve to the eye."""


@style.styled
def two_speeds(runs, *, env_steps, best, noise):
    """Expected return while learning, batch beside online, one panel a step size.

    Args:
        runs: dict from step size η to dict with "online" and "batch", each (steps, returns [looks, learners]), as far
            as they have come.
        env_steps: right end of the axis.
        best: the best possible return.
        noise: standard deviation of the reward noise, for the title.
    """
    figure, panels = style.new_figure(
        10, 4.2, 1, len(runs), left=0.09, right=0.965, bottom=0.15, top=0.79, wspace=0.12, sharey=True
    )
    title = f"reward noise σ = {noise:g}"
    figure.text(0.09, 0.94, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    said = []
    for axes, (step_size, both) in zip(panels, runs.items(), strict=True):
        means = []
        for row, (name, role) in enumerate((("online", ONLINE), ("batch", BATCH))):
            steps, returns = both[name]
            middle = returns.mean(1)
            error = returns.std(1) / returns.shape[1] ** 0.5
            axes.fill_between(
                steps, middle - 1.96 * error, middle + 1.96 * error, facecolor=role.color, alpha=0.3, linewidth=0
            )
            axes.plot(steps, middle, **role.line(markevery=max(1, len(steps) // 6)))
            share = (returns[-1] > 0.8).mean()
            axes.text(
                0.97,
                0.14 - 0.09 * row,
                f"{'●▲'[row]} {name}: {share:.0%} solved",
                transform=axes.transAxes,
                color=role.ink,
                fontweight="bold",
                ha="right",
                va="center",
            )
            means.append(middle)
            said.append(f"{name} with η = {step_size:g} has mean return {middle[-1]:.2f}, {share:.0%} solved")
        if np.abs(means[0] - means[1]).max() < COINCIDE:
            axes.text(0.97, 0.23, "the curves coincide", transform=axes.transAxes, ha="right", va="center")
        axes.axhline(best, color=style.VALUE.ink, linestyle="--", linewidth=1.4)
        axes.set_xlim(0, env_steps)
        axes.set_ylim(-0.6, 1.0)
        marks = (0, env_steps // 2, env_steps)
        style.set_ticks(axes.xaxis, marks, [f"{mark / 1000:g}k" if mark else "0" for mark in marks])
        axes.set_title(f"η = {step_size:g}")
    style.set_ticks(panels[0].yaxis, (-0.5, 0, 0.5, 1.0))
    panels[0].set_ylabel("mean expected return", labelpad=2)
    panels[len(runs) // 2].set_xlabel("environment steps of each learner")
    style.direct_label(panels[0], 0, best, f"best: {best:.3f}", style.VALUE, dx=6, dy=12)
    return style.say(figure, f"Reward noise {noise:g}, after {steps[-1]:,} steps: {'; '.join(said)}.")


@style.styled
def cartpole_scores(scores, *, seeds, solved=475):
    """Mean return over the last stretch of training for several algorithms, with the lowest and highest seed.

    Args:
        scores: dict from name to (environment steps, mean, low, high) over the seeds, arrays.
        seeds: how many.
        solved: the return that counts as solved.
    """
    figure, panels = style.new_figure(
        10, 4.2, 1, len(scores), left=0.075, right=0.965, bottom=0.15, top=0.79, wspace=0.14, sharey=True
    )
    shortest = min(steps[-1] for steps, *_ in scores.values())
    title = f"CartPole, {seeds} seeds: mean, lowest and highest"
    figure.text(0.075, 0.94, title, fontsize=style.BASE_SIZE + 2, fontweight="bold", va="center")
    said = []
    for axes, (name, (steps, mean, low, high)) in zip(panels, scores.items(), strict=True):
        role = {"batch": BATCH, "online": ONLINE}.get(name, style.VALUE)
        axes.fill_between(steps, low, high, facecolor=role.color, alpha=0.25, linewidth=0)
        axes.plot(steps, mean, **role.line())
        axes.axhline(solved, color=style.INK, linestyle="--", linewidth=1.4)
        if 0.1 * steps[-1] < shortest < steps[-1]:  # where the shortest training ended, if that is far enough in
            axes.axvline(shortest, color=style.NEUTRAL.ink, linestyle=":", linewidth=1.4)
            style.direct_label(axes, shortest, 20, f"{shortest / 1000:g}k", style.NEUTRAL, dx=3)
        axes.set_xlim(0, steps[-1])
        axes.set_ylim(0, 520)
        marks = (0, steps[-1] // 2, steps[-1])
        style.set_ticks(axes.xaxis, marks, [f"{mark / 1000:g}k" if mark else "0" for mark in marks])
        axes.set_title(f"{name}: {mean[-1]:.0f} ({low[-1]:.0f} to {high[-1]:.0f})", color=role.ink)
        said.append(f"{name} {mean[-1]:.0f} ({low[-1]:.0f} to {high[-1]:.0f}) after {steps[-1]:,} steps")
    panels[0].set_ylabel("mean return of 20 episodes", labelpad=2)
    panels[len(scores) // 2].set_xlabel("environment steps (mind the scales)")
    style.direct_label(panels[0], 0, solved, f"solved: {solved:g}", dx=6, dy=-12)
    return style.say(figure, f"CartPole, {seeds} seeds, mean return of 20 episodes: {'; '.join(said)}.")
