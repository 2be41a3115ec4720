"""An agent of one's own: what it returns, what it is made of, and what it is given are looked at where it matters."""

import numpy as np
import pytest
import torch

import rlcourse as rl
from rlcourse.checks import check_seeds

SHORT = {"total_steps": 256, "config": rl.PPO.Config(steps=16, epochs=1, hidden=(4,)), "num_envs": 4, "progress": False}


class Told(rl.PPO):
    """Returns what it is told to as its metrics, one entry of `says` per update."""

    says = ()

    def update(self, rollout):
        super().update(rollout)
        self.updates += 1
        return self.says[self.updates - 1]


def told(*says):
    kind = type("Said", (Told,), {"says": says})
    return rl.train(kind, "CartPole-v1", **{**SHORT, "total_steps": 64 * len(says)})


@pytest.mark.parametrize("metrics", [{"loss": torch.tensor(1.0)}, {"loss": "low"}, {"steps": 1}])
def test_what_is_no_metric_is_named(metrics):
    with pytest.raises(ValueError, match=f"^update must return metrics that are single numbers.*{next(iter(metrics))}"):
        told(metrics)


def test_a_metric_may_come_now_and_then(tmp_path):
    history = told({"a": 1}, {"a": 2, "b": 0.5}, {"b": np.float32(0.25)})
    assert history.metrics["a"][:2].tolist() == [1, 2] and np.isnan(history.metrics["a"][2])
    assert np.isnan(history.metrics["b"][0]) and history.metrics["b"][1:].tolist() == [0.5, 0.25]
    assert history.metrics["steps"].tolist() == [64, 128, 192]
    history.to_csv(tmp_path / "metrics.csv", what="metrics")
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 4


def test_a_whole_number_before_a_fraction_takes_nothing_from_it():
    assert told({"a": 1}, {"a": np.float32(0.5)}).metrics["a"].tolist() == [1, 0.5]


class Momentum(rl.PPO):
    """PPO with another optimiser than Adam."""

    def adam(self, parameters, learning_rate):
        return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9)


def test_another_optimiser_trains_one_seed_and_says_what_it_cannot(tmp_path):
    history = rl.train(Momentum, "CartPole-v1", **SHORT)
    with pytest.raises(ValueError, match=r"^actor_optimizer must be self.adam\(...\) to be saved, got SGD"):
        history.save(tmp_path / "run.npz")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r"^actor_optimizer must be self.adam\(...\) where several seeds"):
        rl.train_many(Momentum, "CartPole-v1", seeds=2, **SHORT)


@pytest.mark.parametrize("options", [{"amsgrad": True}, {"weight_decay": 0.1}])
def test_adam_with_more_than_two_moments_or_a_decay_is_another_optimiser(options):
    class Other(rl.PPO):
        def adam(self, parameters, learning_rate):
            return torch.optim.Adam(parameters, lr=learning_rate, **options)

    with pytest.raises(ValueError, match="^actor_optimizer must be"):
        rl.train_many(Other, "CartPole-v1", seeds=2, **SHORT)


@pytest.mark.parametrize("together", [list, tuple, lambda nets: dict(enumerate(nets))])
def test_networks_in_a_list_are_not_forgotten_in_silence(together, tmp_path):
    class Several(rl.PPO):
        def build(self):
            super().build()
            self.more = together([self.make_critic()])

    with pytest.raises(ValueError, match="^more must be an attribute for each of its parts, or an nn.ModuleList"):
        rl.train(Several, "CartPole-v1", **SHORT).save(tmp_path / "run.npz")


def test_an_untrained_state_takes_the_moments_away():
    history = rl.train(rl.PPO, "CartPole-v1", **SHORT)
    fresh = rl.PPO(history.agent.observation_space, history.agent.action_space, SHORT["config"]).state()
    history.agent.load_state(fresh)
    assert history.agent.state().keys() == fresh.keys()


def test_a_config_of_a_relative_is_refused():
    for algorithm, config in [(rl.SAC, rl.ValueSAC.Config()), (rl.OnlineActorCritic, rl.BatchActorCritic.Config())]:
        with pytest.raises(ValueError, match=f"^config must be a {algorithm.__name__}.Config, got"):
            rl.train(algorithm, "CartPole-v1", total_steps=10, config=config, progress=False)


def test_of_two_classes_with_one_name_the_present_one_is_loaded(tmp_path, monkeypatch):
    first = type("Twin", (rl.PPO,), {"__module__": __name__})
    rl.train(first, "CartPole-v1", **SHORT).save(tmp_path / "run.npz")
    second = type("Twin", (rl.PPO,), {"__module__": __name__})
    for now in (first, second):
        monkeypatch.setitem(globals(), "Twin", now)
        assert type(rl.load(tmp_path / "run.npz").agent) is now


def test_a_seed_among_others_cannot_go_on_alone_before_they_are_done():
    updates = rl.run_many(rl.PPO, "CartPole-v1", seeds=2, total_steps=10**6, config=SHORT["config"], num_envs=4)
    next(updates)
    history = next(updates)[0]
    with pytest.raises(ValueError, match="^resume must wait until the run of all seeds is over"):
        history.resume(total_steps=1_000, progress=False)
    updates.close()
    with pytest.raises(ValueError, match="^total_steps must be a whole number"):
        history.resume(total_steps=0, progress=False)
    before = [weights.clone() for weights in history.agent.actor.parameters()]
    history.resume(total_steps=2 * history.total_steps, progress=False)
    assert not all(map(torch.equal, before, history.agent.actor.parameters()))


def test_a_number_too_large_for_a_count_of_seeds_was_meant_as_a_seed():
    assert check_seeds("seeds", np.array(3)) == (0, 1, 2) and len(check_seeds("seeds", 10_000)) == 10_000
    with pytest.raises(ValueError, match=r"^seeds must be a list of seeds, or how many, got 20261201; \[20261201\] is"):
        check_seeds("seeds", 20_261_201)
