"""Lesson 06's explorers: the lab tells the truth in all six cases."""

import pytest

from rlcourse.experiments import lesson_06 as numbers
from rlcourse.explorers import lesson_06


@pytest.mark.covers("FIG-06", "CL-28", "MIS-20", "MIS-22")
class TestClipLab:
    @pytest.mark.parametrize(
        ("case", "said"),
        [
            (1, "L = 1.00 with slope +1.00; case 1, in range: L = ρA, goes on"),
            (2, "L = −1.00 with slope −1.00; case 2, in range: L = ρA, goes on"),
            (3, "L = 0.50 with slope +1.00; case 3, ρ < 1−ε: L = ρA, returns"),
            (4, "L = −0.80 with slope 0.00; case 4, ρ < 1−ε: L = (1−ε) A, enough"),
            (5, "L = 1.20 with slope 0.00; case 5, ρ > 1+ε: L = (1+ε) A, enough"),
            (6, "L = −1.50 with slope −1.00; case 6, ρ > 1+ε: L = ρA, returns"),
        ],
    )
    def test_the_six_cases(self, case, said):
        ratio, advantage = numbers.CASES[case]
        assert said in lesson_06.clip_lab.alt_text(ratio=ratio, advantage=advantage)

    def test_why_the_min(self):
        without = {"no_min": True}
        assert "slope 0.00; case 3, ρ < 1−ε: L = (1−ε) A, stuck" in lesson_06.clip_lab.alt_text(ratio=0.5, **without)
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


@pytest.mark.covers("FIG-05")
def test_the_ridge_tells_a_fall():
    assert "is on the map and its height J is 4.07" in lesson_06.ridge_walk.alt_text(step_size=0.1)
    assert "height J is 6.16" in lesson_06.ridge_walk.alt_text(step_size=0.2)
    assert "has left the map" in lesson_06.ridge_walk.alt_text(step_size=0.25)
    assert "after 28 of 60 steps it has left the map and its height J is below −1000" in lesson_06.ridge_walk.alt_text(
        step_size=0.3
    )


@pytest.mark.covers("CL-25")
def test_the_corner_tells_who_is_stuck():
    assert "11.0 % of 500 policies are stuck" in lesson_06.wrong_corner.alt_text(step_size=16, batches=300)
    assert "0.0 % of 500 policies are stuck" in lesson_06.wrong_corner.alt_text(step_size=16, batches=0)


@pytest.mark.covers("CL-29", "MIS-19")
def test_the_animator_starts_at_one_and_leaves_the_range():
    said = lesson_06.epoch_animator.alt_text(epochs=0)
    assert "0 % of the ratios are outside the range, between 1.00 and 1.00" in said
    said = lesson_06.epoch_animator.alt_text(epochs=80, learning_rate=1e-2)
    outside = numbers.stored()["reuse"]["clip"]["0.01"]["outside"][80]
    assert outside > 0.4 and f"with clipping {100 * outside:.0f} % of the ratios are outside" in said


@pytest.mark.covers("CL-30", "ERR-32")
def test_a_ratio_of_one_beside_a_large_divergence():
    said = lesson_06.ratio_and_kl.alt_text(old=(0.5, 0.499, 0.001), push_1=0, push_2=-6.2, push_3=6.2)
    assert "Ratios 1.01, 0.00, 495.84" in said and "KL 3.081" in said
