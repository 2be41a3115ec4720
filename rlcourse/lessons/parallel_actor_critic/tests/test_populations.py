"""Few environments or many: what is stored, and that averaged gradients of workers are the gradient of the mean."""

import itertools

import pytest
import torch

import rlcourse as rl
from rlcourse.course import claims
from rlcourse.lessons.parallel_actor_critic import explorers as lab
from rlcourse.lessons.parallel_actor_critic import populations
from rlcourse.lessons.parallel_actor_critic.populations import RACES, Setting

STORED = claims.results()[populations.EQUAL_STEPS]


def weighted_average(gradients, steps):
    return torch.tensordot(steps, gradients, dims=1) / steps.sum()


class OfThreeWorkers(rl.ParallelActorCritic):
    """What the lesson calls MyA2C."""

    def update(self, batch):
        shares = batch[:, :, :10], batch[:, :, 10:14], batch[:, :, 14:]
        steps = torch.tensor([10.0, 4.0, 2.0]) * len(batch)
        sent = [populations.gradients(self, share) for share in shares]
        averaged = [weighted_average(torch.stack(parts), steps) for parts in zip(*sent)]
        return populations.step(self, averaged)


def weights(histories):
    return [torch.cat([p.detach().ravel() for p in h.agent.actor.parameters()]) for h in histories]


# ---------------------------------------------------------------- workers and their learner


@pytest.mark.covers("AL-04")
@pytest.mark.parametrize("updates", [1, 2])
def test_three_workers_make_the_update_of_one(updates):
    options = {"seeds": 2, "total_steps": 128 * updates, "num_envs": 16, "progress": False}
    theirs, whole = (
        weights(rl.train_many(algorithm, "CartPole-v1", **options))
        for algorithm in (OfThreeWorkers, rl.ParallelActorCritic)
    )
    for a, b in zip(theirs, whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_plain_mean_is_another_update():
    generator = torch.Generator().manual_seed(0)
    gradients, steps = torch.randn(3, 5, generator=generator), torch.tensor([10.0, 4.0, 2.0])
    assert not torch.allclose(weighted_average(gradients, steps), gradients.mean(0))


# ---------------------------------------------------------------- equal steps


def test_the_windows_are_the_walks_in_pieces():
    steps = torch.arange(16.0)[:, None, None].expand(16, 2, 3) + 100 * torch.arange(3.0)
    never = torch.zeros(16, 2, 3, dtype=torch.bool)
    batch = rl.Transitions(steps[..., None], steps, steps, steps[..., None], never, never)
    folded = populations.windows(batch)
    assert folded.rewards.shape == (8, 2, 6) and folded.obs.shape == (8, 2, 6, 1)
    columns = {tuple(folded.rewards[:, 0, k].tolist()) for k in range(6)}
    assert columns == {tuple(100.0 * n + start + t for t in range(8)) for n in range(3) for start in (0.0, 8.0)}


def test_updates_and_rows_of_a_setting():
    assert Setting(256).updates == 29 and Setting(16).updates == 468 and Setting(1).updates == 7_500
    assert {setting.rows for setting in RACES["128 steps in every update"]} == {128}


def found(name):
    return STORED[name], STORED[f"{name}_low"], STORED[f"{name}_high"]


def test_more_environments_at_the_same_steps_were_worse():
    race = [found(setting.name) for setting in RACES["8 steps of each"]]
    assert all(low > high for (_, low, _), (_, _, high) in itertools.pairwise(race))


def test_the_window_and_not_the_number_of_environments_made_the_difference():
    (_, low_1, high_1), (_, low_16, high_16) = found("cut1_t128"), found("n16_t8")
    assert low_1 < high_16 and low_16 < high_1
    assert found("n1_t128")[1] > found("n64_t2")[2]


def test_a_larger_step_size_helped_64_environments():
    assert found("n64_t8_x2")[1] > found("n64_t8")[2]


# ---------------------------------------------------------------- the explorer


def test_the_returns_are_hidden_at_first():
    assert "return" not in lab.equal_steps.alt_text()
    assert "N = 256, T = 8: 29 updates" in lab.equal_steps.alt_text()


@pytest.mark.parametrize("race", RACES)
def test_the_returns_are_the_stored_ones(race):
    said = lab.equal_steps.alt_text(race=race, learned=True)
    for setting in RACES[race]:
        assert f"{setting.updates:,} updates, return {STORED[setting.name]:.0f} (" in said
