"""An interrupt between any two lines leaves a run that can be saved, loaded and continued, and torch as it was."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import rlcourse as rl

ROOT = Path(rl.__file__).parent
NAMES = ("training", "rollout", "replay", "populations", "algorithms/agent", "algorithms/ppo", "algorithms/sac")
COURSE = {str(ROOT / f"{name}.py") for name in (*NAMES, "algorithms/reinforce")}
NO_GRAD = {torch.autograd.grad_mode.__file__}  # two halves: gradients off, gradients on
WHERE = {"course": (COURSE, None), "no_grad": (NO_GRAD, None), "settings": (COURSE, ("single_precision", "one_thread"))}
OUTSIDE = {"train_many", "run_to_end", "run_many", "_bar", "__init__"}  # before anything is learned, or after
KINDS = {
    "reinforce": (rl.Reinforce, "CartPole-v1", rl.Reinforce.Config(hidden=(4,)), 2, 200),
    "ppo": (rl.PPO, "CartPole-v1", rl.PPO.Config(hidden=(4,), steps=16, epochs=2, minibatch_size=16), 2, 200),
    "sac": (rl.SAC, "Pendulum-v1", rl.SAC.Config(hidden=(4,), warmup=8, batch_size=8, capacity=300), 1, 230),
}


class Interrupt:
    """Raises KeyboardInterrupt when so many lines of the traced files have been begun."""

    def __init__(self, where, at=None):
        (self.files, self.functions), self.at, self.lines = WHERE[where], at, 0

    def __call__(self, frame, event, argument):
        code = frame.f_code
        chosen = code.co_name in self.functions if self.functions else code.co_name not in OUTSIDE
        return self.line if chosen and code.co_filename in self.files else None

    def line(self, frame, event, argument):
        self.lines += event == "line"
        if self.lines == self.at:
            self.at = None
            raise KeyboardInterrupt
        return self.line

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)


def trained(kind, seeds):
    algorithm, env_id, config, num_envs, steps = KINDS[kind]
    options = {"config": config, "num_envs": num_envs, "progress": False}
    return rl.train_many(algorithm, env_id, seeds=seeds, total_steps=steps, **options)


@pytest.fixture(autouse=True)
def double_precision():
    """torch's default as it is for somebody who computes in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupt_between_two_lines_leaves_a_whole_run(kind, seeds, where, tmp_path):
    with Interrupt(where) as count:
        trained(kind, seeds)
    kept = 0
    for at in np.random.default_rng(seeds).integers(1, count.lines, 20):
        try:
            with Interrupt(where, int(at)):
                histories = trained(kind, seeds)
        except KeyboardInterrupt:  # before the first update began, or after the last
            torch.set_grad_enabled(True)
            torch.set_default_dtype(torch.float64)
            continue
        kept += 1
        assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float64
        for history in histories:
            assert len({len(values) for values in history.metrics.values()}) == 1
            history.save(tmp_path / "run")
            loaded = rl.load(tmp_path / "run")
            np.testing.assert_array_equal(loaded.returns, history.returns)
    assert kept > 12
    assert histories[0].resume(total_steps=histories[0].total_steps + 50, progress=False).total_steps > 0
