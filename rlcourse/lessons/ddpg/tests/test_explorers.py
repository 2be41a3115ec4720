"""Explorers, second half: the alt texts say what is true."""

import pytest

from rlcourse.course import claims
from rlcourse.lessons.ddpg import experiments as lab
from rlcourse.lessons.ddpg import explorers


@pytest.mark.covers("EQ-34", "MIS-23")
def test_the_chain_rule_lab_says_where_the_actor_stands():
    said = explorers.chain_rule_lab.alt_text()
    assert "began at −0.30 stands at −0.30 after 0 steps" in said
    path = lab.climb(-0.3, [lab.LEFT, lab.RIGHT], 0.01, 0)
    product = path.slope_q[0] * path.slope_mu[0]
    assert f"is {product:.2f}".replace("-", "−") in said
    assert "stands at −1.10 after 80 steps" in explorers.chain_rule_lab.alt_text(steps=80)
    fooled = explorers.chain_rule_lab.alt_text(start=0.1, steps=80, spike=0.5)
    assert "stands at 0.54" in fooled and "the critic says 0.97, the truth is 0.50" in fooled
    assert "stands at 1.20" in explorers.chain_rule_lab.alt_text(start=0.1, steps=80)


@pytest.mark.covers("CL-35", "CL-36")
def test_the_meter_counts_exactly():
    assert "asks the critic about 68,921 actions" in explorers.argmax_meter.alt_text(dimensions=3)
    assert "about 531,441 actions" in explorers.argmax_meter.alt_text(dimensions=3, points=81)
    stored = claims.results()["CL-35"]["ms_1"]
    assert f"search {stored:.2f} ms" in explorers.argmax_meter.alt_text()
    assert "not timed" in explorers.argmax_meter.alt_text(points=43)


@pytest.mark.covers("EQ-38", "CL-41", "CL-42", "MIS-27", "EQX-09")
def test_the_noise_lab_says_its_numbers():
    said = explorers.noise_lab.alt_text(beta=0.15, mu=0.95)
    assert "stationary deviation 0.38" in said and "correlate by 0.8500" in said and "3.5 times as far" in said
    assert "45 % of the actions are cut and the played mean is 0.82" in said
    assert "deviation 0.20, neighbours correlate by 0.0000" in explorers.noise_lab.alt_text()
    found = claims.results()["CL-42"]
    said = explorers.noise_lab.alt_text(beta=0.15, sigma=0.5)
    assert f"{found['car_ou']:.0f} % of cars reach the flag" in said
