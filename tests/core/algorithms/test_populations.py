"""Many seeds side by side: each does what it does alone, and none knows of another."""

import functools

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse import training
from rlcourse.algorithms.agent import adam
from rlcourse.envs import make_envs
from rlcourse.envs.side_by_side import CartPoles, Pendulums, SideBySide, make_side_by_side
from rlcourse.generators import Generators
from rlcourse.populations import PopulationCollector

SEEDS = (3, 0, 7)  # in an order of their own, so that a seed and its number cannot be confused
REPLAY = {"warmup": 24, "batch_size": 16}
RUNS = {
    rl.Reinforce: ("CartPole-v1", {}, 2_500),
    rl.BatchActorCritic: ("CartPole-v1", {}, 150),
    rl.OnlineActorCritic: ("CartPole-v1", {}, 40),
    rl.ParallelActorCritic: ("CartPole-v1", {}, 1_000),
    rl.OffPolicyActorCritic: ("CartPole-v1", {"batch_size": 16}, 40),
    rl.PPO: (
        "CartPole-v1",
        {"steps": 16, "minibatch_size": 64, "epochs": 2},
        1_500,
    ),  # a ratio at the edge of the clip flips
    rl.DDPG: ("Pendulum-v1", {**REPLAY, "noise": "ou"}, 40),
    rl.TD3: ("Pendulum-v1", REPLAY, 40),
    rl.SAC: ("Pendulum-v1", REPLAY, 40),
    rl.DiscreteSAC: ("CartPole-v1", REPLAY, 40),
    rl.ValueSAC: ("Pendulum-v1", {**REPLAY, "learn_alpha": True}, 40),
}
"""Algorithm -> environment, settings, and steps enough for five updates."""
SPECIAL = {
    "PPO in a Box": (rl.PPO, "Pendulum-v1", {"steps": 16, "minibatch_size": 64, "entropy_weight": 0.01}, 1_500),
    "a table": (rl.ParallelActorCritic, "rlcourse/TwoExits-v0", {"hidden": ()}, 1_000),
    "a full buffer": (rl.SAC, "Pendulum-v1", {**REPLAY, "capacity": 26}, 40),
    "whole episodes of a table": (rl.Reinforce, "rlcourse/Corridor-v0", {}, 1_000),
}
CASES = [(algorithm, *run) for algorithm, run in RUNS.items()] + list(SPECIAL.values())
NAMES = [algorithm.__name__ for algorithm in RUNS] + list(SPECIAL)
UPDATES = 5
SMALL = ("clip_fraction", "largest_ratio", "kl", "explained_variance")  # differences of nearly equal numbers


def options(algorithm, env_id=None, settings=None, total_steps=None):
    own_env, own_settings, own_steps = RUNS[algorithm]
    chosen = algorithm.Config(**(own_settings if settings is None else settings))
    return {"env_id": env_id or own_env, "config": chosen, "total_steps": total_steps or own_steps}


def train_many(algorithm, seeds=SEEDS, **changed):
    return rl.train_many(algorithm, seeds=seeds, progress=False, **options(algorithm, **changed))


def train(algorithm, seed, **changed):
    return rl.train(algorithm, seed=seed, progress=False, **options(algorithm, **changed))


@pytest.fixture
def batches(monkeypatch):
    """What each seed's updates have learned from: {algorithm: {seed: [Transitions, ...]}}, emptied by whoever asks."""
    seen = {}

    def watch(algorithm):
        original = algorithm.update

        def update(agent, batch):
            for number, seed in enumerate(np.ravel(agent.seed)):
                own = batch
                if agent.num_seeds > 1:
                    own = batch[:, number] if batch.rewards.dim() == 3 else batch[number]
                seen.setdefault(int(seed), []).append(own.map(torch.clone))
            return original(agent, batch)

        monkeypatch.setattr(algorithm, "update", update)
        return seen

    return watch


# ---------------------------------------------------------------- the law


@pytest.mark.parametrize(("algorithm", "env_id", "settings", "total_steps"), CASES, ids=NAMES)
def test_a_seed_of_a_population_does_what_it_does_alone(algorithm, env_id, settings, total_steps, batches):
    """The same actions, steps and minibatches reach five updates, with losses equal to 1e-5; so is the agent."""
    changed = {"env_id": env_id, "settings": settings, "total_steps": total_steps}
    seen = batches(algorithm)
    histories, together = train_many(algorithm, **changed), dict(seen)
    for history in histories:
        seen.clear()
        single, [mine] = train(algorithm, history.seed, **changed), seen.values()
        theirs = together[history.seed]
        assert len(mine) == len(theirs) >= UPDATES
        for ours, others in zip(mine[:UPDATES], theirs[:UPDATES]):
            assert ours.rewards.shape == others.rewards.shape
            for name, numbers in vars(ours).items():
                torch.testing.assert_close(getattr(others, name), numbers, rtol=1e-3, atol=1e-3)  # physics amplifies

        assert history.metrics.keys() == single.metrics.keys() and history.total_steps == single.total_steps
        for name in single.metrics.keys() - set(SMALL):
            pair = history.metrics[name][:UPDATES], single.metrics[name][:UPDATES]
            np.testing.assert_allclose(*pair, rtol=1e-5, atol=1e-5, err_msg=name)
        assert np.array_equal(history.steps, single.steps)
        np.testing.assert_allclose(history.returns, single.returns, rtol=1e-5)

        own, expected = history.agent.state(), single.agent.state()
        assert own.keys() == expected.keys()
        for name, numbers in expected.items():
            assert own[name].dtype == numbers.dtype
            np.testing.assert_allclose(own[name], numbers, rtol=1e-3, atol=1e-4, err_msg=name)
        assert history.agent.rng.bit_generator.state == single.agent.rng.bit_generator.state


@pytest.mark.parametrize("algorithm", RUNS)
def test_all_seeds_start_with_the_weights_that_they_have_alone(algorithm):
    run = rl.run_many(algorithm, seeds=SEEDS, **options(algorithm))
    for history in next(run):
        single = next(rl.run(algorithm, seed=history.seed, **options(algorithm)))
        own, expected = history.agent.state(), single.agent.state()
        assert own.keys() == expected.keys() and all(np.array_equal(own[name], expected[name]) for name in expected)
    run.close()


@pytest.mark.parametrize("algorithm", RUNS)
def test_no_seed_reaches_another(algorithm, monkeypatch):
    """One seed of sixteen gets other rewards: of the fifteen others not one digit moves."""
    strange, seeds = 5, range(16)
    plain = train_many(algorithm, seeds=seeds)

    def with_other_rewards(env_id, num_envs, num_seeds):
        envs = make_side_by_side(env_id, num_envs, num_seeds)
        step = envs.step

        def other(actions):
            obs, rewards, *rest = step(actions)
            rewards = np.array(rewards, dtype=float)
            rewards[strange * num_envs : (strange + 1) * num_envs] -= 3.0 * np.arange(1, num_envs + 1)
            return obs, rewards, *rest

        envs.step = other
        return envs

    monkeypatch.setattr(training, "make_side_by_side", with_other_rewards)
    changed = train_many(algorithm, seeds=seeds)
    for number in seeds:
        before, after = (histories[number].agent.state() for histories in (plain, changed))
        same = {name: np.array_equal(before[name], after[name]) for name in before}
        assert all(same.values()) == (number != strange), (number, same)
        if number != strange:
            metrics = plain[number].metrics, changed[number].metrics
            assert all(np.array_equal(metrics[0][name], metrics[1][name], equal_nan=True) for name in metrics[0])
            assert np.array_equal(plain[number].returns, changed[number].returns)


@pytest.mark.parametrize("algorithm", [rl.PPO, rl.Reinforce])
def test_a_population_of_one_is_the_seed_alone(algorithm):
    [history], single = train_many(algorithm, seeds=[4]), train(algorithm, 4)
    assert np.array_equal(history.returns, single.returns)
    own, expected = history.agent.state(), single.agent.state()
    assert all(np.array_equal(own[name], expected[name]) for name in expected)


# ---------------------------------------------------------------- what comes back


@pytest.mark.parametrize("algorithm", [rl.PPO, rl.SAC, rl.BatchActorCritic])
def test_each_agent_is_an_ordinary_one(algorithm, tmp_path):
    """It acts, is evaluated, written down and read, and goes on, without moving the others."""
    first, second, third = train_many(algorithm)
    env_id = RUNS[algorithm][0]
    assert type(first.agent) is algorithm and first.agent is first.agent
    assert rl.evaluate(first.agent, env_id, episodes=2).shape == (2,)
    others = [(history.agent.state(), history.returns) for history in (second, third)]

    first.save(tmp_path / "run.npz")
    loaded = rl.load(tmp_path / "run.npz")
    assert loaded.seed == SEEDS[0] and loaded.metrics.keys() == first.metrics.keys()
    goal = first.total_steps + 60
    on, again = (run.resume(total_steps=goal, progress=False) for run in (first, loaded))
    mine, theirs = on.agent.state(), again.agent.state()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine) and np.array_equal(on.returns, again.returns)
    for history, (state, returns) in zip((second, third), others):
        now = history.agent.state()
        assert all(np.array_equal(now[name], state[name]) for name in state)
        assert np.array_equal(history.returns, returns)


def test_a_live_view_sees_the_histories_grow_and_each_agent_as_it_stands():
    run = rl.run_many(rl.PPO, seeds=2, **options(rl.PPO))
    histories = next(run)
    start = [history.agent.state() for history in histories]
    assert next(run) is histories and next(run) is histories
    for history, before in zip(histories, start):
        assert len(history.metrics["steps"]) == 2 and history.total_steps == 2 * 16 * 16
        now = history.agent
        assert not np.array_equal(now.state()["actor/net.weights.0"], before["actor/net.weights.0"])
        with torch.no_grad():
            next(now.actor.parameters()).zero_()  # a copy: nobody else feels it
        assert history.agent.state()["actor/net.weights.0"].any()
    run.close()
    assert histories[0].agent is histories[0].agent


@pytest.mark.parametrize("algorithm", [rl.DDPG, rl.Reinforce])
def test_an_interrupt_returns_what_all_have_learned(algorithm, monkeypatch, tmp_path):
    calls, original = [], algorithm.update

    def update(self, batch):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(algorithm, "update", update)
    histories = train_many(algorithm, total_steps=10**9)
    made = [len(history.metrics["steps"]) for history in histories]
    assert made == [6] * 3 if algorithm is rl.DDPG else sum(made) == 6
    for history in histories:
        history.save(tmp_path / "run.npz")
        assert rl.load(tmp_path / "run.npz").total_steps == history.total_steps


def test_each_seed_takes_its_steps_where_episodes_end_at_different_times():
    histories = train_many(rl.BatchActorCritic, seeds=6, total_steps=300)
    for history in histories:
        assert history.total_steps >= 300 > history.metrics["steps"][-2]
        assert history.returns.sum() == history.steps[-1] == history.total_steps  # CartPole pays 1 per step
    assert len({history.total_steps for history in histories}) > 1


def test_whole_episodes_are_cut_where_they_do_not_end():
    collector = PopulationCollector(make_side_by_side("CartPole-v1", 2, 2), seeds=(0, 1), max_episode_steps=5)

    class Left:
        def act(self, obs):
            return np.zeros(obs.shape[:2], dtype=int)

    with pytest.warns(UserWarning, match="did not end within 5 steps"):
        played = [next(collector.episodes(Left()))[1]]
    assert len(played[0]) == 10 and played[0].truncated.tolist() == [False] * 4 + [True] + [False] * 4 + [True]


def test_progress_shows_mean_and_standard_deviation_of_the_seeds():
    class Bar:
        n, total, said = 0, 1_500, ()

        def update(self, amount):
            self.n += amount

        def set_postfix_str(self, sentence, **_):
            self.said += (sentence,)

    bar, run = Bar(), rl.run_many(rl.PPO, seeds=SEEDS, **options(rl.PPO))
    histories = next(run)
    training.run_to_end(run, histories, bar)
    late = [history.late_return for history in histories]
    assert bar.n == bar.total and bar.said[-1] == f"return {np.mean(late):.1f} ± {np.std(late):.1f}, 3 seeds"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"seeds": 0}, "seeds"),
        ({"seeds": 2.5}, "seeds"),
        ({"seeds": "01"}, "seeds"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": [0, -1]}, "each seed in seeds"),
        ({"total_steps": 0}, "total_steps"),
        ({"num_envs": 0}, "num_envs"),
        ({"algorithm": "PPO"}, "algorithm"),
        ({"env_id": "NoSuch-v0"}, "env_id"),
        ({"config": rl.SAC.Config()}, "config"),
        ({"algorithm": rl.ParallelActorCritic, "config": rl.ParallelActorCritic.Config(workers="ray")}, "config"),
    ],
)
def test_a_bad_argument_is_named(changed, word):
    arguments = {"algorithm": rl.PPO, "env_id": "CartPole-v1", "seeds": 2, "total_steps": 100, **changed}
    with pytest.raises(ValueError, match=f"^{word} must"):
        rl.train_many(**arguments, progress=False)


def test_buffers_beyond_the_memory_of_a_laptop_are_refused():
    wide = gym.spaces.Box(-1, 1, (10_000,), np.float32)
    with pytest.raises(ValueError, match=r"^capacity must be at most [\d,]+ for 16 seeds side by side.*4 GiB"):
        rl.ReplayBuffer(100_000, wide, gym.spaces.Discrete(2), seed=np.arange(16))
    assert len(rl.ReplayBuffer(1_000, wide, gym.spaces.Discrete(2), seed=np.arange(16))) == 0


def test_an_environment_that_several_seeds_would_share_is_refused():
    env = gym.make("CartPole-v1")
    with pytest.raises(ValueError, match="^env_id must make a new environment at every call"):
        rl.train_many(rl.OnlineActorCritic, lambda: env, seeds=2, total_steps=10, progress=False)


# ---------------------------------------------------------------- environments side by side


@pytest.mark.parametrize(
    ("env_id", "kind"),
    [
        ("CartPole-v1", CartPoles),
        ("Pendulum-v1", Pendulums),
        ("MountainCar-v0", SideBySide),
        ("rlcourse/TwoExits-v0", SideBySide),
        (functools.partial(gym.make, "Pendulum-v1", g=9.81), SideBySide),
    ],
)
def test_every_block_is_what_the_seed_has_alone(env_id, kind):
    """Step by step, through ends and restarts; for Pendulum the one expression is held to Gymnasium's own class."""
    seeds, num_envs = (5, 2, 11), 3
    whole, blocks = make_side_by_side(env_id, num_envs, len(seeds)), [make_envs(env_id, num_envs) for _ in seeds]
    assert isinstance(whole, kind) and whole.num_envs == 9
    assert whole.single_observation_space == blocks[0].single_observation_space
    assert whole.single_action_space == blocks[0].single_action_space
    whole.action_space.seed(0)

    def compare(mine, theirs):
        assert np.array_equal(mine, np.concatenate(theirs)) and np.asarray(mine).dtype == np.asarray(theirs[0]).dtype

    compare(whole.reset(seed=seeds)[0], [block.reset(seed=seed)[0] for block, seed in zip(blocks, seeds)])
    ends = 0
    for step in range(450):
        actions = whole.action_space.sample()
        actions = 3 * actions if env_id == "Pendulum-v1" else actions  # a torque outside its limits is cut to them
        *mine, info = whole.step(actions)
        *theirs, infos = zip(*[block.step(own) for block, own in zip(blocks, np.split(actions, 3))])
        for ours, parts in zip(mine[:1] + mine[2:], theirs[:1] + theirs[2:]):
            compare(ours, parts)
        assert np.array_equal(np.float32(mine[1]), np.concatenate(theirs[1]).astype(np.float32))
        ended = mine[2] | mine[3]
        ends += ended.sum()
        if ended.any():
            last = np.concatenate([own.get("final_obs", obs) for own, obs in zip(infos, theirs[0])])
            assert np.array_equal(np.stack(info["final_obs"][ended]), np.stack(last[ended]))
        if step % 100 == 99:
            assert np.array_equal(whole.restart(1), blocks[1].reset()[0])
    assert ends >= 9
    compare(whole.reset()[0], [block.reset()[0] for block in blocks])
    for envs in (whole, *blocks):
        envs.close()


# ---------------------------------------------------------------- the parts


def test_each_seed_draws_from_a_generator_of_its_own():
    several, singles = (
        Generators(map(np.random.default_rng, SEEDS)),
        list(map(np.random.default_rng, SEEDS)),
    )
    low, high = np.array([-1.0, 0.0]), np.array([1.0, 5.0])
    draws = [
        (several.standard_normal((3, 4, 2)), lambda one: one.standard_normal((4, 2))),
        (several.standard_normal((3, 5), dtype=np.float32), lambda one: one.standard_normal(5, dtype=np.float32)),
        (several.gumbel(size=(3, 4)), lambda one: one.gumbel(size=4)),
        (several.uniform(low, high, (3, 4, 2)), lambda one: one.uniform(low, high, (4, 2))),
        (several.integers(6, size=(3, 4)), lambda one: one.integers(6, size=4)),
        (several.permutation(7), lambda one: one.permutation(7)),
    ]
    for together, draw in draws:
        expected = np.stack([draw(one) for one in singles])
        assert np.array_equal(together, expected) and together.dtype == expected.dtype


def test_a_rollout_of_several_seeds_is_flattened_seed_by_seed():
    numbers = torch.arange(2 * 3 * 4).reshape(2, 3, 4)
    flags = torch.zeros(2, 3, 4, dtype=torch.bool)
    batch = rl.Transitions(numbers[..., None], numbers, numbers.float(), numbers[..., None], flags, flags)
    flat = batch.flatten()
    assert flat.rewards.shape == (3, 8) and flat.obs.shape == (3, 8, 1)
    for seed in range(3):
        own = batch[:, seed].flatten()
        assert torch.equal(flat.rewards[seed], own.rewards) and torch.equal(flat.obs[seed], own.obs)


def test_buffers_side_by_side_hold_and_draw_what_each_holds_and_draws_alone():
    spaces = gym.spaces.Box(-9, 9, (2,), np.float32), gym.spaces.Discrete(3)
    whole = rl.ReplayBuffer(10, *spaces, seed=np.array(SEEDS))
    singles = [rl.ReplayBuffer(10, *spaces, seed=seed) for seed in SEEDS]
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):  # four rows each, into a ring of ten
        obs = torch.rand(2, 3, 2, 2, generator=generator)
        rewards = torch.rand(2, 3, 2, generator=generator)
        flags = torch.rand(2, 3, 2, generator=generator) < 0.3
        batch = rl.Transitions(obs, (3 * rewards).long(), rewards, obs + 1, flags, ~flags)
        whole.add(batch)
        for number, single in enumerate(singles):
            single.add(batch[:, number])
        drawn = whole.sample(4)
        assert len(whole) == len(singles[0]) and drawn.rewards.shape == (3, 4)
        for number, single in enumerate(singles):
            expected = single.sample(4)
            assert all(torch.equal(getattr(drawn, name)[number], rows) for name, rows in vars(expected).items())
            state, alone = whole.state(number), single.state()
            assert all(np.array_equal(state[name], alone[name]) for name in alone)


def test_a_function_of_the_students_that_takes_the_mean_over_everything_trains_a_population():
    """Losses are means over the seeds, too: whoever writes `.mean()` need not know of them."""

    def surrogate(log_probs, old_log_probs, advantages, clip_eps):
        ratio = (log_probs - old_log_probs).exp()
        return torch.min(ratio * advantages, ratio.clamp(1 - clip_eps, 1 + clip_eps) * advantages).mean()

    class Own(rl.PPO):
        def update(self, rollout):
            old_log_probs, _, advantages = self.targets(rollout)
            batch = rollout.flatten()
            for _ in range(2):
                log_probs = self.actor(batch.obs).log_prob(batch.actions)
                loss = -surrogate(log_probs, old_log_probs, advantages, self.config.clip_eps)
                self.actor_optimizer.zero_grad()
                loss.backward()
                self.actor_optimizer.step()
            return {"loss": loss.item()}

    settings = {"config": Own.Config(steps=16), "total_steps": 1_000, "progress": False}
    for history in rl.train_many(Own, "CartPole-v1", seeds=SEEDS, **settings):
        single = rl.train(Own, "CartPole-v1", seed=history.seed, **settings)
        own, expected = history.agent.state(), single.agent.state()
        for name, numbers in expected.items():
            np.testing.assert_allclose(own[name], numbers, rtol=1e-3, atol=1e-5, err_msg=name)


def test_a_temperature_per_seed_has_the_shape_that_says_so():
    q = torch.arange(6.0).reshape(3, 2)
    alpha = torch.tensor([[0.0], [1.0], [2.0]])
    assert rl.soft_value_target(q, q + 1, -q, alpha=alpha).tolist() == [[0.0, 1.0], [4.0, 6.0], [12.0, 15.0]]
    for wrong in (alpha[:, 0], -alpha, alpha[:2]):
        with pytest.raises(ValueError, match="^alpha must"):
            rl.soft_value_target(q, q, q, alpha=wrong)


def test_an_agent_that_asks_for_whole_episodes_has_to_say_so():
    class Silent(rl.Reinforce):
        whole_episodes = False

    with pytest.raises(ValueError, match="^algorithm must have whole_episodes = True"):
        rl.train_many(Silent, "CartPole-v1", seeds=2, total_steps=100, progress=False)


def test_sixteen_seeds_learn_where_nobody_says_how_many():
    histories = rl.train_many(rl.Reinforce, "CartPole-v1", total_steps=10, num_envs=1, progress=False)
    assert [history.seed for history in histories] == list(range(16))


def test_adam_has_the_epsilon_of_the_course_alone_and_in_a_population():
    """A population's gradients are divided by the number of its seeds; so is ε."""
    assert adam([torch.nn.Parameter(torch.zeros(2))], 0.1).defaults["eps"] == 1e-5
    box, two = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)
    for seed, count in ((0, 1), ((0, 1, 2, 3), 4)):
        agent = rl.PPO(box, two, seed=seed)
        assert agent.actor_optimizer.defaults["eps"] == agent.critic_optimizer.defaults["eps"] == 1e-5 / count
