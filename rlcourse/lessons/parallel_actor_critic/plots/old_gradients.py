"""Old gradients: a descent that follows them, how old they get, and who still learns."""

import numpy as np
from matplotlib.ticker import NullLocator

from rlcourse.course.figures import style
from rlcourse.course.figures.style import HIGHLIGHT, INK, NEGATIVE, NEUTRAL, POLICY, REWARD, VALUE
from rlcourse.lessons.parallel_actor_critic.plots.looks import BIG, LEARNER, WAIT, WORK, brief


@style.styled
def stale_descent(path, fresh, *, delay, step, limit):
    """Gradient descent on w²/2 with gradients `delay` updates old, beside the same with fresh ones.

    Args:
        path, fresh: w_0, w_1, ...
        delay, step: D and η.
        limit: the largest stable step size at this delay.
    """
    figure, axes = style.new_figure(10, 4.9, left=0.075, right=0.975, bottom=0.135, top=0.8)
    edge = step / limit
    verdict = "it settles" if edge < 1 - 1e-3 else "it blows up" if edge > 1 + 1e-3 else "on the edge: it never settles"
    role = POLICY if edge < 1 - 1e-3 else NEGATIVE
    axes.figure.text(
        0.012,
        0.94,
        f"gradients {delay} update{'s' * (delay != 1)} old, step size {step:g}: {verdict}",
        fontsize=BIG + 1,
        fontweight="bold",
        va="center",
        color=role.ink,
    )
    axes.figure.text(0.012, 0.862, f"largest stable step size 2 sin(π / (2(2D + 1))) = {limit:.3f}", va="center")
    reach = 2.0
    steps = np.arange(len(path))
    axes.plot(steps, np.clip(fresh, -3, 3), **NEUTRAL.line(marker="", linewidth=2.4))
    axes.plot(steps, np.clip(path, -3, 3), **role.line(marker="", linewidth=2.6))
    style.zero_line(axes)
    axes.set(xlim=(0, len(path) - 1), ylim=(-reach, reach))
    axes.text(
        0.985,
        0.94,
        "···  with fresh gradients",
        color=NEUTRAL.ink,
        fontweight="bold",
        ha="right",
        va="center",
        transform=axes.transAxes,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 2},
    )
    style.set_ticks(axes.xaxis, range(0, len(path), 20))
    style.set_ticks(axes.yaxis, (-2, -1, 0, 1, 2))
    axes.set_xlabel("updates")
    axes.set_ylabel("w, the best is 0", labelpad=2)
    return style.say(
        figure,
        f"Gradient descent on w²/2 with step size {step:g} and gradients {delay} updates old: {verdict}; the largest "
        f"stable step size is {limit:.3f}.",
    )


@style.styled
def scaling(workers, updates, idle, staleness, *, apply_time, title):
    """Updates per unit of time, idle share and staleness against the number of asynchronous workers.

    Args:
        workers: N.
        updates, idle, staleness: updates per mean work time, share of the workers' time spent waiting, and mean
            staleness; one an entry of `workers`.
        apply_time: the learner's time for an update; 1 / apply_time is all it can do.
        title: what was simulated.
    """
    figure, axes = style.new_figure(10, 4.6, 1, 3, left=0.075, right=0.985, bottom=0.15, top=0.79, wspace=0.3)
    figure.text(0.012, 0.94, title, fontsize=BIG, fontweight="bold", va="center")
    for ax, values, role, name in zip(
        axes,
        (updates, idle, staleness),
        (LEARNER, WAIT, HIGHLIGHT),
        ("updates per unit of time", "workers' idle share", "mean staleness"),
    ):
        ax.set_xscale("log")
        ax.set_xlim(0.8, 1.25 * workers[-1])
        style.set_ticks(ax.xaxis, (1, 10, 100, 1000, 10_000), ("1", "10", "100", "1k", "10k"))
        ax.xaxis.set_minor_locator(NullLocator())
        shown = np.asarray(values) > (0 if ax is axes[2] else -1)  # a logarithmic axis has no zero
        ax.plot(np.array(workers)[shown], np.asarray(values)[shown], **role.line())
        ax.set_title(name)
        ax.set_xlabel("workers, N")
    for ax, high in ((axes[0], 4 / apply_time), (axes[2], 4 * workers[-1])):
        ax.set_yscale("log")
        ax.set_ylim(0.5, high)
        decades = [10**k for k in range(6) if 10**k < high]
        style.set_ticks(ax.yaxis, decades, [f"{d // 1000}k" if d >= 1000 else str(d) for d in decades])
        ax.yaxis.set_minor_locator(NullLocator())
    axes[1].set_ylim(-0.03, 1.05)
    style.set_ticks(axes[1].yaxis, (0, 0.5, 1), ("0%", "50%", "100%"))
    axes[0].axhline(1 / apply_time, color=INK, linestyle=":", linewidth=1.8)
    axes[0].text(1, 1.25 / apply_time, f"the learner's limit: {1 / apply_time:g}", va="bottom", fontweight="bold")
    axes[2].plot(workers[1:], np.array(workers[1:]) - 1.0, color=INK, linestyle=":", linewidth=1.8)
    axes[2].text(1.3, 1.2 * workers[-1], "dots: N − 1", va="bottom", fontweight="bold")
    last = f"{workers[-1]:,} workers make {brief(updates[-1])} updates per mean work time"
    return style.say(
        figure,
        f"{title}: {last}, wait {idle[-1]:.0%} of the time, and their gradients are {brief(staleness[-1])} updates "
        f"old on average; the learner can do {1 / apply_time:g}.",
    )


@style.styled
def measured_staleness(staleness, worker, predicted):
    """How old the gradients of a real run were, in all and by worker, and what the simulator said beforehand.

    Args:
        staleness, worker: one entry an update of the run.
        predicted: staleness of every gradient of a simulated run.
    """
    staleness, worker = np.asarray(staleness, dtype=int), np.asarray(worker, dtype=int)
    names = np.unique(worker)
    figure, axes = style.new_figure(10, 4.2, left=0.085, right=0.985, bottom=0.165, top=0.84)
    high = int(max(np.quantile(staleness, 0.99), np.quantile(predicted, 0.99), 3)) + 1  # the last bar: or more
    places = np.arange(high + 1)
    wide = 0.8 / (len(names) + 1)
    groups = [(f"worker {name + 1}, measured", staleness[worker == name]) for name in names]
    groups.append(("simulated", np.asarray(predicted)))
    roles = [WORK, REWARD, VALUE, NEGATIVE]
    tallest = 0.0
    for k, (label, found) in enumerate(groups):
        simulated = k == len(groups) - 1
        role = NEUTRAL if simulated else roles[k % len(roles)]
        shares = np.bincount(np.minimum(found, high), minlength=high + 1) / len(found)
        tallest = max(tallest, shares.max())
        axes.bar(places - 0.4 + (k + 0.5) * wide, shares, wide, **role.bar(hatch="//" if simulated else role.hatch))
        axes.text(
            0.985,
            0.93 - 0.1 * k,
            f"■ {label}",
            color=role.ink,
            fontweight="bold",
            ha="right",
            va="center",
            transform=axes.transAxes,
        )
    axes.set_ylim(0, 1.12 * tallest)
    axes.set_xlim(-0.6, high + 0.6)
    ticks = places if high < 15 else places[:: high // 10]
    style.set_ticks(axes.xaxis, ticks, [f"{place}+" if place == high else place for place in ticks])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("staleness: updates between the copy of the weights and the gradient's own update")
    axes.set_title(
        f"{len(staleness):,} gradients: mean staleness {staleness.mean():.2f}, simulated {np.mean(predicted):.2f}"
    )
    return style.say(
        figure,
        f"Staleness of {len(staleness)} gradients from {len(names)} workers: mean {staleness.mean():.2f}, largest "
        f"{staleness.max()}; the simulator gives {np.mean(predicted):.2f} and {np.max(predicted)}.",
    )


@style.styled
def stale_learners(panels):
    """Share of runs that have solved the two exits against updates; one line a staleness, one panel a setting.

    Args:
        panels: dict from a title to a dict from a staleness to (updates, solved).
    """
    figure, axes = style.new_figure(10, 4.5, 1, len(panels), left=0.095, right=0.975, bottom=0.15, top=0.9, wspace=0.14)
    looks = (VALUE, REWARD, NEGATIVE)
    said = []
    for ax, (title, lines) in zip(np.atleast_1d(axes), panels.items()):
        ends = []
        for (late, (updates, solved)), role in zip(lines.items(), looks):
            ax.plot(updates, solved, **role.line(markevery=8))
            ends.append([solved[-1], f"staleness {late}: {solved[-1]:.0%}", role])
            said.append(f"{title}, staleness {late}: {solved[-1]:.0%}")
        ax.set(xlim=(0, updates[-1]), ylim=(-0.02, 1.32))
        for row, (_, text, role) in enumerate(ends):
            ax.text(
                0.03,
                0.965 - 0.072 * row,
                f"{role.sign} {text}",
                color=role.ink,
                fontweight="bold",
                va="center",
                transform=ax.transAxes,
            )
        ax.set_title(title)
        style.set_ticks(ax.xaxis, (0, 4000, 8000), ("0", "4k", "8k"))
        style.set_ticks(ax.yaxis, (0, 0.5, 1), ("0%", "50%", "100%") if ax is np.atleast_1d(axes)[0] else ("",) * 3)
        ax.set_xlabel("updates")
    np.atleast_1d(axes)[0].set_ylabel("runs that solved it", labelpad=2)
    return style.say(figure, f"Share of 256 runs that solved the two exits after 8,000 updates. {'; '.join(said)}.")
