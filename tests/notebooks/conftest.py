"""`notebook` in a test's signature: the test runs once for every notebook of the course."""

import json
from pathlib import Path

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def pytest_generate_tests(metafunc):
    if "notebook" in metafunc.fixturenames:
        loaded = [Notebook(path) for path in NOTEBOOKS]
        metafunc.parametrize("notebook", loaded, ids=[path.stem for path in NOTEBOOKS])


class Notebook(dict):
    """A notebook's JSON, and the path it came from."""

    def __init__(self, path, content=None):
        super().__init__(content or json.loads(path.read_text(encoding="utf-8")))
        self.path = path
