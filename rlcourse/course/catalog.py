"""Every explorer of the course, by its name."""

from collections.abc import Iterable
from functools import cache
from types import ModuleType

from rlcourse.course import order
from rlcourse.course.widgets.explorer import Explorer


@cache
def explorers() -> dict[str, Explorer]:
    """Every explorer of every lesson: name -> Explorer, in the order of the lessons.

    Raises:
        ValueError: if two lessons use one name.
    """
    return collect(module for lesson in order.LESSONS for module in order.modules(lesson))


def collect(modules: Iterable[ModuleType]) -> dict[str, Explorer]:
    """Explorers made in the given modules; one that is only imported there is not counted again."""
    found: dict[str, Explorer] = {}
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
