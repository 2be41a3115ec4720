"""Explorers: the lab tells the truth in all six cases."""

import pytest

from rlcourse.course.figures import style
from rlcourse.lessons.ppo_clipping import experiments as numbers
from rlcourse.lessons.ppo_clipping import explorers


@pytest.mark.covers("FIG-06", "CL-28", "MIS-20", "MIS-22")
class TestClipLab:
    @pytest.mark.parametrize(
        ("case", "said"),
        [
            (1, "L = min(0.50, 0.80) = 0.50 with slope +1; case 1, ρ < 1−ε: L = ρA, returns"),
            (2, "L = min(1.00, 1.00) = 1.00 with slope +1; case 2, in range: L = ρA, goes on"),
            (3, "L = min(1.40, 1.20) = 1.20 with slope 0; case 3, ρ > 1+ε: L = (1+ε) A, enough"),
            (4, "L = min(−0.50, −0.80) = −0.80 with slope 0; case 4, ρ < 1−ε: L = (1−ε) A, enough"),
            (5, "L = min(−1.00, −1.00) = −1.00 with slope −1; case 5, in range: L = ρA, goes on"),
            (6, "L = min(−1.40, −1.20) = −1.40 with slope −1; case 6, ρ > 1+ε: L = ρA, returns"),
        ],
    )
    def test_the_six_cases(self, case, said):
        ratio, advantage = numbers.CASES[case]
        assert said in explorers.clip_lab.alt_text(ratio=ratio, advantage=advantage)

    def test_why_the_min(self):
        without = {"no_min": True}
        said = explorers.clip_lab.alt_text(ratio=0.5, **without)
        assert "L = 0.80 with slope 0; case 1, ρ < 1−ε: L = (1−ε) A, stuck" in said
        assert "PPO's own L there is min(0.50, 0.80)" in said
        assert "case 6, ρ > 1+ε: L = (1+ε) A, stuck" in explorers.clip_lab.alt_text(ratio=1.5, advantage=-1, **without)

    def test_why_the_clip(self):
        assert "case 3, ρ > 1+ε: L = ρA, runs off" in explorers.clip_lab.alt_text(ratio=1.5, no_clip=True)
        assert "case 4, ρ < 1−ε: L = ρA, runs off" in explorers.clip_lab.alt_text(ratio=0.5, advantage=-1, no_clip=True)

    def test_without_advantage_a_sample_is_silent(self):
        assert "silent" in explorers.clip_lab.alt_text(advantage=0)

    def test_one_card_is_lit(self):
        for ratio, advantage in numbers.CASES.values():
            figure = explorers.clip_lab.draw(ratio=ratio, advantage=advantage)
            assert sum(patch.get_linewidth() == 3 for patch in figure.artists + figure.patches) == 1

    def test_no_slope_is_given_away_before_it_is_asked_for(self, words):
        asked = [text for text, _ in words(explorers.clip_lab.draw())]
        assert asked.count("slope ?") == 5 and sum("L = " in text for text in asked) == 2  # the header and one card
        told = [text for text, _ in words(explorers.clip_lab.draw(show_all=True))]
        assert "slope ?" not in told
        said = explorers.clip_lab.alt_text(show_all=True)
        assert "slopes of the cases 1 to 6: +1, +1, 0, 0, −1, −1" in said
        assert "cases 1 to 6" not in explorers.clip_lab.alt_text()

    def test_only_the_zone_of_the_sample_has_a_thick_curve(self):
        def thick(**settings):
            figure = explorers.clip_lab.draw(**settings)
            return [line.get_xdata() for axes in figure.axes for line in axes.lines if line.get_linewidth() == 6]

        (seen,) = thick(ratio=0.5)
        assert (seen.min(), seen.max()) == (0, 0.8)
        (seen,) = thick(ratio=1.5, advantage=-1)
        assert (seen.min(), seen.max()) == (1.2, 3)
        assert [len(x) for x in thick(show_all=True)] == [len(thick(show_all=True)[0])] * 2

    @pytest.mark.parametrize("no_min", [False, True])
    def test_the_ball_and_the_term_that_was_not_taken(self, no_min):
        """At (0.5, +1) the two terms are 0.5 and 0.8: PPO takes the lower one, without the min it is the upper one."""
        figure = explorers.clip_lab.draw(ratio=0.5, no_min=no_min)
        across = [line for line in figure.axes[0].lines if line.get_transform() == figure.axes[0].transData]
        lines = [line for line in across if list(line.get_xdata()) == [0.5]]
        ball = max(lines, key=lambda line: line.get_zorder())
        assert list(ball.get_ydata()) == [0.8 if no_min else 0.5]
        other = [line.get_ydata()[0] for line in lines if line is not ball]
        assert other == [0.5 if no_min else 0.8]
        assert any(list(line.get_xdata()) == [0.5, 0.5] for line in across)  # joined by a thin line
        home = [line for line in across if len(line.get_xdata()) == 8]
        assert len(home) == no_min  # the road home is on the curve that was lost

    def test_the_numbers_stand_where_they_are_read(self):
        """From left to right: 1 2 3 for good actions, 4 5 6 for bad ones, above the plots as on the cards."""
        figure = explorers.clip_lab.draw(show_all=True)
        style.pixels(figure)
        shown = [text for text in figure.texts if text.get_text() in "123456"]
        boxes = [text.get_window_extent(figure.canvas.get_renderer()) for text in shown]
        found = sorted(zip([box.y0 for box in boxes], [box.x0 for box in boxes], [text.get_text() for text in shown]))
        for row in (found[:6], found[6:]):  # the cards below, the zones above
            assert [number for _, _, number in sorted(row, key=lambda word: word[1])] == list("123456")


@pytest.mark.covers("FIG-05")
def test_the_ridge_tells_a_fall():
    said = explorers.ridge_walk.alt_text(step_size=0.12)
    assert "after 60 steps it is on the ridge and its height J is 2.36" in said
    assert "has fallen to the plain and its height J is 0.00" in explorers.ridge_walk.alt_text(step_size=0.13)
    assert "after 40 steps it is on the ridge" in explorers.ridge_walk.alt_text(step_size=0.13, steps=40)


@pytest.mark.covers("EQ-26")
def test_the_climber_is_promised_more_than_it_gets():
    said = explorers.old_states.alt_text(new=0.5)
    assert (
        "the surrogate promises 1.96, and J is 1.00" in said and "in 10 % of its episodes, the new one in 50 %" in said
    )


@pytest.mark.covers("EQ-26")
def test_the_climber_does_not_tell_j_before_it_is_asked_for():
    def points(**settings):
        lines = explorers.old_states.draw(**settings).axes[0].lines
        return [len(line.get_xdata()) for line in lines if line.get_linewidth() == 3]

    assert points() == [101, 1]  # the surrogate, and one point of J
    assert points(new=0.5) == [101, 41] and points(show_all=True) == [101, 101]


@pytest.mark.covers("CL-25")
def test_the_corner_tells_who_is_stuck():
    assert "11.0 % of 500 policies are stuck" in explorers.wrong_corner.alt_text(step_size=16, batches=300)
    assert "0.0 % of 500 policies are stuck" in explorers.wrong_corner.alt_text(step_size=16, batches=0)


@pytest.mark.covers("CL-25")
def test_the_corner_does_not_tell_the_end_before_it_comes():
    def points(**settings):
        right = explorers.wrong_corner.draw(**settings).axes[1]
        return [len(line.get_xdata()) for line in right.lines]

    assert points(step_size=4) == [4, 1]  # smaller step sizes, and the ball
    assert points(step_size=4, batches=300) == [5, 1]
    assert points(show_all=True) == [7, 7, 7, 1]
    assert "after 300 batches at this step size" not in explorers.wrong_corner.alt_text()
    assert "are stuck: 1 step 11.0 %" in explorers.wrong_corner.alt_text(step_size=16, show_all=True)


@pytest.mark.covers("CL-29", "MIS-19")
def test_the_animator_starts_at_one_and_leaves_the_range():
    said = explorers.epoch_animator.alt_text(epochs=0)
    assert "0 % of the ratios are outside the range, between 1.00 and 1.00" in said
    said = explorers.epoch_animator.alt_text(epochs=80, learning_rate=1e-2)
    outside = numbers.stored()["reuse"]["clip"]["0.01"]["outside"][80]
    assert outside > 0.4 and f"with clipping {100 * outside:.0f} % of the ratios are outside" in said


@pytest.mark.covers("CL-29", "MIS-19")
@pytest.mark.parametrize(
    ("rate", "epochs", "with_clip", "without"),
    [(3e-4, 10, 0, 0), (1e-2, 80, 77, 100)],
)
def test_the_animator_shows_what_the_lesson_says_of_this_batch(rate, epochs, with_clip, without):
    said = explorers.epoch_animator.alt_text(epochs=epochs, learning_rate=rate)
    assert f"with clipping {with_clip} % of the ratios are outside" in said and f"without, {without} %" in said


@pytest.mark.covers("CL-29")
def test_the_animator_draws_no_further_than_it_was_asked():
    figure = explorers.epoch_animator.draw(epochs=7)
    curves = [line for axes in figure.axes for line in axes.lines if line.get_marker() in ("", "None")]
    assert len(curves) == 4 and all(len(line.get_xdata()) == 8 for line in curves)


@pytest.mark.covers("CL-30", "ERR-32")
def test_a_ratio_of_one_beside_a_large_divergence():
    said = explorers.ratio_and_kl.alt_text(old=(0.5, 0.499, 0.001), push_1=0, push_2=-6.2, push_3=6.2)
    assert "Ratios 1.01, 0.00, 495.84" in said and "KL 3.081" in said
