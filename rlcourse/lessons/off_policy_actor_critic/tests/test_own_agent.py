"""The agent of the last exercise makes the updates of the course's own."""

import json
from pathlib import Path

import torch
from torch.nn import functional as F

import rlcourse as rl
from rlcourse.algorithms.agent import gradient_step
from rlcourse.course import order
from rlcourse.lessons.off_policy_actor_critic import runs

NOTEBOOK = Path(__file__).parents[4] / "notebooks" / order.notebook("off_policy_actor_critic")
CELLS = {cell["id"]: "".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]}


def the_notebooks_agent():
    """The class of the notebook, with the functions of its solutions."""
    names = {"torch": torch, "F": F, "rl": rl, "gradient_step": gradient_step}
    for cell in ("cell-107", "cell-110", "own-2"):
        exec(CELLS[cell].split("\nlesson.exercises")[0], names)
    return names["MyOffPolicyActorCritic"]


def agents(seed, steps=80):
    """The course's agent after some steps, and the notebook's with the same weights and rows."""
    config = runs.SETTINGS
    course = rl.train(rl.OffPolicyActorCritic, "CartPole-v1", total_steps=steps, config=config, seed=seed).agent
    mine = the_notebooks_agent()(course.observation_space, course.action_space, config, seed=seed)
    mine.load_state(course.state())
    return course, mine


def test_its_updates_are_those_of_the_course_where_chance_has_no_part():
    course, mine = agents(0)
    with torch.no_grad():  # policies that are certain: whoever draws, draws the same
        for agent in (course, mine):
            *_, last = agent.actor.parameters()
            last.copy_(torch.tensor([60.0, -60.0]).reshape(last.shape))
    batch = course.buffer.sample(32)
    for _ in range(2):
        course.update(batch)
        mine.update(batch)
    for (name, theirs), own in zip(course.critic.state_dict().items(), mine.critic.state_dict().values(), strict=True):
        assert torch.allclose(theirs, own, atol=1e-6), name
    for theirs, own in zip(course.target_critic.parameters(), mine.target_critic.parameters(), strict=True):
        assert torch.allclose(theirs, own, atol=1e-6)


def test_it_learns_side_by_side():
    histories = rl.train_many(
        the_notebooks_agent(), "CartPole-v1", seeds=3, total_steps=160, num_envs=8, config=runs.SETTINGS, progress=False
    )
    assert [len(history.metrics["value_loss"]) > 0 for history in histories] == [True] * 3
    assert all(history.agent.buffer is not None and len(history.agent.buffer) == 160 for history in histories)
