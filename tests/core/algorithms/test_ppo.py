"""PPO: what its targets and its first step must be."""

import math
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv

import rlcourse as rl
from rlcourse.algorithms.agent import minibatches
from rlcourse.algorithms.ppo import standardized
from rlcourse.envs import make_envs


def agent_and_rollout(env_id="CartPole-v1", **config):
    envs = make_envs(env_id, 4)
    agent = rl.PPO(envs.single_observation_space, envs.single_action_space, rl.PPO.Config(**config))
    return agent, rl.Collector(envs, seed=0).collect(agent, steps=32)


def test_the_first_full_batch_gradient_is_the_plain_policy_gradient():
    agent, rollout = agent_and_rollout(epochs=1, minibatch_size=128)
    _, _, advantages = agent.targets(rollout)
    flat = rollout.flatten()
    plain = rl.policy_gradient(agent.actor(flat.obs).log_prob(flat.actions), advantages)
    expected = torch.autograd.grad(-plain, list(agent.actor.parameters()))
    agent.update(rollout)
    for parameter, gradient in zip(agent.actor.parameters(), expected):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_a_truncated_step_bootstraps_and_a_terminated_one_does_not():
    agent, rollout = agent_and_rollout()
    _, returns, _ = agent.targets(rollout)
    returns = returns.reshape(rollout.rewards.shape)
    assert rollout.terminated.any()
    torch.testing.assert_close(returns[rollout.terminated], rollout.rewards[rollout.terminated])
    cut = rl.Transitions(
        rollout.obs,
        rollout.actions,
        rollout.rewards,
        rollout.next_obs,
        torch.zeros_like(rollout.terminated),
        rollout.terminated | rollout.truncated,
    )
    bootstrapped = agent.targets(cut)[1].reshape(rollout.rewards.shape)[rollout.terminated]
    future = agent.critic(rollout.next_obs[rollout.terminated]).detach()
    torch.testing.assert_close(bootstrapped, 1 + agent.config.gamma * future)


@pytest.mark.slow
def test_it_learns_cartpole(least_successes):
    """The last twenty returns above 60, where random pushes last 22 steps: so were those of 24 of 24 other seeds."""
    runs = [rl.train(rl.PPO, "CartPole-v1", total_steps=8_000, seed=seed, progress=False) for seed in range(16)]
    learned = sum(history.returns[-20:].mean() > 60 for history in runs)
    assert learned >= least_successes(16, chance=0.9)


def like_theirs(weight):
    """A weight [1, in, out] or bias [1, 1, out] in the shape of torch's layers, [out, in] or [out]."""
    return weight if weight.dim() == 1 else weight[0, 0] if weight.shape[1] == 1 else weight[0].T


def by_stable_baselines(agent, rollout, *, epochs):
    """The same update by stable-baselines3, from the same weights, on the same batch: its weights and gradients."""
    T, N = rollout.rewards.shape

    class Spaces(gym.Env):
        observation_space, action_space = agent.observation_space, agent.action_space

    config = agent.config
    theirs = PPO(
        "MlpPolicy",
        DummyVecEnv([Spaces] * N),
        n_steps=T,
        batch_size=T * N,
        n_epochs=epochs,
        vf_coef=1.0,
        learning_rate=config.learning_rate,
        clip_range=config.clip_eps,
        ent_coef=config.entropy_weight,
        normalize_advantage=config.normalize,
        max_grad_norm=math.inf,
        device="cpu",
        policy_kwargs={"net_arch": {"pi": list(config.hidden), "vf": list(config.hidden)}},
    )
    layers = [layer for part in (agent.actor, agent.critic) for layer in zip(part.net.weights, part.net.biases)]
    ours = [weight for layer in layers for weight in layer]
    policy = theirs.policy
    mirror = [
        *policy.mlp_extractor.policy_net.parameters(),
        *policy.action_net.parameters(),
        *policy.mlp_extractor.value_net.parameters(),
        *policy.value_net.parameters(),
    ]
    if hasattr(agent.actor, "log_std"):
        ours, mirror = [*ours, agent.actor.log_std], [*mirror, policy.log_std]
    with torch.no_grad():
        for mine, copy in zip(ours, mirror, strict=True):
            copy.copy_(like_theirs(mine))

    unscaled = type(agent)(agent.observation_space, agent.action_space, replace(config, normalize=False))
    unscaled.actor, unscaled.critic = agent.actor, agent.critic  # they normalise by themselves
    memory = theirs.rollout_buffer
    old_log_probs, returns, advantages = (part.reshape(T, N).numpy() for part in unscaled.targets(rollout))
    memory.observations[:] = rollout.obs.numpy()
    memory.actions[:] = rollout.actions.reshape(T, N, -1).numpy()
    memory.log_probs[:], memory.returns[:], memory.advantages[:] = old_log_probs, returns, advantages
    memory.values[:], memory.pos, memory.full = returns - advantages, T, True
    theirs._logger = Logger(None, [])
    theirs.train()
    return ours, mirror, theirs.logger.name_to_value


@pytest.mark.covers("AL-08", "EQ-27", "EQ-28")
@pytest.mark.parametrize("entropy_weight", [0.0, 0.02])
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("epochs", [1, 4])
def test_an_update_is_that_of_stable_baselines(env_id, epochs, entropy_weight):
    agent, rollout = agent_and_rollout(env_id, epochs=epochs, minibatch_size=128, entropy_weight=entropy_weight)
    if env_id == "Pendulum-v1":  # stable-baselines3 measures actions as they come; so do we in a box from -1 to 1
        agent = rl.PPO(agent.observation_space, gym.spaces.Box(-1, 1, (1,)), agent.config)
    values, (_, returns, _) = agent.critic(rollout.flatten().obs), agent.targets(rollout)
    critic_loss = torch.nn.functional.mse_loss(values, returns)
    ours, mirror, log = by_stable_baselines(agent, rollout, epochs=epochs)
    agent.update(rollout)
    scale = 1.0 if env_id == "CartPole-v1" else max(1.0, critic_loss.item())  # returns of Pendulum are large
    for mine, copy in zip(ours, mirror, strict=True):
        torch.testing.assert_close(like_theirs(mine), copy, rtol=1e-5, atol=1e-5)  # one full update
        torch.testing.assert_close(like_theirs(mine.grad) / scale, copy.grad / scale, rtol=1e-5, atol=1e-5)
    if epochs == 1:
        assert critic_loss.item() == pytest.approx(log["train/value_loss"], rel=1e-5)


@pytest.mark.covers("EQX-07")
def test_a_ratio_beyond_single_precision_has_a_gradient_that_is_a_number():
    for advantage, slope in ((1.0, 0.0), (-1.0, None)):
        log_probs = torch.tensor([0.0, 0.1]).requires_grad_()
        old = torch.tensor([-100.0, 0.0])
        rl.clipped_surrogate(log_probs, old, torch.full((2,), advantage), clip_eps=0.2).backward()
        assert torch.isfinite(log_probs.grad).all()
        assert slope is None or log_probs.grad[0] == slope


@pytest.mark.covers("EQ-27", "AL-08")
def test_the_targets_are_the_formulas():
    agent, rollout = agent_and_rollout(gamma=0.93, gae_lambda=0.7, normalize=False)
    _, returns, advantages = (part.reshape(rollout.rewards.shape) for part in agent.targets(rollout))
    values, following = agent.critic(rollout.obs).detach(), agent.critic(rollout.next_obs).detach()
    expected, later = torch.zeros_like(values), torch.zeros(values.shape[1])
    for t in reversed(range(len(values))):
        delta = rollout.rewards[t] + 0.93 * ~rollout.terminated[t] * following[t] - values[t]
        later = delta + 0.93 * 0.7 * ~(rollout.terminated[t] | rollout.truncated[t]) * later
        expected[t] = later
    torch.testing.assert_close(advantages, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(returns, expected + values, rtol=1e-4, atol=1e-5)


def test_explained_variance_is_that_of_the_critic_before_the_update():
    agent, rollout = agent_and_rollout()
    _, returns, _ = agent.targets(rollout)
    values = agent.critic(rollout.flatten().obs).detach()
    expected = 1 - ((returns - values).var() / returns.var()).item()
    assert agent.update(rollout)["explained_variance"] == pytest.approx(expected, rel=1e-4)
    batch = rollout.flatten()
    assert agent.explained_variance(batch, agent.critic(batch.obs).detach()) == pytest.approx(1.0)
    assert math.isnan(agent.explained_variance(batch, torch.ones(len(batch))))


def test_minibatches_are_all_rows_in_another_order():
    rng = np.random.default_rng(0)
    parts = minibatches(10, 4, rng)
    assert [len(part) for part in parts] == [4, 4, 2]
    rows = torch.cat(list(parts)).tolist()
    assert rows != list(range(10)) and sorted(rows) == list(range(10))
    assert torch.cat(list(minibatches(10, 4, rng))).tolist() != rows


def test_one_update_of_each_kind_reports_how_far_it_went():
    for env_id in ("CartPole-v1", "Pendulum-v1"):
        agent, rollout = agent_and_rollout(env_id)
        old = agent.actor(rollout.obs).log_prob(rollout.actions).detach()
        metrics = agent.update(rollout)
        log_ratio = agent.actor(rollout.obs).log_prob(rollout.actions).detach() - old
        ratio = log_ratio.exp()
        assert metrics["largest_ratio"] == pytest.approx(ratio.max().item(), rel=1e-5)
        outside = (ratio - 1).abs() > agent.config.clip_eps
        assert metrics["clip_fraction"] == pytest.approx(outside.float().mean().item())
        assert metrics["kl"] == pytest.approx((ratio - 1 - log_ratio).mean().item(), rel=1e-3) and metrics["kl"] > 0
        assert metrics["explained_variance"] <= 1


def test_without_a_clip_the_ratios_go_further():
    largest = []
    for clip_eps in (0.1, math.inf):
        agent, rollout = agent_and_rollout(clip_eps=clip_eps, epochs=20, learning_rate=1e-2)
        largest.append(agent.update(rollout)["largest_ratio"])
    assert largest[1] > 1.5 * largest[0]


def test_one_row_is_a_batch():
    agent, rollout = agent_and_rollout()
    agent.update(rollout[:1, :1])
    assert all(torch.isfinite(weight).all() for weight in agent.actor.parameters())


def test_actions_are_learned_from_as_drawn_and_played_inside_the_box():
    agent, _ = agent_and_rollout("Pendulum-v1")
    with torch.no_grad():
        agent.actor.log_std.fill_(2.0)  # far wider than the Box
    envs = make_envs("Pendulum-v1", 4)
    played = []
    step = envs.step
    envs.step = lambda actions: (played.append(actions.copy()), step(actions))[1]
    batch = rl.Collector(envs, seed=0).collect(agent, steps=20)
    assert (batch.actions.abs() > 2).any() and (abs(np.stack(played)) <= 2).all()
    torch.testing.assert_close(batch.actions.clamp(-2, 2), torch.as_tensor(np.stack(played)))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a whole number >= 1, got 0"),
        ({"clip_eps": 0.0}, "clip_eps must be a number > 0, got 0.0"),
        ({"learning_rate": -1e-3}, "learning_rate must be a number > 0"),
        ({"gae_lambda": 1.5}, r"gae_lambda must be a number in \[0, 1\], got 1.5"),
        ({"hidden": 64}, "hidden must be a tuple of layer widths, got 64"),
        ({"learning_rate": math.inf}, "learning_rate must be a finite number > 0, got inf"),
        ({"entropy_weight": math.nan}, "entropy_weight must be a finite number, got nan"),
        ({"normalize": "no"}, "normalize must be True or False, got 'no'"),
        ({"hidden": (64, 0)}, "each width in hidden must be a whole number >= 1, got 0"),
    ],
)
def test_a_config_that_cannot_run_says_why(config, sentence):
    with pytest.raises(ValueError, match=sentence):
        agent_and_rollout(**config)


def test_numbers_of_other_libraries_become_plain_ones():
    config = rl.PPO.Config(steps=np.int64(4), gamma=np.float32(0.5), hidden=(np.int64(8),), clip_eps=torch.tensor(0.5))
    agent, _ = agent_and_rollout(**vars(config))
    kept = agent.config
    assert [type(value) for value in (kept.steps, kept.gamma, *kept.hidden)] == [int, float, int]
    assert kept.clip_eps == 0.5 and type(kept.clip_eps) is float


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
        ({"seed": 0.5}, "seed must be a whole number >= 0, got 0.5"),
        ({"seed": 2**64}, "seed must be below"),
    ],
)
def test_a_wrong_seed_is_named(options, sentence):
    with pytest.raises(ValueError, match=sentence.replace("*", r"\*")):
        rl.PPO(gym.spaces.Discrete(2), gym.spaces.Discrete(2), **options)


def test_a_wrong_config_is_named():
    with pytest.raises(ValueError, match="^config must be a PPO.Config"):
        rl.PPO(gym.spaces.Discrete(2), gym.spaces.Discrete(2), rl.Reinforce.Config())


def test_a_single_number_becomes_zero_and_each_seed_is_scaled_by_itself():
    assert standardized(torch.tensor([[5.0]])).tolist() == [[0.0]]
    assert standardized(torch.tensor([[[5.0], [7.0], [9.0]]])).tolist() == [[[0.0], [0.0], [0.0]]]
    numbers = torch.arange(24.0).reshape(4, 3, 2) ** 2
    for seed in range(3):
        alone = standardized(numbers[:, seed])
        torch.testing.assert_close(standardized(numbers)[:, seed], alone)
        torch.testing.assert_close(alone.mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
        torch.testing.assert_close(alone.std(), torch.tensor(1.0))
