"""The explorers of the lesson: what their scenes and numbers must agree with."""

import numpy as np
import pytest

from rlcourse.lessons.parallel_actor_critic import experiments as numbers
from rlcourse.lessons.parallel_actor_critic import explorers as lab


@pytest.mark.covers("FIG-03", "MIS-17")
def test_every_asynchronous_update_is_one_workers_gradient():
    scenes = lab.scenes("async")
    assert len(scenes) == len(lab.shared_network.controls["step"].positions())
    for before, after in zip(scenes[1::2], scenes[2::2]):
        [giver] = [i for i, doing in enumerate(before[2]) if doing == "hands in"]
        assert after[0] == before[0] + 1 and after[1][giver] == after[0]
        assert [copy for i, copy in enumerate(after[1]) if i != giver] == [
            copy for i, copy in enumerate(before[1]) if i != giver
        ]
        assert f"staleness {before[0] - before[1][giver]}" in before[3]


@pytest.mark.covers("FIG-03")
def test_synchronous_copies_are_never_behind():
    scenes = lab.scenes("sync")
    assert len(scenes) == len(lab.scenes("async"))
    assert all(set(copies) == {shared} for shared, copies, _, _ in scenes)
    assert scenes[-1][0] == 3


@pytest.mark.covers("CL-20")
@pytest.mark.parametrize("workers", [1, 8, 64])
def test_the_timeline_says_staleness_and_step_size(workers):
    said = lab.parallel_timeline.alt_text(mode="async", workers=workers, spread=0.25)
    assert f"{workers} worker" in said and "at work 100% of the time" in said
    stale = lab.play("async", workers, 0.25, 0).mean_staleness
    assert stale == pytest.approx(workers - 1, abs=0.5)
    assert float(said.split("largest stable step ")[1].split(";")[0].rstrip(".")) == pytest.approx(
        numbers.largest_stable_step(stale), rel=0.02
    )
    assert ("8 of the workers are drawn" in said) == (workers == 64)


@pytest.mark.parametrize(("workers", "spread", "learner", "numbered"), [(8, 0.25, 0, True), (64, 1.0, 0.2, False)])
def test_the_key_speaks_of_numbers_only_where_bars_carry_some(workers, spread, learner, numbered):
    figure = lab.parallel_timeline.draw(mode="async", workers=workers, spread=spread, learner=learner)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert any(word.isdigit() for word in words) == any("number: staleness" in word for word in words) == numbered


@pytest.mark.covers("CL-19")
def test_the_timeline_of_equal_workers_shows_no_waiting():
    said = lab.parallel_timeline.alt_text(mode="sync", workers=16, spread=0)
    assert "at work 100% of the time" in said and "mean staleness 0" in said
    assert "at work 16% of the time" in lab.parallel_timeline.alt_text(
        mode="async", workers=64, spread=0.25, learner=0.1
    )


@pytest.mark.covers("CL-18")
def test_the_gap_is_the_claims():
    ratio = numbers.parallel_or_consecutive()["ratio"]
    assert f"{ratio:.1f} times as much" in lab.parallel_or_consecutive.alt_text(k=8)
    assert "1.0 times as much" in lab.parallel_or_consecutive.alt_text(k=0)


@pytest.mark.parametrize("explorer", [lab.parallel_or_consecutive, lab.parallel_timeline, lab.stale_descent])
def test_the_first_picture_does_not_answer_the_question(explorer):
    said = explorer.alt_text()
    assert not [answer for answer in ("4.6", "72%", "57%", "0.209") if answer in said], said


def test_the_side_view_is_at_right_angles_to_the_truth():
    truth = numbers.walk(15).truth
    along = truth / np.linalg.norm(truth)
    across = lab.principal(numbers.sampled_means("consecutive")[-1], along)
    assert across @ along == pytest.approx(0, abs=1e-9) and np.linalg.norm(across) == pytest.approx(1)


@pytest.mark.parametrize(
    ("delay", "step", "verdict"),
    [
        (0, 1.98, "it settles"),
        (0, 2.0, "on the edge"),
        (1, 1.0, "on the edge"),
        (7, 0.2, "it settles"),
        (7, 0.22, "it blows up"),
        (31, 2.0, "it blows up"),
    ],
)
def test_old_gradients_settle_below_the_limit_only(delay, step, verdict):
    assert verdict in lab.stale_descent.alt_text(delay=delay, step=step)
