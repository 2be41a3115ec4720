"""Workers: what one sends, how stale it is, and that the run outlives any of them."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.algorithms import workers
from rlcourse.algorithms.workers import Worker, apply_gradients, get_weights, set_weights

RAY = rl.ParallelActorCritic.Config(workers="ray", num_workers=2)


def learner(seed=0):
    from rlcourse.envs import make_envs

    envs = make_envs("CartPole-v1", 4)
    return rl.ParallelActorCritic(envs.single_observation_space, envs.single_action_space, seed=seed)


@pytest.mark.covers("AL-05")
def test_a_worker_sends_the_gradients_at_its_copy():
    worker = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    agent = learner(seed=1)
    report = worker.gradients(get_weights(agent))
    twin = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    set_weights(twin.agent, get_weights(agent))
    batch = twin.collector.collect(twin.agent, steps=8)
    sum(agent.losses(batch)).backward()
    truth = [parameter.grad for parameter in [*agent.actor.parameters(), *agent.critic.parameters()]]
    for got, expected in zip(report.gradients, truth, strict=True):
        torch.testing.assert_close(torch.as_tensor(got), expected)
    assert report.steps == 32 and report.process == os.getpid() and report.seconds > 0


def test_a_worker_that_goes_closes_its_environments():
    worker = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "Pendulum-v1", 2, seed=0)
    worker.close()
    assert worker.collector.envs.closed


@pytest.mark.covers("AL-05")
def test_applying_a_workers_gradients_is_an_update_of_ones_own():
    worker = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    mine, theirs = learner(seed=1), learner(seed=1)
    apply_gradients(theirs, worker.gradients(get_weights(theirs)).gradients)
    twin = Worker(rl.ParallelActorCritic, rl.ParallelActorCritic.Config(), "CartPole-v1", 4, seed=5)
    set_weights(twin.agent, get_weights(mine))
    mine.update(twin.collector.collect(twin.agent, steps=8))
    for a, b in zip(get_weights(mine), get_weights(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_a_copy_of_the_weights_does_not_move_with_them():
    agent = learner()
    before = get_weights(agent)
    apply_gradients(agent, [np.ones_like(weight) for weight in before])
    assert all((a != b).any() for a, b in zip(before, get_weights(agent), strict=True))


@pytest.mark.covers("AL-05", "CL-20", "MIS-17")
def test_two_workers_learn_and_one_that_is_killed_is_replaced():
    updates = rl.run(rl.ParallelActorCritic, "CartPole-v1", total_steps=60_000, config=RAY)
    killed = None
    for history in updates:
        if killed is None and history.total_steps >= 6_000:
            killed = int(history.metrics["process"][-1])
            os.kill(killed, signal.SIGKILL)
    metrics, late = history.metrics, history.total_steps // 2
    assert history.total_steps >= 60_000 and metrics["steps"][-1] == history.total_steps
    assert metrics["replaced"][-1] == 1
    after = metrics["process"][np.flatnonzero(metrics["replaced"] == 1)]
    assert killed not in after and len(set(after)) == 2  # two again, and not the one that was killed
    assert set(metrics["worker"]) == {0, 1}
    # With two at work, one update usually comes between a copy and its use, and never half a dozen for long.
    assert 0.5 < metrics["staleness"].mean() < 1.5
    assert metrics["staleness"][0] == 0
    assert history.returns[history.steps > late].mean() > 2 * history.returns[history.steps < 5000].mean()


def test_one_worker_is_never_stale():
    config = rl.ParallelActorCritic.Config(workers="ray", num_workers=1)
    history = rl.train(rl.ParallelActorCritic, "CartPole-v1", total_steps=3000, config=config, progress=False)
    assert set(history.metrics["staleness"]) == {0} and len(history.metrics["staleness"]) == 24  # of 16 x 8 steps


def test_more_workers_than_environments_are_refused():
    config = rl.ParallelActorCritic.Config(workers="ray", num_workers=3)
    with pytest.raises(ValueError, match="num_envs must be at least num_workers, 3, got 2"):
        rl.train(rl.ParallelActorCritic, "CartPole-v1", total_steps=100, config=config, num_envs=2, progress=False)


def test_without_ray_the_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['ray'] = None\n"
        "import rlcourse as rl\n"
        "config = rl.ParallelActorCritic.Config(workers='ray')\n"
        "try:\n    rl.train(rl.ParallelActorCritic, 'CartPole-v1', total_steps=100, config=config, progress=False)\n"
        "except ImportError as why:\n    print(why)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert said == workers.INSTALL and "cluster" in said


def test_workers_that_cannot_live_end_the_run():
    class Doomed(rl.ParallelActorCritic):
        def losses(self, batch):
            os._exit(1)

    with pytest.raises(RuntimeError, match="workers in a row died before they had sent a gradient"):
        rl.train(Doomed, "CartPole-v1", total_steps=1000, config=RAY, progress=False)
