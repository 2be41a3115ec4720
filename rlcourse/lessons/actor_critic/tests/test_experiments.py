"""Numbers: the learners against an oracle and against one written out by hand, claims with loose bounds."""

import json

import numpy as np
import pytest
import torch

from rlcourse import exact
from rlcourse.course import claims, critics
from rlcourse.envs import LEFT, RIGHT, two_exits
from rlcourse.lessons.actor_critic import cartpole
from rlcourse.lessons.actor_critic import experiments as lesson

# ---------------------------------------------------------------- the learners


def test_the_world_is_the_table_of_the_two_exits():
    world = two_exits()
    for place in range(1, lesson.PLACES - 1):
        for action, move in ((LEFT, -1), (RIGHT, 1)):
            assert lesson.PAYS[place + move] == pytest.approx(world.rewards[place - 1, action].item())
    assert lesson.PAYS[[0, -1]] == pytest.approx([0.38, 0.98])


@pytest.mark.parametrize("seed", range(3))
def test_the_expected_return_is_the_oracle_s(seed):
    right = np.random.default_rng(seed).random((4, 7))
    for row, found in zip(right, lesson.expected_return(right), strict=True):
        policy = torch.from_numpy(np.stack([1 - row, row], -1))
        assert found == pytest.approx(exact.evaluate(two_exits(), policy, gamma=lesson.GAMMA).V[3].item())


def test_the_two_pure_policies():
    always = lesson.expected_return(np.array([[1.0] * 7, [0.0] * 7]))
    assert always == pytest.approx([0.836, 0.289], abs=5e-4)


def by_hand(batch, env_steps, step_size, noise, seed, learners, critic="td"):
    """The same learners one at a time, with two logits each, in plain Python."""
    crowd = lesson._Walkers(learners, 1, noise, seed)
    logits, values = np.zeros((learners, 9, 2)), np.zeros((learners, 9))
    waiting = [[] for _ in range(learners)]
    for t in range(1, env_steps + 1):
        here, _, right, rewards, there, ended = crowd.walk((logits[..., 1] - logits[..., 0]).ravel())
        for i in range(learners):
            waiting[i].append((here[i] - 9 * i, int(right[i]), rewards[i], there[i] - 9 * i))
            if not (ended[i] if batch == "episode" else t % batch == 0):
                continue
            move_logits, move_values = np.zeros((9, 2)), np.zeros(9)
            share = 1.0 if batch == "episode" else 1 / batch
            pi = np.exp(logits[i]) / np.exp(logits[i]).sum(-1, keepdims=True)
            for s, a, r, after in waiting[i]:
                delta = r + lesson.GAMMA * values[i, after] - values[i, s]
                move_logits[s] += step_size * share * (np.eye(2)[a] - pi[s]) * delta
                move_values[s] += 0.4 * step_size * share * delta
            if critic == "mc":
                move_values[:] = 0.0
                for place in {s for s, *_ in waiting[i]}:
                    seen = [k for k, (s, *_) in enumerate(waiting[i]) if s == place]
                    rewards_of = [r for _, _, r, _ in waiting[i]]
                    to_go = [sum(lesson.GAMMA**j * r for j, r in enumerate(rewards_of[k:])) for k in seen]
                    v = values[i, place]
                    for _ in seen:
                        v += 0.4 * step_size * (np.mean(to_go) - v)
                    move_values[place] = v - values[i, place]
            logits[i] += move_logits
            values[i] += move_values
            waiting[i] = []
    return logits[..., 1] - logits[..., 0], values


@pytest.mark.covers("AL-02", "AL-03")
@pytest.mark.parametrize(("batch", "critic"), [(1, "td"), (5, "td"), ("episode", "td"), ("episode", "mc")])
def test_the_learners_do_what_the_listing_says(batch, critic):
    setting = {"batch": batch, "env_steps": 60, "step_size": 0.5, "noise": 0.3, "seed": 3, "learners": 4}
    trained = lesson.learn(**setting, critic=critic)
    difference, values = by_hand(**setting, critic=critic)
    np.testing.assert_allclose(trained.values, values[:, 1:-1], atol=1e-10)
    np.testing.assert_allclose(trained.right, 1 / (1 + np.exp(-difference[:, 1:-1])), atol=1e-10)


def test_several_walkers_share_the_tables_of_a_learner():
    one = lesson.learn(walkers=8, env_steps=800, learners=6, noise=0.5)
    assert one.values.shape == (6, 7) and one.steps.tolist() == [800]
    assert np.ptp(one.values, axis=0).max() > 0  # six learners, each with its own luck


def test_the_monte_carlo_critic_waits_for_the_end():
    with pytest.raises(ValueError, match="episode"):
        lesson.learn(critic="mc", env_steps=10)


# ---------------------------------------------------------------- claims


@pytest.mark.covers("CL-16", "ERR-21")
def test_once_an_episode_is_no_waste():
    found = lesson.once_an_episode_or_once_a_step()
    assert found["quiet_online"] == pytest.approx(found["quiet_batch"], abs=0.005)
    assert found["quiet_returns"] > 0.8
    assert found["noisy_online"] > found["noisy_batch"] + 0.05
    assert found["third_batch"] > found["noisy_batch"] + 0.1
    assert found["third_online"] == pytest.approx(found["third_batch"], abs=0.04)  # and there they are alike again


@pytest.mark.covers("CL-17", "ERR-22", "MIS-15")
def test_a_single_sample_needs_a_shorter_step():
    found = lesson.one_sample_an_update()
    assert found["solved_one"] < 0.7
    assert found["solved_many"] > found["solved_one"] + 0.15
    assert found["solved_small"] == pytest.approx(found["solved_many"], abs=0.08)
    assert found["solved_calm"] > 0.98
    assert found["updates_1"] < found["updates_4"] < found["updates_16"]


@pytest.mark.covers("MIS-15", "CL-17")
class TestMap:
    def test_it_is_the_grid_it_says(self):
        stored = json.loads(lesson.MAP.read_text(encoding="utf-8"))
        assert (tuple(stored["noise"]), tuple(stored["batch"])) == (lesson.NOISES, lesson.BATCHES)
        assert tuple(stored["step_size"]) == lesson.STEP_SIZES
        solved, returns = lesson.step_size_map()
        assert solved.shape == returns.shape == (7, 4, 11)
        assert solved.min() >= 0 and solved.max() <= 1

    @pytest.mark.parametrize(("noise", "batch", "step_size"), [(1.0, 16, 0.398), (0.25, 1, 1.0)])
    def test_a_cell_run_again_is_the_stored_one(self, noise, batch, step_size):
        solved, returns = lesson.step_size_map()
        at = lesson.NOISES.index(noise), lesson.BATCHES.index(batch), lesson.STEP_SIZES.index(step_size)
        found = lesson.map_cell(noise, batch, step_size)
        slack = 4 * (0.5 / 256) ** 0.5  # four standard errors of the difference of two shares of 256 learners
        assert found == (pytest.approx(solved[at], abs=slack), pytest.approx(returns[at], abs=slack))

    def test_cells_of_equal_step_size_a_sample_agree(self):
        """Three columns are a factor of 4, one row is too: along the diagonal the shares are the same."""
        solved, _ = lesson.step_size_map()
        gaps = np.abs(solved[:, 1:, 3:] - solved[:, :-1, :-3])
        assert gaps.mean() < 0.04
        assert gaps.max() < 0.25

    def test_along_a_row_they_do_not(self):
        solved, _ = lesson.step_size_map()
        assert np.abs(solved[4, :, 3:] - solved[4, :, :-3]).mean() > 0.2


# ---------------------------------------------------------------- the same record, read twice


def read(episode, step, **changes):
    return lesson.read_record(episode, step, **{"step_size": 0.5, "noise": 0.0, "critic": "td", **changes})


@pytest.mark.covers("AL-02", "AL-03", "ERR-21")
class TestRecord:
    @pytest.mark.parametrize("moves", lesson.EPISODES)
    def test_every_episode_leaves_at_its_last_step(self, moves):
        cells = lesson.MIDDLE + np.cumsum([1 if move == "R" else -1 for move in moves])
        assert ((cells[:-1] >= 0) & (cells[:-1] < 7)).all() and cells[-1] in (-1, 7)

    def test_batch_waits_and_online_does_not(self):
        for step in range(8):
            moment = read(2, step)
            assert (moment.batch.updates, moment.online.updates) == (1, 8 + step)
        assert read(2, 8).batch.updates == 2

    def test_online_moves_one_cell_a_step(self):
        for step in range(1, 9):
            moment = read(3, step)
            moved = np.flatnonzero(moment.online.values != moment.online.values_before)
            assert moved.tolist() == [moment.path[-2]]

    def test_the_first_steps_by_hand(self):
        moment = read(1, 1)
        assert moment.delta == pytest.approx(-0.02)
        assert moment.online.values[3] == pytest.approx(-0.01)
        assert moment.online.right[3] == pytest.approx(1 / (1 + np.exp(0.01)))  # both logits by 0.5 * 0.5 * 0.02
        assert np.isnan(read(1, 0).delta)

    def test_returns_reach_every_cell_of_the_episode_at_once(self):
        assert (read(1, 8, critic="mc").batch.values[3:] > 0.3).all()
        assert (read(1, 8).online.values[3:6] < 0).all()

    def test_with_tiny_steps_both_learn_the_same(self):
        """The difference is of second order in the step size: who moves first changes what the next step sees."""
        gaps = [np.abs(m.batch.values - m.online.values).max() for m in (read(5, 8, step_size=e) for e in (0.2, 0.1))]
        assert gaps[1] < gaps[0] / 3


# ---------------------------------------------------------------- two mistakes


@pytest.mark.covers("ERR-13", "ERR-21")
class TestBugs:
    SETTING = {"step_size": 0.2, "env_steps": 4000}

    def test_the_right_learner_solves_it(self):
        assert lesson.learn(**self.SETTING).solved[-1] == 1.0

    def test_a_leaking_actor_talks_the_critic_up_and_never_leaves(self):
        """V beyond what the world can pay, and a return near that of walking up and down forever, -0.02 / (1 - γ)."""
        group = lesson.learn(**self.SETTING, detached=False)
        assert group.solved[-1] == 0.0
        assert np.median(group.values, axis=0)[2:5].min() > 2 * lesson.PAYS.max()
        assert group.returns[-1].mean() == pytest.approx(-0.02 / (1 - lesson.GAMMA), abs=0.01)

    def test_a_critic_of_rewards_leaves_the_middle_to_chance(self):
        group = lesson.learn(**self.SETTING, critic="reward")
        assert group.solved[-1] == 0.0
        np.testing.assert_allclose(np.median(group.values, axis=0)[1:-1], -0.02, atol=0.005)
        np.testing.assert_allclose(group.right.mean(0), [0, 0, 0.5, 0.5, 0.5, 1, 1], atol=0.05)
        chance = lesson.expected_return(np.array([[0, 0, 0.5, 0.5, 0.5, 1, 1]]))[0]
        assert group.returns[-1].mean() == pytest.approx(chance, abs=0.01)


# ---------------------------------------------------------------- the race of the critics


@pytest.mark.covers("CL-15")
def test_the_errors_are_those_of_tables_trained_with_the_noise_in_them():
    """Linear in the rewards: table = quiet + noise * added; trained here the plain way."""
    td, monte_carlo = critics.race(runs=3, episodes=4, seed=5)
    rng, noise = np.random.default_rng(5), 0.7
    tables = np.full((2, len(critics.RATES), 3, critics.WALK + 2), 0.5)
    tables[..., [0, -1]] = 0.0
    for _ in range(4):
        cells, pays, luck, walking = critics.walks(rng, 3)
        for run in range(3):
            steps = int(walking[:, run].sum())
            rewards = pays[:steps, run] + noise * luck[:steps, run]
            for k, rate in enumerate(critics.RATES):
                for t in range(steps):
                    s, after = cells[t, run], cells[t + 1, run]
                    for table, target in (
                        (tables[0, k, run], rewards[t] + tables[0, k, run][after]),
                        (tables[1, k, run], rewards[t:].sum()),
                    ):
                        table[s] += rate * (target - table[s])
    for found, expected in zip((td, monte_carlo), tables, strict=True):
        np.testing.assert_allclose(found.at(noise)[-1], expected[..., 1:-1], atol=1e-10)


# ---------------------------------------------------------------- how fast the critic learns beside the actor


@pytest.mark.covers("CL-66")
class TestCriticSteps:
    def test_a_slow_actor_wants_a_faster_critic_and_a_fast_one_a_slower(self):
        found = lesson.faster_critic()
        assert found["short_fast"] > found["short_slow"] + 0.08
        assert found["long_slow"] > found["long_fast"] + 0.25
        assert min(found["calm_slow"], found["calm_fast"]) > 0.97

    def test_the_map_is_the_grid_it_says(self):
        stored = json.loads(lesson.CRITIC_MAP.read_text(encoding="utf-8"))
        assert tuple(stored["noise"]) == lesson.CRITIC_NOISES
        assert tuple(stored["step_size"]) == lesson.ACTOR_STEPS
        assert tuple(stored["critic_step_size"]) == lesson.CRITIC_STEPS
        assert lesson.critic_map().shape == (4, 3, 7)

    def test_a_point_run_again_is_the_stored_one(self):
        slack = 4 * (0.5 / 512) ** 0.5  # four standard errors of the difference of two shares of 512 learners
        found = lesson.learn(step_size=0.2, critic_step_size=1.0, noise=1.0, learners=512).solved[-1]
        assert found == pytest.approx(lesson.critic_map()[2, 1, 6], abs=slack)

    def test_with_noise_every_actor_wants_much_the_same_critic(self):
        best = lesson.critic_map()[2].argmax(-1)
        assert all(0.05 <= lesson.CRITIC_STEPS[column] <= 0.2 for column in best)


# ---------------------------------------------------------------- with networks


@pytest.mark.covers("AL-02", "AL-03")
def test_every_algorithm_learns_on_cartpole():
    """Stored numbers: a policy that tosses a coin holds the pole for about 22 steps."""
    curves = cartpole.curves(claims.results()[cartpole.CLAIM])
    assert list(curves) == list(cartpole.CARTPOLE)
    for steps, center, low, high in curves.values():
        assert len(steps) == len(center) == cartpole.MARKS
        assert all(a <= b <= c for a, b, c in zip(low, center, high, strict=True))
        assert center[-1] > 60 and center[-1] > 2 * center[0]


def test_all_have_one_network_and_one_discount():
    assert {run.config.hidden for run in cartpole.CARTPOLE.values()} == {(64, 64)}
    assert {run.config.gamma for run in cartpole.CARTPOLE.values()} == {0.99}
