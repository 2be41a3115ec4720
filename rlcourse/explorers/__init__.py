"""The explorers of the course, found by name: `explorers.shootout_lab` is the one of lesson 2.

Each lives in a `lesson_NN.py` here; the modules load when the first explorer is asked for.
"""

import functools
import importlib
import pkgutil

from rlcourse.explorers.shell import Explorer


@functools.cache
def all() -> dict[str, Explorer]:
    """Every explorer of every lesson: name -> Explorer, in the order of the lessons.

    Raises:
        ValueError: if two lessons use one name.
    """
    return collect(importlib.import_module(f"{__name__}.{lesson}") for lesson in lessons())


def lessons() -> list[str]:
    """The lesson modules of this package, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("lesson_"))


def collect(modules) -> dict[str, Explorer]:
    """Explorers made in the given modules; one that is only imported there is not counted again."""
    found = {}
    for module in modules:
        for value in vars(module).values():
            if not isinstance(value, Explorer) or value.module != module.__name__:
                continue
            if found.get(value.name, value) is not value:
                raise ValueError(
                    f"explorer names must be unique: {value.name!r} is in {found[value.name].module} "
                    f"and in {value.module}"
                )
            found[value.name] = value
    return found


def __getattr__(name):
    if not name.startswith(("_", "lesson_")) and name not in ("shell", "export"):     # those: import statements
        if name in all():
            return all()[name]
        raise AttributeError(f"no explorer is called {name!r}; there are {', '.join(all()) or 'none yet'}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(["all", *all()])
