"""The gallery's stored numbers belong to its table, its verdicts hold, and its notebooks say what is stored."""

import json
import tomllib
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import rlcourse as rl
from rlcourse import algorithms
from rlcourse.course import order
from rlcourse.course.figures.film import MAX_BYTES
from rlcourse.course.gallery import store, tasks
from rlcourse.envs.wrappers import HoldAction

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
APPENDICES = ("appendix_your_own_problem", "appendix_gallery")
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}


# ---------------------------------------------------------------- the table and the store


def test_every_task_is_stored_and_nothing_else():
    assert list(store.stored()) == list(tasks.TASKS) == list(json.loads(store.FILMS.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", tasks.TASKS)
def test_what_is_stored_fits_the_table(name):
    task, found = tasks.TASKS[name], store.stored()[name]
    assert task.attempts[0].label == tasks.DEFAULTS and not task.attempts[0].changes
    assert len(found["attempts"]) == len(task.attempts)
    for made, numbers in zip(task.attempts, found["attempts"], strict=True):
        assert numbers["settings"] == made.settings(), f"python -m rlcourse.course.gallery {name}"
        assert len(numbers["scores"]) == len(numbers["curves"]) == store.SEEDS
        assert {len(curve) for curve in numbers["curves"]} == {store.POINTS}
        assert numbers["seconds"] > 0
    assert found["random"] < task.solved


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_task_is_solved_by_most_seeds_of_its_last_attempt(name):
    """Most: 12 of 16. Where something had to change, more seeds solve it; where none did, the intervals lie apart."""
    task, attempts = tasks.TASKS[name], store.stored()[name]["attempts"]
    counts = [store.solved(task, numbers) for numbers in attempts]
    assert counts[-1] >= 12 and counts == sorted(counts)
    if counts[0] == 0:
        assert rl.interval(attempts[-1]["scores"]).low > rl.interval(attempts[0]["scores"]).high


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_attempt_can_be_made(name):
    for made in tasks.TASKS[name].attempts:
        getattr(algorithms, made.agent).Config(**dict(made.changes))
    assert tasks.TASKS[name].lesson in order.LESSONS
    if not tasks.TASKS[name].installed():
        pytest.skip(f"needs Gymnasium's extra {tasks.TASKS[name].extra}")
    for made in tasks.TASKS[name].attempts:
        algorithm = getattr(algorithms, made.agent)
        updates = rl.run(algorithm, made.training_env(), total_steps=1, config=algorithm.Config(**dict(made.changes)))
        updates.close()


def test_rewards_are_scaled_in_training_only():
    made = tasks.TASKS["Pendulum-v1"].attempts[-1]
    paid = []
    for make in (lambda: gym.make(made.make), made.training_env()):
        env = make()
        env.reset(seed=0)
        paid.append(env.step(np.zeros(1, np.float32))[1])
    assert paid[1] == pytest.approx(made.reward_scale * paid[0]) and made.reward_scale < 1


def test_an_extra_is_one_of_the_courses_own_and_its_absence_is_noticed(monkeypatch):
    extras = {task.extra for task in tasks.TASKS.values()} - {""}
    project = tomllib.loads((NOTEBOOKS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert extras == tasks.MODULES.keys() and extras <= project["project"]["optional-dependencies"].keys()
    monkeypatch.setitem(tasks.MODULES, "mujoco", "no_such_module")
    assert not tasks.TASKS["HalfCheetah-v5"].installed() and tasks.TASKS["CartPole-v1"].installed()


def test_tasks_whose_extra_is_missing_are_left_as_they_are(monkeypatch):
    asked = []
    monkeypatch.setattr(store.study, "regenerate", lambda path, measures, names: asked.append(list(names)))
    monkeypatch.setattr(tasks, "MODULES", dict.fromkeys(tasks.MODULES, "no_such_module"))
    store.regenerate()
    assert asked[0] == [name for name, task in tasks.TASKS.items() if not task.extra]


# ---------------------------------------------------------------- what is shown


def test_a_report_says_what_is_stored():
    task, found = tasks.TASKS["Pendulum-v1"], store.stored()["Pendulum-v1"]
    said = store.report("Pendulum-v1")
    for numbers in found["attempts"]:
        assert f"{store.solved(task, numbers)} of 16 seeds solve it" in said
    assert f"Random actions return {found['random']:g}." in said


def test_the_table_has_a_row_per_attempt_and_its_links_lead_somewhere():
    lines = store.table().splitlines()
    assert len(lines) == 2 + sum(len(task.attempts) for task in tasks.TASKS.values())
    assert {line.count("|") for line in lines} == {7}
    assert all((NOTEBOOKS / order.notebook(task.lesson)).exists() for task in tasks.TASKS.values())


@pytest.mark.parametrize("name", [*tasks.TASKS, "overview"])
def test_pictures_can_be_read_and_speak(name, collisions):
    figure = store.overview() if name == "overview" else store.picture(name)
    assert list(collisions(figure)) == []
    assert len(figure.get_label().split()) > 8 and "of 16" in figure.get_label()


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_task_has_a_small_film(name):
    shown = store.show(name)
    assert shown.moving[8:12] == b"WEBP" and shown.strip[:4] == b"\x89PNG" and len(shown.moving) <= MAX_BYTES
    assert shown.said.startswith(tasks.TASKS[name].film) and f"of {store.SEEDS}" in shown.said
    assert "On the left random actions" in shown.said


def test_of_two_films_side_by_side_the_shorter_keeps_its_last_picture():
    short, long = (np.stack([np.full((4, 4, 3), t, np.uint8) for t in times]) for times in ((1, 2), (3, 4, 5)))
    both = store.beside(short, long)
    assert both.shape == (3, 4, 8 + store.GAP, 3)
    assert both[:, 0, 0, 0].tolist() == [1, 2, 2] and both[:, 0, -1, 0].tolist() == [3, 4, 5]


def test_one_task_is_stored_without_touching_the_others(tmp_path, monkeypatch):
    quick = tasks.TASKS["FrozenLake-v1"].attempts[0]._replace(steps=64)
    task = tasks.TASKS["FrozenLake-v1"]._replace(attempts=(quick,))
    monkeypatch.setitem(tasks.TASKS, "FrozenLake-v1", task)
    monkeypatch.setattr(store, "SEEDS", 2)
    for part in ("RESULTS", "FILMS"):
        monkeypatch.setattr(store, part, tmp_path / part)
        (tmp_path / part).write_text('{"CartPole-v1": {"kept": 1}}', encoding="utf-8")
    store.regenerate(["FrozenLake-v1"])
    results, films = (json.loads((tmp_path / part).read_text(encoding="utf-8")) for part in ("RESULTS", "FILMS"))
    assert list(results) == list(films) == ["CartPole-v1", "FrozenLake-v1"] and results["CartPole-v1"] == {"kept": 1}
    assert [len(numbers["scores"]) for numbers in results["FrozenLake-v1"]["attempts"]] == [2]


# ---------------------------------------------------------------- the wrapper


class Counter(gym.Env):
    """Pays 1, 2, 3, ... and ends after five steps."""

    observation_space, action_space = gym.spaces.Box(0, 10, (1,)), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.full(1, self.t, np.float32), self.t, self.t == 5, False, {}


def test_a_held_action_adds_the_rewards_up_and_stops_at_the_end():
    env = HoldAction(Counter(), 3)
    env.reset()
    obs, reward, terminated, truncated, _ = env.step(0)
    assert (obs.item(), reward, terminated, truncated) == (3, 1 + 2 + 3, False, False)
    obs, reward, terminated, truncated, _ = env.step(0)
    assert (obs.item(), reward, terminated, truncated) == (5, 4 + 5, True, False)


@pytest.mark.parametrize("times", [0, 2.5, True])
def test_an_action_is_held_for_a_whole_number_of_steps(times):
    with pytest.raises(ValueError, match="times must be"):
        HoldAction(Counter(), times)


# ---------------------------------------------------------------- the notebooks (run by nbval, as all in notebooks/)


@pytest.mark.parametrize("name", APPENDICES)
def test_an_appendix_is_stored_as_it_ran(name):
    notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in notebook["cells"]:
        assert cell["metadata"]["slideshow"]["slide_type"] in SLIDES
    for cell in code:
        assert len([line for line in cell["source"] if line.strip()]) <= 15
        assert not any(out["output_type"] == "error" or out.get("name") == "stderr" for out in cell["outputs"])
    assert any("training" in cell["metadata"].get("tags", []) for cell in code)


@pytest.mark.parametrize("name", tasks.TASKS)
def test_the_gallery_notebook_shows_every_task_as_it_is_stored(name):
    notebook = json.loads((NOTEBOOKS / "appendix_gallery.ipynb").read_text(encoding="utf-8"))
    printed = "".join("".join(out.get("text", [])) for cell in notebook["cells"] for out in cell.get("outputs", []))
    assert store.report(name) in printed
