"""Lesson 06's explorers: the lab tells the truth in all six cases."""

import pytest

from rlcourse.experiments import lesson_06 as numbers
from rlcourse.explorers import lesson_06


@pytest.mark.covers("FIG-06", "CL-28", "MIS-20", "MIS-22")
class TestClipLab:
    @pytest.mark.parametrize(
        ("case", "said"),
        [
            (1, "L = min(1.00, 1.00) = 1.00 with slope +1; case 1, in range: L = ρA, goes on"),
            (2, "L = min(−1.00, −1.00) = −1.00 with slope −1; case 2, in range: L = ρA, goes on"),
            (3, "L = min(0.50, 0.80) = 0.50 with slope +1; case 3, ρ < 1−ε: L = ρA, returns"),
            (4, "L = min(−0.50, −0.80) = −0.80 with slope 0; case 4, ρ < 1−ε: L = (1−ε) A, enough"),
            (5, "L = min(1.50, 1.20) = 1.20 with slope 0; case 5, ρ > 1+ε: L = (1+ε) A, enough"),
            (6, "L = min(−1.50, −1.20) = −1.50 with slope −1; case 6, ρ > 1+ε: L = ρA, returns"),
        ],
    )
    def test_the_six_cases(self, case, said):
        ratio, advantage = numbers.CASES[case]
        assert said in lesson_06.clip_lab.alt_text(ratio=ratio, advantage=advantage)

    def test_why_the_min(self):
        without = {"no_min": True}
        said = lesson_06.clip_lab.alt_text(ratio=0.5, **without)
        assert "L = 0.80 with slope 0; case 3, ρ < 1−ε: L = (1−ε) A, stuck" in said
        assert "PPO's own L there is min(0.50, 0.80)" in said
        assert "case 6, ρ > 1+ε: L = (1+ε) A, stuck" in lesson_06.clip_lab.alt_text(ratio=1.5, advantage=-1, **without)

    def test_why_the_clip(self):
        assert "case 5, ρ > 1+ε: L = ρA, runs off" in lesson_06.clip_lab.alt_text(ratio=1.5, no_clip=True)
        assert "case 4, ρ < 1−ε: L = ρA, runs off" in lesson_06.clip_lab.alt_text(ratio=0.5, advantage=-1, no_clip=True)

    def test_without_advantage_a_sample_is_silent(self):
        assert "silent" in lesson_06.clip_lab.alt_text(advantage=0)

    def test_one_card_is_lit(self):
        for ratio, advantage in numbers.CASES.values():
            figure = lesson_06.clip_lab.draw(ratio=ratio, advantage=advantage)
            assert sum(patch.get_linewidth() == 3 for patch in figure.artists + figure.patches) == 1


    def test_no_slope_is_given_away_before_it_is_asked_for(self, words):
        asked = [text for text, _ in words(lesson_06.clip_lab.draw())]
        assert asked.count("slope ?") == 5 and sum("L = " in text for text in asked) == 2  # the header and one card
        told = [text for text, _ in words(lesson_06.clip_lab.draw(show_all=True))]
        assert "slope ?" not in told
        said = lesson_06.clip_lab.alt_text(show_all=True)
        assert "slopes of the cases 1 to 6: +1, −1, +1, 0, 0, −1" in said
        assert "cases 1 to 6" not in lesson_06.clip_lab.alt_text()

    def test_only_the_zone_of_the_sample_has_a_thick_curve(self):
        def thick(**settings):
            figure = lesson_06.clip_lab.draw(**settings)
            return [line.get_xdata() for axes in figure.axes for line in axes.lines if line.get_linewidth() == 6]

        (seen,) = thick(ratio=0.5)
        assert (seen.min(), seen.max()) == (0, 0.8)
        (seen,) = thick(ratio=1.5, advantage=-1)
        assert (seen.min(), seen.max()) == (1.2, 3)
        assert [len(x) for x in thick(show_all=True)] == [len(thick(show_all=True)[0])] * 2

    @pytest.mark.parametrize("no_min", [False, True])
    def test_the_ball_and_the_term_that_was_not_taken(self, no_min):
        """At (0.5, +1) the two terms are 0.5 and 0.8: PPO takes the lower one, without the min it is the upper one."""
        figure = lesson_06.clip_lab.draw(ratio=0.5, no_min=no_min)
        across = [line for line in figure.axes[0].lines if line.get_transform() == figure.axes[0].transData]
        lines = [line for line in across if list(line.get_xdata()) == [0.5]]
        ball = max(lines, key=lambda line: line.get_zorder())
        assert list(ball.get_ydata()) == [0.8 if no_min else 0.5]
        other = [line.get_ydata()[0] for line in lines if line is not ball]
        assert other == [0.5 if no_min else 0.8]
        assert any(list(line.get_xdata()) == [0.5, 0.5] for line in across)  # joined by a thin line
        home = [line for line in across if len(line.get_xdata()) == 8]
        assert len(home) == no_min  # the road home is on the curve that was lost


@pytest.mark.covers("FIG-05")
def test_the_ridge_tells_a_fall():
    assert "is on the map and its height J is 4.07" in lesson_06.ridge_walk.alt_text(step_size=0.1)
    assert "height J is 6.16" in lesson_06.ridge_walk.alt_text(step_size=0.2)
    lost = lesson_06.ridge_walk.alt_text(step_size=0.3)  # after how many steps, hangs on the last digit
    assert "of 60 steps it has left the map and its height J is below −1000" in lost


@pytest.mark.covers("CL-25")
def test_the_corner_tells_who_is_stuck():
    assert "11.0 % of 500 policies are stuck" in lesson_06.wrong_corner.alt_text(step_size=16, batches=300)
    assert "0.0 % of 500 policies are stuck" in lesson_06.wrong_corner.alt_text(step_size=16, batches=0)


@pytest.mark.covers("CL-25")
def test_the_corner_does_not_tell_the_end_before_it_comes():
    def points(**settings):
        right = lesson_06.wrong_corner.draw(**settings).axes[1]
        return [len(line.get_xdata()) for line in right.lines]

    assert points(step_size=4) == [4, 1]  # smaller step sizes, and the ball
    assert points(step_size=4, batches=300) == [5, 1]
    assert points(show_all=True) == [7, 7, 7, 1]
    assert "after 300 batches at this step size" not in lesson_06.wrong_corner.alt_text()
    assert "are stuck: 1 step 11.0 %" in lesson_06.wrong_corner.alt_text(step_size=16, show_all=True)


@pytest.mark.covers("CL-29", "MIS-19")
def test_the_animator_starts_at_one_and_leaves_the_range():
    said = lesson_06.epoch_animator.alt_text(epochs=0)
    assert "0 % of the ratios are outside the range, between 1.00 and 1.00" in said
    said = lesson_06.epoch_animator.alt_text(epochs=80, learning_rate=1e-2)
    outside = numbers.stored()["reuse"]["clip"]["0.01"]["outside"][80]
    assert outside > 0.4 and f"with clipping {100 * outside:.0f} % of the ratios are outside" in said


@pytest.mark.covers("CL-29", "MIS-19")
@pytest.mark.parametrize(
    ("rate", "epochs", "with_clip", "without"),
    [(3e-4, 10, 0, 0), (3e-4, 80, 23, 68), (3e-3, 40, 22, 96), (1e-2, 80, 77, 100)],
)
def test_the_animator_shows_what_the_lesson_says_of_this_batch(rate, epochs, with_clip, without):
    said = lesson_06.epoch_animator.alt_text(epochs=epochs, learning_rate=rate)
    assert f"with clipping {with_clip} % of the ratios are outside" in said and f"without, {without} %" in said


@pytest.mark.covers("CL-30", "ERR-32")
def test_a_ratio_of_one_beside_a_large_divergence():
    said = lesson_06.ratio_and_kl.alt_text(old=(0.5, 0.499, 0.001), push_1=0, push_2=-6.2, push_3=6.2)
    assert "Ratios 1.01, 0.00, 495.84" in said and "KL 3.081" in said
